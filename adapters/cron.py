"""When a schedule last fell due, in local time (cronsim: small, kept, and right across daylight-saving changes)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from domain.errors import Permanent

LONGEST_SHIFT = timedelta(hours=3)
"""No change of the clocks is larger. Looking back begins so far ahead, since the hour that is put back comes twice."""


class _Local(tzinfo):
    """The time of this machine, with the offset of each moment: `astimezone()` alone has today's for all of them."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None) -> str:
        return "local"

    def fromutc(self, dt: datetime) -> datetime:
        local = dt.replace(tzinfo=UTC).astimezone()
        wall = local.replace(tzinfo=None)
        return wall.replace(tzinfo=self, fold=int(wall.astimezone().utcoffset() != local.utcoffset()))


def last_due(expression: str, now: datetime) -> datetime:
    """The newest moment up to `now` (aware) at which the five fields fell due, read in the local time of this machine.

    `Permanent` for an expression that never falls due (`0 0 30 2 *`).
    """
    try:
        back = CronSim(expression, (now + LONGEST_SHIFT).astimezone(_Local()), reverse=True)
        moment: datetime = next(one for one in back if one.astimezone(UTC) <= now)
    except (CronSimError, StopIteration) as exc:
        raise Permanent(f"the schedule {expression!r} never falls due: correct it", code="ScheduleInvalid") from exc
    return moment.astimezone(UTC)
