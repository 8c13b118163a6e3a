"""A stand-in for LibriVox' catalogue and for the Internet Archive that keeps its recordings, behind one address.

The feed answers 404 where it has nothing; the Archive searches, tells what an item holds, and redirects its torrent to
a data node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from adapters.sandbox.faults import Faults, Receive, Scope, Send
from adapters.torrents import read_torrent

Json = Any
Answer = tuple[int, Json | bytes, Mapping[str, str]]
"""Status, body (JSON, or bytes as they are), further headers."""

USUAL_LIMIT = 50
FORMATS = {"m4b": "LibriVox Apple Audiobook", "ogg": "Ogg Vorbis", "jpg": "JPEG", "png": "PNG", "txt": "Text"}
PUBLIC_DOMAIN = "http://creativecommons.org/publicdomain/mark/1.0/"
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recording: an entry of the catalogue and an item of the Archive."""

    identifier: str
    title: str
    """With its article; the catalogue tells it without."""
    authors: tuple[tuple[str, str], ...] = ()
    """First and last name."""
    readers: tuple[str, ...] = ()
    """One for each section."""
    language: str = "English"
    seconds: int = 0
    """0 is a recording that is not finished: it has no item yet."""
    torrent: bytes | None = None
    """Lists the item's files below a folder that is called like the item; None is an item without a torrent."""
    published_at: datetime = datetime(2025, 11, 20, 10, tzinfo=UTC)
    collections: tuple[str, ...] = ("librivoxaudio", "audio_bookspoetry")
    licence: str | None = PUBLIC_DOMAIN
    catalogued: bool = True
    """Whether LibriVox' own search finds it too."""

    @property
    def finished(self) -> bool:
        return self.seconds > 0


def create_app(recordings: Sequence[Recording]) -> Faults:
    """Both hosts. `recordings` is read at each request, so that a test may add to it while it runs."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        params = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        status, body, headers = _answer(scope["path"], params, recordings)
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        kind = "application/x-bittorrent" if isinstance(body, bytes) else "application/json"
        told = {"content-type": kind, "content-length": str(len(raw)), **headers}
        encoded = [(key.encode(), value.encode("latin-1")) for key, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": raw})

    return Faults(app)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _answer(path: str, params: Mapping[str, str], recordings: Sequence[Recording]) -> Answer:
    items = {one.identifier: one for one in recordings if one.finished}
    first, _, rest = path.strip("/").partition("/")
    match first:
        case "api" if rest == "feed/audiobooks":
            return _feed(params, recordings)
        case "advancedsearch.php":
            return _search(params, list(items.values()))
        case "metadata":
            return 200, _record(items[rest]) if rest in items else {}, {}
        case "download" if (identifier := rest.partition("/")[0]) in items and rest == _torrent_path(identifier):
            return 302, b"", {"location": f"/nodes/1/items/{rest}"}
        case "nodes" if (found := re.fullmatch(r"1/items/([^/]+)/\1_archive\.torrent", rest)) and found[1] in items:
            if (torrent := items[found[1]].torrent) is not None:
                return 200, torrent, {}
    return 404, {"status": False, "error": "Unknown method"}, {}


def _torrent_path(identifier: str) -> str:
    return f"{identifier}/{identifier}_archive.torrent"


# LibriVox


def _feed(params: Mapping[str, str], recordings: Sequence[Recording]) -> Answer:
    if params.get("format") != "json":
        return 200, b'<?xml version="1.0"?><xml><books/></xml>', {"content-type": "text/xml"}
    offset, limit = int(params.get("offset", 0)), int(params.get("limit", USUAL_LIMIT))
    fits = _wanted(params)
    found = [(number, one) for number, one in enumerate(recordings, start=1) if one.catalogued and fits(one)]
    page = found[offset : offset + limit]
    if not page:
        return 404, {"error": "Audiobooks could not be found"}, {}
    extended = params.get("extended") == "1"
    return 200, {"books": [_book(number, one, extended=extended) for number, one in page]}, {}


def _wanted(params: Mapping[str, str]) -> Callable[[Recording], bool]:
    """`^` anchors at the beginning of the title, which is kept without its article; the author is a last name."""
    title, author, since = params.get("title", ""), params.get("author", ""), int(params.get("since", 0))
    anchored, asked = title.startswith("^"), title.removeprefix("^").casefold()

    def fits(one: Recording) -> bool:
        own = _ARTICLE.sub("", one.title).casefold()
        titled = not title or (own.startswith(asked) if anchored else own == asked)
        by = not author or author.casefold() in {last.casefold() for _, last in one.authors}
        return titled and by and one.published_at.timestamp() >= since

    return fits


def _book(number: int, one: Recording, *, extended: bool) -> Json:
    """Most numbers are text. What is not finished has no address and no length."""
    folder = f"https://www.archive.org/download/{one.identifier}"
    told = {
        "id": str(number),
        "title": _ARTICLE.sub("", one.title),
        "description": "<p>Authored.</p>",
        "language": one.language,
        "copyright_year": "0",
        "num_sections": str(len(one.readers) or 1),
        "url_rss": f"https://librivox.org/rss/{number}",
        "url_zip_file": f"{folder}/{one.identifier}_64kb_mp3.zip" if one.finished else "",
        "url_librivox": f"https://librivox.org/{one.identifier.replace('_', '-')}/",
        "totaltime": f"{one.seconds // 3600:02}:{one.seconds // 60 % 60:02}:{one.seconds % 60:02}",
        "totaltimesecs": one.seconds,
        "authors": [{"id": "1", "first_name": first, "last_name": last} for first, last in one.authors],
    }
    if not extended:
        return told
    sections = [
        {"id": str(place), "section_number": str(place), "readers": [{"reader_id": "1", "display_name": name}]}
        for place, name in enumerate(one.readers, start=1)
    ]
    address = f"https://archive.org/details/{one.identifier}" if one.finished else ""
    return {**told, "url_iarchive": address, "sections": sections, "genres": [], "translators": []}


# The Internet Archive


def _search(params: Mapping[str, str], items: Sequence[Recording]) -> Answer:
    query = params.get("q", "")
    collection = re.search(r"collection:(\S+)", query)
    title, creator = (_words_in(query, field) for field in ("title", "creator"))
    found = [
        one
        for one in items
        if (collection is None or collection[1] in one.collections)
        and title <= _words(one.title)
        and creator <= _words(_creator(one))
    ]
    if params.get("sort[]") == "publicdate desc":
        found.sort(key=lambda one: one.published_at, reverse=True)
    rows = int(params.get("rows", USUAL_LIMIT))
    docs = [{"identifier": one.identifier, "title": one.title, "creator": _creator(one)} for one in found[:rows]]
    body = {"responseHeader": {"status": 0}, "response": {"numFound": len(found), "start": 0, "docs": docs}}
    return 200, body, {}


def _words_in(query: str, field: str) -> set[str]:
    found = re.search(rf"{field}:\((.*?)\)", query)
    return _words(found[1]) if found else set()


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _creator(one: Recording) -> str:
    return ", ".join(f"{first} {last}".strip() for first, last in one.authors)


def _record(one: Recording) -> Json:
    """One field alone is text, several are a list."""
    collections = list(one.collections)
    told = {
        "identifier": one.identifier,
        "title": one.title,
        "creator": _creator(one),
        "mediatype": "audio",
        "collection": collections if len(collections) > 1 else "".join(collections),
        "language": one.language,
        "runtime": f"{one.seconds // 3600}:{one.seconds // 60 % 60:02}:{one.seconds % 60:02}",
        "publicdate": f"{one.published_at:%Y-%m-%d %H:%M:%S}",
        **({"licenseurl": one.licence} if one.licence else {}),
    }
    return {"created": 1763700000, "files": _files(one), "metadata": told}


def _files(one: Recording) -> list[Json]:
    """What the torrent lists, the list itself (whose size nobody knows), and the torrent."""
    listing = {"name": f"{one.identifier}_files.xml", "source": "original", "format": "Metadata"}
    if one.torrent is None:
        return [{"name": "01.mp3", "source": "original", "format": "VBR MP3", "size": "1000000"}, listing]
    payload = read_torrent(one.torrent)
    held = [
        {
            "name": file.path.partition("/")[2],
            "source": "original",
            "format": _format(file.path),
            "size": str(file.size_bytes),
        }
        for file in payload.files or ()
    ]
    torrent = {
        "name": f"{one.identifier}_archive.torrent",
        "source": "metadata",
        "format": "Archive BitTorrent",
        "btih": payload.infohash_v1,
        "size": str(len(one.torrent)),
    }
    return [*held, listing, torrent]


def _format(path: str) -> str:
    extension = PurePosixPath(path).suffix.lstrip(".")
    if extension == "mp3":
        return "64Kbps MP3" if path.endswith("_64kb.mp3") else "128Kbps MP3"
    return FORMATS.get(extension, extension.upper())
