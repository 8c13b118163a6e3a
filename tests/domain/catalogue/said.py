"""Small worlds of claims: what a source would say, in one line each, with one good default for everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from domain.catalogue.books import Book, Catalogued, Subject
from domain.catalogue.choosing import Choice, choose
from domain.catalogue.claims import Answer, BookClaim, Credit, PersonClaim, Place, Recording, SeriesClaim, SeriesMember
from domain.catalogue.derive import derive
from domain.catalogue.memory import Heard, remember
from domain.manifest import ProfileSpec

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BAUM = "L. Frank Baum"
OZ = (
    "The Wonderful Wizard of Oz",
    "The Marvelous Land of Oz",
    "Ozma of Oz",
    "Dorothy and the Wizard in Oz",
    "The Road to Oz",
    "The Emerald City of Oz",
)

Claim = BookClaim | SeriesClaim | PersonClaim
Places = dict[str, str | None]


def told(
    source: str,
    id: str,
    title: str | None,
    places: Places | None = None,
    *,
    by: Sequence[str | Credit] = (BAUM,),
    recordings: tuple[Recording, ...] | None = None,
    ids: Sequence[str] = (),
    **fields: Any,
) -> BookClaim:
    """A record of any source. `places`: name of a series -> number there; its id is made from the name."""
    return BookClaim(
        source=source,
        id=id,
        ids=(id, *ids),
        title=title,
        authors=tuple(one if isinstance(one, Credit) else Credit(name=one) for one in by),
        places=tuple(
            Place(series=series_id(source, name), name=name, position=number) for name, number in (places or {}).items()
        ),
        recordings=recordings,
        **fields,
    )


def series_id(source: str, name: str) -> str:
    prefix = {"rreading-glasses": "goodreads", "audnexus": "audible"}.get(source, source)
    return f"{prefix}:{name.casefold().replace(' ', '-')}"


def product(
    asin: str,
    title: str,
    places: Places | None = None,
    *,
    by: Sequence[str | Credit] = (BAUM,),
    narrator: str = "Nora Reade",
    minutes: float | None = 300,
    language: str | None = "en",
    released: date | None = date(2015, 3, 1),
    subtitle: str | None = None,
    ids: Sequence[str] = (),
    source: str = "audible",
    category: str | None = None,
    about: dict[str, Any] | None = None,
    **form: Any,
) -> BookClaim:
    """A product of Audible: one recording. `form`: fields of the recording; `about`: further fields of the claim."""
    reading = Recording(
        ids=(f"asin:{asin}", *(one for one in ids if one.startswith("sku:"))),
        narrators=(narrator,) if narrator else (),
        runtime_min=minutes,
        language=language,
        released=released,
        **{"abridged": False, "machine_voice": False, **form},
    )
    return told(
        source,
        f"asin:{asin}",
        title,
        places,
        by=by,
        recordings=(reading,),
        ids=ids,
        language=language,
        subtitle=subtitle,
        category=category,
        recorded=True,
        **(about or {}),
    )


def work(source: str, number: int | str, title: str, places: Places | None = None, **fields: Any) -> BookClaim:
    """A work of a source that knows no recordings of it."""
    prefix = {"rreading-glasses": "goodreads"}.get(source, source)
    return told(source, f"{prefix}:{number}", title, places, **fields)


def listed(
    source: str,
    name: str,
    rows: Iterable[tuple[str, str | None]] | None,
    *,
    by: Sequence[str] = (),
    complete: bool = True,
    **fields: Any,
) -> SeriesClaim:
    """A source's list of a series: (id of a record, number)."""
    return SeriesClaim(
        source=source,
        id=series_id(source, name),
        name=name,
        authors=tuple(Credit(name=one) for one in by),
        members=None if rows is None else tuple(SeriesMember(id=id, position=number) for id, number in rows),
        complete=complete,
        **fields,
    )


def heard(*claims: Claim, now: datetime = NOW) -> tuple[Heard, ...]:
    """One answer per source with all that it said."""
    by_source: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_source[claim.source].append(claim)
    return tuple(answered(source, *said, now=now) for source, said in by_source.items())


def answered(
    source: str,
    *claims: Claim,
    question: str = "everything",
    aliases: Sequence[tuple[str, str]] = (),
    complete: bool = True,
    before: Heard | None = None,
    now: datetime = NOW,
) -> Heard:
    answer = Answer(
        source=source,
        books=tuple(one for one in claims if isinstance(one, BookClaim)),
        series=tuple(one for one in claims if isinstance(one, SeriesClaim)),
        people=tuple(one for one in claims if isinstance(one, PersonClaim)),
        aliases=tuple(aliases),
        complete=complete,
    )
    return remember(before, source, question, answer, now)


def series(name: str = "Oz", author: str | None = BAUM, **fields: Any) -> Subject:
    return Subject(kind="series", name=name, author=author, **fields)


def oz(count: int = 6) -> list[BookClaim]:
    """The first books of Oz as one shop has them."""
    return [product(f"B0OZ00000{n}", title, {"Oz": str(n)}) for n, title in enumerate(OZ[:count], 1)]


def books_of(subject: Subject, *claims: Claim, **known: Any) -> dict[str, Choice]:
    """Title -> what becomes of the book, where the answers are these claims."""
    return {choice.book.title: choice for choice in chosen(derived(subject, *claims, **known))}


def derived(subject: Subject, *claims: Claim, **known: Any) -> Catalogued:
    return derive(subject, heard(*claims), now=NOW, **known)


def chosen(catalogued: Catalogued, **options: Any) -> tuple[Choice, ...]:
    return choose(catalogued, profile=ProfileSpec(), today=NOW.date(), **options)


def wanted(subject: Subject, *claims: Claim, **known: Any) -> list[tuple[str | None, str]]:
    """(number, title) of every book that is wanted, in order."""
    return wanted_of(derived(subject, *claims, **known))


def wanted_of(catalogued: Catalogued) -> list[tuple[str | None, str]]:
    return [(choice.book.position, choice.book.title) for choice in chosen(catalogued) if choice.wanted]


def book_called(title: str, catalogued: Catalogued) -> Book:
    return next(book for book in catalogued.books if book.title == title)
