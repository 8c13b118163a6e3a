"""Which of the releases that passed is taken now, and what keeps it from being taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import msgspec

from domain.actions import Decision, Grab, Hold, Reason, Search
from domain.affording import cannot_afford
from domain.case import Case, urgency
from domain.gates import Answer
from domain.names import series_key
from domain.packs import FEWEST, Pack, may_be_pack, read_pack
from domain.preference import order
from domain.releases import Release
from domain.wants import Want
from domain.world import Backoff, Outcome


def choose(case: Case) -> Decision | None:
    """The best of the confirmed releases; what is only possible waits for a person."""
    good = [judged.release for judged in case.judged if judged.answer is Answer.CONFIRMED]
    return take(case, good, "ReleaseFound")


def take(case: Case, releases: Sequence[Release], code: str) -> Grab | Hold | None:
    """The best of these releases, or what keeps it from being taken; None when none of them can be had.

    A release of an indexer that is resting stands back for one that can be fetched now.
    """
    good = _takeable(case, releases)
    if not good:
        return None
    awake = [release for release in good if not _release_rests(release, case)]
    ranked = [release for release, _ in order(case.want, [(one, Answer.CONFIRMED) for one in awake or good])]
    release = next((one for one in ranked if cannot_afford(one, case) is None), ranked[0])
    if others := _taken_for(case, release):
        return case.hold(
            "ServesAnother", f"{release.title} was grabbed for {others[0]}; one of the two wants may be wrong"
        )
    refusal = cannot_afford(release, case)
    if refusal:
        return case.hold(refusal.code, refusal.message)
    if rest := case.resting(f"grab/{case.want.key}") or (None if awake else _release_rests(release, case)):
        return case.hold("BackingOff", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
    attempt = 1 + sum(1 for claim in case.grabs if claim.release == release.id and claim.outcome is not Outcome.UNSENT)
    return Grab(case.want.key, release, attempt, Reason(code, f"{release.title} at {release.indexer}"))


def _taken_for(case: Case, release: Release) -> list[str]:
    """Other wants that this release was grabbed for and still serves."""
    wants = case.taken.get(release.id, frozenset()) | case.taken.get(release.infohash or "", frozenset())
    return sorted(wants - {case.want.key})


def _release_rests(release: Release, case: Case) -> Backoff | None:
    keys = (f"indexer/{release.indexer}", f"downloads/{release.indexer}", f"fetch/{release.id}")
    return next((rest for key in keys if (rest := case.resting(key))), None)


def _takeable(case: Case, releases: Sequence[Release]) -> list[Release]:
    """Of an indexer that is still configured and not on hold, and the pinned one where one is pinned."""
    good = [release for release in releases if release.indexer in case.indexers]
    if case.want.pinned:
        good = [release for release in good if is_pinned(release, case.want)]
    return good


def is_pinned(release: Release, want: Want) -> bool:
    return want.pinned is not None and want.pinned in (release.id, release.infohash)


# --- packs -----------------------------------------------------------------------------------------------------------

GAPS = frozenset({"NothingOffered", "NothingRightOffered", "NeedsYou"})
"""Holds of a want that was searched for, and for which no release of its own is right."""

Decided = tuple[Case, Decision]


def take_packs(decided: Sequence[Decided]) -> list[Decided]:
    """Where no release of its own is right for at least two books of a series, one pack may bring them all.

    The most urgent of them grabs it for the others. As long as one of them is still to be searched for, none is taken:
    it may yet find a release of its own.
    """
    series: dict[Hashable, list[Decided]] = defaultdict(list)
    for case, decision in decided:
        if case.want.profile.packs and case.want.series and isinstance(decision, Hold | Search):
            series[_kind(case)].append((case, decision))
    changed: dict[str, Decision] = {}
    for books in series.values():
        try:
            changed |= {one.want: one for one in _from_a_pack(books)}
        except Exception as error:  # one bad series never stops the others (DOCTRINE D13)
            failed = f"no pack can be chosen: {type(error).__name__}: {error}"[:300]
            changed |= {case.want.key: case.hold("RuleFailed", failed) for case, _ in books}
    return [(case, changed.get(case.want.key, decision)) for case, decision in decided]


def _kind(case: Case) -> Hashable:
    """Equal for wants that one pack can serve: the same series, and the same demands."""
    want = case.want
    demands = want.profile, want.language, want.abridged, want.narrators, want.media
    return series_key(want.series or ""), want.authors, demands


def _from_a_pack(books: Iterable[Decided]) -> list[Decision]:
    """The grab of the pack that fills most gaps, and the holds of those that come with it; nothing where none does."""
    gaps = [case for case, decision in books if isinstance(decision, Hold) and decision.because.code in GAPS]
    searching = [case for case, decision in books if isinstance(decision, Search) and not case.settled]
    seen = (one.release for case in gaps for one in case.judged if may_be_pack(one.release))
    offered = {release.id: release for release in sorted(seen, key=repr)}
    model = min((case.want for case in gaps), key=lambda want: want.key, default=None)
    packs = {key: pack for key, one in sorted(offered.items()) if model and (pack := read_pack(model, one))}
    filled = {
        key: [case for case in gaps if _fills(case, offered[key], pack)]
        for key, pack in packs.items()
        if not any(pack.holds(case.want) for case in searching)
    }
    most = max(map(len, filled.values()), default=0)
    if most < FEWEST:
        return []
    best = [offered[key] for key, cases in filled.items() if len(cases) == most]
    leader = min((case for key, cases in filled.items() if len(cases) == most for case in cases), key=urgency)
    taken = take(leader, [one for one in best if leader in filled[one.id]], "PackFound")
    if not isinstance(taken, Grab):
        return [taken] if taken else []
    served = sorted((case for case in filled[taken.release.id] if case is not leader), key=urgency)
    grab = msgspec.structs.replace(taken, serves=tuple(case.want.key for case in served))
    why = f"comes with the pack {taken.release.title}, which is grabbed for {leader.want.key}"
    return [grab, *(case.hold("ComesWithPack", why) for case in served)]


def _fills(case: Case, release: Release, pack: Pack) -> bool:
    """Whether this pack may bring the book: it was not tried in vain, and serves nobody else."""
    if case.want.pinned or {release.id, release.infohash} & case.ruled_out or _taken_for(case, release):
        return False
    return pack.holds(case.want)
