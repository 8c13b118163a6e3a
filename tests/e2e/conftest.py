"""The small world, and stores for it that are fresh as often as a test needs one."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
import structlog
from servers import Postgres
from small_world import Content, SmallWorld, make_content
from sqlalchemy import text

from adapters.store import open_store
from adapters.store.tables import metadata

# A real Audiobookshelf is a thing of one's own: without its address there is nothing that could be left out.
collect_ignore = [] if os.environ.get("BIBLIOSTAT_TEST_ABS_URL") else ["test_real_audiobookshelf.py"]


class FreshStore(Protocol):
    """Gives the address of a migrated, empty store; those of different lanes are used side by side."""

    async def __call__(self, lane: int = 0) -> str: ...


_numbers = count(1)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return make_content(tmp_path_factory.mktemp("content"))


@pytest.fixture
def world(tmp_path: Path, content: Content) -> Iterator[SmallWorld]:
    with SmallWorld(tmp_path / "world", content) as made:
        yield made


@pytest.fixture
def sqlite(_sqlite_template: Path, tmp_path: Path) -> FreshStore:
    async def fresh(lane: int = 0) -> str:
        return f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / f'store_{next(_numbers)}.db')}"

    return fresh


@pytest.fixture
def postgresql(postgres_server: Postgres, _postgres_template: str) -> Iterator[FreshStore]:
    """The same on PostgreSQL, where a database is emptied rather than made and dropped: that takes far longer."""
    made: dict[int, str] = {}

    async def fresh(lane: int = 0) -> str:
        if lane in made:
            await _empty(postgres_server.url(made[lane]))
        else:
            made[lane] = f"e2e_{next(_numbers)}"
            postgres_server.create(made[lane], template=_postgres_template)
        return postgres_server.url(made[lane])

    yield fresh
    for name in made.values():
        postgres_server.drop(name)


async def _empty(url: str) -> None:
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    async with open_store(url) as store, store.writing() as connection:
        await connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
