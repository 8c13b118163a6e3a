"""One budget for each indexer, whoever asks it: over the real store."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from adapters.indexers.rationed import RESTS_S, Rationed
from adapters.store import Store, open_store
from domain.accounts import Account
from domain.catalogue.hosts import Limits
from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient, Unfit
from domain.ladder import Query
from domain.releases import Payload, Release

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OZMA = Release(id="1" * 16, indexer="mam", title="Ozma of Oz")
PAYLOAD = Payload(content=b"torrent", name="Ozma of Oz")
QUERY = Query(text="ozma of oz")
DOWN = Transient("mam did not answer (ConnectError)", code="IndexerUnreachable")


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


class Mam:
    """An indexer that keeps when it was asked, and runs into `fault` while there is one."""

    def __init__(self, clock: Clock) -> None:
        self.name = "mam"
        self.fingerprint = "c0de"
        self.clock = clock
        self.asked: list[datetime] = []
        self.fault: Failure | None = None
        self.silent: Mapping[str, str] = {}

    def _turn(self) -> None:
        self.asked.append(self.clock.now())
        if self.fault is not None:
            raise self.fault

    async def search(self, query: Query) -> tuple[Release, ...]:
        self._turn()
        return (OZMA,)

    async def fetch(self, release: Release) -> Payload:
        self._turn()
        return PAYLOAD

    async def account(self) -> Account:
        return Account(indexer=self.name, read_at=NOW, rank="Mouse")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mam(clock: Clock) -> Mam:
    return Mam(clock)


def rationed(mam: Mam, store: Store, limits: Limits | None = None) -> Rationed:
    return Rationed(mam, store, limits or Limits(per_s=0.5), mam.clock, jitter=random.Random(1))


async def refusal(indexer: Rationed) -> Failure:
    with pytest.raises(Failure) as caught:
        await indexer.search(QUERY)
    return caught.value


async def test_it_is_the_indexer_itself_in_everything_else(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    mam.silent = {"MyTracker": "paused"}

    assert (indexer.name, indexer.fingerprint, indexer.silent) == ("mam", "c0de", {"MyTracker": "paused"})
    assert await indexer.search(QUERY) == (OZMA,)
    assert await indexer.fetch(OZMA) == PAYLOAD
    assert (await indexer.account()).rank == "Mouse"  # type: ignore[union-attr]


async def test_searches_and_downloads_keep_their_distance(mam: Mam, store: Store):
    indexer = rationed(mam, store)

    await indexer.search(QUERY)
    await indexer.fetch(OZMA)
    await indexer.search(QUERY)

    assert [(moment - NOW).total_seconds() for moment in mam.asked] == [0, 2, 4]


async def test_processes_share_the_distance_and_the_budget_of_the_day(mam: Mam, store_url: str):
    limits = Limits(per_s=0.5, per_day=3)
    async with open_store(store_url) as one, open_store(store_url) as other:
        first, second = rationed(mam, one, limits), rationed(mam, other, limits)
        await first.search(QUERY)
        await second.search(QUERY)
        await first.fetch(OZMA)

        spent = await refusal(second)

    assert [(moment - NOW).total_seconds() for moment in mam.asked] == [0, 2, 4]
    assert isinstance(spent, Transient)
    assert (spent.code, spent.retry_after_s) == ("BudgetSpent", 12 * 3600 - 4)
    assert spent.message.startswith("mam was asked 3 times today")


async def test_a_new_day_has_a_new_budget(mam: Mam, store: Store):
    indexer = rationed(mam, store, Limits(per_s=0.5, per_day=1))
    await indexer.search(QUERY)
    assert (await refusal(indexer)).code == "BudgetSpent"

    mam.clock.advance(hours=12)

    assert await indexer.search(QUERY) == (OZMA,)


async def test_an_indexer_that_is_down_is_left_alone_longer_each_time(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    mam.fault = DOWN

    rests = []
    for _ in range(len(RESTS_S) + 1):
        assert (await refusal(indexer)).code == "IndexerUnreachable"
        resting = await refusal(indexer)
        assert isinstance(resting, Transient)
        assert resting.code == "HostResting"
        assert resting.retry_after_s is not None
        rests.append(round(resting.retry_after_s / 60))
        mam.clock.advance(seconds=resting.retry_after_s)

    assert rests == [1, 5, 15, 30, 60, 180, 360, 720, 1440, 1440]
    assert len(mam.asked) == len(rests)


async def test_who_is_left_alone_is_called_by_its_name_with_the_reason(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    mam.fault = DOWN
    await refusal(indexer)

    message = (await refusal(indexer)).message

    assert message == "mam is left alone until 2026-05-01 12:01:00 UTC: mam did not answer (ConnectError)"


async def test_an_answer_starts_over(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    for fault in (DOWN, None, DOWN):
        mam.fault = fault
        if fault is None:
            await indexer.search(QUERY)
        else:
            await refusal(indexer)
        mam.clock.advance(seconds=59)
        if fault is not None:
            assert (await refusal(indexer)).code == "HostResting"
        mam.clock.advance(seconds=1)

    mam.fault = None
    assert await indexer.search(QUERY) == (OZMA,)


@pytest.mark.parametrize(("stated_s", "rest_s"), [(None, 3600.0), (90.0, 90.0), (7200.0, 7200.0)])
async def test_who_is_asked_too_much_says_for_how_long_or_it_is_an_hour(
    mam: Mam, store: Store, stated_s: float | None, rest_s: float
):
    indexer = rationed(mam, store)
    mam.fault = Transient("enough", code="IndexerRateLimited", retry_after_s=stated_s)
    await refusal(indexer)

    resting = await refusal(indexer)

    assert isinstance(resting, Transient)
    assert (resting.code, resting.retry_after_s) == ("HostResting", rest_s)


async def test_what_a_server_that_is_out_of_order_states_counts(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    mam.fault = Transient("status 503", code="IndexerUnreachable", retry_after_s=600.0)
    await refusal(indexer)

    resting = await refusal(indexer)

    assert isinstance(resting, Transient)
    assert resting.retry_after_s == 600.0


@pytest.mark.parametrize(
    "fault",
    [
        Permanent("status 403", code="IndexerRefusedKey"),
        Permanent("what?", code="IndexerBadRequest"),
        Transient("a tracker behind it rests", code="IndexerPaused", retry_after_s=900.0),
        Conflict("search again", code="ReleaseNotListed"),
        Ambiguous("no answer heard"),
    ],
    ids=lambda fault: fault.code,
)
async def test_what_it_says_in_good_health_does_not_put_it_to_rest(mam: Mam, store: Store, fault: Failure):
    indexer = rationed(mam, store)
    mam.fault = fault

    assert await refusal(indexer) is fault
    mam.fault = None

    assert await indexer.search(QUERY) == (OZMA,)


@pytest.mark.parametrize(
    "fault",
    [
        Transient("a broken torrent", code="IndexerUnreadable"),
        Transient("too many torrents owe seeding", code="IndexerLimitReached", retry_after_s=86_400.0),
        Unfit("gone", code="ReleaseGone"),
    ],
    ids=lambda fault: fault.code,
)
async def test_a_download_that_cannot_be_had_does_not_keep_it_from_being_searched(
    mam: Mam, store: Store, fault: Failure
):
    indexer = rationed(mam, store)
    mam.fault = fault
    with pytest.raises(type(fault)):
        await indexer.fetch(OZMA)
    mam.fault = None

    assert await indexer.search(QUERY) == (OZMA,)


async def test_a_search_that_cannot_be_read_puts_it_to_rest(mam: Mam, store: Store):
    indexer = rationed(mam, store)
    mam.fault = Transient("a login page", code="IndexerUnreadable")
    await refusal(indexer)

    assert (await refusal(indexer)).code == "HostResting"


async def test_a_catalogue_server_of_the_same_name_has_a_budget_of_its_own(mam: Mam, store: Store):
    await rationed(mam, store).search(QUERY)

    assert [host.host for host in await store.hosts()] == ["indexer/mam"]
