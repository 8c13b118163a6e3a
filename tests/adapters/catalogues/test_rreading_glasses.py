"""rreading-glasses: what its documents mean, and that they only ever add."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.replies import Reply
from adapters.catalogues.rreading_glasses import HARDCOVER, MOST_WORKS, RreadingGlasses
from domain.catalogue.claims import (
    Answer,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    Place,
    Question,
    Search,
)
from domain.errors import Failure, Permanent, Transient
from domain.names import words_of
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import FakeWeb, says

BASE = "https://api.bookinfo.pro"
NOBODY = FakeWeb({})


def work(number: int, title: str, **more: Any) -> dict[str, Any]:
    edition = {"ForeignId": 1_000_000 + number, "Language": "eng", "Contributors": [{"ForeignId": 7, "Role": "Author"}]}
    return {
        "ForeignId": number,
        "Title": title,
        "ShortTitle": title,
        "FullTitle": title,
        "Books": [edition],
        "BestBookId": edition["ForeignId"],
        "Authors": [{"ForeignId": 7, "Name": "L. Frank Baum", "Works": None, "Series": None}],
        "Series": None,
        "Genres": None,
    } | more


def series(*rows: tuple[int, str], number: int = 5, title: str = "Oz") -> dict[str, Any]:
    items = [
        {"ForeignWorkId": work, "PositionInSeries": place, "SeriesPosition": ordinal, "Primary": False}
        for ordinal, (work, place) in enumerate(rows)
    ]
    return {"ForeignId": number, "Title": title, "LinkItems": items}


async def ask(question: Question, replies: dict[str, Reply | Failure], base: str = BASE) -> tuple[Answer, FakeWeb]:
    web = FakeWeb({base + path: reply for path, reply in replies.items()})
    return await RreadingGlasses(web, base).ask(question), web


# --- the recorded contract -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("rreading."))
def test_each_recorded_reply_comes_to_what_the_contract_says(name: str):
    source = RreadingGlasses(NOBODY)
    recorded = contract(name)

    came_to = outcome(source.read, recorded.reply)

    # A redirect names no other id of the book: it is a place to look, not an alias.
    assert came_to == {"alias": "nothing"}.get(recorded.expect["outcome"], recorded.expect["outcome"])
    assert source.knows(recorded.reply.url)


@pytest.mark.parametrize(
    "name", ["rreading.series", "rreading.author-partial", "rreading.search", "rreading.error-404"]
)
def test_no_answer_is_ever_complete(name: str):
    answer = RreadingGlasses(NOBODY).read(contract(name).reply)

    assert not answer.complete
    assert not any(claim.complete for claim in (*answer.series, *answer.people))


def test_the_position_is_the_free_text_and_never_the_ordinal():
    [barsoom] = RreadingGlasses(NOBODY).read(contract("rreading.series").reply).series

    places = {member.id: member.position for member in barsoom.members or ()}
    assert (barsoom.id, barsoom.name) == ("goodreads:43943", "Barsoom")
    assert places["goodreads:40101"] == "1-3"
    assert places["goodreads:40102"] == "11.5"
    assert places["goodreads:40103"] == ""
    assert places["goodreads:40104"] == "Prequel"
    assert places["goodreads:40105"] == "1, part 1 of 2"
    assert len(places) == 16


def test_an_author_s_first_document_gives_books_a_person_and_a_part_of_a_series():
    answer = RreadingGlasses(NOBODY).read(contract("rreading.author-partial").reply)

    [person] = answer.people
    tales = answer.books[1]
    assert [book.title for book in answer.books] == ["A Princess of Mars", "The Martian Tales", "Tarzan of the Apes"]
    assert answer.books[0].places == (Place(series="goodreads:43943", name="Barsoom", position="1"),)
    assert tales.places == (Place(series="", name="Barsoom", position="1-3"),)
    assert (tales.first_published, tales.language, tales.recordings) == (1917, "en", None)
    assert (person.name, person.id) == ("Edgar Rice Burroughs", "goodreads:10885")
    assert person.books == ("goodreads:40001", "goodreads:40101", "goodreads:40201")
    assert answer.books[0].authors[0].id == person.id


def test_a_lookup_that_leads_elsewhere_says_where():
    answer = RreadingGlasses(NOBODY).read(contract("rreading.book-redirect").reply)

    assert not answer.found
    assert contract("rreading.book-redirect").expect["to"] in answer.notes[0]


def test_a_throttled_server_says_how_long_to_wait():
    with pytest.raises(Transient) as caught:
        RreadingGlasses(NOBODY).read(contract("rreading.error-429").reply)

    assert caught.value.retry_after_s == 30


# --- asking ----------------------------------------------------------------------------------------------------------


async def test_members_of_a_series_get_their_titles_from_their_works():
    answer, _ = await ask(
        ListMembers(series="goodreads:5"),
        {
            "/series/5": says(series((1, "1"), (2, "2"), (3, "0"))),
            "/work/1": says(work(1, "The Wonderful Wizard of Oz")),
            "/work/2": says(work(2, "The Marvelous Land of Oz")),
            "/work/3": says("not found\n", status=404),
        },
    )

    [oz] = answer.series
    assert [(row.id, row.position, row.title) for row in oz.members or ()] == [
        ("goodreads:1", "1", "The Wonderful Wizard of Oz"),
        ("goodreads:2", "2", "The Marvelous Land of Oz"),
        ("goodreads:3", "0", None),
    ]
    assert {book.id for book in answer.books} == {"goodreads:1", "goodreads:2"}
    assert not answer.complete


async def test_works_that_cannot_be_had_leave_their_member_and_a_note():
    answer, web = await ask(
        ListMembers(series="goodreads:5"),
        {"/series/5": says(series(*((number, str(number)) for number in range(1, 9))))}
        | {f"/work/{number}": Transient("the server is silent") for number in range(1, 9)},
    )

    assert len(answer.series[0].members or ()) == 8
    assert any("the server is silent" in note for note in answer.notes)
    assert len(web.asked) < 8


async def test_a_long_series_keeps_its_members_and_asks_for_some_details_only():
    many = MOST_WORKS + 40
    replies = {f"/work/{number}": says(work(number, f"Book {number}")) for number in range(1, many + 1)}

    answer, web = await ask(
        ListMembers(series="goodreads:5"),
        {"/series/5": says(series(*((number, str(number)) for number in range(1, many + 1)))), **replies},
    )

    assert len(answer.series[0].members or ()) == many
    assert len(web.asked) == MOST_WORKS + 1
    assert any(f"{MOST_WORKS} of {many}" in note for note in answer.notes)


@pytest.mark.parametrize("question", [Search(title="Ozma of Oz", author="L. Frank Baum"), FindSeries(name="Oz")])
async def test_a_search_is_named_by_one_request_for_the_editions_it_found(question: Question):
    found = [{"bookId": 1_000_003, "workId": 3, "author": {"id": 7}}]
    bulk = {
        "Works": [work(3, "Ozma of Oz")],
        "Series": [series((3, "3"))],
        "Authors": [{"ForeignId": 7, "Name": "L. Frank Baum"}],
    }

    answer, _ = await ask(question, {"/search": says(found), "/book/bulk?id=1000003": says(bulk)})

    [ozma] = answer.books
    assert (ozma.id, ozma.title, ozma.authors[0].name) == ("goodreads:3", "Ozma of Oz", "L. Frank Baum")
    assert ozma.places == (Place(series="goodreads:5", name="Oz", position="3"),)
    assert [claim.name for claim in answer.series] == ["Oz"]


async def test_a_search_without_hits_asks_for_nothing_more():
    answer, web = await ask(FindAuthor(name="Nobody"), {"/search": says([])})

    assert not answer.found
    assert not answer.complete
    assert len(web.asked) == 1


async def test_books_by_name_are_read_from_the_documents_of_people_so_called():
    bulk = {
        "Works": [work(3, "Ozma of Oz")],
        "Series": [],
        "Authors": [{"ForeignId": 7, "Name": "L. Frank Baum"}, {"ForeignId": 8, "Name": "Roger S. Baum"}],
    }
    document = {"ForeignId": 7, "Name": "L. Frank Baum", "Works": [work(1, "The Wonderful Wizard of Oz")], "Series": []}

    answer, _ = await ask(
        ListBooks(name="L. Frank Baum"),
        {
            "/search": says([{"bookId": 1_000_003, "workId": 3}]),
            "/book/bulk": says(bulk),
            "/author/7": says(document),
        },
    )

    listed = {person.name: person.books for person in answer.people}
    assert listed == {"L. Frank Baum": ("goodreads:1",), "Roger S. Baum": None}
    assert {book.id for book in answer.books} == {"goodreads:1", "goodreads:3"}


async def test_an_isbn_is_followed_through_its_redirects_on_the_same_host():
    document = {"ForeignId": 7, "Name": "L. Frank Baum", "Works": [work(3, "Ozma of Oz")], "Series": []}

    answer, web = await ask(
        LookUp(ids=("isbn:9780000000002", "openlibrary:OL1W")),
        {
            "/book/isbn/9780000000002": says("", status=303, headers={"location": "/book/1000003"}),
            "/book/1000003": says("", status=303, headers={"location": f"{BASE}/author/7?edition=1000003"}),
            "/author/7?edition=1000003": says(document),
        },
    )

    assert [book.id for book in answer.books] == ["goodreads:3"]
    assert answer.people[0].books is None
    assert len(web.asked) == 3


async def test_a_redirect_to_another_host_is_not_followed():
    with pytest.raises(Transient) as caught:
        await ask(
            LookUp(ids=("goodreads:3",)),
            {"/work/3": says("", status=303, headers={"location": "https://elsewhere.example/work/3"})},
        )

    assert caught.value.code == "SourceMoved"


async def test_redirects_in_a_circle_end():
    answer, web = await ask(
        LookUp(ids=("goodreads:3",)),
        {
            "/work/3": says("", status=303, headers={"location": "/book/4"}),
            "/book/4": says("", status=303, headers={"location": "/work/3"}),
        },
    )

    assert not answer.found
    assert len(web.asked) < 10


async def test_a_redirect_to_an_author_s_whole_document_is_not_followed():
    answer, web = await ask(
        LookUp(ids=("goodreads:3",)), {"/work/3": says("", status=303, headers={"location": "/author/7"})}
    )

    assert not answer.found
    assert len(web.asked) == 1


async def test_ids_of_other_sources_are_not_sent():
    answer, web = await ask(LookUp(ids=("openlibrary:OL1W", "hardcover:5")), {})

    assert not answer.found
    assert not web.asked
    with pytest.raises(Permanent):
        await ask(ListMembers(series="hardcover:5"), {})


async def test_a_server_of_hardcover_s_books_speaks_for_hardcover():
    answer, _ = await ask(
        ListMembers(series="hardcover:5"),
        {"/series/5": says(series((1, "1"))), "/work/1": says(work(1, "Oz"))},
        HARDCOVER,
    )

    assert answer.source == "hardcover-bookinfo"
    assert answer.books[0].id == "hardcover:1"


# --- what a server should not send -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<!doctype html><title>Sign in</title>",
        '{"ForeignId": 5, "LinkIt',
        "{}",
        '{"LinkItems": null, "Title": "Oz", "ForeignId": 5}',
        '{"LinkItems": {"1": 2}}',
        '{"Works": null, "Name": "L. Frank Baum"}',
        "[" * 50_000,
    ],
)
def test_half_an_answer_is_no_answer(body: str):
    with pytest.raises(Transient):
        RreadingGlasses(NOBODY).read(Reply(url=f"{BASE}/series/5", body=body.encode()))


def test_a_list_of_a_million_rows_is_refused():
    body = msgspec.json.encode({"ForeignId": 5, "Title": "Oz", "LinkItems": [{}] * 1_000_000})

    with pytest.raises(Transient):
        RreadingGlasses(NOBODY).read(Reply(url=f"{BASE}/series/5", body=body))


def test_records_of_the_wrong_shape_are_dropped_alone():
    document = {
        "ForeignId": 7,
        "Name": "L. Frank Baum",
        "Series": "none",
        "Works": [None, {"ForeignId": "x"}, {"ForeignId": 4}, work(3, "Ozma of Oz", Books="none", Authors=[5])],
    }

    answer = RreadingGlasses(NOBODY).read(Reply(url=f"{BASE}/author/7", body=msgspec.json.encode(document)))

    [ozma] = answer.books
    assert len(answer.dropped) == 3
    assert [credit.name for credit in ozma.authors] == ["L. Frank Baum"]


_FIELDS = sorted(
    words_of(
        "ForeignId Title FullTitle Name Works Books Series Authors LinkItems ForeignWorkId PositionInSeries"
        " Contributors Role Isbn13 Asin Language Genres workId bookId ReleaseDate BestBookId"
    )
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "ForeignId",
                    "Title",
                    "FullTitle",
                    "Name",
                    "Works",
                    "Books",
                    "Series",
                    "Authors",
                    "LinkItems",
                    "ForeignWorkId",
                    "PositionInSeries",
                    "Contributors",
                    "Role",
                    "Isbn13",
                    "Asin",
                    "Language",
                    "Genres",
                    "workId",
                    "bookId",
                    "ReleaseDate",
                    "BestBookId",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(_VALUES, st.sampled_from(["/series/5", "/work/1", "/author/7", "/author/7?edition=1", "/search?q=oz"]))
def test_whatever_json_comes_only_failures_are_raised(said: Any, path: str):
    try:
        answer = RreadingGlasses(NOBODY).read(Reply(url=BASE + path, body=msgspec.json.encode(said)))
    except Failure:
        return

    assert not answer.complete
