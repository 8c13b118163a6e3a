"""Downloads that went on by themselves: what was tried for them is forgotten."""

from __future__ import annotations

from domain.desired import Desired
from domain.downloading import recovered
from domain.world import Known, World
from reconcile.ports import Outside


async def forgive_tries(outside: Outside, desired: Desired, world: World) -> None:
    """Clear the tries of every download that is well again, so that a later trouble begins at the first one."""
    if not isinstance(world.downloads, Known):
        return
    retries, now = desired.policy.retries, outside.clock.now()
    for key in recovered(world.downloads.value, world.backoffs, retries, now):
        await outside.store.clear_backoff(key)
