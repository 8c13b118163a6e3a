"""The tables. Where a struct of `domain` is stored column by column, a column has the name of its field."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy import text as sql

from adapters.store.columns import Id, Json, Moment, Packed, Prose
from domain.accounts import Account
from domain.catalogue.books import Catalogued, EditVerb
from domain.catalogue.gaps import Gap
from domain.catalogue.memory import Heard
from domain.manifest import Declared
from domain.releases import Release
from domain.world import Item, Outcome, Silence

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _one_of(kind: type[Enum]) -> EnumType:
    return EnumType(kind, native_enum=False, length=16, values_callable=lambda kind: [one.value for one in kind])


leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", Id, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

LIVE_GRAB = "action = 'grab' AND (outcome IS NULL OR outcome IN ('unknown', 'sent'))"

claims = Table(
    "claims",
    metadata,
    _id(),
    Column("action", Text, nullable=False),
    Column("want", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("epoch", Id, nullable=False),
    Column("indexer", Text, nullable=False),
    Column("infohash", Text),
    Column("infohash_v2", Text),
    Column("path", Text),
    Column("outcome", _one_of(Outcome)),
    Column("detail", Prose, nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("min_seed_s", Id),
    Column("min_ratio", Float),
    UniqueConstraint("action", "want", "release", "attempt"),
    # The database itself keeps a second grab of a book from starting while the first may still arrive.
    Index("one_live_grab_per_want", "want", unique=True, sqlite_where=sql(LIVE_GRAB), postgresql_where=sql(LIVE_GRAB)),
    Index(None, "claimed_at"),
    sqlite_autoincrement=True,
)

items = Table(
    "items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("updated_at_ms", Id, nullable=False),
    Column("item", Json[Item](Item), nullable=False),
)

searches = Table(
    "searches",
    metadata,
    Column("want", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("answered", Json[tuple[str, ...]](tuple[str, ...]), nullable=False),
    # An older version wrote the sentence alone.
    Column("failed", Json[Mapping[str, Silence | str]](dict[str, Silence | str]), nullable=False),
    Column("empty_runs", Integer, nullable=False),
    Column("asked", Text, nullable=False),
    Column("judged", Text, nullable=False),
    Column("offers", Json[tuple[Release, ...]](tuple[Release, ...]), nullable=False),
)

indexer_sessions = Table(
    "indexer_sessions",
    metadata,
    Column("indexer", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

indexer_accounts = Table(
    "indexer_accounts",
    metadata,
    Column("indexer", Text, primary_key=True),
    Column("account", Json[Account](Account), nullable=False),
)

indexer_answers = Table(
    "indexer_answers",
    metadata,
    Column("indexer", Text, primary_key=True),
    Column("question", Text, primary_key=True),
    Column("offers", Json[tuple[Release, ...]](tuple[Release, ...]), nullable=False),
    Column("asked_at", Moment, nullable=False, index=True),
)

baselines = Table(
    "baselines",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("items", Id),
    Column("missing", Id),
    Column("torrents", Id),
    Column("wants", Id),
    CheckConstraint("id = 1", name="one_row"),
)

declared = Table(
    "declared",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("declared", Json[Declared](Declared), nullable=False),
    Column("saved_at", Moment, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

wants = Table(
    "wants",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("minted_at", Moment, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    _id(),
    Column("target", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("value", Prose, nullable=False),
    Column("why", Prose, nullable=False),
    Column("who", Prose, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment),
    sqlite_autoincrement=True,
)

blocklist = Table(
    "blocklist",
    metadata,
    _id(),
    Column("release", Text),
    Column("infohash", Text),
    Column("title", Prose, nullable=False),
    Column("why", Prose, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

approvals = Table(
    "approvals",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("who", Prose, nullable=False),
    Column("at", Moment, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("finding", Text, primary_key=True),
    Column("seen", Integer, nullable=False),
)

backoffs = Table(
    "backoffs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("why", Prose, nullable=False),
)

conditions = Table(
    "conditions",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Prose, nullable=False),
    Column("since", Moment, nullable=False),
    Column("observed_at", Moment, nullable=False),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Prose, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Index(None, "subject", "id"),
    Index(None, "last_at"),
    # Readers go on from the last id they saw, so an id never comes back after pruning.
    sqlite_autoincrement=True,
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("want", Text, primary_key=True),
    Column("release", Text, primary_key=True),
    Column("gate", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("indexer", Text, nullable=False),
    Column("title", Prose, nullable=False),
    Column("answer", Text, nullable=False),
    Column("seen", Prose, nullable=False),
    Column("limit", Prose, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Index(None, "last_at"),
)

failed_attempts = Table(
    "failed_attempts",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("message", Prose, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
)

metadata_corrections = Table(
    "metadata_corrections",
    metadata,
    _id(),
    Column("item", Text, nullable=False),
    Column("want", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("old", Prose, nullable=False),
    Column("new", Prose, nullable=False),
    Column("source", Prose, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "want"),
    sqlite_autoincrement=True,
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", Text, nullable=False),
    Column("counts", Json[Mapping[str, int]](dict[str, int]), nullable=False),
    Column("errors", Json[tuple[str, ...]](tuple[str, ...]), nullable=False),
    Column("plan", Text, nullable=False),
    Index(None, "started_at"),
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    metadata,
    Column("target", Text, primary_key=True),
    Column("at", Moment, nullable=False),
)

books = Table(
    "books",
    metadata,
    Column("id", Prose, primary_key=True),
    Column("title", Prose, nullable=False),
    Column("authors", Json[tuple[str, ...]](tuple[str, ...]), nullable=False),
    Column("language", Text),
    Column("first_published", Integer),
    Column("updated_at", Moment, nullable=False),
)

book_ids = Table(
    "book_ids",
    metadata,
    Column("id", Prose, primary_key=True),
    # The current book: every id of a book that went into another one, its own among them, moves along.
    Column("book", Prose, nullable=False),
    Index(None, "book"),
)


def _subjects(name: str) -> Table:
    """What was derived for subjects of one kind. One that was gone through without a result has no `catalogued`."""
    return Table(
        name,
        metadata,
        Column("key", Text, primary_key=True),
        Column("name", Prose, nullable=False),
        Column("author", Prose),
        # Without who said what: every tick reads this of every subject.
        Column("catalogued", Json[Catalogued](Catalogued)),
        Column("whole", Packed[Catalogued](Catalogued)),
        Column("asked", Json[tuple[tuple[str, str], ...]](tuple[tuple[str, str], ...]), nullable=False),
        Column("refreshed_at", Moment),
        Column("derived_at", Moment),
    )


series = _subjects("series")
authors = _subjects("authors")

heard = Table(
    "heard",
    metadata,
    Column("source", Text, primary_key=True),
    # Of the question, which may be longer than an index takes.
    Column("digest", Text, primary_key=True),
    Column("question", Text, nullable=False),
    Column("heard", Packed[Heard](Heard), nullable=False),
)

catalogue_edits = Table(
    "catalogue_edits",
    metadata,
    _id(),
    Column("verb", _one_of(EditVerb), nullable=False),
    Column("book", Prose, nullable=False),
    Column("other", Prose, nullable=False),
    Column("field", Prose, nullable=False),
    Column("value", Prose, nullable=False),
    Column("title", Prose, nullable=False),
    Column("why", Prose, nullable=False),
    Column("who", Prose, nullable=False),
    Column("at", Moment, nullable=False),
    Column("undone_at", Moment),
    sqlite_autoincrement=True,
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", Text, primary_key=True),
    Column("spent_today", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("last_at", Moment),
    Column("parked_until", Moment),
    Column("why", Prose, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("limited", Integer, nullable=False),
)

replies = Table(
    "replies",
    metadata,
    Column("key", Text, primary_key=True),
    Column("url", Prose, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json[Mapping[str, str]](dict[str, str]), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("fetched_at", Moment, nullable=False),
    Column("checked_at", Moment, nullable=False),
    Index(None, "checked_at"),
)

missing_books = Table(
    "missing_books",
    metadata,
    Column("want", Text, primary_key=True),
    Column("title", Prose, nullable=False),
    Column("authors", Json[tuple[str, ...]](tuple[str, ...]), nullable=False),
    Column("series", Prose),
    Column("position", Prose),
    Column("reason", _one_of(Gap), nullable=False),
    Column("evidence", Json[tuple[str, ...]](tuple[str, ...]), nullable=False),
    Column("decision", Prose, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("closed_at", Moment),
)
