"""`bibliostat catalog …`: series, authors, sources, and what a person decides about the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from domain.catalogue.books import EditVerb
from domain.languages import LANGUAGES
from domain.positions import read_position
from domain.wants import MemberKind
from handlers.catalog import (
    CORRECTABLE,
    decide,
    from_records,
    look_up,
    refresh_due,
    show_catalogue,
    source_rows,
    undo,
    watch,
)
from handlers.sources import configured
from handlers.terminal import as_json, console, is_text, load_settings, print_json, run_with, who
from reconcile.ports import Outside


@click.group()
def catalog() -> None:
    """Which books there are: series and authors, from whom we know, and what a person decides about them."""


def _catalogue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        as_json,
        click.option("--records", type=click.Path(path_type=Path), help="Read recorded answers in this folder."),
        click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="With --records: the day to judge by."),
        click.option("--offline", is_flag=True, help="Show what is kept, and ask nobody."),
    ):
        command = option(command)
    return command


@catalog.command("series")
@click.argument("name")
@click.option("--author", help="Narrow it to this author, and tell it from others of the same name.")
@_catalogue_options
def catalog_series(
    name: str, author: str | None, json_: bool, records: Path | None, today: datetime | None, offline: bool
) -> int:
    """Every book of the series NAME: place, kind, editions, who says so, and whether it would be wanted and why.

    Example: bibliostat catalog series Oz --author "L. Frank Baum"
    """
    return _show_catalogue("series", name, author, json_, records, today, offline)


@catalog.command("author")
@click.argument("name")
@_catalogue_options
def catalog_author(name: str, json_: bool, records: Path | None, today: datetime | None, offline: bool) -> int:
    """Every book by the author NAME. Example: bibliostat catalog author "L. Frank Baum" --offline"""
    return _show_catalogue("author", name, None, json_, records, today, offline)


def _show_catalogue(
    kind: str, name: str, author: str | None, json_: bool, records: Path | None, today: datetime | None, offline: bool
) -> int:
    if not name.strip() or len(name) > 500 or not is_text(name):
        raise click.UsageError("NAME is the name of a series or an author, at most 500 characters long")
    if records is not None:
        found = from_records(kind, name, author, records, (today or datetime.now(UTC)).date())
    else:
        found = run_with(lambda outside: look_up(outside, kind, name, author, offline=offline))
    if json_:
        print_json(found)
    else:
        show_catalogue(console(), found)
    return 0


@catalog.command("sources")
@as_json
def catalog_sources(json_: bool) -> int:
    """Each source: budget left today, last answer, age of the oldest one, and what is wrong with it."""

    async def work(outside: Outside) -> Any:
        budgets = {one.name: (one.hosts, one.limits.per_day) for one in configured(load_settings())}
        return await source_rows(outside, budgets)

    rows = run_with(work)
    if json_:
        print_json(rows)
        return 0
    for row in rows:
        last = f"last answer {row.last_answer_at:%Y-%m-%d %H:%M} UTC" if row.last_answer_at else "never answered"
        oldest = f", oldest {row.oldest_answer_at:%Y-%m-%d}" if row.oldest_answer_at else ""
        click.echo(f"{row.source}: {row.found} of {row.subjects} subjects found; {last}{oldest}")
        for host in row.hosts:
            rests = f", rests until {host['resting_until']:%H:%M} UTC: {host['why']}" if host["resting_until"] else ""
            left = f", {host['left_today']} left" if host["left_today"] is not None else ""
            click.echo(f"    {host['host']}: asked {host['spent_today']} times today{left}{rests}")
        if row.trouble:
            click.echo(f"    {row.trouble[:300]}")
    return 0


@catalog.command("refresh")
@click.option("--minutes", type=click.IntRange(1, 1440), default=60, help="Stop after so long; the rest goes on later.")
@as_json
def catalog_refresh(minutes: int, json_: bool) -> int:
    """Look up now what is due: new series and authors first, then what the schedule says."""

    async def work(outside: Outside) -> Any:
        until = outside.clock.now() + timedelta(minutes=minutes)
        return await refresh_due(outside, until=until, watch=watch(console()))

    done = run_with(work)
    if json_:
        print_json(done)
        return 0
    left = f", {len(done.left)} left for later" if done.left else ""
    click.echo(f"looked up {len(done.done)} series and authors{left}")
    for source, why in sorted(done.troubles.items()):
        click.echo(f"  {source}: {why}")
    return 0


def _edit(verb: EditVerb, book: str, **said: str) -> int:
    click.echo(run_with(lambda outside: decide(outside, verb, book, who=who(), **said)))
    return 0


@catalog.command("merge")
@click.argument("book")
@click.argument("other")
@click.option("--why", default="")
def catalog_merge(book: str, other: str, why: str) -> int:
    """BOOK and OTHER are one book. Each is a title, or any id that `catalog series --json` lists."""
    return _edit(EditVerb.MERGE, book, other=other, why=why)


@catalog.command("split")
@click.argument("book")
@click.argument("id_", metavar="ID")
@click.option("--why", default="")
def catalog_split(book: str, id_: str, why: str) -> int:
    """ID is not BOOK, whatever titles and ids say."""
    return _edit(EditVerb.SPLIT, book, other=id_, why=why)


@catalog.command("correct")
@click.argument("book")
@click.argument("field", type=click.Choice(CORRECTABLE))
@click.argument("value")
@click.option("--why", default="")
def catalog_correct(book: str, field: str, value: str, why: str) -> int:
    """FIELD of BOOK is VALUE, whatever sources say. Several authors stand with `; ` between them."""
    if field == "kind" and value not in set(MemberKind):
        raise click.UsageError(f"a kind is one of {', '.join(MemberKind)}")
    if field == "position" and read_position(value) is None:
        raise click.UsageError("a position looks like 1, 0.5 or 1-3")
    if field == "language" and value not in LANGUAGES:
        raise click.UsageError("a language is a code of two letters, such as en")
    if field in ("title", "authors") and not value.strip("; "):
        raise click.UsageError(f"{field} cannot be empty")
    if not value.strip() or len(value) > 500 or not is_text(value):
        raise click.UsageError("VALUE is a text of at most 500 characters")
    if field == "language" and value not in LANGUAGES:
        raise click.UsageError("a language is a two-letter code of ISO 639-1, such as en")
    if field == "first_published" and not re.fullmatch(r"[12]\d{3}", value):
        raise click.UsageError("first_published is a year of four digits")
    return _edit(EditVerb.CORRECT, book, field=field, value=value, why=why)


@catalog.command("exclude")
@click.argument("book")
@click.option("--why", default="")
def catalog_exclude(book: str, why: str) -> int:
    """Never want BOOK, under new editions, other sources and merges neither."""
    return _edit(EditVerb.EXCLUDE, book, why=why)


@catalog.command("edits")
@as_json
def catalog_edits(json_: bool) -> int:
    """What people decided about the catalogue."""

    async def work(outside: Outside) -> Any:
        return await outside.catalogue.edits() if outside.catalogue else ()

    rows = run_with(work)
    if json_:
        print_json(rows)
    for row in () if json_ else rows:
        beside = " ".join(filter(None, (row.other, row.field, row.value)))
        click.echo(f"{row.id}: {row.verb} {row.title or row.book} {beside} ({row.who}, {row.at:%Y-%m-%d}) {row.why}")
    return 0


@catalog.command("undo")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
def catalog_undo(number: int) -> int:
    """Undo an edit, by the number that `catalog edits` prints."""
    run_with(lambda outside: undo(outside, number))
    click.echo(f"undone {number}")
    return 0
