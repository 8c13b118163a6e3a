"""Downloads that go wrong: bounded tries, each told with its number, its moment and what comes after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from worlds import DAY, HOUR, NOW, desired, grab_of, infohash, offer, override, oz, searched, torrent_of, unread, world

from domain.actions import Decision, Grab, Hold, Publish, Reason, Revive, Settle
from domain.case import Case, Lookup, case_of
from domain.downloading import BLOCKED, download, recovered, tried_in_vain, trouble_of
from domain.manifest import PolicySpec, Retries
from domain.ownership import LibraryIndex
from domain.plan import plan
from domain.wanted_files import CHOOSE_TAG
from domain.world import Backoff, Blocked, Outcome, Torrent, TorrentState, World

OZMA = oz(3)
KEY = f"download/{infohash(OZMA)}"
LONG_AGO = {"added_at": NOW - 3 * DAY, "last_activity_at": NOW - 25 * HOUR}
STALLED = {"progress": 0.5, "downloaded_bytes": 150_000_000, "seeders": 3, **LONG_AGO}
DEAD = {"progress": 0.0, "downloaded_bytes": 0, "seeders": 0, **LONG_AGO}
TROUBLES: tuple[tuple[dict[str, Any], str, int], ...] = (
    (STALLED, "start", 3),
    (DEAD, "start", 1),
    ({"state": TorrentState.ERROR}, "start", 3),
    ({"state": TorrentState.MISSING_FILES, "progress": 0.0}, "recheck", 3),
    ({"state": TorrentState.STOPPED, "tags": (f"want:{OZMA.key}", CHOOSE_TAG)}, "choose", 3),
)
NAMES = ("stalled", "dead", "error", "missing files", "choosing")


def seen_with(torrent: Torrent, *, tried: int = 0, rest: timedelta = timedelta(0), **changes: Any) -> World:
    backoffs = {KEY: Backoff(key=KEY, failures=tried, not_before=NOW + rest)} if tried else {}
    return world(torrents=[torrent], claims=(grab_of(OZMA),), backoffs=backoffs, **changes)


def decided(seen: World, policy: PolicySpec | None = None) -> Decision:
    [decision] = plan(desired(OZMA, policy=policy or PolicySpec()), seen, NOW).decisions
    return decision


def case(seen: World) -> Case:
    torrents = () if not hasattr(seen.downloads, "value") else seen.downloads.value
    return case_of(OZMA, PolicySpec(), seen, LibraryIndex(()), NOW, Lookup(seen, torrents, NOW))


@pytest.mark.parametrize(("changes", "verb", "tries"), TROUBLES, ids=NAMES)
def test_each_trouble_is_tried_so_often_and_then_given_up(changes, verb, tries):
    torrent = torrent_of(OZMA, **changes)

    for tried in range(tries):
        decision = decided(seen_with(torrent, tried=tried))
        assert isinstance(decision, Revive)
        assert (decision.verb, decision.torrent) == (verb, torrent.id)
        assert f"try {tried + 1} of {tries}" in decision.because.message
    last = decided(seen_with(torrent, tried=tries))

    assert isinstance(last, Settle)
    assert (last.outcome, last.because.code) == (Outcome.ABANDONED, "DownloadGivenUp")
    assert "the next best release has its turn" in last.because.message


@pytest.mark.parametrize(("changes", "verb", "tries"), TROUBLES, ids=NAMES)
def test_a_rest_says_which_try_was_made_when_it_is_looked_at_again_and_what_then(changes, verb, tries):
    del verb
    for tried in range(1, tries + 1):
        decision = decided(seen_with(torrent_of(OZMA, **changes), tried=tried, rest=HOUR))

        assert isinstance(decision, Hold)
        assert decision.because.code == "DownloadTroubled"
        assert f"try {tried} of {tries} was made, looked at again 2026-05-01 13:00 UTC" in decision.because.message
        afterwards = "given up" if tried == tries else "again"
        assert decision.because.message.rpartition("; then ")[2].count(afterwards) == 1


@pytest.mark.parametrize(
    ("tried", "moment"), [(0, "2026-05-01 12:15"), (1, "2026-05-01 13:00"), (2, "2026-05-02 12:00")]
)
def test_the_tries_come_a_quarter_of_an_hour_an_hour_and_a_day_apart(tried, moment):
    decision = decided(seen_with(torrent_of(OZMA, state=TorrentState.ERROR), tried=tried))

    assert f"looked at again {moment} UTC" in decision.because.message


def test_without_tries_in_the_policy_a_troubled_download_is_given_up_at_once():
    policy = PolicySpec(retries=Retries(download_minutes=()))

    assert isinstance(decided(seen_with(torrent_of(OZMA, state=TorrentState.ERROR)), policy), Settle)


# --- what is trouble, and what is not --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"state": TorrentState.WAITING, "raw_state": "queuedDL", **LONG_AGO},
        {"state": TorrentState.WAITING, "raw_state": "checkingDL", **LONG_AGO},
        {"state": TorrentState.ACTIVE, "added_at": NOW - HOUR, "last_activity_at": None},
        {"state": TorrentState.ACTIVE, "added_at": NOW - 9 * DAY, "last_activity_at": NOW - 23 * HOUR},
        {"state": TorrentState.ACTIVE, "added_at": None, "last_activity_at": None},
        {"state": TorrentState.STOPPED, **LONG_AGO},
        {"state": TorrentState.DONE, "progress": 1.0, **LONG_AGO},
        {"state": TorrentState.ACTIVE, "tags": (f"want:{OZMA.key}", CHOOSE_TAG)},
    ],
)
def test_what_waits_moves_is_done_or_was_stopped_by_a_person_is_no_trouble(changes):
    assert trouble_of(torrent_of(OZMA, **changes), Retries(), NOW) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"seeders": None},
        {"seeders": 1},
        {"downloaded_bytes": 1},
        {"progress": 0.01},
    ],
)
def test_a_torrent_with_a_seeder_or_with_anything_that_came_is_stalled_and_not_dead(changes):
    trouble = trouble_of(torrent_of(OZMA, **DEAD | changes), Retries(), NOW)

    assert trouble is not None
    assert trouble.tries == 3


def test_a_magnet_that_nobody_ever_answered_is_dead():
    magnet = torrent_of(OZMA, **DEAD | {"state": TorrentState.WAITING, "raw_state": "metaDL", "seeders": None})

    trouble = trouble_of(magnet, Retries(), NOW)

    assert trouble is not None
    assert trouble.tries == 1


def test_a_download_says_while_it_goes_on_again_that_it_was_tried():
    running = torrent_of(OZMA, progress=0.7)

    assert "try 2 of 3" in decided(seen_with(running, tried=2, rest=HOUR)).because.message
    assert "try" not in decided(seen_with(running)).because.message


def test_a_stopped_download_stays_stopped_whatever_was_tried():
    assert decided(seen_with(torrent_of(OZMA, state=TorrentState.STOPPED), tried=1)).because.code == "DownloadStopped"


def test_a_download_that_lasted_through_its_rest_clears_its_tries():
    def keys(torrent: Torrent, rest: timedelta) -> tuple[str, ...]:
        return recovered([torrent], {KEY: Backoff(key=KEY, failures=3, not_before=NOW + rest)}, Retries(), NOW)

    running = torrent_of(OZMA)
    assert keys(running, timedelta(0)) == (KEY,)
    assert keys(running, HOUR) == ()
    assert keys(torrent_of(OZMA, **STALLED), timedelta(0)) == ()
    for state in (TorrentState.ERROR, TorrentState.MISSING_FILES, TorrentState.STOPPED, TorrentState.WAITING):
        assert keys(torrent_of(OZMA, state=state), timedelta(0)) == ()
    assert recovered([running], {}, Retries(), NOW) == ()


# --- gone ------------------------------------------------------------------------------------------------------------


def test_a_torrent_that_is_gone_waits_for_a_person_and_says_what_to_say():
    seen = world(claims=(grab_of(OZMA),), searches=searched(OZMA, offer(OZMA)))

    decision = decided(seen)

    assert decision.because.code == "TorrentGone"
    for words in (f"override retry {OZMA.key}", f"block {offer(OZMA).id}", f"override skip {OZMA.key}"):
        assert words in decision.because.message


def test_a_client_that_was_not_read_has_lost_no_torrent():
    seen = world(claims=(grab_of(OZMA),), downloads=unread("ClientDown", "it does not answer"))

    assert download(case(seen)) == Hold(OZMA.key, Reason("ClientDown", "it does not answer"))


def test_blocking_a_release_whose_torrent_is_gone_makes_room_for_the_next_best():
    other = offer(OZMA, id="9" * 16, infohash="9" * 40)
    seen = world(
        claims=(grab_of(OZMA),),
        searches=searched(OZMA, offer(OZMA), other),
        blocklist=(Blocked(id=1, release=offer(OZMA).id, at=NOW),),
    )

    decision = decided(seen)

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.ABANDONED
    assert decision.detail.startswith(BLOCKED)


# --- when everything was tried ---------------------------------------------------------------------------------------


def given_up(number: int = 1, **changes: Any) -> Any:
    detail = "stalled: nothing moved for 24 h, after 3 tries"
    return grab_of(OZMA, id=number, **{"outcome": Outcome.ABANDONED, "detail": detail} | changes)


def test_the_next_best_release_has_its_turn_before_a_person_is_asked():
    other = offer(OZMA, id="9" * 16, infohash="9" * 40)
    seen = world(claims=(given_up(),), searches=searched(OZMA, offer(OZMA), other))

    decision = decided(seen)

    assert isinstance(decision, Grab)
    assert decision.release == other
    assert tried_in_vain(case(seen), "next search tomorrow") is None


def test_when_none_is_left_a_person_is_told_what_was_tried():
    seen = world(claims=(given_up(),), searches=searched(OZMA, offer(OZMA)))

    hold = tried_in_vain(case(seen), "next search tomorrow")

    assert hold is not None
    assert hold.because.code == "NeedsYou"
    for words in (offer(OZMA).title, "after 3 tries", f"override retry {OZMA.key}", "next search tomorrow"):
        assert words in hold.because.message


def test_what_a_person_blocked_was_not_tried_in_vain():
    seen = world(
        claims=(given_up(detail=f"{BLOCKED}: wrong reader"),),
        searches=searched(OZMA, offer(OZMA)),
        blocklist=(Blocked(id=1, release=offer(OZMA).id, at=NOW),),
    )

    assert tried_in_vain(case(seen), "") is None


def test_who_asks_again_has_forgiven_what_was_tried():
    seen = world(claims=(given_up(),), searches=searched(OZMA, offer(OZMA)), overrides=(override("retry", OZMA.key),))

    assert isinstance(decided(seen), Grab)
    assert tried_in_vain(case(seen), "") is None


def test_a_finished_download_is_published_whatever_was_tried_for_it():
    done = torrent_of(OZMA, state=TorrentState.DONE, progress=1.0, complete=True, completed_at=NOW)

    assert isinstance(decided(seen_with(done, tried=3)), Publish)
