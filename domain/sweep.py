"""How long it takes to ask every indexer for everything that is missing: an estimate for people, and an upper one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from domain.catalogue.hosts import Limits
from domain.ladder import ladder
from domain.wants import Want

DAY = timedelta(days=1)


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """A full sweep of `wants` books, at `questions` questions to each indexer."""

    wants: int
    questions: int
    takes: timedelta | None
    """None when it never ends: no search is allowed, or an indexer may not be asked at all."""
    by_indexer: Mapping[str, timedelta | None] = {}
    """What each indexer alone would take."""
    held_up_by: str = ""
    """An indexer's name, or `searches_per_tick`."""

    def __str__(self) -> str:
        """One sentence for people."""
        if not self.wants:
            return "nothing waits to be searched for"
        what = f"a full sweep of {self.wants:,} wanted books ({self.questions:,} questions to each indexer at most)"
        if self.takes is None:
            return f"{what} never ends: {self.held_up_by} allows nothing"
        return f"{what} takes about {_span(self.takes)}: {self.held_up_by} sets the pace"


def sweep(wants: Sequence[Want], limits: Mapping[str, Limits], *, searches_per_tick: int, tick_s: float) -> Sweep:
    """How long one search of each of `wants` takes, every indexer within its limits, and so many searches each tick.

    Every question of every ladder is counted, although a ladder ends where something right is offered. Of one search
    the indexers are asked one after the other; days that are spent waiting for a budget pass for all at once.
    """
    questions = sum(len(ladder(want)) for want in wants)
    turns = _turns(len(wants), searches_per_tick, tick_s)
    alone = {name: _alone(questions, limits[name]) for name in sorted(limits)}
    asking = sum((_asking(questions, one) for one in limits.values()), timedelta())
    spans = {"searches_per_tick": turns, **alone}
    slowest = max(spans, key=lambda name: _endless_last(spans[name]))
    longest = spans[slowest]
    return Sweep(
        wants=len(wants),
        questions=questions,
        takes=None if longest is None else max(longest, asking),
        by_indexer=alone,
        held_up_by=slowest,
    )


def _turns(wants: int, per_tick: int, tick_s: float) -> timedelta | None:
    if wants and not per_tick:
        return None
    return timedelta(seconds=math.ceil(wants / per_tick) * tick_s) if wants else timedelta()


def _alone(questions: int, limits: Limits) -> timedelta | None:
    """Full days while the budget of a day does not do, then the rest at its pace."""
    if limits.per_day is None or not questions:
        return _asking(questions, limits)
    if not limits.per_day:
        return None
    days = (questions - 1) // limits.per_day
    return days * DAY + _asking(questions - days * limits.per_day, limits)


def _asking(questions: int, limits: Limits) -> timedelta:
    return timedelta(seconds=questions / limits.per_s)


def _endless_last(span: timedelta | None) -> timedelta:
    return timedelta.max if span is None else span


def _span(span: timedelta) -> str:
    """`40 s`, `25 min`, `7 h`, `3 days`."""
    seconds = span.total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
