"""Audible's catalogue: what is read from its replies, and how far it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from contract import contract, fixtures, outcome
from fake_web import Asked, FakeWeb, says
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogues.audible import MOST_BATCHES, MOST_PAGES, PER_CALL, Audible
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
    Place,
    Search,
    SeriesMember,
)
from domain.errors import Failure, Permanent, Transient

US = "https://api.audible.com/1.0/catalog/products"
UK = "https://api.audible.co.uk/1.0/catalog/products"
BAUM = "audible:B000OZBAUM"


def audible(web: FakeWeb | None = None, **options: Any) -> Audible:
    return Audible(web or FakeWeb({}), **options)


def read(name: str) -> Answer:
    return audible().read(contract(name).reply)


def book(answer: Answer, asin: str) -> BookClaim:
    return next(one for one in answer.books if one.id == f"asin:{asin}")


def product(number: int, *, author: str = "L. Frank Baum", author_asin: str | None = "B000OZBAUM") -> dict[str, Any]:
    credit = {"name": author} | ({"asin": author_asin} if author_asin else {})
    return {"asin": f"B0{number:08}", "title": f"Oz {number}", "authors": [credit], "runtime_length_min": 300}


def page(numbers: Iterable[int], *, total: object) -> dict[str, Any]:
    return {"products": [product(number) for number in numbers], "total_results": total}


def series(asin: str, children: Iterable[int]) -> dict[str, Any]:
    rows = [
        {
            "asin": f"B0{number:08}",
            "relationship_to_product": "child",
            "relationship_type": "series",
            "sequence": str(number),
            "title": f"Oz {number}",
        }
        for number in children
    ]
    return {"product": {"asin": asin, "content_delivery_type": "BookSeries", "title": "Oz", "relationships": rows}}


def query(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.url).query))


def batch(asked: Asked, *, stubs: Iterable[str] = (), silent: Iterable[str] = ()) -> Reply:
    """Details of every product that was asked for."""
    wanted = [asin for asin in query(asked)["asins"].split(",") if asin not in silent]
    known = [{"asin": one} if one in stubs else {**product(0), "asin": one} for one in wanted]
    return says({"products": known})


class Shops:
    """A shop per host: its series, its products, and its authors' pages."""

    def __init__(self, series: Mapping[str, Any], *, stubs: Iterable[str] = ()) -> None:
        self.series = series
        self.stubs = frozenset(stubs)

    def __call__(self, asked: Asked) -> Reply:
        if "asins" in query(asked):
            return batch(asked, stubs=self.stubs if "audible.com/" in asked.url else ())
        address = asked.url.partition("?")[0]
        return says(self.series.get(address) or {"product": {"asin": address.rpartition("/")[2]}})


# --- replies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures("audible."))
def test_every_recorded_reply_becomes_what_the_contract_says(name):
    recorded = contract(name)

    assert outcome(audible().read, recorded.reply) == recorded.expect["outcome"]
    if "complete" in recorded.expect:
        assert audible().read(recorded.reply).complete is recorded.expect["complete"]


@pytest.mark.parametrize("name", fixtures("audible."))
def test_every_recorded_reply_is_known_by_its_address(name):
    assert audible().knows(contract(name).reply.url)


def test_a_product_tells_everything_about_its_recording():
    found = book(read("audible.product"), "B0OZ000001")

    assert found.ids == ("asin:B0OZ000001", "sku:BK_FIXT_Z000001", "isbn:9781980000013")
    assert found.authors == (Credit(name="L. Frank Baum", id=BAUM),)
    assert found.places == (Place(series="audible:B0OZSERIES", name="The Oz Books", position="1"),)
    assert found.language == "en"
    assert found.description == "Authored text; not from any shop."
    assert found.cover == "https://images.example.invalid/B0OZ000001._SL500_.jpg"
    assert found.genres == ("Children's Audiobooks",)
    assert found.recorded
    [recording] = found.recordings or ()
    assert recording.ids == ("asin:B0OZ000001", "sku:BK_FIXT_Z000001")
    assert recording.narrators == ("Nora Reade",)
    assert recording.runtime_min == 300
    assert recording.abridged is False
    assert recording.machine_voice is False
    assert recording.dramatized is None
    assert recording.released == date(2015, 3, 10)
    assert recording.delivery == "SinglePartBook"


def test_only_children_of_a_series_are_its_members_and_sequence_is_their_place():
    answer = read("audible.series-oz")

    [claim] = answer.series
    members = {member.id: member for member in claim.members or ()}
    assert len(claim.members or ()) == contract("audible.series-oz").expect["children_kept"]
    assert claim.complete
    assert members["asin:B0OZ000001"].position == "1"
    assert members["asin:B0OZ100005"].position == "1-5"
    assert members["asin:B0OZ100002"].position == "1, Dramatized Adaptation"
    assert members["asin:B0OZ100006"].position == ""
    assert members["asin:B0OZ100017"] == SeriesMember(id="asin:B0OZ100017", title="A Map of Oz")
    assert members["asin:B0OZ100018"].title is None
    assert "asin:B0OZ100019" not in members


def test_a_child_of_a_series_is_a_recording_of_its_title():
    found = book(read("audible.series-oz"), "B0OZ100017")

    assert found.title == "A Map of Oz"
    assert found.recorded
    assert found.recordings is None
    assert not found.stub


def test_an_empty_series_is_a_list_without_members():
    [claim] = read("audible.series-empty").series

    assert claim.members == ()
    assert claim.complete


def test_a_batch_keeps_what_each_product_says_of_its_recording():
    answer = read("audible.products-oz-batch")

    def recording(asin: str) -> Any:
        return (book(answer, asin).recordings or ())[0]

    assert recording("B0OZ100002").dramatized is True
    assert recording("B0OZ100003").abridged is True
    assert recording("B0OZ100009").language == "de"
    assert recording("B0OZ100010").delivery == "AudioPart"
    assert recording("B0OZ100014").released == date(2200, 1, 1)
    assert recording("B0OZ100015").machine_voice is True
    assert book(answer, "B0OZ100013").title == "The Oz Books, Book 4"
    assert book(answer, "B0OZ100013").subtitle == "Dorothy and the Wizard in Oz"
    assert [one.id for one in answer.books if one.stub] == ["asin:B0OZ100017", "asin:B0OZ100018"]


def test_a_bad_record_is_dropped_with_a_reason_and_the_others_are_read():
    answer = read("audible.hostile")

    assert [one.id for one in answer.books if not one.stub] == ["asin:B0OZ900002", "asin:B0OZ900004"]
    ozma = book(answer, "B0OZ900002")
    assert ozma.title == "<script>alert(1)</script> Ozma of Oz"
    assert ozma.places == (Place(series="audible:B0OZSERIES", name="The Oz Books", position="3"),)
    assert (ozma.recordings or ())[0].runtime_min == 266
    assert (ozma.recordings or ())[0].released is None
    assert book(answer, "B0OZ900004").places[0].position is None
    assert book(answer, "B0OZ900004").recordings is None
    assert answer.dropped == (
        "a product without an ASIN (No asin)",
        "a product without an ASIN (Short asin)",
        "B0OZ900003: its title is no text",
        "a product that is no record",
        "a product that is no record",
    )


def test_a_search_by_title_names_the_series_of_its_hits():
    answer = read("audible.title-search-series")

    assert [(one.id, one.name, one.members) for one in answer.series] == [
        ("audible:B0OZSERIES", "The Oz Books", None),
        ("audible:B0OZSERIEU", "The Oz Books", None),
        ("audible:B0OZUNIVER", "The Land of Oz Universe", None),
    ]
    assert [one.id for one in answer.books] == ["asin:B0OZ000001", "asin:B0OZ300001"]


def test_a_role_is_taken_off_a_name():
    found = book(read("audible.author-page0"), "B0OZ200001")

    assert found.authors == (Credit(name="L. Frank Baum", id=BAUM), Credit(name="Ana Ejemplo", role="translator"))


def test_namesakes_are_people_of_their_own():
    people = {one.id: one for one in read("audible.author-page0").people}

    assert set(people) == {BAUM, "audible:B000OTHERB"}
    assert people["audible:B000OTHERB"].books == ("asin:B0OZ200002",)


@pytest.mark.parametrize(
    ("delivery", "category"),
    [("Periodical", "periodical"), ("PodcastParent", "podcast"), ("PodcastEpisode", "podcast"), ("AudioPart", None)],
)
def test_periodicals_and_podcasts_are_called_so(delivery, category):
    reply = says({"product": {**product(1), "content_delivery_type": delivery}})

    [found] = audible().read(reply).books

    assert found.category == category
    assert (found.recordings or ())[0].delivery == delivery


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Ozma of Oz [Dramatized Adaptation]"),
        ("subtitle", "A BBC Radio 4 full-cast dramatisation"),
        ("format_type", "Dramatized"),
        ("series", [{"title": "Oz", "sequence": "3, Dramatized Adaptation"}]),
    ],
)
def test_a_dramatisation_is_told_by_the_record(field, value):
    reply = says({"product": {**product(3), field: value}})

    [found] = audible().read(reply).books

    assert (found.recordings or ())[0].dramatized is True


def test_a_product_that_may_not_be_bought_is_not_for_sale():
    reply = says({"product": {**product(1), "is_buyable": True, "is_purchasability_suppressed": True}})

    [found] = audible().read(reply).books

    assert (found.recordings or ())[0].for_sale is False


def test_a_series_with_an_unreadable_row_is_not_complete():
    body = series("B0OZSERIES", [1, 2])
    body["product"]["relationships"][1]["asin"] = None

    answer = audible().read(says(body))

    [claim] = answer.series
    assert [member.id for member in claim.members or ()] == ["asin:B000000001"]
    assert not claim.complete
    assert not answer.complete


@pytest.mark.parametrize(
    "reply",
    [
        says("<html><body>Sign in</body></html>"),
        says(""),
        says('{"products": [{"asin": "B0OZ0'),
        says([]),
        says({}),
        says({"products": {}}),
        says({"products": None, "total_results": 0}),
        says({"product": None}),
        says({"similar_products": 3}),
        says({"products": [None] * (MOST_ENTRIES + 1)}),
        says(series("B0OZSERIES", range(MOST_ENTRIES + 1))),
        says(b"[" * (LONGEST_BODY + 1)),
        says(b'{"products":' + b"[" * 100_000),
        says({}, status=429),
        says("", status=302, headers={"location": "https://elsewhere.example/"}),
    ],
    ids=range(15),
)
def test_half_an_answer_is_no_answer(reply):
    with pytest.raises(Transient):
        audible().read(reply)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_for_a_person(status):
    with pytest.raises(Permanent, match=f"audible refused the question \\(HTTP {status}\\)"):
        audible().read(says({"message": "no"}, status=status))


KEYS = sorted(
    {*product(1), *series("B0OZSERIES", [1])["product"], *series("B0OZSERIES", [1])["product"]["relationships"][0]}
)
KEYS += [
    "products",
    "product",
    "similar_products",
    "total_results",
    "series",
    "narrators",
    "category_ladders",
    "ladder",
]
KEYS += ["root", "product_images", "release_date", "sku_lite", "isbn", "language"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner | st.sampled_from(["B0OZ000001", "BookSeries", "child", "series", "Genres", "2015-03-10"]),
            max_size=8,
        )
    ),
    max_leaves=30,
)


@given(body=JSON, key=st.sampled_from(["products", "product", "similar_products", ""]))
def test_no_json_breaks_the_reader(body, key):
    reply = says({key: body} if key else body)

    try:
        answer = audible().read(reply)
    except Failure:
        return

    assert answer.source == "audible"


# --- addresses -------------------------------------------------------------------------------------------------------


def test_public_shops_of_all_regions_and_the_configured_one_are_known():
    mirrored = audible(base_urls={"us": "http://mirror.example:8080/audible"})

    assert mirrored.knows("http://mirror.example:8080/audible/1.0/catalog/products?title=Oz")
    assert mirrored.knows("https://api.audible.de/1.0/catalog/products")
    assert not mirrored.knows("https://api.audible.com.elsewhere.example/1.0/catalog/products")
    assert not mirrored.knows("http://mirror.example:8080/other")


def test_a_region_without_an_address_is_a_mistake():
    with pytest.raises(ValueError, match="'uk'"):
        audible(base_urls={"us": "http://mirror.example"}, regions=["us", "uk"])


async def test_only_configured_shops_are_asked():
    web = FakeWeb(lambda asked: says(page([1], total=1)))

    await audible(web, base_urls={"us": "http://mirror.example"}).ask(Search(title="Oz"))

    assert {urlsplit(url).netloc for url in web.asked} == {"mirror.example"}


# --- series ----------------------------------------------------------------------------------------------------------


async def test_a_series_comes_with_the_details_of_its_members():
    web = FakeWeb(Shops({f"{US}/B0OZSERIES": series("B0OZSERIES", range(1, 121))}))

    answer = await audible(web).ask(ListMembers(series="audible:B0OZSERIES"))

    [claim] = answer.series
    assert len(claim.members or ()) == 120
    assert claim.complete
    assert answer.complete
    assert len(answer.books) == 120
    assert all(one.recordings and one.places[0].series == "audible:B0OZSERIES" for one in answer.books)
    assert len(web.asked) == 1 + 3


async def test_the_recorded_series_and_its_batch_become_one_answer():
    recorded = {
        f"{US}/B0OZSERIES": contract("audible.series-oz").reply,
        US: contract("audible.products-oz-batch").reply,
    }
    web = FakeWeb(recorded | {UK: says({"products": [{"asin": "B0OZ100017"}, {"asin": "B0OZ100018"}]})})

    answer = await audible(web).ask(ListMembers(series="audible:B0OZSERIES"))

    claim = next(one for one in answer.series if one.id == "audible:B0OZSERIES")
    assert len(claim.members or ()) == 33
    assert {one.id for one in answer.books} == {member.id for member in claim.members or ()}
    assert book(answer, "B0OZ100004").places[0].position == "Book 3"
    assert (book(answer, "B0OZ100017").title, book(answer, "B0OZ100017").stub) == ("A Map of Oz", True)
    assert book(answer, "B0OZ100018").title is None
    assert answer.complete
    assert web.asked[-1].startswith(f"{UK}?")
    assert "B0OZ100017%2CB0OZ100018" in web.asked[-1]


async def test_a_series_that_the_first_shop_does_not_know_is_asked_of_the_next():
    web = FakeWeb(Shops({f"{UK}/B0OZSERIES": series("B0OZSERIES", [1])}))

    answer = await audible(web).ask(ListMembers(series="audible:B0OZSERIES"))

    assert answer.series[0].members == (SeriesMember(id="asin:B000000001", position="1", title="Oz 1"),)
    assert all(url.startswith(UK) for url in web.asked[1:])


async def test_a_series_that_no_shop_knows_is_nothing():
    answer = await audible(FakeWeb(Shops({}))).ask(ListMembers(series="audible:B0OZSERIES"))

    assert answer == Answer(source="audible")


async def test_a_list_that_is_empty_in_one_shop_may_be_full_in_the_next():
    shops = Shops({f"{US}/B0OZSERIES": series("B0OZSERIES", []), f"{UK}/B0OZSERIES": series("B0OZSERIES", [1, 2])})

    answer = await audible(FakeWeb(shops)).ask(ListMembers(series="audible:B0OZSERIES"))

    assert len(answer.series[0].members or ()) == 2


async def test_what_one_shop_does_not_sell_is_asked_of_the_next():
    web = FakeWeb(Shops({f"{US}/B0OZSERIES": series("B0OZSERIES", [1, 2])}, stubs=["B000000002"]))

    answer = await audible(web).ask(ListMembers(series="audible:B0OZSERIES"))

    assert not any(one.stub for one in answer.books)
    assert answer.complete
    assert web.asked[-1].startswith(UK)


async def test_a_child_that_no_shop_sells_keeps_its_title():
    def shop(asked: Asked) -> Reply:
        if "asins" in query(asked):
            return batch(asked, stubs=["B000000002"])
        return says(series("B0OZSERIES", [1, 2]))

    answer = await audible(FakeWeb(shop)).ask(ListMembers(series="audible:B0OZSERIES"))

    found = book(answer, "B000000002")
    assert (found.title, found.stub, found.recorded, found.recordings) == ("Oz 2", True, True, None)


async def test_a_list_stays_when_its_details_cannot_be_read():
    def shop(asked: Asked) -> Reply:
        return says("", status=503) if "asins" in query(asked) else says(series("B0OZSERIES", [1, 2]))

    answer = await audible(FakeWeb(shop)).ask(ListMembers(series="audible:B0OZSERIES"))

    assert len(answer.series[0].members or ()) == 2
    assert answer.books == ()
    assert not answer.complete
    assert answer.notes == ("no details: audible cannot answer now (HTTP 503)",)


async def test_a_child_that_nobody_answered_for_is_a_row_without_a_claim():
    def shop(asked: Asked) -> Reply:
        if "asins" in query(asked):
            return batch(asked, silent=["B000000002"])
        return says(series("B0OZSERIES", [1, 2]))

    answer = await audible(FakeWeb(shop)).ask(ListMembers(series="audible:B0OZSERIES"))

    assert [one.id for one in answer.books] == ["asin:B000000001"]
    assert answer.notes == ("no word about B000000002",)
    assert not answer.complete


async def test_a_series_whose_record_cannot_be_read_is_an_error():
    shop = FakeWeb({f"{US}/B0OZSERIES": says("<html>Robot Check</html>")})

    with pytest.raises(Transient):
        await audible(shop).ask(ListMembers(series="audible:B0OZSERIES"))


async def test_nobody_says_nothing_while_a_shop_is_silent():
    shops = {f"{US}/B0OZSERIES": says({"product": {"asin": "B0OZSERIES"}}), f"{UK}/B0OZSERIES": says("", status=503)}

    with pytest.raises(Transient):
        await audible(FakeWeb(shops)).ask(ListMembers(series="audible:B0OZSERIES"))


async def test_a_series_of_another_source_is_not_asked_for():
    web = FakeWeb({})

    assert not (await audible(web).ask(ListMembers(series="audiosilo:oz"))).found
    assert web.asked == []


async def test_series_are_found_by_the_books_of_such_a_title_in_every_shop():
    recorded = contract("audible.title-search-series").reply
    elsewhere = says(page([1], total=1))
    web = FakeWeb(lambda asked: recorded if asked.url.startswith(US) else elsewhere)

    answer = await audible(web).ask(FindSeries(name="Oz", author="L. Frank Baum"))

    assert [one.id for one in answer.series][:1] == ["audible:B0OZSERIES"]
    assert [one.id for one in answer.books] == ["asin:B0OZ000001", "asin:B0OZ300001", "asin:B000000001"]


async def test_a_name_that_no_title_holds_is_looked_for_everywhere_on_the_record():
    def shop(asked: Asked) -> Reply:
        hit = {**product(1), "series": [{"asin": "B0OZSERIES", "title": "Oz", "sequence": "1"}]}
        return says({"products": [hit] if "keywords" in query(asked) else [], "total_results": 0})

    answer = await audible(FakeWeb(shop)).ask(FindSeries(name="Oz", author="L. Frank Baum"))

    assert [one.id for one in answer.series] == ["audible:B0OZSERIES"]


async def test_a_search_by_keywords_that_fails_leaves_what_titles_told():
    def shop(asked: Asked) -> Reply:
        return says("", status=503) if "keywords" in query(asked) else says(page([1], total=1))

    answer = await audible(FakeWeb(shop)).ask(FindSeries(name="Oz"))

    assert [one.id for one in answer.books] == ["asin:B000000001"]
    assert not answer.complete


async def test_a_second_shop_that_fails_takes_nothing_from_the_first():
    web = FakeWeb({US: says(page([1], total=1)), UK: Transient("no time left")})

    answer = await audible(web).ask(Search(title="Oz"))

    assert len(answer.books) == 1
    assert not answer.complete
    assert answer.notes == ("region uk: no time left",)


# --- authors ---------------------------------------------------------------------------------------------------------


async def test_an_author_is_read_to_the_natural_end():
    def shop(asked: Asked) -> Reply:
        start = int(query(asked)["page"]) * PER_CALL
        return says(page(range(start, min(start + PER_CALL, 120)), total=120))

    web = FakeWeb(shop)
    answer = await audible(web, regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    [person] = answer.people
    assert person.id == BAUM
    assert len(person.books or ()) == 120
    assert person.complete
    assert answer.complete
    assert len(web.asked) == 3


async def test_a_page_that_repeats_ends_a_window_and_the_other_end_is_read_too():
    window = 200

    def shop(asked: Asked) -> Reply:
        start = min(int(query(asked)["page"]) * PER_CALL, window - PER_CALL)
        newest = query(asked)["products_sort_by"].startswith("-")
        numbers = range(start, start + PER_CALL) if newest else range(999 - start, 999 - start - PER_CALL, -1)
        return says(page(numbers, total=1_000))

    web = FakeWeb(shop)
    answer = await audible(web, regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    [person] = answer.people
    assert len(person.books or ()) == 2 * window
    assert not person.complete
    assert not answer.complete
    assert any("repeats" in note for note in answer.notes)
    assert len(web.asked) == 2 * (window // PER_CALL + 1)


async def test_a_repeated_page_is_no_end_even_where_the_total_would_fit():
    def shop(asked: Asked) -> Reply:
        return says(page(range(PER_CALL), total=2 * PER_CALL))

    answer = await audible(FakeWeb(shop), regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    assert not answer.complete


async def test_a_list_without_end_is_left_after_some_pages():
    def shop(asked: Asked) -> Reply:
        start = int(query(asked)["page"]) * PER_CALL
        return says(page(range(start, start + PER_CALL), total=10**9))

    web = FakeWeb(shop)
    answer = await audible(web, regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    assert not answer.complete
    assert len(web.asked) == 2 * MOST_PAGES


@pytest.mark.parametrize("total", [None, "many", 3, -1])
async def test_a_total_that_does_not_fit_confirms_no_end(total):
    web = FakeWeb(lambda asked: says(page(range(5) if query(asked)["page"] == "0" else [], total=total)))

    answer = await audible(web, regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    assert len(answer.books) == 5
    assert not answer.complete


async def test_a_page_that_fails_leaves_what_was_read_before():
    def shop(asked: Asked) -> Reply:
        if query(asked)["page"] != "0" or query(asked)["products_sort_by"] == "ReleaseDate":
            return says("", status=503)
        return says(page(range(PER_CALL), total=120))

    answer = await audible(FakeWeb(shop), regions=["us"]).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    assert len(answer.books) == PER_CALL
    assert not answer.complete
    assert answer.notes[0] == "page 1: audible cannot answer now (HTTP 503)"


async def test_books_belong_to_the_author_by_id_and_by_name_only_where_there_is_none():
    rows = [
        product(1),
        product(2, author_asin=None),
        product(3, author_asin="B000OTHERB"),
        product(4, author="Roger S. Baum", author_asin="B00BAUMROG"),
        product(5, author="L. Frank Baum - translator", author_asin="B000OZBAUM"),
    ]
    web = FakeWeb(lambda asked: says({"products": rows, "total_results": 5}))

    answer = await audible(web).ask(ListBooks(name="L. Frank Baum", id=BAUM))

    people = {one.id: one for one in answer.people}
    assert people[BAUM].books == ("asin:B000000001", "asin:B000000002")
    assert people[BAUM].complete
    assert people["audible:B000OTHERB"].books == ("asin:B000000003",)
    assert not people["audible:B000OTHERB"].complete
    assert [one.id for one in answer.books] == ["asin:B000000001", "asin:B000000002", "asin:B000000003"]


async def test_an_author_whom_the_shop_does_not_number_is_known_by_name():
    rows = [product(1, author_asin=None), product(2, author_asin=None)]
    web = FakeWeb(lambda asked: says({"products": rows, "total_results": 2}))

    answer = await audible(web).ask(ListBooks(name="L. Frank Baum"))

    [person] = answer.people
    assert (person.id, len(person.books or ())) == ("audible:name:l frank baum", 2)


async def test_people_so_called_are_found_with_the_books_that_were_seen():
    recorded = contract("audible.author-page0").reply

    answer = await audible(FakeWeb(lambda asked: recorded)).ask(FindAuthor(name="L. Frank Baum"))

    assert {one.id for one in answer.people} == {BAUM, "audible:B000OTHERB"}
    assert not any(one.complete for one in answer.people)


# --- books -----------------------------------------------------------------------------------------------------------


async def test_books_are_looked_up_in_batches_and_only_by_asin():
    web = FakeWeb(lambda asked: batch(asked))

    ids = (*(f"asin:B0{number:08}" for number in range(60)), "isbn:9780000000019", "asin:nonsense", "goodreads:1")
    answer = await audible(web).ask(LookUp(ids=ids))

    assert len(answer.books) == 60
    assert answer.complete
    assert len(web.asked) == 2
    assert not any("9780000000019" in url or "NONSENSE" in url.upper() for url in web.asked)


async def test_an_unknown_asin_is_a_stub_once_every_shop_was_asked():
    web = FakeWeb(lambda asked: batch(asked, stubs=["B0NOSUCH00"]))

    answer = await audible(web).ask(LookUp(ids=("asin:B0NOSUCH00",)))

    [found] = answer.books
    assert found.stub
    assert not found.recorded
    assert answer.complete
    assert len(web.asked) == 2


async def test_a_batch_that_fails_leaves_the_others():
    def shop(asked: Asked) -> Reply:
        return batch(asked) if "B000000000" in asked.url else says("", status=503)

    answer = await audible(FakeWeb(shop)).ask(LookUp(ids=tuple(f"asin:B0{number:08}" for number in range(60))))

    assert len(answer.books) == PER_CALL
    assert not answer.complete


async def test_the_first_failure_of_a_look_up_is_raised():
    with pytest.raises(Transient):
        await audible(FakeWeb({US: says("", status=503)})).ask(LookUp(ids=("asin:B0OZ000001",)))


async def test_no_question_asks_for_more_than_some_batches():
    web = FakeWeb(lambda asked: batch(asked))

    ids = tuple(f"asin:B0{number:08}" for number in range(PER_CALL * MOST_BATCHES + 7))
    answer = await audible(web).ask(LookUp(ids=ids))

    assert len(web.asked) == MOST_BATCHES
    assert answer.notes[0] == "7 ids too many"
    assert not answer.complete


async def test_nothing_to_look_up_asks_nobody():
    web = FakeWeb({})

    assert not (await audible(web).ask(LookUp(ids=("isbn:9780000000019",)))).found
    assert web.asked == []
