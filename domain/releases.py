"""What an indexer offers, in one normal form."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath

import msgspec


class SeriesName(msgspec.Struct, frozen=True, kw_only=True):
    """A series as a source names it, with the number as text exactly as it was given."""

    name: str
    position: str | None = None


class TorrentFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file inside a torrent: its path relative to the save folder, and its size."""

    path: str
    size_bytes: int

    @property
    def extension(self) -> str:
        """Lower case, without the dot; empty when there is none."""
        return PurePosixPath(self.path).suffix.lower().lstrip(".")


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One release. `None` means that the indexer did not say; unknown is never zero.

    Holds no secret: links with keys in them stay inside the adapter, which finds them again by `id`.
    """

    id: str
    """16 hex digits over the indexer's name and its own id for the release."""
    indexer: str
    title: str
    """Cleaned: entities decoded, tags and control characters removed, one kind of blank, NFC."""
    authors: tuple[str, ...] | None = None
    narrators: tuple[str, ...] | None = None
    series: tuple[SeriesName, ...] | None = None
    language: str | None = None
    filetypes: tuple[str, ...] | None = None
    category: str | None = None
    """The indexer's own category as text: `3030`, `Audiobooks - Fantasy`."""
    categories: tuple[int, ...] = ()
    tags: str | None = None
    size_bytes: int | None = None
    files: int | None = None
    seeders: int | None = None
    leechers: int | None = None
    grabs: int | None = None
    published_at: datetime | None = None
    infohash: str | None = None
    """40 hex digits, lower case; v1 unless only a v2 one is known."""
    download_factor: float | None = None
    """0 is free, 0.5 half, 1 full."""
    min_ratio: float | None = None
    min_seed_s: int | None = None
    snatched: bool = False
    """Whether this account had it before."""
    tracker: str | None = None
    """The tracker behind it, by name, where one indexer asks several."""
    tracker_id: str | None = None
    """The tracker's own name for it, `mam/12345`: the same wherever the release is offered."""
    whole: bool = True
    """Whether every file of the torrent must be taken: a tracker's rule. Where not, formats that are not wanted may be
    left out (the Internet Archive puts all of an item's formats into one torrent)."""
    info_url: str | None = None
    also_at: tuple[str, ...] = ()
    """Other indexers that offer the same torrent."""
    warnings: tuple[str, ...] = ()


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved download: the bytes of a torrent file or a magnet link, with the ids computed from it.

    Both `content` and `magnet` may carry a passkey: they are handed to the client and never logged or stored.
    """

    content: bytes | None = None
    magnet: str | None = None
    infohash_v1: str | None = None
    infohash_v2: str | None = None
    """64 hex digits."""
    name: str = ""
    files: tuple[TorrentFile, ...] | None = None
    """None for a magnet: unknown until the metadata came. Padding files and unwanted ones are left out."""
    unwanted: tuple[str, ...] = ()
    """Paths of files that the client shall not download; never asked for where `Release.whole`."""

    @property
    def id(self) -> str:
        """What the client will call it first: truncated v2 when a v2 hash is known, else v1."""
        return (self.infohash_v2 or "")[:40] or self.infohash_v1 or ""

    def __repr__(self) -> str:
        return f"Payload(id={self.id!r}, name={self.name!r})"
