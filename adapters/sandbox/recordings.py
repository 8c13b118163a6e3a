"""Makes small audio files that are valid in every respect but one: they are silent. MP3 and M4B, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from mutagen import id3, mp4

# mutagen is only half annotated: without this every call into it would need an ignore of its own.
_id3: Any = id3
_mp4_tags: Any = mp4

MP3_HZ, MP3_SAMPLES = 48_000, 1152
M4B_HZ, M4B_SAMPLES = 32_000, 1024
DIFFERENT = 250
"""Frames, after which a recording repeats itself: a long one is made as quickly as a short one."""
MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)

_ID3_FRAMES: dict[str, Any] = {
    "album": id3.TALB,
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "albumartist": id3.TPE2,
    "composer": id3.TCOM,
    "date": id3.TDRC,
    "track": id3.TRCK,
    "language": id3.TLAN,
}
_MP4_ATOMS = {
    "album": "©alb",
    "title": "©nam",
    "artist": "©ART",
    "albumartist": "aART",
    "composer": "©wrt",
    "date": "©day",
}


def write_recording(path: Path, *, seconds: float, tags: Mapping[str, str], kbps: int = 64) -> None:
    """Write a silent recording of this length, to within one frame (36 ms), as MP3 or, by its suffix, as M4B or M4A.

    `tags` have the names of `domain.proof.AudioFile.tags`. The bytes depend on the arguments alone: the filling differs
    from one set of tags to the next, so that no two books share their content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    filling = Random(repr((path.name, seconds, sorted(tags.items()))))
    if path.suffix.lower() == ".mp3":
        path.write_bytes(_mp3(seconds, kbps, filling))
        _tag_mp3(path, tags)
    else:
        path.write_bytes(_mp4(seconds, kbps, filling))
        _tag_mp4(path, tags)


def _plain(filling: Random, size: int) -> bytes:
    """Bytes that can never be mistaken for the start of a frame."""
    return filling.randbytes(size).translate(_NEVER_SYNC)


def _repeated(frame: Callable[[], bytes], count: int, size: int) -> bytes:
    """So many frames of `size` bytes, `DIFFERENT` of them made one by one."""
    block = b"".join(frame() for _ in range(min(count, DIFFERENT)))
    times, rest = divmod(count, DIFFERENT)
    return block * times + block[: rest * size]


_NEVER_SYNC = bytes(value & 0x7F for value in range(256))


# MP3: MPEG-1 layer III, mono, constant bitrate


def _mp3(seconds: float, kbps: int, filling: Random) -> bytes:
    """Frames whose side information announces no data: silence. What follows it is ancillary and never decoded."""
    index = MP3_KBPS.index(kbps) + 1
    start = bytes((0xFF, 0xFB, index << 4 | 0b0100, 0b11000000)) + bytes(17)
    size = 144 * kbps * 1000 // MP3_HZ
    return _repeated(lambda: start + _plain(filling, size - len(start)), round(seconds * MP3_HZ / MP3_SAMPLES), size)


def _tag_mp3(path: Path, tags: Mapping[str, str]) -> None:
    header = _id3.ID3()
    for name, value in tags.items():
        frame = _ID3_FRAMES.get(name)
        header.add(frame(encoding=3, text=value) if frame else _id3.TXXX(encoding=3, desc=name.upper(), text=value))
    header.save(path, v2_version=4)


# M4B: AAC-LC, mono, in the smallest MP4 container that players accept


def _mp4(seconds: float, kbps: int, filling: Random) -> bytes:
    frames = round(seconds * M4B_HZ / M4B_SAMPLES)
    size = kbps * 1000 * M4B_SAMPLES // (M4B_HZ * 8)
    kind = _box("ftyp", b"M4B ", _u32(0), b"M4B mp42isom")
    audio = _repeated(lambda: _aac_frame(size, filling), frames, size)
    # The index comes first, as players like it; its size does not depend on the offset that it holds.
    data_at = len(kind) + len(_index(frames, size, data_at=0)) + 8
    return kind + _index(frames, size, data_at=data_at) + _box("mdat", audio)


def _aac_frame(size: int, filling: Random) -> bytes:
    """One silent channel (29 zero bits), then fill elements up to `size` bytes, then the end mark."""
    bits, length = 0, 29
    room = size * 8 - length - 3
    while room >= 15 + 8 * 15:
        count = min(269, (room - 15) // 8)
        chunk = int.from_bytes(b"\x00" + _plain(filling, count - 1))
        # id 6, the count in two pieces, and an extension of type 0 (fill) whose first byte is zero
        bits = ((bits << 3 | 0b110) << 4 | 15) << 8 | (count - 14)
        bits = bits << 8 * count | chunk
        length += 15 + 8 * count
        room -= 15 + 8 * count
    bits, length = bits << 3 | 0b111, length + 3
    return (bits << (size * 8 - length)).to_bytes(size)


def _index(frames: int, size: int, *, data_at: int) -> bytes:
    samples = frames * M4B_SAMPLES
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie = _full("mvhd", _u32(0, 0, M4B_HZ, samples, 0x10000), b"\x01\x00" + bytes(10), matrix, bytes(24), _u32(2))
    track = _full("tkhd", _u32(0, 0, 1, 0, samples), bytes(12), b"\x01\x00\x00\x00", matrix, bytes(8), flags=7)
    media = _full("mdhd", _u32(0, 0, M4B_HZ, samples), b"\x55\xc4\x00\x00")
    handler = _full("hdlr", bytes(4), b"soun", bytes(12), b"\x00")
    source = _box("dinf", _full("dref", _u32(1), _full("url ", flags=1)))
    table = _box(
        "stbl",
        _full("stsd", _u32(1), _sample_entry(size)),
        _full("stts", _u32(1, frames, M4B_SAMPLES)),
        _full("stsc", _u32(1, 1, frames, 1)),
        _full("stsz", _u32(size, frames)),
        _full("stco", _u32(1, data_at)),
    )
    information = _box("minf", _full("smhd", bytes(4)), source, table)
    return _box("moov", movie, _box("trak", track, _box("mdia", media, handler, information)))


def _sample_entry(size: int) -> bytes:
    bits_per_s = size * 8 * M4B_HZ // M4B_SAMPLES
    # AAC-LC (2), 32 kHz (index 5), one channel
    specific = _descriptor(5, (2 << 11 | 5 << 7 | 1 << 3).to_bytes(2))
    config = _descriptor(4, bytes((0x40, 0x15)) + bytes(3) + _u32(bits_per_s, bits_per_s) + specific)
    stream = _descriptor(3, bytes(3) + config + _descriptor(6, b"\x02"))
    head = bytes(6) + b"\x00\x01" + bytes(8) + struct.pack(">HHIHH", 1, 16, 0, M4B_HZ, 0)
    return _box("mp4a", head, _full("esds", stream))


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return _u32(len(body) + 8) + kind.encode("latin-1") + body


def _full(kind: str, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, _u32(flags), *content)


def _u32(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _tag_mp4(path: Path, tags: Mapping[str, str]) -> None:
    file = _mp4_tags.MP4(path)
    file.add_tags()
    for name, value in tags.items():
        if name == "track":
            number, _, total = value.partition("/")
            file.tags["trkn"] = [(int(number), int(total or 0))]
        elif atom := _MP4_ATOMS.get(name):
            file.tags[atom] = [value]
        else:
            file.tags[f"----:com.apple.iTunes:{name.upper()}"] = [_mp4_tags.MP4FreeForm(value.encode())]
    file.save()
