"""What people write, before it means anything: marked nodes, and reading them strictly into structs.

An adapter makes the nodes (from YAML, from the environment); `read_as` walks the types of a struct beside them and
reports every mistake at once instead of stopping at the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect
from rapidfuzz import fuzz, process


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document or a key stands: for people, and to prove where a want comes from."""

    file: str
    line: int
    """Counted from 1; 0 when there are no lines, as in an environment variable or a folder."""
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}" if self.path else where


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in what was declared: where, what, and what to write instead."""

    place: Place
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.suggestion})" if self.suggestion else "")


class Objection(msgspec.Struct, frozen=True):
    """Why a value cannot stand, and what to write instead: a mistake that does not know its place."""

    message: str
    suggestion: str = ""


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """One value, as the text that was written. What it means depends on the field that reads it."""

    text: str
    place: Place
    plain: bool = True
    """False when it was quoted: then it is text, never a number, a truth value or nothing."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """Keys with values, in the order written. A key may stand there twice: that is for the reader to refuse."""

    pairs: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        return next((value for name, value in self.pairs if name.text == key), None)


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """A list of values."""

    items: tuple[Node, ...]
    place: Place


Node = Scalar | Mapping | Sequence

Number = TypeVar("Number", int, float)

Rule = Callable[[Any], Any]
"""Takes a value of the right type and gives back its one canonical form, or an `Objection`."""


class Wrong(Enum):
    """The answer of a reading that was refused; the reasons are among the mistakes."""

    WRONG = "wrong"


WRONG = Wrong.WRONG
IS_MISSING = "is missing"

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TRUTH_ELSEWHERE = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DIGITS = 18
"""Longer whole numbers fit no column of any store."""


def read_as(node: Node, wanted: Any, mistakes: list[Mistake], *, path: str = "") -> Any:
    """The node as a value of the type `wanted`, or `WRONG` after appending every reason to `mistakes`.

    Strict: unknown, missing and repeated keys and wrong types are mistakes. A text field takes any scalar as it was
    written (`1984`, `no`, `0.5`). A type may carry `Meta(extra={"rule": rule})`; see `Rule`. Never raises.
    """
    return _read(node, _described(wanted), path, mistakes)


def is_null(node: Node | None) -> bool:
    """Whether nothing is written there: absent, empty, `~` or `null`."""
    return node is None or (isinstance(node, Scalar) and node.plain and node.text in _NULLS)


def text_of(node: Node | None, *keys: str) -> str | None:
    """The text found by following the keys; None when the way or a scalar at its end is missing."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node.text.strip() if isinstance(node, Scalar) and not is_null(node) else None


def located(node: Node, path: str) -> Place:
    """Where the node stands, with the path that leads to it."""
    return Place(file=node.place.file, line=node.place.line, path=path)


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 60.0) -> str | None:
    """The choice that somebody who wrote `word` most probably meant; None when none is near."""
    found = process.extractOne(
        word[:100].casefold(), tuple(choices), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=cutoff
    )
    return found[0] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A suggestion: the nearest choice, or all of them when none is near."""
    known = sorted(choices)
    guess = known[0] if len(known) == 1 else nearest(word, known)
    if guess is not None:
        return f"did you mean `{guess}`?"
    return f"known are {', '.join(known)}" if known else ""


def shown(text: str) -> str:
    """A text of somebody else, fit for one line of a message."""
    printable = _UNPRINTABLE.sub("�", text)
    return f"`{printable}`" if len(printable) <= 60 else f"`{printable[:59]}…`"


@lru_cache(maxsize=128)
def _described(wanted: Any) -> inspect.Type:
    return inspect.type_info(wanted)


def _read(node: Node, kind: inspect.Type, path: str, mistakes: list[Mistake]) -> Any:
    match kind:
        case inspect.Metadata():
            return _ruled(node, kind, path, mistakes)
        case inspect.UnionType():
            return _read_union(node, kind, path, mistakes)
        case inspect.StructType():
            return _read_struct(node, kind, path, mistakes)
        case inspect.VarTupleType():
            return _read_tuple(node, kind, path, mistakes)
        case inspect.DictType():
            return _read_dict(node, kind, path, mistakes)
        case inspect.AnyType():
            return node
        case _:
            return _read_scalar(node, kind, path, mistakes)


def _settled(answer: Any, node: Node, path: str, mistakes: list[Mistake]) -> Any:
    """The answer itself, unless it is an objection: then that, with its place, among the mistakes."""
    if not isinstance(answer, Objection):
        return answer
    mistakes.append(Mistake(place=located(node, path), message=answer.message, suggestion=answer.suggestion))
    return WRONG


def _ruled(node: Node, kind: inspect.Metadata, path: str, mistakes: list[Mistake]) -> Any:
    value = _read(node, kind.type, path, mistakes)
    rule: Rule | None = (kind.extra or {}).get("rule")
    if value is WRONG or rule is None:
        return value
    return _settled(rule(value), node, path, mistakes)


def _read_union(node: Node, kind: inspect.UnionType, path: str, mistakes: list[Mistake]) -> Any:
    """The alternative of the shape that was written: nothing, a scalar, a list or a mapping."""
    if kind.includes_none and is_null(node):
        return None
    rest = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
    chosen = next((each for each in rest if _shape(each) is type(node)), rest[0])
    if isinstance(node, Scalar) and isinstance(chosen, inspect.LiteralType) and len(rest) > 1:
        return _settled(_choice_or_list(node, chosen), node, path, mistakes)
    return _read(node, chosen, path, mistakes)


def _shape(kind: inspect.Type) -> type[Scalar | Mapping | Sequence]:
    match kind:
        case inspect.Metadata():
            return _shape(kind.type)
        case inspect.StructType() | inspect.DictType():
            return Mapping
        case inspect.VarTupleType():
            return Sequence
        case _:
            return Scalar


def _read_struct(node: Node, kind: inspect.StructType, path: str, mistakes: list[Mistake]) -> Any:
    if not isinstance(node, Mapping):
        return _settled(_not_a_mapping(node), node, path, mistakes)
    before = len(mistakes)
    fields = {field.encode_name: field for field in kind.fields}
    values: dict[str, Any] = {}
    for key, value in _unique(node, path, mistakes):
        field = fields.get(key.text)
        if field is None:
            hint = did_you_mean(key.text, fields)
            place = located(key, _joined(path, key.text))
            mistakes.append(Mistake(place=place, message=f"unknown key {shown(key.text)}", suggestion=hint))
        else:
            values[field.name] = _read(value, field.type, _joined(path, key.text), mistakes)
    for field in kind.fields:
        if field.required and field.name not in values:
            place = located(node, _joined(path, field.encode_name))
            mistakes.append(Mistake(place=place, message=f"`{field.encode_name}` {IS_MISSING}"))
    return kind.cls(**values) if len(mistakes) == before else WRONG


def _read_tuple(node: Node, kind: inspect.VarTupleType, path: str, mistakes: list[Mistake]) -> Any:
    if not isinstance(node, Sequence):
        return _settled(_not_a_list(node, kind.item_type), node, path, mistakes)
    if len(node.items) < (kind.min_length or 0):
        return _settled(Objection("must not be an empty list"), node, path, mistakes)
    before = len(mistakes)
    values = [_read(item, kind.item_type, f"{path}[{index}]", mistakes) for index, item in enumerate(node.items)]
    return tuple(values) if len(mistakes) == before else WRONG


def _read_dict(node: Node, kind: inspect.DictType, path: str, mistakes: list[Mistake]) -> Any:
    if not isinstance(node, Mapping):
        return _settled(_not_a_mapping(node), node, path, mistakes)
    before = len(mistakes)
    values = {
        _read(key, kind.key_type, _joined(path, key.text), mistakes): _read(
            value, kind.value_type, _joined(path, key.text), mistakes
        )
        for key, value in _unique(node, path, mistakes)
    }
    return values if len(mistakes) == before else WRONG


def _unique(node: Mapping, path: str, mistakes: list[Mistake]) -> Iterator[tuple[Scalar, Node]]:
    first: dict[str, Scalar] = {}
    for key, value in node.pairs:
        if key.text not in first:
            first[key.text] = key
            yield key, value
            continue
        message = f"{shown(key.text)} is written twice; the first is at {first[key.text].place}"
        place = located(key, _joined(path, key.text))
        mistakes.append(Mistake(place=place, message=message, suggestion="keep one of them"))


def _read_scalar(node: Node, kind: inspect.Type, path: str, mistakes: list[Mistake]) -> Any:
    answer = _parsed(node, kind) if isinstance(node, Scalar) else Objection(f"must be {_name(kind)}, not {_what(node)}")
    return _settled(answer, node, path, mistakes)


def _parsed(node: Scalar, kind: inspect.Type) -> Any:
    match kind:
        case inspect.StrType():
            return _text(node, kind)
        case inspect.BoolType():
            return _truth(node)
        case inspect.IntType():
            return _whole_number(node, kind)
        case inspect.FloatType():
            return _number(node, kind)
        case inspect.DateType():
            return _date(node)
        case inspect.LiteralType():
            return _choice(node, kind)
        case inspect.CustomType():
            return Objection("is empty") if is_null(node) else kind.cls(node.text)
        case _:
            return Objection(f"must be {_name(kind)}")


def _text(node: Scalar, kind: inspect.StrType) -> str | Objection:
    text = "" if node.plain and node.text == "~" else node.text.strip()
    if len(text) < (kind.min_length or 0):
        return Objection("is empty")
    if kind.max_length is not None and len(text) > kind.max_length:
        return Objection(f"is {len(text)} characters long; at most {kind.max_length} are allowed")
    if _UNPRINTABLE.search(text):
        return Objection("holds a line break or a control character", "write it on one line")
    return text


def _truth(node: Scalar) -> bool | Objection:
    if node.plain and node.text in _TRUTH:
        return _TRUTH[node.text]
    hint = _TRUTH_ELSEWHERE.get(node.text.casefold()) or nearest(node.text, ("true", "false"))
    return Objection(f"must be true or false, not {_written(node)}", f"write `{hint}`" if hint else "")


def _whole_number(node: Scalar, kind: inspect.IntType) -> int | Objection:
    if not node.plain or not _WHOLE.fullmatch(node.text):
        return _not_a_number(node, "a whole number", _WHOLE)
    if len(node.text) > _DIGITS:
        return Objection(f"{shown(node.text)} is out of range")
    return _bounded(int(node.text), kind)


def _number(node: Scalar, kind: inspect.FloatType) -> float | Objection:
    if not node.plain or not _NUMBER.fullmatch(node.text):
        return _not_a_number(node, "a number", _NUMBER)
    value = float(node.text)
    return _bounded(value, kind) if math.isfinite(value) else Objection(f"{shown(node.text)} is out of range")


def _bounded(value: Number, kind: inspect.IntType | inspect.FloatType) -> Number | Objection:
    if (kind.ge is not None and value < kind.ge) or (kind.gt is not None and value <= kind.gt):
        least = f"at least {kind.ge:g}" if kind.ge is not None else f"more than {kind.gt:g}"
        return Objection(f"must be {least}, not {value}")
    if (kind.le is not None and value > kind.le) or (kind.lt is not None and value >= kind.lt):
        most = f"at most {kind.le:g}" if kind.le is not None else f"less than {kind.lt:g}"
        return Objection(f"must be {most}, not {value}")
    return value


def _date(node: Scalar) -> date | Objection:
    if _DATE.fullmatch(node.text):
        try:
            return date.fromisoformat(node.text)
        except ValueError:
            return Objection(f"there is no day {shown(node.text)}")
    return Objection(f"must be a date, not {_written(node)}", "write it as YYYY-MM-DD")


def _choice(node: Scalar, kind: inspect.LiteralType) -> str | Objection:
    text = node.text.strip()
    choices = [str(value) for value in kind.values]
    if text in choices:
        return text
    guess = did_you_mean(text, choices) if len(choices) == 1 or nearest(text, choices) else ""
    return Objection(f"must be {_name(kind)}, not {_written(node)}", guess)


def _choice_or_list(node: Scalar, kind: inspect.LiteralType) -> str | Objection:
    answer = _choice(node, kind)
    if isinstance(answer, str):
        return answer
    hint = answer.suggestion or f"write {shown(f'[{node.text}]')}"
    return Objection(f"must be {_name(kind)} or a list, not {_written(node)}", hint)


def _name(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _name(kind.type)
        case inspect.LiteralType() if len(kind.values) == 1:
            return f"`{kind.values[0]}`"
        case inspect.LiteralType():
            return f"one of {', '.join(str(value) for value in kind.values)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.DateType():
            return "a date"
        case _:
            return "text"


def _what(node: Node) -> str:
    return {Scalar: "a single value", Mapping: "a mapping", Sequence: "a list"}[type(node)]


def _written(node: Scalar) -> str:
    return "nothing" if is_null(node) else shown(node.text)


def _not_a_number(node: Scalar, wanted: str, form: re.Pattern[str]) -> Objection:
    if not node.plain and form.fullmatch(node.text):
        return Objection(f"must be {wanted}, not the text {shown(node.text)}", "take the quotes off")
    return Objection(f"must be {wanted}, not {_written(node)}")


def _not_a_mapping(node: Node) -> Objection:
    nothing = is_null(node)
    return Objection(f"must be a mapping, not {'nothing' if nothing else _what(node)}", "write `{}`" if nothing else "")


def _not_a_list(node: Node, item: inspect.Type) -> Objection:
    if is_null(node):
        return Objection("must be a list, not nothing", "write `[]`")
    hint = f"write {shown(f'[{node.text}]')}" if isinstance(node, Scalar) and _shape(item) is Scalar else ""
    return Objection(f"must be a list, not {_what(node)}", hint)


def _joined(path: str, key: str) -> str:
    name = shown(key).strip("`")
    return f"{path}.{name}" if path else name
