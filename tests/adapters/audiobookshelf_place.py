"""One Audiobookshelf with a library of its own for a test: the stand-in, or the real server where its address is given.

The real one: BIBLIOSTAT_TEST_ABS_URL, BIBLIOSTAT_TEST_ABS_KEY (an admin's API key), BIBLIOSTAT_TEST_ABS_ROOT (a folder
that both the server and the tests see under the same path).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from mutagen.id3 import ID3, TXXX, Frames

from adapters.audiobookshelf import Audiobookshelf, Patience
from adapters.http import client
from adapters.sandbox.audiobookshelf import AudiobookshelfSandbox, create_app
from adapters.sandbox.serve import Server

KEY = "sandbox-api-key"
QUICK = Patience(poll_s=0.05, quiet_s=0.3, lost_polls=10, deadline_s=20)
SERVERS = ["stand-in"] + (["real"] if os.environ.get("BIBLIOSTAT_TEST_ABS_URL") else [])

# MPEG 1 layer III, 128 kbit/s, 44.1 kHz, stereo, no data: one frame of silence.
FRAME = b"\xff\xfb\x90\x04" + bytes(413)


class Place:
    """Where a library stands, and how to reach it."""

    def __init__(self, url: str, key: str, root: Path, library: str, sandbox: AudiobookshelfSandbox | None) -> None:
        self.url = url
        self.key = key
        self.root = root
        self.library = library
        self._sandbox = sandbox
        self.server: Server | None = None
        """The stand-in's, to stop and start."""
        self.asked: list[str] = []
        """Every request of the adapters made here: method and path."""

    @property
    def sandbox(self) -> AudiobookshelfSandbox:
        assert self._sandbox is not None
        return self._sandbox

    def http(self, key: str | None = None) -> httpx.AsyncClient:
        http = client(self.url, headers={"Authorization": f"Bearer {key or self.key}"})
        http.event_hooks["request"] = [self._note]
        return http

    async def _note(self, request: httpx.Request) -> None:
        self.asked.append(f"{request.method} {request.url.path}")

    def adapter(self, http: httpx.AsyncClient, *, patience: Patience = QUICK) -> Audiobookshelf:
        return Audiobookshelf(http, libraries=[self.library], patience=patience)

    def book(self, folder: str, *, files: tuple[str, ...] = ("book.mp3",), **tags: str) -> Path:
        """Put a book of silence into a folder of the library. Tags by ID3 frame, others as free text."""
        for name in files:
            write_mp3(self.root / folder / name, **tags)
        return self.root / folder

    async def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A request of somebody else."""
        async with client(self.url, headers={"Authorization": f"Bearer {self.key}"}) as http:
            reply = await http.request(method, path, json=body)
            return reply.raise_for_status()

    async def library_id(self) -> str:
        libraries = (await self.call("GET", "/api/libraries")).json()["libraries"]
        return next(library["id"] for library in libraries if library["name"] == self.library)


def write_mp3(path: Path, *, seconds: float = 1.0, **tags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FRAME * round(seconds * 44100 / 1152))
    if tags:
        id3 = ID3()
        for name, text in tags.items():
            frame = Frames[name](encoding=3, text=[text]) if name in Frames else None
            id3.add(frame or TXXX(encoding=3, desc=name.replace("_", "-"), text=[text]))
        id3.save(path)


@contextmanager
def stand_in(folder: Path, **options: float) -> Iterator[Place]:
    root = folder / "books"
    root.mkdir(parents=True)
    app = create_app(root, folder / "state", api_key=KEY, **options)
    with Server(app) as server:
        place = Place(server.url, KEY, root, "Books", app)
        place.server = server
        yield place


@contextmanager
def real() -> Iterator[Place]:
    url, key = os.environ["BIBLIOSTAT_TEST_ABS_URL"], os.environ["BIBLIOSTAT_TEST_ABS_KEY"]
    name = f"test-{uuid.uuid4().hex[:12]}"
    root = Path(os.environ["BIBLIOSTAT_TEST_ABS_ROOT"]) / name
    root.mkdir()
    settings = {"disableWatcher": True, "audiobooksOnly": True}
    body = {"name": name, "mediaType": "book", "folders": [{"fullPath": str(root)}], "settings": settings}
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
        library = http.post("/api/libraries", json=body).raise_for_status().json()
        try:
            yield Place(url, key, root, name, None)
        finally:
            http.delete(f"/api/libraries/{library['id']}").raise_for_status()


def place(kind: str, folder: Path) -> Iterator[Place]:
    with stand_in(folder) if kind == "stand-in" else real() as found:
        yield found
