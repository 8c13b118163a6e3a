"""A book's place in a series: its kind, and which filter lets it through."""

from __future__ import annotations

import pytest

from domain.manifest import DeclaredBook
from domain.positions import read_position
from domain.wants import MemberKind
from domain.works import NAMED_FILTERS, kind_at, let_through, member


@pytest.mark.parametrize(
    ("position", "kind"),
    [
        ("1", MemberKind.PRIMARY),
        ("14", MemberKind.PRIMARY),
        ("3.0", MemberKind.PRIMARY),
        ("0", MemberKind.PREQUEL),
        ("0.5", MemberKind.NOVELLA),
        ("9.5", MemberKind.NOVELLA),
        ("1-3", MemberKind.OMNIBUS),
        ("1, 2", MemberKind.OMNIBUS),
        ("5p3", MemberKind.PART),
        (None, MemberKind.UNPLACED),
    ],
)
def test_a_number_says_what_kind_of_member_a_book_is(position: str | None, kind: MemberKind):
    assert kind_at(read_position(position)) is kind


def test_a_stated_kind_comes_before_the_number():
    book = DeclaredBook(title="Little Wizard Stories", position="7", kind="companion")

    assert member(book, ("L. Frank Baum",)).kind is MemberKind.COMPANION


def test_a_book_inherits_the_authors_of_its_document_unless_it_names_its_own():
    plain = DeclaredBook(title="Ozma of Oz")
    other = DeclaredBook(title="The Royal Book of Oz", author="Ruth Plumly Thompson")

    assert member(plain, ("L. Frank Baum",)).work.authors == ("L. Frank Baum",)
    assert member(other, ("L. Frank Baum",)).work.authors == ("Ruth Plumly Thompson",)


def test_no_named_filter_lets_through_what_is_never_a_book_of_its_own():
    for kinds in NAMED_FILTERS.values():
        assert not kinds & {MemberKind.OMNIBUS, MemberKind.EXTRACT, MemberKind.PLACEHOLDER}


def test_each_wider_filter_lets_through_all_that_the_narrower_one_does():
    assert NAMED_FILTERS["main"] < NAMED_FILTERS["main+novellas"] < NAMED_FILTERS["all"]


@pytest.mark.parametrize(
    ("position", "members", "passes"),
    [
        ("8", ("1-8",), True),
        ("9", ("1-8",), False),
        ("9.5", ("1-8", "9.5"), True),
        ("3.5", ("1-8",), True),
        ("1-3", ("1-8",), False),
        ("5p3", ("1-8",), False),
        ("5p3", ("5p3",), True),
        (None, ("1-8",), False),
        ("0", ("1-8",), False),
    ],
)
def test_a_filter_of_positions_takes_whole_books_at_these_places(
    position: str | None, members: tuple[str, ...], passes: bool
):
    book = member(DeclaredBook(title="A Book", position=position), ())

    assert let_through(book, members) is passes
