"""From what sources said to the books of a series or an author. Pure: the same answers give the same books, in whatever
order they came (contracts: metadata, section 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from domain.catalogue import kinds
from domain.catalogue.books import Book, Catalogued, Edit, EditVerb, SourceState, Subject
from domain.catalogue.claims import PersonClaim, family
from domain.catalogue.identity import Group, Joining
from domain.catalogue.memory import Heard
from domain.catalogue.merging import book_id, corrections, merged
from domain.catalogue.precedence import rank
from domain.catalogue.records import ProviderSeries, Record, read_records
from domain.catalogue.series import Joined, join, numbered, places, records_in, usual_name
from domain.names import Likeness, fold, same_person, series_key
from domain.positions import Position, read_position
from domain.wants import MemberKind

Outcome = Literal["found", "not found", "could not look", "refused"]
CROWD = 4
"""So many authors make an anthology."""


def derive(
    subject: Subject,
    heard: Iterable[Heard],
    *,
    known: Mapping[str, str] | None = None,
    edits: Sequence[Edit] = (),
    owned: Iterable[str] = (),
    now: datetime,
) -> Catalogued:
    """All books of the subject. `known`: provider id -> our id of the book that has it; `owned`: folded titles that the
    library has by this author, which tell a person from a namesake."""
    told = sorted(heard, key=lambda one: (one.source, one.question))
    records, series = read_records(told, now)
    work = _Derivation(subject, records, series, edits, known or {}, now)
    # Some sources number books and series apart: an alias of a series says nothing of books.
    named = {one.id for one in series}
    work.join(alias for one in told for alias in one.answer.aliases if named.isdisjoint(alias))
    if subject.kind == "series":
        found = work.of_series()
    else:
        found = work.of_author([person for one in told for person in one.answer.people], frozenset(owned))
    return msgspec.structs.replace(found, sources=source_states(told))


def source_states(heard: Iterable[Heard]) -> tuple[SourceState, ...]:
    """How each source did, over all that it was asked: what it found at best, and the age of the oldest part."""
    states: dict[str, SourceState] = {}
    for one in heard:
        outcome: Outcome = "found" if one.answer.found else "not found"
        # Half an answer without anything in it is no word that there is nothing.
        if one.trouble and not one.answer.found:
            outcome = "refused" if one.refused else "could not look"
        state = SourceState(
            source=one.source,
            outcome=outcome,
            answered_at=one.answered_at,
            complete=one.answer.complete and not one.trouble,
            detail="; ".join(filter(None, (one.trouble, *one.answer.notes, *_dropped(one)))),
        )
        states[one.source] = _together(states[one.source], state) if one.source in states else state
    return tuple(states[source] for source in sorted(states))


def _dropped(heard: Heard) -> tuple[str, ...]:
    count = len(heard.answer.dropped)
    return (f"{count} records could not be used: {heard.answer.dropped[0]}",) if count else ()


def _together(one: SourceState, other: SourceState) -> SourceState:
    best = min((one.outcome, other.outcome), key=get_args(Outcome).index)
    moments = [moment for moment in (one.answered_at, other.answered_at) if moment]
    return SourceState(
        source=one.source,
        outcome=best,
        answered_at=min(moments, default=None),
        complete=one.complete and other.complete,
        detail="; ".join(dict.fromkeys(filter(None, (one.detail, other.detail)))),
    )


class _Derivation:
    """One derivation under way."""

    def __init__(
        self,
        subject: Subject,
        records: Sequence[Record],
        series: Sequence[ProviderSeries],
        edits: Sequence[Edit],
        known: Mapping[str, str],
        now: datetime,
    ) -> None:
        self._subject = subject
        self._series = series
        self._by_key = {one.key: one for one in series}
        self._edits = edits
        self._now = now
        self._records = records
        self._known = known
        self._joining = Joining(records, known=known)
        languages = Counter(record.claim.language for record in records if record.claim.language)
        self._tongue = min(languages, key=lambda one: (-languages[one], one), default=None)

    def join(self, aliases: Iterable[tuple[str, str]]) -> None:
        """Records become books, as far as they tell it by themselves and people do not say otherwise."""
        merges = tuple(aliases)
        self._join_by_evidence(merges)
        if splits := [edit for edit in self._edits if edit.verb is EditVerb.SPLIT]:
            # What a person took apart has to be told from all that would be one book without their word.
            apart = self._joining.parted(splits)
            self._joining = Joining(self._records, known=self._known, apart=apart)
            self._join_by_evidence(merges)

    def _join_by_evidence(self, aliases: Iterable[tuple[str, str]]) -> None:
        joining = self._joining
        joining.by_decision(self._edits)
        joining.by_alias(aliases)
        joining.by_id()
        joining.by_title()
        joining.by_number(self._numbers())
        joining.by_history()

    def _numbers(self) -> dict[str, dict[str, Position]]:
        found: dict[str, dict[str, Position]] = {}
        for group in self._joining.groups():
            for record in group.records:
                for key, position in record.places:
                    if position is not None:
                        found.setdefault(key, {})[record.key] = position
        return found

    def _settled(self, subject: Subject) -> tuple[dict[str, Group], Joined]:
        """The series' numbers tell more records to be one book, and these may tell more series to be one."""
        groups = {group.key: group for group in self._joining.groups()}
        joined = join(subject, numbered(self._series, tuple(groups.values())))
        for _ in range(3):
            self._joining.by_number(records_in(joined, groups))
            again = {group.key: group for group in self._joining.groups()}
            joined = join(subject, numbered(self._series, tuple(again.values())))
            if len(again) == len(groups):
                break
            groups = again
        return {group.key: group for group in self._joining.groups()}, joined

    # --- a series ----------------------------------------------------------------------------------------------------

    def of_series(self) -> Catalogued:
        subject = self._subject
        groups, joined = self._settled(subject)
        books = self._books(joined, groups, subject)
        finished = [one.series.finished for one in joined.series if one.series.finished is not None]
        return Catalogued(
            subject=subject,
            name=subject.name,
            authors=self._scope(joined, groups, subject),
            ids=tuple(sorted({one.series.id for one in joined.series if one.series.id})),
            books=books,
            orderings=_orderings(joined, groups),
            gaps=_gaps(books),
            notes=joined.notes,
            finished=finished[0] if finished and len(set(finished)) == 1 else None,
            derived_at=self._now,
        )

    def _scope(self, joined: Joined, groups: Mapping[str, Group], subject: Subject) -> tuple[str, ...]:
        if subject.author:
            return (subject.author, *subject.other_names)
        at = places(joined)
        return kinds.scope((groups[key], at[key][0]) for key in sorted(joined.members))

    def _books(self, joined: Joined, groups: Mapping[str, Group], subject: Subject) -> tuple[Book, ...]:
        at = places(joined)
        members = {key: groups[key] for key in sorted(joined.members)}
        positions = {key: self._position(members[key], at[key][0]) for key in members}
        authors = self._scope(joined, groups, subject)
        setting = kinds.Setting(
            series=subject.name,
            authors=authors,
            members=members,
            positions=positions,
            median_min=kinds.median_min(members, positions),
            continued=kinds.continued(members, positions, authors),
            today=self._now.date(),
        )
        names = {one.series.key: subject.name for one in joined.series}
        books = [self._book(members[key], positions[key], at[key][1], setting, names, joined) for key in members]
        return tuple(sorted(_with_alternates(books), key=_order))

    def _position(self, group: Group, position: Position | None) -> Position | None:
        """A person's correction moves the book before anything is concluded from its number."""
        said = corrections(group, self._edits).get("position")
        return position if said is None else read_position(said.value)

    def _book(
        self,
        group: Group,
        position: Position | None,
        said: Sequence[tuple[str, Position]],
        setting: kinds.Setting,
        names: Mapping[str, str],
        joined: Joined,
    ) -> Book:
        kind, because = kinds.kind_of(group, position, setting)
        book = merged(
            group,
            position=position,
            said_numbers=said,
            kind=kind,
            kind_because=because,
            series=self._by_key,
            names=names,
            edits=self._edits,
            tongue=self._tongue,
        )
        held = kinds.contents(group, setting) if kind is MemberKind.OMNIBUS else ()
        return msgspec.structs.replace(
            book,
            contains=tuple(book_id(setting.members[key]) for key in held) or _covered(position, setting),
            confirmed_by=tuple(sorted(self._confirmed_by(group, position, said, joined))),
            unsupported=_unsupported(group, joined),
            crowd=len(book.authors) >= CROWD,
        )

    def _confirmed_by(
        self, group: Group, position: Position | None, said: Sequence[tuple[str, Position]], joined: Joined
    ) -> set[str]:
        by = {family(source) for source, place in said if position is None or place.same(position)}
        if position is not None and position.whole_book:
            # Another ordering confirms that it is a main book, whatever its number is there.
            by |= {
                family(one.series.source) for ordering in joined.others for one in ordering if group.key in one.whole
            }
        if {"position", "kind"} & corrections(group, self._edits).keys():
            by.add("person")
        return by

    # --- an author ---------------------------------------------------------------------------------------------------

    def of_author(self, people: Sequence[PersonClaim], owned: frozenset[str]) -> Catalogued:
        subject = self._subject
        chosen, notes = _same_author(subject, people, self._joining.groups(), owned)
        # The numbers of one series may join books that another one holds, so all are read before any book is made.
        count = -1
        while count != (count := len(self._joining.groups())):
            series = list(self._series_with_books_by(chosen))
        groups = {group.key: group for group in self._joining.groups()}
        own = {key: group for key, group in groups.items() if _written_by(group, subject, chosen)}
        placed: dict[str, list[Book]] = {}
        for one, joined in series:
            for book in self._books(joined, groups, one):
                placed.setdefault(book.id, []).append(book)
        books = [_closest(found) for found in placed.values() if _by_author(found[0], subject)]
        alone = {key: group for key, group in own.items() if book_id(group) not in placed}
        books += self._standing_alone(alone, own)
        return Catalogued(
            subject=subject,
            name=subject.name,
            authors=(subject.name, *subject.other_names),
            ids=tuple(sorted({person.id for person in chosen})),
            books=tuple(sorted(books, key=_order_by_series)),
            notes=notes,
            derived_at=self._now,
        )

    def _series_with_books_by(self, chosen: Sequence[PersonClaim]) -> Iterator[tuple[Subject, Joined]]:
        """Each series that holds a book by the author, that with most of them first."""
        subject = self._subject
        groups = self._joining.groups()
        own = {group.key for group in groups if _written_by(group, subject, chosen)}
        left = [one for one in numbered(self._series, groups) if one.places.keys() & own]
        while left:
            first = max(left, key=lambda one: (len(one.places.keys() & own), one.series.key))
            series = Subject(
                kind="series", name=first.series.name, author=subject.name, other_names=subject.other_names
            )
            _, joined = self._settled(series)
            yield msgspec.structs.replace(series, name=usual_name(joined) or series.name), joined
            done = {one.series.key for one in joined.series} | {first.series.key}
            left = [one for one in left if one.series.key not in done]

    def _standing_alone(self, alone: Mapping[str, Group], own: Mapping[str, Group]) -> list[Book]:
        """Books of no series, each a main book. What is long for this author, and called a set, is one."""
        nowhere: dict[str, Position | None] = dict.fromkeys(own)
        setting = kinds.Setting(
            series=None,
            authors=(self._subject.name, *self._subject.other_names),
            members=own,
            positions=nowhere,
            median_min=kinds.usual_min(own.values()),
            today=self._now.date(),
        )
        books = []
        for group in alone.values():
            book = self._book(group, None, (), setting, {}, Joined())
            if book.kind is MemberKind.UNPLACED:
                book = msgspec.structs.replace(book, kind=MemberKind.PRIMARY, kind_because="it stands in no series")
            by = tuple(sorted({family(source) for source in book.sources}))
            books.append(msgspec.structs.replace(book, confirmed_by=by))
        return books


def _order(book: Book) -> tuple[bool, Decimal, Decimal, bool, str, str]:
    position = read_position(book.position)
    if position is None:
        return True, Decimal(0), Decimal(0), False, fold(book.title), book.id
    return False, position.low, position.high, book.alternate_of is not None, fold(book.title), book.id


def _order_by_series(book: Book) -> tuple[bool, str, tuple[bool, Decimal, Decimal, bool, str, str]]:
    series = book.series[0].series if book.series and book.position else ""
    return not series, series_key(series), _order(book)


def _orderings(joined: Joined, groups: Mapping[str, Group]) -> dict[str, dict[str, str]]:
    """Numberings that are kept beside the one that is shown, under the name of their series."""
    found: dict[str, dict[str, str]] = {}
    for ordering in joined.others:
        name = f"{ordering[0].series.name} ({ordering[0].series.source})"
        found[name] = {
            book_id(groups[key]): f"{place.low.normalize():f}"
            for one in ordering
            for key, place in one.places.items()
            if place is not None and place.single
        }
    return found


def _gaps(books: Iterable[Book]) -> tuple[str, ...]:
    """Whole numbers below the highest main one for which no source has a book."""
    placed = [(book, position) for book in books if (position := read_position(book.position)) is not None]
    taken = {int(at.low) for _, at in placed if at.single and at.low == at.low.to_integral_value()}
    highest = max((int(at.low) for book, at in placed if book.kind is MemberKind.PRIMARY), default=0)
    return tuple(str(number) for number in range(1, min(highest, 1000)) if number not in taken)


def _covered(position: Position | None, setting: kinds.Setting) -> tuple[str, ...]:
    """The members whose numbers lie within a range."""
    if position is None or position.single:
        return ()
    return tuple(
        book_id(setting.members[key])
        for key, place in setting.positions.items()
        if place is not None and place.whole_book and position.covers(place)
    )


def _unsupported(group: Group, joined: Joined) -> str:
    """Why nobody puts the book into the series any more; "" while somebody does."""
    keys = {one.series.key: one.series for one in joined.series}
    claims = [(record, keys[key]) for record in group.records for key, _ in record.places if key in keys]
    if not claims or any(record.key not in series.withdrawn for record, series in claims):
        return ""
    sources = ", ".join(sorted({series.source for _, series in claims}))
    return f"{sources} took it out of the series, and nobody else has it there"


def _with_alternates(books: Sequence[Book]) -> list[Book]:
    """One book per whole number: most families, then most recordings, then the source whose word counts first."""
    chosen: dict[str, Book] = {}
    found = []
    for book in sorted(books, key=_standing):
        main = book.kind in {MemberKind.PRIMARY, MemberKind.PREQUEL} and not book.unsupported and book.position
        if main and book.position in chosen:
            book = msgspec.structs.replace(book, alternate_of=chosen[book.position].id)
        elif main and book.position:
            chosen[book.position] = book
        found.append(book)
    return found


def _standing(book: Book) -> tuple[bool, int, int, tuple[int, str], str]:
    first = min((rank("number", source) for source in book.sources), default=(99, ""))
    return "person" not in book.confirmed_by, -len(book.confirmed_by), -len(book.editions), first, book.id


def _same_author(
    subject: Subject, people: Sequence[PersonClaim], groups: Sequence[Group], owned: frozenset[str]
) -> tuple[tuple[PersonClaim, ...], tuple[str, ...]]:
    """Which of the people so called is meant: by stated id, else whose books are owned, else who has most books."""
    stated = {*subject.ids.values(), *(f"{source}:{id}" for source, id in subject.ids.items())}
    if chosen := [person for person in people if stated & {person.id, *person.ids}]:
        return tuple(chosen), ()
    named = [one for one in people if _called(one, subject)]
    titles = {record.claim.id: fold(record.title) for group in groups for record in group.records}
    by_source: dict[str, list[PersonClaim]] = {}
    for person in sorted(named, key=lambda one: (one.source, one.id)):
        by_source.setdefault(person.source, []).append(person)
    kept, notes = [], []
    for source, several in sorted(by_source.items()):
        several.sort(
            key=lambda one: (-sum(titles.get(book) in owned for book in one.books or ()), -len(one.books or ()), one.id)
        )
        kept.append(several[0])
        rivals = {other.id: other for other in reversed(several[1:]) if other.books and other.id != several[0].id}
        notes += [
            f"{source} has another {other.name} ({other.id}, {len(other.books or ())} books): "
            "state the id to have that one"
            for _, other in sorted(rivals.items())
            if ":name:" not in other.id
        ]
    return tuple(kept), tuple(dict.fromkeys(notes))


def _called(person: PersonClaim, subject: Subject) -> bool:
    return any(same_person(person.name, name) is Likeness.SAME for name in (subject.name, *subject.other_names))


def _written_by(group: Group, subject: Subject, chosen: Sequence[PersonClaim]) -> bool:
    """Whether the book is by the author: an id tells, and a name where no id of that source does."""
    ids = {person.id for person in chosen}
    sources = {person.source for person in chosen if person.books is not None}
    listed = {f"{person.source} {book}" for person in chosen for book in person.books or ()}
    for record in group.records:
        credits = [credit for credit in record.claim.authors if credit.name in record.authors]
        if any(credit.id in ids for credit in credits):
            return True
        told_apart = any(credit.id for credit in credits if credit.id and _named_so(credit.name, subject))
        if not told_apart and any(_named_so(name, subject) for name in record.authors):
            return True
        if record.key in listed and (not credits or record.source not in sources):
            return True
    return False


def _named_so(name: str, subject: Subject) -> bool:
    return any(same_person(name, one) is Likeness.SAME for one in (subject.name, *subject.other_names))


def _by_author(book: Book, subject: Subject) -> bool:
    return not book.authors or any(_named_so(name, subject) for name in book.authors)


def _closest(found: Sequence[Book]) -> Book:
    """A book of several series is shown where it counts most: as a main member before anything else."""
    main = (MemberKind.PRIMARY, MemberKind.PREQUEL)
    return min(found, key=lambda book: (book.alternate_of is not None, book.kind not in main, book.position is None))
