"""The JSON shapes of the stand-in: an item in a list, alone and expanded; libraries, tasks, the user."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from adapters.sandbox.abs_files import BookFile, Times
from adapters.sandbox.abs_world import Book, Task, World

VERSION = "2.36.0"
Json = dict[str, Any]


def row(world: World, book: Book) -> Json:
    """The short shape of a list: people and series only as text for display."""
    media = {"id": book.media_id, "metadata": _facts(book) | _shown(book), "coverPath": None, "tags": book.tags}
    return _item(world, book) | {"media": media | _counts(book), "numFiles": len(book.files), "size": book.size}


def plain(world: World, book: Book) -> Json:
    """The shape of `/api/items/:id` and of the answer to a change."""
    media = {
        "id": book.media_id,
        "libraryItemId": book.id,
        "metadata": _facts(book) | _structured(world, book),
        "coverPath": None,
        "tags": book.tags,
        "audioFiles": [_audio(book, number, file) for number, file in enumerate(book.audio, 1)],
        "chapters": [],
        "ebookFile": None,
    }
    scanned = {"lastScan": book.last_scan, "scanVersion": VERSION}
    return _item(world, book) | scanned | {"media": media, "libraryFiles": [_file(book, file) for file in book.files]}


def expanded(world: World, book: Book) -> Json:
    """The shape of `?expanded=1`, batch/get and the socket's events."""
    item = plain(world, book)
    media = item["media"]
    media["metadata"] |= _shown(book) | {"descriptionPlain": book.metadata.description}
    media |= _counts(book)
    media["tracks"] = _tracks(book)
    return item | {"numFiles": len(book.files), "size": book.size}


def _item(world: World, book: Book) -> Json:
    return {
        "id": book.id,
        "ino": book.ino,
        "oldLibraryItemId": None,
        "libraryId": world.kept.library_id,
        "folderId": world.kept.folder_id,
        "path": book.path,
        "relPath": book.rel_path,
        "isFile": book.is_file,
        **_times(book.times),
        "addedAt": book.added_at,
        "updatedAt": book.updated_at,
        "isMissing": book.is_missing,
        "isInvalid": False,
        "mediaType": "book",
    }


def _times(times: Times) -> Json:
    return {"mtimeMs": times.mtime_ms, "ctimeMs": times.ctime_ms, "birthtimeMs": times.birthtime_ms}


def _facts(book: Book) -> Json:
    known = book.metadata
    return {
        "title": known.title,
        "subtitle": known.subtitle,
        "genres": known.genres,
        "publishedYear": known.published_year,
        "publishedDate": None,
        "publisher": known.publisher,
        "description": known.description,
        "isbn": known.isbn,
        "asin": known.asin,
        "language": known.language,
        "explicit": known.explicit,
        "abridged": known.abridged,
    }


def _structured(world: World, book: Book) -> Json:
    known = book.metadata
    series = [{"id": world.name_id("series", name), "name": name, "sequence": number} for name, number in known.series]
    authors = [{"id": world.name_id("author", name), "name": name} for name in known.authors]
    return {"authors": authors, "narrators": known.narrators, "series": series}


def _shown(book: Book) -> Json:
    known = book.metadata
    return {
        "titleIgnorePrefix": prefix_last(known.title),
        "authorName": ", ".join(known.authors),
        "authorNameLF": ", ".join(map(_last_first, known.authors)),
        "narratorName": ", ".join(known.narrators),
        "seriesName": ", ".join(f"{name} #{number}" if number else name for name, number in known.series),
    }


def prefix_last(title: str | None) -> str | None:
    """`The Scarecrow of Oz` as `Scarecrow of Oz, The`."""
    article, _, rest = (title or "").partition(" ")
    return f"{rest}, {article}" if rest and article.lower() in ("the", "a") else title


def _last_first(name: str) -> str:
    first, _, last = name.rpartition(" ")
    return f"{last}, {first}" if first else last


def _counts(book: Book) -> Json:
    tracks = len(book.audio)
    return {
        "numTracks": tracks,
        "numAudioFiles": tracks,
        "numChapters": 0,
        "duration": book.duration,
        "size": sum(file.size for file in book.audio),
    }


def _stat(book: Book, file: BookFile) -> Json:
    path = PurePosixPath(file.rel_path)
    whole = book.path if book.is_file else f"{book.path}/{file.rel_path}"
    named = {"filename": path.name, "ext": path.suffix, "path": whole, "relPath": file.rel_path, "size": file.size}
    return named | _times(file.times)


def _file(book: Book, file: BookFile) -> Json:
    seen = {"isSupplementary": None, "addedAt": book.added_at, "updatedAt": book.added_at}
    kind = "audio" if file.is_audio else "metadata" if file.rel_path.endswith((".json", ".nfo", ".opf")) else "unknown"
    return {"ino": file.ino, "metadata": _stat(book, file), **seen, "fileType": kind}


def _audio(book: Book, number: int, file: BookFile) -> Json:
    return {
        "index": number,
        "ino": file.ino,
        "metadata": _stat(book, file),
        "addedAt": book.added_at,
        "updatedAt": book.added_at,
        "exclude": False,
        "error": None,
        "duration": file.duration,
        "chapters": [],
        "metaTags": {_meta_tag(name): text for name, text in file.tags.items()},
    }


def _meta_tag(name: str) -> str:
    """`series-part` as `tagSeriesPart`."""
    return "tag" + "".join(part.capitalize() for part in name.replace("_", "-").split("-"))


def _tracks(book: Book) -> list[Json]:
    tracks, offset = [], 0.0
    for number, file in enumerate(book.audio, 1):
        where = {"title": PurePosixPath(file.rel_path).name, "startOffset": round(offset, 3)}
        tracks.append(_audio(book, number, file) | where | {"contentUrl": f"/api/items/{book.id}/file/{file.ino}"})
        offset += file.duration or 0.0
    return tracks


def library(world: World) -> Json:
    kept = world.kept
    folder = {"id": kept.folder_id, "fullPath": world.root.as_posix(), "libraryId": kept.library_id}
    shape: Json = {
        "id": kept.library_id,
        "name": kept.name,
        "folders": [folder | {"addedAt": kept.created_at}],
        "displayOrder": 1,
        "icon": "database",
        "mediaType": "book",
        "provider": "google",
        "settings": {
            "coverAspectRatio": 1,
            "disableWatcher": kept.disable_watcher,
            "autoScanCronExpression": None,
            "audiobooksOnly": True,
            "metadataPrecedence": ["folderStructure", "audioMetatags", "nfoFile", "txtFiles", "opfFile", "absMetadata"],
        },
        "lastScan": kept.last_scan,
        "createdAt": kept.created_at,
        "lastUpdate": kept.last_scan or kept.created_at,
    }
    return shape | ({"lastScanVersion": VERSION} if kept.last_scan else {})


def task(one: Task) -> Json:
    shape: Json = msgspec.to_builtins(one)
    return shape | {"description": None, "error": None, "showSuccess": True}


def me(world: World, token: str) -> Json:
    may = ("download", "update", "delete", "upload", "createEreader", "accessAllLibraries", "accessAllTags")
    return {
        "id": world.kept.user_id,
        "username": "root",
        "email": None,
        "type": "root",
        "token": token,
        "isActive": True,
        "isLocked": False,
        "createdAt": world.kept.created_at,
        "permissions": dict.fromkeys((*may, "accessExplicitContent"), True) | {"selectedTagsNotAccessible": False},
        "librariesAccessible": [],
        "itemTagsSelected": [],
    }
