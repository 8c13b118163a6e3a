"""A release's title read with one want in mind: where the wanted title, number, people and series stand in it.

A release is that book only when no word of its title is left without a meaning, so reading it is an account of words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from domain.names import (
    ARTICLES,
    LITTLE_WORDS,
    VOLUME_WORDS,
    BookTitle,
    descriptive,
    fold,
    is_genre_phrase,
    read_book_title,
    read_number,
    series_key,
    words_of,
)
from domain.positions import read_position
from domain.releases import Release
from domain.titles import Kind, Scan, Word, kind_of, sequence
from domain.wants import Want


class Number(msgspec.Struct, frozen=True):
    value: Decimal
    beside: str
    """What it stands beside: title, series, word ("Book 3") or nothing."""
    at: int


_SKIPPED = words_of("the a an and of")
_SERIES_WORDS = words_of("series saga novels cycle chronicles")
_DOUBTFUL_BEFORE = frozenset({"filler", "language", "size", "year", "edition", "medium", "subtitle"})
_DOUBTFUL_AFTER = frozenset({"filler", "size"})
_CUES = words_of(
    "complete box boxset boxed omnibus bundle collection collected books volumes part parts pack trilogy sampler"
    " preview excerpt prequel companion"
)
"""Words that make the text behind a numbered title more than the name of that volume."""


class Reading:
    """A release's title, labelled with what is known of the want; computed once per pair."""

    def __init__(self, want: Want, release: Release) -> None:
        self.want = want
        self.release = release
        self.series = tuple(dict.fromkeys(name for name in (want.series, *_names(release)) if name))
        self.book = read_book_title(want.title, series=want.series, authors=want.authors)
        self.scan = Scan(release.title)
        self.numbers: list[Number] = []
        self.titles = self._find_title()
        self._find_people()
        self._find_series()
        self._find_genre()
        self.scan.read_facts()
        for name in want.authors:
            self.scan.find_person(name, "author", "author?")
        self._doubt_glued_words()
        self._find_numbers()
        self._find_subtitles(plain=True)
        self.scan.read_shape()
        self._find_subtitles()
        self._explain_people()
        self.runs = [run for run in self.scan.left_over() if not self._is_noise(run)]

    # The title

    def _find_title(self) -> list[tuple[int, int]]:
        for form in _forms(self.want, self.book):
            keys = sequence(form)
            content = [key for key in keys if not set(key) & _SKIPPED]
            places = self.scan.find(
                keys, "title", skip=_SKIPPED if len(content) > 2 else ARTICLES if content else frozenset()
            )
            if places:
                self.form = form
                return places
        self.form = ""
        return []

    # People and series

    def _find_people(self) -> None:
        for name in self.want.authors:
            self.scan.find_person(name, "author", "author?", shortest=2)
        for name in self.release.authors or ():
            self.scan.find_person(name, "people", "people")
        for name in (*(self.release.narrators or ()), *self.want.narrators):
            self.scan.find_person(name, "narrator", "narrator")

    def _find_series(self) -> None:
        for name in self.series:
            for text in dict.fromkeys((name, series_key(name))):
                keys = sequence(text)
                if keys:
                    self.scan.find(keys, "series", skip=ARTICLES)
                    self.scan.find([_plural(key) for key in keys], "series", skip=ARTICLES)
        for place, word in enumerate(self.scan.words):
            before = self.scan.words[place - 1] if place else None
            if before is None or before.label != "series" or word.break_before or word.label:
                continue
            # "The Oz series Book 3" counts a volume; "The Oz series" alone is a pack, and its word stays one.
            counts = word.keys[0] in _SERIES_WORDS and place + 1 < len(self.scan.words)
            if counts or word.keys[0] in _SKIPPED:
                word.label = "series"
        for place, word in enumerate(self.scan.words[:-1]):
            if not word.label and word.keys[0] in ARTICLES and self.scan.words[place + 1].label == "series":
                word.label = "series"

    def _doubt_glued_words(self) -> None:
        """A word that touches the title is part of a title, whatever else it may mean: `The English Patient`."""
        words = self.scan.words
        series = [(place, place + 1) for place, word in enumerate(words) if word.label == "series"]
        for start, end in (*self.titles, *series[:1]):
            before, after = start - 1, end
            while before >= 0 and words[before + 1].break_before == 0 and words[before].label in _DOUBTFUL_BEFORE:
                words[before].label = ""
                before -= 1
            while after < len(words) and words[after].break_before == 0 and words[after].label in _DOUBTFUL_AFTER:
                words[after].label = ""
                after += 1

    # Numbers

    def _find_numbers(self) -> None:
        words = self.scan.words
        for place in range(len(words)):
            self._number_at(place)

    def _number_at(self, place: int) -> None:
        words = self.scan.words
        word = words[place]
        if word.label:
            return
        glued = re.fullmatch(r"([a-z]{1,4})(\d{1,3})", word.keys[0])
        if glued and (glued[1] in VOLUME_WORDS or self._abbreviates_series(glued[1])):
            word.label = "number"
            beside = "title" if place and words[place - 1].label == "title" else "series"
            self._add_number(Decimal(glued[2]), beside, place, place + 1)
            return
        end, value = self._numeral(place)
        if value is None:
            return
        start, marked = self._marker_before(place)
        before = words[start - 1].label if start else ""
        tight = words[start].break_before < 2 or marked
        after = words[end].label if end < len(words) else ""
        numeric = word.raw[0].isdigit()
        if (
            before == "title"
            and (tight or numeric)
            and (marked or numeric or (words[start].break_before == 0 and value > 1))
        ):
            beside = "title"
        elif before == "series" and (marked or numeric):
            beside = "series"
        elif marked:
            beside = "word"
        elif numeric and (self._own_segment(place, end) or (after == "title" and words[end].break_before < 2)):
            beside = ""
        else:
            return
        if word.raw[0].isdigit() and len(word.raw) > 3:
            return
        self.scan.label(start, end, "number")
        self._add_number(value, beside, place, end)
        self._label_of(end)

    def _add_number(self, value: Decimal, beside: str, place: int, end: int) -> None:
        """Note a number, or the range that it begins: `D34-36`."""
        self.numbers.append(Number(value, beside, place))
        following = self.scan.words[end] if end < len(self.scan.words) else None
        if following is None or following.label or not following.raw.isdecimal() or len(following.raw) > 3:
            return
        if self._gap(end).strip() in ("-", "–", "&"):
            following.label = "range"
            self.scan.range = self.scan.range or read_position(f"{value}-{following.raw}")

    def _numeral(self, place: int) -> tuple[int, Decimal | None]:
        """A number at this word, with its decimals: where it ends, and its value."""
        words = self.scan.words
        word = words[place]
        if word.raw.isdecimal() and len(word.raw) <= 3:
            following = words[place + 1] if place + 1 < len(words) else None
            if following and following.raw.isdecimal() and len(following.raw) <= 2:
                gap = self.scan.text[word.end : following.start]
                if gap in (".", ","):
                    return place + 2, Decimal(f"{word.raw}.{following.raw}")
            return place + 1, Decimal(word.raw)
        return place + 1, read_number(word.keys[0])

    def _marker_before(self, place: int) -> tuple[int, bool]:
        """Where the words begin that announce a number ("Book", "Vol. #", "Book the"), and whether there are any."""
        words = self.scan.words
        start = place
        if start > 1 and words[start - 1].keys[0] == "the" and words[start - 2].keys[0] in VOLUME_WORDS:
            start -= 1
        if start and not words[start - 1].label and words[start - 1].keys[0] in VOLUME_WORDS:
            if words[start].break_before == 2:
                return place, False
            return start - 1, True
        gap = self.scan.text[words[place - 1].end if place else 0 : words[place].start]
        return place, "#" in gap

    def _label_of(self, end: int) -> None:
        """`Book Two of` the series: the little word belongs to the number."""
        words = self.scan.words
        if end + 1 < len(words) and words[end].keys[0] in ("of", "in") and words[end + 1].label == "series":
            words[end].label = "series"

    def _own_segment(self, place: int, end: int) -> bool:
        words = self.scan.words
        starts = words[place].break_before > 0 or not place or words[place - 1].label in ("author", "author?", "people")
        ends = end == len(words) or words[end].break_before > 0 or bool(words[end].label)
        return starts and ends

    def _abbreviates_series(self, letters: str) -> bool:
        for name in self.series:
            words = [word for word in fold(name).split() if word not in ARTICLES]
            acronym = "".join(word[0] for word in words)
            joined = "".join(words)
            if letters == acronym or (
                words and letters[0] == joined[0] and _in_order(letters, words[0]) and len(letters) < 3
            ):
                return True
        return False

    # What else the words may mean

    def _find_genre(self) -> None:
        """`A LitRPG Adventure` behind the title, before its words are taken for something technical."""
        for run in self.scan.left_over():
            words = run[:-1] if run[-1].keys[0] == "by" else run
            if words and words[0].break_before == 2 and is_genre_phrase(self.scan.shown(words)):
                self._label(words, "subtitle")

    def _find_subtitles(self, *, plain: bool = False) -> None:
        """Label what only describes: genre, and the name of a volume whose number is found; `plain` without any cue."""
        counted = self.counted_at
        for run in self.scan.left_over():
            if any(word.keys[0] in _CUES or (plain and word.raw.isdecimal()) for word in run):
                continue
            place = self.scan.words.index(run[0])
            behind_colon = not set("/;+&()[]") & set(self._gap(place))
            parted = run[0].break_before == 2 and behind_colon and not run[0].bracketed and not run[0].raw[0].isdigit()
            named = counted is not None and place > counted
            if is_genre_phrase(self.scan.shown(run)) or (parted and (named or self._subtitle_allowed(run))):
                self._label(run, "subtitle")

    @property
    def counted_at(self) -> int | None:
        """Where the number stands that makes this volume the wanted one, if the title needs a number."""
        if self.book.volume is None:
            return None
        if self.titles and self.form != self.book.stem:
            return self.titles[0][1] - 1
        return next((n.at for n in self.numbers if n.beside == "title" and n.value == self.book.volume), None)

    def _subtitle_allowed(self, run: Sequence[Word]) -> bool:
        place = self.scan.words.index(run[0])
        if not place or not self.titles:
            return False
        before = self.scan.words[place - 1].label
        key = " ".join(word.keys[0] for word in run)
        return before in ("title", "series", "number", "subtitle") and descriptive(key)

    def _explain_people(self) -> None:
        """Co-authors beside a wanted author, and a name in brackets once author and title are known."""
        words = self.scan.words
        known = any(word.label in ("author", "author?") for word in words)
        for run in self.scan.left_over():
            place = words.index(run[0])
            after_by = run[0].keys[0] == "by"
            named = run[1:] if after_by else run
            if after_by and not named:
                self._label(run, "by")
                continue
            capital = bool(named) and all(word.raw[:1].isupper() or word.raw.isalpha() for word in named)
            if not known or not capital or any(word.raw.isdigit() for word in run):
                continue
            after = place + len(run)
            beside = (place and words[place - 1].label == "author" and _listed(run[0], self._gap(place))) or (
                after < len(words) and words[after].label == "author" and _listed(words[after], self._gap(after))
            )
            in_by = place and words[place - 1].label == "by"
            if (beside or in_by) and not self._holds_title(run):
                self._label(run, "people")
            elif run[0].bracketed and self.titles and self._bracketed_name(run):
                self._label(run, "narrator")
                self.scan.narrators.append(self.scan.shown(run))

    def _gap(self, place: int) -> str:
        return self.scan.text[self.scan.words[place - 1].end : self.scan.words[place].start]

    def _bracketed_name(self, run: Sequence[Word]) -> bool:
        """Whether a bracket holds what looks like a person, alone or with a year."""
        place = self.scan.words.index(run[0])
        after = self.scan.words[place + len(run)] if place + len(run) < len(self.scan.words) else None
        dated = after is not None and after.label == "year" and after.bracketed
        if not (dated or after is None or after.break_before == 2) or not (2 <= len(run) <= 3 or dated):
            return False
        return all(word.raw[0].isupper() and word.raw.isalpha() and word.keys[0] not in LITTLE_WORDS for word in run)

    def _holds_title(self, run: Sequence[Word]) -> bool:
        return any(
            self.scan.words[start].start <= run[0].start < self.scan.words[end - 1].end for start, end in self.titles
        )

    def _label(self, run: Sequence[Word], label: str) -> None:
        for word in run:
            word.label = label

    def _is_noise(self, run: Sequence[Word]) -> bool:
        """Little words between labelled ones, long numbers, and the name of the group that made the release."""
        if all(word.keys[0] in ("by", "and", "the", "a", "s", "") for word in run):
            place = self.scan.words.index(run[0])
            before = self.scan.words[place - 1].label if place else "edge"
            return before != "title" or run[0].break_before > 0 or run[0].keys[0] == "by"
        if all(word.raw.isdecimal() and len(word.raw) > 3 for word in run):
            return True
        last = run[-1] is self.scan.words[-1]
        technical = any(word.label in ("medium", "format", "year", "language") for word in self.scan.words[-8:])
        return (
            last
            and len(run) == 1
            and run[0].break_before == 1
            and technical
            and self._gap(len(self.scan.words) - 1) == "-"
        )

    # Facts, structured before parsed

    @property
    def glued(self) -> str:
        """Words left over that touch the title in every place where it stands: then it is part of another title."""
        words = self.scan.words
        loose = {id(word) for run in self.runs for word in run}
        for start, end in self.titles:
            before = words[start - 1] if start and words[start].break_before == 0 else None
            after = words[end] if end < len(words) and words[end].break_before == 0 else None
            if after is not None and after.keys[0] == "by":
                after = None
            touching = [word for word in (before, after) if word is not None and id(word) in loose]
            if not touching:
                return ""
        return " ".join(self.scan.shown(run) for run in self.runs)

    @property
    def kind(self) -> Kind:
        return kind_of(self.scan)

    @property
    def formats(self) -> tuple[str, ...]:
        return _given_formats(self.release) or tuple(dict.fromkeys(self.scan.formats))

    @property
    def bitrate_kbps(self) -> int | None:
        return self.scan.bitrate_kbps or bitrate_in(self.release.tags)

    @property
    def author_named(self) -> bool:
        return any(word.label in ("author", "author?") for word in self.scan.words)


def _given_formats(release: Release) -> tuple[str, ...]:
    return tuple(dict.fromkeys(piece for text in release.filetypes or () for piece in fold(text).split()))


def formats_of(release: Release) -> tuple[str, ...]:
    """Its file types as the indexer gives them, else as the title does."""
    if given := _given_formats(release):
        return given
    scan = Scan(release.title)
    scan.read_facts()
    return tuple(dict.fromkeys(scan.formats))


def known_bitrate_kbps(want: Want, release: Release) -> int | None:
    """What the title or the tags say; else the mean over the known runtime; None when nothing tells."""
    scan = Scan(release.title)
    scan.read_facts()
    said = scan.bitrate_kbps or bitrate_in(release.tags)
    if said is None and want.usual_min and release.size_bytes:
        return round(release.size_bytes * 8 / 1_000 / (want.usual_min * 60))
    return said


def _names(release: Release) -> list[str]:
    return [series.name for series in release.series or ()]


def _in_order(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


def _plural(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The word in singular and plural: series names differ in that between sources."""
    return tuple(
        dict.fromkeys(spelling for key in keys for spelling in (key, f"{key}s", key.removesuffix("s")) if spelling)
    )


def _listed(word: Word, gap: str) -> bool:
    return "," in gap or "&" in gap or word.keys[0] == "and" or word.raw == "&"


def bitrate_in(tags: str | None) -> int | None:
    found = re.search(r"\b(\d{2,3})\s?k(?:b|ps|\b)", (tags or "")[:2_000], re.IGNORECASE)
    return int(found[1]) if found else None


def _forms(want: Want, book: BookTitle) -> list[str]:
    """The wanted title as a release may write it, the fullest first."""
    bare = re.sub(r"\s*[(\[{][^()\[\]{}]*[)\]}]", " ", want.title).strip()
    # A number at the end is compared as a number: "Vol. 5" must not be found in "Vol. 5-6".
    forms = [] if book.volume is not None and not book.after else [want.title, book.key, bare]
    if len(book.core) > 1 and book.volume is None:
        forms.append(" ".join((*book.core[1:], book.core[0])))
    if book.volume is not None:
        forms.append(book.stem)
    for author in want.authors:
        shorter = re.sub(rf"^{re.escape(author)}(?:['’]s|:| presents)?\s+", "", want.title, flags=re.IGNORECASE)
        if shorter != want.title and book.volume is None:
            forms.append(shorter)
    if len(book.core) > 1 and descriptive(" ".join(book.core[1:])):
        forms.append(book.core[0])
    return [form for form in dict.fromkeys(forms) if fold(form)]
