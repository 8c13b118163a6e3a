"""What is desired: the last good documents, and the keys minted for wants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from adapters.store.database import Database
from adapters.store.tables import declared as declared_table
from adapters.store.tables import wants
from domain.manifest import Declared


class Desires(Database):
    async def last_good(self) -> Declared | None:
        """None when there never was one, or when this version cannot read it any more."""
        async with self.reading() as connection:
            stored: Declared | None = await connection.scalar(select(declared_table.c.declared))
            return stored

    async def save_last_good(self, declared: Declared, *, now: datetime) -> None:
        await self._replace(declared_table, [{"id": 1, "declared": declared, "saved_at": now}])

    async def want_keys(self) -> Mapping[str, str]:
        """Identity of a want (`Series/oz#8`) -> the key minted for it once."""
        return await self._pairs(select(wants.c.identity, wants.c.key))

    async def save_want_keys(self, keys: Mapping[str, str], *, now: datetime) -> None:
        """Adds; never changes a key that exists."""
        rows = [{"identity": identity, "key": key, "minted_at": now} for identity, key in keys.items()]
        if rows:
            async with self.writing() as connection:
                await connection.execute(self._insert(wants).on_conflict_do_nothing(), rows)
