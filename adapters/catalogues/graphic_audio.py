"""GraphicAudio's list of dramatised books, as somebody scrapes it into one document (contracts: metadata, 3.10).

A book is sold in parts. `episodeCode` writes part 5 of book 2 as `2.5`, where a true novella may stand, so it is not
read; nor is the number of a book without parts, which is often wrong.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.catalogues.replies import (
    DETAILS_S,
    LIST_S,
    Reply,
    Web,
    day,
    decoded,
    entries,
    isbn,
    number,
    prose,
    sound,
    text,
)
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    Credit,
    FindSeries,
    ListBooks,
    ListMembers,
    Place,
    Question,
    Recording,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.names import Likeness, same_person, same_series, same_title, slug

LIST = "https://raw.githubusercontent.com/binyaminyblatt/graphicaudio_scraper/main/results.json"


class GraphicAudio:
    """The list. The only module that knows its JSON; every question is answered from the one document."""

    name = "graphicaudio"
    answers: frozenset[type] = frozenset({FindSeries, ListMembers, ListBooks, Search})

    def __init__(self, web: Web, address: str = LIST) -> None:
        self._web = web
        self._address = address

    def knows(self, url: str) -> bool:
        """Any copy of the list: it is a file, which stands where somebody put it."""
        path = urlsplit(url).path.casefold()
        return url in (self._address, LIST) or ("graphicaudio" in path and path.endswith(".json"))

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` for what is no list, `Permanent` for a refusal."""
        if type(question) not in self.answers:
            raise ValueError(f"{self.name} cannot answer {type(question).__name__}")
        whole = self.read(await self._web.get(self._address, fresh_s=DETAILS_S, timeout_s=LIST_S))
        series = tuple(claim for claim in whole.series if _asks_series(question, claim))
        held = {member.id for claim in series for member in claim.members or ()}
        books = tuple(book for book in whole.books if (book.id in held if series else _asks_book(question, book)))
        return msgspec.structs.replace(whole, books=books, series=series, dropped=())

    def read(self, reply: Reply) -> Answer:
        """The whole list, its parts put together. Never complete: nobody confirms that the scrape reached the end."""
        if not sound(self.name, reply):
            return Answer(source=self.name, complete=False)
        rows = entries(self.name, decoded(self.name, reply, object), what="books")
        volumes: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        dropped = []
        for place, row in enumerate(rows, start=1):
            title = text(row.get("title")) if isinstance(row, dict) else None
            if title is None:
                dropped.append(f"row {place} has no title")
                continue
            named = (text(row.get("seriesName")) or "", _digits(row.get("episodeNumber")) or "", title)
            volumes.setdefault(named, []).append(row)
        carried = Counter(isbn(row.get("isbn")) for parts in volumes.values() for row in parts[:1])
        books = tuple(_book(key, parts, carried) for key, parts in volumes.items())
        return Answer(source=self.name, books=books, series=_series(books), dropped=tuple(dropped), complete=False)


def _asks_series(question: Question, claim: SeriesClaim) -> bool:
    match question:
        case FindSeries(name=name):
            return same_series(claim.name, name) is not Likeness.DIFFERENT
        case ListMembers(series=id):
            return claim.id == id
    return False


def _asks_book(question: Question, book: BookClaim) -> bool:
    match question:
        case Search(title=title):
            return same_title(book.title or "", title) is not Likeness.DIFFERENT
        case ListBooks(name=name):
            return any(same_person(credit.name, name) is not Likeness.DIFFERENT for credit in book.authors)
    return False


def _book(key: tuple[str, str, str], parts: Sequence[dict[str, Any]], carried: Counter[str | None]) -> BookClaim:
    series, volume, title = key
    first = parts[0]
    id = f"graphicaudio:{hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:16]}"
    numbered = any(_digits(part.get("episodePart")) for part in parts)
    # A part's ISBN is not the book's, and one that several books carry is no book's.
    own = isbn(first.get("isbn")) if not numbered else None
    whole = _all_there(parts)
    cast = [text(name) for part in parts for name in _listed(part.get("cast"))]
    recording = Recording(
        ids=(id,),
        narrators=tuple(dict.fromkeys(name for name in cast if name and name != "Narrator")),
        dramatized=True,
        released=max(filter(None, (day(part.get("releaseDate")) for part in parts)), default=None),
        publisher="GraphicAudio",
    )
    author = text(first.get("author"))
    return BookClaim(
        source=GraphicAudio.name,
        id=id,
        ids=(id, own) if own and carried[own] == 1 else (id,),
        title=title,
        subtitle=text(first.get("subtitle")),
        authors=tuple(Credit(name=name.strip()) for name in (author or "").split(",") if name.strip()),
        places=(Place(series=_series_id(series), name=series, position=volume if numbered else None),)
        if series
        else (),
        recordings=(recording,) if whole else (),
        publisher="GraphicAudio",
        description=prose(first.get("description")),
        cover=text(first.get("cover")),
        recorded=whole,
    )


def _all_there(parts: Sequence[dict[str, Any]]) -> bool:
    """Whether these are all parts of a book, or a book that has none."""
    there = {_digits(part.get("episodePart")) for part in parts}
    totals = {_digits(part.get("totalParts")) for part in parts} - {None}
    if there == {None}:
        return True
    total = max((int(total) for total in totals if total), default=None)
    return total is not None and total <= len(there) and {str(part) for part in range(1, total + 1)} <= there


def _series(books: Sequence[BookClaim]) -> tuple[SeriesClaim, ...]:
    members: dict[str, list[SeriesMember]] = {}
    names: dict[str, str] = {}
    for book in books:
        for place in book.places:
            names.setdefault(place.series, place.name)
            row = SeriesMember(id=book.id, position=place.position, title=book.title)
            members.setdefault(place.series, []).append(row)
    return tuple(
        SeriesClaim(source=GraphicAudio.name, id=id, name=names[id], members=tuple(rows))
        for id, rows in members.items()
    )


def _series_id(name: str) -> str:
    return f"graphicaudio:{slug(name)}"


def _digits(value: object) -> str | None:
    """A whole number as text; None for what is none."""
    found = number(value)
    return str(int(found)) if found is not None and 0 <= found < 10_000 and found == int(found) else None


def _listed(value: object) -> list[object]:
    return value[:200] if isinstance(value, list) else []
