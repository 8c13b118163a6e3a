"""Of which formats an item's audio is, as the recorded answer of a real server tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from adapters.audiobookshelf import wire

FIXTURES = Path(__file__).parent.parent / "fixtures" / "audiobookshelf"


def rows(name: str, kind: Any) -> Any:
    return msgspec.convert(json.loads((FIXTURES / f"{name}.json").read_text())["response"]["body"], kind)


def test_an_item_tells_the_formats_of_its_audio():
    items = [wire.item_of(full) for full in rows("items-batch-get", wire.Batch).library_items]

    assert {item.formats for item in items if item.tracks} <= {("m4b",), ("mp3",)}
    assert all(item.formats for item in items if item.tracks)


def test_audio_that_the_server_leaves_out_does_not_count_and_an_ending_in_capitals_does():
    [full, *_] = rows("items-batch-get", wire.Batch).library_items
    audio = (
        wire.Audio(metadata=wire.OnDisk(ext=".MP3")),
        wire.Audio(metadata=wire.OnDisk(ext=".flac"), exclude=True),
        wire.Audio(metadata=wire.OnDisk(ext=".mp3")),
    )
    media = msgspec.structs.replace(full.media, audio_files=audio)

    assert wire.item_of(msgspec.structs.replace(full, media=media)).formats == ("mp3",)


def row_of(full: wire.Full) -> wire.Row:
    """The same item as a list shows it."""
    said, item = full.media.metadata, wire.item_of(full)
    metadata = wire.RowMetadata(
        title=said.title,
        subtitle=said.subtitle,
        author_name=", ".join(item.authors),
        narrator_name=", ".join(item.narrators),
        series_name=", ".join(f"{one.name} #{one.position}" if one.position else one.name for one in item.series),
        published_year=said.published_year,
        isbn=said.isbn,
        asin=said.asin,
        language=said.language,
        abridged=said.abridged,
    )
    media = wire.RowMedia(metadata=metadata, num_tracks=full.media.num_tracks, duration=full.media.duration)
    same = {name: getattr(full, name) for name in wire.Row.__struct_fields__ if name != "media"}
    return wire.Row(**same, media=media)


def test_an_item_that_was_kept_without_formats_is_read_once_more():
    for full in rows("items-batch-get", wire.Batch).library_items:
        item = wire.item_of(full)

        assert wire.still_true(row_of(full), item)
        assert not wire.still_true(row_of(full), msgspec.structs.replace(item, formats=()))
