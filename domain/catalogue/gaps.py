"""Books that the library lacks, each with who says that it should be there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Gap(StrEnum):
    """Why a book counts as missing."""

    SERIES = "series gap"
    """Others of its series are here."""
    AUTHOR = "author gap"
    """Others by its author are here."""
    DECLARED = "declared"
    """A document asks for it by name."""
    DISCOVERED = "discovered"
    """A rule of discovery found it."""


class MissingBook(msgspec.Struct, frozen=True, kw_only=True):
    """A want that nothing in the library satisfies, and what is done about it."""

    want: str
    """The key of the want."""
    title: str
    authors: tuple[str, ...] = ()
    series: str | None = None
    position: str | None = None
    reason: Gap
    evidence: tuple[str, ...] = ()
    """Who says so, a sentence each: documents, claims of sources, the rule that made it wanted."""
    decision: str = ""
    """What the newest plan does about it."""
    first_seen_at: datetime | None = None
    """Written by the store: when it was missing for the first time."""
    last_seen_at: datetime | None = None
    """Written by the store: when it was missing for the last time."""
    closed_at: datetime | None = None
    """Written by the store: since when it is missing no longer; None while it is."""
