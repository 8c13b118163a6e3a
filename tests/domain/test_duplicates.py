"""The same torrent at several indexers is one release."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.duplicates import fold
from domain.releases import Release, SeriesName

HASH = "a" * 40


def release(id_: str, indexer: str, **changes: Any) -> Release:
    return Release(**({"id": id_, "indexer": indexer, "title": "Ozma of Oz"} | changes))


NATIVE = release(
    "9", "mam", tracker_id="mam/7", authors=("L. Frank Baum",), narrators=("Ann Other",),
    series=(SeriesName(name="Oz", position="3"),), language="en", seeders=4,
)  # fmt: skip
FEED = release("2", "prowlarr", tracker_id="mam/7", authors=("L. Frank Baum",), infohash=HASH, seeders=9, files=1)
PLAIN = release("3", "jackett", infohash=HASH, size_bytes=300, title="Ozma.of.Oz.M4B", seeders=2)


def test_what_shares_a_torrent_or_a_number_is_one_release_and_the_most_trusted_stays():
    [one] = fold((PLAIN, FEED, NATIVE))

    assert (one.id, one.indexer, one.title, one.narrators) == ("9", "mam", "Ozma of Oz", ("Ann Other",))
    assert one.also_at == ("jackett", "prowlarr")


def test_what_it_leaves_open_is_filled_in_and_nothing_is_overwritten():
    [one] = fold((PLAIN, FEED, msgspec.structs.replace(NATIVE, language="de")))

    assert (one.infohash, one.size_bytes, one.files, one.language) == (HASH, 300, 1, "de")
    assert one.seeders == 9


def test_a_title_makes_no_two_releases_one():
    twins = (release("1", "mam"), release("2", "prowlarr"), release("3", "mam", infohash=HASH))

    assert fold(twins) == twins


def test_an_infohash_in_capitals_is_the_same():
    assert len(fold((PLAIN, release("4", "annex", infohash=HASH.upper())))) == 1


def test_unknown_stays_unknown_where_the_others_contradict_each_other():
    other = release("4", "annex", tracker_id="mam/7", infohash="b" * 40)

    assert next(one for one in fold((NATIVE, FEED, other)) if one.indexer == "mam").infohash is None


def test_seeders_nobody_knows_stay_unknown():
    [one] = fold((release("1", "mam", infohash=HASH), release("2", "annex", infohash=HASH)))

    assert one.seeders is None


def test_who_offered_it_before_is_remembered_when_folded_again():
    once = fold((NATIVE, FEED))

    assert fold((*once, PLAIN)) == fold((NATIVE, FEED, PLAIN))
    assert fold(once) == once


releases = st.builds(
    release,
    st.sampled_from("123456"),
    st.sampled_from(("mam", "annex", "shelf")),
    infohash=st.sampled_from((None, "a" * 40, "b" * 40)),
    tracker_id=st.sampled_from((None, "mam/1", "mam/2")),
    authors=st.sampled_from((None, ("L. Frank Baum",))),
    seeders=st.sampled_from((None, 0, 3)),
    size_bytes=st.sampled_from((None, 5)),
)


@given(st.lists(releases, max_size=8), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_and_no_torrent_is_left_twice(given_: list[Release], chance: random.Random):
    shuffled = given_[:]
    chance.shuffle(shuffled)

    folded = fold(given_)

    assert folded == fold(shuffled)
    assert fold(folded) == folded
    hashes = [one.infohash for one in folded if one.infohash]
    assert len(set(hashes)) == len(hashes)
    assert {one.indexer for one in given_} == {at for one in folded for at in (one.indexer, *one.also_at)}
