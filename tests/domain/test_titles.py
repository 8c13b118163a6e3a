"""Reading release titles: what they say is read, silence stays silent, and no text is too strange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.languages import read_language
from domain.title_reading import read_title


def test_a_tracker_line_is_read_in_full():
    read = read_title("Ozma of Oz: Oz, Book 3 by L. Frank Baum [ENG / M4B] [VIP]")

    assert (read.title, read.authors, read.series) == ("Ozma of Oz", ("L. Frank Baum",), "Oz")
    assert read.position is not None
    assert read.position.low == 3
    assert (read.language, read.formats, read.media, read.kind) == ("en", ("m4b",), "audiobook", "single")


def test_a_scene_name_is_read():
    read = read_title("Edgar Rice Burroughs-A Princess of Mars-AUDiOBOOK-WEB-SE-2022-CRAViNGS iNT")

    assert read.authors == ("Edgar Rice Burroughs",)
    assert (read.language, read.year, read.media) == ("sv", 2022, "audiobook")


@pytest.mark.parametrize(
    ("text", "author", "series", "position", "title"),
    [
        ("L. Frank Baum - Oz 03 - Ozma of Oz", "L. Frank Baum", "Oz", "3", "Ozma of Oz"),
        ("L. Frank Baum - Oz - 03 - Ozma of Oz", "L. Frank Baum", "Oz", "3", "Ozma of Oz"),
        ("Baum, L. Frank - Ozma of Oz", "L. Frank Baum", None, None, "Ozma of Oz"),
        ("Ozma of Oz (Oz #3) by L. Frank Baum", "L. Frank Baum", "Oz", "3", "Ozma of Oz"),
        ("L.Frank.Baum-Ozma.of.Oz.m4b", "L Frank Baum", None, None, "Ozma of Oz"),
        ("L. Frank Baum/Oz/03 - Ozma of Oz", "L. Frank Baum", "Oz", "3", "Ozma of Oz"),
        ("<b>Ozma&nbsp;of Oz</b> by L. Frank Baum", "L. Frank Baum", None, None, "Ozma of Oz"),
    ],
)
def test_who_what_and_which_number(text, author, series, position, title):
    read = read_title(text)

    assert read.title == title
    assert read.authors == (author,)
    assert read.series == series
    assert (read.position.text.lstrip("0") if read.position else None) == position


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The Oz Collection, Books 1-5 [M4B]", "omnibus"),
        ("Oz Box Set by L. Frank Baum", "omnibus"),
        ("Ozma of Oz (Dramatized Adaptation) [MP3]", "dramatized"),
        ("Ozma of Oz (1 of 2)", "part"),
        ("Summary of Ozma of Oz", "summary"),
        ("Ozma of Oz by L. Frank Baum [ENG / EPUB]", "ebook"),
        ("Ozma.of.Oz.1080p.WEB-DL.x264", "video"),
        ("Ozma of Oz by L. Frank Baum [ENG / M4B]", "single"),
    ],
)
def test_the_form_is_read(text, kind):
    assert read_title(text).kind == kind


def test_details_are_read():
    read = read_title("L. Frank Baum - Ozma of Oz (Unabridged) read by Phil Chenevert [64 kbps] {B00ABCDEF1}")

    assert read.abridged is False
    assert read.narrators == ("Phil Chenevert",)
    assert (read.bitrate_kbps, read.asin) == (64, "B00ABCDEF1")
    assert read_title("Ozma of Oz (Gekürzt)").abridged is True
    assert read_title("Ozma of Oz (UngekÃ¼rzt)").language == "de"


def test_silence_stays_silent():
    read = read_title("Ozma of Oz")

    assert (read.authors, read.series, read.position, read.narrators) == ((), None, None, ())
    assert (read.language, read.abridged, read.media, read.year) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "code"), [("ENG", "en"), ("en-US", "en"), ("German", "de"), ("deutsch", "de"), (None, None), ("", None)]
)
def test_languages_have_one_code(text, code):
    assert read_language(text) == code


STRANGE = [
    "Ozma of Oz " * 1_000,
    "<b>" * 3_500 + "Ozma",
    "(" * 10_000,
    "[1/2]" * 2_000,
    "1-" * 5_000,
    "&amp;" * 2_000,
    "read by " * 1_250,
    "edition new " * 900,
    "\x00\ud800" * 5_000,
]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_ten_thousand_strange_characters_are_read_like_any_other_title(text):
    assert len(read_title(text).text) <= 1_000


@given(st.text(max_size=400))
def test_reading_never_raises(text):
    read_title(text, authors=("L. Frank Baum",), series=("Oz",), narrators=("Phil Chenevert",))
