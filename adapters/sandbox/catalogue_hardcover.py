"""A stand-in for Hardcover: the few queries that are asked of it, told apart by the field they select (contracts:
metadata, section 3.4). Whatever a query selects, whole records come back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.sandbox.catalogue_books import Book, Person, Place, Recording, Series, number_of
from adapters.sandbox.catalogue_index import Answered, Asked, Index, words

Json = dict[str, Any]

TOKEN = "a-token-for-the-sandbox"
BUDGET = {
    "ratelimit-policy": '"Free";q=60;w=60;burst=10, "daily";q=5000;w=86400',
    "ratelimit": '"Free";r=8;t=42, "daily";r=4231;t=51234',
}
NO_TOKEN = {"error": "invalid_token", "error_description": "The access token is invalid or has expired"}


def hardcover(index: Index, asked: Asked) -> Answered:
    """`POST /v1/graphql` with the sandbox's token."""
    if asked.path != "/v1/graphql":
        return Answered(body={"error": "not found"}, status=404)
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return Answered(body=NO_TOKEN, status=401)
    try:
        sent = msgspec.json.decode(asked.body)
        query, variables = str(sent["query"]), dict(sent.get("variables") or {})
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return Answered(body={"error": "no query"}, status=400)
    return Answered(body=_data(index, query, variables), headers=BUDGET)


def _data(index: Index, query: str, variables: Json) -> Json:
    """`errors` beside status 200 for what is not known here, as the real one says it."""
    found = re.search(r"\{\s*(?:\w+\s*:\s*)?(\w+)", query)
    field = found[1] if found else ""
    if field == "search":
        return {"data": {field: _search(index, query, variables)}}
    if field in FIELDS:
        return {"data": {field: FIELDS[field](index, variables)}}
    error = {"message": f"field '{field}' not found in type: 'query_root'", "extensions": {"code": "validation-failed"}}
    return {"errors": [error]}


def _one_series(index: Index, variables: Json) -> Json | None:
    found = [one for one in index.world.series if number_of(one.key) == variables.get("id")]
    return _series(index, found[0]) if found else None


def _one_author(index: Index, variables: Json) -> Json | None:
    found = [one for one in index.world.people if number_of(one.key) == variables.get("id")]
    start = variables.get("offset", 0)
    return _author(index, found[0], slice(start, start + variables.get("limit", 100))) if found else None


def _series_rows(index: Index, variables: Json) -> list[Json]:
    found = _one_series(index, variables)
    rows: list[Json] = found["book_series"] if found else []
    return rows


def _credit_rows(index: Index, variables: Json) -> list[Json]:
    return [
        {"contributable_id": number_of(book.key), **credit}
        for book in _asked_books(index, variables)
        for credit in _contributions(index, book)
    ]


def _edition_rows(index: Index, variables: Json) -> list[Json]:
    """By book, or by ASIN."""
    if "asins" in variables:
        editions = [edition for book in index.books_of("hardcover") for edition in _editions(book)]
        return [edition for edition in editions if edition["asin"] in variables["asins"]]
    return [edition for book in _asked_books(index, variables) for edition in _editions(book)]


def _book_rows(index: Index, variables: Json) -> list[Json]:
    return [{**_in_full(index, book), "book_series": _places(index, book)} for book in _asked_books(index, variables)]


def _places(index: Index, book: Book) -> list[Json]:
    keys = {place.series for place in book.places}
    rows = [(series, row) for series in index.world.series if series.key in keys for row in _rows(index, series)]
    return [
        {**row, "series": {"id": number_of(series.key), "name": series.common_name}}
        for series, row in rows
        if row["book_id"] == number_of(book.key)
    ]


FIELDS: Mapping[str, Callable[[Index, Json], Any]] = {
    "series_by_pk": _one_series,
    "authors_by_pk": _one_author,
    "book_series": _series_rows,
    "books": _book_rows,
    "contributions": _credit_rows,
    "editions": _edition_rows,
}


def _asked_books(index: Index, variables: Json) -> list[Book]:
    ids = variables.get("ids")
    wanted = set(ids) if isinstance(ids, list) else set()
    return [book for book in index.books_of("hardcover") if number_of(book.key) in wanted]


# Searching


def _search(index: Index, query: str, variables: Json) -> Json:
    """The ids in documents are text, those beside them numbers."""
    wanted = words(" ".join(value for value in variables.values() if isinstance(value, str)))
    kind = re.search(r'query_type:\s*"(\w+)"', query)
    match kind[1] if kind else variables.get("query_type", variables.get("type", "Book")):
        case "Series":
            documents = [_series_document(index, one) for one in index.world.series if wanted <= words(one.common_name)]
        case "Author":
            documents = [_author_document(index, one) for one in index.world.people if wanted <= words(one.name)]
        case _:
            documents = [
                _book_document(index, one) for one in index.books_of("hardcover") if wanted <= _words(index, one)
            ]
    hits = [
        {"document": document, "highlight": {}, "text_match": 578730123365187705 - place}
        for place, document in enumerate(documents[:25])
    ]
    results = {
        "facet_counts": [],
        "found": len(documents),
        "hits": hits,
        "out_of": 60000,
        "page": 1,
        "request_params": {"per_page": 25, "q": " ".join(sorted(wanted))},
        "search_time_ms": 3,
    }
    return {"ids": [int(document["id"]) for document in documents[:25]], "results": results}


def _words(index: Index, book: Book) -> frozenset[str]:
    return words(" ".join((book.title, book.subtitle, *(one.name for one in index.authors(book)))))


def _series_document(index: Index, series: Series) -> Json:
    members = _members(index, series)
    authors = index.authors(members[0][0]) if members else []
    author = authors[0] if authors else None
    return {
        "id": str(number_of(series.key)),
        "name": series.common_name,
        "author_name": author.name if author else None,
        "author": {**_person(author), "slug": author.key} if author else None,
        "primary_books_count": len({place.sequence for _, place in members if _whole(place)}),
        "books_count": len(members),
        "readers_count": 2100,
        "slug": series.key,
        "books": [book.title for book, _ in members[:5]],
    }


def _author_document(index: Index, person: Person) -> Json:
    written = [book.title for book in index.written[person.key]]
    return {
        "id": str(number_of(person.key)),
        "name": person.name,
        "alternate_names": list(person.other_names),
        "books_count": len(written),
        "books": written[:5],
        "slug": person.key,
    }


def _book_document(index: Index, book: Book) -> Json:
    return {
        "id": str(number_of(book.key)),
        "title": book.title,
        "author_names": [person.name for person in index.authors(book)],
        "release_year": book.year,
        "slug": book.key,
    }


# Records


def _person(person: Person) -> Json:
    return {"id": number_of(person.key), "name": person.name}


def _whole(place: Place) -> bool:
    return (place.sequence or "").isdigit()


def _members(index: Index, series: Series) -> list[tuple[Book, Place]]:
    return [(book, place) for book, place in index.members[series.key] if "hardcover" in book.known_to]


def _series(index: Index, series: Series) -> Json:
    rows = _rows(index, series)
    document = _series_document(index, series)
    author = document["author"]
    return {
        "id": number_of(series.key),
        "name": series.common_name,
        "slug": series.key,
        "books_count": document["books_count"],
        "primary_books_count": document["primary_books_count"],
        "is_completed": True,
        "canonical_id": None,
        "author": {"id": author["id"], "name": author["name"]} if author else None,
        "book_series": rows,
    }


def _rows(index: Index, series: Series) -> list[Json]:
    """By number, those without one last. The number of a range is its first one; `details` is the truth."""
    rows = []
    for book, place in _members(index, series):
        first = re.match(r"\d+(?:\.\d+)?", place.sequence or "")
        row = {
            "book_id": number_of(book.key),
            "position": float(first[0]) if first else None,
            "details": place.sequence or None,
            "featured": True,
            "compilation": book.omnibus,
            "book": _in_full(index, book),
        }
        rows.append(row)
    return sorted(rows, key=lambda row: (row["position"] is None, row["position"] or 0.0))


def _book(index: Index, book: Book) -> Json:
    return {
        "id": number_of(book.key),
        "title": book.title,
        "release_date": f"{book.year}-01-01" if book.year else None,
        "release_year": book.year,
        "users_count": 1000,
        "compilation": book.omnibus,
        "is_partial_book": False,
        "book_status_id": 1,
        "book_category_id": 8 if book.omnibus else 2 if book.short else 1,
        "canonical_id": None,
        "contributions": _contributions(index, book),
    }


def _in_full(index: Index, book: Book) -> Json:
    return {**_book(index, book), "subtitle": book.subtitle or None, "default_audio_edition": _audio(book)}


def _contributions(index: Index, book: Book) -> list[Json]:
    authors: list[Json] = [{"contribution": None, "author": _person(person)} for person in index.authors(book)]
    translator = {"id": number_of(book.translator), "name": book.translator}
    return authors + ([{"contribution": "Translator", "author": translator}] if book.translator else [])


def _author(index: Index, person: Person, page: slice) -> Json:
    written = [book for book in index.written[person.key] if "hardcover" in book.known_to]
    return {
        **_person(person),
        "alternate_names": list(person.other_names),
        "alias_id": None,
        "canonical_id": None,
        "books_count": len(written),
        "contributions": [{"contribution": None, "book": _book(index, book)} for book in written[page]],
    }


def _audio(book: Book) -> Json | None:
    editions = _editions(book)
    return {key: editions[0][key] for key in ("id", "asin", "audio_seconds", "language")} if editions else None


def _editions(book: Book) -> list[Json]:
    """The American recordings."""
    sold: list[Recording] = [one for one in book.recordings if "us" in one.asins and not one.stub]
    return [
        {
            "id": number_of(recording.asins["us"]),
            "book_id": number_of(book.key),
            "asin": recording.asins["us"],
            "isbn_10": None,
            "isbn_13": None,
            "reading_format_id": 2,
            "audio_seconds": recording.minutes and recording.minutes * 60,
            "edition_format": "Audible Audio",
            "language": {"code2": book.language},
            "release_date": recording.released.isoformat(),
            "score": 50,
        }
        for recording in sold
    ]
