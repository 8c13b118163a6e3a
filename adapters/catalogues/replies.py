"""Replies of catalogue sources, and what an adapter checks before it believes one (contracts: metadata, section 2)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from html.parser import HTMLParser
from typing import Any, Protocol, TypeVar

import msgspec

from domain.errors import Permanent, Transient

T = TypeVar("T")

LONGEST_BODY = 32 * 1024 * 1024
LONGEST_TEXT = 64 * 1024
MOST_ENTRIES = 5_000
SEARCH_S = 10.0
LIST_S = 30.0
DAY_S = 24 * 3600.0
DETAILS_S = 7 * DAY_S


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered to one request, whatever its status."""

    url: str
    """The address that was asked, with its query."""
    status: int = 200
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    body: bytes = b""
    asked: bytes = b""
    """The body of the request, for sources that are asked by POST."""


class Web(Protocol):
    """A polite way to one source: its budget, cache and back-off are kept in the store (`adapters.web`).

    Raises `Transient` when nothing was learnt (network, time-out, budget spent, host parked). Every status comes back
    as a `Reply`; `sound` judges it. A redirect is answered, not followed.
    """

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply: ...

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply: ...


def sound(source: str, reply: Reply, *, missing: Collection[int] = (404,), busy: Collection[int] = ()) -> bool:
    """Whether the reply holds an answer; False when the source says that there is nothing (`missing`).

    Raises `Transient` for what passes by itself, `Permanent` for a refusal that only a person or a new version ends.
    """
    status = reply.status
    if 200 <= status < 300:
        return True
    if status in busy or status in {408, 425, 429} or status >= 500:
        raise Transient(
            f"{source} cannot answer now (HTTP {status})", code="SourceBusy", retry_after_s=retry_after_s(reply)
        )
    if status in missing:
        return False
    if 300 <= status < 400:
        raise Transient(f"{source} answered with a redirect to elsewhere (HTTP {status})", code="SourceMoved")
    raise Permanent(f"{source} refused the question (HTTP {status})", code="SourceRefused")


def retry_after_s(reply: Reply) -> float | None:
    """Seconds of `Retry-After`; None when it is absent or a date."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if re.fullmatch(r"\d{1,7}", text) else None


def decoded(source: str, reply: Reply, shape: type[T]) -> T:
    """The body as JSON of this shape. Whatever is no JSON (a login page, half a body, nothing) is `Transient`."""
    if len(reply.body) > LONGEST_BODY:
        raise Transient(f"{source} sent more than {LONGEST_BODY >> 20} MiB", code="AnswerTooLarge")
    if reply.body.lstrip()[:1] not in (b"{", b"["):
        raise Transient(f"{source} sent something that is not JSON", code="NotJson")
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except msgspec.ValidationError as exc:
        raise Transient(f"{source} sent JSON of another shape ({exc})", code="WrongShape") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Transient(f"{source} sent JSON that breaks off or is none ({exc})", code="NotJson") from exc


def entries(source: str, value: object, *, what: str) -> list[Any]:
    """A list where a list is due, at most `MOST_ENTRIES` long."""
    if not isinstance(value, list):
        raise Transient(f"{source} sent no list of {what}", code="WrongShape")
    if len(value) > MOST_ENTRIES:
        raise Transient(f"{source} sent more than {MOST_ENTRIES} {what}", code="AnswerTooLarge")
    return value


_BIDI = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def text(value: object, *, longest: int = 1_000) -> str | None:
    """One line of text without control or bidirectional characters; None when there is none. A number is its digits."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list):
        pieces = (text(piece) for piece in value[:50] if not isinstance(piece, list))
        return text(", ".join(piece for piece in pieces if piece), longest=longest)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    spaced = "".join(" " if unicodedata.category(mark) in {"Cc", "Zl", "Zp"} else mark for mark in value)
    line = " ".join(_BIDI.sub("", spaced).split())
    return line[:longest] or None


def number(value: object) -> float | None:
    """A finite number, also one that was sent as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = float(value) if re.fullmatch(r"\s*-?\d{1,12}(\.\d{1,6})?\s*", value) else None
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None


def minutes(value: object, *, per_minute: float = 1.0) -> float | None:
    """A plausible length in minutes, up to 1,000 hours; None for what is none. 0 is how sources say unknown."""
    found = number(value)
    if found is None:
        return None
    length = found / per_minute
    return length if 0 < length <= 60_000 else None


def day(value: object) -> date | None:
    """The day of `2015-03-10` or `2015-03-10T08:00:00Z`; None for what is no date after 1000."""
    written = text(value)
    if not written:
        return None
    try:
        found = datetime.fromisoformat(written.replace("Z", "+00:00")).date()
    except ValueError:
        return None
    return found if found.year >= 1000 else None


def year(value: object) -> int | None:
    """The year of `1900`, `1900-05`, `1900-05-17`."""
    written = text(value) or ""
    found = re.match(r"(\d{4})(?:-|$|T)", written)
    return int(found[1]) if found and 1000 <= int(found[1]) <= 2200 else None


_ASIN = re.compile(r"B[0-9A-Z]{9}|\d{9}[\dX]")


def asin(value: object) -> str | None:
    """`asin:B0…` of what is spelt like an ASIN."""
    written = (text(value) or "").upper()
    return f"asin:{written}" if _ASIN.fullmatch(written) else None


def isbn(value: object) -> str | None:
    """`isbn:` with 13 digits, its checksum proved; None for `0`, for zeros and for misprints."""
    digits = re.sub(r"[^0-9X]", "", (text(value) or "").upper())
    if len(digits) == 10 and set(digits) != {"0"} and _isbn_10(digits):
        digits = _as_13(digits)
    if len(digits) == 13 and digits.isdigit() and digits[:3] in {"978", "979"} and set(digits[3:]) != {"0"}:
        total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
        return f"isbn:{digits}" if total % 10 == 0 else None
    return None


def _isbn_10(digits: str) -> bool:
    if "X" in digits[:-1]:
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0


def _as_13(digits: str) -> str:
    stem = f"978{digits[:9]}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return f"{stem}{-total % 10}"


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"script", "style"}
        self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)


def prose(value: object) -> str | None:
    """The words of a description, its markup taken off."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    words = _Words()
    words.feed(value)
    words.close()
    return text("".join(words.said), longest=LONGEST_TEXT)
