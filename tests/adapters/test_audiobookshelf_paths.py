"""The stand-in reads folder names as Audiobookshelf does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.abs_paths import read_names, read_path

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "fixtures/audiobookshelf/paths.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "path"], ids=lambda row: row["id"])
def test_a_path_is_read_as_the_real_server_reads_it(row: dict[str, Any]) -> None:
    read = read_path(row["path"], parse_subtitle=row["parse_subtitle"])

    assert {
        "author": list(read.authors),
        "series": read.series,
        "sequence": read.sequence,
        "title": read.title,
        "subtitle": read.subtitle,
        "narrator": list(read.narrators),
        "publishedYear": read.published_year,
        "asin": read.asin,
    } == row["expected"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "names"], ids=lambda row: row["id"])
def test_names_are_split_as_the_real_server_splits_them(row: dict[str, Any]) -> None:
    assert list(read_names(row["path"])) == row["expected"]["names"]


def test_without_the_setting_a_subtitle_stays_in_the_title() -> None:
    assert read_path("Author/Series/Title - Subtitle").title == "Title - Subtitle"
