"""The command as people and programs meet it: a process with an exit code, and two streams of text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

PATIENCE_S = 150.0


class Said(msgspec.Struct, frozen=True):
    """What one run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


NOBODY = {
    "BIBLIOSTAT_CATALOGUE_OFF": "audible,audiosilo,audnexus,openlibrary,librivox",
    "BIBLIOSTAT_INDEXERS_OFF": "librivox",
}
"""Nothing in a test leaves loopback: only who names stand-ins asks catalogues and indexers."""


def bibliostat(environment: Mapping[str, str], *arguments: str | Path, cwd: Path | None = None) -> Said:
    """Run it to its end. Nothing of this machine's own settings reaches it, and it never ends in a traceback."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BIBLIOSTAT_")}
    done = subprocess.run(
        [sys.executable, "-c", "from handlers.cli import main; main()", *map(str, arguments)],
        env={**own, "PYTHONPATH": str(Path(__file__).parents[2]), **NOBODY, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)
