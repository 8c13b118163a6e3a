"""The small world, and stores for it that are fresh as often as a test needs one."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import structlog
from servers import Postgres
from small_world import Content, SmallWorld, make_content

FreshStore = Callable[[], str]
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


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FreshStore]:
    """Makes a migrated, empty store at each call and gives its address; on each database in turn."""
    if request.param == "sqlite":
        template = request.getfixturevalue("_sqlite_template")
        yield lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'store_{next(_numbers)}.db')}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("_postgres_template")
    made: list[str] = []

    def create() -> str:
        made.append(f"e2e_{next(_numbers)}")
        return server.create(made[-1], template=template)

    yield create
    for name in made:
        server.drop(name)
