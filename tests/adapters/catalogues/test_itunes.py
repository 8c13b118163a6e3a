"""iTunes: that an audiobook exists, and what its cluttered names hide."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.itunes import ITunes
from domain.catalogue.claims import Answer, LookUp, Search
from domain.errors import Failure, Transient
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import FakeWeb, says

SEARCH = "https://itunes.apple.com/search"
OZ = Search(title="The Wonderful Wizard of Oz", author="L. Frank Baum")


def source() -> ITunes:
    return ITunes(FakeWeb({}))


def audiobook(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "wrapperType": "audiobook",
        "collectionId": number,
        "collectionName": name,
        "artistName": "A. Author",
    } | more


def read(*rows: object) -> Answer:
    return source().read(says({"resultCount": len(rows), "results": rows}))


@pytest.mark.parametrize("name", fixtures("itunes."))
def test_a_recorded_reply_comes_to_what_the_contract_says(name: str):
    recorded = contract(name)

    assert outcome(source().read, recorded.reply) == recorded.expect["outcome"]
    assert source().knows(recorded.reply.url)


def test_the_recorded_search_proves_recordings_and_never_the_end_of_the_list():
    answer = source().read(contract("itunes.ok").reply)

    unabridged, abridged, collection = answer.books
    assert not answer.complete
    assert [book.title for book in answer.books] == [
        "The Wonderful Wizard of Oz",
        "The Wonderful Wizard of Oz",
        "Oz Collection: Books 1-5",
    ]
    assert [book.recordings[0].abridged for book in answer.books if book.recordings] == [False, True, None]
    assert all(book.recorded for book in answer.books)
    assert unabridged.recordings is not None
    assert unabridged.recordings[0].released == date(2015, 3, 10)
    assert unabridged.recordings[0].for_sale is True
    assert abridged.recordings is not None
    assert abridged.recordings[0].for_sale is None
    assert [author.name for author in abridged.authors] == ["L. Frank Baum", "A. Dapter"]
    assert unabridged.description == "Authored. Read by Nora Reade."
    assert collection.recordings is not None
    assert collection.recordings[0].runtime_min is None


def test_an_artist_beside_the_audiobooks_is_no_book():
    answer = source().read(contract("itunes.lookup-mixed").reply)

    assert len(answer.books) == contract("itunes.lookup-mixed").expect["usable"]


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("L. Frank Baum", ["L. Frank Baum"]),
        ("A & B", ["A", "B"]),
        ("A, B & C", ["A", "B", "C"]),
        ("Baum, L. Frank", ["Baum, L. Frank"]),
        (None, []),
    ],
)
def test_authors_are_told_apart(written: str | None, names: list[str]):
    [book] = read(audiobook(1, "X", artistName=written, artistId=7)).books

    assert [author.name for author in book.authors] == names
    assert [author.id for author in book.authors if len(names) > 1] == [None] * (len(names) if len(names) > 1 else 0)


def test_covers_are_claimed_only_when_somebody_asked_for_them():
    reply = contract("itunes.ok").reply

    assert all(book.cover is None for book in source().read(reply).books)
    assert all(book.cover for book in ITunes(FakeWeb({}), covers=True).read(reply).books)


def test_a_bad_record_is_dropped_with_a_reason_and_the_others_stay():
    answer = read(
        audiobook(1, "Ozma of Oz (Unabridged)"),
        audiobook(2, " (Unabridged) "),
        {**audiobook(3, "x")} | {"collectionId": []},
        7,
    )

    assert [book.title for book in answer.books] == ["Ozma of Oz"]
    assert len(answer.dropped) == 3


async def test_a_search_asks_for_the_audiobooks_of_one_country():
    web = FakeWeb({SEARCH: contract("itunes.ok").reply})

    answer = await ITunes(web, country="GB").ask(OZ)

    assert len(answer.books) == 3
    assert "country=GB" in web.asked[0]
    assert "term=The+Wonderful+Wizard+of+Oz+L.+Frank+Baum" in web.asked[0]


async def test_no_hits_are_a_complete_answer():
    answer = await ITunes(FakeWeb({SEARCH: contract("itunes.empty").reply})).ask(OZ)

    assert not answer.found
    assert answer.complete


@pytest.mark.parametrize(
    "reply",
    [
        says("<html>sign in</html>"),
        says('{"resultCount": 1, "results": [{"wrapp'),
        says(""),
        says({"resultCount": 3}),
        says({"results": "none"}),
        says({"results": [1] * 5_001}),
        says("", status=302, headers={"location": "https://elsewhere.invalid/"}),
        says("", status=503),
    ],
)
async def test_half_an_answer_teaches_nothing(reply: Any):
    with pytest.raises(Transient):
        await ITunes(FakeWeb({SEARCH: reply})).ask(OZ)


async def test_a_question_it_cannot_answer_is_a_mistake():
    with pytest.raises(ValueError, match="LookUp"):
        await source().ask(LookUp(ids=("itunes:1",)))


def test_a_look_alike_host_is_not_known():
    assert not source().knows("https://itunes.apple.com.invalid/search")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["collectionId", "collectionName", "artistName", "artistId", "collectionPrice", "releaseDate", "description"]


@given(JSON | st.lists(st.fixed_dictionaries({"wrapperType": st.just("audiobook")} | dict.fromkeys(FIELDS, JSON))))
def test_whatever_the_results_hold_reading_them_raises_nothing_but_failures(results: object):
    try:
        answer = source().read(says(msgspec.json.encode({"results": results})))
    except Failure:
        return
    assert all(book.id.startswith("itunes:") and book.title for book in answer.books)
