"""The demo: a small world on loopback, a series by name, which books it has, the plan, the loop until it settles."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.manifests import ManifestFolder
from adapters.sandbox import (
    audiobookshelf,
    catalogues,
    librivox_audio,
    myanonamouse,
    nox,
    prowlarr,
    qbittorrent,
    torznab,
    world,
)
from adapters.sandbox.catalogue_books import oz
from adapters.sandbox.faults import Faults
from adapters.sandbox.serve import Server
from adapters.sessions import new_key
from domain.actions import Hold
from domain.catalogue.books import Book, Catalogued, Edition
from domain.catalogue.choosing import taken
from domain.catalogue.subjects import subjects
from domain.catalogue.wanting import choices_for, profile_of
from domain.manifest import Declared, ProfileSpec
from domain.plan import Plan
from domain.wants import MemberKind
from domain.world import Claim, Event, StoredVerdict
from handlers import show
from handlers.catalog import refresh_due
from handlers.settings import Settings, load
from handlers.wiring import connect, set_up_logging
from reconcile.catalogues import read_catalogue
from reconcile.ports import Outside
from reconcile.tick import tick

API_KEY = "a-key-for-the-demo"
PATIENCE_S = 100.0
EXAMPLE = Path(__file__).parent.parent / "examples" / "oz"


@dataclass(frozen=True)
class Sandbox:
    """The running stand-ins and what the settings must say to reach them."""

    environment: dict[str, str]
    built: world.World
    client: str
    sources: catalogues.Catalogues


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Build the world under `folder` and serve it on loopback: real files, real HTTP, and where it is installed the
    real qbittorrent-nox with a real peer."""
    with contextlib.ExitStack() as stack:
        downloads = folder / "downloads"
        downloads.mkdir(parents=True)
        client, announce, seed, name = _client(folder, downloads, stack)
        built = world.build(folder / "world", announce=announce)
        seed(built)
        library = audiobookshelf.create_app(built.library, folder / "abs", api_key=API_KEY)
        server = stack.enter_context(Server(library))
        sources = catalogues.create_app(oz(world.RUNTIMES_MIN))
        _first_scan(server.url)
        environment = {
            "BIBLIOSTAT_DATA_DIR": str(folder / "data"),
            "BIBLIOSTAT_WANTED": str(EXAMPLE),
            "BIBLIOSTAT_AUDIOBOOKSHELF_URL": server.url,
            "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": API_KEY,
            "BIBLIOSTAT_SECRET_KEY": new_key(),
            **_indexers(built, stack),
            "BIBLIOSTAT_PATH_LIBRARY": str(built.library),
            **_catalogues(stack.enter_context(Server(sources)).url),
            **client,
        }
        yield Sandbox(environment, built, name, sources)


def _indexers(built: world.World, stack: contextlib.ExitStack) -> dict[str, str]:
    """Four kinds of indexers, each with other books of the world."""

    def url(app: Faults) -> str:
        return stack.enter_context(Server(app)).url

    readers = url(librivox_audio.create_app(built.on_librivox))
    return {
        "BIBLIOSTAT_INDEXER_TORZNAB_URL": url(torznab.create_app(built.at("torznab"), api_key=API_KEY)),
        "BIBLIOSTAT_INDEXER_TORZNAB_API_KEY": API_KEY,
        "BIBLIOSTAT_INDEXER_PROWLARR_KIND": "prowlarr",
        "BIBLIOSTAT_INDEXER_PROWLARR_URL": url(prowlarr.create_app({"Kansas": built.at("prowlarr")}, api_key=API_KEY)),
        "BIBLIOSTAT_INDEXER_PROWLARR_API_KEY": API_KEY,
        "BIBLIOSTAT_INDEXER_MYANONAMOUSE_KIND": "myanonamouse",
        "BIBLIOSTAT_INDEXER_MYANONAMOUSE_URL": url(myanonamouse.create_app(built.on_myanonamouse, session=API_KEY)),
        "BIBLIOSTAT_INDEXER_MYANONAMOUSE_SESSION": API_KEY,
        "BIBLIOSTAT_INDEXER_LIBRIVOX_KIND": "librivox",
        "BIBLIOSTAT_INDEXER_LIBRIVOX_URL": f"{readers}/api/feed",
        "BIBLIOSTAT_INDEXER_LIBRIVOX_ARCHIVE": readers,
    }


def _catalogues(url: str) -> dict[str, str]:
    """The sources that are asked without a key, each at its stand-in."""
    return {
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": f"{url}/audible/{{region}}",
        "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL": f"{url}/audiosilo",
        "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL": f"{url}/audnexus",
        "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL": f"{url}/openlibrary",
        "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL": f"{url}/librivox/api/feed",
    }


Seed = Callable[[world.World], None]


def _client(folder: Path, downloads: Path, stack: contextlib.ExitStack) -> tuple[dict[str, str], str | None, Seed, str]:
    """The download client: its settings, the announce URL for the torrents, how content comes to it, its name."""
    if nox.installed() and importlib.util.find_spec("libtorrent"):
        return _real_client(folder, downloads, stack)
    swarm = folder / "swarm"
    swarm.mkdir()
    app = qbittorrent.create_app(folder / "qbt", downloads, seeds=swarm, username="demo", password="demo")
    server = stack.enter_context(Server(app))
    return _login(server.url, "demo", "demo", downloads), None, partial(_into_one_folder, swarm), "a stand-in"


def _real_client(
    folder: Path, downloads: Path, stack: contextlib.ExitStack
) -> tuple[dict[str, str], str | None, Seed, str]:
    from adapters.sandbox.seeder import Seeder

    seeder = stack.enter_context(Seeder())
    (folder / "nox").mkdir()
    real = nox.Nox(folder / "nox", downloads).start()
    stack.callback(real.stop)

    def seed(built: world.World) -> None:
        for offer in built.offers:
            if offer.torrent is not None and offer.guid in built.seeds:
                seeder.seed(offer.torrent, built.seeds[offer.guid])

    login = _login(real.url, real.username, real.password, downloads)
    return login, seeder.announce, seed, "the qbittorrent-nox of this machine"


def _login(url: str, username: str, password: str, downloads: Path) -> dict[str, str]:
    return {
        "BIBLIOSTAT_QBITTORRENT_URL": url,
        "BIBLIOSTAT_QBITTORRENT_USERNAME": username,
        "BIBLIOSTAT_QBITTORRENT_PASSWORD": password,
        "BIBLIOSTAT_QBITTORRENT_SAVE_PATH": str(downloads),
    }


def _into_one_folder(swarm: Path, built: world.World) -> None:
    """The stand-in finds a torrent's content by its name: link all of it side by side."""
    for source in built.seeds.values():
        for file in sorted(source.rglob("*")):
            target = swarm / file.relative_to(source)
            if file.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(file, target)


def _first_scan(url: str) -> None:
    """A server that people use has scanned its library long ago."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False) as http:
        library = http.get("/api/libraries").raise_for_status().json()["libraries"][0]["id"]
        http.post(f"/api/libraries/{library}/scan").raise_for_status()
        while http.get("/api/tasks").raise_for_status().json()["tasks"]:
            time.sleep(0.05)


def demonstrate(console: Console, folder: Path | None, *, keep: bool) -> int:
    """Run the demo from beginning to end. The exit code is 0 when the world closed as it should."""
    if not EXAMPLE.is_dir():
        console.print("The demo's YAML is part of the source tree: clone it and say `make demo` there")
        return 1
    where = folder or Path(tempfile.mkdtemp(prefix="bibliostat-demo-"))
    if folder is not None and folder.exists() and any(folder.iterdir()):
        console.print(f"{escape(str(folder))} is not empty: name a new folder")
        return 1
    where.mkdir(parents=True, exist_ok=True)
    try:
        with sandbox(where) as made:
            return asyncio.run(_tour(console, made))
    finally:
        if keep:
            console.print(f"The world stands in {escape(str(where))}")
        else:
            shutil.rmtree(where, ignore_errors=True)


async def _tour(console: Console, made: Sandbox) -> int:
    settings = load(made.environment, Path.cwd())
    if not isinstance(settings, Settings):
        raise RuntimeError(f"the demo's own settings are wrong: {settings[0]}")
    set_up_logging(settings, service=False)
    console.rule("[bold]1. What is declared")
    declared = _declared(console)
    if declared is None:
        return 1
    watcher = Watcher(console)
    async with connect(settings, tell=watcher, polite=False) as outside:
        console.rule("[bold]2. Which books these are")
        await _look_up(console, outside, declared, made)
        console.rule("[bold]3. What would be done")
        report = await tick(outside, mode="plan")
        assert report.plan is not None
        show.show_plan(console, msgspec.structs.replace(report.plan, unwanted=()))  # told a moment ago
        console.rule("[bold]4. Doing it")
        console.print(
            f"Audiobookshelf and the indexers are stand-ins with real files; the download client is {made.client}."
        )
        console.print(
            "The policy of this demo says `bootstrap: apply` and raises the budgets, so nothing waits for you."
        )
        last = await _reconcile(outside, watcher)
        console.rule("[bold]5. The shelves")
        _shelves(console, last, made, await outside.store.claims())
        console.rule("[bold]6. What was refused, and why")
        verdicts = [row for want in last.wants for row in await outside.store.verdicts(want.key)]
    _refusals(console, last, verdicts)
    console.rule("[bold]7. Your own library")
    console.print("The same file over your books. It asks the public catalogues which Oz books there are:")
    for line in OWN_LIBRARY:
        console.print(line, soft_wrap=True)
    return _judgement(console, last, made)


OWN_LIBRARY = (
    "export BIBLIOSTAT_AUDIOBOOKSHELF_URL=http://your-server:13378",
    "export BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY=the-key-of-an-admin-user",
    "BIBLIOSTAT_WANTED=examples/oz/oz.yaml .venv/bin/bibliostat adopt   # looks, and changes nothing",
)


def _declared(console: Console) -> Declared | None:
    declared = ManifestFolder(EXAMPLE).read()
    if not isinstance(declared, Declared):
        for mistake in declared:
            console.print(escape(str(mistake)))
        return None
    for series in declared.series.values():
        books = f"{len(series.books)} books" if series.books else "no book by its title"
        console.print(f"examples/oz is valid. It names the series {series.title} by {series.author}, and {books}.")
    return declared


async def _look_up(console: Console, outside: Outside, declared: Declared, made: Sandbox) -> None:
    """Ask the catalogues; say in short what they said, and what the declaration makes of it."""
    await refresh_due(outside)
    catalogue = await read_catalogue(outside)
    for asked in subjects(declared, {}, {}):
        known = catalogue.subjects[asked.subject.key]
        choices = choices_for(asked, known, declared, catalogue)
        _sources(console, known, outside, made)
        books = [one.book for one in choices if one.wanted]
        sources = {source for book in books for source in book.sources}
        console.print(f"[bold]{len(books)} books of {escape(known.name)}[/], from {len(sources)} sources. Left out:")
        others = [(KINDS.get(one.kind, one.kind.value), one.book.title) for one in choices if not one.wanted]
        _counted(console, [*others, *_recordings_left_out(books, profile_of(asked, declared), catalogue.today)])


def _sources(console: Console, known: Catalogued, outside: Outside, made: Sandbox) -> None:
    """One line per source: how often it was asked, and what it knew."""
    console.print("These stand in for the public catalogues that need no key:")
    states = {state.source: state for state in known.sources}
    table = Table(box=None, show_header=False, padding=(0, 1))
    for name in (source.name for source in outside.sources):
        told = f"{sum(name in book.sources for book in known.books)} titles"
        said = f"{states[name].outcome}, {told}" if name in states else "not needed: the others left nothing open"
        count = made.sources.asked(name)
        table.add_row(name, f"{count} request{'' if count == 1 else 's'}", escape(said))
    console.print(table)


KINDS = {
    MemberKind.OTHER_AUTHOR: "by another author",
    MemberKind.OMNIBUS: "collections",
    MemberKind.SHORT: "short pieces between the numbers",
    MemberKind.PLACEHOLDER: "announced without a title",
    MemberKind.UNPLACED: "without a number",
}


def _recordings_left_out(books: Sequence[Book], profile: ProfileSpec, today: date) -> Iterator[tuple[str, str]]:
    """What is sold of these books and is not what the profile takes: its kind, and the book's title."""
    for book in books:
        good = taken(book, profile, today)
        yield from ((_unlike(one, profile), book.title) for one in book.editions if one not in good)


def _unlike(edition: Edition, profile: ProfileSpec) -> str:
    if edition.language and edition.language not in profile.languages:
        return "translated recordings"
    if edition.dramatized:
        return "dramatised recordings"
    if edition.machine_voice:
        return "recordings by a machine's voice"
    return "abridged recordings" if edition.abridged else "recordings that are not whole"


def _counted(console: Console, left_out: Sequence[tuple[str, str]]) -> None:
    """Each reason once, with its count and the first of its titles."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    for reason, count in Counter(reason for reason, _ in left_out).most_common():
        titles = list(dict.fromkeys(title for one, title in left_out if one == reason))
        table.add_row(f"{count:3}", reason, f"[dim]{escape(', '.join(titles[:3]))}{', …' if titles[3:] else ''}[/]")
    console.print(table)


class Watcher:
    """Prints what happens while it happens."""

    SHOWN = frozenset(
        {"Searched", "Grabbed", "GrabNotSent", "Published", "ProofFailed", "Scanned", "Enriched", "InLibrary"}
    )

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quiet = False
        self._progress = ""

    def event(self, event: Event) -> None:
        if event.reason in self.SHOWN:
            self._console.print(
                f"  [bold]{event.reason:11}[/] {escape(event.subject)}  [dim]{escape(event.message)}[/]"
            )

    def planned(self, plan: Plan) -> None:
        """One line whenever the downloads moved."""
        moving = [one for one in plan.decisions if isinstance(one, Hold) and one.because.code == "Downloading"]
        progress = ", ".join(f"{one.want.split('/')[-1]} {one.because.message.split(' ')[0]}" for one in moving)
        if progress and progress != self._progress:
            self._console.print(f"  [dim]downloading  {escape(progress)}[/]")
        self._progress = progress


TRIED_AGAIN = frozenset({"BackingOff", "EnrichFailed", "IndexerUnread"})
"""What passes within a minute here: a busy machine may keep a stand-in from answering in time."""


async def _reconcile(outside: Outside, watcher: Watcher) -> Plan:
    """Tick until nothing more can be done: every want is in the library, or waits for something that is hours away."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        report = await tick(outside)
        assert report.plan is not None
        plan = report.plan
        coming = any(show.mark(one) == "coming" or one.because.code in TRIED_AGAIN for one in plan.decisions)
        busy = bool(plan.acts or plan.brakes) or coming
        if not busy or time.monotonic() > deadline:
            return plan
        await asyncio.sleep(0.5)


def _shelves(console: Console, plan: Plan, made: Sandbox, claims: Sequence[Claim]) -> None:
    """One line per volume, as the library has it now, with the indexer that it came from."""
    came_from = {claim.want: claim.indexer for claim in claims if claim.action == "grab"}
    table = Table(box=None, show_header=False, padding=(0, 1))
    decisions = {decision.want: decision for decision in plan.decisions}
    for want in sorted(plan.wants, key=lambda want: float(want.position.low) if want.position else 0.0):
        decision = decisions[want.key]
        number = want.position.text if want.position else ""
        source = f"[green]{came_from.get(want.key, '')}[/]"
        owned = plan.owned.get(want.key, ())
        where = (
            f"[dim]{escape(owned[0])}[/]"
            if owned
            else f"[yellow]{decision.because.code}[/] {escape(decision.because.message)}"
        )
        table.add_row(show.MARKS[show.mark(decision)], number, escape(want.title), source if owned else "", where)
    console.print(table)


def _refusals(console: Console, plan: Plan, verdicts: list[StoredVerdict]) -> None:
    """Each refused release once, with the rules that kept it from the want to which it came nearest."""
    against: dict[str, dict[str, list[str]]] = {}
    titles: dict[str, str] = {}
    for row in verdicts:
        titles[row.release] = row.title
        rules = against.setdefault(row.release, {}).setdefault(row.want, [])
        if row.answer == "no":
            rules.append(row.rule)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for release, wants in sorted(against.items(), key=lambda pair: titles[pair[0]]):
        nearest = min(wants, key=lambda want: ("WrongTitle" in wants[want], len(wants[want]), want))
        if wants[nearest]:
            book = next(want.title for want in plan.wants if want.key == nearest)
            said = ", ".join(dict.fromkeys(wants[nearest]))
            near = "" if "WrongTitle" in wants[nearest] else f"[dim]for {escape(book)}[/]"
            table.add_row("[red]✗[/]", escape(titles[release][:90]), said, near)
    console.print(table)


def _judgement(console: Console, plan: Plan, made: Sandbox) -> int:
    """Whether the world closed: everything rightly offered is on the shelf, and nothing else was taken."""
    numbers = {want.key: int(want.position.low) for want in plan.wants if want.position}
    there = {numbers[key] for key in plan.owned}
    expected = made.built.owned | made.built.obtainable
    known = expected | made.built.unobtainable
    console.rule()
    console.print(
        f"{len(there)} of {len(plan.wants)} books are in the library; {len(plan.wants) - len(there)} stays wanted."
    )
    if there != expected or sorted(numbers.values()) != sorted(known):
        console.print(f"[red]That is not what was expected: {sorted(expected)} of {sorted(known)}.[/]")
        return 1
    return 0
