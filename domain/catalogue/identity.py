"""When are two records one book? (contracts: metadata, section 4.4). Ids, numbers and authors decide; no similarity of
titles does: two neighbours of a series are often more alike than two spellings of one title.

The result does not depend on the order of records. Each join keeps its evidence as a sentence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from rapidfuzz.fuzz import ratio

from domain.catalogue.books import Edit, EditVerb
from domain.catalogue.precedence import rank
from domain.catalogue.records import Record
from domain.names import Likeness, same_people, same_title
from domain.positions import Position

ALIKE = 0.75
"""Least edit ratio of two titles at one number of one series by one author that are the same book."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one book."""

    records: tuple[Record, ...]
    evidence: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """Our ids of this book, oldest first."""
    foreign: tuple[str, ...] = ()
    """Ids on its records that other books have too, and by which none of its records goes: they name neither."""
    authors: tuple[str, ...] = ()
    """Of the record whose word on authors counts first."""

    @property
    def key(self) -> str:
        return self.records[0].key

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sorted({one for record in self.records for one in record.ids} - set(self.foreign)))

    @property
    def omnibus(self) -> bool:
        return any(record.omnibus for record in self.records)


def _authors(records: Iterable[Record]) -> tuple[str, ...]:
    told = [record for record in records if record.authors]
    return min(told, key=lambda one: (rank("authors", one.source), one.key)).authors if told else ()


class _Pile:
    """Records that were found to be one book so far."""

    def __init__(self, record: Record) -> None:
        self.records = [record]
        self.evidence: set[str] = set()
        self.disputes: set[str] = set()

    @property
    def first(self) -> str:
        return min(record.key for record in self.records)


class Joining:
    """Joins records into books, strongest evidence first; what contradicts a join stops it.

    `known`: provider id -> our id of the book that had it before; `apart`: keys of records that are not one book.
    """

    def __init__(
        self, records: Iterable[Record], *, known: Mapping[str, str] = {}, apart: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._records = {record.key: record for record in sorted(records, key=lambda one: one.key)}
        self._pile = {key: _Pile(record) for key, record in self._records.items()}
        self._apart = {pair for one, other in apart for pair in ((one, other), (other, one))}
        self._by_id: dict[str, list[Record]] = defaultdict(list)
        for record in self._records.values():
            for one in record.ids:
                self._by_id[one].append(record)
        languages = Counter(record.claim.language for record in self._records.values() if record.claim.language)
        self._tongue = min(languages, key=lambda one: (-languages[one], one), default="en")
        self._before = {
            key: book for key, record in self._records.items() if (book := self._book_before(record, known)) is not None
        }

    def _book_before(self, record: Record, known: Mapping[str, str]) -> str | None:
        """Which book of ours the record belonged to: its own id tells; of a new record, an id that no other has, since
        for one that several have `by_id` decides each time."""
        if record.claim.id in known:
            return known[record.claim.id]
        books = {known[one] for one in record.ids if one in known and len(self._by_id[one]) == 1}
        return books.pop() if len(books) == 1 else None

    def groups(self) -> tuple[Group, ...]:
        piles = {pile.first: pile for pile in self._pile.values()}
        known = self._known(piles)
        return tuple(
            Group(
                authors=_authors(pile.records),
                records=tuple(sorted(pile.records, key=lambda one: one.key)),
                evidence=tuple(sorted(pile.evidence)),
                disputes=tuple(sorted(pile.disputes)),
                known=known[first],
                foreign=self._foreign(pile),
            )
            for first, pile in sorted(piles.items())
        )

    def _known(self, piles: Mapping[str, _Pile]) -> dict[str, tuple[str, ...]]:
        """Our ids of each pile, that of most of its records first. An id stays with one book: the one that most of its
        records went to."""
        counts = {first: Counter(self._books(pile)) for first, pile in piles.items()}
        heirs = {
            book: min((first for first in counts if book in counts[first]), key=lambda one: (-counts[one][book], one))
            for book in sorted(set(self._before.values()))
        }
        return {
            first: tuple(sorted((book for book in told if heirs[book] == first), key=lambda book: (-told[book], book)))
            for first, told in counts.items()
        }

    def _books(self, pile: _Pile) -> list[str]:
        return [self._before[record.key] for record in pile.records if record.key in self._before]

    def _foreign(self, pile: _Pile) -> tuple[str, ...]:
        own = {record.claim.id for record in pile.records}
        ids = {one for record in pile.records for one in record.ids} - own
        return tuple(sorted(one for one in ids if any(self._pile[other.key] is not pile for other in self._by_id[one])))

    def parted(self, splits: Iterable[Edit]) -> set[tuple[str, str]]:
        """Keys of records that people took apart: those of `other` from all that went into one book with `book`."""
        pairs = set()
        for edit in splits:
            others = {record.key for record in self._holders(edit.other)}
            for holder in self._holders(edit.book):
                rest = {record.key for record in self._pile[holder.key].records} - others
                pairs |= {(one, other) for one in rest for other in others}
        return pairs

    def by_decision(self, edits: Iterable[Edit]) -> None:
        """What a person joined."""
        for edit in edits:
            if edit.verb is EditVerb.MERGE:
                for one in self._holders(edit.book):
                    for other in self._holders(edit.other):
                        self._join(one, other, f"{edit.who or 'a person'} said that they are one book")

    def by_history(self) -> None:
        """What was one book before stays one: a source that takes a merge back is shown, and a person decides."""
        books: dict[str, list[Record]] = defaultdict(list)
        for key, book in self._before.items():
            books[book].append(self._records[key])
        for book, records in sorted(books.items()):
            for place, other in enumerate(records):
                self._join_as_before(book, records[:place], other)

    def _join_as_before(self, book: str, earlier: Sequence[Record], other: Record) -> None:
        for first in earlier:
            if self._pile[first.key] is self._pile[other.key]:
                return
        for first in earlier:
            alike = _alike(first, other)
            if self._join(first, other, f"both are {book} since an earlier answer"):
                if not alike:
                    self._pile[other.key].disputes.add(
                        f"MergeDisputed: {_named(first)} and {_named(other)} were one book, and nothing joins them now"
                    )
                return

    def by_alias(self, aliases: Iterable[tuple[str, str]]) -> None:
        """What a source itself merged."""
        for old, new in sorted(set(aliases)):
            for one in self._holders(old):
                for other in self._holders(new):
                    self._join(one, other, f"{one.source} says that {old} is now {new}")

    def by_id(self) -> None:
        """One ASIN, SKU, ISBN or id of a work. An id that joins two books of unlike names is held: ids err too."""
        for one, records in sorted(self._by_id.items()):
            for other in records[1:]:
                first = records[0]
                if self._pile[first.key] is self._pile[other.key]:
                    continue
                if _compare(first, other) is Likeness.DIFFERENT and not _translated(first, other):
                    conflict = f"IdConflict: {one} is on {_named(first)} and on {_named(other)}"
                    self._pile[first.key].disputes.add(conflict)
                    self._pile[other.key].disputes.add(conflict)
                elif first.omnibus == other.omnibus:
                    self._join(first, other, f"same {one.partition(':')[0]} {one.partition(':')[2]}")

    def by_title(self) -> None:
        """Equal titles by authors that are the same or not told, unless numbers of one series differ."""
        shelves: dict[str, list[Record]] = defaultdict(list)
        for pile in list(self._pile.values()):
            for record in pile.records:
                for key in record.keys:
                    shelves[key].append(record)
        for _, records in sorted(shelves.items()):
            told = sorted({one.key: one for one in records}.values(), key=lambda one: (not one.authors, one.key))
            for place, other in enumerate(told):
                self._join_to_first(told[:place], other)

    def _join_to_first(self, earlier: Sequence[Record], other: Record) -> None:
        """Compares with one record of each pile; without authors, two possible books are none."""
        piles = {id(self._pile[one.key]): one for one in reversed(earlier)}
        if id(self._pile[other.key]) in piles:
            return
        fits = [one for one in sorted(piles.values(), key=lambda one: one.key) if _one_title(one, other)]
        if not other.authors and len({tuple(one.authors) for one in fits}) > 1:
            fits = [one for one in fits if _share_series(one, other)]
        for one in fits:
            if not self._numbers_differ(one, other):
                self._join(one, other, f"same title and author: {_named(one)}")

    def by_number(self, numbers: Mapping[str, Mapping[str, Position]]) -> None:
        """At one whole number of one series by one author: spellings, and titles of which one holds the other.

        `numbers`: series -> record -> its place there. A series here may be several sources' series in one ordering.
        """
        for series, places in sorted(numbers.items()):
            at: dict[Decimal, list[Record]] = defaultdict(list)
            for key, position in sorted(places.items()):
                whole = position.whole_book and position.low == position.low.to_integral_value()
                record = self._records[key]
                if whole and not record.omnibus:
                    at[position.low].append(record)
            sets = _sets(at)
            for _, several in sorted(at.items()):
                records = [record for record in several if record.key not in sets]
                for place, other in enumerate(records):
                    for one in records[:place]:
                        if _variant(one, other) and not self._numbers_differ(one, other):
                            why = f"same number in {series.partition(' ')[2] or series}, and titles that are spellings"
                            self._join(one, other, f"{why}: {one.title!r}, {other.title!r}")
                self._join_translations(records)

    def _join_translations(self, records: Sequence[Record]) -> None:
        """Other languages at one number are translations, if each language has one book by the author there. What does
        not tell its language is in the usual one."""
        piles = {id(self._pile[record.key]): record for record in reversed(records)}
        clusters: list[list[Record]] = []
        for record in sorted(piles.values(), key=lambda one: one.key):
            home = next((one for one in clusters if same_people(one[0].authors, record.authors) is Likeness.SAME), None)
            if home is None:
                clusters.append([record])
            else:
                home.append(record)
        for cluster in clusters:
            by_language: dict[str, list[Record]] = defaultdict(list)
            for record in cluster:
                by_language[_language(self._pile[record.key].records) or self._tongue].append(record)
            if len(by_language) > 1 and all(len(one) == 1 for one in by_language.values()):
                firsts = [one[0] for _, one in sorted(by_language.items())]
                for other in firsts[1:]:
                    self._join(firsts[0], other, f"translation: same number and author, {other.title!r}")

    def _holders(self, one: str) -> list[Record]:
        """Whose id it is: records that go by it, else those that were our book of this id, else all that carry it."""
        carriers = self._by_id.get(one, [])
        own = [record for record in carriers if record.claim.id == one]
        return own or [self._records[key] for key, book in self._before.items() if book == one] or carriers

    def _numbers_differ(self, one: Record, other: Record) -> bool:
        """Whether the two books stand at different whole numbers of one source's series."""
        mine, theirs = (_whole_numbers(self._pile[record.key].records) for record in (one, other))
        return any(series in theirs and not (numbers & theirs[series]) for series, numbers in mine.items())

    def _join(self, one: Record, other: Record, because: str) -> bool:
        pile, added = sorted((self._pile[one.key], self._pile[other.key]), key=lambda pile: pile.first)
        if pile is added:
            return True
        if self._apart and any((a.key, b.key) in self._apart for a in pile.records for b in added.records):
            return False
        pile.records += added.records
        pile.evidence |= added.evidence | {because}
        pile.disputes |= added.disputes
        for record in added.records:
            self._pile[record.key] = pile
        return True


def _compare(one: Record, other: Record) -> Likeness:
    """Titles and authors together, for records that something else already joins."""
    if same_people(one.authors, other.authors) is Likeness.DIFFERENT and one.authors and other.authors:
        return Likeness.DIFFERENT
    if one.about != other.about:
        return Likeness.DIFFERENT
    return same_title(one.title, other.title, authors=one.authors or other.authors)


def _alike(one: Record, other: Record) -> bool:
    return _compare(one, other) is not Likeness.DIFFERENT or _translated(one, other) or _variant(one, other)


def _translated(one: Record, other: Record) -> bool:
    languages = {_language([one]), _language([other])}
    return None not in languages and len(languages) == 2


def _language(records: Iterable[Record]) -> str | None:
    told = [record.claim.language for record in records if record.claim.language]
    told += [one.language for record in records for one in record.recordings if one.language]
    return min(set(told), key=lambda language: (-told.count(language), language), default=None)


def _one_title(one: Record, other: Record) -> bool:
    """Whether title and author say that it is one book. Forms that only find candidates need an author that agrees."""
    if one.omnibus != other.omnibus or one.about != other.about:
        return False
    people = same_people(one.authors, other.authors)
    if one.authors and other.authors and people is Likeness.DIFFERENT:
        return False
    if _counted(one, other) or _counted(other, one):
        return people is Likeness.SAME
    if one.read.volume != other.read.volume and not _share_number(one, other):
        return False
    if one.keys[:1] == other.keys[:1]:
        return True
    return people is Likeness.SAME and any(
        same_title(mine, theirs) is Likeness.SAME for mine in one.titles for theirs in other.titles
    )


def _counted(one: Record, other: Record) -> bool:
    """Whether the title ends in the other's number in a series: `Ozma of Oz: Volume 3` and `Ozma of Oz`, number 3."""
    if one.read.volume is None or other.read.volume is not None or one.read.stem != other.read.key:
        return False
    return any(place is not None and place.whole_book and place.low == one.read.volume for _, place in other.places)


def _share_series(one: Record, other: Record) -> bool:
    return bool({series for series, _ in one.places} & {series for series, _ in other.places})


def _share_number(one: Record, other: Record) -> bool:
    theirs = dict(other.places)
    return any(
        position is not None and (mine := theirs.get(series)) is not None and position.same(mine)
        for series, position in one.places
    )


def _whole_numbers(records: Iterable[Record]) -> dict[str, set[Decimal]]:
    numbers: dict[str, set[Decimal]] = defaultdict(set)
    for record in records:
        for series, position in record.places:
            if position is not None and position.single and position.low == position.low.to_integral_value():
                numbers[series].add(position.low)
    return numbers


def _variant(one: Record, other: Record) -> bool:
    """Two titles at one number: spellings of each other, or one within the other."""
    if bool(one.read.omnibus or one.claim.compilation) != bool(other.read.omnibus or other.claim.compilation):
        return False
    if one.about != other.about:
        return False
    if one.authors and other.authors and same_people(one.authors, other.authors) is Likeness.DIFFERENT:
        return False
    if one.read.volume is not None and other.read.volume is not None and one.read.volume != other.read.volume:
        return False
    a, b = one.read.key, other.read.key
    within = f" {a} " in f" {b} " or f" {b} " in f" {a} "
    return within or ratio(a, b) / 100 >= ALIKE or ratio(a.replace(" ", ""), b.replace(" ", "")) / 100 >= ALIKE


def _sets(at: Mapping[Decimal, Sequence[Record]]) -> frozenset[str]:
    """Keys of records whose titles hold those of two others: shops number sets as well."""
    keys = {record.read.key for records in at.values() for record in records}
    found = set()
    for record in (one for records in at.values() for one in records):
        said = f" {record.read.key} "
        held = {key for key in keys if key != record.read.key and f" {key} " in said}
        if len([key for key in held if not any(key != other and f" {key} " in f" {other} " for other in held)]) > 1:
            found.add(record.key)
    return frozenset(found)


def _named(record: Record) -> str:
    by = f" by {record.authors[0]}" if record.authors else ""
    return f"{record.title!r}{by} ({record.source})"
