"""Which record of a catalogue is this very recording? Title and author say which book; the length says which reading.

A record is picked only when nothing speaks against it. Two readings of one book may differ by minutes only, so a record
of another length is another recording; where a length is not known, an ASIN or a narrator in the path must decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec
from rapidfuzz.fuzz import ratio

from domain.languages import read_language
from domain.names import (
    LONGEST,
    Likeness,
    fold,
    people_in,
    person_key,
    read_book_title,
    same_people,
    same_person,
    same_title,
)
from domain.person_names import looks_like_person
from domain.title_reading import read_title
from domain.titles import says_abridged, says_dramatized

CLOSE_MIN = 5.0
"""Minutes by which a file and its own record differ at most: a jingle, an announcement, rounding."""
CLOSE_SHARE = 0.1
"""The same for short pieces, as a share of their length; never below two minutes."""
STATED_SHARE = 0.1
"""A record whose ASIN the path names is believed up to this difference in length."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of the library as it was found, its length in minutes. Anything may be missing."""

    path: str | None = None
    title: str | None = None
    author: str | tuple[str, ...] | None = None
    runtime_min: float | None = None
    duration_min: float | None = None
    """Another name of `runtime_min`."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a catalogue describes it."""

    title: str | None = None
    asin: str | None = None
    authors: tuple[str, ...] | None = None
    narrators: tuple[str, ...] | None = None
    runtime_min: float | None = None
    duration_min: float | None = None
    """Another name of `runtime_min`."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    match: int | None
    """Place of the record in the list, from 0; None when none is surely this recording."""
    because: str


class _Fit(msgspec.Struct, frozen=True):
    """A record with nothing against it."""

    place: int
    record: Record
    off_min: float
    narrated: bool
    """Whether the path names its narrator."""
    titled: bool
    """Whether its title is equal, not only near."""


class _Miss(msgspec.Struct, frozen=True):
    steps: int
    """How far it came before something spoke against it."""
    because: str


def pick(item: Measured, records: Sequence[Record]) -> Match:
    """The record that is this very recording, or none. Of several records of one recording it is the first."""
    if not records:
        return Match(match=None, because="there are no candidates")
    clues = _Clues(item)
    judged = [clues.judge(place, record) for place, record in enumerate(records)]
    fits = [one for one in judged if isinstance(one, _Fit)]
    for place, record in enumerate(records):
        if record.asin and record.asin.upper() in clues.asins:
            return _named(clues, place, record, fits)
    if fits:
        return _best(fits)
    misses = [one for one in judged if isinstance(one, _Miss)]
    return Match(match=None, because=max(misses, key=lambda miss: miss.steps).because)


def _named(clues: _Clues, place: int, record: Record, fits: Sequence[_Fit]) -> Match:
    """The record that the path names by its ASIN, unless its length or its title contradict it."""
    against = clues.against_named(record)
    if not against and fits and all(fit.place != place for fit in fits):
        against = f"the path names {record.asin}, but the length is that of another candidate"
    return Match(match=None if against else place, because=against or f"the path names its ASIN, {record.asin}")


def _best(fits: Sequence[_Fit]) -> Match:
    left = [fit for fit in fits if fit.narrated] or fits
    left = [fit for fit in left if fit.titled] or left
    nearest = min(left, key=lambda fit: (abs(fit.off_min), fit.place))
    chosen = next(fit for fit in left if _same_recording(fit, nearest))
    said = "title, author and narrator fit" if chosen.narrated else "title and author fit"
    alike = sum(_same_recording(fit, nearest) for fit in left)
    rest = f"; it is the first of {alike} records of this recording" if alike > 1 else ""
    if alike < len(left):
        rest = "; another recording is nearly as long, and this one is nearer"
    return Match(match=chosen.place, because=f"{said}, the lengths differ by {abs(chosen.off_min):.1f} min{rest}")


def _same_recording(one: _Fit, other: _Fit) -> bool:
    """Whether two records that fit describe one recording: the same voices, even where one record omits some."""
    voices, others = _voices(one.record), _voices(other.record)
    return voices <= others or others <= voices


def _voices(record: Record) -> frozenset[str]:
    return frozenset(person_key(name) for name in record.narrators or ())


_ASIN = re.compile(r"(?<![0-9A-Za-z])(B0[0-9A-Z]{8})(?![0-9A-Za-z])|[\[({]([0-9]{9}[0-9X])[\])}]")
_READ_BY = re.compile(r"\{([^{}]+)\}|\b(?:narrated|read) by ([^()\[\]{}/]+)", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[({]([^\[\](){}]+)[\])}]")
_LANGUAGE = re.compile(r"[\[(](?:in )?([^\W\d]{3,})(?: edition| version|e? ausgabe)?[\])]", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")


class _Clues:
    """What an item says of itself: its fields, and what its path adds to them."""

    def __init__(self, item: Measured) -> None:
        self.path = (item.path or "")[:LONGEST]
        self.folded_path = f" {fold(self.path)} "
        self.minutes = _minutes(item.runtime_min, item.duration_min)
        read = read_title(self.path)
        self.title = item.title if item.title and fold(item.title) else read.title or ""
        self.titles = (self.title, *_longer_titles(self.title, PurePosixPath(self.path).name))
        self.series = read.series
        said = item.author if isinstance(item.author, tuple) else people_in(item.author or "")
        self.authors = said or read.authors
        self.asins = frozenset(found[1] or found[2] for found in _ASIN.finditer(self.path.upper()))
        stated = (found[1] or found[2] for found in _READ_BY.finditer(self.path))
        self.narrators = tuple(name for text in stated for name in people_in(text) if looks_like_person(name))
        self.numbers = frozenset(float(number) for number in _NUMBER.findall(self.path))

    def against_named(self, record: Record) -> str:
        """What speaks against the record whose ASIN the path names; empty when nothing does."""
        minutes = _minutes(record.runtime_min, record.duration_min)
        measured = self.minutes is not None and minutes is not None
        if self.minutes is not None and minutes is not None and abs(minutes - self.minutes) > STATED_SHARE * minutes:
            return f"the path names {record.asin}, which lasts {minutes:.0f} min and not {self.minutes:.0f} min"
        other_title = bool(self.title) and self._compare_title(record) is Likeness.DIFFERENT
        if other_title and not (measured and self._compare_author(record) is Likeness.SAME):
            return f"the path names {record.asin}, which is another book, {record.title!r}"
        return ""

    def judge(self, place: int, record: Record) -> _Fit | _Miss:
        """Everything that speaks against a record, the plainest first."""
        title, author = self._compare_title(record), self._compare_author(record)
        if title is Likeness.DIFFERENT:
            return _Miss(0, "no candidate has this title")
        if author is Likeness.DIFFERENT:
            return _Miss(1, f"the candidate with this title is by {', '.join(record.authors or ())}")
        if title is Likeness.UNSURE and author is not Likeness.SAME:
            return _Miss(2, "neither the title nor the author of a candidate fits for sure")
        if form := self._other_form(record):
            return _Miss(3, form)
        narrated = self._narrated(record)
        if self.narrators and record.narrators and not narrated:
            return _Miss(4, f"the path names another narrator than {', '.join(record.narrators)}")
        return self._judge_length(place, record, narrated=narrated, titled=title is Likeness.SAME)

    def _judge_length(self, place: int, record: Record, *, narrated: bool, titled: bool) -> _Fit | _Miss:
        minutes = _minutes(record.runtime_min, record.duration_min)
        if self.minutes is None or minutes is None:
            if narrated and titled:
                return _Fit(place, record, 0.0, narrated, titled)
            return _Miss(5, "the book is right, but without its length one recording is not told from another")
        off = minutes - self.minutes
        if abs(off) > min(CLOSE_MIN, max(2.0, CLOSE_SHARE * self.minutes)):
            return _Miss(
                6, f"the book is right, but a recording lasts {minutes:.0f} min and not {self.minutes:.0f} min"
            )
        return _Fit(place, record, off, narrated, titled)

    def _compare_title(self, record: Record) -> Likeness:
        """Unsure only for a subtitle more or less, or another spelling; a translation is another recording."""
        title = record.title or ""
        if self._numbered_otherwise(title):
            return Likeness.DIFFERENT
        answers = [same_title(text, title, series=self.series, authors=self.authors) for text in self.titles]
        if Likeness.SAME in answers:
            return Likeness.SAME
        one, other = sorted((fold(self.title), fold(title)), key=len)
        near = bool(one) and (f" {one} " in f" {other} " or ratio(one, other) >= NEAR)
        return Likeness.UNSURE if near and answers[0] is Likeness.UNSURE else Likeness.DIFFERENT

    def _numbered_otherwise(self, title: str) -> bool:
        """Whether a record counts another volume than the path, where the item's own title counts none."""
        volume = read_book_title(title, series=self.series).volume
        if volume is None or not self.numbers or read_book_title(self.title, series=self.series).volume is not None:
            return False
        return float(volume) not in self.numbers

    def _compare_author(self, record: Record) -> Likeness:
        writers = [person_key(name).split() for name in record.authors or ()]
        turned = [" ".join(words[-1:] + words[:-1]) for words in writers]
        for name in (*map(" ".join, writers), *turned):
            if " " in name and f" {name} " in self.folded_path:
                return Likeness.SAME
        return same_people(self.authors, record.authors or ())

    def _other_form(self, record: Record) -> str:
        """Why a record with the right title is another form of the book, in so many words."""
        title, own = record.title or "", f"{self.title} {self.path}"
        if says_abridged(title) and not says_abridged(own):
            return "the candidate is abridged"
        if says_dramatized(title) and not says_dramatized(own):
            return "the candidate is a dramatisation"
        language = _language(title)
        if language and language != _language(own):
            return f"the candidate is in another language ({language})"
        return ""

    def _narrated(self, record: Record) -> bool:
        """Whether the path names one of the record's voices; where the author reads, the name alone is no clue."""
        voices = record.narrators or ()
        if self.narrators:
            return any(same_person(one, other) is Likeness.SAME for one in self.narrators for other in voices)
        writers = {person_key(name) for name in (*self.authors, *(record.authors or ()))}
        keys = [key for key in map(person_key, voices) if " " in key and key not in writers]
        bracketed = {fold(text) for text in _BRACKETED.findall(self.path)}
        return any(f" {key} " in self.folded_path or key.rpartition(" ")[2] in bracketed for key in keys)


NEAR = 80
"""Percent of letters that a misspelt title shares with the right one."""


def _minutes(*values: float | None) -> float | None:
    return next((value for value in values if value is not None and value > 0), None)


def _longer_titles(title: str, folder: str) -> tuple[str, ...]:
    """What the folder's name adds behind the title: `Arcanum Unbounded - The Cosmere Collection`."""
    pieces = folder.split(" - ")
    tails = (" - ".join(pieces[place:]) for place in range(len(pieces)))
    return tuple(tail for tail in tails if title and fold(tail).startswith(f"{fold(title)} "))


def _language(text: str) -> str | None:
    found = (read_language(word) for word in _LANGUAGE.findall(text))
    return next((language for language in found if language), None)
