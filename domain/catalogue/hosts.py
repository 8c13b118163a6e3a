"""How much of a host's patience is left, and how it is used up (contracts: metadata, sections 1, 2.6 and 3.4).

Every rule takes a host as it is kept and gives it back as it is afterwards, so that processes that share a store can
apply it within one transaction.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta

import msgspec

from domain.errors import Transient

LONGEST_WAIT = timedelta(seconds=5)
"""A turn that is further away is not waited for."""
CLOCK_SLIP = timedelta(minutes=10)
"""A turn that is further ahead was written under a wrong clock."""
LIMIT_REST_S = 60.0
FAILURE_REST_S = 30.0
LONGEST_REST_S = 3600.0
LONGEST_STATED = timedelta(days=7)
"""No host means a longer rest than this, whatever it says."""
ENOUGH_FAILURES = 3
"""Failures in a row from which on the host rests. Fewer only fail the call."""


class Limits(msgspec.Struct, frozen=True):
    """What we allow ourselves with one host."""

    per_s: float
    per_day: int | None = None
    """Requests within a UTC day."""
    at_once: int = 1
    """Requests in flight, within one process."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a host's patience is left."""

    host: str
    """With its port where that is not the usual one."""
    spent_today: int = 0
    day: str = ""
    """UTC date the count is for."""
    last_at: datetime | None = None
    """The newest turn that was given away; a few seconds ahead at most."""
    parked_until: datetime | None = None
    why: str = ""
    failures: int = 0
    """In a row."""
    limited: int = 0
    """How often in a row it answered that we ask too much."""


def awake(host: Host, now: datetime) -> Host:
    """The same host. `Transient` (HostResting) while it must not be asked."""
    if not _rests(host, now):
        return host
    assert host.parked_until is not None
    raise Transient(
        f"{host.host} is left alone until {host.parked_until:%Y-%m-%d %H:%M:%S} UTC: {host.why}",
        code="HostResting",
        retry_after_s=(host.parked_until - now).total_seconds(),
    )


def booked(host: Host, limits: Limits, now: datetime) -> Host:
    """With its next free turn given away, at the moment `last_at`.

    `Transient`: HostResting, BudgetSpent (until midnight UTC), HostBusy (the turn is too far away to wait for it).
    """
    awake(host, now)
    turn = _next_turn(host, limits, now)
    today = f"{turn.astimezone(UTC):%Y-%m-%d}"
    spent = host.spent_today if host.day == today else 0
    if limits.per_day is not None and spent >= limits.per_day:
        raise Transient(
            f"{host.host} was asked {spent} times today, as often as it may be: it is asked again from midnight UTC on",
            code="BudgetSpent",
            retry_after_s=(_midnight_after(turn) - now).total_seconds(),
        )
    if turn - now > LONGEST_WAIT:
        raise Transient(
            f"{host.host} has others waiting already: its next turn is in {(turn - now).total_seconds():.0f} s",
            code="HostBusy",
            retry_after_s=(turn - now).total_seconds(),
        )
    return msgspec.structs.replace(host, last_at=turn, day=today, spent_today=spent + 1)


def answered(host: Host, now: datetime, *, rest_s: float = 0.0) -> Host:
    """After a sound answer, which may say that it was the last one for `rest_s` seconds.

    An answer that was on its way while the host was put to rest does not wake it.
    """
    if not _rests(host, now):
        host = msgspec.structs.replace(host, failures=0, limited=0, parked_until=None, why="")
    return _parked(host, now, rest_s, "it has no requests left for us") if rest_s else host


def limited(host: Host, now: datetime, *, stated_s: float | None) -> Host:
    """After an answer that we ask too much. What it states counts, else a minute that doubles up to an hour.

    Answers to requests that were in flight together count once.
    """
    why = "it said that we ask too much"
    if _rests(host, now):
        return _parked(host, now, stated_s or 0.0, why)
    rest_s = stated_s or min(LIMIT_REST_S * 2.0 ** min(host.limited, 30), LONGEST_REST_S)
    return _parked(msgspec.structs.replace(host, limited=host.limited + 1), now, rest_s, why)


def failed(host: Host, now: datetime, *, why: str, jitter: random.Random, stated_s: float | None = None) -> Host:
    """After no answer, or one that the host is out of order. The third in a row puts it to rest for half a minute,
    doubling up to an hour, a tenth less at most by `jitter`; what the host itself states counts at once."""
    if _rests(host, now):
        return _parked(host, now, stated_s or 0.0, why)
    host = msgspec.structs.replace(host, failures=host.failures + 1)
    more = host.failures - ENOUGH_FAILURES
    rest_s = min(FAILURE_REST_S * 2.0 ** min(more, 30), LONGEST_REST_S) * jitter.uniform(0.9, 1.0) if more >= 0 else 0.0
    return _parked(host, now, max(stated_s or 0.0, rest_s), why)


def _rests(host: Host, now: datetime) -> bool:
    return host.parked_until is not None and now < host.parked_until <= now + LONGEST_STATED


def _next_turn(host: Host, limits: Limits, now: datetime) -> datetime:
    if host.last_at is None or host.last_at > now + CLOCK_SLIP:
        return now
    return max(now, host.last_at + timedelta(seconds=1 / limits.per_s))


def _midnight_after(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def _parked(host: Host, now: datetime, rest_s: float, why: str) -> Host:
    """Never for less time than before."""
    until = now + min(timedelta(seconds=rest_s), LONGEST_STATED)
    if until <= now or (_rests(host, now) and host.parked_until is not None and until <= host.parked_until):
        return host
    return msgspec.structs.replace(host, parked_until=until, why=why)
