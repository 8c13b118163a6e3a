"""One series from what several sources call a series (contracts: metadata, section 4.5). Membership is the union;
numberings are never mixed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from domain.catalogue.books import Subject
from domain.catalogue.claims import family
from domain.catalogue.identity import Group
from domain.catalogue.precedence import rank
from domain.catalogue.records import ProviderSeries
from domain.names import Likeness, same_people, same_series, series_key
from domain.positions import Position

AGREEMENT = 0.8
"""Least share of equal numbers over shared books that makes two lists one ordering."""
CONFIRMING = frozenset({"A", "H"})
"""Families whose word alone may confirm a number: those that sell recordings, and Hardcover."""
CONFIRMS = 3
"""What their word on an ordering weighs."""
ENOUGH_SHARED = 2
OF_UNLIKE_NAMES = 3
"""Books that two lists of unlike names must share at least, to be one series."""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's series over books: what stands where."""

    series: ProviderSeries
    places: dict[str, Position | None]
    """Key of a group -> its place. Where records of one book differ, the whole number that most of them have."""
    authors: tuple[str, ...]
    """As the source states them, else of at least half of the books."""
    books_by: tuple[tuple[str, ...], ...] = ()
    """Authors of each book that names any."""

    @property
    def whole(self) -> dict[str, Decimal]:
        return {
            group: place.low
            for group, place in self.places.items()
            if place is not None and place.whole_book and place.low == place.low.to_integral_value()
        }


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Provider series that are one series."""

    series: tuple[Numbered, ...] = ()
    shown: tuple[Numbered, ...] = ()
    """Those of the ordering that is shown, the one whose word counts first in front."""
    others: tuple[tuple[Numbered, ...], ...] = ()
    """Other orderings, kept beside it."""
    notes: tuple[str, ...] = ()

    @property
    def members(self) -> frozenset[str]:
        return frozenset(group for one in self.series for group in one.places)


def numbered(series: Iterable[ProviderSeries], groups: Sequence[Group]) -> tuple[Numbered, ...]:
    """Each provider's series with the books that stand in it."""
    of_record = {record.key: group for group in groups for record in group.records}
    known = {one.key: one for one in series}
    rows: dict[str, dict[str, list[Position | None]]] = {key: {} for key in known}
    for group in groups:
        for record in group.records:
            for key, position in record.places:
                rows[key].setdefault(group.key, []).append(position)
    found = []
    for key, row in sorted(rows.items()):
        authors = known[key].authors or _usual_authors([of_record[book] for book in row])
        places = {book: _place(positions) for book, positions in sorted(row.items())}
        books_by = tuple(of_record[book].authors for book in places if of_record[book].authors)
        found.append(Numbered(series=known[key], places=places, authors=authors, books_by=books_by))
    return tuple(found)


def _place(positions: Sequence[Position | None]) -> Position | None:
    """Parts and dramatisations of one book repeat its number in other words: the plain number counts."""
    told = [position for position in positions if position is not None]
    plain = [position for position in told if position.part is None] or [
        msgspec.structs.replace(position, part=None) for position in told
    ]
    singles = [position for position in plain if position.single]
    counts = Counter((position.low, position.high) for position in singles or plain)
    if not counts:
        return None
    best = min(counts, key=lambda ends: (-counts[ends], ends))
    return next(position for position in singles or plain if (position.low, position.high) == best)


def _usual_authors(groups: Sequence[Group]) -> tuple[str, ...]:
    """Authors of at least half of the books that name any."""
    told = [group.authors for group in groups if group.authors]
    counts = Counter(name for authors in told for name in dict.fromkeys(authors))
    return tuple(sorted(name for name, count in counts.items() if count * 2 >= len(told)))


def join(subject: Subject, candidates: Sequence[Numbered]) -> Joined:
    """The provider series that are the one asked for. Search rank is no reason: name and author, ids, or shared books
    and numbers are."""
    seeds, notes = _seeds(subject, candidates)
    joined = list(seeds)
    while more := [one for one in candidates if one not in joined and joined and _belongs(one, joined)]:
        joined += more
    shown, others = _orderings(joined)
    return Joined(series=tuple(joined), shown=shown, others=others, notes=notes)


def _seeds(subject: Subject, candidates: Sequence[Numbered]) -> tuple[list[Numbered], tuple[str, ...]]:
    stated = {f"{source} {id}" for source, id in subject.ids.items()} | {
        f"{source} {source}:{id}" for source, id in subject.ids.items()
    }
    if chosen := [one for one in candidates if one.series.key in stated]:
        return chosen, ()
    named = [one for one in candidates if _one_name(one.series.name, subject.name)]
    if subject.author:
        writers = (subject.author, *subject.other_names)
        return [one for one in named if _by(one, writers)], ()
    # Without an author: of several series with one name, the one that most sources and books speak of.
    clusters: list[list[Numbered]] = []
    for one in sorted(named, key=lambda one: (-len(one.places), one.series.key)):
        home = next((cluster for cluster in clusters if any(_related(one, other) for other in cluster)), None)
        if home is None:
            clusters.append([one])
        else:
            home.append(one)
    clusters.sort(key=lambda cluster: (-len({book for one in cluster for book in one.places}), cluster[0].series.key))
    if not clusters:
        return [], ()
    rivals = [cluster[0] for cluster in clusters[1:] if len(cluster[0].places) > 1]
    notes = tuple(
        f"another series is called {one.series.name!r}, by {', '.join(one.authors) or 'unknown authors'}: "
        "name the author to have that one"
        for one in rivals
    )
    return clusters[0], notes


_NEUTRAL = re.compile(r"(?<=\w)(?:\s+(?:series|books|novels|saga))+$", re.IGNORECASE)


def _one_name(one: str, other: str) -> bool:
    """Equal names, however often a shop says that they are series: `The Palliser Novels Series`."""
    plain = (_NEUTRAL.sub("", name) for name in (one, other))
    return same_series(one, other) is Likeness.SAME or same_series(*plain) is Likeness.SAME


def _by(one: Numbered, writers: Sequence[str]) -> bool:
    """Whether the series is by one of these people, as far as it says: most of it, or two books of it."""
    if not one.authors and not one.series.authors and not one.books_by:
        return True
    if same_people(one.authors, writers) is not Likeness.DIFFERENT:
        return bool(one.authors) or not one.books_by or _books_by(one, writers) > 0
    return _books_by(one, writers) >= ENOUGH_SHARED


def _books_by(one: Numbered, writers: Sequence[str]) -> int:
    return sum(same_people(authors, writers) is Likeness.SAME for authors in one.books_by)


def _related(one: Numbered, other: Numbered) -> bool:
    shared = one.places.keys() & other.places.keys()
    if one.authors and other.authors and same_people(one.authors, other.authors) is Likeness.DIFFERENT:
        return False
    return len(shared) >= min(ENOUGH_SHARED, len(one.places), len(other.places)) or bool(one.authors and other.authors)


def _belongs(one: Numbered, joined: Sequence[Numbered]) -> bool:
    """Whether a provider's series is the same series as those joined so far."""
    return any(_one_series(one, other) for other in joined)


def _one_series(one: Numbered, other: Numbered) -> bool:
    shared = one.places.keys() & other.places.keys()
    if not shared:
        return False
    fewer = min(len(one.places), len(other.places))
    if _one_name(one.series.name, other.series.name):
        enough = len(shared) >= min(ENOUGH_SHARED, fewer)
        return enough and _by(one, other.authors or one.authors)
    mine, theirs = one.whole, other.whole
    both = mine.keys() & theirs.keys()
    equal = sum(mine[book] == theirs[book] for book in both)
    many = len(both) >= OF_UNLIKE_NAMES and len(both) >= AGREEMENT * max(len(mine), len(theirs))
    return many and equal >= AGREEMENT * len(both)


def _orderings(joined: Sequence[Numbered]) -> tuple[tuple[Numbered, ...], tuple[tuple[Numbered, ...], ...]]:
    """Lists whose numbers agree are one ordering; the one that more books and better sources speak of is shown."""
    orderings: list[list[Numbered]] = []
    for one in sorted(joined, key=lambda one: (-len(one.whole), rank("number", one.series.source), one.series.key)):
        home = next((ordering for ordering in orderings if _agree(one, ordering)), None)
        if home is None:
            orderings.append([one])
        else:
            home.append(one)
    ranked = [
        tuple(sorted(ordering, key=lambda one: (rank("number", one.series.source), one.series.key)))
        for ordering in orderings
    ]
    ranked.sort(
        key=lambda ordering: (-_told_by(ordering), rank("number", ordering[0].series.source), ordering[0].series.key)
    )
    return (ranked[0], tuple(ranked[1:])) if ranked else ((), ())


def _told_by(ordering: Sequence[Numbered]) -> int:
    """How much is said for an ordering: each family's word on each book, thrice where it may confirm a number."""
    words = {(book, family(one.series.source)) for one in ordering for book in one.whole}
    return sum(CONFIRMS if said_by in CONFIRMING else 1 for _, said_by in words)


def _agree(one: Numbered, ordering: Sequence[Numbered]) -> bool:
    """Whether numbers are equal, but for a few. One alone is a slip: another ordering moves two books at least."""
    mine = one.whole
    theirs: dict[str, Decimal] = {}
    for other in ordering:
        theirs = other.whole | theirs
    both = mine.keys() & theirs.keys()
    equal = sum(mine[book] == theirs[book] for book in both)
    return equal >= AGREEMENT * len(both) or (equal > 0 and len(both) - equal == 1)


def usual_name(joined: Joined) -> str:
    """What most families of sources call it; among equals, the source whose word counts first. The short form."""
    by_key: dict[str, list[ProviderSeries]] = {}
    for one in joined.series:
        if one.series.name:
            by_key.setdefault(series_key(one.series.name), []).append(one.series)
    if not by_key:
        return ""
    told = min(
        by_key.values(),
        key=lambda named: (
            -len({family(one.source) for one in named}),
            min(rank("title", one.source) for one in named),
        ),
    )
    return min((one.name for one in told), key=lambda name: (len(name), name))


Said = tuple[tuple[str, Position], ...]
"""(source, place) of every source that gives a book a number in the shown ordering."""


def places(joined: Joined) -> dict[str, tuple[Position | None, Said]]:
    """Each member's place in the shown ordering, with every (source, place) that was said of it there."""
    said = {
        group: tuple((one.series.source, place) for one in joined.shown if (place := one.places.get(group)) is not None)
        for group in sorted(joined.members)
    }
    chosen = _without_clashes({group: _most_agreed(told) for group, told in said.items()}, said)
    return {group: (chosen[group], told) for group, told in said.items()}


def _most_agreed(said: Said) -> Position | None:
    """The place that most families of sources give; among equals, that of the source whose word counts first."""
    return min((place for _, place in said), key=lambda place: _support(place, said), default=None)


def _support(place: Position, said: Said) -> tuple[int, int]:
    """Smaller is better. No number of texts outvotes those who sell recordings, or Hardcover."""
    families = {family(source) for source, other in said if other.same(place)}
    return -len(families & CONFIRMING), -len(families)


def _without_clashes(chosen: Mapping[str, Position | None], said: Mapping[str, Said]) -> dict[str, Position | None]:
    """Of two books at one number, the one with the weaker claim to it moves to where a source has it and nobody with a
    better claim stands: one wrong number then costs no book its place."""
    settled = dict(chosen)
    at: dict[Decimal, list[str]] = {}
    for group, place in chosen.items():
        if place is not None and place.whole_book:
            at.setdefault(place.low, []).append(group)

    def claim(group: str, place: Position) -> tuple[int, int]:
        return _support(place, said[group])

    def free(group: str, place: Position) -> bool:
        """Whether nobody stands there who has more right to the place."""
        there = at.get(place.low, [])
        return not there or (
            claim(group, place)[0] < 0 and all(claim(group, place) <= claim(other, place) for other in there)
        )

    for number, groups in sorted(at.items()):
        for group in sorted(groups, key=lambda one: (*_support_of(settled[one], said[one]), one))[:0:-1]:
            others = [place for _, place in said[group] if place.whole_book and place.low != number]
            if open_places := [place for place in others if free(group, place)]:
                best = min(open_places, key=lambda place: claim(group, place))
                settled[group] = best
                at[number].remove(group)
                at.setdefault(best.low, []).append(group)
    return settled


def _support_of(place: Position | None, said: Said) -> tuple[int, int]:
    return _support(place, said) if place is not None else (0, 0)


def records_in(joined: Joined, groups: Mapping[str, Group]) -> dict[str, dict[str, Position]]:
    """What `identity.by_number` compares: the shown ordering as one series, record -> place."""
    shown = {one.series.key for one in joined.shown}
    return {
        "the series": {
            record.key: position
            for group in joined.members
            for record in groups[group].records
            for key, position in record.places
            if key in shown and position is not None
        }
    }
