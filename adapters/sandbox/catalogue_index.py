"""What the stand-ins of the catalogue sources share: look-ups over a world, fuzzy words, a question and an answer."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from adapters.sandbox.catalogue_books import Book, CatalogueWorld, Person, Place, Recording, Series

UNTOLD = frozenset(("a", "an", "and", "by", "in", "of", "the"))
"""Words that every title has: they find nothing."""
JSON = "application/json"
HTML = "text/html"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request to one source: its path and its query, the source's own prefix taken off."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    prefix: str
    """Where this source is served: links and redirects start with it."""
    body: bytes = b""

    def number(self, name: str, default: int) -> int:
        text = self.params.get(name, "")
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else default


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says: JSON for what is no bytes."""

    body: Any
    status: int = 200
    kind: str = JSON
    headers: Mapping[str, str] = {}

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One recording as one region of Audible sells it."""

    region: str
    asin: str
    book: Book
    recording: Recording

    @property
    def title(self) -> str:
        return self.recording.title or self.book.title

    @property
    def subtitle(self) -> str:
        return self.recording.subtitle or self.book.subtitle

    def sequence(self, place: Place) -> str | None:
        """The number as this product writes it; a further series has it as the book has."""
        first = place == self.book.places[0]
        return (self.recording.sequence if first else "") or place.sequence


def words(text: str) -> frozenset[str]:
    """Folded words, an apostrophe deleted."""
    plain = unicodedata.normalize("NFKD", re.sub("['’‘]", "", text)).encode("ascii", "ignore").decode().casefold()
    return frozenset(re.findall(r"[a-z0-9]+", plain)) - UNTOLD


class Index:
    """Look-ups over one world, made once."""

    def __init__(self, world: CatalogueWorld) -> None:
        self.world = world
        self.people: dict[str, Person] = {person.key: person for person in world.people}
        self.series: dict[str, Series] = {series.key: series for series in world.series}
        self.books: dict[str, Book] = {book.key: book for book in world.books}
        self.products: dict[str, list[Product]] = defaultdict(list)
        """Region -> what it sells."""
        self.members: dict[str, list[tuple[Book, Place]]] = defaultdict(list)
        """Key of a series -> its books, in the world's order."""
        self.written: dict[str, list[Book]] = defaultdict(list)
        """Key of a person -> their books, in the world's order."""
        for book in world.books:
            for place in book.places:
                self.members[place.series].append((book, place))
            for author in book.authors:
                self.written[author].append(book)
            for product in _products(book):
                self.products[product.region].append(product)
        self.by_asin = {(one.region, one.asin): one for found in self.products.values() for one in found}
        self.series_by_asin = {
            (region, asin): series for series in world.series for region, asin in series.asins.items()
        }
        self.searchable = {
            region: [self._words(one) for one in found if not one.recording.off_sale and not one.recording.stub]
            for region, found in self.products.items()
        }
        """Region -> what a search may find, with the words it is found by."""

    def authors(self, book: Book) -> list[Person]:
        return [self.people[key] for key in book.authors]

    def books_of(self, source: str) -> list[Book]:
        return [book for book in self.world.books if source in book.known_to]

    def _words(self, product: Product) -> tuple[Product, frozenset[str], list[frozenset[str]]]:
        book = product.book
        named = " ".join(self.series[place.series].name for place in book.places)
        return (
            product,
            words(f"{product.title} {product.subtitle} {named}"),
            [words(author.name) for author in self.authors(book)],
        )


def _products(book: Book) -> Iterable[Product]:
    if "audible" in book.known_to:
        for recording in book.recordings:
            for region, asin in recording.asins.items():
                yield Product(region=region, asin=asin, book=book, recording=recording)
