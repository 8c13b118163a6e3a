"""Reading a release's title: who, what, which number, read by whom, in which form; with every word accounted for.

A title is cut into words that keep their place and the strength of the break before them. Each reading step labels
words; what stays without a label is *left over*, and a gate that confirms a book wants nothing left over.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace
from rapidfuzz.distance import Levenshtein

from domain.languages import read_language
from domain.names import (
    ARTICLES,
    Likeness,
    differs_by_a_slip,
    fold,
    folds,
    person_key,
    read_number,
    same_person,
    words_of,
)
from domain.positions import Position, read_position

LONGEST = 1_000
"""Characters of a title that are read; real ones end long before."""
MOST_WORDS = 160

Kind = Literal["single", "omnibus", "part", "dramatized", "summary", "ebook", "music", "video", "comic"]

AUDIO_FORMATS = words_of("m4b mp3 m4a aac flac ogg opus wav wma aax aaxc mp4a alac mka")
_BOOK_FORMATS = words_of("m4b aax aaxc")
VIDEO_FORMATS = words_of("avi mkv mp4 m4v mov wmv mpg mpeg webm vob ts flv")
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
    (re.compile(r"\bh(?:ö|oe|o|ã¶|\?)rb(?:u|ü|ue)ch(?:er)?\b|\bungek\S{0,3}r?zt\w*|\bgek\S{0,3}rzt\w*|\bsammel(?:pack|ung)\b"
                r"|\blesung\b|\bvorgelesen\b|\bh(?:ö|oe)rspiel\b", re.IGNORECASE), "de"),
    (re.compile(r"\baudiolibro\b", re.IGNORECASE), "es"), (re.compile(r"\blydbok\b", re.IGNORECASE), "no"),
    (re.compile(r"\blydbog\b", re.IGNORECASE), "da"), (re.compile(r"\bljudbok\b", re.IGNORECASE), "sv"),
    (re.compile(r"\bluisterboek\b", re.IGNORECASE), "nl"),
    (re.compile(r"\blivre audio\b|\baudiolivre\b", re.IGNORECASE), "fr"),
    (re.compile(r"\bäänikirja\b", re.IGNORECASE), "fi"), (re.compile(r"\bаудиокнига\b", re.IGNORECASE), "ru"),
    (re.compile(r"\bgelesen von\b", re.IGNORECASE), "de"), (re.compile(r"\blu par\b", re.IGNORECASE), "fr"),
    (re.compile(r"\b(?:narrado|leído) por\b", re.IGNORECASE), "es"),
    (re.compile(r"\bletto da\b", re.IGNORECASE), "it"), (re.compile(r"\bvoorgelezen door\b", re.IGNORECASE), "nl"),
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
ASIN = re.compile(r"\b(B0[0-9A-Z]{8})\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<![0-9A-Za-z./])(?<![0-9]-)((?:19|20)[0-9]{2})(?![0-9A-Za-z/]|-[0-9])")
_NARRATOR = _pattern(
    r"\b(?:read|narrated|performed|told)\s+by:?\s+([^()\[\]{}\"|;]{2,80}?)(?=\s*(?:[()\[\]{}\"|;]|$|-\s?(?:\d{4}|audio)))"
)
_UNABRIDGED = _pattern(
    r"\b(?:un-?abridged|unabr?|unb|ungek\S{0,3}r?zte?s?|onverkort|int[eé]grale?|uncut|(?-i:UA)(?=\s+NMR\b))\b"
)
_ABRIDGED = _pattern(r"\b(?:abridged|abr|gek(?:ü|ue|ã¼)?rzte?s?|verkort|condensed)\b")
_DRAMATIZED = _pattern(
    r"\b(?:dramati[sz](?:ed|ation)(?:\s+adaptation)?|(?:old[- ]time )?radio\s?(?:dramas?|plays?|shows?|theat(?:re|er))"
    r"|old[- ]time radio|otr|(?:audio|stage)\s?(?:dramas?|plays?|theat(?:re|er))|graphic\s?audio"
    r"|theatrical (?:adaptation|production)"
    r"|bbc\s?(?:r(?:adio)?\s?\d(?:\s?extra)?|7)|latw"
    r"|full[- ]cast\s+(?:dramati[sz]ation|production|drama)|h(?:ö|oe)rspiele?"
    r"|movie in your mind|immersion tunnel|l\.?a\.? theatre works)\b|\[GA\]"
)
_SUMMARY = _pattern(
    r"\b(?:summary|analysis|study guide|cliff'?s?notes|sparknotes|shortcuts?|blinkist|key takeaways|companion guide"
    r"|book review|workbook|getabstract|instaread|conversation starters|trivia|(?:study|york|revision) notes"
    r"|(?:reading|discussion|teacher'?s|reader'?s|text) guide|lesson plans?|bookcaps|maxnotes|quicklet)\b"
)
_VIDEO = _pattern(
    r"\b(?:(?:480|720|1080|2160)[pi]|[xh]\.?26[45]|hevc|hdtv|blu-?ray|bdrip|brrip|dvd-?rip|dvdr?|xvid|divx|web-?dl|remux"
    r"|s\d{1,2}e\d{1,2}|mkv|avi)\b"
)
_EXCERPT = _pattern(
    r"\b(?:(?:free|special|sneak) (?:preview|peek)|sampler?|preview|excerpts?|extracts?|teaser|trailer|selections"
    r"|highlights|incomplete|(?:first|bonus|selected|sample) chapters?"
    r"|chapters? (?:\d{1,3}|one)\b(?:\s?[-–]\s?\d{1,3})?)\b"
)
_RETOLD = _pattern(
    r"\b(?:re-?told|retelling|re-?imagin(?:ed|ing)|adapt(?:ed|ation)|adaptor|inspired by|based (?:up)?on"
    r"|for (?:kids|children)|(?:young|penguin|graded|level \d|easy) readers?|bookworms|classic starts|easy classics"
    r"|junior classics|ladybird|great illustrated classics|in words of one syllable)\b"
)
_IMPRINT = _pattern(
    r"\b(?:naxos|librivox|arkangel|tantor|ukemi|caedmon|bolinda|harperaudio|audible studios|recorded books"
    r"|books on tape|listening library|dreamscape media"
    r"|(?:blackstone|brilliance|penguin|harper|random house|hachette|macmillan|podium"
    r"|simon (?:&|and) schuster) audio)\b"
)
_COMIC = _pattern(r"\b(?:comics?|manga|graphic novels?)\b")
_MUSIC = _pattern(r"\b(?:lossless|discography|soundtrack|\bost\b|remix(?:es)?|\d{1,2}cds?|vinyl|lp|ep)\b|\btracks\b")
_AUDIOBOOK = _pattern(
    r"\b(?:audio\s?books?|a-?books?|audible|audio|luisterboek|lydbok|lydbog|ljudbok|audiolibro|audiolivre"
    r"|h(?:ö|oe|o)rbuch)\b(?:\s(?:edition|version)\b)?"
)
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
    # "Book 6 of 14" counts the volumes of a series, "Volume 1 of 4" and "1 of 4" the parts of a book.
    r"(?:\b(?:parts?|pts?|teil|del|dis[ck])\.?\s?|(?<!book )(?<!bk )(?<!bk\. )(?<![#\d.])\b)"
    r"(\d{1,2}|one|two|three|four|five|six)\s(?:of|von|av)\s(\d{1,2}|two|three|four|five|six)\b"
    r"|(?<=[(\[])\s?(\d{1,2})\s?/\s?(\d{1,2})\s?(?=[)\]])|(?<![\d/.])([1-9])/([2-9])(?![\d/])"
)
_COUNTER = _pattern(
    r"[\[(]\s?(?:\d{1,4}\s?/\s?\d{2,4}|0\d{1,3}\s?/\s?\d{1,4})(?:\s?/\s?\w)?\s?[\])]|(?<![\d/])\d{1,4}/\d{2,4}(?![\d/])|\byenc\b"
    r"|(?<=\" )\d{1,3} of \d{1,3}|\b0\d{3}\b|\b\d{4,6}(?= yenc)"
)
_POST_COUNTER = _pattern(r"(?<=\[)\d{1,3} of \d{2,3}(?=\])")
_POSTED = _pattern(r"\"|\b(?:yenc|nmr)\b")
"""What posts to Usenet look like: there `[02 of 12]` counts posts; elsewhere it is a part of the book."""
_SIZE = _pattern(r"\b\d{1,4}(?:[.,]\d{1,2})?\s?(?:[gmk]i?b|bytes)\b|\b\d{1,2}\s?hz\b|\b\d{2}(?:\.\d)?\s?khz\b")
_LENGTH = _pattern(r"\b\d{1,3}\s?h(?:rs?|ours?)?(?:\s?\d{1,2}\s?m(?:in(?:ute)?s?)?)?\b|\b\d{1,4}\s?min(?:ute)?s?\b")
_EDITION = _pattern(
    r"\b(?:(?:the|\d{1,3}(?:st|nd|rd|th)|\d{4}|[a-z]+th|first|second|third|b&n|[a-z]+ish|[a-z]+ese|us|uk|international|amazonclassics"
    r"|audible|booktrack|anniversary|deluxe|special|collectors?|kindle|revised|updated|expanded|enhanced|illustrated|complete"
    r"|exclusive|original|new|light novel|penguin|modern|classics?|vintage|retail|unabridged|and|&)[ ']+){0,5}"
    r"(?:edition|ed\b|anniversary|remastered|ausgabe|classics)\b|\blight novel\b|\bweb novel\b"
    r"|\b(?:the )?(?:original(?: 1[5-9]\d\d)?|1[5-9]\d\d) text\b"
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
    " unknown anonymous clear faint sound quality"
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
    place: int
    """Which word of the text it is, from 0."""
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
    return " ".join(" ".join(_undotted(run) for run in plain.split()).split())[:LONGEST]


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
        found.append(Word(match[0], keys, match.start(), match.end(), strength, depth > 0, len(found)))
        end = match.end()
        if len(found) == MOST_WORDS:
            break
    return found


Note = Callable[["Scan", "re.Match[str]"], None]
_Rule = tuple["re.Pattern[str]", str, "Note | None"]


class _Hit(msgspec.Struct, frozen=True):
    """A phrase found in a text: its words from `first` up to `end`, how to label them, and what to note."""

    first: int
    end: int
    label: str
    note: Note | None
    match: re.Match[str]


class TitleText:
    """A title cut into words, with every phrase that can be found before the book is known: read once, then shared."""

    def __init__(self, raw: str) -> None:
        self.text = clean(raw)
        self.words = words_in(self.text)
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            for key in word.keys:
                self.places.setdefault(key, []).append(place)
        self.numeric = [word.place for word in self.words if word.raw[-1].isdigit() or read_number(word.keys[0])]
        self.numbers = {number for word in self.words for number in _numbers_in(word)}
        self.technical = self._hits(_TECHNICAL if _POSTED.search(self.text) else _TECHNICAL[1:])
        self.languages = self._languages()
        self.spoken = tuple(code for pattern, code in _SPEAKING if pattern.search(self.text))
        self.late = self._hits(_LATE)
        self.imprints = [hit for hit in self._hits(_IMPRINTS) if self._apart(hit.first)]
        self.other_works = self._hits(_OTHER_WORKS)
        self.shape = self._hits(_SHAPE)
        self.is_set = any(hit.label in ("omnibus", "range") for hit in (*self.shape, *self.technical))
        """Whether it says that it holds several volumes."""
        self.musical = bool(_MUSIC.search(self.text))
        self._mentions: dict[str, tuple[tuple[int, int, bool], ...]] = {}
        self.plain = [(place, label) for place, label in enumerate(map(_plain_label, self.words)) if label]

    def starts(self, keys: Sequence[tuple[str, ...]], skip: frozenset[str]) -> Collection[int]:
        """Where the first word stands that may not be left out, and those before it."""
        found: list[int] = []
        for wanted in keys:
            for key in wanted:
                if key in self.places:
                    found += self.places[key]
            if skip.isdisjoint(wanted):
                break
        return found

    def end_of(self, start: int, keys: Sequence[tuple[str, ...]], skip: frozenset[str]) -> int:
        """Where this sequence of words ends that begins at `start`; 0 when it does not stand there."""
        at, words = start, self.words
        for wanted in keys:
            if at > start and at + 1 < len(words) and self._is_extra(words[at], wanted, skip):
                at += 1  # "The Sign of the Four" is "The Sign of Four"
            if at < len(words) and _alike(words[at].keys, wanted):
                at += 1
            elif skip.isdisjoint(wanted):
                return 0
        return at if at > start else 0

    @staticmethod
    def _is_extra(word: Word, wanted: tuple[str, ...], skip: frozenset[str]) -> bool:
        """Whether an article stands there that the wanted title does not have."""
        return word.keys[0] in ARTICLES and word.keys[0] in skip and not _alike(word.keys, wanted)

    def holds(self, keys: Sequence[tuple[str, ...]], skip: frozenset[str]) -> bool:
        return any(self.end_of(start, keys, skip) for start in self.starts(keys, skip))

    def mentions(self, name: str) -> tuple[tuple[int, int, bool], ...]:
        """Where words stand that may name this person, and whether they surely do; sure ones and long ones first."""
        found = self._mentions.get(name)
        if found is None:
            found = self._mentions[name] = tuple(_mentions(self, name))
        return found

    def _hits(self, rules: Sequence[_Rule]) -> list[_Hit]:
        return [
            _Hit(*self._span(found), label, note, found)
            for pattern, label, note in rules
            for found in pattern.finditer(self.text)
        ]

    def _languages(self) -> list[tuple[_Hit, str]]:
        hits = self._hits([(pattern, "language", None) for pattern in _LANGUAGE_PATTERNS])
        named = [(hit, next((group for group in hit.match.groups() if group), hit.match[0])) for hit in hits]
        return [(hit, code) for hit, name in named if (code := read_language(name))]

    def _span(self, found: re.Match[str]) -> tuple[int, int]:
        inside = [n for n, word in enumerate(self.words) if word.start < found.end() and word.end > found.start()]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def _apart(self, place: int) -> bool:
        word = self.words[place]
        return word.break_before > 0 or word.bracketed


read_text = lru_cache(maxsize=4_096)(TitleText)
"""A title as it is read, kept while it is compared with one book after the other."""


def _numbers_in(word: Word) -> Iterator[Decimal]:
    """What a word may count: `3`, `Three`, `III`, `bk3`."""
    number = read_number(word.keys[0])
    if number is not None:
        yield number
    if glued := re.search(r"[0-9]{1,3}$", word.keys[0]):
        yield Decimal(glued[0])


def _plain_label(word: Word) -> str:
    if not _NOISE.isdisjoint(word.keys):
        return "noise"
    return "" if _FILLERS.isdisjoint(word.keys) else "filler"


def _alike(keys: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return keys[0] in wanted or (len(keys) > 1 and keys[1] in wanted)


class Scan:
    """A title while it is being read: its words, and what they were found to mean."""

    def __init__(self, text: str) -> None:
        self._known = read_text(text)
        self.text = self._known.text
        self.words = [replace(word) for word in self._known.words]
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
        """dramatized, summary, excerpt, retold, video, comic, omnibus, ebook, audiobook, music."""

    @property
    def numeric(self) -> Sequence[int]:
        """Places of words that may be or hold a number."""
        return self._known.numeric

    @property
    def keys(self) -> Collection[str]:
        """Every word of the title, folded."""
        return self._known.places.keys()

    # Labelling

    def free(self, start: int, end: int) -> bool:
        return not any(word.label for word in self.words[start:end])

    def label(self, start: int, end: int, label: str) -> None:
        for word in self.words[start:end]:
            word.label = word.label or label

    def _take(self, hits: Iterable[_Hit]) -> None:
        """Label what was found where the words have no meaning yet, and note what it tells."""
        for hit in hits:
            if self.free(hit.first, hit.end):
                self.label(hit.first, hit.end, hit.label)
                if hit.note:
                    hit.note(self, hit.match)

    # Facts that need no knowledge of the book

    def read_facts(self) -> None:
        """Label what is technical: counters, formats, languages, years. Call after the known names are labelled."""
        known = self._known
        self._take(known.technical)
        for hit, code in known.languages:
            if self.free(hit.first, hit.end):
                self.label(hit.first, hit.end, "language")
                self._add_language(code)
        for code in known.spoken:
            self._add_language(code)
        self._take(known.late)
        for place, label in known.plain:
            self.words[place].label = self.words[place].label or label

    def read_imprints(self) -> None:
        """Label publishers of audiobooks that stand apart: `(Naxos)`."""
        self._take(self._known.imprints)

    def read_other_works(self) -> None:
        """Label what makes it another work made of the book. Apart, since a title of its own may well say so."""
        self._take(self._known.other_works)

    def read_shape(self) -> None:
        """Label ranges, cues of packs, and parts. Call after volumes are labelled."""
        self._take(self._known.shape)
        if self._known.musical and "audiobook" not in self.signs:
            self.signs.add("music")

    def _add_language(self, code: str) -> None:
        if code not in self.languages:
            self.languages.append(code)

    @property
    def language(self) -> str | None:
        return self.languages[0] if self.languages else None

    # Known names

    def find(
        self, keys: Sequence[tuple[str, ...]], label: str, *, skip: frozenset[str] = frozenset()
    ) -> list[tuple[int, int]]:
        """Label every place where this sequence of words stands; `skip` are words that the release may leave out."""
        places: list[tuple[int, int]] = []
        reached = 0
        for start in sorted(set(self._known.starts(keys, skip))):
            end = self._known.end_of(start, keys, skip) if start >= reached else 0
            if end and self.free(start, end):
                self.label(start, end, label)
                places.append((start, end))
                reached = end
        return places

    def find_person(self, name: str, label: str, unsure_label: str, *, shortest: int = 1) -> bool:
        """Label each way in which this person is named, in `shortest` words or more: in full, turned, by surname.

        Whether there is any.
        """
        mentions, found = self._known.mentions(name), False
        if not mentions:
            return False
        least = min(shortest, max(1, len(fold(name).split())))
        for start, end, sure in mentions:
            if end - start < least or not self.free(start, end):
                continue
            if sure or end - start > 1 or self._stands_alone(start, end):
                self.label(start, end, label if sure else unsure_label)
                found = True
        return found

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


_IN_NO_NAME = words_of("by and of the book read")


@lru_cache(maxsize=16_384)
def _ends_of(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The surname in its spellings, and all words of a name."""
    words = [key.split() for spelling in (name, name.split(",")[0]) for key in folds(spelling)]
    return tuple({each[-1] for each in words if each}), frozenset(key for each in words for key in each)


def _mentions(known: TitleText, name: str) -> list[tuple[int, int, bool]]:
    near, own = _ends_of(name)
    hints = [_hints(word, near) for word in known.words]
    if not any(hints):
        return []
    found: list[tuple[int, int, bool]] = []
    for start, end in _windows(known.words, _IN_NO_NAME - own):
        if any(hints[start:end]):
            likeness = _likeness(known, start, end, near, name)
            if likeness is not Likeness.DIFFERENT:
                found.append((start, end, likeness is Likeness.SAME))
    return sorted(found, key=lambda one: (not one[2], one[0] - one[1], one[0]))


def _windows(words: Sequence[Word], strange: Collection[str]) -> Iterator[tuple[int, int]]:
    """Up to five words in a row that may be one name."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + 5, len(words)) + 1):
            last = words[end - 1]
            if last.keys[0] in strange or (end - start > 1 and last.break_before == 2):
                break
            yield start, end


def _hints(word: Word, near: tuple[str, ...]) -> bool:
    """Whether a name may stand around this word: it holds the surname, or ends in the surname's last letters."""
    if any(key.endswith(near) or key.removesuffix("s").endswith(near) for key in word.keys):
        return True
    return any(name.endswith(word.keys[0]) or _spelled_otherwise(word.keys[0], name) for name in near)


def _likeness(known: TitleText, start: int, end: int, near: tuple[str, ...], name: str) -> Likeness:
    window = known.words[start:end]
    keys = {spelling for word in window for key in word.keys for spelling in (key, key.removesuffix("s"))}
    # Only windows that hold the surname, or end in its letters, are worth comparing.
    held = not keys.isdisjoint(near) or "".join(word.keys[0] for word in window).endswith(near)
    if not held and not any(_spelled_otherwise(window[-1].keys[0], surname) for surname in near):
        return Likeness.DIFFERENT
    shown = re.sub(r"['’]s$", "", known.text[window[0].start : window[-1].end])
    likeness = same_author(shown, name)
    if likeness is Likeness.SAME or len(window) == 1 or not shown.endswith("s"):
        return likeness
    other = same_author(shown.removesuffix("s"), name)
    return other if likeness is Likeness.DIFFERENT or other is Likeness.SAME else likeness


# --- what the phrases tell -------------------------------------------------------------------------------------------


def _sign(sign: str) -> Note:
    return lambda scan, found: scan.signs.add(sign)


def _note_asin(scan: Scan, found: re.Match[str]) -> None:
    scan.asin = found[1].upper()


def _note_bitrate(scan: Scan, found: re.Match[str]) -> None:
    scan.bitrate_kbps = scan.bitrate_kbps or int(found[1] or found[2] or found[3])


def _note_format(scan: Scan, found: re.Match[str]) -> None:
    scan.formats.append(found[1].lower())
    if found.re is _FORMAT and found[2]:
        scan.bitrate_kbps = scan.bitrate_kbps or int(found[2])


def _note_part(scan: Scan, found: re.Match[str]) -> None:
    scan.part = scan.part or " of ".join(piece for piece in found.groups() if piece)


def _note_range(scan: Scan, found: re.Match[str]) -> None:
    scan.range = scan.range or read_position(f"{found[1]}-{found[2]}")


def _note_narrators(scan: Scan, found: re.Match[str]) -> None:
    scan.narrators += [name.strip() for name in re.split(r",| and | & ", found[1]) if name.strip()]


def _note_unabridged(scan: Scan, _: re.Match[str]) -> None:
    scan.abridged = False


def _note_abridged(scan: Scan, _: re.Match[str]) -> None:
    scan.abridged = True


def _note_year(scan: Scan, found: re.Match[str]) -> None:
    scan.year = scan.year or int(found[1])


# In this order: a word that one rule has labelled is out of reach of those behind it.
_TECHNICAL: tuple[_Rule, ...] = (
    (_POST_COUNTER, "counter", None),
    (_COUNTER, "counter", None),
    (_DRAMATIZED, "dramatized", _sign("dramatized")),
    (_VIDEO, "video", _sign("video")),
    (_SUMMARY, "summary", _sign("summary")),
    (_COMIC, "comic", _sign("comic")),
    (ASIN, "asin", _note_asin),
    (_BITRATE, "bitrate", _note_bitrate),
    (_FORMAT, "format", _note_format),
    (_GLUED_FORMAT, "format", _note_format),
    (_SIZE, "size", None),
    (_LENGTH, "size", None),
    (_PART_OF, "part", _note_part),
    (_RANGE, "range", _note_range),
)
_LATE: tuple[_Rule, ...] = (
    (_NARRATOR, "narrator", _note_narrators),
    (_UNABRIDGED, "abridged", _note_unabridged),
    (_ABRIDGED, "abridged", _note_abridged),
    (_AUDIOBOOK, "medium", _sign("audiobook")),
    (_EBOOK, "medium", _sign("ebook")),
    (_EDITION, "edition", None),
    (_YEAR, "year", _note_year),
)
_IMPRINTS: tuple[_Rule, ...] = ((_IMPRINT, "noise", None),)
_OTHER_WORKS: tuple[_Rule, ...] = ((_EXCERPT, "excerpt", _sign("excerpt")), (_RETOLD, "retold", _sign("retold")))
_SHAPE: tuple[_Rule, ...] = ((_OMNIBUS, "omnibus", _sign("omnibus")), (_PART, "part", _note_part))


_BROADCAST = _pattern(r"\b(?:bbc|radio|cbs|npr)\b")
"""In the name of a series of books these stand for plays."""


@lru_cache(maxsize=16_384)
def signs_in(tags: str, series: str) -> frozenset[str]:
    """What tags and category, and what the names of series, say of a release's kind: dramatized, summary, retold, …"""
    if _BROADCAST.search(series):
        tags += " | radio drama"
    told = {"dramatized": (_DRAMATIZED, f"{tags} | {series}"), "summary": (_SUMMARY, f"{tags} | {series}")}
    told |= {"retold": (_RETOLD, series), "comic": (_COMIC, series)}
    return frozenset(sign for sign, (pattern, text) in told.items() if pattern.search(text[: LONGEST * 4]))


def part_in(tags: str) -> str | None:
    """`1 of 2` where tags say that this is a part of a book."""
    found = re.search(r"\b(?:part|pt|teil)\.? ?(\d{1,2}) (?:of|von) (\d{1,2})\b", tags[: LONGEST * 4], re.IGNORECASE)
    return f"{found[1]} of {found[2]}" if found else None


@lru_cache(maxsize=65_536)
def same_author(shown: str, name: str) -> Likeness:
    """Whether a shown name may stand for this person: as `same_person`, but a longer name is somebody else.

    `Frank Baum` and `Baum` may be L. Frank Baum; `William Henry James` and `James Henry` are not Henry James.
    """
    likeness = same_person(shown, name)
    words, wanted = person_key(shown).split(), person_key(name).split()
    if likeness is Likeness.SAME and _later_generation(shown) != _later_generation(name):
        return Likeness.DIFFERENT
    if likeness is not Likeness.UNSURE or min(len(words), len(wanted)) < 2:
        return likeness
    if sorted(words) == sorted(wanted):
        return likeness if differs_by_a_slip(shown, name) else Likeness.DIFFERENT
    if words[-1] != wanted[-1]:
        return likeness if _spelled_otherwise(words[-1], wanted[-1]) else Likeness.DIFFERENT
    if len(words) == len(wanted):
        return likeness if differs_by_a_slip(shown, name) else Likeness.DIFFERENT
    initial_left_out = len(wanted[0]) == 1 and words[:-1] == wanted[1:-1]
    return likeness if words[0][0] == wanted[0][0] or initial_left_out else Likeness.DIFFERENT


def _later_generation(name: str) -> str:
    last = fold(name).rpartition(" ")[2]
    return last if last in ("ii", "iii", "iv") else ""


def _spelled_otherwise(surname: str, other: str) -> bool:
    """`Dostoevsky` and `Dostoyevsky`, which differ within; `Conradi` is not Conrad."""
    ends = surname[:4] == other[:4] and surname[-3:] == other[-3:]
    return ends and min(len(surname), len(other)) > 7 and Levenshtein.distance(surname, other) == 1


@lru_cache(maxsize=65_536)
def sequence(text: str) -> tuple[tuple[str, ...], ...]:
    """A name as the words that `Scan.find` looks for; each in its spellings."""
    return tuple(word.keys for word in words_in(clean_name(text)) if word.keys[0])


def clean_name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).split())


# --- what a title says as a whole -----------------------------------------------------------------------------------


def says_abridged(text: str) -> bool:
    """Whether a title says in so many words that the reading is abridged."""
    return bool(_ABRIDGED.search(text)) and not _UNABRIDGED.search(text)


def says_dramatized(text: str) -> bool:
    """Whether a title says in so many words that it is a dramatisation."""
    return bool(_DRAMATIZED.search(text))


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
        not _BOOK_FORMATS.isdisjoint(scan.formats)
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
