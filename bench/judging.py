"""How long judging takes: 10,000 releases against 1,000 wants: `python bench/judging.py`.

Only plausible pairs are judged. Reading the titles is printed apart: it is done once per release, however many wants
there are. Judging is put beside one call of rapidfuzz's `token_set_ratio` for each plausible pair.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from rapidfuzz.fuzz import token_set_ratio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.gates import Answer, answer, judge
from domain.plausible import Plausible
from domain.positions import read_position
from domain.releases import Release
from domain.titles import read_text
from domain.wants import Want

WANTS, RELEASES, VOLUMES = 1_000, 10_000, 5
LINES = (
    "{title} by {author} [ENG / M4B]",
    "{author} - {series} {number:02} - {title}",
    "{author} - {title} (Unabridged) 64kbps",
    "{title} ({series}, Book {number}) by {author}",
    "{title}: {series}, Book {number} by {author}, read by Phil Chenevert [MP3]",
    "{dotted}.{number:02}.m4b",
    "{author} - {series} {number}-{after}",
    "Summary of {title} by {author}",
    "{series} {after} - {author} [GER / MP3]",
    "{title} and Other Stories by {author}",
)
_SYLLABLES = [
    "ba",
    "ra",
    "do",
    "mi",
    "lo",
    "ke",
    "san",
    "ta",
    "ver",
    "nu",
    "el",
    "go",
    "ri",
    "fa",
    "ste",
    "mo",
    "lin",
    "qua",
    "zu",
    "per",
    "hi",
    "ol",
    "den",
    "cy",
]
_KINGDOMS = [
    "Road",
    "City",
    "Land",
    "Queen",
    "Wizard",
    "Sea",
    "Island",
    "Magic",
    "Lost",
    "Emerald",
    "Scarlet",
    "Wonderful",
    "Giant",
    "Princess",
    "Tin",
    "Mars",
]


def world(seed: int = 1) -> tuple[list[Want], list[Release]]:
    """Series of five volumes by as many authors, and releases of all of them: right ones, packs and others."""
    chance = random.Random(seed)
    wants = list(_wants(chance))
    releases = [_release(number, chance.choice(wants), chance) for number in range(RELEASES)]
    return wants, releases


def _name(chance: random.Random, words: int) -> str:
    return " ".join("".join(chance.choices(_SYLLABLES, k=chance.randint(2, 3))).title() for _ in range(words))


def _wants(chance: random.Random) -> Iterator[Want]:
    for number in range(WANTS):
        if number % VOLUMES == 0:
            author, series = _name(chance, 2), _name(chance, 1)
        title = f"The {chance.choice(_KINGDOMS)} {chance.choice(_KINGDOMS)} of {_name(chance, 1)}"
        position = read_position(str(number % VOLUMES + 1))
        yield Want(key=str(number), title=title, authors=(author,), series=series, position=position, runtime_min=500)


def _release(number: int, want: Want, chance: random.Random) -> Release:
    place = int(want.position.low) if want.position else 1
    author = want.authors[0]
    dotted = f"{author} {want.title}".replace(" ", ".")
    title = chance.choice(LINES).format(
        title=want.title, author=author, series=want.series, number=place, after=place + 2, dotted=dotted
    )
    return Release(
        id=f"{number:016x}", indexer="bench", title=title, category="3030", size_bytes=300_000_000, seeders=3
    )


class Watch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.spent_s: Counter[str] = Counter()
        self.count: Counter[str] = Counter()

    @contextmanager
    def on(self, what: str, count: int) -> Iterator[None]:
        began = perf_counter()
        yield
        self.spent_s[what] += perf_counter() - began
        self.count[what] += count


def main() -> int:
    wants, releases = world()
    watch, confirmed = Watch(), 0
    with watch.on("index of the wants", len(wants)):
        index = Plausible(wants)
    for release in releases:
        with watch.on("reading its title", 1):
            read_text(release.title)
        with watch.on("finding its plausible wants", 1):
            found = index.wants_for(release)
        with watch.on("judging a plausible pair", len(found)):
            verdicts = [judge(want, release) for want in found]
        with watch.on("one token_set_ratio", len(found)):
            for want in found:
                token_set_ratio(f"{want.title} {want.authors[0]}", release.title)
        confirmed += sum(answer(given) is Answer.CONFIRMED for given in verdicts)
    pairs = watch.count["judging a plausible pair"]
    print(f"{len(releases):,} releases, {len(wants):,} wants: {pairs:,} plausible pairs, {confirmed:,} confirmed")
    for what, spent_s in watch.spent_s.items():
        print(f"{what:30} {spent_s:7.2f} s  {spent_s / watch.count[what] * 1e6:7.1f} µs each")
    fuzzy_s = watch.spent_s["one token_set_ratio"]
    judging_s = watch.spent_s["judging a plausible pair"]
    every_s = fuzzy_s / pairs * len(wants) * len(releases)
    print(f"judging takes {judging_s / fuzzy_s:.1f} times as long as one token_set_ratio per plausible pair")
    all_s = sum(watch.spent_s.values()) - fuzzy_s
    print(
        f"reading, finding and judging together take {all_s / every_s:.2f} times as long as one for each of all pairs"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
