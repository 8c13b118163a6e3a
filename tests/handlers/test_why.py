"""`why`: the story of a book and of a release over time, and what would be if a rule were not asked."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from remembering import BAUM, NOW, OZMA, TIK_TOK, Desk, release, searched

from adapters.store import Store
from domain.accounts import Account
from domain.world import Backoff, Outcome, Silence, StoredVerdict

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GOOD = release(f"{BAUM} - Ozma of Oz (Unabridged) [M4B]", id="9" * 16, infohash="9" * 40)
ABRIDGED = release(f"{BAUM} - Ozma of Oz (Abridged) [M4B]", id="a" * 16, infohash="a" * 40, indexer="mam")
OTHER = release(f"{BAUM} - Rinkitink in Oz [M4B]", id="b" * 16)


@pytest.fixture
def desk(tmp_path, monkeypatch, capfd) -> Desk:
    return Desk(tmp_path, monkeypatch, capfd)


def verdict(rule: str, answer: str, *, of: Any = ABRIDGED, want: str = OZMA, **changes: Any) -> StoredVerdict:
    given = {
        "want": want,
        "release": of.id,
        "indexer": of.indexer,
        "title": of.title,
        "gate": "identity",
        "rule": rule,
        "answer": answer,
        "seen": "abridged",
        "limit": "unabridged",
        "first_at": NOW - 20 * DAY,
        "last_at": NOW,
        "count": 17,
    }
    return StoredVerdict(**(given | changes))


def remember(desk: Desk, *work: Awaitable[Any] | Any) -> None:
    async def whole(store: Store) -> None:
        for act in work:
            await act(store)

    desk.with_store(whole)


def offers(*found: Any, title: str = "Ozma of Oz", **changes: Any) -> Any:
    return lambda store: store.save_search(searched(title, *found, **changes))


def verdicts(*rows: StoredVerdict) -> Any:
    return lambda store: store.save_verdicts(rows)


async def _grab(store: Store, *, outcome: Outcome, detail: str = "", published: bool = False) -> None:
    epoch = await store.acquire_lease("tick", "test", now=NOW, ttl_s=60)
    assert epoch is not None
    grab = await store.claim(
        "grab", want=OZMA, release=GOOD.id, attempt=1, epoch=epoch, now=NOW, indexer="shelf", infohash="9" * 40,
        min_seed_s=100 * 3600, min_ratio=1.5,
    )  # fmt: skip
    assert grab is not None
    await store.settle(grab.id, epoch=epoch, outcome=outcome, now=NOW + HOUR, detail=detail)
    if published:
        row = await store.claim(
            "publish", want=OZMA, release="9" * 40, attempt=1, epoch=epoch, now=NOW + DAY, infohash="9" * 40
        )
        assert row is not None
        await store.settle(row.id, epoch=epoch, outcome=Outcome.CONFIRMED, now=NOW + DAY, detail="")
    await store.release_lease("tick", "test", epoch)


def grabbed(outcome: Outcome = Outcome.SENT, **changes: Any) -> Any:
    return lambda store: _grab(store, outcome=outcome, **changes)


# --- a book ----------------------------------------------------------------------------------------------------------


def test_a_book_tells_what_was_seen_when_how_often_and_which_rule_refused_it_with_which_numbers(desk):
    remember(desk, offers(ABRIDGED), verdicts(verdict("Abridged", "no")))

    out = desk.say("why", "ozma").out

    assert ABRIDGED.title in out
    assert "mam, aaaaaaaaaaaaaaaa, seen 17×, 2026-04-11 12:00 to 2026-05-01 12:00" in out
    assert "identity/Abridged no: saw abridged, expected unabridged" in out


def test_what_an_earlier_look_said_is_told_as_the_past(desk):
    now = verdict("TitleMatches", "confirmed", of=GOOD)
    before = verdict("AuthorUnstated", "possible", of=GOOD, seen="no author", last_at=NOW - 3 * DAY)
    remember(desk, offers(GOOD), verdicts(now, before))

    out = desk.say("why", "ozma").out

    assert "confirmed" in out
    assert "before: identity/AuthorUnstated possible: saw no author, until 2026-04-28 12:00" in out
    assert "take it with" not in out


def test_a_book_tells_who_answered_who_failed_and_who_is_paused(desk):
    until = NOW.replace(year=2099)
    remember(
        desk,
        offers(GOOD, failed={"mam": Silence("IndexerUnreadable", "it sent a web page")}),
        lambda store: store.save_backoff(Backoff(key="indexer/shelf", failures=2, not_before=until, why="503")),
    )

    said = {one["indexer"]: one for one in desk.say("why", "ozma", "--json").json["indexers"]}

    assert (said["mam"]["state"], said["mam"]["code"], said["mam"]["why"]) == (
        "failed",
        "IndexerUnreadable",
        "it sent a web page",
    )
    assert (said["shelf"]["state"], said["shelf"]["offers"], said["shelf"]["why"]) == ("paused", 1, "503")
    assert said["shelf"]["until"].startswith("2099-05-01T12:00")
    out = desk.say("why", "ozma").out
    assert "last searched 2026-05-01 12:00" in out
    assert "mam failed: IndexerUnreadable it sent a web page" in out
    assert "shelf paused, 1 kept of what it offered, until 2099-05-01 12:00" in out


def test_a_book_tells_what_its_account_allows(desk):
    full = Account(indexer="mam", read_at=NOW, rank="VIP", ratio=2.5, unsatisfied=149, unsatisfied_limit=150)
    free = release(GOOD.title, id="c" * 16, indexer="mam", download_factor=0.0)
    remember(desk, offers(free), lambda store: store.save_account(full))

    story = desk.say("why", "ozma", "--json").json
    out = desk.say("why", "ozma").out

    [candidate] = story["candidates"]
    assert [one["rule"] for one in candidate["objections"]] == ["AccountFull"]
    assert "account at mam: VIP, ratio 2.50, 149 of 150 owe seeding" in out


def test_a_book_tells_what_was_done_and_until_when_it_owes(desk):
    remember(desk, offers(GOOD), grabbed(published=True))

    story = desk.say("why", OZMA, "--json").json

    assert [(one["action"], one["outcome"]) for one in story["claims"]] == [("grab", "sent"), ("publish", "confirmed")]
    [duty] = story["duties"]
    assert duty["torrent"] == "9" * 40
    assert duty["until"].startswith("2026-05-06T16:00")  # a day after the grab, and a hundred hours
    assert duty["ratio"] == 1.5
    assert f"owed for {GOOD.id}: " in desk.say("why", OZMA).out


def test_what_is_still_being_downloaded_owes_from_its_completion_on(desk):
    remember(desk, offers(GOOD), grabbed())

    [duty] = desk.say("why", OZMA, "--json").json["duties"]

    assert duty["until"] is None
    assert duty["message"] == "seeds 100 h once it is complete, and until ratio 1.50"


def test_a_book_tells_of_blocks_events_and_failures(desk):
    remember(
        desk,
        offers(GOOD),
        lambda store: store.block(release=GOOD.id, infohash=None, title=GOOD.title, why="wrong reader", at=NOW),
        lambda store: store.record_event(subject=OZMA, reason="Searched", message="1 offered by shelf", at=NOW),
        lambda store: store.record_failure(subject=OZMA, reason="NotComplete", message="not all there", at=NOW),
    )

    story = desk.say("why", "ozma", "--json").json
    out = desk.say("why", "ozma").out

    assert [row["why"] for row in story["blocklist"]] == ["wrong reader"]
    assert [one["rule"] for one in story["candidates"][0]["objections"]] == ["Blocklisted"]
    for words in ("wrong reader", "1 offered by shelf", "failed 1×: NotComplete not all there"):
        assert words in out


def test_a_right_release_that_was_given_up_is_shown_as_refused(desk):
    remember(
        desk,
        offers(GOOD),
        verdicts(verdict("TitleMatches", "confirmed", of=GOOD)),
        grabbed(Outcome.ABANDONED, detail="stalled, after 3 tries"),
    )

    out = desk.say("why", "ozma").out

    assert f"no        {GOOD.title}" in out
    assert "duty/TriedBefore no: stalled, after 3 tries" in out


def test_the_candidates_stand_in_their_order_with_what_is_compared(desk):
    mp3 = release(f"{BAUM} - Ozma of Oz (Unabridged) [MP3]", id="d" * 16)
    remember(desk, offers(mp3, ABRIDGED, GOOD))

    candidates = desk.say("why", "ozma", "--json").json["candidates"]

    assert [one["id"] for one in candidates] == [GOOD.id, mp3.id, ABRIDGED.id]
    assert [one["answer"] for one in candidates] == ["confirmed", "confirmed", "no"]
    assert list(candidates[0]["rank"])[:4] == ["narrator", "edition", "format", "bitrate"]


# --- a release -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ABRIDGED.id, "A" * 16, "a" * 40, "Baum - Ozma of Oz (Abridged)"])
def test_a_release_is_found_by_id_infohash_or_a_piece_of_its_title(desk, text):
    remember(desk, offers(ABRIDGED, GOOD), verdicts(verdict("Abridged", "no")))

    story = desk.say("why", text, "--json").json

    assert (story["release"]["id"], story["release"]["infohash"]) == (ABRIDGED.id, ABRIDGED.infohash)
    [judgement] = story["judgements"]
    assert judgement["want"] == OZMA
    assert [(row["rule"], row["count"]) for row in judgement["verdicts"]] == [("Abridged", 17)]


def test_a_release_tells_for_which_wants_it_was_judged(desk):
    both = verdict("WrongTitle", "no", want=TIK_TOK, seen=ABRIDGED.title, limit="Tik-Tok of Oz")
    remember(
        desk,
        offers(ABRIDGED),
        offers(ABRIDGED, title="Tik-Tok of Oz"),
        verdicts(verdict("Abridged", "no"), both),
        lambda store: store.block(release=ABRIDGED.id, infohash=None, title="", why="silent", at=NOW),
    )

    said = desk.say("why", ABRIDGED.id)

    assert f"for {OZMA}" in said.out
    assert f"for {TIK_TOK}" in said.out
    assert "identity/WrongTitle" in said.out
    assert "blocked" in said.out
    assert "silent" in said.out


def test_a_release_that_nobody_offers_any_more_is_told_from_what_was_written_down(desk):
    remember(
        desk,
        lambda store: store.save_want_keys({"Book/ozma-of-oz": OZMA}, now=NOW),
        verdicts(verdict("Abridged", "no")),
    )

    assert desk.say("why", ABRIDGED.id, "--json").json["release"]["title"] == ABRIDGED.title
    assert desk.say("why", "(Abridged) [M4B]", "--json").json["release"]["id"] == ABRIDGED.id


def test_a_piece_of_a_title_that_fits_several_releases_is_not_guessed_at(desk):
    remember(desk, offers(ABRIDGED, GOOD))

    said = desk.say("why", "[M4B]")

    assert (said.code, "AmbiguousRelease" in said.err) == (1, True)
    assert ABRIDGED.id in said.err
    assert GOOD.id in said.err


def test_a_name_that_is_nearly_right_is_answered_with_the_nearest(desk):
    said = desk.say("why", "Ozma from Oz")

    assert said.code == 1
    assert said.err.startswith("NoSuchWant: ")
    assert "did you mean 'Ozma of Oz'" in said.err
    assert "NoSuchRelease" in desk.say("why", "f" * 16).err


# --- what if ---------------------------------------------------------------------------------------------------------


def test_without_a_rule_the_stored_candidates_are_judged_again_and_nothing_is_changed(desk):
    remember(desk, offers(ABRIDGED, OTHER), verdicts(verdict("Abridged", "no")))
    before = desk.dump()

    said = desk.say("why", "ozma", "--relax", "Abridged")

    assert said.code == 0
    assert f"chosen would be: {ABRIDGED.title} ({ABRIDGED.id} at mam)" in said.out
    assert "as it is: nothing" in said.out
    assert "Nothing was changed. To make it so:" in said.out
    assert "Abridged: say `abridged: true` in its profile" in said.out
    assert desk.dump() == before


def test_rules_are_left_out_one_after_the_other(desk):
    worse = release(f"{BAUM} - Ozma of Oz (Abridged) [FLAC]", id="e" * 16)
    remember(desk, offers(worse))

    one = desk.say("why", "ozma", "--relax", "Abridged", "--json").json["replay"]
    both = desk.say("why", "ozma", "--relax", "Abridged", "--relax", "shape/WrongFormat", "--json").json["replay"]

    assert one["would_choose"] is None
    assert [verdict["rule"] for verdict in one["candidates"][0]["objections"]] == ["WrongFormat"]
    assert both["would_choose"]["id"] == worse.id
    assert both["relaxed"] == ["Abridged", "WrongFormat"]


def test_a_refused_proof_can_be_left_out_too(desk):
    proof = verdict("RuntimeDiffers", "no", of=GOOD, gate="proof", seen="2:00:00", limit="5:10:00 ± 0:04:00")
    remember(desk, offers(GOOD), verdicts(proof))

    said = desk.say("why", "ozma", "--relax", "RuntimeDiffers")

    assert f"override force {OZMA}" in said.out


def test_a_release_shows_what_would_be_for_each_want_that_it_was_judged_for(desk):
    remember(desk, offers(ABRIDGED), offers(ABRIDGED, title="Tik-Tok of Oz"))

    judgements = desk.say("why", ABRIDGED.id, "--relax", "Abridged", "--json").json["judgements"]

    chosen = {one["want"]: one["replay"]["would_choose"] for one in judgements}
    assert chosen[OZMA]["id"] == ABRIDGED.id
    assert chosen[TIK_TOK] is None


def test_an_unknown_rule_is_one_sentence_with_the_nearest(desk):
    remember(desk, offers(ABRIDGED))

    said = desk.say("why", "ozma", "--relax", "Abriged")

    assert said.code == 64
    assert "no rule is called 'Abriged'; did you mean `Abridged`?" in said.err
