"""A better copy takes the place of the one in the library, at the same path; whatever is interrupted, a copy stands."""

from __future__ import annotations

import pytest
from fakes import APPLY, BAUM, Crash, MemoryStore, Stage, Wire, book, recording, replace

from domain.errors import Conflict, Permanent, Transient
from domain.manifest import Budgets, Duties, ProfileSpec, Upgrade
from domain.releases import TorrentFile
from domain.world import Outcome
from reconcile.tick import Report, tick

OZMA, TIK_TOK = book("Ozma of Oz"), book("Tik-Tok of Oz")
PLACE = f"{BAUM}/Ozma of Oz"
OLD = (TorrentFile(path="01.mp3", size_bytes=90), TorrentFile(path="02.mp3", size_bytes=90))
BETTER = ProfileSpec(upgrade=Upgrade(allowed=True))


@pytest.fixture(params=["sqlite", "memory"])
def shop(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """The library has Ozma as MP3, and a better copy is wanted. Over the real store and over the fake one."""
    return owning(stage if request.param == "sqlite" else Stage(MemoryStore()))


def owning(stage: Stage) -> Stage:
    stage.profile = BETTER
    stage.want(OZMA)
    stage.shelf.folders[PLACE] = OLD
    stage.library.own(OZMA, rel_path=PLACE, formats=("mp3",))
    return stage


async def ticks(stage: Stage, times: int = 3) -> Report:
    for _ in range(times):
        report = await tick(stage.outside())
        stage.clock.advance(minutes=1)
    return report


async def downloaded(stage: Stage) -> str:
    """An upgrade that finished downloading; its torrent."""
    stage.offer(OZMA)
    await ticks(stage)
    [torrent] = stage.client.adds
    stage.client.finish(torrent)
    return torrent


def codes(report: Report) -> dict[str, str]:
    assert report.plan is not None
    return {one.want: one.because.code for one in report.plan.decisions}


def message(report: Report) -> str:
    assert report.plan is not None
    return report.plan.decisions[0].because.message


def formats(stage: Stage) -> list[str]:
    return [file.extension for file in stage.shelf.folders[PLACE]]


async def say(stage: Stage, verb: str) -> None:
    now = stage.clock.now()
    await stage.store.add_override(target=OZMA.key, verb=verb, value="", why="", who="sam", at=now, until=None)
    stage.clock.advance(seconds=1)


# --- the way of an upgrade -------------------------------------------------------------------------------------------


async def test_a_better_copy_takes_the_place_of_the_one_that_is_there(shop: Stage):
    [item] = shop.library.items
    torrent = await downloaded(shop)

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert list(shop.shelf.folders) == [PLACE]
    assert formats(shop) == ["m4b"]
    assert list(shop.shelf.replaced.values()) == [OLD]
    assert list(shop.library.items) == [item]
    assert shop.library.items[item].formats == ("m4b",)
    assert await shop.claims("publish") == [(OZMA.key, Outcome.CONFIRMED)]
    assert torrent in shop.client.torrents


async def test_it_is_confirmed_only_when_the_server_has_looked_again(shop: Stage):
    await downloaded(shop)
    shop.library.blind = True

    assert codes(await ticks(shop)) == {OZMA.key: "AwaitingScan"}
    assert formats(shop) == ["m4b"]
    shop.library.blind = False
    shop.clock.advance(hours=7)

    assert codes(await ticks(shop)) == {OZMA.key: "InLibrary"}


async def test_nothing_better_is_looked_for_once_the_cutoff_is_reached(shop: Stage):
    await downloaded(shop)
    await ticks(shop)
    asked = len(shop.indexer.searched)
    shop.offer(OZMA, id="f" * 16, seeders=90)

    for _ in range(20):
        shop.clock.advance(days=8)
        await tick(shop.outside())

    assert len(shop.indexer.searched) == asked
    assert len(shop.client.adds) == 1


async def test_a_better_copy_is_searched_for_once_a_week(shop: Stage):
    await ticks(shop)
    first = len(shop.indexer.searched)
    for _ in range(6):
        shop.clock.advance(days=1)
        await tick(shop.outside())
    assert len(shop.indexer.searched) == first

    shop.clock.advance(days=1)
    await tick(shop.outside())

    assert len(shop.indexer.searched) == 2 * first


@pytest.mark.parametrize(
    "profile",
    [
        ProfileSpec(),
        ProfileSpec(upgrade=Upgrade(allowed=True, cutoff="mp3")),
        ProfileSpec(formats=("mp3", "m4b"), upgrade=Upgrade(allowed=True)),
        ProfileSpec(formats=("m4b", "m4a"), upgrade=Upgrade(allowed=True)),
    ],
    ids=["not allowed", "good enough", "best there is", "format not in the list"],
)
async def test_what_is_good_enough_or_cannot_be_compared_is_left(shop: Stage, profile):
    shop.profile = profile
    shop.want(OZMA)
    shop.offer(OZMA)

    await ticks(shop)

    assert shop.indexer.searched == []
    assert shop.client.adds == []


async def test_a_copy_of_unknown_format_is_left(shop: Stage):
    [item] = shop.library.items.values()
    shop.library.items[item.id] = replace(item, formats=())
    shop.offer(OZMA)

    await ticks(shop)

    assert shop.client.adds == []


async def test_two_copies_are_left(shop: Stage):
    [item] = shop.library.items.values()
    shop.library.items["second"] = replace(item, id="second", rel_path="old/another", formats=("mp3",))
    shop.offer(OZMA)

    await ticks(shop)

    assert shop.client.adds == []


async def test_a_release_that_is_no_better_is_not_taken(shop: Stage):
    shop.offer(OZMA, title=f"{BAUM} - Ozma of Oz (Unabridged) [MP3]")

    report = await ticks(shop)

    assert shop.client.adds == []
    assert codes(report) == {OZMA.key: "InLibrary"}


async def test_one_whose_files_are_no_better_than_it_says_is_refused(shop: Stage):
    release = shop.offer(OZMA)
    _, payload = shop.indexer.offers[release.id]
    path = "Ozma of Oz/a.mp3"
    shop.shelf.recordings[path] = replace(recording(OZMA)[2], path=path)
    shop.indexer.offer(release, replace(payload, files=(TorrentFile(path=path, size_bytes=300_000_000),)))

    await ticks(shop)

    assert shop.client.adds == []
    assert {one.reason for one in await shop.store.failures(OZMA.key)} == {"NotBetter"}


async def test_our_own_earlier_grab_makes_way_and_its_torrent_seeds_on(shop: Stage):
    del shop.shelf.folders[PLACE]
    shop.library.items.clear()
    shop.profile = ProfileSpec(formats=("mp3", "m4b"))
    shop.want(OZMA, policy=replace(APPLY, duties=Duties(seed_hours=2000.0)))
    first = await downloaded(shop)
    await ticks(shop)
    assert formats(shop) == ["m4b"]

    shop.profile = ProfileSpec(formats=("flac", "m4b"), upgrade=Upgrade(allowed=True))
    shop.want(OZMA)
    release = shop.offer(OZMA, id="f" * 16, title=f"{BAUM} - Ozma of Oz (Unabridged) [FLAC]")
    _, payload = shop.indexer.offers[release.id]
    path = "Ozma of Oz/a.flac"
    shop.shelf.recordings[path] = replace(recording(OZMA)[2], path=path)
    files = (TorrentFile(path=path, size_bytes=300_000_000),)
    shop.indexer.offer(release, replace(payload, files=files))
    shop.clock.advance(days=8)
    await ticks(shop)
    shop.client.finish(payload.id)
    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert formats(shop) == ["flac"]
    assert shop.client.adds == [first, payload.id]
    assert f"want:{OZMA.key}" in shop.client.torrents[first].tags
    assert [outcome for _, outcome in await shop.claims()] == [Outcome.CONFIRMED, Outcome.SENT]


# --- the book stays in the library whatever becomes of the better copy -----------------------------------------------


async def ready(stage: Stage) -> set[str]:
    return {one.status for one in await stage.store.conditions(OZMA.key) if one.type in ("Ready", "InLibrary")}


async def stalled(stage: Stage) -> set[str]:
    return {one.status for one in await stage.store.conditions(OZMA.key) if one.type == "Stalled"}


async def test_a_book_is_ready_all_the_time(shop: Stage):
    shop.offer(OZMA)
    for step in range(8):
        if step == 4:
            [torrent] = shop.client.adds
            shop.client.finish(torrent)
        await tick(shop.outside())
        shop.clock.advance(minutes=1)
        assert await ready(shop) == {"True"}
        assert await stalled(shop) == {"False"}


async def test_an_upgrade_that_turns_out_another_book_touches_nothing(shop: Stage):
    await downloaded(shop)
    for path, audio in shop.shelf.recordings.items():
        shop.shelf.recordings[path] = replace(audio, tags={"album": "Rinkitink in Oz", "artist": "Somebody Else"})

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert "Rinkitink in Oz" in message(report)
    assert shop.shelf.folders == {PLACE: OLD}
    assert await stalled(shop) == {"False"}


async def test_a_torrent_that_is_removed_leaves_the_book_as_it_is(shop: Stage):
    shop.offer(OZMA)
    await ticks(shop)
    [torrent] = shop.client.adds
    shop.client.lose(torrent)

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert shop.client.adds == [torrent]


async def test_a_missing_book_goes_before_a_better_copy(shop: Stage):
    shop.want(OZMA, TIK_TOK, policy=replace(APPLY, budgets=Budgets(grabs_per_tick=1)))
    shop.offer(OZMA)
    shop.offer(TIK_TOK)

    await tick(shop.outside())

    assert [shop.client.payloads[one].name for one in shop.client.adds] == ["Tik-Tok of Oz"]


async def test_no_better_copy_is_taken_without_room_for_it(shop: Stage):
    shop.shelf.free = 0
    shop.offer(OZMA)

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert "would be left" in message(report)
    assert shop.client.adds == []


@pytest.mark.parametrize("verb", ["hold", "skip"])
async def test_a_person_may_keep_it_from_being_replaced(shop: Stage, verb):
    await say(shop, verb)
    shop.offer(OZMA)

    await ticks(shop)

    assert shop.client.adds == []


async def test_an_upgrade_that_is_not_allowed_any_more_is_dropped(shop: Stage):
    await downloaded(shop)
    shop.profile = ProfileSpec()
    shop.want(OZMA)

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert shop.shelf.folders == {PLACE: OLD}
    assert await shop.claims() == [(OZMA.key, Outcome.ABANDONED)]


# --- what must not be replaced ---------------------------------------------------------------------------------------


async def test_in_place_mode_refuses_with_its_reason_and_asks_nobody(shop: Stage):
    shop.shelf.separate = False
    shop.offer(OZMA)

    await tick(shop.outside())
    report = await tick(shop.outside())

    assert shop.indexer.fetched == []
    assert "in-place" in message(report)
    assert codes(report) == {OZMA.key: "InLibrary"}


@pytest.mark.parametrize(
    "paths",
    [
        ["01.mp3", "Tik-Tok of Oz/01.mp3"],
        ["Ozma of Oz.m4b", "Tik-Tok of Oz.m4b"],
        ["cover.jpg"],
        [],
    ],
    ids=["a book below", "a book beside", "no audio", "nothing"],
)
async def test_a_folder_that_holds_more_than_the_book_or_no_book_is_left(shop: Stage, paths):
    there = tuple(TorrentFile(path=path, size_bytes=90) for path in paths)
    shop.shelf.folders[PLACE] = there
    shop.offer(OZMA)

    await tick(shop.outside())
    report = await tick(shop.outside())

    assert shop.indexer.fetched == []
    assert shop.shelf.folders[PLACE] == there
    assert codes(report) == {OZMA.key: "InLibrary"}


async def test_a_folder_that_got_more_books_during_the_download_is_left(shop: Stage):
    await downloaded(shop)
    more = (*OLD, TorrentFile(path="Tik-Tok of Oz/01.mp3", size_bytes=90))
    shop.shelf.folders[PLACE] = more

    report = await ticks(shop)

    assert shop.shelf.folders[PLACE] == more
    assert "more than this book" in message(report)


# --- interruptions ---------------------------------------------------------------------------------------------------


async def begun() -> Stage:
    shop = owning(Stage(MemoryStore()))
    await downloaded(shop)
    return shop


async def test_wherever_a_replacement_dies_a_copy_stands_and_in_the_end_the_better_one():
    shop, wire = await begun(), Wire()
    await tick(shop.outside(wire))
    for moment in range(2 * wire.calls.index("claim") + 1, 2 * len(wire.calls) + 1):
        shop = await begun()
        dying = Wire()
        dying.crash_in = moment
        with pytest.raises(Crash):
            await tick(shop.outside(dying))
        assert formats(shop) if PLACE in shop.shelf.folders else shop.shelf.moving, moment
        shop.clock.advance(minutes=6)
        report = await ticks(shop, 4)

        assert codes(report) == {OZMA.key: "InLibrary"}, moment
        assert formats(shop) == ["m4b"], moment
        assert list(shop.shelf.replaced.values()) == [OLD], moment
        assert len(shop.library.items) == 1, moment
        assert (shop.shelf.staged, shop.shelf.moving) == ({}, {}), moment


async def test_wherever_a_grab_of_a_better_copy_dies_it_comes_once():
    async def offered() -> Stage:
        shop = owning(Stage(MemoryStore()))
        shop.offer(OZMA)
        return shop

    shop, wire = await offered(), Wire()
    await tick(shop.outside(wire))
    for moment in range(2 * wire.calls.index("claim") + 1, 2 * len(wire.calls) + 1):
        shop = await offered()
        dying = Wire()
        dying.crash_in = moment
        with pytest.raises(Crash):
            await tick(shop.outside(dying))
        for _ in range(5):
            shop.clock.advance(minutes=12)
            await tick(shop.outside())
        for torrent in shop.client.adds:
            shop.client.finish(torrent)
        await ticks(shop, 4)

        assert len(shop.client.adds) == 1, moment
        assert formats(shop) == ["m4b"], moment
        assert list(shop.library.items) == [f"own-{OZMA.key}"], moment


@pytest.mark.parametrize("when", ["breaks", "loses"])
@pytest.mark.parametrize("call", ["placed", "leftovers", "stage", "move away", "move in", "discard", "scan"])
@pytest.mark.parametrize("fault", [Transient("the disk is busy"), Permanent("no right"), Conflict("in the way")])
async def test_a_step_that_fails_leaves_a_copy_and_is_tried_again(call: str, when: str, fault: Exception):
    shop = await begun()
    wire = Wire()
    getattr(wire, when)[call].append(fault)
    await tick(shop.outside(wire))
    await shop.outside().shelf.placed("Nobody/Nothing")
    assert PLACE in shop.shelf.folders

    for _ in range(4):
        shop.clock.advance(hours=7)
        report = await tick(shop.outside())

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert formats(shop) == ["m4b"]
    assert list(shop.shelf.replaced.values()) == [OLD]


async def test_a_half_made_replacement_whose_torrent_is_gone_leaves_the_old_copy(shop: Stage):
    torrent = await downloaded(shop)
    wire = Wire()
    around = wire.call

    def dying(name: str):
        if name == "move in":
            wire.crash_in = 1
        return around(name)

    wire.call = dying  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await tick(shop.outside(wire))
    assert PLACE not in shop.shelf.folders
    shop.client.lose(torrent)
    shop.clock.advance(minutes=6)

    report = await ticks(shop)

    assert shop.shelf.folders == {PLACE: OLD}
    assert codes(report) == {OZMA.key: "InLibrary"}


async def test_a_half_made_replacement_of_a_book_nobody_wants_any_more_is_undone(shop: Stage):
    await downloaded(shop)
    shop.shelf.moving["kept"], shop.shelf.replaced["kept"] = PLACE, shop.shelf.folders.pop(PLACE)
    shop.want(TIK_TOK)

    await ticks(shop)

    assert shop.shelf.folders == {PLACE: OLD}


async def test_a_lost_store_leaves_the_book_in_the_library(shop: Stage):
    await downloaded(shop)
    await ticks(shop)
    shop.store = MemoryStore()

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "InLibrary"}
    assert len(shop.client.adds) == 1
