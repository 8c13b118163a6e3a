"""Handing a release to the download client at most once: claim, act, settle (DOCTRINE D5)."""

from __future__ import annotations

from domain.actions import Adopt, Grab, Revive, Settle
from domain.case import FOUND, FOUND_TAG, LIVE, TAG_PREFIX
from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient, Unfit
from domain.gates import Answer, Verdict, judge_files
from domain.releases import Payload
from domain.wants import Want
from domain.world import Claim, Outcome
from reconcile.acting import Round
from reconcile.ports import DownloadClient


async def grab(round_: Round, act: Grab, client: DownloadClient) -> bool:
    """Resolve, inspect and add one release. The claim is committed before anything is asked of the outside."""
    outside, release, want = round_.outside, act.release, round_.wants[act.want]
    indexer = next(one for one in outside.indexers if one.name == release.indexer)
    claim = await outside.store.claim(
        "grab",
        want=act.want,
        release=release.id,
        attempt=act.attempt,
        epoch=round_.acting.epoch,
        now=outside.clock.now(),
        indexer=release.indexer,
        min_seed_s=release.min_seed_s,
        min_ratio=release.min_ratio,
    )
    if claim is None:
        return False
    system = release.indexer
    try:
        payload = await indexer.fetch(release)
        await _inspect(round_, act, want, payload)
        await outside.store.note(
            claim.id, epoch=round_.acting.epoch, infohash=payload.infohash_v1, infohash_v2=payload.infohash_v2
        )
        system = "client"
        outcome, detail = await _add(client, payload, TAG_PREFIX + act.want)
    except Unfit as failure:  # this release is to blame: it is not asked for again, and the next best has its turn
        outcome, detail = Outcome.REFUSED, failure.message
        now = outside.clock.now()
        await outside.store.record_failure(subject=act.want, reason=failure.code, message=failure.message, at=now)
    except Conflict as failure:  # the offers moved on since the search, or our lease did
        if failure.code == "LeaseMoved":
            raise
        # What the client had in hand when it objected may be there all the same: only a look at it can tell.
        outcome, detail = Outcome.UNKNOWN if system == "client" else Outcome.UNSENT, failure.message
        if outcome is Outcome.UNSENT:
            await outside.store.request(act.want, at=outside.clock.now())
    except (Permanent, Transient) as failure:  # a system is to blame, and nothing was sent
        key = _rests(failure, act, system)
        given_up = key.startswith("fetch/") and _failures(round_, key) + 1 >= _tries(round_)
        outcome, detail = Outcome.REFUSED if given_up else Outcome.UNSENT, failure.message
        await round_.failed(key, act.want, failure, system=system)
    except Failure as failure:  # asked, and no clear answer: the next look at the client settles it
        outcome, detail = Outcome.UNKNOWN, failure.message
        await round_.failed(f"grab/{act.want}", act.want, failure, system=system)
    await round_.settle(claim.id, outcome, detail)
    if outcome is Outcome.SENT:
        round_.worked(system)
        await round_.rested(f"grab/{act.want}")
        await round_.acting.event(act.want, "Grabbed", f"{release.title} from {release.indexer}")
    else:
        await round_.acting.event(act.want, "GrabNotSent", f"{release.title}: {detail}")
    return True


def _rests(failure: Failure, act: Grab, system: str) -> str:
    """What is left alone for a while: the release whose download is no torrent, the indexer, or grabs of this want."""
    if system == "client":
        return f"grab/{act.want}"
    return f"fetch/{act.release.id}" if failure.code == "IndexerUnreadable" else f"indexer/{system}"


def _failures(round_: Round, key: str) -> int:
    return round_.world.backoffs[key].failures if key in round_.world.backoffs else 0


def _tries(round_: Round) -> int:
    return len(round_.desired.policy.retries.download_minutes)


async def _inspect(round_: Round, act: Grab, want: Want, payload: Payload) -> None:
    """The shape gate over the real file list, before the client sees anything."""
    blocked = {row.infohash for row in round_.world.blocklist if row.infohash}
    if blocked & {payload.infohash_v1, payload.id}:
        raise Unfit("its torrent is on the blocklist", code="Blocklisted")
    taken = _taken_by(await round_.outside.store.claims(), payload, act.want)
    if taken:
        raise Unfit(f"the same torrent was already grabbed for {taken}", code="ServesAnother")
    if payload.files is None:
        return
    verdicts: tuple[Verdict, ...] = judge_files(want, payload.files)
    await round_.write_verdicts(act.want, act.release, verdicts)
    pinned = want.pinned is not None and want.pinned in (act.release.id, payload.infohash_v1, payload.id)
    refusing = (Answer.NO,) if pinned else (Answer.NO, Answer.POSSIBLE)
    objection = next((verdict for verdict in verdicts if verdict.answer in refusing), None)
    if objection:
        raise Unfit(f"{objection.rule}: {objection.seen}", code=objection.rule)


def _taken_by(claims: tuple[Claim, ...], payload: Payload, want: str) -> str | None:
    ids = {payload.infohash_v1, payload.id} - {None, ""}
    others = (one for one in claims if one.action == "grab" and one.want != want and one.outcome in LIVE)
    return next((claim.want for claim in others if claim.ids & ids), None)


async def _add(client: DownloadClient, payload: Payload, tag: str) -> tuple[Outcome, str]:
    """Add once. A torrent that is there already is not added again: either an earlier try of ours did arrive, or it is
    somebody else's, and is marked as such."""
    ids = {one for one in (payload.infohash_v1, payload.infohash_v2, payload.id) if one}
    if found := await client.find(ids):
        if tag in found.tags:
            return Outcome.SENT, FOUND if FOUND_TAG in found.tags else "an earlier try had arrived"
        await client.tag(found.id, [tag, FOUND_TAG])
        return Outcome.SENT, FOUND
    try:
        await client.add(payload, tags=[tag])
    except Ambiguous as failure:
        try:
            seen = await client.find(ids)
        except Failure:
            seen = None  # it was handed over, and the client cannot be asked: nothing is known
        return (Outcome.SENT, "") if seen else (Outcome.UNKNOWN, failure.message)
    return Outcome.SENT, ""


async def settle(round_: Round, act: Settle) -> bool:
    """Write down how an earlier grab ended."""
    await round_.settle(act.claim, Outcome(act.outcome), act.detail)
    if act.outcome == Outcome.ABANDONED:
        await _forget_tries(round_, act.claim)
        now = round_.outside.clock.now()
        await round_.outside.store.record_failure(
            subject=act.want, reason=act.because.code, message=act.detail or act.because.message, at=now
        )
    await round_.acting.event(act.want, act.because.code, act.because.message)
    return True


async def _forget_tries(round_: Round, claim_id: int) -> None:
    """What was tried for one download does not count against a later one of the same torrent."""
    claim = next((one for one in round_.world.claims if one.id == claim_id), None)
    for torrent in claim.ids if claim else ():
        await round_.rested(f"download/{torrent}")


async def adopt(round_: Round, act: Adopt) -> bool:
    """Enter a torrent that carries our tag into the ledger, as a grab that was sent."""
    store, epoch, now = round_.outside.store, round_.acting.epoch, round_.outside.clock.now()
    claim = await store.claim(
        "grab",
        want=act.want,
        release=act.torrent,
        attempt=1,
        epoch=epoch,
        now=now,
        infohash=act.infohash,
        infohash_v2=act.infohash_v2,
    )
    if claim is None:
        return False
    await round_.settle(claim.id, Outcome.SENT, "adopted by its tag")
    await round_.acting.event(act.want, "Adopted", act.because.message)
    return True


async def revive(round_: Round, act: Revive, client: DownloadClient) -> bool:
    """One of the bounded tries of a download that went wrong; the next comes after the policy's delay."""
    steps = round_.desired.policy.retries.download_minutes
    key = f"download/{act.torrent}"
    tried = round_.world.backoffs[key].failures if key in round_.world.backoffs else 0
    # Written before the act: a crash in between costs a try, it never adds one.
    await round_.rest(key, why=act.because.message, retry_after_s=steps[min(tried, len(steps) - 1)] * 60.0)
    await (client.recheck(act.torrent) if act.verb == "recheck" else client.start(act.torrent))
    await round_.acting.event(act.want, "DownloadTroubled", act.because.message)
    return False
