"""What the documents ask the catalogue about: declared series and authors, and those that are begun in the library."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from domain.catalogue.books import Subject
from domain.manifest import AuthorSpec, Declared, FollowSpec, SeriesSpec
from domain.names import Likeness, fold, person_key, same_person, same_series, series_key
from domain.positions import Position, read_position
from domain.world import Item

MOST_FOLLOWED = 1000
"""A number above this in a library is a year or a course number, not a place in a series."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A series of which the library holds something."""

    name: str
    author: str | None
    numbers: frozenset[Decimal]
    """Whole numbers and others that are owned; a pack covers its whole numbers."""
    titles: frozenset[str]
    """Folded titles of its items."""

    @property
    def highest(self) -> int:
        return max((int(number) for number in self.numbers), default=0)


class BegunAuthor(msgspec.Struct, frozen=True, kw_only=True):
    """A person of whom the library holds something."""

    name: str
    owned: int
    titles: frozenset[str]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One document's question to the catalogue."""

    document: str
    """`Series/oz`, `Follow/begun`."""
    subject: Subject
    spec: SeriesSpec | AuthorSpec | FollowSpec
    trusted: bool
    """A series that a person declared takes effect at once; what an author or a follow would bring is proposed."""

    @property
    def priority(self) -> int:
        return self.spec.priority


def by_name_alone(subject: Subject) -> Asked:
    """The question of the plainest document that could ask about the subject: nobody's own."""
    spec = (
        SeriesSpec(title=subject.name, author=subject.author)
        if subject.kind == "series"
        else AuthorSpec(name=subject.name)
    )
    return Asked(document="", subject=subject, spec=spec, trusted=False)


def subject_key(subject: Subject) -> str:
    """Under which what is known of a subject is kept: `series/oz/baum l frank`."""
    name = series_key(subject.name) if subject.kind == "series" else person_key(subject.name)
    # A name of signs alone folds to nothing: it stays as it is, so that two of them are not one subject.
    name = name or " ".join(subject.name.casefold().split())
    return "/".join([subject.kind, name, *([person_key(subject.author)] if subject.author else [])])


def subjects(declared: Declared, begun: Mapping[str, Begun], authors: Mapping[str, BegunAuthor]) -> tuple[Asked, ...]:
    """Every question of every document. What is declared is not followed besides."""
    found: list[Asked] = []
    for name, series in sorted(declared.series.items()):
        by = writers(series)
        subject = _subject("series", series.title, author=by[0] if by else None, others=by[1:], ids=series.ids)
        found.append(Asked(document=f"Series/{name}", subject=subject, spec=series, trusted=True))
    for name, author in sorted(declared.authors.items()):
        subject = _subject("author", author.name, others=author.pen_names, ids=author.ids)
        found.append(Asked(document=f"Author/{name}", subject=subject, spec=author, trusted=False))
    for name, follow in sorted(declared.follows.items()):
        found += _followed(f"Follow/{name}", follow, found, begun, authors)
    return tuple(found)


def writers(series: SeriesSpec) -> tuple[str, ...]:
    return series.authors or ((series.author,) if series.author else ())


def _subject(
    kind: str, name: str, *, author: str | None = None, others: Sequence[str] = (), ids: Mapping[str, str] | None = None
) -> Subject:
    subject = Subject(
        kind="series" if kind == "series" else "author",
        name=name,
        author=author,
        ids=dict(ids or {}),
        other_names=tuple(others),
    )
    return msgspec.structs.replace(subject, key=subject_key(subject))


def _followed(
    document: str,
    spec: FollowSpec,
    declared: Sequence[Asked],
    begun: Mapping[str, Begun],
    authors: Mapping[str, BegunAuthor],
) -> Iterator[Asked]:
    excluded = {series_key(name) for name in spec.exclude} | {person_key(name) for name in spec.exclude}
    known_series = [one.subject.name for one in declared if one.subject.kind == "series"]
    known_authors = [one.subject.name for one in declared if one.subject.kind == "author"]
    for key, series in sorted(begun.items()):
        if spec.series is None or len(series.titles) < spec.series.owned or key in excluded:
            continue
        if not any(same_series(name, series.name) is Likeness.SAME for name in known_series):
            subject = _subject("series", series.name, author=series.author)
            # Who wrote most of it may change with the library; what was approved must not be lost by that.
            key = subject_key(msgspec.structs.replace(subject, author=None))
            subject = msgspec.structs.replace(subject, key=key)
            yield Asked(document=document, subject=subject, spec=spec, trusted=False)
    for key, author in sorted(authors.items()):
        if spec.authors is None or author.owned < spec.authors.owned or key in excluded:
            continue
        if not any(same_person(name, author.name) is Likeness.SAME for name in known_authors):
            yield Asked(document=document, subject=_subject("author", author.name), spec=spec, trusted=False)


def series_in_library(items: Sequence[Item]) -> dict[str, Begun]:
    """Series key -> what the library holds of it."""
    names: dict[str, set[str]] = defaultdict(set)
    writers: dict[str, Counter[str]] = defaultdict(Counter)
    numbers: dict[str, set[Decimal]] = defaultdict(set)
    titles: dict[str, set[str]] = defaultdict(set)
    for item in items:
        for series in item.series:
            key = series_key(series.name)
            names[key].add(series.name)
            writers[key].update(item.authors[:1])
            titles[key].add(fold(item.title))
            if position := read_position(series.position):
                numbers[key].update(numbers_of(position))
    return {
        key: Begun(
            name=min(names[key]),
            # The author of most of its books, whatever order they are listed in.
            author=_foremost(writers[key]),
            numbers=frozenset(numbers[key]),
            titles=frozenset(titles[key]),
        )
        for key in sorted(names)
    }


def _foremost(counts: Counter[str]) -> str | None:
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def numbers_of(position: Position) -> Iterator[Decimal]:
    """The numbers that a place covers; none for a part."""
    if position.part is not None:
        return
    yield position.low
    if position.high - position.low <= MOST_FOLLOWED:
        yield from (Decimal(number) for number in range(int(position.low) + 1, int(position.high) + 1))


def authors_in_library(items: Sequence[Item]) -> dict[str, BegunAuthor]:
    """Person key -> how much of theirs the library holds."""
    names: dict[str, str] = {}
    titles: dict[str, list[str]] = defaultdict(list)
    for item in items:
        for author in item.authors:
            key = person_key(author)
            names[key] = min(names.get(key, author), author)
            titles[key].append(fold(item.title))
    return {
        key: BegunAuthor(name=name, owned=len(titles[key]), titles=frozenset(titles[key]))
        for key, name in sorted(names.items())
    }
