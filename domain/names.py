"""Folding and comparing titles, people and series names.

Nothing here uses a similarity threshold to join two names: no line separates "The Sign of (the) Four" from
"The Return / The Adventures of Sherlock Holmes". What strings cannot settle is
`UNSURE`, and ids, numbers or a person do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec
from rapidfuzz.distance import Levenshtein
from rapidfuzz.fuzz import ratio

from domain.positions import read_position

LONGEST = 1_000
"""Characters of a name that are read at all."""


def words_of(text: str) -> frozenset[str]:
    """A vocabulary written as one line of words."""
    return frozenset(text.split())


class Likeness(StrEnum):
    SAME = "same"
    UNSURE = "unsure"
    DIFFERENT = "different"


# --- text keys -------------------------------------------------------------------------------------------------------

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´′"))
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_CAPITAL_UMLAUTS = str.maketrans({"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"})
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_STRIPPED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """The text key: what two spellings of one name share. Letters of every script stay; case, accents, marks do not."""
    return _fold(text[:LONGEST])


def folds(text: str) -> tuple[str, ...]:
    """The text key and, where it differs, the one with ä ö ü ø å written out; names are equal if any pair is."""
    composed = unicodedata.normalize("NFC", text[:LONGEST]).casefold()
    return tuple(dict.fromkeys((fold(text), _fold(composed.translate(_UMLAUTS)))))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = plain.replace("&", " and ").translate(_APOSTROPHES).translate(_LETTERS)
    if plain.isascii():
        return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())
    marks: list[str] = []
    base_is_stripped = False
    for mark in unicodedata.normalize("NFKD", plain):
        if unicodedata.category(mark).startswith("M"):
            # Accents go; a vowel sign of another script is part of the word.
            marks.append("" if base_is_stripped else mark)
        else:
            marks.append(mark if mark.isalnum() else " ")
            base_is_stripped = not mark.isalnum() or unicodedata.name(mark, "").startswith(_STRIPPED_SCRIPTS)
    return " ".join(unicodedata.normalize("NFKC", "".join(marks)).casefold().translate(_LETTERS).split())


def slug(text: str, *, longest: int = 80) -> str:
    """Readable and safe in a path or a tag: letters and digits of any script, joined by hyphens."""
    return "-".join(fold(text).split())[:longest].strip("-") or "untitled"


def want_slug(author: str, title: str) -> str:
    """The key of a want: `baum-l-frank/tik-tok-of-oz`."""
    return f"{slug(last_first(author)) if author.strip() else 'unknown'}/{slug(title)}"


# --- numbers in words ------------------------------------------------------------------------------------------------

_NUMBER_WORDS = (
    ("one", "first"), ("two", "second"), ("three", "third"), ("four", "fourth"), ("five", "fifth"), ("six", "sixth"),
    ("seven", "seventh"), ("eight", "eighth"), ("nine", "ninth"), ("ten", "tenth"), ("eleven", "eleventh"),
    ("twelve", "twelfth"), ("thirteen", "thirteenth"), ("fourteen", "fourteenth"), ("fifteen", "fifteenth"),
    ("sixteen", "sixteenth"), ("seventeen", "seventeenth"), ("eighteen", "eighteenth"), ("nineteen", "nineteenth"),
    ("twenty", "twentieth"),
)  # fmt: skip
NUMBER_WORDS = {word: number for number, words in enumerate(_NUMBER_WORDS, 1) for word in words}
_ROMAN = re.compile(r"(?=[ivxl])(?:xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50}
VOLUME_WORDS = words_of(
    "book books bk volume volumes vol vols v number no num nr tome tom band bd buch livre libro boek bok episode novel"
)
ARTICLES = words_of("the a an")
LITTLE_WORDS = words_of("the a an of and in on to for with from at is der die das und von el la los le les de")


def read_number(word: str) -> Decimal | None:
    """A folded word as a volume number: up to three digits, a Roman numeral below fifty, a number word to twenty."""
    if re.fullmatch(r"[0-9]{1,3}", word):
        return Decimal(word)
    if word in NUMBER_WORDS:
        return Decimal(NUMBER_WORDS[word])
    if word and _ROMAN.fullmatch(word):
        values = [_ROMAN_VALUES[letter] for letter in word]
        pairs = zip(values, [*values[1:], 0], strict=True)
        return Decimal(sum(-value if value < after else value for value, after in pairs))
    return None


# --- titles ----------------------------------------------------------------------------------------------------------

_EDITION_WORD = (
    "unabridged|abridged|ungekürzt|ungekuerzt|gekürzt|gekuerzt|audio ?books?|audio|ebook|e-book|kindle|hörbuch|hoerbuch"
    "|illustrated|annotated|remastered|revised|updated|expanded|enhanced|deluxe|special|anniversary|collectors?'?"
    "|complete|exclusive|international|movie tie-?in|tie-?in|booktrack|amazonclassics|reissue|reprint|paperback"
    "|hardcover|light novel|ln|web novel|edition|ausgabe|éd(?:ition)?|ed\\.?|narrated by .*|read by .*"
)
_EDITION = re.compile(
    rf"(?:(?:the|[0-9]{{1,4}}(?:st|nd|rd|th)?|first|second|third|[a-z]+(?:th|st)|and|&|b&n|[a-z]+)\W+){{0,5}}"
    rf"(?:edition|ausgabe|anniversary|remastered)[0-9\s]*|(?:(?:{_EDITION_WORD})(?:\W+|$))+|edition \d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th) anniversary(?: edition)?",
    re.IGNORECASE,
)
_GENRE = (
    "novels?|novellas?|novelette|short story|stor(?:y|ies)|tales?|thriller|mystery|memoir|romance|adventures?|fantasy"
    "|litrpg|gamelit|investigation|saga|epic|roman|krimi|romance|harem litrpg|progression fantasy|space opera|western"
)
_SUBTITLE = re.compile(
    rf"(?:(?:an?|the|ein|eine|un|une)\s+)(?:[^\s]+\s+){{0,6}}?(?:{_GENRE})(?:\s+(?:of|in|from|about)\s+.{{1,60}})?[*!.]?"
    rf"|(?:{_GENRE})\*?",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    # "A Journey to the Heart of Physics", "The Politics of Catastrophe", "How Religion Poisons Everything"
    r"an?\s+(?:\S+\s+){0,4}?(?:history|biography|autobiography|memoir|guide|introduction|journey|manifesto|handbook"
    r"|primer|manual|portrait|life|diary|inquiry|enquiry|reckoning|fable|parable|comedy|tragedy|poem)\b.*"
    r"|the\s+(?:\S+\s+)?(?:politics|science|psychology|economics|philosophy|biology|evolution|history|biography|memoirs?"
    r"|autobiography|origins|meaning|nature|roots|future|birth|invention|discovery|pursuit|practice|principles|theory"
    r")\s+of\s.*"
    r"|(?:how|why|what|when|where)\s+(?:\S+\s+){2,}\S+"
    r"|(?:essays|poems|lessons|notes|letters|reflections|meditations|travels|thoughts|dispatches|memoirs|conversations)"
    r"(?:\s(?:on|from|of|in|to|for|with|through|about)\s.+)?"
    r"|inside\s+(?:the|an?)\s.+"
    # "Making Sense of the World", "Sookie Stackhouse Stories"
    r"|(?!morning|evening|something|everything|nothing)[a-z]{3,}ing\s+(?:\S+\s+){2,}\S+"
    r"|(?!the\b)(?:\S+\s+){2,4}(?:stories|novel|novellas?|thriller|mystery)",
    re.IGNORECASE,
)
"""How subtitles begin that tell what a book is about, and name no volume of a series."""
_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2}")
_N_OF_M = re.compile(r"(?:part |pt\.? )?([0-9]{1,2}) (?:of|/) ([0-9]{1,2})", re.IGNORECASE)
_PART = re.compile(r"(?:parts?|pt|teil|del)\.? ?([0-9]{1,2}|[ivx]{1,4}|one|two|three|four|five|six)"
                   r"(?: ?(?:&|and|-|/) ?[0-9]{1,2})?(?: of [0-9]{1,2})?", re.IGNORECASE)  # fmt: skip
_VOLUME = r"(?:books?|bk|volumes?|vols?|number|no|num|nr|tome|tom|band|bd|buch|livre|libro|boek|episode)\b\.?"
_NUMERAL = (
    r"(?:[0-9]{1,3}(?:[.,][0-9]{1,2})?(?![0-9])|[ivxl]{1,6}\b|" + "|".join(sorted(NUMBER_WORDS, reverse=True)) + ")"
)
_VOLUME_PHRASE = re.compile(rf"(?:{_VOLUME}\s*(?:the\s+)?#?|#\s?)(?P<number>{_NUMERAL})\b", re.IGNORECASE)
_VOLUME_RANGE = re.compile(
    r"(?:books?|bks?|volumes?|vols?|v|parts?|#)?\.?\s*#?[0-9]{1,3}(?:\.[0-9])?\s*(?:-|–|&|and|to)\s*#?[0-9]{1,3}(?:\.[0-9])?",
    re.IGNORECASE,
)
OMNIBUS_WORDS = words_of(
    "omnibus collection boxset boxed bundle trilogy quartet quintet duology tetralogy compilation anthology sammelpack"
    " series books volumes complete saga"
)
_OMNIBUS = re.compile(
    r"\b(?:omnibus|box(?:ed)?\W?set|bundle|compilation|collection|complete (?:series|saga|trilogy)"
    r"|(?:books|volumes|vols)\W{1,2}[0-9]+\W{1,3}[0-9]+)\b",
    re.IGNORECASE,
)
_COUNTED_IN = re.compile(rf"{_VOLUME}\s*{_NUMERAL}\s(?:of|in)\s", re.IGNORECASE)
_LISTED = re.compile(r"#?(?:([0-9]{1,3}(?:\.[0-9]{1,2})?)\.|(?=0)([0-9]{2,3}))\s+(?=[^\W\d])")
"""`3. Ozma of Oz`, `03 Ozma of Oz`."""
_ALTERNATIVE = re.compile(r"\s*[,;:]\s+or,?\s+(?=[A-Z])")
_VOLUME_NOT_BOOK = re.compile(r"\bvol(?:ume|s)?s?\b", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_HARD_BREAK = re.compile(r"\s*(?::\s+|\s[-–—_|]+\s|\s?—\s?|\s?–\s|--\s?|;\s)\s*")
_DASH = re.compile(r"\s?[.:]?\s+[-–—_]\s|\.\s|:\s")
_TRAILING_ARTICLE = re.compile(r"^(.*?),\s*(the|a|an)\b(.*)$", re.IGNORECASE)


class BookTitle(msgspec.Struct, frozen=True, kw_only=True):
    """A book's own title, taken apart. `core` holds folded segments; a colon never cuts, it only separates them."""

    core: tuple[str, ...]
    stem: str
    """The core up to its volume number, without it: `fixture quest` of `Fixture Quest, Vol. 2: The Fall`."""
    volume: Decimal | None = None
    """The number that is part of the title itself (`Fixture Quest 2`)."""
    after: str = ""
    """What stands in the title behind that number."""
    position: Decimal | None = None
    """The number that was said beside the title (`(Oz, Book 3)`), in the series `said`."""
    said: str = ""
    """Key of the series named beside the title; numbers of two series do not compare."""
    numbered: str = ""
    """`oz 3` of a title in the form `Oz 3: Ozma of Oz`."""
    flat: str = ""
    """Everything but edition words, as one key: a lost colon does not matter there."""
    loose: bool = False
    """The volume number stood in a segment of its own: it may as well be the place in a series."""
    omnibus: bool = False
    part: bool = False
    which_part: str = ""
    """`1` of `Wind and Truth (1 of 5)`."""
    extras: tuple[str, ...] = ()
    """Folded brackets that say something unknown: `(Vintage International)`."""

    @property
    def key(self) -> str:
        return " ".join(self.core)


def read_book_title(title: str, *, series: str | None = None, authors: Sequence[str] = ()) -> BookTitle:
    """Take a possibly messy title of one book apart; total."""
    return _read_book_title(title[:LONGEST], series or "", tuple(authors))


class _Beside(msgspec.Struct):
    """What a title says beside itself, collected while it is taken apart."""

    series: frozenset[str]
    position: Decimal | None = None
    said: str = ""
    numbered: str = ""
    part: str = ""
    extras: tuple[str, ...] = ()

    def note(self, number: Decimal, name: str) -> None:
        if self.position is None:
            self.position, self.said = number, name


@lru_cache(maxsize=65_536)
def _read_book_title(title: str, series: str, authors: tuple[str, ...]) -> BookTitle:
    beside = _Beside(_series_keys(series))
    text = " ".join(unicodedata.normalize("NFKC", title).split())
    bare = _without_brackets(text, beside).strip(" -:,;") or text
    if listed := _LISTED.match(bare):
        beside.note(Decimal(listed[1] or listed[2]), "")
        bare = bare[listed.end() :]
    bare = _ALTERNATIVE.split(bare, maxsplit=1)[0] or bare
    segments = [segment for segment in (piece.strip(" ,;") for piece in _HARD_BREAK.split(bare)) if fold(segment)]
    segments = segments or [bare]
    people = {key for author in authors for key in (person_key(author), fold(last_first(author)))}
    flat = " ".join(word for word in fold(" ".join(map(_plain_edition, segments))).split() if word not in VOLUME_WORDS)
    _drop_repeat(segments, beside)
    while len(segments) > 1 and _is_beside(segments, beside, people):
        segments.pop()
    while len(segments) > 1 and _leads(segments, beside, people, dashed=bool(_DASH.match(bare, len(segments[0])))):
        segments.pop(0)
    return _book_title(segments, beside, flat, authors)


def _without_brackets(text: str, beside: _Beside) -> str:
    def bracket(found: re.Match[str]) -> str:
        said = found[1].strip()
        number, name = _numbered(said, beside.series)
        if number is not None:
            beside.note(number, name)
        elif _N_OF_M.fullmatch(said) or _PART.fullmatch(said):
            beside.part = beside.part or said
        elif fold(said) and not (_EDITION.fullmatch(said) or _YEAR.fullmatch(said) or fold(said) in beside.series):
            if _OMNIBUS.search(said) or _VOLUME_RANGE.fullmatch(said):
                return f" : {said}"
            beside.extras += (fold(said),)
        return " "

    for _ in range(3):
        if not any(mark in text for mark in "([{"):
            break
        text = _BRACKETS.sub(bracket, text)
    return " ".join(text.split())


def _drop_repeat(segments: list[str], beside: _Beside) -> None:
    """Take off a tail that only counts the title itself: `A: B: Volume 2: A: B, Book 2`."""
    for size in range(len(segments) // 2, 1, -1):
        number, name = _numbered(": ".join(segments[-size:]), beside.series)
        if number is not None and name == series_key(" ".join(segments[:size])):
            beside.note(number, name)
            del segments[-size:]
            return


def _is_beside(segments: list[str], beside: _Beside, people: set[str]) -> bool:
    """Whether the last segment says something about the book and is not its title."""
    last = segments[-1]
    if phrase := _VOLUME_PHRASE.fullmatch(last):
        # "Azarinth Healer: Book Two" is numbered by its title; "X: Sub: Book Two" is a place in a series.
        series_named = any(set(extra.split()) & _GENERIC for extra in beside.extras)
        if len(segments) == 2 and not series_named and beside.position is None:
            return False
        number = _read_numeral(phrase["number"])
        if number is not None:
            beside.note(number, "")
        return True
    number, name = _numbered(last, beside.series)
    if number is not None and (name in beside.series or not _VOLUME_NOT_BOOK.search(last)):
        beside.note(number, name)
        return True
    known = fold(last) in beside.series or person_key(last) in people
    return known or bool(_EDITION.fullmatch(last)) or is_genre_phrase(last)


def _leads(segments: list[str], beside: _Beside, people: set[str], *, dashed: bool) -> bool:
    """Whether the first segment is an author, a series, a number or a year before the title."""
    first, second = segments[0], segments[1]
    if dashed and (led := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\.?", first)):
        beside.note(Decimal(led[1]), "")
        return True
    if person_key(first) in people or fold(first) in people or (dashed and bool(_YEAR.fullmatch(first))):
        return True
    if fold(first) in beside.series:
        phrase = _VOLUME_PHRASE.fullmatch(second)
        counted = _read_numeral(phrase["number"]) if phrase else read_number(second)
        if counted is None or len(segments) == 2:
            return counted is None
        beside.note(counted, series_key(first))
        beside.numbered = f"{fold(first)} {_shown(counted)}"
        segments.pop(1)
        return True
    words, number = _cut_volume(first)
    if number is None or not {words, series_key(words)} & beside.series:
        return False
    beside.note(number, series_key(words))
    beside.numbered = f"{words} {_shown(number)}"
    return True


def _read_numeral(text: str) -> Decimal | None:
    position = read_position(text)
    return position.low if position else read_number(text.casefold())


def _book_title(segments: list[str], beside: _Beside, flat: str, authors: tuple[str, ...]) -> BookTitle:
    first = segments[0]
    if moved := _TRAILING_ARTICLE.match(first):
        first = f"{moved[2]} {moved[1]}{moved[3]}"
    segments = [_plain_edition(_without_author(segment, authors)) for segment in (first, *segments[1:])]
    core: list[str] = []
    stem, volume, after, loose = "", None, "", False
    for place, segment in enumerate(segments):
        words, number = _cut_volume(segment)
        if number is not None and volume is None and (words or core):
            stem, volume, loose = " ".join([*core, words]).strip(), number, not words
            core.append(f"{words} {_shown(number)}".strip())
            after = fold(" ".join(segments[place + 1 :]))
        else:
            core.append(fold(segment))
    key = " ".join(core)
    part = volume is None and bool(beside.part or ENDS_IN_PART.search(key))
    return BookTitle(
        core=tuple(core),
        stem=stem or key,
        volume=volume,
        after=after,
        position=beside.position,
        said=beside.said,
        numbered=beside.numbered,
        flat=flat,
        loose=loose,
        omnibus=bool(_OMNIBUS.search(" ".join(segments))),
        part=part,
        which_part=_which_part(beside.part),
        extras=beside.extras,
    )


def _without_author(segment: str, authors: tuple[str, ...]) -> str:
    for author in authors:
        if tail := re.search(rf"\s+by\s+{re.escape(author)}$", segment, re.IGNORECASE):
            return segment[: tail.start()] or segment
    return segment


ENDS_IN_PART = re.compile(r"\bparts? (?:[0-9]{1,2}|one|two|three|four|five)(?: (?:and|of) [0-9]{1,2})?$")


def _which_part(said: str) -> str:
    """`2` of `Part Two of Five` and of `2/5`, `1 2` of `Parts 1 & 2`."""
    if of := _N_OF_M.fullmatch(said):
        return of[1].lstrip("0")
    numbers = map(read_number, fold(said).partition(" of ")[0].split())
    return " ".join(_shown(number) for number in numbers if number is not None)


def _shown(number: Decimal) -> str:
    return format(number.normalize(), "f")


_LOOSE_EDITION = re.compile(
    r"[\s,]+(?:\(?(?:[0-9]{1,3}(?:st|nd|rd|th)|tenth|updated and expanded|updated|expanded|revised|deluxe|special"
    r"|annotated|illustrated|unabridged|anniversary|international|first|second|third)\s*)+(?:edition|anniversary)?$"
    r"|\s+/\s+edition\s+[0-9]{1,2}$|(?:\s+unabridged)?\s+audio ?book$|\s+unabridged$|\s+an?\s+novel$"
    r"|\s+narrated by .+$",
    re.IGNORECASE,
)


def _plain_edition(segment: str) -> str:
    """Take edition words off the end of a segment, unless they are all of it."""
    shorter = _LOOSE_EDITION.sub("", segment)
    return shorter if fold(shorter) else segment


def _cut_volume(segment: str) -> tuple[str, Decimal | None]:
    """Split a trailing volume off one segment: ("fixture quest", 2) of "Fixture Quest, Book Two"."""
    words = fold(_decimal_mark(segment)).replace(" dot ", ".").split()
    if not words:
        return "", None
    number = Decimal(words[-1]) if re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,2}", words[-1]) else read_number(words[-1])
    if number is None:
        return " ".join(words), None
    marked = len(words) > 1 and words[-2] in VOLUME_WORDS
    the = len(words) > 2 and words[-2] == "the" and words[-3] in VOLUME_WORDS
    spelled = not words[-1][0].isdigit()
    single_letter = words[-1] in ("v", "x", "l")
    if marked or the:
        return " ".join(words[: -3 if the else -2]), number
    # A bare number word is a word ("Seven"); "I" may be the pronoun but trails a title only as a numeral.
    if words[-1] in NUMBER_WORDS or (spelled and single_letter and len(words) < 2) or len(words) == 1:
        return " ".join(words), None
    return " ".join(words[:-1]), number


def _decimal_mark(segment: str) -> str:
    return re.sub(r"(?<=[0-9])\.(?=[0-9]{1,2}$)", " dot ", segment)


def _series_keys(series: str) -> frozenset[str]:
    if not series:
        return frozenset()
    return frozenset({*folds(series), series_key(series)} - {""})


def _numbered(said: str, series_keys: frozenset[str]) -> tuple[Decimal | None, str]:
    """The number and the series' key of `Oz, Book 3`, `Book 3 of Oz`, `Oz #3`; (None, "") when it is no such phrase."""
    phrase = None
    for found in _VOLUME_PHRASE.finditer(said):
        phrase = found
    if phrase is None:
        bare = re.fullmatch(r"(.+?),? ([0-9]{1,3}(?:\.[0-9]{1,2})?)", said)
        name = series_key(bare[1]) if bare else ""
        return (Decimal(bare[2]), name) if bare and name in series_keys else (None, "")
    before, behind = said[: phrase.start()], said[phrase.end() :].strip(" .)")
    if re.match(r"\s*[-–&]\s*[0-9]", said[phrase.end() :]):
        return None, ""
    of = re.match(r"(?:of|in)\s+(.+)", behind, re.IGNORECASE)
    if (behind and not of) or (of and fold(before)):
        return None, ""
    return _read_numeral(phrase["number"]), series_key(of[1] if of else before)


def is_genre_phrase(text: str) -> bool:
    """Whether a subtitle only names the genre: `A Novel`, `A LitRPG Adventure`, `Stories`."""
    other = words_of("graphic comic manga picture") & set(fold(text).split())
    return not other and bool(_SUBTITLE.fullmatch(text.strip()))


def title_keys(title: str, *, series: str | None = None, authors: Sequence[str] = ()) -> tuple[str, ...]:
    """Normal forms of a possibly messy title, the primary first, to be used as dictionary keys.

    Secondary keys (without the leading article, without spaces, with umlauts written out, a numbered title without its
    subtitle) only find candidates: `same_title`, author and number decide.
    """
    read = read_book_title(title, series=series, authors=authors)
    forms = [read.key, read.numbered]
    if read.volume is not None:
        forms.append(f"{read.stem} {_shown(read.volume)}")
    if len(folds(title)) > 1:
        written_out = unicodedata.normalize("NFC", title).casefold().translate(_UMLAUTS)
        forms.append(read_book_title(written_out, series=series, authors=authors).key)
    forms += [without_article(form) for form in forms]
    forms += [form.replace(" ", "") for form in forms]
    return tuple(dict.fromkeys(form for form in forms if form))


def without_article(key: str) -> str:
    """A folded name without its leading article, unless that is all of it."""
    first, _, rest = key.partition(" ")
    return rest if first in ARTICLES and rest else key


def same_title(
    a: str, b: str, *, series: str | None = None, authors: Sequence[str] = (), same_position: bool = False
) -> Likeness:
    """Whether two titles name one book, as far as titles can tell. Symmetric.

    `same_position` says that series, author and number agree otherwise: then a variant spelling is the same book.
    """
    one, other = (read_book_title(title, series=series, authors=authors) for title in (a, b))
    series = series or one.said or other.said or None
    one, other = (read_book_title(title, series=series, authors=authors) for title in (a, b))
    if one.omnibus != other.omnibus or (one.part and other.part and one.which_part != other.which_part):
        return Likeness.DIFFERENT
    numbers = _compare_numbers(one, other)
    if numbers is Likeness.DIFFERENT:
        return Likeness.DIFFERENT
    keys, others = (set(title_keys(title, series=series, authors=authors)) for title in (a, b))
    if keys & others or one.flat == other.flat or _in_digits(one.key) == _in_digits(other.key):
        unsettled = one.part != other.part or is_other_work(one) != is_other_work(other) or numbers is Likeness.UNSURE
        return Likeness.UNSURE if unsettled else Likeness.SAME
    if _stem(one) == _stem(other) and (one.volume is not None or other.volume is not None):
        return numbers
    return _compare_words(one, other, same_position=same_position)


def _compare_words(one: BookTitle, other: BookTitle, *, same_position: bool) -> Likeness:
    pairs = ((one, other), (other, one))
    if any(_describes(_subtitle(short, long)) or _numbered_before(short, long) for short, long in pairs):
        return Likeness.SAME
    if any(_with_more_between(short, long) or _by_somebody(short, _subtitle(short, long)) for short, long in pairs):
        return Likeness.SAME
    if _same_but_subtitle_spelling(one, other):
        return Likeness.SAME
    near = ratio(one.key, other.key) / 100 >= 0.75
    translated = _translated(one.key, other.key)
    if same_position and (near or translated or any(f" {short.key} " in f" {long.key} " for short, long in pairs)):
        return Likeness.SAME
    if any(_subtitle(short, long) or _led(short, long) for short, long in pairs):
        return Likeness.UNSURE
    if one.core[0] == other.core[0] and one.core[-1] == other.core[-1]:
        return Likeness.UNSURE
    if translated or _year_in_words(one.key, other.key) or _year_in_words(other.key, one.key):
        return Likeness.UNSURE
    spelling = near and one.volume is None and _few_letters_apart(one.key, other.key)
    return Likeness.UNSURE if spelling else Likeness.DIFFERENT


DESCRIPTIVE_WORDS = 6


def descriptive(subtitle: str) -> bool:
    """Whether a folded subtitle only describes the book: too long for the name of another volume, and no number."""
    words = subtitle.split()
    return len(words) >= DESCRIPTIVE_WORDS and not any(word.isdigit() or word in VOLUME_WORDS for word in words)


def _describes(subtitle: str) -> bool:
    """Whether a folded subtitle tells what the book is about: by its length, or as non-fiction begins one."""
    about = bool(_SUBJECT.fullmatch(subtitle)) and not set(subtitle.split()) & _OTHER_WORK
    return about or descriptive(subtitle)


DISTINCT_WORDS = 3
"""So many words after a colon are the name of one book; fewer may be the name of several."""


def _by_somebody(short: BookTitle, subtitle: str) -> bool:
    """`The Critique of Pure Reason by Immanuel Kant`; "Death by Black Hole" is no book by a Mr Hole."""
    words = subtitle.split()
    plain = not any(word in LITTLE_WORDS or word.isdigit() for word in words[1:])
    return words[:1] == ["by"] and 3 <= len(words) <= 5 and plain and len(short.key.split()) >= DISTINCT_WORDS


def _numbered_before(short: BookTitle, long: BookTitle) -> bool:
    """`The Orphan's Tales, Volume I: In the Night Garden` is `In the Night Garden`, with its place before it."""
    distinct = len(short.key.split()) >= DISTINCT_WORDS and short.volume is None
    counted = read_number(long.core[0].rpartition(" ")[2]) is not None or bool(_COUNTED_IN.match(long.core[0]))
    return distinct and counted and _led(short, long) and len(long.core) == 2


def _with_more_between(short: BookTitle, long: BookTitle) -> bool:
    """`Star Wars: The High Republic: Light of the Jedi` is `Star Wars: Light of the Jedi`."""
    ends = (long.core[0], long.core[-1]) == short.core
    return ends and len(short.core[-1].split()) >= DISTINCT_WORDS and short.volume == long.volume


_OTHER_WORK = words_of(
    "manga comic comics graphic summary study guide workbook screenplay script junior young readers preview sampler"
    " excerpt companion"
)


def is_other_work(title: BookTitle) -> bool:
    """Whether brackets call it an adaptation or a companion of the book that it is named after."""
    return any(set(extra.split()) & _OTHER_WORK for extra in title.extras)


def _stem(title: BookTitle) -> str:
    return without_article(title.stem)


def _compare_numbers(one: BookTitle, other: BookTitle) -> Likeness:
    """Unequal numbers veto; a missing one equals 1 for the same stem; one beside the title says less than one in it."""
    if one.volume is not None and other.volume is not None and one.volume != other.volume:
        return Likeness.DIFFERENT
    comparable = not one.said or not other.said or one.said == other.said
    if one.position is not None and other.position is not None and one.position != other.position and comparable:
        return Likeness.DIFFERENT
    for numbered, plain in ((one, other), (other, one)):
        if numbered.volume is None or plain.volume is not None or _stem(numbered) != _stem(plain):
            continue
        if plain.position is not None:
            return Likeness.SAME if plain.position == numbered.volume else Likeness.DIFFERENT
        if numbered.volume != 1 and not numbered.loose:
            return Likeness.DIFFERENT
        return Likeness.SAME if numbered.volume == 1 else Likeness.UNSURE
    return Likeness.SAME


def _subtitle(short: BookTitle, long: BookTitle) -> str:
    """What the long title has behind a colon when the rest is the short one; empty when it is not so."""
    for place in range(1, len(long.core)):
        if without_article(" ".join(long.core[:place])) == without_article(short.key):
            return " ".join(long.core[place:])
    author = re.fullmatch(r"(.+?) (by .+)", long.key)
    return author[2] if author and without_article(author[1]) == without_article(short.key) else ""


def _led(short: BookTitle, long: BookTitle) -> bool:
    """Whether the long title is the short one with something before it: `Crispin: The Cross of Lead`."""
    return len(long.core) > 1 and without_article(long.core[-1]) == without_article(short.key)


def _same_but_subtitle_spelling(one: BookTitle, other: BookTitle) -> bool:
    subtitles = [" ".join(title.core[1:]) for title in (one, other)]
    return one.core[0] == other.core[0] and all(map(descriptive, subtitles)) and ratio(*subtitles) >= 85


_TONGUES = {
    "de": words_of("der die das von und ein eine im des"),
    "fr": words_of("le la les du et une au aux"),
    "es": words_of("el los las y una del"),
    "en": words_of("the of and"),
}


def _tongue(words: list[str]) -> str:
    for tongue, markers in _TONGUES.items():
        if words[0] in markers or len(set(words) & markers) > 1:
            return tongue
    return ""


def _translated(one: str, other: str) -> bool:
    """Whether the titles look like two languages' names of one book: other little words, and a name in common."""
    words, others = one.split(), other.split()
    if not words or not others:
        return False
    tongues = {_tongue(words), _tongue(others)}
    little = ARTICLES.union(*_TONGUES.values())
    return len(tongues) == 2 and "" not in tongues and bool((set(words) & set(others)) - little)


_WORD_DIGITS = {words[0]: str(number) for number, words in enumerate(_NUMBER_WORDS, 1)}
_ROUND = dict(
    zip(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], range(20, 100, 10), strict=True)
)


@lru_cache(maxsize=65_536)
def _in_digits(key: str) -> str:
    """A folded title with its numbers below a hundred in digits: `the 39 steps`, `slaughterhouse 5`."""
    words: list[str] = []
    tens = 0
    for word in key.split():
        digit = _WORD_DIGITS.get(word, "")
        if tens and len(digit) == 1:
            words[-1] = str(tens + int(digit))
        else:
            words.append(str(_ROUND[word]) if word in _ROUND else digit or word)
        tens = _ROUND.get(word, 0)
    return " ".join(words)


_TENS = words_of("twenty thirty forty fifty sixty seventy eighty ninety hundred thousand and")


def _year_in_words(digits: str, words: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{4}", digits)) and set(words.split()) <= _TENS | NUMBER_WORDS.keys()


def _few_letters_apart(one: str, other: str) -> bool:
    """Whether the keys differ by spelling, not by a word: "colour/color", "sign of (the) four"."""
    if Levenshtein.distance(one, other) <= max(1, min(len(one), len(other)) // 8):
        changed = set(one.split()) ^ set(other.split())
        return not any(mark.isdigit() for word in changed for mark in word)
    return [word for word in one.split() if word not in ARTICLES] == [
        word for word in other.split() if word not in ARTICLES
    ]


# --- people ----------------------------------------------------------------------------------------------------------

_ROLE = re.compile(
    r"\s+-\s*(?:translator|translated|illustrator|editor|foreword|afterword|introduction|narrator|author|contributor"
    r"|adapter|adaptor|creator)\b.*$|\s+et\s+al\.?$",
    re.IGNORECASE,
)
_LEADING_ROLE = re.compile(r"^(?:read by|narrated by|written by|by|edited by|translated by)\s+", re.IGNORECASE)
_HONOURS = words_of("dr sir dame prof professor mr mrs ms miss lord lady rev reverend saint st father")
_SUFFIXES = words_of("jr sr phd md esq ii iii iv dds mba ma obe cbe ma dphil")
_GENERATIONS = words_of("jr sr")
_PARTICLES = words_of(
    "le la de del della van von der den di da du dos das mac mc o st ter ten al el bin ibn af av zu zur"
)


class _Person(msgspec.Struct, frozen=True):
    given: tuple[str, ...]
    surname: str
    generation: str = ""
    """`jr` of `Ana Ejemplo Jr.`"""


@lru_cache(maxsize=65_536)
def _person(name: str) -> _Person:
    text = _LEADING_ROLE.sub("", _ROLE.sub("", unicodedata.normalize("NFKC", name[:LONGEST]).replace("_", " ").strip()))
    text = _BRACKETS.sub(" ", text)
    last, comma, first = text.partition(",")
    if comma and fold(first) and not set(fold(first).replace(" ", "").split()) <= _SUFFIXES:
        text = f"{first.split(',')[0]} {last}"
    else:
        text = last
    text = re.sub(r"\b(?:ph|m)\.?\s?d\.?$", "", text.strip(), flags=re.IGNORECASE) or text
    words = _words_of_name(text)
    generation = words.pop() if len(words) > 2 and words[-1] in _GENERATIONS else ""
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return _person_of(words, generation)


def _words_of_name(text: str) -> list[str]:
    mixed = any(mark.islower() for mark in text)
    words: list[str] = []
    pieces = text.split()
    for place, piece in enumerate(pieces):
        folded = fold(piece).split()
        letters = piece.strip(".,")
        initials = letters.isupper() and letters.isalpha() and 2 <= len(letters) <= 3 and place < len(pieces) - 1
        if initials and fold(piece) not in _HONOURS and (mixed or not set(fold(piece)) & set("aeiouy")):
            words += list(fold(piece))
        else:
            words += folded
    while len(words) > 1 and words[0] in _HONOURS:
        words.pop(0)
    while len(words) > 1 and words[-1] in _SUFFIXES - _GENERATIONS:
        words.pop()
    return words


def _person_of(words: list[str], generation: str) -> _Person:
    if not words:
        return _Person((), "")
    start = len(words) - 1
    while start > 0 and words[start - 1] in _PARTICLES and (start > 1 or len(words[start - 1]) > 1):
        start -= 1
    return _Person(tuple(words[:start]), "".join(words[start:]), generation)


def person_key(name: str) -> str:
    """A person's folded name, given names first, without titles and roles: `j r r tolkien`. Empty for no name."""
    person = _person(name)
    return " ".join((*person.given, person.surname)).strip()


def last_first(name: str) -> str:
    """`Baum, L. Frank`; a name of one word, or one already turned, stays."""
    text = " ".join(name.split())
    if "," in text:
        return text
    words = text.split()
    start = max(0, len(words) - 1)
    while start > 1 and fold(words[start - 1]) in _PARTICLES:
        start -= 1
    while start > 1 and start == len(words) - 1 and fold(words[start]) in _SUFFIXES:
        start -= 1
    return f"{' '.join(words[start:])}, {' '.join(words[:start])}" if start else text


def same_person(a: str, b: str) -> Likeness:
    """Whether two names may be one person. Symmetric; pen names are never joined by likeness."""
    best = Likeness.DIFFERENT
    for one in _spellings(a):
        for other in _spellings(b):
            best = _closer(best, _same_person(one, other))
    return best


def _spellings(name: str) -> tuple[_Person, ...]:
    written_out = unicodedata.normalize("NFC", name).translate(_UMLAUTS).translate(_CAPITAL_UMLAUTS)
    return (_person(name),) if written_out == name else (_person(name), _person(written_out))


def _closer(one: Likeness, other: Likeness) -> Likeness:
    order = (Likeness.SAME, Likeness.UNSURE, Likeness.DIFFERENT)
    return min(one, other, key=order.index)


def _same_person(one: _Person, other: _Person) -> Likeness:
    if not one.surname or not other.surname:
        return Likeness.UNSURE if one.surname != other.surname else Likeness.DIFFERENT
    if one.generation and other.generation and one.generation != other.generation:
        return Likeness.DIFFERENT
    if "".join((*one.given, one.surname)) == "".join((*other.given, other.surname)):
        return Likeness.SAME
    if one.surname == other.surname:
        return _same_given(one.given, other.given)
    if sorted((*one.given, one.surname)) == sorted((*other.given, other.surname)):
        return Likeness.UNSURE
    if one.given and one.given == other.given and _typo(one.surname, other.surname):
        return Likeness.UNSURE
    if one.given and other.given and one.given[0] == other.given[0] and len(one.given[0]) > 1:
        # A double surname of which one side gives a half: "Oates-Smith", "Smith".
        longer, shorter = sorted((one.surname, other.surname), key=len, reverse=True)
        return Likeness.UNSURE if longer.endswith(shorter) and len(shorter) > 3 else Likeness.DIFFERENT
    return Likeness.DIFFERENT


def _same_given(one: tuple[str, ...], other: tuple[str, ...]) -> Likeness:
    if len(one) == len(other):
        if all(_fits(x, y) for x, y in zip(one, other, strict=True)):
            return Likeness.SAME
        typo = len(one) > 0 and all(x == y or _typo(x, y) for x, y in zip(one, other, strict=True))
        return Likeness.UNSURE if typo else Likeness.DIFFERENT
    shorter, longer = sorted((one, other), key=len)
    rest = iter(longer)
    return Likeness.UNSURE if all(any(_fits(x, y) for y in rest) for x in shorter) else Likeness.DIFFERENT


def _fits(x: str, y: str) -> bool:
    return x == y or (len(x) == 1 and y.startswith(x)) or (len(y) == 1 and x.startswith(y))


def _typo(x: str, y: str) -> bool:
    return min(len(x), len(y)) >= 5 and Levenshtein.distance(x, y) <= (2 if x[:4] == y[:4] else 1)


def differs_by_a_slip(a: str, b: str) -> bool:
    """Whether two names are one name misspelled or turned about: `Paul Hapern`, `halpern_paul`. Symmetric.

    Good enough to tell a person so, not to act on: `same_person` calls such names unsure.
    """
    one, other = ((*person.given, person.surname) for person in (_person(a), _person(b)))
    if one == other or len(one) != len(other) or len(one) < 2:
        return False
    if one in (_turned(other), (*other[1:], other[0])):
        return len(one) > 2 or not set(one) <= _GIVEN_AND_SURNAMES
    places = [place for place, (x, y) in enumerate(zip(one, other, strict=True)) if x != y]
    if len(places) != 1:
        return False
    x, y = one[places[0]], other[places[0]]
    if places[0] < len(one) - 1:
        return min(len(x), len(y)) >= 5 and (_sound(x) == _sound(y) or _other_vowel(x, y))
    return _one_letter_off(x, y, certain=len(one) > 2)


def _turned(words: tuple[str, ...]) -> tuple[str, ...]:
    return (words[-1], *words[:-1])


_GIVEN_AND_SURNAMES = words_of(
    "adam alexander allen andrew anthony arthur barry benjamin bruce carter charles christian clark craig daniel david"
    " dean dennis douglas duncan edward elliott ellis francis frank frederick gary george gerald gordon graham grant"
    " harper harris harrison harry henry howard hugh hunter isaac jack jackson james jordan joseph keith kelly kennedy"
    " kim lawrence lee leonard lewis louis marshall martin mason matthew maurice max michael mitchell morgan morris"
    " murray nelson neil nicholas noel norman oliver oscar owen parker patrick paul perry peter philip ray raymond"
    " richard riley robert robin rodney roger ross roy russell ryan samuel scott sean simon spencer stanley stephen"
    " stewart stuart taylor terry thomas todd tyler vernon victor vincent walker wallace walter warren william wilson"
)
"""Names that are as often given names: `Henry James` is not `James Henry`."""
_FAMILY_ENDINGS = ("son", "sen", "ton", "man", "mann")


def _sound(word: str) -> str:
    """A given name without doubled letters and silent endings: `Juliette` sounds like `Juliet`; `Gabriele` does not."""
    return re.sub(r"(.)\1", r"\1", re.sub(r"tte$", "t", word)).replace("ph", "f").replace("y", "i")


def _other_vowel(x: str, y: str) -> bool:
    """`Alistair` and `Alastair`, `Katherine` and `Katharine`; near the end a vowel tells `Frances` from `Francis`."""
    changed = [place for place, (one, other) in enumerate(zip(x, y, strict=False)) if one != other]
    if len(x) != len(y) or len(x) < 7 or len(changed) != 1:
        return False
    return {x[changed[0]], y[changed[0]]} <= set("aeiou") and 0 < changed[0] < len(x) - 3


def _one_letter_off(x: str, y: str, *, certain: bool) -> bool:
    """Whether two surnames differ by one letter within; unless `certain`, not where such pairs are two families."""
    if min(len(x), len(y)) < 6 or x[0] != y[0] or Levenshtein.distance(x, y) != 1:
        return False
    return certain or (len(x) != len(y) and x[-1] == y[-1] and not x.endswith(_FAMILY_ENDINGS))


def same_people(a: Sequence[str], b: Sequence[str]) -> Likeness:
    """The closest pair of two lists of credits; unsure when one of them is empty."""
    a, b = _without_roles(a), _without_roles(b)
    if not a or not b:
        return Likeness.UNSURE
    best = Likeness.DIFFERENT
    for one in a:
        for other in b:
            best = _closer(best, same_person(one, other))
    return best


_BETWEEN_PEOPLE = re.compile(r"\s*[;&/|]\s*|\s+(?:and|with)\s+", re.IGNORECASE)


def people_in(text: str) -> tuple[str, ...]:
    """The people that one line of credits names: `David Thomas, Andrew Hunt` are two, `Baum, L. Frank` is one."""
    people: list[str] = []
    for piece in _BETWEEN_PEOPLE.split(text[:LONGEST]):
        parts = [part.strip() for part in piece.split(",") if fold(part)]
        several = all(len(fold(part).split()) > 1 and len(fold(part).split()[-1]) > 1 for part in parts)
        people += parts if several or len(parts) > 2 else [", ".join(parts)] if parts else []
    return tuple(people)


def credited_role(name: str) -> str | None:
    """The role beside a name (`Ana Ejemplo - translator`); such a person is not the author. None for a plain name."""
    role = _ROLE.search(name[:LONGEST])
    return fold(role[0]) or None if role and "et al" not in fold(role[0]) else None


def _without_roles(names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if credited_role(name) is None] or names


# --- series ----------------------------------------------------------------------------------------------------------

_GENERIC = words_of(
    "series saga novel novels book books trilogy cycle chronicle chronicles quartet quintet duology sequence mysteries"
    " adventures tales reihe zyklus serie trilogie ciclo trilogia серия цикл сага трилогия"
)
_ORDERING = re.compile(
    r"[(\[](?:[^()\[\]]*\b(?:publication|chronological|reading)\b[^()\[\]]*|light novels?|abridged|unabridged)[)\]]",
    re.IGNORECASE,
)


@lru_cache(maxsize=65_536)
def series_key(name: str) -> str:
    """A series' folded name without article, one generic last word, and remarks on the order of reading."""
    words = without_article(fold(_ORDERING.sub(" ", name[:LONGEST]))).split()
    if len(words) > 1 and words[-1] in _GENERIC:
        words.pop()
    return " ".join(words)


def same_series(a: str, b: str) -> Likeness:
    """Whether two names may be one series, as far as names can tell. Symmetric."""
    one, other = _series_name(a), _series_name(b)
    if not one or not other:
        return Likeness.UNSURE
    if _glued(one) == _glued(other) or _glued(_singular(one)) == _glued(_singular(other)):
        return Likeness.UNSURE if len({_kind_of_series(a), _kind_of_series(b), ""}) == 3 else Likeness.SAME
    longer, shorter = sorted((one, other), key=len, reverse=True)
    within = longer.startswith(f"{shorter} ") or longer.endswith(f" {shorter}")
    return Likeness.UNSURE if within else Likeness.DIFFERENT


def _series_name(name: str) -> str:
    """The key without the number of a volume (`Oz, Book 3`) and without an article of another language."""
    uncounted = _COUNTED_TAIL.sub("", name[:LONGEST])
    key = series_key(uncounted if fold(uncounted) else name)
    first, _, rest = key.partition(" ")
    return rest if first in _FOREIGN_ARTICLES and rest else key


_COUNTED_TAIL = re.compile(rf"[\s,:-]+(?:{_VOLUME}\s*#?|#\s?){_NUMERAL}$", re.IGNORECASE)
_FOREIGN_ARTICLES = words_of("le la les l el los las der das het")
_KINDS_OF_SERIES = words_of("trilogy quartet quintet duology mysteries adventures tales")
"""Two series of one name may differ by these: a trilogy is not the quartet after it. A saga is a cycle is a series."""


def _kind_of_series(name: str) -> str:
    last = fold(_ORDERING.sub(" ", name[:LONGEST])).rpartition(" ")[2]
    return last if last in _KINDS_OF_SERIES else ""


def _glued(key: str) -> str:
    return key.replace(" ", "")


def _singular(key: str) -> str:
    return " ".join(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in key.split()
    )
