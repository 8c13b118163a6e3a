"""When something that failed is tried again."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW

from domain.backoff import next_backoff
from domain.manifest import Retries
from domain.world import Backoff


class NoJitter(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def delays(failures: int, *, jitter: random.Random, **more: float) -> list[float]:
    """Seconds until the next try, after each of so many failures in a row."""
    before: dict[str, Backoff] = {}
    found = []
    for _ in range(failures):
        before["k"] = next_backoff("k", before, why="down", policy=Retries(), now=NOW, jitter=jitter, **more)
        found.append((before["k"].not_before - NOW).total_seconds())
    return found


def test_delays_double_up_to_the_cap():
    assert delays(12, jitter=NoJitter()) == [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600]


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_delays_never_shrink_by_more_than_the_jitter_and_never_pass_the_cap(seed: int, failures: int):
    found = delays(failures, jitter=random.Random(seed))

    assert all(later >= 0.9 * earlier for earlier, later in pairwise(found))
    assert all(27 <= delay <= 21_600 for delay in found)


@given(st.integers(0, 2**32))
def test_delays_grow_until_the_cap_is_reached(seed: int):
    found = delays(10, jitter=random.Random(seed))

    assert found == sorted(found)


@given(st.floats(0, 10**6))
def test_a_longer_retry_after_wins(seconds: float):
    [delay] = delays(1, jitter=NoJitter(), retry_after_s=seconds)

    assert delay == timedelta(seconds=max(30.0, seconds)).total_seconds()


def test_a_first_failure_after_a_success_starts_over():
    assert next_backoff("k", {}, why="down", policy=Retries(), now=NOW, jitter=NoJitter()) == Backoff(
        key="k", failures=1, not_before=NOW + timedelta(seconds=30), why="down"
    )
