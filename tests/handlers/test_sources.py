"""Which sources the settings turn on, where and how often they are asked, and what doctor says about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import http
from adapters.sandbox.serve import Server
from adapters.store import Store, migrate, open_store
from domain.catalogue.claims import Answer, ListBooks, Search
from domain.catalogue.hosts import Host, Limits
from domain.errors import Failure
from domain.findings import Finding
from handlers.doctor import examine
from handlers.settings import USUAL_SOURCES, Settings, load
from handlers.sources import LIMITS, PROVIDER_LIMITS, Configured, configured, sources
from handlers.wiring import SystemClock, connect

OPT_INS = {
    "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN": "swordfish",
    "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY": "swordfish",
    "BIBLIOSTAT_CATALOGUE_ITUNES": "yes",
    "BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL": "https://glasses.example",
    "BIBLIOSTAT_PROVIDER_KINDLE_URL": "http://abs-tract:5555/kindle/us",
    "BIBLIOSTAT_PROVIDER_KINDLE_AUTHORIZATION": "swordfish",
}
BY_TITLE = Search(title="Tik-Tok of Oz", author="L. Frank Baum")


def loaded(tmp_path: Path, **environ: str) -> Settings:
    environ = {
        "HOME": str(tmp_path),
        "BIBLIOSTAT_DATA_DIR": str(tmp_path),
        "BIBLIOSTAT_INDEXERS_OFF": "librivox",
    } | environ
    found = load(environ, tmp_path)
    assert isinstance(found, Settings), list(map(str, found))
    return found


def named(settings: Settings) -> dict[str, Configured]:
    return {one.name: one for one in configured(settings)}


class Hasty(SystemClock):
    """Waits for nothing."""

    async def sleep(self, seconds: float) -> None: ...


class Ear:
    """A server that hears every request and refuses it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Mapping[str, str]]] = []
        """(path, headers)"""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{word}.complete"})
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.heard.append((scope["path"], headers))
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b'{"error": "go away"}'})


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def url(ear: Ear) -> Iterator[str]:
    with Server(ear) as server:
        yield server.url


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    address = f"sqlite+aiosqlite:///{tmp_path}/bibliostat.db"
    await migrate(address)
    async with open_store(address) as opened:
        yield opened


def everywhere(url: str) -> dict[str, str]:
    """Every source at one server."""
    return OPT_INS | {
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": f"{url}/audible/{{region}}",
        "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL": f"{url}/audiosilo",
        "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL": f"{url}/audnexus",
        "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL": f"{url}/openlibrary",
        "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL": f"{url}/librivox",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_URL": f"{url}/hardcover",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_URL": f"{url}/google",
        "BIBLIOSTAT_CATALOGUE_ITUNES_URL": f"{url}/itunes",
        "BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL": f"{url}/rreading-glasses",
        "BIBLIOSTAT_PROVIDER_KINDLE_URL": f"{url}/kindle/us",
    }


async def ask_all(settings: Settings, store: Store) -> dict[str, Answer | Failure]:
    """What each source says to one question."""
    said: dict[str, Answer | Failure] = {}
    async with AsyncExitStack() as stack:
        for source in await sources(settings, store, Hasty(), stack):
            try:
                said[source.name] = await source.ask(BY_TITLE if Search in source.answers else ListBooks(name="Baum"))
            except Failure as failure:
                said[source.name] = failure
    return said


# Which sources there are.


async def test_without_any_settings_the_five_usual_sources_are_built(tmp_path, store):
    async with AsyncExitStack() as stack:
        built = await sources(loaded(tmp_path), store, SystemClock(), stack)

    assert [source.name for source in built] == ["audible", "audiosilo", "audnexus", "openlibrary", "librivox"]


async def test_sources_that_a_person_turned_on_come_after_the_usual_ones(tmp_path, store):
    async with AsyncExitStack() as stack:
        built = await sources(loaded(tmp_path, **OPT_INS), store, SystemClock(), stack)

    assert [source.name for source in built] == [
        *USUAL_SOURCES,
        "hardcover",
        "google",
        "itunes",
        "rreading-glasses",
        "kindle",
    ]


def test_a_source_that_is_switched_off_is_not_asked(tmp_path):
    settings = loaded(tmp_path, BIBLIOSTAT_CATALOGUE_OFF="audible, openlibrary")

    assert list(named(settings)) == ["audiosilo", "audnexus", "librivox"]


def test_an_address_alone_turns_on_no_source_that_needs_more(tmp_path):
    addresses = {
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_URL": "http://a",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_URL": "http://b",
        "BIBLIOSTAT_CATALOGUE_ITUNES_URL": "http://c",
    }

    assert tuple(named(loaded(tmp_path, **addresses))) == USUAL_SOURCES


# Where they are asked.


async def test_every_source_is_asked_where_the_settings_say(tmp_path, store, ear, url):
    settings = loaded(tmp_path, **everywhere(url))

    said = await ask_all(settings, store)

    assert len(said) == 10
    assert all(isinstance(answer, Failure) for answer in said.values())
    assert {path.split("/")[1] for path, _ in ear.heard} == set(said)


def test_each_region_of_audible_has_its_address(tmp_path):
    regions = {"BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS": "de, uk"}
    mirror = {"BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": "http://libex/{region}/api"}

    assert named(loaded(tmp_path))["audible"].urls == ("https://api.audible.com", "https://api.audible.co.uk")
    assert named(loaded(tmp_path, **regions))["audible"].hosts == ("api.audible.de", "api.audible.co.uk")
    assert named(loaded(tmp_path, **regions, **mirror))["audible"].urls == (
        "http://libex/de/api",
        "http://libex/uk/api",
    )


def test_a_mirror_of_audible_without_regions_is_one_shop(tmp_path):
    settings = loaded(tmp_path, BIBLIOSTAT_CATALOGUE_AUDIBLE_URL="http://libex:8000")

    assert named(settings)["audible"].urls == ("http://libex:8000",)


async def test_audnexus_is_asked_about_the_regions_that_it_knows(tmp_path, store, ear, url):
    only = {"BIBLIOSTAT_CATALOGUE_OFF": "audible, audiosilo, openlibrary, librivox"}
    settings = loaded(
        tmp_path, **only, BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL=url, BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS="br"
    )

    await ask_all(settings, store)

    assert [path for path, _ in ear.heard] == ["/books/search"]


async def test_only_open_library_is_told_whom_to_write_to(tmp_path, store, ear, url):
    settings = loaded(tmp_path, **everywhere(url), BIBLIOSTAT_CATALOGUE_CONTACT="dorothy@kansas.example")

    await ask_all(settings, store)

    told = {path.split("/")[1]: headers["user-agent"] for path, headers in ear.heard}
    assert told.pop("openlibrary") == f"{http.USER_AGENT} (dorothy@kansas.example)"
    assert set(told.values()) == {http.USER_AGENT}


async def test_hosts_are_called_as_the_store_calls_them(tmp_path, store, url):
    settings = loaded(tmp_path, **everywhere(url))

    await ask_all(settings, store)

    assert {host.host for host in await store.hosts()} == {name for one in configured(settings) for name in one.hosts}


# How often they are asked.


def test_other_peoples_servers_are_asked_within_our_limits(tmp_path):
    limits = {name: one.limits for name, one in named(loaded(tmp_path, **OPT_INS)).items()}

    assert limits == {**LIMITS, "kindle": PROVIDER_LIMITS}
    assert all(each.per_day and each.per_s <= 2 for each in limits.values())


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.8.8.8", "[::1]", "localhost", "oz.localhost:1"])
def test_a_source_on_this_machine_needs_neither_pauses_nor_a_budget(tmp_path, host):
    found = named(loaded(tmp_path, **everywhere(f"http://{host}")))

    assert found["audible"].limits == Limits(per_s=float("inf"), at_once=4)
    assert found["openlibrary"].limits == Limits(per_s=float("inf"))


@pytest.mark.parametrize("host", ["192.168.1.2", "nas", "nolocalhost", "localhost.example", "127.0.0.1.example"])
def test_a_source_elsewhere_is_spared_however_near_it_is(tmp_path, host):
    found = named(loaded(tmp_path, **everywhere(f"http://{host}")))

    assert found["audible"].limits == LIMITS["audible"]


def test_what_asks_others_in_turn_is_spared_on_this_machine_too(tmp_path):
    found = named(loaded(tmp_path, **everywhere("http://127.0.0.1:8000")))

    assert found["rreading-glasses"].limits == LIMITS["rreading-glasses"]
    assert found["kindle"].limits == PROVIDER_LIMITS


# Secrets.


async def test_secrets_reach_their_servers_and_nobody_else(tmp_path, store, ear, url, caplog, capsys):
    caplog.set_level("DEBUG")
    settings = loaded(tmp_path, **everywhere(url))

    said = await ask_all(settings, store)

    shown = f"{configured(settings)} {said} {caplog.text} {capsys.readouterr()} {await store.hosts()}"
    told = {path.split("/")[1]: headers.get("authorization") for path, headers in ear.heard}
    assert (told.pop("hardcover"), told.pop("kindle")) == ("Bearer swordfish", "swordfish")
    assert set(told.values()) == {None}
    assert "swordfish" not in shown


# What doctor says.


async def findings(settings: Settings, *known: Host) -> dict[str, Finding]:
    """What doctor says about sources, when this is what is remembered of hosts."""
    async with connect(settings) as outside:
        for host in known:
            await outside.store.change_host(host.host, lambda _, host=host: host)
        said = [one async for one in examine(settings, outside)]
    return {one.check.removeprefix("source-"): one for one in said if one.check.startswith("source-")}


async def test_doctor_counts_what_is_left_of_today_and_asks_nobody(tmp_path, ear, url):
    now = datetime.now(UTC)
    today, yesterday = (f"{day:%Y-%m-%d}" for day in (now, now - timedelta(days=1)))
    uk = Host(host="api.audible.co.uk", spent_today=50, day=today)
    librivox = Host(host="librivox.org", spent_today=50, day=yesterday)

    found = await findings(loaded(tmp_path, BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL=url), uk, librivox)

    assert all(found[name].ok for name in USUAL_SOURCES)
    assert found["audible"].message == (
        "api.audible.com has 20,000 of 20,000 requests left today;"
        " api.audible.co.uk has 19,950 of 20,000 requests left today"
    )
    assert found["librivox"].message == "librivox.org has 5,000 of 5,000 requests left today"
    assert found["audnexus"].message == f"{url.removeprefix('http://')} may be asked as often as needed"
    assert ear.heard == []


async def test_doctor_says_which_host_rests_and_why_without_calling_it_a_failure(tmp_path):
    now = datetime.now(UTC)
    resting = Host(host="openlibrary.org", parked_until=now + timedelta(hours=1), why="it said that we ask too much")
    spent = Host(host="librivox.org", spent_today=5_000, day=f"{now:%Y-%m-%d}")

    found = await findings(loaded(tmp_path), resting, spent)

    assert (found["openlibrary"].ok, found["librivox"].ok) == (None, None)
    assert found["openlibrary"].message.startswith("openlibrary.org is left alone until ")
    assert found["openlibrary"].message.endswith(": it said that we ask too much")
    assert "midnight UTC" in found["librivox"].message


async def test_doctor_says_what_turns_on_a_source_that_is_not_asked(tmp_path):
    found = await findings(loaded(tmp_path, BIBLIOSTAT_CATALOGUE_OFF="audible"))

    off = {name: finding.what_to_do for name, finding in found.items() if finding.ok is None}
    assert off == {
        "audible": "take it out of BIBLIOSTAT_CATALOGUE_OFF to ask it",
        "hardcover": "set BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN to ask it",
        "google": "set BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY to ask it",
        "itunes": "set BIBLIOSTAT_CATALOGUE_ITUNES to yes to ask it",
        "rreading-glasses": "set BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL to ask it",
    }


async def test_doctor_notices_a_provider_whose_name_hides_what_it_is(tmp_path):
    provider = {"BIBLIOSTAT_PROVIDER_MINE_URL": "http://abs-tract:5555/goodreads"}

    found = await findings(loaded(tmp_path, **OPT_INS, **provider))

    assert found["mine-name"].what_to_do == "call it `goodreads` if that is what it is"
    assert "kindle-name" not in found


async def test_doctor_tells_no_secret(tmp_path):
    found = await findings(loaded(tmp_path, **OPT_INS))

    assert found["hardcover"].ok
    assert b"swordfish" not in msgspec.json.encode(found)
