"""Our account at each indexer that keeps one: read before something may be taken there, and again before it is.

A reading is good for five minutes. An indexer that fails to say is one whose account is not known, never one that
keeps none: what the account does not say waits (`domain.affording`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import msgspec
import structlog

from domain.accounts import Account
from domain.actions import Grab, Reason
from domain.affording import ACCOUNT_REFUSES, account_refuses, counted, likely_bytes
from domain.brakes import on_hold
from domain.case import LIVE
from domain.errors import Failure
from domain.gates import Answer
from domain.releases import Release
from domain.wants import Want
from domain.world import Claim, World
from reconcile.acting import Round
from reconcile.ports import Indexer
from reconcile.searches import fell_silent as fell_silent

log = structlog.get_logger()

FRESH = timedelta(minutes=5)


async def refresh_accounts(round_: Round) -> World:
    """The world of this round, with those accounts read anew that its grabs hang on and whose last reading is older
    than five minutes; the very same world when nothing changed. Never raises: an indexer that fails is left alone."""
    world, store = round_.world, round_.outside.store
    asked = _in_question(round_)
    due = [one for one in round_.outside.indexers if one.name in asked and _is_due(round_, one.name)]
    for indexer in due:
        await _read(round_, indexer)
    if not due:
        return world
    accounts, backoffs = counted(await store.accounts(), world.claims), await store.backoffs()
    if (accounts, backoffs) == (world.accounts, world.backoffs):
        return world
    return msgspec.structs.replace(world, accounts=accounts, backoffs=backoffs)


def _in_question(round_: Round) -> Collection[str]:
    """Indexers that offer something right to a want which would grab, or which an account keeps from it."""
    wants = {
        decision.want
        for decision in round_.plan.decisions
        if isinstance(decision, Grab) or decision.because.code in ACCOUNT_REFUSES
    }
    offers = (one for one in round_.plan.judged if one.want in wants and one.answer is Answer.CONFIRMED)
    return {one.release.indexer for one in offers}


def _is_due(round_: Round, name: str) -> bool:
    world, now = round_.world, round_.outside.clock.now()
    backoff, known = world.backoffs.get(f"indexer/{name}"), world.accounts.get(name)
    if (backoff is not None and backoff.not_before > now) or f"indexer/{name}" in on_hold(world, now):
        return False
    return known is None or now - known.read_at >= FRESH


async def _read(round_: Round, indexer: Indexer) -> None:
    store = round_.outside.store
    try:
        account = await indexer.account()
    except Failure as failure:
        await _unknown(round_, indexer, failure)
    except Exception:
        log.exception("account_failed", indexer=indexer.name)
        bug = Failure("reading the account failed on an unexpected error; the log has the traceback", code="Bug")
        await _unknown(round_, indexer, bug)
    else:
        if account is None and indexer.name in round_.world.accounts:
            account = Account(indexer=indexer.name, read_at=round_.outside.clock.now(), kept=False)
        if account is not None:
            await store.save_account(account)


async def _unknown(round_: Round, indexer: Indexer, failure: Failure) -> None:
    """It rests as after any failure. One that fails to say keeps an account, so it is one that nothing is known of."""
    await fell_silent(round_, indexer, failure, f"account/{indexer.name}")
    if indexer.name not in round_.world.accounts:
        unknown = Account(indexer=indexer.name, read_at=round_.outside.clock.now())
        await round_.outside.store.save_account(unknown)


async def still_affordable(round_: Round, indexer: Indexer, release: Release, want: Want) -> Reason | None:
    """What our account says against taking this release, read right before it is fetched; its grab is claimed already.

    The account is kept, so that the next plan holds for the same reason. Raises what `indexer.account()` raises.
    """
    account, store = await indexer.account(), round_.outside.store
    others = [one for one in await store.claims() if (one.want, one.release) != (want.key, release.id)]
    if account is not None:
        await store.save_account(account)
        account = counted({indexer.name: account}, others)[indexer.name]
    return account_refuses(
        release,
        account,
        round_.desired.policy.spending,
        size_bytes=likely_bytes(release, want),
        pending_bytes=_pending_bytes(round_, others),
    )


def _pending_bytes(round_: Round, others: Collection[Claim]) -> int:
    """What is still to come of the torrents that were seen, and of those that this very plan has added since."""
    seen = sum(torrent.amount_left_bytes or 0 for torrent in round_.torrents if not torrent.complete)
    sent = {
        (claim.want, claim.release)
        for claim in others
        if claim.action == "grab" and claim.outcome in LIVE and claim.claimed_at >= round_.plan.at
    }
    return seen + sum(
        likely_bytes(act.release, round_.wants[act.want])
        for act in round_.plan.decisions
        if isinstance(act, Grab) and (act.want, act.release.id) in sent
    )
