"""One Torznab indexer (Jackett, a Prowlarr feed, a tracker's own). The only module that speaks its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar
from urllib.parse import quote_plus, urljoin

import httpx
import msgspec

from adapters.http import keep_addresses_out_of_logs
from adapters.indexers import feed
from adapters.indexers.text import clean_title, fingerprint, quoted
from adapters.torrents import read_magnet, read_torrent
from domain.errors import Conflict, Failure, Permanent, Transient, Unfit
from domain.releases import Payload, Release

MAX_BODY_BYTES = 20 * 1024 * 1024
MAX_PAGES = 5
MAX_ROWS = 100
"""Asked for at a time, also where the indexer allows more."""
MAX_HOPS = 2
MAX_LINKS = 20_000
CAPS_AGE = timedelta(days=7)
REPLY_S = 90.0
"""A whole reply must be here by then, however slowly it drips."""
LIMIT_REST_S = 3600.0
LONGEST_REST_S = 7 * 86_400.0

T = TypeVar("T")
_LIMIT = re.compile(r"\blimit\b.{0,100}\breached|past unsatisfied limit|too many requests", re.IGNORECASE | re.DOTALL)


class Asked(Protocol):
    """The question as the loop puts it; an empty one asks for the newest."""

    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def author(self) -> str | None: ...


class _Words(msgspec.Struct, frozen=True):
    """A question in one line."""

    text: str
    title: str | None = None
    author: str | None = None


class _Reply(msgspec.Struct, frozen=True):
    status: int
    headers: httpx.Headers
    body: bytes


class Torznab:
    """Searches one indexer and fetches what it offers, one request at a time and `gap_s` seconds apart.

    `url` is the address that `/api` follows. The key and the links it gives out (which carry keys too) never leave
    this object: not in errors, not in releases, not in its repr.
    """

    def __init__(
        self,
        name: str,
        url: str,
        api_key: str,
        *,
        http: httpx.AsyncClient,
        categories: Sequence[int] = (3030,),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap_s: float = 2.0,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint(url, api_key)
        self._address = url.partition("?")[0].rstrip("/").removesuffix("/api") + "/api"
        self._api_key = api_key
        self._http = http
        self._wanted_categories = tuple(categories)
        self._now = now
        self._sleep = sleep
        self._gap_s = gap_s
        self._turn = asyncio.Lock()
        self._last_at: datetime | None = None
        self._caps: tuple[feed.Caps, datetime] | None = None
        self._links: dict[str, str] = {}
        keep_addresses_out_of_logs()

    def __repr__(self) -> str:
        return f"Torznab({self.name!r})"

    async def check(self) -> feed.Caps:
        """Ask for the capabilities now: proves the address and, where the indexer cares, the key."""
        caps = await self._document({"t": "caps"}, feed.read_caps)
        self._caps = (caps, self._now())
        return caps

    async def search(self, query: Asked) -> tuple[Release, ...]:
        """Every release that the indexer offers for this question, over five pages at most.

        `Permanent`: IndexerRefusedKey, IndexerBadRequest, IndexerUnsupported. `Transient`: IndexerRateLimited,
        IndexerDisabled, IndexerUnreadable, IndexerUnreachable. Half an answer is an error too.
        """
        caps = await self._known_caps()
        question = self._question(query, caps)
        size = min(caps.page_size, MAX_ROWS)
        pages = 1 if question.keys().isdisjoint(("q", "title", "author")) else MAX_PAGES
        found: dict[str, feed.Row] = {}
        seen: frozenset[str] = frozenset()
        for number in range(pages):
            page = await self._page({**question, "limit": str(size), "offset": str(number * size)})
            found = {row.release.id: row for row in page.rows} | found
            # Some indexers do not know offsets and send their first page for ever.
            if page.sent < size or page.ids <= seen:
                break
            seen |= page.ids
        self._remember(found.values())
        return tuple(row.release for row in found.values())

    async def fetch(self, release: Release) -> Payload:
        """The torrent or magnet behind a release; after a restart its link is found again by its title.

        `Permanent`: ReleaseGone, ReleaseChanged, ReleaseUnfetchable, and what `search` raises.
        """
        link = self._links.get(release.id) or await self._find_again(release)
        payload = await self._resolve(link)
        ids = {payload.infohash_v1, (payload.infohash_v2 or "")[:40]}
        if release.infohash and release.infohash.lower() not in ids:
            raise Unfit(
                f"{self.name} announced '{release.title[:100]}' with another infohash than it delivers: search again.",
                code="ReleaseChanged",
            )
        return payload

    async def account(self) -> None:
        """The format knows no accounts."""
        return

    # Asking

    async def _known_caps(self) -> feed.Caps:
        if self._caps is not None and self._now() - self._caps[1] < CAPS_AGE:
            return self._caps[0]
        return await self.check()

    def _question(self, query: Asked, caps: feed.Caps) -> dict[str, str]:
        """By author and title where the indexer knows both, else in one line of words."""
        fields = {"author": _words(query.author or ""), "title": _words(query.title or "")}
        fields = {name: value for name, value in fields.items() if value}
        text = _words(query.text) or " ".join(fields.values())
        asked = {"cat": ",".join(map(str, self._categories(caps))), "extended": "1"}
        asked = {name: value for name, value in asked.items() if value}
        if fields and caps.book is not None and fields.keys() <= caps.book:
            return {"t": "book", **fields, **asked}
        function = "search" if caps.search is not None or caps.book is None else "book"
        return {"t": function, **({"q": text} if text else {}), **asked}

    def _categories(self, caps: feed.Caps) -> tuple[int, ...]:
        """Those wanted that the indexer has, else those it calls audiobooks, else none.

        An indexer asked only for categories it does not have answers with nothing, which would look like knowledge.
        """
        listed = tuple(number for number in self._wanted_categories if number in caps.categories)
        named = tuple(number for number, name in caps.categories.items() if "audiobook" in name.lower())
        return listed or named

    async def _page(self, question: dict[str, str]) -> feed.Page:
        page = await self._document(
            question, lambda root: feed.read_page(root, indexer=self.name, address=self._address)
        )
        if page.sent and page.broken == page.sent:
            raise self._unreadable(f"{page.sent} releases without title or link")
        return page

    def _remember(self, rows: Iterable[feed.Row]) -> None:
        for row in rows:
            self._links.pop(row.release.id, None)
            self._links[row.release.id] = row.link
        while len(self._links) > MAX_LINKS:
            self._links.pop(next(iter(self._links)))

    async def _find_again(self, release: Release) -> str:
        """Links are not stored, because they carry keys: after a restart the release is searched for."""
        words = re.sub(r"[\W_]+", " ", release.title).strip()[:200]
        core = re.sub(r"[\[({].*?[\])}]|\bby\b.*", " ", release.title, flags=re.IGNORECASE)
        core = " ".join(re.sub(r"[\W_]+", " ", core).split()[:8])
        for text in dict.fromkeys(filter(None, (words, core))):
            await self.search(_Words(text))
            if link := self._links.get(release.id):
                return link
        raise Conflict(
            f"{self.name} does not list '{release.title[:100]}' under its title at the moment: search again.",
            code="ReleaseNotListed",
        )

    # Fetching

    async def _resolve(self, link: str) -> Payload:
        """Redirects are read before they are followed: their target may be a magnet, or nothing we may ask."""
        seen: set[str] = set()
        while len(seen) <= MAX_HOPS:
            if link.lower().startswith("magnet:"):
                return read_magnet("magnet:" + link[len("magnet:") :].strip().replace(" ", "%20"))
            if link in seen or not link.lower().startswith(("http://", "https://")):
                break
            seen.add(link)
            reply = await self._get(link)
            if reply.status not in (301, 302, 303, 307, 308):
                return self._torrent(reply)
            link = _target(link, reply.headers.get("location", ""))
        raise Unfit(
            f"{self.name} redirects a download in a circle or to an address that is neither web nor magnet: "
            "choose another release.",
            code="ReleaseUnfetchable",
        )

    def _torrent(self, reply: _Reply) -> Payload:
        body = reply.body
        root = None
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            with contextlib.suppress(feed.Unreadable):
                root = feed.parse(body)
        self._refuse(reply, root, fetching=True)
        if body[:1] != b"d":
            words = body[:1000].decode("utf-8", "replace")
            if _LIMIT.search(words):
                raise self._limited(words, reply)
            raise self._unreadable("something that is no torrent")
        try:
            return read_torrent(body)
        except Permanent as exc:
            if exc.code == "TorrentNotBencoded":
                raise self._unreadable("a broken torrent, or only a part of it") from None
            raise

    # One request

    async def _document(self, params: dict[str, str], read: Callable[[feed.Element], T]) -> T:
        """Ask the API, and read the XML it answers with. Nothing but the document asked for is an answer."""
        key = {"apikey": self._api_key} if self._api_key else {}
        reply = await self._get(self._address, {**params, **key})
        root, flaw = None, ""
        try:
            root = feed.parse(reply.body)
        except feed.Unreadable as exc:
            flaw = str(exc)
        self._refuse(reply, root)
        if root is None:
            raise self._unreadable(flaw)
        try:
            return read(root)
        except feed.Unreadable as exc:
            raise self._unreadable(str(exc)) from None

    async def _get(self, address: str, params: dict[str, str] | None = None) -> _Reply:
        async with self._turn:
            await self._keep_gap()
            try:
                async with asyncio.timeout(REPLY_S):
                    return await self._read(address, params)
            # Without the cause: it knows the whole address.
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
                raise Transient(
                    f"{self.name} did not answer ({type(exc).__name__}): is it running, and is its address right?",
                    code="IndexerUnreachable",
                ) from None
            finally:
                self._last_at = self._now()

    async def _read(self, address: str, params: dict[str, str] | None) -> _Reply:
        body = bytearray()
        async with self._http.stream("GET", address, params=params, follow_redirects=False) as reply:
            async for chunk in reply.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise self._unreadable(f"more than {MAX_BODY_BYTES >> 20} MiB")
            return _Reply(reply.status_code, reply.headers, bytes(body))

    async def _keep_gap(self) -> None:
        if self._last_at is None:
            return
        waited_s = (self._now() - self._last_at).total_seconds()
        if 0 <= waited_s < self._gap_s:
            await self._sleep(self._gap_s - waited_s)

    # Refusals

    def _refuse(self, reply: _Reply, root: feed.Element | None, *, fetching: bool = False) -> None:
        """Raise what an error document or the status says; documents first, they are more precise."""
        error = feed.read_error(root) if root is not None else None
        if error is not None:
            raise self._said(error, reply)
        match reply.status:
            case 200:
                return
            case 401 | 403:
                raise self._refused_key(f"status {reply.status}")
            case 429:
                raise self._limited("status 429", reply)
            case 400 | 404 | 410 if fetching:
                raise self._gone(f"the link is no longer valid (status {reply.status})")
            case 400:
                raise self._bad_request("status 400")
            case 410:
                raise self._disabled("status 410")
            case status if status >= 500:
                raise Transient(
                    f"{self.name} is out of order (status {status}).",
                    code="IndexerUnreachable",
                    retry_after_s=self._retry_after_s(reply),
                )
            case status:
                raise self._unreadable(f"status {status}; check its address")

    def _said(self, error: feed.ErrorReply, reply: _Reply) -> Failure:
        words = f"{error.code}: {error.description}"
        if error.code in (429, 500, 501) or _LIMIT.search(error.description):
            return self._limited(words, reply)
        match error.code:
            case 100 | 101 | 102 | 103 | 104 | 105 | 106 | 107:
                return self._refused_key(words)
            case 200 | 201:
                return self._bad_request(words)
            case 202 | 203:
                return Permanent(f"{self.name} cannot do this: {self._quoted(words)}.", code="IndexerUnsupported")
            case 300:
                return self._gone(self._quoted(words))
            case 410 | 910:
                return self._disabled(words)
            case _:
                return Transient(f"{self.name} reports an error: {self._quoted(words)}.", code="IndexerUnreadable")

    def _limited(self, words: str, reply: _Reply) -> Transient:
        rest_s = self._retry_after_s(reply)
        return Transient(
            f"{self.name} has had enough requests for now: {self._quoted(words)}.",
            code="IndexerRateLimited",
            retry_after_s=LIMIT_REST_S if rest_s is None else rest_s,
        )

    def _refused_key(self, words: str) -> Permanent:
        return Permanent(
            f"{self.name} refused our key: {self._quoted(words)}; check its API key.", code="IndexerRefusedKey"
        )

    def _bad_request(self, words: str) -> Permanent:
        return Permanent(f"{self.name} did not understand us: {self._quoted(words)}.", code="IndexerBadRequest")

    def _disabled(self, words: str) -> Transient:
        return Transient(f"{self.name} is switched off: {self._quoted(words)}.", code="IndexerDisabled")

    def _gone(self, why: str) -> Unfit:
        return Unfit(f"{self.name} no longer offers this release: {why}.", code="ReleaseGone")

    def _unreadable(self, sent: str) -> Transient:
        return Transient(f"{self.name} sent {sent}.", code="IndexerUnreadable")

    def _quoted(self, words: str) -> str:
        return quoted(words, self._api_key, quote_plus(self._api_key)).rstrip(".")

    def _retry_after_s(self, reply: _Reply) -> float | None:
        """Seconds or a date; a week at most, because nobody means more."""
        stated = reply.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,12}", stated, re.ASCII):
            return min(float(stated), LONGEST_REST_S)
        try:
            until = parsedate_to_datetime(stated)
            rest_s = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - self._now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(rest_s, 0.0), LONGEST_REST_S)


def _words(text: str) -> str:
    """One line without control characters; long enough for any title."""
    return clean_title(text)[:300]


def _target(link: str, location: str) -> str:
    if location.lower().startswith("magnet:"):
        return location
    try:
        return urljoin(link, location) if location else ""
    except ValueError:
        return ""
