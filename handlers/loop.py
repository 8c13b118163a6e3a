"""`bibliostat run`: tick, sleep until something is due or somebody calls, tick again."""

from __future__ import annotations

import asyncio
import random
import signal
from datetime import timedelta

import structlog

from adapters.audiobookshelf import Audiobookshelf
from domain.errors import Failure
from handlers.catalog import refresh_due
from reconcile.ports import Outside
from reconcile.tick import Report, tick

log = structlog.get_logger()

AFTER_FAILURE_S = 30.0
GRACE_S = 8.0
"""Container runtimes kill ten seconds after they asked for the end."""
LOOK_UP_S = 600.0
"""One stretch of looking up; the lease is free for other processes in between."""
LOOK_UP_PAUSE_S = 60.0
SETTLE_S = 2.0
"""After a wake-up, so that a burst of events makes one tick."""


async def run(outside: Outside, *, stop: asyncio.Event) -> None:
    """Reconcile for ever. A tick that fails is said once and followed by a pause; nothing but `stop` ends the loop."""
    wake = asyncio.Event()
    log.info("started")
    beside = [asyncio.create_task(_listen(outside, wake)), asyncio.create_task(_look_up(outside, wake))]
    try:
        while not stop.is_set():
            delay = await _one(outside, stop)
            await _first_of(stop, wake, seconds=delay)
            if wake.is_set() and not stop.is_set():
                await _first_of(stop, seconds=SETTLE_S)
                wake.clear()
    finally:
        log.info("stopping")
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _one(outside: Outside, stop: asyncio.Event) -> float:
    """One tick; how many seconds to sleep after it. When told to stop it may finish what it is at, for a while: after
    that it is broken off, and the ledger takes care of what is left."""
    work = asyncio.create_task(tick(outside))
    try:
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        report: Report = await asyncio.wait_for(work, timeout=None if work.done() else GRACE_S)
    except TimeoutError:
        log.warning("tick_broken_off", after_s=GRACE_S)
        return 0.0
    except Failure as failure:
        log.warning("tick_failed", code=failure.code, why=failure.message)
        return AFTER_FAILURE_S * random.uniform(0.8, 1.2)
    except Exception:
        log.exception("tick_failed")
        return AFTER_FAILURE_S
    return max(1.0, (report.wake_at - outside.clock.now()).total_seconds())


async def _listen(outside: Outside, wake: asyncio.Event) -> None:
    """Audiobookshelf's socket wakes the loop. Losing it costs only time: polling is enough on its own."""
    if not isinstance(outside.library, Audiobookshelf):
        return
    try:
        async for hint in outside.library.wakeups():
            log.debug("woken", by=hint.event)
            wake.set()
    except Exception:
        log.exception("listening_ended")


async def _look_up(outside: Outside, wake: asyncio.Event) -> None:
    """The catalogue is refreshed beside the ticks: none waits for it. What it finds wakes the loop.

    Cut off anywhere it goes on where it stopped, since each answer is kept as soon as it is there.
    """
    while outside.sources:
        until = outside.clock.now() + timedelta(seconds=LOOK_UP_S)
        try:
            found = await refresh_due(outside, until=until)
            if found.changed:
                wake.set()
            if found.done:
                log.info("looked_up", subjects=len(found.done), left=len(found.left), troubles=found.troubles)
        except Failure as failure:
            log.warning("look_up_failed", code=failure.code, why=failure.message)
        except Exception:
            log.exception("look_up_failed")
        await asyncio.sleep(LOOK_UP_PAUSE_S)


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT let the running act finish; the ledger takes care of what is left."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
