"""Private servers for tests: each on a free loopback port with a folder of its own, gone when the tests end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sandbox.serve import free_port

_START_S = 60.0
_STOP_S = 30.0
_STARTS = 3  # a port that was free a moment ago may be taken


class Postgres(msgspec.Struct, frozen=True, kw_only=True):
    """A running PostgreSQL. Nothing in it survives, so nothing in it waits for the disk."""

    port: int
    programs: Path
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://bibliostat@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """A new database, as a copy of `template`; its address."""
        self._run("createdb", "--template", template, database)
        return self.url(database)

    def drop(self, database: str) -> None:
        self._run("dropdb", "--force", database)

    def _run(self, program: str, *arguments: str) -> None:
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--username", "bibliostat")
        command: list[str | Path] = [self.programs / program, *where, *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=_START_S)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL from Debian's packages or from the PATH; the test is skipped as `left out: postgresql` without it."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("left out: postgresql (no initdb in /usr/lib/postgresql/*/bin or on the PATH)")
    with _folder(owner=_postgres_user()) as folder:
        cluster = folder / "cluster"
        made: list[str | Path] = [
            programs / "initdb",
            "--pgdata",
            cluster,
            "--username",
            "bibliostat",
            "--auth",
            "trust",
        ]
        _run_as_owner([*made, "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"], folder)

        def command(port: int) -> list[str | Path]:
            settings = {
                "port": port,
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": folder,
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": 100,
            }
            return [programs / "postgres", "-D", cluster, *(f"--{name}={value}" for name, value in settings.items())]

        def ready(port: int) -> bool:
            asked: list[str | Path] = [programs / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(port)]
            return subprocess.run(asked, check=False, timeout=_START_S).returncode == 0

        with _server(command, ready, folder, stop=signal.SIGINT) as port:
            yield Postgres(port=port, programs=programs, folder=folder)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis that writes nothing to disk; its address. Skipped as `left out: redis` where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("left out: redis (no redis-server on the PATH)")
    with _folder(owner=None) as folder:

        def command(port: int) -> list[str | Path]:
            quiet: list[str | Path] = ["--save", "", "--appendonly", "no", "--dir", folder]
            return [program, "--port", str(port), "--bind", "127.0.0.1", *quiet]

        with _server(command, _redis_answers, folder, stop=signal.SIGTERM) as port:
            yield f"redis://127.0.0.1:{port}/0"


def _postgres_programs() -> Path | None:
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    if packaged:
        return packaged[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _postgres_user() -> str | None:
    """PostgreSQL refuses to run as root: then its own user runs it."""
    return "postgres" if os.geteuid() == 0 else None


@contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    """A folder straight below the temporary one: pytest's own are closed to other users, and socket paths are short."""
    folder = Path(tempfile.mkdtemp(prefix="bibliostat-test-"))
    try:
        if owner is not None:
            user = pwd.getpwnam(owner)
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner(folder: Path) -> dict[str, Any]:
    """Arguments for `subprocess` that run a program as the folder's owner."""
    owner = folder.stat().st_uid
    if owner == os.geteuid():
        return {"cwd": folder}
    return {"cwd": folder, "user": owner, "group": folder.stat().st_gid, "extra_groups": []}


def _run_as_owner(command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_START_S, check=False, **_as_owner(folder))
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


@contextmanager
def _server(
    command: Callable[[int], list[str | Path]], ready: Callable[[int], bool], folder: Path, *, stop: signal.Signals
) -> Iterator[int]:
    process, port = _started(command, ready, folder)
    try:
        yield port
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started(
    command: Callable[[int], list[str | Path]], ready: Callable[[int], bool], folder: Path
) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "server.log"
    for _ in range(_STARTS):
        port = free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_as_owner(folder)
            )
        if _wait_until_ready(process, partial(ready, port)):
            return process, port
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _START_S
    while process.poll() is None:
        if ready():
            return True
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            return False
        time.sleep(0.05)
    return False


def _redis_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
