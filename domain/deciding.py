"""The rules that decide about one want: the first of `RULES` that has something to say."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from domain.actions import Adopt, Confirm, Decision, Enrich, Grab, Publish, Reason, Revive, Search, Settle
from domain.case import GB, TAG_PREFIX, Case, Judged
from domain.gates import Answer
from domain.manifest import PolicySpec
from domain.metadata import intended
from domain.preference import order
from domain.releases import Release
from domain.wants import MemberKind, Want
from domain.world import Backoff, Claim, Outcome, Searched, Torrent, TorrentState


def _skipped(case: Case) -> Decision | None:
    for verb in ("skip", "hold", "snooze"):
        if override := case.overrides.get(verb):
            until = f" until {override.until:%Y-%m-%d %H:%M} UTC" if override.until else ""
            why = f": {override.why}" if override.why else ""
            return case.hold(HELD_BY[verb], f"{override.who or 'a person'} said {verb}{until}{why}")
    if case.want.suspend:
        return case.hold("Suspended", "its document says `suspend: true`")
    return None


HELD_BY = {"skip": "Skipped", "hold": "HeldByPerson", "snooze": "Snoozed"}


def _adopt_tagged(case: Case) -> Decision | None:
    """A torrent carries our tag and the ledger does not know it: the store was lost. Go on where we were."""
    if not case.torrents or case.live_grab is not None:
        return None
    # A grab that was thought unsent, and arrived late after all, is a stranger too.
    known = {one for claim in case.grabs if claim.outcome is not Outcome.UNSENT for one in claim.ids}
    tag = TAG_PREFIX + case.want.key
    strangers = [torrent for torrent in case.torrents if tag in torrent.tags and not torrent.ids & known]
    if not strangers:
        return None
    if len(strangers) > 1:
        return case.hold("Ambiguous", f"{len(strangers)} torrents carry its tag; take the tag off all but one")
    torrent = strangers[0]
    reason = Reason("TagFound", "a torrent carries this want's tag and the ledger does not know it")
    return Adopt(case.want.key, torrent.id, torrent.infohash_v1 or torrent.id, torrent.infohash_v2, reason)


def _settle_open_grab(case: Case) -> Decision | None:
    """A grab without a known outcome is settled by looking at the client, never by sending again (DOCTRINE D5)."""
    grab = case.live_grab
    if grab is None or grab.outcome is Outcome.SENT:
        return None
    if case.torrent is not None:
        return Settle(case.want.key, grab.id, Outcome.SENT, Reason("SeenInClient", "the torrent is in the client"))
    if not grab.ids:
        return Settle(
            case.want.key, grab.id, Outcome.UNSENT, Reason("NeverSent", "interrupted before it was handed over")
        )
    patience = timedelta(minutes=case.policy.retries.grab_grace_minutes)
    if case.now - grab.claimed_at < patience:
        until = grab.claimed_at + patience
        return case.hold("GrabUnclear", f"no answer from the client; its list is watched until {until:%H:%M} UTC")
    bound = bool(grab.min_ratio or grab.min_seed_s)
    if bound and not case.asked_since("retry", grab.claimed_at):
        return case.hold(
            "GrabLost", "the client never showed the torrent; its tracker counts downloads, so say `override retry`"
        )
    return Settle(
        case.want.key,
        grab.id,
        Outcome.UNSENT,
        Reason("NotInClient", "the client does not have it after the grace time"),
    )


def _finish_publishing(case: Case) -> Decision | None:
    """The folder stands in the library: wait for the item, compare it with the book, put right what is wrong."""
    claim = case.publishing
    if claim is not None and claim.outcome is None and claim.path is not None:
        return _resume_publishing(case)
    if claim is None or claim.outcome is not Outcome.PLACED or claim.path is None:
        return None
    there = case.paths.get(claim.path, ())
    if not there and case.asked_since("retry", claim.settled_at):
        return None
    if not there:
        return case.hold("AwaitingScan", f"published to {claim.path}; the library has not listed it yet")
    if len(there) > 1:
        return case.hold(
            "TwoItemsOnePath", f"the library lists {claim.path} {len(there)} times; remove one of the items there"
        )
    item = there[0]
    lacking = intended(case.want, item)
    if lacking is not None and (rest := case.resting(f"enrich/{case.want.key}")):
        return case.hold("EnrichFailed", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
    if lacking is not None:
        return Enrich(
            case.want.key,
            item.id,
            lacking,
            Reason("MetadataDiffers", f"the library read {item.title!r} from {claim.path}"),
        )
    return Confirm(case.want.key, claim.id, item.id, Reason("Published", f"in the library at {claim.path}"))


def _resume_publishing(case: Case) -> Decision | None:
    """Interrupted after its folder was named: it may stand there already, listed even, and was never matched."""
    torrent = case.torrent
    if torrent is None or not torrent.complete or case.resting(f"publish/{case.want.key}"):
        return None
    return Publish(case.want.key, torrent.id, Reason("PublishingResumed", "it was interrupted while being published"))


def _owned(case: Case) -> Decision | None:
    if case.owned.items and not _not_what_is_meant(case):
        where = case.owned.items[0].rel_path
        more = f" and {len(case.owned.items) - 1} more" if len(case.owned.items) > 1 else ""
        return case.hold("InLibrary", f"{where}{more}")
    claim = case.publishing
    if claim and claim.outcome is Outcome.CONFIRMED and not case.asked_since("retry", claim.settled_at):
        return case.hold(
            "LeftLibrary", f"it was published to {claim.path} and is gone; say `override retry` to have it again"
        )
    if case.owned.missing and not case.owned.maybe and "retry" not in case.overrides and case.live_grab is None:
        where = case.owned.missing[0].rel_path
        return case.hold(
            "MissingInLibrary",
            f"the library lists {where} and misses its files; put them back, or say `override retry`",
        )
    if case.owned.maybe and "force" not in case.overrides and case.live_grab is None:
        item, why = case.owned.maybe[0]
        say = f"`bibliostat override is {case.want.key} {shlex.quote(item.rel_path)}`, or `is-not`"
        return case.hold("MayBeOwned", f"{item.rel_path} may be it ({why}); say {say}")
    return None


def _not_what_is_meant(case: Case) -> bool:
    """A person said that what the library has is not the book: true until we published one for them."""
    return "force" in case.overrides and not any(one.outcome is Outcome.CONFIRMED for one in case.publishes)


def _not_yet(case: Case) -> Decision | None:
    if case.want.kind is MemberKind.PLACEHOLDER:
        return case.hold("TitleUnknown", "no source names this book; state it under `books` of its series")
    if case.want.released and case.want.released > case.now.date():
        return case.hold("Unreleased", f"comes out on {case.want.released:%Y-%m-%d}")
    if case.want.waits is not None and "force" not in case.overrides:
        return case.hold(*case.want.waits)
    return None


def _download(case: Case) -> Decision | None:
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


def _choose(case: Case) -> Decision | None:
    """The best of the confirmed releases; what is only possible waits for a person.

    A release of an indexer that is resting stands back for one that can be fetched now.
    """
    good = _takeable(case)
    if not good:
        return None
    awake = [release for release in good if not _release_rests(release, case)]
    ranked = [release for release, _ in order(case.want, [(one, Answer.CONFIRMED) for one in awake or good])]
    release = next((one for one in ranked if _cannot_afford(one, case) is None), ranked[0])
    other = case.taken.get(release.id) or case.taken.get(release.infohash or "", case.want.key)
    if other != case.want.key:
        return case.hold("ServesAnother", f"{release.title} was grabbed for {other}; one of the two wants may be wrong")
    refusal = _cannot_afford(release, case)
    if refusal:
        return case.hold(refusal.code, refusal.message)
    if rest := case.resting(f"grab/{case.want.key}") or (None if awake else _release_rests(release, case)):
        return case.hold("BackingOff", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
    attempt = 1 + sum(1 for claim in case.grabs if claim.release == release.id and claim.outcome is not Outcome.UNSENT)
    return Grab(case.want.key, release, attempt, Reason("ReleaseFound", f"{release.title} at {release.indexer}"))


def _release_rests(release: Release, case: Case) -> Backoff | None:
    return case.resting(f"indexer/{release.indexer}") or case.resting(f"fetch/{release.id}")


def _takeable(case: Case) -> list[Release]:
    """Confirmed, of an indexer that is still configured and not on hold, and the pinned one where one is pinned."""
    good = [judged.release for judged in case.judged if judged.answer is Answer.CONFIRMED]
    good = [release for release in good if release.indexer in case.indexers]
    if case.want.pinned:
        good = [release for release in good if _is_pinned(release, case.want)]
    return good


def _is_pinned(release: Release, want: Want) -> bool:
    return want.pinned is not None and want.pinned in (release.id, release.infohash)


def _cannot_afford(release: Release, case: Case) -> Reason | None:
    floor = case.policy.budgets.free_disk_gb * GB
    if case.world.free_bytes is None:
        return Reason("DiskUnknown", "free space for downloads is unknown; `doctor` says why")
    left = case.world.free_bytes - case.pending_bytes - likely_bytes(release, case.want)
    if left < floor:
        return Reason("DiskFull", f"{left / GB:.1f} GB would be left, the policy keeps {floor / GB:.1f} GB")
    if case.policy.spending.freeleech_only and release.download_factor != 0:
        return Reason("NotFree", "the policy takes free releases only")
    return None


def likely_bytes(release: Release, want: Want) -> int:
    """Its size; one that is not said counts as the largest that the profile takes, for unknown is never zero."""
    return release.size_bytes if release.size_bytes is not None else int(want.profile.max_size_gb * GB)


def _search_or_wait(case: Case) -> Decision:
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
    if case.want.pinned and not any(_is_pinned(judged.release, case.want) for judged in case.judged):
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


Rule = Callable[[Case], Decision | None]

RULES: tuple[Rule, ...] = (
    _adopt_tagged,
    _settle_open_grab,
    _skipped,
    _finish_publishing,
    _owned,
    _not_yet,
    _download,
    _choose,
)


def decide(case: Case) -> Decision:
    """A rule that fails is a hold of this want, never the end of the plan (DOCTRINE D13)."""
    try:
        return next((decision for rule in RULES if (decision := rule(case)) is not None), None) or _search_or_wait(case)
    except Exception as error:
        return case.hold("RuleFailed", f"a rule failed on this want: {type(error).__name__}: {error}"[:300])
