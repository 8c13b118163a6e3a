"""Makes torrent files out of files on disk: v1, v2 or hybrid."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Literal

from bencode2 import bencode

Version = Literal["v1", "v2", "hybrid"]

PIECE_BYTES = 64 * 1024
BLOCK_BYTES = 16 * 1024
_BLOCKS_PER_PIECE = PIECE_BYTES // BLOCK_BYTES
_EMPTY = bytes(32)

Content = list[tuple[tuple[str, ...], bytes]]
"""Each file's path below the torrent's folder (empty for a lone file) and what is in it."""


def make_torrent(
    source: Path,
    *,
    announce: str | None = None,
    private: bool = False,
    name: str | None = None,
    version: Version = "v1",
) -> bytes:
    """The bytes of a torrent over one file, or over every file below a folder, in the order of their paths."""
    name = name or source.name
    content = _content(source)
    info: dict[str, Any] = {"name": name, "piece length": PIECE_BYTES}
    if private:
        info["private"] = 1
    torrent: dict[str, Any] = {"info": info}
    if announce:
        torrent["announce"] = announce
    if version != "v1":
        trees = {path: _piece_layer(body) for path, body in content}
        info |= {"meta version": 2, "file tree": _file_tree(content, trees, name)}
        torrent["piece layers"] = {root: b"".join(layer) for root, layer in trees.values() if len(layer) > 1}
    if version != "v2":
        info |= _v1_part(content, padded=version == "hybrid")
    return bencode(torrent)


def _content(source: Path) -> Content:
    if source.is_file():
        return [((), source.read_bytes())]
    found = sorted(path for path in source.rglob("*") if path.is_file())
    return [(path.relative_to(source).parts, path.read_bytes()) for path in found]


def _v1_part(content: Content, *, padded: bool) -> dict[str, Any]:
    if content[0][0] == ():
        [(_, body)] = content
        return {"length": len(body), "pieces": _piece_hashes(body)}
    files = list(_v1_files(content, padded=padded))
    stream = b"".join(body for _, body in files)
    return {"files": [entry for entry, _ in files], "pieces": _piece_hashes(stream)}


def _v1_files(content: Content, *, padded: bool) -> Iterator[tuple[dict[str, Any], bytes]]:
    """In a hybrid every file but the last is padded to a whole piece, so that both versions share their pieces."""
    for number, (path, body) in enumerate(content, start=1):
        yield {"length": len(body), "path": list(path)}, body
        gap = -len(body) % PIECE_BYTES
        if padded and gap and number < len(content):
            yield {"attr": "p", "length": gap, "path": [".pad", str(gap)]}, bytes(gap)


def _piece_hashes(stream: bytes) -> bytes:
    return b"".join(sha1(stream[at : at + PIECE_BYTES]).digest() for at in range(0, len(stream), PIECE_BYTES))


def _file_tree(content: Content, trees: dict[tuple[str, ...], tuple[bytes, list[bytes]]], name: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, body in content:
        node = tree
        for part in path or (name,):
            node = node.setdefault(part, {})
        node[""] = {"length": len(body)} | ({"pieces root": trees[path][0]} if body else {})
    return tree


def _piece_layer(body: bytes) -> tuple[bytes, list[bytes]]:
    """The root of the file's hash tree and the hashes of its pieces (a file of one piece has no layer of its own)."""
    blocks = [sha256(body[at : at + BLOCK_BYTES]).digest() for at in range(0, len(body), BLOCK_BYTES)]
    if len(body) <= PIECE_BYTES:
        return _root(blocks, _power_of_two(len(blocks)), _EMPTY), []
    layer = [
        _root(blocks[at : at + _BLOCKS_PER_PIECE], _BLOCKS_PER_PIECE, _EMPTY)
        for at in range(0, len(blocks), _BLOCKS_PER_PIECE)
    ]
    empty_piece = _root([], _BLOCKS_PER_PIECE, _EMPTY)
    return _root(layer, _power_of_two(len(layer)), empty_piece), layer


def _root(leaves: list[bytes], width: int, filler: bytes) -> bytes:
    level = leaves + [filler] * (width - len(leaves))
    while len(level) > 1:
        level = [sha256(level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
    return level[0]


def _power_of_two(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()
