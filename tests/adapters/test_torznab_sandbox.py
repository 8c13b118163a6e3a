"""The real client against the stand-in over loopback: fuzzy answers, downloads, and faults in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.indexers.torznab import Torznab
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.sandbox.torznab import Offer, create_app
from domain.errors import Failure, Permanent, Transient

KEY = "sandbox-key"
MAGNET = "magnet:?xt=urn:btih:82777035db4080aab97d3abfe5b54682826ce8d5&dn=Barsoom"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


@pytest.fixture
def offers(tmp_path: Path) -> list[Offer]:
    (tmp_path / "ozma.mp3").write_bytes(b"silence" * 1000)
    torrent = make_torrent(tmp_path / "ozma.mp3")
    return [
        Offer(
            guid="a/1", title="Ozma of Oz by L. Frank Baum & others", seeders=3, size_bytes=5_000_000, torrent=torrent
        ),
        Offer(guid="2", title="The Road to Oz", seeders=9, attrs={"author": "L. Frank Baum"}),
        Offer(guid="3", title="A Princess of Mars", magnet=MAGNET),
        Offer(guid="4", title="Ozma of Oz [EPUB]", categories=(7020,)),
    ]


@pytest.fixture
def app(offers: list[Offer]) -> Faults:
    return create_app(offers, api_key=KEY)


@pytest.fixture
def server(app: Faults) -> Iterator[Server]:
    with Server(app) as running:
        yield running


@pytest.fixture
async def source(server: Server) -> AsyncIterator[Torznab]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        yield Torznab("sandbox", server.url, KEY, http=http, gap_s=0)


async def test_a_search_brings_the_right_one_first_and_its_neighbours_after_it(source: Torznab) -> None:
    found = await source.search(Query(title="Ozma of Oz", author="L. Frank Baum"))

    assert [release.title for release in found] == ["Ozma of Oz by L. Frank Baum & others", "The Road to Oz"]
    assert found[0].size_bytes == 5_000_000
    assert found[0].info_url == "https://tracker.example/t/a%2F1"


async def test_words_that_nothing_shares_find_nothing(source: Torznab) -> None:
    assert await source.search(Query(text="The Hound of the Baskervilles")) == ()


async def test_the_newest_are_offered_without_a_question(source: Torznab) -> None:
    assert len(await source.search(Query())) == 3


async def test_a_long_list_comes_in_pages(source: Torznab, offers: list[Offer]) -> None:
    offers += [Offer(guid=f"many-{number}", title=f"Barsoom {number}") for number in range(230)]

    found = await source.search(Query(text="Barsoom"))

    assert len({release.id for release in found}) == 230


async def test_a_download_gives_the_torrent_or_the_magnet(source: Torznab, offers: list[Offer]) -> None:
    [torrent, *_] = await source.search(Query(text="Ozma"))
    [magnet] = await source.search(Query(text="Princess of Mars"))

    assert (await source.fetch(torrent)).content == offers[0].torrent
    assert (await source.fetch(magnet)).magnet == MAGNET


async def test_a_download_that_was_taken_down_is_gone(source: Torznab) -> None:
    [release] = await source.search(Query(text="Road"))

    with pytest.raises(Permanent) as caught:
        await source.fetch(release)

    assert caught.value.code == "ReleaseGone"


async def test_a_wrong_key_is_refused(server: Server) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        source = Torznab("sandbox", server.url, "wrong", http=http, gap_s=0)
        assert (await source.check()).title == "Sandbox"

        with pytest.raises(Permanent) as caught:
            await source.search(Query(text="Oz"))

    assert caught.value.code == "IndexerRefusedKey"


@pytest.mark.parametrize("kind", ["status", "html", "empty", "cut", "garbage", "lost_reply", "reset"])
async def test_a_fault_is_never_an_empty_answer(kind: str, source: Torznab, app: Faults) -> None:
    await source.check()
    app.now = [msgspec.convert({"kind": kind, "path": "/api", "times": 1}, Fault)]

    with pytest.raises(Transient):
        await source.search(Query(text="Ozma"))

    assert await source.search(Query(text="Ozma"))


@pytest.mark.parametrize("kind", ["status", "html", "empty", "cut", "garbage", "lost_reply", "reset"])
async def test_a_fault_during_a_download_is_temporary(kind: str, source: Torznab, app: Faults) -> None:
    [release, *_] = await source.search(Query(text="Ozma"))
    app.now = [msgspec.convert({"kind": kind, "path": "/download", "times": 1}, Fault)]

    with pytest.raises(Failure) as caught:
        await source.fetch(release)

    assert isinstance(caught.value, Transient)
    assert (await source.fetch(release)).infohash_v1


async def test_a_stopped_indexer_is_unreachable_until_it_is_back(source: Torznab, server: Server) -> None:
    server.stop()
    with pytest.raises(Transient) as caught:
        await source.search(Query(text="Ozma"))
    assert caught.value.code == "IndexerUnreachable"

    server.start()

    assert await source.search(Query(text="Ozma"))
