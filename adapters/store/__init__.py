"""The store: everything that must survive a restart, on SQLite or PostgreSQL with one schema."""

from adapters.store.migrate import migrate
from adapters.store.store import Store, open_store

__all__ = ["Store", "migrate", "open_store"]
