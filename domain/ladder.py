"""What the indexers are asked for one want: precisely first, then with less that a release may spell otherwise.

Most indexers offer what holds every word that was asked for, so that a word left out finds more, never less.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from domain.names import LITTLE_WORDS, fold, last_first, read_book_title, read_number
from domain.wants import Want

MOST_QUESTIONS = 8
MOST_OTHER_TITLES = 2

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ`´′"), "'")
_SPELT_MANY_WAYS = re.compile(r"\w'\w|\d[.,]\d")
_ROMAN = ((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_HIGHEST_ROMAN = 49


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question to an indexer. An empty text asks for the newest."""

    text: str = ""
    title: str | None = None
    author: str | None = None
    series: str | None = None
    """Only where the question is for a series and a number, and names no title."""

    @property
    def key(self) -> str:
        """Equal for questions that ask the same, however they are written."""
        return "\n".join((self.text, *(fold(part or "") for part in (self.title, self.author, self.series))))


NEWEST = Query()
"""What is new, whatever it is."""


def ladder(want: Want) -> tuple[Query, ...]:
    """The questions for one want, until something right is offered: at least one, and `MOST_QUESTIONS` at most.

    As stated with the author; the bare title with the surname; numbers written otherwise; its other titles; the title
    alone; series and number. Only those that state a title as such name it in `title`: an indexer that understands the
    fields ignores the text beside them.
    """
    author = want.authors[0] if want.authors else None
    questions: dict[str, Query] = {}
    for query in _steps(want, author):
        questions.setdefault(query.text, query)
    return tuple(questions.values())[:MOST_QUESTIONS]


def _steps(want: Want, author: str | None) -> Iterator[Query]:
    book = read_book_title(want.title, series=want.series, authors=want.authors)
    bare, surname = book.core[0] or fold(want.title), _surname(author or "")
    yield _by_title(want.title, author)
    if loose := _loose(bare, want.title):
        yield Query(text=f"{loose} {surname}".strip())
    for spelling in (_in_arabic(bare), _in_roman(bare)):
        if spelling != bare:
            yield Query(text=f"{spelling} {surname}".strip())
    for other in want.other_titles[:MOST_OTHER_TITLES]:
        if fold(other):
            yield _by_title(other, author)
    if alone := book.key:
        yield Query(text=alone)
    if want.series and want.position:
        text = f"{fold(want.series)} {want.position.text} {surname}"
        yield Query(text=text.strip(), series=want.series, author=author)


def _by_title(title: str, author: str | None) -> Query:
    """A title that is nothing but marks is asked for as it stands: an empty question would ask for the newest."""
    text = f"{_as_stated(title)} {_as_stated(author or '')}".strip()
    return Query(text=text or title.strip(), title=title, author=author)


def _as_stated(text: str) -> str:
    """In lower case and without marks, but with accents and apostrophes: servers differ in what they make of them.

    `&` goes, since a release may spell it out, and the other way about.
    """
    plain = unicodedata.normalize("NFC", text).lower().translate(_APOSTROPHES)
    kept = "".join(mark if mark.isalnum() or mark == "'" or _is_accent(mark) else " " for mark in plain)
    return " ".join(word for word in (word.strip("'") for word in kept.split()) if word)


def _is_accent(mark: str) -> bool:
    return unicodedata.category(mark).startswith("M")


def _loose(bare: str, title: str) -> str:
    """Without `and`, and without words that are written in several ways: `Alice's` or `Alices`, `20,000` or `20000`."""
    words = title.lower().translate(_APOSTROPHES).split()
    doubtful = {part for word in words if _SPELT_MANY_WAYS.search(word) for part in fold(word).split()} | {"and"}
    kept = [word for word in bare.split() if word not in doubtful]
    return " ".join(kept) if set(kept) - LITTLE_WORDS else bare


def _surname(author: str) -> str:
    """Given names come as initials, in full, or not at all."""
    return fold(last_first(author).partition(",")[0]) or fold(author)


def _in_arabic(key: str) -> str:
    words = key.split()
    return " ".join(_arabic(word, last=number == len(words)) for number, word in enumerate(words, 1))


def _arabic(word: str, *, last: bool) -> str:
    """A single letter is a number only at the end: `Henry V`, but `I, Robot`."""
    number = read_number(word) if set(word) <= set("ivxl") and (last or len(word) > 1) else None
    return str(number) if number is not None else word


def _in_roman(key: str) -> str:
    """Numbers that stand beside digits belong to a larger one: `20 000`."""
    words = ["", *key.split(), ""]
    alone = [not (before.isdigit() or after.isdigit()) for before, after in zip(words, words[2:], strict=False)]
    return " ".join(_roman(word) if single else word for word, single in zip(words[1:-1], alone, strict=True))


def _roman(word: str) -> str:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= _HIGHEST_ROMAN:
        return word
    left, written = int(word), ""
    for value, letters in _ROMAN:
        written += letters * (left // value)
        left %= value
    return written
