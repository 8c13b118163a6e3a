"""LibriVox: free recordings of works in the public domain (contracts: metadata, section 3.10)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from adapters.catalogues.addresses import below
from adapters.catalogues.replies import LIST_S, Reply, Web, decoded, entries, minutes, prose, sound, text, year
from domain.catalogue.claims import Answer, BookClaim, Credit, ListBooks, PersonClaim, Question, Recording, Search
from domain.errors import Permanent, Transient
from domain.languages import read_language
from domain.names import Likeness, last_first, same_person

PUBLIC = "https://librivox.org/api/feed"
PAGE = 200
MOST_PAGES = 5
"""The most recorded authors have a few hundred recordings; what goes on longer than this has no end."""
HITS = 50
"""Hits of a search, and what LibriVox gives when nobody says how many."""

_REMARK = re.compile(r"\s*\(((?:version \d+|dramatic reading|(?:un)?abridged|[,;\s])+)\)", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)


class LibriVox:
    """Reads the catalogue of recordings. The only module that knows LibriVox' JSON."""

    name = "librivox"
    answers: frozenset[type] = frozenset((ListBooks, Search))

    def __init__(self, web: Web, *, base_url: str = PUBLIC) -> None:
        self._web = web
        self._base = base_url.rstrip("/")

    def knows(self, url: str) -> bool:
        """Whether the address is this source's."""
        return below(self._base, url) or below(PUBLIC, url)

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` or `Permanent` where nothing was learnt, `ValueError` for a question it cannot answer."""
        match question:
            case Search(title=title):
                return self.read(await self._search(title))
            case ListBooks(name=name, id=own_id):
                return _by(await self._of_surname(last_first(name).partition(",")[0]), name, own_id)
        raise ValueError(f"{self.name} answers no {type(question).__name__}")

    async def _search(self, title: str) -> Reply:
        # LibriVox keeps the leading article apart from the title that `^` looks into.
        params: dict[str, str | int] = {
            "title": f"^{_ARTICLE.sub('', title)}",
            "format": "json",
            "extended": 1,
            "limit": HITS,
        }
        return await self._web.get(f"{self._base}/audiobooks", params=params)

    async def _page(self, surname: str, offset: int) -> Reply:
        params: dict[str, str | int] = {"author": surname, "format": "json", "limit": PAGE, "offset": offset}
        return await self._web.get(f"{self._base}/audiobooks", params=params, timeout_s=LIST_S)

    async def _of_surname(self, surname: str) -> Answer:
        """All recordings of everybody with that surname, without the chapters, which would be most of the reply."""
        books: dict[str, BookClaim] = {}
        dropped: list[str] = []
        notes: list[str] = []
        for page in range(MOST_PAGES):
            try:
                answer = self.read(await self._page(surname, page * PAGE))
            except (Transient, Permanent) as failed:
                if not page:
                    raise
                notes.append(f"page {page + 1} could not be read: {failed.message}")
                break
            fresh = {book.id: book for book in answer.books if book.id not in books}
            books |= fresh
            dropped += answer.dropped
            if len(answer.books) + len(answer.dropped) < PAGE:
                return Answer(source=self.name, books=tuple(books.values()), dropped=tuple(dropped))
            if not fresh:
                notes.append(f"page {page + 1} repeats what came before")
                break
        notes = notes or [f"more than {MOST_PAGES * PAGE} recordings"]
        return Answer(
            source=self.name, books=tuple(books.values()), dropped=tuple(dropped), complete=False, notes=tuple(notes)
        )

    def read(self, reply: Reply) -> Answer:
        """The claims of one reply. LibriVox says 404 when it has nothing; `complete` for a first page that is short."""
        some = sound(self.name, reply)
        page = decoded(self.name, reply, dict[str, Any])
        if not some:
            if "error" not in page:
                raise Transient("librivox has no such page (HTTP 404)", code="WrongShape")
            return Answer(source=self.name)
        rows = entries(self.name, page.get("books"), what="books")
        found = [_book(row) for row in rows]
        query = parse_qs(urlsplit(reply.url).query)
        limit, offset = _count(query, "limit", HITS), _count(query, "offset", 0)
        return Answer(
            source=self.name,
            books=tuple(one for one in found if isinstance(one, BookClaim)),
            dropped=tuple(one for one in found if isinstance(one, str)),
            complete=offset == 0 and len(rows) < limit,
        )


def _count(query: dict[str, list[str]], name: str, default: int) -> int:
    said = query.get(name, [""])[0]
    return int(said) if re.fullmatch(r"\d{1,6}", said) else default


def _by(answer: Answer, name: str, own_id: str | None) -> Answer:
    """What is by the person, of what is by anybody with that surname: one `PersonClaim` for each who may be meant."""
    books: dict[str, BookClaim] = {}
    people: dict[str, PersonClaim] = {}
    for book in answer.books:
        for author in book.authors:
            if author.id is None or not _meant(author, name, own_id):
                continue
            known = people.get(author.id)
            listed = (*((known.books or ()) if known else ()), book.id)
            people[author.id] = PersonClaim(
                source=answer.source,
                id=author.id,
                name=author.name,
                ids=(author.id,),
                books=listed,
                complete=answer.complete,
            )
            books[book.id] = book
    return Answer(
        source=answer.source,
        books=tuple(books.values()),
        people=tuple(people.values()),
        dropped=answer.dropped,
        complete=answer.complete,
        notes=answer.notes,
    )


def _meant(author: Credit, name: str, own_id: str | None) -> bool:
    if own_id and own_id.startswith("librivox:"):
        return author.id == own_id
    return same_person(author.name, name) is not Likeness.DIFFERENT


def _book(row: object) -> BookClaim | str:
    """One recording's claim, or why there is none."""
    if not isinstance(row, dict) or not (own := text(row.get("id"), longest=40)):
        return "a record has no id"
    shown = text(row.get("title"))
    title = shown and _REMARK.sub("", shown).strip()
    if not shown or not title:
        return f"{own} has no title"
    own_id = f"librivox:{own}"
    language = read_language(text(row.get("language")))
    recording = _recording(row, own_id, shown, language)
    return BookClaim(
        source=LibriVox.name,
        id=own_id,
        ids=(own_id,),
        title=title,
        authors=(*_credits(row.get("authors")), *_credits(row.get("translators"), role="translator")),
        language=language,
        recordings=(recording,) if recording else None,
        first_published=year(row.get("copyright_year")),
        description=prose(row.get("description")),
        recorded=recording is not None,
    )


def _recording(row: dict[str, Any], own_id: str, shown: str, language: str | None) -> Recording | None:
    """None for a reading that volunteers have only begun: such projects are listed too, with no length."""
    runtime_min = minutes(row.get("totaltimesecs"), per_minute=60)
    if runtime_min is None:
        return None
    remarks = " ".join(_REMARK.findall(shown)).casefold()
    return Recording(
        ids=(own_id,),
        narrators=_readers(row.get("sections")),
        runtime_min=runtime_min,
        abridged=re.search(r"\babridged", remarks) is not None or None,
        dramatized="dramatic reading" in shown.casefold() or None,
        language=language,
    )


def _credits(people: object, role: str | None = None) -> list[Credit]:
    credits = []
    for person in people[:50] if isinstance(people, list) else []:
        if not isinstance(person, dict):
            continue
        names = [text(person.get("first_name")), text(person.get("last_name"))]
        name, own = " ".join(filter(None, names)), text(person.get("id"), longest=40)
        if name:
            credits.append(Credit(name=name, id=f"librivox:{own}" if own else None, role=role))
    return credits


def _readers(sections: object) -> tuple[str, ...]:
    """Who reads, in the order of the chapters; the whole cast of a dramatic reading at most 50 voices long."""
    names: dict[str, None] = {}
    for section in sections[:1_000] if isinstance(sections, list) else []:
        readers = section.get("readers") if isinstance(section, dict) else None
        for reader in readers[:50] if isinstance(readers, list) else []:
            name = text(reader.get("display_name")) if isinstance(reader, dict) else None
            names |= {name: None} if name else {}
    return tuple(names)[:50]
