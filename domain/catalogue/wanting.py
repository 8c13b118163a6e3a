"""From the books of a catalogue to wants: which document wants what, what waits, and what is left out by which rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import msgspec

from domain.catalogue.books import Book, Catalogued, Edit, EditVerb, InSeries
from domain.catalogue.choosing import Choice, Released, choose, taken, title_and_author
from domain.catalogue.growth import waits
from domain.catalogue.subjects import Asked, Begun
from domain.manifest import AuthorSpec, Declared, FollowSpec, ProfileSpec, SeriesSpec
from domain.names import fold, series_key
from domain.positions import Position, read_position
from domain.wants import MemberKind, Want

NEXT, HOLE, ELSEWHERE = 0, 10_000, 20_000
"""Where a want's turn begins: what follows the last owned book, what lies before it, what stands in no begun series."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of every subject, and what people decided about it."""

    subjects: Mapping[str, Catalogued] = {}
    excluded: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()
    today: date = date.min


NO_CATALOGUE = Catalogue()


def struck_out(edits: tuple[Edit, ...]) -> frozenset[str]:
    """The ids, and the titles with authors, of books that people struck out: new editions are met by the title."""
    found: set[str] = set()
    for edit in edits:
        if edit.verb is EditVerb.EXCLUDE:
            found |= {edit.book} | ({title_and_author(edit.title, edit.value)} if edit.title and edit.value else set())
    return frozenset(found)


def choices_for(asked: Asked, catalogued: Catalogued, declared: Declared, catalogue: Catalogue) -> tuple[Choice, ...]:
    """What the document's filters and profile make of each book."""
    return choose(
        catalogued,
        members=asked.spec.members if isinstance(asked.spec, SeriesSpec | AuthorSpec) else "main",
        exclude=asked.spec.exclude,
        excluded=catalogue.excluded,
        profile=profile_of(asked, declared),
        today=catalogue.today,
    )


def profile_of(asked: Asked, declared: Declared) -> ProfileSpec:
    profile = declared.profile(asked.spec.profile)
    if isinstance(asked.spec, AuthorSpec) and asked.spec.languages:
        return msgspec.structs.replace(profile, languages=asked.spec.languages)
    return profile


def left_out(choice: Choice, asked: Asked) -> tuple[str, str] | None:
    """(code, message) of why the document does not want the book; None when it does, now or later."""
    if not choice.wanted and not choice.held:
        return choice.code, choice.because
    spec, book = asked.spec, choice.book
    if isinstance(spec, AuthorSpec) and spec.since and book.first_published and book.first_published < spec.since:
        return "TooEarly", f"first published {book.first_published}, before {spec.since}"
    return None


OWN_FILTERS = frozenset({"NotAMember", "Excluded", "TooEarly", "Alternate", "Anthology"})
"""Reasons of a document itself: an edit of it lets these books in, and that is no growth of the catalogue."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in for a book, and what holds it: by the book's id, gathered once per catalogue."""

    alternates: dict[str, list[Book]]
    sets: dict[str, list[Book]]


def beside(catalogued: Catalogued) -> Beside:
    alternates: dict[str, list[Book]] = defaultdict(list)
    sets: dict[str, list[Book]] = defaultdict(list)
    for one in catalogued.books:
        if one.alternate_of is not None:
            alternates[one.alternate_of].append(one)
        for held in one.contains:
            sets[held].append(one)
    return Beside(alternates=alternates, sets=sets)


def want_of(choice: Choice, asked: Asked, catalogued: Catalogued, around: Beside, declared: Declared,
            begun: Mapping[str, Begun], catalogue: Catalogue, because: str) -> Want:  # fmt: skip
    """The want of a chosen book, with all that is known to recognise it by."""
    book, profile = choice.book, profile_of(asked, declared)
    editions = taken(book, profile, catalogue.today)
    series = _series(asked, book)
    position = read_position(book.position) if series else None
    held = (choice.code, choice.because) if choice.held else None
    instead, sets = around.alternates.get(book.id, []), around.sets.get(book.id, [])
    title = next((book.titles[language] for language in profile.languages if language in book.titles), book.title)
    others = (book.title, *book.other_titles, *(name for one in instead for name in (one.title, *one.other_titles)))
    return Want(
        key="",
        title=title,
        authors=book.authors or catalogued.authors[:1],
        series=series,
        position=position,
        kind=choice.kind,
        runtimes_min=tuple(sorted({one.runtime_min for one in editions if one.runtime_min})),
        asins=tuple(
            sorted({asin for one in editions for asin in one.asins} | _asins(instead, profile, catalogue.today))
        ),
        other_titles=tuple(dict.fromkeys(name for name in others if fold(name) != fold(title))),
        sets=tuple(sorted({one.title for one in sets} | _asins(sets, profile, catalogue.today))),
        profile=profile,
        released=choice.release.on if choice.release.state is Released.ANNOUNCED else None,
        priority=asked.spec.priority,
        turn=_turn(asked, series, position, begun),
        waits=held
        if choice.release.state is not Released.ANNOUNCED and held
        else waits(catalogued, book, catalogue.approved),
        owner=declared.owners.get(asked.document, "home"),
        suspend=asked.spec.suspend,
        because=(because,),
    )


def _asins(books: list[Book], profile: ProfileSpec, today: date) -> set[str]:
    return {asin for book in books for edition in taken(book, profile, today) for asin in edition.asins}


def _series(asked: Asked, book: Book) -> str | None:
    if asked.subject.kind == "series":
        return asked.subject.name
    rows: list[InSeries] = [row for row in book.series if row.position and row.position == book.position]
    return rows[0].series if rows and book.kind is not MemberKind.UNPLACED else None


def _turn(asked: Asked, series: str | None, position: Position | None, begun: Mapping[str, Begun]) -> int:
    """The next book of what is begun first, then what was skipped; an author's other books after all series."""
    if isinstance(asked.spec, FollowSpec | AuthorSpec) and asked.subject.kind == "author":
        return ELSEWHERE
    number = int(position.low) if position is not None else HOLE - 1
    library = begun.get(series_key(series)) if series else None
    last = library.highest if library else 0
    return NEXT + min(number - last, HOLE - 1) if number > last else HOLE + number
