"""For which wants may a release be? An index, so that only plausible pairs reach the rules that cost.

It leaves out no pair that `gates.judge` would confirm or call possible: such a release holds at least half the words of
the wanted title (or of another name of the book), the name of its series, its ASIN, or is the one that a person chose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from domain.matching import Keys, content_of, names_of
from domain.releases import Release
from domain.titles import ASIN, read_text
from domain.wants import Want


class Plausible:
    """The wants by the words of their titles and series, by their ASINs and by the releases that people chose."""

    def __init__(self, wants: Iterable[Want]) -> None:
        self.wants = tuple(wants)
        self._owner: list[int] = []
        """Phrase -> the want that it belongs to."""
        self._least: list[int] = []
        """Phrase -> how many of its words must be there."""
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_id: dict[str, list[int]] = defaultdict(list)
        for number, want in enumerate(self.wants):
            for content, least in dict.fromkeys(_phrases_of(want)):
                self._add(number, content, least)
            for one in (want.asin, *want.asins, want.pinned):
                if one:
                    self._by_id[one.casefold()].append(number)

    def _add(self, want: int, content: Sequence[tuple[str, ...]], least: int) -> None:
        self._owner.append(want)
        self._least.append(least)
        for spellings in content:
            for key in dict.fromkeys(spellings):
                self._by_word[key].append(len(self._owner) - 1)

    def wants_for(self, release: Release) -> tuple[Want, ...]:
        """Those that the release may be for, in their given order."""
        found: Counter[int] = Counter()
        title = read_text(release.title)
        for key in title.places:
            found.update(self._by_word.get(key, ()))
        owner, least = self._owner, self._least
        numbers = {owner[phrase] for phrase, count in found.items() if count >= least[phrase]}
        for one in _ids_of(release, title.text):
            numbers.update(self._by_id.get(one, ()))
        return tuple(self.wants[number] for number in sorted(numbers))


def _phrases_of(want: Want) -> Iterator[tuple[Keys, int]]:
    """The words of each name of the book and of its series, and how many of them must be there."""
    names = names_of(want)
    for form in names.forms:
        yield form.content, form.half
    if names.head:
        yield tuple((word,) for word in sorted(names.head)), len(names.head)
    for keys in names.series:
        content = content_of(keys)
        yield content, len(content)


def _ids_of(release: Release, text: str) -> set[str]:
    named = {release.id, release.infohash or release.id, *ASIN.findall(text)}
    return {one.casefold() for one in named}
