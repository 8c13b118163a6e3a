"""Declarations become wants: filters, exceptions, keys that last, documents that share a book, holes to follow."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import BAUM, OZ, item_of, oz

from domain.desired import Desired, derive
from domain.manifest import (
    AuthorSpec,
    BookSpec,
    Declared,
    DeclaredBook,
    DiscoverSpec,
    FollowAuthors,
    FollowSeries,
    FollowSpec,
    Place,
    ProfileSpec,
    SeriesSpec,
)
from domain.releases import SeriesName
from domain.wants import MemberKind

BOOKS = tuple(DeclaredBook(title=title, position=str(number)) for number, title in enumerate(OZ, 1))


def series(**changes: Any) -> Declared:
    return Declared(series={"oz": SeriesSpec(**({"title": "Oz", "author": BAUM, "books": BOOKS} | changes))})


def titles(found: Desired) -> list[str]:
    return [want.title for want in found.wants]


def refused(found: Desired) -> dict[str, str]:
    return {one.title: one.code for one in found.unwanted}


# --- series ----------------------------------------------------------------------------------------------------------


def test_every_book_of_a_series_is_wanted_once_with_who_wants_it():
    declared = Declared(series=series().series, places={"Series/oz": Place(file="oz.yaml", line=1, path="")})

    found = derive(declared, (), {})

    assert len(found.wants) == 14
    [tik_tok] = [want for want in found.wants if want.title == "Tik-Tok of Oz"]
    assert tik_tok.key == "baum-l-frank/tik-tok-of-oz"
    assert tik_tok.because == ("Series/oz (oz.yaml:1)",)
    assert tik_tok.name == "Tik-Tok of Oz (Oz 8)"


ODD = (
    DeclaredBook(title="Queer Visitors", position="0"),
    DeclaredBook(title="Little Wizard Stories", position="0.5"),
    DeclaredBook(title="The Wonderful Wizard of Oz", position="1"),
    DeclaredBook(title="The First Three", position="1-3"),
    DeclaredBook(title="The Road, Part Three", position="5p3"),
    DeclaredBook(title="The Woggle-Bug Book"),
    DeclaredBook(title="A Sampler", position="0.1", kind="extract"),
)


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ("main", {"Queer Visitors", "The Wonderful Wizard of Oz", "The Woggle-Bug Book"}),
        (
            "main+novellas",
            {"Queer Visitors", "Little Wizard Stories", "The Wonderful Wizard of Oz", "The Woggle-Bug Book"},
        ),
        (
            "all",
            {
                "Queer Visitors",
                "Little Wizard Stories",
                "The Wonderful Wizard of Oz",
                "The Road, Part Three",
                "The Woggle-Bug Book",
            },
        ),
        (("1-8", "0.5"), {"The Wonderful Wizard of Oz", "Little Wizard Stories"}),
        (("5p3",), {"The Road, Part Three"}),
        (("0-0.5",), {"Queer Visitors", "Little Wizard Stories", "A Sampler"}),
    ],
)
def test_a_filter_lets_through_kinds_or_positions(members: Any, wanted: set[str]):
    found = derive(series(books=ODD, members=members), (), {})

    assert set(titles(found)) == wanted
    assert set(refused(found)) == {book.title for book in ODD} - wanted
    assert set(refused(found).values()) <= {"NotAMember"}


def test_a_member_has_the_kind_that_its_number_says():
    found = derive(series(books=ODD, members="all"), (), {})

    kinds = {want.title: want.kind for want in found.wants}
    assert kinds["Queer Visitors"] is MemberKind.PREQUEL
    assert kinds["Little Wizard Stories"] is MemberKind.NOVELLA
    assert kinds["The Woggle-Bug Book"] is MemberKind.UNPLACED
    assert kinds["The Road, Part Three"] is MemberKind.PART


def test_a_book_named_under_except_is_not_wanted_however_it_is_spelled():
    found = derive(series(exclude=("TIK-TOK OF OZ!", "The Road to Oz")), (), {})

    assert len(found.wants) == 12
    assert refused(found) == {"Tik-Tok of Oz": "Excluded", "The Road to Oz": "Excluded"}


def test_a_book_by_hand_has_its_own_author():
    thompson = DeclaredBook(title="The Royal Book of Oz", position="15", author="Ruth Plumly Thompson")

    [want] = derive(series(books=(thompson,)), (), {}).wants

    assert want.authors == ("Ruth Plumly Thompson",)
    assert want.key == "thompson-ruth-plumly/the-royal-book-of-oz"


def test_what_a_document_says_about_all_its_books_reaches_each():
    profile = ProfileSpec(formats=("mp3",))
    declared = Declared(
        series={"oz": SeriesSpec(title="Oz", author=BAUM, books=BOOKS, profile="small", priority=7, suspend=True)},
        profiles={"small": profile},
        owners={"Series/oz": "kids"},
    )

    for want in derive(declared, (), {}).wants:
        assert (want.profile, want.priority, want.suspend, want.owner) == (profile, 7, True, "kids")


# --- authors, books --------------------------------------------------------------------------------------------------


def test_an_author_can_be_cut_by_language_and_year():
    spec = AuthorSpec(
        name=BAUM,
        languages=("en",),
        since=1905,
        books=(
            DeclaredBook(title="Ozma of Oz", released=date(1907, 7, 30)),
            DeclaredBook(title="Queen Zixi of Ix", released=date(1904, 11, 1)),
            DeclaredBook(title="Der Zauberer von Oz", language="de"),
            DeclaredBook(title="The Sea Fairies"),
        ),
    )

    found = derive(Declared(authors={"baum": spec}), (), {})

    assert titles(found) == ["Ozma of Oz", "The Sea Fairies"]
    assert refused(found) == {"Queen Zixi of Ix": "TooEarly", "Der Zauberer von Oz": "OtherLanguage"}


def test_two_books_of_an_author_with_the_same_number_in_their_series_are_two_wants():
    spec = AuthorSpec(
        name=BAUM,
        books=(
            DeclaredBook(title="The Wonderful Wizard of Oz", position="1"),
            DeclaredBook(title="The Sea Fairies", position="1"),
        ),
    )

    assert titles(derive(Declared(authors={"baum": spec}), (), {})) == ["The Sea Fairies", "The Wonderful Wizard of Oz"]


def test_a_single_book_says_all_it_knows():
    spec = BookSpec(
        title="Ozma of Oz", author=BAUM, series="Oz", position="3", narrator="A Reader", release="A" * 40, priority=3
    )

    [want] = derive(Declared(books={"ozma": spec}), (), {}).wants

    assert (want.narrators, want.pinned, want.priority) == (("A Reader",), "a" * 40, 3)


def test_an_omnibus_is_wanted_as_one():
    [want] = derive(
        Declared(books={"all": BookSpec(title="Oz", author=BAUM, position="1-3", form="omnibus")}), (), {}
    ).wants

    assert (want.form, want.kind) == ("omnibus", MemberKind.PRIMARY)


# --- documents that share a book -------------------------------------------------------------------------------------


def test_documents_that_want_the_same_book_share_one_want_and_the_most_urgent_terms_count():
    declared = Declared(
        series=series().series,
        books={"ozma": BookSpec(title="Ozma of Oz", author=BAUM, priority=50, release="b" * 40)},
    )

    found = derive(declared, (), {})

    assert len(found.wants) == 14
    [ozma] = [want for want in found.wants if want.title == "Ozma of Oz"]
    assert (ozma.priority, ozma.pinned, ozma.series) == (50, "b" * 40, "Oz")
    assert ozma.position is not None
    assert ozma.position.text == "3"
    assert ozma.because == ("Book/ozma", "Series/oz")


def test_a_book_is_suspended_only_when_every_document_says_so():
    declared = Declared(series=series(suspend=True).series, books={"ozma": BookSpec(title="Ozma of Oz", author=BAUM)})

    suspended = {want.title: want.suspend for want in derive(declared, (), {}).wants}

    assert suspended["Ozma of Oz"] is False
    assert suspended["Glinda of Oz"] is True


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_kept_when_the_title_or_the_author_is_corrected():
    before = derive(series(books=(DeclaredBook(title="Ozma of Ozz", position="3"),)), (), {})

    after = derive(
        series(author="L. F. Baum", books=(DeclaredBook(title="Ozma of Oz", position="3"),)), (), before.keys
    )

    assert [want.key for want in after.wants] == ["baum-l-frank/ozma-of-ozz"]
    assert titles(after) == ["Ozma of Oz"]


def test_two_books_of_one_title_are_told_apart_by_their_position():
    twins = (DeclaredBook(title="Oz", position="1"), DeclaredBook(title="Oz", position="2.5", kind="primary"))

    found = derive(series(books=twins), (), {})

    assert [want.key for want in found.wants] == ["baum-l-frank/oz", "baum-l-frank/oz-2-5"]


@given(st.permutations(range(14)), st.sets(st.integers(0, 13)))
def test_keys_are_the_same_in_any_order_and_never_change(order: list[int], known: set[int]):
    first = derive(series(books=tuple(BOOKS[place] for place in sorted(known))), (), {})

    found = derive(series(books=tuple(BOOKS[place] for place in order)), (), first.keys)

    assert found.wants == derive(series(), (), {}).wants
    assert first.keys.items() <= found.keys.items()
    assert len(set(found.keys.values())) == 14


# --- following what is begun -----------------------------------------------------------------------------------------


def follow(**changes: Any) -> Declared:
    return Declared(follows={"all": FollowSpec(**({"series": FollowSeries()} | changes))})


def test_the_holes_of_a_series_that_is_begun_are_shown_and_never_searched():
    found = derive(follow(), [item_of(oz(2)), item_of(oz(5))], {})

    assert [(want.title, want.kind) for want in found.wants] == [
        ("Oz 1", MemberKind.PLACEHOLDER),
        ("Oz 3", MemberKind.PLACEHOLDER),
        ("Oz 4", MemberKind.PLACEHOLDER),
    ]


def test_a_pack_fills_the_numbers_it_covers():
    pack = item_of(oz(1), series=(SeriesName(name="Oz", position="1-4"),))

    assert titles(derive(follow(), [pack, item_of(oz(6))], {})) == ["Oz 5"]


def test_a_missing_item_begins_nothing():
    assert derive(follow(), [item_of(oz(5), is_missing=True)], {}).wants == ()


@pytest.mark.parametrize("name", ["Oz", "The Oz Series", "oz books"])
def test_what_is_declared_is_not_guessed_at(name: str):
    declared = Declared(
        follows=follow().follows,
        series={"oz": SeriesSpec(title=name, author=BAUM, books=BOOKS[:3], exclude=("Ozma of Oz",))},
    )

    found = derive(declared, [item_of(oz(5))], {})

    assert [want.title for want in found.wants if want.kind is MemberKind.PLACEHOLDER] == ["Oz 4"]


def test_a_followed_series_can_be_left_out_or_need_more_books():
    shelf = [item_of(oz(2)), item_of(oz(5))]

    assert derive(follow(exclude=("The Oz books",)), shelf, {}).wants == ()
    assert derive(follow(series=FollowSeries(owned=3)), shelf, {}).wants == ()


def test_a_year_in_place_of_a_number_makes_no_thousand_holes():
    odd = item_of(oz(1), series=(SeriesName(name="Oz", position="1907"),))

    assert len(derive(follow(), [odd], {}).wants) < 1000


def test_followed_authors_and_discovery_say_what_they_lack():
    declared = Declared(
        follows={"all": FollowSpec(authors=FollowAuthors(owned=2))}, discovers={"top": DiscoverSpec(source="shelf")}
    )

    found = derive(declared, [item_of(oz(2)), item_of(oz(5))], {})

    assert found.wants == ()
    assert [note.split(":")[0] for note in found.notes] == ["Follow/all", "Discover/top"]
    assert found.notes[0] == "Follow/all: 1 of the series and authors it follows were not looked up yet"


def test_the_order_of_items_does_not_matter():
    shelf = [item_of(oz(number)) for number in (2, 5, 9)]

    assert derive(follow(), shelf, {}) == derive(follow(), shelf[::-1], {})
