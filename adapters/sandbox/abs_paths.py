"""What Audiobookshelf reads from the path of a book's folder, as its documentation describes and its results show."""

from __future__ import annotations

import re
import unicodedata

import msgspec

HONORIFICS = frozenset(
    ("mr", "mrs", "ms", "mx", "miss", "dr", "doctor", "prof", "professor", "sir", "captain", "judge", "officer")
)
SUFFIXES = frozenset(("jr", "jnr", "sr", "snr", "ii", "iii", "iv", "md", "phd", "esq", "esquire"))
LOWERED = frozenset(
    ("da", "dal", "de", "del", "der", "di", "la", "le", "van", "den", "vel", "von", "e", "y", "af", "av")
)

EAST_ASIAN = ("CJK UNIFIED", "HIRAGANA", "KATAKANA")
VOLUME_WORDS = frozenset(("vol", "vol.", "volume", "book"))

_ASIN = re.compile(r"\[[A-Z0-9]{10}\]")
_NUMBER = re.compile(r"\d{0,3}(\.\d\d?)?")
_YEAR = re.compile(r"\d{4}|\(\d{4}|\d{4}\)|\(\d{4}\)")


class PathMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The fields a path gives; None where it says nothing."""

    title: str
    subtitle: str | None = None
    authors: tuple[str, ...] = ()
    narrators: tuple[str, ...] = ()
    series: str | None = None
    sequence: str | None = None
    published_year: str | None = None
    asin: str | None = None


def read_path(rel_path: str, *, parse_subtitle: bool = False) -> PathMetadata:
    """Read `Author/Series/Title`; of a deeper path only the last three parts count.

    `parse_subtitle` is a server setting, off by default: what stands behind ` - ` is the subtitle then.
    """
    *parents, folder = rel_path.split("/")
    series = parents.pop() if len(parents) > 1 else None
    author = parents.pop() if parents else ""
    folder, asin = _take_asin(folder)
    folder, narrators = _take_narrators(folder)
    folder, sequence = _take_sequence(folder) if series else (folder, None)
    folder, year = _take_year(folder)
    title, _, subtitle = folder.partition(" - ") if parse_subtitle else (folder, "", "")
    return PathMetadata(
        title=title,
        subtitle=subtitle or None,
        authors=read_names(author),
        narrators=read_names(narrators),
        series=series,
        sequence=sequence,
        published_year=year,
        asin=asin,
    )


def _take_asin(folder: str) -> tuple[str, str | None]:
    words = folder.split(" ")
    asin = next((word for word in words if _ASIN.fullmatch(word)), None)
    if asin is None:
        return folder.strip(), None
    words.remove(asin)
    return " ".join(words).strip(), asin[1:-1]


def _take_narrators(folder: str) -> tuple[str, str]:
    title, brace, narrators = folder.rpartition(" {")
    return (title, narrators[:-1]) if brace and narrators.endswith("}") else (folder, "")


def _take_sequence(folder: str) -> tuple[str, str | None]:
    """`Vol 3 - Title`, `3. Title`, `Title - Book 3`: the first part that is a number, or is labelled as one."""
    parts = folder.split(" - ")
    for place, part in enumerate(parts):
        found = _volume(part)
        if found is not None:
            number, rest = found
            parts[place : place + 1] = [rest] if rest else []
            return " - ".join(parts), number
    return folder, None


def _volume(part: str) -> tuple[str, str] | None:
    """A number and what follows it. `101 Dalmatians` is a title: there a label or a dot would have to say otherwise."""
    word, blank, rest = part.partition(" ")
    labelled = bool(blank) and word.lower() in VOLUME_WORDS
    if labelled:
        word, _, rest = rest.partition(" ")
    number = word.removesuffix(".")
    if not _NUMBER.fullmatch(number) or (rest and not labelled and number == word):
        return None
    return f"{float(number or 0):g}", rest


def _take_year(folder: str) -> tuple[str, str | None]:
    """`1904 - Title` and `(1904) - Title`."""
    before, _, title = folder.partition("-")
    if title.strip() and before.endswith(" ") and _YEAR.fullmatch(before.strip()):
        return title.lstrip(), before.strip(" ()")
    return folder, None


def read_names(text: str) -> tuple[str, ...]:
    """Several people in one text: `A & B`, `A and B`, `A; B`, `A, B`, or `Last, First, Last, First`."""
    if not text:
        return ()
    by = next((mark for mark in ("&", " and ", ";") if mark in text), ",")
    parts = [part.strip() for chunk in text.split(by) for part in chunk.split(",")]
    if any(unicodedata.name(char, "").startswith(EAST_ASIAN) for char in parts[0]):
        return tuple(parts)
    if len(parts) > 1 and "," in text and _only_last(parts[0]):
        pairs = zip(parts[::2], parts[1::2], strict=False)
        names = [f"{first} {last}".strip() for last, first in pairs]
    else:
        names = [_full_name(part) for part in parts]
    return tuple(dict.fromkeys(name for name in names if name))


def _only_last(name: str) -> bool:
    """`Smith` or `von Mises`: a name of which nothing can be the first name."""
    words = name.split()
    return len(words) < 2 or words[0].casefold() in LOWERED


def _full_name(name: str) -> str:
    """`First Middle Last` without titles, suffixes and nicknames; capitals where there were none or only such."""
    words = re.sub(r"\s*(?:\([^)]*\)|\"[^\"]*\"|\[[^\]]*\])\s*", " ", name).split()
    while len(words) > 1 and words[0].rstrip(".").casefold() in HONORIFICS:
        words.pop(0)
    while len(words) > 1 and words[-1].replace(".", "").casefold() in SUFFIXES:
        words.pop()
    plain = " ".join(words)
    return _capitalised(words) if plain in (plain.lower(), plain.upper()) else plain


def _capitalised(words: list[str]) -> str:
    return " ".join(map(_capital, words))


def _capital(word: str) -> str:
    if word.lower() in LOWERED:
        return word.lower()
    if re.fullmatch(r"(?:\w\.)+", word):
        return word[:1].upper() + word[1:]
    return word[:1].upper() + word[1:].lower()
