"""The blocklist: by release and by infohash, with its reason, once, and back again."""

from __future__ import annotations

import pytest
from remembering import BAUM, NOW, OZMA, Desk, release, searched

from adapters.store import Store

GOOD = release(f"{BAUM} - Ozma of Oz (Unabridged) [M4B]", id="9" * 16, infohash="9" * 40)
OTHER = release(f"{BAUM} - Ozma of Oz (Abridged) [M4B]", id="a" * 16)


@pytest.fixture
def desk(tmp_path, monkeypatch, capfd) -> Desk:
    made = Desk(tmp_path, monkeypatch, capfd)

    async def fill(store: Store) -> None:
        await store.save_search(searched("Ozma of Oz", GOOD, OTHER))

    made.with_store(fill)
    return made


def rows(desk: Desk) -> list[tuple[str | None, str | None]]:
    return [(row["release"], row["infohash"]) for row in desk.say("blocklist", "--json").json]


@pytest.mark.parametrize("text", [GOOD.id, "9" * 40, "Unabridged", "ozma of oz (unabridged)"])
def test_however_it_is_named_a_release_is_blocked_by_its_id_and_its_infohash(desk, text):
    said = desk.say("block", text, "--why", "wrong reader")

    assert said.code == 0
    [row] = desk.say("blocklist", "--json").json
    assert (row["release"], row["infohash"], row["title"]) == (GOOD.id, GOOD.infohash, GOOD.title)
    assert row["why"] == "wrong reader"


def test_the_infohash_is_known_from_the_grab_where_the_offer_does_not_say_it(desk):
    async def grab(store: Store) -> None:
        epoch = await store.acquire_lease("tick", "test", now=NOW, ttl_s=60)
        assert epoch is not None
        claim = await store.claim("grab", want=OZMA, release=OTHER.id, attempt=1, epoch=epoch, now=NOW)
        assert claim is not None
        await store.note(claim.id, epoch=epoch, infohash="b" * 40)

    desk.with_store(grab)
    desk.say("block", OTHER.id)

    assert rows(desk) == [(OTHER.id, "b" * 40)]
    assert desk.say("block", "b" * 40).out.startswith("was blocked before")


def test_what_was_never_seen_is_blocked_by_what_it_was_called(desk):
    desk.say("block", "c" * 16)
    desk.say("block", "D" * 40)

    assert rows(desk) == [("c" * 16, None), (None, "d" * 40)]


def test_to_block_twice_is_to_block_once(desk):
    desk.say("block", GOOD.id, "--why", "first")
    said = desk.say("block", "9" * 40, "--why", "second", "--json")

    assert said.code == 0
    assert said.json["already"] is True
    assert rows(desk) == [(GOOD.id, GOOD.infohash)]
    assert desk.say("blocklist", "--json").json[0]["why"] == "first"


def test_a_block_that_knew_less_is_completed(desk):
    async def by_id_alone(store: Store) -> None:
        await store.block(release=GOOD.id, infohash=None, title="", why="", at=NOW)

    desk.with_store(by_id_alone)

    assert desk.say("block", GOOD.id, "--json").json["already"] is False
    assert rows(desk) == [(GOOD.id, None), (GOOD.id, GOOD.infohash)]


def test_the_list_shows_numbers_titles_and_reasons(desk):
    assert desk.say("blocklist").out == "nothing is blocked\n"
    desk.say("block", GOOD.id, "--why", "wrong reader")

    out = desk.say("blocklist").out

    for words in ("1: ", GOOD.title, GOOD.id, "9" * 40, "wrong reader"):
        assert words in out


def test_taking_a_block_back_says_when_another_still_holds(desk):
    desk.say("block", OTHER.id)

    async def once_more(store: Store) -> None:
        await store.block(release=OTHER.id, infohash=None, title="", why="twice", at=NOW)

    desk.with_store(once_more)
    said = desk.say("unblock", "1", "--json").json

    assert [row["id"] for row in said["still_blocked_by"]] == [2]
    assert "twice" not in desk.say("unblock", "2").out
    assert rows(desk) == []
    assert "NoSuchBlock" in desk.say("unblock", "2").err


@pytest.mark.parametrize("text", ["Ozma of Oz", "Emma", "the second one"])
def test_a_piece_of_several_titles_or_of_none_blocks_nothing(desk, text):
    said = desk.say("block", text)

    assert said.code == 64
    assert "Error:" in said.err
    assert rows(desk) == []


def test_a_title_that_is_nearly_right_is_answered_with_the_nearest(desk):
    assert GOOD.title in desk.say("block", f"{BAUM} - Osma of Oz (Unabridged) M4B").err


def test_a_blocked_candidate_says_so_and_an_unblocked_one_is_right_again(desk):
    desk.say("block", GOOD.id)
    blocked = {one["id"]: one["answer"] for one in desk.say("why", "ozma", "--json").json["candidates"]}
    desk.say("unblock", "1")
    back = {one["id"]: one["answer"] for one in desk.say("why", "ozma", "--json").json["candidates"]}

    assert (blocked[GOOD.id], back[GOOD.id]) == ("no", "confirmed")
