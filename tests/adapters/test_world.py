"""The demo's world holds what it promises: owned books, right releases, labelled decoys, and documents that fit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import mutagen
import pytest
import yaml

from adapters.sandbox.catalogue_books import oz
from adapters.sandbox.world import AUTHOR, LOTS, OWNED, RUNTIMES_MIN, SMALLER, VOLUMES, World, build
from adapters.torrents import read_torrent
from domain.catalogue.choosing import SHORTEST_MIN
from domain.manifest import PolicySpec, ProfileSpec, SeriesSpec

EXAMPLES = Path(__file__).parents[2] / "examples" / "oz"
ANNOUNCE = "http://127.0.0.1:1/announce"
PLAIN = {f"B0OZ{region}{volume.position:05d}" for volume in VOLUMES for region in "0U"}
"""ASINs of the recordings that the world's are."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("oz"), announce=ANNOUNCE)


def documents() -> dict[str, dict[str, object]]:
    texts = [path.read_text() for path in sorted(EXAMPLES.glob("*.yaml"))]
    loaded = [document for text in texts for document in yaml.safe_load_all(text)]
    return {document["kind"]: document["spec"] for document in loaded}


def minutes(folder: Path) -> float:
    """Of one set of files, where there are several."""
    files = [path for path in folder.rglob("*.m*") if SMALLER not in path.name]
    return sum(float(mutagen.File(path).info.length) for path in files) / 60


def test_every_volume_is_owned_or_obtainable_or_neither(world: World) -> None:
    assert world.owned == {1, 3, 5}
    assert len(world.obtainable) == 10
    assert world.unobtainable == {12}
    assert world.owned | world.obtainable | world.unobtainable == {volume.position for volume in VOLUMES}


def test_every_kind_of_decoy_is_among_the_offers() -> None:
    assert {lot.label for lot in LOTS} == {
        "right",
        "wrong_volume",
        "omnibus",
        "abridged",
        "ebook",
        "other_language",
        "not_a_book",
        "other_author",
        "dramatized",
        "dead",
    }


def test_the_book_that_cannot_be_had_is_offered_only_as_something_else(world: World) -> None:
    labels = {offer.label for offer in world.offers if offer.volume == 12}

    assert "right" not in labels
    assert len(labels) >= 6


def test_dead_offers_have_no_seeders_and_no_content_and_the_others_have_both(world: World) -> None:
    for offer in world.offers:
        assert (offer.seeders == 0) == (offer.label == "dead")
        assert (offer.guid in world.seeds) == (offer.label != "dead")


def test_each_torrent_describes_what_stands_in_its_folder(world: World) -> None:
    for offer in world.offers:
        payload = read_torrent(offer.torrent or b"")
        assert payload.files is not None
        assert sum(file.size_bytes for file in payload.files) == offer.size_bytes
        assert ANNOUNCE.encode() in (offer.torrent or b"")
        if offer.label != "dead":
            assert all(
                (world.seeds[offer.guid] / file.path).stat().st_size == file.size_bytes for file in payload.files
            )


def test_no_two_offers_share_an_infohash_and_a_stated_one_is_true(world: World) -> None:
    hashes = [read_torrent(offer.torrent or b"").infohash_v1 for offer in world.offers]

    assert len(set(hashes)) == len(hashes)
    for offer, infohash in zip(world.offers, hashes, strict=True):
        assert offer.attrs.get("infohash", infohash) == infohash


def test_ids_are_the_same_in_every_run_and_with_every_tracker(world: World, tmp_path: Path) -> None:
    again = build(tmp_path, announce="http://127.0.0.1:2/announce")

    first, second = ([read_torrent(offer.torrent or b"").id for offer in one.offers] for one in (world, again))
    assert first == second


def test_right_recordings_and_those_on_the_shelf_have_the_runtime_that_the_catalogue_states(world: World) -> None:
    stated = {
        book.title: {one.minutes for one in book.recordings if one.librivox or set(one.asins.values()) <= PLAIN}
        for book in oz(RUNTIMES_MIN).books
    }

    for volume in VOLUMES:
        assert stated[volume.title] == {volume.runtime_min}
    for position, (folder, _) in OWNED.items():
        assert minutes(world.library / folder) == pytest.approx(RUNTIMES_MIN[position], abs=0.01)
    for offer in world.offers:
        if offer.label == "right" and offer.volume:
            assert minutes(world.seeds[offer.guid]) == pytest.approx(RUNTIMES_MIN[offer.volume], abs=0.01)
            assert 2_500_000 < (offer.size_bytes or 0) < 18_000_000


def test_every_book_is_long_enough_to_count_as_released_and_no_two_are_equally_long() -> None:
    assert min(RUNTIMES_MIN.values()) > SHORTEST_MIN
    assert len(set(RUNTIMES_MIN.values())) == len(VOLUMES)


def test_each_of_four_indexers_offers_right_books_in_its_own_words(world: World) -> None:
    volumes = {
        place: {offer.volume for offer in world.at(place) if offer.label == "right"}
        for place in set(world.places.values())
    }

    assert {place: len(found) for place, found in volumes.items()} == {
        "torznab": 4, "prowlarr": 2, "myanonamouse": 2, "librivox": 2,
    }  # fmt: skip
    assert next((row.title, row.series) for row in world.on_myanonamouse) == (
        "The Patchwork Girl of Oz",
        (("Oz", "7"),),
    )
    assert [one.identifier for one in world.on_librivox] == [
        "the_marvelous_land_of_oz_librivox",
        "rinkitink_in_oz_librivox",
    ]


def test_no_decoy_is_given_away_by_its_length(world: World) -> None:
    shortest, longest = min(RUNTIMES_MIN.values()), max(RUNTIMES_MIN.values())

    for offer in world.offers:
        if offer.label not in ("ebook", "dead"):
            assert shortest - 0.01 <= minutes(world.seeds[offer.guid]) <= longest + 0.01


def test_the_whole_world_is_small(world: World) -> None:
    assert sum(path.stat().st_size for path in world.library.parent.rglob("*") if path.is_file()) < 150_000_000


def test_the_series_of_this_world_is_declared_by_its_name_alone() -> None:
    spec = msgspec.convert(documents()["Series"], SeriesSpec)

    assert (spec.title, spec.author, spec.members) == ("Oz", AUTHOR, "main")
    assert spec.books == ()


def test_the_demo_acts_at_once_and_has_budget_for_every_missing_book(world: World) -> None:
    policy = msgspec.convert(documents()["Policy"], PolicySpec)
    profile = msgspec.convert(documents()["Profile"], ProfileSpec)

    assert policy.bootstrap == "apply"
    assert policy.budgets.grabs_per_tick >= len(world.obtainable | world.unobtainable)
    assert (profile.languages, profile.formats, profile.packs) == (("en",), ("m4b", "mp3"), False)
