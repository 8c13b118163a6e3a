"""Everything known about one want, gathered once per plan so that a rule can read it without searching."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from domain.actions import Hold, Reason
from domain.brakes import on_hold
from domain.gates import Answer, Verdict, answer, judge
from domain.manifest import PolicySpec
from domain.ownership import LibraryIndex, Owned
from domain.releases import Release
from domain.wants import Want
from domain.world import Backoff, Claim, Item, Outcome, Override, Searched, Torrent, World

TAG_PREFIX = "want:"
"""Each torrent that serves a want carries this and the want's key as a tag: what recovers us from a lost store."""

FOUND = "found in the client"
"""Detail of a grab whose torrent was there already: somebody else added it, so it is never removed."""

FOUND_TAG = "want-found"
"""Carried, beside the want's tag, by a torrent that was there already: the ledger may be lost, the owner is not."""

BLOCKED = "a person blocked it"
"""How the detail of a grab begins that was given up for the blocklist: taking the block back restores its release."""

GB = 1_000_000_000


LIVE = (None, Outcome.UNKNOWN, Outcome.SENT)
"""Outcomes of a grab that may still bring its book."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A release judged for one want."""

    want: str
    release: Release
    answer: Answer
    verdicts: tuple[Verdict, ...]


class Case(msgspec.Struct, frozen=True, kw_only=True):
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
    indexers: frozenset[str] = frozenset()
    """Those that are configured and that no person holds."""
    pending_bytes: int = 0
    """What unfinished downloads of ours will still take from the disk."""
    taken: Mapping[str, frozenset[str]] = {}
    """Release or infohash -> the wants whose live grab it is: several for a pack."""
    blocked: frozenset[str] = frozenset()
    """Releases and infohashes on the blocklist."""
    ruled_out: frozenset[str] = frozenset()
    """Releases and infohashes that are blocked, and releases that were tried in vain."""
    spared: bool = False
    """Whether its torrent was blocked for the part of another want: this one's goes on."""

    @property
    def live_grab(self) -> Claim | None:
        return next((claim for claim in reversed(self.grabs) if claim.outcome in LIVE), None)

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

    @property
    def settled(self) -> bool:
        """Whether the library has the book, and no person said that it is another one: true until we published one
        for them."""
        forced = "force" in self.overrides and not any(one.outcome is Outcome.CONFIRMED for one in self.publishes)
        return bool(self.owned.items) and not forced

    @property
    def upgrading(self) -> bool:
        """Whether its live grab is to take the place of the copy that is there, and has not done so yet."""
        grab, claim = self.live_grab, self.publishing
        done = claim is not None and claim.outcome is Outcome.CONFIRMED
        return grab is not None and grab.path is not None and not done

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


def urgency(case: Case) -> tuple[int, tuple[int, str, float], str]:
    """Sorts the most urgent first."""
    return -case.want.priority, place(case.want), case.want.key


def place(want: Want) -> tuple[int, str, float]:
    """Where a want stands among those of one priority."""
    return want.turn, want.series or "", float(want.position.low) if want.position else 0.0


class Lookup:
    """The world by want, built once per plan so that a want's facts are found without searching."""

    def __init__(self, world: World, torrents: Sequence[Torrent], now: datetime) -> None:
        self.claims: dict[str, list[Claim]] = defaultdict(list)
        self.taken: dict[str, frozenset[str]] = {}
        self.refused: dict[str, set[str]] = defaultdict(set)
        """Torrent -> the wants whose part of it was refused."""
        for claim in sorted(world.claims, key=lambda claim: claim.id):
            self.claims[claim.want].append(claim)
            if claim.action == "grab" and claim.outcome in LIVE:
                for one in (claim.release, *claim.ids):
                    self.taken[one] = self.taken.get(one, frozenset()) | {claim.want}
            if claim.action == "publish" and claim.outcome is Outcome.REFUSED:
                self.refused[claim.release].add(claim.want)
        self.pending_bytes = sum(one.amount_left_bytes or 0 for one in torrents if not one.complete)
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
        self.indexers = frozenset(name for name in world.indexers if f"indexer/{name}" not in on_hold(world, now))
        self.blocked = frozenset(one for row in world.blocklist for one in (row.release, row.infohash) if one)


def case_of(want: Want, policy: PolicySpec, world: World, index: LibraryIndex, now: datetime, lookup: Lookup) -> Case:
    """The facts about one want, with the overrides that change it already applied."""
    claims = lookup.claims.get(want.key, ())
    grabs = tuple(claim for claim in claims if claim.action == "grab")
    publishes = tuple(claim for claim in claims if claim.action == "publish")
    overrides = _in_force(want, lookup, now)
    want = _as_overridden(want, overrides)
    owned = _as_settled(_owned(want, index, publishes), lookup.overrides.get(want.key, ()), index)
    settled = bool(owned.items) and "force" not in overrides and not want.profile.upgrade.allowed
    searched = world.searches.get(want.key)
    torrents = _torrents(want, grabs, lookup)
    given_up = _given_up(grabs, overrides.get("retry"), lookup.blocked)
    return Case(
        want=want,
        world=world,
        policy=policy,
        now=now,
        owned=owned,
        paths=index.by_path,
        grabs=grabs,
        publishes=publishes,
        torrents=torrents,
        spared=_is_spared(want, torrents, lookup),
        blocked=lookup.blocked,
        ruled_out=lookup.blocked | given_up.keys() if given_up else lookup.blocked,
        judged=() if settled else _judged(want, searched, given_up, lookup.blocked),
        overrides=overrides,
        indexers=lookup.indexers,
        taken=lookup.taken,
        pending_bytes=lookup.pending_bytes,
    )


def bare_case(want: Want, policy: PolicySpec, world: World, now: datetime) -> Case:
    """A want whose facts could not be gathered: nothing is known about it, and nothing is done for it."""
    return Case(
        want=want, world=world, policy=policy, now=now, owned=Owned(), paths={}, grabs=(), publishes=(), torrents=(),
        judged=(), overrides={},
    )  # fmt: skip


def _as_overridden(want: Want, overrides: Mapping[str, Override]) -> Want:
    if pin := overrides.get("pin"):
        want = msgspec.structs.replace(want, pinned=pin.value.lower())
    if urgency := overrides.get("priority"):
        want = msgspec.structs.replace(want, priority=int(urgency.value))
    return want


def _owned(want: Want, index: LibraryIndex, publishes: Sequence[Claim]) -> Owned:
    """What the library holds for this want; an item that we published and confirmed counts at its path, whatever its
    metadata has become since."""
    owned = index.owned(want)
    if owned.items or not publishes or publishes[-1].outcome is not Outcome.CONFIRMED:
        return owned
    there = tuple(index.by_path.get(publishes[-1].path or "", ()))
    return msgspec.structs.replace(owned, items=there)


def _as_settled(owned: Owned, overrides: Sequence[Override], index: LibraryIndex) -> Owned:
    """What people said of single items: `is` and `is-not`, by the item's path. The newest word about an item counts."""
    said = {override.value: override.verb for override in overrides if override.verb in ("is", "is-not")}
    if not said:
        return owned
    own = [item for item in owned.items if said.get(item.rel_path) != "is-not"]
    own += [item for path, verb in said.items() if verb == "is" for item in index.by_path.get(path, ())]
    items = {item.id: item for item in own}
    maybe = tuple((item, why) for item, why in owned.maybe if item.rel_path not in said)
    return msgspec.structs.replace(owned, items=tuple(items[key] for key in sorted(items)), maybe=maybe)


def _torrents(want: Want, grabs: Sequence[Claim], lookup: Lookup) -> tuple[Torrent, ...]:
    mine = [lookup.by_id[one] for claim in grabs for one in claim.ids if one in lookup.by_id]
    torrents = {torrent.id: torrent for torrent in (*mine, *lookup.by_tag.get(want.key, ()))}
    return tuple(torrents[one] for one in sorted(torrents))


def _is_spared(want: Want, torrents: Sequence[Torrent], lookup: Lookup) -> bool:
    """A pack of which other parts were refused, and not this want's."""
    refused = {one for torrent in torrents for one in lookup.refused.get(torrent.id, ())}
    return bool(refused) and want.key not in refused


def _in_force(want: Want, lookup: Lookup, now: datetime) -> dict[str, Override]:
    """Overrides of the documents that want this book, then those of the want itself, which count more."""
    if not lookup.overrides:
        return {}
    targets = [line.split(" ", 1)[0] for line in want.because] + [want.key]
    found = [override for target in targets for override in lookup.overrides.get(target, ())]
    return {override.verb: override for override in found if override.until is None or override.until > now}


def _judged(
    want: Want,
    searched: Searched | None,
    given_up: Mapping[str, Claim],
    blocked: Collection[str],
) -> tuple[Judged, ...]:
    if searched is None:
        return ()
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


def _given_up(grabs: Sequence[Claim], retry: Override | None, blocked: frozenset[str]) -> dict[str, Claim]:
    """Releases that were tried in vain. A person who asks again forgives what was tried before, once."""
    ended = (Outcome.ABANDONED, Outcome.REFUSED)
    tried = [claim for claim in grabs if claim.outcome in ended and (retry is None or claim.claimed_at >= retry.at)]
    # What ended for the blocklist is tried again once its block is taken back.
    unblocked = [one for one in tried if one.detail.startswith(BLOCKED) and blocked.isdisjoint((one.release, *one.ids))]
    tried = [claim for claim in tried if claim not in unblocked]
    return {claim.release: claim for claim in tried}


judge_once = lru_cache(maxsize=100_000)(judge)
"""Judging is pure, and most offers were judged before by the tick before this one."""
