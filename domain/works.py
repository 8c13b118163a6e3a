"""The book as such, and its place in a series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from domain.manifest import DeclaredBook
from domain.positions import Position, read_position
from domain.wants import MemberKind


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One book, however often it was recorded."""

    title: str
    authors: tuple[str, ...]
    language: str | None = None
    runtime_min: int | None = None
    narrators: tuple[str, ...] = ()
    asin: str | None = None
    isbn: str | None = None
    released: date | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A work's place in a series."""

    work: Work
    position: Position | None
    kind: MemberKind


NAMED_FILTERS: dict[str, frozenset[MemberKind]] = {
    "main": frozenset({MemberKind.PRIMARY, MemberKind.PREQUEL, MemberKind.UNPLACED}),
    "main+novellas": frozenset({MemberKind.PRIMARY, MemberKind.PREQUEL, MemberKind.UNPLACED, MemberKind.NOVELLA}),
    "all": frozenset(MemberKind) - {MemberKind.OMNIBUS, MemberKind.EXTRACT, MemberKind.PLACEHOLDER},
}
"""Which kinds a named filter lets through. A book that a person stated without a number is one they want: it counts as
main here, unlike one that a catalogue could not place."""

NEVER_BY_ITSELF: dict[str, frozenset[MemberKind]] = {
    "main": frozenset({MemberKind.UNPLACED}),
    "main+novellas": frozenset({MemberKind.UNPLACED}),
    "all": frozenset({MemberKind.PART, MemberKind.FOREIGN_ONLY, MemberKind.OMNIBUS, MemberKind.PLACEHOLDER}),
}
"""Kinds that count only when a person stated the book: a catalogue merely could not place or complete them."""


def member(book: DeclaredBook, authors: Sequence[str]) -> Member:
    """A book stated by hand, with the authors of the enclosing document where it names none."""
    own = book.authors or ((book.author,) if book.author else tuple(authors))
    work = Work(
        title=book.title,
        authors=own,
        language=book.language,
        runtime_min=book.runtime_min,
        narrators=(book.narrator,) if book.narrator else (),
        asin=book.asin,
        isbn=book.isbn,
        released=book.released,
    )
    position = read_position(book.position)
    kind = MemberKind(book.kind) if book.kind else kind_at(position)
    return Member(work=work, position=position, kind=kind)


def kind_at(position: Position | None) -> MemberKind:
    """What a number alone says (contracts: metadata, section 4.6): the last rules, when nothing else is known."""
    if position is None:
        return MemberKind.UNPLACED
    if position.part is not None:
        return MemberKind.PART
    if not position.single:
        return MemberKind.OMNIBUS
    if position.low == 0:
        return MemberKind.PREQUEL
    return MemberKind.PRIMARY if position.low == position.low.to_integral_value() else MemberKind.NOVELLA


def let_through(member: Member, members: str | Sequence[str]) -> bool:
    """Whether a book stated by hand passes a series' `members` filter: a named one, or positions (`["1-8", "9.5"]`)."""
    if isinstance(members, str):
        return member.kind in NAMED_FILTERS[members]
    return _among(member.position, members)


def allowed(kind: MemberKind, position: str | None, members: str | Sequence[str]) -> bool:
    """Whether a book that a catalogue found passes the filter. Without a number, or in pieces, it never does by itself;
    positions name main books and what stands between them, never a set."""
    if isinstance(members, str):
        return kind in NAMED_FILTERS[members] - NEVER_BY_ITSELF[members]
    return kind not in NEVER_BY_ITSELF["all"] and _among(read_position(position), members)


def _among(place: Position | None, members: Sequence[str]) -> bool:
    stretches = [position for position in map(read_position, members) if position]
    if place is None or not place.whole_book:
        return place is not None and any(stretch.same(place) for stretch in stretches)
    return any(stretch.covers(place) for stretch in stretches)
