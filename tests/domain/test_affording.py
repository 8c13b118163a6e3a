"""What keeps a right release from being taken: the disk, and what it would cost our account."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import GB, INDEXER, NOW, desired, grab_of, offer, oz, searched, torrent_of, world

from domain.accounts import Account
from domain.actions import Decision, Grab, Reason
from domain.affording import RECORD_LAGS, account_refuses, counted
from domain.manifest import PolicySpec, Spending
from domain.plan import plan
from domain.world import Outcome

OZMA = oz(3)


def account(**changes: Any) -> Account:
    """One with room for everything."""
    given = {
        "indexer": INDEXER,
        "read_at": NOW,
        "ratio": 2.0,
        "uploaded_bytes": 200 * GB,
        "downloaded_bytes": 100 * GB,
        "unsatisfied": 10,
        "unsatisfied_limit": 150,
    }
    return Account(**(given | changes))


def refusal(of: Account | None, *, size_gb: float = 1, pending_gb: float = 0, **release: Any) -> Reason | None:
    spending = release.pop("spending", Spending())
    return account_refuses(
        offer(OZMA, **release), of, spending, size_bytes=int(size_gb * GB), pending_bytes=int(pending_gb * GB)
    )


def code(of: Account | None, **changes: Any) -> str | None:
    found = refusal(of, **changes)
    return found.code if found else None


def decided(*accounts: Account, offers: Any = None, policy: PolicySpec | None = None, **changes: Any) -> Decision:
    seen = world(
        searches=searched(OZMA, *(offers or [offer(OZMA)])),
        accounts={one.indexer: one for one in accounts},
        **changes,
    )
    [decision] = plan(desired(OZMA, policy=policy or PolicySpec()), seen, NOW).decisions
    return decision


# --- slots -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unsatisfied", "grabbed", "reserve", "full"),
    [
        (147, 0, 2, False),
        (148, 0, 2, True),
        (146, 2, 2, True),
        (145, 2, 2, False),
        (149, 0, 0, False),
        (150, 0, 0, True),
    ],
)
def test_the_account_keeps_its_reserve_of_slots_free(unsatisfied, grabbed, reserve, full):
    found = refusal(account(unsatisfied=unsatisfied, grabbed_since=grabbed), spending=Spending(slots_reserve=reserve))

    assert (found is not None) is full


def test_a_full_account_says_its_numbers():
    found = refusal(account(unsatisfied=146, grabbed_since=2))

    assert found is not None
    assert found.code == "AccountFull"
    assert "148 of 150" in found.message
    assert "2 of them grabbed since" in found.message


@pytest.mark.parametrize("missing", ["unsatisfied", "unsatisfied_limit"])
@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_an_unknown_number_of_slots_waits_also_for_a_free_release(missing, factor):
    assert code(account(**{missing: None}), download_factor=factor) == "AccountUnknown"


def test_a_full_account_takes_no_free_release_and_none_that_it_had_before():
    full = account(unsatisfied=150)

    assert code(full, download_factor=0.0) == "AccountFull"
    assert code(full, snatched=True) == "AccountFull"
    assert code(account(), snatched=True) is None


# --- ratio -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uploaded_gb", "size_gb", "factor", "low"),
    [
        (110, 10, 1.0, False),
        (110, 10.1, 1.0, True),
        (110, 20, 0.5, False),
        (110, 21, 0.5, True),
        (110, 10.1, None, True),
        (110, 1000, 0.0, False),
    ],
)
def test_the_ratio_after_the_download_stays_above_the_floor(uploaded_gb, size_gb, factor, low):
    of = account(ratio=uploaded_gb / 100, uploaded_bytes=uploaded_gb * GB)

    assert code(of, size_gb=size_gb, download_factor=factor) == ("RatioLow" if low else None)


def test_what_is_still_coming_counts_as_downloaded():
    of = account(ratio=1.1, uploaded_bytes=110 * GB)

    assert code(of, size_gb=5) is None
    found = refusal(of, size_gb=5, pending_gb=6)
    assert found is not None
    assert (found.code, "6.0 GB still coming" in found.message) == ("RatioLow", True)


def test_a_ratio_that_is_low_already_is_said_as_it_is():
    found = refusal(account(ratio=0.42, uploaded_bytes=None, downloaded_bytes=None))

    assert found is not None
    assert (found.code, "0.42" in found.message, "1.00" in found.message) == ("RatioLow", True, True)


@pytest.mark.parametrize(
    "unknown",
    [
        {"ratio": None, "uploaded_bytes": None, "downloaded_bytes": None},
        {"uploaded_bytes": None},
        {"downloaded_bytes": None},
    ],
)
def test_an_unknown_ratio_waits_unless_the_release_is_free_or_the_floor_is_off(unknown):
    of = account(**unknown)

    assert code(of) == "AccountUnknown"
    assert code(of, download_factor=0.0) is None
    assert code(of, spending=Spending(ratio_floor=0)) is None


def test_who_never_downloaded_has_an_infinite_ratio_and_room_for_what_was_uploaded():
    fresh = account(ratio=math.inf, uploaded_bytes=5 * GB, downloaded_bytes=0)

    assert code(fresh, size_gb=4) is None
    assert code(fresh, size_gb=6) == "RatioLow"


def test_only_free_releases_are_taken_where_the_policy_says_so_also_without_an_account():
    spending = Spending(freeleech_only=True)

    assert code(None, spending=spending, download_factor=1.0) == "NotFree"
    assert code(None, spending=spending, download_factor=None) == "NotFree"
    assert code(None, spending=spending, download_factor=0.0) is None


def test_an_indexer_that_keeps_no_account_is_not_concerned():
    assert code(None, size_gb=1000) is None


_numbers = st.none() | st.integers(0, 400)


@given(
    st.builds(
        account,
        ratio=st.none() | st.floats(0, 5),
        uploaded_bytes=st.none() | st.integers(0, 10**12),
        downloaded_bytes=st.none() | st.integers(0, 10**12),
        unsatisfied=_numbers,
        unsatisfied_limit=_numbers,
        grabbed_since=st.integers(0, 5),
    ),
    st.floats(0, 50),
)
def test_nothing_is_ever_taken_past_the_limit_or_below_the_floor(of, size_gb):
    if refusal(of, size_gb=size_gb) is None:
        assert of.unsatisfied + of.grabbed_since + 1 <= of.unsatisfied_limit - 1
        assert of.uploaded_bytes >= of.downloaded_bytes + int(size_gb * GB) - 1


# --- what a plan makes of it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unsatisfied": 148}, "AccountFull"),
        ({"ratio": 0.5}, "RatioLow"),
        ({"ratio": None, "unsatisfied": None}, "AccountUnknown"),
    ],
)
def test_a_plan_holds_with_what_the_account_says(changes, reason):
    assert decided(account(**changes)).because.code == reason
    assert isinstance(decided(account()), Grab)
    assert isinstance(decided(account(indexer="other", **changes)), Grab)


def test_a_release_that_the_account_allows_is_taken_instead_of_a_better_one():
    costly = offer(OZMA, id="1" * 16, infohash="1" * 40, seeders=900)
    free = offer(OZMA, id="2" * 16, infohash="2" * 40, seeders=1, download_factor=0.0)
    costly = type(costly)(
        **{name: getattr(costly, name) for name in costly.__struct_fields__} | {"narrators": ("A B",)}
    )

    decision = decided(account(ratio=0.5), offers=[costly, free])

    assert isinstance(decision, Grab)
    assert decision.release == free


def test_the_disk_is_asked_before_the_account():
    assert decided(account(ratio=0.5), free_bytes=None).because.code == "DiskUnknown"


# --- grabs that the record does not know yet -------------------------------------------------------------------------


def test_only_our_live_grabs_of_that_indexer_since_its_record_are_added():
    later, earlier = NOW + timedelta(minutes=1), NOW - RECORD_LAGS - timedelta(seconds=1)
    claims = [
        grab_of(
            OZMA,
            id=number,
            indexer=indexer,
            outcome=outcome,
            claimed_at=at,
            release=f"{number:016}",
            infohash=f"{number:040}",
        )
        for number, (indexer, outcome, at) in enumerate(
            [
                (INDEXER, Outcome.SENT, later),
                (INDEXER, None, later),
                (INDEXER, Outcome.UNKNOWN, NOW),
                (INDEXER, Outcome.SENT, earlier),
                (INDEXER, Outcome.UNSENT, later),
                (INDEXER, Outcome.REFUSED, later),
                (INDEXER, Outcome.ABANDONED, later),
                ("other", Outcome.SENT, later),
            ]
        )
    ]
    claims.append(grab_of(OZMA, id=99, action="publish", indexer=INDEXER, claimed_at=later))

    assert counted({INDEXER: account()}, claims)[INDEXER].grabbed_since == 3


def test_a_pack_is_one_torrent_whoever_of_its_books_names_the_indexer():
    later = NOW + timedelta(minutes=1)
    pack = {"release": "1" * 16, "claimed_at": later}
    lead = grab_of(OZMA, id=1, indexer=INDEXER, outcome=Outcome.REFUSED, infohash=None, **pack)
    others = [grab_of(oz(n), id=n, indexer="", outcome=Outcome.SENT, infohash="1" * 40, **pack) for n in (8, 9)]

    assert counted({INDEXER: account()}, [lead, *others])[INDEXER].grabbed_since == 1


def test_a_torrent_that_is_not_complete_keeps_the_ratio_from_being_promised_twice():
    coming = torrent_of(oz(8), amount_left_bytes=9 * GB)
    near = account(ratio=1.1, uploaded_bytes=int(109.3 * GB))

    assert isinstance(decided(near), Grab)
    assert decided(near, torrents=[coming]).because.code == "RatioLow"
