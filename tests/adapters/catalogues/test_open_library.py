"""Open Library: works, merged records, the forms of a series, and lists that end or do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.open_library import MOST_LOOKED_UP, MOST_LOOKS, MOST_NAMESAKES, MOST_PAGES, PAGE, OpenLibrary
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import (
    Answer,
    BookClaim,
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
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import Asked, FakeWeb, says

BASE = "https://openlibrary.org"
DOYLE = "openlibrary:OL161167A"
MISSING = says("{}", status=404)
Replies = Callable[[str, dict[str, str]], "Reply | Failure"]


def web_of(replies: dict[str, Reply | Failure] | Replies) -> FakeWeb:
    """A web that is asked by path (and query); what nobody prepared is a 404."""

    def answer(asked: Asked) -> Reply | Failure:
        parts = urlsplit(asked.url)
        if callable(replies):
            return replies(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        return replies.get(parts.path, MISSING)

    return FakeWeb(answer)


async def ask(question: Question, replies: dict[str, Reply | Failure] | Replies) -> Answer:
    return await OpenLibrary(web_of(replies)).ask(question)


def read(path: str, body: object, **more: Any) -> Answer:
    reply = msgspec.structs.replace(says(body, **more), url=f"{BASE}{path}")
    return OpenLibrary(FakeWeb({})).read(reply)


def entry(number: int, title: str = "A Work", *authors: str, **more: Any) -> dict[str, Any]:
    credited = [{"author": {"key": f"/authors/{one}"}} for one in authors or ("OL161167A",)]
    return {"key": f"/works/OL{number}W", "title": title, "authors": credited} | more


def works(*rows: object, size: int | None = None, more: bool = False) -> Reply:
    links = {"next": "/authors/OL161167A/works.json?offset=1000"} if more else {}
    return says({"links": links, "size": len(rows) if size is None else size, "entries": rows})


def moved(location: str) -> Reply:
    return says("", status=302, headers={"location": location})


AUTHOR = contract("open-library.author").reply
AUTHORS = contract("open-library.search-authors").reply
WORKS = "/authors/OL161167A/works.json"


# --- the recorded contract -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("open-library."))
def test_a_recorded_reply_comes_to_what_the_contract_says(name: str):
    source, recorded = OpenLibrary(FakeWeb({})), contract(name)

    assert outcome(source.read, recorded.reply) == recorded.expect["outcome"]
    assert source.knows(recorded.reply.url)
    if "complete" in recorded.expect:
        assert source.read(recorded.reply).complete == recorded.expect["complete"]


def test_a_search_gives_works_with_their_series_and_never_a_recording():
    answer = OpenLibrary(FakeWeb({})).read(contract("open-library.search").reply)

    books = {book.title: book for book in answer.books}
    scarlet = books["A Study in Scarlet"]
    assert answer.complete
    assert answer.dropped == ("openlibrary:OL900005W has no title",)
    assert {(book.recordings, book.recorded) for book in answer.books} == {(None, False)}
    assert scarlet.places == (
        Place(series="openlibrary:OL328000L", name="Sherlock Holmes", position="1"),
        Place(series="openlibrary:OL328001L", name="Fixture Crime Classics", position=None),
    )
    assert (scarlet.first_published, scarlet.language) == (1887, "en")
    assert books["Der Hund der Baskervilles"].language == "de"
    guide = books["The Hound of the Baskervilles (SparkNotes Literature Guide)"]
    assert [author.name for author in guide.authors] == ["SparkNotes", "Arthur Conan Doyle"]
    assert books["The Adventures of Sherlock Holmes"].authors == ()


def test_the_series_of_a_search_hold_their_members_and_are_never_complete():
    answer = OpenLibrary(FakeWeb({})).read(contract("open-library.search").reply)

    holmes = next(series for series in answer.series if series.name == "Sherlock Holmes")
    assert [(member.position, member.title) for member in holmes.members or ()] == [
        ("5", "The Hound of the Baskervilles"),
        ("1", "A Study in Scarlet"),
    ]
    assert [author.name for author in holmes.authors] == ["Arthur Conan Doyle"]
    assert not any(series.complete for series in answer.series)


def test_lists_of_a_series_that_do_not_run_in_parallel_place_nothing():
    hit = {"key": "/works/OL1W", "title": "A", "series_key": ["OL1L", "OL2L"], "series_name": ["A"]}

    assert read("/search.json", {"numFound": 1, "docs": [hit]}).books[0].places == ()


def test_all_forms_of_a_series_come_to_one_place():
    recorded = contract("open-library.work-series-forms")

    [book] = OpenLibrary(FakeWeb({})).read(recorded.reply).books

    assert [place.position for place in book.places] == recorded.expect["positions"]
    assert book.places[0] == Place(series="openlibrary:OL328000L", name="Sherlock Holmes", position="5")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("Sherlock Holmes #1", Place(series="", name="Sherlock Holmes", position="1")),
        ("Sherlock Holmes (6)", Place(series="", name="Sherlock Holmes", position="6")),
        ("Sherlock Holmes ; book 1", Place(series="", name="Sherlock Holmes", position="1")),
        ("Sherlock Holmes ; 2", Place(series="", name="Sherlock Holmes", position="2")),
        ("Sherlock Holmes, vol. 3", Place(series="", name="Sherlock Holmes", position="3")),
        ("Sherlock Holmes #1-3", Place(series="", name="Sherlock Holmes", position="1-3")),
        ("Sherlock Holmes", Place(series="", name="Sherlock Holmes")),
        ("Studies in crime, 1900-1945", Place(series="", name="Studies in crime, 1900-1945")),
        ("Everyman's library (1906)", Place(series="", name="Everyman's library (1906)")),
        ({"key": "/series/OL1L", "title": "Oz"}, Place(series="openlibrary:OL1L", name="Oz")),
        ({"series": {"key": "/series/OL1L"}, "position": "2"}, Place(series="openlibrary:OL1L", position="2")),
        ({"series": {"key": "/series/OL1L"}, "position": 0}, Place(series="openlibrary:OL1L", position="0")),
    ],
)
def test_a_series_is_read_in_each_of_its_forms(written: object, place: Place):
    [book] = read("/works/OL1W.json", entry(1, series=[written])).books

    assert book.places == (place,)


def test_two_numbers_in_one_series_are_both_kept():
    [book] = read("/works/OL1W.json", entry(1, series=["Oz #1", "Oz (2)", "Oz"])).books

    assert [place.position for place in book.places] == ["1", "2"]


def test_a_merged_record_in_a_list_is_an_alias_and_no_book():
    answer = OpenLibrary(FakeWeb({})).read(contract("open-library.author-works").reply)

    assert answer.aliases == (("openlibrary:OL900007W", "openlibrary:OL262463W"),)
    assert "openlibrary:OL900007W" not in {book.id for book in answer.books}
    assert answer.books[0].cover == "https://covers.openlibrary.org/b/id/8259447-L.jpg"
    assert "Authors, biography" in answer.books[2].genres


def test_an_author_has_other_names_and_ids_elsewhere():
    [person] = OpenLibrary(FakeWeb({})).read(AUTHOR).people

    assert person.other_names == ("Sir Arthur Conan Doyle",)
    assert person.ids == (DOYLE, "goodreads:2448")


def test_a_deleted_record_is_nothing_and_one_without_a_key_teaches_nothing():
    deleted = read("/works/OL1W.json", {"key": "/works/OL1W", "type": {"key": "/type/delete"}})

    assert not deleted.found
    assert deleted.dropped == ("openlibrary:OL1W is deleted",)
    with pytest.raises(Transient):
        read("/works/OL1W.json", {"message": "try later"})


# --- asking ----------------------------------------------------------------------------------------------------------


async def test_series_of_another_name_stay_places_of_their_books():
    web = web_of({"/search.json": contract("open-library.search").reply})

    answer = await OpenLibrary(web).ask(FindSeries(name="Sherlock Holmes", author="Arthur Conan Doyle"))

    assert [series.name for series in answer.series] == ["Sherlock Holmes"]
    assert parse_qs(urlsplit(web.asked[0]).query)["q"] == ['"Sherlock Holmes" Arthur Conan Doyle']


async def test_a_search_asks_for_title_and_author():
    web = web_of({"/search.json": contract("open-library.search").reply})

    answer = await OpenLibrary(web).ask(Search(title="A Study in Scarlet", author="Doyle"))

    query = parse_qs(urlsplit(web.asked[0]).query)
    assert (query["title"], query["author"]) == (["A Study in Scarlet"], ["Doyle"])
    assert len(answer.books) == 6


async def test_namesakes_are_people_of_their_own():
    answer = await ask(FindAuthor(name="Arthur Conan Doyle"), {"/search/authors.json": AUTHORS})

    assert [person.id for person in answer.people] == [DOYLE, "openlibrary:OL700001A"]
    assert "A. Conan Doyle" in answer.people[0].other_names
    assert answer.complete


async def test_the_works_of_an_author_are_read_to_the_end():
    def replies(path: str, query: dict[str, str]) -> Reply:
        if path != WORKS:
            return AUTHOR
        offset = int(query["offset"])
        rows = [entry(number + 1) for number in range(PAGE + 7)][offset : offset + PAGE]
        return works(*rows, size=PAGE + 7, more=offset == 0)

    answer = await ask(ListBooks(name="Doyle", id=DOYLE), replies)

    [person] = answer.people
    assert (len(answer.books), len(person.books or ())) == (PAGE + 7, PAGE + 7)
    assert (answer.complete, person.complete) == (True, True)
    assert person.name == "Arthur Conan Doyle"
    assert {author.name for book in answer.books for author in book.authors} == {"Arthur Conan Doyle"}


async def test_an_author_known_by_id_alone_is_a_credit_without_a_name():
    rows = works(entry(1, "A Guide", "OL999A", "OL161167A"))

    answer = await ask(ListBooks(name="Doyle", id=DOYLE), {"/authors/OL161167A.json": AUTHOR, WORKS: rows})

    assert [(author.id, author.name) for author in answer.books[0].authors] == [
        ("openlibrary:OL999A", ""),
        (DOYLE, "Arthur Conan Doyle"),
    ]


async def test_a_merged_author_is_followed_to_who_they_are_now():
    gone = says({"key": "/authors/OL5A", "type": {"key": "/type/redirect"}, "location": "/authors/OL161167A"})

    answer = await ask(
        ListBooks(name="Doyle", id="openlibrary:OL5A"),
        {"/authors/OL5A.json": gone, "/authors/OL161167A.json": AUTHOR, WORKS: works(entry(1))},
    )

    assert answer.aliases == (("openlibrary:OL5A", DOYLE),)
    assert [person.id for person in answer.people] == [DOYLE]
    assert answer.people[0].books == ("openlibrary:OL1W",)


async def test_without_an_id_every_namesake_gets_a_list_of_their_own():
    bridges = works(entry(2, "Bridge Engineering Tables", "OL700001A"))

    answer = await ask(
        ListBooks(name="Arthur Conan Doyle"),
        {"/search/authors.json": AUTHORS, WORKS: works(entry(1)), "/authors/OL700001A/works.json": bridges},
    )

    assert {person.id: person.books for person in answer.people} == {
        DOYLE: ("openlibrary:OL1W",),
        "openlibrary:OL700001A": ("openlibrary:OL2W",),
    }
    assert answer.complete


async def test_more_namesakes_than_are_read_are_told():
    docs = [{"key": f"OL{number}A", "name": "Arthur Conan Doyle"} for number in range(1, MOST_NAMESAKES + 3)]

    answer = await ask(
        ListBooks(name="Arthur Conan Doyle"),
        lambda path, query: (
            says({"numFound": len(docs), "docs": docs}) if path == "/search/authors.json" else works(entry(1))
        ),
    )

    assert len(answer.people) == MOST_NAMESAKES
    assert not answer.complete


@pytest.mark.parametrize(
    "second",
    [
        works(*(entry(number + 1) for number in range(PAGE)), size=9_000, more=True),
        works(size=9_000, more=True),
        works(entry(5_000), size=9_000),
        says("<html>busy</html>"),
        Transient("timed out"),
    ],
    ids=["repeats", "empty", "ends-too-soon", "html", "times-out"],
)
async def test_a_list_whose_end_is_not_confirmed_is_incomplete_and_keeps_what_was_read(second: Reply | Failure):
    first = works(*(entry(number + 1) for number in range(PAGE)), size=9_000, more=True)

    def replies(path: str, query: dict[str, str]) -> Reply | Failure:
        return AUTHOR if path != WORKS else first if query["offset"] == "0" else second

    answer = await ask(ListBooks(name="Doyle", id=DOYLE), replies)

    assert len(answer.books) >= PAGE
    assert (answer.complete, answer.people[0].complete) == (False, False)
    assert answer.notes


async def test_a_list_without_end_is_cut():
    def replies(path: str, query: dict[str, str]) -> Reply:
        if path != WORKS:
            return AUTHOR
        offset = int(query["offset"])
        return works(*(entry(number + 1) for number in range(offset, offset + PAGE)), size=10**6, more=True)

    web = web_of(replies)
    answer = await OpenLibrary(web).ask(ListBooks(name="Doyle", id=DOYLE))

    assert len(web.asked) == 1 + MOST_PAGES
    assert len(answer.books) == MOST_PAGES * PAGE
    assert not answer.complete


EDITION = says(
    {
        "key": "/books/OL9M",
        "title": "The Hound of the Baskervilles",
        "works": [{"key": "/works/OL262463W"}],
        "isbn_13": ["9780000000002", "9780000000003"],
        "languages": [{"key": "/languages/eng"}],
        "publishers": ["Fixture House"],
        "publish_date": "2009-05-12",
    }
)
WORK = contract("open-library.work-series-forms").reply


async def test_an_isbn_leads_over_a_redirect_to_its_edition_its_work_and_the_authors_name():
    answer = await ask(
        LookUp(ids=("isbn:9780000000002",)),
        {
            "/isbn/9780000000002.json": moved("/books/OL9M.json"),
            "/books/OL9M.json": EDITION,
            "/works/OL262463W.json": WORK,
            "/authors/OL161167A.json": AUTHOR,
        },
    )

    edition, work = answer.books
    assert edition.ids == ("openlibrary:OL9M", "openlibrary:OL262463W", "isbn:9780000000002")
    assert (edition.language, edition.publisher) == ("en", "Fixture House")
    assert work.id == "openlibrary:OL262463W"
    assert [author.name for author in work.authors] == ["Arthur Conan Doyle"]
    assert answer.complete


async def test_a_merged_work_is_followed():
    answer = await ask(
        LookUp(ids=("openlibrary:OL900007W",)),
        {
            "/works/OL900007W.json": contract("open-library.redirect").reply,
            "/works/OL262463W.json": WORK,
            "/authors/OL161167A.json": AUTHOR,
        },
    )

    assert answer.aliases == (("openlibrary:OL900007W", "openlibrary:OL262463W"),)
    assert [book.id for book in answer.books] == ["openlibrary:OL262463W"]


@pytest.mark.parametrize(
    "location", ["https://elsewhere.invalid/books/OL9M.json", "/account/login", "https://[", "/isbn/9780000000002.json"]
)
async def test_a_redirect_elsewhere_or_in_a_circle_teaches_nothing(location: str):
    with pytest.raises(Transient):
        await ask(
            LookUp(ids=("isbn:9780000000002",)),
            lambda path, query: moved(location) if path.startswith("/isbn") else EDITION,
        )


async def test_works_that_are_merged_in_a_circle_come_to_an_end():
    def replies(path: str, query: dict[str, str]) -> Reply:
        number = int(path.removeprefix("/works/OL").removesuffix("W.json"))
        record = {
            "key": f"/works/OL{number}W",
            "type": {"key": "/type/redirect"},
            "location": f"/works/OL{number + 1}W",
        }
        return says(record)

    web = web_of(replies)
    answer = await OpenLibrary(web).ask(LookUp(ids=("openlibrary:OL1W",)))

    assert len(web.asked) == MOST_LOOKS
    assert not answer.complete


async def test_an_unknown_isbn_is_nothing():
    answer = await ask(LookUp(ids=("isbn:9780000000019",)), {})

    assert not answer.found
    assert answer.complete


async def test_a_failure_on_the_way_keeps_what_was_read():
    answer = await ask(
        LookUp(ids=("isbn:9780000000002",)),
        {"/isbn/9780000000002.json": EDITION, "/works/OL262463W.json": says("", status=503)},
    )

    assert [book.id for book in answer.books] == ["openlibrary:OL9M"]
    assert not answer.complete


@pytest.mark.parametrize(
    "ids", [("asin:B0OZ000001",), tuple(f"openlibrary:OL{number}W" for number in range(1, MOST_LOOKED_UP + 3))]
)
async def test_ids_that_are_not_looked_up_leave_the_answer_incomplete(ids: tuple[str, ...]):
    assert not (await ask(LookUp(ids=ids), {})).complete


@pytest.mark.parametrize(
    "reply",
    [
        says("<html>sign in</html>"),
        says('{"numFound": 2, "docs": [{'),
        says(""),
        says({"numFound": 2}),
        says({"docs": {"a": 1}}),
        says({"docs": [1] * 5_001}),
        says([]),
        says("", status=503),
        moved("https://elsewhere.invalid/search.json"),
    ],
)
async def test_half_an_answer_teaches_nothing(reply: Reply):
    with pytest.raises(Transient):
        await ask(Search(title="Oz"), {"/search.json": reply})


async def test_an_anonymous_user_agent_needs_a_person():
    with pytest.raises(Permanent):
        await ask(Search(title="Oz"), {"/search.json": contract("open-library.error-403").reply})


async def test_a_question_it_cannot_answer_is_a_mistake():
    with pytest.raises(ValueError, match="ListMembers"):
        await ask(ListMembers(series="openlibrary:OL1L"), {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = JSON | st.sampled_from(["/works/OL1W", "OL1A", "/books/OL1M", "/series/OL1L"])
REFERENCES = JSON | KEYS | st.lists(st.fixed_dictionaries({"key": KEYS}, optional={"author": KEYS, "series": KEYS}))
RECORDS = JSON | st.fixed_dictionaries(
    {"key": KEYS},
    optional={
        "title": JSON,
        "name": JSON,
        "type": JSON | st.sampled_from([{"key": "/type/redirect"}, {"key": "/type/delete"}]),
        "location": KEYS,
        "description": JSON,
        "remote_ids": JSON,
    }
    | dict.fromkeys(["authors", "works", "languages", "series", "series_key", "author_key"], REFERENCES)
    | dict.fromkeys(["covers", "isbn", "isbn_13", "author_name", "series_name", "series_position"], JSON),
)
PATHS = ["/search.json", "/search/authors.json", "/authors/OL1A.json", WORKS, "/works/OL1W.json", "/isbn/1.json"]


@given(
    st.sampled_from(PATHS),
    RECORDS
    | st.fixed_dictionaries({"docs": JSON | st.lists(RECORDS, max_size=3), "numFound": JSON}, optional={"start": JSON})
    | st.fixed_dictionaries({"entries": JSON | st.lists(RECORDS, max_size=3), "size": JSON}, optional={"links": JSON}),
)
def test_whatever_a_page_holds_reading_it_raises_nothing_but_failures(path: str, body: object):
    try:
        books: tuple[BookClaim, ...] = read(path, msgspec.json.encode(body)).books
    except Failure:
        return
    assert all(book.id.startswith("openlibrary:OL") and book.title for book in books)
