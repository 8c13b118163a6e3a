"""What happened and what was concluded: conditions, events, verdicts, failures, corrections, run reports, back-offs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.store import tables
from adapters.store.database import Database, chunks, structs
from domain.errors import Conflict
from domain.world import Backoff, Condition, Correction, Event, FailedAttempt, Run, StoredVerdict

asdict = msgspec.structs.asdict
replace = msgspec.structs.replace

REPLIES_KEPT = timedelta(days=30)
"""Without being asked for again: longer than any answer is fresh, so that the next question may be conditional."""


class Conditions(Database):
    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        query = select(tables.conditions).order_by(tables.conditions.c.subject, tables.conditions.c.type)
        if subject is not None:
            query = query.where(tables.conditions.c.subject == subject)
        return await self._all(query, Condition)

    async def save_conditions(self, conditions: Collection[Condition]) -> tuple[Condition, ...]:
        """Upsert by (subject, type); `since` moves when `status` flips. Returns those whose status or reason changed,
        the new ones among them. Where only `observed_at` moved, nothing else of the row is written."""
        async with self.writing() as connection:
            stored = await _stored_conditions(connection, {one.subject for one in conditions})
            now = {(one.subject, one.type): _aged(one, stored.get((one.subject, one.type))) for one in conditions}
            pairs = [(one, stored.get(key)) for key, one in now.items()]
            written = [one for one, before in pairs if before is None or _says(one) != _says(before)]
            await self._put(connection, tables.conditions, [asdict(one) for one in written])
            seen = [one for one, before in pairs if before is not None and _says(one) == _says(before)]
            await _observe_again(connection, seen)
        return tuple(
            one for one, before in pairs if before is None or (one.status, one.reason) != (before.status, before.reason)
        )

    async def drop_conditions(self, subjects: Collection[str]) -> None:
        async with self.writing() as connection:
            for some in chunks(sorted(subjects)):
                await connection.execute(delete(tables.conditions).where(tables.conditions.c.subject.in_(some)))


class Events(Database):
    async def record_event(self, *, subject: str, reason: str, message: str, at: datetime) -> Event:
        """When the newest event of the subject says the same, its count is raised; else a new one is written. So a
        condition that comes, goes and comes again reads as three events."""
        async with self.writing() as connection:
            before = await _newest_event(connection, subject)
            if before is not None and (before.reason, before.message) == (reason, message):
                return await _count_again(connection, before, at)
            return await _new_event(connection, subject=subject, reason=reason, message=message, at=at)

    async def events(self, *, after: int = 0, subject: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """Oldest first: those that follow the id `after`, or without one the newest `limit`."""
        query = select(tables.events).limit(limit)
        if subject is not None:
            query = query.where(tables.events.c.subject == subject)
        if after:
            return await self._all(query.where(tables.events.c.id > after).order_by(tables.events.c.id), Event)
        newest = await self._all(query.order_by(tables.events.c.id.desc()), Event)
        return newest[::-1]


class Verdicts(Database):
    async def save_verdicts(self, verdicts: Collection[StoredVerdict]) -> None:
        """Upsert by (want, release, gate, rule): `first_at` is kept, the rest moves, `count` is added.

        One that says the same at the same `last_at`, or an older one, is the same look once more: it is not written.
        """
        table = tables.verdicts
        statement = self._insert(table)
        new = statement.excluded
        moves = {name: new[name] for name in ("indexer", "title", "answer", "seen", "limit", "last_at")}
        looked_again = or_(
            new["last_at"] > table.c.last_at,
            *(new[name] != table.c[name] for name in ("answer", "seen", "limit")),
        )
        upsert = self._upsert(table, {**moves, "count": table.c["count"] + new["count"]}, where=looked_again)
        if verdicts:
            async with self.writing() as connection:
                await connection.execute(upsert, [asdict(one) for one in verdicts])

    async def verdicts(self, want: str) -> tuple[StoredVerdict, ...]:
        """Oldest first."""
        table = tables.verdicts
        order = (table.c.first_at, table.c.release, table.c.gate, table.c.rule)
        return await self._all(select(table).where(table.c.want == want).order_by(*order), StoredVerdict)


class Failures(Database):
    async def record_failure(self, *, subject: str, reason: str, message: str, at: datetime) -> FailedAttempt:
        """One row per subject and reason: the newest message, and how often."""
        table = tables.failed_attempts
        values = {"subject": subject, "reason": reason, "message": message, "first_at": at, "last_at": at, "count": 1}
        again = {"message": message, "last_at": at, "count": table.c["count"] + 1}
        upsert = self._upsert(table, again).values(**values).returning(table)
        async with self.writing() as connection:
            row = (await connection.execute(upsert)).mappings().one()
        return FailedAttempt(**row)

    async def failures(self, subject: str | None = None) -> tuple[FailedAttempt, ...]:
        """Oldest first."""
        table = tables.failed_attempts
        query = select(table).order_by(table.c.first_at, table.c.subject, table.c.reason)
        return await self._all(query if subject is None else query.where(table.c.subject == subject), FailedAttempt)

    async def backoffs(self) -> Mapping[str, Backoff]:
        return {one.key: one for one in await self._all(select(tables.backoffs), Backoff)}

    async def save_backoff(self, backoff: Backoff) -> None:
        await self._replace(tables.backoffs, [asdict(backoff)])

    async def clear_backoff(self, key: str) -> None:
        async with self.writing() as connection:
            await connection.execute(delete(tables.backoffs).where(tables.backoffs.c.key == key))


class Reports(Database):
    async def record_corrections(self, corrections: Collection[Correction]) -> None:
        if corrections:
            async with self.writing() as connection:
                await connection.execute(insert(tables.metadata_corrections), [asdict(one) for one in corrections])

    async def corrections(self, want: str | None = None) -> tuple[Correction, ...]:
        """Oldest first."""
        table = tables.metadata_corrections
        query = select(*(table.c[name] for name in Correction.__struct_fields__)).order_by(table.c.id)
        return await self._all(query if want is None else query.where(table.c.want == want), Correction)

    async def start_run(self, run: Run) -> Run:
        """With its id."""
        values = {name: value for name, value in asdict(run).items() if name != "id"}
        async with self.writing() as connection:
            run_id = await connection.scalar(insert(tables.tasks).values(**values).returning(tables.tasks.c.id))
        return replace(run, id=run_id)

    async def finish_run(self, run: Run) -> None:
        """Write the report whole. `Conflict` (`RunGone`) when it was never started."""
        async with self.writing() as connection:
            ended = update(tables.tasks).where(tables.tasks.c.id == run.id).values(**asdict(run))
            if (await connection.execute(ended)).rowcount != 1:
                raise Conflict(f"run {run.id} was never started", code="RunGone")

    async def runs(self, *, limit: int = 20) -> tuple[Run, ...]:
        """Newest first."""
        return await self._all(select(tables.tasks).order_by(tables.tasks.c.id.desc()).limit(limit), Run)

    async def prune(self, now: datetime, *, history_days: int, verdict_days: int) -> Mapping[str, int]:
        """Delete what is older, and say how many rows of each table that lost some.

        Events and run reports go after `history_days`, verdicts that were not seen again after `verdict_days`,
        overrides once they have expired, answers of servers after `REPLIES_KEPT`. Failures, corrections, claims and
        the catalogue are kept for ever.
        """
        history, verdict = now - timedelta(days=history_days), now - timedelta(days=verdict_days)
        old = {
            tables.events: tables.events.c.last_at < history,
            tables.tasks: tables.tasks.c.started_at < history,
            tables.verdicts: tables.verdicts.c.last_at < verdict,
            tables.overrides: tables.overrides.c.until < now,
            tables.replies: tables.replies.c.checked_at < now - REPLIES_KEPT,
        }
        async with self.writing() as connection:
            gone = {
                table.name: (await connection.execute(delete(table).where(condition))).rowcount
                for table, condition in old.items()
            }
        return {name: rows for name, rows in gone.items() if rows}


async def _stored_conditions(connection: AsyncConnection, subjects: Iterable[str]) -> dict[tuple[str, str], Condition]:
    table = tables.conditions
    stored: dict[tuple[str, str], Condition] = {}
    for some in chunks(sorted(subjects)):
        found = await structs(connection, select(table).where(table.c.subject.in_(some)), Condition)
        stored.update({(one.subject, one.type): one for one in found})
    return stored


def _aged(now: Condition, before: Condition | None) -> Condition:
    return replace(now, since=before.since) if before is not None and before.status == now.status else now


def _says(condition: Condition) -> tuple[str, str, str]:
    return condition.status, condition.reason, condition.message


async def _observe_again(connection: AsyncConnection, conditions: Collection[Condition]) -> None:
    """Move `observed_at` forward in few statements: a tick that finds nothing new sees every condition again."""
    groups: dict[tuple[str, datetime], list[str]] = {}
    for one in conditions:
        groups.setdefault((one.type, one.observed_at), []).append(one.subject)
    table = tables.conditions
    for (kind, at), subjects in sorted(groups.items()):
        for some in chunks(subjects):
            older = (table.c.type == kind, table.c.observed_at < at, table.c.subject.in_(some))
            await connection.execute(update(table).where(*older).values(observed_at=at))


async def _newest_event(connection: AsyncConnection, subject: str) -> Event | None:
    table = tables.events
    newest = select(table).where(table.c.subject == subject).order_by(table.c.id.desc()).limit(1).with_for_update()
    found = await structs(connection, newest, Event)
    return found[0] if found else None


async def _count_again(connection: AsyncConnection, event: Event, at: datetime) -> Event:
    again = replace(event, count=event.count + 1, last_at=at)
    counted = {"count": again.count, "last_at": again.last_at}
    await connection.execute(update(tables.events).where(tables.events.c.id == event.id).values(**counted))
    return again


async def _new_event(connection: AsyncConnection, *, subject: str, reason: str, message: str, at: datetime) -> Event:
    values = {"subject": subject, "reason": reason, "message": message, "count": 1, "first_at": at, "last_at": at}
    row = (await connection.execute(insert(tables.events).values(**values).returning(tables.events))).mappings().one()
    return Event(**row)
