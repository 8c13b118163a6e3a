"""When a schedule last fell due, on the clocks of the place where the machine stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cron import last_due
from domain.errors import Permanent

MIDDLE_EUROPE = "CET-1CEST,M3.5.0,M10.5.0/3"
"""Clocks go forward on 2026-03-29 at 01:00 UTC, and back on 2026-10-25 at 01:00 UTC."""
CHILE = "<-04>4<-03>,M9.1.6/24,M4.1.6/24"
"""Clocks go forward on 2026-09-06 at 04:00 UTC, and back on 2026-04-05 at 03:00 UTC."""

At = Callable[[str], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[At]:
    """`at("UTC")`: the machine stands there."""

    def moved(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield moved
    monkeypatch.undo()
    time.tzset()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_in_utc_it_is_the_last_time_that_all_fields_fit(at: At):
    at("UTC")

    assert last_due("0 3 2 * *", utc(2026, 11, 21, 12)) == utc(2026, 11, 2, 3)
    assert last_due("30 4 * * 0", utc(2026, 11, 21, 12)) == utc(2026, 11, 15, 4, 30)
    assert last_due("*/15 * * * *", utc(2026, 11, 21, 12, 14, 59)) == utc(2026, 11, 21, 12)


def test_the_moment_itself_counts_and_the_second_before_does_not(at: At):
    at(MIDDLE_EUROPE)

    assert last_due("0 3 2 * *", utc(2026, 10, 2, 1)) == utc(2026, 10, 2, 1)
    assert last_due("0 3 2 * *", utc(2026, 10, 2, 0, 59, 59)) == utc(2026, 9, 2, 1)


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        (MIDDLE_EUROPE, utc(2026, 10, 26, 12), utc(2026, 10, 2, 1)),
        (MIDDLE_EUROPE, utc(2026, 4, 1, 12), utc(2026, 3, 2, 2)),
        (CHILE, utc(2026, 10, 1, 12), utc(2026, 9, 2, 7)),
        (CHILE, utc(2026, 4, 30, 12), utc(2026, 4, 2, 6)),
    ],
)
def test_it_is_read_with_the_offset_of_its_own_day_not_of_today(at: At, zone: str, now: datetime, due: datetime):
    at(zone)

    assert last_due("0 3 2 * *", now) == due


def test_in_the_hour_that_is_left_out_it_falls_due_right_after_it(at: At):
    at(MIDDLE_EUROPE)

    assert last_due("30 2 * * *", utc(2026, 3, 29, 0, 59)) == utc(2026, 3, 28, 1, 30)
    assert last_due("30 2 * * *", utc(2026, 3, 29, 12)) == utc(2026, 3, 29, 1)


@pytest.mark.parametrize("minutes", [30, 59, 60, 70, 90, 100, 600])
def test_in_the_hour_that_comes_twice_it_falls_due_once(at: At, minutes: int):
    at(MIDDLE_EUROPE)
    midnight = utc(2026, 10, 25)

    assert last_due("30 2 * * *", midnight + timedelta(minutes=minutes)) == utc(2026, 10, 25, 0, 30)


def test_what_falls_due_every_hour_does_so_in_both_of_them(at: At):
    at(MIDDLE_EUROPE)

    found = {last_due("0 * * * *", utc(2026, 10, 25, hour, 5)) for hour in range(4)}

    assert found == {utc(2026, 10, 25, hour) for hour in range(4)}


def test_the_moment_asked_about_may_stand_in_any_zone(at: At):
    at(MIDDLE_EUROPE)
    now = utc(2026, 10, 26, 12)

    assert last_due("0 3 2 * *", now.astimezone()) == last_due("0 3 2 * *", now)


@given(st.integers(0, 365 * 24 * 60 - 1), st.integers(0, 23), st.sampled_from((0, 30)), st.sampled_from((
    "UTC", MIDDLE_EUROPE, CHILE,
)))  # fmt: skip
def test_a_daily_schedule_falls_due_every_day_of_the_year(minute: int, hour: int, at_minute: int, zone: str):
    now = utc(2026, 1, 1) + timedelta(minutes=minute)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        due = last_due(f"{at_minute} {hour} * * *", now)
        wall = due.astimezone()
        asked = wall.replace(hour=hour, minute=at_minute, tzinfo=None)
        left_out = asked.astimezone(UTC).astimezone().replace(tzinfo=None) != asked
    time.tzset()

    assert timedelta() <= now - due < timedelta(hours=25)
    assert (wall.hour, wall.minute) == (hour, at_minute) or left_out


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "61 * * * *", "* * *", "monthly", ""])
def test_what_never_falls_due_is_said_so(expression: str):
    with pytest.raises(Permanent, match="never falls due") as refusal:
        last_due(expression, utc(2026, 11, 21))

    assert refusal.value.code == "ScheduleInvalid"
