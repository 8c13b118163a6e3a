"""Everything known about one want, gathered once per plan so that a rule can read it without searching."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from domain.actions import Hold, Reason
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

GB = 1_000_000_000


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


class Lookup:
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


def case_of(want: Want, policy: PolicySpec, world: World, index: LibraryIndex, now: datetime, lookup: Lookup) -> Case:
    """The facts about one want, with the overrides that change it already applied."""
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
    return Case(
        want=want,
        world=world,
        policy=policy,
        now=now,
        owned=owned,
        paths=index.by_path,
        grabs=grabs,
        publishes=tuple(claim for claim in claims if claim.action == "publish"),
        torrents=tuple(torrents[one] for one in sorted(torrents)),
        judged=judged,
        overrides=overrides,
    )


def _in_force(want: Want, lookup: Lookup, now: datetime) -> dict[str, Override]:
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
