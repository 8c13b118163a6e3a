"""What the library should hold: one `Want` per book, with what counts as having it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from statistics import median
from typing import Literal

import msgspec

from domain.manifest import ProfileSpec
from domain.positions import Position


class MemberKind(StrEnum):
    """What a work is within a series (contracts: metadata, section 4.6)."""

    PRIMARY = "primary"
    PREQUEL = "prequel"
    NOVELLA = "novella"
    SHORT = "short"
    EXTRACT = "extract"
    COMPANION = "companion"
    OMNIBUS = "omnibus"
    PART = "part"
    OTHER_AUTHOR = "other-author"
    FOREIGN_ONLY = "foreign-only"
    PLACEHOLDER = "placeholder"
    UNPLACED = "unplaced"


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """One book the library should hold. Compared by value; identified by `key`."""

    key: str
    """Readable and minted once: `baum-l-frank/tik-tok-of-oz`."""
    title: str
    authors: tuple[str, ...] = ()
    series: str | None = None
    position: Position | None = None
    kind: MemberKind = MemberKind.PRIMARY
    narrators: tuple[str, ...] = ()
    """Asked for by name; empty means any."""
    language: str | None = None
    """ISO 639-1; None means any language of the profile."""
    abridged: bool | None = None
    """None follows the profile."""
    runtime_min: int | None = None
    """Stated by a person: the recording that is meant."""
    runtimes_min: tuple[int, ...] = ()
    """Of the recordings that the catalogue knows and the profile takes: any of them is the book."""
    asin: str | None = None
    isbn: str | None = None
    asins: tuple[str, ...] = ()
    """Of the recordings that the catalogue knows and the profile takes."""
    other_titles: tuple[str, ...] = ()
    """Other names of the same book, and of what stands at its number in its stead."""
    sets: tuple[str, ...] = ()
    """Titles and ASINs of sets that are known to hold this book."""
    media: Literal["audiobook", "any"] = "audiobook"
    form: Literal["single", "omnibus", "dramatized"] = "single"
    profile: ProfileSpec = ProfileSpec()
    pinned: str | None = None
    """An infohash or a release id that a person chose."""
    released: date | None = None
    priority: int = 0
    turn: int = 0
    """Among wants of one priority, lower goes first: the next book of a begun series before an author's others."""
    waits: tuple[str, str] | None = None
    """Code and message of what the catalogue waits for: a date, a recording, a person's yes."""
    owner: str = "home"
    suspend: bool = False
    because: tuple[str, ...] = ()
    """Which documents want it, with their place: `Series/oz (wanted/oz.yaml:1)`."""

    @property
    def lengths_min(self) -> tuple[int, ...]:
        """In minutes: the one that was stated, else those of all recordings that are known."""
        return (self.runtime_min,) if self.runtime_min else self.runtimes_min

    @property
    def usual_min(self) -> int | None:
        """The usual length in minutes; None when none is known."""
        return round(median(self.lengths_min)) if self.lengths_min else None

    @property
    def name(self) -> str:
        """How people call it: `Tik-Tok of Oz (Oz 8)`."""
        if not self.series or self.kind is MemberKind.PLACEHOLDER:
            return self.title
        return (
            f"{self.title} ({self.series} {self.position.text})" if self.position else f"{self.title} ({self.series})"
        )


class Unwanted(msgspec.Struct, frozen=True, kw_only=True):
    """A book that a document mentions and that is not wanted, with the rule that said so."""

    document: str
    title: str
    code: str
    message: str
