"""Asking the indexers: what failed is not what offered nothing."""

from __future__ import annotations

import pytest
from fakes import BAUM, FakeIndexer, Stage, Wire, book

from domain.errors import Transient
from domain.manifest import BookSpec, Declared
from domain.positions import read_position
from domain.wants import Want
from domain.world import Searched
from reconcile.searches import ladder
from reconcile.tick import tick

OZMA = book("Ozma of Oz")


async def searched(stage: Stage) -> Searched:
    return (await stage.store.searches())[OZMA.key]


@pytest.fixture
def two(stage: Stage) -> Stage:
    """Two indexers, neither of which offers anything right."""
    stage.indexers.append(FakeIndexer("annex"))
    stage.want(OZMA)
    for place in (0, 1):
        stage.offer(OZMA, indexer=place, title="Ozma of Oz", authors=None)
    return stage


def test_a_search_asks_precisely_first_and_ends_with_the_series():
    want = Want(key="k", title="Ozma of Oz", authors=("L. Frank Baum",), series="Oz", position=read_position("3"))

    texts = [query.text for query in ladder(want)]

    assert texts[0] == "ozma of oz l frank baum"
    assert texts[-1] == "oz 3"
    assert len(set(texts)) == len(texts)


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
    assert found.failed == {"annex": "annex does not answer"}
    assert found.empty_runs == 0
    [condition] = await two.store.conditions("indexer/annex")
    assert (condition.status, condition.message) == ("False", "annex does not answer")


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
    two.clock.advance(days=1)

    await tick(two.outside())

    assert [release.indexer for release in (await searched(two)).offers] == ["annex"]


async def test_what_an_indexer_offers_no_more_is_forgotten_when_it_answers_again(two: Stage):
    await tick(two.outside())
    two.indexers[1].down = True
    two.clock.advance(days=1)
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
        two.clock.advance(days=1)

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
    assert (await searched(two)).failed == {"annex": "a person holds it"}

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
