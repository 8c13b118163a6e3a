"""A small world on loopback: a shelf of Oz books, a few missing from it, a download client and an indexer.

Real files and real HTTP; only the servers are stand-ins. The books are in the public domain, the recordings silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from adapters import http
from adapters.audiobookshelf import Audiobookshelf
from adapters.audiobookshelf.scanning import Patience
from adapters.files import STAGING, LibraryFiles, Mode
from adapters.indexers.torznab import Torznab
from adapters.manifests import ManifestFolder
from adapters.paths import PathMap
from adapters.qbittorrent import QBittorrent
from adapters.sandbox import audiobookshelf, qbittorrent, torznab
from adapters.sandbox.abs_files import find_books
from adapters.sandbox.faults import Faults, Receive, Scope, Send
from adapters.sandbox.recordings import write_recording
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.store import open_store
from domain.actions import Hold
from domain.errors import Conflict
from domain.world import Condition
from handlers.wiring import Quiet
from reconcile.ports import Outside
from reconcile.tick import Report, tick

API_KEY = "a-key-for-the-tests"
USERNAME, PASSWORD = "tester", "a password for loopback"
AUTHOR = "L. Frank Baum"
CATEGORY = "audiobooks"
PART_S = 30


class Book(msgspec.Struct, frozen=True):
    """One volume: two parts of half a minute each."""

    number: int
    title: str
    narrator: str

    @property
    def key(self) -> str:
        return f"baum-l-frank/{self.title.lower().replace(' ', '-')}"

    @property
    def folder(self) -> str:
        """Where it stands in the library once it is published."""
        return f"{AUTHOR}/Oz/{self.number:02} - {self.title} {{{self.narrator}}}"


BOOKS = (
    Book(1, "The Wonderful Wizard of Oz", "Ada Winslow"),
    Book(2, "The Marvelous Land of Oz", "Thomas Beck"),
    Book(3, "Ozma of Oz", "Clara Mead"),
    Book(4, "Dorothy and the Wizard in Oz", "Ada Winslow"),
    Book(5, "The Road to Oz", "Thomas Beck"),
    Book(6, "The Emerald City of Oz", "Clara Mead"),
)
OWNED, MISSING = BOOKS[:4], BOOKS[4:]
ROAD, EMERALD = MISSING

Files = Mapping[str, int]
"""Path below some folder -> size in bytes."""


@dataclass(frozen=True)
class Content:
    """What is made once and never changed: recordings of every book, and the torrents over them."""

    seeds: Path
    offers: tuple[torznab.Offer, ...]
    """One of each missing book."""

    def files(self, book: Book) -> Files:
        return files_below(self.seeds / book.title)


def make_content(folder: Path, *, announce: str | None = None) -> Content:
    for book in BOOKS:
        for part in (1, 2):
            tags = {
                "album": book.title,
                "title": f"{book.title}, part {part}",
                "artist": AUTHOR,
                "composer": book.narrator,
                "track": f"{part}/2",
                "language": "eng",
            }
            path = folder / book.title / f"{part:02} - {book.title}.mp3"
            write_recording(path, seconds=PART_S, tags=tags)
    return Content(folder, tuple(offer_of(book, folder, announce=announce) for book in MISSING))


def offer_of(book: Book, seeds: Path, *, announce: str | None = None, title: str = "", **other: Any) -> torznab.Offer:
    """The book as an indexer would list it; `other` are fields of the offer that differ."""
    fields = {
        "guid": f"{book.number}",
        "title": title or f"{book.title} by {AUTHOR} [ENG / MP3]",
        "size_bytes": sum(files_below(seeds / book.title).values()),
        "seeders": 9,
        "attrs": {"author": AUTHOR, "language": "English"},
        "torrent": make_torrent(seeds / book.title, private=True, announce=announce),
        "volume": book.number,
    }
    return torznab.Offer(**{**fields, **other})


def files_below(folder: Path) -> dict[str, int]:
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


Rewrite = Callable[[Scope, bytes], bytes]


class Tampering:
    """ASGI middleware with a hand on every answer: `rewrite` gets the request, which has taken full effect by then, and
    the body, and gives the body that is sent."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Any]) -> None:
        self._app = app
        self.rewrite: Rewrite | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.rewrite is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started: dict[str, Any] = {}
        body = b""

        async def keep(message: Any) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, keep)
        body = self.rewrite(scope, body)
        headers = [(name, value) for name, value in started["headers"] if name.lower() != b"content-length"]
        if started["status"] != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({**started, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class Addresses:
    """All that a process must be told to work on a world; fit to be sent to one."""

    library: str
    client: str
    indexer: str
    library_folder: Path
    downloads: Path
    wanted: Path
    database: str = ""
    ahead_s: float = 0.0
    """How far its clock is ahead."""
    api_key: str = API_KEY
    libraries: tuple[str, ...] = ()
    mode: Mode = "hardlink"


@dataclass
class SmallWorld:
    """The running stand-ins, and what a test may look at and do."""

    folder: Path
    content: Content
    download_seconds: float = 0.05
    offers: list[torznab.Offer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.library = self.folder / "library"
        self.downloads = self.folder / "downloads"
        self.wanted = self.folder / "wanted"
        self.offers = self.offers or list(self.content.offers)
        for path in (self.library, self.downloads, self.wanted):
            path.mkdir(parents=True, exist_ok=True)
        for book in OWNED:
            copy_book(self.content, book, self.library / book.folder)
        self.declare(*MISSING)
        self.shelf = audiobookshelf.create_app(self.library, self.folder / "abs", api_key=API_KEY, scan_seconds=0.01)
        self.shelf.watcher(on=False)
        self.shelf.world.scan()
        self.client = qbittorrent.create_app(
            self.folder / "qbt",
            self.downloads,
            seeds=self.content.seeds,
            username=USERNAME,
            password=PASSWORD,
            download_seconds=self.download_seconds,
            refresh_ms=100,
        )
        self.indexer = torznab.create_app(self.offers, api_key=API_KEY)
        systems: dict[str, Faults] = {"library": self.shelf, "client": self.client, "indexer": self.indexer}
        self.tampering = {name: Tampering(app) for name, app in systems.items()}
        self.servers = {name: Server(app) for name, app in self.tampering.items()}

    def __enter__(self) -> SmallWorld:
        for server in self.servers.values():
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        with ThreadPoolExecutor() as pool:  # each takes a moment to notice
            list(pool.map(Server.stop, self.servers.values()))

    # What is declared

    def declare(self, *missing: Book, policy: str = "") -> None:
        """The owned books and these."""
        lines = "\n".join(
            f'    - {{position: "{book.number}", title: {book.title}, runtime_min: 1}}' for book in (*OWNED, *missing)
        )
        (self.wanted / "oz.yaml").write_text(f"{SERIES}{lines}\n{POLICY}{policy}")

    def addresses(self, database: str) -> Addresses:
        return Addresses(
            library=self.servers["library"].url,
            client=self.servers["client"].url,
            indexer=self.servers["indexer"].url,
            library_folder=self.library,
            downloads=self.downloads,
            wanted=self.wanted,
            database=database,
        )

    def environment(self, data: Path) -> dict[str, str]:
        """What the command needs to be told."""
        at = self.addresses("")
        return {
            "BIBLIOSTAT_DATA_DIR": str(data),
            "BIBLIOSTAT_WANTED": str(self.wanted),
            "BIBLIOSTAT_CATALOGUE_OFF": "audible,audiosilo,audnexus,openlibrary,librivox",
            "BIBLIOSTAT_AUDIOBOOKSHELF_URL": at.library,
            "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": API_KEY,
            "BIBLIOSTAT_QBITTORRENT_URL": at.client,
            "BIBLIOSTAT_QBITTORRENT_USERNAME": USERNAME,
            "BIBLIOSTAT_QBITTORRENT_PASSWORD": PASSWORD,
            "BIBLIOSTAT_QBITTORRENT_SAVE_PATH": str(self.downloads),
            "BIBLIOSTAT_INDEXER_SANDBOX_URL": at.indexer,
            "BIBLIOSTAT_INDEXER_SANDBOX_API_KEY": API_KEY,
            "BIBLIOSTAT_PATH_LIBRARY": str(self.library),
        }

    # What can be seen

    @property
    def adds(self) -> int:
        """How often a torrent was handed over."""
        return self.client.requests.count(("POST", "/api/v2/torrents/add"))

    @property
    def removals(self) -> int:
        """How often somebody asked to delete a torrent or an item."""
        deleted = self.client.requests.count(("POST", "/api/v2/torrents/delete"))
        return deleted + sum(1 for method, _ in self.shelf.requests if method == "DELETE")

    @property
    def logins(self) -> int:
        return self.client.requests.count(("POST", "/api/v2/auth/login"))

    def torrents(self) -> list[dict[str, Any]]:
        """What the client lists."""
        with httpx.Client(base_url=self.servers["client"].url, trust_env=False) as talk:
            talk.post("/api/v2/auth/login", data={"username": USERNAME, "password": PASSWORD}).raise_for_status()
            rows: list[dict[str, Any]] = talk.get("/api/v2/torrents/info").raise_for_status().json()
        return rows

    def torrents_of(self, book: Book) -> list[dict[str, Any]]:
        return [row for row in self.torrents() if f"want:{book.key}" in row["tags"].split(", ")]

    def shelves(self) -> dict[str, Files]:
        """Each book as the library server would find it on disk at this moment: folder -> its files."""
        return {str(found.rel_path): files_below(self.library / found.rel_path) for found in find_books(self.library)}

    def items(self) -> list[str]:
        """The folders of the items that the library server lists."""
        return sorted(book.rel_path for book in self.shelf.world.kept.books)

    def leftovers(self) -> list[str]:
        staging = self.library / STAGING
        return sorted(path.name for path in staging.iterdir()) if staging.is_dir() else []

    def snapshot(self) -> tuple[Files, list[str], tuple[str, ...], int]:
        """Everything outside that must not change when nothing may be done."""
        torrents = tuple(sorted(f"{row['hash']} {row['tags']}" for row in self.torrents()))
        return files_below(self.library), self.items(), torrents, self.adds

    # What a test may do

    def reset(self) -> None:
        """As on the first day: nothing grabbed, nothing published; nobody has asked anything."""
        for row in self.torrents():
            stand_in(self.client).vanish(row["hash"])
        for path in self.downloads.iterdir():
            shutil.rmtree(path)
        for book in MISSING:
            shutil.rmtree(self.library / book.folder, ignore_errors=True)
        shutil.rmtree(self.library / STAGING, ignore_errors=True)
        self.shelf.forget()
        self.shelf.world.scan()
        for faults in (self.shelf, self.client, self.indexer):
            faults.now.clear()
            faults.requests.clear()


def stand_in(client: Faults) -> qbittorrent.StandIn:
    assert isinstance(client.app, qbittorrent.StandIn)
    return client.app


def copy_book(content: Content, book: Book, target: Path) -> None:
    shutil.copytree(content.seeds / book.title, target)


SERIES = f"""\
apiVersion: bibliostat/v1
kind: Series
metadata: {{name: oz, owner: home}}
spec:
  title: Oz
  author: {AUTHOR}
  profile: standard
  books:
"""

POLICY = """\
---
apiVersion: bibliostat/v1
kind: Profile
metadata: {name: standard, owner: home}
spec: {languages: [en], abridged: false, formats: [m4b, mp3]}
---
apiVersion: bibliostat/v1
kind: Policy
metadata: {name: house, owner: home}
spec:
  bootstrap: apply
  budgets: {grabs_per_tick: 5, free_disk_gb: 0.01}
"""


# Working on it


class Clock:
    """The real time, some way ahead of it; sleeping moves it on, and takes hardly any time."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def reach(at: Addresses, clock: Clock | None = None) -> AsyncIterator[Outside]:
    """The real adapters, joined as the command does it; only their patience is short. The store is migrated."""
    async with contextlib.AsyncExitStack() as stack:
        headers = {"Authorization": f"Bearer {at.api_key}"}
        library = await stack.enter_async_context(http.client(at.library, headers=headers))
        indexer = await stack.enter_async_context(http.client())
        client = QBittorrent(
            at.client,
            username=USERNAME,
            password=PASSWORD,
            category=CATEGORY,
            save_path=str(at.downloads),
            timeout_s=(1.0, 3.0),
            read_back_s=1.0,
            look_twice=True,
        )
        stack.push_async_callback(client.close)
        store = await stack.enter_async_context(open_store(at.database))
        yield Outside(
            store=store,
            catalogue=store,
            manifests=ManifestFolder(at.wanted),
            library=Audiobookshelf(library, libraries=at.libraries, patience=Patience(poll_s=0.02, quiet_s=0.0)),
            client=client,
            client_fingerprint="the-same",
            indexers=(Torznab("sandbox", f"{at.indexer}/api", API_KEY, http=indexer, gap_s=0.0),),
            shelf=LibraryFiles(at.library_folder, mode=at.mode, map_path=PathMap(()).local, downloads=at.downloads),
            clock=clock or Clock(at.ahead_s),
            tell=Quiet(),
            jitter=random.Random(1),
        )


async def settle(outside: Outside, *, ticks: int = 60) -> Report:
    """Tick until nothing is left to be done or on its way, each time at the moment that the last report named."""
    clock = outside.clock
    assert isinstance(clock, Clock)
    for _ in range(ticks):
        report = await _tick(outside)
        if report is not None and report.plan is not None:
            if not report.plan.acts and not any(map(_coming, report.plan.decisions)):
                return report
            clock.advance(max(1.0, (report.wake_at - clock.now()).total_seconds()))
        # Downloads and other processes take real time, whatever the clock says.
        await asyncio.sleep(0.1)
    raise AssertionError(f"not settled after {ticks} ticks")


async def _tick(outside: Outside) -> Report | None:
    """None when another process took over in the middle, which the loop takes as a reason to look again."""
    try:
        return await tick(outside)
    except Conflict as conflict:
        if conflict.code != "LeaseMoved":
            raise
        return None


async def downloaded(world: SmallWorld) -> None:
    """Wait until the client has everything that it was given."""
    while any(row["progress"] < 1 for row in world.torrents()):  # noqa: ASYNC110 - a server's state
        await asyncio.sleep(0.1)


def _coming(decision: object) -> bool:
    return isinstance(decision, Hold) and decision.because.code in COMING


COMING = frozenset({"Downloading", "AwaitingScan", "GrabUnclear", "PublishFailed", "BackingOff", "EnrichFailed"})


async def service(outside: Outside, type_: str) -> Condition:
    """A condition of the service itself, as the store has it."""
    [found] = [one for one in await outside.store.conditions("bibliostat") if one.type == type_]
    return found


def books_of(numbers: Sequence[int]) -> Iterator[Book]:
    return (book for book in BOOKS if book.number in numbers)


def in_place(world: SmallWorld, *books: Book) -> None:
    """Each of these books was had exactly once, whole, and nothing is left lying about."""
    shelves = world.shelves()
    for book in books:
        [torrent] = world.torrents_of(book)
        assert torrent["progress"] == 1
        assert shelves[book.folder] == world.content.files(book)
        assert [folder for folder in shelves if book.title in folder] == [book.folder]
        assert [folder for folder in world.items() if book.title in folder] == [book.folder]
    assert world.adds == len(books) == len(world.torrents())
    assert sorted(shelves) == sorted(book.folder for book in (*OWNED, *books)) == world.items()
    assert world.leftovers() == []
    assert world.removals == 0
