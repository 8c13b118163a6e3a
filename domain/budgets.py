"""How much is done in one tick, an hour and a day: the most urgent first, the rest holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from domain.actions import Decision, Grab, Hold, Reason, Search
from domain.affording import likely_bytes
from domain.case import GB, Case, urgency
from domain.manifest import PolicySpec
from domain.searching import turn
from domain.upgrades import kept_from
from domain.world import Outcome, Spent, World


def within_budget(
    decided: Sequence[Decision], cases: Mapping[str, Case], world: World, policy: PolicySpec
) -> list[Decision]:
    """The most urgent grabs and searches go; the rest hold until there is budget again. What is missing goes before a
    better copy of what is there."""
    grabs = [one for one in decided if isinstance(one, Grab)]
    searches = [one for one in decided if isinstance(one, Search)]
    others = [one for one in decided if not isinstance(one, Grab | Search)]
    return [*others, *_grabbed(grabs, cases, world, policy), *_searched(searches, cases, world, policy)]


def _grabbed(grabs: Sequence[Grab], cases: Mapping[str, Case], world: World, policy: PolicySpec) -> list[Grab | Hold]:
    budgets, spent = policy.budgets, _spent(world, cases)
    left = min(
        budgets.grabs_per_tick - spent.tick, budgets.grabs_per_hour - spent.hour, budgets.grabs_per_day - spent.day
    )
    by_indexer = dict(spent.by_indexer)
    taken: set[str] = set()
    pending = next((case.pending_bytes for case in cases.values()), 0)
    disk = (world.free_bytes or 0) - pending - budgets.free_disk_gb * GB
    kept: list[Grab | Hold] = []
    for grab in sorted(grabs, key=lambda one: (cases[one.want].settled, urgency(cases[one.want]))):
        case, release = cases[grab.want], grab.release
        size = likely_bytes(release, case.want)
        of_indexer = by_indexer.get(release.indexer, 0)
        if release.id in taken:
            reason = Reason("ServesAnother", "the same release is being grabbed for another want")
            kept.append(kept_from(case, reason))
        elif left <= 0 or of_indexer >= budgets.grabs_per_day_and_indexer:
            kept.append(kept_from(case, Reason("BudgetSpent", _budget_left(policy, spent))))
        elif size > disk:
            kept.append(kept_from(case, Reason("DiskFull", "the grabs before it take the free space")))
        else:
            left, disk = left - 1, disk - size
            by_indexer[release.indexer] = of_indexer + 1
            taken.add(release.id)
            kept.append(grab)
    return kept


def _searched(
    searches: Sequence[Search], cases: Mapping[str, Case], world: World, policy: PolicySpec
) -> list[Search | Hold]:
    def order(search: Search) -> tuple[object, ...]:
        case = cases[search.want]
        return case.settled, turn(case.want, world.searches.get(search.want)), urgency(case)

    each = policy.budgets.searches_per_tick
    waits = Reason("SearchQueued", f"{each} searches a tick; its turn comes at the next one")
    left = max(0, each - world.spent.searches)
    ordered = sorted(searches, key=order)
    return [*ordered[:left], *(kept_from(cases[one.want], waits) for one in ordered[left:])]


def _spent(world: World, cases: Mapping[str, Case]) -> Spent:
    """What was spent, where a pack counts as one grab for however many wants it was claimed."""
    now = next((case.now for case in cases.values()), None)
    if now is None:
        return world.spent
    return msgspec.structs.replace(
        world.spent,
        hour=max(0, world.spent.hour - _claimed_beside(world, now - timedelta(hours=1))),
        day=max(0, world.spent.day - _claimed_beside(world, now - timedelta(days=1))),
    )


def _claimed_beside(world: World, since: datetime) -> int:
    """Grabs since then that were claimed for other wants in the act that claimed their release first."""
    wants: dict[tuple[str, int], set[str]] = defaultdict(set)
    for claim in world.claims:
        if claim.action == "grab" and claim.claimed_at >= since and claim.outcome is not Outcome.UNSENT:
            wants[claim.release, claim.epoch].add(claim.want)
    return sum(len(each) - 1 for each in wants.values())


def _budget_left(policy: PolicySpec, spent: Spent) -> str:
    budgets = policy.budgets
    return (
        f"grabs: {spent.hour} of {budgets.grabs_per_hour} this hour, {spent.day} of {budgets.grabs_per_day} today, "
        f"at most {budgets.grabs_per_tick} a tick and {budgets.grabs_per_day_and_indexer} a day per indexer"
    )
