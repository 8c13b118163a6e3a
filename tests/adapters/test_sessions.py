"""Sessions that rotate: what is kept of a reply's cookies, and how they are sealed in the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet

from adapters.sessions import SealedSessions, Session, after_reply, new_key, started
from adapters.store import Store
from domain.errors import Permanent

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
ROTATIONS = json.loads((FIXTURES / "mam_cookie_rotation.json").read_bytes())["cases"]
HOST = "www.myanonamouse.net"
NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)


def replied(*set_cookie: str, host: str = HOST) -> Session:
    return after_reply(started("OLD"), set_cookie, name="mam_id", host=host)


@pytest.mark.parametrize("case", ROTATIONS, ids=[case["name"] for case in ROTATIONS])
def test_of_each_recorded_reply_the_right_value_is_kept(case: dict[str, Any]) -> None:
    session = after_reply(started(case["stored"]), case["set_cookie"], name="mam_id", host=HOST)

    assert session.value == case["keep"]
    assert session.dead == (case.get("state") == "auth_failed")
    assert session.given == started(case["stored"]).given


def test_the_last_word_counts_whichever_way_it_goes() -> None:
    deleted = "mam_id=deleted; Max-Age=0; path=/"

    assert not replied(deleted, "mam_id=NEW; path=/").dead
    assert replied("mam_id=NEW; path=/", deleted).dead


@pytest.mark.parametrize(
    "line",
    ["mam_id=; Max-Age=0", "mam_id=x; max-age=0; path=/", "mam_id=x; Max-Age=-1", "mam_id=deleted; path=/"],
)
def test_however_it_is_deleted_it_is_dead_and_the_old_value_stays(line: str) -> None:
    session = replied(line)

    assert (session.value, session.dead) == ("OLD", True)


@pytest.mark.parametrize(
    "line",
    [
        "mam_id=NEW; domain=.example.org",
        "mam_id=NEW; domain=net",
        "mam_id=NEW; domain=evil.www.myanonamouse.net",
        "mam_id=NEW; domain=notmyanonamouse.net",
        "mam_id=NEW; path=/forum",
        "mam_id=NEW\x00; path=/",
        "mam_id=two words; path=/",
        "mam_id=" + "x" * 5_000,
        "MAM_ID=NEW; path=/",
        "lid=NEW; path=/",
        "",
        ";;;",
    ],
)
def test_what_is_not_for_us_changes_nothing(line: str) -> None:
    assert replied(line) == started("OLD")


@pytest.mark.parametrize("domain", ["", "; domain=.myanonamouse.net", "; Domain=www.MyAnonamouse.net"])
def test_a_cookie_of_the_host_or_of_the_domain_above_it_is_kept(domain: str) -> None:
    assert replied(f"mam_id=NEW; Path=/{domain}").value == "NEW"


def test_a_value_is_never_shown() -> None:
    assert "s3cret" not in repr(started("s3cret"))


# Sealing


async def test_a_session_comes_back_from_the_store_as_it_was_saved(store: Store) -> None:
    sessions = SealedSessions(store, new_key())
    session = msgspec.structs.replace(started("ab%2Bcd=="), dead=True)

    assert await sessions.read("mouse") is None
    await sessions.save("mouse", session, at=NOW)

    assert await sessions.read("mouse") == session
    assert await sessions.read("other") is None


async def test_the_store_never_sees_a_value(store: Store) -> None:
    await SealedSessions(store, new_key()).save("mouse", started("s3cret-value"), at=NOW)

    sealed = await store.sealed_session("mouse")

    assert sealed is not None
    assert b"s3cret" not in sealed
    assert started("s3cret-value").given.encode() not in sealed


async def test_another_key_opens_nothing_and_says_so(store: Store) -> None:
    await SealedSessions(store, new_key()).save("mouse", started("s3cret"), at=NOW)
    sessions = SealedSessions(store, new_key())

    with pytest.raises(Permanent) as caught:
        await sessions.read("mouse")

    assert caught.value.code == "SessionUnreadable"
    assert "mouse" in caught.value.message
    await sessions.save("mouse", started("new"), at=NOW)
    assert await sessions.read("mouse") == started("new")


async def test_a_sealed_value_that_is_no_session_is_unreadable_too(store: Store) -> None:
    key = new_key()
    await store.save_sealed_session("mouse", Fernet(key).encrypt(b'{"value": 3}'), at=NOW)

    with pytest.raises(Permanent) as caught:
        await SealedSessions(store, key).read("mouse")

    assert caught.value.code == "SessionUnreadable"


@pytest.mark.parametrize("key", ["", "short", "ü" * 44, "x" * 44])
def test_what_is_no_key_is_refused_at_once_and_not_repeated(key: str) -> None:
    with pytest.raises(Permanent) as caught:
        SealedSessions(_Nowhere(), key)

    assert caught.value.code == "SessionKeyInvalid"
    assert not key or key not in caught.value.message


class _Nowhere:
    async def sealed_session(self, indexer: str) -> bytes | None:
        return None

    async def save_sealed_session(self, indexer: str, sealed: bytes, *, at: datetime) -> None: ...


def test_every_new_key_is_another_one() -> None:
    assert new_key() != new_key()
