"""Four kinds of indexers, of which some do not answer: not logged in, paused and empty-handed are three things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command import Said, bibliostat
from small_world import API_KEY, ROAD, SmallWorld

from adapters.sandbox import librivox_audio, myanonamouse, prowlarr
from adapters.sandbox.serve import Server
from adapters.sessions import new_key
from handlers.settings import Settings, load
from handlers.wiring import connect
from reconcile.tick import tick

SESSION = "a-session-that-nobody-may-read"
PAUSED_UNTIL = datetime.now(UTC) + timedelta(hours=3)


class Street:
    """The small world with three more indexers beside its own."""

    def __init__(self, world: SmallWorld, folder: Path, stack: ExitStack) -> None:
        self.world, self.folder = world, folder
        self.member = myanonamouse.Member()
        self.trackers = prowlarr.create_app({"Kansas": [], "Winkie": []}, api_key=API_KEY)
        mice = stack.enter_context(Server(myanonamouse.create_app([], session=SESSION, member=self.member)))
        readers = stack.enter_context(Server(librivox_audio.create_app([])))
        self.secret_key = new_key()
        self.environment = world.environment(folder / "data") | {
            "BIBLIOSTAT_SECRET_KEY": self.secret_key,
            "BIBLIOSTAT_INDEXER_MICE_KIND": "myanonamouse",
            "BIBLIOSTAT_INDEXER_MICE_URL": mice.url,
            "BIBLIOSTAT_INDEXER_MICE_SESSION": SESSION,
            "BIBLIOSTAT_INDEXER_PROWLARR_KIND": "prowlarr",
            "BIBLIOSTAT_INDEXER_PROWLARR_URL": stack.enter_context(Server(self.trackers)).url,
            "BIBLIOSTAT_INDEXER_PROWLARR_API_KEY": API_KEY,
            "BIBLIOSTAT_INDEXER_READERS_KIND": "librivox",
            "BIBLIOSTAT_INDEXER_READERS_URL": f"{readers.url}/api/feed",
            "BIBLIOSTAT_INDEXER_READERS_ARCHIVE": readers.url,
        }

    async def tick(self) -> None:
        """As the command does it, without the pauses that are due to real servers."""
        settings = load(self.environment, self.folder)
        assert isinstance(settings, Settings), settings
        async with connect(settings, polite=False) as outside:
            await tick(outside)

    def say(self, *arguments: str) -> Said:
        return bibliostat(self.environment, *arguments, cwd=self.folder)


@pytest.fixture
def street(world: SmallWorld, tmp_path: Path) -> Iterator[Street]:
    world.offers.clear()
    with ExitStack() as stack:
        yield Street(world, tmp_path, stack)


async def test_not_logged_in_paused_and_nothing_are_three_things_all_the_way_to_why(street: Street) -> None:
    street.member.signed_in = False
    street.trackers.paused |= {"Kansas": PAUSED_UNTIL, "Winkie": PAUSED_UNTIL}

    await street.tick()
    told = " ".join(street.say("why", ROAD.title).out.split())

    assert "mice refused: IndexerRefusedKey" in told
    assert "prowlarr paused" in told
    assert f"{PAUSED_UNTIL:%Y-%m-%d %H:%M}" in told
    assert "readers answered, nothing" in told
    status = street.say("status").out
    assert "indexer/mice Readable False: IndexerRefusedKey" in status


async def test_a_tracker_that_is_paused_while_the_others_answer_makes_no_empty_search(street: Street) -> None:
    street.trackers.paused["Kansas"] = PAUSED_UNTIL

    await street.tick()
    told = " ".join(street.say("why", ROAD.title).out.split())

    assert "prowlarr answered in part" in told
    assert "Kansas" in told


async def test_no_secret_shows_anywhere(street: Street) -> None:
    await street.tick()
    said = [street.say(*line) for line in (["plan"], ["why", ROAD.title], ["status"], ["doctor"], ["settings"])]

    told = "".join(one.out + one.err for one in said)
    kept = b"".join(path.read_bytes() for path in (street.folder / "data").iterdir())
    for secret in (SESSION, street.secret_key):
        assert secret not in told
        assert secret.encode() not in kept


async def test_a_session_that_rotated_is_kept_for_the_next_process(street: Street) -> None:
    await street.tick()
    street.say("override", "retry", ROAD.key)
    await street.tick()

    assert "indexer/mice Readable True" in street.say("status").out
    assert "mice answered, nothing" in " ".join(street.say("why", ROAD.title).out.split())


async def test_a_sweep_over_what_is_missing_says_how_long_it_takes(street: Street) -> None:
    await street.tick()

    assert "a full sweep of 2 wanted books" in street.say("status").out
