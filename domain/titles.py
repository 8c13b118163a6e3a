"""Reading a release's title: who, what, which number, read by whom, in which form; with every word accounted for.

A title is cut into words that keep their place and the strength of the break before them. Each reading step labels
words; what stays without a label is *left over*, and a gate that confirms a book wants nothing left over.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from domain.languages import read_language
from domain.names import (
    LITTLE_WORDS,
    Likeness,
    fold,
    folds,
    read_number,
    same_person,
    series_key,
    words_of,
)
from domain.positions import Position, read_position

LONGEST = 1_000
"""Characters of a title that are read; real ones end long before."""
MOST_WORDS = 160

Kind = Literal["single", "omnibus", "part", "dramatized", "summary", "ebook", "music", "video", "comic"]

AUDIO_FORMATS = words_of("m4b mp3 m4a aac flac ogg opus wav wma aax aaxc mp4a alac mka")
TEXT_FORMATS = words_of("epub mobi azw azw3 azw4 pdf cbz cbr djvu fb2 lit kfx doc docx rtf txt html")


class ReleaseTitle(msgspec.Struct, frozen=True, kw_only=True):
    """What a release's title says. None and empty mean that it does not say; nothing is guessed from silence."""

    text: str
    title: str | None = None
    authors: tuple[str, ...] = ()
    series: str | None = None
    position: Position | None = None
    narrators: tuple[str, ...] = ()
    year: int | None = None
    formats: tuple[str, ...] = ()
    bitrate_kbps: int | None = None
    language: str | None = None
    """ISO 639-1."""
    abridged: bool | None = None
    part: str | None = None
    """`1 of 5`, where the release is a part of a book."""
    kind: Kind = "single"
    media: Literal["audiobook", "ebook", "music", "video"] | None = None
    asin: str | None = None
    rest: tuple[str, ...] = ()
    """Words that no rule explains."""


# --- vocabulary ------------------------------------------------------------------------------------------------------

_LANGUAGE_CODES = "EN|ENG|DE|GER|DEU|FR|FRE|ES|SPA|IT|ITA|NL|SE|SWE|DK|DAN|NO|NOR|FI|FIN|PL|POL|RU|RUS|PT|CZ|HU|JP"
_LANGUAGE_WORDS = (
    "english|german|deutsch|french|fran[cç]ais|spanish|espa[nñ]ol|castellano|italian|italiano|dutch|nederlands|swedish"
    "|svenska?|danish|dansk|norwegian|norsk|finnish|suomi|polish|polski|russian|portuguese|portugu[eê]s|chinese|japanese"
    "|turkish|czech|hungarian|greek|romanian|korean|arabic|hebrew|ukrainian|hindi|bulgarian"
)
_SPEAKING = (
    (re.compile(r"\bh(?:ö|oe|o|ã¶|\?)rb(?:u|ü|ue)ch(?:er)?\b|\bungek\S{0,3}rzt\w*|\bgek\S{0,3}rzt\w*|\bsammel(?:pack|ung)\b"
                r"|\blesung\b|\bvorgelesen\b|\bh(?:ö|oe)rspiel\b", re.IGNORECASE), "de"),
    (re.compile(r"\baudiolibro\b", re.IGNORECASE), "es"), (re.compile(r"\blydbok\b", re.IGNORECASE), "no"),
    (re.compile(r"\blydbog\b", re.IGNORECASE), "da"), (re.compile(r"\bljudbok\b", re.IGNORECASE), "sv"),
    (re.compile(r"\bluisterboek\b", re.IGNORECASE), "nl"),
    (re.compile(r"\blivre audio\b|\baudiolivre\b", re.IGNORECASE), "fr"),
    (re.compile(r"\bäänikirja\b", re.IGNORECASE), "fi"), (re.compile(r"\bаудиокнига\b", re.IGNORECASE), "ru"),
)  # fmt: skip


_LANGUAGE_PATTERNS = (
    re.compile(rf"\[\s?({_LANGUAGE_CODES}|{_LANGUAGE_WORDS}|[a-z]{{3}})\s?(?=[/\]])", re.IGNORECASE),
    re.compile(rf"(?<=[-\s\[(])({_LANGUAGE_CODES})(?=-|\]|\)|\s(?:[Aa]udio|[Ll]ivre))"),
    re.compile(rf"(?<=[Aa]udiobook )({_LANGUAGE_CODES})\b"),
    re.compile(rf"\b({_LANGUAGE_WORDS})(?:\s+(?:edition|version|audio\s?book))?\b", re.IGNORECASE),
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_FORMATS = "|".join(sorted(AUDIO_FORMATS | TEXT_FORMATS - words_of("lit doc txt html"), key=len, reverse=True))
_FORMAT = re.compile(rf"(?<![a-z])(?:\d{{1,2}})?({_FORMATS})(?:cd)?(?:@(\d{{2,3}}))?(?![a-z0-9])", re.IGNORECASE)
_GLUED_FORMAT = re.compile(r"(?<=[a-z])(M4B|MP3|EPUB)\b")
_BITRATE = _pattern(
    r"\b(\d{2,4})(?:\s?-\s?\d{2,3})?\s?k(?:b(?:it)?(?:s|ps|/s)?|bps)?\b(?:\s?(?:vbr|cbr))?|\bbitrate:?\s?(\d{2,3})\b"
    r"|(?<=mp3 )(32|48|56|64|80|96|112|128|160|192|224|256|320)\b"
)
_ASIN = re.compile(r"\b(B0[0-9A-Z]{8})\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<![0-9A-Za-z./])(?<![0-9]-)((?:19|20)[0-9]{2})(?![0-9A-Za-z/]|-[0-9])")
_NARRATOR = _pattern(
    r"\b(?:read|narrated|performed|told)\s+by:?\s+([^()\[\]{}\"|;]{2,80}?)(?=\s*(?:[()\[\]{}\"|;]|$|-\s?(?:\d{4}|audio)))"
)
_UNABRIDGED = _pattern(r"\b(?:un-?abridged|unabr?|ungek\S{0,3}rzte?s?|onverkort|int[eé]grale?|uncut)\b|\bungekrzt\b")
_ABRIDGED = _pattern(r"\b(?:abridged|abr|gek(?:ü|ue|ã¼)?rzte?s?|verkort|condensed)\b")
_DRAMATIZED = _pattern(
    r"\b(?:dramati[sz](?:ed|ation)(?:\s+adaptation)?|radio\s?(?:drama|play|show)|audio\s?drama|graphic\s?audio"
    r"|bbc\s?(?:r(?:adio)?\s?\d(?:\s?extra)?|7)|latw"
    r"|full[- ]cast\s+(?:dramati[sz]ation|production|drama)|h(?:ö|oe)rspiel"
    r"|movie in your mind|immersion tunnel|l\.?a\.? theatre works)\b|\[GA\]"
)
_SUMMARY = _pattern(
    r"\b(?:summary|analysis|study guide|cliff'?s?notes|sparknotes|shortcuts?|blinkist|key takeaways|companion guide"
    r"|book review|workbook|getabstract|instaread|conversation starters|trivia)\b"
)
_VIDEO = _pattern(
    r"\b(?:(?:480|720|1080|2160)[pi]|[xh]\.?26[45]|hevc|hdtv|blu-?ray|bdrip|brrip|dvd-?rip|dvdr?|xvid|divx|web-?dl|remux"
    r"|s\d{1,2}e\d{1,2}|mkv|avi)\b"
)
_COMIC = _pattern(r"\b(?:comics?|manga|graphic novel)\b")
_MUSIC = _pattern(r"\b(?:lossless|discography|soundtrack|\bost\b|remix(?:es)?|\d{1,2}cds?|vinyl|lp|ep)\b|\btracks\b")
_AUDIOBOOK = _pattern(r"\b(?:audio\s?books?|a-?books?|audible|audio|luisterboek|lydbok|lydbog|ljudbok|audiolibro)\b")
_EBOOK = _pattern(r"\be-?books?\b|\bkindle\b")
_RANGE = _pattern(
    r"(?:\b(?:books?|bks?|vol(?:ume)?s?|parts?|nos?|band|tome|#|v)\.?\s*#?|(?<=[\s(\[])|^)"
    r"(\d{1,3}(?:\.\d)?)\s?(?:-|–|&|and|to)\s?(?:v\.?|#|book\s)?(\d{1,3}(?:\.\d)?)(?![\w.]|/\d|\s?k)"
)
_OMNIBUS = _pattern(
    r"\b(?:omnibus|(?:complete\s+)?box(?:ed)?[- ]?sets?|bundle|compilation|anthology|collections?|sammelpack"
    r"|sammlung|pack"
    r"|(?:the\s+)?complete(?:\s+\w+){0,2}|trilogy|quartet|quintet|duology|tetralogy|hexalogy"
    r"|(?:entire|full|whole)\s+series|series|saga|complete works|megapack|audiobooks|\d{1,3}\s+(?:audio)?books)\b"
)
_PART = _pattern(
    r"\b(?:parts?|pts?|teil|del|disc|disk)\.?\s?(\d{1,2}|one|two|three|four|five|six|[ivx]{1,4})"
    r"(?:\s?(?:&|and|-|/|of|von|av)\s?(\d{1,2}))?\b|[(\[]\s?(\d{1,2})\s?(?:of|/)\s?(\d{1,2})\s?[)\]]"
)
_PART_OF = _pattern(
    r"\b(?:parts?|pts?|teil|del|dis[ck])?\.?\s?(\d{1,2}|one|two|three|four|five|six)\s(?:of|von|av)\s"
    r"(\d{1,2}|two|three|four|five|six)\b|[(\[]\s?(\d{1,2})\s?/\s?(\d{1,2})\s?[)\]]"
)
_COUNTER = _pattern(
    r"[\[(]\s?(?:\d{1,4}\s?/\s?\d{2,4}|0\d{1,3}\s?/\s?\d{1,4})(?:\s?/\s?\w)?\s?[\])]|(?<![\d/])\d{1,4}/\d{2,4}(?![\d/])|\byenc\b"
    r"|(?<=\" )\d{1,3} of \d{1,3}|\[\d{1,3} of \d{2,3}\]|\b0\d{3}\b|\b\d{4,6}(?= yenc)"
)
_SIZE = _pattern(r"\b\d{1,4}(?:[.,]\d{1,2})?\s?(?:[gmk]i?b|bytes)\b|\b\d{1,2}\s?hz\b|\b\d{2}(?:\.\d)?\s?khz\b")
_LENGTH = _pattern(r"\b\d{1,3}\s?h(?:rs?|ours?)?(?:\s?\d{1,2}\s?m(?:in(?:ute)?s?)?)?\b|\b\d{1,4}\s?min(?:ute)?s?\b")
_EDITION = _pattern(
    r"\b(?:(?:the|\d{1,4}(?:st|nd|rd|th)?|[a-z]+th|first|second|third|b&n|[a-z]+ish|[a-z]+ese|us|uk|international|amazonclassics"
    r"|audible|booktrack|anniversary|deluxe|special|collectors?|kindle|revised|updated|expanded|enhanced|illustrated|complete"
    r"|exclusive|original|new|light novel|penguin|modern|classics?|vintage|retail|unabridged|and|&)[ ']+){0,5}"
    r"(?:edition|ed\b|anniversary|remastered|ausgabe|classics)\b|\blight novel\b|\bweb novel\b"
)
_NOISE = words_of(
    "nmr nr repost req reqs yenc vip fl freeleech chapterized chapterised chaptered aka aax truedecrypt libation"
    " inaudible itunes vbr cbr js mp3cd cds part00 xxxx nzb par par2 rar zip nfo sfv torrent seedpool booktrack"
    " audiobookshelf webrip"
    " retail ripped rip lossless decrypt tagged hq lq hd"
)
_FILLERS = words_of(
    "request requested as copy post posting proper internal int web free chapters ready"
    " stereo mono joint cd disc file files single split description incl with cover ua ln narrator narrated"
    " unknown clear sound"
)
"""Words that mean nothing beside a title, and something within one."""
_SCRATCH = re.compile(
    r"(?:\.(?:part\d{1,3}\.rar|vol\d{1,4}\+\d{1,4}(?:\.par2?)?|7z\.\d{3}|rar\.\d{2,3}|rar|par2?|nzb|nfo|sfv|zip|7z|torrent|iso))+"
    r"(?=[\s\"')\]]|$|[A-Z0-9])",
    re.IGNORECASE,
)


# --- words -----------------------------------------------------------------------------------------------------------


class Word(msgspec.Struct):
    """One word and its place in the text; `break_before`: 0 none, 1 soft (`-`, `,`), 2 hard (` - `, `:`, `(`)."""

    raw: str
    keys: tuple[str, ...]
    start: int
    end: int
    break_before: int
    bracketed: bool
    label: str = ""


_WORD = re.compile(r"[^\W_]+(?:['’ʼ`][^\W_]+)*|&")
_HARD = re.compile(r"[()\[\]{}\"“”«»|;]|:\s|\s[-–—_~]+\s|\s[-–—]|[-–—]\s|--|—|–|\s/\s|\s'|'\s|^'|'$")
_SOFT = re.compile(r"[-,/:_+.=]")


@lru_cache(maxsize=16_384)
def clean(text: str) -> str:
    """One line without tags, entities, file-part endings and dots that stand for blanks."""
    plain = html.unescape(text[: LONGEST * 4])
    plain = re.sub(r"<[^<>]{0,300}>", " ", plain)
    plain = re.sub(r"[ÂÃ][\u0080-\u00bf]", _mended, plain)
    plain = unicodedata.normalize("NFKC", plain)
    plain = "".join(mark if mark.isprintable() else " " for mark in plain if unicodedata.category(mark) != "Cf")
    plain = " ".join(plain.split())[:LONGEST]
    plain = _SCRATCH.sub(" ", plain)
    if " " not in plain.strip() and "." not in plain:
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain.replace("_", " "))
    elif plain.count("_") > 1 and plain.count("_") >= plain.count(" "):
        plain = plain.replace("_", " ")
    return " ".join(" ".join(_undotted(run) for run in plain.split()).split())


def _mended(found: re.Match[str]) -> str:
    """UTF-8 that was read as Latin-1, put right: `ungekÃ¼rzt`."""
    return found[0].encode("latin-1").decode("utf-8", "replace")


def _undotted(run: str) -> str:
    """Blanks for the dots of `Frank.Herbert.Dune.m4b`; a decimal keeps its own."""
    if run.count(".") < 2 and not re.search(rf"\.(?:{_FORMATS})$", run, re.IGNORECASE):
        return run
    return re.sub(r"(?<!\d)\.(?=\S)|(?<=\d)\.(?=[^\d\s])", " ", run)


def words_in(text: str) -> list[Word]:
    """The words of a cleaned text, none labelled yet."""
    found: list[Word] = []
    end, depth = 0, 0
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        depth = max(0, depth + sum(gap.count(mark) for mark in "([{") - sum(gap.count(mark) for mark in ")]}"))
        if found and len(found[-1].raw) == 1:
            gap = gap.replace(".", " ", 1)  # the dot of an initial parts nothing
        strength = 2 if not found or _HARD.search(gap) else (1 if _SOFT.search(gap) else 0)
        keys = tuple(key for key in (key.replace(" ", "") for key in folds(match[0])) if key) or ("",)
        found.append(Word(match[0], keys, match.start(), match.end(), strength, depth > 0))
        end = match.end()
        if len(found) == MOST_WORDS:
            break
    return found


class Scan:
    """A title while it is being read: its words, and what they were found to mean."""

    def __init__(self, text: str) -> None:
        self.text = clean(text)
        self.words = words_in(self.text)
        self.formats: list[str] = []
        self.bitrate_kbps: int | None = None
        self.languages: list[str] = []
        self.abridged: bool | None = None
        self.narrators: list[str] = []
        self.year: int | None = None
        self.asin: str | None = None
        self.part: str | None = None
        self.range: Position | None = None
        self.signs: set[str] = set()
        """dramatized, summary, video, comic, omnibus, ebook, audiobook, music."""

    # Labelling

    def free(self, start: int, end: int) -> bool:
        return all(not word.label for word in self.words[start:end])

    def label(self, start: int, end: int, label: str) -> None:
        for word in self.words[start:end]:
            word.label = word.label or label

    def _label_span(self, start: int, end: int, label: str) -> bool:
        """Label the words of a span of text; false when one of them has a meaning already."""
        inside = [word for word in self.words if word.start < end and word.end > start]
        if any(word.label for word in inside):
            return False
        for word in inside:
            word.label = label
        return True

    def _each(self, pattern: re.Pattern[str], label: str) -> Iterator[re.Match[str]]:
        for found in pattern.finditer(self.text):
            if self._label_span(found.start(), found.end(), label):
                yield found

    # Facts that need no knowledge of the book

    def read_facts(self) -> None:
        """Label what is technical: counters, formats, languages, years. Call after the known names are labelled."""
        for _ in self._each(_COUNTER, "counter"):
            pass
        self._read_signs()
        for found in self._each(_ASIN, "asin"):
            self.asin = found[1].upper()
        for pattern in (_BITRATE,):
            for found in self._each(pattern, "bitrate"):
                self.bitrate_kbps = self.bitrate_kbps or int(found[1] or found[2] or found[3])
        for pattern in (_FORMAT, _GLUED_FORMAT):
            for found in self._each(pattern, "format"):
                self.formats.append(found[1].lower())
                if pattern is _FORMAT and found[2]:
                    self.bitrate_kbps = self.bitrate_kbps or int(found[2])
        for pattern in (_SIZE, _LENGTH):
            for _ in self._each(pattern, "size"):
                pass
        for found in self._each(_PART_OF, "part"):
            self._add_part(found)
        for found in self._each(_RANGE, "range"):
            self.range = self.range or read_position(f"{found[1]}-{found[2]}")
        self._read_language()
        for found in self._each(_NARRATOR, "narrator"):
            self.narrators += [name.strip() for name in re.split(r",| and | & ", found[1]) if name.strip()]
        for _ in self._each(_UNABRIDGED, "abridged"):
            self.abridged = False
        for _ in self._each(_ABRIDGED, "abridged"):
            self.abridged = True
        for pattern, sign in ((_AUDIOBOOK, "audiobook"), (_EBOOK, "ebook")):
            for _ in self._each(pattern, "medium"):
                self.signs.add(sign)
        for _ in self._each(_EDITION, "edition"):
            pass
        for found in self._each(_YEAR, "year"):
            self.year = self.year or int(found[1])
        for word in self.words:
            if not word.label and set(word.keys) & _NOISE:
                word.label = "noise"
            elif not word.label and set(word.keys) & _FILLERS:
                word.label = "filler"

    def _read_signs(self) -> None:
        for pattern, sign in ((_DRAMATIZED, "dramatized"), (_VIDEO, "video"), (_SUMMARY, "summary"), (_COMIC, "comic")):
            for _ in self._each(pattern, sign):
                self.signs.add(sign)

    def _read_language(self) -> None:
        for pattern in _LANGUAGE_PATTERNS:
            for found in pattern.finditer(self.text):
                code = read_language(next((group for group in found.groups() if group), found[0]))
                if code and self._label_span(found.start(), found.end(), "language"):
                    self._add_language(code)
        for pattern, code in _SPEAKING:
            if pattern.search(self.text):
                self._add_language(code)

    def _add_part(self, found: re.Match[str]) -> None:
        pieces = (found[1] or found[3], found[2] or found[4])
        self.part = self.part or " of ".join(piece for piece in pieces if piece)

    def _add_language(self, code: str | None) -> None:
        if code and code not in self.languages:
            self.languages.append(code)

    @property
    def language(self) -> str | None:
        return self.languages[0] if self.languages else None

    def read_shape(self) -> None:
        """Label ranges, cues of packs, and parts. Call after volumes are labelled."""
        for _ in self._each(_OMNIBUS, "omnibus"):
            self.signs.add("omnibus")
        for found in self._each(_PART, "part"):
            self._add_part(found)
        if _MUSIC.search(self.text) and "audiobook" not in self.signs:
            self.signs.add("music")

    # Known names

    def find(
        self, keys: Sequence[tuple[str, ...]], label: str, *, skip: frozenset[str] = frozenset()
    ) -> list[tuple[int, int]]:
        """Label every place where this sequence of words stands; `skip` are words that the release may leave out."""
        places: list[tuple[int, int]] = []
        start = 0
        while start < len(self.words):
            end = self._match(start, keys, skip)
            if end and self.free(start, end):
                self.label(start, end, label)
                places.append((start, end))
                start = end
            else:
                start += 1
        return places

    def _match(self, start: int, keys: Sequence[tuple[str, ...]], skip: frozenset[str]) -> int:
        at = start
        for wanted in keys:
            if at < len(self.words) and _alike(self.words[at].keys, wanted):
                at += 1
            elif not set(wanted) & skip:
                return 0
        return at if at > start else 0

    def find_person(self, name: str, label: str, unsure_label: str, *, shortest: int = 1) -> None:
        """Label each way in which this person is named, in `shortest` words or more: in full, turned, by surname."""
        ends = [key.split() for spelling in (name, name.split(",")[0]) for key in folds(spelling)]
        near = {words[-1] for words in ends if words}
        least = min(shortest, max(1, len(fold(name).split())))
        for wanted in (Likeness.SAME, Likeness.UNSURE):
            found = label if wanted is Likeness.SAME else unsure_label
            for size in range(5, least - 1, -1):
                for start in range(len(self.words) - size + 1):
                    self._try_person(name, near, start, start + size, wanted, found)

    def _try_person(self, name: str, near: set[str], start: int, end: int, wanted: Likeness, label: str) -> None:
        window = self.words[start:end]
        if not self.free(start, end) or any(word.break_before == 2 for word in window[1:]):
            return
        keys = {key for word in window for key in word.keys}
        joined = "".join(word.keys[0] for word in window)
        # Only windows that hold the surname, or end in its letters, are worth comparing.
        if not (keys & near or {key.removesuffix("s") for key in keys} & near or joined.endswith(tuple(near))):
            return
        shown = re.sub(r"['’]s$", "", self.text[window[0].start : window[-1].end])
        spellings = [shown, shown.removesuffix("s")] if len(window) > 1 else [shown]
        if not any(same_person(spelling, name) is wanted for spelling in spellings):
            return
        if wanted is Likeness.SAME or len(window) > 1 or self._stands_alone(start, end):
            self.label(start, end, label)

    def _stands_alone(self, start: int, end: int) -> bool:
        before = start == 0 or self.words[start].break_before > 0 or bool(self.words[start - 1].label)
        after = end == len(self.words) or self.words[end].break_before > 0 or bool(self.words[end].label)
        return before and after

    # What is left

    def left_over(self) -> list[list[Word]]:
        """Runs of words without a label; a hard break or a labelled word ends a run."""
        runs: list[list[Word]] = []
        previous: Word | None = None
        for word in self.words:
            if not word.label:
                if runs and previous is not None and not previous.label and word.break_before < 2:
                    runs[-1].append(word)
                else:
                    runs.append([word])
            previous = word
        return runs

    def shown(self, run: Sequence[Word]) -> str:
        return self.text[run[0].start : run[-1].end]


def _alike(keys: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return not set(keys).isdisjoint(wanted)


def sequence(text: str) -> list[tuple[str, ...]]:
    """A name as the words that `Scan.find` looks for; each in its spellings."""
    return [word.keys for word in words_in(clean_name(text)) if word.keys[0]]


def clean_name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).split())


# --- reading without knowing the book --------------------------------------------------------------------------------

_BY = re.compile(r"\s*\bby\s+(?=[^\W\d_])", re.IGNORECASE)


def says_abridged(text: str) -> bool:
    """Whether a title says in so many words that the reading is abridged."""
    return bool(_ABRIDGED.search(text)) and not _UNABRIDGED.search(text)


def says_dramatized(text: str) -> bool:
    """Whether a title says in so many words that it is a dramatisation."""
    return bool(_DRAMATIZED.search(text))


def read_title(
    text: str, *, authors: Sequence[str] = (), series: Sequence[str] = (), narrators: Sequence[str] = ()
) -> ReleaseTitle:
    """Read a title, or the path of a folder, as far as it says something. Names that are known help, none is needed.

    Total; reads 1,000 characters.
    """
    parents, name = _split_path(clean(text))
    scan = Scan(name)
    for known in authors:
        scan.find_person(known, "author", "author?")
    for known in narrators:
        scan.find_person(known, "narrator", "narrator?")
    scan.read_facts()
    pieces = _pieces(scan)
    named, position, pieces = _take_bracket(pieces)
    who, pieces = _take_author(pieces, authors)
    if named is None and position is None:
        named, position, pieces = _take_series(pieces, series)
    scan.read_shape()
    above_who, above_series = _above(parents)
    whole = Scan(text)
    whole.read_facts()
    title = _tidy(pieces[-1].text) if pieces else _tidy(scan.text.strip("[](){}"))
    return ReleaseTitle(
        text=clean(text),
        title=title or None,
        authors=who or above_who,
        series=named or above_series,
        position=position if position is not None else scan.range,
        narrators=tuple(scan.narrators),
        year=scan.year,
        formats=tuple(dict.fromkeys(scan.formats)),
        bitrate_kbps=whole.bitrate_kbps,
        language=whole.language,
        abridged=whole.abridged,
        part=scan.part,
        kind=kind_of(scan),
        media=media_of(whole),
        asin=whole.asin,
        rest=tuple(_tidy(piece.text) for piece in pieces[:-1]),
    )


def _split_path(text: str) -> tuple[list[str], str]:
    """The folders above, and the last name; a slash between blanks, digits or formats parts no folders."""
    parts = re.split(r"(?<![\s\d<])/(?![\s\d]*[\])])(?=\S)", text)
    if len(parts) == 1 or "[" in parts[0] or any(not fold(part) for part in parts):
        return [], text
    return parts[:-1], parts[-1]


def _above(parents: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Author and series as the folders above name them: `Author/Series`, `Author - Series`."""
    if not parents:
        return (), None
    first, _, behind = parents[0].partition(" - ")
    who = _people(first) if looks_like_person(first) or behind or len(parents) > 1 or " " not in first else ()
    below = re.sub(r"^\d{1,3}\s?[-.]\s?|\s*\[.*?\]", "", parents[-1]) if len(parents) > 1 else behind
    return who, _tidy(below) or None


def kind_of(scan: Scan) -> Kind:
    """The form of a release as its title gives it away."""
    audio = set(scan.formats) & AUDIO_FORMATS or "audiobook" in scan.signs
    signs: tuple[Kind, ...] = ("video", "summary", "dramatized")
    for sign in signs:
        if sign in scan.signs:
            return sign
    if not audio and (set(scan.formats) & TEXT_FORMATS or "ebook" in scan.signs):
        return "ebook"
    if "comic" in scan.signs and not audio:
        return "comic"
    if scan.range is not None or "omnibus" in scan.signs:
        return "omnibus"
    return "part" if scan.part else "single"


def media_of(scan: Scan) -> Literal["audiobook", "ebook", "music", "video"] | None:
    """The medium that the title names; None when it is silent."""
    if "video" in scan.signs:
        return "video"
    if (
        set(scan.formats) & words_of("m4b aax aaxc")
        or "audiobook" in scan.signs
        or scan.abridged is not None
        or scan.narrators
    ):
        return "audiobook"
    if set(scan.formats) & AUDIO_FORMATS:
        return "music" if "music" in scan.signs else "audiobook"
    if set(scan.formats) & TEXT_FORMATS or "ebook" in scan.signs:
        return "ebook"
    return None


class _Piece(msgspec.Struct, frozen=True):
    text: str
    bracketed: bool
    tail: bool
    """Whether technical words stand before it: then a single word is the name of a release group."""


def _pieces(scan: Scan) -> list[_Piece]:
    """The text between hard breaks, without technical words; a colon joins, a bracket is a piece of its own."""
    runs: list[list[Word]] = []
    tails: list[bool] = []
    technical = False
    for place, word in enumerate(scan.words):
        gap = scan.text[scan.words[place - 1].end : word.start] if place else ""
        inside = word.label in ("", "author", "author?") or (
            word.label in ("filler", "number") and word.break_before == 0
        )
        if not inside:
            technical = technical or word.label not in ("noise", "counter", "year", "filler")
            runs.append([])
            tails.append(technical)
        elif (
            not runs
            or (word.break_before == 2 and ":" not in gap)
            or (word.break_before == 1 and _dash_before(scan, word))
        ):
            runs.append([word])
            tails.append(technical)
        else:
            runs[-1].append(word)
    found = [_Piece(scan.shown(run), run[0].bracketed, tail) for run, tail in zip(runs, tails, strict=True) if run]
    kept = [piece for piece in found if not (piece.tail and " " not in piece.text and not piece.text.isdecimal())]
    return _without_repeats(kept or found)


def _without_repeats(pieces: Sequence[_Piece]) -> list[_Piece]:
    return list({fold(piece.text): piece for piece in reversed(pieces)}.values())[::-1]


def _dash_before(scan: Scan, word: Word) -> bool:
    """Whether a dash without blanks parts two names ("Stephen King-Desperation"), not two halves of a word."""
    gap_end = word.start
    head = scan.text[:gap_end]
    if not head.endswith("-"):
        return False
    left = re.search(r"[^-]*$", head[:-1])
    right = re.match(r"[^-]*", scan.text[gap_end:])
    return bool(left and right and (" " in left[0].strip() or " " in right[0].strip()))


def looks_like_person(text: str) -> bool:
    """Two to four capitalised words or initials, or `Last, First`; no little words, no digits."""
    names = text.replace(",", " ").split()
    if not 2 <= len(names) <= 5 or any(mark.isdigit() for mark in text):
        return False
    little = [name for name in names if fold(name) in LITTLE_WORDS - words_of("de la le von der")]
    return not little and all(
        name[0].isupper() or fold(name) in ("de", "la", "le", "von", "van", "der") for name in names
    )


def _take_author(pieces: list[_Piece], known: Sequence[str]) -> tuple[tuple[str, ...], list[_Piece]]:
    for place in range(len(pieces) - 1, -1, -1):
        cuts = list(_BY.finditer(pieces[place].text))
        if cuts:
            head, tail = pieces[place].text[: cuts[-1].start()], pieces[place].text[cuts[-1].end() :]
            if tail[:1].isupper() and (head or place):
                left = [msgspec.structs.replace(pieces[place], text=head)] if head else []
                return _people(tail), [*pieces[:place], *left, *pieces[place + 1 :]]
    for name in known:
        for place, piece in enumerate(pieces):
            if len(pieces) > 1 and same_person(piece.text, name) is not Likeness.DIFFERENT:
                return _people(piece.text), [*pieces[:place], *pieces[place + 1 :]]
    named = [piece for piece in pieces if not piece.bracketed]
    if len(named) < 2:
        return (), pieces
    first, last = named[0], named[-1]
    numbered = any(_NUMBERED.match(_tidy(piece.text)) for piece in named[:2])
    lone = " " not in first.text and not numbered and looks_like_person(f"X {first.text}") and len(named) == 2
    if looks_like_person(first.text) or (lone and not looks_like_person(last.text)):
        return _people(first.text), [piece for piece in pieces if piece is not first]
    if looks_like_person(last.text) and (not numbered or len(named) > 2) and _NUMBERED.match(_tidy(first.text)) is None:
        return _people(last.text), [piece for piece in pieces if piece is not last]
    return (), pieces


def _people(text: str) -> tuple[str, ...]:
    text = text.strip(" ,.-")
    turned = re.fullmatch(r"([^\s,]+(?:\s[^\s,]+)?),\s*([^,]+)", text)
    if turned and not re.search(r"\s", turned[1].strip()) and len(turned[2].split()) <= 2:
        return (f"{turned[2].strip()} {turned[1].strip()}",)
    return tuple(name.strip() for name in re.split(r",|;|\s&\s|\sand\s", text) if name.strip())


_NUMBERED = re.compile(
    r"^(?P<name>.*?)[\s,]*(?:\b(?:books?|bk|vol(?:ume)?|no|num|nr|band|tome|part)\b\.?\s*#?|#|\[)?\s*"
    r"(?P<number>\d{1,3}(?:\.\d{1,2})?|(?<=ook )[IVX]{1,5})\]?$",
    re.IGNORECASE,
)


def _take_bracket(pieces: list[_Piece]) -> tuple[str | None, Position | None, list[_Piece]]:
    """A series named in brackets behind the title: `(Codex Alera Book 2)`, `(The Expanse, #3)`."""
    plain = [piece for piece in pieces if not piece.bracketed]
    if not plain:
        return None, None, pieces
    for piece in pieces:
        found = _NUMBERED.match(_tidy(piece.text)) if piece.bracketed else None
        if found and fold(found["name"]):
            return found["name"].strip(" ,-'"), _number_of(found["number"]), plain
    return None, None, plain


def _take_series(pieces: list[_Piece], known: Sequence[str]) -> tuple[str | None, Position | None, list[_Piece]]:
    keys = {series_key(name) for name in known}
    for place, piece in enumerate(pieces[:-1]):
        if series_key(piece.text) in keys:
            return piece.text, None, [*pieces[:place], *pieces[place + 1 :]]
    for place, piece in enumerate(pieces):
        found = _NUMBERED.match(_tidy(piece.text))
        if not found or len(pieces) == 1:
            continue
        name = found["name"].strip(" ,-'")
        gone = {place}
        if not name and 0 < place < len(pieces) - 1:
            name, gone = pieces[place - 1].text, {place, place - 1}
        left = [other for index, other in enumerate(pieces) if index not in gone]
        if left and (place < len(pieces) - 1 or name):
            return name or None, _number_of(found["number"]), left
    if pieces and (led := re.match(r"^#?\s?(\d{1,3}(?:\.\d{1,2})?)[.\s]+(?=\D{3})(.+)$", pieces[-1].text)):
        return None, _number_of(led[1]), [*pieces[:-1], msgspec.structs.replace(pieces[-1], text=led[2])]
    if pieces and (
        last := re.match(
            r"^(.+?):\s*([^:]*?[\s,]+(?:book|bk|#)\.?\s?#?)(\d{1,3}(?:\.\d{1,2})?)$", pieces[-1].text, re.I
        )
    ):
        name = re.sub(r"[\s,]+(?:book|bk|#)\.?\s?#?$", "", last[2], flags=re.IGNORECASE)
        return (
            _tidy(name) or None,
            _number_of(last[3]),
            [*pieces[:-1], msgspec.structs.replace(pieces[-1], text=last[1])],
        )
    return None, None, pieces


def _number_of(text: str) -> Position | None:
    number = read_number(text.casefold())
    return read_position(text) or (read_position(str(number)) if number is not None else None)


def _tidy(piece: str) -> str:
    moved = re.match(r"^(.*),\s*(The|A|An)$", piece.strip())
    return (f"{moved[2]} {moved[1]}" if moved else piece).strip(" ,;.-_'\"")
