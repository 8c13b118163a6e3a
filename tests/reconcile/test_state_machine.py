"""The real tick over an outside in which anything goes wrong at any moment.

Nothing is grabbed twice, nothing foreign is removed, nothing is grabbed on a reading that looks wrong, and once the
faults stop every book arrives.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, TypeVar

import pytest
from fakes import CATEGORY, Crash, MemoryStore, Stage, Wire, book, recording
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from domain.errors import Ambiguous, Conflict, Transient
from domain.manifest import Brakes, Duties, PolicySpec
from domain.releases import Payload
from domain.world import Claim, Outcome, Torrent, TorrentState
from reconcile.tick import Report, tick

T = TypeVar("T")

BOOKS = (book("Ozma of Oz"), book("Tik-Tok of Oz"), book("The Tin Woodman of Oz"))
PLACES = st.integers(0, len(BOOKS) - 1)
POLICY = PolicySpec(bootstrap="apply", brakes=Brakes(allow_empty=True), duties=Duties(seed_hours=1.0, after="remove"))
SELDOM = st.sampled_from((False, False, True))
PASSING = st.sampled_from((1, 12, 90, 26 * 60, 8 * 24 * 60))
"""Minutes: within the grace time, beyond it, past every duty, a day, a week."""

CALM = settings(
    max_examples=400,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Reconciling(RuleBasedStateMachine):
    """Two offers for each of three books; a person, an unreliable outside, and processes that die or fall asleep."""

    def new_store(self) -> MemoryStore:
        return MemoryStore()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stage = Stage(self.new_store(), policy=POLICY)
        self.wanted: set[str] = set()
        self.torrent_of: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.foreign: set[str] = set()

    def run(self, work: Awaitable[T]) -> T:
        async def inside() -> T:
            return await work

        return self.loop.run_until_complete(inside())

    @initialize(places=st.sets(PLACES))
    def two_offers_for_each(self, places: set[int]) -> None:
        for one in BOOKS:
            for which in ("first", "second"):
                release = self.stage.offer(one, id=f"{which} {one.title}")
                self.torrent_of[self.stage.indexer.offers[release.id][1].id] = one.key
        self.wanted = {BOOKS[place].key for place in places}
        self.declare()

    # --- the person ---

    @rule(place=PLACES)
    def want(self, place: int) -> None:
        one = BOOKS[place]
        self.wanted.add(one.key)
        self.declare()

    @rule(place=PLACES)
    def unwant(self, place: int) -> None:
        one = BOOKS[place]
        self.wanted.discard(one.key)
        self.declare()

    def declare(self) -> None:
        self.stage.want(*(one for one in BOOKS if one.key in self.wanted))

    @rule(place=PLACES)
    def owned_appears(self, place: int) -> None:
        one = BOOKS[place]
        if not any(item.title == one.title for item in self.stage.library.items.values()):
            self.stage.library.own(one)

    @rule(place=PLACES)
    def ask_again(self, place: int) -> None:
        one = BOOKS[place]
        now = self.stage.clock.now()
        self.run(self.add_override("retry", one.key, now))
        self.asked[one.key] += 1
        self.stage.clock.advance(seconds=1)

    def add_override(self, verb: str, target: str, at: datetime) -> Awaitable[object]:
        return self.stage.store.add_override(target=target, verb=verb, value="", why="", who="sam", at=at, until=None)

    @rule(place=PLACES)
    def somebody_adds_the_same_torrent(self, place: int) -> None:
        one = BOOKS[place]
        _, payload, _ = recording(one, id=f"first {one.title}")
        if payload.id not in self.stage.client.torrents:
            mine = Torrent(
                id=payload.id, infohash_v1=payload.id, category="mine", state=TorrentState.ACTIVE, name=one.title
            )
            self.foreign_torrent(mine, payload)

    @rule()
    def somebody_uses_our_category(self) -> None:
        if "f" * 40 not in self.stage.client.torrents:
            _, payload, _ = recording(BOOKS[0])
            done = {
                "state": TorrentState.DONE,
                "progress": 1.0,
                "complete": True,
                "completed_at": self.stage.clock.now(),
            }
            theirs = Torrent(id="f" * 40, infohash_v1="f" * 40, category=CATEGORY, name="theirs", **done)
            self.foreign_torrent(theirs, payload)

    def foreign_torrent(self, torrent: Torrent, payload: Payload) -> None:
        """Theirs from now on, also where we had one of the same infohash and removed it."""
        client = self.stage.client
        client.put(torrent, payload)
        client.removed = [one for one in client.removed if one != torrent.id]
        self.foreign.add(torrent.id)

    @precondition(lambda self: self.settled_torrents())
    @rule(data=st.data())
    def a_person_deletes_a_torrent(self, data: st.DataObject) -> None:
        infohash = data.draw(st.sampled_from(self.settled_torrents()))
        self.stage.client.lose(infohash)
        self.foreign.discard(infohash)

    def settled_torrents(self) -> list[str]:
        """Torrents that the ledger knows to have arrived; who deletes one before that has it come again."""
        sent = {one for row in self.run(self.stage.store.claims()) if row.outcome is Outcome.SENT for one in row.ids}
        return sorted(sent & self.stage.client.torrents.keys())

    # --- the outside ---

    @rule(minutes=PASSING)
    def time_passes(self, minutes: int) -> None:
        self.stage.clock.advance(minutes=minutes)

    @rule()
    def downloads_finish(self) -> None:
        for torrent in list(self.stage.client.torrents.values()):
            if torrent.state is TorrentState.ACTIVE:
                self.stage.client.finish(torrent.id)

    @rule(down=SELDOM, empty=SELDOM)
    def the_library_changes_its_mind(self, down: bool, empty: bool) -> None:
        self.stage.library.down, self.stage.library.lists_nothing = down, empty

    @rule(down=SELDOM, empty=SELDOM)
    def the_client_changes_its_mind(self, down: bool, empty: bool) -> None:
        self.stage.client.down, self.stage.client.lists_nothing = down, empty

    @rule(down=SELDOM)
    def the_indexer_changes_its_mind(self, down: bool) -> None:
        self.stage.indexer.down = down

    @rule()
    def the_library_is_blind(self) -> None:
        self.stage.library.blind = not self.stage.library.blind

    @precondition(lambda self: not self.stage.client.lists_nothing)
    @rule()
    def the_store_is_lost(self) -> None:
        """What went from the client before cannot be remembered: who loses the ledger too may get it once more."""
        for infohash in set(self.stage.client.adds) - self.stage.client.torrents.keys():
            self.asked[self.torrent_of[infohash]] += 1
        self.asked.update(row.want for row in self.run(self.stage.store.claims()) if row.outcome is Outcome.ABANDONED)
        self.stage.store = self.new_store()

    # --- processes ---

    @rule()
    def a_tick(self) -> None:
        self.ticked(Wire())

    @rule(reply=st.sampled_from(("add", "fetch", "tag", "place", "scan", "remove", "untag")))
    def a_tick_that_loses_a_reply(self, reply: str) -> None:
        wire = Wire()
        wire.loses[reply].append(Ambiguous("sent, and no answer came"))
        self.ticked(wire)

    @rule(call=st.sampled_from(("add", "fetch", "find", "search", "audio", "stage", "place", "scan", "files")))
    def a_tick_in_which_a_call_fails(self, call: str) -> None:
        wire = Wire()
        wire.breaks[call].append(Transient("not now"))
        self.ticked(wire)

    @rule(moment=st.integers(1, 150))
    def a_tick_that_dies(self, moment: int) -> None:
        wire = Wire()
        wire.crash_in = moment
        self.ticked(wire)
        self.stage.clock.advance(minutes=6)

    @rule(moment=st.integers(1, 150))
    def a_tick_that_falls_asleep_while_another_takes_over(self, moment: int) -> None:
        wire = Wire()
        wire.pause_in = moment
        self.ticked(wire, meanwhile=True)

    def ticked(self, wire: Wire, *, meanwhile: bool = False) -> Report | None:
        looks_wrong, adds = self.run(self.looks_wrong()), list(self.stage.client.adds)
        try:
            return self.run(self.both(wire) if meanwhile else tick(self.stage.outside(wire)))
        except Crash:
            return None
        except Conflict as conflict:
            if conflict.code != "LeaseMoved":
                raise
            return None
        finally:
            assert not looks_wrong or self.stage.client.adds == adds, "grabbed on a reading that looks wrong"

    async def both(self, wire: Wire) -> Report:
        first = asyncio.create_task(tick(self.stage.outside(wire)))
        asleep = asyncio.create_task(wire.paused.wait())
        await asyncio.wait([first, asleep], return_when=asyncio.FIRST_COMPLETED)
        asleep.cancel()
        self.stage.clock.advance(seconds=301)
        await tick(self.stage.outside())
        wire.resume.set()
        return await first

    async def looks_wrong(self) -> bool:
        """Whether a brake must hold, judged by what the test knows rather than by what the planner sees."""
        last = await self.stage.store.baseline()
        library, client = self.stage.library, self.stage.client
        return (
            library.down
            or client.down
            or (library.lists_nothing and bool(last.items))
            or (client.lists_nothing and bool(last.torrents))
        )

    # --- what must hold whatever happened ---

    @invariant()
    def no_release_is_sent_twice(self) -> None:
        for infohash, times in Counter(self.stage.client.adds).items():
            assert times <= 1 + self.asked[self.torrent_of[infohash]], f"{infohash} was sent {times} times"

    @invariant()
    def a_second_release_follows_only_a_decision(self) -> None:
        given_up = Counter(row.want for row in self.run(self.stage.store.claims()) if row.outcome is Outcome.ABANDONED)
        for want, times in Counter(self.torrent_of[infohash] for infohash in self.stage.client.adds).items():
            assert times <= 1 + self.asked[want] + given_up[want], f"{want} was grabbed {times} times"

    @invariant()
    def no_act_fails_on_a_bug(self) -> None:
        assert [one for one in self.run(self.stage.store.failures()) if one.reason == "Bug"] == []

    @invariant()
    def nothing_foreign_is_removed(self) -> None:
        assert not self.foreign & set(self.stage.client.removed)

    @invariant()
    def a_removed_torrent_had_its_book_in_the_library(self) -> None:
        titles = {item.title for item in self.stage.library.items.values()}
        keys = {one.key for one in BOOKS if one.title in titles}
        assert {self.torrent_of[infohash] for infohash in self.stage.client.removed} <= keys

    # --- once the faults stop ---

    def teardown(self) -> None:
        try:
            self.everything_wanted_arrives_or_says_what_it_needs()
        finally:
            self.run(asyncio.sleep(0))
            self.loop.close()

    def everything_wanted_arrives_or_says_what_it_needs(self) -> None:
        stage = self.stage
        stage.library.down = stage.library.lists_nothing = stage.library.blind = False
        stage.client.down = stage.client.lists_nothing = stage.indexer.down = False
        for _ in range(8):
            self.downloads_finish()
            stage.clock.advance(hours=26)
            report = self.run(tick(stage.outside()))
            assert report.plan is not None
            for brake in report.plan.brakes:  # a person looks, and says that it is right
                if brake.approve:
                    self.run(stage.store.approve(brake.approve, who="sam", at=stage.clock.now()))
        codes = {decision.want: decision.because.code for decision in report.plan.decisions}
        waiting = {"TorrentGone", "LeftLibrary", "GrabLost", "Ambiguous"}
        assert codes.keys() == self.wanted
        assert set(codes.values()) <= {"InLibrary"} | waiting, codes


def test_whatever_goes_wrong_nothing_is_grabbed_twice_and_nothing_foreign_removed():
    with capture_logs():
        run_state_machine_as_test(Reconciling, settings=CALM)


class Forgetful(MemoryStore):
    """A ledger that grants every claim and keeps none."""

    async def claim(
        self, action: str, *, want: str, release: str, attempt: int, now: datetime, **more: Any
    ) -> Claim | None:
        return Claim(id=0, action=action, want=want, release=release, attempt=attempt, claimed_at=now)

    async def note(self, claim_id: int, **more: Any) -> None: ...

    async def settle(self, claim_id: int, **more: Any) -> None: ...


def test_without_the_claim_the_same_machine_finds_a_double_grab():
    class WithoutClaims(Reconciling):
        def new_store(self) -> MemoryStore:
            return Forgetful()

        def settled_torrents(self) -> list[str]:
            return sorted(self.stage.client.torrents)

        def everything_wanted_arrives_or_says_what_it_needs(self) -> None: ...

    with capture_logs(), pytest.raises(AssertionError, match=r"was (sent|grabbed) 2 times"):
        run_state_machine_as_test(WithoutClaims, settings=settings(CALM, phases=[Phase.generate], print_blob=False))
