"""Our account at an indexer: read where a grab hangs on it, read again right before, and never taken for granted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fakes import GB, NOW, Stage, Wire, book, replace

from domain.accounts import Account
from domain.errors import Ambiguous, Permanent, Transient
from domain.manifest import PolicySpec, Spending
from domain.world import Outcome
from reconcile.tick import tick

OZMA = book("Ozma of Oz")
TIK_TOK = book("Tik-Tok of Oz")
APPLY = PolicySpec(bootstrap="apply")


def account(**changes: Any) -> Account:
    given = {
        "indexer": "shelf",
        "read_at": NOW,
        "ratio": 2.0,
        "uploaded_bytes": 200 * GB,
        "downloaded_bytes": 100 * GB,
        "unsatisfied": 10,
        "unsatisfied_limit": 150,
    }
    return Account(**(given | changes))


class Keeping:
    """The indexer of this stage keeps an account, which says when it was read as a real one does."""

    def __init__(self, stage: Stage, **changes: Any) -> None:
        self.stage = stage
        self.set(**changes)

    def set(self, **changes: Any) -> None:
        self.stage.indexer.record = account(read_at=self.stage.clock.now(), **changes)


def offered(stage: Stage, *, policy: PolicySpec = APPLY, **changes: Any) -> None:
    stage.want(OZMA, policy=policy)
    stage.offer(OZMA, **changes)


async def reason(stage: Stage, wire: Wire | None = None) -> str:
    await tick(stage.outside(wire))
    return (await stage.reasons())[OZMA.key]


async def test_an_account_with_room_lets_the_release_be_taken_and_is_kept(stage: Stage):
    Keeping(stage)
    offered(stage)

    await tick(stage.outside())

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]
    assert (await stage.store.accounts())["shelf"].unsatisfied == 10


@pytest.mark.parametrize(
    ("changes", "release", "code"),
    [
        ({"unsatisfied": 148}, {}, "AccountFull"),
        ({"unsatisfied": 148}, {"download_factor": 0.0}, "AccountFull"),
        ({"ratio": 0.9}, {}, "RatioLow"),
        ({"unsatisfied": None}, {}, "AccountUnknown"),
        ({"ratio": None, "uploaded_bytes": None}, {}, "AccountUnknown"),
    ],
)
async def test_what_the_account_does_not_allow_is_not_taken_and_nothing_is_fetched(stage, changes, release, code):
    Keeping(stage, **changes)
    offered(stage, **release)

    assert await reason(stage) == code
    assert stage.indexer.fetched == []
    assert stage.client.adds == []


async def test_a_free_release_is_taken_with_a_low_or_unknown_ratio(stage: Stage):
    Keeping(stage, ratio=None, uploaded_bytes=None, downloaded_bytes=None)
    offered(stage, download_factor=0.0)

    await tick(stage.outside())

    assert len(stage.client.adds) == 1


async def test_an_indexer_that_keeps_no_account_is_not_concerned(stage: Stage):
    stage.indexer.record = None
    offered(stage)

    await tick(stage.outside())

    assert len(stage.client.adds) == 1
    assert await stage.store.accounts() == {}


@pytest.mark.parametrize(
    "failure",
    [
        Transient("shelf does not answer", code="IndexerUnreachable"),
        Permanent("shelf refused the key", code="IndexerRefusedKey"),
        Ambiguous("no answer"),
        RuntimeError("a bug"),
    ],
)
async def test_an_account_that_could_not_be_read_is_unknown_and_not_none(stage: Stage, failure):
    Keeping(stage)
    offered(stage)
    wire = Wire()
    wire.breaks["account"].append(failure)

    assert await reason(stage, wire) in ("AccountUnknown", "BackingOff")

    assert stage.client.adds == []
    assert wire.calls.count("account") == 1
    assert "indexer/shelf" in await stage.store.backoffs()
    assert [one.subject for one in await stage.store.failures("indexer/shelf")] == ["indexer/shelf"]
    assert (await stage.store.accounts())["shelf"].unsatisfied is None


async def test_after_a_failure_the_account_is_read_again_and_the_book_is_taken(stage: Stage):
    keeping = Keeping(stage)
    offered(stage)
    wire = Wire()
    wire.breaks["account"].append(Transient("shelf does not answer"))
    await tick(stage.outside(wire))

    stage.clock.advance(minutes=6)
    keeping.set()
    await tick(stage.outside())

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_an_indexer_that_turns_out_to_keep_no_account_holds_nothing_up(stage: Stage):
    offered(stage)
    wire = Wire()
    wire.breaks["account"].append(Transient("shelf does not answer"))
    await tick(stage.outside(wire))
    assert await stage.claims() == []

    stage.clock.advance(minutes=6)
    await tick(stage.outside())

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_while_nothing_could_be_taken_the_account_is_left_alone(stage: Stage):
    Keeping(stage)
    stage.want(OZMA, TIK_TOK)
    stage.offer(book("Rinkitink in Oz"))
    wire = Wire()

    for _ in range(3):
        await tick(stage.outside(wire))
        stage.clock.advance(hours=2)

    assert "account" not in wire.calls


async def test_an_account_that_holds_a_book_up_is_read_every_five_minutes_at_most(stage: Stage):
    keeping = Keeping(stage, unsatisfied=150)
    offered(stage)
    wire = Wire()

    for _ in range(21):
        keeping.set(unsatisfied=150)
        await tick(stage.outside(wire))
        stage.clock.advance(minutes=1)

    assert wire.calls.count("account") == 5
    keeping.set(unsatisfied=12)
    stage.clock.advance(minutes=5)
    assert await reason(stage) == "Downloading"


# --- right before a grab ---------------------------------------------------------------------------------------------


async def test_an_account_that_changed_since_the_plan_keeps_the_release_from_being_fetched(stage: Stage):
    """Read once for the plan, with room; read once more right before fetching, and full."""
    Keeping(stage)
    offered(stage)
    outside = stage.outside()
    readings = [account(), account(unsatisfied=149)]

    async def changing() -> Account:
        return readings.pop(0) if len(readings) > 1 else readings[0]

    outside.indexers[0].account = changing  # type: ignore[method-assign]
    await tick(outside)

    assert stage.indexer.fetched == []
    assert await stage.claims() == [(OZMA.key, Outcome.UNSENT)]
    assert (await stage.reasons())[OZMA.key] == "AccountFull"
    assert "AccountFull" in [event.reason for event in await stage.store.events(subject=OZMA.key)]


async def test_an_account_that_cannot_be_read_right_before_a_grab_leaves_it_unsent(stage: Stage):
    Keeping(stage)
    offered(stage)
    outside, readings = stage.outside(), [account()]

    async def once() -> Account:
        if not readings:
            raise Transient("shelf does not answer", code="IndexerUnreachable")
        return readings.pop()

    outside.indexers[0].account = once  # type: ignore[method-assign]
    await tick(outside)

    assert stage.indexer.fetched == []
    assert await stage.claims() == [(OZMA.key, Outcome.UNSENT)]
    assert (await stage.reasons())[OZMA.key] == "BackingOff"


async def test_the_last_free_slot_is_taken_once(stage: Stage):
    """Two books in one plan, and room for one: the record does not know of the first when the second is asked for."""
    Keeping(stage, unsatisfied=147)
    stage.want(OZMA, TIK_TOK)
    stage.offer(OZMA)
    stage.offer(TIK_TOK)

    await tick(stage.outside())

    assert len(stage.client.adds) == 1
    assert sorted((await stage.reasons()).values()).count("AccountFull") == 1


async def test_two_books_in_one_plan_do_not_bring_the_ratio_below_the_floor(stage: Stage):
    size = 5 * GB
    Keeping(stage, ratio=1.07, uploaded_bytes=107 * GB)
    stage.want(OZMA, TIK_TOK)
    stage.offer(OZMA, size_bytes=size)
    stage.offer(TIK_TOK, size_bytes=size)
    outside = stage.outside()
    add = outside.client.add

    async def counting(payload: Any, *, tags: Any) -> Any:
        torrent = await add(payload, tags=tags)
        stage.client.change(torrent.id, amount_left_bytes=size)
        return torrent

    outside.client.add = counting  # type: ignore[method-assign,union-attr]
    await tick(outside)

    assert len(stage.client.adds) == 1
    assert "RatioLow" in (await stage.reasons()).values()


async def test_grabs_count_until_a_record_that_was_made_after_them_is_read(stage: Stage):
    keeping = Keeping(stage, unsatisfied=147)
    offered(stage)
    await tick(stage.outside())
    stage.want(OZMA, TIK_TOK)
    stage.offer(TIK_TOK)

    stage.clock.advance(minutes=6)
    keeping.set(unsatisfied=147)
    await tick(stage.outside())
    assert len(stage.client.adds) == 2

    stage.clock.advance(minutes=1)
    assert {claim.indexer for claim in await stage.store.claims()} == {"shelf"}


async def test_the_policy_may_keep_more_slots_free(stage: Stage):
    Keeping(stage, unsatisfied=100)
    offered(stage, policy=replace(APPLY, spending=Spending(slots_reserve=60)))

    assert await reason(stage) == "AccountFull"
    stage.clock.advance(minutes=6)
    stage.want(OZMA, policy=replace(APPLY, spending=Spending(slots_reserve=10)))
    Keeping(stage, unsatisfied=100)
    assert await reason(stage) == "Downloading"


async def test_a_plan_that_is_only_shown_reads_the_account_too_and_takes_nothing(stage: Stage):
    Keeping(stage, unsatisfied=148)
    offered(stage)
    stage.indexer.record = account(unsatisfied=148)
    await tick(stage.outside())
    stage.clock.advance(minutes=10)
    wire = Wire()

    report = await tick(stage.outside(wire), mode="plan")

    assert report.plan is not None
    assert [one.because.code for one in report.plan.decisions] == ["AccountFull"]
    assert wire.calls.count("account") == 1
    assert stage.clock.now() - NOW == timedelta(minutes=10)
