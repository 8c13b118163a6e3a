"""The command line. Exit codes: 0 fine or settled, 1 error, 2 changes are planned, 64 wrong usage."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.markup import escape

from adapters.manifests import ManifestFolder
from adapters.sessions import new_key
from domain.brakes import FIRST_RUN
from domain.conditions import SERVICE
from domain.errors import Failure, Permanent, Transient
from domain.manifest import Declared
from domain.manifest import schema as document_schema
from domain.wants import Want
from handlers import blocking, catalog, catalog_commands, lines, parse, show, verify, why
from handlers.judge import judge_command
from handlers.loop import run as run_loop
from handlers.loop import stop_on_signals
from handlers.meant import one_want
from handlers.settings import describe
from handlers.sweeping import sweep_json, sweep_of
from handlers.terminal import as_json, connected, console, load_settings, print_json, run_with, who
from reconcile.observe import read_desired
from reconcile.ports import Outside
from reconcile.tick import Mode, Report, tick

CHANGES, ERROR, USAGE = 2, 1, 64
LEASE_PATIENCE_S = 60.0


def main() -> None:
    """The entry point: every error is one sentence, with the exit code that programs rely on."""
    try:
        code = commands.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        code = USAGE
    except click.Abort:
        click.echo("interrupted", err=True)
        code = ERROR
    except Failure as failure:
        click.echo(f"{failure.code}: {failure.message}", err=True)
        code = ERROR
    except BrokenPipeError:
        # Whoever reads our output has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bibliostat")
def commands() -> None:
    """A thermostat for an audiobook library: says what is missing and why, and closes the gap."""


# Declarations.


@commands.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@as_json
def validate(path: Path | None, json_: bool) -> int:
    """Check the YAML in PATH (or in the configured folder): every mistake with file, line, path and suggestion."""
    read = ManifestFolder(path or load_settings().wanted).read()
    if isinstance(read, Declared):
        counts = Counter(document.partition("/")[0] for document in read.places)
        if json_:
            print_json({"valid": True, "mistakes": [], "documents": dict(counts)})
        else:
            found = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            click.echo(f"valid: {found or 'nothing is declared'}")
        return 0
    if json_:
        print_json({"valid": False, "mistakes": read})
    else:
        for mistake in read:
            click.echo(str(mistake))
        click.echo(f"{len(read)} mistake{'s' if len(read) > 1 else ''}", err=True)
    return ERROR


@commands.command()
def schema() -> int:
    """Print the JSON Schema of the YAML documents."""
    print_json(document_schema())
    return 0


# Reconciling.


async def _tick(outside: Outside, mode: Mode, approved: str | None = None) -> Report:
    """A tick; when another process is at work, wait for it a while."""
    waited_until = outside.clock.now() + timedelta(seconds=LEASE_PATIENCE_S)
    while True:
        report = await tick(outside, mode=mode, approved=approved)
        if report.plan is not None:
            return report
        if outside.clock.now() > waited_until:
            raise Transient("another Bibliostat process is at work; try again when it is done", code="LeaseHeld")
        await outside.clock.sleep(1.0)


NEWS_S = 90
"""How long a person who asks for a plan waits for series and authors that were never looked up."""
REFRESH_S = 300
"""How long a one-shot process goes on looking up after its tick; the rest is for the next one."""


async def _planned(outside: Outside) -> Report:
    """A plan, after what is declared and was never looked up. What is known already is not asked for again."""
    report = await _tick(outside, "plan")
    until = outside.clock.now() + timedelta(seconds=NEWS_S)
    found = await catalog.refresh_due(outside, until=until, only_new=True, watch=catalog.watch(console()))
    return await _tick(outside, "plan") if found.changed else report


@commands.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to a file for `apply`.")
@as_json
def plan(out: Path | None, json_: bool) -> int:
    """Show what would be done and why, and do nothing.

    Exit code 0: settled, 2: changes are planned, 1: something that it rests on could not be read.
    """
    report = run_with(_planned)
    made = report.plan
    assert made is not None
    if out:
        try:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(show.plan_json(made)), indent=2))
        except OSError as error:
            raise Permanent(f"{out} cannot be written: {error.strerror}", code="PlanNotWritten") from error
    if json_:
        print_json(show.plan_json(made))
    else:
        _notice_first_run(report)
        show.show_plan(console(), made)
    if not show.complete(made):
        return ERROR
    return CHANGES if made.acts else 0


def _notice_first_run(report: Report) -> None:
    world = report.world
    if world is not None and world.baseline.items is None and not report.bootstrapped:
        click.echo(f"First contact: nothing is done until you say `bibliostat approve {FIRST_RUN}` or apply a plan.\n")


@commands.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def apply(file: Path, json_: bool) -> int:
    """Carry out a plan that `plan --out FILE` wrote. Refused when the world moved on since."""
    try:
        digest = msgspec.json.decode(file.read_bytes())["digest"]
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise Permanent(f"{file} is not a plan that `plan --out` wrote", code="NotAPlan") from error
    report = run_with(lambda outside: _tick(outside, "apply", approved=str(digest)))
    return _show_report(report, json_=json_, title="What was applied")


@commands.command("tick")
@click.option("--observe", is_flag=True, help="Only read, and refresh the status.")
@as_json
def tick_once(observe: bool, json_: bool) -> int:
    """Reconcile once, look up what of the catalogue is due, and exit."""

    async def work(outside: Outside) -> Report:
        report = await tick(outside, mode="observe" if observe else "apply")
        if observe or report.plan is None:
            return report
        until = outside.clock.now() + timedelta(seconds=REFRESH_S)
        found = await catalog.refresh_due(outside, until=until, watch=catalog.watch(console()))
        return await tick(outside) if found.changed else report

    return _show_report(run_with(work), json_=json_)


def _show_report(report: Report, *, json_: bool, title: str = "What is left") -> int:
    run, made = report.run, report.plan
    if json_:
        print_json({"run": run, "plan": show.plan_json(made) if made else None})
    elif made is None:
        click.echo("another process is at work; nothing was done")
    else:
        done = ", ".join(f"{count} {name}" for name, count in sorted(run.counts.items())) or "nothing to do"
        click.echo(f"{run.outcome}: {done}")
        for error in run.errors:
            click.echo(f"  {error}")
        show.show_plan(console(), made, title=title)
    return ERROR if run.outcome == "failed" or (made is not None and not show.complete(made)) else 0


@commands.command()
def run() -> int:
    """Reconcile for ever in this process: tick, sleep, wake up when Audiobookshelf tells of a change."""

    async def whole() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        async with connected(load_settings(service=True)) as outside:
            await run_loop(outside, stop=stop)

    asyncio.run(whole())
    return 0


@commands.command()
@as_json
def adopt(json_: bool) -> int:
    """First contact: read the library and the client, show what is owned and what would be wanted, act on nothing."""

    report = run_with(_planned)
    made, world = report.plan, report.world
    assert made is not None
    assert world is not None
    if json_:
        print_json({**show.world_json(world, made), "plan": show.plan_json(made)})
        return 0
    show.show_world(console(), world, made)
    _notice_first_run(report)
    show.show_plan(console(), made, title="What would be wanted")
    return 0


@commands.command()
@click.argument("digest")
def approve(digest: str) -> int:
    """Confirm what a brake asked for: the digest it printed, or `first-run`."""
    if digest != FIRST_RUN and not re.fullmatch(r"[0-9a-f]{12}", digest):
        raise click.UsageError(f"DIGEST is {FIRST_RUN}, or the 12 hex digits that a brake printed")

    async def work(outside: Outside) -> None:
        await outside.store.approve(digest, who=who(), at=outside.clock.now())

    run_with(work)
    click.echo(f"approved {digest}; it takes effect at the next tick")
    return 0


# Looking.


@commands.command()
@as_json
def status(json_: bool) -> int:
    """Where everything stands, from what the last tick saw. Asks nobody outside."""

    async def look(outside: Outside) -> tuple[Any, ...]:
        conditions = await outside.store.conditions()
        return conditions, await outside.store.runs(limit=1), await sweep_of(outside, conditions)

    conditions, runs, sweep = run_with(look)
    if json_:
        print_json({"conditions": conditions, "last_run": runs[0] if runs else None, "sweep": sweep_json(sweep)})
        return 0
    if not runs:
        click.echo("no tick has run yet; `bibliostat tick` is the first")
        return 0
    last = runs[0]
    age = datetime.now(UTC) - last.started_at
    click.echo(f"last tick {last.started_at:%Y-%m-%d %H:%M:%S} UTC ({age.total_seconds():.0f} s ago): {last.outcome}")
    for one in conditions:
        if one.subject != SERVICE and not one.subject.startswith("indexer/"):
            continue
        click.echo(f"  {one.subject} {one.type} {one.status}: {one.reason}, {one.message}")
    show.show_conditions(console(), conditions)
    if sweep.wants:
        click.echo(str(sweep))
    return 0


@commands.command()
@as_json
def doctor(json_: bool) -> int:
    """Check each connection, each path (write, link, rename, delete), the clock and the versions."""
    from handlers.doctor import examine

    async def look() -> list[Any]:
        settings = load_settings()
        findings = []
        async with connected(settings) as outside:
            async for finding in examine(settings, outside):
                findings.append(finding)
                if not json_:
                    sign = {True: "[green]ok[/]  ", False: "[red]FAIL[/]", None: "[dim]--[/]  "}[finding.ok]
                    todo = f" -> {finding.what_to_do}" if finding.what_to_do else ""
                    console().print(f"{sign} {finding.check}: {escape(finding.message + todo)}")
        return findings

    findings = asyncio.run(look())
    if json_:
        print_json(findings)
    return ERROR if any(finding.ok is False for finding in findings) else 0


# What needs a person.


@commands.command()
@click.option("--all", "closed", is_flag=True, help="Also those that are here by now.")
@as_json
def missing(closed: bool, json_: bool) -> int:
    """Books that were missing at the last tick: why each counts, since when, and what is done about it."""

    async def work(outside: Outside) -> Any:
        return await outside.catalogue.missing_books(open_only=not closed) if outside.catalogue else ()

    rows = run_with(work)
    if json_:
        print_json(rows)
    for row in () if json_ else rows:
        place = f" ({row.series} {row.position})" if row.series and row.position else ""
        since = f"since {row.first_seen_at:%Y-%m-%d}" if row.first_seen_at else ""
        ended = f", here since {row.closed_at:%Y-%m-%d}" if row.closed_at else ""
        click.echo(f"{row.title}{place}: {row.reason}, {since}{ended}\n    {row.decision}")
    if not rows and not json_:
        click.echo("nothing was missing at the last tick")
    return 0


@commands.command()
@as_json
def unclear(json_: bool) -> int:
    """Library items that may be a wanted book: each waits for a person's yes or no, which one command gives."""

    async def work(outside: Outside) -> Any:
        return await _tick(outside, "plan")

    made = run_with(work).plan
    assert made is not None
    rows = show.unclear_rows(made)
    if json_:
        print_json(rows)
    for row in () if json_ else rows:
        click.echo(f"{row['want']}\n    {row['because']}")
    if not rows and not json_:
        click.echo("nothing is unclear")
    return 0


# Deciding.


@commands.group()
def override() -> None:
    """What a person decides about a want: skip, snooze, hold, force, pin, retry, priority; list and remove."""


def _until(text: str | None, now: datetime) -> datetime | None:
    """`2026-12-24`, or a span from now such as `3d`, `12h`, `2w`."""
    if text is None:
        return None
    spans = {"h": 1, "d": 24, "w": 168}
    try:
        if text[-1:] in spans:
            moment = now + timedelta(hours=int(text[:-1]) * spans[text[-1]])
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"--until {text!r} is neither a date such as 2026-12-24 nor a span such as 3d"
        raise click.UsageError(message) from error
    if moment <= now:
        raise click.UsageError(f"--until {text!r} is already past")
    return moment


def _override(verb: str, target: str, value: str, why: str, until: str | None) -> int:
    async def work(outside: Outside) -> str:
        now = outside.clock.now()
        expiry = _until(until, now)
        wants = (await read_desired(outside)).wants
        key, concerned = _target(verb, target, wants, {indexer.name for indexer in outside.indexers})
        await outside.store.add_override(target=key, verb=verb, value=value, why=why, who=who(), at=now, until=expiry)
        if verb in ("retry", "force"):
            for want in concerned:
                await outside.store.request(want.key, at=now)
        return key

    key = run_with(work)
    click.echo(f"{verb} {key}{f' {value}' if value else ''}; it takes effect at the next tick")
    return 0


DOCUMENTS = ("Series", "Author", "Book", "Follow", "Discover")


def _target(verb: str, target: str, wants: Sequence[Want], indexers: Collection[str]) -> tuple[str, Sequence[Want]]:
    """What an override is about, and which wants that concerns. Systems and `*` can only be held or snoozed."""
    if target in ("*", "library", "client") or target.startswith("indexer/"):
        if verb not in ("hold", "snooze"):
            raise click.UsageError(f"{target} can only be held or snoozed; name a book or a document for `{verb}`")
        if target.startswith("indexer/") and target.removeprefix("indexer/") not in indexers:
            raise Permanent(f"no indexer is called {target.removeprefix('indexer/')!r}", code="NoSuchIndexer")
        return target, ()
    if target.split("/")[0] in DOCUMENTS:
        concerned = [want for want in wants if any(line.split(" ", 1)[0] == target for line in want.because)]
        if not concerned:
            raise Permanent(f"no document {target} wants a book; `bibliostat plan` lists them", code="NoSuchDocument")
        if verb in ("force", "pin"):
            raise click.UsageError(f"`{verb}` is about one book: name it by title or key")
        return target, concerned
    want = one_want(wants, target)
    return want.key, (want,)


VERBS = {
    "skip": "Leave this book out for now.",
    "hold": "Do nothing about it until the hold is removed.",
    "snooze": "Do nothing about it until a date (--until).",
    "force": "It is not what the library has; or, after a refused proof: take the download all the same.",
    "retry": "Ask the indexers again now, and go on after something was lost.",
}


def _register(verb: str, text: str) -> None:
    @override.command(verb, help=f"{text} TARGET is a title, a key, Series/NAME, Author/NAME or *.")
    @click.argument("target")
    @click.option("--why", default="", help="The reason, for the record.")
    @click.option("--until", help="A date (2026-12-24) or a span (3d, 12h, 2w) after which it expires.")
    def command(target: str, why: str, until: str | None) -> int:
        if verb == "snooze" and until is None:
            raise click.UsageError("snooze needs --until")
        return _override(verb, target, "", why, until)


for _verb, _text in VERBS.items():
    _register(_verb, _text)


@override.command()
@click.argument("target")
@click.argument("release")
@click.option("--why", default="")
def pin(target: str, release: str, why: str) -> int:
    """Take this RELEASE and no other: the id that `why` prints, or an infohash."""
    if not re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{40}", release.lower()):
        raise click.UsageError("RELEASE is the 16-digit id that `why` prints, or an infohash of 40 hex digits")
    return _override("pin", target, release.lower(), why, None)


@override.command()
@click.argument("target")
@click.argument("number", type=click.IntRange(-1000, 1000))
@click.option("--why", default="")
def priority(target: str, number: int, why: str) -> int:
    """Higher goes first."""
    return _override("priority", target, str(number), why, None)


def _settle_item(verb: str, target: str, path: str, why: str) -> int:
    async def work(outside: Outside) -> str:
        want = one_want((await read_desired(outside)).wants, target)
        if not any(item.rel_path == path for item in (await outside.store.items()).values()):
            raise Permanent(f"the library has no item at {path!r}; `bibliostat unclear` names them", code="NoSuchItem")
        now = outside.clock.now()
        await outside.store.add_override(target=want.key, verb=verb, value=path, why=why, who=who(), at=now, until=None)
        return want.key

    click.echo(f"{path} {verb.replace('-', ' ')} {run_with(work)}; it takes effect at the next tick")
    return 0


@override.command("is")
@click.argument("target")
@click.argument("path")
@click.option("--why", default="")
def item_is(target: str, path: str, why: str) -> int:
    """The library item at PATH is this book."""
    return _settle_item("is", target, path, why)


@override.command("is-not")
@click.argument("target")
@click.argument("path")
@click.option("--why", default="")
def item_is_not(target: str, path: str, why: str) -> int:
    """The library item at PATH is not this book."""
    return _settle_item("is-not", target, path, why)


@override.command("list")
@as_json
def list_overrides(json_: bool) -> int:
    """What is in force."""
    rows = run_with(lambda outside: outside.store.overrides())
    if json_:
        print_json(rows)
    for row in () if json_ else rows:
        until = f" until {row.until:%Y-%m-%d %H:%M}" if row.until else ""
        until += " (expired)" if row.until and row.until <= datetime.now(UTC) else ""
        click.echo(f"{row.id}: {row.verb} {row.target} {row.value}{until} ({row.who}, {row.at:%Y-%m-%d}) {row.why}")
    return 0


@override.command("remove")
@click.argument("number", type=int)
def remove_override(number: int) -> int:
    """Undo one, by the number that `override list` prints."""

    async def work(outside: Outside) -> bool:
        rows = {row.id: row for row in await outside.store.overrides()}
        if number not in rows:
            return False
        # What was asked for with it is taken back too, unless somebody asked again since.
        asked = {want: at for want, at in (await outside.store.requests()).items() if at <= rows[number].at}
        if rows[number].verb in ("retry", "force"):
            await outside.store.handled(asked)
        return await outside.store.remove_override(number)

    if not run_with(work):
        raise Permanent(f"there is no override {number}; `bibliostat override list` shows them", code="NoSuchOverride")
    click.echo(f"removed {number}")
    return 0


# The store, and the demo.


@commands.group()
def db() -> None:
    """The store's schema."""


@commands.command()
@as_json
def settings(json_: bool) -> int:
    """Every variable of the environment, its default and its meaning; the same keys stand in bibliostat.yaml."""
    rows = describe()
    if json_:
        print_json([{"variable": name, "default": default, "meaning": meaning} for name, default, meaning in rows])
        return 0
    for name, default, meaning in rows:
        click.echo(f"{name}\n    {meaning}" + (f" Default: {default}" if default else ""))
    return 0


@commands.command("new-secret-key")
def new_secret_key() -> int:
    """Print a new key for BIBLIOSTAT_SECRET_KEY. What was sealed with another one is lost.

    Example: bibliostat new-secret-key > ~/bibliostat.key
    """
    click.echo(new_key())
    return 0


@db.command()
def upgrade() -> int:
    """Bring the schema up to date. Every command does so at its start; this is for a job of its own."""
    from adapters.store import migrate

    asyncio.run(migrate(load_settings().database_url.reveal()))
    click.echo("the schema is up to date")
    return 0


@commands.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the demo's world stands; a fresh one by default."
)
@click.option("--keep", is_flag=True, help="Leave the world there afterwards.")
def demo(folder: Path | None, keep: bool) -> int:
    """The whole loop on a small world of its own: no account, no network, nothing of yours is touched."""
    from handlers.demo import demonstrate

    return demonstrate(console(), folder, keep=keep)


commands.add_command(lines.same)
commands.add_command(lines.match)
commands.add_command(parse.parse)
commands.add_command(why.why)
commands.add_command(blocking.block)
commands.add_command(blocking.unblock)
commands.add_command(blocking.blocklist)
commands.add_command(verify.verify)
commands.add_command(judge_command)
commands.add_command(catalog_commands.catalog)
