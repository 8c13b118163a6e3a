"""kill -9 at every point between planning a book and having it: nothing twice, nothing lost, nothing by halves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from conftest import FreshStore
from dying import WAYS
from small_world import ROAD, Addresses, Clock, Content, SmallWorld, in_place, reach, settle

LEASE_IS_OVER_S = 3600.0
"""The dead process moved its own clock on, and its lease holds for five minutes after that."""
LANES = 4
"""Worlds side by side: most of the time somebody waits for a download."""


async def test_kill_minus_9_at_any_point_does_no_harm(tmp_path: Path, content: Content, sqlite: FreshStore) -> None:
    deaths = await _die_everywhere(
        tmp_path, content, sqlite, "after a call", "within a file change", "before an answer"
    )

    assert deaths["after a call"] > 60
    assert deaths["within a file change"] >= 5
    assert deaths["before an answer"] >= 3


async def test_kill_minus_9_after_any_act_does_no_harm_on_postgresql(
    tmp_path: Path, content: Content, postgresql: FreshStore
) -> None:
    """What lies between the transactions of the store is the same on both; here they are PostgreSQL's."""
    deaths = await _die_everywhere(tmp_path, content, postgresql, "after an act")

    assert deaths["after an act"] > 20


async def _die_everywhere(folder: Path, content: Content, fresh_store: FreshStore, *ways: str) -> Counter[str]:
    """How often a process died on each of the ways."""
    deaths: Counter[str] = Counter()
    with ExitStack() as stack:
        worlds = [stack.enter_context(SmallWorld(folder / f"{lane}", content)) for lane in range(LANES)]
        for way in ways:
            numbers, survived = count(1), asyncio.Event()
            lanes = (_die_ever_later(each, fresh_store, way, numbers, survived) for each in enumerate(worlds))
            deaths[way] = sum(await asyncio.gather(*lanes))
    return deaths


async def _die_ever_later(
    lane: tuple[int, SmallWorld],
    fresh_store: FreshStore,
    way: str,
    numbers: Iterator[int],
    survived: asyncio.Event,
) -> int:
    """Let a process die at its first chance, in a fresh world at its second, and so on until one comes to its end."""
    number, world = lane
    world.declare(ROAD)
    deaths = 0
    while not survived.is_set():
        at = world.addresses(await fresh_store(number))
        died = await asyncio.to_thread(WAYS[way], world, at, next(numbers))
        _nothing_is_half_there(world)
        await _others_go_on(at)
        in_place(world, ROAD)
        world.reset()
        deaths += died
        if not died:
            survived.set()
    return deaths


def _nothing_is_half_there(world: SmallWorld) -> None:
    """What the library server can see is the whole book or no trace of it."""
    shelves = world.shelves()
    there = [folder for folder in shelves if ROAD.title in folder]
    assert there in ([], [ROAD.folder])
    assert all(shelves[folder] == world.content.files(ROAD) for folder in there)
    assert set(world.items()) <= set(shelves)
    assert world.adds <= 1


async def _others_go_on(at: Addresses) -> None:
    """A new process, once the lease of the dead one has run out."""
    async with reach(at, Clock(LEASE_IS_OVER_S)) as outside:
        report = await settle(outside)
        assert report.plan is not None
        assert {one.because.code for one in report.plan.decisions} == {"InLibrary"}
        conditions = await outside.store.conditions(ROAD.key)
        assert {one.type: one.status for one in conditions}["InLibrary"] == "True"
