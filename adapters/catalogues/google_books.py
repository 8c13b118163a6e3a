"""Google Books: descriptions and ISBNs of printed books. It has no series names and knows no audio.

(contracts: metadata, section 3.6)
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from adapters.catalogues.addresses import below
from adapters.catalogues.parts import credit
from adapters.catalogues.replies import Reply, Web, day, decoded, entries, isbn, number, prose, sound, text
from domain.catalogue.claims import Answer, BookClaim, LookUp, Question, Search
from domain.errors import Permanent, Transient
from domain.languages import read_language

PUBLIC = "https://www.googleapis.com/books/v1"
MOST_HITS = 40
MOST_LOOKED_UP = 10
"""ISBNs looked up for one question: each costs one of the 1,000 requests of a day."""
PARKED_S = 6 * 3600.0
"""How long a spent daily quota rests: it is given anew at midnight in California, which four looks a day will find."""

_SPENT = re.compile(rb"rateLimitExceeded|dailyLimitExceeded|quotaExceeded|RESOURCE_EXHAUSTED")
_PER_DAY = re.compile(rb"per day|dailyLimitExceeded", re.IGNORECASE)


class GoogleBooks:
    """Searches volumes. The only module that knows Google Books' JSON.

    The key travels in the address (there is no other way), so no message of this module holds an address.
    """

    name = "google"
    answers: frozenset[type] = frozenset({LookUp, Search})

    def __init__(self, web: Web, key: str, *, base_url: str = PUBLIC) -> None:
        self._web = web
        self._key = key.strip()
        self._base = base_url.rstrip("/")

    def knows(self, url: str) -> bool:
        """Whether the address is this source's."""
        return below(self._base, url) or below(PUBLIC, url)

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` or `Permanent` where nothing was learnt, `ValueError` for a question it cannot answer."""
        match question:
            case Search(title=title, author=author):
                by = f" inauthor:{_quoted(author)}" if author else ""
                return await self._volumes(f"intitle:{_quoted(title)}{by}")
            case LookUp(ids=ids):
                return await self._look_up([one for one in ids if one.startswith("isbn:")])
        raise ValueError(f"{self.name} answers no {type(question).__name__}")

    async def _volumes(self, query: str) -> Answer:
        params: dict[str, str | int] = {"q": query, "maxResults": MOST_HITS, "key": self._key}
        return self.read(await self._web.get(f"{self._base}/volumes", params=params))

    async def _look_up(self, isbns: list[str]) -> Answer:
        books: list[BookClaim] = []
        dropped: list[str] = []
        notes = [] if isbns else ["it can be asked for ISBNs only"]
        complete = 0 < len(isbns) <= MOST_LOOKED_UP
        for asked, one in enumerate(isbns[:MOST_LOOKED_UP]):
            try:
                answer = await self._volumes(one)
            except (Transient, Permanent) as failed:
                if not asked:
                    raise
                complete = False
                notes.append(f"{one} could not be looked up ({failed.code})")
                break
            books += [book for book in answer.books if one in book.ids]
            dropped += [f"{book.id} does not carry {one}" for book in answer.books if one not in book.ids]
            dropped += answer.dropped
            complete = complete and answer.complete
        return Answer(
            source=self.name,
            books=tuple({book.id: book for book in books}.values()),
            dropped=tuple(dropped),
            complete=complete,
            notes=tuple(notes),
        )

    def read(self, reply: Reply) -> Answer:
        """The claims of one reply. No hits come as a missing `items`; `complete` when they are as many as promised."""
        _refuse_spent_quota(reply)
        if not sound(self.name, reply):
            return Answer(source=self.name)
        page = decoded(self.name, reply, dict[str, Any])
        total = number(page.get("totalItems"))
        if "items" not in page:
            if total is None:
                raise Transient("google sent neither volumes nor their number", code="WrongShape")
            return Answer(source=self.name, complete=total == 0)
        rows = entries(self.name, page["items"], what="volumes")
        found = [_book(row) for row in rows]
        first = parse_qs(urlsplit(reply.url).query).get("startIndex", ["0"])[0] == "0"
        return Answer(
            source=self.name,
            books=tuple(one for one in found if isinstance(one, BookClaim)),
            dropped=tuple(one for one in found if isinstance(one, str)),
            complete=first and total == len(rows),
        )


def _refuse_spent_quota(reply: Reply) -> None:
    """With a key, a spent quota comes as 403, like a refusal; its reason tells them apart."""
    if reply.status in {403, 429} and _SPENT.search(reply.body):
        daily = _PER_DAY.search(reply.body) is not None
        raise Transient(
            f"google's {'daily ' if daily else ''}quota is spent (HTTP {reply.status})",
            code="QuotaSpent",
            retry_after_s=PARKED_S if daily else None,
        )


def _book(row: object) -> BookClaim | str:
    """One volume's claim, or why there is none."""
    if not isinstance(row, dict) or not (own := text(row.get("id"), longest=100)):
        return "a volume has no id"
    info = row.get("volumeInfo")
    title = text(info.get("title")) if isinstance(info, dict) else None
    if not isinstance(info, dict) or not title:
        return f"{own} has no title"
    own_id = f"google:{own}"
    return BookClaim(
        source=GoogleBooks.name,
        id=own_id,
        ids=(own_id, *_isbns(info.get("industryIdentifiers"))),
        title=title,
        subtitle=text(info.get("subtitle")),
        authors=tuple(one for name in _texts(info.get("authors")) if (one := credit(name))),
        language=read_language(text(info.get("language"))),
        released=day(info.get("publishedDate")),
        publisher=text(info.get("publisher")),
        description=prose(info.get("description")),
        cover=_cover(info.get("imageLinks")),
        genres=tuple(_texts(info.get("categories"))),
    )


def _isbns(identifiers: object) -> list[str]:
    rows = identifiers[:20] if isinstance(identifiers, list) else []
    found = [isbn(row.get("identifier")) for row in rows if isinstance(row, dict)]
    return list(dict.fromkeys(one for one in found if one))


def _texts(value: object) -> list[str]:
    """A list of texts; a single text, which sloppy records have in its place, is a list of one."""
    pieces = value[:50] if isinstance(value, list) else [value]
    return [piece for piece in map(text, pieces) if piece]


def _cover(links: object) -> str | None:
    shown = text(links.get("thumbnail")) if isinstance(links, dict) else None
    return re.sub(r"^http://", "https://", shown) if shown else None


def _quoted(words: str) -> str:
    """A phrase of Google's query language, which has no way to write a quotation mark inside one."""
    return f'"{words.replace(chr(34), " ").strip()}"'
