"""Leases and the ledger of claims: what makes an act happen at most once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.store.database import Database
from adapters.store.tables import claims, leases
from domain.errors import Conflict
from domain.world import Claim, Outcome

LEASE = "tick"
"""The lease whose epoch the ledger checks."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LIVE = or_(claims.c.outcome.is_(None), claims.c.outcome.in_([Outcome.UNKNOWN, Outcome.SENT]))
_CLAIM = tuple(column for column in claims.c if column.name in Claim.__struct_fields__)


class Leases(Database):
    """One holder at a time. A row is never deleted, so that epochs only grow."""

    async def acquire_lease(self, name: str, holder: str, *, now: datetime, ttl_s: float) -> int | None:
        """The new epoch, or None while somebody else holds an unexpired lease. A holder that comes again gets a new
        epoch: its former self is fenced off."""
        until = now + timedelta(seconds=ttl_s)
        insert = self._insert(leases).values(name=name, holder=holder, epoch=1, expires_at=until)
        taken = insert.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": holder, "epoch": leases.c.epoch + 1, "expires_at": until},
            where=or_(leases.c.expires_at <= now, leases.c.holder == holder),
        ).returning(leases.c.epoch)
        async with self.writing() as connection:
            epoch: int | None = await connection.scalar(taken)
            return epoch

    async def renew_lease(self, name: str, holder: str, epoch: int, *, now: datetime, ttl_s: float) -> None:
        """`Conflict` (`LeaseMoved`) when somebody else took it meanwhile."""
        until = now + timedelta(seconds=ttl_s)
        if not await self._set_expiry(name, holder, epoch, until):
            raise _lease_moved(name, epoch)

    async def release_lease(self, name: str, holder: str, epoch: int) -> None:
        """Let the next one in at once; nothing happens when it has moved on already."""
        await self._set_expiry(name, holder, epoch, _LONG_AGO)

    async def _set_expiry(self, name: str, holder: str, epoch: int, at: datetime) -> bool:
        mine = (leases.c.name == name, leases.c.holder == holder, leases.c.epoch == epoch)
        async with self.writing() as connection:
            result = await connection.execute(update(leases).where(*mine).values(expires_at=at))
            return result.rowcount == 1


class Ledger(Database):
    """Claim, act, settle. Writers queue on the row of the lease, which also proves that their epoch is the last."""

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
        `Conflict` (`LeaseMoved`) when `epoch` is not that of the lease `tick` any more.
        """
        key = {"action": action, "want": want, "release": release, "attempt": attempt}
        fresh = {
            "epoch": epoch,
            "indexer": indexer,
            "infohash": infohash,
            "infohash_v2": infohash_v2,
            "path": None,
            "outcome": None,
            "detail": "",
            "claimed_at": now,
            "settled_at": None,
            "min_seed_s": min_seed_s,
            "min_ratio": min_ratio,
        }
        insert = self._insert(claims).values(**key, **fresh)
        taken = insert.on_conflict_do_update(
            index_elements=list(key), set_=fresh, where=claims.c.outcome == Outcome.UNSENT
        ).returning(*_CLAIM)
        async with self.writing() as connection:
            await _hold_lease(connection, epoch)
            if action == "grab" and await _has_live_grab(connection, want):
                return None
            row = (await connection.execute(taken)).mappings().one_or_none()
        return Claim(**row) if row is not None else None

    async def note(
        self,
        claim_id: int,
        *,
        epoch: int,
        infohash: str | None = None,
        infohash_v2: str | None = None,
        path: str | None = None,
    ) -> None:
        """Write down what was learnt before the act; what is None here stays as it is."""
        learnt = {"infohash": infohash, "infohash_v2": infohash_v2, "path": path}
        await self._change(claim_id, epoch, {name: value for name, value in learnt.items() if value is not None})

    async def settle(self, claim_id: int, *, epoch: int, outcome: Outcome, now: datetime, detail: str = "") -> None:
        """`Conflict` (`GrabAlreadyLive`) when this would make a second grab of one want live."""
        settled = {"outcome": outcome, "detail": detail, "settled_at": now}
        try:
            await self._change(claim_id, epoch, settled)
        except IntegrityError as exc:
            raise Conflict(
                f"claim {claim_id} cannot be {outcome}: another grab of that want is live", code="GrabAlreadyLive"
            ) from exc

    async def claims(self) -> tuple[Claim, ...]:
        """Every row of the ledger, oldest first."""
        return await self._all(select(*_CLAIM).order_by(claims.c.id), Claim)

    async def grabs_since(self, since: datetime) -> Mapping[str, int]:
        """Grab claims made since then that were not `unsent`, per indexer."""
        spent = or_(claims.c.outcome.is_(None), claims.c.outcome != Outcome.UNSENT)
        grabs = select(claims.c.indexer, func.count()).where(claims.c.action == "grab", claims.c.claimed_at >= since)
        return await self._pairs(grabs.where(spent).group_by(claims.c.indexer))

    async def _change(self, claim_id: int, epoch: int, values: Mapping[str, object]) -> None:
        async with self.writing() as connection:
            await _hold_lease(connection, epoch)
            if not values:
                return
            result = await connection.execute(update(claims).where(claims.c.id == claim_id).values(**values))
            if result.rowcount != 1:
                raise Conflict(f"claim {claim_id} is not in the ledger", code="ClaimGone")


async def _hold_lease(connection: AsyncConnection, epoch: int) -> None:
    """Lock the lease until the end of the transaction: it cannot move on between this check and the commit.

    On SQLite the transaction holds the only write lock already, and `FOR UPDATE` is left out.
    """
    held = await connection.scalar(select(leases.c.epoch).where(leases.c.name == LEASE).with_for_update())
    if held != epoch:
        raise _lease_moved(LEASE, epoch)


async def _has_live_grab(connection: AsyncConnection, want: str) -> bool:
    live = select(claims.c.id).where(claims.c.action == "grab", claims.c.want == want, _LIVE).limit(1)
    return await connection.scalar(live) is not None


def _lease_moved(name: str, epoch: int) -> Conflict:
    return Conflict(f"the lease {name} has moved on from epoch {epoch}: observe and plan again", code="LeaseMoved")
