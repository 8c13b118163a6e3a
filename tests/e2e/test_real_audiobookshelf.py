"""The whole way with a real Audiobookshelf; only collected where the address of one is given.

BIBLIOSTAT_TEST_ABS_URL, BIBLIOSTAT_TEST_ABS_KEY (an admin's API key), BIBLIOSTAT_TEST_ABS_ROOT (a folder that both the
server and the tests see under the same path).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from conftest import FreshStore
from small_world import MISSING, OWNED, Addresses, SmallWorld, copy_book, files_below, reach, settle


@pytest.fixture
async def real(world: SmallWorld, sqlite: FreshStore) -> AsyncIterator[Addresses]:
    """A library of its own on the real server, with the owned books in it; client and indexer are stand-ins."""
    name, key = f"e2e-{uuid.uuid4().hex[:12]}", os.environ["BIBLIOSTAT_TEST_ABS_KEY"]
    root = Path(os.environ["BIBLIOSTAT_TEST_ABS_ROOT"]) / name
    for book in OWNED:
        copy_book(world.content, book, root / book.folder)
    settings = {"disableWatcher": True, "audiobooksOnly": True}
    body = {"name": name, "mediaType": "book", "folders": [{"fullPath": str(root)}], "settings": settings}
    url, headers = os.environ["BIBLIOSTAT_TEST_ABS_URL"], {"Authorization": f"Bearer {key}"}
    at = world.addresses(await sqlite())
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as talk:
        library = (await talk.post("/api/libraries", json=body)).raise_for_status().json()
        try:
            yield replace(at, library=url, api_key=key, libraries=(name,), library_folder=root, mode="copy")
        finally:
            (await talk.delete(f"/api/libraries/{library['id']}")).raise_for_status()


async def test_wanted_books_reach_a_real_audiobookshelf(real: Addresses, world: SmallWorld) -> None:
    async with reach(real) as outside:
        assert outside.library is not None
        await outside.library.scan()
        report = await settle(outside)
        view = await outside.library.read({})

    assert report.plan is not None
    assert {one.because.code for one in report.plan.decisions} == {"InLibrary"}
    found = {item.rel_path: (item.title, [series.position for series in item.series]) for item in view.items}
    for book in MISSING:
        assert files_below(real.library_folder / book.folder) == world.content.files(book)
        assert found[book.folder] == (book.title, [f"{book.number}"])
