"""Processes that work on a world, and die or freeze in the middle of it.

A tick does one thing after the other, so "just before the next call" and "just after this one" are the same world, and
a call that only reads leaves it as it was. What remains are the points after each call that changes something, and
those inside such a call: before each single change to the library's file system, and after each request that a server
has carried out, but whose answer nobody was there to hear.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from itertools import count
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from typing import Any

import structlog
from small_world import Addresses, Clock, SmallWorld, reach, settle

from adapters.sandbox.faults import Scope
from reconcile.ports import Outside

READS = frozenset({
    "approved", "audio", "backoffs", "baseline", "blocklist", "claims", "conditions", "events", "failures", "files",
    "find", "findings", "free_bytes", "grabs_since", "in_place", "items", "last_good", "overrides", "placed", "read",
    "requests", "runs", "search", "searches", "verdicts", "want_keys",
})  # fmt: skip
"""Calls of the ports that change nothing (`read` makes the client's category, once: that is harmless)."""

NOTES = frozenset({
    "handled", "record_event", "renew_lease", "save_baseline", "save_conditions", "save_findings", "save_items",
    "save_verdicts",
})  # fmt: skip
"""Calls that only write down what was seen or said; no act rests on whether the last of them was made."""

AROUND = frozenset({
    "acquire_lease", "finish_run", "release_lease", "save_last_good", "save_search", "save_want_keys", "start_run",
})  # fmt: skip
"""Calls that come before or after the acts on a book."""

FILE_CHANGES = frozenset({"os.link", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree"})


class Fuse:
    """Burns down by one at each change; `then` happens at the end, once."""

    def __init__(self, length: int, then: Callable[[], None]) -> None:
        self._left = length
        self._then = then

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._then()


class Fragile:
    """A port at which every call that changes something burns the fuse down by one."""

    def __init__(self, port: object, fuse: Fuse, harmless: frozenset[str]) -> None:
        self._port = port
        self._fuse = fuse
        self._harmless = harmless

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if name in self._harmless or not inspect.iscoroutinefunction(member):
            return member

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await member(*args, **kwargs)
            self._fuse.burn()
            return result

        return call


def after_a_call(outside: Outside, fuse: Fuse, harmless: frozenset[str] = READS) -> Outside:
    """Burns after each call that changes something, on whichever port."""

    def fragile(port: object) -> Any:
        return Fragile(port, fuse, harmless)

    return replace(
        outside,
        store=fragile(outside.store),
        client=fragile(outside.client),
        library=fragile(outside.library),
        indexers=tuple(map(fragile, outside.indexers)),
        shelf=fragile(outside.shelf),
    )


def after_an_act(outside: Outside, fuse: Fuse) -> Outside:
    """The same without the notes."""
    return after_a_call(outside, fuse, READS | NOTES)


def after_a_step(outside: Outside, fuse: Fuse) -> Outside:
    """Only where a book is on its way: claims, notes, settlements, and what other systems are told."""
    return after_a_call(outside, fuse, READS | NOTES | AROUND)


def within_a_file_change(outside: Outside, fuse: Fuse) -> Outside:
    """Burns in the middle of staging, placing and discarding: before each change to the file system."""

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in FILE_CHANGES:
            fuse.burn()

    sys.addaudithook(hook)
    return outside


Burning = Callable[[Outside, Fuse], Outside]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["adapters.store", "handlers.wiring", "reconcile.tick", "adapters.sandbox.qbittorrent"])


def start(work: Callable[..., None], *args: object) -> BaseProcess:
    """A process of its own, forked off one that has everything imported."""
    process = _context.Process(target=work, args=args, daemon=True)
    process.start()
    return process


def ended(process: BaseProcess) -> bool:
    """Wait for its end; whether it was killed."""
    process.join(60)
    code = process.exitcode
    process.close()
    assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
    return code != 0


# What such a process does


def work(at: Addresses) -> None:
    """Work on the world until it is settled."""
    _settle(at, lambda outside: outside)


def work_and_die(at: Addresses, burning: Burning, length: int) -> None:
    _settle(at, lambda outside: burning(outside, Fuse(length, lambda: os.kill(os.getpid(), signal.SIGKILL))))


def work_and_freeze(at: Addresses, burning: Burning, length: int, frozen: Event) -> None:
    """As a machine that is suspended: time goes on without it, and it notices nothing."""

    def freeze() -> None:
        frozen.set()
        os.kill(os.getpid(), signal.SIGSTOP)

    _settle(at, lambda outside: burning(outside, Fuse(length, freeze)))


def work_together(at: Addresses, together: Barrier) -> None:
    """Begin when the others do."""
    together.wait(30)
    work(at)


def _settle(at: Addresses, change: Callable[[Outside], Outside]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    async def whole() -> None:
        async with reach(at, Clock(at.ahead_s)) as outside:
            await settle(change(outside))

    asyncio.run(whole())


# Ways to die


def by_its_own_hand(burning: Burning) -> Callable[[SmallWorld, Addresses, int], bool]:
    """A way to let a process die at a number, and to say whether it lived long enough to do so."""

    def run(_: SmallWorld, at: Addresses, number: int) -> bool:
        return ended(start(work_and_die, at, burning, number))

    return run


ORDERS = re.compile(r"POST .*(/add|Tags|Category|/delete|/scan)$|PATCH |DELETE |GET /download/")
"""Requests that have an effect at a server."""


def before_the_answer(world: SmallWorld, at: Addresses, number: int) -> bool:
    """It dies when a server has carried out one of its orders and has not answered yet."""
    victim: Future[int] = Future()
    orders = count(1)

    def rewrite(scope: Scope, body: bytes) -> bytes:
        if ORDERS.match(f"{scope['method']} {scope['path']}") and next(orders) == number:
            os.kill(victim.result(timeout=10), signal.SIGKILL)
        return body

    for one in world.tampering.values():
        one.rewrite = rewrite
    process = start(work, at)
    assert process.pid
    victim.set_result(process.pid)
    died = ended(process)
    for one in world.tampering.values():
        one.rewrite = None
    return died


WAYS: Mapping[str, Callable[[SmallWorld, Addresses, int], bool]] = {
    "after a call": by_its_own_hand(after_a_call),
    "after an act": by_its_own_hand(after_an_act),
    "within a file change": by_its_own_hand(within_a_file_change),
    "before an answer": before_the_answer,
}


# Freezing


def frozen_in_the_middle(at: Addresses, burning: Burning, number: int) -> BaseProcess | None:
    """A process that was stopped at that number; None when it came to its end before."""
    frozen = _context.Event()
    process = start(work_and_freeze, at, burning, number, frozen)
    while not frozen.wait(0.05):
        if not process.is_alive():
            ended(process)
            return None
    return process


def thaw(process: BaseProcess) -> None:
    """Let it go on, and wait for its end."""
    assert process.pid
    os.kill(process.pid, signal.SIGCONT)
    ended(process)


def barrier(parties: int) -> Barrier:
    return _context.Barrier(parties)
