"""Audnexus: one Audible product by its ASIN, kindly prepared (contracts: metadata, section 3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.catalogues.addresses import below
from adapters.catalogues.parts import credits, joined, names, position, rows
from adapters.catalogues.replies import (
    DETAILS_S,
    Reply,
    Web,
    asin,
    day,
    decoded,
    entries,
    isbn,
    minutes,
    prose,
    sound,
    text,
)
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    FindAuthor,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Recording,
    Search,
    SeriesClaim,
)
from domain.errors import Failure, Permanent, Transient
from domain.languages import read_language
from domain.titles import says_dramatized

SOURCE = "audnexus"
PUBLIC = "https://api.audnex.us"
MOST_LOOKED_UP = 50
"""Books per question, one request each and region: half of what the service allows in a minute."""


class Audnexus:
    """Asks for single products. The only module that knows Audnexus's JSON.

    It lists no series and no author's books, and shows at most two series of a book. Only ids that the caller took
    from an Audible-like source may be looked up: print and Kindle ASINs name other things.
    """

    name = SOURCE
    answers: frozenset[type] = frozenset({LookUp, FindAuthor, Search})

    def __init__(self, web: Web, *, base_url: str = PUBLIC, regions: Sequence[str] = ("us", "uk")) -> None:
        """`regions` are asked in this order (`us`, `uk`, `ca`, `au`, `de` …)."""
        self._web = web
        self._base_url = base_url.rstrip("/")
        self._regions = tuple(regions)

    def knows(self, url: str) -> bool:
        return below(self._base_url, url) or below(PUBLIC, url)

    def read(self, reply: Reply) -> Answer:
        """The claims of a book, its chapters, a search, or authors. Raises `Transient` and `Permanent`."""
        _refuse(reply)
        if not sound(SOURCE, reply):
            return _missing(reply)
        body = decoded(SOURCE, reply, object)
        if isinstance(body, list):
            read = _person if "authors" in _path(reply) else _book
            found = joined(SOURCE, map(read, entries(SOURCE, body, what="records")))
            # A search stops at ten books without a word about the rest.
            return msgspec.structs.replace(found, complete=not found.dropped and not found.books)
        if not isinstance(body, dict) or asin(body.get("asin")) is None:
            raise Transient("audnexus sent neither a book nor an author", code="HalfAnswer")
        found = _person(body) if "authors" in _path(reply) else _length(body) if "chapters" in body else _book(body)
        if not found.found:
            raise Transient(f"audnexus sent half a record ({'; '.join(found.dropped)})", code="HalfAnswer")
        return found

    async def ask(self, question: Question) -> Answer:
        match question:
            case LookUp():
                return await self._look_up(question.ids)
            case FindAuthor():
                return await self._in_every_region("/authors", {"name": question.name})
            case Search():
                words = f"{question.title} {question.author or ''}".strip()
                return await self._in_every_region("/books/search", {"q": words})
            case _:
                raise ValueError(f"audnexus cannot answer {type(question).__name__}")

    async def _in_every_region(self, path: str, params: Mapping[str, str]) -> Answer:
        """What all regions say. When the first cannot answer, its error is raised; another one's becomes a note."""
        answers: list[Answer] = []
        for region in self._regions:
            try:
                answers.append(
                    self.read(await self._web.get(self._base_url + path, params={**params, "region": region}))
                )
            except Failure as failure:
                if not answers:
                    raise
                answers.append(_unanswered(f"region {region}: {failure.message}"))
        return joined(SOURCE, answers)

    async def _look_up(self, ids: Iterable[str]) -> Answer:
        """One book after the other. One that is refused (a podcast, say) is dropped; anything that will pass ends the
        round, with what was read so far. The error is raised when there is nothing else to tell."""
        wanted = list(dict.fromkeys(known for id in ids if id.startswith("asin:") and (known := asin(id[5:]))))
        answers: list[Answer] = []
        refused: list[Permanent] = []
        for id in wanted[:MOST_LOOKED_UP]:
            try:
                answers.append(await self._book(id))
            except Permanent as failure:
                refused.append(failure)
                dropped = (f"{id}: {failure.message}",)
                answers.append(Answer(source=SOURCE, dropped=dropped, complete=False))
            except Failure as failure:
                if not answers:
                    raise
                answers.append(_unanswered(f"{id} and those after it: {failure.message}"))
                break
        if refused and len(refused) == len(answers):
            raise refused[0]
        if len(wanted) > MOST_LOOKED_UP:
            answers.append(_unanswered(f"{len(wanted) - MOST_LOOKED_UP} ids too many"))
        return joined(SOURCE, answers)

    async def _book(self, id: str) -> Answer:
        """The book in the first region that has it; else the stub of a region where it was taken off sale."""
        answers: list[Answer] = []
        for region in self._regions:
            url = f"{self._base_url}/books/{id.removeprefix('asin:')}"
            try:
                answers.append(self.read(await self._web.get(url, params={"region": region}, fresh_s=DETAILS_S)))
            except Failure as failure:
                if not answers:
                    raise
                answers.append(_unanswered(f"{id} in region {region}: {failure.message}"))
            if any(not book.stub for book in answers[-1].books):
                return answers[-1]
        return joined(SOURCE, answers)


def _unanswered(note: str) -> Answer:
    return Answer(source=SOURCE, complete=False, notes=(note,))


def _path(reply: Reply) -> list[str]:
    return [piece for piece in urlsplit(reply.url).path.split("/") if piece]


# --- errors ----------------------------------------------------------------------------------------------------------


def _error(reply: Reply) -> tuple[str, str, dict[str, Any]]:
    """(code, message, details) of an error, in the new form and in that of older copies, which know no code."""
    body = decoded(SOURCE, reply, object)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(body, dict) or error is None:
        raise Transient(f"audnexus sent no error that it knows (HTTP {reply.status})", code="WrongShape")
    told = error if isinstance(error, dict) else body
    code, details = text(told.get("code")) or "", told.get("details")
    known = code if re.fullmatch(r"[A-Z_]{3,40}", code) else ""
    return known, text(told.get("message")) or "", details if isinstance(details, dict) else {}


def _refuse(reply: Reply) -> None:
    """A refusal with its reason, where the service gave one."""
    if reply.status not in {400, 422}:
        return
    try:
        code, _, _ = _error(reply)
    except Transient:
        code = ""
    told = f"HTTP {reply.status} {code}".strip()
    raise Permanent(f"audnexus refused the question ({told})", code="SourceRefused")


def _missing(reply: Reply) -> Answer:
    """A 404 that the service meant: not in this region, or taken off sale. The latter proves that it was recorded."""
    code, message, details = _error(reply)
    if message.startswith("Route "):
        raise Permanent("audnexus has no such address: check base_url", code="SourceRefused")
    if code != "PRODUCT_DELISTED":
        return Answer(source=SOURCE)
    id = asin(details.get("asin")) or asin(_path(reply)[-1])
    stub = (BookClaim(source=SOURCE, id=id, ids=(id,), stub=True, recorded=True),) if id else ()
    return Answer(source=SOURCE, books=stub, notes=(f"{id}: taken off sale",))


# --- records ---------------------------------------------------------------------------------------------------------


def _own(value: object) -> str | None:
    """The id of a series or a person: Audible's."""
    known = asin(value)
    return f"audible:{known.removeprefix('asin:')}" if known else None


def _person(row: object) -> Answer:
    id = _own(row.get("asin")) if isinstance(row, dict) else None
    name = text(row.get("name"), longest=200) if isinstance(row, dict) else None
    if not id or not name:
        return Answer(source=SOURCE, dropped=("an author without an ASIN or a name",), complete=False)
    return Answer(source=SOURCE, people=(PersonClaim(source=SOURCE, id=id, name=name),))


def _length(row: Mapping[str, Any]) -> Answer:
    """What chapters tell of a recording: its length."""
    id = asin(row.get("asin"))
    if id is None:
        return Answer(source=SOURCE, complete=False)
    runtime = minutes(row.get("runtimeLengthMs"), per_minute=60_000)
    recordings = (Recording(ids=(id,), runtime_min=runtime),)
    book = BookClaim(source=SOURCE, id=id, ids=(id,), recordings=recordings, recorded=True)
    return Answer(source=SOURCE, books=(book,))


def _book(row: object) -> Answer:
    id = asin(row.get("asin")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or id is None:
        return Answer(source=SOURCE, dropped=("a book without an ASIN",), complete=False)
    title = text(row.get("title")) if isinstance(row.get("title"), str) else None
    if title is None:
        return Answer(source=SOURCE, dropped=(f"{id}: its title is no text",), complete=False)
    places = _places(row)
    ids = (id, isbn(row.get("isbn")), isbn(id.removeprefix("asin:")))
    book = BookClaim(
        source=SOURCE,
        id=id,
        ids=tuple(dict.fromkeys(one for one in ids if one)),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=credits(row.get("authors"), lambda one: _own(one.get("asin"))),
        places=places,
        language=read_language(text(row.get("language"))),
        recordings=(_recording(row, id, places),),
        publisher=text(row.get("publisherName")),
        description=prose(row.get("summary")) or prose(row.get("description")),
        cover=_cover(row.get("image")),
        genres=_genres(row),
        recorded=True,
    )
    named = tuple(SeriesClaim(source=SOURCE, id=place.series, name=place.name) for place in places if place.series)
    return Answer(source=SOURCE, books=(book,), series=named)


def _places(row: Mapping[str, Any]) -> tuple[Place, ...]:
    given = rows([row.get("seriesPrimary"), row.get("seriesSecondary")])
    places = (
        Place(
            series=_own(one.get("asin")) or "",
            name=text(one.get("name")) or "",
            position=position(one.get("position")),
        )
        for one in given
    )
    return tuple(place for place in places if place.series or place.name)


def _recording(row: Mapping[str, Any], id: str, places: Iterable[Place]) -> Recording:
    format_type = text(row.get("formatType")) or ""
    remarks = [text(row.get("title")), text(row.get("subtitle")), format_type, *(place.position for place in places)]
    return Recording(
        ids=(id,),
        narrators=names(row.get("narrators")),
        runtime_min=minutes(row.get("runtimeLengthMin")),
        abridged={"abridged": True, "unabridged": False}.get(format_type.casefold()),
        dramatized=True if any(says_dramatized(remark) for remark in remarks if remark) else None,
        language=read_language(text(row.get("language"))),
        released=day(row.get("releaseDate")),
        publisher=text(row.get("publisherName")),
    )


def _cover(value: object) -> str | None:
    address = text(value)
    return address if address and address.startswith("https://") else None


def _genres(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Genres; its tags are left out."""
    found = (text(one.get("name")) for one in rows(row.get("genres")) if one.get("type") == "genre")
    return tuple(dict.fromkeys(name for name in found if name))
