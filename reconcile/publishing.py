"""A finished download becomes a book of the library: proved, staged, put in place by one rename, seen, matched.

Every step can be repeated: after a crash the same claim goes on, finds what stands where, and never does half a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from domain.actions import Confirm, Enrich, Publish, Scan
from domain.case import LIVE, TAG_PREFIX
from domain.errors import Failure, Transient
from domain.gates import Answer, Verdict, judge_files
from domain.metadata import ItemMetadata
from domain.names import Likeness, same_people, slug
from domain.naming import file_names, shelf_path
from domain.packs import as_one_book, judge_parts, portions
from domain.proof import AudioFile, is_audio, prove
from domain.releases import Release, TorrentFile
from domain.upgrades import REPLACED, formats_in, judge_upgrade, not_one_book
from domain.wants import Want
from domain.world import Claim, Correction, Item, Known, Outcome, Torrent
from reconcile.acting import Round
from reconcile.ports import DownloadClient, Library, Shelf


async def publish(round_: Round, act: Publish, client: DownloadClient, shelf: Shelf) -> bool:
    """Prove and place one finished download. A failure never touches the torrent."""
    torrent, want = _torrent(round_, act.torrent), round_.wants[act.want]
    claim = await _claim(round_, act, torrent)
    if claim is None:
        return False
    try:
        outcome, detail = await _publish(round_, claim, want, torrent, client, shelf)
    except Failure as failure:
        if failure.code == "LeaseMoved":
            raise
        # Nothing is half done: what was staged is hidden, and the claim stays open for the next try.
        await round_.failed(f"publish/{act.want}", act.want, failure, system="shelf")
        return False
    await round_.settle(claim.id, outcome, detail)
    await round_.rested(f"publish/{act.want}")
    round_.worked("shelf")
    placed = "Replaced" if detail.startswith(REPLACED) else "Published"
    reason = placed if outcome is Outcome.PLACED else "ProofFailed"
    await round_.acting.event(act.want, reason, detail)
    return True


async def _claim(round_: Round, act: Publish, torrent: Torrent) -> Claim | None:
    """The open claim of an interrupted publication, or a new one: publishing may be repeated, so it is resumed."""
    mine = [
        one for one in round_.world.claims if (one.action, one.want, one.release) == ("publish", act.want, torrent.id)
    ]
    if mine and mine[-1].outcome is None:
        return mine[-1]
    return await round_.outside.store.claim(
        "publish",
        want=act.want,
        release=torrent.id,
        attempt=len(mine) + 1,
        epoch=round_.acting.epoch,
        now=round_.outside.clock.now(),
        infohash=torrent.infohash_v1,
        infohash_v2=torrent.infohash_v2,
    )


async def _publish(
    round_: Round, claim: Claim, want: Want, torrent: Torrent, client: DownloadClient, shelf: Shelf
) -> tuple[Outcome, str]:
    """The outcome, and what to say about it: the path of what was placed, or both sides of a refused proof."""
    files = _portion(round_, want, torrent, await _finished_files(torrent, client))
    if not files:
        return Outcome.REFUSED, f"PackUnproven: nothing in {torrent.name} is surely this book, whole"
    local = {file.path: shelf.local(str(PurePosixPath(torrent.save_path) / file.path)) for file in files}
    audio = await shelf.audio([local[file.path] for file in files])
    if not _accepted_by_person(round_, want, torrent):
        verdicts = _proof(want, files, audio)
        await round_.write_verdicts(want.key, _as_release(torrent, claim, round_), verdicts)
        objections = [one for one in verdicts if one.answer in (Answer.NO, Answer.POSSIBLE)]
        if objections:
            return Outcome.REFUSED, _both_sides(objections)
    in_place = await shelf.in_place(local[files[0].path])
    replaced = _replaces(round_, want, torrent)
    if in_place is not None and replaced:
        return Outcome.REFUSED, "InPlaceMode: downloads stand in the library themselves, so no copy can be replaced"
    if in_place is not None:
        await round_.outside.store.note(claim.id, epoch=round_.acting.epoch, path=in_place)
        return Outcome.PLACED, in_place
    # What an interrupted run named stays the place, even when the declaration was corrected since.
    target = replaced or claim.path or shelf_path(want, narrators=_narrators(want, audio))
    await round_.outside.store.note(claim.id, epoch=round_.acting.epoch, path=target)
    names = _names(files)
    there = await shelf.placed(target)
    # Covers and texts of the older copy come along, and may stand in the place of those that were downloaded.
    expected = [file for file in files if file.path in names and (is_audio(file) or not replaced)]
    if not _stands_already(there, {names[file.path]: file.size_bytes for file in expected}):
        if replaced and there and (why := _not_replaceable(want, target, files, there)):
            return Outcome.REFUSED, why
        kept = f"{claim.claimed_at:%Y-%m-%d}-{claim.id}-{slug(want.title)}" if replaced and there else None
        sources = [(local[path], name) for path, name in names.items()]
        await _place(round_, claim, f"{torrent.id}-{claim.id}", sources, target, shelf, kept=kept)
    return Outcome.PLACED, f"{REPLACED}{' '.join(formats_in(files))}" if replaced else target


async def _place(
    round_: Round,
    claim: Claim,
    name: str,
    sources: Sequence[tuple[str, str]],
    target: str,
    shelf: Shelf,
    *,
    kept: str | None,
) -> None:
    """Stage, and put into place by one rename. With `kept` the book that stands there is replaced, and kept as that.

    Each process stages for itself: its epoch is in the folder's name, and what earlier ones left is cleared away.
    """
    epoch = round_.acting.epoch
    for other in await shelf.leftovers():
        if _is_older(other, epoch):
            await shelf.discard(other)
    staging = f"{name}-{epoch}"
    try:
        await shelf.stage(staging, sources)
        # The fence: who slept through its lease may have staged beside another process, and must not place that.
        await round_.outside.store.note(claim.id, epoch=epoch, path=target)
        if kept is None:
            await shelf.place(staging, target)
        else:
            await shelf.replace(staging, target, kept=kept)
    finally:
        await shelf.discard(staging)


def _is_older(staging: str, epoch: int) -> bool:
    """Whether a process made it whose lease has moved on since: the fence keeps that one from placing it."""
    _, dash, at = staging.rpartition("-")
    return not dash or (at.isdecimal() and int(at) < epoch)


def _names(files: Sequence[TorrentFile]) -> Mapping[str, str]:
    """Path in the torrent -> path inside the book's folder, with parts in the order in which they count."""
    shown = as_one_book(files)
    names = file_names(shown)
    return {file.path: names[one.path] for file, one in zip(files, shown, strict=True) if one.path in names}


def _portion(round_: Round, want: Want, torrent: Torrent, files: tuple[TorrentFile, ...]) -> tuple[TorrentFile, ...]:
    """The files that are this want's book: all of them, or of a pack what its names prove; empty when that is nothing.

    The same rule said so before the torrent was added, over the same files.
    """
    others = _served(round_, torrent) - {want.key}
    pack = any(one.rule == "Pack" for one in judge_files(want, as_one_book(files)))
    if not others and not (pack and want.profile.packs):
        return files
    wants = [round_.wants[key] for key in sorted({want.key, *others}) if key in round_.wants]
    mine = frozenset(portions(files, wants).get(want.key, ()))
    return tuple(file for file in files if file.path in mine) if mine or others else files


def _served(round_: Round, torrent: Torrent) -> set[str]:
    """The wants that this torrent was taken for, as the ledger or its tags say, whatever has become of their parts."""
    tags = {tag.removeprefix(TAG_PREFIX) for tag in torrent.tags if tag.startswith(TAG_PREFIX)}
    never = (Outcome.UNSENT, Outcome.REFUSED)
    grabs = (one for one in round_.world.claims if one.action == "grab" and one.outcome not in never)
    return tags | {one.want for one in grabs if one.ids & torrent.ids}


def _replaces(round_: Round, want: Want, torrent: Torrent) -> str | None:
    """The folder that this download was grabbed to take the place of."""
    grabs = (one for one in round_.world.claims if (one.action, one.want) == ("grab", want.key) and one.outcome in LIVE)
    return next((one.path for one in grabs if one.ids & torrent.ids), None)


def _not_replaceable(want: Want, target: str, files: Sequence[TorrentFile], there: Sequence[TorrentFile]) -> str | None:
    if why := not_one_book(want, target, there):
        return f"NotReplaceable: {why}"
    objections = [one for one in judge_upgrade(want, files, there) if one.answer is Answer.NO]
    return _both_sides(objections) if objections else None


def _proof(want: Want, files: Sequence[TorrentFile], audio: Sequence[AudioFile]) -> tuple[Verdict, ...]:
    """Shape and content. Where the runtime is that of the book, a hole in the numbers of files is no missing part."""
    proof = prove(want, audio, expected=files)
    fits = any(one.rule == "RuntimeDiffers" and one.answer is Answer.CONFIRMED for one in proof)
    parts = [one for one in judge_parts(want, files) if not (fits and one.answer is Answer.POSSIBLE)]
    return (*judge_files(want, as_one_book(files)), *parts, *proof)


async def _finished_files(torrent: Torrent, client: DownloadClient) -> tuple[TorrentFile, ...]:
    listed = await client.files(torrent.id)
    if not listed or any(progress < 1 for _, progress in listed):
        raise Transient(f"{torrent.name}: the client does not list every file as complete yet", code="NotComplete")
    return tuple(file for file, _ in listed)


def _stands_already(there: Sequence[TorrentFile] | None, kept: Mapping[str, int]) -> bool:
    """Whether an interrupted run already put these files in place; the server may have added a cover or metadata."""
    return bool(kept) and set(kept.items()) <= {(file.path, file.size_bytes) for file in there or ()}


def _accepted_by_person(round_: Round, want: Want, torrent: Torrent) -> bool:
    refused = [
        one
        for one in round_.world.claims
        if (one.action, one.want, one.release) == ("publish", want.key, torrent.id)
        and one.outcome is Outcome.REFUSED
        and one.settled_at
    ]
    forced = [one.at for one in round_.world.overrides if one.target == want.key and one.verb == "force"]
    return bool(refused) and any(at > refused[-1].settled_at for at in forced if refused[-1].settled_at)


def _both_sides(objections: list[Verdict]) -> str:
    return "; ".join(
        f"{one.rule}: found {one.seen}" + (f", expected {one.limit}" if one.limit else "") for one in objections
    )


def _narrators(want: Want, audio: tuple[AudioFile, ...]) -> tuple[str, ...]:
    """The narrator that was asked for, else the one that the tags agree on; some name the author there instead."""
    if want.narrators:
        return want.narrators
    named = {one.tags["composer"].strip() for one in audio if one.tags.get("composer", "").strip()}
    if len(named) != 1 or same_people(want.authors, tuple(named)) is not Likeness.DIFFERENT:
        return ()
    return tuple(named)


def _as_release(torrent: Torrent, claim: Claim, round_: Round) -> Release:
    """The release that the torrent came from, so that its history stands in one place."""
    for searched in round_.world.searches.values():
        for offer in searched.offers:
            grabs = (one for one in round_.world.claims if one.action == "grab" and one.release == offer.id)
            if any(one.ids & torrent.ids for one in grabs):
                return offer
    return Release(id=torrent.id, indexer="client", title=torrent.name)


def _torrent(round_: Round, torrent_id: str) -> Torrent:
    downloads = round_.world.downloads
    assert isinstance(downloads, Known)  # a plan over unread downloads publishes nothing
    return next(torrent for torrent in downloads.value if torrent.id == torrent_id)


async def scan(round_: Round, act: Scan, library: Library) -> bool:
    """Have the library look once for everything that was published."""
    try:
        await library.scan()
    except Failure as failure:
        await round_.failed("scan", "library", failure, system="library")
        return False
    round_.worked("library")
    await round_.rested("scan")
    for want in act.wants:
        # A scan that does not bring the book up is not repeated at once, nor for ever at the same pace.
        await round_.rest(f"scan/{want}", why="scanned, and the library does not list it yet")
    await round_.acting.event("library", "Scanned", act.because.message)
    return True


async def enrich(round_: Round, act: Enrich, library: Library) -> bool:
    """Write what the item lacks, read it back, and keep the old values in the audit trail."""
    before = _item(round_, act.item)
    try:
        after = await library.write(act.item, act.metadata)
    except Failure as failure:
        await round_.failed(f"enrich/{act.want}", act.want, failure, system="library")
        return False
    round_.worked("library")
    await round_.rested(f"enrich/{act.want}")
    now = round_.outside.clock.now()
    rows = [
        Correction(
            item=act.item,
            want=act.want,
            field=name,
            old=old,
            new=new,
            source="declaration",
            reason=act.because.code,
            at=now,
        )
        for name, old, new in _changes(act.metadata, before, after)
    ]
    await round_.outside.store.record_corrections(rows)
    await round_.acting.event(act.want, "Enriched", ", ".join(f"{row.field}: {row.old} -> {row.new}" for row in rows))
    return True


def _changes(metadata: ItemMetadata, before: Item, after: Item) -> list[tuple[str, str, str]]:
    changed = []
    for name in metadata.__struct_fields__:
        if getattr(metadata, name) is None:
            continue
        old, new = _text(getattr(before, name)), _text(getattr(after, name))
        if old != new:
            changed.append((name, old, new))
    return changed


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_text(one) for one in value)
    named = getattr(value, "name", None)
    if named is not None:
        position = getattr(value, "position", None)
        return f"{named} #{position}" if position else str(named)
    return "" if value is None else str(value)


def _item(round_: Round, item_id: str) -> Item:
    library = round_.world.library
    assert isinstance(library, Known)  # a plan over an unread library enriches nothing
    return next(item for item in library.value.items if item.id == item_id)


async def confirm(round_: Round, act: Confirm) -> bool:
    """The item is there and is the book: the want is done."""
    claim = next(one for one in round_.world.claims if one.id == act.claim)
    await round_.settle(claim.id, Outcome.CONFIRMED, act.because.message)
    await round_.rested(f"scan/{act.want}")
    await round_.acting.event(act.want, "InLibrary", act.because.message)
    return True
