"""Do two names mean the same title, person or series? Yes, no or unsure; how alike they are; and one sentence why.

The rules are those of `domain.names`. Here they are told to somebody who asks, and nothing is done on the answer; so a
plain slip of the pen counts as the same name, and what is only a part of something counts as another thing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import msgspec
from rapidfuzz.fuzz import ratio

from domain.names import (
    ENDS_IN_PART,
    LITTLE_WORDS,
    BookTitle,
    Likeness,
    differs_by_a_slip,
    fold,
    is_other_work,
    people_in,
    person_key,
    read_book_title,
    same_person,
    same_series,
    same_title,
    series_key,
    title_keys,
    words_of,
)

Kind = Literal["author", "title", "series"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of both titles besides. `same_position`: series, author and number agree otherwise."""

    series: str | None = None
    authors: tuple[str, ...] = ()
    same_position: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    same: bool | None
    """None when the names alone cannot tell."""
    score: float
    """How alike, 0 to 1. Above 0.8 for the same, 0.4 to 0.6 for unsure, below 0.4 for different."""
    because: str


def compare(kind: Kind, a: str, b: str, context: Context | None = None) -> Comparison:
    """Whether `a` and `b` name the same thing of this kind. Total; symmetric but for the wording of the reason."""
    if a.strip() and a.split() == b.split():
        return Comparison(same=True, score=1.0, because="the names are equal letter by letter")
    if not fold(a) or not fold(b):
        return _comparison(None, a, b, "a name without letters or digits cannot be compared")
    same, because = _RULES[kind](a, b, context or Context())
    return _comparison(same, a, b, because)


def _comparison(same: bool | None, a: str, b: str, because: str) -> Comparison:
    alike = ratio(fold(a), fold(b)) / 100
    least, most = {True: (0.85, 1.0), None: (0.4, 0.6), False: (0.0, 0.35)}[same]
    return Comparison(same=same, score=round(least + (most - least) * alike, 3), because=because)


Verdict = tuple[bool | None, str]


# --- titles ----------------------------------------------------------------------------------------------------------


def _titles(a: str, b: str, context: Context) -> Verdict:
    likeness = same_title(a, b, series=context.series, authors=context.authors, same_position=context.same_position)
    one, other = (read_book_title(title, series=context.series, authors=context.authors) for title in (a, b))
    if likeness is Likeness.SAME:
        keys, others = (title_keys(title, series=context.series, authors=context.authors) for title in (a, b))
        shared = set(keys) & set(others)
        return True, "the titles are equal but for " + (
            "case, punctuation, edition or series words" if shared else "a spelling, a subtitle or a place in a series"
        )
    if _partial(one) != _partial(other) and likeness is Likeness.UNSURE:
        return False, "one is only a part of a book"
    if is_other_work(one) != is_other_work(other) and likeness is Likeness.UNSURE:
        return False, "one is a companion or an adaptation of the other, not the book itself"
    return (False, _why_different(one, other)) if likeness is Likeness.DIFFERENT else (None, _why_unsure(one, other))


def _partial(title: BookTitle) -> bool:
    return title.part or bool(ENDS_IN_PART.search(title.key))


def _why_different(one: BookTitle, other: BookTitle) -> str:
    if one.omnibus != other.omnibus:
        return "one is a collection of several books"
    for number, its in ((one.volume, other.volume), (one.position, other.position)):
        if number is not None and its is not None and number != its:
            return f"number {number} is not number {its}"
    if one.part and one.which_part != other.which_part:
        return f"part {one.which_part or '?'} is not part {other.which_part or '?'}"
    if (one.volume is None) != (other.volume is None):
        return f"one is number {one.volume if other.volume is None else other.volume}, and the other has no number"
    return "the titles differ in their words"


def _why_unsure(one: BookTitle, other: BookTitle) -> str:
    if (one.volume is None) != (other.volume is None):
        return "only one has a number, which may as well be its place in a series"
    if len(one.core) != len(other.core):
        return "one has more words than the other, which may be a subtitle or name another book of the series"
    return "the titles are close, but a spelling, a translation or another book would look like this"


# --- people ----------------------------------------------------------------------------------------------------------


def _authors(a: str, b: str, context: Context) -> Verdict:
    whole = same_person(a, b)
    several = [people_in(text) for text in (a, b)]
    if whole is Likeness.SAME or max(map(len, several)) < 2:
        return _person(a, b, whole)
    agreed, reverse = (_agreed(*pair) for pair in (several, several[::-1]))
    if agreed == len(several[0]) and reverse == len(several[1]):
        return True, "both name the same people"
    if agreed:
        return None, "they share some people, and not all"
    return False, "they name other people"


def _agreed(some: Sequence[str], others: Sequence[str]) -> int:
    return sum(any(same_person(one, other) is Likeness.SAME for other in others) for one in some)


def _person(a: str, b: str, likeness: Likeness) -> Verdict:
    if likeness is Likeness.SAME:
        spelled = person_key(a) == person_key(b)
        return True, "the names are equal but for " + (
            "order, case, accents or titles" if spelled else "initials or a spelling"
        )
    if differs_by_a_slip(a, b):
        return True, "the names are equal but for a slip of the pen or the order of their words"
    if likeness is Likeness.DIFFERENT:
        return False, "the names differ"
    return None, "one name is shorter or spelled otherwise, and two people may be called so"


# --- series ----------------------------------------------------------------------------------------------------------

_LEADING_WORDS = words_of("chronicle chronicles saga tales story stories cycle legend adventures") | LITTLE_WORDS
"""`Chronicles of Narnia` is Narnia; `Legends of Dune` is not Dune."""


def _series(a: str, b: str, context: Context) -> Verdict:
    likeness = same_series(a, b)
    if likeness is Likeness.SAME:
        return True, "the names are equal but for an article, a general word such as series, or punctuation"
    if likeness is Likeness.DIFFERENT:
        return False, "the names differ"
    shorter, longer = sorted((series_key(a), series_key(b)), key=len)
    if shorter == longer or set(longer.removesuffix(shorter).split()) <= _LEADING_WORDS:
        return None, "one name is the other with a general word, which may mean the same series or one beside it"
    return False, "one names a part of the other, or a series beside it"


_RULES: dict[Kind, Callable[[str, str, Context], Verdict]] = {"author": _authors, "title": _titles, "series": _series}
