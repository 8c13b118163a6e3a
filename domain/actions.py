"""What a plan may decide. Doing nothing is a decision too, and each decision carries its reason."""

from __future__ import annotations

import msgspec

from domain.metadata import ItemMetadata
from domain.releases import Release


class Reason(msgspec.Struct, frozen=True):
    """Why: `code` is CamelCase and stable, `message` is for people. The executor never branches on it."""

    code: str
    message: str


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="action"):
    """Leave this want alone for now."""

    want: str
    because: Reason


class Search(msgspec.Struct, frozen=True, tag="search", tag_field="action"):
    """Ask the indexers for this want."""

    want: str
    because: Reason


class Grab(msgspec.Struct, frozen=True, tag="grab", tag_field="action"):
    """Hand this release to the download client, at most once per attempt."""

    want: str
    release: Release
    attempt: int
    because: Reason
    serves: tuple[str, ...] = ()
    """Other wants for which this release, a pack, is taken as well."""
    replaces: str = ""
    """The folder of the library item, relative to the library, that its book shall take the place of."""


class Settle(msgspec.Struct, frozen=True, tag="settle", tag_field="action"):
    """Write down how an earlier grab ended, now that the download client was looked at."""

    want: str
    claim: int
    outcome: str
    because: Reason
    detail: str = ""


class Adopt(msgspec.Struct, frozen=True, tag="adopt", tag_field="action"):
    """Enter a torrent that carries this want's tag into the ledger that does not know it."""

    want: str
    torrent: str
    infohash: str | None
    infohash_v2: str | None
    because: Reason


class Revive(msgspec.Struct, frozen=True, tag="revive", tag_field="action"):
    """Start again, or check again, a download that went wrong."""

    want: str
    torrent: str
    verb: str
    """`start` or `recheck`."""
    because: Reason


class Publish(msgspec.Struct, frozen=True, tag="publish", tag_field="action"):
    """Prove the finished download and put it into the library by one rename."""

    want: str
    torrent: str
    because: Reason


class Scan(msgspec.Struct, frozen=True, tag="scan", tag_field="action"):
    """Have the library server look at its folders: these wants were published and are not listed yet."""

    wants: tuple[str, ...]
    because: Reason


class Enrich(msgspec.Struct, frozen=True, tag="enrich", tag_field="action"):
    """Write to the library what a published item lacks or got wrong: title, authors, series and number."""

    want: str
    item: str
    metadata: ItemMetadata
    because: Reason


class Confirm(msgspec.Struct, frozen=True, tag="confirm", tag_field="action"):
    """The published item was seen and matched: the want is done."""

    want: str
    claim: int
    item: str
    because: Reason


class LetGo(msgspec.Struct, frozen=True, tag="let-go", tag_field="action"):
    """Take our tag off a torrent that owes nothing any more."""

    torrent: str
    tags: tuple[str, ...]
    because: Reason


class Remove(msgspec.Struct, frozen=True, tag="remove", tag_field="action"):
    """Remove our torrent and its download (never files of a library item) once nothing is owed."""

    torrent: str
    finding: str
    because: Reason


class Newest(msgspec.Struct, frozen=True, tag="newest", tag_field="action"):
    """Ask this indexer what is new, once for every want that waits to be offered."""

    indexer: str
    because: Reason

    @property
    def want(self) -> str:
        """What it is written down under, as an act for one want is under its key."""
        return f"indexer/{self.indexer}"


Decision = Hold | Search | Grab | Settle | Adopt | Revive | Publish | Enrich | Confirm
"""Exactly one of these per want."""

Chore = Scan | LetGo | Remove | Newest
"""Work that belongs to no single want."""
