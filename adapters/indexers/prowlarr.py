"""Prowlarr: one server that asks many trackers for us. The only module that knows its JSON and its links."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import httpx
import msgspec

from adapters.indexers import feed
from adapters.indexers.asking import (
    MAX_PAGES,
    MAX_ROWS,
    Asked,
    Asking,
    Links,
    Reply,
    Words,
    all_pages,
    http_date,
    is_magnet,
    one_line,
    titles_to_ask,
)
from adapters.indexers.text import clean_title, fingerprint
from domain.errors import Failure, Transient
from domain.releases import Payload, Release

LIST_AGE = timedelta(hours=1)
REPLY_S = 150.0
"""Prowlarr answers when its slowest tracker has answered, or has not for 100 seconds."""
CUT_AUTHORS = 5
"""MyAnonamouse's titles name no more authors: there may be others."""
MAM_DUTIES = (1.0, 259_200)
"""Ratio, and seconds of seeding: either will do."""

T = TypeVar("T")


class Tracker(msgspec.Struct, frozen=True, kw_only=True):
    """One indexer of Prowlarr's, as far as it matters for asking it."""

    id: int
    name: str
    categories: tuple[int, ...]
    """What to ask it for; empty asks for everything."""
    fields: frozenset[str]
    """What it can be asked for by name: `author`, `title`."""
    page_size: int
    has_pages: bool
    has_newest: bool
    has_limit: bool
    """Whether Prowlarr counts its queries: a list is silently empty when they are used up, a feed says so."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What `doctor` shows of a Prowlarr."""

    version: str
    asked: tuple[str, ...]
    """The trackers that a search asks."""
    left_out: Mapping[str, str]
    """Trackers that are enabled, or were chosen by number, and are not asked: why."""
    paused: Mapping[str, datetime | None]
    """Those asked that Prowlarr leaves alone after failures: until when, where it says."""


class Prowlarr:
    """Searches many trackers through one Prowlarr, and fetches what they offer, one request at a time.

    `url` is Prowlarr's address with its URL base. `indexer_ids` limits the search to these of its indexers, `skip`
    names implementations that are asked elsewhere (`MyAnonamouse`). The key and the links that Prowlarr gives out,
    which carry it too, never leave this object: not in errors, not in releases, not in its repr.

    **A search may be answered in part.** Prowlarr hides the failure of a tracker behind a list without its rows. After
    each search it is therefore asked whom it has paused, and `silent` names who did not answer in the last search
    and why (tracker -> sentence). What others brought is returned all the same, also where it is nothing: with `silent`
    not empty it is no proof that nothing else exists. That nobody answered is an error.
    """

    def __init__(
        self,
        name: str,
        url: str,
        api_key: str,
        *,
        http: httpx.AsyncClient,
        indexer_ids: Sequence[int] = (),
        skip: frozenset[str] = frozenset(),
        categories: Sequence[int] = (3030,),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap_s: float = 2.0,
        reply_s: float = REPLY_S,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint(url, api_key)
        self.silent: Mapping[str, str] = {}
        self._base = url.partition("?")[0].rstrip("/").removesuffix("/api/v1")
        self._api_key = api_key
        self._headers = {"X-Api-Key": api_key}
        self._indexer_ids = tuple(indexer_ids)
        self._skip = skip
        self._categories = tuple(categories)
        self._now = now
        self._asking = Asking(name, api_key, http=http, now=now, sleep=sleep, gap_s=gap_s, reply_s=reply_s)
        self._listed: tuple[list[_Indexer], datetime] | None = None
        self._links = Links()

    def __repr__(self) -> str:
        return f"Prowlarr({self.name!r})"

    async def check(self) -> Standing:
        """Ask for its version, its indexers and who is paused, now: proves the address and the key."""
        status = await self._json("system/status", _Status)
        if status.app_name != "Prowlarr":
            raise self._asking.unreadable("an answer that is not Prowlarr's; check its address")
        self._listed = None
        listed = await self._indexers()
        asked = self._trackers(listed)
        paused = await self._paused()
        return Standing(
            version=clean_title(status.version),
            asked=tuple(tracker.name for tracker in asked),
            left_out=self._left_out(listed, {tracker.id for tracker in asked}),
            paused={tracker.name: paused[tracker.id] for tracker in asked if tracker.id in paused},
        )

    async def search(self, query: Asked) -> tuple[Release, ...]:
        """Every release that the trackers offer for this question; those who did not answer are in `silent`.

        `Permanent`: IndexerRefusedKey, IndexerBadRequest, IndexerUnsupported. `Transient`: IndexerPaused when nobody
        answered; IndexerRateLimited, IndexerDisabled, IndexerUnreadable, IndexerUnreachable; IndexerEmpty when there is
        no tracker to ask.
        """
        self.silent = {}
        listed = await self._indexers()
        newest = not _said(query)
        asked = [one for one in self._trackers(listed) if one.has_newest or not newest]
        if not asked:
            return self._nobody(listed)
        rows: dict[str, feed.Row] = {}
        failures: dict[int, Failure] = {}
        for group in self._groups(asked, query):
            try:
                found = await (self._feed(group[0], query) if len(group) == 1 else self._list(group, query))
            except Failure as failure:
                if failure.code in ("IndexerRefusedKey", "IndexerUnreachable"):
                    raise
                failures |= {tracker.id: failure for tracker in group}
            else:
                rows |= {row.release.id: row for row in found}
        paused = await self._paused()
        if failures.keys() - paused.keys():
            self._listed = None  # it may have changed: an indexer that was removed would be silent for an hour
        failures |= {tracker.id: self._pause(tracker, paused[tracker.id]) for tracker in asked if tracker.id in paused}
        self.silent = {tracker.name: failures[tracker.id].message for tracker in asked if tracker.id in failures}
        if len(failures) == len(asked) and not rows:
            raise self._unanswered(tuple(failures.values()))
        self._links.remember(rows.values())
        return tuple(row.release for row in rows.values())

    async def fetch(self, release: Release) -> Payload:
        """The torrent or magnet behind a release; after a restart its link is found again by its title.

        `Conflict` ReleaseNotListed when it is to be searched again. `Permanent`: ReleaseGone, ReleaseChanged,
        ReleaseUnfetchable, and what `search` raises.
        """
        link = self._links.get(release.id) or await self._find_again(release)

        def check(reply: Reply) -> None:
            # Prowlarr signs links with a key of its own, which is lost with its database.
            if ours and reply.status == 400:
                self._links.forget(release.id)
                raise self._asking.not_listed(release)

        ours = self._is_ours(link)
        headers = self._headers if ours else None
        payload = await self._asking.resolve(link, headers=headers, hops=1, forbidden=self._leads_back, check=check)
        return self._asking.same(payload, release)

    async def account(self) -> None:
        """Prowlarr keeps the accounts; it says nothing about them."""
        return

    # Whom to ask

    async def _indexers(self) -> list[_Indexer]:
        if self._listed is None or self._now() - self._listed[1] >= LIST_AGE:
            listed = await self._json("indexer", list[_Indexer])
            # Settings hold secrets: nothing of them is kept but whether Prowlarr counts the queries.
            kept = [msgspec.structs.replace(one, has_limit=_has_limit(one.fields), fields=()) for one in listed]
            self._listed = (kept, self._now())
        return self._listed[0]

    def _trackers(self, listed: Iterable[_Indexer]) -> list[Tracker]:
        return [self._tracker(one) for one in listed if not self._objection(one)]

    def _tracker(self, indexer: _Indexer) -> Tracker:
        caps = indexer.capabilities
        return Tracker(
            id=indexer.id,
            name=clean_title(indexer.name)[:100] or f"indexer {indexer.id}",
            categories=self._wanted_of(caps),
            fields=frozenset(param.lower() for param in caps.book_search_params),
            page_size=min(caps.limits_max or MAX_ROWS, MAX_ROWS),
            has_pages=indexer.supports_pagination,
            has_newest=indexer.supports_rss,
            has_limit=indexer.has_limit,
        )

    def _objection(self, indexer: _Indexer) -> str:
        """Why this one is not asked; empty when it is."""
        chosen = indexer.id in self._indexer_ids
        if self._indexer_ids and not chosen:
            return "is not among those that were chosen"
        if not indexer.enable:
            return "is switched off in Prowlarr"
        if indexer.protocol != "torrent":
            return "offers no torrents"
        if not indexer.supports_search:
            return "cannot be searched"
        if indexer.implementation in self._skip:
            return "is asked by its own source"
        # One that was chosen is asked for everything it has: a question for categories it lacks finds nothing.
        if not chosen and not self._wanted_of(indexer.capabilities):
            return "has no category of audiobooks"
        return ""

    def _wanted_of(self, caps: _Capabilities) -> tuple[int, ...]:
        """The wanted categories that it has, else those it calls audiobooks."""
        known = dict(_flat(caps.categories))
        listed = tuple(number for number in self._categories if number in known)
        return listed or tuple(number for number, name in known.items() if "audiobook" in name.lower())

    def _left_out(self, listed: Iterable[_Indexer], asked: Collection[int]) -> dict[str, str]:
        known = {one.id: one for one in listed}
        shown = [one for one in known.values() if one.id not in asked and (one.enable or one.id in self._indexer_ids)]
        missing = [number for number in self._indexer_ids if number not in known]
        return {clean_title(one.name): self._objection(one) for one in shown} | {
            f"indexer {number}": "does not exist in Prowlarr" for number in missing
        }

    def _nobody(self, listed: Iterable[_Indexer]) -> tuple[Release, ...]:
        """Nothing to ask is an answer only where all that could be asked is asked elsewhere."""
        if any(self._objection(one) == "is asked by its own source" for one in listed):
            return ()
        self._listed = None
        raise Transient(
            f"{self.name} has no indexer to ask: enable one in Prowlarr that offers torrents of audiobooks.",
            code="IndexerEmpty",
            retry_after_s=LIST_AGE.total_seconds(),
        )

    async def _paused(self) -> dict[int, datetime | None]:
        """Whom Prowlarr leaves alone at the moment, and until when. It lists a tracker as soon as a request failed."""
        reply = await self._reply("indexerstatus")
        # By its own clock, where it shows it: the first pause is a minute, and clocks differ by more than that.
        now = http_date(reply.headers.get("date", "")) or self._now()
        listed = self._decoded(reply, list[_Paused])
        until = {one.indexer_id: _moment(one.disabled_till) for one in listed if one.disabled_till}
        return {number: moment for number, moment in until.items() if moment is None or moment > now}

    # How to ask

    def _groups(self, asked: Sequence[Tracker], query: Asked) -> Iterator[list[Tracker]]:
        """Who is asked in one request: those that understand the same question. A feed is asked alone."""
        alike: dict[object, list[Tracker]] = defaultdict(list)
        for tracker in asked:
            alone = tracker.has_limit or not _said(query)
            alike[tracker.id if alone else (tracker.categories, bool(_fields(tracker, query)))].append(tracker)
        yield from alike.values()

    async def _feed(self, tracker: Tracker, query: Asked) -> tuple[feed.Row, ...]:
        """One tracker through its own feed, which says more about each release, and says when it may not be asked."""
        address = f"{self._base}/{tracker.id}/api"
        fields, text = _fields(tracker, query), _said(query)
        question = {"t": "book", **fields} if fields else {"t": "search", **({"q": text} if text else {})}
        categories = {"cat": ",".join(map(str, tracker.categories))} if tracker.categories else {}
        size, asking = tracker.page_size, self._asking.about(tracker.name)

        async def page(offset: int) -> feed.Page:
            limits = {"extended": "1", "limit": str(size), "offset": str(offset)}
            params = {**question, **categories, **limits}
            indexer = _source(self.name, tracker.id)
            return await asking.page(address, params, indexer=indexer, headers=self._headers)

        rows = await all_pages(page, size=size, most=MAX_PAGES if text and tracker.has_pages else 1)
        named = (self._row(row.release, row.link, tracker.name) for row in rows)
        usable = tuple(row for row in named if row is not None)
        if rows and not usable:
            raise asking.unreadable(f"{len(rows)} releases without a link that may be followed")
        return usable

    async def _list(self, group: Sequence[Tracker], query: Asked) -> tuple[feed.Row, ...]:
        """Several trackers at once, each over five pages at most while its pages are full."""
        fields = _fields(group[0], query)
        text = "".join(f"{{{name}:{value}}}" for name, value in fields.items()) or _said(query)
        asked, found = list(group), dict[str, feed.Row]()
        for number in range(MAX_PAGES):
            listed = await self._json(
                "search",
                list[msgspec.Raw],
                [
                    ("query", text),
                    ("type", "book" if fields else "search"),
                    *(("indexerIds", str(tracker.id)) for tracker in asked),
                    *(("categories", str(category)) for category in group[0].categories),
                    ("limit", str(MAX_ROWS)),
                    ("offset", str(number * MAX_ROWS)),
                ],
            )
            counts, rows = self._read(listed)
            new = {row.release.id: row for row in rows if row.release.id not in found}
            found |= new
            full = [one for one in asked if one.has_pages and one.page_size == MAX_ROWS <= counts[one.id]]
            if not full or not new:
                break
            asked = full
        return tuple(found.values())

    def _read(self, listed: Sequence[msgspec.Raw]) -> tuple[Mapping[int, int], list[feed.Row]]:
        """How many rows each tracker has on this page, and those that can be offered."""
        counts: dict[int, int] = defaultdict(int)
        rows, broken = [], 0
        for raw in listed:
            try:
                one = msgspec.json.decode(raw, type=_Found)
            except msgspec.ValidationError:
                broken += 1
                continue
            counts[one.indexer_id] += 1
            release = _release(one, self.name)
            row = self._row(release, one.download_url or one.magnet_url or "", one.indexer or "")
            if row is None or not release.title:
                broken += one.protocol != "usenet"
            elif one.protocol != "usenet" and not feed.only_ebooks(release.categories):
                rows.append(row)
        if listed and broken == len(listed):
            raise self._asking.unreadable(f"{broken} releases without title or link")
        return counts, rows

    def _row(self, release: Release, link: str, tracker: str) -> feed.Row | None:
        """The release under our name, with a link that this object can follow; None where it has none."""
        link = self._own(link)
        if not link:
            return None
        named = msgspec.structs.replace(release, indexer=self.name, tracker=clean_title(tracker)[:100] or None)
        return feed.Row(release=_as_mam(named), link=link)

    # Links

    def _own(self, link: str) -> str:
        """A link to Prowlarr as we call it, and without the key; empty for one that may not be asked.

        Prowlarr writes the host name by which it was called, which behind a proxy is not ours.
        """
        try:
            parts = urlsplit(link)
            params = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            return ""
        named = {name.lower() for name, _ in params}
        found = re.search(r"/(\d+)/download$", parts.path, re.ASCII)
        if found and {"link", "file"} <= named:
            kept = [(name, value) for name, value in params if name.lower() != "apikey"]
            return f"{self._base}/{found[1]}/download?{urlencode(kept)}"
        return link if is_magnet(link) or (parts.scheme in ("http", "https") and not self._leads_back(link)) else ""

    def _is_ours(self, link: str) -> bool:
        return link.startswith(self._base + "/")

    def _leads_back(self, link: str) -> bool:
        """Whether a link goes to Prowlarr, or carries its key to somebody else."""
        try:
            parts, own = urlsplit(link), urlsplit(self._base)
            back = _place(parts) == _place(own) and parts.path.startswith(own.path)
        except ValueError:
            return True
        return back or (bool(self._api_key) and self._api_key in link)

    async def _find_again(self, release: Release) -> str:
        """Links are not stored, because they carry keys: after a restart the release is searched for."""
        for text in titles_to_ask(release.title):
            await self.search(Words(text))
            if link := self._links.get(release.id):
                return link
        raise self._asking.not_listed(release)

    # One request

    async def _json(self, path: str, type_: type[T], params: Sequence[tuple[str, str]] = ()) -> T:
        return self._decoded(await self._reply(path, params), type_)

    async def _reply(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Reply:
        reply = await self._asking.get(f"{self._base}/api/v1/{path}", params, headers=self._headers)
        if reply.status == 400:
            raise self._bad_request(reply)
        self._asking.refuse(reply)
        return reply

    def _decoded(self, reply: Reply, type_: type[T]) -> T:
        try:
            return msgspec.json.decode(reply.body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        if reply.body.lstrip().startswith(b"<"):
            raise self._asking.unreadable("a web page; it is starting up, or its URL base is missing in its address")
        raise self._asking.unreadable("broken JSON, or only a part of it")

    # Refusals

    def _bad_request(self, reply: Reply) -> Failure:
        words = reply.body[:2000].decode("utf-8", "replace")
        if "being unavailable" in words:
            return Transient(f"{self.name} can ask none of its indexers at the moment.", code="IndexerPaused")
        return self._asking.bad_request(re.sub(r'[{}\[\]"]+', " ", words))

    def _pause(self, tracker: Tracker, until: datetime | None) -> Transient:
        when = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        rest_s = max((until - self._now()).total_seconds(), 60.0) if until else None
        message = f"{self.name} has paused {tracker.name}{when} after failures: its own page of indexers says why."
        return Transient(message, code="IndexerPaused", retry_after_s=rest_s)

    def _unanswered(self, failures: Sequence[Failure]) -> Failure:
        """One error for several silent trackers: with the shortest rest, for from then on somebody can answer."""
        different = {failure.message: failure for failure in failures}
        if len(different) == 1:
            return failures[0]
        codes = {failure.code for failure in failures}
        rests = [rest for one in failures if isinstance(one, Transient) and (rest := one.retry_after_s) is not None]
        code = codes.pop() if len(codes) == 1 else "IndexerPaused"
        return Transient(" ".join(different)[:900], code=code, retry_after_s=min(rests, default=None))


# What Prowlarr sends


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    app_name: str
    version: str = ""


class _Category(msgspec.Struct, frozen=True, rename="camel"):
    id: int
    name: str = ""
    sub_categories: tuple[_Category, ...] = ()


class _Capabilities(msgspec.Struct, frozen=True, rename="camel"):
    limits_max: int | None = None
    categories: tuple[_Category, ...] = ()
    book_search_params: tuple[str, ...] = ()


class _Setting(msgspec.Struct, frozen=True):
    name: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")

    def __repr__(self) -> str:
        return f"_Setting({self.name!r})"


class _Indexer(msgspec.Struct, frozen=True, rename="camel"):
    id: int
    name: str
    enable: bool
    protocol: str
    implementation: str = ""
    supports_search: bool = False
    supports_rss: bool = False
    supports_pagination: bool = False
    capabilities: _Capabilities = _Capabilities()
    fields: tuple[_Setting, ...] = ()
    has_limit: bool = False
    """Not sent: read from `fields`."""


class _Paused(msgspec.Struct, frozen=True, rename="camel"):
    indexer_id: int
    disabled_till: str = ""


class _Found(msgspec.Struct, frozen=True, rename="camel"):
    """One row (ReleaseResource). Its links carry the API key."""

    guid: str
    title: str
    indexer_id: int
    protocol: str
    indexer: str | None = None
    size: int = 0
    files: int | None = None
    grabs: int | None = None
    publish_date: str | None = None
    categories: tuple[_Category, ...] | None = None
    indexer_flags: tuple[str, ...] | None = None
    seeders: int | None = None
    leechers: int | None = None
    info_hash: str | None = None
    info_url: str | None = None
    comment_url: str | None = None
    download_url: str | None = None
    magnet_url: str | None = None

    def __repr__(self) -> str:
        return f"_Found({self.guid!r})"


def _has_limit(fields: Iterable[_Setting]) -> bool:
    return any(one.name.lower().endswith("querylimit") and bytes(one.value) != b"null" for one in fields)


def _release(row: _Found, name: str) -> Release:
    infohash, flags = (row.info_hash or "").lower(), row.indexer_flags or ()
    # A standard category lists all its siblings below it: what stands there says nothing about the release.
    own = {category.id: clean_title(category.name) for category in row.categories or ()}
    page = row.info_url or (row.comment_url or "").removesuffix("#comments") or row.guid
    return Release(
        id=feed.release_id(_source(name, row.indexer_id), row.guid),
        indexer=name,
        title=clean_title(row.title),
        category=_category(own),
        categories=tuple(own),
        tags=clean_title(", ".join(flags)) or None,
        size_bytes=feed.believable_size(row.size),
        files=_count(row.files) or None,
        seeders=_count(row.seeders),
        leechers=_count(row.leechers),
        grabs=_count(row.grabs),
        published_at=_moment(row.publish_date or ""),
        infohash=infohash if re.fullmatch(r"[0-9a-f]{40}", infohash) else None,
        download_factor=_factor(flags),
        tracker_id=feed.tracker_id(row.guid, row.info_url or ""),
        info_url=feed.info_page(page, link=row.download_url or ""),
    )


def _source(name: str, tracker_id: int) -> str:
    """What a release's id is made with: two trackers may number their releases alike."""
    return f"{name}/{tracker_id}"


def _category(own: Mapping[int, str]) -> str | None:
    """The tracker's own words, which come last, before the standard ones."""
    said = [own[number] or str(number) for number in sorted(own)]
    return said[-1] if said else None


def _factor(flags: Collection[str]) -> float | None:
    """Flags are set for free and half alone; without one it may be anything else."""
    said = {re.sub(r"[^a-z]", "", flag.lower()) for flag in flags}
    return 0.0 if said & {"freeleech", "neutralleech"} else 0.5 if "halfleech" in said else None


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= 10**15 else None


def _moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Prowlarr writes the first day of the calendar when it does not know.
    return moment if moment.year > 1980 else None


_MAM_TITLE = re.compile(
    r"(?P<title>.+) by (?P<authors>.+?) \[(?P<language>[A-Z]{2,3}) / (?P<types>[A-Z0-9 ]+)\](?: \[VIP\])?"
)


def _as_mam(release: Release) -> Release:
    """A row of MyAnonamouse with its duties, and with what Prowlarr put into the title in fields of its own."""
    if not (release.tracker_id or "").startswith("mam/"):
        return release
    ratio, seed_s = MAM_DUTIES
    release = msgspec.structs.replace(
        release,
        min_ratio=ratio if release.min_ratio is None else release.min_ratio,
        min_seed_s=seed_s if release.min_seed_s is None else release.min_seed_s,
    )
    found = _MAM_TITLE.fullmatch(release.title)
    if not found:
        return release
    release = msgspec.structs.replace(
        release, language=release.language or found["language"], filetypes=tuple(found["types"].lower().split()) or None
    )
    authors = tuple(found["authors"].split(", "))
    if len(authors) >= CUT_AUTHORS:
        return msgspec.structs.replace(release, authors=None)
    return msgspec.structs.replace(release, title=found["title"], authors=authors)


def _fields(tracker: Tracker, query: Asked) -> dict[str, str]:
    """The question by author and title, where the tracker understands all of it; braces would end a field."""
    stated = {"author": one_line(query.author or ""), "title": one_line(query.title or "")}
    fields = {name: " ".join(re.sub(r"[{}]", " ", value).split()) for name, value in stated.items()}
    fields = {name: value for name, value in fields.items() if value}
    return fields if fields.keys() <= tracker.fields else {}


def _said(query: Asked) -> str:
    """The question in one line; empty when it asks for the newest."""
    return one_line(query.text) or " ".join(filter(None, (one_line(query.author or ""), one_line(query.title or ""))))


def _flat(categories: Iterable[_Category]) -> Iterator[tuple[int, str]]:
    for category in categories:
        yield category.id, category.name
        yield from _flat(category.sub_categories)


def _place(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
