"""One suite for the stand-in, in three dialects, and for the real qbittorrent-nox: where they differ, it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from qbittorrentapi import Client

from adapters.qbittorrent import QBittorrent
from adapters.sandbox.faults import Fault
from adapters.torrents import read_magnet, read_torrent
from domain.errors import Ambiguous, Conflict, Permanent, Transient
from domain.releases import Payload
from domain.wanted_files import CHOOSE_TAG, left_out
from domain.world import Torrent, TorrentState
from tests.qbittorrent_nox import RIGS, NoxRig, Rig, adapter, needs_nox

PATIENCE_S = 20.0
SERVERS = [pytest.param(name, marks=needs_nox) if name == "qbittorrent-nox" else name for name in RIGS]


@pytest.fixture(params=SERVERS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = RIGS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[QBittorrent]:
    made = adapter(rig)
    yield made
    await made.close()


@pytest.fixture
def by_hand(rig: Rig) -> Client:
    """A person at the Web UI."""
    return Client(
        rig.url,
        username=rig.username,
        password=rig.password,
        FORCE_SCHEME_FROM_HOST=True,
        SIMPLE_RESPONSES=True,
    )


def size_of(folder: str, file: str) -> int:
    return Path(folder, file).stat().st_size


def is_there(folder: str, file: str) -> bool:
    return Path(folder, file).exists()


def delete(folder: str, file: str) -> None:
    Path(folder, file).unlink()


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is not falsy; gives up loudly."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := await look()):
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.05)
    return found


async def finished(client: QBittorrent, payload: Payload) -> Torrent:
    async def complete() -> Torrent | None:
        found = await client.find({payload.id})
        return found if found is not None and found.complete else None

    torrent: Torrent = await eventually(complete)
    return torrent


def without(torrent: bytes, *endings: str) -> Payload:
    """A payload of which the files that end so are not wanted."""
    payload = read_torrent(torrent)
    files = payload.files or ()
    return msgspec.structs.replace(
        payload,
        files=tuple(file for file in files if not file.path.endswith(endings)),
        unwanted=tuple(file.path for file in files if file.path.endswith(endings)),
    )


async def test_an_added_torrent_is_listed_as_it_was_asked_for(rig: Rig, client: QBittorrent, by_hand: Client):
    payload = read_torrent(rig.offer("Tik-Tok of Oz"))

    added = await client.add(payload, tags=["want:oz/8"])

    [listed] = await client.read(())
    assert added.id == listed.id == payload.id
    assert (listed.category, listed.tags, listed.name) == ("audiobooks", ("want:oz/8",), "Tik-Tok of Oz")
    assert listed.save_path == str(rig.downloads / "audiobooks")
    [row] = by_hand.torrents_info(torrent_hashes=payload.id)
    assert (row["auto_tmm"], row["ratio_limit"], row["seeding_time_limit"]) == (False, -1, -1)


async def test_a_torrent_counts_as_complete_at_the_second_look_and_lies_where_it_says(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("Ozma of Oz"))
    await client.add(payload, tags=[])
    readings: list[Torrent] = []

    async def complete() -> bool:
        readings.extend(await client.read(()))
        return readings[-1].complete

    await eventually(complete)

    claims = [reading for reading in readings if reading.state is TorrentState.DONE]
    assert not claims[0].complete
    assert not any(reading.complete for reading in readings if reading.state is not TorrentState.DONE)
    last = readings[-1]
    assert (last.progress, last.amount_left_bytes, last.size_bytes) == (1, 0, 301_014)
    assert last.completed_at is not None
    assert last.content_path == str(rig.downloads / "audiobooks" / "Ozma of Oz")
    files = await client.files(payload.id)
    assert sorted((file.path, file.size_bytes) for file, _ in files) == sorted(
        (file.path, file.size_bytes) for file in payload.files or ()
    )
    assert {progress for _, progress in files} == {1.0}
    for file, _ in files:
        assert size_of(last.save_path, file.path) == file.size_bytes


@pytest.mark.parametrize("version", ["v2", "hybrid"])
async def test_torrents_of_every_version_answer_to_all_their_ids(rig: Rig, client: QBittorrent, version: Any):
    payload = read_torrent(rig.offer("The Road to Oz", version=version))

    added = await client.add(payload, tags=[])

    assert added.id == payload.id
    for one in filter(None, (payload.infohash_v1, payload.infohash_v2, payload.id.upper())):
        found = await client.find({one})
        assert found is not None
        assert found.id == payload.id
    assert (await finished(client, payload)).size_bytes == 301_014


async def test_a_hybrid_added_by_its_v1_id_is_followed_to_its_new_id(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Emerald City of Oz", version="hybrid"))
    peer = rig.magnet_peer if isinstance(rig, NoxRig) else ""
    magnet = read_magnet(f"magnet:?xt=urn:btih:{payload.infohash_v1}&dn=Emerald{peer}")
    v1 = payload.infohash_v1 or ""

    added = await client.add(magnet, tags=["want:oz/6"])

    async def renamed() -> bool:
        found = await client.find({v1})
        return found is not None and found.id == payload.id

    await eventually(renamed)
    assert added.id in (v1, payload.id)
    assert {file.path for file, _ in await client.files(v1)} == {file.path for file in payload.files or ()}
    [listed] = await client.read({v1})
    assert listed.ids >= {v1, payload.id}
    again = await client.add(magnet, tags=["want:oz/6"])
    assert again.id == payload.id
    await client.remove(v1, with_files=True)
    assert await client.read({v1}) == ()


async def test_a_magnet_without_metadata_claims_nothing(client: QBittorrent):
    magnet = read_magnet("magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=Nobody%20Has%20It")

    added = await client.add(magnet, tags=[])

    assert added.id == "ab" * 20
    assert added.state is TorrentState.WAITING
    assert (added.size_bytes, added.amount_left_bytes, added.complete) == (None, None, False)
    assert await client.files(added.id) == ()


async def test_adding_twice_changes_nothing_but_missing_tags(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Patchwork Girl of Oz"))
    first = await client.add(payload, tags=["one"])

    second = await client.add(payload, tags=["two"])

    assert first.id == second.id
    assert second.tags == ("one", "two")
    assert [torrent.tags for torrent in await client.read(())] == [("one", "two")]


async def test_a_torrent_somebody_else_added_is_adopted_where_it_is(rig: Rig, client: QBittorrent, by_hand: Client):
    torrent = rig.offer("The Scarecrow of Oz")
    payload = read_torrent(torrent)
    by_hand.torrents_add(torrent_files={"x.torrent": torrent}, save_path=str(rig.downloads / "elsewhere"))

    adopted = await client.add(payload, tags=["want:oz/9"])

    assert (adopted.category, adopted.tags) == ("", ("want:oz/9",))
    assert adopted.save_path == str(rig.downloads / "elsewhere")
    assert await client.read(()) == ()
    assert [found.id for found in await client.read({payload.id})] == [payload.id]


async def test_a_lost_answer_is_settled_by_looking(rig: Rig):
    client = adapter(rig, lossy=True)
    payload = read_torrent(rig.offer("Rinkitink in Oz"))
    rig.faults.now = [Fault(kind="lost_reply", path="/torrents/add", times=1)]

    added = await client.add(payload, tags=["want:oz/10"])

    rig.faults.now = []
    assert added.id == payload.id
    assert [torrent.tags for torrent in await client.read(())] == [("want:oz/10",)]
    await client.close()


async def test_every_answer_lost_and_nothing_to_be_seen_is_ambiguous(rig: Rig):
    client = adapter(rig, lossy=True, read_back_s=0.5)
    payload = read_torrent(rig.offer("The Lost Princess of Oz"))
    await client.read(())
    rig.faults.now = [Fault(kind="reset", path="/torrents/add")]

    with pytest.raises(Ambiguous) as caught:
        await client.add(payload, tags=[])

    rig.faults.now = []
    assert caught.value.code == "AddNotSeen"
    assert await client.find({payload.id}) is None
    await client.close()


async def test_what_is_no_torrent_is_refused_for_good(client: QBittorrent):
    with pytest.raises(Permanent) as caught:
        await client.add(Payload(content=b"<html>not here</html>", infohash_v1="cd" * 20), tags=[])

    assert caught.value.code == "ClientRefusedTorrent"


async def test_tags_come_and_go_and_leave_no_litter(rig: Rig, client: QBittorrent, by_hand: Client):
    one, other = read_torrent(rig.offer("The Tin Woodman of Oz")), read_torrent(rig.offer("Glinda of Oz"))
    await client.add(one, tags=["want:oz/12"])
    await client.add(other, tags=["pack"])
    await client.tag(one.id, ["pack", "held"])

    await client.untag(one.id, ["want:oz/12", "pack"])

    tags = {torrent.id: torrent.tags for torrent in await client.read(())}
    assert tags == {one.id: ("held",), other.id: ("pack",)}
    assert sorted(by_hand.torrents_tags()) == ["held", "pack"]


async def test_untagging_what_is_gone_still_clears_the_list(rig: Rig, client: QBittorrent, by_hand: Client):
    payload = read_torrent(rig.offer("The Magic of Oz"))
    await client.add(payload, tags=["want:oz/13"])
    await client.remove(payload.id, with_files=True)

    await client.untag(payload.id, ["want:oz/13"])

    assert by_hand.torrents_tags() == []


async def test_removing_takes_the_files_along_only_when_told(rig: Rig, client: QBittorrent):
    kept, gone = read_torrent(rig.offer("The Sign of the Four")), read_torrent(rig.offer("A Study in Scarlet"))
    for payload in (kept, gone):
        await client.add(payload, tags=[])
    for payload in (kept, gone):
        await finished(client, payload)

    await client.remove(kept.id, with_files=False)
    await client.remove(gone.id, with_files=True)

    assert await client.read({kept.id, gone.id}) == ()
    folder = rig.downloads / "audiobooks"

    async def deleted() -> bool:
        return not (folder / gone.name).exists()

    await eventually(deleted)
    assert (folder / kept.name / "cover.jpg").exists()


async def test_a_removal_directly_after_the_add_holds(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Valley of Fear"))
    await client.add(payload, tags=[])

    await client.remove(payload.id, with_files=True)
    await client.remove(payload.id, with_files=True)

    assert await client.find({payload.id}) is None


async def test_what_is_not_there_is_said_so(client: QBittorrent):
    unknown = "ef" * 20

    assert await client.read({unknown}) == ()
    assert await client.find({unknown}) is None
    await client.remove(unknown, with_files=True)
    for act in (client.files(unknown), client.tag(unknown, ["x"]), client.start(unknown), client.recheck(unknown)):
        with pytest.raises(Conflict) as caught:
            await act
        assert caught.value.code == "TorrentGone"


async def test_a_recheck_finds_the_damage_and_a_start_sets_about_it(rig: Rig, client: QBittorrent, by_hand: Client):
    payload = read_torrent(rig.offer("A Princess of Mars"))
    by_hand.torrents_create_category(name="audiobooks")
    await client.add(payload, tags=[])
    torrent = await finished(client, payload)
    by_hand.torrents_stop(torrent_hashes=payload.id)
    delete(torrent.content_path, "disc 1/01.mp3")

    await client.recheck(payload.id)

    async def stopped() -> bool:
        found = await client.find({payload.id})
        assert found is not None
        assert not found.complete
        return found.state is TorrentState.STOPPED

    async def active() -> bool:
        found = await client.find({payload.id})
        return found is not None and found.state is TorrentState.ACTIVE and not found.complete

    await eventually(stopped)
    await client.start(payload.id)
    await eventually(active)


async def test_files_missing_at_a_start_are_noticed(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Gods of Mars"))
    await client.add(payload, tags=[])
    torrent = await finished(client, payload)
    delete(torrent.content_path, "cover.jpg")

    rig.restart()

    async def noticed() -> bool:
        found = await client.find({payload.id})
        return found is not None and found.state is TorrentState.MISSING_FILES

    await eventually(noticed)


async def test_a_restart_costs_one_login_and_no_torrent(rig: Rig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Warlord of Mars"))
    await client.add(payload, tags=["want:mars/3"])

    rig.restart()

    [torrent] = await client.read(())
    assert (torrent.id, torrent.tags, torrent.category) == (payload.id, ("want:mars/3",), "audiobooks")
    await finished(client, payload)


async def test_an_add_survives_a_kill_after_a_moment_and_can_be_repeated_before(rig: Rig, client: QBittorrent):
    early, late = read_torrent(rig.offer("Thuvia")), read_torrent(rig.offer("The Chessmen of Mars"))
    await client.add(early, tags=[])
    await asyncio.sleep(rig.durable_after_s)
    await client.add(late, tags=[])

    rig.kill_and_start()

    after = {torrent.id for torrent in await client.read(())}
    assert early.id in after
    await client.add(late, tags=[])
    assert sorted(torrent.id for torrent in await client.read(())) == sorted((early.id, late.id))


async def test_a_wrong_password_is_tried_once_and_never_again(rig: Rig):
    client = adapter(rig, lossy=True, password="not the password")

    for _ in range(7):
        with pytest.raises(Permanent) as caught:
            await client.read(())
        assert caught.value.code == "ClientRefusedLogin"
        assert "not the password" not in str(caught.value)

    logins = [path for _, path in rig.faults.requests if path.endswith("/auth/login")]
    assert len(logins) == 1
    await client.close()
    right = adapter(rig)
    assert await right.read(()) == ()
    await right.close()


async def test_a_ban_is_recognised(rig: Rig):
    for _ in range(6):
        client = adapter(rig, password="not the password")
        with pytest.raises(Permanent) as caught:
            await client.read(())
        await client.close()

    assert caught.value.code == "ClientBanned"


async def test_a_category_that_vanished_is_not_read_as_all_gone(rig: Rig, client: QBittorrent, by_hand: Client):
    payload = read_torrent(rig.offer("The Master Mind of Mars"))
    await client.add(payload, tags=[])
    assert len(await client.read(())) == 1
    by_hand.torrents_remove_categories(categories="audiobooks")

    with pytest.raises(Transient) as caught:
        await client.read(())

    assert caught.value.code == "CategoryGone"
    assert await client.read(()) == ()
    assert [torrent.id for torrent in await client.read({payload.id})] == [payload.id]


async def test_the_category_is_made_when_it_is_missing(client: QBittorrent, by_hand: Client):
    assert await client.read(()) == ()

    assert "audiobooks" in by_hand.torrents_categories()


async def test_the_server_describes_itself(rig: Rig, client: QBittorrent, by_hand: Client):
    await client.read(())

    info = await client.check()

    assert (info.version, info.api_version) == (by_hand.app_version(), by_hand.app_web_api_version())
    assert info.default_save_path == str(rig.downloads)
    assert info.category_path == str(rig.downloads / "audiobooks")
    assert (info.incomplete_path, info.queueing, info.refresh_s, info.problems) == (None, False, rig.refresh_s, ())


async def test_only_the_wanted_files_are_downloaded_and_count(rig: Rig, client: QBittorrent, by_hand: Client):
    payload = without(rig.offer("Dorothy and the Wizard in Oz"), "02.mp3")

    added = await client.add(payload, tags=["want:oz/4"])

    assert added.tags == ("want:oz/4",)
    assert by_hand.torrents_tags() == ["want:oz/4"]
    torrent = await finished(client, payload)
    assert (torrent.progress, torrent.amount_left_bytes) == (1, 0)
    assert 201_011 <= (torrent.size_bytes or 0) < 301_014
    files = await client.files(payload.id)
    assert {file.path: progress for file, progress in files} == {file.path: 1 for file in payload.files or ()}
    for file, _ in files:
        assert size_of(torrent.save_path, file.path) == file.size_bytes
    assert not is_there(torrent.save_path, payload.unwanted[0])


async def test_what_was_chosen_survives_a_restart(rig: Rig, client: QBittorrent):
    payload = without(rig.offer("Sky Island"), "01.mp3", ".jpg")
    await client.add(payload, tags=[])
    await finished(client, payload)

    rig.restart()

    async def loaded() -> bool:
        found = await client.find({payload.id})
        return found is not None and found.complete

    await eventually(loaded)
    assert [file.path for file, _ in await client.files(payload.id)] == ["Sky Island/disc 1/02.mp3"]


@pytest.mark.parametrize("step", ["/torrents/filePrio", "/torrents/start", "/torrents/removeTags", "/torrents/files"])
async def test_a_choice_that_was_interrupted_is_finished_later(rig: Rig, client: QBittorrent, step: str):
    lossy = adapter(rig, lossy=True, read_back_s=0.5)
    await lossy.read(())
    payload = without(rig.offer("The Sea Fairies"), "02.mp3")
    steps = [step, "/torrents/resume"] if step == "/torrents/start" else [step]
    rig.faults.now = [Fault(kind="reset", path=path) for path in steps]

    with pytest.raises(Ambiguous) as caught:
        await lossy.add(payload, tags=["want:oz"])

    rig.faults.now = []
    assert caught.value.code == "FilesNotChosen"
    waiting = await client.find({payload.id})
    assert waiting is not None
    assert waiting.tags == (CHOOSE_TAG, "want:oz")
    if step != "/torrents/removeTags":
        assert (waiting.downloaded_bytes, waiting.complete) == (0, False)
    listed = [file for file, _ in await client.files(payload.id)]
    assert len(listed) == (3 if step in ("/torrents/filePrio", "/torrents/files") else 2)

    await client.choose(payload.id, [file.path for file in listed if file.path.endswith("02.mp3")])
    await client.choose(payload.id, ())

    assert (await finished(client, payload)).tags == ("want:oz",)
    assert {file.path for file, _ in await client.files(payload.id)} == {file.path for file in payload.files or ()}
    await lossy.close()


async def test_adding_again_finishes_the_choice(rig: Rig, client: QBittorrent):
    lossy = adapter(rig, lossy=True, read_back_s=0.5)
    payload = without(rig.offer("Queen Zixi of Ix"), "02.mp3")
    rig.faults.now = [Fault(kind="reset", path="/torrents/filePrio")]
    with pytest.raises(Ambiguous):
        await lossy.add(payload, tags=["want:ix"])
    rig.faults.now = []

    again = await client.add(payload, tags=["want:ix"])

    assert again.tags == ("want:ix",)
    assert {file.path for file, _ in await client.files(payload.id)} == {file.path for file in payload.files or ()}
    await lossy.close()


@pytest.mark.parametrize(
    ("unwanted", "code"),
    [
        (["The Master Key/03.mp3"], "FilesNotListed"),
        ([f"The Master Key/{name}" for name in ("cover.jpg", "disc 1/01.mp3", "disc 1/02.mp3")], "NothingWanted"),
    ],
)
async def test_a_choice_that_makes_no_sense_starts_nothing(
    rig: Rig, client: QBittorrent, unwanted: list[str], code: str
):
    payload = msgspec.structs.replace(read_torrent(rig.offer("The Master Key")), unwanted=tuple(unwanted))

    with pytest.raises(Ambiguous, match="not chosen"):
        await client.add(payload, tags=[])

    with pytest.raises(Conflict) as caught:
        await client.choose(payload.id, unwanted)
    assert caught.value.code == code

    async def stopped() -> bool:
        found = await client.find({payload.id})
        return found is not None and found.state is TorrentState.STOPPED and found.tags == (CHOOSE_TAG,)

    await eventually(stopped)
    assert len(await client.files(payload.id)) == 3


async def test_files_that_a_person_wants_in_a_torrent_of_theirs_stay_wanted(
    rig: Rig, client: QBittorrent, by_hand: Client
):
    torrent = rig.offer("American Fairy Tales")
    by_hand.torrents_add(torrent_files={"x.torrent": torrent}, save_path=str(rig.downloads / "elsewhere"))

    adopted = await client.add(without(torrent, "02.mp3"), tags=["want:tales"])

    assert adopted.tags == ("want:tales",)
    assert len(await client.files(adopted.id)) == 3


async def test_nothing_is_chosen_from_a_magnet(client: QBittorrent):
    magnet = read_magnet("magnet:?xt=urn:btih:" + "ab" * 20)

    added = await client.add(msgspec.structs.replace(magnet, unwanted=("a/b.mp3",)), tags=["want:oz"])

    assert (added.tags, added.state) == (("want:oz",), TorrentState.WAITING)


async def test_files_of_a_torrent_that_is_gone_cannot_be_chosen(client: QBittorrent):
    with pytest.raises(Conflict) as caught:
        await client.choose("ef" * 20, ["a"])

    assert caught.value.code == "TorrentGone"


async def test_a_choice_may_be_computed_from_what_the_client_lists(rig: Rig, client: QBittorrent):
    payload = without(rig.offer("A Kidnapped Santa Claus"), "nothing")
    await client.add(payload, tags=[CHOOSE_TAG])

    await client.choose(payload.id, left_out([file for file, _ in await client.files(payload.id)]))

    assert (await finished(client, payload)).size_bytes == 301_014
