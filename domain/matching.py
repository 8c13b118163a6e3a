"""A release's title read with one want in mind: where the wanted title, number, people and series stand in it.

A release is that book only when no word of its title is left without a meaning, so reading it is an account of words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import msgspec

from domain.given_names import GIVEN_NAMES
from domain.languages import read_language
from domain.names import (
    ARTICLES,
    LITTLE_WORDS,
    VOLUME_WORDS,
    BookTitle,
    Likeness,
    descriptive,
    fold,
    is_genre_phrase,
    read_book_title,
    read_number,
    same_series,
    same_title,
    series_key,
    words_of,
)
from domain.positions import Position, read_position
from domain.releases import Release
from domain.titles import ASIN, Kind, Scan, TitleText, Word, kind_of, part_in, read_text, sequence, signs_in
from domain.wants import Want

Keys = tuple[tuple[str, ...], ...]
"""The words of a name, each in its spellings."""


_CAST = re.compile(r"\b(?:full|ensemble|multi|radio)[- ]?(?:\d )?cast\b|\bbbc radio\b|\bcast\Z", re.IGNORECASE)
_GUIDES = re.compile(
    r"\b(?:spark ?notes|cliffs? ?notes|shmoop|blinkist|instaread|super ?summary|bookrags|grade ?saver|litcharts"
    r"|study ?guides?|summar(?:y|ies)|get ?abstract|quick ?read)\b",
    re.IGNORECASE,
)


class Number(msgspec.Struct, frozen=True):
    value: Decimal
    beside: str
    """What it stands beside: title, series, word ("Book 3") or nothing."""
    at: int
    marked: bool = False
    """Whether a word or a sign announces it: `Volume 1`, `Book 1`, `#1`."""
    bare: bool = False
    """Whether it follows the word before it like a word: `Ozma of Oz 2`."""


_SKIPPED = words_of("the a an and of")
_LABELS_OF_PEOPLE = frozenset({"author", "author?", "people", "by"})
_SERIES_WORDS = words_of("series saga novels cycle chronicles books")
_BEHIND_SERIES = _SERIES_WORDS | _SKIPPED
_DOUBTFUL_BEFORE = frozenset({"filler", "language", "size", "year", "edition", "medium", "subtitle"})
_DOUBTFUL_AFTER = frozenset({"filler", "size"})
_CREDITS = {
    word: role
    for role, line in {
        "narrator": "narrated read performed voiced spoken",
        "credit": "translated translation trans tr edited introduced introduction foreword afterword preface"
        " illustrated illustrations compiled annotated notes",
        "retold": "retold adapted reimagined inspired",
    }.items()
    for word in line.split()
}
"""Words before `by` and a name, and what they make of that name."""
_ROLES_BEHIND = {
    word: role
    for role, line in {
        "narrator": "narrator reader",
        "credit": "translator translation translators trans tr editor editors illustrator foreword introduction preface"
        " afterword contributor",
        "retold": "adapter adaptor abridger",
    }.items()
    for word in line.split()
}
_BEFORE_CREDIT = words_of("with a an the new and written")
_IN_NAMES = words_of("and de la le du von van der den di da del el les los al")
_NO_SURNAMES = (LITTLE_WORDS - _IN_NAMES) | words_of(
    "abridged adaptation adventures anthology audio bonus book books broadcast cast chapter chapters chronicles"
    " classics collection complete drama edition editions episode excerpt extras graphic guide guides interview kids"
    " lesson level music notes novel novels part play plays preview press production radio reader readers sampler"
    " season series soundtrack starts stories story summary tales theater theatre trailer trilogy version volume young"
)
_NO_NAMES = _NO_SURNAMES | _CREDITS.keys() | VOLUME_WORDS | {"by"}
_GLUED_NUMBER = re.compile(r"([a-z]{1,4})(\d{1,3})")
_genre_phrase = lru_cache(maxsize=16_384)(is_genre_phrase)
_SEVERAL = words_of("novels saga books adventures novellas")
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
        self._find_credits()
        self._find_people()
        self._find_series()
        self._find_genre()
        self.scan.read_imprints()
        self.scan.read_facts()
        for name in want.authors:
            self.scan.find_person(name, "author", "author?")
        self.scan.read_other_works()
        self._doubt_glued_words()
        self._find_numbers()
        self._find_subtitles(plain=True)
        self.scan.read_shape()
        self._find_subtitles()
        self._explain_people()
        self.runs = [run for run in self.scan.left_over() if not self._is_noise(run)]

    # The title

    def _find_title(self) -> list[tuple[int, int]]:
        for form in names_of(self.want).forms:
            if places := self.scan.find(form.keys, "title", skip=form.skip):
                self.form, self.by_other_name = form.text, form.other
                return places
        self.form, self.by_other_name = "", False
        return []

    # People and series

    def _find_people(self) -> None:
        for name in self.want.authors:
            self.scan.find_person(name, "author", "author?", shortest=2)
        for name in self.release.authors or ():
            self.scan.find_person(name, "people", "people")
        for name in (*(self.release.narrators or ()), *self.want.narrators):
            if self.scan.find_person(name, "narrator", "narrator"):
                self.scan.narrators.append(name)
        self._find_roles_behind()

    def _find_credits(self) -> None:
        """`translated by`, `read by`, `with a foreword by`: who is named so is not the author."""
        words = self.scan.words
        if _CREDITS.keys().isdisjoint(self.scan.keys):
            return
        for place, word in enumerate(words[:-1]):
            role, by = _CREDITS.get(word.keys[0]), words[place + 1]
            if role is None or word.label or by.label or by.keys[0] not in ("by", "from") or by.break_before == 2:
                continue
            start, end = place, self._end_of_names(place + 2)
            while start and not words[start - 1].label and words[start - 1].keys[0] in _BEFORE_CREDIT:
                start -= 1
            self._label(words[start : place + 2], "credit")
            self._credit(place + 2, end, role)

    def _credit(self, start: int, end: int, role: str) -> None:
        words = self.scan.words[start:end]
        self._label(words, "narrator" if role == "narrator" else "credit")
        if role == "retold":
            self.scan.signs.add("retold")
        if role == "narrator" and words:
            names = re.split(r",| and | & ", self.scan.shown(words))
            self.scan.narrators += [name.strip() for name in names if name.strip()]

    def _end_of_names(self, start: int) -> int:
        """Where the names end that begin here: at a break, a number, a technical word or one that no name holds."""
        words = self.scan.words
        end = start
        while end < len(words) and not words[end].label and (end == start or words[end].break_before < 2):
            word = words[end]
            if word.raw != "&" and (not word.raw.isalpha() or word.keys[0] in _NO_NAMES):
                break
            end += 1
        return end

    def _find_roles_behind(self) -> None:
        """`Jane Doe (translator)`: the role stands behind the name."""
        words = self.scan.words
        if _ROLES_BEHIND.keys().isdisjoint(self.scan.keys):
            return
        for place, word in enumerate(words):
            role = _ROLES_BEHIND.get(word.keys[0])
            if role is None or word.label or not place:
                continue
            start = place
            while start and words[start - 1].label in ("author", "author?", "people", "") and place - start < 5:
                start -= 1
                if words[start].break_before or not words[start].raw[0].isupper():
                    break
            if start < place and words[start].raw[0].isupper() and words[start].keys[0] not in ARTICLES:
                word.label = "credit"
                self._credit(start, place, role)

    def _find_series(self) -> None:
        self.series_named = False
        for name in self.series:
            for keys in _series_sequences(name):
                if self.scan.find(keys, "series", skip=ARTICLES) and name == self.want.series:
                    self.series_named = True
        if not any(word.label in ("series", "title") for word in self.scan.words):
            return
        words = self.scan.words
        for place, word in enumerate(words):
            key = word.keys[0]
            if word.label or not place or word.break_before or key not in _BEHIND_SERIES:
                continue
            before = words[place - 1]
            if key in _SERIES_WORDS and self._names_series(place - 1) and self._counts(place + 1):
                before.label = word.label = "series"
            elif key in _SKIPPED and before.label == "series":
                word.label = "series"
        for before, word in pairwise(words):
            if word.label == "series" and not before.label and before.keys[0] in ARTICLES:
                before.label = "series"

    def _names_series(self, place: int) -> bool:
        """Whether this word ends the name of the series; where a book is called like it, its second mention does."""
        if self.scan.words[place].label == "series":
            return True
        again = any(end == place + 1 for _, end in self.titles[1:])
        return again and bool(self.want.series) and same_series(self.form, self.want.series or "") is Likeness.SAME

    def _counts(self, place: int) -> bool:
        """Whether a volume is counted here: `The Oz series Book 3` is one, `The Oz series` and `Oz Books 1-3` packs."""
        words = self.scan.words
        if place >= len(words):
            return False
        marked = words[place].keys[0] in VOLUME_WORDS and place + 1 < len(words)
        return marked or (words[place - 1].keys[0] != "books" and words[place].raw.isdecimal())

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
        for place in self.scan.numeric:
            self._number_at(place)

    def _number_at(self, place: int) -> None:
        words = self.scan.words
        word = words[place]
        if word.label:
            return
        glued = _GLUED_NUMBER.fullmatch(word.keys[0])
        if glued and (glued[1] in VOLUME_WORDS or self._abbreviates_series(glued[1])):
            word.label = "number"
            beside = "title" if place and words[place - 1].label == "title" else "series"
            self._add_number(Number(Decimal(glued[2]), beside, place), place + 1)
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
        bare = not marked and words[place].break_before == 0 and not word.raw.startswith("0")
        if beside == "word" and self.want.position is not None and value == self.want.position.low:
            self._name_series_before(start)
        self._add_number(Number(value, beside, place, marked, bare), end)
        self._label_of(end)

    def _name_series_before(self, place: int) -> None:
        """`Dune (Dune Chronicles, Book 1)`: more words of the series' name, where the number is the wanted one."""
        words = self.scan.words
        start = place
        while start and words[start].break_before < 2 and words[start - 1].label in ("", "series", "title"):
            start -= 1
        named = words[start:place]
        if not named or not self.want.series or {word.keys[0] for word in named} & (_CUES | _SEVERAL):
            return
        if self.titles and all(start <= first and last <= place for first, last in self.titles):
            return
        if same_series(self.scan.shown(named), self.want.series) is Likeness.SAME:
            self._label([word for word in named if not word.label], "series")

    def _add_number(self, number: Number, end: int) -> None:
        """Note a number, or the range that it begins: `D34-36`."""
        self.numbers.append(number)
        following = self.scan.words[end] if end < len(self.scan.words) else None
        if following is None or following.label or not following.raw.isdecimal() or len(following.raw) > 3:
            return
        if self._gap(end).strip() in ("-", "–", "&"):
            following.label = "range"
            self.scan.range = self.scan.range or read_position(f"{number.value}-{following.raw}")

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
        """`Book Two of` the series, `Book 2 of 14`: the little word belongs to the number."""
        words = self.scan.words
        if end + 1 >= len(words) or words[end].keys[0] not in ("of", "in") or words[end].break_before:
            return
        if words[end + 1].label == "series":
            words[end].label = "series"
        elif words[end + 1].raw.isdecimal() and not words[end + 1].label:
            self.scan.label(end, end + 2, "number")

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
            if words and words[0].break_before == 2 and _genre_phrase(self.scan.shown(words)):
                self._label(words, "subtitle")

    def _find_subtitles(self, *, plain: bool = False) -> None:
        """Label what only describes: genre, and the name of a volume whose number is found; `plain` without any cue."""
        counted = self.counted_at
        for run in self.scan.left_over():
            if any(word.keys[0] in _CUES or (plain and word.raw.isdecimal()) for word in run):
                continue
            place = run[0].place
            behind_colon = not set("/;+&()[]") & set(self._gap(place))
            parted = run[0].break_before == 2 and behind_colon and not run[0].bracketed and not run[0].raw[0].isdigit()
            named = counted is not None and place > counted
            if self._is_genre(run) or self._is_alternative(run) or (parted and (named or self._subtitle_allowed(run))):
                self._label(run, "subtitle")

    def _is_genre(self, run: Sequence[Word]) -> bool:
        """`Ozma of Oz: A Novel`; but `Anne of Green Gables Novels` and `The Oz Saga` are several books."""
        article = run[0].keys[0] in ARTICLES
        plural = len(run) == 1 and run[0].keys[0] in _SEVERAL
        return (article or (run[0].break_before > 0 and not plural)) and _genre_phrase(self.scan.shown(run))

    @property
    def counted_at(self) -> int | None:
        """Where the number stands that makes this volume the wanted one, if the title needs a number."""
        if self.book.volume is None:
            return None
        if self.titles and self.form != self.book.stem:
            return self.titles[0][1] - 1
        return next((n.at for n in self.numbers if n.beside == "title" and n.value == self.book.volume), None)

    def _is_alternative(self, run: Sequence[Word]) -> bool:
        """`Moby Dick; or, The Whale`: the book's own second name."""
        place = run[0].place
        behind = place > 0 and self.scan.words[place - 1].label == "title"
        return run[0].keys[0] == "or" and run[0].break_before > 0 and behind and len(run) > 1

    def _subtitle_allowed(self, run: Sequence[Word]) -> bool:
        place = run[0].place
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
            place = run[0].place
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
            # "Dracula retold by Jane Doe, Bram Stoker": what stands before a `by`, or touches the title, is no name.
            apart = run[0].break_before or after_by or (place and words[place - 1].label in _LABELS_OF_PEOPLE)
            if (beside or in_by) and apart and self._names_people(named) and not self._holds_title(run):
                self._label(run, "people")
            elif run[0].bracketed and self.titles and self._bracketed_name(run):
                self._label(run, "narrator")
                self.scan.narrators.append(self.scan.shown(run))

    def _names_people(self, run: Sequence[Word]) -> bool:
        """Whether words beside the author may be other authors: named after `by`, or by a given name."""
        if not run or len(run[-1].raw) == 1 or any(word.keys[0] in _NO_NAMES for word in run):
            return False
        return self._listed_after_by(run[0].place) or run[0].keys[0] in GIVEN_NAMES or len(run[0].raw) == 1

    def _listed_after_by(self, place: int) -> bool:
        """Whether a `by` stands before the people whose list goes on here."""
        words = self.scan.words
        while place and words[place - 1].label in _LABELS_OF_PEOPLE and words[place - 1].keys[0] != "by":
            place -= 1
        return place > 0 and words[place - 1].keys[0] == "by"

    def _gap(self, place: int) -> str:
        return self.scan.text[self.scan.words[place - 1].end : self.scan.words[place].start]

    def _bracketed_name(self, run: Sequence[Word]) -> bool:
        """Whether a bracket holds what looks like a person, alone or with a year."""
        place = run[0].place
        after = self.scan.words[place + len(run)] if place + len(run) < len(self.scan.words) else None
        dated = after is not None and after.label == "year" and after.bracketed
        if not (dated or after is None or after.break_before == 2) or not (2 <= len(run) <= 3 or dated):
            return False
        given = run[0].keys[0] in GIVEN_NAMES or len(run[0].raw) == 1 or dated
        return given and all(word.raw[0].isupper() and self._in_name(word) for word in run)

    def _in_name(self, word: Word) -> bool:
        return word.raw.isalpha() and word.keys[0] not in _NO_SURNAMES | _IN_NAMES

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
            place = run[0].place
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
            by_title = before is not None and before.keys[0] == "by" and before.label not in ("title", "narrator")
            if not touching and not by_title:
                return ""
        return " ".join(self.scan.shown(run) for run in self.runs) or (self.scan.text if self.titles else "")

    @property
    def kind(self) -> Kind:
        return kind_of(self.scan)

    @property
    def signs(self) -> frozenset[str]:
        """What the title line, the names of the structured series, the category and the tags say of its kind."""
        release, own = self.release, series_key(self.want.series or "")
        if not (release.tags or release.category or release.series or release.authors or release.narrators):
            return frozenset(self.scan.signs)
        series = " | ".join(name for name in _names(release) if series_key(name) != own)
        retold = any(read_credit(name)[1] == "adapter" for name in release.authors or ())
        told = signs_in(f"{release.tags or ''} | {release.category or ''}", series)
        return frozenset(self.scan.signs | told | ({"retold"} if retold else set()) | self._signs_of_people())

    def _signs_of_people(self) -> set[str]:
        """A cast instead of a reader, and who writes about books rather than books; plays on the radio have a
        category of their own."""
        release = self.release
        cast = any(_CAST.search(name) for name in release.narrators or ())
        guide = any(_GUIDES.search(name) for name in release.authors or ())
        radio = re.match(r"radio\b", release.category or "", re.IGNORECASE)
        found = {"cast": cast, "summary": guide, "dramatized": radio}
        return {sign for sign, there in found.items() if there}

    @property
    def tagged_languages(self) -> set[str]:
        """Languages that stand among the tags by themselves, or in brackets behind the name of a series."""
        if not self.release.tags and not self.release.series:
            return set()
        tags = [tag for tag in re.split(r"[,;|]", self.release.tags or "") if len(tag.split()) == 1 and len(tag) > 3]
        tags += re.findall(r"[(\[](\w{4,})[)\]]", " ".join(_names(self.release)))
        return {code for code in map(read_language, tags) if code}

    @property
    def asins(self) -> set[str]:
        return _asins(self.want)

    @property
    def tagged_part(self) -> str | None:
        return part_in(self.release.tags) if self.release.tags else None

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


_ROLE = re.compile(
    r"[\s,]*[-–(\[,]\s*(?:(?P<writer>(?:original )?author|writer|creator)|(?P<editor>editor|ed\.|eds\.)"
    r"|(?P<adapter>adapt\w*|abridg\w*|retold\w*|retelling|dramat\w*|playwright)"
    r"|(?P<other>translat\w*|tr\.|narrat\w*|reader|illustrat\w*|foreword|afterword|introduction|preface|contributor"
    r"|performer|director|producer|composer|publisher|artist))\b\.?(?:\s+by)?\s*[)\]]?\s*$",
    re.IGNORECASE,
)
WRITERS = frozenset({"", "writer"})
"""The roles in which somebody is the author."""


@lru_cache(maxsize=16_384)
def read_credit(name: str) -> tuple[str, str]:
    """A credit as name and role: `Jane Doe (translator)`. The role is empty, writer, editor, adapter or other."""
    found = _ROLE.search(name[:200])
    if found is None or not fold(name[: found.start()]):
        return name, ""
    return name[: found.start()].strip(), found.lastgroup or ""


def _names(release: Release) -> list[str]:
    return [series.name for series in release.series or ()]


def _in_order(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


@lru_cache(maxsize=16_384)
def _series_sequences(name: str) -> tuple[Keys, ...]:
    """The name of a series as it may stand in a title: as it is and as its key, each also in the plural."""
    found = [sequence(text) for text in dict.fromkeys((name, series_key(name)))]
    return tuple(form for keys in found if keys for form in (keys, tuple(_plural(key) for key in keys)))


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


def content_of(keys: Keys) -> Keys:
    """A name without the little words that a release may leave out, unless it has no others."""
    return tuple(key for key in keys if _SKIPPED.isdisjoint(key)) or keys


class Form(msgspec.Struct, frozen=True):
    """A way in which a release may write the wanted title: its words, and those that may be left out."""

    text: str
    keys: Keys
    skip: frozenset[str]
    content: Keys
    """The words that a release must hold, each in its spellings."""
    half: int
    """How many of these are half."""
    needed: frozenset[str]
    """Those of them that have one spelling: a title without one of these does not hold the form."""
    other: bool
    """Whether it is another name of the book, as a catalogue knows it."""


def may_be(want: Want, release: Release) -> bool:
    """Whether a release may be that book, by its title, series or ASIN: cheap, and true for all that is not refused."""
    text, names = read_text(release.title), names_of(want)
    for form in names.forms:
        if text.places.keys() >= form.needed and text.holds(form.keys, form.skip):
            return True
    # The series without the number is another volume; several volumes may hold the wanted one.
    counted = text.is_set or (want.position is not None and _may_count(text, want.position))
    if counted and any(text.holds(keys, ARTICLES) for keys in names.series):
        return True
    if names.head and text.places.keys() >= names.head:
        return True
    if (want.asin or want.asins) and not _asins(want).isdisjoint(ASIN.findall(text.text.upper())):
        return True
    return nearly_titled(want, text)


def _may_count(text: TitleText, position: Position) -> bool:
    """Whether a number stands there that may be the wanted one."""
    return position.low in text.numbers or bool(position.low % 1)


def _asins(want: Want) -> set[str]:
    return {asin.upper() for asin in (want.asin, *want.asins) if asin}


def nearly_titled(want: Want, text: TitleText) -> bool:
    """Whether half the words of the title are there, and the line may be the title in another spelling."""
    if abs(len(text.text) - len(want.title)) > max(4, len(want.title) // 3):
        return False  # author, series and more stand beside it: then the title itself must be found
    if not any(_shares_half(form, text.places) for form in names_of(want).forms):
        return False
    return same_title(want.title, text.text, series=want.series, authors=want.authors) is Likeness.UNSURE


def _shares_half(form: Form, keys: Collection[str]) -> bool:
    return sum(any(key in keys for key in spellings) for spellings in form.content) >= form.half


class Names(msgspec.Struct, frozen=True):
    """All that a release may call a wanted book."""

    forms: tuple[Form, ...]
    """Its title, the fullest form first, then its other names."""
    head: frozenset[str]
    """The words of the title up to its colon; empty where it has none."""
    series: tuple[Keys, ...]


def names_of(want: Want) -> Names:
    return _names_of(want.title, want.series, want.authors, want.other_titles)


@lru_cache(maxsize=16_384)
def _names_of(title: str, series: str | None, authors: tuple[str, ...], other_titles: tuple[str, ...]) -> Names:
    book = read_book_title(title, series=series, authors=authors)
    own = _own_forms(title, authors, book)
    others = [] if book.volume is not None else [name for name in other_titles if _names_book(name, series, authors)]
    texts = dict.fromkeys(own, False) | {name: True for name in others if name not in own}
    forms = tuple(_form(text, other) for text, other in texts.items() if fold(text))
    head = frozenset(book.core[0].split()) if len(book.core) > 1 else frozenset()
    return Names(forms, head, _series_sequences(series) if series else ())


def _form(text: str, other: bool) -> Form:
    keys = sequence(text)
    telling = sum(_SKIPPED.isdisjoint(key) for key in keys)
    skip = _SKIPPED if telling > 2 else ARTICLES if telling else frozenset()
    content = content_of(keys)
    needed = frozenset(key[0] for key in content if len(key) == 1)
    return Form(text, keys, skip, content, (len(content) + 1) // 2, needed, other)


def _names_book(name: str, series: str | None, authors: tuple[str, ...]) -> bool:
    """Whether another name stands for the book: not where it counts a volume, or is only the name of the series."""
    book = read_book_title(name, series=series, authors=authors)
    return book.volume is None and not (series and same_series(book.key, series) is Likeness.SAME)


def _own_forms(title: str, authors: Sequence[str], book: BookTitle) -> list[str]:
    bare = re.sub(r"\s*[(\[{][^()\[\]{}]*[)\]}]", " ", title).strip()
    # A number at the end is compared as a number: "Vol. 5" must not be found in "Vol. 5-6".
    forms = [] if book.volume is not None and not book.after else [title, book.key, bare]
    if len(book.core) > 1 and book.volume is None:
        forms.append(" ".join((*book.core[1:], book.core[0])))
    if book.volume is not None:
        forms.append(book.stem)
    for author in authors:
        shorter = re.sub(rf"^{re.escape(author)}(?:['’]s|:| presents)?\s+", "", title, flags=re.IGNORECASE)
        if shorter != title and book.volume is None:
            forms.append(shorter)
    if len(book.core) > 1 and descriptive(" ".join(book.core[1:])):
        forms.append(book.core[0])
    return forms
