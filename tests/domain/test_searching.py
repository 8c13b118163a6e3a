"""When a book is searched for again, and what is said meanwhile."""

from __future__ import annotations

from collections import Counter

import msgspec
from worlds import BAUM, HOUR, INDEXER, NOW, desired, oz, policy, searched, world

from domain.actions import Hold
from domain.plan import plan
from domain.searching import next_search, turn
from domain.world import Backoff, Searched, Silence, World

OZMA = oz(3)
DAY = 24 * HOUR
REFUSED = Silence("IndexerRefusedKey", "status 403")
PAUSED = Silence("IndexerPaused", "it failed", NOW + HOUR)
DOWN = Silence("IndexerUnreachable", "mam did not answer")


def held(seen: World) -> tuple[str, str]:
    [decision] = plan(desired(OZMA), seen, NOW).decisions
    assert isinstance(decision, Hold)
    return decision.because.code, decision.because.message


def resting(*indexers: str) -> dict[str, Backoff]:
    return {f"indexer/{one}": Backoff(key=f"indexer/{one}", failures=1, not_before=NOW + HOUR) for one in indexers}


def test_from_its_second_search_on_a_book_has_a_moment_of_the_day_of_its_own():
    [first] = searched(OZMA).values()
    due = next_search(first, policy())

    late = next_search(msgspec.structs.replace(first, at=due + 3 * HOUR), policy())

    assert next_search(msgspec.structs.replace(first, at=due), policy()) == late == due + DAY


def test_books_that_were_first_searched_for_together_are_not_due_together():
    found = [Searched(want=f"{BAUM}/{number}", at=NOW) for number in range(1000)]

    hours = Counter((next_search(one, policy()) - NOW) // HOUR for one in found)

    assert set(hours) == set(range(12, 36))
    assert max(hours.values()) < 80


def test_the_most_urgent_goes_first_then_who_was_never_searched_for_then_who_waits_longest():
    long_ago, lately = (searched(OZMA, at=NOW - age)[OZMA.key] for age in (9 * DAY, DAY))
    urgent = oz(4, priority=1)

    turns = [turn(urgent, lately), turn(OZMA, None), turn(OZMA, long_ago), turn(OZMA, lately)]

    assert turns == sorted(turns)
    assert len(set(turns)) == 4


def test_not_logged_in_paused_and_empty_are_three_things():
    seen = world(
        indexers=("librivox", "mam", "prowlarr"),
        searches=searched(OZMA, answered=("librivox",), failed={"mam": REFUSED, "prowlarr": PAUSED}),
        backoffs=resting("mam", "prowlarr"),
    )

    code, message = held(seen)
    assert code == "NothingOffered"
    assert "mam: not logged in: status 403; prowlarr: paused until 2026-05-01 13:00 UTC: it failed" in message


def test_who_answered_in_part_is_said_to_have_done_so():
    partly = {"annex": Silence("IndexerPaused", "MyTracker: paused")}
    seen = searched(OZMA, answered=("annex",), failed=partly)

    assert "annex: answered in part: MyTracker: paused" in held(world(indexers=("annex",), searches=seen))[1]


def test_while_nobody_answers_the_book_says_what_weighs_most():
    def code(**failed: Silence) -> str:
        seen = searched(OZMA, answered=(), failed=failed)
        return held(world(indexers=tuple(failed), searches=seen, backoffs=resting(*failed)))[0]

    assert code(mam=DOWN, prowlarr=PAUSED) == "IndexerUnread"
    assert code(mam=PAUSED) == "IndexerPaused"
    assert code(mam=REFUSED, prowlarr=DOWN) == "IndexerRefusedKey"


def test_an_indexer_that_is_no_longer_configured_is_not_named():
    seen = searched(OZMA, answered=(INDEXER,), failed={"gone": DOWN})

    assert "gone" not in held(world(searches=seen))[1]
