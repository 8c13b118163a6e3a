"""What was asked of other people's servers: how much of their patience is left, and what they answered."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import select, update

from adapters.catalogues.replies import Reply
from adapters.store.database import Database, structs
from adapters.store.tables import hosts, replies
from adapters.web import Kept
from domain.catalogue.hosts import Host


class Hosts(Database):
    """Shared by every process on this store."""

    async def hosts(self) -> tuple[Host, ...]:
        """Every host that was ever asked."""
        return await self._all(select(hosts).order_by(hosts.c.host), Host)

    async def change_host(self, host: str, change: Callable[[Host], Host]) -> Host:
        """Replace what is kept of a host by what `change` makes of it; nothing changes when that raises.

        Processes come one after the other: none changes what another one has already changed unseen.
        """
        first = self._insert(hosts).values(**msgspec.structs.asdict(Host(host=host))).on_conflict_do_nothing()
        mine = select(hosts).where(hosts.c.host == host).with_for_update()
        async with self.writing() as connection:
            await connection.execute(first)
            [before] = await structs(connection, mine, Host)
            after = change(before)
            if after != before:
                await self._put(connection, hosts, [msgspec.structs.asdict(after)])
        return after

    async def kept_reply(self, key: str) -> Kept | None:
        """None when there is none, or when it cannot be read any more."""
        async with self.reading() as connection:
            row = (await connection.execute(select(replies).where(replies.c.key == key))).one_or_none()
        if row is None or row.headers is None:
            return None
        try:
            body = await asyncio.to_thread(zlib.decompress, row.body)
        except zlib.error:
            return None
        reply = Reply(url=row.url, status=row.status, headers=row.headers, body=body)
        return Kept(reply=reply, fetched_at=row.fetched_at, checked_at=row.checked_at)

    async def keep_reply(self, key: str, reply: Reply, *, at: datetime) -> None:
        """Replace what is kept under the key. The body of the request is not stored."""
        body = await asyncio.to_thread(zlib.compress, reply.body)
        row = {"key": key, "url": reply.url, "status": reply.status, "headers": reply.headers, "body": body}
        await self._replace(replies, [{**row, "fetched_at": at, "checked_at": at}])

    async def confirm_reply(self, key: str, *, headers: Mapping[str, str], at: datetime) -> None:
        """The server says that what is kept is still its answer."""
        confirmed = update(replies).where(replies.c.key == key).values(headers=headers, checked_at=at)
        async with self.writing() as connection:
            await connection.execute(confirmed)
