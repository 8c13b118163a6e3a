"""YAML files -> marked nodes. What the nodes mean is for `domain.manifest` to say.

Reads the parser's events instead of composing documents: so anchors, depth and size are counted before anything grows,
and scalars keep the text that was written, without YAML's own ideas about `no`, `010` or `12:30`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import yaml

from domain.manifest import Declared, Mistake, Place, decode
from domain.nodes import Mapping, Node, Scalar, Sequence

LARGEST_BYTES = 5_000_000
MOST_NODES = 200_000
"""In one file, every alias counted as often as it is used."""
DEEPEST = 50

_SUFFIXES = (".yaml", ".yml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_STANDARD}str"})
_KNOWN_TAGS = _TEXT_TAGS | {
    f"{_STANDARD}{name}" for name in ("int", "float", "bool", "null", "timestamp", "map", "seq")
}


class ManifestFolder:
    """The documents in one file, or in every visible `*.yaml` and `*.yml` below one folder, by name.

    Hidden names are skipped, so the `..data` links of a Kubernetes ConfigMap are not read twice. Parsing is skipped
    while no byte of any file changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.abspath(path))
        self._last: tuple[bytes, Declared | tuple[Mistake, ...]] | None = None

    def read(self) -> Declared | tuple[Mistake, ...]:
        """The whole set, or every mistake in it. What is missing or cannot be read is a mistake, never an empty set."""
        mistakes: list[Mistake] = []
        contents = [(file, read_file(path, file, mistakes)) for file, path in self._files(mistakes)]
        fingerprint = _fingerprint(contents, mistakes)
        if self._last is None or self._last[0] != fingerprint:
            self._last = fingerprint, _decoded(contents, mistakes)
        return self._last[1]

    def _files(self, mistakes: list[Mistake]) -> list[tuple[str, Path]]:
        """Every file to read, with the name that people see: relative to the folder's parent."""
        if not os.path.isdir(self._path):
            return [(_printable(self._path.name), self._path)]
        return list(_below(self._path, _printable(self._path.name), mistakes, set()))


def read_file(path: Path, file: str, mistakes: list[Mistake]) -> bytes:
    """The content of a regular file of at most 5 MB; empty, with a mistake that names it `file`, when refused."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            mistakes.append(_whole(file, f"{path} is not a regular file"))
            return b""
        with path.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as exc:
        mistakes.append(_whole(file, f"{path} cannot be read: {_why(exc)}"))
        return b""
    if len(content) > LARGEST_BYTES:
        mistakes.append(_whole(file, f"is larger than {LARGEST_BYTES // 1_000_000} MB", "split it into several files"))
        return b""
    return content


def read_documents(content: bytes, file: str, mistakes: list[Mistake]) -> tuple[Node, ...]:
    """The root node of each document of one file. After broken YAML: those before it, and a mistake. Never raises."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        mistakes.append(Mistake(place=Place(file=file, line=line), message="this is not UTF-8 text"))
        return ()
    builder = _Builder(file, mistakes)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Refused as refused:
        mistakes.append(refused.mistake)
    except yaml.MarkedYAMLError as exc:
        mistakes.append(_broken(file, exc, len(text.splitlines())))
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        mistakes.append(
            Mistake(place=Place(file=file, line=line), message="holds a character that YAML does not allow")
        )
    except yaml.YAMLError:
        mistakes.append(_whole(file, "this is not YAML"))
    return tuple(builder.documents)


class _Refused(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(place=place, message=message)


@dataclass
class _Open:
    """A list or mapping whose end was not seen yet."""

    place: Place
    anchor: str | None
    mapping: bool
    nodes: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass
class _Builder:
    """Turns the events of one file into nodes, with a stack of its own: depth costs no recursion.

    No message repeats a tag or an alias: somebody's unquoted password may begin with `!` or `*`.
    """

    file: str
    mistakes: list[Mistake]
    documents: list[Node] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    size: int = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.anchors.clear()
            case yaml.ScalarEvent():
                self._count(1, event)
                self._add(self._scalar(event), 1, event.anchor)
            case yaml.AliasEvent():
                node, size = self._alias(event)
                self._count(size, event)
                self._add(node, size, None)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._count(1, event)
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()

    def _place(self, event: yaml.Event) -> Place:
        return Place(file=self.file, line=event.start_mark.line + 1 if event.start_mark is not None else 0)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = not event.style and event.tag not in _TEXT_TAGS
        node = Scalar(text=event.value, place=self._place(event), plain=plain)
        self._check_tag(event.tag, node.place)
        return node

    def _check_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None and tag not in _KNOWN_TAGS:
            hint = "quote the text when it begins with an exclamation mark"
            self.mistakes.append(Mistake(place=place, message="YAML tags are not supported", suggestion=hint))

    def _alias(self, event: yaml.AliasEvent) -> tuple[Node, int]:
        if event.anchor in self.anchors:
            return self.anchors[event.anchor]
        if any(each.anchor == event.anchor for each in self.open):
            raise _Refused(self._place(event), "an alias refers to a node that it is part of")
        raise _Refused(self._place(event), "an alias refers to no anchor above it; quote text that begins with `*`")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        place = self._place(event)
        if len(self.open) == DEEPEST:
            raise _Refused(place, f"is nested deeper than {DEEPEST} levels")
        self._check_tag(event.tag, place)
        self.open.append(_Open(place, event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self.open.pop()
        node = self._mapping(done) if done.mapping else Sequence(items=tuple(done.nodes), place=done.place)
        self._add(node, done.size, done.anchor)

    def _mapping(self, done: _Open) -> Mapping:
        pairs: list[tuple[Scalar, Node]] = []
        for key, value in zip(done.nodes[::2], done.nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.mistakes.append(Mistake(place=key.place, message="a key must be text"))
            elif key.plain and key.text == "<<":
                message = "merge keys (`<<`) are not supported"
                self.mistakes.append(Mistake(place=key.place, message=message, suggestion="write the keys out"))
            else:
                pairs.append((key, value))
        return Mapping(pairs=tuple(pairs), place=done.place)

    def _count(self, size: int, event: yaml.Event) -> None:
        self.size += size
        if self.size > MOST_NODES:
            raise _Refused(self._place(event), f"holds more than {MOST_NODES:,} values")

    def _add(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node, size
        if not self.open:
            self.documents.append(node)
            return
        self.open[-1].nodes.append(node)
        self.open[-1].size += size


def _below(folder: Path, shown: str, mistakes: list[Mistake], seen: set[str]) -> Iterator[tuple[str, Path]]:
    """The files below a folder, in the order of their names; a folder that links lead to again is read once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as exc:
        mistakes.append(_whole(shown, f"{folder} cannot be read: {_why(exc)}"))
        return
    for name in names:
        path, file = folder / name, f"{shown}/{_printable(name)}"
        if os.path.isdir(path):
            yield from _below(path, file, mistakes, seen)
        elif name.endswith(_SUFFIXES):
            yield file, path


def _decoded(contents: Iterable[tuple[str, bytes]], unread: Iterable[Mistake]) -> Declared | tuple[Mistake, ...]:
    broken = list(unread)
    documents: list[Node] = []
    for file, content in contents:
        documents += read_documents(content, file, broken)
    return decode(documents, broken=broken)


def _fingerprint(contents: Iterable[tuple[str, bytes]], mistakes: Iterable[Mistake]) -> bytes:
    digest = blake2b(repr([str(mistake) for mistake in mistakes]).encode())
    for file, content in contents:
        digest.update(repr((file, len(content))).encode())
        digest.update(content)
    return digest.digest()


def _printable(name: str) -> str:
    """A file name that can be shown and stored, even one that is not UTF-8."""
    return os.fsencode(name).decode(errors="replace")


def _whole(file: str, message: str, suggestion: str = "") -> Mistake:
    return Mistake(place=Place(file=file, line=0), message=message, suggestion=suggestion)


def _why(exc: OSError | ValueError) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__


def _broken(file: str, exc: yaml.MarkedYAMLError, lines: int) -> Mistake:
    mark = exc.problem_mark
    hint = "quote text that holds a colon, a # or a leading symbol" if "mapping values" in (exc.problem or "") else ""
    place = Place(file=file, line=min(mark.line + 1, lines) if mark is not None else 0)
    return Mistake(place=place, message=f"this is not YAML: {exc.problem}", suggestion=hint)
