"""What people declare: the documents of `apiVersion: bibliostat/v1`, decoded strictly, each mistake with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from domain.fields import (
    Amount,
    Asin,
    AtLeastOne,
    Count,
    Cron,
    Format,
    GrabsPerDay,
    Hours,
    Isbn,
    Language,
    Minutes,
    Name,
    Pin,
    PositionText,
    Priority,
    ProviderIds,
    Range,
    Seconds,
    Share,
    Text,
    Year,
)
from domain.nodes import (
    WRONG,
    Mapping,
    Node,
    Sequence,
    did_you_mean,
    is_null,
    located,
    nearest,
    read_as,
    shown,
    text_of,
)
from domain.nodes import Mistake as Mistake
from domain.nodes import Place as Place
from domain.positions import read_position

API_VERSION = "bibliostat/v1"


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which document this is: unique within its kind."""

    name: Name
    owner: Name = "home"


class DeclaredBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A book stated by hand inside a Series or an Author."""

    title: Text
    position: PositionText | None = None
    author: Text | None = None
    authors: tuple[Text, ...] = ()
    narrator: Text | None = None
    asin: Asin | None = None
    isbn: Isbn | None = None
    language: Language | None = None
    runtime_min: Minutes | None = None
    released: date | None = None
    kind: (
        Literal[
            "primary",
            "prequel",
            "novella",
            "short",
            "extract",
            "companion",
            "omnibus",
            "part",
            "other-author",
            "foreign-only",
            "placeholder",
            "unplaced",
        ]
        | None
    ) = None


class SeriesSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A series that the library should hold."""

    title: Text
    author: Text | None = None
    authors: tuple[Text, ...] = ()
    ids: ProviderIds = {}
    members: Literal["main", "main+novellas", "all"] | tuple[Range, ...] = "main"
    """A named filter, or the positions themselves: `["1-8", "9.5"]`."""
    exclude: tuple[Text, ...] = msgspec.field(default=(), name="except")
    books: tuple[DeclaredBook, ...] = ()
    profile: Name = "standard"
    priority: Priority = 0
    suspend: bool = False


class AuthorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An author whose books the library should hold; until a catalogue is connected, the books stated here."""

    name: Text
    pen_names: tuple[Text, ...] = ()
    ids: ProviderIds = {}
    languages: tuple[Language, ...] = ()
    since: Year | None = None
    """First year of publication that counts."""
    members: Literal["main", "main+novellas", "all"] = "main"
    exclude: tuple[Text, ...] = msgspec.field(default=(), name="except")
    books: tuple[DeclaredBook, ...] = ()
    profile: Name = "standard"
    priority: Priority = 0
    suspend: bool = False


class BookSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One single book."""

    title: Text
    author: Text | None = None
    authors: tuple[Text, ...] = ()
    series: Text | None = None
    position: PositionText | None = None
    narrator: Text | None = None
    asin: Asin | None = None
    isbn: Isbn | None = None
    language: Language | None = None
    runtime_min: Minutes | None = None
    released: date | None = None
    release: Pin | None = None
    """A pinned release: its infohash (40 hex digits), or the release id that `why` prints."""
    form: Literal["single", "omnibus", "dramatized"] = "single"
    profile: Name = "standard"
    priority: Priority = 0
    suspend: bool = False


class FollowSeries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete every series of which at least `owned` books are in the library."""

    owned: AtLeastOne = 1


class FollowAuthors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete every author of whom at least `owned` books are in the library."""

    owned: AtLeastOne = 2


class FollowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete what is begun in the library."""

    series: FollowSeries | None = None
    authors: FollowAuthors | None = None
    exclude: tuple[Text, ...] = msgspec.field(default=(), name="except")
    profile: Name = "standard"
    priority: Priority = 0
    suspend: bool = False


class DiscoverSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A weekly top list per genre whose missing books become wants."""

    source: Text
    genres: tuple[Text, ...] = ()
    limit: AtLeastOne = 10
    span_days: AtLeastOne = 7
    schedule: Cron = "0 3 * * 0"
    profile: Name = "standard"
    priority: Priority = 0
    suspend: bool = False


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a copy that is already owned may be replaced by a better one, and when it is good enough."""

    allowed: bool = False
    cutoff: Format | None = None
    """The format at which nothing better is looked for, such as `m4b`."""


class ProfileSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is preferred among right releases, and what counts as the book. Never decides what is true."""

    languages: tuple[Language, ...] = ("en",)
    abridged: bool = False
    """Whether an abridged reading counts as the book."""
    formats: tuple[Format, ...] = ("m4b", "mp3")
    """Accepted formats, best first."""
    narrators_preferred: tuple[Text, ...] = ()
    narrators_required: tuple[Text, ...] = ()
    min_bitrate_kbps: Count | None = None
    """Releases known to be below are refused."""
    preferred_bitrate_kbps: Count = 64
    min_mb_per_hour: Amount = 5.0
    max_mb_per_hour: Amount = 400.0
    packs: bool = False
    """Whether a pack may be taken; even then only one that fills at least two gaps."""
    dramatized: bool = False
    max_size_gb: Amount = 20.0
    upgrade: Upgrade = Upgrade()


class Budgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be done in a span of time."""

    grabs_per_tick: Count = 3
    grabs_per_hour: Count = 10
    grabs_per_day: GrabsPerDay = 10
    grabs_per_day_and_indexer: GrabsPerDay = 10
    searches_per_tick: Count = 10
    free_disk_gb: Amount = 20.0


class Brakes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the world looks too wrong to act."""

    freshness_s: Seconds = 300
    plausible_share: Share = 0.8
    """Below this share of the last good count a reading counts as emptied."""
    missing_at_once: Count = 20
    """More items newly marked missing than this count as emptied."""
    removals_per_plan: Count = 5
    failures_in_a_row: AtLeastOne = 3
    """After so many failures of one system within a tick, the rest of its work waits."""
    allow_empty: bool = False


class Duties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What we owe for a finished torrent when its indexer does not say."""

    seed_hours: Amount = 72.0
    ratio: Amount | None = None
    after: Literal["keep", "remove"] = "keep"
    """What becomes of our torrent once nothing is owed: stays in the client, or goes (never the library's files)."""


class Retries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to try again."""

    search_hours: Hours = 24.0
    search_hours_later: Hours = 168.0
    empty_searches_before_later: Count = 14
    newest_minutes: Annotated[int, msgspec.Meta(ge=15, le=60)] = 30
    """Between two looks at what is new at an indexer, each for every book that is still missing."""
    download_minutes: tuple[Minutes, ...] = (15, 60, 1440)
    stalled_hours: Hours = 24.0
    grab_grace_minutes: Minutes = 10
    """How long a grab without an answer may take to show up in the client."""
    backoff_first_s: Seconds = 30
    backoff_cap_s: Seconds = 21600


class Spending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether anything that a tracker counts may be spent. Everything is off by default."""

    freeleech_only: bool = False
    ratio_floor: Amount = 1.0
    """A release that counts is not taken where it would bring the account's ratio below this."""
    slots_reserve: Count = 2
    """Unsatisfied torrents that the account keeps free below its limit."""
    wedges: bool = False
    vip: bool = False


class Schedules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the recurring work runs: cron expressions in local time."""

    gaps: Cron = "0 1 * * *"
    tracker: Cron = "0 2 * * *"
    top10: Cron = "0 3 * * 0"
    series: Cron = "0 3 2 * *"
    authors: Cron = "0 3 3 * *"
    metadata: Cron = "0 4 1 * *"
    new_books: Cron = "30 4 * * 0"


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long history is kept. Failures are kept for ever."""

    history_days: AtLeastOne = 30
    verdict_days: AtLeastOne = 90


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the reconciler may do unattended. One document at most; every field has the default of the design."""

    bootstrap: Literal["ask", "apply"] = "ask"
    """Whether the very first run may act, or waits for a person."""
    suspend: bool = False
    tick_s: Seconds = 60
    budgets: Budgets = Budgets()
    brakes: Brakes = Brakes()
    duties: Duties = Duties()
    retries: Retries = Retries()
    spending: Spending = Spending()
    schedules: Schedules = Schedules()
    retention: Retention = Retention()


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One good set of documents. Keys are `metadata.name`."""

    series: dict[str, SeriesSpec] = {}
    authors: dict[str, AuthorSpec] = {}
    books: dict[str, BookSpec] = {}
    follows: dict[str, FollowSpec] = {}
    discovers: dict[str, DiscoverSpec] = {}
    profiles: dict[str, ProfileSpec] = {}
    policy: PolicySpec = PolicySpec()
    owners: dict[str, str] = {}
    """`Kind/name` -> owner."""
    places: dict[str, Place] = {}
    """`Kind/name` -> where it stands."""

    def profile(self, name: str) -> ProfileSpec:
        return self.profiles.get(name, ProfileSpec())


Spec = SeriesSpec | AuthorSpec | BookSpec | FollowSpec | DiscoverSpec | ProfileSpec | PolicySpec
SpecT = TypeVar("SpecT", bound=msgspec.Struct)
Kind = Literal["Series", "Author", "Book", "Follow", "Discover", "Profile", "Policy"]


class Document(msgspec.Struct, Generic[SpecT], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One document as it is written."""

    api_version: Literal["bibliostat/v1"] = msgspec.field(name="apiVersion")
    kind: Kind
    metadata: Metadata
    spec: SpecT


class _AnyDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document whose kind cannot even be guessed: its spec is not looked at."""

    api_version: Literal["bibliostat/v1"] = msgspec.field(name="apiVersion")
    kind: Kind
    metadata: Metadata
    spec: Any


DOCUMENTS: dict[str, Any] = {
    "Series": Document[SeriesSpec],
    "Author": Document[AuthorSpec],
    "Book": Document[BookSpec],
    "Follow": Document[FollowSpec],
    "Discover": Document[DiscoverSpec],
    "Profile": Document[ProfileSpec],
    "Policy": Document[PolicySpec],
}
"""Kind -> the type of its documents."""


class _Read(msgspec.Struct, frozen=True):
    """A document as it stands in the file, and what was read of it. Rules look at the first: the second may be wrong.

    `kind` is what was written, or what was most probably meant.
    """

    node: Mapping
    kind: str
    name: str
    document: Any

    def get(self, key: str) -> Node | None:
        spec = self.node.get("spec")
        return spec.get(key) if isinstance(spec, Mapping) else None


def decode(documents: Iterable[Node], *, broken: Iterable[Mistake] = ()) -> Declared | tuple[Mistake, ...]:
    """The whole set, or every mistake in every document. Empty documents are skipped. Never raises.

    `broken` are the mistakes that kept documents from being read at all (bad YAML, an unreadable file). They are part
    of the answer, and keep the others from being blamed for what could not be seen, such as a missing profile.
    """
    mistakes = list(broken)
    whole = not mistakes
    found = [_read_document(node, mistakes) for node in documents if not is_null(node)]
    read = [document for document in found if document is not None]
    mistakes += _repeated(read)
    if whole:
        mistakes += _unknown_profiles(read)
    for document in read:
        mistakes += _RULES.get(document.kind, _no_rule)(document)
    if mistakes:
        return tuple(sorted(mistakes, key=lambda mistake: (mistake.place.file, mistake.place.line)))
    return _declared(read)


def _read_document(node: Node, mistakes: list[Mistake]) -> _Read | None:
    if not isinstance(node, Mapping):
        message = "a document must be a mapping with apiVersion, kind, metadata and spec"
        mistakes.append(Mistake(place=node.place, message=message))
        return None
    written = text_of(node, "kind") or ""
    kind = written if written in DOCUMENTS else nearest(written, DOCUMENTS) or ""
    document = read_as(node, DOCUMENTS.get(kind, _AnyDocument), mistakes)
    return _Read(node, kind, text_of(node, "metadata", "name") or "", document)


def _repeated(documents: Iterable[_Read]) -> Iterator[Mistake]:
    """Documents of the same kind and name, and every Policy but the first."""
    first: dict[tuple[str, str], Place] = {}
    for each in documents:
        identity = (each.kind, "" if each.kind == "Policy" else each.name)
        if not each.kind or not (each.name or each.kind == "Policy"):
            continue
        if identity not in first:
            first[identity] = each.node.place
        elif each.kind == "Policy":
            message = f"there is more than one Policy; the first is at {first[identity]}"
            yield Mistake(place=located(each.node, "kind"), message=message, suggestion="put everything into one")
        else:
            message = f"{each.kind} {shown(each.name)} is declared twice; the first is at {first[identity]}"
            yield Mistake(place=located(each.node, "metadata.name"), message=message, suggestion="rename one of them")


def _unknown_profiles(documents: Collection[_Read]) -> Iterator[Mistake]:
    known = {"standard"} | {each.name for each in documents if each.kind == "Profile" and each.name}
    for each in documents:
        name = text_of(each.node, "spec", "profile")
        node = each.get("profile")
        if node is not None and name and name not in known and each.kind not in {"Profile", "Policy"}:
            message = f"there is no Profile {shown(name)}"
            yield Mistake(place=located(node, "spec.profile"), message=message, suggestion=did_you_mean(name, known))


def _no_rule(document: _Read) -> Iterable[Mistake]:
    return ()


def _series_rules(document: _Read) -> Iterator[Mistake]:
    books = _books(document)
    if not _states_author(document.node.get("spec")):
        for path, book in books:
            if not _states_author(book):
                title = text_of(book, "title")
                message = f"{shown(title) if title else 'this book'} has no author, and neither has the series"
                yield Mistake(place=located(book, f"{path}.author"), message=message, suggestion="write `author`")
    yield from _shared_positions(books)


def _book_rules(document: _Read) -> Iterator[Mistake]:
    spec = document.node.get("spec")
    if isinstance(spec, Mapping) and not _states_author(spec):
        yield Mistake(place=located(spec, "spec.author"), message="the book has no author", suggestion="write `author`")


def _profile_rules(document: _Read) -> Iterator[Mistake]:
    if document.document is WRONG:
        return
    spec: ProfileSpec = document.document.spec
    cutoff = spec.upgrade.cutoff
    if cutoff and cutoff not in spec.formats:
        message = f"the cutoff {shown(cutoff)} is not among the formats, so it would never be reached"
        yield _at(document, "upgrade", message, f"formats are {', '.join(spec.formats)}")
    if spec.min_mb_per_hour > spec.max_mb_per_hour:
        message = f"{spec.min_mb_per_hour:g} is more than max_mb_per_hour ({spec.max_mb_per_hour:g})"
        yield _at(document, "min_mb_per_hour", message, "nothing could ever fit")


def _policy_rules(document: _Read) -> Iterator[Mistake]:
    if document.document is WRONG:
        return
    retries: Retries = document.document.spec.retries
    if retries.backoff_first_s > retries.backoff_cap_s:
        message = f"backoff_first_s ({retries.backoff_first_s}) is more than backoff_cap_s ({retries.backoff_cap_s})"
        yield _at(document, "retries", message, "the first back-off is the shortest")


_RULES: dict[str, Callable[[_Read], Iterable[Mistake]]] = {
    "Series": _series_rules,
    "Book": _book_rules,
    "Profile": _profile_rules,
    "Policy": _policy_rules,
}


def _at(document: _Read, key: str, message: str, suggestion: str) -> Mistake:
    node = document.get(key) or document.node
    return Mistake(place=located(node, f"spec.{key}"), message=message, suggestion=suggestion)


def _books(document: _Read) -> list[tuple[str, Mapping]]:
    books = document.get("books")
    items = books.items if isinstance(books, Sequence) else ()
    return [(f"spec.books[{index}]", book) for index, book in enumerate(items) if isinstance(book, Mapping)]


def _states_author(node: Node | None) -> bool:
    """Whether something is written as author; whether it is right is for the types to say."""
    if not isinstance(node, Mapping):
        return False
    authors = node.get("authors")
    emptied = is_null(authors) or (isinstance(authors, Sequence) and not authors.items)
    return not (emptied and is_null(node.get("author")))


def _shared_positions(books: Iterable[tuple[str, Mapping]]) -> Iterator[Mistake]:
    first: dict[tuple[Decimal, Decimal, int | None], str] = {}
    for path, book in books:
        position, title = read_position(text_of(book, "position")), text_of(book, "title")
        if position is None or title is None:
            continue
        rival = first.setdefault((position.low, position.high, position.part), title)
        if _folded(rival) != _folded(title):
            node = book.get("position") or book
            message = f"{shown(title)} stands at {position.text}, where {shown(rival)} stands already"
            yield Mistake(place=located(node, f"{path}.position"), message=message, suggestion="correct one of them")


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())


def _declared(documents: Iterable[_Read]) -> Declared:
    shelves: dict[str, dict[str, Any]] = {kind: {} for kind in DOCUMENTS}
    owners: dict[str, str] = {}
    places: dict[str, Place] = {}
    for each in documents:
        metadata: Metadata = each.document.metadata
        shelves[each.kind][metadata.name] = each.document.spec
        owners[f"{each.kind}/{metadata.name}"] = metadata.owner
        places[f"{each.kind}/{metadata.name}"] = each.node.place
    return Declared(
        series=shelves["Series"],
        authors=shelves["Author"],
        books=shelves["Book"],
        follows=shelves["Follow"],
        discovers=shelves["Discover"],
        profiles=shelves["Profile"],
        policy=next(iter(shelves["Policy"].values()), PolicySpec()),
        owners=owners,
        places=places,
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of one document (draft 2020-12), from the same structs that decode it."""
    references, components = msgspec.json.schema_components(DOCUMENTS.values(), ref_template="#/$defs/{name}")
    for kind, reference in zip(DOCUMENTS, references, strict=True):
        document = components[reference["$ref"].rpartition("/")[2]]
        document["title"] = kind
        document["properties"]["kind"] = {"const": kind}
        document["properties"]["apiVersion"] = {"const": API_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A document of {API_VERSION}",
        "oneOf": list(references),
        "$defs": _texts_as_written(components),
    }


def _texts_as_written(schema: Any) -> Any:
    """Text may stand there without quotes (`title: 1984`), so an editor must not insist on a JSON string."""
    if isinstance(schema, dict):
        schema = {key: _texts_as_written(value) for key, value in schema.items()}
        return schema | {"type": ["string", "number", "boolean"]} if _is_text(schema) else schema
    return [_texts_as_written(item) for item in schema] if isinstance(schema, list | tuple) else schema


def _is_text(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string" and not schema.keys() & {"enum", "const", "format"}
