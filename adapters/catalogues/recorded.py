"""Replies of catalogue sources kept in files: one JSON document each, `{"request": …, "response": …}`.

A folder of them is a world to try rules on without asking anybody; a run against the live sources can write one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from adapters.catalogues.replies import DAY_S, LONGEST_BODY, SEARCH_S, Reply, Web, text
from domain.catalogue.claims import Answer
from domain.errors import Failure, Permanent, Transient

LARGEST_FILE_BYTES = 2 * LONGEST_BODY
"""A body that is kept as text takes more room than it had."""
MOST_FILES = 20_000


class Reader(Protocol):
    """What replaying needs of an adapter."""

    name: str

    def knows(self, url: str) -> bool: ...

    def read(self, reply: Reply) -> Answer: ...


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file: an answer, the trouble that its reply meant, or a note why it says nothing."""

    file: str
    """Its path within the folder."""
    source: str = ""
    """Whose reply it is; "" where nobody knows the address."""
    answer: Answer | None = None
    trouble: Failure | None = None
    note: str = ""
    fetched_at: datetime | None = None
    """When the source said so, where the file tells."""


class _Request(msgspec.Struct, frozen=True):
    url: str
    method: str = "GET"
    body: msgspec.Raw = msgspec.Raw(b"")
    at: object = None


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    status: int = 200
    content_type: str = ""
    headers: Mapping[str, object] = {}
    body: msgspec.Raw = msgspec.Raw(b"")
    at: object = None


class _Envelope(msgspec.Struct, frozen=True):
    request: _Request
    response: _Response
    at: object = None


def read_folder(folder: Path, sources: Sequence[Reader]) -> tuple[Recorded, ...]:
    """Every `*.json` in and below the folder, read by the first source that knows the address it was asked from.

    The order is that of what the replies say, not of the files' names. Raises `Permanent` (`NoSuchFolder`) when the
    folder cannot be read; a file that cannot be read is a note.
    """
    found = [_read_file(path, path.relative_to(folder).as_posix(), sources) for path in _files(folder)]
    return tuple(sorted(found, key=_order))


def _files(folder: Path) -> Iterator[Path]:
    def refuse(trouble: OSError) -> None:
        raise Permanent(
            f"the folder of recorded replies {folder} cannot be read ({trouble.strerror}); check the path",
            code="NoSuchFolder",
        ) from trouble

    count = 0
    for parent, _, names in os.walk(folder, onerror=refuse):
        for name in names:
            if name.endswith(".json"):
                count += 1
                if count > MOST_FILES:
                    raise Permanent(f"{folder} holds more than {MOST_FILES} files", code="TooManyFiles")
                yield Path(parent, name)


def _order(recorded: Recorded) -> tuple[str, bytes, str, str, str]:
    said = msgspec.json.encode(recorded.answer, order="deterministic")
    trouble = recorded.trouble.message if recorded.trouble else ""
    return recorded.source, said, trouble, recorded.note, recorded.file


def _read_file(path: Path, name: str, sources: Sequence[Reader]) -> Recorded:
    try:
        envelope = _opened(path)
    except _NoRecord as exc:
        return Recorded(file=name, note=str(exc))
    reply = _reply(envelope)
    if without_secrets(reply.url) == NO_ADDRESS:
        return Recorded(file=name, note=f"holds {NO_ADDRESS}")
    at = _moment(envelope.response.at) or _moment(envelope.request.at) or _moment(envelope.at)
    source = next((source for source in sources if source.knows(reply.url)), None)
    if source is None:
        return Recorded(file=name, note=f"no source knows {without_secrets(reply.url)[:200]}", fetched_at=at)
    try:
        answer = source.read(reply)
    except Failure as failure:
        return Recorded(file=name, source=source.name, trouble=failure, fetched_at=at)
    except (RecursionError, UnicodeError) as exc:
        trouble = Transient(f"{source.name} sent what cannot be read ({type(exc).__name__})", code="NotJson")
        return Recorded(file=name, source=source.name, trouble=trouble, fetched_at=at)
    return Recorded(file=name, source=answer.source, answer=answer, fetched_at=at)


class _NoRecord(Exception):
    """The file holds no recorded reply; the message says what it holds instead."""


def _opened(path: Path) -> _Envelope:
    try:
        # A pipe or a device named *.json would never end.
        if not path.is_file():
            raise _NoRecord("is no file")
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise _NoRecord(f"is larger than {LARGEST_FILE_BYTES >> 20} MiB")
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as exc:
        raise _NoRecord(f"cannot be read ({exc.strerror})") from exc
    try:
        keys = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).keys()
        if not {"request", "response"} <= keys:
            raise _NoRecord("holds no recorded reply")
        return msgspec.json.decode(content, type=_Envelope)
    except msgspec.ValidationError as exc:
        raise _NoRecord(f"holds no recorded reply ({exc})") from exc
    except (ValueError, RecursionError) as exc:
        raise _NoRecord("holds no JSON") from exc


def _reply(envelope: _Envelope) -> Reply:
    response = envelope.response
    headers = {name.lower(): text(value) or "" for name, value in response.headers.items()}
    if response.content_type:
        headers["content-type"] = response.content_type
    return Reply(
        url=envelope.request.url,
        status=response.status,
        headers=headers,
        body=_body(response.body),
        asked=_body(envelope.request.body),
    )


def _body(raw: msgspec.Raw) -> bytes:
    """Text as the bytes that came, anything else as the JSON it stands for."""
    said = bytes(raw)
    if said.startswith(b'"'):
        return msgspec.json.decode(said, type=str).encode(errors="replace")
    return b"" if said == b"null" else said


def _moment(value: object) -> datetime | None:
    """A moment in UTC of ISO text with its zone, or of seconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


# --- recording -------------------------------------------------------------------------------------------------------

_SECRET = re.compile(
    r"(?:^|[-_.])(?:key|api_?key|token|secret|password|passwd|auth|authorization|sig|signature)$", re.I
)
NO_ADDRESS = "an address that is none"
_KEPT_HEADERS = frozenset({"location", "retry-after", "link", "ratelimit", "ratelimit-policy"})


def without_secrets(url: str) -> str:
    """The address without a password in it, and with `REDACTED` for each parameter that is a key or a token."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        _ = parts.port  # Reading it is what finds a port that is none.
    except ValueError:
        return NO_ADDRESS
    host = parts.netloc.rpartition("@")[2]
    if any(_SECRET.search(name) for name, _ in pairs):
        query = urlencode([(name, "REDACTED" if _SECRET.search(name) else value) for name, value in pairs])
    else:
        query = parts.query
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


class RecordingWeb:
    """A `Web` that also keeps each reply as a file of `folder`. Request headers, and with them tokens, are not kept."""

    def __init__(self, web: Web, folder: Path, *, now: Callable[[], datetime]) -> None:
        self._web = web
        self._folder = folder
        self._now = now

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        reply = await self._web.get(url, params=params, headers=headers, fresh_s=fresh_s, timeout_s=timeout_s)
        return await self._kept(reply, "GET")

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        reply = await self._web.post(url, json=json, headers=headers, fresh_s=fresh_s, timeout_s=timeout_s)
        return await self._kept(reply, "POST")

    async def _kept(self, reply: Reply, method: str) -> Reply:
        await asyncio.to_thread(_write, self._folder, reply, method, self._now())
        return reply


def _write(folder: Path, reply: Reply, method: str, at: datetime) -> None:
    """The same question overwrites its older reply. Raises `Transient` when the disk refuses."""
    url = without_secrets(reply.url)
    request = {"method": method, "url": url} | ({"body": _as_kept(reply.asked)} if reply.asked else {})
    response = {
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "status": reply.status,
        "contentType": reply.headers.get("content-type", ""),
        "headers": {
            name: without_secrets(value) if name == "location" else value
            for name, value in reply.headers.items()
            if name in _KEPT_HEADERS
        },
        "body": _as_kept(reply.body),
    }
    question = hashlib.sha256(b"\0".join((method.encode(), url.encode(), reply.asked))).hexdigest()[:16]
    host = re.sub(r"[^A-Za-z0-9.-]", "-", urlsplit(url).hostname or "unknown")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = msgspec.json.format(msgspec.json.encode({"request": request, "response": response}), indent=1)
        (folder / f"{host}-{question}.json").write_bytes(content + b"\n")
    except OSError as exc:
        raise Transient(f"a reply cannot be kept in {folder} ({exc.strerror})", code="CannotRecord") from exc


def _as_kept(body: bytes) -> msgspec.Raw | str:
    """A JSON object or list as it came, anything else as text."""
    try:
        if body.lstrip()[:1] in (b"{", b"["):
            msgspec.json.decode(body)
            return msgspec.Raw(body)
    except (ValueError, RecursionError):
        pass
    return body.decode(errors="replace")
