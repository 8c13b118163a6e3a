"""Having the server look at its folders, without ever running two looks at a time: that makes twin items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from adapters.audiobookshelf.calls import Calls
from adapters.audiobookshelf.wire import Library, Tasks
from domain.errors import Transient

Sleep = Callable[[float], Awaitable[None]]
Monotonic = Callable[[], float]


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a scan is waited for; all in seconds, but for `lost_polls`."""

    poll_s: float = 1.0
    quiet_s: float = 60.0
    """With the watcher on: how long no watcher scan may have been seen before ours starts."""
    lost_polls: int = 5
    """This many looks with no scan running and `lastScan` where it was: the scan was lost."""
    deadline_s: float = 1800.0


class Scan:
    """One scan of one library, from waiting for others to its end."""

    def __init__(
        self, calls: Calls, library: Library, patience: Patience, *, sleep: Sleep, monotonic: Monotonic
    ) -> None:
        self._calls = calls
        self._library = library
        self._patience = patience
        self._sleep = sleep
        self._monotonic = monotonic
        self._deadline = monotonic() + patience.deadline_s

    async def run(self) -> None:
        """`Transient` (`ScanTimeout`, `ScanLost`) when it did not come to its end."""
        await self._wait_for_others()
        before = await self._last_scan()
        await self._calls.order(f"/api/libraries/{self._library.id}/scan")
        await self._wait_for_end(before)

    async def _wait_for_others(self) -> None:
        # A scan asked for while another runs is answered "OK" and never happens; one beside a watcher scan makes twins.
        quiet_s = 0.0 if self._library.settings.disable_watcher else self._patience.quiet_s
        quiet_since = self._monotonic()
        while True:
            running = await self._running()
            if "watcher-scan" in running:
                quiet_since = self._monotonic()
            elif "library-scan" not in running and self._monotonic() - quiet_since >= quiet_s:
                return
            await self._nap()

    async def _wait_for_end(self, before: int | None) -> None:
        """A scan is over when its task is gone and `lastScan` has moved; the task alone is gone after a restart too."""
        misses = 0
        while misses < self._patience.lost_polls:
            await self._nap()
            if "library-scan" in await self._running():
                misses = 0
            elif await self._last_scan() != before:
                return
            else:
                misses += 1
        message = f'The scan of library "{self._library.name}" ended without a result: cancelled, failed, or a restart'
        raise Transient(message, code="ScanLost")

    async def _running(self) -> frozenset[str]:
        tasks = (await self._calls.read("/api/tasks", Tasks)).tasks
        return frozenset(task.action for task in tasks if task.data and task.data.library_id == self._library.id)

    async def _last_scan(self) -> int | None:
        return (await self._calls.read(f"/api/libraries/{self._library.id}", Library)).last_scan

    async def _nap(self) -> None:
        if self._monotonic() + self._patience.poll_s > self._deadline:
            message = f'Library "{self._library.name}" was not scanned within {self._patience.deadline_s:g} s'
            raise Transient(message, code="ScanTimeout")
        await self._sleep(self._patience.poll_s)
