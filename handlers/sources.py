"""Whom the catalogue asks: settings become sources, each within limits that its server can bear."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from adapters import http
from adapters.catalogues.abs_provider import AbsProvider
from adapters.catalogues.audible import HOSTS, Audible
from adapters.catalogues.audiosilo import Audiosilo
from adapters.catalogues.audnexus import Audnexus
from adapters.catalogues.google_books import GoogleBooks
from adapters.catalogues.hardcover import Hardcover
from adapters.catalogues.itunes import ITunes
from adapters.catalogues.librivox import LibriVox
from adapters.catalogues.open_library import OpenLibrary
from adapters.catalogues.replies import Web
from adapters.catalogues.rreading_glasses import RreadingGlasses
from adapters.web import Clock, Limits, PoliteWeb, WebStore
from handlers.settings import CatalogueSettings, ProviderSettings, Settings
from reconcile.catalogue_ports import Source

LIMITS: Mapping[str, Limits] = {
    # Nobody promises this interface and no rate is stated. A first look at 200 series and their authors fits in a day.
    "audible": Limits(per_s=2.0, at_once=4, per_day=20_000),
    # No rate is stated. One call lists a whole series, so a day is never short.
    "audiosilo": Limits(per_s=2.0, per_day=10_000),
    # It refuses more than 100 a minute from one address; 90 leave room for those that arrive late together.
    "audnexus": Limits(per_s=1.5, per_day=10_000),
    # Others say three a second at most; it is a charity's.
    "openlibrary": Limits(per_s=1.0, per_day=10_000),
    # No rate is stated; it is volunteers', and only old books are worth a question.
    "librivox": Limits(per_s=1.0, per_day=5_000),
    # What a free token is given: 60 a minute and 5,000 a day, several questions in one request counting each.
    "hardcover": Limits(per_s=1.0, per_day=5_000),
    # What a key is given for a day.
    "google": Limits(per_s=1.0, per_day=1_000),
    # About 20 calls a minute, then 403.
    "itunes": Limits(per_s=20 / 60, per_day=5_000),
    # Answers of many megabytes, collected from elsewhere; it lets two be on their way.
    "rreading-glasses": Limits(per_s=1.0, at_once=2, per_day=2_000),
}
"""What we allow ourselves with each host of a source (contracts: metadata, section 1). The budgets of a day are ours:
several times what a large library needs, and little enough that a mistake of ours does no harm."""

PROVIDER_LIMITS = Limits(per_s=1.0, per_day=2_000)
"""Most of them scrape: one question of ours is up to ten of theirs."""

PASS_ON = frozenset({"rreading-glasses"})
"""Sources that, like providers, ask somebody else in turn: on this machine too they are asked slowly."""
WANT_CONTACT = frozenset({"openlibrary"})
"""Sources that ask programs to say whom to write to. Others are not told."""
AUDNEXUS_LACKS = frozenset({"br"})
"""Regions of Audible that Audnexus does not know."""


@dataclass(frozen=True, kw_only=True)
class Configured:
    """One source as the settings want it, not built yet."""

    name: str
    urls: tuple[str, ...]
    """Where it is asked."""
    limits: Limits
    build: Callable[[Web], Source]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The same, as the store names hosts."""
        return tuple(dict.fromkeys(map(_host, self.urls)))


def configured(settings: Settings) -> tuple[Configured, ...]:
    """The sources that the settings turn on, in the order in which they are asked; providers come last."""
    said = settings.catalogues
    known = {source.name: source for source in (*_usual(said), *_opt_in(said))}
    return (*(known[name] for name in said.asked), *map(_provider, settings.providers))


async def sources(settings: Settings, store: WebStore, clock: Clock, stack: AsyncExitStack) -> tuple[Source, ...]:
    """The same, built: each with a way of its own. What they leave open is closed with `stack`."""
    contact = settings.catalogues.contact
    unsigned = await stack.enter_async_context(http.client())
    signed = unsigned
    if contact:
        agent = {"User-Agent": f"{http.USER_AGENT} ({contact})"}
        signed = await stack.enter_async_context(http.client(headers=agent))

    def web(one: Configured) -> PoliteWeb:
        return PoliteWeb(signed if one.name in WANT_CONTACT else unsigned, store, one.limits, clock)

    return tuple(one.build(web(one)) for one in configured(settings))


def _usual(said: CatalogueSettings) -> Iterator[Configured]:
    shops = _shops(said)
    regions = [region for region in said.audible_regions if region not in AUDNEXUS_LACKS] or ["us"]
    yield _source("audible", shops.values(), lambda web: Audible(web, base_urls=shops, regions=tuple(shops)))
    yield _source("audiosilo", [said.audiosilo_url], lambda web: Audiosilo(web, base_url=said.audiosilo_url))
    yield _source(
        "audnexus", [said.audnexus_url], lambda web: Audnexus(web, base_url=said.audnexus_url, regions=regions)
    )
    yield _source("openlibrary", [said.open_library_url], lambda web: OpenLibrary(web, base_url=said.open_library_url))
    yield _source("librivox", [said.librivox_url], lambda web: LibriVox(web, base_url=said.librivox_url))


def _opt_in(said: CatalogueSettings) -> Iterator[Configured]:
    """Those for which there is what they need."""
    if (token := said.hardcover_token) is not None:
        url = said.hardcover_url
        yield _source("hardcover", [url], lambda web: Hardcover(web, token=token.reveal(), base_url=url))
    if (key := said.google_books_key) is not None:
        books = said.google_books_url
        yield _source("google", [books], lambda web: GoogleBooks(web, key.reveal(), base_url=books))
    yield _source("itunes", [said.itunes_url], lambda web: ITunes(web, base_url=said.itunes_url))
    if (glasses := said.rreading_glasses_url) is not None:
        yield _source("rreading-glasses", [glasses], lambda web: RreadingGlasses(web, glasses))


def _shops(said: CatalogueSettings) -> Mapping[str, str]:
    """Region -> address. An address without a region is one shop, however many regions there are."""
    if said.audible_url is None:
        return {region: HOSTS[region] for region in said.audible_regions}
    regions = said.audible_regions if "{region}" in said.audible_url else said.audible_regions[:1]
    return {region: said.audible_url.replace("{region}", region) for region in regions}


def _source(name: str, urls: Iterable[str], build: Callable[[Web], Source]) -> Configured:
    """A source on this machine is a mirror of the user's own or a stand-in: it needs neither pauses nor a budget.

    A private address is no such promise; the server behind it may be a neighbour's.
    """
    urls = tuple(urls)
    limits = LIMITS[name]
    if name not in PASS_ON and all(map(_on_this_machine, urls)):
        limits = Limits(per_s=math.inf, at_once=limits.at_once)
    return Configured(name=name, urls=urls, limits=limits, build=build)


def _provider(said: ProviderSettings) -> Configured:
    authorization = said.authorization.reveal() if said.authorization else None

    def build(web: Web) -> AbsProvider:
        return AbsProvider(
            web, name=said.name, base_url=said.url, authorization=authorization, durations=said.durations
        )

    return Configured(name=said.name, urls=(said.url,), limits=PROVIDER_LIMITS, build=build)


def _on_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _host(url: str) -> str:
    """The host with its port where that is not the usual one. What is no address to the client was never asked."""
    try:
        return httpx.URL(url).netloc.decode("ascii")
    except (httpx.InvalidURL, UnicodeError):
        return urlsplit(url).netloc
