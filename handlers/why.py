"""`bibliostat why`: the story of a book or of a release over time, and what would be if a rule were not asked.

Told from the store alone: nobody outside is asked, and nothing is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from domain.accounts import Account
from domain.affording import counted
from domain.brakes import on_hold
from domain.case import Case, Judged, Lookup, case_of
from domain.desired import Desired
from domain.duties import duty_of
from domain.errors import Permanent
from domain.gates import Answer, Verdict
from domain.manifest import Duties
from domain.names import fold
from domain.ownership import LibraryIndex
from domain.preference import explain, order
from domain.replay import OBJECTIONS, Replay, candidates_of, read_rules, replay
from domain.searching import REFUSED, silence_of
from domain.wants import Want
from domain.world import (
    Blocked,
    Claim,
    Condition,
    Event,
    FailedAttempt,
    Known,
    LibraryView,
    StoredVerdict,
    Torrent,
    TorrentState,
    Unread,
    World,
)
from handlers import meant
from handlers.terminal import as_json, console, print_json, run_with
from reconcile.observe import read_desired
from reconcile.ports import Outside

# What is told.


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one indexer said when this book was last searched for."""

    indexer: str
    state: str
    """answered, answered in part, failed, paused (not to be asked now), refused (it does not let us in), held (by a
    person), or not asked."""
    offers: int = 0
    code: str = ""
    why: str = ""
    until: datetime | None = None
    """When it may be asked again."""


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed to the tracker for one download of this book."""

    release: str
    torrent: str | None
    until: datetime | None
    ratio: float | None
    message: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A release that was offered at the last search, as it is judged now."""

    id: str
    title: str
    indexer: str
    answer: Answer
    objections: tuple[Verdict, ...]
    rank: dict[str, Any]
    """What is compared among those that are right, in its order; the smaller value is the better one."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about one want, over time."""

    want: Want
    conditions: tuple[Condition, ...]
    searched_at: datetime | None
    indexers: tuple[Heard, ...]
    accounts: tuple[Account, ...]
    candidates: tuple[Candidate, ...]
    """Best first."""
    verdicts: tuple[StoredVerdict, ...]
    claims: tuple[Claim, ...]
    duties: tuple[Owed, ...]
    blocklist: tuple[Blocked, ...]
    events: tuple[Event, ...]
    failures: tuple[FailedAttempt, ...]
    replay: Replay | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a release for one want, over time."""

    want: str
    verdicts: tuple[StoredVerdict, ...]
    replay: Replay | None = None


class ReleaseStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about one release."""

    release: meant.Known
    judgements: tuple[Judgement, ...]
    claims: tuple[Claim, ...]
    duties: tuple[Owed, ...]
    blocklist: tuple[Blocked, ...]


@click.command()
@click.argument("subject", metavar="BOOK|RELEASE")
@click.option("--relax", "relaxed", multiple=True, metavar="RULE", help="What if this rule were not asked? Repeatable.")
@as_json
def why(subject: str, relaxed: tuple[str, ...], json_: bool) -> int:
    """The story of a BOOK (title or key) or a RELEASE (id, infohash or a piece of its title): what was offered and
    when, which rule said what with which numbers, who answered, what was done, what is owed.

    With --relax the stored candidates are judged once more without that rule. Nothing is changed, nobody is asked.

    Example: bibliostat why "Tik-Tok of Oz" --relax Abridged
    """
    story = run_with(lambda outside: _told(outside, subject, relaxed))
    if json_:
        print_json(story)
    elif isinstance(story, Story):
        _show_book(console(), story)
    else:
        _show_release(console(), story)
    return 0


async def _told(outside: Outside, text: str, relaxed: Sequence[str]) -> Story | ReleaseStory:
    memory = await _remember(outside)
    wants = memory.desired.wants
    if not meant.is_id(text) and meant.matching_wants(wants, text):
        return await _book(outside, memory, meant.one_want(wants, text), relaxed)
    found = meant.matching_releases(memory.releases, text) or await _seen_before(outside, text)
    if len(found) > 1:
        raise Permanent(meant.ambiguous(text, found), code="AmbiguousRelease")
    if found:
        return await _release(outside, memory, found[0], relaxed)
    if meant.is_id(text):
        raise Permanent(f"no release {text.lower()} was ever seen", code="NoSuchRelease")
    names = [want.title for want in wants] + [one.title for one in memory.releases]
    raise Permanent(
        f"no want and no release is called {text!r}{meant.nearest(text, names)}; `bibliostat status` lists the wants",
        code="NoSuchWant",
    )


# Remembering: everything comes from the store.


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The desired and the world as the store has them: what nobody wrote down is unread."""

    desired: Desired
    world: World
    now: datetime
    releases: tuple[meant.Known, ...]

    def case(self, want: Want) -> Case:
        """Its facts as if the library did not have it, so that its candidates are judged in any case."""
        lookup = Lookup(self.world, (), self.now)
        return case_of(want, self.desired.policy, self.world, LibraryIndex(()), self.now, lookup)


async def _remember(outside: Outside) -> Memory:
    store, now = outside.store, outside.clock.now()
    claims = await store.claims()
    world = World(
        library=Known(value=LibraryView(items=tuple((await store.items()).values())), read_at=now),
        downloads=Unread(code="NotAsked", why="nobody outside was asked", at=now),
        indexers=tuple(sorted(indexer.name for indexer in outside.indexers)),
        claims=claims,
        searches=await store.searches(),
        backoffs=await store.backoffs(),
        overrides=await store.overrides(),
        blocklist=await store.blocklist(),
        accounts=counted(await store.accounts(), claims),
    )
    releases = meant.releases_seen(world.searches, world.claims)
    return Memory(desired=await read_desired(outside), world=world, now=now, releases=releases)


async def _seen_before(outside: Outside, text: str) -> Sequence[meant.Known]:
    """Releases that no indexer offers any more, from the verdicts that were written down."""
    found: dict[str, meant.Known] = {}
    for key in sorted(set((await outside.store.want_keys()).values())):
        for row in await outside.store.verdicts(key):
            named = row.release == text.lower() or (fold(text) and fold(text) in fold(row.title))
            if named and key not in (found[row.release].wants if row.release in found else ()):
                wants = (*found[row.release].wants, key) if row.release in found else (key,)
                found[row.release] = meant.Known(
                    id=row.release, infohash=None, title=row.title, indexer=row.indexer, wants=wants
                )
    return list(found.values())


async def _book(outside: Outside, memory: Memory, want: Want, relaxed: Sequence[str]) -> Story:
    store, world = outside.store, memory.world
    verdicts = await store.verdicts(want.key)
    case = memory.case(want)
    candidates = candidates_of(case, _proofs(verdicts))
    searched = world.searches.get(want.key)
    claims = tuple(claim for claim in world.claims if claim.want == want.key)
    ids = {one for claim in claims for one in (claim.release, *claim.ids)} | {one.release.id for one in candidates}
    offered_by = {one.release.indexer for one in candidates}
    return Story(
        want=case.want,
        conditions=await store.conditions(want.key),
        searched_at=searched.at if searched else None,
        indexers=tuple(_heard(memory, want.key)),
        accounts=tuple(account for name, account in sorted(world.accounts.items()) if name in offered_by),
        candidates=_ranked(case.want, candidates),
        verdicts=verdicts,
        claims=claims,
        duties=tuple(_owed(claims, memory.desired.policy.duties, memory.now)),
        blocklist=tuple(row for row in world.blocklist if {row.release, row.infohash} & ids),
        events=await store.events(subject=want.key),
        failures=await store.failures(want.key),
        replay=replay(case.want, candidates, _rules(relaxed, candidates)) if relaxed else None,
    )


def _proofs(verdicts: Iterable[StoredVerdict]) -> Mapping[str, Sequence[Verdict]]:
    """What the newest proof of each release's download said, where it was refused or doubted."""
    rows: dict[str, list[StoredVerdict]] = defaultdict(list)
    for row in verdicts:
        if row.gate == "proof":
            rows[row.release].append(row)
    return {release: _newest(found) for release, found in rows.items()}


def _newest(rows: Sequence[StoredVerdict]) -> Sequence[Verdict]:
    last = max(row.last_at for row in rows)
    return [
        Verdict(gate=row.gate, rule=row.rule, answer=Answer(row.answer), seen=row.seen, limit=row.limit)
        for row in rows
        if row.last_at == last and row.answer in OBJECTIONS
    ]


def _rules(named: Sequence[str], candidates: Collection[Judged]) -> tuple[str, ...]:
    rules, wrong = read_rules(named, candidates)
    if wrong is not None:
        raise click.UsageError(wrong)
    return rules


def _ranked(want: Want, candidates: Sequence[Judged]) -> tuple[Candidate, ...]:
    by_id = {one.release.id: one for one in candidates}
    return tuple(
        Candidate(
            id=release.id,
            title=release.title,
            indexer=release.indexer,
            answer=given,
            objections=tuple(one for one in by_id[release.id].verdicts if one.answer in OBJECTIONS),
            rank=dict(explain(want, release)),
        )
        for release, given in order(want, [(one.release, one.answer) for one in candidates])
    )


def _heard(memory: Memory, key: str) -> Iterator[Heard]:
    """Each configured indexer, and those that were asked and are configured no more."""
    world, searched = memory.world, memory.world.searches.get(key)
    answered = set(searched.answered) if searched else set()
    failed = searched.failed if searched else {}
    offers = [name for one in searched.offers for name in (one.indexer, *one.also_at)] if searched else []
    held = on_hold(world, memory.now)
    for name in sorted({*world.indexers, *answered, *failed}):
        code, said = (failed[name].code, failed[name].why) if name in failed else ("", "")
        state = "failed" if name in failed else "answered" if name in answered else "not asked"
        state = "answered in part" if name in failed and name in answered else state
        silence = silence_of(name, world.backoffs, memory.now)
        if f"indexer/{name}" in held:
            state, said = "held", said or "a person holds it"
        elif silence is not None:
            state, code, said = "refused" if silence.code == REFUSED else "paused", silence.code, silence.why or said
        until = silence.until if silence else None
        yield Heard(indexer=name, state=state, offers=offers.count(name), code=code, why=said, until=until)


def _owed(claims: Sequence[Claim], policy: Duties, now: datetime) -> Iterator[Owed]:
    """Counted from the moment a download was published: the client is not asked, and it was complete before that."""
    for grab in claims:
        if grab.action != "grab" or not grab.ids:
            continue
        published = [one.claimed_at for one in claims if one.action == "publish" and _same_torrent(one, grab)]
        torrent = Torrent(id=grab.release, state=TorrentState.DONE, completed_at=min(published, default=None))
        duty = duty_of(torrent, [grab], policy, now)
        yield Owed(
            release=grab.release,
            torrent=grab.infohash or grab.infohash_v2,
            until=duty.until,
            ratio=duty.ratio,
            message=duty.message if published else _once_complete(grab, policy),
        )


def _same_torrent(publish: Claim, grab: Claim) -> bool:
    return bool(publish.ids & grab.ids) or publish.release in grab.ids


def _once_complete(grab: Claim, policy: Duties) -> str:
    hours = max(policy.seed_hours, (grab.min_seed_s or 0) / 3600)
    ratio = max((one for one in (policy.ratio, grab.min_ratio) if one), default=None)
    return f"seeds {hours:g} h once it is complete" + (f", and until ratio {ratio:.2f}" if ratio else "")


async def _release(outside: Outside, memory: Memory, release: meant.Known, relaxed: Sequence[str]) -> ReleaseStory:
    wants = {want.key: want for want in memory.desired.wants}
    judged = {key: await outside.store.verdicts(key) for key in release.wants}
    candidates = {
        key: candidates_of(memory.case(wants[key]), _proofs(judged[key])) for key in release.wants if key in wants
    }
    rules = _rules(relaxed, [one for found in candidates.values() for one in found]) if relaxed else ()
    claims = tuple(one for one in memory.world.claims if one.release in release.ids or one.ids & release.ids)
    return ReleaseStory(
        release=release,
        judgements=tuple(
            Judgement(
                want=key,
                verdicts=tuple(row for row in judged[key] if row.release in release.ids),
                replay=replay(wants[key], candidates[key], rules) if rules and key in candidates else None,
            )
            for key in release.wants
        ),
        claims=claims,
        duties=tuple(_owed(claims, memory.desired.policy.duties, memory.now)),
        blocklist=tuple(row for row in memory.world.blocklist if {row.release, row.infohash} & release.ids),
    )


# Showing.

COLOURS = {"no": "red", "possible": "yellow", "confirmed": "green", "not asked": "dim"}
MOST_HISTORY = 3


def _show_book(console: Console, story: Story) -> None:
    """Where it stands, who was asked, what was offered and which rule said what, what was done and is owed."""
    want = story.want
    console.print(f"[bold]{escape(want.name)}[/] by {escape(', '.join(want.authors) or 'nobody stated')}")
    console.print(f"  key {escape(want.key)}, wanted by {escape('; '.join(want.because))}")
    for one in story.conditions:
        if one.type == "Ready":
            when = f"since {_time(one.since)}, looked {_time(one.observed_at)}"
            console.print(f"  {one.reason}: {escape(one.message)} [dim]({when})[/]")
    _show_indexers(console, story)
    for account in story.accounts:
        console.print(f"  account at {escape(_account(account))}")
    _show_releases(console, story.verdicts, {one.id: one for one in story.candidates})
    _show_done(console, story.claims, story.duties, story.blocklist)
    for event in story.events:
        count = f" ({event.count}×)" if event.count > 1 else ""
        console.print(f"  [dim]{_time(event.last_at)}[/] {event.reason} {escape(event.message)}{count}")
    for failure in story.failures:
        console.print(f"  failed {failure.count}×: {failure.reason} {escape(failure.message)}")
    if story.replay:
        _show_replay(console, story.replay)


def _show_indexers(console: Console, story: Story) -> None:
    asked = f"last searched {_time(story.searched_at)}" if story.searched_at else "never searched for"
    console.print(f"  [bold]{asked}[/]")
    for one in story.indexers:
        until = f", until {_time(one.until)}" if one.until else ""
        said = f": {one.code + ' ' if one.code else ''}{one.why}" if one.why else ""
        nothing = ", nothing" if one.state == "answered" else ""
        offers = f", {one.offers} kept of what it offered" if one.offers else nothing
        console.print(f"    {escape(one.indexer)} {one.state}{offers}{until}{escape(said)}")


def _account(account: Account) -> str:
    ratio = "unknown" if account.ratio is None else f"{account.ratio:.2f}".replace("inf", "∞")
    used, most = ("unknown" if one is None else one for one in (account.unsatisfied, account.unsatisfied_limit))
    since = f" and {account.grabbed_since} grabbed since" if account.grabbed_since else ""
    rank = f"{account.rank}, " if account.rank else ""
    return f"{account.indexer}: {rank}ratio {ratio}, {used} of {most} owe seeding{since}, read {_time(account.read_at)}"


def _show_releases(console: Console, verdicts: Iterable[StoredVerdict], candidates: Mapping[str, Candidate]) -> None:
    """The nearest first: what passed, near misses with each objection, and other books in a line each."""
    by_release: dict[str, list[StoredVerdict]] = defaultdict(list)
    for verdict in verdicts:
        by_release[verdict.release].append(verdict)
    if by_release:
        console.print(f"  [bold]{len(by_release)} releases seen[/]")
    for release, rows in sorted(by_release.items(), key=lambda pair: (_distance(pair[1]), pair[1][0].title)):
        _show_seen(console, release, rows, candidates.get(release))


def _show_seen(console: Console, release: str, rows: Sequence[StoredVerdict], candidate: Candidate | None) -> None:
    now, before = _now_and_before(rows)
    answer = candidate.answer.value if candidate else _worst(now)
    objections = [row for row in now if row.answer in OBJECTIONS]
    first, last = min(row.first_at for row in rows), max(row.last_at for row in rows)
    times = max(row.count for row in rows)
    seen = f"{rows[0].indexer}, {release}, seen {times}×, {_time(first)} to {_time(last)}"
    other_book = any(row.rule == "WrongTitle" and row.answer == "no" for row in objections)
    rules = f"; {', '.join(f'{row.gate}/{row.rule}' for row in objections)}" if other_book else ""
    console.print(f"  [{COLOURS[answer]}]{answer:9}[/] {escape(rows[0].title[:160])} [dim]{escape(seen + rules)}[/]")
    for row in () if other_book else objections:
        limit = f", expected {escape(row.limit)}" if row.limit else ""
        console.print(f"            {row.gate}/[bold]{row.rule}[/] {row.answer}: saw {escape(row.seen)}{limit}")
    known = {row.rule for row in now}
    for one in candidate.objections if candidate and not other_book else ():
        if one.rule not in known:
            console.print(f"            {one.gate}/[bold]{one.rule}[/] {one.answer}: {escape(one.seen)}")
    for row in [row for row in before if row.answer in OBJECTIONS][:MOST_HISTORY]:
        saw = f"{row.gate}/{row.rule} {row.answer}: saw {row.seen}, until {_time(row.last_at)}"
        console.print(f"            [dim]before: {escape(saw)}[/]")
    if answer == "possible":
        console.print(f"            take it with: bibliostat override pin '{escape(rows[0].want)}' {release}")


def _now_and_before(rows: Sequence[StoredVerdict]) -> tuple[list[StoredVerdict], list[StoredVerdict]]:
    """What the last look at the offer said, and what only earlier looks did. What was said of its files or its
    download was said later than any look at the offer."""
    looks = [row.last_at for row in rows if row.gate == "identity"]
    last = max(looks, default=None)
    now = [row for row in rows if last is None or row.last_at >= last or row.gate == "proof"]
    return now, [row for row in rows if row not in now]


def _distance(rows: Sequence[StoredVerdict]) -> tuple[int, int, int]:
    """How far a release is from the book: another title is farther than any number of other objections."""
    now, _ = _now_and_before(rows)
    against = [row for row in now if row.answer == "no"]
    return sum(row.rule == "WrongTitle" for row in against), len(against), sum(row.answer == "possible" for row in now)


def _worst(rows: Iterable[StoredVerdict]) -> str:
    """One no outweighs everything, one possible every yes."""
    answers = {row.answer for row in rows}
    return next((one for one in ("no", "possible") if one in answers), "confirmed")


def _show_done(console: Console, claims: Iterable[Claim], duties: Iterable[Owed], blocklist: Iterable[Blocked]) -> None:
    for claim in claims:
        outcome = claim.outcome.value if claim.outcome else "in progress"
        detail = f": {escape(claim.detail)}" if claim.detail else ""
        torrent = f" ({claim.infohash})" if claim.infohash and claim.infohash != claim.release else ""
        console.print(f"  {_time(claim.claimed_at)} {claim.action} {claim.release}{torrent} {outcome}{detail}")
    for duty in duties:
        console.print(f"  owed for {duty.release}: {escape(duty.message)}")
    for row in blocklist:
        name = row.release or row.infohash or ""
        console.print(f"  [red]blocked[/] {name} since {_time(row.at)}: {escape(row.why)} (`unblock {row.id}`)")


def _show_release(console: Console, story: ReleaseStory) -> None:
    release = story.release
    ids = ", ".join(one for one in (release.id, release.infohash) if one)
    console.print(f"[bold]{escape(release.title or 'a release that is not offered any more')}[/]")
    console.print(f"  {escape(release.indexer or 'no indexer')}, {ids}")
    for one in story.judgements:
        console.print(f"  for [bold]{escape(one.want)}[/]" + ("" if one.verdicts else ": no rule judged it"))
        _show_releases(console, one.verdicts, {})
        if one.replay:
            _show_replay(console, one.replay)
    _show_done(console, story.claims, story.duties, story.blocklist)


def _show_replay(console: Console, made: Replay) -> None:
    """What would be chosen, what became of each candidate, and what would make it so."""
    rules = " and ".join(made.relaxed)
    console.print(f"\n[bold]Without {rules}[/], for {escape(made.want)}")
    chosen, would = made.chosen, made.would_choose
    as_it_is = f"{chosen.title} ({chosen.id})" if chosen else "nothing"
    if would is None:
        console.print(f"  still nothing would be right; as it is: {escape(as_it_is)}")
    elif chosen is not None and would.id == chosen.id:
        console.print(f"  the same release would be chosen: {escape(as_it_is)}")
    else:
        console.print(f"  chosen would be: {escape(would.title)} ({would.id} at {escape(would.indexer)})")
        console.print(f"  as it is: {escape(as_it_is)}")
    for place, row in enumerate(made.candidates, 1):
        moved = f"{row.before} -> [bold]{row.after}[/]" if row.before != row.after else f"{row.after}"
        left = "; ".join(f"{one.rule}: {one.seen}" for one in row.objections)
        rest = f" [dim]still against it: {escape(left)}[/]" if left else ""
        if row.left_out or row.after is not Answer.NO:
            console.print(f"  {place:3} {moved} {escape(row.release.title[:120])} ({row.release.id}){rest}")
    console.print("  Nothing was changed." + (" To make it so:" if made.levers else ""))
    for lever in made.levers:
        console.print(f"    {escape(lever)}")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
