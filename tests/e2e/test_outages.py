"""A system that is down or talks nonsense: nothing is done on its word, the store says which, and then all goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec
import pytest
from conftest import FreshStore
from small_world import (
    MISSING,
    ROAD,
    Clock,
    Rewrite,
    SmallWorld,
    downloaded,
    in_place,
    reach,
    service,
    settle,
)

from adapters.sandbox.faults import Fault, Scope
from reconcile.ports import Outside
from reconcile.tick import tick

Trouble = Callable[[SmallWorld], AbstractContextManager[None]]


# What can go wrong


def fault(system: str, **what: Any) -> Trouble:
    """A fault of `adapters.sandbox.faults` at one of the stand-ins."""

    @contextmanager
    def trouble(world: SmallWorld) -> Iterator[None]:
        faults = {"library": world.shelf, "client": world.client, "indexer": world.indexer}[system]
        faults.now = [Fault(**what)]
        yield
        faults.now = []

    return trouble


def stopped(system: str) -> Trouble:
    @contextmanager
    def trouble(world: SmallWorld) -> Iterator[None]:
        world.servers[system].stop()
        yield
        world.servers[system].start()

    return trouble


def answering(system: str, rewrite: Rewrite) -> Trouble:
    """Whole answers, as far as HTTP goes, with something else in them."""

    @contextmanager
    def trouble(world: SmallWorld) -> Iterator[None]:
        world.tampering[system].rewrite = rewrite
        yield
        world.tampering[system].rewrite = None

    return trouble


@contextmanager
def forgetting(world: SmallWorld) -> Iterator[None]:
    world.shelf.forget()
    yield
    world.shelf.world.scan()


@contextmanager
def unmounted(world: SmallWorld) -> Iterator[None]:
    world.shelf.unmount()
    world.shelf.world.scan()
    yield
    world.shelf.mount()
    world.shelf.world.scan()


def first_page_only(scope: Scope, body: bytes) -> bytes:
    """Half of what is there, with a total that says so."""
    if not scope["path"].endswith("/items"):
        return body
    page = msgspec.json.decode(body)
    return msgspec.json.encode({**page, "results": page["results"][:2]})


def only_half(scope: Scope, body: bytes) -> bytes:
    """Half of what was there, and a total that fits."""
    if not scope["path"].endswith("/items"):
        return body
    page = msgspec.json.decode(body)
    return msgspec.json.encode({**page, "results": page["results"][:2], "total": 2})


def no_torrents(scope: Scope, body: bytes) -> bytes:
    return b"[]" if scope["path"].endswith("/torrents/info") else body


def no_categories(scope: Scope, body: bytes) -> bytes:
    """An unknown category lists nothing."""
    empty = {"/torrents/info": b"[]", "/torrents/categories": b"{}"}
    return next((other for path, other in empty.items() if scope["path"].endswith(path)), body)


def error_document(code: int, description: str) -> Rewrite:
    document = f'<?xml version="1.0" encoding="UTF-8"?><error code="{code}" description="{description}"/>'
    return lambda scope, body: document.encode()


LIBRARY: dict[str, tuple[Trouble, str]] = {
    "has no items": (forgetting, "LibraryLooksEmptied"),
    "sends half of its pages": (answering("library", first_page_only), "LibraryPartial"),
    "lists half of its books": (answering("library", only_half), "LibraryLooksEmptied"),
    "misses every book": (unmounted, "LibraryLooksEmptied"),
    "sends web pages": (fault("library", kind="html", path="/api/"), "LibraryNotJson"),
    "cuts its answers": (fault("library", kind="cut", path="/items"), "LibraryNotJson"),
    "refuses the key": (fault("library", kind="status", status=401, path="/api/"), "LibraryRefusedKey"),
    "forbids": (fault("library", kind="status", status=403, path="/api/"), "LibraryForbidden"),
    "fails": (fault("library", kind="status", status=500, path="/api/"), "LibraryFailed"),
    "drops connections": (fault("library", kind="reset", path="/api/"), "LibraryUnreachable"),
    "is stopped": (stopped("library"), "LibraryUnreachable"),
}

CLIENT: dict[str, tuple[Trouble, str]] = {
    "sends web pages": (fault("client", kind="html"), "ClientUnreadable"),
    "cuts its answers": (fault("client", kind="cut", path="torrents/info"), "ClientUnreadable"),
    "refuses the host name": (fault("client", kind="status", status=401), "ClientRefused"),
    "fails": (fault("client", kind="status", status=500), "ClientUnreadable"),
    "lists nothing": (answering("client", no_torrents), "ClientLooksEmptied"),
    "does not know the category": (answering("client", no_categories), "ClientRefused"),
    "drops connections": (fault("client", kind="reset"), "ClientUnreachable"),
    "is stopped": (stopped("client"), "ClientUnreachable"),
}

INDEXER: dict[str, Trouble] = {
    "sends web pages": fault("indexer", kind="html"),
    "cuts its answers": fault("indexer", kind="cut"),
    "fails": fault("indexer", kind="status", status=500),
    "does not accept the key": answering("indexer", error_document(100, "Incorrect user credentials")),
    "has had enough for now": answering("indexer", error_document(429, "Request limit reached")),
    "is switched off": answering("indexer", error_document(910, "API disabled")),
    "drops connections": fault("indexer", kind="reset"),
    "is stopped": stopped("indexer"),
}


# What must follow


@pytest.mark.parametrize("case", LIBRARY)
async def test_nothing_is_done_while_the_library(case: str, world: SmallWorld, sqlite: FreshStore) -> None:
    trouble, reason = LIBRARY[case]

    said = await _stands_still(world, await sqlite(), trouble)

    assert said == ("LibraryReadable" if reason != "LibraryLooksEmptied" else "Braked", reason)


@pytest.mark.parametrize("case", CLIENT)
async def test_nothing_is_done_while_the_client(case: str, world: SmallWorld, sqlite: FreshStore) -> None:
    trouble, reason = CLIENT[case]

    said = await _stands_still(world, await sqlite(), trouble)

    assert said == ("ClientReadable" if reason != "ClientLooksEmptied" else "Braked", reason)


async def _stands_still(world: SmallWorld, database: str, trouble: Trouble) -> tuple[str, str]:
    """One book waits to be published and another one to be found while the trouble lasts; what the store says then."""
    clock = Clock()
    world.declare(ROAD)
    async with reach(world.addresses(database), clock) as outside:
        await tick(outside)
        await downloaded(world)
        world.declare(*MISSING)
        before = world.snapshot()

        with trouble(world):
            for _ in range(3):
                clock.advance(400.0)
                report = await tick(outside)
                assert report.run.outcome == "braked"
                assert not report.run.counts
            said = await _said(outside)

        assert world.snapshot() == before
        assert world.removals == 0
        await _until_all_is_there(outside, world)
    return said


async def _said(outside: Outside) -> tuple[str, str]:
    """The strongest complaint: type and reason."""
    for type_ in ("LibraryReadable", "ClientReadable"):
        condition = await service(outside, type_)
        if condition.status == "False":
            return type_, condition.reason
    condition = await service(outside, "Braked")
    assert condition.status == "True"
    return "Braked", condition.reason


async def _until_all_is_there(outside: Outside, world: SmallWorld) -> None:
    """Nobody helps: ticks come and back-offs end."""
    clock = outside.clock
    assert isinstance(clock, Clock)
    for _ in range(12):
        report = await settle(outside)
        assert report.plan is not None
        if {one.because.code for one in report.plan.decisions} == {"InLibrary"}:
            break
        clock.advance(3600.0)
    in_place(world, *MISSING)
    assert (await service(outside, "Braked")).status == "False"


@pytest.mark.parametrize("case", INDEXER)
async def test_nothing_is_concluded_while_the_indexer(case: str, world: SmallWorld, sqlite: FreshStore) -> None:
    async with reach(world.addresses(await sqlite())) as outside:
        with INDEXER[case](world):
            await tick(outside)
            asked = len(world.indexer.requests)
            report = await tick(outside)

        assert len(world.indexer.requests) == asked, "it was asked again before its back-off was over"
        assert report.plan is not None
        refused = case == "does not accept the key"
        reason = "IndexerRefusedKey" if refused else "IndexerUnread"
        assert {one.because.code for one in report.plan.decisions if one.want in KEYS} == {reason}
        conditions = {one.type: one for one in await outside.store.conditions("indexer/sandbox")}
        assert (conditions["Readable"].status, conditions["Readable"].reason) == ("False", reason)
        assert conditions["Stalled"].status == ("True" if refused else "False")
        assert world.adds == 0
        if refused:  # nobody but a person ends that
            await outside.store.request("*", at=outside.clock.now())
        await _until_all_is_there(outside, world)


KEYS = {book.key for book in MISSING}


async def test_a_release_that_cannot_be_fetched_is_fetched_later(world: SmallWorld, sqlite: FreshStore) -> None:
    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        with fault("indexer", kind="status", status=503, path="/download/")(world):
            await tick(outside)
            assert world.adds == 0

        await _until_all_is_there(outside, world)


async def test_a_refused_login_is_tried_once_and_then_left_alone(world: SmallWorld, sqlite: FreshStore) -> None:
    """Five refusals would have the client shut its door for an hour. The next process knows of the first one."""
    at, clock = world.addresses(await sqlite()), Clock()
    with fault("client", kind="status", status=403)(world):
        for _ in range(4):
            async with reach(at, clock) as outside:
                await tick(outside)
                assert (await service(outside, "ClientReadable")).reason.startswith("ClientRefused")
            clock.advance(120.0)

    assert world.logins == 1
    clock.advance(900.0)
    async with reach(at, clock) as outside:
        await _until_all_is_there(outside, world)


async def test_the_process_whose_login_was_refused_goes_on_once_it_is_let_in(
    world: SmallWorld, sqlite: FreshStore
) -> None:
    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        with fault("client", kind="status", status=403)(world):
            await tick(outside)

        await _until_all_is_there(outside, world)
