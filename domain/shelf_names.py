"""What Audiobookshelf reads from the path of a book folder, by its own rules (it has no option to change them).

A path is `[Author/[Series/]]Folder`; further folders above are ignored. The folder may hold, besides the title, an ASIN
in brackets, narrators in braces at its end, a number within the series, and a year in front.
"""

from __future__ import annotations

import re

import msgspec


class ShelfName(msgspec.Struct, frozen=True, kw_only=True):
    """A path as the library server understands it."""

    title: str
    subtitle: str | None = None
    """Only where the server's setting "parse subtitles" is on."""
    authors: tuple[str, ...] = ()
    series: str | None = None
    sequence: str | None = None
    """Without leading zeros: `1`, `0.5`."""
    narrators: tuple[str, ...] = ()
    year: str | None = None
    asin: str | None = None


_BREAK = " - "
_ASIN = re.compile(r"(?:^| )\[([A-Z0-9]{10})\](?= |$)")
_NARRATORS = re.compile(r"(.*) \{(.*)\}")
_YEAR = re.compile(r" *\(?([0-9]{4})\)? * - *(.+)")
_NUMBER = re.compile(
    r"(?P<label>vol\.? |volume |book )?(?P<number>[0-9]{0,3}(?:\.[0-9]{1,2})?)(?P<dot>\.?)(?: (?P<rest>.*))?",
    re.IGNORECASE | re.ASCII,
)
_DISC_FOLDER = re.compile(r"(?:cd|dis[ck])\s*[0-9]{1,3}", re.IGNORECASE)


def read_shelf_path(rel_path: str, *, parse_subtitle: bool = False) -> ShelfName:
    """Read a book folder's path, relative to the library. `parse_subtitle` as set on the server (default off)."""
    *above, folder = rel_path.split("/")
    series = above.pop() if len(above) > 1 else None
    author = above.pop() if above else None
    folder, asin = _take_asin(folder)
    folder, narrators = _take_narrators(folder)
    folder, sequence = _take_number(folder) if series else (folder, None)
    folder, year = _take_year(folder)
    title, cut, subtitle = folder.partition(_BREAK) if parse_subtitle else (folder, "", "")
    return ShelfName(
        title=title,
        subtitle=subtitle if cut and subtitle else None,
        authors=read_people(author or ""),
        series=series,
        sequence=sequence,
        narrators=read_people(narrators or ""),
        year=year,
        asin=asin,
    )


def is_disc_folder(name: str) -> bool:
    """Whether audio in a folder of this name belongs to the book in the folder above (`CD1`, `Disc 2`)."""
    return _DISC_FOLDER.fullmatch(name) is not None


def _take_asin(folder: str) -> tuple[str, str | None]:
    found = _ASIN.search(folder)
    if found is None:
        return folder.strip(), None
    return folder.replace(found[0], "", 1).strip(), found[1]


def _take_narrators(folder: str) -> tuple[str, str | None]:
    found = _NARRATORS.fullmatch(folder)
    return (found[1], found[2]) if found else (folder, None)


def _take_number(folder: str) -> tuple[str, str | None]:
    """The first part between ` - ` that is a number, or starts with one and a dot or with a word for volume.

    `101 Dalmatians` is none, `101. Dalmatians` is. A part that is empty reads as number 0.
    """
    parts = folder.split(_BREAK)
    for at, part in enumerate(parts):
        found = _NUMBER.fullmatch(part)
        if found and (not found["rest"] or found["label"] or found["dot"]):
            parts[at : at + 1] = [found["rest"]] if found["rest"] else []
            return _BREAK.join(parts), _plain_number(found["number"])
    return folder, None


def _plain_number(text: str) -> str:
    return f"{float(text or 0):g}"


def _take_year(folder: str) -> tuple[str, str | None]:
    found = _YEAR.match(folder)
    return (found[2], found[1]) if found else (folder, None)


# People. The server takes a name apart and puts first, middle and last name together again: honours, suffixes and
# nicknames are lost on the way.


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASIAN = re.compile(r"[\u4e00-\u9fff\u3040-\u30ff\u31f0-\u31ff]")
_NICKNAME = re.compile(r"\s(?:[‘’']([^‘’']+)[‘’']|[“”\"]([^“”\"]+)[“”\"]|\[([^\]]+)\]|\(([^)]+)\)),?\s")
_HONOURS = _words("dr miss mr mrs ms prof sir frau herr hr monsieur captain doctor judge officer professor ind misc mx")
_SUFFIXES = _words("esq esquire jr jnr sr snr 2 ii iii iv md phd j.d. ll.m. m.d. d.o. d.c. p.c. ph.d.")
_PREFIXES = _words("ab bar bin da dal de del della der di du ibn l' la le san st st. ste ter van vel ver vere von")
_CONJUNCTIONS = _words("& and et e of the und y")
_FIXED_CASE = {
    word.lower(): word
    for word in _words("e y av af da dal de del der di la le van den vel von II III IV J.D. LL.M. M.D. D.O. D.C. Ph.D.")
}


def read_people(text: str) -> tuple[str, ...]:
    """The people in an author folder or between braces: `A, B`, `A & B`, `A and B`, `A; B`, `Last, First`."""
    if not text:
        return ()
    separator = next((mark for mark in ("&", " and ", ";") if mark in text), ",")
    pieces = [piece.strip() for chunk in text.split(separator) for piece in chunk.split(",")]
    if _ASIAN.search(pieces[0]):
        return tuple(pieces)
    if len(pieces) > 1 and "," in text and _is_last_name(pieces[0]):
        pairs = zip(pieces[1::2], pieces[::2], strict=False)
        names = [f"{first} {last}" if first else last for first, last in pairs]
    else:
        names = [_plain_name(piece) for piece in pieces]
    return tuple(dict.fromkeys(name for name in names if name))


def _is_last_name(text: str) -> bool:
    """`Kishimi` and `von Mises` are; then the list is taken as `Last, First, Last, First`."""
    first, _ = _name_parts(text)
    return " " not in text or not first


def _plain_name(text: str) -> str:
    first, last = _name_parts(text)
    return f"{first} {last}" if first else last


def _name_parts(text: str) -> tuple[str, str]:
    """First with middle names, and last name."""
    text = text.strip()
    one_case = text in (text.upper(), text.lower())
    words = _without_nicknames(text).split(" ")
    words = words[:1] + [word for word in words[1:] if not _is_one_of(word, _SUFFIXES)]
    words = [word for word in words if not _is_one_of(word, _HONOURS)]
    words = _joined(words)
    if not words:
        return "", ""
    if one_case:
        words = [" ".join(map(_title_case, word.split(" "))) for word in words]
    first, middle = words[0] if len(words) > 1 else "", " ".join(words[1:-1])
    return f"{first} {middle}" if first and middle else first, words[-1]


def _without_nicknames(text: str) -> str:
    padded = f" {text} "
    for nickname in [found[0] for found in _NICKNAME.finditer(padded)]:
        padded = f" {padded.replace(nickname, ' ', 1).strip()} "
    return padded.strip()


def _is_one_of(word: str, known: frozenset[str]) -> bool:
    bare = word.removesuffix(".").lower()
    return bare in known or f"{bare}." in known


def _joined(words: list[str]) -> list[str]:
    """`van der Berg` is one last name, and so is `Simon and Schuster`."""
    words = list(words)
    for at in range(len(words) - 2, -1, -1):
        if words[at].lower() in _PREFIXES:
            words[at : at + 2] = [f"{words[at]} {words[at + 1]}"]
    at = len(words) - 3
    while at >= 0:
        if words[at + 1].lower() in _CONJUNCTIONS:
            words[at : at + 3] = [" ".join(words[at : at + 3])]
            at -= 1
        at -= 1
    return words


def _title_case(word: str) -> str:
    if word.lower() in _FIXED_CASE:
        return _FIXED_CASE[word.lower()]
    if len(word) > 2 and word[0] == word[0].upper() and word[1] == word[1].lower() and word[2:] == word[2:].upper():
        return word[:3] + word[3:].lower()
    return word[:1].upper() + word[1:].lower()
