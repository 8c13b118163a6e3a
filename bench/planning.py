"""How long planning takes, against decoding the same snapshot: `python bench/planning.py [--sizes 1000,10000,100000]`.

A library of so many items, a tenth as many wants: most are owned, one in ten is missing and has offers. Printed are the
time to decode the snapshot, the first fold of all names (kept with stored items from then on), the first plan (which
judges every offer once) and a later one, and how the later one grows. The bar is ten times the decoding.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.case import TAG_PREFIX, judge_once
from domain.desired import Desired
from domain.manifest import PolicySpec
from domain.names import want_slug
from domain.ownership import keys_of
from domain.plan import plan
from domain.positions import read_position
from domain.releases import Release, SeriesName
from domain.searching import question_of
from domain.wants import Want
from domain.world import Baseline, Claim, Item, Known, LibraryView, Outcome, Searched, Torrent, TorrentState, World

T = TypeVar("T")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BAR = 10.0
SIZES = (1_000, 10_000, 100_000)

GIVEN = ("Frank", "Edgar", "Arthur", "Jules", "Edith", "Andrew", "Ruth", "George", "Louisa", "Robert", "Anna", "Mary")
SURNAMES = ("Baum", "Burroughs", "Doyle", "Verne", "Nesbit", "Lang", "Thompson", "MacDonald", "Alcott", "Stevenson")
HEROES = ("Ozma", "Dorothy", "Tarzan", "Sherlock", "Nemo", "Glinda", "Rinkitink", "Thuvia", "Phantastes", "Alan", "Jo")
THINGS = ("Wizard", "Princess", "Valley", "Island", "Lamp", "Castle", "Sign", "Return", "Voyage", "Garden", "Chessmen")
LANDS = ("Oz", "Ev", "Mars", "Ix", "Lilliput", "Barsoom", "Wonderland", "Pellucidar", "Baker Street", "the Moon")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one tick reads: the library, the client, and what the store remembers of them."""

    items: tuple[Item, ...]
    torrents: tuple[Torrent, ...]
    claims: tuple[Claim, ...]
    searches: dict[str, Searched]


def books(count: int, chance: random.Random) -> list[Want]:
    """So many different books, ten to a series, three series to an author."""
    made = []
    for number in range(count):
        series_number, place = divmod(number, 10)
        author_number = series_number // 3
        given, surname = GIVEN[author_number % len(GIVEN)], SURNAMES[author_number % len(SURNAMES)]
        author = f"{given} {chr(65 + author_number % 26)}. {surname}-{_word(author_number)}"
        series = f"{LANDS[series_number % len(LANDS)]} of {_word(series_number)}"
        title = f"{chance.choice(HEROES)} and the {chance.choice(THINGS)} of {_word(number)}"
        made.append(
            Want(
                key=want_slug(author, title),
                title=title,
                authors=(author,),
                series=series,
                position=read_position(str(place + 1)),
                runtime_min=chance.randint(240, 900),
                because=(f"Series/{series_number}",),
            )
        )
    return made


def _word(number: int) -> str:
    """A pronounceable word for a number: every number has its own."""
    syllables = (
        "ba",
        "cor",
        "di",
        "fen",
        "gal",
        "hu",
        "jin",
        "ka",
        "lom",
        "mar",
        "ni",
        "pol",
        "qui",
        "ras",
        "tho",
        "vel",
    )
    word = ""
    while True:
        number, rest = divmod(number, len(syllables))
        word += syllables[rest]
        if not number:
            return word.capitalize()


def item_of(number: int, want: Want, chance: random.Random) -> Item:
    place = want.position.text if want.position else ""
    messy = chance.random() < 0.2
    title = f"{want.series} {place} - {want.title} (Unabridged)" if messy else want.title
    return Item(
        id=f"li_{number:08x}",
        library_id="main",
        path=f"/audiobooks/{want.authors[0]}/{want.series}/{place} - {want.title}",
        rel_path=f"{want.authors[0]}/{want.series}/{place} - {want.title}",
        title=title,
        authors=want.authors,
        narrators=("A Volunteer Reader",),
        series=() if messy else (SeriesName(name=want.series or "", position=place),),
        language="English",
        published_year="1907",
        duration_s=(want.runtime_min or 300) * 60.0,
        size_bytes=300_000_000,
        tracks=24,
        updated_at_ms=1_700_000_000_000 + number,
        inode=str(number),
    )


def offers_of(number: int, want: Want, neighbour: Want) -> tuple[Release, ...]:
    def offer(place: int, one: Want, note: str) -> Release:
        return Release(
            id=f"{number:012x}{place:04x}",
            indexer="shelf",
            title=f"{one.authors[0]} - {one.title} {note}",
            category="3030",
            seeders=5,
            size_bytes=250_000_000,
        )

    return offer(0, want, "[M4B]"), offer(1, want, "(Abridged) [MP3]"), offer(2, neighbour, "[MP3]")


def world_of(items: int) -> tuple[Snapshot, Desired]:
    """So many items and a tenth as many wants; nine of ten wants are owned, some of those still seed."""
    chance = random.Random(items)
    catalogue = books(items + items // 100, chance)
    wanted = chance.sample(catalogue[:items], items // 10 - items // 100) + catalogue[items:]
    shelf = tuple(item_of(number, want, chance) for number, want in enumerate(catalogue[:items]))
    missing = catalogue[items:]
    seeding = wanted[: items // 50]
    searches = {
        want.key: Searched(
            want=want.key,
            at=NOW - timedelta(hours=2),
            answered=("shelf",),
            asked=question_of(want),
            offers=offers_of(number, want, chance.choice(catalogue)),
        )
        for number, want in enumerate(missing)
    }
    snapshot = Snapshot(
        items=shelf,
        torrents=tuple(_torrent(number, want) for number, want in enumerate(seeding)),
        claims=tuple(_claim(number, want) for number, want in enumerate(seeding)),
        searches=searches,
    )
    wants = tuple(sorted(wanted, key=lambda want: want.key))
    return snapshot, Desired(wants=wants, policy=PolicySpec(bootstrap="apply"))


def _torrent(number: int, want: Want) -> Torrent:
    infohash = f"{number:040x}"
    return Torrent(
        id=infohash,
        infohash_v1=infohash,
        name=want.title,
        category="bibliostat",
        tags=(TAG_PREFIX + want.key,),
        state=TorrentState.DONE,
        progress=1.0,
        complete=True,
        completed_at=NOW - timedelta(hours=5),
    )


def _claim(number: int, want: Want) -> Claim:
    return Claim(
        id=number + 1,
        action="grab",
        want=want.key,
        release=f"{number:016x}",
        infohash=f"{number:040x}",
        outcome=Outcome.SENT,
        claimed_at=NOW - timedelta(days=1),
    )


def timed(work: Callable[[], T], times: int = 3) -> tuple[float, T]:
    """The best of so many runs, in seconds, and the last result."""
    best = math.inf
    for _ in range(times):
        gc.collect()
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def world(snapshot: Snapshot) -> World:
    return World(
        library=Known(value=LibraryView(items=snapshot.items), read_at=NOW),
        downloads=Known(value=snapshot.torrents, read_at=NOW),
        indexers=("shelf",),
        free_bytes=10**12,
        claims=snapshot.claims,
        searches=snapshot.searches,
        baseline=Baseline(items=len(snapshot.items), missing=0, torrents=len(snapshot.torrents)),
    )


def measure(size: int) -> tuple[float, float]:
    """Print one row; decoding and a later plan, in seconds."""
    bare, desired = world_of(size)
    fold_s, items = timed(lambda: tuple(msgspec.structs.replace(one, keys=keys_of(one)) for one in bare.items), 1)
    encoded = msgspec.json.encode(msgspec.structs.replace(bare, items=items))
    decoder = msgspec.json.Decoder(Snapshot)
    decode_s, snapshot = timed(lambda: decoder.decode(encoded))
    judge_once.cache_clear()
    first_s, made = timed(lambda: plan(desired, world(snapshot), NOW), 1)
    later_s, _ = timed(lambda: plan(desired, world(snapshot), NOW))
    print(
        f"{size:8,} x {len(desired.wants):6,}  {len(encoded) / 1e6:6.1f} MB"
        f"  decode {decode_s:7.3f} s  first fold {fold_s:7.3f} s"
        f"  first plan {first_s:7.3f} s ({first_s / decode_s:4.1f} x)"
        f"  plan {later_s:7.3f} s ({later_s / decode_s:4.1f} x)  owned {len(made.owned):,}"
    )
    return decode_s, later_s


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of items, comma-separated")
    sizes = [int(size) for size in parser.parse_args(arguments).sizes.split(",")]
    rows = [(size, *measure(size)) for size in sizes]
    (least, _, quickest), (most, decode_s, slowest) = rows[0], rows[-1]
    if most > least:
        slope = math.log(slowest / quickest) / math.log(most / least)
        print(f"growth from {least:,} to {most:,}: size to the power {slope:.2f} (1.00 is linear)")
    ratio = slowest / decode_s
    print(f"bar: at most {BAR:g} x decoding; {most:,} items take {ratio:.1f} x: {'held' if ratio <= BAR else 'MISSED'}")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
