"""Change one fact of a right release, and it must no longer be confirmed: in the title line, and in the fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from bench import matching
from domain.gates import Answer, answer, judge
from domain.matching import Reading
from domain.positions import read_position
from domain.releases import Release, SeriesName
from domain.wants import Want

ROOT = Path(__file__).parent.parent.parent

ELSE = "Zebulon Quark"
Right = tuple[Want, Release]


def _right_releases(*, native: bool) -> Iterator[Right]:
    """What is right in the corpus and confirmed: a release that is not, cannot be lost."""
    for row in matching.rows(ROOT / "tests" / "corpus" / "rank_cases.jsonl"):
        want = matching.want_of(row)
        for place in row["acceptable"]:
            candidate = row["candidates"][place]
            if native and not candidate.get("native"):
                continue
            release = matching.release_of(place, candidate, native=native, category="3030")
            if not native:
                release = msgspec.structs.replace(release, filetypes=None)
            if answer(judge(want, release)) is Answer.CONFIRMED:
                yield want, release


LINES = list({(want.title, release.title): (want, release) for want, release in _right_releases(native=False)}.values())
FIELDS = list({(want.title, release.title): (want, release) for want, release in _right_releases(native=True)}.values())


# --- the title line --------------------------------------------------------------------------------------------------


def _spans(reading: Reading, *labels: str) -> list[tuple[int, int]]:
    """Where words of these labels stand in the text, words beside each other as one."""
    spans: list[tuple[int, int]] = []
    before = ""
    for word in reading.scan.words:
        if word.label in labels and before in labels and word.break_before < 2:
            spans[-1] = (spans[-1][0], word.end)
        elif word.label in labels:
            spans.append((word.start, word.end))
        before = word.label
    return spans


def _put(reading: Reading, spans: list[tuple[int, int]], change: Callable[[str], str]) -> str | None:
    text = reading.scan.text
    for start, end in reversed(spans):
        text = text[:start] + change(text[start:end]) + text[end:]
    return text if text != reading.scan.text else None


def _titles(reading: Reading) -> list[tuple[int, int]]:
    words = reading.scan.words
    return [(words[start].start, words[end - 1].end) for start, end in reading.titles]


def _another_number(reading: Reading) -> str | None:
    places = [reading.scan.words[number.at] for number in reading.numbers]
    return _put(reading, [(word.start, word.end) for word in places if word.raw.isdecimal()], lambda n: f"{int(n) + 1}")


def _number_in_title(reading: Reading) -> str | None:
    if reading.book.volume is None:
        return None
    return _put(reading, _titles(reading), lambda title: re.sub(r"\d+", lambda n: f"{int(n[0]) + 1}", title))


def _added_number(reading: Reading) -> str | None:
    position, series = reading.want.position, reading.want.series
    if position is None or not series:
        return None
    return _put(reading, _titles(reading), lambda title: f"{title} ({series}, Book {position.low + 1})")


def _credited(said: str) -> Callable[[Reading], str | None]:
    """The author in another role, beside somebody else."""
    return lambda reading: _put(
        reading, _spans(reading, "author"), lambda name: said.format(re.sub(r"^by ", "", name, flags=re.IGNORECASE))
    )


def _longest_word(title: str) -> str:
    longest = max(re.findall(r"\w+", title), key=len)
    return title.replace(longest, "Zanzibar")


def _told(*, before: str = "", after: str = "") -> Callable[[Reading], str | None]:
    return lambda reading: _put(reading, _titles(reading), lambda title: f"{before}{title}{after}")


def _appended(said: str) -> Callable[[Reading], str | None]:
    return lambda reading: f"{reading.scan.text} {said}"


def _in_language(said: str, code: str) -> Callable[[Reading], str | None]:
    def change(reading: Reading) -> str | None:
        wanted = reading.want.language
        if wanted is None or wanted == code:
            return None
        spans = _spans(reading, "language")
        return _put(reading, spans, lambda _: said) if spans else f"{reading.scan.text} [{said}]"

    return change


def _abridged(reading: Reading) -> str | None:
    return _put(reading, _spans(reading, "abridged"), lambda _: "Abridged") or f"{reading.scan.text} (Abridged)"


def _as_ebook(reading: Reading) -> str | None:
    if reading.want.media == "any":
        return None
    text = _put(reading, _spans(reading, "format", "medium", "bitrate"), lambda _: "EPUB")
    return text if text and "audio" not in text.casefold() else None


CHANGES_OF_LINES: dict[str, Callable[[Reading], str | None]] = {
    "number": _another_number,
    "number in the title": _number_in_title,
    "number added": _added_number,
    "author": lambda reading: _put(reading, _spans(reading, "author", "author?"), lambda _: ELSE),
    "author as narrator": _credited(f"by {ELSE}, narrated by {{}}"),
    "author as translator": _credited(f"by {ELSE} (translated by {{}})"),
    "author in a longer name": _credited("by Zebulon {} Quark"),
    "title word": lambda reading: _put(reading, _titles(reading), _longest_word),
    "return of": _told(before="The Return of "),
    "word before": _told(before="Zanzibar "),
    "word behind": _told(after=" Reborn"),
    "subtitle": _told(after=": The Lost Throne"),
    "second title": _told(after=" and Zanzibar Nights"),
    "titles listed": _told(after=", Zanzibar Nights, Quark"),
    "number behind": _told(after=" 17"),
    "volume behind": _told(after=", Book 17"),
    "roman number": _told(after=" XVII"),
    "other series": _told(after=" (Zanzibar Nights, Book 17)"),
    "other series before": lambda reading: f"Zanzibar Nights 17 - {reading.scan.text}",
    "german": _in_language("GER", "de"),
    "french": _in_language("French", "fr"),
    "hoerbuch": lambda reading: None if reading.want.language in (None, "de") else f"{reading.scan.text} (Hörbuch)",
    "abridged": _abridged,
    "one of three": _appended("(1 of 3)"),
    "part two": _told(after=", Part 2"),
    "ebook": _as_ebook,
    "dramatized": _appended("(Dramatized Adaptation)"),
    "graphic audio": _appended("[GraphicAudio]"),
    "radio": _told(after=" (BBC Radio 4)"),
    "summary": lambda reading: f"Summary of {reading.scan.text}",
    "study guide": _told(after=" Study Guide"),
    "analysis": _told(before="Analysis of "),
    "sampler": _told(after=" (Sampler)"),
    "retold": _appended(f"retold by {ELSE}"),
    "range": _told(after=" (Books 1-3)"),
    "numbers listed": _told(after=" 1-3"),
    "omnibus": _told(after=" Omnibus"),
    "box set": _told(after=": The Complete Box Set"),
    "trilogy": _told(after=" Trilogy"),
    "series": lambda reading: None if reading.numbers else _told(after=" Series")(reading),
    "video": _appended("1080p WEB-DL x264"),
}


@pytest.mark.parametrize("change", CHANGES_OF_LINES)
def test_a_line_with_one_fact_changed_is_no_longer_confirmed(change):
    made = 0
    for want, release in LINES:
        changed = CHANGES_OF_LINES[change](Reading(want, release))
        if changed is None:
            continue
        made += 1
        verdicts = judge(want, msgspec.structs.replace(release, title=changed))
        assert answer(verdicts) is not Answer.CONFIRMED, f"{want.title!r} {want.series} {want.position}: {changed}"
    assert made


# --- the structured fields -------------------------------------------------------------------------------------------


def _replaced(**fields: object) -> Callable[[Want, Release], Release | None]:
    return lambda want, release: msgspec.structs.replace(release, **fields)


def _placed_at(change: Callable[[Want], tuple[str, str] | None]) -> Callable[[Want, Release], Release | None]:
    def changed(want: Want, release: Release) -> Release | None:
        if want.series is None or want.position is None or (place := change(want)) is None:
            return None
        return msgspec.structs.replace(release, series=(SeriesName(name=place[0], position=place[1]),))

    return changed


def _other_title(want: Want, release: Release) -> Release | None:
    reading = Reading(want, release)
    changed = _put(reading, _titles(reading), _longest_word)
    return msgspec.structs.replace(release, title=changed) if changed else None


CHANGES_OF_FIELDS: dict[str, Callable[[Want, Release], Release | None]] = {
    "next number": _placed_at(lambda want: (want.series or "", str(want.position.low + 1)) if want.position else None),
    "half a number": _placed_at(
        lambda want: (want.series or "", str(want.position.low + read_half)) if want.position else None
    ),
    "range": _placed_at(lambda want: (want.series or "", "1-12")),
    "list": _placed_at(lambda want: (want.series or "", "1, 2, 3")),
    "part": _placed_at(lambda want: (want.series or "", f"{want.position.low}p1") if want.position else None),
    "omnibus": _placed_at(lambda want: (want.series or "", "Omnibus")),
    "other series": _placed_at(lambda want: ("Zanzibar Nights", str(want.position.low)) if want.position else None),
    "author": _replaced(authors=(ELSE,)),
    "author translates": lambda want, release: msgspec.structs.replace(
        release, authors=(ELSE, f"{want.authors[0]} (Translator)")
    ),
    "author reads": lambda want, release: msgspec.structs.replace(release, authors=(ELSE,), narrators=want.authors),
    "author in a longer name": lambda want, release: msgspec.structs.replace(
        release, authors=(f"Zebulon {want.authors[0]} Quark",)
    ),
    "title": _other_title,
    "german": _replaced(language="German"),
    "abridged": _replaced(tags="abridged"),
    "part in tags": _replaced(tags="Part 1 of 3"),
    "dramatized": _replaced(tags="Dramatized Adaptation"),
    "ebook": _replaced(filetypes=("epub", "mobi")),
    "ebook category": _replaced(filetypes=None, category="Ebooks - Fantasy"),
    "film": _replaced(filetypes=None, category="Movies"),
    "series dramatized": _placed_at(
        lambda want: (f"{want.series} (Dramatized)", str(want.position.low)) if want.position else None
    ),
    "too small": lambda want, release: msgspec.structs.replace(release, size_bytes=300_000),
    "too big": lambda want, release: msgspec.structs.replace(release, size_bytes=90_000_000_000),
}
read_half = read_position("0.5").low  # type: ignore[union-attr]


@pytest.mark.parametrize("change", CHANGES_OF_FIELDS)
def test_fields_with_one_fact_changed_are_no_longer_confirmed(change):
    made = 0
    for want, release in FIELDS:
        changed = CHANGES_OF_FIELDS[change](want, release)
        if changed is None:
            continue
        made += 1
        assert answer(judge(want, changed)) is not Answer.CONFIRMED, (want.title, want.series, want.position, changed)
    assert made
