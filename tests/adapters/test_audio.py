from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen import id3

from adapters.audio import read_audio
from adapters.sandbox.recordings import write_recording

TAGS = {
    "album": "Ozma of Oz",
    "title": "Chapter 1",
    "artist": "L. Frank Baum",
    "albumartist": "L. Frank Baum",
    "composer": "Ann Reader",
    "date": "1907",
    "track": "1/3",
    "language": "eng",
    "asin": "B0000000OZ",
    "series": "Oz",
}


@pytest.fixture(params=["mp3", "m4b"])
def recording(request, tmp_path: Path) -> Path:
    path = tmp_path / f"01.{request.param}"
    write_recording(path, seconds=90, tags=TAGS, kbps=64)
    return path


def test_a_good_file_tells_its_length_and_its_tags_under_common_names(recording):
    read = read_audio(str(recording))

    assert read.error is None
    assert read.duration_s == pytest.approx(90, abs=0.2)
    assert read.bitrate_kbps == pytest.approx(64, abs=3)
    assert read.codec == {".mp3": "mp3", ".m4b": "aac"}[recording.suffix]
    assert read.size_bytes == recording.stat().st_size
    assert dict(read.tags) == TAGS


def test_a_file_without_tags_is_good(tmp_path):
    write_recording(tmp_path / "01.mp3", seconds=30, tags={})

    read = read_audio(str(tmp_path / "01.mp3"))

    assert (read.error, dict(read.tags)) == (None, {})


def test_several_values_blanks_and_long_texts_are_made_plain(tmp_path):
    path = tmp_path / "01.mp3"
    write_recording(path, seconds=30, tags={})
    tags = id3.ID3()
    tags.add(id3.TPE1(encoding=3, text=["L. Frank Baum", "Ann Reader"]))
    tags.add(id3.TALB(encoding=3, text=["  "]))
    tags.add(id3.TIT2(encoding=3, text=["x" * 9000]))
    tags.add(id3.TXXX(encoding=3, desc="SERIES-PART", text=["3"]))
    tags.save(path)

    read = read_audio(str(path))

    assert read.tags["artist"] == "L. Frank Baum; Ann Reader"
    assert "album" not in read.tags
    assert len(read.tags["title"]) == 500
    assert read.tags["series-part"] == "3"


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9, 0.97])
def test_an_mp4_cut_short_anywhere_is_an_error(tmp_path, share):
    path = tmp_path / "01.m4b"
    write_recording(path, seconds=90, tags=TAGS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    assert read_audio(str(path)).error


def test_an_mp4_without_its_index_is_an_error(tmp_path):
    path = tmp_path / "01.m4b"
    path.write_bytes(struct.pack(">I4s8s", 16, b"ftyp", b"M4B \0\0\0\0") + struct.pack(">I4s", 9, b"mdat") + b"x")

    assert "index is missing" in (read_audio(str(path)).error or "")


def counting(path: Path, *, frames: int) -> None:
    """Put a Xing header in front of a recording, which counts this many frames and their bytes."""
    write_recording(path, seconds=90, tags={})
    sound = path.read_bytes()
    sound = sound[sound.index(b"\xff\xfb") :]
    size = sound.index(b"\xff\xfb", 4)
    head = bytearray(size)
    head[:4] = sound[:4]
    head[21:37] = struct.pack(">4sIII", b"Xing", 3, frames, frames * size)
    path.write_bytes(bytes(head) + sound)


@pytest.mark.parametrize(("seconds", "error"), [(90, None), (180, "cut short"), (30, "not what its header says")])
def test_an_mp3_whose_length_disagrees_with_its_own_header_is_an_error(tmp_path, seconds, error):
    path = tmp_path / "01.mp3"
    counting(path, frames=round(seconds * 48_000 / 1152))

    read = read_audio(str(path))

    assert read.error is None if error is None else error in (read.error or "")
    assert read.duration_s == pytest.approx(seconds, abs=1)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"\n <HTML><body>", "web page"),
        (bytes(200_000), "zeros"),
        (b"ID3" + b"\xff\xfb\x54\xc0" * 20_000 + bytes(200_000), "zeros"),
        (b"just some text that is not audio at all", "audio"),
        (b"MZ" + b"\x90" * 5000, "audio"),
    ],
)
@pytest.mark.parametrize("ending", ["mp3", "m4b", "flac", "ogg", "wma"])
def test_what_is_not_audio_is_an_error_whatever_its_name_says(tmp_path, content, error, ending):
    path = tmp_path / f"01.{ending}"
    path.write_bytes(content)

    read = read_audio(str(path))

    assert error in (read.error or "")
    assert read.size_bytes == len(content)


def test_a_file_or_folder_that_cannot_be_opened_is_an_error(tmp_path):
    assert "No such file" in (read_audio(str(tmp_path / "gone.mp3")).error or "")
    assert read_audio(str(tmp_path)).error
    assert read_audio("a\0.mp3").error


SAMPLES: dict[str, bytes] = {}


@settings(max_examples=60)
@given(
    ending=st.sampled_from(["mp3", "m4b"]),
    cuts=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=12)), min_size=1, max_size=4),
    start=st.binary(max_size=8),
)
def test_reading_never_raises_whatever_the_bytes(tmp_path_factory, ending, cuts, start):
    path = tmp_path_factory.getbasetemp() / f"hostile.{ending}"
    if ending not in SAMPLES:
        write_recording(path, seconds=2, tags=TAGS)
        SAMPLES[ending] = path.read_bytes()
    content = bytearray(SAMPLES[ending])
    for at, piece in cuts:
        content[at : at + len(piece)] = piece
    path.write_bytes(start + bytes(content))

    read = read_audio(str(path))

    assert read.path == str(path)
    assert read.error or read.duration_s
