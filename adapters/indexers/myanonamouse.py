"""MyAnonamouse, through the functions that its members may automate. The only module that speaks its protocol."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import httpx
import msgspec

from adapters import sessions as renewal
from adapters.indexers import asking, mam_rows
from adapters.indexers.text import fingerprint, quoted
from adapters.sessions import Session, Sessions
from adapters.torrents import read_torrent
from domain.accounts import BOUNDLESS, Account
from domain.errors import Permanent, Transient, Unfit
from domain.releases import Payload, Release

SITE = "https://www.myanonamouse.net"
COOKIE = "mam_id"
AUDIOBOOKS = "13"
PAGE_ROWS = 100
NEWEST_DAYS = 3
ACCOUNT_AGE = timedelta(minutes=5)
LIMIT_REST_S = 86_400.0
"""Past the limit of unsatisfied torrents downloads are frozen for about a day."""

_SIGNED_OUT = re.compile(
    r"not signed in|no auth cookie|takelogin|<title>[^<]{0,100}\b(?:log|sign)\s?in\b", re.IGNORECASE
)
_SESSION_REFUSED = re.compile(r"\bsession\b|\b(?:signed|sign|logged|log) ?in\b|\bcookie\b", re.IGNORECASE)
_PAST_LIMIT = re.compile(r"past unsatisfied limit", re.IGNORECASE)
_ALLOWED_IN = re.compile(r"till download allowed:\s*(?:(\d{1,3})d\s*)?(\d{1,3}):(\d{2}):(\d{2})", re.IGNORECASE)


class Asked(asking.Asked, Protocol):
    """The question as the loop puts it; one that names nothing asks for the newest."""

    @property
    def series(self) -> str | None: ...


class MyAnonamouse:
    """Searches the audiobooks and fetches torrents, one request at a time and `gap_s` seconds apart.

    `session` is the value of the cookie `mam_id` as the user set it. The site renews it with its answers: the newest
    one is read from `sessions` before each request and saved there before the answer is used. No value of it ever
    leaves this object in an error, a release or its repr.
    """

    def __init__(
        self,
        name: str,
        url: str = SITE,
        *,
        session: str,
        sessions: Sessions,
        http: httpx.AsyncClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap_s: float = 2.0,
        reply_s: float = asking.REPLY_S,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint(url, session)
        self._site = url.rstrip("/")
        self._host = (urlsplit(url).hostname or "").lower()
        self._started = renewal.started(session)
        self._sessions = sessions
        self._unsaved: Session | None = None
        self._values: deque[str] = deque(maxlen=8)
        self._http = http
        self._now = now
        self._pace = asking.Pace(now=now, sleep=sleep, gap_s=gap_s)
        self._reply_s = reply_s
        self._account: Account | None = None
        self._asking = asking.Asking(name, session, http=http, now=now, sleep=sleep, gap_s=gap_s)

    def __repr__(self) -> str:
        return f"MyAnonamouse({self.name!r})"

    async def check(self) -> str:
        """Ask for the user record now: proves the address and the session. One line about the account."""
        account = await self._read_account()
        ratio = "unknown" if account.ratio is None else "∞" if account.ratio == BOUNDLESS else f"{account.ratio:,.2f}"
        count, limit = ("unknown" if one is None else one for one in (account.unsatisfied, account.unsatisfied_limit))
        return f"{account.rank or 'rank unknown'}, ratio {ratio}, unsatisfied {count} of {limit}"

    async def search(self, query: Asked) -> tuple[Release, ...]:
        """Every release offered for this question over five pages at most, or the newest hundred of the last days.

        The search is fuzzy: what comes may be anything. A question of which fewer than two letters or digits remain
        cannot be put, and finds nothing. `Permanent`: IndexerRefusedKey, IndexerBadRequest. `Transient`:
        IndexerRateLimited, IndexerUnreadable, IndexerUnreachable. Half an answer is an error too.
        """
        newest = not (query.text or query.title or query.author or query.series)
        question = self._newest() if newest else _question(query)
        if question is None:
            return ()
        found: dict[str, mam_rows.Row] = {}
        start = 0
        for _ in range(1 if newest else asking.MAX_PAGES):
            page = await self._page(question, start)
            fresh = {row.release.id: row for row in page.rows}
            if page.is_last(start, PAGE_ROWS) or fresh.keys() <= found.keys():
                found |= fresh
                break
            found |= fresh
            start += page.sent
        return await self._priced(found.values())

    async def fetch(self, release: Release) -> Payload:
        """The torrent of a release, by its number on the site. Never spends a wedge.

        `Unfit`: ReleaseGone, ReleaseUnfetchable, ReleaseChanged, and those of `read_torrent`. `Transient`
        IndexerLimitReached when too many torrents still owe seeding, with the time until downloads are allowed again;
        and what `search` raises.
        """
        number = re.fullmatch(rf"{mam_rows.TRACKER}/(\d{{1,12}})", release.tracker_id or "")
        if number is None:
            raise Unfit(
                f"'{release.title[:100]}' has no torrent number of {self.name}: choose another release.",
                code="ReleaseUnfetchable",
            )
        reply = await self._ask("GET", "/tor/download.php", params={"tid": number[1]}, accept="*/*")
        return self._asking.same(self._torrent(reply), release)

    async def account(self) -> Account:
        """Our account as it is now, or at most five minutes ago."""
        if self._account is not None and self._now() - self._account.read_at < ACCOUNT_AGE:
            return self._account
        return await self._read_account()

    # Reading

    async def _page(self, question: Mapping[str, Any], start: int) -> mam_rows.Page:
        body = {
            "tor": {**question, "startNumber": str(start)},
            "perpage": PAGE_ROWS,
            # Any value switches it on. `dlLink` is never asked for: it is a password.
            "mediaInfo": "",
        }
        document = await self._document("POST", "/tor/js/loadSearchJSONbasic.php", question=body)
        rows = [] if _nothing_returned(document) else document.get("data")
        if not isinstance(rows, list):
            said = document.get("message")
            words = self._quoted(said) if isinstance(said, str) and said else "no reason"
            raise self._asking.unreadable(f"no list of releases, but '{words}'")
        page = mam_rows.read_page(document, rows, indexer=self.name, site=self._site)
        if page.sent and page.broken == page.sent:
            raise self._asking.unreadable(f"{page.sent} releases without number or title")
        return page

    async def _priced(self, rows: Iterable[mam_rows.Row]) -> tuple[Release, ...]:
        """The releases, each with what it costs this account: its VIP is asked for only where that decides."""
        rows = tuple(rows)
        runs = await self._vip_runs() if any(row.free_for_vip for row in rows) else False
        if runs is False:
            return tuple(row.release for row in rows)
        factor = 0.0 if runs else None
        return tuple(
            msgspec.structs.replace(row.release, download_factor=factor) if row.free_for_vip else row.release
            for row in rows
        )

    async def _vip_runs(self) -> bool | None:
        """Unknown where the record cannot be had now: that is no reason to throw good rows away."""
        try:
            return mam_rows.vip_runs(await self.account(), self._now())
        except Transient:
            return None

    async def _read_account(self) -> Account:
        document = await self._document("GET", "/jsonLoad.php", params={"snatch_summary": "", "notif": ""})
        account = mam_rows.read_account(document, indexer=self.name, now=self._now())
        if account is None:
            raise self._asking.unreadable("something that is no user record")
        self._account = account
        return account

    def _newest(self) -> dict[str, Any]:
        since = self._now().astimezone(UTC) - timedelta(days=NEWEST_DAYS)
        return {**_tor(""), "sortType": "dateDesc", "startDate": f"{since:%Y-%m-%d}"}

    async def _document(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        question: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object of an answer that is none of the known refusals."""
        reply = await self._ask(method, path, params=params, question=question)
        is_json = "json" in reply.headers.get("content-type", "").lower()
        self._refuse(reply, "" if is_json else _words(reply))
        if not is_json:
            raise self._asking.unreadable("something that is not JSON")
        try:
            document = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self._asking.unreadable("broken JSON, or only a part of it") from None
        if not isinstance(document, dict):
            raise self._asking.unreadable("JSON that is no object")
        error = document.get("error")
        if error and not _nothing_returned(document):
            words = str(error)
            raise self._refused(words) if _SESSION_REFUSED.search(words) else self._bad_request(words)
        return document

    def _torrent(self, reply: asking.Reply) -> Payload:
        is_torrent = reply.status == 200 and re.match(rb"d\d", reply.body) is not None
        words = "" if is_torrent else _words(reply)
        if reply.status == 406 or _PAST_LIMIT.search(words):
            raise self._limit_reached(words)
        self._refuse(reply, words, fetching=True)
        if not is_torrent:
            raise self._asking.unreadable("something that is no torrent")
        try:
            return read_torrent(reply.body)
        except Unfit as exc:
            if exc.code == "TorrentNotBencoded":
                raise self._asking.unreadable("a broken torrent, or only a part of it") from None
            raise

    # One request

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        question: Mapping[str, Any] | None = None,
        accept: str = "application/json",
    ) -> asking.Reply:
        """One at a time: an answer renews the session that the next request needs."""
        async with self._pace:
            session = await self._newest_session()
            headers = {"Accept": accept, "Cookie": f"{COOKIE}={session.value}"}
            try:
                request = self._http.build_request(
                    method, self._site + path, params=params, json=question, headers=headers
                )
                async with asyncio.timeout(self._reply_s):
                    return await self._read(request, session)
            # Without the cause: it knows the whole request, with the cookie.
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
                raise Transient(
                    f"{self.name} did not answer ({type(exc).__name__}): is the network up, and its address right?",
                    code="IndexerUnreachable",
                ) from None

    async def _read(self, request: httpx.Request, session: Session) -> asking.Reply:
        reply = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            # The old value may be worthless from here on, whatever becomes of the body.
            await self._renew(session, reply.headers.get_list("set-cookie"))
            body = bytearray()
            async for chunk in reply.aiter_bytes():
                body += chunk
                if len(body) > asking.MAX_BODY_BYTES:
                    raise self._asking.unreadable(f"more than {asking.MAX_BODY_BYTES >> 20} MiB")
            return asking.Reply(reply.status_code, reply.headers, bytes(body))
        finally:
            await reply.aclose()

    # The session

    async def _newest_session(self) -> Session:
        """What the store holds now, for another process may have renewed it; what the user set anew comes before it."""
        await self._save()
        stored = await self._sessions.read(self.name)
        session = stored if stored is not None and stored.given == self._started.given else self._started
        if session.dead:
            raise self._refused("the site ended it")
        if not session.usable:
            raise self._refused("it is empty, or holds a character that no cookie has")
        self._values.append(session.value)
        return session

    async def _renew(self, session: Session, set_cookie: list[str]) -> None:
        renewed = renewal.after_reply(session, set_cookie, name=COOKIE, host=self._host)
        self._forget_cookies()
        if renewed != session:
            self._unsaved = renewed
            self._values.append(renewed.value)
            await self._save()
        if renewed.dead:
            raise self._refused("the site ended it")

    async def _save(self) -> None:
        """A session that could not be saved is kept until it can: the one in the store is worthless by then."""
        if self._unsaved is not None:
            await self._sessions.save(self.name, self._unsaved, at=self._now())
            self._unsaved = None

    def _forget_cookies(self) -> None:
        """The HTTP client keeps cookies too, and would send them to whatever else runs on the same host."""
        for cookie in [cookie for cookie in self._http.cookies.jar if cookie.name == COOKIE]:
            self._http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)

    # Refusals

    def _refuse(self, reply: asking.Reply, words: str, *, fetching: bool = False) -> None:
        """Raise what the status says, or `words`: the text that came in place of what was asked for."""
        leads_to_login = reply.status in asking.REDIRECTS and "login" in reply.headers.get("location", "").lower()
        is_login = reply.status == 200 and _SIGNED_OUT.search(words) is not None
        if reply.status in (401, 403) or leads_to_login or is_login:
            raise self._refused("we are not signed in")
        self._asking.refuse(reply, fetching=fetching)

    def _refused(self, why: str) -> Permanent:
        return Permanent(
            f"{self.name} does not accept our session: {self._quoted(why)}; make a new one on the site under "
            "Preferences > Security, for the address this machine has there, and set it.",
            code="IndexerRefusedKey",
        )

    def _bad_request(self, words: str) -> Permanent:
        return self._asking.bad_request(self._quoted(words))

    def _limit_reached(self, words: str) -> Transient:
        return Transient(
            f"{self.name} allows no further download for now: too many torrents still owe seeding.",
            code="IndexerLimitReached",
            retry_after_s=_allowed_in_s(words),
        )

    def _quoted(self, words: str) -> str:
        values = {self._started.value, *self._values}
        spellings = (spelling for one in values for spelling in (one, unquote(one), quote(one, safe="")))
        return quoted(words, *sorted(spellings, key=len, reverse=True)).rstrip(".")


def _question(query: Asked) -> dict[str, Any] | None:
    """None when too little is left of it: an empty text would ask for everything."""
    words, fields = _searched(query)
    text = mam_rows.clean_query(words)
    return {**_tor(text), "srchIn": fields} if len(text) > 1 else None


def _searched(query: Asked) -> tuple[str, list[str]]:
    """The words, and where they are looked for.

    A series is asked for by its name alone: its number is told from the rows, because a search for both would find
    only what has the number in its name.
    """
    if query.title or query.author:
        named = {"title": query.title, "author": query.author}
        return " ".join(filter(None, named.values())), [field for field, text in named.items() if text]
    if query.series:
        return query.series, ["series"]
    return query.text, ["title", "author", "series"]


def _tor(text: str) -> dict[str, Any]:
    return {
        "text": text,
        "searchType": "active",
        "searchIn": "torrents",
        "main_cat": [AUDIOBOOKS],
        "sortType": "default",
    }


def _nothing_returned(document: Mapping[str, Any]) -> bool:
    return str(document.get("error")).startswith("Nothing returned, out of")


def _allowed_in_s(words: str) -> float:
    """The time until downloads are allowed again, as a refusal states it."""
    found = _ALLOWED_IN.search(words)
    if found is None:
        return LIMIT_REST_S
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return min(days * 86_400.0 + hours * 3600 + minutes * 60 + seconds, asking.LONGEST_REST_S)


def _words(reply: asking.Reply) -> str:
    return reply.body[:4_000].decode("utf-8", "replace")
