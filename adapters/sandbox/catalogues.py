"""Stand-ins for the sources of catalogue data: one app, each source below a path of its own (`/audible/us`, …).

They answer from one `CatalogueWorld` as the real ones would (contracts: metadata, section 3), can be made to ail one by
one, and count what they are asked.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from hashlib import blake2s
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from adapters.sandbox.catalogue_audible import audible
from adapters.sandbox.catalogue_audiosilo import audiosilo, busy_audiosilo
from adapters.sandbox.catalogue_audnexus import audnexus, busy_audnexus
from adapters.sandbox.catalogue_books import CatalogueWorld
from adapters.sandbox.catalogue_hardcover import hardcover
from adapters.sandbox.catalogue_index import HTML, Answered, Asked, Index
from adapters.sandbox.catalogue_librivox import librivox
from adapters.sandbox.catalogue_open_library import open_library
from adapters.sandbox.faults import Fault, Faults, Receive, Scope, Send

Speaker = Callable[[Index, Asked], Answered]

SPEAKERS: Mapping[str, Speaker] = {
    "audible": audible,
    "audiosilo": audiosilo,
    "audnexus": audnexus,
    "openlibrary": open_library,
    "librivox": librivox,
    "hardcover": hardcover,
}
ELSEWHERE = "http://elsewhere.invalid"
RETRY_AFTER_S = 17

Trouble = Literal["down", "slow", "html", "half", "lost", "empty", "shortened", "busy", "moved"]
"""`down`: 503. `slow`: the answer comes after `seconds`. `html`: 200 and a web page. `half`: a body cut in the middle.
`lost`: the connection breaks. `empty`: every list is empty. `shortened`: every list is half as long and calls itself
complete. `busy`: 429 with `Retry-After`. `moved`: a redirect to another host."""


class _Ailment(msgspec.Struct, kw_only=True):
    trouble: Trouble
    seconds: float
    left: int | None
    """How many requests it still meets; None for as long as it is in force."""


class Catalogues:
    """The app. Tests and the demo change `world` and make sources ail while it runs."""

    def __init__(
        self,
        world: CatalogueWorld,
        *,
        audnexus_per_min: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`audnexus_per_min` is 100 at the real one; None never refuses. `clock` gives seconds."""
        self.world = world
        self.requests: Counter[tuple[str, str]] = Counter()
        """(source, path below the source) -> how often it was asked, whatever the answer was."""
        self._per_min = audnexus_per_min
        self._clock = clock
        self._recent: deque[float] = deque()
        self._ailments: dict[str, _Ailment] = {}

    @property
    def world(self) -> CatalogueWorld:
        return self._world

    @world.setter
    def world(self, world: CatalogueWorld) -> None:
        self._world = world
        self._indexes: dict[str, Index] = {}

    def ail(self, source: str, trouble: Trouble, *, seconds: float = 1.0, times: int | None = None) -> None:
        """Make a source ail, for so many requests or until `heal`."""
        if source not in SPEAKERS:
            raise ValueError(f"there is no source {source!r} here: {', '.join(SPEAKERS)}")
        self._ailments[source] = _Ailment(trouble=trouble, seconds=seconds, left=times)

    def heal(self, *sources: str) -> None:
        """End the troubles of these sources, or of all."""
        for source in sources or tuple(self._ailments):
            self._ailments.pop(source, None)

    def asked(self, source: str) -> int:
        """How many requests a source has had."""
        return sum(count for (known, _), count in self.requests.items() if known == source)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        source, _, rest = scope["path"].removeprefix("/").partition("/")
        if source not in SPEAKERS:
            await _send(send, Answered(body={"error": "no such source"}, status=404))
            return
        self.requests[source, f"/{rest}"] += 1
        trouble, seconds = self._strikes(source)

        async def speak(scope: Scope, receive: Receive, send: Send) -> None:
            asked = _asked(scope, source, await _body(receive))
            await _send(send, _validated(scope, asked, self._answer(source, asked, trouble)))

        wire = Faults(speak)
        wire.now = _on_the_wire(trouble, seconds)
        await wire(scope, receive, send)

    def _strikes(self, source: str) -> tuple[Trouble | None, float]:
        ailment = self._ailments.get(source)
        if ailment is None or ailment.left == 0:
            return None, 0.0
        if ailment.left is not None:
            ailment.left -= 1
        return ailment.trouble, ailment.seconds

    def _answer(self, source: str, asked: Asked, trouble: Trouble | None) -> Answered:
        if trouble == "moved":
            return Answered(body=b"", status=302, kind=HTML, headers={"location": f"{ELSEWHERE}{asked.path}"})
        if trouble == "busy" or (source == "audnexus" and self._over_the_limit()):
            return _busy(source)
        return SPEAKERS[source](self._index(trouble), asked)

    def _index(self, trouble: Trouble | None) -> Index:
        kind = trouble if trouble in {"empty", "shortened"} else "whole"
        if kind not in self._indexes:
            world = {"empty": CatalogueWorld.emptied, "shortened": CatalogueWorld.halved}.get(kind)
            self._indexes[kind] = Index(world(self._world) if world else self._world)
        return self._indexes[kind]

    def _over_the_limit(self) -> bool:
        """Whether the last minute had its full number of requests already. A refused one does not count."""
        if self._per_min is None:
            return False
        now = self._clock()
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        if len(self._recent) >= self._per_min:
            return True
        self._recent.append(now)
        return False


def create_app(world: CatalogueWorld, *, audnexus_per_min: int | None = None) -> Catalogues:
    return Catalogues(world, audnexus_per_min=audnexus_per_min)


def _on_the_wire(trouble: Trouble | None, seconds: float) -> list[Fault]:
    """The troubles that any stand-in can have."""
    match trouble:
        case "down":
            return [Fault(kind="status", status=503)]
        case "slow":
            return [Fault(kind="slow", seconds=seconds)]
        case "html":
            return [Fault(kind="html")]
        case "half":
            return [Fault(kind="cut")]
        case "lost":
            return [Fault(kind="lost_reply")]
    return []


def _busy(source: str) -> Answered:
    match source:
        case "audnexus":
            return busy_audnexus(RETRY_AFTER_S)
        case "audiosilo":
            return busy_audiosilo(RETRY_AFTER_S)
    return Answered(body=b"", status=429, kind=HTML, headers={"retry-after": str(RETRY_AFTER_S)})


def _asked(scope: Scope, source: str, body: bytes) -> Asked:
    """Links are built from the address that the caller used, as real servers do."""
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    return Asked(
        path=scope["path"].removeprefix(f"/{source}"),
        params=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        headers=headers,
        prefix=f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}/{source}",
        body=body,
    )


def _validated(scope: Scope, asked: Asked, said: Answered) -> Answered:
    """With an ETag over the body; 304 without a body for whoever has that already."""
    if scope["method"] != "GET" or said.status != 200:
        return said
    tag = f'"{blake2s(said.content, digest_size=16).hexdigest()}"'
    known = {one.strip().removeprefix("W/") for one in asked.headers.get("if-none-match", "").split(",")}
    headers = {**said.headers, "etag": tag}
    if tag in known:
        return Answered(body=b"", status=304, kind="", headers=headers)
    return msgspec.structs.replace(said, headers=headers)


async def _send(send: Send, said: Answered) -> None:
    body = said.content
    kind = {"content-type": said.kind, "content-length": str(len(body))} if said.status != 304 else {}
    headers = [(key.encode(), value.encode("latin-1")) for key, value in {**kind, **said.headers}.items()]
    await send({"type": "http.response.start", "status": said.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
