"""What a tracker says about our account with it."""

from __future__ import annotations

from datetime import datetime

import msgspec

BOUNDLESS = 1e9
"""The ratio of who downloaded nothing: a number, because JSON knows no infinity and what is unknown waits."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account's record at one indexer. None is unknown, never zero."""

    indexer: str
    read_at: datetime
    """When we asked; a tracker may have made its record a few minutes earlier."""
    kept: bool = True
    """False where it turned out that the indexer keeps no account, after a reading that failed."""
    rank: str = ""
    """The tracker's own word: `Power User`, `VIP`."""
    ratio: float | None = None
    """Uploaded over downloaded; `BOUNDLESS` where nothing was downloaded."""
    uploaded_bytes: int | None = None
    downloaded_bytes: int | None = None
    unsatisfied: int | None = None
    """Torrents that still owe seeding."""
    unsatisfied_limit: int | None = None
    """How many may owe at once; the tracker freezes downloads beyond it."""
    vip_until: datetime | None = None
    points: int | None = None
    wedges: int | None = None
    connectable: bool | None = None
    grabbed_since: int = 0
    """Grabs of ours that the record may not know of yet. Counted when the record is used; a reading of it says 0."""
