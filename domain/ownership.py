"""Does the library have this book? By id, then by title, author and position; never by substring.

Three answers: it is there, it may be there (a person decides), it is not. One index over the items serves all wants,
so the work grows with items plus wants.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

import msgspec

from domain.languages import read_language
from domain.names import Likeness, fold, same_people, same_title, series_key, title_keys, words_of
from domain.parts import read_part, without_part
from domain.positions import Position, read_position
from domain.title_reading import read_title
from domain.titles import says_abridged, says_dramatized
from domain.wants import Want
from domain.world import Item, ItemKeys


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """What the library holds for one want: items that are the book, and items that may be, each with why."""

    items: tuple[Item, ...] = ()
    maybe: tuple[tuple[Item, str], ...] = ()
    missing: tuple[Item, ...] = ()
    """Items that are the book and whose files the server misses."""


def keys_of(item: Item) -> ItemKeys:
    """The folded forms under which an item is found.

    A messy title (`Oz 03 - Ozma of Oz (Unabridged)`) is found under each of its pieces too: that only brings it up as a
    candidate, and `likeness` decides over the whole title.
    """
    placed = tuple((series, read_position(series.position)) for series in item.series)
    series = item.series[0].name if item.series else None
    titles: dict[str, None] = {}
    for piece in dict.fromkeys((*_pieces(item.title), *_pieces(PurePosixPath(item.rel_path).name))):
        titles |= dict.fromkeys(title_keys(piece, series=series, authors=item.authors))
    return ItemKeys(
        titles=tuple(titles),
        series=tuple((series_key(series.name), position) for series, position in placed if position is not None),
        sets=tuple(_sets(item.title)),
    )


_BREAKS = re.compile(r" - |: ")
_DISC = re.compile(r"[\s(\[,-]+(?:cd|dis[ck]|part|pt)\.?\s*\d{1,2}\b.*$", re.IGNORECASE)
_STRETCH = re.compile(
    r"(.*?)\b(?:books?|vol(?:ume)?s?\.?|parts?|#)?\s*(\d{1,3}\s?(?:-|–|to)\s?\d{1,3})\b", re.IGNORECASE
)
_SET_WORDS = words_of("the a of collection omnibus complete box boxed set series saga books volumes vol bundle")


def _pieces(title: str) -> list[str]:
    """A title, its parts, itself without a disc number, and what a name written with dots for blanks says."""
    texts = [title, *_BREAKS.split(title), _DISC.sub("", title)]
    if " " not in title:
        texts.append(read_title(title).title or "")
    return [text for text in dict.fromkeys(texts) if text.strip()]


def _sets(title: str) -> Iterable[tuple[str, Position]]:
    """`The Oz Collection: Books 6-8` seems to be Oz 6-8."""
    if found := _STRETCH.match(title[:200]):
        name = " ".join(word for word in fold(found[1]).split() if word not in _SET_WORDS)
        position = read_position(found[2])
        if name and position and not position.single:
            yield series_key(name), position


class LibraryIndex:
    """The items by ASIN, by folded title, and by series and number."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._by_asin: dict[str, list[Item]] = defaultdict(list)
        self._by_title: dict[str, list[Item]] = defaultdict(list)
        self._by_series: dict[str, list[Item]] = defaultdict(list)
        self.by_path: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            if not item.is_missing:
                self.by_path[item.rel_path].append(item)
            if item.asin:
                self._by_asin[item.asin.upper()].append(item)
            keys = item.keys or keys_of(item)
            for title in keys.titles:
                self._by_title[title].append(item)
            for series in {series for series, _ in (*keys.series, *keys.sets)}:
                self._by_series[series].append(item)
        # Look-ups by series and number: one dictionary per series, made when a want first asks for that series.
        self._numbered: dict[str, dict[str, list[Item]]] = {}

    def owned(self, want: Want) -> Owned:
        """What the library holds for this want; the order of items does not matter."""
        found: dict[str, Item] = {}
        maybe: dict[str, tuple[Item, str]] = {}
        missing: dict[str, Item] = {}
        parts: dict[int, dict[int, Item]] = defaultdict(dict)
        for item in self._candidates(want):
            verdict, why = likeness(want, item)
            part = read_part(item.title)
            if part is not None and part[1] and verdict is not Likeness.DIFFERENT and not item.is_missing:
                parts[part[1]][part[0]] = item
            if item.is_missing:
                missing |= {item.id: item} if verdict is Likeness.SAME else {}
            elif verdict is Likeness.SAME:
                found[item.id] = item
            elif verdict is Likeness.UNSURE:
                maybe[item.id] = (item, why)
        for of, known in parts.items():
            if len(known) == of:  # parts count only together
                found |= {item.id: item for item in known.values()}
                maybe = {key: one for key, one in maybe.items() if key not in found}
        return Owned(
            items=tuple(found[key] for key in sorted(found)),
            maybe=tuple(maybe[key] for key in sorted(maybe)),
            missing=tuple(missing[key] for key in sorted(missing)),
        )

    def _candidates(self, want: Want) -> Iterable[Item]:
        near = [item for asin in _asins(want) for item in self._by_asin.get(asin, ())]
        for name in (want.title, *want.other_titles, *want.sets):
            for title in title_keys(name, series=want.series, authors=want.authors):
                near += self._by_title.get(title, ())
        near += self._at(want)
        return {item.id: item for item in near}.values()

    def _at(self, want: Want) -> Sequence[Item]:
        """Items of the want's series that stand at its number, packs that cover it among them."""
        if not want.series or want.position is None or not want.position.whole_book:
            return ()
        key = series_key(want.series)
        if key not in self._numbered:
            numbered: dict[str, list[Item]] = defaultdict(list)
            for item in self._by_series.get(key, ()):
                keys = item.keys or keys_of(item)
                for series, position in (*keys.series, *keys.sets):
                    if series != key:
                        continue
                    numbered[str(position.low.normalize())].append(item)
                    if not position.single and position.high - position.low <= LONGEST_PACK:
                        for number in range(int(position.low) + 1, int(position.high) + 1):
                            numbered[str(number)].append(item)
            self._numbered[key] = numbered
        return self._numbered[key].get(str(want.position.low.normalize()), ())


LONGEST_PACK = 200
"""A pack that claims more volumes than this is a misread number."""


def likeness(want: Want, item: Item) -> tuple[Likeness, str]:
    """Is this item that book? With one sentence why it is unsure or not."""
    part = read_part(item.title)
    # A play may be called so: `Faust, Part One` is a whole book to whoever wants that.
    part = None if part == read_part(want.title) else part
    if item.asin and item.asin.upper() in _asins(want):
        if part:
            return Likeness.UNSURE, f"only part {part[0]} of it"
        return Likeness.SAME, "same ASIN" if item.asin not in want.sets else "a set that holds it, by its ASIN"
    allowed = want.profile.abridged if want.abridged is None else want.abridged
    if not allowed and (item.abridged or _says(says_abridged, item)):
        return Likeness.DIFFERENT, "abridged"
    if want.form != "dramatized" and not want.profile.dramatized and _says(says_dramatized, item):
        return Likeness.DIFFERENT, "dramatised"
    if _speaks_otherwise(want, item):
        return Likeness.DIFFERENT, f"in language {item.language}"
    people = same_people(want.authors, item.authors) if want.authors and item.authors else Likeness.UNSURE
    if people is Likeness.DIFFERENT:
        return Likeness.DIFFERENT, f"by {', '.join(item.authors)}"
    if part:
        whole = msgspec.structs.replace(item, title=without_part(item.title), keys=None)
        verdict, _ = likeness(want, whole)
        return (verdict, "") if verdict is Likeness.DIFFERENT else (Likeness.UNSURE, f"only part {part[0]} of it")
    place = _place(want, item)
    if place == "covered":
        return people, f"a set that covers number {want.position.text if want.position else ''}, its author unsure"
    if want.sets and any(_same_title(want, name, item) is Likeness.SAME for name in want.sets):
        return people, "a set that is known to hold it, its author unsure"
    likest = (_same_title(want, name, item) for name in (want.title, *want.other_titles))
    title = min(likest, key=(Likeness.SAME, Likeness.UNSURE, Likeness.DIFFERENT).index)
    if title is Likeness.SAME:
        if place == "elsewhere":
            return Likeness.UNSURE, "the title is right, the number in the series is not"
        if people is Likeness.SAME or place == "there":
            return Likeness.SAME, "same title"
        return Likeness.UNSURE, "the title is right, the author is not known for sure"
    if place == "seems covered":
        return Likeness.UNSURE, "it seems to be a set that covers this number"
    if place == "there" and people is Likeness.SAME:
        return Likeness.UNSURE, f"stands at the same number under another title, {item.title[:80]!r}"
    if place != "elsewhere" and (title is Likeness.UNSURE or _holds_title(want, item)):
        return Likeness.UNSURE, f"its title, {item.title[:80]!r}, is not surely another"
    return Likeness.DIFFERENT, "another title"


def _asins(want: Want) -> set[str]:
    asins = {asin.upper() for asin in (want.asin or "", *want.asins) if asin}
    return asins | {name for name in want.sets if ASIN.fullmatch(name)}


ASIN = re.compile(r"B[0-9A-Z]{9}|\d{9}[\dX]")


def _same_title(want: Want, name: str, item: Item) -> Likeness:
    return same_title(name, item.title, series=want.series, authors=want.authors)


def _says(says: Callable[[str], bool], item: Item) -> bool:
    return says(item.title) or says(PurePosixPath(item.rel_path).name)


def _holds_title(want: Want, item: Item) -> bool:
    """Whether a whole piece of the item's title is the wanted one: `Sherlock Holmes: The Hound of the Baskervilles`."""
    wanted = set(title_keys(want.title, series=want.series, authors=want.authors)[:1])
    pieces = (title_keys(piece, series=want.series, authors=item.authors) for piece in _pieces(item.title))
    return any(wanted.intersection(keys) for keys in pieces)


def _place(want: Want, item: Item) -> str:
    """Where the item stands in the want's series: there, elsewhere, (seems) covered by a set, or unknown."""
    if not want.series or want.position is None:
        return "unknown"
    key = series_key(want.series)
    places = [position for series, position in (item.keys or keys_of(item)).series if series == key]
    if any(place.same(want.position) for place in places):
        return "there"
    if any(not place.single and place.covers(want.position) for place in places):
        return "covered"
    sets = [position for series, position in (item.keys or keys_of(item)).sets if series == key]
    if any(place.covers(want.position) for place in sets):
        return "seems covered"
    return "elsewhere" if places else "unknown"


def _speaks_otherwise(want: Want, item: Item) -> bool:
    wanted = (want.language,) if want.language else want.profile.languages
    spoken = read_language(item.language)
    return bool(wanted) and spoken is not None and spoken not in wanted
