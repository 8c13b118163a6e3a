"""What the records of several sources have in common: credits, places, and answers that are put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from adapters.catalogues.replies import MOST_ENTRIES, text
from domain.catalogue.claims import Answer, BookClaim, Credit, PersonClaim, Place, SeriesClaim
from domain.names import credited_role

LONGEST_POSITION = 24


def rows(value: object) -> list[dict[str, Any]]:
    """The records of a list that is a detail: whatever is none is left out."""
    return [row for row in value[:MOST_ENTRIES] if isinstance(row, dict)] if isinstance(value, list) else []


def position(value: object) -> str | None:
    """The text of a place in a series as it came, "" included; None when there is none or it is absurdly long."""
    if isinstance(value, str) and not value.strip():
        return ""
    written = text(value)
    return written if written and len(written) <= LONGEST_POSITION else None


def credit(name: object, *, id: str | None = None) -> Credit | None:
    """Somebody named, the role after a dash (`Ana Ejemplo - translator`) taken off; None without a name."""
    written = text(name, longest=200) if isinstance(name, str) else None
    if written is None:
        return None
    role = credited_role(written)
    if role is None:
        return Credit(name=written, id=id)
    dashes = (mark.start() for mark in re.finditer(r"\s+-", written))
    cut = next((start for start in dashes if credited_role(written[start:])), len(written))
    return Credit(name=written[:cut], id=id, role=None if role == "author" else role) if cut else None


def credits(value: object, named: Callable[[dict[str, Any]], str | None]) -> tuple[Credit, ...]:
    """The credits of a list of `{name, …}`; `named` finds the id in one of them."""
    found = (credit(row.get("name"), id=named(row)) for row in rows(value))
    return tuple(one for one in found if one is not None)


def names(value: object) -> tuple[str, ...]:
    """The names of a list of `{name, …}`, each once."""
    return tuple(dict.fromkeys(one.name for one in credits(value, lambda row: None)))


def joined(
    source: str, answers: Iterable[Answer], *, notes: Iterable[str] = (), complete: bool | None = None
) -> Answer:
    """Several answers as one. Two claims with one id become one that says what either says, details before a mention.

    It is complete when every answer was, unless `complete` says otherwise.
    """
    answers = list(answers)
    books: dict[str, BookClaim] = {}
    series: dict[str, SeriesClaim] = {}
    people: dict[str, PersonClaim] = {}
    for answer in answers:
        for book in answer.books:
            books[book.id] = _one_book(books[book.id], book) if book.id in books else book
        for claim in answer.series:
            series[claim.id] = _one_series(series[claim.id], claim) if claim.id in series else claim
        for person in answer.people:
            people[person.id] = _one_person(people[person.id], person) if person.id in people else person
    return Answer(
        source=source,
        books=tuple(books.values()),
        series=tuple(series.values()),
        people=tuple(people.values()),
        aliases=tuple(dict.fromkeys(alias for answer in answers for alias in answer.aliases)),
        dropped=tuple(reason for answer in answers for reason in answer.dropped),
        complete=all(answer.complete for answer in answers) if complete is None else complete,
        notes=tuple(dict.fromkeys((*(note for answer in answers for note in answer.notes), *notes))),
    )


def _one_book(one: BookClaim, other: BookClaim) -> BookClaim:
    first, second = (other, one) if _detail(other) > _detail(one) else (one, other)
    filled = {
        field: getattr(second, field) or getattr(first, field)
        for field in BookClaim.__struct_fields__
        if getattr(first, field) in _EMPTY
    }
    filled |= {
        "ids": tuple(dict.fromkeys((*first.ids, *second.ids))),
        "places": _one_list_of_places(first.places, second.places),
        "stub": first.stub and second.stub if first.recordings is not None else first.stub or second.stub,
        "recorded": first.recorded or second.recorded,
    }
    return msgspec.structs.replace(first, **filled)


_EMPTY = (None, "", ())


def _detail(book: BookClaim) -> tuple[bool, int]:
    filled = sum(getattr(book, field) not in (*_EMPTY, False) for field in BookClaim.__struct_fields__)
    return book.recordings is not None, filled


def _one_list_of_places(first: tuple[Place, ...], second: tuple[Place, ...]) -> tuple[Place, ...]:
    places = {place.series or place.name: place for place in first}
    for place in second:
        known = places.setdefault(place.series or place.name, place)
        if known.position is None:
            places[place.series or place.name] = place
    return tuple(places.values())


def _one_series(one: SeriesClaim, other: SeriesClaim) -> SeriesClaim:
    """The claim with the longer list; which of the two only names the series does not matter."""
    return other if len(other.members or ()) > len(one.members or ()) or one.members is None else one


def _one_person(one: PersonClaim, other: PersonClaim) -> PersonClaim:
    lists = [claim for claim in (one, other) if claim.books is not None]
    return msgspec.structs.replace(
        one,
        other_names=tuple(dict.fromkeys((*one.other_names, *other.other_names))),
        ids=tuple(dict.fromkeys((*one.ids, *other.ids))),
        books=tuple(dict.fromkeys(book for claim in lists for book in claim.books or ())) if lists else None,
        complete=bool(lists) and all(claim.complete for claim in lists),
    )
