"""What is new at an indexer: one question that serves every want which waits to be offered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from domain.actions import Newest
from domain.case import judge_once
from domain.duplicates import fold
from domain.gates import Answer, answer
from domain.ladder import NEWEST
from domain.plausible import Plausible
from domain.releases import Release
from domain.wants import Want
from domain.world import Backoff
from reconcile.acting import Round
from reconcile.searches import ask, asked_of


async def newest(round_: Round, act: Newest) -> bool:
    """Ask what is new, and add what may be a waiting book to its offers. A search stays as old as it is.

    Whether some want has an offer more: then it is worth another look.
    """
    outside, key = round_.outside, f"newest/{act.indexer}"
    indexer = next((one for one in outside.indexers if one.name == act.indexer), None)
    if indexer is None or round_.circuit_open(act.indexer):
        return False
    now, question = outside.clock.now(), asked_of(indexer, NEWEST)
    heard = await ask(round_, indexer, NEWEST, key)
    if not heard.answered:
        return False
    before = await outside.store.answer(act.indexer, question)
    seen = {release.id for release in before[0]} if before else set()
    added = await _hand_out(round_, [release for release in heard.offers if release.id not in seen])
    # Only now do they count as seen: an interruption before this hands them out once more.
    await outside.store.save_answer(act.indexer, question, heard.offers, at=now)
    pause = timedelta(minutes=round_.desired.policy.retries.newest_minutes)
    await outside.store.save_backoff(Backoff(key=key, failures=0, not_before=now + pause, why="it was asked just now"))
    return added


async def _hand_out(round_: Round, releases: Iterable[Release]) -> bool:
    """Each release to the wants whose book it may be."""
    offered: dict[str, list[Release]] = defaultdict(list)
    for want, release in _meant_for(_waiting(round_), releases):
        offered[want.key].append(release)
    if not offered:
        return False
    added = False
    # As they are now: what was searched for in this round is not in its world.
    searches = await round_.outside.store.searches()
    for key in sorted(offered.keys() & searches.keys()):
        known = {release.id for release in searches[key].offers}
        new = [release for release in offered[key] if release.id not in known]
        offers = fold((*searches[key].offers, *new))
        if offers != searches[key].offers:
            added = True
            await round_.outside.store.save_search(msgspec.structs.replace(searches[key], offers=offers))
            for release in new:
                await round_.acting.event(key, "NewlyOffered", f"{release.title} at {release.indexer}")
    return added


def _waiting(round_: Round) -> list[Want]:
    """Wants that are not owned and were searched for: the others are asked for by themselves."""
    return [want for key, want in round_.wants.items() if key not in round_.plan.owned and key in round_.world.searches]


def _meant_for(wants: Iterable[Want], releases: Iterable[Release]) -> Iterator[tuple[Want, Release]]:
    plausible = Plausible(wants)
    for release in releases:
        for want in plausible.wants_for(release):
            if answer(judge_once(want, release)) in (Answer.CONFIRMED, Answer.POSSIBLE):
                yield want, release
