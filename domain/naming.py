"""Where a book goes in the library, and what its files are called there.

The library server reads author, series, number, title and narrators back from the path (`domain.shelf_names` follows
its rules), so a folder's name is chosen by trying spellings until one is read back right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from domain.positions import Position
from domain.proof import is_audio, is_junk
from domain.releases import TorrentFile
from domain.shelf_names import ShelfName, is_disc_folder, read_people, read_shelf_path
from domain.wants import Want

__all__ = ["ShelfName", "file_names", "read_shelf_path", "shelf_path"]

LONGEST_BYTES = 255
"""Of one path component in UTF-8: the limit of ext4, and within those of NTFS and SMB."""


def shelf_path(want: Want, *, narrators: Sequence[str] = ()) -> str:
    """The folder of a book, relative to the library: `Author/Series/01 - Title {Narrator}`.

    Without a series `Author/Title {Narrator}`; without an author `Title {Narrator}`, because a lone series folder would
    be read as the author. Whole numbers have two digits, others stand as they are (`0.5`). Each component is safe on
    ext4, NTFS and SMB. The server reads back what was wanted, except for these, which the metadata write puts right:

    - A colon before a blank becomes ` -`, any other colon and `/ \\ |` become `-`, `"` becomes `'`, `< >` become
      parentheses; `? *`, control and invisible characters, surplus blanks, and dots at either end are dropped. Text is
      NFC. A name of which nothing is left is `Untitled`, one reserved by Windows gets an underscore.
    - A component is cut at 255 bytes: narrators go first, then authors from the last, then the end of the name.
    - In a title that would be misread, braces and brackets become parentheses, then ` -` becomes ` –`. In names of
      narrators braces always do.
    - Ranges (`1-3`), parts (`5p3`) and numbers above 999 are not written into the path.
    - A title that would itself be taken for a number (`300`, `Book 3`) and has none stands without its series.
    - Of people, honours, suffixes and nicknames are lost (`Sir`, `Jr.`, `"Jack"`), names in one case are capitalised,
      and a lone name with a separator in it (`A and B`, `B, A`) is read as several, or turned.
    """
    readers = _together([name for one in narrators if (name := _printable(one).translate(_PARENTHESES))])
    path = ""
    for above, number in _places(want):
        for title in _spellings(_name(want.title)):
            fitted, folder = _folder(number, title, readers)
            path = "/".join((*above, folder))
            if _is_read_back(path, number, fitted):
                return path
    return path


def _places(want: Want) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The folders above the book with the number in its own: first with the series, then without."""
    author = _authors([_name(name) for name in want.authors if _printable(name).strip(" .")])
    if author and want.series:
        yield (author, _cut(_name(want.series))), _number(want.position)
    yield ((author,) if author else ()), None


def _number(position: Position | None) -> str | None:
    """As the server can read it: up to three digits before the point and two behind it."""
    if position is None or not position.whole_book or not 0 <= position.low < 1000:
        return None
    whole, _, decimals = f"{position.low:f}".partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > 2:
        return None
    return f"{int(whole)}.{decimals}" if decimals else f"{int(whole):02d}"


def _folder(number: str | None, title: str, readers: str) -> tuple[str, str]:
    """The title as far as there is room for it, and the whole name of the folder."""
    front = f"{number} - " if number else ""
    if readers and len(f"{front}{title} {{{readers}}}".encode()) <= LONGEST_BYTES:
        return title, f"{front}{title} {{{readers}}}"
    title = _cut(title, LONGEST_BYTES - len(front.encode()))
    return title, f"{front}{title}"


def _is_read_back(path: str, number: str | None, title: str) -> bool:
    read = read_shelf_path(path)
    sequence = f"{float(number):g}" if number else None
    return (read.title, read.sequence) == (title, sequence) and not is_disc_folder(path.rpartition("/")[2])


def _spellings(title: str) -> Iterator[str]:
    yield title
    plainer = title.translate(_PARENTHESES)
    yield plainer
    yield plainer.replace(" -", " –")
    if is_disc_folder(title):
        # A folder called `CD 1` would turn the author's folder into one big book.
        yield re.sub(r"\s*(?=[0-9])", "-", title, count=1)


def _authors(names: Sequence[str]) -> str:
    while len(names) > 1 and len(_together(names).encode()) > LONGEST_BYTES:
        names = names[:-1]
    return _cut(_together(names))


def _together(names: Sequence[str]) -> str:
    """`A, B` where it is read back as these names, else `A & B` (names of one word would be read as last and first)."""
    joined = [mark.join(names) for mark in (", ", " & ", "; ")]
    return next((text for text in joined if read_people(text) == tuple(names)), joined[1])


# Characters.

_PARENTHESES = str.maketrans("{}[]", "()()")
_SAFE = str.maketrans({":": "-", "/": "-", "\\": "-", "|": "-", '"': "'", "<": "(", ">": ")", "?": None, "*": None})
_JOINERS = "\u200c\u200d"
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?= *(?:\.|$))", re.IGNORECASE)


def _name(text: str) -> str:
    """As a component of a path, but for its length."""
    shown = _printable(text).strip(" .")
    return _RESERVED.sub(r"\1_", shown, count=1) if _RESERVED.match(shown) else shown or "Untitled"


def _printable(text: str) -> str:
    """NFC, on one line, without what a file system or the server's scanner refuses (it skips `@eaDir`)."""
    kept = "".join(mark if not _is_invisible(mark) else "" for mark in re.sub(r"\s", " ", text))
    safe = re.sub(r":(?= )", " -", kept).translate(_SAFE).replace("@eaDir", "eaDir")
    return " ".join(unicodedata.normalize("NFC", safe).split())


def _is_invisible(mark: str) -> bool:
    return unicodedata.category(mark) in {"Cc", "Cs", "Cf", "Co", "Cn"} and mark not in _JOINERS


def _cut(text: str, limit: int = LONGEST_BYTES) -> str:
    """At most `limit` bytes, ending with a whole character."""
    return text.encode()[:limit].decode(errors="ignore").rstrip(" .") if len(text.encode()) > limit else text


# Files.

_KEPT_BESIDE_AUDIO = frozenset({"jpg", "jpeg", "png", "webp", "cue"})
_DISC_WORD = re.compile(r"\b(disc|disk|cd) ?(?=[0-9])", re.IGNORECASE)


def file_names(files: Sequence[TorrentFile]) -> Mapping[str, str]:
    """Torrent path -> path inside the book's folder, for those files of one book that belong into the library.

    These are audio, pictures and cue sheets. Left out are e-books (one would become the item's own e-book), text and
    metadata files (`metadata.json`, `.opf`, `.nfo`, `desc.txt`, `reader.txt` would outrank what is written later),
    programs, links and system files; and everything, if there is no audio.

    The folders around all audio are taken off. Folders that the server joins into one book stay, as `CD1`, `CD2`.
    Where there is any other folder with audio, the server would make a book of each: then everything goes into one
    folder, with a running number in front that keeps the order. No two names are equal, not even
    where case does not count.
    """
    kept = [
        file for file in files if is_audio(file) or (file.extension in _KEPT_BESIDE_AUDIO and not is_junk(file.path))
    ]
    audio = [file.path for file in kept if is_audio(file)]
    above = _folder_around(audio)
    inside = {file.path: _inside(file.path, above) for file in kept}
    ordered = sorted(audio, key=lambda path: _natural(inside[path]))
    flat = not all(_joined_by_the_server(inside[path]) for path in ordered)
    width = max(3, len(str(len(ordered))))
    wanted = {
        path: f"{at:0{width}d} - {_flat(inside[path])}" if flat else _with_discs(inside[path])
        for at, path in enumerate(ordered, 1)
    }
    for path in sorted(inside.keys() - wanted.keys(), key=lambda path: _natural(inside[path])):
        wanted[path] = (
            _with_discs(inside[path]) if not flat and _joined_by_the_server(inside[path]) else _flat(inside[path])
        )
    return _all_different(wanted) if audio else {}


def _folder_around(paths: Sequence[str]) -> tuple[str, ...]:
    """The longest folder that holds all of them."""
    folders = [PurePosixPath(path).parent.parts for path in paths]
    around = []
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1:
            break
        around.append(level[0])
    return tuple(around)


def _inside(path: str, above: tuple[str, ...]) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    return parts[len(above) :] if parts[: len(above)] == above else parts[-1:]


def _joined_by_the_server(parts: tuple[str, ...]) -> bool:
    return len(parts) == 1 or (len(parts) == 2 and is_disc_folder(parts[0]))


def _with_discs(parts: tuple[str, ...]) -> str:
    """`Disc 2` becomes `CD2`, which every version of the server joins."""
    *folders, name = parts
    return "/".join([*("CD" + re.sub(r"\D", "", folder) for folder in folders), _file_name(name)])


def _flat(parts: tuple[str, ...]) -> str:
    """One name. A disc's number in it would be taken for the order of the whole book, so it is put out of action."""
    return _file_name(_DISC_WORD.sub(r"\1-", " - ".join(parts)))


def _file_name(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return f"{_cut(_name(stem), LONGEST_BYTES - 40)}{dot}{extension}"


def _natural(parts: tuple[str, ...]) -> list[tuple[tuple[int, int, str], ...]]:
    """Sorts `2` before `10`, and the files of the book's folder before those of the folders in it."""
    return [_natural_word(part) for part in (parts if len(parts) > 1 else ("", *parts))]


def _natural_word(text: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"([0-9]+)", text.casefold())
    return tuple(_digits(piece) if at % 2 else (1, 0, piece) for at, piece in enumerate(pieces))


def _digits(text: str) -> tuple[int, int, str]:
    """Sorts as the number does, however long it is."""
    bare = text.lstrip("0")
    return 0, len(bare), bare


def _all_different(wanted: Mapping[str, str]) -> Mapping[str, str]:
    taken: set[str] = set()
    names: dict[str, str] = {}
    for path, name in wanted.items():
        stem, dot, extension = name.rpartition(".")
        free = next(
            one
            for at in range(1, len(wanted) + 2)
            if (one := _numbered(stem, at, dot + extension)).casefold() not in taken
        )
        taken.add(free.casefold())
        names[path] = free
    return names


def _numbered(stem: str, at: int, ending: str) -> str:
    return f"{stem}{ending}" if at == 1 else f"{stem} ({at}){ending}"
