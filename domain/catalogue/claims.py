"""What sources say about books, series and people (contracts: metadata, sections 2 and 4.2).

A claim is somebody's word. Adapters pass on what they read and decide nothing; everything that is shown or wanted is
computed from claims, so that a better rule needs no new question.

Ids are namespaced, so that two sources cannot be mixed up: `asin:B0OZ000001`, `sku:BK_FIXT_1`, `isbn:9780000000019`,
`audible:` (series and people), `audiosilo:`, `hardcover:`, `openlibrary:OL18417W`, `goodreads:`, `google:`, `itunes:`,
`librivox:`. Where a source numbers books, series and people apart, only the field tells which is meant.
"""

from __future__ import annotations

from datetime import date

import msgspec

FAMILIES: dict[str, str] = {
    "audible": "A",
    "audnexus": "A",
    "audiosilo": "A",
    "kindle": "A",
    "hardcover": "H",
    "hardcover-bookinfo": "H",
    "rreading-glasses": "G",
    "goodreads": "G",
    "openlibrary": "O",
    "librivox": "L",
    "graphicaudio": "X",
    "audioteka": "P",
    "lubimyczytac": "P",
    "google": "B",
    "itunes": "I",
}
"""Sources that copy one another. Agreement within a family confirms nothing (contracts: metadata, section 1)."""


def family(source: str) -> str:
    """The family of a source; a source we do not know is a family of its own."""
    return FAMILIES.get(source, source)


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody named on a book."""

    name: str
    id: str | None = None
    role: str | None = None
    """`translator`, `illustrator`, `editor` …; None for an author."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A book's place in a series, as one source has it."""

    series: str
    """Id of the series; "" where the source gives only its name."""
    name: str = ""
    position: str | None = None
    """The text as it came: `1`, `0.5`, `1-3`, `1, Dramatized Adaptation`, ``; None when the source gave none."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One audio production of a book. None is unknown."""

    ids: tuple[str, ...]
    """The first names it: `asin:…`, else the source's own. The same production sold in other regions adds more."""
    narrators: tuple[str, ...] = ()
    runtime_min: float | None = None
    abridged: bool | None = None
    dramatized: bool | None = None
    machine_voice: bool | None = None
    language: str | None = None
    """ISO 639-1."""
    released: date | None = None
    publisher: str | None = None
    delivery: str | None = None
    """Audible's `content_delivery_type`."""
    for_sale: bool | None = None


class BookClaim(msgspec.Struct, frozen=True, kw_only=True):
    """One record of one source: a product, a work, an edition, as far as it says."""

    source: str
    id: str
    """The source's own id of this record; the key under which a later answer replaces it."""
    ids: tuple[str, ...] = ()
    """Every id it carries for the same book, `id` among them."""
    title: str | None = None
    subtitle: str | None = None
    authors: tuple[Credit, ...] = ()
    places: tuple[Place, ...] = ()
    language: str | None = None
    """ISO 639-1 of this title."""
    recordings: tuple[Recording, ...] | None = None
    """None when the source does not say whether recordings exist; empty when it knows of none."""
    category: str | None = None
    """`book`, `novella`, `short`, `collection`, `graphic`, `periodical`, `podcast`, where the source sorts books so."""
    compilation: bool | None = None
    partial: bool | None = None
    first_published: int | None = None
    released: date | None = None
    """When this edition came out, where the source does not tie it to a recording."""
    publisher: str | None = None
    description: str | None = None
    """Text without markup."""
    cover: str | None = None
    genres: tuple[str, ...] = ()
    stub: bool = False
    """The source knows the id and nothing else: not in this region, or off sale."""
    recorded: bool = False
    """The source lists audio alone, so that the record itself proves a recording, even one it gives no details of."""


class SeriesMember(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a source's list of a series."""

    id: str
    """Id of the book's record."""
    position: str | None = None
    title: str | None = None


class SeriesClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A series as one source has it, with its members where it lists them."""

    source: str
    id: str
    name: str
    authors: tuple[Credit, ...] = ()
    members: tuple[SeriesMember, ...] | None = None
    """None when this answer only names the series (a hit of a search)."""
    complete: bool = False
    """Whether the source confirmed the end of its list. Only such a list may ever withdraw a book."""
    finished: bool | None = None
    size: int | None = None
    """How many books the source says there are."""


class PersonClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A person as one source has them, with their books where it lists them."""

    source: str
    id: str
    name: str
    other_names: tuple[str, ...] = ()
    """Spellings and pen names that the source states."""
    ids: tuple[str, ...] = ()
    books: tuple[str, ...] | None = None
    """Ids of book records; None when this answer does not list them."""
    complete: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one source said to one question. No answer at all is an error, never an empty `Answer`."""

    source: str
    books: tuple[BookClaim, ...] = ()
    series: tuple[SeriesClaim, ...] = ()
    people: tuple[PersonClaim, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    """(old id, new id): the source says that the first now stands for the second."""
    dropped: tuple[str, ...] = ()
    """Records that could not be used, each with the reason in a few words."""
    complete: bool = True
    """False when the source did not confirm the end of what it was asked for."""
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        return bool(self.books or self.series or self.people or self.aliases)


class FindSeries(msgspec.Struct, frozen=True, kw_only=True, tag="find-series"):
    """Which series are called so?"""

    name: str
    author: str | None = None


class ListMembers(msgspec.Struct, frozen=True, kw_only=True, tag="list-members"):
    """Which books does this series hold, with their details?"""

    series: str


class FindAuthor(msgspec.Struct, frozen=True, kw_only=True, tag="find-author"):
    """Which people are called so?"""

    name: str


class ListBooks(msgspec.Struct, frozen=True, kw_only=True, tag="list-books"):
    """Which books are by this person?"""

    name: str
    id: str | None = None


class LookUp(msgspec.Struct, frozen=True, kw_only=True, tag="look-up"):
    """What is known under these ids (`asin:…`, `isbn:…`, or the source's own)?"""

    ids: tuple[str, ...]


class Search(msgspec.Struct, frozen=True, kw_only=True, tag="search"):
    """Which books are called so?"""

    title: str
    author: str | None = None


Question = FindSeries | ListMembers | FindAuthor | ListBooks | LookUp | Search


def question_key(question: Question) -> str:
    """A stable text for a question, to keep its answer under."""
    return msgspec.json.encode(question, order="deterministic").decode()
