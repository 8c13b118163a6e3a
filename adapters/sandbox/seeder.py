"""Seeds finished content to a real download client on loopback, and announces itself by a tracker of its own.

Needs the package `libtorrent`, which is not a dependency of the service: only tests and the demo come here.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from bencode2 import bencode

from adapters.sandbox.serve import free_port

_SEEDING_TIMEOUT_S = 20.0


class Tracker:
    """An HTTP tracker that names one peer on loopback to everybody, whatever they ask for."""

    def __init__(self, peer_port: int) -> None:
        peer = socket.inet_aton("127.0.0.1") + peer_port.to_bytes(2, "big")
        answer = bencode({"interval": 1800, "min interval": 30, "complete": 1, "incomplete": 0, "peers": peer})

        class Announce(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a client that was stopped meanwhile
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent: nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Announce)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="tracker", daemon=True)
        self._thread.start()
        # Clients accept a tracker on loopback only under a path that begins with /announce.
        self.announce = f"http://127.0.0.1:{self._server.server_port}/announce"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


class Seeder:
    """One peer that has everything. Make torrents with `announce=seeder.announce`, then `seed` them."""

    def __init__(self) -> None:
        import libtorrent

        self._lt = libtorrent
        self.port = free_port()
        self._session = libtorrent.session(
            {
                "listen_interfaces": f"127.0.0.1:{self.port}",
                "allow_multiple_connections_per_ip": True,
                "enable_dht": False,
                "enable_lsd": False,
                "enable_natpmp": False,
                "enable_upnp": False,
            }
        )
        self._tracker = Tracker(self.port)

    @property
    def announce(self) -> str:
        """The announce URL that leads here."""
        return self._tracker.announce

    @property
    def peer(self) -> str:
        """`host:port`, for a magnet's `x.pe`."""
        return f"127.0.0.1:{self.port}"

    def seed(self, torrent: bytes, folder: Path) -> None:
        """Offer what `torrent` describes; it stands in `folder` (the torrent's own folder below it included)."""
        lt = self._lt
        parameters = lt.add_torrent_params()
        # Without its tracker: the seeder is found, it need not look, and its end would wait for a farewell there.
        parts = {key: value for key, value in lt.bdecode(torrent).items() if key in (b"info", b"piece layers")}
        parameters.ti = lt.torrent_info(parts)
        parameters.save_path = str(folder)
        parameters.flags |= lt.torrent_flags.seed_mode
        parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        handle = self._session.add_torrent(parameters)
        deadline = time.monotonic() + _SEEDING_TIMEOUT_S
        while not handle.status().is_seeding:
            if time.monotonic() > deadline:
                raise RuntimeError("the torrent is not seeding: is the content where the torrent says?")
            time.sleep(0.005)

    def close(self) -> None:
        self._tracker.close()
        self._session.pause()

    def __enter__(self) -> Seeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
