"""Asking the indexers for one want. An indexer that fails is not one that offers nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.actions import Search
from domain.brakes import on_hold
from domain.case import judge_once
from domain.errors import Failure
from domain.gates import Answer, answer
from domain.names import fold
from domain.releases import Release
from domain.searching import question_of
from domain.wants import Want
from domain.world import Searched
from reconcile.acting import Round
from reconcile.ports import Indexer, Query


def ladder(want: Want) -> tuple[Query, ...]:
    """What is asked, in order, until something right is offered: title with author, title alone, series with number.

    Only the first names title and author as such: an indexer that understands them ignores the text beside them.
    """
    title = fold(want.title)
    texts = [title]
    if want.series and want.position:
        texts.append(f"{fold(want.series)} {want.position.text}")
    further = tuple(Query(text=text) for text in dict.fromkeys(texts))
    if not want.authors:
        return further
    author = want.authors[0]
    return (Query(text=f"{title} {fold(author)}", title=want.title, author=author), *further)


async def search(round_: Round, act: Search) -> bool:
    """Ask every indexer that is not resting, and keep what was offered with its age."""
    want = round_.wants[act.want]
    before = round_.world.searches.get(act.want)
    now = round_.outside.clock.now()
    only_failed = act.because.code == "IndexerBack" and before is not None
    asked = [one for one in round_.outside.indexers if not only_failed or (before and one.name in before.failed)]
    held = on_hold(round_.world, now)
    answered: set[str] = set()
    failed: dict[str, str] = {}
    offers: dict[str, Release] = {}
    for indexer in asked:
        if f"indexer/{indexer.name}" in held:
            failed[indexer.name] = "a person holds it"
            continue
        backoff = round_.world.backoffs.get(f"indexer/{indexer.name}")
        if round_.circuit_open(indexer.name) or (backoff and backoff.not_before > now):
            failed[indexer.name] = backoff.why if backoff else "it failed several times in this tick"
            continue
        try:
            offers.update({release.id: release for release in await _ask(indexer, want)})
        except Failure as failure:
            failed[indexer.name] = failure.message
            await round_.failed(f"indexer/{indexer.name}", f"indexer/{indexer.name}", failure, system=indexer.name)
        else:
            answered.add(indexer.name)
            round_.worked(indexer.name)
            await round_.rested(f"indexer/{indexer.name}")
    searched = _merged(act.want, before, only_failed, answered, failed, offers, now)
    right = any(answer(judge_once(want, release)) is Answer.CONFIRMED for release in searched.offers)
    if right or (answered and not failed):
        before_this = before.empty_runs if before else 0
        searched = msgspec.structs.replace(searched, empty_runs=0 if right else before_this + 1)
    await round_.outside.store.save_search(msgspec.structs.replace(searched, asked=question_of(want)))
    found = f"{len(offers)} offered by {', '.join(sorted(answered)) or 'nobody'}"
    if answered:
        await round_.acting.event(act.want, "Searched", found)
    return True


def _merged(
    want: str,
    before: Searched | None,
    only_failed: bool,
    answered: set[str],
    failed: dict[str, str],
    offers: dict[str, Release],
    now: datetime,
) -> Searched:
    """This search and the one before it: an indexer's old offers are known until it answers again."""
    if before is None:
        return Searched(want=want, at=now, answered=tuple(sorted(answered)), failed=failed, offers=(*offers.values(),))
    silent = {*failed, *before.answered} - answered if only_failed else set(failed)
    kept = {release.id: release for release in before.offers if release.indexer in silent}
    return Searched(
        want=want,
        at=before.at if only_failed else now,
        answered=tuple(sorted(answered | (set(before.answered) if only_failed else set()))),
        failed=failed,
        empty_runs=before.empty_runs,
        offers=tuple((kept | offers).values()),
    )


async def _ask(indexer: Indexer, want: Want) -> list[Release]:
    """The ladder at one indexer: it ends as soon as something surely right is offered."""
    found: dict[str, Release] = {}
    for query in ladder(want):
        found.update({release.id: release for release in await indexer.search(query)})
        if any(answer(judge_once(want, release)) is Answer.CONFIRMED for release in found.values()):
            break
    return list(found.values())
