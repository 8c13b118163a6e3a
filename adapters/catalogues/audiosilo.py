"""audiosilo-meta: works, recordings and series that contributors' libraries held (contracts: metadata, section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import msgspec

from adapters.catalogues.addresses import below, same_origin
from adapters.catalogues.parts import credits, joined, names, position, rows
from adapters.catalogues.replies import (
    DAY_S,
    DETAILS_S,
    LIST_S,
    Reply,
    Web,
    asin,
    day,
    decoded,
    entries,
    isbn,
    minutes,
    number,
    sound,
    text,
    year,
)
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Recording,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Failure, Transient
from domain.languages import read_language
from domain.names import Likeness, same_person

SOURCE = "audiosilo"
PUBLIC = "https://meta.audiosilo.app"
PER_SEARCH = 50
PER_PAGE = 500
MOST_PAGES = 10
"""Pages of one person, 5,000 works."""
MOST_NAMESAKES = 3
"""People whose lists are read when only a name is asked for."""
MOST_WORKS_READ = 30
"""Works of one series that are asked for one by one, because the list gives no date of release for them."""
MOST_LOOKED_UP = 25
"""Ids per question, up to two requests each."""


class Audiosilo:
    """Asks a meta server. The only module that knows its JSON.

    A hole in its lists proves nothing, since it knows only what somebody's library held. Descriptions are not read:
    they are under another licence than the facts.
    """

    name = SOURCE
    answers: frozenset[type] = frozenset({FindSeries, ListMembers, FindAuthor, ListBooks, LookUp, Search})

    def __init__(self, web: Web, *, base_url: str = PUBLIC) -> None:
        self._web = web
        self._base_url = base_url.rstrip("/")

    def knows(self, url: str) -> bool:
        return below(self._base_url, url) or below(PUBLIC, url)

    def read(self, reply: Reply) -> Answer:
        """The claims of a series, a work, a person, a lookup or a search. Raises `Transient` and `Permanent`."""
        if reply.status in {301, 308}:
            return _alias(reply)
        found = sound(SOURCE, reply)
        body: dict[str, Any] = decoded(SOURCE, reply, dict)
        if not found:
            return Answer(source=SOURCE)
        query = dict(parse_qsl(urlsplit(reply.url).query))
        if "results" in body:
            return _results(body, query, urlsplit(reply.url).path)
        if "works" in body:
            return _series(body)
        if "authored" in body:
            return _person(body)
        if "work" in body:
            return _looked_up(body, query)
        return _certainly(_work(body))

    async def ask(self, question: Question) -> Answer:
        match question:
            case FindSeries():
                return await self._search("series", question.name)
            case ListMembers():
                return await self._list_members(question.series)
            case FindAuthor():
                return await self._search("people", question.name)
            case ListBooks():
                return await self._list_books(question)
            case LookUp():
                return await self._look_up(question.ids)
            case Search():
                return await self._search("works", question.title)

    async def _search(self, kind: str, words: str) -> Answer:
        return await self._get(f"/{kind}/search", {"q": words, "limit": PER_SEARCH})

    async def _list_members(self, series: str) -> Answer:
        slug = _slug(series.removeprefix(f"{SOURCE}:"))
        if slug is None:
            return Answer(source=SOURCE)
        found = await self._record("series", slug)
        undated = [book.id for book in found.books if not book.recorded]
        works = await self._works(undated[:MOST_WORKS_READ])
        missed = len(undated[MOST_WORKS_READ:])
        notes = [f"{missed} works were not asked for one by one"] if missed else []
        whole = joined(SOURCE, [found, works], notes=notes)
        return msgspec.structs.replace(whole, complete=whole.complete and not notes)

    async def _works(self, ids: Iterable[str]) -> Answer:
        """The works with their recordings, as many as can be read: the first failure ends it, with a note."""
        answers: list[Answer] = []
        for id in ids:
            try:
                answers.append(await self._record("works", id.removeprefix(f"{SOURCE}:")))
            except Failure as failure:
                answers.append(_unanswered(f"{id} and those after it: {failure.message}"))
                break
        return joined(SOURCE, answers)

    async def _list_books(self, question: ListBooks) -> Answer:
        if question.id is not None:
            slug = _slug(question.id.removeprefix(f"{SOURCE}:"))
            return await self._pages(slug) if slug else Answer(source=SOURCE)
        called = await self._search("people", question.name)
        same = [one for one in called.people if same_person(one.name, question.name) is Likeness.SAME]
        answers = [msgspec.structs.replace(called, people=tuple(same))]
        for person in same[:MOST_NAMESAKES]:
            try:
                answers.append(await self._pages(person.id.removeprefix(f"{SOURCE}:")))
            except Failure as failure:
                answers.append(_unanswered(f"{person.id}: {failure.message}"))
        if len(same) > MOST_NAMESAKES:
            answers.append(_unanswered(f"{len(same) - MOST_NAMESAKES} more people are called {question.name}"))
        return joined(SOURCE, answers)

    async def _pages(self, slug: str) -> Answer:
        """Everything by one person. Complete when the pages hold as many works as the source counts."""
        pages = [await self._record("people", slug, {"limit": PER_PAGE, "offset": 0})]
        slug = next((new.removeprefix(f"{SOURCE}:") for _, new in pages[0].aliases), slug)
        seen = {book.id for book in pages[0].books}
        problem = ""
        while not problem and not _all_there(pages) and len(pages) < MOST_PAGES:
            # Counted by what came, since a server may give fewer than were asked for.
            offset = sum(len(page.books) + len(page.dropped) for page in pages)
            try:
                page = await self._record("people", slug, {"limit": PER_PAGE, "offset": offset})
            except Failure as failure:
                problem = f"page {len(pages)} of {slug}: {failure.message}"
                break
            fresh = {book.id for book in page.books} - seen
            problem = "" if fresh else f"page {len(pages)} of {slug} brings nothing new"
            seen |= fresh
            pages.append(page)
        whole = _all_there(pages) and not problem and not any(page.dropped for page in pages)
        found = joined(SOURCE, pages, notes=[problem] if problem else [], complete=whole)
        return msgspec.structs.replace(
            found, people=tuple(msgspec.structs.replace(one, complete=whole) for one in found.people)
        )

    async def _look_up(self, ids: Iterable[str]) -> Answer:
        wanted = [id for id in dict.fromkeys(ids) if id.startswith(("asin:", "isbn:", f"{SOURCE}:"))]
        answers: list[Answer] = []
        for id in wanted[:MOST_LOOKED_UP]:
            try:
                answers.append(await self._look_up_one(id))
            except Failure as failure:
                if not answers:
                    raise
                answers.append(_unanswered(f"{id} and those after it: {failure.message}"))
                break
        if len(wanted) > MOST_LOOKED_UP:
            answers.append(_unanswered(f"{len(wanted) - MOST_LOOKED_UP} ids too many"))
        return joined(SOURCE, answers)

    async def _look_up_one(self, id: str) -> Answer:
        """An ASIN or ISBN leads to a work; the work tells its recordings."""
        kind, _, value = id.partition(":")
        if kind == SOURCE:
            slug = _slug(value)
            return await self._record("works", slug) if slug else Answer(source=SOURCE)
        found = await self._get("/lookup", {kind: value}, fresh_s=DETAILS_S)
        return joined(SOURCE, [found, await self._works(book.id for book in found.books)])

    async def _record(self, kind: str, slug: str, params: Mapping[str, str | int] | None = None) -> Answer:
        """A series, work or person. A slug that was merged away is followed once, and its new name told as an alias."""
        found = await self._get(f"/{kind}/{slug}", params)
        if not found.aliases:
            return found
        moved = found.aliases[0][1].removeprefix(f"{SOURCE}:")
        target = await self._get(f"/{kind}/{moved}", params)
        if target.aliases:
            return joined(SOURCE, [found, target], notes=[f"{moved} has moved again"], complete=False)
        return joined(SOURCE, [found, target])

    async def _get(self, path: str, params: Mapping[str, str | int] | None = None, *, fresh_s: float = DAY_S) -> Answer:
        url = f"{self._base_url}/api/v1{path}"
        return self.read(await self._web.get(url, params=params, fresh_s=fresh_s, timeout_s=LIST_S))


def _unanswered(note: str) -> Answer:
    return Answer(source=SOURCE, complete=False, notes=(note,))


def _all_there(pages: Iterable[Answer]) -> bool:
    """Whether the last page reached the count that the source gives."""
    return list(pages)[-1].complete


def _slug(value: object) -> str | None:
    """A slug that may stand in an address."""
    written = text(value)
    return written if written and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,250}", written) else None


def _own(value: object) -> str | None:
    slug = _slug(value) if isinstance(value, str) else None
    return f"{SOURCE}:{slug}" if slug else None


# --- replies ---------------------------------------------------------------------------------------------------------


def _alias(reply: Reply) -> Answer:
    """A slug that was merged into another. The answer names it; the address is only believed on the same server."""
    body: dict[str, Any] = decoded(SOURCE, reply, dict)
    old, new = _own(urlsplit(reply.url).path.rpartition("/")[2]), _own(body.get("redirect"))
    target = urljoin(reply.url, reply.headers.get("location") or "")
    if old is None or new is None or not same_origin(reply.url, target):
        raise Transient("audiosilo answered with a redirect to elsewhere", code="SourceMoved")
    return Answer(source=SOURCE, aliases=((old, new),))


def _results(body: Mapping[str, Any], query: Mapping[str, str], path: str) -> Answer:
    hits = entries(SOURCE, body["results"], what="results")
    searched = next((kind for place, kind in _SEARCHED.items() if path.endswith(f"/{place}/search")), None)
    found = joined(SOURCE, (_hit(row, searched) for row in hits))
    limit = number(query.get("limit"))
    return msgspec.structs.replace(found, complete=found.complete and (not hits or len(hits) < (limit or 0)))


_SEARCHED = {"series": "series", "people": "person", "works": "work"}


def _hit(row: object, searched: str | None) -> Answer:
    """One hit: a series, a person, or a work. A search of all of them tells the kind of each."""
    if not isinstance(row, dict):
        return _dropped("a hit that is no record")
    kind = searched or text(row.get("kind"), longest=40)
    if kind not in _SEARCHED.values():
        return _dropped(f"a hit of another kind ({kind})")
    id, name = _own(row.get("id")), text(row.get("name") or row.get("title"))
    if id is None or name is None:
        return _dropped(f"a {kind} without an id or a name")
    if kind == "series":
        claim = SeriesClaim(source=SOURCE, id=id, name=name, size=_count(row.get("works")))
        return Answer(source=SOURCE, series=(claim,))
    if kind == "work":
        return _work({**row, "title": name})
    return Answer(source=SOURCE, people=(PersonClaim(source=SOURCE, id=id, name=name),))


def _dropped(reason: str) -> Answer:
    return Answer(source=SOURCE, dropped=(reason,), complete=False)


def _certainly(found: Answer) -> Answer:
    """For a reply that is one record: when that cannot be used, nothing was learnt."""
    if not found.found:
        raise Transient(f"audiosilo sent half a record ({'; '.join(found.dropped)})", code="HalfAnswer")
    return found


def _count(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def _list(body: Mapping[str, Any], key: str) -> list[Any]:
    """A list of works; `null` is one only where the source counts none."""
    nothing = body[key] is None and body.get(f"{key}_total") == 0
    return [] if nothing else entries(SOURCE, body[key], what="works")


def _ends(body: Mapping[str, Any], key: str, count: int) -> bool:
    """Whether the list reaches the number of works that the source counts."""
    total = _count(body.get(f"{key}_total"))
    return total is not None and (_count(body.get("offset")) or 0) + count == total


def _named(body: Mapping[str, Any], what: str) -> tuple[str, str]:
    id, name = _own(body.get("id")), text(body.get("name"))
    if id is None or name is None:
        raise Transient(f"audiosilo sent a {what} without an id or a name", code="HalfAnswer")
    return id, name


def _series(body: Mapping[str, Any]) -> Answer:
    id, name = _named(body, "series")
    listed = _list(body, "works")
    given = [(_work(row.get("work")), position(row.get("position"))) for row in rows(listed)]
    members = tuple(
        SeriesMember(id=book.id, position=place, title=book.title) for found, place in given for book in found.books
    )
    placed = [_placed(found, Place(series=id, name=name, position=place)) for found, place in given]
    found = joined(SOURCE, [*placed, *(_dropped("a row that is no record") for _ in listed[len(given) :])])
    whole = found.complete and _ends(body, "works", len(listed)) and not _count(body.get("offset"))
    claim = SeriesClaim(
        source=SOURCE,
        id=id,
        name=name,
        authors=credits(body.get("authors"), lambda one: _own(one.get("id"))),
        members=members,
        complete=whole,
        size=_count(body.get("works_total")),
    )
    others = tuple(one for one in found.series if one.id != id)
    return msgspec.structs.replace(found, series=(claim, *others), complete=whole)


def _placed(found: Answer, place: Place) -> Answer:
    """A work of a series, at its place there; a card tells only the first of its series."""
    books = tuple(
        msgspec.structs.replace(book, places=(place, *(other for other in book.places if other.series != place.series)))
        for book in found.books
    )
    return msgspec.structs.replace(found, books=books)


def _person(body: Mapping[str, Any]) -> Answer:
    id, name = _named(body, "person")
    listed = _list(body, "authored")
    found = joined(SOURCE, map(_work, listed))
    ended = _ends(body, "authored", len(listed)) and found.complete
    books = tuple(book.id for book in found.books)
    whole = ended and not _count(body.get("offset"))
    person = PersonClaim(source=SOURCE, id=id, name=name, books=books, complete=whole)
    return msgspec.structs.replace(found, people=(person,), complete=ended)


def _looked_up(body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The work behind an ASIN or ISBN. An ASIN is that of a recording; an ISBN may be a print edition's."""
    found = _certainly(_work(body["work"]))
    asked = [id for id in (asin(query.get("asin")), isbn(query.get("isbn"))) if id]
    books = tuple(
        msgspec.structs.replace(
            book, ids=tuple(dict.fromkeys((*book.ids, *asked))), recorded=book.recorded or "asin" in query
        )
        for book in found.books
    )
    return msgspec.structs.replace(found, books=books)


# --- works -----------------------------------------------------------------------------------------------------------


def _work(row: object) -> Answer:
    """A work: whole, or the card that lists show, which knows the first of its series and no recordings."""
    if not isinstance(row, dict):
        return _dropped("a work that is no record")
    id = _own(row.get("id"))
    title = text(row.get("title")) if isinstance(row.get("title"), str) else None
    if id is None or title is None:
        return _dropped(f"a work without an id or a title ({title or text(row.get('id'), longest=80)})")
    recordings = _recordings(row.get("recordings"), id)
    released = day(row.get("release_date"))
    places = _places(row.get("series"))
    book = BookClaim(
        source=SOURCE,
        id=id,
        ids=(id, *_other_ids(row.get("xref"))),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=credits(row.get("authors"), lambda one: _own(one.get("id"))),
        places=places,
        language=read_language(text(row.get("language"))),
        recordings=recordings,
        first_published=year(row.get("first_published")),
        released=released,
        cover=_cover(row),
        recorded=bool(recordings) or released is not None,
    )
    named = tuple(SeriesClaim(source=SOURCE, id=place.series, name=place.name) for place in places if place.series)
    return Answer(source=SOURCE, books=(book,), series=named)


def _places(value: object) -> tuple[Place, ...]:
    """The places of a work (a list) or of a card (one, or none)."""
    given = value if isinstance(value, list) else [value]
    places = (
        Place(
            series=_own(one.get("id")) or "",
            name=text(one.get("name")) or "",
            position=position(one.get("position")),
        )
        for one in rows(given)
    )
    return tuple(place for place in places if place.series or place.name)


def _other_ids(xref: object) -> tuple[str, ...]:
    if not isinstance(xref, dict):
        return ()
    openlibrary, goodreads = text(xref.get("openlibrary")) or "", text(xref.get("goodreads")) or ""
    found = [f"openlibrary:{openlibrary}"] if re.fullmatch(r"OL\d{1,12}W", openlibrary) else []
    # Whether that is a work's number or an edition's is not documented, and Goodreads numbers the two apart.
    found += [f"audiosilo-goodreads:{goodreads}"] if re.fullmatch(r"\d{1,15}", goodreads) else []
    return tuple(dict.fromkeys((*found, *_isbns(xref.get("isbn")))))


def _isbns(value: object) -> tuple[str, ...]:
    return tuple(one for one in map(isbn, value[:200]) if one) if isinstance(value, list) else ()


def _recordings(value: object, work: str) -> tuple[Recording, ...] | None:
    """None where the list is `null` or missing: the source does not say."""
    if not isinstance(value, list):
        return None
    return tuple(_recording(row, work, place) for place, row in enumerate(rows(value)))


def _recording(row: Mapping[str, Any], work: str, place: int) -> Recording:
    asins = [asin(one.get("asin")) for one in rows(row.get("asin"))]
    ids = dict.fromkeys(id for id in (*asins, *_isbns(row.get("isbn"))) if id)
    own = f"{work}/{_slug(row.get('id')) or place}"
    return Recording(
        ids=tuple(ids) if any(asins) else (own, *ids),
        narrators=names(row.get("narrators")),
        runtime_min=minutes(row.get("runtime_min")),
        abridged=True if row.get("abridged") is True else None,
        released=day(row.get("release_date")),
        publisher=text(row.get("publisher")),
    )


def _cover(row: Mapping[str, Any]) -> str | None:
    given = [row.get("cover_url"), *(one.get("cover_url") for one in rows(row.get("recordings")))]
    return next((found for one in given if (found := text(one)) and found.startswith("https://")), None)
