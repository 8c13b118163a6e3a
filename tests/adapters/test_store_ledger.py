"""Leases and claims: at most once, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.store import Store, open_store
from domain.errors import Conflict
from domain.world import Claim, Outcome

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


async def lead(store: Store, holder: str = "one", *, now: datetime = NOW) -> int:
    epoch = await store.acquire_lease("tick", holder, now=now, ttl_s=60)
    assert epoch is not None
    return epoch


async def grab(store: Store, epoch: int, *, want: str = "oz", release: str = "r1", attempt: int = 1) -> Claim | None:
    return await store.claim(
        "grab", want=want, release=release, attempt=attempt, epoch=epoch, now=NOW, indexer="shelf", min_seed_s=3600
    )


async def claimed(store: Store, epoch: int, **key: object) -> Claim:
    claim = await grab(store, epoch, **key)  # type: ignore[arg-type]
    assert claim is not None
    return claim


async def test_a_lease_has_one_holder_until_it_expires(store):
    assert await store.acquire_lease("tick", "one", now=NOW, ttl_s=60) == 1
    assert await store.acquire_lease("tick", "two", now=NOW + timedelta(seconds=59), ttl_s=60) is None
    assert await store.acquire_lease("tick", "two", now=NOW + timedelta(seconds=60), ttl_s=60) == 2
    assert await store.acquire_lease("tick", "one", now=NOW + timedelta(seconds=61), ttl_s=60) is None


async def test_leases_of_different_names_are_independent(store):
    assert await store.acquire_lease("tick", "one", now=NOW, ttl_s=60) == 1
    assert await store.acquire_lease("backup", "two", now=NOW, ttl_s=60) == 1


async def test_a_renewed_lease_lasts_longer(store):
    epoch = await lead(store)

    await store.renew_lease("tick", "one", epoch, now=NOW + timedelta(seconds=50), ttl_s=60)

    assert await store.acquire_lease("tick", "two", now=NOW + timedelta(seconds=100), ttl_s=60) is None


async def test_a_lost_lease_cannot_be_renewed(store):
    epoch = await lead(store)
    await lead(store, "two", now=LATER)

    with pytest.raises(Conflict) as conflict:
        await store.renew_lease("tick", "one", epoch, now=LATER, ttl_s=60)

    assert conflict.value.code == "LeaseMoved"


async def test_a_released_lease_is_free_at_once_and_its_epoch_goes_on(store):
    await store.release_lease("tick", "one", await lead(store))

    assert await lead(store, "two") == 2


async def test_releasing_a_lost_lease_leaves_the_new_holder_alone(store):
    epoch = await lead(store)
    await lead(store, "two", now=LATER)

    await store.release_lease("tick", "one", epoch)

    assert await store.acquire_lease("tick", "three", now=LATER, ttl_s=60) is None


async def test_a_holder_that_starts_again_fences_off_its_former_self(store):
    former = await lead(store)

    assert await lead(store) == former + 1
    with pytest.raises(Conflict):
        await grab(store, former)


async def test_only_one_of_many_gets_a_free_lease(store, store_url):
    async with open_store(store_url) as other:
        contenders = [
            (store if n % 2 else other).acquire_lease("tick", f"holder {n}", now=NOW, ttl_s=60) for n in range(20)
        ]
        epochs = await asyncio.gather(*contenders)

    assert [epoch for epoch in epochs if epoch is not None] == [1]


async def test_a_claim_is_one_row_with_what_was_given(store):
    epoch = await lead(store)

    claim = await store.claim(
        "grab",
        want="oz",
        release="r1",
        attempt=2,
        epoch=epoch,
        now=NOW,
        indexer="shelf",
        infohash="a" * 40,
        infohash_v2="b" * 64,
        min_seed_s=259_200,
        min_ratio=1.5,
    )

    assert claim == Claim(
        id=claim.id,
        action="grab",
        want="oz",
        release="r1",
        indexer="shelf",
        attempt=2,
        epoch=epoch,
        infohash="a" * 40,
        infohash_v2="b" * 64,
        claimed_at=NOW,
        min_seed_s=259_200,
        min_ratio=1.5,
    )
    assert await store.claims() == (claim,)


async def test_only_one_of_twenty_claimers_in_two_processes_wins(store, store_url):
    epoch = await lead(store)
    async with open_store(store_url) as other:
        claims = await asyncio.gather(*(grab(store if n % 2 else other, epoch) for n in range(20)))

    [winner] = [claim for claim in claims if claim is not None]
    assert await store.claims() == (winner,)


async def test_only_one_release_of_a_want_is_claimed_by_twenty_at_once(store, store_url):
    epoch = await lead(store)
    async with open_store(store_url) as other:
        claims = await asyncio.gather(*(grab(store if n % 2 else other, epoch, release=f"r{n}") for n in range(20)))

    [winner] = [claim for claim in claims if claim is not None]
    assert await store.claims() == (winner,)


@pytest.mark.parametrize("outcome", [None, *(one for one in Outcome if one is not Outcome.UNSENT)])
@pytest.mark.parametrize("action", ["grab", "publish"])
async def test_a_claim_with_any_outcome_but_unsent_is_never_taken_again(store, action, outcome):
    epoch = await lead(store)
    claim = await store.claim(action, want="oz", release="r1", attempt=1, epoch=epoch, now=NOW)
    if outcome is not None:
        await store.settle(claim.id, epoch=epoch, outcome=outcome, now=NOW)

    assert await store.claim(action, want="oz", release="r1", attempt=1, epoch=epoch, now=LATER) is None


async def test_an_unsent_claim_is_taken_again_in_place(store):
    epoch = await lead(store)
    first = await claimed(store, epoch)
    await store.note(first.id, epoch=epoch, infohash="a" * 40, path="L. Frank Baum/Oz")
    await store.settle(first.id, epoch=epoch, outcome=Outcome.UNSENT, now=NOW, detail="connection refused")
    epoch = await lead(store, "two", now=LATER)

    again = await store.claim("grab", want="oz", release="r1", attempt=1, epoch=epoch, now=LATER)

    assert again == Claim(id=first.id, action="grab", want="oz", release="r1", attempt=1, epoch=epoch, claimed_at=LATER)
    assert await store.claims() == (again,)


async def test_an_unsent_claim_waits_while_another_release_of_the_want_is_live(store):
    epoch = await lead(store)
    first = await claimed(store, epoch)
    await store.settle(first.id, epoch=epoch, outcome=Outcome.UNSENT, now=NOW)
    await claimed(store, epoch, release="r2")

    assert await grab(store, epoch) is None


@pytest.mark.parametrize("outcome", [None, Outcome.UNKNOWN, Outcome.SENT])
async def test_a_want_with_a_live_grab_gets_no_second_one(store, outcome):
    epoch = await lead(store)
    first = await claimed(store, epoch)
    if outcome is not None:
        await store.settle(first.id, epoch=epoch, outcome=outcome, now=NOW)

    assert await grab(store, epoch, release="r2") is None
    assert await grab(store, epoch, attempt=2) is None
    assert len(await store.claims()) == 1


@pytest.mark.parametrize("outcome", [Outcome.UNSENT, Outcome.REFUSED, Outcome.CONFIRMED, Outcome.ABANDONED])
async def test_a_grab_that_is_over_makes_room_for_another(store, outcome):
    epoch = await lead(store)
    first = await claimed(store, epoch)
    await store.settle(first.id, epoch=epoch, outcome=outcome, now=NOW)

    assert await grab(store, epoch, release="r2") is not None


async def test_a_live_grab_stops_neither_other_wants_nor_other_acts(store):
    epoch = await lead(store)
    await claimed(store, epoch)

    assert await grab(store, epoch, want="barsoom") is not None
    assert await store.claim("publish", want="oz", release="r1", attempt=1, epoch=epoch, now=NOW) is not None
    assert await store.claim("publish", want="oz", release="r2", attempt=1, epoch=epoch, now=NOW) is not None


async def test_a_grab_cannot_come_alive_again_beside_another(store):
    epoch = await lead(store)
    first = await claimed(store, epoch)
    await store.settle(first.id, epoch=epoch, outcome=Outcome.UNSENT, now=NOW)
    await claimed(store, epoch, release="r2")
    before = await store.claims()

    with pytest.raises(Conflict) as conflict:
        await store.settle(first.id, epoch=epoch, outcome=Outcome.SENT, now=LATER)

    assert conflict.value.code == "GrabAlreadyLive"
    assert await store.claims() == before


async def test_settling_writes_the_outcome_and_keeps_the_rest(store):
    epoch = await lead(store)
    claim = await claimed(store, epoch)
    await store.note(claim.id, epoch=epoch, infohash="a" * 40)
    await store.note(claim.id, epoch=epoch, path="L. Frank Baum/Oz")
    await store.note(claim.id, epoch=epoch)

    await store.settle(claim.id, epoch=epoch, outcome=Outcome.SENT, now=LATER, detail="seen in the client")

    [settled] = await store.claims()
    assert (settled.infohash, settled.infohash_v2, settled.path) == ("a" * 40, None, "L. Frank Baum/Oz")
    assert (settled.outcome, settled.detail, settled.settled_at) == (Outcome.SENT, "seen in the client", LATER)
    assert (settled.claimed_at, settled.min_seed_s) == (NOW, 3600)


async def test_a_claim_that_is_not_there_cannot_be_settled(store):
    epoch = await lead(store)

    with pytest.raises(Conflict) as conflict:
        await store.settle(7, epoch=epoch, outcome=Outcome.SENT, now=NOW)

    assert conflict.value.code == "ClaimGone"


async def test_nothing_is_written_to_the_ledger_after_the_lease_moved_on(store):
    old = await lead(store)
    claim = await claimed(store, old)
    await lead(store, "two", now=LATER)

    for write in (
        grab(store, old, want="barsoom"),
        store.note(claim.id, epoch=old, infohash="a" * 40),
        store.settle(claim.id, epoch=old, outcome=Outcome.SENT, now=LATER),
    ):
        with pytest.raises(Conflict) as conflict:
            await write
        assert conflict.value.code == "LeaseMoved"

    assert await store.claims() == (claim,)


async def test_nobody_claims_without_a_lease(store):
    with pytest.raises(Conflict):
        await grab(store, 1)

    assert await store.claims() == ()


async def test_a_new_leader_settles_what_the_old_one_claimed(store):
    claim = await claimed(store, await lead(store))
    epoch = await lead(store, "two", now=LATER)

    await store.settle(claim.id, epoch=epoch, outcome=Outcome.SENT, now=LATER)

    [settled] = await store.claims()
    assert (settled.outcome, settled.epoch) == (Outcome.SENT, claim.epoch)


async def test_claims_are_read_oldest_first(store):
    epoch = await lead(store)
    made = [await claimed(store, epoch, want=want) for want in ("oz", "barsoom", "holmes")]
    await store.settle(made[0].id, epoch=epoch, outcome=Outcome.REFUSED, now=NOW)

    assert [claim.want for claim in await store.claims()] == ["oz", "barsoom", "holmes"]


async def test_grabs_are_counted_per_indexer_unless_they_were_unsent(store):
    epoch = await lead(store)
    key = {"attempt": 1, "epoch": epoch}
    await store.claim("grab", want="w1", release="r", now=NOW - timedelta(hours=2), indexer="shelf", **key)
    await store.claim("grab", want="w2", release="r", now=NOW, indexer="shelf", **key)
    refused = await store.claim("grab", want="w3", release="r", now=LATER, indexer="shelf", **key)
    unsent = await store.claim("grab", want="w4", release="r", now=LATER, indexer="shelf", **key)
    await store.claim("grab", want="w5", release="r", now=LATER, indexer="attic", **key)
    await store.claim("publish", want="w5", release="r", now=LATER, **key)
    await store.settle(refused.id, epoch=epoch, outcome=Outcome.REFUSED, now=LATER)
    await store.settle(unsent.id, epoch=epoch, outcome=Outcome.UNSENT, now=LATER)

    assert await store.grabs_since(NOW) == {"shelf": 2, "attic": 1}
    assert await store.grabs_since(LATER + timedelta(seconds=1)) == {}
