"""One tick: read the desired, observe the actual, plan, act, and look again while something changed.

The same function runs from `bibliostat tick`, from `bibliostat run`, and from a queue's worker. A lease in the store
keeps ticks from overlapping wherever they run; the ledger makes an overlap harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import structlog

from domain.actions import (
    Adopt,
    Chore,
    Confirm,
    Decision,
    Enrich,
    Grab,
    Hold,
    LetGo,
    Newest,
    Publish,
    Remove,
    Revive,
    Scan,
    Search,
    Settle,
)
from domain.brakes import FIRST_RUN, Work, blocking
from domain.case import Judged
from domain.conditions import SERVICE, conditions_of
from domain.digests import digest_of
from domain.errors import Conflict, Failure
from domain.missing import missing_books
from domain.plan import Plan, plan
from domain.world import Condition, Known, Run, Spent, World
from reconcile.accounts import refresh_accounts
from reconcile.acting import Acting, Round, stored
from reconcile.downloads import forgive_tries
from reconcile.grabs import adopt, grab, revive, settle
from reconcile.letting_go import let_go, remove
from reconcile.newest import newest
from reconcile.observe import good_baseline, observe, read_desired
from reconcile.ports import Outside
from reconcile.publishing import confirm, enrich, publish, scan
from reconcile.searches import forget_refusals, search

log = structlog.get_logger()

LEASE = "tick"
LEASE_S = 300.0
"""How long a process that died keeps the others waiting; renewed while one is alive."""
MOST_ROUNDS = 30
"""A tick that has not settled after so many rounds goes on at the next one, so that no mistake spins for ever."""

Mode = Literal["observe", "plan", "apply"]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one tick did."""

    run: Run
    plan: Plan | None
    """The last plan made: what is left to do and why. None when another process held the lease."""
    world: World | None
    wake_at: datetime
    bootstrapped: bool = True
    """Whether a first run may act: the policy says so, a person approved, or it is not the first."""


async def tick(outside: Outside, *, mode: Mode = "apply", approved: str | None = None) -> Report:
    """Reconcile once. `approved` is the digest of a plan that a person applies: carried out once, or refused.

    Raises `Conflict` (code `StalePlan`) when the world moved on since that plan, and `Conflict` (code `LeaseMoved`)
    when another process took over in the middle.
    """
    holder = f"{socket.gethostname()}/{uuid.uuid4()}"
    started = outside.clock.now()
    epoch = await outside.store.acquire_lease(LEASE, holder, now=started, ttl_s=LEASE_S)
    if epoch is None:
        busy = Run(mode=mode, started_at=started, ended_at=started, outcome="busy")
        return Report(run=busy, plan=None, world=None, wake_at=started + timedelta(seconds=5))
    structlog.contextvars.bind_contextvars(tick=epoch)
    before = await outside.store.runs(limit=1)
    run = await outside.store.start_run(Run(mode=mode, started_at=started))
    acting = Acting(outside, epoch)
    outcome = "failed"
    last: Round | None = None
    heartbeat = asyncio.create_task(_keep_lease(outside, holder, epoch))
    try:
        last = await _rounds(acting, holder, mode, approved)
        outcome = _outcome(last.plan, acting)
        if mode == "apply" and before and before[0].started_at.date() < started.date():
            await _tidy(last)
        return Report(
            run=_ended(run, acting, outcome, last),
            plan=last.plan,
            world=last.world,
            wake_at=await _wake_at(last),
            bootstrapped=last.desired.policy.bootstrap == "apply" or FIRST_RUN in await outside.store.approved(),
        )
    except Conflict as conflict:
        outcome = "stale" if conflict.code == "StalePlan" else "overtaken"
        raise
    finally:
        heartbeat.cancel()
        try:
            await outside.store.finish_run(_ended(run, acting, outcome, last))
        finally:
            await outside.store.release_lease(LEASE, holder, epoch)
            structlog.contextvars.unbind_contextvars("tick")


async def _tidy(round_: Round) -> None:
    """The first tick of a day forgets what the policy no longer wants kept."""
    kept = round_.desired.policy.retention
    counts = await round_.outside.store.prune(
        round_.outside.clock.now(), history_days=kept.history_days, verdict_days=kept.verdict_days
    )
    if sum(counts.values()):
        log.info("pruned", **counts)


async def _keep_lease(outside: Outside, holder: str, epoch: int) -> None:
    """Renew while an act takes long, such as a scan of a large library. A lease that was lost shows at the next act."""
    while True:
        await asyncio.sleep(LEASE_S / 5)
        with contextlib.suppress(Failure):
            await outside.store.renew_lease(LEASE, holder, epoch, now=outside.clock.now(), ttl_s=LEASE_S)


async def _rounds(acting: Acting, holder: str, mode: Mode, approved: str | None) -> Round:
    """Plan and act until nothing changes any more."""
    outside = acting.outside
    asked = await outside.store.requests()
    if mode == "apply":
        await forget_refusals(outside)
    for number in range(MOST_ROUNDS):
        now = outside.clock.now()
        await outside.store.renew_lease(LEASE, holder, acting.epoch, now=now, ttl_s=LEASE_S)
        desired = await read_desired(outside, remember=mode == "apply")
        spent = Spent(tick=acting.counts["grab"], searches=acting.counts["search"])
        world = await observe(outside, desired.policy, spent=spent)
        if mode == "apply":
            await forgive_tries(outside, desired, world)
        if approved is not None or mode == "plan":
            # A plan shows what would be done once a person lets the first run act.
            world = msgspec.structs.replace(world, approved=world.approved | {FIRST_RUN})
        now = outside.clock.now()
        round_ = Round(acting, desired, world, plan(desired, world, now))
        if (read := await refresh_accounts(round_)) is not world:
            round_ = Round(acting, desired, read, plan(desired, read, now))
        if approved is not None and round_.plan.digest != approved:
            raise Conflict("the plan is stale: the world moved on since it was made; make a new one", code="StalePlan")
        await _write_status(round_, now, first=number == 0, applying=mode == "apply")
        outside.tell.planned(round_.plan)
        if mode != "apply":
            break
        if approved is not None:
            await outside.store.approve(FIRST_RUN, who="apply", at=now)
        changed = await _carry_out(round_, holder)
        if approved is not None or not changed:
            break
    if mode == "apply":
        await outside.store.handled(_answered(asked, round_.plan))
    return round_


def _answered(asked: Mapping[str, datetime], plan_: Plan) -> Mapping[str, datetime]:
    """Requests that need no further tick: none while a brake holds, and not those whose search waits for its turn."""
    if blocking(plan_.brakes, Work.SEARCH):
        return {}
    waiting = {one.want for one in plan_.decisions if one.because.code == "SearchQueued"}
    return {target: at for target, at in asked.items() if target not in waiting and not (target == "*" and waiting)}


async def _carry_out(round_: Round, holder: str) -> bool:
    """Every act in its order. One bad want never stops the others; a lost lease stops everything."""
    changed = False
    outside = round_.outside
    for act in round_.plan.acts:
        await outside.store.renew_lease(LEASE, holder, round_.acting.epoch, now=outside.clock.now(), ttl_s=LEASE_S)
        if isinstance(act, Grab | Remove) and _stale(round_):
            return True  # what came before took long: look again before anything that cannot be undone
        name = type(act).__name__.lower()
        try:
            done = await _act(round_, act)
        except Conflict as conflict:
            if conflict.code == "LeaseMoved":
                raise
            await round_.failed(f"{name}/{_who(act)}", _who(act), conflict, system=name)
            continue
        except Failure as failure:
            await round_.failed(f"{name}/{_who(act)}", _who(act), failure, system=SYSTEM.get(type(act), name))
            continue
        except Exception:
            # A bug in one act: say it once with its traceback, leave that key alone for a while, go on with the others.
            log.exception("act_failed", act=name, key=_who(act))
            bug = Failure(f"{name} failed on an unexpected error; the log has the traceback", code="Bug")
            await round_.failed(f"{name}/{_who(act)}", _who(act), bug, system=name)
            continue
        if done:
            round_.acting.counts[name] += 1
            log.info("acted", act=name, key=_who(act), reason=act.because.code)
        changed = changed or done
    return changed


def _stale(round_: Round) -> bool:
    age = round_.outside.clock.now() - round_.plan.at
    return age > timedelta(seconds=round_.desired.policy.brakes.freshness_s)


SYSTEM: dict[type, str] = {
    Grab: "client",
    Revive: "client",
    LetGo: "client",
    Remove: "client",
    Publish: "shelf",
    Scan: "library",
    Enrich: "library",
}


def _who(act: Decision | Chore) -> str:
    match act:
        case Scan():
            return "library"
        case LetGo() | Remove():
            return act.torrent
        case _:
            return act.want


async def _act(round_: Round, act: Decision | Chore) -> bool:
    """Dispatch; whether something changed that is worth another look. A system whose circuit is open waits."""
    outside = round_.outside
    client, library, shelf = outside.client, outside.library, outside.shelf
    if (system := SYSTEM.get(type(act))) and round_.circuit_open(system):
        return False
    if isinstance(act, Grab) and round_.circuit_open(act.release.indexer):
        return False
    match act:
        case Hold():
            return False
        case Settle():
            return await settle(round_, act)
        case Adopt():
            return await adopt(round_, act)
        case Confirm():
            return await confirm(round_, act)
        case Search():
            return await search(round_, act)
        case Newest():
            return await newest(round_, act)
    if client is None or library is None or shelf is None:
        raise Failure(f"{type(act).__name__} was planned without what it needs", code="Bug")
    match act:
        case Grab():
            return await grab(round_, act, client)
        case Revive():
            return await revive(round_, act, client)
        case Publish():
            return await publish(round_, act, client, shelf)
        case Enrich():
            return await enrich(round_, act, library)
        case Scan():
            return await scan(round_, act, library)
        case LetGo():
            return await let_go(round_, act, client)
        case Remove():
            return await remove(round_, act, client)


async def _write_status(round_: Round, now: datetime, *, first: bool, applying: bool) -> None:
    """Conditions, verdicts, one event per transition, and the counts that a later reading is compared with."""
    store, plan_ = round_.outside.store, round_.plan
    known = {(one.subject, one.type) for one in await store.conditions(SERVICE)}
    moved = await store.save_conditions(conditions_of(plan_, round_.world, now))
    # Several conditions may flip for one cause: that is one event.
    told = [(one.subject, one.reason, one.message) for one in moved if _worth_an_event(one, known)]
    for subject, reason, message in dict.fromkeys(told):
        await round_.acting.event(subject, reason, message)
    await _write_verdicts(round_)
    if first:
        await _forget_departed(round_)
    # Only a tick that may act counts as a look: printing a plan twice must not make a removal of it.
    if first and applying:
        await _count_findings(round_)
    if first and applying and _knows_gaps(round_):
        assert round_.outside.catalogue is not None
        await round_.outside.catalogue.save_missing(missing_books(plan_), now)
    suspicious = any(brake.name in ("library emptied", "client emptied", "first run") for brake in plan_.brakes)
    if applying and not suspicious:
        counts = good_baseline(round_.desired, round_.world)
        if counts != round_.world.baseline:
            await store.save_baseline(counts)


def _knows_gaps(round_: Round) -> bool:
    """Whether this round can tell what is missing: a library that was not read lacks nothing that we know of."""
    return round_.outside.catalogue is not None and isinstance(round_.world.library, Known)


async def _forget_departed(round_: Round) -> None:
    """A want that left the declarations has no status any more; its key is kept, should it come back."""
    store = round_.outside.store
    if departed := set((await store.want_keys()).values()) - round_.wants.keys():
        await store.drop_conditions(departed)


def _worth_an_event(condition: Condition, known: Collection[tuple[str, str]]) -> bool:
    """Brakes and unread sources, each way, but not that all is well at the first look; and a want that begins to need
    a person. Indexers tell of their failures themselves."""
    if condition.subject == SERVICE:
        return (condition.subject, condition.type) in known or condition.reason not in ALL_IS_WELL
    return condition.type == "Stalled" and condition.status == "True"


ALL_IS_WELL = frozenset({"Read", "NoBrake", "NoFault"})


async def _write_verdicts(round_: Round) -> None:
    """What the rules said about each offer, dated by the search that brought it; written when an answer changed."""
    store, searches = round_.outside.store, round_.world.searches
    by_want: dict[str, list[Judged]] = defaultdict(list)
    for judged in round_.plan.judged:
        by_want[judged.want].append(judged)
    for want, offers in by_want.items():
        searched = searches[want]
        digest = digest_of(searched.at, [(one.release.id, one.verdicts) for one in offers])
        if digest != searched.judged:
            rows = [stored(want, one.release, verdict, searched.at) for one in offers for verdict in one.verdicts]
            await store.save_verdicts(rows)
            await store.save_search(msgspec.structs.replace(searched, judged=digest))


async def _count_findings(round_: Round) -> None:
    """How many successive good readings would remove what: a reading with a brake on it counts for nothing."""
    if any(brake.name.startswith("unread") or brake.name.endswith("emptied") for brake in round_.plan.brakes):
        return
    before = round_.world.findings
    findings = {finding: before.get(finding, 0) + 1 for finding in round_.plan.findings}
    if findings != dict(before):
        await round_.outside.store.save_findings(findings)


def _outcome(plan_: Plan, acting: Acting) -> str:
    if plan_.brakes:
        return "braked"
    if acting.errors:
        return "failed"
    return "changed" if sum(acting.counts.values()) else "settled"


def _ended(run: Run, acting: Acting, outcome: str, last: Round | None) -> Run:
    return msgspec.structs.replace(
        run,
        ended_at=acting.outside.clock.now(),
        outcome=outcome,
        counts=dict(acting.counts),
        errors=tuple(acting.errors[:50]),
        plan=last.plan.digest if last else "",
    )


async def _wake_at(round_: Round) -> datetime:
    """The tick interval, or the earliest moment a back-off ends, whichever comes first."""
    now = round_.outside.clock.now()
    ends = [one.not_before for one in (await round_.outside.store.backoffs()).values() if one.not_before > now]
    return min([now + timedelta(seconds=round_.desired.policy.tick_s), *ends])
