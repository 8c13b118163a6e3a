"""A folder of recorded replies: read by whoever knows the address, whatever the files are called."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.abs_provider import AbsProvider, AnyProvider
from adapters.catalogues.every import every_source
from adapters.catalogues.recorded import Recorded, RecordingWeb, read_folder, without_secrets
from adapters.catalogues.replies import Reply
from adapters.catalogues.rreading_glasses import RreadingGlasses
from domain.catalogue.claims import Answer, Search
from domain.errors import Permanent, Transient
from tests.adapters.catalogues.contract import FIXTURES
from tests.adapters.catalogues.fake_web import FakeWeb, says

NOBODY = FakeWeb({})
SOURCES = every_source(NOBODY)
NOW = datetime(2025, 5, 15, 12, 0, tzinfo=UTC)
SEARCH = "http://provider.example.invalid/search?query=Oz"


def envelope(url: str = SEARCH, body: object = None, **response: Any) -> dict[str, Any]:
    body = {"matches": [{"title": "Ozma of Oz"}]} if body is None else body
    said = {"status": 200, "contentType": "application/json", "body": body} | response
    return {"request": {"method": "GET", "url": url}, "response": said}


def put(folder: Path, name: str, content: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def contents(folder: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in folder.iterdir()]


def unspaced(body: bytes) -> str:
    return "".join(body.decode(errors="replace").split())


def said(recorded: Recorded) -> tuple[Any, ...]:
    return recorded.source, recorded.answer, recorded.trouble and recorded.trouble.message, recorded.fetched_at


# --- whose reply it is -----------------------------------------------------------------------------------------------


def test_every_recorded_reply_of_the_contract_is_read_by_its_source():
    found = read_folder(FIXTURES, SOURCES)

    unread = {one.file: one.note for one in found if one.note.startswith("no source")}
    sources = {one.file.partition(".")[0]: one.source for one in found if one.answer}
    assert unread == {}
    assert {"rreading-glasses", "kindle", "goodreads", "graphicaudio", "audible"} <= {one.source for one in found}
    assert sources["rreading"] == "rreading-glasses"
    assert all([one.answer, one.trouble, one.note or None].count(None) == 2 for one in found)


def test_what_a_refusal_means_is_kept_beside_the_answers():
    found = {one.file: one for one in read_folder(FIXTURES, SOURCES)}

    assert isinstance(found["rreading.error-429.json"].trouble, Transient)
    assert isinstance(found["abs-agg.error-400.json"].trouble, Permanent)


def test_names_of_files_and_folders_change_nothing(tmp_path: Path):
    for place, path in enumerate(sorted(FIXTURES.glob("*.json"), reverse=True)):
        put(tmp_path, f"{place % 3}/{place:03}.json", path.read_bytes())

    renamed = read_folder(tmp_path, SOURCES)

    assert [said(one) for one in renamed] == [said(one) for one in read_folder(FIXTURES, SOURCES)]


def test_a_reply_goes_to_the_first_source_that_knows_its_address(tmp_path: Path):
    put(tmp_path, "one.json", envelope())
    mine = AbsProvider(NOBODY, name="mine", base_url="http://provider.example.invalid")

    [found] = read_folder(tmp_path, [RreadingGlasses(NOBODY), mine, AnyProvider(NOBODY)])

    assert (found.file, found.source) == ("one.json", "mine")


def test_a_reply_of_nobody_is_a_note_without_its_key(tmp_path: Path):
    put(tmp_path, "one.json", envelope("https://nobody.example.invalid/v1?key=hunter2&q=oz"))

    [found] = read_folder(tmp_path, SOURCES)

    assert found.answer is None
    assert "no source knows https://nobody.example.invalid/v1" in found.note
    assert "hunter2" not in found.note


@pytest.mark.parametrize(
    ("where", "at", "expected"),
    [
        ("response", "2025-05-15T14:00:00+02:00", NOW),
        ("request", "2025-05-15T12:00:00Z", NOW),
        ("response", NOW.timestamp(), NOW),
        ("response", "2025-05-15T12:00:00", None),
        ("response", "yesterday", None),
        ("response", 1e300, None),
        ("response", None, None),
    ],
)
def test_a_file_may_say_when_it_was_fetched(tmp_path: Path, where: str, at: object, expected: datetime | None):
    content = envelope()
    content[where]["at"] = at
    put(tmp_path, "one.json", content)

    [found] = read_folder(tmp_path, SOURCES)

    assert found.fetched_at == expected


def test_text_is_the_body_as_it_came_and_anything_else_is_json(tmp_path: Path):
    put(tmp_path, "text.json", envelope(body='{"matches": [{"title": "Ozma of Oz"}]}'))
    put(tmp_path, "object.json", envelope(body={"matches": [{"title": "Ozma of Oz"}]}))
    put(tmp_path, "nothing.json", envelope() | {"response": {"status": 200}})

    one, other, nothing = sorted(read_folder(tmp_path, SOURCES), key=lambda one: one.trouble is not None)

    assert one.answer == other.answer
    assert nothing.trouble is not None


# --- files that are no replies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[1, 2]",
        b'"text"',
        b"[" * 200_000,
        b'{"request": ' * 50_000,
        {"about": "expected results"},
        {"request": 1, "response": 2},
        {"request": {"url": 5}, "response": {}},
        {"request": {"url": "http://x"}, "response": {"status": "two hundred"}},
        {"request": {"url": "http://[broken"}, "response": {"status": 200}},
        {"request": {"url": "http://x:port/search?query=a"}, "response": {"status": 200}},
    ],
)
def test_a_file_that_holds_no_reply_is_one_note_and_spoils_nothing(tmp_path: Path, content: object):
    put(tmp_path, "good.json", envelope())
    put(tmp_path, "bad.json", content)

    found = read_folder(tmp_path, SOURCES)

    [note] = [one.note for one in found if one.file == "bad.json"]
    assert note
    assert [one.file for one in found if one.answer] == ["good.json"]


def test_a_pipe_or_a_huge_file_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.json")
    with (tmp_path / "huge.json").open("wb") as huge:
        huge.truncate(1 << 30)

    found = read_folder(tmp_path, SOURCES)

    assert [one.answer for one in found] == [None, None]
    assert all(one.note for one in found)


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path: Path):
    with pytest.raises(Permanent, match="cannot be read") as caught:
        read_folder(tmp_path / "nowhere", SOURCES)

    assert caught.value.code == "NoSuchFolder"


def test_an_empty_folder_holds_nothing(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("hello")

    assert read_folder(tmp_path, SOURCES) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_PART = st.dictionaries(st.sampled_from(["url", "method", "status", "headers", "body", "at", "contentType"]), _JSON)


@given(st.dictionaries(st.sampled_from(["request", "response", "at"]), _PART | _JSON), st.data())
def test_whatever_a_file_holds_it_is_one_result(tmp_path_factory: pytest.TempPathFactory, content: Any, data: Any):
    folder = tmp_path_factory.mktemp("recorded")
    if isinstance(content.get("request"), dict):
        urls = [SEARCH, "https://api.bookinfo.pro/series/5", "https://openlibrary.org/search.json?q=a", "http://[x"]
        content["request"]["url"] = data.draw(st.sampled_from(urls) | st.text())
    put(folder, "one.json", msgspec.json.encode(content))

    [found] = read_folder(folder, SOURCES)

    assert [found.answer, found.trouble, found.note].count(None) >= 1
    shutil.rmtree(folder)


# --- recording -------------------------------------------------------------------------------------------------------


async def test_what_was_recorded_reads_as_it_was_answered(tmp_path: Path):
    reply = says({"matches": [{"title": "Ozma of Oz", "author": "L. Frank Baum"}]})
    web = RecordingWeb(FakeWeb(lambda asked: reply), tmp_path, now=lambda: NOW)
    provider = AbsProvider(web, name="mine", base_url="http://provider.example.invalid", authorization="hunter2")

    answer = await provider.ask(Search(title="Ozma of Oz"))
    await provider.ask(Search(title="Ozma of Oz"))

    [found] = read_folder(tmp_path, [provider])
    assert found.answer == answer
    assert found.fetched_at == NOW
    assert "hunter2" not in json.dumps(contents(tmp_path))


async def test_keys_in_addresses_and_cookies_are_not_recorded(tmp_path: Path):
    headers = {"set-cookie": "hunter2", "location": "http://books.example.invalid/?token=hunter2", "retry-after": "5"}
    web = RecordingWeb(FakeWeb(lambda asked: says("gone", status=503, headers=headers)), tmp_path, now=lambda: NOW)

    await web.get("http://me:hunter2@books.example.invalid/v1", params={"q": "oz", "key": "hunter2"})
    await web.post("http://books.example.invalid/graphql", json={"query": "Q"}, headers={"authorization": "hunter2"})

    files = contents(tmp_path)
    assert len(files) == 2
    assert "hunter2" not in json.dumps(files)
    assert {file["request"]["method"]: file["request"].get("body") for file in files} == {
        "GET": None,
        "POST": {"query": "Q"},
    }
    assert all(file["response"]["headers"]["retry-after"] == "5" for file in files)
    assert all(file["response"]["body"] == "gone" for file in files)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b'{"cut', b'{"a": 1.50, "b": 12345678901234567890123}'])
async def test_any_body_can_be_recorded(tmp_path: Path, body: bytes):
    web = RecordingWeb(FakeWeb(lambda asked: says(body)), tmp_path, now=lambda: NOW)

    reply = await web.get(SEARCH)

    class Echo:
        name = "echo"
        seen = b""

        def knows(self, url: str) -> bool:
            return url == SEARCH

        def read(self, reply: Reply) -> Answer:
            self.seen = reply.body
            return Answer(source=self.name)

    echo = Echo()
    [found] = read_folder(tmp_path, [echo])
    assert found.answer
    assert reply.body == body
    assert unspaced(echo.seen) == unspaced(body)


async def test_a_disk_that_refuses_is_transient(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Transient, match="cannot be kept"):
        await RecordingWeb(FakeWeb(lambda asked: says({})), tmp_path / "file", now=lambda: NOW).get(SEARCH)


def test_an_address_keeps_what_is_no_secret():
    assert without_secrets("http://h:1/a?q=oz&api_key=1&page=2") == "http://h:1/a?q=oz&api_key=REDACTED&page=2"
    assert without_secrets("http://h/a?q=L.%20Frank") == "http://h/a?q=L.%20Frank"
