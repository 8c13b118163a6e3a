"""Manifests and what is owned -> wants: every book that the library should hold, once, with who wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, count

import msgspec

from domain.manifest import AuthorSpec, BookSpec, Declared, FollowSpec, PolicySpec, ProfileSpec, SeriesSpec
from domain.names import Likeness, fold, same_series, series_key, title_keys, want_slug
from domain.positions import Position, read_position
from domain.wants import MemberKind, Unwanted, Want
from domain.works import Member, kind_at, let_through, member
from domain.world import Item


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted, what is not and why, and under which policy."""

    wants: tuple[Want, ...] = ()
    unwanted: tuple[Unwanted, ...] = ()
    policy: PolicySpec = PolicySpec()
    notes: tuple[str, ...] = ()
    """What a person should know about the declarations, such as a followed author without a catalogue."""
    keys: dict[str, str] = {}
    """Identity of each want (`Series/oz#8`) -> its key, to be kept for ever."""
    mistakes: tuple[str, ...] = ()
    """Why the newest declarations do not count: the last good set is in force."""
    shrunk: str = ""
    """Digest of the newest declarations when they want so much less than the last good set that the latter stays in
    force: a person may approve it."""


class _Draft(msgspec.Struct, frozen=True):
    """A want before its key is minted: the identity is stable under corrections of title and author."""

    identity: str
    want: Want


def derive(declared: Declared, items: Iterable[Item], known_keys: Mapping[str, str]) -> Desired:
    """All wants of a set of documents. Pure; independent of the order of documents and items."""
    drafts: list[_Draft] = []
    unwanted: list[Unwanted] = []
    notes: list[str] = []
    for name, series in sorted(declared.series.items()):
        _from_members(declared, f"Series/{name}", series, _series_members(series), drafts, unwanted)
    for name, author in sorted(declared.authors.items()):
        _from_members(declared, f"Author/{name}", author, _author_members(author), drafts, unwanted)
    for name, book in sorted(declared.books.items()):
        drafts.append(_Draft(f"Book/{name}", _from_book(declared, f"Book/{name}", book)))
    named = _named_places(declared)
    present = sorted((item for item in items if not item.is_missing), key=lambda item: item.id)
    for name, follow in sorted(declared.follows.items()):
        drafts.extend(_followed_series(declared, f"Follow/{name}", follow, present, named))
        notes.extend(_followed_authors(f"Follow/{name}", follow, present))
    for name in sorted(declared.discovers):
        notes.append(f"Discover/{name}: discovery has no source yet, so it adds nothing")
    keys = _mint(drafts, known_keys)
    return Desired(
        wants=tuple(_merged(drafts, keys)),
        unwanted=tuple(unwanted),
        policy=declared.policy,
        notes=tuple(notes),
        keys=keys,
    )


def _series_members(spec: SeriesSpec) -> Iterator[tuple[Member, str]]:
    for book in spec.books:
        yield member(book, spec.authors or ((spec.author,) if spec.author else ())), spec.title


def _author_members(spec: AuthorSpec) -> Iterator[tuple[Member, str | None]]:
    for book in spec.books:
        yield member(book, (spec.name,)), None


def _from_members(
    declared: Declared,
    document: str,
    spec: SeriesSpec | AuthorSpec,
    members: Iterable[tuple[Member, str | None]],
    drafts: list[_Draft],
    unwanted: list[Unwanted],
) -> None:
    excluded = {key for title in spec.exclude for key in title_keys(title)[:1]}
    for one, series in members:
        refusal = _refusal(one, spec, excluded)
        if refusal:
            code, message = refusal
            unwanted.append(Unwanted(document=document, title=one.work.title, code=code, message=message))
            continue
        # An author's books stand in many series, so that their numbers tell nothing apart.
        place = one.position.text if one.position and series else fold(one.work.title)
        want = Want(
            key="",
            title=one.work.title,
            authors=one.work.authors,
            series=series,
            position=one.position,
            kind=one.kind,
            narrators=one.work.narrators,
            language=one.work.language,
            runtime_min=one.work.runtime_min,
            asin=one.work.asin,
            isbn=one.work.isbn,
            form="omnibus" if one.kind is MemberKind.OMNIBUS else "single",
            profile=_profile(declared, spec.profile),
            released=one.work.released,
            priority=spec.priority,
            owner=declared.owners.get(document, "home"),
            suspend=spec.suspend,
            because=(_place(declared, document),),
        )
        drafts.append(_Draft(f"{document}#{place}", want))


def _refusal(one: Member, spec: SeriesSpec | AuthorSpec, excluded: set[str]) -> tuple[str, str] | None:
    """Why a member is not wanted; None when it is."""
    if excluded.intersection(title_keys(one.work.title)[:1]):
        return "Excluded", "named under `except`"
    if not let_through(one, spec.members):
        return "NotAMember", f"{one.kind} is outside `members: {_shown(spec.members)}`"
    if isinstance(spec, AuthorSpec):
        if spec.languages and one.work.language and one.work.language not in spec.languages:
            return "OtherLanguage", f"language {one.work.language} is not among {', '.join(spec.languages)}"
        if spec.since and one.work.released and one.work.released.year < spec.since:
            return "TooEarly", f"released {one.work.released:%Y}, before {spec.since}"
    return None


def _shown(members: str | Sequence[str]) -> str:
    return members if isinstance(members, str) else ", ".join(members)


def _from_book(declared: Declared, document: str, spec: BookSpec) -> Want:
    position = read_position(spec.position)
    return Want(
        key="",
        title=spec.title,
        authors=spec.authors or ((spec.author,) if spec.author else ()),
        series=spec.series,
        position=position,
        kind=kind_at(position) if position and spec.form != "omnibus" else MemberKind.PRIMARY,
        narrators=(spec.narrator,) if spec.narrator else (),
        language=spec.language,
        runtime_min=spec.runtime_min,
        asin=spec.asin,
        isbn=spec.isbn,
        form=spec.form,
        profile=_profile(declared, spec.profile),
        pinned=spec.release.lower() if spec.release else None,
        released=spec.released,
        priority=spec.priority,
        owner=declared.owners.get(document, "home"),
        suspend=spec.suspend,
        because=(_place(declared, document),),
    )


def _profile(declared: Declared, name: str) -> ProfileSpec:
    return declared.profile(name)


def _place(declared: Declared, document: str) -> str:
    place = declared.places.get(document)
    return f"{document} ({place.file}:{place.line})" if place else document


Named = Mapping[str, Mapping[str, set[Decimal]]]
"""Beginning of a series' key -> name of the series -> the numbers in it that documents speak of."""


def _named_places(declared: Declared) -> Named:
    """What is declared is not guessed at, wanted or not: a number that a document speaks of is no hole to follow."""
    named: dict[str, dict[str, set[Decimal]]] = defaultdict(lambda: defaultdict(set))
    series = [(spec.title, book.position) for spec in declared.series.values() for book in spec.books]
    books = [(spec.series, spec.position) for spec in declared.books.values() if spec.series]
    for name, text in (*series, *books):
        if position := read_position(text):
            named[_beginning(name)][name].update(_numbers(position))
    return named


def _beginning(series: str) -> str:
    """Names of one series share it: once folded they differ in a plural at most, and that shows further on."""
    return series_key(series)[:3]


def _followed_series(
    declared: Declared, document: str, spec: FollowSpec, items: Sequence[Item], named: Named
) -> Iterator[_Draft]:
    """The holes in series begun in the library: a number below the highest owned one that nobody has stated.

    Without a catalogue the titles of these books are unknown, so each becomes a placeholder: shown, never searched.
    """
    if spec.series is None:
        return
    excluded = {series_key(name) for name in spec.exclude}
    for key, (name, author, owned) in sorted(_series_in_library(items).items()):
        if key in excluded or len(owned) < spec.series.owned:
            continue
        near = named.get(_beginning(name), {}).items()
        spoken_of = {
            number for other, numbers in near if same_series(other, name) is Likeness.SAME for number in numbers
        }
        highest = max((int(number) for number in owned), default=0)
        for number in range(1, min(highest, MOST_FOLLOWED)):
            if Decimal(number) in spoken_of or Decimal(number) in owned:
                continue
            want = Want(
                key="",
                title=f"{name} {number}",
                authors=(author,) if author else (),
                series=name,
                position=read_position(str(number)),
                kind=MemberKind.PLACEHOLDER,
                profile=_profile(declared, spec.profile),
                priority=spec.priority,
                owner=declared.owners.get(document, "home"),
                suspend=spec.suspend,
                because=(_place(declared, document),),
            )
            yield _Draft(f"{document}#{key}#{number}", want)


MOST_FOLLOWED = 1000
"""A number above this in a library is a year or a course number, not a place in a series."""


def _series_in_library(items: Sequence[Item]) -> dict[str, tuple[str, str | None, set[Decimal]]]:
    """Series key -> (name, first author, numbers owned). A pack covers its whole numbers."""
    found: dict[str, tuple[str, str | None, set[Decimal]]] = {}
    for item in items:
        for series in item.series:
            position = read_position(series.position)
            if position is None:
                continue
            first = item.authors[0] if item.authors else None
            _, _, owned = found.setdefault(series_key(series.name), (series.name, first, set()))
            owned.update(_numbers(position))
    return found


def _numbers(position: Position) -> Iterator[Decimal]:
    if position.part is not None:
        return
    yield position.low
    if position.high - position.low <= MOST_FOLLOWED:
        yield from (Decimal(number) for number in range(int(position.low) + 1, int(position.high) + 1))


def _followed_authors(document: str, spec: FollowSpec, items: Sequence[Item]) -> Iterator[str]:
    if spec.authors is None:
        return
    counts: dict[str, int] = defaultdict(int)
    names: dict[str, str] = {}
    for item in items:
        for author in item.authors:
            counts[fold(author)] += 1
            names.setdefault(fold(author), author)
    excluded = {fold(name) for name in spec.exclude}
    for key in sorted(counts):
        if counts[key] >= spec.authors.owned and key not in excluded:
            yield f"{document}: follows {names[key]} ({counts[key]} owned); no catalogue is connected to name the rest"


def _mint(drafts: Sequence[_Draft], known: Mapping[str, str]) -> dict[str, str]:
    """Identity -> key. A known identity keeps its key; a new one gets a slug, with its place added on a clash."""
    keys = {draft.identity: known[draft.identity] for draft in drafts if draft.identity in known}
    holders: dict[str, list[Want]] = defaultdict(list)
    for draft in sorted(drafts, key=lambda draft: (draft.identity not in keys, draft.identity)):
        if draft.identity not in keys:
            slug = want_slug(draft.want.authors[0] if draft.want.authors else "", draft.want.title)
            place = fold(draft.want.position.text).replace(" ", "-") if draft.want.position else ""
            spellings = chain([slug], [f"{slug}-{place}"] if place else [], (f"{slug}-{n}" for n in count(2)))
            keys[draft.identity] = next(
                key for key in spellings if all(_one_book(draft.want, other) for other in holders.get(key, ()))
            )
        holders[keys[draft.identity]].append(draft.want)
    return keys


def _one_book(one: Want, other: Want) -> bool:
    """Whether two wants with one slug are the same book: the title whole, and no two different numbers."""
    if fold(one.title) != fold(other.title):
        return False
    return one.position is None or other.position is None or one.position.same(other.position)


def _merged(drafts: Sequence[_Draft], keys: Mapping[str, str]) -> Iterator[Want]:
    """One want per key: several documents that want the same book share it. The most urgent one's terms count."""
    groups: dict[str, list[_Draft]] = defaultdict(list)
    for draft in drafts:
        groups[keys[draft.identity]].append(draft)
    for key, group in sorted(groups.items()):
        group.sort(key=lambda draft: (draft.want.suspend, -draft.want.priority, draft.identity))
        first = group[0].want
        series = next((draft.want for draft in group if draft.want.series), first)
        yield msgspec.structs.replace(
            first,
            key=key,
            series=first.series or series.series,
            position=first.position or series.position,
            pinned=next((draft.want.pinned for draft in group if draft.want.pinned), None),
            because=tuple(dict.fromkeys(line for draft in group for line in draft.want.because)),
        )
