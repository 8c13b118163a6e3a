"""The library server as the loop sees it: what it holds, having it scanned, correcting its metadata."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import msgspec

from adapters.audiobookshelf import wire
from adapters.audiobookshelf.calls import Calls
from adapters.audiobookshelf.doubts import doubts
from adapters.audiobookshelf.scanning import Monotonic, Patience, Scan, Sleep
from adapters.audiobookshelf.wakeups import Wakeup, wakeups
from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient
from domain.metadata import ItemMetadata
from domain.world import Item, LibraryView

OLDEST = (2, 26, 0)
"""The first version with API keys."""
PAGE = 500
BATCH = 200


class LibraryInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One of the chosen libraries."""

    id: str
    name: str
    folders: tuple[str, ...]
    """Absolute, as the server sees them."""
    watcher: bool
    last_scan_at: datetime | None = None


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a check at the start found. `advice` holds one sentence for each thing that works but could be better."""

    version: str
    user: str
    libraries: tuple[LibraryInfo, ...]
    advice: tuple[str, ...] = ()


class Audiobookshelf:
    """One Audiobookshelf server. The only package that knows its JSON.

    `http` holds the address and the header `Authorization: Bearer <API key>`. `libraries` are names or ids; none
    means every book library. One call at a time: nothing here runs two requests side by side.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        libraries: Sequence[str] = (),
        patience: Patience | None = None,
        sleep: Sleep = asyncio.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._calls = Calls(http)
        self._chosen = tuple(libraries)
        self._patience = patience or Patience()
        self._sleep = sleep
        self._monotonic = monotonic

    async def check(self) -> ServerInfo:
        """Whether this server can be worked with. `Permanent` names what a person has to change."""
        version = await self._version()
        me = await self._calls.read("/api/me", wire.Me)
        self._require_rights(me)
        libraries = tuple(_info(library) for library in await self._libraries())
        return ServerInfo(version=version, user=me.username, libraries=libraries, advice=_advice(libraries))

    async def read(self, known: Mapping[str, Item]) -> LibraryView:
        """Every item of the chosen libraries exactly once, or an error; those of `known` that did not change are kept.

        `LibraryPartial` when the list kept moving, or the server kept back items that it had listed.
        """
        libraries = await self._libraries()
        items = dict(known)
        for _ in range(2):
            rows = [row for library in libraries for row in await self._rows(library)]
            stale = [row.id for row in rows if row.id not in items or not wire.still_true(row, items[row.id])]
            fresh = await self._batches(stale)
            items.update(fresh)
            if fresh.keys() >= set(stale):
                view = tuple(items[row.id] for row in rows)
                return LibraryView(items=view, faults=doubts(view))
        message = f"Audiobookshelf at {self._calls.address} lists {len(stale)} items and hands out {len(fresh)} of them"
        raise Transient(message, code="LibraryPartial")

    async def scan(self) -> None:
        """Scan the chosen libraries, one after the other, and wait for each. `Transient` when one did not finish."""
        for library in await self._libraries():
            scan = Scan(self._calls, library, self._patience, sleep=self._sleep, monotonic=self._monotonic)
            await scan.run()

    async def item(self, item_id: str) -> Item:
        """One item as it is now. `Conflict` (`ItemGone`) when there is none with that id."""
        full = await self._calls.read(_item_path(item_id), wire.Full, params={"expanded": 1})
        return wire.item_of(full)

    async def write(self, item_id: str, metadata: ItemMetadata) -> Item:
        """Set the fields given, unless they are so already, and read them back. An empty text clears its field.

        `Conflict` when the server kept something else, `Ambiguous` when it is not known what it has now.
        """
        wanted = wire.trimmed(metadata)
        before = await self.item(item_id)
        if not wire.differences(before, wanted):
            return before
        await self._calls.change(f"{_item_path(item_id)}/media", wire.patch_of(wanted))
        after = await self._read_back(item_id)
        if unlike := wire.differences(after, wanted):
            message = f'Audiobookshelf kept other values for {", ".join(unlike)} of "{before.title}" ({item_id})'
            raise Conflict(message, code="LibraryKeptOther")
        return after

    def wakeups(self) -> AsyncGenerator[Wakeup, None]:
        """Hints from the server's socket that something changed; never raises. Polling alone is enough."""
        return wakeups(self._calls, sleep=self._sleep)

    async def _read_back(self, item_id: str) -> Item:
        try:
            return await self.item(item_id)
        except Conflict:
            raise
        except Failure as exc:
            message = f"A change to item {item_id} was accepted, but it could not be read back: {exc.message}"
            raise Ambiguous(message, code="LibraryWriteUnknown") from exc

    async def _version(self) -> str:
        status = await self._calls.read("/status", wire.Status)
        where = f"The server at {self._calls.address}"
        if status.app != "audiobookshelf":
            raise Permanent(f"{where} is not Audiobookshelf: check the address", code="LibraryNotAudiobookshelf")
        if not status.is_init:
            raise Permanent(f"{where} has no users yet: finish its setup first", code="LibraryNotSetUp")
        if _numbers(status.server_version) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            message = f"{where} runs Audiobookshelf {status.server_version}: {oldest} or newer is needed"
            raise Permanent(message, code="LibraryTooOld")
        return status.server_version

    def _require_rights(self, me: wire.Me) -> None:
        """A user who may not see everything would make books that are there look missing."""
        rights = me.permissions
        sees_all = rights.access_all_libraries and rights.access_all_tags and rights.access_explicit_content
        if me.type not in ("root", "admin") or not (sees_all and rights.update):
            message = (
                f'The user "{me.username}" of Audiobookshelf at {self._calls.address} must be an admin with the rights '
                "to update and to see all libraries, all tags and explicit content"
            )
            raise Permanent(message, code="LibraryForbidden")

    async def _libraries(self) -> tuple[wire.Library, ...]:
        every = (await self._calls.read("/api/libraries", wire.Libraries)).libraries
        where = f"Audiobookshelf at {self._calls.address}"
        if not self._chosen:
            if books := tuple(library for library in every if library.media_type == "book"):
                return books
            raise Permanent(f"{where} has no book library: make one first", code="LibraryUnknown")
        for name in self._chosen:
            found = [library for library in every if name in (library.id, library.name)]
            if not found:
                names = ", ".join(f'"{library.name}"' for library in every) or "none"
                raise Permanent(f'{where} has no library "{name}" (it has: {names})', code="LibraryUnknown")
            if any(library.media_type != "book" for library in found):
                raise Permanent(f'The library "{name}" of {where} does not hold books', code="LibraryNotBooks")
        return tuple(library for library in every if {library.id, library.name} & set(self._chosen))

    async def _rows(self, library: wire.Library) -> tuple[wire.Row, ...]:
        """The whole list, counted against the server's own total; a list that moves under us is read once more."""
        rows = await self._pages(library.id) or await self._pages(library.id)
        if rows is None:
            message = f'The list of library "{library.name}" did not hold still: its pages do not add up to its total'
            raise Transient(message, code="LibraryPartial")
        return rows.results

    async def _pages(self, library_id: str) -> wire.Page | None:
        """Every page as one; None when they do not fit together."""
        rows: dict[str, wire.Row] = {}
        total: int | None = None
        number = 0
        while True:
            query: dict[str, str | int] = {"limit": PAGE, "page": number, "sort": "addedAt"}
            page = await self._calls.read(f"/api/libraries/{library_id}/items", wire.Page, params=query)
            fresh = {row.id: row for row in page.results if row.id not in rows}
            if total not in (None, page.total) or len(fresh) != len(page.results):
                return None
            total = page.total
            rows.update(fresh)
            if len(rows) == total:
                return wire.Page(results=tuple(rows.values()), total=total)
            if len(rows) > total or not fresh:
                return None
            number += 1

    async def _batches(self, ids: Sequence[str]) -> dict[str, Item]:
        """These items in full. The server silently drops ids that it does not know any more."""
        items: dict[str, Item] = {}
        for start in range(0, len(ids), BATCH):
            some = wire.BatchGet(library_item_ids=tuple(ids[start : start + BATCH]))
            batch = await self._calls.read_by_post("/api/items/batch/get", wire.Batch, some)
            items.update((full.id, wire.item_of(full)) for full in batch.library_items)
        return items


def _item_path(item_id: str) -> str:
    return f"/api/items/{quote(item_id, safe='')}"


def _numbers(version: str) -> tuple[int, ...]:
    """`2.36.0` as numbers; anything behind the digits (`-beta.1`) is left out."""
    parts = version.lstrip("v").split("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _info(library: wire.Library) -> LibraryInfo:
    scanned = library.last_scan
    return LibraryInfo(
        id=library.id,
        name=library.name,
        folders=tuple(folder.full_path for folder in library.folders),
        watcher=not library.settings.disable_watcher,
        last_scan_at=None if scanned is None else datetime.fromtimestamp(scanned / 1000, UTC),
    )


def _advice(libraries: Iterable[LibraryInfo]) -> tuple[str, ...]:
    return tuple(
        f'Turn the watcher of library "{library.name}" off (library settings): scans need not wait for it then, '
        "and cannot collide with it"
        for library in libraries
        if library.watcher
    )
