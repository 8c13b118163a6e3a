"""A better copy: what counts as better, which items may be replaced, and what the plan does about it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import (
    DAY,
    DONE,
    NOW,
    desired,
    grab_of,
    item_of,
    offer,
    override,
    oz,
    policies,
    policy,
    publish_of,
    searched,
    torrent_of,
    world,
    worlds,
)

from domain.actions import Confirm, Decision, Grab, Hold, Publish, Search, Settle
from domain.manifest import Duties, PolicySpec, ProfileSpec, Upgrade
from domain.missing import missing_books
from domain.ownership import keys_of
from domain.plan import plan
from domain.releases import SeriesName, TorrentFile
from domain.upgrades import REPLACED, formats_in, is_better, not_one_book
from domain.wants import Want
from domain.world import Backoff, Blocked, Item, Outcome, World

FORMATS = ("flac", "m4b", "mp3")
BETTER = ProfileSpec(formats=FORMATS, upgrade=Upgrade(allowed=True, cutoff="m4b"))
OZMA = oz(3, profile=BETTER)
OWNED = item_of(OZMA, formats=("mp3",))
NEW = offer(OZMA)


def decided(seen: World, want: Want = OZMA) -> Decision:
    [decision] = plan(desired(want), seen, NOW).decisions
    return decision


def offered(*releases: Any, **changes: Any) -> dict[str, Any]:
    return {"searches": searched(OZMA, *(releases or (NEW,)), **changes)}


# --- what counts as better -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        (("m4b",), ("mp3",), True),
        (("flac",), ("m4b",), True),
        (("mp3",), ("m4b",), False),
        (("m4b",), ("m4b",), False),
        (("m4b", "mp3"), ("mp3",), False),
        (("m4b",), ("m4b", "mp3"), False),
        ((), ("mp3",), False),
        (("m4b",), (), False),
        (("ogg",), ("mp3",), False),
        (("m4b",), ("wma",), False),
        (("M4B",), ("MP3",), True),
    ],
)
def test_better_is_a_format_before_the_present_one_in_the_list(new, old, better):
    assert is_better(new, old, BETTER) is better


_formats = st.lists(st.sampled_from((*FORMATS, "ogg")), max_size=3)


@given(_formats, _formats)
def test_of_two_copies_one_at_most_is_better(one, other):
    assert not (is_better(one, other, BETTER) and is_better(other, one, BETTER))


@given(st.lists(_formats, max_size=12))
def test_upgrades_come_to_an_end(copies):
    have, times = ("mp3",), 0
    for copy in copies:
        if is_better(copy, have, BETTER):
            have, times = tuple(copy), times + 1

    assert times <= len(FORMATS) - 1


def test_only_audio_has_a_format():
    listed = [TorrentFile(path=path, size_bytes=1) for path in ("a.MP3", "b.m4b", "cover.jpg", "._c.flac")]

    assert formats_in(listed) == ("m4b", "mp3")


@pytest.mark.parametrize(
    ("paths", "fine"),
    [
        (["01.mp3", "02.mp3", "cover.jpg", "Ozma of Oz.epub"], True),
        (["CD1/01.mp3", "CD2/01.mp3"], True),
        (["01.mp3", "Tik-Tok of Oz/01.mp3"], False),
        (["Ozma of Oz.m4b", "Tik-Tok of Oz.m4b"], False),
        (["cover.jpg"], False),
        ([], False),
        (["Ozma.m4b"], False),
    ],
)
def test_a_folder_is_replaced_only_where_it_is_one_book(paths, fine):
    place = "Baum/Ozma.m4b" if paths == ["Ozma.m4b"] else "Baum/Ozma"
    listed = [TorrentFile(path=path, size_bytes=1_000_000) for path in paths]

    assert (not_one_book(OZMA, place, listed) is None) is fine


# --- the plan --------------------------------------------------------------------------------------------------------


def test_a_confirmed_release_of_a_better_format_is_grabbed_for_the_place_of_the_item():
    decision = decided(world([OWNED], **offered()))

    assert isinstance(decision, Grab)
    assert (decision.because.code, decision.replaces) == ("UpgradeFound", OWNED.rel_path)


def test_the_grab_that_brought_the_present_copy_is_settled_first():
    seen = world([OWNED], [torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA, release="a" * 16),), **offered())

    decision = decided(seen)

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.CONFIRMED


def test_what_was_grabbed_once_is_no_better_copy_a_second_time():
    gone = grab_of(OZMA, outcome=Outcome.CONFIRMED, path=OWNED.rel_path)

    assert decided(world([OWNED], claims=(gone,), **offered())).because.code == "InLibrary"


@pytest.mark.parametrize(
    "item",
    [
        item_of(OZMA, formats=()),
        item_of(OZMA, formats=("m4b",)),
        item_of(OZMA, formats=("flac",)),
        item_of(OZMA, formats=("wma",)),
        item_of(OZMA, formats=("mp3",), is_invalid=True),
    ],
    ids=["unknown", "at the cutoff", "above it", "not in the list", "invalid"],
)
def test_what_is_good_enough_or_not_known_is_left(item: Item):
    assert decided(world([item], **offered())).because.code == "InLibrary"


def test_two_copies_or_a_doubtful_one_are_left():
    second = item_of(OZMA, id="second", rel_path="second", formats=("mp3",))
    doubtful = item_of(OZMA, id="doubt", rel_path="doubt", authors=(), series=(), formats=("mp3",))

    assert decided(world([OWNED, second], **offered())).because.code == "InLibrary"
    assert decided(world([OWNED, doubtful], **offered())).because.code == "InLibrary"


def test_two_items_at_one_path_are_left():
    twin = item_of(oz(8), rel_path=OWNED.rel_path)

    assert decided(world([OWNED, twin], **offered())).because.code == "InLibrary"


@pytest.mark.parametrize(
    ("profile", "because"),
    [
        (ProfileSpec(formats=FORMATS), "InLibrary"),
        (ProfileSpec(formats=FORMATS, upgrade=Upgrade(allowed=True, cutoff="mp3")), "InLibrary"),
        (ProfileSpec(formats=FORMATS, upgrade=Upgrade(allowed=True)), "UpgradeFound"),
    ],
)
def test_the_profile_says_whether_and_how_far(profile, because):
    assert decided(world([OWNED], **offered()), oz(3, profile=profile)).because.code == because


def test_a_better_copy_is_searched_for_once_and_then_weekly():
    assert isinstance(decided(world([OWNED])), Search)
    assert isinstance(decided(world([OWNED], **offered(oz_mp3(), at=NOW - 6 * DAY))), Hold)
    assert isinstance(decided(world([OWNED], **offered(oz_mp3(), at=NOW - 7 * DAY))), Search)


def oz_mp3() -> Any:
    return offer(OZMA, title="L. Frank Baum - Ozma of Oz (Unabridged) [MP3]")


def test_a_person_may_ask_before_the_week_is_over():
    asked = {OZMA.key: NOW}

    assert isinstance(decided(world([OWNED], requests=asked, **offered(oz_mp3(), at=NOW - DAY))), Search)


@pytest.mark.parametrize("verb", ["skip", "hold", "snooze"])
def test_a_person_may_keep_a_book_from_being_replaced(verb):
    until = NOW + DAY if verb == "snooze" else None

    decision = decided(world([OWNED], overrides=(override(verb, OZMA.key, until=until),), **offered()))

    assert isinstance(decision, Hold)


def test_a_book_of_which_a_person_says_that_it_is_another_is_fetched_as_missing():
    decision = decided(world([OWNED], overrides=(override("force", OZMA.key),), **offered()))

    assert isinstance(decision, Grab)
    assert decision.replaces == ""


def upgrading(**changes: Any) -> World:
    grab = grab_of(OZMA, path=OWNED.rel_path)
    given = {"items": [OWNED], "torrents": [torrent_of(OZMA)], "claims": (grab,)} | changes
    return world(given.pop("items"), given.pop("torrents"), **given)


def test_while_it_downloads_the_book_is_in_the_library():
    decision = decided(upgrading())

    assert decision.because.code == "InLibrary"
    assert "50%" in decision.because.message


def test_a_finished_one_is_published():
    assert isinstance(decided(upgrading(torrents=[torrent_of(OZMA, **DONE)])), Publish)


@pytest.mark.parametrize("min_ratio", [None, 1.0], ids=["free", "counted by its tracker"])
def test_a_grab_of_a_better_copy_that_is_not_clear_needs_nobody(min_ratio):
    grab = grab_of(OZMA, path=OWNED.rel_path, outcome=Outcome.UNKNOWN, min_ratio=min_ratio)
    late = msgspec.structs.replace(grab, claimed_at=NOW if min_ratio is None else NOW - DAY)

    assert decided(upgrading(torrents=[], claims=(late,))).because.code == "InLibrary"


def test_it_is_dropped_where_the_item_has_moved():
    moved = item_of(OZMA, rel_path="elsewhere", formats=("mp3",))

    decision = decided(upgrading(items=[moved]))

    assert isinstance(decision, Settle)
    assert decision.outcome == Outcome.ABANDONED


def placed(**changes: Any) -> World:
    claims = (
        grab_of(OZMA, path=OWNED.rel_path),
        publish_of(OZMA, path=OWNED.rel_path, detail=f"{REPLACED}m4b"),
    )
    return upgrading(torrents=[torrent_of(OZMA, **DONE)], claims=claims, **changes)


SCANNED = {f"scan/{OZMA.key}": Backoff(key=f"scan/{OZMA.key}", failures=1, not_before=NOW)}
LISTED = item_of(OZMA, formats=("m4b",))


@pytest.mark.parametrize(
    ("seen", "because"),
    [
        (placed(), "AwaitingScan"),
        (placed(items=[LISTED]), "AwaitingScan"),
        (placed(backoffs=SCANNED), "AwaitingScan"),
        (placed(items=[LISTED], backoffs=SCANNED), "Published"),
    ],
    ids=["not scanned", "not scanned, though listed", "scanned, and the old one listed", "scanned and seen"],
)
def test_what_was_replaced_is_confirmed_once_the_server_has_looked_and_lists_it(seen, because):
    decision = decided(seen)

    assert decision.because.code == because
    assert isinstance(decision, Confirm) == (because == "Published")


@pytest.mark.parametrize("part", [{"grabs_per_tick": 0}, {"searches_per_tick": 0}])
def test_what_a_budget_keeps_back_stays_in_the_library(part):
    seen = world([OWNED], **(offered() if "grabs_per_tick" in part else {}))
    made = plan(desired(OZMA, policy=policy(budgets=part)), seen, NOW)

    assert made.decisions[0].because.code == "InLibrary"


def test_a_brake_says_nothing_against_a_book_that_is_there():
    made = plan(desired(OZMA, policy=policy(suspend=True)), world([OWNED], **offered()), NOW)

    assert made.decisions[0].because.code == "InLibrary"


@pytest.mark.parametrize(
    "seen",
    [
        world([OWNED]),
        world([OWNED], **offered()),
        upgrading(),
        upgrading(torrents=[torrent_of(OZMA, **DONE)]),
        placed(),
    ],
    ids=["searched for", "offered", "downloading", "finished", "in its place"],
)
def test_a_book_with_a_better_copy_in_flight_is_not_missing(seen):
    assert missing_books(plan(desired(OZMA), seen, NOW)) == ()


def test_missing_books_go_before_better_copies():
    missing = oz(8, priority=-5)
    seen = world([OWNED], searches=searched(OZMA, NEW) | searched(missing, offer(missing)))
    limited = plan(desired(OZMA, missing, policy=policy(budgets={"grabs_per_tick": 1})), seen, NOW)
    both = plan(desired(OZMA, missing), seen, NOW)

    assert [one.want for one in limited.decisions if isinstance(one, Grab)] == [missing.key]
    assert [one.want for one in both.decisions] == [missing.key, OZMA.key]


def test_a_lost_store_with_both_torrents_leaves_the_book_in_the_library():
    old = torrent_of(OZMA, id="a" * 40, infohash_v1="a" * 40, **DONE)

    decision = decided(world([item_of(OZMA, formats=("m4b",))], [old, torrent_of(OZMA, **DONE)]))

    assert decision.because.code == "InLibrary"


_profiles = st.sampled_from((BETTER, ProfileSpec(packs=True, upgrade=Upgrade(allowed=True)), ProfileSpec(packs=True)))


@given(st.lists(st.sampled_from((1, 2, 3, 8, 14)), max_size=5, unique=True), _profiles, worlds(), policies)
def test_no_book_that_is_in_the_library_needs_a_person_because_of_a_better_copy(numbers, profile, seen, rules):
    wants = [oz(number, profile=profile) for number in numbers]
    made = plan(desired(*wants, policy=rules), seen, NOW)

    assert sorted(one.want for one in made.decisions) == sorted(want.key for want in wants)
    assert not [one for one in made.decisions if one.because.message.startswith(("a rule failed", "no pack can"))]
    for one in made.decisions:
        if isinstance(one, Grab) and one.replaces:
            assert one.want in made.settled
        if isinstance(one, Grab):
            assert one.want not in one.serves


@given(st.lists(st.sampled_from((1, 2, 3, 8, 14)), max_size=5, unique=True), _profiles, worlds())
def test_the_order_of_wants_does_not_matter(numbers, profile, seen):
    wants = [oz(number, profile=profile) for number in numbers]
    turned = msgspec.structs.replace(seen, claims=seen.claims[::-1], overrides=seen.overrides[::-1])

    made, other = plan(desired(*wants), seen, NOW), plan(desired(*wants[::-1]), turned, NOW)

    assert (other.decisions, other.chores) == (made.decisions, made.chores)


def test_a_set_that_holds_the_book_is_never_replaced_by_it():
    """Nobody would find the other books of the set again."""
    by_place = item_of(OZMA, formats=("mp3",), title="Oz Books 1-5", series=(SeriesName(name="Oz", position="1-5"),))
    by_title = item_of(OZMA, formats=("mp3",), title="The Oz Collection", asin="B0OZSET001")
    far_too_long = item_of(OZMA, formats=("mp3",), duration_s=5 * 300 * 60.0)
    known = msgspec.structs.replace(OZMA, sets=("The Oz Collection", "B0OZSET001"), runtimes_min=(300,))

    for item in (by_place, by_title, far_too_long):
        item = msgspec.structs.replace(item, keys=keys_of(item))
        assert not isinstance(decided(world([item], **offered()), known), Grab), item.title


def test_an_item_that_is_the_book_of_two_wants_is_not_replaced():
    other = oz(3, profile=BETTER)
    other = msgspec.structs.replace(other, key="another/key")
    found = searched(OZMA, NEW) | {other.key: msgspec.structs.replace(searched(OZMA, NEW)[OZMA.key], want=other.key)}

    made = plan(desired(OZMA, other), world([OWNED], searches=found), NOW)

    assert {one.because.code for one in made.decisions} == {"InLibrary"}


def upgrade_interrupted() -> dict[str, Any]:
    """Downloaded, and cut off while it was being put in the place of the copy that is there."""
    grab = grab_of(OZMA, path=OWNED.rel_path)
    publish = publish_of(OZMA, outcome=None, settled_at=None, path=OWNED.rel_path)
    return {"claims": (grab, publish)}


def test_what_was_forbidden_meanwhile_is_not_put_into_place_after_an_interruption():
    coming = [torrent_of(OZMA, **DONE)]
    forbidding = msgspec.structs.replace(OZMA, profile=ProfileSpec(formats=FORMATS))

    assert isinstance(decided(world([OWNED], coming, **upgrade_interrupted())), Publish)
    stopped = decided(world([OWNED], coming, **upgrade_interrupted()), forbidding)
    assert isinstance(stopped, Settle)
    assert stopped.because.code == "UpgradeDropped"


def test_a_release_that_was_blocked_meanwhile_is_not_published_after_an_interruption():
    grab, publish = grab_of(OZMA), publish_of(OZMA, outcome=None, settled_at=None)
    block = Blocked(id=1, release=grab.release, why="wrong reader", at=NOW)
    coming = [torrent_of(OZMA, **DONE)]

    decision = decided(world([], coming, claims=(grab, publish), blocklist=(block,)), oz(3))

    assert isinstance(decision, Settle)
    assert decision.because.code == "Blocked"


def test_the_torrent_of_a_better_copy_stays_until_it_is_in_its_place():
    resting = {f"publish/{OZMA.key}": Backoff(key="publish", failures=1, not_before=NOW + DAY, why="disk full")}
    long_seeded = torrent_of(OZMA, **{**DONE, "completed_at": NOW - 30 * DAY, "ratio": 9.0})
    for after in ("keep", "remove"):
        seen = world(
            [OWNED], [long_seeded], backoffs=resting, findings={f"remove/{long_seeded.id}": 3}, **upgrade_interrupted()
        )
        made = plan(desired(OZMA, policy=PolicySpec(duties=Duties(after=after))), seen, NOW)

        assert [one.because.code for one in made.decisions] == ["InLibrary"]
        assert made.chores == ()
