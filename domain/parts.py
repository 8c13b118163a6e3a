"""Which part of a book a title says it is: `The Emerald City of Oz (1 of 2)`."""

from __future__ import annotations

import re

_COUNT = r"\d{1,2}|one|two|three|four|five|six"
_OF_ALL = rf"(?:(?:part|pt\.?)\s+|(?<!book\s)(?<!books\s)(?<!novel\s))(?P<part>{_COUNT})\s+of\s+(?P<all>{_COUNT})"
"""`Book 3 of 14` is a place in a series."""
_ALONE = rf"(?:part|pt\.?)\s+(?P<alone>{_COUNT}|i{{1,3}}|iv|vi?)"
_EDITION = r"(?P<edition>(?:\s*\[[^\[\]]*\]|\s*\([^()]*\))*)"
"""What may follow in brackets: `[Dramatized Adaptation]`."""
_PART = re.compile(rf"[\s,:\-–(\[]+(?:{_OF_ALL}|{_ALONE})\s*[)\]]?{_EDITION}$", re.IGNORECASE)
_NUMBERS = {word: number for number, word in enumerate(["one", "two", "three", "four", "five", "six"], 1)}
_NUMBERS |= {word: number for number, word in enumerate(["i", "ii", "iii", "iv", "v", "vi"], 1)}


def read_part(title: str) -> tuple[int, int | None] | None:
    """(k, n) of `part k of n` at the end of a title, n None where it is not said; None for a whole book.

    Words of the edition may follow in brackets. Elsewhere "part" is a word like any other: `Part of Your World`.
    """
    found = _PART.search(title[:500])
    if not found:
        return None
    part, of = _number(found["part"] or found["alone"]), _number(found["all"]) if found["all"] else None
    return None if of is not None and not 1 <= part <= of else (part, of)


def without_part(title: str) -> str:
    """The title of the whole book, with its edition where that is said in brackets."""
    return _PART.sub(r"\g<edition>", title[:500]).strip() or title if read_part(title) else title


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word.casefold()]
