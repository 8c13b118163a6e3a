"""Whether the gaps of a whole household cost no more requests than a day allows: `python bench/catalogue_requests.py`.

Every series and author of the library of `bench/catalogue_world.py` is looked up with the real adapters and the real
store, at stand-ins on loopback, one server per host. In the middle the run is cut off, and then goes on. Printed are
the requests to each host beside what it may be sent within a day. Three claims are checked; one that fails makes the
exit code 1: it fits, a second run on the same day sends nothing, and what was answered before the cut is not asked
again. `--small` is a household of 20 books.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters import http
from adapters.catalogues.audible import Audible
from adapters.catalogues.audiosilo import Audiosilo
from adapters.catalogues.audnexus import Audnexus
from adapters.catalogues.hardcover import Hardcover
from adapters.catalogues.librivox import LibriVox
from adapters.catalogues.open_library import OpenLibrary
from adapters.sandbox.catalogue_hardcover import TOKEN
from adapters.sandbox.catalogues import Catalogues, create_app
from adapters.sandbox.faults import Receive, Scope, Send
from adapters.sandbox.serve import Server
from adapters.store import migrate, open_store
from adapters.web import Limits, PoliteWeb
from bench.catalogue_world import AUTHORS, BOOKS, SERIES, Household, household
from domain.catalogue.subjects import Asked
from domain.manifest import Declared, FollowAuthors, FollowSeries, FollowSpec, PolicySpec
from domain.ownership import LibraryIndex
from domain.plan import Plan
from domain.world import Event
from reconcile.catalogue_ports import Source
from reconcile.catalogues import Progress, Refreshed, Schedule, due, refresh
from reconcile.observe import read_desired
from reconcile.ports import Outside

T = TypeVar("T")

QUOTAS: Mapping[str, Limits] = {
    "audible/us": Limits(per_s=2.0, at_once=4, per_day=20_000),
    "audible/uk": Limits(per_s=2.0, at_once=4, per_day=20_000),
    "audiosilo": Limits(per_s=2.0, per_day=10_000),
    "audnexus": Limits(per_s=1.5, per_day=10_000),
    "openlibrary": Limits(per_s=1.0, per_day=10_000),
    "librivox": Limits(per_s=1.0, per_day=5_000),
    "hardcover": Limits(per_s=1.0, per_day=5_000),
}
"""What `handlers.sources.LIMITS` allows each host of the sources that cost nothing; a test holds the two together."""

START = datetime(2026, 5, 9, 12, tzinfo=UTC)
"""A noon: the runs are of one day, however long they take."""
ROUND = Schedule(series=START - timedelta(days=7), authors=START - timedelta(days=7))
CUT_AFTER = 3
"""Requests of the next subject, after which the run is cut off."""
SMALL = 20
"""Books of the small household, with as many authors and series to a book as the large one."""


class Noon:
    """The clock of the bench: it starts at `START`, whenever that really is."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self._begun)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class App(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Host:
    """ASGI middleware that remembers each question it was sent."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.count = 0
        self.questions: Counter[tuple[str, bytes, bytes]] = Counter()
        """(path, query, body) -> how often."""
        self.meet: Callable[[], None] = lambda: None
        """Called with every request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: list[Any] = []
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
        body = b"".join(message.get("body", b"") for message in messages)
        self.questions[scope["path"], scope["query_string"], body] += 1
        self.count += 1
        self.meet()
        rest = iter(messages)

        async def again() -> Any:
            return next(rest, None) or await receive()

        await self._app(scope, again, send)


class Hosts:
    """Every stand-in on a port of its own, so that each has its own budget, as the real hosts have."""

    def __init__(self, app: Catalogues) -> None:
        self.by_name = {name: Host(app) for name in QUOTAS}
        self._servers = {name: Server(host) for name, host in self.by_name.items()}

    @contextmanager
    def serving(self) -> Iterator[Hosts]:
        with ExitStack() as stack:
            for server in self._servers.values():
                stack.enter_context(server)
            yield self

    def url(self, name: str) -> str:
        return f"{self._servers[name].url}/{name}"

    @property
    def counts(self) -> dict[str, int]:
        return {name: host.count for name, host in self.by_name.items()}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def asked_twice(self) -> int:
        """How many requests were for what had been asked before."""
        return sum(count - 1 for host in self.by_name.values() for count in host.questions.values())

    def after(self, requests: int, act: Callable[[], None]) -> None:
        """Act once, when so many more requests have come in, before the last of them is answered."""
        last = self.total + requests

        def meet() -> None:
            if self.total >= last:
                for host in self.by_name.values():
                    host.meet = lambda: None
                act()

        for host in self.by_name.values():
            host.meet = meet


def sources(hosts: Hosts, web: Callable[[str], PoliteWeb]) -> tuple[Source, ...]:
    """Every source that costs nothing, at its stand-in."""
    shops = {region: hosts.url(f"audible/{region}") for region in ("us", "uk")}
    return (
        Audible(web("audible/us"), base_urls=shops),
        Audiosilo(web("audiosilo"), base_url=hosts.url("audiosilo")),
        Audnexus(web("audnexus"), base_url=hosts.url("audnexus")),
        OpenLibrary(web("openlibrary"), base_url=hosts.url("openlibrary")),
        LibriVox(web("librivox"), base_url=f"{hosts.url('librivox')}/api/feed"),
        Hardcover(web("hardcover"), token=TOKEN, base_url=f"{hosts.url('hardcover')}/v1/graphql"),
    )


class Following:
    """Documents that want all of every series and every author of which the library holds anything."""

    declared = Declared(
        follows={"begun": FollowSpec(series=FollowSeries(owned=1), authors=FollowAuthors(owned=1))},
        policy=PolicySpec(bootstrap="apply"),
    )

    def read(self) -> Declared:
        return self.declared


class Quiet:
    def event(self, event: Event) -> None: ...

    def planned(self, plan: Plan) -> None: ...


@asynccontextmanager
async def process(database: str, hosts: Hosts, clock: Noon) -> AsyncIterator[Outside]:
    """What one process works with: the store is opened anew, and nothing is left in memory of the one before."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(database))
        client = await stack.enter_async_context(http.client())

        def web(name: str) -> PoliteWeb:
            unpaced = msgspec.structs.replace(QUOTAS[name], per_s=math.inf)
            return PoliteWeb(client, store, unpaced, clock)

        yield Outside(
            store=store,
            manifests=Following(),
            library=None,
            client=None,
            client_fingerprint="",
            indexers=(),
            shelf=None,
            clock=clock,
            tell=Quiet(),
            jitter=random.Random(1),
            catalogue=store,
            sources=sources(hosts, web),
        )


class Bench:
    """One household, its store and its stand-ins, through the runs of one day."""

    def __init__(self, home: Household, hosts: Hosts, database: str) -> None:
        self.hosts = hosts
        self._home = home
        self._database = database
        self._clock = Noon()

    def process(self) -> AbstractAsyncContextManager[Outside]:
        return process(self._database, self.hosts, self._clock)

    async def prepare(self) -> tuple[Asked, ...]:
        """The library is read; everything is due."""
        await migrate(self._database)
        async with self.process() as outside:
            await outside.store.save_items(self._home.items)
            return await due(outside, Following.declared, ROUND)

    async def cut_off(self, asked: Sequence[Asked]) -> int:
        """A run that is cancelled half-way, in the middle of a subject. Returns how many subjects were finished; all
        when it was over before that."""
        finished = 0
        loop = asyncio.get_running_loop()

        def cut() -> None:
            loop.call_soon_threadsafe(running.cancel)

        def watch(progress: Progress) -> None:
            nonlocal finished
            finished = progress.done
            if finished == progress.of // 2:
                self.hosts.after(CUT_AFTER, cut)

        async with self.process() as outside:
            running = asyncio.create_task(refresh(outside, Following.declared, asked, ROUND, progress=watch))
            await asyncio.wait({running})
        return finished if running.cancelled() else len(running.result().done)

    async def run(self, *, until: datetime | None = None) -> Refreshed:
        """What is due, as a process started later that day would do it."""
        async with self.process() as outside:
            asked = await due(outside, Following.declared, ROUND)
            return await refresh(outside, Following.declared, asked, ROUND, until=until)

    async def run_all(self, asked: Sequence[Asked]) -> Refreshed:
        """Go through subjects that are not due."""
        async with self.process() as outside:
            return await refresh(outside, Following.declared, asked, ROUND)

    async def open_questions(self, asked: Sequence[Asked]) -> int:
        """How many of these subjects no source, or not every source, has answered."""
        async with self.process() as outside:
            assert outside.catalogue is not None
            known = await outside.catalogue.catalogued()
            waiting = await outside.store.backoffs()
        keys = [one.subject.key for one in asked]
        return sum(key not in known or f"catalogue/{key}" in waiting for key in keys)

    async def gaps(self) -> str:
        """What all this was for."""
        async with self.process() as outside:
            assert outside.catalogue is not None
            books = {book.id for known in (await outside.catalogue.catalogued()).values() for book in known.books}
            desired = await read_desired(outside)
            index = LibraryIndex((await outside.store.items()).values())
        missing = sum(not (found := index.owned(want)).items and not found.maybe for want in desired.wants)
        return f"{len(books):,} books known, {len(desired.wants):,} of them main books and out, {missing:,} missing"


async def watched(hosts: Hosts, work: Awaitable[T], say: Callable[[T], str]) -> tuple[T, int]:
    """The result and how many requests it took, with a line of both."""
    begun, before = time.perf_counter(), hosts.total
    result = await work
    sent = hosts.total - before
    print(f"{say(result):58} {sent:7,} requests {time.perf_counter() - begun:8.1f} s", flush=True)
    return result, sent


async def measure(home: Household, hosts: Hosts, database: str) -> bool:
    """Every run in turn, with its figures. Whether all claims hold."""
    bench = Bench(home, hosts, database)
    asked = await bench.prepare()
    kinds = Counter(one.subject.kind for one in asked)
    print(f"{len(home.items):,} books, to look up: {kinds['series']:,} series and {kinds['author']:,} authors")
    finished, _ = await watched(
        hosts, bench.cut_off(asked), lambda finished: f"cut off in the middle of subject {finished + 1:,}"
    )
    late, sent_late = await watched(
        hosts, bench.run(until=START), lambda done: f"no time left: {len(done.left):,} subjects wait"
    )
    rest, _ = await watched(hosts, bench.run(), lambda done: f"the other {len(done.done):,} subjects")
    counts, again = hosts.counts, hosts.asked_twice()
    second, sent_second = await watched(
        hosts, bench.run(), lambda done: f"a second run on the same day: {len(done.done):,} subjects"
    )
    _, sent_forced = await watched(
        hosts, bench.run_all(asked), lambda done: f"all {len(done.done):,} subjects once more, though not due"
    )
    print(await bench.gaps())
    show(counts)
    return claimed(
        {
            "every source answered about every subject": await bench.open_questions(asked) == 0,
            "the requests to each host fit into its day": all(
                count <= (QUOTAS[name].per_day or 0) for name, count in counts.items()
            ),
            "a second run on the same day sends nothing": not (second.done or sent_second or sent_forced),
            "a run without time sends nothing and finishes nothing": not (late.done or sent_late),
            "after the cut it went on where it stopped": 0 < finished == len(asked) - len(rest.done) < len(asked),
            f"what was answered was not asked again: {again} requests repeated, which the cut had met on their way": (
                again <= sum(limits.at_once for limits in QUOTAS.values())
            ),
        }
    )


def claimed(claims: Mapping[str, bool]) -> bool:
    """Whether all of them hold, with a line for each."""
    for what, holds in claims.items():
        print(f"{'held  ' if holds else 'FAILED'}  {what}")
    return all(claims.values())


def show(counts: Mapping[str, int]) -> None:
    """Each host: what it was sent, what it may be sent in a day, and how long that takes at the pace we keep."""
    print(f"{'host':12} {'requests':>9} {'a day':>9} {'share':>7} {'at its pace':>13}")
    for name, count in counts.items():
        limits = QUOTAS[name]
        per_day = limits.per_day or 0
        pace = timedelta(seconds=round(count / limits.per_s))
        print(f"{name:12} {count:9,} {per_day:9,} {count / per_day:7.1%} {pace!s:>13}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"a household of {SMALL} books")
    parser.add_argument("--books", type=int, default=BOOKS, help="books in the household")
    stated = parser.parse_args(arguments)
    books = SMALL if stated.small else stated.books
    home = household(books=books, authors=AUTHORS * books // BOOKS, series=SERIES * books // BOOKS)
    with tempfile.TemporaryDirectory() as folder, Hosts(create_app(home.world)).serving() as hosts:
        holds = asyncio.run(measure(home, hosts, f"sqlite:///{folder}/store.db"))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
