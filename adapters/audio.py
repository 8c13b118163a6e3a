"""Reads what an audio file says about itself, with mutagen: pure Python, and at home in every format we accept."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import mutagen
from mutagen.asf import ASFTags
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

from domain.proof import AudioFile

LONGEST_TAG = 500
"""Characters kept of one value."""

_EDGE_BYTES = 64 * 1024
_WHOLE = (0.98, 1.05)
"""An MP3 must hold this share of the bytes that its own header counts: less is cut short, more was joined naively."""
_MOST_BOXES = 1_000_000
_ENCRYPTED = {"aavd", "drms", "enca"}
_MAY_END_IN_ZEROS = (b"RIFF", b"FORM", b"ftyp")
"""Digital silence, and room left free for tags."""

_ID3 = {
    "TALB": "album",
    "TIT2": "title",
    "TIT3": "subtitle",
    "TPE1": "artist",
    "TPE2": "albumartist",
    "TCOM": "composer",
    "TDRC": "date",
    "TRCK": "track",
    "TPOS": "disc",
    "TLAN": "language",
    "MVNM": "series",
    "MVIN": "series-part",
}
_MP4 = {
    "\xa9alb": "album",
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "aART": "albumartist",
    "\xa9wrt": "composer",
    "\xa9nrt": "narrator",
    "\xa9day": "date",
    "trkn": "track",
    "disk": "disc",
    "\xa9mvn": "series",
    "\xa9mvi": "series-part",
}
_NAMES = {name: name for name in (*_ID3.values(), "narrator", "asin", "abridged")} | {
    "author": "artist",
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "wm/albumartist": "albumartist",
    "wm/albumtitle": "album",
    "wm/composer": "composer",
    "wm/subtitle": "subtitle",
    "wm/language": "language",
    "wm/tracknumber": "track",
    "wm/partofset": "disc",
    "wm/year": "date",
    "year": "date",
    "tracknumber": "track",
    "discnumber": "disc",
    "lang": "language",
    "audible_asin": "asin",
    "mvnm": "series",
    "movementname": "series",
    "series_part": "series-part",
    "series-sequence": "series-part",
    "narratedby": "narrator",
}
"""What free-form fields are called in the wild -> our name."""


def read_audio(path: str) -> AudioFile:
    """Duration, bitrate, codec and tags of one local file. Never raises: what is wrong stands in `error`."""
    size_bytes = 0
    try:
        size_bytes = os.path.getsize(path)
        with open(path, "rb") as file:
            error = _disguise(file, size_bytes) or (_cut_short(file, size_bytes) if _is_mp4(file) else None)
            return AudioFile(path=path, size_bytes=size_bytes, error=error) if error else _read(file, path, size_bytes)
    except OSError as exc:
        return AudioFile(path=path, size_bytes=size_bytes, error=f"cannot be read: {exc.strerror or exc}")
    except Exception as exc:  # hostile files make a parser fail in any way; each is only an unreadable file
        why = str(exc)[:LONGEST_TAG]
        return AudioFile(path=path, size_bytes=size_bytes, error=f"no readable audio: {type(exc).__name__}: {why}")


def _read(file: BinaryIO, path: str, size_bytes: int) -> AudioFile:
    file.seek(0)
    audio = mutagen.File(file)
    if audio is None or audio.info is None:
        return AudioFile(path=path, size_bytes=size_bytes, error="is no audio of a known kind")
    duration_s = float(getattr(audio.info, "length", 0) or 0)
    bits = int(getattr(audio.info, "bitrate", 0) or 0)
    codec = _codec(audio)
    return AudioFile(
        path=path,
        size_bytes=size_bytes,
        duration_s=round(duration_s, 3) or None,
        bitrate_kbps=round((bits or (size_bytes * 8 / duration_s if duration_s else 0)) / 1000) or None,
        codec=codec,
        tags=_tags(audio.tags),
        chapters_s=_chapters(audio),
        error=_complaint(codec, duration_s, bits, size_bytes - _tag_bytes(audio.tags)),
    )


def _chapters(audio: Any) -> tuple[float, ...]:
    """Where they begin: the list in an MP4, or the frames of an MP3. In order, whatever the file says."""
    if isinstance(audio.tags, ID3):
        starts = _from_chap(audio.tags)
    else:
        starts = [float(chapter.start) for chapter in getattr(audio, "chapters", None) or ()]
    return tuple(sorted(start_s for start_s in starts if 0 <= start_s < math.inf))


def _from_chap(tags: Any) -> list[float]:
    return [frame.start_time / 1000 for frame in tags.values() if frame.FrameID == "CHAP"]


def _complaint(codec: str, duration_s: float, bits: int, size_bytes: int) -> str | None:
    if codec in _ENCRYPTED:
        return f"is encrypted ({codec})"
    if not 0 < duration_s < math.inf:
        return "holds no sound"
    counted = duration_s * bits / 8
    if codec == "mp3" and size_bytes < _WHOLE[0] * counted:
        return f"is cut short: {size_bytes} bytes of sound where its header counts {counted:.0f}"
    if codec == "mp3" and size_bytes > _WHOLE[1] * counted + _EDGE_BYTES:
        return f"is not what its header says: {size_bytes} bytes of sound where it counts {counted:.0f}"
    return None


def _tag_bytes(tags: Any) -> int:
    return int(tags.size) if isinstance(tags, ID3) else 0


def _codec(audio: Any) -> str:
    """`mp3`, `aac`, `alac`, `opus`, `vorbis`, `flac`, …"""
    codec = str(getattr(audio.info, "codec", "") or "").lower()
    if codec.startswith("mp4a.40"):
        return "aac"
    if codec:
        return codec
    return type(audio).__name__.lower().removeprefix("ogg").replace("wave", "wav").replace("asf", "wma")


# Files that are not what their name says.


def _disguise(file: BinaryIO, size_bytes: int) -> str | None:
    if size_bytes == 0:
        return "is empty"
    start = file.read(_EDGE_BYTES)
    file.seek(max(0, size_bytes - _EDGE_BYTES))
    may_end_in_zeros = start.startswith(_MAY_END_IN_ZEROS) or start[4:].startswith(_MAY_END_IN_ZEROS)
    if not any(start) or not (may_end_in_zeros or any(file.read(_EDGE_BYTES))):
        return "begins or ends with zeros: it was not downloaded whole"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "is a web page, not audio"
    return None


def _is_mp4(file: BinaryIO) -> bool:
    file.seek(4)
    return file.read(4) == b"ftyp"


def _cut_short(file: BinaryIO, size_bytes: int) -> str | None:
    """An MP4 is a row of boxes that say their size: the last one must end with the file, and one must be the index."""
    kinds: set[bytes] = set()
    at = boxes = 0
    while at + 8 <= size_bytes:
        boxes += 1
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        elif length == 0:
            length = size_bytes - at
        if length < 8 or boxes > _MOST_BOXES:
            return "is damaged: its boxes make no sense"
        kinds.add(kind)
        at += length
    if at > size_bytes:
        return f"is cut short: {size_bytes} bytes of at least {at}"
    return None if b"moov" in kinds else "is cut short: its index is missing"


# Tags.


def _tags(tags: Any) -> Mapping[str, str]:
    """Under our names, each once: the first that says something."""
    found: dict[str, str] = {}
    for name, value in _named(tags):
        text = " ".join(value.replace("\0", "; ").split())[:LONGEST_TAG]
        if text:
            found.setdefault(name, text)
    return found


def _named(tags: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tags, ID3):
        yield from _from_id3(tags)
    elif isinstance(tags, MP4Tags):
        yield from _from_mp4(tags)
    elif isinstance(tags, ASFTags):
        yield from _free_form((name, str(value)) for name, value in tags)
    elif tags is not None:
        yield from _free_form((name, _joined(tags[name])) for name in tags.keys())  # noqa: SIM118 (APE tags iterate otherwise)


def _from_id3(tags: Any) -> Iterator[tuple[str, str]]:
    for frame in tags.values():
        if frame.FrameID == "TXXX":
            yield from _free_form([(frame.desc, _joined(frame.text))])
        elif frame.FrameID in _ID3:
            yield _ID3[frame.FrameID], _joined(frame.text)


def _from_mp4(tags: Any) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        if name in _MP4:
            yield _MP4[name], _joined(value)
        elif name.startswith("----:"):
            yield from _free_form([(name.rpartition(":")[2], _joined(value))])


def _free_form(fields: Any) -> Iterator[tuple[str, str]]:
    for name, value in fields:
        if known := _NAMES.get(str(name).lower()):
            yield known, value


def _joined(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return "; ".join(map(_text, values))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, tuple):
        return "/".join(str(one) for one in value if one)
    return str(value)
