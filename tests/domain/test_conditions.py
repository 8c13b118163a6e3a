"""What is true about each want and each source, for programs and people."""

from __future__ import annotations

from hypothesis import given
from worlds import (
    DAY,
    DONE,
    HOUR,
    INDEXER,
    NOW,
    desired,
    grab_of,
    item_of,
    many_desired,
    offer,
    oz,
    publish_of,
    searched,
    torrent_of,
    unread,
    world,
    worlds,
)

from domain.conditions import NEEDS_A_PERSON, SERVICE, conditions_of
from domain.desired import Desired
from domain.plan import plan
from domain.world import Backoff, Condition, Outcome, World

OZMA = oz(3)
OF_A_WANT = {"Ready", "InLibrary", "ReleaseFound", "Downloaded", "Reconciling", "Stalled"}


def conditions(seen: World, subject: str = OZMA.key) -> dict[str, Condition]:
    found = conditions_of(plan(desired(OZMA), seen, NOW), seen, NOW)
    return {one.type: one for one in found if one.subject == subject}


def statuses(seen: World, subject: str = OZMA.key) -> dict[str, str]:
    return {kind: one.status for kind, one in conditions(seen, subject).items()}


@given(many_desired, worlds())
def test_every_want_has_every_condition_once_with_a_reason(wanted: Desired, seen: World):
    found = conditions_of(plan(wanted, seen, NOW), seen, NOW)

    assert len({(one.subject, one.type) for one in found}) == len(found)
    for want in wanted.wants:
        assert {one.type for one in found if one.subject == want.key} == OF_A_WANT
    assert all(one.reason and one.message and one.observed_at == NOW for one in found)


def test_a_book_of_the_library_is_ready():
    assert statuses(world([item_of(OZMA)])) == {
        "Ready": "True", "InLibrary": "True", "ReleaseFound": "True", "Downloaded": "True", "Reconciling": "False",
        "Stalled": "False",
    }  # fmt: skip


def test_a_book_on_its_way_is_reconciling():
    assert statuses(world(torrents=[torrent_of(OZMA)], claims=(grab_of(OZMA),))) == {
        "Ready": "False", "InLibrary": "False", "ReleaseFound": "True", "Downloaded": "False", "Reconciling": "True",
        "Stalled": "False",
    }  # fmt: skip


def test_a_published_book_is_downloaded_before_it_is_listed():
    placed = world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA), publish_of(OZMA)))

    assert statuses(placed)["Downloaded"] == "True"
    assert statuses(placed)["Ready"] == "False"


def test_a_refused_proof_is_downloaded_and_stalled():
    refused = publish_of(OZMA, outcome=Outcome.REFUSED, detail="WrongLength")
    found = statuses(world(torrents=[torrent_of(OZMA, **DONE)], claims=(grab_of(OZMA), refused)))

    assert (found["Downloaded"], found["Stalled"], found["Reconciling"]) == ("True", "True", "False")


def test_what_needs_a_person_is_stalled_with_its_reason():
    vague = world(searches=searched(OZMA, offer(OZMA, title="Ozma of Oz", authors=None)))

    stalled = conditions(vague)["Stalled"]

    assert (stalled.status, stalled.reason) == ("True", "NeedsYou")
    assert stalled.reason in NEEDS_A_PERSON


def test_while_the_library_is_unread_nothing_that_rests_on_it_is_known():
    found = statuses(world(library=unread()))

    assert {found[kind] for kind in ("Ready", "InLibrary", "ReleaseFound", "Downloaded")} == {"Unknown"}
    assert found["Reconciling"] == "False"


def test_the_service_says_which_source_it_cannot_read_and_which_brake_holds():
    fine, broken = world(), world(downloads=unread("ClientDown", "refused to connect"))

    assert statuses(fine, SERVICE) == {
        "LibraryReadable": "True", "ClientReadable": "True", "LibraryConsistent": "True", "Braked": "False",
    }  # fmt: skip
    found = conditions(broken, SERVICE)
    assert (found["ClientReadable"].status, found["ClientReadable"].message) == ("False", "refused to connect")
    assert (found["Braked"].status, found["Braked"].reason) == ("True", "ClientDown")


def test_an_indexer_that_rests_says_why():
    key = f"indexer/{INDEXER}"
    resting = world(backoffs={key: Backoff(key=key, failures=1, not_before=NOW + HOUR, why="answered 503")})

    readable = conditions(resting, key)["Readable"]

    assert (readable.status, readable.reason, readable.message) == ("False", "IndexerUnread", "answered 503")
    assert statuses(resting, key)["Stalled"] == "False"
    assert statuses(world(), key) == {"Readable": "True", "Stalled": "False"}


def test_a_pause_of_an_indexer_is_no_failure_and_needs_nobody():
    key = f"indexer/{INDEXER}"
    paused = world(backoffs={key: Backoff(key=key, failures=0, not_before=NOW + HOUR, why="it asked for a rest")})

    found = conditions(paused, key)

    assert (found["Readable"].status, found["Readable"].reason) == ("False", "IndexerPaused")
    assert found["Readable"].message == "paused until 2026-05-01 13:00 UTC: it asked for a rest"
    assert found["Stalled"].status == "False"


def test_an_indexer_that_refuses_our_credentials_needs_a_person():
    key, far = f"indexer/{INDEXER}", NOW + 3650 * DAY
    rests = (Backoff(key=one, failures=1, not_before=far, why="it refused our key") for one in (key, f"{key}/c0de"))
    refused = world(backoffs={one.key: one for one in rests})

    found = conditions(refused, key)

    assert {one.reason for one in found.values()} == {"IndexerRefusedKey"}
    assert (found["Readable"].status, found["Stalled"].status) == ("False", "True")
    assert found["Stalled"].message == "not logged in: it refused our key"
