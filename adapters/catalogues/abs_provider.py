"""Any server that speaks Audiobookshelf's protocol for metadata providers (contracts: metadata, section 3.9).

The protocol has a search and nothing else: no ids of its own, no lists, no end of a list. Its answers enrich and hint;
that one holds no match proves nothing, and several providers report their own failures as `[]`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from adapters.catalogues.addresses import below
from adapters.catalogues.goodreads_titles import with_places_of_title
from adapters.catalogues.parts import credit, position
from adapters.catalogues.replies import (
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
    prose,
    sound,
    text,
    year,
)
from domain.catalogue.claims import FAMILIES, Answer, BookClaim, Credit, Place, Question, Recording, Search
from domain.errors import Permanent, Transient
from domain.languages import read_language

Unit = Literal["minutes", "seconds"]

MOST_MINUTES = 6_000
"""A length above this, from a provider whose unit nobody set, may be seconds. It is left out, not guessed."""
MOST_PIECES = 50
"""People, genres, tags or series of one record."""
SHORTEST_S = 600
"""A length below this, from a provider that should send seconds, may be minutes."""

_TIMEOUT_S = {"audioteka": 60.0, "lubimyczytac": 60.0}
"""They scrape several pages for one answer, and wait when their shop tells them to."""
_WANTS_ANY_HEADER = "Bibliostat"
_PRINT = frozenset({"kindle", "goodreads", "hardcover", "lubimyczytac", "google", "openlibrary"})
"""Their ASINs are, or may be, of Kindle or paper editions, and must never be looked up as Audible's."""
_AUDIO_ALONE = frozenset(
    {"audible", "audnexus", "audiosilo", "audioteka", "graphicaudio", "librivox", "ardaudiothek", "bigfinish"}
)
_FAILS_AS_EMPTY = frozenset({"audioteka", "lubimyczytac"})
_ORIGINAL_YEAR = frozenset({"goodreads"})
"""Whose `publishedYear` is the work's first; elsewhere it may be that of any edition."""

_UNSURE = "no match here proves nothing: the protocol knows no complete list"
_UNSURE_OF_FAILURE = "no match here proves nothing: this provider reports its own failures in the same way"


class AbsProvider:
    """One provider: Goodreads, Kindle, Audioteka, LibriVox … whatever stands behind the address.

    `name` is what stands behind it, and with it the family whose word this is; an unknown name is a family of its own.
    `authorization` is sent as it is. `durations` says in which unit the provider sends lengths; without it they are
    minutes, except LibriVox, whose wrapper passes on seconds.
    """

    answers: frozenset[type] = frozenset({Search})

    def __init__(
        self,
        web: Web,
        *,
        name: str,
        base_url: str,
        authorization: str | None = None,
        durations: Unit | None = None,
    ) -> None:
        self.name = name
        self._web = web
        self._base = base_url.rstrip("/")
        self._authorization = authorization or (_WANTS_ANY_HEADER if name in _FAILS_AS_EMPTY else None)
        self._durations: Unit | None = durations or ("seconds" if name == "librivox" else None)

    def knows(self, url: str) -> bool:
        """Parameters of the wrapper may stand in between: `{base}/lang:pl/search`."""
        return below(self._base, url) and urlsplit(url).path.endswith("/search")

    async def ask(self, question: Question) -> Answer:
        """One request. Raises `Transient` for what is no answer, `Permanent` for a refusal."""
        if not isinstance(question, Search):
            raise ValueError(f"{self.name} cannot answer {type(question).__name__}")
        params = {"mediaType": "book", "query": question.title}
        reply = await self._web.get(
            f"{self._base}/search",
            params=params | ({"author": question.author} if question.author else {}),
            headers={"Authorization": self._authorization} if self._authorization else {},
            timeout_s=_TIMEOUT_S.get(self.name, SEARCH_S),
        )
        return self.read(reply)

    def read(self, reply: Reply) -> Answer:
        """The matches of one search, never complete."""
        self._judge(reply)
        said = decoded(self.name, reply, object)
        matches = entries(self.name, said.get("matches") if isinstance(said, dict) else said, what="matches")
        shelf = _Shelf(self.name, self._durations)
        for place, match in enumerate(matches, start=1):
            shelf.take(place, match)
        return Answer(
            source=self.name,
            books=tuple(shelf.books.values()),
            dropped=tuple(shelf.dropped),
            notes=(*shelf.notes, _UNSURE_OF_FAILURE if self.name in _FAILS_AS_EMPTY else _UNSURE),
            complete=False,
        )

    def _judge(self, reply: Reply) -> None:
        """Raises with the provider's own words, which Audiobookshelf never shows. A 404 is a wrong address."""
        try:
            sound(self.name, reply, missing=())
        except Transient as failure:
            message = f"{failure.message}{self._said(reply)}"
            raise Transient(message, code=failure.code, retry_after_s=failure.retry_after_s) from None
        except Permanent as failure:
            todo = _TODO.get(reply.status, "check its address and parameters")
            raise Permanent(f"{failure.message}{self._said(reply)}; {todo}", code=failure.code) from None

    def _said(self, reply: Reply) -> str:
        try:
            said = msgspec.json.decode(reply.body, type=_Trouble).error
        except (ValueError, RecursionError):
            return ""
        words = text(said, longest=200)
        for secret in (self._authorization or "").split():
            words = (words or "").replace(secret, "***")
        return f": {words}" if words else ""


_TODO = {
    401: "set the authorization that this provider asks for",
    403: "set the authorization that this provider asks for",
    404: "check its address",
}


class _Trouble(msgspec.Struct, frozen=True):
    error: object = None


class AnyProvider:
    """Reads recorded replies of providers that nobody configured; what stands behind them is taken from the address."""

    name = "provider"
    answers: frozenset[type] = frozenset()

    def __init__(self, web: Web) -> None:
        self._web = web

    def knows(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        asked = parse_qs(parts.query, keep_blank_values=True)
        return parts.path.endswith("/search") and ("query" in asked or not asked)

    def read(self, reply: Reply) -> Answer:
        base_url = reply.url.partition("?")[0].removesuffix("/search")
        return AbsProvider(self._web, name=source_at(base_url), base_url=base_url).read(reply)

    async def ask(self, question: Question) -> Answer:
        raise ValueError("a provider that nobody configured cannot be asked")


def source_at(base_url: str) -> str:
    """The source behind a provider's address: its first word that we know, else its first folder, else the host."""
    parts = urlsplit(base_url)
    words = re.split(r"[^a-z0-9]+", f"{parts.path} {parts.hostname or ''}".casefold())
    folders = [folder for folder in parts.path.casefold().split("/") if folder.isalpha()]
    known = [word for word in words if word in FAMILIES]
    return (known or folders or [parts.hostname or AnyProvider.name])[0]


class _Shelf:
    """The matches of one reply as claims: those that can be used, and why the others cannot."""

    def __init__(self, source: str, durations: Unit | None) -> None:
        self._source = source
        self._durations = durations
        self.books: dict[str, BookClaim] = {}
        self.dropped: list[str] = []
        self.notes: list[str] = []

    def take(self, place: int, match: object) -> None:
        title = text(match.get("title")) if isinstance(match, dict) else None
        if not isinstance(match, dict) or title is None:
            self.dropped.append(
                f"match {place} has no title" if isinstance(match, dict) else f"match {place} is no record"
            )
            return
        book = self._book(title, match)
        known = self.books.get(book.id)
        if known == book:
            self.notes.append(f"{title!r} came twice, and nothing tells parts from productions")
        elif known is not None:
            book = msgspec.structs.replace(book, id=f"{book.id}#{_digest(book, book.recordings)}")
        self.books[book.id] = book

    def _book(self, title: str, match: Mapping[str, Any]) -> BookClaim:
        ids = self._ids(match)
        language = read_language(text(match.get("language")))
        book = BookClaim(
            source=self._source,
            id="",
            title=title,
            subtitle=text(match.get("subtitle")),
            authors=_credits(match.get("author") or match.get("authors")),
            places=with_places_of_title(_places(match.get("series")), title),
            language=language,
            first_published=year(match.get("publishedYear")) if self._source in _ORIGINAL_YEAR else None,
            released=day(match.get("publishedDate")),
            publisher=text(match.get("publisher")),
            description=prose(match.get("description")),
            cover=_address(match.get("cover")),
            genres=tuple(_pieces(match.get("genres"))),
            recorded=self._source in _AUDIO_ALONE or text(match.get("type")) == "audiobook",
        )
        narrators = tuple(credit.name for credit in _credits(match.get("narrator")))
        own = ids[0] if ids and not ids[0].startswith("isbn:") else f"match:{self._source}/{_digest(book, narrators)}"
        recording = self._recording(own, book, narrators, match)
        self._hint(title, match)
        spoken = book.recorded or narrators or recording.runtime_min
        return msgspec.structs.replace(
            book,
            id=own,
            ids=tuple(dict.fromkeys([own, *ids])),
            recordings=(recording,) if spoken else None,
            released=None if spoken else book.released,
        )

    def _ids(self, match: Mapping[str, Any]) -> list[str]:
        """The first, unless it is an ISBN, is the record's own: several recordings may share an ISBN."""
        spelt = asin(match.get("asin"))
        bare = (spelt or "").removeprefix("asin:")
        if spelt and self._source in _PRINT:
            spelt = f"kindle:{bare}"
        own = text(match.get("id"), longest=100)
        named = f"match:{self._source}/{own}" if own else None
        return [id for id in (spelt, named, isbn(match.get("isbn")), isbn(bare)) if id]

    def _recording(self, own: str, book: BookClaim, narrators: tuple[str, ...], match: Mapping[str, Any]) -> Recording:
        return Recording(
            ids=(own,),
            narrators=narrators,
            runtime_min=self._runtime_min(book.title, match.get("duration")),
            dramatized=True if self._source == "graphicaudio" else None,
            language=book.language,
            released=book.released,
            publisher=book.publisher,
        )

    def _runtime_min(self, title: str | None, value: object) -> float | None:
        length = number(value)
        if not length:
            return None
        if self._durations == "seconds":
            doubted = length < SHORTEST_S
        else:
            doubted = self._durations is None and length > MOST_MINUTES
        if doubted:
            self.notes.append(f"the length of {title!r} ({length:g}) is left out: it may be in another unit; set it")
            return None
        return minutes(length, per_minute=60 if self._durations == "seconds" else 1)

    def _hint(self, title: str, match: Mapping[str, Any]) -> None:
        """Audioteka's cycles are among its tags, where nothing tells them from other tags."""
        tags = ", ".join(_pieces(match.get("tags")))
        if tags and self._source == "audioteka":
            self.notes.append(f"{title!r} is tagged {tags}: one of these may be its series")


def _digest(book: BookClaim, spoken: object) -> str:
    """A name for a record that brings none, of what does not change when a blurb or a cover does."""
    told = (book.title, book.subtitle, book.authors, book.places, book.released, book.publisher, spoken)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


def _credits(value: object) -> tuple[Credit, ...]:
    """People, written as a list or as one text; `Baum, L. Frank` is one person, `Sold by: Amazon` none."""
    found = [credit(name) for name in _people(value)]
    return tuple(dict.fromkeys(one for one in found if one))


_SUFFIX = re.compile(r",\s*(?=(?:Jr|Sr|Ph\.?D|M\.?D|I{2,3}|IV)\b\.?)", re.IGNORECASE)
_LAST_FIRST = re.compile(r"[^\s,;&]+,\s*[^\s,;&]+(?:\s[^\s,;&]+)?")


def _people(value: object) -> list[str]:
    if not isinstance(value, str):
        return [name for name in _pieces(value) if ":" not in name]
    line = _SUFFIX.sub(" ", text(value, longest=5_000) or "")
    if _LAST_FIRST.fullmatch(line):
        return [line]
    return [name.strip() for name in re.split(r"[,;&]|\sand\s", line)[:MOST_PIECES] if name.strip() and ":" not in name]


def _pieces(value: object) -> list[str]:
    """The words of a list, or of a text with commas where a list is due."""
    said = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    named = [piece.get("name") if isinstance(piece, dict) else piece for piece in said[:MOST_PIECES]]
    return list(dict.fromkeys(filter(None, map(text, named))))


def _places(value: object) -> list[Place]:
    """Series as a list of records, of names, or as a single one of either. The number 0 is a number."""
    found = []
    for one in (value if isinstance(value, list) else [value])[:MOST_PIECES]:
        if isinstance(one, dict):
            name, place = text(one.get("series")) or text(one.get("name")), position(one.get("sequence"))
        else:
            said = (text(one) or "").partition("#")
            name, place = text(said[0]), position(said[2]) or None
        if name:
            found.append(Place(series="", name=name, position=place))
    return list(dict.fromkeys(found))


def _address(value: object) -> str | None:
    found = text(value)
    return found if found and found.startswith(("https://", "http://")) else None
