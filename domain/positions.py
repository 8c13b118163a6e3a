"""Where a book stands in a series: `1`, `0`, `0.5`, `1-3`, `1, 2`, `5p3` (book 5, part 3), or nowhere."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """One place or a stretch of places. `low == high` for a single book; compared as numbers, shown as `text`."""

    text: str
    low: Decimal
    high: Decimal
    part: int | None = None
    """Which part of that book, when this is only a part of it (`5p3` is part 3 of book 5)."""

    @property
    def single(self) -> bool:
        return self.low == self.high

    @property
    def whole_book(self) -> bool:
        return self.single and self.part is None
