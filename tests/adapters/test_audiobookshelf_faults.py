"""A server that is slow, down, broken or lying: the right error each time, and never an empty library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import httpx
import pytest
from audiobookshelf_place import KEY, QUICK, Place, stand_in

from adapters.audiobookshelf import Audiobookshelf, Patience
from adapters.http import client
from adapters.sandbox.abs_world import Task
from adapters.sandbox.audiobookshelf import create_app
from adapters.sandbox.faults import Fault
from adapters.sandbox.serve import Server, free_port
from domain.errors import Ambiguous, Failure, Permanent, Transient
from domain.metadata import ItemMetadata
from domain.world import Item

OZ = "L. Frank Baum/Oz/Vol 1 - The Wonderful Wizard of Oz"
DRACULA = "Bram Stoker/Dracula"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    with stand_in(tmp_path, scan_seconds=0.05) as place:
        place.book(OZ)
        place.book(DRACULA)
        yield place


@pytest.fixture
async def shelf(there: Place) -> AsyncIterator[Audiobookshelf]:
    async with there.http() as http:
        shelf = there.adapter(http)
        await shelf.scan()
        yield shelf


async def wizard(shelf: Audiobookshelf) -> Item:
    return next(item for item in (await shelf.read({})).items if item.rel_path == OZ)


@pytest.mark.parametrize("path", ["/api/libraries", "/items", "/batch/get"])
@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault(kind="html"), Transient, "LibraryNotJson"),
        (Fault(kind="cut"), Transient, "LibraryNotJson"),
        (Fault(kind="empty"), Transient, "LibraryNotJson"),
        (Fault(kind="garbage"), Transient, "LibraryNotJson"),
        (Fault(kind="status", status=500), Transient, "LibraryFailed"),
        (Fault(kind="status", status=502), Transient, "LibraryFailed"),
        (Fault(kind="status", status=503), Transient, "LibraryBusy"),
        (Fault(kind="status", status=429), Transient, "LibraryBusy"),
        (Fault(kind="status", status=401), Permanent, "LibraryRefusedKey"),
        (Fault(kind="status", status=403), Permanent, "LibraryForbidden"),
        (Fault(kind="status", status=302), Permanent, "LibraryRedirects"),
        (Fault(kind="status", status=400), Permanent, "LibraryRefused"),
    ],
)
async def test_a_broken_answer_is_an_error_and_never_an_empty_library(
    shelf: Audiobookshelf, there: Place, fault: Fault, kind: type[Failure], code: str, path: str
) -> None:
    there.sandbox.now = [Fault(kind=fault.kind, status=fault.status, path=path)]

    with pytest.raises(kind) as broken:
        await shelf.read({})

    assert broken.value.code == code
    assert KEY not in broken.value.message
    there.sandbox.now = []
    assert len((await shelf.read({})).items) == 2


async def test_nothing_listening_is_unreachable() -> None:
    async with client(f"http://127.0.0.1:{free_port()}") as http:
        with pytest.raises(Transient) as down:
            await Audiobookshelf(http).read({})

    assert down.value.code == "LibraryUnreachable"
    assert "cannot be reached" in down.value.message


async def test_a_server_that_is_too_slow_is_unreachable(there: Place) -> None:
    there.sandbox.now = [Fault(kind="slow", seconds=0.5)]

    async with there.http() as http:
        http.timeout = httpx.Timeout(0.1)
        with pytest.raises(Transient) as slow:
            await there.adapter(http).read({})

    assert slow.value.code == "LibraryUnreachable"
    assert "in time" in slow.value.message


async def test_an_address_without_a_scheme_is_for_a_person_to_mend() -> None:
    async with client("abs.test:13378") as http:
        with pytest.raises(Permanent) as wrong:
            await Audiobookshelf(http).read({})

    assert wrong.value.code == "LibraryAddress"


async def test_a_password_in_the_address_is_not_repeated() -> None:
    async with client(f"http://someone:hunter2@127.0.0.1:{free_port()}/audiobookshelf") as http:
        with pytest.raises(Transient) as down:
            await Audiobookshelf(http).read({})

    assert "hunter2" not in down.value.message


async def test_a_connection_that_drops_once_is_asked_again() -> None:
    dropped = False

    def drop_once(request: httpx.Request) -> httpx.Response:
        nonlocal dropped
        if not dropped:
            dropped = True
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(401)

    async with httpx.AsyncClient(transport=httpx.MockTransport(drop_once), base_url="http://abs.test") as http:
        with pytest.raises(Permanent) as answered:
            await Audiobookshelf(http).read({})

    assert answered.value.code == "LibraryRefusedKey"


@pytest.mark.parametrize("kind", ["lost_reply", "reset"])
async def test_a_change_whose_answer_is_lost_is_ambiguous_and_harmless_to_repeat(
    shelf: Audiobookshelf, there: Place, kind: Literal["lost_reply", "reset"]
) -> None:
    item = await wizard(shelf)
    there.sandbox.now = [Fault(kind=kind, path="/media", times=1)]

    with pytest.raises(Ambiguous):
        await shelf.write(item.id, ItemMetadata(language="en"))
    written = await shelf.write(item.id, ItemMetadata(language="en"))

    assert written.language == "en"


@pytest.mark.parametrize("body", [{"series": [None]}, {"authors": [None]}])
async def test_a_body_that_kills_the_real_server_drops_the_connection(
    shelf: Audiobookshelf, there: Place, body: dict[str, object]
) -> None:
    item = await wizard(shelf)

    with pytest.raises(httpx.RemoteProtocolError):
        await there.call("PATCH", f"/api/items/{item.id}/media", {"metadata": body})

    assert await wizard(shelf) == item


class LosesAnswersToScans(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = await super().handle_async_request(request)
        if request.url.path.endswith("/scan"):
            await reply.aclose()
            raise httpx.ReadError("lost")
        return reply


async def test_a_lost_answer_to_a_scan_is_made_up_for_by_looking(there: Place) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}

    async with httpx.AsyncClient(transport=LosesAnswersToScans(), base_url=there.url, headers=headers) as http:
        shelf = there.adapter(http)
        await shelf.scan()
        view = await shelf.read({})

    assert len(view.items) == 2


async def test_a_scan_that_fails_on_the_server_is_lost(shelf: Audiobookshelf, there: Place) -> None:
    there.sandbox.world.scan = lambda: (_ for _ in ()).throw(OSError("disk"))  # type: ignore[method-assign]

    with pytest.raises(Transient) as lost:
        await shelf.scan()

    assert lost.value.code == "ScanLost"


async def test_a_scan_that_never_ends_is_given_up(there: Place) -> None:
    there.sandbox.world.start_task("library-scan", "for ever")

    async with there.http() as http:
        with pytest.raises(Transient) as late:
            await there.adapter(http, patience=Patience(poll_s=0.02, deadline_s=0.2)).scan()

    assert late.value.code == "ScanTimeout"


class Hours:
    """A clock that only sleeping moves, with a task that others run between these seconds."""

    def __init__(self, there: Place, action: str, start_s: float, end_s: float) -> None:
        self.now = 0.0
        self._there, self._action, self._start, self._end = there, action, start_s, end_s
        self._other: Task | None = None

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        world = self._there.sandbox.world
        if self._other is None and self._start <= self.now < self._end:
            self._other = world.start_task(self._action, "others")
        if self._other is not None and self.now >= self._end:
            world.end_task(self._other)


async def test_no_scan_begins_before_a_minute_without_any_watcher_scan(there: Place) -> None:
    there.sandbox.watcher(on=True)
    hours = Hours(there, "watcher-scan", 40, 55)
    begun: list[float] = []

    async with there.http() as http:

        async def note(request: httpx.Request) -> None:
            if request.url.path.endswith("/scan"):
                begun.append(hours.now)

        http.event_hooks["request"] = [note]
        patience = Patience(poll_s=1, quiet_s=60, lost_polls=100_000, deadline_s=1_000_000)
        shelf = Audiobookshelf(http, patience=patience, sleep=hours.sleep, monotonic=hours.monotonic)
        await shelf.scan()

    assert begun == [pytest.approx(54 + 60, abs=1)]


async def test_with_the_watcher_off_a_scan_begins_at_once(there: Place) -> None:
    hours = Hours(there, "watcher-scan", -2, -1)
    begun: list[float] = []

    async with there.http() as http:

        async def note(request: httpx.Request) -> None:
            if request.url.path.endswith("/scan"):
                begun.append(hours.now)

        http.event_hooks["request"] = [note]
        patience = Patience(poll_s=1, lost_polls=100_000, deadline_s=1_000_000)
        await Audiobookshelf(http, patience=patience, sleep=hours.sleep, monotonic=hours.monotonic).scan()

    assert begun == [0.0]


async def test_a_scan_does_not_wait_for_another_library(there: Place) -> None:
    task = there.sandbox.watcher_scan()
    task.data["libraryId"] = "another"

    async with there.http() as http:
        await there.adapter(http).scan()

    assert len(there.sandbox.world.kept.books) == 2


async def test_an_item_that_took_over_a_deleted_books_identity_is_reported(shelf: Audiobookshelf, there: Place) -> None:
    items = {item.rel_path: item for item in (await shelf.read({})).items}
    (there.root / DRACULA / "book.mp3").unlink()
    await shelf.scan()
    venus = there.book("William Shakespeare/Venus and Adonis")
    there.sandbox.hand_inode(items[DRACULA].id, venus)
    await shelf.scan()

    view = await shelf.read({})

    taken = next(item for item in view.items if item.rel_path == "William Shakespeare/Venus and Adonis")
    assert (taken.id, taken.title) == (items[DRACULA].id, "Dracula")
    [fault] = view.faults
    assert "Venus and Adonis" in fault


async def test_twins_are_reported_until_a_scan_tells_them_apart(shelf: Audiobookshelf, there: Place) -> None:
    there.sandbox.twin((await wizard(shelf)).id)

    before = await shelf.read({})
    await shelf.scan()
    after = await shelf.read({})

    assert len(before.faults) == 1
    assert OZ in before.faults[0]
    assert after.faults == ()
    assert sorted(item.is_missing for item in after.items) == [False, False, True]


async def test_a_server_that_forgot_everything_reads_as_empty_because_it_says_so(
    shelf: Audiobookshelf, there: Place
) -> None:
    there.sandbox.forget()

    assert (await shelf.read({})).items == ()


async def test_a_socket_that_is_down_is_reported_and_never_raises() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with client(f"http://127.0.0.1:{free_port()}") as http:
        wakeups = Audiobookshelf(http, sleep=sleep).wakeups()
        seen = [await anext(wakeups) for _ in range(12)]
        await wakeups.aclose()

    assert {wakeup.event for wakeup in seen} == {"unavailable"}
    assert "polling goes on" in seen[0].why
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 300


async def test_the_socket_is_found_again_after_a_restart(there: Place) -> None:
    async with there.http() as http, aclosing(there.adapter(http).wakeups()) as wakeups:
        assert (await anext(wakeups)).event == "init"
        assert there.server is not None
        await asyncio.to_thread(there.server.stop)
        await asyncio.to_thread(there.server.start)
        events = [(await anext(wakeups)).event for _ in range(2)]

    assert events == ["unavailable", "init"]


async def test_a_token_that_the_socket_refuses_is_reported(there: Place) -> None:
    me = (await there.call("GET", "/api/me")).json() | {"token": KEY}
    shows_key = httpx.MockTransport(lambda _: httpx.Response(200, json=me))

    async with httpx.AsyncClient(transport=shows_key, base_url=there.url) as http:
        wakeups = Audiobookshelf(http).wakeups()
        refused = await anext(wakeups)
        await wakeups.aclose()

    assert refused.event == "unavailable"
    assert "auth_failed" in refused.why
    assert KEY not in refused.why


async def test_a_restarted_stand_in_knows_its_items_and_their_edits(tmp_path: Path) -> None:
    root, state = tmp_path / "books", tmp_path / "state"
    place = Place("", KEY, root, "Books", None)
    place.book(OZ)
    with Server(create_app(root, state, api_key=KEY, scan_seconds=0)) as server:
        async with client(server.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
            shelf = Audiobookshelf(http, patience=QUICK)
            await shelf.scan()
            [item] = (await shelf.read({})).items
            before = await shelf.write(item.id, ItemMetadata(language="en"))

    with Server(create_app(root, state, api_key=KEY, scan_seconds=0)) as server:
        async with client(server.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
            shelf = Audiobookshelf(http, patience=QUICK)
            read = await shelf.read({})
            await shelf.scan()
            scanned = await shelf.read({})

    assert read.items == scanned.items == (before,)


async def test_a_scan_does_not_survive_a_restart(tmp_path: Path) -> None:
    root, state = tmp_path / "books", tmp_path / "state"
    Place("", KEY, root, "Books", None).book(OZ)
    app = create_app(root, state, api_key=KEY, scan_seconds=30)
    server = Server(app)
    try:
        server.start()
        async with client(server.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
            library = (await http.get("/api/libraries")).json()["libraries"][0]["id"]
            await http.post(f"/api/libraries/{library}/scan")
            during = (await http.get("/api/tasks")).json()["tasks"]
        server.stop()
        server.start()
        async with client(server.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
            after = (await http.get("/api/tasks")).json()["tasks"]
    finally:
        server.stop()

    assert [task["action"] for task in during] == ["library-scan"]
    assert after == []
