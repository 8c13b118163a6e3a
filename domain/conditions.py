"""What is true about each want and each source now, as conditions that programs and people can read (DOCTRINE D8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from domain.actions import Confirm, Decision, Enrich, Grab, Hold, Publish, Reason, Revive
from domain.affording import ACCOUNT_REFUSES
from domain.brakes import Brake
from domain.plan import Plan
from domain.searching import REFUSED, silence_of, silence_said
from domain.world import Condition, Unread, World

Status = Literal["True", "False", "Unknown"]

NEEDS_A_PERSON = frozenset({
    "Ambiguous", "DownloadStopped", "GrabLost", "LeftLibrary", "MayBeOwned", "NeedsYou", "NoIndexer", "ProofFailed",
    "RuleFailed", "ServesAnother", "TitleUnknown", "TorrentGone", "TwoItemsOnePath", "FirstRun", "LibraryLooksEmptied",
    "ClientLooksEmptied",
})  # fmt: skip
"""Holds that no amount of waiting ends."""

ON_ITS_WAY = frozenset(
    {"Downloading", "AwaitingScan", "GrabUnclear", "DownloadTroubled", "PublishFailed", "ComesWithPack"}
)
"""Holds of a want whose release is chosen."""


def conditions_of(plan: Plan, world: World, now: datetime) -> tuple[Condition, ...]:
    """The conditions of every want, and of the service itself."""
    wants = [condition for decision in plan.decisions for condition in _of_want(decision, plan, world, now)]
    return (*wants, *_of_service(plan, world, now))


def _of_want(decision: Decision, plan: Plan, world: World, now: datetime) -> Iterator[Condition]:
    reason = decision.because
    in_library: Status = "True" if decision.want in plan.owned else "False"
    if isinstance(world.library, Unread):
        in_library = "Unknown"
    on_its_way = _on_its_way(decision)
    downloaded = isinstance(decision, Publish | Enrich | Confirm) or reason.code in DOWNLOADED
    found = on_its_way or reason.code in CHOSEN
    stalled = isinstance(decision, Hold) and reason.code in NEEDS_A_PERSON
    acting = not isinstance(decision, Hold) or reason.code in ON_ITS_WAY
    yield _condition(decision.want, "Ready", _known(in_library, in_library == "True"), reason, now)
    yield _condition(decision.want, "InLibrary", in_library, reason, now)
    yield _condition(decision.want, "ReleaseFound", _known(in_library, found or in_library == "True"), reason, now)
    yield _condition(decision.want, "Downloaded", _known(in_library, downloaded or in_library == "True"), reason, now)
    yield _condition(decision.want, "Reconciling", "True" if acting else "False", reason, now)
    yield _condition(decision.want, "Stalled", "True" if stalled else "False", reason, now)


def _known(in_library: Status, true: bool) -> Status:
    """While the library is unread nothing that rests on it is known."""
    if in_library == "Unknown" and not true:
        return "Unknown"
    return "True" if true else "False"


DOWNLOADED = frozenset({"AwaitingScan", "EnrichFailed", "ProofFailed", "PublishFailed", "TwoItemsOnePath"})
"""Holds of a want whose download is complete."""

CHOSEN = ACCOUNT_REFUSES | {
    "BudgetSpent", "DiskFull", "DiskUnknown", "NotFree", "BackingOff", "ProofFailed", "ServesAnother",
}  # fmt: skip
"""Holds in which the right release is known, and something else keeps it from going on."""


def _on_its_way(decision: Decision) -> bool:
    return isinstance(decision, Grab | Publish | Enrich | Confirm | Revive) or decision.because.code in ON_ITS_WAY


def _of_service(plan: Plan, world: World, now: datetime) -> Iterator[Condition]:
    read = Reason("Read", "read completely")
    library = Reason(world.library.code, world.library.why) if isinstance(world.library, Unread) else read
    client = Reason(world.downloads.code, world.downloads.why) if isinstance(world.downloads, Unread) else read
    yield _condition(SERVICE, "LibraryReadable", "True" if library is read else "False", library, now)
    yield _condition(SERVICE, "ClientReadable", "True" if client is read else "False", client, now)
    yield _condition(SERVICE, "Braked", "True" if plan.brakes else "False", _strongest(plan.brakes), now)
    consistent = _consistency(world)
    status: Status = "Unknown" if isinstance(world.library, Unread) else "True" if consistent is NO_FAULT else "False"
    yield _condition(SERVICE, "LibraryConsistent", status, consistent, now)
    for indexer in world.indexers:
        yield from _of_indexer(indexer, world, now)


def _of_indexer(indexer: str, world: World, now: datetime) -> Iterator[Condition]:
    silence = silence_of(indexer, world.backoffs, now)
    reason = Reason(silence.code, silence_said(silence)) if silence else Reason("Asked", "nothing is wrong with it")
    refused = silence is not None and silence.code == REFUSED
    yield _condition(f"indexer/{indexer}", "Readable", "False" if silence else "True", reason, now)
    yield _condition(f"indexer/{indexer}", "Stalled", "True" if refused else "False", reason, now)


NO_FAULT = Reason("NoFault", "every item fits its path")


def _consistency(world: World) -> Reason:
    """What is wrong with the list itself: two items on one path, an item that took over another's place."""
    if isinstance(world.library, Unread):
        return Reason(world.library.code, world.library.why)
    faults = world.library.value.faults
    return Reason("LibraryFaults", "; ".join(faults)[:1000]) if faults else NO_FAULT


SERVICE = "bibliostat"
"""The subject of conditions about the service itself."""


def _strongest(brakes: Iterable[Brake]) -> Reason:
    return next((brake.reason for brake in brakes), Reason("NoBrake", "no brake holds"))


def _condition(subject: str, type_: str, status: Status, reason: Reason, now: datetime) -> Condition:
    return Condition(
        subject=subject,
        type=type_,
        status=status,
        reason=reason.code,
        message=reason.message,
        since=now,
        observed_at=now,
    )
