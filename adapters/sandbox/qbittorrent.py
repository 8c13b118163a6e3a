"""A stand-in for qBittorrent: its Web API as 4.5.2, 5.1.0 and 5.3.0 speak it, over real files on disk.

It "downloads" by copying from a folder, a little more at each step of the clock. Like the real server it forgets an add
that is younger than a second when it is killed, forgets its sessions when restarted, and does not notice that files
were deleted until it is restarted or told to recheck.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http.cookies import SimpleCookie
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
import multipart  # type: ignore[import-untyped]

from adapters.sandbox.faults import Faults, Receive, Scope, Send
from adapters.torrents import read_magnet, read_torrent
from domain.errors import Permanent
from domain.releases import Payload, TorrentFile

Version = Literal["4.5.2", "5.1.0", "5.3.0"]

_API_VERSIONS: Mapping[Version, str] = {"4.5.2": "2.8.19", "5.1.0": "2.11.4", "5.3.0": "2.16.2"}
_DURABLE_AFTER_S = 1.0
_CHECKING_S = 0.2
_METADATA_AFTER_S = 0.2
_IGNORED_DELETE_S = 0.02
_MAX_FAILED_LOGINS = 5
_STEP_S = 0.2
_MAX_FORM_BYTES = 1 << 26

Broken = Literal["error", "missingFiles"]


class _Held(msgspec.Struct, kw_only=True):
    """One torrent as it is kept on disk."""

    id: str
    infohash_v1: str = ""
    infohash_v2: str = ""
    name: str
    category: str = ""
    tags: list[str] = []
    save_path: str
    auto_tmm: bool = False
    files: list[TorrentFile] | None = None
    have: list[int] = []
    """Bytes of each file; what the server believes, not what is on disk."""
    unwanted: list[int] = []
    """Indexes of the files whose priority is 0."""
    added_on: float
    completion_on: float = 0
    stopped: bool = False
    broken: Broken | None = None
    ratio_limit: float = -2
    seeding_time_limit: int = -2
    inactive_seeding_time_limit: int = -2
    checking_until: float = 0
    """Not kept in a meaningful way: a restart checks anew."""

    @property
    def wanted(self) -> list[tuple[int, TorrentFile]]:
        """The files to download, with their indexes."""
        unwanted = frozenset(self.unwanted)
        return [(number, file) for number, file in enumerate(self.files or ()) if number not in unwanted]

    @property
    def total_size(self) -> int:
        return sum(file.size_bytes for file in self.files or ())

    @property
    def size(self) -> int:
        """Of the wanted files. The real server counts their whole pieces."""
        return sum(file.size_bytes for _, file in self.wanted)

    @property
    def left(self) -> int:
        return self.size - sum(self.have[number] for number, _ in self.wanted)

    @property
    def finished(self) -> bool:
        return self.files is not None and self.left == 0

    def answers_to(self, hashes: frozenset[str]) -> bool:
        """By the one id that the server goes by; not by the v1 id of a hybrid, nor by the full v2 hash."""
        return self.id in hashes or "all" in hashes

    def path_of(self, file: TorrentFile) -> Path:
        return Path(self.save_path, file.path)


class _Kept(msgspec.Struct, kw_only=True):
    """The whole state file."""

    torrents: dict[str, _Held] = {}
    categories: dict[str, str] = {}
    tags: list[str] = []


class _Answer(msgspec.Struct, frozen=True):
    status: int = 200
    body: object = ""
    """Text is sent as it is, anything else as JSON."""
    headers: tuple[tuple[str, str], ...] = ()


_BAD_REQUEST = _Answer(400, "Bad Request")
_NOT_FOUND = _Answer(404, "Not Found")
_FORBIDDEN = _Answer(403, "Forbidden")


class _Asked(msgspec.Struct, frozen=True):
    """One request with its form; `files` are the uploaded ones by name."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes] = {}
    cookie: str = ""
    bearer: str = ""
    port: int = 0

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(one for one in self.fields.get("hashes", "").lower().split("|") if one)

    def listed(self, field: str, separator: str = ",") -> list[str]:
        return [one for one in self.fields.get(field, "").split(separator) if one.strip()]

    def flag(self, field: str) -> bool:
        return self.fields.get(field, "").lower() == "true"

    def lacks(self, *fields: str) -> list[str]:
        return [field for field in fields if field not in self.fields]


class _Swarm:
    """What others have: the content by the torrents' file paths, and `*.torrent` files as metadata for magnets."""

    def __init__(self, seeds: Path) -> None:
        self._seeds = seeds

    def source(self, file: TorrentFile) -> Path | None:
        path = self._seeds / file.path
        return path if path.is_file() and path.stat().st_size == file.size_bytes else None

    def has(self, files: Iterable[tuple[int, TorrentFile]]) -> bool:
        return all(self.source(file) is not None for _, file in files)

    def metadata(self, held: _Held) -> Payload | None:
        for path in sorted(self._seeds.glob("*.torrent")):
            with suppress(Permanent):
                payload = read_torrent(path.read_bytes())
                if held.id in (payload.id, payload.infohash_v1):
                    return payload
        return None


class StandIn:
    """The ASGI app. `break_torrent` and `vanish` are for tests; over HTTP they are `POST /sandbox/<what>?hash=…`."""

    def __init__(
        self,
        state: Path,
        downloads: Path,
        *,
        seeds: Path,
        version: Version = "5.1.0",
        username: str = "admin",
        password: str = "adminadmin",
        api_key: str = "",
        bytes_per_second: float | None = None,
        download_seconds: float = 1.0,
        refresh_ms: int = 200,
    ) -> None:
        self.settings: dict[str, Any] = {}
        """Preferences that differ from the usual ones."""
        self._file = state / "qbittorrent.json"
        self._downloads = downloads
        self._swarm = _Swarm(seeds)
        self._version: Version = version
        self._modern = version != "4.5.2"
        self._newest = version == "5.3.0"
        self._credentials = (username, password)
        self._api_key = api_key if self._newest else ""
        self._bytes_per_second = bytes_per_second
        self._download_seconds = download_seconds
        self._refresh_ms = refresh_ms
        self._kept = _Kept()
        self._saved = b""
        self._sessions: set[str] = set()
        self._failed_logins = 0
        self._stepped_at = time.monotonic()
        self._alive = True
        self._routes = self._all_routes()
        self._load()

    # For tests

    def break_torrent(self, torrent_id: str, how: Broken) -> None:
        """As after a full disk (`error`) or a start without its files (`missingFiles`)."""
        held = self._kept.torrents[torrent_id]
        held.broken = how
        if how == "missingFiles":
            held.have = [0] * len(held.have)
        self._save(everything=True)

    def vanish(self, torrent_id: str) -> None:
        """As when a person removes it in the Web UI; files stay."""
        self._kept.torrents.pop(torrent_id, None)
        self._save(everything=True)

    def kill(self) -> None:
        """As kill -9: what is not durable by now is lost at the next start."""
        self._alive = False

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            answer = self._answer(scope, await _body(receive))
            await _send(answer, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._load()
        steps = asyncio.create_task(self._keep_stepping())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        steps.cancel()
        self._save(everything=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_stepping(self) -> None:
        while True:
            await asyncio.sleep(_STEP_S)
            self._step()
            self._save()

    def _answer(self, scope: Scope, body: bytes) -> _Answer:
        asked, path = _asked(scope, body), scope["path"]
        if path.startswith("/sandbox/"):
            return self._sandbox(path.removeprefix("/sandbox/"), asked)
        if path == "/api/v2/auth/login":
            return self._login(asked) if scope["method"] == "POST" else _Answer(405, "Method Not Allowed")
        if asked.cookie not in self._sessions and not (self._api_key and asked.bearer == self._api_key):
            return _FORBIDDEN
        writes, handler = self._routes.get(path.removeprefix("/api/v2/"), (False, None))
        if handler is None:
            return _Answer(404, "Endpoint does not exist" if self._newest else "Not Found")
        if writes and scope["method"] != "POST":
            return _Answer(405, "Method Not Allowed")
        self._step()
        answer = handler(asked)
        if writes:
            self._save()
        return answer

    def _sandbox(self, what: str, asked: _Asked) -> _Answer:
        torrent_id = asked.fields.get("hash", "")
        if torrent_id not in self._kept.torrents:
            return _NOT_FOUND
        match what:
            case "error" | "missingFiles":
                self.break_torrent(torrent_id, what)
            case "vanish":
                self.vanish(torrent_id)
            case _:
                return _NOT_FOUND
        return _Answer(body="Ok.")

    def _all_routes(self) -> dict[str, tuple[bool, Callable[[_Asked], _Answer]]]:
        """Endpoint -> whether it changes something, and what answers it."""
        stop, start = ("stop", "start") if self._modern else ("pause", "resume")
        return {
            "auth/logout": (True, self._logout),
            "app/version": (False, lambda _: _Answer(body=f"v{self._version}")),
            "app/webapiVersion": (False, lambda _: _Answer(body=_API_VERSIONS[self._version])),
            "app/defaultSavePath": (False, lambda _: _Answer(body=str(self._downloads))),
            "app/preferences": (False, lambda _: _Answer(body=self._preferences())),
            "transfer/info": (False, lambda _: _Answer(body=self._transfer())),
            "torrents/info": (False, self._info),
            "torrents/properties": (False, self._properties),
            "torrents/files": (False, self._files),
            "torrents/add": (True, self._add),
            "torrents/delete": (True, self._delete),
            f"torrents/{stop}": (True, self._stop),
            f"torrents/{start}": (True, self._start),
            "torrents/recheck": (True, self._recheck),
            "torrents/filePrio": (True, self._set_file_priority),
            "torrents/setShareLimits": (True, self._set_share_limits),
            "torrents/setCategory": (True, self._set_category),
            "torrents/tags": (False, lambda _: _Answer(body=sorted(self._kept.tags))),
            "torrents/addTags": (True, self._add_tags),
            "torrents/removeTags": (True, self._remove_tags),
            "torrents/createTags": (True, self._create_tags),
            "torrents/deleteTags": (True, self._delete_tags),
            "torrents/categories": (False, lambda _: _Answer(body=self._categories())),
            "torrents/createCategory": (True, self._create_category),
            "torrents/removeCategories": (True, self._remove_categories),
        }

    # Sessions

    def _login(self, asked: _Asked) -> _Answer:
        if self._failed_logins >= _MAX_FAILED_LOGINS:
            return _Answer(403, "Your IP address has been banned after too many failed authentication attempts.")
        if asked.cookie not in self._sessions:
            given = (asked.fields.get("username", ""), asked.fields.get("password", ""))
            if given != self._credentials:
                self._failed_logins += 1
                return _Answer(401, "Unauthorized") if self._newest else _Answer(body="Fails.")
        self._failed_logins = 0
        session = secrets.token_urlsafe(24)
        self._sessions.add(session)
        name = f"QBT_SID_{asked.port}" if self._newest else "SID"
        cookie = (("set-cookie", f"{name}={session}; HttpOnly; path=/; SameSite=Strict"),)
        return _Answer(204, "", cookie) if self._newest else _Answer(200, "Ok.", cookie)

    def _logout(self, asked: _Asked) -> _Answer:
        self._sessions.discard(asked.cookie)
        return _Answer()

    # Reading

    def _info(self, asked: _Asked) -> _Answer:
        rows = list(self._kept.torrents.values())
        if asked.fields.get("category"):
            rows = [held for held in rows if held.category == asked.fields["category"]]
        if asked.fields.get("tag"):
            rows = [held for held in rows if asked.fields["tag"] in held.tags]
        if asked.hashes:
            rows = [held for held in rows if held.answers_to(asked.hashes)]
        return _Answer(body=[self._row(held) for held in rows])

    def _row(self, held: _Held) -> dict[str, Any]:
        known, left, now = held.files is not None, held.left, int(time.time())
        progress = (held.size - left) / held.size if held.size else 0.0
        never = -1 if self._modern else 0
        state = self._state(held)
        row: dict[str, Any] = {
            "added_on": int(held.added_on),
            "amount_left": left,
            "auto_tmm": held.auto_tmm,
            "availability": -1 if progress == 1 else 0,
            "category": held.category,
            "completed": held.size - left,
            "completion_on": int(held.completion_on) or never,
            "content_path": self._content_path(held, state),
            "dl_limit": 0,
            "dlspeed": 0,
            "download_path": "",
            "downloaded": held.size - left,
            "downloaded_session": held.size - left,
            "eta": 8640000,
            "f_l_piece_prio": False,
            "force_start": False,
            "hash": held.id,
            "infohash_v1": held.infohash_v1,
            "infohash_v2": held.infohash_v2,
            "last_activity": int(held.completion_on or held.added_on),
            "magnet_uri": f"magnet:?xt=urn:btih:{held.id}",
            "max_ratio": held.ratio_limit if held.ratio_limit >= 0 else -1,
            "max_seeding_time": held.seeding_time_limit if held.seeding_time_limit >= 0 else -1,
            "name": held.name,
            "num_complete": int(known and self._swarm.has(held.wanted)),
            "num_incomplete": 0,
            "num_leechs": 0,
            "num_seeds": 0,
            "priority": 0,
            "progress": 1 if progress == 1 else progress,
            "ratio": 0,
            "ratio_limit": held.ratio_limit,
            "save_path": held.save_path,
            "seeding_time": max(0, now - int(held.completion_on)) if held.completion_on else 0,
            "seeding_time_limit": held.seeding_time_limit,
            "seen_complete": never,
            "seq_dl": False,
            "size": held.size,
            "state": state,
            "super_seeding": False,
            "tags": ", ".join(held.tags),
            "time_active": now - int(held.added_on),
            "total_size": held.total_size if known else -1,
            "tracker": "",
            "trackers_count": 0,
            "up_limit": 0,
            "uploaded": 0,
            "uploaded_session": 0,
            "upspeed": 0,
        }
        return row | (self._row_of_5_1(held) if self._modern else {}) | (self._row_of_5_3(held) if self._newest else {})

    def _row_of_5_1(self, held: _Held) -> dict[str, Any]:
        known, top = held.files is not None, _top_folder(held)
        return {
            "comment": "",
            "has_metadata": known,
            "inactive_seeding_time_limit": held.inactive_seeding_time_limit,
            "max_inactive_seeding_time": -1,
            "popularity": 0,
            "private": False if known else None,
            "reannounce_in": 0,
            "root_path": str(Path(held.save_path, top)) if top else "",
        }

    def _row_of_5_3(self, held: _Held) -> dict[str, Any]:
        known = held.files is not None
        return {
            "connections_count": 0,
            "connections_limit": 100,
            "created_by": "",
            "creation_date": -1,
            "piece_size": 65536 if known else -1,
            "pieces_have": 0,
            "pieces_num": -(-held.total_size // 65536) if known else -1,
            "share_limit_action": "Default",
            "share_limits_mode": "Default",
            "total_wasted": 0,
        }

    def _state(self, held: _Held) -> str:
        stopped = "stopped" if self._modern else "paused"
        if held.broken:
            return held.broken
        if time.time() < held.checking_until:
            if not held.completion_on and not held.finished:
                return "checkingResumeData" if time.time() < held.added_on + _CHECKING_S else "checkingDL"
            return "checkingUP"
        if held.stopped:
            return f"{stopped}UP" if held.finished else f"{stopped}DL"
        if held.files is None:
            return "metaDL"
        if held.finished:
            return "stalledUP"
        return "downloading" if self._swarm.has(held.wanted) else "stalledDL"

    def _content_path(self, held: _Held, state: str) -> str:
        """The file itself when there is just one, even inside a folder; else the torrent's folder."""
        if not held.files:
            return ""
        inside = held.files[0].path if len(held.files) == 1 else _top_folder(held)
        relative = not self._modern and state == "checkingResumeData"
        return inside if relative else str(Path(held.save_path, inside))

    def _properties(self, asked: _Asked) -> _Answer:
        held = self._kept.torrents.get(asked.fields.get("hash", "").lower())
        if held is None:
            return _NOT_FOUND
        body = {
            "addition_date": int(held.added_on),
            "completion_date": int(held.completion_on) or -1,
            "comment": "",
            "download_path": "",
            "hash": held.id,
            "infohash_v1": held.infohash_v1,
            "infohash_v2": held.infohash_v2,
            "name": held.name,
            "save_path": held.save_path,
            "seeding_time": 0,
            "share_ratio": 0,
            "total_downloaded": held.size - held.left,
            "total_size": held.total_size if held.files is not None else -1,
            "total_uploaded": 0,
        }
        return _Answer(body=body)

    def _files(self, asked: _Asked) -> _Answer:
        held = self._kept.torrents.get(asked.fields.get("hash", "").lower())
        if held is None:
            return _NOT_FOUND
        rows = [
            {
                "availability": 0,
                "index": number,
                "name": file.path,
                "piece_range": [0, 0],
                "priority": 0 if number in held.unwanted else 1,
                "progress": 1 if have == file.size_bytes else have / file.size_bytes,
                "size": file.size_bytes,
            }
            for number, (file, have) in enumerate(zip(held.files or (), held.have, strict=True))
        ]
        return _Answer(body=rows)

    def _preferences(self) -> dict[str, Any]:
        return {
            "auto_tmm_enabled": False,
            "max_ratio": -1,
            "max_ratio_act": 0,
            "max_ratio_enabled": False,
            "max_seeding_time": -1,
            "max_seeding_time_enabled": False,
            "queueing_enabled": False,
            "refresh_interval": self._refresh_ms,
            "save_path": str(self._downloads),
            "temp_path": str(self._downloads / "temp"),
            "temp_path_enabled": False,
            "web_ui_max_auth_fail_count": _MAX_FAILED_LOGINS,
            **self.settings,
        }

    def _transfer(self) -> dict[str, Any]:
        return {
            "connection_status": "firewalled",
            "dht_nodes": 0,
            "dl_info_data": sum(held.size - held.left for held in self._kept.torrents.values()),
            "dl_info_speed": 0,
            "dl_rate_limit": 0,
            "up_info_data": 0,
            "up_info_speed": 0,
            "up_rate_limit": 0,
        }

    def _categories(self) -> dict[str, dict[str, Any]]:
        newer: dict[str, Any] = {}
        if self._newest:
            newer = {
                "download_path": None,
                "inactive_seeding_time_limit": -2,
                "ratio_limit": -2,
                "seeding_time_limit": -2,
                "share_limit_action": "Default",
                "share_limits_mode": "Default",
            }
        return {name: {"name": name, "savePath": path, **newer} for name, path in self._kept.categories.items()}

    # Acting

    def _add(self, asked: _Asked) -> _Answer:
        payloads: list[Payload] = []
        for name, content in asked.files.items():
            try:
                payloads.append(read_torrent(content))
            except Permanent:
                return _Answer(415, f"Error: '{name}' is not a valid torrent file.")
        failed = 0
        for link in asked.listed("urls", "\n"):
            try:
                payloads.append(read_magnet(link))
            except Permanent:
                failed += 1
        added = [payload.id for payload in payloads if self._take(payload, asked)]
        failed += len(payloads) - len(added)
        if not added:
            return _Answer(409, "Conflict") if self._newest else _Answer(body="Fails.")
        if not self._newest:
            return _Answer(body="Ok.")
        counts = {"success_count": len(added), "pending_count": 0, "failure_count": failed}
        return _Answer(body={"added_torrent_ids": added, **counts})

    def _take(self, payload: Payload, asked: _Asked) -> bool:
        """False when it is there already, under whichever id."""
        known = {one for held in self._kept.torrents.values() for one in (held.id, held.infohash_v1) if one}
        if payload.id in known or payload.infohash_v1 in known:
            return False
        now, fields = time.time(), asked.fields
        category = fields.get("category", "")
        if category:
            self._kept.categories.setdefault(category, "")
        held = _Held(
            id=payload.id,
            infohash_v1=payload.infohash_v1 or "",
            infohash_v2=payload.infohash_v2 or "",
            name=payload.name or payload.id,
            category=category,
            save_path=str(self._downloads / fields.get("savepath", "")),
            auto_tmm=asked.flag("autoTMM"),
            added_on=now,
            stopped=asked.flag("stopped" if self._modern else "paused"),
            ratio_limit=float(fields.get("ratioLimit", -2)),
            seeding_time_limit=int(fields.get("seedingTimeLimit", -2)),
            inactive_seeding_time_limit=int(fields.get("inactiveSeedingTimeLimit", -2)),
            checking_until=now + _CHECKING_S,
        )
        self._kept.torrents[held.id] = held
        self._tag(held, asked.listed("tags"))
        if payload.files is not None:
            self._learn(held, payload)
        return True

    def _learn(self, held: _Held, payload: Payload) -> None:
        """The metadata is there: a hybrid known by its v1 id gets another one now."""
        self._kept.torrents.pop(held.id, None)
        held.id = payload.id
        held.infohash_v1, held.infohash_v2 = payload.infohash_v1 or "", payload.infohash_v2 or ""
        held.files = list(payload.files or ())
        held.have = [0] * len(held.files)
        self._recount(held)
        self._kept.torrents[held.id] = held

    def _delete(self, asked: _Asked) -> _Answer:
        if missing := asked.lacks("hashes", "deleteFiles"):
            return self._bad_request(missing)
        for held in self._chosen(asked):
            if self._version == "5.1.0" and time.time() < held.added_on + _IGNORED_DELETE_S:
                continue
            del self._kept.torrents[held.id]
            if asked.flag("deleteFiles"):
                _delete_files(held)
        return _Answer()

    def _stop(self, asked: _Asked) -> _Answer:
        for held in self._chosen(asked):
            held.stopped = True
        return _Answer()

    def _start(self, asked: _Asked) -> _Answer:
        for held in self._chosen(asked):
            held.stopped = False
            held.broken = None if held.broken == "error" else held.broken
        return _Answer()

    def _recheck(self, asked: _Asked) -> _Answer:
        for held in self._chosen(asked):
            held.broken = None
            held.checking_until = time.time() + _CHECKING_S
            self._recount(held)
        return _Answer()

    def _set_file_priority(self, asked: _Asked) -> _Answer:
        if missing := asked.lacks("hash", "id", "priority"):
            return self._bad_request(missing)
        if asked.fields["priority"] not in ("0", "1", "6", "7"):
            return _Answer(400, "Priority is not valid")
        held = self._kept.torrents.get(asked.fields["hash"].lower())
        if held is None:
            return _NOT_FOUND
        if held.files is None:
            return _Answer(409, "Torrent's metadata has not yet downloaded")
        chosen = set(asked.listed("id", "|"))
        if not chosen <= set(map(str, range(len(held.files)))):
            return _Answer(409, "File ID is not valid")
        numbers, unwanted = set(map(int, chosen)), set(held.unwanted)
        held.unwanted = sorted(unwanted | numbers if asked.fields["priority"] == "0" else unwanted - numbers)
        self._note_completion(held)
        return _Answer()

    def _set_share_limits(self, asked: _Asked) -> _Answer:
        required = ["hashes", "ratioLimit", "seedingTimeLimit"]
        required += ["inactiveSeedingTimeLimit"] if self._modern else []
        required += ["shareLimitAction", "shareLimitsMode"] if self._newest else []
        if missing := asked.lacks(*required):
            return self._bad_request(missing)
        for held in self._chosen(asked):
            held.ratio_limit = float(asked.fields["ratioLimit"])
            held.seeding_time_limit = int(asked.fields["seedingTimeLimit"])
        return _Answer()

    def _bad_request(self, missing: list[str]) -> _Answer:
        return _Answer(400, f"Missing required parameters: {', '.join(missing)}") if self._newest else _BAD_REQUEST

    def _set_category(self, asked: _Asked) -> _Answer:
        category = asked.fields.get("category", "")
        if category and category not in self._kept.categories:
            return _Answer(409, "Incorrect category name")
        for held in self._chosen(asked):
            held.category = category
        return _Answer()

    def _add_tags(self, asked: _Asked) -> _Answer:
        for held in self._chosen(asked):
            self._tag(held, asked.listed("tags"))
        return _Answer()

    def _remove_tags(self, asked: _Asked) -> _Answer:
        gone = set(asked.listed("tags"))
        for held in self._chosen(asked):
            held.tags = [tag for tag in held.tags if tag not in gone]
        return _Answer()

    def _create_tags(self, asked: _Asked) -> _Answer:
        self._kept.tags = sorted({*self._kept.tags, *asked.listed("tags")})
        return _Answer()

    def _delete_tags(self, asked: _Asked) -> _Answer:
        gone = set(asked.listed("tags"))
        self._kept.tags = [tag for tag in self._kept.tags if tag not in gone]
        for held in self._kept.torrents.values():
            held.tags = [tag for tag in held.tags if tag not in gone]
        return _Answer()

    def _tag(self, held: _Held, tags: list[str]) -> None:
        if self._modern:
            tags = [tag.strip() for tag in tags]
        held.tags = sorted({*held.tags, *tags})
        self._kept.tags = sorted({*self._kept.tags, *tags})

    def _create_category(self, asked: _Asked) -> _Answer:
        name = asked.fields.get("category", "")
        if not name:
            return _BAD_REQUEST
        if name in self._kept.categories or name.startswith("/") or "//" in name or name.endswith("/"):
            return _Answer(409, "Unable to create category")
        self._kept.categories[name] = asked.fields.get("savePath", "")
        return _Answer()

    def _remove_categories(self, asked: _Asked) -> _Answer:
        for name in asked.listed("categories", "\n"):
            self._kept.categories.pop(name, None)
            for held in self._kept.torrents.values():
                held.category = "" if held.category == name else held.category
        return _Answer()

    def _chosen(self, asked: _Asked) -> list[_Held]:
        return [held for held in list(self._kept.torrents.values()) if held.answers_to(asked.hashes)]

    # Downloading

    def _step(self) -> None:
        """Let the time since the last step have its effect."""
        now = time.monotonic()
        elapsed, self._stepped_at = now - self._stepped_at, now
        for held in list(self._kept.torrents.values()):
            if held.stopped or held.broken or time.time() < held.checking_until:
                continue
            if held.files is None:
                self._fetch_metadata(held)
            elif not held.finished and self._swarm.has(held.wanted):
                rate = self._bytes_per_second or held.size / max(self._download_seconds, 0.001)
                self._receive(held, int(rate * elapsed) + 1)

    def _fetch_metadata(self, held: _Held) -> None:
        if time.time() > held.added_on + _METADATA_AFTER_S and (payload := self._swarm.metadata(held)):
            self._learn(held, payload)

    def _receive(self, held: _Held, budget: int) -> None:
        for number, file in held.wanted:
            source, taken = self._swarm.source(file), min(budget, file.size_bytes - held.have[number])
            if source is not None and (taken > 0 or not file.size_bytes):
                _copy_part(source, held.path_of(file), held.have[number], taken)
                held.have[number] += taken
                budget -= taken
        if held.finished:
            held.completion_on = time.time()

    def _recount(self, held: _Held) -> None:
        """Believe what is on disk now."""
        held.have = [min(max(_size_on_disk(held.path_of(file)), 0), file.size_bytes) for file in held.files or ()]
        self._note_completion(held)

    def _note_completion(self, held: _Held) -> None:
        if held.finished and held.size and not held.completion_on:
            held.completion_on = time.time()

    # State

    def _load(self) -> None:
        self._alive = True
        self._sessions.clear()
        self._failed_logins = 0
        self._stepped_at = time.monotonic()
        self._kept, self._saved = _Kept(), b""
        with suppress(FileNotFoundError):
            self._kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        for held in self._kept.torrents.values():
            held.checking_until = time.time() + _CHECKING_S
            if held.finished and any(_size_on_disk(held.path_of(file)) < file.size_bytes for _, file in held.wanted):
                held.broken, held.have = "missingFiles", [0] * len(held.have)

    def _save(self, *, everything: bool = False) -> None:
        if not self._alive:
            return
        young = time.time() - _DURABLE_AFTER_S
        kept = {key: held for key, held in self._kept.torrents.items() if everything or held.added_on <= young}
        document = msgspec.json.encode(msgspec.structs.replace(self._kept, torrents=kept))
        if document == self._saved:
            return
        self._saved = document
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(document)
        partial.replace(self._file)


def create_app(
    state: Path,
    downloads: Path,
    *,
    seeds: Path,
    version: Version = "5.1.0",
    username: str = "admin",
    password: str = "adminadmin",
    api_key: str = "",
    bytes_per_second: float | None = None,
    download_seconds: float = 1.0,
    refresh_ms: int = 200,
) -> Faults:
    """The stand-in behind faults on demand. `state` keeps what survives a restart; `seeds` can be downloaded."""
    return Faults(
        StandIn(
            state,
            downloads,
            seeds=seeds,
            version=version,
            username=username,
            password=password,
            api_key=api_key,
            bytes_per_second=bytes_per_second,
            download_seconds=download_seconds,
            refresh_ms=refresh_ms,
        )
    )


def _top_folder(held: _Held) -> str:
    """Empty for a lone file."""
    folder, slash, _ = (held.files[0].path if held.files else "").partition("/")
    return folder if slash else ""


def _size_on_disk(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _copy_part(source: Path, target: Path, at: int, count: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("r+b" if target.exists() else "wb") as writing:
        reading.seek(at)
        writing.seek(at)
        writing.write(reading.read(count))


def _delete_files(held: _Held) -> None:
    """Own files and then empty folders; whatever else lies there stays."""
    for file in held.files or ():
        path = held.path_of(file)
        path.unlink(missing_ok=True)
        for folder in list(path.parents)[: file.path.count("/")]:
            with suppress(OSError):
                folder.rmdir()


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _asked(scope: Scope, body: bytes) -> _Asked:
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    fields = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    files: dict[str, bytes] = {}
    if scope["method"] == "POST" and headers.get("content-type"):
        environ = {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": headers["content-type"],
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        form, parts = multipart.parse_form_data(environ, spool_limit=_MAX_FORM_BYTES, memory_limit=_MAX_FORM_BYTES)
        fields |= dict(form.items())
        files = {part.filename: part.raw for part in parts.values()}
    cookies = SimpleCookie(headers.get("cookie", ""))
    session = next((one.value for name, one in cookies.items() if re.fullmatch(r"SID|QBT_SID_\d+", name)), "")
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return _Asked(fields=fields, files=files, cookie=session, bearer=bearer, port=scope["server"][1])


async def _send(answer: _Answer, send: Send) -> None:
    text = isinstance(answer.body, str)
    body = str(answer.body).encode() if text else msgspec.json.encode(answer.body)
    content_type = "text/plain; charset=UTF-8" if text else "application/json"
    headers = [("content-type", content_type), ("content-length", str(len(body))), *answer.headers]
    if answer.status == 204:
        headers = list(answer.headers)
    encoded = [(key.encode(), value.encode()) for key, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
