"""Any text at all may be a title: reading one never raises, and says nothing that the text does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.languages import LANGUAGES
from domain.names import fold
from domain.title_reading import read_title
from domain.titles import LONGEST, MOST_WORDS, ReleaseTitle, Scan

CORPUS = Path(__file__).parent.parent / "corpus" / "release_titles.jsonl"
TITLES = [json.loads(line)["title"] for line in CORPUS.read_text(encoding="utf-8").splitlines()]
CRUMBS = [
    "a-", "(", ")", "[", "{", "}", "1-2-", " by", "'s ", " by A ", "A B - ", "[1/2]", '"', "'a - b' ", "Book 1 ", "#1 ",
    "Ann Lee ", "Ann Lee, ", "Ann Lee & ", "K. ", "edition new ", "read by a ", "{Ana Ejemplo} ", "a.b.", "Aa", "Aa-",
    "1.", "0.1 ", "Vol. IV: ", "x  ", "- ", "—", "_", "é", "a\u0301", "漢", "<b", "&amp;", "&#0;", "Ab/Cd ", "1/2/",
    "part 1 of 2 ", "The X, The ", "2001 ", "[MP3] ", "EN-", "mp3 320 ", "IVXL", "ungek", "B0", ": ", '"a - b" (1/2) ',
    "9-", "how why ", "a history of ", "Ã¼", "\x00", "\ud800", "\u202e", "\t", "ß", "İ", "½ ", "①", "٣ ", "Ⅻ ",
]  # fmt: skip

strange = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(), max_size=300),  # with surrogates, controls and combining marks
    st.lists(st.sampled_from([*CRUMBS, "Oz", "L. Frank Baum", " - ", ", ", "03", "Ozma of Oz"]), max_size=60).map(
        "".join
    ),
    st.builds(lambda crumb, times: crumb * times, st.sampled_from(CRUMBS), st.integers(1, 2_000)),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real title with pieces cut out, doubled, turned around or put in."""
    title = draw(st.sampled_from(TITLES))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(title))), draw(st.integers(0, len(title)))))
        middle = title[start:end]
        put_in = draw(st.sampled_from(["", middle * 2, middle[::-1], middle.upper(), draw(st.sampled_from(CRUMBS))]))
        title = title[:start] + put_in + title[end:]
    return title


def check(read: ReleaseTitle) -> None:
    assert len(read.text) <= LONGEST
    assert read.language is None or read.language in LANGUAGES
    assert read.year is None or 1500 <= read.year < 2100
    assert all(form == form.lower() for form in read.formats)
    assert read.position is None or read.position.low <= read.position.high
    said = [text for text in (read.title, read.series, *read.authors, *read.narrators) if text is not None]
    glued = fold(read.text).replace(" ", "")
    for text in said:
        assert text.strip()
        assert text.encode()  # no half of a surrogate pair
        assert all(word in glued for word in fold(text).split())


@settings(max_examples=400, deadline=None)
@given(strange)
def test_any_text_is_read(text):
    check(read_title(text))


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_any_mutation_of_a_real_title_is_read(text):
    check(read_title(text))


@settings(max_examples=100, deadline=None)
@given(strange, st.lists(st.text(max_size=20), max_size=2), st.lists(st.text(max_size=20), max_size=2))
def test_strange_names_that_are_known_do_no_harm(text, names, series):
    check(read_title(text, authors=names, narrators=names, series=series))


@settings(max_examples=200, deadline=None)
@given(st.one_of(strange, mutated()))
def test_a_scan_reads_any_text(text):
    scan = Scan(text)
    scan.read_facts()
    scan.read_shape()

    assert len(scan.text) <= LONGEST
    assert len(scan.words) <= MOST_WORDS


@pytest.mark.parametrize("crumb", CRUMBS)
def test_one_thing_over_and_over_is_read_like_any_other_title(crumb):
    for text in (crumb * 1_000, f"L. Frank Baum - {crumb * 1_000}", f"{crumb * 300} by L. Frank Baum [ENG / M4B]"):
        check(read_title(text))


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_reading_twice_says_the_same(text):
    assert read_title(text) == read_title(text)
