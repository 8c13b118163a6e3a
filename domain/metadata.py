"""Metadata of a library item: what we intend, and how it is compared with what is there."""

from __future__ import annotations

import msgspec

from domain.releases import SeriesName


class ItemMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Fields to write. `None` leaves a field untouched; lists replace the whole list on the server."""

    title: str | None = None
    subtitle: str | None = None
    authors: tuple[str, ...] | None = None
    narrators: tuple[str, ...] | None = None
    series: tuple[SeriesName, ...] | None = None
    asin: str | None = None
    isbn: str | None = None
    published_year: str | None = None
    language: str | None = None
