from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gates import Answer
from domain.manifest import ProfileSpec
from domain.positions import read_position
from domain.proof import AudioFile, prove
from domain.releases import TorrentFile
from domain.wants import Want

HOUR = 3600.0
OZMA = Want(
    key="baum-l-frank/ozma-of-oz",
    title="Ozma of Oz",
    authors=("L. Frank Baum",),
    series="Oz",
    position=read_position("3"),
    runtime_min=240,
)
GOOD = {"album": "Ozma of Oz", "artist": "L. Frank Baum", "language": "eng", "composer": "Ann Reader"}


def changed(**fields: object) -> Want:
    known = {name: getattr(OZMA, name) for name in OZMA.__struct_fields__}
    return Want(**{**known, **fields})


UNTIMED = changed(runtime_min=None)


def sound(
    name: str = "01.mp3",
    *,
    hours: float = 4.0,
    tags: Mapping[str, str] = GOOD,
    kbps: int = 64,
    error: str | None = None,
) -> AudioFile:
    seconds = hours * HOUR
    return AudioFile(
        path=f"/downloads/Ozma of Oz/{name}",
        size_bytes=int(seconds * kbps * 125),
        duration_s=None if error else seconds,
        bitrate_kbps=kbps,
        codec="mp3",
        tags=tags,
        error=error,
    )


def offered(*files: AudioFile) -> list[TorrentFile]:
    return [TorrentFile(path=file.path.removeprefix("/downloads/"), size_bytes=file.size_bytes) for file in files]


def objections(want: Want, *files: AudioFile, expected: list[TorrentFile] | None = None) -> dict[str, Answer]:
    """Every rule that did not confirm."""
    verdicts = prove(want, files, expected=offered(*files) if expected is None else expected)
    assert all(verdict.gate == "proof" for verdict in verdicts)
    return {verdict.rule: verdict.answer for verdict in verdicts if verdict.answer is not Answer.CONFIRMED}


NO, POSSIBLE = Answer.NO, Answer.POSSIBLE


def test_the_right_book_is_confirmed_by_every_rule():
    assert objections(OZMA, sound()) == {}


def test_each_verdict_shows_both_sides():
    verdicts = prove(OZMA, [sound(hours=3, tags={"album": "The Road to Oz"})], expected=offered(sound(hours=3)))

    shown = {verdict.rule: (verdict.seen, verdict.limit) for verdict in verdicts}
    assert shown["RuntimeDiffers"] == ("3:00:00", "4:00:00 ± 0:04:00")
    assert shown["OtherTitle"] == ("The Road to Oz", "Ozma of Oz")
    assert shown["OtherAuthor"] == ("no tags", "L. Frank Baum")


# What is there.


def test_a_file_that_is_missing_of_another_size_or_absent_altogether_is_a_no():
    first, second = sound("01.mp3", hours=2), sound("02.mp3", hours=2)
    both = offered(first, second)

    assert objections(UNTIMED, first, expected=both)["Incomplete"] is NO
    longer = [both[0], TorrentFile(path=both[1].path, size_bytes=both[1].size_bytes + 1)]
    assert objections(UNTIMED, first, second, expected=longer) == {"Incomplete": NO}
    assert objections(UNTIMED, expected=[TorrentFile(path="Ozma/book.epub", size_bytes=1)])["Incomplete"] is NO


def test_files_are_told_apart_by_their_folders():
    one, two = sound("CD1/01.mp3", hours=2), sound("CD2/01.mp3", hours=2)

    assert objections(OZMA, one, two) == {}
    assert objections(OZMA, one, one, expected=offered(one, two)) == {"Incomplete": NO, "RuntimeDiffers": NO}


def test_one_unreadable_file_is_a_no():
    assert objections(UNTIMED, sound("01.mp3"), sound("02.mp3", error="is cut short")) == {"Unreadable": NO}


@pytest.mark.parametrize("program", ["Ozma of Oz/play.exe", "Ozma of Oz/Ozma.mp3.lnk", "Ozma of Oz/run.BAT"])
def test_a_program_among_the_files_is_a_no(program):
    expected = [*offered(sound()), TorrentFile(path=program, size_bytes=1)]

    assert objections(OZMA, sound(), expected=expected) == {"Executable": NO}


def test_a_system_file_that_looks_like_audio_does_not_count():
    expected = [*offered(sound()), TorrentFile(path="Ozma of Oz/._01.mp3", size_bytes=4096)]

    assert objections(OZMA, sound(), expected=expected) == {}


def tracks(*numbers: str, disc: str = "") -> list[AudioFile]:
    return [sound(f"{disc}{at}.mp3", hours=1, tags={**GOOD, "track": number}) for at, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("numbers", "whole"),
    [
        (("1", "2", "3"), True),
        (("01/03", "02/03", "03/03"), True),
        (("0", "1", "2"), True),
        (("1", "3", "4"), False),
        (("2", "3", "4"), False),
        (("1/4", "2/4", "3/4"), False),
        (("1", "1", "1"), True),
        (("1", "", "3"), True),
        (("101", "102", "103"), True),
        (("1/1", "2/1", "3/1"), True),
        (("20190101", "2", "x"), True),
    ],
)
def test_track_numbers_have_no_holes_where_they_say_anything(numbers, whole):
    assert objections(UNTIMED, *tracks(*numbers)) == ({} if whole else {"MissingTracks": NO})


def test_discs_may_start_anew_or_go_on():
    assert objections(UNTIMED, *tracks("1", "2", disc="CD1/"), *tracks("1", "2", disc="CD2/")) == {}
    assert objections(UNTIMED, *tracks("1", "2", disc="CD1/"), *tracks("3", "4", disc="CD2/")) == {}
    assert objections(UNTIMED, *tracks("1", "2", disc="CD1/"), *tracks("1", "3", disc="CD2/")) == {"MissingTracks": NO}


def test_a_lone_file_keeps_the_number_of_the_first_that_it_was_joined_from():
    assert objections(UNTIMED, sound(tags={**GOOD, "track": "1/12"})) == {}


def test_a_runtime_that_fits_outweighs_odd_track_numbers():
    assert objections(OZMA, *tracks("1", "3", "4", "5")) == {}


def test_one_part_of_several_waits_for_a_person():
    part = sound(tags={**GOOD, "album": "Ozma of Oz (1 of 3)"})

    assert objections(UNTIMED, part) == {"MissingParts": POSSIBLE}
    assert objections(OZMA, part) == {}
    both = [sound(f"{at}.mp3", tags={**GOOD, "title": f"Part {at} of 2"}) for at in (1, 2)]
    assert objections(UNTIMED, *both) == {}


def chaptered(*starts_s: float, hours: float = 4.0) -> AudioFile:
    plain = sound("Ozma of Oz.m4b", hours=hours)
    return AudioFile(**{name: getattr(plain, name) for name in plain.__struct_fields__} | {"chapters_s": starts_s})


def test_chapters_are_counted_where_there_are_any():
    [chapters] = [
        verdict
        for verdict in prove(OZMA, [chaptered(0, 3600, 7200)], expected=offered(chaptered()))
        if verdict.rule == "ChaptersBeyondEnd"
    ]

    assert (chapters.answer, chapters.seen) == (Answer.CONFIRMED, "3 chapters")


def test_a_chapter_that_begins_behind_the_end_tells_that_the_sound_was_cut_off():
    assert objections(UNTIMED, chaptered(0, 3600, 4 * HOUR + 20)) == {}
    assert objections(UNTIMED, chaptered(0, 3600, 4 * HOUR + 40)) == {"ChaptersBeyondEnd": NO}
    assert objections(OZMA, chaptered(0, 3600, 4 * HOUR + 40)) == {}


# How long it is.


@pytest.mark.parametrize(
    ("runtime_min", "seconds", "right"),
    [
        (240, 240 * 60 + 240, True),
        (240, 240 * 60 - 240, True),
        (240, 240 * 60 + 245, False),
        (240, 100 * 60, False),
        (1000, 60_000 + 600, True),
        (1000, 60_000 - 605, False),
        (20, 20 * 60 - 240, True),
        (5, 5 * 60 - 60, True),
        (5, 60, False),
        (5, 9 * 60, False),
        (1, 60, True),
        (1, 13 * 60, False),
    ],
)
def test_the_runtime_lies_within_four_minutes_or_one_percent_and_less_for_a_short_book(runtime_min, seconds, right):
    got = objections(changed(runtime_min=runtime_min), sound(hours=seconds / HOUR))

    assert got == ({} if right else {"RuntimeDiffers": NO})


@pytest.mark.parametrize(
    ("hours", "kbps", "objection"),
    [
        (4, 64, {}),
        (4, 8, {"ImplausibleBitrate": NO}),
        (4, 2000, {"ImplausibleBitrate": NO}),
        (0.1, 64, {"TooShort": POSSIBLE}),
    ],
)
def test_without_a_known_runtime_bitrate_and_length_must_be_plausible(hours, kbps, objection):
    assert objections(UNTIMED, sound(hours=hours, kbps=kbps)) == objection


# What the tags say.


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"album": "Ozma of Oz (Unabridged)"},
        {"album": "Ozma of Oz: A Record of Her Adventures"},
        {"album": "L. Frank Baum - Ozma of Oz"},
        {"album": "Oz 03 - Ozma of Oz"},
        {"album": "Ozma of Oz - Disc 2"},
        {"album": "Oz, Book 3"},
        {"album": "Oz 3"},
        {"album": "Disc 1"},
        {"album": "Unknown Album", "artist": "Unknown Artist"},
        {"album": "L. Frank Baum"},
        {"title": "Chapter 1"},
        {"title": "01"},
        {"title": "Chapter One: The Girl in the Chicken Coop"},
        {"album": "Famous Tales", "title": "Ozma of Oz"},
        {"artist": "Baum, L. Frank"},
        {"artist": "Ann Reader", "composer": "L. Frank Baum"},
        {"albumartist": "L Frank Baum & Ann Reader"},
        {"artist": "LibriVox"},
        {"language": "English"},
        {"language": "und"},
        {"series": "Oz", "series-part": "3.0"},
        {"series": "Fairy Tales", "series-part": "17"},
    ],
)
def test_tags_that_agree_or_say_nothing_confirm(tags):
    assert objections(UNTIMED, sound(tags=tags)) == {}


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"album": "The Road to Oz"}, "OtherTitle"),
        ({"album": "Oz 03 - The Road to Oz"}, "OtherTitle"),
        ({"title": "The Emerald City of Oz"}, "OtherTitle"),
        ({"album": "Oz 5"}, "WrongVolume"),
        ({"album": "Oz, Book 12"}, "WrongVolume"),
        ({"series": "Oz", "series-part": "4"}, "WrongVolume"),
        ({"artist": "Edgar Rice Burroughs"}, "OtherAuthor"),
        ({"albumartist": "Arthur Conan Doyle", "album": "Ozma of Oz"}, "OtherAuthor"),
        ({"language": "deu"}, "OtherLanguage"),
        ({"language": "French"}, "OtherLanguage"),
        ({"album": "Ozma of Oz (Abridged)"}, "Abridged"),
        ({"abridged": "yes"}, "Abridged"),
    ],
)
def test_a_tag_that_contradicts_is_a_no(tags, rule):
    assert objections(UNTIMED, sound(tags=tags)) == {rule: NO}


def test_one_file_of_another_book_among_many_is_a_no():
    right, wrong = sound("01.mp3"), sound("02.mp3", tags={"album": "The Road to Oz"})

    assert objections(UNTIMED, right, right, wrong) == {"OtherTitle": NO}


def test_chapter_titles_are_not_compared_with_the_book():
    chapters = [
        sound(f"{at}.mp3", hours=2, tags={"title": title}) for at, title in enumerate(("Billina", "The Wheelers"))
    ]

    assert objections(OZMA, *chapters) == {}


def test_a_neighbour_of_nearly_the_same_name_is_told_apart():
    holmes = changed(title="The Return of Sherlock Holmes", authors=("Arthur Conan Doyle",), series=None, position=None)

    assert objections(holmes, sound(tags={"album": "The Adventures of Sherlock Holmes"})) == {"OtherTitle": NO}


@pytest.mark.parametrize("album", ["Oz", "Ozma", "Ozma of Oz and The Road to Oz"])
def test_half_a_title_waits_for_a_person_unless_the_runtime_fits(album):
    assert objections(UNTIMED, sound(tags={"album": album})) == {"OtherTitle": POSSIBLE}
    assert objections(OZMA, sound(tags={"album": album})) == {}


def test_a_stranger_in_the_artist_tag_waits_for_a_person_when_title_and_runtime_fit():
    assert objections(OZMA, sound(tags={**GOOD, "artist": "Ann Reader", "composer": ""})) == {"OtherAuthor": POSSIBLE}


def test_an_abridged_reading_may_be_wanted():
    abridged = sound(tags={"album": "Ozma of Oz (Abridged)"})

    assert objections(changed(abridged=True), abridged) == {}
    assert objections(changed(profile=ProfileSpec(abridged=True)), abridged) == {}
    assert objections(changed(profile=ProfileSpec(abridged=True), abridged=False), abridged) == {"Abridged": NO}


def test_another_language_may_be_wanted():
    german = sound(tags={"language": "ger"})

    assert objections(changed(language="de"), german) == {}
    assert objections(changed(profile=ProfileSpec(languages=("en", "de"))), german) == {}


def test_a_profile_that_names_no_language_takes_any():
    german = sound(tags={"language": "ger"})

    assert objections(changed(profile=ProfileSpec(languages=())), german) == {}


def test_a_narrator_that_was_asked_for_is_compared():
    asked = changed(narrators=("Ben Speaker",))

    assert objections(asked, sound()) == {"OtherNarrator": NO}
    assert objections(asked, sound(tags={**GOOD, "composer": "Ben Speaker"})) == {}
    assert objections(asked, sound(tags={"composer": "L. Frank Baum"})) == {}


@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from(["album", "title", "artist", "track", "disc", "language"]), st.text(max_size=20)
            ),
            st.none() | st.floats(0, 1e9),
            st.integers(0, 10**9),
        ),
        max_size=5,
    )
)
def test_whatever_was_read_every_rule_answers_once_and_in_order(read):
    files = [
        AudioFile(path=f"/d/{at}.mp3", size_bytes=size, duration_s=seconds, tags=tags)
        for at, (tags, seconds, size) in enumerate(read)
    ]

    for want in (OZMA, UNTIMED):
        rules = [verdict.rule for verdict in prove(want, files, expected=offered(*files))]
        assert len(rules) == len(set(rules)) == 13
        assert rules[:3] == ["Executable", "Incomplete", "Unreadable"]
