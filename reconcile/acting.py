"""What every act of a tick shares: the lease's epoch, the policy, the circuits, and writing down what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from domain.backoff import next_backoff
from domain.desired import Desired
from domain.errors import Failure, Transient
from domain.gates import Verdict
from domain.plan import Plan
from domain.releases import Release
from domain.wants import Want
from domain.world import Known, Outcome, StoredVerdict, Torrent, World
from reconcile.ports import Outside

log = structlog.get_logger()


@dataclass
class Acting:
    """One tick at work. `failures` counts failures in a row per system: the circuit brake of DOCTRINE D3."""

    outside: Outside
    epoch: int
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    async def event(self, subject: str, reason: str, message: str) -> None:
        now = self.outside.clock.now()
        event = await self.outside.store.record_event(subject=subject, reason=reason, message=message, at=now)
        self.outside.tell.event(event)
        if event.count == 1:
            log.info("event", subject=subject, reason=reason, message=message)


@dataclass
class Round:
    """One plan being carried out, with the world it rests on."""

    acting: Acting
    desired: Desired
    world: World
    plan: Plan
    wants: dict[str, Want] = field(init=False)

    def __post_init__(self) -> None:
        self.wants = {want.key: want for want in self.plan.wants}

    @property
    def torrents(self) -> tuple[Torrent, ...]:
        downloads = self.world.downloads
        return downloads.value if isinstance(downloads, Known) else ()

    @property
    def outside(self) -> Outside:
        return self.acting.outside

    def circuit_open(self, system: str) -> bool:
        return self.acting.failures[system] >= self.desired.policy.brakes.failures_in_a_row

    def worked(self, system: str) -> None:
        self.acting.failures[system] = 0

    async def failed(self, key: str, subject: str, failure: Failure, *, system: str) -> None:
        """Write a failure down: its back-off under `key`, the failed attempt, and the circuit of its system."""
        store, now = self.outside.store, self.outside.clock.now()
        later = failure.retry_after_s if isinstance(failure, Transient) else None
        await self.rest(key, why=failure.message, retry_after_s=later)
        await store.record_failure(subject=subject, reason=failure.code, message=failure.message, at=now)
        await self.acting.event(subject, failure.code, failure.message)
        self.acting.errors.append(f"{subject}: {failure.message}")
        self.acting.failures[system] += 1
        if self.acting.failures[system] == self.desired.policy.brakes.failures_in_a_row:
            message = (
                f"{system} failed {self.acting.failures[system]} times running; its other work waits for the next tick"
            )
            await self.acting.event(system, "CircuitOpen", message)

    async def rest(self, key: str, *, why: str, retry_after_s: float | None = None) -> None:
        """Leave this key alone for a while, longer each time."""
        backoff = next_backoff(
            key,
            self.world.backoffs,
            why=why,
            policy=self.desired.policy.retries,
            now=self.outside.clock.now(),
            jitter=self.outside.jitter,
            retry_after_s=retry_after_s,
        )
        await self.outside.store.save_backoff(backoff)

    async def settle(self, claim_id: int, outcome: Outcome, detail: str) -> None:
        """Write down how a claimed act ended; the store refuses it when our lease has moved on."""
        now = self.outside.clock.now()
        await self.outside.store.settle(claim_id, epoch=self.acting.epoch, outcome=outcome, now=now, detail=detail)

    async def rested(self, key: str) -> None:
        """It worked again: forget the back-off."""
        if key in self.world.backoffs:
            await self.outside.store.clear_backoff(key)

    async def write_verdicts(self, want: str, release: Release, verdicts: Iterable[Verdict]) -> None:
        now = self.outside.clock.now()
        await self.outside.store.save_verdicts([stored(want, release, verdict, now) for verdict in verdicts])


def stored(want: str, release: Release, verdict: Verdict, now: datetime) -> StoredVerdict:
    """A verdict as a row of the history that `why` tells."""
    return StoredVerdict(
        want=want,
        release=release.id,
        indexer=release.indexer,
        title=release.title,
        gate=verdict.gate,
        rule=verdict.rule,
        answer=verdict.answer,
        seen=verdict.seen,
        limit=verdict.limit,
        first_at=now,
        last_at=now,
    )
