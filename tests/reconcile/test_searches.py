"""Asking the indexers: what failed is not what offered nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fakes import BAUM, Crash, FakeIndexer, Stage, Wire, book

from domain.errors import Permanent, Transient
from domain.manifest import BookSpec, Budgets, Declared, PolicySpec, Retries
from domain.world import Condition, Searched, Silence
from reconcile.tick import tick

OZMA = book("Ozma of Oz")


async def searched(stage: Stage) -> Searched:
    return (await stage.store.searches())[OZMA.key]


async def readable_annex(stage: Stage) -> Condition:
    found = await stage.store.conditions("indexer/annex")
    return next(one for one in found if one.type == "Readable")


LADDER = ["ozma of oz l frank baum", "ozma of oz baum", "ozma of oz"]
"""What an indexer is asked for the book while it offers nothing right."""

A_DAY = 36
"""Hours after which a book is searched for again, whatever its moment of the day."""


@asynccontextmanager
async def broken_after(wire: Wire, searches: int, *, dies: bool = False) -> AsyncIterator[None]:
    """The indexers answer so many questions; the next one fails, or is the last moment of the process."""
    call = wire.call

    @asynccontextmanager
    async def counted(name: str) -> AsyncIterator[None]:
        if name == "search" and wire.calls.count("search") >= searches:
            if dies:
                wire.crash_in = 1
            else:
                wire.breaks["search"] = [Transient("503")]
        async with call(name):
            yield

    wire.call = counted  # type: ignore[method-assign]
    yield


@pytest.fixture
def two(stage: Stage) -> Stage:
    """Two indexers, neither of which offers anything right."""
    stage.indexers.append(FakeIndexer("annex"))
    stage.want(OZMA)
    for place in (0, 1):
        stage.offer(OZMA, indexer=place, title="Ozma of Oz", authors=None)
    return stage


async def test_a_search_keeps_what_was_offered_with_its_age_and_who_answered(two: Stage):
    await tick(two.outside())

    found = await searched(two)
    assert (found.answered, found.failed, found.at) == (("annex", "shelf"), {}, two.clock.now())
    assert {release.indexer for release in found.offers} == {"annex", "shelf"}
    assert {one.answer for one in await two.store.verdicts(OZMA.key)} >= {"possible"}


async def test_a_search_ends_at_an_indexer_as_soon_as_something_sure_is_offered(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)

    await tick(stage.outside())

    assert stage.indexer.searched == ["ozma of oz l frank baum"]


async def test_an_indexer_that_fails_is_named_and_does_not_count_as_nothing_offered(two: Stage):
    two.indexers[1].down = True

    await tick(two.outside())

    found = await searched(two)
    assert found.answered == ("shelf",)
    assert found.failed == {"annex": Silence("IndexerDown", "annex does not answer")}
    assert found.empty_runs == 0
    readable = await readable_annex(two)
    assert (readable.status, readable.message) == ("False", "annex does not answer")


async def test_an_indexer_that_is_back_is_asked_alone_and_its_offers_are_added(two: Stage):
    two.indexers[1].down = True
    await tick(two.outside())
    before = await searched(two)
    asked = len(two.indexers[0].searched)
    two.indexers[1].down = False

    await tick(two.outside())
    assert two.indexers[1].searched == []

    two.clock.advance(minutes=1)
    await tick(two.outside())
    found = await searched(two)
    assert len(two.indexers[0].searched) == asked
    assert (found.at, found.failed, found.answered) == (before.at, {}, ("annex", "shelf"))
    assert {release.indexer for release in found.offers} == {"annex", "shelf"}
    assert found.empty_runs == 1


async def test_what_an_indexer_offered_before_stays_known_while_it_fails(two: Stage):
    await tick(two.outside())
    two.indexers[1].down = True
    two.indexers[0].offers.clear()
    two.clock.advance(hours=A_DAY)

    await tick(two.outside())

    assert [release.indexer for release in (await searched(two)).offers] == ["annex"]


async def test_what_an_indexer_offers_no_more_is_forgotten_when_it_answers_again(two: Stage):
    await tick(two.outside())
    two.indexers[1].down = True
    two.clock.advance(hours=A_DAY)
    await tick(two.outside())
    two.indexers[1].offers.clear()
    two.indexers[1].down = False
    two.clock.advance(hours=1)

    await tick(two.outside())

    assert [release.indexer for release in (await searched(two)).offers] == ["shelf"]


async def test_complete_searches_without_anything_right_are_counted_and_something_right_starts_over(two: Stage):
    for runs in (1, 2, 3):
        await tick(two.outside())
        assert (await searched(two)).empty_runs == runs
        two.clock.advance(hours=A_DAY)

    two.offer(OZMA)
    await tick(two.outside())
    assert (await searched(two)).empty_runs == 0
    assert len(two.client.adds) == 1


async def test_nothing_is_asked_while_every_indexer_rests(two: Stage):
    for indexer in two.indexers:
        indexer.down = True
    await tick(two.outside())
    wire = Wire()

    report = await tick(two.outside(wire))

    assert "search" not in wire.calls
    assert report.plan is not None
    assert report.plan.decisions[0].because.code == "IndexerUnread"


async def test_a_failing_indexer_is_given_up_for_the_tick_after_three_failures(stage: Stage):
    stage.want(*(book(f"Oz Number {number}") for number in range(8)))
    wire = Wire()
    wire.breaks["search"] += [Transient("503")] * 20

    await tick(stage.outside(wire))

    assert wire.calls.count("search") == 3


async def test_an_indexer_on_hold_is_not_asked_and_is_when_it_is_free_again(two: Stage):
    now = two.clock.now()
    held = await two.store.add_override(
        target="indexer/annex", verb="hold", value="", why="", who="sam", at=now, until=None
    )

    await tick(two.outside())
    assert two.indexers[1].searched == []
    assert (await searched(two)).failed == {"annex": Silence("IndexerOnHold", "a person holds it")}

    await two.store.remove_override(held.id)
    await tick(two.outside())
    assert two.indexers[1].searched


async def test_only_as_many_books_are_searched_for_in_a_tick_as_the_budget_allows(stage: Stage):
    stage.want(*(book(f"Oz Number {number}") for number in range(14)))

    await tick(stage.outside())
    assert len(await stage.store.searches()) == 10

    await tick(stage.outside())
    assert len(await stage.store.searches()) == 14


async def test_a_book_whose_declaration_was_corrected_is_searched_for_again(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    declared = stage.manifests.declared
    assert isinstance(declared, Declared)
    corrected = {"ozma-of-oz": BookSpec(title="Ozma of Oz: A Record", author=BAUM)}
    stage.manifests.declared = Declared(books=corrected, policy=declared.policy)

    await tick(stage.outside())

    assert "ozma of oz a record l frank baum" in stage.indexer.searched


# --- the ladder and the kept answers ---------------------------------------------------------------------------------


async def test_the_ladder_ends_at_the_first_step_that_brings_something_sure(stage: Stage):
    stage.want(OZMA)
    release = stage.offer(OZMA)
    stage.indexer.found_by[release.id] = LADDER[1]

    await tick(stage.outside())

    assert stage.indexer.searched == LADDER[:2]
    assert len(stage.client.adds) == 1


async def test_an_outage_ends_the_ladder_and_what_was_answered_until_then_is_kept_as_a_part(stage: Stage):
    stage.want(OZMA)
    vague = stage.offer(OZMA, title="Ozma of Oz", authors=None)
    wire = Wire()

    async with broken_after(wire, 1):
        await tick(stage.outside(wire))

    found = await searched(stage)
    assert stage.indexer.searched == LADDER[:1]
    assert (found.answered, set(found.failed), found.empty_runs) == ((), {"shelf"}, 0)
    assert [release.id for release in found.offers] == [vague.id]


async def test_after_an_outage_the_ladder_goes_on_with_the_next_step(stage: Stage):
    stage.want(OZMA)
    wire = Wire()
    async with broken_after(wire, 1):
        await tick(stage.outside(wire))
    stage.clock.advance(minutes=1)

    await tick(stage.outside())

    assert stage.indexer.searched == LADDER
    assert (await searched(stage)).empty_runs == 1


async def test_a_process_that_dies_within_a_ladder_has_the_next_one_go_on_there(stage: Stage):
    stage.want(OZMA)
    wire = Wire()
    async with broken_after(wire, 2, dies=True):
        with pytest.raises(Crash):
            await tick(stage.outside(wire))
    assert stage.indexer.searched == LADDER[:2]
    stage.clock.advance(minutes=10)

    await tick(stage.outside())

    assert stage.indexer.searched == LADDER
    assert (await searched(stage)).answered == ("shelf",)


async def test_books_that_ask_the_same_question_ask_it_once(stage: Stage):
    stage.want(OZMA, book("Ozma of Oz: A Novel"))

    await tick(stage.outside())

    assert len(await stage.store.searches()) == 2
    assert sorted(stage.indexer.searched) == sorted([*LADDER, "ozma of oz a novel l frank baum"])


async def test_what_was_answered_yesterday_is_asked_again(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.clock.advance(hours=A_DAY)

    await tick(stage.outside())

    assert stage.indexer.searched.count(LADDER[0]) == 2


async def test_a_search_that_comes_round_sooner_than_an_answer_ages_asks_again_too(stage: Stage):
    stage.want(OZMA, policy=PolicySpec(bootstrap="apply", retries=Retries(search_hours=12)))
    await tick(stage.outside())
    stage.clock.advance(hours=18)

    await tick(stage.outside())

    assert stage.indexer.searched.count(LADDER[0]) == 2


async def test_a_person_who_asks_is_not_told_what_another_book_was_told_before(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.want(OZMA, book("Ozma of Oz: A Novel"))
    stage.clock.advance(minutes=1)
    await stage.store.request("baum-l-frank/ozma-of-oz-a-novel", at=stage.clock.now())
    stage.clock.advance(seconds=1)

    await tick(stage.outside())

    assert stage.indexer.searched[len(LADDER) :] == ["ozma of oz a novel l frank baum", *LADDER[1:]]


async def test_a_person_who_asks_gets_a_new_answer(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.clock.advance(minutes=1)
    await stage.store.request(OZMA.key, at=stage.clock.now())

    await tick(stage.outside())

    assert stage.indexer.searched == LADDER * 2


async def test_another_account_at_an_indexer_is_asked_for_itself(stage: Stage):
    stage.want(OZMA)
    wire = Wire()
    async with broken_after(wire, 1):
        await tick(stage.outside(wire))
    stage.indexer.fingerprint = "1111"
    stage.clock.advance(minutes=1)

    await tick(stage.outside())

    assert stage.indexer.searched == [LADDER[0], *LADDER]


async def test_an_indexer_that_was_set_up_later_is_asked_without_waiting_for_the_next_search(two: Stage):
    later = two.indexers.pop()
    await tick(two.outside())
    before = await searched(two)
    two.indexers.append(later)
    two.clock.advance(minutes=1)

    await tick(two.outside())

    found = await searched(two)
    assert (found.answered, found.at, found.empty_runs) == (("annex", "shelf"), before.at, before.empty_runs)
    assert two.indexers[0].searched == LADDER


# --- not logged in, paused, answered in part: three things -----------------------------------------------------------

REFUSAL = Permanent("annex refused our key: status 403; check its API key.", code="IndexerRefusedKey")


@pytest.fixture
async def refused(two: Stage) -> Stage:
    """The annex does not let us in, and said so once."""
    two.indexers[1].fault = REFUSAL
    two.want(OZMA, book("Glinda of Oz"))
    wire = Wire()
    await tick(two.outside(wire))
    assert wire.calls.count("search") == 1 + 2 * len(LADDER)
    two.indexers[1].fault = None
    return two


async def test_an_indexer_that_refuses_our_key_is_not_asked_again(refused: Stage):
    for _ in range(5):
        refused.clock.advance(hours=A_DAY)
        await tick(refused.outside())

    assert refused.indexers[1].searched == []
    found = (await searched(refused)).failed["annex"]
    assert (found.code, found.why) == ("IndexerRefusedKey", REFUSAL.message)
    conditions = {one.type: one for one in await refused.store.conditions("indexer/annex")}
    assert (conditions["Stalled"].status, conditions["Stalled"].reason) == ("True", "IndexerRefusedKey")
    assert conditions["Readable"].message.startswith("not logged in: annex refused our key")
    assert (await searched(refused)).empty_runs == 0


async def test_changed_credentials_have_a_refused_indexer_asked_at_once(refused: Stage):
    refused.indexers[1].fingerprint = "1111"
    refused.clock.advance(minutes=1)

    await tick(refused.outside())

    assert LADDER[0] in refused.indexers[1].searched
    assert not [key for key in await refused.store.backoffs() if key.startswith("indexer/annex")]
    assert {one.status for one in await refused.store.conditions("indexer/annex") if one.type == "Stalled"} == {"False"}


async def test_a_person_who_asks_again_has_a_refused_indexer_asked_once_more(refused: Stage):
    refused.indexers[1].fault = REFUSAL
    refused.clock.advance(minutes=1)
    await refused.store.request("*", at=refused.clock.now())
    wire = Wire()

    await tick(refused.outside(wire))
    assert wire.calls.count("search") == 1 + 2 * len(LADDER)

    refused.indexers[1].fault = None
    refused.clock.advance(minutes=1)
    await tick(refused.outside())
    assert refused.indexers[1].searched == []

    await refused.store.request(OZMA.key, at=refused.clock.now())
    await tick(refused.outside())
    assert LADDER[0] in refused.indexers[1].searched
    assert (await searched(refused)).failed == {}


async def test_one_word_of_a_person_has_a_refused_indexer_asked_once_however_many_books_wait(two: Stage):
    two.indexers[1].fault = REFUSAL
    books = [book(f"Oz Number {number}") for number in range(4)]
    two.want(*books, policy=PolicySpec(bootstrap="apply", budgets=Budgets(searches_per_tick=1)))
    await two.store.request("*", at=two.clock.now())
    two.clock.advance(seconds=1)
    wire = Wire()

    for _ in books:
        await tick(two.outside(wire))
        two.clock.advance(minutes=1)

    assert wire.calls.count("search") == len(two.indexers[0].searched) + 1


async def test_while_nobody_lets_us_in_the_book_says_so(stage: Stage):
    stage.want(OZMA)
    stage.indexer.fault = Permanent("shelf refused our key.", code="IndexerRefusedKey")

    report = await tick(stage.outside())

    assert report.plan is not None
    hold = report.plan.decisions[0].because
    assert (hold.code, hold.message) == ("IndexerRefusedKey", "shelf: not logged in: shelf refused our key.")


async def test_a_pause_is_waited_for_and_is_no_failure(two: Stage):
    two.indexers[1].fault = Transient("annex rests", code="IndexerPaused", retry_after_s=7200)
    await tick(two.outside())

    readable, found = await readable_annex(two), await searched(two)
    assert (readable.reason, readable.message) == ("IndexerPaused", "paused until 2026-05-01 14:00 UTC: annex rests")
    assert (found.failed["annex"].code, found.empty_runs) == ("IndexerPaused", 0)
    assert await two.store.failures("indexer/annex") == ()
    wire = Wire()
    two.clock.advance(hours=1)
    await tick(two.outside(wire))
    assert two.indexers[1].searched == []

    two.indexers[1].fault = None
    two.clock.advance(hours=1)
    await tick(two.outside())
    assert LADDER[0] in two.indexers[1].searched


async def test_who_answers_in_part_is_believed_in_what_it_offers_and_not_in_what_it_does_not(two: Stage):
    two.indexers[1].silent = {"MyTracker": "paused after failures"}

    await tick(two.outside())

    found = await searched(two)
    assert found.answered == ("annex", "shelf")
    assert found.failed == {"annex": Silence("IndexerPaused", "MyTracker: paused after failures")}
    assert {release.indexer for release in found.offers} == {"annex", "shelf"}
    assert found.empty_runs == 0
    assert await two.store.answer("annex", f"0000\n{LADDER[0]}\nozma of oz\nl frank baum\n") is None


async def test_who_answers_in_part_is_asked_again_with_the_next_search_only(two: Stage):
    two.indexers[1].silent = {"MyTracker": "paused after failures"}
    await tick(two.outside())
    asked = len(two.indexers[1].searched)
    two.indexers[1].silent = {}

    two.clock.advance(minutes=10)
    await tick(two.outside())
    assert len(two.indexers[1].searched) == asked

    two.clock.advance(hours=A_DAY)
    await tick(two.outside())
    assert (await searched(two)).failed == {}


async def test_what_the_silent_part_offered_before_stays_known(two: Stage):
    await tick(two.outside())
    two.indexers[1].offers.clear()
    two.indexers[1].silent = {"MyTracker": "paused after failures"}
    two.clock.advance(hours=A_DAY)

    await tick(two.outside())

    assert {release.indexer for release in (await searched(two)).offers} == {"annex", "shelf"}


async def test_a_question_that_an_indexer_cannot_answer_speaks_against_the_question_alone(two: Stage):
    two.indexers[1].fault = Permanent("annex did not understand us", code="IndexerBadRequest")
    wire = Wire()

    await tick(two.outside(wire))
    two.clock.advance(minutes=10)
    await tick(two.outside(wire))

    assert wire.calls.count("search") == len(LADDER) + 1
    assert (await searched(two)).failed["annex"].code == "IndexerBadRequest"
    assert (await readable_annex(two)).status == "True"


async def test_the_same_torrent_at_two_indexers_is_one_offer(stage: Stage):
    stage.indexers.append(FakeIndexer("annex"))
    stage.want(OZMA)
    for place, authors in ((0, None), (1, OZMA.authors)):
        stage.offer(OZMA, indexer=place, authors=authors, tracker_id="tracker/7", title="Ozma of Oz", seeders=place + 1)

    await tick(stage.outside())

    [release] = (await searched(stage)).offers
    assert (release.indexer, release.also_at, release.seeders) == ("annex", ("shelf",), 2)
