"""Which record is this very recording: the book, then the reading of it, or none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings import Measured, Record, pick

BAUM = ("L. Frank Baum",)


def item(**said: Any) -> Measured:
    known: dict[str, Any] = {
        "path": "Baum/Ozma",
        "title": "Ozma of Oz",
        "author": "L. Frank Baum",
        "runtime_min": 271.4,
    }
    return Measured(**(known | said))


def record(title: str = "Ozma of Oz", minutes: float | None = 271, *voices: str, **said: Any) -> Record:
    known: dict[str, Any] = {"authors": BAUM, "narrators": voices or ("Ana Ejemplo",), "runtime_min": minutes}
    return Record(title=title, **(known | said))


def picked(found: Measured, *records: Record) -> int | None:
    return pick(found, records).match


def test_length_decides_between_readings_of_one_book():
    readings = (record("Ozma of Oz", 254, "Ben Muster"), record(), record("Ozma of Oz", 296, "Cleo Voorbeeld"))

    assert picked(item(), *readings) == 1
    assert picked(item(runtime_min=257), *readings) == 0
    assert picked(item(runtime_min=280), *readings) is None


def test_of_two_records_of_one_recording_the_first_is_taken():
    assert picked(item(), record("Ozma of Oz", 269), record("Ozma of Oz", 271)) == 0
    assert picked(item(), record("Ozma of Oz", 270, "Ana Ejemplo", "L. Frank Baum"), record()) == 0


def test_of_two_recordings_of_nearly_one_length_the_nearer_is_taken():
    assert picked(item(), record("Ozma of Oz", 274, "Ben Muster"), record()) == 1


@pytest.mark.parametrize(
    "other",
    [
        record("Tik-Tok of Oz"),
        record("Ozma of Oz", authors=("Roger S. Baum",)),
        record("Ozma of Oz (Abridged)"),
        record("Ozma of Oz (Dramatized)"),
        record("Ozma of Oz (German Edition)"),
        record("Ozma de Oz [Ozma of Oz]"),
        record("Ozma von Oz"),
        record("The Oz Collection: Books 1-3"),
        record("Ozma of Oz & Tik-Tok of Oz"),
        record("Ozma of Oz, Volume 2"),
        record("Ozma of Oz", 86),
        record("Ozma of Oz", None),
        record(""),
    ],
    ids=lambda other: f"{other.title} {other.runtime_min}",
)
def test_nothing_else_is_this_recording(other):
    assert picked(item(), other) is None


@pytest.mark.parametrize(
    "same",
    [
        record("Ozma of Oz (Unabridged)"),
        record("Ozma of Oz: A Record of Her Adventures with Dorothy Gale of Kansas"),
        record("Ozma of Oz: The Royal Book"),
        record("Ozma of Oz: Oz, Book 3"),
        record("Osma of Oz"),
        record("Ozma of Oz", authors=("Baum, Lyman Frank", "Ana Ejemplo - translator")),
        record("Ozma of Oz", None, runtime_min=None, duration_min=272.0),
    ],
    ids=lambda same: f"{same.title}",
)
def test_a_subtitle_a_spelling_or_an_edition_does_not_hide_it(same):
    assert picked(item(), same) == 0


def test_the_form_that_the_folder_names_is_matched():
    path = "Baum/Ozma of Oz (Dramatized)"

    assert picked(item(path=path, runtime_min=90), record("Ozma of Oz (Dramatised)", 89)) == 0
    assert picked(item(title="Ozma of Oz (1 of 2)"), record("Ozma of Oz (2 of 2)")) is None


def test_the_path_says_what_the_fields_do_not():
    bare = item(path="L. Frank Baum/Oz/Oz 03 - Ozma of Oz", title=None, author=None)

    assert picked(bare, record("Tik-Tok of Oz"), record()) == 1
    assert picked(item(path="L. Frank Baum/Ozma", author="Various"), record()) == 0
    assert (
        picked(
            item(path="Baum - Ozma of Oz - The Annotated Collection"), record("Ozma of Oz: The Annotated Collection")
        )
        == 0
    )


def test_a_number_in_the_path_refuses_another_volume():
    volumes = (record("Fixture Quest, Vol. 1"), record("Fixture Quest"))

    assert picked(item(path="Fixture Quest/Vol. 4", title="Fixture Quest"), *volumes) == 1


def test_a_narrator_in_the_path_decides():
    readings = (record("Ozma of Oz", 270, "Ben Muster"), record())

    assert picked(item(path="Baum/Ozma of Oz {Ben Muster}"), *readings) == 0
    assert picked(item(path="Baum/Ozma of Oz (Muster)", runtime_min=None), *readings) == 0
    assert picked(item(path="Baum/Ozma of Oz {Cleo Voorbeeld}"), *readings) is None


def test_an_asin_in_the_path_decides_unless_the_length_contradicts_it():
    named = item(path="Baum/Ozma of Oz [B0OZ000003]", runtime_min=None)
    readings = (record("Ozma of Oz", 270), record(asin="B0OZ000003"))

    assert picked(named, *readings) == 1
    assert picked(item(path=named.path, runtime_min=280.0), *readings[1:]) == 0
    assert picked(item(path=named.path, runtime_min=600.0), *readings) is None
    assert picked(named, record("Tik-Tok of Oz", asin="B0OZ000003", authors=("Lu Xun",))) is None
    assert picked(item(path=named.path), record(), record("Ozma of Oz", 280, asin="B0OZ000003")) is None


def test_short_pieces_are_held_to_a_narrower_length():
    assert picked(item(runtime_min=12.0), record(minutes=16)) is None
    assert picked(item(runtime_min=12.0), record(minutes=13)) == 0


def test_the_reason_says_what_was_missing():
    assert pick(item(), []).because == "there are no candidates"
    assert "296 min and not 271" in pick(item(), [record(), record(minutes=296)][1:]).because
    assert "Roger S. Baum" in pick(item(), [record(authors=("Roger S. Baum",))]).because
    assert "without its length" in pick(item(runtime_min=None), [record()]).because


WORDS = st.text("abOz 1()[]{}-:,.é三", max_size=30)
RECORDS = st.builds(
    Record,
    title=WORDS | st.none(),
    asin=st.none() | st.just("B0OZ000003"),
    authors=st.none() | st.lists(WORDS, max_size=2).map(tuple),
    narrators=st.none() | st.lists(WORDS, max_size=2).map(tuple),
    runtime_min=st.none() | st.floats(-10, 3000),
)
ITEMS = st.builds(
    Measured,
    path=WORDS | st.none(),
    title=WORDS | st.none(),
    author=WORDS | st.none(),
    runtime_min=st.none() | st.floats(-10, 3000),
)


@given(ITEMS, st.lists(RECORDS, max_size=4))
def test_a_pick_is_one_of_the_candidates_and_always_has_a_reason(found, records):
    told = pick(found, records)

    assert told.match is None or 0 <= told.match < len(records)
    assert told.because


@given(ITEMS, RECORDS)
def test_a_record_of_another_length_is_never_picked_without_its_asin(found, one):
    if found.runtime_min and one.runtime_min and min(found.runtime_min, one.runtime_min) > 0:
        far = abs(found.runtime_min - one.runtime_min) > 5
        if far and "B0OZ000003" not in (found.path or ""):
            assert pick(found, [one]).match is None
