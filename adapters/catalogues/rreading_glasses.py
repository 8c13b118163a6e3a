"""rreading-glasses, a server for Goodreads' or Hardcover's books (contracts: metadata, section 3.8).

Its answers grow while it collects in the background, and nothing in them says so: they add, and never withdraw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import msgspec

from adapters.catalogues.addresses import below, same_origin
from adapters.catalogues.goodreads_titles import with_places_of_title
from adapters.catalogues.parts import joined, position, rows
from adapters.catalogues.replies import (
    DAY_S,
    DETAILS_S,
    LIST_S,
    Reply,
    Web,
    decoded,
    entries,
    isbn,
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
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Failure, Permanent, Transient
from domain.languages import read_language
from domain.names import Likeness, same_person

GOODREADS = "https://api.bookinfo.pro"
HARDCOVER = "https://hardcover.bookinfo.pro"

MOST_HITS = 20
"""Hits of a search whose details are asked for, all in one request."""
MOST_WORKS = 60
"""Members of a series that are asked for one by one: the list has numbers, and no titles."""
MOST_AUTHORS = 2
"""People of one name whose documents are read: each is many megabytes."""
MOST_LOOK_UPS = 20
MOST_REDIRECTS = 3
MOST_FAILURES = 3
"""A server that fails this often at follow-up questions is left alone."""

_GROWS = "this server collects in the background, so its lists may grow"


class RreadingGlasses:
    """One server. The only module that knows its JSON.

    Ids are `goodreads:` or `hardcover:` with the number of a *work*, a series or a person. Editions have numbers of
    their own, which are not passed on: they would be mistaken for works.
    """

    answers: frozenset[type] = frozenset({FindSeries, ListMembers, FindAuthor, ListBooks, LookUp, Search})

    def __init__(
        self, web: Web, base_url: str = GOODREADS, *, of: Literal["goodreads", "hardcover"] | None = None
    ) -> None:
        """`of` says whose books the server has; without it the host's name does."""
        self._web = web
        self._base = base_url.rstrip("/")
        self._of = of or ("hardcover" if "hardcover" in base_url.partition("//")[2].partition("/")[0] else "goodreads")
        self.name = "hardcover-bookinfo" if self._of == "hardcover" else "rreading-glasses"

    def knows(self, url: str) -> bool:
        return below(self._base, url) or below(HARDCOVER if self._of == "hardcover" else GOODREADS, url)

    # --- asking ------------------------------------------------------------------------------------------------------

    async def ask(self, question: Question) -> Answer:
        """Raises what the first request raises; after it, what was read is kept and a note says what is missing."""
        match question:
            case ListMembers(series=series):
                return await self._list_members(self._bare(series))
            case ListBooks(id=str(id)) if id.startswith(f"{self._of}:"):
                return self.read(await self._get(f"/author/{self._bare(id)}"))
            case ListBooks(name=name):
                return await self._list_books(name)
            case LookUp(ids=ids):
                return await self._look_up(ids)
            case FindAuthor(name=name):
                return await self._search(name)
            case FindSeries(name=title, author=author) | Search(title=title, author=author):
                return await self._search(f"{title} {author or ''}".strip())

    async def _list_members(self, number: str) -> Answer:
        listed = self.read(await self._get(f"/series/{number}"))
        members = [member for series in listed.series for member in series.members or ()]
        paths = [f"/work/{self._bare(member.id)}" for member in members[:MOST_WORKS]]
        details, notes = await self._follow(paths)
        if len(members) > MOST_WORKS:
            notes = (*notes, f"details of {MOST_WORKS} of {len(members)} books were asked for")
        return self._joined((listed, *details), notes)

    async def _list_books(self, name: str) -> Answer:
        found = await self._search(name)
        people = [person for person in found.people if same_person(person.name, name) is Likeness.SAME]
        lists, notes = await self._follow(f"/author/{self._bare(person.id)}" for person in people[:MOST_AUTHORS])
        return self._joined((found, *lists), notes)

    async def _look_up(self, ids: Sequence[str]) -> Answer:
        paths = [path for path in map(self._path_of, ids) if path]
        if not paths:
            return self._answer(notes=("none of these ids is known to this kind of server",))
        first = self.read(await self._get(paths[0], fresh_s=DETAILS_S))
        others, notes = await self._follow(paths[1:MOST_LOOK_UPS])
        if len(paths) > MOST_LOOK_UPS:
            notes = (*notes, f"{MOST_LOOK_UPS} of {len(paths)} ids were asked for")
        return self._joined((first, *others), notes)

    async def _search(self, words: str) -> Answer:
        """A search answers numbers alone; one more request names them. It wants the numbers of editions."""
        reply = await self._get("/search", params={"q": words})
        hits = self.read(reply)
        editions = (
            [_number(hit.get("bookId")) for hit in rows(decoded(self.name, reply, list[Any]))] if hits.books else []
        )
        asked = [("id", edition) for edition in dict.fromkeys(editions) if edition][:MOST_HITS]
        if not asked:
            return hits
        return self.read(await self._get(f"/book/bulk?{urlencode(asked)}"))

    async def _follow(self, paths: Iterable[str]) -> tuple[list[Answer], tuple[str, ...]]:
        """What can be had of these, and a note for each that cannot."""
        answers: list[Answer] = []
        notes: list[str] = []
        for path in paths:
            if len(notes) == MOST_FAILURES:
                notes.append("the rest was not asked for")
                break
            try:
                answers.append(self.read(await self._get(path, fresh_s=DETAILS_S)))
            except Failure as failure:
                notes.append(f"{path} is missing: {failure.message}")
        return answers, tuple(notes)

    async def _get(self, path: str, *, params: Mapping[str, str | int] | None = None, fresh_s: float = DAY_S) -> Reply:
        """The reply at the end of the redirects that lead from a book to the one document that holds it."""
        reply = await self._web.get(f"{self._base}{path}", params=params, fresh_s=fresh_s, timeout_s=LIST_S)
        for _ in range(MOST_REDIRECTS):
            target = _target(reply)
            if target is None or not _small(target):
                break
            reply = await self._web.get(target, fresh_s=fresh_s, timeout_s=LIST_S)
        return reply

    def _bare(self, id: str) -> str:
        """The number of one of our ids. Raises `Permanent` for what is none."""
        namespace, _, number = id.rpartition(":")
        if namespace not in ("", self._of) or _number(number) is None:
            raise Permanent(f"{self.name} has no id such as {id[:80]!r}", code="ForeignId")
        return number

    def _path_of(self, id: str) -> str | None:
        namespace, _, rest = id.partition(":")
        number = isbn(rest) if namespace in {"isbn", "asin"} else None
        if number:
            return f"/book/isbn/{number.removeprefix('isbn:')}"
        if namespace in {"asin", "kindle"} and rest.isalnum() and rest.startswith("B"):
            return f"/book/asin/{rest}"
        return f"/work/{rest}" if namespace == self._of and _number(rest) else None

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, reply: Reply) -> Answer:
        """Any reply of this server; the body's shape says of which route. Never complete.

        Raises `Transient` for what is no answer, `Permanent` for a refusal.
        """
        if target := _target(reply):
            return self._answer(notes=(f"answered elsewhere: {target}",))
        if not sound(self.name, reply):
            return self._answer()
        said = decoded(self.name, reply, object)
        if isinstance(said, list):
            return self._read_hits(entries(self.name, said, what="hits"))
        if not isinstance(said, dict) or not {"LinkItems", "Works", "Books"} & said.keys():
            raise Transient(f"{self.name} sent neither works nor a series", code="WrongShape")
        if "LinkItems" in said:
            entries(self.name, said["LinkItems"], what="members")
            return self._answer(series=self._series([said], {}))
        if "Works" in said:
            return self._read_works(reply, said)
        return self._read_shelf([said])

    def _read_hits(self, hits: Sequence[object]) -> Answer:
        numbers = [_number(hit.get("workId")) if isinstance(hit, dict) else None for hit in hits]
        works = [self._id(number) for number in dict.fromkeys(numbers) if number]
        books = tuple(BookClaim(source=self.name, id=work, ids=(work,)) for work in works)
        return self._answer(books=books, dropped=("a hit without a work",) * numbers.count(None))

    def _read_works(self, reply: Reply, said: Mapping[str, Any]) -> Answer:
        works = entries(self.name, said["Works"], what="works")
        if "Name" not in said:
            return self._read_shelf(works, rows(said.get("Authors")), rows(said.get("Series")))
        shelf = self._read_shelf(works, [said], author=_number(said.get("ForeignId")))
        if "edition" in parse_qs(urlsplit(reply.url).query):
            return shelf
        own = self._id(_number(said.get("ForeignId")) or "")
        listed = tuple(book.id for book in shelf.books)
        people = tuple(
            msgspec.structs.replace(person, books=listed) if person.id == own else person for person in shelf.people
        )
        return msgspec.structs.replace(shelf, people=people)

    def _read_shelf(
        self,
        works: Sequence[object],
        people: Sequence[Mapping[str, Any]] = (),
        series: Sequence[Mapping[str, Any]] = (),
        *,
        author: str | None = None,
    ) -> Answer:
        """Works, and the people and series that stand around and in them. `author` is whose document this is."""
        shelved = rows(works)
        people = [*people, *(person for work in shelved for person in rows(work.get("Authors")))]
        series = [*series, *(one for owner in (*people, *shelved) for one in rows(owner.get("Series")))]
        names = {number: name for person in people for number, name in [_named(person, "Name")] if number and name}
        places = self._places(series)
        books = [self._book(work, names, places, author) for work in shelved]
        titles = {book.id: book.title for book in books if book and book.title}
        nameless = len(works) - sum(book is not None for book in books)
        return self._answer(
            books=tuple(book for book in books if book),
            series=self._series(series, titles),
            people=tuple(
                PersonClaim(source=self.name, id=self._id(number), name=name, ids=(self._id(number),))
                for number, name in names.items()
            ),
            dropped=("a work without id or title",) * nameless,
        )

    def _book(
        self, work: Mapping[str, Any], names: Mapping[str, str], places: Mapping[str, list[Place]], author: str | None
    ) -> BookClaim | None:
        number, full = _named(work, "FullTitle")
        title = text(work.get("ShortTitle")) or text(work.get("Title")) or full
        if number is None or title is None:
            return None
        editions = rows(work.get("Books"))
        shown = next((one for one in editions if one.get("ForeignId") == work.get("BestBookId")), (*editions, {})[0])
        isbns = [isbn(edition.get(key)) for edition in editions for key in ("Isbn13", "Asin")]
        return BookClaim(
            source=self.name,
            id=self._id(number),
            ids=tuple(dict.fromkeys([self._id(number), *filter(None, isbns)])),
            title=title,
            subtitle=_subtitle(title, full),
            authors=self._authors(work, shown, names, author),
            places=with_places_of_title(places.get(number, ()), full),
            language=read_language(text(shown.get("Language"))),
            first_published=year(work.get("ReleaseDateRaw")) or year((text(work.get("ReleaseDate")) or "")[:10]),
            description=prose(shown.get("Description")),
            cover=text(shown.get("ImageUrl")),
            genres=_texts(work.get("Genres")),
        )

    def _authors(
        self, work: Mapping[str, Any], shown: Mapping[str, Any], names: Mapping[str, str], author: str | None
    ) -> tuple[Credit, ...]:
        """Contributors are numbers with a role. Without any, a work is by the author whose document it stands in."""
        said = [
            (_number(one.get("ForeignId")), text(one.get("Role")) or "Author")
            for one in rows(shown.get("Contributors"))
        ]
        said = said or [(_number(person.get("ForeignId")), "Author") for person in rows(work.get("Authors"))]
        said = said or [(author, "Author")]
        return tuple(
            Credit(name=names[number], id=self._id(number), role=None if role == "Author" else role.casefold())
            for number, role in dict.fromkeys(said)
            if number in names and number is not None
        )

    def _places(self, series: Iterable[Mapping[str, Any]]) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for one in series:
            number, name = _named(one, "Title")
            for item in rows(one.get("LinkItems")) if number and name else ():
                place = Place(series=self._id(number or ""), name=name or "", position=_position(item))
                stands = found.setdefault(_number(item.get("ForeignWorkId")) or "", [])
                if place not in stands:
                    stands.append(place)
        return found

    def _series(self, series: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> tuple[SeriesClaim, ...]:
        """One claim for each series, however many people and works repeat it."""
        names: dict[str, str] = {}
        members: dict[str, dict[SeriesMember, None]] = {}
        for one in series:
            number, name = _named(one, "Title")
            if number is None or name is None:
                continue
            names.setdefault(self._id(number), name)
            listed = members.setdefault(self._id(number), {})
            listed.update((member, None) for member in self._members(one, titles))
        return tuple(
            SeriesClaim(source=self.name, id=id, name=name, members=tuple(members[id])) for id, name in names.items()
        )

    def _members(self, series: Mapping[str, Any], titles: Mapping[str, str]) -> Iterable[SeriesMember]:
        for item in rows(series.get("LinkItems")):
            if number := _number(item.get("ForeignWorkId")):
                id = self._id(number)
                yield SeriesMember(id=id, position=_position(item), title=titles.get(id))

    def _id(self, number: str) -> str:
        return f"{self._of}:{number}"

    def _answer(
        self,
        *,
        books: tuple[BookClaim, ...] = (),
        series: tuple[SeriesClaim, ...] = (),
        people: tuple[PersonClaim, ...] = (),
        dropped: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Answer:
        return Answer(
            source=self.name,
            books=books,
            series=series,
            people=people,
            dropped=dropped,
            notes=(*notes, _GROWS),
            complete=False,
        )

    def _joined(self, answers: Sequence[Answer], notes: tuple[str, ...]) -> Answer:
        """One answer of several, in which the members of a series have the titles that later requests brought."""
        whole = joined(self.name, answers, notes=notes, complete=False)
        books = {book.id: book for book in whole.books}
        series = tuple(
            msgspec.structs.replace(one, members=tuple(_titled(row, books.get(row.id)) for row in one.members or ()))
            for one in whole.series
        )
        return msgspec.structs.replace(whole, series=series)


def _titled(row: SeriesMember, book: BookClaim | None) -> SeriesMember:
    return msgspec.structs.replace(row, title=book.title) if book and book.title else row


def _target(reply: Reply) -> str | None:
    """Where a redirect within this server leads; None for every other reply."""
    target = urljoin(reply.url, reply.headers.get("location", ""))
    return target if 300 <= reply.status < 400 and target != reply.url and same_origin(reply.url, target) else None


def _small(target: str) -> bool:
    """Whether a redirect leads to less than an author's whole document, which may have many megabytes."""
    parts = urlsplit(target)
    return "/author/" not in parts.path or "edition" in parse_qs(parts.query)


def _subtitle(title: str, full: str | None) -> str | None:
    rest = (full or "").removeprefix(title)
    return rest[1:].strip() or None if rest.startswith(":") else None


def _position(item: Mapping[str, Any]) -> str | None:
    """`SeriesPosition` is an ordinal of the list, or cut to a whole number: only this one is what the source says."""
    return position(item.get("PositionInSeries"))


def _named(row: Mapping[str, Any], key: str) -> tuple[str | None, str | None]:
    return _number(row.get("ForeignId")), text(row.get(key))


def _number(value: object) -> str | None:
    """The digits of an id; None for 0, which stands for none, and for what is no number."""
    written = text(value) if isinstance(value, int | str) else None
    return (
        written
        if written and written.isascii() and written.isdigit() and written.strip("0") and len(written) < 19
        else None
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(text, value[:50]))) if isinstance(value, list) else ()
