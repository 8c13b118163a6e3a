"""Rules that stop acting when the world looks wrong. All fail towards doing nothing (DOCTRINE D3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from domain.actions import Reason
from domain.desired import Desired
from domain.digests import digest_of
from domain.manifest import Brakes
from domain.world import Known, LibraryView, Override, Torrent, Unread, World


class Work(StrEnum):
    """What a brake can stop."""

    SEARCH = "search"
    GRAB = "grab"
    PUBLISH = "publish"
    """Everything that writes to the library: publish, scan, enrich."""
    REMOVE = "remove"
    """Removing torrents and letting them go."""


ALL = frozenset(Work)


class Brake(msgspec.Struct, frozen=True, kw_only=True):
    """One brake that holds now. `approve` is the digest that a person may confirm to release it, if one can."""

    name: str
    reason: Reason
    blocks: frozenset[Work]
    spares_ours: bool = False
    """Going on with torrents that carry our tag is allowed."""
    approve: str | None = None


def brakes(desired: Desired, world: World, now: datetime) -> tuple[Brake, ...]:
    """Every brake that holds, strongest first. Budget, removal cap, twice-seen and circuit act on single actions."""
    policy = desired.policy.brakes
    held = (
        _suspended(desired, world, now),
        *_sources_suspended(world, now),
        _unread("library", "Library", world.library, policy, now),
        _unread("downloads", "Client", world.downloads, policy, now),
        _library_emptied(world, policy),
        _downloads_emptied(world, policy),
        _first_run(desired, world),
        _desired_emptied(desired),
        _shelf_gone(world),
    )
    return tuple(brake for brake in held if brake is not None)


def _suspended(desired: Desired, world: World, now: datetime) -> Brake | None:
    if desired.policy.suspend:
        return Brake(name="suspend", blocks=ALL, reason=Reason("Suspended", "the policy says `suspend: true`"))
    if override := on_hold(world, now).get("*"):
        return Brake(name="suspend", blocks=ALL, reason=Reason("Suspended", f"everything is {_held(override)}"))
    return None


SOURCES = {"library": frozenset({Work.PUBLISH}), "client": frozenset({Work.GRAB, Work.REMOVE})}
"""What waits while a person holds one system; observing and status go on. Indexers (`indexer/NAME`) are skipped."""


def _sources_suspended(world: World, now: datetime) -> Iterator[Brake]:
    held = on_hold(world, now)
    for source, blocks in SOURCES.items():
        if source in held:
            reason = Reason("Suspended", f"the {source} is {_held(held[source])}")
            yield Brake(name=f"suspend {source}", blocks=blocks, reason=reason)


def on_hold(world: World, now: datetime) -> dict[str, Override]:
    """Target -> the newest hold or snooze of it that is in force."""
    return {
        override.target: override
        for override in sorted(world.overrides, key=lambda override: override.id)
        if override.verb in ("hold", "snooze") and (override.until is None or override.until > now)
    }


def _held(override: Override) -> str:
    until = f" until {override.until:%Y-%m-%d %H:%M} UTC" if override.until else ""
    return f"on hold{until}" + (f": {override.why}" if override.why else "")


def _unread(name: str, prefix: str, reading: Known[LibraryView] | Known[tuple[Torrent, ...]] | Unread, policy: Brakes,
            now: datetime) -> Brake | None:  # fmt: skip
    if isinstance(reading, Unread):
        reason = Reason(reading.code, reading.why)
    elif now - reading.read_at > timedelta(seconds=policy.freshness_s):
        reason = Reason(f"{prefix}Stale", f"the {name} were last read at {reading.read_at:%Y-%m-%d %H:%M:%S} UTC")
    else:
        return None
    return Brake(name=f"unread {name}", blocks=ALL, reason=reason)


def _shelf_gone(world: World) -> Brake | None:
    """Nothing is grabbed that could not be published."""
    if world.shelf is None:
        return None
    reason = Reason(world.shelf.code, world.shelf.why)
    return Brake(name="library folder", blocks=frozenset({Work.GRAB, Work.PUBLISH}), reason=reason)


def _library_emptied(world: World, policy: Brakes) -> Brake | None:
    last = world.baseline.items
    if isinstance(world.library, Unread) or last is None:
        return None
    view = world.library.value
    present, missing = view.present, len(view.items) - view.present
    newly_missing = missing - (world.baseline.missing or 0)
    if present < policy.plausible_share * last:
        message = f"{present} books are there now, {last} at the last good reading"
    elif newly_missing > policy.missing_at_once:
        message = f"{newly_missing} books turned missing at once"
    else:
        return None
    digest = digest_of("library-emptied", last, sorted(item.id for item in view.items if not item.is_missing))
    return _unless_approved(world, "library emptied", Reason("LibraryLooksEmptied", message), digest)


FEW_TORRENTS = 3
"""Fewer torrents than this may vanish without suspicion: a person tidying up removes one or two at a time."""


def _downloads_emptied(world: World, policy: Brakes) -> Brake | None:
    last = world.baseline.torrents
    if isinstance(world.downloads, Unread) or not last:
        return None
    ours = world.downloads.value
    if len(ours) >= policy.plausible_share * last or (last - len(ours) < FEW_TORRENTS and ours):
        return None
    reason = Reason("ClientLooksEmptied", f"{len(ours)} torrents are there now, {last} at the last good reading")
    digest = digest_of("client-emptied", last, sorted(torrent.id for torrent in ours))
    return _unless_approved(world, "client emptied", reason, digest)


def _unless_approved(world: World, name: str, reason: Reason, digest: str) -> Brake | None:
    if digest in world.approved:
        return None
    return Brake(
        name=name,
        blocks=ALL,
        approve=digest,
        reason=Reason(reason.code, f"{reason.message}; if that is right, confirm with `bibliostat approve {digest}`"),
    )


FIRST_RUN = "first-run"


def _first_run(desired: Desired, world: World) -> Brake | None:
    if world.baseline.items is not None or desired.policy.bootstrap == "apply" or FIRST_RUN in world.approved:
        return None
    message = f"this library was never acted on; look at the plan, then say `bibliostat approve {FIRST_RUN}`"
    reason = Reason("FirstRun", message)
    return Brake(name="first run", blocks=ALL, spares_ours=True, approve=FIRST_RUN, reason=reason)


def _desired_emptied(desired: Desired) -> Brake | None:
    if desired.mistakes:
        more = f" (and {len(desired.mistakes) - 1} more)" if len(desired.mistakes) > 1 else ""
        kept = "the last good declarations stay in force" if desired.wants else "nothing is declared yet"
        message = f"{kept}: {desired.mistakes[0]}{more}"
        return Brake(name="desired", blocks=frozenset({Work.REMOVE}), reason=Reason("DeclarationsBroken", message))
    if desired.shrunk:
        message = (
            "far fewer books are declared than before, so the last good set stays in force; "
            f"confirm with `bibliostat approve {desired.shrunk}`"
        )
        reason = Reason("DeclarationsLookEmptied", message)
        return Brake(name="desired", blocks=frozenset({Work.REMOVE}), reason=reason, approve=desired.shrunk)
    return None


def blocking(held: Iterable[Brake], work: Work, *, ours: bool = False) -> Brake | None:
    """The first brake that stops this work; `ours` when it goes on with a torrent that carries our tag."""
    return next((brake for brake in held if work in brake.blocks and not (ours and brake.spares_ours)), None)
