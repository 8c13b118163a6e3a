"""What a tracker requires of a finished torrent. Duties outlive the want."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from domain.manifest import Duties
from domain.world import Claim, Torrent


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed for one torrent: seeding until `until`, and until `ratio` where one is asked for."""

    torrent: str
    until: datetime | None
    """None while the torrent is not complete: the clock has not started."""
    ratio: float | None
    fulfilled: bool
    message: str


def duty_of(torrent: Torrent, grabs: Iterable[Claim], policy: Duties, now: datetime) -> Duty:
    """The strictest of what the indexers of its grabs said and what the policy asks.

    The clock is ours, from completion: the client's `seeding_time` freezes while idle, and its counters run backwards
    after a crash (contracts: qBittorrent, section 10). Both time and ratio must be met: a ratio alone never shortens
    the time, because trackers that ask for time count time.
    """
    grabs = tuple(grabs)
    seed_s = max(policy.seed_hours * 3600, *(grab.min_seed_s or 0 for grab in grabs), 0)
    ratio = max((one for one in (policy.ratio, *(grab.min_ratio for grab in grabs)) if one), default=None)
    if torrent.completed_at is None:
        return Duty(torrent=torrent.id, until=None, ratio=ratio, fulfilled=False, message="not complete yet")
    until = torrent.completed_at + timedelta(seconds=seed_s)
    if now < until:
        message = f"seeds until {until:%Y-%m-%d %H:%M} UTC"
        return Duty(torrent=torrent.id, until=until, ratio=ratio, fulfilled=False, message=message)
    if ratio is not None and (torrent.ratio is None or torrent.ratio < ratio):
        reached = "unknown" if torrent.ratio is None else f"{torrent.ratio:.2f}"
        message = f"seeds until ratio {ratio:.2f}, now {reached}"
        return Duty(torrent=torrent.id, until=until, ratio=ratio, fulfilled=False, message=message)
    return Duty(torrent=torrent.id, until=until, ratio=ratio, fulfilled=True, message="owes nothing")
