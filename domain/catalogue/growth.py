"""How a catalogue may grow what is wanted (contracts: metadata, section 4.7.3). A declared series takes effect at once;
what an author or a followed series would bring is proposed first; later, much at once waits for a yes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

import msgspec

from domain.catalogue.books import Book, Catalogued
from domain.digests import digest_of

LEAST = 3
SHARE = 0.2
PATIENCE = timedelta(days=7)
"""How long the first derivation of a declared series stays open for sources that could not be asked."""

FIRST = "FirstDerivationNeedsApproval"
GREW = "CatalogueGrew"


def grown(
    new: Catalogued,
    before: Catalogued | None,
    *,
    trusted: bool,
    wanted: Iterable[str],
    approved: Collection[str],
    aside: Iterable[str] = (),
) -> Catalogued:
    """The new catalogue with what of it may be wanted. `trusted`: a person declared this series; `wanted`: ids of the
    books that its documents want; `approved`: digests that people said yes to; `aside`: ids of books that only the
    documents' own filters leave out, so that an edit of these lets them in."""
    new = msgspec.structs.replace(new, first_at=before.first_at or new.derived_at if before else new.derived_at)
    accepted = _still_called(new, before, approved)
    wanted = set(wanted)
    candidates = [book.id for book in new.books if book.id in wanted]
    beside = {book.id for book in new.books} & set(aside)
    if accepted is None or (trusted and _still_first(new, before)):
        if trusted:
            return _accepting(new, {*(accepted or ()), *candidates, *beside})
        return _proposing(new, (), candidates, FIRST) if candidates else new
    more = [one for one in candidates if one not in accepted]
    # Books that nobody wants by themselves are no growth of what is wanted.
    had = sum(1 for one in candidates if one in accepted)
    if len(more) <= max(LEAST, SHARE * had):
        return _accepting(new, {*accepted, *candidates, *beside})
    return _proposing(new, tuple(sorted(accepted)), more, GREW)


def _still_called(new: Catalogued, before: Catalogued | None, approved: Collection[str]) -> set[str] | None:
    """What was accepted, under the ids that these books have now: merged books have a new one."""
    if before is None or before.accepted is None:
        said_yes = before is not None and before.proposal in approved and before.proposal
        if not said_yes or before is None:
            return None
    accepted = set(before.accepted or ())
    if before.proposal and before.proposal in approved:
        accepted |= set(before.proposed)
    return accepted | {book.id for book in new.books if accepted & {*book.ids, book.id}}


def _still_first(new: Catalogued, before: Catalogued | None) -> bool:
    """Whether this is still the first derivation, since a source had not answered yet: its word is no growth later. One
    that refuses us is not waited for, and nobody is for ever."""
    if before is None:
        return True
    late = [one for one in before.sources if one.answered_at is None and one.outcome == "could not look"]
    return bool(late) and before.first_at is not None and new.derived_at - before.first_at <= PATIENCE


def _accepting(new: Catalogued, accepted: Collection[str]) -> Catalogued:
    return msgspec.structs.replace(new, accepted=tuple(sorted(accepted)), proposed=(), proposal="", proposal_code="")


def _proposing(new: Catalogued, accepted: tuple[str, ...], more: list[str], code: str) -> Catalogued:
    proposed = tuple(sorted(more))
    digest = digest_of("catalogue", new.subject.key, proposed)
    return msgspec.structs.replace(
        new,
        accepted=None if code == FIRST else accepted,
        proposed=proposed,
        proposal=digest,
        proposal_code=code,
    )


def waits(catalogued: Catalogued, book: Book, approved: Collection[str]) -> tuple[str, str] | None:
    """(code, message) when the book waits for a yes; None when it may be wanted."""
    if catalogued.accepted is not None and book.id in catalogued.accepted:
        return None
    if catalogued.proposal in approved and book.id in catalogued.proposed:
        return None
    if not catalogued.proposal:
        return FIRST, f"{catalogued.name} is looked at again before this one is proposed"
    count = len(catalogued.proposed)
    say = f"say `bibliostat approve {catalogued.proposal}` to have them"
    if catalogued.proposal_code == FIRST:
        return FIRST, f"{count} books of {catalogued.name} are proposed; {say}"
    return GREW, f"the catalogue of {catalogued.name} grew by {count} books at once; {say}"
