"""A case as people write it down: what is wanted, what is offered, and the verdicts of the gates on each offer.

Liberal in the shapes it reads, since every tool writes a number, a list or a series in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from domain.gates import Answer, Verdict, answer, judge
from domain.languages import read_language
from domain.manifest import ProfileSpec
from domain.names import fold
from domain.positions import read_position
from domain.preference import order
from domain.releases import Release, SeriesName
from domain.wants import Want

Text = str | int | float | None


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    """A person, a series or a category, where it is given as an object."""

    name: Text = None
    position: Text = None
    id: Text = None


Texts = Text | _Named | list[Text | _Named]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The book that is wanted; only its title is needed."""

    title: str
    authors: Texts = None
    series: Texts = None
    position: Text = None
    narrator: Texts = None
    narrators: Texts = None
    language: str | None = None
    """A name or a code; `any` for every language; null for those of the profile."""
    runtime_min: Text = None
    duration_min: Text = None
    """Another name of `runtime_min`."""
    abridged: bool | None = None
    asin: str | None = None
    other_titles: Texts = None
    media: Literal["audiobook", "any"] | None = None
    form: Literal["single", "omnibus", "dramatized"] | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One release as an indexer offers it. What is missing or null is not known."""

    title: Text = None
    authors: Texts = None
    narrators: Texts = None
    series: Texts = None
    category: Texts = None
    filetypes: Texts = None
    size_bytes: Text = None
    files: Text = None
    seeders: Text = None
    language: Texts = None
    tags: Texts = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    answer: Answer
    gates: tuple[Verdict, ...]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    chosen: int | None
    """Place of the release that would be taken unattended, from 0; None when none would be."""
    verdicts: tuple[Judged, ...]


NOT_ASKED = Verdict(gate="duty", rule="NotAsked", answer=Answer.NOT_ASKED)
"""Ratio, slots, disk and living seeders are facts of a moment; here only the book is asked for."""


def judge_all(want: Want, candidates: Sequence[Candidate]) -> Judgement:
    """Every candidate judged, and the best of those that are confirmed."""
    releases = [release_of(place, one) for place, one in enumerate(candidates)]
    verdicts = [_without_duty(judge(want, release)) for release in releases]
    answers = [answer(given) for given in verdicts]
    ordered = order(want, list(zip(releases, answers, strict=True)))
    best = next((release for release, given in ordered if given is Answer.CONFIRMED), None)
    return Judgement(
        chosen=None if best is None else releases.index(best),
        verdicts=tuple(Judged(index=place, answer=answers[place], gates=given) for place, given in enumerate(verdicts)),
    )


def _without_duty(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    return (*(verdict for verdict in verdicts if verdict.gate != "duty"), NOT_ASKED)


def want_of(wanted: Wanted, profile: ProfileSpec) -> Want:
    """The want that a line describes."""
    if not fold(wanted.title):
        raise msgspec.ValidationError("`wanted.title` names no book: it holds neither letters nor digits")
    series = next(_series(wanted.series), None)
    spoken = fold(wanted.language or "")
    language = None if spoken in ("", "any") else read_language(wanted.language) or spoken
    if spoken:
        profile = msgspec.structs.replace(profile, languages=(language,) if language else ())
    runtime_min = _number(wanted.runtime_min) or _number(wanted.duration_min)
    position = wanted.position if wanted.position is not None else (series.position if series else None)
    return Want(
        key="wanted",
        title=wanted.title,
        authors=_texts(wanted.authors),
        series=series.name if series else None,
        position=read_position(position),
        narrators=_texts(wanted.narrators) or _texts(wanted.narrator),
        language=language,
        abridged=wanted.abridged,
        runtime_min=runtime_min or None,
        asin=wanted.asin,
        other_titles=_texts(wanted.other_titles),
        media=wanted.media or "audiobook",
        form=wanted.form or "single",
        profile=profile,
    )


def release_of(place: int, candidate: Candidate) -> Release:
    """A candidate as an indexer's adapter would hand it over; its id is its place."""
    category = _texts(candidate.category)
    numbers = [text for text in category if text.isdecimal() and len(text) < 7]
    return Release(
        id=f"{place:016x}",
        indexer="judge",
        title=" ".join(_texts(candidate.title)),
        authors=_texts(candidate.authors) or None,
        narrators=_texts(candidate.narrators) or None,
        series=tuple(_series(candidate.series)) or None,
        language=next(iter(_texts(candidate.language)), None),
        filetypes=_texts(candidate.filetypes) or None,
        category=", ".join(category) or None,
        categories=tuple(int(text) for text in numbers),
        tags=", ".join(_texts(candidate.tags)) or None,
        size_bytes=_number(candidate.size_bytes) or None,
        files=_number(candidate.files) or None,
        seeders=_number(candidate.seeders),
    )


def _texts(given: Texts) -> tuple[str, ...]:
    """What says something in a text, a number, an object with a name, or a list of these."""
    listed = given if isinstance(given, list) else [given]
    pieces = [(one.name if one.name is not None else one.id) if isinstance(one, _Named) else one for one in listed]
    texts = [f"{piece:g}" if isinstance(piece, float) else str(piece).strip() for piece in pieces if piece is not None]
    return tuple(text for text in texts if text)


_COUNTED = re.compile(r"(.*?\w)[\s,]*(?:#|\b(?:book|vol(?:ume)?|no)\.?\s)\s*#?(\d[\d.,\s-]*)", re.IGNORECASE)
"""`Oz, Book 3` and `Oz #3`, where a series is given as one text."""


def _series(given: Texts) -> Iterator[SeriesName]:
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, _Named):
            names, position = _texts(one.name), " ".join(_texts(one.position)) or None
        else:
            counted = _COUNTED.fullmatch(one) if isinstance(one, str) else None
            names, position = ((counted[1],), counted[2].strip()) if counted else (_texts(one), None)
        if names:
            yield SeriesName(name=names[0], position=position)


def _number(given: Text) -> int | None:
    try:
        return max(0, round(float(given))) if given is not None else None
    except (ValueError, OverflowError):
        return None
