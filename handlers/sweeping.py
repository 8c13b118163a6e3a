"""How long it takes to ask the indexers for everything that is missing, as things stand."""

from __future__ import annotations

from collections.abc import Collection

from adapters.indexers.rationed import Rationed
from domain.searching import LOOKED_FOR
from domain.sweep import Sweep, sweep
from domain.world import Condition
from reconcile.observe import read_desired
from reconcile.ports import Outside


async def sweep_of(outside: Outside, conditions: Collection[Condition]) -> Sweep:
    """Over the wants that wait to be offered, as the last tick saw it. Asks nobody outside."""
    waiting = {one.subject for one in conditions if one.type == "Ready" and one.reason in LOOKED_FOR}
    desired = await read_desired(outside, remember=False)
    return sweep(
        [want for want in desired.wants if want.key in waiting],
        {one.name: one.limits for one in outside.indexers if isinstance(one, Rationed)},
        searches_per_tick=desired.policy.budgets.searches_per_tick,
        tick_s=desired.policy.tick_s,
    )


def sweep_json(found: Sweep) -> dict[str, object]:
    """For programs: spans in seconds, null where it never ends."""
    spans = {"takes": found.takes, **found.by_indexer}
    seconds = {name: None if span is None else round(span.total_seconds()) for name, span in spans.items()}
    return {
        "wants": found.wants,
        "questions": found.questions,
        "seconds": seconds.pop("takes"),
        "seconds_by_indexer": seconds,
        "held_up_by": found.held_up_by,
    }
