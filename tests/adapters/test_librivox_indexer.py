"""LibriVox as an indexer against recorded shapes: what it asks whom, what it offers, and what a gate makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.indexers.librivox import LibriVox, release_title
from adapters.sandbox.torrent_maker import make_torrent
from adapters.torrents import read_torrent
from domain.errors import Conflict, Failure, Permanent, Transient
from domain.gates import Answer, answer, judge, judge_files
from domain.positions import read_position
from domain.releases import Release
from domain.wants import Want

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
NOW = datetime(2025, 12, 4, 0, tzinfo=UTC)
OZ = "example_wonderful_wizard_of_oz_librivox"
HASH = "f618e77511c3a7c238667189e746a4756fbcd06d"
NOTHING: dict[str, Any] = {"error": "Audiobooks could not be found"}

Handler = Callable[[httpx.Request], httpx.Response]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


WIZARD = Query(text="wonderful wizard of oz l frank baum", title="The Wonderful Wizard of Oz", author="L. Frank Baum")


class Web:
    """Both hosts. What is not set up is not there."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.feed: httpx.Response | object = NOTHING
        self.search: httpx.Response | object = fixture("ia_advancedsearch_empty.json")
        self.records: dict[str, Any] = {}
        self.record: httpx.Response | None = None
        self.torrent = b""
        self.by_author: Mapping[str, object] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if path == "/api/feed/audiobooks":
            return replied(self.by_author.get(request.url.params.get("author", ""), self.feed))
        if path == "/advancedsearch.php":
            return replied(self.search)
        if path.startswith("/metadata/"):
            return self.record or replied(self.records.get(path.removeprefix("/metadata/"), {}))
        return httpx.Response(200, content=self.torrent) if self.torrent else httpx.Response(404)

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]

    def questions(self) -> list[list[list[str]]]:
        feeds = [request for request in self.asked if request.url.path == "/api/feed/audiobooks"]
        return [[list(pair) for pair in request.url.params.multi_items()] for request in feeds]


def replied(body: httpx.Response | object) -> httpx.Response:
    if isinstance(body, httpx.Response):
        return httpx.Response(body.status_code, headers=body.headers, content=body.content)
    return httpx.Response(404 if body == NOTHING else 200, json=body)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_bytes())


async def no_pause(seconds: float) -> None:
    return


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def source(web: Web) -> LibriVox:
    http = httpx.AsyncClient(transport=httpx.MockTransport(web))
    return LibriVox("librivox", http=http, now=lambda: NOW, sleep=no_pause)


def record(identifier: str = OZ, **changes: Any) -> Any:
    told = fixture("ia_metadata.json")
    told["metadata"] |= {"identifier": identifier, **changes}
    for file in told["files"]:
        file["name"] = file["name"].replace(OZ, identifier)
    return told


def books(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"books": list(rows)}


def book(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {**fixture("librivox_audiobooks_extended.json")["books"][0], **changes}
    return row


def request_like(intent: str) -> Any:
    return next(one for one in fixture("librivox_requests.json")["cases"] if one["intent"] == intent)


# Asking


async def test_a_title_is_asked_for_by_its_beginning_without_its_article(web: Web, source: LibriVox):
    await source.search(WIZARD)

    case = request_like("find by title start")
    assert web.paths[0] == case["path"]
    [question] = web.questions()
    assert sorted(question) == sorted(case["query"])


async def test_the_newest_are_asked_for_since_a_fortnight_ago(web: Web, source: LibriVox):
    assert await source.search(Query()) == ()

    case = request_like("new since a moment")
    [question] = web.questions()
    assert [pair for pair in case["query"] if pair not in question] == []
    assert web.paths == [case["path"]]


async def test_an_author_is_asked_for_by_the_last_name(web: Web, source: LibriVox):
    await source.search(Query(author="L. Frank Baum"))

    [question] = web.questions()
    assert sorted(question) == sorted(request_like("all books of an author")["query"])


async def test_a_particle_may_belong_to_the_last_name_or_not(web: Web, source: LibriVox):
    wanted, values = (request_like("author with particles")[key] for key in ("want", "author_values"))

    for author in wanted.split(" / "):
        await source.search(Query(author=author))

    asked = [dict(map(tuple, question))["author"] for question in web.questions()]
    assert asked == [name for value in values for name in ([value] if isinstance(value, str) else value)]


async def test_a_text_alone_is_taken_for_a_title(web: Web, source: LibriVox):
    await source.search(Query(text="the marvelous land of oz"))

    assert web.asked[0].url.params["title"] == "^marvelous land of oz"
    assert web.asked[1].url.params["q"] == "collection:librivoxaudio AND title:(marvelous land of oz)"


async def test_punctuation_alone_asks_nothing(web: Web, source: LibriVox):
    assert await source.search(Query(text="?! ...")) == ()
    assert web.asked == []


async def test_a_long_list_is_read_to_its_end_and_an_endless_one_is_not(web: Web, source: LibriVox):
    web.feed = books(*(book(url_iarchive=f"https://archive.org/details/oz_{number}") for number in range(50)))

    await source.search(WIZARD)

    assert [request.url.params["offset"] for request in web.asked[:3]] == ["0", "50", "100"]
    assert len(web.questions()) == 3


# Reading


async def entries(web: Web, source: LibriVox, name: str) -> dict[str, Release]:
    """What is offered of a recorded answer, by item, where every item has a torrent."""
    web.feed = fixture(name)
    for row in web.feed["books"]:  # type: ignore[index]
        address = row.get("url_iarchive") or row["url_zip_file"]
        identifier = address.split("/")[4] if address else ""
        web.records[identifier] = record(identifier)
    found = await source.search(Query(text="anything"))
    return {(release.tracker_id or "").removeprefix("ia/"): release for release in found}


async def test_rows_are_read_as_they_were_meant(web: Web, source: LibriVox):
    found = await entries(web, source, "librivox_audiobooks.json")
    expected = fixture("librivox_audiobooks.expected.json")["rows"]

    wizard, second, emerald, vingt, holmes = found.values()
    assert len(expected) == len(found) + 1  # the last one is not finished
    assert wizard.title == "Wonderful Wizard of Oz by L. Frank Baum"
    assert wizard.authors == tuple(expected[0]["authors"])
    assert wizard.tags == "4h 05m"
    assert second.title == "Wonderful Wizard of Oz (2nd Edition) by L. Frank Baum"
    assert emerald.title == "Emerald City of Oz (Dramatized) by L. Frank Baum"
    assert (vingt.language, vingt.authors) == (expected[3]["language"], ("Jules Verne",))
    assert holmes.authors == tuple(expected[4]["authors"])
    assert holmes.tags == "100h 00m"


async def test_a_long_row_tells_readers_and_the_item(web: Web, source: LibriVox):
    found = await entries(web, source, "librivox_audiobooks_extended.json")
    expected = fixture("librivox_audiobooks_extended.expected.json")["rows"]

    assert list(found) == [row["archive_identifier"] for row in expected]
    assert [release.narrators for release in found.values()] == [tuple(expected[0]["narrators"]), None]
    assert found["example_20000_leagues_librivox"].authors == tuple(expected[1]["authors"])


async def test_a_release_says_all_that_is_known(web: Web, source: LibriVox):
    web.feed, web.records = books(book()), {OZ: record()}

    [release] = await source.search(WIZARD)

    assert release == Release(
        id=release.id,
        indexer="librivox",
        title="Wonderful Wizard of Oz by L. Frank Baum",
        authors=("L. Frank Baum",),
        narrators=("Example Reader", "Zoë Müller"),
        language="English",
        filetypes=("m4b",),
        category="Audiobooks",
        categories=(3030,),
        tags="4h 05m",
        size_bytes=130_120_000,
        files=2,
        published_at=datetime(2010, 1, 2, 3, 4, 5, tzinfo=UTC),
        infohash=HASH,
        download_factor=0.0,
        min_ratio=0.0,
        min_seed_s=0,
        tracker="LibriVox",
        tracker_id=f"ia/{OZ}",
        whole=False,
        info_url="https://librivox.org/the-wonderful-wizard-of-oz-by-l-frank-baum/",
    )
    assert len(release.id) == 16


async def test_without_the_whole_book_in_one_file_the_better_tracks_are_offered(web: Web, source: LibriVox):
    told = record()
    told["files"] = [file for file in told["files"] if not file["name"].endswith(".m4b")]
    web.feed, web.records = books(book()), {OZ: told}

    [release] = await source.search(WIZARD)

    assert (release.filetypes, release.size_bytes, release.files) == (("mp3",), 8_458_000, 2)


async def test_a_size_that_is_not_known_is_not_made_up(web: Web, source: LibriVox):
    told = record()
    del told["files"][3]["size"]
    told["files"] = told["files"][3:]
    web.feed, web.records = books(book()), {OZ: told}

    [release] = await source.search(WIZARD)

    assert (release.filetypes, release.size_bytes) == (("m4b",), None)


async def test_many_readers_are_a_group(web: Web, source: LibriVox):
    sections = [{"readers": [{"display_name": f"Reader {number}"}]} for number in range(5)]
    web.feed, web.records = books(book(sections=sections)), {OZ: record()}

    [release] = await source.search(WIZARD)

    assert release.narrators == ("Various",)


@pytest.mark.parametrize(
    "changes",
    [{"url_iarchive": "", "url_zip_file": ""}, {"totaltimesecs": 0}, {"totaltimesecs": None}, {"totaltimesecs": "x"}],
    ids=str,
)
async def test_a_recording_that_is_not_finished_is_not_offered(web: Web, source: LibriVox, changes: dict[str, Any]):
    web.feed, web.records = books(book(**changes)), {OZ: record()}

    assert await source.search(WIZARD) == ()


async def test_an_item_without_a_torrent_is_not_offered(web: Web, source: LibriVox):
    web.feed, web.records = books(book()), {OZ: fixture("ia_metadata_no_torrent.json")}

    assert await source.search(WIZARD) == ()


async def test_an_item_that_is_gone_or_not_free_or_without_audio_is_not_offered(web: Web, source: LibriVox):
    silent = record("c")
    silent["files"] = [file for file in silent["files"] if not file["name"].endswith((".mp3", ".ogg", ".m4b"))]
    rows = [book(url_iarchive=f"https://archive.org/details/{name}") for name in "abcd"]
    web.feed = books(*rows)
    web.records = {"b": record("b", collection="opensource", licenseurl=""), "c": silent, "d": record("d")}

    assert [release.tracker_id for release in await source.search(WIZARD)] == ["ia/d"]


async def test_only_the_likeliest_records_are_asked_for(web: Web, source: LibriVox):
    others = [
        book(title=f"Wonderful Wizard of Oz and {n} More", url_iarchive=f"https://archive.org/details/o_{n}")
        for n in range(9)
    ]
    web.feed = books(*others, book())
    web.records = {OZ: record(), **{f"o_{n}": record(f"o_{n}") for n in range(9)}}

    found = await source.search(WIZARD)

    assert found[0].tracker_id == f"ia/{OZ}"
    assert len(found) == 5
    assert sum(path.startswith("/metadata/") for path in web.paths) == 5
    # Records that are known leave room for others.
    assert len(await source.search(WIZARD)) == 10


async def test_the_same_recording_has_the_same_id_wherever_it_was_found(web: Web, source: LibriVox):
    web.records = {OZ: record()}
    web.feed = books(book())
    [listed] = await source.search(WIZARD)
    web.feed, web.search = NOTHING, fixture("ia_advancedsearch.json")
    [found, *_] = await source.search(WIZARD)

    assert found.id == listed.id
    assert (listed.tracker, found.tracker) == ("LibriVox", "Internet Archive")


# Nothing, and no answer


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=one["name"]) for one in fixture("librivox_replies.json")["cases"]],
)
async def test_replies_are_told_for_what_they_are(web: Web, source: LibriVox, case: dict[str, Any]):
    web.feed = httpx.Response(case["status"], headers=case["headers"], content=case["body"].encode())
    kinds: Mapping[str, type[Failure]] = {"bad_request": Permanent, "temporary": Transient}

    if case["expect"] == "no_results":
        assert await source.search(Query()) == ()
        return
    if case["expect"] == "one_book":
        # A list with number keys is a list; this book in it is not finished.
        [entry] = source._entries(json.loads(case["body"]), 200)
        assert entry.title == "Wonderful Wizard of Oz"
        return
    with pytest.raises(kinds[case["expect"]]) as caught:
        await source.search(WIZARD)
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after_s == case.get("retry_after_s")


async def test_short_rows_without_an_item_offer_nothing(web: Web, source: LibriVox):
    web.feed = fixture("librivox_fields.json")

    assert await source.search(WIZARD) == ()


async def test_xml_is_no_answer(web: Web, source: LibriVox):
    web.feed = httpx.Response(200, content=(FIXTURES / "librivox_default_xml.xml").read_bytes())

    with pytest.raises(Transient) as caught:
        await source.search(WIZARD)

    assert caught.value.code == "IndexerUnreadable"


async def test_rows_that_are_all_broken_are_no_answer(web: Web, source: LibriVox):
    web.feed = books({"id": "1"}, {"title": 7})

    with pytest.raises(Transient):
        await source.search(WIZARD)


async def test_what_librivox_does_not_find_the_archive_may_find(web: Web, source: LibriVox):
    web.search, web.records = fixture("ia_advancedsearch.json"), {OZ: record()}

    [release] = await source.search(WIZARD)

    query = next(request.url.params["q"] for request in web.asked if request.url.path == "/advancedsearch.php")
    assert query == "collection:librivoxaudio AND title:(Wonderful Wizard of Oz) AND creator:(Baum)"
    assert release.title == "The Wonderful Wizard of Oz by L. Frank Baum"
    assert (release.language, release.tags, release.narrators) == ("eng", "4h 05m", None)
    assert release.info_url == f"https://archive.org/details/{OZ}"
    assert (release.tracker, release.warnings) == ("Internet Archive", ())


async def test_both_have_nothing(source: LibriVox):
    assert await source.search(WIZARD) == ()


async def test_while_librivox_is_silent_the_archive_answers_and_says_so(web: Web, source: LibriVox):
    web.feed, web.search, web.records = httpx.Response(503), fixture("ia_advancedsearch.json"), {OZ: record()}

    [release] = await source.search(WIZARD)
    [newest] = await source.search(Query())

    assert release.tracker == newest.tracker == "Internet Archive"
    assert release.warnings == ("LibriVox did not answer (IndexerUnreachable): found by the Internet Archive.",)


async def test_nothing_found_while_librivox_is_silent_is_no_answer(web: Web, source: LibriVox):
    web.feed = httpx.Response(503, headers={"Retry-After": "120"})

    with pytest.raises(Transient) as caught:
        await source.search(WIZARD)

    assert caught.value.retry_after_s == 120


async def test_nothing_found_while_the_archive_is_silent_is_no_answer(web: Web, source: LibriVox):
    web.search = httpx.Response(503)

    with pytest.raises(Transient):
        await source.search(WIZARD)


async def test_a_record_that_cannot_be_read_is_not_left_out(web: Web, source: LibriVox):
    web.feed, web.record = books(book()), httpx.Response(503)

    with pytest.raises(Transient):
        await source.search(WIZARD)


async def test_when_both_are_silent_both_are_named(web: Web, source: LibriVox):
    web.feed, web.search = httpx.Response(503), httpx.Response(429, headers={"Retry-After": "60"})

    with pytest.raises(Transient) as caught:
        await source.search(WIZARD)

    assert "LibriVox" in caught.value.message
    assert "Internet Archive" in caught.value.message
    assert caught.value.retry_after_s == 60


@pytest.mark.parametrize(
    ("feed", "search", "kind"), [(403, 403, Permanent), (403, 503, Transient), (503, 403, Transient)]
)
async def test_only_two_refusals_are_for_a_person(
    web: Web, source: LibriVox, feed: int, search: int, kind: type[Failure]
):
    web.feed, web.search = httpx.Response(feed), httpx.Response(search)

    with pytest.raises(kind):
        await source.search(WIZARD)


# Fetching


def a_torrent(tmp_path: Path) -> bytes:
    folder = tmp_path / OZ
    folder.mkdir()
    for number in (1, 2):
        (folder / f"wizardofoz_{number:02}_baum_128kb.mp3").write_bytes(b"a" * 700_000)
        (folder / f"wizardofoz_{number:02}_baum_64kb.mp3").write_bytes(b"b" * 350_000)
        (folder / f"wizardofoz_{number:02}_baum.ogg").write_bytes(b"c" * 300_000)
    (folder / "wizardofoz_128kb_mp3.zip").write_bytes(b"d")
    (folder / "wizardofoz.jpg").write_bytes(b"e")
    return make_torrent(folder)


async def test_a_release_is_fetched_after_a_restart_and_though_it_was_rebuilt(
    web: Web, source: LibriVox, tmp_path: Path
):
    web.torrent = a_torrent(tmp_path)
    release = Release(id="0" * 16, indexer="librivox", title="Oz", tracker_id=f"ia/{OZ}", infohash=HASH, whole=False)

    payload = await source.fetch(release)

    assert payload.content == web.torrent
    assert payload.infohash_v1 == read_torrent(web.torrent).infohash_v1 != HASH
    assert {file.extension for file in payload.files or ()} == {"mp3", "jpg"}
    assert len(payload.unwanted) == 5
    want = Want(key="x", title="The Wonderful Wizard of Oz", authors=("L. Frank Baum",))
    assert answer(judge_files(want, payload.files or ())) is Answer.CONFIRMED
    [case] = [one for one in fixture("ia_requests.json")["cases"] if one["intent"] == "torrent"]
    assert web.paths == [case["path"]]


@pytest.mark.parametrize("tracker_id", [None, "mam/12", "ia/", "ia/../x", "ia/a/b"])
async def test_what_is_none_of_ours_is_not_fetched(web: Web, source: LibriVox, tracker_id: str | None):
    with pytest.raises(Conflict) as caught:
        await source.fetch(Release(id="0" * 16, indexer="librivox", title="Oz", tracker_id=tracker_id))

    assert caught.value.code == "ReleaseNotListed"
    assert web.asked == []


async def test_a_torrent_that_is_gone_is_said_to_be(source: LibriVox):
    with pytest.raises(Permanent) as caught:
        await source.fetch(Release(id="0" * 16, indexer="librivox", title="Oz", tracker_id=f"ia/{OZ}"))

    assert caught.value.code == "ReleaseGone"


async def test_nobody_has_an_account(source: LibriVox):
    account: object = await source.account()  # type: ignore[func-returns-value]

    assert account is None
    assert repr(source) == "LibriVox('librivox')"
    assert len(source.fingerprint) == 4


# Titles, as the gates read them


def want(title: str, number: str, **changes: Any) -> Want:
    return Want(
        key="x", title=title, authors=("L. Frank Baum",), series="Oz", position=read_position(number), **changes
    )


def offered(title: str) -> Release:
    return Release(
        id="0" * 16,
        indexer="librivox",
        title=release_title(title, ("L. Frank Baum",)),
        authors=("L. Frank Baum",),
        language="English",
        filetypes=("m4b",),
        category="Audiobooks",
        categories=(3030,),
        download_factor=0.0,
        whole=False,
    )


OZ_BOOKS = {
    "1": "The Wonderful Wizard of Oz",
    "2": "The Marvelous Land of Oz",
    "3": "Ozma of Oz",
    "4": "Dorothy and the Wizard in Oz",
    "5": "The Road to Oz",
    "6": "The Emerald City of Oz",
    "7": "The Patchwork Girl of Oz",
    "8": "Tik-Tok of Oz",
    "9": "The Scarecrow of Oz",
    "10": "Rinkitink in Oz",
    "11": "The Lost Princess of Oz",
    "12": "The Tin Woodman of Oz",
    "13": "The Magic of Oz",
    "14": "Glinda of Oz",
}


@pytest.mark.parametrize("mark", ["", " (Version 2)", " (version 3)", " (Version 12)", ", Version 2"])
@pytest.mark.parametrize("number", OZ_BOOKS)
def test_every_recording_of_a_book_is_that_book_and_no_other(number: str, mark: str):
    listed = OZ_BOOKS[number].removeprefix("The ") + mark

    answers = {other: answer(judge(want(title, other), offered(listed))) for other, title in OZ_BOOKS.items()}

    assert answers == {other: Answer.CONFIRMED if other == number else Answer.NO for other in OZ_BOOKS}


@pytest.mark.parametrize("mark", ["(Dramatic Reading)", "(dramatic reading)", "(version 2, Dramatic Reading)"])
@pytest.mark.parametrize("number", OZ_BOOKS)
def test_a_dramatic_reading_is_no_plain_one(number: str, mark: str):
    title = OZ_BOOKS[number]
    release = offered(f"{title.removeprefix('The ')} {mark}")

    assert answer(judge(want(title, number), release)) is Answer.NO
    assert answer(judge(want(title, number, form="dramatized"), release)) is Answer.CONFIRMED


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Emma (version 11)", "Emma (11th Edition)"),
        ("Emma (version 22)", "Emma (22nd Edition)"),
        ("Emma (Version 3 Dramatic Reading)", "Emma (3rd Edition) (Dramatized)"),
        ("Emma (abridged)", "Emma (abridged)"),
        ("20,000 Leagues (Mercier translation)", "20,000 Leagues (Mercier translation)"),
        ("Emma (Version 2, abridged)", "Emma (abridged) (2nd Edition)"),
        ("The King's Version", "The King's Version"),
    ],
)
def test_marks_are_told_in_the_words_of_releases(title: str, shown: str):
    assert release_title(title) == shown


def test_a_remark_that_nobody_knows_is_for_a_person():
    assert answer(judge(want("Ozma of Oz", "3"), offered("Ozma of Oz (new arrangement)"))) is Answer.POSSIBLE


@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_title_becomes_one(title: str, authors: list[str]):
    assert isinstance(release_title(title, authors), str)
