"""Hints that something changed, from the server's socket. Nothing is replayed there: they are never more than hints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import aiohttp
import msgspec
import socketio

from adapters.audiobookshelf.calls import Calls
from adapters.audiobookshelf.scanning import Sleep
from adapters.audiobookshelf.wire import Me
from domain.errors import Failure, Permanent, Transient

ITEMS = ("item_added", "items_added", "item_updated", "items_updated", "item_removed")
WAKING = frozenset(("init", "task_finished", "library_updated", *ITEMS))
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
LONGEST_EVENT = 64 * 1024 * 1024
"""Bytes. One event may hold ten items with every file of each."""
GREETING_S = 15.0
"""How long the server may take to answer our token."""


class Wakeup(msgspec.Struct, frozen=True, kw_only=True):
    """Read again now. `init` comes after each connection: whatever happened before it was not told."""

    event: str
    """The server's event, or `unavailable` when its socket cannot be had at the moment."""
    why: str = ""


async def wakeups(calls: Calls, *, sleep: Sleep) -> AsyncGenerator[Wakeup, None]:
    """Changes as they are announced, for ever. A failure is reported as `unavailable`, and tried again later."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            async with aclosing(_listen(calls)) as heard:
                async for event in heard:
                    pause = FIRST_PAUSE_S
                    yield Wakeup(event=event)
            why = "the socket was closed"
        except Failure as failure:
            why = failure.message
        yield Wakeup(event="unavailable", why=f"{why}; polling goes on")
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _listen(calls: Calls) -> AsyncGenerator[str, None]:
    """The waking events of one connection, until it ends."""
    token = await _token(calls)
    heard: asyncio.Queue[str] = asyncio.Queue()
    timeout = aiohttp.ClientTimeout(total=None, connect=10.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        # Our own reconnection: after each one the token must be sent anew, and it may have changed.
        socket = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            http_session=session,
            websocket_extra_options={"max_msg_size": LONGEST_EVENT},
        )
        _hear(socket, heard)
        try:
            await _connect(socket, calls, token)
            yield await _greeting(heard, calls)
            while (event := await heard.get()) != "disconnect":
                if event in WAKING:
                    yield event
        finally:
            with suppress(socketio.exceptions.SocketIOError):
                await socket.disconnect()


async def _token(calls: Calls) -> str:
    """The socket refuses API keys, but accepts the old-style token that `/api/me` shows to one."""
    me = await calls.read("/api/me", Me)
    if not me.token:
        raise Permanent(f"Audiobookshelf at {calls.address} gives no token for its socket", code="SocketRefused")
    return me.token


def _hear(socket: socketio.AsyncClient, heard: asyncio.Queue[str]) -> None:
    async def note(event: str, *_: object) -> None:
        heard.put_nowait(event)

    async def end(*_: object) -> None:
        heard.put_nowait("disconnect")

    socket.on("*", note)
    socket.on("disconnect", end)


async def _connect(socket: socketio.AsyncClient, calls: Calls, token: str) -> None:
    path = f"{calls.http.base_url.path.strip('/')}/socket.io".lstrip("/")
    agent = {"User-Agent": calls.http.headers.get("User-Agent", "Bibliostat")}
    try:
        await socket.connect(
            calls.address, headers=agent, transports=["websocket"], socketio_path=path, wait_timeout=10
        )
        await socket.emit("auth", token)
    except (socketio.exceptions.SocketIOError, aiohttp.ClientError, OSError, TimeoutError) as exc:
        message = f"Audiobookshelf at {calls.address} does not accept a socket connection"
        raise Transient(message, code="SocketUnreachable") from exc


async def _greeting(heard: asyncio.Queue[str], calls: Calls) -> str:
    try:
        async with asyncio.timeout(GREETING_S):
            while (event := await heard.get()) not in ("init", "auth_failed", "disconnect"):
                pass
    except TimeoutError:
        event = "silence"
    if event != "init":
        message = f"The socket of Audiobookshelf at {calls.address} did not accept our token ({event})"
        raise Transient(message, code="SocketRefused")
    return event
