"""The catalogue: what sources said, what was derived from it, what people decided, and which books are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Table, delete, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.store import tables
from adapters.store.database import Database, chunks, structs
from domain.catalogue.books import Book, Catalogued, Edit, EditVerb
from domain.catalogue.gaps import MissingBook
from domain.catalogue.memory import Heard

asdict = msgspec.structs.asdict
replace = msgspec.structs.replace

_SUBJECTS: Mapping[str, Table] = {"series": tables.series, "author": tables.authors}
_EDIT = tuple(tables.catalogue_edits.c[name] for name in Edit.__struct_fields__)


class Catalogue(Database):
    """What this version cannot read any more is left out, and asked or derived again. Ids of books never go."""

    # What sources said

    async def heard(self, questions: Collection[tuple[str, str]]) -> tuple[Heard, ...]:
        """What was heard to these (source, question) pairs; pairs never asked are absent."""
        digests: dict[str, list[str]] = {}
        for source, question in sorted(set(questions)):
            digests.setdefault(source, []).append(_digest(question))
        table = tables.heard
        found: list[Heard | None] = []
        async with self.reading() as connection:
            for source, asked in digests.items():
                for some in chunks(asked):
                    mine = (table.c.source == source, table.c.digest.in_(some))
                    found += await connection.scalars(select(table.c.heard).where(*mine))
        return tuple(one for one in found if one is not None)

    async def save_heard(self, heard: Heard) -> None:
        """Replace what is kept under (source, question)."""
        key = {"source": heard.source, "digest": _digest(heard.question)}
        await self._replace(tables.heard, [{**key, "question": heard.question, "heard": heard}])

    # What was derived

    async def catalogued(self, kind: str | None = None) -> Mapping[str, Catalogued]:
        """Everything derived, by the key of its subject, without who said what; `kind` is `series` or `author`. What
        another version of the rules stored comes as it is."""
        some = [table for name, table in _SUBJECTS.items() if kind in (None, name)]
        derived = union_all(*(select(one.c.key, one.c.catalogued).where(one.c.catalogued.is_not(None)) for one in some))
        async with self.reading() as connection:
            rows = await connection.execute(derived)
            return {row.key: row.catalogued for row in rows if row.catalogued is not None}

    async def told_of(self, key: str) -> Catalogued | None:
        """What was derived for one subject, whole; None when nothing was."""
        table = tables.series if key.startswith("series/") else tables.authors
        async with self.reading() as connection:
            found: Catalogued | None = await connection.scalar(select(table.c.whole).where(table.c.key == key))
            return found

    async def save_catalogued(self, catalogued: Catalogued, *, asked: Sequence[tuple[str, str]]) -> None:
        """Replace what was derived for a subject; `asked` are the (source, question) pairs it rests on. Also keeps
        every id of every book (`book_ids`) and one row per book (`books`), in the same transaction.

        An id that another book had moves to the book that has it now. A book that loses its last id so, or whose own
        id is among those of another one, went into that one: all its ids answer to it from then on.
        """
        subject = catalogued.subject
        table = _SUBJECTS[subject.kind]
        values = {
            "name": catalogued.name,
            "author": subject.author,
            "catalogued": _bare(catalogued),
            "whole": catalogued,
            "asked": tuple(asked),
            "derived_at": catalogued.derived_at,
        }
        async with self.writing() as connection:
            await connection.execute(self._upsert(table, values).values(key=subject.key, **values))
            await self._put_books(connection, catalogued)
            await self._put_ids(connection, catalogued.books)

    async def asked_for(self, key: str) -> tuple[tuple[str, str], ...]:
        """The (source, question) pairs that a subject rests on; empty when it was never asked about."""
        asked = union_all(*(select(table.c.asked).where(table.c.key == key) for table in _SUBJECTS.values()))
        async with self.reading() as connection:
            return tuple(pair for pairs in await connection.scalars(asked) for pair in pairs or ())

    async def refreshed(self) -> Mapping[str, datetime]:
        """Subject -> when all its sources were last gone through."""
        columns = ((one.c.key, one.c.refreshed_at) for one in _SUBJECTS.values())
        gone_through = union_all(*(select(key, at).where(at.is_not(None)) for key, at in columns))
        async with self.reading() as connection:
            return {row.key: row.refreshed_at for row in await connection.execute(gone_through)}

    async def save_refreshed(self, key: str, *, at: datetime) -> None:
        """Also where nothing could be derived."""
        table = tables.series if key.startswith("series/") else tables.authors
        values = {"key": key, "name": "", "asked": (), "refreshed_at": at}
        async with self.writing() as connection:
            await connection.execute(self._upsert(table, {"refreshed_at": at}).values(**values))

    async def forget_subjects(self, keys: Collection[str]) -> None:
        """Drop what was derived for subjects nobody asks about any more. Books, ids and answers stay."""
        async with self.writing() as connection:
            for table in _SUBJECTS.values():
                for some in chunks(sorted(keys)):
                    await connection.execute(delete(table).where(table.c.key.in_(some)))

    async def books_of(self, ids: Collection[str]) -> Mapping[str, str]:
        """Provider id -> our id of the book that has it; unknown ids are absent. An id that we gave a book which went
        into another one answers with that one."""
        async with self.reading() as connection:
            return await _books_of(connection, ids)

    # What people decided

    async def edits(self) -> tuple[Edit, ...]:
        """What people decided and did not undo, oldest first."""
        table = tables.catalogue_edits
        return await self._all(select(*_EDIT).where(table.c.undone_at.is_(None)).order_by(table.c.id), Edit)

    async def add_edit(
        self,
        verb: EditVerb,
        *,
        book: str,
        other: str = "",
        field: str = "",
        value: str = "",
        title: str = "",
        why: str = "",
        who: str = "",
        at: datetime,
    ) -> Edit:
        said = {"book": book, "other": other, "field": field, "value": value, "title": title, "why": why, "who": who}
        added = insert(tables.catalogue_edits).values(verb=verb, **said, at=at).returning(*_EDIT)
        async with self.writing() as connection:
            return Edit(**(await connection.execute(added)).mappings().one())

    async def remove_edit(self, edit_id: int) -> bool:
        """Undo it; the row stays, with the moment by the database's clock. False when there is none to undo."""
        table = tables.catalogue_edits
        undone = update(table).where(table.c.id == edit_id, table.c.undone_at.is_(None)).values(undone_at=func.now())
        async with self.writing() as connection:
            return (await connection.execute(undone)).rowcount == 1

    # What is missing

    async def missing_books(self, *, open_only: bool = True) -> tuple[MissingBook, ...]:
        table = tables.missing_books
        query = select(table).order_by(table.c.want)
        return await self._all(query.where(table.c.closed_at.is_(None)) if open_only else query, MissingBook)

    async def save_missing(self, rows: Collection[MissingBook], now: datetime) -> None:
        """Replace the set of missing books. Rows that say what they said before are not written but for
        `last_seen_at`; those no longer in the set are closed, and open again when they come back."""
        table = tables.missing_books
        missing = {row.want: row for row in rows}
        async with self.writing() as connection:
            stored = {one.want: one for one in await structs(connection, select(table), MissingBook)}
            changed = [
                row for row in missing.values() if row.want not in stored or _says(row) != _says(stored[row.want])
            ]
            fresh = [_seen(row, stored.get(row.want), now) for row in changed]
            await self._put(connection, table, [asdict(row) for row in fresh])
            found = [want for want, one in stored.items() if one.closed_at is None and want not in missing]
            for some in chunks(sorted(found)):
                await connection.execute(update(table).where(table.c.want.in_(some)).values(closed_at=now))
            still = (table.c.closed_at.is_(None), table.c.last_seen_at < now)
            await connection.execute(update(table).where(*still).values(last_seen_at=now))

    # Books and their ids

    async def _put_books(self, connection: AsyncConnection, catalogued: Catalogued) -> None:
        """`updated_at` moves only where something else does."""
        table = tables.books
        told = ("title", "authors", "language", "first_published")
        statement = self._insert(table)
        new = statement.excluded
        changed = or_(*(table.c[name].is_distinct_from(new[name]) for name in told))
        upsert = self._upsert(table, {name: new[name] for name in (*told, "updated_at")}, where=changed)
        rows = {
            book.id: {
                "id": book.id,
                "updated_at": catalogued.derived_at,
                **{name: getattr(book, name) for name in told},
            }
            for book in catalogued.books
        }
        if rows:
            await connection.execute(upsert, list(rows.values()))

    async def _put_ids(self, connection: AsyncConnection, books: Sequence[Book]) -> None:
        now = {book.id: book.id for book in books}
        for book in books:
            for one in book.ids:
                now.setdefault(one, book.id)
        before = await _books_of(connection, now)
        moved = {one: book for one, book in now.items() if before.get(one) != book}
        await self._put(connection, tables.book_ids, [{"id": one, "book": moved[one]} for one in sorted(moved)])
        here = {book.id for book in books}
        left = {before[one]: new for one, new in moved.items() if one in before and before[one] not in here}
        for old, new in sorted(left.items()):
            if old in moved or not await _has_ids(connection, old):
                await _merge(connection, old, new)


async def _books_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    table = tables.book_ids
    found: dict[str, str] = {}
    for some in chunks(sorted(set(ids))):
        rows = await connection.execute(select(table.c.id, table.c.book).where(table.c.id.in_(some)))
        found.update({row.id: row.book for row in rows})
    return found


async def _has_ids(connection: AsyncConnection, book: str) -> bool:
    """Whether any source's id answers to this book."""
    table = tables.book_ids
    any_id = select(table.c.id).where(table.c.book == book, table.c.id.not_like("book:%")).limit(1)
    return await connection.scalar(any_id) is not None


async def _merge(connection: AsyncConnection, old: str, book: str) -> None:
    """All ids of the old book, its own among them, answer to the other one."""
    await connection.execute(update(tables.book_ids).where(tables.book_ids.c.book == old).values(book=book))
    await connection.execute(delete(tables.books).where(tables.books.c.id == old))


def _bare(catalogued: Catalogued) -> Catalogued:
    return replace(
        catalogued, books=tuple(replace(book, said=(), conflicts=(), joined=()) for book in catalogued.books)
    )


def _digest(question: str) -> str:
    return sha256(question.encode()).hexdigest()


def _says(row: MissingBook) -> MissingBook:
    return replace(row, first_seen_at=None, last_seen_at=None)


def _seen(row: MissingBook, before: MissingBook | None, now: datetime) -> MissingBook:
    first = before.first_seen_at if before else None
    return replace(row, first_seen_at=first or now, last_seen_at=now, closed_at=None)
