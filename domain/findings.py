"""What a check of the surroundings found: one line of a doctor's report."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One check and its answer. `ok` is None when it could not be found out from here."""

    check: str
    """Stable, lower case with dashes: `library-write`, `hardlink`."""
    ok: bool | None
    message: str
    """What was seen, with the path and, on failure, the call and the system's own words."""
    what_to_do: str = ""
    """One sentence; empty when nothing needs doing."""
