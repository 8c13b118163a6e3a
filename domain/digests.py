"""Short names of what a person may approve: a plan, a first run, a catalogue that grew."""

from __future__ import annotations

import hashlib

import msgspec


def digest_of(*parts: object) -> str:
    """12 hex digits over the parts, for a person to copy."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:12]
