"""Is this release that book? Gates answer yes, possible or no; they are asked before any preference."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Answer(StrEnum):
    CONFIRMED = "confirmed"
    POSSIBLE = "possible"
    NO = "no"
    NOT_ASKED = "not asked"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule saw, against which limit, and what it answers. `gate` is identity, shape or duty."""

    gate: str
    rule: str
    """Stable CamelCase: `WrongVolume`, `Abridged`, `NoSeeders`."""
    answer: Answer
    seen: str = ""
    limit: str = ""
