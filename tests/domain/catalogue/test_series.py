"""One series from several sources: which lists are meant, whose numbers are shown, and which numbers are slips."""

from __future__ import annotations

import pytest

from domain.catalogue.books import Subject
from domain.catalogue.claims import BookClaim, Credit, PersonClaim, Place, SeriesClaim, SeriesMember
from domain.catalogue.derive import derive
from domain.wants import MemberKind
from tests.domain.catalogue.said import (
    BAUM,
    NOW,
    OZ,
    answered,
    book_called,
    books_of,
    derived,
    heard,
    listed,
    oz,
    product,
    series,
    told,
    wanted,
    wanted_of,
    work,
)

NUMBERED = [(str(n), title) for n, title in enumerate(OZ, 1)]


def books_in(source: str, name: str, titles: dict[str, str], **fields: object) -> list[BookClaim]:
    """Works of a source in one of its series: number -> title."""
    return [
        work(source, f"{name}-{n}".replace(" ", "-"), title, {name: n}, recorded=True, **fields)  # type: ignore[arg-type]
        for n, title in titles.items()
    ]


def straight(source: str, name: str = "Oz", **fields: object) -> list[BookClaim]:
    return books_in(source, name, dict(NUMBERED), **fields)


# Which lists are meant


@pytest.mark.parametrize(
    "name", ["Oz", "The Oz Books", "Oz Series", "oz", "The Oz Books Series", "Oz (Publication Order)"]
)
def test_a_series_is_found_however_a_shop_calls_it(name: str):
    assert wanted(series(), *straight("audible", name)) == NUMBERED


def test_one_series_under_several_ids_of_its_shops_is_one():
    us, uk, au = (books_in("audible", name, dict(NUMBERED)) for name in ("Oz", "Oz Books", "The Oz Series"))

    found = derived(series(), *us, *uk[:3], *au[3:])

    assert wanted_of(found) == NUMBERED
    assert found.ids == ("audible:oz", "audible:oz-books", "audible:the-oz-series")


def test_another_name_with_the_same_books_and_numbers_is_the_same_series():
    titles = {
        "1": "A Princess of Mars",
        "2": "The Gods of Mars",
        "3": "The Warlord of Mars",
        "4": "Thuvia, Maid of Mars",
    }
    marvel = books_in("audible", "John Carter of Mars", titles, by=["Edgar Rice Burroughs"])
    barsoom = books_in("hardcover", "Barsoom", titles, by=["Edgar Rice Burroughs"])

    found = derived(series("Barsoom", "Edgar Rice Burroughs"), *marvel, *barsoom)

    assert found.ids == ("audible:john-carter-of-mars", "hardcover:barsoom")


def test_of_two_series_of_one_name_the_author_s_is_taken():
    legend = books_in("audible", "Legend", {"1": "Legend", "2": "Prodigy"}, by=["Marie Fixture"])
    other = [
        told("audible", f"asin:B0LE00000{n}", title, {}, by=["David Fixture"], recorded=True)
        for n, title in enumerate(("Legend", "The King Beyond"), 1)
    ]
    other = [
        BookClaim(**{name: getattr(one, name) for name in one.__struct_fields__ if name != "places"},
                  places=(Place(series="audible:legend-2", name="Legend", position=str(n)),))
        for n, one in enumerate(other, 1)
    ]  # fmt: skip

    assert wanted(series("Legend", "Marie Fixture"), *legend, *other) == [("1", "Legend"), ("2", "Prodigy")]
    assert wanted(series("Legend", "David Fixture"), *legend, *other) == [("1", "Legend"), ("2", "The King Beyond")]
    assert derived(series("Legend", None), *legend, *other).notes


def test_the_id_that_a_person_stated_ends_all_doubt():
    mine = books_in("audible", "Green Books", dict(NUMBERED[:2]))
    namesake = straight("hardcover")

    found = derived(series(ids={"audible": "green-books"}), *mine, *namesake)

    assert "audible:green-books" in found.ids
    assert wanted_of(found)[:2] == NUMBERED[:2]


def test_a_series_whose_books_name_no_author_is_taken_by_its_name():
    assert wanted(series(), *straight("audible", by=[])) == NUMBERED


def test_a_list_without_details_is_known_through_other_sources_titles():
    bare = listed("audible", "Oz", [(f"asin:B0OZ00000{n}", str(n)) for n in range(1, 7)])
    details = [product(f"B0OZ00000{n}", title) for n, title in enumerate(OZ, 1)]

    assert wanted(series(), bare, *details) == NUMBERED


def test_a_universe_or_a_part_of_the_series_adds_nothing_but_a_second_place():
    universe = books_in(
        "audible", "Oz Universe", {"1": "A Garden Tale", "2": "Another Garden Tale"}, by=["Gwen Grower"]
    )
    witches = [
        BookClaim(
            source="audible", id=one.id, places=(Place(series="audible:oz-witches", name="Oz: Witches", position=n),)
        )
        for one, n in zip(oz()[2:5], "123", strict=True)
    ]
    found = derive(series(), [*heard(*oz(), *universe), answered("audible", *witches, question="witches")], now=NOW)

    assert wanted_of(found) == NUMBERED
    assert [(row.series, row.position) for row in book_called("Ozma of Oz", found).series] == [
        ("Oz", "3"),
        ("Oz: Witches", "1"),
    ]


# Whose books


def test_a_series_that_a_second_writer_finished_with_the_first_is_theirs_together():
    both = ["Robert Fixture", "Bran Fixture"]
    claims = [
        product(f"B0WT0000{n:02}", f"The Wheel {word}", {"Wheel": str(n)}, by=["Robert Fixture"] if n < 8 else both)
        for n, word in enumerate(
            ("Turns", "Stands", "Falls", "Rolls", "Burns", "Ends", "Rises", "Stops", "Waits", "Breaks"), 1
        )
    ]
    alone = product("B0WT000099", "The Wheel Mends", {"Wheel": "11"}, by=["Bran Fixture"])

    found = derived(series("Wheel", None), *claims, alone)

    assert found.authors == ("Robert Fixture", "Bran Fixture")
    assert len(wanted_of(found)) == 11


def test_books_of_the_series_by_others_are_offered_and_not_wanted_where_an_author_is_named():
    sequels = [
        product(f"B0OZ0001{n:02}", f"A Sequel with {word}", {"Oz": str(n)}, by=["Ruth Plumly Thompson"])
        for n, word in enumerate(("Lions", "Tigers", "Bears"), 7)
    ]

    narrowed, whole = derived(series(), *oz(), *sequels), derived(series(author=None), *oz(), *sequels)

    assert wanted_of(narrowed) == wanted_of(whole) == NUMBERED
    assert {book.kind for book in narrowed.books[6:]} == {MemberKind.OTHER_AUTHOR}


def test_a_shared_world_without_a_main_author_takes_all_its_numbers():
    names = ("Ann Fixture", "Ben Fixture", "Cay Fixture", "Dee Fixture")
    titles = ("Red Moon", "Blue Gate", "The Long Stair", "Nine Winters")
    claims = [
        product(f"B0SW00000{n}", title, {"Fixture World": str(n)}, by=[name])
        for n, (title, name) in enumerate(zip(titles, names, strict=True), 1)
    ]

    assert len(wanted(series("Fixture World", None), *claims)) == 4


def test_a_list_that_others_continued_further_than_its_author_wrote_is_still_the_author_s():
    sequels = [
        product(f"B0OZ0001{n:02}", f"Sequel {n} by Others", {"Oz": str(n)}, by=["Fay Fixture"]) for n in range(7, 27)
    ]

    assert wanted(series(), *oz(), *sequels) == NUMBERED


# Numbers


def test_numbers_of_another_order_are_kept_beside_and_never_mixed():
    titles = [title for _, title in NUMBERED]
    chronological = books_in(
        "audiosilo", "Oz (Chronological Order)", {str(n): t for n, t in enumerate(reversed(titles), 1)}
    )

    found = derived(series(), *straight("audible"), *straight("hardcover"), *chronological)

    assert wanted_of(found) == NUMBERED
    [other] = found.orderings.values()
    names = {book.id: book.title for book in found.books}
    assert {names[book]: number for book, number in other.items()} == {
        t: str(n) for n, t in enumerate(reversed(titles), 1)
    }


def test_sources_of_texts_never_outvote_a_shop_and_hardcover_counts_before_a_shop():
    shop = straight("audible")
    texts = [
        *books_in("rreading-glasses", "Oz", dict(NUMBERED[:5]) | {"60": OZ[5]}),
        *books_in("openlibrary", "Oz", dict(NUMBERED[:5]) | {"60": OZ[5]}),
    ]
    hardcover = books_in("hardcover", "Oz", dict(NUMBERED[:5]) | {"61": OZ[5]})

    assert ("6", OZ[5]) in wanted(series(), *shop, *texts)
    assert ("61", OZ[5]) in wanted(series(), *shop, *hardcover)


@pytest.mark.parametrize("source", ["audible", "audiosilo", "hardcover", "openlibrary", "rreading-glasses"])
@pytest.mark.parametrize(("right", "wrong"), [("3", "1"), ("6", "5"), ("1", "6"), ("2", "3")])
def test_one_wrong_number_of_one_source_costs_no_book_its_place(source: str, right: str, wrong: str):
    claims = []
    for one in ("audible", "audiosilo", "hardcover", "openlibrary", "rreading-glasses"):
        numbers = {n: (wrong if (one, n) == (source, right) else n) for n, _ in NUMBERED}
        claims += [
            work(one, f"{one}-{n}", title, {"Oz": numbers[n]}, recorded=one[:3] == "aud") for n, title in NUMBERED
        ]

    assert wanted(series(), *claims) == NUMBERED


@pytest.mark.parametrize("source", ["audible", "hardcover"])
def test_a_wrong_number_in_a_short_series_makes_no_second_ordering(source: str):
    wrong = {"1": "The Warden", "2": "Barchester Towers", "9": "Doctor Thorne"}
    right = {"1": "The Warden", "2": "Barchester Towers", "3": "Doctor Thorne"}
    names = {"audible": right, "hardcover": right, "rreading-glasses": right} | {source: wrong}
    claims = [
        one for name, titles in names.items() for one in books_in(name, "Barset", titles, by=["Anthony Trollope"])
    ]

    found = derived(series("Barset", "Anthony Trollope"), *claims)

    assert found.orderings == {}
    assert [title for _, title in wanted_of(found)] == list(right.values())


def test_a_book_that_one_source_counts_twice_is_one_want():
    twice = [product(f"B0OZ00010{n}", "Ozma of Oz", {"Oz": number}) for n, number in enumerate(("3", "3.0", "Book 3"))]

    assert wanted(series(), *oz(), *twice) == NUMBERED


def test_a_book_whose_numbers_differ_between_shops_is_one_want_with_a_conflict():
    other = work("hardcover", 3, "Ozma of Oz", {"Oz": "3"})
    odd = work("openlibrary", "OL3W", "Ozma of Oz", {"Oz": "30"})
    rest = [work("openlibrary", f"OL{n}W", title, {"Oz": n}) for n, title in NUMBERED if n != "3"]

    found = derived(series(), *oz(), other, odd, *rest)

    assert wanted_of(found) == NUMBERED
    [number] = [one for one in book_called("Ozma of Oz", found).conflicts if one.field == "position"]
    assert (number.shown.value, [one.value for one in number.others]) == ("3", ["30"])


def test_missing_numbers_are_reported_and_never_invented():
    claims = [one for n, one in enumerate(oz(), 1) if n not in (2, 5)]

    found = derived(series(), *claims)

    assert found.gaps == ("2", "5")
    assert [number for number, _ in wanted_of(found)] == ["1", "3", "4", "6"]


# Sources that confirm nothing alone


@pytest.mark.parametrize("source", ["openlibrary", "rreading-glasses", "google", "lubimyczytac", "itunes"])
def test_a_source_of_texts_alone_makes_no_wants_and_loses_no_books(source: str):
    found = books_of(series(), *[work(source, n, title, {"Oz": n}) for n, title in NUMBERED])

    assert {choice.code for choice in found.values()} == {"Unconfirmed"}
    assert len(found) == 6


@pytest.mark.parametrize("recorded", [True, False])
def test_a_hole_between_confirmed_books_is_filled_by_a_source_that_agrees_if_a_recording_is_known(recorded: bool):
    shop = [one for one in oz() if one.title != "Ozma of Oz"]
    texts = [work("openlibrary", f"OL{n}W", title, {"Oz": n}) for n, title in NUMBERED]
    audio = told("librivox", "librivox:3", "Ozma of Oz", recorded=True)

    got = wanted(series(), *shop, *texts, *([audio] if recorded else []))

    assert (("3", "Ozma of Oz") in got) is recorded


def test_a_book_beyond_the_confirmed_ones_is_no_hole():
    shop = [one for one in oz() if one.title != OZ[5]]
    texts = [work("openlibrary", f"OL{n}W", title, {"Oz": n}) for n, title in NUMBERED]
    audio = told("librivox", "librivox:6", OZ[5], recorded=True)

    assert ("6", OZ[5]) not in wanted(series(), *shop, *texts, audio)


def test_hardcover_alone_confirms_and_its_books_wait_for_a_recording():
    found = books_of(series(), *[work("hardcover", n, title, {"Oz": n}) for n, title in NUMBERED])

    assert {(choice.code, choice.held) for choice in found.values()} == {("NoRecordingKnown", True)}


def test_a_shop_that_is_absent_is_made_up_for_by_others():
    silo = [told("audiosilo", f"audiosilo:{n}", title, {"Oz": n}, recorded=True) for n, title in NUMBERED]

    assert wanted(series(), *silo) == NUMBERED


def test_the_finish_of_a_series_is_told_when_its_sources_agree():
    def claims(*finished: bool) -> list[SeriesClaim]:
        sources = ("audible", "hardcover")
        return [
            SeriesClaim(
                source=source, id=f"{source}:oz", name="Oz", finished=one, members=(SeriesMember(id=f"{source}:1"),)
            )
            for source, one in zip(sources, finished, strict=False)
        ]

    works = [work(source, 1, OZ[0], {"Oz": "1"}, by=[BAUM]) for source in ("audible", "hardcover")]
    assert derived(series(), *works, *claims(True, True)).finished is True
    assert derived(series(), *works, *claims(True, False)).finished is None


def test_nothing_heard_makes_an_empty_catalogue():
    found = derived(series())

    assert (found.books, found.gaps, found.ids) == ((), (), ())


# An author's books

AUTHOR = Subject(kind="author", name=BAUM)


def test_an_author_s_books_are_those_of_all_series_and_those_that_stand_alone():
    alone = product("B0AF000001", "American Fairy Tales")
    sky = [
        product(f"B0SK00000{n}", title, {"Trot": str(n)})
        for n, title in enumerate(("The Sea Fairies", "Sky Island"), 1)
    ]

    found = derived(AUTHOR, *oz(), alone, *sky)

    assert {title for _, title in wanted_of(found)} == {*OZ, "American Fairy Tales", "The Sea Fairies", "Sky Island"}
    assert book_called("Sky Island", found).position == "2"


def test_a_book_in_two_series_is_one_want():
    both = product("B0OZ000777", "Trot in Oz", {"Oz": "7", "Trot": "3"})
    sky = [
        product(f"B0SK00000{n}", title, {"Trot": str(n)})
        for n, title in enumerate(("The Sea Fairies", "Sky Island"), 1)
    ]

    found = derived(AUTHOR, *oz(), *sky, both)

    assert [title for _, title in wanted_of(found)].count("Trot in Oz") == 1


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (product("B0XX000001", "Many Hands", by=[BAUM, "B Bee", "C Cee", "D Dee"]), "Anthology"),
        (product("B0XX000001", "Two Hands", by=[BAUM, "B Bee"]), "Wanted"),
        (product("B0XX000001", "Das blaue Haus", language="de"), "NotAMember"),
        (product("B0XX000001", f"The {BAUM} Box Set", minutes=4000), "NotAMember"),
        (product("B0XX000001", f"The {BAUM} Omnibus", minutes=4000), "NotAMember"),
        (product("B0XX000001", "Summary of Ozma of Oz"), "NotAMember"),
        (work("openlibrary", "OL1X", "A Forgotten Pamphlet"), "Unconfirmed"),
        (work("hardcover", "9", "A Lost Play"), "NoRecordingKnown"),
    ],
    ids=lambda value: value.title if isinstance(value, BookClaim) else None,
)
def test_what_becomes_of_an_authors_other_books(claim: BookClaim, code: str):
    found = books_of(AUTHOR, *oz(), claim)

    assert found[claim.title or ""].code == code


def test_two_people_of_one_name_are_told_apart_by_their_ids():
    mine, other = Credit(name=BAUM, id="audible:B000MINE01"), Credit(name=BAUM, id="audible:B000OTHER1")
    books = [product(f"B0OZ00000{n}", title, by=[mine]) for n, title in enumerate(OZ, 1)]
    gardener = [product(f"B0GA00000{n}", title, by=[other]) for n, title in enumerate(("Roses", "Beans"), 1)]
    people = [
        PersonClaim(source="audible", id=one.id or "", name=BAUM, books=tuple(book.id for book in theirs))
        for one, theirs in ((mine, books), (other, gardener))
    ]

    found = derived(AUTHOR, *books, *gardener, *people)
    stated = derived(Subject(kind="author", name=BAUM, ids={"audible": "B000OTHER1"}), *books, *gardener, *people)
    by_library = derived(AUTHOR, *books, *gardener, *people, owned=["roses", "beans"])

    assert {title for _, title in wanted_of(found)} == set(OZ)
    assert any("B000OTHER1" in note for note in found.notes)
    assert (
        {title for _, title in wanted_of(stated)} == {title for _, title in wanted_of(by_library)} == {"Roses", "Beans"}
    )


def test_a_pen_name_counts_only_when_a_person_states_it():
    nieces = product("B0AJ000001", "Aunt Jane's Nieces", by=["Edith Van Dyne"])

    def titles(*names: str) -> set[str]:
        return {
            title
            for _, title in wanted_of(derived(Subject(kind="author", name=BAUM, other_names=names), *oz(), nieces))
        }

    assert titles() == set(OZ)
    assert titles("Edith Van Dyne") == {*OZ, "Aunt Jane's Nieces"}


def test_what_one_series_numbers_tell_is_known_to_the_author_s_other_series():
    spelled = product("B0SK000009", "The Marvellous Land of Oz", {"Land": "2"}, narrator="Tom Voice")
    rows = listed("audible", "Oz", [(spelled.id, "2")])

    found = derived(AUTHOR, *oz(), spelled, rows)

    assert len([book for book in found.books if "Land of Oz" in book.title]) == 1


# Books whose author nobody names


def test_a_nameless_book_is_taken_for_the_author_s_unless_others_wrote_for_the_series_too():
    nameless = told("audible", "asin:B0OZ000007", "The Patchwork Girl of Oz", {"Oz": "7"}, by=[], recorded=True)
    sequel = product("B0OZ000015", "The Royal Book of Oz", {"Oz": "15"}, by=["Ruth Plumly Thompson"])
    guide = product("B0OZ000016", "Insights into Ozma", {"Oz": "3"}, by=["Quick Fixture"])

    assert ("7", "The Patchwork Girl of Oz") in wanted(series(), *oz(), nameless)
    assert ("7", "The Patchwork Girl of Oz") in wanted(series(), *oz(), nameless, guide)
    assert ("7", "The Patchwork Girl of Oz") not in wanted(series(), *oz(), nameless, sequel)
