"""When are two records one book: ids, titles, numbers and authors together; never titles that are merely alike."""

from __future__ import annotations

import msgspec
import pytest

from domain.catalogue.books import Book
from domain.catalogue.claims import BookClaim, Recording
from domain.catalogue.derive import derive
from tests.domain.catalogue.said import (
    BAUM,
    NOW,
    OZ,
    answered,
    derived,
    listed,
    oz,
    product,
    series,
    told,
    wanted,
    wanted_of,
    work,
)

DOYLE = "Arthur Conan Doyle"
HOLMES = series("Sherlock Holmes", DOYLE)


def holmes(number: int, title: str, source: str = "hardcover", place: str | None = "") -> BookClaim:
    at = str(number) if place == "" else place
    return work(source, f"{source[0]}{number}", title, {"Sherlock Holmes": at}, by=[DOYLE], recorded=True)


def book_of(id: str, *claims: BookClaim) -> Book:
    [book] = [book for book in derived(series(), *claims).books if id in book.ids]
    return book


@pytest.mark.parametrize(
    "variant",
    [
        "Ozma of Oz (Unabridged)",
        "OZMA OF OZ",
        "Ozma of Oz: Oz, Book 3",
        "Ozma of Oz (Oz Book 3)",
        "Ozma of Oz [Oz, #3]",
        "Ozma of Oz - Oz, Book 3",
        "Ozma of Oz | Oz | Book 3",
        "Ozma of Oz: Volume 3",
        "Ozma of Oz, Book Three",
        "Oz 3: Ozma of Oz",
        "Oz, Book 3: Ozma of Oz",
        "03 Ozma of Oz",
        "3. Ozma of Oz",
        "Ozma of Oz by L. Frank Baum",
        "Ozma of Oz: A Novel",
        "Ozma of Oz (Annotated)",
        "Ozma of Oz (AmazonClassics Edition)",
        "Ozma of Oz (Dramatized Adaptation)",
        "Ozma of Oz (1 of 2)",
        "Ozma of Oz, Part 2",
    ],
)
@pytest.mark.parametrize("place", ["3", "", None])
def test_one_title_however_a_shop_dresses_it_is_one_book_with_or_without_its_number(variant: str, place: str | None):
    dressed = product("B0OZ000103", variant, {"Oz": place}, narrator="Tom Voice")

    found = derived(series(), *oz(), dressed)

    assert [book.title for book in found.books if dressed.id in book.ids] == ["Ozma of Oz"]
    assert len(wanted_of(found)) == 6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Return of Sherlock Holmes", "The Adventures of Sherlock Holmes"),
        ("The Innocence of Father Brown", "The Incredulity of Father Brown"),
        ("Tarzan the Untamed", "Tarzan the Terrible"),
        ("At the Earth's Core", "Tarzan at the Earth's Core"),
        ("Anne of Avonlea", "Anne of Ingleside"),
        ("Fixture Quest 1", "Fixture Quest 13"),
        ("Star Wars: A New Hope", "Star Wars: A New Dawn"),
    ],
)
def test_neighbours_of_a_series_stay_apart_even_when_one_source_puts_one_at_the_others_number(one: str, other: str):
    right = [holmes(1, one), holmes(2, other), holmes(1, one, "audible"), holmes(2, other, "audible")]
    wrong = holmes(2, other, "audiosilo", place="1")

    assert wanted(HOLMES, *right, wrong) == [("1", one), ("2", other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Sign of the Four", "The Sign of Four"),
        ("The Colour of Magic", "The Color of Magic"),
        ("The Master Mind of Mars", "The Mastermind of Mars"),
        ("The Case-Book of Sherlock Holmes", "The Casebook of Sherlock Holmes"),
        ("Eric", "Faust Eric"),
        ("His Last Bow", "His Last Bow: Some Reminiscences of Sherlock Holmes"),
    ],
)
def test_spellings_at_one_number_by_one_author_are_one_book(one: str, other: str):
    [book] = derived(HOLMES, holmes(2, one), holmes(2, other, "audible")).books

    assert {book.title, *book.other_titles} == {one, other}
    assert book.joined


def test_unlike_titles_at_one_number_are_two_books_of_which_one_is_wanted():
    claims = (holmes(1, "The Tin Castle"), holmes(1, "Greenmantle", "audible"), holmes(1, "Greenmantle", "openlibrary"))

    found = derived(HOLMES, *claims)

    assert sorted(book.title for book in found.books) == ["Greenmantle", "The Tin Castle"]
    assert wanted_of(found) == [("1", "Greenmantle")]


def test_an_asin_on_two_unlike_books_is_held_and_loses_neither():
    wrong = work("hardcover", 5, "The Road to Oz", {"Oz": "5"}, ids=["asin:B0OZ000006"])

    found = derived(series(), *oz(), wrong)

    assert len(wanted_of(found)) == 6
    [road] = [book for book in found.books if wrong.id in book.ids]
    assert "asin:B0OZ000006" not in road.ids
    assert any("IdConflict" in conflict.because for conflict in road.conflicts)


def test_a_recording_by_a_wrong_asin_is_no_way_to_know_the_book():
    audio = (Recording(ids=("asin:B0OZ000006",), language="en"),)
    wrong = work("hardcover", 5, "The Road to Oz", {"Oz": "5"}, recordings=audio)

    road = book_of(wrong.id, *oz(), wrong)

    assert "B0OZ000006" not in {asin for edition in road.editions for asin in edition.asins}


def test_the_isbn_of_a_box_set_on_its_first_book_joins_nothing():
    isbn = "isbn:9780000000019"
    first = work("openlibrary", "OL1W", OZ[0], {"Oz": "1"}, ids=[isbn])
    box = work("openlibrary", "OL2W", "The Oz Books: 14-Volume Box Set", ids=[isbn])

    found = derived(series(), *oz(), first, box)

    assert len(wanted_of(found)) == 6
    assert not [book for book in found.books if box.id in book.ids and first.id in book.ids]


def test_a_numeric_asin_that_was_used_again_joins_nothing():
    old = product("0007412345", "Ozma of Oz", {"Oz": "3"})
    again = work("hardcover", 9, "A Gardener's Year", by=["Gwen Grower"], ids=["asin:0007412345"])

    found = derived(series(), *oz(), old, again)

    assert len(wanted_of(found)) == 6
    assert not [book for book in found.books if again.id in book.ids]


def test_the_same_sku_in_two_shops_is_one_book_even_under_two_spellings():
    us = product("B0OZ000002", "The Marvelous Land of Oz", {"Oz": "2"}, ids=["sku:BK_1"])
    uk = product("B0OZ000102", "The Marvellous Land of Oz", {"Oz Books": "2"}, ids=["sku:BK_1"])

    [book] = derived(series(), us, uk).books

    assert [len(edition.asins) for edition in book.editions] == [2]


def test_a_slug_that_a_source_has_seven_times_is_one_book():
    again = [told("audiosilo", f"audiosilo:ozma-{n}", "Ozma of Oz", {"Oz": "3"}, recorded=True) for n in range(7)]

    found = derived(series(), *oz(), *again)

    assert len(found.books) == 6
    assert len(wanted_of(found)) == 6


def test_one_record_that_two_shops_call_differently_is_one_book_under_both_names():
    us = product("B0OZ000009", "The Lost Continent", subtitle="Originally Published as Beyond Thirty")
    uk = product("B0OZ000009", "Beyond Thirty")
    other = product("B0OZ000109", "Beyond Thirty", narrator="Tom Voice")
    heard = [answered("audible", us, question="us"), answered("audible", uk, other, question="uk")]

    [book] = derive(series(), [*heard, answered("audible", listed("audible", "Oz", [(us.id, "9")]))], now=NOW).books

    assert {book.title, *book.other_titles} == {"The Lost Continent", "Beyond Thirty"}
    assert other.id in book.ids


@pytest.mark.parametrize("languages", [("de",), ("de", "fr", "es")])
def test_translations_at_the_number_are_the_book_and_the_usual_language_names_it(languages: tuple[str, ...]):
    titles = {"de": "Prinzessin Ozma", "fr": "Le royaume d'Ozma", "es": "La princesa Ozma"}
    abroad = [
        product(f"B0OZ0009{n:02}", titles[one], {"Oz": "3"}, language=one, by=[BAUM], narrator=f"Stimme {n}")
        for n, one in enumerate(languages)
    ]

    ozma = book_of("asin:B0OZ000003", *oz(), *abroad)

    assert ozma.title == "Ozma of Oz"
    assert ozma.titles == {"en": "Ozma of Oz"} | {one: titles[one] for one in languages}


def test_two_books_of_one_foreign_language_at_a_number_are_not_taken_for_a_translation():
    titles = ("Prinzessin Ozma", "Der Zauberkoffer")
    abroad = [product(f"B0OZ0009{n:02}", title, {"Oz": "3"}, language="de") for n, title in enumerate(titles)]

    assert book_of("asin:B0OZ000003", *oz(), *abroad).titles == {"en": "Ozma of Oz"}


def test_a_translation_beside_a_study_guide_by_others_is_still_one():
    guide = product("B0OZ000801", "Insights into Ozma", {"Oz": "3"}, by=["Quick Fixture"])
    abroad = product("B0OZ000901", "Prinzessin Ozma", {"Oz": "3"}, language="de", narrator="Dora Stimme")

    ozma = book_of("asin:B0OZ000003", *oz(), guide, abroad)

    assert [abroad.id in ozma.ids, guide.id in ozma.ids] == [True, False]


def test_a_title_without_authors_that_two_authors_have_belongs_to_the_one_of_its_series():
    theirs = product("B0FX000001", "Ozma of Oz", {"Fixture Retellings": "1"}, by=["Fay Fixture"])
    nameless = told("audible", "asin:B0OZ000103", "Ozma of Oz", {"Oz": "3"}, by=[], recorded=True)

    ozma = book_of("asin:B0OZ000003", *oz(), theirs, nameless)

    assert [nameless.id in ozma.ids, theirs.id in ozma.ids] == [True, False]


@pytest.mark.parametrize(
    "spelling", ["Baum, L. Frank", "L Frank Baum", "L. F. Baum", "Lyman Frank Baum", "L. FRANK BAUM"]
)
def test_spellings_of_an_author_do_not_part_a_book(spelling: str):
    other = work("openlibrary", "OL3W", "Ozma of Oz", {"Oz": "3"}, by=[spelling])

    assert other.id in book_of("asin:B0OZ000003", *oz(), other).ids


def test_a_relative_of_the_same_surname_is_another_author():
    nephew = product("B0OZ000909", "The Silver Ozma", {"Oz": "9"}, by=["Roger S. Baum"])

    assert ("9", "The Silver Ozma") not in wanted(series(), *oz(), nephew)


def test_a_merge_that_a_source_states_makes_one_book():
    old = work("hardcover", 31, "Princess Ozma", {"Oz": None})
    new = work("hardcover", 3, "Ozma of Oz", {"Oz": "3"})

    answer = answered("hardcover", old, new, aliases=[("hardcover:31", "hardcover:3")])
    [book] = derive(series(), [answer], now=NOW).books

    assert {"hardcover:31", "hardcover:3"} <= set(book.ids)
    assert any("is now" in why for why in book.joined)


def test_an_isbn_of_zeros_has_no_place_here_so_equal_ids_of_two_books_with_one_author_and_unlike_titles_stay_apart():
    one = work("lubimyczytac", 1, "Ozma of Oz", {"Oz": "3"}, ids=["isbn:0000000000000"])
    other = work("lubimyczytac", 2, "Tik-Tok of Oz", {"Oz": "8"}, ids=["isbn:0000000000000"])

    assert len(derived(series(), one, other).books) == 2


def test_parts_of_one_production_are_one_recording_that_is_whole_only_with_all_of_them():
    halves = [
        product(
            f"B0OZ00060{n}", f"The Emerald City of Oz ({n} of 2)", {"Oz": "6"}, narrator="A Full Cast", dramatized=True
        )
        for n in (1, 2)
    ]

    both, one = (book_of("asin:B0OZ000006", *oz(), *some) for some in (halves, halves[:1]))

    assert [edition.parts for edition in both.editions if edition.parts] == [(2, 2)]
    assert [edition.parts for edition in one.editions if edition.parts] == [(1, 2)]


@pytest.mark.parametrize(
    "title",
    [
        "Ozma of Oz (SparkNotes Literature Guide)",
        "Study Guide: Ozma of Oz",
        "Summary of Ozma of Oz",
        "Ozma of Oz (Graphic Novel)",
        "Ozma of Oz [Manga]",
    ],
)
@pytest.mark.parametrize("by", [["Fixture Notes"], ["Fixture Notes", BAUM], [BAUM], []])
def test_a_guide_or_a_comic_is_never_the_book_that_it_is_named_after(title: str, by: list[str]):
    guide = told("audible", "asin:B0OZ000777", title, {"Oz": "3"}, by=by, recorded=True)

    found = derived(series(), *oz(), guide)

    assert [book for book in found.books if {guide.id, "asin:B0OZ000003"} <= set(book.ids)] == []
    assert [title for _, title in wanted_of(found)] == list(OZ)


def test_an_alias_of_a_series_says_nothing_of_the_books_that_have_the_same_numbers():
    """Some sources number books and series apart, so that `hardcover:31` is one of each."""
    books = [work("hardcover", 31, OZ[0], {"Oz": "1"}), work("hardcover", 3, OZ[1], {"Oz": "2"})]
    lists = [
        msgspec.structs.replace(listed("hardcover", "Oz", [("hardcover:31", "1"), ("hardcover:3", "2")]), id=id)
        for id in ("hardcover:31", "hardcover:3")
    ]
    answer = answered("hardcover", *books, *lists, aliases=[("hardcover:31", "hardcover:3")])

    found = derive(series(), [answer], now=NOW)

    assert {OZ[0], OZ[1]} <= {book.title for book in found.books}
