"""The books that are missing, as rows to be kept: one per gap, with its reason, evidence and decision."""

from __future__ import annotations

from domain.actions import Confirm, Decision, Enrich, Hold
from domain.catalogue.gaps import Gap, MissingBook
from domain.plan import Plan
from domain.wants import Want

RESTING = frozenset({"Suspended", "Skipped", "HeldByPerson", "Snoozed", "EnrichFailed", "TwoItemsOnePath"})
"""What is said of a want before anybody looks whether the library has the book."""


def missing_books(plan: Plan) -> tuple[MissingBook, ...]:
    """One row per want that nothing in the library satisfies."""
    wants = {want.key: want for want in plan.wants}
    here = {one.want for one in plan.decisions if _is_here(one, plan)}
    begun = {wants[key].series for key in here if wants[key].series}
    authors = {author for key in here for author in wants[key].authors}
    return tuple(
        MissingBook(
            want=want.key,
            title=want.title,
            authors=want.authors,
            series=want.series,
            position=want.position.text if want.position else None,
            reason=_reason(want, begun, authors),
            evidence=(*want.because, *((want.waits[1],) if want.waits else ())),
            decision=f"{decision.because.code}: {decision.because.message}",
        )
        for decision in sorted(plan.decisions, key=lambda one: one.want)
        if (want := wants[decision.want]).key not in here
    )


def _is_here(decision: Decision, plan: Plan) -> bool:
    if decision.want in plan.settled:
        return True
    if isinstance(decision, Hold):
        code = decision.because.code
        return code == "InLibrary" or (code in RESTING and decision.want in plan.owned)
    return isinstance(decision, Enrich | Confirm)


def _reason(want: Want, begun: set[str | None], authors: set[str]) -> Gap:
    kinds = {line.partition("/")[0] for line in want.because}
    if want.series in begun and kinds & {"Series", "Follow", "Author"}:
        return Gap.SERIES
    if "Discover" in kinds:
        return Gap.DISCOVERED
    return Gap.AUTHOR if kinds & {"Author", "Follow"} and authors & set(want.authors) else Gap.DECLARED
