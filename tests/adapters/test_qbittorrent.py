"""The adapter against recorded answers and against servers that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.qbittorrent import QBittorrent
from adapters.sandbox.faults import Fault, Faults, Kind, Receive, Scope, Send
from adapters.sandbox.qbittorrent import StandIn, create_app
from adapters.sandbox.serve import Server, free_port
from adapters.sandbox.torrent_maker import make_torrent
from adapters.torrents import read_torrent
from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient
from domain.wanted_files import CHOOSE_TAG
from domain.world import Torrent, TorrentState
from tests.qbittorrent_nox import StandInRig, adapter

RECORDED = Path(__file__).parents[1] / "fixtures" / "qbittorrent"
VERSIONS = ("4.5.2", "5.1.0", "5.3.0")
REFRESH_S = 0.3

MEANINGS = {
    "metaDL": TorrentState.WAITING,
    "forcedMetaDL": TorrentState.WAITING,
    "checkingResumeData": TorrentState.WAITING,
    "checkingDL": TorrentState.WAITING,
    "checkingUP": TorrentState.WAITING,
    "queuedDL": TorrentState.WAITING,
    "moving": TorrentState.WAITING,
    "downloading": TorrentState.ACTIVE,
    "forcedDL": TorrentState.ACTIVE,
    "stalledDL": TorrentState.ACTIVE,
    "pausedDL": TorrentState.STOPPED,
    "stoppedDL": TorrentState.STOPPED,
    "uploading": TorrentState.DONE,
    "stalledUP": TorrentState.DONE,
    "forcedUP": TorrentState.DONE,
    "queuedUP": TorrentState.DONE,
    "pausedUP": TorrentState.DONE,
    "stoppedUP": TorrentState.DONE,
    "missingFiles": TorrentState.MISSING_FILES,
    "error": TorrentState.ERROR,
}


def recorded(version: str, what: str) -> Any:
    return json.loads((RECORDED / f"{version}.{what}.json").read_text(encoding="utf-8"))


class Recording:
    """A server that gives recorded answers; `rows` and `files` can be changed while it runs."""

    def __init__(self, version: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = recorded(version, "torrents_files")
        self.preferences = recorded(version, "app_preferences.subset")
        self._version = version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        answers: dict[str, Any] = {
            "auth/login": "Ok.",
            "app/version": f"v{self._version}",
            "app/webapiVersion": {"4.5.2": "2.8.19", "5.1.0": "2.11.4", "5.3.0": "2.16.2"}[self._version],
            "app/preferences": self.preferences,
            "torrents/categories": recorded(self._version, "torrents_categories"),
            "torrents/info": self.rows,
            "torrents/files": self.files,
            "torrents/tags": [],
        }
        answer = answers.get(scope["path"].removeprefix("/api/v2/"), "")
        text = isinstance(answer, str)
        body = answer.encode() if text else msgspec.json.encode(answer)
        kind = b"text/plain; charset=UTF-8" if text else b"application/json"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Ticks:
    """A clock that moves when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Recorded(msgspec.Struct):
    server: Recording
    faults: Faults
    client: QBittorrent
    clock: Ticks
    url: str

    async def look(self, row: dict[str, Any], *, after_s: float = REFRESH_S) -> Torrent:
        self.clock.now += after_s
        self.server.rows = [row]
        [torrent] = await self.client.read({row["hash"]})
        return torrent


@pytest.fixture(params=VERSIONS)
async def replay(request: pytest.FixtureRequest) -> AsyncIterator[Recorded]:
    server, clock = Recording(request.param), Ticks()
    faults = Faults(server)
    with Server(faults) as running:
        client = QBittorrent(running.url, category="audiobooks", save_path="/qbt/downloads/audiobooks", clock=clock)
        yield Recorded(server=server, faults=faults, client=client, clock=clock, url=running.url)
        await client.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[StandInRig]:
    made = StandInRig(tmp_path, "5.1.0")
    yield made
    made.close()


@pytest.fixture
async def client(rig: StandInRig) -> AsyncIterator[QBittorrent]:
    made = adapter(rig, timeout_s=(0.5, 0.5), read_back_s=0.6)
    yield made
    await made.close()


def impatient(replay: Recorded) -> QBittorrent:
    return QBittorrent(replay.url, category="audiobooks", save_path="/qbt/downloads/audiobooks", read_back_s=0.2)


async def failure_of(client: QBittorrent) -> Failure:
    with pytest.raises(Failure) as caught:
        await client.read(())
    return caught.value


# Recorded answers


async def test_every_recorded_state_is_understood(replay: Recorded, request: pytest.FixtureRequest):
    version = request.node.callspec.params["replay"]
    rows = recorded(version, "info")

    understood = {name: (await replay.look(row)).state for name, row in rows.items()}

    assert understood == {name: MEANINGS[name] for name in rows}
    assert len(rows) == 18


async def test_only_finished_states_are_believed_complete_and_only_at_the_second_look(
    replay: Recorded, request: pytest.FixtureRequest
):
    version = request.node.callspec.params["replay"]

    for name, row in recorded(version, "info").items():
        row = {**row, "hash": f"{len(name):x}".rjust(2, "0") * 20, "infohash_v1": ""}
        first, second = await replay.look(row), await replay.look(row)
        assert not first.complete, name
        assert second.complete == (MEANINGS[name] is TorrentState.DONE), name
        await replay.look({**row, "state": "moving"})


async def test_a_recorded_torrent_becomes_what_it_is(replay: Recorded, request: pytest.FixtureRequest):
    rows = recorded(request.node.callspec.params["replay"], "info")

    seeding, nameless = await replay.look(rows["stalledUP"]), await replay.look(rows["metaDL"])

    assert seeding.id == seeding.infohash_v1 == "c8c8e07a4dc3379d1865ca941ec2bf557834eec3"
    assert (seeding.infohash_v2, seeding.category, seeding.tags) == (None, "audiobooks", ("bibliostat",))
    assert (seeding.size_bytes, seeding.amount_left_bytes, seeding.progress) == (600_000_077, 0, 1)
    assert seeding.content_path == "/qbt/downloads/audiobooks/Big Book (2021)"
    assert seeding.completed_at is not None
    assert seeding.completed_at.year == 2026
    # Without metadata the server says that nothing is left to fetch.
    assert (nameless.size_bytes, nameless.amount_left_bytes, nameless.completed_at) == (None, None, None)


@pytest.mark.parametrize(
    "doubt",
    [
        {"progress": 0.9999},
        {"amount_left": 1},
        {"size": 0},
        {"completion_on": 0},
        {"completion_on": -1},
        {"content_path": ""},
        {"content_path": "Big Book (2021)"},
        {"state": "checkingUP"},
        {"state": "moving"},
        {"state": "somethingNew"},
    ],
    ids=str,
)
@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_one_doubt_is_enough(replay: Recorded, doubt: dict[str, Any]):
    row = recorded("5.1.0", "info")["stalledUP"]

    for _ in range(4):
        assert not (await replay.look({**row, **doubt})).complete

    await replay.look(row)
    assert (await replay.look(row)).complete


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_two_looks_within_one_refresh_are_one(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]

    first = await replay.look(row)
    soon = await replay.look(row, after_s=REFRESH_S / 2)
    later = await replay.look(row)

    assert (first.complete, soon.complete, later.complete) == (False, False, True)


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_a_path_that_moved_between_two_looks_starts_anew(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]
    moved = {**row, "content_path": "/other/Big Book (2021)", "save_path": "/other"}

    await replay.look(row)

    assert not (await replay.look(moved)).complete
    assert (await replay.look(moved)).complete


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_a_wanted_file_that_is_not_there_counts_and_an_unwanted_one_does_not(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]
    replay.server.files[1]["progress"] = 0.5

    await replay.look(row)
    wanted = await replay.look(row)
    replay.server.files[1]["priority"] = 0
    unwanted = await replay.look(row)

    assert (wanted.complete, unwanted.complete) == (False, True)
    assert len(await replay.client.files(row["hash"])) == 2


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_nothing_is_complete_for_two_refreshes_after_a_command_of_ours(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]
    await replay.look(row)
    assert (await replay.look(row)).complete

    await replay.client.recheck(row["hash"])

    looks = [(await replay.look(row, after_s=REFRESH_S)).complete for _ in range(5)]
    assert looks == [False, False, False, True, True]


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_a_settled_world_costs_one_request_a_reading(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]
    await replay.look(row)
    await replay.look(row)
    replay.faults.requests.clear()

    assert (await replay.look(row)).complete

    assert replay.faults.requests == [("POST", "/api/v2/torrents/info")]


async def test_a_process_that_reads_once_can_look_twice(rig: StandInRig, client: QBittorrent):
    payload = read_torrent(rig.offer("Tik-Tok of Oz"))
    await client.add(payload, tags=[])
    async with asyncio.timeout(20):
        while (await client.read(()))[0].state is not TorrentState.DONE:  # noqa: ASYNC110 - another server's state
            await asyncio.sleep(0.05)
    once = adapter(rig, look_twice=True)

    [torrent] = await once.read(())

    assert torrent.complete
    await once.close()


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_a_server_that_ignores_filters_is_read_all_the_same(replay: Recorded):
    rows = recorded("5.1.0", "info")
    mine, foreign = rows["stalledUP"], {**rows["metaDL"], "category": "films"}
    replay.server.rows = [foreign, mine]

    listed = await replay.client.read(())

    assert [torrent.id for torrent in listed] == [mine["hash"]]
    assert await replay.client.find({"12" * 20}) is None


# Choosing files


async def test_priorities_that_are_not_kept_start_nothing(replay: Recorded):
    client = impatient(replay)
    row = recorded("5.1.0", "info")["stoppedDL"]
    replay.server.rows = [{**row, "tags": CHOOSE_TAG}]

    with pytest.raises(Conflict) as caught:
        await client.choose(row["hash"], [replay.server.files[2]["name"]])

    assert caught.value.code == "PrioritiesNotKept"
    asked = [path for _, path in replay.faults.requests]
    assert "/api/v2/torrents/filePrio" in asked
    assert not {path for path in asked if path.endswith(("/start", "/resume", "/removeTags"))}
    await client.close()


async def test_a_torrent_that_does_not_start_keeps_its_tag(replay: Recorded):
    client = impatient(replay)
    row = recorded("5.1.0", "info")["stoppedDL"]
    replay.server.rows = [{**row, "tags": CHOOSE_TAG}]
    replay.server.files[2]["priority"] = 0

    with pytest.raises(Conflict) as caught:
        await client.choose(row["hash"], [])

    assert caught.value.code == "StartNotSeen"
    assert not [path for _, path in replay.faults.requests if path.endswith("/removeTags")]
    await client.close()


@pytest.mark.parametrize("replay", ["5.1.0"], indirect=True)
async def test_a_file_is_recognised_in_the_folder_for_unwanted_ones(replay: Recorded):
    row = recorded("5.1.0", "info")["stalledUP"]
    replay.server.rows = [row]
    path = replay.server.files[2]["name"]
    replay.server.files[2] |= {"name": path.replace("02.mp3", ".unwanted/02.mp3"), "priority": 0}

    await replay.client.choose(row["hash"], [path])

    assert "/api/v2/torrents/filePrio" not in [path for _, path in replay.faults.requests]


# Misbehaviour


@pytest.mark.parametrize("kind", ["html", "empty", "garbage", "cut", "status", "reset"])
@pytest.mark.parametrize("path", ["/torrents/info", "/torrents/categories", "/app/version", "/app/preferences"])
async def test_half_an_answer_is_never_an_empty_list(rig: StandInRig, client: QBittorrent, kind: Kind, path: str):
    rig.faults.now = [Fault(kind=kind, path=path)]

    failure = await failure_of(client)

    assert isinstance(failure, Transient)
    assert failure.code in ("ClientUnreachable", "ClientUnreadable")
    rig.faults.now = []
    assert await client.read(()) == ()


@pytest.mark.parametrize("kind", ["html", "garbage", "cut", "status", "reset"])
async def test_a_login_that_something_else_answers_is_tried_again_later(
    rig: StandInRig, client: QBittorrent, kind: Kind
):
    rig.faults.now = [Fault(kind=kind, path="/auth/login")]

    assert isinstance(await failure_of(client), Transient)

    rig.faults.now = []
    assert await client.read(()) == ()


async def test_a_slow_server_times_out_and_is_not_asked_for_ever(rig: StandInRig, client: QBittorrent):
    await client.read(())
    rig.faults.now = [Fault(kind="slow", path="/torrents/info", seconds=1.5)]

    failure = await failure_of(client)

    assert (type(failure), failure.code) == (Transient, "ClientUnreachable")
    rig.faults.now = []
    assert await client.read(()) == ()


async def test_a_server_that_is_down_is_unreachable_and_nothing_was_sent(rig: StandInRig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Marvelous Land of Oz"))
    await client.read(())
    rig.stop()

    with pytest.raises(Transient) as caught:
        await client.add(payload, tags=[])

    assert caught.value.code == "ClientUnreachable"
    rig.restart()
    assert await client.read(()) == ()
    assert (await client.add(payload, tags=[])).id == payload.id


@pytest.mark.parametrize("kind", ["status", "html", "empty", "slow"])
async def test_an_add_that_was_answered_by_something_else_is_ambiguous(
    rig: StandInRig, client: QBittorrent, kind: Kind
):
    payload = read_torrent(rig.offer("The Road to Oz"))
    rig.faults.now = [Fault(kind=kind, path="/torrents/add", seconds=0.7)]

    with pytest.raises(Ambiguous) as caught:
        await client.add(payload, tags=[])

    assert caught.value.code == "AddNotSeen"


async def test_an_add_whose_read_back_fails_is_ambiguous_not_unsent(rig: StandInRig, client: QBittorrent):
    payload = read_torrent(rig.offer("The Scarecrow of Oz"))
    await client.read(())
    # The first look passes, the second comes after the add.
    rig.faults.now = [
        Fault(kind="lost_reply", path="/torrents/add"),
        *[Fault(kind="slow", path="/torrents/info", times=1)],
        Fault(kind="status", path="/torrents/info"),
    ]

    with pytest.raises(Ambiguous):
        await client.add(payload, tags=[])

    rig.faults.now = []
    assert [torrent.id for torrent in await client.read(())] == [payload.id]


class Breaking:
    """A wire between adapter and server: at the first request for `path` the connection ends before the answer."""

    def __init__(self, port: int, path: bytes) -> None:
        self._port = port
        self._path = path
        self._ended: list[asyncio.Event] = []
        self._ends: list[asyncio.StreamWriter] = []
        self.broke = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        self._ended.append(ended)
        answers, requests = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends += [requests, writer]
        await asyncio.gather(self._hand_on(reader, requests), self._hand_back(answers, writer, self.broke))
        await asyncio.gather(requests.wait_closed(), writer.wait_closed())
        ended.set()

    async def _hand_on(self, reader: asyncio.StreamReader, requests: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            self.broke = self.broke or self._path in part
            requests.write(part)
        requests.close()

    async def _hand_back(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, broke: bool) -> None:
        while (part := await answers.read(65536)) and self.broke == broke:
            writer.write(part)
        writer.close()

    async def cut(self) -> None:
        for end in self._ends:
            end.close()
        for ended in self._ended:
            await ended.wait()


async def test_a_connection_that_breaks_before_the_answer_to_an_add_is_settled_by_looking(rig: StandInRig):
    """The library logs in again and sends it again by itself, and hears of a duplicate."""
    payload = read_torrent(rig.offer("Rinkitink in Oz"))
    wire = Breaking(int(rig.url.rpartition(":")[2]), b"/torrents/add ")
    async with await asyncio.start_server(wire, "127.0.0.1", 0) as proxy:
        rig.lossy_url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        client = adapter(rig, lossy=True)

        added = await client.add(payload, tags=["want:oz/10"])

        assert wire.broke
        assert added.id == payload.id
        assert [torrent.tags for torrent in await client.read(())] == [("want:oz/10",)]
        assert [path for _, path in rig.faults.requests].count("/api/v2/torrents/add") > 1
        await client.close()
        await wire.cut()


async def test_a_refusal_for_the_host_name_or_the_request_needs_a_person(rig: StandInRig, client: QBittorrent):
    await client.read(())
    for status, code in ((401, "ClientRefusedHost"), (400, "ClientRefusedRequest")):
        rig.faults.now = [Fault(kind="status", path="/torrents/info", status=status)]
        failure = await failure_of(client)
        assert (type(failure), failure.code) == (Permanent, code)


async def test_many_readers_of_an_ended_session_log_in_once(rig: StandInRig, client: QBittorrent):
    await client.read(())
    rig.restart()
    rig.faults.requests.clear()

    await asyncio.gather(*[client.read(()) for _ in range(8)])

    assert [path for _, path in rig.faults.requests].count("/api/v2/auth/login") == 1


async def test_a_refused_login_is_forgotten_when_told(rig: StandInRig, tmp_path: Path):
    strict = adapter(rig, username="somebody else")
    assert (await failure_of(strict)).code == "ClientRefusedLogin"
    rig.stand_in._credentials = ("somebody else", rig.password)
    assert (await failure_of(strict)).code == "ClientRefusedLogin"

    strict.forget_refusal()

    assert await strict.read(()) == ()
    await strict.close()


async def test_an_api_key_needs_no_login_and_a_wrong_one_is_refused(tmp_path: Path):
    app = create_app(
        tmp_path / "state",
        tmp_path / "downloads",
        seeds=tmp_path / "seeds",
        version="5.3.0",
        api_key="qbt_of_the_house",
    )
    with Server(app) as server:
        right = QBittorrent(server.url, api_key="qbt_of_the_house", category="a", save_path="/a")
        wrong = QBittorrent(server.url, api_key="qbt_of_somebody", category="a", save_path="/a")

        assert await right.read(()) == ()
        failure = await failure_of(wrong)

        assert (type(failure), failure.code) == (Permanent, "ClientRefusedLogin")
        assert "qbt_of_somebody" not in failure.message
        assert not any(path.endswith("/auth/login") for _, path in app.requests)
        await right.close()
        await wrong.close()


async def test_an_api_key_and_a_dead_server_is_no_refusal():
    client = QBittorrent(f"http://127.0.0.1:{free_port()}", api_key="qbt_x", category="a", save_path="/a")

    failure = await failure_of(client)

    assert (type(failure), failure.code) == (Transient, "ClientUnreachable")
    await client.close()


async def test_no_message_holds_a_secret():
    url = f"http://user:tell-nobody@127.0.0.1:{free_port()}/qbt/"
    client = QBittorrent(url, username="user", password="tell-nobody", category="a", save_path="/a")

    failure = await failure_of(client)

    assert "tell-nobody" not in failure.message
    assert "127.0.0.1" in failure.message
    await client.close()


async def test_doctor_hears_of_settings_that_lose_torrents(rig: StandInRig):
    rig.stand_in.settings = {
        "max_ratio_act": 3,
        "temp_path_enabled": True,
        "temp_path": "/incomplete",
        "queueing_enabled": True,
    }
    careless = adapter(rig, save_path="audiobooks")

    info = await careless.check()

    assert [code for code, _ in info.problems] == ["ClientRemovesTorrents", "SavePathRelative"]
    assert (info.incomplete_path, info.queueing, info.category_path) == ("/incomplete", True, None)
    await careless.close()


async def test_a_broken_and_a_vanished_torrent_show_as_such(rig: StandInRig, client: QBittorrent):
    names = ("A Princess of Mars", "The Gods of Mars", "The Warlord of Mars")
    full, empty, gone = [await client.add(read_torrent(rig.offer(name)), tags=[]) for name in names]

    rig.stand_in.break_torrent(full.id, "error")
    rig.stand_in.break_torrent(empty.id, "missingFiles")
    async with httpx.AsyncClient(base_url=rig.url, trust_env=False) as http:
        assert (await http.post("/sandbox/vanish", params={"hash": gone.id})).status_code == 200

    states = {torrent.id: torrent.state for torrent in await client.read(())}
    assert states == {full.id: TorrentState.ERROR, empty.id: TorrentState.MISSING_FILES}


# The stand-in says what the real servers said


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stand_in_lists_the_recorded_fields(tmp_path: Path, version: Any):
    book = tmp_path / "Oz.mp3"
    book.write_bytes(b"x" * 1000)
    app = create_app(tmp_path / "state", tmp_path / "downloads", seeds=tmp_path, version=version)
    with Server(app) as server, httpx.Client(base_url=f"{server.url}/api/v2", trust_env=False) as http:
        http.post("/auth/login", data={"username": "admin", "password": "adminadmin"})
        http.post("/torrents/add", files={"t": ("o.torrent", make_torrent(book))})
        [row] = http.get("/torrents/info").json()

    assert set(row) == set(recorded(version, "info")["stalledUP"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stand_in_answers_as_recorded(tmp_path: Path, version: Any):
    """Every recorded exchange about things both have, in the recorded order, on one session."""
    stand_in = StandIn(
        tmp_path / "state", tmp_path / "downloads", seeds=tmp_path, version=version, password="<password>"
    )
    book = tmp_path / "Oz.mp3"
    book.write_bytes(b"x" * 1000)
    torrent = make_torrent(book)
    own = read_torrent(torrent).id
    with Server(stand_in) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        for exchange in recorded(version, "http_exchanges"):
            if exchange["case"] in NOT_IN_THE_STAND_IN:
                continue
            upload = {"t": ("r.torrent", b"garbage" if "garbage" in exchange["case"] else torrent)}
            form = {key: text.replace(SAME_AGAIN[version], own) for key, text in exchange["form"].items()}
            method, path = exchange["request"].split()
            reply = http.request(
                method,
                path,
                params=form if method == "GET" else None,
                data=form if method == "POST" else None,
                files=upload if "files" in exchange else None,
            )
            assert reply.status_code == exchange["status"], exchange["case"]
            assert (reply.headers.get("content-type") or None) == exchange["content_type"], exchange["case"]
            if exchange["case"] not in ONLY_THE_SHAPE:
                assert reply.text.replace(own, SAME_AGAIN[version]) in same_json(exchange["body"]), exchange["case"]


NOT_IN_THE_STAND_IN = {
    "build info",
    "add url that will fail later",
    "edit unknown category",
    "set preference",
    "set location, bad",
}
ONLY_THE_SHAPE = {"info by hash", "files", "categories", "transfer info"}
SAME_AGAIN = {
    version: next(e["form"]["hashes"] for e in recorded(version, "http_exchanges") if e["case"] == "info by hash")
    for version in VERSIONS
}


def same_json(body: str) -> tuple[str, ...]:
    """The recorded text, and as the stand-in would order its keys."""
    if not body.startswith("{"):
        return (body,)
    fields = json.loads(body)
    order = ("added_torrent_ids", "success_count", "pending_count", "failure_count")
    return (body, json.dumps({key: fields[key] for key in order if key in fields}, separators=(",", ":")))
