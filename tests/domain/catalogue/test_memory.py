"""What is remembered of a source: half an answer, an empty one or a dead source take nothing away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue.claims import Answer, BookClaim, PersonClaim, SeriesClaim
from domain.catalogue.derive import derive
from domain.catalogue.memory import Heard, could_not_look, remember
from tests.domain.catalogue.said import NOW, answered, chosen, listed, product, series, wanted_of, work

CONTRACT = Path(__file__).parents[2] / "fixtures" / "catalogues" / "contract"
DAY = timedelta(days=1)


def members(numbers: list[str]) -> list[BookClaim | SeriesClaim]:
    books: list[BookClaim | SeriesClaim] = [
        product(f"B0OZ0000{int(n):02}", f"Book number {n} of Oz", {"Oz": n}) for n in numbers
    ]
    rows = [(book.id, book.places[0].position) for book in books if isinstance(book, BookClaim)]
    return [*books, listed("audible", "Oz", rows)]


def shrinking() -> list[dict[str, Any]]:
    return list(json.loads((CONTRACT / "scenario.shrinking-series.json").read_text())["steps"])


def test_a_series_that_shrinks_loses_a_book_only_after_enough_whole_answers_over_enough_time():
    heard: Heard | None = None
    for step in shrinking():
        now = datetime.fromisoformat(step["at"]).replace(tzinfo=UTC)
        claims = members(step["positions"])
        complete = step["complete"]
        if not complete:
            claims[-1] = listed("audible", "Oz", [(one.id, None) for one in claims[:-1]], complete=False)
        heard = answered("audible", *claims, before=heard, complete=complete, now=now)
        found = derive(series(), [heard], now=now)
        then = step["then"]

        assert len(wanted_of(found)) == then["wanted"], step
        assert heard.trouble_code == then.get("condition", ""), step
        assert [one.book.position for one in chosen(found) if one.code == "Unsupported"] == then.get("unsupported", [])
        assert len(found.books) == 14


def test_a_list_that_comes_back_empty_is_doubted_and_not_believed():
    heard = answered("audible", *members(["1", "2", "3"]))

    emptied = answered("audible", listed("audible", "Oz", []), before=heard, now=NOW + DAY)

    assert emptied.trouble_code == "CatalogueShrank"
    assert len(wanted_of(derive(series(), [emptied], now=NOW))) == 3
    assert not emptied.absences
    assert emptied.answered_at == NOW, "what is shown is as old as the answer that was believed"


def test_an_answer_of_nothing_where_there_was_something_is_doubted():
    heard = answered("audible", *members(["1", "2", "3"]))

    nothing = remember(heard, "audible", heard.question, Answer(source="audible"), NOW + DAY)

    assert nothing.answer.books == heard.answer.books
    assert (nothing.trouble_code, nothing.answer.complete) == ("CatalogueShrank", False)


def test_a_book_that_one_source_dropped_stays_while_another_has_it():
    now = NOW
    heard = answered("audible", *members(["1", "2", "3"]), now=now)
    for _ in range(4):
        now += 8 * DAY
        heard = answered("audible", *members(["1", "2"]), before=heard, now=now)
    other = answered("hardcover", work("hardcover", 3, "Book number 3 of Oz", {"Oz": "3"}), now=now)

    alone = derive(series(), [heard], now=now)
    together = derive(series(), [heard, other], now=now)

    assert [number for number, _ in wanted_of(alone)] == ["1", "2"]
    assert [number for number, _ in wanted_of(together)] == ["1", "2", "3"]


def test_many_answers_on_one_day_are_no_long_absence():
    heard = answered("audible", *members(["1", "2", "3"]))
    for hour in range(5):
        heard = answered("audible", *members(["1", "2"]), before=heard, now=NOW + timedelta(hours=hour))

    assert len(wanted_of(derive(series(), [heard], now=NOW + DAY))) == 3


def test_a_try_that_failed_keeps_what_was_known_and_says_why():
    heard = answered("audible", *members(["1", "2"]))

    after = could_not_look(heard, "audible", "q", code="NotJson", why="HTML came", refused=False, now=NOW + DAY)

    assert after.answer == heard.answer
    assert (after.answered_at, after.asked_at, after.trouble) == (NOW, NOW + DAY, "HTML came")


def test_a_source_that_never_answered_could_not_look_and_one_that_refused_says_so():
    down = could_not_look(None, "audible", "q", code="NotJson", why="HTML came", refused=False, now=NOW)
    refused = could_not_look(None, "hardcover", "q", code="BadToken", why="make a new token", refused=True, now=NOW)

    found = derive(series(), [down, refused, answered("audiosilo")], now=NOW)

    states = {one.source: (one.outcome, one.answered_at) for one in found.sources}
    assert states == {
        "audible": ("could not look", None),
        "hardcover": ("refused", None),
        "audiosilo": ("not found", NOW),
    }


def test_a_stub_does_not_replace_what_is_known_of_a_book():
    heard = answered("audible", product("B0OZ000001", "The Wonderful Wizard of Oz", {"Oz": "1"}))
    stub = BookClaim(source="audible", id="asin:B0OZ000001", ids=("asin:B0OZ000001",), stub=True)

    after = answered("audible", stub, before=heard, now=NOW + DAY)

    assert after.answer.books == heard.answer.books


def test_a_newer_claim_replaces_the_older_one():
    heard = answered("audible", product("B0OZ000001", "The Wonderful Wizzard of Oz", {"Oz": "1"}))

    after = answered("audible", product("B0OZ000001", "The Wonderful Wizard of Oz", {"Oz": "1"}), before=heard)

    assert [claim.title for claim in after.answer.books] == ["The Wonderful Wizard of Oz"]


def test_a_series_that_is_only_named_keeps_the_list_that_was_known():
    heard = answered("audible", *members(["1", "2"]))

    after = answered("audible", listed("audible", "Oz", None), before=heard)

    assert after.answer.series == heard.answer.series


books = st.builds(
    lambda source, number: BookClaim(source=source, id=f"{source}:{number}", title=f"Book {number}"),
    st.just("audible"),
    st.integers(1, 9),
)
rows = st.lists(st.integers(1, 9), max_size=6, unique=True).map(
    lambda numbers: [(f"audible:{one}", str(one)) for one in numbers]
)
lists = st.builds(lambda told, whole: listed("audible", "Oz", told, complete=whole), st.none() | rows, st.booleans())
persons = st.builds(
    lambda told: PersonClaim(
        source="audible",
        id="audible:p",
        name="L. Frank Baum",
        books=None if told is None else tuple(id for id, _ in told),
    ),
    st.none() | rows,
)
answers = st.lists(st.lists(books | lists | persons, max_size=5), max_size=6)


@given(told=answers, gaps=st.lists(st.integers(0, 20), min_size=6, max_size=6))
def test_no_claim_and_no_member_is_ever_lost(told: list[list[Any]], gaps: list[int]):
    heard: Heard | None = None
    now = NOW
    for claims, days in zip(told, gaps, strict=False):
        now += days * DAY
        before, heard = heard, answered("audible", *claims, before=heard, now=now)
        if before is None:
            continue
        assert {one.id for one in before.answer.books} <= {one.id for one in heard.answer.books}
        assert _rows(before) <= _rows(heard)


def _rows(heard: Heard) -> set[tuple[str, str]]:
    rows = {(one.id, member.id) for one in heard.answer.series for member in one.members or ()}
    return rows | {(one.id, book) for one in heard.answer.people for book in one.books or ()}


@pytest.mark.parametrize("complete", [True, False])
def test_what_comes_back_counts_again_at_once(complete: bool):
    now = NOW
    heard = answered("audible", *members(["1", "2", "3"]), now=now)
    for _ in range(4):
        now += 8 * DAY
        heard = answered("audible", *members(["1", "2"]), before=heard, now=now)

    back = answered("audible", *members(["1", "2", "3"]), before=heard, complete=complete, now=now + DAY)

    assert len(wanted_of(derive(series(), [back], now=now + DAY))) == 3
