"""Proof of content: is what was downloaded really that book, whole and readable? Asked before the library sees it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class AudioFile(msgspec.Struct, frozen=True, kw_only=True):
    """What an audio reader found in one file. `error` says why it could not be read."""

    path: str
    size_bytes: int
    duration_s: float | None = None
    bitrate_kbps: int | None = None
    codec: str | None = None
    tags: Mapping[str, str] = {}
    """Lower-case common names: album, title, artist, albumartist, composer, date, track, language, asin, series."""
    error: str | None = None
