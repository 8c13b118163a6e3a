"""What the client says about the torrent of a want, and what follows: bounded tries, then the next best release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from domain.actions import Decision, Hold, Publish, Reason, Revive, Settle
from domain.case import BLOCKED, Case
from domain.gates import Answer
from domain.manifest import Retries
from domain.wanted_files import CHOOSE_TAG
from domain.world import Backoff, Claim, Outcome, Torrent, TorrentState, Unread

DEAD_TRIES = 1
"""Of a torrent that nobody has: a second look is due to it, more would only keep the next best release waiting."""


def download(case: Case) -> Decision | None:
    """What the client says about the torrent of this want."""
    grab, torrent = case.live_grab, case.torrent
    if grab is None:
        return None
    if isinstance(case.world.downloads, Unread):
        return case.hold(case.world.downloads.code, case.world.downloads.why)
    claim = case.publishing
    if is_blocked(case):
        detail = f"{BLOCKED}: {claim.detail}" if claim and claim.detail else BLOCKED
        reason = Reason("Blocked", "its release is on the blocklist")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, detail)
    if torrent is None:
        return _gone(case, grab)
    refused = claim is not None and claim.outcome is Outcome.REFUSED
    if claim is not None and refused and not any(case.asked_since(one, claim.settled_at) for one in ("force", "retry")):
        return case.hold("ProofFailed", f"{claim.detail}; {_answers(case, grab)}")
    if torrent.state is TorrentState.DONE and torrent.complete:
        if rest := case.resting(f"publish/{case.want.key}"):
            return case.hold("PublishFailed", f"{rest.why}; next try {_time(rest.not_before)}")
        return Publish(case.want.key, torrent.id, Reason("DownloadComplete", f"{torrent.name} is complete"))
    if trouble := trouble_of(torrent, case.policy.retries, case.now):
        return _troubled(case, grab, torrent, trouble)
    if torrent.state is TorrentState.STOPPED:
        return case.hold("DownloadStopped", "stopped in the client; start it there to go on")
    return case.hold("Downloading", f"{torrent.progress:.0%} of {torrent.name}{_tries_so_far(case, torrent)}")


def _answers(case: Case, grab: Claim) -> str:
    """What a person may say to a refused proof, word by word."""
    key = case.want.key
    return (
        f"say `bibliostat override force {key}` to take it all the same, `bibliostat block {grab.release}` to refuse "
        f"it and have the next best one, or `bibliostat override retry {key}` to have it proved again after a change"
    )


def is_blocked(case: Case) -> bool:
    """Whether a person blocked what is being downloaded for this book; a pack that was blocked for the part of another
    want goes on for this one."""
    grab = case.live_grab
    return grab is not None and not case.spared and not case.blocked.isdisjoint((grab.release, *grab.ids))


def _gone(case: Case, grab: Claim) -> Decision:
    """A complete reading of the client does not list it: somebody removed it, and only a person brings it back."""
    if case.asked_since("retry", grab.claimed_at):
        reason = Reason("AskedAgain", "its torrent was removed from the client and a person asked again")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, "removed from the client")
    key = case.want.key
    return case.hold(
        "TorrentGone",
        "its torrent is no longer in the client: somebody removed it there; say "
        f"`bibliostat override retry {key}` to have it again, `bibliostat block {grab.release}` to have another, or "
        f"`bibliostat override skip {key}`",
    )


# What may be wrong with a download.


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a download, how it is put right, and how often that is tried."""

    what: str
    verb: str
    """Of `Revive`: `start`, `recheck` or `choose`."""
    tries: int


def trouble_of(torrent: Torrent, policy: Retries, now: datetime) -> Trouble | None:
    """None while nothing is wrong: queued, checking and moving are no trouble, and a person may have stopped it."""
    tries = len(policy.download_minutes)
    if torrent.state is TorrentState.ERROR:
        return Trouble(what="the client reports an error", verb="start", tries=tries)
    if torrent.state is TorrentState.MISSING_FILES:
        return Trouble(what="the client misses its files", verb="recheck", tries=tries)
    if torrent.state is TorrentState.STOPPED and CHOOSE_TAG in torrent.tags:
        return Trouble(what="interrupted while its files were chosen", verb="choose", tries=tries)
    if not _stalled(torrent, policy, now):
        return None
    if _dead(torrent):
        what = f"dead: nobody has it, and nothing came in {policy.stalled_hours:g} h"
        return Trouble(what=what, verb="start", tries=min(tries, DEAD_TRIES))
    return Trouble(what=f"stalled: nothing moved for {policy.stalled_hours:g} h", verb="start", tries=tries)


def _stalled(torrent: Torrent, policy: Retries, now: datetime) -> bool:
    """Nothing moved for long: payload, or the metadata of a magnet."""
    last = max((moment for moment in (torrent.added_at, torrent.last_activity_at) if moment), default=None)
    waits = torrent.state is TorrentState.ACTIVE or _lacks_metadata(torrent)
    if not waits or torrent.progress >= 1 or last is None:
        return False
    return now - last > timedelta(hours=policy.stalled_hours)


def _lacks_metadata(torrent: Torrent) -> bool:
    return torrent.state is TorrentState.WAITING and "meta" in torrent.raw_state


def _dead(torrent: Torrent) -> bool:
    """Nothing ever came of it, and there is nobody it could come from. Unknown seeders are not none."""
    nothing_came = torrent.progress == 0 and torrent.downloaded_bytes == 0
    return nothing_came and (torrent.seeders == 0 or (_lacks_metadata(torrent) and not torrent.seeders))


def recovered(
    torrents: Iterable[Torrent], backoffs: Mapping[str, Backoff], policy: Retries, now: datetime
) -> tuple[str, ...]:
    """Back-offs of downloads that went on by themselves since the last try: their tries do not count any more.

    Only once the rest after the try is over: what fails again at once has not recovered.
    """
    well = (TorrentState.ACTIVE, TorrentState.DONE)
    keys = {
        f"download/{torrent.id}"
        for torrent in torrents
        if torrent.state in well and trouble_of(torrent, policy, now) is None
    }
    return tuple(sorted(key for key in keys if key in backoffs and backoffs[key].not_before <= now))


# What is done about it.

DONE_BY = {"start": "it is started again", "recheck": "it is checked again", "choose": "its files are chosen again"}
GIVEN_UP = "it is given up, and the next best release has its turn"


def _troubled(case: Case, grab: Claim, torrent: Torrent, trouble: Trouble) -> Decision:
    """Bounded tries, then the release is given up and the next best one has its turn (FEATURES G2)."""
    backoff = case.world.backoffs.get(f"download/{torrent.id}")
    tried = backoff.failures if backoff else 0
    if backoff and backoff.not_before > case.now:
        of = max(tried, trouble.tries)
        message = f"{trouble.what}; try {tried} of {of} was made, looked at again {_time(backoff.not_before)}"
        return case.hold("DownloadTroubled", f"{message}; then {_afterwards(trouble, tried)}")
    if tried < trouble.tries:
        minutes = case.policy.retries.download_minutes[tried]
        again = _time(case.now + timedelta(minutes=minutes))
        message = (
            f"{trouble.what}; try {tried + 1} of {trouble.tries}: {DONE_BY[trouble.verb]}, looked at again {again}"
        )
        reason = Reason("DownloadTroubled", f"{message}; then {_afterwards(trouble, tried + 1)}")
        return Revive(case.want.key, torrent.id, trouble.verb, reason)
    times = f"{tried} {'try' if tried == 1 else 'tries'}"
    detail = f"{trouble.what}, after {times}"
    return Settle(case.want.key, grab.id, Outcome.ABANDONED, Reason("DownloadGivenUp", f"{detail}; {GIVEN_UP}"), detail)


def _afterwards(trouble: Trouble, tried: int) -> str:
    return DONE_BY[trouble.verb] if tried < trouble.tries else GIVEN_UP


def _tries_so_far(case: Case, torrent: Torrent) -> str:
    """While it runs after a try: whether it lasts is seen at the end of the rest."""
    backoff = case.world.backoffs.get(f"download/{torrent.id}")
    if backoff is None or torrent.state is not TorrentState.ACTIVE:
        return ""
    of = max(backoff.failures, len(case.policy.retries.download_minutes))
    return f", going again after try {backoff.failures} of {of}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# What is left when everything was tried.

MOST_NAMED = 3


def tried_in_vain(case: Case, when: str) -> Hold | None:
    """Every right release was given up and none is left: a person should know what was tried.

    `when` says when the indexers are asked again. What a person blocked was not tried in vain, and is not told.
    """
    if any(judged.answer is Answer.CONFIRMED for judged in case.judged):
        return None
    retry = case.overrides.get("retry")
    tried = {
        claim.release: claim.detail
        for claim in case.grabs
        if claim.outcome in (Outcome.ABANDONED, Outcome.REFUSED)
        and not claim.detail.startswith(BLOCKED)
        and (retry is None or claim.claimed_at >= retry.at)
    }
    if not tried:
        return None
    titles = {judged.release.id: judged.release.title for judged in case.judged}
    told = [f"{titles.get(release, release)} ({detail or 'given up'})" for release, detail in tried.items()]
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    releases = "1 release was" if len(told) == 1 else f"{len(told)} releases were"
    return case.hold(
        "NeedsYou",
        f"{releases} tried in vain and no other is right: {'; '.join(told[-MOST_NAMED:])}{more}; say "
        f"`bibliostat override retry {case.want.key}` to try again; {when}",
    )
