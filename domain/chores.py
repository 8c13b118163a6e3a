"""Work that belongs to no single want: one scan for all that was published, and letting go of what owes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from domain.actions import Chore, Decision, Hold, LetGo, Reason, Remove, Scan
from domain.brakes import Brake, Work, blocking, digest_of
from domain.case import FOUND, TAG_PREFIX
from domain.desired import Desired
from domain.duties import Duty, duty_of
from domain.manifest import PolicySpec
from domain.world import Claim, Torrent, World


def duties_of(
    torrents: Iterable[Torrent], claims: Iterable[Claim], policy: PolicySpec, now: datetime
) -> tuple[Duty, ...]:
    by_id = {one: claim for claim in claims if claim.action == "grab" for one in claim.ids}
    found = []
    for torrent in sorted(torrents, key=lambda torrent: torrent.id):
        claim = next((by_id[one] for one in sorted(torrent.ids) if one in by_id), None)
        if claim is not None or _our_tags(torrent):
            found.append(duty_of(torrent, claim, policy.duties, now))
    return tuple(found)


def _our_tags(torrent: Torrent) -> tuple[str, ...]:
    return tuple(sorted(tag for tag in torrent.tags if tag.startswith(TAG_PREFIX)))


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
    chores: list[Chore] = []
    capped: tuple[Brake, ...] = ()
    awaited = tuple(sorted(one.want for one in decided if isinstance(one, Hold) and one.because.code == "AwaitingScan"))
    rest = world.backoffs.get("scan")
    if awaited and not blocking(held, Work.PUBLISH, ours=True) and not (rest and rest.not_before > now):
        chores.append(Scan(awaited, Reason("Published", f"{len(awaited)} published and not listed yet")))
    done = _finished(decided, world)
    by_id = {torrent.id: torrent for torrent in torrents}
    ready = [by_id[duty.torrent] for duty in duties if duty.fulfilled and done(by_id[duty.torrent])]
    found = {one for claim in world.claims if claim.detail == FOUND for one in claim.ids}
    removals = [one for one in ready if desired.policy.duties.after == "remove" and not one.ids & found]
    findings = tuple(sorted(f"remove/{torrent.id}" for torrent in removals))
    if not blocking(held, Work.REMOVE):
        if desired.policy.duties.after == "remove":
            removed, capped = _removals(removals, desired.policy, world)
            chores += removed
        else:
            chores += [
                LetGo(torrent.id, tags, Reason("OwesNothing", f"{torrent.name} owes nothing any more"))
                for torrent in ready
                if (tags := _our_tags(torrent))
            ]
    return tuple(chores), findings, capped


def _finished(decided: Iterable[Decision], world: World) -> Callable[[Torrent], bool]:
    """Whether every want that a torrent was made for is done with it: published and confirmed, or given up.

    A want that left the YAML is orphaned: its torrent is ours by ledger and tag, and is let go when nothing is owed.
    """
    busy: set[str] = {one.want for one in decided if not (isinstance(one, Hold) and one.because.code in DONE_WITH)}
    serving: dict[str, set[str]] = defaultdict(set)
    for claim in world.claims:
        if claim.action == "grab":
            for one in claim.ids:
                serving[one].add(claim.want)

    def finished(torrent: Torrent) -> bool:
        served = {want for one in torrent.ids for want in serving.get(one, ())}
        served |= {tag.removeprefix(TAG_PREFIX) for tag in _our_tags(torrent)}
        return bool(served) and not served & busy

    return finished


DONE_WITH = frozenset({"InLibrary", "LeftLibrary", "Skipped"})
"""Holds in which a want needs nothing more of its torrent."""


def _removals(ready: Sequence[Torrent], policy: PolicySpec, world: World) -> tuple[list[Chore], tuple[Brake, ...]]:
    """Only what two successive good readings found, and never more than the cap: then none at all (DOCTRINE D3)."""
    seen = [torrent for torrent in ready if world.findings.get(f"remove/{torrent.id}", 0) >= 1]
    digest = digest_of("removals", sorted(torrent.id for torrent in seen))
    cap = policy.brakes.removals_per_plan
    if len(seen) > cap and digest not in world.approved:
        message = f"{len(seen)} removals in a plan, the cap is {cap}: none is made; say `bibliostat approve {digest}`"
        reason = Reason("RemovalsCapped", message)
        return [], (Brake(name="removal cap", blocks=frozenset({Work.REMOVE}), reason=reason, approve=digest),)
    reason = Reason("OwesNothing", "owes nothing any more and the policy removes such torrents")
    return [Remove(torrent.id, f"remove/{torrent.id}", reason) for torrent in seen], ()
