"""Audiobookshelf's JSON, as far as we read or write it, and its translation into domain terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from domain.errors import Permanent
from domain.metadata import ItemMetadata
from domain.releases import SeriesName
from domain.world import Item

Text = str | int | float | None
"""Free text. Old databases hold numbers in some of these fields."""


class Status(msgspec.Struct, frozen=True, rename="camel"):
    app: str
    server_version: str
    is_init: bool


class Permissions(msgspec.Struct, frozen=True, rename="camel"):
    update: bool = False
    access_all_libraries: bool = False
    access_all_tags: bool = False
    access_explicit_content: bool = False


class Me(msgspec.Struct, frozen=True, rename="camel"):
    username: str
    type: str
    permissions: Permissions
    is_active: bool = True
    token: str | None = None
    """The old-style token that the socket accepts. A secret."""

    def __repr__(self) -> str:
        return f"Me(username={self.username!r}, type={self.type!r})"


class Folder(msgspec.Struct, frozen=True, rename="camel"):
    full_path: str


class Settings(msgspec.Struct, frozen=True, rename="camel"):
    disable_watcher: bool = False


class Library(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    media_type: str
    folders: tuple[Folder, ...]
    settings: Settings = Settings()
    last_scan: int | None = None


class Libraries(msgspec.Struct, frozen=True):
    libraries: tuple[Library, ...]


class TaskOf(msgspec.Struct, frozen=True, rename="camel"):
    library_id: str | None = None


class Task(msgspec.Struct, frozen=True):
    action: str
    data: TaskOf | None = None


class Tasks(msgspec.Struct, frozen=True):
    tasks: tuple[Task, ...]


class RowMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What a list row tells: authors, narrators and series only as strings for display."""

    title: Text = None
    subtitle: Text = None
    author_name: str = ""
    narrator_name: str = ""
    series_name: str = ""
    published_year: Text = None
    isbn: Text = None
    asin: Text = None
    language: Text = None
    abridged: bool = False


class RowMedia(msgspec.Struct, frozen=True, rename="camel"):
    metadata: RowMetadata
    num_tracks: int | None = None
    duration: float | None = None


class Row(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of a library's list (the short shape)."""

    id: str
    library_id: str
    path: str
    rel_path: str
    updated_at: int
    is_missing: bool
    media: RowMedia
    ino: Text = None
    is_invalid: bool = False
    size: int | None = None


class Page(msgspec.Struct, frozen=True):
    results: tuple[Row, ...]
    total: int


class Named(msgspec.Struct, frozen=True):
    name: str


class Numbered(msgspec.Struct, frozen=True):
    name: str
    sequence: Text = None


class FullMetadata(msgspec.Struct, frozen=True, rename="camel"):
    authors: tuple[Named, ...]
    narrators: tuple[str, ...]
    series: tuple[Numbered, ...]
    title: Text = None
    subtitle: Text = None
    published_year: Text = None
    isbn: Text = None
    asin: Text = None
    language: Text = None
    abridged: bool = False


class OnDisk(msgspec.Struct, frozen=True):
    ext: Text = None


class Audio(msgspec.Struct, frozen=True):
    """One audio file of an item. The server plays those that are not excluded."""

    metadata: OnDisk = OnDisk()
    format: Text = None
    exclude: bool = False


class FullMedia(msgspec.Struct, frozen=True, rename="camel"):
    metadata: FullMetadata
    audio_files: tuple[Audio, ...] = ()
    num_tracks: int | None = None
    duration: float | None = None


class Full(msgspec.Struct, frozen=True, rename="camel"):
    """One item in the expanded shape, as batch/get and `?expanded=1` give it."""

    id: str
    library_id: str
    path: str
    rel_path: str
    updated_at: int
    is_missing: bool
    media: FullMedia
    ino: Text = None
    is_invalid: bool = False
    size: int | None = None


class Batch(msgspec.Struct, frozen=True, rename="camel"):
    library_items: tuple[Full, ...]


class BatchGet(msgspec.Struct, frozen=True, rename="camel"):
    library_item_ids: tuple[str, ...]
    """Never empty: the server answers 403 to that."""


class PatchSeries(msgspec.Struct, frozen=True):
    name: str
    sequence: str | UnsetType = UNSET


class PatchMetadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A body built from types: a null inside one of these lists would end the server's process."""

    title: str | UnsetType = UNSET
    subtitle: str | UnsetType = UNSET
    authors: tuple[Named, ...] | UnsetType = UNSET
    narrators: tuple[str, ...] | UnsetType = UNSET
    series: tuple[PatchSeries, ...] | UnsetType = UNSET
    asin: str | UnsetType = UNSET
    isbn: str | UnsetType = UNSET
    published_year: str | UnsetType = UNSET
    language: str | UnsetType = UNSET


class Patch(msgspec.Struct, frozen=True):
    metadata: PatchMetadata


def item_of(full: Full) -> Item:
    """The expanded shape as an item. `abridged` is only known when it is set: its default says nothing."""
    said = full.media.metadata
    series = tuple(SeriesName(name=one.name, position=_text(one.sequence)) for one in said.series)
    authors = tuple(one.name for one in said.authors)
    formats = tuple(sorted({_format(file) for file in full.media.audio_files if not file.exclude}))
    return Item(**_facts(full), authors=authors, narrators=said.narrators, series=series, formats=formats)


def _format(file: Audio) -> str:
    """Its ending, as release titles and profiles name formats; else what the server says of its inside."""
    return (_text(file.metadata.ext) or _text(file.format) or "unknown").lstrip(".").lower()


def still_true(row: Row, known: Item) -> bool:
    """Whether what was read before still holds for this row. Renaming an author does not move `updatedAt`."""
    said = row.media.metadata
    shown = (said.author_name, said.narrator_name, said.series_name)
    before = (", ".join(known.authors), ", ".join(known.narrators), ", ".join(map(_shown, known.series)))
    same_names = [_parts(text) for text in shown] == [_parts(text) for text in before]
    # What was kept by a version that did not know of formats is read once more.
    knows_formats = bool(known.formats) or not row.media.num_tracks
    return same_names and knows_formats and msgspec.structs.replace(known, **_facts(row)) == known


def _facts(item: Row | Full) -> dict[str, Any]:
    """What both shapes tell, by the names of `Item`'s fields."""
    said = item.media.metadata
    return {
        "id": item.id,
        "library_id": item.library_id,
        "path": item.path,
        "rel_path": item.rel_path,
        "title": _text(said.title) or "",
        "subtitle": _text(said.subtitle),
        "asin": _text(said.asin),
        "isbn": _text(said.isbn),
        "language": _text(said.language),
        "abridged": True if said.abridged else None,
        "published_year": _text(said.published_year),
        "duration_s": item.media.duration or None,
        "size_bytes": item.size,
        "tracks": item.media.num_tracks,
        "is_missing": item.is_missing,
        "is_invalid": item.is_invalid,
        "updated_at_ms": item.updated_at,
        "inode": _text(item.ino) or "",
    }


def _text(value: Text) -> str | None:
    return str(value).strip() or None if value is not None else None


def _shown(series: SeriesName) -> str:
    return f"{series.name} #{series.position}" if series.position else series.name


def _parts(shown: str) -> list[str]:
    # The list and the expanded shape need not agree on the order of names.
    return sorted(part.strip() for part in shown.split(", "))


def trimmed(metadata: ItemMetadata) -> ItemMetadata:
    """The fields as they will be sent: blanks around names would make a different author or series.

    `Permanent` for what must never be sent: an empty title or a blank name.
    """
    if metadata.title is not None and not metadata.title.strip():
        raise Permanent("An item's title cannot be set to nothing", code="LibraryTitleEmpty")
    series = metadata.series
    return ItemMetadata(
        title=_trim(metadata.title),
        subtitle=_trim(metadata.subtitle),
        authors=_names(metadata.authors, "author"),
        narrators=_names(metadata.narrators, "narrator"),
        series=None if series is None else _series(series),
        asin=_trim(metadata.asin),
        isbn=_trim(metadata.isbn),
        published_year=_trim(metadata.published_year),
        language=_trim(metadata.language),
    )


def _trim(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _names(names: Iterable[str] | None, whose: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    clean = tuple(dict.fromkeys(name.strip() for name in names))
    if "" in clean:
        raise Permanent(f"A blank {whose} cannot be written to an item", code="LibraryNameBlank")
    return clean


def _series(series: Iterable[SeriesName]) -> tuple[SeriesName, ...]:
    # The server keeps the last number of a series that is named twice; so do we, before it has to.
    by_name = {one.name.strip().casefold(): one for one in series}
    if "" in by_name:
        raise Permanent("A blank series cannot be written to an item", code="LibraryNameBlank")
    return tuple(SeriesName(name=one.name.strip(), position=_text(one.position)) for one in by_name.values())


def patch_of(metadata: ItemMetadata) -> Patch:
    """The body of a change with only the fields that are given. Takes what `trimmed` returned."""
    series, authors = metadata.series, metadata.authors
    return Patch(
        metadata=PatchMetadata(
            title=_given(metadata.title),
            subtitle=_given(metadata.subtitle),
            authors=UNSET if authors is None else tuple(Named(name) for name in authors),
            narrators=UNSET if metadata.narrators is None else metadata.narrators,
            series=UNSET if series is None else tuple(PatchSeries(one.name, _given(one.position)) for one in series),
            asin=_given(metadata.asin),
            isbn=_given(metadata.isbn),
            published_year=_given(metadata.published_year),
            language=_given(metadata.language),
        )
    )


def _given(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text


def differences(item: Item, wanted: ItemMetadata) -> tuple[str, ...]:
    """The given fields that the item does not have. Takes what `trimmed` returned.

    The server knows authors and series by name without regard to case, keeps the spelling it has, and keeps its order.
    """
    unlike = [
        name for name in _TEXTS if (text := getattr(wanted, name)) is not None and getattr(item, name) != (text or None)
    ]
    if wanted.title is not None and item.title != wanted.title:
        unlike.append("title")
    if wanted.authors is not None and _folded(item.authors) != _folded(wanted.authors):
        unlike.append("authors")
    if wanted.narrators is not None and item.narrators != wanted.narrators:
        unlike.append("narrators")
    if wanted.series is not None and _numbers(item.series) != _numbers(wanted.series):
        unlike.append("series")
    return tuple(sorted(unlike))


_TEXTS = ("subtitle", "asin", "isbn", "published_year", "language")


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip().casefold() for name in names)


def _numbers(series: Iterable[SeriesName]) -> dict[str, str | None]:
    return {one.name.strip().casefold(): one.position for one in series}
