"""Hardcover: the best curated series and the best roles of people, asked with the user's token.

(contracts: metadata, section 3.4)

Every question is GraphQL posted to one address, so that a reply is told apart by what its `data` holds. Hardcover
numbers series, books and people apart, and all of them are `hardcover:N` here. In `aliases`, the answer to
`ListMembers` means series, and every other answer means books; a merged person has both numbers in `PersonClaim.ids`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from adapters.catalogues.addresses import below
from adapters.catalogues.parts import credit
from adapters.catalogues.replies import (
    DAY_S,
    LIST_S,
    SEARCH_S,
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
    Credit,
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
from domain.errors import Permanent, Transient
from domain.languages import read_language
from domain.names import Likeness, fold, same_person

PUBLIC = "https://api.hardcover.app/v1/graphql"
HITS = 25
PAGE = 100
SMALLEST_PAGE = 25
"""Pages are halved down to this when Hardcover needs more than its 30 seconds for one."""
MOST_PAGES = 25
MOST_NAMESAKES = 2
MOST_MERGES = 3
MOST_LOOKED_UP = 50
MOST_DETAILED = 1_000
"""Members of one series whose credits are asked for apart, when Hardcover refuses to give all at once."""

_CATEGORIES = {1: "book", 2: "novella", 3: "short", 4: "graphic", 8: "collection"}
_AUDIO = 2
"""`reading_format_id` of audio; 1 is print and 4 an e-book, whose ASIN is none of Audible's."""

_GOOD = "{canonical_id: {_is_null: true}, book_status_id: {_eq: 1}, is_partial_book: {_eq: false}}"
_HEAD = "id name slug books_count primary_books_count is_completed canonical_id author { id name }"
_FLAT_BOOK = (
    "id title subtitle release_date release_year users_count compilation is_partial_book book_status_id"
    " book_category_id canonical_id"
)
_AUDIO_EDITION = "default_audio_edition { id asin audio_seconds language { code2 } }"
_BOOK = f"{_FLAT_BOOK} contributions {{ contribution author {{ id name }} }} {_AUDIO_EDITION}"
_EDITION = (
    "id book_id asin isbn_10 isbn_13 audio_seconds reading_format_id edition_format language { code2 } release_date"
)
_SERIES = (
    f"query S($id: Int!) {{ series_by_pk(id: $id) {{ {_HEAD} book_series(where: {{book: {_GOOD}}},"
    " order_by: [{position: asc_nulls_last}, {book: {users_count: desc}}])"
    f" {{ book_id position details featured compilation book {{ {_BOOK} }} }} }} }}"
)
_SERIES_HEAD = f"query H($id: Int!) {{ series_by_pk(id: $id) {{ {_HEAD} }} }}"
_MEMBERS = (
    f"query M($id: Int!) {{ book_series(where: {{series_id: {{_eq: $id}}, book: {_GOOD}}},"
    f" order_by: [{{position: asc_nulls_last}}]) {{ book_id position details compilation book {{ {_FLAT_BOOK} }} }} }}"
)
_CONTRIBUTIONS = (
    'query C($ids: [Int!]!) { contributions(where: {contributable_type: {_eq: "Book"}, contributable_id: {_in: $ids}})'
    " { contributable_id contribution author { id name } } }"
)
_RECORDINGS = (
    "query E($ids: [Int!]!) { editions(where: {book_id: {_in: $ids}, reading_format_id: {_eq: 2}})"
    f" {{ {_EDITION} }} }}"
)
_EDITIONS = (
    "query I($asins: [String!]!, $isbns: [String!]!) { editions(where: {_or: [{asin: {_in: $asins}},"
    f" {{isbn_13: {{_in: $isbns}}}}]}}) {{ {_EDITION} }} }}"
)
_BOOKS = (
    f"query B($ids: [Int!]!) {{ books(where: {{id: {{_in: $ids}}}}) {{ {_BOOK}"
    " book_series { position details compilation series { id name } } } }"
)
_AUTHOR = (
    "query A($id: Int!, $limit: Int!, $offset: Int!) { authors_by_pk(id: $id) { id name alternate_names alias_id"
    ' canonical_id books_count contributions(where: {contributable_type: {_eq: "Book"}},'
    " order_by: [{book: {users_count: desc}}, {contributable_id: asc}], limit: $limit, offset: $offset)"
    f" {{ contribution book {{ {_FLAT_BOOK} contributions {{ contribution author {{ id name }} }} }} }} }} }}"
)


def _search_for(kind: str) -> str:
    paged = f"per_page: {HITS}, page: 1"
    return f'query F($q: String!) {{ search(query: $q, query_type: "{kind}", {paged}) {{ ids results }} }}'


class Hardcover:
    """Asks Hardcover. The only module that knows its GraphQL.

    The token is sent in a header and nowhere else. An answer without recordings says nothing about them: Hardcover
    knows few audio editions.
    """

    name = "hardcover"
    answers: frozenset[type] = frozenset((FindSeries, ListMembers, FindAuthor, ListBooks, LookUp, Search))

    def __init__(self, web: Web, *, token: str, base_url: str = PUBLIC) -> None:
        """Takes the token as Hardcover shows it, with or without `Bearer`. Raises `Permanent` for what is no token."""
        bare = re.sub(r"^(?:bearer(?:\s+|$))+", "", token.strip(), flags=re.IGNORECASE)
        if not re.fullmatch(r"[!-~]+", bare):
            raise Permanent(
                "the Hardcover token is empty or broken; copy it again from hardcover.app/account/api",
                code="TokenRefused",
            )
        self._web = web
        self._url = base_url
        self._headers = {"authorization": f"Bearer {bare}"}
        self._shallow = False
        """Set once Hardcover has refused the deep form of a question."""

    def knows(self, url: str) -> bool:
        """Whether the address is this source's."""
        return below(self._url, url) or below(PUBLIC, url)

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` or `Permanent` where nothing was learnt, `ValueError` for a question it cannot answer."""
        match question:
            case FindSeries(name=name):
                return await self._ask(_search_for("Series"), q=name)
            case FindAuthor(name=name):
                return await self._ask(_search_for("Author"), q=name)
            case Search(title=title, author=author):
                return await self._ask(_search_for("Book"), q=f"{title} {author}" if author else title)
            case ListMembers(series=series):
                return await self._members(series)
            case ListBooks(name=name, id=own_id):
                return await self._books(name, own_id)
            case LookUp(ids=ids):
                return await self._look_up(ids)
        raise ValueError(f"{self.name} answers no {type(question).__name__}")

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _reply(self, query: str, **variables: Any) -> Reply:
        searched = "q" in variables
        return await self._web.post(
            self._url,
            json={"query": query, "variables": variables},
            headers=self._headers,
            fresh_s=DAY_S,
            timeout_s=SEARCH_S if searched else LIST_S,
        )

    async def _ask(self, query: str, **variables: Any) -> Answer:
        return self.read(await self._reply(query, **variables))

    async def _members(self, series: str) -> Answer:
        """The series, or the one that it was merged into."""
        aliases: tuple[tuple[str, str], ...] = ()
        for _ in range(MOST_MERGES):
            own = _number(series)
            if own is None:
                return Answer(source=self.name, complete=False, notes=(f"{series} is no series of Hardcover's",))
            answer = await self._deep_or_flat(own)
            aliases += answer.aliases
            if answer.series or not answer.aliases:
                return msgspec.structs.replace(answer, aliases=aliases)
            series = answer.aliases[-1][1]
        return Answer(source=self.name, aliases=aliases, complete=False, notes=("it was merged again and again",))

    async def _deep_or_flat(self, own: int) -> Answer:
        if not self._shallow:
            try:
                return await self._ask(_SERIES, id=own)
            except (Permanent, Transient) as refused:
                if refused.code not in {"QueryTooDeep", "TooSlow"}:
                    raise
                self._shallow = refused.code == "QueryTooDeep"
        return await self._flat(own)

    async def _flat(self, own: int) -> Answer:
        """The same in questions that each go less deep: the series, its members, their credits, their recordings."""
        head = await self._ask(_SERIES_HEAD, id=own)
        if not head.series:
            return head
        members = await self._ask(_MEMBERS, id=own)
        answer = _joined_series(head, members)
        ids = [int(book.id.partition(":")[2]) for book in answer.books][:MOST_DETAILED]
        for query in (_CONTRIBUTIONS, _RECORDINGS) if ids else ():
            try:
                answer = _with_details(answer, await self._ask(query, ids=ids))
            except (Permanent, Transient) as failed:
                return _incomplete(answer, f"details could not be read: {failed.message}")
        return answer

    async def _books(self, name: str, own_id: str | None) -> Answer:
        """The books of that person, or of those whose name or other name is the same."""
        own = _number(own_id or "")
        if own is not None:
            return await self._works(own)
        found = await self._ask(_search_for("Author"), q=name)
        same = [person for person in found.people if _called(person, name)]
        answer = msgspec.structs.replace(found, people=())
        if len(same) > MOST_NAMESAKES:
            answer = _incomplete(answer, f"{len(same)} people are called {name}")
        for person in same[:MOST_NAMESAKES]:
            try:
                answer = _both(answer, await self._works(_number(person.id) or 0))
            except (Permanent, Transient) as failed:
                if not answer.people:
                    raise
                answer = _incomplete(answer, f"the books of {person.name} could not be read: {failed.message}")
        return answer

    async def _works(self, own: int, merged: tuple[str, ...] = ()) -> Answer:
        answer, offset, limit = Answer(source=self.name), 0, PAGE
        before: list[Any] = []
        trouble = f"more than {MOST_PAGES} pages"
        for _ in range(MOST_PAGES):
            try:
                reply = await self._reply(_AUTHOR, id=own, limit=limit, offset=offset)
                part, author = self.read(reply), _data(reply).get("authors_by_pk")
            except (Permanent, Transient) as failed:
                if failed.code == "TooSlow" and limit > SMALLEST_PAGE:
                    limit //= 2
                    continue
                if not offset:
                    raise
                trouble = f"the books from {offset} on could not be read: {failed.message}"
                break
            if author is None:
                return part
            canonical = _number(author.get("canonical_id"))
            if canonical is not None and canonical != own and len(merged) < MOST_MERGES:
                return await self._works(canonical, (*merged, f"hardcover:{own}"))
            rows = author["contributions"]
            answer, offset = _both(answer, part), offset + len(rows)
            if len(rows) < limit:
                trouble = ""
                break
            if rows == before:
                trouble = f"the books from {offset - len(rows)} on repeat what came before"
                break
            before = rows
        people = tuple(
            msgspec.structs.replace(person, complete=not trouble, ids=tuple(dict.fromkeys((*person.ids, *merged))))
            for person in answer.people
        )
        whole = msgspec.structs.replace(answer, people=people, complete=not trouble)
        return _incomplete(whole, trouble) if trouble else whole

    async def _look_up(self, ids: Iterable[str]) -> Answer:
        """Books by their own numbers, and by the ASINs and ISBNs of their editions."""
        wanted = list(dict.fromkeys(one for one in ids if one.startswith(("hardcover:", "asin:", "isbn:"))))
        answer = Answer(source=self.name)
        if not wanted or len(wanted) > MOST_LOOKED_UP:
            answer = _incomplete(answer, f"{len(wanted)} of its ids were asked for, {MOST_LOOKED_UP} are looked up")
        parts = [one.partition(":") for one in wanted[:MOST_LOOKED_UP]]
        numbers = [own for kind, _, name in parts if kind == "hardcover" and (own := _number(name)) is not None]
        asins, isbns = ([name for kind, _, name in parts if kind == which] for which in ("asin", "isbn"))
        editions = Answer(source=self.name)
        if asins or isbns:
            editions = await self._ask(_EDITIONS, asins=asins, isbns=isbns)
            numbers += [own for book in editions.books if (own := _number(book.id)) is not None]
        looked = set[int]()
        for _ in range(MOST_MERGES):
            fresh = [own for own in dict.fromkeys(numbers) if own not in looked]
            if not fresh:
                break
            looked |= set(fresh)
            try:
                answer = _both(answer, await self._ask(_BOOKS, ids=fresh))
            except (Permanent, Transient) as failed:
                if not answer.found and not editions.found:
                    raise
                answer = _incomplete(answer, f"books could not be read: {failed.message}")
                break
            numbers = [own for _, new in answer.aliases if (own := _number(new)) is not None]
        return _both(answer, editions)

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, reply: Reply) -> Answer:
        """The claims of one reply. `complete` where the whole list is in it.

        `data` beside `errors` is half an answer, and `Transient`. A refusal of the question's depth is `Permanent`
        with the code `QueryTooDeep`.
        """
        data, asked = _data(reply), _asked(reply)
        known = [(name, value) for name, value in data.items() if name in _READERS]
        if not known:
            raise Transient("hardcover answered something that was not asked", code="WrongShape")
        answer = Answer(source=self.name)
        for name, value in known:
            answer = _both(answer, _READERS[name](value, asked))
        return answer


# --- errors ----------------------------------------------------------------------------------------------------------

_TOO_DEEP = re.compile(rb"top[_ -]?level|depth|too[_ -]?(?:deep|complex)", re.IGNORECASE)
_REFUSALS = re.compile(
    r"validation|parse|not-supported|access-denied|permission|bad-request|invalid-|unauthori[sz]ed|forbidden|scope"
)


def _data(reply: Reply) -> dict[str, Any]:
    """The `data` of a reply that holds a whole answer."""
    if reply.status == 408:
        raise Transient("hardcover needed too long for the question (HTTP 408)", code="TooSlow")
    if reply.status in {400, 403, 422} and _TOO_DEEP.search(reply.body):
        raise Permanent("hardcover refuses so deep a question", code="QueryTooDeep")
    if reply.status in {401, 403}:
        raise Permanent(
            f"hardcover refused the token (HTTP {reply.status}); make a new one at hardcover.app/account/api",
            code="TokenRefused",
        )
    sound(Hardcover.name, reply, missing=())
    page = decoded(Hardcover.name, reply, dict[str, Any])
    data, errors = page.get("data"), page.get("errors")
    if errors:
        raise _complaint(errors, data, reply.body)
    if not isinstance(data, dict) or not data:
        raise Transient("hardcover sent no data", code="WrongShape")
    return data


def _complaint(errors: object, data: object, body: bytes) -> Transient | Permanent:
    if isinstance(data, dict) and any(value is not None for value in data.values()):
        return Transient("hardcover sent half an answer: data beside errors", code="HalfAnswer")
    if _TOO_DEEP.search(body):
        return Permanent("hardcover refuses so deep a question", code="QueryTooDeep")
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    code = text(extensions.get("code"), longest=40) if isinstance(extensions, dict) else None
    if code and _REFUSALS.search(code):
        return Permanent(f"hardcover refused the question ({code})", code="SourceRefused")
    return Transient("hardcover could not answer the question", code="SourceBusy")


# --- shapes of `data` ------------------------------------------------------------------------------------------------


class _Asked(msgspec.Struct, frozen=True):
    """What of the question matters for reading the answer."""

    id: int | None = None
    limit: int = PAGE
    offset: int = 0
    narrowed: bool = False
    """The guide's `distinct_on` leaves out members at the same place."""


def _asked(reply: Reply) -> _Asked:
    try:
        question = msgspec.json.decode(reply.asked) if reply.asked else {}
    except msgspec.DecodeError:
        question = {}
    variables = question.get("variables") if isinstance(question, dict) else None
    known = {name: _number(value) for name, value in variables.items()} if isinstance(variables, dict) else {}
    return _Asked(
        id=known.get("id"),
        limit=known.get("limit") or PAGE,
        offset=known.get("offset") or 0,
        narrowed=b"distinct_on" in reply.asked,
    )


def _series_by_pk(row: object, asked: _Asked) -> Answer:
    if row is None:
        return Answer(source=Hardcover.name)
    claim = _series(row)
    if isinstance(claim, str):
        raise Transient(f"hardcover sent a series that cannot be read: {claim}", code="WrongShape")
    if isinstance(claim, SeriesClaim) and isinstance(row, dict) and "book_series" in row:
        return _listed(row["book_series"], claim, asked)
    return _answer([claim])


def _listed(value: object, series: SeriesClaim, asked: _Asked) -> Answer:
    """A series with its members. A list shorter than the source's own count of whole numbers is not complete."""
    rows = entries(Hardcover.name, value, what="members")
    read = [_member(row, series) for row in rows]
    members = tuple(member for member, _ in read if member)
    lost = any(_member_id(row) is None for row in rows)
    complete = not asked.narrowed and not lost and len(members) >= (series.size or 0)
    claim = msgspec.structs.replace(series, members=members, complete=complete)
    answer = _answer((found for _, found in read if found), complete=complete)
    return msgspec.structs.replace(answer, series=(claim,))


def _member_id(row: object) -> str | None:
    if not isinstance(row, dict):
        return None
    book = row.get("book")
    return _own_id(row.get("book_id")) or (_own_id(book.get("id")) if isinstance(book, dict) else None)


def _member(row: Any, series: SeriesClaim) -> tuple[SeriesMember | None, Row | None]:
    """One row of a list. A book without details is kept by its number; one merged away or deleted is no member."""
    own_id = _member_id(row)
    if own_id is None:
        return None, "a member has no number"
    book, position = row.get("book"), _position(row)
    if not isinstance(book, dict):
        return SeriesMember(id=own_id, position=position), None
    title = text(book.get("title"))
    place = Place(series=series.id, name=series.name, position=position)
    claim = _book({**book, "id": own_id}, places=(place,), compilation=_flag(row.get("compilation")))
    if isinstance(claim, BookClaim) or (isinstance(claim, str) and not title):
        return SeriesMember(id=own_id, position=position, title=title), claim
    return None, claim


def _book_series(value: object, asked: _Asked) -> Answer:
    """The members of the series whose number was asked for; its name is in another answer."""
    own_id = f"hardcover:{asked.id}" if asked.id is not None else ""
    answer = _listed(value, SeriesClaim(source=Hardcover.name, id=own_id, name=""), asked)
    return answer if own_id else msgspec.structs.replace(answer, series=(), complete=False)


def _contributions(value: object, asked: _Asked) -> Answer:
    """Credits of books that another answer describes."""
    credits: dict[str, list[object]] = {}
    for row in entries(Hardcover.name, value, what="contributions"):
        if isinstance(row, dict) and (own_id := _own_id(row.get("contributable_id"))):
            credits.setdefault(own_id, []).append(row)
    books = (
        BookClaim(source=Hardcover.name, id=own_id, ids=(own_id,), authors=_credits(rows))
        for own_id, rows in credits.items()
    )
    return _answer(books)


def _editions(value: object, asked: _Asked) -> Answer:
    """Editions, each a claim on its book; only those in audio tell of a recording."""
    found = [_edition(row) for row in entries(Hardcover.name, value, what="editions")]
    books: dict[str, BookClaim] = {}
    for one in found:
        if isinstance(one, BookClaim):
            books[one.id] = _fuller(books[one.id], one) if one.id in books else one
    return _answer([*books.values(), *(one for one in found if isinstance(one, str))])


def _search(value: object, asked: _Asked) -> Answer:
    results = value.get("results") if isinstance(value, dict) else None
    if isinstance(results, str):
        results = decoded(Hardcover.name, Reply(url="", body=results.encode(errors="replace")), dict[str, Any])
    if not isinstance(results, dict):
        raise Transient("hardcover sent no results of the search", code="WrongShape")
    hits = entries(Hardcover.name, results.get("hits"), what="hits")
    return _answer(map(_hit, hits), complete=number(results.get("found")) == len(hits))


def _authors_by_pk(row: object, asked: _Asked) -> Answer:
    if row is None:
        return Answer(source=Hardcover.name)
    if not isinstance(row, dict) or not isinstance(person := _person(row), PersonClaim):
        raise Transient("hardcover sent an author without number or name", code="WrongShape")
    rows = entries(Hardcover.name, row.get("contributions"), what="contributions")
    found = [_book(one.get("book")) if isinstance(one, dict) else "a contribution is no object" for one in rows]
    by_them = tuple(
        book.id
        for one, book in zip(rows, found, strict=True)
        if isinstance(book, BookClaim) and _role(one.get("contribution")) is None
    )
    complete = asked.offset == 0 and len(rows) < asked.limit
    listing = msgspec.structs.replace(person, books=tuple(dict.fromkeys(by_them)), complete=complete)
    return msgspec.structs.replace(_answer(found, complete=complete), people=(listing,))


def _each_of(what: str, read: Any) -> Any:
    def each(value: object, asked: _Asked) -> Answer:
        return _answer(read(row) for row in entries(Hardcover.name, value, what=what))

    return each


# --- records ---------------------------------------------------------------------------------------------------------

Row = BookClaim | SeriesClaim | PersonClaim | tuple[str, str] | str
"""What becomes of one record: a claim, (old id, new id) of a merged book, or why there is none."""


def _answer(rows: Iterable[Row], *, complete: bool = True) -> Answer:
    rows = list(rows)
    return Answer(
        source=Hardcover.name,
        books=tuple({row.id: row for row in rows if isinstance(row, BookClaim)}.values()),
        series=tuple({row.id: row for row in rows if isinstance(row, SeriesClaim)}.values()),
        people=tuple({row.id: row for row in rows if isinstance(row, PersonClaim)}.values()),
        aliases=tuple(dict.fromkeys(row for row in rows if isinstance(row, tuple))),
        dropped=tuple(row for row in rows if isinstance(row, str)),
        complete=complete,
    )


def _book(row: object, *, places: tuple[Place, ...] = (), compilation: bool | None = None) -> Row:
    own_id = _own_id(row.get("id")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id:
        return "a book has no number"
    moved = _own_id(row.get("canonical_id"))
    if moved and moved != own_id:
        return own_id, moved
    title, status = text(row.get("title")), _number(row.get("book_status_id"))
    if not title or status not in {None, 1}:
        return f"{own_id} {'is not in good standing' if title else 'has no title'}"
    recording = _recording(row.get("default_audio_edition"))
    flags = {compilation, _flag(row.get("compilation"))} - {None}
    return BookClaim(
        source=Hardcover.name,
        id=own_id,
        ids=(own_id, *_sold_as(recording)),
        title=title,
        subtitle=text(row.get("subtitle")),
        authors=_credits(row.get("contributions")),
        places=places or _places(row.get("book_series")),
        recordings=(recording,) if recording else None,
        category=_CATEGORIES.get(_number(row.get("book_category_id")) or 0),
        compilation=any(flags) if flags else None,
        partial=_flag(row.get("is_partial_book")),
        first_published=year(row.get("release_year")) or year(row.get("release_date")),
        released=day(row.get("release_date")),
        recorded=recording is not None,
    )


def _edition(row: object) -> Row:
    own_id = _own_id(row.get("book_id")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id:
        return "an edition is of no book"
    recording = _recording(row) if _is_audio(row) else None
    isbns = [one for one in (isbn(row.get("isbn_13")), isbn(row.get("isbn_10"))) if one]
    return BookClaim(
        source=Hardcover.name,
        id=own_id,
        ids=tuple(dict.fromkeys((own_id, *_sold_as(recording), *isbns))),
        recordings=(recording,) if recording else None,
        recorded=recording is not None,
    )


def _sold_as(recording: Recording | None) -> tuple[str, ...]:
    """The ASIN or ISBN of a recording, which names its book as well; the number of the edition does not."""
    ids = recording.ids if recording else ()
    return tuple(one for one in ids if one.startswith(("asin:", "isbn:")))


def _is_audio(row: dict[str, Any]) -> bool:
    kind = _number(row.get("reading_format_id"))
    if kind is not None:
        return kind == _AUDIO
    return number(row.get("audio_seconds")) is not None or "audi" in (text(row.get("edition_format")) or "").casefold()


def _recording(edition: object) -> Recording | None:
    """An audio edition. Its own number is kept apart from the numbers of books."""
    if not isinstance(edition, dict):
        return None
    own = _number(edition.get("id"))
    sold_as = asin(edition.get("asin")) or isbn(edition.get("isbn_13"))
    named = sold_as or (f"hardcover:edition-{own}" if own is not None else None)
    if not named:
        return None
    language = edition.get("language")
    return Recording(
        ids=(named,),
        runtime_min=minutes(edition.get("audio_seconds"), per_minute=60),
        language=read_language(text(language.get("code2"))) if isinstance(language, dict) else None,
        released=day(edition.get("release_date")),
    )


def _series(row: object) -> Row:
    """A series without its members; `author` is an object, or in hits sometimes only a name."""
    own_id = _own_id(row.get("id")) if isinstance(row, dict) else None
    moved = _own_id(row.get("canonical_id")) if isinstance(row, dict) else None
    name = text(row.get("name")) if isinstance(row, dict) else None
    if own_id and moved and moved != own_id:
        return own_id, moved
    if not isinstance(row, dict) or not own_id or not name:
        return f"{own_id or 'a series'} has no number or no name"
    return SeriesClaim(
        source=Hardcover.name,
        id=own_id,
        name=name,
        authors=_credits([{"author": row.get("author") or {"name": row.get("author_name")}}]),
        finished=_flag(row.get("is_completed")),
        size=_count(row.get("primary_books_count"), row.get("books_count")),
    )


def _person(row: object) -> Row:
    own_id = _own_id(row.get("id")) if isinstance(row, dict) else None
    name = text(row.get("name")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not own_id or not name:
        return f"{own_id or 'an author'} has no number or no name"
    others = row.get("alternate_names")
    names = [text(other) for other in others[:50]] if isinstance(others, list) else []
    linked = [_own_id(row.get("alias_id")), _own_id(row.get("canonical_id"))]
    return PersonClaim(
        source=Hardcover.name,
        id=own_id,
        name=name,
        other_names=tuple(dict.fromkeys(other for other in names if other and other != name)),
        ids=tuple(dict.fromkeys((own_id, *(one for one in linked if one)))),
    )


def _hit(hit: object) -> Row:
    """A hit of a search for series, books or authors, which are told apart by what only one of them has."""
    row = hit.get("document") if isinstance(hit, dict) else None
    if not isinstance(row, dict):
        return "a hit has no document"
    if "title" in row:
        return _found_book(row)
    if not {"author_name", "author", "primary_books_count"} & row.keys():
        return _person(row)
    return _series(row)


def _found_book(row: dict[str, Any]) -> Row:
    names, isbns = row.get("author_names"), row.get("isbns")
    listed = [{"author": {"name": name}} for name in names[:50]] if isinstance(names, list) else []
    numbers = [isbn(one) for one in isbns[:100]] if isinstance(isbns, list) else []
    claim = _book({name: row.get(name) for name in _HIT_OF_BOOK if name in row})
    if not isinstance(claim, BookClaim):
        return claim
    return msgspec.structs.replace(
        claim,
        ids=tuple(dict.fromkeys((*claim.ids, *(one for one in numbers if one)))),
        authors=claim.authors or _credits(listed),
    )


_HIT_OF_BOOK = ("id", "title", "subtitle", "compilation", "release_year", "release_date", "contributions")


def _places(rows: object) -> tuple[Place, ...]:
    places = []
    for row in rows[:50] if isinstance(rows, list) else []:
        series = row.get("series") if isinstance(row, dict) else None
        if isinstance(series, dict) and (own_id := _own_id(series.get("id"))):
            places.append(Place(series=own_id, name=text(series.get("name")) or "", position=_position(row)))
    return tuple(places)


def _position(row: dict[str, Any]) -> str | None:
    """`details` is the truth; the number beside it has only the beginning of a range."""
    return text(row.get("details"), longest=200) or text(row.get("position"), longest=200)


def _credits(rows: object) -> tuple[Credit, ...]:
    credits = []
    for row in rows[:50] if isinstance(rows, list) else []:
        author = row.get("author") if isinstance(row, dict) else None
        named = credit(author.get("name"), id=_own_id(author.get("id"))) if isinstance(author, dict) else None
        if named:
            credits.append(msgspec.structs.replace(named, role=_role(row.get("contribution")) or named.role))
    return tuple(credits)


def _role(value: object) -> str | None:
    """`translator`, `illustrator`; None for an author, whose role is null, empty, `Author` or `Author/Narrator`."""
    roles = fold(text(value) or "")
    return None if not roles or "author" in roles.split() else roles


def _number(value: object) -> int | None:
    """One of Hardcover's numbers, also as text (ids of hits) and as our own id `hardcover:501`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    digits = str(value).removeprefix("hardcover:")
    return int(digits) if re.fullmatch(r"[0-9]{1,15}", digits) else None


def _own_id(value: object) -> str | None:
    own = _number(value)
    return f"hardcover:{own}" if own else None


def _count(*values: object) -> int | None:
    return next((own for value in values if (own := _number(value)) is not None), None)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_READERS: Mapping[str, Any] = {
    "series_by_pk": _series_by_pk,
    "series": _each_of("series", _series),
    "book_series": _book_series,
    "contributions": _contributions,
    "editions": _editions,
    "search": _search,
    "authors_by_pk": _authors_by_pk,
    "authors": _each_of("authors", _person),
    "books": _each_of("books", _book),
}


# --- joining answers -------------------------------------------------------------------------------------------------


def _both(one: Answer, other: Answer) -> Answer:
    books = {book.id: book for book in one.books}
    for book in other.books:
        books[book.id] = _fuller(books[book.id], book) if book.id in books else book
    people = {person.id: person for person in one.people}
    for person in other.people:
        before = people[person.id].books if person.id in people else None
        listed = (*(before or ()), *(person.books or ())) if before or person.books is not None else None
        people[person.id] = msgspec.structs.replace(person, books=tuple(dict.fromkeys(listed)) if listed else listed)
    return Answer(
        source=one.source,
        books=tuple(books.values()),
        series=tuple({series.id: series for series in (*one.series, *other.series)}.values()),
        people=tuple(people.values()),
        aliases=tuple(dict.fromkeys((*one.aliases, *other.aliases))),
        dropped=one.dropped + other.dropped,
        complete=one.complete and other.complete,
        notes=one.notes + other.notes,
    )


def _fuller(book: BookClaim, other: BookClaim) -> BookClaim:
    """The claim with what another answer adds to it: credits, ids, recordings."""
    recordings = {one.ids[0]: one for one in (*(book.recordings or ()), *(other.recordings or ()))}
    return msgspec.structs.replace(
        book,
        ids=tuple(dict.fromkeys((*book.ids, *other.ids))),
        authors=book.authors or other.authors,
        recordings=tuple(recordings.values()) or None,
        recorded=book.recorded or other.recorded,
    )


def _with_details(answer: Answer, details: Answer) -> Answer:
    known = {book.id for book in answer.books}
    only = tuple(book for book in details.books if book.id in known)
    return _both(answer, msgspec.structs.replace(details, books=only))


def _joined_series(head: Answer, members: Answer) -> Answer:
    """A series whose own record and whose members came apart."""
    [series], [listing] = head.series, members.series
    whole = listing.complete and len(listing.members or ()) >= (series.size or 0)
    claim = msgspec.structs.replace(series, members=listing.members, complete=whole)
    books = tuple(
        msgspec.structs.replace(
            book, places=tuple(msgspec.structs.replace(place, name=series.name) for place in book.places)
        )
        for book in members.books
    )
    return msgspec.structs.replace(members, series=(claim,), books=books, complete=whole)


def _incomplete(answer: Answer, note: str) -> Answer:
    return msgspec.structs.replace(answer, complete=False, notes=(*answer.notes, note))


def _called(person: PersonClaim, name: str) -> bool:
    return any(same_person(one, name) is Likeness.SAME for one in (person.name, *person.other_names))
