"""What a title says beside who and what: its readers, its year, its language, whether it is music."""

from __future__ import annotations

import re
from typing import Literal

from domain.names import fold, words_of
from domain.person_names import SURE, likeness_to_people, people_named
from domain.title_draft import Draft
from domain.title_pieces import READER, facts_of
from domain.titles import Kind, Scan, kind_of, media_of

Medium = Literal["audiobook", "ebook", "music", "video"]

_END_OF_NAMES = re.compile(r"[()\[\]{}\"|;]|\s[-–—]|[-–—]\s|-(?=\d|audio|mp3|m4b)|\sby\s", re.IGNORECASE)
_CURLY = re.compile(r"\{([^{}]{3,80})\}")
MOST_NARRATORS = 10
_NOBODY = words_of("multiple various full cast voices narrators author the unknown a an")


def narrators_of(scan: Scan) -> tuple[str, ...]:
    """Who reads, as far as a title says: behind `read by`, or in curly brackets."""
    said = [_END_OF_NAMES.split(scan.text[found.end() : found.end() + 120])[0] for found in READER.finditer(scan.text)]
    said += [text for text in _CURLY.findall(scan.text) if likeness_to_people(text)]
    people = [name for text in said[:MOST_NARRATORS] for name in people_named(_without_facts(text), listed=True)]
    return tuple(dict.fromkeys(name for name in people if not set(fold(name).split()) & _NOBODY))


def _without_facts(text: str) -> str:
    """A text up to its first technical word."""
    scan = facts_of(text)
    end = next((word.start for word in scan.words if word.label not in ("", "plain")), len(scan.text))
    return scan.text[:end].strip(" ,.-")


_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_OLD_YEAR = re.compile(r"[(\[](1[5-8][0-9]{2})[)\]]")


def year_of(scan: Scan, draft: Draft) -> int | None:
    """The year in brackets, else the last one; never one that is the title."""
    if old := _OLD_YEAR.search(scan.text):
        return int(old[1])
    years = [
        word for word in scan.words if word.label == "year" and _YEAR.fullmatch(word.raw) and word.raw != draft.title
    ]
    bracketed = [word for word in years if word.bracketed]
    return int((bracketed or years)[-1].raw) if years else None


_GERMAN = words_of("das und des dem vom zum zur eine einer ist nicht für")


def language_of_words(title: str) -> str | None:
    """German where a title begins with an article that no other language has, or holds two such words."""
    words = title.casefold().split()
    led = words[:1] in (["der"], ["das"]) and len(words) > 1
    return "de" if led or sum(word in _GERMAN for word in words) > 1 else None


_SPOKEN = re.compile(
    r"\b(?:audio\s?books?|a-?books?|audible|narrated|read by|chapters|h(?:ö|oe)rb[uü]|аудиокнига|full[- ]cast)",
    re.IGNORECASE,
)
_SUNG = re.compile(
    r"\b(?:greatest hits|discography|soundtrack|remix(?:es)?|vinyl|eac|tracks|best of)\b|^VA\s|\bf?lossless\b",
    re.IGNORECASE,
)
_SCENE_MUSIC = re.compile(
    r"^[^-]+-(?:[^-]+-(?:(?:CD|CDS|CDM|CDR|EP|LP|WEB|VINYL|FLAC|NMR|[12]CD)-)+(?:19|20)\d\d|(?:19|20)\d\d-[^-]+)-\w+$"
)
_RATE_BEHIND_FORMAT = re.compile(r"\b(?:mp3|m4a|aac)[-@](\d{3})\b", re.IGNORECASE)
LOUD_KBPS, VERY_LOUD_KBPS = 190, 250
"""Speech is rarely coded at so much; with a person's name in front only the second tells music."""


def is_musical(scan: Scan) -> bool:
    """Whether a title describes music; never when anything says audiobook."""
    if media_of(scan) in ("video", "ebook") or _SPOKEN.search(scan.text) or re.search(r"\sby\s", scan.text):
        return False
    if "audiobook" in scan.signs or scan.abridged is not None or {"m4b", "aax", "aaxc"} & set(scan.formats):
        return False
    rate = _RATE_BEHIND_FORMAT.search(scan.text)
    loudness = max(scan.bitrate_kbps or 0, int(rate[1]) if rate else 0)
    person = likeness_to_people(re.split(r"\s-\s", scan.text)[0]) == SURE
    sung = bool(_SUNG.search(scan.text)) and bool({"flac", "mp3"} & set(scan.formats))
    loud = loudness >= (VERY_LOUD_KBPS if person or not scan.formats else LOUD_KBPS)
    lossless = "flac" in scan.formats and " - " in scan.text
    return loud or sung or lossless or bool(_SCENE_MUSIC.match(scan.text))


def media_named(facts: Scan) -> Medium | None:
    """The medium that a title names; music also where only the way of coding tells."""
    if is_musical(facts):
        return "music"
    media = media_of(facts)
    return "audiobook" if media in (None, "music") and _SPOKEN.search(facts.text) else media


def _is_set(draft: Draft) -> bool:
    """Whether words such as "series" and "saga" stand in the title, not only in the name of its series."""
    if draft.position is not None and not draft.position.single:
        return True
    if draft.series is None and not draft.quoted:
        return True
    title = facts_of(draft.title or "")
    title.read_shape()
    return "omnibus" in title.signs or draft.title == draft.series


def kind_named(scan: Scan, draft: Draft, media: Medium | None) -> Kind:
    """The form of a release, with what was found out about its series."""
    kind = kind_of(scan)
    if media == "music" and kind in ("single", "omnibus", "part"):
        return "music"
    if kind == "omnibus" and scan.range is None and not _is_set(draft):
        kind = "single"
    if kind != "single":
        return kind
    if draft.position is not None and not draft.position.single:
        return "omnibus"
    full_cast = re.search(r"\bfull[- ]cast\b", scan.text, re.IGNORECASE) and scan.abridged is not False
    return "dramatized" if full_cast else kind
