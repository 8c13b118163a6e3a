"""A stand-in for audiosilo-meta: works with all their recordings, whole series in one reply (contracts: metadata,
section 3.2)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox.catalogue_books import Book, Person, Place, Recording, Series, slug
from adapters.sandbox.catalogue_index import Answered, Asked, Index

Json = dict[str, Any]

POSITION = re.compile(r"\d+(\.\d+)?(-\d+(\.\d+)?)?")
"""What it has no position for is not in its series."""
MOST_HITS = 50
CREDITS, MOST_CREDITS = 100, 500
ADDED = "2026-07-25"


def audiosilo(index: Index, asked: Asked) -> Answered:
    """`/api/v1/…`"""
    match asked.path.removeprefix("/api/v1").strip("/").split("/"):
        case ["search"]:
            return _search(asked, lambda: [hit for hits in HITS.values() for hit in hits(index)])
        case [("series" | "works" | "people") as kind, "search"]:
            return _search(asked, lambda: HITS[kind](index))
        case ["series", key]:
            return _series(index, key, asked)
        case ["works", key]:
            book = index.books.get(key)
            known = book is not None and "audiosilo" in book.known_to
            return Answered(body=_work(index, book)) if book and known else _missing()
        case ["people", key]:
            return _person(index, key, asked)
        case ["lookup"]:
            return _lookup(index, asked)
    return _missing()


def _missing() -> Answered:
    return Answered(body={"error": "not found"}, status=404)


def busy_audiosilo(retry_after_s: int) -> Answered:
    """What it says while it loads its data."""
    return Answered(body={"error": "no data loaded yet"}, status=503, headers={"retry-after": str(retry_after_s)})


# Searching


def _search(asked: Asked, hits: Callable[[], list[tuple[str, Json]]]) -> Answered:
    pieces = _pieces(asked.params.get("q", ""))
    if not pieces:
        return Answered(body={"error": "q is required"}, status=400)
    limit = min(max(asked.number("limit", 20), 1), MOST_HITS)
    found = [hit for text, hit in hits() if _matches(pieces, _pieces(text))]
    found.sort(key=lambda hit: len(hit.get("title") or hit.get("name") or ""))
    return Answered(body={"results": found[:limit]})


def _pieces(text: str) -> list[str]:
    """Every punctuation mark parts words, the apostrophe too: "Enders Game" does not find "Ender's Game"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.findall(r"[a-z0-9]+", plain)


def _matches(asked: list[str], known: list[str]) -> bool:
    """Whole words; the last one may be the beginning of a word."""
    return set(asked[:-1]) <= set(known) and any(word.startswith(asked[-1]) for word in known)


def _work_hits(index: Index) -> list[tuple[str, Json]]:
    hits = []
    for book in index.books_of("audiosilo"):
        narrators = dict.fromkeys(name for recording in _recordings(book) for name in recording.narrators)
        named = [index.series[place.series].common_name for place in book.places]
        text = " ".join((book.title, book.subtitle, *(one.name for one in index.authors(book)), *narrators, *named))
        hit = {"kind": "work", **_card(index, book), "narrators": [_ref(slug(name), name) for name in narrators]}
        hits.append((text, hit))
    return hits


def _people_hits(index: Index) -> list[tuple[str, Json]]:
    return [(one.name, {"kind": "person", **_ref(one.key, one.name)}) for one in index.world.people]


def _series_hits(index: Index) -> list[tuple[str, Json]]:
    found = [(series, len(_members(index, series))) for series in index.world.series]
    return [
        (series.common_name, {"kind": "series", **_ref(series.key, series.common_name), "works": count})
        for series, count in found
        if count
    ]


HITS: Mapping[str, Callable[[Index], list[tuple[str, Json]]]] = {
    "works": _work_hits,
    "people": _people_hits,
    "series": _series_hits,
}


# Documents


def _ref(key: str, name: str) -> Json:
    return {"id": key, "name": name}


def _recordings(book: Book) -> list[Recording]:
    """What Audible sells of it. A part is no recording here, and neither is a free reading."""
    return [one for one in book.recordings if one.asins and not one.part and not one.stub]


def _numbered(book: Book) -> list[Place]:
    return [place for place in book.places if POSITION.fullmatch(place.sequence or "")]


def _in_series(index: Index, place: Place) -> Json:
    return {**_ref(place.series, index.series[place.series].common_name), "position": place.sequence}


def _card(index: Index, book: Book) -> Json:
    """The short form, with the first series alone."""
    places = _numbered(book)
    card = {
        "id": book.key,
        "title": book.title,
        "authors": [_ref(one.key, one.name) for one in index.authors(book)],
        "series": _in_series(index, places[0]) if places else None,
        "cover_url": None,
        "added_at": ADDED,
    }
    released = [recording.released for recording in _recordings(book)]
    return card | ({"release_date": min(released).isoformat()} if released else {})


def _work(index: Index, book: Book) -> Json:
    recordings = _recordings(book)
    ids = _recording_ids(recordings)
    told: Json = {
        "id": book.key,
        "title": book.title,
        "authors": [_ref(one.key, one.name) for one in index.authors(book)],
        "language": book.language,
        "series": [_in_series(index, place) for place in _numbered(book)],
        "recordings": [_recording(id, one) for id, one in zip(ids, recordings, strict=True)] or None,
    }
    if book.subtitle:
        told["subtitle"] = book.subtitle
    if book.year:
        told["first_published"] = str(book.year)
    if book.isbn:
        linked = {"openlibrary": book.work} if "openlibrary" in book.known_to else {}
        told["xref"] = {**linked, "isbn": [book.isbn]}
    return told


def _recording_ids(recordings: list[Recording]) -> list[str]:
    """`nora-reade-2015`, numbered where two would be called the same."""
    ids: list[str] = []
    for recording in recordings:
        name = slug(f"{(*recording.narrators, 'unknown')[0]} {recording.released.year}")
        ids.append(f"{name}-{len(ids) + 1}" if name in ids else name)
    return ids


def _recording(id: str, recording: Recording) -> Json:
    """`abridged` is there only when it is true, the length only when it is known."""
    return {
        "id": id,
        "narrators": [_ref(slug(name), name) for name in recording.narrators],
        **({"abridged": True} if recording.abridged else {}),
        **({} if recording.minutes is None else {"runtime_min": recording.minutes}),
        "release_date": recording.released.isoformat(),
        "publisher": "Fixture Audio",
        "asin": [{"region": region, "asin": asin} for region, asin in recording.asins.items()],
        "isbn": [],
        "chapter_count": 24,
    }


def _members(index: Index, series: Series) -> list[tuple[Book, Place]]:
    """In the order of their numbers."""
    found = [
        (book, place)
        for book, place in index.members[series.key]
        if "audiosilo" in book.known_to and POSITION.fullmatch(place.sequence or "")
    ]
    return sorted(found, key=lambda member: float((member[1].sequence or "0").partition("-")[0]))


def _series(index: Index, key: str, asked: Asked) -> Answered:
    live = next((one for one in index.world.series if key in one.retired), None)
    if live is not None:
        headers = {"location": f"{asked.prefix}/api/v1/series/{live.key}", "cache-control": "public, max-age=3600"}
        return Answered(body={"redirect": live.key}, status=301, headers=headers)
    series = index.series.get(key)
    members = _members(index, series) if series else []
    # A series is there because somebody has a book of it. Only in a world without any book do lists stand empty.
    if series is None or (index.world.books and not members):
        return _missing()
    offset, limit = max(asked.number("offset", 0), 0), max(asked.number("limit", 0), 0)
    shown = members[offset : offset + limit] if limit else members[offset:]
    authors = dict.fromkeys(author for book, _ in members for author in book.authors)
    body = {
        **_ref(series.key, series.common_name),
        "authors": [_ref(one, index.people[one].name) for one in authors],
        "works": [{"position": place.sequence, "work": _card(index, book)} for book, place in shown],
        "works_total": len(members),
        "limit": limit,
        "offset": offset,
    }
    return Answered(body=body)


def _person(index: Index, key: str, asked: Asked) -> Answered:
    person: Person | None = index.people.get(key)
    if person is None:
        return _missing()
    limit = asked.number("limit", CREDITS)
    limit = CREDITS if limit < 1 else min(limit, MOST_CREDITS)
    offset = max(asked.number("offset", 0), 0)
    authored = [book for book in index.written[key] if "audiosilo" in book.known_to]
    *given, surname = person.name.split()
    body = {
        **_ref(person.key, person.name),
        "sort_name": f"{surname}, {' '.join(given)}" if given else surname,
        "authored": [_card(index, book) for book in authored[offset : offset + limit]],
        "narrated": [],
        "authored_total": len(authored),
        "narrated_total": 0,
        "limit": limit,
        "offset": offset,
    }
    return Answered(body=body)


def _lookup(index: Index, asked: Asked) -> Answered:
    asin, isbn = asked.params.get("asin"), asked.params.get("isbn")
    if not asin and not isbn:
        return Answered(body={"error": "asin or isbn is required"}, status=400)
    for book in index.books_of("audiosilo"):
        recordings = _recordings(book)
        for id, recording in zip(_recording_ids(recordings), recordings, strict=True):
            if asin in recording.asins.values() or (isbn and isbn == book.isbn):
                return Answered(body={"work": _card(index, book), "recording_id": id})
    return _missing()
