"""What was observed: library items, searches, and the last good counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Text, delete, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.store.columns import encoded
from adapters.store.database import Database, chunks
from adapters.store.tables import baselines, searches
from adapters.store.tables import items as item_table
from domain.world import Baseline, Item, Searched, Silence


class Readings(Database):
    """Caches of the world: what this version cannot read any more is left out, and observed again."""

    async def items(self) -> Mapping[str, Item]:
        stored = await self._pairs(select(item_table.c.id, item_table.c.item))
        return {key: item for key, item in stored.items() if item is not None}

    async def save_items(self, items: Collection[Item]) -> None:
        """Replace the stored items; rows that did not change are not written."""
        now = {item.id: item for item in items}
        async with self.writing() as connection:
            stored = await _encoded_items(connection)
            changed = [item for item in now.values() if stored.get(item.id) != encoded(item)]
            rows = [{"id": item.id, "updated_at_ms": item.updated_at_ms, "item": item} for item in changed]
            await self._put(connection, item_table, rows)
            for gone in chunks(sorted(stored.keys() - now.keys())):
                await connection.execute(delete(item_table).where(item_table.c.id.in_(gone)))

    async def searches(self) -> Mapping[str, Searched]:
        async with self.reading() as connection:
            rows = [dict(row) for row in (await connection.execute(select(searches))).mappings()]
        return {row["want"]: _searched(row) for row in rows if row["offers"] is not None and row["failed"] is not None}

    async def save_search(self, searched: Searched) -> None:
        """Replace the want's search and its offers."""
        await self._replace(searches, [msgspec.structs.asdict(searched)])

    async def baseline(self) -> Baseline:
        columns = [column for column in baselines.c if column.name != "id"]
        stored = await self._all(select(*columns), Baseline)
        return stored[0] if stored else Baseline()

    async def save_baseline(self, baseline: Baseline) -> None:
        await self._replace(baselines, [{"id": 1, **msgspec.structs.asdict(baseline)}])


def _searched(row: Mapping[str, Any]) -> Searched:
    """An older version wrote down why an indexer was silent, without a code."""
    silences = (
        (name, Silence("IndexerUnread", said) if isinstance(said, str) else said)
        for name, said in row["failed"].items()
    )
    return Searched(**{**row, "failed": dict(silences)})


async def _encoded_items(connection: AsyncConnection) -> dict[str, str]:
    """Stored items as their JSON text: comparing it is cheaper than decoding."""
    rows = await connection.execute(select(item_table.c.id, type_coerce(item_table.c.item, Text)))
    return {row[0]: row[1] for row in rows}
