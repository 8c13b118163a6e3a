"""What the databases say, in the terms of `domain.errors`. The only module that knows their error codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from domain.errors import Failure, Permanent, Transient

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
_CLOSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# Classes of SQLSTATE: connection, transaction rollback, read-only or idle too long, resources, lock, operator, system.
_PASSING = ("08", "40", "25006", "25P03", "53", "55P03", "57", "58")
_REFUSED = ("28", "3D", "42501")
_UNDEFINED = ("42P01", "42703")


@contextmanager
def in_domain_terms(where: str) -> Iterator[None]:
    """`where` names the database without a secret. What is not understood passes unchanged: it is a bug."""
    try:
        yield
    except (SQLAlchemyError, OSError) as exc:
        failure = _failure(exc, where)
        if failure is None:
            raise
        raise failure from exc


def _failure(exc: Exception, where: str) -> Failure | None:
    if isinstance(exc, (NoFreeConnection, OSError)):
        return _unreachable(where, exc)
    cause = exc.orig if isinstance(exc, DBAPIError) else exc
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, where)
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith(_REFUSED):
        return Permanent(
            f"the database {where} refused us ({state}): check user, password, database name and rights",
            code="StoreRefused",
        )
    if state.startswith(_UNDEFINED):
        return _older(where)
    if state.startswith(_PASSING) or (isinstance(exc, DBAPIError) and exc.connection_invalidated):
        return _unreachable(where, cause)
    return None


def _sqlite(cause: sqlite3.Error, where: str) -> Failure | None:
    # Errors made by Python's module itself carry no code; the low byte is the kind, the rest its variety.
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return _unreachable(where, cause)
    if code in _CLOSED:
        return Permanent(
            f"the database {where} cannot be opened for writing ({cause}): check the path, its owner and its rights",
            code="StoreUnwritable",
        )
    if code in _DAMAGED:
        return Permanent(
            f"the file {where} is not a sound SQLite database ({cause}): restore a backup or name another file",
            code="StoreDamaged",
        )
    if str(cause).startswith(("no such table", "no such column")):
        return _older(where)
    return None


def _unreachable(where: str, cause: BaseException | None) -> Transient:
    said = str(cause).splitlines()[0] if str(cause or "") else type(cause).__name__
    return Transient(f"the database {where} cannot be reached now ({said})", code="StoreUnreachable")


def _older(where: str) -> Permanent:
    return Permanent(
        f"the database {where} lacks tables of this version: run `bibliostat db upgrade`", code="DatabaseOlder"
    )
