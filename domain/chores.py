"""Work that belongs to no single want: one scan for all that was published, one look at what is new at each indexer,
and letting go of what owes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from domain.actions import Chore, Decision, Hold, LetGo, Newest, Reason, Remove, Scan
from domain.brakes import Brake, Work, blocking, on_hold
from domain.case import FOUND, FOUND_TAG, LIVE, TAG_PREFIX
from domain.desired import Desired
from domain.digests import digest_of
from domain.duties import Duty, duty_of
from domain.manifest import PolicySpec
from domain.searching import LOOKED_FOR
from domain.world import Claim, Outcome, Torrent, World


def duties_of(
    torrents: Iterable[Torrent], claims: Iterable[Claim], policy: PolicySpec, now: datetime
) -> tuple[Duty, ...]:
    """What is owed for each torrent that the ledger or its tag says is ours."""
    grabs = _grabs_by_id(claims)
    found = []
    for torrent in sorted(torrents, key=lambda torrent: torrent.id):
        asked_for = _grabs_of(torrent, grabs)
        if asked_for or _our_tags(torrent):
            found.append(duty_of(torrent, asked_for, policy.duties, now))
    return tuple(found)


def _grabs_by_id(claims: Iterable[Claim]) -> Mapping[str, Sequence[Claim]]:
    grabs: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.action == "grab":
            for one in claim.ids:
                grabs[one].append(claim)
    return grabs


def _grabs_of(torrent: Torrent, grabs: Mapping[str, Sequence[Claim]]) -> tuple[Claim, ...]:
    found = {claim.id: claim for one in torrent.ids for claim in grabs.get(one, ())}
    return tuple(found[key] for key in sorted(found))


def _our_tags(torrent: Torrent) -> tuple[str, ...]:
    return tuple(sorted(tag for tag in torrent.tags if tag.startswith(TAG_PREFIX) or tag == FOUND_TAG))


def chores_of(
    decided: Sequence[Decision],
    duties: Sequence[Duty],
    torrents: Sequence[Torrent],
    desired: Desired,
    world: World,
    held: Sequence[Brake],
    now: datetime,
) -> tuple[tuple[Chore, ...], tuple[str, ...], tuple[Brake, ...]]:
    """The chores, the removals that this reading alone would justify, and the brake where the removal cap trips."""
    resting = {key for key, backoff in world.backoffs.items() if backoff.not_before > now}
    chores: list[Chore] = [*_scans(decided, held, resting)]
    if not blocking(held, Work.SEARCH):
        chores += _newest(decided, desired.policy, world, resting, now)
    owes_nothing = {duty.torrent for duty in duties if duty.fulfilled}
    ready = sorted((one for one in torrents if one.id in owes_nothing), key=lambda torrent: torrent.id)
    removals, others = _parted(ready, decided, world, remove=desired.policy.duties.after == "remove")
    findings = tuple(f"remove/{torrent.id}" for torrent in removals)
    if blocking(held, Work.REMOVE):
        return tuple(chores), findings, ()
    chores += [
        LetGo(torrent.id, tags, Reason("OwesNothing", f"{torrent.name} owes nothing any more"))
        for torrent in others
        if f"letgo/{torrent.id}" not in resting and (tags := _our_tags(torrent))
    ]
    removals = [torrent for torrent in removals if f"remove/{torrent.id}" not in resting]
    removed, capped = _removals(removals, desired.policy, world)
    return (*chores, *removed), findings, capped


def _scans(decided: Iterable[Decision], held: Sequence[Brake], resting: Collection[str]) -> Iterator[Scan]:
    """One scan for everything that was published and is not listed; what a scan did not bring up waits longer."""
    holds = (one for one in decided if isinstance(one, Hold) and one.because.code == "AwaitingScan")
    awaited = tuple(sorted(one.want for one in holds if f"scan/{one.want}" not in resting))
    if awaited and "scan" not in resting and not blocking(held, Work.PUBLISH, ours=True):
        yield Scan(awaited, Reason("Published", f"{len(awaited)} published and not listed yet"))


def _newest(
    decided: Iterable[Decision], policy: PolicySpec, world: World, resting: Collection[str], now: datetime
) -> Iterator[Newest]:
    """One question to each indexer for all wants that wait. One that was searched for just now has heard it all."""
    lately = now - timedelta(minutes=policy.retries.newest_minutes)
    holds = (one.want for one in decided if isinstance(one, Hold) and one.because.code in LOOKED_FOR)
    waiting = sum(1 for want in holds if want in world.searches and world.searches[want].at <= lately)
    held = on_hold(world, now)
    for name in world.indexers if waiting else ():
        if f"indexer/{name}" not in held and not {f"indexer/{name}", f"newest/{name}"} & set(resting):
            yield Newest(name, Reason("NewestDue", f"wanted books that wait to be offered: {waiting}"))


DONE_WITH = frozenset({"InLibrary", "Skipped"})
"""Holds in which a want needs nothing more of its torrent. One that left the library does: it may be the last copy."""


def _parted(
    ready: Iterable[Torrent], decided: Iterable[Decision], world: World, *, remove: bool
) -> tuple[list[Torrent], list[Torrent]]:
    """Of the torrents that no want needs any more: those to remove, and those that only lose our tag.

    Removed is only what ledger and tag say we added, and only for books that the library holds. Leaving the YAML, or
    `skip`, makes an orphan of a torrent: it is let go and stays where it is (DOCTRINE D11).
    """
    code_of = {one.want: one.because.code if isinstance(one, Hold) else "" for one in decided}
    grabs = _grabs_by_id(world.claims)
    removals: list[Torrent] = []
    others: list[Torrent] = []
    for torrent in ready:
        asked_for = _grabs_of(torrent, grabs)
        wants = {claim.want for claim in asked_for}
        wants |= {tag.removeprefix(TAG_PREFIX) for tag in torrent.tags if tag.startswith(TAG_PREFIX)}
        if not wants or any(code_of[want] not in DONE_WITH for want in wants if want in code_of):
            continue
        if any(_is_to_replace(grab, world.claims) for grab in asked_for):
            continue
        held_by_library = all(code_of.get(want) == "InLibrary" for want in wants)
        goes = remove and held_by_library and _added_by_us(torrent, asked_for)
        (removals if goes else others).append(torrent)
    return removals, others


def _is_to_replace(grab: Claim, claims: Iterable[Claim]) -> bool:
    """Whether it brings a better copy that is not in its place yet: the book is in the library all the while."""
    if grab.path is None or grab.outcome not in LIVE:
        return False
    ended = (Outcome.CONFIRMED, Outcome.REFUSED)
    mine = (one for one in claims if (one.action, one.want) == ("publish", grab.want) and one.outcome in ended)
    return not any(one.ids & grab.ids or one.release in grab.ids for one in mine)


def _added_by_us(torrent: Torrent, asked_for: Collection[Claim]) -> bool:
    tagged = any(tag.startswith(TAG_PREFIX) for tag in torrent.tags) and FOUND_TAG not in torrent.tags
    return tagged and bool(asked_for) and not any(claim.detail == FOUND for claim in asked_for)


def _removals(ready: Sequence[Torrent], policy: PolicySpec, world: World) -> tuple[list[Remove], tuple[Brake, ...]]:
    """Only what two successive good readings found, and never more than the cap: then none at all (DOCTRINE D3)."""
    seen = [torrent for torrent in ready if world.findings.get(f"remove/{torrent.id}", 0) >= 1]
    digest = digest_of("removals", [torrent.id for torrent in seen])
    cap = policy.brakes.removals_per_plan
    if len(seen) > cap and digest not in world.approved:
        message = f"{len(seen)} removals in a plan, the cap is {cap}: none is made; say `bibliostat approve {digest}`"
        reason = Reason("RemovalsCapped", message)
        return [], (Brake(name="removal cap", blocks=frozenset({Work.REMOVE}), reason=reason, approve=digest),)
    reason = Reason("OwesNothing", "owes nothing any more and the policy removes such torrents")
    return [Remove(torrent.id, f"remove/{torrent.id}", reason) for torrent in seen], ()
