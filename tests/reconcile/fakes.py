"""A small outside in memory, speaking the ports: what it holds can be looked at, and every call to it can go wrong."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from domain.accounts import Account
from domain.errors import Conflict, Failure, Transient
from domain.manifest import BookSpec, Declared, Mistake, PolicySpec, ProfileSpec
from domain.metadata import ItemMetadata
from domain.plan import Plan
from domain.positions import read_position
from domain.proof import AudioFile, is_audio
from domain.releases import Payload, Release, SeriesName, TorrentFile
from domain.wanted_files import CHOOSE_TAG
from domain.wants import Want
from domain.world import (
    Backoff,
    Baseline,
    Blocked,
    Claim,
    Condition,
    Correction,
    Event,
    FailedAttempt,
    Item,
    LibraryView,
    Outcome,
    Override,
    Run,
    Searched,
    StoredVerdict,
    Torrent,
    TorrentState,
)
from reconcile.ports import Outside, Query, Store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GB = 1_000_000_000
BAUM = "L. Frank Baum"
CATEGORY = "bibliostat"
APPLY = PolicySpec(bootstrap="apply")

replace = msgspec.structs.replace


class Crash(BaseException):
    """The process died here."""


class FakeClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


class Wire:
    """Every call to the outside goes through here, and is asked twice: before its effect, and after it.

    `breaks["add"]` are raised before the effect, `loses["add"]` after it, one per call. `crash_in` counts moments down
    to a crash; from then on nothing of the process gets through. `pause_in` holds the caller until `resume` is set.
    """

    def __init__(self) -> None:
        self.breaks: dict[str, list[Failure]] = defaultdict(list)
        self.loses: dict[str, list[Failure]] = defaultdict(list)
        self.calls: list[str] = []
        self.crash_in: int | None = None
        self.pause_in: int | None = None
        self.paused, self.resume = asyncio.Event(), asyncio.Event()
        self.dead = False

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        await self._moment()
        self.calls.append(name)
        if self.breaks[name]:
            raise self.breaks[name].pop(0)
        yield
        await self._moment()
        if self.loses[name]:
            raise self.loses[name].pop(0)

    async def _moment(self) -> None:
        if self.pause_in is not None:
            self.pause_in -= 1
            if self.pause_in == 0:
                self.pause_in = None
                self.paused.set()
                await self.resume.wait()
        if self.crash_in is not None:
            self.crash_in -= 1
            self.dead = self.dead or self.crash_in <= 0
        if self.dead:
            raise Crash


class FakeClient:
    """A download client. `adds` holds the id of every torrent that was really added."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.torrents: dict[str, Torrent] = {}
        self.payloads: dict[str, Payload] = {}
        self.adds: list[str] = []
        self.removed: list[str] = []
        self.left_out: dict[str, frozenset[str]] = {}
        self.refusals_forgotten = 0
        self.down = False
        self.lists_nothing = False

    def seen_by(self, wire: Wire) -> WiredClient:
        return WiredClient(self, wire)

    def put(self, torrent: Torrent, payload: Payload) -> None:
        self.torrents[torrent.id], self.payloads[torrent.id] = torrent, payload

    def finish(self, torrent_id: str) -> None:
        now = self.clock.now()
        done = {"state": TorrentState.DONE, "progress": 1.0, "complete": True, "completed_at": now}
        self.torrents[torrent_id] = replace(self.torrents[torrent_id], **done)

    def change(self, torrent_id: str, **changes: Any) -> None:
        self.torrents[torrent_id] = replace(self.torrents[torrent_id], **changes)

    def lose(self, torrent_id: str) -> None:
        """A person deletes it."""
        del self.torrents[torrent_id]


class WiredClient:
    def __init__(self, client: FakeClient, wire: Wire) -> None:
        self.client, self._wire = client, wire

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[dict[str, Torrent]]:
        async with self._wire.call(name):
            if self.client.down:
                raise Transient("the client does not answer", code="ClientDown")
            yield {} if self.client.lists_nothing else self.client.torrents

    async def read(self, also: Collection[str]) -> tuple[Torrent, ...]:
        async with self._call("read client") as torrents:
            return tuple(one for one in torrents.values() if one.category == CATEGORY or one.ids & set(also))

    async def find(self, ids: Collection[str]) -> Torrent | None:
        async with self._call("find") as torrents:
            return next((one for one in torrents.values() if one.ids & set(ids)), None)

    async def add(self, payload: Payload, *, tags: Sequence[str]) -> Torrent:
        async with self._call("add"):
            torrents = self.client.torrents
            if payload.id not in torrents:  # the real one refuses a second of the same infohash
                self.client.adds.append(payload.id)
                torrent = Torrent(
                    id=payload.id,
                    infohash_v1=payload.infohash_v1,
                    name=payload.name,
                    category=CATEGORY,
                    tags=tuple(tags),
                    state=TorrentState.ACTIVE,
                    save_path="/downloads",
                    added_at=self.client.clock.now(),
                    last_activity_at=self.client.clock.now(),
                )
                self.client.put(torrent, payload)
            return torrents[payload.id]

    async def files(self, torrent_id: str) -> tuple[tuple[TorrentFile, float], ...]:
        async with self._call("files") as torrents:
            progress = torrents[torrent_id].progress
            return tuple((file, progress) for file in self.client.payloads[torrent_id].files or ())

    async def tag(self, torrent_id: str, tags: Sequence[str]) -> None:
        async with self._call("tag"):
            self.client.change(torrent_id, tags=(*self.client.torrents[torrent_id].tags, *tags))

    async def untag(self, torrent_id: str, tags: Sequence[str]) -> None:
        async with self._call("untag"):
            kept = tuple(tag for tag in self.client.torrents[torrent_id].tags if tag not in tags)
            self.client.change(torrent_id, tags=kept)

    async def remove(self, torrent_id: str, *, with_files: bool) -> None:
        async with self._call("remove") as torrents:
            del torrents[torrent_id]
            self.client.removed.append(torrent_id)

    def forget_refusal(self) -> None:
        self.client.refusals_forgotten += 1

    async def start(self, torrent_id: str) -> None:
        async with self._call("start"):
            self.client.change(torrent_id, state=TorrentState.ACTIVE)

    async def recheck(self, torrent_id: str) -> None:
        async with self._call("recheck"):
            self.client.change(torrent_id, state=TorrentState.WAITING)

    async def choose(self, torrent_id: str, unwanted: Collection[str]) -> None:
        async with self._call("choose"):
            kept = tuple(tag for tag in self.client.torrents[torrent_id].tags if tag != CHOOSE_TAG)
            self.client.left_out[torrent_id] = frozenset(unwanted)
            self.client.change(torrent_id, state=TorrentState.ACTIVE, tags=kept)


class FakeShelf:
    """The library's file system. `recordings` says what an audio reader finds in a file, by the end of its path.

    `replaced` are the old copies that are kept, `moving` where those stood whose replacement was interrupted.
    """

    def __init__(self) -> None:
        self.folders: dict[str, tuple[TorrentFile, ...]] = {}
        self.replaced: dict[str, tuple[TorrentFile, ...]] = {}
        self.moving: dict[str, str] = {}
        self.separate = True
        self.staged: dict[str, tuple[TorrentFile, ...]] = {}
        self.recordings: dict[str, AudioFile] = {}
        self.free: int | None = 500 * GB
        self.in_place_folder: str | None = None

    def seen_by(self, wire: Wire) -> WiredShelf:
        return WiredShelf(self, wire)

    def put_back(self) -> None:
        """What the real one does at every look."""
        for kept, rel_path in list(self.moving.items()):
            if rel_path not in self.folders:
                self.folders[rel_path] = self.replaced.pop(kept)
            del self.moving[kept]


class WiredShelf:
    def __init__(self, shelf: FakeShelf, wire: Wire) -> None:
        self.shelf, self._wire = shelf, wire

    @property
    def separate(self) -> bool:
        return self.shelf.separate

    def local(self, client_path: str) -> str:
        return client_path

    def holds(self, path: str) -> bool:
        return path.startswith("/books")

    async def free_bytes(self) -> int | None:
        async with self._wire.call("free"):
            return self.shelf.free

    async def audio(self, files: Sequence[str]) -> tuple[AudioFile, ...]:
        async with self._wire.call("audio"):
            known = self.shelf.recordings.items()
            return tuple(replace(audio, path=path) for path in files for end, audio in known if path.endswith(end))

    async def stage(self, name: str, files: Sequence[tuple[str, str]]) -> None:
        async with self._wire.call("stage"):
            sizes = {end: audio.size_bytes for end, audio in self.shelf.recordings.items()}
            size_of = {source: next(size for end, size in sizes.items() if source.endswith(end)) for source, _ in files}
            self.shelf.staged[name] = tuple(TorrentFile(path=rel, size_bytes=size_of[source]) for source, rel in files)

    async def place(self, name: str, rel_path: str) -> None:
        async with self._wire.call("place"):
            if rel_path in self.shelf.folders:
                raise Conflict(f"something else stands at {rel_path}", code="FolderTaken")
            self.shelf.folders[rel_path] = self.shelf.staged.pop(name)

    async def replace(self, name: str, rel_path: str, *, kept: str) -> None:
        """In two steps, and a process may die at each; a failure of the second one is undone."""
        shelf = self.shelf
        shelf.put_back()
        async with self._wire.call("move away"):
            if rel_path not in shelf.folders or name not in shelf.staged:
                raise Conflict(f"nothing to replace at {rel_path}", code="NothingToReplace")
            shelf.moving[kept] = rel_path
            shelf.replaced[kept] = shelf.folders.pop(rel_path)
        try:
            async with self._wire.call("move in"):
                shelf.folders[rel_path] = shelf.staged.pop(name)
        except Failure:
            shelf.put_back()
            raise
        shelf.moving.pop(kept, None)

    async def placed(self, rel_path: str) -> tuple[TorrentFile, ...] | None:
        async with self._wire.call("placed"):
            self.shelf.put_back()
            return self.shelf.folders.get(rel_path)

    async def leftovers(self) -> tuple[str, ...]:
        async with self._wire.call("leftovers"):
            return tuple(sorted(self.shelf.staged))

    async def discard(self, name: str) -> None:
        async with self._wire.call("discard"):
            self.shelf.staged.pop(name, None)

    async def in_place(self, source_folder: str) -> str | None:
        async with self._wire.call("in place"):
            return self.shelf.in_place_folder


class FakeLibrary:
    """A library server over the shelf: a scan lists every folder once. `misreads` has it take folder names for titles,
    `keeps_titles` has it ignore what is written."""

    def __init__(self, shelf: FakeShelf) -> None:
        self.shelf = shelf
        self.items: dict[str, Item] = {}
        self.scans = 0
        self.down = False
        self.lists_nothing = False
        self.blind = False
        self.misreads = False
        self.keeps_titles = False

    def seen_by(self, wire: Wire) -> WiredLibrary:
        return WiredLibrary(self, wire)

    def own(self, want: Want, **changes: Any) -> Item:
        """A book that stood there before us."""
        item = _item(f"own-{want.key}", f"old/{want.title}", want.title, want.authors[0], None)
        self.items[item.id] = replace(item, **changes)
        return self.items[item.id]

    def scan(self) -> None:
        self.scans += 1
        for key, item in self.items.items() if not self.blind else ():
            self.items[key] = self._looked_at(item)
        listed = {item.rel_path for item in self.items.values()}
        for rel_path in () if self.blind else sorted(self.shelf.folders.keys() - listed):
            author, *_, folder = rel_path.split("/")
            title = folder if self.misreads else folder.split(" {")[0].split(" - ")[-1]
            item = _item(f"li-{len(self.items)}", rel_path, title, author, None)
            self.items[item.id] = self._looked_at(item)

    def _looked_at(self, item: Item) -> Item:
        """A book that stood there before us has no folder on this shelf, and stays as it is."""
        files = self.shelf.folders.get(item.rel_path)
        if files is None and item.id.startswith("own-") and item.rel_path.startswith("old/"):
            return item
        formats = sorted({file.extension for file in files or () if is_audio(file)})
        return replace(item, is_missing=files is None, formats=tuple(formats) if files else item.formats)


def _item(key: str, rel_path: str, title: str, author: str, series: SeriesName | None) -> Item:
    placed = (series,) if series else ()
    return Item(
        id=key,
        library_id="lib",
        path=f"/books/{rel_path}",
        rel_path=rel_path,
        title=title,
        authors=(author,),
        series=placed,
    )


class WiredLibrary:
    def __init__(self, library: FakeLibrary, wire: Wire) -> None:
        self.library, self._wire = library, wire

    async def read(self, known: Mapping[str, Item]) -> LibraryView:
        async with self._wire.call("read library"):
            if self.library.down:
                raise Transient("the library does not answer", code="LibraryDown")
            return LibraryView(items=() if self.library.lists_nothing else tuple(self.library.items.values()))

    async def scan(self) -> None:
        async with self._wire.call("scan"):
            self.library.scan()

    async def write(self, item_id: str, metadata: ItemMetadata) -> Item:
        async with self._wire.call("write"):
            item = self.library.items[item_id]
            if self.library.keeps_titles:
                raise Conflict(f"the library kept {item.title!r}", code="NotKept")
            fields = {name: value for name, value in msgspec.structs.asdict(metadata).items() if value is not None}
            self.library.items[item_id] = replace(item, **fields)
            return self.library.items[item_id]


class FakeIndexer:
    """An indexer that finds a release when every word of its own title is asked for, or of the book's.

    `found_by` has it find a release by one text alone, `silent` names who behind it did not answer, and `fault` is what
    every question runs into.
    """

    def __init__(self, name: str = "shelf") -> None:
        self.name = name
        self.offers: dict[str, tuple[Release, Payload]] = {}
        self.searched: list[str] = []
        self.fetched: list[str] = []
        self.down = False
        self.fingerprint = "0000"
        self.record: Account | None = None
        self.found_by: dict[str, str] = {}
        self.silent: dict[str, str] = {}
        self.fault: Failure | None = None

    def offer(self, release: Release, payload: Payload) -> Release:
        self.offers[release.id] = (release, payload)
        return release

    def seen_by(self, wire: Wire) -> WiredIndexer:
        return WiredIndexer(self, wire)


class WiredIndexer:
    def __init__(self, indexer: FakeIndexer, wire: Wire) -> None:
        self.indexer, self.name, self._wire = indexer, indexer.name, wire
        self.fingerprint = indexer.fingerprint

    async def account(self) -> Account | None:
        async with self._wire.call("account"):
            self._check()
            return self.indexer.record

    def _check(self) -> None:
        if self.indexer.down:
            raise Transient(f"{self.name} does not answer", code="IndexerDown")
        if self.indexer.fault is not None:
            raise self.indexer.fault

    @property
    def silent(self) -> Mapping[str, str]:
        return self.indexer.silent

    async def search(self, query: Query) -> tuple[Release, ...]:
        async with self._wire.call("search"):
            self._check()
            self.indexer.searched.append(query.text)
            return tuple(release for release, _ in self.indexer.offers.values() if self._finds(query, release))

    def _finds(self, query: Query, release: Release) -> bool:
        if release.id in self.indexer.found_by:
            return query.text == self.indexer.found_by[release.id]
        return (query.title or "") in release.title

    async def fetch(self, release: Release) -> Payload:
        async with self._wire.call("fetch"):
            self._check()
            self.indexer.fetched.append(release.id)
            return self.indexer.offers[release.id][1]


class FakeManifests:
    def __init__(self, declared: Declared | tuple[Mistake, ...]) -> None:
        self.declared = declared

    def read(self) -> Declared | tuple[Mistake, ...]:
        return self.declared


class Watcher:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.plans: list[Plan] = []

    def event(self, event: Event) -> None:
        self.told.append(event)

    def planned(self, plan: Plan) -> None:
        self.plans.append(plan)


class WiredStore:
    """A store behind a wire: each of its methods is one call that may be the last of the process."""

    def __init__(self, store: Store, wire: Wire) -> None:
        self._store, self._wire = store, wire

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def wired(*args: Any, **kwargs: Any) -> Any:
            async with self._wire.call(name):
                return await method(*args, **kwargs)

        return wired


class Stage:
    """The whole outside of one test, and the processes that work on it, each with its own wire."""

    def __init__(self, store: Store, *, policy: PolicySpec = APPLY) -> None:
        self.store = store
        self.clock = FakeClock()
        self.client = FakeClient(self.clock)
        self.shelf = FakeShelf()
        self.library = FakeLibrary(self.shelf)
        self.indexers = [FakeIndexer()]
        self.manifests = FakeManifests(Declared(policy=policy))
        self.watcher = Watcher()
        self.profile = ProfileSpec()

    @property
    def indexer(self) -> FakeIndexer:
        return self.indexers[0]

    def outside(self, wire: Wire | None = None) -> Outside:
        """What one process sees; a new wire is a new process."""
        wire = wire or Wire()
        return Outside(
            store=WiredStore(self.store, wire),
            manifests=self.manifests,
            library=self.library.seen_by(wire),
            client=self.client.seen_by(wire),
            client_fingerprint="c0ffee",
            indexers=tuple(indexer.seen_by(wire) for indexer in self.indexers),
            shelf=self.shelf.seen_by(wire),
            clock=self.clock,
            tell=self.watcher,
            jitter=random.Random(1),
        )

    def want(self, *books: Want, policy: PolicySpec | None = None) -> None:
        """Declare exactly these books."""
        before = self.manifests.declared
        kept = before.policy if isinstance(before, Declared) else APPLY
        self.manifests.declared = Declared(
            books={slug(book): _spec(book) for book in books},
            profiles={"standard": self.profile},
            policy=policy or kept,
        )

    def offer(self, book: Want, *, indexer: int = 0, **changes: Any) -> Release:
        """The indexer offers a good release of this book, and its files are a good recording of it."""
        release, payload, audio = recording(book, **{"indexer": self.indexers[indexer].name} | changes)
        for file in payload.files or ():
            self.shelf.recordings[file.path] = audio
        return self.indexers[indexer].offer(release, payload)

    def offer_pack(
        self, title: str, *books: Want, files: Sequence[str] = (), **changes: Any
    ) -> tuple[Release, Payload]:
        """The indexer offers these books of a series in one torrent, each in a file of its own; `files` are further."""
        release, payload, _ = recording(
            books[0], **{"title": title, "authors": (BAUM,), "id": _digits(title)[:16]} | changes
        )
        own = [f"Oz/{one.position.text if one.position else 0} - {one.title}.m4b" for one in books]
        listed = tuple(TorrentFile(path=path, size_bytes=300_000_000) for path in (*own, *files))
        for path, one in zip(own, books, strict=True):
            self.shelf.recordings[path] = replace(recording(one)[2], path=path)
        for path in files:
            self.shelf.recordings[path] = replace(recording(books[0])[2], path=path)
        payload = replace(payload, name=title, files=listed)
        return self.indexer.offer(release, payload), payload

    async def claims(self, action: str = "grab") -> list[tuple[str, Outcome | None]]:
        return [(claim.want, claim.outcome) for claim in await self.store.claims() if claim.action == action]

    async def reasons(self) -> dict[str, str]:
        """Want -> why it is as it is, by its condition `Ready`."""
        return {one.subject: one.reason for one in await self.store.conditions() if one.type == "Ready"}


def book(title: str, author: str = BAUM) -> Want:
    """A book as `Stage.want` declares it, with the key that it gets."""
    words = "-".join(title.lower().replace("'", "").split())
    return Want(key=f"baum-l-frank/{words}", title=title, authors=(author,), because=(f"Book/{words}",))


def oz(title: str, number: int) -> Want:
    """A book of the series as `Stage.want` declares it."""
    return replace(book(title), series="Oz", position=read_position(str(number)))


def _spec(want: Want) -> BookSpec:
    place = want.position.text if want.position else None
    return BookSpec(title=want.title, author=want.authors[0], series=want.series, position=place)


def slug(want: Want) -> str:
    return want.key.rpartition("/")[2]


def recording(want: Want, **changes: Any) -> tuple[Release, Payload, AudioFile]:
    """A release that surely is this book, its torrent, and what an audio reader finds in its one file."""
    size = 300_000_000
    indexer = changes.get("indexer", "shelf")
    infohash = changes.pop("infohash", _digits(f"{indexer} torrent {want.title} {changes.get('id', '')}")[:40])
    release = Release(
        **(
            {
                "id": _digits(f"{indexer} {want.title}")[:16],
                "indexer": indexer,
                "title": f"{want.authors[0]} - {want.title} (Unabridged) [M4B]",
                "authors": want.authors,
                "category": "3030",
                "seeders": 5,
                "size_bytes": size,
            }
            | changes
        )
    )
    file = TorrentFile(path=f"{want.title}/{want.title} {infohash[:6]}.m4b", size_bytes=size)
    payload = Payload(content=b"torrent", infohash_v1=infohash, name=want.title, files=(file,))
    tags = {"album": want.title, "artist": want.authors[0]}
    audio = AudioFile(path=file.path, size_bytes=size, duration_s=21_600.0, bitrate_kbps=110, codec="aac", tags=tags)
    return release, payload, audio


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- a store in memory -----------------------------------------------------------------------------------------------

_LIVE = (None, Outcome.UNKNOWN, Outcome.SENT)


class MemoryStore:
    """`reconcile.ports.Store` in dictionaries, for tests that need thousands of ticks. The ledger's rules are tested
    beside those of the real store (`test_grabs`)."""

    def __init__(self) -> None:
        self.leases: dict[str, tuple[str, int, datetime]] = {}
        self.ledger: dict[int, Claim] = {}
        self.indexer_of: dict[int, str] = {}
        self._items: dict[str, Item] = {}
        self._searches: dict[str, Searched] = {}
        self._accounts: dict[str, Account] = {}
        self._answers: dict[tuple[str, str], tuple[tuple[Release, ...], datetime]] = {}
        self._baseline = Baseline()
        self._last_good: Declared | None = None
        self._keys: dict[str, str] = {}
        self._overrides: dict[int, Override] = {}
        self._blocked: dict[int, Blocked] = {}
        self._approved: set[str] = set()
        self._findings: dict[str, int] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._events: list[Event] = []
        self._verdicts: dict[tuple[str, str, str, str], StoredVerdict] = {}
        self._failures: dict[tuple[str, str], FailedAttempt] = {}
        self._corrections: list[Correction] = []
        self._runs: dict[int, Run] = {}
        self._requests: dict[str, datetime] = {}

    async def acquire_lease(self, name: str, holder: str, *, now: datetime, ttl_s: float) -> int | None:
        before, epoch, until = self.leases.get(name, ("", 0, now))
        if until > now and before != holder:
            return None
        self.leases[name] = (holder, epoch + 1, now + timedelta(seconds=ttl_s))
        return epoch + 1

    async def renew_lease(self, name: str, holder: str, epoch: int, *, now: datetime, ttl_s: float) -> None:
        if self.leases.get(name, ("", 0, now))[:2] != (holder, epoch):
            raise Conflict("the lease has moved on", code="LeaseMoved")
        self.leases[name] = (holder, epoch, now + timedelta(seconds=ttl_s))

    async def release_lease(self, name: str, holder: str, epoch: int) -> None:
        if self.leases.get(name, ("", 0, NOW))[:2] == (holder, epoch):
            self.leases[name] = (holder, epoch, datetime(1970, 1, 1, tzinfo=UTC))

    def _check(self, epoch: int) -> None:
        if self.leases.get("tick", ("", 0, NOW))[1] != epoch:
            raise Conflict("the lease has moved on", code="LeaseMoved")

    async def claim(
        self,
        action: str,
        *,
        want: str,
        release: str,
        attempt: int,
        epoch: int,
        now: datetime,
        indexer: str = "",
        **more: Any,
    ) -> Claim | None:
        self._check(epoch)
        rows = [one for one in self.ledger.values() if (one.action, one.want) == (action, want)]
        if action == "grab" and any(one.outcome in _LIVE for one in rows):
            return None
        same = [one for one in rows if (one.release, one.attempt) == (release, attempt)]
        if same and same[0].outcome is not Outcome.UNSENT:
            return None
        key = same[0].id if same else len(self.ledger) + 1
        row = Claim(
            id=key,
            action=action,
            want=want,
            release=release,
            indexer=indexer,
            attempt=attempt,
            epoch=epoch,
            claimed_at=now,
            **more,
        )
        self.ledger[key], self.indexer_of[key] = row, indexer
        return row

    async def note(self, claim_id: int, *, epoch: int, **learnt: str | None) -> None:
        self._check(epoch)
        known = {name: value for name, value in learnt.items() if value is not None}
        self.ledger[claim_id] = replace(self.ledger[claim_id], **known)

    async def settle(self, claim_id: int, *, epoch: int, outcome: Outcome, now: datetime, detail: str = "") -> None:
        self._check(epoch)
        row = replace(self.ledger[claim_id], outcome=outcome, detail=detail, settled_at=now)
        others = (
            one for one in self.ledger.values() if (one.action, one.want) == ("grab", row.want) and one.id != row.id
        )
        if row.action == "grab" and outcome in _LIVE and any(one.outcome in _LIVE for one in others):
            raise Conflict("another grab of that want is live", code="GrabAlreadyLive")
        self.ledger[claim_id] = row

    async def claims(self) -> tuple[Claim, ...]:
        return tuple(self.ledger.values())

    async def grabs_since(self, since: datetime) -> Mapping[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for row in self.ledger.values():
            if row.action == "grab" and row.claimed_at >= since and row.outcome is not Outcome.UNSENT:
                counts[self.indexer_of[row.id]] += 1
        return counts

    async def items(self) -> Mapping[str, Item]:
        return dict(self._items)

    async def save_items(self, items: Collection[Item]) -> None:
        self._items = {item.id: item for item in items}

    async def searches(self) -> Mapping[str, Searched]:
        return dict(self._searches)

    async def save_search(self, searched: Searched) -> None:
        self._searches[searched.want] = searched

    async def accounts(self) -> Mapping[str, Account]:
        return dict(self._accounts)

    async def save_account(self, account: Account) -> None:
        self._accounts[account.indexer] = account

    async def answer(self, indexer: str, question: str) -> tuple[tuple[Release, ...], datetime] | None:
        return self._answers.get((indexer, question))

    async def save_answer(self, indexer: str, question: str, offers: tuple[Release, ...], *, at: datetime) -> None:
        self._answers[indexer, question] = (offers, at)

    async def baseline(self) -> Baseline:
        return self._baseline

    async def save_baseline(self, baseline: Baseline) -> None:
        self._baseline = baseline

    async def last_good(self) -> Declared | None:
        return self._last_good

    async def save_last_good(self, declared: Declared, *, now: datetime) -> None:
        self._last_good = declared

    async def want_keys(self) -> Mapping[str, str]:
        return dict(self._keys)

    async def save_want_keys(self, keys: Mapping[str, str], *, now: datetime) -> None:
        self._keys = {**keys, **self._keys}

    async def overrides(self) -> tuple[Override, ...]:
        return tuple(self._overrides.values())

    async def add_override(self, **fields: Any) -> Override:
        added = Override(id=len(self._overrides) + 1, **fields)
        self._overrides[added.id] = added
        return added

    async def remove_override(self, override_id: int) -> bool:
        return self._overrides.pop(override_id, None) is not None

    async def blocklist(self) -> tuple[Blocked, ...]:
        return tuple(self._blocked.values())

    async def block(self, **fields: Any) -> Blocked:
        row = Blocked(id=len(self._blocked) + 1, **fields)
        self._blocked[row.id] = row
        return row

    async def unblock(self, blocked_id: int) -> bool:
        return self._blocked.pop(blocked_id, None) is not None

    async def approved(self) -> frozenset[str]:
        return frozenset(self._approved)

    async def approve(self, digest: str, *, who: str, at: datetime) -> None:
        self._approved.add(digest)

    async def findings(self) -> Mapping[str, int]:
        return dict(self._findings)

    async def save_findings(self, findings: Mapping[str, int]) -> None:
        self._findings = dict(findings)

    async def backoffs(self) -> Mapping[str, Backoff]:
        return dict(self._backoffs)

    async def save_backoff(self, backoff: Backoff) -> None:
        self._backoffs[backoff.key] = backoff

    async def clear_backoff(self, key: str) -> None:
        self._backoffs.pop(key, None)

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        return tuple(one for one in self._conditions.values() if subject in (None, one.subject))

    async def save_conditions(self, conditions: Collection[Condition]) -> tuple[Condition, ...]:
        moved = []
        for one in conditions:
            before = self._conditions.get((one.subject, one.type))
            if before is None or (before.status, before.reason) != (one.status, one.reason):
                moved.append(one)
            self._conditions[one.subject, one.type] = one
        return tuple(moved)

    async def drop_conditions(self, subjects: Collection[str]) -> None:
        self._conditions = {key: one for key, one in self._conditions.items() if one.subject not in subjects}

    async def record_event(self, *, subject: str, reason: str, message: str, at: datetime) -> Event:
        event = Event(
            id=len(self._events) + 1, subject=subject, reason=reason, message=message, first_at=at, last_at=at
        )
        self._events.append(event)
        return event

    async def events(self, *, after: int = 0, subject: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        return tuple(one for one in self._events if one.id > after and subject in (None, one.subject))[-limit:]

    async def save_verdicts(self, verdicts: Collection[StoredVerdict]) -> None:
        self._verdicts |= {(one.want, one.release, one.gate, one.rule): one for one in verdicts}

    async def verdicts(self, want: str) -> tuple[StoredVerdict, ...]:
        return tuple(one for one in self._verdicts.values() if one.want == want)

    async def record_failure(self, *, subject: str, reason: str, message: str, at: datetime) -> FailedAttempt:
        row = FailedAttempt(subject=subject, reason=reason, message=message, first_at=at, last_at=at)
        self._failures[subject, reason] = row
        return row

    async def failures(self, subject: str | None = None) -> tuple[FailedAttempt, ...]:
        return tuple(one for one in self._failures.values() if subject in (None, one.subject))

    async def record_corrections(self, corrections: Collection[Correction]) -> None:
        self._corrections += corrections

    async def start_run(self, run: Run) -> Run:
        started = replace(run, id=len(self._runs) + 1)
        self._runs[started.id] = started
        return started

    async def finish_run(self, run: Run) -> None:
        self._runs[run.id] = run

    async def runs(self, *, limit: int = 20) -> tuple[Run, ...]:
        return tuple(self._runs.values())[::-1][:limit]

    async def prune(self, now: datetime, *, history_days: int, verdict_days: int) -> Mapping[str, int]:
        """Nothing grows old in memory."""
        return {}

    async def request(self, target: str, *, at: datetime) -> None:
        self._requests[target] = max(at, self._requests.get(target, at))

    async def requests(self) -> Mapping[str, datetime]:
        return dict(self._requests)

    async def handled(self, requests: Mapping[str, datetime]) -> None:
        for target, at in requests.items():
            if self._requests.get(target, at) <= at:
                self._requests.pop(target, None)
