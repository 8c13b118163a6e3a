"""Where the parts meet: settings become adapters, and adapters become what one tick works with."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from adapters import http
from adapters.audiobookshelf import Audiobookshelf
from adapters.files import LibraryFiles
from adapters.manifests import ManifestFolder
from adapters.paths import PathMap
from adapters.qbittorrent import QBittorrent
from adapters.store import migrate, open_store
from domain.plan import Plan
from domain.world import Event
from handlers.indexers import indexers
from handlers.settings import QbittorrentSettings, Settings
from handlers.sources import sources
from reconcile.ports import Outside, Tell


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Quiet:
    """Nobody watches."""

    def event(self, event: Event) -> None: ...

    def planned(self, plan: Plan) -> None: ...


@asynccontextmanager
async def connect(settings: Settings, *, tell: Tell | None = None, polite: bool = True) -> AsyncIterator[Outside]:
    """Everything that the settings name, for the length of a block. The store is migrated first. Only stand-ins of our
    own may be asked without pauses."""
    url = settings.database_url.reveal()
    await migrate(url)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(url))
        paths = PathMap(settings.paths.mappings)
        client = _client(settings.qbittorrent)
        if client is not None:
            stack.push_async_callback(client.close)
        yield Outside(
            store=store,
            manifests=ManifestFolder(settings.wanted),
            library=await _library(settings, stack),
            client=client,
            client_fingerprint=_fingerprint(settings.qbittorrent),
            indexers=await indexers(settings, store, SystemClock(), stack, polite=polite),
            shelf=_shelf(settings, paths, expect_items=bool((await store.baseline()).items)),
            clock=SystemClock(),
            tell=tell or Quiet(),
            jitter=random.Random(),
            catalogue=store,
            sources=await sources(settings, store, SystemClock(), stack),
        )


async def _library(settings: Settings, stack: AsyncExitStack) -> Audiobookshelf | None:
    server = settings.audiobookshelf
    if server is None:
        return None
    headers = {"Authorization": f"Bearer {server.api_key.reveal()}"}
    client = await stack.enter_async_context(http.client(server.url, headers=headers))
    return Audiobookshelf(client, libraries=server.libraries)


def _client(settings: QbittorrentSettings | None) -> QBittorrent | None:
    if settings is None:
        return None
    return QBittorrent(
        settings.url,
        username=settings.username or "",
        password=settings.password.reveal() if settings.password else "",
        api_key=settings.api_key.reveal() if settings.api_key else "",
        category=settings.category,
        save_path=settings.save_path,
        look_twice=True,  # a one-shot process must believe a finished download within its only reading
    )


def _fingerprint(settings: QbittorrentSettings | None) -> str:
    """Four hex digits: enough to notice a change of credentials, too few to prove a guess at them."""
    if settings is None:
        return ""
    secrets = [one.reveal() for one in (settings.password, settings.api_key) if one]
    return hashlib.sha256("\0".join([settings.url, settings.username or "", *secrets]).encode()).hexdigest()[:4]


def _shelf(settings: Settings, paths: PathMap, *, expect_items: bool) -> LibraryFiles | None:
    """`expect_items` tells an unmounted library from a new one."""
    if settings.paths.library is None:
        return None
    return LibraryFiles(
        settings.paths.library,
        mode=settings.publish,
        map_path=paths.local,
        downloads=downloads_folder(settings),
        expect_items=expect_items,
    )


def downloads_folder(settings: Settings) -> Path | None:
    """Where the client's downloads land, as this machine sees it; None without a client."""
    client = settings.qbittorrent
    if client is None:
        return None
    return Path(PathMap(settings.paths.mappings).local(client.save_path))


def set_up_logging(settings: Settings, *, service: bool) -> None:
    """Logs go to standard error, so that what a command prints can be piped. A command that a person waits for says
    what it did by itself: its log holds warnings, unless everything was asked for."""
    level = settings.log_level if service or settings.log_level == "debug" else "warning"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
