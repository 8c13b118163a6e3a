"""The schema comes from migrations alone, and is the same as what the code believes in."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from adapters.store import Store, migrate, migrations, open_store
from adapters.store.tables import metadata
from domain.catalogue.books import EditVerb
from domain.errors import Permanent
from domain.world import Item

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


def upgrade_to(revision: str) -> Callable[[Connection], None]:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return upgrade


def content(connection: Connection) -> dict[str, tuple[object, ...]]:
    """Columns, constraints, indexes and rows of every table."""
    inspector = inspect(connection)
    return {
        table: (
            [{name: str(value) for name, value in column.items()} for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            inspector.get_unique_constraints(table),
            inspector.get_check_constraints(table),
            [(index["name"], index["column_names"], index["unique"]) for index in inspector.get_indexes(table)],
            sorted(map(str, connection.execute(text(f"SELECT * FROM {table}")))),
        )
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


async def fill_first_tables(store: Store) -> None:
    epoch = await store.acquire_lease("tick", "one", now=NOW, ttl_s=60)
    assert epoch is not None
    await store.claim("grab", want="oz-8", release="r1", attempt=1, epoch=epoch, now=NOW)
    await store.save_items([Item(id="li_1", library_id="lib", path="/b", rel_path="b", title="Tik-Tok of Oz")])
    await store.approve("d1", who="dorothy", at=NOW)
    await store.record_event(subject="oz-8", reason="Grabbed", message="", at=NOW)


async def test_migrating_from_empty_makes_exactly_the_tables_of_the_code(empty_url):
    await migrate(empty_url)

    async with open_store(empty_url) as store, store.reading() as connection:
        assert await connection.run_sync(differences) == []
        assert ("claims", "one_live_grab_per_want", True) in await connection.run_sync(indexes)


async def test_the_catalogue_is_added_beside_what_the_first_version_kept(empty_url):
    async with open_store(empty_url) as store:
        async with store.writing() as connection:
            await connection.run_sync(upgrade_to("0001"))
        await fill_first_tables(store)
        async with store.reading() as connection:
            before = await connection.run_sync(content)

    await migrate(empty_url)

    async with open_store(empty_url) as store:
        async with store.reading() as connection:
            after = await connection.run_sync(content)
            assert await connection.run_sync(differences) == []
        assert before.keys() < after.keys()
        assert {table: after[table] for table in before} == before
        assert await store.catalogued() == {}
        edit = await store.add_edit(EditVerb.EXCLUDE, book="book:a", at=NOW)
        assert await store.edits() == (edit,)


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
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0003",)]
    connection.close()
