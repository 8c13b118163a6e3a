"""Which part of a book a title says it is, and when "part" is a word like any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parts import read_part, without_part


@pytest.mark.parametrize(
    ("title", "part", "whole"),
    [
        ("The Emerald City of Oz (1 of 2)", (1, 2), "The Emerald City of Oz"),
        ("The Emerald City of Oz [Part 2 of 2]", (2, 2), "The Emerald City of Oz"),
        ("The Emerald City of Oz, Part One of Three", (1, 3), "The Emerald City of Oz"),
        ("The Emerald City of Oz - pt. 2 of 10", (2, 10), "The Emerald City of Oz"),
        ("The Emerald City of Oz: Part II", (2, None), "The Emerald City of Oz"),
        ("The Emerald City of Oz Part 12", (12, None), "The Emerald City of Oz"),
        ("The Woggle-Bug Book (1 of 2)", (1, 2), "The Woggle-Bug Book"),
    ],
)
def test_a_part_is_said_at_the_end(title: str, part: tuple[int, int | None], whole: str):
    assert read_part(title) == part
    assert without_part(title) == whole


@pytest.mark.parametrize(
    ("title", "whole"),
    [
        ("The Emerald City of Oz (1 of 2) [Dramatized Adaptation]", "The Emerald City of Oz [Dramatized Adaptation]"),
        ("The Emerald City of Oz (Part 1 of 2) (Unabridged)", "The Emerald City of Oz (Unabridged)"),
    ],
)
def test_what_the_edition_says_in_brackets_hides_no_part_and_stays(title: str, whole: str):
    assert read_part(title) == (1, 2)
    assert without_part(title) == whole


@pytest.mark.parametrize(
    "title",
    [
        "The Emerald City of Oz",
        "Part of Your World",
        "A Part Two People Play",
        "The Sign of Four",
        "One of Four",
        "Department 2",
        "Part 2",
        "The Emerald City of Oz (3 of 2)",
        "The Emerald City of Oz (0 of 2)",
        "",
    ],
)
def test_a_whole_book_is_no_part(title: str):
    assert read_part(title) is None
    assert without_part(title) == title


@pytest.mark.parametrize("title", ["Ozma of Oz: Oz, Book 3 of 14", "Ozma of Oz (Novel 3 of 14)"])
def test_a_place_in_a_series_is_no_part(title: str):
    assert read_part(title) is None


def test_a_title_that_is_nothing_but_a_part_keeps_its_name():
    assert without_part("(1 of 2)") == "(1 of 2)"


@given(st.text(max_size=600))
def test_any_text_is_read(title: str):
    part = read_part(title)

    assert part is None or part[1] is None or 1 <= part[0] <= part[1]
    assert without_part(title) or not title


@pytest.mark.parametrize("letter", ["(", "[", " ", "- ", "[]", "()", "(1 of 2)", "part ", "1 of "])
def test_a_title_made_to_be_slow_is_read_at_once(letter: str):
    """A pattern that tries every split would not come back within this test's life."""
    assert read_part(letter * 100_000 + "x") is None
