"""The catalogue with the command as processes: sources, library, client and indexer are stand-ins on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import Said, bibliostat
from small_world import AUTHOR, EMERALD, MISSING, POLICY, ROAD, SmallWorld, copy_book
from sqlalchemy import text

from adapters.sandbox.catalogue_books import oz
from adapters.sandbox.catalogues import Catalogues, create_app
from adapters.sandbox.serve import Server
from adapters.store import open_store
from domain.catalogue.gaps import MissingBook

REPOSITORY = Path(__file__).parents[2]
RECORDED = REPOSITORY / "tests/fixtures/catalogues/worlds/oz"
SOURCES = ("audible", "audiosilo", "audnexus", "openlibrary", "librivox")
PATIENCE_S = 60.0
OZ = ("catalog", "series", "Oz", "--author", AUTHOR, "--json")

DECLARED = f"""\
apiVersion: bibliostat/v1
kind: Series
metadata: {{name: oz, owner: home}}
spec: {{title: Oz, author: {AUTHOR}}}
---
"""
WRITER = f"""\
apiVersion: bibliostat/v1
kind: Author
metadata: {{name: baum, owner: home}}
spec: {{name: {AUTHOR}}}
---
"""


class Gate:
    """A door before the sources: who asks for a path that holds `shut` waits until it is opened."""

    def __init__(self, app: Catalogues) -> None:
        self._app = app
        self.shut = ""
        self.waiting = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while self.shut and self.shut in scope.get("path", ""):
            self.waiting = True
            await asyncio.sleep(0.05)
        await self._app(scope, receive, send)


@pytest.fixture
def shops() -> Catalogues:
    """What they say of the plain readings does not contradict the recordings of the small world, which are short."""
    return create_app(oz())


@pytest.fixture
def gate(shops: Catalogues) -> Gate:
    return Gate(shops)


@pytest.fixture
def sources(gate: Gate) -> Iterator[dict[str, str]]:
    """The environment that has each source on a host of its own."""
    with ExitStack() as stack:
        at = {name: f"{stack.enter_context(Server(gate)).url}/{name}" for name in SOURCES}
        stack.callback(setattr, gate, "shut", "")
        yield {
            "BIBLIOSTAT_CATALOGUE_OFF": "",
            "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": f"{at['audible']}/{{region}}",
            "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL": at["audiosilo"],
            "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL": at["audnexus"],
            "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL": at["openlibrary"],
            "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL": f"{at['librivox']}/api/feed",
        }


@pytest.fixture
def alone(sources: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What the command is told where there is nothing but declarations and sources."""
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "oz.yaml").write_text(DECLARED)
    return {
        **sources,
        "BIBLIOSTAT_DATA_DIR": str(tmp_path / "data"),
        "BIBLIOSTAT_WANTED": str(tmp_path / "wanted"),
    }


@pytest.fixture
def whole(world: SmallWorld, sources: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What it is told where a library, a client and an indexer are there too."""
    few = DECLARED.replace(f"author: {AUTHOR}}}", f'author: {AUTHOR}, members: ["1-2", "3-6"]}}')
    (world.wanted / "oz.yaml").write_text(few + POLICY.split("---\n", 1)[1])
    return {**world.environment(tmp_path / "data"), **sources}


def wanted(said: Said) -> list[str]:
    return [work["title"] for work in said.json["works"] if work["wanted"]]


def decided(said: Said) -> dict[str, str]:
    """Want -> the reason of what is decided."""
    return {one["want"]: one["reason"] for one in said.json["decisions"]}


@contextmanager
def started(environment: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that works while the test goes on."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BIBLIOSTAT_")}
    process = subprocess.Popen(
        [sys.executable, "-c", "from handlers.cli import main; main()", *arguments],
        env={**own, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_a_second_process_the_same_day_sends_nothing(alone: dict[str, str], shops: Catalogues):
    assert bibliostat(alone, "catalog", "refresh", "--json").json["changed"] is True
    before = dict(shops.requests)

    assert bibliostat(alone, "catalog", "refresh", "--json").json["done"] == []
    assert len(wanted(bibliostat(alone, *OZ))) == 14
    assert bibliostat(alone, "plan", "--json").json["decisions"]
    assert dict(shops.requests) == before


def test_killed_in_the_middle_it_goes_on_without_asking_again(alone: dict[str, str], shops: Catalogues, gate: Gate):
    (Path(alone["BIBLIOSTAT_WANTED"]) / "author.yaml").write_text(WRITER)
    gate.shut = "/openlibrary/"
    with started(alone, "catalog", "refresh") as process:
        eventually(lambda: gate.waiting and _kept(alone, "audible") and _kept(alone, "audiosilo"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    gate.shut = ""
    asked = Counter(shops.requests)

    # The lease of the dead process runs out by itself; a test does not wait for that.
    asyncio.run(_free_the_lease(alone))
    done = bibliostat(alone, "catalog", "refresh", "--json")

    assert len(done.json["done"]) == 2
    again = {path: count for (source, path), count in (shops.requests - asked).items() if source == "audiosilo"}
    assert not any("/series/" in path for path in again), again
    assert len(wanted(bibliostat(alone, *OZ, "--offline"))) == 14


def _kept(environment: Mapping[str, str], source: str) -> bool:
    """Whether the store holds a list of a series from this source."""

    async def look() -> bool:
        async with open_store(_store(environment)) as store, store.reading() as connection:
            rows = await connection.execute(
                text("SELECT count(*) FROM heard WHERE source = :source AND question LIKE '%list-members%'"),
                {"source": source},
            )
            return bool(rows.scalar())

    return _store_is_there(environment) and asyncio.run(look())


def _store(environment: Mapping[str, str]) -> str:
    return f"sqlite:///{environment['BIBLIOSTAT_DATA_DIR']}/bibliostat.db"


def _store_is_there(environment: Mapping[str, str]) -> bool:
    return (Path(environment["BIBLIOSTAT_DATA_DIR"]) / "bibliostat.db").exists()


async def _free_the_lease(environment: Mapping[str, str]) -> None:
    async with open_store(_store(environment)) as store, store.writing() as connection:
        await connection.execute(text("DELETE FROM leases WHERE name = 'catalogue'"))


def test_two_processes_at_once_ask_once(alone: dict[str, str], shops: Catalogues, gate: Gate):
    bibliostat(alone, "catalog", "edits")  # makes the store, so that both find it
    gate.shut = "/audiosilo/api/v1/series/oz"
    with started(alone, "catalog", "refresh", "--json") as first:
        eventually(lambda: gate.waiting)
        second = bibliostat(alone, "catalog", "refresh", "--json")
        gate.shut = ""
        out, _ = first.communicate(timeout=PATIENCE_S)

    assert second.json["done"] == []
    assert second.json["left"] == json.loads(out)["done"]
    assert max(count for (source, _), count in shops.requests.items() if source == "audiosilo") == 1


def test_what_ails_is_told_and_takes_nothing_away(alone: dict[str, str], shops: Catalogues):
    for source in ("audiosilo", "librivox", "openlibrary"):
        shops.ail(source, "html")

    done = bibliostat(alone, "catalog", "refresh", "--json")

    assert done.code == 0
    assert done.json["troubles"].keys() == {"audiosilo", "librivox", "openlibrary"}
    shown = bibliostat(alone, *OZ, "--offline")
    assert len(wanted(shown)) == 14
    outcomes = {one["source"]: one["outcome"] for one in shown.json["sources"]}
    assert outcomes == dict.fromkeys(done.json["troubles"], "could not look") | {"audible": "found"}
    rows = {row["source"]: row for row in bibliostat(alone, "catalog", "sources", "--json").json}
    assert rows["audiosilo"]["last_answer_at"] is None
    assert rows["audiosilo"]["trouble"]
    assert "looked up 0 series and authors" in bibliostat(alone, "catalog", "refresh").out, "it waits a while"


def test_a_series_is_wanted_at_once_and_what_is_missing_is_written_down_until_it_appears(
    whole: dict[str, str], world: SmallWorld
):
    declarations = world.wanted / "oz.yaml"
    declarations.write_text(f"{declarations.read_text()}  suspend: true\n")  # nothing else puts books into the library
    reasons = decided(bibliostat(whole, "plan", "--json"))
    assert Counter(reasons.values()) == {"InLibrary": 4, "Suspended": 2}

    bibliostat(whole, "tick", "--json")
    rows = asyncio.run(_missing(whole))
    assert {row.title for row in rows} == {book.title for book in MISSING}
    assert {row.reason for row in rows} == {"series gap"}
    assert all(row.first_seen_at and row.decision for row in rows)

    copy_book(world.content, ROAD, world.library / ROAD.folder)
    world.shelf.world.scan()
    bibliostat(whole, "tick", "--json")
    assert [row.title for row in asyncio.run(_missing(whole))] == [EMERALD.title]


async def _missing(environment: Mapping[str, str]) -> tuple[MissingBook, ...]:
    async with open_store(_store(environment)) as store:
        return await store.missing_books()


def test_an_author_is_proposed_and_wanted_once_a_person_says_yes(whole: dict[str, str], world: SmallWorld):
    declarations = world.wanted / "oz.yaml"
    declarations.write_text(WRITER + declarations.read_text().split("---\n", 1)[1])
    bibliostat(whole, "approve", "first-run")

    held = bibliostat(whole, "plan", "--json")
    waiting = [want for want, reason in decided(held).items() if reason == "FirstDerivationNeedsApproval"]
    ticked = bibliostat(whole, "tick", "--json")
    assert len(waiting) > 10
    assert not any("FirstDerivationNeedsApproval" not in decided_of(ticked, want) for want in waiting)
    assert world.adds == 0, "nothing that waits is downloaded"
    [note] = [note for note in held.json["notes"] if "wait for a yes" in note]
    assert f"{len(waiting) + 4} books of {AUTHOR}" in note, "those that are owned are counted too"
    bibliostat(whole, "approve", note.split("approve ")[1][:12])

    approved = decided(bibliostat(whole, "plan", "--json"))

    assert approved.keys() == decided(held).keys()
    assert "FirstDerivationNeedsApproval" not in approved.values()


def decided_of(said: Said, want: str) -> str:
    found: str = next(one["reason"] for one in said.json["plan"]["decisions"] if one["want"] == want)
    return found


def test_recorded_answers_need_neither_settings_nor_a_place_to_write(tmp_path: Path):
    nowhere = {"HOME": str(tmp_path / "gone"), "BIBLIOSTAT_DATA_DIR": "/proc/nowhere"}
    folder = tmp_path / "here"
    folder.mkdir(mode=0o555)

    said = bibliostat(
        nowhere, *OZ[:3], "--author", AUTHOR, "--records", RECORDED, "--today", "2026-11-21", "--json", cwd=folder
    )

    assert said.code == 0, said.err
    assert len(wanted(said)) == 14
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("arguments", ["series", "refresh --minutes 0", "nonsense"])
def test_wrong_usage_exits_64(tmp_path: Path, arguments: str):
    said = bibliostat({}, "catalog", *arguments.split(), cwd=tmp_path)

    assert (said.code, said.out) == (64, "")
    assert len([line for line in said.err.splitlines() if line.startswith("Error: ")]) == 1
