"""Numbers in a series: read from whatever a source gives, compared as numbers, never cut."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.positions import Position, read_position

FIXTURES = Path(__file__).parent.parent / "fixtures" / "matching"
VECTORS: list[dict[str, Any]] = json.loads((FIXTURES / "vectors.positions.json").read_text())["cases"]


def at(text: object) -> Position:
    found = read_position(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: repr(case["raw"])[:40])
def test_each_vector_of_the_position_grammar_is_read(case):
    found = read_position(case["raw"])

    if case["kind"] == "none":
        assert found is None
    else:
        assert found is not None
        assert (found.low, found.high) == (Decimal(case["lo"]), Decimal(case.get("hi", case["lo"])))


@pytest.mark.parametrize(
    ("text", "low", "high", "part"),
    [
        ("5p3", "5", "5", 3),
        ("1p1", "1", "1", 1),
        ("Book 5, part 3", "5", "5", 3),
        ("0,5", "0.5", "0.5", None),
        ("0,5 - 7", "0.5", "7", None),
        ("1-41", "1", "41", None),
        ("01-16, 13.5", "1", "16", None),
        ("3.1-3.2", "3.1", "3.2", None),
        ("1, 2, 3, 4", "1", "4", None),
        ("1,2", "1", "2", None),
        ("\u00a01\u00a0", "1", "1", None),
        ("007", "7", "7", None),
        ("2380", "2380", "2380", None),
    ],
)
def test_the_forms_that_trackers_use_are_read(text, low, high, part):
    found = at(text)

    assert (found.low, found.high, found.part) == (Decimal(low), Decimal(high), part)


def test_positions_compare_as_numbers_and_a_part_is_not_its_book():
    assert at("01").same(at("1.0"))
    assert not at("5p3").same(at("5"))
    assert at("1-3").covers(at("2"))
    assert not at("1-3").covers(at("3.5"))
    assert not at("5p3").covers(at("5"))
    assert not at("5p3").whole_book


def test_a_number_that_no_series_reaches_is_no_position():
    assert read_position(10**5000) is None
    assert read_position(float("inf")) is None
    assert read_position("A Whole Sentence That Ends In 3") is None


@given(st.one_of(st.text(max_size=300), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())))
def test_reading_a_position_never_raises_and_keeps_its_ends_in_order(value):
    found = read_position(value)

    assert found is None or found.low <= found.high
