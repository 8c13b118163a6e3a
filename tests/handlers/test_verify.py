"""`verify`: real audio files of a library, read whole, against everything that is known of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from remembering import BAUM, NOW, OZMA, Desk, want

from adapters.qbittorrent import QBittorrent
from adapters.sandbox.qbittorrent import create_app
from adapters.sandbox.recordings import write_recording
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.store import Store
from adapters.torrents import read_torrent
from domain.world import Item, Outcome

TAGS = {"album": "Ozma of Oz", "artist": BAUM}
PLACE = f"{BAUM}/Ozma of Oz"
SECONDS = 700.0


class Shelf:
    """The library's folder, and the items that its server listed when it was last read."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.root = desk, desk.folder / "library"
        self.root.mkdir()
        desk.set("BIBLIOSTAT_PATH_LIBRARY", str(self.root))
        self.items: list[Item] = []

    def put(self, path: str = f"{PLACE}/Ozma of Oz.m4b", *, seconds: float = SECONDS, **tags: str) -> Path:
        write_recording(self.root / path, seconds=seconds, tags=TAGS | tags)
        return self.root / path

    def list(self, title: str = "Ozma of Oz", rel_path: str = PLACE, **changes: Any) -> None:
        given = {
            "id": f"li-{len(self.items)}",
            "library_id": "lib",
            "path": f"/audiobooks/{rel_path}",
            "rel_path": rel_path,
            "title": title,
            "authors": (BAUM,),
            "duration_s": SECONDS,
            "tracks": 1,
        }
        self.items.append(Item(**(given | changes)))

        async def save(store: Store) -> None:
            await store.save_items(self.items)

        self.desk.with_store(save)


@pytest.fixture
def shelf(tmp_path, monkeypatch, capfd) -> Shelf:
    return Shelf(Desk(tmp_path, monkeypatch, capfd))


def found(shelf: Shelf, *arguments: str) -> dict[str, str]:
    """Rule -> what it saw, of every finding."""
    said = shelf.desk.say("verify", *(arguments or ("--all",)), "--json").json
    return {finding["rule"]: finding["seen"] for item in said["items"] for finding in item["findings"]}


def test_a_whole_item_is_sound_and_nothing_is_changed(shelf):
    file = shelf.put()
    shelf.list()
    before, looked = file.read_bytes(), sorted(shelf.root.rglob("*"))

    said = shelf.desk.say("verify", "--all")

    assert said.code == 0
    assert f"sound   {PLACE}" in said.out
    assert "1 items read, all sound" in said.out
    assert (file.read_bytes(), sorted(shelf.root.rglob("*"))) == (before, looked)


@pytest.mark.parametrize("name", ["li-0", PLACE, f"/audiobooks/{PLACE}", OZMA, "ozma", f"{PLACE}/"])
def test_an_item_is_named_by_id_path_key_or_a_piece_of_its_title(shelf, name):
    shelf.put()
    shelf.list()
    shelf.list("Rinkitink in Oz", f"{BAUM}/Rinkitink in Oz")

    [item] = shelf.desk.say("verify", name, "--json").json["items"]

    assert (item["path"], item["want"], item["sound"]) == (PLACE, OZMA, True)


def test_a_local_path_is_a_name_too(shelf):
    shelf.put()
    shelf.list()

    assert shelf.desk.say("verify", str(shelf.root / PLACE)).code == 0


def test_each_finding_is_a_line_with_both_sides_and_the_exit_code_says_so(shelf):
    shelf.put(seconds=300)
    shelf.list()

    said = shelf.desk.say("verify", "ozma")

    assert said.code == 1
    assert "DurationDiffers: found 0:05:00, expected the library says 0:11:40" in said.out
    assert "1 items read, 1 not sound" in said.out


def test_a_file_that_is_cut_short_is_told(shelf):
    file = shelf.put()
    shelf.list()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    assert "is cut short" in found(shelf)["Unreadable"]


def test_a_folder_without_its_files_is_told(shelf):
    shelf.put(f"{BAUM}/Tik-Tok of Oz/Tik-Tok of Oz.m4b", album="Tik-Tok of Oz")
    shelf.list()

    assert found(shelf) == {"FilesMissing": "nothing stands at its place"}


def test_the_tags_of_another_book_are_told(shelf):
    shelf.put(album="Rinkitink in Oz")
    shelf.list()

    assert found(shelf) == {"OtherTitle": "Rinkitink in Oz"}


def test_a_hole_among_the_tracks_is_told(shelf):
    for number in (1, 2, 4):
        shelf.put(f"{PLACE}/{number}.mp3", seconds=SECONDS / 3, track=str(number))
    shelf.list(tracks=3)

    assert found(shelf) == {"MissingTracks": "no track 3"}


def test_a_book_that_is_a_single_file_is_read(shelf):
    shelf.put("Ozma of Oz.m4b")
    shelf.list(rel_path="Ozma of Oz.m4b")

    assert found(shelf) == {}


def test_the_files_are_those_of_the_torrent_they_came_from(shelf, tmp_path):
    seeds, downloads = tmp_path / "seeds" / "Ozma", tmp_path / "downloads"
    write_recording(seeds / "Ozma of Oz.m4b", seconds=SECONDS, tags=TAGS)
    payload = read_torrent(make_torrent(seeds))
    app = create_app(tmp_path / "qb", downloads, seeds=seeds.parent)
    with Server(app) as server:
        shelf.desk.set("BIBLIOSTAT_QBITTORRENT_URL", server.url)
        shelf.desk.set("BIBLIOSTAT_QBITTORRENT_SAVE_PATH", str(downloads))
        shelf.desk.set("BIBLIOSTAT_QBITTORRENT_USERNAME", "admin")
        shelf.desk.set("BIBLIOSTAT_QBITTORRENT_PASSWORD", "adminadmin")
        asyncio.run(_add(server.url, payload, str(downloads)))
        shelf.desk.with_store(lambda store: _published(store, payload.id))
        shelf.put()
        shelf.list()
        [whole] = shelf.desk.say("verify", "ozma", "--json").json["items"]
        shelf.put(seconds=SECONDS + 2)
        other = found(shelf)

    assert whole["sound"] is True
    assert "TorrentDiffers" in whole["asked"]
    assert set(other) == {"TorrentDiffers"}
    assert "of another size" in other["TorrentDiffers"]


async def _add(url: str, payload: Any, downloads: str) -> None:
    client = QBittorrent(
        url, username="admin", password="adminadmin", category="bibliostat", save_path=downloads, look_twice=False
    )
    try:
        await client.add(payload, tags=[f"want:{OZMA}"])
    finally:
        await client.close()


async def _published(store: Store, torrent: str) -> None:
    epoch = await store.acquire_lease("tick", "test", now=NOW, ttl_s=60)
    assert epoch is not None
    claim = await store.claim(
        "publish", want=want("Ozma of Oz").key, release=torrent, attempt=1, epoch=epoch, now=NOW, infohash=torrent
    )
    assert claim is not None
    await store.note(claim.id, epoch=epoch, path=PLACE)
    await store.settle(claim.id, epoch=epoch, outcome=Outcome.CONFIRMED, now=NOW)


# --- what cannot be done ---------------------------------------------------------------------------------------------


def test_without_the_library_folder_it_says_what_to_set(tmp_path, monkeypatch, capfd):
    said = Desk(tmp_path, monkeypatch, capfd).say("verify", "--all")

    assert said.code == 1
    assert "BIBLIOSTAT_PATH_LIBRARY" in said.err


def test_a_library_that_was_never_read_is_not_one_without_faults(shelf):
    said = shelf.desk.say("verify", "--all")

    assert said.code == 1
    assert "the library was never read" in said.err


def test_an_item_that_is_not_there_is_answered_with_the_nearest(shelf):
    shelf.list()

    said = shelf.desk.say("verify", "Osma of Oz")

    assert said.code == 1
    assert "NoSuchItem" in said.err
    assert "did you mean 'Ozma of Oz'" in said.err


@pytest.mark.parametrize("arguments", [(), ("--all", "ozma")])
def test_either_items_or_all_of_them(shelf, arguments):
    assert shelf.desk.say("verify", *arguments).code == 64
