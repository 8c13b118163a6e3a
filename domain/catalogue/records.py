"""One record of one source, read: its title cleaned, its number, its people, and what it says of its form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from domain.catalogue.claims import BookClaim, Credit, Place, Recording, SeriesClaim
from domain.catalogue.memory import Heard
from domain.names import (
    BookTitle,
    Likeness,
    credited_role,
    fold,
    is_other_work,
    read_book_title,
    same_series,
    series_key,
    title_keys,
)
from domain.parts import read_part, without_part
from domain.positions import Position, read_position
from domain.titles import says_abridged, says_dramatized

HEARD_OF_SERIES = re.compile(r"^(?P<series>.+?),?\s+(?:book|vol(?:ume)?\.?|#)\s*(?P<number>\d{1,3})$", re.IGNORECASE)
_DRAMA = re.compile(r"\s*[(\[][^()\[\]]*\bdrama(?:ti[sz]ed|ti[sz]ation)\b[^()\[\]]*[)\]]", re.IGNORECASE)
_TRACK = re.compile(r"^(?P<number>\d{1,3})[\s._-]+(?=\D)")
_STUDY = re.compile(
    r"^(?:a\s+)?(?:summary|study guide|analysis|sparknotes|cliffs?notes|workbook|conversation starters|key takeaways"
    r"|trivia|quiz)\b|\b(?:summary of|study guide|sparknotes|cliffs?notes|literature guide|conversation starters"
    r"|summary (?:and|&) analysis|companion to)\b",
    re.IGNORECASE,
)
NO_BOOKS = frozenset({"podcast", "periodical"})
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
    about: bool = False
    """Its title calls it a guide to a book, or a book in another form: it is never that book."""
    also: tuple[str, ...] = ()
    """Other titles that the source gives this very record."""
    at: datetime | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        return self.title, *self.also

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


class _Gathered:
    """What all answers say of each record and each series; the order of answers leaves no trace."""

    def __init__(self) -> None:
        self.claims: dict[str, list[tuple[datetime | None, BookClaim]]] = {}
        self.places: dict[str, dict[str, list[tuple[datetime | None, str | None]]]] = {}
        self.titles: dict[str, set[str]] = {}
        self.series: dict[str, ProviderSeries] = {}
        self.gone: dict[str, set[str]] = {}

    def take(self, heard: Heard, now: datetime) -> None:
        for claim in heard.answer.books:
            book = f"{claim.source} {claim.id}"
            self.claims.setdefault(book, []).append((heard.answered_at, claim))
            for place in claim.places:
                key = series_of(claim.source, place.series, place.name)
                self._series(ProviderSeries(key=key, id=place.series, source=claim.source, name=place.name))
                self._place(book, key, heard.answered_at, place.position)
        for found in heard.answer.series:
            self._take_list(heard, found, now)

    def _take_list(self, heard: Heard, found: SeriesClaim, now: datetime) -> None:
        key = series_of(found.source, found.id, found.name)
        self._series(
            ProviderSeries(
                key=key,
                id=found.id,
                source=found.source,
                name=found.name,
                complete=found.complete,
                listed=found.members is not None,
                finished=found.finished,
                authors=tuple(_people(found.authors)),
                size=found.size,
            )
        )
        for member in found.members or ():
            book = f"{found.source} {member.id}"
            if heard.taken_back(found.id, member.id, now):
                self.gone.setdefault(key, set()).add(book)
            self._place(book, key, heard.answered_at, member.position)
            if member.title:
                self.titles.setdefault(book, set()).add(member.title)
            bare = BookClaim(source=found.source, id=member.id)
            self.claims.setdefault(book, []).append((heard.answered_at, bare))

    def _series(self, said: ProviderSeries) -> None:
        known = self.series.get(said.key)
        self.series[said.key] = said if known is None else _both(known, said)

    def _place(self, book: str, series: str, at: datetime | None, position: str | None) -> None:
        self.places.setdefault(book, {}).setdefault(series, []).append((at, position))

    def records(self, series: Mapping[str, ProviderSeries]) -> list[Record]:
        found = []
        for book, told in sorted(self.claims.items()):
            claim, also = _one_claim(told, self.titles.get(book, set()))
            at = max((moment for moment, _ in told if moment), default=None)
            places = {key: _best(texts) for key, texts in sorted(self.places.get(book, {}).items())}
            record = _read(book, claim, at, places, series, also)
            found += [record] if record is not None else []
        return found


def read_records(heard: Iterable[Heard], now: datetime) -> tuple[tuple[Record, ...], tuple[ProviderSeries, ...]]:
    """Every record of every answer once, fields of several answers joined; and the series they stand in."""
    gathered = _Gathered()
    for one in heard:
        gathered.take(one, now)
    series = {
        key: msgspec.structs.replace(one, withdrawn=tuple(sorted(gathered.gone.get(key, ()))))
        for key, one in sorted(gathered.series.items())
    }
    return tuple(gathered.records(series)), tuple(series.values())


def _both(one: ProviderSeries, other: ProviderSeries) -> ProviderSeries:
    """Two mentions of one series. Where they differ, the choice must not depend on which was read first."""
    return ProviderSeries(
        key=one.key,
        id=one.id,
        source=one.source,
        name=min((name for name in (one.name, other.name) if name), default=""),
        complete=one.complete or other.complete,
        listed=one.listed or other.listed,
        # One that goes on is not finished, whoever said so before.
        finished=one.finished if other.finished is None else other.finished and one.finished is not False,
        authors=max(one.authors, other.authors, key=lambda names: (len(names), names)),
        size=max((size for size in (one.size, other.size) if size), default=None),
    )


def _best(told: Iterable[tuple[datetime | None, str | None]]) -> str | None:
    """Of several texts for one place one that can be read, the newest; among equals, not the one that came first."""
    texts = [(at, text) for at, text in told if text is not None]
    return max(
        texts, key=lambda one: (read_position(one[1]) is not None, _moment(one[0]), one[1]), default=(None, None)
    )[1]


def _moment(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _one_claim(
    told: Iterable[tuple[datetime | None, BookClaim]], listed: set[str]
) -> tuple[BookClaim, tuple[str, ...]]:
    """One claim of all answers about one record, with the other titles that it had in some of them. Details count
    before a bare mention, then the newer answer; what only one of them says is kept."""
    several = sorted(told, key=lambda one: (_bare(one[1]), -_moment(one[0]), -_fullness(one[1]), _encoded(one[1])))
    claim = several[0][1]
    for _, other in several[1:]:
        claim = claim if other == claim else _joined(claim, other)
    if not claim.title and listed:
        claim = msgspec.structs.replace(claim, title=min(listed))
    titles = {other.title for _, other in several if other.title and not _bare(other)}
    return claim, tuple(sorted(title for title in titles if fold(title) != fold(claim.title or "")))


def _bare(claim: BookClaim) -> bool:
    return claim.stub or (not claim.authors and not claim.recordings)


def _encoded(claim: BookClaim) -> bytes:
    return msgspec.json.encode(claim)


def _joined(first: BookClaim, second: BookClaim) -> BookClaim:
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
    also: Sequence[str],
) -> Record | None:
    """None for a record without a title, since an id alone is no book, and for what is none: a magazine, a podcast."""
    if not claim.title or claim.category in NO_BOOKS:
        return None
    authors = tuple(_people(claim.authors))
    names = sorted({series[place].name for place in places if series[place].name})
    title, numbered = _own_title(claim, names)
    part = _part_of(title, claim, list(places.values()))
    bare = _without_track(_DRAMA.sub("", without_part(title)).strip(), places.values())
    about = _about(claim)
    shown = title if about else clean_title(bare or title, names, authors)
    nearest = next((name for name in names if read_book_title(title, series=name).position is not None), None)
    read = read_book_title(shown, series=nearest, authors=authors)
    positions = {
        place: _position(text) or numbered or _said_in_title(title, series[place].name)
        for place, text in places.items()
    }
    others = _other_names(claim, also, names, authors, shown)
    return Record(
        key=key,
        claim=claim,
        title=shown,
        read=msgspec.structs.replace(read, omnibus=read.omnibus or read_book_title(claim.title).omnibus),
        about=about,
        also=others,
        keys=_keys((shown, *others, *([read.stem] if read.volume is not None else ())), nearest, authors),
        authors=authors,
        places=tuple(sorted(positions.items())),
        series=tuple(names),
        part=part,
        dramatized=_dramatized(claim, list(places.values())),
        abridged=True if says_abridged(f"{claim.title} {claim.subtitle or ''}") or _abridged_series(names) else None,
        at=at,
    )


def _without_track(title: str, places: Iterable[str | None]) -> str:
    """Without a number that a file's name left in front: `01 Ozma of Oz`, or the book's own, `14 Glinda of Oz`."""
    track = _TRACK.match(title)
    if not track:
        return title
    own = any((place := _position(text)) and place.whole_book and place.low == int(track["number"]) for text in places)
    return title[track.end() :] if own or track["number"].startswith("0") else title


_ALSO = re.compile(
    r"\b(?:published|known|titled|released|issued)\s+(?:\w+\s+)?as:?\s+(?P<title>[^()\[\]]+)|\ba\.?k\.?a\.?\s+(?P<short>[^()\[\]]+)",
    re.IGNORECASE,
)
"""`Originally Published as Beyond Thirty`."""


def _other_names(
    claim: BookClaim, also: Sequence[str], series: Sequence[str], authors: Sequence[str], shown: str
) -> tuple[str, ...]:
    """Other titles that the source itself gives the record: in another of its shops, or as an older name."""
    told = [clean_title(title, series, authors) for title in also if not HEARD_OF_SERIES.match(title)]
    for text in (claim.title or "", claim.subtitle or ""):
        told += [(found["title"] or found["short"]).strip(" .\"'") for found in _ALSO.finditer(text)]
    return tuple(sorted({fold(title): title for title in told if fold(title) != fold(shown)}.values()))


def _keys(titles: Sequence[str], series: str | None, authors: Sequence[str]) -> tuple[str, ...]:
    keys = (key for title in titles for key in title_keys(title, series=series, authors=authors))
    return tuple(dict.fromkeys(keys))


def _own_title(claim: BookClaim, series: Sequence[str]) -> tuple[str, Position | None]:
    """The book's own title, where the source swapped it with the subtitle; with the number that the title held."""
    title = claim.title or ""
    swapped = HEARD_OF_SERIES.match(title)
    if swapped and claim.subtitle and any(same_series(swapped["series"], name) is Likeness.SAME for name in series):
        return claim.subtitle, read_position(swapped["number"])
    return title, None


def _said_in_title(title: str, series: str) -> Position | None:
    """The number that the title gives the book in this very series: `Ozma of Oz (Oz #3)`."""
    read = read_book_title(title, series=series or None)
    if read.position is None or read.omnibus or not series or series_key(read.said) != series_key(series):
        return None
    return read_position(f"{read.position:f}")


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


def _about(claim: BookClaim) -> bool:
    return bool(_STUDY.search(claim.title or "")) or is_other_work(read_book_title(claim.title or ""))


def _dramatized(claim: BookClaim, places: Sequence[str | None]) -> bool | None:
    if says_dramatized(f"{claim.title} {claim.subtitle or ''}"):
        return True
    if any(text and re.search(r"dramati[sz]", text, re.IGNORECASE) for text in places):
        return True
    known = [recording.dramatized for recording in claim.recordings or ()]
    return True if known and all(known) else None


def _abridged_series(names: Sequence[str]) -> bool:
    return bool(names) and all(re.search(r"[(\[]abridged[)\]]", name, re.IGNORECASE) for name in names)
