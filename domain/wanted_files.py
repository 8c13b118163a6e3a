"""Which files of a torrent are wanted where it holds one recording in several formats.

The Internet Archive puts everything that an item holds into one torrent: MP3 at 128 and at 64 kbit/s, Ogg, M4B,
pictures of sound waves, archives of it all. One set of recordings is taken from it, with a cover and small texts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from domain.releases import TorrentFile
from domain.titles import AUDIO_FORMATS

CHOOSE_TAG = "want-choose"
"""Carried by a torrent that was added stopped until its unwanted files are put out of action."""
USUAL_FORMATS = ("m4b", "mp3")
"""Best first, where no profile says otherwise."""

_MARK = re.compile(r"(?<![^\W_])(?:\d{2,3}\s?k(?:b(?:it)?(?:s|ps)?)?|[cv]br)(?![^\W_])", re.IGNORECASE)
"""How the sets of one torrent tell each other apart: `_64kb`, `128 kbps`, `_vbr`."""
_PART = re.compile(r"(?:part|pt|cd|dis[ck])[0-9]")
_PICTURES = frozenset({"jpg", "jpeg", "png", "webp"})
_NO_COVER = re.compile(r"thumb|spectrogram|waveform|itemimage", re.IGNORECASE)
_COVER = re.compile(r"cover|front|folder", re.IGNORECASE)
_NOTES = frozenset({"txt", "nfo", "opf", "cue"})
_LARGEST_NOTE_BYTES = 1_000_000


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    """The recordings of one format and one quality."""

    extension: str
    quality: tuple[str, ...]
    files: tuple[TorrentFile, ...]
    tracks: frozenset[str]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def chosen(files: Sequence[TorrentFile], formats: Sequence[str] = USUAL_FORMATS) -> tuple[str, ...]:
    """The paths that are wanted, in the order given: one whole set of recordings, one cover, small texts.

    The set is of the first of `formats` that is there whole, else of any format; of two qualities the larger one.
    Whole is a set with every track of the one with the most tracks, or an M4B of about its length. A torrent without
    audio is wanted as it is: what to say about it is for the gates. Total, and the same for its own answer.
    """
    sets = _sets(files)
    if not sets:
        return tuple(file.path for file in files)
    most = max(sets, key=lambda one: (len(one.tracks), one.size_bytes, one.extension, one.quality))
    complete = [one for one in sets if one.tracks >= most.tracks]
    whole = [*complete, *(one for one in sets if one not in complete and _is_whole_book(one, complete))]
    order = [name.casefold() for name in formats]
    taken = min(whole, key=lambda one: (_rank(one.extension, order), -one.size_bytes, one.extension, one.quality))
    wanted = {file.path for file in (*taken.files, *_cover(files, sets), *_notes(files))}
    return tuple(file.path for file in files if file.path in wanted)


def left_out(files: Sequence[TorrentFile], formats: Sequence[str] = USUAL_FORMATS) -> tuple[str, ...]:
    """The paths that `chosen` does not want, in the order given."""
    wanted = frozenset(chosen(files, formats))
    return tuple(file.path for file in files if file.path not in wanted)


def _sets(files: Sequence[TorrentFile]) -> list[_Set]:
    grouped: dict[tuple[str, tuple[str, ...]], list[TorrentFile]] = defaultdict(list)
    for file in files:
        if file.extension in AUDIO_FORMATS:
            grouped[file.extension, _quality(file)].append(file)
    return [
        _Set(extension=extension, quality=quality, files=tuple(found), tracks=frozenset(map(_track, found)))
        for (extension, quality), found in grouped.items()
    ]


def _rank(extension: str, order: Sequence[str]) -> int:
    return order.index(extension) if extension in order else len(order)


def _inside(file: TorrentFile) -> list[str]:
    """The path below the torrent's own folder, which is named like the item, without the extension."""
    *folders, name = re.split(r"[\\/]", file.path)
    return [*folders[1:], name.rpartition(".")[0] or name]


def _quality(file: TorrentFile) -> tuple[str, ...]:
    return tuple(re.sub(r"\s", "", mark).casefold() for part in _inside(file) for mark in _MARK.findall(part))


def _track(file: TorrentFile) -> str:
    """What the same recording has in common in every format: its name without quality, format and punctuation."""
    *folders, stem = (re.sub(r"[\W_]", "", _MARK.sub("", part)).casefold() for part in _inside(file))
    return "/".join([*(folder for folder in folders if folder and folder not in AUDIO_FORMATS), stem])


def _is_whole_book(one: _Set, complete: Sequence[_Set]) -> bool:
    """Whether chaptered files hold what the tracks hold: no part is missing by number, and they are not far smaller.

    The smallest bit rate of an M4B is half of that of the smallest MP3; less than that is a part of the book.
    """
    if one.extension != "m4b":
        return False
    smallest = min(other.size_bytes for other in complete)
    return _parts_complete(sorted(one.tracks)) and one.size_bytes * 5 >= smallest * 2


def _parts_complete(names: Sequence[str]) -> bool:
    if len(names) == 1:
        return _PART.search(names[0]) is None
    numbers = {(re.findall(r"[0-9]+", name) or [""])[-1].lstrip("0") for name in names}
    return numbers == {str(number) for number in range(1, len(names) + 1)}


def _cover(files: Sequence[TorrentFile], sets: Sequence[_Set]) -> Sequence[TorrentFile]:
    """The picture that is called a cover, else the largest; none that was drawn from a track's sound."""
    tracks = frozenset[str]().union(*(one.tracks for one in sets))
    pictures = [
        file
        for file in files
        if file.extension in _PICTURES
        and not _NO_COVER.search(_inside(file)[-1])
        and not (file.extension == "png" and _track(file) in tracks)
    ]
    return sorted(pictures, key=lambda file: (not _COVER.search(_inside(file)[-1]), -file.size_bytes, file.path))[:1]


def _notes(files: Sequence[TorrentFile]) -> list[TorrentFile]:
    """Not the Archive's own XML: it changes after the torrent was made, and then never arrives."""
    return [file for file in files if file.extension in _NOTES and file.size_bytes <= _LARGEST_NOTE_BYTES]
