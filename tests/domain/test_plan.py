"""The planner: properties over arbitrary worlds, and the life of one want step by step."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import (
    BAUM,
    DAY,
    DONE,
    GB,
    HOUR,
    INDEXER,
    NOW,
    desired,
    downloads,
    grab_of,
    infohash,
    item_of,
    library,
    many_desired,
    offer,
    override,
    oz,
    policy,
    publish_of,
    searched,
    torrent_of,
    unread,
    world,
    worlds,
)

from domain.actions import (
    Adopt,
    Confirm,
    Decision,
    Enrich,
    Grab,
    Hold,
    LetGo,
    Publish,
    Remove,
    Revive,
    Scan,
    Search,
    Settle,
)
from domain.case import FOUND, FOUND_TAG
from domain.desired import Desired
from domain.manifest import ProfileSpec, Spending
from domain.plan import Plan, plan
from domain.wants import MemberKind, Want
from domain.world import Backoff, Blocked, Outcome, Silence, Spent, TorrentState, World

OZMA = oz(3)


def decided(made: Plan, want: Want = OZMA) -> Decision:
    [decision] = [one for one in made.decisions if one.want == want.key]
    return decision


def reason(made: Plan, want: Want = OZMA) -> str:
    return decided(made, want).because.code


# --- properties ------------------------------------------------------------------------------------------------------


@given(many_desired, worlds())
def test_every_want_gets_exactly_one_decision_with_a_reason(wanted: Desired, seen: World):
    made = plan(wanted, seen, NOW)

    assert sorted(one.want for one in made.decisions) == sorted(want.key for want in wanted.wants)
    assert all(one.because.code and one.because.message for one in (*made.decisions, *made.chores))


@given(many_desired, worlds())
def test_the_same_world_gives_the_same_plan(wanted: Desired, seen: World):
    assert plan(wanted, seen, NOW) == plan(wanted, seen, NOW)
    assert plan(wanted, seen, NOW).digest == plan(wanted, seen, NOW).digest


@given(many_desired, worlds(), st.integers(0, 2**32))
def test_the_order_in_which_things_are_listed_does_not_matter(wanted: Desired, seen: World, seed: int):
    made, other = plan(wanted, seen, NOW), plan(_shuffled(wanted, seed), _shuffled_world(seen, seed), NOW)

    assert (other.decisions, other.chores, other.brakes) == (made.decisions, made.chores, made.brakes)
    assert (other.findings, other.duties, other.world_digest) == (made.findings, made.duties, made.world_digest)


def _shuffled(wanted: Desired, seed: int) -> Desired:
    return msgspec.structs.replace(wanted, wants=_mixed(wanted.wants, seed))


def _shuffled_world(seen: World, seed: int) -> World:
    changes = {name: _mixed(getattr(seen, name), seed) for name in ("claims", "overrides", "blocklist", "indexers")}
    if not hasattr(seen.library, "code"):
        changes["library"] = library(*_mixed(seen.library.value.items, seed), at=seen.library.read_at)
    if not hasattr(seen.downloads, "code"):
        changes["downloads"] = msgspec.structs.replace(seen.downloads, value=_mixed(seen.downloads.value, seed))
    changes["searches"] = {
        key: msgspec.structs.replace(one, offers=_mixed(one.offers, seed))
        for key, one in _mixed(tuple(seen.searches.items()), seed)
    }
    return msgspec.structs.replace(seen, **changes)


def _mixed(rows: tuple, seed: int) -> tuple:
    return tuple(random.Random(seed).sample(rows, len(rows)))


@given(many_desired, worlds())
def test_no_more_is_grabbed_than_the_budget_allows(wanted: Desired, seen: World):
    budgets, spent = wanted.policy.budgets, seen.spent

    grabs = [one for one in plan(wanted, seen, NOW).decisions if isinstance(one, Grab)]

    assert len(grabs) <= max(0, budgets.grabs_per_tick - spent.tick)
    assert len(grabs) <= max(0, budgets.grabs_per_hour - spent.hour)
    assert len(grabs) <= max(0, budgets.grabs_per_day - spent.day)
    assert sum(one.release.size_bytes or 0 for one in grabs) <= (seen.free_bytes or 0)
    assert len({one.release.id for one in grabs}) == len(grabs)


@given(many_desired, worlds())
def test_nothing_is_written_that_a_brake_blocks(wanted: Desired, seen: World):
    made = plan(wanted, seen, NOW)
    blocked = {work for brake in made.brakes if not brake.spares_ours for work in brake.blocks}
    blocked_new = {work for brake in made.brakes for work in brake.blocks}

    kinds = {type(act) for act in made.acts}
    assert not ("grab" in blocked_new and Grab in kinds)
    assert not ("search" in blocked_new and Search in kinds)
    assert not ("publish" in blocked and kinds & {Publish, Enrich, Scan, Confirm, Adopt, Settle})
    assert not ("grab" in blocked and Revive in kinds)
    assert not ("remove" in blocked_new and kinds & {Remove, LetGo})


@given(many_desired, worlds())
def test_a_removal_concerns_only_what_ledger_and_tag_say_we_added(wanted: Desired, seen: World):
    made = plan(wanted, seen, NOW)

    removed = {act.torrent for act in made.chores if isinstance(act, Remove)}
    for torrent in () if hasattr(seen.downloads, "code") else seen.downloads.value:
        if torrent.id in removed:
            asked_for = [claim for claim in seen.claims if claim.action == "grab" and claim.ids & torrent.ids]
            assert any(tag.startswith("want:") for tag in torrent.tags)
            assert FOUND_TAG not in torrent.tags
            assert asked_for
            assert all(claim.detail != FOUND for claim in asked_for)
            assert {claim.want for claim in asked_for} <= set(made.owned)


@given(many_desired, worlds())
def test_at_most_as_many_removals_as_the_cap_and_each_was_seen_before(wanted: Desired, seen: World):
    removals = [act for act in plan(wanted, seen, NOW).chores if isinstance(act, Remove)]

    assert len(removals) <= wanted.policy.brakes.removals_per_plan
    assert all(seen.findings.get(act.finding, 0) >= 1 for act in removals)


@given(st.sets(st.integers(1, 14)), st.booleans())
def test_a_settled_world_plans_nothing(numbers: set[int], torrents_stay: bool):
    wanted = [oz(number) for number in sorted(numbers)]
    seeding = {"state": TorrentState.DONE, "progress": 1.0, "complete": True, "completed_at": NOW - HOUR}
    settled = world(
        items=map(item_of, wanted),
        torrents=[torrent_of(want, **seeding) for want in wanted] if torrents_stay else (),
        claims=[grab_of(want, id=place) for place, want in enumerate(wanted)],
    )

    made = plan(desired(*wanted), settled, NOW)

    assert made.acts == ()
    assert {one.because.code for one in made.decisions} <= {"InLibrary"}


@given(many_desired, worlds())
@settings(max_examples=50)
def test_status_always_names_a_reason_that_programs_can_read(wanted: Desired, seen: World):
    assert all(
        one.because.code.isalnum() and one.because.code[0].isupper() for one in plan(wanted, seen, NOW).decisions
    )


@given(worlds())
@settings(max_examples=50)
def test_no_rule_fails_unless_an_override_is_nonsense(seen: World):
    sane = msgspec.structs.replace(seen, overrides=tuple(one for one in seen.overrides if one.value != "not a number"))
    sane = msgspec.structs.replace(sane, overrides=tuple(one for one in sane.overrides if one.verb != "priority"))

    made = plan(desired(oz(1), oz(2), oz(3), oz(8), oz(14)), sane, NOW)

    assert [one for one in made.decisions if one.because.code == "RuleFailed"] == []


# --- one bad want ----------------------------------------------------------------------------------------------------


def test_a_want_whose_facts_cannot_be_read_holds_and_stops_no_other():
    bad = override("priority", OZMA.key, value="very")
    other = oz(8)
    seen = world(overrides=(bad,), searches=searched(other, offer(other)))

    made = plan(desired(OZMA, other), seen, NOW)

    assert reason(made) == "RuleFailed"
    assert isinstance(decided(made, other), Grab)


# --- the life of a want ----------------------------------------------------------------------------------------------


def test_a_missing_book_is_searched_for():
    assert isinstance(decided(plan(desired(OZMA), world(), NOW)), Search)


def test_a_book_of_the_library_is_left_alone():
    assert reason(plan(desired(OZMA), world([item_of(OZMA)]), NOW)) == "InLibrary"


def test_the_best_confirmed_release_is_grabbed():
    mp3 = offer(OZMA, id="1" * 16, title=f"{BAUM} - Ozma of Oz [MP3]", seeders=900)
    m4b = offer(OZMA, id="2" * 16)

    decision = decided(plan(desired(OZMA), world(searches=searched(OZMA, mp3, m4b)), NOW))

    assert isinstance(decision, Grab)
    assert decision.release == m4b
    assert decision.attempt == 1


def test_what_is_only_possible_waits_for_a_person():
    vague = offer(OZMA, title="Ozma of Oz", authors=None)

    assert reason(plan(desired(OZMA), world(searches=searched(OZMA, vague)), NOW)) == "NeedsYou"


def test_a_wrong_book_is_refused_with_the_rule_that_said_so():
    wrong = offer(oz(8))

    decision = decided(plan(desired(OZMA), world(searches=searched(OZMA, wrong)), NOW))

    assert decision.because.code == "NothingRightOffered"
    assert "WrongTitle 1" in decision.because.message


def test_a_book_without_a_title_is_never_searched_for():
    hole = oz(3, kind=MemberKind.PLACEHOLDER, title="Oz 3")

    assert reason(plan(desired(hole), world(), NOW), hole) == "TitleUnknown"


def test_a_book_that_is_not_out_yet_waits_for_its_day():
    coming = oz(3, released=date(2026, 6, 1))

    day = datetime(2026, 6, 1, 0, 1, tzinfo=UTC)
    on_that_day = world(library=library(at=day), downloads=downloads(at=day))

    assert reason(plan(desired(coming), world(), NOW)) == "Unreleased"
    assert isinstance(decided(plan(desired(coming), on_that_day, day)), Search)


def test_a_grab_without_an_outcome_is_settled_by_looking():
    seen = world(torrents=[torrent_of(OZMA)], claims=(grab_of(OZMA, outcome=None),))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.SENT


def test_a_grab_that_was_interrupted_before_it_was_handed_over_is_free_again():
    seen = world(claims=(grab_of(OZMA, outcome=None, infohash=None),))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.UNSENT


def test_a_grab_without_an_answer_is_never_sent_again_within_its_grace_time():
    unclear = grab_of(OZMA, outcome=Outcome.UNKNOWN, claimed_at=NOW - timedelta(minutes=9))
    seen = world(claims=(unclear,), searches=searched(OZMA, offer(OZMA)))

    assert reason(plan(desired(OZMA), seen, NOW)) == "GrabUnclear"


def test_a_grab_that_never_showed_up_is_free_again_after_its_grace_time():
    seen = world(claims=(grab_of(OZMA, outcome=Outcome.UNKNOWN),), searches=searched(OZMA, offer(OZMA)))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.UNSENT


@pytest.mark.parametrize("bound", [{"min_ratio": 1.0}, {"min_seed_s": 3600}])
def test_a_lost_grab_of_a_tracker_that_counts_waits_for_a_person(bound: dict[str, float]):
    lost = grab_of(OZMA, outcome=Outcome.UNKNOWN, **bound)

    assert reason(plan(desired(OZMA), world(claims=(lost,)), NOW)) == "GrabLost"
    asked = world(claims=(lost,), overrides=(override("retry", OZMA.key),))
    assert isinstance(decided(plan(desired(OZMA), asked, NOW)), Settle)


def test_a_torrent_with_our_tag_that_the_ledger_does_not_know_is_adopted():
    seen = world(torrents=[torrent_of(OZMA)], searches=searched(OZMA, offer(OZMA)))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Adopt)
    assert decision.infohash == infohash(OZMA)


def test_a_grab_that_was_thought_unsent_and_arrives_late_is_adopted_not_repeated():
    late = grab_of(OZMA, outcome=Outcome.UNSENT)
    seen = world(torrents=[torrent_of(OZMA)], claims=(late,), searches=searched(OZMA, offer(OZMA)))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Adopt)


def test_two_torrents_with_the_same_tag_are_for_a_person_to_sort_out():
    twins = [torrent_of(OZMA), torrent_of(OZMA, id="b" * 40, infohash_v1="b" * 40)]

    assert reason(plan(desired(OZMA), world(torrents=twins), NOW)) == "Ambiguous"


def test_somebody_elses_torrent_of_the_book_is_not_ours():
    seen = world(torrents=[torrent_of(OZMA, tags=())])

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Search)


def test_a_download_in_progress_is_waited_for():
    seen = world(torrents=[torrent_of(OZMA)], claims=(grab_of(OZMA),))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert decision.because.code == "Downloading"
    assert "50%" in decision.because.message


def test_a_finished_download_is_published():
    seen = world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA),))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Publish)


def test_a_download_that_only_claims_to_be_finished_is_not_published():
    seen = world(torrents=[torrent_of(OZMA, **DONE | {"complete": False})], claims=(grab_of(OZMA),))

    assert reason(plan(desired(OZMA), seen, NOW)) == "Downloading"


def test_what_was_published_and_is_not_listed_makes_one_scan_for_all():
    other = oz(8)
    placed = world(
        torrents=[torrent_of(OZMA, **DONE), torrent_of(other, **DONE)],
        claims=(grab_of(OZMA), publish_of(OZMA), grab_of(other, id=3), publish_of(other, id=4)),
    )

    made = plan(desired(OZMA, other), placed, NOW)

    assert [act.wants for act in made.chores if isinstance(act, Scan)] == [(OZMA.key, other.key)]


def test_a_book_that_a_scan_did_not_bring_up_rests_and_holds_up_no_other():
    other = oz(8)
    placed = world(
        torrents=[torrent_of(OZMA, **DONE), torrent_of(other, **DONE)],
        claims=(grab_of(OZMA), publish_of(OZMA), grab_of(other, id=3), publish_of(other, id=4)),
        backoffs={f"scan/{OZMA.key}": Backoff(key=f"scan/{OZMA.key}", failures=3, not_before=NOW + HOUR)},
    )

    made = plan(desired(OZMA, other), placed, NOW)

    assert [act.wants for act in made.chores if isinstance(act, Scan)] == [(other.key,)]


def test_a_listed_item_with_other_metadata_is_put_right():
    listed = item_of(OZMA, rel_path=publish_of(OZMA).path, title="ozma-of-oz-64kb", authors=())
    seen = world([listed], claims=(grab_of(OZMA), publish_of(OZMA)))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Enrich)
    assert decision.metadata.title == "Ozma of Oz"


def test_a_listed_item_that_is_right_is_confirmed():
    seen = world([item_of(OZMA, rel_path=publish_of(OZMA).path)], claims=(grab_of(OZMA), publish_of(OZMA)))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Confirm)


def test_two_items_on_one_path_are_for_a_person_to_sort_out():
    path = publish_of(OZMA).path
    seen = world(
        [item_of(OZMA, rel_path=path), item_of(OZMA, id="twin", rel_path=path)],
        claims=(grab_of(OZMA), publish_of(OZMA)),
    )

    assert reason(plan(desired(OZMA), seen, NOW)) == "TwoItemsOnePath"


def test_a_confirmed_book_counts_as_owned_at_its_path_whatever_its_metadata_became():
    renamed = item_of(OZMA, rel_path=publish_of(OZMA).path, title="Recording 17", authors=("Nobody",), series=())
    seen = world([renamed], claims=(grab_of(OZMA), publish_of(OZMA, outcome=Outcome.CONFIRMED)))

    made = plan(desired(OZMA), seen, NOW)

    assert reason(made) == "InLibrary"
    assert made.owned == {OZMA.key: (publish_of(OZMA).path,)}


def test_a_book_that_left_the_library_is_not_fetched_again_until_a_person_asks():
    gone = world(
        torrents=[torrent_of(OZMA, **DONE)],
        claims=(grab_of(OZMA), publish_of(OZMA, outcome=Outcome.CONFIRMED)),
        searches=searched(OZMA, offer(OZMA)),
    )

    assert reason(plan(desired(OZMA), gone, NOW)) == "LeftLibrary"
    asked = msgspec.structs.replace(gone, overrides=(override("retry", OZMA.key),))
    assert isinstance(decided(plan(desired(OZMA), asked, NOW)), Publish)


def test_the_torrent_of_a_book_that_left_the_library_stays_for_it_may_be_the_last_copy():
    gone = world(
        torrents=[torrent_of(OZMA, **DONE)],
        claims=(grab_of(OZMA), publish_of(OZMA, outcome=Outcome.CONFIRMED)),
        findings={f"remove/{infohash(OZMA)}": 5},
    )

    for after in ("keep", "remove"):
        assert plan(desired(OZMA, policy=policy(duties={"after": after})), gone, NOW).chores == ()


def test_a_listed_book_whose_files_are_missing_is_not_fetched_until_a_person_asks():
    seen = world([item_of(OZMA, is_missing=True)], searches=searched(OZMA, offer(OZMA)))

    assert reason(plan(desired(OZMA), seen, NOW)) == "MissingInLibrary"
    asked = msgspec.structs.replace(seen, overrides=(override("retry", OZMA.key),))
    assert isinstance(decided(plan(desired(OZMA), asked, NOW)), Grab)


def test_an_interrupted_publication_is_gone_on_with_even_when_its_folder_is_listed_already():
    interrupted = publish_of(OZMA, outcome=None)
    listed = item_of(OZMA, rel_path=interrupted.path)
    seen = world([listed], [torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA), interrupted))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Publish)


def test_a_corrected_declaration_is_searched_for_again():
    seen = world(searches=searched(OZMA, asked="another title"))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Search)
    assert decision.because.code == "DeclarationChanged"


def test_a_torrent_that_a_person_deleted_is_not_fetched_again_until_they_ask():
    gone = world(claims=(grab_of(OZMA),), searches=searched(OZMA, offer(OZMA)))

    assert reason(plan(desired(OZMA), gone, NOW)) == "TorrentGone"
    asked = msgspec.structs.replace(gone, overrides=(override("retry", OZMA.key),))
    decision = decided(plan(desired(OZMA), asked, NOW))
    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.ABANDONED


def test_who_asks_again_gets_exactly_one_new_attempt_at_the_same_release():
    given_up = grab_of(OZMA, outcome=Outcome.ABANDONED)
    asked = world(claims=(given_up,), searches=searched(OZMA, offer(OZMA)), overrides=(override("retry", OZMA.key),))

    again = decided(plan(desired(OZMA), asked, NOW))
    assert isinstance(again, Grab)
    assert again.attempt == 2

    second = grab_of(OZMA, id=2, attempt=2, outcome=Outcome.ABANDONED, claimed_at=NOW)
    tried = msgspec.structs.replace(asked, claims=(given_up, second))
    assert reason(plan(desired(OZMA), tried, NOW)) == "NeedsYou"


def test_a_refused_proof_shows_both_sides_and_waits():
    refused = publish_of(OZMA, outcome=Outcome.REFUSED, detail="WrongLength: found 2:00, expected 5:10")
    seen = world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA), refused))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert decision.because.code == "ProofFailed"
    assert "found 2:00, expected 5:10" in decision.because.message


def test_a_refused_proof_that_a_person_forces_is_published():
    refused = publish_of(OZMA, outcome=Outcome.REFUSED)
    forced = override("force", OZMA.key)
    seen = world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA), refused), overrides=(forced,))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Publish)


def test_a_force_from_before_the_proof_does_not_answer_it():
    refused = publish_of(OZMA, outcome=Outcome.REFUSED, settled_at=NOW)
    seen = world(
        torrents=[torrent_of(OZMA, **DONE)],
        claims=(grab_of(OZMA), refused),
        overrides=(override("force", OZMA.key, at=NOW - HOUR),),
    )

    assert reason(plan(desired(OZMA), seen, NOW)) == "ProofFailed"


def test_a_blocked_release_is_given_up_and_the_next_best_has_its_turn():
    refused = publish_of(OZMA, outcome=Outcome.REFUSED)
    blocked = (Blocked(id=1, release=offer(OZMA).id, at=NOW),)
    other = offer(OZMA, id="9" * 16, infohash="9" * 40)
    seen = world(
        torrents=[torrent_of(OZMA, **DONE)],
        claims=(grab_of(OZMA), refused),
        blocklist=blocked,
        searches=searched(OZMA, offer(OZMA), other),
    )

    decision = decided(plan(desired(OZMA), seen, NOW))
    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.ABANDONED

    given_up = msgspec.structs.replace(seen, claims=(grab_of(OZMA, outcome=Outcome.ABANDONED), refused))
    next_one = decided(plan(desired(OZMA), given_up, NOW))
    assert isinstance(next_one, Grab)
    assert next_one.release == other


def test_a_troubled_download_is_tried_a_few_times_and_then_given_up():
    broken = torrent_of(OZMA, state=TorrentState.MISSING_FILES)
    claims = (grab_of(OZMA),)
    key = f"download/{broken.id}"

    first = decided(plan(desired(OZMA), world(torrents=[broken], claims=claims), NOW))
    resting = {key: Backoff(key=key, failures=1, not_before=NOW + HOUR)}
    spent = {key: Backoff(key=key, failures=3, not_before=NOW)}
    waiting = plan(desired(OZMA), world(torrents=[broken], claims=claims, backoffs=resting), NOW)
    last = decided(plan(desired(OZMA), world(torrents=[broken], claims=claims, backoffs=spent), NOW))

    assert isinstance(first, Revive)
    assert first.verb == "recheck"
    assert reason(waiting) == "DownloadTroubled"
    assert isinstance(last, Settle)
    assert last.outcome == Outcome.ABANDONED


def test_a_download_in_which_nothing_moved_for_a_day_is_started_again():
    still = torrent_of(OZMA, added_at=NOW - 3 * DAY, last_activity_at=NOW - 25 * HOUR)

    decision = decided(plan(desired(OZMA), world(torrents=[still], claims=(grab_of(OZMA),)), NOW))

    assert isinstance(decision, Revive)
    assert decision.verb == "start"


def test_a_download_that_a_person_stopped_stays_stopped():
    stopped = torrent_of(OZMA, state=TorrentState.STOPPED)

    assert reason(plan(desired(OZMA), world(torrents=[stopped], claims=(grab_of(OZMA),)), NOW)) == "DownloadStopped"


# --- searches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("empty_runs", "interval"), [(0, DAY), (13, DAY), (14, 7 * DAY), (40, 7 * DAY)])
def test_a_book_is_searched_daily_at_first_and_weekly_later(empty_runs: int, interval: timedelta):
    def after(age: timedelta) -> Decision:
        return decided(plan(desired(OZMA), world(searches=searched(OZMA, at=NOW - age, empty_runs=empty_runs)), NOW))

    assert isinstance(after(1.5 * interval), Search)
    assert after(interval / 2 - timedelta(seconds=1)).because.code == "NothingOffered"


def test_who_asks_is_searched_for_at_once():
    seen = world(searches=searched(OZMA), requests={OZMA.key: NOW})

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Search)


def test_an_indexer_that_could_not_be_asked_is_asked_when_it_is_back():
    failed = searched(OZMA, answered=(), failed={INDEXER: Silence("IndexerUnreachable", "it was down")})
    key = f"indexer/{INDEXER}"

    resting = world(searches=failed, backoffs={key: Backoff(key=key, failures=1, not_before=NOW + HOUR)})
    assert reason(plan(desired(OZMA), resting, NOW)) == "IndexerUnread"
    assert isinstance(decided(plan(desired(OZMA), world(searches=failed), NOW)), Search)


def test_searches_beyond_the_budget_of_a_tick_wait_their_turn_by_priority():
    wanted = [oz(number, priority=number) for number in range(1, 15)]

    made = plan(desired(*wanted), world(), NOW)

    searching = [one.want for one in made.decisions if isinstance(one, Search)]
    assert searching == [want.key for want in reversed(wanted)][:10]
    assert {one.because.code for one in made.decisions if isinstance(one, Hold)} == {"SearchQueued"}


def test_without_an_indexer_nothing_is_searched_for():
    assert reason(plan(desired(OZMA), world(indexers=()), NOW)) == "NoIndexer"


# --- what can be afforded --------------------------------------------------------------------------------------------


def test_a_grab_waits_while_free_space_is_unknown():
    seen = world(searches=searched(OZMA, offer(OZMA)), free_bytes=None)

    assert reason(plan(desired(OZMA), seen, NOW)) == "DiskUnknown"


def test_a_grab_waits_when_it_would_leave_too_little_space():
    seen = world(searches=searched(OZMA, offer(OZMA)), free_bytes=20 * GB)

    assert reason(plan(desired(OZMA), seen, NOW)) == "DiskFull"


def test_a_release_of_unknown_size_counts_as_a_large_one():
    unknown = offer(OZMA, size_bytes=None)

    assert reason(plan(desired(OZMA), world(searches=searched(OZMA, unknown), free_bytes=39 * GB), NOW)) == "DiskFull"
    roomy = world(searches=searched(OZMA, unknown), free_bytes=41 * GB)
    assert isinstance(decided(plan(desired(OZMA), roomy, NOW)), Grab)


def test_two_grabs_share_the_free_space():
    other = oz(8)
    big = {"size_bytes": 8 * GB}
    both = searched(OZMA, offer(OZMA, **big)) | searched(other, offer(other, **big))

    made = plan(desired(OZMA, other), world(searches=both, free_bytes=30 * GB), NOW)

    assert [type(one) for one in made.decisions] == [Grab, Hold]
    assert made.decisions[1].because.code == "DiskFull"


@pytest.mark.parametrize("spent", [{"tick": 3}, {"hour": 10}, {"day": 10}, {"by_indexer": {INDEXER: 10}}])
def test_a_spent_budget_holds_with_its_numbers(spent: dict):
    seen = world(searches=searched(OZMA, offer(OZMA)), spent=Spent(**spent))

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert decision.because.code == "BudgetSpent"
    assert "today" in decision.because.message


def test_the_most_urgent_wants_get_what_budget_there_is():
    wanted = [oz(number, priority=number % 3) for number in range(1, 7)]
    offered = {key: one for want in wanted for key, one in searched(want, offer(want)).items()}

    made = plan(desired(*wanted, policy=policy(budgets={"grabs_per_tick": 2})), world(searches=offered), NOW)

    assert [one.want for one in made.decisions if isinstance(one, Grab)] == [oz(2).key, oz(5).key]


def test_a_release_that_serves_another_want_is_not_fetched_twice():
    twin = oz(3, key="baum-l-frank/ozma-of-oz-again")
    offered = searched(OZMA, offer(OZMA)) | searched(twin, offer(OZMA))

    both = plan(desired(OZMA, twin), world(searches=offered), NOW)
    later = plan(
        desired(OZMA, twin), world(torrents=[torrent_of(OZMA)], claims=(grab_of(OZMA),), searches=offered), NOW
    )

    assert isinstance(decided(both), Grab)
    assert reason(both, twin) == reason(later, twin) == "ServesAnother"


def test_only_free_releases_are_taken_where_the_policy_says_so():
    frugal = policy(spending=Spending(freeleech_only=True))
    paid, free = offer(OZMA), offer(OZMA, download_factor=0.0)

    assert reason(plan(desired(OZMA, policy=frugal), world(searches=searched(OZMA, paid)), NOW)) == "NotFree"
    assert isinstance(decided(plan(desired(OZMA, policy=frugal), world(searches=searched(OZMA, free)), NOW)), Grab)


def test_a_release_of_an_indexer_that_is_gone_is_not_grabbed():
    seen = world(searches=searched(OZMA, offer(OZMA, indexer="gone")))

    assert isinstance(decided(plan(desired(OZMA), seen, NOW)), Hold)


def test_a_resting_indexer_stands_back_for_one_that_can_be_asked():
    better = offer(OZMA, id="1" * 16, seeders=900)
    worse = offer(OZMA, id="2" * 16, indexer="other", title=f"{BAUM} - Ozma of Oz [MP3]")
    key = f"indexer/{INDEXER}"
    resting = {key: Backoff(key=key, failures=1, not_before=NOW + HOUR)}
    seen = world(indexers=(INDEXER, "other"), searches=searched(OZMA, better, worse), backoffs=resting)

    decision = decided(plan(desired(OZMA), seen, NOW))

    assert isinstance(decision, Grab)
    assert decision.release == worse
    alone = msgspec.structs.replace(seen, searches=searched(OZMA, better))
    assert reason(plan(desired(OZMA), alone, NOW)) == "BackingOff"


@pytest.mark.parametrize("kind", ["grab", "search"])
def test_an_act_that_failed_rests(kind: str):
    key = f"{kind}/{OZMA.key}"
    resting = {key: Backoff(key=key, failures=1, not_before=NOW + HOUR, why="the client is full")}
    offered = searched(OZMA, offer(OZMA)) if kind == "grab" else {}

    decision = decided(plan(desired(OZMA), world(searches=offered, backoffs=resting), NOW))

    assert decision.because.code == "BackingOff"
    assert "the client is full" in decision.because.message


# --- what people decide ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "code"), [("skip", "Skipped"), ("hold", "HeldByPerson"), ("snooze", "Snoozed")])
@pytest.mark.parametrize("target", [OZMA.key, "Series/oz"])
def test_a_want_or_its_document_can_be_set_aside_until_a_moment(verb: str, code: str, target: str):
    aside = override(verb, target, until=NOW + HOUR)
    seen = world(searches=searched(OZMA, offer(OZMA)), overrides=(aside,))

    assert reason(plan(desired(OZMA), seen, NOW)) == code
    over = msgspec.structs.replace(seen, overrides=(override(verb, target, until=NOW),))
    assert isinstance(decided(plan(desired(OZMA), over, NOW)), Grab)


def test_what_a_person_holds_is_not_written_to_the_library_either():
    listed = item_of(OZMA, rel_path=publish_of(OZMA).path, title="ozma-of-oz-64kb")
    seen = world([listed], claims=(grab_of(OZMA), publish_of(OZMA)), overrides=(override("hold", OZMA.key),))

    assert plan(desired(OZMA), seen, NOW).acts == ()


def test_a_suspended_document_is_left_alone():
    assert reason(plan(desired(oz(3, suspend=True)), world(), NOW)) == "Suspended"


def test_a_pinned_release_is_taken_and_no_other():
    pinned, better = offer(OZMA, id="2" * 16, title="0zma 0f 0z", seeders=1), offer(OZMA)
    wanted = oz(3, pinned="2" * 16)

    decision = decided(plan(desired(wanted), world(searches=searched(OZMA, better, pinned)), NOW))

    assert isinstance(decision, Grab)
    assert decision.release == pinned
    assert reason(plan(desired(wanted), world(searches=searched(OZMA, better)), NOW)) == "PinNotOffered"


def test_a_pin_and_a_priority_can_be_said_as_overrides():
    pinned, other = offer(OZMA, id="2" * 16, title="0zma 0f 0z"), oz(8)
    offered = searched(OZMA, offer(OZMA), pinned) | searched(other, offer(other))
    said = (override("pin", OZMA.key, value="2" * 16), override("priority", other.key, id=2, value="50"))

    made = plan(desired(OZMA, other), world(searches=offered, overrides=said), NOW)

    assert [one.want for one in made.decisions] == [other.key, OZMA.key]
    assert decided(made).release == pinned


def test_what_may_be_owned_waits_until_a_person_says_it_is_not():
    near = item_of(OZMA, title="Princess Ozma's Adventures")
    seen = world([near], searches=searched(OZMA, offer(OZMA)))

    assert reason(plan(desired(OZMA), seen, NOW)) == "MayBeOwned"
    forced = msgspec.structs.replace(seen, overrides=(override("force", OZMA.key),))
    assert isinstance(decided(plan(desired(OZMA), forced, NOW)), Grab)


# --- order and digest ------------------------------------------------------------------------------------------------


def test_acts_come_in_waves_and_removals_last():
    finished, listed, missing, unsearched, owned = oz(1), oz(2), oz(3), oz(4), oz(5)
    seen = world(
        [item_of(listed, rel_path=publish_of(listed).path, title="02"), item_of(owned)],
        [torrent_of(finished, **DONE), torrent_of(owned, **DONE)],
        claims=(
            grab_of(finished, id=1),
            grab_of(listed, id=2),
            publish_of(listed, id=3),
            grab_of(owned, id=4),
        ),
        searches=searched(missing, offer(missing)),
        findings={f"remove/{infohash(owned)}": 1},
    )
    wanted = (owned, unsearched, missing, listed, finished)

    made = plan(desired(*wanted, policy=policy(duties={"after": "remove"})), seen, NOW)

    assert [type(act) for act in made.acts] == [Publish, Enrich, Grab, Search, Remove]


def test_the_digest_moves_with_the_world_the_wants_and_the_acts():
    before = plan(desired(OZMA), world(searches=searched(OZMA, offer(OZMA))), NOW)
    others = [
        plan(desired(OZMA, oz(8)), world(searches=searched(OZMA, offer(OZMA))), NOW),
        plan(desired(OZMA), world([item_of(oz(8))], searches=searched(OZMA, offer(OZMA))), NOW),
        plan(desired(OZMA), world(searches=searched(OZMA, offer(OZMA, id="7" * 16))), NOW),
        plan(desired(OZMA), world(searches=searched(OZMA, offer(OZMA)), spent=Spent(day=10)), NOW),
    ]

    assert before.digest not in {other.digest for other in others}


def test_the_digest_does_not_move_with_what_changes_by_itself():
    def at(progress: float, minutes: int) -> str:
        seen = world(torrents=[torrent_of(OZMA, progress=progress)], claims=(grab_of(OZMA),))
        return plan(desired(OZMA), seen, NOW + timedelta(minutes=minutes)).digest

    assert at(0.1, 0) == at(0.9, 3)


def test_an_unread_library_says_so_for_every_want():
    made = plan(desired(OZMA, oz(8)), world(library=unread()), NOW)

    assert {one.because.code for one in made.decisions} == {"LibraryDown"}


def test_an_unread_client_leaves_true_what_does_not_rest_on_it():
    owned, skipped = oz(1), oz(2)
    seen = world([item_of(owned)], downloads=unread("ClientDown"), overrides=(override("skip", skipped.key),))

    made = plan(desired(owned, skipped, OZMA), seen, NOW)

    assert [reason(made, want) for want in (owned, skipped, OZMA)] == ["InLibrary", "Skipped", "ClientDown"]


def test_a_profile_without_languages_takes_any():
    spanish = item_of(OZMA, language="Spanish")
    anything = oz(3, profile=ProfileSpec(languages=()))

    assert reason(plan(desired(anything), world([spanish]), NOW)) == "InLibrary"
