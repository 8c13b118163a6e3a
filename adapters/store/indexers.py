"""What must outlive a process about indexers: sessions that rotate, our accounts, and what they answered."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, select

from adapters.store.database import Database
from adapters.store.tables import indexer_accounts, indexer_answers, indexer_sessions
from domain.accounts import Account
from domain.releases import Release

ANSWERS_KEPT = timedelta(days=7)


class Indexers(Database):
    """Shared by every process on this store."""

    async def sealed_session(self, indexer: str) -> bytes | None:
        """As it was sealed; None when there is none."""
        async with self.reading() as connection:
            mine = select(indexer_sessions.c.sealed).where(indexer_sessions.c.indexer == indexer)
            return (await connection.execute(mine)).scalar_one_or_none()

    async def save_sealed_session(self, indexer: str, sealed: bytes, *, at: datetime) -> None:
        """Replace it, in one transaction."""
        await self._replace(indexer_sessions, [{"indexer": indexer, "sealed": sealed, "changed_at": at}])

    async def accounts(self) -> Mapping[str, Account]:
        """The newest reading of each account, by indexer; what this version cannot read is left out."""
        stored = await self._pairs(select(indexer_accounts.c.indexer, indexer_accounts.c.account))
        return {indexer: _read(account) for indexer, account in stored.items() if account is not None}

    async def save_account(self, account: Account) -> None:
        await self._replace(indexer_accounts, [{"indexer": account.indexer, "account": _written(account)}])

    async def answer(self, indexer: str, question: str) -> tuple[tuple[Release, ...], datetime] | None:
        """What this indexer answered to this question, and when; None when it never did, or when it cannot be read."""
        mine = select(indexer_answers.c.offers, indexer_answers.c.asked_at).where(
            indexer_answers.c.indexer == indexer, indexer_answers.c.question == question
        )
        async with self.reading() as connection:
            row = (await connection.execute(mine)).one_or_none()
        return None if row is None or row.offers is None else (row.offers, row.asked_at)

    async def save_answer(self, indexer: str, question: str, offers: tuple[Release, ...], *, at: datetime) -> None:
        """Replace it; answers that nobody asked for again within a week are forgotten."""
        row = {"indexer": indexer, "question": question, "offers": offers, "asked_at": at}
        async with self.writing() as connection:
            await connection.execute(delete(indexer_answers).where(indexer_answers.c.asked_at < at - ANSWERS_KEPT))
            await self._put(connection, indexer_answers, [row])


_ENDLESS = sys.float_info.max
"""JSON knows no infinity and makes it null, which would read as an unknown ratio."""


def _written(account: Account) -> Account:
    return msgspec.structs.replace(account, ratio=_ENDLESS) if account.ratio == math.inf else account


def _read(account: Account) -> Account:
    return msgspec.structs.replace(account, ratio=math.inf) if account.ratio == _ENDLESS else account
