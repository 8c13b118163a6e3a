"""What would be chosen if a rule were not asked: the stored candidates, judged once more. Nothing is changed by asking.

A rule is left out with all that it said; the other rules stand. So the answer also shows what else speaks against a
release, and which line of a profile, which policy or which word of a person would make it so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from domain.affording import account_refuses, likely_bytes
from domain.case import Case, Judged
from domain.gates import OBJECTS, Answer, Verdict, answer
from domain.nodes import did_you_mean
from domain.preference import order
from domain.releases import Release
from domain.taking import is_pinned
from domain.wants import Want

OBJECTIONS = (Answer.NO, Answer.POSSIBLE)


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate, as it is and without the rules that were left out."""

    release: Release
    before: Answer
    after: Answer
    left_out: tuple[Verdict, ...]
    """What the rules that are not asked had against it."""
    objections: tuple[Verdict, ...]
    """What still speaks against it."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What leaving out `relaxed` would change for one want."""

    want: str
    relaxed: tuple[str, ...]
    candidates: tuple[Weighed, ...]
    """Best first, as it would be then."""
    chosen: Release | None
    """What is right as it is, and first in order."""
    would_choose: Release | None
    levers: tuple[str, ...]
    """What would make it so: each names a line to declare, or a command to say."""


def candidates_of(case: Case, proofs: Mapping[str, Sequence[Verdict]]) -> tuple[Judged, ...]:
    """Every stored offer of this want with all that is said about it: by the gates, by our account, and by the proof
    of its download where there was one (`proofs`, by release)."""
    return tuple(_with(one, (*proofs.get(one.release.id, ()), *_duty(one.release, case))) for one in case.judged)


def _with(judged: Judged, more: Sequence[Verdict]) -> Judged:
    verdicts = (*judged.verdicts, *more)
    return msgspec.structs.replace(judged, verdicts=verdicts, answer=answer(verdicts))


def _duty(release: Release, case: Case) -> Iterable[Verdict]:
    size_bytes = likely_bytes(release, case.want)
    account = case.world.accounts.get(release.indexer)
    refusal = account_refuses(release, account, case.policy.spending, size_bytes=size_bytes, pending_bytes=0)
    if refusal is not None:
        yield Verdict(gate="duty", rule=refusal.code, answer=Answer.NO, seen=refusal.message)
    if release.indexer not in case.indexers:
        seen = f"{release.indexer} is not configured, or on hold"
        yield Verdict(gate="duty", rule="IndexerOff", answer=Answer.NO, seen=seen)


def replay(want: Want, candidates: Iterable[Judged], relaxed: Collection[str]) -> Replay:
    """Judge the candidates without the rules named in `relaxed`. Pure; the order of the candidates does not matter."""
    rows = tuple(candidates)
    weighed = {one.release.id: _weighed(one, relaxed) for one in rows}
    ranked = order(want, [(one.release, one.after) for one in weighed.values()])
    before = order(want, [(one.release, one.answer) for one in rows])
    would_choose = _first(want, ranked)
    chosen = _first(want, before)
    left_out = weighed[would_choose.id].left_out if would_choose else ()
    return Replay(
        want=want.key,
        relaxed=tuple(relaxed),
        candidates=tuple(weighed[release.id] for release, _ in ranked),
        chosen=chosen,
        would_choose=would_choose,
        levers=tuple(dict.fromkeys(lever(verdict, want, would_choose) for verdict in left_out if would_choose)),
    )


def _weighed(judged: Judged, relaxed: Collection[str]) -> Weighed:
    kept = [verdict for verdict in judged.verdicts if verdict.rule not in relaxed]
    return Weighed(
        release=judged.release,
        before=judged.answer,
        after=answer(kept),
        left_out=tuple(one for one in judged.verdicts if one.rule in relaxed and one.answer in OBJECTIONS),
        objections=tuple(one for one in kept if one.answer in OBJECTIONS),
    )


def _first(want: Want, ranked: Iterable[tuple[Release, Answer]]) -> Release | None:
    """The best confirmed one, and of a want with a pinned release only that."""
    right = (release for release, given in ranked if given is Answer.CONFIRMED)
    return next((release for release in right if not want.pinned or is_pinned(release, want)), None)


# Which rules there are, and what would make their absence real.

LEVERS: Mapping[str, str] = {
    "Abridged": "say `abridged: true` in its profile",
    "Dramatized": "say `dramatized: true` in its profile",
    "Omnibus": "say `packs: true` in its profile",
    "Pack": "say `packs: true` in its profile",
    "WrongLanguage": "name that language under `languages` in its profile",
    "WrongFormat": "name that format under `formats` in its profile",
    "LowBitrate": "lower `min_bitrate_kbps` in its profile",
    "TooBig": "raise `max_mb_per_hour` or `max_size_gb` in its profile",
    "TooSmall": "lower `min_mb_per_hour` in its profile",
    "WrongNarrator": "ask for no narrator: `narrator` in its document, `narrators_required` in its profile",
    "NarratorUnstated": "ask for no narrator: `narrator` in its document, `narrators_required` in its profile",
    "Blocklisted": "say `bibliostat unblock` with its number in `bibliostat blocklist`",
    "TriedBefore": "say `bibliostat override retry {want}`",
    "NotFree": "say `spending: {{freeleech_only: false}}` in the policy",
    "RatioLow": "lower `spending.ratio_floor` in the policy",
    "AccountFull": "lower `spending.slots_reserve` in the policy, as far as the tracker's limit allows",
    "AccountUnknown": "nothing can be declared: the indexer must say what our account stands at",
    "IndexerOff": "configure that indexer, or remove its hold (`bibliostat override list`)",
    "NoSeeders": "nothing can be declared: somebody must seed it",
}
"""Rule -> what a person does so that it does not refuse."""

BY_GATE: Mapping[str, str] = {
    "identity": "if it is the book all the same, say `bibliostat override pin {want} {release}`",
    "proof": "if it is the book all the same, say `bibliostat override force {want}`",
}
NOTHING = "nothing can be declared: {rule} keeps out what is no audiobook of this book"


def lever(verdict: Verdict, want: Want, release: Release) -> str:
    """What a person would declare or say so that this rule does not refuse this release."""
    text = BY_GATE["proof"] if verdict.gate == "proof" else LEVERS.get(verdict.rule, BY_GATE.get(verdict.gate, NOTHING))
    return f"{verdict.rule}: " + text.format(want=want.key, release=release.id, rule=verdict.rule)


def read_rules(named: Iterable[str], candidates: Iterable[Judged]) -> tuple[tuple[str, ...], str | None]:
    """The rules meant by what a person typed (`WrongTitle`, `identity/wrongtitle`), and what to say of the first name
    that is no rule."""
    known = {one.rule.casefold(): one.rule for judged in candidates for one in judged.verdicts}
    known = {rule.casefold(): rule for rule in (*OBJECTS, *LEVERS)} | known
    found: list[str] = []
    for name in named:
        bare = name.rpartition("/")[2].strip().casefold()
        if bare not in known:
            return (), f"no rule is called {name!r}; {did_you_mean(bare, known.values())}"
        found.append(known[bare])
    return tuple(dict.fromkeys(found)), None
