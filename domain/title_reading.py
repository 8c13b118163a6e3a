"""Reading a release's title without knowing the book: who, what, which number, read by whom, in which form.

A title is cut into pieces; then what is surest is taken first: who stands behind `by`, what brackets say, which piece
looks like a person, which one counts. What is left is the title, and what no rule explains is told as `rest`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from domain.names import LITTLE_WORDS, fold, series_key
from domain.person_names import SURE, likeness_to_people, likeness_to_person, people_named
from domain.positions import Position
from domain.title_draft import Draft, Known, tidy
from domain.title_facts import is_musical, kind_named, language_of_words, media_named, narrators_of, year_of
from domain.title_people import drop_people, take_author, take_by
from domain.title_pieces import Piece, facts_of, pieces_of
from domain.title_series import take_brackets, take_count, take_title
from domain.titles import AUDIO_FORMATS, LONGEST, ReleaseTitle, Scan, clean


def read_title(
    text: str, *, authors: Sequence[str] = (), series: Sequence[str] = (), narrators: Sequence[str] = ()
) -> ReleaseTitle:
    """Read a title, or the path of a folder, as far as it says something. Names that are known help, none is needed.

    Total; reads 1,000 characters.
    """
    whole = clean(_with_lost_marks(text[: LONGEST * 4]))
    folders, name = _split_path(_with_plain_quotes(whole))
    above = _above(folders)
    scan = facts_of(_spaced(name))
    facts = facts_of(_spaced(whole)) if folders else scan
    for one in narrators:
        scan.find_person(one, "narrator", "narrator?")
    known = Known(
        authors=(*authors, *above.authors),
        series=frozenset(series_key(one) for one in (*series, *above.names)),
        in_folders=bool(folders),
        musical=is_musical(facts),
        dotted=" " not in text.strip() and text.count(".") > 1,
    )
    draft = _read(scan, known)
    scan.read_shape()
    _settle(draft, scan, above)
    media = media_named(facts)
    return ReleaseTitle(
        text=whole,
        title=draft.title,
        authors=draft.authors,
        series=draft.series,
        position=_plainly(draft.position),
        narrators=narrators_of(facts),
        year=year_of(scan, draft),
        formats=tuple(sorted(dict.fromkeys(facts.formats), key=lambda one: one not in AUDIO_FORMATS)),
        bitrate_kbps=facts.bitrate_kbps,
        language=facts.language or language_of_words(draft.title or "") or language_of_words(draft.series or ""),
        abridged=facts.abridged,
        part=scan.part,
        kind=kind_named(scan, draft, media),
        media=media,
        asin=facts.asin,
        rest=tuple(tidy(piece.text) for piece in (*draft.pieces, *draft.asides)),
    )


# --- before the words are cut ----------------------------------------------------------------------------------------

_TWO_BLANKS = re.compile(r"^([^\W\d_]\S{0,20}(?: \S{1,20}){1,3})  (\S{1,20}(?: \S{1,20}){1,3}) - ")


def _with_lost_marks(text: str) -> str:
    """`Ana Ejemplo  Ben Muster - Title`, `Ana Ejemplo  Title`: file names lose `&` and dashes and keep the blanks."""
    first, blanks, rest = text.partition("  ")
    if blanks and " - " not in text and "  " not in rest and likeness_to_person(first) == SURE:
        return f"{first} - {rest}"
    return _TWO_BLANKS.sub(r"\1 & \2 - ", text)


_QUOTED = re.compile(r'"([^"]{1,400})"')
_SINGLE_QUOTED = re.compile(r"(?<!\S)'([^']{3,300} - [^']{3,300})'(?!\S)")
_LED_BY_BRACKET = re.compile(r"^\(([^()\[\]]{3,300} - [^()\[\]]{3,300})\)(?=\s*\S)")
_POSTED = re.compile(r"[\[(]\s?\d{1,4}\s?(?:/|of)\s?\d{1,4}|\byenc\b|\d{1,3}/\d{2,3}", re.IGNORECASE)
_OF_THE_POST = re.compile(
    r"\"(?:part|vol)[. ]?\d{1,4}\s*\"|(?<= )\d{2} of \d{2}\b|\bdescription (?=[^-])", re.IGNORECASE
)
_REQUESTED = re.compile(r"^(?:re:\s+)?(?:req(?:uest)?|re(?=:\s+[\"\[(]))\b\s*[-:]*\s*", re.IGNORECASE)


def _with_plain_quotes(text: str) -> str:
    """Quotation marks where they part what was posted from what is said of it; a quoted word in a title is a word."""
    text = _REQUESTED.sub("", text)
    text = _LED_BY_BRACKET.sub(r'"\1"', _SINGLE_QUOTED.sub(r'"\1"', text))
    if _POSTED.search(text):
        return _OF_THE_POST.sub("", text)
    return _QUOTED.sub(lambda found: found[0] if " - " in found[1] else found[1], text)


_DOTTED = re.compile(r"(?<=[^\W\d_][^\W\d_])\.(?=[^\W\d_][^\W\d_])|(?<=\d)\.(?=[^\W\d_]{2})|(?<=[^\W\d_]{2})\.(?=\d)")
_CAMEL_LED = re.compile(r"^((?:[A-Z][a-z]+){2,4})(?=-\S)")
_READ_BY_THEN_DASH = re.compile(r"\b((?:read|narrated|performed) by [^()\[\]{}|;\"]{2,60}?) - ", re.IGNORECASE)


def _spaced(name: str) -> str:
    """Blanks for what stands for them: `Last.Name-Title`, `FirstLast-Title`, `Book 3By`."""
    if " " not in name:
        name = _DOTTED.sub(" ", name)
    if " " in name or "." in name:
        name = _CAMEL_LED.sub(lambda found: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[1]), name)
    if " - " not in name:
        name = re.sub(r"(?<=\w) -(?=[^\W\d])", "-", name)
    name = re.sub(r"\.(?:mp4|m4v|ra)$", "", name)
    return re.sub(r"(?<=\d)(?=By\s)", " ", _READ_BY_THEN_DASH.sub(r"\1 | ", name))


# --- folders ---------------------------------------------------------------------------------------------------------


class _Above(msgspec.Struct, frozen=True, kw_only=True):
    """What the folders above a name say."""

    authors: tuple[str, ...] = ()
    maybe_author: str = ""
    """A single name that may as well be a series."""
    series: str | None = None
    position: Position | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.series, self.maybe_author) if name)


_BETWEEN_FOLDERS = re.compile(r"(?<![\s<])\s?/(?![\s\d]*[\])])(?!(?<=\d/)\d)(?=\S)")
_NO_FOLDER = re.compile(rf"[\"\[](?!Series\])|\sby\s|\b(?:{'|'.join(sorted(AUDIO_FORMATS))})$", re.IGNORECASE)


def _split_path(text: str) -> tuple[list[str], str]:
    """The folders above, and the last name; a slash between blanks, digits, formats or people parts no folders."""
    parts = _BETWEEN_FOLDERS.split(text)
    if len(parts) == 1 or any(not fold(part) for part in parts) or _NO_FOLDER.search(parts[0]):
        return [], text
    return parts[:-1][:6], parts[-1]


_COLLECTS = re.compile(r"\b(?:collection|series|saga|books|audiobooks|library)$", re.IGNORECASE)


def _above(folders: Sequence[str]) -> _Above:
    """Author and series as the folders name them: `Author/Series`, `Author - Series`, `Author/Oz 3 - Ozma of Oz`."""
    scans = [scan for scan in map(facts_of, map(_spaced, folders)) if pieces_of(scan)]
    if not scans:
        return _Above()
    drafts = [_read(scan, Known(several=True)) for scan in scans]
    first, last = drafts[0], drafts[-1]
    authors, series, maybe = first.authors, last.series or last.title, ""
    if not authors and first.title and first.position is None:
        named, _, behind = first.title.partition(", ")
        if likeness_to_person(named) == SURE and set(fold(behind).split()) & LITTLE_WORDS:
            authors, series = people_named(named), behind if len(drafts) == 1 else series
        elif len(drafts) > 1 or likeness_to_person(first.title) or len(people_named(first.title)) > 1:
            authors, series = people_named(first.title), series if len(drafts) > 1 else None
        else:
            maybe, series = "" if _COLLECTS.search(first.title) else first.title, None
    return _Above(authors=authors, maybe_author=maybe, series=_series_name(series), position=last.position)


def _series_name(text: str | None) -> str | None:
    return tidy(re.sub(r"\s\[.*?\]|\s\d{1,3}-\d{1,3}\s?$", "", text)) or None if text else None


# --- one text --------------------------------------------------------------------------------------------------------


def _read(scan: Scan, known: Known) -> Draft:
    """Read a text; of several quotations the one that names most, completed by the others."""
    pieces = pieces_of(scan)
    groups = list(dict.fromkeys(piece.group for piece in pieces))
    known = msgspec.structs.replace(known, several=known.several or len(groups) > 1)
    drafts = [_read_group([piece for piece in pieces if piece.group == group], known) for group in groups]
    return _merged(drafts) if drafts else Draft([])


def _read_group(pieces: Sequence[Piece], known: Known) -> Draft:
    draft = Draft(_without_repeats(pieces))
    take_by(draft)
    take_brackets(draft)
    if not draft.authors:
        take_author(draft, known)
    drop_people(draft, known)
    take_count(draft, known)
    if draft.title is None:
        take_title(draft, known)
    return draft


def _without_repeats(pieces: Sequence[Piece]) -> list[Piece]:
    return list({(fold(piece.text), piece.mark): piece for piece in reversed(pieces)}.values())[::-1]


def _merged(drafts: Sequence[Draft]) -> Draft:
    best = max(drafts, key=_says)  # of equal ones the first
    best.position = drafts[0].position or best.position
    best.quoted = len(drafts) > 1
    for other in drafts:
        best.authors = best.authors or other.authors
        if other.doubtful and not best.doubtful:
            best.series = best.series or other.title
        best.position = best.position or other.position
        best.series = best.series or other.series
    return best


def _says(draft: Draft) -> int:
    titled = 0 if draft.title is None else 1 if draft.doubtful else 2
    return 2 * titled + bool(draft.authors)


# --- what is missing still -------------------------------------------------------------------------------------------

_DISC = re.compile(r"[\s,]+(?:cd|dis[ck]|pts?\.?|parts?)\s?\d{1,3}(?:\s?(?:&|and|-|of)\s?\d{1,3})?$", re.IGNORECASE)


def _settle(draft: Draft, scan: Scan, above: _Above) -> None:
    """Complete what the name says by the folders above, and a missing title by what else stands there."""
    if above.maybe_author and series_key(above.maybe_author) != series_key(draft.series or ""):
        draft.authors = draft.authors or people_named(above.maybe_author)
    if draft.title:
        _take_year_as_title(draft, scan)
        draft.title = _DISC.sub("", draft.title or "") or draft.title
    draft.authors = draft.authors or above.authors
    draft.series = draft.series or above.series
    draft.position = draft.position or above.position or scan.range
    draft.title = draft.title or _fallback_title(draft, scan)


def _take_year_as_title(draft: Draft, scan: Scan) -> None:
    """`1984 - George Orwell`: a person and a year are an author and a title."""
    years = [word.raw for word in scan.words if word.label == "year" and not word.bracketed]
    if years and not draft.authors and not draft.position and likeness_to_people(draft.title or "") == SURE:
        draft.authors, draft.title = people_named(draft.title or ""), years[0]


def _plainly(position: Position | None) -> Position | None:
    """A position without the zeros that file names pad it with: `1-15` for `01-15`."""
    if position is None or position.part is not None:
        return position
    ends = dict.fromkeys(f"{end.normalize():f}" for end in (position.low, position.high))
    return msgspec.structs.replace(position, text="-".join(ends))


def _fallback_title(draft: Draft, scan: Scan) -> str | None:
    if draft.asides:
        return tidy(draft.asides.pop(0).text)
    meant = [word.raw for word in scan.words if word.label in ("year", "size", "counter")]
    return draft.series or (meant[0] if meant else None)
