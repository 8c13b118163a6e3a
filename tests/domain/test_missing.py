"""Which books are missing: one row per want that the library does not satisfy, with its reason and what is done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import (
    BAUM,
    NOW,
    desired,
    grab_of,
    item_of,
    items,
    override,
    oz,
    publish_of,
    torrents,
    unread,
    wants,
    world,
)

from domain.catalogue.gaps import Gap, MissingBook
from domain.missing import missing_books
from domain.plan import plan
from domain.positions import read_position
from domain.wants import MemberKind, Want
from domain.world import Item


def missing(*books: Want, shelf: tuple[Item, ...] = (), **changes: Any) -> dict[str, MissingBook]:
    """Title -> its row."""
    found = missing_books(plan(desired(*books), world(shelf, **changes), NOW))
    assert len({row.want for row in found}) == len(found)
    return {row.title: row for row in found}


def alone(title: str, *, because: str, author: str = BAUM, **changes: Any) -> Want:
    return Want(key=f"other/{title}", title=title, authors=(author,), because=(because,), **changes)


def test_what_the_library_has_is_not_missing_and_what_it_lacks_is():
    rows = missing(oz(1), oz(3), shelf=(item_of(oz(1)),))

    [row] = rows.values()
    assert (row.want, row.title, row.authors) == (oz(3).key, "Ozma of Oz", (BAUM,))
    assert (row.series, row.position) == ("Oz", "3")
    assert row.evidence == ("Series/oz (oz.yaml:1)",)


def test_the_others_of_a_begun_series_are_its_gaps():
    rows = missing(oz(1), oz(2), oz(3), shelf=(item_of(oz(2)),))

    assert {title: row.reason for title, row in rows.items()} == {
        "The Wonderful Wizard of Oz": Gap.SERIES,
        "Ozma of Oz": Gap.SERIES,
    }


def test_a_series_of_which_nothing_is_here_was_declared():
    assert {row.reason for row in missing(oz(1), oz(2)).values()} == {Gap.DECLARED}


def test_another_series_by_the_same_author_is_no_gap_of_the_begun_one():
    other = alone("The Sea Fairies", because="Series/trot (a.yaml:1)", series="Trot", position=read_position("1"))

    assert missing(oz(1), other, shelf=(item_of(oz(1)),))["The Sea Fairies"].reason is Gap.DECLARED


@pytest.mark.parametrize(("because", "reason"), [
    ("Author/baum (a.yaml:1)", Gap.AUTHOR), ("Follow/begun (a.yaml:1)", Gap.AUTHOR),
    ("Book/tales (a.yaml:1)", Gap.DECLARED), ("Discover/weekly (a.yaml:1)", Gap.DISCOVERED),
])  # fmt: skip
def test_a_book_outside_every_series_is_missing_for_the_sake_of_whoever_asks(because: str, reason: Gap):
    rows = missing(oz(1), alone("American Fairy Tales", because=because), shelf=(item_of(oz(1)),))

    assert rows["American Fairy Tales"].reason is reason


def test_an_author_of_whom_nothing_is_here_was_declared():
    book = alone("A Princess of Mars", because="Author/burroughs (a.yaml:1)", author="Edgar Rice Burroughs")

    assert missing(oz(1), book, shelf=(item_of(oz(1)),))["A Princess of Mars"].reason is Gap.DECLARED


def test_a_book_that_a_document_names_is_declared_though_its_series_is_begun():
    named = oz(3, because=("Book/ozma (a.yaml:1)",))

    assert missing(oz(1), named, shelf=(item_of(oz(1)),))["Ozma of Oz"].reason is Gap.DECLARED


def test_a_row_says_what_is_done_about_the_book():
    rows = missing(oz(1), oz(3, suspend=True))

    assert rows["The Wonderful Wizard of Oz"].decision.startswith("NeverSearched: ")
    assert rows["Ozma of Oz"].decision.startswith("Suspended: ")


def test_what_waits_for_a_yes_is_missing_and_says_so():
    waiting = oz(3, waits=("CatalogueGrew", "the catalogue of Oz grew by 40 books at once"))

    row = missing(waiting)["Ozma of Oz"]

    assert row.decision == "CatalogueGrew: the catalogue of Oz grew by 40 books at once"
    assert row.evidence[-1] == "the catalogue of Oz grew by 40 books at once"


def test_what_may_be_owned_counts_as_missing_until_a_person_says_otherwise():
    rows = missing(oz(3), shelf=(item_of(oz(3), title="Princess Ozma's Adventures"),))

    assert rows["Ozma of Oz"].decision.startswith("MayBeOwned: ")


@pytest.mark.parametrize("verb", ["skip", "hold", "snooze"])
def test_what_is_here_is_not_missing_because_a_person_lets_it_rest(verb: str):
    resting = {"overrides": (override(verb, oz(1).key),)}

    assert missing(oz(1), shelf=(item_of(oz(1)),), **resting) == {}
    assert missing(oz(1), **resting).keys() == {"The Wonderful Wizard of Oz"}


def test_a_suspended_document_still_has_what_the_library_has():
    rows = missing(oz(1, suspend=True), oz(2, suspend=True), shelf=(item_of(oz(1)),))

    assert {title: row.reason for title, row in rows.items()} == {"The Marvelous Land of Oz": Gap.SERIES}


def test_what_a_person_says_is_not_the_book_leaves_it_missing():
    forced = {"overrides": (override("force", oz(1).key),)}

    assert missing(oz(1), shelf=(item_of(oz(1)),), **forced).keys() == {"The Wonderful Wizard of Oz"}


def test_what_was_just_published_is_not_missing():
    listed = item_of(oz(1), rel_path=f"{BAUM}/{oz(1).title}", title="01", authors=())
    claims = (grab_of(oz(1)), publish_of(oz(1)))

    assert missing(oz(1), shelf=(listed,), claims=claims) == {}


def test_a_number_without_a_title_is_missing_too():
    hole = oz(3, kind=MemberKind.PLACEHOLDER, title="Oz 3", because=("Follow/begun (a.yaml:1)",))

    row = missing(oz(1), hole, shelf=(item_of(oz(1)),))["Oz 3"]

    assert (row.reason, row.position) == (Gap.SERIES, "3")
    assert row.decision.startswith("TitleUnknown: ")


def test_a_book_whose_files_the_server_misses_is_missing():
    assert "Ozma of Oz" in missing(oz(3), shelf=(item_of(oz(3), is_missing=True),))


@given(st.lists(wants(), max_size=6, unique_by=lambda want: want.key), st.lists(items(), max_size=5),
       st.lists(torrents(), max_size=4))  # fmt: skip
def test_every_want_is_either_here_or_missing(books: list[Want], shelf: list[Item], loads: list[Any]):
    made = plan(desired(*books), world({one.id: one for one in shelf}.values(), loads), NOW)

    rows = missing_books(made)

    assert [row.want for row in rows] == sorted(row.want for row in rows)
    gone = {want.key for want in books} - {row.want for row in rows}
    assert {one.want for one in made.decisions if one.because.code == "InLibrary"} <= gone
    assert gone <= made.owned.keys()
    assert all(row.decision for row in rows)


def test_of_an_unread_library_every_want_is_told_with_the_reason():
    made = plan(desired(oz(1)), world(library=unread()), NOW)

    [row] = missing_books(made)

    assert row.decision.startswith("LibraryDown: ")
