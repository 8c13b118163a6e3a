"""A stand-in for Audiobookshelf 2.36 over a real folder: its HTTP, its socket, its scans, and its rough edges.

What a scan does not read here: .nfo, .opf and .txt files, covers, chapters, e-books.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import socketio

from adapters.sandbox import abs_shapes as shapes
from adapters.sandbox.abs_world import Book, Changes, Task, World, now_ms
from adapters.sandbox.faults import App, Faults, Message, Receive, Scope, Send

BASE_PATH = "/audiobookshelf"
"""Every route answers below it too."""


class Reply(msgspec.Struct, frozen=True):
    """An answer: JSON for what is no bytes."""

    body: Any
    status: int = 200
    kind: str = "application/json; charset=utf-8"

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


def _text(text: str, status: int = 200, kind: str = "text/plain") -> Reply:
    return Reply(text.encode(), status, f"{kind}; charset=utf-8" if kind else "")


class Request(msgspec.Struct, frozen=True):
    """What a route gets to see."""

    query: list[tuple[str, str]]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return dict(self.query)

    def json(self) -> Any:
        return msgspec.json.decode(self.body or b"{}")


class Killed(ConnectionResetError):
    """This request ends the real server's process: the client sees its connection drop."""


class AudiobookshelfSandbox(Faults):
    """The stand-in with its faults, and with what a test or a demo may do to its world."""

    def __init__(self, root: Path, state: Path, *, api_key: str, scan_seconds: float = 0.1) -> None:
        self.world = World(root, state)
        self._api_key = api_key
        self._scan_seconds = scan_seconds
        super().__init__(self._app())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # A start is a restart: what only lived in memory is gone, running scans among it.
            self.world = World(self.world.root, self.world.state)
            self.app = self._app()
        elif scope["path"].startswith(f"{BASE_PATH}/"):
            scope = {**scope, "path": scope["path"].removeprefix(BASE_PATH)}
        await super().__call__(scope, receive, send)

    def _app(self) -> App:
        return create_server(self.world, api_key=self._api_key, scan_seconds=self._scan_seconds)

    def watcher(self, *, on: bool) -> None:
        """The library's setting. The stand-in's watcher itself never acts; see `watcher_scan`."""
        self.world.kept.disable_watcher = not on
        self.world.save()

    def watcher_scan(self) -> Task:
        """A watcher scan begins; `world.end_task` ends it."""
        return self.world.start_task("watcher-scan", "Scanning file changes")

    def unmount(self) -> None:
        """The library's disk goes away: the next scan marks every item missing."""
        self.world.root.rename(_away(self.world.root))

    def mount(self) -> None:
        """The disk is back."""
        _away(self.world.root).rename(self.world.root)

    def forget(self) -> None:
        """The server lists nothing any more, though the files are there."""
        self.world.kept.books.clear()
        self.world.save()

    def twin(self, book_id: str) -> Book:
        """A second item on the same path, as a library scan beside a watcher scan leaves behind."""
        twin = msgspec.json.decode(msgspec.json.encode(self._book(book_id)), type=Book)
        twin.id, twin.media_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.world.kept.books.append(twin)
        self.world.save()
        return twin

    def hand_inode(self, book_id: str, folder: Path) -> None:
        """The file system gives a deleted book's number to a new folder: the next scan takes it for that book."""
        self._book(book_id).ino = str(folder.stat().st_ino)
        self.world.save()

    def _book(self, book_id: str) -> Book:
        return next(book for book in self.world.kept.books if book.id == book_id)


def _away(root: Path) -> Path:
    return root.with_name(f"{root.name}.unmounted")


def create_app(root: Path, state: Path, *, api_key: str, scan_seconds: float = 0.1) -> AudiobookshelfSandbox:
    """A server with one book library, "Books", over `root`; it remembers its items in the folder `state`.

    A library scan shows as a running task for `scan_seconds`.
    """
    return AudiobookshelfSandbox(root, state, api_key=api_key, scan_seconds=scan_seconds)


def create_server(world: World, *, api_key: str, scan_seconds: float) -> App:
    """HTTP and socket over one world."""
    socket = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
    routes = Routes(world, socket, api_key=api_key, scan_seconds=scan_seconds)
    # Given an `on_startup`, it answers the server's start and stop itself.
    app: App = socketio.ASGIApp(socket, routes, on_startup=lambda: None)
    return app


Handler = Callable[..., Awaitable[Reply]]


class Routes:
    """The HTTP routes as one ASGI app. It answers errors in the real server's words and types: mostly not JSON."""

    def __init__(self, world: World, socket: socketio.AsyncServer, *, api_key: str, scan_seconds: float) -> None:
        self.world = world
        self.socket = socket
        self.api_key = api_key
        self.token = f"legacy.{world.kept.user_id}"
        self.scan_seconds = scan_seconds
        self._running: set[asyncio.Task[None]] = set()
        library, item = r"/api/libraries/([^/]+)", r"/api/items/([^/]+)"
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", "/healthcheck", self.health),
                ("GET", "/ping", self.ping),
                ("GET", "/status", self.status),
                ("GET", "/api/me", self.me),
                ("GET", "/api/tasks", self.tasks),
                ("GET", "/api/libraries", self.libraries),
                ("GET", library, self.library),
                ("PATCH", library, self.set_library),
                ("GET", f"{library}/items", self.items),
                ("POST", f"{library}/scan", self.scan),
                ("DELETE", f"{library}/issues", self.drop_missing),
                ("POST", "/api/items/batch/get", self.batch_get),
                ("GET", item, self.item),
                ("DELETE", item, self.drop_item),
                ("PATCH", f"{item}/media", self.patch),
            )
        ]
        socket.on("auth", self.socket_auth)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(parse_qsl(scope["query_string"].decode(), keep_blank_values=True), await _body(receive))
        try:
            reply = await self._answer(scope, request)
        except Killed:
            # An answer that is broken off is the nearest thing to a server that dies.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            raise
        headers = [(b"content-length", str(len(reply.content)).encode())]
        if reply.kind:
            headers.append((b"content-type", reply.kind.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.content})

    async def _answer(self, scope: Scope, request: Request) -> Reply:
        path = scope["path"]
        if path.startswith("/api") and not self._allowed(scope, request):
            return _text("Unauthorized", 401, "")
        for method, pattern, handler in self.routes:
            if method == scope["method"] and (match := pattern.fullmatch(path)):
                try:
                    return await handler(request, *match.groups())
                except msgspec.DecodeError:
                    return _page("SyntaxError: Unexpected token in JSON", 400)
        return _page(f"Cannot {scope['method']} {escape(path)}", 404)

    def _allowed(self, scope: Scope, request: Request) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        return (given or request.params.get("token")) in (self.api_key, self.token)

    async def socket_auth(self, sid: str, token: object = None) -> None:
        """The socket accepts the old-style token, never an API key. Without it nobody hears anything."""
        if token != self.token:
            await self.socket.emit("auth_failed", {"message": "Invalid token"}, to=sid)
            return
        await self.socket.enter_room(sid, "heard")
        user = {"userId": self.world.kept.user_id, "username": "root", "usersOnline": []}
        await self.socket.emit("init", user, to=sid)

    async def _tell(self, event: str, content: object) -> None:
        await self.socket.emit(event, content, room="heard")

    async def health(self, request: Request) -> Reply:
        return _text("OK")

    async def ping(self, request: Request) -> Reply:
        return Reply({"success": True})

    async def status(self, request: Request) -> Reply:
        known = {"app": "audiobookshelf", "serverVersion": shapes.VERSION, "isInit": True, "language": "en-us"}
        return Reply(known | {"authMethods": ["local"], "authFormData": {"authLoginCustomMessage": ""}})

    async def me(self, request: Request) -> Reply:
        return Reply(shapes.me(self.world, self.token))

    async def tasks(self, request: Request) -> Reply:
        return Reply({"tasks": [shapes.task(task) for task in self.world.tasks]})

    async def libraries(self, request: Request) -> Reply:
        return Reply({"libraries": [shapes.library(self.world)]})

    async def library(self, request: Request, library_id: str) -> Reply:
        return self._no_library(library_id) or Reply(shapes.library(self.world))

    async def set_library(self, request: Request, library_id: str) -> Reply:
        settings = request.json().get("settings") or {}
        if isinstance(settings.get("disableWatcher"), bool):
            self.world.kept.disable_watcher = settings["disableWatcher"]
            self.world.save()
        return await self.library(request, library_id)

    def _no_library(self, library_id: str) -> Reply | None:
        return None if library_id == self.world.kept.library_id else _text("Library not found", 404)

    async def items(self, request: Request, library_id: str) -> Reply:
        names = [name for name, _ in request.query]
        if names.count("filter") > 1 or names.count("include") > 1:
            raise Killed("a repeated parameter")
        params = request.params
        if (limit := _whole(params.get("limit"))) is None:
            return _text("Invalid request. limit must be a positive integer", 400, "text/html")
        return self._no_library(library_id) or Reply(self._page(params, limit, _whole(params.get("page")) or 0))

    def _page(self, params: Mapping[str, str], limit: int, page: int) -> shapes.Json:
        books = sorted(self.world.kept.books, key=_order(params.get("sort")), reverse=params.get("desc") == "1")
        start = limit * page
        some = books[start : start + limit] if limit else books
        echo = {"sortBy": params["sort"]} if "sort" in params else {}
        return {
            "results": [shapes.row(self.world, book) for book in some],
            "total": len(books),
            "limit": limit,
            "page": page,
            **echo,
            "sortDesc": params.get("desc") == "1",
            "mediaType": "book",
            "minified": params.get("minified") == "1",
            "collapseseries": False,
            "include": params.get("include", ""),
            "offset": start,
        }

    async def batch_get(self, request: Request) -> Reply:
        ids = request.json().get("libraryItemIds")
        if not ids:
            return _text("Invalid payload", 403, "text/html")
        return Reply(
            {"libraryItems": [shapes.expanded(self.world, book) for book in self.world.kept.books if book.id in ids]}
        )

    async def item(self, request: Request, item_id: str) -> Reply:
        book = self.world.find(item_id)
        if book is None:
            return _text("Not Found", 404)
        shape = shapes.expanded if request.params.get("expanded") == "1" else shapes.plain
        return Reply(shape(self.world, book))

    async def drop_item(self, request: Request, item_id: str) -> Reply:
        book = self.world.find(item_id)
        if book is None:
            return _text("Not Found", 404)
        await self._drop([book])
        return _text("OK")

    async def drop_missing(self, request: Request, library_id: str) -> Reply:
        await self._drop([book for book in self.world.kept.books if book.is_missing])
        return self._no_library(library_id) or _text("OK")

    async def _drop(self, books: list[Book]) -> None:
        gone = {book.id for book in books}
        self.world.kept.books = [book for book in self.world.kept.books if book.id not in gone]
        self.world.save()
        for book_id in gone:
            await self._tell("item_removed", {"id": book_id, "libraryId": self.world.kept.library_id})

    async def patch(self, request: Request, item_id: str) -> Reply:
        book, change = self.world.find(item_id), request.json()
        if book is None:
            return _text("Not Found", 404)
        before = msgspec.json.encode((book.metadata, book.tags))
        apply_change(self.world, book, change)
        changed = before != msgspec.json.encode((book.metadata, book.tags))
        if changed:
            book.updated_at = max(now_ms(), book.updated_at + 1)
            self.world.save()
            await self._tell("item_updated", shapes.expanded(self.world, book))
        return Reply({**({"updated": True} if changed else {}), "libraryItem": shapes.plain(self.world, book)})

    async def scan(self, request: Request, library_id: str) -> Reply:
        """Answers at once. While a scan runs, another one is answered the same and never happens."""
        if missing := self._no_library(library_id):
            return missing
        if not self.world.running("library-scan"):
            task = self.world.start_task("library-scan", f'Scanning "{self.world.kept.name}" library')
            await self._tell("task_started", shapes.task(task))
            running = asyncio.create_task(self._scan(task))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return _text("OK")

    async def _scan(self, task: Task) -> None:
        await asyncio.sleep(self.scan_seconds)
        try:
            changes = await asyncio.to_thread(self.world.scan)
        except OSError:
            changes, task.is_failed = Changes(), True
        for event, books in (("items_updated", changes.updated), ("items_added", changes.added)):
            for start in range(0, len(books), 10):
                await self._tell(event, [shapes.expanded(self.world, book) for book in books[start : start + 10]])
        task.data["scanResults"] = _results(changes)
        self.world.end_task(task)
        await self._tell("task_finished", shapes.task(task))


def _results(changes: Changes) -> shapes.Json:
    counts = {"added": len(changes.added), "updated": len(changes.updated), "missing": changes.missing}
    return counts | {"elapsed": 1, "text": ", ".join(f"{number} {what}" for what, number in counts.items())}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message: Message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _page(message: str, status: int) -> Reply:
    html = f'<!DOCTYPE html>\n<html lang="en">\n<body>\n<pre>{message}</pre>\n</body>\n</html>\n'
    return _text(html, status, "text/html")


def _whole(text: str | None) -> int | None:
    """A number of a query as the real server reads it: no number is 0; negative and fractional ones are refused."""
    try:
        number = float(text or 0)
    except ValueError:
        return 0
    return int(number) if number >= 0 and number.is_integer() else None


def _order(sort: str | None) -> Callable[[Book], Any]:
    """Unknown orders, `updatedAt` among them, are silently ignored."""
    keys: dict[str, Callable[[Book], Any]] = {
        "addedAt": lambda book: book.added_at,
        "size": lambda book: book.size,
        "mtimeMs": lambda book: book.times.mtime_ms,
        "media.metadata.title": lambda book: (book.metadata.title or "").casefold(),
        "media.metadata.authorName": lambda book: ", ".join(book.metadata.authors).casefold(),
        "media.duration": lambda book: book.duration,
    }
    return keys.get(sort or "", lambda book: 0)


TEXTS = {
    "title": "title",
    "subtitle": "subtitle",
    "publishedYear": "published_year",
    "publisher": "publisher",
    "description": "description",
    "isbn": "isbn",
    "asin": "asin",
    "language": "language",
}


def apply_change(world: World, book: Book, change: shapes.Json) -> None:
    """Change a book as the real server does: forgiving, and not always as one meant."""
    said, known = change.get("metadata") or {}, book.metadata
    for key in ("series", "authors"):
        if isinstance(said.get(key), list) and None in said[key]:
            raise Killed("a null in a list")
    for key, field in TEXTS.items():
        value = str(said[key]) if isinstance(said.get(key), int | float) else said.get(key)
        if key in said and (value is None or isinstance(value, str)):
            setattr(known, field, value or None)
    for key in ("explicit", "abridged"):
        if key in said:
            setattr(known, key, bool(said[key]))
    for key in ("narrators", "genres"):
        if _texts(said.get(key)):
            setattr(known, key, said[key])
    if _texts(change.get("tags")):
        book.tags = change["tags"]
    if isinstance(said.get("series"), list):
        _set_series(world, book, said["series"])
    if isinstance(said.get("authors"), list):
        _set_authors(world, book, said["authors"])


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _set_series(world: World, book: Book, series: list[Any]) -> None:
    """By name without regard to case; entries without a name spoil the whole change, numbers must be text."""
    if not all(isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"] for one in series):
        return
    numbers = {one["name"].casefold(): one.get("sequence") for one in series}
    wanted = {one["name"].casefold(): world.spelled("series", one["name"]) for one in series}
    names = _kept_first([name for name, _ in book.metadata.series], wanted)
    texts = [number if isinstance(number := numbers[name.casefold()], str) else None for name in names]
    book.metadata.series = list(zip(names, texts, strict=True))


def _set_authors(world: World, book: Book, authors: list[Any]) -> None:
    """By name without regard to case; plain texts have no name, so they remove every author."""
    given = [one["name"].strip() for one in authors if isinstance(one, dict) and isinstance(one.get("name"), str)]
    wanted = {name.casefold(): world.spelled("author", name) for name in given if name}
    book.metadata.authors = _kept_first(book.metadata.authors, wanted)


def _kept_first(known: list[str], wanted: Mapping[str, str]) -> list[str]:
    """Names that stay keep their place and spelling; new ones follow."""
    kept = [name for name in known if name.casefold() in wanted]
    folded = {name.casefold() for name in kept}
    return kept + [name for key, name in wanted.items() if key not in folded]
