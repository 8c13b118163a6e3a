"""The Torznab client against recorded shapes: what it reads, what it asks, and what it says when something is wrong."""

from __future__ import annotations

import contextlib
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
from hypothesis import given
from hypothesis import strategies as st

from adapters.indexers import feed
from adapters.indexers.text import TITLE_CHARS, clean_title, public_address, quoted, without_secrets
from adapters.indexers.torznab import Torznab
from adapters.sandbox.torrent_maker import make_torrent
from adapters.torrents import read_torrent
from domain.errors import Conflict, Failure, Permanent, Transient
from domain.releases import Release

FIXTURES = Path(__file__).parents[1] / "fixtures" / "torznab"
KEY = "s3cr3t-key-1900"
ADDRESS = "https://indexer.example/api"
NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)

Handler = Callable[[httpx.Request], httpx.Response]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None


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


def expected(name: str) -> Any:
    return json.loads(fixture(f"{name}.expected.json"))


def indexer(handler: Handler, *, clock: FakeClock | None = None, url: str = "https://indexer.example") -> Torznab:
    clock = clock or FakeClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return Torznab("example", url, KEY, http=http, now=clock.now, sleep=clock.sleep)


def serving(results: bytes | Mapping[str, Any], *, caps: bytes = b"") -> Handler:
    """Capabilities, and one answer (a body, or a case of a fixture) to everything else."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("t") == "caps":
            return httpx.Response(200, content=caps or fixture("torznab_caps.xml"))
        if isinstance(results, bytes):
            return httpx.Response(200, content=results)
        return httpx.Response(results["status"], headers=results["headers"], content=results.get("body", "").encode())

    return handle


def recorded(asked: list[httpx.Request], handler: Handler) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return handler(request)

    return handle


def page_of(name: str) -> feed.Page:
    return feed.read_page(feed.parse(fixture(name)), indexer="example", address=ADDRESS)


def by_guid(name: str) -> dict[str, feed.Row]:
    """Rows under the guid they were made from."""
    guids = [f"https://indexer.example/t/{number}" for number in range(50)]
    known = {feed.release_id("example", guid): guid for guid in guids}
    return {known.get(row.release.id, row.release.title): row for row in page_of(name).rows}


def feed_of(*titles: str, start: int = 0) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><guid>https://indexer.example/t/{start + at}</guid>"
        f"<link>https://indexer.example/dl/{start + at}.torrent?apikey={KEY}</link></item>"
        for at, title in enumerate(titles)
    )
    return f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()


def one_torrent(tmp_path: Path, name: str = "oz.mp3") -> bytes:
    (tmp_path / name).write_bytes(name.encode() * 100)
    return make_torrent(tmp_path / name, announce=f"https://tracker.example/announce?passkey={KEY}")


OUTCOMES = {
    "auth_failed": (Permanent, "IndexerRefusedKey"),
    "bad_request": (Permanent, "IndexerBadRequest"),
    "unsupported": (Permanent, "IndexerUnsupported"),
    "gone": (Permanent, "ReleaseGone"),
    "disabled": (Transient, "IndexerDisabled"),
    "rate_limited": (Transient, "IndexerRateLimited"),
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
    if isinstance(failure, Transient) and case["expect"] == "rate_limited":
        assert failure.retry_after_s == case.get("retry_after_s", 3600)


# What is read

FIELDS = {
    "size": "size_bytes",
    "seeders": "seeders",
    "leechers": "leechers",
    "infohash": "infohash",
    "download_factor": "download_factor",
    "min_ratio": "min_ratio",
    "min_seed_s": "min_seed_s",
    "title": "title",
    "info_url": "info_url",
}


def assert_row(row: feed.Row, wanted: Mapping[str, Any]) -> None:
    release = row.release
    for name, field in FIELDS.items():
        if name in wanted:
            assert getattr(release, field) == wanted[name], name
    if "published" in wanted:
        moment = wanted["published"] and datetime.fromisoformat(wanted["published"].replace("Z", "+00:00"))
        assert release.published_at == moment
    if "categories" in wanted:
        assert list(release.categories) == wanted["categories"]
    if "tags" in wanted:
        assert release.tags == ", ".join(wanted["tags"])
    if "author" in wanted:
        assert release.authors == (wanted["author"],)
    if "download_url" in wanted:
        assert row.link == wanted["download_url"]
    assert bool(release.warnings) == ("warning" in wanted)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("torznab_search_many", "rows"),
        ("torznab_magnet_only", "rows"),
        ("torznab_malformed_values", "kept"),
        ("torznab_html_entities_in_xml", "rows_if_repaired"),
    ],
)
def test_every_row_reads_as_a_correct_reader_reads_it(name: str, rows: str) -> None:
    wanted = [row for row in expected(name)[rows] if row.get("offer", True)]

    found = by_guid(f"{name}.xml")

    assert len(found) == len(wanted)
    for row in wanted:
        key = row["guid"] if row.get("guid") in found else row["title"]
        assert_row(found[key], row)


def test_rows_without_title_or_link_are_counted_as_broken_and_not_offered() -> None:
    page = page_of("torznab_malformed_values.xml")

    assert (page.sent, page.broken, len(page.rows)) == (7, 2, 5)


def test_a_hash_that_was_removed_is_unknown() -> None:
    assert [row.release.infohash for row in page_of("torznab_no_infohash.xml").rows] == [None, None, None]


def test_usenet_is_not_offered_and_not_broken() -> None:
    page = page_of("newznab_search.xml")

    assert (page.rows, page.sent, page.broken) == ((), 1, 0)


def test_a_prowlarr_feed_keeps_its_key_out_of_the_release() -> None:
    [row] = page_of("prowlarr_feed.xml").rows

    assert row.release.info_url == "https://www.myanonamouse.net/t/900001"
    assert (row.release.seeders, row.release.leechers, row.release.min_seed_s) == (64, 0, 259200)
    assert row.release.authors == ("L Frank Baum",)
    assert "EXAMPLEAPIKEY" in row.link
    assert "EXAMPLEAPIKEY" not in repr(row)


def test_an_empty_feed_is_read_as_empty_with_and_without_a_total() -> None:
    for name in ("torznab_search_empty.xml", "torznab_search_empty_no_response.xml"):
        assert page_of(name) == feed.Page(rows=(), ids=frozenset(), sent=0, broken=0)


def test_capabilities_are_read_in_full_and_with_everything_missing() -> None:
    full = feed.read_caps(feed.parse(fixture("torznab_caps.xml")))
    bare = feed.read_caps(feed.parse(fixture("torznab_caps_minimal.xml")))

    assert full.book == {"q", "author", "title", "year"}
    assert (full.title, full.page_size, full.categories[3030]) == ("Example Indexer", 100, "Audiobook")
    assert (bare.page_size, bare.search, bare.book) == (100, {"q"}, {"q"})
    assert bare.categories == {8000: "Books", 3030: "Audiobooks"}


def test_attributes_without_a_declared_namespace_are_still_read() -> None:
    body = feed_of("Ozma of Oz").replace(b"</item>", b'<torznab:attr name="seeders" value="3"/></item>')

    [row] = feed.read_page(feed.parse(body), indexer="example", address=ADDRESS).rows

    assert row.release.seeders == 3


def test_control_characters_and_other_encodings_are_repaired() -> None:
    dirty = feed_of("Ozma\x0b of &#0; Oz \x1f& Élodie").replace(b"<rss", b'<?xml version="1.0"?>\n<rss')
    latin = b'<?xml version="1.0" encoding="ISO-8859-1"?>' + feed_of("Élodie").decode().encode("latin-1")

    titles = [
        feed.read_page(feed.parse(body), indexer="example", address=ADDRESS).rows[0].release.title
        for body in (dirty, latin)
    ]

    assert titles == ["Ozma of Oz & Élodie", "Élodie"]


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE r [<!ENTITY a 'b'>]><rss><channel><title>&a;</title></channel></rss>",
        b"<?xml version='1.0'?><!-- <a> --><!DOCTYPE rss SYSTEM 'file:///etc/passwd'><rss><channel/></rss>",
        "<!DOCTYPE r [<!ENTITY a 'b'>]><rss><channel/></rss>".encode("utf-16"),
        b"<rss><channel><item>",
        b"\xef\xbb\xbf  ",
        b"\x00\x01\x02",
    ],
)
def test_hostile_and_broken_documents_are_refused(body: bytes) -> None:
    with pytest.raises(feed.Unreadable):
        feed.parse(body)


def test_a_document_type_named_inside_a_description_is_only_text() -> None:
    body = feed_of("Ozma").replace(b"</item>", b"<description><![CDATA[<!DOCTYPE html>]]></description></item>")

    assert feed.read_page(feed.parse(body), indexer="example", address=ADDRESS).sent == 1


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_they_are_read_or_refused(body: bytes) -> None:
    for document in (body, b"<rss><channel><item>" + body + b"</item></channel></rss>"):
        with contextlib.suppress(feed.Unreadable):
            feed.read_page(feed.parse(document), indexer="example", address=ADDRESS)


@given(st.dictionaries(st.sampled_from(["size", "seeders", "peers", "infohash", "category", "author"]), st.text()))
def test_whatever_an_attribute_says_the_row_can_be_stored(attrs: dict[str, str]) -> None:
    item = feed.etree.fromstring(feed_of("Ozma of Oz"))
    for name, value in attrs.items():
        clean = feed._NOT_XML.sub("", value)
        feed.etree.SubElement(item[0][0], "attr", name=name, value=clean)

    [row] = feed.read_page(item, indexer="example", address=ADDRESS).rows

    assert msgspec.json.decode(msgspec.json.encode(row.release), type=Release) == row.release


# Titles and addresses


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Tom &amp;amp; Dorothy", "Tom & Dorothy"),
        ("Tom &amp;amp;amp; Dorothy", "Tom &amp; Dorothy"),
        ("  The\u00a0Road\t to\nOz\x00 ", "The Road to Oz"),
        ("<b>Ozma</b> of <i class='x'>Oz</i>", "Ozma of Oz"),
        ("Oz < Kansas <3", "Oz < Kansas <3"),
        ("E\u0301lodie\u200b \u202eOz", "Élodie Oz"),
        ("\ud800broken", "broken"),
        ("<br/>", ""),
    ],
)
def test_a_title_is_one_clean_line(text: str, clean: str) -> None:
    assert clean_title(text) == clean


def test_a_title_of_ten_thousand_characters_keeps_its_beginning() -> None:
    title = clean_title("L. Frank Baum - Oz 03 - Ozma of Oz " + "with Dorothy " * 1000)

    assert title.startswith("L. Frank Baum - Oz 03 - Ozma of Oz with")
    assert len(title) <= TITLE_CHARS
    assert len(clean_title("x" * 10_000)) == TITLE_CHARS


@given(st.text())
def test_cleaning_a_title_leaves_nothing_invisible(text: str) -> None:
    title = clean_title(text)

    assert title == " ".join(title.split())
    assert title.isprintable() or not any(ord(character) < 32 for character in title)


def test_an_id_does_not_change_with_a_key_inside_the_guid() -> None:
    first, second = (f"https://x.example/t/1?id=7&passkey={key}&torrent_pass={key}" for key in ("aaa", "bbb"))

    assert feed.release_id("example", first) == feed.release_id("example", second)
    assert feed.release_id("example", first) != feed.release_id("another", first)
    assert without_secrets(first) == "https://x.example/t/1?id=7"
    assert public_address("https://me:password@x.example/t/1") is None
    assert public_address("file:///etc/passwd") is None


def test_what_a_server_says_is_quoted_without_addresses_and_keys() -> None:
    words = f"Bad key {KEY} at https://indexer.example/api?apikey=abc (passkey=abc) " + "x" * 500

    assert quoted(words, KEY).startswith("Bad key … at … (… xxx")
    assert len(quoted(words, KEY)) == 200


# What is asked


def shown(request: httpx.Request) -> list[tuple[str, str]]:
    return parse_qsl(request.url.query.decode().replace(KEY, "KEY"))


INTENTS = {
    "one book, book-search with author and title supported": Query(title="Ozma of Oz", author="L Frank Baum"),
    "same, book-search only knows q or is missing": Query(title="Ozma of Oz", author="L Frank Baum"),
    "latest": Query(),
}


@pytest.mark.parametrize("case", json.loads(fixture("torznab_requests.json"))["cases"][:4])
async def test_a_question_is_put_as_the_capabilities_allow(case: dict[str, Any]) -> None:
    asked: list[httpx.Request] = []
    caps = fixture(case.get("caps") or "torznab_caps.xml")
    source = indexer(recorded(asked, serving(fixture("torznab_search_empty.xml"), caps=caps)))

    if case["intent"] == "capabilities":
        await source.check()
    else:
        assert await source.search(INTENTS[case["intent"]]) == ()

    assert shown(asked[-1]) == parse_qsl(case["query"])


async def test_pages_are_as_large_as_the_indexer_allows_and_end_with_a_short_one() -> None:
    asked: list[httpx.Request] = []
    caps = fixture("torznab_caps.xml").replace(b'max="100"', b'max="50"')

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params["t"] == "caps":
            return httpx.Response(200, content=caps)
        offset = int(request.url.params["offset"])
        titles = [f"Jules Verne {offset + at}" for at in range(50 if offset < 100 else 7)]
        return httpx.Response(200, content=feed_of(*titles, start=offset))

    found = await indexer(recorded(asked, handle)).search(Query(text="Jules Verne"))

    assert len(found) == 107
    assert len({release.id for release in found}) == 107
    second = json.loads(fixture("torznab_requests.json"))["cases"][4]["query"]
    assert shown(asked[2]) == parse_qsl(second)
    assert len(asked) == 4


async def test_an_indexer_that_repeats_its_first_page_is_asked_twice_only() -> None:
    asked: list[httpx.Request] = []
    source = indexer(recorded(asked, serving(feed_of(*(f"Oz {at}" for at in range(100))))))

    found = await source.search(Query(text="Oz"))

    assert len(found) == 100
    assert len(asked) == 3


async def test_no_more_than_five_pages_are_read() -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params["t"] == "caps":
            return httpx.Response(200, content=fixture("torznab_caps.xml"))
        offset = int(request.url.params["offset"])
        return httpx.Response(200, content=feed_of(*(f"Oz {offset + at}" for at in range(100)), start=offset))

    found = await indexer(recorded(asked, handle)).search(Query(text="Oz"))

    assert (len(found), len(asked)) == (500, 6)


async def test_an_error_on_the_second_page_is_an_error() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params["t"] == "caps":
            return httpx.Response(200, content=fixture("torznab_caps.xml"))
        if request.url.params["offset"] != "0":
            return httpx.Response(502)
        return httpx.Response(200, content=feed_of(*(f"Oz {at}" for at in range(100))))

    with pytest.raises(Transient):
        await indexer(handle).search(Query(text="Oz"))


async def test_capabilities_are_asked_for_once_a_week() -> None:
    asked: list[httpx.Request] = []
    clock = FakeClock()
    source = indexer(recorded(asked, serving(fixture("torznab_search_many.xml"))), clock=clock)

    for _ in range(3):
        await source.search(Query(text="Oz"))
    clock.moment += timedelta(days=8)
    await source.search(Query(text="Oz"))

    assert [request.url.params["t"] for request in asked].count("caps") == 2


async def test_requests_keep_their_distance() -> None:
    clock = FakeClock()
    source = indexer(serving(fixture("torznab_search_many.xml")), clock=clock)

    await source.search(Query(text="Oz"))
    await source.search(Query(text="Oz"))
    clock.moment += timedelta(minutes=1)
    await source.search(Query(text="Oz"))
    clock.moment -= timedelta(hours=3)
    await source.search(Query(text="Oz"))

    assert clock.slept == [2.0, 2.0]


async def test_an_indexer_without_number_3030_is_asked_for_what_it_calls_audiobooks() -> None:
    asked: list[httpx.Request] = []
    caps = fixture("torznab_caps.xml").replace(b'<subcat id="3030" name="Audiobook"/>', b"")
    other = b'<caps><searching><search/></searching><categories><category id="3000" name="Audio"/></categories></caps>'

    for document in (caps, other):
        source = indexer(recorded(asked, serving(fixture("torznab_search_empty.xml"), caps=document)))
        await source.search(Query(text="Oz"))

    assert [request.url.params.get("cat") for request in asked] == [None, "100039", None, None]


async def test_an_address_that_ends_in_api_is_not_doubled() -> None:
    asked: list[httpx.Request] = []
    handler = recorded(asked, serving(fixture("torznab_search_empty.xml")))

    await indexer(handler, url="http://prowlarr.local:9696/1/").check()
    await indexer(handler, url="http://prowlarr.local:9696/1/api?t=caps").check()

    assert {str(request.url.copy_with(query=None)) for request in asked} == {"http://prowlarr.local:9696/1/api"}


# What is said when something is wrong

ERRORS = json.loads(fixture("torznab_errors.json"))["cases"]


@pytest.mark.parametrize("case", ERRORS, ids=[case["name"] for case in ERRORS])
async def test_an_error_is_never_an_empty_answer(case: dict[str, Any]) -> None:
    with pytest.raises(Failure) as caught:
        await indexer(serving(case)).search(Query(text="Ozma of Oz"))

    assert_outcome(caught.value, case)


@pytest.mark.parametrize("case", ERRORS, ids=[case["name"] for case in ERRORS])
async def test_an_error_in_place_of_capabilities_is_told_too(case: dict[str, Any]) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(case["status"], headers=case["headers"], content=case["body"].encode())

    with pytest.raises(Failure) as caught:
        await indexer(handle).check()

    assert_outcome(caught.value, case)


async def test_the_recorded_refusal_with_a_byte_order_mark_is_understood() -> None:
    with pytest.raises(Permanent) as caught:
        await indexer(serving(fixture("torznab_error_100.xml"))).search(Query(text="Oz"))

    assert caught.value.message == "example refused our key: 100: Incorrect user credentials; check its API key."


@pytest.mark.parametrize("stated", ["Fri, 21 Nov 2025 12:02:00 GMT", "120"])
async def test_a_rest_that_was_asked_for_is_passed_on(stated: str) -> None:
    case = {"status": 429, "headers": {"Retry-After": stated}}

    with pytest.raises(Transient) as caught:
        await indexer(serving(case)).search(Query(text="Oz"))

    assert caught.value.retry_after_s == pytest.approx(120, abs=3)


async def test_only_broken_rows_are_an_unreadable_answer() -> None:
    body = b"<rss><channel><item><guid>1</guid></item><item><title>x</title></item></channel></rss>"

    with pytest.raises(Transient) as caught:
        await indexer(serving(body)).search(Query(text="Oz"))

    assert caught.value.code == "IndexerUnreadable"


async def test_an_endless_answer_is_cut_off() -> None:
    with pytest.raises(Transient) as caught:
        await indexer(serving(b" " * (21 * 1024 * 1024))).search(Query(text="Oz"))

    assert caught.value.message == "example sent more than 20 MiB."


async def test_an_indexer_that_is_down_is_unreachable() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route to {request.url}")

    with pytest.raises(Transient) as caught:
        await indexer(handle).search(Query(text="Oz"))

    assert caught.value.code == "IndexerUnreachable"
    assert caught.value.message.startswith("example did not answer (ConnectError)")


async def test_no_key_is_ever_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f'<error code="100" description="no such key {KEY} at {ADDRESS}?t=search&amp;apikey={KEY}"/>'

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url}")

    said = ""
    for handler in (serving(echo.encode()), down):
        source = indexer(handler)
        said += repr(source)
        try:
            await source.search(Query(text="Oz"))
        except Failure as failure:
            said += "".join(traceback.format_exception(failure))

    assert "refused our key" in said
    assert KEY not in said + caplog.text


# Fetching


async def found(source: Torznab, text: str = "Ozma of Oz") -> Release:
    return (await source.search(Query(text=text)))[0]


DOWNLOADS = json.loads(fixture("prowlarr_download.json"))["cases"]
DELIVERED = [case for case in DOWNLOADS if case["expect"] in ("torrent", "magnet", "follow_once")]
REFUSED = [case for case in DOWNLOADS if case not in DELIVERED]


def prowlarr(case: Mapping[str, Any], torrent: bytes) -> Torznab:
    """A Prowlarr that answers downloads as the case says; the tracker behind it always has the torrent."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/1/api":
            body = "torznab_caps.xml" if request.url.params["t"] == "caps" else "prowlarr_feed.xml"
            return httpx.Response(200, content=fixture(body))
        if request.url.host == "indexer.example" or "body_is" in case:
            return httpx.Response(200, content=torrent)
        return httpx.Response(case["status"], headers=case["headers"], content=case["body"].encode())

    return indexer(handle, url="http://prowlarr.local:9696/1")


@pytest.mark.parametrize("case", DELIVERED, ids=[case["name"] for case in DELIVERED])
async def test_a_download_is_resolved_to_a_torrent_or_a_magnet(case: dict[str, Any], tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    source = prowlarr(case, torrent)

    payload = await source.fetch(await found(source, "Wizard of Oz"))

    assert payload.infohash_v1 == case.get("infohash", read_torrent(torrent).infohash_v1)
    assert (payload.magnet is not None) == (case["expect"] == "magnet")


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
async def test_a_download_that_fails_says_how(case: dict[str, Any], tmp_path: Path) -> None:
    source = prowlarr(case, one_torrent(tmp_path))
    release = await found(source, "Wizard of Oz")

    with pytest.raises(Failure) as caught:
        await source.fetch(release)

    assert "EXAMPLEAPIKEY" not in caught.value.message
    if case["expect"] == "refused":
        assert caught.value.code == "ReleaseUnfetchable"
    else:
        assert_outcome(caught.value, case)


async def test_after_a_restart_a_release_is_found_again_by_its_title(tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/dl/"):
            return httpx.Response(200, content=torrent)
        # This server takes every word seriously: the bracketed ones find nothing.
        words = request.url.params.get("q", "")
        hit = "ENG" not in words
        return serving(feed_of("Ozma of Oz by L. Frank Baum [ENG / M4B]") if hit else feed_of())(request)

    release = await found(indexer(handle))

    payload = await indexer(handle).fetch(release)

    assert payload.content == torrent


async def test_a_release_that_is_not_listed_any_more_is_to_be_searched_again() -> None:
    release = await found(indexer(serving(feed_of("Ozma of Oz"))))
    restarted = indexer(serving(feed_of("The Road to Oz", start=7)))

    with pytest.raises(Conflict) as caught:
        await restarted.fetch(release)

    assert caught.value.code == "ReleaseNotListed"


async def test_another_torrent_than_the_one_announced_is_refused(tmp_path: Path) -> None:
    torrent = one_torrent(tmp_path)
    announced = b'<attr name="infohash" value="1b5e33c1d70dea259f13ae6aaf4fde0e673c4f69"/></item>'
    body = feed_of("Ozma of Oz").replace(b"</item>", announced)

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=torrent) if "/dl/" in request.url.path else serving(body)(request)

    source = indexer(handle)

    with pytest.raises(Permanent) as caught:
        await source.fetch(await found(source))

    assert caught.value.code == "ReleaseChanged"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "IndexerUnreadable"),
        (b'\xef\xbb\xbf<error code="501" description="Download limit reached"/>', "IndexerRateLimited"),
        (b'<error code="300" description="No such item"/>', "ReleaseGone"),
        (b"Attempted to Download Past Unsatisfied limit. Time Till Download Allowed: 1d", "IndexerRateLimited"),
        (b"d4:infod6:lengthi", "IndexerUnreadable"),
        (b"", "IndexerUnreadable"),
        (b"nothing to see", "IndexerUnreadable"),
    ],
)
async def test_something_else_in_place_of_a_torrent_is_named(body: bytes, code: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if "/dl/" in request.url.path:
            return httpx.Response(200, content=body)
        return serving(feed_of("Ozma of Oz"))(request)

    source = indexer(handle)

    with pytest.raises(Failure) as caught:
        await source.fetch(await found(source))

    assert caught.value.code == code


async def test_a_magnet_in_the_feed_needs_no_request() -> None:
    asked: list[httpx.Request] = []
    source = indexer(recorded(asked, serving(fixture("torznab_magnet_only.xml"))))
    release = await found(source, "Barsoom")
    before = len(asked)

    payload = await source.fetch(release)

    assert payload.infohash_v1 == release.infohash == "82777035db4080aab97d3abfe5b54682826ce8d5"
    assert len(asked) == before


async def test_a_fixture_with_every_kind_of_dirt_goes_through_the_whole_client() -> None:
    source = indexer(serving(fixture("torznab_html_entities_in_xml.xml")))

    releases = await source.search(Query(text="Verne"))

    assert [release.title for release in releases] == [
        "Verne – Voyage au centre de la Terre édition",
        "Tom & Dorothy in Oz 'special'",
    ]


def test_a_million_unclosed_sections_are_refused_without_being_searched_one_by_one() -> None:
    with pytest.raises(feed.Unreadable):
        feed.parse(b"<rss>" + b"<![CDATA[" * 1_000_000)
