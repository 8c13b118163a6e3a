"""How much is done in one tick, an hour and a day: the most urgent first, the rest holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.actions import Decision, Grab, Hold, Reason, Search
from domain.affording import likely_bytes
from domain.case import GB, Case
from domain.manifest import PolicySpec
from domain.wants import Want
from domain.world import World


def within_budget(
    decided: Sequence[Decision], cases: Mapping[str, Case], world: World, policy: PolicySpec
) -> list[Decision]:
    """The most urgent grabs and searches go; the rest hold until there is budget again."""
    urgent = sorted(decided, key=lambda one: (-cases[one.want].want.priority, place(cases[one.want].want), one.want))
    budgets, spent = policy.budgets, world.spent
    left = min(
        budgets.grabs_per_tick - spent.tick, budgets.grabs_per_hour - spent.hour, budgets.grabs_per_day - spent.day
    )
    by_indexer = dict(spent.by_indexer)
    searches = budgets.searches_per_tick - spent.searches
    taken: set[str] = set()
    pending = next((case.pending_bytes for case in cases.values()), 0)
    disk = (world.free_bytes or 0) - pending - budgets.free_disk_gb * GB
    kept: list[Decision] = []
    for decision in urgent:
        if isinstance(decision, Grab):
            release = decision.release
            size = likely_bytes(release, cases[decision.want].want)
            of_indexer = by_indexer.get(release.indexer, 0)
            if release.id in taken:
                kept.append(
                    Hold(decision.want, Reason("ServesAnother", "the same release is being grabbed for another want"))
                )
            elif left <= 0 or of_indexer >= budgets.grabs_per_day_and_indexer:
                kept.append(Hold(decision.want, Reason("BudgetSpent", _budget_left(policy, world))))
            elif size > disk:
                kept.append(Hold(decision.want, Reason("DiskFull", "the grabs before it take the free space")))
            else:
                left, disk = left - 1, disk - size
                by_indexer[release.indexer] = of_indexer + 1
                taken.add(release.id)
                kept.append(decision)
        elif isinstance(decision, Search):
            searches -= 1
            waits = Reason(
                "SearchQueued", f"{budgets.searches_per_tick} searches a tick; its turn comes at the next one"
            )
            kept.append(decision if searches >= 0 else Hold(decision.want, waits))
        else:
            kept.append(decision)
    return kept


def _budget_left(policy: PolicySpec, world: World) -> str:
    budgets, spent = policy.budgets, world.spent
    return (
        f"grabs: {spent.hour} of {budgets.grabs_per_hour} this hour, {spent.day} of {budgets.grabs_per_day} today, "
        f"at most {budgets.grabs_per_tick} a tick and {budgets.grabs_per_day_and_indexer} a day per indexer"
    )


def place(want: Want) -> tuple[int, str, float]:
    return want.turn, want.series or "", float(want.position.low) if want.position else 0.0
