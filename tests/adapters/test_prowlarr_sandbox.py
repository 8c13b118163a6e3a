"""The real client against the stand-in over loopback: lists, feeds, pauses, downloads, and faults in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.indexers.prowlarr import Prowlarr
from adapters.sandbox.faults import Fault
from adapters.sandbox.prowlarr import StandIn, create_app
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.sandbox.torznab import Offer
from domain.errors import Permanent, Transient

KEY = "sandbox-key"
MAGNET = "magnet:?xt=urn:btih:82777035db4080aab97d3abfe5b54682826ce8d5&dn=Barsoom"
BROKEN = ["status", "html", "empty", "cut", "garbage", "lost_reply", "reset"]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


@pytest.fixture
def offers(tmp_path: Path) -> dict[str, list[Offer]]:
    (tmp_path / "ozma.mp3").write_bytes(b"silence" * 1000)
    torrent = make_torrent(tmp_path / "ozma.mp3")
    return {
        "MyAnonamouse": [
            Offer(guid="900001", title="Ozma of Oz by L Frank Baum [ENG / M4B]", seeders=3, torrent=torrent),
            Offer(guid="900002", title="The Road to Oz by L Frank Baum [ENG / MP3] [VIP]", seeders=9),
        ],
        "Example Public": [
            Offer(guid="7", title="A Princess of Mars", magnet=MAGNET),
            Offer(guid="8", title="Ozma of Oz [EPUB]", categories=(7020,)),
        ],
    }


@pytest.fixture
def app(offers: dict[str, list[Offer]]) -> StandIn:
    return create_app(offers, api_key=KEY, url_base="/prowlarr")


@pytest.fixture
def server(app: StandIn) -> Iterator[Server]:
    with Server(app) as running:
        yield running


@pytest.fixture
async def source(server: Server) -> AsyncIterator[Prowlarr]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        yield Prowlarr("prowlarr", f"{server.url}/prowlarr", KEY, http=http, gap_s=0)


async def test_one_search_asks_all_trackers(source: Prowlarr) -> None:
    found = await source.search(Query(text="Ozma of Oz Princess"))

    assert {(release.title, release.tracker) for release in found} == {
        ("Ozma of Oz", "MyAnonamouse"),
        ("The Road to Oz", "MyAnonamouse"),
        ("A Princess of Mars", "Example Public"),
    }
    assert {release.tracker_id for release in found} == {"mam/900001", "mam/900002", None}


async def test_words_that_nothing_shares_find_nothing(source: Prowlarr) -> None:
    assert await source.search(Query(text="The Hound of the Baskervilles")) == ()


async def test_the_newest_are_offered_without_a_question(source: Prowlarr) -> None:
    found = await source.search(Query())

    assert {release.id for release in found} == {
        release.id for release in await source.search(Query(text="Ozma Oz Princess"))
    }


async def test_a_download_gives_the_torrent_or_the_magnet(source: Prowlarr, offers: dict[str, list[Offer]]) -> None:
    found = {release.title: release for release in await source.search(Query(text="Ozma Princess"))}

    assert (await source.fetch(found["Ozma of Oz"])).content == offers["MyAnonamouse"][0].torrent
    assert (await source.fetch(found["A Princess of Mars"])).magnet == MAGNET


async def test_a_download_that_was_taken_down_is_gone(source: Prowlarr) -> None:
    [road] = [one for one in await source.search(Query(text="Road")) if "Road" in one.title]

    with pytest.raises(Permanent) as caught:
        await source.fetch(road)

    assert caught.value.code == "ReleaseGone"


async def test_after_a_restart_a_download_is_found_again(source: Prowlarr, server: Server) -> None:
    [ozma, *_] = await source.search(Query(text="Ozma"))
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        restarted = Prowlarr("prowlarr", f"{server.url}/prowlarr", KEY, http=http, gap_s=0)

        assert (await restarted.fetch(ozma)).infohash_v1


async def test_a_tracker_that_fails_during_the_search_is_silent(source: Prowlarr, app: StandIn) -> None:
    app.failing = {"MyAnonamouse"}

    found = await source.search(Query(text="Ozma Princess"))

    assert [release.title for release in found] == ["A Princess of Mars"]
    assert list(source.silent) == ["MyAnonamouse"]


async def test_a_tracker_that_fails_is_no_empty_answer_even_through_its_feed(source: Prowlarr, app: StandIn) -> None:
    app.failing = {"MyAnonamouse", "Example Public"}

    for query in (Query(text="Ozma"), Query()):
        app.paused.clear()
        with pytest.raises(Transient) as caught:
            await source.search(query)
        assert caught.value.code == "IndexerPaused"


async def test_when_everybody_is_paused_nobody_answered(source: Prowlarr, app: StandIn) -> None:
    until = datetime.now(UTC) + timedelta(hours=2)
    app.paused = {"MyAnonamouse": until, "Example Public": until}

    with pytest.raises(Transient) as caught:
        await source.search(Query(text="Ozma"))

    assert caught.value.code == "IndexerPaused"
    assert f"{until:%Y-%m-%d %H:%M} UTC" in caught.value.message
    assert set((await source.check()).paused) == {"MyAnonamouse", "Example Public"}


async def test_a_tracker_whose_queries_are_used_up_says_so(source: Prowlarr, app: StandIn) -> None:
    app.limited = {"Example Public"}

    found = await source.search(Query(text="Ozma Princess"))

    assert {release.tracker for release in found} == {"MyAnonamouse"}
    assert "Query Limit" in source.silent["Example Public"]


async def test_a_tracker_that_is_switched_off_is_not_missed(source: Prowlarr, app: StandIn) -> None:
    app.disabled = {"Example Public"}

    assert await source.search(Query(text="Ozma"))
    assert source.silent == {}


async def test_a_tracker_that_is_switched_off_later_is_noticed(source: Prowlarr, app: StandIn) -> None:
    await source.search(Query(text="Ozma"))
    app.disabled = {"MyAnonamouse", "Example Public"}

    with pytest.raises(Transient):
        await source.search(Query(text="Ozma"))
    app.disabled = {"Example Public"}

    assert await source.search(Query(text="Ozma"))


async def test_a_long_list_comes_in_pages(source: Prowlarr, offers: dict[str, list[Offer]]) -> None:
    offers["MyAnonamouse"] += [Offer(guid=str(number), title=f"Barsoom {number}") for number in range(1, 231)]

    assert len(await source.search(Query(text="Barsoom"))) == 230


async def test_the_check_shows_version_and_trackers(source: Prowlarr) -> None:
    standing = await source.check()

    assert (standing.version, standing.asked) == ("2.3.6.0", ("MyAnonamouse", "Example Public"))


async def test_a_wrong_key_is_refused(server: Server) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        source = Prowlarr("prowlarr", f"{server.url}/prowlarr", "wrong", http=http, gap_s=0)

        with pytest.raises(Permanent) as caught:
            await source.check()

    assert caught.value.code == "IndexerRefusedKey"


async def test_a_forgotten_url_base_is_told(server: Server) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        with pytest.raises(Transient) as caught:
            await Prowlarr("prowlarr", server.url, KEY, http=http, gap_s=0).check()

    assert "check its address" in caught.value.message


@pytest.mark.parametrize("path", ["/api/v1/indexer", "/api/v1/search", "/api/v1/indexerstatus"])
@pytest.mark.parametrize("kind", BROKEN)
async def test_a_fault_is_never_an_empty_answer(kind: str, path: str, source: Prowlarr, app: StandIn) -> None:
    app.now = [msgspec.convert({"kind": kind, "path": path, "times": 1}, Fault)]

    with pytest.raises(Transient):
        await source.search(Query(text="Ozma"))

    assert await source.search(Query(text="Ozma"))


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_fault_during_a_download_is_temporary(kind: str, source: Prowlarr, app: StandIn) -> None:
    [ozma, *_] = await source.search(Query(text="Ozma"))
    app.now = [msgspec.convert({"kind": kind, "path": "/download", "times": 1}, Fault)]

    with pytest.raises(Transient):
        await source.fetch(ozma)

    assert (await source.fetch(ozma)).infohash_v1


async def test_a_stopped_prowlarr_is_unreachable_until_it_is_back(source: Prowlarr, server: Server) -> None:
    server.stop()
    with pytest.raises(Transient) as caught:
        await source.search(Query(text="Ozma"))
    assert caught.value.code == "IndexerUnreachable"

    server.start()

    assert await source.search(Query(text="Ozma"))
