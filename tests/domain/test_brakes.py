"""Every brake of the doctrine: when it trips, what it blocks, what it spares, and who releases it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from worlds import (
    DONE,
    HOUR,
    INDEXER,
    NOW,
    OZ,
    desired,
    downloads,
    grab_of,
    infohash,
    item_of,
    library,
    offer,
    override,
    oz,
    policy,
    searched,
    torrent_of,
    unread,
    world,
)

from domain.actions import Adopt, Grab, Hold, LetGo, Publish, Reason, Remove, Search
from domain.brakes import FIRST_RUN, brakes
from domain.case import FOUND, FOUND_TAG
from domain.plan import Plan, plan
from domain.world import Baseline, Outcome, World

OZMA = oz(3)
OFFERED = searched(OZMA, offer(OZMA))
SHELF = tuple(item_of(oz(number)) for number in range(1, len(OZ) + 1) if number != 3)


def held(made: Plan) -> list[str]:
    return [brake.reason.code for brake in made.brakes]


# --- unread, stale ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["library", "downloads"])
def test_nothing_is_done_while_a_source_is_unread(source: str):
    made = plan(desired(OZMA), world(searches=OFFERED, **{source: unread("NotAnswering", "it does not answer")}), NOW)

    assert made.decisions == (Hold(OZMA.key, Reason("NotAnswering", "it does not answer")),)
    assert made.acts == ()


@pytest.mark.parametrize(("source", "code"), [("library", "LibraryStale"), ("downloads", "ClientStale")])
def test_nothing_is_done_on_an_old_reading(source: str, code: str):
    reading = library if source == "library" else downloads
    fresh = world(searches=OFFERED, **{source: reading(at=NOW - timedelta(seconds=300))})
    old = world(searches=OFFERED, **{source: reading(at=NOW - timedelta(seconds=301))})

    assert isinstance(plan(desired(OZMA), fresh, NOW).decisions[0], Grab)
    assert held(plan(desired(OZMA), old, NOW)) == [code]
    assert plan(desired(OZMA), old, NOW).acts == ()


# --- emptied ---------------------------------------------------------------------------------------------------------


def test_nothing_is_grabbed_while_the_library_looks_emptied():
    made = plan(desired(OZMA), world(searches=OFFERED, baseline=Baseline(items=400, torrents=0)), NOW)

    [decision] = made.decisions
    assert decision.because.code == "LibraryLooksEmptied"
    assert "0 books are there now, 400 at the last good reading" in decision.because.message


@pytest.mark.parametrize(("before", "trips"), [(13, False), (16, False), (17, True), (400, True), (0, False)])
def test_a_library_below_four_fifths_of_the_last_good_count_looks_emptied(before: int, trips: bool):
    made = plan(desired(OZMA), world(SHELF, searches=OFFERED, baseline=Baseline(items=before, torrents=0)), NOW)

    assert (held(made) == ["LibraryLooksEmptied"]) is trips


def test_items_marked_missing_are_not_there():
    missing = [msgspec.structs.replace(item, is_missing=True) for item in SHELF]

    made = plan(desired(OZMA), world(missing, searches=OFFERED, baseline=Baseline(items=13, torrents=0)), NOW)

    assert held(made) == ["LibraryLooksEmptied"]


@pytest.mark.parametrize(("gone", "trips"), [(20, False), (21, True)])
def test_many_books_that_turn_missing_at_once_look_like_a_lost_disk(gone: int, trips: bool):
    shelf = [item_of(oz(1), id=f"i{n}", rel_path=f"p{n}", is_missing=n < gone + 5) for n in range(500)]
    before = Baseline(items=495, missing=5, torrents=0)

    assert (held(plan(desired(), world(shelf, baseline=before), NOW)) == ["LibraryLooksEmptied"]) is trips


def test_a_person_may_confirm_exactly_the_library_they_saw():
    emptied = world(SHELF[:5], searches=OFFERED, baseline=Baseline(items=14, torrents=0))
    [brake] = plan(desired(OZMA), emptied, NOW).brakes
    confirmed = msgspec.structs.replace(emptied, approved=frozenset({brake.approve}))
    emptier = msgspec.structs.replace(confirmed, library=library(*SHELF[:4]))

    assert f"bibliostat approve {brake.approve}" in brake.reason.message
    assert isinstance(plan(desired(OZMA), confirmed, NOW).decisions[0], Grab)
    assert held(plan(desired(OZMA), emptier, NOW)) == ["LibraryLooksEmptied"]


@pytest.mark.parametrize(
    ("before", "there", "trips"),
    [(10, 8, False), (10, 7, True), (5, 3, False), (2, 1, False), (1, 0, True), (0, 0, False)],
)
def test_a_lost_list_of_torrents_stops_everything(before: int, there: int, trips: bool):
    torrents = [torrent_of(oz(number), tags=()) for number in range(1, there + 1)]

    made = plan(
        desired(OZMA), world(torrents=torrents, searches=OFFERED, baseline=Baseline(items=0, torrents=before)), NOW
    )

    assert (held(made) == ["ClientLooksEmptied"]) is trips
    assert bool([act for act in made.acts if isinstance(act, Grab)]) is not trips


# --- first run -------------------------------------------------------------------------------------------------------


def test_the_first_run_waits_for_a_person():
    first = world(searches=OFFERED, baseline=Baseline())

    assert held(plan(desired(OZMA), first, NOW)) == ["FirstRun"]
    assert plan(desired(OZMA, oz(8)), first, NOW).acts == ()
    approved = msgspec.structs.replace(first, approved=frozenset({FIRST_RUN}))
    assert isinstance(plan(desired(OZMA), approved, NOW).decisions[0], Grab)
    assert isinstance(plan(desired(OZMA, policy=policy(bootstrap="apply")), first, NOW).decisions[0], Grab)


def test_the_first_run_goes_on_with_torrents_that_carry_our_tag():
    tagged = world(torrents=[torrent_of(OZMA)], baseline=Baseline())
    finished = world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA),), baseline=Baseline())

    assert isinstance(plan(desired(OZMA), tagged, NOW).decisions[0], Adopt)
    assert isinstance(plan(desired(OZMA), finished, NOW).decisions[0], Publish)


# --- suspended -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["hold", "snooze"])
def test_everything_can_be_suspended_until_a_moment(verb: str):
    suspended = world(searches=OFFERED, overrides=(override(verb, "*", until=NOW + HOUR, why="on holiday"),))
    over = world(searches=OFFERED, overrides=(override(verb, "*", until=NOW),))

    [brake] = plan(desired(OZMA), suspended, NOW).brakes
    assert brake.reason == Reason("Suspended", "everything is on hold until 2026-05-01 13:00 UTC: on holiday")
    assert plan(desired(OZMA), suspended, NOW).acts == ()
    assert isinstance(plan(desired(OZMA), over, NOW).decisions[0], Grab)


def test_a_policy_can_suspend_everything():
    assert held(plan(desired(OZMA, policy=policy(suspend=True)), world(searches=OFFERED), NOW)) == ["Suspended"]


def test_holding_the_client_stops_grabs_and_removals_and_not_searches():
    other = oz(8)
    seen = world(searches=OFFERED, overrides=(override("hold", "client"),))

    made = plan(desired(OZMA, other), seen, NOW)

    assert [type(one) for one in made.decisions] == [Search, Hold]
    assert held(made) == ["Suspended"]


def test_holding_the_library_stops_what_writes_to_it():
    finished = oz(8)
    seen = world(
        torrents=[torrent_of(finished, **DONE)],
        claims=(grab_of(finished),),
        searches=OFFERED,
        overrides=(override("hold", "library"),),
    )

    made = plan(desired(OZMA, finished), seen, NOW)

    assert [type(one) for one in made.acts] == [Grab]


def test_an_indexer_on_hold_is_neither_searched_nor_fetched_from():
    seen = world(searches=OFFERED, overrides=(override("hold", f"indexer/{INDEXER}"),))

    made = plan(desired(OZMA, oz(8)), seen, NOW)

    assert made.acts == ()
    assert {one.because.code for one in made.decisions} == {"IndexersSuspended"}


# --- what is desired looks wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize("doubt", [{"mistakes": ("oz.yaml:3: unknown key",)}, {"shrunk": "abc123"}])
def test_doubtful_declarations_stop_removals_and_nothing_else(doubt: dict):
    owned = oz(1)
    seen = world([item_of(owned)], [torrent_of(owned, **DONE)], claims=(grab_of(owned),), searches=OFFERED)

    sure, doubtful = plan(desired(OZMA, owned), seen, NOW), plan(desired(OZMA, owned, **doubt), seen, NOW)

    assert [type(act) for act in sure.acts] == [Grab, LetGo]
    assert [type(act) for act in doubtful.acts] == [Grab]


# --- removals --------------------------------------------------------------------------------------------------------

REMOVING = policy(duties={"after": "remove"})


def finished(*numbers: int, seen_before: int = 1, **changes: object) -> World:
    """Books of the library whose torrents owe nothing any more."""
    books = [oz(number) for number in numbers]
    return world(
        [item_of(book) for book in books],
        [torrent_of(book, **DONE | changes) for book in books],
        claims=tuple(grab_of(book, id=place) for place, book in enumerate(books, 1)),
        findings={f"remove/{infohash(book)}": seen_before for book in books},
    )


def test_a_removal_must_be_found_in_two_successive_readings():
    first = plan(desired(oz(1), policy=REMOVING), finished(1, seen_before=0), NOW)
    second = plan(desired(oz(1), policy=REMOVING), finished(1, seen_before=1), NOW)

    assert first.chores == ()
    assert first.findings == (f"remove/{infohash(oz(1))}",)
    assert [type(act) for act in second.chores] == [Remove]


def test_too_many_removals_are_none_at_all_until_a_person_confirms_exactly_these():
    numbers = range(1, 7)
    wanted = desired(*map(oz, numbers), policy=REMOVING)
    capped = plan(wanted, finished(*numbers), NOW)
    [brake] = capped.brakes
    approved = msgspec.structs.replace(finished(*numbers), approved=frozenset({brake.approve}))
    one_more = msgspec.structs.replace(finished(*range(1, 8)), approved=frozenset({brake.approve}))

    assert held(capped) == ["RemovalsCapped"]
    assert capped.chores == ()
    assert len(plan(wanted, approved, NOW).chores) == 6
    assert plan(desired(*map(oz, range(1, 8)), policy=REMOVING), one_more, NOW).chores == ()


def test_by_default_a_torrent_that_owes_nothing_only_loses_our_tag():
    [act] = plan(desired(oz(1)), finished(1), NOW).chores

    assert isinstance(act, LetGo)
    assert act.tags == (f"want:{oz(1).key}",)


@pytest.mark.parametrize("after", ["keep", "remove"])
def test_leaving_the_yaml_makes_an_orphan_and_deletes_nothing(after: str):
    [act] = plan(desired(policy=policy(duties={"after": after})), finished(1), NOW).chores

    assert isinstance(act, LetGo)


def test_skipping_a_book_deletes_nothing():
    skipped = msgspec.structs.replace(
        finished(1), library=library(), baseline=Baseline(items=0, torrents=1), overrides=(override("skip", oz(1).key),)
    )

    [act] = plan(desired(oz(1), policy=REMOVING), skipped, NOW).chores

    assert isinstance(act, LetGo)


def test_a_torrent_whose_want_still_needs_it_is_left_alone():
    missing = msgspec.structs.replace(finished(1), library=library(), baseline=Baseline(items=0, torrents=1))

    assert plan(desired(oz(1), policy=REMOVING), missing, NOW).chores == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": (f"want:{oz(1).key}", FOUND_TAG)},
        {"tags": ()},
    ],
)
def test_a_torrent_that_was_there_before_us_is_never_removed(changes: dict):
    made = plan(desired(oz(1), policy=REMOVING), finished(1, **changes), NOW)

    assert [act for act in made.chores if isinstance(act, Remove)] == []
    assert made.findings == ()


def test_a_torrent_that_the_ledger_says_was_found_is_never_removed():
    found = msgspec.structs.replace(finished(1), claims=(grab_of(oz(1), detail=FOUND),))

    assert [type(act) for act in plan(desired(oz(1), policy=REMOVING), found, NOW).chores] == [LetGo]


def test_a_torrent_without_a_row_in_the_ledger_is_never_removed():
    unknown = msgspec.structs.replace(finished(1), claims=())

    made = plan(desired(oz(1), policy=REMOVING), unknown, NOW)

    assert [type(act) for act in made.acts if not isinstance(act, Adopt)] == []


def test_a_torrent_that_still_owes_something_is_neither_removed_nor_let_go():
    owing = finished(1, completed_at=NOW - HOUR)

    assert plan(desired(oz(1), policy=REMOVING), owing, NOW).acts == ()


def test_duties_outlive_the_want():
    owing = finished(1, completed_at=NOW - HOUR)

    made = plan(desired(), owing, NOW)

    assert made.acts == ()
    assert [duty.fulfilled for duty in made.duties] == [False]


def test_a_torrent_of_two_wants_goes_when_both_are_done_with_it():
    one, other = oz(1), oz(2)
    shared = finished(1, tags=(f"want:{one.key}", f"want:{other.key}"))
    claims = (grab_of(one), grab_of(other, id=2, infohash=infohash(one)))
    shared = msgspec.structs.replace(shared, claims=claims)
    both = msgspec.structs.replace(
        shared, library=library(item_of(one), item_of(other)), baseline=Baseline(items=2, torrents=1)
    )

    assert plan(desired(one, other, policy=REMOVING), shared, NOW).chores == ()
    assert [type(act) for act in plan(desired(one, other, policy=REMOVING), both, NOW).chores] == [Remove]


def test_brakes_are_named_strongest_first():
    wrong = world(library=unread(), baseline=Baseline(items=10, torrents=10))

    found = brakes(desired(policy=policy(suspend=True), mistakes=("oz.yaml:1: broken",)), wrong, NOW)

    assert [brake.name for brake in found] == ["suspend", "unread library", "client emptied", "desired"]


def test_an_unsettled_grab_is_not_settled_under_a_brake():
    seen = world(torrents=[torrent_of(OZMA)], claims=(grab_of(OZMA, outcome=Outcome.UNKNOWN),), library=unread())

    assert plan(desired(OZMA), seen, NOW).acts == ()
