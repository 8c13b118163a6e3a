"""What the loop needs from the outside, in domain terms. Adapters match these by shape; `handlers` joins the two.

Every method may raise the errors of `domain.errors`, and nothing else on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.accounts import Account
from domain.ladder import Query as Query
from domain.manifest import Declared, Mistake
from domain.metadata import ItemMetadata
from domain.plan import Plan
from domain.proof import AudioFile
from domain.releases import Payload, Release, TorrentFile
from domain.world import (
    Backoff,
    Baseline,
    Blocked,
    Claim,
    Condition,
    Correction,
    Event,
    FailedAttempt,
    Item,
    LibraryView,
    Outcome,
    Override,
    Run,
    Searched,
    StoredVerdict,
    Torrent,
)
from reconcile.catalogue_ports import CatalogueStore, Source


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""

    async def sleep(self, seconds: float) -> None: ...


class Library(Protocol):
    """The library server (Audiobookshelf)."""

    async def read(self, known: Mapping[str, Item]) -> LibraryView:
        """Every item of the chosen libraries exactly once, counted against the server's totals, or an error.

        `known` holds items by id from the last reading: one whose `updated_at_ms` did not move is not fetched again.
        """

    async def scan(self) -> None:
        """Have the server look at its folders and wait until it is done. Never overlaps a watcher scan."""

    async def write(self, item_id: str, metadata: ItemMetadata) -> Item:
        """Set the fields given and read them back. `Conflict` when the server kept something else."""


class DownloadClient(Protocol):
    """The torrent client (qBittorrent)."""

    async def read(self, also: Collection[str]) -> tuple[Torrent, ...]:
        """All torrents of our category (made when missing), and those with the ids of `also` wherever they are."""

    async def find(self, ids: Collection[str]) -> Torrent | None:
        """The torrent that answers to any of these ids, in any category."""

    async def add(self, payload: Payload, *, tags: Sequence[str]) -> Torrent:
        """Add once, and read it back by id. `Ambiguous` when it cannot be seen and was not refused."""

    async def files(self, torrent_id: str) -> tuple[tuple[TorrentFile, float], ...]:
        """Each wanted file with its progress (0 to 1); paths are relative to `save_path`."""

    async def tag(self, torrent_id: str, tags: Sequence[str]) -> None: ...

    async def untag(self, torrent_id: str, tags: Sequence[str]) -> None:
        """Take these tags off, delete those that no torrent carries any more from the server's list, and read back."""

    async def remove(self, torrent_id: str, *, with_files: bool) -> None:
        """Delete, and read back that it is gone."""

    def forget_refusal(self) -> None:
        """A login that was refused may be tried once more: its back-off has passed."""

    async def start(self, torrent_id: str) -> None: ...

    async def recheck(self, torrent_id: str) -> None: ...

    async def choose(self, torrent_id: str, unwanted: Collection[str]) -> None:
        """Put these files out of action, then start it. May be repeated."""


class Indexer(Protocol):
    """One source of releases."""

    name: str
    fingerprint: str
    """Changes when its address or its credentials do: one that refused us is not asked again before that."""

    async def search(self, query: Query) -> tuple[Release, ...]:
        """What the indexer offers; empty only when it truly answered with nothing."""

    async def fetch(self, release: Release) -> Payload:
        """Resolve a release to torrent bytes or a magnet. May count as a snatch: claim first."""

    async def account(self) -> Account | None:
        """Our account with it as it is now, or at most five minutes ago; None where it keeps none."""


class Shelf(Protocol):
    """The library's own file system, and the way from a finished download into it."""

    @property
    def separate(self) -> bool:
        """Whether the library holds links or copies of its own, so that a download's files are not the library's."""

    def local(self, client_path: str) -> str:
        """A path of the download client as this machine sees it (longest mapped prefix, whole components)."""

    def holds(self, local_path: str) -> bool:
        """Whether this path lies inside the library: such files are never removed."""

    async def free_bytes(self) -> int | None:
        """Free space where downloads land; None when it cannot be known from here."""

    async def audio(self, files: Sequence[str]) -> tuple[AudioFile, ...]:
        """Read the audio of these local files. A file that cannot be read is in the answer, with its error."""

    async def stage(self, name: str, files: Sequence[tuple[str, str]]) -> None:
        """Link or copy (source path, relative target) into the hidden folder `name`, from scratch; verify sizes."""

    async def place(self, name: str, rel_path: str) -> None:
        """One rename of the staged folder to `rel_path` in the library. `Conflict` when something else stands there."""

    async def replace(self, name: str, rel_path: str, *, kept: str) -> None:
        """Put the staged folder in the place of the book that stands at `rel_path`; what is no audio there comes along.

        The old one is kept, as `kept`, where the library server does not look. After a crash in the middle the next
        look at the library puts it back. `Conflict` when nothing stands there.
        """

    async def placed(self, rel_path: str) -> tuple[TorrentFile, ...] | None:
        """The files that stand at `rel_path`; None when nothing does."""

    async def discard(self, name: str) -> None:
        """Remove a staging folder that is not needed any more."""

    async def leftovers(self) -> tuple[str, ...]:
        """Names of the staging folders that exist."""

    async def in_place(self, source_folder: str) -> str | None:
        """In-place mode: the download's folder relative to the library, or an error. None in the other modes."""


class Manifests(Protocol):
    """Where the documents of the person stand."""

    def read(self) -> Declared | tuple[Mistake, ...]:
        """The whole set, or every mistake in it. An unreadable folder is a mistake too, never an empty set."""


class Store(Protocol):
    """Everything that must survive a restart. Each method is one unit of work; times are aware UTC."""

    # Leases: one compare-and-set that increments the epoch.
    async def acquire_lease(self, name: str, holder: str, *, now: datetime, ttl_s: float) -> int | None:
        """The new epoch, or None while somebody else holds an unexpired lease."""

    async def renew_lease(self, name: str, holder: str, epoch: int, *, now: datetime, ttl_s: float) -> None:
        """`Conflict` when the lease has moved on."""

    async def release_lease(self, name: str, holder: str, epoch: int) -> None: ...

    # The ledger. Writes check the epoch of the lease `tick` in the same transaction and raise `Conflict`.
    async def claim(
        self,
        action: str,
        *,
        want: str,
        release: str,
        attempt: int,
        epoch: int,
        now: datetime,
        indexer: str = "",
        infohash: str | None = None,
        infohash_v2: str | None = None,
        min_seed_s: int | None = None,
        min_ratio: float | None = None,
    ) -> Claim | None:
        """Insert the intent. None when (action, want, release, attempt) exists with any outcome but `unsent`, which is
        taken again in place. A `grab` is None too while another grab of that want is live (no outcome, unknown, sent).
        """

    async def note(
        self,
        claim_id: int,
        *,
        epoch: int,
        infohash: str | None = None,
        infohash_v2: str | None = None,
        path: str | None = None,
    ) -> None:
        """Write down what was learnt before the act (the ids that will be added, the folder that will be made)."""

    async def settle(self, claim_id: int, *, epoch: int, outcome: Outcome, now: datetime, detail: str = "") -> None: ...

    async def claims(self) -> tuple[Claim, ...]:
        """Every row of the ledger, oldest first."""

    async def grabs_since(self, since: datetime) -> Mapping[str, int]:
        """Grab claims made since then that were not `unsent`, per indexer."""

    # What was observed.
    async def items(self) -> Mapping[str, Item]: ...

    async def save_items(self, items: Collection[Item]) -> None:
        """Replace the stored items; rows that did not change are not written."""

    async def searches(self) -> Mapping[str, Searched]: ...

    async def save_search(self, searched: Searched) -> None:
        """Replace the want's search and its offers."""

    async def accounts(self) -> Mapping[str, Account]:
        """The newest reading of each account, by indexer."""

    async def save_account(self, account: Account) -> None: ...

    async def answer(self, indexer: str, question: str) -> tuple[tuple[Release, ...], datetime] | None:
        """What this indexer answered to this question, and when; None when it never did."""

    async def save_answer(self, indexer: str, question: str, offers: tuple[Release, ...], *, at: datetime) -> None: ...

    async def baseline(self) -> Baseline: ...

    async def save_baseline(self, baseline: Baseline) -> None: ...

    # What is desired.
    async def last_good(self) -> Declared | None: ...

    async def save_last_good(self, declared: Declared, *, now: datetime) -> None: ...

    async def want_keys(self) -> Mapping[str, str]:
        """Identity of a want (`Series/oz#8`) -> the key minted for it once."""

    async def save_want_keys(self, keys: Mapping[str, str], *, now: datetime) -> None:
        """Adds; never changes a key that exists."""

    # What people decided.
    async def overrides(self) -> tuple[Override, ...]:
        """Those in force or not yet expired, newest last."""

    async def add_override(
        self, *, target: str, verb: str, value: str, why: str, who: str, at: datetime, until: datetime | None
    ) -> Override: ...

    async def remove_override(self, override_id: int) -> bool: ...

    async def blocklist(self) -> tuple[Blocked, ...]: ...

    async def block(
        self, *, release: str | None, infohash: str | None, title: str, why: str, at: datetime
    ) -> Blocked: ...

    async def unblock(self, blocked_id: int) -> bool: ...

    async def approved(self) -> frozenset[str]:
        """Digests that a person approved (a first run, an emptied library, a plan with many removals)."""

    async def approve(self, digest: str, *, who: str, at: datetime) -> None: ...

    async def findings(self) -> Mapping[str, int]:
        """Removal findings -> in how many successive good readings each was seen."""

    async def save_findings(self, findings: Mapping[str, int]) -> None: ...

    # What happened.
    async def backoffs(self) -> Mapping[str, Backoff]: ...

    async def save_backoff(self, backoff: Backoff) -> None: ...

    async def clear_backoff(self, key: str) -> None: ...

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]: ...

    async def save_conditions(self, conditions: Collection[Condition]) -> tuple[Condition, ...]:
        """Upsert by (subject, type); `since` moves when `status` flips. Returns those whose status or reason moved."""

    async def drop_conditions(self, subjects: Collection[str]) -> None: ...

    async def record_event(self, *, subject: str, reason: str, message: str, at: datetime) -> Event:
        """Repeats of the newest event with the same subject, reason and message raise its count."""

    async def events(self, *, after: int = 0, subject: str | None = None, limit: int = 100) -> tuple[Event, ...]: ...

    async def save_verdicts(self, verdicts: Collection[StoredVerdict]) -> None:
        """Upsert by (want, release, gate, rule): first is kept, last and count move."""

    async def verdicts(self, want: str) -> tuple[StoredVerdict, ...]: ...

    async def record_failure(self, *, subject: str, reason: str, message: str, at: datetime) -> FailedAttempt: ...

    async def failures(self, subject: str | None = None) -> tuple[FailedAttempt, ...]: ...

    async def record_corrections(self, corrections: Collection[Correction]) -> None: ...

    async def start_run(self, run: Run) -> Run:
        """With its id."""

    async def finish_run(self, run: Run) -> None: ...

    async def runs(self, *, limit: int = 20) -> tuple[Run, ...]: ...

    async def prune(self, now: datetime, *, history_days: int, verdict_days: int) -> Mapping[str, int]:
        """Forget what is older, with the count per table. Failures and the ledger are kept for ever."""

    async def request(self, target: str, *, at: datetime) -> None:
        """Somebody asks for attention now: `*` or a want's key."""

    async def requests(self) -> Mapping[str, datetime]: ...

    async def handled(self, requests: Mapping[str, datetime]) -> None:
        """Forget these requests, unless a newer one came meanwhile."""


class Tell(Protocol):
    """Somebody who watches a tick: a terminal, a log."""

    def event(self, event: Event) -> None:
        """Something happened and was recorded."""

    def planned(self, plan: Plan) -> None:
        """A round was planned and is about to be carried out."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everything one tick works with. A system that is not configured is None, and reads as unread."""

    store: Store
    manifests: Manifests
    library: Library | None
    client: DownloadClient | None
    client_fingerprint: str
    """Changes when the client's address or credentials do: a refused login is not repeated before that."""
    indexers: tuple[Indexer, ...]
    shelf: Shelf | None
    clock: Clock
    tell: Tell
    jitter: random.Random
    catalogue: CatalogueStore | None = None
    """What is known of series and authors; None where wants are stated by hand alone."""
    sources: tuple[Source, ...] = ()
    """Whom the catalogue asks."""
