"""A command line in a folder of its own, over a store that a test fills and looks into."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.store import Store, migrate, open_store
from domain.releases import Release
from domain.searching import question_of
from domain.wants import Want
from domain.world import Searched
from handlers.cli import main

BAUM = "L. Frank Baum"
OZMA, TIK_TOK = "baum-l-frank/ozma-of-oz", "baum-l-frank/tik-tok-of-oz"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
"""When everything in the store happened."""

OZ = f"""\
apiVersion: bibliostat/v1
kind: Book
metadata: {{name: ozma-of-oz}}
spec: {{title: Ozma of Oz, author: {BAUM}}}
---
apiVersion: bibliostat/v1
kind: Book
metadata: {{name: tik-tok-of-oz}}
spec: {{title: Tik-Tok of Oz, author: {BAUM}}}
"""


class Said(msgspec.Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """`desk.say("why", "Ozma of Oz")`, and the store behind it. The indexers `shelf` and `mam` are configured, and
    nobody answers at their addresses."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capfd = folder, monkeypatch, capfd
        (folder / "wanted").mkdir()
        (folder / "wanted" / "oz.yaml").write_text(OZ)
        (folder / "data").mkdir()
        for name in [name for name in os.environ if name.startswith("BIBLIOSTAT_")]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        self.set("BIBLIOSTAT_DATA_DIR", str(folder / "data"))
        self.set("BIBLIOSTAT_INDEXERS_OFF", "librivox")
        self.set("BIBLIOSTAT_CATALOGUE_OFF", "audible,audiosilo,audnexus,openlibrary,librivox")
        for name in ("SHELF", "MAM"):
            self.set(f"BIBLIOSTAT_INDEXER_{name}_URL", "http://127.0.0.1:9/api")
        asyncio.run(migrate(self.url))

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.database}"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "bibliostat.db"

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def say(self, *arguments: str) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["bibliostat", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capfd.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    def with_store(self, work: Callable[[Store], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            async with open_store(self.url) as store:
                return await work(store)

        return asyncio.run(whole())

    def dump(self) -> list[str]:
        """Everything the store holds, as text."""
        connection = sqlite3.connect(self.database)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()


def want(title: str) -> Want:
    """As the folder declares it."""
    return Want(key=f"baum-l-frank/{title.lower().replace(' ', '-')}", title=title, authors=(BAUM,))


def release(title: str, **changes: Any) -> Release:
    """One that surely is the book when its title says so."""
    given = {
        "id": "a" * 16,
        "indexer": "shelf",
        "title": title,
        "authors": (BAUM,),
        "category": "3030",
        "seeders": 5,
        "size_bytes": 300_000_000,
    }
    return Release(**(given | changes))


def searched(title: str, *offers: Release, **changes: Any) -> Searched:
    book = want(title)
    given = {"want": book.key, "at": NOW, "answered": ("shelf",), "offers": offers, "asked": question_of(book)}
    return Searched(**(given | changes))
