"""What the contract suite runs against: the stand-in in three dialects and the real qbittorrent-nox, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Protocol

import httpx
import pytest

from adapters.qbittorrent import QBittorrent
from adapters.sandbox.faults import Faults, Receive, Scope, Send
from adapters.sandbox.nox import Nox, installed
from adapters.sandbox.qbittorrent import StandIn, Version
from adapters.sandbox.seeder import Seeder
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import Version as TorrentVersion
from adapters.sandbox.torrent_maker import make_torrent

needs_nox = pytest.mark.skipif(not installed(), reason="left out: qbittorrent-nox is not installed")


class Rig(Protocol):
    """A download client that can be asked, restarted and killed, and something to download with it."""

    url: str
    lossy_url: str
    """The same server, behind `faults`."""
    faults: Faults
    username: str
    password: str
    downloads: Path
    durable_after_s: float
    """An add that old survives a kill."""
    refresh_s: float

    def offer(self, name: str, *, version: TorrentVersion = "v1") -> bytes:
        """A torrent whose content can be downloaded."""

    def restart(self) -> None: ...

    def kill_and_start(self) -> None: ...

    def close(self) -> None: ...


class StandInRig:
    durable_after_s = 1.4
    refresh_s = 0.1

    def __init__(self, root: Path, version: Version, *, download_seconds: float = 0.2) -> None:
        self._seeds = root / "seeds"
        self.downloads = root / "downloads"
        self.stand_in = StandIn(
            root / "state",
            self.downloads,
            seeds=self._seeds,
            version=version,
            download_seconds=download_seconds,
            refresh_ms=round(self.refresh_s * 1000),
        )
        self.username, self.password = "admin", "adminadmin"
        self.faults = Faults(self.stand_in)
        self._server = Server(self.faults).start()
        self.url = self.lossy_url = self._server.url

    def offer(self, name: str, *, version: TorrentVersion = "v1") -> bytes:
        torrent = make_torrent(a_book(self._seeds, name), version=version)
        (self._seeds / f"{name}.torrent").write_bytes(torrent)
        return torrent

    def restart(self) -> None:
        self._server.stop()
        self._server.start()

    def kill_and_start(self) -> None:
        self.stand_in.kill()
        self.restart()

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        # The next test need not wait for the end of this server.
        threading.Thread(target=self._server.stop).start()


class NoxRig:
    durable_after_s = 2.0
    refresh_s = 0.2

    def __init__(self, root: Path) -> None:
        self._seeds = root / "seeds"
        self.downloads = root / "downloads"
        self._seeder = Seeder()
        self._nox = Nox(root / "profile", self.downloads, refresh_ms=round(self.refresh_s * 1000)).start()
        self.url, self.username, self.password = self._nox.url, self._nox.username, self._nox.password
        self.faults = Faults(_Forward(self._nox.url))
        self._proxy = Server(self.faults).start()
        self.lossy_url = self._proxy.url

    def offer(self, name: str, *, version: TorrentVersion = "v1") -> bytes:
        torrent = make_torrent(a_book(self._seeds, name), version=version, announce=self._seeder.announce)
        self._seeder.seed(torrent, self._seeds)
        return torrent

    @property
    def magnet_peer(self) -> str:
        return f"&x.pe={self._seeder.peer}"

    def restart(self) -> None:
        self._nox.stop()
        self._nox.start()

    def kill_and_start(self) -> None:
        self._nox.kill()
        self._nox.start()

    def close(self) -> None:
        threading.Thread(target=self._proxy.stop).start()
        self._nox.kill()
        self._seeder.close()


class _Forward:
    """Hands each request on to another address on loopback, so that faults can stand before the real server."""

    def __init__(self, to: str) -> None:
        self._to = to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(key, value) for key, value in scope["headers"] if key != b"host"]
        url = f"{self._to}{scope['path']}?{scope['query_string'].decode()}"
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.request(scope["method"], url, headers=headers, content=body)
        passed = [(key, value) for key, value in reply.headers.raw if key.lower() in (b"content-type", b"set-cookie")]
        await send({"type": "http.response.start", "status": reply.status_code, "headers": passed})
        await send({"type": "http.response.body", "body": reply.content})


def a_book(folder: Path, name: str) -> Path:
    """Two parts and a cover, different for each name; 0.3 MB."""
    book = folder / name
    (book / "disc 1").mkdir(parents=True, exist_ok=True)
    chance = Random(name)
    (book / "disc 1" / "01.mp3").write_bytes(chance.randbytes(200_011))
    (book / "disc 1" / "02.mp3").write_bytes(chance.randbytes(100_003))
    (book / "cover.jpg").write_bytes(chance.randbytes(1_000))
    return book


def adapter(rig: Rig, *, lossy: bool = False, **changes: Any) -> QBittorrent:
    """The adapter as wired up for this server."""
    options: dict[str, Any] = {
        "username": rig.username,
        "password": rig.password,
        "category": "audiobooks",
        "save_path": str(rig.downloads / "audiobooks"),
        **changes,
    }
    return QBittorrent(rig.lossy_url if lossy else rig.url, **options)


RIGS: dict[str, Callable[[Path], Rig]] = {
    "stand-in 4.5.2": lambda root: StandInRig(root, "4.5.2"),
    "stand-in 5.1.0": lambda root: StandInRig(root, "5.1.0"),
    "stand-in 5.3.0": lambda root: StandInRig(root, "5.3.0"),
    "qbittorrent-nox": NoxRig,
}
"""What the suite runs against."""
