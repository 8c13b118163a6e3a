"""The small world, and stores for it that are fresh as often as a test needs one."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import structlog
from servers import Postgres
from small_world import Content, SmallWorld, make_content

# A real Audiobookshelf is a thing of one's own: without its address there is nothing that could be left out.
collect_ignore = [] if os.environ.get("BIBLIOSTAT_TEST_ABS_URL") else ["test_real_audiobookshelf.py"]

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


@pytest.fixture
def sqlite(_sqlite_template: Path, tmp_path: Path) -> FreshStore:
    """Makes a migrated, empty store at each call and gives its address."""
    return lambda: f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / f'store_{next(_numbers)}.db')}"


@pytest.fixture
def postgresql(postgres_server: Postgres, _postgres_template: str) -> Iterator[FreshStore]:
    """The same on PostgreSQL."""
    made: list[str] = []

    def create() -> str:
        made.append(f"e2e_{next(_numbers)}")
        return postgres_server.create(made[-1], template=_postgres_template)

    yield create
    for name in made:
        postgres_server.drop(name)
