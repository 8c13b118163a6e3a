"""Tries on the real folders what publishing will do there, and says which call failed where. For `doctor`."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from adapters.files import Mode
from domain.findings import Finding

_FILES_LOOKED_AT = 1_000
_ONE_MOUNT = "Put downloads and library on one file system and, in containers, under one mount, or publish by copy."


def probe_paths(downloads: Path | None, library: Path, mode: Mode) -> tuple[Finding, ...]:
    """Write, link, rename and delete in each folder, and link from one to the other. Blocks; leaves nothing behind.

    What the mode does not need is never a failure: its answer is None. Downloads only have to be readable.
    """
    findings = [*_try_folder("library", library, needs_links=mode == "hardlink", needed=mode != "in_place")]
    if downloads is not None:
        findings += _try_folder("downloads", downloads, needs_links=False, needed=False)
        if downloads.is_dir() and library.is_dir():
            findings += [_same_file_system(downloads, library, mode), _try_hardlink(downloads, library, mode)]
    return tuple(findings)


def _try_folder(label: str, folder: Path, *, needs_links: bool, needed: bool) -> Iterator[Finding]:
    try:
        os.listdir(folder)
    except OSError as exc:
        yield Finding(f"{label}-folder", False, _failed("list", folder, exc), "Mount it, or correct the setting.")
        return
    yield Finding(f"{label}-folder", True, f"{folder} can be read")
    yield _free_space(label, folder)
    yield from _try_calls(label, folder, needs_links=needs_links, needed=needed)


def _try_calls(label: str, folder: Path, *, needs_links: bool, needed: bool) -> Iterator[Finding]:
    """Stops at the first call that fails and is needed by those after it."""
    with _probe_folder_name(folder) as probe:
        moved = probe.with_name(f"{probe.name}-moved")
        calls: tuple[tuple[str, Callable[[], object], bool], ...] = (
            ("write", lambda: _write(probe), needed),
            ("link", lambda: os.link(probe / "file", probe / "link"), needs_links),
            ("rename", lambda: probe.rename(moved), needed),
            ("delete", lambda: shutil.rmtree(moved), needed),
        )
        for call, act, is_needed in calls:
            try:
                act()
            except OSError as exc:
                user = f"Give user {os.geteuid()}, group {os.getegid()} the right to {call} in {folder}."
                to_do = _ONE_MOUNT if call == "link" else user
                message = _failed(call, folder, exc)
                yield Finding(
                    f"{label}-{call}",
                    False if is_needed else None,
                    message if is_needed else f"{message} (not needed)",
                    to_do if is_needed else "",
                )
                if call != "link":
                    return
            else:
                yield Finding(f"{label}-{call}", True, f"{call} works in {folder}")


def _try_hardlink(downloads: Path, library: Path, mode: Mode) -> Finding:
    """With a real download where there is one: files of another user may be forbidden where our own are not."""
    with _probe_folder_name(downloads) as own, _probe_folder_name(library) as probe:
        try:
            source = _some_file(downloads) or _write(own)
            probe.mkdir()
        except OSError as exc:
            return Finding("hardlink", None, f"could not be tried: {exc.strerror} ({exc.filename})")
        try:
            os.link(source, probe / "link", follow_symlinks=False)
        except OSError as exc:
            message = f"link from {source} to {library} failed: {exc.strerror}"
            if mode == "hardlink":
                return Finding("hardlink", False, message, _ONE_MOUNT)
            return Finding("hardlink", None, f"{message} (not needed)")
    return Finding("hardlink", True, f"{downloads} can be hard-linked into {library}")


def _same_file_system(downloads: Path, library: Path, mode: Mode) -> Finding:
    if downloads.stat().st_dev == library.stat().st_dev:
        return Finding("same-filesystem", True, f"{downloads} and {library} are on one file system")
    message = f"{downloads} and {library} are on different file systems or mounts"
    return Finding("same-filesystem", False, message, _ONE_MOUNT) if mode == "hardlink" else _unneeded(message)


def _unneeded(message: str) -> Finding:
    return Finding("same-filesystem", None, f"{message} (not needed)")


def _free_space(label: str, folder: Path) -> Finding:
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as exc:
        return Finding(f"{label}-space", None, _failed("statvfs", folder, exc))
    return Finding(f"{label}-space", True, f"{free_bytes / 1e9:.1f} GB free at {folder}")


def _some_file(folder: Path) -> Path | None:
    found = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    looked_at = islice(found, _FILES_LOOKED_AT)
    return next((path for path in looked_at if path.is_file() and not path.is_symlink()), None)


def _write(probe: Path) -> Path:
    probe.mkdir()
    file = probe / "file"
    file.write_bytes(b"bibliostat")
    return file


@contextmanager
def _probe_folder_name(folder: Path) -> Iterator[Path]:
    """A hidden name that nothing else has; whatever came to stand there is removed in the end."""
    probe = folder / f".bibliostat-probe-{secrets.token_hex(4)}"
    try:
        yield probe
    finally:
        for one in (probe, probe.with_name(f"{probe.name}-moved")):
            with suppress(OSError):
                shutil.rmtree(one)


def _failed(call: str, folder: Path, exc: OSError) -> str:
    return f"{call} failed on {folder}: {exc.strerror or exc}"
