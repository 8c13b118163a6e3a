"""The real indexer against the stand-in over loopback, down to a download client that takes only what is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.indexers.librivox import LibriVox
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.librivox_audio import Recording, create_app
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.torrents import read_torrent
from domain.errors import Permanent, Transient
from domain.gates import Answer, answer, judge
from domain.wants import Want
from tests.qbittorrent_nox import StandInRig, adapter

BAUM = (("L. Frank", "Baum"),)
NOW = datetime(2025, 11, 25, tzinfo=UTC)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


OZMA = Query(title="Ozma of Oz", author="L. Frank Baum")


def an_item(folder: Path, identifier: str, *, m4b: bool = False) -> bytes:
    """Two chapters in three formats, with the Archive's own files beside them."""
    item = folder / identifier
    item.mkdir(parents=True)
    files = {
        "__ia_thumb.jpg": 900,
        "cover.jpg": 800,
        f"{identifier}_64kb_mp3.zip": 20_000,
        f"{identifier}_meta.xml": 50,
    }
    for number in (1, 2):
        stem = f"{identifier}_{number:02}"
        files |= {f"{stem}.mp3": 20_000, f"{stem}_64kb.mp3": 10_000, f"{stem}.ogg": 9_000, f"{stem}.png": 100}
    for name, size in (files | ({f"{identifier}.m4b": 21_000} if m4b else {})).items():
        (item / name).write_bytes(name.encode() * (size // len(name)))
    return make_torrent(item)


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    seeds = tmp_path / "seeds"
    return [
        Recording(
            identifier="ozma_of_oz",
            title="Ozma of Oz",
            authors=BAUM,
            readers=("Reader One", "Reader Two"),
            seconds=14_000,
            torrent=an_item(seeds, "ozma_of_oz"),
        ),
        Recording(
            identifier="ozma_of_oz_2",
            title="Ozma of Oz (Version 2)",
            authors=BAUM,
            seconds=15_000,
            torrent=an_item(seeds, "ozma_of_oz_2", m4b=True),
            published_at=datetime(2020, 1, 1, tzinfo=UTC),
        ),
        Recording(
            identifier="ozma_dramatic",
            title="Ozma of Oz (Dramatic Reading)",
            authors=BAUM,
            seconds=13_000,
            torrent=an_item(seeds, "ozma_dramatic"),
        ),
        Recording(identifier="ozma_begun", title="Ozma of Oz (Version 3)", authors=BAUM),
        Recording(identifier="ozma_too_large", title="Ozma of Oz (Version 4)", authors=BAUM, seconds=9),
        Recording(
            identifier="wizard",
            title="The Wonderful Wizard of Oz",
            authors=BAUM,
            seconds=14_711,
            torrent=an_item(seeds, "wizard"),
            catalogued=False,
        ),
        Recording(
            identifier="not_free",
            title="The Royal Book of Oz",
            authors=(("Ruth Plumly", "Thompson"),),
            seconds=14_711,
            torrent=an_item(seeds, "not_free"),
            collections=("opensource_audio",),
            licence=None,
        ),
    ]


@pytest.fixture
def app(recordings: list[Recording]) -> Faults:
    return create_app(recordings)


@pytest.fixture
def server(app: Faults) -> Iterator[Server]:
    with Server(app) as running:
        yield running


@pytest.fixture
async def source(server: Server) -> AsyncIterator[LibriVox]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        yield LibriVox(
            "librivox",
            librivox_url=f"{server.url}/api/feed",
            archive_url=server.url,
            http=http,
            now=lambda: NOW,
            gap_s=0,
        )


async def test_every_finished_recording_with_a_torrent_is_offered(source: LibriVox, recordings: list[Recording]):
    found = {release.title: release for release in await source.search(OZMA)}

    assert set(found) == {
        "Ozma of Oz by L. Frank Baum",
        "Ozma of Oz (2nd Edition) by L. Frank Baum",
        "Ozma of Oz (Dramatized) by L. Frank Baum",
    }
    first, second = found["Ozma of Oz by L. Frank Baum"], found["Ozma of Oz (2nd Edition) by L. Frank Baum"]
    assert first.infohash == read_torrent(recordings[0].torrent or b"").infohash_v1
    assert (first.filetypes, second.filetypes) == (("mp3",), ("m4b",))
    assert first.narrators == ("Reader One", "Reader Two")
    want = Want(key="x", title="Ozma of Oz", authors=("L. Frank Baum",))
    # Files this small are no book; their sizes are another test's matter.
    unsized = {title: msgspec.structs.replace(release, size_bytes=None) for title, release in found.items()}
    answers = {title: answer(judge(want, release)) for title, release in unsized.items()}
    assert [title for title, given in answers.items() if given is Answer.NO] == [
        "Ozma of Oz (Dramatized) by L. Frank Baum"
    ]


async def test_the_newest_are_those_of_the_last_days(source: LibriVox):
    found = await source.search(Query())

    assert {release.tracker_id for release in found} == {"ia/ozma_of_oz", "ia/ozma_dramatic"}


async def test_all_recordings_of_an_author_can_be_asked_for(source: LibriVox):
    assert len(await source.search(Query(author="L. Frank Baum"))) == 3
    assert await source.search(Query(author="H. G. Wells")) == ()


async def test_what_the_catalogue_does_not_list_is_found_at_the_archive(source: LibriVox):
    [release] = await source.search(Query(title="The Wonderful Wizard of Oz", author="L. Frank Baum"))

    assert (release.tracker, release.title) == ("Internet Archive", "The Wonderful Wizard of Oz by L. Frank Baum")
    assert await source.search(Query(title="The Royal Book of Oz")) == ()
    assert await source.search(Query(text="A Princess of Mars")) == ()


async def test_a_download_brings_the_torrent_with_one_set_wanted(source: LibriVox, recordings: list[Recording]):
    releases = {release.tracker_id: release for release in await source.search(OZMA)}

    tracks = await source.fetch(releases["ia/ozma_of_oz"])
    whole = await source.fetch(releases["ia/ozma_of_oz_2"])

    assert tracks.content == recordings[0].torrent
    assert [file.path for file in tracks.files or ()] == [
        "ozma_of_oz/cover.jpg",
        "ozma_of_oz/ozma_of_oz_01.mp3",
        "ozma_of_oz/ozma_of_oz_02.mp3",
    ]
    assert [file.path for file in whole.files or ()] == ["ozma_of_oz_2/cover.jpg", "ozma_of_oz_2/ozma_of_oz_2.m4b"]
    for release, payload in ((releases["ia/ozma_of_oz"], tracks), (releases["ia/ozma_of_oz_2"], whole)):
        assert release.size_bytes == sum(file.size_bytes for file in payload.files or ())
        assert release.files == len(payload.files or ())


async def test_a_torrent_that_was_taken_away_is_gone(source: LibriVox, recordings: list[Recording]):
    release = next(one for one in await source.search(OZMA) if one.tracker_id == "ia/ozma_of_oz")
    recordings[0] = msgspec.structs.replace(recordings[0], torrent=None)

    with pytest.raises(Permanent) as caught:
        await source.fetch(release)

    assert caught.value.code == "ReleaseGone"


@pytest.mark.parametrize("kind", ["status", "html", "empty", "cut", "garbage", "lost_reply", "reset"])
@pytest.mark.parametrize("path", ["/metadata/", "/api/feed"])
async def test_a_fault_is_never_an_empty_answer(source: LibriVox, app: Faults, kind: str, path: str):
    app.now = [msgspec.convert({"kind": kind, "path": path, "times": 1}, Fault)]
    if path == "/api/feed":
        app.now.append(msgspec.convert({"kind": kind, "path": "/advancedsearch", "times": 1}, Fault))

    with pytest.raises(Transient):
        await source.search(OZMA)

    assert len(await source.search(OZMA)) == 3


async def test_the_archive_stands_in_for_a_catalogue_that_is_down(source: LibriVox, app: Faults):
    app.now = [Fault(kind="status", path="/api/feed", status=503)]

    found = await source.search(OZMA)

    assert {release.tracker for release in found} == {"Internet Archive"}
    assert all(release.warnings for release in found)
    assert len(found) == 3


async def test_only_what_is_wanted_arrives_at_the_download_client(
    source: LibriVox, recordings: list[Recording], tmp_path: Path
):
    rig = StandInRig(tmp_path, "5.1.0")
    client = adapter(rig)
    release = next(one for one in await source.search(OZMA) if one.tracker_id == "ia/ozma_of_oz")
    payload = await source.fetch(release)

    await client.add(payload, tags=["want:oz/3"])

    async with asyncio.timeout(20):
        while not (torrent := (await client.read(()))[0]).complete:  # noqa: ASYNC110 - another server's state
            await asyncio.sleep(0.05)
    assert torrent.tags == ("want:oz/3",)
    assert sorted(arrived(Path(torrent.content_path))) == ["cover.jpg", "ozma_of_oz_01.mp3", "ozma_of_oz_02.mp3"]
    await client.close()
    rig.close()


def arrived(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
