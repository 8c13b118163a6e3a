"""A stand-in for Open Library: works and people in print, noisy, and thin on series (contracts: metadata, section
3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.sandbox.catalogue_books import Book, Person, number_of
from adapters.sandbox.catalogue_index import HTML, Answered, Asked, Index, words

Json = dict[str, Any]

MOST_ROWS = 1_000
LANGUAGES = {"en": "eng", "de": "ger", "es": "spa", "fr": "fre"}
FORBIDDEN = b"<html><body>Forbidden. Identify yourself with a User-Agent that has contact details.</body></html>"
GONE = b"<!DOCTYPE html><html><body><h1>DEPRECATED ENDPOINT ACCESSED</h1></body></html>"
UNKNOWN = b"<!DOCTYPE html><html><body><h1>Not Found</h1></body></html>"


def open_library(index: Index, asked: Asked) -> Answered:
    if not re.search(r"@|https?://", asked.headers.get("user-agent", "")):
        return Answered(body=FORBIDDEN, status=403, kind=HTML)
    match asked.path.strip("/").split("/"):
        case ["search.json"]:
            return _search(index, asked)
        case ["search"]:
            return Answered(body=GONE, status=500, kind=f"{HTML}; charset=utf-8")
        case ["search", "authors.json"]:
            return _search_authors(index, asked)
        case ["authors", file] if file.endswith(".json"):
            return _document(_author(person) for person in _people(index, file.removesuffix(".json")))
        case ["authors", key, "works.json"]:
            return _works_of(index, key, asked)
        case ["works", file] if file.endswith(".json"):
            key = file.removesuffix(".json")
            merged = [_redirect(key, book) for book in index.books_of("openlibrary") if key in book.merged]
            return _document(merged + [_work(index, book) for book in _books(index, key)])
        case ["works", key, "editions.json"]:
            return _document(_editions(book) for book in _books(index, key))
        case ["isbn", file]:
            found = [book for book in index.books_of("openlibrary") if book.isbn == file.removesuffix(".json")]
            headers = {"location": f"{asked.prefix}/books/{_edition_key(found[0])}.json"} if found else {}
            return Answered(body=b"", status=302, kind=HTML, headers=headers) if found else _missing()
        case ["books", file]:
            books = index.books_of("openlibrary")
            return _document(_edition(book) for book in books if file == f"{_edition_key(book)}.json")
    return _missing()


def _missing() -> Answered:
    return Answered(body=UNKNOWN, status=404, kind=f"{HTML}; charset=utf-8")


def _document(found: Iterable[Json]) -> Answered:
    document = next(iter(found), None)
    return _missing() if document is None else Answered(body=document)


def _people(index: Index, key: str) -> list[Person]:
    return [person for person in index.world.people if person.openlibrary == key]


def _books(index: Index, work: str) -> list[Book]:
    return [book for book in index.books_of("openlibrary") if book.work == work]


def _authors(index: Index, book: Book) -> list[Person]:
    return [person for person in index.authors(book) if person.openlibrary]


# Searching


def _search(index: Index, asked: Asked) -> Answered:
    found = [book for book in index.books_of("openlibrary") if _matches(index, book, asked.params)]
    offset, limit = max(asked.number("offset", 0), 0), asked.number("limit", 100)
    fields = {name for name in asked.params.get("fields", "").split(",") if name}
    docs = [_doc(index, book) for book in found[offset : offset + min(max(limit, 0), MOST_ROWS)]]
    if fields and "*" not in fields:
        docs = [{name: value for name, value in doc.items() if name in fields} for doc in docs]
    body = {
        "numFound": len(found),
        "start": offset,
        "numFoundExact": True,
        "num_found": len(found),
        "documentation_url": "https://openlibrary.org/dev/docs/api/search",
        "q": asked.params.get("q", ""),
        "offset": offset,
        "docs": docs,
    }
    return Answered(body=body)


def _matches(index: Index, book: Book, params: Mapping[str, str]) -> bool:
    """Every field that was asked for. `q` may name fields itself: `author_key:OL161167A`, `isbn:…`, `title:"…"`."""
    fielded = dict(re.findall(r'(\w+):("[^"]*"|\S+)', params.get("q", "")))
    wanted = {**params, **{name: value.strip('"') for name, value in fielded.items()}}
    wanted["q"] = re.sub(r'(\w+):("[^"]*"|\S+)', " ", params.get("q", ""))
    authors = _authors(index, book)
    names = words(" ".join(name for one in authors for name in (one.name, *one.other_names)))
    titles = words(f"{book.title} {book.subtitle}")
    return (
        words(wanted.get("title", "")) <= titles
        and words(wanted.get("author", "")) <= names
        and words(wanted["q"]) <= titles | names
        and wanted.get("author_key") in (None, *(one.openlibrary for one in authors))
        and wanted.get("isbn") in (None, book.isbn or None)
        and wanted.get("key", f"/works/{book.work}").removeprefix("/works/") == book.work
    )


def _doc(index: Index, book: Book) -> Json:
    """The arrays of series run side by side, with "" for a missing number."""
    authors = _authors(index, book)
    doc: Json = {"key": f"/works/{book.work}", "title": book.title}
    if authors:
        doc |= {
            "author_name": [one.name for one in authors],
            "author_key": [one.openlibrary for one in authors],
        }
    if book.year:
        doc |= {"first_publish_year": book.year}
    doc |= {"edition_count": 100, "language": [LANGUAGES[book.language]]}
    if book.isbn:
        doc["isbn"] = [book.isbn]
    places = [(index.series[place.series], place.sequence or "") for place in book.places]
    known = [(series, sequence) for series, sequence in places if series.openlibrary]
    if known:
        doc |= {
            "series_key": [series.openlibrary for series, _ in known],
            "series_name": [series.common_name for series, _ in known],
            "series_position": [sequence for _, sequence in known],
        }
    return doc


def _search_authors(index: Index, asked: Asked) -> Answered:
    wanted = words(asked.params.get("q", ""))
    docs = [
        _author_doc(index, one)
        for one in index.world.people
        if one.openlibrary and any(wanted <= words(name) for name in (one.name, *one.other_names))
    ]
    return Answered(body={"numFound": len(docs), "start": 0, "numFoundExact": True, "docs": docs})


def _author_doc(index: Index, person: Person) -> Json:
    written = [book for book in index.written[person.key] if "openlibrary" in book.known_to]
    return {
        "key": person.openlibrary,
        "type": "author",
        "name": person.name,
        **({"alternate_names": list(person.other_names)} if person.other_names else {}),
        **({"top_work": written[0].title} if written else {}),
        "work_count": len(written),
        "top_subjects": ["Fiction"],
        "_version_": 1,
    }


# Documents


def _author(person: Person) -> Json:
    return {
        "key": f"/authors/{person.openlibrary}",
        "type": {"key": "/type/author"},
        "name": person.name,
        **({"alternate_names": list(person.other_names)} if person.other_names else {}),
        "bio": {"type": "/type/text", "value": "Authored."},
        "remote_ids": {"wikidata": f"Q{number_of(person.key)}"},
        "latest_revision": 50,
        "revision": 50,
        "created": {"type": "/type/datetime", "value": "2008-04-01T03:28:50.625462"},
        "last_modified": {"type": "/type/datetime", "value": "2026-03-01T00:00:00.000000"},
    }


def _works_of(index: Index, key: str, asked: Asked) -> Answered:
    """Pages, each naming the next one while there is one. Mere co-credits are listed too."""
    people = _people(index, key)
    if not people:
        return _missing()
    written = [book for book in index.written[people[0].key] if "openlibrary" in book.known_to]
    limit, offset = min(max(asked.number("limit", 50), 1), MOST_ROWS), max(asked.number("offset", 0), 0)
    path = f"/authors/{key}/works.json?limit={limit}&offset="
    links = {"self": f"{path}{offset}", "author": f"/authors/{key}"}
    if offset + limit < len(written):
        links["next"] = f"{path}{offset + limit}"
    entries = [_work(index, book) for book in written[offset : offset + limit]]
    return Answered(body={"links": links, "size": len(written), "entries": entries})


def _work(index: Index, book: Book) -> Json:
    authors = [
        {"type": {"key": "/type/author_role"}, "author": {"key": f"/authors/{one.openlibrary}"}}
        for one in _authors(index, book)
    ]
    series = _series(index, book)
    return {
        "key": f"/works/{book.work}",
        "title": book.title,
        "type": {"key": "/type/work"},
        **({"authors": authors} if authors else {}),
        "description": {"type": "/type/text", "value": "Authored."},
        **({"series": series} if series else {}),
        **({"subjects": list(book.subjects)} if book.subjects else {}),
        "covers": [-1, 8259447],
        **({"first_publish_date": str(book.year)} if book.year else {}),
        "latest_revision": 9,
        "revision": 9,
    }


def _redirect(key: str, book: Book) -> Json:
    """What is left of a merged work: a record, answered with 200."""
    return {
        "key": f"/works/{key}",
        "type": {"key": "/type/redirect"},
        "location": f"/works/{book.work}",
        "latest_revision": 2,
        "revision": 2,
    }


def _series(index: Index, book: Book) -> list[Json | str]:
    """A record with a number where the series has one, and by turns a line of text where somebody typed one."""
    told: list[Json | str] = []
    for place in book.places:
        series = index.series[place.series]
        if series.openlibrary:
            told.append({"series": {"key": f"/series/{series.openlibrary}"}, "position": place.sequence or ""})
        elif place.sequence and number_of(book.key) % 3 == 0:
            told.append(f"{series.common_name} #{place.sequence}")
        elif place.sequence and number_of(book.key) % 3 == 1:
            told.append(f"{series.common_name} ; book {place.sequence}")
    return told


def _edition_key(book: Book) -> str:
    return f"OL{number_of(book.key)}M"


def _edition(book: Book) -> Json:
    return {
        "key": f"/books/{_edition_key(book)}",
        "type": {"key": "/type/edition"},
        "title": book.title,
        "works": [{"key": f"/works/{book.work}"}],
        "languages": [{"key": f"/languages/{LANGUAGES[book.language]}"}],
        **({"isbn_13": [book.isbn]} if book.isbn else {}),
        **({"publish_date": str(book.year)} if book.year else {}),
        "publishers": ["Fixture Press"],
        "latest_revision": 3,
        "revision": 3,
    }


def _editions(book: Book) -> Json:
    key = f"/works/{book.work}"
    return {"links": {"self": f"{key}/editions.json", "work": key}, "size": 1, "entries": [_edition(book)]}
