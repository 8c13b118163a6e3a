"""Which of the releases that passed is taken now, and what keeps it from being taken."""

from __future__ import annotations

from domain.actions import Decision, Grab, Reason
from domain.affording import cannot_afford
from domain.case import Case
from domain.gates import Answer
from domain.preference import order
from domain.releases import Release
from domain.wants import Want
from domain.world import Backoff, Outcome


def choose(case: Case) -> Decision | None:
    """The best of the confirmed releases; what is only possible waits for a person.

    A release of an indexer that is resting stands back for one that can be fetched now.
    """
    good = _takeable(case)
    if not good:
        return None
    awake = [release for release in good if not _release_rests(release, case)]
    ranked = [release for release, _ in order(case.want, [(one, Answer.CONFIRMED) for one in awake or good])]
    release = next((one for one in ranked if cannot_afford(one, case) is None), ranked[0])
    other = case.taken.get(release.id) or case.taken.get(release.infohash or "", case.want.key)
    if other != case.want.key:
        return case.hold("ServesAnother", f"{release.title} was grabbed for {other}; one of the two wants may be wrong")
    refusal = cannot_afford(release, case)
    if refusal:
        return case.hold(refusal.code, refusal.message)
    if rest := case.resting(f"grab/{case.want.key}") or (None if awake else _release_rests(release, case)):
        return case.hold("BackingOff", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
    attempt = 1 + sum(1 for claim in case.grabs if claim.release == release.id and claim.outcome is not Outcome.UNSENT)
    return Grab(case.want.key, release, attempt, Reason("ReleaseFound", f"{release.title} at {release.indexer}"))


def _release_rests(release: Release, case: Case) -> Backoff | None:
    return case.resting(f"indexer/{release.indexer}") or case.resting(f"fetch/{release.id}")


def _takeable(case: Case) -> list[Release]:
    """Confirmed, of an indexer that is still configured and not on hold, and the pinned one where one is pinned."""
    good = [judged.release for judged in case.judged if judged.answer is Answer.CONFIRMED]
    good = [release for release in good if release.indexer in case.indexers]
    if case.want.pinned:
        good = [release for release in good if is_pinned(release, case.want)]
    return good


def is_pinned(release: Release, want: Want) -> bool:
    return want.pinned is not None and want.pinned in (release.id, release.infohash)
