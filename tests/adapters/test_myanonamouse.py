"""The MyAnonamouse client against recorded shapes: what it asks, which session it keeps, and how it fails."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.indexers.myanonamouse import MyAnonamouse
from adapters.sessions import Session, started
from domain.accounts import BOUNDLESS
from domain.errors import Failure, Permanent, Transient, Unfit
from domain.releases import Release

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
SESSION = "OLD"
SECRET = "s3cr3t%2Bvalue%3D1900"
SITE = "https://www.myanonamouse.net"
NOW = datetime(2025, 11, 21, 7, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}

Handler = Callable[[httpx.Request], httpx.Response]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None
    series: str | None = None


class FakeClock:
    def __init__(self) -> None:
        self.moment = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


class KeptSessions:
    """Sessions in memory; `broken` fails the next so many savings."""

    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}
        self.broken = 0

    async def read(self, indexer: str) -> Session | None:
        return self.kept.get(indexer)

    async def save(self, indexer: str, session: Session, *, at: datetime) -> None:
        if self.broken:
            self.broken -= 1
            raise Transient("the store is down", code="StoreUnreachable")
        self.kept[indexer] = session


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"mam_{name}.json").read_bytes())


def indexer(
    handler: Handler,
    *,
    session: str = SESSION,
    sessions: KeptSessions | None = None,
    clock: FakeClock | None = None,
    url: str = SITE,
) -> MyAnonamouse:
    clock = clock or FakeClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    kept = sessions or KeptSessions()
    return MyAnonamouse("mouse", url, session=session, sessions=kept, http=http, now=clock.now, sleep=clock.sleep)


def serving(case: Mapping[str, Any]) -> Handler:
    """One recorded reply to everything."""
    return lambda request: httpx.Response(case["status"], headers=case["headers"], content=case["body"].encode())


def sending(document: object, *set_cookie: str) -> Handler:
    """One document to everything, with these cookies."""
    return lambda request: httpx.Response(
        200,
        headers=[*JSON.items(), *(("Set-Cookie", line) for line in set_cookie)],
        content=json.dumps(document).encode(),
    )


def recorded(asked: list[httpx.Request], handler: Handler) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return handler(request)

    return handle


def routed(**answers: Handler) -> Handler:
    """`search`, `user` and `download`, each answered by its own."""

    def handle(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/tor/js/loadSearchJSONbasic.php":
                return answers["search"](request)
            case "/jsonLoad.php":
                return answers["user"](request)
            case _:
                return answers["download"](request)

    return handle


def rows(*numbers: int, found: int | None = None, **changes: Any) -> dict[str, Any]:
    data = [
        {"id": number, "title": f"Oz {number}", "free": 0, "personal_freeleech": 0, "fl_vip": 0} | changes
        for number in numbers
    ]
    return {"data": data, "found": len(data) if found is None else found}


def body_of(request: httpx.Request) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(request.content)
    return read


def release(number: int = 900001, **changes: Any) -> Release:
    given = {"id": "0" * 16, "indexer": "mouse", "title": "Ozma of Oz", "tracker_id": f"mam/{number}"}
    return Release(**(given | changes))


OUTCOMES = {
    "auth_failed": (Permanent, "IndexerRefusedKey"),
    "rejected": (Permanent, "IndexerBadRequest"),
    "rate_limited": (Transient, "IndexerRateLimited"),
    "refused_limit": (Transient, "IndexerLimitReached"),
    "gone": (Unfit, "ReleaseGone"),
    "bad_torrent": (Unfit, "TorrentInvalid"),
}
TEMPORARY = {"IndexerUnreadable", "IndexerUnreachable"}


def assert_outcome(failure: Failure, case: Mapping[str, Any]) -> None:
    if case["expect"] == "temporary":
        assert isinstance(failure, Transient)
        assert failure.code in TEMPORARY
        return
    kind, code = OUTCOMES[case["expect"]]
    assert isinstance(failure, kind)
    assert failure.code == code
    if case["expect"] == "rate_limited":
        assert isinstance(failure, Transient)
        assert failure.retry_after_s == (3600 if "retry_until" in case else case["retry_after_s"] or 3600)
    if case["expect"] == "refused_limit":
        assert isinstance(failure, Transient)
        assert failure.retry_after_s == (case["wait_s"] or 86_400)


# What is asked


async def asked_for(query: Query) -> httpx.Request:
    asked: list[httpx.Request] = []
    await indexer(recorded(asked, sending(fixture("search_none")))).search(query)
    [request] = asked
    return request


REQUESTS = {case["intent"]: case for case in fixture("requests")["cases"]}


async def test_a_book_is_asked_for_by_title_and_author() -> None:
    case = REQUESTS["find one book by title and author"]

    request = await asked_for(Query(text="ignored", **case["want"]))

    assert (request.method, request.url.path, request.url.query) == (case["method"], case["path"], b"")
    headers = {key: value.replace("<session>", SESSION) for key, value in case["headers"].items()}
    assert {key: request.headers[key] for key in headers} == headers
    assert body_of(request)["tor"] == case["json"]["tor"]
    assert body_of(request)["perpage"] == 100


async def test_a_series_is_asked_for_by_its_name_and_the_number_is_left_to_the_rows() -> None:
    case = REQUESTS["same, in one series and one language"]

    tor = body_of(await asked_for(Query(text="barsoom 1", series=case["want"]["series"])))["tor"]

    assert {key: tor[key] for key in ("text", "srchIn", "main_cat")} == {
        key: case["json"]["tor"][key] for key in ("text", "srchIn", "main_cat")
    }


async def test_words_alone_are_looked_for_in_titles_authors_and_series() -> None:
    tor = body_of(await asked_for(Query(text="the wonderful wizard of oz")))["tor"]

    assert (tor["text"], tor["srchIn"]) == ("the wonderful wizard of oz", ["title", "author", "series"])


async def test_an_author_alone_is_looked_for_among_authors() -> None:
    case = REQUESTS["second page"]

    tor = body_of(await asked_for(Query(author="Jules Verne")))["tor"]

    assert (tor["text"], tor["srchIn"]) == (case["json"]["tor"]["text"], case["json"]["tor"]["srchIn"])


async def test_an_empty_question_asks_for_the_newest_audiobooks_of_the_last_days() -> None:
    body = body_of(await asked_for(Query()))

    tor, known = body["tor"], REQUESTS["new since a date (inclusive), audiobooks, science fiction"]["json"]["tor"]
    assert {key: tor[key] for key in known.keys() & tor.keys() - {"startDate"}} == {
        key: known[key] for key in known.keys() & tor.keys() - {"startDate"}
    }
    assert (tor["startDate"], tor["sortType"], tor["main_cat"]) == ("2025-11-18", "dateDesc", ["13"])
    assert "srchIn" not in tor


@pytest.mark.parametrize(
    "case", [case for case in REQUESTS.values() if "text" in case], ids=lambda case: case["intent"]
)
async def test_operators_never_reach_the_search(case: dict[str, Any]) -> None:
    request = await asked_for(Query(title=case["want"]["title"], author=case["want"]["author"]))

    assert body_of(request)["tor"]["text"] == case["text"]


@pytest.mark.parametrize(
    "query", [Query(title="!!!", author=""), Query(text="Q"), Query(text="  "), Query(series="«»"), Query(author="?")]
)
async def test_what_leaves_no_words_is_not_asked_at_all(query: Query) -> None:
    asked: list[httpx.Request] = []

    assert await indexer(recorded(asked, sending(rows(1)))).search(query) == ()
    assert asked == []


@pytest.mark.parametrize("query", [Query(), Query(text="Oz"), Query(title="Oz"), Query(series="Oz")])
async def test_the_password_of_the_download_is_never_asked_for(query: Query) -> None:
    body = body_of(await asked_for(query))

    assert body.keys() == {"tor", "perpage", "mediaInfo"}


async def test_the_user_record_and_a_download_are_asked_as_recorded() -> None:
    asked: list[httpx.Request] = []
    torrent = serving(fixture("download")["cases"][0])
    source = indexer(recorded(asked, routed(user=sending(fixture("user")), download=torrent)))

    await source.account()
    await source.fetch(release(900001))

    for request, intent in zip(asked, ("user record", "download"), strict=True):
        case = REQUESTS[intent]
        assert (request.method, request.url.path) == (case["method"], case["path"])
        assert dict(request.url.params) == case["query"]
        assert request.headers["cookie"] == f"mam_id={SESSION}"


# Pages


def paged(total: int, *, size: int = 100) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        start = int(body_of(request)["tor"]["startNumber"])
        numbers = range(start + 1, min(start + size, total) + 1)
        said = rows(*numbers, found=total) if numbers else {"error": f"Nothing returned, out of {total}"}
        return sending(said)(request)

    return handle


@pytest.mark.parametrize(("total", "size", "requests"), [(1, 100, 1), (100, 100, 1), (230, 100, 3), (120, 50, 3)])
async def test_pages_are_read_to_the_end(total: int, size: int, requests: int) -> None:
    asked: list[httpx.Request] = []

    found = await indexer(recorded(asked, paged(total, size=size))).search(Query(text="Oz"))

    assert len(found) == total
    assert len(asked) == requests


async def test_a_list_without_end_is_read_for_five_pages() -> None:
    assert len(await indexer(paged(10_000)).search(Query(text="Oz"))) == 500


async def test_the_newest_are_one_page() -> None:
    assert len(await indexer(paged(10_000)).search(Query())) == 100


async def test_a_site_that_sends_the_same_page_again_is_not_asked_for_ever() -> None:
    asked: list[httpx.Request] = []

    found = await indexer(recorded(asked, sending(fixture("search_many")))).search(Query(text="Oz"))

    assert (len(found), len(asked)) == (14, 3)


async def test_a_page_that_fails_makes_the_whole_answer_fail() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if body_of(request)["tor"]["startNumber"] == "0":
            return sending(rows(*range(1, 101), found=150))(request)
        return httpx.Response(502)

    with pytest.raises(Transient):
        await indexer(handle).search(Query(text="Oz"))


# Answers


@pytest.mark.parametrize("name", ["search_none", "search_none_data"])
async def test_nothing_found_is_an_empty_answer(name: str) -> None:
    assert await indexer(sending(fixture(name))).search(Query(text="Oz")) == ()


SEARCHES = fixture("search_errors")["cases"]


@pytest.mark.parametrize("case", SEARCHES, ids=[case["name"] for case in SEARCHES])
async def test_every_recorded_reply_to_a_search_means_what_it_says(case: dict[str, Any]) -> None:
    source = indexer(serving(case))
    if case["expect"] == "no_results":
        assert await source.search(Query(text="Oz")) == ()
        return

    with pytest.raises(Failure) as caught:
        await source.search(Query(text="Oz"))

    assert_outcome(caught.value, case)


USERS = fixture("user_errors")["cases"]


@pytest.mark.parametrize("case", USERS, ids=[case["name"] for case in USERS])
async def test_every_recorded_reply_that_is_no_user_record_is_told(case: dict[str, Any]) -> None:
    with pytest.raises(Failure) as caught:
        await indexer(serving(case)).account()

    assert_outcome(caught.value, case)


async def test_an_error_of_the_site_is_shown_in_its_words() -> None:
    with pytest.raises(Permanent) as caught:
        await indexer(sending({"error": "Unknown sort type"})).search(Query(text="Oz"))

    assert caught.value.message == "mouse did not understand us: Unknown sort type."


async def test_broken_rows_are_left_out_and_the_good_ones_kept() -> None:
    found = await indexer(sending(fixture("search_malformed"))).search(Query(text="Oz"))

    told = fixture("search_malformed.expected")["kept"]
    assert [one.tracker_id for one in found] == [f"mam/{number}" for number in told]


@pytest.mark.parametrize("data", [["not a row", None], [{"title": "no number"}], None, "rows", {"0": {}}])
async def test_an_answer_without_one_readable_row_is_no_empty_answer(data: object) -> None:
    with pytest.raises(Transient) as caught:
        await indexer(sending({"data": data, "found": 2})).search(Query(text="Oz"))

    assert caught.value.code == "IndexerUnreadable"


@pytest.mark.parametrize("location", ["/login.php?returnto=%2F", "https://elsewhere.example/login"])
async def test_a_redirect_to_the_login_is_not_followed(location: str) -> None:
    asked: list[httpx.Request] = []
    source = indexer(recorded(asked, lambda request: httpx.Response(302, headers={"Location": location})))

    with pytest.raises(Permanent) as caught:
        await source.search(Query(text="Oz"))

    assert caught.value.code == "IndexerRefusedKey"
    assert len(asked) == 1


@pytest.mark.parametrize("location", ["https://elsewhere.example/", "//elsewhere.example/tor", ""])
async def test_the_cookie_never_follows_a_redirect(location: str) -> None:
    asked: list[httpx.Request] = []
    handler = recorded(asked, lambda request: httpx.Response(307, headers={"Location": location}))
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler), follow_redirects=True)
    source = MyAnonamouse("mouse", session=SESSION, sessions=KeptSessions(), http=http)

    with pytest.raises(Transient) as caught:
        await source.search(Query(text="Oz"))

    assert caught.value.code == "IndexerUnreadable"
    assert [request.url.host for request in asked] == ["www.myanonamouse.net"]


async def test_what_does_not_call_itself_json_is_not_read_as_json() -> None:
    page = httpx.Response(200, headers={"Content-Type": "text/html"}, content=b'{"data": [], "found": 0}')

    assert await outcome(indexer(lambda request: page)) == "IndexerUnreadable"


async def test_a_site_that_is_out_of_order_has_not_signed_us_out() -> None:
    page = "<html><title>Login</title>out of order</html>"

    assert await outcome(indexer(lambda request: httpx.Response(503, text=page))) == "IndexerUnreachable"


async def test_an_endless_answer_is_cut_off() -> None:
    huge = httpx.Response(200, headers=JSON, content=b" " * (21 * 1024 * 1024))

    with pytest.raises(Transient) as caught:
        await indexer(lambda request: huge).search(Query(text="Oz"))

    assert caught.value.message == "mouse sent more than 20 MiB."


async def test_a_site_that_is_down_is_unreachable() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route to {request.url}")

    with pytest.raises(Transient) as caught:
        await indexer(handle).search(Query(text="Oz"))

    assert caught.value.code == "IndexerUnreachable"
    assert caught.value.message.startswith("mouse did not answer (ConnectError)")


class Dripping(httpx.AsyncByteStream):
    """A body that never ends, and never pauses long enough for a read to time out."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b" "


async def test_an_answer_that_drips_for_ever_is_given_up() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=JSON, stream=Dripping()))
    http = httpx.AsyncClient(transport=transport)
    source = MyAnonamouse("mouse", session=SESSION, sessions=KeptSessions(), http=http, reply_s=0.05)

    assert await outcome(source) == "IndexerUnreachable"


async def test_requests_keep_their_distance() -> None:
    clock = FakeClock()

    await indexer(paged(230), clock=clock).search(Query(text="Oz"))

    assert clock.slept == [2.0, 2.0]


# What it costs


async def test_what_is_free_for_vips_is_free_while_our_vip_runs() -> None:
    search = sending(rows(1, 2, fl_vip=1, vip=1))
    asked: list[httpx.Request] = []
    source = indexer(recorded(asked, routed(search=search, user=sending(fixture("user")))))

    for _ in range(2):
        found = await source.search(Query(text="Oz"))
        assert [one.download_factor for one in found] == [0.0, 0.0]

    assert [request.url.path for request in asked].count("/jsonLoad.php") == 1


async def test_what_is_free_for_vips_costs_everything_when_our_vip_is_over() -> None:
    clock = FakeClock()
    clock.moment = datetime(2026, 1, 15, 12, 0, 1, tzinfo=UTC)
    source = indexer(routed(search=sending(rows(1, fl_vip=1)), user=sending(fixture("user"))), clock=clock)

    assert [one.download_factor for one in await source.search(Query(text="Oz"))] == [1.0]


async def test_what_it_costs_is_unknown_while_our_record_cannot_be_had() -> None:
    mixed = {"data": [*rows(1, fl_vip=1)["data"], *rows(2)["data"], *rows(3, free=1, fl_vip=1)["data"]], "found": 3}
    source = indexer(routed(search=sending(mixed), user=lambda request: httpx.Response(503)))

    assert [one.download_factor for one in await source.search(Query(text="Oz"))] == [None, 1.0, 0.0]


async def test_the_record_is_not_asked_for_when_it_decides_nothing() -> None:
    asked: list[httpx.Request] = []

    await indexer(recorded(asked, sending(rows(1, free=1, fl_vip=1)))).search(Query(text="Oz"))

    assert len(asked) == 1


# The account


async def test_the_account_is_read_at_most_every_five_minutes() -> None:
    asked: list[httpx.Request] = []
    clock = FakeClock()
    source = indexer(recorded(asked, sending(fixture("user"))), clock=clock)

    first = await source.account()
    clock.moment += timedelta(minutes=4)
    assert await source.account() is first
    clock.moment += timedelta(minutes=2)
    second = await source.account()

    assert (first.unsatisfied, first.unsatisfied_limit, first.rank) == (12, 100, "Power User")
    assert second.read_at > first.read_at
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("user", "Power User, ratio 3,214.50, unsatisfied 12 of 100"),
        ("user_legacy", "VIP, ratio 3.27, unsatisfied 148 of 150"),
        ("user_new_member", "Mouse, ratio ∞, unsatisfied 0 of 20"),
    ],
)
async def test_a_check_sums_the_account_up_in_one_line(name: str, said: str) -> None:
    assert await indexer(sending(fixture(name))).check() == said


async def test_a_check_says_what_is_unknown() -> None:
    assert await indexer(sending({"uid": 1})).check() == "rank unknown, ratio unknown, unsatisfied unknown of unknown"


async def test_a_new_member_has_an_infinite_ratio() -> None:
    assert (await indexer(sending(fixture("user_new_member"))).account()).ratio == BOUNDLESS


# Downloads


DOWNLOADS = fixture("download")["cases"]


@pytest.mark.parametrize("case", DOWNLOADS, ids=[case["name"] for case in DOWNLOADS])
async def test_every_recorded_reply_to_a_download_means_what_it_says(case: dict[str, Any]) -> None:
    source = indexer(serving(case))
    if case["expect"] == "torrent":
        assert (await source.fetch(release())).infohash_v1 == case["infohash"]
        return

    with pytest.raises(Failure) as caught:
        await source.fetch(release())

    assert_outcome(caught.value, case)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("Time Till Download Allowed: 1d 02:04:02", 93_842),
        ("Time Till Download Allowed: 02:04:02", 7_442),
        ("Time Till Download Allowed: soon", 86_400),
        ("Time Till Download Allowed: 999d 00:00:00", 7 * 86_400),
        ("", 86_400),
    ],
)
async def test_a_freeze_of_downloads_lasts_as_long_as_the_site_says(said: str, wait_s: float) -> None:
    words = f"Attempted to Download Past Unsatisfied limit. Happened: 2025-11-20 10:00:00 {said}"
    source = indexer(lambda request: httpx.Response(200, text=words))

    with pytest.raises(Transient) as caught:
        await source.fetch(release())

    assert (caught.value.code, caught.value.retry_after_s) == ("IndexerLimitReached", wait_s)


@pytest.mark.parametrize("tracker_id", [None, "", "mam/", "mam/12&fl=1", "other/12", "mam/../1"])
async def test_a_release_without_a_number_of_the_site_is_not_asked_for(tracker_id: str | None) -> None:
    asked: list[httpx.Request] = []

    with pytest.raises(Unfit) as caught:
        await indexer(recorded(asked, sending({}))).fetch(release(tracker_id=tracker_id))

    assert caught.value.code == "ReleaseUnfetchable"
    assert asked == []


@pytest.mark.parametrize("body", [b"d4:infod6:lengthi", b"denied", b"<html>Maintenance</html>", b"d"])
async def test_something_else_in_place_of_a_torrent_is_temporary(body: bytes) -> None:
    with pytest.raises(Transient) as caught:
        await indexer(lambda request: httpx.Response(200, content=body)).fetch(release())

    assert caught.value.code == "IndexerUnreadable"


async def test_a_torrent_is_fetched_after_a_restart_without_a_search() -> None:
    asked: list[httpx.Request] = []
    torrent = serving(DOWNLOADS[0])
    found = await indexer(sending(fixture("search_many"))).search(Query(text="Oz"))

    payload = await indexer(recorded(asked, torrent)).fetch(found[0])

    assert payload.infohash_v1 == DOWNLOADS[0]["infohash"]
    assert [str(request.url) for request in asked] == [f"{SITE}/tor/download.php?tid=900001"]


async def test_pages_and_downloads_stand_under_the_address_that_was_set() -> None:
    [found] = await indexer(sending(rows(7)), url="http://127.0.0.1:8080/").search(Query(text="Oz"))

    assert found.info_url == "http://127.0.0.1:8080/t/7"


# The session


ROTATIONS = fixture("cookie_rotation")["cases"]


@pytest.mark.parametrize("case", ROTATIONS, ids=[case["name"] for case in ROTATIONS])
async def test_the_next_request_carries_what_the_last_reply_left(case: dict[str, Any]) -> None:
    asked: list[httpx.Request] = []
    sessions = KeptSessions()
    status = case.get("status", 200)

    def handle(request: httpx.Request) -> httpx.Response:
        cookies = [("Set-Cookie", line) for line in case["set_cookie"]] if len(asked) == 1 else []
        return httpx.Response(status, headers=[*JSON.items(), *cookies], content=b'{"data": []}')

    source = indexer(recorded(asked, handle), session=case["stored"], sessions=sessions)
    codes = [await outcome(source), await outcome(source)]

    if case.get("state") == "auth_failed":
        assert codes == ["IndexerRefusedKey", "IndexerRefusedKey"]
        assert len(asked) == 1
        assert (sessions.kept["mouse"].value, sessions.kept["mouse"].dead) == (case["keep"], True)
    else:
        assert codes == ["" if status == 200 else "IndexerUnreadable"] * 2
        assert asked[1].headers["cookie"] == f"mam_id={case.get('send_as', case['keep'])}"
        kept = sessions.kept.get("mouse", started(case["stored"]))
        assert (kept.value, kept.dead) == (case["keep"], False)


async def outcome(source: MyAnonamouse) -> str:
    try:
        await source.search(Query(text="Oz"))
    except Failure as failure:
        return failure.code
    return ""


NEW = "mam_id=NEW; path=/; domain=.myanonamouse.net"


class Lost(httpx.AsyncByteStream):
    """A body that breaks off before its first byte."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raise httpx.ReadError("connection lost")
        yield b""


async def test_a_new_session_is_saved_even_when_the_body_never_comes() -> None:
    sessions = KeptSessions()
    lost = httpx.Response(200, headers={**JSON, "Set-Cookie": NEW}, stream=Lost())

    assert await outcome(indexer(lambda request: lost, sessions=sessions)) == "IndexerUnreachable"

    assert sessions.kept["mouse"].value == "NEW"


@pytest.mark.parametrize("status", [200, 302, 404, 406, 429, 500])
async def test_downloads_and_the_user_record_renew_the_session_too(status: int) -> None:
    for ask in ("fetch", "account"):
        sessions = KeptSessions()
        source = indexer(lambda request: httpx.Response(status, headers={"Set-Cookie": NEW}), sessions=sessions)

        with pytest.raises(Failure):
            await (source.fetch(release()) if ask == "fetch" else source.account())

        assert sessions.kept["mouse"].value == "NEW"


async def test_a_session_that_could_not_be_saved_is_not_lost() -> None:
    asked: list[httpx.Request] = []
    sessions = KeptSessions()
    source = indexer(recorded(asked, sending({"data": []}, NEW)), sessions=sessions)
    sessions.broken = 2

    assert await outcome(source) == "StoreUnreachable"
    assert await outcome(source) == "StoreUnreachable"
    assert len(asked) == 1
    assert await outcome(source) == ""

    assert asked[1].headers["cookie"] == "mam_id=NEW"
    assert sessions.kept["mouse"].value == "NEW"


async def test_the_newest_session_of_any_process_is_used() -> None:
    asked: list[httpx.Request] = []
    sessions = KeptSessions()
    source = indexer(recorded(asked, sending({"data": []})), sessions=sessions)

    await outcome(source)
    sessions.kept["mouse"] = msgspec.structs.replace(started(SESSION), value="OF-ANOTHER-PROCESS")
    await outcome(source)

    assert [request.headers["cookie"] for request in asked] == ["mam_id=OLD", "mam_id=OF-ANOTHER-PROCESS"]


async def test_a_restart_goes_on_with_the_renewed_session() -> None:
    asked: list[httpx.Request] = []
    sessions = KeptSessions()

    await outcome(indexer(sending({"data": []}, NEW), sessions=sessions))
    await outcome(indexer(recorded(asked, sending({"data": []})), sessions=sessions))

    assert asked[0].headers["cookie"] == "mam_id=NEW"


@pytest.mark.parametrize("dead", [False, True])
async def test_a_session_that_the_user_set_anew_wins_over_the_stored_one(dead: bool) -> None:
    asked: list[httpx.Request] = []
    sessions = KeptSessions()
    sessions.kept["mouse"] = msgspec.structs.replace(started("an older one"), value="RENEWED", dead=dead)

    assert await outcome(indexer(recorded(asked, sending({"data": []})), session="FRESH", sessions=sessions)) == ""

    assert asked[0].headers["cookie"] == "mam_id=FRESH"


async def test_a_dead_session_says_what_to_do() -> None:
    sessions = KeptSessions()
    sessions.kept["mouse"] = msgspec.structs.replace(started(SESSION), dead=True)

    with pytest.raises(Permanent) as caught:
        await indexer(sending(rows(1)), sessions=sessions).search(Query(text="Oz"))

    assert caught.value.code == "IndexerRefusedKey"
    assert "Preferences > Security" in caught.value.message


@pytest.mark.parametrize("session", ["", "two words", "line\nbreak", "ümlaut", "a;b"])
async def test_a_session_that_cannot_be_sent_is_refused_before_anything_is_sent(session: str) -> None:
    asked: list[httpx.Request] = []

    assert await outcome(indexer(recorded(asked, sending(rows(1))), session=session)) == "IndexerRefusedKey"
    assert asked == []


async def test_the_http_client_keeps_no_copy_of_the_session() -> None:
    handler = sending({"data": []}, "lid=1; path=/", NEW, "uid=7; path=/")
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    source = MyAnonamouse("mouse", session=SESSION, sessions=KeptSessions(), http=http, gap_s=0)

    await outcome(source)

    assert "mam_id" not in {cookie.name for cookie in http.cookies.jar}


async def test_questions_asked_at_once_are_put_one_after_another_each_with_the_newest_session() -> None:
    asked: list[httpx.Request] = []
    values: Iterator[int] = iter(range(100))

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        await asyncio.sleep(0)
        cookie = f"mam_id=V{next(values)}; path=/"
        return httpx.Response(200, headers={**JSON, "Set-Cookie": cookie}, content=b'{"data": []}')

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    source = MyAnonamouse("mouse", session=SESSION, sessions=KeptSessions(), http=http, gap_s=0)

    await asyncio.gather(*(source.search(Query(text=f"Oz {number}")) for number in range(4)))

    assert [request.headers["cookie"] for request in asked] == [
        "mam_id=OLD",
        "mam_id=V0",
        "mam_id=V1",
        "mam_id=V2",
    ]


async def test_no_session_is_ever_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    renewed = "r3n3w3d%2Fvalue"
    plain = ("s3cr3t+value=1900", "r3n3w3d/value")

    def echoing(request: httpx.Request) -> httpx.Response:
        words = {"error": f"cookie {request.headers['cookie']} {SECRET} {renewed} {plain} is odd"}
        headers = {**JSON, "Set-Cookie": f"mam_id={renewed}; path=/"}
        return httpx.Response(200, headers=headers, content=json.dumps(words).encode())

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url} {request.headers['cookie']}")

    said = ""
    for handler in (echoing, down):
        source = indexer(handler, session=SECRET)
        said += repr(source)
        for _ in range(2):
            try:
                await source.search(Query(text="Oz"))
            except Failure as failure:
                said += "".join(traceback.format_exception(failure))

    assert "does not accept our session" in said
    assert not [value for value in (SECRET, renewed, *plain) if value in said + caplog.text]


def test_the_fingerprint_moves_with_the_session_that_the_user_set() -> None:
    one, same, other = (indexer(sending({}), session=session).fingerprint for session in ("a", "a", "b"))

    assert one == same != other
