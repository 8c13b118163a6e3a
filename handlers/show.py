"""How plans, conditions and histories look in a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from domain.actions import Chore, Decision, Hold, LetGo, Newest, Remove, Scan
from domain.conditions import NEEDS_A_PERSON, ON_ITS_WAY
from domain.names import person_key
from domain.plan import Plan
from domain.wants import Unwanted, Want
from domain.world import Condition, Unread, World

MARKS = {"owned": "[green]●[/]", "coming": "[cyan]◐[/]", "act": "[yellow]▶[/]", "you": "[red]![/]", "held": "[dim]○[/]"}
LEGEND = "● in the library   ◐ on its way   ▶ to be done   ! needs you   ○ waits"


def mark(decision: Decision) -> str:
    """One of `MARKS` for a decision."""
    if not isinstance(decision, Hold):
        return "act"
    code = decision.because.code
    if code == "InLibrary":
        return "owned"
    if code in NEEDS_A_PERSON:
        return "you"
    return "coming" if code in ON_ITS_WAY else "held"


def verb(act: Decision | Chore) -> str:
    """What is done, as one word: `grab`, `search`, `hold`."""
    return str(type(act).__struct_config__.tag)


def show_plan(console: Console, plan: Plan, *, title: str = "Plan") -> None:
    """What is wanted, owned, missing and held, and why."""
    console.print(f"[bold]{title}[/] [dim]{plan.at:%Y-%m-%d %H:%M:%S} UTC, digest {plan.digest}[/]")
    for brake in plan.brakes:
        console.print(f"  [red]brake[/] {escape(brake.reason.code)}: {escape(brake.reason.message)}")
    table = Table(box=None, show_header=False, padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(ratio=2, overflow="fold")
    table.add_column(no_wrap=True, width=7)
    table.add_column(ratio=5, overflow="fold")
    by_key = {decision.want: decision for decision in plan.decisions}
    for want in sorted(plan.wants, key=_shelf_order):
        decision = by_key[want.key]
        why = f"[bold]{decision.because.code}[/] {escape(decision.because.message)}"
        table.add_row(MARKS[mark(decision)], escape(want.name), verb(decision), why)
    console.print(table)
    for chore in plan.chores:
        console.print(f"  ▶ {verb(chore)} {escape(_object(chore))}: {escape(chore.because.message)}")
    for line in _left_out(plan.unwanted):
        console.print(f"  [dim]– {escape(line)}[/]")
    owing = [duty.until for duty in plan.duties if not duty.fulfilled and duty.until]
    if owing:
        console.print(f"  [dim]{len(owing)} torrents are seeding what they owe, until {_time(max(owing))} UTC[/]")
    for note in plan.notes:
        console.print(f"  [dim]{escape(note)}[/]")
    console.print(f"  {summary(plan)}   [dim]{LEGEND}[/]")


def _object(chore: Chore) -> str:
    match chore:
        case Scan():
            return f"for {len(chore.wants)} published"
        case LetGo() | Remove():
            return chore.torrent
        case Newest():
            return chore.indexer


def _shelf_order(want: Want) -> tuple[int, str, float, str]:
    return (-want.priority, want.series or "~", float(want.position.low) if want.position else 0.0, want.key)


def summary(plan: Plan) -> str:
    """`14 wanted: 3 owned, 11 missing (10 to search, 1 held)`; while the library is unread nobody knows."""
    if any(brake.name == "unread library" for brake in plan.brakes):
        return f"{len(plan.decisions)} wanted; what is owned is not known while the library cannot be read"
    owned = sum(1 for decision in plan.decisions if mark(decision) == "owned")
    other = Counter(verb(one) for one in plan.decisions if mark(one) != "owned")
    parts = ", ".join(f"{count} {name}" for name, count in sorted(other.items()))
    missing = len(plan.decisions) - owned
    return f"{len(plan.decisions)} wanted: {owned} owned, {missing} missing" + (f" ({parts})" if parts else "")


def plan_json(plan: Plan) -> dict[str, object]:
    """A plan for programs, and for `apply`."""
    wants = {want.key: want for want in plan.wants}
    return {
        "apiVersion": "bibliostat/v1",
        "kind": "Plan",
        "digest": plan.digest,
        "made_at": plan.at.isoformat(),
        "desired_digest": plan.desired_digest,
        "world_digest": plan.world_digest,
        "settled": complete(plan) and not plan.acts,
        "complete": complete(plan),
        "brakes": [
            {
                "brake": brake.name,
                "reason": brake.reason.code,
                "message": brake.reason.message,
                "approve": brake.approve,
            }
            for brake in plan.brakes
        ],
        "decisions": [decision_json(decision, wants[decision.want], plan) for decision in plan.decisions],
        "chores": [
            {
                "action": verb(chore),
                "on": _object(chore),
                "reason": chore.because.code,
                "message": chore.because.message,
            }
            for chore in plan.chores
        ],
        "unwanted": [
            {"document": one.document, "title": one.title, "reason": one.code, "message": one.message}
            for one in plan.unwanted
        ],
        "duties": [
            {
                "torrent": duty.torrent,
                "until": duty.until,
                "ratio": duty.ratio,
                "fulfilled": duty.fulfilled,
                "message": duty.message,
            }
            for duty in plan.duties
        ],
        "notes": list(plan.notes),
    }


def complete(plan: Plan) -> bool:
    """Whether everything that the plan rests on could be read: the declarations, the library, the client."""
    return not any(
        brake.name.startswith("unread") or brake.reason.code == "DeclarationsBroken" for brake in plan.brakes
    )


def decision_json(decision: Decision, want: Want, plan: Plan) -> dict[str, object]:
    release = getattr(decision, "release", None)
    return {
        "want": decision.want,
        "title": want.title,
        "authors": list(want.authors),
        "series": want.series,
        "position": want.position.text if want.position else None,
        "action": verb(decision),
        "reason": decision.because.code,
        "message": decision.because.message,
        "release": {"id": release.id, "title": release.title, "indexer": release.indexer} if release else None,
        "library": list(plan.owned.get(decision.want, ())),
    }


def unrecognised(world: World, plan: Plan) -> tuple[str, ...]:
    """Present items by an author of some want that are no want's book: a declared book may hide among them."""
    if isinstance(world.library, Unread):
        return ()
    known = {path for paths in plan.owned.values() for path in paths}
    authors = {person_key(author) for want in plan.wants for author in want.authors}
    items = (item for item in world.library.value.items if not item.is_missing and item.rel_path not in known)
    return tuple(sorted(item.rel_path for item in items if authors.intersection(map(person_key, item.authors))))


def world_json(world: World, plan: Plan) -> dict[str, object]:
    """What was found at first contact, for programs. None where it could not be read."""
    library = None if isinstance(world.library, Unread) else world.library.value
    return {
        "items": len(library.items) if library else None,
        "missing": len(library.items) - library.present if library else None,
        "faults": library.faults if library else None,
        "unrecognised": list(unrecognised(world, plan)),
        "torrents": None if isinstance(world.downloads, Unread) else len(world.downloads.value),
    }


MOST_SHOWN = 20


def show_world(console: Console, world: World, plan: Plan) -> None:
    """What was found at first contact."""
    if isinstance(world.library, Unread):
        console.print(f"Library: {escape(world.library.why)}")
    else:
        view = world.library.value
        console.print(f"Library: {view.present} books, and {len(view.items) - view.present} that the server misses")
        for fault in view.faults:
            console.print(f"  [yellow]![/] {escape(fault)}")
    others = unrecognised(world, plan)
    if others:
        console.print(f"{len(others)} books by wanted authors match nothing that is wanted:")
    for path in others[:MOST_SHOWN]:
        console.print(f"  [dim]{escape(path)}[/]")
    if len(others) > MOST_SHOWN:
        console.print(f"  [dim]… and {len(others) - MOST_SHOWN} more (--json lists all)[/]")
    if isinstance(world.downloads, Unread):
        console.print(f"Download client: {escape(world.downloads.why)}")
    else:
        console.print(f"Download client: {len(world.downloads.value)} torrents of ours")


def show_conditions(console: Console, conditions: Sequence[Condition]) -> None:
    """One line per want: whether it is ready, and why not."""
    ready = [one for one in conditions if one.type == "Ready"]
    stalled = {one.subject for one in conditions if one.type == "Stalled" and one.status == "True"}
    for one in ready:
        sign = MARKS["owned" if one.status == "True" else "you" if one.subject in stalled else "held"]
        console.print(f"{sign} {escape(one.subject)}  [bold]{one.reason}[/] {escape(one.message)}")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


FEW_LEFT_OUT = 6


def _left_out(unwanted: Sequence[Unwanted]) -> Iterator[str]:
    """What documents do not want: each book, or where a catalogue brought many, how many by which rule."""
    by_document: dict[str, list[Unwanted]] = defaultdict(list)
    for one in unwanted:
        by_document[one.document].append(one)
    for document, rows in by_document.items():
        if len(rows) <= FEW_LEFT_OUT:
            yield from (f"{one.title}: not wanted, {one.message} ({document})" for one in rows)
            continue
        rules = Counter(one.message.split(":")[0] for one in rows)
        counted = ", ".join(
            f"{count} {rule}" for rule, count in sorted(rules.items(), key=lambda row: (-row[1], row[0]))
        )
        yield f"{document} leaves out {len(rows)}: {counted}; `bibliostat catalog` shows each with its reason"


def unclear_rows(plan: Plan) -> list[dict[str, str]]:
    """Wants that the library may have already: what a person should settle, with the words to do it."""
    return [
        {"want": one.want, "because": one.because.message}
        for one in plan.decisions
        if isinstance(one, Hold) and one.because.code == "MayBeOwned"
    ]
