"""Providers behind Audiobookshelf's protocol: loose answers, no ids, and nothing that proves an absence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.abs_provider import AbsProvider, AnyProvider, source_at
from adapters.catalogues.replies import Reply
from domain.catalogue.claims import Answer, BookClaim, FindSeries, Place, Search, family
from domain.errors import Failure, Permanent, Transient
from domain.names import words_of
from tests.adapters.catalogues.contract import contract, fixtures, outcome
from tests.adapters.catalogues.fake_web import FakeWeb, says

NOBODY = FakeWeb({})
BASE = "http://provider.example.invalid"
RECORDED = [*fixtures("abs-"), *fixtures("lubimyczytac")]


def provider(name: str = "mine", web: FakeWeb = NOBODY, **more: Any) -> AbsProvider:
    return AbsProvider(web, name=name, base_url=BASE, **more)


def recorded(name: str) -> Answer:
    return AnyProvider(NOBODY).read(contract(name).reply)


def read(*matches: object, source: AbsProvider | None = None) -> Answer:
    body = msgspec.json.encode({"matches": matches})
    return (source or provider()).read(Reply(url=f"{BASE}/search?query=x", body=body))


def only(answer: Answer) -> BookClaim:
    [book] = answer.books
    return book


# --- the recorded contract -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDED)
def test_each_recorded_reply_comes_to_what_the_contract_says(name: str):
    source = AnyProvider(NOBODY)

    assert source.knows(contract(name).reply.url)
    assert outcome(source.read, contract(name).reply) == contract(name).expect["outcome"]


@pytest.mark.parametrize(
    "name", [name for name in RECORDED if contract(name).expect["outcome"] in ("claims", "nothing")]
)
def test_no_answer_is_ever_complete_and_each_says_so(name: str):
    answer = recorded(name)

    assert not answer.complete
    assert any("proves nothing" in note for note in answer.notes)


def test_a_well_behaved_answer_is_taken_whole():
    ozma = only(recorded("abs-provider.ok"))

    [recording] = ozma.recordings or ()
    assert ozma.ids == ("asin:B0OZ000003", "isbn:9780000000002")
    assert ozma.places == (Place(series="", name="The Oz Books", position="3"),)
    assert (recording.runtime_min, recording.narrators, recording.language) == (265.0, ("Nora Reade",), "en")


def test_loose_types_are_read_and_a_zero_is_a_number():
    answer = recorded("abs-provider.sloppy")

    ozma = only(answer)
    assert {place.name: place.position for place in ozma.places} == {
        "The Oz Books": "3",
        "Fairy Books": None,
        "Numbered Zero": "0",
        "Loose Text": None,
    }
    assert [(credit.name, credit.role) for credit in ozma.authors] == [
        ("L. Frank Baum", None),
        ("John R. Neill", "illustrator"),
    ]
    assert ozma.genres == ("Fantasy", "Classics")
    assert "isbn:9780000000002" in ozma.ids
    assert len(answer.dropped) == 2


def test_goodreads_ranges_and_parts_stay_in_the_title_and_become_places():
    answer = recorded("abs-tract.goodreads")

    assert [book.places[0].position for book in answer.books] == ["1", "1-3", "1, part 1 of 2"]
    assert answer.books[1].title == "The Martian Tales (Barsoom, #1-3)"
    assert answer.books[0].first_published == 1912
    assert family(answer.source) == "G"


def test_a_range_in_the_title_wins_over_a_sequence_that_was_cut():
    match = {
        "title": "The Martian Tales (Barsoom, #1-3; John Carter, #1-3)",
        "series": [{"series": "Barsoom", "sequence": 1}],
    }

    book = only(read(match, source=provider("goodreads")))

    assert book.places == (
        Place(series="", name="Barsoom", position="1-3"),
        Place(series="", name="John Carter", position="1-3"),
    )


def test_an_asin_of_kindle_or_print_is_never_one_of_audible():
    answer = recorded("abs-tract.kindle")

    ids = [id for book in answer.books for id in book.ids]
    assert ids == ["kindle:B00KINDLE1", "kindle:1503000001", "isbn:9781503000001"]
    assert [credit.name for credit in answer.books[1].authors] == ["L. Frank Baum"]
    for source in ("goodreads", "hardcover", "lubimyczytac"):
        book = only(read({"title": "Ozma of Oz", "asin": "B0OZ000003"}, source=provider(source)))
        assert not any(id.startswith("asin:") for id in book.ids)


def test_an_isbn_of_zero_is_no_id():
    book = only(recorded("lubimyczytac-abs.ok"))

    assert not any(id.startswith("isbn:") for id in book.ids)
    assert book.recorded
    assert (book.language, book.places[0].position) == ("pl", "1")


def test_tags_are_a_hint_and_no_series():
    answer = recorded("abs-agg.audioteka")

    assert only(answer).places == ()
    assert only(answer).recorded
    assert any("Kraina Oz" in note for note in answer.notes)


def test_a_provider_that_reports_failures_as_nothing_says_so():
    answer = recorded("lubimyczytac-abs.failure-as-empty")

    assert not answer.found
    assert not answer.complete
    assert "failures" in answer.notes[-1]


def test_two_records_that_nothing_tells_apart_are_one_with_a_note():
    answer = recorded("abs-agg.graphicaudio")

    [recording] = only(answer).recordings or ()
    assert recording.dramatized
    assert any("came twice" in note for note in answer.notes)


def test_two_records_with_one_asin_are_both_kept():
    same = {"title": "Ozma of Oz", "asin": "B0OZ000003"}

    answer = read(same | {"narrator": "Nora Reade"}, same | {"narrator": "Another Reader"})

    assert len({book.id for book in answer.books}) == 2


def test_a_record_has_the_same_name_whatever_its_blurb_says_today():
    match = {"title": "Ozma of Oz", "author": "L. Frank Baum"}

    one, other = (only(read(match | {"description": blurb})) for blurb in ("Good.", "Better."))

    assert one.id == other.id


# --- lengths ---------------------------------------------------------------------------------------------------------


def test_librivox_sends_seconds():
    [recording] = only(recorded("abs-agg.librivox")).recordings or ()

    assert recording.runtime_min == 265.0


@pytest.mark.parametrize(
    ("name", "unit", "duration", "expected"),
    [
        ("mine", None, "265", 265.0),
        ("mine", None, 15_900, None),
        ("mine", "minutes", 15_900, 15_900.0),
        ("mine", "seconds", 15_900, 265.0),
        ("librivox", None, 265, None),
        ("librivox", "minutes", 265, 265.0),
        ("mine", None, 0, None),
        ("mine", None, "1:02:03", None),
        ("mine", None, True, None),
        ("mine", None, -5, None),
    ],
)
def test_a_length_is_read_in_the_unit_that_was_set_and_never_guessed(name, unit, duration, expected):
    match = {"title": "Ozma of Oz", "narrator": "Nora Reade", "duration": duration}

    answer = read(match, source=provider(name, durations=unit))

    [recording] = only(answer).recordings or ()
    assert recording.runtime_min == expected
    doubted = (name == "librivox" and unit is None) or (duration == 15_900 and unit is None)
    assert any("length" in note for note in answer.notes) == doubted


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("L. Frank Baum, John R. Neill", ["L. Frank Baum", "John R. Neill"]),
        ("L. Frank Baum & Ruth Plumly Thompson", ["L. Frank Baum", "Ruth Plumly Thompson"]),
        ("Baum, L. Frank", ["Baum, L. Frank"]),
        ("Oliver Holmes, Jr., Ana Ejemplo", ["Oliver Holmes Jr.", "Ana Ejemplo"]),
        ([{"name": "L. Frank Baum"}, None, 5.5], ["L. Frank Baum", "5.5"]),
        (None, []),
    ],
)
def test_people_come_as_text_or_as_a_list(author, names):
    book = only(read({"title": "Ozma of Oz", "author": author}))

    assert [credit.name for credit in book.authors] == names


# --- asking ----------------------------------------------------------------------------------------------------------


async def test_a_search_is_asked_as_audiobookshelf_asks_it():
    web = FakeWeb({f"{BASE}/search": says({"matches": [{"title": "Ozma of Oz"}]})})

    answer = await provider(web=web, authorization="let-me-in").ask(Search(title="Ozma of Oz", author="L. Frank Baum"))

    assert only(answer).title == "Ozma of Oz"
    assert web.asked == [f"{BASE}/search?mediaType=book&query=Ozma+of+Oz&author=L.+Frank+Baum"]
    assert web.requests[0].headers == {"Authorization": "let-me-in"}


async def test_providers_that_want_any_header_get_one():
    web = FakeWeb({f"{BASE}/search": says({"matches": []})})

    await provider("audioteka", web=web).ask(Search(title="Oz"))

    assert web.requests[0].headers["Authorization"]


async def test_only_a_search_can_be_asked():
    with pytest.raises(ValueError, match="FindSeries"):
        await provider().ask(FindSeries(name="Oz"))


async def test_a_refusal_says_why_and_keeps_the_secret():
    body = {"error": "the key hunter2hunter2 is not known"}
    web = FakeWeb({f"{BASE}/search": says(body, status=401)})

    with pytest.raises(Permanent) as caught:
        await provider(web=web, authorization="Bearer hunter2hunter2").ask(Search(title="Oz"))

    assert "is not known" in caught.value.message
    assert "set the authorization" in caught.value.message
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("status", "error"), [(400, Permanent), (404, Permanent), (500, Transient), (429, Transient), (302, Transient)]
)
def test_each_refusal_is_known_for_what_it_is(status: int, error: type[Failure]):
    with pytest.raises(error, match="because"):
        provider().read(Reply(url=f"{BASE}/search", status=status, body=b'{"error": "because"}'))


# --- what a server should not send -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["", "<html></html>", '{"matches": [{"title"', "{}", '{"matches": null}', '{"matches": {"title": "x"}}', '"x"'],
)
def test_half_an_answer_is_no_answer(body: str):
    with pytest.raises(Transient):
        provider().read(Reply(url=f"{BASE}/search", body=body.encode()))


def test_a_million_matches_are_refused():
    with pytest.raises(Transient):
        read(*[None] * 1_000_000)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["series", "sequence", "name"]), inner),
    max_leaves=8,
)
_FIELDS = sorted(
    words_of(
        "title subtitle author authors narrator publisher publishedYear publishedDate description cover isbn asin"
        " genres tags series language duration type id"
    )
)
_MATCH = st.dictionaries(st.sampled_from(_FIELDS), _VALUES) | _VALUES


@given(
    st.lists(_MATCH, max_size=4) | _VALUES, st.sampled_from(["mine", "kindle", "goodreads", "librivox", "audioteka"])
)
def test_whatever_json_comes_only_failures_are_raised(matches: Any, name: str):
    body = msgspec.json.encode({"matches": matches})
    try:
        answer = provider(name).read(Reply(url=f"{BASE}/search", body=body))
    except Failure:
        return

    assert not answer.complete
    assert all(book.id in book.ids or "#" in book.id for book in answer.books)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("http://abs-tract:5555/goodreads", "goodreads"),
        ("http://abs-tract:5555/kindle/uk", "kindle"),
        ("http://abs-agg:3000/storytel/lang:pl", "storytel"),
        ("http://abs-agg:3000/hardcover", "hardcover"),
        ("http://lubimyczytac:3000", "lubimyczytac"),
        ("https://meta.audiosilo.app/abs", "audiosilo"),
        ("http://192.0.2.5:3000", "192.0.2.5"),
    ],
)
def test_a_recorded_address_names_what_stands_behind_it(address: str, source: str):
    assert source_at(address) == source


def test_a_provider_knows_its_own_address_with_parameters_and_no_other():
    source = AbsProvider(NOBODY, name="audioteka", base_url="http://abs-agg:3000/audioteka/")

    assert source.knows("http://abs-agg:3000/audioteka/lang:pl/search?query=Oz")
    assert source.knows("http://abs-agg:3000/audioteka/search")
    assert not source.knows("http://abs-agg:3000/audiotekas/search")
    assert not source.knows("http://abs-agg:3001/audioteka/search")
    assert not source.knows("http://[broken/audioteka/search")
