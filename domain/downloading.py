"""What the client says about the torrent of a want, and what follows: bounded tries, then the next best release."""

from __future__ import annotations

from datetime import timedelta

from domain.actions import Decision, Publish, Reason, Revive, Settle
from domain.case import Case
from domain.world import Claim, Outcome, Torrent, TorrentState


def download(case: Case) -> Decision | None:
    """What the client says about the torrent of this want."""
    grab, torrent = case.live_grab, case.torrent
    if grab is None:
        return None
    if torrent is None:
        return _gone(case, grab)
    claim = case.publishing
    if _is_blocked(case, grab):
        detail = claim.detail if claim else "a person blocked it"
        reason = Reason("Blocked", "its release is on the blocklist")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, detail)
    refused = claim is not None and claim.outcome is Outcome.REFUSED
    if claim is not None and refused and not any(case.asked_since(one, claim.settled_at) for one in ("force", "retry")):
        return case.hold(
            "ProofFailed",
            f"{claim.detail}; say `override force` to take it, `override retry` to prove it again after a change, "
            f"or `block {grab.release}` to try another",
        )
    if torrent.state is TorrentState.DONE and torrent.complete:
        if rest := case.resting(f"publish/{case.want.key}"):
            return case.hold("PublishFailed", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
        return Publish(case.want.key, torrent.id, Reason("DownloadComplete", f"{torrent.name} is complete"))
    if torrent.state in (TorrentState.ERROR, TorrentState.MISSING_FILES) or _stalled(torrent, case):
        return _troubled(case, grab, torrent)
    if torrent.state is TorrentState.STOPPED:
        return case.hold("DownloadStopped", "stopped in the client; start it there to go on")
    return case.hold("Downloading", f"{torrent.progress:.0%} of {torrent.name}")


def _gone(case: Case, grab: Claim) -> Decision:
    if case.asked_since("retry", grab.claimed_at):
        reason = Reason("AskedAgain", "its torrent was removed from the client and a person asked again")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, "removed from the client")
    return case.hold("TorrentGone", "its torrent is no longer in the client; say `override retry` to search again")


def _is_blocked(case: Case, grab: Claim) -> bool:
    blocked = {one for row in case.world.blocklist for one in (row.release, row.infohash) if one}
    return grab.release in blocked or bool(blocked & grab.ids)


def _stalled(torrent: Torrent, case: Case) -> bool:
    """Nothing moved for long: payload, or the metadata of a magnet. Queued, checking and moving are no trouble."""
    without_metadata = torrent.state is TorrentState.WAITING and "meta" in torrent.raw_state
    last = max((moment for moment in (torrent.added_at, torrent.last_activity_at) if moment), default=None)
    if not (torrent.state is TorrentState.ACTIVE or without_metadata) or torrent.progress >= 1 or last is None:
        return False
    return case.now - last > timedelta(hours=case.policy.retries.stalled_hours)


def _troubled(case: Case, grab: Claim, torrent: Torrent) -> Decision:
    """Bounded tries, then the release is given up and the next best one has its turn (FEATURES G2)."""
    steps = case.policy.retries.download_minutes
    backoff = case.world.backoffs.get(f"download/{torrent.id}")
    tried = backoff.failures if backoff else 0
    trouble = "stalled" if torrent.state in (TorrentState.ACTIVE, TorrentState.WAITING) else torrent.state.value
    if backoff and backoff.not_before > case.now:
        when = f"{backoff.not_before:%Y-%m-%d %H:%M} UTC"
        return case.hold("DownloadTroubled", f"{trouble}: try {tried} of {len(steps)} was made; looked at again {when}")
    if tried < len(steps):
        verb = "recheck" if torrent.state is TorrentState.MISSING_FILES else "start"
        return Revive(
            case.want.key, torrent.id, verb, Reason("DownloadTroubled", f"{trouble}: try {tried + 1} of {len(steps)}")
        )
    reason = Reason("DownloadGivenUp", f"{trouble} after {len(steps)} tries; another release is looked for")
    return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, f"{trouble} after {len(steps)} tries")
