"""Text from indexers made safe and comparable: titles, and addresses without the keys they carry."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from urllib.parse import urlsplit

TITLE_CHARS = 1_000
_INPUT_CHARS = 20 * TITLE_CHARS
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_SECRETS = (
    "api_?key|jackett_apikey|pass_?key|torrent_?pass|auth_?key|rss_?key|auth|token|secret|pass|password|pid|mam_id|dl"
)
_SECRET_PAIR = re.compile(rf"([?&;])(?:{_SECRETS})=[^&;#\s]*", re.IGNORECASE)
_NAMED_SECRET = re.compile(rf"\b(?:{_SECRETS})\s*[=:]\s*\S+", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|magnet:)\S+", re.IGNORECASE)


def clean_title(text: str) -> str:
    """One line for people and for matching: entities decoded (twice at most), no tags, no control characters, one kind
    of blank, NFC, `TITLE_CHARS` at most. Empty when nothing is left.
    """
    text = text[:_INPUT_CHARS]
    for _ in range(2):
        text = html.unescape(text)
    text = "".join(map(_visible, _TAG.sub(" ", text)))
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return text if len(text) <= TITLE_CHARS else _shortened(text)


def _visible(character: str) -> str:
    """Invisible characters vanish (zero width, direction marks); control characters separate words."""
    match unicodedata.category(character):
        case "Cf" | "Cs":
            return ""
        case "Cc":
            return " "
        case _:
            return character


def _shortened(text: str) -> str:
    head = text[: TITLE_CHARS - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[TITLE_CHARS // 2 :] else head) + "…"


def without_secrets(address: str) -> str:
    """The address without the query parameters that are known to hold keys."""
    bare = _SECRET_PAIR.sub(r"\1", address)
    return re.sub(r"&{2,}", "&", bare).replace("?&", "?").rstrip("?&;")


def public_address(address: str) -> str | None:
    """An http(s) address that may be shown to people, or None: no keys, no user name, no password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return without_secrets(address)


def fingerprint(*parts: str) -> str:
    """Four hex digits: enough to notice that an address or a key was changed, too few to prove a guess at it."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:4]


def quoted(words: str, *secrets: str) -> str:
    """What a server said, fit for an error message: short, on one line, without addresses and without these secrets."""
    for secret in filter(None, secrets):
        words = words.replace(secret, "…")
    said = _NAMED_SECRET.sub("…", _ADDRESS.sub("…", clean_title(words)))
    return said if len(said) <= 200 else said[:199] + "…"
