"""`bibliostat verify`: is a library item whole, and what it says it is? Everything is read, nothing is changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from domain.errors import Failure, Permanent
from domain.gates import Answer, Verdict
from domain.integrity import Inspected, inspect
from domain.names import fold
from domain.ownership import LibraryIndex
from domain.proof import is_audio
from domain.releases import TorrentFile
from domain.wants import Want
from domain.world import Claim, Item, Known, Outcome
from handlers.meant import nearest
from handlers.settings import Settings
from handlers.terminal import as_json, connected, console, load_settings, print_json
from reconcile.observe import read_desired, read_library
from reconcile.ports import Outside

UNSOUND = 1
PUBLISHED = (Outcome.PLACED, Outcome.CONFIRMED)


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about one item."""

    id: str
    path: str
    title: str
    want: str | None
    """The key of the want that it is, if it is one's."""
    sound: bool
    findings: tuple[Verdict, ...]
    """What speaks against it, or leaves a doubt; both sides in each."""
    asked: tuple[str, ...]
    """Every rule that could be asked."""


@click.command()
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--all", "everything", is_flag=True, help="Every item of the library.")
@as_json
def verify(items: tuple[str, ...], everything: bool, json_: bool) -> int:
    """Read library items whole and say what is wrong with them: their files and sound, against what Audiobookshelf
    lists, the known recordings of the book, and the torrent it came from. Nothing is changed.

    An ITEM is a path, an item id, a want's key or a piece of a title. Exit code 0: sound, 1: not.

    Example: bibliostat verify "Tik-Tok of Oz"
    """
    if bool(items) == everything:
        raise click.UsageError("name one ITEM or more, or say --all")
    settings = load_settings()
    if settings.paths.library is None:
        raise Permanent(
            "the library's files cannot be read: set BIBLIOSTAT_PATH_LIBRARY to its folder on this machine",
            code="LibraryNotConfigured",
        )
    found = asyncio.run(_verify(settings, items, json_))
    unsound = sum(not one.sound for one in found)
    if json_:
        print_json({"sound": not unsound, "items": found})
    else:
        click.echo(
            f"{len(found)} items read, {unsound} not sound" if unsound else f"{len(found)} items read, all sound"
        )
    return UNSOUND if unsound else 0


class _Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What an item is compared with besides its own files."""

    wants: Mapping[str, Want]
    """By item id."""
    publishes: Mapping[str, Claim]
    """By path."""


async def _verify(settings: Settings, named: Sequence[str], json_: bool) -> list[Examined]:
    async with connected(settings) as outside:
        items = await _items(outside)
        memory = await _remember(outside, items)
        chosen = _chosen(items, memory, settings.paths.library, named)
        found = []
        # Where what is printed goes into a file or a pipe, the progress still shows in the terminal.
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("reading", total=len(chosen))
            for item in chosen:
                progress.update(task, description=item.title[:40])
                one = await _examine(outside, Path(str(settings.paths.library)), item, memory)
                found.append(one)
                progress.advance(task)
                if not json_:
                    _show(console(), one)
        return found


async def _items(outside: Outside) -> Sequence[Item]:
    """As the library lists them now, or, where it cannot be asked, as it did at the last reading."""
    reading = await read_library(outside)
    if isinstance(reading, Known):
        return reading.value.items
    stored = tuple((await outside.store.items()).values())
    if not stored:
        raise Permanent(f"the library was never read: {reading.why}", code=reading.code)
    click.echo(f"{reading.code}: {reading.why}; compared with what it listed when it was last read", err=True)
    return stored


async def _remember(outside: Outside, items: Sequence[Item]) -> _Memory:
    desired, claims = await read_desired(outside), await outside.store.claims()
    published = {one.path: one for one in claims if one.action == "publish" and one.path and one.outcome in PUBLISHED}
    by_key = {want.key: want for want in desired.wants}
    wants = {
        item.id: by_key[published[item.rel_path].want]
        for item in items
        if item.rel_path in published and published[item.rel_path].want in by_key
    }
    index = LibraryIndex(items)
    for want in desired.wants:
        for item in index.owned(want).items:
            wants.setdefault(item.id, want)
    return _Memory(wants=wants, publishes=published)


def _chosen(items: Sequence[Item], memory: _Memory, root: Path | None, named: Sequence[str]) -> Sequence[Item]:
    """Every item that is meant, each once, by path; all of them where none is named."""
    if not named:
        return sorted(items, key=lambda item: (item.rel_path, item.id))
    found: dict[str, Item] = {}
    for text in named:
        matching = _matching(items, memory, root, text)
        if not matching:
            hint = nearest(text, [name for item in items for name in (item.title, item.rel_path)])
            raise Permanent(f"the library has no item {text!r}{hint}", code="NoSuchItem")
        found |= {item.id: item for item in matching}
    return sorted(found.values(), key=lambda item: (item.rel_path, item.id))


def _matching(items: Sequence[Item], memory: _Memory, root: Path | None, text: str) -> Sequence[Item]:
    """By id, path or key; else every item whose title holds the text."""
    bare = text.rstrip("/")
    paths = {bare, bare.removeprefix(f"{root}/")}
    exact = [item for item in items if item.id == text or {item.path, item.rel_path} & paths]
    exact = exact or [item for item in items if item.id in memory.wants and memory.wants[item.id].key == text]
    return exact or [item for item in items if fold(text) and fold(text) in fold(item.title)]


async def _examine(outside: Outside, root: Path, item: Item, memory: _Memory) -> Examined:
    want = memory.wants.get(item.id)
    verdicts = inspect(await _read(outside, root, item, want, memory.publishes.get(item.rel_path)))
    return Examined(
        id=item.id,
        path=item.rel_path,
        title=item.title,
        want=want.key if want else None,
        sound=all(one.answer is not Answer.NO for one in verdicts),
        findings=tuple(one for one in verdicts if one.answer in (Answer.NO, Answer.POSSIBLE)),
        asked=tuple(one.rule for one in verdicts if one.answer is not Answer.NOT_ASKED),
    )


async def _read(outside: Outside, root: Path, item: Item, want: Want | None, published: Claim | None) -> Inspected:
    assert outside.shelf is not None  # a library folder is configured
    files = await outside.shelf.placed(item.rel_path)
    place = root / item.rel_path
    # An item may be a single file; its folder is then the one around it.
    folder = place.parent if place.is_file() else place
    audio = await outside.shelf.audio([str(folder / file.path) for file in files or () if is_audio(file)])
    torrent = await _torrent_files(outside, published)
    return Inspected(item=item, files=files, audio=audio, want=want, torrent=torrent)


async def _torrent_files(outside: Outside, published: Claim | None) -> tuple[TorrentFile, ...] | None:
    """What the client lists for the torrent that was published there; None where that cannot be known."""
    if published is None or outside.client is None:
        return None
    try:
        torrent = await outside.client.find({published.release, *published.ids})
        return tuple(file for file, _ in await outside.client.files(torrent.id)) if torrent else None
    except Failure:
        return None


def _show(console: Console, one: Examined) -> None:
    sign = "[green]sound[/]  " if one.sound else "[red]UNSOUND[/]"
    console.print(f"{sign} {escape(one.path)}")
    for finding in one.findings:
        limit = f", expected {escape(finding.limit)}" if finding.limit else ""
        kind = "[red]no[/]" if finding.answer is Answer.NO else "[yellow]doubt[/]"
        console.print(f"        {kind} [bold]{finding.rule}[/]: found {escape(finding.seen)}{limit}")
