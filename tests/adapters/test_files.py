from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.files import LibraryFiles
from adapters.path_checks import probe_paths
from adapters.paths import PathMap
from domain.errors import Conflict, Failure, Permanent, Transient
from domain.releases import TorrentFile

BOOK = "L. Frank Baum/Oz/03 - Ozma of Oz"
MODES = pytest.mark.parametrize("mode", ["hardlink", "copy"])


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    root.mkdir()
    return root


@pytest.fixture
def download(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads" / "Ozma of Oz"
    (folder / "Disc 1").mkdir(parents=True)
    (folder / "Disc 1" / "01.mp3").write_bytes(b"a" * 1000)
    (folder / "cover.jpg").write_bytes(b"picture")
    return folder


def shelf(library: Path, mode: str = "hardlink", **more: object) -> LibraryFiles:
    return LibraryFiles(library, mode=mode, **more)  # type: ignore[arg-type]


def pairs(download: Path) -> list[tuple[str, str]]:
    return [(str(download / "Disc 1/01.mp3"), "CD1/01.mp3"), (str(download / "cover.jpg"), "cover.jpg")]


def tree(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


PLACED = (TorrentFile(path="CD1/01.mp3", size_bytes=1000), TorrentFile(path="cover.jpg", size_bytes=7))


# The way from a download to the library.


@MODES
async def test_a_staged_book_stands_in_the_library_after_one_rename(library, download, mode):
    files = shelf(library, mode)

    await files.stage("7-oz", pairs(download))
    assert tree(library) == [".bibliostat/7-oz/CD1/01.mp3", ".bibliostat/7-oz/cover.jpg"]
    assert await files.placed(BOOK) is None
    await files.place("7-oz", BOOK)

    assert await files.placed(BOOK) == PLACED
    assert await files.leftovers() == ()
    assert tree(download) == ["Disc 1/01.mp3", "cover.jpg"]
    is_linked = (library / BOOK / "cover.jpg").stat().st_ino == (download / "cover.jpg").stat().st_ino
    assert is_linked == (mode == "hardlink")


@MODES
async def test_staging_starts_from_scratch_whatever_a_crash_left_behind(library, download, mode):
    files = shelf(library, mode)
    half = library / ".bibliostat/7-oz/CD1"
    half.mkdir(parents=True)
    (half / "01.mp3").write_bytes(b"half")
    (half / "stray.mp3").write_bytes(b"other")

    await files.stage("7-oz", pairs(download))

    assert tree(library) == [".bibliostat/7-oz/CD1/01.mp3", ".bibliostat/7-oz/cover.jpg"]
    assert (half / "01.mp3").stat().st_size == 1000
    assert (download / "Disc 1/01.mp3").stat().st_size == 1000


@MODES
async def test_placing_again_after_a_crash_changes_nothing(library, download, mode):
    files = shelf(library, mode)
    await files.stage("7-oz", pairs(download))
    await files.place("7-oz", BOOK)
    (library / BOOK / "metadata.json").write_text("written by the server")
    inode = (library / BOOK).stat().st_ino

    await files.stage("7-oz", pairs(download))
    await files.place("7-oz", BOOK)

    assert (library / BOOK).stat().st_ino == inode
    assert await files.leftovers() == ()


@pytest.mark.parametrize("standing", ["CD1/01.mp3", "other.m4b", "nothing"])
async def test_a_folder_that_holds_anything_else_is_never_touched(library, download, standing):
    files = shelf(library)
    there = library / BOOK / standing
    there.parent.mkdir(parents=True)
    if standing != "nothing":
        there.write_bytes(b"somebody's own")
    before = tree(library)
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Conflict) as failure:
        await files.place("7-oz", BOOK)

    assert failure.value.code == "FolderTaken"
    assert [path for path in tree(library) if not path.startswith(".")] == before


async def test_a_neighbour_that_differs_only_in_case_is_a_conflict(library, download):
    files = shelf(library)
    (library / "L. Frank Baum/Oz/03 - OZMA OF OZ").mkdir(parents=True)
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Conflict, match="differs only in case") as failure:
        await files.place("7-oz", BOOK)

    assert failure.value.code == "FolderTaken"


@pytest.mark.parametrize("stray", ["L. Frank Baum/stray.mp3", "L. Frank Baum/Oz/CD 1/01.mp3"])
async def test_a_book_is_not_put_inside_what_the_server_takes_for_another_book(library, download, stray):
    files = shelf(library)
    (library / stray).parent.mkdir(parents=True)
    (library / stray).write_bytes(b"sound")
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Conflict, match="holds audio itself"):
        await files.place("7-oz", BOOK)

    assert not (library / BOOK).exists()


async def test_a_file_where_a_folder_should_be_is_a_conflict(library, download):
    files = shelf(library)
    (library / "L. Frank Baum").write_text("a file")
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Conflict):
        await files.place("7-oz", BOOK)

    assert await files.placed(BOOK) is None


async def test_nothing_staged_cannot_be_placed(library):
    with pytest.raises(Conflict) as failure:
        await shelf(library).place("7-oz", BOOK)

    assert failure.value.code == "StagingMissing"
    assert not list(library.iterdir())


async def test_a_failed_rename_leaves_no_empty_folders(library, download, monkeypatch):
    files = shelf(library)
    await files.stage("7-oz", pairs(download))
    fail(monkeypatch, "rename", errno.EIO)

    with pytest.raises(Transient) as failure:
        await files.place("7-oz", BOOK)

    assert failure.value.code == "FileSystemTrouble"
    assert [path.name for path in library.iterdir()] == [".bibliostat"]
    assert await files.leftovers() == ("7-oz",)


async def test_leftovers_are_listed_and_discarded(library, download):
    files = shelf(library)
    assert await files.leftovers() == ()
    await files.stage("7-oz", pairs(download))
    await files.stage("8-oz", pairs(download))

    assert await files.leftovers() == ("7-oz", "8-oz")
    await files.discard("7-oz")
    await files.discard("never-was")

    assert await files.leftovers() == ("8-oz",)
    assert tree(download) == ["Disc 1/01.mp3", "cover.jpg"]


# Paths that lead elsewhere.


@pytest.mark.parametrize(
    "target", ["../out.mp3", "/etc/out.mp3", "a/../../out.mp3", "a\0.mp3", "", "a//b.mp3", ".", "\ud800"]
)
@MODES
async def test_no_target_leads_out_of_the_staging_folder(library, download, mode, target):
    files = shelf(library, mode)

    with pytest.raises(Permanent) as failure:
        await files.stage("7-oz", [(str(download / "cover.jpg"), target)])

    assert failure.value.code == "UnsafePath"
    assert tree(library) == []


@pytest.mark.parametrize("rel_path", ["../out", "/out", ".hidden/book", "Author/.book", "a/../b", "a\0"])
async def test_no_book_is_placed_out_of_sight_or_outside(library, download, rel_path):
    files = shelf(library)
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Permanent) as failure:
        await files.place("7-oz", rel_path)

    assert failure.value.code == "UnsafePath"
    assert [path.name for path in library.iterdir()] == [".bibliostat"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/a", "a\0"])
async def test_only_plain_names_are_staged_or_discarded(library, download, name):
    files = shelf(library)

    for act in (files.stage(name, pairs(download)), files.discard(name)):
        with pytest.raises(Permanent):
            await act

    assert tree(download) == ["Disc 1/01.mp3", "cover.jpg"]


@MODES
async def test_a_link_in_a_download_reaches_nothing_outside_of_it(library, download, tmp_path, mode):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.mp3").write_bytes(b"secret")
    (download / "linked.mp3").symlink_to(secret / "key.mp3")
    (download / "folder").symlink_to(secret)
    files = shelf(library, mode)

    for source in ("linked.mp3", "folder/key.mp3"):
        with pytest.raises(Permanent) as failure:
            await files.stage("7-oz", [*pairs(download), (str(download / source), "x.mp3")])
        assert failure.value.code == "UnsafePath"

    assert tree(library) == []


async def test_a_link_in_the_library_leads_no_book_out_of_it(library, download, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (library / "L. Frank Baum").symlink_to(tmp_path / "elsewhere")
    files = shelf(library)
    await files.stage("7-oz", pairs(download))

    with pytest.raises(Permanent) as failure:
        await files.place("7-oz", BOOK)

    assert failure.value.code == "UnsafePath"
    assert tree(tmp_path / "elsewhere") == []


async def test_a_linked_staging_hall_is_refused(library, download, tmp_path):
    (tmp_path / "elsewhere" / "7-oz").mkdir(parents=True)
    (library / ".bibliostat").symlink_to(tmp_path / "elsewhere")

    for act in (shelf(library).stage("7-oz", pairs(download)), shelf(library).discard("7-oz")):
        with pytest.raises(Permanent):
            await act

    assert (tmp_path / "elsewhere" / "7-oz").is_dir()


@MODES
async def test_two_files_of_one_name_are_refused_and_nothing_stays(library, download, mode):
    cover = str(download / "cover.jpg")

    with pytest.raises(Permanent) as failure:
        await shelf(library, mode).stage("7-oz", [(cover, "a.jpg"), (cover, "a.jpg")])

    assert failure.value.code == "TargetTwice"
    assert tree(library) == []


# What file systems refuse.


def fail(monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    """Let one call to the operating system fail as a full disk or a foreign file system would make it."""

    def refuse(*args: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)


@pytest.mark.parametrize(
    ("mode", "call", "code", "failure", "name"),
    [
        ("hardlink", "link", errno.EXDEV, Permanent, "HardlinkImpossible"),
        ("hardlink", "link", errno.EPERM, Permanent, "HardlinkImpossible"),
        ("hardlink", "link", errno.EOPNOTSUPP, Permanent, "HardlinkImpossible"),
        ("hardlink", "link", errno.ENOSPC, Transient, "DiskFull"),
        ("hardlink", "link", errno.EACCES, Permanent, "PathNotWritable"),
        ("hardlink", "link", errno.EIO, Transient, "FileSystemTrouble"),
        ("copy", "fsync", errno.ENOSPC, Transient, "DiskFull"),
        ("copy", "fsync", errno.EDQUOT, Transient, "DiskFull"),
        ("copy", "fsync", errno.EIO, Transient, "FileSystemTrouble"),
        ("copy", "mkdir", errno.EROFS, Permanent, "PathNotWritable"),
        ("copy", "mkdir", errno.ENAMETOOLONG, Permanent, "NameTooLong"),
    ],
)
async def test_a_refusal_is_named_and_leaves_nothing_behind(
    library, download, monkeypatch, mode, call, code, failure, name
):
    fail(monkeypatch, call, code)

    with pytest.raises(failure) as caught:
        await shelf(library, mode).stage("7-oz", pairs(download))

    assert caught.value.code == name
    assert str(library) in caught.value.message
    assert os.strerror(code) in caught.value.message
    assert tree(library) == []


@pytest.fixture
def foreign_library(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on another file system than the downloads."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    root = memory / f"bibliostat-{os.getpid()}"
    root.mkdir()
    yield root
    shutil.rmtree(root)


async def test_hard_links_across_file_systems_are_refused_and_never_replaced_by_a_copy(foreign_library, download):
    with pytest.raises(Permanent, match="publish by copy") as failure:
        await shelf(foreign_library).stage("7-oz", pairs(download))

    assert failure.value.code == "HardlinkImpossible"
    assert tree(foreign_library) == []
    findings = {finding.check: finding.ok for finding in probe_paths(download.parent, foreign_library, "hardlink")}
    assert (findings["hardlink"], findings["same-filesystem"]) == (False, False)


async def test_a_copy_crosses_file_systems(foreign_library, download):
    files = shelf(foreign_library, "copy")

    await files.stage("7-oz", pairs(download))
    await files.place("7-oz", BOOK)

    assert await files.placed(BOOK) == PLACED
    findings = {finding.check: finding.ok for finding in probe_paths(download.parent, foreign_library, "copy")}
    assert (findings["hardlink"], findings["same-filesystem"]) == (None, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_write_permission_is_named_with_the_call(library, download):
    library.chmod(0o555)
    try:
        with pytest.raises(Permanent, match="mkdir failed on") as failure:
            await shelf(library).stage("7-oz", pairs(download))
    finally:
        library.chmod(0o755)

    assert failure.value.code == "PathNotWritable"


@MODES
async def test_a_source_that_is_gone_is_tried_later(library, download, mode):
    with pytest.raises(Transient) as failure:
        await shelf(library, mode).stage("7-oz", [*pairs(download), (str(download / "02.mp3"), "02.mp3")])

    assert failure.value.code == "SourceMissing"
    assert tree(library) == []


async def test_a_library_that_is_not_mounted_is_not_an_empty_one(tmp_path, download):
    gone = shelf(tmp_path / "library")
    for act in (gone.placed(BOOK), gone.stage("7-oz", pairs(download)), gone.place("7-oz", BOOK), gone.leftovers()):
        with pytest.raises(Transient) as failure:
            await act
        assert failure.value.code == "LibraryFolderMissing"
    assert not (tmp_path / "library").exists()


async def test_an_empty_library_that_should_hold_items_is_not_mounted_either(library, download):
    with pytest.raises(Transient) as failure:
        await shelf(library, expect_items=True).stage("7-oz", pairs(download))

    assert failure.value.code == "LibraryFolderMissing"
    assert not list(library.iterdir())


async def test_a_copy_that_is_called_off_stops_and_cleans_up(library, download):
    for at in range(200):
        (download / f"{at}.mp3").write_bytes(b"x" * 200_000)
    many = [(str(download / f"{at}.mp3"), f"{at}.mp3") for at in range(200)]
    staging = asyncio.create_task(shelf(library, "copy").stage("7-oz", many))
    while not (library / ".bibliostat/7-oz").exists():  # noqa: ASYNC110 (a thread makes it, and sets no event)
        await asyncio.sleep(0)

    staging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await staging

    assert tree(library) == []


# In place, and the rest.


async def test_in_place_names_the_download_folder_within_the_library(library, tmp_path):
    (library / "Baum/Ozma/CD1").mkdir(parents=True)
    for file in ("lone.m4b", "Baum/Ozma/cover.jpg", "Baum/Ozma/CD1/01.mp3"):
        (library / file).write_bytes(b"x")
    files = shelf(library, "in_place")

    for inside in ("Baum/Ozma", "Baum/Ozma/cover.jpg", "Baum/Ozma/CD1/01.mp3"):
        assert await files.in_place(str(library / inside)) == "Baum/Ozma"
    for elsewhere in (tmp_path, library, library / "lone.m4b"):
        with pytest.raises(Permanent) as failure:
            await files.in_place(str(elsewhere))
        assert failure.value.code == "NotInLibrary"
    with pytest.raises(Transient):
        await files.in_place(str(library / "gone"))
    assert await shelf(library, "copy").in_place(str(tmp_path)) is None
    assert [shelf(library, mode).separate for mode in ("hardlink", "copy", "in_place")] == [True, True, False]


async def test_in_place_stages_nothing(library, download):
    with pytest.raises(Failure) as failure:
        await shelf(library, "in_place").stage("7-oz", pairs(download))

    assert failure.value.code == "WrongMode"


async def test_paths_of_the_client_are_mapped_and_free_space_is_measured_where_downloads_land(library, tmp_path):
    files = shelf(library, map_path=PathMap([("/data", str(tmp_path))]).local, downloads=tmp_path)

    assert files.local("/data/Oz") == f"{tmp_path}/Oz"
    assert (await files.free_bytes() or 0) > 0
    assert await shelf(library).free_bytes() is None
    assert await shelf(library, downloads=tmp_path / "gone").free_bytes() is None


async def test_audio_that_cannot_be_read_is_in_the_answer(library, download):
    read = await shelf(library).audio([str(download / "cover.jpg"), str(download / "gone.mp3")])

    assert [bool(file.error) for file in read] == [True, True]


# What doctor asks.


@pytest.mark.parametrize("mode", ["hardlink", "copy", "in_place"])
def test_good_folders_pass_every_check_and_nothing_is_left_in_them(library, download, mode):
    before = tree(download)

    findings = probe_paths(download.parent, library, mode)

    assert {finding.check for finding in findings if not finding.ok} == set()
    assert {"library-write", "library-rename", "downloads-folder", "hardlink", "same-filesystem"} <= {
        finding.check for finding in findings
    }
    assert list(library.iterdir()) == []
    assert tree(download) == before
    assert [path.name for path in download.parent.iterdir()] == ["Ozma of Oz"]


def test_a_missing_folder_is_one_finding_with_what_to_do(tmp_path, library):
    [finding] = [one for one in probe_paths(tmp_path / "gone", library, "hardlink") if one.ok is False]

    assert finding.check == "downloads-folder"
    assert str(tmp_path / "gone") in finding.message
    assert finding.what_to_do


@pytest.mark.parametrize(
    ("mode", "call", "failed"),
    [
        ("hardlink", "link", {"library-link", "hardlink"}),
        ("copy", "link", set()),
        ("copy", "rename", {"library-rename"}),
        ("copy", "mkdir", {"library-write"}),
        ("in_place", "mkdir", set()),
    ],
)
def test_the_call_that_fails_is_named_when_the_mode_needs_it(library, download, monkeypatch, mode, call, failed):
    fail(monkeypatch, call, errno.EPERM)

    findings = probe_paths(download.parent, library, mode)

    assert {finding.check for finding in findings if finding.ok is False} == failed
    for finding in findings:
        if finding.ok is False:
            assert os.strerror(errno.EPERM) in finding.message
            assert finding.what_to_do
    monkeypatch.undo()
    assert list(library.iterdir()) == []
    assert [path.name for path in download.parent.iterdir()] == ["Ozma of Oz"]


# A better copy in the place of the one that stands there.

KEPT = "2026-05-01-7-ozma-of-oz"
NEW = ["Ozma of Oz.m4b"]


@pytest.fixture
def standing(library: Path) -> Path:
    """An MP3 copy with what a person, and the server, put beside it."""
    folder = library / BOOK
    folder.mkdir(parents=True)
    for name in ("01.mp3", "02.mp3", "cover.jpg", "metadata.json", "Ozma of Oz.epub", "Ozma of Oz.cue"):
        (folder / name).write_bytes(f"old {name}".encode())
    return folder


@pytest.fixture
def better(tmp_path: Path) -> list[tuple[str, str]]:
    folder = tmp_path / "downloads" / "better"
    folder.mkdir(parents=True)
    (folder / "Ozma of Oz.m4b").write_bytes(b"b" * 5000)
    (folder / "cover.jpg").write_bytes(b"another picture")
    return [(str(folder / name), name) for name in ("Ozma of Oz.m4b", "cover.jpg")]


def below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@MODES
async def test_a_better_copy_takes_the_place_and_the_old_one_is_kept(library, standing, better, mode):
    files = shelf(library, mode)
    old = below(standing)
    await files.stage("7-oz", better)

    await files.replace("7-oz", BOOK, kept=KEPT)

    assert sorted(below(standing)) == ["Ozma of Oz.epub", "Ozma of Oz.m4b", "cover.jpg", "metadata.json"]
    assert (standing / "Ozma of Oz.m4b").stat().st_size == 5000
    assert below(library / ".bibliostat/replaced" / KEPT) == old
    assert await files.leftovers() == ()
    assert [path.name for path in (library / ".bibliostat/replaced").iterdir()] == [KEPT]


async def test_what_lay_beside_the_old_audio_counts_more_than_what_was_downloaded(library, standing, better):
    files = shelf(library)
    await files.stage("7-oz", better)
    await files.replace("7-oz", BOOK, kept=KEPT)

    assert (standing / "cover.jpg").read_bytes() == b"old cover.jpg"
    assert below(library.parent / "downloads/better")["cover.jpg"] == b"another picture"


@pytest.mark.parametrize("there", ["nothing", "a file", "a link"])
async def test_only_a_folder_is_replaced(library, better, tmp_path, there):
    files = shelf(library)
    place = library / BOOK
    place.parent.mkdir(parents=True)
    if there == "a file":
        place.write_bytes(b"sound")
    if there == "a link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    await files.stage("7-oz", better)

    with pytest.raises(Conflict) as failure:
        await files.replace("7-oz", BOOK, kept=KEPT)

    assert failure.value.code == "NothingToReplace"


async def test_what_was_kept_is_never_overwritten(library, standing, better):
    files = shelf(library)
    (library / ".bibliostat/replaced" / KEPT).mkdir(parents=True)
    before = below(standing)
    await files.stage("7-oz", better)

    with pytest.raises(Conflict) as failure:
        await files.replace("7-oz", BOOK, kept=KEPT)

    assert failure.value.code == "KeptTwice"
    assert below(standing) == before


async def test_nothing_staged_replaces_nothing(library, standing):
    with pytest.raises(Conflict) as failure:
        await shelf(library).replace("7-oz", BOOK, kept=KEPT)

    assert failure.value.code == "StagingMissing"
    assert (standing / "01.mp3").exists()


async def test_in_place_mode_replaces_nothing(library, standing):
    with pytest.raises(Permanent) as failure:
        await shelf(library, "in_place").replace("7-oz", BOOK, kept=KEPT)

    assert failure.value.code == "WrongMode"


@pytest.mark.parametrize("kept", ["..", "", "a/b", "/a", "a\0"])
async def test_what_is_kept_has_a_plain_name(library, standing, better, kept):
    files = shelf(library)
    await files.stage("7-oz", better)

    with pytest.raises(Permanent):
        await files.replace("7-oz", BOOK, kept=kept)

    assert (standing / "01.mp3").exists()


async def test_the_kept_copies_are_no_staging_folder(library, standing, better):
    files = shelf(library)

    for act in (files.stage("replaced", better), files.discard("replaced")):
        with pytest.raises(Permanent):
            await act


async def test_a_second_rename_that_fails_is_undone_at_once(library, standing, better, monkeypatch):
    files = shelf(library)
    before = below(standing)
    await files.stage("7-oz", better)
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target == standing and self.name == "7-oz":
            raise OSError(errno.EIO, "the disk is tired")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(Transient):
        await files.replace("7-oz", BOOK, kept=KEPT)

    assert below(standing) == before
    assert await files.leftovers() == ("7-oz",)
    assert not list((library / ".bibliostat/replaced").iterdir())


DIES = """
import asyncio, os, sys
from pathlib import Path
from adapters.files import LibraryFiles

root, staged, book, kept, after = sys.argv[1:]
left = [int(after)]

def dying(act):
    def call(*args, **more):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        return act(*args, **more)
    return call

for owner, name in ((Path, "rename"), (Path, "unlink"), (os, "fsync"), (os, "write")):
    setattr(owner, name, dying(getattr(owner, name)))
asyncio.run(LibraryFiles(Path(root), mode="hardlink").replace(staged, book, kept=kept))
"""


async def killed_at(moment: int, *arguments: str) -> int:
    """How a process ends that replaces a copy and dies after so many calls to the system."""
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES, *arguments, str(moment), env=environment)
    return await process.wait()


async def test_wherever_the_process_is_killed_one_whole_copy_stands_after_the_next_look(library, standing, better):
    files, old = shelf(library), below(standing)
    died_between = finished = 0
    for moment in range(40):
        await files.stage("7-oz", better)
        kept = f"{KEPT}-{moment}"
        ended = await killed_at(moment, str(library), "7-oz", BOOK, kept)
        died_between += not standing.exists()
        placed = await files.placed(BOOK)

        names = {file.path for file in placed or ()}
        assert ("01.mp3" in names) != ("Ozma of Oz.m4b" in names), f"killed at {moment}: {names}"
        assert not list((library / ".bibliostat/replaced").glob("*.path"))
        if "01.mp3" in names:
            assert below(standing) == old
        else:
            assert below(library / ".bibliostat/replaced" / kept) == old
            shutil.rmtree(standing)
            (library / ".bibliostat/replaced" / kept).rename(standing)
        if ended == 0:
            finished += 1
            break
        assert ended == 9

    assert died_between >= 1
    assert finished == 1


async def test_nobody_undoes_a_replacement_that_is_still_at_work(library, standing, better, monkeypatch):
    files, other = shelf(library), shelf(library)
    await files.stage("7-oz", better)
    rename, seen = Path.rename, []

    def looked_at(self: Path, target: Path) -> Path:
        if self.name == "7-oz":
            seen.append(other._placed(BOOK))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", looked_at)
    await files.replace("7-oz", BOOK, kept=KEPT)

    assert seen == [None]
    assert (standing / "Ozma of Oz.m4b").exists()


async def test_a_note_that_was_never_acted_on_is_only_removed(library, standing):
    (library / ".bibliostat/replaced").mkdir(parents=True)
    (library / f".bibliostat/replaced/{KEPT}.path").write_bytes(b"L. Frank Ba")
    before = below(standing)

    await shelf(library).placed("Nobody/Nothing")

    assert below(standing) == before
    assert not list((library / ".bibliostat/replaced").iterdir())


async def test_a_copy_is_put_back_even_where_its_folders_went_with_it(library, standing):
    kept = library / ".bibliostat/replaced" / KEPT
    kept.parent.mkdir(parents=True)
    old = below(standing)
    standing.rename(kept)
    shutil.rmtree(library / "L. Frank Baum")
    (kept.parent / f"{KEPT}.path").write_text(BOOK)

    await shelf(library, expect_items=True).placed("Nobody/Nothing")

    assert below(standing) == old
