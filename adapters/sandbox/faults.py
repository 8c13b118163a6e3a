"""Faults on demand, in front of any stand-in: slow, down, refused, half an answer, nonsense, a lost reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Kind = Literal["status", "html", "empty", "cut", "garbage", "slow", "lost_reply", "reset"]


class Fault(msgspec.Struct, kw_only=True):
    """What goes wrong with requests whose path holds `path` (and whose method is `method`, when given)."""

    kind: Kind
    path: str = ""
    method: str = ""
    status: int = 500
    seconds: float = 0.0
    times: int | None = None
    """How often it still happens; None for as long as it is in force."""

    def strikes(self, scope: Scope) -> bool:
        if self.times == 0 or self.path not in scope["path"] or self.method not in ("", scope["method"]):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """ASGI middleware. `now` is the list in force; tests change it while the server runs."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.now: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        """Every request seen: method and path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.requests.append((scope["method"], scope["path"]))
        fault = next((fault for fault in self.now if fault.strikes(scope)), None)
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self.app(scope, receive, send)
            case "status":
                await _answer(send, fault.status, b"Unauthorized" if fault.status == 401 else b"out of order")
            case "html":
                await _answer(send, 200, b"<!DOCTYPE html><html><body>Welcome to nginx</body></html>", "text/html")
            case "empty":
                await _answer(send, 200, b"")
            case "garbage":
                await _answer(send, 200, b'{"unexpected": [1, 2', "application/json")
            case "cut":
                _, headers, body = await _collect(self.app, scope, receive)
                await _answer(send, 200, body[: len(body) // 2], headers.get("content-type", "application/json"))
            case "lost_reply":
                # The request takes full effect; only the answer never arrives.
                await _collect(self.app, scope, receive)
                await _drop(send)
            case "reset":
                await _drop(send)


async def _collect(app: App, scope: Scope, receive: Receive) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = 500, {}, b""

    async def keep(message: Message) -> None:
        nonlocal status, headers, body
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {key.decode().lower(): value.decode() for key, value in message.get("headers", [])}
        elif message["type"] == "http.response.body":
            body += message.get("body", b"")

    await app(scope, receive, keep)
    return status, headers, body


async def _drop(send: Send) -> None:
    """Break the connection. An app that raised before its answer began would be answered for, with a 500."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
    raise ConnectionResetError("connection reset on purpose")


async def _answer(send: Send, status: int, body: bytes, content_type: str = "text/plain") -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
