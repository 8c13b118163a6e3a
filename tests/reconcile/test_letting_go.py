"""What becomes of torrents that owe nothing any more."""

from __future__ import annotations

import pytest
from fakes import NOW, Stage, Wire, book

from domain.errors import Transient
from domain.manifest import Brakes, Duties, PolicySpec
from domain.releases import Payload
from domain.world import Torrent, TorrentState
from reconcile.tick import tick

BOOKS = [book(f"Oz Number {number}") for number in range(7)]


def removing(cap: int = 5) -> PolicySpec:
    return PolicySpec(bootstrap="apply", duties=Duties(after="remove"), brakes=Brakes(removals_per_plan=cap))


async def published(stage: Stage, count: int = 1, policy: PolicySpec | None = None) -> None:
    """So many books in the library, their torrents seeding."""
    stage.want(*BOOKS[:count], policy=policy)
    for one in BOOKS[:count]:
        stage.offer(one)
    for _ in range(4):
        await tick(stage.outside())
        for infohash in stage.client.torrents:
            stage.client.finish(infohash)
        stage.clock.advance(minutes=1)
    assert len(stage.library.items) == count


async def test_our_tag_goes_once_nothing_is_owed_and_the_torrent_stays(stage: Stage):
    await published(stage)
    [torrent] = stage.client.torrents.values()
    assert torrent.tags

    await tick(stage.outside())
    assert stage.client.torrents[torrent.id].tags

    stage.clock.advance(hours=73)
    await tick(stage.outside())
    assert stage.client.torrents[torrent.id].tags == ()
    assert stage.client.removed == []
    assert (await tick(stage.outside())).run.outcome == "settled"


async def test_a_removal_needs_two_ticks_that_agree(stage: Stage):
    await published(stage, policy=removing())
    stage.clock.advance(hours=73)

    await tick(stage.outside())
    assert stage.client.removed == []
    await tick(stage.outside())
    assert stage.client.removed == stage.client.adds
    assert (await tick(stage.outside())).run.outcome == "settled"


async def test_looking_at_a_plan_is_not_one_of_the_two_looks(stage: Stage):
    await published(stage, policy=removing())
    stage.clock.advance(hours=73)
    for _ in range(3):
        await tick(stage.outside(), mode="plan")

    await tick(stage.outside())

    assert stage.client.removed == []


async def test_a_bad_reading_between_two_good_ones_counts_for_nothing(stage: Stage):
    await published(stage, policy=removing())
    stage.clock.advance(hours=73)
    stage.library.down = True
    for _ in range(3):
        await tick(stage.outside())
    stage.library.down = False

    await tick(stage.outside())
    assert stage.client.removed == []
    await tick(stage.outside())
    assert len(stage.client.removed) == 1


async def test_what_we_removed_ourselves_does_not_look_like_a_lost_list(stage: Stage):
    await published(stage, 5, policy=removing())
    stage.clock.advance(hours=73)

    for _ in range(3):
        report = await tick(stage.outside())

    assert len(stage.client.removed) == 5
    assert report.plan is not None
    assert report.plan.brakes == ()


async def test_too_many_removals_are_none_until_a_person_says_yes(stage: Stage):
    await published(stage, 3, policy=removing(cap=2))
    stage.clock.advance(hours=73)
    for _ in range(3):
        report = await tick(stage.outside())
    assert stage.client.removed == []
    assert report.plan is not None
    [brake] = report.plan.brakes

    await stage.store.approve(brake.approve or "", who="sam", at=NOW)
    await tick(stage.outside())

    assert len(stage.client.removed) == 3


@pytest.mark.parametrize("policy", [PolicySpec(bootstrap="apply"), removing()], ids=["keep", "remove"])
async def test_leaving_the_declarations_removes_nothing(stage: Stage, policy: PolicySpec):
    await published(stage, 4, policy=policy)
    stage.want(*BOOKS[1:4])
    stage.clock.advance(hours=73)

    for _ in range(4):
        await tick(stage.outside())

    orphan = next(one for one in stage.client.torrents.values() if one.name == BOOKS[0].title)
    assert orphan.tags == ()
    assert orphan.id not in stage.client.removed
    assert len(stage.library.items) == 4


async def test_a_torrent_of_somebody_else_is_let_go_and_never_removed(stage: Stage):
    stage.offer(BOOKS[0])
    [(_, payload)] = stage.indexer.offers.values()
    theirs = Torrent(
        id=payload.id, infohash_v1=payload.id, category="theirs", tags=("mine",), state=TorrentState.ACTIVE
    )
    stage.client.put(theirs, payload)
    stage.client.finish(payload.id)
    await published(stage, policy=removing())
    stage.clock.advance(hours=73)

    for _ in range(4):
        await tick(stage.outside())

    assert stage.client.removed == []
    assert stage.client.torrents[payload.id].tags == ("mine",)


async def test_a_stranger_in_our_category_is_left_alone(stage: Stage):
    stranger = Torrent(
        id="f" * 40, category="bibliostat", state=TorrentState.DONE, progress=1.0, complete=True, completed_at=NOW
    )
    stage.client.put(stranger, Payload(infohash_v1="f" * 40))
    await published(stage, policy=removing())
    stage.clock.advance(hours=1000)

    for _ in range(4):
        await tick(stage.outside())

    assert stage.client.torrents["f" * 40].tags == ()
    assert "f" * 40 not in stage.client.removed


async def test_a_removal_that_fails_rests_and_is_tried_again(stage: Stage):
    await published(stage, policy=removing())
    stage.clock.advance(hours=73)
    await tick(stage.outside())
    wire = Wire()
    wire.breaks["remove"] += [Transient("busy")] * 5

    await tick(stage.outside(wire))
    assert wire.calls.count("remove") == 1

    stage.clock.advance(minutes=1)
    await tick(stage.outside())
    assert len(stage.client.removed) == 1
