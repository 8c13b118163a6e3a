"""What is asked for a book, in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ladder import MOST_QUESTIONS, NEWEST, Query, ladder
from domain.positions import read_position
from domain.wants import Want


def texts(title: str, *authors: str, number: str = "", **changes: Any) -> list[str]:
    want = Want(key="k", title=title, authors=authors, position=read_position(number) if number else None, **changes)
    return [query.text for query in ladder(want)]


def test_it_asks_precisely_first_and_ends_with_the_series():
    assert texts("Ozma of Oz", "L. Frank Baum", series="Oz", number="3") == [
        "ozma of oz l frank baum",
        "ozma of oz baum",
        "ozma of oz",
        "oz 3 baum",
    ]


def test_title_and_author_are_named_as_such_where_they_are_stated_and_series_where_no_title_is():
    want = Want(
        key="k", title="Ozma of Oz", authors=("L. Frank Baum",), series="Oz", position=read_position("3"),
        other_titles=("Princess Ozma",),
    )  # fmt: skip

    named = {query.text: (query.title, query.author, query.series) for query in ladder(want)}

    assert named == {
        "ozma of oz l frank baum": ("Ozma of Oz", "L. Frank Baum", None),
        "ozma of oz baum": (None, None, None),
        "princess ozma l frank baum": ("Princess Ozma", "L. Frank Baum", None),
        "ozma of oz": (None, None, None),
        "oz 3 baum": (None, "L. Frank Baum", "Oz"),
    }


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Ozma of Oz: A Record of Her Adventures", "ozma of oz baum"),
        ("Ozma of Oz (Oz, Book 3)", "ozma of oz baum"),
        ("Alice's Adventures in Wonderland", "adventures in wonderland baum"),
        ("20,000 Leagues Under the Sea", "leagues under the sea baum"),
        ("Dorothy and the Wizard in Oz", "dorothy the wizard in oz baum"),
        ("Henry IV, Part 2", "henry 4 part 2 baum"),
        ("Henry IV, Part 2", "henry iv part ii baum"),
        ("Henry V", "henry 5 baum"),
        ("The Road to Oz 5", "the road to oz v baum"),
    ],
)
def test_what_releases_spell_otherwise_is_asked_for_otherwise(title: str, asked: str):
    assert asked in texts(title, "L. Frank Baum")


@pytest.mark.parametrize("title", ["I, Robot", "1984", "20,000 Leagues Under the Sea", "Ozma of Oz"])
def test_what_is_no_number_is_not_written_as_one(title: str):
    assert len(texts(title, "Somebody")) <= 3


def test_accents_and_apostrophes_are_asked_for_as_stated_first():
    assert texts("Les Misérables", "Victor Hugo")[:2] == ["les misérables victor hugo", "les miserables hugo"]
    assert texts("Alice’s Adventures", "Lewis Carroll")[0] == "alice's adventures lewis carroll"


def test_other_titles_are_asked_for_two_at_most():
    asked = texts("Ozma of Oz", "L. Frank Baum", other_titles=("One", "Two", "Three"))

    assert [text for text in asked if text.split()[0] in ("one", "two", "three")] == [
        "one l frank baum",
        "two l frank baum",
    ]


def test_without_an_author_the_title_is_asked_for():
    assert texts("Ozma of Oz", series="Oz", number="3") == ["ozma of oz", "oz 3"]


titles = st.sampled_from(("…", "!!!", "I", "and", "Книга джунглей", "Ozma: of: Oz 3", "0.5", "'")) | st.text(min_size=1)


@given(titles, st.lists(titles, max_size=1), st.lists(titles, max_size=4), st.sampled_from(("", "3", "1-3")))
def test_no_question_is_empty_none_is_asked_twice_and_there_are_few(
    title: str, authors: list[str], others: list[str], number: str
):
    if not title.strip():
        title = "x"

    asked = texts(title, *authors, other_titles=tuple(others), series="Oz", number=number)

    assert all(text.strip() for text in asked)
    assert len(set(asked)) == len(asked)
    assert 1 <= len(asked) <= MOST_QUESTIONS


def test_equal_questions_have_equal_keys_and_others_have_not():
    one = Query(text="ozma of oz", title="Ozma of Oz", author="L. Frank Baum")

    assert one.key == Query(text="ozma of oz", title="Ozma of Oz!", author="L Frank Baum").key
    assert len({one.key, NEWEST.key, Query(text="ozma of oz").key, Query(text="oz", series="Ozma of Oz").key}) == 4
