"""What refreshing the catalogue needs from the outside, in domain terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.catalogue.books import Catalogued, Edit, EditVerb
from domain.catalogue.claims import Answer, Question
from domain.catalogue.gaps import MissingBook
from domain.catalogue.hosts import Host
from domain.catalogue.memory import Heard


class Source(Protocol):
    """One source of catalogue data."""

    name: str
    answers: frozenset[type]
    """The kinds of question it can be asked."""

    async def ask(self, question: Question) -> Answer:
        """What it says. `Transient` when it could not look, `Permanent` when it refuses; nothing found is an answer."""


class CatalogueStore(Protocol):
    """What must survive a restart. Each method is one unit of work; times are aware UTC."""

    async def heard(self, questions: Collection[tuple[str, str]]) -> tuple[Heard, ...]:
        """What was heard to these (source, question) pairs; pairs never asked are absent."""

    async def save_heard(self, heard: Heard) -> None:
        """Replace what is kept under (source, question)."""

    async def catalogued(self, kind: str | None = None) -> Mapping[str, Catalogued]:
        """Everything derived, by the key of its subject, without who said what: enough to plan by. What another version
        of the rules stored comes as it is."""

    async def told_of(self, key: str) -> Catalogued | None:
        """What was derived for one subject, whole; None when nothing was."""

    async def save_catalogued(self, catalogued: Catalogued, *, asked: Sequence[tuple[str, str]]) -> None:
        """Replace what was derived for a subject; `asked` are the (source, question) pairs it rests on.

        Every id of every book (`book_ids`) and one row per book (`books`) are kept in the same transaction.
        """

    async def asked_for(self, key: str) -> tuple[tuple[str, str], ...]:
        """The (source, question) pairs that a subject rests on; empty when it was never asked about."""

    async def refreshed(self) -> Mapping[str, datetime]:
        """Subject -> when all its sources were last gone through."""

    async def save_refreshed(self, key: str, *, at: datetime) -> None: ...

    async def books_of(self, ids: Collection[str]) -> Mapping[str, str]:
        """Provider id -> our id of the book that has it; unknown ids are absent."""

    async def edits(self) -> tuple[Edit, ...]:
        """What people decided and did not undo, oldest first."""

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
    ) -> Edit: ...

    async def remove_edit(self, edit_id: int) -> bool: ...

    async def save_missing(self, rows: Collection[MissingBook], now: datetime) -> None:
        """Replace the set of missing books; those that are missing no longer are closed, and kept."""

    async def missing_books(self, *, open_only: bool = True) -> tuple[MissingBook, ...]: ...

    async def hosts(self) -> tuple[Host, ...]:
        """Every host that was ever asked."""

    async def forget_subjects(self, keys: Collection[str]) -> None:
        """Drop what was derived for subjects nobody asks about any more. Books, ids and answers stay."""
