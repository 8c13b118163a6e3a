"""What is wrong with a list of items itself: two on one path, or one that answers for another book's folder."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher

from domain.world import Item

EVERYWHERE = """
the and for from with that this his her not der die das und les des une del los las
audio audiobook audiobooks book books vol volume part disc disk mp3 m4b m4a flac opus
unabridged abridged complete read narrated kbps
"""
COMMON = frozenset(EVERYWHERE.split())
WORD = re.compile(r"(?<![a-z0-9])[a-z]{3,}(?![a-z0-9])")
ALIKE = 0.75
"""Two words this alike count as one: `Tolstoi` and `Tolstoy`, `colour` and `color`."""


def doubts(items: Iterable[Item]) -> tuple[str, ...]:
    """One sentence for each fault among the items that are not missing: twins first, each kind by path."""
    present = [item for item in items if not item.is_missing]
    return (*sorted(_twins(present)), *sorted(_stranger(item) for item in present if looks_taken_over(item)))


def _twins(items: Iterable[Item]) -> list[str]:
    by_path: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        by_path[item.path].append(item.id)
    return [
        f'Two items stand on one path, "{path}" ({", ".join(sorted(ids))}): scan once more with nothing else running, '
        "then remove the one that is marked missing"
        for path, ids in by_path.items()
        if len(ids) > 1
    ]


def _stranger(item: Item) -> str:
    by = f" by {item.authors[0]}" if item.authors else ""
    return (
        f'The item at "{item.path}" ({item.id}) calls itself "{item.title}"{by}: it may have taken over the identity '
        "of a deleted book; compare it with its files and correct its title, authors and series"
    )


def looks_taken_over(item: Item) -> bool:
    """Whether folder name and metadata have no word in common, with enough words on both sides to say so.

    Deliberately blind where it cannot judge: other scripts, folders named by number or id, metadata without a title.
    """
    leaf = item.rel_path.rstrip("/").rsplit("/", 1)[-1]
    if item.title.casefold() in leaf.casefold():
        return False  # nearly always, and quickly told
    folder, title = _words(leaf), _words(item.title)
    if not folder or not title:
        return False
    said = title | _words(" ".join((item.subtitle or "", *item.authors, *item.narrators)))
    said |= _words(" ".join(one.name for one in item.series))
    if {item.asin, item.isbn} & set(re.findall(r"[0-9A-Z]{10,13}", leaf)):
        return False
    return not (
        folder & said or _runs_together(leaf, said) or _runs_together(item.title, folder) or _alike(folder, said)
    )


def _words(text: str) -> frozenset[str]:
    """Distinctive words: letters only (`B0TEST0001` has none), at least three, without accents."""
    return frozenset(
        word for word in re.findall(r"(?<![a-z0-9])[a-z]{3,}(?![a-z0-9])", _plain(text)) if word not in COMMON
    )


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.replace("'", "").replace("’", ""))
    return "".join(char for char in bare if not unicodedata.combining(char)).casefold()


def _runs_together(text: str, words: Iterable[str]) -> bool:
    """`WarAndPeace` holds `peace`."""
    squashed = "".join(re.findall(r"[a-z0-9]+", _plain(text)))
    return any(word in squashed for word in words if len(word) > 3)


def _alike(these: Iterable[str], those: Iterable[str]) -> bool:
    return any(SequenceMatcher(None, one, other).ratio() >= ALIKE for one in these for other in those)
