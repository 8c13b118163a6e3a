"""Torrents that hold several books, and books that come in several parts: what a list of files proves.

Nothing is believed of a pack but what its files show: each want has the one folder, or the one set of files, that is
named like it. A book in parts is whole only when no part is missing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from domain.gates import Answer, Verdict, answer, judge, judge_files
from domain.matching import Reading
from domain.names import Likeness, fold, read_number, same_series
from domain.parts import read_part, without_part
from domain.positions import Position, read_position
from domain.proof import is_audio
from domain.releases import Release, TorrentFile
from domain.wants import Want

FEWEST = 2
"""Gaps that a pack must fill."""

# --- what a release says of itself -----------------------------------------------------------------------------------

_HINT = re.compile(
    r"\d\s?(?:-|–|to|through|&|and)\s?#?\d|\b(?:omnibus|box|boxed|boxset|sets?|complete|collections?|(?:tri|tetra)logy"
    r"|duology|quartet|series|saga|books|bundle|volumes|vols)\b",
    re.IGNORECASE,
)


def may_be_pack(release: Release) -> bool:
    """Whether a word, a range or a number of it speaks of several books: worth being asked which."""
    places = (read_position(series.position) for series in release.series or ())
    return bool(_HINT.search(release.title)) or any(place is not None and not place.single for place in places)


class Pack(msgspec.Struct, frozen=True):
    """What a release that surely is a set of a series says it holds: these numbers, or None where it does not say."""

    stretch: Position | None

    def holds(self, want: Want) -> bool:
        """Whether it says, or may be taken to say, that this book of its series is in it."""
        if want.form != "single" or want.position is None or not want.position.whole_book:
            return False
        return self.stretch is None or self.stretch.covers(want.position)


def read_pack(want: Want, release: Release) -> Pack | None:
    """The set of the want's series that this release surely is; None when it is none. It says the same for every book
    of the series with the same demands."""
    if not want.series:
        return None
    stretch = _stretch(want, release)
    sure = (stretch is None or stretch.part is None) and (
        _judged_as_pack(as_pack(want, stretch), release) is Answer.CONFIRMED
    )
    return Pack(stretch) if sure else None


def as_pack(want: Want, stretch: Position | None = None) -> Want:
    """The set of the want's series as if it were the book that is wanted: what judges a pack by all the usual rules."""
    return Want(
        key="",
        title=want.series or want.title,
        authors=want.authors,
        position=stretch,
        narrators=want.narrators,
        language=want.language,
        abridged=want.abridged,
        media=want.media,
        form="omnibus",
        profile=want.profile,
    )


@lru_cache(maxsize=20_000)
def _judged_as_pack(pack: Want, release: Release) -> Answer:
    return answer(judge(pack, release))


def _stretch(want: Want, release: Release) -> Position | None:
    """Which volumes it says it holds: as the indexer gives them, else as its title does."""
    for series in release.series or ():
        place = read_position(series.position)
        if place is not None and not place.single and same_series(series.name, want.series or "") is Likeness.SAME:
            return place
    return _range_in_title(as_pack(want), release)


@lru_cache(maxsize=20_000)
def _range_in_title(pack: Want, release: Release) -> Position | None:
    return Reading(pack, release).scan.range


# --- which files are whose -------------------------------------------------------------------------------------------


class _Unit(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a torrent that look like one book, with what they are called."""

    names: tuple[str, ...]
    files: tuple[TorrentFile, ...]
    clean: bool = True
    """Whether nothing that may belong to it lies in folders below."""

    @property
    def audio(self) -> frozenset[str]:
        return frozenset(file.path for file in self.files if is_audio(file))


def portions(files: Sequence[TorrentFile], wants: Iterable[Want]) -> Mapping[str, tuple[str, ...]]:
    """Want's key -> the paths of this torrent that are that book, whole; only for wants that the names prove.

    Each file is in one portion at most: what two wants could claim, none gets. Leaving out wants never changes the
    portion of another, so who is proven once stays proven when the others are done. The order of input does not matter.
    """
    units = _units(files)
    found = {want.key: unit for want in wants if (unit := _only_one(want, units)) is not None}
    claims: dict[str, int] = defaultdict(int)
    for unit in found.values():
        for path in unit.audio:
            claims[path] += 1
    return {
        key: tuple(sorted(file.path for file in unit.files))
        for key, unit in found.items()
        if all(claims[path] == 1 for path in unit.audio)
    }


def _only_one(want: Want, units: Sequence[_Unit]) -> _Unit | None:
    mine = [unit for unit in units if any(_names(want, name) for name in unit.names)]
    if len(mine) != 1 or not mine[0].clean:
        return None
    verdicts = (*judge_files(want, as_one_book(mine[0].files)), *judge_parts(want, mine[0].files))
    whole = all(verdict.answer in (Answer.CONFIRMED, Answer.NOT_ASKED) for verdict in verdicts)
    return mine[0] if whole else None


def _names(want: Want, name: str) -> bool:
    """Whether a folder or file of this name is the book, by the rules that judge a release of this name."""
    return _name_judged(as_named(want), name) is Answer.CONFIRMED


def as_named(want: Want) -> Want:
    """The want as far as a name can be compared with it."""
    return msgspec.structs.replace(want, pinned=None, narrators=(), because=(), priority=0, turn=0)


@lru_cache(maxsize=50_000)
def _name_judged(want: Want, name: str) -> Answer:
    release = Release(id="", indexer="", title=name, authors=want.authors or None)
    return answer(verdict for verdict in judge(want, release) if verdict.gate == "identity")


_TRACK = re.compile(
    r"[\s._-]*[(\[]?\b(?:part|pt|cd|dis[ck]|chapter|track)?[\s._-]*\d{1,3}(?:\s*of\s*\d{1,3})?[)\]]?$", re.IGNORECASE
)
_PART_BEHIND = re.compile(
    r"[\s._-]*[(\[]?\b(?:(?:part|pt|cd|dis[ck])[\s._-]*\d{1,3}(?:\s*of\s*\d{1,3})?|\d{1,3}\s*of\s*\d{1,3})[)\]]?$",
    re.IGNORECASE,
)
_WHOLE_BOOK_FORMATS = frozenset({"m4b", "m4a", "aax"})


def _units(files: Sequence[TorrentFile]) -> tuple[_Unit, ...]:
    """Every folder that holds audio, with its discs, and within it every set of files of one name."""
    whose = {file.path: _book_folder(shown.path) for file, shown in zip(files, as_one_book(files), strict=True)}
    folders = {whose[file.path] for file in files if is_audio(file)}
    found: dict[frozenset[str], _Unit] = {}
    for folder in sorted(folders):
        inside = tuple(file for file in files if whose[file.path] == folder)
        nested = any(other != folder and other.startswith(f"{folder}/" if folder else "") for other in folders)
        units = [_Unit(names=(folder.rpartition("/")[2],), files=inside, clean=not nested), *_by_name(inside)]
        for unit in units:
            before = found.get(unit.audio)
            found[unit.audio] = before or unit
            if before:
                names = tuple(dict.fromkeys((*before.names, *unit.names)))
                found[unit.audio] = msgspec.structs.replace(before, names=names)
    return tuple(found.values())


def _by_name(files: Sequence[TorrentFile]) -> Iterator[_Unit]:
    groups: dict[str, list[TorrentFile]] = defaultdict(list)
    for file in files:
        groups[fold(_book_name(file))].append(file)
    for _, group in sorted(groups.items()):
        audio = [file for file in group if is_audio(file)]
        if audio:
            names = {_book_name(audio[0]), *((PurePosixPath(audio[0].path).stem,) if len(audio) == 1 else ())}
            yield _Unit(names=tuple(sorted(names)), files=tuple(group))


def _book_name(file: TorrentFile) -> str:
    """A file's name without its track. A bare number behind the name of a whole book is its volume, not a part."""
    stem = PurePosixPath(file.path).stem
    pattern = _PART_BEHIND if file.extension in _WHOLE_BOOK_FORMATS or not is_audio(file) else _TRACK
    return pattern.sub("", stem).strip() or stem


def _book_folder(path: str) -> str:
    parts = list(PurePosixPath(path).parts[:-1])
    while len(parts) > 1 and _DISC.fullmatch(parts[-1]):
        parts.pop()
    return "/".join(parts)


_DISC = re.compile(r"(?:cd|dis[ck]|part|pt|teil|tape|side|mp3|m4b|audio)?[\W_]*\d{0,3}", re.IGNORECASE)


# --- parts of one book -----------------------------------------------------------------------------------------------


def as_one_book(files: Sequence[TorrentFile]) -> tuple[TorrentFile, ...]:
    """The same files in the same order, with parts told as discs are: `Ozma of Oz - Part Two/1.mp3` lies in
    `Ozma of Oz/Part 2`, and words for numbers are digits, so that parts are seen as one book and sort as they count."""
    return tuple(msgspec.structs.replace(file, path=_with_parts_below(file.path)) for file in files)


def _with_parts_below(path: str) -> str:
    *folders, name = PurePosixPath(path).parts or ("",)
    shown = [piece for folder in folders for piece in _parted(folder)]
    stem, dot, extension = name.rpartition(".")
    return "/".join((*shown, f"{_in_digits(stem)}{dot}{extension}"))


def _parted(folder: str) -> tuple[str, ...]:
    if disc := _DISC_BEHIND.fullmatch(folder):
        return disc[1], f"CD{int(disc[2])}"
    part = read_part(f" {folder}")
    if part is None:
        return (folder,)
    base = without_part(f" {folder}").strip(" -–_,:")
    return (base, f"Part {part[0]}") if base and base != folder else (f"Part {part[0]}",)


_DISC_BEHIND = re.compile(
    r"(.*?\w\W*?)[\s._,(\[-]+(?:cd|dis[ck])[\s._-]*(\d{1,2})(?:\s*of\s*\d{1,2})?[)\]]?", re.IGNORECASE
)


def _in_digits(stem: str) -> str:
    part = read_part(f" {stem}")
    if part is None or stem[-1:].isdigit() or stem.rstrip(")]")[-1:].isdigit():
        return stem
    base = without_part(f" {stem}").strip(" -–_,:")
    return f"{base} Part {part[0]}" if base and base != stem else f"Part {part[0]}"


_COUNT = r"\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|[ivx]{1,5}"
_MENTION = re.compile(
    rf"(?<![^\W_])(?P<kind>part|pt|teil|cd|dis[ck]|tape)[\s._#-]*(?P<n>{_COUNT})(?![^\W_])"
    rf"(?:[\s._]*(?:of|von)[\s._]*(?P<all>{_COUNT})(?![^\W_]))?",
    re.IGNORECASE,
)
_OF_ALL = re.compile(r"(?<![^\W_])(?P<n>\d{1,3})[\s_]+of[\s_]+(?P<all>\d{1,3})(?![^\W_])", re.IGNORECASE)
_IN_A_SERIES = re.compile(r"(?:\b(?:books?|novel|vol(?:ume)?\.?)|#)\s*$", re.IGNORECASE)
_KINDS = {"pt": "part", "teil": "part", "disk": "disc", "cd": "disc"}


def judge_parts(want: Want, files: Sequence[TorrentFile]) -> tuple[Verdict, ...]:
    """An objection where parts are missing: a stated one surely, a hole in mere track numbers perhaps."""
    if missing := missing_parts(want, files):
        return (_parts_missing(Answer.NO, missing),)
    if holes := missing_tracks(files):
        return (_parts_missing(Answer.POSSIBLE, holes),)
    return ()


def _parts_missing(given: Answer, missing: Sequence[str]) -> Verdict:
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    seen = f"no {', '.join(missing[:5])}{more}"
    return Verdict(gate="shape", rule="PartsMissing", answer=given, seen=seen, limit="every part of the book")


def missing_parts(want: Want, files: Sequence[TorrentFile]) -> tuple[str, ...]:
    """Parts that the names of the audio promise and that are not there: `part 2 of 2`, `disc 3`.

    Only where every audio file says of which part it is. A want that is itself a part (`Faust, Part One`) has none.
    """
    paths = [file.path for file in files if is_audio(file)]
    a_part = read_part(want.title) is not None or (want.position is not None and want.position.part is not None)
    mentioned: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for path in paths:
        for kind, pair in _mentions(path).items():
            mentioned[kind].append(pair)
    missing: list[str] = []
    for kind, pairs in sorted(mentioned.items()):
        if len(pairs) != len(paths) or (kind == "part" and a_part):
            continue
        numbers, total = {number for number, _ in pairs}, max(total for _, total in pairs)
        of = f" of {total}" if total else ""
        missing += [f"{kind} {number}{of}" for number in _holes(numbers, total)]
    return tuple(missing)


def _mentions(path: str) -> dict[str, tuple[int, int]]:
    """Kind -> number and stated total (0: none), as the deepest name says it."""
    found: dict[str, tuple[int, int]] = {}
    for name in PurePosixPath(path).with_suffix("").parts:
        for said in _MENTION.finditer(name):
            kind = said["kind"].casefold()
            found[_KINDS.get(kind, kind)] = (_number(said["n"]), _number(said["all"]) if said["all"] else 0)
        if not _MENTION.search(name) and (bare := _bare_part(name)):
            found["part"] = bare
    return found


def _bare_part(name: str) -> tuple[int, int] | None:
    """`(1 of 2)` behind a name, or alone. Before a name it is a place in a series: `03 of 14 - Ozma of Oz`."""
    said = _OF_ALL.search(name)
    if said is None or _IN_A_SERIES.search(name[: said.start()]):
        return None
    before, after = (re.search(r"[^\W\d_]", text) for text in (name[: said.start()], name[said.end() :]))
    return (int(said["n"]), int(said["all"])) if before or not after else None


def _number(text: str) -> int:
    read = read_number(text.casefold())
    return int(read) if read is not None else 0


def _holes(numbers: Collection[int], total: int = 0) -> list[int]:
    return [number for number in range(min(1, *numbers), max(total, *numbers) + 1) if number not in numbers]


def missing_tracks(files: Sequence[TorrentFile]) -> tuple[str, ...]:
    """Holes among the numbers that all audio of a folder begins with, or ends with, where these plainly count."""
    folders: dict[str, list[str]] = defaultdict(list)
    for file in files:
        if is_audio(file):
            path = PurePosixPath(file.path)
            folders[str(path.parent)].append(path.stem)
    missing: list[str] = []
    for folder, stems in sorted(folders.items()):
        numbers = _numbered(stems, _LEADING) or _numbered(stems, _TRAILING)
        if not numbers:
            continue
        # A second disc may go on counting where the first one ended.
        goes_on = len(folders) > 1 and min(numbers) > 1
        holes = [number for number in _holes(numbers) if not goes_on or number > min(numbers)]
        if 2 * len(holes) <= len(numbers):
            at = f" in {folder.rpartition('/')[2]}" if len(folders) > 1 else ""
            missing += [f"track {number}{at}" for number in holes]
    return tuple(missing)


_LEADING = re.compile(r"^\W*(\d{1,3})(?!\d)")
_TRAILING = re.compile(r"(?<!\d)(\d{1,3})\W*$")


def _numbered(stems: Sequence[str], pattern: re.Pattern[str]) -> frozenset[int]:
    """One number of its own for every file, else none."""
    found = [pattern.search(stem) for stem in stems]
    numbers = frozenset(int(one[1]) for one in found if one)
    return numbers if len(numbers) == len(stems) > 1 else frozenset()
