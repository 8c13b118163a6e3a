"""Asking the indexers for one want. An indexer that fails is not one that offers nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from domain.actions import Search
from domain.brakes import on_hold
from domain.case import judge_once
from domain.duplicates import fold
from domain.errors import Failure, Transient
from domain.gates import Answer, answer
from domain.ladder import ladder
from domain.releases import Release
from domain.searching import NOT_PUT_AGAIN, PAUSES, REFUSED, question_of, silence_of, to_ask_again
from domain.wants import Want
from domain.world import Backoff, Searched, Silence
from reconcile.acting import Round
from reconcile.ports import Indexer, Outside, Query

ANSWER_AGE = timedelta(hours=24)
"""An answer that is older says nothing about what an indexer offers now."""
REFUSED_REST = timedelta(days=3650)
"""Until a person changes the credentials, or says that they are right."""
PAUSE_S = 900.0
"""The pause of an indexer that does not say how long it is."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one indexer said: to one question, or to a ladder of them."""

    offers: tuple[Release, ...] = ()
    answered: bool = False
    """To the end; with `silence` too it answered in part."""
    silence: Silence | None = None


async def search(round_: Round, act: Search) -> bool:
    """Ask every indexer that is not resting, and keep what was offered with its age."""
    want = round_.wants[act.want]
    before = round_.world.searches.get(act.want)
    only = to_ask_again(before, round_.world.indexers) if before and act.because.code == "IndexerBack" else None
    now = round_.outside.clock.now()
    oldest = _oldest_believed(round_, act.want, before, only, now)
    heard: dict[str, Heard] = {}
    for indexer in round_.outside.indexers:
        if only is None or indexer.name in only:
            silence = await _left_alone(round_, indexer.name, act.want)
            heard[indexer.name] = (
                Heard(silence=silence) if silence else await _climb(round_, indexer, want, oldest, now)
            )
    searched = _merged(want, before, heard, now, goes_on=only is not None)
    await round_.outside.store.save_search(searched)
    if any(one.answered for one in heard.values()):
        await round_.acting.event(act.want, "Searched", _told(heard))
    return True


def _told(heard: Mapping[str, Heard]) -> str:
    offers = {release.id for one in heard.values() for release in one.offers}
    answered = sorted(name for name, one in heard.items() if one.answered)
    silent = sorted(name for name, one in heard.items() if one.silence)
    but = f"; no whole answer from {', '.join(silent)}" if silent else ""
    return f"{len(offers)} offered by {', '.join(answered)}{but}"


def _oldest_believed(
    round_: Round, want: str, before: Searched | None, only: Collection[str] | None, now: datetime
) -> datetime:
    """Which kept answers count: those given since the last search of this want, and since a person asked for it.

    Answers carry the moment at which their search began. So a search goes on where it was interrupted, and books that
    ask the same ask once; but what was the answer yesterday is asked anew.
    """
    oldest = now - ANSWER_AGE
    if before is not None:
        oldest = max(oldest, before.at if only else before.at + datetime.resolution)
    if (asked := _asked_at(round_, want)) is not None:
        oldest = max(oldest, asked + datetime.resolution)
    return oldest


def _asked_at(round_: Round, want: str) -> datetime | None:
    """When a person asked for this want, or for everything, to be looked at now."""
    return max((at for at in map(round_.world.requests.get, (want, "*")) if at), default=None)


async def _left_alone(round_: Round, indexer: str, want: str) -> Silence | None:
    """Why this indexer is not asked. A person who asks again has one that refused us asked once more."""
    now = round_.outside.clock.now()
    if f"indexer/{indexer}" in on_hold(round_.world, now):
        return Silence("IndexerOnHold", "a person holds it")
    if round_.circuit_open(indexer):
        known = silence_of(indexer, await round_.outside.store.backoffs(), now)
        return known or Silence("CircuitOpen", "it failed several times in this tick")
    silence = silence_of(indexer, round_.world.backoffs, now)
    if silence is None or silence.code != REFUSED:
        return silence
    refused_at = round_.world.backoffs[f"indexer/{indexer}"].not_before - REFUSED_REST
    asked = _asked_at(round_, want)
    return silence if asked is None or asked <= refused_at else None


async def _climb(round_: Round, indexer: Indexer, want: Want, oldest: datetime, at: datetime) -> Heard:
    """The ladder at one indexer. It ends as soon as something surely right is offered, and at an outage: what was
    answered until then is kept, and the next search goes on from there."""
    offers: dict[str, Release] = {}
    silence: Silence | None = None
    for query in ladder(want):
        heard = await _answer(round_, indexer, query, f"search/{want.key}", oldest, at)
        offers |= {release.id: release for release in heard.offers}
        silence = heard.silence or silence
        if not heard.answered:
            return Heard(offers=tuple(offers.values()), silence=silence)
        if any(answer(judge_once(want, release)) is Answer.CONFIRMED for release in heard.offers):
            break
    return Heard(offers=tuple(offers.values()), answered=True, silence=silence)


async def _answer(round_: Round, indexer: Indexer, query: Query, asker: str, oldest: datetime, at: datetime) -> Heard:
    """The kept answer, or a new one. Half an answer is not kept."""
    store, question = round_.outside.store, asked_of(indexer, query)
    kept = await store.answer(indexer.name, question)
    if kept is not None and kept[1] >= oldest:
        return Heard(offers=kept[0], answered=True)
    heard = await ask(round_, indexer, query, asker)
    if heard.answered and heard.silence is None:
        await store.save_answer(indexer.name, question, heard.offers, at=at)
    return heard


def asked_of(indexer: Indexer, query: Query) -> str:
    """Under what an answer is kept: another address or account may answer otherwise."""
    return f"{indexer.fingerprint}\n{query.key}"


async def ask(round_: Round, indexer: Indexer, query: Query, asker: str) -> Heard:
    """Put one question. What the answer, or its lack, says about the indexer is written down; `asker` is the key that
    is left alone where the question itself is to blame."""
    try:
        offers = await indexer.search(query)
    except Failure as failure:
        return Heard(silence=await fell_silent(round_, indexer, failure, asker))
    await _spoke(round_, indexer)
    silent: Mapping[str, str] = getattr(indexer, "silent", {})
    said = "; ".join(f"{name}: {why}" for name, why in sorted(silent.items()))
    return Heard(offers=offers, answered=True, silence=Silence("IndexerPaused", said) if silent else None)


async def fell_silent(round_: Round, indexer: Indexer, failure: Failure, asker: str) -> Silence:
    """How long the indexer is left alone: through a pause, until a person acts, or longer with each failure."""
    key, now = f"indexer/{indexer.name}", round_.outside.clock.now()
    if isinstance(failure, Transient) and failure.code in PAUSES:
        until = now + timedelta(seconds=PAUSE_S if failure.retry_after_s is None else failure.retry_after_s)
        await round_.outside.store.save_backoff(Backoff(key=key, failures=0, not_before=until, why=failure.message))
        await round_.acting.event(key, failure.code, failure.message)
        _asked_enough(round_, indexer.name)
        return Silence(failure.code, failure.message, until)
    await round_.failed(asker if failure.code in NOT_PUT_AGAIN else key, key, failure, system=indexer.name)
    if failure.code in NOT_PUT_AGAIN:
        round_.worked(indexer.name)  # it did answer: another question may fare better
    if failure.code == REFUSED:
        # The credentials that were refused first: without them the long rest could not be told from another one.
        for one in (f"{key}/{indexer.fingerprint}", key):
            rest = Backoff(key=one, failures=1, not_before=now + REFUSED_REST, why=failure.message)
            await round_.outside.store.save_backoff(rest)
        _asked_enough(round_, indexer.name)
    return Silence(failure.code, failure.message)


def _asked_enough(round_: Round, indexer: str) -> None:
    """It said no for everything: the rest of its work waits too."""
    round_.acting.failures[indexer] = max(
        round_.acting.failures[indexer], round_.desired.policy.brakes.failures_in_a_row
    )


async def _spoke(round_: Round, indexer: Indexer) -> None:
    """It answered: whatever was held against it is forgotten."""
    round_.worked(indexer.name)
    for key in _rests_of(indexer.name, round_.world.backoffs):
        await round_.rested(key)


def _rests_of(indexer: str, backoffs: Iterable[str]) -> list[str]:
    """Its own first: a refusal without it is no reason not to ask."""
    key = f"indexer/{indexer}"
    return sorted(one for one in backoffs if one == key or one.startswith(f"{key}/"))


async def forget_refusals(outside: Outside) -> None:
    """An indexer that refused us is asked again once a person has changed its address or its credentials."""
    backoffs = await outside.store.backoffs()
    for indexer in outside.indexers:
        rests = _rests_of(indexer.name, backoffs)
        refusals = [one for one in rests if one != f"indexer/{indexer.name}"]
        if refusals and f"indexer/{indexer.name}/{indexer.fingerprint}" not in refusals:
            for one in rests:
                await outside.store.clear_backoff(one)


def _merged(
    want: Want, before: Searched | None, heard: Mapping[str, Heard], now: datetime, *, goes_on: bool
) -> Searched:
    """This search and the one before it: an indexer's old offers are known until it has answered whole.

    `goes_on` says that this one only adds the answers that the one before lacked.
    """
    answered = {name for name, one in heard.items() if one.answered}
    failed = {name: one.silence for name, one in heard.items() if one.silence}
    counted = False
    if goes_on and before is not None:
        now, counted = before.at, not before.failed
        answered |= set(before.answered)
        failed = {name: one for name, one in before.failed.items() if name not in heard} | failed
    offers = fold(_offers(before, heard, failed.keys() | (answered - heard.keys())))
    right = any(answer(judge_once(want, release)) is Answer.CONFIRMED for release in offers)
    empty_runs = (before.empty_runs if before else 0) + bool(answered and not failed and not counted)
    return Searched(
        want=want.key,
        at=now,
        answered=tuple(sorted(answered)),
        failed=failed,
        empty_runs=0 if right else empty_runs,
        offers=offers,
        asked=question_of(want),
    )


def _offers(before: Searched | None, heard: Mapping[str, Heard], silent: Collection[str]) -> list[Release]:
    """The old offers of those that are silent, and what was offered now."""
    offers = {}
    for release in before.offers if before else ():
        if release.indexer in silent:
            also = tuple(name for name in release.also_at if name in silent)
            offers[release.id] = msgspec.structs.replace(release, also_at=also)
    return list((offers | {release.id: release for one in heard.values() for release in one.offers}).values())
