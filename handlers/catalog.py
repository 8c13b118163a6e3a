"""`bibliostat catalog …`: which books there are, from whom we know, and what of them would be wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.catalogues.every import every_source
from adapters.catalogues.recorded import Recorded, read_folder
from adapters.cron import last_due
from domain.catalogue.books import Book, Catalogued, Edit, EditVerb, SourceState, Subject
from domain.catalogue.choosing import Choice, Released, choose
from domain.catalogue.derive import derive
from domain.catalogue.memory import Heard, could_not_look, remember
from domain.catalogue.subjects import Asked, by_name_alone, subject_key
from domain.catalogue.wanting import NO_CATALOGUE, Beside, beside, struck_out, want_of
from domain.errors import Permanent, Transient
from domain.manifest import Declared, PolicySpec, ProfileSpec
from domain.ownership import LibraryIndex
from reconcile.catalogues import (
    Progress,
    Refreshed,
    Schedule,
    derive_again,
    due,
    is_stale,
    read_catalogue,
    refresh,
    unread,
)
from reconcile.ports import Outside


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One book of a catalogue, as it is printed."""

    id: str
    title: str
    position: str | None
    kind: str
    authors: tuple[str, ...]
    wanted: bool
    because: str
    code: str
    release: dict[str, Any]
    owned: bool | None = None
    """None: may be, or the library was not looked at."""
    editions: list[dict[str, Any]]
    series: list[dict[str, Any]]
    other_titles: tuple[str, ...] = ()
    language: str | None = None
    first_published: int | None = None
    sources: tuple[str, ...] = ()
    said: list[dict[str, Any]] = []
    conflicts: list[dict[str, Any]] = []
    joined: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    alternate_of: str | None = None
    contains: tuple[str, ...] = ()
    unsupported: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one series or author, as it is printed."""

    kind: str
    name: str
    authors: tuple[str, ...]
    ids: tuple[str, ...]
    works: tuple[Work, ...]
    completion: dict[str, Any] | None = None
    gaps: tuple[str, ...] = ()
    orderings: dict[str, dict[str, str]] = {}
    finished: bool | None = None
    sources: tuple[SourceState, ...] = ()
    notes: tuple[str, ...] = ()
    proposal: str = ""
    derived_at: datetime


def from_records(kind: str, name: str, author: str | None, folder: Path, today: date) -> Shown:
    """What recorded answers say: each is handed to the adapter whose address its request names."""
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    recorded = read_folder(folder, every_source(_Nobody()))
    subject = Subject(kind="series" if kind == "series" else "author", name=name, author=author)
    subject = msgspec.structs.replace(subject, key=subject_key(subject))
    heard = [_heard(number, one, now) for number, one in enumerate(recorded) if one.answer or one.trouble]
    known = derive(subject, heard, now=now)
    notes = (*known.notes, *(f"{one.file}: {one.note or (one.trouble and one.trouble.message)}" for one in recorded
                             if one.note or one.trouble))  # fmt: skip
    return shown(msgspec.structs.replace(known, notes=notes), by_name_alone(subject), today)


class _Nobody:
    """The web that recorded answers are read without."""

    async def get(self, url: str, **_: object) -> Any:
        raise Permanent("recorded answers are read without asking anybody", code="Offline")

    async def post(self, url: str, **_: object) -> Any:
        raise Permanent("recorded answers are read without asking anybody", code="Offline")


def _heard(number: int, one: Recorded, now: datetime) -> Heard:
    question = f"recorded {number:05}"
    if one.answer is not None:
        return remember(None, one.answer.source, question, one.answer, one.fetched_at or now)
    assert one.trouble is not None
    refused = isinstance(one.trouble, Permanent)
    return could_not_look(
        None, one.source, question, code=one.trouble.code, why=one.trouble.message, refused=refused, now=now
    )


def shown(
    known: Catalogued,
    asked: Asked,
    today: date,
    index: LibraryIndex | None = None,
    struck: Collection[str] = (),
) -> Shown:
    """With what the default policy would want of it, and what the library has of that."""
    choices = choose(known, excluded=struck, profile=ProfileSpec(), today=today)
    around = beside(known)
    works = tuple(_work(choice, known, around, asked, index) for choice in choices)
    return Shown(
        kind=known.subject.kind,
        name=known.name,
        authors=known.authors,
        ids=known.ids,
        works=works,
        completion=_completion(works) if index is not None else None,
        gaps=known.gaps,
        orderings=known.orderings,
        finished=known.finished,
        sources=known.sources,
        notes=known.notes,
        proposal=known.proposal,
        derived_at=known.derived_at,
    )


def _work(choice: Choice, known: Catalogued, around: Beside, asked: Asked, index: LibraryIndex | None) -> Work:
    book = choice.book
    release = {
        "released": choice.release.state is Released.RELEASED,
        "state": choice.release.state,
        "on": choice.release.on,
        "because": choice.release.because,
    }
    return Work(
        id=book.id,
        title=book.title,
        position=book.position,
        kind=choice.kind,
        authors=book.authors,
        wanted=choice.wanted,
        because=choice.because,
        code=choice.code,
        release=release,
        owned=_owned(choice, known, around, asked, index) if index is not None else None,
        editions=[{**msgspec.to_builtins(one), "asins": one.asins} for one in book.editions],
        series=[{"name": one.series, **msgspec.to_builtins(one)} for one in book.series],
        other_titles=book.other_titles,
        language=book.language,
        first_published=book.first_published,
        sources=book.sources,
        said=[msgspec.to_builtins(one) for one in book.said],
        conflicts=[msgspec.to_builtins(one) for one in book.conflicts],
        joined=book.joined,
        ids=book.ids,
        alternate_of=book.alternate_of,
        contains=book.contains,
        unsupported=book.unsupported,
    )


def _owned(choice: Choice, known: Catalogued, around: Beside, asked: Asked, index: LibraryIndex) -> bool | None:
    want = want_of(choice, asked, known, around, Declared(), {}, NO_CATALOGUE, "")
    owned = index.owned(want)
    return True if owned.items else None if owned.maybe else False


def _completion(works: Sequence[Work]) -> dict[str, Any]:
    """What of the main books is here. What is not out yet is counted apart."""
    main = [one for one in works if one.wanted]
    missing = [one for one in main if one.owned is False]
    return {
        "owned": sum(one.owned is True for one in main),
        "unclear": sum(one.owned is None for one in main),
        "total": len(main),
        "percent": round(100 * sum(one.owned is True for one in main) / len(main)) if main else None,
        "missing": [{"position": one.position, "title": one.title} for one in missing],
        "unreleased": [
            {"position": one.position, "title": one.title, "on": one.release["on"]}
            for one in works
            if one.code == Released.ANNOUNCED
        ],
    }


# Asking.


def schedule_of(policy: PolicySpec, now: datetime) -> Schedule:
    """When series and authors last fell due. A schedule that never does leaves them to the first look-up."""
    return Schedule(series=_last(policy.schedules.series, now), authors=_last(policy.schedules.authors, now))


def _last(expression: str, now: datetime) -> datetime:
    try:
        return last_due(expression, now)
    except Permanent:
        return datetime(1970, 1, 1, tzinfo=UTC)


async def declared_now(outside: Outside) -> Declared:
    """What is declared; while that holds mistakes, what was declared before."""
    declared = outside.manifests.read()
    if isinstance(declared, Declared):
        return declared
    return await outside.store.last_good() or Declared()


async def refresh_due(
    outside: Outside, *, until: datetime | None = None, only_new: bool = False, watch: Any = None
) -> Refreshed:
    """Refresh what is due. `only_new`: only what was never looked up."""
    if outside.catalogue is None or not outside.sources:
        return Refreshed()
    declared = await declared_now(outside)
    schedule = schedule_of(declared.policy, outside.clock.now())
    again = await derive_again(outside, declared)
    asked = await due(outside, declared, schedule)
    if only_new:
        known = await read_catalogue(outside)
        asked = tuple(one for one in asked if unread(one, declared, known))
    if not asked:
        return Refreshed(changed=bool(again))
    done = await refresh(outside, declared, asked, schedule, until=until, progress=watch)
    return msgspec.structs.replace(done, changed=done.changed or bool(again))


async def look_up(outside: Outside, kind: str, name: str, author: str | None, *, offline: bool) -> Shown:
    """One series or author: what is kept where it is fresh, else asked for now."""
    catalogue = outside.catalogue
    if catalogue is None:
        raise Permanent("no catalogue is kept here", code="NoCatalogue")
    declared = await declared_now(outside)
    now = outside.clock.now()
    subject = Subject(kind="series" if kind == "series" else "author", name=name, author=author)
    asked = by_name_alone(msgspec.structs.replace(subject, key=subject_key(subject)))
    known = (await read_catalogue(outside)).subjects
    kept = known.get(asked.subject.key) or _only_one(known.values(), asked.subject)
    if kept is not None:
        asked = msgspec.structs.replace(asked, subject=kept.subject)
    found = await catalogue.told_of(asked.subject.key)
    schedule = schedule_of(declared.policy, now)
    if found is None and not offline and not outside.sources:
        raise Permanent("every source is switched off: see `bibliostat settings`", code="NoSource")
    if not offline and outside.sources and await is_stale(outside, asked.subject, schedule):
        lease = f"catalogue {asked.subject.key}"
        done = await refresh(outside, declared, (asked,), schedule, lease=lease)
        found = await catalogue.told_of(asked.subject.key)
        if found is None and done.left:
            raise Transient(f"{name!r} could not be looked up now: {'; '.join(done.troubles.values())}", code="NoTurn")
    if found is None:
        raise Permanent(f"nothing is known of {name!r} yet; leave out --offline to ask for it", code="NotLookedUp")
    items = (await outside.store.items()).values()
    struck = struck_out(await catalogue.edits())
    return shown(found, asked, now.date(), LibraryIndex(items), struck)


def _only_one(known: Any, subject: Subject) -> Catalogued | None:
    """A series asked for without its author, where one of that name is known."""
    same = [
        one
        for one in known
        if one.subject.kind == subject.kind and one.subject.key.split("/")[1] == subject.key.split("/")[1]
    ]
    return same[0] if len(same) == 1 and not subject.author else None


# Deciding.


async def decide(outside: Outside, verb: EditVerb, book: str, *, other: str = "", field: str = "", value: str = "",
                 why: str = "", who: str = "") -> str:  # fmt: skip
    """Write down what a person says about a book, and compute again what it touches. Returns a sentence."""
    catalogue = outside.catalogue
    if catalogue is None:
        raise Permanent("no catalogue is kept here", code="NoCatalogue")
    found = await _find(outside, book)
    beside = await _find(outside, other) if other and verb is EditVerb.MERGE else None
    if beside is not None and beside.id == found.id:
        raise Permanent(f"{book!r} and {other!r} are one book already, {found.title!r}", code="SameBook")
    if verb is EditVerb.CORRECT and field not in CORRECTABLE:
        raise Permanent(f"{field!r} cannot be corrected: name one of {', '.join(CORRECTABLE)}", code="NoSuchField")
    if verb is EditVerb.SPLIT and other not in found.ids:
        raise Permanent(
            f"{other!r} is not an id of {found.title!r}; `catalog series … --json` lists them", code="NoSuchId"
        )
    anchor = next((one for one in found.ids if one != other and not one.startswith("book:")), found.id)
    edit = await catalogue.add_edit(
        verb,
        book=anchor,
        other=(next(one for one in beside.ids if not one.startswith("book:")) if beside else other),
        field=field,
        value=(found.authors[0] if verb is EditVerb.EXCLUDE and found.authors else value),
        title=found.title,
        why=why,
        who=who,
        at=outside.clock.now(),
    )
    await _again(outside, edit)
    return (
        f"{edit.id}: {verb} {found.title}{f', {field} {value}' if field else ''}; undo it with `catalog undo {edit.id}`"
    )


CORRECTABLE = ("title", "authors", "position", "kind", "language", "first_published")


async def undo(outside: Outside, number: int) -> None:
    edits = await outside.catalogue.edits() if outside.catalogue is not None else ()
    edit = next((one for one in edits if one.id == number), None)
    if edit is None or outside.catalogue is None or not await outside.catalogue.remove_edit(number):
        raise Permanent(f"there is no edit {number}; `bibliostat catalog edits` shows them", code="NoSuchEdit")
    await _again(outside, edit, apart=(edit.book, edit.other) if edit.verb is EditVerb.MERGE else None)


async def _again(outside: Outside, edit: Edit, *, apart: tuple[str, str] | None = None) -> None:
    """Compute again what holds a book of the edit."""
    assert outside.catalogue is not None
    declared = await declared_now(outside)
    named = {edit.book, edit.other}
    touched = [
        key
        for key, known in (await outside.catalogue.catalogued()).items()
        if any(not named.isdisjoint((book.id, *book.ids)) for book in known.books)
    ]
    await derive_again(outside, declared, touched, apart=apart)


async def _find(outside: Outside, text: str) -> Book:
    """The book with this id (`book:…`, `asin:…`), or the only one of this title."""
    assert outside.catalogue is not None
    books: dict[str, Book] = {}
    for known in (await outside.catalogue.catalogued()).values():
        for book in known.books:
            if text in (book.id, *book.ids) or text.casefold() in (book.title.casefold(), f"asin:{text}".casefold()):
                books[book.id] = book
    if len(books) == 1:
        return next(iter(books.values()))
    if not books:
        raise Permanent(f"no book of the catalogue is called {text!r}", code="NoSuchBook")
    names = ", ".join(f"{one.id} ({', '.join(one.authors)})" for one in books.values())
    raise Permanent(f"{text!r} may be any of {names}; say the id", code="AmbiguousBook")


# Showing.


def show_catalogue(console: Console, found: Shown) -> None:
    by = f" by {', '.join(found.authors)}" if found.kind == "series" and found.authors else ""
    wanted = sum(one.wanted for one in found.works)
    console.print(f"[bold]{escape(found.name)}[/]{escape(by)}: {len(found.works)} books known, {wanted} main and out")
    if found.completion and found.completion["total"]:
        done = found.completion
        console.print(f"in the library: {done['owned']} of {done['total']} ({done['percent']} %)")
    if not found.works:
        console.print("no source knows a book of it")
    table = Table(box=None, pad_edge=False, show_header=bool(found.works))
    for column in ("no.", "title", "kind", "", "why"):
        table.add_column(column, overflow="fold")
    for one in found.works:
        sign = "[green]have[/]" if one.owned else "[yellow]want[/]" if one.wanted else "[dim]-[/]"
        why = f"{one.because}" + (f" [{len(one.conflicts)} conflicts]" if one.conflicts else "")
        series = "" if found.kind == "series" or not one.series else f" ({one.series[0]['name']})"
        table.add_row(one.position or "", escape(one.title + series), one.kind, sign, escape(why))
    console.print(table)
    if found.gaps:
        console.print(f"no source knows number {', '.join(found.gaps)}")
    for state in found.sources:
        console.print(escape(source_line(state)))
    for note in found.notes:
        console.print(f"[dim]{escape(note)}[/]")


def source_line(state: SourceState) -> str:
    """`audible: found, 2026-11-21 03:00 UTC; …`."""
    at = f", {state.answered_at:%Y-%m-%d %H:%M} UTC" if state.answered_at else ", never answered"
    partly = "" if state.complete or state.outcome != "found" else ", not everything"
    return f"{state.source}: {state.outcome}{partly}{at}" + (f"; {state.detail[:200]}" if state.detail else "")


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one source does over everything it was asked."""

    source: str
    subjects: int
    found: int
    troubled: int
    last_answer_at: datetime | None
    oldest_answer_at: datetime | None
    trouble: str
    hosts: tuple[dict[str, Any], ...] = ()


async def source_rows(outside: Outside, budgets: dict[str, Any]) -> tuple[SourceRow, ...]:
    """Each source: budget left, last answer, age. `budgets`: source -> (hosts, requests a day)."""
    catalogue = outside.catalogue
    if catalogue is None:
        return ()
    states: dict[str, list[SourceState]] = {}
    for known in (await catalogue.catalogued()).values():
        for state in known.sources:
            states.setdefault(state.source, []).append(state)
    hosts = {one.host: one for one in await catalogue.hosts()}
    today = f"{outside.clock.now():%Y-%m-%d}"
    rows = []
    for name in dict.fromkeys([*(source.name for source in outside.sources), *sorted(states)]):
        of = states.get(name, [])
        answers = [one.answered_at for one in of if one.answered_at]
        told = []
        names, per_day = budgets.get(name, ((), None))
        for host in names:
            row = hosts.get(host)
            spent = row.spent_today if row and row.day == today else 0
            told.append(
                {
                    "host": host,
                    "spent_today": spent,
                    "left_today": per_day - spent if per_day is not None else None,
                    "resting_until": row.parked_until if row else None,
                    "why": row.why if row else "",
                }
            )
        rows.append(
            SourceRow(
                source=name,
                subjects=len(of),
                found=sum(one.outcome == "found" for one in of),
                troubled=sum(one.outcome in ("could not look", "refused") or bool(one.detail) for one in of),
                last_answer_at=max(answers, default=None),
                oldest_answer_at=min(answers, default=None),
                trouble=next((one.detail for one in of if one.detail), ""),
                hosts=tuple(told),
            )
        )
    return tuple(rows)


def watch(console: Console) -> Any:
    """Progress for a person who waits."""

    def told(progress: Progress) -> None:
        subject = progress.subject
        click.echo(f"looked up {progress.done}/{progress.of}: {subject.name}, {progress.books} books", err=True)

    return told if console.is_terminal else None
