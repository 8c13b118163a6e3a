"""Several processes on one PostgreSQL, all at once or one after another has lost its lease: one grab, one book."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path

import dying
import pytest
from conftest import FreshStore
from dying import Burning, after_a_step, within_a_file_change
from small_world import MISSING, ROAD, Content, SmallWorld, in_place

LEASE_IS_OVER_S = 3600.0
LANES = 4


async def test_two_processes_at_once_grab_each_book_once(world: SmallWorld, postgresql: FreshStore) -> None:
    for _ in range(4):
        at, together = world.addresses(await postgresql()), dying.barrier(2)

        for process in [dying.start(dying.work_together, at, together) for _ in range(2)]:
            await asyncio.to_thread(dying.ended, process)

        in_place(world, *MISSING)
        world.reset()


@pytest.mark.parametrize(("burning", "least"), [(after_a_step, 12), (within_a_file_change, 5)])
async def test_a_process_that_slept_through_its_lease_does_no_harm_when_it_wakes(
    burning: Burning, least: int, tmp_path: Path, content: Content, postgresql: FreshStore
) -> None:
    """It is stopped after its first act, then in a fresh world after its second, and so on; another one takes over
    under a new epoch and does all the work; and then the first one goes on, believing that nothing has happened."""
    numbers, done = count(1), asyncio.Event()
    with ExitStack() as stack:
        worlds = [stack.enter_context(SmallWorld(tmp_path / f"{lane}", content)) for lane in range(LANES)]

        lanes = (_freeze_ever_later(each, postgresql, burning, numbers, done) for each in enumerate(worlds))
        sleeps = sum(await asyncio.gather(*lanes))

    assert sleeps >= least


async def _freeze_ever_later(
    lane: tuple[int, SmallWorld],
    fresh_store: FreshStore,
    burning: Burning,
    numbers: Iterator[int],
    done: asyncio.Event,
) -> int:
    number, world = lane
    world.declare(ROAD)
    sleeps = 0
    while not done.is_set():
        at = world.addresses(await fresh_store(number))
        sleeper = await asyncio.to_thread(dying.frozen_in_the_middle, at, burning, next(numbers))
        later = dying.start(dying.work, replace(at, ahead_s=LEASE_IS_OVER_S))
        await asyncio.to_thread(dying.ended, later)
        in_place(world, ROAD)
        before = world.snapshot()
        if sleeper is None:
            done.set()
        else:
            sleeps += 1
            await asyncio.to_thread(dying.thaw, sleeper)
        assert world.snapshot() == before
        in_place(world, ROAD)
        world.reset()
    return sleeps
