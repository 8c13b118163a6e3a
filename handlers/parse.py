"""`bibliostat parse`: what the titles of releases say, one JSON object per title."""

from __future__ import annotations

import sys

import click
import msgspec

from domain.title_reading import read_title
from handlers.lines import whole_lines


class _Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """One title as programs read it; null where it does not say."""

    title: str | None
    author: str | None
    """Several people in one text, parted by commas; so for the narrator."""
    series: str | None
    position: str | None
    """`3`, `2.5`, `1-5`."""
    narrator: str | None
    year: int | None
    format: str | None
    """In lower case; the audio format where the title names several."""
    language: str | None
    """ISO 639-1."""
    abridged: bool | None
    kind: str | None


NOTHING = _Parsed(**dict.fromkeys(_Parsed.__struct_fields__))


@click.command()
@click.argument("titles", nargs=-1, metavar="[TITLE… | -]")
def parse(titles: tuple[str, ...]) -> int:
    """What do these release titles say? Without TITLE, or with `-`, reads one title from each line.

    Each answer is one line of JSON with title, author, series, position, narrator, year, format, language, abridged
    and kind; null where the title does not say. Kinds: single, omnibus, part, dramatized, summary, ebook, music,
    video, comic.

    Example: bibliostat parse "L. Frank Baum - Oz 03 - Ozma of Oz (1907) [MP3 64 kbps]"
    """
    from_input = titles in ((), ("-",))
    lines = (line.decode("utf-8", "replace") for line in whole_lines(sys.stdin.buffer))
    for title in lines if from_input else titles:
        # An echo is flushed: whoever asks line by line need not close the pipe to hear the answer.
        click.echo(msgspec.json.encode(_parsed(title)))
    return 0


def _parsed(title: str) -> _Parsed:
    if not title.strip():
        return NOTHING
    read = read_title(title)
    return _Parsed(
        title=read.title,
        author=", ".join(read.authors) or None,
        series=read.series,
        position=read.position.text if read.position else None,
        narrator=", ".join(read.narrators) or None,
        year=read.year,
        format=read.formats[0] if read.formats else None,
        language=read.language,
        abridged=read.abridged,
        kind=read.kind,
    )
