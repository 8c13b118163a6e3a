"""What the store keeps of indexers: their answers, and why they were silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from adapters.store import Store, open_store
from domain.accounts import Account
from domain.releases import Release
from domain.world import Searched, Silence

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
OZMA = Release(id="1" * 16, indexer="mam", title="Ozma of Oz", also_at=("prowlarr",))


async def test_an_answer_outlives_the_process_with_its_moment(store_url: str):
    async with open_store(store_url) as one:
        await one.save_answer("mam", "ozma of oz", (OZMA,), at=NOW)

    async with open_store(store_url) as other:
        assert await other.answer("mam", "ozma of oz") == ((OZMA,), NOW)


async def test_that_there_was_nothing_is_an_answer_and_no_answer_is_none(store: Store):
    await store.save_answer("mam", "ozma of oz", (), at=NOW)

    assert await store.answer("mam", "ozma of oz") == ((), NOW)
    assert await store.answer("mam", "glinda of oz") is None
    assert await store.answer("prowlarr", "ozma of oz") is None


async def test_a_newer_answer_replaces_the_one_before(store: Store):
    later = NOW + timedelta(hours=1)
    await store.save_answer("mam", "ozma of oz", (), at=NOW)
    await store.save_answer("mam", "ozma of oz", (OZMA,), at=later)

    assert await store.answer("mam", "ozma of oz") == ((OZMA,), later)


async def test_answers_that_are_a_week_old_are_forgotten(store: Store):
    await store.save_answer("mam", "ozma of oz", (), at=NOW)
    await store.save_answer("mam", "glinda of oz", (), at=NOW + timedelta(days=3))

    await store.save_answer("mam", "tik-tok of oz", (), at=NOW + timedelta(days=8))

    assert await store.answer("mam", "ozma of oz") is None
    assert await store.answer("mam", "glinda of oz") is not None


async def test_an_answer_that_this_version_cannot_read_is_none(store: Store):
    await store.save_answer("mam", "ozma of oz", (OZMA,), at=NOW)
    async with store.writing() as connection:
        await connection.execute(text("UPDATE indexer_answers SET offers = '[{\"id\": 7}]'"))

    assert await store.answer("mam", "ozma of oz") is None


async def test_why_an_indexer_was_silent_is_kept_with_its_code(store: Store):
    failed = {"mam": Silence("IndexerRefusedKey", "status 403"), "prowlarr": Silence("IndexerPaused", "it failed", NOW)}
    searched = Searched(want="oz", at=NOW, answered=("librivox",), failed=failed, offers=(OZMA,))

    await store.save_search(searched)

    assert await store.searches() == {"oz": searched}


async def test_what_an_older_version_wrote_about_a_silence_is_still_read(store: Store):
    await store.save_search(Searched(want="oz", at=NOW, offers=(OZMA,)))
    await wrote(store, '{"attic": "attic did not answer"}')

    found = (await store.searches())["oz"]

    assert found.failed == {"attic": Silence("IndexerUnread", "attic did not answer")}
    assert found.offers == (OZMA,)


async def test_what_cannot_be_read_about_a_silence_has_the_book_searched_for_again(store: Store):
    await store.save_search(Searched(want="oz", at=NOW, offers=(OZMA,)))
    await wrote(store, '{"attic": 7}')

    assert await store.searches() == {}


async def wrote(store: Store, failed: str) -> None:
    async with store.writing() as connection:
        await connection.execute(text("UPDATE searches SET failed = :failed"), {"failed": failed})


async def test_the_newest_reading_of_an_account_counts(store: Store):
    await store.save_account(Account(indexer="mam", read_at=NOW, ratio=1.5))
    newest = Account(indexer="mam", read_at=NOW + timedelta(minutes=5), ratio=2.5, vip_until=NOW)
    await store.save_account(newest)

    assert await store.accounts() == {"mam": newest}


async def test_a_ratio_without_end_is_not_an_unknown_one(store: Store):
    for ratio in (float("inf"), None):
        account = Account(indexer="mam", read_at=NOW, ratio=ratio)
        await store.save_account(account)

        assert await store.accounts() == {"mam": account}


async def test_a_session_that_was_renewed_replaces_the_one_before(store: Store):
    assert await store.sealed_session("mam") is None

    await store.save_sealed_session("mam", b"one", at=NOW)
    await store.save_sealed_session("mam", b"two", at=NOW)

    assert await store.sealed_session("mam") == b"two"
