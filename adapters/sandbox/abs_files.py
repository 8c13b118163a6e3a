"""The books that Audiobookshelf finds in a folder: which files make one book, their tags and their length."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec
import mutagen

from adapters.sandbox.abs_paths import PathMetadata, read_names, read_path

AUDIO = frozenset(
    (".m4b", ".mp3", ".m4a", ".flac", ".opus", ".ogg", ".oga", ".mp4", ".aac", ".wma", ".aiff", ".aif", ".wav", ".webm")
)
UNFINISHED = frozenset((".part", ".tmp", ".crdownload", ".download", ".bak", ".old", ".temp"))
DISC = re.compile(r"(?:cd|disc|disk)\s*\d{1,3}", re.IGNORECASE)


class Times(msgspec.Struct, rename="camel"):
    """When something on disk changed, in epoch milliseconds."""

    mtime_ms: int
    ctime_ms: int
    birthtime_ms: int


class BookFile(msgspec.Struct, rename="camel"):
    """One file of a book. `duration` in seconds; None for what is no audio or cannot be read."""

    rel_path: str
    ino: str
    size: int
    times: Times
    duration: float | None = None
    tags: dict[str, str] = {}

    @property
    def is_audio(self) -> bool:
        return PurePosixPath(self.rel_path).suffix.lower() in AUDIO


class Metadata(msgspec.Struct, rename="camel"):
    """What the server knows of a book. Series are pairs of name and number."""

    title: str | None = None
    subtitle: str | None = None
    authors: list[str] = []
    narrators: list[str] = []
    series: list[tuple[str, str | None]] = []
    genres: list[str] = []
    published_year: str | None = None
    publisher: str | None = None
    description: str | None = None
    isbn: str | None = None
    asin: str | None = None
    language: str | None = None
    explicit: bool = False
    abridged: bool = False


class Found(msgspec.Struct):
    """One book as it stands on disk."""

    rel_path: str
    is_file: bool
    ino: str
    times: Times
    files: list[BookFile]

    @property
    def audio(self) -> list[BookFile]:
        return [file for file in self.files if file.duration is not None]


def find_books(root: Path) -> list[Found]:
    """Every book below `root`; none when the folder is gone, as when a disk is not mounted."""
    paths = sorted(_files(root), key=lambda path: (len(path.parts), path.as_posix()))
    groups = _grouped(path for path in paths if path.suffix.lower() in AUDIO)
    for path in paths:
        owner = next((folder for folder in _folders(path) if folder in groups), None)
        if owner is not None and path not in groups[owner]:
            groups[owner].append(path)
    return [_found(root, item, files) for item, files in groups.items()]


def _files(root: Path) -> Iterator[PurePosixPath]:
    """Files relative to the root, without dot files and folders, unfinished downloads, and folders with `.ignore`."""
    for name, subfolders, files in os.walk(root):
        folder = Path(name)
        if ".ignore" in files and folder != root:
            subfolders.clear()
            continue
        subfolders[:] = [sub for sub in subfolders if not sub.startswith(".") and sub != "@eaDir"]
        for file in files:
            if not file.startswith(".") and PurePosixPath(file).suffix.lower() not in UNFINISHED:
                yield PurePosixPath((folder / file).relative_to(root).as_posix())


def _grouped(paths: Iterable[PurePosixPath]) -> dict[PurePosixPath, list[PurePosixPath]]:
    """Audio files by book. Shallow files come first: one stray file in an author's folder swallows all books below."""
    groups: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in paths:
        folders = _folders(path)
        owner = next((folder for folder in folders if folder in groups), None)
        if owner is None:
            owner = folders[-1] if folders else path
            if len(folders) > 1 and DISC.fullmatch(owner.name):
                owner = folders[-2]
        groups.setdefault(owner, []).append(path)
    return groups


def _folders(path: PurePosixPath) -> list[PurePosixPath]:
    """The folders above a file, outermost first, without the root."""
    return list(reversed(path.parents))[1:]


def _found(root: Path, item: PurePosixPath, files: list[PurePosixPath]) -> Found:
    is_file = [item] == files
    base = item.parent if is_file else item
    return Found(
        rel_path=item.as_posix(),
        is_file=is_file,
        ino=str((root / item).stat().st_ino),
        times=_times(root / item),
        files=sorted((_file(root, base, path) for path in files), key=lambda file: file.rel_path),
    )


def _times(path: Path) -> Times:
    seen = path.stat()
    changed = int(seen.st_mtime * 1000)
    return Times(mtime_ms=changed, ctime_ms=int(seen.st_ctime * 1000), birthtime_ms=changed)


def _file(root: Path, base: PurePosixPath, path: PurePosixPath) -> BookFile:
    seen = (root / path).stat()
    relative = path.relative_to(base).as_posix()
    return BookFile(rel_path=relative, ino=str(seen.st_ino), size=seen.st_size, times=_times(root / path))


def probe(folder: Path, found: Found) -> None:
    """Read length and tags of each audio file, and put them in order; one that cannot be read keeps no length."""
    for file in found.files:
        if file.is_audio:
            file.duration, file.tags = _probe(folder / file.rel_path)
    if all("track" in file.tags for file in found.audio):
        found.files.sort(key=lambda file: (_number(file.tags.get("disc")), _number(file.tags.get("track"))))


def _number(tag: str | None) -> int:
    """The first number of `2/12` or `(2, 12)`; 0 for none."""
    digits = re.search(r"\d+", tag or "")
    return int(digits[0]) if digits else 0


def _probe(path: Path) -> tuple[float | None, dict[str, str]]:
    try:
        audio = mutagen.File(path)
    except (mutagen.MutagenError, OSError):
        return None, {}
    length = getattr(getattr(audio, "info", None), "length", 0.0)
    return (round(length, 3), _tags(audio.tags or {})) if length else (None, {})


# How ID3 frames and MP4 atoms appear as common names. Vorbis comments and free-form tags carry their names themselves.
NAMES = {
    "TALB": "album", "TIT2": "title", "TIT3": "subtitle", "TPE1": "artist", "TPE2": "album_artist", "TCOM": "composer",
    "TDRC": "date", "TYER": "date", "TPUB": "publisher", "TCON": "genre", "TLAN": "language", "COMM": "comment",
    "MVNM": "series", "MVIN": "series-part", "GRP1": "grouping", "TIT1": "grouping",
    "TRCK": "track", "TPOS": "disc", "trkn": "track", "disk": "disc", "tracknumber": "track", "discnumber": "disc",
    "©alb": "album", "©nam": "title", "©ART": "artist", "aART": "album_artist", "©wrt": "composer", "©day": "date",
    "©gen": "genre", "©cmt": "comment", "desc": "description", "©grp": "grouping",
    "tvsh": "series", "tven": "series-part",
}  # fmt: skip


def _tags(tags: Mapping[str, object]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for key, value in tags.items():
        kind, _, rest = key.partition(":")
        name = NAMES.get(kind) or (rest.rpartition(":")[2] if kind in ("TXXX", "----") else key)
        if text := _text(value):
            plain.setdefault(name.lower(), text)
    return plain


def _text(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def read_metadata(found: Found) -> Metadata:
    """From the folder's name, then the tags of the first file over it."""
    metadata = from_path(read_path(found.rel_path))
    if found.is_file:
        metadata = Metadata(title=PurePosixPath(found.rel_path).stem)
    if found.audio:
        _overlay(metadata, found.audio[0].tags)
    return metadata


def from_path(path: PathMetadata) -> Metadata:
    return Metadata(
        title=path.title,
        subtitle=path.subtitle,
        authors=list(path.authors),
        narrators=list(path.narrators),
        series=[(path.series, path.sequence)] if path.series else [],
        published_year=path.published_year,
        asin=path.asin,
    )


def _overlay(metadata: Metadata, tags: Mapping[str, str]) -> None:
    for field, names in {
        "title": ("album", "title"),
        "subtitle": ("subtitle",),
        "published_year": ("date",),
        "publisher": ("publisher",),
        "description": ("description", "comment"),
        "isbn": ("isbn",),
        "language": ("language",),
        "asin": ("asin", "audible_asin"),
    }.items():
        if value := _first(tags, names):
            setattr(metadata, field, value)
    if people := _first(tags, ("artist", "album_artist")):
        metadata.authors = list(read_names(people))
    if people := _first(tags, ("composer",)):
        metadata.narrators = list(read_names(people))
    if genres := _first(tags, ("genre",)):
        metadata.genres = [part.strip() for part in re.split("[/;]", genres) if part.strip()]
    if series := _first(tags, ("series",)):
        metadata.series = _paired(series, _first(tags, ("series-part",)))
    elif grouping := _first(tags, ("grouping",)):
        metadata.series = [numbered(part.strip()) for part in grouping.split(";") if part.strip()]


def _first(tags: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((tags[name] for name in names if tags.get(name)), None)


def _paired(series: str, numbers: str | None) -> list[tuple[str, str | None]]:
    """`Oz; Famous Forty` with `7; 8` are two series; otherwise it is one, whatever its name holds."""
    names = [part.strip() for part in series.split(";") if part.strip()]
    parts = [part.strip() for part in (numbers or "").split(";") if part.strip()]
    return list(zip(names, parts, strict=True)) if 1 < len(names) == len(parts) else [(series, numbers)]


def numbered(text: str) -> tuple[str, str | None]:
    """`Oz #14` as name and number."""
    name, _, number = text.rpartition(" #")
    return (name, number) if name else (text, None)
