"""Commands for programs that ask in bulk: one JSON object per line in, one per line out, each as soon as it is read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

import click
import msgspec

from domain.comparing import KINDS, Comparison, Context, Kind, compare
from domain.recordings import Match, Measured, Record, pick

LONGEST_LINE = 4_000_000
"""Bytes of one line; of a longer one only so many are read, and where JSON is asked for that is an error."""

WORDS = {True: "same", False: "different", None: "unsure"}


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    series: str | None = None
    authors: tuple[str, ...] = ()
    position: str | float | None = None
    """The place of both in that series, where it is known to be one place."""


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    a: str
    b: str
    kind: Kind | None = None
    context: _Beside = _Beside()


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    item: Measured
    candidates: tuple[Record, ...]


class _Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """What is written for a line that cannot be answered."""

    error: str = "LineNotUnderstood"
    line: int
    message: str


@click.command()
@click.argument("names", nargs=-1, metavar="A B | -")
@click.option("--kind", type=click.Choice(KINDS), help="What the names name; for lines, those that do not say.")
@click.option("--json", "json_", is_flag=True, help="Print JSON for programs.")
def same(names: tuple[str, ...], kind: Kind | None, json_: bool) -> int:
    """Do A and B name the same author, title or series? `-` reads lines {"a": …, "b": …, "kind": …}.

    The answer is yes, no or unsure (in JSON: true, false, null), with a score from 0 to 1 and the reason.

    Example: bibliostat same --kind author "L. Frank Baum" "Baum, L. Frank"
    """
    if names == ("-",):
        answer_lines(sys.stdin.buffer, lambda line: _compare_line(line, kind))
        return 0
    if len(names) != 2 or kind is None:
        raise click.UsageError("give --kind and two names, or a single - to read lines of JSON")
    told = compare(kind, *names)
    if json_:
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(f"{WORDS[told.same]} ({told.score:.2f}): {told.because}")
    return 0


@click.command()
@click.argument("lines", type=click.File("rb"), metavar="FILE|-")
def match(lines: BinaryIO) -> int:
    """Which record is this very recording? Lines {"item": {…}, "candidates": […]} in, {"match": index or null} out.

    An item has path, title, author, runtime_min; a candidate asin, title, authors, narrators, runtime_min.

    Example: echo '{"item": {"title": "Ozma of Oz", "runtime_min": 271}, "candidates": []}' | bibliostat match -
    """
    answer_lines(lines, _match_line)
    return 0


def _compare_line(line: bytes, kind: Kind | None) -> Comparison:
    pair = msgspec.json.decode(line, type=_Pair)
    asked = pair.kind or kind
    if asked is None:
        raise msgspec.ValidationError("Object missing required field `kind`")
    beside = pair.context
    known = Context(series=beside.series, authors=beside.authors, same_position=beside.position is not None)
    return compare(asked, pair.a, pair.b, known)


def _match_line(line: bytes) -> Match:
    case = msgspec.json.decode(line, type=_Case)
    return pick(case.item, case.candidates)


def answer_lines(lines: BinaryIO, answer: Callable[[bytes], msgspec.Struct]) -> None:
    """Write one answer for each line, at once; a line that is not understood costs only its own answer."""
    for number, line in enumerate(whole_lines(lines), 1):
        told: msgspec.Struct
        try:
            told = answer(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as mistake:
            told = _Mistake(line=number, message=f"line {number} cannot be answered: {mistake}")
        click.echo(msgspec.json.encode(told))


def whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines as they arrive; of one that is too long only its beginning, which is no JSON."""
    while line := stream.readline(LONGEST_LINE):
        rest = line
        while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
        yield line
