"""What a member of a series is: the first rule that fires, and the false positives that caught other programs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue.books import Book, Subject
from domain.catalogue.claims import BookClaim, Credit, Recording
from domain.wants import MemberKind
from tests.domain.catalogue.said import BAUM, OZ, derived, oz, product, series, told, wanted, wanted_of, work

CONTRACT = Path(__file__).parents[2] / "fixtures" / "catalogues" / "contract"
CASES = json.loads((CONTRACT / "vectors.omnibus.json").read_text())["cases"]
USUAL_MIN = 300


def member(claim: BookClaim, *others: BookClaim, count: int = 6) -> Book:
    [book] = [book for book in derived(series(), *oz(count), claim, *others).books if claim.id in book.ids]
    return book


def unknown(title: str, place: str | None = "", **fields: Any) -> BookClaim:
    return product("B0OZ000777", title, {"Oz": place}, **fields)


@pytest.mark.parametrize("case", [case for case in CASES if case["position"]], ids=lambda case: case["title"])
def test_the_numbered_cases_of_the_contract(case: dict[str, Any]):
    minutes = case["runtime_vs_median"] * USUAL_MIN
    mars = [
        product(f"B0MARS000{n}", t, {"Oz": f"2{n}"}) for n, t in enumerate(("A Princess of Mars", "The Gods of Mars"))
    ]
    place = case["position"] if case["kind"] != "single" else "30"

    book = member(product("B0OZ000777", case["title"], {"Oz": place}, minutes=minutes), *mars)

    if case["kind"] == "part":
        assert book.kind is MemberKind.PART or any(edition.parts for edition in book.editions)
    else:
        assert book.kind is (MemberKind.OMNIBUS if case["kind"] == "omnibus" else MemberKind.PRIMARY)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case["position"] and case["kind"] == "single"],
    ids=lambda case: case["title"],
)
def test_a_book_that_stands_alone_is_no_set_whatever_its_name_sounds_like(case: dict[str, Any]):
    alone = product("B0OZ000777", case["title"])

    assert (None, case["title"]) in wanted(Subject(kind="author", name=BAUM), *oz(), alone)


@pytest.mark.parametrize(
    ("title", "place", "minutes"),
    [
        ("The Oz Collection", "1-5", 1500),
        ("The Oz Collection", "1, 2, 3", 1500),
        ("The Oz Collection", "", 1500),
        ("The Oz Collection", None, None),
        ("The Complete Oz", None, 4000),
        ("The Wonderful World of Baum", "", 905),
        ("The Oz Box Set", "7", 4000),
        ("The Oz Boxed Set", "7", None),
        ("Oz: Books 1-3", "1", 900),
        ("Oz Books 1 to 3", "1", None),
        ("Three Novels in One", "7", 900),
        ("The Wonderful Wizard of Oz / The Marvelous Land of Oz", "", 600),
        ("The Wonderful Wizard of Oz / The Marvelous Land of Oz", "1", 600),
        ("The Wonderful Wizard of Oz and The Marvelous Land of Oz", "7", 600),
        ("The Wonderful Wizard of Oz, The Marvelous Land of Oz, Ozma of Oz", None, None),
    ],
)
def test_several_books_in_one_are_never_wanted_and_take_no_book_s_place(
    title: str, place: str | None, minutes: float | None
):
    box = unknown(title, place, minutes=minutes)

    found = derived(series(), *oz(), box)

    assert [book.kind for book in found.books if box.id in book.ids] == [MemberKind.OMNIBUS]
    assert [title for _, title in wanted_of(found)] == list(OZ)


@pytest.mark.parametrize(
    ("title", "place", "minutes"),
    [
        ("The Complete Fixture Omnibus", "7", 290),
        ("A Collection of Magic", "7", 310),
        ("The Emerald Bundle", "7", 350),
        ("The Long Road", "7", 1200),
        ("The Trilogy of Doors", "7", 300),
    ],
)
def test_a_book_at_its_own_number_is_one_book_unless_name_and_length_say_otherwise(
    title: str, place: str, minutes: float
):
    assert member(unknown(title, place, minutes=minutes)).kind is MemberKind.PRIMARY


def test_a_compilation_that_another_family_numbers_is_a_collection_of_stories():
    """A source may count a book of stories as compiled; whoever sells it numbers it like any other."""
    hardcover = work("hardcover", 3, "Ozma of Oz", {"Oz": "3"}, compilation=True)
    alone = work("hardcover", 30, "Oz, All in One", {"Oz": "7"}, compilation=True)

    assert member(hardcover).kind is MemberKind.PRIMARY
    assert member(alone).kind is MemberKind.OMNIBUS


def test_the_first_book_of_a_trilogy_is_no_trilogy():
    titles = ("Five Children and It", "The Phoenix and the Carpet", "The Story of the Amulet")
    subject = series("The Psammead Trilogy", "E. Nesbit")
    books = [
        product(f"B0PS00000{n}", f"{title} | The Psammead Trilogy | Book {n}", {"The Psammead Trilogy": str(n)},
                by=["E. Nesbit"], minutes=minutes)
        for n, (title, minutes) in enumerate(zip(titles, (200, 200, 600), strict=True), 1)
    ]  # fmt: skip

    assert wanted(subject, *books) == [(str(n), title) for n, title in enumerate(titles, 1)]


def test_a_book_called_as_the_series_is_one_book_and_stands_in_the_tail_of_others():
    subject = series("Pellucidar", "Edgar Rice Burroughs")
    titles = ("At the Earth's Core", "Pellucidar", "Tanar of Pellucidar", "Tarzan at the Earth's Core")
    books = [
        product(f"B0PE00000{n}", f"{title}: Pellucidar, Book {n}", {"Pellucidar": str(n)}, by=["Edgar Rice Burroughs"],
                minutes=900 if n == 4 else 300)
        for n, title in enumerate(titles, 1)
    ]  # fmt: skip

    assert wanted(subject, *books) == [(str(n), title) for n, title in enumerate(titles, 1)]


@pytest.mark.parametrize(
    ("place", "fields", "kind"),
    [
        ("0", {}, MemberKind.PREQUEL),
        ("0.5", {"minutes": 40}, MemberKind.SHORT),
        ("2.5", {"minutes": 120}, MemberKind.NOVELLA),
        ("2.5", {"category": "short", "minutes": 120}, MemberKind.SHORT),
        ("2.5", {"category": "novella", "minutes": 40}, MemberKind.NOVELLA),
        ("2.9", {"minutes": 55}, MemberKind.EXTRACT),
        ("2.99", {"minutes": 30}, MemberKind.EXTRACT),
        ("2.9", {"minutes": 240}, MemberKind.NOVELLA),
        ("", {}, MemberKind.UNPLACED),
        (None, {}, MemberKind.UNPLACED),
        ("Prequel", {}, MemberKind.UNPLACED),
        ("-1", {}, MemberKind.UNPLACED),
        ("7", {}, MemberKind.PRIMARY),
        ("7.0", {}, MemberKind.PRIMARY),
        ("Book 7", {}, MemberKind.PRIMARY),
        ("tom 7", {}, MemberKind.PRIMARY),
        ("#7", {}, MemberKind.PRIMARY),
        ("7, Dramatized Adaptation", {"dramatized": True}, MemberKind.PRIMARY),
        ("7-9", {}, MemberKind.OMNIBUS),
        ("7 & 8", {}, MemberKind.OMNIBUS),
    ],
)
def test_the_number_and_the_length_say_what_a_book_is(place: str | None, fields: dict[str, Any], kind: MemberKind):
    assert member(unknown("The Patchwork Girl of Oz", place, **fields)).kind is kind


def test_number_nought_is_shown_and_wanted():
    assert wanted(series(), *oz(2), unknown("Before the Wizard", "0"))[0] == ("0", "Before the Wizard")


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        (
            unknown("Untitled Oz Novel", "7", narrator="", minutes=None, released=date(2200, 1, 1)),
            MemberKind.PLACEHOLDER,
        ),
        (
            unknown("The Patchwork Girl", "7", narrator="", minutes=None, released=date(2027, 5, 1)),
            MemberKind.PLACEHOLDER,
        ),
        (work("hardcover", 41, "Oz #41", {"Oz": "41"}), MemberKind.PLACEHOLDER),
        (work("hardcover", 41, "Oz Book 41", {"Oz": "41"}), MemberKind.PLACEHOLDER),
        (work("hardcover", 41, "Untitled", {"Oz": "41"}), MemberKind.PLACEHOLDER),
        (unknown("The Patchwork Girl of Oz", "7", released=date(2027, 5, 1)), MemberKind.PRIMARY),
        (unknown("Summary of Ozma of Oz", "7"), MemberKind.COMPANION),
        (unknown("Study Guide: Ozma of Oz", ""), MemberKind.COMPANION),
        (unknown("The Royal Book of Oz", "15", by=["Ruth Plumly Thompson"]), MemberKind.OTHER_AUTHOR),
        (unknown("Summary of Ozma of Oz", "3", by=["Quick Fixture"]), MemberKind.OTHER_AUTHOR),
        (unknown("A Comic of Oz", "7", by=["Fay Fixture", Credit(name=BAUM, role="creator")]), MemberKind.OTHER_AUTHOR),
        (work("hardcover", 7, "Oz, the Comic", {"Oz": "7"}, category="graphic"), MemberKind.COMPANION),
        (unknown("A Map of Oz", "2.5", minutes=None), MemberKind.COMPANION),
        (unknown("Ozma of Oz: Opening Chapters", "2.5", minutes=30), MemberKind.EXTRACT),
        (unknown("Prinzessin Ozma allein", "", language="de"), MemberKind.UNPLACED),
        (told("audible", "asin:B0OZ000777", "The Road Back", {"Oz": "7, part 1 of 2"}, recorded=True), MemberKind.PART),
        (unknown("The Way Back, Part One", "7"), MemberKind.PART),
    ],
    ids=lambda value: value.title if isinstance(value, BookClaim) else None,
)
def test_what_is_no_book_of_the_author_is_told_apart(claim: BookClaim, kind: MemberKind):
    assert member(claim).kind is kind


@pytest.mark.parametrize("category", ["podcast", "periodical"])
def test_podcasts_and_magazines_are_no_books(category: str):
    chat = unknown("Oz Chat, episode 4", "7", category=category)

    assert not [book for book in derived(series(), *oz(), chat).books if chat.id in book.ids]


def test_a_comic_of_a_book_at_its_number_is_a_record_of_it_at_most():
    comic = work("hardcover", 73, "Ozma of Oz", {"Oz": "3"}, category="graphic")

    found = derived(series(), *oz(), comic)

    assert len(wanted_of(found)) == 6
    assert [book.kind for book in found.books if comic.id in book.ids] == [MemberKind.PRIMARY]


def test_a_book_of_which_only_parts_are_known_is_not_wanted_and_all_of_them_make_it_whole():
    parts = [unknown(f"The Road Back ({n} of 2)", "7") for n in (1, 2)]
    other = product("B0OZ000778", "The Road Back (2 of 2)", {"Oz": "7"})

    assert ("7", "The Road Back") not in wanted(series(), *oz(), parts[0])
    [book] = [book for book in derived(series(), *oz(), parts[0], other).books if other.id in book.ids]
    assert [edition.parts for edition in book.editions] == [(2, 2)]


def test_an_omnibus_names_the_books_that_it_holds():
    by_title = unknown("The Wonderful Wizard of Oz / The Marvelous Land of Oz", "")
    by_number = product("B0OZ000778", "The Big Oz Book", {"Oz": "2-4"}, minutes=900)

    found = derived(series(), *oz(), by_title, by_number)
    titles = {book.id: book.title for book in found.books}

    held = {book.title: {titles[one] for one in book.contains} for book in found.books if book.contains}
    assert held == {by_title.title: set(OZ[:2]), by_number.title: set(OZ[1:4])}


def test_recordings_that_are_dramatised_or_in_parts_are_no_measure_of_length():
    drama = [
        product(f"B0OZ00080{n}", f"{title} (Dramatized Adaptation)", {"Oz": f"{n}, Dramatized Adaptation"}, minutes=60,
                dramatized=True)
        for n, title in enumerate(OZ[:6], 1)
    ]  # fmt: skip

    assert wanted(series(), *oz(), *drama) == wanted(series(), *oz())


def test_recordings_of_one_reader_and_length_are_one_edition_and_abridged_ones_are_their_own():
    again = told(
        "librivox", "librivox:3", "Ozma of Oz", recorded=True,
        recordings=(Recording(ids=("librivox:3",), narrators=("Nora Reade",), runtime_min=305, language="en"),),
    )  # fmt: skip
    short = product("B0OZ000303", "Ozma of Oz (Abridged)", {"Oz": "3"}, abridged=True)

    ozma = next(book for book in derived(series(), *oz(), again, short).books if book.title == "Ozma of Oz")

    assert sorted(len(edition.ids) for edition in ozma.editions) == [1, 2]
    assert sorted(bool(edition.abridged) for edition in ozma.editions) == [False, True]
