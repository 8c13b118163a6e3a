"""Catalogue sources in memory: each knows series and authors, can ail, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date
from hashlib import sha256

import msgspec

from domain.catalogue.claims import (
    Answer,
    BookClaim,
    Credit,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Place,
    Question,
    Recording,
    Search,
    SeriesClaim,
    SeriesMember,
)
from domain.errors import Permanent, Transient
from domain.names import fold

BAUM, BURROUGHS = "L. Frank Baum", "Edgar Rice Burroughs"
OZ = (
    "The Wonderful Wizard of Oz", "The Marvelous Land of Oz", "Ozma of Oz", "Dorothy and the Wizard in Oz",
    "The Road to Oz", "The Emerald City of Oz", "The Patchwork Girl of Oz", "Tik-Tok of Oz", "The Scarecrow of Oz",
    "Rinkitink in Oz", "The Lost Princess of Oz", "The Tin Woodman of Oz", "The Magic of Oz", "Glinda of Oz",
)  # fmt: skip

DOWN = Transient("the shop does not answer", code="HostUnreachable")
REFUSES = Permanent("the shop refused the token", code="TokenRefused")
HALF = Transient("the shop sent half an answer", code="HalfAnswer")
SPENT = Transient("the shop was asked as often as it may be", code="BudgetSpent", retry_after_s=12 * 3600)


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """One book as a shop has it."""

    title: str
    position: str | None = None
    by: str = BAUM
    released: date | None = date(2015, 3, 1)
    minutes: int = 300


Row = Volume | str


class Shop:
    """One source. `series` and `authors` hold what it knows; `trouble` is raised instead of answers."""

    def __init__(self, name: str = "audible", *, says: frozenset[type] | None = None) -> None:
        self.name = name
        self.answers = says or frozenset({FindSeries, ListMembers, FindAuthor, ListBooks, Search})
        self.series: dict[str, tuple[Volume, ...]] = {}
        self.authors: dict[str, tuple[Volume, ...]] = {}
        self.asked: list[Question] = []
        self.trouble: Exception | None = None
        self.troubles: dict[type, Exception] = {}
        """Trouble with one kind of question."""
        self.complete = True
        self.pause: asyncio.Event | None = None
        """Answers come when it is set."""
        self.paused = asyncio.Event()

    def sells(self, *series: str, **more: Iterable[Row]) -> Shop:
        """`sells("Oz")` has Baum's fourteen; `sells(Oz=("Ozma of Oz",))` numbers these from 1."""
        self.series |= {name: numbered(OZ) for name in series}
        self.series |= {name.replace("_", " "): numbered(rows) for name, rows in more.items()}
        return self

    def lists(self, author: str, rows: Iterable[Row]) -> Shop:
        """Books of an author that stand in no series."""
        self.authors[author] = tuple(row if isinstance(row, Volume) else Volume(title=row, by=author) for row in rows)
        return self

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        if self.pause is not None:
            self.paused.set()
            await self.pause.wait()
        if failure := self.trouble or self.troubles.get(type(question)):
            raise failure
        return self._answer(question)

    @property
    def names(self) -> list[str]:
        """Whom it was asked about by name, in order."""
        return [one.name for one in self.asked if isinstance(one, FindSeries | FindAuthor | ListBooks)]

    def _answer(self, question: Question) -> Answer:
        match question:
            case FindSeries(name=name):
                found = [one for one in self.series if fold(name) in fold(one)]
                claims = tuple(SeriesClaim(source=self.name, id=self._id(one), name=one) for one in found)
                return Answer(source=self.name, series=claims)
            case ListMembers(series=id):
                return self._members(next(one for one in self.series if self._id(one) == id))
            case FindAuthor(name=name):
                found = [one for one in self.authors if fold(one) == fold(name)]
                people = tuple(PersonClaim(source=self.name, id=self._id(one), name=one) for one in found)
                return Answer(source=self.name, people=people)
            case ListBooks(name=name):
                return self._books(name)
            case LookUp(ids=ids):
                everything = [self._claim(one, None) for rows in self.series.values() for one in rows]
                return Answer(source=self.name, books=tuple(one for one in everything if set(one.ids) & set(ids)))
            case Search(title=title):
                hits = [(one, name) for name, rows in self.series.items() for one in rows if one.title == title]
                return Answer(source=self.name, books=tuple(self._claim(one, name) for one, name in hits))

    def _members(self, name: str) -> Answer:
        books = tuple(self._claim(one, name) for one in self.series[name])
        rows = tuple(SeriesMember(id=book.id, position=book.places[0].position, title=book.title) for book in books)
        claim = SeriesClaim(
            source=self.name, id=self._id(name), name=name, members=rows, complete=self.complete
        )  # fmt: skip
        return Answer(source=self.name, books=books, series=(claim,), complete=self.complete)

    def _books(self, name: str) -> Answer:
        books = tuple(self._claim(one, None) for one in self.authors.get(name, ()))
        person = PersonClaim(
            source=self.name,
            id=self._id(name),
            name=name,
            books=tuple(book.id for book in books),
            complete=self.complete,
        )
        return Answer(source=self.name, books=books, people=(person,) if books else (), complete=self.complete)

    def _claim(self, one: Volume, series: str | None) -> BookClaim:
        id = f"asin:{asin_of(one.title)}" if self.name == "audible" else f"{self.name}:{slug(one.title)}"
        reading = Recording(
            ids=(id,), narrators=("Nora Reade",), runtime_min=one.minutes, language="en", released=one.released,
            abridged=False, machine_voice=False,
        )  # fmt: skip
        places = (Place(series=self._id(series), name=series, position=one.position),) if series else ()
        return BookClaim(
            source=self.name,
            id=id,
            ids=(id,),
            title=one.title,
            authors=(Credit(name=one.by),),
            places=places,
            language="en",
            recordings=(reading,),
            recorded=True,
        )

    def _id(self, name: str) -> str:
        return f"{self.name}:{slug(name)}"


def numbered(rows: Iterable[Row]) -> tuple[Volume, ...]:
    return tuple(
        row if isinstance(row, Volume) else Volume(title=row, position=str(number))
        for number, row in enumerate(rows, start=1)
    )


def asin_of(title: str) -> str:
    return f"B0{sha256(title.encode()).hexdigest()[:8].upper()}"


def slug(text: str) -> str:
    return fold(text).replace(" ", "-")


def invented(count: int, *, start: int = 1) -> tuple[str, ...]:
    """Titles that no rule takes for one another."""
    syllables = ("ka", "zo", "mi", "ru", "te", "bal", "dor", "fen", "gus", "hyl")
    return tuple(
        f"{''.join(syllables[int(digit)] for digit in f'{number:03d}').title()} {_noun(number)}"
        for number in range(start, start + count)
    )


def _noun(number: int) -> str:
    nouns = ("Harvest", "Lantern", "Orchard", "Meadow", "Parrot", "Window", "Kettle", "Sailor", "Candle", "Bridge")
    return nouns[number * 7 % 10]
