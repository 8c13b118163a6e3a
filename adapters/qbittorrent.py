"""Drives qBittorrent 4.5 to 5.3 over its Web API. The only module that knows its words and its traps.

The client library is synchronous and not safe around its login, so every call runs in one thread of its own. It also
repeats a request whose answer was lost, on its own account: an answer to "add" therefore proves nothing, and everything
that changes something is read back. `sync/maindata` is never asked for: it crashes 5.x.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from qbittorrentapi import Client
from qbittorrentapi.exceptions import (
    APIConnectionError,
    APIError,
    Conflict409Error,
    Forbidden403Error,
    HTTP4XXError,
    HTTP5XXError,
    HTTPError,
    LoginFailed,
    NotFound404Error,
    Unauthorized401Error,
    UnsupportedMediaType415Error,
)

from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient, Unfit
from domain.releases import Payload, TorrentFile
from domain.wanted_files import CHOOSE_TAG
from domain.world import Torrent, TorrentState

P = ParamSpec("P")
R = TypeVar("R")

OLDEST_API = (2, 8, 19)
"""qBittorrent 4.5.2."""
NEWEST_API = (2, 16)
"""qBittorrent 5.3; later ones are let through with a warning in `check`."""

_STATES = {
    "downloading": TorrentState.ACTIVE,
    "forcedDL": TorrentState.ACTIVE,
    "stalledDL": TorrentState.ACTIVE,
    "pausedDL": TorrentState.STOPPED,
    "stoppedDL": TorrentState.STOPPED,
    "uploading": TorrentState.DONE,
    "stalledUP": TorrentState.DONE,
    "forcedUP": TorrentState.DONE,
    "queuedUP": TorrentState.DONE,
    "pausedUP": TorrentState.DONE,
    "stoppedUP": TorrentState.DONE,
    "missingFiles": TorrentState.MISSING_FILES,
    "error": TorrentState.ERROR,
}
"""Every other state, known or new, means: nothing to conclude."""

_REMOVING_ACTIONS = frozenset({1, 3, "Remove", "RemoveWithContent"})
_POLL_S = 0.1
_REPEAT_DELETE_S = 0.4
_LOGOUT_S = 5.0
_UNWANTED_FOLDER = ".unwanted"


class ClientInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `doctor` shows about the download client. Free space is not in it: the server tells only by maindata."""

    version: str
    api_version: str
    default_save_path: str
    category_path: str | None
    """Where the category points to; None while the category does not exist."""
    incomplete_path: str | None
    """Where unfinished downloads wait before they are moved, when the server does that."""
    queueing: bool
    refresh_s: float
    """A reading can be that old."""
    problems: tuple[tuple[str, str], ...] = ()
    """CamelCase code and sentence: what must or should be changed before it is used."""


class _Row(msgspec.Struct, frozen=True):
    """One entry of torrents/info, the part that is used."""

    hash: str
    state: str
    name: str = ""
    category: str = ""
    tags: str = ""
    infohash_v1: str = ""
    infohash_v2: str = ""
    progress: float = 0.0
    size: int = 0
    total_size: int = -1
    amount_left: int = -1
    downloaded: int = 0
    added_on: int = 0
    completion_on: int = 0
    last_activity: int = 0
    save_path: str = ""
    content_path: str = ""
    ratio: float = -1.0
    seeding_time: int = 0
    num_complete: int = -1

    @property
    def ids(self) -> frozenset[str]:
        return _known_ids((self.hash, self.infohash_v1, self.infohash_v2))

    @property
    def tag_set(self) -> frozenset[str]:
        return frozenset(tag.strip() for tag in self.tags.split(",") if tag.strip())

    @property
    def says_complete(self) -> bool:
        """All that one reading can say about it (contract: never `progress` alone)."""
        return (
            _STATES.get(self.state) is TorrentState.DONE
            and self.progress == 1
            and self.amount_left == 0
            and self.size > 0
            and self.completion_on > 0
            and _is_absolute(self.content_path)
        )

    @property
    def completion(self) -> tuple[object, ...]:
        """What must be the same in both readings."""
        return (self.size, self.completion_on, self.save_path, self.content_path)


class _FileRow(msgspec.Struct, frozen=True):
    name: str
    size: int
    progress: float
    priority: int = 1
    index: int = -1

    @property
    def path(self) -> str:
        """As the torrent calls it: some servers keep what is not wanted in a hidden folder beside the rest."""
        return "/".join(part for part in self.name.split("/") if part != _UNWANTED_FOLDER)


class _Category(msgspec.Struct, frozen=True):
    save_path: str = msgspec.field(name="savePath", default="")
    share_limit_action: str = "Default"


class _Preferences(msgspec.Struct, frozen=True):
    save_path: str
    refresh_interval: int = 1500
    max_ratio_act: int | str = 0
    temp_path_enabled: bool = False
    temp_path: str = ""
    queueing_enabled: bool = False


class _Sight(msgspec.Struct, frozen=True):
    """When a torrent was first seen complete in this very way, and whether a second look and its files proved it."""

    completion: tuple[object, ...]
    at: float
    proven: bool = False


class _Server(msgspec.Struct, frozen=True):
    """What was learnt at the login."""

    version: str
    api_version: str
    refresh_s: float


class _NotQbittorrent(APIError):
    """Something else answers where the API should be. An `APIError`, so that the library does not ask again."""


class QBittorrent:
    """One qBittorrent, seen through one category. Matches `reconcile.ports.DownloadClient`.

    `save_path` is absolute and as the server sees it. Give `api_key` (5.2 and newer), or user name and password, or
    neither when the server lets this address in without. `timeout_s` is (connect, read) of each single request.
    `look_twice` takes the second look that a complete torrent needs within the same `read`, one refresh interval
    later: for a process that reads only once.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        api_key: str = "",
        category: str,
        save_path: str,
        timeout_s: tuple[float, float] = (3.0, 10.0),
        read_back_s: float = 4.0,
        look_twice: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._where = f"qBittorrent at {_without_secrets(url)}"
        self._username, self._password, self._api_key = username, password, api_key
        self._category = category
        self._save_path = save_path
        self._read_back_s = read_back_s
        self._look_twice = look_twice
        self._clock = clock
        # Twice the timeouts for the library's own repetition, and as much again for a login between them.
        self._deadline_s = 4 * sum(timeout_s) + 5.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qbittorrent")
        self._client = self._new_client(url, timeout_s)
        self._server: _Server | None = None
        self._refusal: Permanent | None = None
        self._category_seen = False
        self._sights: dict[str, _Sight] = {}
        self._commanded: dict[str, float] = {}

    def _new_client(self, url: str, timeout_s: tuple[float, float]) -> Client:
        return Client(
            host=url,
            username=self._username,
            password=self._password,
            api_key=self._api_key,
            FORCE_SCHEME_FROM_HOST=True,
            SIMPLE_RESPONSES=True,
            RAISE_NOTIMPLEMENTEDERROR_FOR_UNIMPLEMENTED_API_ENDPOINTS=True,
            HTTPADAPTER_ARGS={"max_retries": 0},
            REQUESTS_ARGS={
                "timeout": timeout_s,
                "allow_redirects": False,  # a password is not taken along to wherever a redirect points
                "proxies": {"no_proxy": "*"},  # nor to a proxy from the environment
                "auth": _as_it_is,  # nor replaced by a .netrc
                "hooks": {"response": _refuse_other_servers},
            },
        )

    async def close(self) -> None:
        """Log out (the server keeps few sessions) and let go of the thread. Never fails."""
        if self._server is not None and self._refusal is None:
            with suppress(TimeoutError, APIError, ValueError, RuntimeError):  # the last: closed before
                async with asyncio.timeout(_LOGOUT_S):
                    await asyncio.get_running_loop().run_in_executor(self._thread, self._client.auth_log_out)
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._client._trigger_session_initialization()  # closes the connections; the library offers no public way

    def forget_refusal(self) -> None:
        """Log in again at the next call although it was refused before: somebody has changed something."""
        self._refusal = None

    # Reading

    async def read(self, also: Collection[str]) -> tuple[Torrent, ...]:
        """All torrents of the category, and those that answer to an id of `also` wherever they are.

        `Transient` CategoryGone when the category vanished since the last reading: the server's empty answer would
        look like "all gone". It is made again, so that the next reading is honest.
        """
        rows = await self._rows(also)
        if self._look_twice and any(self._needs_second_look(row) for row in rows):
            await asyncio.sleep(await self._refresh_s() + _POLL_S)
            rows = await self._rows(also)
        kept = {row.hash for row in rows}
        self._sights = {one: sight for one, sight in self._sights.items() if one in kept}
        self._commanded = {one: at for one, at in self._commanded.items() if one in kept}
        return tuple([_torrent(row, complete=await self._is_complete(row)) for row in rows])

    async def find(self, ids: Collection[str]) -> Torrent | None:
        row = await self._find(ids)
        return None if row is None else _torrent(row, complete=await self._is_complete(row))

    async def files(self, torrent_id: str) -> tuple[tuple[TorrentFile, float], ...]:
        """The wanted files with their progress; empty while a magnet has no metadata. `Conflict` TorrentGone."""
        try:
            rows = await self._file_rows(torrent_id)
        except Conflict:
            # A hybrid that was added by a v1-only magnet has another id since its metadata came.
            rows = await self._file_rows((await self._located(torrent_id)).hash)
        return tuple((TorrentFile(path=row.name, size_bytes=row.size), row.progress) for row in rows)

    async def check(self) -> ClientInfo:
        """A fresh look at version and settings, with what is wrong about them."""
        self._server = None
        await self._refresh_s()
        server = self._server
        assert server is not None
        preferences = _decoded(await self._ask(self._client.app_preferences), _Preferences, self._where)
        category = (await self._categories()).get(self._category)
        return ClientInfo(
            version=server.version,
            api_version=server.api_version,
            default_save_path=preferences.save_path,
            category_path=category.save_path if category else None,
            incomplete_path=preferences.temp_path if preferences.temp_path_enabled else None,
            queueing=preferences.queueing_enabled,
            refresh_s=server.refresh_s,
            problems=tuple(self._problems(server, preferences, category)),
        )

    def _problems(
        self, server: _Server, preferences: _Preferences, category: _Category | None
    ) -> Iterable[tuple[str, str]]:
        api = _dotted(server.api_version)
        if api < OLDEST_API or api[:2] > NEWEST_API:
            yield (
                "ClientVersionUntested",
                f"{self._where} is {server.version}; tested are 4.5.2 to 5.3: update the older of the two.",
            )
        if preferences.max_ratio_act in _REMOVING_ACTIONS or (
            category is not None and category.share_limit_action in _REMOVING_ACTIONS
        ):
            yield (
                "ClientRemovesTorrents",
                f"{self._where} removes torrents that reach a share limit: choose 'Stop torrent' in its options "
                "(BitTorrent, seeding limits) and in the category.",
            )
        if not _is_absolute(self._save_path):
            yield (
                "SavePathRelative",
                f"The save path '{self._save_path}' is not absolute: give it as {self._where} sees it.",
            )

    # Acting

    async def add(self, payload: Payload, *, tags: Sequence[str]) -> Torrent:
        """Add once and read it back. One that is there already is adopted: it gets the tags it lacks, nothing else.

        With unwanted files it is added stopped and with `CHOOSE_TAG`, and started by `choose`. Never so for a magnet,
        whose files are unknown.

        `Transient` before anything was sent, `Permanent` ClientRefusedTorrent when the server cannot read it,
        `Ambiguous` when it was sent and is not seen (AddNotSeen), or is there and waits for `choose` (FilesNotChosen).
        """
        ids = _known_ids((payload.infohash_v1, payload.infohash_v2))
        row = await self._present(payload, ids)
        if row is None:
            await self._ensure_category()
            row = await self._sent(payload, ids, [*tags, CHOOSE_TAG] if _chooses(payload) else tags)
        elif await self._give_tags(row, tags):
            row = await self._listed(row.ids) or row
        self._note_command(row.hash)
        if _chooses(payload) and CHOOSE_TAG in row.tag_set:
            row = await self._chosen(row, payload.unwanted)
        return _torrent(row, complete=False)

    async def choose(self, torrent_id: str, unwanted: Collection[str]) -> None:
        """Put these files out of action, see it done, start the torrent, and take `CHOOSE_TAG` off. May be repeated.

        `unwanted` are paths as `files` gives them; what is out of action already stays so. Until the tag is gone the
        torrent is stopped or has nothing but wanted files. `Conflict`: TorrentGone, FilesNotListed when the server
        does not list one of the paths, NothingWanted when no file would be left, PrioritiesNotKept, StartNotSeen.
        """
        row = await self._located(torrent_id)
        listed = await self._listed_files(row.hash)
        unwanted = frozenset(unwanted)
        if missing := unwanted - {file.path for file in listed}:
            raise Conflict(
                f"{self._where} does not list {len(missing)} of the files of torrent {row.hash} that shall be left "
                "out: choose from what it lists.",
                code="FilesNotListed",
            )
        if all(file.priority == 0 or file.path in unwanted for file in listed):
            raise Conflict(f"No file of torrent {row.hash} would be left to download.", code="NothingWanted")
        await self._leave_out(row, [file.index for file in listed if file.path in unwanted and file.priority != 0])
        await self._started(row)
        await self.untag(row.hash, [CHOOSE_TAG])

    async def tag(self, torrent_id: str, tags: Sequence[str]) -> None:
        """`Conflict` TorrentGone, or TagsNotKept when the server keeps something else."""
        await self._give_tags(await self._located(torrent_id), tags)

    async def untag(self, torrent_id: str, tags: Sequence[str]) -> None:
        """Take tags off, and off the server's list too when no torrent carries them any more."""
        row = await self._find({torrent_id})
        if row is not None and (carried := row.tag_set.intersection(tags)):
            await self._ask(self._client.torrents_remove_tags, tags=sorted(carried), torrent_hashes=row.hash)
            if await self._until(lambda: self._carried(row, tags), lambda left: not left):
                raise self._tags_not_kept(row)
        unused = [tag for tag in tags if not await self._carriers(tag)]
        if unused:
            await self._ask(self._client.torrents_delete_tags, tags=unused)
            if await self._until(lambda: self._listed_tags(unused), lambda left: not left):
                raise Conflict(f"{self._where} still lists tags that were deleted.", code="TagsNotKept")

    async def remove(self, torrent_id: str, *, with_files: bool) -> None:
        """Delete and see it gone; fine when it is gone already. `Ambiguous` when it stays."""
        row = await self._find({torrent_id})
        if row is None:
            return
        repeat_at = time.monotonic()
        deadline = repeat_at + self._read_back_s
        while await self._listed(row.ids) is not None:
            if time.monotonic() > deadline:
                raise Ambiguous(
                    f"{self._where} still lists torrent {row.hash} after it was told to delete it.",
                    code="RemoveNotSeen",
                )
            # A delete right after the add is answered and ignored by 5.1, hence the repetition.
            if time.monotonic() >= repeat_at:
                await self._ask(self._client.torrents_delete, delete_files=with_files, torrent_hashes=row.hash)
                repeat_at = time.monotonic() + _REPEAT_DELETE_S
            else:
                await asyncio.sleep(_POLL_S)
        self._sights.pop(row.hash, None)

    async def start(self, torrent_id: str) -> None:
        await self._command(self._client.torrents_start, torrent_id)

    async def recheck(self, torrent_id: str) -> None:
        """Have the server check the files against the hashes. It shows late: for two refreshes nothing is complete."""
        await self._command(self._client.torrents_recheck, torrent_id)

    # Adding

    async def _sent(self, payload: Payload, ids: frozenset[str], tags: Sequence[str]) -> _Row:
        """Everything but `Permanent` leaves open what happened, and only looking tells."""
        doubt = f"{self._where} did not say what became of torrent {payload.id}, and does not list it."
        try:
            await self._ask(self._client.torrents_add, **self._form(payload, tags))
        except Conflict:
            doubt = f"{self._where} did not take torrent {payload.id}, and does not list it either."
        except Transient:
            pass  # the library may have sent it more than once before it gave up
        try:
            row = await self._until(lambda: self._listed(ids), lambda found: found is not None)
            row = row or await self._find(ids)
            if row is not None:
                await self._give_tags(row, tags)
        except Transient as failure:
            raise Ambiguous(f"{doubt} {failure.message}", code="AddNotSeen") from None
        if row is None:
            raise Ambiguous(doubt, code="AddNotSeen")
        return row

    async def _present(self, payload: Payload, ids: frozenset[str]) -> _Row | None:
        """Only a magnet can name a hybrid by an id that the server's filter does not know."""
        return await (self._listed(ids) if payload.content is not None else self._find(ids))

    def _form(self, payload: Payload, tags: Sequence[str]) -> dict[str, Any]:
        """Everything explicit, so that no default of the server moves, stops, limits or removes the torrent."""
        source: dict[str, Any] = (
            {"torrent_files": {f"{payload.id}.torrent": payload.content}}
            if payload.content is not None
            else {"urls": payload.magnet}
        )
        return {
            **source,
            "category": self._category,
            "tags": list(tags),
            "save_path": self._save_path,
            "use_auto_torrent_management": False,
            "content_layout": "Original",
            "stop_condition": "None",
            "is_stopped": _chooses(payload),
            "ratio_limit": -1,
            "seeding_time_limit": -1,
            "inactive_seeding_time_limit": -1,
        }

    async def _ensure_category(self) -> None:
        if self._category not in await self._categories():
            with suppress(Conflict):  # somebody else made it meanwhile
                await self._ask(self._client.torrents_create_category, name=self._category, save_path=self._save_path)
            if self._category not in await self._categories():
                raise Permanent(
                    f"{self._where} does not accept the category name '{self._category}': choose another.",
                    code="CategoryRefused",
                )
        self._category_seen = True

    # Choosing files

    async def _chosen(self, row: _Row, unwanted: Collection[str]) -> _Row:
        """The torrent is there whatever happens here, so that no failure may look as if it had not been added."""
        try:
            await self.choose(row.hash, unwanted)
            return await self._listed(row.ids) or row
        except Failure as failure:
            raise Ambiguous(
                f"{self._where} has torrent {row.hash}, and its files are not chosen yet. {failure.message}",
                code="FilesNotChosen",
            ) from None

    async def _leave_out(self, row: _Row, indexes: Collection[int]) -> None:
        """In one request, so that there is nothing between none and all of them."""
        if not indexes:
            return
        await self._ask(self._client.torrents_file_priority, torrent_hash=row.hash, file_ids=[*indexes], priority=0)
        self._note_command(row.hash)

        async def still_wanted() -> list[int]:
            files = await self._listed_files(row.hash)
            return [file.index for file in files if file.index in indexes and file.priority != 0]

        if await self._until(still_wanted, lambda left: not left):
            raise Conflict(
                f"{self._where} still downloads files that it was told to leave out.", code="PrioritiesNotKept"
            )

    async def _started(self, row: _Row) -> None:
        await self._command(self._client.torrents_start, row.hash)

        async def stopped() -> bool:
            state = (await self._located(row.hash)).state
            # While it is being loaded nothing shows whether it will run then.
            return state == "checkingResumeData" or _STATES.get(state) is TorrentState.STOPPED

        if await self._until(stopped, lambda still: not still):
            raise Conflict(f"{self._where} did not start torrent {row.hash}.", code="StartNotSeen")

    # Tags

    async def _give_tags(self, row: _Row, tags: Sequence[str]) -> bool:
        """Whether any was missing."""
        missing = [tag for tag in tags if tag not in row.tag_set]
        if missing:
            await self._ask(self._client.torrents_add_tags, tags=missing, torrent_hashes=row.hash)
            kept = await self._until(lambda: self._carried(row, tags), lambda found: found.issuperset(tags))
            if not kept.issuperset(tags):
                raise self._tags_not_kept(row)
        return bool(missing)

    async def _carried(self, row: _Row, tags: Sequence[str]) -> frozenset[str]:
        """Which of the tags the torrent has now."""
        now = await self._listed(row.ids)
        if now is None:
            raise self._gone(row.hash)
        return now.tag_set.intersection(tags)

    async def _carriers(self, tag: str) -> list[_Row]:
        return [row for row in await self._rows_of(tag=tag) if tag in row.tag_set]

    async def _listed_tags(self, tags: Sequence[str]) -> frozenset[str]:
        listed = _decoded(await self._ask(self._client.torrents_tags), list[str], self._where)
        return frozenset(tag.strip() for tag in listed).intersection(tags)

    def _tags_not_kept(self, row: _Row) -> Conflict:
        return Conflict(f"{self._where} did not keep the tags of torrent {row.hash} as told.", code="TagsNotKept")

    # Completeness

    def _needs_second_look(self, row: _Row) -> bool:
        if not row.says_complete:
            self._sights.pop(row.hash, None)
            return False
        sight = self._sights.get(row.hash)
        if sight is None or sight.completion != row.completion:
            sight = _Sight(completion=row.completion, at=self._clock())
            self._sights[row.hash] = sight
        return not sight.proven

    async def _is_complete(self, row: _Row) -> bool:
        """Complete in two readings a refresh apart, both long enough after our own commands, and in every file."""
        if not self._needs_second_look(row):
            return row.hash in self._sights
        sight, refresh_s = self._sights[row.hash], await self._refresh_s()
        if row.hash in self._commanded and sight.at < self._commanded[row.hash] + 2 * refresh_s:
            # Seen too soon after a command of ours: counts from now on, if that is late enough.
            self._sights[row.hash] = _Sight(completion=row.completion, at=self._clock())
            return False
        if self._clock() < sight.at + refresh_s:
            return False
        try:
            files = await self._file_rows(row.hash)
        except Conflict:
            return False
        proven = bool(files) and all(file.progress == 1 for file in files)
        self._sights[row.hash] = _Sight(completion=row.completion, at=sight.at, proven=proven)
        return proven

    def _note_command(self, torrent_id: str) -> None:
        """What was read before counts no more. Tags are no such command: they cannot change what is on disk."""
        self._commanded[torrent_id] = self._clock()
        self._sights.pop(torrent_id, None)

    async def _command(self, verb: Callable[..., None], torrent_id: str) -> None:
        row = await self._located(torrent_id)
        await self._ask(verb, torrent_hashes=row.hash)
        self._note_command(row.hash)

    # Rows

    async def _rows(self, also: Collection[str]) -> list[_Row]:
        rows = await self._rows_of(category=self._category)
        # Some look-alike servers ignore filters: only what really is in the category counts as ours.
        rows = [row for row in rows if row.category == self._category]
        if rows:
            self._category_seen = True
        else:
            await self._believe_empty()
        seen = frozenset[str]().union(*(row.ids for row in rows))
        elsewhere = _known_ids(also) - seen
        return rows + [row for row in await self._rows_by_id(elsewhere) if not row.ids & seen]

    async def _believe_empty(self) -> None:
        """An unknown category answers like an empty one."""
        if self._category in await self._categories():
            self._category_seen = True
            return
        vanished = self._category_seen
        await self._ensure_category()
        if vanished:
            raise Transient(
                f"The category '{self._category}' was gone from {self._where} and has been made again: this reading "
                "is not believed. Put its torrents back into it.",
                code="CategoryGone",
            )

    async def _listed(self, ids: frozenset[str]) -> _Row | None:
        """By the id the server uses; cheap."""
        return next(iter(await self._rows_by_id(ids)), None)

    async def _find(self, ids: Collection[str]) -> _Row | None:
        """By any id: the server's filter does not know the v1 id of a hybrid, so the whole list is the last resort."""
        known = _known_ids(ids)
        row = await self._listed(known)
        if row is not None or not known:
            return row
        return next((row for row in await self._rows_of() if row.ids & known), None)

    async def _located(self, torrent_id: str) -> _Row:
        row = await self._find({torrent_id})
        if row is None:
            raise self._gone(torrent_id)
        return row

    def _gone(self, torrent_id: str) -> Conflict:
        return Conflict(f"{self._where} has no torrent {torrent_id} any more.", code="TorrentGone")

    async def _rows_by_id(self, ids: frozenset[str]) -> list[_Row]:
        asked = sorted(one for one in ids if len(one) == 40)
        if not asked:
            return []
        return [row for row in await self._rows_of(torrent_hashes=asked) if row.ids & ids]

    async def _rows_of(self, **which: Any) -> list[_Row]:
        rows = _decoded(await self._ask(self._client.torrents_info, **which), list[_Row], self._where)
        return [msgspec.structs.replace(row, hash=row.hash.lower()) for row in rows]

    async def _file_rows(self, torrent_id: str) -> list[_FileRow]:
        return [row for row in await self._listed_files(torrent_id) if row.priority != 0]

    async def _listed_files(self, torrent_id: str) -> list[_FileRow]:
        return _decoded(
            await self._ask(self._client.torrents_files, torrent_hash=torrent_id), list[_FileRow], self._where
        )

    async def _categories(self) -> Mapping[str, _Category]:
        return _decoded(await self._ask(self._client.torrents_categories), dict[str, _Category], self._where)

    async def _until(self, look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
        """What `look` brings once that is `enough`, or what it brought last when the time for reading back is over."""
        deadline = time.monotonic() + self._read_back_s
        while not enough(found := await look()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another server's state
            await asyncio.sleep(_POLL_S)
        return found

    # The wire

    async def _refresh_s(self) -> float:
        if self._server is None:
            await self._ask(lambda: None)
        assert self._server is not None
        return self._server.refresh_s

    async def _ask(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One call of the library in its thread, logged in, with its errors in our terms."""

        def work() -> R:
            try:
                self._log_in_once()
                return call(*args, **kwargs)
            except NotImplementedError:
                raise Permanent(
                    f"{self._where} is too old for this: update it to 4.5.2 or newer.", code="ClientTooOld"
                ) from None
            except (APIError, ValueError, msgspec.ValidationError) as error:
                raise self._failure(error) from None

        if self._refusal is not None:
            raise Permanent(self._refusal.message, code=self._refusal.code)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise Transient(f"{self._where} did not answer in time.", code="ClientUnreachable") from None

    def _log_in_once(self) -> None:
        """One explicit login; the library itself does exactly one more when the session has ended."""
        if self._server is not None:
            return
        if not self._api_key:
            self._client.auth_log_in()
        version, api_version = self._client.app_version(), self._client.app_web_api_version()
        if not re.fullmatch(r"v?\d+(\.\d+)+\S*", version) or not re.fullmatch(r"\d+(\.\d+)+", api_version):
            raise ValueError("no version")
        preferences = msgspec.convert(self._client.app_preferences(), _Preferences)
        self._server = _Server(
            version=version, api_version=api_version, refresh_s=max(preferences.refresh_interval, 100) / 1000
        )

    def _failure(self, error: Exception) -> Failure:
        """The library's error in our terms. Every HTTP error of it is also a connection error: specific ones first."""
        match error:
            case LoginFailed() | Forbidden403Error():
                return self._refused(error)
            case Unauthorized401Error():
                return Permanent(
                    f"{self._where} refuses the host name it is asked under: use the port it listens on, or allow "
                    "the name in its Web UI options.",
                    code="ClientRefusedHost",
                )
            case NotFound404Error():
                return Conflict(f"{self._where} does not know that torrent (any more).", code="TorrentGone")
            case Conflict409Error():
                return Conflict(f"{self._where} did not do it: something is in the way.", code="ClientConflict")
            case UnsupportedMediaType415Error():
                return Unfit(
                    f"{self._where} cannot read that torrent: take another release.", code="ClientRefusedTorrent"
                )
            case HTTP4XXError():
                return Permanent(
                    f"{self._where} refused a request ({error.http_status_code}): is it really qBittorrent 4.5.2 or "
                    "newer?",
                    code="ClientRefusedRequest",
                )
            case HTTP5XXError() | HTTPError():
                return Transient(f"{self._where} answered {error.http_status_code}.", code="ClientUnreadable")
            case APIConnectionError():
                return Transient(f"{self._where} cannot be reached ({_cause(error)}).", code="ClientUnreachable")
            case _:
                return Transient(
                    f"{self._where} answered something that qBittorrent would not say: is the address right?",
                    code="ClientUnreadable",
                )

    def _refused(self, error: Exception) -> Permanent:
        """Five rejected logins ban this address for an hour, so the first one is the last."""
        if "banned" in str(error).lower():
            refusal = Permanent(
                f"{self._where} has banned this address after too many failed logins: put user name and password "
                "right, and restart qBittorrent or wait an hour.",
                code="ClientBanned",
            )
        else:
            refusal = Permanent(
                f"{self._where} refused the login: check user name and password (or API key).",
                code="ClientRefusedLogin",
            )
        self._refusal = refusal
        return refusal


def _torrent(row: _Row, *, complete: bool) -> Torrent:
    has_metadata = row.total_size >= 0
    return Torrent(
        id=row.hash,
        infohash_v1=row.infohash_v1 or None,
        infohash_v2=row.infohash_v2 or None,
        name=row.name,
        category=row.category,
        tags=tuple(sorted(row.tag_set)),
        state=_STATES.get(row.state, TorrentState.WAITING),
        raw_state=row.state,
        progress=row.progress,
        complete=complete,
        size_bytes=row.size if has_metadata else None,
        downloaded_bytes=row.downloaded,
        amount_left_bytes=row.amount_left if has_metadata else None,
        save_path=row.save_path,
        content_path=row.content_path,
        added_at=_moment(row.added_on),
        completed_at=_moment(row.completion_on),
        last_activity_at=_moment(row.last_activity),
        ratio=row.ratio if row.ratio >= 0 else None,
        seeding_s=row.seeding_time,
        seeders=row.num_complete if row.num_complete >= 0 else None,
    )


def _chooses(payload: Payload) -> bool:
    return bool(payload.unwanted) and payload.content is not None


def _known_ids(ids: Iterable[str | None]) -> frozenset[str]:
    """Lower case, and for a full v2 hash its first 40 digits too: that is what the server goes by."""
    full = {one.lower() for one in ids if one}
    return frozenset(full | {one[:40] for one in full})


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", path) is not None


def _dotted(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _decoded(answer: object, kind: type[R], where: str) -> R:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Transient(f"{where} answered in an unknown form ({error}).", code="ClientUnreadable") from None


def _cause(error: BaseException) -> str:
    """What kind of failure lies beneath, without its text: that holds addresses and whatever was sent."""
    while error.__context__ is not None:
        error = error.__context__
    return type(error).__name__


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _refuse_other_servers(response: requests.Response, *_: Any, **__: Any) -> None:
    """Tell a proxy's page from qBittorrent's own words, above all at the login: not every failure is a refusal."""
    redirected = 300 <= response.status_code < 400
    page = response.ok and "text/html" in response.headers.get("content-type", "")
    login = response.ok and (response.url or "").endswith("/auth/login")
    if redirected or page or (login and response.text not in ("", "Ok.", "Fails.")):
        response.close()
        raise _NotQbittorrent("not an answer of the API")
