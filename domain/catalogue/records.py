"""One record of one source, read: its title cleaned, its number, its people, and what it says of its form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from domain.catalogue.claims import BookClaim, Credit, Place, Recording
from domain.catalogue.memory import Heard
from domain.names import BookTitle, Likeness, credited_role, read_book_title, same_series, series_key, title_keys
from domain.parts import read_part, without_part
from domain.positions import Position, read_position
from domain.titles import says_abridged, says_dramatized

HEARD_OF_SERIES = re.compile(r"^(?P<series>.+?),?\s+(?:book|vol(?:ume)?\.?|#)\s*(?P<number>\d{1,3})$", re.IGNORECASE)
_DRAMA = re.compile(r"\s*[(\[][^()\[\]]*\bdrama(?:ti[sz]ed|ti[sz]ation)\b[^()\[\]]*[)\]]", re.IGNORECASE)
_TRACK = re.compile(r"^0\d[\s._-]+(?=\D)")
"""A track number that a file's name left in front of a title."""
MACHINE = re.compile(r"virtual voice|digital voice|\bai voice\b", re.IGNORECASE)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A claim with what can be read from it. Compared by `key`."""

    key: str
    """Source and id: unique among all records."""
    claim: BookClaim
    title: str
    """For people: without edition words, series tails and part numbers."""
    read: BookTitle
    keys: tuple[str, ...]
    authors: tuple[str, ...]
    """Without translators, illustrators and the like."""
    places: tuple[tuple[str, Position | None], ...]
    """(source and id of a series, place in it)."""
    series: tuple[str, ...] = ()
    """Names of these series."""
    part: tuple[int, int | None] | None = None
    """(k, n) of `part k of n`."""
    dramatized: bool | None = None
    abridged: bool | None = None
    at: datetime | None = None

    @property
    def source(self) -> str:
        return self.claim.source

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id by which another record can be known as the same book."""
        recorded = (one for recording in self.claim.recordings or () for one in recording.ids)
        return tuple(dict.fromkeys((self.claim.id, *self.claim.ids, *recorded)))

    @property
    def recordings(self) -> tuple[Recording, ...]:
        return self.claim.recordings or ()

    @property
    def omnibus(self) -> bool:
        """Whether the record itself says that it holds several books: a range as its number, or a set's name without a
        number of its own."""
        positions = [position for _, position in self.places if position is not None]
        if any(not position.single and position.part is None for position in positions):
            return True
        alone = any(position.whole_book for position in positions)
        return not alone and (self.read.omnibus or bool(self.claim.compilation))

    def number_in(self, series: str) -> Position | None:
        return next((position for key, position in self.places if key == series), None)


class ProviderSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One series as one source has it."""

    key: str
    """Source and id."""
    id: str
    source: str
    name: str
    complete: bool = False
    listed: bool = False
    """Its members were listed, rather than gathered from what books say of themselves."""
    finished: bool | None = None
    authors: tuple[str, ...] = ()
    size: int | None = None
    withdrawn: tuple[str, ...] = ()
    """Keys of records that the source took out of its list."""


def series_of(source: str, id: str, name: str) -> str:
    """The key of a provider's series; one without an id is known by its name."""
    return f"{source} {id}" if id else f"{source} name:{series_key(name)}"


def read_records(heard: Iterable[Heard], now: datetime) -> tuple[tuple[Record, ...], tuple[ProviderSeries, ...]]:
    """Every record of every answer once, fields of several answers joined; and the series they stand in."""
    claims: dict[str, tuple[BookClaim, datetime | None]] = {}
    series: dict[str, ProviderSeries] = {}
    places: dict[str, dict[str, str | None]] = {}
    titles: dict[str, str] = {}
    gone: dict[str, set[str]] = {}
    for one in sorted(heard, key=lambda one: (one.source, one.question)):
        for claim in one.answer.books:
            key = f"{claim.source} {claim.id}"
            known, at = claims.get(key, (None, None))
            newest = max((moment for moment in (at, one.answered_at) if moment), default=None)
            claims[key] = (claim if known is None else _joined(known, claim), newest)
        for found in one.answer.series:
            key = series_of(found.source, found.id, found.name)
            series[key] = _series(series.get(key), key, found.source, found.id, found.name)
            series[key] = msgspec.structs.replace(
                series[key],
                complete=series[key].complete or found.complete,
                listed=series[key].listed or found.members is not None,
                finished=series[key].finished if found.finished is None else found.finished,
                authors=series[key].authors or tuple(_people(found.authors)),
                size=series[key].size or found.size,
            )
            for member in found.members or ():
                book = f"{found.source} {member.id}"
                if one.taken_back(found.id, member.id, now):
                    gone.setdefault(key, set()).add(book)
                row = places.setdefault(book, {})
                row[key] = _better(row.get(key), member.position)
                if member.title:
                    titles.setdefault(book, member.title)
                if book not in claims:
                    claims[book] = (BookClaim(source=found.source, id=member.id), one.answered_at)
    for book, (claim, _) in claims.items():
        for place in claim.places:
            key = series_of(claim.source, place.series, place.name)
            series[key] = _series(series.get(key), key, claim.source, place.series, place.name)
            row = places.setdefault(book, {})
            row[key] = _better(row.get(key), place.position)
    known_series = {
        key: msgspec.structs.replace(one, withdrawn=tuple(sorted(gone.get(key, ())))) for key, one in series.items()
    }
    records = [
        _read(book, _titled(claim, titles.get(book)), at, places.get(book, {}), known_series)
        for book, (claim, at) in claims.items()
    ]
    kept = [record for record in records if record is not None]
    return tuple(sorted(kept, key=lambda record: record.key)), tuple(
        sorted(known_series.values(), key=lambda one: one.key)
    )


def _series(known: ProviderSeries | None, key: str, source: str, id: str, name: str) -> ProviderSeries:
    if known is None:
        return ProviderSeries(key=key, id=id, source=source, name=name)
    # Equal ids with two spellings: the choice must not depend on which answer was read first.
    return msgspec.structs.replace(known, name=min((one for one in (known.name, name) if one), default=""))


def _better(one: str | None, other: str | None) -> str | None:
    """Of two texts for one place the one that can be read; among equals, not the one that came first."""
    rated = sorted(
        {text for text in (one, other) if text is not None}, key=lambda text: (read_position(text) is None, text)
    )
    return rated[0] if rated else None


def _titled(claim: BookClaim, title: str | None) -> BookClaim:
    return claim if claim.title or not title else msgspec.structs.replace(claim, title=title)


def _joined(one: BookClaim, other: BookClaim) -> BookClaim:
    """Two answers about one record: what only one of them says counts, and details before a bare mention."""
    first, second = sorted((one, other), key=lambda claim: (-_fullness(claim), msgspec.json.encode(claim)))
    fields = {
        name: getattr(first, name) if getattr(first, name) not in (None, "", ()) else getattr(second, name)
        for name in BookClaim.__struct_fields__
    }
    fields["ids"] = tuple(sorted({*first.ids, *second.ids}))
    fields["stub"] = first.stub and second.stub
    fields["recorded"] = first.recorded or second.recorded
    fields["places"] = _joined_places(first.places, second.places)
    return BookClaim(**fields)


def _joined_places(one: Sequence[Place], other: Sequence[Place]) -> tuple[Place, ...]:
    known = {(place.series, series_key(place.name) if not place.series else ""): place for place in one}
    for place in other:
        at = (place.series, series_key(place.name) if not place.series else "")
        earlier = known.get(at)
        if earlier is None or earlier.position is None:
            known[at] = place
    return tuple(known.values())


def _fullness(claim: BookClaim) -> int:
    return sum(getattr(claim, name) not in (None, "", (), False) for name in BookClaim.__struct_fields__)


def _people(credits: Iterable[Credit]) -> list[str]:
    """Names of the authors: everybody without another role, or everybody when nobody is left."""
    plain = [one.name for one in credits if _is_author(one)]
    return list(dict.fromkeys(plain or [one.name for one in credits]))


def _is_author(credit: Credit) -> bool:
    role = (credit.role or "").casefold()
    return (not role or role.startswith(("author", "writer"))) and credited_role(credit.name) is None


def _read(
    key: str,
    claim: BookClaim,
    at: datetime | None,
    places: Mapping[str, str | None],
    series: Mapping[str, ProviderSeries],
) -> Record | None:
    """None for a record without a title: an id alone is no book."""
    if not claim.title:
        return None
    authors = tuple(_people(claim.authors))
    names = sorted({series[place].name for place in places if series[place].name})
    title, numbered = _own_title(claim, names)
    part = _part_of(title, claim, list(places.values()))
    bare = _TRACK.sub("", _DRAMA.sub("", without_part(title)).strip())
    shown = clean_title(bare or title, names, authors)
    nearest = next((name for name in names if read_book_title(title, series=name).position is not None), None)
    read = read_book_title(shown, series=nearest, authors=authors)
    positions = {place: _position(text) for place, text in places.items()}
    if numbered is not None:
        positions = {place: position or numbered for place, position in positions.items()}
    return Record(
        key=key,
        claim=claim,
        title=shown,
        read=msgspec.structs.replace(read, omnibus=read.omnibus or read_book_title(claim.title).omnibus),
        keys=title_keys(shown, series=nearest, authors=authors),
        authors=authors,
        places=tuple(sorted(positions.items())),
        series=tuple(names),
        part=part,
        dramatized=_dramatized(claim, list(places.values())),
        abridged=True if says_abridged(f"{claim.title} {claim.subtitle or ''}") or _abridged_series(names) else None,
        at=at,
    )


def _own_title(claim: BookClaim, series: Sequence[str]) -> tuple[str, Position | None]:
    """The book's own title, where the source swapped it with the subtitle; with the number that the title held."""
    title = claim.title or ""
    swapped = HEARD_OF_SERIES.match(title)
    if swapped and claim.subtitle and any(same_series(swapped["series"], name) is Likeness.SAME for name in series):
        return claim.subtitle, read_position(swapped["number"])
    return title, None


def clean_title(title: str, series: Sequence[str], authors: Sequence[str]) -> str:
    """The shortest piece of a title, cut at a mark, that still names the same book: `Night Watch` of
    `Night Watch: Discworld, Book 29`."""
    for name in (*series, None):
        whole = read_book_title(title, series=name, authors=authors)
        marks = list(_MARKS.finditer(title))
        pieces = [title[: mark.start()] for mark in marks]
        # A series in front is part of the name (`Sherlock Holmes: The Novels`), one with a number is not.
        pieces += [title[mark.end() :] for mark in marks if any(map(str.isdigit, title[: mark.start()]))]
        for piece in sorted(pieces, key=len):
            bare = piece.strip(" -–—:,;()[]")
            read = read_book_title(bare, series=name, authors=authors)
            if bare and read.key == whole.key and read.volume == whole.volume and not whole.omnibus:
                return bare
    return title


_MARKS = re.compile(r":\s|\s?[(\[]|\s[-–—|]\s|,\s|[)\]]\s*")


def _position(text: str | None) -> Position | None:
    return read_position(text) if text is not None else None


def _part_of(title: str, claim: BookClaim, places: Sequence[str | None]) -> tuple[int, int | None] | None:
    if found := read_part(title):
        return found
    for text in places:
        position = _position(text)
        if position is not None and position.part is not None:
            return position.part, None
    if claim.partial or any(recording.delivery == "AudioPart" for recording in claim.recordings or ()):
        return 0, None
    return None


def _dramatized(claim: BookClaim, places: Sequence[str | None]) -> bool | None:
    if says_dramatized(f"{claim.title} {claim.subtitle or ''}"):
        return True
    if any(text and re.search(r"dramati[sz]", text, re.IGNORECASE) for text in places):
        return True
    known = [recording.dramatized for recording in claim.recordings or ()]
    return True if known and all(known) else None


def _abridged_series(names: Sequence[str]) -> bool:
    return bool(names) and all(re.search(r"[(\[]abridged[)\]]", name, re.IGNORECASE) for name in names)
