"""The schema comes from migrations alone, and is the same as what the code believes in."""

import asyncio
import sqlite3
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from adapters.store import migrate, open_store
from adapters.store.tables import metadata
from domain.errors import Permanent

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """The address of a database without tables; on each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'bibliostat.db'}"
    return request.getfixturevalue("postgres_url")


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def indexes(connection: Connection) -> set[tuple[str, str | None, bool]]:
    inspector = inspect(connection)
    return {
        (table, index["name"], bool(index["unique"]))
        for table in metadata.tables
        for index in inspector.get_indexes(table)
    }


async def test_migrating_from_empty_makes_exactly_the_tables_of_the_code(empty_url):
    await migrate(empty_url)

    async with open_store(empty_url) as store, store.reading() as connection:
        assert await connection.run_sync(differences) == []
        assert ("claims", "one_live_grab_per_want", True) in await connection.run_sync(indexes)


async def test_migrating_again_changes_nothing(empty_url):
    await migrate(empty_url)
    async with open_store(empty_url) as store:
        await store.approve("d1", who="dorothy", at=NOW)

        await migrate(empty_url)

        assert await store.approved() == {"d1"}


async def test_processes_that_start_together_migrate_once(empty_url):
    await asyncio.gather(*(migrate(empty_url) for _ in range(8)))

    async with open_store(empty_url) as store:
        assert await store.claims() == ()


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(empty_url):
    await migrate(empty_url)
    async with open_store(empty_url) as store, store.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Permanent) as refused:
        await migrate(empty_url)

    assert refused.value.code == "DatabaseNewer"
    assert "9999" in refused.value.message
    async with open_store(empty_url) as store, store.reading() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_a_store_that_was_never_migrated_says_what_to_do(empty_url):
    async with open_store(empty_url) as store:
        with pytest.raises(Permanent) as refused:
            await store.claims()

    assert refused.value.code == "DatabaseOlder"
    assert "bibliostat db upgrade" in refused.value.message


async def test_a_migration_that_breaks_leaves_nothing_behind(empty_url, monkeypatch):
    def breaks(*_: object) -> None:
        raise RuntimeError("no power")

    monkeypatch.setattr("alembic.op.create_index", breaks)
    with pytest.raises(RuntimeError, match="no power"):
        await migrate(empty_url)
    monkeypatch.undo()

    async with open_store(empty_url) as store, store.reading() as connection:
        assert await connection.run_sync(lambda opened: inspect(opened).get_table_names()) == []
    await migrate(empty_url)


async def test_sqlite_is_set_up_to_keep_what_was_committed(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    await migrate(url)

    async with open_store(url, timeout_s=3) as store, store.reading() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        settings = {name: await connection.scalar(text(f"PRAGMA {name}")) for name in asked}

    full = 2
    assert settings == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 3000}


async def test_a_path_with_odd_characters_is_migrated(tmp_path):
    folder = tmp_path / "100% Bücher & more"
    folder.mkdir()

    await migrate(f"sqlite:///{folder / 'store.db'}")

    connection = sqlite3.connect(folder / "store.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    connection.close()
