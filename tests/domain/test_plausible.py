"""The index of wants: every pair that the judge would confirm or call possible is plausible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import matching
from domain.gates import Answer, answer, judge
from domain.names import words_of
from domain.plausible import Plausible
from domain.positions import read_position
from domain.releases import Release, SeriesName
from domain.wants import Want

ROOT = Path(__file__).parent.parent.parent

ROWS = list(matching.rows(ROOT / "tests" / "corpus" / "rank_cases.jsonl"))
OZMA = Want(key="ozma", title="Ozma of Oz", authors=("L. Frank Baum",), series="Oz", position=read_position("3"))
MIND = Want(key="mind", title="The Master Mind of Mars", authors=("Edgar Rice Burroughs",))


def offer(title: str, **fields: Any) -> Release:
    return Release(**{"id": "00000000000000aa", "indexer": "test", "title": title, "category": "3030"} | fields)


def taken_for(wants: list[Want], release: Release) -> list[str]:
    return [want.key for want in Plausible(wants).wants_for(release)]


def missed(wants: list[Want], release: Release) -> list[Want]:
    """Wants that the judge does not refuse and the index leaves out."""
    plausible = Plausible(wants).wants_for(release)
    return [want for want in wants if answer(judge(want, release)) is not Answer.NO and want not in plausible]


def test_a_release_is_plausible_for_its_own_book_and_not_for_its_neighbours():
    assert taken_for([OZMA, MIND], offer("L. Frank Baum - Ozma of Oz [M4B]")) == ["ozma"]
    assert taken_for([OZMA, MIND], offer("Sense and Sensibility by Jane Austen")) == []
    assert taken_for([], offer("Ozma of Oz")) == []


def test_another_name_an_asin_the_series_and_a_persons_choice_make_a_release_plausible():
    mind = msgspec.structs.replace(MIND, other_titles=("Vad Varo of Barsoom",), asins=("B00AAAAAA1",))
    pinned = msgspec.structs.replace(OZMA, pinned="00000000000000AA")

    assert taken_for([mind], offer("Vad Varo of Barsoom")) == ["mind"]
    assert taken_for([mind], offer("something [b00aaaaaa1]")) == ["mind"]
    assert taken_for([OZMA], offer("L. Frank Baum - Oz 03")) == ["ozma"]
    assert taken_for([pinned], offer("something quite different")) == ["ozma"]
    assert taken_for([OZMA], offer("something quite different")) == []


@pytest.mark.parametrize(
    ("want", "title", "rule"),
    [
        (Want(key="w", title="Ozma: Lost Kings of Mars"), "Ozma [M4B]", "SubtitleMissing"),
        (Want(key="w", title="Jack Pumpkinhead", series="Oz", position=read_position("23")), "Oz 23", "TitleUnstated"),
        (Want(key="w", title="The Sign of the Four"), "The Signs of the Four", "WrongTitle"),
        (Want(key="w", title="Ozma", asins=("B00AAAAAA1",)), "Ozna [B00AAAAAA1]", "AsinMatches"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_only_may_be_the_book_is_plausible_for_it(want, title, rule):
    verdicts = judge(want, offer(title))

    assert answer(verdicts) is Answer.POSSIBLE
    assert rule in {verdict.rule for verdict in verdicts if verdict.answer is Answer.POSSIBLE}
    assert taken_for([want], offer(title)) == ["w"]


def test_no_pair_of_the_corpus_that_is_not_refused_is_left_out():
    wants = [msgspec.structs.replace(matching.want_of(row), key=row["id"]) for row in ROWS]
    index = Plausible(wants)
    for row, want in zip(ROWS, wants, strict=True):
        for native in (True, False):
            for place, candidate in enumerate(row["candidates"]):
                release = matching.release_of(place, candidate, native=native, category="3030")
                if answer(judge(want, release)) is not Answer.NO:
                    assert want in index.wants_for(release), (want.title, release.title)


VOCABULARY = sorted(
    words_of(
        "Ozma of Oz Ozna the Book 3 Tik-Tok Mars Master Mind Mastermind by L. Frank Baum - : , ( ) or Quest Vol. #2"
    )
)
NAMES = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6).map(" ".join)
POSITIONS = st.sampled_from(["1", "2", "3", "0.5", "1-3"]).map(read_position)
WANTS = st.builds(
    Want,
    key=st.just("want"),
    title=NAMES,
    authors=st.sampled_from([(), ("L. Frank Baum",)]),
    series=st.none() | NAMES,
    position=st.none() | POSITIONS,
    other_titles=st.lists(NAMES, max_size=2).map(tuple),
    asin=st.none() | st.just("B00AAAAAA1"),
)
SERIES = st.none() | st.builds(SeriesName, name=NAMES, position=st.none() | st.sampled_from(["3", "2"])).map(
    lambda one: (one,)
)
LINES = st.lists(st.sampled_from([*VOCABULARY, "[B00AAAAAA1]"]), max_size=12).map(" ".join)


@settings(max_examples=400)
@given(
    st.lists(WANTS, max_size=3), st.builds(offer, LINES, series=SERIES, authors=st.none() | st.just(("L. Frank Baum",)))
)
def test_no_pair_that_is_not_refused_is_left_out(wants, release):
    assert missed(wants, release) == []


@given(WANTS, st.text(max_size=60))
def test_any_text_is_read(want, text):
    assert missed([want], offer(text)) == []
    assert missed([msgspec.structs.replace(want, title=text or "x")], offer(text)) == []
