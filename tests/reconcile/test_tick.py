"""One tick: what it reads, when it acts, what it writes down, and who may stop it."""

from __future__ import annotations

import dataclasses

import pytest
from fakes import APPLY, NOW, Crash, Stage, Wire, book

from domain.brakes import FIRST_RUN
from domain.errors import Conflict, Permanent, Transient
from domain.manifest import Budgets, Mistake, Place, PolicySpec
from domain.world import Outcome
from reconcile.tick import LEASE, Report, tick

OZMA = book("Ozma of Oz")
TIK_TOK = book("Tik-Tok of Oz")


async def settled(stage: Stage) -> Report:
    """Until nothing changes: downloads finish between the ticks."""
    for _ in range(5):
        report = await tick(stage.outside())
        for infohash in stage.client.torrents:
            stage.client.finish(infohash)
        stage.clock.advance(minutes=2)
    return report


def code(report: Report, want: str = OZMA.key) -> str:
    assert report.plan is not None
    return next(one.because.code for one in report.plan.decisions if one.want == want)


async def test_a_want_becomes_a_library_item(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)

    report = await settled(stage)

    assert [item.title for item in stage.library.items.values()] == ["Ozma of Oz"]
    assert code(report) == "InLibrary"
    assert report.run.outcome == "settled"
    assert await stage.claims("grab") == [(OZMA.key, Outcome.SENT)]
    assert await stage.claims("publish") == [(OZMA.key, Outcome.CONFIRMED)]


async def test_a_settled_tick_asks_each_source_once_and_changes_nothing(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)
    await settled(stage)
    wire = Wire()

    report = await tick(stage.outside(wire))

    assert report.run.outcome == "settled"
    outside = [call for call in wire.calls if call in ("read library", "read client", "search", "fetch", "add", "scan")]
    assert outside == ["read library", "read client"]


async def test_a_first_run_shows_its_plan_and_waits_for_a_person(stage: Stage):
    stage.want(OZMA, policy=PolicySpec())
    stage.offer(OZMA)

    waiting = await tick(stage.outside())
    assert (waiting.run.outcome, waiting.bootstrapped, code(waiting)) == ("braked", False, "FirstRun")
    assert stage.indexer.searched == []

    await stage.store.approve(FIRST_RUN, who="sam", at=NOW)
    acting = await tick(stage.outside())
    assert acting.bootstrapped
    assert len(stage.client.adds) == 1


@pytest.mark.parametrize("mode", ["observe", "plan"])
async def test_looking_acts_on_nothing_and_remembers_nothing(stage: Stage, mode):
    stage.want(OZMA)
    stage.offer(OZMA)

    report = await tick(stage.outside(), mode=mode)

    assert code(report) == "NeverSearched"
    assert stage.indexer.searched == []
    assert (await stage.store.baseline()).items is None
    assert await stage.store.last_good() is None


async def test_a_plan_that_still_fits_is_applied_once(stage: Stage):
    stage.want(OZMA, policy=PolicySpec())
    stage.offer(OZMA)
    planned = await tick(stage.outside(), mode="plan")
    assert planned.plan is not None

    await tick(stage.outside(), approved=planned.plan.digest)

    assert len(stage.indexer.searched) == 1
    assert stage.client.adds == []
    assert FIRST_RUN in await stage.store.approved()


async def test_a_plan_for_a_world_that_moved_on_is_refused(stage: Stage):
    stage.want(OZMA)
    planned = await tick(stage.outside(), mode="plan")
    assert planned.plan is not None
    stage.library.own(TIK_TOK)

    with pytest.raises(Conflict) as conflict:
        await tick(stage.outside(), approved=planned.plan.digest)

    assert conflict.value.code == "StalePlan"
    assert stage.indexer.searched == []
    assert (await stage.store.runs())[0].outcome == "stale"


async def test_a_busy_lease_is_left_to_its_holder(stage: Stage):
    stage.want(OZMA)
    await stage.store.acquire_lease(LEASE, "somebody else", now=NOW, ttl_s=60)

    report = await tick(stage.outside())

    assert (report.run.outcome, report.plan) == ("busy", None)
    stage.clock.advance(seconds=61)
    assert (await tick(stage.outside())).run.outcome == "changed"


async def test_a_tick_gives_its_lease_back_also_when_it_fails(stage: Stage):
    stage.want(OZMA)
    wire = Wire()
    wire.breaks["claims"].append(Transient("the store is busy"))
    with pytest.raises(Transient):
        await tick(stage.outside(wire))

    assert (await tick(stage.outside())).run.outcome == "changed"
    assert [run.outcome for run in await stage.store.runs()] == ["changed", "failed"]


async def test_who_was_overtaken_in_the_middle_stops_and_changes_nothing_more(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)
    outside = stage.outside()
    fetch = outside.indexers[0].fetch

    async def slow_fetch(release):
        stage.clock.advance(seconds=301)
        assert await stage.store.acquire_lease(LEASE, "another process", now=stage.clock.now(), ttl_s=60)
        return await fetch(release)

    outside.indexers[0].fetch = slow_fetch  # type: ignore[method-assign]

    with pytest.raises(Conflict) as conflict:
        await tick(outside)

    assert conflict.value.code == "LeaseMoved"
    assert stage.client.adds == []


# --- sources ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["library", "client"])
async def test_a_source_that_fails_stops_everything_until_it_is_back(stage: Stage, source: str):
    stage.want(OZMA)
    stage.offer(OZMA)
    broken = getattr(stage, source)
    broken.down = True

    report = await tick(stage.outside())
    assert (report.run.outcome, code(report)) == ("braked", f"{source.capitalize()}Down")
    assert stage.indexer.searched == []

    broken.down = False
    await tick(stage.outside())
    assert len(stage.client.adds) == 1


async def test_a_library_that_suddenly_lists_nothing_grabs_nothing_and_keeps_its_last_good_count(stage: Stage):
    stage.library.own(TIK_TOK)
    stage.want(TIK_TOK)
    await tick(stage.outside())
    stage.offer(TIK_TOK)
    stage.library.lists_nothing = True

    for _ in range(3):
        assert code(await tick(stage.outside()), TIK_TOK.key) == "LibraryLooksEmptied"

    assert stage.client.adds == []
    assert (await stage.store.baseline()).items == 1


async def test_a_person_may_confirm_that_the_library_is_really_empty(stage: Stage):
    stage.library.own(TIK_TOK)
    stage.want(TIK_TOK)
    await tick(stage.outside())
    stage.offer(TIK_TOK)
    stage.library.items.clear()
    braked = await tick(stage.outside())
    assert braked.plan is not None

    await stage.store.approve(braked.plan.brakes[0].approve or "", who="sam", at=NOW)
    await tick(stage.outside())

    assert len(stage.client.adds) == 1
    assert (await stage.store.baseline()).items == 0


async def test_a_refused_login_is_not_repeated_for_a_quarter_of_an_hour(stage: Stage):
    stage.want(OZMA)
    wire = Wire()
    wire.breaks["read client"].append(Permanent("the password is wrong", code="ClientRefused"))
    await tick(stage.outside(wire))

    again = Wire()
    report = await tick(stage.outside(again))
    assert "read client" not in again.calls
    assert code(report) == "ClientRefused"

    stage.clock.advance(minutes=16)
    await tick(stage.outside())
    assert stage.client.refusals_forgotten == 1
    assert await stage.store.backoffs() == {}


async def test_a_system_that_is_not_configured_reads_as_unread(stage: Stage):
    stage.want(OZMA)

    report = await tick(dataclasses.replace(stage.outside(), client=None))

    assert code(report) == "ClientNotConfigured"


# --- what is desired -------------------------------------------------------------------------------------------------


async def test_broken_declarations_leave_the_last_good_ones_in_force(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.offer(OZMA)
    stage.manifests.declared = (Mistake(place=Place(file="oz.yaml", line=3, path="spec"), message="unknown key"),)
    stage.clock.advance(days=2)

    report = await tick(stage.outside())

    assert len(stage.client.adds) == 1
    assert report.plan is not None
    assert [brake.reason.code for brake in report.plan.brakes] == ["DeclarationsBroken"]


async def test_far_fewer_wants_than_before_wait_for_a_person(stage: Stage):
    books = [book(f"Oz Number {number}") for number in range(10)]
    stage.want(*books)
    await tick(stage.outside())
    stage.want(OZMA)

    doubtful = await tick(stage.outside())
    assert doubtful.plan is not None
    assert len(doubtful.plan.wants) == 10
    [brake] = doubtful.plan.brakes
    assert brake.reason.code == "DeclarationsLookEmptied"

    await stage.store.approve(brake.approve or "", who="sam", at=NOW)
    sure = await tick(stage.outside())
    assert sure.plan is not None
    assert [want.key for want in sure.plan.wants] == [OZMA.key]


async def test_a_want_that_leaves_the_declarations_loses_its_status_and_keeps_its_key(stage: Stage):
    stage.want(OZMA, TIK_TOK)
    await tick(stage.outside())
    stage.want(TIK_TOK)

    await tick(stage.outside())

    assert set(await stage.reasons()) == {TIK_TOK.key}
    assert OZMA.key in (await stage.store.want_keys()).values()


# --- failures --------------------------------------------------------------------------------------------------------


async def test_a_bug_in_one_act_is_written_down_and_the_others_go_on(stage: Stage):
    stage.want(OZMA, TIK_TOK)
    for one in (OZMA, TIK_TOK):
        stage.offer(one)
    outside = stage.outside()
    fetch = outside.indexers[0].fetch

    async def broken_fetch(release):
        if "Ozma" in release.title:
            raise ZeroDivisionError
        return await fetch(release)

    outside.indexers[0].fetch = broken_fetch  # type: ignore[method-assign]

    report = await tick(outside)

    assert report.run.outcome == "failed"
    assert [stage.client.torrents[infohash].name for infohash in stage.client.adds] == ["Tik-Tok of Oz"]
    assert [one.reason for one in await stage.store.failures(OZMA.key)] == ["Bug"]
    assert f"grab/{OZMA.key}" in await stage.store.backoffs()


async def test_after_three_failures_in_a_row_a_system_is_left_alone_for_the_rest_of_the_tick(stage: Stage):
    books = [book(f"Oz Number {number}") for number in range(8)]
    generous = PolicySpec(bootstrap="apply", budgets=Budgets(grabs_per_tick=8))
    stage.want(*books, policy=generous)
    for one in books:
        stage.offer(one)
    wire = Wire()
    wire.breaks["add"] += [Transient("the client is busy")] * 8

    await tick(stage.outside(wire))

    assert wire.calls.count("add") == 3


async def test_a_failure_backs_off_longer_each_time_and_a_success_forgets_it(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)
    waits = []
    for _ in range(4):
        wire = Wire()
        wire.breaks["add"].append(Transient("the client is busy"))
        await tick(stage.outside(wire))
        backoff = (await stage.store.backoffs())[f"grab/{OZMA.key}"]
        waits.append((backoff.not_before - stage.clock.now()).total_seconds())
        assert code(await tick(stage.outside())) == "BackingOff"
        stage.clock.time = backoff.not_before

    await tick(stage.outside())

    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    assert len(stage.client.adds) == 1
    assert await stage.store.backoffs() == {}


async def test_the_next_tick_comes_when_the_first_back_off_ends(stage: Stage):
    stage.want(OZMA)
    stage.indexer.down = True

    report = await tick(stage.outside())

    [backoff] = (await stage.store.backoffs()).values()
    assert report.wake_at == backoff.not_before
    assert (await tick(stage.outside(), mode="plan")).wake_at == backoff.not_before


# --- requests --------------------------------------------------------------------------------------------------------


async def test_a_request_is_served_and_forgotten(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.clock.advance(hours=1)
    await stage.store.request(OZMA.key, at=stage.clock.now())

    await tick(stage.outside())

    assert (await stage.store.searches())[OZMA.key].at == stage.clock.now()
    assert await stage.store.requests() == {}


async def test_a_request_waits_while_a_brake_holds(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.clock.advance(hours=1)
    await stage.store.request("*", at=stage.clock.now())
    stage.library.down = True

    await tick(stage.outside())
    assert set(await stage.store.requests()) == {"*"}

    stage.library.down = False
    await tick(stage.outside())
    assert await stage.store.requests() == {}
    assert (await stage.store.searches())[OZMA.key].at == stage.clock.now()


async def test_a_request_for_everything_lasts_until_everything_was_searched(stage: Stage):
    books = [book(f"Oz Number {number}") for number in range(5)]
    stage.want(*books, policy=PolicySpec(bootstrap="apply", budgets=Budgets(searches_per_tick=2)))
    for _ in range(3):
        await tick(stage.outside())
    stage.clock.advance(hours=1)
    await stage.store.request("*", at=stage.clock.now())

    for left in ({"*"}, {"*"}, set()):
        await tick(stage.outside())
        assert set(await stage.store.requests()) == left

    assert {one.at for one in (await stage.store.searches()).values()} == {stage.clock.now()}


# --- what is written down --------------------------------------------------------------------------------------------


async def test_one_event_per_transition_of_a_brake(stage: Stage):
    stage.want(OZMA)
    await tick(stage.outside())
    stage.library.down = True
    for _ in range(3):
        await tick(stage.outside())
    stage.library.down = False
    await tick(stage.outside())

    told = [(one.reason, one.count) for one in await stage.store.events(subject="bibliostat")]

    assert told == [("LibraryDown", 1), ("Read", 1), ("NoBrake", 1), ("NoFault", 1)]


async def test_what_needs_a_person_is_told_once(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA, title="Ozma of Oz", authors=None)
    for _ in range(3):
        await tick(stage.outside())
        stage.clock.advance(minutes=1)

    told = [one for one in stage.watcher.told if one.subject == OZMA.key and one.reason == "NeedsYou"]

    assert len(told) == 1


async def test_a_crash_leaves_the_lease_to_expire_and_the_work_is_found_again(stage: Stage):
    stage.want(OZMA)
    stage.offer(OZMA)
    wire = Wire()
    wire.crash_in = 40
    with pytest.raises(Crash):
        await tick(stage.outside(wire))

    assert (await tick(stage.outside())).run.outcome == "busy"
    stage.clock.advance(minutes=11)
    assert code(await settled(stage)) == "InLibrary"
    assert len(stage.client.adds) == 1


async def test_a_crash_at_every_moment_of_the_whole_way_loses_nothing_and_repeats_nothing(stage: Stage):
    """One process after the other dies, each one moment later than the one before, until the book is there."""
    stage.want(OZMA, policy=APPLY)
    stage.offer(OZMA)
    for moment in range(1, 400):
        wire = Wire()
        wire.crash_in = moment
        try:
            await tick(stage.outside(wire))
        except Crash:
            stage.clock.advance(minutes=6)
        for infohash in stage.client.torrents:
            stage.client.finish(infohash)
        if (await stage.claims("publish")) == [(OZMA.key, Outcome.CONFIRMED)]:
            break

    assert code(await settled(stage)) == "InLibrary"
    assert len(stage.client.adds) == 1
    assert len(stage.shelf.folders) == len(stage.library.items) == 1


async def test_the_first_tick_of_a_day_forgets_old_history(stage: Stage):
    await tick(stage.outside())
    await stage.store.record_event(subject="old", reason="Happened", message="long ago", at=stage.clock.now())
    stage.clock.advance(days=31)

    await tick(stage.outside())

    assert not await stage.store.events(subject="old")
