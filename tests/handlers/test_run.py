"""`bibliostat run` as people run it: one process for ever, against the demo's world."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.sandbox import nox
from adapters.sandbox.world import RUNTIMES_MIN
from handlers.demo import Sandbox, sandbox

POLICY = """\
apiVersion: bibliostat/v1
kind: Policy
metadata: {name: here, owner: home}
spec: {bootstrap: apply, tick_s: 1, budgets: {free_disk_gb: 0.1}}
---
"""
BOOK = """\
apiVersion: bibliostat/v1
kind: Book
metadata: {{name: {name}, owner: home}}
spec: {{title: {title}, author: L. Frank Baum, series: Oz, position: "{position}", runtime_min: {minutes}}}
"""
PATIENCE_S = 60


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(nox, "installed", lambda: False)  # the stand-in is quicker, and is not what is tested here
    with sandbox(tmp_path / "world") as made:
        yield made


def eventually(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None, "the process ended by itself"
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_run_publishes_follows_edits_survives_a_broken_one_and_stops_when_told(world: Sandbox, tmp_path: Path):
    wanted = tmp_path / "wanted.yaml"
    wanted.write_text(POLICY + BOOK.format(name="tik-tok", title="Tik-Tok of Oz", position=8, minutes=RUNTIMES_MIN[8]))
    here = {name: value for name, value in os.environ.items() if not name.startswith("BIBLIOSTAT_")}
    environment = {**here, **world.environment, "BIBLIOSTAT_WANTED": str(wanted), "BIBLIOSTAT_LOG_LEVEL": "info"}
    library = world.built.library
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-c", "from handlers.cli import main; main()", "run"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)
        try:
            eventually(lambda: any(library.glob("*/Oz/08 - *")), process)

            wanted.write_text("this is: [not yaml")
            time.sleep(2.5)
            assert process.poll() is None
            good = POLICY + BOOK.format(
                name="scarecrow", title="The Scarecrow of Oz", position=9, minutes=RUNTIMES_MIN[9]
            )
            wanted.write_text(good)
            eventually(lambda: any(library.glob("*/Oz/09 - *")), process)

            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait()
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said
    assert world.environment["BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY"] not in said
    assert any(library.glob("*/Oz/08 - *")), "leaving the YAML deletes nothing"
