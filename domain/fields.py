"""The kinds of value that a declared field can hold, each with its limits and its one canonical form."""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import Meta

from domain.languages import LANGUAGES, guess_language
from domain.nodes import Objection, Rule, did_you_mean, shown
from domain.positions import read_position

FORMATS = ("m4b", "mp3", "m4a", "flac", "ogg", "opus", "aac", "wma", "wav")
"""The audio formats that can be asked for."""

_RANGE = re.compile(r"(\d+\.?\d*|\.\d+)(\s*[-–]\s*(\d+\.?\d*|\.\d+))?")
_ASIN = re.compile(r"B[0-9A-Z]{9}|[0-9]{9}[0-9X]")
_PIN = re.compile(r"[0-9a-f]{40}|[0-9a-f]{16}")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/?#-]+")
_CRON_LIMITS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def isbn13(text: str) -> str | None:
    """Thirteen digits, from an ISBN of ten or thirteen with or without hyphens; None when the checksum fails."""
    digits = re.sub(r"[\s-]", "", text).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits) and digits.strip("0"):
        values = [10 if digit == "X" else int(digit) for digit in digits]
        valid = sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0
        return _with_check_digit(f"978{digits[:9]}") if valid else None
    if re.fullmatch(r"97[89][0-9]{10}", digits) and _with_check_digit(digits[:12]) == digits:
        return digits
    return None


def _with_check_digit(twelve: str) -> str:
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


def _name(text: str) -> str | Objection:
    if not re.search(r"[/#,]", text):
        return text
    slug = re.sub(r"[^\w.]+", "-", text.casefold()).strip("-")
    return Objection("must not hold `/`, `#` or a comma", f"write `{slug}`" if slug else "")


def _language(text: str) -> str | Objection:
    if text.casefold() in LANGUAGES:
        return text.casefold()
    code = guess_language(text)
    hint = f"did you mean `{code}`?" if code else "such as `en`"
    return Objection(f"{shown(text)} is not a two-letter language code of ISO 639-1", hint)


def _format(text: str) -> str | Objection:
    name = text.casefold().removeprefix(".")
    return name if name in FORMATS else Objection(f"{shown(text)} is not a known format", did_you_mean(name, FORMATS))


def _position(text: str) -> str | Objection:
    if read_position(text) is not None:
        return text
    return Objection(f"{shown(text)} is not a position in a series", "write it like `1`, `0.5` or `1-3`")


def _range(text: str) -> str | Objection:
    if _RANGE.fullmatch(text) and read_position(text) is not None:
        return text
    return Objection(f"{shown(text)} is not a position or a range", "write it like `1-8` or `9.5`")


def _asin(text: str) -> str | Objection:
    asin = text.upper()
    if _ASIN.fullmatch(asin):
        return asin
    return Objection(f"{shown(text)} is not an ASIN", "ten characters: B and nine letters or digits, or ten digits")


def _isbn(text: str) -> str | Objection:
    isbn = isbn13(text)
    if isbn is not None:
        return isbn
    return Objection(f"{shown(text)} is not an ISBN", "check the digits: the last one is a checksum over the others")


def _pin(text: str) -> str | Objection:
    pin = text.casefold()
    if _PIN.fullmatch(pin):
        return pin
    return Objection(
        f"{shown(text)} is not a release", "write an infohash (40 hex digits) or a release id (16 hex digits)"
    )


def _provider_ids(ids: dict[str, str]) -> dict[str, str] | Objection:
    if "audible" not in ids:
        return ids
    asin = _asin(ids["audible"])
    return asin if isinstance(asin, Objection) else {**ids, "audible": asin}


def _cron(text: str) -> str | Objection:
    fields = text.split()
    hint = "minute hour day month weekday, such as `0 3 * * 0`"
    if len(fields) != len(_CRON_LIMITS) or not all(map(_CRON_FIELD.fullmatch, fields)):
        return Objection(f"{shown(text)} is not a cron expression of five fields", hint)
    for field, (unit, least, most) in zip(fields, _CRON_LIMITS, strict=True):
        stated = re.findall(r"(?<![/\w])[0-9]+(?!\w)", field)
        if any(len(number) > 2 or not least <= int(number) <= most for number in stated):
            return Objection(f"{shown(field)} is not a {unit} ({least} to {most})", hint)
    return " ".join(fields)


def _ruled(rule: Rule, **limits: Any) -> Meta:
    return Meta(extra={"rule": rule}, **limits)


Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, _ruled(_name, min_length=1, max_length=100, extra_json_schema={"pattern": "^[^/#,]+$"})]
Language = Annotated[str, _ruled(_language, description="A two-letter code of ISO 639-1.")]
Format = Annotated[str, _ruled(_format, description=f"One of {', '.join(FORMATS)}.")]
PositionText = Annotated[str, _ruled(_position, min_length=1, description="A place in a series: 1, 0.5, 1-3.")]
Range = Annotated[str, _ruled(_range, min_length=1, description="A position or a range of them: 1-8, 9.5.")]
Asin = Annotated[str, _ruled(_asin, description="Ten characters.")]
Isbn = Annotated[str, _ruled(_isbn, description="Ten or thirteen digits; hyphens do not matter.")]
Pin = Annotated[str, _ruled(_pin, description="An infohash (40 hex digits) or a release id (16 hex digits).")]
Cron = Annotated[str, _ruled(_cron, description="minute hour day month weekday, in local time.")]
ProviderIds = Annotated[
    dict[Text, Text], _ruled(_provider_ids, description="What other catalogues call it, by catalogue.")
]

Priority = Annotated[int, Meta(ge=-1_000_000, le=1_000_000, description="Higher goes first.")]
Year = Annotated[int, Meta(ge=0, le=2100)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
GrabsPerDay = Annotated[int, Meta(ge=0, le=50)]
AtLeastOne = Annotated[int, Meta(ge=1, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=1_000_000)]
Seconds = Annotated[int, Meta(gt=0, le=31_536_000)]
Minutes = Annotated[int, Meta(gt=0, le=525_600)]
Hours = Annotated[float, Meta(gt=0, le=87_600)]
