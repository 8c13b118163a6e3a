"""When a want is searched for, and what is said while there is nothing to take."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from domain.actions import Decision, Reason, Search
from domain.case import Case, Judged
from domain.downloading import tried_in_vain
from domain.gates import Answer
from domain.manifest import PolicySpec
from domain.taking import is_pinned
from domain.wants import Want
from domain.world import Backoff, Searched, Silence

REFUSED = "IndexerRefusedKey"
"""It does not let us in: nobody but a person can change that."""

PAUSES = frozenset({"IndexerPaused", "HostResting", "HostBusy", "BudgetSpent"})
"""It is well, and is not to be asked now."""

NOT_PUT_AGAIN = frozenset({"IndexerBadRequest", "IndexerUnsupported"})
"""It cannot answer this question, whenever it is asked."""

LOOKED_FOR = frozenset(
    {"NothingOffered", "NothingRightOffered", "NeedsYou", "PinNotOffered", "SearchQueued", "IndexerUnread",
     "IndexerPaused", REFUSED}
)  # fmt: skip
"""Holds of a want that waits for somebody to offer it."""


def search_or_wait(case: Case) -> Decision:
    searched = case.world.searches.get(case.want.key)
    asked = max((at for at in map(case.world.requests.get, (case.want.key, "*")) if at), default=None)
    if not case.world.indexers:
        return case.hold("NoIndexer", "no indexer is configured")
    if not case.indexers:
        return case.hold("IndexersSuspended", "every indexer is on hold; `override list` says by whom")
    if searched is None:
        return Search(case.want.key, Reason("NeverSearched", "it is missing and was never searched for"))
    if asked and asked > searched.at:
        return Search(case.want.key, Reason("AskedAgain", "a person asked"))
    if searched.asked and searched.asked != question_of(case.want):
        return Search(
            case.want.key, Reason("DeclarationChanged", "title, author or number changed since the last search")
        )
    due = next_search(searched, case.policy)
    if case.now >= due:
        return Search(case.want.key, Reason("SearchDue", f"last searched {searched.at:%Y-%m-%d %H:%M} UTC"))
    awake = (name for name in case.indexers if silence_of(name, case.world.backoffs, case.now) is None)
    if again := to_ask_again(searched, awake):
        return Search(case.want.key, Reason("IndexerBack", f"{', '.join(sorted(again))} could not be asked before"))
    return _nothing_to_take(case, searched, f"next search {due:%Y-%m-%d %H:%M} UTC")


def _nothing_to_take(case: Case, searched: Searched, when: str) -> Decision:
    if case.want.pinned and not any(is_pinned(judged.release, case.want) for judged in case.judged):
        return case.hold("PinNotOffered", f"the pinned release is not among {len(case.judged)} offered; {when}")
    if hold := tried_in_vain(case, when):
        return hold
    possible = sum(1 for judged in case.judged if judged.answer is Answer.POSSIBLE)
    if possible:
        return case.hold(
            "NeedsYou",
            f"{possible} of {len(case.judged)} releases may be it and none is surely: `why` shows them, and "
            f"`override pin` takes one; {when}",
        )
    silent = {name: one for name, one in searched.failed.items() if name in case.world.indexers}
    said = "; ".join(f"{name}: {silence_said(one, name in searched.answered)}" for name, one in sorted(silent.items()))
    if silent and not searched.answered:
        return case.hold(_gravest(silent.values()), said)
    but = f" ({said})" if said else ""
    if not case.judged:
        return case.hold("NothingOffered", f"the indexers that answered offer nothing for it{but}; {when}")
    return case.hold("NothingRightOffered", f"{_refusals(case.judged)}{but}; {when}")


def to_ask_again(searched: Searched, indexers: Iterable[str]) -> frozenset[str]:
    """Those among `indexers` whose answer this search lacks. Who answered in part is asked again at the next search,
    and so is who cannot answer this question."""
    unasked = (name for name in indexers if name not in searched.answered)
    return frozenset(
        name for name in unasked if name not in searched.failed or searched.failed[name].code not in NOT_PUT_AGAIN
    )


def question_of(want: Want) -> str:
    """What a search for this want asks: when it changes, the offers of the last search answer another question."""
    place = want.position.text if want.position else ""
    return "\n".join((want.title, *want.authors, want.series or "", place))


# --- when ------------------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_search(searched: Searched, policy: PolicySpec) -> datetime:
    """Daily while it is worth it, weekly after so many searches that brought nothing right.

    Each want has a moment of the day (or week) of its own, told by its key, so that wants which were first seen
    together are not due together. The first time is half an interval away at least, and one and a half at most.
    """
    later = searched.empty_runs >= policy.retries.empty_searches_before_later
    interval = timedelta(hours=policy.retries.search_hours_later if later else policy.retries.search_hours)
    earliest = searched.at + interval / 2
    own_moment = interval * (zlib.crc32(searched.want.encode()) / 2**32)
    return earliest + (_EPOCH + own_moment - earliest) % interval


def turn(want: Want, searched: Searched | None) -> tuple[int, datetime]:
    """Whose search goes first where not all can: the most urgent, then who was never searched for or longest ago."""
    return -want.priority, searched.at if searched else _EPOCH


# --- what the indexers said ------------------------------------------------------------------------------------------


def silence_of(indexer: str, backoffs: Mapping[str, Backoff], now: datetime) -> Silence | None:
    """Why this indexer is not asked now; None when it may be.

    A back-off without a failure is a pause. One under `indexer/NAME/FINGERPRINT` says that it refused these
    credentials.
    """
    rest = backoffs.get(f"indexer/{indexer}")
    if rest is None or rest.not_before <= now:
        return None
    if any(key.startswith(f"indexer/{indexer}/") and one.not_before > now for key, one in backoffs.items()):
        return Silence(REFUSED, rest.why)
    return Silence("IndexerUnread" if rest.failures else "IndexerPaused", rest.why, rest.not_before)


def silence_said(silence: Silence, partly: bool = False) -> str:
    """`not logged in: …`, `paused until …`, or what went wrong."""
    if partly:
        return f"answered in part: {silence.why}"
    if silence.code == REFUSED:
        return f"not logged in: {silence.why}"
    if silence.code in PAUSES:
        return f"paused{f' until {silence.until:%Y-%m-%d %H:%M} UTC' if silence.until else ''}: {silence.why}"
    return silence.why


def _gravest(silences: Iterable[Silence]) -> str:
    """One that only a person ends outweighs what ends by itself."""
    codes = {one.code for one in silences}
    if REFUSED in codes:
        return REFUSED
    return "IndexerPaused" if codes <= PAUSES else "IndexerUnread"


def _refusals(judged: Iterable[Judged]) -> str:
    """`12 offered, none right: WrongTitle 7, Omnibus 3, Abridged 2`."""
    counts: dict[str, int] = defaultdict(int)
    total = 0
    for one in judged:
        total += 1
        counts[next((verdict.rule for verdict in one.verdicts if verdict.answer is Answer.NO), "NotTakeable")] += 1
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return f"{total} offered, none right: " + ", ".join(f"{rule} {count}" for rule, count in most)
