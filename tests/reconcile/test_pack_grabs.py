"""One torrent for several books of a series: only as far as its files prove each, and whatever is interrupted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from fakes import APPLY, BAUM, Crash, MemoryStore, Stage, Wire, oz, replace

from domain.errors import Ambiguous, Transient
from domain.manifest import Budgets, Duties, ProfileSpec
from domain.releases import TorrentFile
from domain.world import Outcome, TorrentState
from reconcile.tick import Report, tick

LAND, OZMA, TIK_TOK = oz("The Marvelous Land of Oz", 2), oz("Ozma of Oz", 3), oz("Tik-Tok of Oz", 8)
PACK = f"{BAUM} - Oz 1-14 (Unabridged) [M4B]"


@pytest.fixture(params=["sqlite", "memory"])
async def shop(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """Packs are allowed, and two books of the series are wanted. Over the real store and over the fake one."""
    made = stage if request.param == "sqlite" else Stage(MemoryStore())
    made.profile = ProfileSpec(packs=True)
    made.want(OZMA, TIK_TOK)
    return made


async def ticks(stage: Stage, times: int = 3) -> Report:
    for _ in range(times):
        report = await tick(stage.outside())
        stage.clock.advance(minutes=1)
    return report


def codes(report: Report) -> dict[str, str]:
    assert report.plan is not None
    return {one.want: one.because.code for one in report.plan.decisions}


Begin = Callable[[], Awaitable[tuple[Stage, str]]]


def dying(moment: int) -> Wire:
    wire = Wire()
    wire.crash_in = moment
    return wire


# --- taking a pack ---------------------------------------------------------------------------------------------------


async def test_a_pack_brings_both_books_each_into_a_folder_of_its_own(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)

    assert shop.client.adds == [payload.id]
    assert set(shop.client.torrents[payload.id].tags) == {f"want:{OZMA.key}", f"want:{TIK_TOK.key}"}
    assert await shop.claims() == [(OZMA.key, Outcome.SENT), (TIK_TOK.key, Outcome.SENT)]
    shop.client.finish(payload.id)
    report = await ticks(shop)

    assert set(codes(report).values()) == {"InLibrary"}
    assert {path: [file.path for file in files] for path, files in shop.shelf.folders.items()} == {
        f"{BAUM}/Oz/03 - Ozma of Oz": ["3 - Ozma of Oz.m4b"],
        f"{BAUM}/Oz/08 - Tik-Tok of Oz": ["8 - Tik-Tok of Oz.m4b"],
    }


async def test_while_it_downloads_both_are_on_their_way_and_it_is_fetched_once(shop: Stage):
    shop.offer_pack(PACK, OZMA, TIK_TOK)

    report = await ticks(shop, 5)

    assert set(codes(report).values()) == {"Downloading"}
    assert len(shop.indexer.fetched) == len(shop.client.adds) == 1


async def test_no_pack_is_taken_where_the_profile_does_not_allow_it(shop: Stage):
    shop.profile = ProfileSpec()
    shop.want(OZMA, TIK_TOK)
    shop.offer_pack(PACK, OZMA, TIK_TOK)

    await ticks(shop)

    assert shop.indexer.fetched == []


async def test_one_gap_is_not_enough_for_a_pack(shop: Stage):
    shop.want(OZMA, TIK_TOK)
    shop.library.own(TIK_TOK)
    shop.offer_pack(PACK, OZMA, TIK_TOK)

    await ticks(shop)

    assert shop.indexer.fetched == []


async def test_a_release_of_its_own_goes_before_a_pack(shop: Stage):
    shop.offer_pack(PACK, OZMA, TIK_TOK)
    shop.offer(OZMA)

    await ticks(shop)

    assert [shop.client.payloads[one].name for one in shop.client.adds] == ["Ozma of Oz"]


async def test_a_pack_waits_until_every_book_it_covers_was_searched_for(shop: Stage):
    budget = Budgets(searches_per_tick=2)
    shop.want(LAND, OZMA, TIK_TOK, policy=replace(APPLY, budgets=budget))
    _, payload = shop.offer_pack(PACK, LAND, OZMA, TIK_TOK)

    first = await ticks(shop, 1)
    assert shop.client.adds == []
    assert sorted(codes(first).values()) == ["NothingRightOffered", "NothingRightOffered", "SearchQueued"]
    await ticks(shop, 1)

    assert shop.client.adds == [payload.id]
    assert len(await shop.claims()) == 3


async def test_a_range_that_leaves_a_book_out_does_not_serve_it(shop: Stage):
    shop.want(LAND, OZMA, TIK_TOK)
    shop.offer_pack(f"{BAUM} - Oz 1-3 (Unabridged) [M4B]", LAND, OZMA)

    report = await ticks(shop)

    assert codes(report)[TIK_TOK.key] == "NothingRightOffered"
    assert sorted(want for want, _ in await shop.claims()) == sorted((LAND.key, OZMA.key))


# --- proof by the files ----------------------------------------------------------------------------------------------


async def test_a_pack_whose_files_prove_one_book_only_is_refused_for_all_and_not_fetched_again(shop: Stage):
    shop.offer_pack(PACK, OZMA)

    report = await ticks(shop, 4)

    assert shop.client.adds == []
    assert len(shop.indexer.fetched) == 1
    assert dict(await shop.claims()) == {OZMA.key: Outcome.REFUSED, TIK_TOK.key: Outcome.REFUSED}
    assert set(codes(report).values()) <= {"NothingRightOffered", "NeedsYou"}
    assert {one.reason for one in await shop.store.failures()} == {"PackUnproven"}


async def test_the_next_best_pack_has_its_turn(shop: Stage):
    shop.offer_pack(PACK, OZMA, seeders=90)
    _, second = shop.offer_pack(f"{BAUM} - Oz Books 1-14 (Unabridged) [M4B]", OZMA, TIK_TOK, infohash="b" * 40)

    await ticks(shop)

    assert shop.client.adds == [second.id]


@pytest.mark.parametrize("unproven", [LAND, TIK_TOK], ids=["the leading one", "another one"])
async def test_a_book_that_the_files_do_not_prove_is_left_out(shop: Stage, unproven):
    wanted = (LAND, OZMA, TIK_TOK)
    shop.want(*wanted)
    proven = [one for one in wanted if one is not unproven]
    _, payload = shop.offer_pack(PACK, *proven)

    await ticks(shop)
    shop.client.finish(payload.id)
    report = await ticks(shop)

    assert dict(await shop.claims())[unproven.key] is Outcome.REFUSED
    assert set(shop.client.torrents[payload.id].tags) == {f"want:{one.key}" for one in proven}
    assert {one.key for one in proven} == {want for want, code in codes(report).items() if code == "InLibrary"}
    assert len(shop.shelf.folders) == 2


@pytest.mark.parametrize("harm", ["Oz/setup.exe", "Oz/all.rar"])
async def test_a_pack_with_anything_harmful_in_it_is_refused_as_a_whole(shop: Stage, harm):
    shop.offer_pack(PACK, OZMA, TIK_TOK, files=[harm])

    await ticks(shop)

    assert shop.client.adds == []


async def test_a_magnet_proves_nothing_of_a_pack(shop: Stage):
    release, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    shop.indexer.offer(release, replace(payload, files=None, content=None, magnet="magnet:?xt=urn:btih:x"))

    await ticks(shop)

    assert shop.client.adds == []
    assert {outcome for _, outcome in await shop.claims()} == {Outcome.REFUSED}


async def test_no_pack_is_taken_where_the_library_holds_the_downloads_themselves(shop: Stage):
    shop.shelf.separate = False
    shop.offer_pack(PACK, OZMA, TIK_TOK)

    await ticks(shop)

    assert shop.client.adds == []


# --- the budget, the duty, the other wants ---------------------------------------------------------------------------


async def test_a_pack_counts_as_one_grab(shop: Stage):
    other = oz("Glinda of Oz", 14)
    budget = Budgets(grabs_per_hour=2, grabs_per_day=2, grabs_per_day_and_indexer=2)
    shop.want(OZMA, TIK_TOK, other, policy=replace(APPLY, budgets=budget))
    _, pack = shop.offer_pack(f"{BAUM} - Oz 1-8 (Unabridged) [M4B]", OZMA, TIK_TOK)
    await ticks(shop)
    assert shop.client.adds == [pack.id]

    shop.offer(other)
    await shop.store.request(other.key, at=shop.clock.now())
    await ticks(shop)

    assert len(shop.client.adds) == 2


async def test_a_pack_stays_tagged_until_no_want_needs_it(shop: Stage):
    shop.want(OZMA, TIK_TOK, policy=replace(APPLY, duties=Duties(seed_hours=1.0)))
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.client.finish(payload.id)
    path = "Oz/8 - Tik-Tok of Oz.m4b"
    good = shop.shelf.recordings[path]
    shop.shelf.recordings[path] = replace(good, tags={"album": "Rinkitink in Oz", "artist": "Somebody Else"})
    shop.clock.advance(hours=2)
    assert codes(await ticks(shop)) == {OZMA.key: "InLibrary", TIK_TOK.key: "ProofFailed"}
    assert shop.client.torrents[payload.id].tags

    shop.shelf.recordings[path] = good
    await say(shop, "retry", TIK_TOK.key)
    assert set(codes(await ticks(shop)).values()) == {"InLibrary"}

    assert shop.client.torrents[payload.id].tags == ()


async def say(stage: Stage, verb: str, target: str) -> int:
    now = stage.clock.now()
    said = await stage.store.add_override(target=target, verb=verb, value="", why="", who="sam", at=now, until=None)
    stage.clock.advance(seconds=1)
    return said.id


async def test_a_block_for_the_part_of_one_want_leaves_the_others_theirs(shop: Stage):
    release, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.client.finish(payload.id)
    bad = "Oz/8 - Tik-Tok of Oz.m4b"
    shop.shelf.recordings[bad] = replace(shop.shelf.recordings[bad], tags={"album": "Rinkitink in Oz"})
    held = await say(shop, "hold", OZMA.key)
    assert codes(await ticks(shop)) == {OZMA.key: "HeldByPerson", TIK_TOK.key: "ProofFailed"}

    await shop.store.block(release=release.id, infohash=None, title="", why="wrong book", at=shop.clock.now())
    await shop.store.remove_override(held)
    await ticks(shop)

    assert dict(await shop.claims()) == {OZMA.key: Outcome.SENT, TIK_TOK.key: Outcome.ABANDONED}
    assert list(shop.shelf.folders) == [f"{BAUM}/Oz/03 - Ozma of Oz"]


async def test_a_block_of_a_pack_that_refused_nobody_ends_it_for_all(shop: Stage):
    release, _ = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    await shop.store.block(release=release.id, infohash=None, title="", why="", at=shop.clock.now())
    await ticks(shop)

    assert {outcome for _, outcome in await shop.claims()} == {Outcome.ABANDONED}


async def test_who_is_forced_through_the_proof_takes_nobody_else_with_it(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.client.finish(payload.id)
    for path, audio in shop.shelf.recordings.items():
        shop.shelf.recordings[path] = replace(audio, tags={"album": "Rinkitink in Oz"})
    assert set(codes(await ticks(shop)).values()) == {"ProofFailed"}

    await say(shop, "force", OZMA.key)

    assert codes(await ticks(shop)) == {OZMA.key: "InLibrary", TIK_TOK.key: "ProofFailed"}
    assert list(shop.shelf.folders) == [f"{BAUM}/Oz/03 - Ozma of Oz"]


async def test_what_was_refused_to_one_want_is_not_forced_on_another(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.client.finish(payload.id)
    for path, audio in shop.shelf.recordings.items():
        shop.shelf.recordings[path] = replace(audio, tags={"album": "Rinkitink in Oz"})
    held = await say(shop, "hold", TIK_TOK.key)
    await ticks(shop)
    await say(shop, "force", TIK_TOK.key)
    await shop.store.remove_override(held)

    report = await ticks(shop)

    assert set(codes(report).values()) == {"ProofFailed"}
    assert shop.shelf.folders == {}


async def test_a_want_that_left_does_not_take_the_others_part(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.want(OZMA)
    shop.client.finish(payload.id)

    await ticks(shop)

    assert list(shop.shelf.folders) == [f"{BAUM}/Oz/03 - Ozma of Oz"]
    assert [file.path for file in shop.shelf.folders[f"{BAUM}/Oz/03 - Ozma of Oz"]] == ["3 - Ozma of Oz.m4b"]


async def test_a_pack_that_stalls_is_started_again_once_for_all_of_its_wants(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.client.change(payload.id, state=TorrentState.ERROR)
    wire = Wire()
    await tick(shop.outside(wire))

    assert wire.calls.count("start") == 1


# --- interruptions ---------------------------------------------------------------------------------------------------


async def wanting_both() -> tuple[Stage, str]:
    """Two books that only a pack offers; its torrent."""
    shop = Stage(MemoryStore())
    shop.profile = ProfileSpec(packs=True)
    shop.want(OZMA, TIK_TOK)
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    return shop, payload.id


async def finished() -> tuple[Stage, str]:
    shop, torrent = await wanting_both()
    await ticks(shop)
    shop.client.finish(torrent)
    return shop, torrent


async def moments(begin: Begin) -> range:
    """The moments of one tick from the first claim on: before and after every call."""
    shop, _ = await begin()
    wire = Wire()
    await tick(shop.outside(wire))
    return range(2 * wire.calls.index("claim") + 1, 2 * len(wire.calls) + 1)


async def test_wherever_a_grab_dies_both_books_come_and_nothing_is_added_twice():
    for moment in await moments(wanting_both):
        shop, torrent = await wanting_both()
        with pytest.raises(Crash):
            await tick(shop.outside(dying(moment)))
        for _ in range(6):
            shop.clock.advance(minutes=12)
            await tick(shop.outside())
        shop.client.finish(torrent)
        report = await ticks(shop, 4)

        assert shop.client.adds == [torrent], moment
        assert set(codes(report).values()) == {"InLibrary"}, moment
        assert len(shop.shelf.folders) == len(shop.library.items) == 2, moment


async def test_wherever_a_publication_dies_each_book_stands_once():
    for moment in await moments(finished):
        shop, _ = await finished()
        with pytest.raises(Crash):
            await tick(shop.outside(dying(moment)))
        shop.clock.advance(minutes=6)
        report = await ticks(shop, 4)

        assert set(codes(report).values()) == {"InLibrary"}, moment
        assert sorted(shop.shelf.folders) == [f"{BAUM}/Oz/03 - Ozma of Oz", f"{BAUM}/Oz/08 - Tik-Tok of Oz"], moment
        assert len(shop.library.items) == 2, moment
        assert shop.shelf.staged == {}, moment


@pytest.mark.parametrize("when", ["breaks", "loses"])
@pytest.mark.parametrize("call", ["fetch", "find", "add", "claim", "note", "settle"])
@pytest.mark.parametrize("fault", [Transient("not now"), Ambiguous("no answer came")])
async def test_a_call_that_fails_once_costs_time_and_nothing_else(call: str, when: str, fault: Exception):
    shop, torrent = await wanting_both()
    wire = Wire()
    getattr(wire, when)[call].append(fault)
    await tick(shop.outside(wire))

    for _ in range(6):
        shop.clock.advance(hours=7)
        await tick(shop.outside())
    shop.client.finish(torrent)
    report = await ticks(shop, 4)

    assert shop.client.adds == [torrent]
    assert set(codes(report).values()) == {"InLibrary"}


async def test_a_lost_store_is_recovered_from_the_tags(shop: Stage):
    _, payload = shop.offer_pack(PACK, OZMA, TIK_TOK)
    await ticks(shop)
    shop.store = MemoryStore()
    shop.client.finish(payload.id)

    report = await ticks(shop)

    assert set(codes(report).values()) == {"InLibrary"}
    assert shop.client.adds == [payload.id]
    assert len(shop.shelf.folders) == 2


async def test_a_torrent_of_another_want_is_no_pack_for_these(shop: Stage):
    third = oz("Glinda of Oz", 14)
    shop.want(third)
    shop.offer(third, infohash="c" * 40)
    await ticks(shop)
    shop.want(OZMA, TIK_TOK, third)
    shop.offer_pack(PACK, OZMA, TIK_TOK, infohash="c" * 40)

    await ticks(shop)

    assert shop.client.adds == ["c" * 40]
    assert set(shop.client.torrents["c" * 40].tags) == {f"want:{third.key}"}


# --- parts of one book -----------------------------------------------------------------------------------------------


def in_parts(stage: Stage, *paths: str) -> str:
    """Ozma of Oz as a torrent of these files; its id."""
    release = stage.offer(OZMA)
    _, payload = stage.indexer.offers[release.id]
    audio = next(iter(stage.shelf.recordings.values()))
    for path in paths:
        stage.shelf.recordings[path] = replace(audio, path=path, size_bytes=150_000_000, duration_s=10_800.0)
    files = tuple(TorrentFile(path=path, size_bytes=150_000_000) for path in paths)
    stage.indexer.offer(release, replace(payload, files=files))
    return payload.id


async def test_a_book_in_parts_is_published_as_one_item_with_its_parts_in_order(shop: Stage):
    shop.want(OZMA)
    torrent = in_parts(shop, "O/Ozma of Oz Part Two/a.m4b", "O/Ozma of Oz Part One/b.m4b")
    await ticks(shop)
    shop.client.finish(torrent)
    await ticks(shop)

    [files] = shop.shelf.folders.values()
    assert len(shop.library.items) == 1
    assert ["b.m4b" in file.path for file in sorted(files, key=lambda file: file.path)] == [True, False]


@pytest.mark.parametrize(
    "paths",
    [
        ("O/Ozma of Oz (Part 1 of 2).m4b",),
        ("O/Ozma of Oz CD1/a.m4b", "O/Ozma of Oz CD3/a.m4b"),
        ("O/01 - a.m4b", "O/02 - b.m4b", "O/04 - c.m4b"),
    ],
)
async def test_a_file_list_with_parts_missing_is_refused_before_it_is_added(shop: Stage, paths):
    shop.want(OZMA)
    in_parts(shop, *paths)

    await ticks(shop)

    assert shop.client.adds == []
    assert [one.reason for one in await shop.store.failures(OZMA.key)] == ["PartsMissing"]


async def test_parts_that_a_magnet_hid_are_seen_before_publishing(shop: Stage):
    shop.want(OZMA)
    torrent = in_parts(shop, "O/Ozma of Oz (Part 1 of 2).m4b")
    [(release, payload)] = shop.indexer.offers.values()
    shop.indexer.offer(release, replace(payload, files=None))
    await ticks(shop)
    shop.client.payloads[torrent] = payload
    shop.client.finish(torrent)

    report = await ticks(shop)

    assert codes(report) == {OZMA.key: "ProofFailed"}
    assert shop.shelf.folders == {}


async def test_the_staging_of_an_earlier_process_is_cleared_away(shop: Stage):
    shop.want(OZMA)
    shop.offer(OZMA)
    await ticks(shop)
    [torrent] = shop.client.adds
    shop.client.finish(torrent)
    shop.shelf.staged[f"{torrent}-7-0"] = ()
    shop.shelf.staged[torrent] = ()

    await ticks(shop)

    assert shop.shelf.staged == {}
