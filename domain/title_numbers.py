"""The number in one piece of a title, and what stands around it: `Oz, Book 3`, `03 Ozma of Oz`, `Oz #1-3`."""

from __future__ import annotations

import re

import msgspec

from domain.names import LITTLE_WORDS, NUMBER_WORDS, fold, read_number, words_of
from domain.positions import Position, read_position


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A piece that holds a number: `name` stands before it, `title` behind it."""

    name: str = ""
    number: Position
    title: str = ""
    sure: bool = True
    """False for a bare number that may belong to the title: `17 Stories`, `Oz 3`."""
    whole: str = ""
    """The title where the number is part of it: `Barsoom: Book 2`."""


_VOLUME_WORD = r"(?:books?|bks?|vol(?:ume)?s?|no|num|number|nr|band|bd|tome?|buch|livre|libro|boek|bok|episode|novel)"
_NUMERAL = (
    r"(?:\d{1,4}(?:\.\d{1,2})?|(?-i:[IVXL]{1,6})|" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True)) + r")(?!\w)"
)
PHRASE = re.compile(
    rf"(?<![^\W_])(?:{_VOLUME_WORD}\b\.?\s*(?:the\s+)?#?|v\.?(?=\d)|#)\s*(?P<number>{_NUMERAL})"
    r"(?P<of>\s+(?:of|in)\s+(?:the\s+)?)?",
    re.IGNORECASE,
)
_BARE = r"#?\s?(?P<number>\d{1,3}(?:\.\d{1,2})?)"
_STRETCH = re.compile(
    rf"^(.*?)[\s,]*(?:\b{_VOLUME_WORD}\b|#)\.?\s?#?(\d{{1,3}}(?:\.\d)?)\s?[-–&]\s?#?(\d{{1,3}}(?:\.\d)?)$",
    re.IGNORECASE,
)
_COUNTED_OTHERWISE = words_of("season staffel part chapter act akt track disc disk cd side lesson level day phase age")
ALONE = re.compile(rf"^{_BARE}[.)]?$")
_CODE = re.compile(r"^[A-Z][A-Za-z]{0,6}(?P<number>\d{2}(?:\.\d)?)(?:\s+(?P<title>\S.*))?$")
_LEADING = re.compile(rf"^{_BARE}(?P<dot>[.)])?\s+(?P<title>[^\s\d].*|\d.*\D.*)$")
_TRAILING = re.compile(rf"^(?P<name>.*\S)[\s,]+{_BARE}$")
_BETWEEN = re.compile(r"(?<=\S)\s+#?(?P<number>\d{1,3}(?:\.\d{1,2})?)[\s,:]+(?=[^\W_])")


def counted(text: str) -> Counted | None:
    """The number of a piece, and what stands around it."""
    text = text.strip(" ,;:-")
    if (stretch := _STRETCH.match(text)) and (number := read_position(f"{stretch[2]}-{stretch[3]}")):
        return Counted(name=stretch[1].strip(" ,;:-"), number=number)
    led = _LEADING.match(text)
    if led and led["dot"] and (number := number_of(led["number"])):
        return Counted(number=number, title=led["title"])
    for found in reversed(list(PHRASE.finditer(text))):
        generic = found["of"] and fold(text[found.end() :]) in ("series", "saga", "trilogy", "")
        if generic or _is_own_name(text, found):
            return None
        if (number := number_of(found["number"])) is not None:
            return _phrased(text, found, number)
    if (found_alone := ALONE.match(text)) and (number := number_of(found_alone["number"])):
        return Counted(number=number)
    if (code := _CODE.match(text)) and (number := number_of(code["number"])):
        return Counted(number=number, title=code["title"] or "")
    if led and (number := number_of(led["number"])):
        return Counted(number=number, title=led["title"], sure=_looks_counted(text, led["number"]))
    if (trailing := _TRAILING.match(text)) and (number := number_of(trailing["number"])):
        return _trailing(text, trailing, number)
    return _between(text)


def _is_own_name(text: str, found: re.Match[str]) -> bool:
    """Whether a counting word belongs to the title itself: "The No. 1 Ladies"."""
    before = fold(text[: found.start()]).split()
    counts_no_book = found[0].casefold().startswith(("no", "num", "nr"))
    return bool(text[found.end() :].strip()) and set(before) <= LITTLE_WORDS and (bool(before) or counts_no_book)


def _looks_counted(text: str, number: str) -> bool:
    """Whether a bare number is written as volumes are: `03`, `2.5`, `#3`; not `3.0`."""
    padded = number.startswith("0") and number != "0"
    halved = "." in number and not re.fullmatch(r"\d+\.0", number)
    return padded or halved or f"#{number}" in text.replace(" ", "")


def _trailing(text: str, found: re.Match[str], number: Position) -> Counted | None:
    name, digits = found["name"].strip(" ,;:-"), found["number"]
    if not fold(name) or fold(name).split()[-1] in _COUNTED_OTHERWISE:
        return None
    sure = _looks_counted(text, digits)
    if not sure and (len(digits) > 2 or "." in digits or fold(name.split()[-1]) in LITTLE_WORDS):
        return None
    return Counted(name=name, number=number, sure=sure, whole="" if sure else text)


def _between(text: str) -> Counted | None:
    """`Oz 03 Ozma of Oz`; with a bare number only before a capital, and not in "The 39 Steps"."""
    for found in _BETWEEN.finditer(text):
        name, title, digits = text[: found.start()], text[found.end() :], found["number"]
        sure = _looks_counted(text, digits)
        plain = title[0].isupper() and len(digits) < 3 and fold(name).split()[-1:] != []
        plain = plain and fold(name).split()[-1] not in LITTLE_WORDS
        if (number := number_of(digits)) and (sure or plain):
            whole = text if ":" in found[0] and not sure else ""
            return Counted(name=name, number=number, title=title, sure=sure, whole=whole)
    return None


def _phrased(text: str, found: re.Match[str], number: Position) -> Counted:
    before, after = text[: found.start()].rstrip(" ,;-([#"), text[found.end() :]
    if found["of"]:
        return Counted(name=without_series_word(after), number=number, title=before.rstrip(":"))
    title = after.strip(" ,;:-.)]")
    counts_volumes = found[0].casefold().startswith(("vol", "v"))
    if title and before:
        kept = text if counts_volumes and after.lstrip().startswith(":") else ""
        return Counted(name=before.rstrip(": "), number=number, title=title, whole=kept)
    if before.endswith(":") or (before and counts_volumes):
        return Counted(name=before.rstrip(": "), number=number, title=title, whole=text)
    return Counted(name=before, number=number, title=title)


def without_series_word(name: str) -> str:
    """`Barsoom` of `Barsoom Series`."""
    return re.sub(r"\s+series$", "", name, flags=re.IGNORECASE)


def number_of(text: str) -> Position | None:
    """A numeral in digits, Roman or in words as a position, written plainly: `3` for `03`, `III` and `three`."""
    number = read_number(text.casefold()) if not text[:1].isdigit() else None
    position = read_position(text if number is None else str(number))
    if position is None:
        return None
    return msgspec.structs.replace(position, text=f"{position.low.normalize():f}")
