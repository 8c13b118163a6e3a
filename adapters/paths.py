"""Where the files of another machine (or container) stand on this one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath


class PathMap:
    """Remote prefix -> local prefix. The longest prefix of whole components wins; other paths stay as they are."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        known = {PurePosixPath(remote): PurePosixPath(local) for remote, local in pairs}
        self._pairs = sorted(known.items(), key=lambda pair: len(pair[0].parts), reverse=True)

    def local(self, remote: str) -> str:
        """`remote` as this machine sees it. Nothing is looked up on disk."""
        path = PurePosixPath(remote)
        for prefix, replacement in self._pairs:
            if path.is_relative_to(prefix):
                return str(replacement / path.relative_to(prefix))
        return remote
