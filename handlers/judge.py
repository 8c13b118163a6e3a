"""`judge`: wanted books and candidates in, verdicts out; by the very rules that the reconciler asks."""

from __future__ import annotations

from typing import BinaryIO

import click
import msgspec

from domain import nodes
from domain.judging import Candidate, Judgement, Wanted, judge_all, want_of
from domain.manifest import ProfileSpec
from handlers.lines import answer_lines


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    wanted: Wanted
    candidates: tuple[Candidate, ...]
    profile: msgspec.Raw = msgspec.Raw(b"null")


@click.command("judge")
@click.argument("files", type=click.File("rb"), nargs=-1, required=True, metavar="FILE…|-")
def judge_command(files: tuple[BinaryIO, ...]) -> int:
    """Which release is that book, and why? Lines {"wanted": {…}, "candidates": […]} in, verdicts of each gate out.

    \b
    wanted      title, authors; perhaps series, position, narrator, language, runtime_min,
                abridged, asin, media (audiobook, any), form (single, omnibus, dramatized)
    candidates  title; perhaps authors, narrators, series [{name, position}], category,
                filetypes, size_bytes, files, seeders, language, tags
    profile     perhaps: as the spec of a Profile document

    Nothing is searched and nothing is stored. Other keys are ignored.

    Example: bibliostat judge cases.jsonl
    """
    for lines in files:
        answer_lines(lines, _judge_line)
    return 0


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
