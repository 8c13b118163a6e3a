"""Is everything that the settings name there, and can it be worked with? Each connection, each path, the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from adapters import http
from adapters.audiobookshelf import Audiobookshelf
from adapters.catalogues.abs_provider import source_at
from adapters.indexers.myanonamouse import MyAnonamouse
from adapters.indexers.prowlarr import Prowlarr
from adapters.indexers.rationed import Rationed
from adapters.manifests import ManifestFolder
from adapters.path_checks import probe_paths
from adapters.qbittorrent import QBittorrent
from domain.catalogue.claims import FAMILIES
from domain.catalogue.hosts import Host, Limits, booked
from domain.errors import Failure, Transient
from domain.findings import Finding
from domain.manifest import Declared
from handlers.settings import USUAL_SOURCES, Settings
from handlers.sources import Configured, configured
from handlers.wiring import downloads_folder
from reconcile.ports import Indexer, Outside, Query

CLOCK_TOLERANCE_S = 120.0

NOT_ASKED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(USUAL_SOURCES, ("switched off", "take it out of BIBLIOSTAT_CATALOGUE_OFF to ask it")),
    "hardcover": ("off: it answers only with a token", "set BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN to ask it"),
    "google": ("off: it answers only with a key", "set BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY to ask it"),
    "itunes": (
        "off: Apple's terms allow what it shows only for promoting the store",
        "set BIBLIOSTAT_CATALOGUE_ITUNES to yes to ask it",
    ),
    "rreading-glasses": (
        "off: its books are taken from Goodreads, and volunteers run the hosted servers for other programs",
        "set BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL to ask it",
    ),
}
"""Source -> why it is not asked, and what to do to ask it."""


async def examine(settings: Settings, outside: Outside) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known. Nothing of the world is changed."""
    yield Finding("store", True, f"the store answers at schema head ({_kind(settings)})")
    yield _declarations(settings)
    async for finding in _library(settings, outside):
        yield finding
    async for finding in _client(settings, outside):
        yield finding
    if {one.kind for one in settings.every_indexer} <= {"librivox"}:
        what = "set BIBLIOSTAT_INDEXER_<NAME>_KIND, _URL and _API_KEY for more than old books read by volunteers"
        yield Finding("indexers", None, "no indexer is configured", what)
    for indexer in outside.indexers:
        async for finding in _indexer(indexer):
            yield finding
    async for finding in _sources(settings, outside):
        yield finding
    if settings.paths.library is None:
        yield Finding("paths", None, "the library's folder is not configured", "set BIBLIOSTAT_PATH_LIBRARY")
    else:
        for finding in probe_paths(downloads_folder(settings), Path(settings.paths.library), settings.publish):
            yield _with_setting(finding, settings)
        yield _in_place(settings)


def _with_setting(finding: Finding, settings: Settings) -> Finding:
    """A downloads folder that is not there yet is made by the client's first download, if its parent is right."""
    folder = downloads_folder(settings)
    if finding.ok is not False or finding.check != "downloads-folder" or folder is None:
        return finding
    if not folder.exists() and folder.parent.is_dir():
        return Finding(finding.check, None, f"{folder} is not there yet; qBittorrent makes it with the first download")
    what = "set BIBLIOSTAT_PATH_MAP so that BIBLIOSTAT_QBITTORRENT_SAVE_PATH becomes a folder of this machine"
    return Finding(finding.check, False, finding.message, what)


def _in_place(settings: Settings) -> Finding:
    """In-place publishing leaves downloads where they are: they must already be inside the library."""
    folder, root = downloads_folder(settings), settings.paths.library
    if settings.publish != "in_place" or folder is None or root is None:
        return Finding("in-place", None, f"publishing is by {settings.publish}")
    if folder.resolve().is_relative_to(root.resolve()):
        return Finding("in-place", True, f"downloads land in {folder}, inside the library")
    what = "set BIBLIOSTAT_QBITTORRENT_SAVE_PATH to a folder of the library, or publish by hardlink or copy"
    return Finding("in-place", False, f"{folder} is outside the library {root}", what)


def _kind(settings: Settings) -> str:
    return settings.database_url.reveal().partition(":")[0].partition("+")[0]


def _declarations(settings: Settings) -> Finding:
    declared = ManifestFolder(settings.wanted).read()
    if isinstance(declared, Declared):
        documents = len(declared.places)
        return Finding("declarations", True, f"{documents} documents in {settings.wanted}")
    return Finding("declarations", False, str(declared[0]), "`bibliostat validate` lists every mistake")


async def _library(settings: Settings, outside: Outside) -> AsyncIterator[Finding]:
    if not isinstance(outside.library, Audiobookshelf) or settings.audiobookshelf is None:
        what = "set BIBLIOSTAT_AUDIOBOOKSHELF_URL and BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY"
        yield Finding("audiobookshelf", None, "no Audiobookshelf is configured", what)
        return
    try:
        info = await outside.library.check()
    except Failure as failure:
        yield Finding("audiobookshelf", False, failure.message)
        return
    names = ", ".join(f"{one.name} ({', '.join(one.folders)})" for one in info.libraries)
    yield Finding("audiobookshelf", True, f"version {info.version} as {info.user}: {names}")
    for advice in info.advice:
        yield Finding("audiobookshelf-advice", None, advice)
    yield await _seen_from_here(settings, outside)
    yield _same_folder(settings, tuple(folder for one in info.libraries for folder in one.folders))
    yield await _clock(settings.audiobookshelf.url)


async def _seen_from_here(settings: Settings, outside: Outside) -> Finding:
    """A book that the server lists must stand in the folder that we call the library."""
    root = settings.paths.library
    if root is None or outside.library is None:
        return Finding("library-content", None, "the library's folder is not configured", "set BIBLIOSTAT_PATH_LIBRARY")
    try:
        view = await outside.library.read(await outside.store.items())
    except Failure as failure:
        return Finding("library-content", False, failure.message)
    paths = [item.rel_path for item in view.items if not item.is_missing]
    if not paths:
        return Finding("library-content", None, "the library is empty, so the folder could not be compared")
    if any((root / path).exists() for path in paths[:50]):
        return Finding("library-content", True, f"its books stand in {root}")
    what = "BIBLIOSTAT_PATH_LIBRARY must name the folder of the library as this machine sees it"
    return Finding("library-content", False, f"{paths[0]} is in the library and not in {root}", what)


def _same_folder(settings: Settings, folders: tuple[str, ...]) -> Finding:
    """What we publish must land in a folder that the server reads."""
    ours = settings.paths.library_remote or settings.paths.library
    if ours is None:
        return Finding("library-remote", None, "the library's folder is not configured", "set BIBLIOSTAT_PATH_LIBRARY")
    if str(ours).rstrip("/") in {folder.rstrip("/") for folder in folders}:
        return Finding("library-remote", True, f"{ours} is a folder of the library")
    what = "set BIBLIOSTAT_PATH_LIBRARY_REMOTE to the folder as Audiobookshelf names it"
    return Finding("library-remote", False, f"{ours} is none of the library's folders ({', '.join(folders)})", what)


async def _clock(url: str) -> Finding:
    """Two clocks far apart make ages and schedules wrong."""
    try:
        async with http.client(url) as client:
            reply = await client.get("/ping")
        theirs = parsedate_to_datetime(reply.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return Finding("clock", None, "Audiobookshelf does not tell its time, so the clocks were not compared")
    apart_s = abs((datetime.now(UTC) - theirs).total_seconds())
    if apart_s > CLOCK_TOLERANCE_S:
        what = "set the time on both machines, best by NTP"
        return Finding("clock", False, f"this machine and Audiobookshelf are {apart_s:.0f} s apart", what)
    return Finding("clock", True, "agrees with Audiobookshelf's")


async def _client(settings: Settings, outside: Outside) -> AsyncIterator[Finding]:
    if not isinstance(outside.client, QBittorrent) or settings.qbittorrent is None:
        yield Finding(
            "qbittorrent", None, "no qBittorrent is configured", "set BIBLIOSTAT_QBITTORRENT_URL and its login"
        )
        return
    try:
        info = await outside.client.check()
    except Failure as failure:
        yield Finding("qbittorrent", False, failure.message)
        return
    yield Finding("qbittorrent", True, f"version {info.version}, API {info.api_version}")
    for code, sentence in info.problems:
        yield Finding(f"qbittorrent-{code}", False, sentence)


async def _indexer(indexer: Indexer) -> AsyncIterator[Finding]:
    """What it says of itself; then one search, because many servers ask for the key only there."""
    check = f"indexer-{indexer.name}"
    behind = indexer.indexer if isinstance(indexer, Rationed) else indexer
    try:
        told = ""
        if isinstance(behind, MyAnonamouse):
            told = f": {await behind.check()}"
        if isinstance(behind, Prowlarr):
            standing = await behind.check()
            told = f": version {standing.version}, asks {', '.join(standing.asked) or 'nobody'}"
            for tracker, why in standing.left_out.items():
                yield Finding(f"{check}-{tracker}", None, f"{tracker} is not asked: {why}")
            for tracker, until in standing.paused.items():
                when = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "for a while"
                yield Finding(f"{check}-{tracker}", False, f"Prowlarr has paused {tracker} {when}; it says why itself")
        newest = await indexer.search(Query())
    except Failure as failure:
        yield Finding(check, False, failure.message)
        return
    yield Finding(check, True, f"answers, with {len(newest)} newest releases{told}")


async def _sources(settings: Settings, outside: Outside) -> AsyncIterator[Finding]:
    """From what is remembered: nobody is asked, since every question counts."""
    hosts = await outside.catalogue.hosts() if outside.catalogue else ()
    known = {host.host: host for host in hosts}
    asked = configured(settings)
    for source in asked:
        yield _patience(source, known, outside.clock.now())
    for finding in _misnamed(settings):
        yield finding
    names = {source.name for source in asked}
    for name, (why, what) in NOT_ASKED.items():
        if name not in names:
            yield Finding(f"source-{name}", None, why, what)


def _patience(source: Configured, known: Mapping[str, Host], now: datetime) -> Finding:
    """How much more each host of a source may be asked today."""
    said = [_left(known.get(host, Host(host=host)), source.limits, now) for host in source.hosts]
    can_be_asked = all(free for free, _ in said)
    return Finding(f"source-{source.name}", can_be_asked or None, "; ".join(sentence for _, sentence in said))


def _left(host: Host, limits: Limits, now: datetime) -> tuple[bool, str]:
    """Whether the host can be asked now, and what to say about it."""
    try:
        booked(host, limits, now)
    except Transient as failure:
        return False, failure.message
    if limits.per_day is None:
        return True, f"{host.host} may be asked as often as needed"
    spent = host.spent_today if host.day == f"{now.astimezone(UTC):%Y-%m-%d}" else 0
    return True, f"{host.host} has {limits.per_day - spent:,} of {limits.per_day:,} requests left today"


def _misnamed(settings: Settings) -> Iterator[Finding]:
    """Sources that copy one another confirm nothing, and we know them by their names."""
    for provider in settings.providers:
        behind = source_at(provider.url)
        if behind in FAMILIES and provider.name not in FAMILIES:
            message = f"its address looks like {behind}'s, and by this name it counts as independent of everybody else"
            yield Finding(f"source-{provider.name}-name", None, message, f"call it `{behind}` if that is what it is")
