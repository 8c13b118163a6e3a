"""When a want is searched for, and what is said while there is nothing to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.actions import Decision, Reason, Search
from domain.case import Case, Judged
from domain.gates import Answer
from domain.manifest import PolicySpec
from domain.taking import is_pinned
from domain.wants import Want
from domain.world import Searched


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
    retry = [name for name in searched.failed if name in case.indexers and not case.resting(f"indexer/{name}")]
    if retry:
        return Search(case.want.key, Reason("IndexerBack", f"{', '.join(sorted(retry))} could not be asked before"))
    when = f"next search {due:%Y-%m-%d %H:%M} UTC"
    if case.want.pinned and not any(is_pinned(judged.release, case.want) for judged in case.judged):
        return case.hold("PinNotOffered", f"the pinned release is not among {len(case.judged)} offered; {when}")
    possible = sum(1 for judged in case.judged if judged.answer is Answer.POSSIBLE)
    if possible:
        return case.hold(
            "NeedsYou",
            f"{possible} of {len(case.judged)} releases may be it and none is surely: `why` shows them, and "
            f"`override pin` takes one; {when}",
        )
    if searched.failed and not searched.answered:
        name, why = sorted(searched.failed.items())[0]
        return case.hold("IndexerUnread", f"{name}: {why}")
    if not case.judged:
        return case.hold("NothingOffered", f"the indexers offer nothing for it; {when}")
    return case.hold("NothingRightOffered", f"{_refusals(case.judged)}; {when}")


def question_of(want: Want) -> str:
    """What a search for this want asks: when it changes, the offers of the last search answer another question."""
    place = want.position.text if want.position else ""
    return "\n".join((want.title, *want.authors, want.series or "", place))


def next_search(searched: Searched, policy: PolicySpec) -> datetime:
    """Daily while it is worth it, weekly after so many searches that brought nothing right."""
    later = searched.empty_runs >= policy.retries.empty_searches_before_later
    hours = policy.retries.search_hours_later if later else policy.retries.search_hours
    return searched.at + timedelta(hours=hours)


def _refusals(judged: Iterable[Judged]) -> str:
    """`12 offered, none right: WrongTitle 7, Omnibus 3, Abridged 2`."""
    counts: dict[str, int] = defaultdict(int)
    total = 0
    for one in judged:
        total += 1
        counts[next((verdict.rule for verdict in one.verdicts if verdict.answer is Answer.NO), "NotTakeable")] += 1
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return f"{total} offered, none right: " + ", ".join(f"{rule} {count}" for rule, count in most)
