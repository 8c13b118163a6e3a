from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.naming import LONGEST_BYTES, file_names, read_shelf_path, shelf_path
from domain.positions import read_position
from domain.releases import TorrentFile
from domain.shelf_names import is_disc_folder, read_people
from domain.wants import Want

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures/naming/abs_paths.jsonl").read_text().splitlines()
]
BAUM = ("L. Frank Baum",)


def want(
    title: str, *, authors: tuple[str, ...] = BAUM, series: str | None = None, position: str | None = None
) -> Want:
    place = read_position(position) if position is not None else None
    return Want(key="baum/book", title=title, authors=authors, series=series, position=place)


def names_of(*paths: str) -> dict[str, str]:
    return dict(file_names([TorrentFile(path=path, size_bytes=1) for path in paths]))


# Reading, as Audiobookshelf does it.


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "path"], ids=lambda row: row["id"])
def test_a_path_is_read_as_audiobookshelf_reads_it(row):
    read = read_shelf_path(row["path"], parse_subtitle=row["parse_subtitle"])

    assert {
        "author": list(read.authors),
        "series": read.series,
        "sequence": read.sequence,
        "title": read.title,
        "subtitle": read.subtitle,
        "narrator": list(read.narrators),
        "publishedYear": read.year,
        "asin": read.asin,
    } == row["expected"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "names"], ids=lambda row: row["id"])
def test_people_are_read_as_audiobookshelf_reads_them(row):
    assert list(read_people(row["path"])) == row["expected"]["names"]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Sir Arthur Conan Doyle", ("Arthur Conan Doyle",)),
        ("Kurt Mustermann Jr.", ("Kurt Mustermann",)),
        ('John "Jack" Doe', ("John Doe",)),
        ("van der Berg, Anna", ("Anna van der Berg",)),
        ("Homer & Hesiod", ("Homer", "Hesiod")),
        ("Homer, Hesiod", ("Hesiod Homer",)),
        ("EDGAR RICE BURROUGHS", ("Edgar Rice Burroughs",)),
        ("Simon and Schuster", ("Simon", "Schuster")),
        ("Dr.", ()),
        ("", ()),
    ],
)
def test_honours_suffixes_and_nicknames_are_lost_on_the_way(text, people):
    assert read_people(text) == people


def test_a_subtitle_is_only_cut_off_where_the_server_is_set_so():
    path = "L. Frank Baum/Ozma of Oz - A Record of Her Adventures"

    assert read_shelf_path(path).title == "Ozma of Oz - A Record of Her Adventures"
    assert read_shelf_path(path, parse_subtitle=True).title == "Ozma of Oz"


# Choosing a folder.


@pytest.mark.parametrize(
    ("wanted", "narrators", "path"),
    [
        (
            want("Ozma of Oz", series="Oz", position="3"),
            ("Ann Reader",),
            "L. Frank Baum/Oz/03 - Ozma of Oz {Ann Reader}",
        ),
        (want("Ozma of Oz"), (), "L. Frank Baum/Ozma of Oz"),
        (
            want("Little Wizard Stories", series="Oz", position="0.5"),
            (),
            "L. Frank Baum/Oz/0.5 - Little Wizard Stories",
        ),
        (want("Glinda of Oz", series="Oz", position="14"), (), "L. Frank Baum/Oz/14 - Glinda of Oz"),
        (want("A Late One", series="Oz", position="110"), (), "L. Frank Baum/Oz/110 - A Late One"),
        (want("Ozma of Oz", series="Oz"), (), "L. Frank Baum/Oz/Ozma of Oz"),
        (want("Ozma of Oz", authors=(), series="Oz", position="3"), (), "Ozma of Oz"),
        (want("The Iliad", authors=("Homer", "Hesiod")), (), "Homer & Hesiod/The Iliad"),
        (want("The Iliad", authors=("Ann Author", "Ben Writer")), (), "Ann Author, Ben Writer/The Iliad"),
        (want("Ozma of Oz"), ("Ann Reader", "Ben Speaker"), "L. Frank Baum/Ozma of Oz {Ann Reader, Ben Speaker}"),
    ],
)
def test_a_book_goes_where_its_author_series_and_number_say(wanted, narrators, path):
    assert shelf_path(wanted, narrators=narrators) == path


@pytest.mark.parametrize("position", ["1-3", "5p3", "1000", "1, 2"])
def test_a_number_the_server_cannot_read_is_left_to_the_metadata_write(position):
    path = shelf_path(want("The Oz Collection", series="Oz", position=position))

    assert path == "L. Frank Baum/Oz/The Oz Collection"
    assert read_shelf_path(path).sequence is None


@pytest.mark.parametrize(
    ("title", "folder"),
    [
        ("Tarzan: The Lost Adventure", "Tarzan - The Lost Adventure"),
        ("10:04", "10-04"),
        ('What? "No" <Never>', "What 'No' (Never)"),
        ("Either/Or", "Either-Or"),
        ("The Wait...", "The Wait"),
        ("...and so on", "and so on"),
        (".hidden", "hidden"),
        ("con", "con_"),
        ("Nul.txt", "Nul_.txt"),
        ("???", "Untitled"),
        ("A\x00B\nC\u202eD", "AB CD"),
        ("Cafe\u0301", "Café"),
        ("CD 1", "CD-1"),
        ("Disc12", "Disc-12"),
        ("Odd {Name}", "Odd (Name)"),
        ("Odd [B0015T963C]", "Odd (B0015T963C)"),
        ("1984 - A Novel", "1984 – A Novel"),
        ("Anything @eaDir", "Anything eaDir"),
    ],
)
def test_a_title_is_spelled_so_that_disks_and_the_server_take_it(title, folder):
    path = shelf_path(want(title))

    assert path == f"L. Frank Baum/{folder}"
    assert read_shelf_path(path).title == folder


@pytest.mark.parametrize("title", ["300", "Book 3", "5. The Fifth", "0.5", "Vol. 2 Return"])
def test_a_title_that_reads_as_a_number_stands_without_its_series_unless_it_has_one(title):
    alone = read_shelf_path(shelf_path(want(title, series="Oz")))
    numbered = read_shelf_path(shelf_path(want(title, series="Oz", position="4")))

    assert (alone.title, alone.series, alone.sequence) == (title, None, None)
    assert (numbered.title, numbered.series, numbered.sequence) == (title, "Oz", "4")


def test_a_long_name_loses_its_narrators_first_and_is_then_cut_at_a_whole_character():
    long = want("é" * 130, series="Oz", position="2")

    folder = shelf_path(long, narrators=("Ann Reader",)).rpartition("/")[2]

    assert folder.startswith("02 - éé")
    assert "Ann" not in folder
    assert 250 <= len(folder.encode()) <= LONGEST_BYTES


def test_authors_beyond_the_limit_are_left_out_whole():
    crowd = tuple(f"Author Number{at}" for at in range(40))

    author = shelf_path(want("An Anthology", authors=crowd)).partition("/")[0]

    assert read_people(author) == crowd[: len(read_people(author))]
    assert len(author.encode()) <= LONGEST_BYTES


TEXT = (
    st.text(max_size=60)
    | st.text(alphabet="aB9.:-–{}[]() /&,;'\"?é张", max_size=30)
    | st.text(min_size=200, max_size=300)
)
POSITION = st.sampled_from([None, "0", "1", "0.5", "2.25", "12", "999", "1000", "1-3", "5p3"])
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\..*)?$", re.IGNORECASE)


@given(title=TEXT, authors=st.lists(TEXT, max_size=3), series=st.none() | TEXT, position=POSITION, narrator=TEXT)
@example(title="CD 1", authors=["x"], series=None, position=None, narrator="")
@example(title="2001 -x", authors=["x"], series="y", position=None, narrator="")
@example(title=" -  - ", authors=["x"], series="y", position=None, narrator="{}")
def test_any_name_gives_a_safe_path_from_which_nothing_wrong_is_read(title, authors, series, position, narrator):
    wanted = want(title, authors=tuple(authors), series=series, position=position)

    path = shelf_path(wanted, narrators=(narrator,))

    parts = path.split("/")
    assert 1 <= len(parts) <= 3
    for part in parts:
        assert part
        assert part == unicodedata.normalize("NFC", part)
        assert len(part.encode()) <= LONGEST_BYTES
        assert part[0] not in ". "
        assert part[-1] not in ". "
        assert not RESERVED.match(part)
        assert not set(part) & set('<>:"\\|?*\0\n\r\t')
    assert not is_disc_folder(parts[-1])
    read = read_shelf_path(path)
    assert read.title
    assert read.year is None
    assert read.asin is None
    number = wanted.position
    readable = number is not None and number.whole_book and number.low < 1000
    right = f"{float(number.low):g}" if readable and read.series else None
    assert read.sequence == right
    assert read.series in (None, parts[-2] if len(parts) == 3 else None)


WORD = st.text(alphabet=st.characters(categories=["Ll", "Lo"], codec="utf-8"), min_size=2, max_size=12)
PLAIN = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
PERSON = st.lists(WORD.map(str.capitalize), min_size=2, max_size=3).map(" ".join)


@given(
    title=PLAIN,
    authors=st.lists(PERSON, min_size=1, max_size=2, unique=True).map(tuple),
    series=PLAIN,
    position=st.sampled_from(["0", "1", "0.5", "2.25", "12", "999"]),
    narrators=st.lists(PERSON, max_size=2, unique=True).map(tuple),
)
def test_plain_names_come_back_just_as_they_were(title, authors, series, position, narrators):
    # What the docstring of `shelf_path` lists is left out here: names that the server changes, and very long ones.
    assume(all(unicodedata.is_normalized("NFC", text) for text in (title, series, *authors, *narrators)))
    assume(all(read_people(person) == (person,) for person in (*authors, *narrators)))
    assume(not is_disc_folder(title) and not RESERVED.match(title) and not RESERVED.match(series))
    wanted = want(title, authors=authors, series=series, position=position)
    path = shelf_path(wanted, narrators=narrators)
    assume(max(len(part.encode()) for part in path.split("/")) < LONGEST_BYTES - 80)

    read = read_shelf_path(path)

    assert (read.title, read.series, read.sequence) == (title, series, f"{float(position):g}")
    assert read.authors == authors
    assert read.narrators == narrators


# Naming files.


def test_the_folders_around_the_audio_are_taken_off():
    assert names_of("Oz/Audio/1.mp3", "Oz/Audio/2.mp3", "Oz/cover.jpg") == {
        "Oz/Audio/1.mp3": "1.mp3",
        "Oz/Audio/2.mp3": "2.mp3",
        "Oz/cover.jpg": "cover.jpg",
    }
    assert names_of("Ozma of Oz.m4b") == {"Ozma of Oz.m4b": "Ozma of Oz.m4b"}


def test_disc_folders_stay_because_the_server_joins_them():
    assert names_of("Oz/Disc 1/01.mp3", "Oz/Disc 2/01.mp3", "Oz/Disc 1/front.jpg") == {
        "Oz/Disc 1/01.mp3": "CD1/01.mp3",
        "Oz/Disc 2/01.mp3": "CD2/01.mp3",
        "Oz/Disc 1/front.jpg": "CD1/front.jpg",
    }


def test_other_folders_would_become_books_so_everything_goes_into_one_in_order():
    names = names_of(
        "Oz/Part 10/01.mp3", "Oz/Part 2/02.mp3", "Oz/Part 2/01.mp3", "Oz/Part 1/CD 1/01.mp3", "Oz/Part 1/a.cue"
    )

    assert sorted(names.items(), key=lambda pair: pair[1]) == [
        ("Oz/Part 1/CD 1/01.mp3", "001 - Part 1 - CD-1 - 01.mp3"),
        ("Oz/Part 2/01.mp3", "002 - Part 2 - 01.mp3"),
        ("Oz/Part 2/02.mp3", "003 - Part 2 - 02.mp3"),
        ("Oz/Part 10/01.mp3", "004 - Part 10 - 01.mp3"),
        ("Oz/Part 1/a.cue", "Part 1 - a.cue"),
    ]


@pytest.mark.parametrize(
    "junk",
    [
        "x.exe",
        "x.url",
        "x.nfo",
        "metadata.json",
        "x.opf",
        "desc.txt",
        "reader.txt",
        "x.epub",
        "x.pdf",
        "._01.mp3",
        "sub/.pad/9",
    ],
)
def test_what_is_not_the_recording_stays_out_of_the_library(junk):
    assert names_of("Oz/01.mp3", f"Oz/{junk}") == {"Oz/01.mp3": "01.mp3"}


def test_a_download_without_audio_gives_nothing():
    assert names_of("Oz/book.epub", "Oz/cover.jpg") == {}


def test_names_that_become_equal_or_differ_only_in_case_are_told_apart():
    names = names_of("Oz/a?.mp3", "Oz/A.mp3", "Oz/a.MP3")

    assert len({name.casefold() for name in names.values()}) == 3


@given(
    st.lists(
        st.lists(
            st.sampled_from(["CD 1", "CD2", "Part 1", ".x", "..", "a:b", "é" * 200, "Oz"]), min_size=1, max_size=4
        ).map("/".join),
        unique=True,
        max_size=6,
    )
)
def test_any_download_gives_plain_names_within_one_book(folders):
    paths = [f"{folder}/{name}" for folder in folders for name in ("01.mp3", ".2.m4b", "cover.jpg")]

    names = names_of(*paths)

    assert set(names) == set(paths)
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        *above, last = name.split("/")
        assert not above or (len(above) == 1 and is_disc_folder(above[0]))
        assert not last.startswith(".")
        assert len(last.encode()) <= LONGEST_BYTES
