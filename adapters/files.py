"""The library's own file system: the way from a finished download into a book's folder, by one rename.

Files are gathered in `.bibliostat/<name>` inside the library folder: on the same file system, and hidden, so that the
library server does not see them before they are whole. Nothing in the library is ever merged or removed. A copy is
only replaced by a better one: it is moved to `.bibliostat/replaced/`, where it stays until a person removes it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

from adapters.audio import read_audio
from domain.errors import Conflict, Failure, Permanent, Transient
from domain.proof import AudioFile, is_audio
from domain.releases import TorrentFile
from domain.shelf_names import is_disc_folder

Mode = Literal["hardlink", "copy", "in_place"]

STAGING = ".bibliostat"
REPLACED = "replaced"
"""The folder in there that holds what was replaced, and beside each copy that is just being moved, a note (`.path`) of
where it stood. The note is locked by whoever moves it; one that nobody locks tells of an interruption."""
STAT_TIMEOUT_S = 15.0
"""A network file system that hangs must not hang the loop."""
_CHUNK_BYTES = 4 * 1024 * 1024

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LOCK = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR}
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES}


class LibraryFiles:
    """Stages and places books under `root`.

    `map_path` turns a path of the download client into one of this machine; free space is measured at `downloads`.
    With `expect_items` an empty `root` counts as a disk that is not mounted. Besides what each method says, all may
    raise `Transient` (`LibraryFolderMissing`, `DiskFull`, `FileSystemTrouble`) and `Permanent` (`PathNotWritable`,
    `UnsafePath`, `NameTooLong`).
    """

    def __init__(
        self,
        root: Path,
        *,
        mode: Mode,
        map_path: Callable[[str], str] = str,
        downloads: Path | None = None,
        expect_items: bool = False,
    ) -> None:
        self._root = root
        self._mode: Mode = mode
        self._map_path = map_path
        self._downloads = downloads
        self._expect_items = expect_items

    @property
    def separate(self) -> bool:
        """Whether the library holds links or copies of its own, so that a download's files are not the library's."""
        return self._mode != "in_place"

    def holds(self, local_path: str) -> bool:
        """Whether this path lies inside the library, by its real place."""
        return Path(local_path).resolve().is_relative_to(self._root.resolve())

    def local(self, client_path: str) -> str:
        """A path of the download client as this machine sees it."""
        return self._map_path(client_path)

    async def free_bytes(self) -> int | None:
        """Free space where downloads land; None when it cannot be known from here."""
        if self._downloads is None:
            return None
        try:
            async with asyncio.timeout(STAT_TIMEOUT_S):
                return (await asyncio.to_thread(shutil.disk_usage, self._downloads)).free
        except (OSError, TimeoutError):
            return None

    async def audio(self, files: Sequence[str]) -> tuple[AudioFile, ...]:
        """Read the audio of these local files. A file that cannot be read is in the answer, with its error."""
        return await asyncio.to_thread(lambda: tuple(map(read_audio, files)))

    async def stage(self, name: str, files: Sequence[tuple[str, str]]) -> None:
        """Link or copy (local source, relative target) into the staging folder `name`, from scratch; verify sizes.

        On any failure nothing is left behind. `Permanent`: `HardlinkImpossible`, `TargetTwice`, `NothingToStage`,
        `WrongMode`. `Transient`: `SourceMissing`, `SourceChanged`.
        """
        stop = threading.Event()
        work = asyncio.create_task(asyncio.to_thread(self._stage, name, files, stop))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            # A thread cannot be cancelled: ask it to stop, and let it clean up before anybody stages again.
            stop.set()
            with suppress(Failure):
                await work
            raise

    async def place(self, name: str, rel_path: str) -> None:
        """One rename of the staged folder to `rel_path`. Where the same files stand already, only the staging goes.

        `Conflict`: `FolderTaken` when something else stands there (also under a name that differs only in case), or
        when the book would lie inside another one; `StagingMissing` when there is nothing to place.
        """
        await asyncio.to_thread(self._place, name, rel_path)

    async def replace(self, name: str, rel_path: str, *, kept: str) -> None:
        """Put the staged folder in the place of the book at `rel_path`, which is kept as `.bibliostat/replaced/<kept>`.

        What is no audio there (cover, metadata, e-book) comes along, and counts more than what was staged. Two renames:
        between them nothing stands at `rel_path`. A failure there is undone at once; after a crash the next look at the
        library, by whichever process, puts the old book back.

        `Conflict`: `NothingToReplace` when no folder stands there, `StagingMissing`, `KeptTwice` when `kept` is taken.
        `Permanent`: `WrongMode` in in-place mode.
        """
        await asyncio.to_thread(self._replace, name, rel_path, kept)

    async def placed(self, rel_path: str) -> tuple[TorrentFile, ...] | None:
        """The files that stand at `rel_path`, with paths relative to it, sorted; None when nothing does."""
        return await asyncio.to_thread(self._placed, rel_path)

    async def discard(self, name: str) -> None:
        """Remove a staging folder that is not needed any more; it need not exist."""
        await asyncio.to_thread(lambda: _remove(self._staged(name)))

    async def leftovers(self) -> tuple[str, ...]:
        """Names of the staging folders that exist, sorted."""
        return await asyncio.to_thread(self._leftovers)

    async def in_place(self, source_folder: str) -> str | None:
        """In-place mode: this local download folder relative to the library; None in the other modes.

        Given a file, the folder of its book is meant: the one it is in, or the one above its disc folder. `Permanent`
        with code `NotInLibrary` when that lies elsewhere or is no visible folder of its own. `Transient` with code
        `SourceMissing` when it does not exist.
        """
        return await asyncio.to_thread(self._in_place, source_folder) if self._mode == "in_place" else None

    def _stage(self, name: str, files: Sequence[tuple[str, str]], stop: threading.Event) -> None:
        if self._mode == "in_place":
            raise Permanent("In-place mode stages nothing: downloads already stand in the library.", code="WrongMode")
        self._check_root()
        staged = self._staged(name)
        wanted = [(Path(source), staged / _relative(target)) for source, target in files]
        if not wanted:
            raise Permanent(f"There is no file to stage for {name}.", code="NothingToStage")
        _refuse_links_outside([source for source, _ in wanted])
        _remove(staged)
        bring = _link if self._mode == "hardlink" else _copy
        try:
            for source, target in wanted:
                _bring(source, target, bring, stop)
            _sync_folders(staged)
        except BaseException:
            with suppress(Failure):
                _remove(staged)
            raise

    def _place(self, name: str, rel_path: str) -> None:
        self._check_root()
        staged, target = self._staged(name), self._root / _visible(_relative(rel_path))
        if _look(staged) is None:
            raise Conflict(f"Nothing is staged under the name {name}; stage the files first.", code="StagingMissing")
        if _look(target) is not None:
            if not _holds_the_same(target, staged):
                raise _taken(target, "something else stands there already")
            _remove(staged)
            return
        self._refuse_bad_neighbours(target)
        with _made_folders(target.parent):
            _rename(staged, target)
        _sync(target.parent)
        _sync(staged.parent)

    def _replace(self, name: str, rel_path: str, kept: str) -> None:
        if self._mode == "in_place":
            raise Permanent(
                "In-place mode replaces nothing: downloads stand in the library themselves.", code="WrongMode"
            )
        self._check_root()
        staged, target = self._staged(name), self._root / _visible(_relative(rel_path))
        old = self._hall / REPLACED / _one_name(kept)
        if _look(staged) is None:
            raise Conflict(f"Nothing is staged under the name {name}; stage the files first.", code="StagingMissing")
        if not target.is_dir() or target.is_symlink():
            raise Conflict(f"{target} is no folder that could be replaced.", code="NothingToReplace")
        if _look(old) is not None:
            raise Conflict(f"{old} exists already; move it away.", code="KeptTwice")
        if not target.resolve().is_relative_to(self._root.resolve()):
            raise Permanent(f"{target} leads out of the library through a symbolic link.", code="UnsafePath")
        _carry_over(target, staged)
        _sync_folders(staged)
        with _calling("mkdir", old.parent):
            old.parent.mkdir(exist_ok=True)
        with _noted(old, rel_path):
            _rename(target, old)
            try:
                _rename(staged, target)
            except Failure:
                _rename(old, target)
                raise
            for folder in (target.parent, old.parent, self._hall):
                _sync(folder)

    def _put_back(self) -> None:
        """Undo every replacement that was interrupted. Who is in the middle of one holds the lock of its note."""
        for name in _names_in(self._hall / REPLACED):
            if name.endswith(_NOTE):
                self._put_back_one(self._hall / REPLACED / name)

    def _put_back_one(self, note: Path) -> None:
        with _calling("open", note):
            try:
                with open(note, "r+b", buffering=0) as opened:
                    if _locked(opened):
                        self._undo(note, os.fsdecode(opened.read()))
            except FileNotFoundError:
                return  # whoever held it is done

    def _undo(self, note: Path, rel_path: str) -> None:
        old = note.with_name(note.name.removesuffix(_NOTE))
        if _look(old) is not None:  # else it was not moved yet, and the note may not be written to its end
            target = self._root / _visible(_relative(rel_path))
            if _look(target) is None:
                with _made_folders(target.parent):
                    _rename(old, target)
                _sync(target.parent)
        with _calling("remove", note):
            note.unlink(missing_ok=True)

    def _placed(self, rel_path: str) -> tuple[TorrentFile, ...] | None:
        self._check_root()
        target = self._root / _relative(rel_path)
        seen = _look(target)
        if seen is None:
            return None
        files = _files(target) if stat.S_ISDIR(seen.st_mode) else {target.name: seen.st_size}
        return tuple(TorrentFile(path=path, size_bytes=size_bytes) for path, size_bytes in sorted(files.items()))

    def _leftovers(self) -> tuple[str, ...]:
        self._check_root()
        return tuple(sorted(set(_names_in(self._hall)) - {REPLACED}))

    def _in_place(self, source_folder: str) -> str:
        self._check_root()
        if _look(Path(source_folder)) is None:
            raise _missing(source_folder)
        source, root = Path(source_folder).resolve(), self._root.resolve()
        if not source.is_dir():
            source = source.parent.parent if is_disc_folder(source.parent.name) else source.parent
        inside = source.relative_to(root).parts if source.is_relative_to(root) else ()
        if not inside or any(part.startswith(".") for part in inside):
            raise Permanent(
                f"{source_folder} is not a folder of its own inside the library {self._root}: save downloads there, "
                "or publish by hardlink or copy.",
                code="NotInLibrary",
            )
        return "/".join(inside)

    def _check_root(self) -> None:
        """An unmounted disk shows as a folder that is missing, or empty although it should hold items."""
        if not self._hall.is_symlink():
            self._put_back()
        with _calling("list", self._root):
            try:
                is_empty = all(name.startswith(".") for name in os.listdir(self._root))
            except (FileNotFoundError, NotADirectoryError):
                raise _no_library(self._root, "does not exist") from None
        if is_empty and self._expect_items:
            raise _no_library(self._root, "is empty although it should hold items")

    @property
    def _hall(self) -> Path:
        return self._root / STAGING

    def _staged(self, name: str) -> Path:
        if _one_name(name) == REPLACED:
            raise Permanent(f"{name!r} is no name for a staging folder.", code="UnsafePath")
        if self._hall.is_symlink():
            raise Permanent(f"{self._hall} is a symbolic link; remove it.", code="UnsafePath")
        return self._hall / name

    def _refuse_bad_neighbours(self, target: Path) -> None:
        if not target.parent.resolve().is_relative_to(self._root.resolve()):
            raise Permanent(f"{target} leads out of the library through a symbolic link.", code="UnsafePath")
        for folder in target.parents:
            if folder == self._root:
                break
            if _is_a_book(folder):
                raise _taken(target, f"{folder} holds audio itself, so the server would take all below it for one book")
        for name in _names_in(target.parent):
            if name != target.name and _folded(name) == _folded(target.name):
                raise _taken(target, f"{name} beside it differs only in case")


# Failures, in the words of whoever has to put them right.


@contextmanager
def _calling(call: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise _failure(exc, call, path) from exc


def _failure(exc: OSError, call: str, path: Path) -> Failure:
    why = f"{call} failed on {path}: {exc.strerror or exc}"
    if exc.errno in _FULL:
        return Transient(f"{why}. Make room on that disk.", code="DiskFull")
    if exc.errno in _FORBIDDEN:
        who = f"user {os.geteuid()}, group {os.getegid()}"
        return Permanent(f"{why}. Give {who} the right to read and write there.", code="PathNotWritable")
    if exc.errno == errno.ENAMETOOLONG:
        return Permanent(f"{why}. Choose a shorter name.", code="NameTooLong")
    return Transient(f"{why}. It is tried again later.", code="FileSystemTrouble")


def _no_library(root: Path, why: str) -> Transient:
    return Transient(f"The library folder {root} {why}: is its disk mounted?", code="LibraryFolderMissing")


def _missing(source: str | Path) -> Transient:
    return Transient(
        f"{source} does not exist: was the download moved, or is a path mapping missing or wrong?", code="SourceMissing"
    )


def _taken(target: Path, why: str) -> Conflict:
    return Conflict(f"{target} cannot take the book: {why}. Move one of the two by hand.", code="FolderTaken")


def _no_hardlink(exc: OSError, source: Path, target: Path) -> Permanent:
    owner = " (the system may forbid links to files of other users)" if exc.errno == errno.EPERM else ""
    return Permanent(
        f"{source} cannot be hard-linked into {target.parent}: {exc.strerror}{owner}. Put downloads and library on one "
        "file system and, in containers, under one mount, or publish by copy.",
        code="HardlinkImpossible",
    )


# Paths.


def _relative(path: str) -> str:
    parts = path.split("/")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        parts = []
    if not parts or "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise Permanent(f"{path!r} is not a plain relative path.", code="UnsafePath")
    return path


def _one_name(name: str) -> str:
    if "/" in _relative(name):
        raise Permanent(f"{name!r} is no plain name of a folder.", code="UnsafePath")
    return name


def _visible(path: str) -> str:
    if any(part.startswith(".") for part in path.split("/")):
        raise Permanent(f"{path!r} is hidden: the library server would never see it.", code="UnsafePath")
    return path


def _refuse_links_outside(sources: Sequence[Path]) -> None:
    """A folder link in the download must not lead outside of it. A file that is a link is refused later."""
    if not all(source.is_absolute() for source in sources):
        raise Permanent("Files to stage must be given with absolute paths.", code="UnsafePath")
    folders = {source.parent for source in sources}
    around = Path(os.path.commonpath(folders)).resolve()
    for folder in folders:
        if not folder.resolve().is_relative_to(around):
            raise Permanent(f"{folder} leads out of its download through a symbolic link.", code="UnsafePath")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


# Looking.


def _look(path: Path) -> os.stat_result | None:
    """What stands there, links not followed; None only when nothing does."""
    with _calling("stat", path):
        try:
            return path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None


def _size_of_regular(path: Path) -> int:
    seen = _look(path)
    if seen is None:
        raise _missing(path)
    if not stat.S_ISREG(seen.st_mode):
        raise Permanent(f"{path} is not a regular file.", code="UnsafePath")
    return seen.st_size


def _files(folder: Path) -> Mapping[str, int]:
    """Relative path -> size in bytes of everything below that is no folder."""

    def refuse(exc: OSError) -> None:
        raise exc

    sizes: dict[str, int] = {}
    with _calling("list", folder):
        for at, _, names in os.walk(folder, onerror=refuse):
            for path in (Path(at, name) for name in names):
                sizes[path.relative_to(folder).as_posix()] = path.lstat().st_size
    return sizes


def _holds_the_same(standing: Path, staged: Path) -> bool:
    """Whether every staged file stands there with its size, and no other audio. The server may have added its own."""
    if not standing.is_dir():
        return False
    there, ours = _files(standing), _files(staged)
    extra = (TorrentFile(path=path, size_bytes=0) for path in there.keys() - ours.keys())
    return all(there.get(path) == size_bytes for path, size_bytes in ours.items()) and not any(map(is_audio, extra))


def _is_a_book(folder: Path) -> bool:
    """Whether the library server would take this folder for one book: audio in it, or in a disc folder in it."""
    names = _names_in(folder)
    discs = [f"{name}/{inner}" for name in names if is_disc_folder(name) for inner in _names_in(folder / name)]
    return any(is_audio(TorrentFile(path=path, size_bytes=0)) for path in (*names, *discs))


def _names_in(folder: Path) -> Sequence[str]:
    with _calling("list", folder):
        try:
            return os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return ()


# Doing.


def _bring(
    source: Path, target: Path, act: Callable[[Path, Path, threading.Event], None], stop: threading.Event
) -> None:
    size_bytes = _size_of_regular(source)
    with _calling("mkdir", target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    if _look(target) is not None:
        raise Permanent(f"Two files of one download would both be called {target.name}.", code="TargetTwice")
    act(source, target, stop)
    if _size_of_regular(target) != size_bytes:
        raise Transient(f"{source} changed while it was being staged.", code="SourceChanged")


def _link(source: Path, target: Path, stop: threading.Event) -> None:
    with _calling("link", target):
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as exc:
            if exc.errno in _NO_LINK:
                raise _no_hardlink(exc, source, target) from exc
            raise
    _refuse_if(stop)


def _copy(source: Path, target: Path, stop: threading.Event) -> None:
    with _calling("open", source):
        reading = os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0)
    with reading, _calling("write", target), open(target, "xb", buffering=0) as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            _refuse_if(stop)
            _write_whole(writing.write, chunk)
        os.fsync(writing.fileno())


def _write_whole(write: Callable[[memoryview], int | None], chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[write(rest) or 0 :]


def _refuse_if(stop: threading.Event) -> None:
    if stop.is_set():
        raise Transient("Staging was stopped.", code="Stopped")


_ABOUT_THE_AUDIO = frozenset({"cue", "m3u", "m3u8", "pls", "nfo", "log", "sfv", "md5", "sha1", "sha256"})


def _carry_over(standing: Path, staged: Path) -> None:
    """What lies beside the old audio, a cover, metadata, an e-book, belongs to the item and stays with it."""
    for path in _files(standing):
        ending = path.rpartition(".")[2].lower()
        if is_audio(TorrentFile(path=path, size_bytes=0)) or ending in _ABOUT_THE_AUDIO:
            continue
        if (staged / path).is_file():
            _remove(staged / path)
        _bring(standing / path, staged / path, _copy, threading.Event())


_NOTE = ".path"


@contextmanager
def _noted(old: Path, rel_path: str) -> Iterator[None]:
    """Write down what is being moved to `old`, and hold on to the note until that is done. A note that is left behind
    is looked at, and removed, by the next look at the library."""
    note = old.with_name(old.name + _NOTE)
    with _calling("write", note), open(note, "xb", buffering=0) as opened:
        # Somebody may have found it before it was locked, and removed it.
        if not _locked(opened) or os.fstat(opened.fileno()).st_nlink == 0:
            raise Transient(f"{note} is being looked at by another process.", code="FileSystemTrouble")
        _write_whole(opened.write, os.fsencode(rel_path))
        os.fsync(opened.fileno())
        _sync(note.parent)
        yield
        note.unlink(missing_ok=True)


def _locked(opened: IO[bytes]) -> bool:
    """Whether the lock is ours now. It goes with the process; a file system without locks has none that are held."""
    with _calling("lock", Path(opened.name)):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno not in _NO_LOCK:
                raise
    return True


@contextmanager
def _made_folders(folder: Path) -> Iterator[None]:
    """Make the folders that are missing, and take those away again if what follows fails."""
    missing = [one for one in (folder, *folder.parents) if _look(one) is None]
    made: list[Path] = []
    try:
        for one in reversed(missing):
            with _calling("mkdir", one):
                try:
                    one.mkdir(exist_ok=True)
                except (FileExistsError, NotADirectoryError) as exc:
                    raise _taken(folder, f"{one} or what is above it is a file") from exc
            made.append(one)
            _sync(one.parent)
        yield
    except BaseException:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir()
        raise


def _rename(staged: Path, target: Path) -> None:
    with _calling("rename", target):
        try:
            staged.rename(target)
        except OSError as exc:
            if exc.errno in _TAKEN:
                raise _taken(target, f"something came there meanwhile ({exc.strerror})") from exc
            raise


def _remove(path: Path) -> None:
    seen = _look(path)
    if seen is None:
        return
    with _calling("remove", path):
        if stat.S_ISDIR(seen.st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def _sync_folders(folder: Path) -> None:
    for at, _, _ in os.walk(folder):
        _sync(Path(at))
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    """So that a name survives a power cut. File systems that cannot do this for folders are left in peace."""
    with _calling("fsync", folder):
        try:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as exc:
            if exc.errno not in _NO_FSYNC:
                raise
