"""Downloads that go wrong, proofs that refuse, and duties, tick by tick: what becomes of torrent and want."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import BAUM, Stage, Wire, book, replace

from domain.actions import Hold
from domain.errors import Conflict, Permanent, Transient
from domain.releases import TorrentFile
from domain.wanted_files import CHOOSE_TAG
from domain.world import Outcome, Torrent, TorrentState
from reconcile.tick import tick

OZMA = book("Ozma of Oz")
ERROR = {"state": TorrentState.ERROR}
MISSING = {"state": TorrentState.MISSING_FILES, "progress": 0.0}


async def grabbed(stage: Stage) -> str:
    """The id of a torrent that was just added for a wanted book."""
    stage.want(OZMA)
    stage.offer(OZMA)
    await tick(stage.outside())
    [torrent] = stage.client.adds
    stage.clock.advance(minutes=1)
    return torrent


async def ready(stage: Stage, wire: Wire | None = None) -> tuple[str, str]:
    """Reason and message of the want after one more tick."""
    await tick(stage.outside(wire))
    [one] = [one for one in await stage.store.conditions(OZMA.key) if one.type == "Ready"]
    return one.reason, one.message


async def say(stage: Stage, verb: str) -> None:
    stage.clock.advance(seconds=1)
    now = stage.clock.now()
    await stage.store.add_override(target=OZMA.key, verb=verb, value="", why="", who="sam", at=now, until=None)
    await stage.store.request(OZMA.key, at=now)
    stage.clock.advance(seconds=1)


# --- bounded tries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trouble", "verb"), [(ERROR, "start"), (MISSING, "recheck")])
async def test_a_broken_download_is_tried_after_a_quarter_of_an_hour_an_hour_and_a_day(stage: Stage, trouble, verb):
    torrent = await grabbed(stage)
    begun = stage.clock.now()
    tried: list[int] = []

    for minutes in (0, 14, 15, 16, 74, 75, 76, 75 + 1439, 75 + 1440):
        stage.clock.time = begun + timedelta(minutes=minutes)
        stage.client.change(torrent, **trouble)
        wire = Wire()
        await tick(stage.outside(wire))
        tried += [minutes] * wire.calls.count(verb)

    assert tried == [0, 15, 75]
    assert await stage.claims() == [(OZMA.key, Outcome.ABANDONED)]


async def test_what_is_given_up_stays_in_the_client_and_the_next_best_release_has_its_turn(stage: Stage):
    first = await grabbed(stage)
    second = stage.offer(OZMA, id="f" * 16, seeders=1)
    for _ in range(5):
        stage.client.change(first, **ERROR)
        await tick(stage.outside())
        stage.clock.advance(hours=25)

    assert stage.client.adds == [first, stage.indexer.offers[second.id][1].id]
    assert [outcome for _, outcome in await stage.claims()] == [Outcome.ABANDONED, Outcome.SENT]
    assert first in stage.client.torrents
    [failure] = [one for one in await stage.store.failures(OZMA.key) if one.reason == "DownloadGivenUp"]
    assert "after 3 tries" in failure.message


async def test_when_no_release_is_left_a_person_is_told_what_was_tried(stage: Stage):
    torrent = await grabbed(stage)
    for _ in range(5):
        stage.client.change(torrent, **ERROR)
        await tick(stage.outside())
        stage.clock.advance(hours=25)

    reason, message = await ready(stage)

    assert reason == "NeedsYou"
    assert "the client reports an error, after 3 tries" in message
    assert f"override retry {OZMA.key}" in message
    assert stage.client.adds == [torrent]


async def test_who_asks_again_after_all_was_tried_has_the_same_torrent_taken_up_again(stage: Stage):
    torrent = await grabbed(stage)
    for _ in range(5):
        stage.client.change(torrent, **ERROR)
        await tick(stage.outside())
        stage.clock.advance(hours=25)
    stage.client.change(torrent, state=TorrentState.ACTIVE, last_activity_at=stage.clock.now())
    await say(stage, "retry")

    reason, _ = await ready(stage)

    assert reason == "Downloading"
    assert stage.client.adds == [torrent]
    assert [outcome for _, outcome in await stage.claims()] == [Outcome.ABANDONED, Outcome.SENT]


async def test_a_download_that_nobody_has_is_given_up_after_one_try(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.change(torrent, seeders=0)
    stage.clock.advance(hours=25)
    starts = 0

    for _ in range(6):
        wire = Wire()
        await tick(stage.outside(wire))
        starts += wire.calls.count("start")
        stage.clock.advance(minutes=10)

    assert starts == 1
    assert await stage.claims() == [(OZMA.key, Outcome.ABANDONED)]


async def test_a_download_that_goes_on_has_its_tries_forgotten(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.change(torrent, **ERROR)
    await tick(stage.outside())
    assert f"download/{torrent}" in await stage.store.backoffs()

    stage.clock.advance(minutes=16)
    stage.client.change(torrent, progress=0.4, last_activity_at=stage.clock.now())
    await tick(stage.outside())
    assert f"download/{torrent}" not in await stage.store.backoffs()

    stage.client.change(torrent, **ERROR)
    _, message = await ready(stage)
    assert "try 1 of 3" in message


async def test_looking_at_a_download_that_goes_on_forgets_nothing(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.change(torrent, **ERROR)
    await tick(stage.outside())
    stage.clock.advance(minutes=16)
    stage.client.change(torrent, last_activity_at=stage.clock.now())

    await tick(stage.outside(), mode="plan")

    assert f"download/{torrent}" in await stage.store.backoffs()


async def test_a_rest_tells_its_number_its_end_and_what_comes_then(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.change(torrent, **ERROR)
    await tick(stage.outside())
    stage.client.change(torrent, **ERROR)

    reason, message = await ready(stage)

    assert reason == "DownloadTroubled"
    again = stage.clock.now() + timedelta(minutes=15)
    assert message == (
        f"the client reports an error; try 1 of 3 was made, looked at again {again:%Y-%m-%d %H:%M} UTC; "
        "then it is started again"
    )


async def test_a_torrent_interrupted_while_its_files_were_chosen_has_them_chosen(stage: Stage):
    torrent = await grabbed(stage)
    payload = stage.client.payloads[torrent]
    audio, *_ = payload.files or ()
    waste = TorrentFile(path=f"{OZMA.title}/{OZMA.title}_spectrogram.png", size_bytes=9_000_000)
    stage.client.payloads[torrent] = replace(payload, files=(audio, waste))
    stage.client.change(torrent, state=TorrentState.STOPPED, tags=(f"want:{OZMA.key}", CHOOSE_TAG))

    await tick(stage.outside())

    assert stage.client.left_out == {torrent: frozenset({waste.path})}
    assert stage.client.torrents[torrent].state is TorrentState.ACTIVE
    assert stage.client.torrents[torrent].tags == (f"want:{OZMA.key}",)


async def test_a_torrent_that_a_person_stopped_is_left_alone(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.change(torrent, state=TorrentState.STOPPED)
    wire = Wire()

    for _ in range(5):
        assert (await ready(stage, wire))[0] == "DownloadStopped"
        stage.clock.advance(hours=20)
    assert not {"start", "recheck", "choose", "remove"} & set(wire.calls)


async def test_a_list_of_the_client_that_could_not_be_read_loses_no_torrent(stage: Stage):
    torrent = await grabbed(stage)
    stage.client.down = True

    reason, _ = await ready(stage)

    assert reason == "ClientDown"
    stage.client.down = False
    assert (await ready(stage))[0] == "Downloading"
    assert stage.client.adds == [torrent]


# --- an import that fails --------------------------------------------------------------------------------------------


TOUCHES = {"start", "recheck", "choose", "remove", "tag", "untag", "add"}


@pytest.mark.parametrize("call", ["files", "audio", "stage", "place"])
@pytest.mark.parametrize(
    "failure", [Transient("the disk is busy"), Permanent("no right to write"), Conflict("something is in the way")]
)
async def test_a_failed_import_never_touches_the_torrent(stage: Stage, call: str, failure):
    torrent = await grabbed(stage)
    stage.client.finish(torrent)
    before = stage.client.torrents[torrent]
    wire = Wire()
    wire.breaks[call] += [failure] * 50

    for _ in range(8):
        await tick(stage.outside(wire))
        stage.clock.advance(hours=7)

    assert stage.client.torrents[torrent] == before
    assert not TOUCHES & set(wire.calls)
    assert stage.shelf.folders == {}


async def test_a_refused_proof_never_touches_the_torrent(stage: Stage):
    torrent = await refused(stage)
    before, wire = stage.client.torrents[torrent], Wire()

    for _ in range(5):
        await tick(stage.outside(wire))
        stage.clock.advance(days=1)

    assert stage.client.torrents[torrent] == before
    assert not TOUCHES & set(wire.calls)


# --- what a person may answer to a refused proof ---------------------------------------------------------------------


async def refused(stage: Stage) -> str:
    """A download whose sound says that it is another book."""
    torrent = await grabbed(stage)
    wrong = {"album": "Rinkitink in Oz", "artist": "Somebody Else"}
    for path, audio in stage.shelf.recordings.items():
        stage.shelf.recordings[path] = replace(audio, tags=wrong)
    stage.client.finish(torrent)
    await tick(stage.outside())
    return torrent


async def test_the_hold_of_a_refused_proof_shows_both_sides_and_every_answer(stage: Stage):
    await refused(stage)

    reason, message = await ready(stage)

    assert reason == "ProofFailed"
    [grab] = [claim for claim in await stage.store.claims() if claim.action == "grab"]
    for words in (
        "found Rinkitink in Oz, expected Ozma of Oz",
        f"bibliostat override force {OZMA.key}",
        f"bibliostat override retry {OZMA.key}",
        f"bibliostat block {grab.release}",
    ):
        assert words in message


async def test_force_takes_it_all_the_same(stage: Stage):
    await refused(stage)
    await say(stage, "force")

    assert (await ready(stage))[0] == "InLibrary"
    assert list(stage.shelf.folders) == [f"{BAUM}/Ozma of Oz"]


async def test_retry_has_it_proved_again_after_a_change(stage: Stage):
    await refused(stage)
    await say(stage, "retry")
    assert (await ready(stage))[0] == "ProofFailed"

    right = {"album": "Ozma of Oz", "artist": BAUM}
    for path, audio in stage.shelf.recordings.items():
        stage.shelf.recordings[path] = replace(audio, tags=right)
    assert (await ready(stage))[0] == "ProofFailed"
    await say(stage, "retry")

    assert (await ready(stage))[0] == "InLibrary"


async def test_block_gives_it_up_and_the_next_best_has_its_turn(stage: Stage):
    torrent = await refused(stage)
    [first] = stage.indexer.offers
    second = stage.offer(OZMA, id="f" * 16, seeders=1)
    await stage.store.block(release=first, infohash=torrent, title="", why="wrong book", at=stage.clock.now())
    await stage.store.request(OZMA.key, at=stage.clock.now())

    await ready(stage)

    assert stage.client.adds == [torrent, stage.indexer.offers[second.id][1].id]


# --- taking a block back ---------------------------------------------------------------------------------------------


async def test_a_release_that_is_unblocked_is_a_candidate_at_the_next_plan(stage: Stage):
    stage.want(OZMA)
    release = stage.offer(OZMA)
    row = await stage.store.block(release=release.id, infohash=None, title="", why="", at=stage.clock.now())
    assert (await ready(stage))[0] == "NothingRightOffered"
    assert stage.client.adds == []

    await stage.store.unblock(row.id)
    await tick(stage.outside())

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_a_download_that_was_given_up_for_a_block_is_taken_up_when_it_is_taken_back(stage: Stage):
    torrent = await refused(stage)
    [release] = stage.indexer.offers
    row = await stage.store.block(release=release, infohash=torrent, title="", why="", at=stage.clock.now())
    assert (await ready(stage))[0] == "NothingRightOffered"

    await stage.store.unblock(row.id)
    await tick(stage.outside())

    assert [outcome for _, outcome in await stage.claims()] == [Outcome.ABANDONED, Outcome.SENT]
    assert stage.client.adds == [torrent]


async def test_a_torrent_that_was_refused_by_its_infohash_is_a_candidate_when_that_is_unblocked(stage: Stage):
    """Its infohash was not known before it was fetched: it is fetched once, and again when the block is taken back."""
    stage.want(OZMA)
    release = stage.offer(OZMA)
    infohash = stage.indexer.offers[release.id][1].infohash_v1
    row = await stage.store.block(release=None, infohash=infohash, title="", why="", at=stage.clock.now())
    await tick(stage.outside())
    assert await stage.claims() == [(OZMA.key, Outcome.REFUSED)]
    assert len(stage.indexer.fetched) == 1

    await stage.store.unblock(row.id)
    await tick(stage.outside())

    assert stage.client.adds == [infohash]


# --- duties ----------------------------------------------------------------------------------------------------------


async def test_what_the_indexer_asks_for_a_torrent_reaches_the_claim_and_the_duty(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA, min_seed_s=100 * 3600, min_ratio=1.5)
    await tick(stage.outside())
    [torrent] = stage.client.adds
    [claim] = await stage.store.claims()
    assert (claim.min_seed_s, claim.min_ratio) == (100 * 3600, 1.5)

    stage.client.finish(torrent)
    done_at = stage.clock.now()
    report = await tick(stage.outside())

    assert report.plan is not None
    [duty] = report.plan.duties
    assert (duty.torrent, duty.until, duty.ratio) == (torrent, done_at + timedelta(hours=100), 1.5)
    assert not duty.fulfilled


async def test_nothing_under_duty_is_let_go_of_whatever_became_of_its_want(stage: Stage):
    stage.want(OZMA, book("Tik-Tok of Oz"))
    stage.offer(OZMA, min_seed_s=30 * 86_400)
    await tick(stage.outside())
    [torrent] = stage.client.adds
    stage.client.finish(torrent)
    await tick(stage.outside())
    stage.want(book("Tik-Tok of Oz"))
    before: Torrent = stage.client.torrents[torrent]

    for _ in range(3):
        stage.clock.advance(days=5)
        report = await tick(stage.outside())

    assert stage.client.torrents[torrent] == before
    assert stage.client.removed == []
    assert report.plan is not None
    assert all(isinstance(one, Hold) for one in report.plan.decisions)
