"""Cutting a release's title into the pieces that name something, with what is technical left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from domain.names import LITTLE_WORDS, fold, words_of
from domain.person_names import GIVEN_NAMES, SURE, likeness_to_person
from domain.titles import Scan, Word


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Words between two breaks. `places` are those of its words in the scan."""

    text: str
    places: tuple[int, ...]
    mark: str = ""
    """The bracket that it stands in: one of ( [ {."""
    group: int = 0
    """Which quotation it belongs to, or which text between quotations."""
    joined: bool = False
    """Whether only a bracket or something technical parts it from the piece before, no dash."""


_STRONG_DASH = re.compile(r"\s[-–—~_|]+\s|\s[-–—]|[-–—]\s|--|[—–|]|\s/\s")
_PARTED_OTHERWISE = re.compile(r"\s[-–—]\s|[—–]|(?<!read)(?<!narrated)(?<!performed)\sby\s", re.IGNORECASE)
_QUOTES = '"“”«»„'
_NAMING = words_of("author author? plain summary comic")
"""Labels of words that belong to names and titles all the same."""
_SOFT = words_of("noise filler")
"""Labels of words that mean nothing at the end of a piece, and something within one."""
_MEANINGLESS = words_of(
    "nmr repost req reqs yenc vip freeleech aax truedecrypt libation inaudible vbr cbr mp3cd xxxx nzb par par2 rar nfo"
    " sfv torrent webrip"
)
_BEFORE_TITLES = words_of("year counter edition")
"""Labels behind which a title may still follow."""
READER = re.compile(
    r"\b(?:narrators?:|narr\.|read by|narrated by|performed by|gelesen von|sprecher:|lu par|narrado por|le[ií]do por"
    r"|voorgelezen door|letto da|uppl[aä]st av|indl[aæ]st af)\s*:?\s*",
    re.IGNORECASE,
)
"""What stands before the name of a narrator."""
_CHATTER = re.compile(
    r"(?:as requested|description|attn|p m posting|posting|any format is ok|re|new|copy|(?:clear|faint) sound|unknown"
    r"|full cast|retail|digital|bbc|scene|web|cd|\d{1,2} ?cds?|(?:uk|us|[a-z]{2}) version|booklet|alt binaries.*|\d{4,}"
    r"|(?:sammel)?pack|box ?set|extra par2s|(?:pro|epi)logue|(?:(?:part|chapter|kapitel|track|disc|file) ?\d* ?)+)"
)
"""Whole pieces that say nothing about a book."""


class _Spot(msgspec.Struct, frozen=True):
    """Where a word stands: the outermost bracket and its number, the quotation."""

    mark: str
    bracket: int
    group: int


def facts_of(text: str) -> Scan:
    """A scan with its technical words labelled; those that stand within running words count as words."""
    scan = Scan(text)
    scan.read_facts()
    mistaken = [place for place, word in enumerate(scan.words) if word.label and _is_mistaken(scan, place)]
    if not mistaken:
        return scan
    again = Scan(text)
    for place in mistaken:
        again.words[place].label = "plain"
    again.read_facts()
    return again


def _is_mistaken(scan: Scan, place: int) -> bool:
    """Whether what looks technical is part of a name: "The German Classics", "80 Hours", "The Summer of 1914"."""
    word, before, after = scan.words[place], _neighbour(scan, place, -1), _neighbour(scan, place, 1)
    led = before is not None and bool(set(before.keys) & LITTLE_WORDS)
    if word.bracketed:
        return False
    if word.label == "range":
        return scan.range is None or _counts_on(scan, place)
    if word.label == "language":
        led = led or (place == 1 and before is not None and before.keys[0] in GIVEN_NAMES)  # "David English"
        return word.raw.istitle() and (led or (after is not None and not after.label))
    if word.label == "size":
        return _spells_a_length(scan, place)
    if word.label == "year":
        return led or (before is None and after is not None and not after.label and " " in scan.text)
    if word.label == "medium":
        return "audio" in word.keys and all(near is not None and not near.label for near in (before, after))
    return word.label == "edition" and (place == 0 or (after is not None and not after.label))


def _neighbour(scan: Scan, place: int, step: int) -> Word | None:
    """The word beside, where nothing but a blank is between."""
    other = place + step
    if not 0 <= other < len(scan.words):
        return None
    left, right = scan.words[min(place, other)], scan.words[max(place, other)]
    return None if scan.text[left.end : right.start].strip() else scan.words[other]


def _end_of_label(scan: Scan, place: int) -> int:
    while place + 1 < len(scan.words) and scan.words[place + 1].label == scan.words[place].label:
        place += 1
    return scan.words[place].end


def _counts_on(scan: Scan, place: int) -> bool:
    """Whether what looks like `1 - 5` goes on: `11-22-63`, `Voyages 06 - 20,000 Leagues`, `6 - 80 Hours`."""
    end = _end_of_label(scan, place)
    spaced = scan.text[:end].rpartition(" - ")[0].endswith(tuple("0123456789"))
    return bool(re.match(r"\W?[-.,]\d" if not spaced else r"\W?[-.,]\d|\s[^\W\d_]", scan.text[end:]))


def _spells_a_length(scan: Scan, place: int) -> bool:
    near = [word.raw for word in scan.words[max(0, place - 1) : place + 2] if word.label == "size"]
    return any(raw in ("Hour", "Hours", "Minutes") for raw in near)


def pieces_of(scan: Scan) -> list[Piece]:
    """The pieces of a title in reading order. A colon joins; a bracket and a quotation are pieces of their own."""
    cutter = _Cutter(scan)
    found: list[Piece] = []
    for run in cutter.runs():
        spot = cutter.spots[run.places[0]]
        kept = _trimmed(scan, run.places, whole=run.in_tail or bool(spot.mark))
        if not kept or (run.in_tail and _is_crumb(scan, kept, dashed=not (run.joined or run.tight or spot.mark))):
            continue
        if run.in_tail and run.tight and len(found) > 1 and not _names_something(scan.words[run.places[0] - 1]):
            continue  # a release group whose name was taken apart
        text = READER.split(_text_of(scan, kept))[0].rstrip(" ,")
        if fold(text):
            found.append(Piece(text=text, places=tuple(kept), mark=spot.mark, group=spot.group, joined=run.joined))
    if cutter.scene and len(found) > 2 and re.fullmatch(r"[A-Z0-9]\w*[A-Z]", found[-1].text):
        found.pop()  # the release group, where only a year stood before
    return [piece for piece in found if not _CHATTER.fullmatch(fold(piece.text))] or found


class _Run(msgspec.Struct):
    """Words that nothing parts."""

    joined: bool
    """No dash stands before it,"""
    tight: bool
    """or a dash without blanks."""
    in_tail: bool
    """Technical words stand before it, which follow names."""
    places: list[int] = []


class _Cutter:
    """Decides between which words of a scan a title is cut."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.spots = list(_spots(scan))
        self.scene = _is_scene_name(scan)
        self.spans: dict[int, tuple[int, int]] = {}
        """Where the text of each quotation begins and ends."""
        for spot, word in zip(self.spots, scan.words, strict=True):
            self.spans[spot.group] = (self.spans.get(spot.group, (word.start,))[0], word.end)
        self.spaced = {
            group: bool(_PARTED_OTHERWISE.search(scan.text, start, end)) for group, (start, end) in self.spans.items()
        }

    def runs(self) -> list[_Run]:
        found: list[_Run] = []
        named: set[int] = set()
        tail: set[int] = set()
        open_run = False
        for place, word in enumerate(self.scan.words):
            group = self.spots[place].group
            if not _names_something(word):
                if group in named and word.label not in _BEFORE_TITLES:
                    tail.add(group)
                open_run = False
                continue
            gap = self._gap(place)
            tight = self._parts_tightly(place)
            strong = tight or bool(_STRONG_DASH.search(gap))
            if not open_run or strong or self.spots[place] != self.spots[place - 1]:
                joined = bool(place) and not strong
                found.append(_Run(joined=joined, tight=tight or gap.endswith("-"), in_tail=group in tail))
            found[-1].places.append(place)
            named.add(group)
            open_run = True
        return found

    def _gap(self, place: int) -> str:
        return self.scan.text[self.scan.words[place - 1].end : self.scan.words[place].start] if place else ""

    def _parts_tightly(self, place: int) -> bool:
        """Whether a dash without blanks before this word parts two names ("Jane Austen-Emma").

        In a text that parts by ` - ` or `by` it does so only behind a number or before noise; else in a scene name or
        beside a person.
        """
        if not _TIGHT_DASH.fullmatch(self._gap(place)) or self.spots[place] != self.spots[place - 1]:
            return False
        text, word, before = self.scan.text, self.scan.words[place], self.scan.words[place - 1]
        if word.label in _SOFT:
            return True
        start, end = self.spans[self.spots[place].group]
        if before.raw.isdecimal() and _NUMBER_BEFORE.search(text[start : before.end][-12:]):
            return word.raw[:1].isupper()
        if self.spaced[self.spots[place].group]:
            return False
        left = _SIDE.split(text[max(start, before.end - LONGEST_NAME) : before.end])[-1].strip()
        right = _SIDE.split(text[word.start : min(end, word.start + LONGEST_NAME)])[0].strip()
        if self.scene or _CAMEL.fullmatch(left):
            return True
        if " " not in left and " " not in right:
            return False
        led = " " in left and " " in right and likeness_to_person(text[start:end].partition("-")[0]) == SURE
        return led or bool(likeness_to_person(left.lstrip("0123456789 "))) or likeness_to_person(right) == SURE


LONGEST_NAME = 120
"""Characters on one side of a dash that are looked at for a person's name."""
_TIGHT_DASH = re.compile(r"[.!?]?-#?")
_SIDE = re.compile(r"[-\"()\[\]{}]")
_NUMBER_BEFORE = re.compile(r"(?:^|[\s\-])#?(?:0\d+|\d+\.\d\d?)$|^\d{1,3}$|#\d{1,3}$")
_CAMEL = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]*){1,5}")


def _names_something(word: Word) -> bool:
    if word.label in _SOFT:
        return not set(word.keys) & _MEANINGLESS
    return not word.label or word.label in _NAMING


def _trimmed(scan: Scan, run: Sequence[int], *, whole: bool) -> list[int]:
    """A run without noise at its end; fillers, and noise in front, go only from brackets and from the tail."""
    kept = list(run)
    if all(scan.words[place].label in _SOFT for place in kept):
        whole = len(kept) > 1 or scan.words[kept[0]].label == "noise" or whole
        return [] if whole else kept
    soft = _SOFT if whole else {"noise"}
    while kept and scan.words[kept[-1]].label in soft:
        kept.pop()
    while whole and kept and scan.words[kept[0]].label in soft:
        kept.pop(0)
    return kept


def _is_crumb(scan: Scan, run: Sequence[int], *, dashed: bool) -> bool:
    """Whether what stands behind technical words is a release group or a rest of them: `-CRAViNGS`, `- TK`, `44 m`."""
    raws = [scan.words[place].raw for place in run]
    if len(raws) > 1:
        return all(len(raw) < 3 for raw in raws)
    return not (dashed and raws[0].istitle() and len(raws[0]) > 3)


def _text_of(scan: Scan, run: Sequence[int]) -> str:
    """The text of a run, with the mark that ends it (`Guards!`) and without quotation marks around names in it."""
    start, end = scan.words[run[0]].start, scan.words[run[-1]].end
    ending = re.match(r"[!?]+", scan.text[end : end + 5])
    text = scan.text[start : end + (ending.end() if ending else 0)]
    numbered = "#" if scan.text[max(0, start - 2) : start].strip().endswith("#") else ""
    return numbered + re.sub(r"(?<!\S)'|'(?=[\s,]|$)", "", text) if "'" in text else numbered + text


def _spots(scan: Scan) -> Iterator[_Spot]:
    brackets: list[tuple[str, int]] = []
    count, group, end = 0, 0, 0
    for word in scan.words:
        for mark in scan.text[end : word.start]:
            if mark in "([{":
                count += 1
                brackets.append((mark, count))
            elif mark in ")]}" and brackets:
                brackets.pop()
            elif mark in _QUOTES:
                group, brackets = group + 1, []  # what was left open ends here
        end = word.end
        mark, number = brackets[0] if brackets else ("", 0)
        yield _Spot(mark, number, group)


def _is_scene_name(scan: Scan) -> bool:
    """Whether technical words hang on dashes without blanks: `Author-Title-AUDiOBOOK-WEB-SE-2022-GROUP`."""
    for before, word in pairwise(scan.words):
        hangs = not word.bracketed and re.fullmatch(r"[.!?]?-", scan.text[before.end : word.start])
        if hangs and word.label and word.label not in (*_NAMING, before.label, "range", "number"):
            return True
    return False
