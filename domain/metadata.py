"""Metadata of a library item: what we intend, and how it is compared with what is there."""

from __future__ import annotations

import msgspec

from domain.names import fold, series_key
from domain.positions import read_position
from domain.releases import SeriesName
from domain.wants import Want
from domain.world import Item


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


def intended(want: Want, item: Item) -> ItemMetadata | None:
    """What must be written so that the item says which book it is; None when it says so already.

    Title, authors, and the series with its number are compared after folding, so that a difference of spelling alone is
    never rewritten for ever. Other series of the item, and every other field, stay as they are.
    """
    title = want.title if fold(item.title) != fold(want.title) else None
    authors = want.authors if want.authors and set(map(fold, item.authors)) != set(map(fold, want.authors)) else None
    series = _series(want, item)
    asin = want.asin if want.asin and not item.asin else None
    if title is None and authors is None and series is None and asin is None:
        return None
    return ItemMetadata(title=title, authors=authors, series=series, asin=asin)


def _series(want: Want, item: Item) -> tuple[SeriesName, ...] | None:
    if not want.series:
        return None
    number = want.position.text if want.position else None
    for series in item.series:
        position = read_position(series.position)
        same_place = position.same(want.position) if position and want.position else number == (series.position or None)
        if series_key(series.name) == series_key(want.series) and same_place:
            return None
    others = tuple(series for series in item.series if series_key(series.name) != series_key(want.series or ""))
    return (SeriesName(name=want.series, position=number), *others)
