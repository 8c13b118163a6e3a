"""One Torznab indexer (Jackett, a Prowlarr feed, a tracker's own). The only module that speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx

from adapters.indexers import feed
from adapters.indexers.asking import (
    MAX_PAGES,
    MAX_ROWS,
    Asked,
    Asking,
    Links,
    Words,
    all_pages,
    one_line,
    titles_to_ask,
)
from adapters.indexers.text import fingerprint
from domain.releases import Payload, Release

CAPS_AGE = timedelta(days=7)


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
        self._key = {"apikey": api_key} if api_key else {}
        self._wanted_categories = tuple(categories)
        self._now = now
        self._asking = Asking(name, api_key, http=http, now=now, sleep=sleep, gap_s=gap_s)
        self._caps: tuple[feed.Caps, datetime] | None = None
        self._links = Links()

    def __repr__(self) -> str:
        return f"Torznab({self.name!r})"

    async def check(self) -> feed.Caps:
        """Ask for the capabilities now: proves the address and, where the indexer cares, the key."""
        caps = await self._asking.document(self._address, {"t": "caps", **self._key}, feed.read_caps)
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

        def page(offset: int) -> Awaitable[feed.Page]:
            params = {**question, "limit": str(size), "offset": str(offset), **self._key}
            return self._asking.page(self._address, params, indexer=self.name)

        rows = await all_pages(page, size=size, most=pages)
        self._links.remember(rows)
        return tuple(row.release for row in rows)

    async def fetch(self, release: Release) -> Payload:
        """The torrent or magnet behind a release; after a restart its link is found again by its title.

        `Permanent`: ReleaseGone, ReleaseChanged, ReleaseUnfetchable, and what `search` raises.
        """
        link = self._links.get(release.id) or await self._find_again(release)
        return self._asking.same(await self._asking.resolve(link), release)

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
        fields = {"author": one_line(query.author or ""), "title": one_line(query.title or "")}
        fields = {name: value for name, value in fields.items() if value}
        text = one_line(query.text) or " ".join(fields.values())
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

    async def _find_again(self, release: Release) -> str:
        """Links are not stored, because they carry keys: after a restart the release is searched for."""
        for text in titles_to_ask(release.title):
            await self.search(Words(text))
            if link := self._links.get(release.id):
                return link
        raise self._asking.not_listed(release)
