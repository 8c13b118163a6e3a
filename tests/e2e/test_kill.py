"""kill -9 at every point between planning a book and having it: nothing twice, nothing lost, nothing by halves."""

from __future__ import annotations

import dying
from conftest import FreshStore
from small_world import ROAD, Addresses, Clock, SmallWorld, in_place, reach, settle

LEASE_IS_OVER_S = 3600.0


async def test_kill_minus_9_after_any_change_does_no_harm(world: SmallWorld, fresh_store: FreshStore) -> None:
    world.declare(ROAD)

    deaths = await die_ever_later(world, fresh_store, dying.after_a_call)

    print(deaths)
    assert deaths > 40


async def die_ever_later(world: SmallWorld, fresh_store: FreshStore, how: dying.Dying) -> int:
    """Let a process die after its first change, in a fresh world after its second, and so on until one survives."""
    deaths = 0
    while True:
        at = world.addresses(fresh_store())
        died = dying.run_until_death(at, how, deaths + 1)
        nothing_is_half_there(world)
        await others_go_on(at)
        in_place(world, ROAD)
        if not died:
            return deaths
        deaths += 1
        world.reset()


def nothing_is_half_there(world: SmallWorld) -> None:
    """What the library server can see is the whole book or no trace of it."""
    shelves = world.shelves()
    there = [folder for folder in shelves if ROAD.title in folder]
    assert there in ([], [ROAD.folder])
    assert all(shelves[folder] == world.content.files(ROAD) for folder in there)
    assert set(world.items()) <= set(shelves)
    assert world.adds <= 1


async def others_go_on(at: Addresses) -> None:
    """A new process, once the lease of the dead one has run out."""
    async with reach(at, Clock(LEASE_IS_OVER_S)) as outside:
        report = await settle(outside)
        assert report.plan is not None
        assert {one.because.code for one in report.plan.decisions} == {"InLibrary"}
        conditions = await outside.store.conditions(ROAD.key)
        assert {one.type: one.status for one in conditions}["InLibrary"] == "True"
