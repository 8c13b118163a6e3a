"""Google Books: sloppy volumes, a quota, and a key that travels in the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.google_books import MOST_LOOKED_UP, PARKED_S, GoogleBooks
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import Answer, ListBooks, LookUp, Search
from domain.errors import Failure, Permanent, Transient
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import Asked, FakeWeb, says

VOLUMES = "https://www.googleapis.com/books/v1/volumes"
KEY = "fixture-key-of-nobody"
HOUND = Search(title="The Hound of the Baskervilles", author="Arthur Conan Doyle")
ISBNS = ("isbn:9780000000002", "isbn:9780000000019")


def source(web: FakeWeb | None = None) -> GoogleBooks:
    return GoogleBooks(web or FakeWeb({}), KEY)


def volume(own: str, *isbns: str, **more: Any) -> dict[str, Any]:
    identifiers = [{"type": "ISBN_13", "identifier": one.removeprefix("isbn:")} for one in isbns]
    return {"id": own, "volumeInfo": {"title": own, "industryIdentifiers": identifiers} | more}


def volumes(*rows: object, total: object = None) -> Reply:
    return says({"kind": "books#volumes", "totalItems": len(rows) if total is None else total, "items": rows})


NOTHING = says({"kind": "books#volumes", "totalItems": 0})


def query(asked: Asked) -> str:
    return parse_qs(urlsplit(asked.url).query)["q"][0]


@pytest.mark.parametrize("name", fixtures("google-books."))
def test_a_recorded_reply_comes_to_what_the_contract_says(name: str):
    recorded = contract(name)

    assert outcome(source().read, recorded.reply) == recorded.expect["outcome"]
    assert source().knows(recorded.reply.url)


def test_a_volume_is_read_with_its_proved_isbns_and_says_nothing_of_recordings_or_series():
    hound, comic = source().read(contract("google-books.ok").reply).books

    assert hound.id == "google:fixtureAAAAJ"
    assert hound.ids == ("google:fixtureAAAAJ", "isbn:9780000000002")
    assert [author.name for author in hound.authors] == ["Arthur Conan Doyle"]
    assert (hound.language, hound.publisher, hound.released) == ("en", "Fixture House", None)
    assert hound.cover == "https://books.google.com/fixture?zoom=1"
    assert (hound.recordings, hound.recorded) == (None, False)
    assert comic.places == ()


def test_wrong_types_are_read_where_they_can_be_and_dropped_where_not():
    recorded = contract("google-books.wrong-types")

    answer = source().read(recorded.reply)

    [book] = answer.books
    assert len(answer.books) == recorded.expect["usable"]
    assert (book.title, book.authors[0].name) == ("1904", "L. Frank Baum")
    assert len(answer.dropped) == 2
    assert not answer.complete


def test_a_spent_daily_quota_parks_the_source_for_hours():
    with pytest.raises(Transient) as spent:
        source().read(contract("google-books.error-429").reply)

    assert spent.value.code == "QuotaSpent"
    assert spent.value.retry_after_s == PARKED_S


def test_a_spent_quota_passes_also_as_403_and_a_refusal_does_not():
    quota = says({"error": {"code": 403, "errors": [{"reason": "dailyLimitExceeded"}]}}, status=403)
    refused = says({"error": {"code": 403, "errors": [{"reason": "accessNotConfigured"}]}}, status=403)

    with pytest.raises(Transient):
        source().read(quota)
    with pytest.raises(Permanent):
        source().read(refused)


def test_fewer_volumes_than_promised_are_an_incomplete_answer():
    assert source().read(volumes(volume("a"), total=1)).complete
    assert not source().read(volumes(volume("a"), total=2)).complete
    assert not source().read(says({"totalItems": 5})).complete


async def test_a_search_names_title_and_author_as_phrases():
    web = FakeWeb({VOLUMES: contract("google-books.ok").reply})

    answer = await source(web).ask(Search(title='The "Hound"', author="Conan Doyle"))

    assert len(answer.books) == 2
    assert query(web.requests[0]) == 'intitle:"The  Hound" inauthor:"Conan Doyle"'


async def test_a_look_up_keeps_only_volumes_that_carry_the_isbn():
    def replies(asked: Asked) -> Reply:
        return volumes(volume("a", ISBNS[0]), volume("b")) if query(asked) == ISBNS[0] else NOTHING

    answer = await source(FakeWeb(replies)).ask(LookUp(ids=(*ISBNS, "asin:B0OZ000001")))

    assert [book.id for book in answer.books] == ["google:a"]
    assert answer.dropped == ("google:b does not carry isbn:9780000000002",)
    assert answer.complete


async def test_what_was_read_before_a_failure_is_kept():
    def replies(asked: Asked) -> Reply:
        return volumes(volume("a", ISBNS[0])) if query(asked) == ISBNS[0] else says("", status=503)

    answer = await source(FakeWeb(replies)).ask(LookUp(ids=ISBNS))

    assert [book.id for book in answer.books] == ["google:a"]
    assert not answer.complete
    assert answer.notes


async def test_a_look_up_of_very_many_isbns_is_cut_and_says_so():
    ids = tuple(f"isbn:{9780000000002 + number}" for number in range(MOST_LOOKED_UP + 5))
    web = FakeWeb({VOLUMES: NOTHING})

    answer = await source(web).ask(LookUp(ids=ids))

    assert len(web.asked) == MOST_LOOKED_UP
    assert not answer.complete


async def test_ids_it_cannot_be_asked_for_are_no_answer_of_nothing():
    answer = await source().ask(LookUp(ids=("asin:B0OZ000001",)))

    assert not answer.complete


@pytest.mark.parametrize("name", [name for name in fixtures("google-books.") if "error" in name])
async def test_the_key_is_sent_and_never_told(name: str):
    web = FakeWeb({VOLUMES: contract(name).reply})
    google = source(web)

    with pytest.raises(Failure) as failed:
        await google.ask(HOUND)

    assert f"key={KEY}" in web.asked[0]
    assert KEY not in f"{failed.value!r} {failed.value.code} {google!r}"


async def test_the_key_is_in_no_claim_and_no_note():
    def replies(asked: Asked) -> Reply | Failure:
        return volumes(volume("a", ISBNS[0])) if query(asked) == ISBNS[0] else Transient(f"no reply from {asked.url}")

    answer = await source(FakeWeb(replies)).ask(LookUp(ids=ISBNS))

    assert KEY not in repr(answer)


@pytest.mark.parametrize(
    "reply",
    [
        says("<html>sign in</html>"),
        says('{"kind": "books#volumes", "items": [{'),
        says(""),
        says({}),
        says({"totalItems": 1, "items": None}),
        says({"totalItems": 1, "items": {"a": 1}}),
        volumes(*[1] * 5_001),
        says("", status=302, headers={"location": "https://elsewhere.invalid/"}),
    ],
)
async def test_half_an_answer_teaches_nothing(reply: Reply):
    with pytest.raises(Transient):
        await source(FakeWeb({VOLUMES: reply})).ask(HOUND)


async def test_a_question_it_cannot_answer_is_a_mistake():
    with pytest.raises(ValueError, match="ListBooks"):
        await source().ask(ListBooks(name="L. Frank Baum"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
INFO = st.fixed_dictionaries(
    {"title": JSON},
    optional=dict.fromkeys(
        ["authors", "industryIdentifiers", "publishedDate", "description", "imageLinks", "categories", "language"], JSON
    ),
)


@given(JSON | st.lists(st.fixed_dictionaries({"id": JSON, "volumeInfo": INFO | JSON})), JSON)
def test_whatever_the_items_hold_reading_them_raises_nothing_but_failures(items: object, total: object):
    try:
        answer: Answer = source().read(says(msgspec.json.encode({"items": items, "totalItems": total})))
    except Failure:
        return
    assert all(book.id.startswith("google:") and book.title for book in answer.books)
