"""The books that the stand-ins of the catalogue sources know: structs, and three small messy worlds to fill them.

Books, writers and years are facts about works in the public domain; narrators, shops and ids are invented.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from adapters.sandbox.world import VOLUMES

SOURCES = ("audible", "audiosilo", "audnexus", "openlibrary", "librivox", "hardcover")
BOOK_SOURCES = frozenset({"audible", "audiosilo", "openlibrary", "hardcover"})
"""Those that have to be told which books they know: Audnexus copies Audible, LibriVox has its own recordings."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who writes."""

    key: str
    """How books name them, and audiosilo's slug."""
    name: str
    asin: str = ""
    openlibrary: str = ""
    """`OL18319A`; "" where Open Library does not know them."""
    other_names: tuple[str, ...] = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A series, under the ids and the names that the sources have for it."""

    key: str
    """How books name it, and audiosilo's slug."""
    name: str
    """Audible's name."""
    asins: Mapping[str, str] = {}
    """Region -> ASIN: Audible has one series per region."""
    other_name: str = ""
    """What audiosilo, Open Library and Hardcover call it; "" for the same."""
    openlibrary: str = ""
    """`OL328000L`; "" where Open Library has no record of it, as is usual."""
    retired: tuple[str, ...] = ()
    """Slugs of audiosilo that were merged into this one."""
    within: str = ""
    """Key of the larger series that it is a child of."""

    @property
    def common_name(self) -> str:
        return self.other_name or self.name


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A book's place in a series. `sequence` is the text as it stands: `2.5`, `1-5`, ``; None when there is none."""

    series: str
    sequence: str | None = None


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One audio production. What differs from its book is stated here, as a shop would have it."""

    asins: Mapping[str, str] = {}
    """Region -> ASIN. It is sold in these regions."""
    narrators: tuple[str, ...] = ()
    minutes: int | None = None
    abridged: bool = False
    dramatized: bool = False
    machine_voice: bool = False
    released: date = date(2015, 3, 10)
    title: str = ""
    subtitle: str = ""
    sequence: str = ""
    """The number as this product writes it: `Book 3`, `1, Dramatized Adaptation`."""
    part: tuple[int, int] | None = None
    """(1, 2): the first of two, sold apart."""
    off_sale: bool = False
    """No search finds it; it still answers by its id."""
    stub: bool = False
    """Series list it, and no details are to be had."""
    librivox: int | None = None
    """LibriVox's number, for a free recording. It has no ASIN."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """One text, a translation being a text of its own, and its recordings."""

    key: str
    """audiosilo's slug."""
    title: str
    subtitle: str = ""
    authors: tuple[str, ...]
    """Keys of people."""
    translator: str = ""
    """A name that Audible lists among the authors."""
    places: tuple[Place, ...] = ()
    language: str = "en"
    year: int | None = None
    omnibus: bool = False
    short: bool = False
    """A novella or a story."""
    isbn: str = ""
    openlibrary: str = ""
    """`OL18417W`; "" for one made from the key."""
    merged: tuple[str, ...] = ()
    """Ids of works that Open Library has merged into this one."""
    subjects: tuple[str, ...] = ()
    known_to: frozenset[str] = BOOK_SOURCES
    recordings: tuple[Recording, ...] = ()

    @property
    def work(self) -> str:
        """Open Library's id."""
        return self.openlibrary or f"OL{number_of(self.key)}W"


class CatalogueWorld(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to know. Each source tells its own part of it, in its own way."""

    books: tuple[Book, ...] = ()
    series: tuple[Series, ...] = ()
    people: tuple[Person, ...] = ()

    def __add__(self, other: CatalogueWorld) -> CatalogueWorld:
        people = {one.key: one for one in (*self.people, *other.people)}
        return CatalogueWorld(
            books=self.books + other.books, series=self.series + other.series, people=tuple(people.values())
        )

    def halved(self) -> CatalogueWorld:
        """Every other book is gone, and nothing tells of it."""
        return msgspec.structs.replace(self, books=self.books[::2])

    def emptied(self) -> CatalogueWorld:
        """The series and the people are still there, without a book."""
        return msgspec.structs.replace(self, books=())

    def without(self, *keys: str) -> CatalogueWorld:
        """The world before, or after, these books."""
        return msgspec.structs.replace(self, books=tuple(book for book in self.books if book.key not in keys))


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", re.sub("['’‘]", "", text)).encode("ascii", "ignore").decode().casefold()
    return "-".join(re.findall(r"[a-z0-9]+", plain))


def number_of(key: str) -> int:
    """A number that is always the same for the same key, too large to meet a stated one."""
    number = 0
    for letter in key.encode():
        number = (number * 131 + letter) % 89_999_999
    return 10_000_000 + number


def isbn_of(number: int) -> str:
    """A well-formed ISBN-13 for a number below ten million."""
    stem = f"97819{number:07d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return f"{stem}{-total % 10}"


def person(name: str, asin: str = "", openlibrary: str = "", *other_names: str, key: str = "") -> Person:
    return Person(key=key or slug(name), name=name, asin=asin, openlibrary=openlibrary, other_names=other_names)


# Oz


BAUM, THOMPSON = "l-frank-baum", "ruth-plumly-thompson"
OZ = Series(
    key="oz",
    name="The Oz Books",
    other_name="Oz",
    asins={"us": "B0OZSERIES", "uk": "B0OZSERIEU"},
    openlibrary="OL318000L",
    retired=("the-oz-books",),
    within="the-land-of-oz-universe",
)
LONGER_AFTER_BAUM = (
    ("The Royal Book of Oz", 1921),
    ("Kabumpo in Oz", 1922),
    ("The Cowardly Lion of Oz", 1923),
    ("Grampa in Oz", 1924),
    ("The Lost King of Oz", 1925),
    ("The Hungry Tiger of Oz", 1926),
    ("The Gnome King of Oz", 1927),
    ("The Giant Horse of Oz", 1928),
)
"""Numbers 15 to 22, by Ruth Plumly Thompson."""
NOT_IN_AUDIOSILO = (16, 20)
AUDIBLE = frozenset({"audible"})
PRINT = frozenset({"openlibrary"})
SHOPS = frozenset({"audible", "hardcover"})


def oz(minutes: Mapping[int, int] | None = None) -> CatalogueWorld:
    """The Oz books with everything that real lists carry.

    `minutes` are the runtimes of Baum's fourteen by number (`world.RUNTIMES_MIN` has those of the demo's recordings);
    what is abridged or dramatised is shorter in proportion. Without them no reading of the fourteen states a runtime.
    """
    timed = dict(minutes or {})
    singles = tuple(_oz_single(position, timed.get(position)) for position in range(1, 15))
    later = tuple(
        _oz_later(position, title, year) for position, (title, year) in enumerate(LONGER_AFTER_BAUM, start=15)
    )
    return CatalogueWorld(
        books=(*singles, *later, *_oz_others(), *_oz_strangers()),
        series=(
            OZ,
            Series(
                key="the-land-of-oz-universe",
                name="The Land of Oz Universe",
                asins={"us": "B0OZUNIVER", "uk": "B0OZUNIVEU"},
            ),
        ),
        people=(
            person("L. Frank Baum", "B000OZBAUM", "OL18319A", "Lyman Frank Baum", "Baum, L. Frank"),
            person("Ruth Plumly Thompson", "B000THOMPS", "OL29303A"),
            person("L. Frank Baum", "B000OTHERB", "OL700002A", key="l-frank-baum-2"),
            person("Roger S. Baum", "B00BAUMROG", "OL700003A"),
            person("Martin Graves", "B000GRAVES", "OL700004A"),
            person("Fixture Guides", "", "OL999A"),
        ),
    )


def _sold(number: int, *regions: str) -> dict[str, str]:
    """Each region has an ASIN of its own."""
    return {region: f"B0OZ{'0' if region == 'us' else 'U'}{number:05d}" for region in regions or ("us", "uk")}


def _only(asin: str, *regions: str) -> dict[str, str]:
    return dict.fromkeys(regions or ("us",), asin)


def _in_oz(sequence: str | None) -> tuple[Place, ...]:
    return (Place(series="oz", sequence=sequence),)


def _oz_single(position: int, minutes: int | None) -> Book:
    volume = VOLUMES[position - 1]
    own = Recording(
        asins=_sold(position), narrators=(volume.narrator,), minutes=minutes, released=date(2015, 3, position)
    )
    free = Recording(
        narrators=("Reader One",),
        minutes=minutes,
        librivox=500 + position,
        title=f"{volume.title} (version 2)" if position == 3 else "",
    )
    return Book(
        key=slug(volume.title),
        title=volume.title,
        authors=(BAUM,),
        places=_in_oz(str(position)),
        year=volume.year,
        isbn=isbn_of(8_000_000 + position),
        openlibrary="OL18417W" if position == 1 else "",
        merged=("OL900018W",) if position == 1 else (),
        subjects=("Oz (imaginary place), fiction", "Children's stories"),
        recordings=(own, *_oz_further(position, minutes), free),
    )


def _oz_further(position: int, minutes: int | None) -> tuple[Recording, ...]:
    """What else is sold of this book."""
    match position:
        case 1:
            return (
                Recording(
                    asins=_only("B0OZ100001", "us", "uk"),
                    narrators=("Otto Second",),
                    minutes=minutes and minutes + 7,
                    released=date(2009, 10, 6),
                ),
                Recording(
                    asins=_only("B0OZ100002"),
                    narrators=("Full Cast",),
                    minutes=minutes and minutes * 4 // 7,
                    dramatized=True,
                    title="The Wonderful Wizard of Oz [Dramatized Adaptation]",
                    sequence="1, Dramatized Adaptation",
                ),
            )
        case 2:
            short = minutes and minutes * 9 // 25
            return (Recording(asins=_only("B0OZ100003"), narrators=("Thomas Beck",), minutes=short, abridged=True),)
        case 3:
            return (
                Recording(asins=_only("B0OZ100004"), narrators=("Third Voice",), minutes=minutes, sequence="Book 3"),
            )
        case 4:
            return (
                Recording(
                    asins=_only("B0OZ100013"),
                    narrators=("Fifth Voice",),
                    minutes=minutes,
                    title="The Oz Books, Book 4",
                    subtitle="Dorothy and the Wizard in Oz",
                ),
            )
        case 5:
            return (Recording(asins=_only("1980000011"), narrators=("Sixth Voice",), minutes=minutes),)
        case 6:
            return tuple(
                Recording(
                    asins=_only(f"B0OZ1000{9 + part}"),
                    narrators=("A Full Cast",),
                    minutes=minutes and minutes * (23 - part) // 54,
                    dramatized=True,
                    title=f"The Emerald City of Oz ({part} of 2)",
                    part=(part, 2),
                )
                for part in (1, 2)
            )
        case 8:
            return (
                Recording(asins=_only("B0OZ100015"), narrators=("Virtual Voice",), minutes=minutes, machine_voice=True),
            )
    return ()


def _oz_later(position: int, title: str, year: int) -> Book:
    return Book(
        key=slug(title),
        title=title,
        authors=(THOMPSON,),
        places=_in_oz(str(position)),
        year=year,
        isbn=isbn_of(8_000_000 + position),
        known_to=BOOK_SOURCES - {"audiosilo"} if position in NOT_IN_AUDIOSILO else BOOK_SOURCES,
        recordings=(Recording(asins=_sold(position), narrators=("Clara Mead",), minutes=275 + position),),
    )


def _oz_others() -> tuple[Book, ...]:
    """In the series, and none of its books proper."""
    return (
        Book(
            key="the-oz-collection-books-1-5",
            title="The Oz Collection, Books 1-5",
            authors=(BAUM,),
            places=_in_oz("1-5"),
            omnibus=True,
            known_to=SHOPS,
            recordings=(Recording(asins=_only("B0OZ100005"), narrators=("Ada Winslow",), minutes=1420),),
        ),
        Book(
            key="the-complete-wizard-of-oz-collection",
            title="The Complete Wizard of Oz Collection",
            authors=(BAUM,),
            places=_in_oz(""),
            omnibus=True,
            known_to=SHOPS,
            recordings=(Recording(asins=_only("B0OZ100006", "us", "uk"), narrators=("Ada Winslow",), minutes=4100),),
        ),
        Book(
            key="the-wonderful-wizard-of-oz-and-the-marvelous-land-of-oz-bundle-annotated",
            title="The Wonderful Wizard of Oz and the Marvelous Land of Oz Bundle Annotated",
            authors=(BAUM,),
            places=_in_oz("1-2"),
            omnibus=True,
            known_to=frozenset({"audiosilo"}),
        ),
        Book(
            key="the-woggle-bug-book",
            title="The Woggle-Bug Book",
            authors=(BAUM,),
            places=_in_oz("2.5"),
            year=1905,
            short=True,
            recordings=(Recording(asins=_sold(205), narrators=("Nora Field",), minutes=45),),
        ),
        Book(
            key="little-wizard-stories-of-oz",
            title="Little Wizard Stories of Oz",
            authors=(BAUM,),
            places=_in_oz("7.5"),
            year=1913,
            short=True,
            recordings=(Recording(asins=_sold(705), narrators=("Nora Field",), minutes=70),),
        ),
        Book(
            key="der-zauberer-von-oz",
            title="Der Zauberer von Oz",
            authors=(BAUM,),
            places=_in_oz("1"),
            language="de",
            year=1940,
            known_to=BOOK_SOURCES - {"audiosilo"},
            recordings=(Recording(asins=_only("B0OZ100009"), narrators=("Dora Stimme",), minutes=280),),
        ),
        Book(
            key="el-mago-de-oz",
            title="El mago de Oz",
            authors=(BAUM,),
            translator="Ana Ejemplo",
            places=_in_oz("1"),
            language="es",
            known_to=SHOPS,
            recordings=(Recording(asins=_only("B0OZ200001"), narrators=("Luis Voz",), minutes=270),),
        ),
        Book(
            key="untitled-oz-novel",
            title="Untitled Oz Novel",
            authors=(BAUM,),
            places=_in_oz("23"),
            known_to=SHOPS,
            recordings=(Recording(asins=_only("B0OZ100014"), released=date(2200, 1, 1)),),
        ),
        Book(
            key="a-map-of-oz",
            title="A Map of Oz",
            authors=(BAUM,),
            places=_in_oz(None),
            known_to=AUDIBLE,
            recordings=(Recording(asins=_only("B0OZ100017"), stub=True),),
        ),
    )


def _oz_strangers() -> tuple[Book, ...]:
    """Outside the series: other books of Baum's, a namesake's, and books about his."""
    return (
        Book(
            key="american-fairy-tales",
            title="American Fairy Tales",
            authors=(BAUM,),
            year=1901,
            recordings=(Recording(asins=_sold(801), narrators=("Edwin Hale",), minutes=200),),
        ),
        Book(
            key="the-accountants-handbook",
            title="The Accountant's Handbook",
            authors=("l-frank-baum-2",),
            recordings=(Recording(asins=_only("B0OZ200002"), narrators=("Nora Field",), minutes=400),),
        ),
        Book(
            key="oz-a-gardening-memoir",
            title="Oz: A Gardening Memoir",
            authors=("martin-graves",),
            known_to=AUDIBLE,
            recordings=(Recording(asins=_only("B0OZ300001"), narrators=("Martin Graves",), minutes=350),),
        ),
        Book(
            key="study-guide-the-wonderful-wizard-of-oz",
            title="Study Guide: The Wonderful Wizard of Oz by L. Frank Baum",
            authors=("fixture-guides",),
            known_to=AUDIBLE,
            recordings=(Recording(asins=_only("B0OZ300002"), narrators=("Virtual Voice",), minutes=60),),
        ),
        Book(
            key="the-wonderful-wizard-of-oz-literature-guide",
            title="The Wonderful Wizard of Oz (Fixture Literature Guide)",
            authors=("fixture-guides", BAUM),
            year=2014,
            subjects=("Baum, l. frank (lyman frank), 1856-1919", "History and criticism"),
            known_to=PRINT,
        ),
        Book(
            key="l-frank-baum-a-life",
            title="L. Frank Baum: A Life",
            authors=("martin-graves", BAUM),
            year=2002,
            subjects=("Baum, l. frank (lyman frank), 1856-1919", "Authors, biography"),
            known_to=PRINT,
        ),
        Book(key="none", title="__None__", authors=(BAUM,), known_to=PRINT),
    )


# Barsoom and Sherlock Holmes


BARSOOM_TITLES = (
    ("A Princess of Mars", 1912, 422),
    ("The Gods of Mars", 1913, 506),
    ("The Warlord of Mars", 1914, 360),
    ("Thuvia, Maid of Mars", 1916, 322),
    ("The Chessmen of Mars", 1922, 540),
    ("The Master Mind of Mars", 1927, 345),
    ("A Fighting Man of Mars", 1930, 515),
    ("Swords of Mars", 1934, 470),
    ("Synthetic Men of Mars", 1939, 430),
    ("Llana of Gathol", 1941, 450),
    ("John Carter of Mars", 1964, 310),
)
HOLMES_TITLES = (
    ("A Study in Scarlet", 1887, 285),
    ("The Sign of the Four", 1890, 275),
    ("The Adventures of Sherlock Holmes", 1892, 690),
    ("The Memoirs of Sherlock Holmes", 1893, 520),
    ("The Hound of the Baskervilles", 1902, 400),
    ("The Return of Sherlock Holmes", 1905, 700),
    ("The Valley of Fear", 1915, 400),
    ("His Last Bow", 1917, 420),
    ("The Case-Book of Sherlock Holmes", 1927, 500),
)


def barsoom() -> CatalogueWorld:
    """Eleven books, an omnibus, a book under two spellings, a translation, a story between numbers, two strangers."""
    erb, key = "edgar-rice-burroughs", "barsoom"
    return CatalogueWorld(
        books=(
            *_numbered(BARSOOM_TITLES, key, erb, "B0BR", 810_000),
            _extra(key, "B0BR100001", "The Mastermind of Mars", "6", erb, 350),
            _extra(
                key,
                "B0BR100002",
                "Barsoom Omnibus: A Princess of Mars, The Gods of Mars, The Warlord of Mars",
                "1-3",
                erb,
                1290,
                omnibus=True,
            ),
            _extra(key, "B0BR100003", "Skeleton Men of Jupiter", "11.5", erb, 100, short=True),
            _extra(key, "B0BR100004", "Una princesa de Marte", "1", erb, 450, language="es"),
            _extra(key, "B0BR100005", "John Carter: The Movie Novelization", None, "stan-example", 480),
            _extra(key, "B0BR100006", "A Guide to Barsoom", "", "martin-graves", 300),
        ),
        series=(Series(key=key, name="Barsoom", asins={"us": "B0BRSERIES", "uk": "B0BRSERIEU"}),),
        people=(
            person("Edgar Rice Burroughs", "B000ERBURR", "OL25600A", "E. R. Burroughs", "Burroughs, Edgar Rice"),
            person("Stan Example", "B000STANEX"),
            person("Martin Graves", "B000GRAVES", "OL700004A"),
        ),
    )


def holmes() -> CatalogueWorld:
    """Nine books, one of them under two titles, a complete edition, a translation, a pastiche and a study guide."""
    doyle, key = "arthur-conan-doyle", "sherlock-holmes"
    guide = Book(
        key="the-hound-of-the-baskervilles-literature-guide",
        title="The Hound of the Baskervilles (Fixture Literature Guide)",
        authors=("fixture-guides", doyle),
        year=2014,
        subjects=("History and criticism",),
        known_to=PRINT,
    )
    return CatalogueWorld(
        books=(
            *_numbered(HOLMES_TITLES, key, doyle, "B0SH", 820_000),
            _extra(key, "B0SH100001", "The Sign of Four", "2", doyle, 268),
            _extra(
                key, "B0SH100002", "Sherlock Holmes: The Complete Novels and Stories", "", doyle, 4300, omnibus=True
            ),
            _extra(key, "B0SH100003", "Der Hund der Baskervilles", "5", doyle, 410, language="de"),
            _extra(key, "B0SH100004", "The Return of the Hound", None, "percy-holloway", 380),
            guide,
        ),
        series=(
            Series(
                key=key,
                name="Sherlock Holmes",
                asins={"us": "B0SHSERIES", "uk": "B0SHSERIEU"},
                openlibrary="OL328000L",
            ),
        ),
        people=(
            person("Arthur Conan Doyle", "B000ACDOYL", "OL161167A", "Sir Arthur Conan Doyle", "A. Conan Doyle"),
            person("Arthur Conan Doyle", "", "OL700001A", key="arthur-conan-doyle-2"),
            person("Percy Holloway", "B000HOLLOW"),
            person("Fixture Guides", "", "OL999A"),
        ),
    )


def _numbered(
    titles: Sequence[tuple[str, int, int]], series: str, author: str, prefix: str, isbns: int
) -> Iterable[Book]:
    for position, (title, year, minutes) in enumerate(titles, start=1):
        asins = {"us": f"{prefix}0{position:05d}", "uk": f"{prefix}U{position:05d}"}
        yield Book(
            key=slug(title),
            title=title,
            authors=(author,),
            places=(Place(series=series, sequence=str(position)),),
            year=year,
            isbn=isbn_of(isbns + position),
            recordings=(
                Recording(asins=asins, narrators=("Edwin Hale",), minutes=minutes, released=date(2012, 5, position)),
                Recording(narrators=("Reader Two",), minutes=minutes + 5, librivox=isbns // 1000 * 10 + position),
            ),
        )


def _extra(
    series: str,
    asin: str,
    title: str,
    sequence: str | None,
    author: str,
    minutes: int,
    *,
    language: str = "en",
    omnibus: bool = False,
    short: bool = False,
) -> Book:
    """Something that shops list in a series besides its proper books."""
    return Book(
        key=slug(title),
        title=title,
        authors=(author,),
        places=(Place(series=series, sequence=sequence),),
        language=language,
        omnibus=omnibus,
        short=short,
        known_to=SHOPS,
        recordings=(Recording(asins={"us": asin}, narrators=("Ruth Halloran",), minutes=minutes),),
    )
