"""Audnexus: what is read from its replies, what its errors mean, and how it is asked."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from contract import contract, fixtures, outcome
from fake_web import Asked, FakeWeb, says
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.audnexus import MOST_LOOKED_UP, Audnexus
from adapters.catalogues.replies import LONGEST_BODY, MOST_ENTRIES, Reply
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Search,
)
from domain.errors import Failure, Permanent, Transient

BOOKS = "https://api.audnex.us/books"


def audnexus(web: FakeWeb | None = None, **options: Any) -> Audnexus:
    return Audnexus(web or FakeWeb({}), **options)


def read(name: str) -> Answer:
    return audnexus().read(contract(name).reply)


def answered(body: object, path: str = "books/B0OZ000003", status: int = 200) -> Reply:
    return msgspec.structs.replace(says(body, status=status), url=f"https://api.audnex.us/{path}")


def region(asked: Asked) -> str:
    return dict(parse_qsl(urlsplit(asked.url).query))["region"]


def details(asked: Asked) -> Reply:
    asin = urlsplit(asked.url).path.rpartition("/")[2]
    return says({**contract("audnexus.book").said, "asin": asin})


# --- replies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("audnexus."))
def test_every_recorded_reply_becomes_what_the_contract_says(name):
    recorded = contract(name)

    assert outcome(audnexus().read, recorded.reply) == recorded.expect["outcome"]
    if "complete" in recorded.expect:
        assert audnexus().read(recorded.reply).complete is recorded.expect["complete"]


@pytest.mark.parametrize("name", fixtures("audnexus."))
def test_every_recorded_reply_is_known_by_its_address(name):
    assert audnexus().knows(contract(name).reply.url)
    assert not audnexus().knows("https://api.audible.com/1.0/catalog/products")


def test_a_book_tells_its_recording_and_its_series():
    [found] = read("audnexus.book").books

    assert (found.id, found.ids) == ("asin:B0OZ000003", ("asin:B0OZ000003",))
    assert (found.title, found.subtitle) == ("Ozma of Oz", "The Oz Books, Book 3")
    assert found.places == (Place(series="audible:B0OZSERIES", name="The Oz Books", position="3"),)
    assert found.genres == ("Children's Audiobooks",)
    assert found.description == "Authored."
    assert found.first_published is None
    assert found.recorded
    [recording] = found.recordings or ()
    assert (recording.runtime_min, recording.abridged, recording.language) == (265, False, "en")
    assert recording.released == date(2015, 3, 10)


def test_both_series_of_a_book_are_kept():
    [found] = read("audnexus.book-two-series").books

    assert [(place.name, place.position) for place in found.places] == [
        ("Discworld", "8"),
        ("Discworld: Ankh-Morpork City Watch", "1"),
    ]


def test_a_book_that_is_not_out_has_no_length():
    [found] = read("audnexus.book-preorder").books

    [recording] = found.recordings or ()
    assert recording.runtime_min is None
    assert recording.narrators == ()
    assert recording.released == date(2031, 1, 1)


def test_title_and_subtitle_are_passed_on_as_they_came():
    [found] = read("audnexus.book-no-series").books

    assert (found.title, found.subtitle) == ("The Oz Books, Book 4", "Dorothy and the Wizard in Oz")
    assert found.places == ()


def test_chapters_tell_the_length_of_a_recording():
    [found] = read("audnexus.chapters").books

    assert (found.recordings or ())[0].runtime_min == 265


def test_namesakes_are_people_of_their_own():
    assert read("audnexus.authors").people == (
        PersonClaim(source="audnexus", id="audible:B000OZBAUM", name="L. Frank Baum"),
        PersonClaim(source="audnexus", id="audible:B000OTHERB", name="L. Frank Baum"),
        PersonClaim(source="audnexus", id="audible:B00BAUMROG", name="Roger S. Baum"),
    )


def test_a_book_that_was_taken_off_sale_was_recorded_once():
    answer = read("audnexus.error-delisted")

    assert answer.books == (
        BookClaim(source="audnexus", id="asin:B0OZ000099", ids=("asin:B0OZ000099",), stub=True, recorded=True),
    )
    assert answer.notes == ("asin:B0OZ000099: taken off sale",)


def test_a_full_minute_says_when_to_come_back():
    with pytest.raises(Transient) as busy:
        read("audnexus.error-429")

    assert busy.value.retry_after_s == 17


@pytest.mark.parametrize(
    ("name", "reason"),
    [("audnexus.error-content-type", "CONTENT_TYPE_MISMATCH"), ("audnexus.error-validation", "VALIDATION_ERROR")],
)
def test_a_refusal_names_its_reason(name, reason):
    with pytest.raises(Permanent, match=reason):
        read(name)


def test_a_refusal_without_a_reason_is_a_refusal():
    with pytest.raises(Permanent):
        audnexus().read(answered("<html>Bad Request</html>", status=400))


def test_an_address_that_the_server_does_not_have_is_for_a_person():
    body = {"message": "Route GET:/x/books not found", "error": "Not Found", "statusCode": 404}

    with pytest.raises(Permanent, match="base_url"):
        audnexus().read(answered(body, status=404))


@pytest.mark.parametrize(
    "reply",
    [
        answered("<html>Not here</html>", status=404),
        answered({"detail": "not ours"}, status=404),
        answered(""),
        answered("<html>login</html>"),
        answered('{"asin": "B0OZ0'),
        answered({}),
        answered({"asin": "B0OZ000003"}),
        answered({"asin": "B0OZ000003", "title": 3}),
        answered({"asin": "B000OZBAUM"}, path="authors/B000OZBAUM"),
        answered([None] * (MOST_ENTRIES + 1), path="books/search"),
        answered(b"[" * (LONGEST_BODY + 1)),
        answered(b"[" * 100_000),
        answered("", status=301),
    ],
    ids=range(13),
)
def test_half_an_answer_is_no_answer(reply):
    with pytest.raises(Transient):
        audnexus().read(reply)


def test_a_bad_record_of_a_search_is_dropped_with_a_reason():
    good = contract("audnexus.book").said

    answer = audnexus().read(answered([{"title": "No ASIN"}, {**good, "title": None}, good, 3], path="books/search"))

    assert [one.id for one in answer.books] == ["asin:B0OZ000003"]
    assert answer.dropped == (
        "a book without an ASIN",
        "asin:B0OZ000003: its title is no text",
        "a book without an ASIN",
    )
    assert not answer.complete


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*contract("audnexus.book").said, "name", "position", "chapters", "error", "code", "details"]
            ),
            inner | st.sampled_from(["B0OZ000003", "PRODUCT_DELISTED", "genre", "2015-03-10T00:00:00.000Z"]),
            max_size=8,
        )
    ),
    max_leaves=30,
)


@given(
    body=JSON,
    path=st.sampled_from(["books/B0OZ000003", "books/search", "authors", "authors/B000OZBAUM"]),
    status=st.sampled_from([200, 400, 404]),
)
def test_no_json_breaks_the_reader(body, path, status):
    try:
        answer = audnexus().read(answered(body, path, status))
    except Failure:
        return

    assert answer.source == "audnexus"


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", [FindSeries(name="Oz"), ListMembers(series="audible:B0"), ListBooks(name="Baum")])
async def test_it_lists_no_series_and_no_author(question):
    assert type(question) not in Audnexus.answers
    with pytest.raises(ValueError, match="cannot answer"):
        await audnexus().ask(question)


async def test_books_are_looked_up_one_by_one():
    web = FakeWeb(details)

    answer = await audnexus(web).ask(LookUp(ids=("asin:B0OZ000003", "isbn:9780000000019", "asin:B0OZ000004")))

    assert [one.id for one in answer.books] == ["asin:B0OZ000003", "asin:B0OZ000004"]
    assert answer.complete
    assert len(web.asked) == 2


async def test_a_book_that_one_region_does_not_have_is_asked_of_the_next():
    missing = contract("audnexus.error-region").reply
    web = FakeWeb(lambda asked: details(asked) if region(asked) == "uk" else missing)

    answer = await audnexus(web).ask(LookUp(ids=("asin:B0OZ100016",)))

    assert [one.id for one in answer.books] == ["asin:B0OZ100016"]


async def test_a_book_that_no_region_has_is_nothing():
    missing = contract("audnexus.error-404-old").reply
    web = FakeWeb(lambda asked: missing)

    answer = await audnexus(web, regions=["us", "uk", "de"]).ask(LookUp(ids=("asin:B0OZ100016",)))

    assert answer == Answer(source="audnexus")
    assert len(web.asked) == 3


async def test_what_is_off_sale_in_one_region_and_unknown_in_the_next_was_recorded():
    replies = {"us": contract("audnexus.error-delisted").reply, "uk": contract("audnexus.error-region").reply}

    answer = await audnexus(FakeWeb(lambda asked: replies[region(asked)])).ask(LookUp(ids=("asin:B0OZ000099",)))

    assert [(one.stub, one.recorded) for one in answer.books] == [(True, True)]


async def test_a_podcast_among_books_is_dropped():
    refused = contract("audnexus.error-content-type").reply
    web = FakeWeb(lambda asked: refused if "B0OZPODCST" in asked.url else details(asked))

    answer = await audnexus(web).ask(LookUp(ids=("asin:B0OZPODCST", "asin:B0OZ000003")))

    assert [one.id for one in answer.books] == ["asin:B0OZ000003"]
    assert answer.dropped == ("asin:B0OZPODCST: audnexus refused the question (HTTP 400 CONTENT_TYPE_MISMATCH)",)
    assert not answer.complete


async def test_a_podcast_alone_is_refused():
    refused = contract("audnexus.error-content-type").reply

    with pytest.raises(Permanent):
        await audnexus(FakeWeb(lambda asked: refused)).ask(LookUp(ids=("asin:B0OZPODCST",)))


async def test_a_full_minute_ends_a_round_with_what_was_read():
    busy = contract("audnexus.error-429").reply
    web = FakeWeb(lambda asked: details(asked) if "B0OZ000003" in asked.url else busy)

    answer = await audnexus(web).ask(LookUp(ids=("asin:B0OZ000003", "asin:B0OZ000004", "asin:B0OZ000005")))

    assert [one.id for one in answer.books] == ["asin:B0OZ000003"]
    assert answer.notes == ("asin:B0OZ000004 and those after it: audnexus cannot answer now (HTTP 429)",)
    assert not answer.complete
    assert len(web.asked) == 2


async def test_the_first_failure_is_raised():
    with pytest.raises(Transient):
        await audnexus(FakeWeb({f"{BOOKS}/B0OZ000003": says("", status=502)})).ask(LookUp(ids=("asin:B0OZ000003",)))


async def test_a_region_that_cannot_answer_leaves_the_book_open():
    missing = contract("audnexus.error-region").reply
    web = FakeWeb(lambda asked: missing if region(asked) == "us" else says("", status=503))

    answer = await audnexus(web).ask(LookUp(ids=("asin:B0OZ100016",)))

    assert not answer.found
    assert not answer.complete


async def test_no_question_asks_for_more_than_some_books():
    web = FakeWeb(details)

    ids = tuple(f"asin:B0{number:08}" for number in range(MOST_LOOKED_UP + 3))
    answer = await audnexus(web).ask(LookUp(ids=ids))

    assert len(web.asked) == MOST_LOOKED_UP
    assert answer.notes == ("3 ids too many",)
    assert not answer.complete


async def test_people_are_found_in_every_region_and_named_once():
    recorded = contract("audnexus.authors").reply

    answer = await audnexus(FakeWeb(lambda asked: recorded)).ask(FindAuthor(name="L. Frank Baum"))

    assert len(answer.people) == 3


async def test_books_are_searched_by_title_and_author():
    recorded = contract("audnexus.search").reply
    web = FakeWeb(lambda asked: recorded)

    answer = await audnexus(web, regions=["us"]).ask(Search(title="Ozma of Oz", author="L. Frank Baum"))

    assert [one.id for one in answer.books] == ["asin:B0OZ000003", "asin:B0OZ100004"]
    assert not answer.complete
    assert web.asked == [f"{BOOKS}/search?q=Ozma+of+Oz+L.+Frank+Baum&region=us"]


async def test_a_server_of_ones_own_is_asked_instead():
    web = FakeWeb(details)
    own = audnexus(web, base_url="http://nexus.example:3000/", regions=["us"])

    await own.ask(LookUp(ids=("asin:B0OZ000003",)))

    assert web.asked == ["http://nexus.example:3000/books/B0OZ000003?region=us"]
    assert own.knows(web.asked[0])
