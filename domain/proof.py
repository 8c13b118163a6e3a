"""Proof of content: is what was downloaded really that book, whole and readable? Asked before the library sees it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from domain.gates import Answer, Verdict
from domain.languages import read_language
from domain.names import NUMBER_WORDS, Likeness, fold, read_book_title, same_people, same_series, same_title, words_of
from domain.positions import Position, read_position
from domain.releases import TorrentFile
from domain.wants import Want

AUDIO_EXTENSIONS = words_of("m4b mp3 m4a flac opus ogg oga mp4 aac wma aiff aif wav webm webma mka awb caf mpg mpeg")
"""What the library server takes for audio."""

_PROGRAMS = words_of(
    "exe msi bat cmd com scr pif ps1 vbs vbe js jse wsf hta jar lnk reg dll app apk sh command dmg iso"
)

TOLERANCE_S = 240.0
TOLERANCE_SHARE = 0.01
SHORT_BOOK_S = 20 * 60.0
SHORT_BOOK_SHARE = 0.2
PLAUSIBLE_KBPS = (16, 1500)
SHORTEST_S = 600.0


class AudioFile(msgspec.Struct, frozen=True, kw_only=True):
    """What an audio reader found in one file. `error` says why it could not be read."""

    path: str
    size_bytes: int
    duration_s: float | None = None
    bitrate_kbps: int | None = None
    codec: str | None = None
    tags: Mapping[str, str] = {}
    """Lower-case common names: album, title, artist, albumartist, composer, date, track, language, asin, series."""
    chapters_s: tuple[float, ...] = ()
    """Where its chapters begin, in seconds; empty when it has none."""
    error: str | None = None


def is_audio(file: TorrentFile) -> bool:
    """By its name, and not a system file that only looks like it (`._01.mp3`)."""
    return file.extension in AUDIO_EXTENSIONS and not is_junk(file.path)


def is_junk(path: str) -> bool:
    """What file systems and desktops leave behind, and padding."""
    parts = path.split("/")
    return parts[-1].startswith("._") or any(part in {"__MACOSX", "@eaDir", ".pad"} for part in parts)


def prove(want: Want, files: Sequence[AudioFile], *, expected: Sequence[TorrentFile]) -> tuple[Verdict, ...]:
    """One verdict per rule, in a fixed order: all confirmed is proof, one `NO` refutes, else a person decides.

    `expected` lists what the download holds for this want, `files` what was read of its audio; their paths end alike.
    Tags that are missing, or only name a chapter, a disc or the series, never contradict (`seen` is `no tags`).
    Where tags raise a doubt that a known runtime answers, the runtime weighs more: it can hardly fit by accident.
    """
    audio = [file for file in expected if is_audio(file)]
    found = _matched(audio, files)
    readable = [file for file in found.values() if file.error is None and file.duration_s]
    whole = _complete(audio, found)
    length = _length(want, readable)
    fits = bool(want.lengths_min) and length.answer is Answer.CONFIRMED
    title = _title(want, readable, fits=fits)
    return (
        _nothing_executable(expected),
        whole,
        _readable(found),
        _tracks(readable, fits=fits),
        _parts(want, readable, fits=fits),
        _chapters(readable, fits=fits),
        length,
        title,
        _author(want, readable, sure=fits and title.answer is Answer.CONFIRMED),
        _volume(want, readable),
        _narrator(want, readable),
        _language(want, readable),
        _abridgement(want, readable),
    )


def _verdict(rule: str, answer: Answer | bool, seen: str, limit: str = "") -> Verdict:
    if isinstance(answer, bool):
        answer = Answer.CONFIRMED if answer else Answer.NO
    return Verdict(gate="proof", rule=rule, answer=answer, seen=seen, limit=limit)


# What is there.


def _nothing_executable(expected: Sequence[TorrentFile]) -> Verdict:
    programs = [file.path for file in expected if file.extension in _PROGRAMS]
    return _verdict(
        "Executable", not programs, _some(programs) or f"{len(expected)} files", "no program among the files"
    )


def _matched(audio: Sequence[TorrentFile], files: Sequence[AudioFile]) -> dict[str, AudioFile]:
    """Torrent path -> what was read there: the file whose path is the torrent's, or ends with it."""
    by_name: defaultdict[str, list[AudioFile]] = defaultdict(list)
    for file in files:
        by_name[PurePosixPath(file.path).name].append(file)
    return {
        wanted.path: file
        for wanted in audio
        for file in by_name[PurePosixPath(wanted.path).name]
        if f"/{file.path}".endswith(f"/{wanted.path}")
    }


def _complete(audio: Sequence[TorrentFile], found: Mapping[str, AudioFile]) -> Verdict:
    missing = [file.path for file in audio if file.path not in found]
    short = [file.path for file in audio if file.path in found and found[file.path].size_bytes != file.size_bytes]
    seen = f"{len(found)} of {len(audio)}"
    seen += f"; missing: {_some(missing)}" if missing else ""
    seen += f"; of another size: {_some(short)}" if short else ""
    return _verdict("Incomplete", bool(audio) and not missing and not short, seen, "every audio file, with its size")


def _readable(found: Mapping[str, AudioFile]) -> Verdict:
    bad = {path: file for path, file in found.items() if file.error or not file.duration_s}
    errors = [f"{path} {file.error or 'has no length'}" for path, file in bad.items()]
    return _verdict("Unreadable", not errors, _some(errors) or f"{len(found)} files", "every file can be read as audio")


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _tracks(files: Sequence[AudioFile], *, fits: bool) -> Verdict:
    """Holes among the track numbers of each folder or disc. A book whose runtime fits lacks none, whatever tags say."""
    holes: list[str] = []
    last = 0
    for numbers, total in _numbered_groups(files):
        highest = max(numbers)
        start = min(numbers) if min(numbers) in {0, last + 1} or min(numbers) > len(numbers) + 1 else 1
        end = max(total, highest) if len(files) < total else highest
        holes += [str(number) for number in range(start, end + 1) if number not in numbers]
        last = highest
    seen = f"no track {_some(holes)}" if holes else "no holes"
    return _verdict("MissingTracks", fits or not holes, seen, "track numbers without holes")


def _numbered_groups(files: Sequence[AudioFile]) -> Iterator[tuple[Collection[int], int]]:
    """Track numbers of each folder or disc with the total they state (0: none), where every file has one of its own.

    A lone file is left out: joined from many, it often keeps the number of the first.
    """
    groups: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for file in files:
        disc, _ = _number_of(file.tags.get("disc", ""))
        groups[str(PurePosixPath(file.path).parent), disc].append(_number_of(file.tags.get("track", "")))
    for _, pairs in sorted(groups.items()):
        numbers = {number for number, _ in pairs if number >= 0}
        totals = {total for _, total in pairs}
        if len(files) > 1 and len(numbers) == len(pairs) and max(numbers) < 10 * len(pairs) + 100:
            yield numbers, min(totals) if len(totals) == 1 and max(totals) < 10 * len(pairs) else 0


def _number_of(text: str) -> tuple[int, int]:
    """`3/12` is (3, 12), `3` is (3, 0), anything else is (-1, 0)."""
    found = re.fullmatch(r"([0-9]{1,4})(?:\s*/\s*([0-9]{1,4}))?", text.strip())
    return (int(found[1]), int(found[2] or 0)) if found else (-1, 0)


def _parts(want: Want, files: Sequence[AudioFile], *, fits: bool) -> Verdict:
    """`(1 of 3)` or `Part 1 of 3` without the others. A person looks, for such words may mean something else."""
    texts = {text for file in files for text in map(file.tags.get, ("album", "title")) if text}
    stated = {(int(found[1]), int(found[2])) for text in texts for found in _PART_OF.finditer(text)}
    missing = {(part, of) for _, of in stated for part in range(1, of + 1)} - stated
    is_part = want.position is not None and want.position.part is not None
    answer = Answer.POSSIBLE if missing and not fits and not is_part else Answer.CONFIRMED
    seen = [f"{part} of {of}" for part, of in sorted(stated)]
    return _verdict("MissingParts", answer, _some(seen) or "no parts", "all parts")


_PART_OF = re.compile(r"(?:\(|\bpart |\bpt\.? )([0-9]{1,2}) of ([0-9]{1,2})\b", re.IGNORECASE)


def _chapters(files: Sequence[AudioFile], *, fits: bool) -> Verdict:
    """Counted where there are any. One that begins behind the end tells that the sound was cut off, unless its length
    is that of the book."""
    beyond = [
        f"{PurePosixPath(file.path).name} ends at {clock(file.duration_s)}, a chapter begins at {clock(start_s)}"
        for file in files
        for start_s in file.chapters_s[-1:]
        if file.duration_s and start_s > file.duration_s + CHAPTER_SLACK_S
    ]
    count = sum(len(file.chapters_s) for file in files)
    seen = _some(beyond) or (f"{count} chapters" if count else "no chapters")
    return _verdict("ChaptersBeyondEnd", fits or not beyond, seen, "every chapter begins within its file")


CHAPTER_SLACK_S = 30.0
"""Chapters are often rounded, or measured on another encoding of the same sound."""


# How long it is.


def _length(want: Want, files: Sequence[AudioFile]) -> Verdict:
    total_s = sum(file.duration_s or 0 for file in files)
    if want.lengths_min:
        wanted_s = min((length * 60.0 for length in want.lengths_min), key=lambda length_s: abs(total_s - length_s))
        allowed_s = tolerance_s(wanted_s)
        limit = f"{clock(wanted_s)} ± {clock(allowed_s)}"
        answer = Answer.CONFIRMED if abs(total_s - wanted_s) <= allowed_s else Answer.NO
        # A reading that no catalogue lists may still be the whole book: a person decides.
        if answer is Answer.NO and not want.runtime_min and UNLISTED[0] <= total_s / wanted_s <= UNLISTED[1]:
            answer = Answer.POSSIBLE
        return _verdict("RuntimeDiffers", answer, clock(total_s), limit)
    size_bytes = sum(file.size_bytes for file in files)
    kbps = round(size_bytes * 8 / total_s / 1000) if total_s >= 1 else 0
    low, high = PLAUSIBLE_KBPS
    if not low <= kbps <= high:
        seen = f"{kbps} kbit/s over {clock(total_s)}"
        return _verdict("ImplausibleBitrate", False, seen, f"{low} to {high} kbit/s, the runtime being unknown")
    answer = Answer.CONFIRMED if total_s >= SHORTEST_S else Answer.POSSIBLE
    limit = f"at least {clock(SHORTEST_S)}, the runtime being unknown"
    return _verdict("TooShort", answer, f"{clock(total_s)} at {kbps} kbit/s", limit)


UNLISTED = (0.75, 1.35)
"""How much faster or slower than a known recording another voice may read the whole book."""


def tolerance_s(wanted_s: float) -> float:
    """Editions differ by intros and credits. Of a short book that would be a good part, or all of it: a share there."""
    if wanted_s < SHORT_BOOK_S:
        return min(TOLERANCE_S, SHORT_BOOK_SHARE * wanted_s)
    return max(TOLERANCE_S, TOLERANCE_SHARE * wanted_s)


def clock(seconds: float) -> str:
    """`5:10:00`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


# What its tags say.

_PIECE = r"(?:chapters?|tracks?|discs?|disks?|cd|parts?|pt|sides?|sections?|files?|kapitel|teil|folge|kassette)"
_NUMBERS = r"[0-9]{1,4}(?:\s*(?:of|von|/|-)\s*[0-9]{1,4})?"
_NUMBER_WORD = rf"(?:[0-9]{{1,4}}|[ivxlc]+|{'|'.join(NUMBER_WORDS)})"
_AT_THE_END = re.compile(
    rf"[\s,:;\-–(\[]*\b{_PIECE}\.?\s*{_NUMBERS}\s*[)\]]?\s*$|\s*[(\[]{_NUMBERS}[)\]]\s*$", re.IGNORECASE
)
_SAYS_NOTHING = re.compile(
    rf"|{_PIECE}|(?:(?:{_PIECE}|book|volume|vol) ?)?{_NUMBER_WORD}|{_PIECE} ?{_NUMBER_WORD} .*|audio ?books?|untitled"
    r"|(?:unknown|various)(?: .*)?|no (?:album|title)|(?:opening |closing |end )?credits|intro(?:duction)?"
    r"|(?:pro|epi)log(?:ue)?|foreword|preface|afterword"
)
_NOBODY = re.compile(r"|(?:unknown|various|no) ?(?:artists?|authors?)?|librivox.*|audible.*|audio ?books?|n ?a|none")
_RANK = (Answer.CONFIRMED, Answer.POSSIBLE, Answer.NO)


def _title(want: Want, files: Sequence[AudioFile], *, fits: bool) -> Verdict:
    """Of each file the album, and the title if it is the same in all files. One file of another book is enough."""
    answers: dict[str, Answer] = {}
    titles = {file.tags.get("title", "") for file in files}
    shared = titles.pop() if len(titles) == 1 else ""
    for album in dict.fromkeys(file.tags.get("album", "") for file in files):
        telling = [text for text in (album, shared) if not _neutral(want, text)]
        said = {text: _names_the_book(want, text) for text in telling}
        if said:
            answers["; ".join(said)] = min(said.values(), key=_RANK.index)
    worst = max(answers.values(), key=_RANK.index, default=Answer.CONFIRMED)
    seen = _some([text for text, answer in answers.items() if answer is worst]) or "no tags"
    return _verdict("OtherTitle", Answer.CONFIRMED if worst is Answer.POSSIBLE and fits else worst, seen, want.title)


def _neutral(want: Want, text: str) -> bool:
    """A chapter, a disc, the author, or a number of the series (whether it is the right one, `WrongVolume` asks)."""
    bare = fold(_AT_THE_END.sub("", text))
    if _SAYS_NOTHING.fullmatch(bare) or (want.authors and same_people([text], want.authors) is Likeness.SAME):
        return True
    return bool(_series_number(want, text))


def _names_the_book(want: Want, text: str) -> Answer:
    """The title within a longer text or the other way round, or the bare series, is worth a person's look, not a no."""
    texts = (text, _AT_THE_END.sub("", text))
    likenesses = {same_title(want.title, one, series=want.series, authors=want.authors) for one in texts if one.strip()}
    if Likeness.SAME in likenesses:
        return Answer.CONFIRMED
    one, other = f" {fold(want.title)} ", f" {fold(text)} "
    near = Likeness.UNSURE in likenesses or one in other or other in one
    return Answer.POSSIBLE if near or _series_number(want, text) == "" else Answer.NO


def _series_number(want: Want, text: str) -> str | None:
    """The number behind the series' name (`Oz 3`, `Oz, Book 3`); empty when the name stands alone; else None."""
    if not want.series or same_title(want.title, text) is Likeness.SAME:
        return None
    read = read_book_title(text)
    if read.after or same_series(read.stem, want.series) is not Likeness.SAME:
        return None
    number = read.volume if read.volume is not None else read.position
    return f"{number:f}" if number is not None else ""


def _author(want: Want, files: Sequence[AudioFile], *, sure: bool) -> Verdict:
    """Artist and album artist. Where these are narrators, as some have it, the author may stand as the composer."""
    credits = list(dict.fromkeys(_people(files, "albumartist", "artist")))
    limit = ", ".join(want.authors)
    if not credits or not want.authors:
        return _verdict("OtherAuthor", True, _some(credits) or "no tags", limit)
    known = (*want.authors, *want.narrators)
    anyone = [*credits, *_people(files, "composer")]
    if same_people(anyone, known) is not Likeness.DIFFERENT:
        return _verdict("OtherAuthor", True, _some(credits), limit)
    return _verdict("OtherAuthor", Answer.POSSIBLE if sure else Answer.NO, _some(credits), limit)


def _people(files: Sequence[AudioFile], *names: str) -> Iterator[str]:
    for file in files:
        for text in filter(None, map(file.tags.get, names)):
            for person in (text, *re.split(r"\s*(?:[,;/&]|\band\b)\s*", text)):
                if not _NOBODY.fullmatch(fold(person)):
                    yield person


def _volume(want: Want, files: Sequence[AudioFile]) -> Verdict:
    """The number in a series tag of this series, or behind the series' name in an album."""
    stated = dict.fromkeys(number for file in files for number in _volumes(want, file) if number)
    positions = {text: read_position(text) for text in stated}
    others = [text for text, position in positions.items() if position and not _same_place(want.position, position)]
    limit = want.position.text if want.position else ""
    return _verdict("WrongVolume", not others, _some(others or list(stated)) or "no tags", limit)


def _volumes(want: Want, file: AudioFile) -> Iterator[str | None]:
    series = file.tags.get("series", "")
    if want.series and series and same_series(series, want.series) is Likeness.SAME:
        yield file.tags.get("series-part")
    yield _series_number(want, file.tags.get("album", ""))


def _same_place(wanted: Position | None, stated: Position) -> bool:
    return wanted is None or wanted.covers(stated) or stated.covers(wanted)


def _narrator(want: Want, files: Sequence[AudioFile]) -> Verdict:
    """Only where a narrator was asked for. The composer is one by custom, unless it is the author."""
    asked = want.narrators or want.profile.narrators_required
    named = [
        name
        for name in dict.fromkeys(_people(files, "narrator", "composer"))
        if not want.authors or same_people([name], want.authors) is Likeness.DIFFERENT
    ]
    fits = not asked or not named or same_people(named, asked) is not Likeness.DIFFERENT
    return _verdict("OtherNarrator", fits, _some(named) or "no tags", ", ".join(asked))


def _language(want: Want, files: Sequence[AudioFile]) -> Verdict:
    wanted = {want.language} if want.language else set(want.profile.languages)
    stated = dict.fromkeys(file.tags["language"] for file in files if file.tags.get("language"))
    codes = {code for text in stated if (code := read_language(text))}
    right = not wanted or codes <= wanted  # a profile that names no language takes any
    return _verdict("OtherLanguage", right, _some(list(stated)) or "no tags", ", ".join(sorted(wanted)))


def _abridgement(want: Want, files: Sequence[AudioFile]) -> Verdict:
    texts = dict.fromkeys(text for file in files for text in map(file.tags.get, ("album", "title", "subtitle")) if text)
    stated = [text for text in texts if re.search(r"(?<!un)(?<!un[- ])\babridged\b", text, re.IGNORECASE)]
    stated += ["abridged" for file in files[:1] if file.tags.get("abridged", "").casefold() in {"1", "yes", "true"}]
    allowed = want.profile.abridged if want.abridged is None else want.abridged
    limit = "" if allowed else "unabridged"
    return _verdict("Abridged", allowed or not stated, _some(stated) or "no tags", limit)
