"""One book from the records of one book: each field by precedence, each value with who says so, conflicts kept
(contracts: metadata, sections 4.4 and 4.9)."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from domain.catalogue.books import Book, Conflict, Edit, Edition, EditVerb, InSeries, Said
from domain.catalogue.claims import Recording, family
from domain.catalogue.identity import Group
from domain.catalogue.precedence import rank
from domain.catalogue.records import MACHINE, ProviderSeries, Record
from domain.names import fold, person_key, series_key
from domain.positions import Position, read_position
from domain.wants import MemberKind

NAMESPACE = uuid.UUID("0a5f6c7e-2f0b-5d6e-9a54-2b8f1c6d0e11")
SAME_LENGTH_SHARE = 0.05
SAME_LENGTH_MIN = 10.0


def book_id(group: Group) -> str:
    """The id that was given before; a new one is opaque, and equal wherever the same records are read first. It is made
    from a record's own id: other ids may be on two books."""
    return group.known[0] if group.known else f"book:{uuid.uuid5(NAMESPACE, group.key)}"


def merged(
    group: Group,
    *,
    position: Position | None,
    said_numbers: Sequence[tuple[str, Position]],
    kind: MemberKind,
    kind_because: str,
    series: Mapping[str, ProviderSeries],
    names: Mapping[str, str],
    edits: Sequence[Edit],
    tongue: str | None = None,
) -> Book:
    """The book with all it is known by. `names`: provider series -> the name it is shown under; `tongue`: the language
    that most of what was heard is in, which decides where a book's own records are evenly divided."""
    ids = (*group.ids, *group.known)
    corrected = corrections(group, edits)
    said = [*_said(group, said_numbers), *corrected.values()]
    shown = {field: _shown(field, [one for one in said if one.field == field]) for field in {one.field for one in said}}
    if "language" in shown and "language" not in corrected:
        shown["language"] = _usual_language(group, said, tongue)
    title = corrected.get("title") or _title(group, shown.get("language"))
    shown["title"] = title
    authors = shown.get("authors")
    number = corrected.get("position")
    placed = number.value if number else _number(position)
    kind_said = corrected.get("kind")
    year = shown.get("first_published")
    language = shown.get("language")
    return Book(
        id=book_id(group),
        title=title.value,
        authors=tuple(authors.value.split("; ")) if authors else (),
        other_titles=_other_titles(group, title.value),
        ids=tuple(sorted(set(ids))),
        position=placed or None,
        kind=MemberKind(kind_said.value) if kind_said else kind,
        kind_because="a person said so" if kind_said else kind_because,
        series=_memberships(group, series, names),
        language=language.value if language else None,
        titles=_titles(group, title.value, language.value if language else None),
        first_published=int(year.value) if year else None,
        editions=editions(group.records, foreign=group.foreign),
        listed_as_recording=any(record.claim.recorded for record in group.records),
        said=tuple(sorted(said, key=lambda one: (one.field, rank(one.field, one.source), one.value))),
        conflicts=_conflicts(said, shown, group),
        joined=group.evidence,
        sources=tuple(sorted({record.source for record in group.records})),
    )


def corrections(group: Group, edits: Iterable[Edit]) -> dict[str, Said]:
    """Field -> what a person said last. What cannot be read as a value of its field counts as not said."""
    ids = {*group.ids, *group.known}
    return {
        edit.field: Said(field=edit.field, value=edit.value, source="person", at=edit.at)
        for edit in edits
        if edit.verb is EditVerb.CORRECT and edit.book in ids and _readable(edit.field, edit.value)
    }


def _readable(field: str, value: str) -> bool:
    match field:
        case "kind":
            return value in set(MemberKind)
        case "first_published":
            return bool(re.fullmatch(r"-?[0-9]{1,4}", value))
        case "position":
            return not value or read_position(value) is not None
        case _:
            return bool(value)


def _number(position: Position | None) -> str | None:
    """`3` of "Book 3" and of "3.0"; a range stays one."""
    if position is None:
        return None
    low, high = (f"{end.normalize():f}" for end in (position.low, position.high))
    if re.fullmatch(r"[\d.,;&+\s-]+", position.text) and not position.single:
        return position.text
    return low if position.single else f"{low}-{high}"


def _said(group: Group, numbers: Sequence[tuple[str, Position]]) -> list[Said]:
    found: dict[tuple[str, str, str], Said] = {}

    def say(field: str, value: object, record: Record) -> None:
        if value not in (None, "", ()):
            text = "; ".join(value) if isinstance(value, tuple) else str(value)
            one = Said(field=field, value=text, source=record.source, at=record.at)
            at = (field, record.source, text)
            # Two records of one source may say the same thing: the newer word is the one to show.
            if at not in found or (found[at].at and one.at and found[at].at < one.at):  # type: ignore[operator]
                found[at] = one

    for record in group.records:
        if record.part is None:
            for title in record.titles:
                say("title", title, record)
        say("authors", record.authors, record)
        say("language", record.claim.language, record)
        say("first_published", record.claim.first_published, record)
        say("description", (record.claim.description or "")[:2000], record)
        say("cover", record.claim.cover, record)
        say("genres", record.claim.genres, record)
        say("category", record.claim.category, record)
    at = {record.source: record.at for record in group.records}
    for source, position in numbers:
        found[("position", source, position.text)] = Said(
            field="position", value=_number(position) or "", source=source, at=at.get(source)
        )
    if not any(field == "title" for field, _, _ in found):
        for record in group.records:
            say("title", record.title, record)
    return list(found.values())


def _shown(field: str, said: Sequence[Said]) -> Said:
    """The word of the source that counts first for this field; within one source, what most records say."""
    best = min(rank(field, one.source) for one in said)
    words = [one for one in said if rank(field, one.source) == best]
    return min(words, key=lambda one: (len(one.value), one.value))


def _usual_language(group: Group, said: Iterable[Said], tongue: str | None) -> Said:
    """The language that most records are in, those that do not tell counting by their title: a translation is a record
    like any other."""
    titles = {fold(record.title): record.claim.language for record in group.records if record.claim.language}
    counts = Counter(record.claim.language or titles.get(fold(record.title)) for record in group.records)
    told = [one for one in said if one.field == "language"]
    return min(told, key=lambda one: (-counts[one.value], one.value != tongue, rank("language", one.source), one.value))


def _title(group: Group, language: Said | None) -> Said:
    """In the usual language, as most families of sources spell it; then by the source whose word counts first, as most
    of its records and series have it, then as the oldest record does."""
    whole = [record for record in group.records if record.part is None] or list(group.records)
    own = [record for record in whole if language is None or record.claim.language in (None, language.value)] or whole
    families = {fold(one.title): {family(x.source) for x in own if fold(x.title) == fold(one.title)} for one in own}
    most = max(len(one) for one in families.values())
    own = [record for record in own if len(families[fold(record.title)]) == most]
    best = min(rank("title", record.source) for record in own)
    own = [record for record in own if rank("title", record.source) == best]
    counts = Counter(record.title for record in own for _ in range(1 + len(record.places)))
    record = min(own, key=lambda one: (-counts[one.title], one.claim.id))
    return Said(field="title", value=record.title, source=record.source, at=record.at)


def _other_titles(group: Group, shown: str) -> tuple[str, ...]:
    titles = {title for record in group.records for title in record.titles if fold(title) != fold(shown)}
    return tuple(sorted({fold(title): title for title in sorted(titles, reverse=True)}.values()))


def _titles(group: Group, shown: str, language: str | None) -> dict[str, str]:
    """The title in each language that a source told, by the source whose word counts first."""
    found: dict[str, str] = {}
    for record in sorted(group.records, key=lambda one: (rank("title", one.source), one.title)):
        if record.claim.language and record.part is None:
            found.setdefault(record.claim.language, record.title)
    return found | ({language: shown} if language else {})


def _memberships(group: Group, series: Mapping[str, ProviderSeries], names: Mapping[str, str]) -> tuple[InSeries, ...]:
    """One row per series that is shown apart, however many sources and regions have it."""
    rows: dict[str, list[tuple[str, str | None, str]]] = {}
    for record in group.records:
        for key, position in record.places:
            name = names.get(key) or series[key].name
            rows.setdefault(series_key(name) or name, []).append((key, _number(position), name))
    found = []
    for row in rows.values():
        ordered = sorted(row, key=lambda one: (one[1] is None, rank("number", one[0].partition(" ")[0]), one[1] or ""))
        found.append(
            InSeries(
                series=min((name for _, _, name in row), key=lambda name: (len(name), name)),
                position=ordered[0][1],
                ids=tuple(sorted({series[key].id for key, _, _ in row if series[key].id})),
                sources=tuple(sorted({key.partition(" ")[0] for key, _, _ in row})),
            )
        )
    return tuple(sorted(found, key=lambda one: one.series))


_WEIGHED = {"title", "position", "authors", "language", "first_published"}


def _conflicts(said: Iterable[Said], shown: Mapping[str, Said], group: Group) -> tuple[Conflict, ...]:
    """Fields of which sources say different things: spelling alone is no conflict."""
    said = list(said)
    found = []
    for field in sorted(_WEIGHED & shown.keys()):
        chosen = shown[field]
        rivals = [one for one in said if one.field == field and _essence(one) != _essence(chosen)]
        if rivals:
            why = "a person said so" if chosen.source == "person" else f"{chosen.source} counts first for {field}"
            ordered = tuple(sorted(rivals, key=lambda one: (rank(field, one.source), one.value)))
            found.append(Conflict(field=field, shown=chosen, others=ordered, because=why))
    for dispute in group.disputes:
        code, _, message = dispute.partition(": ")
        first = group.records[0]
        found.append(
            Conflict(
                field="identity",
                shown=Said(field="identity", value=first.title, source=first.source),
                others=(),
                because=f"{code}: {message}",
            )
        )
    return tuple(found)


def _essence(one: Said) -> str:
    if one.field == "authors":
        return " ".join(sorted(person_key(name) for name in one.value.split("; ")))
    return fold(one.value).replace(" ", "") if one.field == "title" else one.value


def editions(records: Sequence[Record], *, foreign: Sequence[str] = ()) -> tuple[Edition, ...]:
    """The recordings of a book: region twins and repeated reports joined, parts of one production put together.
    `foreign`: ids that other books have too; a recording is not known by them."""
    told = [(record, _without(recording, foreign)) for record in records for recording in record.recordings]
    told.sort(key=lambda pair: (rank("recording", pair[0].source), pair[1].ids, pair[0].key))
    piles: list[list[tuple[Record, Recording]]] = []
    parts: dict[tuple[str, ...], list[tuple[Record, Recording]]] = {}
    for record, recording in told:
        if record.part is not None:
            parts.setdefault(tuple(sorted(map(fold, recording.narrators))), []).append((record, recording))
            continue
        pile = next((pile for pile in piles if any(_same_recording(recording, record, *one) for one in pile)), None)
        if pile is None:
            piles.append([(record, recording)])
        else:
            pile.append((record, recording))
    found = [_edition(pile) for pile in piles] + [_of_parts(pile) for pile in parts.values()]
    return tuple(sorted(found, key=lambda one: one.ids))


def _without(recording: Recording, foreign: Sequence[str]) -> Recording:
    if not foreign:
        return recording
    return msgspec.structs.replace(recording, ids=tuple(one for one in recording.ids if one not in foreign))


def _same_recording(one: Recording, of: Record, record: Record, other: Recording) -> bool:
    """Equal ids; else equal narrators and lengths. Dramatised and abridged recordings are their own."""
    if set(one.ids) & set(other.ids):
        return True
    if bool(one.dramatized or of.dramatized) != bool(other.dramatized or record.dramatized):
        return False
    if bool(one.abridged or of.abridged) != bool(other.abridged or record.abridged):
        return False
    if one.language and other.language and one.language != other.language:
        return False
    mine, theirs = ({person_key(name) for name in recording.narrators} for recording in (one, other))
    if not mine or mine != theirs or one.runtime_min is None or other.runtime_min is None:
        return False
    return abs(one.runtime_min - other.runtime_min) <= max(SAME_LENGTH_SHARE * one.runtime_min, SAME_LENGTH_MIN)


def _edition(pile: Sequence[tuple[Record, Recording]]) -> Edition:
    """First told counts: the pile is in the order of precedence."""
    recordings = [recording for _, recording in pile]
    narrators = next((one.narrators for one in recordings if one.narrators), ())
    length = next((one.runtime_min for one in recordings if one.runtime_min), None)
    flags = {
        flag: next((value for one in recordings if (value := getattr(one, flag)) is not None), None)
        for flag in ("abridged", "dramatized", "machine_voice", "language", "publisher")
    }
    if any(record.dramatized for record, _ in pile):
        flags["dramatized"] = True
    if any(record.abridged for record, _ in pile):
        flags["abridged"] = True
    if any(MACHINE.search(name) for name in narrators):
        flags["machine_voice"] = True
    if flags["language"] is None:
        flags["language"] = next((record.claim.language for record, _ in pile if record.claim.language), None)
    return Edition(
        ids=tuple(sorted({one for recording in recordings for one in recording.ids})),
        narrators=narrators,
        runtime_min=round(length) if length else None,
        released=min((one.released for one in recordings if one.released), default=None),
        sources=tuple(sorted({record.source for record, _ in pile})),
        **flags,
    )


def _of_parts(pile: Sequence[tuple[Record, Recording]]) -> Edition:
    whole = _edition(pile)
    numbers = {record.part[0] for record, _ in pile if record.part}
    of = max((record.part[1] or 0 for record, _ in pile if record.part), default=0)
    lengths = {record.part[0]: one.runtime_min for record, one in pile if record.part and one.runtime_min}
    return Edition(
        ids=whole.ids,
        narrators=whole.narrators,
        runtime_min=round(sum(lengths.values())) if lengths and len(lengths) == of else None,
        language=whole.language,
        abridged=whole.abridged,
        dramatized=whole.dramatized,
        machine_voice=whole.machine_voice,
        released=whole.released,
        publisher=whole.publisher,
        parts=(len(numbers), of or len(numbers) + 1),
        sources=whole.sources,
    )


def usual_minutes(book: Book) -> int | None:
    """The median length of its plain editions."""
    plain = [one.runtime_min for one in book.editions if one.runtime_min and not one.abridged and not one.dramatized]
    return round(median(plain)) if plain else None
