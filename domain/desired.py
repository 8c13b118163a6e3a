"""Manifests and what is owned -> wants: every book that the library should hold, once, with who wants it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, count

import msgspec

from domain.catalogue.books import Catalogued
from domain.catalogue.subjects import (
    MOST_FOLLOWED,
    Asked,
    Begun,
    authors_in_library,
    numbers_of,
    series_in_library,
    subjects,
    writers,
)
from domain.catalogue.wanting import NO_CATALOGUE, Catalogue, beside, choices_for, left_out, want_of
from domain.manifest import AuthorSpec, BookSpec, Declared, FollowSpec, PolicySpec, SeriesSpec
from domain.names import Likeness, fold, same_series, series_key, title_keys, want_slug
from domain.positions import read_position
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


def derive(
    declared: Declared, items: Iterable[Item], known_keys: Mapping[str, str], catalogue: Catalogue = NO_CATALOGUE
) -> Desired:
    """All wants of a set of documents. Pure; independent of the order of documents and items."""
    drafts: list[_Draft] = []
    unwanted: list[Unwanted] = []
    notes: list[str] = []
    present = sorted((item for item in items if not item.is_missing), key=lambda item: item.id)
    begun = series_in_library(present)
    unread: Counter[str] = Counter()
    for asked in subjects(declared, begun, authors_in_library(present)):
        unread[asked.document] += isinstance(asked.spec, FollowSpec) and asked.subject.key not in catalogue.subjects
        found = _Found(declared, asked, catalogue, begun)
        drafts.extend(found.drafts)
        unwanted.extend(found.unwanted)
        notes.extend(found.notes)
    for name, book in sorted(declared.books.items()):
        drafts.append(_Draft(f"Book/{name}", _from_book(declared, f"Book/{name}", book)))
    named = _named_places(declared)
    for name, follow in sorted(declared.follows.items()):
        drafts.extend(_followed_holes(declared, f"Follow/{name}", follow, begun, named, catalogue))
    notes += [
        f"{document}: {count} of the series and authors it follows were not looked up yet"
        for document, count in sorted(unread.items())
        if count
    ]
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


class _Found:
    """What one document's question to the catalogue, and its books stated by hand, come to."""

    def __init__(self, declared: Declared, asked: Asked, catalogue: Catalogue, begun: Mapping[str, Begun]) -> None:
        self.drafts: list[_Draft] = []
        self.unwanted: list[Unwanted] = []
        self.notes: list[str] = []
        self._declared, self._asked, self._catalogue, self._begun = declared, asked, catalogue, begun
        self._because = _place(declared, asked.document)
        self._by_hand()
        known = catalogue.subjects.get(asked.subject.key)
        if known is not None:
            self._from_catalogue(known)
        elif not isinstance(asked.spec, FollowSpec):
            self._unread()

    def _unread(self) -> None:
        spec = self._asked.spec
        if isinstance(spec, SeriesSpec | AuthorSpec) and spec.books:
            return
        self.notes.append(f"{self._asked.document}: what there is of {self._asked.subject.name} was not looked up yet")

    def _by_hand(self) -> None:
        """The books that the document states itself."""
        asked, spec = self._asked, self._asked.spec
        if isinstance(spec, FollowSpec):
            return
        authors = writers(spec) if isinstance(spec, SeriesSpec) else (spec.name,)
        series = spec.title if isinstance(spec, SeriesSpec) else None
        excluded = {key for title in spec.exclude for key in title_keys(title)[:1]}
        for book in spec.books:
            one = member(book, authors)
            if refusal := _refusal(one, spec, excluded):
                self._leave_out(one.work.title, *refusal)
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
                profile=self._declared.profile(spec.profile),
                released=one.work.released,
                priority=spec.priority,
                owner=self._declared.owners.get(asked.document, "home"),
                suspend=spec.suspend,
                because=(self._because,),
            )
            self.drafts.append(_Draft(f"{asked.document}#{place}", want))

    def _from_catalogue(self, known: Catalogued) -> None:
        asked, declared, catalogue = self._asked, self._declared, self._catalogue
        by_hand = list(self.drafts)
        around = beside(known)
        for choice in choices_for(asked, known, declared, catalogue):
            refusal = left_out(choice, asked)
            if refusal is not None and not by_hand:
                # Of what is followed only the books that are wanted are news.
                if not isinstance(asked.spec, FollowSpec):
                    self._leave_out(choice.book.title, *refusal)
                continue
            want = want_of(choice, asked, known, around, declared, self._begun, catalogue, self._because)
            stated = next((draft for draft in by_hand if _stated(draft.want, want)), None)
            if stated is not None:
                self.drafts[self.drafts.index(stated)] = _Draft(stated.identity, _enriched(stated.want, want))
                by_hand.remove(stated)
            elif refusal is not None:
                self._leave_out(choice.book.title, *refusal)
            else:
                self.drafts.append(_Draft(f"{asked.document}#{choice.book.id}", want))
        self._say_how_sure(known)

    def _say_how_sure(self, known: Catalogued) -> None:
        document, name = self._asked.document, known.name
        if known.gaps and self._asked.subject.kind == "series":
            self.notes.append(f"{document}: no source knows number {', '.join(known.gaps)} of {name}")
        self.notes += [f"{document}: {note}" for note in known.notes]
        for code in dict.fromkeys(one.waits[0] for one in (draft.want for draft in self.drafts) if one.waits):
            if code == known.proposal_code:
                count = len(known.proposed)
                say = f"`bibliostat approve {known.proposal}`"
                self.notes.append(f"{document}: {count} books of {name} wait for a yes ({code}): {say}")

    def _leave_out(self, title: str, code: str, message: str) -> None:
        self.unwanted.append(Unwanted(document=self._asked.document, title=title, code=code, message=message))


def _stated(stated: Want, found: Want) -> bool:
    """Whether a book stated by hand is this one of the catalogue."""
    if stated.position is not None and found.position is not None and stated.series:
        return stated.position.same(found.position)
    names = {key for name in (found.title, *found.other_titles) for key in title_keys(name)[:1]}
    return bool(names.intersection(title_keys(stated.title)[:1]))


def _enriched(stated: Want, found: Want) -> Want:
    """What a person stated, with all that the catalogue knows to recognise it by."""
    return msgspec.structs.replace(
        stated,
        runtimes_min=found.runtimes_min,
        asins=found.asins,
        other_titles=tuple(dict.fromkeys((*found.other_titles, found.title))),
        sets=found.sets,
        released=stated.released or found.released,
        turn=found.turn,
    )


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
        profile=declared.profile(spec.profile),
        pinned=spec.release.lower() if spec.release else None,
        released=spec.released,
        priority=spec.priority,
        owner=declared.owners.get(document, "home"),
        suspend=spec.suspend,
        because=(_place(declared, document),),
    )


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
            named[_beginning(name)][name].update(numbers_of(position))
    return named


def _beginning(series: str) -> str:
    """Names of one series share it: once folded they differ in a plural at most, and that shows further on."""
    return series_key(series)[:3]


def _followed_holes(
    declared: Declared,
    document: str,
    spec: FollowSpec,
    begun: Mapping[str, Begun],
    named: Named,
    catalogue: Catalogue,
) -> Iterator[_Draft]:
    """The holes in series that no catalogue knows: a number below the highest owned one that nobody has stated.

    Without a catalogue the titles of these books are unknown, so each becomes a placeholder: shown, never searched.
    """
    if spec.series is None:
        return
    excluded = {series_key(name) for name in spec.exclude}
    read = {series_key(one.subject.name) for one in catalogue.subjects.values() if one.books}
    for key, series in sorted(begun.items()):
        if key in excluded or key in read or len(series.numbers) < spec.series.owned:
            continue
        near = named.get(_beginning(series.name), {}).items()
        spoken_of = {
            number for other, numbers in near if same_series(other, series.name) is Likeness.SAME for number in numbers
        }
        for number in range(1, min(series.highest, MOST_FOLLOWED)):
            if Decimal(number) in spoken_of or Decimal(number) in series.numbers:
                continue
            want = Want(
                key="",
                title=f"{series.name} {number}",
                authors=(series.author,) if series.author else (),
                series=series.name,
                position=read_position(str(number)),
                kind=MemberKind.PLACEHOLDER,
                profile=declared.profile(spec.profile),
                priority=spec.priority,
                owner=declared.owners.get(document, "home"),
                suspend=spec.suspend,
                because=(_place(declared, document),),
            )
            yield _Draft(f"{document}#{key}#{number}", want)


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
            turn=min(draft.want.turn for draft in group),
            waits=None if any(draft.want.waits is None for draft in group) else first.waits,
            pinned=next((draft.want.pinned for draft in group if draft.want.pinned), None),
            because=tuple(dict.fromkeys(line for draft in group for line in draft.want.because)),
        )
