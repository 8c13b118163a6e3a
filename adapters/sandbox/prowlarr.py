"""A stand-in for Prowlarr: several trackers behind one API, with feeds, pauses, limits and signed download links.

As the real one, it hides a tracker that fails behind a list without its rows, and only `indexerstatus` tells.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape, quoteattr

import msgspec

from adapters.sandbox.faults import Faults, Receive, Scope, Send
from adapters.sandbox.torznab import (
    CATEGORIES,
    PAGE_SIZE,
    TRACKER,
    Answer,
    Offer,
    _base,
    _caps,
    _error,
    _in_categories,
    _lifespan,
    _number,
    _ranked,
    _words,
    _xml,
)

MAM = "MyAnonamouse"
MAM_PAGE = "https://www.myanonamouse.net/t"
VERSION = "2.3.6.0"
FIRST_PAUSE = timedelta(minutes=1)

Params = list[tuple[str, str]]


class StandIn(Faults):
    """The server; what happens to its trackers, by name, may be changed while it runs. Ids count from 1."""

    def __init__(self, offers_by_indexer: Mapping[str, Sequence[Offer]], api_key: str, url_base: str) -> None:
        super().__init__(self._serve)
        self.offers = offers_by_indexer
        self.paused: dict[str, datetime] = {}
        """Until when a tracker is left alone after failures."""
        self.failing: set[str] = set()
        """Trackers that fail when they are asked: the answer is empty, and they are paused from then on."""
        self.counted: set[str] = set()
        """Trackers with a limit of queries in their settings."""
        self.limited: set[str] = set()
        """Trackers with a limit whose queries are used up: their lists are empty, their feeds say 429."""
        self.disabled: set[str] = set()
        self._api_key = api_key
        self._url_base = url_base.rstrip("/")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        params = parse_qsl(scope["query_string"].decode("latin-1"))
        status, kind, body, headers = self._answer(scope, params)
        raw = {"content-type": kind, "content-length": str(len(body)), **headers}
        encoded = [(key.encode(), value.encode("latin-1")) for key, value in raw.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope, params: Params) -> Answer:
        path = scope["path"]
        if not path.startswith(self._url_base + "/"):
            return 307, "text/plain", b"", {"location": f"{self._url_base}{path}"}
        path = path.removeprefix(self._url_base)
        if not self._knows(scope, params):
            return 401, "text/plain", b"", {}
        base = _base(scope) + self._url_base
        if found := re.fullmatch(r"/(\d+)/(api|download)", path):
            return self._of_indexer(int(found[1]), found[2], params, base)
        match path:
            case "/api/v1/system/status":
                return _json({"appName": "Prowlarr", "version": VERSION, "urlBase": self._url_base})
            case "/api/v1/indexer":
                return _json([self._resource(number, name) for number, name in self._named.items()])
            case "/api/v1/indexerstatus":
                return _json(self._statuses())
            case "/api/v1/health":
                return _json(self._health())
            case "/api/v1/search":
                return self._search(params, base)
            case _:
                return 200, "text/html", b"<!doctype html><html><title>Prowlarr</title></html>", {}

    def _knows(self, scope: Scope, params: Params) -> bool:
        stated = dict(params).get("apikey")
        header = next((value.decode() for key, value in scope["headers"] if key.lower() == b"x-api-key"), None)
        return self._api_key in (stated, header)

    # Trackers

    @property
    def _named(self) -> dict[int, str]:
        return dict(enumerate(self.offers, start=1))

    def _is_paused(self, name: str) -> bool:
        return name in self.paused and self.paused[name] > datetime.now(UTC)

    def _ask(self, name: str, words: str, categories: str) -> list[Offer]:
        """What the tracker answers; nothing when it fails, which pauses it."""
        if name in self.failing:
            self.paused[name] = datetime.now(UTC) + FIRST_PAUSE
            return []
        return _ranked(_words(words), _in_categories(categories, self.offers[name]))

    def _resource(self, number: int, name: str) -> dict[str, Any]:
        tree = [
            {"id": top, "name": CATEGORIES[top], "subCategories": [{"id": sub, "name": CATEGORIES[sub]}]}
            for top, sub in ((3000, 3030), (7000, 7020))
        ]
        limit = {"name": "baseSettings.queryLimit", **({"value": 100} if name in self.counted | self.limited else {})}
        return {
            "id": number,
            "name": name,
            "implementation": MAM if name == MAM else "Cardigann",
            "enable": name not in self.disabled,
            "protocol": "torrent",
            "supportsRss": True,
            "supportsSearch": True,
            "supportsPagination": name == MAM,
            "capabilities": {"limitsMax": PAGE_SIZE, "categories": tree, "bookSearchParams": ["q"]},
            "fields": [{"name": "apiKey", "value": "********"}, limit],
        }

    def _statuses(self) -> list[dict[str, Any]]:
        numbers = {name: number for number, name in self._named.items()}
        return [
            {"indexerId": numbers[name], "disabledTill": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            for name, until in self.paused.items()
            if self._is_paused(name)
        ]

    def _health(self) -> list[dict[str, Any]]:
        names = ", ".join(filter(self._is_paused, self.paused))
        message = f"Indexers unavailable due to failures: {names}"
        return [{"source": "IndexerStatusCheck", "type": "warning", "message": message}] if names else []

    # Searching

    def _search(self, params: Params, base: str) -> Answer:
        asked = dict(params)
        numbers = [value for key, value in params if key == "indexerIds"]
        if wrong := [value for value in numbers if not value.lstrip("-").isdigit()]:
            return _json({"title": "One or more validation errors occurred.", "errors": {"indexerIds": wrong}}, 400)
        names = [self._named.get(int(number), "") for number in numbers]
        known = [name for name in names or self._named.values() if name and name not in self.disabled]
        awake = [name for name in known if not self._is_paused(name)]
        if numbers and not awake:
            message = f"Search failed due to all selected indexers being unavailable: {', '.join(known)}"
            return _json({"message": message, "content": {}}, 400)
        categories = ",".join(value for key, value in params if key == "categories")
        words = re.sub(r"\{\w+:|\}", " ", asked.get("query", ""))
        rows = [
            self._row(name, offer, base)
            for name in awake
            if name not in self.limited
            for offer in self._page(name, self._ask(name, words, categories), asked)
        ]
        return _json(rows)

    def _page(self, name: str, found: Sequence[Offer], asked: Mapping[str, str]) -> Sequence[Offer]:
        limit, offset = _number(asked.get("limit"), PAGE_SIZE), _number(asked.get("offset"), 0)
        return found[offset : offset + min(limit or PAGE_SIZE, PAGE_SIZE)] if name == MAM or not offset else []

    def _row(self, name: str, offer: Offer, base: str) -> dict[str, Any]:
        stated = {
            "guid": _page_of(name, offer),
            "title": offer.title,
            "size": offer.size_bytes or 0,
            "indexerId": self._id(name),
            "indexer": name,
            "publishDate": f"{offer.published_at:%Y-%m-%dT%H:%M:%SZ}",
            "infoUrl": _page_of(name, offer),
            "indexerFlags": ["freeleech"] if offer.attrs.get("downloadvolumefactor") == "0" else [],
            "categories": [{"id": number, "name": CATEGORIES.get(number, "")} for number in offer.categories],
            "infoHash": offer.attrs.get("infohash"),
            "seeders": offer.seeders,
            "leechers": offer.leechers if offer.seeders is not None else None,
            "protocol": "torrent",
            "magnetUrl" if offer.magnet else "downloadUrl": self._link(name, offer, base),
        }
        return {key: value for key, value in stated.items() if value is not None}

    def _id(self, name: str) -> int:
        return next(number for number, known in self._named.items() if known == name)

    def _link(self, name: str, offer: Offer, base: str) -> str:
        signed = base64.b64encode(offer.guid.encode()).decode()
        return f"{base}/{self._id(name)}/download?" + urlencode(
            {"apikey": self._api_key, "link": signed, "file": offer.title}
        )

    # Feeds and downloads

    def _of_indexer(self, number: int, what: str, params: Params, base: str) -> Answer:
        name, asked = self._named.get(number), dict(params)
        if name is None:
            return _json({"message": "Indexer Not Found"}, 404)
        if name in self.disabled:
            return _refusal(410, "Indexer is disabled")
        if self._is_paused(name):
            rest_s = int((self.paused[name] - datetime.now(UTC)).total_seconds())
            words = f"Indexer is disabled till {self.paused[name]:%m/%d/%Y %H:%M:%S} due to recent failures."
            return _refusal(429, words, {"retry-after": str(rest_s)})
        if what == "download":
            return self._download(name, asked)
        if name in self.limited:
            words = "User configurable Indexer Query Limit of 100 in last 24 hour(s) reached."
            return _refusal(429, words, {"retry-after": "1800"})
        match asked.get("t"):
            case None | "":
                return _refusal(400, "Missing parameter (t)", code=200)
            case "caps":
                return _xml(_caps())
            case "search" | "book":
                return self._feed(name, asked, base)
            case function:
                return _refusal(400, f"No such function ({function})", code=202)

    def _feed(self, name: str, asked: Mapping[str, str], base: str) -> Answer:
        words = " ".join(asked.get(field, "") for field in ("q", "author", "title"))
        found = self._ask(name, words, asked.get("cat", ""))
        items = "".join(self._item(name, offer, base) for offer in self._page(name, found, asked))
        return _xml(
            '<rss version="1.0" xmlns:torznab="http://torznab.com/schemas/2015/feed">'
            f"<channel><title>Prowlarr</title>{items}</channel></rss>"
        )

    def _item(self, name: str, offer: Offer, base: str) -> str:
        link, page = self._link(name, offer, base), _page_of(name, offer)
        peers = None if offer.seeders is None else offer.seeders + (offer.leechers or 0)
        filed = (("category", number) for number in offer.categories)
        stated = (*filed, ("seeders", offer.seeders), ("peers", peers), *offer.attrs.items())
        told = "".join(
            f"<torznab:attr name={quoteattr(key)} value={quoteattr(str(value))}/>"
            for key, value in stated
            if value is not None
        )
        size = "" if offer.size_bytes is None else str(offer.size_bytes)
        return (
            f"<item><title>{escape(offer.title)}</title><guid>{escape(page)}</guid><comments>{escape(page)}</comments>"
            f'<prowlarrindexer id="{self._id(name)}" type="private">{escape(name)}</prowlarrindexer>'
            f"<pubDate>{format_datetime(offer.published_at)}</pubDate><size>{size}</size><link>{escape(link)}</link>"
            f'<enclosure url={quoteattr(link)} length={quoteattr(size)} type="application/x-bittorrent"/>{told}</item>'
        )

    def _download(self, name: str, asked: Mapping[str, str]) -> Answer:
        signed = asked.get("link", "")
        offers = {base64.b64encode(offer.guid.encode()).decode(): offer for offer in self.offers[name]}
        if not asked.get("file") or not signed:
            return _json({"message": "Invalid Prowlarr link"}, 400)
        offer = offers.get(signed)
        if offer is not None and offer.magnet:
            return 301, "text/plain", b"", {"location": offer.magnet}
        if offer is None or offer.torrent is None:
            return _refusal(410, "Download failed")
        return 200, "application/x-bittorrent", offer.torrent, {"content-disposition": "attachment; filename=a.torrent"}


def create_app(offers_by_indexer: Mapping[str, Sequence[Offer]], *, api_key: str, url_base: str = "") -> StandIn:
    """The server behind `url_base`. The offers of each tracker are read at each request, so that a test may add to
    them; the tracker called `MyAnonamouse` is that one, and its offers' guids are its numbers.
    """
    return StandIn(offers_by_indexer, api_key, url_base)


def _page_of(name: str, offer: Offer) -> str:
    """The tracker's own page of the release."""
    return f"{MAM_PAGE if name == MAM else TRACKER}/{quote(offer.guid, safe='')}"


def _json(document: object, status: int = 200) -> Answer:
    return status, "application/json; charset=utf-8", msgspec.json.encode(document), {}


def _refusal(status: int, words: str, headers: Mapping[str, str] | None = None, *, code: int | None = None) -> Answer:
    _, kind, body, _ = _error(code or status, words)
    return status, kind, body, headers or {}
