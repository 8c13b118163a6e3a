"""The rules that decide about one want: the first of `RULES` that has something to say."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import timedelta

from domain.actions import Adopt, Confirm, Decision, Enrich, Publish, Reason, Settle
from domain.case import TAG_PREFIX, Case
from domain.downloading import download, is_blocked
from domain.metadata import intended
from domain.searching import search_or_wait
from domain.taking import choose
from domain.upgrades import REPLACED, in_library, kept_from, upgrade
from domain.wants import MemberKind
from domain.world import Claim, Item, Outcome


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
    if len(strangers) > 1 and case.settled:
        return None  # a copy, and a better one: whatever they owe, the book is there
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
        unclear = f"no answer from the client; its list is watched until {until:%H:%M} UTC"
        return kept_from(case, Reason("GrabUnclear", unclear))
    bound = bool(grab.min_ratio or grab.min_seed_s)
    if bound and not case.asked_since("retry", grab.claimed_at):
        lost = "the client never showed the torrent; its tracker counts downloads, so say `override retry`"
        return kept_from(case, Reason("GrabLost", lost))
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
    if _still_the_old_one(case, claim, item):
        return case.hold("AwaitingScan", f"a better copy was put to {claim.path}; the library still lists the old one")
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


def _still_the_old_one(case: Case, claim: Claim, item: Item) -> bool:
    """Whether the server has yet to look at a folder whose book was replaced: the item was listed all the time."""
    if not claim.detail.startswith(REPLACED):
        return False
    formats = claim.detail.removeprefix(REPLACED).split()
    return f"scan/{case.want.key}" not in case.world.backoffs or not set(formats) <= set(item.formats)


def _resume_publishing(case: Case) -> Decision | None:
    """Interrupted after its folder was named: it may stand there already, listed even, and was never matched."""
    torrent = case.torrent
    if torrent is None or not torrent.complete or case.resting(f"publish/{case.want.key}"):
        return None
    if (case.upgrading and case.settled) or is_blocked(case):
        return None  # what was decided meanwhile is looked at first
    return Publish(case.want.key, torrent.id, Reason("PublishingResumed", "it was interrupted while being published"))


def _owned(case: Case) -> Decision | None:
    if case.settled:
        return upgrade(case) or in_library(case)
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


def _not_yet(case: Case) -> Decision | None:
    if case.want.kind is MemberKind.PLACEHOLDER:
        return case.hold("TitleUnknown", "no source names this book; state it under `books` of its series")
    if case.want.released and case.want.released > case.now.date():
        return case.hold("Unreleased", f"comes out on {case.want.released:%Y-%m-%d}")
    if case.want.waits is not None and "force" not in case.overrides:
        return case.hold(*case.want.waits)
    return None


Rule = Callable[[Case], Decision | None]

RULES: tuple[Rule, ...] = (
    _adopt_tagged,
    _settle_open_grab,
    _skipped,
    _finish_publishing,
    _owned,
    _not_yet,
    download,
    choose,
)


def decide(case: Case) -> Decision:
    """A rule that fails is a hold of this want, never the end of the plan (DOCTRINE D13)."""
    try:
        return next((decision for rule in RULES if (decision := rule(case)) is not None), None) or search_or_wait(case)
    except Exception as error:
        return case.hold("RuleFailed", f"a rule failed on this want: {type(error).__name__}: {error}"[:300])
