"""`plan(desired, world, now)`: one decision with a reason for every want. Pure, total, independent of input order.

`deciding` says what each want needs; what a brake or a budget forbids then becomes a `Hold`. Nothing here reads a
clock, does I/O, or logs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from domain.actions import (
    Adopt,
    Chore,
    Confirm,
    Decision,
    Enrich,
    Grab,
    Hold,
    LetGo,
    Publish,
    Reason,
    Remove,
    Revive,
    Scan,
    Search,
    Settle,
)
from domain.brakes import Brake, Work, blocking, brakes
from domain.budgets import within_budget
from domain.case import Case, Judged, Lookup, bare_case, case_of, urgency
from domain.chores import chores_of, duties_of
from domain.deciding import decide
from domain.desired import Desired
from domain.digests import digest_of
from domain.duties import Duty
from domain.manifest import PolicySpec
from domain.ownership import LibraryIndex
from domain.taking import take_packs
from domain.upgrades import in_library, kept_from
from domain.wants import Unwanted, Want
from domain.world import Known, Unread, World


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one tick would do, and why it does nothing else."""

    at: datetime
    wants: tuple[Want, ...]
    decisions: tuple[Decision, ...]
    """One per want, in the order in which they are carried out."""
    chores: tuple[Chore, ...] = ()
    brakes: tuple[Brake, ...] = ()
    judged: tuple[Judged, ...] = ()
    duties: tuple[Duty, ...] = ()
    findings: tuple[str, ...] = ()
    """Removals that this reading would justify: each must be seen twice."""
    unwanted: tuple[Unwanted, ...] = ()
    notes: tuple[str, ...] = ()
    owned: dict[str, tuple[str, ...]] = {}
    """Want -> the paths of the library items that are the book."""
    settled: frozenset[str] = frozenset()
    """Wants whose book is there, as far as people have not said otherwise: what is decided for them is about a better
    copy, or about keeping the books."""
    desired_digest: str = ""
    world_digest: str = ""

    @property
    def acts(self) -> tuple[Decision | Chore, ...]:
        """What would be done: everything but holding still."""
        return (*(one for one in self.decisions if not isinstance(one, Hold)), *self.chores)

    @property
    def digest(self) -> str:
        """Names this plan: the same declarations, the same world and the same acts give the same digest."""
        acts = [(type(act).__name__, _subject(act), act.because.code) for act in self.acts]
        return digest_of(self.desired_digest, self.world_digest, acts)


def _subject(act: Decision | Chore) -> object:
    match act:
        case Grab():
            return act.want, act.release.id, act.attempt
        case Scan():
            return act.wants
        case LetGo() | Remove():
            return act.torrent
        case _:
            return act.want


def plan(desired: Desired, world: World, now: datetime) -> Plan:
    """One decision per want, and the chores of the world around them."""
    policy = desired.policy
    held = brakes(desired, world, now)
    items = () if isinstance(world.library, Unread) else world.library.value.items
    torrents = () if isinstance(world.downloads, Unread) else world.downloads.value
    index = LibraryIndex(items)
    lookup = Lookup(world, torrents, now)
    judged = take_packs([_judged(want, policy, world, index, now, lookup) for want in desired.wants])
    cases = [case for case, _ in judged]
    judged = _one_want_each(judged)
    decided = _one_revival_each([_restrained(decision, case, held) for case, decision in judged])
    decided = within_budget(decided, {case.want.key: case for case in cases}, world, policy)
    duties = duties_of(torrents, world.claims, policy, now)
    chores, findings, capped = chores_of(decided, duties, torrents, desired, world, held, now)
    order_of = {case.want.key: (case.settled, urgency(case)) for case in cases}
    return Plan(
        at=now,
        wants=desired.wants,
        decisions=tuple(sorted(decided, key=lambda one: (_wave(one), order_of[one.want]))),
        chores=chores,
        brakes=held + capped,
        judged=tuple(judged for case in cases for judged in case.judged),
        duties=duties,
        findings=findings,
        unwanted=desired.unwanted,
        notes=desired.notes,
        owned={case.want.key: tuple(item.rel_path for item in case.owned.items) for case in cases if case.owned.items},
        settled=frozenset(case.want.key for case in cases if case.settled),
        desired_digest=digest_of(desired.wants, desired.policy),
        world_digest=_world_digest(world),
    )


def _one_want_each(judged: Sequence[tuple[Case, Decision]]) -> list[tuple[Case, Decision]]:
    """An item that is the book of several wants is a set: a better copy of one of them does not take its place."""
    owners = Counter(item.id for case, _ in judged for item in case.owned.items)
    return [
        (
            case,
            in_library(case)
            if _replaces(decision) and any(owners[one.id] > 1 for one in case.owned.items)
            else decision,
        )
        for case, decision in judged
    ]


def _replaces(decision: Decision) -> bool:
    return isinstance(decision, Grab) and bool(decision.replaces)


def _judged(
    want: Want, policy: PolicySpec, world: World, index: LibraryIndex, now: datetime, lookup: Lookup
) -> tuple[Case, Decision]:
    """A want's facts and what follows from them. Facts that cannot be gathered hold this want, and no other."""
    try:
        case = case_of(want, policy, world, index, now, lookup)
    except Exception as error:
        case = bare_case(want, policy, world, now)
        return case, case.hold("RuleFailed", f"its facts cannot be read: {type(error).__name__}: {error}"[:300])
    return case, decide(case)


def _wave(decision: Decision) -> int:
    """Publish, enrich, grab, search; what only settles the ledger comes first (DOCTRINE D10). Within each, what is
    missing goes before a better copy of what is there."""
    waves: tuple[tuple[type, ...], ...] = (
        (Settle, Adopt, Confirm),
        (Publish,),
        (Enrich,),
        (Revive,),
        (Grab,),
        (Search,),
        (Hold,),
    )
    return next(number for number, kinds in enumerate(waves) if isinstance(decision, kinds))


NEEDS: Mapping[type, Work] = {
    Search: Work.SEARCH,
    Grab: Work.GRAB,
    Revive: Work.GRAB,
    Adopt: Work.PUBLISH,
    Settle: Work.PUBLISH,
    Publish: Work.PUBLISH,
    Enrich: Work.PUBLISH,
    Confirm: Work.PUBLISH,
}
GOES_ON_WITH_OURS = (Adopt, Settle, Publish, Enrich, Confirm, Revive)
TRUE_ANYWAY = frozenset(
    {
        "InLibrary",
        "MayBeOwned",
        "MissingInLibrary",
        "Skipped",
        "HeldByPerson",
        "Snoozed",
        "Suspended",
        "TitleUnknown",
        "Unreleased",
        "FirstDerivationNeedsApproval",
        "CatalogueGrew",
        "OnlyAbridged",
        "OnlyDramatized",
        "OnlyMachineVoice",
        "OnlyOtherLanguage",
        "NoRecordingKnown",
    }
)
"""Holds that stay true while the download client cannot be read."""


def _restrained(decision: Decision, case: Case, held: Sequence[Brake]) -> Decision:
    if isinstance(decision, Hold):
        unread = next((brake for brake in held if brake.name.startswith("unread")), None)
        library_known = unread is not None and unread.name != "unread library"
        if unread is None or (library_known and decision.because.code in TRUE_ANYWAY):
            return decision
        return Hold(decision.want, unread.reason)
    brake = blocking(held, NEEDS[type(decision)], ours=isinstance(decision, GOES_ON_WITH_OURS))
    if brake:
        return kept_from(case, brake.reason)
    if rest := case.resting(f"{type(decision).__name__.lower()}/{decision.want}"):
        return kept_from(case, Reason("BackingOff", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC"))
    return decision


def _one_revival_each(decided: Sequence[Decision]) -> list[Decision]:
    """A pack that went wrong is started again once, not once for each of its wants."""
    first: dict[str, str] = {}
    for one in sorted((one for one in decided if isinstance(one, Revive)), key=lambda one: one.want):
        first.setdefault(one.torrent, one.want)
    return [
        Hold(one.want, one.because) if isinstance(one, Revive) and first[one.torrent] != one.want else one
        for one in decided
    ]


def _world_digest(world: World) -> str:
    """What a plan rests on, without what changes by itself: progress, times of reading."""
    items = () if isinstance(world.library, Unread) else world.library.value.items
    torrents = () if isinstance(world.downloads, Unread) else world.downloads.value
    return digest_of(
        sorted((item.id, item.rel_path, item.updated_at_ms, item.is_missing) for item in items),
        sorted((torrent.id, torrent.complete, sorted(torrent.tags)) for torrent in torrents),
        sorted((claim.id, claim.outcome) for claim in world.claims),
        sorted((want, searched.at.isoformat()) for want, searched in world.searches.items()),
        isinstance(world.library, Known),
        isinstance(world.downloads, Known),
    )
