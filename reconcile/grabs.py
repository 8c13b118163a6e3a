"""Handing a release to the download client at most once: claim, act, settle (DOCTRINE D5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from domain.actions import Adopt, Grab, Reason, Revive, Settle
from domain.case import BLOCKED, FOUND, FOUND_TAG, LIVE, TAG_PREFIX
from domain.errors import Ambiguous, Conflict, Failure, Permanent, Transient, Unfit
from domain.gates import Answer, Verdict, judge_files
from domain.packs import FEWEST, as_one_book, as_pack, judge_parts, portions
from domain.releases import Payload, TorrentFile
from domain.upgrades import judge_upgrade, not_one_book
from domain.wanted_files import left_out
from domain.wants import Want
from domain.world import Claim, Outcome
from reconcile.accounts import still_affordable
from reconcile.acting import Round
from reconcile.ports import DownloadClient


async def grab(round_: Round, act: Grab, client: DownloadClient) -> bool:
    """Resolve, inspect and add one release. Its claims are committed before anything is asked of the outside.

    A pack has one claim for each want that its files prove, all of them with its infohash before it is added: whatever
    is interrupted, each is settled by itself by looking at the client.
    """
    outside, release = round_.outside, act.release
    indexer = next(one for one in outside.indexers if one.name == release.indexer)
    if act.replaces and not await _may_replace(round_, act):
        return False
    first = await _claim(round_, act, act.want)
    if first is None:
        return False
    claims, outcome, detail = {act.want: first}, Outcome.UNSENT, ""
    system, payload = release.indexer, None
    try:
        if act.replaces:
            await outside.store.note(first.id, epoch=round_.acting.epoch, path=act.replaces)
        if refusal := await still_affordable(round_, indexer, release, round_.wants[act.want]):
            return await _not_affordable(round_, act, first, refusal)
        payload = await indexer.fetch(release)
        served = await _inspect(round_, act, payload)
        claims = await _claims_of(round_, act, first, served, payload)
        system = "client"
        outcome, detail = await _add(client, payload, [TAG_PREFIX + want for want in claims])
    except Unfit as failure:  # this release is to blame: it is not asked for again, and the next best has its turn
        if failure.code == "Blocklisted" and payload:  # by which id, so that taking the block back restores it
            await outside.store.note(
                first.id, epoch=round_.acting.epoch, infohash=payload.infohash_v1, infohash_v2=payload.infohash_v2
            )
        outcome, detail = Outcome.REFUSED, failure.message
        claims = await _refused_for_all(round_, act, claims, failure, payload)
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
    for claim in claims.values():
        await round_.settle(claim.id, outcome, detail)
    if outcome is Outcome.SENT:
        round_.worked(system)
        await round_.rested(f"grab/{act.want}")
    reason = "Grabbed" if outcome is Outcome.SENT else "GrabNotSent"
    told = f"{release.title} from {release.indexer}" if outcome is Outcome.SENT else f"{release.title}: {detail}"
    for want in claims:
        await round_.acting.event(want, reason, told)
    return True


async def _not_affordable(round_: Round, act: Grab, claim: Claim, refusal: Reason) -> bool:
    """Our account changed since the plan: nothing was asked for, and the next plan holds for this reason."""
    await round_.settle(claim.id, Outcome.UNSENT, refusal.message)
    await round_.acting.event(act.want, refusal.code, refusal.message)
    return True


async def _claim(round_: Round, act: Grab, want: str, payload: Payload | None = None) -> Claim | None:
    """The claim of one want on this release; with the ids of its torrent where they are known. The indexer is named in
    the first alone, for it counts a pack as one."""
    leads = want == act.want
    tried = [
        one
        for one in round_.world.claims
        if (one.action, one.want, one.release) == ("grab", want, act.release.id) and one.outcome is not Outcome.UNSENT
    ]
    return await round_.outside.store.claim(
        "grab",
        want=want,
        release=act.release.id,
        attempt=act.attempt if leads else len(tried) + 1,
        epoch=round_.acting.epoch,
        now=round_.outside.clock.now(),
        indexer=act.release.indexer if leads else "",
        infohash=payload.infohash_v1 if payload else None,
        infohash_v2=payload.infohash_v2 if payload else None,
        min_seed_s=act.release.min_seed_s,
        min_ratio=act.release.min_ratio,
    )


async def _claims_of(
    round_: Round, act: Grab, first: Claim, served: Collection[str], payload: Payload
) -> dict[str, Claim]:
    """Want -> its claim, committed with the torrent's ids, for everybody that it serves. Who is not served after all
    has it refused: the same pack is not taken for them again."""
    if act.want in served:
        await round_.outside.store.note(
            first.id, epoch=round_.acting.epoch, infohash=payload.infohash_v1, infohash_v2=payload.infohash_v2
        )
    else:
        await _refuse(round_, act.want, first, NOT_IN_PACK)
    claims = {act.want: first} if act.want in served else {}
    for want in act.serves:
        claim = await _claim(round_, act, want, payload if want in served else None)
        if claim is not None and want in served:
            claims[want] = claim
        elif claim is not None:
            await _refuse(round_, want, claim, NOT_IN_PACK)
    if not claims:
        raise Unfit("nobody is left whom this release would serve", code="ServesNobody")
    return claims


NOT_IN_PACK = Unfit("the files of the pack do not prove that this book is in it, whole", code="PackUnproven")


async def _refuse(round_: Round, want: str, claim: Claim, failure: Failure) -> None:
    now = round_.outside.clock.now()
    await round_.outside.store.record_failure(subject=want, reason=failure.code, message=failure.message, at=now)
    await round_.settle(claim.id, Outcome.REFUSED, failure.message)


async def _refused_for_all(
    round_: Round, act: Grab, claims: Mapping[str, Claim], failure: Failure, payload: Payload | None
) -> dict[str, Claim]:
    """Claims of all whom an unfit release was to serve, so that it is tried for none of them again."""
    known = dict(claims)
    for want in act.serves:
        claim = known.get(want) or await _claim(round_, act, want, payload if failure.code == "Blocklisted" else None)
        if claim is not None:
            known[want] = claim
    now = round_.outside.clock.now()
    for want in known:
        await round_.outside.store.record_failure(subject=want, reason=failure.code, message=failure.message, at=now)
    return known


async def _may_replace(round_: Round, act: Grab) -> bool:
    """Whether the folder of the copy that is there may be replaced at all: asked before anything is fetched."""
    shelf, failure = round_.outside.shelf, None
    try:
        if shelf is None or not shelf.separate:
            message = "the library holds the downloads themselves (in-place mode), so no copy can be replaced"
            raise Permanent(f"{act.replaces}: {message}", code="InPlaceMode")
        why = not_one_book(round_.wants[act.want], act.replaces, await shelf.placed(act.replaces))
        if why:
            raise Permanent(f"{why}; it is not replaced", code="NotReplaceable")
    except Failure as caught:
        failure = caught
    if failure is not None:
        await round_.failed(f"grab/{act.want}", act.want, failure, system="upgrade")
    return failure is None


def _rests(failure: Failure, act: Grab, system: str) -> str:
    """What is left alone for a while: the release whose download is no torrent, the indexer, or grabs of this want."""
    if system == "client":
        return f"grab/{act.want}"
    if failure.code == "IndexerLimitReached":
        return f"downloads/{system}"  # it may be searched all the while
    return f"fetch/{act.release.id}" if failure.code == "IndexerUnreadable" else f"indexer/{system}"


def _failures(round_: Round, key: str) -> int:
    return round_.world.backoffs[key].failures if key in round_.world.backoffs else 0


def _tries(round_: Round) -> int:
    return len(round_.desired.policy.retries.download_minutes)


async def _inspect(round_: Round, act: Grab, payload: Payload) -> tuple[str, ...]:
    """The shape gate over the real file list, before the client sees anything: the wants that it may be added for."""
    blocked = {row.infohash for row in round_.world.blocklist if row.infohash}
    if blocked & {payload.infohash_v1, payload.id}:
        raise Unfit(f"{BLOCKED}: its torrent is on the blocklist", code="Blocklisted")
    taken = _taken_by(await round_.outside.store.claims(), payload, {act.want, *act.serves})
    if taken:
        raise Unfit(f"the same torrent was already grabbed for {taken}", code="ServesAnother")
    if act.serves:
        return await _inspect_pack(round_, act, payload)
    if payload.files is None:
        return (act.want,)
    want, files = round_.wants[act.want], payload.files
    shape = (*judge_files(want, as_one_book(files)), *judge_parts(want, files))
    verdicts = (*shape, *await _better(round_, act, files))
    await round_.write_verdicts(act.want, act.release, verdicts)
    pinned = want.pinned is not None and want.pinned in (act.release.id, payload.infohash_v1, payload.id)
    _object(verdicts, refusing=(Answer.NO,) if pinned else (Answer.NO, Answer.POSSIBLE))
    return (act.want,)


def _object(verdicts: Iterable[Verdict], *, refusing: Collection[Answer]) -> None:
    objection = next((verdict for verdict in verdicts if verdict.answer in refusing), None)
    if objection:
        raise Unfit(f"{objection.rule}: {objection.seen}", code=objection.rule)


async def _better(round_: Round, act: Grab, files: Sequence[TorrentFile]) -> tuple[Verdict, ...]:
    """What is offered as a better copy must be one by its files."""
    if not act.replaces or round_.outside.shelf is None:
        return ()
    there = await round_.outside.shelf.placed(act.replaces)
    return judge_upgrade(round_.wants[act.want], files, there or ())


async def _inspect_pack(round_: Round, act: Grab, payload: Payload) -> tuple[str, ...]:
    """The wants whose book this pack holds by its files: two at least, or it is unfit."""
    wants = [round_.wants[want] for want in (act.want, *act.serves)]
    if round_.outside.shelf is None or not round_.outside.shelf.separate:
        raise Unfit("the library holds downloads themselves (in-place mode): no pack is taken", code="InPlaceMode")
    if payload.files is None:
        raise Unfit("it is a magnet: its files are not known before it is added", code="PackUnproven")
    _object(judge_files(as_pack(wants[0]), payload.files), refusing=(Answer.NO, Answer.POSSIBLE))
    proven = portions(payload.files, wants)
    for want in wants:
        await round_.write_verdicts(want.key, act.release, [_pack_verdict(want, proven)])
    if len(proven) < FEWEST:
        raise Unfit(f"its files prove {len(proven)} of the {len(wants)} books it is to bring", code="PackUnproven")
    return tuple(want.key for want in wants if want.key in proven)


def _pack_verdict(want: Want, proven: Mapping[str, Sequence[str]]) -> Verdict:
    paths = proven.get(want.key)
    if not paths:
        seen = "no folder or file that is surely the whole book"
        return Verdict(gate="shape", rule="PackUnproven", answer=Answer.NO, seen=seen, limit=want.title)
    seen = f"{len(paths)} files, {paths[0]}"
    return Verdict(gate="shape", rule="PackHolds", answer=Answer.CONFIRMED, seen=seen, limit=want.title)


def _taken_by(claims: tuple[Claim, ...], payload: Payload, served: Collection[str]) -> str | None:
    ids = {payload.infohash_v1, payload.id} - {None, ""}
    others = (one for one in claims if one.action == "grab" and one.want not in served and one.outcome in LIVE)
    return next((claim.want for claim in others if claim.ids & ids), None)


async def _add(client: DownloadClient, payload: Payload, tags: Sequence[str]) -> tuple[Outcome, str]:
    """Add once. A torrent that is there already is not added again: either an earlier try of ours did arrive, or it is
    somebody else's, and is marked as such."""
    ids = {one for one in (payload.infohash_v1, payload.infohash_v2, payload.id) if one}
    if found := await client.find(ids):
        ours = not set(tags).isdisjoint(found.tags)
        if lacking := [tag for tag in tags if tag not in found.tags]:
            await client.tag(found.id, lacking if ours else [*lacking, FOUND_TAG])
        return Outcome.SENT, "an earlier try had arrived" if ours and FOUND_TAG not in found.tags else FOUND
    try:
        await client.add(payload, tags=tags)
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
    match act.verb:
        case "recheck":
            await client.recheck(act.torrent)
        case "choose":
            listed = [file for file, _ in await client.files(act.torrent)]
            await client.choose(act.torrent, left_out(listed))  # as it was chosen before it was added
        case _:
            await client.start(act.torrent)
    await round_.acting.event(act.want, "DownloadTroubled", act.because.message)
    return False
