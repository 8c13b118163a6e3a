"""An indexer that is asked no more than its server can bear. What is left of its patience is kept in the store, so that
all processes share one budget and respect one rest (contracts: indexers, section 0)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from domain.accounts import Account
from domain.catalogue import hosts
from domain.catalogue.hosts import Host, Limits
from domain.errors import Ambiguous, Failure, Transient
from domain.ladder import Query
from domain.releases import Payload, Release

LIMIT_REST_S = 3600.0
"""After an answer that we ask too much, and that does not say for how long."""
RESTS_S = tuple(minutes * 60.0 for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1440))
"""After the first failure in a row, the second, and so on."""

OUT_OF_ORDER = frozenset({"IndexerUnreachable", "IndexerUnreadable", "IndexerDisabled"})
"""Failures of the server. What else it objects to, it says in good health: a pause of a tracker behind it, a full
account, credentials."""

_BEFORE = "indexer/"

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""

    async def sleep(self, seconds: float) -> None: ...


class Patience(Protocol):
    """What must survive a process."""

    async def change_host(self, host: str, change: Callable[[Host], Host]) -> Host:
        """Replace what is kept of a host by what `change` makes of it, before anybody else may; nothing changes when
        that raises."""


class Source(Protocol):
    """The indexer itself."""

    name: str
    fingerprint: str

    async def search(self, query: Query) -> tuple[Release, ...]: ...

    async def fetch(self, release: Release) -> Payload: ...

    async def account(self) -> Account | None: ...


class Rationed:
    """Asks `indexer` within `limits`: a turn for each search and for each download, whatever pages they take.

    Besides what it raises itself, `search` and `fetch` raise `Transient` with the time to wait, without asking:
    BudgetSpent until midnight UTC, HostResting after it asked for a rest or failed, HostBusy while others wait.
    """

    def __init__(
        self, indexer: Source, store: Patience, limits: Limits, clock: Clock, *, jitter: random.Random | None = None
    ) -> None:
        self.name = indexer.name
        self.fingerprint = indexer.fingerprint
        self.indexer = indexer
        self._store = store
        self.limits = limits
        self._clock = clock
        self._jitter = jitter or random.Random()
        self._lines = asyncio.Semaphore(limits.at_once)
        self._host = _BEFORE + indexer.name

    def __repr__(self) -> str:
        return f"Rationed({self.indexer!r})"

    @property
    def silent(self) -> Mapping[str, str]:
        """Of those behind it, who did not answer the last search, and why."""
        silent: Mapping[str, str] = getattr(self.indexer, "silent", {})
        return silent

    async def search(self, query: Query) -> tuple[Release, ...]:
        return await self._in_turn(lambda: self.indexer.search(query), OUT_OF_ORDER)

    async def fetch(self, release: Release) -> Payload:
        """One download that is no torrent does not speak against the indexer."""
        return await self._in_turn(lambda: self.indexer.fetch(release), OUT_OF_ORDER - {"IndexerUnreadable"})

    async def account(self) -> Account | None:
        return await self.indexer.account()

    async def _in_turn(self, ask: Callable[[], Awaitable[T]], out_of_order: frozenset[str]) -> T:
        async with self._lines:
            await self._turn()
            try:
                answer = await ask()
            except Ambiguous:
                raise
            except Failure as failure:
                await self._change(partial(self._after, failure, out_of_order))
                raise
            await self._change(lambda host: hosts.answered(host, self._clock.now()))
            return answer

    async def _turn(self) -> None:
        """Wait for our turn. One that is put to rest meanwhile is not asked, although the turn counts."""
        booked = await self._change(lambda host: hosts.booked(host, self.limits, self._clock.now()))
        assert booked.last_at is not None
        wait_s = (booked.last_at - self._clock.now()).total_seconds()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
            await self._change(lambda host: hosts.awake(host, self._clock.now()))

    async def _change(self, change: Callable[[Host], Host]) -> Host:
        try:
            return await self._store.change_host(self._host, change)
        except Transient as failure:
            # People know it by its own name.
            message = failure.message.removeprefix(_BEFORE)
            raise Transient(message, code=failure.code, retry_after_s=failure.retry_after_s) from None

    def _after(self, failure: Failure, out_of_order: frozenset[str], host: Host) -> Host:
        now = self._clock.now()
        stated_s = failure.retry_after_s if isinstance(failure, Transient) else None
        if failure.code == "IndexerRateLimited":
            return hosts.limited(host, now, stated_s=LIMIT_REST_S if stated_s is None else stated_s)
        if failure.code not in out_of_order:
            return hosts.answered(host, now)
        rest_s = RESTS_S[min(host.failures, len(RESTS_S) - 1)]
        return hosts.failed(
            host, now, why=failure.message, jitter=self._jitter, stated_s=rest_s if stated_s is None else stated_s
        )
