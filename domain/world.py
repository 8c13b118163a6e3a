"""What was observed, with its provenance. Unread is never empty; unknown is never zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

import msgspec

from domain.accounts import Account
from domain.positions import Position
from domain.releases import Release, SeriesName

T = TypeVar("T")


class Known(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A complete reading of one source."""

    value: T
    read_at: datetime


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A source that could not be read, or only in part: `code` for programs, `why` for people."""

    code: str
    why: str
    at: datetime


class ItemKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Folded forms of an item, computed once when it changed, so that matching is a look-up."""

    titles: tuple[str, ...]
    series: tuple[tuple[str, Position], ...] = ()
    sets: tuple[tuple[str, Position], ...] = ()
    """Series and stretches that its title seems to name: `The Oz Collection: Books 6-8`."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One library item (a book folder) as the library server lists it."""

    id: str
    library_id: str
    path: str
    """Absolute, as the server sees it."""
    rel_path: str
    title: str
    subtitle: str | None = None
    authors: tuple[str, ...] = ()
    narrators: tuple[str, ...] = ()
    series: tuple[SeriesName, ...] = ()
    asin: str | None = None
    isbn: str | None = None
    language: str | None = None
    abridged: bool | None = None
    published_year: str | None = None
    duration_s: float | None = None
    size_bytes: int | None = None
    tracks: int | None = None
    formats: tuple[str, ...] = ()
    """Of its audio files by their endings, sorted; empty when unknown."""
    is_missing: bool = False
    is_invalid: bool = False
    updated_at_ms: int = 0
    inode: str = ""
    keys: ItemKeys | None = None


class LibraryView(msgspec.Struct, frozen=True, kw_only=True):
    """Every item of the chosen libraries, counted against the server's own totals."""

    items: tuple[Item, ...]
    faults: tuple[str, ...] = ()
    """What is wrong with the list itself: two items on one path, an item that took over another's id."""

    @property
    def present(self) -> int:
        return sum(1 for item in self.items if not item.is_missing)


class TorrentState(StrEnum):
    """What a download client's own state name means for the job (contracts: qBittorrent, section 6)."""

    WAITING = "waiting"
    """No metadata yet, queued, checking, moving, just added: nothing to conclude."""
    ACTIVE = "active"
    STOPPED = "stopped"
    """Stopped and incomplete."""
    DONE = "done"
    """Claims to be complete; `complete` of the reading says whether it is believed."""
    MISSING_FILES = "missing-files"
    ERROR = "error"


class Torrent(msgspec.Struct, frozen=True, kw_only=True):
    """One torrent of our category, or one that an open claim asked for."""

    id: str
    """The client's own id, lower-case hex."""
    infohash_v1: str | None = None
    infohash_v2: str | None = None
    name: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    state: TorrentState
    raw_state: str = ""
    progress: float = 0.0
    """0 to 1 of what is wanted."""
    complete: bool = False
    """Complete by the contract's whole definition, seen twice a refresh apart; publishing checks the files on disk."""
    size_bytes: int | None = None
    downloaded_bytes: int = 0
    amount_left_bytes: int | None = None
    save_path: str = ""
    content_path: str = ""
    added_at: datetime | None = None
    completed_at: datetime | None = None
    last_activity_at: datetime | None = None
    ratio: float | None = None
    seeding_s: int = 0
    seeders: int | None = None

    @property
    def ids(self) -> frozenset[str]:
        """Every id this torrent answers to; a listing is matched on any of them."""
        known = (self.id, self.infohash_v1, self.infohash_v2, (self.infohash_v2 or "")[:40])
        return frozenset(one for one in known if one)


class Outcome(StrEnum):
    """How an act ended. Only `unsent` may be claimed again."""

    SENT = "sent"
    UNSENT = "unsent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    PLACED = "placed"
    """Published: the finished folder stands in the library; the item has not been seen yet."""
    CONFIRMED = "confirmed"
    ABANDONED = "abandoned"
    """Given up after bounded tries, or let go."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger: an act that happens at most once."""

    id: int
    action: str
    want: str
    release: str
    """The release's id; the torrent's id for acts on a torrent."""
    indexer: str = ""
    """Who offered the release; empty for other acts than grabs."""
    attempt: int = 1
    epoch: int = 0
    infohash: str | None = None
    infohash_v2: str | None = None
    path: str | None = None
    """Relative to the library folder. Published: where. Grabbed: the book that it shall take the place of."""
    outcome: Outcome | None = None
    detail: str = ""
    claimed_at: datetime
    settled_at: datetime | None = None
    min_seed_s: int | None = None
    min_ratio: float | None = None

    @property
    def ids(self) -> frozenset[str]:
        known = (self.infohash, self.infohash_v2, (self.infohash_v2 or "")[:40])
        return frozenset(one for one in known if one)


class Silence(msgspec.Struct, frozen=True):
    """Why an indexer gave no answer, or only part of one: `code` for programs, `why` for people."""

    code: str
    why: str
    until: datetime | None = None
    """When it can be asked again, where that is known."""


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """What asking the indexers for one want brought."""

    want: str
    at: datetime
    answered: tuple[str, ...] = ()
    """Indexers that answered, also with nothing."""
    failed: Mapping[str, Silence] = {}
    """Indexers that did not answer, or, where they are among `answered` too, only in part: not knowledge about the
    book."""
    empty_runs: int = 0
    """Complete searches in a row that offered nothing right."""
    offers: tuple[Release, ...] = ()
    asked: str = ""
    """Title, authors, series and number that were searched for."""
    judged: str = ""
    """Digest of the verdicts that were last written down for these offers."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How often something failed in a row, and when it may be tried again."""

    key: str
    failures: int
    not_before: datetime
    why: str = ""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided about one want (or `Series/name`, `Author/name`, or `*`)."""

    id: int
    target: str
    verb: str
    """skip, snooze, hold, force, pin, retry, priority; `is` and `is-not`, whose value is the path of a library item."""
    value: str = ""
    why: str = ""
    who: str = ""
    at: datetime
    until: datetime | None = None


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """A release that must not be grabbed: by release id, by infohash, or both."""

    id: int
    release: str | None = None
    infohash: str | None = None
    title: str = ""
    why: str = ""
    at: datetime


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The last good counts, against which a reading is plausible or not. None: there never was one."""

    items: int | None = None
    missing: int | None = None
    torrents: int | None = None
    wants: int | None = None


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Grabs of the last hour and day, and of the day per indexer."""

    tick: int = 0
    searches: int = 0
    """Of this tick."""
    hour: int = 0
    day: int = 0
    by_indexer: Mapping[str, int] = {}


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the planner may look at besides what is desired."""

    library: Known[LibraryView] | Unread
    downloads: Known[tuple[Torrent, ...]] | Unread
    indexers: tuple[str, ...] = ()
    """Those that are configured."""
    free_bytes: int | None = None
    """Where downloads land; None is unknown, never plenty."""
    shelf: Unread | None = None
    """Why the library's own folder cannot be written to from here; None when it is there."""
    claims: tuple[Claim, ...] = ()
    searches: Mapping[str, Searched] = {}
    baseline: Baseline = Baseline()
    backoffs: Mapping[str, Backoff] = {}
    overrides: tuple[Override, ...] = ()
    blocklist: tuple[Blocked, ...] = ()
    approved: frozenset[str] = frozenset()
    findings: Mapping[str, int] = {}
    """Removal findings -> in how many successive good readings each was seen before this one."""
    spent: Spent = Spent()
    accounts: Mapping[str, Account] = {}
    """The newest reading of our account at each indexer that keeps one."""
    requests: Mapping[str, datetime] = {}
    """Who asked for attention now: a want's key, or `*`."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One observation about a want (`subject` is its key), a source, a client or the service."""

    subject: str
    type: str
    """Adjective or past tense: Ready, Reconciling, Stalled, ReleaseFound, Downloaded, InLibrary, LibraryReadable, …"""
    status: Literal["True", "False", "Unknown"]
    reason: str
    """CamelCase, for programs."""
    message: str
    """For people; may change."""
    since: datetime
    """When `status` last flipped."""
    observed_at: datetime


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; repeats are counted, not repeated."""

    id: int = 0
    subject: str
    reason: str
    message: str
    count: int = 1
    first_at: datetime
    last_at: datetime


class StoredVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule said about one release for one want, over time."""

    want: str
    release: str
    indexer: str
    title: str
    gate: str
    rule: str
    answer: str
    seen: str
    limit: str
    first_at: datetime
    last_at: datetime
    count: int = 1


class FailedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One row per item and reason, kept for ever."""

    subject: str
    reason: str
    message: str
    first_at: datetime
    last_at: datetime
    count: int = 1


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one library item that we changed: the audit trail."""

    item: str
    want: str
    field: str
    old: str
    new: str
    source: str
    reason: str
    at: datetime


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one tick."""

    id: int = 0
    kind: str = "tick"
    mode: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    """settled, changed, braked, failed, stale (a plan that the world moved past), overtaken (by another process)."""
    counts: Mapping[str, int] = {}
    errors: tuple[str, ...] = ()
    plan: str = ""
    """The digest of the last plan."""
