"""LibriVox: recordings by author, told apart by namesakes, versions and readings that have only begun."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.librivox import MOST_PAGES, PAGE, LibriVox
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import BookClaim, FindSeries, ListBooks, Search
from domain.errors import Failure, Transient
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import Asked, FakeWeb, says

BOOKS = "https://librivox.org/api/feed/audiobooks"
BAUM = ("158", "L. Frank", "Baum")
ROGER = ("900", "Roger S.", "Baum")
NONE = contract("librivox.error-404").reply


def row(number: int, title: str = "Ozma of Oz", *authors: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    people = [{"id": own, "first_name": first, "last_name": last} for own, first, last in authors or (BAUM,)]
    return {"id": str(number), "title": title, "language": "English", "totaltimesecs": 3600, "authors": people} | more


def page(*rows: object) -> Reply:
    return says({"books": rows})


def read(*rows: object) -> tuple[BookClaim, ...]:
    return LibriVox(FakeWeb({})).read(page(*rows)).books


def asked_for(asked: Asked, name: str) -> str:
    return parse_qs(urlsplit(asked.url).query).get(name, [""])[0]


@pytest.mark.parametrize("name", fixtures("librivox."))
def test_a_recorded_reply_comes_to_what_the_contract_says(name: str):
    source, recorded = LibriVox(FakeWeb({})), contract(name)

    assert outcome(source.read, recorded.reply) == recorded.expect["outcome"]
    assert source.knows(recorded.reply.url)


def test_seconds_that_arrive_as_text_are_minutes_of_a_recording():
    [book] = LibriVox(FakeWeb({})).read(contract("librivox.ok").reply).books

    assert book.recorded
    assert book.recordings is not None
    [recording] = book.recordings
    assert recording.ids == ("librivox:501",)
    assert recording.runtime_min == 265
    assert recording.narrators == ("Reader One",)
    assert (book.language, recording.language) == ("en", "en")
    assert [(author.name, author.id) for author in book.authors] == [("L. Frank Baum", "librivox:158")]
    assert book.first_published == 1907


@pytest.mark.parametrize(
    ("shown", "title", "dramatized", "abridged"),
    [
        ("Ozma of Oz", "Ozma of Oz", None, None),
        ("Ozma of Oz (version 2)", "Ozma of Oz", None, None),
        ("Ozma of Oz (Version 3 Dramatic Reading)", "Ozma of Oz", True, None),
        ("Ozma of Oz (dramatic reading)", "Ozma of Oz", True, None),
        ("Ozma of Oz (Abridged)", "Ozma of Oz", None, True),
        ("Ozma of Oz (in Words of One Syllable)", "Ozma of Oz (in Words of One Syllable)", None, None),
    ],
)
def test_remarks_on_a_title_say_what_the_recording_is(
    shown: str, title: str, dramatized: bool | None, abridged: bool | None
):
    [book] = read(row(1, shown))

    assert book.title == title
    assert book.recordings is not None
    assert (book.recordings[0].dramatized, book.recordings[0].abridged) == (dramatized, abridged)


def test_a_reading_that_has_only_begun_proves_no_recording():
    [book] = read(row(1, totaltimesecs=0))

    assert (book.recordings, book.recorded) == (None, False)


def test_a_translator_is_credited_as_one():
    [book] = read(row(1, translators=[{"id": "7", "first_name": "Ana", "last_name": "Ejemplo"}]))

    assert [(author.name, author.role) for author in book.authors] == [
        ("L. Frank Baum", None),
        ("Ana Ejemplo", "translator"),
    ]


async def test_a_search_leaves_the_article_out_which_librivox_keeps_apart():
    web = FakeWeb({BOOKS: contract("librivox.ok").reply})

    answer = await LibriVox(web).ask(Search(title="The Wonderful Wizard of Oz"))

    assert answer.found
    assert asked_for(web.requests[0], "title") == "^Wonderful Wizard of Oz"


async def test_an_author_is_found_by_surname_and_namesakes_are_left_out():
    rows = [row(1), row(2, "The Oz Enigma", ROGER), row(3, "A Book of Both", ROGER, BAUM)]
    web = FakeWeb({BOOKS: page(*rows)})

    answer = await LibriVox(web).ask(ListBooks(name="L. Frank Baum"))

    [person] = answer.people
    assert (person.id, person.name, person.complete) == ("librivox:158", "L. Frank Baum", True)
    assert person.books == ("librivox:1", "librivox:3")
    assert [book.id for book in answer.books] == ["librivox:1", "librivox:3"]
    assert asked_for(web.requests[0], "author") == "Baum"


async def test_an_id_settles_which_namesake_is_meant():
    web = FakeWeb({BOOKS: page(row(1), row(2, "The Oz Enigma", ROGER))})

    answer = await LibriVox(web).ask(ListBooks(name="Baum", id="librivox:900"))

    assert [person.name for person in answer.people] == ["Roger S. Baum"]


async def test_nobody_of_that_name_is_a_complete_answer():
    answer = await LibriVox(FakeWeb({BOOKS: NONE})).ask(ListBooks(name="Nobody Atall"))

    assert not answer.found
    assert answer.complete


async def test_a_long_list_is_read_to_its_end():
    def replies(asked: Asked) -> Reply:
        offset = int(asked_for(asked, "offset"))
        rows = [row(number) for number in range(1, PAGE * 2 + 1)][offset : offset + PAGE]
        return page(*rows) if rows else NONE

    answer = await LibriVox(FakeWeb(replies)).ask(ListBooks(name="L. Frank Baum"))

    assert len(answer.books) == PAGE * 2
    assert answer.complete
    assert answer.people[0].complete


async def test_a_page_that_repeats_itself_ends_the_list_without_completing_it():
    web = FakeWeb({BOOKS: page(*(row(number) for number in range(1, PAGE + 1)))})

    answer = await LibriVox(web).ask(ListBooks(name="L. Frank Baum"))

    assert len(web.asked) == 2
    assert len(answer.books) == PAGE
    assert not answer.complete
    assert not answer.people[0].complete


async def test_a_list_without_end_is_cut_and_incomplete():
    def replies(asked: Asked) -> Reply:
        offset = int(asked_for(asked, "offset"))
        return page(*(row(number) for number in range(offset + 1, offset + PAGE + 1)))

    web = FakeWeb(replies)
    answer = await LibriVox(web).ask(ListBooks(name="L. Frank Baum"))

    assert len(web.asked) == MOST_PAGES
    assert not answer.complete


async def test_a_failure_on_the_second_page_keeps_the_first():
    def replies(asked: Asked) -> Reply | Failure:
        first = asked_for(asked, "offset") == "0"
        return page(*(row(number) for number in range(1, PAGE + 1))) if first else Transient("timed out")

    answer = await LibriVox(FakeWeb(replies)).ask(ListBooks(name="L. Frank Baum"))

    assert len(answer.books) == PAGE
    assert not answer.complete
    assert "timed out" in answer.notes[0]


@pytest.mark.parametrize(
    "reply",
    [
        says("<html>down for maintenance</html>"),
        says("<html>no such page</html>", status=404),
        says({}, status=404),
        says('{"books": [{"id": "5'),
        says({"books": None}),
        says({"books": {"0": {}}}),
        says([]),
        page(*[1] * 5_001),
        says("", status=301, headers={"location": "https://elsewhere.invalid/"}),
    ],
)
async def test_half_an_answer_teaches_nothing(reply: Reply):
    with pytest.raises(Transient):
        await LibriVox(FakeWeb({BOOKS: reply})).ask(ListBooks(name="L. Frank Baum"))


async def test_a_question_it_cannot_answer_is_a_mistake():
    with pytest.raises(ValueError, match="FindSeries"):
        await LibriVox(FakeWeb({})).ask(FindSeries(name="Oz"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PEOPLE = JSON | st.lists(st.fixed_dictionaries({"id": JSON, "first_name": JSON, "last_name": JSON}), max_size=2)
SECTIONS = JSON | st.lists(st.fixed_dictionaries({"readers": JSON}), max_size=2)
ROWS = st.fixed_dictionaries(
    {"id": JSON, "title": JSON},
    optional={
        "authors": PEOPLE,
        "translators": PEOPLE,
        "sections": SECTIONS,
        "totaltimesecs": JSON,
        "language": JSON,
        "copyright_year": JSON,
        "description": JSON,
    },
)


@given(JSON | st.lists(ROWS))
def test_whatever_the_books_hold_reading_them_raises_nothing_but_failures(books: object):
    try:
        answer = LibriVox(FakeWeb({})).read(says(msgspec.json.encode({"books": books})))
    except Failure:
        return
    assert all(book.id.startswith("librivox:") and book.title for book in answer.books)
