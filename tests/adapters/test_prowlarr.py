"""The Prowlarr client against recorded shapes: what it reads, whom it asks and how, and what silence is worth."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest

from adapters.indexers.prowlarr import Prowlarr
from adapters.sandbox.torrent_maker import make_torrent
from adapters.torrents import read_torrent
from domain.errors import Conflict, Failure, Permanent, Transient, Unfit
from domain.releases import Release

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
KEY = "EXAMPLEAPIKEY"
BASE = "http://prowlarr.local:9696"
NOW = datetime(2025, 11, 21, 7, 30, tzinfo=UTC)

Handler = Callable[[httpx.Request], httpx.Response]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


OZ = Query(text="The Wonderful Wizard of Oz L Frank Baum")


class FakeClock:
    def __init__(self) -> None:
        self.moment = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def cases(name: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(fixture(name))["cases"]
    return listed


def answer(case: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(case["status"], headers=case["headers"], content=case.get("body", "").encode())


class Server:
    """Answers as Prowlarr does, by path; every request is kept. What is changed by name overrides a recording."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "indexer": fixture("prowlarr_indexers.json"),
            "indexerstatus": b"[]",
            "system/status": fixture("prowlarr_system_status.json"),
            "search": fixture("prowlarr_search.json"),
            "api": fixture("prowlarr_feed.xml"),
            "download": httpx.Response(404),
        } | answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.headers.get("x-api-key") != KEY:
            return httpx.Response(401)
        path = request.url.path
        name = path.partition("/api/v1/")[2] or path.rsplit("/", 1)[-1]
        given = self.answers[name]
        if callable(given):
            given = given(request)
        return given if isinstance(given, httpx.Response) else httpx.Response(200, content=given)

    def asked(self, name: str) -> list[list[tuple[str, str]]]:
        """The questions put to one path."""
        return [
            parse_qsl(one.url.query.decode(), keep_blank_values=True)
            for one in self.requests
            if one.url.path.endswith(f"/{name}")
        ]


def indexer(server: Handler, *, url: str = BASE, clock: FakeClock | None = None, **options: Any) -> Prowlarr:
    clock = clock or FakeClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(server))
    return Prowlarr("prowlarr", url, KEY, http=http, now=clock.now, sleep=clock.sleep, **options)


def rows(*numbers: int, tracker: int = 2, **changes: Any) -> bytes:
    """Rows of one tracker in the shape of the recorded one."""
    like = json.loads(fixture("prowlarr_search.json"))[1]
    made = [
        like
        | {"guid": f"https://public.example/t/{number}", "title": f"Barsoom {number}", "indexerId": tracker}
        | {"infoUrl": f"https://public.example/t/{number}"}
        | {"magnetUrl": like["magnetUrl"].replace("/2/", f"/{tracker}/").replace("ZXhhbXBsZQ", f"signed{number}")}
        | changes
        for number in numbers
    ]
    return json.dumps(made).encode()


def only(*numbers: int, **changes: Any) -> bytes:
    """The recorded indexers with these ids, all enabled torrent ones."""
    like = json.loads(fixture("prowlarr_indexers.json"))[1]
    return json.dumps([like | {"id": number, "name": f"Tracker {number}"} | changes for number in numbers]).encode()


async def by_title(source: Prowlarr, query: Query = OZ) -> dict[str, Release]:
    return {release.title: release for release in await source.search(query)}


# What is read


async def test_every_row_reads_as_a_correct_reader_reads_it() -> None:
    found = await by_title(indexer(Server()))

    assert set(found) == {
        "The Wonderful Wizard of Oz",
        "Barsoom 01-03 Edgar Rice Burroughs MP3",
        "Vingt mille lieues sous les mers by Jules Verne, Philippe Dubois, Anne Martin, Paul Lefèvre, Luc Moreau "
        "[FRE / FLAC]",
        "Sherlock Holmes L'aventure du ruban moucheté",
    }
    oz = found["The Wonderful Wizard of Oz"]
    assert (oz.indexer, oz.tracker, oz.tracker_id) == ("prowlarr", "MyAnonamouse", "mam/900001")
    assert (oz.authors, oz.language, oz.filetypes) == (("L Frank Baum",), "ENG", ("m4b",))
    assert (oz.size_bytes, oz.files, oz.grabs, oz.seeders, oz.leechers) == (553_962_700, 1, 310, 64, 0)
    assert (oz.download_factor, oz.tags, oz.infohash) == (0.0, "freeleech", None)
    assert (oz.min_ratio, oz.min_seed_s) == (1.0, 259_200)
    assert (oz.category, oz.categories) == ("Audiobooks - Juvenile", (3030, 100_044))
    assert oz.published_at == datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    assert oz.info_url == "https://www.myanonamouse.net/t/900001"
    assert oz.series is oz.narrators is None


async def test_a_row_of_another_tracker_has_its_hash_and_no_duties() -> None:
    barsoom = (await by_title(indexer(Server())))["Barsoom 01-03 Edgar Rice Burroughs MP3"]

    assert barsoom.infohash == "82777035db4080aab97d3abfe5b54682826ce8d5"
    assert (barsoom.tracker, barsoom.tracker_id) == ("Example Public", None)
    assert (barsoom.download_factor, barsoom.min_ratio, barsoom.min_seed_s) == (None, None, None)


async def test_what_prowlarr_does_not_know_is_unknown_and_not_zero() -> None:
    holmes = (await by_title(indexer(Server())))["Sherlock Holmes L'aventure du ruban moucheté"]

    assert (holmes.size_bytes, holmes.published_at, holmes.category) == (None, None, None)
    assert (holmes.seeders, holmes.leechers, holmes.grabs, holmes.files) == (None, None, None, None)


async def test_five_authors_may_be_cut_off_and_are_left_in_the_title() -> None:
    found = await by_title(indexer(Server()))

    [verne] = [release for title, release in found.items() if title.startswith("Vingt mille")]
    assert (verne.authors, verne.language, verne.filetypes) == (None, "FRE", ("flac",))
    assert verne.tracker_id == "mam/900011"


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("Ozma of Oz by L Frank Baum [ENG / MP3 M4B]", ("Ozma of Oz", ("L Frank Baum",), ("mp3", "m4b"))),
        ("Stories by Moonlight by Plato [ENG / M4B] [VIP]", ("Stories by Moonlight", ("Plato",), ("m4b",))),
        ("Ozma of Oz [ENG]", ("Ozma of Oz [ENG]", None, None)),
    ],
)
async def test_a_title_of_myanonamouse_is_taken_apart_where_it_has_its_form(
    title: str, read: tuple[str, tuple[str, ...] | None, tuple[str, ...] | None]
) -> None:
    body = rows(1, title=title, guid="https://www.myanonamouse.net/t/1")

    [release] = await indexer(Server(search=body)).search(OZ)

    assert (release.title, release.authors, release.filetypes) == read


async def test_usenet_and_ebooks_are_not_offered_and_not_broken() -> None:
    ebook = rows(1, categories=[{"id": 7020, "name": "Books/EBook"}])
    usenet = rows(2, protocol="usenet")

    for body in (ebook, usenet):
        assert await indexer(Server(search=body)).search(OZ) == ()


async def test_the_children_of_a_category_are_not_the_release_s_own() -> None:
    audio = {"id": 3000, "name": "Audio", "subCategories": [{"id": 3030, "name": "Audio/Audiobook"}]}

    [release] = await indexer(Server(search=rows(1, categories=[audio]))).search(OZ)

    assert release.categories == (3000,)


async def test_a_broken_row_does_not_cost_the_others() -> None:
    listed = [*json.loads(rows(1)), {"guid": 7}, *json.loads(rows(2, magnetUrl=None, downloadUrl="file:///etc"))]
    nulls = json.loads(rows(3, infoHash=None, seeders=None, categories=None, indexerFlags=None, publishDate=None))

    found = await indexer(Server(search=json.dumps(listed + nulls).encode())).search(OZ)

    assert [release.title for release in found] == ["Barsoom 1", "Barsoom 3"]


async def test_only_broken_rows_are_an_unreadable_answer() -> None:
    with pytest.raises(Transient) as caught:
        await indexer(Server(search=b'[{"guid": 7}, {"title": "x"}]')).search(OZ)

    assert caught.value.code == "IndexerUnreadable"


async def test_a_release_has_the_same_id_in_the_list_and_in_the_feed_of_its_tracker() -> None:
    listed = (await by_title(indexer(Server())))["The Wonderful Wizard of Oz"]
    fed = (await by_title(indexer(Server(), indexer_ids=[1])))["The Wonderful Wizard of Oz"]

    assert fed.id == listed.id
    assert (fed.indexer, fed.tracker, fed.tracker_id) == ("prowlarr", "MyAnonamouse", "mam/900001")
    assert (fed.authors, fed.filetypes, fed.download_factor) == (("L Frank Baum",), ("m4b",), 0.0)


async def test_two_trackers_may_number_their_releases_alike() -> None:
    both = json.loads(rows(1, guid="7", tracker=1)) + json.loads(rows(2, guid="7"))

    found = await indexer(Server(search=json.dumps(both).encode())).search(OZ)

    assert len({release.id for release in found}) == 2


# Whom it asks, and how


def request_case(intent: str) -> dict[str, Any]:
    return next(case for case in cases("prowlarr_requests.json") if case["intent"] == intent)


async def test_several_indexers_are_asked_in_one_list_with_repeated_keys_and_a_limit() -> None:
    server = Server()

    await indexer(server).search(OZ)

    wanted = request_case("search audiobooks on two indexers")["query"]
    assert server.asked("search") == [[tuple(pair) for pair in wanted]]


async def test_an_indexer_that_knows_authors_and_titles_is_asked_by_them() -> None:
    server = Server(indexer=only(3, 4, bookSearchParams=["q"], capabilities=knowing("q", "author", "title")))

    await indexer(server).search(Query(text="ozma l frank baum", title="Ozma of {Oz}", author="L Frank Baum"))

    wanted = dict(request_case("book search by fields")["query"]) | {"indexerIds": "4"}
    assert [dict(one) for one in server.asked("search")] == [wanted]


def knowing(*params: str) -> dict[str, Any]:
    caps: dict[str, Any] = json.loads(fixture("prowlarr_indexers.json"))[1]["capabilities"]
    return caps | {"bookSearchParams": list(params)}


async def test_one_indexer_is_asked_through_its_own_feed() -> None:
    server = Server(indexer=only(2, capabilities=knowing("q", "author", "title")))

    await indexer(server).search(Query(text="ozma", title="Ozma of Oz", author="L Frank Baum"))
    await indexer(server).search(Query(text="ozma"))

    first, second = map(dict, server.asked("2/api"))
    assert (first["t"], first["author"], first["title"], "q" in first) == ("book", "L Frank Baum", "Ozma of Oz", False)
    assert (second["t"], second["q"], second["cat"]) == ("search", "ozma", "3030")
    assert server.asked("search") == []


async def test_a_feed_whose_links_may_all_not_be_followed_is_unreadable() -> None:
    body = fixture("prowlarr_feed.xml").replace(b"/1/download", b"/elsewhere")

    with pytest.raises(Transient) as caught:
        await indexer(Server(api=body), indexer_ids=[1]).search(OZ)

    assert caught.value.code == "IndexerUnreadable"


async def test_the_newest_come_from_the_feed_of_each_indexer() -> None:
    server = Server()

    found = await indexer(server).search(Query())

    wanted = [tuple(pair) for pair in request_case("latest of one indexer")["query"]]
    assert [sorted(one) for one in server.asked("1/api")] == [sorted(wanted)]
    assert len(server.asked("2/api")) == 1
    assert {release.tracker for release in found} == {"MyAnonamouse", "Example Public"}


async def test_an_indexer_whose_queries_are_counted_is_asked_through_its_feed() -> None:
    listed = json.loads(only(2, 3, 4))
    listed[0]["fields"] = [{"name": "baseSettings.queryLimit", "value": 100}]
    server = Server(indexer=json.dumps(listed).encode(), search=b"[]")

    await indexer(server).search(OZ)

    assert len(server.asked("2/api")) == 1
    assert [value for key, value in server.asked("search")[0] if key == "indexerIds"] == ["3", "4"]


@pytest.mark.parametrize(
    "changes",
    [
        {"enable": False},
        {"protocol": "usenet"},
        {"supportsSearch": False},
        {"implementation": "MyAnonamouse"},
        {"capabilities": {"categories": [{"id": 2000, "name": "Movies"}]}},
    ],
)
async def test_an_indexer_that_is_of_no_use_is_not_asked(changes: dict[str, Any]) -> None:
    listed = json.loads(only(2)) + json.loads(only(3, **changes))
    server = Server(indexer=json.dumps(listed).encode())

    await indexer(server, skip=frozenset({"MyAnonamouse"})).search(OZ)

    assert len(server.asked("2/api")) == 1
    assert server.asked("3/api") == server.asked("search") == []


async def test_one_that_was_chosen_and_has_no_audiobooks_of_its_own_is_asked_for_everything() -> None:
    server = Server(indexer=only(2, 3, capabilities={"categories": [{"id": 3000, "name": "Audio"}]}))

    await indexer(server, indexer_ids=[3]).search(OZ)

    [asked] = map(dict, server.asked("3/api"))
    assert "cat" not in asked
    assert server.asked("2/api") == []


async def test_one_that_calls_its_own_category_audiobooks_is_asked_for_that() -> None:
    own = [{"id": 8000, "name": "Other", "subCategories": [{"id": 100_044, "name": "Audiobooks - Juvenile"}]}]
    server = Server(indexer=only(2, capabilities={"categories": own}))

    await indexer(server).search(OZ)

    assert dict(server.asked("2/api")[0])["cat"] == "100044"


async def test_no_indexer_to_ask_is_not_an_empty_answer_unless_the_others_are_asked_elsewhere() -> None:
    mam = only(1, implementation="MyAnonamouse")

    with pytest.raises(Transient) as caught:
        await indexer(Server(indexer=b"[]")).search(OZ)

    assert caught.value.code == "IndexerEmpty"
    assert await indexer(Server(indexer=mam), skip=frozenset({"MyAnonamouse"})).search(OZ) == ()


async def test_the_list_of_indexers_is_read_once_an_hour() -> None:
    clock, server = FakeClock(), Server()
    source = indexer(server, clock=clock)

    await source.search(OZ)
    await source.search(OZ)
    clock.moment += timedelta(hours=1)
    await source.search(OZ)

    assert len(server.asked("indexer")) == 2


async def test_full_pages_are_followed_by_the_next_only_where_an_indexer_has_pages() -> None:
    listed = json.loads(only(2, supportsPagination=True)) + json.loads(only(3))

    def search(request: httpx.Request) -> bytes:
        offset = int(request.url.params["offset"])
        first = json.loads(rows(*range(offset, offset + (100 if offset < 100 else 7))))
        second = json.loads(rows(*range(1000, 1100), tracker=3))
        return json.dumps(first + (second if "3" in request.url.params.get_list("indexerIds") else [])).encode()

    server = Server(indexer=json.dumps(listed).encode(), search=search)

    found = await indexer(server).search(OZ)

    assert len(found) == 207
    asked = [[value for key, value in one if key == "indexerIds"] for one in server.asked("search")]
    assert asked == [["2", "3"], ["2"]]


async def test_a_list_that_repeats_itself_ends() -> None:
    server = Server(indexer=only(2, 3, supportsPagination=True), search=rows(*range(100)))

    assert len(await indexer(server).search(OZ)) == 100
    assert len(server.asked("search")) == 2


async def test_requests_keep_their_distance() -> None:
    clock = FakeClock()

    await indexer(Server(), clock=clock).search(OZ)

    assert clock.slept == [2.0, 2.0]


@pytest.mark.parametrize("url", [f"{BASE}/prowlarr", f"{BASE}/prowlarr/", f"{BASE}/prowlarr/api/v1"])
async def test_the_url_base_is_part_of_every_address(url: str) -> None:
    server = Server()

    await indexer(server, url=url).search(OZ)

    assert {one.url.path.partition("/api")[0] for one in server.requests} == {"/prowlarr"}


async def test_the_key_is_in_no_address() -> None:
    server = Server(download=httpx.Response(500))
    source = indexer(server)
    [release, *_] = await source.search(OZ)
    with pytest.raises(Transient):
        await source.fetch(release)

    assert server.asked("download")
    assert not [one for one in server.requests if KEY in str(one.url)]


# What silence is worth


async def test_an_empty_list_names_the_tracker_that_is_paused() -> None:
    server = Server(search=b"[]", indexerstatus=fixture("prowlarr_indexerstatus.json"))
    source = indexer(server)

    assert await source.search(OZ) == ()
    assert list(source.silent) == ["Example Public"]
    assert "paused Example Public until 2025-11-21 08:00 UTC" in source.silent["Example Public"]


async def test_an_empty_list_is_no_answer_when_the_only_tracker_is_paused() -> None:
    empty = b'<rss version="1.0"><channel></channel></rss>'
    server = Server(api=empty, indexerstatus=fixture("prowlarr_indexerstatus.json"))

    with pytest.raises(Transient) as caught:
        await indexer(server, indexer_ids=[2]).search(OZ)

    assert caught.value.code == "IndexerPaused"
    assert "paused Example Public until 2025-11-21 08:00 UTC" in caught.value.message


async def test_an_empty_list_is_an_answer_when_everybody_is_awake() -> None:
    source = indexer(Server(search=b"[]"))

    assert await source.search(OZ) == ()
    assert source.silent == {}


async def test_rows_are_returned_and_those_who_did_not_answer_are_named() -> None:
    source = indexer(Server(indexerstatus=fixture("prowlarr_indexerstatus.json"), search=rows(1, tracker=1)))

    found = await source.search(OZ)

    assert [release.title for release in found] == ["Barsoom 1"]
    assert list(source.silent) == ["Example Public"]
    assert "until 2025-11-21 08:00 UTC" in source.silent["Example Public"]


async def test_silence_is_forgotten_at_the_next_search() -> None:
    server = Server(indexerstatus=fixture("prowlarr_indexerstatus.json"))
    source = indexer(server)
    await source.search(OZ)

    server.answers["indexerstatus"] = b"[]"
    await source.search(OZ)

    assert source.silent == {}


async def test_an_empty_feed_of_a_paused_tracker_is_no_answer() -> None:
    empty = b'<rss version="1.0"><channel></channel></rss>'
    server = Server(api=empty, indexerstatus=fixture("prowlarr_indexerstatus.json"))

    with pytest.raises(Transient) as caught:
        await indexer(server, indexer_ids=[2]).search(OZ)

    assert caught.value.code == "IndexerPaused"
    assert caught.value.retry_after_s == 1796  # two requests and their gaps later


async def test_a_pause_that_is_over_by_prowlarr_s_own_clock_is_none() -> None:
    over = fixture("prowlarr_indexerstatus.json")
    late = httpx.Response(200, content=over, headers={"Date": "Fri, 21 Nov 2025 08:00:01 GMT"})

    assert await indexer(Server(search=b"[]", indexerstatus=late)).search(OZ) == ()


async def test_a_pause_in_force_by_prowlarr_s_own_clock_is_one() -> None:
    clock = FakeClock()
    clock.moment = NOW + timedelta(hours=1)
    status = fixture("prowlarr_indexerstatus.json")
    early = httpx.Response(200, content=status, headers={"Date": "Fri, 21 Nov 2025 07:59:59 GMT"})

    source = indexer(Server(search=b"[]", indexerstatus=early), clock=clock)
    await source.search(OZ)

    assert list(source.silent) == ["Example Public"]


async def test_a_status_that_cannot_be_read_proves_nothing() -> None:
    with pytest.raises(Transient) as caught:
        await indexer(Server(search=b"[]", indexerstatus=b"[{")).search(OZ)

    assert caught.value.code == "IndexerUnreadable"


async def test_a_feed_that_refuses_is_silent_while_the_others_answer() -> None:
    limit = next(case for case in cases("prowlarr_errors.json") if case["name"] == "feed, own limit")
    counted = {"fields": [{"name": "baseSettings.queryLimit", "value": 100}]}
    listed = json.loads(only(2, **counted)) + json.loads(only(3, 4))
    server = Server(indexer=json.dumps(listed).encode(), api=lambda _: answer(limit), search=rows(1, tracker=3))
    source = indexer(server)

    found = await source.search(OZ)

    assert len(found) == 1
    assert list(source.silent) == ["Tracker 2"]
    assert "Query Limit of 100" in source.silent["Tracker 2"]


async def test_a_prowlarr_that_is_down_is_not_asked_for_each_of_its_trackers() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("lost")

    server = Server(api=down)

    with pytest.raises(Transient) as caught:
        await indexer(server).search(Query())

    assert caught.value.code == "IndexerUnreachable"
    assert len(server.asked("api")) == 1


async def test_an_indexer_that_was_removed_is_missed_once_only() -> None:
    gone = httpx.Response(404, json={"message": "Indexer Not Found"})
    server = Server(indexer=only(2), api=lambda _: gone)
    source = indexer(server)
    with pytest.raises(Transient):
        await source.search(OZ)

    server.answers |= {"indexer": only(3), "api": fixture("prowlarr_feed.xml")}

    assert await source.search(OZ)
    assert len(server.asked("3/api")) == 1


# What is said when something is wrong

OUTCOMES: dict[str, tuple[type[Failure], set[str]]] = {
    "auth_failed": (Permanent, {"IndexerRefusedKey"}),
    "bad_request": (Permanent, {"IndexerBadRequest"}),
    "unsupported": (Permanent, {"IndexerUnsupported"}),
    "disabled": (Transient, {"IndexerDisabled"}),
    "rate_limited": (Transient, {"IndexerRateLimited"}),
    "temporary": (Transient, {"IndexerPaused", "IndexerUnreadable", "IndexerUnreachable"}),
    "misconfigured": (Transient, {"IndexerUnreadable"}),
    "gone": (Transient, {"IndexerUnreadable"}),
}
ERRORS = [case for case in cases("prowlarr_errors.json") if "also" not in case]
"""The one that hides a failure behind an empty list is told by `silent`, above."""


@pytest.mark.parametrize("case", ERRORS, ids=[case["name"] for case in ERRORS])
async def test_an_error_is_never_an_empty_answer(case: dict[str, Any]) -> None:
    fed = "api?" in case["request"] or case["request"].endswith("/api")
    server = Server(indexer=only(1, 2), **{"api" if fed else "search": lambda _: answer(case)})

    with pytest.raises(Failure) as caught:
        await indexer(server, indexer_ids=[2] if fed else ()).search(OZ)

    kind, codes = OUTCOMES[case["expect"]]
    assert isinstance(caught.value, kind)
    assert caught.value.code in codes
    if "retry_after_s" in case:
        assert isinstance(caught.value, Transient)
        assert caught.value.retry_after_s == case["retry_after_s"]


async def test_all_selected_indexers_unavailable_is_a_pause() -> None:
    [case] = [case for case in ERRORS if case["name"] == "all selected indexers unavailable"]
    server = Server(search=lambda _: answer(case), indexerstatus=fixture("prowlarr_indexerstatus.json"))

    with pytest.raises(Transient) as caught:
        await indexer(server).search(OZ)

    assert caught.value.code == "IndexerPaused"


@pytest.mark.parametrize("path", ["indexer", "search", "indexerstatus"])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"x": 1}', b"[{", b"null", b"<!doctype html><html></html>", b"\xff"])
async def test_anything_but_a_whole_list_is_unreadable(path: str, body: bytes) -> None:
    with pytest.raises(Transient) as caught:
        await indexer(Server(**{path: body})).search(OZ)

    assert caught.value.code == "IndexerUnreadable"


async def test_an_address_without_the_url_base_is_told() -> None:
    moved = httpx.Response(307, headers={"Location": "/prowlarr/api/v1/indexer"})

    with pytest.raises(Transient) as caught:
        await indexer(Server(indexer=moved)).search(OZ)

    assert "check its address" in caught.value.message


async def test_a_limit_before_prowlarr_is_a_rest() -> None:
    busy = httpx.Response(429, headers={"Retry-After": "120"})

    with pytest.raises(Transient) as caught:
        await indexer(Server(indexer=busy)).search(OZ)

    assert (caught.value.code, caught.value.retry_after_s) == ("IndexerRateLimited", 120)


async def test_a_wrong_key_is_refused() -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(Server()))

    with pytest.raises(Permanent) as caught:
        await Prowlarr("prowlarr", BASE, "wrong", http=http, gap_s=0).search(OZ)

    assert caught.value.code == "IndexerRefusedKey"


async def test_no_key_is_ever_in_an_error_or_a_log_or_a_release(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = httpx.Response(400, json={"message": f"bad key {KEY} at {BASE}/2/download?apikey={KEY}&link=x"})

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url} with {request.headers}")

    said = ""
    for server in (Server(search=lambda _: echo), Server(search=down), Server(search=lambda _: b"[{")):
        source = indexer(server)
        said += repr(source)
        try:
            await source.search(OZ)
        except Failure as failure:
            said += "".join(traceback.format_exception(failure))
    shown = [msgspec.json.encode(release).decode() for release in await indexer(Server()).search(OZ)]

    assert "did not understand us" in said
    assert KEY not in said + caplog.text + "".join(shown)


# Fetching

DOWNLOADS = cases("prowlarr_download.json")
DELIVERED = [case for case in DOWNLOADS if case["expect"] in ("torrent", "magnet", "follow_once")]
REFUSED = [case for case in DOWNLOADS if case not in DELIVERED]


def one_torrent(tmp_path: Path) -> bytes:
    (tmp_path / "oz.mp3").write_bytes(b"silence" * 1000)
    return make_torrent(tmp_path / "oz.mp3", announce="https://tracker.example/announce?passkey=secret")


def downloading(case: Mapping[str, Any], torrent: bytes) -> Server:
    """A Prowlarr that answers downloads as the case says; the tracker behind it always has the torrent."""

    class Both(Server):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "indexer.example":
                self.requests.append(request)
                return httpx.Response(200, content=torrent)
            return super().__call__(request)

    return Both(download=lambda _: httpx.Response(200, content=torrent) if "body_is" in case else answer(case))


async def found_oz(source: Prowlarr) -> Release:
    return (await by_title(source))["The Wonderful Wizard of Oz"]


@pytest.mark.parametrize("case", DELIVERED, ids=[case["name"] for case in DELIVERED])
async def test_a_download_is_resolved_to_a_torrent_or_a_magnet(case: dict[str, Any], tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    source = indexer(downloading(case, torrent))

    payload = await source.fetch(await found_oz(source))

    assert payload.infohash_v1 == case.get("infohash", read_torrent(torrent).infohash_v1)
    assert (payload.magnet is not None) == (case["expect"] == "magnet")


REFUSALS: dict[str, tuple[type[Failure], str]] = {
    "refused": (Unfit, "ReleaseUnfetchable"),
    "disabled": (Transient, "IndexerDisabled"),
    "rate_limited": (Transient, "IndexerRateLimited"),
    "gone": (Conflict, "ReleaseNotListed"),
    "temporary": (Transient, "IndexerUnreachable"),
    "auth_failed": (Permanent, "IndexerRefusedKey"),
}


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
async def test_a_download_that_fails_says_how(case: dict[str, Any], tmp_path: Path) -> None:
    source = indexer(downloading(case, one_torrent(tmp_path)))
    release = await found_oz(source)

    with pytest.raises(Failure) as caught:
        await source.fetch(release)

    kind, code = REFUSALS[case["expect"]]
    assert isinstance(caught.value, kind)
    assert caught.value.code == code
    assert KEY not in caught.value.message
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after_s == case.get("retry_after_s")


async def test_the_original_link_is_asked_without_the_key(tmp_path: Path) -> None:
    [case] = [case for case in DELIVERED if case["expect"] == "follow_once"]
    server = downloading(case, one_torrent(tmp_path))
    source = indexer(server)

    await source.fetch(await found_oz(source))

    [original] = [one for one in server.requests if one.url.host == "indexer.example"]
    assert KEY not in f"{original.url} {original.headers}"


@pytest.mark.parametrize(
    "target",
    [
        f"{BASE}/1/download?link=other&file=other",
        f"https://elsewhere.example/?apikey={KEY}",
        "ftp://indexer.example/oz.torrent",
        "//[",
        "",
    ],
)
async def test_a_redirect_that_may_not_be_followed_is_not_asked(target: str, tmp_path: Path) -> None:
    case = {"status": 301, "headers": {"Location": target}}
    server = downloading(case, one_torrent(tmp_path))
    source = indexer(server)
    release = await found_oz(source)
    before = len(server.requests)

    with pytest.raises(Unfit) as caught:
        await source.fetch(release)

    assert caught.value.code == "ReleaseUnfetchable"
    assert len(server.requests) == before + 1


async def test_a_second_redirect_is_followed_only_to_a_magnet(tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    [magnet] = [case for case in DELIVERED if case["name"] == "redirect to magnet"]
    codes = []
    for target in ("https://mirror.example/dl/20", magnet["headers"]["Location"]):

        def handle(request: httpx.Request, target: str = target) -> httpx.Response:
            if request.url.host == "mirror.example":
                return httpx.Response(200, content=torrent)
            if request.url.host == "indexer.example":
                return httpx.Response(302, headers={"Location": target})
            moved = httpx.Response(301, headers={"Location": "https://indexer.example/dl/20"})
            return Server(download=moved)(request)

        source = indexer(handle)
        try:
            codes.append((await source.fetch(await found_oz(source))).infohash_v1)
        except Unfit as failure:
            codes.append(failure.code)

    assert codes == ["ReleaseUnfetchable", magnet["infohash"]]


async def test_a_tracker_that_does_not_let_us_in_is_not_our_key_refused() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "indexer.example":
            return httpx.Response(403)
        return Server(download=httpx.Response(301, headers={"Location": "https://indexer.example/dl/20"}))(request)

    source = indexer(handle)

    with pytest.raises(Unfit) as caught:
        await source.fetch(await found_oz(source))

    assert caught.value.code == "ReleaseUnfetchable"


async def test_a_torrent_that_its_tracker_took_down_is_gone_and_not_switched_off(tmp_path: Path) -> None:
    body = '<error code="410" description="Download failed"/>'
    source = indexer(downloading({"status": 410, "headers": {}, "body": body}, one_torrent(tmp_path)))

    with pytest.raises(Unfit) as caught:
        await source.fetch(await found_oz(source))

    assert caught.value.code == "ReleaseGone"


async def test_links_are_asked_where_prowlarr_was_set_up_and_not_where_it_says_it_is(tmp_path: Path) -> None:
    server = downloading({"body_is": "a torrent"}, one_torrent(tmp_path))
    source = indexer(server, url="https://home.example/prowlarr")

    await source.fetch(await found_oz(source))

    asked = server.requests[-1].url
    assert str(asked.copy_with(query=None)) == "https://home.example/prowlarr/1/download"
    assert dict(parse_qsl(asked.query.decode())) == {"link": "ZXhhbXBsZQ==", "file": "The Wonderful Wizard of Oz"}


async def test_a_link_that_is_no_longer_valid_is_searched_for_the_next_time(tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    answers = iter(
        [httpx.Response(400, json={"message": "Invalid Prowlarr link"}), httpx.Response(200, content=torrent)]
    )
    server = Server(download=lambda _: next(answers))
    source = indexer(server)
    release = await found_oz(source)
    with pytest.raises(Conflict):
        await source.fetch(release)

    payload = await source.fetch(release)

    assert payload.content == torrent
    assert len(server.asked("search")) == 2


async def test_after_a_restart_a_release_is_found_again_by_its_title(tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    server = downloading({"body_is": "a torrent"}, torrent)
    release = await found_oz(indexer(server))

    payload = await indexer(server).fetch(release)

    assert payload.content == torrent
    assert dict(server.asked("search")[-1])["query"] == "The Wonderful Wizard of Oz"


async def test_a_release_that_is_not_listed_any_more_is_to_be_searched_again() -> None:
    release = await found_oz(indexer(Server()))

    with pytest.raises(Conflict) as caught:
        await indexer(Server(search=b"[]")).fetch(release)

    assert caught.value.code == "ReleaseNotListed"


async def test_another_torrent_than_the_one_announced_is_refused(tmp_path: Path) -> None:
    source = indexer(downloading({"body_is": "a torrent"}, one_torrent(tmp_path)))
    barsoom = (await by_title(source))["Barsoom 01-03 Edgar Rice Burroughs MP3"]

    with pytest.raises(Unfit) as caught:
        await source.fetch(barsoom)

    assert caught.value.code == "ReleaseChanged"


# What doctor shows


async def test_the_check_tells_the_version_and_who_is_asked_left_out_and_paused() -> None:
    server = Server(indexerstatus=fixture("prowlarr_indexerstatus.json"))

    standing = await indexer(server, skip=frozenset({"MyAnonamouse"})).check()

    assert standing.version == "2.3.6.0"
    assert standing.asked == ("Example Public",)
    assert standing.left_out == {
        "MyAnonamouse": "is asked by its own source",
        "Example Usenet": "offers no torrents",
    }
    assert standing.paused == {"Example Public": datetime(2025, 11, 21, 8, tzinfo=UTC)}


async def test_chosen_indexers_that_are_off_or_unknown_are_told() -> None:
    standing = await indexer(Server(), indexer_ids=[2, 4, 99]).check()

    assert standing.asked == ("Example Public",)
    assert standing.left_out["Example Off"] == "is switched off in Prowlarr"
    assert standing.left_out["indexer 99"] == "does not exist in Prowlarr"


async def test_another_program_at_the_address_is_not_taken_for_prowlarr() -> None:
    with pytest.raises(Transient) as caught:
        await indexer(Server(**{"system/status": b'{"appName": "Readarr", "version": "1"}'})).check()

    assert caught.value.code == "IndexerUnreadable"


async def test_there_is_no_account() -> None:
    assert await indexer(Server()).account() is None
