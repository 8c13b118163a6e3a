"""Packs and parts: what a title says of several books, and what a list of files proves of each."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, OZ, item_of, offer, oz, searched, world
from worlds import desired as desired_of

from domain.actions import Grab, Hold, Search
from domain.gates import Answer, judge_files
from domain.manifest import ProfileSpec, Upgrade
from domain.packs import as_one_book, judge_parts, may_be_pack, missing_parts, missing_tracks, portions, read_pack
from domain.plan import plan
from domain.positions import read_position
from domain.releases import Release, SeriesName, TorrentFile
from domain.wants import Want
from domain.world import Blocked

PACKS = ProfileSpec(packs=True)
ALL = [oz(number, profile=PACKS) for number in range(1, 15)]
LAND, OZMA, TIK_TOK = ALL[1], ALL[2], ALL[7]


def files(*paths: str, size_bytes: int = 200_000_000) -> list[TorrentFile]:
    return [TorrentFile(path=path, size_bytes=size_bytes) for path in paths]


def release(title: str, **changes: object) -> Release:
    return offer(OZMA, **({"title": title, "id": "9" * 16, "infohash": "9" * 40} | changes))


# --- what a release says ---------------------------------------------------------------------------------------------


def is_pack_of(want: Want, offered: Release) -> bool:
    pack = read_pack(want, offered)
    return pack is not None and pack.holds(want)


@pytest.mark.parametrize(
    "title",
    [
        "L. Frank Baum - Oz 1-14 (Unabridged) [MP3]",
        "Oz Books 1-3 - L. Frank Baum M4B",
        "L. Frank Baum - Oz Series (Books 01-14) Unabridged MP3",
        "Oz Complete Series [1-14] by L. Frank Baum [MP3 64kbps]",
        "L. Frank Baum - Oz Box Set [MP3]",
    ],
)
def test_a_set_of_the_series_that_covers_the_number_is_a_pack_of_the_book(title):
    assert may_be_pack(release(title))
    assert is_pack_of(OZMA, release(title))


@pytest.mark.parametrize(
    "title",
    [
        "L. Frank Baum - Oz 4-8 [MP3]",
        "L. Frank Baum - Oz 3 [MP3]",
        "L. Frank Baum - Oz 1-14 (Abridged) [MP3]",
        "L. Frank Baum - Oz 1-14 [EPUB]",
        "L. Frank Baum - Barsoom 1-14 [MP3]",
        "L. Frank Baum - Ozma of Oz [M4B]",
        "L. Frank Baum - Ozma of Oz Part 1 of 2 [M4B]",
        "L. Frank Baum - Oz 1-14 and Something Else Entirely [MP3]",
    ],
)
def test_anything_else_is_none(title):
    assert not is_pack_of(OZMA, release(title))


def test_a_pack_by_another_author_is_none():
    assert not is_pack_of(OZMA, release("Ruth Plumly Thompson - Oz 1-14 [MP3]", authors=("Ruth Plumly Thompson",)))


def test_the_indexers_own_numbers_say_what_a_pack_holds():
    numbered = (SeriesName(name="Oz", position="4-8"),)

    assert not is_pack_of(OZMA, release("L. Frank Baum - Oz Box Set [MP3]", series=numbered))
    assert is_pack_of(TIK_TOK, release("L. Frank Baum - Oz Box Set [MP3]", series=numbered))


def test_a_book_without_a_number_or_a_series_is_in_no_pack():
    title = "L. Frank Baum - Oz 1-14 [MP3]"

    assert not is_pack_of(oz(3, series=None, position=None), release(title))
    assert not is_pack_of(oz(3, position=None), release(title))
    assert not is_pack_of(oz(3, position=read_position("3p1")), release(title))


# --- which files are whose -------------------------------------------------------------------------------------------


def test_single_files_in_one_folder_are_each_a_book():
    found = portions(files("Oz/02 - The Marvelous Land of Oz.m4b", "Oz/03 - Ozma of Oz.m4b", "Oz/cover.jpg"), ALL)

    assert found == {
        LAND.key: ("Oz/02 - The Marvelous Land of Oz.m4b",),
        OZMA.key: ("Oz/03 - Ozma of Oz.m4b",),
    }


def test_a_folder_with_its_discs_and_its_cover_is_a_book():
    tracks = ["Oz/08 Tik-Tok of Oz/CD1/01.mp3", "Oz/08 Tik-Tok of Oz/CD2/01.mp3", "Oz/08 Tik-Tok of Oz/cover.jpg"]

    assert portions(files(*tracks, "Oz/03 Ozma of Oz/01.mp3"), ALL) == {
        TIK_TOK.key: tuple(tracks),
        OZMA.key: ("Oz/03 Ozma of Oz/01.mp3",),
    }


def test_tracks_of_one_name_are_a_book():
    tracks = ["Oz/Ozma of Oz 01.mp3", "Oz/Ozma of Oz 02.mp3"]

    assert portions(files(*tracks, "Oz/Tik-Tok of Oz 01.mp3"), ALL) == {
        OZMA.key: tuple(tracks),
        TIK_TOK.key: ("Oz/Tik-Tok of Oz 01.mp3",),
    }


@pytest.mark.parametrize(
    "paths",
    [
        ("MP3/Ozma of Oz/1.mp3", "M4B/Ozma of Oz/a.m4b"),
        ("Ozma of Oz/1.mp3", "Ozma of Oz/Second Half/2.mp3"),
        ("Oz/02 - Ozma of Oz.m4b",),
        ("Oz/Ozma of Oz (abridged).m4b",),
        ("Oz/Ozma of Oz - Part 1 of 2.m4b",),
        ("Oz/Ozma of Oz CD1/1.mp3", "Oz/Ozma of Oz CD3/1.mp3"),
        ("Oz/Ozma of Oz/setup.exe", "Oz/Ozma of Oz/1.mp3"),
        ("Oz/03.m4b",),
        ("Oz/Ozma.m4b",),
        ("Oz/Ozma of Oz.epub",),
        ("Oz/Ozma of Oz/Tik-Tok of Oz.m4b",),
    ],
    ids=[
        "twice", "audio below", "other number", "abridged", "one part", "disc missing", "program", "number alone",
        "half a title", "no audio", "named as two books",
    ],
)  # fmt: skip
def test_what_is_not_surely_one_whole_book_is_nobodys(paths):
    assert OZMA.key not in portions(files(*paths), ALL)


def test_the_size_of_a_portion_must_fit_the_length_of_its_book():
    listed = files("Oz/03 - Ozma of Oz.m4b", "Oz/08 - Tik-Tok of Oz.m4b", size_bytes=2_000_000)
    long, unknown = oz(3, runtime_min=300), oz(8)

    assert list(portions(listed, [long, unknown])) == [unknown.key]


_paths = st.lists(
    st.builds(
        "{}/{}{}{}".format,
        st.sampled_from(("Oz", "Oz/Part 1", "Oz/CD2", *(f"Oz/{title}" for title in OZ[:4]))),
        st.sampled_from(("", "01 - ", "3 ", "Oz 2 - ")),
        st.sampled_from((*OZ[:4], "01", "02", "Part One", "x (1 of 2)", "cover")),
        st.sampled_from((".mp3", ".m4b", ".jpg", " 2.mp3")),
    ),
    max_size=8,
    unique=True,
)


@given(_paths, st.integers(0, 2**32))
def test_no_file_is_in_two_portions_and_order_does_not_matter(paths, seed):
    listed = files(*paths)
    found = portions(listed, ALL)
    mixed = portions(random.Random(seed).sample(listed, len(listed)), random.Random(seed).sample(ALL, len(ALL)))

    taken = [path for part in found.values() for path in part]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(paths)
    assert dict(mixed) == dict(found)


@given(_paths, st.sets(st.integers(0, 13)))
def test_who_is_proven_beside_others_has_the_same_files_without_them(paths, numbers):
    listed = files(*paths)
    found = portions(listed, ALL)
    fewer = [want for number, want in enumerate(ALL) if number in numbers]

    alone = portions(listed, fewer)

    assert all(alone.get(want.key) == found[want.key] for want in fewer if want.key in found)


@given(_paths)
def test_every_portion_would_pass_as_a_torrent_of_its_own(paths):
    listed = files(*paths)
    by_key = {want.key: want for want in ALL}

    for key, part in portions(listed, ALL).items():
        mine = [file for file in listed if file.path in part]
        verdicts = (*judge_files(by_key[key], as_one_book(mine)), *judge_parts(by_key[key], mine))
        assert {one.answer for one in verdicts} == {Answer.CONFIRMED}


# --- parts of one book -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "missing"),
    [
        (["Ozma of Oz (Part 1 of 2).m4b"], ("part 2 of 2",)),
        (["Ozma of Oz (1 of 3).m4b", "Ozma of Oz (3 of 3).m4b"], ("part 2 of 3",)),
        (["Ozma/1 of 2/a.mp3"], ("part 2 of 2",)),
        (["Ozma/CD1/1.mp3", "Ozma/CD3/1.mp3"], ("disc 2",)),
        (["Ozma [Disc 2 of 2]/1.mp3"], ("disc 1 of 2",)),
        (["Ozma Part Two.m4b"], ("part 1",)),
        (["Ozma Part I.m4b", "Ozma Part III.m4b"], ("part 2",)),
    ],
)
def test_parts_that_are_promised_and_not_there_are_named(paths, missing):
    assert missing_parts(OZMA, files(*paths)) == missing
    assert [one.answer for one in judge_parts(OZMA, files(*paths))] == [Answer.NO]


@pytest.mark.parametrize(
    "paths",
    [
        ["Ozma Part 1.m4b", "Ozma Part 2.m4b"],
        ["Ozma/Part One/1.mp3", "Ozma/Part Two/1.mp3"],
        ["Ozma/CD1/1.mp3", "Ozma/CD2/1.mp3"],
        ["03 of 14 - Ozma of Oz.m4b"],
        ["Oz, Book 3 of 14.m4b"],
        ["Ozma/01 - One.mp3", "Ozma/02 - Part Two.mp3"],
        ["Discworld 01.mp3"],
    ],
)
def test_whole_books_miss_no_part(paths):
    assert judge_parts(OZMA, files(*paths)) == ()


def test_a_play_that_is_called_a_part_is_whole():
    play = Want(key="henry", title="Henry IV, Part 2")

    assert missing_parts(play, files("Henry IV, Part 2.m4b")) == ()


@pytest.mark.parametrize(
    ("stems", "missing"),
    [
        (["01", "02", "04"], ("track 3",)),
        (["02", "03", "04"], ("track 1",)),
        (["a 1", "a 2", "a 4"], ("track 3",)),
        (["00", "01", "02"], ()),
        (["101", "102", "201", "202"], ()),
        (["01", "02", "01b"], ()),
        (["1", "30", "60"], ()),
        (["03 - Ozma of Oz"], ()),
    ],
)
def test_holes_are_seen_among_numbers_that_plainly_count(stems, missing):
    assert missing_tracks(files(*(f"Ozma/{stem}.mp3" for stem in stems))) == missing


def test_a_disc_may_go_on_counting_where_the_one_before_ended():
    assert missing_tracks(files("O/CD1/1.mp3", "O/CD1/2.mp3", "O/CD2/3.mp3", "O/CD2/4.mp3")) == ()
    assert missing_tracks(files("O/CD1/1.mp3", "O/CD1/2.mp3", "O/CD2/3.mp3", "O/CD2/5.mp3")) == ("track 4 in CD2",)


def test_a_hole_among_tracks_is_only_a_doubt():
    assert [one.answer for one in judge_parts(OZMA, files("O/01.mp3", "O/03.mp3"))] == [Answer.POSSIBLE]


@pytest.mark.parametrize(
    "paths",
    [
        ["O/Ozma of Oz Part One/1.mp3", "O/Ozma of Oz Part Two/1.mp3"],
        ["Ozma of Oz 1 of 2/1.mp3", "Ozma of Oz 2 of 2/1.mp3"],
        ["O/Ozma of Oz CD1/1.mp3", "O/Ozma of Oz CD2/1.mp3"],
        ["Ozma of Oz - Part One.m4b", "Ozma of Oz - Part Two.m4b", "Ozma of Oz - Part Three.m4b"],
    ],
)
def test_all_parts_of_one_book_are_one_book(paths):
    verdicts = judge_files(OZMA, as_one_book(files(*paths)))

    assert {one.answer for one in verdicts} == {Answer.CONFIRMED}


def test_parts_sort_as_they_count():
    shown = [file.path for file in as_one_book(files("Ozma Part Three.m4b", "Ozma Part Two.m4b", "Ozma Part One.m4b"))]

    assert shown == ["Ozma Part 3.m4b", "Ozma Part 2.m4b", "Ozma Part 1.m4b"]


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_names_at_all_are_read_without_a_fault(paths):
    listed = files(*paths)

    assert len(as_one_book(listed)) == len(listed)
    judge_parts(OZMA, listed)
    portions(listed, ALL[:3])


# --- the plan --------------------------------------------------------------------------------------------------------

PACK = release("L. Frank Baum - Oz 1-14 (Unabridged) [MP3]")


def decisions(*wants: Want, **changes: object) -> dict[str, Grab | Hold]:
    found = {key: one for want in wants for key, one in searched(want, PACK).items()}
    made = plan(desired_of(*wants), world(**({"searches": found} | changes)), NOW)
    return {one.want: one for one in made.decisions}  # type: ignore[misc]


def test_the_most_urgent_gap_leads_and_the_others_come_with_it():
    made = decisions(TIK_TOK, OZMA, LAND)

    assert isinstance(made[LAND.key], Grab)
    assert made[LAND.key].serves == (OZMA.key, TIK_TOK.key)
    assert {made[one.key].because.code for one in (OZMA, TIK_TOK)} == {"ComesWithPack"}
    assert PACK.title in made[OZMA.key].because.message


def test_a_pack_that_is_blocked_or_serves_somebody_else_is_not_taken():
    blocked = (Blocked(id=1, release=PACK.id, at=NOW),)

    assert not any(isinstance(one, Grab) for one in decisions(OZMA, TIK_TOK, blocklist=blocked).values())


def test_a_book_of_the_series_that_waits_for_a_better_copy_keeps_no_pack_from_the_others():
    better = oz(1, profile=ProfileSpec(packs=True, upgrade=Upgrade(allowed=True)))
    wants = [msgspec.structs.replace(one, profile=better.profile) for one in (OZMA, TIK_TOK)]
    found = {key: one for want in wants for key, one in searched(want, PACK).items()}
    seen = world([item_of(better, formats=("mp3",))], searches=found)

    made = {one.want: one for one in plan(desired_of(better, *wants), seen, NOW).decisions}

    assert isinstance(made[better.key], Search)
    assert isinstance(made[OZMA.key], Grab)


def test_only_gaps_count():
    made = decisions(OZMA, TIK_TOK, items=(item_of(TIK_TOK),))

    assert {type(one) for one in made.values()} == {Hold}


def test_books_by_another_author_are_not_filled_from_this_pack():
    other = oz(15 - 1, authors=("Ruth Plumly Thompson",), profile=PACKS)

    assert not any(isinstance(one, Grab) for one in decisions(OZMA, other).values())


@pytest.mark.parametrize("profile", [ProfileSpec(), ProfileSpec(packs=True, languages=("de",))])
def test_books_with_other_demands_are_not_filled_from_this_pack(profile):
    other = oz(8, profile=profile)

    assert not any(isinstance(one, Grab) for one in decisions(OZMA, other).values())


_titles = st.sampled_from(
    ("L. Frank Baum - Oz 1-14 [MP3]", "L. Frank Baum - Oz 1-3 [MP3]", "L. Frank Baum - Oz Box Set [M4B]")
)
_packs = st.builds(
    lambda number, title, seeders: release(title, id=f"{number:016x}", infohash=None, seeders=seeders),
    st.integers(1, 3), _titles, st.sampled_from((0, 3, 90)),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(range(14)), st.lists(_packs, max_size=3), max_size=6), st.integers(0, 2**32))
def test_who_gets_which_pack_does_not_depend_on_any_order(found, seed):
    mixed = random.Random(seed)
    wants = [ALL[number] for number in found]
    searches = [one for number, packs in found.items() for one in searched(ALL[number], *packs).items()]
    turned = dict(mixed.sample(searches, len(searches)))
    again = [(key, msgspec.structs.replace(one, offers=one.offers[::-1])) for key, one in turned.items()]

    made = plan(desired_of(*wants), world(searches=dict(searches)), NOW)
    other = plan(desired_of(*mixed.sample(wants, len(wants))), world(searches=dict(again)), NOW)

    assert other.decisions == made.decisions
    grabs = [one for one in made.decisions if isinstance(one, Grab)]
    served = [key for grab in grabs for key in (grab.want, *grab.serves)]
    assert len(served) == len(set(served))
    assert all(len(grab.serves) >= 1 for grab in grabs)
    coming = {one.want for one in made.decisions if one.because.code == "ComesWithPack"}
    assert coming == {key for grab in grabs for key in grab.serves}
