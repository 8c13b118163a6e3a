"""Hardcover: one address for every question, a token that nobody may see, and two ways to read a series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.hardcover import (
    MOST_LOOKED_UP,
    MOST_MERGES,
    MOST_PAGES,
    PAGE,
    PUBLIC,
    SMALLEST_PAGE,
    Hardcover,
)
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import (
    Answer,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    Question,
    Search,
)
from domain.errors import Failure, Permanent, Transient
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import Asked, FakeWeb, says

TOKEN = "fixture-token-of-nobody"
BARSOOM = ListMembers(series="hardcover:501")
BURROUGHS = ListBooks(name="Edgar Rice Burroughs", id="hardcover:71")
TOO_DEEP = contract("hardcover.error-403-toplevel").reply
TOO_SLOW = contract("hardcover.error-408").reply
SPENT = contract("hardcover.error-429").reply
Replies = Callable[[str, dict[str, Any]], "Reply | Failure"]


def source(web: FakeWeb | None = None) -> Hardcover:
    return Hardcover(web or FakeWeb({}), token=TOKEN)


def web_of(replies: Replies | Reply | Failure) -> FakeWeb:
    """A web that is asked by the name of a query (its first letter) and its variables."""

    def answer(asked: Asked) -> Reply | Failure:
        assert asked.json is not None
        name = asked.json["query"].removeprefix("query ").partition("(")[0]
        return replies(name, asked.json["variables"]) if callable(replies) else replies

    return FakeWeb(answer)


async def ask(question: Question, replies: Replies | Reply | Failure) -> Answer:
    return await source(web_of(replies)).ask(question)


def data(**parts: object) -> Reply:
    return says({"data": parts})


def book(number: int, title: str = "A Book", **more: Any) -> dict[str, Any]:
    author = {"contribution": None, "author": {"id": 71, "name": "Edgar Rice Burroughs"}}
    return {"id": number, "title": title, "canonical_id": None, "book_status_id": 1, "contributions": [author]} | more


def credit(number: int, contribution: str | None = None) -> dict[str, Any]:
    return {"contribution": contribution, "book": book(number)}


def author(*contributions: object, number: int = 71, **more: Any) -> Reply:
    person = {"id": number, "name": "Edgar Rice Burroughs", "alternate_names": [], "contributions": contributions}
    return data(authors_by_pk=person | more)


def member(number: int, details: str | None = None, place: float | None = None, **more: Any) -> dict[str, Any]:
    return {"book_id": number, "position": place, "details": details, "book": book(number)} | more


def series(*rows: object, number: int = 501, **more: Any) -> Reply:
    return data(series_by_pk={"id": number, "name": "Barsoom", "book_series": rows} | more)


# --- the recorded contract -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("hardcover."))
def test_a_recorded_reply_comes_to_what_the_contract_says(name: str):
    recorded = contract(name)

    assert outcome(source().read, recorded.reply) == recorded.expect["outcome"]
    assert source().knows(recorded.reply.url)
    if "complete" in recorded.expect:
        assert source().read(recorded.reply).complete == recorded.expect["complete"]


def test_a_series_is_read_with_all_its_members_and_the_truth_of_their_places():
    answer = source().read(contract("hardcover.series").reply)

    [barsoom] = answer.series
    places = {row.id: row.position for row in barsoom.members or ()}
    assert (barsoom.complete, barsoom.finished, barsoom.size) == (True, True, 11)
    assert [author.name for author in barsoom.authors] == ["Edgar Rice Burroughs"]
    assert len(places) == 18
    assert places["hardcover:1103"] == "1-3"
    assert places["hardcover:1001"] == "1"
    assert list(places.values()).count(None) == 2


def test_a_book_of_a_series_carries_flags_roles_and_its_recording():
    books = {book.id: book for book in source().read(contract("hardcover.series").reply).books}

    omnibus, translation, guide = books["hardcover:1103"], books["hardcover:1106"], books["hardcover:1105"]
    assert (omnibus.compilation, omnibus.partial, omnibus.category) == (True, False, "collection")
    assert omnibus.places[0].position == "1-3"
    assert [(credit.name, credit.role) for credit in translation.authors] == [
        ("Edgar Rice Burroughs", None),
        ("Ana Ejemplo", "translator"),
    ]
    assert translation.recordings is not None
    [recording] = translation.recordings
    assert recording.ids == ("asin:B0BAR01106",)
    assert recording.runtime_min == pytest.approx(25_000 / 60)
    assert recording.language == "es"
    assert translation.recorded
    assert "asin:B0BAR01106" in translation.ids
    assert (guide.recordings, guide.recorded) == (None, False)


def test_a_merged_series_is_an_alias():
    assert source().read(contract("hardcover.series-merged").reply).aliases == (("hardcover:502", "hardcover:501"),)


def test_an_author_owns_only_books_they_wrote_that_stand_for_themselves():
    recorded = contract("hardcover.author")

    answer = source().read(recorded.reply)

    [person] = answer.people
    assert person.books == tuple(f"hardcover:{number}" for number in recorded.expect["wanted_books"])
    assert person.other_names == ("E. R. Burroughs", "Burroughs, Edgar Rice")
    assert person.complete
    assert answer.aliases == (("hardcover:1002", "hardcover:1000"),)
    assert "hardcover:1203" in {book.id for book in answer.books}


def test_a_pen_name_and_a_merged_author_are_ids_of_the_person():
    [person] = source().read(author(alias_id=70, canonical_id=None)).people

    assert person.ids == ("hardcover:71", "hardcover:70")


@pytest.mark.parametrize("name", ["hardcover.search", "hardcover.search-string"])
def test_hits_come_as_json_or_as_text_that_holds_it(name: str):
    answer = source().read(contract(name).reply)

    assert [(one.id, one.name, one.size, one.authors[0].name, one.members) for one in answer.series] == [
        ("hardcover:501", "Barsoom", 11, "Edgar Rice Burroughs", None),
        ("hardcover:503", "Barsoom (Dynamite Comics)", 6, "Arvid Nelson", None),
    ]
    assert answer.complete


def test_hits_of_authors_and_of_books_are_told_apart():
    hits = [
        {"document": {"id": "71", "name": "Edgar Rice Burroughs", "alternate_names": ["E. R. Burroughs"]}},
        {"document": {"id": "1001", "title": "A Princess of Mars", "author_names": ["Edgar Rice Burroughs"]}},
        {"document": None},
    ]

    answer = source().read(data(search={"results": {"found": 3, "hits": hits}}))

    assert [(person.id, person.books) for person in answer.people] == [("hardcover:71", None)]
    assert [(one.id, one.authors[0].name) for one in answer.books] == [("hardcover:1001", "Edgar Rice Burroughs")]
    assert answer.dropped == ("a hit has no document",)


def test_audio_editions_are_recordings_of_their_book():
    [one] = source().read(contract("hardcover.editions-audio").reply).books

    assert one.id == "hardcover:1001"
    assert [recording.ids for recording in one.recordings or ()] == [("asin:B0BAR01001",), ("asin:B0BAR91002",)]
    assert [recording.runtime_min for recording in one.recordings or ()] == [422, None]
    assert one.recorded


def test_an_edition_that_is_not_audio_gives_its_isbn_and_neither_asin_nor_recording():
    kindle = {"id": 1, "book_id": 2, "asin": "B0KINDLE01", "isbn_13": "9780000000002", "reading_format_id": 4}

    [one] = source().read(data(editions=[kindle])).books

    assert one.ids == ("hardcover:2", "isbn:9780000000002")
    assert (one.recordings, one.recorded) == (None, False)


def test_the_number_of_an_edition_is_never_taken_for_that_of_a_book():
    [one] = (
        source().read(data(editions=[{"id": 9, "book_id": 2, "audio_seconds": 3_600, "reading_format_id": 2}])).books
    )

    assert one.ids == ("hardcover:2",)
    assert one.recordings is not None
    assert one.recordings[0].ids == ("hardcover:edition-9",)


@pytest.mark.parametrize(
    ("row", "position"),
    [
        (member(1, "1-3", 1.0), "1-3"),
        (member(1, "0", 0.0), "0"),
        (member(1, None, 0.0), "0"),
        (member(1, "", 11.5), "11.5"),
        (member(1, None, 2.0), "2"),
        (member(1, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10", 1.0), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
        (member(1), None),
    ],
)
def test_details_are_the_truth_for_a_place(row: dict[str, Any], position: str | None):
    [one] = source().read(series(row)).series

    assert one.members is not None
    assert one.members[0].position == position


def test_a_member_without_its_book_stays_a_member():
    answer = source().read(series(member(1, "1", book=None), member(2, "2")))

    assert [row.id for row in answer.series[0].members or ()] == ["hardcover:1", "hardcover:2"]
    assert [one.id for one in answer.books] == ["hardcover:2"]
    assert answer.complete


def test_merged_and_deleted_books_are_no_members():
    answer = source().read(series(member(1, book=book(1, canonical_id=7)), member(2, book=book(2, book_status_id=3))))

    assert answer.series[0].members == ()
    assert answer.aliases == (("hardcover:1", "hardcover:7"),)
    assert len(answer.dropped) == 1


@pytest.mark.parametrize(
    "reply", [series(member(1), primary_books_count=2), series(member(1), 7), series(books_count=3)]
)
def test_a_list_shorter_than_promised_or_with_holes_is_incomplete(reply: Reply):
    answer = source().read(reply)

    assert not answer.complete
    assert not answer.series[0].complete


@pytest.mark.parametrize(
    ("contribution", "role"),
    [(None, None), ("", None), ("Author", None), ("Author/Narrator", None), ("Translator", "translator")],
)
def test_roles_say_who_is_an_author(contribution: str | None, role: str | None):
    person = {"contribution": contribution, "author": {"id": 1, "name": "Somebody"}}

    [one] = source().read(data(books=[book(1, contributions=[person])])).books

    assert one.authors[0].role == role


# --- errors and the token --------------------------------------------------------------------------------------------


def test_a_spent_day_is_waited_for_as_long_as_the_server_says():
    with pytest.raises(Transient) as spent:
        source().read(SPENT)

    assert spent.value.retry_after_s == contract("hardcover.error-429").expect["retry_after_s"]


def test_data_beside_errors_is_half_an_answer():
    with pytest.raises(Transient) as half:
        source().read(contract("hardcover.partial-data").reply)

    assert half.value.code == contract("hardcover.partial-data").expect["reason"]


def test_an_error_of_the_server_passes_and_one_of_the_question_does_not():
    def failed(code: str) -> Reply:
        return says({"data": {"series_by_pk": None}, "errors": [{"message": "no", "extensions": {"code": code}}]})

    with pytest.raises(Transient):
        source().read(failed("unexpected"))
    with pytest.raises(Permanent):
        source().read(failed("access-denied"))


@pytest.mark.parametrize("pasted", [TOKEN, f"Bearer {TOKEN}", f"  bearer   {TOKEN}\n", f"Bearer Bearer {TOKEN}"])
async def test_the_word_bearer_is_sent_once_however_the_token_was_pasted(pasted: str):
    web = web_of(contract("hardcover.series-null").reply)

    await Hardcover(web, token=pasted).ask(BARSOOM)

    assert web.requests[0].headers == {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("pasted", ["", "Bearer ", "two words", "töken", "a\nb"])
def test_what_is_no_token_is_refused_without_repeating_it(pasted: str):
    with pytest.raises(Permanent) as refused:
        Hardcover(FakeWeb({}), token=pasted)

    assert refused.value.code == "TokenRefused"
    assert not pasted.strip() or pasted not in f"{refused.value!r}"


@pytest.mark.parametrize("name", [name for name in fixtures("hardcover.") if "error" in name or "html" in name])
async def test_the_token_is_in_no_error_and_no_repr(name: str):
    hardcover = source(web_of(contract(name).reply))

    with pytest.raises(Failure) as failed:
        await hardcover.ask(FindSeries(name="Barsoom"))

    assert TOKEN not in f"{failed.value!r} {failed.value.code} {hardcover!r}"


@pytest.mark.parametrize(
    "reply",
    [
        says("<html>sign in</html>"),
        says('{"data": {"series_by_pk": {"id": 501'),
        says(""),
        says({}),
        says({"data": None}),
        says({"data": {"me": [{"id": 1}]}}),
        data(series_by_pk=[]),
        data(series_by_pk={"id": 501}),
        series(number=501, book_series=None),
        data(series_by_pk={"id": 501, "name": "Barsoom", "book_series": [1] * 5_001}),
        data(search=None),
        data(search={"results": "no json"}),
        data(search={"results": {"found": 3}}),
        data(books=None),
        says("", status=301, headers={"location": "https://elsewhere.invalid/"}),
    ],
)
async def test_half_an_answer_teaches_nothing(reply: Reply):
    with pytest.raises(Transient):
        await ask(BARSOOM, reply)


# --- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "kind", "words"),
    [
        (FindSeries(name="Barsoom", author="Edgar Rice Burroughs"), "Series", "Barsoom"),
        (FindAuthor(name="Edgar Rice Burroughs"), "Author", "Edgar Rice Burroughs"),
        (Search(title="A Princess of Mars", author="Burroughs"), "Book", "A Princess of Mars Burroughs"),
    ],
)
async def test_a_search_is_one_request_for_one_kind(question: Question, kind: str, words: str):
    web = web_of(contract("hardcover.search-empty").reply)

    answer = await source(web).ask(question)

    [asked] = web.requests
    assert asked.json is not None
    assert f'query_type: "{kind}"' in asked.json["query"]
    assert asked.json["variables"] == {"q": words}
    assert answer.complete
    assert not answer.found


async def test_a_series_is_one_request():
    web = web_of(contract("hardcover.series").reply)

    answer = await source(web).ask(BARSOOM)

    assert len(web.asked) == 1
    assert answer.series[0].complete


async def test_an_unknown_series_is_nothing():
    answer = await ask(BARSOOM, contract("hardcover.series-null").reply)

    assert not answer.found
    assert answer.complete


async def test_a_merged_series_is_followed():
    answer = await ask(
        ListMembers(series="hardcover:502"),
        lambda name, given: contract(f"hardcover.series{'-merged' if given['id'] == 502 else ''}").reply,
    )

    assert answer.aliases == (("hardcover:502", "hardcover:501"),)
    assert [one.id for one in answer.series] == ["hardcover:501"]


async def test_series_merged_in_a_circle_come_to_an_end():
    web = web_of(lambda name, given: series(number=given["id"], canonical_id=given["id"] % 3 + 1))

    answer = await source(web).ask(ListMembers(series="hardcover:1"))

    assert len(web.asked) == MOST_MERGES
    assert not answer.complete


def flat(name: str, given: dict[str, Any]) -> Reply | Failure:
    """Hardcover after it has forbidden deep questions."""
    head = {"id": 501, "name": "Barsoom", "primary_books_count": 11, "is_completed": True}
    return {
        "S": TOO_DEEP,
        "H": data(series_by_pk=head),
        "M": contract("hardcover.series-flat-1").reply,
        "C": contract("hardcover.series-flat-2").reply,
        "E": contract("hardcover.editions-audio").reply,
    }[name]


async def test_a_series_is_asked_for_piece_by_piece_once_deep_questions_are_refused():
    web = web_of(flat)
    hardcover = source(web)

    first, second = await hardcover.ask(BARSOOM), await hardcover.ask(BARSOOM)

    deep = source().read(contract("hardcover.series").reply)
    assert first == second
    assert len(web.asked) == 5 + 4
    assert first.complete
    assert first.series[0].members == deep.series[0].members
    assert (first.series[0].name, first.series[0].finished) == ("Barsoom", True)
    assert {one.id: one.authors for one in first.books} == {one.id: one.authors for one in deep.books}
    assert {one.id: one.places for one in first.books} == {one.id: one.places for one in deep.books}
    assert [one.id for one in first.books if one.recorded] == ["hardcover:1001"]


async def test_a_question_that_takes_too_long_is_asked_piece_by_piece_this_time_only():
    web = web_of(lambda name, given: TOO_SLOW if name == "S" else flat(name, given))
    hardcover = source(web)

    answer, _ = await hardcover.ask(BARSOOM), await hardcover.ask(BARSOOM)

    assert answer.complete
    assert len(web.asked) == 5 + 5


async def test_members_stay_when_their_details_cannot_be_read():
    answer = await ask(BARSOOM, lambda name, given: SPENT if name == "C" else flat(name, given))

    assert len(answer.series[0].members or ()) == 18
    assert answer.series[0].complete
    assert not answer.complete


async def test_any_other_refusal_of_a_series_is_raised():
    with pytest.raises(Permanent):
        await ask(BARSOOM, contract("hardcover.error-403-scope").reply)


async def test_an_author_is_read_page_by_page_to_the_end():
    def replies(name: str, given: dict[str, Any]) -> Reply:
        every = [credit(number) for number in range(1, PAGE + 8)]
        return author(*every[given["offset"] : given["offset"] + given["limit"]])

    answer = await ask(BURROUGHS, replies)

    [person] = answer.people
    assert len(answer.books) == len(person.books or ()) == PAGE + 7
    assert (answer.complete, person.complete) == (True, True)


async def test_pages_are_halved_when_one_takes_too_long():
    def replies(name: str, given: dict[str, Any]) -> Reply:
        every = [credit(number) for number in range(1, 61)]
        slow = given["limit"] > SMALLEST_PAGE
        return TOO_SLOW if slow else author(*every[given["offset"] : given["offset"] + given["limit"]])

    answer = await ask(BURROUGHS, replies)

    assert len(answer.books) == 60
    assert answer.complete


async def test_a_list_without_end_is_cut_and_one_that_repeats_itself_stops():
    endless = web_of(lambda name, given: author(*(credit(given["offset"] + number) for number in range(1, PAGE + 1))))
    repeating = web_of(author(*(credit(number) for number in range(1, PAGE + 1))))

    cut, stopped = await source(endless).ask(BURROUGHS), await source(repeating).ask(BURROUGHS)

    assert (len(endless.asked), len(repeating.asked)) == (MOST_PAGES, 2)
    assert not cut.complete
    assert not cut.people[0].complete
    assert not stopped.complete
    assert len(stopped.books) == PAGE


async def test_a_failure_on_the_second_page_keeps_the_first():
    def replies(name: str, given: dict[str, Any]) -> Reply:
        return SPENT if given["offset"] else author(*(credit(number) for number in range(1, PAGE + 1)))

    answer = await ask(BURROUGHS, replies)

    assert len(answer.books) == PAGE
    assert (answer.complete, answer.people[0].complete) == (False, False)
    assert answer.notes


async def test_a_merged_author_is_followed_and_keeps_the_old_number():
    answer = await ask(
        ListBooks(name="Edgar Rice Burroughs", id="hardcover:70"),
        lambda name, given: author(number=70, canonical_id=71) if given["id"] == 70 else author(credit(1)),
    )

    [person] = answer.people
    assert person.id == "hardcover:71"
    assert "hardcover:70" in person.ids
    assert person.books == ("hardcover:1",)


async def test_without_an_id_only_people_of_the_same_name_are_read():
    hits = [
        {"document": {"id": "71", "name": "E. R. Burroughs", "alternate_names": ["Edgar Rice Burroughs"]}},
        {"document": {"id": "72", "name": "William S. Burroughs"}},
    ]

    answer = await ask(
        ListBooks(name="Edgar Rice Burroughs"),
        lambda name, given: data(search={"results": {"found": 2, "hits": hits}}) if name == "F" else author(credit(1)),
    )

    assert [person.id for person in answer.people] == ["hardcover:71"]
    assert answer.complete


async def test_an_asin_leads_over_its_edition_to_the_book():
    edition = {"id": 9, "book_id": 1001, "asin": "B0BAR01001", "audio_seconds": 25_320, "reading_format_id": 2}
    other = {"id": 10, "asin": "B0BAR91002", "audio_seconds": 25_000}
    place = {"details": "1", "series": {"id": 501, "name": "Barsoom"}}
    found = book(1001, "A Princess of Mars", default_audio_edition=other, book_series=[place])

    answer = await ask(
        LookUp(ids=("asin:B0BAR01001",)),
        lambda name, given: data(editions=[edition]) if name == "I" else data(books=[found]),
    )

    [one] = answer.books
    assert one.title == "A Princess of Mars"
    assert one.places[0].series == "hardcover:501"
    assert {recording.ids[0] for recording in one.recordings or ()} == {"asin:B0BAR01001", "asin:B0BAR91002"}
    assert answer.complete


async def test_a_merged_book_is_followed():
    answer = await ask(
        LookUp(ids=("hardcover:1002",)),
        lambda name, given: data(
            books=[book(number, canonical_id=1000 if number == 1002 else None) for number in given["ids"]]
        ),
    )

    assert answer.aliases == (("hardcover:1002", "hardcover:1000"),)
    assert [one.id for one in answer.books] == ["hardcover:1000"]


@pytest.mark.parametrize(
    "ids", [("librivox:1",), tuple(f"hardcover:{number}" for number in range(1, MOST_LOOKED_UP + 2))]
)
async def test_ids_that_are_not_looked_up_leave_the_answer_incomplete(ids: tuple[str, ...]):
    assert not (await ask(LookUp(ids=ids), data(books=[]))).complete


async def test_a_series_of_another_source_is_no_answer_of_nothing():
    answer = await source().ask(ListMembers(series="audible:B0OZ000001"))

    assert not answer.complete


def test_only_its_own_address_is_known():
    assert source().knows(PUBLIC)
    assert not source().knows("https://api.hardcover.app.invalid/v1/graphql")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = JSON | st.integers(1, 9) | st.sampled_from(["7", "hardcover:7"])
PEOPLE = JSON | st.fixed_dictionaries({"id": NUMBERS, "name": JSON}, optional={"alternate_names": JSON})
CREDITS = JSON | st.lists(st.fixed_dictionaries({"contribution": JSON, "author": PEOPLE}), max_size=2)
EDITIONS = JSON | st.fixed_dictionaries(
    {"id": NUMBERS},
    optional={"book_id": NUMBERS}
    | dict.fromkeys(["asin", "isbn_13", "audio_seconds", "language", "release_date"], JSON),
)
BOOKS = JSON | st.fixed_dictionaries(
    {"id": NUMBERS, "title": JSON},
    optional={"contributions": CREDITS, "default_audio_edition": EDITIONS, "canonical_id": NUMBERS}
    | dict.fromkeys(["book_status_id", "book_category_id", "release_date", "release_year", "book_series"], JSON),
)
ROWS = JSON | st.fixed_dictionaries(
    {"book_id": NUMBERS}, optional={"book": BOOKS, "details": JSON, "position": JSON, "compilation": JSON}
)
SERIES = PEOPLE | st.fixed_dictionaries(
    {"id": NUMBERS, "name": JSON, "book_series": JSON | st.lists(ROWS, max_size=3)},
    optional={"author": PEOPLE, "canonical_id": NUMBERS, "books_count": JSON},
)
AUTHORS = PEOPLE | st.fixed_dictionaries(
    {"id": NUMBERS, "name": JSON, "contributions": JSON | st.lists(ROWS | CREDITS, max_size=3)}
)
HITS = st.fixed_dictionaries(
    {"found": JSON, "hits": JSON | st.lists(st.fixed_dictionaries({"document": SERIES | BOOKS | AUTHORS}), max_size=2)}
)
PARTS = {
    "series_by_pk": SERIES,
    "series": st.lists(SERIES, max_size=2),
    "book_series": JSON | st.lists(ROWS, max_size=2),
    "contributions": JSON
    | st.lists(st.fixed_dictionaries({"contributable_id": NUMBERS, "author": PEOPLE}), max_size=2),
    "editions": JSON | st.lists(EDITIONS, max_size=2),
    "search": JSON | st.fixed_dictionaries({"results": HITS | JSON}),
    "authors_by_pk": AUTHORS,
    "authors": JSON | st.lists(AUTHORS, max_size=2),
    "books": JSON | st.lists(BOOKS, max_size=2),
}


@given(st.fixed_dictionaries({}, optional=PARTS), st.none() | JSON)
def test_whatever_the_data_hold_reading_them_raises_nothing_but_failures(parts: dict[str, object], errors: object):
    body = {"data": parts} | ({} if errors is None else {"errors": errors})
    try:
        answer = source().read(says(msgspec.json.encode(body)))
    except Failure:
        return
    assert all(one.id.startswith("hardcover:") for one in (*answer.books, *answer.series, *answer.people))
