"""What holds for any answers: their order leaves no trace, and what was derived stays when derived again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue.books import Book, Catalogued, Subject
from domain.catalogue.claims import BookClaim, Credit, PersonClaim, Place, Recording, SeriesClaim, SeriesMember
from domain.catalogue.derive import derive
from domain.catalogue.memory import Heard
from tests.domain.catalogue.said import NOW, answered, chosen, series

SOURCES = ("audible", "audiosilo", "hardcover", "openlibrary", "rreading-glasses")
TITLES = (
    "Ozma of Oz",
    "Ozma of Oz (Unabridged)",
    "Ozma of Oz: Oz, Book 3",
    "Tik-Tok of Oz",
    "The Tik Tok of Oz",
    "Tik-Tok of Oz (1 of 2)",
    "Tik-Tok of Oz (2 of 2)",
    "Ozma of Oz / Tik-Tok of Oz",
    "The Oz Collection, Books 1-3",
    "Prinzessin Ozma",
    "Oz #3",
)
PEOPLE = ("L. Frank Baum", "Frank Baum", "Fay Fixture")
IDS = (*(f"asin:B0OZ00000{n}" for n in range(4)), "isbn:9780000000019", "sku:BK_1")
POSITIONS = (None, "", "1", "3", "3.0", "Book 3", "8", "0", "2.5", "1-3", "3, Dramatized Adaptation", "3, part 1 of 2")

recordings = st.builds(
    Recording,
    ids=st.lists(st.sampled_from(IDS[:4]), min_size=1, max_size=2, unique=True).map(tuple),
    narrators=st.sampled_from([(), ("Nora Reade",), ("Tom Voice",)]),
    runtime_min=st.sampled_from([None, 60, 300, 305, 2000]),
    abridged=st.sampled_from([None, True, False]),
    dramatized=st.sampled_from([None, True]),
    language=st.sampled_from([None, "en", "de"]),
    released=st.sampled_from([None, NOW.date(), NOW.date().replace(year=2200)]),
)


@st.composite
def books(draw: st.DrawFn) -> BookClaim:
    source = draw(st.sampled_from(SOURCES))
    number = draw(st.integers(1, 7))
    own = f"asin:B0OZ00000{number}" if source == "audible" else f"{source}:{number}"
    places = draw(st.lists(st.sampled_from(("Oz", "The Oz Books", "Land of Oz")), max_size=2, unique=True))
    return BookClaim(
        source=source,
        id=own,
        ids=(own, *draw(st.lists(st.sampled_from(IDS), max_size=1))),
        title=draw(st.sampled_from((*TITLES, None))),
        authors=tuple(Credit(name=name) for name in draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True))),
        places=tuple(
            Place(series=f"{source}:{name}", name=name, position=draw(st.sampled_from(POSITIONS))) for name in places
        ),
        language=draw(st.sampled_from([None, "en", "de"])),
        recordings=draw(st.none() | st.lists(recordings, max_size=2).map(tuple)),
        category=draw(st.sampled_from([None, "book", "novella", "graphic"])),
        compilation=draw(st.sampled_from([None, None, True])),
        recorded=source in ("audible", "audiosilo"),
    )


@st.composite
def lists(draw: st.DrawFn) -> SeriesClaim:
    source = draw(st.sampled_from(SOURCES))
    name = draw(st.sampled_from(("Oz", "The Oz Books")))
    own = "asin:B0OZ00000" if source == "audible" else f"{source}:"
    numbers = draw(st.lists(st.integers(1, 7), max_size=4, unique=True))
    return SeriesClaim(
        source=source,
        id=f"{source}:{name}",
        name=name,
        authors=draw(st.sampled_from([(), (Credit(name=PEOPLE[0]),)])),
        members=tuple(SeriesMember(id=f"{own}{n}", position=draw(st.sampled_from(POSITIONS))) for n in numbers),
        complete=draw(st.booleans()),
        finished=draw(st.sampled_from([None, True, False])),
    )


@st.composite
def people(draw: st.DrawFn) -> PersonClaim:
    source = draw(st.sampled_from(SOURCES))
    own = "asin:B0OZ00000" if source == "audible" else f"{source}:"
    numbers = draw(st.lists(st.integers(1, 7), max_size=4, unique=True))
    return PersonClaim(
        source=source,
        id=f"{source}:p{draw(st.integers(1, 2))}",
        name=draw(st.sampled_from(PEOPLE[:2])),
        books=tuple(f"{own}{n}" for n in numbers),
    )


def wanted_places(found: Catalogued) -> list[tuple[str, Book]]:
    return [(one.book.position, one.book) for one in chosen(found) if one.wanted and one.book.position is not None]


Claim = BookClaim | SeriesClaim | PersonClaim
worlds = st.lists(books() | books() | books() | lists() | people(), max_size=14)
subjects = st.sampled_from((series(), series(author=None), Subject(kind="author", name="L. Frank Baum")))


def heard_one_by_one(claims: Sequence[Claim]) -> list[Heard]:
    """One answer per claim: how a source's word was cut into answers must not matter."""
    return [answered(claim.source, claim, question=f"{place:02}") for place, claim in enumerate(claims)]


def books_derived(subject: Subject, heard: Sequence[Heard], **known: object) -> Catalogued:
    """Without the states of the sources, which do depend on how many questions were asked."""
    found = derive(subject, heard, now=NOW, **known)  # type: ignore[arg-type]
    return msgspec.structs.replace(found, sources=())


@given(world=worlds, subject=subjects, data=st.data())
@settings(max_examples=150)
def test_the_order_of_claims_and_of_answers_leaves_no_trace(
    world: list[Claim], subject: Subject, data: st.DataObject
) -> None:
    first = books_derived(subject, heard_one_by_one(world))

    again = books_derived(subject, heard_one_by_one(data.draw(st.permutations(world))))

    assert again == first


@given(world=worlds, subject=subjects)
@settings(max_examples=150)
def test_deriving_again_with_the_ids_that_were_given_changes_nothing(world: list[Claim], subject: Subject) -> None:
    heard = heard_one_by_one(world)
    first = books_derived(subject, heard)
    known = {one: book.id for book in first.books for one in book.ids}

    again = books_derived(subject, heard, known=known)

    assert [(book.id, book.title, book.position, book.kind) for book in again.books] == [
        (book.id, book.title, book.position, book.kind) for book in first.books
    ]


@given(world=worlds, subject=subjects)
@settings(max_examples=100)
def test_every_book_of_several_records_says_what_joined_them(world: list[Claim], subject: Subject) -> None:
    found = books_derived(subject, heard_one_by_one(world))

    records = {claim.id for claim in world if isinstance(claim, BookClaim) and claim.title}
    for book in found.books:
        assert book.joined or len(records & set(book.ids)) <= 1, book


@given(world=worlds, subject=subjects)
@settings(max_examples=100)
def test_no_id_names_two_books(world: list[Claim], subject: Subject) -> None:
    found = books_derived(subject, heard_one_by_one(world))

    ids = [one for book in found.books for one in {book.id, *book.ids}]
    assert len(ids) == len(set(ids))


@given(world=worlds, subject=subjects)
@settings(max_examples=100)
def test_no_two_wanted_books_stand_at_one_number_of_one_series(world: list[Claim], subject: Subject) -> None:
    found = books_derived(subject, heard_one_by_one(world))

    places = [(book.series[0].series if book.series else "", number) for number, book in wanted_places(found)]
    assert len(places) == len(set(places))
