"""The demo: a small world on loopback, the example YAML, the plan, the loop until it settles, the finished shelves."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.manifests import ManifestFolder
from adapters.sandbox import audiobookshelf, nox, qbittorrent, torznab, world
from adapters.sandbox.serve import Server
from domain.actions import Hold
from domain.manifest import Declared
from domain.plan import Plan
from domain.world import Event, StoredVerdict
from handlers import show
from handlers.settings import Settings, load
from handlers.wiring import connect, set_up_logging
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
        feed = stack.enter_context(Server(torznab.create_app(built.offers, api_key=API_KEY)))
        _first_scan(server.url)
        environment = {
            "BIBLIOSTAT_DATA_DIR": str(folder / "data"),
            "BIBLIOSTAT_WANTED": str(EXAMPLE),
            "BIBLIOSTAT_AUDIOBOOKSHELF_URL": server.url,
            "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": API_KEY,
            "BIBLIOSTAT_INDEXER_SANDBOX_URL": feed.url,
            "BIBLIOSTAT_INDEXER_SANDBOX_API_KEY": API_KEY,
            "BIBLIOSTAT_PATH_LIBRARY": str(built.library),
            **client,
        }
        yield Sandbox(environment, built, name)


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
    if not _validate(console):
        return 1
    watcher = Watcher(console)
    async with connect(settings, tell=watcher, indexer_gap_s=0.1) as outside:  # our own indexer bears it
        console.rule("[bold]2. What would be done")
        report = await tick(outside, mode="plan")
        assert report.plan is not None
        show.show_plan(console, report.plan)
        console.rule("[bold]3. Doing it")
        console.print(
            f"Audiobookshelf and the indexer are stand-ins with real files; the download client is {made.client}."
        )
        console.print(
            "The policy of this demo says `bootstrap: apply` and raises the budgets, so nothing waits for you."
        )
        last = await _reconcile(outside, watcher)
        console.rule("[bold]4. The shelves")
        _shelves(console, last, made)
        console.rule("[bold]5. What was refused, and why")
        verdicts = [row for want in last.wants for row in await outside.store.verdicts(want.key)]
    _refusals(console, last, verdicts)
    console.rule("[bold]6. Your own library")
    for line in OWN_LIBRARY:
        console.print(line, soft_wrap=True)
    return _judgement(console, last, made)


OWN_LIBRARY = (
    "export BIBLIOSTAT_AUDIOBOOKSHELF_URL=http://your-server:13378",
    "export BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY=the-key-of-an-admin-user",
    "BIBLIOSTAT_WANTED=examples/oz/oz.yaml .venv/bin/bibliostat adopt   # looks, and changes nothing",
)


def _validate(console: Console) -> bool:
    declared = ManifestFolder(EXAMPLE).read()
    if not isinstance(declared, Declared):
        for mistake in declared:
            console.print(escape(str(mistake)))
        return False
    books = sum(len(series.books) for series in declared.series.values())
    console.print(f"examples/oz is valid: {len(declared.series)} series with {books} books, one policy, one profile.")
    return True


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


async def _reconcile(outside: Outside, watcher: Watcher) -> Plan:
    """Tick until nothing more can be done: every want is in the library, or waits for something that is hours away."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        report = await tick(outside)
        assert report.plan is not None
        busy = bool(report.plan.acts) or any(show.mark(one) == "coming" for one in report.plan.decisions)
        if not busy or time.monotonic() > deadline:
            return report.plan
        await asyncio.sleep(0.5)


def _shelves(console: Console, plan: Plan, made: Sandbox) -> None:
    """One line per volume, as the library has it now."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    decisions = {decision.want: decision for decision in plan.decisions}
    for want in sorted(plan.wants, key=lambda want: float(want.position.low) if want.position else 0.0):
        decision = decisions[want.key]
        number = want.position.text if want.position else ""
        new = "" if want.position and int(want.position.low) in made.built.owned else "[green]new[/]"
        owned = plan.owned.get(want.key, ())
        where = (
            f"[dim]{escape(owned[0])}[/]"
            if owned
            else f"[yellow]{decision.because.code}[/] {escape(decision.because.message)}"
        )
        table.add_row(show.MARKS[show.mark(decision)], number, escape(want.title), new if owned else "", where)
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
    console.rule()
    console.print(
        f"{len(there)} of {len(plan.wants)} books are in the library; {len(plan.wants) - len(there)} stays wanted."
    )
    if there != expected:
        console.print(f"[red]That is not what was expected: {sorted(expected)}.[/]")
        return 1
    return 0
