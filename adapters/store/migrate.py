"""Bring a database to this version's schema. Works from installed code, without an ini file."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy import text as sql

from adapters.store.database import Database
from domain.errors import Permanent

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x62_69_62_6C  # any number that only migrations lock: "bibl"


async def migrate(url: str, *, timeout_s: float = 10.0) -> None:
    """Upgrade to the newest revision, in one transaction. Two processes that start together wait for each other.

    `Permanent` (`DatabaseNewer`) when a newer version has been here, which may rely on what we do not know.
    """
    database = await Database.open(url, timeout_s=timeout_s)
    try:
        async with database.writing() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(sql("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade, database.where)
    finally:
        await database.close()


def _upgrade(connection: Connection, where: str) -> None:
    config = Config()
    # The option is read with interpolation: a per cent sign in the path must be written twice.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    ours = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := found - ours:
        raise Permanent(
            f"the database {where} was written by a newer version (revision {min(unknown)}): "
            "install that version, or restore a backup of this one",
            code="DatabaseNewer",
        )
    command.upgrade(config, "head")
