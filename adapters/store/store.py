"""The store whole: each part is a module by concern."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.store.catalogue import Catalogue
from adapters.store.decisions import Decisions
from adapters.store.desires import Desires
from adapters.store.history import Conditions, Events, Failures, Reports, Verdicts
from adapters.store.hosts import Hosts
from adapters.store.indexers import Indexers
from adapters.store.ledger import Leases, Ledger
from adapters.store.readings import Readings


class Store(
    Leases,
    Ledger,
    Readings,
    Desires,
    Decisions,
    Conditions,
    Events,
    Verdicts,
    Failures,
    Reports,
    Catalogue,
    Hosts,
    Indexers,
):
    """Everything that must survive a restart. Each method is one unit of work; times are aware UTC.

    Made by `Store.open(url)` and ended by `close()`; a migrated database is expected.
    """


@asynccontextmanager
async def open_store(url: str, *, timeout_s: float = 10.0) -> AsyncIterator[Store]:
    """A store for the length of a block."""
    store = await Store.open(url, timeout_s=timeout_s)
    try:
        yield store
    finally:
        await store.close()
