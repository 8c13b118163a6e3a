"""GraphicAudio's list: parts are put together, and its codes are not believed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.graphic_audio import LIST, GraphicAudio
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import FindSeries, ListBooks, ListMembers, LookUp, Search
from domain.errors import Failure, Transient
from tests.adapters.catalogues.contract import contract
from tests.adapters.catalogues.fake_web import FakeWeb, says

CATALOG = contract("graphicaudio.catalog")
SOURCE = GraphicAudio(FakeWeb({LIST: CATALOG.reply}))


def test_five_of_five_parts_are_one_recording_of_book_two():
    answer = SOURCE.read(CATALOG.reply)

    land, ozma, tales = answer.books
    [recording] = land.recordings or ()
    assert (land.title, land.places[0].name, land.places[0].position) == ("The Marvelous Land of Oz", "Oz", "2")
    assert recording.dramatized
    assert recording.narrators == ("A. Cast",)
    assert not any(id.startswith("isbn:") for book in answer.books for id in book.ids)
    assert not answer.complete
    assert SOURCE.knows(CATALOG.reply.url)
    assert (ozma.places[0].position, tales.places[0].position) == (None, None)


def test_a_book_whose_last_part_is_missing_is_not_recorded():
    rows = msgspec.json.decode(CATALOG.reply.body)[:4]

    [land] = SOURCE.read(Reply(url=LIST, body=msgspec.json.encode(rows))).books

    assert land.recordings == ()
    assert not land.recorded


async def test_questions_are_answered_from_the_one_list():
    [oz] = (await SOURCE.ask(FindSeries(name="Oz"))).series
    members = await SOURCE.ask(ListMembers(series=oz.id))
    found = await SOURCE.ask(Search(title="Ozma of Oz"))
    nobody = await SOURCE.ask(ListBooks(name="Arthur Conan Doyle"))

    assert len(members.books) == 3
    assert [book.title for book in found.books] == ["Ozma of Oz"]
    assert not nobody.found
    with pytest.raises(ValueError, match="LookUp"):
        await SOURCE.ask(LookUp(ids=("isbn:9780000000002",)))


@pytest.mark.parametrize("body", ["<html></html>", "{}", '[{"title"', ""])
async def test_what_is_no_list_is_no_answer(body: str):
    with pytest.raises(Transient):
        await GraphicAudio(FakeWeb({LIST: says(body)})).ask(Search(title="Oz"))


_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text())
_FIELDS = ["seriesName", "title", "episodeNumber", "episodePart", "totalParts", "author", "cast", "isbn", "releaseDate"]


@given(st.lists(st.dictionaries(st.sampled_from(_FIELDS), _VALUES) | _VALUES, max_size=5))
def test_whatever_json_comes_only_failures_are_raised(rows: Any):
    try:
        answer = SOURCE.read(Reply(url=LIST, body=msgspec.json.encode(rows)))
    except Failure:
        return

    assert not answer.complete
