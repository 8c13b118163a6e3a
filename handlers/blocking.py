"""`block`, `unblock`, `blocklist`: releases that are never grabbed, why, and taking it back."""

from __future__ import annotations

import click
import msgspec

from domain.errors import Permanent
from domain.world import Blocked
from handlers.meant import Known, ambiguous, is_id, is_infohash, matching_releases, nearest, releases_seen
from handlers.terminal import as_json, print_json, run_with
from reconcile.ports import Outside


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    row: Blocked
    already: bool


@click.command()
@click.argument("release")
@click.option("--why", default="blocked by hand", help="The reason, for the record.")
@as_json
def block(release: str, why: str, json_: bool) -> int:
    """Never grab this RELEASE: the id that `why` prints, an infohash, or a piece of its title.

    It is known from then on by its id and by its infohash, as far as both were seen. What is being downloaded of it
    stays in the client; the next best release has its turn.

    Example: bibliostat block 0123456789abcdef --why "wrong narrator"
    """
    answer = run_with(lambda outside: _block(outside, release, why))
    if json_:
        print_json(answer)
        return 0
    said = "was blocked before as" if answer.already else "blocked as"
    click.echo(f"{said} {answer.row.id}: {_name(answer.row)}; `bibliostat unblock {answer.row.id}` takes it back")
    return 0


async def _block(outside: Outside, text: str, why: str) -> _Answer:
    store = outside.store
    meant = _meant(releases_seen(await store.searches(), await store.claims()), text)
    rows = await store.blocklist()
    covered = {one for row in rows for one in (row.release, row.infohash) if one}
    if meant.ids <= covered:
        return _Answer(row=next(row for row in rows if _ids(row) & meant.ids), already=True)
    row = await store.block(
        release=meant.id, infohash=meant.infohash, title=meant.title, why=why, at=outside.clock.now()
    )
    return _Answer(row=row, already=False)


def _meant(seen: tuple[Known, ...], text: str) -> Known:
    """The release that was seen; one that was not can only be named by its id or infohash."""
    found = matching_releases(seen, text)
    if len({one.ids for one in found}) == 1:
        return found[0]
    if found and is_id(text):
        # One torrent that several indexers offer: its infohash stands for all of them.
        return msgspec.structs.replace(found[0], id=None, infohash=text.lower())
    if found:
        raise click.UsageError(ambiguous(text, found))
    if is_id(text):
        by_hash = is_infohash(text)
        return Known(id=None if by_hash else text.lower(), infohash=text.lower() if by_hash else None)
    hint = nearest(text, [one.title for one in seen])
    raise click.UsageError(
        f"no release that was seen has {text!r} in its title{hint}; RELEASE is the 16-digit id that `why` prints, an "
        "infohash, or a piece of a title"
    )


def _ids(row: Blocked) -> frozenset[str]:
    return frozenset(one for one in (row.release, row.infohash) if one)


def _name(row: Blocked) -> str:
    ids = " / ".join(one for one in (row.release, row.infohash) if one)
    return f"{row.title} ({ids})" if row.title else ids


@click.command()
@click.argument("number", type=int)
@as_json
def unblock(number: int, json_: bool) -> int:
    """Undo a block, by the NUMBER that `blocklist` prints: the release is a candidate again at the next tick."""

    async def work(outside: Outside) -> tuple[Blocked | None, list[Blocked]]:
        rows = {row.id: row for row in await outside.store.blocklist()}
        row = rows.pop(number, None)
        if row is None or not await outside.store.unblock(number):
            return None, []
        return row, [other for other in rows.values() if _ids(other) & _ids(row)]

    row, others = run_with(work)
    if row is None:
        raise Permanent(f"there is no blocklist row {number}; `bibliostat blocklist` shows them", code="NoSuchBlock")
    if json_:
        print_json({"unblocked": row, "still_blocked_by": others})
        return 0
    click.echo(f"unblocked {number}: {_name(row)}; it is a candidate again at the next tick")
    for other in others:
        click.echo(f"  it is still blocked by {other.id} ({other.why})")
    return 0


@click.command()
@as_json
def blocklist(json_: bool) -> int:
    """Releases that are never grabbed."""
    rows = run_with(lambda outside: outside.store.blocklist())
    if json_:
        print_json(rows)
        return 0
    for row in rows:
        click.echo(f"{row.id}: {_name(row)}, since {row.at:%Y-%m-%d}: {row.why}")
    if not rows:
        click.echo("nothing is blocked")
    return 0
