"""A polite way to other people's servers. Budget, cache and back-off are kept in the store, so that processes that live
for one run respect them too (contracts: metadata, sections 1, 2.5 to 2.8 and 3.4)."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import unquote_plus

import httpx
import msgspec

from adapters.catalogues.replies import DAY_S, LONGEST_BODY, SEARCH_S, Reply
from adapters.http import keep_addresses_out_of_logs
from domain.catalogue import hosts
from domain.catalogue.hosts import Host, Limits
from domain.errors import Permanent, Transient

__all__ = ["Clock", "Kept", "Limits", "PoliteWeb", "WebStore", "without_secrets"]

CONNECT_S = 5.0

_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_KEPT_HEADERS = {"content-type", "date", *_VALIDATORS}
_SECRET = re.compile(
    r"x?[-_]?(access|api|app|auth|client|id|private|refresh|secret|subscription)?[-_]?"
    r"(key|token|secret|signature|sig|pass(word|wd|key)?|auth(orization)?|cookie)",
    re.IGNORECASE,
)
_USER = re.compile(r"^([a-z][a-z0-9+.-]*:)?//[^/?#]*@", re.IGNORECASE)


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""

    async def sleep(self, seconds: float) -> None: ...


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A reply from the cache."""

    reply: Reply
    fetched_at: datetime
    checked_at: datetime
    """When the server last said that this is its answer."""


class WebStore(Protocol):
    """What must survive a process. Each method is one unit of work."""

    async def change_host(self, host: str, change: Callable[[Host], Host]) -> Host:
        """Replace what is kept of a host by what `change` makes of it, before anybody else may; nothing changes when
        that raises."""

    async def kept_reply(self, key: str) -> Kept | None: ...

    async def keep_reply(self, key: str, reply: Reply, *, at: datetime) -> None: ...

    async def confirm_reply(self, key: str, *, headers: Mapping[str, str], at: datetime) -> None: ...


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request, by the names it goes under: the host's, and those without a secret."""

    request: httpx.Request
    host: str
    url: str
    key: str
    asked: bytes


class PoliteWeb:
    """Asks one source (`adapters.catalogues.replies.Web`), within `limits` for each host that it asks.

    A reply with status 200 is kept, if it is whole JSON without `errors`, for as long as each call says (`fresh_s`);
    one with 404 for a day at most; no other. One that is older is asked for again with its validators.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        store: WebStore,
        limits: Limits,
        clock: Clock,
        *,
        jitter: random.Random | None = None,
    ) -> None:
        self._http = http
        self._store = store
        self._limits = limits
        self._clock = clock
        self._jitter = jitter or random.Random()
        self._lines = asyncio.Semaphore(limits.at_once)
        keep_addresses_out_of_logs()

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        """What the server answers, or answered within the last `fresh_s` seconds. The whole reply must be here after
        `timeout_s`.

        `Transient`: HostResting, BudgetSpent, HostBusy (not asked at all); HostUnreachable, HostTooSlow,
        AnswerTooLarge, AnswerUnreadable. `Permanent`: QuestionUnsendable.
        """
        question = self._question("GET", url, params=params, headers=headers or {}, body=b"", timeout_s=timeout_s)
        return await self._answer(question, fresh_s=fresh_s, timeout_s=timeout_s)

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        """Like `get`. Equal bodies are equal questions."""
        body = msgspec.json.encode(json, order="deterministic")
        headers = {"Content-Type": "application/json", **(headers or {})}
        question = self._question("POST", url, params=None, headers=headers, body=body, timeout_s=timeout_s)
        return await self._answer(question, fresh_s=fresh_s, timeout_s=timeout_s)

    # One question

    def _question(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
        body: bytes,
        timeout_s: float,
    ) -> _Question:
        times = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S))
        try:
            address = httpx.URL(url).copy_merge_params(params) if params else httpx.URL(url)
            request = self._http.build_request(method, address, headers=headers, content=body or None, timeout=times)
        # Without the cause: it holds the address or the header whole.
        except (httpx.InvalidURL, UnicodeError):
            raise _unsendable("a catalogue source") from None
        if request.url.scheme not in {"http", "https"} or not request.url.host:
            raise _unsendable("a catalogue source")
        return _Question(
            request=request,
            host=request.url.netloc.decode("ascii"),
            url=without_secrets(str(request.url)),
            key=_key(request, headers, body),
            asked=body,
        )

    async def _answer(self, question: _Question, *, fresh_s: float, timeout_s: float) -> Reply:
        kept = await self._store.kept_reply(question.key)
        if kept is not None and _fresh(kept, fresh_s, self._clock.now()):
            return msgspec.structs.replace(kept.reply, asked=question.asked)
        _ask_for_news(question.request, kept)
        async with self._lines:
            await self._turn(question.host)
            reply = await self._exchange(question, timeout_s)
        return await self._remembered(question, kept, reply)

    async def _turn(self, host: str) -> None:
        """Wait for our turn. A host that is put to rest meanwhile is not asked, although the turn counts."""
        booked = await self._store.change_host(host, lambda known: hosts.booked(known, self._limits, self._clock.now()))
        assert booked.last_at is not None
        wait_s = (booked.last_at - self._clock.now()).total_seconds()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
            await self._store.change_host(host, lambda known: hosts.awake(known, self._clock.now()))

    async def _exchange(self, question: _Question, timeout_s: float) -> Reply:
        """One request and its reply, and what both mean for the requests that follow."""
        try:
            reply = await self._sent(question, timeout_s)
        except Transient as failure:
            why = failure.message
            await self._store.change_host(
                question.host, lambda known: hosts.failed(known, self._clock.now(), why=why, jitter=self._jitter)
            )
            raise
        await self._store.change_host(question.host, lambda known: self._after(known, reply))
        return reply

    def _after(self, host: Host, reply: Reply) -> Host:
        now = self._clock.now()
        stated_s = _stated_rest_s(reply, now)
        if reply.status == 429:
            return hosts.limited(host, now, stated_s=stated_s)
        if reply.status == 408 or reply.status >= 500:
            why = f"it is out of order (HTTP {reply.status})"
            return hosts.failed(host, now, why=why, jitter=self._jitter, stated_s=stated_s)
        return hosts.answered(host, now, rest_s=_spent_for_s(reply))

    async def _remembered(self, question: _Question, kept: Kept | None, reply: Reply) -> Reply:
        """The reply, or what it confirms; kept for later if it is worth that."""
        now = self._clock.now()
        if reply.status == 304 and kept is not None:
            headers = {**kept.reply.headers, **_to_keep(reply)}
            await self._store.confirm_reply(question.key, headers=headers, at=now)
            return msgspec.structs.replace(kept.reply, headers=headers, asked=question.asked)
        if _worth_keeping(reply):
            bare = msgspec.structs.replace(reply, headers=_to_keep(reply))
            await self._store.keep_reply(question.key, bare, at=now)
        return reply

    async def _sent(self, question: _Question, timeout_s: float) -> Reply:
        """Redirects are answered, not followed: they may lead to where a key must not go."""
        host = question.host
        try:
            async with asyncio.timeout(timeout_s):
                return await self._received(question)
        # Without the causes: they know the whole address.
        except httpx.LocalProtocolError:
            raise _unsendable(host) from None
        except (TimeoutError, httpx.TimeoutException):
            raise Transient(f"{host} did not answer within {timeout_s:.0f} s", code="HostTooSlow") from None
        except httpx.DecodingError:
            raise Transient(f"{host} sent something that cannot be unpacked", code="AnswerUnreadable") from None
        except httpx.HTTPError as exc:
            raise Transient(f"{host} did not answer ({type(exc).__name__})", code="HostUnreachable") from None

    async def _received(self, question: _Question) -> Reply:
        response = await self._http.send(question.request, stream=True, follow_redirects=False)
        try:
            if "," in response.headers.get("content-encoding", ""):
                # Packed twice, a few kilobytes can unpack to more than there is memory.
                raise Transient(f"{question.host} sent something packed twice", code="AnswerUnreadable")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LONGEST_BODY:
                    raise Transient(f"{question.host} sent more than {LONGEST_BODY >> 20} MiB", code="AnswerTooLarge")
        finally:
            await response.aclose()
        return Reply(
            url=question.url,
            status=response.status_code,
            headers=_told(response.headers),
            body=bytes(body),
            asked=question.asked,
        )


def without_secrets(url: str) -> str:
    """The address without user, password, and parameters that are called like a key or a token."""
    address, hash_mark, fragment = url.partition("#")
    head, question_mark, query = address.partition("?")
    pairs = [pair for pair in query.split("&") if not _SECRET.fullmatch(unquote_plus(pair.partition("=")[0]))]
    query = "&".join(pairs)
    return _USER.sub(r"\1//", head) + (question_mark + query if query else "") + hash_mark + fragment


def _key(request: httpx.Request, headers: Mapping[str, str], body: bytes) -> str:
    """Of the whole question, since a parameter that is called `key` may also name what is asked for. `Authorization`
    and its like are left out: they say who asks, and change while the answer stays."""
    open_headers = sorted((name.lower(), value) for name, value in headers.items() if not _SECRET.fullmatch(name))
    whole = (request.method, str(request.url), sha256(body).hexdigest(), open_headers)
    return sha256(msgspec.json.encode(whole)).hexdigest()


def _fresh(kept: Kept, fresh_s: float, now: datetime) -> bool:
    """That there is nothing is believed for a day at most. A reply from the future is none: the clock was wrong."""
    age = now - kept.checked_at
    longest_s = min(fresh_s, DAY_S) if kept.reply.status == 404 else fresh_s
    return timedelta() <= age < timedelta(seconds=longest_s)


def _ask_for_news(request: httpx.Request, kept: Kept | None) -> None:
    if kept is None or kept.reply.status != 200 or request.method != "GET":
        return
    for header, conditional in _VALIDATORS.items():
        if (validator := kept.reply.headers.get(header)) is not None:
            request.headers[conditional] = validator


class _Said(msgspec.Struct, frozen=True):
    error: object = None
    errors: object = None


def _worth_keeping(reply: Reply) -> bool:
    """Failures are not kept, nor what looks like one: a login page, half a body, GraphQL's `errors` with status 200."""
    if reply.status != 200:
        return reply.status == 404
    try:
        said = msgspec.json.decode(reply.body, type=_Said | list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(said, list) or not (said.error or said.errors)


def _told(headers: httpx.Headers) -> dict[str, str]:
    told = {name.lower(): value for name, value in headers.items() if name.lower() != "set-cookie"}
    if "location" in told:
        told["location"] = without_secrets(told["location"])
    return told


def _to_keep(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name in _KEPT_HEADERS}


def _stated_rest_s(reply: Reply, now: datetime) -> float | None:
    """The longest rest that the reply asks for: `Retry-After` in seconds or as a date, or a limit that is used up."""
    stated = reply.headers.get("retry-after", "").strip()
    rest_s = _spent_for_s(reply)
    if re.fullmatch(r"\d{1,9}", stated, re.ASCII):
        rest_s = max(rest_s, float(stated))
    elif stated:
        try:
            until = parsedate_to_datetime(stated)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            rest_s = max(rest_s, (until - now).total_seconds())
        except (ValueError, TypeError, OverflowError):
            pass
    return rest_s or None


def _spent_for_s(reply: Reply) -> float:
    """Seconds until the last of the limits that are used up starts anew: `"daily";r=0;t=51234`."""
    rests = [0.0]
    for limit in reply.headers.get("ratelimit", "").split(","):
        said = dict(re.findall(r";\s*([a-z]+)\s*=\s*(\d{1,9})(?=\s*(?:;|$))", limit.strip(), re.ASCII))
        if said.get("r") == "0":
            rests.append(float(said.get("t", 0)))
    return max(rests)


def _unsendable(host: str) -> Permanent:
    return Permanent(
        f"{host} cannot be asked: its address or its key holds something that no request may; correct the settings",
        code="QuestionUnsendable",
    )
