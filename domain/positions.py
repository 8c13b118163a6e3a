"""Where a book stands in a series: `1`, `0`, `0.5`, `1-3`, `1, 2`, `5p3` (book 5, part 3), or nowhere."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import msgspec

HIGHEST = 9999
LONGEST = 200
LONGEST_WITH_WORDS = 24
"""Longer texts are no position. Only packs that list their volumes one by one are long, and these hold no words."""


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

    def same(self, other: Position) -> bool:
        """Equal as numbers: `01` is `1.0`, and a part is not its book."""
        return (self.low, self.high, self.part) == (other.low, other.high, other.part)

    def covers(self, other: Position) -> bool:
        """Whether the other stands within this stretch. A part covers only itself."""
        if self.part is not None:
            return self.same(other)
        return self.low <= other.low and other.high <= self.high


_NUMBER = r"(?:\d{1,4}(?:[.,]\d{1,2})?|\.\d{1,2})"
_SINGLE = re.compile(rf"({_NUMBER})")
_PART = re.compile(rf"({_NUMBER})\s?p(?:art\s?)?(\d{{1,2}})", re.IGNORECASE)
_RANGE = re.compile(rf"({_NUMBER})\s?(?:-|to|through)\s?#?({_NUMBER})", re.IGNORECASE)
_LIST = re.compile(rf"{_NUMBER}(?:(?:\s?[,;&+/]\s?|\s?\band\b\s?){_NUMBER})+", re.IGNORECASE)
_COMMA_PAIR = re.compile(r"(\d{1,4}),(\d{1,4})")
_PIECE = re.compile(rf"({_NUMBER})(?:\s?-\s?({_NUMBER}))?")
_PIECES = re.compile(rf"{_PIECE.pattern}(?:\s?[,;&+]\s?{_PIECE.pattern})+")
_DRAMATIZED = re.compile(r"[,;:]?\s*\(?dramati[sz]ed[^,]*$", re.IGNORECASE)
_PART_OF = re.compile(r"[,;:]?\s*\(?(?:part|pt\.?) (\d{1,2})(?: of \d{1,2})?\)?$", re.IGNORECASE)
_WORDS_BEFORE = re.compile(r"^(?:[^\W\d]+\.?[\s#:]+)*(?:[^\W\d]+\.?|#|№|no\.|nr\.)\s?#?(?=[\d.])", re.IGNORECASE)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")


def read_position(text: object) -> Position | None:
    """Read a number in a series from whatever a source gave; None when it says none (`Prequel`, `1-2-3`, `-1`).

    `low` and `high` of a range or a list are its ends: a stretch is never cut to its first number.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    if isinstance(text, int) and abs(text) > HIGHEST:
        return None
    shown = " ".join(unicodedata.normalize("NFKC", str(text)[: LONGEST + 1]).split())
    if not shown or len(shown) > LONGEST:
        return None
    bare = _DRAMATIZED.sub("", shown.translate(_DASHES)).strip()
    part: int | None = None
    if tail := _PART_OF.search(bare):
        bare, part = bare[: tail.start()].strip(), int(tail[1])
    if len(bare) > LONGEST_WITH_WORDS and any(mark.isalpha() for mark in bare):
        return None
    bare = _WORDS_BEFORE.sub("", bare, count=1).strip().lstrip("#").strip()
    if shortened := _PART.fullmatch(bare):
        bare, part = shortened[1], int(shortened[2])
    ends = _ends(bare)
    if ends is None or ends[0] > ends[1]:
        return None
    low, high = ends
    return Position(text=shown, low=low, high=high, part=part)


def _ends(bare: str) -> tuple[Decimal, Decimal] | None:
    if stretch := _RANGE.fullmatch(bare):
        return _decimal(stretch[1]), _decimal(stretch[2])
    # "0,5" is a half and "1,2" two volumes: a comma between neighbours lists them.
    if (pair := _COMMA_PAIR.fullmatch(bare)) and int(pair[2]) == int(pair[1]) + 1:
        return Decimal(pair[1]), Decimal(pair[2])
    if _SINGLE.fullmatch(bare):
        return _decimal(bare), _decimal(bare)
    if _LIST.fullmatch(bare) or _PIECES.fullmatch(bare):
        numbers = [_decimal(number) for number in re.findall(r"\d+\.\d+|\.?\d+", bare)]
        return min(numbers), max(numbers)
    return None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))
