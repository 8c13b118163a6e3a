"""`judge`: wanted books and candidates in, verdicts out; by the very rules that the reconciler asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, cast

import click
import msgspec

from domain import nodes
from domain.judging import Candidate, Judgement, Wanted, judge_all, want_of
from domain.manifest import ProfileSpec
from handlers import lines as bulk


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    wanted: Wanted
    candidates: tuple[Candidate, ...]
    profile: msgspec.Raw = msgspec.Raw(b"null")


@click.command("judge")
@click.argument("lines", type=click.File("rb"), metavar="FILE|-")
def judge_command(lines: BinaryIO) -> int:
    """Which release is that book, and why? Lines {"wanted": {…}, "candidates": […]} in, verdicts of each gate out.

    A line may hold a "profile", written as the spec of a Profile document. Nothing is searched and nothing is stored.

    Example: bibliostat judge cases.jsonl
    """
    answer_lines(lines, _judge_line)
    return 0


answer_lines = cast(Callable[[BinaryIO, Callable[[bytes], msgspec.Struct]], None], bulk._answer)
"""One answer for each line, written as soon as it is read; a bad line costs only its own answer."""


def _judge_line(line: bytes) -> Judgement:
    read = msgspec.json.decode(line, type=_Line)
    return judge_all(want_of(read.wanted, _profile(read.profile)), read.candidates)


def _profile(raw: msgspec.Raw) -> ProfileSpec:
    """Read as strictly as a Profile in YAML; `ValidationError` with every mistake."""
    given = msgspec.json.decode(raw)
    if given is None:
        return ProfileSpec()
    mistakes: list[nodes.Mistake] = []
    spec = nodes.read_as(_node(given), ProfileSpec, mistakes, path="profile")
    if isinstance(spec, ProfileSpec):
        return spec
    raise msgspec.ValidationError("; ".join(map(str, mistakes)) or "`profile` is no Profile")


_LINE = nodes.Place(file="line", line=0)


def _node(value: object) -> nodes.Node:
    if isinstance(value, dict):
        pairs = ((nodes.Scalar(text=str(key), place=_LINE), _node(one)) for key, one in value.items())
        return nodes.Mapping(pairs=tuple(pairs), place=_LINE)
    if isinstance(value, list):
        return nodes.Sequence(items=tuple(_node(one) for one in value), place=_LINE)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return nodes.Scalar(text=text, place=_LINE, plain=not isinstance(value, str))
