"""Which books of a catalogue are wanted, and which rule says so (contracts: metadata, sections 4.7 and 4.8).

What a profile or a filter says is applied here and nowhere before, so that one derivation serves every document.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from domain.catalogue.books import Book, Catalogued, Edition
from domain.catalogue.claims import family
from domain.languages import LANGUAGES
from domain.manifest import ProfileSpec
from domain.names import fold, person_key, title_keys
from domain.positions import read_position
from domain.wants import MemberKind
from domain.works import allowed

SHORTEST_MIN = 10
"""What is shorter is a sample, or a mistake."""
ENOUGH_TO_AGREE = 3


class Released(StrEnum):
    """Whether a book can be had as an audiobook that the profile takes."""

    RELEASED = "Released"
    ANNOUNCED = "Announced"
    ONLY_ABRIDGED = "OnlyAbridged"
    ONLY_DRAMATIZED = "OnlyDramatized"
    ONLY_MACHINE_VOICE = "OnlyMachineVoice"
    ONLY_OTHER_LANGUAGE = "OnlyOtherLanguage"
    NO_RECORDING_KNOWN = "NoRecordingKnown"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    state: Released
    because: str
    on: date | None = None
    """The day of an announced recording."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one book of a catalogue."""

    book: Book
    kind: MemberKind
    """As the profile sees it: a book without a recording in its languages is `foreign-only`."""
    release: Release
    wanted: bool
    """Wanted now. What is held for a date, a recording or a yes is not."""
    code: str
    because: str
    held: bool = False
    """It becomes a want that waits, with `code` as its reason."""


def choose(
    catalogued: Catalogued,
    *,
    members: str | Sequence[str] = "main",
    exclude: Collection[str] = (),
    excluded: Collection[str] = (),
    profile: ProfileSpec,
    today: date,
) -> tuple[Choice, ...]:
    """One choice per book. `exclude`: titles of the document; `excluded`: ids and folded titles people struck out."""
    struck = {key for title in exclude for key in title_keys(title)[:1]}
    return tuple(_choice(book, catalogued, members, struck, excluded, profile, today) for book in catalogued.books)


def _choice(
    book: Book,
    catalogued: Catalogued,
    members: str | Sequence[str],
    struck: Collection[str],
    excluded: Collection[str],
    profile: ProfileSpec,
    today: date,
) -> Choice:
    release = released(book, profile, today)
    kind = _kind(book, release)

    def verdict(code: str, because: str, *, wanted: bool = False, held: bool = False) -> Choice:
        return Choice(book=book, kind=kind, release=release, wanted=wanted, code=code, because=because, held=held)

    titles = (book.title, *book.other_titles)
    if any(key in struck for title in titles for key in title_keys(title)[:1]):
        return verdict("Excluded", "named under `except`")
    named = {title_and_author(title, author) for title in titles for author in book.authors}
    if not {*book.ids, book.id, *named}.isdisjoint(excluded):
        return verdict("Excluded", "a person struck it out")
    if book.alternate_of is not None:
        return verdict("Alternate", f"another book stands at number {book.position}: owning this one satisfies it too")
    if not allowed(kind, book.position, members):
        return verdict("NotAMember", f"{_named(kind)}: {book.kind_because or 'by its kind'}")
    if book.unsupported:
        return verdict("Unsupported", book.unsupported)
    if book.crowd:
        return verdict("Anthology", f"{len(book.authors)} authors: have it by naming it")
    if doubt := _unconfirmed(book, catalogued):
        return verdict("Unconfirmed", doubt)
    if release.state is not Released.RELEASED:
        return verdict(release.state.value, release.because, held=True)
    return verdict("Wanted", f"{_named(kind)} ({book.kind_because}); {release.because}", wanted=True)


def title_and_author(title: str, author: str) -> str:
    """How a book that was struck out is met again under ids that nobody knew then."""
    return f"{fold(title)} by {person_key(author)}"


def _named(kind: MemberKind) -> str:
    return {MemberKind.PRIMARY: "a main book", MemberKind.OTHER_AUTHOR: "by another author"}.get(kind, f"kind {kind}")


def _kind(book: Book, release: Release) -> MemberKind:
    minor = {MemberKind.PRIMARY, MemberKind.PREQUEL, MemberKind.NOVELLA, MemberKind.SHORT, MemberKind.UNPLACED}
    if release.state is Released.ONLY_OTHER_LANGUAGE and book.kind in minor:
        return MemberKind.FOREIGN_ONLY
    return book.kind


def _unconfirmed(book: Book, catalogued: Catalogued) -> str:
    """Who must have said so before a book is wanted: a source of recordings or Hardcover; others only fill a hole."""
    said = ", ".join(book.sources)
    if {"A", "H", "person"} & set(book.confirmed_by):
        # What stands in no series is told from essays and odds and ends by the shops that sell it.
        alone = book.position is None and not book.series and bool(book.editions or book.listed_as_recording)
        return f"no shop has a recording of it, only {said}" if alone and not _sold(book) else ""
    if book.position is None or not _fills_a_hole(book, catalogued):
        return f"only {said} has it there"
    known = bool(book.editions) or book.listed_as_recording
    return "" if known else f"only {said} has it there, and no recording of it is known"


def _sold(book: Book) -> bool:
    told = {family(source) for edition in book.editions for source in edition.sources}
    told |= {family(source) for source in book.sources} if book.listed_as_recording else set()
    return "A" in told or "person" in book.confirmed_by


def _fills_a_hole(book: Book, catalogued: Catalogued) -> bool:
    """Whether it stands between confirmed members, by a source that agrees with them elsewhere."""
    place = read_position(book.position)
    confirmed = [one for one in catalogued.books if {"A", "H"} & set(one.confirmed_by) and one.position]
    numbers = [at.low for one in confirmed if (at := read_position(one.position)) is not None and at.whole_book]
    if place is None or not place.whole_book or not numbers or not min(numbers) < place.low < max(numbers):
        return False
    agree = [one for one in confirmed if set(one.sources) & set(book.sources)]
    return len(agree) >= ENOUGH_TO_AGREE


def released(book: Book, profile: ProfileSpec, today: date) -> Release:
    """The first edition that the profile takes; else why there is none."""
    if not book.editions:
        if book.listed_as_recording:
            return Release(state=Released.RELEASED, because="a source of recordings lists it")
        return Release(state=Released.NO_RECORDING_KNOWN, because="no source knows a recording")
    found = [(_state(one, book, profile, today), one) for one in book.editions]
    order = list(Released)
    (state, edition) = min(found, key=lambda pair: (order.index(pair[0]), pair[1].released or date.max))
    return Release(state=state, because=_because(state, edition), on=edition.released)


def _state(edition: Edition, book: Book, profile: ProfileSpec, today: date) -> Released:
    language = edition.language or (book.language if len(book.titles) < 2 else None)
    if language and profile.languages and language not in profile.languages:
        return Released.ONLY_OTHER_LANGUAGE
    if edition.dramatized and not profile.dramatized:
        return Released.ONLY_DRAMATIZED
    if edition.machine_voice:
        return Released.ONLY_MACHINE_VOICE
    if edition.abridged and not profile.abridged:
        return Released.ONLY_ABRIDGED
    if edition.parts is not None and edition.parts[0] < edition.parts[1]:
        return Released.NO_RECORDING_KNOWN
    if edition.runtime_min is not None and edition.runtime_min < SHORTEST_MIN:
        return Released.NO_RECORDING_KNOWN
    # A shop's day begins up to a day before or after ours.
    if edition.released is not None and edition.released > today + timedelta(days=1):
        return Released.ANNOUNCED
    return Released.RELEASED


def _because(state: Released, edition: Edition) -> str:
    if state is Released.ANNOUNCED and edition.released:
        return f"comes out on {edition.released:%Y-%m-%d}"
    if state is Released.ONLY_OTHER_LANGUAGE:
        return f"recordings are known in {LANGUAGES.get(edition.language or '', 'another language').title()} only"
    if state is Released.NO_RECORDING_KNOWN:
        return "no whole recording is known"
    if state is Released.RELEASED:
        by = f" by {edition.narrators[0]}" if edition.narrators else ""
        return f"a recording{by} is out" + (f" since {edition.released:%Y-%m-%d}" if edition.released else "")
    return {
        Released.ONLY_ABRIDGED: "only abridged recordings are known",
        Released.ONLY_DRAMATIZED: "only dramatisations are known",
        Released.ONLY_MACHINE_VOICE: "only recordings by a machine's voice are known",
    }[state]


def taken(book: Book, profile: ProfileSpec, today: date) -> tuple[Edition, ...]:
    """The recordings that the profile takes, out or announced."""
    good = (Released.RELEASED, Released.ANNOUNCED)
    return tuple(one for one in book.editions if _state(one, book, profile, today) in good)
