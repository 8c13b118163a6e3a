"""What people declare: the documents of `apiVersion: bibliostat/v1`, decoded strictly, each mistake with its place."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

API_VERSION = "bibliostat/v1"


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which document this is: unique within its kind."""

    name: str
    owner: str = "home"


class DeclaredBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A book stated by hand inside a Series or an Author."""

    title: str
    position: str | None = None
    author: str | None = None
    authors: tuple[str, ...] = ()
    narrator: str | None = None
    asin: str | None = None
    isbn: str | None = None
    language: str | None = None
    runtime_min: int | None = None
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

    title: str
    author: str | None = None
    authors: tuple[str, ...] = ()
    ids: dict[str, str] = {}
    members: Literal["main", "main+novellas", "all"] | tuple[str, ...] = "main"
    """A named filter, or the positions themselves: `["1-8", "9.5"]`."""
    exclude: tuple[str, ...] = msgspec.field(default=(), name="except")
    books: tuple[DeclaredBook, ...] = ()
    profile: str = "standard"
    priority: int = 0
    prune: bool = False
    suspend: bool = False


class AuthorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An author whose books the library should hold; until a catalogue is connected, the books stated here."""

    name: str
    pen_names: tuple[str, ...] = ()
    ids: dict[str, str] = {}
    languages: tuple[str, ...] = ()
    since: int | None = None
    """First year of publication that counts."""
    members: Literal["main", "main+novellas", "all"] = "main"
    exclude: tuple[str, ...] = msgspec.field(default=(), name="except")
    books: tuple[DeclaredBook, ...] = ()
    profile: str = "standard"
    priority: int = 0
    prune: bool = False
    suspend: bool = False


class BookSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One single book."""

    title: str
    author: str | None = None
    authors: tuple[str, ...] = ()
    series: str | None = None
    position: str | None = None
    narrator: str | None = None
    asin: str | None = None
    isbn: str | None = None
    language: str | None = None
    runtime_min: int | None = None
    released: date | None = None
    release: str | None = None
    """A pinned release: its infohash (40 hex digits), or the release id that `why` prints."""
    form: Literal["single", "omnibus", "dramatized"] = "single"
    profile: str = "standard"
    priority: int = 0
    prune: bool = False
    suspend: bool = False


class FollowSeries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete every series of which at least `owned` books are in the library."""

    owned: int = 1


class FollowAuthors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete every author of whom at least `owned` books are in the library."""

    owned: int = 2


class FollowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete what is begun in the library."""

    series: FollowSeries | None = None
    authors: FollowAuthors | None = None
    exclude: tuple[str, ...] = msgspec.field(default=(), name="except")
    profile: str = "standard"
    priority: int = 0
    suspend: bool = False


class DiscoverSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A weekly top list per genre whose missing books become wants."""

    source: str
    genres: tuple[str, ...] = ()
    limit: int = 10
    span_days: int = 7
    schedule: str = "0 3 * * 0"
    profile: str = "standard"
    priority: int = 0
    suspend: bool = False


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a copy that is already owned may be replaced by a better one, and when it is good enough."""

    allowed: bool = False
    cutoff: str | None = None
    """The format at which nothing better is looked for, such as `m4b`."""


class ProfileSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is preferred among right releases, and what counts as the book. Never decides what is true."""

    languages: tuple[str, ...] = ("en",)
    abridged: bool = False
    """Whether an abridged reading counts as the book."""
    formats: tuple[str, ...] = ("m4b", "mp3")
    """Accepted formats, best first."""
    narrators_preferred: tuple[str, ...] = ()
    narrators_required: tuple[str, ...] = ()
    min_bitrate_kbps: int | None = None
    """Releases known to be below are refused."""
    preferred_bitrate_kbps: int = 64
    min_mb_per_hour: float = 5.0
    max_mb_per_hour: float = 400.0
    packs: bool = False
    """Whether a pack may be taken; even then only one that fills at least two gaps."""
    dramatized: bool = False
    max_size_gb: float = 20.0
    upgrade: Upgrade = Upgrade()


class Budgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be done in a span of time."""

    grabs_per_tick: int = 3
    grabs_per_hour: int = 10
    grabs_per_day: int = 10
    grabs_per_day_and_indexer: int = 10
    searches_per_tick: int = 10
    free_disk_gb: float = 20.0


class Brakes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the world looks too wrong to act."""

    freshness_s: int = 300
    plausible_share: float = 0.8
    """Below this share of the last good count a reading counts as emptied."""
    missing_at_once: int = 20
    """More items newly marked missing than this count as emptied."""
    removals_per_plan: int = 5
    failures_in_a_row: int = 3
    """After so many failures of one system within a tick, the rest of its work waits."""
    allow_empty: bool = False


class Duties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What we owe for a finished torrent when its indexer does not say."""

    seed_hours: float = 72.0
    ratio: float | None = None
    after: Literal["keep", "remove"] = "keep"
    """What becomes of our torrent once nothing is owed: stays in the client, or goes (never the library's files)."""


class Retries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to try again."""

    search_hours: float = 24.0
    search_hours_later: float = 168.0
    empty_searches_before_later: int = 14
    download_minutes: tuple[int, ...] = (15, 60, 1440)
    stalled_hours: float = 24.0
    grab_grace_minutes: int = 10
    """How long a grab without an answer may take to show up in the client."""
    backoff_first_s: int = 30
    backoff_cap_s: int = 21600


class Spending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether anything that a tracker counts may be spent. Everything is off by default."""

    freeleech_only: bool = False
    wedges: bool = False
    vip: bool = False


class Schedules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the recurring work runs: cron expressions in local time."""

    gaps: str = "0 1 * * *"
    tracker: str = "0 2 * * *"
    top10: str = "0 3 * * 0"
    series: str = "0 3 2 * *"
    authors: str = "0 3 3 * *"
    metadata: str = "0 4 1 * *"
    new_books: str = "30 4 * * 0"


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long history is kept. Failures are kept for ever."""

    history_days: int = 30
    verdict_days: int = 90


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the reconciler may do unattended. One document at most; every field has the default of the design."""

    bootstrap: Literal["ask", "apply"] = "ask"
    """Whether the very first run may act, or waits for a person."""
    suspend: bool = False
    tick_s: int = 60
    budgets: Budgets = Budgets()
    brakes: Brakes = Brakes()
    duties: Duties = Duties()
    retries: Retries = Retries()
    spending: Spending = Spending()
    schedules: Schedules = Schedules()
    retention: Retention = Retention()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document or a key stands: for people, and to prove where a want comes from."""

    file: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.path}" if self.path else where


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


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in what was declared: where, what, and what to write instead."""

    place: Place
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.suggestion})" if self.suggestion else "")
