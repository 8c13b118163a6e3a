"""A stand-in for a Torznab indexer: as fuzzy as the real ones, with capabilities, pages, errors and downloads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape, quoteattr

import msgspec

from adapters.sandbox.faults import Faults, Receive, Scope, Send

PAGE_SIZE = 100
CATEGORIES = {3000: "Audio", 3030: "Audio/Audiobook", 7000: "Books", 7020: "Books/EBook"}
TRACKER = "https://tracker.example/t"
UNTOLD = frozenset(("a", "an", "and", "by", "der", "die", "in", "of", "the", "to", "von"))
"""Words that every title has: they find nothing."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the indexer. `None` is a value that it does not state."""

    guid: str
    title: str
    size_bytes: int | None = None
    seeders: int | None = None
    leechers: int | None = 0
    categories: tuple[int, ...] = (3030,)
    attrs: Mapping[str, str] = {}
    """Further torznab attributes: author, booktitle, language, infohash, minimumseedtime, downloadvolumefactor."""
    published_at: datetime = datetime(2025, 11, 20, 10, tzinfo=UTC)
    torrent: bytes | None = None
    """What the download link gives; None together with no magnet is a link that is gone."""
    magnet: str | None = None
    """Where the download link redirects to instead."""
    label: str = "right"
    """What it really is: `right`, or the kind of decoy."""
    volume: int | None = None
    """The volume it is, or would be taken for."""


Answer = tuple[int, str, bytes, Mapping[str, str]]
"""Status, content type, body, further headers."""


def create_app(offers: Sequence[Offer], *, api_key: str) -> Faults:
    """The indexer behind `/api`. `offers` is read at each request, so that a test may add to it while it runs."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        params = {key.lower(): value for key, value in parse_qsl(scope["query_string"].decode("latin-1"))}
        status, kind, body, headers = _answer(scope, params, offers, api_key)
        raw = {"content-type": kind, "content-length": str(len(body)), **headers}
        encoded = [(key.encode(), value.encode("latin-1")) for key, value in raw.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    return Faults(app)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _answer(scope: Scope, params: Mapping[str, str], offers: Sequence[Offer], api_key: str) -> Answer:
    path = scope["path"]
    if path != "/api" and not path.startswith("/download/"):
        return 404, "text/plain", b"Not found", {}
    if params.get("t") == "caps" and path == "/api":
        return _xml(_caps())
    if params.get("apikey") != api_key:
        return _error(100, "Incorrect user credentials")
    if path.startswith("/download/"):
        return _download(path.removeprefix("/download/"), offers)
    match params.get("t"):
        case None | "":
            return _error(200, "Missing parameter (t)")
        case "search" | "book":
            return _search(params, offers, _base(scope), api_key)
        case _:
            return _error(202, "No such function")


def _base(scope: Scope) -> str:
    """The address that the caller used: links are built from it, as real indexers do."""
    host = next((value.decode() for key, value in scope["headers"] if key == b"host"), "127.0.0.1")
    return f"{scope.get('scheme', 'http')}://{host}"


def _download(guid: str, offers: Sequence[Offer]) -> Answer:
    offer = next((offer for offer in offers if offer.guid == guid), None)
    if offer is not None and offer.magnet:
        return 301, "text/plain", b"", {"location": offer.magnet}
    if offer is None or offer.torrent is None:
        return _error(300, "No such item")
    return 200, "application/x-bittorrent", offer.torrent, {"content-disposition": "attachment; filename=a.torrent"}


# Searching


def _search(params: Mapping[str, str], offers: Sequence[Offer], base: str, api_key: str) -> Answer:
    asked = " ".join(params.get(name, "") for name in ("q", "author", "title"))
    limit, offset = _number(params.get("limit"), PAGE_SIZE), _number(params.get("offset"), 0)
    found = _ranked(_words(asked), _in_categories(params.get("cat", ""), offers))
    page = found[offset : offset + min(limit, PAGE_SIZE)]
    items = "".join(_item(offer, base, api_key) for offer in page)
    return _xml(
        '<rss version="2.0" xmlns:torznab="http://torznab.com/schemas/2015/feed"'
        ' xmlns:newznab="http://www.newznab.com/DTD/2010/feeds/attributes/"><channel><title>Sandbox</title>'
        f'<newznab:response offset="{offset}" total="{len(found)}"/>{items}</channel></rss>'
    )


def _in_categories(stated: str, offers: Sequence[Offer]) -> list[Offer]:
    """Unknown ids are ignored; a parent stands for its children; only unknown ids find nothing."""
    asked = {int(number) for number in stated.split(",") if number.isdigit()}
    if not asked:
        return list(offers)
    known = asked & CATEGORIES.keys()
    return [
        offer for offer in offers if known & {part for own in offer.categories for part in (own, own // 1000 * 1000)}
    ]


def _ranked(words: set[str], offers: Sequence[Offer]) -> list[Offer]:
    """Whatever shares one telling word, the most words first. Without words: the newest."""
    if not words:
        return sorted(offers, key=lambda offer: offer.published_at, reverse=True)
    shared = [(len(words & _words(f"{offer.title} {' '.join(offer.attrs.values())}")), offer) for offer in offers]
    found = [(count, offer) for count, offer in shared if count]
    return [offer for _, offer in sorted(found, key=lambda pair: (-pair[0], -(pair[1].seeders or 0)))]


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return set(re.findall(r"[a-z0-9]+", plain)) - UNTOLD


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


# Documents


def _item(offer: Offer, base: str, api_key: str) -> str:
    link = f"{base}/download/{quote(offer.guid, safe='')}?{urlencode({'apikey': api_key})}"
    stated = {
        "size": offer.size_bytes,
        "seeders": offer.seeders,
        "leechers": offer.leechers,
        "peers": None if offer.seeders is None or offer.leechers is None else offer.seeders + offer.leechers,
        **offer.attrs,
    }
    attrs = [("category", number) for number in offer.categories] + list(stated.items())
    told = "".join(
        f"<torznab:attr name={quoteattr(name)} value={quoteattr(str(value))}/>"
        for name, value in attrs
        if value is not None
    )
    length = f' length="{offer.size_bytes}"' if offer.size_bytes is not None else ""
    # The guid is the tracker's own address, the link is the indexer's: only the second one moves with the port.
    guid = f"{TRACKER}/{quote(offer.guid, safe='')}"
    return (
        f"<item><title>{escape(offer.title)}</title><guid>{escape(guid)}</guid><link>{escape(link)}</link>"
        f"<pubDate>{format_datetime(offer.published_at)}</pubDate>"
        f'<enclosure url={quoteattr(link)}{length} type="application/x-bittorrent"/>{told}</item>'
    )


def _caps() -> str:
    listed = "".join(
        f'<category id="{top}" name="{CATEGORIES[top]}"><subcat id="{sub}" name="{CATEGORIES[sub]}"/></category>'
        for top, sub in ((3000, 3030), (7000, 7020))
    )
    return (
        f'<caps><server title="Sandbox"/><limits max="{PAGE_SIZE}" default="{PAGE_SIZE}"/><searching>'
        '<search available="yes" supportedParams="q"/>'
        '<book-search available="yes" supportedParams="q,author,title"/>'
        f"</searching><categories>{listed}</categories></caps>"
    )


def _error(code: int, description: str) -> Answer:
    return _xml(f"<error code={quoteattr(str(code))} description={quoteattr(description)}/>")


def _xml(document: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
    return 200, "application/rss+xml; charset=utf-8", body, {}
