"""What the catalogue holds: books, their editions and places, computed from claims (contracts: metadata, section 4.2).

A book has an opaque id (`book:…`) that is minted once and kept. Everything else is computed again from the claims
whenever they, a person's edits or the rules change.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import msgspec

from domain.wants import MemberKind

RULES = 1
"""Raised whenever a rule changes what is computed: what an older version stored is computed again."""


class Said(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value of one field, and who says so."""

    field: str
    value: str
    source: str
    at: datetime | None = None


class Conflict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Sources disagree: what is shown, and by which rule, and what others say."""

    field: str
    shown: Said
    others: tuple[Said, ...]
    because: str


class Edition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recording of a book, region twins joined."""

    ids: tuple[str, ...]
    narrators: tuple[str, ...] = ()
    runtime_min: int | None = None
    language: str | None = None
    abridged: bool | None = None
    dramatized: bool | None = None
    machine_voice: bool | None = None
    released: date | None = None
    publisher: str | None = None
    parts: tuple[int, int] | None = None
    """(parts known, parts in all) of a recording that is sold in parts: whole only when both are equal."""
    sources: tuple[str, ...] = ()

    @property
    def asins(self) -> tuple[str, ...]:
        return tuple(one.removeprefix("asin:") for one in self.ids if one.startswith("asin:"))


class InSeries(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A book's place in one series."""

    series: str
    """The name that is shown."""
    position: str | None = None
    ids: tuple[str, ...] = ()
    """The sources' ids of that series."""
    sources: tuple[str, ...] = ()


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """One book, whatever sources call it, and its place in the series or the list that it was derived for."""

    id: str
    title: str
    authors: tuple[str, ...] = ()
    other_titles: tuple[str, ...] = ()
    """Other names of the same book: `The Mastermind of Mars`."""
    ids: tuple[str, ...] = ()
    """Every id that any source ever had for it."""
    position: str | None = None
    kind: MemberKind = MemberKind.UNPLACED
    kind_because: str = ""
    series: tuple[InSeries, ...] = ()
    language: str | None = None
    titles: dict[str, str] = {}
    """Language -> the title it has there; the language of the one that is shown among them."""
    first_published: int | None = None
    editions: tuple[Edition, ...] = ()
    listed_as_recording: bool = False
    """A source that lists audio alone has it, though without details."""
    confirmed_by: tuple[str, ...] = ()
    """Families of sources that put it at its place."""
    alternate_of: str | None = None
    """Id of the book that stands at the same number and was chosen before this one."""
    crowd: bool = False
    """So many authors that it is an anthology: offered, never wanted by itself."""
    contains: tuple[str, ...] = ()
    """Ids of the books that an omnibus is known to hold."""
    unsupported: str = ""
    """Why its place counts no longer, though nothing is forgotten; "" while it counts."""
    said: tuple[Said, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    joined: tuple[str, ...] = ()
    """Which evidence joined the records of this book, a sentence each."""
    sources: tuple[str, ...] = ()


class SourceState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one source had to say to a subject, and when."""

    source: str
    outcome: Literal["found", "not found", "could not look", "refused"]
    answered_at: datetime | None = None
    """When it last gave an answer: the age of what is shown. None when it never did."""
    complete: bool = False
    detail: str = ""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a catalogue is asked about: a series, or an author."""

    kind: Literal["series", "author"]
    name: str
    author: str | None = None
    """Of a series: the author it is narrowed to."""
    ids: dict[str, str] = {}
    """Ids that a person stated: source -> id. They end doubt about which series or person is meant."""
    other_names: tuple[str, ...] = ()
    """Pen names that a person stated."""

    key: str = ""
    """Folded identity: `series/oz/baum-l-frank`. Made by `subjects.subject_key`."""


class Catalogued(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one subject."""

    subject: Subject
    name: str
    authors: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    books: tuple[Book, ...] = ()
    sources: tuple[SourceState, ...] = ()
    orderings: dict[str, dict[str, str]] = {}
    """Other numberings of the same series: name -> {book id: position}. The shown one is in the books."""
    gaps: tuple[str, ...] = ()
    """Numbers that no source has a book for. A title is never invented."""
    notes: tuple[str, ...] = ()
    finished: bool | None = None
    derived_at: datetime
    rules: int = RULES

    first_at: datetime | None = None
    """When it was derived for the first time."""
    accepted: tuple[str, ...] | None = None
    """Books that may be wanted: ids. None before the first derivation was looked at."""
    proposed: tuple[str, ...] = ()
    """Books that wait for a yes."""
    proposal: str = ""
    """Digest that a person approves; "" when nothing waits."""
    proposal_code: str = ""
    """`FirstDerivationNeedsApproval` or `CatalogueGrew`."""


class EditVerb(StrEnum):
    MERGE = "merge"
    """`book` and `other` are one book."""
    SPLIT = "split"
    """`book` and `other` are not one book, whatever ids and titles say."""
    CORRECT = "correct"
    """`field` of `book` is `value`."""
    EXCLUDE = "exclude"
    """`book` is never wanted: it stays out under new editions, merges and other sources."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided about the catalogue. It survives every refresh, and can be undone."""

    id: int
    verb: EditVerb
    book: str
    """Any id of the book: `book:…`, `asin:…`."""
    other: str = ""
    field: str = ""
    value: str = ""
    title: str = ""
    """The title it had then, so that an exclusion also meets editions with new ids."""
    why: str = ""
    who: str = ""
    at: datetime
