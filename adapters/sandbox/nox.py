"""A real qbittorrent-nox with a private profile, on loopback only: for the tests and the demo."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx

from adapters.sandbox.serve import free_port

PROGRAM = "qbittorrent-nox"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 60.0  # one clean stop with many torrents was seen to take half a minute


def installed() -> bool:
    """Whether the program is there to be started."""
    return shutil.which(PROGRAM) is not None


class Nox:
    """One server. `stop` and `start` keep profile and ports, as a restarted server would; `kill` is kill -9."""

    username = "admin"
    password = "a password for loopback only"

    def __init__(self, profile: Path, downloads: Path, *, refresh_ms: int = 200) -> None:
        self._profile = profile
        self._downloads = downloads
        self._refresh_ms = refresh_ms
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.peer_port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Nox:
        """Start and wait until it answers. `RuntimeError` with what it said when it does not."""
        self._configure()
        log = self._profile / "output.txt"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAM, f"--profile={self._profile}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(self._profile), "TZ": "UTC"},
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                raise RuntimeError(f"{PROGRAM} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """A clean stop; what it knows is on disk afterwards."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9: what was not yet written is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Nox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with httpx.Client(trust_env=False, timeout=2.0) as http:
                return http.get(f"{self.url}/api/v2/app/version").status_code in (200, 403)
        except httpx.TransportError:
            return False

    def _configure(self) -> None:
        """Write the settings once; later starts find what the server itself made of them."""
        settings = self._profile / "qBittorrent" / "config" / "qBittorrent.conf"
        if settings.exists():
            return
        settings.parent.mkdir(parents=True, exist_ok=True)
        self._downloads.mkdir(parents=True, exist_ok=True)
        settings.write_text(self._settings(), encoding="utf-8")

    def _settings(self) -> str:
        return f"""\
[LegalNotice]
Accepted=true

[AutoRun]
enabled=false

[BitTorrent]
Session\\AnnounceToAllTrackers=true
Session\\DHTEnabled=false
Session\\DefaultSavePath={self._downloads}
Session\\Interface=lo
Session\\InterfaceAddress=127.0.0.1
Session\\InterfaceName=lo
Session\\LSDEnabled=false
Session\\MultiConnectionsPerIp=true
Session\\PeXEnabled=false
Session\\Port={self.peer_port}
Session\\QueueingSystemEnabled=false
Session\\RefreshInterval={self._refresh_ms}

[Network]
PortForwardingEnabled=false

[Preferences]
Connection\\ResolvePeerCountries=false
WebUI\\Address=127.0.0.1
WebUI\\Enabled=true
WebUI\\LocalHostAuth=true
WebUI\\Password_PBKDF2="{_stored_password(self.password)}"
WebUI\\Port={self.port}
WebUI\\UseUPnP=false
WebUI\\Username={self.username}
"""


def _stored_password(password: str) -> str:
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"
