"""Refreshing the catalogue: it goes on where it stopped, and what could not be asked takes nothing away."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from fakes import Crash, Stage, Wire, WiredStore
from shops import BAUM, BURROUGHS, DOWN, HALF, OZ, REFUSES, SPENT, Shop, Volume, invented, numbered

from domain.catalogue.books import Catalogued, EditVerb, SourceState
from domain.catalogue.claims import FindSeries, ListMembers, Search, question_key
from domain.catalogue.subjects import Asked
from domain.errors import Permanent, Transient
from domain.manifest import AuthorSpec, Declared, FollowAuthors, FollowSeries, FollowSpec, SeriesSpec
from domain.ownership import keys_of
from domain.releases import SeriesName
from domain.world import Item
from reconcile.catalogues import Progress, Refreshed, Schedule, derive_again, due, refresh
from reconcile.observe import read_desired
from reconcile.ports import Outside
from reconcile.tick import tick

SCENARIOS = Path(__file__).parents[1] / "fixtures/catalogues/contract"
DAY = timedelta(days=1)

replace = msgspec.structs.replace


class House:
    """A household with a catalogue: what it declares, whom it asks, and the days that pass."""

    def __init__(self, stage: Stage, *shops: Shop) -> None:
        self.stage, self.shops = stage, list(shops or (Shop().sells("Oz"),))
        self.clock = stage.clock
        self.fell_due = stage.clock.now() - DAY
        """When the last regular refresh fell due."""
        self.declare(oz=SeriesSpec(title="Oz", author=BAUM))

    @property
    def declared(self) -> Declared:
        known = self.stage.manifests.declared
        assert isinstance(known, Declared)
        return known

    def declare(self, **documents: SeriesSpec | AuthorSpec | FollowSpec) -> None:
        """Exactly these documents."""

        def of(kind: type) -> dict[str, Any]:
            return {name: spec for name, spec in documents.items() if isinstance(spec, kind)}

        self.stage.manifests.declared = replace(
            self.declared, series=of(SeriesSpec), authors=of(AuthorSpec), follows=of(FollowSpec)
        )

    def outside(self, wire: Wire | None = None) -> Outside:
        wire = wire or Wire()
        kept = WiredStore(self.stage.store, wire)
        return dataclasses.replace(self.stage.outside(wire), catalogue=kept, sources=tuple(self.shops))

    @property
    def schedule(self) -> Schedule:
        return Schedule(series=self.fell_due, authors=self.fell_due)

    async def due(self) -> tuple[Asked, ...]:
        return await due(self.outside(), self.declared, self.schedule)

    async def refresh(self, wire: Wire | None = None, **options: Any) -> Refreshed:
        outside = self.outside(wire)
        asked = await due(outside, self.declared, self.schedule)
        return await refresh(outside, self.declared, asked, self.schedule, **options)

    async def next_round(self, **span: float) -> Refreshed:
        """Time goes by, everything falls due again, and is refreshed."""
        self.clock.advance(**span or {"days": 7})
        self.fell_due = self.clock.now()
        return await self.refresh()

    async def wants(self) -> dict[str, str]:
        """Title -> why it waits; "" when nothing keeps it from being searched for."""
        wants = (await read_desired(self.outside())).wants
        return {want.title: want.waits[0] if want.waits else "" for want in wants}

    async def wanted(self) -> list[str]:
        return [title for title, waits in (await self.wants()).items() if not waits]

    async def left_out(self) -> dict[str, str]:
        return {one.title: one.code for one in (await read_desired(self.outside())).unwanted}

    async def catalogue(self, key: str = "series/oz/l frank baum") -> Catalogued:
        found = await self.stage.store.told_of(key)
        assert found is not None
        return found

    async def state(self, source: str) -> SourceState:
        return next(one for one in (await self.catalogue()).sources if one.source == source)

    async def own(self, *titles: str, series: str | None = "Oz", by: str = BAUM) -> None:
        """Exactly these books are in the library; those of Oz at their numbers."""
        await self.stage.store.save_items([_item(title, series, by) for title in titles])

    async def approve(self, digest: str) -> None:
        await self.stage.store.approve(digest, who="sam", at=self.clock.now())


def _item(title: str, series: str | None, by: str) -> Item:
    number = str(OZ.index(title) + 1) if title in OZ else None
    item = Item(
        id=f"li-{title}",
        library_id="lib",
        path=f"/books/{title}",
        rel_path=title,
        title=title,
        authors=(by,),
        series=(SeriesName(name=series, position=number),) if series else (),
    )
    return replace(item, keys=keys_of(item))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def house(stage: Stage) -> House:
    return House(stage)


def asked_of(*shops: Shop) -> int:
    return sum(len(shop.asked) for shop in shops)


# --- what is asked, and when -----------------------------------------------------------------------------------------


async def test_a_declared_series_is_wanted_after_its_first_refresh(house: House):
    assert await house.wanted() == []

    done = await house.refresh()

    assert (done.done, done.left, done.troubles, done.changed) == (("series/oz/l frank baum",), (), {}, True)
    assert sorted(await house.wanted()) == sorted(OZ)


async def test_a_second_refresh_the_same_day_sends_nothing(house: House):
    await house.refresh()
    [shop] = house.shops
    shop.asked.clear()
    house.clock.advance(hours=11)

    assert await house.due() == ()
    assert await house.refresh() == Refreshed()
    assert shop.asked == []


async def test_the_same_subjects_handed_in_again_send_nothing_either(house: House):
    asked = await house.due()
    await house.refresh()
    [shop] = house.shops
    shop.asked.clear()

    done = await refresh(house.outside(), house.declared, asked, house.schedule)

    assert done.done == ("series/oz/l frank baum",)
    assert not done.changed
    assert shop.asked == []


async def test_what_fell_due_again_is_asked_again(house: House):
    await house.refresh()
    [shop] = house.shops
    before = list(shop.asked)
    shop.asked.clear()

    done = await house.next_round()

    assert shop.asked == before
    assert not done.changed


async def test_two_documents_that_share_a_subject_ask_once(house: House):
    house.declare(oz=SeriesSpec(title="Oz", author=BAUM), again=SeriesSpec(title="OZ", author=BAUM, priority=3))

    await house.refresh()

    assert Counter(map(type, house.shops[0].asked)) == {FindSeries: 1, ListMembers: 1}


async def test_never_read_comes_before_old_declared_before_followed_and_then_priority(stage: Stage):
    house = House(stage, Shop(says=frozenset({FindSeries})))
    house.declare(old=SeriesSpec(title="Old", priority=9), older=SeriesSpec(title="Older", priority=9))
    await house.refresh()
    house.clock.advance(days=7)
    house.fell_due = house.clock.now()
    await house.own("A Begun Book", series="Begun", by="Ann Other")
    house.declare(
        old=SeriesSpec(title="Old", priority=9),
        older=SeriesSpec(title="Older", priority=10),
        low=SeriesSpec(title="Low"),
        high=SeriesSpec(title="High", priority=5),
        middle=SeriesSpec(title="Middle", priority=5),
        baum=AuthorSpec(name=BAUM),
        urgent=AuthorSpec(name=BURROUGHS, priority=7),
        begun=FollowSpec(series=FollowSeries(owned=1), authors=FollowAuthors(owned=1), priority=100),
    )

    names = [one.subject.name for one in await house.due()]

    assert names == [BURROUGHS, "High", "Middle", "Low", BAUM, "Begun", "Ann Other", "Older", "Old"]


async def test_of_the_old_ones_the_oldest_comes_first(stage: Stage):
    house = House(stage, Shop(says=frozenset({FindSeries})))
    house.declare(b=SeriesSpec(title="B"))
    await house.refresh()
    house.clock.advance(hours=1)
    house.declare(a=SeriesSpec(title="A"), b=SeriesSpec(title="B"))
    await house.refresh()
    house.clock.advance(days=30)
    house.fell_due = house.clock.now()

    assert [one.subject.name for one in await house.due()] == ["B", "A"]


async def test_series_and_authors_fall_due_by_schedules_of_their_own(stage: Stage):
    house = House(stage, Shop().sells("Oz").lists(BURROUGHS, ["The Mucker"]))
    house.declare(oz=SeriesSpec(title="Oz", author=BAUM), burroughs=AuthorSpec(name=BURROUGHS))
    await house.refresh()
    house.clock.advance(days=2)
    only_authors = Schedule(series=house.fell_due, authors=house.clock.now() - DAY)

    assert [one.subject.name for one in await due(house.outside(), house.declared, only_authors)] == [BURROUGHS]


async def test_an_announced_book_is_looked_at_again_on_its_day(house: House):
    today = house.clock.now().date()
    soon = Volume(title="Soon in Oz", position="15", released=today + 10 * DAY)
    house.shops[0].sells(Oz=(*numbered(OZ), soon))
    await house.refresh()
    assert (await read_desired(house.outside())).wants
    house.shops[0].asked.clear()

    house.clock.advance(days=9)
    assert await house.due() == ()
    house.clock.advance(days=1)
    moved = replace(soon, released=today + 40 * DAY)
    house.shops[0].sells(Oz=(*numbered(OZ), moved))
    await house.refresh()

    assert asked_of(*house.shops) == 2, "what was heard before its day does not count"
    book = next(one for one in (await house.catalogue()).books if one.title == "Soon in Oz")
    assert book.editions[0].released == today + 40 * DAY
    assert await house.due() == (), "not again on the same day"
    house.clock.advance(days=30)
    assert len(await house.due()) == 1


async def test_a_decision_on_the_day_does_not_keep_an_announced_book_from_being_looked_at(house: House):
    soon = Volume(title="Soon in Oz", position="15", released=house.clock.now().date() + 10 * DAY)
    house.shops[0].sells(Oz=(*numbered(OZ), soon))
    await house.refresh()
    house.clock.advance(days=10)

    await derive_again(house.outside(), house.declared, ["series/oz/l frank baum"])

    assert len(await house.due()) == 1


async def test_an_announced_book_waits_for_its_day_and_is_wanted_from_then_on(house: House):
    soon = Volume(title="Soon in Oz", position="15", released=house.clock.now().date() + 10 * DAY)
    house.shops[0].sells(Oz=(*numbered(OZ), soon))
    await house.refresh()

    def released() -> Any:
        return {want.title: want.released for want in desired.wants}["Soon in Oz"]

    desired = await read_desired(house.outside())
    assert released() == soon.released
    house.clock.advance(days=10)
    desired = await read_desired(house.outside())
    assert released() is None


# --- cut off in the middle -------------------------------------------------------------------------------------------


async def test_what_the_time_was_too_short_for_comes_first_next_time(house: House):
    house.declare(**{name.lower(): SeriesSpec(title=name) for name in ("A", "B", "C")})
    [shop] = house.shops

    def after_the_second(progress: Progress) -> None:
        if progress.done == 2:
            house.clock.advance(minutes=30)

    first = await house.refresh(until=house.clock.now() + timedelta(minutes=20), progress=after_the_second)
    assert (first.done, first.left) == (("series/a", "series/b"), ("series/c",))
    second = await house.refresh()

    assert (second.done, second.left) == (("series/c",), ())
    assert shop.names == ["A", "B", "C"]


async def test_no_time_at_all_asks_nothing(house: House):
    done = await house.refresh(until=house.clock.now())

    assert (done.done, done.left) == ((), ("series/oz/l frank baum",))
    assert asked_of(*house.shops) == 0


async def test_broken_off_in_the_middle_of_an_answer_it_asks_only_what_was_not_answered(stage: Stage):
    slow = Shop("hardcover").sells("Oz")
    house = House(stage, Shop().sells("Oz"), slow)
    slow.pause = asyncio.Event()
    work = asyncio.create_task(house.refresh())
    await slow.paused.wait()
    await _kept_of(house, house.shops[0], 2)

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await house.wanted() == []
    slow.pause = None
    done = await house.refresh()

    assert done.done == ("series/oz/l frank baum",)
    assert Counter(map(type, house.shops[0].asked)) == {FindSeries: 1, ListMembers: 1}
    assert Counter(map(type, slow.asked)) == {FindSeries: 2, ListMembers: 1}
    assert sorted(await house.wanted()) == sorted(OZ)


async def _kept_of(house: House, shop: Shop, count: int) -> None:
    """Wait until so many answers of the shop are in the store."""
    while True:
        heard = await house.stage.store.heard([(shop.name, question_key(one)) for one in shop.asked])
        if len(heard) == count:
            return
        await asyncio.sleep(0.01)


async def test_a_broken_off_refresh_gives_its_lease_back_and_says_how_far_it_came(house: House):
    [shop] = house.shops
    shop.pause = asyncio.Event()
    work = asyncio.create_task(house.refresh())
    await shop.paused.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    [run] = await house.stage.store.runs()
    assert (run.kind, run.counts) == ("catalogue", {"subjects": 0, "left": 1})
    assert run.ended_at is not None
    shop.pause = None
    assert (await house.refresh()).done, "nobody holds the lease"


async def test_a_crash_anywhere_costs_at_most_the_answer_that_was_on_its_way(stage: Stage):
    """The process dies at every moment in turn, while one source ails; the next process goes on, and comes to the same,
    and nobody forgets that one source is still to be asked."""
    crash_in, expected = 0, None
    while True:
        crash_in += 2  # before a call of the store the world is as it was after the one before
        await _empty(stage)
        sick = Shop("hardcover").sells(Oz=OZ[:2])
        house = House(stage, Shop().sells(Oz=OZ[:2]), sick)
        sick.trouble = DOWN
        wire = Wire()
        wire.crash_in = crash_in if expected else None
        try:
            await house.refresh(wire)
        except Crash:
            house.clock.advance(minutes=6)  # the lease of the dead runs out
            await house.refresh()
        else:
            if expected:
                break
            expected = _told(await house.catalogue())
        asked = Counter(map(question_key, house.shops[0].asked))
        assert len(asked) == 2
        assert sum(asked.values()) <= 3, f"asked again after a crash at moment {crash_in}: {asked}"
        assert _told(await house.catalogue()) == expected
        assert await house.wanted() == list(OZ[1::-1])
        assert await house.due() == ()

        sick.trouble = None
        sick.asked.clear()
        house.clock.advance(hours=2)
        await house.refresh()
        assert len(sick.asked) == 2, f"forgotten after a crash at moment {crash_in}"
    assert crash_in > 20


def _told(catalogued: Catalogued) -> object:
    """All but moments, and our own names for books."""
    books = [
        replace(book, said=(), ids=tuple(one for one in book.ids if not one.startswith("book:")))
        for book in catalogued.books
    ]
    return books, catalogued.accepted, catalogued.proposal, [one.outcome for one in catalogued.sources]


async def _empty(stage: Stage) -> None:
    from adapters.store.tables import metadata

    async with stage.store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())


async def test_two_processes_do_not_ask_at_the_same_time(house: House):
    [shop] = house.shops
    shop.pause = asyncio.Event()
    first = asyncio.create_task(house.refresh())
    await shop.paused.wait()

    second = await house.refresh()

    assert (second.done, second.left) == ((), ("series/oz/l frank baum",))
    assert "another process" in second.troubles[""]
    assert len(shop.asked) == 1
    shop.pause.set()
    assert (await first).done == ("series/oz/l frank baum",)


# --- sources that ail ------------------------------------------------------------------------------------------------

Ailment = Callable[[Shop], None]


def raising(failure: Exception) -> Ailment:
    def ail(shop: Shop) -> None:
        shop.trouble = failure

    return ail


def emptied(shop: Shop) -> None:
    shop.series = dict.fromkeys(shop.series, ())


def shrunk(shop: Shop) -> None:
    shop.series = {name: rows[:5] for name, rows in shop.series.items()}


def without_the_series(shop: Shop) -> None:
    shop.series = {}


AILMENTS: dict[str, Ailment] = {
    "down": raising(DOWN),
    "refuses": raising(REFUSES),
    "answers half": raising(HALF),
    "has a bug": raising(ValueError("no number")),
    "is empty": emptied,
    "shrinks": shrunk,
    "forgot the series": without_the_series,
}


@pytest.fixture(params=AILMENTS)
def ail(request: pytest.FixtureRequest) -> Ailment:
    return AILMENTS[request.param]


@pytest.fixture
def two(stage: Stage) -> House:
    """Two shops; the second one alone knows of a book."""
    more = (*OZ, Volume(title="The Royal Book of Oz", position="15"))
    return House(stage, Shop().sells("Oz"), Shop("hardcover").sells(Oz=more))


async def test_a_source_that_ails_takes_no_book_and_no_want_away(two: House, ail: Ailment):
    await two.refresh()
    books, wants = (await two.catalogue()).books, await two.wants()
    assert len(wants) == 15

    ail(two.shops[1])
    for _ in range(4):
        done = await two.next_round(days=8)
        assert not done.changed

    assert await two.wants() == wants
    assert [(one.id, one.title, one.position, one.unsupported) for one in (await two.catalogue()).books] == [
        (one.id, one.title, one.position, one.unsupported) for one in books
    ]
    assert set(await two.left_out()) == set()


async def test_its_trouble_is_told_and_what_is_shown_of_it_grows_older(two: House, ail: Ailment):
    await two.refresh()
    good = (await two.state("hardcover")).answered_at
    assert (await two.state("hardcover")).detail == ""
    ail(two.shops[1])

    done = await two.next_round()

    state = await two.state("hardcover")
    assert state.outcome == "found"
    assert not state.complete
    assert state.detail
    assert done.troubles["hardcover"]
    assert (await two.state("audible")).answered_at == two.clock.now()
    if two.shops[1].trouble is not None:
        assert state.answered_at == good
    [run, *_] = await two.stage.store.runs()
    assert run.errors == (f"hardcover: {done.troubles['hardcover']}",)


async def test_it_is_tried_again_after_its_back_off_and_the_others_are_not(two: House, ail: Ailment):
    await two.refresh()
    ail(two.shops[1])
    well = dict(two.shops[1].series) if two.shops[1].trouble else {"Oz": numbered((*OZ, "The Royal Book of Oz"))}
    await two.next_round()
    for shop in two.shops:
        shop.asked.clear()

    two.clock.advance(minutes=10)
    assert await two.due() == ()
    two.clock.advance(minutes=30)
    two.shops[1].trouble, two.shops[1].series = None, well
    done = await two.refresh()

    assert done.done == ("series/oz/l frank baum",)
    assert done.troubles == {}
    assert two.shops[0].asked == []
    assert len(two.shops[1].asked) >= 1
    assert (await two.state("hardcover")).complete
    assert (await two.state("hardcover")).detail == ""
    assert await two.due() == ()


async def test_as_long_as_it_ails_the_pauses_grow(house: House):
    house.shops[0].trouble = DOWN
    pauses = []
    for _ in range(8):
        await house.refresh()
        [backoff] = (await house.stage.store.backoffs()).values()
        pauses.append(backoff.not_before - house.clock.now())
        house.clock.time = backoff.not_before

    assert pauses == sorted(pauses) or pauses[-1] > timedelta(hours=10)
    assert timedelta(minutes=25) < pauses[0] < timedelta(minutes=31)
    assert max(pauses) <= timedelta(hours=12)
    assert asked_of(*house.shops) == 8


async def test_a_source_that_never_answered_is_no_empty_one(two: House):
    two.shops[1].trouble = DOWN

    await two.refresh()

    state = await two.state("hardcover")
    assert (state.outcome, state.answered_at) == ("could not look", None)
    assert state.detail == DOWN.message
    assert sorted(await two.wanted()) == sorted(OZ)


async def test_a_source_that_refuses_is_told_from_one_that_is_down(two: House):
    two.shops[1].trouble = REFUSES

    await two.refresh()

    assert (await two.state("hardcover")).outcome == "refused"


async def test_when_every_source_ails_everything_stays(two: House):
    await two.refresh()
    wants = await two.wants()
    for shop in two.shops:
        shop.trouble = DOWN

    done = await two.next_round()

    assert done.troubles.keys() == {"audible", "hardcover"}
    assert await two.wants() == wants


async def test_a_list_that_comes_without_its_end_adds_and_takes_nothing_away(two: House):
    await two.refresh()
    two.shops[1].complete = False
    two.shops[1].sells(Oz=(*OZ[:3], Volume(title="Kabumpo in Oz", position="16")))

    await two.next_round()

    assert len(await two.wanted()) == 16
    state = await two.state("hardcover")
    assert not state.complete
    assert "not complete" in state.detail
    assert await two.due() == (), "a list without an end has none after half an hour either"


async def test_a_source_that_is_switched_off_takes_nothing_with_it(two: House):
    await two.refresh()
    wants = await two.wants()
    del two.shops[1]

    done = await two.next_round()

    assert not done.changed
    assert await two.wants() == wants
    assert (await two.state("hardcover")).outcome == "found"


async def test_a_series_that_was_found_by_its_titles_stays_found_when_they_change(stage: Stage):
    """Audible calls Barsoom as it likes: the list was found by two titles, and one of these has another name now."""
    titles = ("A Princess of Mars", "The Gods of Mars", "The Warlord of Mars", "Thuvia, Maid of Mars")
    books = [Volume(title=title, position=str(n), by=BURROUGHS) for n, title in enumerate(titles, 1)]
    more = Volume(title="The Chessmen of Mars", position="5", by=BURROUGHS)
    audible = Shop().sells(John_Carter_of_Mars=(*books, more))
    other = Shop("audiosilo").sells(Barsoom=books)
    house = House(stage, audible, other)
    house.declare(mars=SeriesSpec(title="Barsoom", author=BURROUGHS))
    await house.refresh()
    assert more.title in await house.wanted()

    house.shops.append(Shop("hardcover").sells(Barsoom=[replace(books[0], title="Princess of Mars"), *books[1:]]))
    audible.troubles[Search] = HALF
    await house.next_round()

    assert more.title in await house.wanted()


# --- budgets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["BudgetSpent", "HostResting", "HostBusy", "QuotaSpent"])
async def test_a_source_without_budget_rests_for_the_run_while_the_others_go_on(stage: Stage, code: str):
    names = ("A", "B", "C")
    spent = Shop("hardcover").sells(*names)
    house = House(stage, Shop().sells(*names), spent)
    house.declare(**{name.lower(): SeriesSpec(title=name) for name in names})
    spent.trouble = Transient("enough for today", code=code, retry_after_s=12 * 3600)

    done = await house.refresh()

    assert done.done == ("series/a", "series/b", "series/c")
    assert len(spent.asked) == 1
    assert house.shops[0].names == list(names)
    assert done.troubles == {"hardcover": "enough for today"}
    for name in names:
        states = {one.source: one for one in (await house.catalogue(f"series/{name.lower()}")).sources}
        assert (states["hardcover"].outcome, states["hardcover"].detail) == ("could not look", "enough for today")
        assert states["audible"].outcome == "found"


async def test_a_spent_budget_is_not_tried_before_it_is_there_again_and_then_alone(stage: Stage):
    names = ("A", "B", "C")
    spent = Shop("hardcover").sells(*names)
    house = House(stage, Shop().sells(*names), spent)
    house.declare(**{name.lower(): SeriesSpec(title=name) for name in names})
    spent.trouble = SPENT
    await house.refresh()
    for shop in house.shops:
        shop.asked.clear()

    house.clock.advance(hours=11)
    assert await house.due() == ()
    house.clock.advance(hours=13)
    spent.trouble = None
    done = await house.refresh()

    assert sorted(done.done) == ["series/a", "series/b", "series/c"]
    assert done.troubles == {}
    assert sorted(spent.names) == list(names)
    assert house.shops[0].asked == []


async def test_a_refused_token_is_not_shown_for_every_series(stage: Stage):
    names = ("A", "B", "C")
    house = House(stage, Shop().sells(*names), Shop("hardcover").sells(*names))
    house.declare(**{name.lower(): SeriesSpec(title=name) for name in names})
    house.shops[1].trouble = Permanent("hardcover refused the token", code="TokenRefused")

    await house.refresh()

    assert len(house.shops[1].asked) == 1
    assert (await house.catalogue("series/c")).sources[-1].outcome == "refused"


async def test_when_no_source_is_left_the_run_ends(stage: Stage):
    house = House(stage, Shop().sells("A", "B", "C"))
    house.declare(**{name: SeriesSpec(title=name.upper()) for name in "abc"})
    house.shops[0].trouble = SPENT

    done = await house.refresh()

    assert (done.done, done.left) == (("series/a",), ("series/b", "series/c"))


# --- how a catalogue may grow ----------------------------------------------------------------------------------------

FOLLOWERS: dict[str, AuthorSpec | FollowSpec] = {
    "an author": AuthorSpec(name=BAUM),
    "a followed author": FollowSpec(authors=FollowAuthors(owned=1)),
}


@pytest.fixture(params=FOLLOWERS)
async def follower(request: pytest.FixtureRequest, stage: Stage) -> House:
    house = House(stage, Shop().lists(BAUM, invented(60)))
    house.declare(baum=FOLLOWERS[request.param])
    await house.own("Father Goose", series=None)
    return house


async def test_the_flood_of_the_contract(follower: House):
    """Played from the scenario: a refresh may not enlarge the library silently."""
    steps = json.loads((SCENARIOS / "scenario.flood.json").read_bytes())["steps"]
    found, titles = iter(steps), list(invented(102))
    shop = follower.shops[0]

    async def comes_to(**expected: Any) -> None:
        assert next(found)["then"] == expected

    async def count() -> Counter[str]:
        return Counter((await follower.wants()).values())

    await follower.refresh()
    held = await count()
    await comes_to(wanted=held[""], held=held["FirstDerivationNeedsApproval"], reason="FirstDerivationNeedsApproval")
    await follower.approve((await follower.catalogue(AUTHOR)).proposal)
    await comes_to(wanted=(await count())[""])
    shop.lists(BAUM, titles[:62])
    await follower.next_round()
    await comes_to(wanted=(await count())[""])
    shop.lists(BAUM, titles)
    await follower.next_round()
    held = await count()
    await comes_to(wanted=held[""], held=held["CatalogueGrew"], reason="CatalogueGrew")
    assert next(found, None) is None


AUTHOR = "author/l frank baum"


async def test_a_proposal_says_how_many_books_and_how_to_have_them(follower: House):
    await follower.refresh()
    digest = (await follower.catalogue(AUTHOR)).proposal

    desired = await read_desired(follower.outside())

    assert {want.waits for want in desired.wants} == {
        (
            "FirstDerivationNeedsApproval",
            f"60 books of {BAUM} are proposed; say `bibliostat approve {digest}` to have them",
        )
    }
    assert any("60 books" in note and digest in note for note in desired.notes)


async def test_a_yes_holds_for_the_books_that_it_was_said_to(follower: House):
    await follower.refresh()
    await follower.approve((await follower.catalogue(AUTHOR)).proposal)
    assert len(await follower.wanted()) == 60

    await follower.next_round()

    assert len(await follower.wanted()) == 60
    assert (await follower.catalogue(AUTHOR)).proposal == ""


async def test_a_yes_to_an_older_proposal_is_none_to_a_newer_one(follower: House):
    await follower.refresh()
    old = (await follower.catalogue(AUTHOR)).proposal
    follower.shops[0].lists(BAUM, invented(70))
    await follower.next_round()

    await follower.approve(old)

    assert (await follower.catalogue(AUTHOR)).proposal != old
    assert await follower.wanted() == []


async def test_a_yes_that_is_said_while_the_next_refresh_is_under_way_is_heard(follower: House):
    await follower.refresh()
    shop, digest = follower.shops[0], (await follower.catalogue(AUTHOR)).proposal
    shop.lists(BAUM, invented(61))
    shop.pause = asyncio.Event()
    work = asyncio.create_task(follower.next_round())
    await shop.paused.wait()

    await follower.approve(digest)
    shop.pause.set()
    await work

    assert len(await follower.wanted()) == 61


@pytest.mark.parametrize(("had", "more", "by_itself"), [
    (10, 3, True), (10, 4, False), (1, 3, True), (1, 4, False), (60, 12, True), (60, 13, False),
])  # fmt: skip
async def test_up_to_three_or_a_fifth_more_go_by_themselves(stage: Stage, had: int, more: int, by_itself: bool):
    house = House(stage, Shop().lists(BAUM, invented(had)))
    house.declare(baum=AuthorSpec(name=BAUM))
    await house.refresh()
    await house.approve((await house.catalogue(AUTHOR)).proposal)
    await house.next_round()

    house.shops[0].lists(BAUM, invented(had + more))
    await house.next_round()

    waits = Counter((await house.wants()).values())
    assert waits == ({"": had + more} if by_itself else {"": had, "CatalogueGrew": more})


async def test_what_grew_too_much_is_wanted_after_a_yes(stage: Stage):
    house = House(stage, Shop().lists(BAUM, invented(10)))
    house.declare(baum=AuthorSpec(name=BAUM))
    await house.refresh()
    await house.approve((await house.catalogue(AUTHOR)).proposal)
    house.shops[0].lists(BAUM, invented(30))
    await house.next_round()
    assert len(await house.wanted()) == 10

    await house.approve((await house.catalogue(AUTHOR)).proposal)

    assert len(await house.wanted()) == 30


async def test_a_declared_series_takes_effect_at_once_and_waits_when_it_grows_too_much(house: House):
    await house.refresh()
    assert len(await house.wanted()) == 14

    house.shops[0].sells(Oz=(*OZ, *invented(20)))
    await house.next_round()

    assert Counter((await house.wants()).values()) == {"": 14, "CatalogueGrew": 20}


async def test_a_followed_series_begins_as_a_proposal_and_takes_effect_once_it_is_declared(house: House):
    await house.own(*OZ[:2])
    house.declare(begun=FollowSpec(series=FollowSeries(owned=1)))
    await house.refresh()
    waits = await house.wants()
    assert set(waits.values()) == {"FirstDerivationNeedsApproval"}

    house.declare(oz=SeriesSpec(title="Oz", author=BAUM))
    house.shops[0].asked.clear()
    assert (await house.refresh()).changed

    assert sorted(await house.wanted()) == sorted(OZ)
    assert house.shops[0].asked == [], "what is known serves"


async def test_what_was_only_looked_up_is_still_proposed_once_an_author_is_declared(stage: Stage):
    house = House(stage, Shop().lists(BAUM, invented(60)))
    house.declare(baum=AuthorSpec(name=BAUM))
    asked = await house.due()
    house.declare()
    await refresh(house.outside(), house.declared, asked, house.schedule)

    house.declare(baum=AuthorSpec(name=BAUM))

    assert set((await house.wants()).values()) == {"FirstDerivationNeedsApproval"}
    await house.approve((await house.catalogue(AUTHOR)).proposal)
    assert len(await house.wanted()) == 60


async def test_what_an_edit_of_the_document_lets_in_is_proposed_the_same_day(stage: Stage):
    """Nothing was proposed at first, so that nobody could say yes to anything."""
    house = House(stage, Shop().lists(BAUM, invented(60)))
    house.declare(baum=AuthorSpec(name=BAUM, exclude=invented(60)))
    await house.refresh()
    assert await house.due() == (), "as long as it lets nothing in there is nothing to do"
    house.declare(baum=AuthorSpec(name=BAUM))
    house.shops[0].asked.clear()
    assert set((await house.wants()).values()) == {"FirstDerivationNeedsApproval"}

    await house.refresh()
    await house.approve((await house.catalogue(AUTHOR)).proposal)

    assert len(await house.wanted()) == 60
    assert house.shops[0].asked == []
    assert await house.due() == ()


async def test_a_series_that_was_only_looked_up_is_wanted_once_it_is_declared(house: House):
    asked = await house.due()
    house.declare()
    await refresh(house.outside(), house.declared, asked, house.schedule)

    house.declare(oz=SeriesSpec(title="Oz", author=BAUM))
    await house.refresh()

    assert sorted(await house.wanted()) == sorted(OZ)


async def test_what_nobody_asks_about_any_more_does_not_grow_unseen(stage: Stage):
    house = House(stage, Shop().lists(BAUM, invented(10)))
    house.declare(baum=AuthorSpec(name=BAUM))
    await house.refresh()
    await house.approve((await house.catalogue(AUTHOR)).proposal)
    house.shops[0].lists(BAUM, invented(50))
    await house.next_round()

    house.declare()
    await derive_again(house.outside(), house.declared, [AUTHOR])
    house.declare(baum=AuthorSpec(name=BAUM))

    assert Counter((await house.wants()).values()) == {"": 10, "CatalogueGrew": 40}


async def test_the_shrinking_series_of_the_contract(house: House):
    """Played from the scenario: absence is not deletion."""
    scenario = json.loads((SCENARIOS / "scenario.shrinking-series.json").read_bytes())
    [shop] = house.shops
    seen: set[str] = set()
    for number, step in enumerate(scenario["steps"]):
        at = datetime.fromisoformat(step["at"]).replace(hour=12, minute=number, tzinfo=UTC)
        house.clock.time = house.fell_due = at
        shop.complete = step["complete"]
        shop.sells(Oz=[Volume(title=OZ[int(one) - 1], position=one) for one in step["positions"]])
        await house.refresh()

        then, books = step["then"], (await house.catalogue()).books
        wanted = await house.wanted()
        assert len(wanted) == then["wanted"], step
        unsupported = [book.position for book in books if book.unsupported]
        assert unsupported == then.get("unsupported", []), step
        if "new" in then:
            assert len({book.id for book in books} - seen) == then["new"]
        if "condition" in then:
            [heard] = await house.stage.store.heard([(shop.name, question_key(ListMembers(series="audible:oz")))])
            assert heard.trouble_code == then["condition"], step
        for count, name in ((1, "missing_once"), (2, "missing_twice")):
            for position in then.get(name, []):
                assert await _absences(house, OZ[int(position) - 1]) == count
        if unsupported:
            assert (await house.left_out())[OZ[8]] == "Unsupported"
        for position in then.get("restored", []):
            assert OZ[int(position) - 1] in wanted
        seen |= {book.id for book in books}
    assert len(seen) == 14, "no book was minted anew"


async def _absences(house: House, title: str) -> int:
    [heard] = await house.stage.store.heard([("audible", question_key(ListMembers(series="audible:oz")))])
    ids = {book.title: book.id for book in heard.answer.books}
    return {key.split(" ", 1)[1]: absence.count for key, absence in heard.absences.items()}[ids[title]]


async def test_what_another_family_still_has_is_not_withdrawn(two: House):
    await two.refresh()
    two.shops[0].sells(Oz=[one for one in numbered(OZ) if one.position != "9"])

    for _ in range(5):
        await two.next_round(days=8)

    assert OZ[8] in await two.wanted()


# --- what people decide, and what they declare -----------------------------------------------------------------------


async def test_a_decision_made_while_a_refresh_is_under_way_is_kept(house: House):
    await house.refresh()
    [shop] = house.shops
    shop.pause = asyncio.Event()
    work = asyncio.create_task(house.next_round())
    await shop.paused.wait()

    book = next(one for one in (await house.catalogue()).books if one.title == "The Road to Oz")
    await house.stage.store.add_edit(
        EditVerb.CORRECT, book=book.ids[0], field="title", value="The Way to Oz", at=house.clock.now()
    )
    shop.pause.set()
    await work

    assert "The Way to Oz" in await house.wanted()


async def test_older_rules_are_replaced_without_asking_anybody(house: House):
    await house.refresh()
    before = await house.catalogue()
    await house.stage.store.save_catalogued(
        replace(before, rules=0, books=before.books[:3]), asked=await house.stage.store.asked_for(before.subject.key)
    )
    house.shops[0].asked.clear()

    assert await derive_again(house.outside(), house.declared) == 1

    assert _told(await house.catalogue()) == _told(before)
    assert house.shops[0].asked == []
    assert await derive_again(house.outside(), house.declared) == 0


async def test_stated_ids_end_the_search_by_name(house: House):
    house.declare(oz=SeriesSpec(title="Oz", author=BAUM, ids={"audible": "oz"}))

    await house.refresh()

    assert house.shops[0].asked == [ListMembers(series="audible:oz")]
    assert sorted(await house.wanted()) == sorted(OZ)


# --- what becomes of it ----------------------------------------------------------------------------------------------


async def test_the_next_book_of_a_begun_series_comes_first_then_the_skipped_ones_then_authors(stage: Stage):
    shop = Shop().sells(
        "Oz", Trot=[Volume(title=title, by=BAUM, position=str(n)) for n, title in enumerate(invented(3), 1)]
    )
    house = House(stage, shop.lists(BURROUGHS, ["The Mucker"]))
    house.declare(
        oz=SeriesSpec(title="Oz", author=BAUM),
        trot=SeriesSpec(title="Trot", author=BAUM),
        burroughs=AuthorSpec(name=BURROUGHS),
    )
    await house.own(OZ[0], OZ[2], OZ[4])
    await house.refresh()
    await house.approve((await house.catalogue("author/edgar rice burroughs")).proposal)
    stage.library.items = {item.id: item for item in (await stage.store.items()).values()}

    report = await tick(house.outside(), mode="plan")

    assert report.plan is not None
    titles = {want.key: want.title for want in report.plan.wants}
    order = [titles[one.want] for one in report.plan.decisions if one.because.code != "InLibrary"]
    first, second, third = invented(3)
    assert order == [
        OZ[5], first, OZ[6], second, OZ[7], third, *OZ[8:], OZ[1], OZ[3], "The Mucker",
    ]  # fmt: skip


async def test_a_tick_writes_down_what_is_missing_and_closes_what_has_appeared(house: House):
    await house.refresh()
    stage = house.stage
    await house.own(*OZ[:12])
    stage.library.items = {item.id: item for item in (await stage.store.items()).values()}

    await tick(house.outside())
    missing = {row.title: row for row in await stage.store.missing_books()}
    assert missing.keys() == {OZ[12], OZ[13]}
    assert {row.reason for row in missing.values()} == {"series gap"}

    stage.library.items["new"] = _item(OZ[13], "Oz", BAUM)
    house.clock.advance(minutes=10)
    await tick(house.outside())

    assert [row.title for row in await stage.store.missing_books()] == [OZ[12]]
    closed = {row.title: row.closed_at for row in await stage.store.missing_books(open_only=False)}
    assert closed == {OZ[12]: None, OZ[13]: house.clock.now()}


async def test_a_tick_that_cannot_read_the_library_writes_nothing_down_as_missing(house: House):
    await house.refresh()
    house.stage.library.down = True

    await tick(house.outside())

    assert await house.stage.store.missing_books() == ()


async def test_a_plan_that_is_only_looked_at_writes_nothing_down(house: House):
    await house.refresh()

    await tick(house.outside(), mode="plan")

    assert await house.stage.store.missing_books() == ()
