"""The outside of a test, over the real store on SQLite."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import Stage

from adapters.store import open_store


@pytest.fixture
async def stage(_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    path = shutil.copy(_sqlite_template, tmp_path / "stage.db")
    async with open_store(f"sqlite:///{path}") as store:
        yield Stage(store)
