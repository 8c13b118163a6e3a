"""LibriVox: free recordings of works in the public domain, kept by the Internet Archive. No account is needed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from adapters.indexers.asking import Asked, Asking, one_line
from adapters.indexers.feed import release_id
from adapters.indexers.internet_archive import (
    HOME,
    Hit,
    InternetArchive,
    Item,
    plain,
    proper_identifier,
    refused,
)
from adapters.indexers.text import clean_title, fingerprint, public_address
from domain.errors import Failure, Permanent, Transient
from domain.names import Likeness, last_first, same_people, same_title
from domain.releases import Payload, Release
from domain.titles import AUDIO_FORMATS
from domain.wanted_files import chosen

PUBLIC = "https://librivox.org/api/feed"
PAGE = 50
MOST_PAGES = 3
MOST_RECORDS = 5
"""Records of items that one search asks for: each is a request of its own."""
NEWEST = timedelta(days=14)
MOST_READERS = 4
"""Named one by one; more of them are a group."""

T = TypeVar("T")
Many = list[T] | dict[str, T] | None
"""PHP writes a list with a gap as an object."""

_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)
_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_VERSION = re.compile(r"\bversion\s+0*([1-9][0-9]?)\b", re.IGNORECASE)
_DRAMATIC = re.compile(r"\bdramatic reading\b", re.IGNORECASE)
_NOBLE = re.compile(r",\s*(?:Sir|Dame|Lord|Lady|Baron|Baroness|Count|Countess|Dr\.?|Rev\.?)$", re.IGNORECASE)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One recording as the catalogue lists it, or as a search of the Archive found it."""

    title: str
    identifier: str | None = None
    """Of its item at the Archive; None while the recording is not finished."""
    authors: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    """In the order of the chapters; empty where it is not said."""
    language: str | None = None
    seconds: int | None = None
    page: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.identifier is not None and self.seconds is not None


class _Person(msgspec.Struct, frozen=True):
    first_name: str | None = None
    last_name: str | None = None


class _Reader(msgspec.Struct, frozen=True):
    display_name: str | None = None


class _Section(msgspec.Struct, frozen=True):
    readers: Many[_Reader] = None


class _Row(msgspec.Struct, frozen=True):
    """One entry of `books`; numbers are mostly text."""

    title: str
    language: str | None = None
    totaltimesecs: int | str | None = None
    url_iarchive: str | None = None
    url_zip_file: str | None = None
    url_librivox: str | None = None
    authors: Many[_Person] = None
    sections: Many[_Section] = None


class LibriVox:
    """Searches LibriVox' catalogue, and the Internet Archive's own search where that finds nothing or does not answer.

    `Release.tracker` says which of the two answered. Titles are rewritten in the words that releases use: `(Version 2)`
    is another recording of the same work, hence `(2nd Edition)`; a `(dramatic reading)` is `(Dramatized)`.
    """

    def __init__(
        self,
        name: str,
        *,
        librivox_url: str = PUBLIC,
        archive_url: str = HOME,
        http: httpx.AsyncClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap_s: float = 1.0,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint(librivox_url, archive_url)
        self._url = librivox_url.rstrip("/")
        self._now = now
        self._asking = Asking("LibriVox", "", http=http, now=now, sleep=sleep, gap_s=gap_s)
        self._archive = InternetArchive(archive_url, http=http, now=now, sleep=sleep, gap_s=gap_s)

    def __repr__(self) -> str:
        return f"LibriVox({self.name!r})"

    async def search(self, query: Asked) -> tuple[Release, ...]:
        """The recordings that can be had as a torrent, the `MOST_RECORDS` likeliest; without a question the newest.

        `Transient` or `Permanent` when neither LibriVox nor the Archive answered, and also when only one of them did
        and knew nothing: half an answer is no empty one.
        """
        title, author = one_line(query.title or query.text), one_line(query.author or "")
        if (title or author) and not plain(f"{title} {author}"):
            return ()
        trouble: Failure | None = None
        found: Sequence[Entry] = ()
        try:
            found = [entry for entry in await self._listed(title, author) if entry.is_finished]
        except (Transient, Permanent) as failure:
            trouble = failure
        if found or (trouble is None and not title and not author):
            return await self._releases(_likeliest(found, title, author), tracker="LibriVox")
        releases = await self._from_archive(title, author, trouble)
        if trouble is not None and not releases:
            raise trouble
        return releases

    async def fetch(self, release: Release) -> Payload:
        """The torrent of a recording, with one set of its files wanted. An item that was rebuilt since the search has
        another infohash and the same recording, so that is no objection. `Unfit` ReleaseGone, ReleaseUnfetchable;
        `Conflict` ReleaseNotListed when the release is none of ours.
        """
        kind, _, identifier = (release.tracker_id or "").partition("/")
        if kind != "ia" or proper_identifier(identifier) is None:
            raise self._asking.not_listed(release)
        return await self._archive.torrent(identifier)

    async def account(self) -> None:
        """Nobody needs one."""
        return

    # LibriVox

    async def _listed(self, title: str, author: str) -> tuple[Entry, ...]:
        """By the beginning of the title, else by the author, else what was catalogued lately."""
        if title:
            # The leading article is kept apart from the title that `^` looks into.
            return await self._pages({"title": f"^{_ARTICLE.sub('', title)}", "extended": "1"})
        if author:
            return await self._of_author(author)
        since = self._now() - NEWEST
        return await self._pages({"since": str(int(since.timestamp())), "extended": "1"})

    async def _of_author(self, author: str) -> tuple[Entry, ...]:
        """LibriVox wants the last name, exactly; whether `von` belongs to it only trying tells."""
        surname = last_first(author).partition(",")[0]
        for name in dict.fromkeys((surname, surname.split()[-1])):
            if found := await self._pages({"author": name, "extended": "1"}):
                return found
        return ()

    async def _pages(self, question: dict[str, str]) -> tuple[Entry, ...]:
        found: list[Entry] = []
        for number in range(MOST_PAGES):
            params = {"format": "json", **question, "limit": str(PAGE), "offset": str(number * PAGE)}
            page = await self._page(params)
            found += page
            if len(page) < PAGE:
                break
        return tuple(dict.fromkeys(found))

    async def _page(self, params: dict[str, str]) -> list[Entry]:
        reply = await self._asking.get(f"{self._url}/audiobooks", params)
        if reply.status in (401, 403):
            raise refused("LibriVox", reply)
        if reply.status != 404:
            self._asking.refuse(reply)
        try:
            told = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._asking.unreadable("something that is not JSON, or only a part of it") from None
        return self._entries(told, reply.status)

    def _entries(self, told: object, status: int) -> list[Entry]:
        """LibriVox says 404 where it has nothing, and in other words where it did not understand."""
        match told:
            case {"error": str(words)} if status == 404 and "could not be found" in words:
                return []
            case {"error": words}:
                raise self._asking.bad_request(str(words))
            case {"books": list() | dict() as books} if status == 200:
                rows = _listing(books)
                entries = [entry for entry in map(_entry, rows) if entry is not None]
                if entries or not rows:
                    return entries
        raise self._asking.unreadable("an answer without a list of books")

    # The Internet Archive

    async def _from_archive(self, title: str, author: str, trouble: Failure | None) -> tuple[Release, ...]:
        """The second step. What it finds while LibriVox is silent carries that as a warning."""
        surname = last_first(author).partition(",")[0] if author else ""
        warnings = (f"LibriVox did not answer ({trouble.code}): found by the Internet Archive.",) if trouble else ()
        try:
            hits = await self._archive.search(title=_ARTICLE.sub("", title), author=surname)
            entries = [_entry_of(hit) for hit in hits]
            return await self._releases(
                _likeliest(entries, title, author), tracker="Internet Archive", warnings=warnings
            )
        except (Transient, Permanent) as failure:
            if trouble is None:
                raise
            raise _both(trouble, failure) from None

    async def _releases(
        self, entries: Iterable[Entry], *, tracker: str, warnings: tuple[str, ...] = ()
    ) -> tuple[Release, ...]:
        """Those whose item has a torrent that everybody may have. A record that is known is not asked for again."""
        releases: dict[str, Release] = {}
        left = MOST_RECORDS
        for entry in entries:
            identifier = entry.identifier or ""
            if not self._archive.knows(identifier):
                left -= 1
            if left < 0 or not identifier:
                continue
            item = await self._archive.item(identifier)
            release = item and self._release(entry, item, tracker, warnings)
            if release:
                releases[release.id] = release
        return tuple(releases.values())

    def _release(self, entry: Entry, item: Item, tracker: str, warnings: tuple[str, ...]) -> Release | None:
        files = item.torrent_files
        paths = frozenset(chosen(files))
        wanted = [file for file in files if file.path in paths]
        audio = [file for file in wanted if file.extension in AUDIO_FORMATS]
        if item.infohash is None or not item.is_free or not audio:
            return None
        authors = entry.authors or item.creators
        return Release(
            id=release_id(self.name, f"ia/{item.identifier}"),
            indexer=self.name,
            title=release_title(entry.title, authors),
            authors=authors or None,
            narrators=_voices(entry.readers),
            language=entry.language or item.language,
            filetypes=tuple(dict.fromkeys(file.extension for file in audio)),
            category="Audiobooks",
            categories=(3030,),
            tags=_length(entry.seconds or item.runtime_s),
            size_bytes=sum(file.size_bytes for file in wanted) if all(file.size_bytes for file in audio) else None,
            files=len(wanted),
            published_at=item.published_at,
            infohash=item.infohash,
            download_factor=0.0,
            min_ratio=0.0,
            min_seed_s=0,
            tracker=tracker,
            tracker_id=f"ia/{item.identifier}",
            whole=False,
            info_url=entry.page or f"https://archive.org/details/{item.identifier}",
            warnings=warnings,
        )


def release_title(title: str, authors: Sequence[str] = ()) -> str:
    """`Title (marks) by Author`, the marks in words that releases use; other remarks stay as they are."""
    marks: list[str] = []

    def remark(found: re.Match[str]) -> str:
        marks.extend(f"({_ordinal(int(number))} Edition)" for number in _VERSION.findall(found[1]))
        marks.extend("(Dramatized)" for _ in _DRAMATIC.findall(found[1]))
        rest = _DRAMATIC.sub("", _VERSION.sub("", found[1])).strip(" ,;:/-")
        return f" ({rest})" if rest else ""

    bare = _BRACKET.sub(remark, re.sub(rf"[\s,;:-]+({_VERSION.pattern})$", r" (\1)", title, flags=re.IGNORECASE))
    by = f"by {', '.join(authors[:3])}" if authors else ""
    return " ".join(filter(None, (bare.strip(), *dict.fromkeys(marks), by)))


def _ordinal(number: int) -> str:
    teens = number in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _voices(readers: Sequence[str]) -> tuple[str, ...] | None:
    """A group where many take turns; None where nobody is named."""
    return (tuple(readers) if len(readers) <= MOST_READERS else ("Various",)) or None


def _length(seconds: int | None) -> str | None:
    """`7h 23m`."""
    return f"{seconds // 3600}h {seconds // 60 % 60:02}m" if seconds else None


def _likeliest(entries: Sequence[Entry], title: str, author: str) -> list[Entry]:
    """Those nearest to the question first; the order of the source where they are equally near."""
    steps = {Likeness.SAME: 0, Likeness.UNSURE: 1, Likeness.DIFFERENT: 2}

    def distance(entry: Entry) -> tuple[int, int]:
        by_title = steps[same_title(_BRACKET.sub("", entry.title), title, authors=entry.authors)] if title else 0
        by_author = steps[same_people((author,), entry.authors)] if author and entry.authors else 1
        return by_title, by_author

    return sorted(entries, key=distance)


def _both(trouble: Failure, failure: Failure) -> Failure:
    """Neither answered: hopeless only where both are."""
    words = f"{trouble.message} {failure.message}"
    if isinstance(trouble, Permanent) and isinstance(failure, Permanent):
        return Permanent(words, code=trouble.code)
    rests = [one.retry_after_s for one in (trouble, failure) if isinstance(one, Transient) and one.retry_after_s]
    one = trouble if isinstance(trouble, Transient) else failure
    return Transient(words, code=one.code, retry_after_s=max(rests, default=None))


# Reading


def _listing(several: Many[T]) -> list[T]:
    return list(several.values()) if isinstance(several, dict) else several or []


def _entry(row: object) -> Entry | None:
    """None for what is no book."""
    try:
        told = msgspec.convert(row, _Row)
    except msgspec.ValidationError:
        return None
    if not (title := clean_title(told.title)):
        return None
    return Entry(
        title=title,
        identifier=_identifier(told.url_iarchive) or _identifier(told.url_zip_file),
        authors=tuple(filter(None, map(_name, _listing(told.authors)))),
        readers=_readers(told.sections),
        language=clean_title(told.language or "") or None,
        seconds=_seconds(told.totaltimesecs),
        page=public_address(told.url_librivox or ""),
    )


def _entry_of(hit: Hit) -> Entry:
    return Entry(title=hit.title, identifier=hit.identifier, authors=hit.creators)


def _identifier(url: str | None) -> str | None:
    """Of `https://www.archive.org/details/{identifier}` and `…/download/{identifier}/{file}`."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    found = re.match(r"/(?:details|download)/([^/]+)", parts.path)
    return proper_identifier(found[1]) if found else None


def _name(person: _Person) -> str:
    """`Arthur Conan, Sir` and `Doyle` are Arthur Conan Doyle."""
    return clean_title(f"{_NOBLE.sub('', (person.first_name or '').strip())} {person.last_name or ''}")


def _readers(sections: Many[_Section]) -> tuple[str, ...]:
    names = (
        clean_title(reader.display_name or "") for section in _listing(sections) for reader in _listing(section.readers)
    )
    return tuple(dict.fromkeys(filter(None, names)))


def _seconds(stated: int | str | None) -> int | None:
    text = str(stated)
    return int(text) or None if re.fullmatch(r"[0-9]{1,8}", text) else None
