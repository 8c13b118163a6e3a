"""Open Library: ids, ISBNs, first years, the names of authors. It is used to confirm, and it knows no recordings.

(contracts: metadata, section 3.5)

Study guides, biographies and every translation are works of the author here; they are passed on as they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec

from adapters.catalogues.addresses import below
from adapters.catalogues.parts import credit, joined, position
from adapters.catalogues.replies import (
    DAY_S,
    DETAILS_S,
    LIST_S,
    SEARCH_S,
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
    year,
)
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    Credit,
    FindAuthor,
    FindSeries,
    ListBooks,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Permanent, Transient
from domain.languages import read_language
from domain.names import Likeness, fold, same_person, same_series

PUBLIC = "https://openlibrary.org"
COVERS = "https://covers.openlibrary.org/b/id"
HITS = 100
PAGE = 1_000
MOST_PAGES = 5
"""Pages of one author's works: the largest authors have some 5,000, most of them translations."""
MOST_NAMESAKES = 3
MOST_LOOKED_UP = 10
MOST_LOOKS = 40
"""Requests for one look-up: an ISBN is a redirect, an edition, its work, and the names of the authors."""
MOST_HOPS = 3
MOST_ISBNS = 100

_SEARCHED = (
    "key,title,subtitle,author_name,author_key,first_publish_year,language,isbn,series_key,series_name,series_position"
)
_ENDPOINTS = {
    "search": re.compile(r"/search\.json$"),
    "authors": re.compile(r"/search/authors\.json$"),
    "author": re.compile(r"/authors/OL\d+A\.json$"),
    "works": re.compile(r"/authors/OL\d+A/works\.json$"),
    "work": re.compile(r"/works/OL\d+W\.json$"),
    "edition": re.compile(r"/(?:isbn/[^/]+|books/OL\d+M(?:/[^/]*)?)\.json$"),
}
_NUMBER = r"(?P<position>\d{1,3}(?:\.\d+)?(?:\s?-\s?\d{1,3}(?:\.\d+)?)?)"
_WORD = r"(?:book|bk|volume|vol|v|number|no)\b\.?"
_IN_SERIES = [
    re.compile(rf"(?P<name>.+?),?\s*#\s*{_NUMBER}"),
    re.compile(rf"(?P<name>.+?)\s*\({_NUMBER}\)"),
    re.compile(rf"(?P<name>.+?)\s*(?:;(?:\s*{_WORD})?|,\s*{_WORD})\s*{_NUMBER}", re.IGNORECASE),
]
"""The ways of writing a number into the name of a series. Four digits are a year."""


class OpenLibrary:
    """Searches and reads works, editions and authors. The only module that knows Open Library's JSON.

    Lists of works name their authors by id alone: such a `Credit` has an empty name, which says nothing.
    """

    name = "openlibrary"
    answers: frozenset[type] = frozenset((FindSeries, FindAuthor, ListBooks, LookUp, Search))

    def __init__(self, web: Web, *, base_url: str = PUBLIC) -> None:
        """`web` must send a User-Agent with a contact: without one Open Library answers 403."""
        self._web = web
        self._base = base_url.rstrip("/")

    def knows(self, url: str) -> bool:
        """Whether the address is this source's."""
        return below(self._base, url) or below(PUBLIC, url)

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` or `Permanent` where nothing was learnt, `ValueError` for a question it cannot answer."""
        match question:
            case FindSeries(name=name, author=author):
                return await self._series(name, author)
            case FindAuthor(name=name):
                return await self._authors(name)
            case ListBooks(name=name, id=own_id):
                return await self._books(await self._people(name, own_id))
            case LookUp(ids=ids):
                return await self._look_up(ids)
            case Search(title=title, author=author):
                return await self._search({"title": title} | ({"author": author} if author else {}))
        raise ValueError(f"{self.name} answers no {type(question).__name__}")

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, timeout_s: float = SEARCH_S
    ) -> Reply:
        """The reply at the end of at most `MOST_HOPS` redirects, none of which may lead to another host."""
        fresh_s = DETAILS_S if params is None else DAY_S
        reply = await self._web.get(f"{self._base}{path}", params=params, fresh_s=fresh_s, timeout_s=timeout_s)
        for _ in range(MOST_HOPS):
            target = self._target(reply)
            if target is None:
                break
            reply = await self._web.get(target, fresh_s=fresh_s, timeout_s=timeout_s)
        return reply

    def _target(self, reply: Reply) -> str | None:
        """Where a redirect leads, if that is a page of ours."""
        location = reply.headers.get("location", "")
        if not 300 <= reply.status < 400 or not location:
            return None
        try:
            target = urljoin(reply.url, location)
        except ValueError:
            return None
        if not below(self._base, target) or _endpoint(urlsplit(target).path) is None:
            return None
        return urlsplit(target)._replace(scheme=urlsplit(self._base).scheme).geturl()

    async def _search(self, by: Mapping[str, str]) -> Answer:
        return self.read(await self._get("/search.json", {**by, "fields": _SEARCHED, "limit": HITS}))

    async def _series(self, name: str, author: str | None) -> Answer:
        """What books say of series called so. Few books say it, so such a list is never complete."""
        words = f'"{name.replace(chr(34), " ").strip()}"'
        answer = await self._search({"q": f"{words} {author}" if author else words})
        called_so = [one for one in answer.series if same_series(one.name, name) is not Likeness.DIFFERENT]
        return msgspec.structs.replace(answer, series=tuple(called_so))

    async def _authors(self, name: str) -> Answer:
        return self.read(await self._get("/search/authors.json", {"q": name, "limit": HITS}))

    async def _people(self, name: str, own_id: str | None) -> Answer:
        """The person with that id, wherever it was merged into, or those whose name or other name is the same."""
        if own_id is None or not (path := _path_of(own_id)) or not own_id.endswith("A"):
            found = await self._authors(name)
            same = [person for person in found.people if _called(person, name)]
            chosen = msgspec.structs.replace(found, people=tuple(same[:MOST_NAMESAKES]))
            return _incomplete(chosen, f"{len(same)} people are called {name}") if same != [*chosen.people] else chosen
        answer = self.read(await self._get(path))
        for _ in range(MOST_HOPS):
            if answer.people or not answer.aliases:
                break
            merged = self.read(await self._get(f"/authors/{answer.aliases[-1][1].partition(':')[2]}.json"))
            answer = msgspec.structs.replace(merged, aliases=answer.aliases + merged.aliases)
        return answer

    async def _books(self, people: Answer) -> Answer:
        """The works of these people. Each person's list is complete by itself."""
        answer = msgspec.structs.replace(people, people=())
        for person in people.people:
            try:
                answer = joined(self.name, (answer, await self._works(person)))
            except (Transient, Permanent) as failed:
                if not answer.people:
                    raise
                answer = _incomplete(answer, f"the works of {person.name} could not be read: {failed.message}")
        return answer

    async def _works(self, person: PersonClaim) -> Answer:
        path = f"/authors/{person.id.partition(':')[2]}/works.json"
        answer, listed = Answer(source=self.name, complete=False), 0
        trouble = f"{person.name} has more than {MOST_PAGES * PAGE} works"
        for turn in range(MOST_PAGES):
            try:
                reply = await self._get(path, {"limit": PAGE, "offset": turn * PAGE}, timeout_s=LIST_S)
                page = _page(reply) or {}
                part = _works_of(page, person.id, whole=False)
            except (Transient, Permanent) as failed:
                if not turn:
                    raise
                trouble = f"page {turn + 1} of the works of {person.name} could not be read: {failed.message}"
                break
            rows = len(page.get("entries", ()))
            before = len({book.id for book in answer.books})
            answer, listed = joined(self.name, (answer, part)), listed + rows
            if not _more(page):
                ended = listed == number(page.get("size"))
                trouble = "" if ended else f"the works of {person.name} are not as many as promised"
                break
            if not rows or (part.books and len(answer.books) == before):
                trouble = f"page {turn + 1} of the works of {person.name} brings nothing new"
                break
        books = tuple(_named(book, {person.id: person.name}) for book in answer.books)
        listing = msgspec.structs.replace(person, books=tuple(book.id for book in books), complete=not trouble)
        return msgspec.structs.replace(
            answer, books=books, people=(listing,), complete=not trouble, notes=(trouble,) if trouble else ()
        )

    async def _look_up(self, ids: Iterable[str]) -> Answer:
        """What stands under these ids, and under what it refers to: the work of an edition, the names of authors."""
        paths = list(dict.fromkeys(path for one in ids if (path := _path_of(one))))
        answer = Answer(source=self.name)
        if not paths or len(paths) > MOST_LOOKED_UP:
            answer = _incomplete(answer, f"{len(paths)} of its ids were asked for, {MOST_LOOKED_UP} are looked up")
        todo, looked = paths[:MOST_LOOKED_UP], set[str]()
        while todo and len(looked) < MOST_LOOKS:
            path = todo.pop(0)
            try:
                part = self.read(await self._get(path))
            except (Transient, Permanent) as failed:
                if not looked:
                    raise
                answer = _incomplete(answer, f"{path} could not be read: {failed.message}")
                break
            looked.add(path)
            answer = joined(self.name, (answer, part))
            todo += [path for path in _referred(part) if path not in looked and path not in todo]
        if todo:
            answer = _incomplete(answer, "not everything that was referred to was read")
        names = {person.id: person.name for person in answer.people}
        return msgspec.structs.replace(answer, books=tuple(_named(book, names) for book in answer.books))

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, reply: Reply) -> Answer:
        """The claims of one reply. `complete` where the whole list is in it. Raises `Transient` and `Permanent`."""
        address = urlsplit(reply.url)
        endpoint = _endpoint(address.path)
        if endpoint is None:
            raise Permanent("openlibrary has no such page; this is our mistake", code="UnknownEndpoint")
        page = _page(reply)
        if page is None:
            return Answer(source=self.name)
        match endpoint:
            case "search":
                return _found_works(page)
            case "authors":
                return _found_authors(page)
            case "works":
                person = address.path.split("/")[-2]
                whole = parse_qs(address.query).get("offset", ["0"])[0] == "0"
                return _works_of(page, f"openlibrary:{person}", whole=whole)
        if "key" not in page:
            raise Transient("openlibrary sent a record without a key", code="WrongShape")
        read_one = {"author": _person, "work": _work, "edition": _edition}[endpoint]
        return _answer([_redirected(page) or read_one(page)])


Row = BookClaim | PersonClaim | tuple[str, str] | str
"""What becomes of one record: a claim, (old id, new id) of a merged one, or why there is none."""


def _answer(rows: Iterable[Row], *, complete: bool = True) -> Answer:
    rows = list(rows)
    return Answer(
        source=OpenLibrary.name,
        books=tuple({row.id: row for row in rows if isinstance(row, BookClaim)}.values()),
        people=tuple({row.id: row for row in rows if isinstance(row, PersonClaim)}.values()),
        aliases=tuple(dict.fromkeys(row for row in rows if isinstance(row, tuple))),
        dropped=tuple(row for row in rows if isinstance(row, str)),
        complete=complete,
    )


def _incomplete(answer: Answer, note: str) -> Answer:
    return msgspec.structs.replace(answer, complete=False, notes=(*answer.notes, note))


def _endpoint(path: str) -> str | None:
    return next((name for name, pattern in _ENDPOINTS.items() if pattern.search(path)), None)


def _page(reply: Reply) -> dict[str, Any] | None:
    """The object in a reply; None when there is nothing."""
    return decoded(OpenLibrary.name, reply, dict[str, Any]) if sound(OpenLibrary.name, reply) else None


def _found_works(page: dict[str, Any]) -> Answer:
    docs = entries(OpenLibrary.name, page.get("docs"), what="works")
    answer = _answer(map(_found_work, docs), complete=_whole(page, docs))
    return msgspec.structs.replace(answer, series=_series_of(answer.books))


def _found_authors(page: dict[str, Any]) -> Answer:
    docs = entries(OpenLibrary.name, page.get("docs"), what="authors")
    return _answer(map(_person, docs), complete=_whole(page, docs))


def _whole(page: dict[str, Any], docs: list[Any]) -> bool:
    total = number(page.get("numFound", page.get("num_found")))
    return number(page.get("start", 0)) == 0 and total == len(docs)


def _works_of(page: dict[str, Any], person: str, *, whole: bool) -> Answer:
    rows = entries(OpenLibrary.name, page.get("entries"), what="works")
    whole = whole and not _more(page) and number(page.get("size")) == len(rows)
    answer = _answer((_redirected(row) or _work(row) for row in rows), complete=whole)
    listing = PersonClaim(
        source=OpenLibrary.name,
        id=person,
        name="",
        ids=(person,),
        books=tuple(book.id for book in answer.books),
        complete=whole,
    )
    return msgspec.structs.replace(answer, people=(listing,))


def _more(page: dict[str, Any]) -> bool:
    links = page.get("links")
    return isinstance(links, dict) and bool(links.get("next"))


def _redirected(row: object) -> tuple[str, str] | str | None:
    """A merged record, or a deleted one with the reason to drop it; None for one that stands for itself."""
    kind = _key_text(row.get("type")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or kind not in {"/type/redirect", "/type/delete"}:
        return None
    old, new = _own_id(row.get("key")), _own_id(row.get("location"))
    if kind == "/type/redirect" and old and new:
        return old, new
    return f"{old or 'a record'} is {'deleted' if kind == '/type/delete' else 'redirected to nowhere'}"


def _found_work(row: object) -> Row:
    """One hit of a search."""
    own_id = _own_id(row.get("key"), "W") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id:
        return "a hit has no key of a work"
    title = _title(row)
    if not title:
        return f"{own_id} has no title"
    names, keys = _each(row.get("author_name")), _each(row.get("author_key"))
    known = len(names) == len(keys)
    languages = {text(one) for one in _each(row.get("language"))}
    return BookClaim(
        source=OpenLibrary.name,
        id=own_id,
        ids=(own_id, *_isbns(row.get("isbn"))),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=_credits((text(name), _own_id(keys[at], "A") if known else None) for at, name in enumerate(names)),
        places=_found_places(row),
        language=read_language(languages.pop()) if len(languages) == 1 else None,
        first_published=year(row.get("first_publish_year")),
    )


def _found_places(row: dict[str, Any]) -> tuple[Place, ...]:
    """The three lists run in parallel; when they do not, nobody can say which number is whose."""
    lists = [_each(row.get(f"series_{what}")) for what in ("key", "name", "position")]
    if len({len(one) for one in lists}) != 1:
        return ()
    return tuple(
        Place(series=_own_id(key, "L") or "", name=text(name) or "", position=position(place) or None)
        for key, name, place in zip(*lists, strict=True)
    )


def _series_of(books: Iterable[BookClaim]) -> tuple[SeriesClaim, ...]:
    """The series that these books say they are in."""
    names: dict[str, str] = {}
    held: dict[str, list[tuple[BookClaim, Place]]] = {}
    for book in books:
        for place in book.places:
            if place.series and place.name:
                names.setdefault(place.series, place.name)
                held.setdefault(place.series, []).append((book, place))
    return tuple(
        SeriesClaim(
            source=OpenLibrary.name,
            id=own_id,
            name=names[own_id],
            authors=tuple(
                author
                for author in rows[0][0].authors
                if author.name and all(author in book.authors for book, _ in rows)
            ),
            members=tuple(SeriesMember(id=book.id, position=place.position, title=book.title) for book, place in rows),
        )
        for own_id, rows in held.items()
    )


def _work(row: object) -> Row:
    own_id = _own_id(row.get("key"), "W") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id:
        return "a record has no key of a work"
    title = _title(row)
    if not title:
        return f"{own_id} has no title"
    return BookClaim(
        source=OpenLibrary.name,
        id=own_id,
        ids=(own_id,),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=_credits((None, _author_id(one)) for one in _each(row.get("authors"))),
        places=_places(row.get("series")),
        first_published=year(row.get("first_publish_date")),
        description=_description(row.get("description")),
        cover=_cover(row.get("covers")),
        genres=_texts(row.get("subjects")),
    )


def _edition(row: dict[str, Any]) -> Row:
    """An edition: its ids hold the one of its work, by which they are one book."""
    own_id = _own_id(row.get("key"), "M")
    title = _title(row)
    if not own_id or not title:
        return f"{own_id or 'an edition'} has no key or no title"
    works = [_own_id(_key_text(one), "W") for one in _each(row.get("works"))]
    languages = [(_key_text(one) or "").rpartition("/")[2] for one in _each(row.get("languages"))]
    isbns = _isbns([*_each(row.get("isbn_13")), *_each(row.get("isbn_10"))])
    return BookClaim(
        source=OpenLibrary.name,
        id=own_id,
        ids=(own_id, *(work for work in works[:1] if work and len(works) == 1), *isbns),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=_credits((None, _author_id(one)) for one in _each(row.get("authors"))),
        places=_places(row.get("series")),
        language=read_language(languages[0]) if len(languages) == 1 else None,
        released=day(row.get("publish_date")),
        publisher=next(iter(_texts(row.get("publishers"))), None),
        description=_description(row.get("description")),
        cover=_cover(row.get("covers")),
        genres=_texts(row.get("subjects")),
    )


def _person(row: object) -> Row:
    """An author's record, or a hit of the search for authors."""
    own_id = _own_id(row.get("key"), "A") if isinstance(row, dict) else None
    name = text(row.get("name")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id or not name:
        return f"{own_id or 'an author'} has no key or no name"
    others = _texts([*_each(row.get("alternate_names")), row.get("personal_name")])
    elsewhere = row.get("remote_ids")
    linked = text(elsewhere.get("goodreads"), longest=40) if isinstance(elsewhere, dict) else None
    return PersonClaim(
        source=OpenLibrary.name,
        id=own_id,
        name=name,
        other_names=tuple(one for one in others if one != name),
        ids=(own_id, f"goodreads:{linked}") if linked and linked.isdecimal() else (own_id,),
    )


# --- pieces of records -----------------------------------------------------------------------------------------------


def _each(value: object) -> list[Any]:
    return value[:1_000] if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(piece for one in _each(value)[:50] if (piece := text(one))))


def _own_id(key: object, letters: str = "AWLM") -> str | None:
    """`openlibrary:OL1W` of `/works/OL1W` or `OL1W`, for a record of one of these kinds."""
    found = re.fullmatch(rf"(?:/[a-z]+/)?(OL\d{{1,12}}[{letters}])", key) if isinstance(key, str) else None
    return f"openlibrary:{found[1]}" if found else None


def _path_of(own_id: str) -> str | None:
    """The page of an id; None for one that Open Library does not keep books or people under."""
    kind, _, name = own_id.partition(":")
    if kind == "isbn" and re.fullmatch(r"\d{13}", name):
        return f"/isbn/{name}.json"
    found = re.fullmatch(r"OL\d{1,12}([AWM])", name) if kind == "openlibrary" else None
    return f"/{ {'A': 'authors', 'W': 'works', 'M': 'books'}[found[1]] }/{name}.json" if found else None


def _key_text(value: object) -> str | None:
    key = value.get("key") if isinstance(value, dict) else value
    return key if isinstance(key, str) else None


def _author_id(value: object) -> str | None:
    """`{"author": {"key": …}}`, `{"author": …}` and `{"key": …}` all occur."""
    role = value.get("author", value) if isinstance(value, dict) else value
    return _own_id(_key_text(role), "A")


def _credits(people: Iterable[tuple[str | None, str | None]]) -> tuple[Credit, ...]:
    """People by name, or by id alone: then the name is empty."""
    found = (credit(name, id=own_id) or (Credit(name="", id=own_id) if own_id else None) for name, own_id in people)
    return tuple(one for one in found if one)


def _title(row: dict[str, Any]) -> str | None:
    title = text(row.get("title"))
    return None if title == "__None__" else title


def _isbns(value: object) -> list[str]:
    found = (isbn(one) for one in _each(value) if isinstance(one, str))
    return list(dict.fromkeys(one for one in found if one))[:MOST_ISBNS]


def _description(value: object) -> str | None:
    return prose(value.get("value") if isinstance(value, dict) else value)


def _cover(value: object) -> str | None:
    numbers = [one for one in _each(value) if isinstance(one, int) and not isinstance(one, bool) and one > 0]
    return f"{COVERS}/{numbers[0]}-L.jpg" if numbers else None


def _places(value: object) -> tuple[Place, ...]:
    """The places in any of the forms that series are written in; several of them may mean the same place."""
    said = [place for one in _each(value)[:50] if (place := _place(one))]
    names = {place.series: place.name for place in said if place.series and place.name}
    ids = {fold(name): own_id for own_id, name in names.items()}
    kept: dict[tuple[str, str | None], Place] = {}
    for place in said:
        series = place.series or ids.get(fold(place.name), "")
        name = place.name or names.get(series, "")
        kept[series or fold(name), place.position] = Place(series=series, name=name, position=place.position)
    numbered = {series for series, position in kept if position}
    return tuple(place for (series, position), place in kept.items() if position or series not in numbered)


def _place(one: object) -> Place | None:
    if isinstance(one, dict):
        edge = one.get("series")
        own_id = _own_id(_key_text(edge if edge is not None else one), "L")
        name = text(one.get("title"))
        return (
            Place(series=own_id or "", name=name or "", position=position(one.get("position")) or None)
            if own_id or name
            else None
        )
    words = text(one) if isinstance(one, str) else None
    if not words:
        return None
    found = next((match for pattern in _IN_SERIES if (match := pattern.fullmatch(words))), None)
    return Place(series="", name=found["name"], position=found["position"]) if found else Place(series="", name=words)


# --- what follows from a claim ---------------------------------------------------------------------------------------


def _called(person: PersonClaim, name: str) -> bool:
    return any(same_person(one, name) is Likeness.SAME for one in (person.name, *person.other_names))


def _referred(part: Answer) -> list[str]:
    """Pages that an answer points to: where records moved, the works of editions, authors without a name."""
    ids = [new for _, new in part.aliases]
    ids += [one for book in part.books for one in book.ids if one.startswith("openlibrary:") and one.endswith("W")]
    ids += [author.id for book in part.books for author in book.authors if author.id and not author.name]
    return list(dict.fromkeys(path for one in ids if (path := _path_of(one))))


def _named(book: BookClaim, names: Mapping[str, str]) -> BookClaim:
    authors = [
        msgspec.structs.replace(author, name=author.name or names.get(author.id or "", "")) for author in book.authors
    ]
    return msgspec.structs.replace(book, authors=tuple(authors))
