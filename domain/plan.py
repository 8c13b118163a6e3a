"""`plan(desired, world, now)`: one decision with a reason for every want. Pure, total, independent of input order.

A want's decision is the first of `RULES` that has something to say; what a brake or a budget forbids then becomes a
`Hold`. Nothing here reads a clock, does I/O, or logs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from domain.actions import (
    Adopt,
    Chore,
    Confirm,
    Decision,
    Enrich,
    Grab,
    Hold,
    LetGo,
    Publish,
    Reason,
    Remove,
    Revive,
    Scan,
    Search,
    Settle,
)
from domain.brakes import Brake, Work, blocking, brakes, digest_of
from domain.desired import Desired
from domain.duties import Duty, duty_of
from domain.gates import Answer, Verdict, answer, judge
from domain.manifest import PolicySpec
from domain.metadata import intended
from domain.ownership import LibraryIndex, Owned
from domain.preference import order
from domain.releases import Release
from domain.wants import MemberKind, Unwanted, Want
from domain.world import Backoff, Claim, Item, Known, Outcome, Override, Searched, Torrent, TorrentState, Unread, World

TAG_PREFIX = "want:"
"""Each torrent that serves a want carries this and the want's key as a tag: what recovers us from a lost store."""

FOUND = "found in the client"
"""Detail of a grab whose torrent was there already: somebody else added it, so it is never removed."""

GB = 1_000_000_000


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A release judged for one want."""

    want: str
    release: Release
    answer: Answer
    verdicts: tuple[Verdict, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one tick would do, and why it does nothing else."""

    at: datetime
    wants: tuple[Want, ...]
    decisions: tuple[Decision, ...]
    """One per want, in the order in which they are carried out."""
    chores: tuple[Chore, ...] = ()
    brakes: tuple[Brake, ...] = ()
    judged: tuple[Judged, ...] = ()
    duties: tuple[Duty, ...] = ()
    findings: tuple[str, ...] = ()
    """Removals that this reading would justify: each must be seen twice."""
    unwanted: tuple[Unwanted, ...] = ()
    notes: tuple[str, ...] = ()
    owned: dict[str, tuple[str, ...]] = {}
    """Want -> the paths of the library items that are the book."""
    desired_digest: str = ""
    world_digest: str = ""

    @property
    def acts(self) -> tuple[Decision | Chore, ...]:
        """What would be done: everything but holding still."""
        return (*(one for one in self.decisions if not isinstance(one, Hold)), *self.chores)

    @property
    def digest(self) -> str:
        """Names this plan: the same declarations, the same world and the same acts give the same digest."""
        acts = [(type(act).__name__, _subject(act), act.because.code) for act in self.acts]
        return digest_of(self.desired_digest, self.world_digest, acts)


def _subject(act: Decision | Chore) -> object:
    match act:
        case Grab():
            return act.want, act.release.id, act.attempt
        case Scan():
            return act.wants
        case LetGo() | Remove():
            return act.torrent
        case _:
            return act.want


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one want."""

    want: Want
    world: World
    policy: PolicySpec
    now: datetime
    owned: Owned
    paths: Mapping[str, Sequence[Item]]
    grabs: tuple[Claim, ...]
    publishes: tuple[Claim, ...]
    torrents: tuple[Torrent, ...]
    """Those that a live grab of this want asked for, or that carry its tag."""
    judged: tuple[Judged, ...]
    overrides: Mapping[str, Override]
    """Verb -> the newest one in force."""

    @property
    def live_grab(self) -> Claim | None:
        live = (None, Outcome.UNKNOWN, Outcome.SENT)
        return next((claim for claim in reversed(self.grabs) if claim.outcome in live), None)

    @property
    def publishing(self) -> Claim | None:
        """The publication of the live grab, if it was begun."""
        grab = self.live_grab
        mine = [one for one in self.publishes if grab is None or one.ids & grab.ids or one.release in grab.ids]
        return mine[-1] if mine else None

    @property
    def torrent(self) -> Torrent | None:
        grab = self.live_grab
        if grab is None:
            return None
        return next((torrent for torrent in self.torrents if torrent.ids & grab.ids), None)

    def asked_since(self, verb: str, moment: datetime | None) -> bool:
        """Whether a person said this after that moment: an answer counts once, for what it answered."""
        override = self.overrides.get(verb)
        return override is not None and (moment is None or override.at > moment)

    def resting(self, key: str) -> Backoff | None:
        """The back-off that is still running for this key."""
        backoff = self.world.backoffs.get(key)
        return backoff if backoff and backoff.not_before > self.now else None

    def hold(self, code: str, message: str) -> Hold:
        return Hold(self.want.key, Reason(code, message))


def plan(desired: Desired, world: World, now: datetime) -> Plan:
    """One decision per want, and the chores of the world around them."""
    policy = desired.policy
    held = brakes(desired, world, now)
    items = () if isinstance(world.library, Unread) else world.library.value.items
    torrents = () if isinstance(world.downloads, Unread) else world.downloads.value
    index = LibraryIndex(items)
    cases = [
        _case(want, desired, world, index, now, lookup)
        for lookup in [_Lookup(world, torrents)]
        for want in desired.wants
    ]
    decided = [_restrained(_decide(case), case, held) for case in cases]
    decided = _within_budget(decided, {case.want.key: case for case in cases}, world, policy)
    duties = _duties(torrents, world.claims, policy, now)
    chores, findings, capped = _chores(decided, duties, torrents, desired, world, held, now)
    order_of = {case.want.key: (-case.want.priority, _place(case.want), case.want.key) for case in cases}
    return Plan(
        at=now,
        wants=desired.wants,
        decisions=tuple(sorted(decided, key=lambda one: (_wave(one), order_of[one.want]))),
        chores=chores,
        brakes=held + capped,
        judged=tuple(judged for case in cases for judged in case.judged),
        duties=duties,
        findings=findings,
        unwanted=desired.unwanted,
        notes=desired.notes,
        owned={case.want.key: tuple(item.rel_path for item in case.owned.items) for case in cases if case.owned.items},
        desired_digest=digest_of(desired.wants, desired.policy),
        world_digest=_world_digest(world),
    )


def _wave(decision: Decision) -> int:
    """Publish, enrich, grab what is missing, search; what only settles the ledger comes first (DOCTRINE D10)."""
    waves: tuple[tuple[type, ...], ...] = (
        (Settle, Adopt, Confirm),
        (Publish,),
        (Enrich,),
        (Revive,),
        (Grab,),
        (Search,),
        (Hold,),
    )
    return next(number for number, kinds in enumerate(waves) if isinstance(decision, kinds))


def _place(want: Want) -> tuple[str, float]:
    return want.series or "", float(want.position.low) if want.position else 0.0


class _Lookup:
    """The world by want, built once per plan so that a want's facts are found without searching."""

    def __init__(self, world: World, torrents: Sequence[Torrent]) -> None:
        self.claims: dict[str, list[Claim]] = defaultdict(list)
        for claim in sorted(world.claims, key=lambda claim: claim.id):
            self.claims[claim.want].append(claim)
        self.by_id: dict[str, Torrent] = {}
        self.by_tag: dict[str, list[Torrent]] = defaultdict(list)
        for torrent in sorted(torrents, key=lambda torrent: torrent.id):
            for one in torrent.ids:
                self.by_id[one] = torrent
            for tag in torrent.tags:
                if tag.startswith(TAG_PREFIX):
                    self.by_tag[tag.removeprefix(TAG_PREFIX)].append(torrent)
        self.overrides: dict[str, list[Override]] = defaultdict(list)
        for override in sorted(world.overrides, key=lambda override: override.id):
            self.overrides[override.target].append(override)
        self.blocked = {one for row in world.blocklist for one in (row.release, row.infohash) if one}
        self.wanted_by: dict[str, str] = {}


def _case(want: Want, desired: Desired, world: World, index: LibraryIndex, now: datetime, lookup: _Lookup) -> _Case:
    claims = lookup.claims.get(want.key, ())
    grabs = tuple(claim for claim in claims if claim.action == "grab")
    mine = [lookup.by_id[one] for claim in grabs for one in claim.ids if one in lookup.by_id]
    torrents = {torrent.id: torrent for torrent in (*mine, *lookup.by_tag.get(want.key, ()))}
    owned = index.owned(want)
    overrides = _in_force(want, lookup, now)
    if pin := overrides.get("pin"):
        want = msgspec.structs.replace(want, pinned=pin.value.lower())
    if urgency := overrides.get("priority"):
        want = msgspec.structs.replace(want, priority=int(urgency.value))
    searched = world.searches.get(want.key)
    judged = () if owned.items else _judged(want, searched, grabs, lookup.blocked)
    return _Case(
        want=want,
        world=world,
        policy=desired.policy,
        now=now,
        owned=owned,
        paths=index.by_path,
        grabs=grabs,
        publishes=tuple(claim for claim in claims if claim.action == "publish"),
        torrents=tuple(torrents[one] for one in sorted(torrents)),
        judged=judged,
        overrides=overrides,
    )


def _in_force(want: Want, lookup: _Lookup, now: datetime) -> dict[str, Override]:
    """Overrides of the documents that want this book, then those of the want itself, which count more."""
    targets = [line.split(" ", 1)[0] for line in want.because] + [want.key]
    found = [override for target in targets for override in lookup.overrides.get(target, ())]
    return {override.verb: override for override in found if override.until is None or override.until > now}


def _judged(want: Want, searched: Searched | None, grabs: Sequence[Claim], blocked: set[str]) -> tuple[Judged, ...]:
    if searched is None:
        return ()
    given_up = {claim.release: claim for claim in grabs if claim.outcome in (Outcome.ABANDONED, Outcome.REFUSED)}
    judged = []
    for release in sorted(searched.offers, key=lambda release: release.id):
        verdicts = judge_once(want, release)
        if release.id in blocked or (release.infohash and release.infohash in blocked):
            verdicts += (Verdict(gate="duty", rule="Blocklisted", answer=Answer.NO, seen="on the blocklist"),)
        if claim := given_up.get(release.id):
            verdicts += (
                Verdict(gate="duty", rule="TriedBefore", answer=Answer.NO, seen=claim.detail or "given up before"),
            )
        judged.append(Judged(want=want.key, release=release, answer=answer(verdicts), verdicts=verdicts))
    return tuple(judged)


judge_once = lru_cache(maxsize=100_000)(judge)
"""Judging is pure, and most offers were judged before by the tick before this one."""


# The rules, first one that speaks decides.


def _skipped(case: _Case) -> Decision | None:
    for verb in ("skip", "hold", "snooze"):
        if override := case.overrides.get(verb):
            until = f" until {override.until:%Y-%m-%d %H:%M} UTC" if override.until else ""
            why = f": {override.why}" if override.why else ""
            return case.hold(HELD_BY[verb], f"{override.who or 'a person'} said {verb}{until}{why}")
    if case.want.suspend:
        return case.hold("Suspended", "its document says `suspend: true`")
    return None


HELD_BY = {"skip": "Skipped", "hold": "HeldByPerson", "snooze": "Snoozed"}


def _adopt_tagged(case: _Case) -> Decision | None:
    """A torrent carries our tag and the ledger does not know it: the store was lost. Go on where we were."""
    known = frozenset[str]().union(*(claim.ids for claim in case.grabs)) if case.grabs else frozenset()
    tag = TAG_PREFIX + case.want.key
    strangers = [torrent for torrent in case.torrents if tag in torrent.tags and not torrent.ids & known]
    if not strangers or case.live_grab is not None:
        return None
    if len(strangers) > 1:
        return case.hold("Ambiguous", f"{len(strangers)} torrents carry its tag; take the tag off all but one")
    torrent = strangers[0]
    reason = Reason("TagFound", "a torrent carries this want's tag and the ledger does not know it")
    return Adopt(case.want.key, torrent.id, torrent.infohash_v1 or torrent.id, torrent.infohash_v2, reason)


def _settle_open_grab(case: _Case) -> Decision | None:
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


def _finish_publishing(case: _Case) -> Decision | None:
    """The folder stands in the library: wait for the item, compare it with the book, put right what is wrong."""
    claim = case.publishing
    if claim is None or claim.outcome is not Outcome.PLACED or claim.path is None:
        return None
    there = case.paths.get(claim.path, ())
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


def _owned(case: _Case) -> Decision | None:
    if case.owned.items:
        where = case.owned.items[0].rel_path
        more = f" and {len(case.owned.items) - 1} more" if len(case.owned.items) > 1 else ""
        return case.hold("InLibrary", f"{where}{more}")
    claim = case.publishing
    if claim and claim.outcome is Outcome.CONFIRMED and not case.asked_since("retry", claim.settled_at):
        return case.hold(
            "LeftLibrary", f"it was published to {claim.path} and is gone; say `override retry` to have it again"
        )
    if case.owned.maybe and "force" not in case.overrides and case.live_grab is None:
        item, why = case.owned.maybe[0]
        return case.hold("MayBeOwned", f"{item.rel_path} may be it ({why}); say `override force` if it is not")
    return None


def _not_yet(case: _Case) -> Decision | None:
    if case.want.kind is MemberKind.PLACEHOLDER:
        return case.hold("TitleUnknown", "no source names this book; state it under `books` of its series")
    if case.want.released and case.want.released > case.now.date():
        return case.hold("Unreleased", f"comes out on {case.want.released:%Y-%m-%d}")
    return None


def _download(case: _Case) -> Decision | None:
    """What the client says about the torrent of this want."""
    grab, torrent = case.live_grab, case.torrent
    if grab is None:
        return None
    if torrent is None:
        return _gone(case, grab)
    claim = case.publishing
    if claim is not None and claim.outcome is Outcome.REFUSED and not case.asked_since("force", claim.settled_at):
        return _after_refused_proof(case, grab, claim)
    if torrent.state is TorrentState.DONE and torrent.complete:
        if rest := case.resting(f"publish/{case.want.key}"):
            return case.hold("PublishFailed", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
        return Publish(case.want.key, torrent.id, Reason("DownloadComplete", f"{torrent.name} is complete"))
    if torrent.state in (TorrentState.ERROR, TorrentState.MISSING_FILES) or _stalled(torrent, case):
        return _troubled(case, grab, torrent)
    if torrent.state is TorrentState.STOPPED:
        return case.hold("DownloadStopped", "stopped in the client; start it there to go on")
    return case.hold("Downloading", f"{torrent.progress:.0%} of {torrent.name}")


def _gone(case: _Case, grab: Claim) -> Decision:
    if case.asked_since("retry", grab.claimed_at):
        reason = Reason("AskedAgain", "its torrent was removed from the client and a person asked again")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, "removed from the client")
    return case.hold("TorrentGone", "its torrent is no longer in the client; say `override retry` to search again")


def _after_refused_proof(case: _Case, grab: Claim, claim: Claim) -> Decision:
    """A person blocked the release: look for another one. Else the hold shows both sides."""
    blocked = {one for row in case.world.blocklist for one in (row.release, row.infohash) if one}
    if grab.release in blocked or blocked & grab.ids:
        return Settle(
            case.want.key,
            grab.id,
            Outcome.ABANDONED,
            Reason("Blocked", "its release is on the blocklist"),
            claim.detail,
        )
    return case.hold(
        "ProofFailed", f"{claim.detail}; say `override force` to take it, or `block {grab.release}` to try another"
    )


def _stalled(torrent: Torrent, case: _Case) -> bool:
    moving = (TorrentState.ACTIVE, TorrentState.WAITING)
    last = max((moment for moment in (torrent.added_at, torrent.last_activity_at) if moment), default=None)
    patience = timedelta(hours=case.policy.retries.stalled_hours)
    return torrent.state in moving and torrent.progress < 1 and last is not None and case.now - last > patience


def _troubled(case: _Case, grab: Claim, torrent: Torrent) -> Decision:
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


def _choose(case: _Case) -> Decision | None:
    """The best of the confirmed releases; what is only possible waits for a person."""
    pin = case.want.pinned
    good = [judged.release for judged in case.judged if judged.answer is Answer.CONFIRMED]
    if pin:
        good = [release for release in good if pin in (release.id, release.infohash)]
    if not good:
        return None
    release = order(case.want, [(one, Answer.CONFIRMED) for one in good])[0][0]
    refusal = _cannot_afford(release, case)
    if refusal:
        return case.hold(refusal.code, refusal.message)
    if rest := case.resting(f"grab/{case.want.key}"):
        return case.hold("BackingOff", f"{rest.why}; next try {rest.not_before:%Y-%m-%d %H:%M} UTC")
    attempt = 1 + sum(1 for claim in case.grabs if claim.release == release.id and claim.outcome is not Outcome.UNSENT)
    return Grab(case.want.key, release, attempt, Reason("ReleaseFound", f"{release.title} at {release.indexer}"))


def _cannot_afford(release: Release, case: _Case) -> Reason | None:
    floor = case.policy.budgets.free_disk_gb * GB
    if case.world.free_bytes is None:
        return Reason("DiskUnknown", "free space for downloads is unknown; `doctor` says why")
    left = case.world.free_bytes - (release.size_bytes or 0)
    if left < floor:
        return Reason("DiskFull", f"{left / GB:.1f} GB would be left, the policy keeps {floor / GB:.1f} GB")
    if case.policy.spending.freeleech_only and release.download_factor != 0:
        return Reason("NotFree", "the policy takes free releases only")
    return None


def _search_or_wait(case: _Case) -> Decision:
    searched = case.world.searches.get(case.want.key)
    asked = max((at for at in map(case.world.requests.get, (case.want.key, "*")) if at), default=None)
    if not case.world.indexers:
        return case.hold("NoIndexer", "no indexer is configured")
    if searched is None:
        return Search(case.want.key, Reason("NeverSearched", "it is missing and was never searched for"))
    if asked and asked > searched.at:
        return Search(case.want.key, Reason("AskedAgain", "a person asked"))
    due = next_search(searched, case.policy)
    if case.now >= due:
        return Search(case.want.key, Reason("SearchDue", f"last searched {searched.at:%Y-%m-%d %H:%M} UTC"))
    retry = [name for name in searched.failed if name in case.world.indexers and not case.resting(f"indexer/{name}")]
    if retry:
        return Search(case.want.key, Reason("IndexerBack", f"{', '.join(sorted(retry))} could not be asked before"))
    when = f"next search {due:%Y-%m-%d %H:%M} UTC"
    possible = sum(1 for judged in case.judged if judged.answer is Answer.POSSIBLE)
    if possible:
        return case.hold(
            "NeedsYou", f"{possible} of {len(case.judged)} releases may be it and none is surely; see `why`; {when}"
        )
    if searched.failed and not searched.answered:
        name, why = sorted(searched.failed.items())[0]
        return case.hold("IndexerUnread", f"{name}: {why}")
    if not case.judged:
        return case.hold("NothingOffered", f"the indexers offer nothing for it; {when}")
    return case.hold("NothingRightOffered", f"{_refusals(case.judged)}; {when}")


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
        counts[next(verdict.rule for verdict in one.verdicts if verdict.answer is Answer.NO)] += 1
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return f"{total} offered, none right: " + ", ".join(f"{rule} {count}" for rule, count in most)


Rule = Callable[[_Case], Decision | None]

RULES: tuple[Rule, ...] = (
    _adopt_tagged,
    _settle_open_grab,
    _finish_publishing,
    _skipped,
    _owned,
    _not_yet,
    _download,
    _choose,
)


def _decide(case: _Case) -> Decision:
    """A rule that fails is a hold of this want, never the end of the plan (DOCTRINE D13)."""
    try:
        return next((decision for rule in RULES if (decision := rule(case)) is not None), None) or _search_or_wait(case)
    except Exception as error:
        return case.hold("RuleFailed", f"a rule failed on this want: {type(error).__name__}: {error}"[:300])


# What holds a decision back.

NEEDS: Mapping[type, Work] = {
    Search: Work.SEARCH,
    Grab: Work.GRAB,
    Revive: Work.GRAB,
    Adopt: Work.PUBLISH,
    Settle: Work.PUBLISH,
    Publish: Work.PUBLISH,
    Enrich: Work.PUBLISH,
    Confirm: Work.PUBLISH,
}
GOES_ON_WITH_OURS = (Adopt, Settle, Publish, Enrich, Confirm, Revive)
TRUE_ANYWAY = frozenset({"InLibrary", "Skipped", "HeldByPerson", "Snoozed", "Suspended", "TitleUnknown", "Unreleased"})
"""Holds that stay true while the download client cannot be read."""


def _restrained(decision: Decision, case: _Case, held: Sequence[Brake]) -> Decision:
    if isinstance(decision, Hold):
        unread = next((brake for brake in held if brake.name.startswith("unread")), None)
        library_known = unread is not None and unread.name != "unread library"
        if unread is None or (library_known and decision.because.code in TRUE_ANYWAY):
            return decision
        return Hold(decision.want, unread.reason)
    brake = blocking(held, NEEDS[type(decision)], ours=isinstance(decision, GOES_ON_WITH_OURS))
    return Hold(decision.want, brake.reason) if brake else decision


def _within_budget(
    decided: Sequence[Decision], cases: Mapping[str, _Case], world: World, policy: PolicySpec
) -> list[Decision]:
    """The most urgent grabs and searches go; the rest hold until there is budget again."""
    urgent = sorted(decided, key=lambda one: (-cases[one.want].want.priority, _place(cases[one.want].want), one.want))
    budgets, spent = policy.budgets, world.spent
    left = min(
        budgets.grabs_per_tick - spent.tick, budgets.grabs_per_hour - spent.hour, budgets.grabs_per_day - spent.day
    )
    by_indexer = dict(spent.by_indexer)
    searches = budgets.searches_per_tick - spent.searches
    taken: set[str] = set()
    disk = (world.free_bytes or 0) - budgets.free_disk_gb * GB
    kept: list[Decision] = []
    for decision in urgent:
        if isinstance(decision, Grab):
            release = decision.release
            size = release.size_bytes or 0
            of_indexer = by_indexer.get(release.indexer, 0)
            if release.id in taken:
                kept.append(
                    Hold(decision.want, Reason("ServesAnother", "the same release is being grabbed for another want"))
                )
            elif left <= 0 or of_indexer >= budgets.grabs_per_day_and_indexer:
                kept.append(Hold(decision.want, Reason("BudgetSpent", _budget_left(policy, world))))
            elif size > disk:
                kept.append(Hold(decision.want, Reason("DiskFull", "the grabs before it take the free space")))
            else:
                left, disk = left - 1, disk - size
                by_indexer[release.indexer] = of_indexer + 1
                taken.add(release.id)
                kept.append(decision)
        elif isinstance(decision, Search):
            searches -= 1
            waits = Reason(
                "SearchQueued", f"{budgets.searches_per_tick} searches a tick; its turn comes at the next one"
            )
            kept.append(decision if searches >= 0 else Hold(decision.want, waits))
        else:
            kept.append(decision)
    return kept


def _budget_left(policy: PolicySpec, world: World) -> str:
    budgets, spent = policy.budgets, world.spent
    return (
        f"grabs: {spent.hour} of {budgets.grabs_per_hour} this hour, {spent.day} of {budgets.grabs_per_day} today, "
        f"at most {budgets.grabs_per_tick} a tick and {budgets.grabs_per_day_and_indexer} a day per indexer"
    )


# Chores: what belongs to no single want.


def _duties(
    torrents: Iterable[Torrent], claims: Iterable[Claim], policy: PolicySpec, now: datetime
) -> tuple[Duty, ...]:
    by_id = {one: claim for claim in claims if claim.action == "grab" for one in claim.ids}
    found = []
    for torrent in sorted(torrents, key=lambda torrent: torrent.id):
        claim = next((by_id[one] for one in sorted(torrent.ids) if one in by_id), None)
        if claim is not None or _our_tags(torrent):
            found.append(duty_of(torrent, claim, policy.duties, now))
    return tuple(found)


def _our_tags(torrent: Torrent) -> tuple[str, ...]:
    return tuple(sorted(tag for tag in torrent.tags if tag.startswith(TAG_PREFIX)))


def _chores(
    decided: Sequence[Decision],
    duties: Sequence[Duty],
    torrents: Sequence[Torrent],
    desired: Desired,
    world: World,
    held: Sequence[Brake],
    now: datetime,
) -> tuple[tuple[Chore, ...], tuple[str, ...], tuple[Brake, ...]]:
    """The chores, the removals that this reading alone would justify, and the brake where the removal cap trips."""
    chores: list[Chore] = []
    capped: tuple[Brake, ...] = ()
    awaited = tuple(sorted(one.want for one in decided if isinstance(one, Hold) and one.because.code == "AwaitingScan"))
    rest = world.backoffs.get("scan")
    if awaited and not blocking(held, Work.PUBLISH, ours=True) and not (rest and rest.not_before > now):
        chores.append(Scan(awaited, Reason("Published", f"{len(awaited)} published and not listed yet")))
    done = _finished(decided, world)
    by_id = {torrent.id: torrent for torrent in torrents}
    ready = [by_id[duty.torrent] for duty in duties if duty.fulfilled and done(by_id[duty.torrent])]
    found = {one for claim in world.claims if claim.detail == FOUND for one in claim.ids}
    removals = [one for one in ready if desired.policy.duties.after == "remove" and not one.ids & found]
    findings = tuple(sorted(f"remove/{torrent.id}" for torrent in removals))
    if not blocking(held, Work.REMOVE):
        if desired.policy.duties.after == "remove":
            removed, capped = _removals(removals, desired.policy, world)
            chores += removed
        else:
            chores += [
                LetGo(torrent.id, tags, Reason("OwesNothing", f"{torrent.name} owes nothing any more"))
                for torrent in ready
                if (tags := _our_tags(torrent))
            ]
    return tuple(chores), findings, capped


def _finished(decided: Iterable[Decision], world: World) -> Callable[[Torrent], bool]:
    """Whether every want that a torrent was made for is done with it: published and confirmed, or given up.

    A want that left the YAML is orphaned: its torrent is ours by ledger and tag, and is let go when nothing is owed.
    """
    busy: set[str] = {one.want for one in decided if not (isinstance(one, Hold) and one.because.code in DONE_WITH)}
    serving: dict[str, set[str]] = defaultdict(set)
    for claim in world.claims:
        if claim.action == "grab":
            for one in claim.ids:
                serving[one].add(claim.want)

    def finished(torrent: Torrent) -> bool:
        served = {want for one in torrent.ids for want in serving.get(one, ())}
        served |= {tag.removeprefix(TAG_PREFIX) for tag in _our_tags(torrent)}
        return bool(served) and not served & busy

    return finished


DONE_WITH = frozenset({"InLibrary", "LeftLibrary", "Skipped"})
"""Holds in which a want needs nothing more of its torrent."""


def _removals(ready: Sequence[Torrent], policy: PolicySpec, world: World) -> tuple[list[Chore], tuple[Brake, ...]]:
    """Only what two successive good readings found, and never more than the cap: then none at all (DOCTRINE D3)."""
    seen = [torrent for torrent in ready if world.findings.get(f"remove/{torrent.id}", 0) >= 1]
    digest = digest_of("removals", sorted(torrent.id for torrent in seen))
    cap = policy.brakes.removals_per_plan
    if len(seen) > cap and digest not in world.approved:
        message = f"{len(seen)} removals in a plan, the cap is {cap}: none is made; say `bibliostat approve {digest}`"
        reason = Reason("RemovalsCapped", message)
        return [], (Brake(name="removal cap", blocks=frozenset({Work.REMOVE}), reason=reason, approve=digest),)
    reason = Reason("OwesNothing", "owes nothing any more and the policy removes such torrents")
    return [Remove(torrent.id, f"remove/{torrent.id}", reason) for torrent in seen], ()


def _world_digest(world: World) -> str:
    """What a plan rests on, without what changes by itself: progress, times of reading."""
    items = () if isinstance(world.library, Unread) else world.library.value.items
    torrents = () if isinstance(world.downloads, Unread) else world.downloads.value
    return digest_of(
        sorted((item.id, item.rel_path, item.updated_at_ms, item.is_missing) for item in items),
        sorted((torrent.id, torrent.complete, torrent.tags) for torrent in torrents),
        sorted((claim.id, claim.outcome) for claim in world.claims),
        sorted((want, searched.at.isoformat()) for want, searched in world.searches.items()),
        isinstance(world.library, Known),
        isinstance(world.downloads, Known),
    )
