"""Refreshing the catalogue: planned work with its own schedule and budget, that no tick waits for.

Each answer is kept as soon as it is there, so that a run that is cut off goes on where it stopped. What could not be
asked takes nothing away (`domain.catalogue.memory`).
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from domain.backoff import next_backoff
from domain.catalogue.books import RULES, Catalogued, Subject
from domain.catalogue.claims import (
    BookClaim,
    FindAuthor,
    FindSeries,
    ListBooks,
    ListMembers,
    LookUp,
    PersonClaim,
    Question,
    Search,
    question_key,
)
from domain.catalogue.derive import derive
from domain.catalogue.growth import grown
from domain.catalogue.memory import Heard, could_not_look, remember
from domain.catalogue.subjects import Asked, authors_in_library, by_name_alone, series_in_library, subjects
from domain.catalogue.wanting import NO_CATALOGUE, OWN_FILTERS, Catalogue, choices_for, left_out, struck_out
from domain.errors import Failure, Permanent, Transient
from domain.manifest import Declared, FollowSpec, Retries
from domain.names import Likeness, person_key, same_people, same_person, same_series
from domain.wants import MemberKind
from domain.world import Run
from reconcile.catalogue_ports import CatalogueStore, Source
from reconcile.ports import Outside

log = structlog.get_logger()

LEASE = "catalogue"
LEASE_S = 300.0
FRESH = timedelta(hours=24)
RETRIES = Retries(backoff_first_s=1800, backoff_cap_s=12 * 3600)
"""A subject of which a source could not be asked: others are not to wait for it."""
MOST_LISTS = 4
"""Provider series that are listed per source: one per region, and a few that share the name."""
MOST_LOOKED_UP = 50
MOST_SEARCHED = 5
SECOND_LOOK = 2
"""Titles by which a source is asked that knows the series under another name."""
RESTING = frozenset({"BudgetSpent", "QuotaSpent", "HostResting", "HostBusy", "TokenRefused"})
"""The source is not asked anything else in this run."""
LISTS = (ListMembers, ListBooks)
DOUBTFUL = "CatalogueShrank"
ANSWERED = frozenset({"", "CatalogueIncomplete"})
"""What a last try comes to that need not be repeated: a list without an end has none tomorrow either."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When the last regular refresh fell due; what was gone through since is fresh."""

    series: datetime
    authors: datetime


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    done: int
    of: int
    subject: Subject
    books: int


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What one refresh did."""

    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Due, and not gone through: the time or a budget ran out."""
    troubles: dict[str, str] = {}
    """Source -> why it could not be asked."""
    changed: bool = False


def _kept(outside: Outside) -> CatalogueStore:
    if outside.catalogue is None:
        raise Permanent("no catalogue is kept here, so nothing can be looked up", code="NoCatalogue")
    return outside.catalogue


async def is_stale(outside: Outside, subject: Subject, schedule: Schedule) -> bool:
    """Whether what is kept of a subject is older than the schedule wants, or a source left it open."""
    at = (await _kept(outside).refreshed()).get(subject.key)
    regular = schedule.series if subject.kind == "series" else schedule.authors
    return at is None or at < regular or f"catalogue/{subject.key}" in await outside.store.backoffs()


async def read_catalogue(outside: Outside) -> Catalogue:
    """What the planner needs to know of the catalogue: everything derived, and what people decided. Asks nobody."""
    catalogue, store, now = outside.catalogue, outside.store, outside.clock.now()
    if catalogue is None:
        return NO_CATALOGUE
    return Catalogue(
        subjects=await catalogue.catalogued(),
        excluded=struck_out(await catalogue.edits()),
        approved=await store.approved(),
        today=now.date(),
    )


async def due(outside: Outside, declared: Declared, schedule: Schedule) -> tuple[Asked, ...]:
    """The subjects to refresh now, most urgent first: never read ones before old ones, declared before followed."""
    items = [item for item in (await outside.store.items()).values() if not item.is_missing]
    now = outside.clock.now()
    asked = _once(subjects(declared, series_in_library(items), authors_in_library(items)))
    catalogue = await read_catalogue(outside)
    refreshed = await _kept(outside).refreshed()
    backoffs = await outside.store.backoffs()
    found = []
    for one in asked:
        key = one.subject.key
        resting = backoffs.get(f"catalogue/{key}")
        if resting is not None and resting.not_before > now:
            continue
        at = None if unread(one, declared, catalogue) else refreshed.get(key)
        regular = schedule.series if one.subject.kind == "series" else schedule.authors
        if at is None or at < regular or resting is not None or _came_out(catalogue.subjects.get(key), at, now):
            followed, author = isinstance(one.spec, FollowSpec), one.subject.kind != "series"
            found.append((at is not None, followed, -one.priority, author, at or now, key, one))
    return tuple(row[-1] for row in sorted(found, key=lambda row: row[:-1]))


def unread(asked: Asked, declared: Declared, catalogue: Catalogue) -> bool:
    """Whether nothing was derived yet that the document could go by: a series that is declared needs no yes any more,
    and the books that another document lets in were never proposed."""
    known = catalogue.subjects.get(asked.subject.key)
    if known is None or known.accepted is not None:
        return known is None
    if asked.trusted or known.proposal:
        return asked.trusted
    return any(left_out(choice, asked) is None for choice in choices_for(asked, known, declared, catalogue))


def _once(asked: Iterable[Asked]) -> list[Asked]:
    """One row per subject: the one that counts most, where several documents ask about it."""
    best: dict[str, Asked] = {}
    for one in asked:
        known = best.get(one.subject.key)
        if known is None or (one.trusted, one.priority) > (known.trusted, known.priority):
            best[one.subject.key] = one
    return list(best.values())


def _came_out(known: Catalogued | None, at: datetime | None, now: datetime) -> bool:
    """Whether a book was announced for a day that has come since its sources were last gone through."""
    if known is None or at is None:
        return False
    dates = [edition.released for book in known.books for edition in book.editions if edition.released]
    return any(at.date() < day <= now.date() for day in dates)


async def refresh(
    outside: Outside,
    declared: Declared,
    asked: Sequence[Asked],
    schedule: Schedule,
    *,
    until: datetime | None = None,
    progress: Callable[[Progress], None] | None = None,
    lease: str = LEASE,
) -> Refreshed:
    """Go through these subjects until none is left, `until` has come, or no source can be asked any more.

    `lease`: one run at a time has it. Who waits for one subject takes a lease of that subject's own: two that ask about
    it at once keep the same answers twice.
    """
    holder = f"{socket.gethostname()}/{uuid.uuid4()}"
    now = outside.clock.now()
    epoch = await outside.store.acquire_lease(lease, holder, now=now, ttl_s=LEASE_S)
    if epoch is None:
        return Refreshed(left=tuple(one.subject.key for one in asked), troubles={"": "another process is at it"})
    run = await outside.store.start_run(Run(kind="catalogue", mode="apply", started_at=now))
    resting: dict[str, Failure] = {}
    troubles: dict[str, str] = {}
    done: list[str] = []
    changed = False
    try:
        household = await _household(outside, declared)
        refreshed = await _kept(outside).refreshed()
        for one in asked:
            if until is not None and outside.clock.now() >= until:
                break
            if resting and len(resting) == len(outside.sources):
                break
            await outside.store.renew_lease(lease, holder, epoch, now=outside.clock.now(), ttl_s=LEASE_S)
            since = await _since(outside, one, schedule, refreshed.get(one.subject.key))
            inquiry = _Inquiry(outside, one.subject, since, resting, await _kept(outside).asked_for(one.subject.key))
            await inquiry.ask_all()
            troubles |= inquiry.troubles
            result, moved = await _derive_and_keep(outside, household, one.subject, inquiry)
            changed = changed or moved
            await _settle(outside, inquiry)
            done.append(one.subject.key)
            if progress is not None:
                progress(Progress(done=len(done), of=len(asked), subject=one.subject, books=len(result.books)))
    finally:
        left = tuple(one.subject.key for one in asked if one.subject.key not in done)
        ended = msgspec.structs.replace(
            run,
            ended_at=outside.clock.now(),
            outcome="changed" if changed else "settled",
            counts={"subjects": len(done), "left": len(left)},
            errors=tuple(f"{source}: {why}" for source, why in sorted(troubles.items())),
        )
        await outside.store.finish_run(ended)
        await outside.store.release_lease(lease, holder, epoch)
    return Refreshed(done=tuple(done), left=left, troubles=troubles, changed=changed)


async def _since(outside: Outside, one: Asked, schedule: Schedule, at: datetime | None) -> datetime:
    """Answers from then on are fresh enough: those of this round of the schedule, and of the last day. On the day that
    a book was announced for, older ones know nothing of it. `at`: when the subject was last gone through."""
    now = outside.clock.now()
    if _came_out(await _kept(outside).told_of(one.subject.key), at, now):
        return now - FRESH
    return min(schedule.series if one.subject.kind == "series" else schedule.authors, now - FRESH)


async def derive_again(
    outside: Outside, declared: Declared, keys: Iterable[str] | None = None, *, apart: tuple[str, str] | None = None
) -> int:
    """Compute from what is kept, without asking anybody: after an edit, or where older rules were at work. Returns how
    many subjects changed. `apart`: ids of two books that nobody says are one any more."""
    known = await _kept(outside).catalogued()
    household = await _household(outside, declared)
    changed = 0
    chosen = sorted(known) if keys is None else sorted(set(keys) & known.keys())
    for key in chosen:
        if keys is None and known[key].rules == RULES:
            continue
        subject = known[key].subject
        inquiry = _Inquiry(outside, subject, outside.clock.now(), {}, ())
        inquiry.asked = dict.fromkeys(await _kept(outside).asked_for(key))
        _, moved = await _derive_and_keep(outside, household, subject, inquiry, apart=apart)
        changed += moved
    return changed


class _Household(msgspec.Struct, frozen=True, kw_only=True):
    """What every derivation of one run needs to know of documents and library: read once."""

    declared: Declared
    asked: dict[str, tuple[Asked, ...]]
    """Subject -> the documents that ask about it."""
    titles: dict[str, frozenset[str]]
    """Person -> folded titles that the library has by them."""

    def about(self, subject: Subject) -> tuple[Asked, ...]:
        """Who asks about it. What nobody does is judged as the usual document would, for the day when one does."""
        return self.asked.get(subject.key) or (by_name_alone(subject),)


async def _household(outside: Outside, declared: Declared) -> _Household:
    items = [item for item in (await outside.store.items()).values() if not item.is_missing]
    authors = authors_in_library(items)
    asked: dict[str, tuple[Asked, ...]] = {}
    for one in subjects(declared, series_in_library(items), authors):
        asked[one.subject.key] = (*asked.get(one.subject.key, ()), one)
    return _Household(declared=declared, asked=asked, titles={key: author.titles for key, author in authors.items()})


async def _derive_and_keep(
    outside: Outside,
    household: _Household,
    subject: Subject,
    inquiry: _Inquiry,
    *,
    apart: tuple[str, str] | None = None,
) -> tuple[Catalogued, bool]:
    catalogue, now = _kept(outside), outside.clock.now()
    asked = inquiry.rests_on()
    heard = await catalogue.heard(asked)
    ids = {one for answer in heard for claim in answer.answer.books for one in _ids(claim)}
    owned = household.titles.get(person_key(subject.name), ()) if subject.kind == "author" else ()
    known = dict(await catalogue.books_of(ids))
    # Read for each subject anew: people go on deciding while a long run is under way.
    edits, approved = await catalogue.edits(), await outside.store.approved()
    if apart is not None:
        # They are remembered as one book. Without that memory each has the name that it was given first.
        plain = derive(subject, heard, edits=edits, now=now)
        forgets = {one for book in plain.books if not {*apart}.isdisjoint(book.ids) for one in book.ids}
        known = {one: name for one, name in known.items() if one not in forgets}
    # Many books take a while to tell apart: ticks and answers go on meanwhile.
    new = await asyncio.to_thread(derive, subject, heard, known=known, edits=edits, owned=owned, now=now)
    before = await catalogue.told_of(subject.key)
    about = household.about(subject)
    view = Catalogue(excluded=struck_out(edits), approved=approved, today=now.date())
    judged = [
        (choice.book.id, left_out(choice, one))
        for one in about
        for choice in choices_for(one, new, household.declared, view)
    ]
    new = grown(
        new,
        before,
        trusted=any(one.trusted for one in about),
        wanted={book for book, refusal in judged if refusal is None},
        aside={book for book, refusal in judged if refusal is not None and refusal[0] in OWN_FILTERS},
        approved=approved,
    )
    await catalogue.save_catalogued(new, asked=asked)
    if await catalogue.edits() != edits:
        # A person decided something while this was computed: their word is not to wait for the next look-up.
        return await _derive_and_keep(outside, household, subject, inquiry, apart=apart)
    return new, before is None or _essence(before) != _essence(new)


def _essence(catalogued: Catalogued) -> tuple[object, ...]:
    """What wants depend on: without ages and provenance."""
    books = [(one.id, one.title, one.position, one.kind, one.editions, one.unsupported) for one in catalogued.books]
    return books, catalogued.accepted, catalogued.proposed


def _ids(claim: BookClaim) -> set[str]:
    return {claim.id, *claim.ids, *(one for recording in claim.recordings or () for one in recording.ids)}


async def _settle(outside: Outside, inquiry: _Inquiry) -> None:
    """All sources answered: fresh until the schedule says otherwise. Else the rest is tried again after a while."""
    key = f"catalogue/{inquiry.subject.key}"
    # Last of all: what is cut off before it is gone through again, and asks only what was not answered.
    if inquiry.troubles:
        await _rest(outside, key, inquiry)
    else:
        await outside.store.clear_backoff(key)
    await _kept(outside).save_refreshed(inquiry.subject.key, at=outside.clock.now())


async def _rest(outside: Outside, key: str, inquiry: _Inquiry) -> None:
    why = "; ".join(f"{source}: {said}" for source, said in sorted(inquiry.troubles.items()))
    before = await outside.store.backoffs()
    backoff = next_backoff(
        key, before, why=why, policy=RETRIES, now=outside.clock.now(), jitter=outside.jitter,
        retry_after_s=inquiry.retry_after_s,
    )  # fmt: skip
    await outside.store.save_backoff(backoff)


class _Inquiry:
    """Everything one subject is asked about, source by source."""

    def __init__(
        self,
        outside: Outside,
        subject: Subject,
        since: datetime,
        resting: dict[str, Failure],
        before: Collection[tuple[str, str]],
    ) -> None:
        self.subject = subject
        self.asked: dict[tuple[str, str], None] = {}
        self.troubles: dict[str, str] = {}
        self.retry_after_s: float | None = None
        self._outside = outside
        self._since = since
        self._resting = resting
        self._before = before

    async def ask_all(self) -> None:
        series = self.subject.kind == "series"
        await self._each(self._series_of if series else self._books_of)
        if series:
            await self._look_again()
        await self._each(self._lists_of_before)
        await self._details()

    def rests_on(self) -> tuple[tuple[str, str], ...]:
        """What was asked now, and what was asked before of sources that could not be, or may not be any more."""
        able = {source.name for source in self._outside.sources} - self.troubles.keys()
        return tuple(dict.fromkeys((*self.asked, *(pair for pair in self._before if pair[0] not in able))))

    async def _lists_of_before(self, source: Source) -> None:
        """A list that this rested on goes on counting, though nothing else leads to it today."""
        for name, key in self._before:
            if name == source.name and (name, key) not in self.asked:
                question: Question = msgspec.json.decode(key, type=Question)
                if isinstance(question, LISTS):
                    await self.ask(source, question)

    async def _each(self, ask: Callable[[Source], Awaitable[None]]) -> None:
        """All sources side by side: each has its own host and its own pace."""
        tasks = [asyncio.ensure_future(ask(source)) for source in self._outside.sources]
        try:
            await asyncio.gather(*tasks)
        finally:
            # Where the store failed, nobody goes on asking after the lease was given back.
            for task in tasks:
                task.cancel()

    # --- a series ----------------------------------------------------------------------------------------------------

    async def _series_of(self, source: Source) -> None:
        subject = self.subject
        stated = subject.ids.get(source.name)
        if stated and ListMembers in source.answers:
            await self.ask(source, ListMembers(series=_namespaced(source.name, stated)))
        elif FindSeries in source.answers:
            found = await self.ask(source, FindSeries(name=subject.name, author=subject.author))
            await self._list(source, self._called_so(found))
        elif ListBooks in source.answers and subject.author:
            # A source that knows authors only (LibriVox) tells which of their books were recorded.
            await self.ask(source, ListBooks(name=subject.author))

    def _called_so(self, heard: Heard | None) -> list[str]:
        """The provider's series of this name, by this author as far as it says."""
        if heard is None:
            return []
        subject = self.subject
        named: dict[str, None] = {}
        for claim in heard.answer.series:
            authors = [one.name for one in claim.authors]
            other = subject.author and authors and same_people(authors, [subject.author]) is Likeness.DIFFERENT
            if not other and same_series(claim.name, subject.name) is Likeness.SAME:
                named[claim.id] = None
        for book in heard.answer.books:
            authors = [one.name for one in book.authors]
            other = subject.author and authors and same_people(authors, [subject.author]) is Likeness.DIFFERENT
            for place in book.places:
                if place.series and not other and same_series(place.name, subject.name) is Likeness.SAME:
                    named[place.series] = None
        return sorted(named)

    async def _list(self, source: Source, ids: Sequence[str]) -> None:
        if ListMembers in source.answers:
            for one in ids[:MOST_LISTS]:
                await self.ask(source, ListMembers(series=one))

    async def _look_again(self) -> None:
        """A source that has the series under another name is found by the titles that others gave."""
        blind = [
            source
            for source in self._outside.sources
            if source.answers >= {FindSeries, ListMembers, Search} and not self._listed(source)
        ]
        books = (await self._derived()).books if blind else ()
        titles = [book for book in books if book.kind is MemberKind.PRIMARY][:SECOND_LOOK]
        for source in blind:
            held: dict[str, int] = {}
            for book in titles:
                author = book.authors[0] if book.authors else self.subject.author
                found = await self.ask(source, Search(title=book.title, author=author))
                places = [place for claim in found.answer.books for place in claim.places] if found else []
                for series in {place.series for place in places if place.series}:
                    held[series] = held.get(series, 0) + 1
            await self._list(source, sorted(series for series, count in held.items() if count == len(titles))[:2])

    def _listed(self, source: Source) -> bool:
        return any(name == source.name and '"list-members"' in question for name, question in self.asked)

    async def _derived(self) -> Catalogued:
        heard = await _kept(self._outside).heard(tuple(self.asked))
        return derive(self.subject, heard, now=self._outside.clock.now())

    # --- an author ---------------------------------------------------------------------------------------------------

    async def _books_of(self, source: Source) -> None:
        subject = self.subject
        if ListBooks not in source.answers:
            return
        stated = subject.ids.get(source.name)
        for name in (subject.name, *subject.other_names):
            people: list[str | None] = [_namespaced(source.name, stated)] if stated else []
            if not people and FindAuthor in source.answers and source.name != "audible":
                found = await self.ask(source, FindAuthor(name=name))
                people = [one.id for one in _called(found, name)[:MOST_LISTS]] if found else []
            elif not people:
                people = [None]
            for person in people:
                await self.ask(source, ListBooks(name=name, id=person))

    # --- details -----------------------------------------------------------------------------------------------------

    async def _details(self) -> None:
        """Sources that only answer about single books are asked about the few that others leave open."""
        single = [
            one for one in self._outside.sources if FindSeries not in one.answers and ListBooks not in one.answers
        ]
        if not single:
            return
        books = (await self._derived()).books
        open_ = [one for one in books if not one.editions and one.kind in (MemberKind.PRIMARY, MemberKind.PREQUEL)]
        asins = sorted({one for book in open_ for one in book.ids if one.startswith("asin:")})[:MOST_LOOKED_UP]
        for source in single:
            if LookUp in source.answers and source.name == "audnexus":
                if asins:
                    await self.ask(source, LookUp(ids=tuple(asins)))
            elif Search in source.answers:
                for book in open_[:MOST_SEARCHED]:
                    author = book.authors[0] if book.authors else self.subject.author
                    await self.ask(source, Search(title=book.title, author=author))

    # --- one question ------------------------------------------------------------------------------------------------

    async def ask(self, source: Source, question: Question) -> Heard | None:
        """What is kept of the answer, from now or from before; None when the source never answered this."""
        key = question_key(question)
        self.asked[(source.name, key)] = None
        store, now = _kept(self._outside), self._outside.clock.now()
        [before] = await store.heard([(source.name, key)]) or (None,)
        if before is not None and _fresh(before, self._since):
            return before
        heard = await self._heard(source, question, key, before, now)
        await store.save_heard(heard)
        return heard if heard.answered_at is not None else None

    async def _heard(self, source: Source, question: Question, key: str, before: Heard | None, now: datetime) -> Heard:
        if source.name in self._resting:
            return self._failed(source, key, before, self._resting[source.name], now)
        try:
            answer = await source.ask(question)
        except Failure as failure:
            return self._failed(source, key, before, failure, now)
        except Exception:
            log.exception("source_failed", source=source.name, question=key)
            bug = Failure(f"{source.name} sent what was not understood; the log has the traceback", code="Bug")
            return self._failed(source, key, before, bug, now)
        heard = remember(before, source.name, key, answer, now)
        if heard.trouble_code == DOUBTFUL:
            self.troubles[source.name] = heard.trouble
        return heard

    def _failed(self, source: Source, key: str, before: Heard | None, failure: Failure, now: datetime) -> Heard:
        self.troubles[source.name] = failure.message
        if failure.code in RESTING:
            self._resting[source.name] = failure
        if isinstance(failure, Transient) and failure.retry_after_s:
            self.retry_after_s = max(self.retry_after_s or 0.0, failure.retry_after_s)
        refused = isinstance(failure, Permanent)
        return could_not_look(
            before, source.name, key, code=failure.code, why=failure.message, refused=refused, now=now
        )


def _fresh(heard: Heard, since: datetime) -> bool:
    """Whether it need not be asked again. A list that shrank may be half an answer: it is looked at again."""
    return heard.answered_at is not None and heard.answered_at >= since and heard.trouble_code in ANSWERED


def _namespaced(source: str, id: str) -> str:
    return id if ":" in id else f"{source}:{id}"


def _called(heard: Heard, name: str) -> list[PersonClaim]:
    """People of exactly this name, those with most books first as the source has them."""
    return [one for one in heard.answer.people if same_person(one.name, name) is Likeness.SAME]
