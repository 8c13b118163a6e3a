"""What people decided, and what waits for their decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, delete, insert, select

from adapters.store import tables
from adapters.store.database import Database
from domain.world import Blocked, Override


class Decisions(Database):
    async def overrides(self) -> tuple[Override, ...]:
        """All that were not removed, newest last. The store has no clock: expired ones are here until they are pruned,
        and whoever reads compares `until` with its own now."""
        return await self._all(select(tables.overrides).order_by(tables.overrides.c.id), Override)

    async def add_override(
        self, *, target: str, verb: str, value: str, why: str, who: str, at: datetime, until: datetime | None
    ) -> Override:
        values = {"target": target, "verb": verb, "value": value, "why": why, "who": who, "at": at, "until": until}
        return Override(**await self._add(tables.overrides, values))

    async def remove_override(self, override_id: int) -> bool:
        return await self._remove(tables.overrides, tables.overrides.c.id == override_id)

    async def blocklist(self) -> tuple[Blocked, ...]:
        return await self._all(select(tables.blocklist).order_by(tables.blocklist.c.id), Blocked)

    async def block(self, *, release: str | None, infohash: str | None, title: str, why: str, at: datetime) -> Blocked:
        values = {"release": release, "infohash": infohash, "title": title, "why": why, "at": at}
        return Blocked(**await self._add(tables.blocklist, values))

    async def unblock(self, blocked_id: int) -> bool:
        return await self._remove(tables.blocklist, tables.blocklist.c.id == blocked_id)

    async def approved(self) -> frozenset[str]:
        """Digests that a person approved."""
        async with self.reading() as connection:
            return frozenset(await connection.scalars(select(tables.approvals.c.digest)))

    async def approve(self, digest: str, *, who: str, at: datetime) -> None:
        """Who approved first stays written down."""
        approval = self._insert(tables.approvals).values(digest=digest, who=who, at=at).on_conflict_do_nothing()
        async with self.writing() as connection:
            await connection.execute(approval)

    async def findings(self) -> Mapping[str, int]:
        """Removal findings -> in how many successive good readings each was seen."""
        return await self._pairs(select(tables.findings.c.finding, tables.findings.c.seen))

    async def save_findings(self, findings: Mapping[str, int]) -> None:
        """Replace them all."""
        rows = [{"finding": finding, "seen": times} for finding, times in findings.items()]
        async with self.writing() as connection:
            await connection.execute(delete(tables.findings))
            await self._put(connection, tables.findings, rows)

    async def request(self, target: str, *, at: datetime) -> None:
        """Somebody asks for attention now: `*` or a want's key. The newest request counts."""
        asked = self._insert(tables.requests).values(target=target, at=at)
        newest = asked.on_conflict_do_update(
            index_elements=["target"], set_={"at": asked.excluded.at}, where=asked.excluded.at > tables.requests.c.at
        )
        async with self.writing() as connection:
            await connection.execute(newest)

    async def requests(self) -> Mapping[str, datetime]:
        return await self._pairs(select(tables.requests.c.target, tables.requests.c.at))

    async def handled(self, requests: Mapping[str, datetime]) -> None:
        """Forget these requests, unless a newer one came meanwhile."""
        table = tables.requests
        async with self.writing() as connection:
            for target, at in requests.items():
                await connection.execute(delete(table).where(table.c.target == target, table.c.at <= at))

    async def _add(self, table: Table, values: Mapping[str, Any]) -> RowMapping:
        """The new row, with its id."""
        async with self.writing() as connection:
            result = await connection.execute(insert(table).values(**values).returning(table))
            row: RowMapping = result.mappings().one()
            return row

    async def _remove(self, table: Table, condition: ColumnElement[bool]) -> bool:
        async with self.writing() as connection:
            return (await connection.execute(delete(table).where(condition))).rowcount == 1
