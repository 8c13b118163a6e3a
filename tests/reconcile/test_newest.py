"""What is new at an indexer is asked for once, for every book that waits."""

from __future__ import annotations

import pytest
from fakes import Crash, FakeIndexer, MemoryStore, Stage, Wire, book

from domain.errors import Permanent, Transient
from domain.manifest import PolicySpec, Retries
from domain.world import Searched
from reconcile.tick import tick

OZMA = book("Ozma of Oz")
GLINDA = book("Glinda of Oz")
NEWEST = ""
"""The text of the question."""


async def searched(stage: Stage, key: str = OZMA.key) -> Searched:
    return (await stage.store.searches())[key]


@pytest.fixture
async def waiting(stage: Stage) -> Stage:
    """Two books that were searched for in vain half an hour ago."""
    stage.want(OZMA, GLINDA)
    await tick(stage.outside())
    stage.indexer.searched.clear()
    stage.clock.advance(minutes=30)
    return stage


async def test_one_question_brings_a_new_release_to_the_book_it_is_and_that_is_grabbed(waiting: Stage):
    before = await searched(waiting)
    release = waiting.offer(OZMA)

    await tick(waiting.outside())

    assert waiting.indexer.searched == [NEWEST]
    after = await searched(waiting)
    assert [one.id for one in after.offers] == [release.id]
    assert (after.at, after.empty_runs, after.answered) == (before.at, before.empty_runs, before.answered)
    assert (await searched(waiting, GLINDA.key)).offers == ()
    assert [want for want, _ in await waiting.claims()] == [OZMA.key]


async def test_what_only_may_be_the_book_is_added_for_a_person_to_see(waiting: Stage):
    waiting.offer(OZMA, title="Ozma of Oz", authors=None)

    await tick(waiting.outside())

    assert len((await searched(waiting)).offers) == 1
    assert (await waiting.reasons())[OZMA.key] == "NeedsYou"


async def test_it_is_asked_as_often_as_the_policy_says(waiting: Stage):
    for minutes in (0, 29, 1, 29, 1):
        waiting.clock.advance(minutes=minutes)
        await tick(waiting.outside())

    assert waiting.indexer.searched == [NEWEST] * 3


async def test_it_is_asked_less_often_where_the_policy_says_so(stage: Stage):
    stage.want(OZMA, policy=PolicySpec(bootstrap="apply", retries=Retries(newest_minutes=60)))
    await tick(stage.outside())
    stage.indexer.searched.clear()

    for _ in range(4):
        stage.clock.advance(minutes=30)
        await tick(stage.outside())

    assert stage.indexer.searched == [NEWEST] * 2


async def test_every_indexer_is_asked_for_itself(waiting: Stage):
    waiting.indexers.append(FakeIndexer("annex"))
    waiting.offer(OZMA, indexer=1)

    await tick(waiting.outside())

    assert NEWEST in waiting.indexers[1].searched
    assert len(waiting.client.adds) == 1


async def test_nothing_is_asked_while_every_book_is_owned(stage: Stage):
    stage.want(OZMA)
    stage.library.own(OZMA)
    for _ in range(3):
        await tick(stage.outside())
        stage.clock.advance(minutes=30)

    assert stage.indexer.searched == []


async def test_a_book_that_was_searched_for_just_now_has_heard_it_all(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.clock.advance(minutes=29)

    await tick(stage.outside())

    assert NEWEST not in stage.indexer.searched


async def test_a_release_that_was_seen_before_is_handed_out_once(waiting: Stage):
    vague = waiting.offer(OZMA, title="Ozma of Oz", authors=None)
    await tick(waiting.outside())
    await waiting.store.save_search(Searched(want=OZMA.key, at=waiting.clock.now(), answered=("shelf",)))
    waiting.clock.advance(minutes=30)

    await tick(waiting.outside())

    assert waiting.indexer.searched.count(NEWEST) == 2
    assert vague.id not in [one.id for one in (await searched(waiting)).offers]


async def test_an_interruption_before_a_release_was_handed_out_does_not_lose_it(waiting: Stage):
    waiting.offer(OZMA)
    wire = Wire()
    wire.crash_in = await moments_until(waiting, "save_search")

    with pytest.raises(Crash):
        await tick(waiting.outside(wire))
    assert (await searched(waiting)).offers == ()
    waiting.clock.advance(minutes=10)
    await tick(waiting.outside())

    assert len(waiting.client.adds) == 1


async def moments_until(stage: Stage, call: str) -> int:
    """How many moments of a tick pass before its first call of this name, told by another stage that is the same."""
    rehearsal = Stage(MemoryStore())
    rehearsal.want(OZMA, GLINDA)
    await tick(rehearsal.outside())
    rehearsal.clock.advance(minutes=30)
    rehearsal.offer(OZMA)
    wire = Wire()
    await tick(rehearsal.outside(wire))
    return 2 * wire.calls.index(call) + 1


async def test_an_indexer_that_fails_rests_and_nothing_is_learnt_about_the_book(waiting: Stage):
    before = await searched(waiting)
    waiting.offer(OZMA)
    waiting.indexer.down = True

    await tick(waiting.outside())
    assert "indexer/shelf" in await waiting.store.backoffs()
    assert await searched(waiting) == before

    waiting.indexer.down = False
    waiting.clock.advance(minutes=1)
    await tick(waiting.outside())
    assert len(waiting.client.adds) == 1


async def test_a_pause_is_waited_for(waiting: Stage):
    waiting.indexer.fault = Transient("it rests", code="IndexerPaused", retry_after_s=7200)
    await tick(waiting.outside())
    wire = Wire()
    waiting.clock.advance(hours=1)

    await tick(waiting.outside(wire))

    assert "search" not in wire.calls
    assert await waiting.store.failures("indexer/shelf") == ()


async def test_an_indexer_that_cannot_say_what_is_new_is_still_searched(waiting: Stage):
    waiting.indexer.fault = Permanent("it cannot do this", code="IndexerUnsupported")
    await tick(waiting.outside())
    waiting.indexer.fault = None
    waiting.clock.advance(seconds=1)
    await waiting.store.request(OZMA.key, at=waiting.clock.now())

    await tick(waiting.outside())

    assert "ozma of oz l frank baum" in waiting.indexer.searched
    assert NEWEST not in waiting.indexer.searched


async def test_an_indexer_on_hold_is_not_asked(waiting: Stage):
    waiting.indexers.append(FakeIndexer("annex"))
    await tick(waiting.outside())
    waiting.indexers[1].searched.clear()
    await waiting.store.add_override(
        target="indexer/annex", verb="hold", value="", why="", who="sam", at=waiting.clock.now(), until=None
    )
    waiting.clock.advance(minutes=30)

    await tick(waiting.outside())

    assert waiting.indexers[1].searched == []
    assert waiting.indexers[0].searched == [NEWEST] * 2
