"""Does the library have this book? There, perhaps, or not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import BAUM, BOOKS, OZ, item_of, items, oz

from domain.manifest import ProfileSpec
from domain.ownership import LibraryIndex, Owned, keys_of
from domain.positions import read_position
from domain.releases import SeriesName
from domain.wants import Want
from domain.world import Item

OZMA = oz(3, asin="B00OZMA000")


def owned(want: Want, *shelf: Item) -> str:
    found = LibraryIndex(shelf).owned(want)
    return "there" if found.items else "maybe" if found.maybe else "not"


def placed(name: str = "Oz", position: str | None = "3") -> dict[str, Any]:
    return {"series": (SeriesName(name=name, position=position),)}


def test_the_same_asin_is_the_same_book_whatever_else_is_said():
    assert owned(OZMA, item_of(oz(9), asin="b00ozma000", authors=("Nobody",))) == "there"


def test_title_and_author_are_enough():
    assert owned(OZMA, item_of(oz(3, series=None))) == "there"


@pytest.mark.parametrize(
    "title",
    [
        "OZMA OF OZ",
        "Ozma of Oz (Unabridged)",
        "Oz 03 - Ozma of Oz (Unabridged)",
        "L. Frank Baum - Oz 3 - Ozma of Oz",
        "Ozma of Oz: Oz, Book 3",
    ],
)
def test_a_messy_title_is_still_that_book(title: str):
    assert owned(OZMA, item_of(OZMA, title=title, series=())) == "there"


@pytest.mark.parametrize("rel_path", ["L. Frank Baum/Oz/03 - Ozma of Oz", "L. Frank Baum - Ozma of Oz"])
def test_a_folder_only_brings_a_book_up_and_its_title_decides(rel_path: str):
    assert owned(OZMA, item_of(oz(9), rel_path=rel_path)) == "not"


@pytest.mark.parametrize(
    ("numbers", "answer"), [("1-3", "there"), ("1-14", "there"), ("4-6", "not"), ("1, 2, 3", "there")]
)
def test_a_set_covers_the_numbers_that_it_holds(numbers: str, answer: str):
    omnibus = item_of(OZMA, title="The Oz Collection", **placed(position=numbers))

    assert owned(OZMA, omnibus) == answer


def test_a_set_by_an_unknown_author_may_be_it():
    assert owned(OZMA, item_of(OZMA, title="The Oz Collection", authors=(), **placed(position="1-3"))) == "maybe"


def test_a_part_of_a_book_is_not_the_book():
    assert owned(oz(5), item_of(oz(5), title="The Road, Part Three", **placed(position="5p3"))) == "not"


@pytest.mark.parametrize(("wanted", "profile", "answer"), [
    (None, False, "not"), (True, False, "there"), (None, True, "there"), (False, True, "not"),
])  # fmt: skip
def test_an_abridged_reading_counts_only_where_it_is_wanted(wanted: bool | None, profile: bool, answer: str):
    want = oz(3, abridged=wanted, profile=ProfileSpec(abridged=profile))

    assert owned(want, item_of(OZMA, abridged=True)) == answer


@pytest.mark.parametrize(
    ("language", "answer"),
    [("German", "not"), ("deu", "not"), ("de-AT", "not"), ("English", "there"), ("en-GB", "there"), (None, "there"),
     ("Klingon", "there")],
)  # fmt: skip
def test_a_reading_in_another_language_does_not_count(language: str | None, answer: str):
    assert owned(OZMA, item_of(OZMA, language=language)) == answer


def test_the_language_of_the_want_comes_before_that_of_the_profile():
    assert owned(oz(3, language="de"), item_of(OZMA, language="German")) == "there"


def test_namesakes_by_somebody_else_are_other_books():
    assert owned(OZMA, item_of(OZMA, authors=("Gregory Namesake",))) == "not"


def test_a_title_without_its_author_may_be_it():
    assert owned(oz(3, series=None), item_of(OZMA, authors=(), series=())) == "maybe"


def test_a_title_at_its_number_needs_no_author():
    assert owned(OZMA, item_of(OZMA, authors=())) == "there"


def test_a_title_at_another_number_may_be_it():
    assert owned(OZMA, item_of(OZMA, **placed(position="4"))) == "maybe"


def test_another_title_at_the_number_may_be_it():
    assert owned(OZMA, item_of(OZMA, title="Princess Ozma's Adventures")) == "maybe"


def test_a_number_in_another_series_says_nothing():
    assert owned(OZMA, item_of(oz(9), **placed(name="Land of Ev", position="3"))) == "not"


@pytest.mark.parametrize("title", ["The Magic", "Oz", "Glinda", "Glinda of Oz and Other Stories"])
def test_part_of_a_title_is_not_the_title(title: str):
    assert owned(oz(14), item_of(oz(14), title=title, series=())) != "there"


def test_a_missing_item_is_not_there():
    assert owned(OZMA, item_of(OZMA, is_missing=True)) == "not"


def test_every_book_of_a_series_is_told_from_its_neighbours():
    shelf = [item_of(oz(number)) for number in range(1, 15)]
    index = LibraryIndex(shelf)

    for number in range(1, 15):
        assert [item.title for item in index.owned(oz(number)).items] == [OZ[number - 1]]
        rest = LibraryIndex([item for item in shelf if item.title != OZ[number - 1]])
        assert rest.owned(oz(number)) == Owned()


@given(st.lists(items(), max_size=8, unique_by=lambda item: item.rel_path), st.sampled_from(BOOKS))
def test_the_order_of_items_does_not_matter(shelf: list[Item], want: Want):
    ones = {item.id: item for item in shelf}.values()

    assert LibraryIndex(ones).owned(want) == LibraryIndex(reversed(tuple(ones))).owned(want)


@given(items())
def test_stored_keys_find_what_fresh_ones_find(item: Item):
    without = msgspec.structs.replace(item, keys=None)

    assert item.keys == keys_of(without)
    for want in BOOKS:
        assert bool(LibraryIndex([item]).owned(want).items) == bool(LibraryIndex([without]).owned(want).items)


def test_a_pack_of_a_thousand_volumes_is_a_misread_number():
    odd = item_of(OZMA, title="Everything", **placed(position="1-1999"))

    assert owned(oz(12), odd) == "not"


def test_a_position_written_with_zeros_is_the_same_number():
    assert (
        owned(oz(3, position=read_position("03")), item_of(OZMA, title="Oz Three", **placed(position="3.0"))) == "maybe"
    )
    assert owned(OZMA, item_of(OZMA, authors=(BAUM, "John R. Neill"))) == "there"


# --- recordings in parts ---------------------------------------------------------------------------------------------

EMERALD = oz(6)


def part(number: int, of: int = 2, edition: str = "", **changes: Any) -> Item:
    title = f"The Emerald City of Oz ({number} of {of}){edition}"
    return item_of(EMERALD, **{"id": f"li-{number}-of-{of}", "rel_path": title, "title": title} | changes)


def test_parts_are_the_book_only_together():
    assert owned(EMERALD, part(1)) == "maybe"
    assert owned(EMERALD, part(2)) == "maybe"
    assert owned(EMERALD, part(1), part(2)) == "there"
    assert owned(EMERALD, part(1, of=3), part(2, of=3)) == "maybe"


def test_parts_of_two_divisions_do_not_make_one_book():
    assert owned(EMERALD, part(1, of=2), part(2, of=3), part(3, of=3)) == "maybe"


def test_the_same_part_twice_is_still_one_part():
    assert owned(EMERALD, part(1), part(1, id="li-again", rel_path="again")) == "maybe"


def test_a_part_whose_files_are_missing_is_not_there():
    assert owned(EMERALD, part(1), part(2, is_missing=True)) == "maybe"


def test_parts_that_are_all_there_leave_nothing_to_ask():
    found = LibraryIndex([part(1), part(2)]).owned(EMERALD)

    assert [item.id for item in found.items] == ["li-1-of-2", "li-2-of-2"]
    assert not found.maybe


def test_parts_by_somebody_else_are_another_book():
    assert owned(EMERALD, part(1, authors=("Martin Graves",)), part(2, authors=("Martin Graves",))) == "not"


def test_what_an_edition_says_behind_the_part_does_not_hide_it():
    drama = oz(6, profile=ProfileSpec(dramatized=True))
    first, second = (part(number, edition=" [Dramatized Adaptation]") for number in (1, 2))

    assert owned(drama, first) == "maybe"
    assert owned(drama, first, second) == "there"
    assert owned(EMERALD, first, second) == "not"


def test_the_asin_of_one_part_is_not_that_of_the_whole():
    sold_in_parts = oz(6, asins=("B0OZ000061", "B0OZ000062"))
    first, second = part(1, asin="B0OZ000061"), part(2, asin="B0OZ000062")

    assert owned(sold_in_parts, first) == "maybe"
    assert owned(sold_in_parts, first, second) == "there"


def test_a_book_that_is_called_a_part_is_a_whole_book():
    first, second = (
        Want(key=f"goethe/faust-{number}", title=f"Faust, Part {number}", authors=("Johann Wolfgang von Goethe",))
        for number in ("One", "Two")
    )

    assert owned(first, item_of(first)) == "there"
    assert owned(second, item_of(first)) == "not"
    assert owned(first, item_of(second)) == "not"


# --- sets and alternates that the catalogue tells of -----------------------------------------------------------------


def test_a_set_that_is_known_to_hold_the_book_is_the_book():
    held = oz(6, sets=("The Complete Wizard of Oz Collection",))
    collection = item_of(EMERALD, title="The Complete Wizard of Oz Collection", series=())

    assert owned(held, collection) == "there"
    assert owned(EMERALD, collection) == "not"


def test_a_set_is_known_by_its_asin_whatever_it_is_called():
    held = oz(6, sets=("B0OZ100006",))
    collection = item_of(oz(1), title="All of It", series=(), asin="b0oz100006")

    assert owned(held, collection) == "there"
    assert owned(EMERALD, collection) == "not"


def test_a_set_of_that_name_by_somebody_else_holds_it_not():
    held = oz(6, sets=("The Complete Collection",))

    assert (
        owned(held, item_of(EMERALD, title="The Complete Collection", series=(), authors=("Martin Graves",))) == "not"
    )
    assert owned(held, item_of(EMERALD, title="The Complete Collection", series=(), authors=())) == "maybe"


def test_a_set_in_another_language_holds_another_book():
    held = oz(6, sets=("The Complete Wizard of Oz Collection",))
    collection = item_of(EMERALD, title="The Complete Wizard of Oz Collection", series=(), language="German")

    assert owned(held, collection) == "not"


@pytest.mark.parametrize("places", [(), (SeriesName(name="Oz", position="5-8"),)])
def test_one_part_of_a_set_is_not_the_set(places: tuple[SeriesName, ...]):
    held = oz(6, sets=("The Oz Collection",))
    halves = [
        item_of(EMERALD, id=str(number), title=f"The Oz Collection (Part {number} of 2)", series=places)
        for number in (1, 2)
    ]

    assert owned(held, halves[0]) == "maybe"
    assert owned(held, *halves) == "there"


def test_the_book_under_another_of_its_names_is_the_book():
    mastermind = Want(
        key="burroughs/the-master-mind-of-mars",
        title="The Master Mind of Mars",
        authors=("Edgar Rice Burroughs",),
        series="Barsoom",
        position=read_position("6"),
        other_titles=("Vad Varo of Barsoom",),
    )

    assert owned(mastermind, item_of(mastermind, title="Vad Varo of Barsoom", series=())) == "there"
    assert (
        owned(mastermind, item_of(mastermind, title="Vad Varo of Barsoom", series=(), authors=("A. Nother",))) == "not"
    )


@pytest.mark.parametrize("asin", ["B0OZ000031", "b0oz000031"])
def test_any_edition_that_the_profile_takes_is_the_book(asin: str):
    assert owned(oz(3, asins=("B0OZ000030", "B0OZ000031")), item_of(oz(9), title="Unnamed", asin=asin)) == "there"
    assert owned(oz(3, asins=("B0OZ000030",)), item_of(oz(9), title="Unnamed", series=(), asin=asin)) == "not"
