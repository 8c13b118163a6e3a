"""How long it takes to ask for everything."""

from __future__ import annotations

from datetime import timedelta

from worlds import oz

from domain.catalogue.hosts import Limits
from domain.ladder import ladder
from domain.sweep import Sweep, sweep
from domain.wants import Want

ALL = tuple(oz(number) for number in range(1, 15))
QUESTIONS = sum(len(ladder(want)) for want in ALL)
FAST = Limits(per_s=1000.0)


def swept(wants: tuple[Want, ...] = ALL, searches_per_tick: int = 10, **limits: Limits) -> Sweep:
    return sweep(wants, limits, searches_per_tick=searches_per_tick, tick_s=60)


def test_with_patient_indexers_the_searches_of_a_tick_set_the_pace():
    found = swept(shelf=FAST)

    assert (found.wants, found.questions) == (14, QUESTIONS)
    assert (found.takes, found.held_up_by) == (timedelta(minutes=2), "searches_per_tick")


def test_the_slowest_indexer_sets_the_pace():
    found = swept(shelf=FAST, mam=Limits(per_s=0.05))

    assert found.by_indexer["mam"] == timedelta(seconds=20 * QUESTIONS)
    assert found.held_up_by == "mam"
    assert found.takes == timedelta(seconds=20 * QUESTIONS + QUESTIONS / 1000)


def test_a_budget_of_the_day_is_waited_for():
    found = swept(mam=Limits(per_s=1.0, per_day=QUESTIONS // 3))

    assert found.takes is not None
    assert timedelta(days=2) < found.takes < timedelta(days=3, hours=1)
    assert "days: mam sets the pace" in str(found)


def test_a_budget_that_just_does_costs_no_day():
    assert swept(mam=Limits(per_s=1000.0, per_day=QUESTIONS)).takes == timedelta(minutes=2)


def test_what_may_not_be_asked_never_ends():
    assert (swept(searches_per_tick=0).takes, swept(mam=Limits(per_s=1.0, per_day=0)).takes) == (None, None)
    assert str(swept(searches_per_tick=0)).endswith("never ends: searches_per_tick allows nothing")


def test_nothing_to_search_for_takes_no_time():
    found = swept((), mam=Limits(per_s=0.1, per_day=1))

    assert found.takes == timedelta()
    assert str(found) == "nothing waits to be searched for"
