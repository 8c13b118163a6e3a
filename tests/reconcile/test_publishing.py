"""A finished download becomes a library item: proved, placed by one rename, seen, matched; resumable at every step."""

from __future__ import annotations

import pytest
from fakes import BAUM, Crash, Stage, Wire, book, replace

from domain.errors import Conflict, Permanent, Transient
from domain.releases import TorrentFile
from domain.world import Outcome
from reconcile.tick import tick

OZMA = book("Ozma of Oz")
PLACE = f"{BAUM}/Ozma of Oz"


async def downloaded(stage: Stage) -> str:
    """A grab that finished; its infohash."""
    stage.want(OZMA)
    stage.offer(OZMA)
    await tick(stage.outside())
    [infohash] = stage.client.adds
    stage.client.finish(infohash)
    stage.clock.advance(minutes=1)
    return infohash


async def reason(stage: Stage, wire: Wire | None = None) -> str:
    """After one more tick: why the want is as it is."""
    report = await tick(stage.outside(wire))
    assert report.plan is not None
    stage.clock.advance(minutes=1)
    return report.plan.decisions[0].because.code


async def say(stage: Stage, verb: str) -> None:
    now = stage.clock.now()
    await stage.store.add_override(target=OZMA.key, verb=verb, value="", why="", who="sam", at=now, until=None)
    stage.clock.advance(seconds=1)


def breaking(call: str, *failures: Exception) -> Wire:
    wire = Wire()
    wire.breaks[call] += failures  # type: ignore[arg-type]
    return wire


async def test_a_finished_download_is_placed_scanned_and_confirmed(stage: Stage):
    await downloaded(stage)

    assert await reason(stage) == "InLibrary"
    assert list(stage.shelf.folders) == [PLACE]
    assert stage.shelf.staged == {}
    assert stage.library.scans == 1
    [row] = [one for one in await stage.store.claims() if one.action == "publish"]
    assert (row.outcome, row.path) == (Outcome.CONFIRMED, PLACE)


async def test_in_place_mode_leaves_the_files_where_they_are(stage: Stage):
    await downloaded(stage)
    stage.shelf.in_place_folder = f"{BAUM}/ozma"

    assert await reason(stage) == "AwaitingScan"
    assert stage.shelf.folders == {}
    [row] = [one for one in await stage.store.claims() if one.action == "publish"]
    assert row.path == f"{BAUM}/ozma"


async def test_one_scan_serves_everything_that_was_published(stage: Stage):
    books = [book(f"Oz Number {number}") for number in range(3)]
    stage.want(*books)
    for one in books:
        stage.offer(one)
    await tick(stage.outside())
    for infohash in stage.client.torrents:
        stage.client.finish(infohash)

    await tick(stage.outside())

    assert len(stage.library.items) == 3
    assert stage.library.scans == 1


async def test_a_book_that_no_scan_brings_up_is_scanned_for_ever_more_rarely(stage: Stage):
    await downloaded(stage)
    stage.library.blind = True

    for _ in range(60):
        assert await reason(stage) == "AwaitingScan"

    assert 3 <= stage.library.scans <= 8
    stage.library.blind = False
    stage.clock.advance(hours=6)
    assert await reason(stage) == "InLibrary"
    assert not [key for key in await stage.store.backoffs() if key.startswith("scan")]


async def test_a_scan_that_fails_is_tried_again_after_a_pause(stage: Stage):
    await downloaded(stage)

    assert await reason(stage, breaking("scan", Transient("a scan is running"))) == "AwaitingScan"
    assert stage.library.scans == 0
    assert await reason(stage) == "InLibrary"


# --- crashes and failures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["files", "audio", "placed", "stage", "place", "discard", "scan", "settle"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_each_step_is_gone_on_from(stage: Stage, call: str, after: bool):
    await downloaded(stage)
    wire = Wire()
    around = wire.call

    def dying(name: str):
        if name == call and wire.crash_in is None:
            wire.crash_in = 2 if after else 1
        return around(name)

    wire.call = dying  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await tick(stage.outside(wire))

    stage.clock.advance(minutes=6)
    assert await reason(stage) == "InLibrary"
    assert list(stage.shelf.folders) == [PLACE]
    assert len(stage.library.items) == 1
    assert [outcome for _, outcome in await stage.claims("publish")] == [Outcome.CONFIRMED]


async def test_a_listed_item_of_an_interrupted_publication_is_still_matched(stage: Stage):
    """Died between the rename and writing it down, and somebody else's scan listed the folder meanwhile."""
    await downloaded(stage)
    stage.library.misreads = True
    wire = Wire()
    wire.loses["place"].append(Transient("the answer was lost"))
    await tick(stage.outside(wire))
    stage.library.scan()
    stage.clock.advance(minutes=1)

    assert await reason(stage) == "InLibrary"
    assert [item.title for item in stage.library.items.values()] == ["Ozma of Oz"]


@pytest.mark.parametrize("call", ["files", "audio", "stage", "place"])
@pytest.mark.parametrize("failure", [Transient("the disk is busy"), Permanent("no space"), Conflict("in the way")])
async def test_a_failure_leaves_the_torrent_alone_and_is_tried_again_after_a_pause(stage: Stage, call: str, failure):
    infohash = await downloaded(stage)

    await tick(stage.outside(breaking(call, failure)))
    assert await reason(stage) == "PublishFailed"
    assert infohash in stage.client.torrents
    assert stage.shelf.folders == {}
    assert await reason(stage) == "InLibrary"


async def test_files_that_are_not_all_complete_are_not_published(stage: Stage):
    infohash = await downloaded(stage)
    stage.client.change(infohash, progress=0.99)

    await tick(stage.outside())
    assert await reason(stage) == "PublishFailed"
    assert stage.shelf.folders == {}


async def test_another_book_at_the_same_place_is_left_alone(stage: Stage):
    await downloaded(stage)
    other = (TorrentFile(path="other.m4b", size_bytes=7),)
    stage.shelf.folders[PLACE] = other

    await tick(stage.outside())
    assert await reason(stage) == "PublishFailed"
    assert stage.shelf.folders == {PLACE: other}


# --- proof -----------------------------------------------------------------------------------------------------------


async def refused(stage: Stage) -> str:
    """A download that turns out to be another book."""
    infohash = await downloaded(stage)
    for path, audio in stage.shelf.recordings.items():
        tags = {"album": "Rinkitink in Oz", "artist": "Somebody Else"}
        stage.shelf.recordings[path] = replace(audio, tags=tags)
    assert await reason(stage) == "ProofFailed"
    return infohash


async def test_a_refused_proof_holds_with_both_sides_and_touches_nothing(stage: Stage):
    infohash = await refused(stage)

    for _ in range(3):
        assert await reason(stage) == "ProofFailed"
    assert stage.shelf.folders == {}
    assert infohash in stage.client.torrents
    [stalled] = [one for one in await stage.store.conditions(OZMA.key) if one.type == "Stalled"]
    assert "Rinkitink in Oz" in stalled.message
    assert "Ozma of Oz" in stalled.message
    assert [outcome for _, outcome in await stage.claims("publish")] == [Outcome.REFUSED]
    assert {one.answer for one in await stage.store.verdicts(OZMA.key) if one.rule == "TitleTag"} <= {"no", "possible"}


async def test_a_person_may_take_it_all_the_same(stage: Stage):
    await refused(stage)
    await say(stage, "force")

    assert await reason(stage) == "InLibrary"
    assert list(stage.shelf.folders) == [PLACE]
    assert [outcome for _, outcome in await stage.claims("publish")] == [Outcome.REFUSED, Outcome.CONFIRMED]


async def test_a_person_may_block_it_and_the_next_best_is_fetched(stage: Stage):
    infohash = await refused(stage)
    [first] = stage.indexer.offers
    second = stage.offer(OZMA, id="f" * 16, seeders=1)
    await stage.store.block(release=first, infohash=None, title="", why="wrong book", at=stage.clock.now())
    await stage.store.request(OZMA.key, at=stage.clock.now())

    await reason(stage)

    assert stage.client.adds == [infohash, stage.indexer.offers[second.id][1].id]
    assert [outcome for _, outcome in await stage.claims()] == [Outcome.ABANDONED, Outcome.SENT]
    assert infohash in stage.client.torrents


# --- metadata --------------------------------------------------------------------------------------------------------


async def test_a_wrong_title_is_corrected_and_the_old_one_is_kept(stage: Stage):
    await downloaded(stage)
    stage.library.blind = True
    await reason(stage)
    stage.library.blind = False
    stage.library.scan()
    [item] = stage.library.items.values()
    stage.library.items[item.id] = replace(item, title="ozma-of-oz-64kb")

    assert await reason(stage) == "InLibrary"

    assert [one.title for one in stage.library.items.values()] == ["Ozma of Oz"]
    [correction] = await stage.store.corrections()
    assert (correction.field, correction.old, correction.new) == ("title", "ozma-of-oz-64kb", "Ozma of Oz")


async def test_a_library_that_keeps_its_own_title_is_asked_more_and_more_rarely(stage: Stage):
    await downloaded(stage)
    stage.library.blind = True
    await reason(stage)
    stage.library.blind = False
    stage.library.scan()
    [item] = stage.library.items.values()
    stage.library.items[item.id] = replace(item, title="ozma-of-oz-64kb")
    stage.library.keeps_titles = True
    writes = 0

    for _ in range(30):
        wire = Wire()
        assert await reason(stage, wire) in ("EnrichFailed", "MetadataDiffers")
        writes += wire.calls.count("write")

    assert 2 <= writes <= 7
