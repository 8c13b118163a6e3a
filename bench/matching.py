"""How well releases are chosen and names compared, on a folder of labelled rows: `python bench/matching.py FOLDER`.

Reads `rank_cases.jsonl` and `name_pairs.jsonl`; prints how often the right release is found, how often a wrong one
would be taken unattended, and the same for pairs of names. `-v` lists every miss.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.gates import Answer, Verdict, answer, judge
from domain.manifest import ProfileSpec
from domain.names import Likeness, same_person, same_series, same_title
from domain.positions import read_position
from domain.preference import order
from domain.releases import Release, SeriesName
from domain.wants import Want

Row = dict[str, Any]
ANY_FORMAT = ("m4b", "mp3", "m4a", "flac", "ogg", "opus", "aac")


def rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def want_of(row: Row) -> Want:
    wanted = row["wanted"]
    language = None if wanted["language"] in (None, "any") else wanted["language"]
    return Want(
        key=row["id"],
        title=wanted["title"],
        authors=tuple(wanted["authors"]),
        series=wanted["series"],
        position=read_position(wanted["position"]),
        language=language,
        runtime_min=wanted["duration_min"],
        media=wanted["media"] or "audiobook",
        form=wanted["form"] or "single",
        profile=ProfileSpec(languages=() if language is None else (language,), formats=ANY_FORMAT),
    )


def release_of(place: int, candidate: Row, *, native: bool, category: str | None) -> Release:
    """A candidate as an adapter would hand it over; `native` uses the tracker's own fields, not the title line."""
    own = candidate.get("native") if native else None
    size_mb = candidate.get("size_mb")
    return Release(
        id=f"{place:016x}",
        indexer="bench",
        title=own["title"] if own else candidate["title"],
        authors=tuple(own["authors"]) or None if own else None,
        narrators=tuple(own["narrators"]) or None if own else None,
        series=tuple(SeriesName(name=name, position=number) for name, number in own["series"]) or None if own else None,
        filetypes=(candidate["filetype"],) if candidate.get("filetype") else None,
        category=candidate.get("category") or category,
        tags=own["tags"] or None if own else None,
        size_bytes=None if size_mb is None else int(size_mb * 1_000_000),
        files=candidate.get("files"),
        seeders=candidate.get("seeders"),
    )


def choose(row: Row, *, native: bool, category: str | None) -> tuple[int | None, list[tuple[Verdict, ...]]]:
    """The place of the release that would be taken unattended, and all verdicts."""
    want = want_of(row)
    releases = [release_of(n, each, native=native, category=category) for n, each in enumerate(row["candidates"])]
    verdicts = [judge(want, release) for release in releases]
    judged = [(release, answer(given)) for release, given in zip(releases, verdicts, strict=True)]
    confirmed = [(release, given) for release, given in order(want, judged) if given is Answer.CONFIRMED]
    return (int(confirmed[0][0].id, 16) if confirmed else None), verdicts


def bench_ranks(folder: Path, *, native: bool, category: str | None, verbose: bool) -> None:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(folder / "rank_cases.jsonl"):
        taken, verdicts = choose(row, native=native, category=category)
        outcome = _outcome(row, taken)
        counts[row["group"]][outcome] += 1
        confirmed = [n for n, given in enumerate(verdicts) if answer(given) is Answer.CONFIRMED]
        strays = [n for n in confirmed if n not in row["acceptable"]]
        counts[row["group"]]["wrong confirmed"] += len(strays)
        if verbose and (outcome in ("wrong", "missed") or strays):
            _explain(row, outcome, strays or row["acceptable"], verdicts)
    for group, counter in sorted(counts.items()):
        _print(group, counter)
    _print("all but catalog_volumes", sum((c for g, c in counts.items() if g != "catalog_volumes"), Counter()))
    _print("all", sum(counts.values(), Counter()))


def _outcome(row: Row, taken: int | None) -> str:
    if taken is None:
        return "missed" if row["acceptable"] else "rightly nothing"
    return "found" if taken in row["acceptable"] else "wrong"


def _print(name: str, counter: Counter[str]) -> None:
    offered = counter["found"] + counter["missed"]
    share = 100 * counter["found"] / offered if offered else 100.0
    print(f"{name:26} found {counter['found']:3} of {offered:3} ({share:5.1f} %)  wrong {counter['wrong']}  "
          f"rightly nothing {counter['rightly nothing']}  wrong confirmed {counter['wrong confirmed']}")  # fmt: skip


def _explain(row: Row, outcome: str, places: list[int], verdicts: list[tuple[Verdict, ...]]) -> None:
    wanted = row["wanted"]
    print(f"{outcome}: {row['id']} {wanted['title']!r} {wanted['authors']} {wanted['series']} {wanted['position']}")
    for place in places:
        candidate = row["candidates"][place]
        print(f"    [{candidate['label']}] {candidate['title']}")
        for verdict in verdicts[place]:
            if outcome == "wrong" or verdict.answer in (Answer.NO, Answer.POSSIBLE):
                print(f"        {verdict.answer:9} {verdict.rule}: {verdict.seen} | {verdict.limit}")


def bench_pairs(folder: Path) -> None:
    compare = {"title": same_title, "author": same_person, "series": same_series}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(folder / "name_pairs.jsonl"):
        likeness = compare[row["kind"]](row["a"], row["b"])
        right = likeness is (Likeness.SAME if row["same"] else Likeness.DIFFERENT)
        outcome = "right" if right else ("unsure" if likeness is Likeness.UNSURE else "wrong")
        counts[row["kind"]][outcome] += 1
        counts[row["kind"]]["wrong merges"] += likeness is Likeness.SAME and not row["same"]
    for kind, counter in sorted(counts.items()):
        total = counter["right"] + counter["unsure"] + counter["wrong"]
        told = ", ".join(f"{name} {counter[name]}" for name in ("right", "unsure", "wrong", "wrong merges"))
        print(f"{kind:8} {total:4} pairs: {told}")


def main(arguments: list[str]) -> int:
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1:
        print(__doc__)
        return 64
    folder, verbose = Path(folders[0]), "-v" in arguments
    print("with the tracker's own fields, searched in the audiobooks category:")
    bench_ranks(folder, native=True, category="3030", verbose=verbose)
    print("\nthe title line alone, searched in the audiobooks category:")
    bench_ranks(folder, native=False, category="3030", verbose=verbose and "--lines" in arguments)
    print("\nthe title line alone, category as given:")
    bench_ranks(folder, native=False, category=None, verbose=False)
    print()
    bench_pairs(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
