"""audiosilo-meta: what is read from its replies, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from contract import contract, fixtures, outcome
from fake_web import Asked, FakeWeb, says
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.audiosilo import MOST_LOOKED_UP, MOST_PAGES, MOST_WORKS_READ, Audiosilo
from adapters.catalogues.replies import LONGEST_BODY, MOST_ENTRIES, Reply
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    Credit,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Failure, Permanent, Transient

API = "https://meta.audiosilo.app/api/v1"


def audiosilo(web: FakeWeb | None = None, **options: Any) -> Audiosilo:
    return Audiosilo(web or FakeWeb({}), **options)


def read(name: str) -> Answer:
    return audiosilo().read(contract(name).reply)


def answered(body: object, path: str = "/series/oz", status: int = 200, **headers: str) -> Reply:
    return msgspec.structs.replace(says(body, status=status, headers=headers), url=f"{API}{path}")


def card(slug: str, *, released: str | None = "2015-03-10", author: str = "l-frank-baum") -> dict[str, Any]:
    date_of = {"release_date": released} if released else {}
    return {"id": slug, "title": slug, "authors": [{"id": author, "name": "L. Frank Baum"}], "series": None} | date_of


def series(cards: Iterable[dict[str, Any]], **others: Any) -> dict[str, Any]:
    works = [{"position": str(place), "work": one} for place, one in enumerate(cards, 1)]
    return {"id": "oz", "name": "Oz", "authors": [], "works": works, "works_total": len(works), "offset": 0} | others


def work(asked: Asked) -> Reply:
    slug = urlsplit(asked.url).path.rpartition("/")[2]
    return says({**contract("audiosilo.work").said, "id": slug, "title": slug})


def person(slugs: Iterable[str], *, total: object, offset: int = 0) -> dict[str, Any]:
    authored = [card(slug) for slug in slugs]
    return {
        "id": "l-frank-baum", "name": "L. Frank Baum", "authored": authored, "authored_total": total, "offset": offset
    }  # fmt: skip


# --- replies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("audiosilo."))
def test_every_recorded_reply_becomes_what_the_contract_says(name):
    recorded = contract(name)

    assert outcome(audiosilo().read, recorded.reply) == recorded.expect["outcome"]
    if "complete" in recorded.expect:
        assert audiosilo().read(recorded.reply).complete is recorded.expect["complete"]


@pytest.mark.parametrize("name", fixtures("audiosilo."))
def test_every_recorded_reply_is_known_by_its_address(name):
    assert audiosilo().knows(contract(name).reply.url)
    assert not audiosilo().knows("https://api.audnex.us/books/B0OZ000003")


def test_a_series_keeps_its_places_as_text():
    answer = read("audiosilo.series-oz")

    claim = next(one for one in answer.series if one.id == "audiosilo:oz")
    positions = [member.position for member in claim.members or ()]
    assert len(positions) == 23
    assert {"1", "1-2", "2.5", "22"} <= set(positions)
    assert claim.authors == (Credit(name="L. Frank Baum", id="audiosilo:l-frank-baum"),)
    assert claim.size == 23
    assert claim.complete


def test_a_work_with_a_date_of_release_was_recorded():
    found = {one.id: one for one in read("audiosilo.series-oz").books}["audiosilo:ozma-of-oz"]

    assert found.recorded
    assert found.recordings is None
    assert found.released == date(2015, 3, 10)
    assert found.places == (Place(series="audiosilo:oz", name="Oz", position="3"),)


def test_a_work_tells_its_recordings_and_what_others_call_it():
    [found] = read("audiosilo.work").books

    assert found.ids == ("audiosilo:the-wonderful-wizard-of-oz", "openlibrary:OL18417W", "isbn:9780000000019")
    assert (found.language, found.first_published) == ("en", 1900)
    assert found.recorded
    plain, abridged = found.recordings or ()
    assert plain.ids == ("asin:B0OZ000001",)
    assert (plain.narrators, plain.runtime_min, plain.abridged) == (("Nora Reade",), 255, None)
    assert (abridged.ids, abridged.abridged, abridged.released) == (("asin:B0OZ100002",), True, None)


def test_a_recording_without_an_asin_goes_by_the_source_s_own_id():
    body = {**contract("audiosilo.work").said, "recordings": [{"id": "nora-reade-2015", "asin": None}]}

    [found] = audiosilo().read(answered(body, "/works/the-wonderful-wizard-of-oz")).books

    assert (found.recordings or ())[0].ids == ("audiosilo:the-wonderful-wizard-of-oz/nora-reade-2015",)


@pytest.mark.parametrize(("recordings", "known"), [(None, None), ([], ())])
def test_no_list_of_recordings_is_unknown_and_an_empty_one_is_none(recordings, known):
    body = {**contract("audiosilo.work").said, "recordings": recordings}

    [found] = audiosilo().read(answered(body, "/works/the-wonderful-wizard-of-oz")).books

    assert found.recordings == known
    assert not found.recorded


def test_a_lookup_joins_the_asin_to_the_work():
    [found] = read("audiosilo.lookup").books

    assert found.ids == ("audiosilo:the-wonderful-wizard-of-oz", "asin:B0OZ000001")
    assert found.recorded


def test_an_isbn_proves_no_recording():
    body = {"work": card("ozma-of-oz", released=None), "recording_id": None}

    [found] = audiosilo().read(answered(body, "/lookup?isbn=9780000000019")).books

    assert found.ids == ("audiosilo:ozma-of-oz", "isbn:9780000000019")
    assert not found.recorded


def test_a_merged_slug_is_an_alias():
    assert read("audiosilo.series-retired").aliases == (("audiosilo:the-oz-books", "audiosilo:oz"),)


@pytest.mark.parametrize(
    "reply",
    [
        answered({"redirect": "oz"}, status=301, location="https://elsewhere.example/api/v1/series/oz"),
        answered({"redirect": "../../admin"}, status=301),
        answered({"redirect": None}, status=301),
        answered("<html>Moved</html>", status=301, location="/api/v1/series/oz"),
        answered({}, status=302),
        answered("<html>no such page</html>", status=404),
        answered("<html>login</html>"),
        answered(""),
        answered('{"id": "oz", "works": [{"pos'),
        answered([]),
        answered({}),
        answered({"id": "oz", "name": "Oz", "works": None, "works_total": 3}),
        answered({"id": "oz", "name": "Oz", "works": {}}),
        answered({"name": "Oz", "works": [], "works_total": 0}),
        answered({"results": None}),
        answered({"work": None}, "/lookup?asin=B0OZ000001"),
        answered({"id": "ozma-of-oz", "title": None}, "/works/ozma-of-oz"),
        answered(series([card("oz")] * (MOST_ENTRIES + 1))),
        answered(b"[" * (LONGEST_BODY + 1)),
        answered(b'{"works":' + b"[" * 100_000),
    ],
    ids=range(20),
)
def test_half_an_answer_is_no_answer(reply):
    with pytest.raises(Transient):
        audiosilo().read(reply)


def test_a_cold_start_says_when_to_come_back():
    with pytest.raises(Transient) as cold:
        read("audiosilo.error-503")

    assert cold.value.retry_after_s == 30


def test_a_refusal_is_for_a_person():
    with pytest.raises(Permanent):
        audiosilo().read(answered({"error": "bad request"}, status=400))


def test_a_series_without_works_is_an_empty_list():
    answer = audiosilo().read(answered({"id": "oz", "name": "Oz", "works": None, "works_total": 0}))

    assert answer.series == (
        SeriesClaim(source="audiosilo", id="audiosilo:oz", name="Oz", members=(), complete=True, size=0),
    )


@pytest.mark.parametrize("total", [1, 3, None, "many", True])
def test_a_total_that_does_not_fit_confirms_no_end(total):
    answer = audiosilo().read(answered(series([card("a"), card("b")], works_total=total)))

    assert len(answer.series[0].members or ()) == 2
    assert not answer.series[0].complete
    assert not answer.complete


def test_a_bad_row_is_dropped_and_the_list_is_not_complete():
    body = series([card("a")])
    body["works"] += [None, {"position": "2"}, {"position": "9" * 60, "work": card("b")}]
    body["works_total"] = 4

    answer = audiosilo().read(answered(body))

    assert [(member.id, member.position) for member in answer.series[0].members or ()] == [
        ("audiosilo:a", "1"),
        ("audiosilo:b", None),
    ]
    assert len(answer.dropped) == 2
    assert not answer.series[0].complete


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*contract("audiosilo.work").said, *series([]), *person([], total=0), "results", "kind", "work"]
            ),
            inner | st.sampled_from(["oz", "series", "work", "2015-03-10", "OL18417W"]),
            max_size=8,
        )
    ),
    max_leaves=30,
)


@given(
    body=JSON,
    key=st.sampled_from(["works", "authored", "work", "results", "title", "redirect", ""]),
    status=st.sampled_from([200, 301, 404]),
)
def test_no_json_breaks_the_reader(body, key, status):
    whole = {"id": "oz", "name": "Oz", "title": "Oz", key: body} if key else body

    try:
        answer = audiosilo().read(answered(whole, status=status))
    except Failure:
        return

    assert answer.source == "audiosilo"


# --- series ----------------------------------------------------------------------------------------------------------


async def test_a_series_is_one_call():
    web = FakeWeb({f"{API}/series/oz": contract("audiosilo.series-oz").reply})

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:oz"))

    assert answer.complete
    assert len(web.asked) == 1


async def test_works_without_a_date_are_asked_for_one_by_one():
    listed = says(series([card("dated"), card("undated", released=None)]))
    web = FakeWeb(lambda asked: listed if "/series/" in asked.url else work(asked))

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:oz"))

    books = {one.id: one for one in answer.books}
    assert books["audiosilo:dated"].recordings is None
    assert len(books["audiosilo:undated"].recordings or ()) == 2
    assert books["audiosilo:undated"].places[0].position == "1"
    assert answer.complete
    assert len(web.asked) == 2


async def test_only_some_works_are_asked_for_one_by_one():
    listed = says(series([card(f"work-{number}", released=None) for number in range(MOST_WORKS_READ + 5)]))
    web = FakeWeb(lambda asked: listed if "/series/" in asked.url else work(asked))

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:oz"))

    assert len(web.asked) == 1 + MOST_WORKS_READ
    assert answer.notes == ("5 works were not asked for one by one",)
    assert answer.series[0].complete
    assert not answer.complete


async def test_a_work_that_fails_leaves_the_list():
    listed = says(series([card("a", released=None), card("b", released=None)]))
    web = FakeWeb(lambda asked: listed if "/series/" in asked.url else says("", status=503))

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:oz"))

    assert len(answer.series[0].members or ()) == 2
    assert [one.recordings for one in answer.books] == [None, None]
    assert not answer.complete
    assert len(web.asked) == 2


async def test_a_merged_series_is_followed_once_and_both_names_are_told():
    web = FakeWeb(
        {
            f"{API}/series/the-oz-books": contract("audiosilo.series-retired").reply,
            f"{API}/series/oz": contract("audiosilo.series-oz").reply,
        }
    )

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:the-oz-books"))

    assert answer.aliases == (("audiosilo:the-oz-books", "audiosilo:oz"),)
    assert len(answer.series[0].members or ()) == 23
    assert answer.complete


async def test_redirects_in_a_circle_are_not_followed():
    web = FakeWeb(
        {
            f"{API}/series/one": answered({"redirect": "two"}, status=301),
            f"{API}/series/two": answered({"redirect": "one"}, status=301),
        }
    )

    answer = await audiosilo(web).ask(ListMembers(series="audiosilo:one"))

    assert answer.series == ()
    assert not answer.complete
    assert len(web.asked) == 2


async def test_an_unknown_series_is_nothing():
    web = FakeWeb({f"{API}/series/nope": contract("audiosilo.error-404").reply})

    assert await audiosilo(web).ask(ListMembers(series="audiosilo:nope")) == Answer(source="audiosilo")


@pytest.mark.parametrize("id", ["audible:", "audiosilo:../admin", "audiosilo:"])
async def test_what_is_no_slug_is_not_asked_for(id):
    web = FakeWeb({})

    assert not (await audiosilo(web).ask(ListMembers(series=id))).found
    assert web.asked == []


async def test_series_are_found_by_name():
    hits = {"results": [{"kind": "series", "id": "oz", "name": "Oz", "works": 23}, {"kind": "series", "id": "x y"}]}
    web = FakeWeb({f"{API}/series/search": says(hits)})

    answer = await audiosilo(web).ask(FindSeries(name="Oz"))

    assert answer.series == (SeriesClaim(source="audiosilo", id="audiosilo:oz", name="Oz", size=23),)
    assert answer.dropped == ("a series without an id or a name",)


# --- people ----------------------------------------------------------------------------------------------------------


async def test_people_are_found_by_name():
    hits = {"results": [{"kind": "person", "id": "l-frank-baum", "name": "L. Frank Baum"}]}
    web = FakeWeb({f"{API}/people/search": says(hits)})

    answer = await audiosilo(web).ask(FindAuthor(name="L. Frank Baum"))

    assert answer.people == (PersonClaim(source="audiosilo", id="audiosilo:l-frank-baum", name="L. Frank Baum"),)
    assert answer.complete


def pages(total: int, *, size: int = 500) -> Any:
    def answer(asked: Asked) -> Reply:
        start = int(dict(parse_qsl(urlsplit(asked.url).query))["offset"])
        slugs = [f"work-{number}" for number in range(start, min(start + size, total))]
        return says(person(slugs, total=total, offset=start))

    return answer


@pytest.mark.parametrize(("total", "size", "calls"), [(0, 500, 1), (499, 500, 1), (1_200, 500, 3), (250, 100, 3)])
async def test_an_author_is_read_to_the_end(total, size, calls):
    web = FakeWeb(pages(total, size=size))

    answer = await audiosilo(web).ask(ListBooks(name="L. Frank Baum", id="audiosilo:l-frank-baum"))

    [found] = answer.people
    assert len(found.books or ()) == total
    assert found.complete
    assert answer.complete
    assert len(web.asked) == calls


async def test_an_author_without_end_is_left_after_some_pages():
    web = FakeWeb(pages(10**9))

    answer = await audiosilo(web).ask(ListBooks(name="L. Frank Baum", id="audiosilo:l-frank-baum"))

    assert len(web.asked) == MOST_PAGES
    assert not answer.complete
    assert not answer.people[0].complete


async def test_a_page_that_brings_nothing_new_is_no_end():
    web = FakeWeb(lambda asked: says(person(["a", "b"], total=9)))

    answer = await audiosilo(web).ask(ListBooks(name="L. Frank Baum", id="audiosilo:l-frank-baum"))

    assert len(web.asked) == 2
    assert not answer.people[0].complete
    assert not answer.complete


async def test_a_page_that_fails_leaves_what_was_read_before():
    first = person([f"work-{number}" for number in range(500)], total=900)
    web = FakeWeb(lambda asked: says(first) if "offset=0" in asked.url else says("", status=503))

    answer = await audiosilo(web).ask(ListBooks(name="L. Frank Baum", id="audiosilo:l-frank-baum"))

    assert len(answer.people[0].books or ()) == 500
    assert not answer.people[0].complete
    assert answer.notes == ("page 1 of l-frank-baum: audiosilo cannot answer now (HTTP 503)",)


async def test_an_author_without_an_id_is_found_by_name_first():
    hits = {
        "results": [
            {"kind": "person", "id": "l-frank-baum", "name": "L. Frank Baum"},
            {"kind": "person", "id": "roger-s-baum", "name": "Roger S. Baum"},
        ]
    }
    web = FakeWeb({f"{API}/people/search": says(hits), f"{API}/people/l-frank-baum": says(person(["a", "b"], total=2))})

    answer = await audiosilo(web).ask(ListBooks(name="L. Frank Baum"))

    [found] = answer.people
    assert found.books == ("audiosilo:a", "audiosilo:b")
    assert found.complete


# --- books -----------------------------------------------------------------------------------------------------------


async def test_an_asin_leads_to_the_work_and_its_recordings():
    web = FakeWeb(
        {
            f"{API}/lookup?asin=B0OZ000001": contract("audiosilo.lookup").reply,
            f"{API}/works/the-wonderful-wizard-of-oz": contract("audiosilo.work").reply,
        }
    )

    answer = await audiosilo(web).ask(LookUp(ids=("asin:B0OZ000001", "goodreads:1")))

    [found] = answer.books
    assert {"asin:B0OZ000001", "openlibrary:OL18417W"} <= set(found.ids)
    assert len(found.recordings or ()) == 2
    assert found.released == date(2015, 3, 10)
    assert answer.complete


async def test_a_work_of_its_own_is_asked_for_at_once():
    web = FakeWeb({f"{API}/works/the-wonderful-wizard-of-oz": contract("audiosilo.work").reply})

    answer = await audiosilo(web).ask(LookUp(ids=("audiosilo:the-wonderful-wizard-of-oz", "audiosilo:../x")))

    assert len(answer.books) == 1


async def test_an_unknown_asin_is_nothing():
    web = FakeWeb({f"{API}/lookup": contract("audiosilo.error-404").reply})

    assert await audiosilo(web).ask(LookUp(ids=("asin:B0NOSUCH00",))) == Answer(source="audiosilo")


async def test_a_work_that_cannot_be_read_leaves_the_lookup():
    web = FakeWeb(
        {
            f"{API}/lookup": contract("audiosilo.lookup").reply,
            f"{API}/works/the-wonderful-wizard-of-oz": Transient("slow"),
        }
    )

    answer = await audiosilo(web).ask(LookUp(ids=("asin:B0OZ000001",)))

    assert [one.recordings for one in answer.books] == [None]
    assert not answer.complete


async def test_the_first_failure_of_a_look_up_is_raised_and_a_later_one_is_not():
    missing = contract("audiosilo.error-404").reply
    web = FakeWeb({f"{API}/lookup?asin=B0OZ000001": missing, f"{API}/lookup?asin=B0OZ000002": says("", status=503)})

    answer = await audiosilo(web).ask(LookUp(ids=("asin:B0OZ000001", "asin:B0OZ000002")))

    assert not answer.complete
    with pytest.raises(Transient):
        await audiosilo(web).ask(LookUp(ids=("asin:B0OZ000002", "asin:B0OZ000001")))


async def test_no_question_looks_up_more_than_some_ids():
    missing = contract("audiosilo.error-404").reply
    web = FakeWeb(lambda asked: missing)

    answer = await audiosilo(web).ask(LookUp(ids=tuple(f"asin:B0{number:08}" for number in range(MOST_LOOKED_UP + 2))))

    assert len(web.asked) == MOST_LOOKED_UP
    assert answer.notes == ("2 ids too many",)


async def test_books_are_searched_by_title():
    hits = {"results": [{"kind": "work", "id": "ozma-of-oz", "name": "Ozma of Oz", "authors": []}]}
    web = FakeWeb({f"{API}/works/search": says(hits)})

    answer = await audiosilo(web).ask(Search(title="Ozma of Oz"))

    assert answer.books == (
        BookClaim(source="audiosilo", id="audiosilo:ozma-of-oz", ids=("audiosilo:ozma-of-oz",), title="Ozma of Oz"),
    )


async def test_a_full_page_of_hits_may_not_be_all():
    hits = {"results": [{"kind": "series", "id": f"oz-{number}", "name": "Oz"} for number in range(50)]}

    answer = await audiosilo(FakeWeb({f"{API}/series/search": says(hits)})).ask(FindSeries(name="Oz"))

    assert not answer.complete


async def test_a_server_of_ones_own_is_asked_instead():
    web = FakeWeb({"http://meta.example/silo/api/v1/series/oz": contract("audiosilo.series-oz").reply})
    own = audiosilo(web, base_url="http://meta.example/silo/")

    answer = await own.ask(ListMembers(series="audiosilo:oz"))

    assert answer.series[0].members
    assert SeriesMember(id="audiosilo:ozma-of-oz", position="3", title="Ozma of Oz") in answer.series[0].members
    assert own.knows(web.asked[0])
