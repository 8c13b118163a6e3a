"""What the command line says of series and authors, what a person decides about them, and the look-up beside ticks."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from adapters.sandbox import audiobookshelf
from adapters.sandbox.catalogue_books import CatalogueWorld, oz
from adapters.sandbox.catalogues import Catalogues, Trouble, create_app
from adapters.sandbox.recordings import write_recording
from adapters.sandbox.serve import Server
from domain.catalogue.claims import Answer, FindSeries, ListMembers, Question, question_key
from domain.errors import Transient
from handlers import loop
from handlers.cli import main
from handlers.settings import Settings, load
from handlers.wiring import SystemClock, connect
from reconcile.ports import Outside

RECORDED = Path(__file__).parents[1] / "fixtures/catalogues/worlds/oz"
BAUM = "L. Frank Baum"
OZ = ("catalog", "series", "Oz", "--author", BAUM, "--json")
WORLD = oz({number: 280 + number for number in range(1, 15)})
SOURCES = ("audible", "audiosilo", "audnexus", "openlibrary", "librivox")
SERIES = f"""\
apiVersion: bibliostat/v1
kind: Series
metadata: {{name: oz, owner: home}}
spec: {{title: Oz, author: {BAUM}}}
"""
WRITER = f"""\
apiVersion: bibliostat/v1
kind: Author
metadata: {{name: baum, owner: home}}
spec: {{name: {BAUM}}}
"""


class Said(msgspec.Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Say = Callable[..., Said]


class Time:
    """What the command takes for the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(SystemClock, "now", lambda _: made.now)
    return made


class Street:
    """A server for each source, so that one at rest lets the others be. They stay; who is behind them changes."""

    def __init__(self) -> None:
        self.behind = create_app(WORLD)
        self.servers = {name: Server(self) for name in SOURCES}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.behind(scope, receive, send)

    def at(self, source: str) -> str:
        return f"{self.servers[source].url}/{source}"


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    made = Street()
    with ExitStack() as stack:
        for server in made.servers.values():
            stack.enter_context(server)
        yield made


@pytest.fixture
def shops(street: Street) -> Catalogues:
    street.behind = create_app(WORLD)
    return street.behind


@pytest.fixture
def environment(street: Street, shops: Catalogues, tmp_path: Path) -> dict[str, str]:
    """What the command needs to be told."""
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "oz.yaml").write_text(SERIES)
    return {
        "BIBLIOSTAT_DATA_DIR": str(tmp_path / "data"),
        "BIBLIOSTAT_INDEXERS_OFF": "librivox",
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": f"{street.at('audible')}/{{region}}",
        "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL": street.at("audiosilo"),
        "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL": street.at("audnexus"),
        "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL": street.at("openlibrary"),
        "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL": f"{street.at('librivox')}/api/feed",
    }


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Say:
    """The command in an empty folder, told nothing."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in [name for name in os.environ if name.startswith("BIBLIOSTAT_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["bibliostat", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err, said.err
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def say(bare: Say, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, time: Time) -> Say:
    """The command where Oz is wanted and every source is a stand-in."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return bare


def works(said: Said) -> dict[str, dict[str, Any]]:
    """Title -> the book, as `catalog series --json` has it."""
    assert said.code == 0, said.err
    return {work["title"]: work for work in said.json["works"]}


def wanted(said: Said) -> list[str]:
    return [title for title, work in works(said).items() if work["wanted"]]


def state(said: Said, source: str) -> dict[str, Any]:
    return next(one for one in said.json["sources"] if one["source"] == source)


def asked(shops: Catalogues, *names: str) -> int:
    return sum(shops.asked(name) for name in names or SOURCES)


# --- looking ---------------------------------------------------------------------------------------------------------


def test_a_series_is_looked_up_once_and_then_known(say: Say, shops: Catalogues):
    first = say(*OZ)

    assert len(wanted(first)) == 14
    assert first.json["kind"] == "series"
    assert first.json["authors"] == [BAUM]
    assert state(first, "audible") == {
        "source": "audible",
        "outcome": "found",
        "answered_at": "2026-11-21T12:00:00Z",
        "complete": True,
        "detail": "",
    }
    before = dict(shops.requests)
    assert before
    assert say(*OZ).json == first.json
    assert say("catalog", "series", "oz", "--json", "--offline").json == first.json, "the only series of that name"
    assert dict(shops.requests) == before


def test_each_book_says_where_it_stands_who_says_so_and_why_it_would_be_wanted(say: Say):
    books = works(say(*OZ))

    ozma = books["Ozma of Oz"]
    assert (ozma["position"], ozma["kind"], ozma["code"]) == ("3", "primary", "Wanted")
    assert {"audible", "audiosilo", "openlibrary"} <= set(ozma["sources"])
    assert ozma["release"]["released"] is True
    assert "B0OZ000003" in [asin for edition in ozma["editions"] for asin in edition["asins"]]
    assert {one["field"] for one in ozma["said"]} >= {"title"}
    assert books["The Royal Book of Oz"]["kind"] == "other-author"
    assert books["The Oz Collection, Books 1-5"]["kind"] == "omnibus"
    assert ozma["id"] in books["The Oz Collection, Books 1-5"]["contains"]
    assert books["Untitled Oz Novel"]["kind"] == "placeholder"


def test_an_author_is_looked_up_too(say: Say):
    said = say("catalog", "author", BAUM, "--json")

    assert {"Ozma of Oz", "American Fairy Tales"} <= set(wanted(said))
    assert "The Accountant's Handbook" not in works(said)


def test_for_people_it_is_a_table_with_a_line_for_each_source(say: Say):
    said = say("catalog", "series", "Oz", "--author", BAUM)

    assert said.code == 0
    assert "Oz by L. Frank Baum" in said.out
    assert "Tik-Tok of Oz" in said.out
    assert "audible: found, 2026-11-21 12:00 UTC" in said.out


def test_offline_says_that_nothing_is_known_and_asks_nobody(say: Say, shops: Catalogues):
    said = say(*OZ, "--offline")

    assert said.code == 1
    assert said.err.startswith("NotLookedUp: ")
    assert asked(shops) == 0


def test_without_any_source_it_says_what_is_wrong(say: Say, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BIBLIOSTAT_CATALOGUE_OFF", ",".join(SOURCES))

    said = say(*OZ)

    assert said.code == 1
    assert said.err.startswith("NoSource: ")


def test_what_the_library_has_is_counted(say: Say, shelf: Shelf):
    shelf.own("Ozma of Oz", "Glinda of Oz")
    say("tick", "--json")

    found = say(*OZ).json

    assert found["completion"]["owned"] == 2
    assert found["completion"]["total"] == 14
    assert {one["title"]: one["owned"] for one in found["works"]}["Ozma of Oz"] is True
    assert len(found["completion"]["missing"]) == 12


# --- refreshing ------------------------------------------------------------------------------------------------------

SERIES_KEY = "series/oz/l frank baum"


def test_a_refresh_reads_what_is_declared_and_a_second_one_the_same_day_sends_nothing(say: Say, shops: Catalogues):
    first = say("catalog", "refresh", "--json")
    assert first.json == {"done": [SERIES_KEY], "left": [], "troubles": {}, "changed": True}
    before = dict(shops.requests)

    second = say("catalog", "refresh", "--json")

    assert second.json == {"done": [], "left": [], "troubles": {}, "changed": False}
    assert dict(shops.requests) == before


def test_next_month_everything_is_asked_again(say: Say, shops: Catalogues, time: Time):
    say("catalog", "refresh")
    before = asked(shops)
    time.advance(days=30)

    again = say("catalog", "refresh", "--json")

    assert again.json["done"] == [SERIES_KEY]
    assert again.json["changed"] is False
    assert asked(shops) > before


@pytest.mark.parametrize("trouble", ["down", "html", "half", "lost", "empty", "shortened", "busy", "moved"])
def test_a_source_that_ails_takes_nothing_away_and_is_asked_again_alone(
    say: Say, shops: Catalogues, time: Time, trouble: Trouble
):
    say("catalog", "refresh")
    before = works(say(*OZ))
    shops.ail("audible", trouble)
    time.advance(days=30)

    done = say("catalog", "refresh", "--json")

    found = say(*OZ)
    assert done.json["troubles"].keys() == {"audible"}
    assert works(found).keys() == before.keys()
    assert [title for title, work in before.items() if work["wanted"]] == wanted(found)
    assert {work["unsupported"] for work in works(found).values()} == {""}
    assert state(found, "audible")["outcome"] == "found"
    assert state(found, "audible")["detail"]
    assert state(found, "audible")["complete"] is False
    [row] = [one for one in say("catalog", "sources", "--json").json if one["source"] == "audible"]
    assert row["troubled"] == 1
    assert row["trouble"] == state(found, "audible")["detail"]
    assert row["oldest_answer_at"] == state(found, "audible")["answered_at"]
    if trouble not in ("empty", "shortened"):
        assert row["last_answer_at"] == "2026-11-21T12:00:00Z", "it is as old as its last good answer"

    others = asked(shops, "audiosilo", "openlibrary", "librivox")
    assert say("catalog", "refresh", "--json").json["done"] == []
    shops.heal()
    time.advance(days=1, hours=1)
    again = say("catalog", "refresh", "--json")
    assert again.json["done"] == [SERIES_KEY]
    assert again.json["troubles"] == {}
    assert asked(shops, "audiosilo", "openlibrary", "librivox") == others
    assert state(say(*OZ), "audible")["complete"] is True
    assert state(say(*OZ), "audible")["detail"] == ""


def test_the_sources_say_what_they_were_asked_and_how_old_their_answers_are(say: Say, shops: Catalogues, time: Time):
    say("catalog", "refresh")
    shops.ail("audiosilo", "down")
    time.advance(days=30)
    say("catalog", "refresh")

    rows = {row["source"]: row for row in say("catalog", "sources", "--json").json}

    assert list(rows) == list(SOURCES)
    assert rows["audible"]["last_answer_at"] == "2026-12-21T12:00:00Z"
    assert rows["audiosilo"]["last_answer_at"] == "2026-11-21T12:00:00Z"
    assert "audiosilo" in rows["audiosilo"]["trouble"]
    assert rows["audible"]["trouble"] == ""
    [host] = rows["audible"]["hosts"]
    assert host["spent_today"] > 0
    text = say("catalog", "sources").out
    assert "audiosilo: 1 of 1 subjects found; last answer 2026-11-21 12:00 UTC, oldest 2026-11-21" in text


# --- what waits for a yes --------------------------------------------------------------------------------------------


def test_an_author_is_a_proposal_until_a_person_approves_its_digest(say: Say, shelf: Shelf, tmp_path: Path):
    (tmp_path / "wanted" / "oz.yaml").write_text(WRITER)
    say("approve", "first-run")

    held = reasons(say("plan", "--json"))
    notes = " ".join(say("plan", "--json").json["notes"])
    digest = notes.split("approve ")[1][:12]

    assert held.keys() == {"FirstDerivationNeedsApproval"}
    assert f"{held['FirstDerivationNeedsApproval']} books of {BAUM} wait for a yes" in notes
    assert say("approve", digest).code == 0
    assert "FirstDerivationNeedsApproval" not in reasons(say("plan", "--json"))
    assert sum(reasons(say("plan", "--json")).values()) == sum(held.values())


def test_what_was_looked_up_before_the_author_was_declared_is_a_proposal_too(say: Say, shelf: Shelf, tmp_path: Path):
    say("catalog", "author", BAUM)
    (tmp_path / "wanted" / "oz.yaml").write_text(WRITER)

    assert reasons(say("plan", "--json")).keys() == {"FirstDerivationNeedsApproval"}


def test_a_mistake_in_the_yaml_lets_no_proposal_slip_through(say: Say, shelf: Shelf, tmp_path: Path):
    wanted = tmp_path / "wanted" / "oz.yaml"
    wanted.write_text(WRITER)
    say("tick")
    wanted.write_text("this is: [not yaml")
    assert say("catalog", "exclude", "Ozma of Oz").code == 0
    wanted.write_text(WRITER)

    assert reasons(say("plan", "--json")).keys() == {"FirstDerivationNeedsApproval"}


def reasons(said: Said) -> Counter[str]:
    return Counter(one["reason"] for one in said.json["decisions"])


# --- deciding --------------------------------------------------------------------------------------------------------


@pytest.fixture
def refreshed(say: Say, time: Time) -> Callable[[], dict[str, dict[str, Any]]]:
    """`refreshed()`: the books after everything was asked again, a month later."""
    say(*OZ)

    def again() -> dict[str, dict[str, Any]]:
        time.advance(days=32)
        assert say("catalog", "refresh", "--json").json["done"] == [SERIES_KEY]
        return works(say(*OZ))

    return again


Refreshed = Callable[[], dict[str, dict[str, Any]]]


def test_an_excluded_book_stays_out_until_that_is_undone(say: Say, refreshed: Refreshed):
    said = say("catalog", "exclude", "The Road to Oz", "--why", "have it on paper")
    assert said.code == 0
    assert "undo it with `catalog undo 1`" in said.out

    for books in (works(say(*OZ)), refreshed()):
        assert (books["The Road to Oz"]["wanted"], books["The Road to Oz"]["code"]) == (False, "Excluded")
    assert say("catalog", "undo", "1").code == 0
    for books in (works(say(*OZ)), refreshed()):
        assert books["The Road to Oz"]["wanted"] is True


def test_an_excluded_book_stays_out_under_a_new_edition(say: Say, shops: Catalogues, refreshed: Refreshed):
    say("catalog", "exclude", "The Road to Oz")
    shops.world = renewed(shops.world, "the-road-to-oz")

    books = refreshed()

    assert "asin:B0OZNEWONE" in books["The Road to Oz"]["ids"]
    assert books["The Road to Oz"]["code"] == "Excluded"


def renewed(world: CatalogueWorld, key: str) -> CatalogueWorld:
    """The same book, sold under other ASINs and with another narrator, as if it had never been there before."""
    replace = msgspec.structs.replace

    def new(recording: Any) -> Any:
        return replace(recording, asins={"us": "B0OZNEWONE"}, narrators=("Somebody New",), librivox=None)

    books = [
        replace(book, recordings=(new(book.recordings[0]),), isbn="") if book.key == key else book
        for book in world.books
    ]
    return replace(world, books=tuple(books))


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("title", "The Way to Oz", "The Way to Oz"),
        ("position", "5.5", "5.5"),
        ("kind", "companion", "companion"),
        ("language", "de", "de"),
        ("first_published", "1999", 1999),
        ("authors", "Ann Other; Sam Else", ["Ann Other", "Sam Else"]),
    ],
)
def test_a_corrected_field_stays_corrected_until_that_is_undone(
    say: Say, refreshed: Refreshed, field: str, value: str, shown: object
):
    book = works(say(*OZ))["The Road to Oz"]
    before = book[field]
    assert say("catalog", "correct", book["id"], field, value).code == 0

    for books in (works(say(*OZ)), refreshed()):
        assert by_id(books, book["id"])[field] == shown
    say("catalog", "undo", "1")
    for books in (works(say(*OZ)), refreshed()):
        assert by_id(books, book["id"])[field] == before


def by_id(books: dict[str, dict[str, Any]], id: str) -> dict[str, Any]:
    return next(book for book in books.values() if id in (book["id"], *book["ids"]))


def test_two_books_that_a_person_says_are_one_stay_one_until_that_is_undone(say: Say, refreshed: Refreshed):
    first, second = "The Woggle-Bug Book", "Little Wizard Stories of Oz"
    apart = works(say(*OZ))
    ids = {title: set(apart[title]["ids"]) for title in (first, second)}
    assert say("catalog", "merge", first, second).code == 0

    for books in (works(say(*OZ)), refreshed()):
        assert (first in books) != (second in books)
        one = books.get(first) or books[second]
        assert ids[first] | ids[second] <= set(one["ids"])
    say("catalog", "undo", "1")
    for books in (works(say(*OZ)), refreshed()):
        assert [books[title]["id"] for title in (first, second)] == [apart[title]["id"] for title in (first, second)]


def test_a_record_that_a_person_says_is_another_book_stays_one_until_that_is_undone(say: Say, refreshed: Refreshed):
    title, other = "The Wonderful Wizard of Oz", "asin:B0OZ100001"
    book = works(say(*OZ))[title]
    assert other in book["ids"]
    assert say("catalog", "split", book["id"], other).code == 0

    for said in (say(*OZ), None):
        books = said.json["works"] if said else list(refreshed() and say(*OZ).json["works"])
        holders = [one for one in books if other in one["ids"]]
        assert len(holders) == 1
        assert "asin:B0OZ000001" not in holders[0]["ids"]
        assert sum(one["wanted"] for one in books if one["position"] == "1") == 1
    say("catalog", "undo", "1")
    refreshed()
    assert {other, "asin:B0OZ000001"} <= set(works(say(*OZ))[title]["ids"])


def test_what_was_decided_is_listed_until_it_is_undone(say: Say):
    say(*OZ)
    say("catalog", "exclude", "The Road to Oz", "--why", "have it on paper")
    say("catalog", "correct", "Ozma of Oz", "position", "3.5")

    rows = say("catalog", "edits", "--json").json
    assert [(row["id"], row["verb"], row["title"]) for row in rows] == [
        (1, "exclude", "The Road to Oz"), (2, "correct", "Ozma of Oz"),
    ]  # fmt: skip
    assert rows[0]["why"] == "have it on paper"
    assert "2: correct Ozma of Oz" in say("catalog", "edits").out
    say("catalog", "undo", "1")
    assert [row["id"] for row in say("catalog", "edits", "--json").json] == [2]
    assert say("catalog", "undo", "1").err.startswith("NoSuchEdit: ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("exclude", "No Such Book"), "NoSuchBook"),
        (("merge", "Ozma of Oz", "No Such Book"), "NoSuchBook"),
        (("merge", "Ozma of Oz", "asin:B0OZ000003"), "SameBook"),
        (("correct", "asin:B0OZ999999", "title", "Another"), "NoSuchBook"),
        (("split", "Ozma of Oz", "asin:B0OZ000005"), "NoSuchId"),
        (("undo", "7"), "NoSuchEdit"),
    ],
)
def test_what_cannot_be_decided_is_one_sentence_and_leaves_nothing(say: Say, arguments: tuple[str, ...], code: str):
    say(*OZ)

    said = say("catalog", *arguments)

    assert said.code == 1
    assert said.err.startswith(f"{code}: ")
    assert len(said.err.strip().splitlines()) == 1
    assert say("catalog", "edits", "--json").json == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("series",),
        ("series", "  "),
        ("series", "x" * 501),
        ("author", ""),
        ("series", "Oz", "--today", "tomorrow", "--records", "."),
        ("refresh", "--minutes", "0"),
        ("refresh", "--minutes", "soon"),
        ("merge", "Ozma of Oz"),
        ("split", "Ozma of Oz"),
        ("correct", "Ozma of Oz", "isbn", "1"),
        ("correct", "Ozma of Oz", "kind", "banana"),
        ("correct", "Ozma of Oz", "position", "third"),
        ("correct", "Ozma of Oz", "first_published", "once"),
        ("correct", "Ozma of Oz", "language", "Ozish"),
        ("correct", "Ozma of Oz", "title", " "),
        ("correct", "Ozma of Oz", "authors", ";"),
        ("undo", "first"),
        ("nonsense",),
    ],
)
def test_wrong_usage_exits_64_with_one_sentence_before_anything_is_touched(
    say: Say, arguments: tuple[str, ...], tmp_path: Path
):
    said = say("catalog", *arguments)

    assert said.code == 64
    assert said.out == ""
    [sentence] = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert len(sentence) > len("Error: ") + 10
    assert not (tmp_path / "data").exists()


# --- recorded answers ------------------------------------------------------------------------------------------------

ON_RECORD = ("--author", BAUM, "--today", "2026-11-21", "--json")


def test_recorded_answers_are_read_without_settings_and_without_leaving_a_file(bare: Say):
    before = sorted(RECORDED.rglob("*"))

    said = bare("catalog", "series", "Oz", *ON_RECORD, "--records", RECORDED)

    expected = json.loads((RECORDED / "expected.json").read_bytes())
    books = works(said)
    assert [(books[title]["position"], title) for title in wanted(said)] == [
        (one["position"], one["title"]) for one in expected["members"]
    ]
    assert {one["source"] for one in said.json["sources"]} >= {"audible", "hardcover", "openlibrary", "audiosilo"}
    assert list(Path.cwd().iterdir()) == []
    assert sorted(RECORDED.rglob("*")) == before


def test_recorded_answers_are_the_same_under_other_names_and_in_another_order(bare: Say, tmp_path: Path):
    shuffled = tmp_path / "shuffled"
    for number, path in enumerate(sorted(RECORDED.rglob("*.json"), reverse=True)):
        folder = shuffled / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"{number:03}.json")

    one = bare("catalog", "series", "Oz", *ON_RECORD, "--records", RECORDED).json
    other = bare("catalog", "series", "Oz", *ON_RECORD, "--records", shuffled).json

    told = one.pop("notes"), other.pop("notes")
    assert one == other
    assert sorted(note.split(": ", 1)[1] for note in told[0]) == sorted(note.split(": ", 1)[1] for note in told[1])


def test_files_that_are_no_answers_are_notes_and_change_nothing(bare: Say, tmp_path: Path):
    folder = tmp_path / "records"
    shutil.copytree(RECORDED, folder)
    (folder / "a.json").write_text("this is not JSON")
    (folder / "b.json").write_bytes(b"\xff\xfe\x00")
    (folder / "c.json").write_text("[" * 100_000)
    (folder / "d.json").write_text('{"request": {"url": "https://example.org/x"}, "response": {"body": {}}}')
    (folder / "e.json").write_text('{"request": {"url": "http://[::1"}, "response": {"body": {}}}')
    (folder / "f.json").write_text('{"request": 7, "response": []}')
    (folder / "g.json").write_text("")
    os.mkfifo(folder / "h.json")
    (folder / "i.json").symlink_to(folder / "i.json")
    (folder / "j.json").mkdir()
    (folder / "k.txt").write_text("not looked at")
    api = "https://api.audible.com/1.0/catalog/products"
    (folder / "l.json").write_text(json.dumps({"request": {"url": api}, "response": {"body": {"products": "all"}}}))

    said = bare("catalog", "series", "Oz", *ON_RECORD, "--records", folder)

    plain = bare("catalog", "series", "Oz", *ON_RECORD, "--records", RECORDED)
    assert said.json["works"] == plain.json["works"]
    notes = {note.split(": ", 1)[0] for note in said.json["notes"]}
    assert {f"{letter}.json" for letter in "abcdefghil"} <= notes
    assert "k.txt" not in notes


def test_a_folder_that_is_not_there_is_one_sentence(bare: Say):
    said = bare("catalog", "series", "Oz", "--records", "nowhere")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("NoSuchFolder: ")


def test_an_empty_folder_knows_nothing_and_says_so(bare: Say, tmp_path: Path):
    (tmp_path / "none").mkdir()

    said = bare("catalog", "series", "Oz", "--records", tmp_path / "none", "--json")

    assert said.json["works"] == []
    assert said.json["sources"] == []


# --- what may be owned -----------------------------------------------------------------------------------------------


class Shelf:
    """A library server over a folder."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.app = audiobookshelf.create_app(folder, state, api_key="a-key", scan_seconds=0.01)
        self.app.watcher(on=False)

    def own(self, *titles: str) -> None:
        for title in titles:
            number = next((n for n, book in enumerate(WORLD.books, 1) if book.title == title), 3)
            self.place(f"{BAUM}/Oz/{number:02} - {title}", title)

    def place(self, rel_path: str, title: str) -> None:
        tags = {"album": title, "artist": BAUM}
        write_recording(self.folder / rel_path / "01.mp3", seconds=2, tags=tags)
        self.app.world.scan()


@pytest.fixture
def shelf(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "library", tmp_path / "abs")
    with Server(made.app) as server:
        monkeypatch.setenv("BIBLIOSTAT_AUDIOBOOKSHELF_URL", server.url)
        monkeypatch.setenv("BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY", "a-key")
        yield made


PRINCESS = f"{BAUM}/Oz/03 - Princess Ozma's Adventures"
OZMA = "baum-l-frank/ozma-of-oz"


@pytest.fixture
def doubtful(say: Say, shelf: Shelf) -> Shelf:
    shelf.place(PRINCESS, "Princess Ozma's Adventures")
    say("approve", "first-run")
    say("tick")
    return shelf


def test_what_may_be_a_wanted_book_is_listed_with_the_words_to_settle_it(say: Say, doubtful: Shelf):
    [row] = say("unclear", "--json").json

    assert row["want"] == OZMA
    assert PRINCESS in row["because"]
    assert f"override is {OZMA} " in row["because"]
    assert OZMA in say("unclear").out


def test_a_yes_makes_it_the_book_until_it_is_taken_back(say: Say, doubtful: Shelf):
    assert say("override", "is", OZMA, PRINCESS, "--why", "looked at it").code == 0

    assert say("unclear", "--json").json == []
    assert say("unclear").out == "nothing is unclear\n"
    assert reason_of(say, OZMA) == "InLibrary"
    [row] = say("override", "list", "--json").json
    assert (row["verb"], row["target"], row["value"], row["why"]) == ("is", OZMA, PRINCESS, "looked at it")
    say("override", "remove", str(row["id"]))
    assert reason_of(say, OZMA) == "MayBeOwned"
    assert len(say("unclear", "--json").json) == 1


def test_a_no_makes_it_another_book_until_it_is_taken_back(say: Say, doubtful: Shelf):
    assert say("override", "is-not", OZMA, PRINCESS).code == 0

    assert say("unclear", "--json").json == []
    assert reason_of(say, OZMA) not in ("InLibrary", "MayBeOwned")
    [row] = say("override", "list", "--json").json
    say("override", "remove", str(row["id"]))
    assert reason_of(say, OZMA) == "MayBeOwned"


def test_the_newest_word_about_an_item_counts(say: Say, doubtful: Shelf):
    say("override", "is", OZMA, PRINCESS)
    say("override", "is-not", OZMA, PRINCESS)
    assert reason_of(say, OZMA) != "InLibrary"

    say("override", "is", OZMA, PRINCESS)

    assert reason_of(say, OZMA) == "InLibrary"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("is", OZMA, "Nowhere/At All"), 1, "NoSuchItem: "),
        (("is-not", "No Such Want", PRINCESS), 1, "NoSuchWant: "),
        (("is", OZMA), 64, "Missing argument 'PATH'"),
        (("remove", "99"), 1, "NoSuchOverride: "),
    ],
)
def test_a_word_about_nothing_is_refused(
    say: Say, doubtful: Shelf, arguments: tuple[str, ...], exit_code: int, words: str
):
    said = say("override", *arguments)

    assert said.code == exit_code
    assert words in said.err
    assert say("override", "list", "--json").json == []


def reason_of(say: Say, want: str) -> str:
    return next(one["reason"] for one in say("plan", "--json").json["decisions"] if one["want"] == want)


# --- beside the ticks ------------------------------------------------------------------------------------------------


class Slow:
    """A source whose answers come when it is told to."""

    name = "audible"
    answers = frozenset({FindSeries, ListMembers})

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.trouble: Exception | None = None

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        self.reached.set()
        await self.go.wait()
        if self.trouble is not None:
            raise self.trouble
        return Answer(source=self.name)


@asynccontextmanager
async def running(outside: Outside) -> AsyncIterator[None]:
    """The loop, for the length of a block."""
    stop = asyncio.Event()
    work = asyncio.create_task(loop.run(outside, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(work, timeout=60)


@asynccontextmanager
async def household(tmp_path: Path, source: Slow) -> AsyncIterator[Outside]:
    (tmp_path / "wanted").mkdir(exist_ok=True)
    (tmp_path / "wanted" / "oz.yaml").write_text(SERIES)
    environ = {"HOME": str(tmp_path), "BIBLIOSTAT_DATA_DIR": str(tmp_path), "BIBLIOSTAT_CATALOGUE_OFF": "audible"}
    settings = load(environ, tmp_path)
    assert isinstance(settings, Settings)
    async with connect(settings) as outside:
        yield dataclasses.replace(outside, sources=(source,))


async def comes_true(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110 - what is in a store, which tells nobody
            await asyncio.sleep(0.02)


def ticks_of(outside: Outside) -> Callable[[], Any]:
    async def count() -> int:
        return sum(run.kind == "tick" and run.ended_at is not None for run in await outside.store.runs())

    return count


async def test_no_tick_waits_for_a_source_and_what_is_found_wakes_the_loop(tmp_path: Path, quick: None):
    source = Slow()
    async with household(tmp_path, source) as outside, running(outside):
        await source.reached.wait()
        ticks = ticks_of(outside)
        await comes_true(ticks)
        assert await outside.store.conditions(), "a tick went through while the source was still thinking"
        before = await ticks()

        source.go.set()
        catalogue = outside.catalogue
        assert catalogue is not None
        await comes_true(catalogue.catalogued)

        async def again() -> bool:
            return await ticks() > before

        await comes_true(again)


async def test_told_to_stop_it_breaks_off_and_goes_on_later_without_asking_again(tmp_path: Path, quick: None):
    source = Slow()
    source.go.set()
    async with household(tmp_path, source) as outside:
        second = Slow()
        second.name = "hardcover"
        both = dataclasses.replace(outside, sources=(source, second))
        async with running(both):
            await second.reached.wait()

            async def answered() -> bool:
                return await kept(outside, source)

            await comes_true(answered)
        second.go.set()
        catalogue = outside.catalogue
        assert catalogue is not None
        assert await catalogue.catalogued() == {}
        async with running(both):
            await comes_true(catalogue.refreshed)

    assert len(source.asked) == 1
    assert len(second.asked) == 2


async def kept(outside: Outside, source: Slow) -> bool:
    assert outside.catalogue is not None
    return bool(await outside.catalogue.heard([(source.name, question_key(one)) for one in source.asked]))


async def test_a_failure_of_the_look_up_ends_neither_itself_nor_the_ticks(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
):
    real, failures = loop.refresh_due, [Transient("the store is locked"), ValueError("a bug")]

    async def refresh_due(outside: Outside, **options: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return await real(outside, **options)

    monkeypatch.setattr(loop, "refresh_due", refresh_due)
    source = Slow()
    source.go.set()
    async with household(tmp_path, source) as outside, running(outside):
        assert outside.catalogue is not None
        await comes_true(outside.catalogue.refreshed)
        await comes_true(ticks_of(outside))

    assert failures == []


async def test_without_sources_there_is_nothing_to_look_up(tmp_path: Path, quick: None):
    async with household(tmp_path, Slow()) as outside:
        alone = dataclasses.replace(outside, sources=())
        async with running(alone):
            await comes_true(ticks_of(alone))

        assert alone.catalogue is not None
        assert await alone.catalogue.refreshed() == {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of the loop are short; its log goes nowhere."""
    monkeypatch.setattr(loop, "LOOK_UP_PAUSE_S", 0.01)
    monkeypatch.setattr(loop, "SETTLE_S", 0.01)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
