"""Reads torrent files and magnet links: their ids and, for a file, what it holds. Whatever comes in may be hostile.

The id is a hash over the raw bytes of the `info` dictionary, cut out and never encoded again: any other way of
writing the same values would be another torrent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import parse_qsl

from bencode2 import bdecode

from domain.errors import Unfit
from domain.releases import Payload, TorrentFile

MAX_BYTES = 20 * 1024 * 1024
MAX_FILES = 10_000
MAX_MAGNET_CHARS = 64 * 1024
_MAX_TOKENS = 1_000_000  # a torrent of MAX_FILES needs a seventh of it; decoding far more would eat the memory
_MAX_SIZE_BYTES = 1 << 53
_MAX_DEPTH = 64
_TOKEN = re.compile(rb"(?P<open>[dl])|(?P<close>e)|i-?[0-9]{1,20}e|(?P<length>[0-9]{1,9}):")
_UNSAFE_CHARACTERS = re.compile(r"[\x00-\x1f\x7f/\\]")
_DRIVE = re.compile(r"[A-Za-z]:(?!\s)")
_PADDING = re.compile(r"_{4,5}padding_file")
_SHA256_MULTIHASH = "1220"


def read_torrent(content: bytes) -> Payload:
    """The payload with its ids and files; paths start with the torrent's own folder when it has one.

    `Unfit` with code TorrentNotBencoded, TorrentInvalid, TorrentTooBig, TorrentTooManyFiles, TorrentUnsafePath or
    TorrentBadSize; nothing else, whatever the bytes are.
    """
    if len(content) > MAX_BYTES:
        raise Unfit(f"The torrent file is larger than {MAX_BYTES >> 20} MiB.", code="TorrentTooBig")
    raw = _raw_info(content)
    info = _decoded(raw)
    is_v1, is_v2 = _versions(info)
    name = _component(info.get(b"name.utf-8", info.get(b"name")))
    entries = _tree_entries(info, name) if is_v2 else _v1_entries(info, name)
    return Payload(
        content=content,
        infohash_v1=sha1(raw).hexdigest() if is_v1 else None,
        infohash_v2=sha256(raw).hexdigest() if is_v2 else None,
        name=name,
        files=_collected(entries),
    )


def read_magnet(link: str) -> Payload:
    """The payload of a magnet link; `Unfit` MagnetInvalid when it names no torrent or more than one."""
    # Download clients take several links separated by newlines: white space would smuggle in a second one.
    if len(link) > MAX_MAGNET_CHARS or not link.lower().startswith("magnet:?") or re.search(r"[\s\x00-\x1f\x7f]", link):
        raise _invalid_magnet("is no magnet link")
    try:
        fields = parse_qsl(link[len("magnet:?") :], max_num_fields=1000)
    except ValueError:
        raise _invalid_magnet("cannot be read") from None
    topics = [value for key, value in fields if re.fullmatch(r"xt(\.\d+)?", key.lower())]
    v1 = {found for topic in topics if (found := _v1_topic(topic))}
    v2 = {found for topic in topics if (found := _v2_topic(topic))}
    if not v1 and not v2:
        raise _invalid_magnet("names no torrent")
    if len(v1) > 1 or len(v2) > 1:
        raise _invalid_magnet("names several torrents")
    name = next((value for key, value in fields if key.lower() == "dn"), "")
    return Payload(
        magnet=link,
        infohash_v1=next(iter(v1), None),
        infohash_v2=next(iter(v2), None),
        name=_UNSAFE_CHARACTERS.sub(" ", name).strip(),
    )


def _raw_info(content: bytes) -> bytes:
    """The bytes of the top dictionary's `info` value, found without decoding anything."""
    if content[:1] != b"d":
        raise _not_bencoded()
    scanner, at, raw = _Scanner(content), 1, None
    while content[at : at + 1] != b"e":
        value_at = scanner.end_of_value(at)
        value_end = scanner.end_of_value(value_at)
        if content[at:value_at] == b"4:info":
            if raw is not None:
                raise _invalid("holds two info dictionaries")
            raw = content[value_at:value_end]
        at = value_end
    if raw is None:
        raise _invalid("holds no info dictionary")
    return raw


class _Scanner:
    """Walks over bencoded values. Iterative, so that no nesting is too deep for it; bounded in what it walks over."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._tokens = 0

    def end_of_value(self, at: int) -> int:
        depth = 0
        while True:
            token = _TOKEN.match(self._content, at)
            if token is None:
                raise _not_bencoded()
            self._count()
            at = token.end() + int(token["length"] or 0)
            depth += bool(token["open"]) - bool(token["close"])
            if depth < 0 or at > len(self._content):
                raise _not_bencoded()
            if depth == 0:
                return at

    def _count(self) -> None:
        self._tokens += 1
        if self._tokens > _MAX_TOKENS:
            raise Unfit("The torrent file holds more than a million values.", code="TorrentTooManyFiles")


def _decoded(raw: bytes) -> dict[bytes, Any]:
    try:
        info = bdecode(raw)
    except (ValueError, RecursionError):
        raise _not_bencoded() from None
    if not isinstance(info, dict):
        raise _invalid("has an info value that is no dictionary")
    return info


def _versions(info: dict[bytes, Any]) -> tuple[bool, bool]:
    """Whether it is a v1 and whether it is a v2 torrent; a hybrid is both."""
    version = info.get(b"meta version", 1)
    if version not in (1, 2):
        raise _invalid("is of an unknown version")
    pieces, is_v2 = info.get(b"pieces"), version == 2
    if pieces is None and is_v2:
        return False, True
    if not isinstance(pieces, bytes) or not pieces or len(pieces) % 20:
        raise _invalid("has no usable list of pieces")
    return True, is_v2


Entry = tuple[tuple[str, ...], object, bytes]
"""Path, size as found, attributes."""


def _v1_entries(info: dict[bytes, Any], name: str) -> Iterator[Entry]:
    if b"files" not in info:
        yield (name,), info.get(b"length"), _attributes(info)
        return
    listed = info[b"files"]
    if not isinstance(listed, list):
        raise _invalid("has a file list that is no list")
    for entry in listed:
        path = entry.get(b"path.utf-8", entry.get(b"path")) if isinstance(entry, dict) else None
        if not isinstance(path, list) or not path:
            raise _invalid("lists a file without a path")
        yield (name, *map(_component, path)), entry.get(b"length"), _attributes(entry)


def _tree_entries(info: dict[bytes, Any], name: str) -> Iterator[Entry]:
    tree = info.get(b"file tree")
    if not isinstance(tree, dict):
        raise _invalid("has no file tree")
    # One file directly under the root, called like the torrent, means: no folder.
    [*firsts] = tree.items()
    single = len(firsts) == 1 and _component(firsts[0][0]) == name and _is_leaf(firsts[0][1])
    pending: list[tuple[tuple[str, ...], object]] = [(() if single else (name,), tree)]
    while pending:
        path, node = pending.pop()
        if not isinstance(node, dict) or not node:
            raise _invalid("has an empty or broken branch in its file tree")
        if len(path) > _MAX_DEPTH:
            raise _unsafe_path("is nested too deeply")
        if _is_leaf(node):
            leaf = node[b""]
            yield path, leaf.get(b"length"), _attributes(leaf)
        else:
            pending.extend(((*path, _component(key)), child) for key, child in reversed(node.items()))


def _is_leaf(node: object) -> bool:
    return isinstance(node, dict) and len(node) == 1 and isinstance(node.get(b""), dict)


def _attributes(entry: dict[bytes, Any]) -> bytes:
    attributes = entry.get(b"attr", b"")
    return attributes if isinstance(attributes, bytes) else b""


def _collected(entries: Iterator[Entry]) -> tuple[TorrentFile, ...]:
    files: list[TorrentFile] = []
    for count, (path, size, attributes) in enumerate(entries, start=1):
        if count > MAX_FILES:
            raise Unfit(f"The torrent lists more than {MAX_FILES} files.", code="TorrentTooManyFiles")
        if len(path) > _MAX_DEPTH:
            raise _unsafe_path("is nested too deeply")
        if b"l" in attributes:
            raise _unsafe_path("is a symbolic link")
        if not isinstance(size, int) or not 0 <= size <= _MAX_SIZE_BYTES:
            raise Unfit("The torrent states an impossible file size.", code="TorrentBadSize")
        if b"p" not in attributes and not _is_padding(path):
            files.append(TorrentFile(path="/".join(path), size_bytes=size))
    if not files:
        raise _invalid("holds no file")
    return tuple(files)


def _is_padding(path: tuple[str, ...]) -> bool:
    return ".pad" in path[1:-1] or _PADDING.match(path[-1].lstrip(".")) is not None


def _component(raw: object) -> str:
    """One part of a path as text, refused when it could lead anywhere but down."""
    if not isinstance(raw, bytes):
        raise _invalid("has a name that is no text")
    text = raw.decode("utf-8", errors="replace")
    if not text.strip() or text in (".", "..") or _UNSAFE_CHARACTERS.search(text) or _DRIVE.match(text):
        raise _unsafe_path("could lead out of the download folder")
    return text


def _v1_topic(topic: str) -> str | None:
    found = re.fullmatch(r"urn:btih:(?:([0-9a-f]{40})|([a-z2-7]{32}))", topic.lower())
    if found is None:
        return None
    return found[1] or base64.b32decode(found[2].upper()).hex()


def _v2_topic(topic: str) -> str | None:
    found = re.fullmatch(rf"urn:btmh:{_SHA256_MULTIHASH}([0-9a-f]{{64}})", topic.lower())
    return found[1] if found else None


def _not_bencoded() -> Unfit:
    return Unfit(
        "What came is not a torrent file (an error page or a cut download, perhaps).", code="TorrentNotBencoded"
    )


def _invalid(what: str) -> Unfit:
    return Unfit(f"The torrent file {what}.", code="TorrentInvalid")


def _unsafe_path(why: str) -> Unfit:
    return Unfit(f"The torrent names a file that {why}.", code="TorrentUnsafePath")


def _invalid_magnet(why: str) -> Unfit:
    return Unfit(f"The magnet link {why}.", code="MagnetInvalid")
