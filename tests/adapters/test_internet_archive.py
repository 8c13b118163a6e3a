"""The Internet Archive against recorded shapes: what it is asked, what is read, what is never taken for an answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.indexers.internet_archive import InternetArchive, Item, plain
from adapters.sandbox.torrent_maker import make_torrent
from domain.errors import Failure, Permanent, Transient

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)
OZ = "example_wonderful_wizard_of_oz_librivox"

Handler = Callable[[httpx.Request], httpx.Response]


class FakeClock:
    def __init__(self) -> None:
        self.moment = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_bytes())


def cases(name: str, **like: str) -> list[Any]:
    found = fixture(name)["cases"]
    return [pytest.param(one, id=one.get("name") or one["intent"]) for one in found if like.items() <= one.items()]


def reply(case: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(case["status"], headers=case["headers"], content=case["body"].encode())


def archive(handler: Handler, clock: FakeClock | None = None) -> InternetArchive:
    clock = clock or FakeClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return InternetArchive(http=http, now=clock.now, sleep=clock.sleep)


def saying(body: object, asked: list[httpx.Request] | None = None) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return httpx.Response(200, json=body)

    return handle


def read(record: object) -> Item:
    item = archive(saying({})).read_item(record, OZ)
    assert item is not None
    return item


# Searching


async def test_a_search_asks_for_librivox_recordings_with_all_words():
    asked: list[httpx.Request] = []
    case = next(one for one in fixture("ia_requests.json")["cases"] if one["intent"] == "find a LibriVox item")

    await archive(saying(fixture("ia_advancedsearch_empty.json"), asked)).search(title="wizard of oz", author="baum")

    assert asked[0].url.path == case["path"]
    assert [list(pair) for pair in asked[0].url.params.multi_items()] == case["query"]


def test_what_the_search_language_understands_is_taken_out_of_a_title():
    [case] = [one for one in fixture("ia_requests.json")["cases"] if "want_title" in one]

    assert f"collection:librivoxaudio AND title:({plain(case['want_title'])})" == case["q"]
    assert plain("Tik-Tok OF Oz AND NOT Ozma's Queen") == "Tik Tok OF Oz and not Ozma Queen"


@given(st.text())
def test_nothing_but_words_is_left_of_any_text(text: str):
    assert all(word.isalnum() and word not in ("AND", "OR", "NOT", "TO") for word in plain(text).split())


async def test_without_words_the_newest_are_asked_for():
    asked: list[httpx.Request] = []

    await archive(saying(fixture("ia_advancedsearch_empty.json"), asked)).search()

    assert asked[0].url.params["q"] == "collection:librivoxaudio"
    assert asked[0].url.params["sort[]"] == "publicdate desc"


async def test_fields_may_be_text_or_a_list_or_absent():
    hits = await archive(saying(fixture("ia_advancedsearch.json"))).search(title="oz")

    assert [(hit.identifier, hit.title, hit.creators) for hit in hits] == [
        (OZ, "The Wonderful Wizard of Oz", ("L. Frank Baum",)),
        (
            "example_wizard_oz_v2_librivox",
            "The Wonderful Wizard of Oz (Version 2)",
            ("L. Frank Baum", "Example Adapter"),
        ),
        ("example_no_torrent_librivox", "Ozma of Oz", ()),
    ]


async def test_an_empty_list_is_an_answer():
    assert await archive(saying(fixture("ia_advancedsearch_empty.json"))).search(title="zzz") == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"response": {}},
        {"response": {"numFound": 3, "docs": []}},
        {"response": {"numFound": 1, "docs": ["x", {"identifier": "../x", "title": "Oz"}]}},
        {"response": {"docs": []}},
    ],
    ids=str,
)
async def test_half_an_answer_is_no_empty_one(body: object):
    with pytest.raises(Transient) as caught:
        await archive(saying(body)).search(title="oz")

    assert caught.value.code == "IndexerUnreadable"


OUTCOMES: Mapping[str, tuple[type[Failure], str]] = {
    "bad_request": (Permanent, "IndexerBadRequest"),
    "temporary": (Transient, ""),
    "rate_limited": (Transient, "IndexerRateLimited"),
}


@pytest.mark.parametrize(
    "case",
    [
        *cases("ia_replies.json", request="GET /advancedsearch.php"),
        *cases("ia_replies.json", request="any"),
    ],
)
async def test_a_reply_that_is_no_list_is_told_for_what_it_is(case: dict[str, Any]):
    kind, code = OUTCOMES[case["expect"]]

    with pytest.raises(kind) as caught:
        await archive(lambda _: reply(case)).search(title="oz")

    assert caught.value.code.startswith(code)
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after_s == case.get("retry_after_s")


async def test_an_error_that_may_pass_is_not_for_ever():
    with pytest.raises(Transient, match="backend"):
        await archive(saying({"error": "the backend timed out"})).search(title="oz")


async def test_a_refusal_names_no_key():
    with pytest.raises(Permanent) as caught:
        await archive(lambda _: httpx.Response(403)).search(title="oz")

    assert caught.value.code == "IndexerRefused"
    assert "key" not in caught.value.message


async def test_requests_are_a_second_apart():
    clock = FakeClock()
    source = archive(saying(fixture("ia_advancedsearch_empty.json")), clock)

    await source.search(title="oz")
    await source.search(title="ix")

    assert clock.slept == [1.0]


# Records


def test_a_record_is_read_as_it_was_written():
    item, expected = read(fixture("ia_metadata.json")), fixture("ia_metadata.expected.json")

    assert item.identifier == expected["identifier"]
    assert item.infohash == expected["infohash"]
    assert item.title == expected["title"]
    assert list(item.creators) == expected["authors"]
    assert item.runtime_s == expected["seconds"]
    assert item.licence == "http://creativecommons.org/publicdomain/mark/1.0/"
    assert item.published_at == datetime(2010, 1, 2, 3, 4, 5, tzinfo=UTC)
    sizes = {file.name: file.size_bytes for file in item.files}
    assert {name: sizes[name] for name in expected["sizes"]} == expected["sizes"]
    formats = Counter(file.format for file in item.files)
    named = {
        "m4b": "LibriVox Apple Audiobook",
        "mp3_128": "128Kbps MP3",
        "mp3_64": "64Kbps MP3",
        "ogg": "Ogg Vorbis",
    }
    assert {short: formats[name] for short, name in named.items()} == expected["formats"]


def test_an_item_without_a_torrent_has_no_infohash():
    item = read(fixture("ia_metadata_no_torrent.json"))

    assert item.infohash is None
    assert item.licence is None
    assert item.is_free


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, True),
        ({"collection": "opensource_audio"}, True),
        ({"collection": "opensource_audio", "licenseurl": "https://creativecommons.org/licenses/by/4.0/"}, True),
        (
            {"collection": "opensource_audio", "licenseurl": "https://www.creativecommons.org/publicdomain/zero/1.0/"},
            True,
        ),
        ({"collection": "opensource_audio", "licenseurl": None}, False),
        ({"collection": "opensource_audio", "licenseurl": "https://example.org/publicdomain/"}, False),
        (
            {"collection": "opensource_audio", "licenseurl": "https://creativecommons.org.example/licenses/by/4.0/"},
            False,
        ),
        ({"collection": ["librivoxaudio"], "licenseurl": None}, True),
        ({"collection": "librivoxaudio", "access-restricted-item": "true"}, False),
    ],
    ids=str,
)
def test_only_what_everybody_may_have_is_free(changes: dict[str, Any], free: bool):
    record = fixture("ia_metadata.json")
    record["metadata"] |= changes

    assert read(record).is_free is free


def test_several_languages_are_no_language():
    record = fixture("ia_metadata.json")
    record["metadata"]["language"] = ["eng", "fre"]

    assert read(record).language is None


@pytest.mark.parametrize(
    "case",
    [
        one
        for one in cases("ia_replies.json", expect="gone")
        if one.values[0]["request"].startswith("GET /metadata")  # type: ignore[index, call-overload]
    ],
)
async def test_the_archive_has_several_words_for_nothing(case: dict[str, Any]):
    assert await archive(lambda _: reply(case)).item("nope") is None


@pytest.mark.parametrize("body", [{"metadata": {}}, {"files": []}, {"error": "busy"}, [1], "x", None], ids=str)
async def test_half_a_record_is_none(body: object):
    with pytest.raises(Transient):
        await archive(saying(body)).item(OZ)


async def test_a_record_is_asked_for_once_a_day():
    asked: list[httpx.Request] = []
    clock = FakeClock()
    source = archive(saying(fixture("ia_metadata.json"), asked), clock)

    assert not source.knows(OZ)
    assert await source.item(OZ) == await source.item(OZ)
    assert source.knows(OZ)
    assert [request.url.path for request in asked] == [f"/metadata/{OZ}"]
    clock.moment += timedelta(hours=25)
    assert not source.knows(OZ)
    await source.item(OZ)
    assert len(asked) == 2


async def test_a_failure_is_not_remembered():
    answers = iter([httpx.Response(503), httpx.Response(200, json=fixture("ia_metadata.json"))])
    source = archive(lambda _: next(answers))

    with pytest.raises(Transient):
        await source.item(OZ)

    assert await source.item(OZ) is not None


@pytest.mark.parametrize("identifier", ["", "../secret", "a/b", "a b", "x" * 200, "-a"])
async def test_only_the_name_of_an_item_becomes_an_address(identifier: str):
    asked: list[httpx.Request] = []
    source = archive(saying({}, asked))

    for act in (source.item(identifier), source.torrent(identifier)):
        with pytest.raises(Permanent):
            await act
    assert asked == []


# Torrents


def a_torrent(tmp_path: Path) -> bytes:
    folder = tmp_path / OZ
    folder.mkdir()
    for number in (1, 2):
        (folder / f"oz_{number:02}_128kb.mp3").write_bytes(b"a" * 2_000)
        (folder / f"oz_{number:02}_64kb.mp3").write_bytes(b"b" * 1_000)
    (folder / "oz.jpg").write_bytes(b"c")
    (folder / "oz_meta.xml").write_bytes(b"d")
    return make_torrent(folder)


def leading(hops: Mapping[str, str], torrent: bytes) -> Handler:
    """Redirects by address; the torrent at every other one."""

    def handle(request: httpx.Request) -> httpx.Response:
        target = hops.get(str(request.url))
        return httpx.Response(302, headers={"Location": target}) if target else httpx.Response(200, content=torrent)

    return handle


async def test_a_torrent_comes_from_a_data_node_with_one_set_wanted(tmp_path: Path):
    [case] = [one for one in fixture("ia_replies.json")["cases"] if one["expect"] == "follow_once"]
    asked = f"https://archive.org{case['request'].removeprefix('GET ')}"
    torrent = a_torrent(tmp_path)
    node = case["headers"]["Location"]

    payload = await archive(leading({asked: node, node: node.replace("ia80", "ia90")}, torrent)).torrent(OZ)

    assert payload.content == torrent
    assert [file.path for file in payload.files or ()] == [
        f"{OZ}/oz.jpg",
        f"{OZ}/oz_01_128kb.mp3",
        f"{OZ}/oz_02_128kb.mp3",
    ]
    assert payload.unwanted == (f"{OZ}/oz_01_64kb.mp3", f"{OZ}/oz_02_64kb.mp3", f"{OZ}/oz_meta.xml")
    assert payload.infohash_v1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://archive.org/x", "magnet:?xt=urn:btih:" + "ab" * 20])
async def test_a_redirect_to_no_web_address_is_not_followed(tmp_path: Path, target: str):
    start = f"https://archive.org/download/{OZ}/{OZ}_archive.torrent"

    with pytest.raises(Permanent) as caught:
        await archive(leading({start: target}, a_torrent(tmp_path))).torrent(OZ)

    assert caught.value.code == "ReleaseUnfetchable"


async def test_redirects_come_to_an_end(tmp_path: Path):
    start = f"https://archive.org/download/{OZ}/{OZ}_archive.torrent"
    hops = {start: "https://a.example/1", "https://a.example/1": "https://a.example/2", "https://a.example/2": "/3"}

    with pytest.raises(Permanent) as caught:
        await archive(leading(hops, a_torrent(tmp_path))).torrent(OZ)

    assert caught.value.code == "ReleaseUnfetchable"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_torrent_that_is_not_given_out_is_gone(status: int):
    with pytest.raises(Permanent) as caught:
        await archive(lambda _: httpx.Response(status)).torrent(OZ)

    assert caught.value.code == "ReleaseGone"


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"d4:info"])
async def test_what_is_no_torrent_is_tried_again(body: bytes):
    with pytest.raises(Transient) as caught:
        await archive(lambda _: httpx.Response(200, content=body)).torrent(OZ)

    assert caught.value.code == "IndexerUnreadable"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "files", "error", "is_dark", "name", "size", "btih", "title", "creator"]),
            inner,
        )
    ),
)


@given(JSON)
def test_no_record_breaks_the_reader(record: object):
    try:
        item = archive(saying({})).read_item(msgspec.json.decode(msgspec.json.encode(record)), OZ)
    except Failure:
        return
    assert item is None or isinstance(item.torrent_files, tuple)
