"""Recordings made by hand are real audio to those who did not make them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import mutagen
import pytest

from adapters.sandbox.recordings import write_recording

TAGS = {"album": "Ozma of Oz", "artist": "L. Frank Baum", "composer": "Clara Mead", "track": "2/3", "series": "Oz"}


@pytest.mark.parametrize("suffix", ["mp3", "m4b"])
@pytest.mark.parametrize(("seconds", "kbps"), [(120, 64), (7.5, 128), (61, 32)])
def test_a_recording_has_the_length_and_bitrate_asked_for(
    tmp_path: Path, suffix: str, seconds: float, kbps: int
) -> None:
    path = tmp_path / "Oz" / f"ozma.{suffix}"

    write_recording(path, seconds=seconds, tags=TAGS, kbps=kbps)

    read = mutagen.File(path)
    assert read.info.length == pytest.approx(seconds, abs=0.036)
    assert read.info.bitrate == kbps * 1000
    assert path.stat().st_size == pytest.approx(seconds * kbps * 125, rel=0.05, abs=3000)


@pytest.mark.parametrize(
    ("suffix", "album", "track"), [("mp3", "TALB", ("TRCK", "2/3")), ("m4b", "©alb", ("trkn", (2, 3)))]
)
def test_tags_are_read_back(tmp_path: Path, suffix: str, album: str, track: tuple[str, object]) -> None:
    path = tmp_path / f"ozma.{suffix}"

    write_recording(path, seconds=3, tags=TAGS)

    tags = mutagen.File(path).tags
    assert tags[album][0] == "Ozma of Oz"
    assert tags[track[0]][0] == track[1]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "mp3"), ("m4b", "aac")])
def test_a_decoder_finds_nothing_to_complain_about(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"ozma.{suffix}"
    write_recording(path, seconds=30, tags=TAGS)

    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)]
    answer = subprocess.run(probe, capture_output=True, check=True, timeout=30)

    read = json.loads(answer.stdout)
    assert answer.stderr == b""
    assert read["streams"][0]["codec_name"] == codec
    assert float(read["format"]["duration"]) == pytest.approx(30, abs=0.1)
    assert read["format"]["tags"]["album"] == "Ozma of Oz"


def test_the_same_arguments_make_the_same_bytes_and_other_tags_other_audio(tmp_path: Path) -> None:
    for name, tags in (("a", TAGS), ("b", TAGS), ("c", {**TAGS, "album": "The Road to Oz"})):
        (tmp_path / name).mkdir()
        write_recording(tmp_path / name / "book.mp3", seconds=2, tags=tags)

    first, second, third = ((tmp_path / name / "book.mp3").read_bytes() for name in "abc")
    assert first == second
    assert first[-1000:] != third[-1000:]
