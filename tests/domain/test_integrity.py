"""Whether a library item is whole and what it says it is, with both sides of everything that speaks against it."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import item_of, oz

from domain.gates import Answer
from domain.integrity import Inspected, inspect
from domain.proof import AudioFile
from domain.releases import TorrentFile
from domain.world import Item

OZMA = oz(3)
HOUR = 3600.0
TAGS = {"album": "Ozma of Oz", "artist": "L. Frank Baum"}


def sound(path: str = "Ozma of Oz.m4b", *, hours: float = 4.0, **changes: Any) -> AudioFile:
    given = {
        "path": f"/books/Ozma of Oz/{path}",
        "size_bytes": int(hours * HOUR * 8_000),
        "duration_s": hours * HOUR,
        "bitrate_kbps": 64,
        "codec": "aac",
        "tags": TAGS,
    }
    return AudioFile(**(given | changes))


def there(*audio: AudioFile) -> tuple[TorrentFile, ...]:
    files = tuple(
        TorrentFile(path=one.path.removeprefix("/books/Ozma of Oz/"), size_bytes=one.size_bytes) for one in audio
    )
    return (*files, TorrentFile(path="cover.jpg", size_bytes=90_000))


def item(**changes: Any) -> Item:
    return item_of(OZMA, **{"duration_s": 4 * HOUR, "tracks": 1, "language": "en"} | changes)


def found(*audio: AudioFile, of: Item | None = None, **changes: Any) -> dict[str, tuple[str, str]]:
    """Every rule that objects, with what it saw and what it expected."""
    given = {"item": of or item(), "files": there(*audio), "audio": audio}
    verdicts = inspect(Inspected(**(given | changes)))
    assert {one.gate for one in verdicts} == {"integrity"}
    return {one.rule: (one.seen, one.limit) for one in verdicts if one.answer in (Answer.NO, Answer.POSSIBLE)}


def test_a_whole_item_is_sound():
    assert found(sound()) == {}
    assert found(sound(), want=oz(3, runtimes_min=(240, 310))) == {}


def test_an_item_whose_files_are_gone_is_missing():
    assert set(found(files=None)) == {"FilesMissing"}
    assert found(files=(TorrentFile(path="cover.jpg", size_bytes=1),))["FilesMissing"] == (
        "1 files, no audio",
        "the library lists 1 tracks",
    )


def test_an_empty_file_is_missing_and_unreadable():
    empty = sound(size_bytes=0, duration_s=None, error="is empty")

    assert set(found(empty)) == {"FilesMissing", "Unreadable", "DurationDiffers"}


def test_one_unreadable_file_is_named_with_its_error():
    broken = sound("02.mp3", duration_s=None, error="is cut short: 7 bytes of at least 900")

    told = found(sound("01.mp3"), broken, of=item(tracks=2))

    assert told == {"Unreadable": ("02.mp3 is cut short: 7 bytes of at least 900", "every file can be read as audio")}


def test_tracks_and_length_are_those_that_the_library_lists():
    assert set(found(sound(), of=item(tracks=12))) == {"TracksDiffer"}
    assert found(sound(hours=3))["DurationDiffers"] == ("3:00:00", "the library says 4:00:00 ± 0:04:00")
    assert found(sound(), of=item(tracks=None, duration_s=None)) == {}


def test_the_length_is_that_of_a_known_recording_of_the_book():
    assert "RuntimeDiffers" in found(sound(), want=oz(3, runtimes_min=(600,)))
    assert "RuntimeDiffers" in found(sound(), want=oz(3, runtime_min=200))


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"album": "The Road to Oz"}, "OtherTitle"),
        ({"artist": "Edgar Rice Burroughs"}, "OtherAuthor"),
        ({"series": "Oz", "series-part": "5"}, "WrongVolume"),
        ({"language": "deu"}, "OtherLanguage"),
    ],
)
def test_tags_do_not_contradict_what_the_library_says(tags, rule):
    assert set(found(sound(tags=TAGS | tags))) == {rule}


def test_what_the_library_does_not_say_contradicts_nothing():
    silent = item(language=None, abridged=None, authors=(), series=())
    tags = {"album": "Ozma of Oz (Abridged)", "language": "deu", "artist": "Somebody"}

    assert found(sound(tags=tags), of=silent) == {}
    assert set(found(sound(tags=TAGS | {"abridged": "yes"}), of=item(abridged=False))) == {"Abridged"}


def test_holes_among_the_tracks_are_named():
    files = [sound(f"{number}.mp3", hours=1, tags=TAGS | {"track": str(number)}) for number in (1, 2, 4)]

    assert found(*files, of=item(tracks=3, duration_s=3 * HOUR))["MissingTracks"][0] == "no track 3"


def test_the_files_are_those_of_its_torrent_under_the_name_that_publishing_gave_them():
    torrent = (
        TorrentFile(path="Baum - Ozma/CD1/01.mp3", size_bytes=sound(hours=2).size_bytes),
        TorrentFile(path="Baum - Ozma/CD2/01.mp3", size_bytes=sound(hours=2).size_bytes),
        TorrentFile(path="Baum - Ozma/info.nfo", size_bytes=3),
    )
    audio = (sound("CD1/01.mp3", hours=2), sound("CD2/01.mp3", hours=2))
    two = item(tracks=2)

    assert found(*audio, of=two, torrent=torrent) == {}
    half = found(audio[0], of=item(duration_s=2 * HOUR), torrent=torrent)
    assert half == {"TorrentDiffers": ("not here: Baum - Ozma/CD2/01.mp3", "2 audio files of its torrent")}
    resized = (audio[0], sound("CD2/01.mp3", hours=2, size_bytes=99))
    assert "99 bytes here" in found(*resized, of=two, torrent=torrent)["TorrentDiffers"][0]


def test_in_place_a_file_is_known_by_its_own_name():
    torrent = (TorrentFile(path="Baum - Ozma/Ozma of Oz.m4b", size_bytes=sound().size_bytes),)
    renamed = (TorrentFile(path="Baum - Ozma/Something.m4b", size_bytes=sound().size_bytes),)

    assert found(sound(), torrent=torrent) == {}
    assert found(sound(), torrent=renamed)["TorrentDiffers"] == (
        "not here: Baum - Ozma/Something.m4b",
        "1 audio files of its torrent",
    )


def test_one_file_here_stands_for_one_file_of_the_torrent():
    torrent = (
        TorrentFile(path="Baum - Ozma/CD1/01.mp3", size_bytes=sound().size_bytes),
        TorrentFile(path="Baum - Ozma/CD2/01.mp3", size_bytes=sound().size_bytes),
    )

    assert found(sound("01.mp3"), torrent=torrent)["TorrentDiffers"][0] == "not here: Baum - Ozma/CD2/01.mp3"


def test_without_a_torrent_nothing_is_compared_with_one():
    [verdict] = [
        one
        for one in inspect(Inspected(item=item(), files=there(sound()), audio=(sound(),)))
        if one.rule == "TorrentDiffers"
    ]

    assert verdict.answer is Answer.NOT_ASKED
