"""What a finished torrent still owes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, DONE, HOUR, NOW, grab_of, moments, oz, torrent_of, torrents

from domain.chores import duties_of
from domain.duties import Duty, duty_of
from domain.manifest import Duties, PolicySpec
from domain.world import Torrent

OZMA = oz(3)


def duty(*grabs: dict, policy: Duties | None = None, **torrent: object) -> Duty:
    finished = torrent_of(OZMA, **DONE | {"completed_at": NOW - 4 * DAY} | torrent)
    return duty_of(finished, [grab_of(OZMA, **grab) for grab in grabs], policy or Duties(), NOW)


def test_the_clock_starts_with_completion():
    owed = duty(completed_at=None)

    assert (owed.fulfilled, owed.until) == (False, None)


@pytest.mark.parametrize(("age", "fulfilled"), [(timedelta(hours=71, minutes=59), False), (timedelta(hours=72), True)])
def test_three_days_of_seeding_are_owed_when_nobody_says_otherwise(age: timedelta, fulfilled: bool):
    owed = duty(completed_at=NOW - age)

    assert owed.fulfilled is fulfilled
    assert owed.until == NOW - age + timedelta(hours=72)


def test_the_stricter_of_indexer_and_policy_counts():
    assert duty({"min_seed_s": 5 * 86_400}).until == NOW + DAY
    assert duty({"min_seed_s": 60}).until == NOW - DAY
    assert duty({}, policy=Duties(seed_hours=120)).until == NOW + DAY


def test_of_several_grabs_of_one_torrent_the_strictest_counts():
    owed = duty({"min_seed_s": 5 * 86_400, "min_ratio": 1.0}, {"id": 2, "min_ratio": 2.0})

    assert (owed.until, owed.ratio) == (NOW + DAY, 2.0)


@pytest.mark.parametrize(("reached", "fulfilled"), [(None, False), (0.99, False), (1.0, True)])
def test_a_ratio_is_owed_on_top_of_the_time_and_an_unknown_one_is_not_reached(reached: float | None, fulfilled: bool):
    assert duty({"min_ratio": 1.0}, ratio=reached).fulfilled is fulfilled


def test_a_ratio_never_shortens_the_time():
    assert duty({"min_ratio": 1.0}, ratio=9.0, completed_at=NOW - HOUR).fulfilled is False


def test_only_torrents_of_ledger_or_tag_have_duties():
    theirs, ours, tagged = (torrent_of(oz(number), **DONE) for number in (1, 2, 3))
    theirs, ours = (torrent_of(oz(number), **DONE, tags=()) for number in (1, 2))

    found = duties_of([theirs, ours, tagged], [grab_of(oz(2))], PolicySpec(), NOW)

    assert {one.torrent for one in found} == {ours.id, tagged.id}


@given(torrents(), moments, st.integers(0, 10_000))
def test_what_is_fulfilled_once_stays_fulfilled(torrent: Torrent, now: object, later_s: int):
    before = duty_of(torrent, [], Duties(ratio=1.0), now)  # type: ignore[arg-type]
    after = duty_of(torrent, [], Duties(ratio=1.0), now + timedelta(seconds=later_s))  # type: ignore[operator]

    assert after.fulfilled or not before.fulfilled
