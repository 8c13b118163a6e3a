"""The Internet Archive: its search, its records of items, their torrents. The only module that speaks its formats."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from adapters.indexers.asking import Asking, Params, Reply
from adapters.indexers.text import clean_title
from domain.errors import Permanent, Transient, Unfit
from domain.releases import Payload, TorrentFile
from domain.wanted_files import left_out

HOME = "https://archive.org"
COLLECTION = "librivoxaudio"
ROWS = 50
MOST_ITEMS = 1_000
ITEM_AGE = timedelta(days=1)
"""How long a record is believed: the newest recordings are asked for every half hour."""
TORRENT_FORMAT = "Archive BitTorrent"

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}", re.ASCII)
_OPERATORS = frozenset({"AND", "OR", "NOT", "TO"})
_FOREVER = re.compile(r"out.of.bounds|syntax|parse|invalid|malformed", re.IGNORECASE)
"""What the search says of a question that it will never answer; everything else may pass."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One item that a search found."""

    identifier: str
    title: str
    creators: tuple[str, ...] = ()


class ItemFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an item."""

    name: str
    format: str = ""
    size_bytes: int | None = None
    btih: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What the Archive's record says of an item."""

    identifier: str
    title: str
    creators: tuple[str, ...] = ()
    language: str | None = None
    """None too where there are several."""
    licence: str | None = None
    """An address."""
    collections: tuple[str, ...] = ()
    runtime_s: int | None = None
    published_at: datetime | None = None
    restricted: bool = False
    files: tuple[ItemFile, ...] = ()

    @property
    def infohash(self) -> str | None:
        """Of its torrent as it was built last; None where there is no torrent."""
        found = (file.btih for file in self.files if file.format == TORRENT_FORMAT)
        return next((btih for btih in found if btih), None)

    @property
    def is_free(self) -> bool:
        """Whether everybody may have it: a LibriVox recording, or under a free licence."""
        return not self.restricted and (COLLECTION in self.collections or _is_free(self.licence))

    @property
    def torrent_files(self) -> tuple[TorrentFile, ...]:
        """As its torrent lists them. A size that is not said counts as nothing."""
        return tuple(
            TorrentFile(path=f"{self.identifier}/{file.name}", size_bytes=file.size_bytes or 0)
            for file in self.files
            if file.format != TORRENT_FORMAT
        )


class InternetArchive:
    """Asks one thing at a time, `gap_s` seconds apart. No account is needed.

    Everything raises `Transient` (IndexerUnreachable, IndexerUnreadable, IndexerRateLimited) where nothing was learnt,
    and `Permanent` (IndexerBadRequest, IndexerRefused) where the Archive does not want the question.
    """

    def __init__(
        self,
        url: str = HOME,
        *,
        http: httpx.AsyncClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap_s: float = 1.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._now = now
        self._asking = Asking("Internet Archive", "", http=http, now=now, sleep=sleep, gap_s=gap_s)
        self._items: dict[str, tuple[Item | None, datetime]] = {}

    async def search(self, *, title: str = "", author: str = "") -> tuple[Hit, ...]:
        """LibriVox recordings with all these words in title and creator, fifty at most; without words the newest."""
        words = {"title": plain(title), "creator": plain(author)}
        stated = [f"{field}:({text})" for field, text in words.items() if text]
        query = " AND ".join([f"collection:{COLLECTION}", *stated])
        fields = [("fl[]", field) for field in ("identifier", "title", "creator", "btih", "item_size")]
        newest = [] if stated else [("sort[]", "publicdate desc")]
        page = [("rows", str(ROWS)), ("page", "1"), ("output", "json")]
        found = await self._json("/advancedsearch.php", [("q", query), *fields, *newest, *page])
        match found:
            case {"response": {"docs": list(docs), "numFound": int(count)}}:
                hits = tuple(hit for hit in map(_hit, docs) if hit is not None)
                if hits or not count:
                    return hits
            case {"error": error}:
                raise self._said(str(error))
        raise self._asking.unreadable("an answer without a list of items")

    async def item(self, identifier: str) -> Item | None:
        """The record of one item, at most a day old; None where the Archive has no such item, or not any more."""
        known = self._items.get(identifier)
        if known is not None and self._now() - known[1] < ITEM_AGE:
            return known[0]
        item = self.read_item(await self._json(f"/metadata/{_proper(identifier)}"), identifier)
        self._items[identifier] = item, self._now()
        while len(self._items) > MOST_ITEMS:
            self._items.pop(next(iter(self._items)))
        return item

    def knows(self, identifier: str) -> bool:
        """Whether `item` answers without asking."""
        known = self._items.get(identifier)
        return known is not None and self._now() - known[1] < ITEM_AGE

    async def torrent(self, identifier: str) -> Payload:
        """The item's torrent, with one set of recordings wanted. It is built anew whenever the item changes, so its
        infohash may be another one than the record said. `Unfit` ReleaseGone, ReleaseUnfetchable.
        """
        name = _proper(identifier)
        payload = await self._asking.resolve(
            f"{self._url}/download/{name}/{name}_archive.torrent", check=self._refuse_download
        )
        if payload.files is None:
            raise Unfit(f"The Internet Archive gave no torrent for {name}.", code="ReleaseUnfetchable")
        unwanted = frozenset(left_out(payload.files))
        return msgspec.structs.replace(
            payload,
            files=tuple(file for file in payload.files if file.path not in unwanted),
            unwanted=tuple(file.path for file in payload.files if file.path in unwanted),
        )

    def read_item(self, record: object, identifier: str) -> Item | None:
        """What a record says; None for the Archive's several ways of saying that there is none."""
        match record:
            case {"error": error}:
                if re.search(r"couldn't locate|not found|does not exist", str(error), re.IGNORECASE):
                    return None
                raise self._said(str(error))
            case {"is_dark": True} | []:
                return None
            case {"metadata": dict(told), "files": list(files)}:
                return _item(told, files, identifier)
            case dict() if not record:
                return None
        raise self._asking.unreadable("a record without its files")

    # Asking

    async def _json(self, path: str, params: Params | None = None) -> object:
        reply = await self._asking.get(self._url + path, params)
        if reply.status in (401, 403):
            raise refused("The Internet Archive", reply)
        self._asking.refuse(reply)
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._asking.unreadable("something that is not JSON, or only a part of it") from None

    def _said(self, words: str) -> Permanent | Transient:
        if _FOREVER.search(words):
            return self._asking.bad_request(words)
        return self._asking.unreadable(f"an error: {self._asking.quoted(words)}")

    def _refuse_download(self, reply: Reply) -> None:
        if reply.status in (401, 403):
            raise Unfit("The Internet Archive does not give this item to everybody.", code="ReleaseGone")


def refused(name: str, reply: Reply) -> Permanent:
    """No key is involved: it is us, or the address that we come from, whom the server does not want."""
    return Permanent(
        f"{name} refuses to answer (status {reply.status}): open its address in a browser to see why.",
        code="IndexerRefused",
    )


def proper_identifier(text: str) -> str | None:
    """The text, where it can be the name of an item."""
    return text if _IDENTIFIER.fullmatch(text) else None


def plain(text: str) -> str:
    """The words without whatever the search language understands: punctuation, and operators in capitals."""
    words = re.findall(r"[^\W_]+", re.sub(r"['’]s\b|['’]", "", clean_title(text)[:300]))
    return " ".join(word.lower() if word in _OPERATORS else word for word in words)


def _proper(identifier: str) -> str:
    if proper_identifier(identifier) is None:
        raise Unfit("This is no name of an item at the Internet Archive.", code="ReleaseGone")
    return identifier


def _is_free(licence: str | None) -> bool:
    """Public domain, or one of Creative Commons."""
    parts = urlsplit(licence or "")
    host = (parts.hostname or "").removeprefix("www.")
    return host == "creativecommons.org" and parts.path.startswith(("/publicdomain/", "/licenses/"))


# Reading: fields are text, or a list, or absent


def _texts(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    texts = (clean_title(str(one)) for one in several[:50] if isinstance(one, str | int))
    return tuple(text for text in texts if text)


def _text(value: object) -> str:
    return next(iter(_texts(value)), "")


def _whole(value: object) -> int | None:
    text = _text(value)
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def _hit(doc: object) -> Hit | None:
    if not isinstance(doc, dict):
        return None
    identifier, title = proper_identifier(_text(doc.get("identifier"))), _text(doc.get("title"))
    return (
        Hit(identifier=identifier, title=title, creators=_texts(doc.get("creator"))) if identifier and title else None
    )


def _item(told: dict[str, Any], files: Sequence[object], identifier: str) -> Item:
    languages = _texts(told.get("language"))
    return Item(
        identifier=identifier,
        title=_text(told.get("title")),
        creators=_texts(told.get("creator")),
        language=languages[0] if len(languages) == 1 else None,
        licence=_text(told.get("licenseurl")) or None,
        collections=_texts(told.get("collection")),
        runtime_s=_seconds(_text(told.get("runtime"))),
        published_at=_moment(_text(told.get("publicdate"))),
        restricted=_text(told.get("access-restricted-item")).casefold() == "true",
        files=tuple(file for file in map(_file, files) if file is not None),
    )


def _file(told: object) -> ItemFile | None:
    if not isinstance(told, dict) or not isinstance(name := told.get("name"), str) or not name:
        return None
    btih = _text(told.get("btih")).lower()
    return ItemFile(
        name=name,
        format=_text(told.get("format")),
        size_bytes=_whole(told.get("size")),
        btih=btih if re.fullmatch(r"[0-9a-f]{40}", btih) else None,
    )


def _seconds(runtime: str) -> int | None:
    """`4:05:11`, `08:41`."""
    if not re.fullmatch(r"[0-9]{1,4}(?::[0-5]?[0-9]){1,2}", runtime):
        return None
    seconds = 0
    for part in runtime.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds or None


def _moment(text: str) -> datetime | None:
    """`2010-01-02 03:04:05`, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
