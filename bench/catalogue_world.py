"""A household's library and the catalogue around it, made up and always the same: for benchmarks and long tests.

`python bench/catalogue_world.py` prints its figures. Sizes of series and the books of an author fall off as Zipf has
it: a few long series and busy authors, and very many of one or two books.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.sandbox.catalogue_books import (
    BOOK_SOURCES,
    Book,
    CatalogueWorld,
    Person,
    Place,
    Recording,
    Series,
    isbn_of,
    slug,
)
from domain.releases import SeriesName
from domain.world import Item

BOOKS, AUTHORS, SERIES = 1_600, 340, 860
ALONE = 0.1
"""Share of the owned books that are in no series."""
OWNED = 0.6
"""Share of a series that the household owns, about."""

GIVEN = ("Frank", "Edgar", "Arthur", "Jules", "Edith", "Andrew", "Ruth", "George", "Louisa", "Robert", "Anna", "Mary")
SURNAMES = ("Baum", "Burroughs", "Doyle", "Verne", "Nesbit", "Lang", "Thompson", "MacDonald", "Alcott", "Stevenson")
HEROES = ("Ozma", "Dorothy", "Tarzan", "Sherlock", "Nemo", "Glinda", "Rinkitink", "Thuvia", "Phantastes", "Alan", "Jo")
THINGS = ("Wizard", "Princess", "Valley", "Island", "Lamp", "Castle", "Sign", "Return", "Voyage", "Garden", "Chessmen")
LANDS = ("Oz", "Ev", "Mars", "Ix", "Lilliput", "Barsoom", "Wonderland", "Pellucidar", "Baker Street", "the Moon")
NARRATORS = ("Ada Winslow", "Thomas Beck", "Clara Mead", "Ruth Halloran", "Nora Field", "Edwin Hale")
SYLLABLES = ("ba", "cor", "di", "fen", "gal", "hu", "jin", "ka", "lom", "mar", "ni", "pol", "qui", "ras", "tho", "vel")
FIRST_DAY = date(2005, 1, 1)


class Household(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, and what of it stands in the library."""

    world: CatalogueWorld
    items: tuple[Item, ...]
    owned: frozenset[str]
    """Keys of the world's books that are in the library."""


def household(*, books: int = BOOKS, authors: int = AUTHORS, series: int = SERIES, seed: int = 1) -> Household:
    """So many owned books by so many authors, in series of so many names, and all that the series hold besides."""
    chance = random.Random(seed)
    people = tuple(_person(number) for number in range(authors))
    alone = min(round(books * ALONE), max(books - series, 0))
    sizes = zipf(books - alone, min(series, books - alone))
    writers = [people[place] for place, count in enumerate(zipf(len(sizes) + alone, authors)) for _ in range(count)]
    chance.shuffle(writers)
    made: list[Book] = []
    owned: set[str] = set()
    told: list[Series] = []
    for place, (size, writer) in enumerate(zip(sizes, writers, strict=False)):
        told.append(_series(place))
        length = size + sum(chance.random() > OWNED for _ in range(size))
        members = [_book(len(made) + at, writer, told[-1], at + 1, chance) for at in range(length)]
        owned |= {book.key for book in chance.sample(members, size)}
        made += members
        made += _besides(members, told[-1], len(made), chance)
    for writer in writers[len(sizes) :]:
        made.append(_book(len(made), writer, None, 0, chance))
        owned.add(made[-1].key)
    world = CatalogueWorld(books=tuple(made), series=tuple(told), people=people)
    return Household(world=world, items=_items(world, owned, chance), owned=frozenset(owned))


def zipf(total: int, places: int) -> list[int]:
    """`total` shared out so that the nth place gets about 1/n of the first; no place gets less than one."""
    if places <= 0:
        return []
    weight = sum(1 / rank for rank in range(1, places + 1))
    spare = total - places
    shares = [1 + int(spare / (rank * weight)) for rank in range(1, places + 1)]
    for place in range(total - sum(shares)):
        shares[place % places] += 1
    return shares


def _word(number: int) -> str:
    """A pronounceable word for a number: every number has its own."""
    word = ""
    while True:
        number, rest = divmod(number, len(SYLLABLES))
        word += SYLLABLES[rest]
        if not number:
            return word.capitalize()


def _person(number: int) -> Person:
    given, surname = GIVEN[number % len(GIVEN)], SURNAMES[number % len(SURNAMES)]
    name = f"{given} {chr(65 + number % 26)}. {surname}-{_word(number)}"
    return Person(
        key=slug(name),
        name=name,
        asin=f"B0P{number:07d}",
        openlibrary=f"OL{number + 1}A",
        other_names=(f"{surname}-{_word(number)}, {given}",),
    )


def _series(number: int) -> Series:
    """Each name once. One in ten is known to Open Library."""
    name = f"{LANDS[number % len(LANDS)]} of {_word(number)}"
    return Series(
        key=slug(name),
        name=f"The {name} Series" if number % 7 == 0 else name,
        other_name=name,
        asins={"us": f"B0S{number:07d}", "uk": f"B0T{number:07d}"},
        openlibrary=f"OL{number + 1}L" if number % 10 == 0 else "",
    )


def _book(number: int, writer: Person, series: Series | None, position: int, chance: random.Random) -> Book:
    title = f"{chance.choice(HEROES)} and the {chance.choice(THINGS)} of {_word(number)}"
    minutes = chance.randint(240, 900)
    recordings = [_recording(f"{number:06d}", minutes, chance)]
    if chance.random() < 0.15:
        recordings.append(_recording(f"1{number:05d}", minutes + chance.randint(-9, 9), chance))
    return Book(
        key=slug(title),
        title=title,
        authors=(writer.key,),
        places=(Place(series=series.key, sequence=str(position)),) if series else (),
        year=chance.randint(1860, 1929),
        isbn=isbn_of(number),
        known_to=frozenset(source for source in sorted(BOOK_SOURCES) if source == "audible" or chance.random() < 0.85),
        recordings=tuple(recordings),
    )


def _recording(number: str, minutes: int, chance: random.Random) -> Recording:
    return Recording(
        asins={"us": f"B0A{number}0", "uk": f"B0B{number}0"},
        narrators=(chance.choice(NARRATORS),),
        minutes=minutes,
        released=FIRST_DAY + timedelta(days=chance.randrange(7_000)),
    )


def _besides(members: list[Book], series: Series, number: int, chance: random.Random) -> list[Book]:
    """What shops list in a longer series besides its books: a box of the first three, a translation, a placeholder."""
    if len(members) < 4:
        return []
    first, writer = members[0], members[0].authors
    box = Book(
        key=slug(f"{series.key} collection"),
        title=f"The {series.other_name} Collection, Books 1-3",
        authors=writer,
        places=(Place(series=series.key, sequence="1-3"),),
        omnibus=True,
        known_to=frozenset({"audible", "hardcover"}),
        recordings=(_recording(f"2{number:05d}", 1_500, chance),),
    )
    translation = Book(
        key=f"{first.key}-de",
        title=f"{_word(number)} und {_word(number + 1)}",
        authors=writer,
        places=(Place(series=series.key, sequence="1"),),
        language="de",
        known_to=frozenset({"audible", "openlibrary"}),
        recordings=(_recording(f"3{number:05d}", 500, chance),),
    )
    announced = Book(
        key=slug(f"{series.key} untitled"),
        title=f"Untitled {series.other_name} Novel",
        authors=writer,
        places=(Place(series=series.key, sequence=str(len(members) + 1)),),
        known_to=frozenset({"audible"}),
        recordings=(Recording(asins={"us": f"B0A4{number:05d}0"}, released=date(2200, 1, 1)),),
    )
    return [box, translation, announced]


def _items(world: CatalogueWorld, owned: set[str], chance: random.Random) -> tuple[Item, ...]:
    names = {person.key: person.name for person in world.people}
    series = {one.key: one.other_name for one in world.series}
    return tuple(_item(book, names[book.authors[0]], series, chance) for book in world.books if book.key in owned)


def _item(book: Book, author: str, names: dict[str, str], chance: random.Random) -> Item:
    """As people have their books: one in five with a messy title, one in five without an id, one in ten without its
    series."""
    recording = book.recordings[0]
    place = book.places[0] if book.places else None
    named = SeriesName(name=names[place.series], position=place.sequence) if place else None
    messy = chance.random() < 0.2
    folder = f"{author}/{f'{named.name}/{named.position} - ' if named else ''}{book.title}"
    return Item(
        id=f"li_{book.key}",
        library_id="main",
        path=f"/audiobooks/{folder}",
        rel_path=folder,
        title=f"{named.name} {named.position} - {book.title} (Unabridged)" if messy and named else book.title,
        authors=(author,),
        narrators=recording.narrators,
        series=(named,) if named and chance.random() < 0.9 else (),
        asin=recording.asins["us"] if chance.random() < 0.8 else None,
        isbn=book.isbn if chance.random() < 0.3 else None,
        language="English",
        published_year=str(book.year),
        duration_s=(recording.minutes or 0) * 60.0,
        size_bytes=(recording.minutes or 0) * 480_000,
        tracks=chance.randint(1, 40),
        inode=f"{len(book.key)}-{book.isbn}",
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--books", type=int, default=BOOKS)
    options.add_argument("--authors", type=int, default=AUTHORS)
    options.add_argument("--series", type=int, default=SERIES)
    stated = options.parse_args()
    home = household(books=stated.books, authors=stated.authors, series=stated.series)
    lengths = Counter(place.series for book in home.world.books for place in book.places)
    print(f"{len(home.items)} owned of {len(home.world.books)} books, {len(home.world.people)} authors")
    print(f"{len(home.world.series)} series, the longest {[count for _, count in lengths.most_common(8)]}")


if __name__ == "__main__":
    main()
