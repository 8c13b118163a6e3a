"""The database is lost, or an old one comes back, in the middle of it all: the world itself says where we were."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FreshStore
from small_world import EMERALD, MISSING, ROAD, Content, SmallWorld, downloaded, in_place, reach, settle

from domain.actions import Hold
from reconcile.ports import Outside
from reconcile.tick import tick


@pytest.fixture
def slow_world(tmp_path: Path, content: Content) -> Iterator[SmallWorld]:
    """Its downloads take long enough for something to happen meanwhile."""
    with SmallWorld(tmp_path / "world", content, download_seconds=1.5) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_store(request: pytest.FixtureRequest) -> FreshStore:
    made: FreshStore = request.getfixturevalue(request.param)
    return made


async def test_a_database_lost_in_the_middle_of_a_download_changes_nothing(
    slow_world: SmallWorld, fresh_store: FreshStore
) -> None:
    async with reach(slow_world.addresses(await fresh_store())) as outside:
        await _begin(outside)

    async with reach(slow_world.addresses(await fresh_store())) as outside:
        await settle(outside)

    in_place(slow_world, *MISSING)


async def test_a_database_lost_while_downloads_are_complete_and_nothing_is_published_changes_nothing(
    slow_world: SmallWorld, sqlite: FreshStore
) -> None:
    async with reach(slow_world.addresses(await sqlite())) as outside:
        await _begin(outside)
    await downloaded(slow_world)

    async with reach(slow_world.addresses(await sqlite())) as outside:
        await settle(outside)

    in_place(slow_world, *MISSING)


async def test_a_database_lost_after_everything_was_done_only_enters_our_torrents_in_the_new_one(
    world: SmallWorld, sqlite: FreshStore
) -> None:
    async with reach(world.addresses(await sqlite())) as outside:
        await settle(outside)
    before = world.snapshot()

    async with reach(world.addresses(await sqlite())) as outside:
        report = await settle(outside)

    assert set(report.run.counts) <= {"adopt"}
    assert world.snapshot() == before


async def test_a_backup_from_before_the_grab_does_not_grab_again(slow_world: SmallWorld, tmp_path: Path,
                                                                 sqlite: FreshStore) -> None:  # fmt: skip
    database = await sqlite()
    slow_world.declare()
    async with reach(slow_world.addresses(database)) as outside:
        await settle(outside)
    backup = shutil.copy(database.removeprefix("sqlite:///"), tmp_path / "backup.db")
    slow_world.declare(ROAD)
    async with reach(slow_world.addresses(database)) as outside:
        await _begin(outside)

    async with reach(slow_world.addresses(f"sqlite:///{backup}")) as outside:
        await settle(outside)

    in_place(slow_world, ROAD)


async def test_without_a_database_and_without_consent_only_what_was_begun_goes_on(
    slow_world: SmallWorld, sqlite: FreshStore
) -> None:
    """`bootstrap: ask`: a lost store looks like a first run, and that waits for a person; our own torrents do not."""
    slow_world.declare(ROAD)
    async with reach(slow_world.addresses(await sqlite())) as outside:
        await _begin(outside)
    slow_world.declare(*MISSING)
    declared = slow_world.wanted / "oz.yaml"
    declared.write_text(declared.read_text().replace("bootstrap: apply", "bootstrap: ask"))

    async with reach(slow_world.addresses(await sqlite())) as outside:
        report = await settle(outside)

    assert report.plan is not None
    in_place(slow_world, ROAD)
    decisions = {one.want: one.because.code for one in report.plan.decisions}
    assert decisions[EMERALD.key] == "FirstRun"


async def _begin(outside: Outside) -> None:
    """Everything that is wanted is being downloaded."""
    report = await tick(outside)
    assert report.plan is not None
    moving = [one for one in report.plan.decisions if isinstance(one, Hold) and one.because.code == "Downloading"]
    assert moving
