"""Audible's public catalogue: every recording it sells, and which products belong to a series (contracts: metadata,
section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.catalogues.addresses import below
from adapters.catalogues.parts import credits, joined, names, position, rows
from adapters.catalogues.replies import (
    DAY_S,
    DETAILS_S,
    LIST_S,
    SEARCH_S,
    Reply,
    Web,
    asin,
    day,
    decoded,
    entries,
    isbn,
    minutes,
    number,
    prose,
    sound,
    text,
)
from domain.catalogue.claims import (
    Answer,
    BookClaim,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Recording,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Failure, Transient
from domain.languages import read_language
from domain.names import Likeness, person_key, same_person, same_series
from domain.titles import says_dramatized

SOURCE = "audible"
HOSTS: dict[str, str] = {
    region: f"https://api.audible.{end}"
    for region, end in {
        "us": "com",
        "uk": "co.uk",
        "ca": "ca",
        "au": "com.au",
        "fr": "fr",
        "de": "de",
        "jp": "co.jp",
        "it": "it",
        "in": "in",
        "es": "es",
        "br": "com.br",
    }.items()
}
USUAL_REGIONS = ("us", "uk")

PER_CALL = 50
"""Products of one page or one batch; a larger number is refused."""
MOST_PAGES = 11
"""Pages per sort: a window ends after about 500 products, and the page after it shows that."""
MOST_BATCHES = 20
"""Batches of details per question and region, 1,000 products: no series and no list of owned books is longer."""
NEWEST, OLDEST = "-ReleaseDate", "ReleaseDate"

_GROUPS = (
    "contributors,media,product_attrs,product_desc,product_details,product_extended_attrs,series,category_ladders,"
    "relationships,customer_rights"
)


class Audible:
    """Asks the shops of some regions. The only module that knows Audible's JSON.

    Nobody promises this interface; a 404 or a 400 therefore means that it changed, and is `Permanent`. Only ids that
    the caller took from an Audible-like source may be looked up: print and Kindle ASINs name other things.
    """

    name = SOURCE
    answers: frozenset[type] = frozenset({FindSeries, ListMembers, FindAuthor, ListBooks, LookUp, Search})

    def __init__(self, web: Web, *, base_urls: Mapping[str, str] = HOSTS, regions: Sequence[str] | None = None) -> None:
        """`regions` are asked in this order, by default the American and the British shop of `base_urls`."""
        asked = regions or [region for region in USUAL_REGIONS if region in base_urls] or list(base_urls)
        if unknown := [region for region in asked if region not in base_urls]:
            raise ValueError(f"audible has no address for the region {unknown[0]!r}")
        self._web = web
        self._shops = {region: base_urls[region].rstrip("/") for region in asked}
        self._bases = {*HOSTS.values(), *base_urls.values()}

    def knows(self, url: str) -> bool:
        return any(below(base, url) for base in self._bases)

    def read(self, reply: Reply) -> Answer:
        """The claims of a page, a batch, a product or a series. Raises `Transient` and `Permanent`."""
        sound(SOURCE, reply, missing=())
        body: dict[str, Any] = decoded(SOURCE, reply, dict)
        if "products" in body:
            return _page(body, dict(parse_qsl(urlsplit(reply.url).query)))
        if "similar_products" in body:
            similar = entries(SOURCE, body["similar_products"], what="similar products")
            return joined(SOURCE, map(_product, similar), complete=False)
        if not isinstance(body.get("product"), dict):
            raise Transient("audible sent neither a product nor a list of products", code="HalfAnswer")
        found = _product(body["product"])
        if any(series.members is None for series in found.series) and not found.books:
            raise Transient("audible sent a series without its list of books", code="HalfAnswer")
        return found

    async def ask(self, question: Question) -> Answer:
        match question:
            case FindSeries():
                return await self._find_series(question)
            case ListMembers():
                return await self._list_members(question.series)
            case FindAuthor():
                found = await self._search({"author": question.name})
                return _by(found, question.name, None, complete=False)
            case ListBooks():
                found = await self._in_every_shop(lambda shop: self._list_author(shop, question.name))
                return _by(found, question.name, question.id, complete=found.complete)
            case LookUp():
                return await self._look_up(question.ids)
            case Search():
                return await self._search(_asked_for(question.title, question.author))

    async def _find_series(self, question: FindSeries) -> Answer:
        """Books with such a title name their series; where none does, the name may stand anywhere on the record."""
        found = await self._search(_asked_for(question.name, question.author))
        if any(same_series(one.name, question.name) is not Likeness.DIFFERENT for one in found.series):
            return found
        try:
            return joined(SOURCE, [found, await self._search({"keywords": question.name})])
        except Failure as failure:
            return joined(SOURCE, [found], notes=[f"by keywords: {failure.message}"], complete=False)

    async def _search(self, terms: Mapping[str, str]) -> Answer:
        async def in_one(shop: str) -> Answer:
            return self.read(await self._get(shop, "", {**terms, "num_results": PER_CALL, "page": 0}))

        return await self._in_every_shop(in_one)

    async def _in_every_shop(self, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        """What all shops say. When the first cannot answer, its error is raised; another one's becomes a note."""
        answers: list[Answer] = []
        notes: list[str] = []
        for shop in self._shops:
            try:
                answers.append(await ask(shop))
            except Failure as failure:
                if not answers:
                    raise
                notes.append(f"region {shop}: {failure.message}")
        found = joined(SOURCE, answers, notes=notes)
        return msgspec.structs.replace(found, complete=found.complete and not notes)

    async def _list_members(self, series: str) -> Answer:
        """A series belongs to one shop, others answer with a stub or an empty list: the first with books counts."""
        id = _own(series.removeprefix("audible:"))
        empty: Answer | None = None
        for shop in self._shops if id else ():
            found = await self._record_of_series(shop, series)
            claim = next((one for one in found.series if one.id == id and one.members is not None), None)
            if claim is not None and claim.members:
                return await self._with_details(found, claim.members, shop)
            if claim is None and not found.complete:
                raise Transient(f"audible's record of the series {series} could not be read", code="HalfAnswer")
            empty = empty or (found if claim is not None else None)
        return empty or Answer(source=SOURCE)

    async def _record_of_series(self, shop: str, series: str) -> Answer:
        groups = {"response_groups": "relationships,product_attrs"}
        return self.read(await self._get(shop, f"/{series.removeprefix('audible:')}", groups, timeout_s=LIST_S))

    async def _with_details(self, found: Answer, members: Iterable[SeriesMember], shop: str) -> Answer:
        """The list of a series with the details of its books. A book that no shop answered for stays a row of the
        list alone: a claim with nothing but its title would replace one with details that is already known."""
        shops = dict.fromkeys((shop, *self._shops))
        try:
            details = await self._details([member.id for member in members], shops)
        except Failure as failure:
            note = f"no details: {failure.message}"
            return msgspec.structs.replace(found, books=(), complete=False, notes=(*found.notes, note))
        answered = {book.id for book in details.books}
        told = tuple(book for book in found.books if book.id in answered)
        return joined(SOURCE, [msgspec.structs.replace(found, books=told), details])

    async def _look_up(self, ids: Iterable[str]) -> Answer:
        asins = [known for id in ids if id.startswith("asin:") and (known := asin(id.removeprefix("asin:")))]
        return await self._details(asins, self._shops) if asins else Answer(source=SOURCE)

    async def _details(self, ids: Sequence[str], shops: Iterable[str]) -> Answer:
        """Details in batches; what one shop does not sell is asked of the next. The first failure of all is raised."""
        left = list(dict.fromkeys(ids))
        notes = [f"{len(left) - most} ids too many" for most in [PER_CALL * MOST_BATCHES] if len(left) > most]
        left = left[: PER_CALL * MOST_BATCHES]
        answers: list[Answer] = []
        for shop in shops:
            for batch in [left[start : start + PER_CALL] for start in range(0, len(left), PER_CALL)]:
                try:
                    answers.append(self.read(await self._batch(shop, batch)))
                except Failure as failure:
                    if not answers:
                        raise
                    notes.append(f"{len(batch)} products of region {shop}: {failure.message}")
            left = _without_details(left, answers)
        answered = {book.id for answer in answers for book in answer.books}
        if silent := [id for id in left if id not in answered]:
            notes.append(f"no word about {', '.join(map(_bare, silent[:5]))}")
        found = joined(SOURCE, answers, notes=notes)
        return msgspec.structs.replace(found, complete=found.complete and not notes)

    async def _batch(self, shop: str, ids: Iterable[str]) -> Reply:
        params = {"asins": ",".join(map(_bare, ids))}
        return await self._get(shop, "", params, fresh_s=DETAILS_S, timeout_s=LIST_S)

    async def _list_author(self, shop: str, author: str) -> Answer:
        """Everything that is found under a name. Where the newest do not reach the end, the oldest are read as well."""
        newest = await self._walk(shop, author, NEWEST)
        if newest.complete:
            return newest
        try:
            oldest = await self._walk(shop, author, OLDEST)
        except Failure as failure:
            return joined(SOURCE, [newest], notes=[f"the oldest books: {failure.message}"])
        return joined(SOURCE, [newest, oldest], complete=oldest.complete)

    async def _walk(self, shop: str, author: str, sort: str) -> Answer:
        """Page after page until the natural end, a page without anything new (the shop repeats its last one for ever)
        or a failure. Only the first of these is complete."""
        pages: list[Answer] = []
        notes: list[str] = []
        seen: set[str] = set()
        ended = False
        while len(pages) < MOST_PAGES and not ended and not notes:
            terms: dict[str, str | int] = {
                "author": author,
                "num_results": PER_CALL,
                "products_sort_by": sort,
                "page": len(pages),
            }
            try:
                page = self.read(await self._get(shop, "", terms, timeout_s=LIST_S))
            except Failure as failure:
                if not pages:
                    raise
                notes.append(f"page {len(pages)}: {failure.message}")
                break
            ids = {book.id for book in page.books} | {series.id for series in page.series}
            if ids and ids <= seen:
                notes.append(f"{author}: page {len(pages)} repeats what came before")
            elif page.complete or not ids:
                ended = True
            seen |= ids
            pages.append(page)
        whole = ended and pages[-1].complete and not any(page.dropped or page.notes for page in pages)
        return joined(SOURCE, pages, notes=notes, complete=whole)

    async def _get(
        self,
        shop: str,
        path: str,
        params: Mapping[str, str | int],
        *,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        url = f"{self._shops[shop]}/1.0/catalog/products{path}"
        return await self._web.get(
            url, params={"response_groups": _GROUPS, **params}, fresh_s=fresh_s, timeout_s=timeout_s
        )


def _asked_for(title: str, author: str | None) -> dict[str, str]:
    return {"title": title} | ({"author": author} if author else {})


def _bare(id: str) -> str:
    return id.removeprefix("asin:")


def _own(value: object) -> str | None:
    """The id of a series or a person."""
    known = asin(value)
    return f"audible:{_bare(known)}" if known else None


def _without_details(ids: Iterable[str], answers: Iterable[Answer]) -> list[str]:
    known = {book.id for answer in answers for book in answer.books if not book.stub}
    known |= {f"asin:{series.id.removeprefix('audible:')}" for answer in answers for series in answer.series}
    return [id for id in ids if id not in known]


# --- pages -----------------------------------------------------------------------------------------------------------


def _page(body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    listed = entries(SOURCE, body["products"], what="products")
    found = joined(SOURCE, map(_product, listed))
    total = number(body.get("total_results"))
    ended = "asins" in query or _ended(query, len(listed), total)
    misfit = "asins" not in query and (total is None or len(listed) > total)
    notes = (f"{len(listed)} results on a page, and a total that does not fit",) if misfit else ()
    found = msgspec.structs.replace(found, complete=ended and not misfit and not found.dropped, notes=notes)
    if author := query.get("author"):
        people = _people(found.books, author, None, complete=False)
        found = msgspec.structs.replace(found, people=people)
    return found


def _ended(query: Mapping[str, str], count: int, total: float | None) -> bool:
    """Whether this page is the last, by the number of results that the shop promised. `page` counts from 0."""
    page, size = (int(query[key]) if query.get(key, "").isdecimal() else 0 for key in ("page", "num_results"))
    reached = page * size + count
    return total is not None and (reached == total or (count < size and reached >= total))


def _product(row: object) -> Answer:
    """One product: a book, a series, or a stub when nothing but its ASIN is known in this region."""
    if not isinstance(row, dict):
        return _dropped("a product that is no record")
    id, title = asin(row.get("asin")), row.get("title")
    if id is None:
        return _dropped(f"a product without an ASIN ({text(title, longest=80)})")
    if _is_series(row):
        return _series(row, id)
    if title is None:
        return Answer(source=SOURCE, books=(BookClaim(source=SOURCE, id=id, ids=(id,), stub=True),))
    if not isinstance(title, str) or not text(title):
        return _dropped(f"{_bare(id)}: its title is no text")
    book = _book(row, id)
    named = tuple(SeriesClaim(source=SOURCE, id=place.series, name=place.name) for place in book.places if place.series)
    return Answer(source=SOURCE, books=(book,), series=named)


def _dropped(reason: str) -> Answer:
    return Answer(source=SOURCE, dropped=(reason,), complete=False)


# --- series ----------------------------------------------------------------------------------------------------------


def _related(row: Mapping[str, Any], side: str) -> list[dict[str, Any]]:
    """The `child` or `parent` relations of a series; those of parts, episodes and seasons are something else."""
    wanted = (side, "series")
    relations = rows(row.get("relationships"))
    return [one for one in relations if (one.get("relationship_to_product"), one.get("relationship_type")) == wanted]


def _is_series(row: Mapping[str, Any]) -> bool:
    return row.get("content_delivery_type") == "BookSeries" or bool(_related(row, "child"))


def _series(row: Mapping[str, Any], id: str) -> Answer:
    """A series with its rows. `sequence` is the volume; `sort` is only the order of display and is not read."""
    own, name = _own(_bare(id)) or id, text(row.get("title")) or ""
    if not isinstance(row.get("relationships"), list):
        return Answer(source=SOURCE, series=(SeriesClaim(source=SOURCE, id=own, name=name),))
    relations = entries(SOURCE, row["relationships"], what="books in a series")
    children = _related(row, "child")
    lost = [f"{name}: a book without an ASIN" for child in children if asin(child.get("asin")) is None]
    lost += [f"{name}: a row that is no record" for one in relations if not isinstance(one, dict)]
    members = tuple(dict.fromkeys(_member(child) for child in children if asin(child.get("asin"))))
    claim = SeriesClaim(
        source=SOURCE,
        id=own,
        name=name,
        authors=credits(row.get("authors"), lambda one: _own(one.get("asin"))),
        members=members,
        complete=not lost,
    )
    books = [_listed(member, Place(series=own, name=name, position=member.position)) for member in members]
    whole = joined(SOURCE, [Answer(source=SOURCE, books=(book,)) for book in books])
    return Answer(source=SOURCE, books=whole.books, series=(claim,), dropped=tuple(lost), complete=not lost)


def _member(child: Mapping[str, Any]) -> SeriesMember:
    id = asin(child.get("asin")) or ""
    return SeriesMember(id=id, position=position(child.get("sequence")), title=text(child.get("title")))


def _listed(member: SeriesMember, place: Place) -> BookClaim:
    """What a row of a series says of a book: that the shop has, or had, a recording of this title."""
    return BookClaim(source=SOURCE, id=member.id, ids=(member.id,), title=member.title, places=(place,), recorded=True)


# --- books -----------------------------------------------------------------------------------------------------------


def _book(row: Mapping[str, Any], id: str) -> BookClaim:
    sku = _sku(row.get("sku_lite"))
    known = (id, sku, isbn(row.get("isbn")), isbn(_bare(id)))
    return BookClaim(
        source=SOURCE,
        id=id,
        ids=tuple(dict.fromkeys(one for one in known if one)),
        title=text(row.get("title")),
        subtitle=text(row.get("subtitle")),
        authors=credits(row.get("authors"), lambda one: _own(one.get("asin"))),
        places=_places(row),
        language=read_language(text(row.get("language"))),
        recordings=_recordings(row, (id, sku) if sku else (id,)),
        category=_category(row),
        publisher=text(row.get("publisher_name")),
        description=prose(row.get("publisher_summary")),
        cover=_cover(row.get("product_images")),
        genres=_genres(row),
        recorded=True,
    )


def _sku(value: object) -> str | None:
    """Joins the regional variants of one production."""
    written = text(value)
    return f"sku:{written}" if written and re.fullmatch(r"\w{4,40}", written, re.ASCII) else None


def _places(row: Mapping[str, Any]) -> tuple[Place, ...]:
    places: dict[str, Place] = {}
    for one in (*rows(row.get("series")), *_related(row, "parent")):
        place = Place(
            series=_own(one.get("asin")) or "",
            name=text(one.get("title")) or "",
            position=position(one.get("sequence")),
        )
        if place.series or place.name:
            places.setdefault(place.series or place.name, place)
    return tuple(places.values())


def _recordings(row: Mapping[str, Any], ids: tuple[str, ...]) -> tuple[Recording, ...] | None:
    """The product as a recording; None for a bare mention, which came without any of a recording's details."""
    format_type = text(row.get("format_type"))
    recording = Recording(
        ids=ids,
        narrators=names(row.get("narrators")),
        runtime_min=minutes(row.get("runtime_length_min")),
        abridged={"abridged": True, "unabridged": False}.get((format_type or "").casefold()),
        dramatized=True if _dramatized(row) else None,
        machine_voice=_flag(row.get("is_vvab")),
        language=read_language(text(row.get("language"))),
        released=day(row.get("release_date")),
        publisher=text(row.get("publisher_name")),
        delivery=text(row.get("content_delivery_type")),
        for_sale=_for_sale(row),
    )
    known = (format_type, recording.narrators, recording.runtime_min, recording.released, recording.language)
    return (recording,) if any(known) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _for_sale(row: Mapping[str, Any]) -> bool | None:
    return False if row.get("is_purchasability_suppressed") is True else _flag(row.get("is_buyable"))


def _dramatized(row: Mapping[str, Any]) -> bool:
    """Whether the record says so itself, be it in the place in a series: `1, Dramatized Adaptation`."""
    remarks = [text(row.get(key)) for key in ("title", "subtitle", "format_type")]
    remarks += [place.position for place in _places(row)]
    return any(says_dramatized(remark) for remark in remarks if remark)


def _category(row: Mapping[str, Any]) -> str | None:
    said = f"{text(row.get('content_delivery_type')) or ''} {text(row.get('content_type')) or ''}"
    return "periodical" if "Periodical" in said else "podcast" if "Podcast" in said else None


def _cover(value: object) -> str | None:
    """The address of the picture with 500 pixels, or of another size when there is none."""
    if not isinstance(value, dict):
        return None
    sizes = sorted(value.items(), key=lambda item: item[0] != "500")
    found = (text(address) for _, address in sizes)
    return next((address for address in found if address and address.startswith("https://")), None)


def _genres(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The first step of each ladder of genres; the finer steps are tags."""
    ladders = [rows(one.get("ladder")) for one in rows(row.get("category_ladders")) if one.get("root") == "Genres"]
    found = (text(ladder[0].get("name")) for ladder in ladders if ladder)
    return tuple(dict.fromkeys(name for name in found if name))


# --- people ----------------------------------------------------------------------------------------------------------


def _by(found: Answer, name: str, id: str | None, *, complete: bool) -> Answer:
    """The books of the people so called; what else the search brought is left out."""
    people = _people(found.books, name, id, complete=complete)
    theirs = {book for person in people for book in person.books or ()}
    books = tuple(book for book in found.books if book.id in theirs)
    named = {place.series for book in books for place in book.places}
    series = tuple(one for one in found.series if one.id in named)
    return msgspec.structs.replace(found, books=books, series=series, people=people)


def _people(books: Iterable[BookClaim], name: str, id: str | None, *, complete: bool) -> tuple[PersonClaim, ...]:
    """Everybody so called, each id its own person. Credits with a role do not count.

    A book that gives no ASIN for anyone so called goes by the name alone: to the person who was asked for, to the
    only one of that name, or else to a person known by name.
    """
    found: dict[str, list[str]] = {}
    spelt: dict[str, str] = {}
    unnumbered: list[str] = []
    for book in books:
        called = [one for one in book.authors if one.role is None and _so_called(one.name, name, one.id, id)]
        for one in called:
            if one.id:
                found.setdefault(one.id, []).append(book.id)
                spelt.setdefault(one.id, one.name)
        if any(same_person(one.name, name) is Likeness.SAME for one in called) and not any(one.id for one in called):
            unnumbered.append(book.id)
    if unnumbered:
        only = next(iter(found)) if len(found) == 1 else f"audible:name:{person_key(name)}"
        found.setdefault(id or only, []).extend(unnumbered)
    return tuple(
        PersonClaim(
            source=SOURCE,
            id=one,
            name=spelt.get(one, name),
            books=tuple(dict.fromkeys(theirs)),
            complete=complete and id in (None, one),
        )
        for one, theirs in found.items()
    )


def _so_called(credited: str, name: str, credited_id: str | None, id: str | None) -> bool:
    return (credited_id is not None and credited_id == id) or same_person(credited, name) is not Likeness.DIFFERENT
