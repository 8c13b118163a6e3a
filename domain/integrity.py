"""Is a library item whole, and what it says it is? Its files and their sound, against the library server, the known
recordings of the book, and the torrent it came from."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.gates import Answer, Verdict
from domain.languages import read_language
from domain.manifest import ProfileSpec
from domain.naming import file_names
from domain.positions import read_position
from domain.proof import AudioFile, clock, is_audio, prove, tolerance_s
from domain.releases import TorrentFile
from domain.wants import Want
from domain.world import Item

MOST_SHOWN = 3
NOT_OF_A_LIBRARY_ITEM = frozenset({"Incomplete", "TooShort", "ImplausibleBitrate"})
"""Rules of a proof that ask about a download, or that only stand in for a length that is not known."""


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one item. Paths are relative to its folder, except those of the torrent."""

    item: Item
    files: tuple[TorrentFile, ...] | None
    """What stands at its place; None when nothing does."""
    audio: tuple[AudioFile, ...] = ()
    want: Want | None = None
    """The wanted book that it is, with the lengths of its known recordings."""
    torrent: tuple[TorrentFile, ...] | None = None
    """What the torrent it came from holds; None when no torrent is known, or it could not be asked."""


def inspect(seen: Inspected) -> tuple[Verdict, ...]:
    """One verdict per rule, with both sides: one `NO` and the item is unsound, `POSSIBLE` is a doubt."""
    if seen.files is None:
        return (_verdict("FilesMissing", Answer.NO, "nothing stands at its place", seen.item.rel_path),)
    audio = [file for file in seen.files if is_audio(file)]
    if not audio:
        return (_verdict("FilesMissing", Answer.NO, f"{len(seen.files)} files, no audio", _tracks(seen.item)),)
    book = seen.want or book_of(seen.item)
    proof = prove(book, seen.audio, expected=audio)
    return (
        _counted(seen.item, audio),
        *(_asked_here(one) for one in proof if one.rule not in NOT_OF_A_LIBRARY_ITEM),
        _duration(seen.item, seen.audio),
        *_against_torrent(seen.files, seen.torrent),
    )


def book_of(item: Item) -> Want:
    """The book that the library server takes this item for. What it does not say contradicts nothing."""
    series = next(iter(item.series), None)
    language = read_language(item.language)
    return Want(
        key=item.id,
        title=item.title,
        authors=item.authors,
        series=series.name if series else None,
        position=read_position(series.position) if series else None,
        language=language,
        abridged=False if item.abridged is False else None,
        profile=ProfileSpec(languages=(), abridged=True),
    )


def _verdict(rule: str, answer: Answer | bool, seen: str, limit: str = "") -> Verdict:
    if isinstance(answer, bool):
        answer = Answer.CONFIRMED if answer else Answer.NO
    return Verdict(gate="integrity", rule=rule, answer=answer, seen=seen, limit=limit)


def _asked_here(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, gate="integrity")


def _tracks(item: Item) -> str:
    return "at least one audio file" if item.tracks is None else f"the library lists {item.tracks} tracks"


def _counted(item: Item, audio: Sequence[TorrentFile]) -> Verdict:
    """Empty files are told here too: they hold no header that could be read."""
    empty = [file.path for file in audio if file.size_bytes == 0]
    if empty:
        return _verdict("FilesMissing", Answer.NO, f"empty: {_some(empty)}", "files that hold something")
    fits = item.tracks is None or item.tracks == len(audio)
    return _verdict("TracksDiffer", fits, f"{len(audio)} audio files", _tracks(item))


def _duration(item: Item, audio: Sequence[AudioFile]) -> Verdict:
    total_s = sum(file.duration_s or 0.0 for file in audio)
    if item.duration_s is None:
        return _verdict("DurationDiffers", Answer.NOT_ASKED, clock(total_s), "the library does not say how long it is")
    allowed_s = tolerance_s(item.duration_s)
    limit = f"the library says {clock(item.duration_s)} ± {clock(allowed_s)}"
    return _verdict("DurationDiffers", abs(total_s - item.duration_s) <= allowed_s, clock(total_s), limit)


def _against_torrent(files: Sequence[TorrentFile], torrent: Sequence[TorrentFile] | None) -> tuple[Verdict, ...]:
    """Every audio file of the torrent stands here with its size, under the name that publishing gave it or its own."""
    if torrent is None:
        return (_verdict("TorrentDiffers", Answer.NOT_ASKED, "no torrent is known", "its torrent's files"),)
    names = file_names(torrent)
    left = {file.path: file.size_bytes for file in files}
    missing: list[str] = []
    resized: list[str] = []
    audio = [file for file in torrent if file.path in names and is_audio(file)]
    for file in audio:
        here = next((path for path in left if path == names[file.path] or _ends_with(file.path, path)), None)
        if here is None:
            missing.append(file.path)
        elif (size_bytes := left.pop(here)) != file.size_bytes:
            resized.append(f"{file.path}: {size_bytes} bytes here, {file.size_bytes} there")
    told = [f"{what}: {_some(paths)}" for what, paths in (("not here", missing), ("of another size", resized)) if paths]
    fits = not missing and not resized
    limit = f"{len(audio)} audio files of its torrent"
    return (_verdict("TorrentDiffers", fits, "; ".join(told) or "every file, with its size", limit),)


def _ends_with(path: str, end: str) -> bool:
    """Whole components: in place a torrent's own folder, or what is above it, is the item's."""
    return f"/{path}".endswith(f"/{end}")


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
    return ", ".join(texts[:MOST_SHOWN]) + more
