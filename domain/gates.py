"""Is this release that book? Gates answer yes, possible or no; they are asked before any preference.

The identity of a release is read from its title word by word: the wanted title, its number, the people and the series
are found in it, technical words are recognised, and a release is confirmed only when no word is left without a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from domain.languages import LANGUAGES, read_language
from domain.manifest import ProfileSpec
from domain.matching import WRITERS, Reading, may_be, nearly_titled, read_credit
from domain.names import (
    OMNIBUS_WORDS,
    Likeness,
    fold,
    same_people,
    same_series,
    same_title,
    words_of,
)
from domain.positions import Position, read_position
from domain.releases import Release, TorrentFile
from domain.titles import (
    AUDIO_FORMATS,
    TEXT_FORMATS,
    VIDEO_FORMATS,
    Word,
    media_of,
    read_text,
    same_author,
)
from domain.wants import Want


class Answer(StrEnum):
    CONFIRMED = "confirmed"
    POSSIBLE = "possible"
    NO = "no"
    NOT_ASKED = "not asked"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule saw, against which limit, and what it answers. `gate` is identity, shape or duty."""

    gate: str
    rule: str
    """Stable CamelCase: `WrongVolume`, `Abridged`, `NoSeeders`."""
    answer: Answer
    seen: str = ""
    limit: str = ""


YES, MAYBE, NO = Answer.CONFIRMED, Answer.POSSIBLE, Answer.NO
MOST_FILES = 2_000
HEAVIEST_TEXT_BYTES = 30_000_000
"""Of an e-book with pictures; scans that weigh more are named as such."""
SPARSEST_SPEECH_MB_PER_HOUR = 12.0
"""About 27 kbit/s: what speech is hardly ever recorded below."""
LIGHTEST_BOOK_BYTES = 5_000_000
"""What weighs less is as well an e-book in the wrong category, unless more than the category says that it is audio."""
AUDIO_BYTES = 150_000_000
"""Where the length of the book is not known, this much is taken for audio."""
SMALLEST_AUDIO_BYTES = 500_000


OBJECTS = frozenset({
    "Abridged", "Archive", "AuthorEdited", "AuthorUnstated", "AuthorUnsure", "Dramatized", "Ebook", "Excerpt",
    "Executable", "FormUnstated", "LengthDiffers", "LowBitrate", "MayBePart", "MediumUnstated", "NarratorUnstated",
    "NoSeeders", "NotAudio", "NotDramatized", "Omnibus", "OtherBook", "OtherNumbering", "OtherSeries", "OtherTitle",
    "Pack", "Partial", "PathOutside", "Retold", "StrangeFile", "SubtitleMissing", "Summary", "TitleUnstated",
    "TooBig", "TooManyFiles", "TooSmall", "Unabridged", "VolumeUnstated", "WordsLeftOver", "WrongAuthor",
    "WrongFormat", "WrongLanguage", "WrongNarrator", "WrongTitle", "WrongVolume",
})  # fmt: skip
"""Every rule that may refuse a release, or hold it for a person."""


def answer(verdicts: Iterable[Verdict]) -> Answer:
    """The answers put together: no beats possible beats confirmed; what was not asked is neutral."""
    given = {verdict.answer for verdict in verdicts}
    return next((step for step in (NO, MAYBE, YES) if step in given), Answer.NOT_ASKED)


def judge(want: Want, release: Release) -> tuple[Verdict, ...]:
    """Ask every gate that the fields given can answer; each rule says what it saw. Total on any text."""
    chosen = pinned(want, release)
    if not chosen and not may_be(want, release):
        # Of a release of another book, nothing else is asked.
        return (_say("WrongTitle", NO, release.title, want.title), *_alive(release))
    reading = Reading(want, release)
    identity = _identity(reading)
    if chosen:
        identity = [_verdict("identity", "PinnedByPerson", YES, release.id, "a person chose this release")]
    shape = [*_medium(reading), *_format(reading), *_size(reading), *_length(reading), *_bitrate(reading)]
    return (*identity, *shape, *_alive(release))


def pinned(want: Want, release: Release) -> bool:
    """Whether a person chose this very release for this want."""
    return want.pinned is not None and want.pinned.casefold() in {
        release.id.casefold(),
        (release.infohash or release.id).casefold(),
    }


def _verdict(gate: str, rule: str, given: Answer, seen: object = "", limit: object = "") -> Verdict:
    return Verdict(gate=gate, rule=rule, answer=given, seen=str(seen)[:300], limit=str(limit)[:300])


# --- identity --------------------------------------------------------------------------------------------------------


def _identity(reading: Reading) -> list[Verdict]:
    return [
        *_title(reading),
        *_volume(reading),
        *_series(reading),
        *_author(reading),
        *_language(reading),
        *_abridgement(reading),
        *_form(reading),
        *_narrator(reading),
    ]


def _say(rule: str, given: Answer, seen: object = "", limit: object = "") -> Verdict:
    return _verdict("identity", rule, given, seen, limit)


def _title(reading: Reading) -> list[Verdict]:
    want, shown = reading.want, reading.scan.text
    if not reading.titles:
        if _place_alone(reading):
            # Where the wanted title itself begins with series and number, these are its name.
            rule, given = ("TitleMatches", YES) if reading.book.numbered else ("TitleUnstated", MAYBE)
            return [_say(rule, given, shown, want.title)]
        if reading.scan.asin and reading.scan.asin in reading.asins:
            return [_say("AsinMatches", MAYBE, reading.scan.asin, want.title)]
        head = _head_only(reading)
        given = MAYBE if head or nearly_titled(want, read_text(reading.release.title)) else NO
        return [_say("SubtitleMissing" if head else "WrongTitle", given, shown, want.title)]
    if glued := reading.glued:
        return [_say("WrongTitle", NO, glued, want.title)]
    if reading.scan.asin and reading.scan.asin in reading.asins:
        return [_say("AsinMatches", YES, reading.scan.asin, want.asin or "")]
    if reading.runs:
        return [_say("WordsLeftOver", MAYBE, "; ".join(reading.scan.shown(run) for run in reading.runs), want.title)]
    if reading.by_other_name and not _speaks_as_wanted(reading):
        return [_say("OtherTitle", MAYBE, reading.form, want.title)]
    return [_say("TitleMatches", YES, reading.form, want.title)]


def _speaks_as_wanted(reading: Reading) -> bool:
    """Whether the release says its language, and the right one: another name may be that of a translation."""
    return any(verdict.rule == "LanguageMatches" for verdict in _language(reading))


def _place_alone(reading: Reading) -> bool:
    """Whether the release names the series and the wanted number, and no title at all."""
    position, named = reading.want.position, reading.series_named
    right = position is not None and any(number.value == position.low for number in reading.numbers)
    return named and right and not reading.runs


def _head_only(reading: Reading) -> bool:
    """Whether the release says the wanted title up to its colon, and nothing behind it."""
    if len(reading.book.core) < 2:
        return False
    said = " ".join(word.keys[0] for run in reading.runs for word in run)
    return said == reading.book.core[0]


def _volume(reading: Reading) -> list[Verdict]:
    want = reading.want
    stretch = reading.scan.range or next((p for _, p in _placed(reading) if not p.single), None)
    wants_stretch = want.form == "omnibus" or (want.position is not None and not want.position.single)
    packs = [series.position for series in reading.release.series or () if _is_pack(series.position)]
    if packs and not wants_stretch:
        return [_say("Omnibus", MAYBE if want.profile.packs else NO, packs[0], _wanted_place(want))]
    if stretch is not None and not wants_stretch:
        collection = want.position is None and _is_collection(want)
        if not collection or reading.scan.range is not None:
            given = MAYBE if collection or want.profile.packs else NO
            return [_say("Omnibus", given, stretch.text, _wanted_place(want))]
    if stretch is not None and want.position is not None and not stretch.covers(want.position):
        return [_say("WrongVolume", NO, stretch.text, _wanted_place(want))]
    verdicts = [
        _say("Partial", NO, f"{name} {position.text}", _wanted_place(want))
        for name, position in _placed(reading)
        if position.part is not None and same_series(name, want.series or name) is not Likeness.DIFFERENT
    ]
    return verdicts + _by_number(reading)


def _is_pack(position: str | None) -> bool:
    """Whether what stands for a number names a set: `omnibus`, `complete`."""
    return (
        position is not None and read_position(position) is None and bool(OMNIBUS_WORDS & set(fold(position).split()))
    )


_COLLECTIONS = words_of("collected collection stories omnibus complete anthology")


def _is_collection(want: Want) -> bool:
    return not _COLLECTIONS.isdisjoint(fold(want.title).split())


def _wanted_place(want: Want) -> str:
    return (
        " ".join(piece for piece in (want.series, want.position.text if want.position else "") if piece) or "one book"
    )


def _placed(reading: Reading) -> list[tuple[str, Position]]:
    """The structured series with a number that can be read."""
    if not reading.release.series:
        return []
    found = [(series.name, read_position(series.position)) for series in reading.release.series]
    return [(name, position) for name, position in found if position is not None]


def _by_number(reading: Reading) -> list[Verdict]:
    """Compare every number that stands for a volume: beside the title it decides, elsewhere it may count otherwise."""
    want, book = reading.want, reading.book
    wanted = {number for number in (book.volume, want.position.low if want.position else None) if number is not None}
    limit = _wanted_place(want) if want.position or book.volume is None else f"volume {book.volume}"
    structured = [
        position.low
        for name, position in _placed(reading)
        if position.part is None and want.series and same_series(name, want.series) is not Likeness.DIFFERENT
    ]
    beside_title = [number.value for number in reading.numbers if number.beside == "title"]
    elsewhere = [number.value for number in reading.numbers if number.beside != "title"]
    if not wanted:
        return _uncounted(reading, beside_title, limit)
    # "Fairy Quest 2" may be the third of its series: its title counts otherwise than the series does.
    own, place = book.volume, want.position.low if want.position else None
    wrong = [value for value in beside_title if value != (place if own is None else own)]
    wrong += [value for value in structured if place is not None and value != place and place not in structured]
    if wrong:
        return [_say("WrongVolume", NO, wrong[0], limit)]
    others = [value for value in elsewhere if value not in wanted]
    bare = [number for number in reading.numbers if number.beside == "title" and number.bare]
    if bare and not structured and _own_title(reading):
        # "The Sign of Four 2" would be its sequel, though the book be the second of its series.
        return [_say("OtherNumbering", MAYBE, bare[0].value, limit)]
    if set(structured) & wanted or set(beside_title) & wanted or _number_in_form(reading):
        contradicted = any(number.beside == "series" and number.value in others for number in reading.numbers)
        if others and (contradicted or (not structured and book.volume is not None)):
            return [_say("OtherNumbering", MAYBE, others[0], limit)]
        return [_say("VolumeMatches", YES, next(iter((*structured, *beside_title)), book.volume), limit)]
    if others:
        # A title of its own may be counted in another order, so a person looks; a numbered title is another volume.
        # Beside the wanted series itself there is no other order: it must be equal.
        in_series = any(number.beside == "series" and number.value in others for number in reading.numbers)
        apart = not in_series and _own_title(reading) and all(value == value.to_integral_value() for value in others)
        return [_say("OtherNumbering" if apart else "WrongVolume", MAYBE if apart else NO, others[0], limit)]
    if elsewhere:
        return [_say("VolumeMatches", YES, elsewhere[0], limit)]
    if want.position is not None and want.position.low != 1 and _named_as_series(reading):
        return [_say("VolumeUnstated", MAYBE, "the series' name without a number", limit)]
    if book.volume is not None and reading.form == book.stem:
        return [_say("VolumeUnstated", MAYBE if book.volume == 1 else NO, "no number", limit)]
    return []


def _series(reading: Reading) -> list[Verdict]:
    """Structured series, of which none may be the wanted one: a series around it, or another book of that title."""
    names = [series.name for series in reading.release.series or ()]
    wanted = reading.want.series
    if not wanted or not names:
        return []
    likest = {same_series(name, wanted) for name in names}
    # "The Land: Chaos Seeds" is Chaos Seeds to a title of its own; "Fairy Quest Progressive 3" is no Fairy Quest 3.
    if Likeness.SAME in likest or (Likeness.UNSURE in likest and _own_title(reading)):
        return []
    return [_say("OtherSeries", MAYBE, ", ".join(names), wanted)]


def _uncounted(reading: Reading, beside_title: Sequence[Decimal], limit: str) -> list[Verdict]:
    """A book of which no number is known: it may be the first volume, and never a later one of its own name."""
    own = [
        position.low
        for name, position in _placed(reading)
        if same_series(name, reading.want.title) is Likeness.SAME and reading.titles
    ]
    if numbered := [value for value in (*own, *beside_title) if value != 1]:
        return [_say("WrongVolume", NO, numbered[0], limit)]
    if beside_title and reading.want.series is None and any(number.marked for number in reading.numbers):
        return [_say("MayBePart", MAYBE, f"volume {beside_title[0]}", "the whole book")]
    if (loose := _counts_nothing_named(reading)) is not None:
        return [_say("MayBePart", MAYBE, f"volume {loose}", "the whole book")]
    return []


def _counts_nothing_named(reading: Reading) -> Decimal | None:
    """A number behind the title that belongs to no series: `Emma by Jane Austen, Volume 2` is a part of the book."""
    named = reading.want.series or reading.release.series or any(word.label == "series" for word in reading.scan.words)
    if named or not reading.titles:
        return None
    end = max(end for _, end in reading.titles)
    return next((number.value for number in reading.numbers if number.at >= end and number.beside != "title"), None)


def _number_in_form(reading: Reading) -> bool:
    """Whether the title was found in a form that holds its number: `The Dark Tower V: Wolves of the Calla`."""
    return reading.book.volume is not None and bool(reading.titles) and reading.form != reading.book.stem


def _named_as_series(reading: Reading) -> bool:
    series = reading.want.series
    return bool(series and reading.titles) and same_series(reading.book.key, series or "") is Likeness.SAME


def _own_title(reading: Reading) -> bool:
    """Whether the wanted title is not just the name of its series, and holds no number itself."""
    series = reading.want.series
    if reading.book.volume is not None or not reading.titles:
        return False
    return series is None or same_series(reading.book.key, series) is not Likeness.SAME


def _author(reading: Reading) -> list[Verdict]:
    want, release = reading.want, reading.release
    limit = ", ".join(want.authors)
    if not want.authors:
        return []
    if release.authors:
        return [_credited(want, release.authors, limit)]
    if reading.author_named:
        shown = " ".join(word.raw for word in reading.scan.words if word.label in ("author", "author?"))
        return [_say("AuthorMatches", YES, shown, limit)]
    others = [reading.scan.shown(run) for run in reading.runs if _is_somebody(run)]
    if others and reading.titles and not reading.glued:
        return [_say("WrongAuthor", NO, others[0], limit)]
    named = any(word.label == "series" for word in reading.scan.words) and reading.titles
    if reading.titles and reading.scan.asin and reading.scan.asin in reading.asins:
        return [_say("AuthorUnstated", YES, "the ASIN leaves one book", limit)]
    position = want.position
    if named and position is not None and any(number.value == position.low for number in reading.numbers):
        return [_say("AuthorUnstated", YES, "title, series and number leave one book", limit)]
    return [_say("AuthorUnstated", MAYBE, "no author", limit)]


def _credited(want: Want, names: Sequence[str], limit: str) -> Verdict:
    """Compare the structured authors, of whom some may only have translated, edited or read the book."""
    credits = [read_credit(name) for name in names]
    shown = ", ".join(names)
    writers = [name for name, role in credits if role in WRITERS]
    if any(same_author(writer, name) is not Likeness.DIFFERENT for writer in writers for name in want.authors):
        return _say("AuthorMatches", YES, shown, limit)
    if same_people(want.authors, writers) is Likeness.UNSURE and writers:
        return _say("AuthorUnsure", MAYBE, shown, limit)
    edited = [name for name, role in credits if role == "editor"]
    if any(same_author(editor, name) is not Likeness.DIFFERENT for editor in edited for name in want.authors):
        return _say("AuthorEdited", MAYBE, shown, limit)
    return _say("WrongAuthor", NO, shown, limit)


def _is_somebody(run: Sequence[Word]) -> bool:
    named = run[1:] if run[0].keys[0] == "by" else run
    return 2 <= len(named) <= 4 and all(word.raw[0].isupper() and word.raw.isalpha() for word in named)


def _language(reading: Reading) -> list[Verdict]:
    want, release = reading.want, reading.release
    given = _languages(release.language)
    said = given or reading.tagged_languages or set(reading.scan.languages)
    if not said:
        return []
    wanted = {want.language} if want.language else set(want.profile.languages)
    known = {read_language(language) or fold(language) for language in wanted if language} - {"any", ""}
    if not known:
        return []
    shown, limit = ", ".join(sorted(said)), ", ".join(sorted(known))
    if said <= known:
        return [_say("LanguageMatches", YES, shown, limit)]
    unsure = said & known or not all(code in LANGUAGES for code in said)
    return [_say("WrongLanguage", MAYBE if unsure else NO, shown, limit)]


_NO_LANGUAGE = words_of("unknown und undetermined none na n a any")


def _languages(given: str | None) -> set[str]:
    """Codes of what the indexer says, and as they stand words that are no language we know; numbers say nothing."""
    if not given:
        return set()
    pieces = [piece for piece in re.split(r"[,/;|&+]", given or "") if fold(piece) and not fold(piece).isdecimal()]
    return {read_language(piece) or fold(piece) for piece in pieces if not set(fold(piece).split()) <= _NO_LANGUAGE}


def _abridgement(reading: Reading) -> list[Verdict]:
    want, said = reading.want, reading.scan.abridged
    if said is None and reading.release.tags:
        tags = fold(reading.release.tags)
        said = False if "unabridged" in tags.split() else (True if "abridged" in tags.split() else None)
    allowed = want.profile.abridged if want.abridged is None else want.abridged
    if said is None:
        return []
    if said and not allowed:
        return [_say("Abridged", NO, "abridged", "unabridged")]
    if not said and want.abridged is True:
        return [_say("Unabridged", NO, "unabridged", "the abridged reading")]
    return [_say("AbridgementMatches", YES, "abridged" if said else "unabridged", "as wanted")]


def _form(reading: Reading) -> list[Verdict]:
    want, scan, signs = reading.want, reading.scan, reading.signs
    own_words = any(word.label == "title" for word in scan.words)
    verdicts: list[Verdict] = []
    dramatized = "dramatized" in signs
    allowed = want.form == "dramatized" or want.profile.dramatized
    if dramatized and not allowed:
        verdicts.append(_say("Dramatized", NO, scan.text, "a reading"))
    elif "cast" in signs and not allowed:
        verdicts.append(_say("Dramatized", MAYBE, "a full cast", "a reading"))
    if want.form == "dramatized" and not dramatized:
        verdicts.append(_say("NotDramatized", MAYBE, "no word of it", "the dramatized edition"))
    if "comic" in signs:
        verdicts.append(_say("OtherBook", MAYBE, "a comic or graphic novel", "the book itself"))
    for sign, rule in (("summary", "Summary"), ("excerpt", "Excerpt"), ("retold", "Retold")):
        if sign in signs:
            verdicts.append(_say(rule, NO, scan.text, "the book itself"))
    if "omnibus" in scan.signs and want.form != "omnibus":
        verdicts.append(_say("Omnibus", MAYBE if want.profile.packs else NO, scan.text, "one book"))
    part = scan.part or reading.tagged_part
    if part and not any(verdict.rule == "Omnibus" for verdict in verdicts):
        verdicts.append(_say("Partial", NO, f"part {part}", "the whole book"))
    if want.form == "omnibus" and own_words and "omnibus" not in scan.signs and scan.range is None:
        verdicts.append(_say("FormUnstated", MAYBE if not _is_collection(want) else YES, scan.text, "the omnibus"))
    return verdicts


def _narrator(reading: Reading) -> list[Verdict]:
    want = reading.want
    required = (*want.narrators, *want.profile.narrators_required)
    said = (*(reading.release.narrators or ()), *reading.scan.narrators)
    if not required:
        return []
    if not said:
        return [_say("NarratorUnstated", MAYBE, "no narrator", ", ".join(required))]
    likeness = same_people(required, said)
    answers = {Likeness.SAME: YES, Likeness.UNSURE: MAYBE, Likeness.DIFFERENT: NO}
    rule = "WrongNarrator" if likeness is Likeness.DIFFERENT else "NarratorMatches"
    return [_say(rule, answers[likeness], ", ".join(said), ", ".join(required))]


# --- shape, as far as the search result gives it ---------------------------------------------------------------------

_AUDIO_CATEGORIES = frozenset({3030})
_TEXT_CATEGORIES = range(7000, 8000)
_OTHER_CATEGORIES = (range(1000, 3000), range(4000, 7000))
_OTHER_WORDS = words_of("movie movies tv video videos film films game games software apps xxx anime pictures")


def _shape(rule: str, given: Answer, seen: object = "", limit: object = "") -> Verdict:
    return _verdict("shape", rule, given, seen, limit)


def _medium(reading: Reading) -> list[Verdict]:
    want, scan = reading.want, reading.scan
    formats, media = set(reading.formats), media_of(scan)
    if "video" in scan.signs or (formats & VIDEO_FORMATS and not formats & (AUDIO_FORMATS | TEXT_FORMATS)):
        return [_shape("NotAudio", NO, "video", want.media)]
    if want.media == "any":
        known = formats & (AUDIO_FORMATS | TEXT_FORMATS) or media or _category(reading.release)
        return [_shape("MediumMatches", YES, _listing(formats) or media or "a book", "any")] if known else []
    if formats & AUDIO_FORMATS and media != "music":
        if _category(reading.release) == "ebook":
            return [_shape("MediumUnstated", MAYBE, f"{_listing(formats)} among e-books", "audiobook")]
        return [_shape("MediumMatches", YES, _listing(formats), "audiobook")]
    if formats & TEXT_FORMATS or (set(scan.formats) & TEXT_FORMATS and not set(scan.formats) & AUDIO_FORMATS):
        return [_shape("Ebook", NO, _listing(formats | set(scan.formats)), "audiobook")]
    if media == "ebook" or reading.kind == "comic":
        return [_shape("Ebook", NO, scan.text, "audiobook")]
    category = _category(reading.release)
    if category in ("ebook", "music", "other"):
        rule = "Ebook" if category == "ebook" else "NotAudio"
        return [_shape(rule, NO, reading.release.category or category, "audiobook")]
    size_bytes = reading.release.size_bytes
    if category == "audiobook" and media is None and size_bytes and size_bytes < LIGHTEST_BOOK_BYTES:
        return [_shape("MediumUnstated", MAYBE, f"{size_bytes} bytes, and only the category", "audiobook")]
    if category == "audiobook" or media == "audiobook":
        return [_shape("MediumMatches", YES, reading.release.category or media, "audiobook")]
    if reading.release.narrators or reading.bitrate_kbps:
        return [_shape("MediumMatches", YES, "narrator or bitrate", "audiobook")]
    if _weighs_like_audio(want, size_bytes):
        return [_shape("MediumMatches", YES, f"{(size_bytes or 0) / 1e6:.0f} MB", "audiobook")]
    return [_shape("MediumUnstated", MAYBE, "no category, file type, size or word", "audiobook")]


def _weighs_like_audio(want: Want, size_bytes: int | None) -> bool:
    """Whether a release is far too heavy for text: beside the known length, else by itself."""
    if size_bytes is None or size_bytes < HEAVIEST_TEXT_BYTES:
        return False
    if not want.lengths_min:
        return size_bytes >= AUDIO_BYTES
    rates = [size_bytes / 1_000_000 / (length / 60) for length in want.lengths_min]
    low = max(want.profile.min_mb_per_hour, SPARSEST_SPEECH_MB_PER_HOUR)
    return any(low <= rate <= want.profile.max_mb_per_hour for rate in rates)


def _listing(formats: Iterable[str]) -> str:
    return " ".join(sorted(formats))


def _category(release: Release) -> str | None:
    """audiobook, ebook, music, other, or None where the category does not tell."""
    return (
        _read_category(release.category or "", release.categories) if release.category or release.categories else None
    )


@lru_cache(maxsize=1_024)
def _read_category(name: str, given: tuple[int, ...]) -> str | None:
    named = fold(name)
    numbers = {*given, *(int(word) for word in named.split() if word.isdecimal() and len(word) < 7)}
    text = bool(re.search(r"e ?books?\b|comics|magazine", named))
    if numbers & _AUDIO_CATEGORIES or re.search(r"audio ?books?|abook|hoerbuch|horbuch", named):
        return None if text and not numbers & _AUDIO_CATEGORIES else "audiobook"
    if text or any(number in _TEXT_CATEGORIES for number in numbers):
        return "ebook"
    if re.search(r"\bmusic", named):
        return "music"
    other = any(number in each for number in numbers for each in _OTHER_CATEGORIES)
    return "other" if other or _OTHER_WORDS & set(named.split()) else None


def _format(reading: Reading) -> list[Verdict]:
    want, formats = reading.want, set(reading.formats) & AUDIO_FORMATS
    accepted = set(map(fold, want.profile.formats))
    if not formats or want.media == "any" or not accepted:
        return []
    good = formats & accepted
    rule, given = ("FormatMatches", YES) if good else ("WrongFormat", NO)
    return [_shape(rule, given, _listing(formats), ", ".join(want.profile.formats))]


def _size(reading: Reading) -> list[Verdict]:
    want, size_bytes = reading.want, reading.release.size_bytes
    verdicts = _size_verdicts(want, size_bytes)
    if size_bytes is None or verdicts or want.media == "any" or size_bytes >= LIGHTEST_BOOK_BYTES:
        return verdicts
    return [_shape("TooSmall", MAYBE, f"{size_bytes} bytes", f"{LIGHTEST_BOOK_BYTES} bytes")]


_HOURS = re.compile(r"\b(\d{1,3})\s?h(?:rs?|ours?)?\.?(?:[\s,]*(\d{1,2})\s?m(?:in(?:ute)?s?)?)?\b", re.IGNORECASE)
_MINUTES = re.compile(r"(?<!h )(?<!\d )\b(\d{2,4})\s?min(?:ute)?s?\b", re.IGNORECASE)
SHORTER_BY, LONGER_BY = 0.6, 1.6
"""A stated length beyond these shares of every known one is that of something else: lengths are stated roughly."""


def _length(reading: Reading) -> list[Verdict]:
    """The length that the line or the tags state, beside the known ones."""
    want, told = reading.want, f"{reading.scan.text} | {reading.release.tags or ''}"
    if not want.lengths_min or want.media == "any" or not (found := _HOURS.search(told) or _MINUTES.search(told)):
        return []
    said = int(found[1]) * 60 + int(found[2] or 0) if found.re is _HOURS else int(found[1])
    near = min(want.lengths_min, key=lambda length: abs(length - said))
    fits = near * SHORTER_BY <= said <= near * LONGER_BY
    return [_shape("LengthFits" if fits else "LengthDiffers", YES if fits else NO, f"{said} min", f"{near} min")]


def _nearest_length(lengths: Sequence[int], megabytes: float, profile: ProfileSpec) -> int:
    """The recording that this size speaks for: one within the band, if any is."""
    low, high = profile.min_mb_per_hour, profile.max_mb_per_hour
    rates = {length: megabytes / (length / 60) for length in lengths}
    return min(lengths, key=lambda length: (max(low - rates[length], rates[length] - high, 0), length))


def _size_verdicts(want: Want, size_bytes: int | None) -> list[Verdict]:
    if size_bytes is None or want.media == "any":
        return []
    profile, megabytes = want.profile, size_bytes / 1_000_000
    largest = profile.max_size_gb * 1_000
    if megabytes > largest:
        return [_shape("TooBig", NO, f"{megabytes:.0f} MB", f"{largest:.0f} MB")]
    if not want.lengths_min:
        small = size_bytes < SMALLEST_AUDIO_BYTES
        return [_shape("TooSmall", NO, f"{size_bytes} bytes", f"{SMALLEST_AUDIO_BYTES} bytes")] if small else []
    length = _nearest_length(want.lengths_min, megabytes, profile)
    rate = megabytes / (length / 60)
    band = f"{profile.min_mb_per_hour:g} to {profile.max_mb_per_hour:g} MB per hour of {length} min"
    if rate < profile.min_mb_per_hour:
        return [_shape("TooSmall", NO, f"{rate:.1f} MB per hour", band)]
    if rate > profile.max_mb_per_hour:
        return [_shape("TooBig", NO, f"{rate:.1f} MB per hour", band)]
    return [_shape("SizeFits", YES, f"{rate:.1f} MB per hour", band)]


def _bitrate(reading: Reading) -> list[Verdict]:
    least, said = reading.want.profile.min_bitrate_kbps, reading.bitrate_kbps
    if least is None or said is None:
        return []
    given = YES if said >= least else NO
    return [_shape("BitrateFits" if given is YES else "LowBitrate", given, f"{said} kbit/s", f"{least} kbit/s")]


def _alive(release: Release) -> list[Verdict]:
    seeders = release.seeders
    if seeders is None:
        return [_verdict("duty", "SeedersUnknown", Answer.NOT_ASKED, "the indexer does not say", "at least 1")]
    alive = seeders > 0
    return [_verdict("duty", "HasSeeders" if alive else "NoSeeders", YES if alive else NO, seeders, "at least 1")]


# --- shape of a file list --------------------------------------------------------------------------------------------

_EXECUTABLE = words_of(
    "exe bat cmd com scr msi msix js jse vbs vbe wsf wsh ps1 psm1 lnk pif jar app apk dmg pkg hta cpl reg sh"
    " dll url scf inf"
)
_ARCHIVES = words_of("rar zip 7z tar gz bz2 xz ace arj iso img bin cab")
_COVERS = words_of("jpg jpeg png gif webp bmp tif tiff avif svg")
_NOTES = words_of(
    "txt nfo cue log m3u m3u8 pls sfv md5 sha1 sha256 opf json xml md abs csv"
    " html htm pdf epub mobi azw3 jfif ini db srt vtt lrc ffmeta rtf doc docx par2 ds_store"
)


def judge_files(want: Want, files: Sequence[TorrentFile]) -> tuple[Verdict, ...]:
    """The shape gate over a torrent's file list, asked before it is added: audio of this book and nothing harmful."""
    if len(files) > MOST_FILES:
        return (_shape("TooManyFiles", NO, f"{len(files)} files", f"{MOST_FILES} files"),)
    audio = [file for file in files if file.extension in AUDIO_FORMATS]
    verdicts = [*_harmful(files), *_content(want, files, audio)]
    if audio:
        verdicts += [*_accepted(want, audio), *_size_verdicts(want, sum(file.size_bytes for file in audio))]
        verdicts += _one_book(want, audio)
    return tuple(verdicts)


def _harmful(files: Sequence[TorrentFile]) -> list[Verdict]:
    outside = [file.path for file in files if not _stays_inside(file.path)]
    executable = [file.path for file in files if file.extension in _EXECUTABLE]
    verdicts = [_shape("PathOutside", NO, outside[0], "paths inside the torrent's folder")] if outside else []
    return verdicts + ([_shape("Executable", NO, executable[0], "nothing that runs")] if executable else [])


def _stays_inside(path: str) -> bool:
    parts = re.split(r"[\\/]", path)
    rooted = path.startswith(("/", "\\", "~")) or bool(re.match(r"[A-Za-z]:", path))
    return bool(path.strip()) and not rooted and ".." not in parts and "\x00" not in path


def _content(want: Want, files: Sequence[TorrentFile], audio: Sequence[TorrentFile]) -> list[Verdict]:
    if not audio:
        if any(file.extension in _ARCHIVES or re.fullmatch(r"r\d\d|\d{3}|part\d+", file.extension) for file in files):
            return [_shape("Archive", NO, _some(files), "audio files, not an archive")]
        if want.media == "any" and any(file.extension in TEXT_FORMATS for file in files):
            return [_shape("MediumMatches", YES, _some(files), "any")]
        rule = "Ebook" if any(file.extension in TEXT_FORMATS for file in files) else "NotAudio"
        return [_shape(rule, NO, _some(files), "at least one audio file")]
    known = AUDIO_FORMATS | _COVERS | _NOTES | _EXECUTABLE
    strange = [file for file in files if file.extension not in known and not _is_padding(file)]
    archives = [file for file in strange if file.extension in _ARCHIVES]
    large = [file for file in strange if file.size_bytes > 50_000_000 and file not in archives]
    if archives:
        return [_shape("Archive", NO, archives[0].path, "audio, cover and text only")]
    if large:
        return [_shape("StrangeFile", NO, large[0].path, "audio, cover and text only")]
    if strange:
        return [_shape("StrangeFile", MAYBE, strange[0].path, "audio, cover and text only")]
    return [_shape("FilesFit", YES, f"{len(audio)} audio of {len(files)} files", "audio, cover and text only")]


def _is_padding(file: TorrentFile) -> bool:
    return "/.pad/" in f"/{file.path}" or file.path.rsplit("/", 1)[-1].startswith((".", "_____padding"))


def _some(files: Sequence[TorrentFile]) -> str:
    return ", ".join(file.path for file in files[:3]) or "no files"


def _accepted(want: Want, audio: Sequence[TorrentFile]) -> list[Verdict]:
    accepted = set(map(fold, want.profile.formats))
    found = {file.extension for file in audio}
    if not accepted or want.media == "any" or found & accepted:
        return []
    return [_shape("WrongFormat", NO, _listing(found), ", ".join(want.profile.formats))]


_DISC = re.compile(
    r"(?:cd|dis[ck]|part|side|disco|teil|pt|tape|chapters?|audio|mp3|m4b)[\W_]*(?:\d{1,3}|[ivx]{1,4}|one|two|three|a|b)?(?:[\W_]*(?:of|-)[\W_]*\d{1,3})?|\d{1,3}",
    re.IGNORECASE,
)


def _one_book(want: Want, audio: Sequence[TorrentFile]) -> list[Verdict]:
    """Several folders, or single-file books of other numbers or titles beside each other, are several books."""
    if want.form == "omnibus":
        return []
    books = _books_in(want, audio)
    if len(books) < 2:
        return [_shape("OneBook", YES, next(iter(books), "one folder"), want.title)]
    return [_shape("Pack", MAYBE if want.profile.packs else NO, "; ".join(sorted(books)[:4]), "one book")]


def _books_in(want: Want, audio: Sequence[TorrentFile]) -> set[str]:
    folders = {_folder(file.path) for file in audio}
    if len(folders) > 1:
        return folders
    whole = [file for file in audio if file.extension in ("m4b", "m4a", "aax")]
    if len(whole) < 2 or len(whole) != len(audio):
        return folders
    names = {_name_of_book(PurePosixPath(file.path).stem) for file in whole}
    mine = {
        name
        for name in names
        if same_title(name, want.title, series=want.series, authors=want.authors) is not Likeness.DIFFERENT
    }
    return names if mine and len(names) > 1 and names - mine else folders


def _folder(path: str) -> str:
    """The folder of a file without its disc folders."""
    parts = list(PurePosixPath(path.replace("\\", "/")).parts[:-1])
    while len(parts) > 1 and _is_disc(parts[-1], parts[-2]):
        parts.pop()
    return "/".join(parts)


def _is_disc(name: str, parent: str) -> bool:
    bare = fold(name)
    if _DISC.fullmatch(bare):
        return True
    shorter = bare.removeprefix(fold(parent)).strip()
    return shorter != bare and bool(_DISC.fullmatch(shorter))


def _name_of_book(stem: str) -> str:
    return (
        re.sub(r"[\s._-]*(?:part|pt|cd|disc|chapter)?[\s._-]*\d{1,3}(?:[\s._-]*of[\s._-]*\d{1,3})?$", "", stem).strip()
        or stem
    )
