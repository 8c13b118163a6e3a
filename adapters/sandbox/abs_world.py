"""The stand-in's library: what it knows of the books in a folder, kept in one file, and how a scan changes that."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from adapters.sandbox.abs_files import (
    BookFile,
    Found,
    Metadata,
    Times,
    find_books,
    numbered,
    probe,
    read_metadata,
)

NAMESPACE = uuid.UUID("6f1b6a52-9a2e-4c0e-8f0a-3a5b8c1d7e90")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Book(msgspec.Struct, rename="camel"):
    """One library item. Identified by its path first, then by an inode number: as real, and as risky."""

    id: str
    media_id: str
    ino: str
    path: str
    rel_path: str
    is_file: bool
    times: Times
    files: list[BookFile]
    metadata: Metadata
    added_at: int
    updated_at: int
    last_scan: int
    tags: list[str] = []
    is_missing: bool = False

    @property
    def audio(self) -> list[BookFile]:
        return [file for file in self.files if file.duration is not None]

    @property
    def duration(self) -> float:
        return round(sum(file.duration or 0.0 for file in self.files), 3)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Task(msgspec.Struct, rename="camel"):
    """Background work. It is listed while it runs and forgotten at a restart."""

    id: str
    action: str
    data: dict[str, Any]
    title: str
    started_at: int
    is_finished: bool = False
    is_failed: bool = False
    finished_at: int | None = None


class Kept(msgspec.Struct, rename="camel"):
    """What survives a restart."""

    library_id: str
    folder_id: str
    user_id: str
    name: str = "Books"
    books: list[Book] = []
    last_scan: int | None = None
    disable_watcher: bool = True
    created_at: int = 0


class Changes(msgspec.Struct):
    """What one scan did."""

    added: list[Book] = []
    updated: list[Book] = []
    missing: int = 0


class World:
    """One library over one folder."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.state = state
        self._file = state / "audiobookshelf.json"
        self.tasks: list[Task] = []
        self.kept = self._load()
        self.save()

    def _load(self) -> Kept:
        if self._file.exists():
            return msgspec.json.decode(self._file.read_bytes(), type=Kept)
        ids = [str(uuid.uuid4()) for _ in range(3)]
        return Kept(library_id=ids[0], folder_id=ids[1], user_id=ids[2], created_at=now_ms())

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self.kept))
        fresh.replace(self._file)

    def find(self, book_id: str) -> Book | None:
        return next((book for book in self.kept.books if book.id == book_id), None)

    def name_id(self, kind: str, name: str) -> str:
        """Authors and series are known by name within a library, without regard to case."""
        return str(uuid.uuid5(NAMESPACE, f"{self.kept.library_id}/{kind}/{name.casefold()}"))

    def spelled(self, kind: str, name: str) -> str:
        """A name as the library has it already: there is one author or series for all spellings in other case."""
        for book in self.kept.books:
            known = book.metadata.authors if kind == "author" else [name for name, _ in book.metadata.series]
            for other in known:
                if other.casefold() == name.casefold():
                    return other
        return name

    def start_task(self, action: str, title: str) -> Task:
        kept = self.kept
        about = {"libraryId": kept.library_id, "libraryName": kept.name, "libraryMediaType": "book"}
        task = Task(id=str(uuid.uuid4()), action=action, data=about, title=title, started_at=now_ms())
        self.tasks.append(task)
        return task

    def end_task(self, task: Task) -> None:
        task.is_finished, task.finished_at = True, now_ms()
        self.tasks = [other for other in self.tasks if other.id != task.id]

    def running(self, action: str) -> bool:
        return any(task.action == action for task in self.tasks)

    def scan(self) -> Changes:
        """Look at the folder. A root that is gone is no error: every book is missing then."""
        found = {one.rel_path: one for one in find_books(self.root)}
        changes = Changes()
        for book in self.kept.books:
            match = found.get(book.rel_path) or _by_inode(book, found.values())
            if match is not None:
                del found[match.rel_path]
                if self._refresh(book, match):
                    changes.updated.append(book)
            elif not book.is_missing:
                book.is_missing, book.updated_at, book.last_scan = True, now_ms(), now_ms()
                changes.updated.append(book)
            changes.missing += book.is_missing
        changes.added = [fresh for one in found.values() if (fresh := self._new(one)) is not None]
        self.kept.books += changes.added
        self.kept.last_scan = max(now_ms(), (self.kept.last_scan or 0) + 1)
        self.save()
        return changes

    def _new(self, found: Found) -> Book | None:
        """A book that was not known; none when no audio of it can be read."""
        probe(self._folder(found), found)
        if not found.audio:
            return None
        metadata = read_metadata(found)
        _apply_sidecar(metadata, self._folder(found))
        at = now_ms()
        return Book(
            id=str(uuid.uuid4()),
            media_id=str(uuid.uuid4()),
            ino=found.ino,
            path=(self.root / found.rel_path).as_posix(),
            rel_path=found.rel_path,
            is_file=found.is_file,
            times=found.times,
            files=found.files,
            metadata=metadata,
            added_at=at,
            updated_at=at,
            last_scan=at,
        )

    def _refresh(self, book: Book, found: Found) -> bool:
        """Bring a known book up to date. What the server knows already outranks names and tags: edits survive."""
        same_files = _fingerprint(book.files) == _fingerprint(found.files)
        moved = book.rel_path != found.rel_path
        if same_files and not moved and not book.is_missing and (book.ino, book.times) == (found.ino, found.times):
            return False
        if not same_files or moved:
            probe(self._folder(found), found)
            book.metadata = _known_over(book.metadata, read_metadata(found))
            _apply_sidecar(book.metadata, self._folder(found))
            book.files = found.files
        book.path, book.rel_path = (self.root / found.rel_path).as_posix(), found.rel_path
        book.ino, book.times, book.is_file, book.is_missing = found.ino, found.times, found.is_file, False
        book.updated_at = book.last_scan = now_ms()
        return True

    def _folder(self, found: Found) -> Path:
        return (self.root / found.rel_path).parent if found.is_file else self.root / found.rel_path


def _by_inode(book: Book, found: Iterable[Found]) -> Found | None:
    """By the number of the folder or of a file: a new folder that was given an old number takes the book's place."""
    inodes = {book.ino, *(file.ino for file in book.files)}
    return next((one for one in found if one.ino in inodes or book.ino in {file.ino for file in one.files}), None)


def _fingerprint(files: Iterable[BookFile]) -> list[tuple[str, str, int, int]]:
    return sorted((file.rel_path, file.ino, file.size, file.times.mtime_ms) for file in files)


def _known_over(known: Metadata, read: Metadata) -> Metadata:
    """Known values over those just read; nulls and empty authors or genres do not count as known."""
    for field in msgspec.structs.fields(Metadata):
        value = getattr(known, field.name)
        if value is not None and not (field.name in ("authors", "genres") and not value):
            setattr(read, field.name, value)
    return read


class Sidecar(msgspec.Struct, rename="camel"):
    """A `metadata.json` beside the audio: it outranks edits made over the API."""

    title: str | None = None
    subtitle: str | None = None
    authors: list[str] | None = None
    narrators: list[str] | None = None
    series: list[str] | None = None
    published_year: str | None = None
    isbn: str | None = None
    asin: str | None = None
    language: str | None = None


def _apply_sidecar(metadata: Metadata, folder: Path) -> None:
    try:
        said = msgspec.json.decode((folder / "metadata.json").read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return
    for field in msgspec.structs.fields(Sidecar):
        value = getattr(said, field.name)
        if field.name == "series" and value is not None:
            value = [numbered(one) for one in value]
        if value is not None and value != []:
            setattr(metadata, field.name, value)
