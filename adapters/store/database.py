"""One engine, and units of work on it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite
from sqlalchemy import URL, ColumnElement, Connection, Select, Table, event, make_url
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adapters.store.errors import in_domain_terms
from domain.errors import Permanent

T = TypeVar("T")
Insert = sqlite.Insert | postgresql.Insert

_INSERTS: Mapping[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_WRITES = "bibliostat_writes"

# A process that froze in the middle of a unit of work must not keep the ledger locked for the others.
_FROZEN_S = 60.0


class Database:
    """Units of work on SQLite or PostgreSQL; base of the parts of the store.

    Any method may raise `Transient` (`StoreUnreachable`) or `Permanent` (`StoreUnwritable`, `StoreRefused`,
    `StoreDamaged`, `DatabaseOlder`). A commit whose answer was lost counts as `Transient`: a claim that did land is
    found in the ledger the next time, without an outcome.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        self.where = _where(engine.url)
        self._insert = _INSERTS[engine.dialect.name]

    @classmethod
    async def open(cls, url: str, *, timeout_s: float = 10.0) -> Self:
        """Connect once, so that a database that is not there is known at the start.

        `url` is `sqlite:///path` or `postgresql://user:password@host/name`; `timeout_s` bounds connecting and waiting
        for locks. Does not migrate.
        """
        parsed = _parsed(url)
        _make_folder(parsed)
        database = cls(_engine(parsed, timeout_s))
        try:
            async with database.reading() as connection:
                await connection.execute(sql("SELECT 1"))
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads."""
        with in_domain_terms(self.where):
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that commits at the end, and leaves nothing when it does not get there.

        On SQLite it holds the write lock from the start, so that what was read inside cannot be outdated by then.
        """
        with in_domain_terms(self.where):
            async with self._writer.begin() as connection:
                yield connection

    async def _all(self, query: Select[Any], shape: type[T]) -> tuple[T, ...]:
        """Each row as a struct whose fields are the selected columns."""
        async with self.reading() as connection:
            return await structs(connection, query, shape)

    async def _pairs(self, query: Select[Any]) -> Mapping[str, Any]:
        """Rows of two columns as a mapping."""
        async with self.reading() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    def _upsert(self, table: Table, values: Mapping[str, Any], *, where: ColumnElement[bool] | None = None) -> Insert:
        """Insert, or on an existing primary key set `values`: columns to expressions, or to the inserted ones."""
        return self._insert(table).on_conflict_do_update(index_elements=table.primary_key, set_=values, where=where)

    async def _replace(self, table: Table, rows: Collection[Mapping[str, Any]]) -> None:
        """Insert rows, or replace those with the same primary key."""
        async with self.writing() as connection:
            await self._put(connection, table, rows)

    async def _put(self, connection: AsyncConnection, table: Table, rows: Collection[Mapping[str, Any]]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        others = [column for column in statement.excluded if not table.c[column.name].primary_key]
        await connection.execute(self._upsert(table, {column.name: column for column in others}), list(rows))


async def structs(connection: AsyncConnection, query: Select[Any], shape: type[T]) -> tuple[T, ...]:
    result = await connection.execute(query)
    names = tuple(result.keys())
    return tuple(shape(**dict(zip(names, row, strict=True))) for row in result)


def chunks(values: Sequence[T], size: int = 5000) -> list[Sequence[T]]:
    """Both databases take some 32,000 parameters in one statement."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError, ValueError):
        # The text is not repeated: it may hold a password.
        raise Permanent(
            "the address of the database is not one of `sqlite:///path` and `postgresql://user:password@host/name`",
            code="StoreUrlWrong",
        ) from None
    if driver == _DRIVERS["sqlite"] and parsed.database in (None, "", ":memory:"):
        raise Permanent(
            "the database must be a file: one in memory would forget what was grabbed", code="StoreUrlWrong"
        )
    if (mode := parsed.query.get("sslmode")) is not None:  # asyncpg has another name for it
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername=driver)


def _where(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.database} on {url.host}:{url.port or 5432}"


def _make_folder(url: URL) -> None:
    """The folder of an SQLite file is made; one that would need parents is more likely a typing error."""
    if url.get_backend_name() != "sqlite":
        return
    folder = Path(str(url.database)).absolute().parent
    try:
        folder.mkdir(exist_ok=True)
    except OSError as exc:
        raise Permanent(
            f"the folder {folder} for the database cannot be made ({exc.strerror}): make it, or name another",
            code="StoreUnwritable",
        ) from exc


def _engine(url: URL, timeout_s: float) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, timeout_s)
    settings = {
        "application_name": "bibliostat",
        "timezone": "UTC",
        "lock_timeout": f"{timeout_s:.3f}s",
        "idle_in_transaction_session_timeout": f"{_FROZEN_S:.0f}s",
    }
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=timeout_s,
        connect_args={"timeout": timeout_s, "command_timeout": _FROZEN_S, "server_settings": settings},
    )


def _sqlite_engine(url: URL, timeout_s: float) -> AsyncEngine:
    # `isolation_level` None: the driver begins nothing by itself, `_begin` below does.
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_timeout=timeout_s,
        connect_args={"timeout": timeout_s, "isolation_level": None},
    )
    event.listen(
        engine.sync_engine, "connect", lambda opened, _: opened.run_async(lambda driver: _prepare(driver, timeout_s))
    )
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


async def _prepare(connection: aiosqlite.Connection, timeout_s: float) -> None:
    await _keep_a_write_ahead_log(connection, asyncio.get_running_loop().time() + timeout_s)
    # In WAL mode only FULL survives a power cut; a claim that is lost after the act would be made twice.
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")


async def _keep_a_write_ahead_log(connection: aiosqlite.Connection, until: float) -> None:
    """The mode stays in the file. SQLite waits for no lock in changing it: of two starting at once, one asks again."""
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.01)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
