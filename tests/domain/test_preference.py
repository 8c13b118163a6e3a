"""The order among releases that passed: lexicographic, printable, and the same however they came in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.gates import Answer
from domain.manifest import ProfileSpec
from domain.preference import explain, order
from domain.releases import Release
from domain.wants import Want

OZMA = Want(key="ozma", title="Ozma of Oz", authors=("L. Frank Baum",), runtime_min=300)


def offer(number: int, title: str = "Ozma of Oz", **fields: Any) -> Release:
    return Release(**{"id": f"{number:016x}", "indexer": "test", "title": title} | fields)


def best(*offers: Release, want: Want = OZMA) -> str:
    first, _ = order(want, [(release, Answer.CONFIRMED) for release in offers])[0]
    return first.id[-1]


def test_the_keys_are_named_in_their_order():
    assert [name for name, _ in explain(OZMA, offer(1))] == [
        "narrator",
        "edition",
        "format",
        "bitrate",
        "cost",
        "seeders",
        "age",
        "id",
    ]


def test_a_preferred_narrator_goes_before_everything_else():
    want = msgspec.structs.replace(OZMA, profile=ProfileSpec(narrators_preferred=("Phil Chenevert",)))
    liked = offer(1, narrators=("Phil Chenevert",), filetypes=("mp3",), seeders=1)
    other = offer(2, narrators=("Somebody Else",), filetypes=("m4b",), seeders=900)

    assert best(other, liked, want=want) == "1"


def test_the_profile_orders_formats_then_bitrate_then_cost_then_seeders_then_age():
    assert best(offer(1, filetypes=("mp3",), seeders=500), offer(2, filetypes=("m4b",))) == "2"
    assert best(offer(1, "Ozma of Oz 32kbps"), offer(2, "Ozma of Oz 128kbps")) == "2"
    assert best(offer(1, download_factor=1.0, seeders=500), offer(2, download_factor=0.0)) == "2"
    assert best(offer(1, seeders=2), offer(2, seeders=40)) == "2"
    assert best(
        offer(1, published_at=datetime(2020, 1, 1, tzinfo=UTC)), offer(2, published_at=datetime(2024, 1, 1, tzinfo=UTC))
    ) == "2"  # fmt: skip
    assert best(offer(2), offer(1)) == "1"


def test_a_confirmed_release_goes_before_a_better_possible_one():
    judged = [(offer(1, filetypes=("m4b",)), Answer.POSSIBLE), (offer(2, filetypes=("mp3",)), Answer.CONFIRMED)]

    assert [release.id[-1] for release, _ in order(OZMA, judged)] == ["2", "1"]


OFFERS = st.lists(
    st.builds(
        offer,
        st.integers(0, 3),
        filetypes=st.sampled_from([None, ("m4b",), ("mp3",)]),
        seeders=st.one_of(st.none(), st.integers(0, 500)),
        download_factor=st.sampled_from([None, 0.0, 1.0]),
    ),
    max_size=6,
)


@given(OFFERS, st.randoms())
def test_the_order_of_the_input_never_matters(offers, random):
    judged = [(release, Answer.CONFIRMED) for release in offers]
    shuffled = random.sample(judged, len(judged))

    assert [explain(OZMA, release) for release, _ in order(OZMA, judged)] == [
        explain(OZMA, release) for release, _ in order(OZMA, shuffled)
    ]
