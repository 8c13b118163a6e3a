"""What a member of a series is: the first rule that fires (contracts: metadata, section 4.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import median

import msgspec

from domain.catalogue.claims import family
from domain.catalogue.identity import Group
from domain.catalogue.records import Record
from domain.names import Likeness, fold, person_key, same_people, series_key, without_article
from domain.positions import Position
from domain.wants import MemberKind

_CUES = re.compile(
    r"\bomnib\w+|\bbox(?:ed)?\s?set\b|\bbundle\b|\bcollection\b|\bcompil\w+|\bcomplete\b.*\b(?:series|saga|novels|books|"
    r"stories|works|collection|set)\b|\bbooks\s+\d{1,3}\s*(?:-|–|to|&|and)\s*\d{1,3}\b|\btrilogy\b|\b\d+\s?books?\s+in\s+(?:1|one)\b",
    re.IGNORECASE,
)
_SETS = re.compile(
    r"\bbox(?:ed)?\W?set\b|\bbooks\s+\d{1,3}\s*(?:-|–|to|&|and)\s*\d{1,3}\b"
    r"|\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten)\W(?:complete\W)?(?:books?|novels?)\Win\W(?:1|one)\b"
    r"|\b\d{1,2}\W(?:book|novel|volume)s?\W(?:box\W?set|set|bundle|collection|omnibus)\b",
    re.IGNORECASE,
)
"""Cues that name nothing but a set, even in the title of a book that stands alone."""
_COMPANION = re.compile(
    r"\b(?:companion|map|maps|atlas|encyclop\w+|handbook|guide|art of|making of|diary|calendar|cookbook|folklore of"
    r"|science of|world of)\b",
    re.IGNORECASE,
)
_EXTRACT = re.compile(
    r"\b(?:prologue|preview|sampler|excerpt|extract|sneak peek|(?:first|opening) chapters?)\b", re.IGNORECASE
)

EXTRACT_MIN = 120
NOVELLA_MIN = 90
OMNIBUS_SHARE = 1.6
FARTHEST_YEAR = 2100
NEAR_NEXT = (Decimal("0.9"), Decimal("0.99"))
"""Where shops put the first chapters of the next book."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a member is judged against."""

    series: str | None
    authors: tuple[str, ...]
    """Whose books count; empty: nobody's are refused."""
    members: Mapping[str, Group]
    positions: Mapping[str, Position | None]
    median_min: float | None
    """Of the members with a whole number."""
    continued: bool = False
    """Others wrote for it too, at numbers of their own: then a book without an author is not taken for anybody's."""
    today: date


def median_min(members: Mapping[str, Group], positions: Mapping[str, Position | None]) -> float | None:
    """The usual length of a member, in minutes; None when fewer than two are known."""
    return usual_min(
        group for key, group in members.items() if (place := positions.get(key)) is not None and place.whole_book
    )


def continued(members: Mapping[str, Group], positions: Mapping[str, Position | None], authors: Sequence[str]) -> bool:
    """Whether books by others stand at whole numbers where none by these authors does."""
    own: set[Decimal] = set()
    others: set[Decimal] = set()
    for key, group in members.items():
        place = positions.get(key)
        if place is not None and place.whole_book and group.authors and not group.omnibus:
            (own if _by(group, authors) else others).add(place.low)
    return bool(authors and others - own)


def usual_min(groups: Iterable[Group]) -> float | None:
    known = [length for group in groups if (length := _length(group)) is not None]
    return median(known) if len(known) > 1 else None


def _length(group: Group) -> float | None:
    """The longest unabridged reading by one voice, as far as known; parts and dramatisations are no measure."""
    lengths = [
        recording.runtime_min
        for record in group.records
        if record.part is None and not record.dramatized
        for recording in record.recordings
        if recording.runtime_min and not recording.abridged and not recording.dramatized
    ]
    return median(lengths) if lengths else None


def kind_of(group: Group, position: Position | None, setting: Setting) -> tuple[MemberKind, str]:
    """A member's kind with the rule that made it so."""
    whole = position is not None and position.whole_book and position.low == position.low.to_integral_value()
    if all(record.part is not None for record in group.records):
        return MemberKind.PART, "only parts of it are known"
    if why := omnibus(group, position, setting):
        return MemberKind.OMNIBUS, why
    if why := _placeholder(group, setting):
        return MemberKind.PLACEHOLDER, why
    if setting.authors and group.authors and not _by(group, setting.authors):
        return MemberKind.OTHER_AUTHOR, f"by {', '.join(group.authors)}"
    if whole and setting.authors and not group.authors and setting.continued:
        return MemberKind.OTHER_AUTHOR, "nobody names its author, and others wrote for this series too"
    if all(record.about for record in group.records):
        return MemberKind.COMPANION, "its title says that it is about a book"
    if all(record.claim.category == "graphic" for record in group.records):
        return MemberKind.COMPANION, "a comic"
    if position is not None and position.single and position.low == 0:
        return MemberKind.PREQUEL, "number 0"
    if whole and position is not None:
        return MemberKind.PRIMARY, f"number {position.low.normalize():f}"
    if position is not None:
        return _minor(group, position)
    return MemberKind.UNPLACED, "no source gives it a number"


def _by(group: Group, authors: Sequence[str]) -> bool:
    """Whether any credited author is one of these. A name that may be theirs counts with the place it has."""
    return same_people(group.authors, authors) is not Likeness.DIFFERENT


def _minor(group: Group, position: Position) -> tuple[MemberKind, str]:
    at = f"number {position.text}"
    length = _length(group)
    categories = {record.claim.category for record in group.records}
    titles = [record.claim.title or "" for record in group.records]
    near_next = position.low % 1 in NEAR_NEXT
    cue = any(_EXTRACT.search(title) for title in titles)
    if (cue or near_next) and (length is None or length <= EXTRACT_MIN) and (cue or length is not None):
        return MemberKind.EXTRACT, f"{at}: a piece of a book"
    if "novella" in categories:
        return MemberKind.NOVELLA, f"{at}: a novella"
    if "short" in categories:
        return MemberKind.SHORT, f"{at}: a short story"
    if any(_COMPANION.search(title) for title in titles):
        return MemberKind.COMPANION, f"{at}: its title says that it goes along with the series"
    if length is not None and length < NOVELLA_MIN:
        return MemberKind.SHORT, f"{at}, {length:.0f} minutes"
    return MemberKind.NOVELLA, f"{at}{f', {length:.0f} minutes' if length else ''}"


def omnibus(group: Group, position: Position | None, setting: Setting) -> str:
    """Why it is several books in one; "" when it is one."""
    if position is not None and not position.single:
        return f"its number is a range, {position.text}"
    length = _length(group)
    much = length is not None and setting.median_min is not None and length >= OMNIBUS_SHARE * setting.median_min
    if position is not None and position.whole_book:
        return _numbered_set(group, setting, length=length, much=much)
    held = contents(group, setting)
    names = [record.claim.title or "" for record in group.records]
    if len(held) >= 2:
        return f"its title names {len(held)} members"
    if any(record.claim.compilation for record in group.records):
        return "a source calls it a compilation"
    if all(_SETS.search(name) for name in names):
        return "its title names a set"
    cue = any(record.omnibus for record in group.records) or any(_CUES.search(name) for name in names)
    # In the name of a book that stands alone, "omnibus" is a word like any other.
    if cue and (setting.series or held or much):
        return "its title names a set, and it has no number"
    if much and setting.series:
        return f"no number, and {length:.0f} minutes where {setting.median_min:.0f} are usual"
    return ""


def _numbered_set(group: Group, setting: Setting, *, length: float | None, much: bool) -> str:
    """Shops number sets too. A single may be called a collection, or compiled by a source that counts its stories: then
    its length, or another family that numbers it, says so."""
    whole = [record for record in group.records if record.part is None]
    bare = [_without_series(record, setting) for record in whole]
    cue, boxed = (all(cues.search(name) for name in bare) for cues in (_CUES, _SETS))
    if (much or length is None) and len(_all_hold(whole, setting)) >= 2:
        return f"its titles name {len(_all_hold(whole, setting))} members"
    compiled = {family(record.source) for record in whole if record.claim.compilation}
    if compiled and (cue or much or not {family(record.source) for record in whole if record.places} - compiled):
        return "a source calls it a compilation, though it has a number"
    if ((cue or boxed) and much) or (boxed and length is None):
        return "its title names a set" + (f" of {length:.0f} minutes" if length else "")
    return ""


def _without_series(record: Record, setting: Setting) -> str:
    """A title without the names of the series it stands in: the first book of a trilogy is none."""
    names = {*record.series, *([setting.series] if setting.series else [])}
    title = record.claim.title or ""
    for name in sorted(names, key=lambda one: (-len(one), one)):
        title = re.sub(re.escape(name), " ", title, flags=re.IGNORECASE)
    return title if fold(title) else record.claim.title or ""


def _all_hold(records: Sequence[Record], setting: Setting) -> tuple[str, ...]:
    """Keys of the members that the shortest of these titles names: a series' name behind a title may be a member's."""
    members = _main(setting)
    own = {record.read.key for record in records}
    return min((_named_in(fold(record.title), own, members) for record in records), key=len, default=())


def contents(group: Group, setting: Setting) -> tuple[str, ...]:
    """Keys of the members whose titles this title consists of."""
    members = _main(setting)
    own = {record.read.key for record in group.records}
    best: tuple[str, ...] = ()
    for record in group.records:
        said = fold(record.claim.title or "")
        if len(said) < 3:
            continue
        best = max(best, _named_in(said, own, members), key=len)
    return best


def _main(setting: Setting) -> dict[str, Group]:
    """The books that a set may hold. In a series only main books: the stories of a collection lend it their names."""
    return {
        key: member
        for key, member in setting.members.items()
        if not setting.series or ((place := setting.positions.get(key)) is not None and place.whole_book)
    }


def _named_in(said: str, own: set[str], members: Mapping[str, Group]) -> tuple[str, ...]:
    names: dict[str, str] = {}
    for key, member in members.items():
        for record in member.records:
            name = without_article(record.read.key)
            if record.read.key not in own and name != without_article(said) and not record.omnibus:
                names.setdefault(name, key)
    rest, found = f" {said} ", {}
    for name in sorted(names, key=lambda one: (-len(one), one)):
        # One word may stand anywhere by accident; it counts where nothing else would explain it.
        if f" {name} " in rest and (" " in name or len(name) > 3):
            rest = rest.replace(f" {name} ", "  ", 1)
            found[names[name]] = len(name)
    covered = sum(found.values())
    return tuple(sorted(found)) if covered * 2 >= len(said.replace(" ", "")) else ()


def _placeholder(group: Group, setting: Setting) -> str:
    claims = [record.claim for record in group.records]
    dates = [claim.released for claim in claims if claim.released]
    dates += [one.released for claim in claims for one in claim.recordings or () if one.released]
    if dates and min(dates).year >= FARTHEST_YEAR:
        return f"its date, {min(dates):%Y-%m-%d}, stands for none"
    lengths = [one.runtime_min for claim in claims for one in claim.recordings or () if one.runtime_min]
    narrated = any(one.narrators for claim in claims for one in claim.recordings or ())
    described = any(claim.cover or claim.description for claim in claims)
    if dates and min(dates) > setting.today and not (narrated or described or lengths):
        return f"announced for {min(dates):%Y-%m-%d} without narrator, cover and description"
    if setting.series and not (lengths or narrated):
        name = series_key(setting.series)
        nameless = re.compile(rf"(?:untitled\b.*|{re.escape(name)}\s+(?:book\s+|novel\s+)?\d{{1,3}}|tba|tbd)")
        if all(nameless.fullmatch(fold(claim.title or "")) for claim in claims):
            return "its title is only the series and a number"
    return ""


def _numbers_a_volume(position: Position) -> bool:
    return position.whole_book and position.low >= 1 and position.low == position.low.to_integral_value()


A_RUN = 0.25
"""Least share of a series that its first author wrote before others went on with it."""


def _beginners(by_key: Sequence[Mapping[str, str]], main: Sequence[str]) -> list[str]:
    """The authors of the first book, if they wrote a good run of the series before others went on with it."""
    first = sorted(by_key[0]) if by_key else []
    if not first or set(first) & set(main):
        return []
    own = [place for place, authors in enumerate(by_key) if set(first) & authors.keys()]
    others = [place for place, authors in enumerate(by_key) if not set(first) & authors.keys()]
    before = not others or own[len(own) // 2] < others[0]
    return first if before and len(own) >= max(2, A_RUN * len(by_key)) else []


def scope(members: Iterable[tuple[Group, Position | None]]) -> tuple[str, ...]:
    """Whose series it is: authors of at least half of the members with whole numbers, and who wrote two of these with
    them; where others went on with it, those who began it. Empty for a shared world."""
    placed = [
        (position.low, -len(group.records), group.authors)
        for group, position in members
        if position is not None and _numbers_a_volume(position) and group.authors and not group.omnibus
    ]
    # Of several at one number the one that most records speak of: guides and sequels stand there too.
    at = {low: authors for low, _, authors in sorted(placed, reverse=True)}
    told = [at[low] for low in sorted(at)]
    by_key = [{person_key(name): name for name in authors} for authors in told]
    names = {key: name for authors in by_key for key, name in sorted(authors.items())}
    main = [key for key in sorted(names) if 2 * sum(key in authors for authors in by_key) >= len(told)]
    main = _beginners(by_key, main) or main
    if not main:
        return ()
    beside = [
        key
        for key in sorted(names)
        if key not in main and sum(key in one and any(other in one for other in main) for one in by_key) >= 2
    ]
    return tuple(names[key] for key in (*main, *beside))
