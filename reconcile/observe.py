"""Reading the desired and the actual. A source that fails becomes `Unread` with its reason, never something empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from domain.affording import counted
from domain.backoff import next_backoff
from domain.desired import Desired, derive
from domain.digests import digest_of
from domain.errors import Failure, Permanent
from domain.manifest import Declared, PolicySpec, Retries
from domain.ownership import keys_of
from domain.wants import MemberKind
from domain.world import Baseline, Claim, Item, Known, LibraryView, Outcome, Spent, Torrent, Unread, World
from reconcile.catalogues import read_catalogue
from reconcile.ports import Outside

ClientReading = Known[tuple[Torrent, ...]] | Unread
LibraryReading = Known[LibraryView] | Unread


async def read_desired(outside: Outside, *, remember: bool = False) -> Desired:
    """What is declared now, or the last good set when the newest does not decode or wants suspiciously little.

    `remember`: keep this set as the last good one, and the keys minted for it. Only a tick that acts does; looking at
    other declarations (`adopt`, `plan`) leaves nothing behind.
    """
    store = outside.store
    declared = outside.manifests.read()
    last_good = await store.last_good()
    items = (await store.items()).values()
    keys = await store.want_keys()
    baseline = await store.baseline()
    catalogue = await read_catalogue(outside)
    if not isinstance(declared, Declared):
        desired = derive(last_good or Declared(), items, keys, catalogue)
        return msgspec.structs.replace(desired, mistakes=tuple(str(mistake) for mistake in declared))
    desired = derive(declared, items, keys, catalogue)
    digest = digest_of("declarations", baseline.wants, sorted(want.key for want in desired.wants))
    allowed = declared.policy.brakes.allow_empty or digest in await store.approved()
    if last_good is not None and not allowed and _shrunk(desired, baseline):
        return msgspec.structs.replace(derive(last_good, items, keys, catalogue), shrunk=digest)
    if not remember:
        return desired
    if declared != last_good:
        await store.save_last_good(declared, now=outside.clock.now())
    if new := {identity: key for identity, key in desired.keys.items() if identity not in keys}:
        await store.save_want_keys(new, now=outside.clock.now())
    return desired


def stated(desired: Desired) -> int:
    """How many wants people stated; placeholders follow from the library and come and go with it."""
    return sum(1 for want in desired.wants if want.kind is not MemberKind.PLACEHOLDER)


FEW_WANTS = 3


def _shrunk(desired: Desired, baseline: Baseline) -> bool:
    now, before = stated(desired), baseline.wants or 0
    if before == 0:
        return False
    few_left = now < desired.policy.brakes.plausible_share * before
    return now == 0 or (few_left and before - now >= FEW_WANTS)


async def observe(outside: Outside, policy: PolicySpec, *, spent: Spent) -> World:
    """One complete listing each of library and client, and everything the store remembers."""
    store, clock = outside.store, outside.clock
    claims = await store.claims()
    library = await read_library(outside)
    downloads = await read_client(outside, claims, policy.retries)
    now = clock.now()
    hour = await store.grabs_since(now - timedelta(hours=1))
    day = await store.grabs_since(now - timedelta(days=1))
    return World(
        library=library,
        downloads=downloads,
        indexers=tuple(sorted(indexer.name for indexer in outside.indexers)),
        free_bytes=await _free_bytes(outside),
        shelf=await _shelf_fault(outside),
        claims=claims,
        searches=await store.searches(),
        baseline=await store.baseline(),
        backoffs=await store.backoffs(),
        overrides=await store.overrides(),
        blocklist=await store.blocklist(),
        approved=await store.approved(),
        findings=await store.findings(),
        requests=await store.requests(),
        accounts=counted(await store.accounts(), claims),
        spent=msgspec.structs.replace(spent, hour=sum(hour.values()), day=sum(day.values()), by_indexer=dict(day)),
    )


async def read_library(outside: Outside) -> LibraryReading:
    """Every item with its folded keys; what the store holds is fetched again only where it changed."""
    now = outside.clock.now()
    if outside.library is None:
        return Unread(code="LibraryNotConfigured", why="no Audiobookshelf is configured", at=now)
    known = await outside.store.items()
    try:
        view = await outside.library.read(known)
    except Failure as failure:
        return Unread(code=failure.code, why=failure.message, at=now)
    items = tuple(_with_keys(item, known) for item in view.items)
    await outside.store.save_items(items)
    return Known(value=msgspec.structs.replace(view, items=items), read_at=now)


def _with_keys(item: Item, known: Mapping[str, Item]) -> Item:
    if item.keys is not None:
        return item
    before = known.get(item.id)
    same = before is not None and all(getattr(before, name) == getattr(item, name) for name in FOLDED)
    keys = before.keys if before is not None and same and before.keys else keys_of(item)
    return msgspec.structs.replace(item, keys=keys)


FOLDED = ("title", "series", "authors", "rel_path")
"""What the keys of an item are made of."""


async def read_client(outside: Outside, claims: Iterable[Claim], retries: Retries) -> ClientReading:
    """Our torrents, and those that a live grab asked for. A refused login is written down and not repeated for a while,
    because five of them have the client shut its door for an hour."""
    now = outside.clock.now()
    if outside.client is None:
        return Unread(code="ClientNotConfigured", why="no qBittorrent is configured", at=now)
    key = f"client/{outside.client_fingerprint}"
    backoffs = await outside.store.backoffs()
    if key in backoffs and backoffs[key].not_before > now:
        return Unread(code="ClientRefused", why=backoffs[key].why, at=now)
    if key in backoffs:
        outside.client.forget_refusal()
    live = (None, Outcome.UNKNOWN, Outcome.SENT)
    ids = {one for claim in claims if claim.action == "grab" and claim.outcome in live for one in claim.ids}
    try:
        torrents = await outside.client.read(ids)
    except Permanent as failure:
        slow = msgspec.structs.replace(retries, backoff_first_s=max(retries.backoff_first_s, REFUSED_FIRST_S))
        backoff = next_backoff(key, backoffs, why=failure.message, policy=slow, now=now, jitter=outside.jitter)
        await outside.store.save_backoff(backoff)
        return Unread(code=failure.code, why=failure.message, at=now)
    except Failure as failure:
        return Unread(code=failure.code, why=failure.message, at=now)
    if key in backoffs:
        await outside.store.clear_backoff(key)
    return Known(value=torrents, read_at=now)


REFUSED_FIRST_S = 900
"""After a refused login the client is left alone for a quarter of an hour first."""


async def _shelf_fault(outside: Outside) -> Unread | None:
    """Ask for a place that is never taken: an unmounted library shows here."""
    now = outside.clock.now()
    if outside.shelf is None:
        return Unread(code="ShelfNotConfigured", why="the library's folder is not configured", at=now)
    try:
        await outside.shelf.placed("Nobody/Nothing")
    except Failure as failure:
        return Unread(code=failure.code, why=failure.message, at=now)
    return None


async def _free_bytes(outside: Outside) -> int | None:
    if outside.shelf is None:
        return None
    try:
        return await outside.shelf.free_bytes()
    except Failure:
        return None


def _missing(now: int, before: int | None, at_once: int) -> int:
    """The lowest count stays the measure, so that books which turn missing little by little add up to a suspicion. Only
    a jump that a person approved (else a brake would hold) makes a new measure."""
    if before is None or now - before > at_once:
        return now
    return min(before, now)


def good_baseline(desired: Desired, world: World) -> Baseline:
    """The counts of this reading, for a later one to be compared with; what was not read keeps its last good count."""
    before = world.baseline
    items, missing, torrents = before.items, before.missing, before.torrents
    if isinstance(world.library, Known):
        items = world.library.value.present
        missing = _missing(
            len(world.library.value.items) - items, before.missing, desired.policy.brakes.missing_at_once
        )
    if isinstance(world.downloads, Known):
        torrents = len(world.downloads.value)
    return Baseline(items=items, missing=missing, torrents=torrents, wants=stated(desired))
