"""Whatever people and servers hand in: one clear sentence, the right exit code, and a world as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bencode2 import bencode
from command import Said, bibliostat
from conftest import FreshStore
from small_world import (
    AUTHOR,
    ROAD,
    SERIES,
    Clock,
    Content,
    SmallWorld,
    copy_book,
    in_place,
    offer_of,
    reach,
    settle,
)

from domain.world import Outcome
from reconcile.ports import Outside
from reconcile.tick import tick

FINE, ERROR, CHANGES, USAGE = 0, 1, 2, 64


# What people write


BROKEN = {
    "no-yaml.yaml": "kind: [",
    "tabs.yaml": "kind:\n\t- Series\n",
    "no-text.yaml": "\udcff\udcfe",
    "unknown-kind.yaml": "apiVersion: bibliostat/v1\nkind: Serie\nmetadata: {name: a, owner: home}\nspec: {}\n",
    "unknown-key.yaml": SERIES.replace("name: oz", "name: b").replace("author:", "autor:") + "    []\n",
    "positions.yaml": SERIES.replace("name: oz", "name: c")
    + "".join(f'    - {{position: "{text}", title: T}}\n' for text in ("-1", "9-1", "1e999", "one", "9" * 30)),
    "bomb.yaml": "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdef", "bcdefg",
                                                                                                    strict=True)),
}  # fmt: skip


def test_every_mistake_in_what_is_declared_is_named_with_its_place(tmp_path: Path) -> None:
    for name, text in BROKEN.items():
        (tmp_path / name).write_text(text, errors="surrogateescape")

    said = bibliostat({}, "validate", tmp_path)

    assert said.code == ERROR
    for name in BROKEN:
        assert f"{name}:" in said.out, f"nothing is said about {name}"
    assert "did you mean `author`" in said.out
    assert "did you mean `Series`" in said.out
    for text in ("-1", "9-1", "1e999", "one"):
        assert f"`{text}` is not a position" in said.out


@pytest.mark.parametrize(
    ("declared", "sentence"), [("kind: [", "this is not YAML"), (None, "No such file or directory")]
)
def test_declarations_that_cannot_be_read_do_nothing(
    declared: str | None, sentence: str, world: SmallWorld, tmp_path: Path
) -> None:
    wanted = tmp_path / "elsewhere"
    if declared is not None:
        wanted.write_text(declared)
    before = world.snapshot()

    said = bibliostat({**world.environment(tmp_path / "data"), "BIBLIOSTAT_WANTED": str(wanted)}, "tick")

    assert "DeclarationsBroken" in said.out
    assert sentence in said.out
    assert world.snapshot() == before
    assert not world.indexer.requests
    assert wanted.exists() is (declared is not None)


@pytest.mark.parametrize("command", ["tick", "plan"])
def test_declarations_that_cannot_be_read_are_an_error(command: str, world: SmallWorld, tmp_path: Path) -> None:
    missing = {**world.environment(tmp_path / "data"), "BIBLIOSTAT_WANTED": str(tmp_path / "elsewhere")}

    assert bibliostat(missing, command).code == ERROR


@pytest.mark.parametrize(
    "arguments", [("tik",), ("apply", "/nowhere.json"), ("plan", "--ot", "x"), ("override", "snooze", "*")]
)
def test_wrong_usage_ends_with_64_and_says_what_is_wrong(arguments: tuple[str, ...], tmp_path: Path) -> None:
    said = bibliostat({"BIBLIOSTAT_DATA_DIR": str(tmp_path / "data")}, *arguments, cwd=tmp_path)

    assert said.code == USAGE
    assert "Error: " in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_refused_once_the_world_has_moved_on(world: SmallWorld, content: Content, tmp_path: Path) -> None:
    environment = world.environment(tmp_path / "data")
    made = bibliostat(environment, "plan", "--out", tmp_path / "plan.json")
    copy_book(content, ROAD, world.library / ROAD.folder)
    world.shelf.world.scan()
    before = world.snapshot()

    said = bibliostat(environment, "apply", tmp_path / "plan.json")

    assert made.code == CHANGES
    assert said.code == ERROR
    assert one_sentence(said).startswith("StalePlan: ")
    assert world.snapshot() == before
    assert not world.indexer.requests


# How the systems are reached


def test_a_wrong_key_of_the_library_is_named_and_never_shown(world: SmallWorld, tmp_path: Path) -> None:
    environment = world.environment(tmp_path / "data") | {"BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": "the-wrong-key"}
    before = world.snapshot()

    said = bibliostat(environment, "tick")

    assert said.code == ERROR
    assert "does not accept the API key" in said.out
    assert "the-wrong-key" not in said.out + said.err
    assert world.snapshot() == before
    assert not world.indexer.requests


def test_a_wrong_password_of_the_client_is_tried_once_by_however_many_processes(
    world: SmallWorld, tmp_path: Path
) -> None:
    right = world.environment(tmp_path / "data")
    wrong = right | {"BIBLIOSTAT_QBITTORRENT_PASSWORD": "the-wrong-password"}

    first, second = bibliostat(wrong, "tick"), bibliostat(wrong, "tick")

    for said in (first, second):
        assert said.code == ERROR
        assert "refused the login: check user name and password" in " ".join(said.out.split())
        assert "the-wrong-password" not in said.out + said.err
    assert world.logins == 1
    assert not world.indexer.requests
    assert world.adds == 0
    assert bibliostat(right, "plan").code == CHANGES, "the right password has to wait for the wrong one's back-off"


def test_a_library_folder_that_does_not_exist_is_not_made(world: SmallWorld, tmp_path: Path) -> None:
    world.declare(ROAD)
    nowhere = tmp_path / "not mounted"
    before = world.shelves()

    said = bibliostat(world.environment(tmp_path / "data") | {"BIBLIOSTAT_PATH_LIBRARY": str(nowhere)}, "doctor")

    assert said.code == ERROR
    assert f"{nowhere}: No such file or directory" in " ".join(said.out.split())
    assert not nowhere.exists()
    assert world.shelves() == before


async def test_nothing_is_published_into_a_library_folder_that_is_gone(world: SmallWorld, sqlite: FreshStore) -> None:
    """And once its disk is back everything goes on."""
    world.declare(ROAD)
    away = world.library.with_name("away")
    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        world.library.rename(away)
        await keep_ticking(outside, ticks=4)
        assert not world.library.exists()
        away.rename(world.library)

        await settle(outside)

    in_place(world, ROAD)


async def test_nothing_is_grabbed_for_a_library_folder_that_is_gone(world: SmallWorld, sqlite: FreshStore) -> None:
    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        world.library.rename(world.library.with_name("away"))
        await keep_ticking(outside, ticks=2)

    assert world.adds == 0


# What an indexer sends


def torrent(*files: tuple[str, ...], name: str = ROAD.title, size_bytes: int = 240_000) -> bytes:
    """A torrent that names these files, each given by the parts of its path. Nobody has what it promises."""
    listed = [{b"length": size_bytes, b"path": [part.encode() for part in file]} for file in files]
    info = {b"name": name.encode(), b"piece length": 1 << 16, b"pieces": bytes(20 * 8), b"files": listed}
    return bencode({b"info": info})


HOSTILE = {
    "leads out of its folder": torrent(("..", "..", "evil.mp3")),
    "has an absolute path": torrent(("/etc/cron.d/evil.mp3",)),
    "is called out of its folder": torrent(("01.mp3",), name="../../evil"),
    "is called by an absolute path": torrent(("01.mp3",), name="/etc/evil"),
    "holds a zero byte": torrent(("a\0b.mp3",)),
    "lists 50,000 files": torrent(*[(f"{number}.mp3",) for number in range(50_000)], size_bytes=10),
    "brings a program": torrent(("01.mp3",), ("setup.exe",)),
}


async def test_no_hostile_torrent_reaches_the_client_and_the_right_one_does(
    world: SmallWorld, content: Content, sqlite: FreshStore
) -> None:
    world.declare(ROAD)
    raise_budget(world)
    world.offers[:] = [
        offer_of(ROAD, content.seeds, guid=f"hostile-{number}", torrent=bad, seeders=500)
        for number, bad in enumerate(HOSTILE.values())
    ] + [offer_of(ROAD, content.seeds, seeders=1)]

    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        await settle(outside)
        claims = await outside.store.claims()

    refused = [claim for claim in claims if claim.outcome is Outcome.REFUSED]
    assert len(refused) == len(HOSTILE)
    assert all(claim.detail for claim in refused)
    in_place(world, ROAD)


async def test_a_release_whose_torrent_is_rubbish_does_not_keep_the_right_one_from_its_turn(
    world: SmallWorld, content: Content, sqlite: FreshStore
) -> None:
    world.declare(ROAD)
    rubbish = offer_of(ROAD, content.seeds, guid="rubbish", torrent=b"\x00 no torrent at all", seeders=500)
    world.offers[:] = [rubbish, offer_of(ROAD, content.seeds, seeders=1)]

    async with reach(world.addresses(await sqlite()), Clock()) as outside:
        for _ in range(8):
            await keep_ticking(outside, ticks=3)
            clock = outside.clock
            assert isinstance(clock, Clock)
            clock.advance(7 * 3600.0)

    in_place(world, ROAD)


ODD_TITLES = (
    f"{ROAD.title} by {AUTHOR} " + "very " * 2000 + "long",
    f"<script>alert('{ROAD.title}')</script> <img src=x onerror=alert(1)> by {AUTHOR} [ENG / MP3]",
    f"{ROAD.title} [bold red] by {AUTHOR} [/] \x1b]0;owned\x07 \x1b[2J \u202e3PM",
)


async def test_odd_titles_are_refused_and_shown_as_plain_text(
    world: SmallWorld, content: Content, tmp_path: Path, sqlite: FreshStore
) -> None:
    world.declare(ROAD)
    # XML itself knows no control characters, so the escape ones never get as far as that.
    titles = ["".join(letter for letter in title if letter.isprintable() or letter == " ") for title in ODD_TITLES]
    world.offers[:] = [
        offer_of(ROAD, content.seeds, guid=f"odd-{number}", title=title) for number, title in enumerate(titles)
    ]
    database = await sqlite()
    async with reach(world.addresses(database), Clock()) as outside:
        await settle(outside)
    assert world.adds == 0

    environment = world.environment(tmp_path / "data") | {"BIBLIOSTAT_DATABASE_URL": database}
    said = bibliostat(environment, "why", ROAD.title)

    assert said.code == FINE
    assert "3 releases seen" in said.out
    assert "\x1b" not in said.out
    assert "<script>" not in said.out
    assert "[bold red]" in said.out


# Helpers


def one_sentence(said: Said) -> str:
    """All that was complained about."""
    [line] = said.err.strip().splitlines()
    return line


def raise_budget(world: SmallWorld) -> None:
    file = world.wanted / "oz.yaml"
    file.write_text(file.read_text().replace("grabs_per_tick: 5", "grabs_per_tick: 10, grabs_per_hour: 50"))


async def keep_ticking(outside: Outside, *, ticks: int) -> None:
    """So many ticks, each at the moment that the last one named; whatever comes of it."""
    clock = outside.clock
    assert isinstance(clock, Clock)
    for _ in range(ticks):
        report = await tick(outside)
        await asyncio.sleep(0.1)
        clock.advance(max(1.0, (report.wake_at - clock.now()).total_seconds()))
