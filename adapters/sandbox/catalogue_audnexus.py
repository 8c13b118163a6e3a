"""A stand-in for Audnexus, which copies Audible and loses some of it (contracts: metadata, section 3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from adapters.sandbox.catalogue_audible import ENGLISH_NAMES, IMAGES, REGIONS, contributors, found, in_series, person
from adapters.sandbox.catalogue_index import Answered, Asked, Index, Product, words

Json = dict[str, Any]


def audnexus(index: Index, asked: Asked) -> Answered:
    """`/books/{asin}`, `/books/{asin}/chapters`, `/books/search?q=`, `/authors?name=`, `/authors/{asin}`"""
    region = asked.params.get("region", "us")
    if region not in REGIONS:
        return _error(422, "VALIDATION_ERROR", "Bad region", None)
    match asked.path.strip("/").split("/"):
        case ["books", "search"]:
            return _book_search(index, region, asked)
        case ["books", asin]:
            return _book(index, region, asin, _as_book)
        case ["books", asin, "chapters"]:
            return _book(index, region, asin, _chapters)
        case ["authors"]:
            wanted = words(asked.params.get("name", ""))
            named = [one for one in index.world.people if one.asin and wanted <= words(one.name)]
            return Answered(body=[person(one.name, one.asin) for one in named])
        case ["authors", asin]:
            return _author(index, region, asin)
    return Answered(body={"message": f"Route GET:{asked.path} not found", "statusCode": 404}, status=404)


def _error(status: int, code: str, message: str, details: Json | None) -> Answered:
    return Answered(body={"error": {"code": code, "message": message, "details": details}}, status=status)


def busy_audnexus(retry_after_s: int) -> Answered:
    """What it says above 100 requests a minute."""
    body = {"code": "RATE_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
    headers = {"retry-after": str(retry_after_s), "x-ratelimit-limit": "100", "x-ratelimit-remaining": "0"}
    error = {**body, "details": {"max": 100, "timeWindow": "1 minute"}}
    return Answered(body={"error": error}, status=429, headers=headers)


def _book(index: Index, region: str, asin: str, told: Callable[[Index, Product], Json]) -> Answered:
    if not re.fullmatch(r"B[0-9A-Z]{9}|\d{9}[\dX]", asin):
        return _error(422, "VALIDATION_ERROR", "Bad ASIN", None)
    if any(asin == known for _, known in index.series_by_asin):
        message = f"Item is a series, not a book. ASIN: {asin}"
        details = {"asin": asin, "requestedType": "book", "actualType": "BookSeries"}
        return _error(400, "CONTENT_TYPE_MISMATCH", message, details)
    product = index.by_asin.get((region, asin))
    if product is None and not any(asin == known for _, known in index.by_asin):
        return _error(404, "NOT_FOUND", f"{asin} not found", {"asin": asin})
    if product is None or product.recording.stub:
        message = f"Item not available in region '{region}' for ASIN: {asin}"
        return _error(404, "REGION_UNAVAILABLE", message, {"asin": asin, "region": region})
    if product.recording.off_sale:
        return _error(404, "PRODUCT_DELISTED", "Item has been delisted by Audible", {"asin": asin})
    return Answered(body=told(index, product))


def _as_book(index: Index, product: Product) -> Json:
    book, recording = product.book, product.recording
    people = contributors(index, product)
    told: Json = {
        "asin": product.asin,
        "authors": people["authors"],
        "description": "Authored.",
        "formatType": "abridged" if recording.abridged else "unabridged",
        "genres": [
            {"asin": "18572091011", "name": "Children's Audiobooks", "type": "genre"},
            {"asin": "18572586011", "name": "Literature & Fiction", "type": "tag"},
        ],
        "image": f"{IMAGES}/{product.asin}.jpg",
        "isAdult": False,
        "isbn": "",
        "language": ENGLISH_NAMES[book.language],
        "literatureType": "fiction",
        "narrators": people["narrators"],
        "publisherName": "Fixture Audio",
        "rating": "4.4",
        "ratings": {
            "value": "4.4",
            "numRatings": 52,
            "numReviews": 6,
            "distribution": {"five": 33, "four": 10, "three": 6, "two": 2, "one": 1},
        },
        "region": product.region,
        "releaseDate": f"{recording.released.isoformat()}T00:00:00.000Z",
        "runtimeLengthMin": recording.minutes or 0,
        "summary": "<p>Authored.</p>",
        "title": product.title,
    }
    if book.year:
        told["copyright"] = book.year
    if product.subtitle:
        told["subtitle"] = product.subtitle
    # Of three series or more only two survive.
    for name, series in zip(
        ("seriesPrimary", "seriesSecondary"), in_series(index, product).get("series", ()), strict=False
    ):
        numbered = {"position": series["sequence"]} if series.get("sequence") else {}
        told[name] = {"asin": series["asin"], "name": series["title"], **numbered}
    return told


def _chapters(index: Index, product: Product) -> Json:
    """Two chapters, the first of a quarter of an hour at most."""
    length_ms = (product.recording.minutes or 0) * 60_000
    first = min(900_000, length_ms // 2)
    starts = ((0, first), (first, length_ms - first))
    chapters = [
        {"lengthMs": length, "startOffsetMs": start, "startOffsetSec": start // 1000, "title": f"Chapter {number}"}
        for number, (start, length) in enumerate(starts, start=1)
    ]
    return {
        "asin": product.asin,
        "brandIntroDurationMs": 2043,
        "brandOutroDurationMs": 5062,
        "chapters": chapters,
        "isAccurate": True,
        "region": product.region,
        "runtimeLengthMs": length_ms,
        "runtimeLengthSec": length_ms // 1000,
    }


def _book_search(index: Index, region: str, asked: Asked) -> Answered:
    by_words = Asked(path="", params={"keywords": asked.params.get("q", "")}, headers={}, prefix="")
    return Answered(body=[_as_book(index, one) for one in found(index, region, by_words)[:10]])


def _author(index: Index, region: str, asin: str) -> Answered:
    """A profile. There is no list of books here."""
    author = next((one for one in index.world.people if one.asin == asin), None)
    if author is None:
        return _error(404, "NOT_FOUND", f"{asin} not found", {"asin": asin})
    others = [person(one.name, one.asin) for one in index.world.people if one.asin and one is not author]
    body = {
        "asin": asin,
        "description": "Authored.",
        "genres": [{"asin": "18572091011", "name": "Children's Audiobooks", "type": "genre"}],
        "image": f"{IMAGES}/{asin}.jpg",
        "name": author.name,
        "region": region,
        "similar": others[:5],
    }
    return Answered(body=body)
