"""When a schedule last fell due, in local time (cronsim: small, kept, and right across daylight-saving changes)."""

from __future__ import annotations

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from domain.errors import Permanent


def last_due(expression: str, now: datetime) -> datetime:
    """The newest moment up to `now` (aware) at which the five fields fell due, read in the local time of this machine.

    `Permanent` for an expression that never falls due (`0 0 30 2 *`).
    """
    try:
        moment: datetime = next(CronSim(expression, now.astimezone(), reverse=True))
    except (CronSimError, StopIteration) as exc:
        raise Permanent(f"the schedule {expression!r} never falls due: correct it", code="ScheduleInvalid") from exc
    return moment.astimezone(UTC)
