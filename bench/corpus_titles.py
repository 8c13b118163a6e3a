"""How well release titles are read that belong to no known book: `python bench/corpus_titles.py ROWS.jsonl`.

`-v` lists every miss.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.languages import read_language
from domain.names import Likeness, fold, people_in, same_person, same_series, same_title
from domain.positions import read_position
from domain.title_reading import read_title
from domain.titles import ReleaseTitle

Row = Mapping[str, Any]
FIELDS = (
    "author", "title", "title_exact", "series", "position", "narrator", "year", "format", "language", "abridged",
    "asin", "media", "form",
)  # fmt: skip
"""What is measured. A row asserts the title as `book`; `title_exact` asks for its very words, `form` for the kind."""


def measure(rows: Iterable[Row]) -> dict[str, tuple[int, int, int]]:
    """For each field: how many were right, how many were said at all, and how many the rows assert.

    A row asserts a field by a value, or its absence by naming it in `asserted_null`: then anything said is wrong. A
    field that a row is silent about counts nowhere. Precision is right / said, recall is right / asserted.
    """
    counts = {field: [0, 0, 0] for field in FIELDS}
    for row in rows:
        read = read_title(row["title"])
        for field in FIELDS:
            right, said, asserted = outcome(row, read, field)
            for place, counted in enumerate((right, said, asserted)):
                counts[field][place] += counted
    return {field: (right, said, asserted) for field, (right, said, asserted) in counts.items()}


def outcome(row: Row, read: ReleaseTitle, field: str) -> tuple[bool, bool, bool]:
    """Whether one field of one row is right, said and asserted."""
    wanted, said = row.get(_COLUMN.get(field, field)), shown(read)[field]
    if wanted is None:
        return False, field in (row.get("asserted_null") or ()) and said is not None, False
    return said is not None and _equal(field, str(wanted), said, row), said is not None, True


_COLUMN = {"title": "book", "title_exact": "book"}


def shown(read: ReleaseTitle) -> dict[str, str | None]:
    """The fields of a title as text."""
    position = read.position
    return {
        "author": ", ".join(read.authors) or None,
        "title": read.title,
        "title_exact": read.title,
        "series": read.series,
        "position": position.text if position else None,
        "narrator": ", ".join(read.narrators) or None,
        "year": str(read.year) if read.year else None,
        "format": read.formats[0] if read.formats else None,
        "language": read.language,
        "abridged": None if read.abridged is None else str(read.abridged),
        "asin": read.asin,
        "media": read.media,
        "form": read.kind,
    }


def _equal(field: str, wanted: str, said: str, row: Row) -> bool:
    if field in ("author", "narrator"):
        return _names_all(wanted, said)
    if field == "title":
        authors = people_in(row.get("author") or "")
        return same_title(wanted, said, series=row.get("series"), authors=authors) is Likeness.SAME
    if field == "series":
        return same_series(wanted, said) is Likeness.SAME
    if field == "position":
        one, other = read_position(wanted), read_position(said)
        return one is not None and other is not None and one.same(other)
    if field == "language":
        return read_language(wanted) == said
    return fold(wanted) == fold(said)


def _names_all(wanted: str, said: str) -> bool:
    """Whether everybody wanted is named; a row often asserts only the first of several authors."""
    if fold(wanted) == fold(said):
        return True
    return all(any(same_person(one, other) is Likeness.SAME for other in people_in(said)) for one in people_in(wanted))


def main(path: Path, *, verbose: bool) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for field, (right, said, asserted) in measure(rows).items():
        if asserted:
            print(
                f"{field:12} right {right:3}  said {said:3}  asserted {asserted:3}"
                f"  precision {right / max(1, said):6.1%}  recall {right / asserted:6.1%}"
            )
    for row in rows if verbose else ():
        read = read_title(row["title"])
        for field in FIELDS:
            right, said, asserted = outcome(row, read, field)
            if (said or asserted) and not right:
                wanted = row.get(_COLUMN.get(field, field))
                print(f"{field:12} {row['title']!r}: {wanted!r} wanted, {shown(read)[field]!r} said")


if __name__ == "__main__":
    main(Path(sys.argv[1]), verbose="-v" in sys.argv)
