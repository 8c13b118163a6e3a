"""One request to Audiobookshelf, and the translation of every way it can fail into our own errors.

Bodies of errors are never parsed: most are plain text or a page of HTML. Addresses in messages carry no key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient

T = TypeVar("T")

DROPPED = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

ITEM = re.compile(r" /api/items/[^/]+(/media)?$")


class Calls:
    """Reads, orders and changes over one HTTP client, which holds the address, the key and the timeouts."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    @property
    def address(self) -> str:
        """The server's address for messages, without any user or password in it."""
        return str(self.http.base_url.copy_with(username=None, password=None)).rstrip("/")

    async def read(self, path: str, shape: type[T], *, params: Mapping[str, str | int] | None = None) -> T:
        """GET, asked a second time when the connection was dropped."""
        return self._decoded(await self._asked("GET", path, params=params), shape)

    async def read_by_post(self, path: str, shape: type[T], body: msgspec.Struct) -> T:
        """POST that only reads (batch/get), so it may be asked twice as well."""
        return self._decoded(await self._asked("POST", path, body=body), shape)

    async def order(self, path: str) -> None:
        """POST a command that may be repeated. A lost answer is no error: the caller looks for the effect."""
        try:
            reply = await self._sent("POST", path)
        except httpx.RequestError as exc:
            if isinstance(exc, NEVER_SENT):
                raise self._unreachable(exc) from exc
            return
        self._accepted(reply, "POST", path)

    async def change(self, path: str, body: msgspec.Struct) -> None:
        """PATCH, sent once. `Ambiguous` when it may or may not have been done."""
        try:
            reply = await self._sent("PATCH", path, body=body)
        except httpx.RequestError as exc:
            if isinstance(exc, NEVER_SENT):
                raise self._unreachable(exc) from exc
            message = (
                f"Audiobookshelf at {self.address} took a change and {_what_happened(exc)}: look before trying again"
            )
            raise Ambiguous(message, code="LibraryWriteUnknown") from exc
        if reply.is_server_error:
            message = (
                f"Audiobookshelf at {self.address} answered {reply.status_code} to a change: look what became of it"
            )
            raise Ambiguous(message, code="LibraryWriteUnknown")
        self._accepted(reply, "PATCH", path)

    async def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: msgspec.Struct | None = None,
    ) -> httpx.Response:
        try:
            try:
                reply = await self._sent(method, path, params=params, body=body)
            except DROPPED:
                # The server closes idle connections after 5 s, and the pool may not have noticed yet.
                reply = await self._sent(method, path, params=params, body=body)
        except httpx.RequestError as exc:
            raise self._unreachable(exc) from exc
        self._accepted(reply, method, path)
        return reply

    async def _sent(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: msgspec.Struct | None = None,
    ) -> httpx.Response:
        extra: dict[str, Any] = {}
        if body is not None:
            extra = {"content": msgspec.json.encode(body), "headers": {"Content-Type": "application/json"}}
        try:
            return await self.http.request(method, path, params=params, **extra)
        except httpx.UnsupportedProtocol as exc:
            message = f'The address of Audiobookshelf ("{self.address}") must begin with http:// or https://'
            raise Permanent(message, code="LibraryAddress") from exc

    def _accepted(self, reply: httpx.Response, method: str, path: str) -> None:
        if not reply.is_success:
            raise self._refusal(reply, f"{method} {path}")

    def _refusal(self, reply: httpx.Response, request: str) -> Failure:
        where, status = f"Audiobookshelf at {self.address}", reply.status_code
        if status == 401:
            message = f"{where} does not accept the API key: give an active key of an active admin user"
            return Permanent(message, code="LibraryRefusedKey")
        if status == 403:
            message = f"{where} forbids {request}: the key must belong to an admin user with access to every library"
            return Permanent(message, code="LibraryForbidden")
        if status == 404 and ITEM.search(request):
            return Conflict(f"{where} has no such item any more ({request})", code="ItemGone")
        if status == 404:
            message = f"{where} does not know {request}: check the address, its base path and the library"
            return Permanent(message, code="LibraryNotFound")
        if status in (429, 503):
            message = f"{where} is busy ({status})"
            return Transient(message, code="LibraryBusy", retry_after_s=_seconds(reply.headers.get("retry-after")))
        if reply.is_server_error:
            return Transient(f"{where} failed with {status} on {request}", code="LibraryFailed")
        if reply.is_redirect:
            message = f"{where} answers with a redirect: set the address where it really answers"
            return Permanent(message, code="LibraryRedirects")
        return Permanent(f"{where} answered {status} to {request}", code="LibraryRefused")

    def _decoded(self, reply: httpx.Response, shape: type[T]) -> T:
        try:
            return msgspec.json.decode(reply.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            # The decoder's own words name a place in the reply and a type, never a value.
            seen = "a web page" if reply.content.lstrip()[:1] == b"<" else f"an unusable reply ({exc})"
            message = f"Audiobookshelf at {self.address} sent {seen} instead of its JSON for {reply.request.url.path}"
            raise Transient(message, code="LibraryNotJson") from exc

    def _unreachable(self, exc: httpx.RequestError) -> Transient:
        return Transient(f"Audiobookshelf at {self.address} {_what_happened(exc)}", code="LibraryUnreachable")


def _what_happened(exc: httpx.RequestError) -> str:
    if isinstance(exc, httpx.TimeoutException):
        return "did not answer in time"
    if isinstance(exc, httpx.ConnectError):
        certificate = "CERTIFICATE" in str(exc).upper()
        return "shows a certificate that cannot be trusted" if certificate else "cannot be reached"
    return "dropped the connection"


def _seconds(retry_after: str | None) -> float | None:
    """The header as seconds; its other form, a date, counts as not given."""
    return float(retry_after) if retry_after and retry_after.strip().isdigit() else None
