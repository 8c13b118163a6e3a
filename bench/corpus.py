"""How well releases are chosen on the labelled cases of this repository: `make corpus`.

Prints, for each kind of case, how often the right release is found and whether a wrong one is confirmed; and for each
rule how often it refused, and how often what it refused was right. Ends with 1 on any wrong release confirmed, or when
less than 95 % is found where the title suffices. `-v` lists every miss.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import corpus_titles
import matching

from domain.gates import Answer, Verdict, answer, judge
from domain.judging import Candidate, Wanted, release_of, want_of
from domain.manifest import ProfileSpec
from domain.names import Likeness, same_person, same_series, same_title
from domain.preference import order
from domain.releases import Release
from domain.wants import Want

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "corpus"
AUDIOBOOKS = "3030"
LEAST_FOUND = 0.95


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A want, what is offered for it, and the places of what is right; of `unsettled` either answer will do."""

    id: str
    kind: str
    want: Want
    releases: tuple[Release, ...]
    right: frozenset[int]
    unsettled: frozenset[int] = frozenset()
    settled: bool = True
    """Whether title and fields suffice to find it."""


class Measured(msgspec.Struct, kw_only=True):
    """What came of the cases."""

    kinds: dict[str, Counter[str]] = msgspec.field(default_factory=lambda: defaultdict(Counter))
    """Kind -> offered, found; right, right confirmed, wrong confirmed."""
    rules: dict[str, Counter[str]] = msgspec.field(default_factory=lambda: defaultdict(Counter))
    """`gate/Rule` -> no, possible, and how many of these were right releases."""
    wrong: list[str] = msgspec.field(default_factory=list)
    missed: list[str] = msgspec.field(default_factory=list)

    @property
    def total(self) -> Counter[str]:
        return sum(self.kinds.values(), Counter())

    @property
    def found(self) -> float:
        """Share of the searches that found what they should, where the title suffices."""
        return self.total["found"] / max(1, self.total["offered"])


def rank_cases(*, native: bool, category: str | None) -> Iterator[Case]:
    """Real searches; `native` with the tracker's own fields, else by the title line."""
    for row in matching.rows(FOLDER / "rank_cases.jsonl"):
        releases = (
            matching.release_of(place, one, native=native, category=category)
            for place, one in enumerate(row["candidates"])
        )
        yield Case(
            id=row["id"],
            kind=row["why"],
            want=matching.want_of(row),
            releases=tuple(releases),
            right=frozenset(row["acceptable"]),
            settled=not row["needs"] or native,
        )


def hard_cases() -> Iterator[Case]:
    """Made by hand around works in the public domain, as `judge` reads them."""
    for row in matching.rows(FOLDER / "hard_cases.jsonl"):
        candidates = msgspec.convert(row["candidates"], tuple[Candidate, ...])
        yield Case(
            id=row["id"],
            kind=row["kind"],
            want=want_of(msgspec.convert(row["wanted"], Wanted), ProfileSpec()),
            releases=tuple(release_of(place, one) for place, one in enumerate(candidates)),
            right=frozenset(row["acceptable"]),
            unsettled=frozenset(row["unsettled"]),
        )


def measure(cases: Iterable[Case]) -> Measured:
    """Judge every case and count. Nothing is printed."""
    measured = Measured()
    for case in cases:
        verdicts = [judge(case.want, release) for release in case.releases]
        answers = [answer(given) for given in verdicts]
        _count(measured, case, answers)
        for place, given in enumerate(verdicts):
            if place not in case.unsettled:
                _count_rules(measured, given, right=place in case.right)
    return measured


def _count(measured: Measured, case: Case, answers: list[Answer]) -> None:
    counts = measured.kinds[case.kind]
    confirmed = {place for place, given in enumerate(answers) if given is Answer.CONFIRMED}
    wrong = confirmed - case.right - case.unsettled
    counts["right"] += len(case.right)
    counts["right confirmed"] += len(confirmed & case.right)
    counts["wrong confirmed"] += len(wrong)
    measured.wrong += [f"{case.id}: {case.releases[place].title}" for place in sorted(wrong)]
    if not case.right or not case.settled:
        return
    counts["offered"] += 1
    judged = order(case.want, list(zip(case.releases, answers, strict=True)))
    first = next((release for release, given in judged if given is Answer.CONFIRMED), None)
    found = first is not None and case.releases.index(first) in case.right | case.unsettled
    counts["found"] += found
    measured.missed += [] if found else [f"{case.id}: {case.want.name}"]


def _count_rules(measured: Measured, verdicts: Iterable[Verdict], *, right: bool) -> None:
    for verdict in verdicts:
        if verdict.answer in (Answer.NO, Answer.POSSIBLE):
            counts = measured.rules[f"{verdict.gate}/{verdict.rule}"]
            counts[verdict.answer.value] += 1
            counts["right"] += right


SETS: dict[str, Callable[[], Iterator[Case]]] = {
    "real searches, with the tracker's own fields": partial(rank_cases, native=True, category=AUDIOBOOKS),
    "real searches, the title line alone": partial(rank_cases, native=False, category=AUDIOBOOKS),
    "hard cases made by hand": hard_cases,
}
"""What must hold: nothing wrong, and 95 % found."""
SILENT = {"real searches, the title line alone, no category": partial(rank_cases, native=False, category=None)}
"""Where nothing tells the medium a person has to look: nothing wrong is all that is asked."""


def wrong_merges() -> list[str]:
    """Pairs of names that are told apart by people and not by us."""
    compare = {"title": same_title, "author": same_person, "series": same_series}
    rows = matching.rows(FOLDER / "name_pairs.jsonl")
    return [
        f"{row['kind']}: {row['a']} | {row['b']}"
        for row in rows
        if not row["same"] and compare[row["kind"]](row["a"], row["b"]) is Likeness.SAME
    ]


def main(arguments: list[str]) -> int:
    failed = False
    for name, cases in (SETS | SILENT).items():
        measured = measure(cases())
        _print(name, measured, verbose="-v" in arguments)
        failed |= bool(measured.wrong) or (name in SETS and measured.found < LEAST_FOUND)
    merges = wrong_merges()
    print(f"pairs of names: {len(merges)} merged wrongly", *merges, sep="\n    ")
    print("\nrelease titles read without knowing the book (right / said / asserted):")
    for field, counts in corpus_titles.measure(matching.rows(FOLDER / "release_titles.jsonl")).items():
        print(f"    {field:12} {counts[0]:4} / {counts[1]:4} / {counts[2]:4}")
    return 1 if failed or merges else 0


def _print(name: str, measured: Measured, *, verbose: bool) -> None:
    print(f"{name}:")
    for kind, counts in (*sorted(measured.kinds.items()), ("all", measured.total)):
        confirmed = counts["right confirmed"] + counts["wrong confirmed"]
        precision = f"{counts['right confirmed'] / confirmed:7.1%}" if confirmed else "      -"
        recall = f"{counts['found'] / counts['offered']:7.1%}" if counts["offered"] else "      -"
        print(
            f"    {kind:36} precision {precision}  recall {recall} ({counts['found']} of {counts['offered']})  "
            f"right confirmed {counts['right confirmed']} of {counts['right']}  wrong {counts['wrong confirmed']}"
        )
    print("    rule                                       no  possible   of these right")
    for rule, counts in sorted(measured.rules.items()):
        print(f"    {rule:36} {counts['no']:8} {counts['possible']:9} {counts['right']:16}")
    for line in (*(f"WRONG {one}" for one in measured.wrong), *(measured.missed if verbose else ())):
        print(f"    {line}")
    print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
