"""A stand-in for LibriVox: free recordings, and 404 when there is none (contracts: metadata, section 3.10)."""

from __future__ import annotations

import re
from typing import Any

from adapters.sandbox.catalogue_books import Book, Person, Recording, number_of, slug
from adapters.sandbox.catalogue_index import Answered, Asked, Index

Json = dict[str, Any]

LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French"}
USUAL_LIMIT = 50
ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


def librivox(index: Index, asked: Asked) -> Answered:
    """`/api/feed/audiobooks?title=^…|author=…&format=json`"""
    if asked.path.rstrip("/") != "/api/feed/audiobooks":
        return Answered(body=b"<html><body>Not found</body></html>", status=404, kind="text/html")
    if asked.params.get("format") != "json":
        return Answered(body=b'<?xml version="1.0"?><xml><books/></xml>', kind="text/xml")
    offset, limit = max(asked.number("offset", 0), 0), max(asked.number("limit", USUAL_LIMIT), 1)
    found = [
        (book, recording)
        for book in index.world.books
        for recording in book.recordings
        if recording.librivox is not None and _matches(index, book, recording, asked)
    ][offset : offset + limit]
    if not found:
        return Answered(body={"error": "Audiobooks could not be found"}, status=404)
    extended = asked.params.get("extended") == "1"
    return Answered(body={"books": [_book(index, book, recording, extended) for book, recording in found]})


def _matches(index: Index, book: Book, recording: Recording, asked: Asked) -> bool:
    """`^` anchors at the beginning of the title, which is kept without its article; the author is a surname."""
    wanted, surname = asked.params.get("title", ""), asked.params.get("author", "")
    title = ARTICLE.sub("", recording.title or book.title) if wanted else ""
    starts = title.casefold().startswith(wanted[1:].casefold())
    fits = starts if wanted.startswith("^") else title.casefold() == wanted.casefold()
    by = not surname or any(one.name.split()[-1].casefold() == surname.casefold() for one in index.authors(book))
    return fits and by


def _book(index: Index, book: Book, recording: Recording, extended: bool) -> Json:
    """Most numbers are text. A recording without a length is one that is still being made."""
    seconds = (recording.minutes or 0) * 60
    id = str(recording.librivox)
    told: Json = {
        "id": id,
        "title": recording.title or book.title,
        "description": "Authored.",
        "url_text_source": "https://www.gutenberg.org/etext/1",
        "language": LANGUAGES[book.language],
        "copyright_year": str(book.year or 0),
        "num_sections": "1",
        "url_rss": f"https://librivox.org/rss/{id}",
        "url_zip_file": "https://archive.org/x.zip",
        "url_project": "",
        "url_librivox": f"https://librivox.org/{slug(book.title)}/",
        "url_other": "",
        "totaltime": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "totaltimesecs": seconds,
        "authors": [_author(person) for person in index.authors(book)],
    }
    return {**told, "sections": [_section(book, recording, seconds)]} if extended else told


def _author(person: Person) -> Json:
    *given, surname = person.name.split()
    return {
        "id": str(number_of(person.key)),
        "first_name": " ".join(given),
        "last_name": surname,
        "dob": "1856",
        "dod": "1919",
    }


def _section(book: Book, recording: Recording, seconds: int) -> Json:
    readers = [{"reader_id": str(number_of(name)), "display_name": name} for name in recording.narrators]
    return {
        "id": "1",
        "section_number": "1",
        "title": "01",
        "listen_url": "",
        "language": LANGUAGES[book.language],
        "playtime": str(seconds),
        "file_name": None,
        "readers": readers,
    }
