"""Claim, act, settle: a release is handed over at most once, whatever is lost on the way."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fakes import NOW, Crash, MemoryStore, Stage, Wire, book, replace

from adapters.store import open_store
from domain.case import FOUND_TAG
from domain.errors import Ambiguous, Conflict, Permanent, Transient, Unfit
from domain.releases import TorrentFile
from domain.world import Outcome, Torrent, TorrentState
from reconcile.ports import Store
from reconcile.tick import tick

OZMA = book("Ozma of Oz")
TIK_TOK = book("Tik-Tok of Oz")
TAG = f"want:{OZMA.key}"


@pytest.fixture(autouse=True)
def _ozma_is_wanted_and_offered(request: pytest.FixtureRequest) -> None:
    if "stage" in request.fixturenames:
        stage: Stage = request.getfixturevalue("stage")
        stage.want(OZMA)
        stage.offer(OZMA)


async def ticks(stage: Stage, times: int = 3) -> None:
    for _ in range(times):
        await tick(stage.outside())
        stage.clock.advance(minutes=1)


async def tick_with(
    stage: Stage, *, breaks: tuple[str, Exception] | None = None, loses: tuple[str, Exception] | None = None
):
    wire = Wire()
    if breaks:
        wire.breaks[breaks[0]].append(breaks[1])  # type: ignore[arg-type]
    if loses:
        wire.loses[loses[0]].append(loses[1])  # type: ignore[arg-type]
    return await tick(stage.outside(wire))


# --- one grab --------------------------------------------------------------------------------------------------------


async def test_a_grab_is_claimed_carries_its_tag_and_is_settled(stage: Stage):
    await ticks(stage)

    [torrent] = stage.client.torrents.values()
    [claim] = await stage.store.claims()
    assert torrent.tags == (TAG,)
    assert (claim.outcome, claim.infohash, claim.attempt) == (Outcome.SENT, torrent.id, 1)
    assert stage.client.adds == [torrent.id]


async def test_a_lost_reply_is_answered_by_looking(stage: Stage):
    await tick_with(stage, loses=("add", Ambiguous("no answer to add")))

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]
    await ticks(stage)
    assert len(stage.client.adds) == 1


async def test_a_lost_reply_of_a_client_that_cannot_be_asked_is_settled_by_a_later_look(stage: Stage):
    wire = Wire()
    wire.loses["add"].append(Ambiguous("no answer to add"))
    outside = stage.outside(wire)
    find, looks = outside.client.find, []

    async def find_once(ids):
        looks.append(ids)
        if len(looks) > 1:
            raise Transient("the client went away")
        return await find(ids)

    outside.client.find = find_once
    await tick(outside)

    assert await stage.claims() in ([(OZMA.key, Outcome.UNKNOWN)], [(OZMA.key, Outcome.SENT)])
    await ticks(stage)
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]
    assert len(stage.client.adds) == 1


async def test_a_client_that_objects_after_it_took_the_torrent_is_looked_at_before_anything_else(stage: Stage):
    wire = Wire()
    wire.loses["add"].append(Conflict("the tags were not kept", code="TagsNotKept"))

    await tick(stage.outside(wire))
    await ticks(stage)

    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]
    assert len(stage.client.adds) == 1


async def test_a_grab_that_never_arrived_is_sent_again_after_its_grace_time_and_not_before(stage: Stage):
    wire = Wire()
    wire.breaks["add"].append(Ambiguous("no answer to add"))
    await tick(stage.outside(wire))
    assert await stage.claims() == [(OZMA.key, Outcome.UNKNOWN)]

    stage.clock.advance(minutes=9)
    await tick(stage.outside())
    assert stage.client.adds == []

    stage.clock.advance(minutes=2)
    await ticks(stage)
    assert len(stage.client.adds) == 1
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_what_was_surely_not_sent_may_be_sent_again_after_a_pause(stage: Stage):
    await tick_with(stage, breaks=("add", Transient("refused to connect")))
    assert await stage.claims() == [(OZMA.key, Outcome.UNSENT)]

    await tick(stage.outside())
    assert stage.client.adds == []

    stage.clock.advance(minutes=1)
    await tick(stage.outside())
    assert len(stage.client.adds) == 1
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_an_indexer_that_fails_to_hand_over_is_not_asked_again_in_a_row(stage: Stage):
    stage.indexer.down = False
    wire = Wire()
    wire.breaks["fetch"] += [Transient("503")] * 5

    await tick(stage.outside(wire))

    assert wire.calls.count("fetch") == 1
    assert "indexer/shelf" in await stage.store.backoffs()


async def test_an_unclear_answer_of_an_indexer_is_not_asked_again_in_a_row(stage: Stage):
    wire = Wire()
    wire.loses["fetch"] += [Ambiguous("no answer")] * 5

    await tick(stage.outside(wire))

    assert wire.calls.count("fetch") == 1
    assert stage.client.adds == []


async def test_a_release_that_is_refused_makes_room_for_the_next_best(stage: Stage):
    second = stage.offer(OZMA, id="f" * 16, seeders=1)
    await tick_with(stage, breaks=("fetch", Unfit("its torrent is broken")))

    outcomes = {claim.release: claim.outcome for claim in await stage.store.claims()}
    assert sorted(outcomes.values()) == [Outcome.REFUSED, Outcome.SENT]
    assert outcomes[second.id] is Outcome.SENT


async def test_a_client_that_refuses_us_is_not_the_releases_fault(stage: Stage):
    await tick_with(stage, breaks=("add", Permanent("forbidden", code="ClientRefused")))
    assert await stage.claims() == [(OZMA.key, Outcome.UNSENT)]

    stage.clock.advance(hours=1)
    await ticks(stage)
    assert len(stage.client.adds) == 1


@pytest.mark.parametrize("path", ["Ozma of Oz/setup.exe", "Ozma of Oz/../../etc/passwd.m4b"])
async def test_a_torrent_with_something_harmful_never_reaches_the_client(stage: Stage, path: str):
    [(release, payload)] = stage.indexer.offers.values()
    files = (*(payload.files or ()), TorrentFile(path=path, size_bytes=1_000_000))
    stage.indexer.offer(release, replace(payload, files=files))

    await ticks(stage)

    assert stage.client.adds == []
    assert await stage.claims() == [(OZMA.key, Outcome.REFUSED)]
    assert len(stage.indexer.fetched) == 1


async def test_a_blocked_torrent_is_refused_once_its_id_is_known(stage: Stage):
    [(release, payload)] = stage.indexer.offers.values()
    await stage.store.block(release=None, infohash=payload.infohash_v1, title="", why="wrong reader", at=NOW)

    await ticks(stage)

    assert release.infohash is None
    assert stage.client.adds == []
    assert await stage.claims() == [(OZMA.key, Outcome.REFUSED)]


async def test_two_offers_of_one_torrent_are_one_grab(stage: Stage):
    """Two wants that turn out to be the same torrent under two release ids: the second is refused before adding."""
    twin = book("Ozma of Oz Complete")
    stage.want(OZMA, twin)
    [(_, payload)] = stage.indexer.offers.values()
    stage.offer(twin, infohash=payload.infohash_v1)
    stage.indexer.offers = {
        key: (release, replace(payload, files=payload.files)) for key, (release, _) in stage.indexer.offers.items()
    }

    await ticks(stage)

    assert len(stage.client.adds) == 1
    assert sorted(str(outcome) for _, outcome in await stage.claims()) == ["refused", "sent"]


# --- what was there before us ----------------------------------------------------------------------------------------


async def test_a_torrent_that_somebody_else_added_is_used_and_marked_as_theirs(stage: Stage):
    [(_, payload)] = stage.indexer.offers.values()
    mine = Torrent(id=payload.id, infohash_v1=payload.id, category="mine", state=TorrentState.ACTIVE, name="mine")
    stage.client.put(mine, payload)

    await ticks(stage)

    assert stage.client.adds == []
    assert set(stage.client.torrents[payload.id].tags) == {TAG, FOUND_TAG}
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


async def test_after_the_store_was_lost_our_torrent_is_adopted_by_its_tag(stage: Stage):
    await ticks(stage)
    stage.store = MemoryStore()

    await ticks(stage)

    assert len(stage.client.adds) == 1
    [claim] = await stage.store.claims()
    assert (claim.outcome, claim.detail) == (Outcome.SENT, "adopted by its tag")


async def test_after_the_store_was_lost_a_torrent_of_somebody_else_is_still_theirs(stage: Stage):
    [(_, payload)] = stage.indexer.offers.values()
    stage.client.put(Torrent(id=payload.id, infohash_v1=payload.id, state=TorrentState.ACTIVE), payload)
    await ticks(stage)
    stage.store = MemoryStore()

    await ticks(stage)

    assert FOUND_TAG in stage.client.torrents[payload.id].tags


async def test_an_earlier_try_that_arrives_while_it_is_sent_again_is_ours(stage: Stage):
    await tick_with(stage, breaks=("add", Ambiguous("no answer")))
    stage.clock.advance(minutes=11)
    [(release, payload)] = stage.indexer.offers.values()
    outside = stage.outside()

    async def arrives_meanwhile(_: object):
        late = Torrent(id=payload.id, infohash_v1=payload.id, tags=(TAG,), category="ours", state=TorrentState.ACTIVE)
        stage.client.put(late, payload)
        return payload

    outside.indexers[0].fetch = arrives_meanwhile  # type: ignore[method-assign]
    await tick(outside)

    assert stage.client.adds == []
    assert stage.client.torrents[payload.id].tags == (TAG,)
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]
    assert release.id == (await stage.store.claims())[0].release


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["claim", "fetch", "note", "find", "add", "settle"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_each_step_of_a_grab_sends_it_once(stage: Stage, call: str, after: bool):
    await tick(stage.outside(), mode="plan")
    wire = DyingAt(call, after=after)
    with pytest.raises(Crash):
        await tick(stage.outside(wire))

    stage.clock.advance(minutes=11)
    await ticks(stage)

    assert len(stage.client.adds) == 1
    assert await stage.claims() == [(OZMA.key, Outcome.SENT)]


class DyingAt(Wire):
    """A wire that ends the process before, or after, the first call of this name."""

    def __init__(self, name: str, *, after: bool) -> None:
        super().__init__()
        self._name, self._after = name, after

    def call(self, name: str):
        if name == self._name and self.crash_in is None:
            self.crash_in = 2 if self._after else 1
        return super().call(name)


# --- troubled downloads ----------------------------------------------------------------------------------------------


async def test_a_broken_download_is_revived_a_few_times_and_then_another_release_has_its_turn(stage: Stage):
    second = stage.offer(OZMA, id="f" * 16, seeders=1)
    await ticks(stage, 1)
    [first] = stage.client.adds
    for _ in range(4):
        stage.client.change(first, state=TorrentState.ERROR)
        await tick(stage.outside())
        stage.clock.advance(days=2)
    stage.client.change(first, state=TorrentState.ERROR)

    await ticks(stage)

    assert stage.client.adds == [first, stage.indexer.offers[second.id][1].id]
    assert [outcome for _, outcome in await stage.claims()] == [Outcome.ABANDONED, Outcome.SENT]


async def test_a_torrent_that_a_person_deletes_comes_back_only_when_they_ask(stage: Stage):
    stage.want(OZMA, TIK_TOK)
    stage.offer(TIK_TOK)
    await ticks(stage)
    infohash = next(key for key, one in stage.client.torrents.items() if one.name == OZMA.title)
    stage.client.lose(infohash)
    await ticks(stage)
    assert len(stage.client.adds) == 2
    assert (await stage.reasons())[OZMA.key] == "TorrentGone"

    await stage.store.add_override(
        target=OZMA.key, verb="retry", value="", why="", who="sam", at=stage.clock.now(), until=None
    )
    stage.clock.advance(seconds=1)
    await ticks(stage)

    assert stage.client.adds.count(infohash) == 2
    assert [claim.attempt for claim in await stage.store.claims() if claim.want == OZMA.key] == [1, 2]


# --- the ledger of the fake keeps the rules of the real one ----------------------------------------------------------


@pytest.fixture(params=["memory", "real"])
async def ledger(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    path = shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "ledger.db")
    async with open_store(f"sqlite:///{path}") as store:
        yield store


async def claim(
    ledger: Store, *, want: str = "oz", release: str = "r1", attempt: int = 1, epoch: int = 1, action: str = "grab"
):
    return await ledger.claim(
        action, want=want, release=release, attempt=attempt, epoch=epoch, now=NOW, indexer="shelf"
    )


async def test_a_claim_is_granted_once_and_again_only_when_it_was_unsent(ledger: Store):
    await ledger.acquire_lease("tick", "me", now=NOW, ttl_s=60)
    first = await claim(ledger)
    assert first is not None
    assert await claim(ledger) is None
    assert await claim(ledger, release="r2") is None
    assert await claim(ledger, want="other") is not None

    await ledger.settle(first.id, epoch=1, outcome=Outcome.UNSENT, now=NOW)
    again = await claim(ledger)
    assert again is not None
    assert (again.id, again.outcome) == (first.id, None)

    await ledger.settle(again.id, epoch=1, outcome=Outcome.REFUSED, now=NOW)
    assert await claim(ledger) is None
    assert await claim(ledger, attempt=2) is not None


async def test_only_the_newest_epoch_may_write_to_the_ledger(ledger: Store):
    await ledger.acquire_lease("tick", "me", now=NOW, ttl_s=60)
    mine = await claim(ledger)
    assert mine is not None
    later = NOW + timedelta(seconds=61)
    assert await ledger.acquire_lease("tick", "other", now=later, ttl_s=60) == 2

    for write in (
        lambda: claim(ledger, want="other"),
        lambda: ledger.note(mine.id, epoch=1, infohash="a" * 40),
        lambda: ledger.settle(mine.id, epoch=1, outcome=Outcome.SENT, now=later),
        lambda: ledger.renew_lease("tick", "me", 1, now=later, ttl_s=60),
    ):
        with pytest.raises(Conflict) as conflict:
            await write()
        assert conflict.value.code == "LeaseMoved"


async def test_a_second_live_grab_cannot_be_settled_into_being(ledger: Store):
    await ledger.acquire_lease("tick", "me", now=NOW, ttl_s=60)
    first = await claim(ledger)
    assert first is not None
    await ledger.settle(first.id, epoch=1, outcome=Outcome.UNSENT, now=NOW)
    assert await claim(ledger, release="r2") is not None

    with pytest.raises(Conflict) as conflict:
        await ledger.settle(first.id, epoch=1, outcome=Outcome.SENT, now=NOW)

    assert conflict.value.code == "GrabAlreadyLive"
    assert (await ledger.claims())[0].outcome is Outcome.UNSENT


async def test_grabs_are_counted_unless_they_were_unsent(ledger: Store):
    await ledger.acquire_lease("tick", "me", now=NOW, ttl_s=60)
    for want, outcome in (("a", Outcome.SENT), ("b", Outcome.UNSENT), ("c", Outcome.REFUSED), ("d", None)):
        row = await claim(ledger, want=want)
        assert row is not None
        if outcome:
            await ledger.settle(row.id, epoch=1, outcome=outcome, now=NOW)
    await claim(ledger, want="e", action="publish")

    assert dict(await ledger.grabs_since(NOW)) == {"shelf": 3}
    assert dict(await ledger.grabs_since(NOW + timedelta(seconds=1))) == {}
