"""Fixtures for every layer: databases that are empty, or migrated, and gone after the test."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from servers import Postgres, postgres

from adapters.store import Store, migrate, open_store

# Several suites may share a small machine: how long one example takes says nothing there.
settings.register_profile("bibliostat", deadline=None)
settings.load_profile("bibliostat")

# Workers that share the tests are told how wide the terminal is; what our commands print into a pipe does not ask that.
os.environ.pop("COLUMNS", None)

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One private PostgreSQL for the whole run; skipped as `left out: postgresql` where it is not installed."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of an empty database."""
    name = f"empty_{next(_numbers)}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: Postgres) -> str:
    asyncio.run(migrate(postgres_server.create("migrated")))
    return "migrated"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty store; on each database in turn."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "store.db")
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = f"store_{next(_numbers)}"
    yield server.create(name, template=request.getfixturevalue("_postgres_template"))
    server.drop(name)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open store; on each database in turn."""
    async with open_store(store_url) as opened:
        yield opened
