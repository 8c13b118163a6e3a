"""A stand-in for Audible's catalogue (contracts: metadata, section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import ceil
from typing import Any

from adapters.sandbox.catalogue_books import Series, isbn_of, number_of
from adapters.sandbox.catalogue_index import Answered, Asked, Index, Product, words

Json = dict[str, Any]

REGIONS = ("us", "ca", "uk", "au", "fr", "de", "jp", "it", "in", "es", "br")
WINDOW = 500
"""How many results of one search can ever be paged to."""
MOST_RESULTS = 50
ENGLISH_NAMES = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
IMAGES = "https://images.example.invalid"
CACHED = {"cache-control": "max-age=1800"}


def audible(index: Index, asked: Asked) -> Answered:
    """`/{region}/1.0/catalog/products…`"""
    route = re.fullmatch(r"/([a-z]{2})/1\.0/catalog/products(?:/([^/]+)(/sims)?)?", asked.path)
    if not route or route[1] not in REGIONS:
        return Answered(body={"message": "Not Found"}, status=404)
    region, asin, similar = route.groups()
    groups = _groups(asked)
    if similar:
        products = _similar(index, region, asin, asked)
        return _said({"similar_products": [_product(index, one, groups) for one in products]}, groups)
    if asin:
        return _said({"product": _by_asin(index, region, asin, groups)}, groups)
    if "asins" in asked.params:
        return _batch(index, region, asked.params["asins"].split(","), groups)
    return _search(index, region, asked, groups)


def _groups(asked: Asked) -> list[str]:
    stated = [group.strip() for group in asked.params.get("response_groups", "").split(",")]
    return ["always-returned", *(group for group in dict.fromkeys(stated) if group and group != "always-returned")]


def _said(body: Json, groups: list[str]) -> Answered:
    return Answered(body={**body, "response_groups": groups}, headers=CACHED)


def _refused(value: object, name: str, bound: str) -> Answered:
    told = f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have"
    return Answered(body={"message": f"{told} {bound}"}, status=400)


def _by_asin(index: Index, region: str, asin: str, groups: list[str]) -> Json:
    """The details of a product or of a series; a stub for whatever this region does not have."""
    series = index.series_by_asin.get((region, asin))
    if series:
        return _series(index, series, region, groups)
    product = index.by_asin.get((region, asin))
    return {"asin": asin} if product is None else _product(index, product, groups)


def _batch(index: Index, region: str, asins: list[str], groups: list[str]) -> Answered:
    if len(asins) > MOST_RESULTS:
        return _refused(asins, "asins", f"length less than or equal to {MOST_RESULTS}")
    return _said({"products": [_by_asin(index, region, asin, groups) for asin in asins]}, groups)


# Searching


def _search(index: Index, region: str, asked: Asked, groups: list[str]) -> Answered:
    count = asked.number("num_results", 10)
    if not 1 <= count <= MOST_RESULTS:
        bound = f"less than or equal to {MOST_RESULTS}" if count > 0 else "greater than or equal to 1"
        return _refused(count, "numResults", f"value {bound}")
    hits = _sorted(found(index, region, asked), asked.params.get("products_sort_by", "Relevance"))
    page = max(0, asked.number("page", 0))
    if len(hits) > WINDOW:
        # The window ends; whoever asks for more gets the last page again, for ever.
        page = min(page, ceil(WINDOW / count) - 1)
    shown = hits[:WINDOW][page * count : (page + 1) * count]
    products = [_product(index, product, groups) for product in shown]
    return _said({"products": products, "total_results": len(hits)}, groups)


def found(index: Index, region: str, asked: Asked) -> list[Product]:
    """What holds every telling word that was asked for, the titles with the fewest other words first."""
    title, author, narrator, any_word = (
        words(asked.params.get(name, "")) for name in ("title", "author", "narrator", "keywords")
    )
    hits = []
    for product, named, authors in index.searchable.get(region, ()):
        everything = named.union(*authors)
        by = not author or any(author <= name for name in authors)
        read = not narrator or any(narrator <= words(name) for name in product.recording.narrators)
        if title <= named and by and read and any_word <= everything:
            hits.append((len(words(product.title) - title - any_word), product))
    return [product for _, product in sorted(hits, key=lambda hit: hit[0])]


def _sorted(found: list[Product], how: str) -> list[Product]:
    match how:
        case "ReleaseDate" | "-ReleaseDate":
            return sorted(found, key=lambda one: (one.recording.released, one.asin), reverse=how.startswith("-"))
        case "Title" | "-Title":
            return sorted(found, key=lambda one: (one.title, one.asin), reverse=how.startswith("-"))
    return found


def _similar(index: Index, region: str, asin: str, asked: Asked) -> list[Product]:
    """A hint, never a list: what shares the first series, or the first author, of this product."""
    own = index.by_asin.get((region, asin))
    count = min(asked.number("num_results", 10), MOST_RESULTS)
    if own is None:
        return []
    others = [one for one, _, _ in index.searchable.get(region, ()) if one.book.key != own.book.key]
    if asked.params.get("similarity_type") == "ByTheSameAuthor":
        return [one for one in others if set(one.book.authors) & set(own.book.authors)][:count]
    series = {place.series for place in own.book.places[:1]}
    return [one for one in others if series & {place.series for place in one.book.places}][:count]


# Products


def _product(index: Index, product: Product, groups: list[str]) -> Json:
    if product.recording.stub:
        return {"asin": product.asin}
    told: Json = {"asin": product.asin}
    for group in groups:
        if group in GROUPS:
            told |= GROUPS[group](index, product)
    return told


def _attributes(index: Index, product: Product) -> Json:
    book, recording = product.book, product.recording
    day = recording.released.isoformat()
    # Regional variants of one recording differ in their sku; `sku_lite` joins them.
    sku = f"BK_FIXT_{next(iter(recording.asins.values()))[-7:]}"
    told = {
        "title": product.title,
        "asset_details": [],
        "content_delivery_type": delivery(product),
        "content_type": "Product",
        "format_type": "abridged" if recording.abridged else "unabridged",
        "has_children": delivery(product) == "MultiPartBook",
        "is_adult_product": False,
        "is_listenable": not recording.off_sale,
        "is_purchasability_suppressed": recording.off_sale,
        "is_vvab": recording.machine_voice,
        "issue_date": day,
        "language": ENGLISH_NAMES[book.language],
        "publication_datetime": f"{day}T08:00:00Z",
        "publisher_name": "Fixture Audio",
        "release_date": day,
        "sku": sku if product.region == "us" else f"{sku}{product.region.upper()}",
        "sku_lite": sku,
    }
    if recording.minutes is not None:
        told["runtime_length_min"] = recording.minutes
    if product.subtitle:
        told["subtitle"] = product.subtitle
    if book.places:
        told["publication_name"] = index.series[book.places[0].series].name
    return told


def delivery(product: Product) -> str:
    if product.recording.part:
        return "AudioPart"
    return "MultiPartBook" if product.book.omnibus else "SinglePartBook"


def contributors(index: Index, product: Product) -> Json:
    authors = [person(one.name, one.asin) for one in index.authors(product.book)]
    translator = [{"name": f"{product.book.translator} - translator"}] if product.book.translator else []
    return {"authors": authors + translator, "narrators": [{"name": name} for name in product.recording.narrators]}


def person(name: str, asin: str) -> Json:
    return {"asin": asin, "name": name} if asin else {"name": name}


def _description(index: Index, product: Product) -> Json:
    told = {
        "title": product.title,
        "merchandising_summary": "<p>A fixture.</p>",
        "publisher_summary": "<p>Authored text; not from any shop.</p>",
    }
    return told | ({"subtitle": product.subtitle} if product.subtitle else {})


def _media(index: Index, product: Product) -> Json:
    return {"product_images": {"500": f"{IMAGES}/{product.asin}._SL500_.jpg"}}


def in_series(index: Index, product: Product) -> Json:
    found = []
    for place in product.book.places:
        series = index.series[place.series]
        sequence = product.sequence(place)
        asin = series.asins.get(product.region)
        if asin:
            numbered = {} if sequence is None else {"sequence": sequence}
            found.append({"asin": asin, **numbered, "title": series.name, "url": f"/series/{asin}"})
    return {"series": found} if found else {}


def _relationships(index: Index, product: Product) -> Json:
    found = [
        _related(series["asin"], "parent", "series", series.get("sequence"), "1", series["title"])
        for series in in_series(index, product).get("series", ())
    ]
    return {"relationships": found} if found else {}


def _rating(index: Index, product: Product) -> Json:
    stars = {"five": 70, "four": 20, "three": 7, "two": 2, "one": 1}
    spread = {f"num_{name}_star_ratings": count for name, count in stars.items()}
    average = {"average_rating": 4.5, "display_average_rating": "4.5", "display_stars": 4.5, "num_ratings": 100}
    return {"rating": {"num_reviews": 12, "overall_distribution": {**average, **spread}}}


def _ladders(index: Index, product: Product) -> Json:
    steps = [
        {"id": "18572091011", "name": "Children's Audiobooks"},
        {"id": "18572586011", "name": "Literature & Fiction"},
    ]
    return {"category_ladders": [{"ladder": steps, "root": "Genres"}]}


def _details(index: Index, product: Product) -> Json:
    day = product.recording.released
    codec = {"enhanced_codec": "LC_64_44100_stereo", "format": "Enhanced", "is_kindle_enhanced": True}
    return {
        "available_codecs": [{**codec, "name": "aax_44_64"}],
        "copyright": f"Public Domain (P){day.year} Fixture Audio",
        "date_first_available": day.isoformat(),
        "extended_product_description": "<p>Authored.</p>",
        "is_pdf_url_available": False,
        "isbn": isbn_of(number_of(product.asin) % 7_000_000),
        "merchandising_description": "",
        "platinum_keywords": ["Kids"],
        "product_site_launch_date": f"{day.isoformat()}T00:00:00Z",
        "read_along_support": "true",
        "social_media_images": {"facebook": f"{IMAGES}/f.jpg", "twitter": f"{IMAGES}/t.jpg"},
        "thesaurus_subject_keywords": ["childrens"],
    }


GROUPS: dict[str, Callable[[Index, Product], Json]] = {
    "contributors": contributors,
    "media": _media,
    "product_attrs": _attributes,
    "product_desc": _description,
    "product_details": _details,
    "product_extended_attrs": _description,
    "rating": _rating,
    "category_ladders": _ladders,
    "series": in_series,
    "relationships": _relationships,
}


# Series


def _series(index: Index, series: Series, region: str, groups: list[str]) -> Json:
    told: Json = {
        "asin": series.asins[region],
        "content_delivery_type": "BookSeries",
        "content_type": "Product",
        "title": series.name,
    }
    if "product_desc" in groups:
        told["publisher_summary"] = "<p>Authored.</p>"
    if "relationships" in groups:
        told["relationships"] = list(_relations(index, series, region))
    return told


def _relations(index: Index, series: Series, region: str) -> Iterable[Json]:
    """Children first, as they are displayed, an omnibus before the singles; then what is no member."""
    children = [
        (product, product.sequence(place))
        for product in index.products.get(region, ())
        for place in product.book.places
        if place.series == series.key
    ]
    children.sort(key=lambda child: not child[0].book.omnibus)
    for sort, (product, sequence) in enumerate(children, start=1):
        yield _related(product.asin, "child", "series", sequence, str(sort), product.title)
    for product, _ in children:
        if product.recording.part:
            yield _related(product.asin, "child", "component", "", str(product.recording.part[0]))
    for other in index.world.series:
        asin = other.asins.get(region)
        if asin and other.within == series.key:
            yield _related(asin, "child", "series", "", "1", other.name)
        elif asin and other.key == series.within:
            yield _related(asin, "parent", "series", "1", "1", other.name)


def _related(asin: str, to: str, kind: str, sequence: str | None, sort: str, title: str = "") -> Json:
    told = {"asin": asin, "relationship_to_product": to, "relationship_type": kind}
    numbered = {} if sequence is None else {"sequence": sequence}
    return {**told, **numbered, "sort": sort, **({"title": title, "url": f"/pd/{asin}"} if title else {})}
