"""Asking one server politely, and saying what went wrong: what every source that speaks HTTP does in the same way."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar
from urllib.parse import quote_plus, urlencode, urljoin

import httpx
import msgspec

from adapters.http import keep_addresses_out_of_logs
from adapters.indexers import feed
from adapters.indexers.text import clean_title, quoted
from adapters.torrents import read_magnet, read_torrent
from domain.errors import Conflict, Failure, Permanent, Transient, Unfit
from domain.releases import Payload, Release

MAX_BODY_BYTES = 20 * 1024 * 1024
MAX_PAGES = 5
MAX_ROWS = 100
"""Asked for at a time, also where the indexer allows more."""
MAX_HOPS = 2
MAX_LINKS = 20_000
REPLY_S = 90.0
"""A whole reply must be here by then, however slowly it drips."""
CONNECT_S = 5.0
LIMIT_REST_S = 3600.0
LONGEST_REST_S = 7 * 86_400.0
REDIRECTS = (301, 302, 303, 307, 308)

_LIMIT = re.compile(r"\blimit\b.{0,100}\breached|past unsatisfied limit|too many requests", re.IGNORECASE | re.DOTALL)

T = TypeVar("T")
Params = Mapping[str, str] | Sequence[tuple[str, str]]


class Asked(Protocol):
    """The question as the loop puts it; an empty one asks for the newest."""

    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def author(self) -> str | None: ...


class Words(msgspec.Struct, frozen=True):
    """A question in one line."""

    text: str
    title: str | None = None
    author: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """What a server sent, whatever it is."""

    status: int
    headers: httpx.Headers
    body: bytes


class Links:
    """Where each release is fetched, by its id. Links carry keys: they are not stored, and die with the process."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def get(self, release_id: str) -> str | None:
        return self._known.get(release_id)

    def forget(self, release_id: str) -> None:
        self._known.pop(release_id, None)

    def remember(self, rows: Iterable[feed.Row]) -> None:
        """The newest `MAX_LINKS` are kept."""
        for row in rows:
            self.forget(row.release.id)
            self._known[row.release.id] = row.link
        while len(self._known) > MAX_LINKS:
            self.forget(next(iter(self._known)))


class Pace:
    """A turn at a server: one at a time, `gap_s` seconds after the last one ended."""

    def __init__(self, *, now: Callable[[], datetime], sleep: Callable[[float], Awaitable[None]], gap_s: float) -> None:
        self._now = now
        self._sleep = sleep
        self._gap_s = gap_s
        self._turn = asyncio.Lock()
        self._last_at: datetime | None = None

    async def __aenter__(self) -> None:
        await self._turn.acquire()
        try:
            await self._keep_gap()
        except BaseException:
            self._turn.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._last_at = self._now()
        self._turn.release()

    async def _keep_gap(self) -> None:
        if self._last_at is None:
            return
        waited_s = (self._now() - self._last_at).total_seconds()
        if 0 <= waited_s < self._gap_s:
            await self._sleep(self._gap_s - waited_s)


class Asking:
    """One server: asked one thing at a time, `gap_s` seconds apart. Its refusals become the errors of the domain.

    No address, key or cause is ever in such an error: `secret` is struck out of whatever the server says.
    """

    def __init__(
        self,
        name: str,
        secret: str,
        *,
        http: httpx.AsyncClient,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
        gap_s: float,
        reply_s: float | None = None,
    ) -> None:
        """`reply_s`: how long the server may think before its first word; else the client's own patience holds."""
        self.name = name
        self._secret = secret
        self._http = http
        self._now = now
        self._pace = Pace(now=now, sleep=sleep, gap_s=gap_s)
        self._reply_s = reply_s or REPLY_S
        self._timeout = httpx.Timeout(reply_s, connect=CONNECT_S) if reply_s else httpx.USE_CLIENT_DEFAULT
        keep_addresses_out_of_logs()

    def about(self, part: str) -> Asking:
        """The same server in the same turn, with errors that name this part of it."""
        other = copy.copy(self)
        other.name = f"{self.name} ({part})"
        return other

    async def get(
        self, address: str, params: Params | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The reply with whatever status; redirects are not followed. `Transient` IndexerUnreachable, -Unreadable."""
        async with self._pace:
            try:
                async with asyncio.timeout(self._reply_s):
                    return await self._read(address, params, headers)
            # Without the cause: it knows the whole address.
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
                raise Transient(
                    f"{self.name} did not answer ({type(exc).__name__}): is it running, and is its address right?",
                    code="IndexerUnreachable",
                ) from None

    async def document(
        self,
        address: str,
        params: Params,
        read: Callable[[feed.Element], T],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Ask for XML and read it. Nothing but the document asked for is an answer."""
        reply = await self.get(address, params, headers=headers)
        root, flaw = None, ""
        try:
            root = feed.parse(reply.body)
        except feed.Unreadable as exc:
            flaw = str(exc)
        self.refuse(reply, root)
        if root is None:
            raise self.unreadable(flaw)
        try:
            return read(root)
        except feed.Unreadable as exc:
            raise self.unreadable(str(exc)) from None

    async def _read(self, address: str, params: Params | None, headers: Mapping[str, str] | None) -> Reply:
        body = bytearray()
        query = httpx.QueryParams(urlencode(_pairs(params))) if params else None
        async with self._http.stream(
            "GET", address, params=query, headers=headers, timeout=self._timeout, follow_redirects=False
        ) as reply:
            async for chunk in reply.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise self.unreadable(f"more than {MAX_BODY_BYTES >> 20} MiB")
            return Reply(reply.status_code, reply.headers, bytes(body))

    async def page(
        self, address: str, params: Params, *, indexer: str, headers: Mapping[str, str] | None = None
    ) -> feed.Page:
        """One page of releases; one that holds nothing but broken ones is unreadable."""
        page = await self.document(
            address, params, lambda root: feed.read_page(root, indexer=indexer, address=address), headers=headers
        )
        if page.sent and page.broken == page.sent:
            raise self.unreadable(f"{page.sent} releases without title or link")
        return page

    # Fetching

    async def resolve(
        self,
        link: str,
        *,
        headers: Mapping[str, str] | None = None,
        hops: int = MAX_HOPS,
        forbidden: Callable[[str], bool] = lambda target: False,
        check: Callable[[Reply], None] = lambda reply: None,
    ) -> Payload:
        """The torrent or magnet behind a link, over `hops` redirects at most.

        Redirects are read before they are followed: their target may be a magnet, or nothing we may ask. `headers` go
        with the first request only, `check` sees its reply first, and no redirect leads to a `forbidden` address.
        `Unfit` ReleaseUnfetchable, ReleaseGone; `Transient`, `Permanent` for what the server says about itself.
        """
        seen: set[str] = set()
        while not is_magnet(link) and len(seen) <= hops:
            if link in seen or not link.lower().startswith(("http://", "https://")) or (seen and forbidden(link)):
                break
            reply = await self.get(link, headers=None if seen else headers)
            if reply.status not in REDIRECTS:
                if seen and reply.status in (401, 403):
                    raise self._unfetchable("redirects a download to a server that does not let us in")
                if not seen:
                    check(reply)
                return self._torrent(reply)
            seen.add(link)
            link = _target(link, reply.headers.get("location", ""))
        if is_magnet(link):
            return read_magnet("magnet:" + link[len("magnet:") :].strip().replace(" ", "%20"))
        raise self._unfetchable("redirects a download in a circle or to an address that is neither web nor magnet")

    def same(self, payload: Payload, release: Release) -> Payload:
        """The payload, when it is what was announced; `Unfit` ReleaseChanged when it has another infohash."""
        ids = {payload.infohash_v1, (payload.infohash_v2 or "")[:40]}
        if release.infohash and release.infohash.lower() not in ids:
            raise Unfit(
                f"{self.name} announced '{release.title[:100]}' with another infohash than it delivers: search again.",
                code="ReleaseChanged",
            )
        return payload

    def _torrent(self, reply: Reply) -> Payload:
        body = reply.body
        root = None
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            with contextlib.suppress(feed.Unreadable):
                root = feed.parse(body)
        self.refuse(reply, root, fetching=True)
        if body[:1] != b"d":
            words = body[:1000].decode("utf-8", "replace")
            if _LIMIT.search(words):
                raise self.limited(words, reply)
            raise self.unreadable("something that is no torrent")
        try:
            return read_torrent(body)
        except Permanent as exc:
            if exc.code == "TorrentNotBencoded":
                raise self.unreadable("a broken torrent, or only a part of it") from None
            raise

    def _unfetchable(self, what: str) -> Unfit:
        return Unfit(f"{self.name} {what}: choose another release.", code="ReleaseUnfetchable")

    # Refusals

    def refuse(self, reply: Reply, root: feed.Element | None = None, *, fetching: bool = False) -> None:
        """Raise what an error document or the status says; documents first, they are more precise."""
        error = feed.read_error(root) if root is not None else None
        if error is not None:
            raise self._said(error, reply, fetching)
        match reply.status:
            case 200:
                return
            case 401 | 403:
                raise self.refused_key(f"status {reply.status}")
            case 429:
                raise self.limited("status 429", reply)
            case 400 | 404 | 410 if fetching:
                raise self._gone(f"the link is no longer valid (status {reply.status})")
            case 400:
                raise self.bad_request("status 400")
            case 410:
                raise self._disabled("status 410")
            case status if status >= 500:
                raise Transient(
                    f"{self.name} is out of order (status {status}).",
                    code="IndexerUnreachable",
                    retry_after_s=self._retry_after_s(reply),
                )
            case status:
                raise self.unreadable(f"status {status}; check its address")

    def _said(self, error: feed.ErrorReply, reply: Reply, fetching: bool) -> Failure:
        words = f"{error.code}: {error.description}"
        if error.code in (429, 500, 501) or _LIMIT.search(error.description):
            return self.limited(words, reply)
        match error.code:
            case 100 | 101 | 102 | 103 | 104 | 105 | 106 | 107:
                return self.refused_key(words)
            case 200 | 201:
                return self.bad_request(words)
            case 202 | 203:
                return Permanent(f"{self.name} cannot do this: {self.quoted(words)}.", code="IndexerUnsupported")
            case 300:
                return self._gone(self.quoted(words))
            # Prowlarr says 410 both of an indexer that is switched off and of a torrent that its tracker took down.
            case 410 if fetching and "disabled" not in error.description.lower():
                return self._gone(self.quoted(words))
            case 410 | 910:
                return self._disabled(words)
            case _:
                return Transient(f"{self.name} reports an error: {self.quoted(words)}.", code="IndexerUnreadable")

    def limited(self, words: str, reply: Reply) -> Transient:
        rest_s = self._retry_after_s(reply)
        return Transient(
            f"{self.name} has had enough requests for now: {self.quoted(words)}.",
            code="IndexerRateLimited",
            retry_after_s=LIMIT_REST_S if rest_s is None else rest_s,
        )

    def refused_key(self, words: str) -> Permanent:
        return Permanent(
            f"{self.name} refused our key: {self.quoted(words)}; check its API key.", code="IndexerRefusedKey"
        )

    def bad_request(self, words: str) -> Permanent:
        return Permanent(f"{self.name} did not understand us: {self.quoted(words)}.", code="IndexerBadRequest")

    def unreadable(self, sent: str) -> Transient:
        return Transient(f"{self.name} sent {sent}.", code="IndexerUnreadable")

    def not_listed(self, release: Release) -> Conflict:
        return Conflict(
            f"{self.name} does not list '{release.title[:100]}' under its title at the moment: search again.",
            code="ReleaseNotListed",
        )

    def quoted(self, words: str) -> str:
        """What the server said, fit for an error message."""
        return quoted(words, self._secret, quote_plus(self._secret)).rstrip(".")

    def _disabled(self, words: str) -> Transient:
        return Transient(f"{self.name} is switched off: {self.quoted(words)}.", code="IndexerDisabled")

    def _gone(self, why: str) -> Unfit:
        return Unfit(f"{self.name} no longer offers this release: {why}.", code="ReleaseGone")

    def _retry_after_s(self, reply: Reply) -> float | None:
        """Seconds or a date; a week at most, because nobody means more."""
        stated = reply.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,12}", stated, re.ASCII):
            return min(float(stated), LONGEST_REST_S)
        until = http_date(stated)
        return None if until is None else min(max((until - self._now()).total_seconds(), 0.0), LONGEST_REST_S)


async def all_pages(ask: Callable[[int], Awaitable[feed.Page]], *, size: int, most: int) -> tuple[feed.Row, ...]:
    """The rows of up to `most` pages of `size` items each; `ask` is given the offset of each page."""
    found: dict[str, feed.Row] = {}
    seen: frozenset[str] = frozenset()
    for number in range(most):
        page = await ask(number * size)
        found = {row.release.id: row for row in page.rows} | found
        # Some indexers do not know offsets and send their first page for ever.
        if page.sent < size or page.ids <= seen:
            break
        seen |= page.ids
    return tuple(found.values())


def http_date(text: str) -> datetime | None:
    """A date of a header, in UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def one_line(text: str) -> str:
    """One line without control characters; long enough for any title."""
    return clean_title(text)[:300]


def titles_to_ask(title: str) -> tuple[str, ...]:
    """What finds a release again by its title: all its words, then the first ones without brackets and `by …`."""
    words = re.sub(r"[\W_]+", " ", title).strip()[:200]
    core = re.sub(r"[\[({].*?[\])}]|\bby\b.*", " ", title, flags=re.IGNORECASE)
    core = " ".join(re.sub(r"[\W_]+", " ", core).split()[:8])
    return tuple(dict.fromkeys(filter(None, (words, core))))


def is_magnet(link: str) -> bool:
    return link.lower().startswith("magnet:")


def _pairs(params: Params) -> list[tuple[str, str]]:
    return list(params.items() if isinstance(params, Mapping) else params)


def _target(link: str, location: str) -> str:
    if is_magnet(location):
        return location
    try:
        return urljoin(link, location) if location else ""
    except ValueError:
        return ""
