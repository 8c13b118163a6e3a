"""The stand-ins of the catalogue sources: shaped like the recordings, behaving as the contract says, and read by the
real adapters over loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.catalogues.audible import Audible
from adapters.catalogues.audiosilo import Audiosilo
from adapters.catalogues.audnexus import Audnexus
from adapters.catalogues.hardcover import Hardcover
from adapters.catalogues.librivox import LibriVox
from adapters.catalogues.open_library import OpenLibrary
from adapters.catalogues.replies import Reply
from adapters.sandbox.catalogue_books import Book, CatalogueWorld, Person, Recording, barsoom, holmes, oz
from adapters.sandbox.catalogue_hardcover import TOKEN
from adapters.sandbox.catalogues import Catalogues, Trouble
from adapters.sandbox.serve import Server
from adapters.sandbox.world import VOLUMES
from domain.catalogue.claims import Answer, BookClaim, FindSeries, ListBooks, ListMembers, LookUp, Search
from domain.errors import Transient

RECORDED = Path(__file__).parent.parent / "fixtures" / "catalogues" / "sandbox"
CONTACT = {"user-agent": "Bibliostat/0 (tests@example.invalid)"}
BAUMS = {volume.title for volume in VOLUMES}
MINUTES = {volume.position: 240 + 5 * volume.position for volume in VOLUMES}
ALL_GROUPS = (
    "product_desc,product_extended_attrs,contributors,series,rating,category_ladders,media,product_attrs,"
    "product_details"
)
FEWER = "contributors,media,product_attrs,product_desc,series"
PRODUCTS = "/audible/us/1.0/catalog/products"


WORLD = oz(MINUTES) + barsoom() + holmes()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Server, Catalogues]]:
    app = Catalogues(WORLD)
    with Server(app) as running:
        yield running, app


@pytest.fixture
def url(server: tuple[Server, Catalogues]) -> str:
    return server[0].url


@pytest.fixture
def app(server: tuple[Server, Catalogues]) -> Iterator[Catalogues]:
    """The same one for all, as each test leaves it again: whole, well and unasked."""
    app = server[1]
    yield app
    app.world = WORLD
    app.heal()
    app.requests.clear()


@pytest.fixture
async def http(url: str, app: Catalogues) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, headers=CONTACT, trust_env=False, timeout=5) as client:
        yield client


class Plain:
    """The shortest way to a source: no budget, no cache."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = 0,
        timeout_s: float = 5,
    ) -> Reply:
        return await self._send(self._http.build_request("GET", url, params=params, headers=headers))

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        fresh_s: float = 0,
        timeout_s: float = 5,
    ) -> Reply:
        return await self._send(self._http.build_request("POST", url, json=json, headers=headers))

    async def _send(self, request: httpx.Request) -> Reply:
        try:
            answer = await self._http.send(request)
        except httpx.TransportError as exc:
            raise Transient(f"nothing was heard: {exc!r}") from exc
        headers = {key.lower(): value for key, value in answer.headers.items()}
        return Reply(url=str(request.url), status=answer.status_code, headers=headers, body=answer.content)


@pytest.fixture
def web(http: httpx.AsyncClient) -> Plain:
    return Plain(http)


@pytest.fixture
def audible(web: Plain, url: str) -> Audible:
    return Audible(web, base_urls={region: f"{url}/audible/{region}" for region in ("us", "uk")})


@pytest.fixture
def audiosilo(web: Plain, url: str) -> Audiosilo:
    return Audiosilo(web, base_url=f"{url}/audiosilo")


@pytest.fixture
def open_library(web: Plain, url: str) -> OpenLibrary:
    return OpenLibrary(web, base_url=f"{url}/openlibrary")


# Shapes


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["response"]


def shape(value: Any, at: str = "") -> set[str]:
    """Every key with the type of its value, as paths; the entries of a list are laid over one another."""
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in shape(inner, f"{at}.{key}")}
    if isinstance(value, list):
        return {f"{at}[]", *(found for inner in value for found in shape(inner, f"{at}[]"))}
    return {f"{at} {type(value).__name__}"}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("audible.product", f"{PRODUCTS}/B0OZ000001?response_groups={ALL_GROUPS}"),
        ("audible.product-stub", f"{PRODUCTS}/B0NOSUCH00?response_groups=contributors,series"),
        ("audible.products-oz-batch", f"{PRODUCTS}?asins=B0OZ000001,B0OZ100013,B0OZ100017&response_groups={FEWER}"),
        ("audible.error-400", f"{PRODUCTS}?author=L.+Frank+Baum&num_results=51"),
        ("audible.author-page2-past-end", f"{PRODUCTS}?author=L.+Frank+Baum&page=9"),
        ("audible.series-oz", f"{PRODUCTS}/B0OZSERIES?response_groups=relationships,product_desc"),
        ("audiosilo.series-oz", "/audiosilo/api/v1/series/oz"),
        ("audiosilo.work", "/audiosilo/api/v1/works/the-marvelous-land-of-oz"),
        ("audiosilo.lookup", "/audiosilo/api/v1/lookup?asin=B0OZ000001"),
        ("audiosilo.person", "/audiosilo/api/v1/people/l-frank-baum"),
        ("audiosilo.series-retired", "/audiosilo/api/v1/series/the-oz-books"),
        ("audiosilo.error-404", "/audiosilo/api/v1/series/nope"),
        ("audnexus.book", "/audnexus/books/B0OZ100013?region=us"),
        ("audnexus.search", "/audnexus/books/search?q=the+oz+books+book+4"),
        ("audnexus.chapters", "/audnexus/books/B0OZ000003/chapters?region=us"),
        ("audnexus.author", "/audnexus/authors/B000OZBAUM?region=us"),
        ("audnexus.authors", "/audnexus/authors?name=L.+Frank+Baum"),
        ("audnexus.error-region", "/audnexus/books/B0OZ100003?region=uk"),
        ("audnexus.error-validation", "/audnexus/books/NOTANASIN"),
        ("open-library.redirect", "/openlibrary/works/OL900018W.json"),
        ("librivox.ok", "/librivox/api/feed/audiobooks?title=%5EOzma+of+Oz&format=json&extended=1"),
        ("librivox.error-404", "/librivox/api/feed/audiobooks?title=%5Ezzzz&format=json"),
    ],
)
async def test_it_answers_in_the_shape_that_was_recorded(http: httpx.AsyncClient, name: str, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == recorded(name)["status"]
    assert shape(answer.json()) == shape(recorded(name)["body"])


@pytest.mark.parametrize(
    ("name", "path", "untold"),
    [
        ("audible.author-page0", f"{PRODUCTS}?author=L.+Frank+Baum&num_results=50&response_groups={FEWER}", set()),
        ("audible.series-no-relationships", f"{PRODUCTS}/B0OZSERIES?response_groups=product_attrs", set()),
        ("audible.title-search-series", f"{PRODUCTS}?title=Oz&response_groups=relationships,product_attrs", set()),
        ("audible.sims-same-series", f"{PRODUCTS}/B0OZ000001/sims?response_groups={FEWER}", set()),
        ("audnexus.book-no-series", "/audnexus/books/B0OZ000801?region=us", {".subtitle str"}),
        ("open-library.search", "/openlibrary/search.json?q=author_key:OL161167A", set()),
        (
            "open-library.search-authors",
            "/openlibrary/search/authors.json?q=arthur+conan+doyle",
            {".docs[].birth_date str"},
        ),
        (
            "open-library.author",
            "/openlibrary/authors/OL161167A.json",
            {".remote_ids.goodreads str", ".remote_ids.viaf str"},
        ),
        (
            "open-library.author-works",
            "/openlibrary/authors/OL18319A/works.json?limit=4",
            {
                ".entries[].authors[].author str",
                ".entries[].description str",
                ".entries[].location str",
                ".entries[].series[] str",
            },
        ),
    ],
)
async def test_it_says_whatever_was_recorded_in_part(
    http: httpx.AsyncClient, name: str, path: str, untold: set[str]
) -> None:
    answer = await http.get(path)

    assert answer.status_code == recorded(name)["status"]
    assert shape(recorded(name)["body"]) - shape(answer.json()) == untold


# Audible


async def test_pages_count_from_nought_and_end_with_an_empty_one(http: httpx.AsyncClient) -> None:
    async def titles(page: str) -> list[str]:
        query = f"author=L.+Frank+Baum&num_results=20&products_sort_by=-ReleaseDate&response_groups=product_attrs{page}"
        return [product["asin"] for product in (await http.get(f"{PRODUCTS}?{query}")).json()["products"]]

    assert await titles("") == await titles("&page=0") != await titles("&page=1")
    assert await titles("&page=5") == []


async def test_beyond_five_hundred_results_the_last_page_comes_back_for_ever(
    app: Catalogues, http: httpx.AsyncClient
) -> None:
    app.world = many(620)
    query = f"{PRODUCTS}?author=Prolific+Writer&num_results=50&products_sort_by="

    last, beyond, far = [(await http.get(f"{query}-ReleaseDate&page={page}")).json() for page in (9, 10, 40)]
    oldest = (await http.get(f"{query}ReleaseDate&page=0")).json()

    assert last == beyond == far
    assert last["total_results"] == 620
    newest = [
        product["asin"]
        for page in range(10)
        for product in (await http.get(f"{query}-ReleaseDate&page={page}")).json()["products"]
    ]
    assert len(set(newest)) == 500
    assert not {product["asin"] for product in oldest["products"]} & set(newest)


def many(count: int) -> CatalogueWorld:
    books = tuple(
        Book(
            key=f"book-{number}",
            title=f"Volume {number}",
            authors=("prolific-writer",),
            recordings=(Recording(asins={"us": f"B1{number:08d}"}, released=date.fromordinal(730_000 + number)),),
        )
        for number in range(count)
    )
    return CatalogueWorld(books=books, people=(Person(key="prolific-writer", name="Prolific Writer"),))


async def test_a_batch_of_more_than_fifty_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get(PRODUCTS, params={"asins": ",".join(f"B0OZ{number:06d}" for number in range(51))})

    assert answer.status_code == 400


async def test_a_region_sells_under_its_own_ids_and_does_not_know_the_others(http: httpx.AsyncClient) -> None:
    group = "response_groups=product_attrs"
    there = (await http.get(f"/audible/uk/1.0/catalog/products/B0OZU00001?{group}")).json()["product"]
    here = (await http.get(f"{PRODUCTS}/B0OZ000001?{group}")).json()["product"]

    assert there["sku"] != here["sku"]
    assert there["sku_lite"] == here["sku_lite"]
    assert (await http.get(f"{PRODUCTS}/B0OZU00001?{group}")).json()["product"] == {"asin": "B0OZU00001"}


async def test_what_went_off_sale_answers_only_to_its_id(app: Catalogues, http: httpx.AsyncClient) -> None:
    gone = Recording(asins={"us": "B000000001"}, off_sale=True)
    people = (Person(key="somebody", name="Some Body"),)
    app.world = CatalogueWorld(
        books=(Book(key="gone", title="Gone", authors=("somebody",), recordings=(gone,)),), people=people
    )

    assert (await http.get(f"{PRODUCTS}?title=Gone")).json()["products"] == []
    by_id = (await http.get(f"{PRODUCTS}/B000000001?response_groups=product_attrs")).json()["product"]
    assert by_id["title"] == "Gone"
    assert (await http.get("/audnexus/books/B000000001")).json()["error"]["code"] == "PRODUCT_DELISTED"


# The others


async def test_audnexus_refuses_above_its_limit_until_a_minute_has_passed() -> None:
    now = [0.0]
    app = Catalogues(oz(), audnexus_per_min=100, clock=lambda: now[0])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:

        async def ask() -> httpx.Response:
            return await http.get("/audnexus/books/B0OZ000003")

        assert {(await ask()).status_code for _ in range(100)} == {200}
        refused = await ask()
        now[0] = 60.0
        assert (await ask()).status_code == 200

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "17"
    assert shape(refused.json()) == shape(recorded("audnexus.error-429")["body"])


async def test_open_library_wants_a_contact_and_the_ending(http: httpx.AsyncClient) -> None:
    nameless = await http.get("/openlibrary/search.json?q=oz", headers={"user-agent": "curl/8"})
    old = await http.get("/openlibrary/search?q=oz")

    assert nameless.status_code == 403
    assert (old.status_code, old.headers["content-type"]) == (500, "text/html; charset=utf-8")


async def test_an_apostrophe_parts_words_for_audiosilo(app: Catalogues, http: httpx.AsyncClient) -> None:
    app.world = CatalogueWorld(
        books=(Book(key="queen-zixi", title="The Magic Cloak of Zixi's Court", authors=("baum",)),),
        people=(Person(key="baum", name="L. Frank Baum"),),
    )

    async def hits(words: str) -> int:
        return len((await http.get("/audiosilo/api/v1/works/search", params={"q": words})).json()["results"])

    assert (await hits("zixis court"), await hits("zixi's court"), await hits("magic clo")) == (0, 1, 1)


async def test_hardcover_answers_in_the_recorded_shapes(http: httpx.AsyncClient) -> None:
    async def ask(query: str, **variables: Any) -> Any:
        answer = await http.post(
            "/hardcover/v1/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {TOKEN}"},
        )
        return answer.json()

    found = await ask('query F($q: String!) { search(query: $q, query_type: "Series") { ids results } }', q="Barsoom")
    [id] = found["data"]["search"]["ids"]
    series = await ask("query S($id: Int!) { series_by_pk(id: $id) { id name } }", id=id)
    book_ids = [row["book_id"] for row in series["data"]["series_by_pk"]["book_series"]]
    editions = await ask("query E($ids: [Int!]!) { editions(where: {}) { id } }", ids=book_ids)

    assert shape(found) == shape(recorded("hardcover.search")["body"])
    unsaid = ".data.series_by_pk.book_series[].book"
    missing = shape(recorded("hardcover.series")["body"]) - shape(series)
    assert {path for path in missing if not path.startswith(unsaid)} == set()
    assert len(editions["data"]["editions"]) == len(book_ids)
    assert (await http.post("/hardcover/v1/graphql", json={"query": "{ me { id } }"})).status_code == 401


# Troubles and manners


async def test_what_has_not_changed_is_not_sent_again(app: Catalogues, http: httpx.AsyncClient) -> None:
    path = "/audiosilo/api/v1/series/oz"
    tag = (await http.get(path)).headers["etag"]

    same = await http.get(path, headers={"if-none-match": tag})
    app.world = app.world.without("glinda-of-oz")
    changed = await http.get(path, headers={"if-none-match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert app.requests["audiosilo", "/api/v1/series/oz"] == 3
    assert app.asked("audible") == 0


@pytest.mark.parametrize("trouble", ["down", "html", "half", "lost", "busy", "moved"])
async def test_an_ailing_source_tells_the_adapters_nothing(
    app: Catalogues, audible: Audible, audiosilo: Audiosilo, open_library: OpenLibrary, trouble: Trouble
) -> None:
    ozma = Search(title="Ozma of Oz", author="L. Frank Baum")

    for adapter in (audible, audiosilo, open_library):
        app.ail(adapter.name, trouble)
        with pytest.raises(Transient):
            await adapter.ask(ozma)

    app.heal()
    assert [(await adapter.ask(ozma)).found for adapter in (audible, audiosilo, open_library)] == [True] * 3


async def test_a_trouble_passes_after_so_many_requests(app: Catalogues, http: httpx.AsyncClient) -> None:
    app.ail("librivox", "down", times=2)
    path = "/librivox/api/feed/audiobooks?title=%5EOzma&format=json"

    assert [(await http.get(path)).status_code for _ in range(3)] == [503, 503, 200]


async def test_a_slow_source_outlasts_an_impatient_client(app: Catalogues, http: httpx.AsyncClient) -> None:
    app.ail("audiosilo", "slow", seconds=0.5)

    with pytest.raises(httpx.ReadTimeout):
        await http.get("/audiosilo/api/v1/series/oz", timeout=0.05)


async def test_a_shortened_list_is_half_as_long_and_calls_itself_whole(app: Catalogues, audiosilo: Audiosilo) -> None:
    whole = await audiosilo.ask(ListMembers(series="audiosilo:oz"))
    app.ail("audiosilo", "shortened")
    half = await audiosilo.ask(ListMembers(series="audiosilo:oz"))
    app.ail("audiosilo", "empty")
    none = await audiosilo.ask(ListMembers(series="audiosilo:oz"))

    counts = [len(found.series[0].members or ()) for found in (whole, half, none)]
    assert counts[0] == 23
    assert abs(counts[1] - 12) <= 2
    assert counts[2] == 0
    assert half.complete
    assert half.series[0].complete


# The real adapters


def by_number(answer: Answer, series: str) -> dict[str, set[str]]:
    """Number -> titles, of one series."""
    books: dict[str, BookClaim] = {book.id: book for book in answer.books}
    [claim] = [one for one in answer.series if one.id == series]
    found: dict[str, set[str]] = {}
    for member in claim.members or ():
        title = member.title or (books[member.id].title if member.id in books else None)
        found.setdefault(member.position or "", set()).add(title or "")
    return found


async def test_audible_finds_the_series_and_its_fourteen_books(audible: Audible) -> None:
    found = await audible.ask(FindSeries(name="Oz", author="L. Frank Baum"))
    assert {"audible:B0OZSERIES", "audible:B0OZSERIEU"} <= {series.id for series in found.series}

    listed = await audible.ask(ListMembers(series="audible:B0OZSERIES"))

    numbered = by_number(listed, "audible:B0OZSERIES")
    assert all(volume.title in numbered[str(volume.position)] for volume in VOLUMES)
    assert numbered["1-5"] == {"The Oz Collection, Books 1-5"}
    assert numbered["23"] == {"Untitled Oz Novel"}
    runtimes = {
        book.title: {recording.runtime_min for recording in book.recordings or ()}
        for book in listed.books
        if book.ids[0].startswith("asin:B0OZ0000")
    }
    assert all(runtimes[volume.title] == {MINUTES[volume.position]} for volume in VOLUMES)


async def test_audible_lists_what_baum_wrote_and_what_a_namesake_did(audible: Audible) -> None:
    listed = await audible.ask(ListBooks(name="L. Frank Baum"))

    titles = {book.id: book.title for book in listed.books}
    wrote = {person.id: {titles[id] for id in person.books or ()} for person in listed.people}
    assert listed.complete
    assert wrote["audible:B000OZBAUM"] >= BAUMS
    assert wrote["audible:B000OTHERB"] == {"The Accountant's Handbook"}


async def test_audiosilo_finds_the_series_and_its_fourteen_books(audiosilo: Audiosilo) -> None:
    found = await audiosilo.ask(FindSeries(name="Oz", author="L. Frank Baum"))
    assert "audiosilo:oz" in {series.id for series in found.series}

    listed = await audiosilo.ask(ListMembers(series="audiosilo:oz"))

    numbered = by_number(listed, "audiosilo:oz")
    assert {title for position in range(1, 15) for title in numbered[str(position)]} == BAUMS
    assert "16" not in numbered
    assert "20" not in numbered


async def test_audnexus_knows_each_of_the_fourteen_by_its_id(web: Plain, url: str) -> None:
    audnexus = Audnexus(web, base_url=f"{url}/audnexus")

    found = await audnexus.ask(LookUp(ids=tuple(f"asin:B0OZ0000{number:02d}" for number in range(1, 15))))

    assert {book.title for book in found.books} == BAUMS


async def test_open_library_lists_the_fourteen_among_guides_and_translations(open_library: OpenLibrary) -> None:
    listed = await open_library.ask(ListBooks(name="L. Frank Baum", id="openlibrary:OL18319A"))

    titles = {book.title for book in listed.books}
    assert titles >= BAUMS | {"Der Zauberer von Oz", "The Wonderful Wizard of Oz (Fixture Literature Guide)"}
    assert "__None__" not in titles


async def test_librivox_has_a_free_reading_of_each_of_the_fourteen(web: Plain, url: str) -> None:
    librivox = LibriVox(web, base_url=f"{url}/librivox/api/feed")

    listed = await librivox.ask(ListBooks(name="L. Frank Baum"))

    assert {book.title for book in listed.books} == BAUMS


async def test_hardcover_numbers_the_fourteen(web: Plain, url: str) -> None:
    hardcover = Hardcover(web, token=TOKEN, base_url=f"{url}/hardcover/v1/graphql")
    found = await hardcover.ask(FindSeries(name="Oz", author="L. Frank Baum"))
    [id] = [series.id for series in found.series if series.name == "Oz"]

    numbered = by_number(await hardcover.ask(ListMembers(series=id)), id)
    looked_up = await hardcover.ask(LookUp(ids=("asin:B0OZ000003",)))

    assert all(volume.title in numbered[str(volume.position)] for volume in VOLUMES)
    assert [(book.title, book.places[0].position) for book in looked_up.books] == [("Ozma of Oz", "3")]


async def test_no_reading_of_the_demos_books_states_a_runtime(app: Catalogues, audible: Audible) -> None:
    app.world = oz()

    listed = await audible.ask(ListMembers(series="audible:B0OZSERIES"))

    plain = [book for book in listed.books if book.title in BAUMS]
    stated = {recording.runtime_min for book in plain for recording in book.recordings or () if not recording.abridged}
    assert stated == {None}
