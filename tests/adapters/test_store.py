"""What the store keeps besides the ledger: one suite, on both databases."""

import inspect
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, update

from adapters.store import Store, open_store, tables
from adapters.store.columns import Json, Prose
from domain.errors import Conflict
from domain.manifest import (
    AuthorSpec,
    BookSpec,
    Declared,
    DeclaredBook,
    DiscoverSpec,
    FollowSeries,
    FollowSpec,
    Place,
    PolicySpec,
    ProfileSpec,
    SeriesSpec,
)
from domain.positions import Position
from domain.releases import Release, SeriesName
from domain.world import (
    Backoff,
    Baseline,
    Condition,
    Correction,
    Event,
    FailedAttempt,
    Item,
    ItemKeys,
    Run,
    Searched,
    Silence,
    StoredVerdict,
)
from reconcile import ports

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

ITEM = Item(
    id="li_1",
    library_id="lib",
    path="/books/L. Frank Baum/Oz/08 - Tik-Tok of Oz",
    rel_path="L. Frank Baum/Oz/08 - Tik-Tok of Oz",
    title="Tik-Tok of Oz",
    subtitle="The eighth",
    authors=("L. Frank Baum",),
    narrators=("Phil Chenevert",),
    series=(SeriesName(name="Oz", position="8"),),
    asin="B000000001",
    isbn="9780000000002",
    language="en",
    abridged=False,
    published_year="1914",
    duration_s=20000.25,
    size_bytes=5_000_000_000,
    tracks=24,
    is_missing=True,
    updated_at_ms=1_767_268_800_000,
    inode="42",
    keys=ItemKeys(
        titles=("tik tok of oz",),
        series=(("oz", Position(text="8", low=Decimal(8), high=Decimal(8))),),
    ),
)

RELEASE = Release(
    id="0123456789abcdef",
    indexer="shelf",
    title="Tik-Tok of Oz — “unabridged” \U0001f4d6",
    authors=("L. Frank Baum",),
    narrators=(),
    series=(SeriesName(name="Oz", position="8"),),
    size_bytes=5_000_000_000,
    seeders=0,
    published_at=NOW,
    download_factor=0.5,
    min_seed_s=259_200,
    warnings=("no file list",),
)

SEARCHED = Searched(
    want="baum/tik-tok",
    at=NOW,
    answered=("shelf",),
    failed={"attic": Silence("IndexerUnreachable", "attic did not answer", NOW)},
    empty_runs=3,
    offers=(RELEASE, msgspec.structs.replace(RELEASE, id="fedcba9876543210", published_at=None)),
)

DECLARED = Declared(
    series={
        "oz": SeriesSpec(
            title="Oz",
            author="L. Frank Baum",
            ids={"audible": "B00"},
            members=("1-8", "9.5"),
            exclude=("The Woggle-Bug Book",),
            books=(DeclaredBook(title="The Royal Book of Oz", position="15", released=date(1921, 1, 1)),),
        )
    },
    authors={"doyle": AuthorSpec(name="Arthur Conan Doyle", languages=("en",), members="all")},
    books={"mars": BookSpec(title="A Princess of Mars", released=date(1917, 10, 1), suspend=True)},
    follows={"begun": FollowSpec(series=FollowSeries(owned=2))},
    discovers={"top": DiscoverSpec(source="shelf", genres=("fantasy",))},
    profiles={"standard": ProfileSpec(languages=("en", "de"))},
    policy=PolicySpec(bootstrap="apply", suspend=True),
    owners={"Series/oz": "home"},
    places={"Series/oz": Place(file="wanted/oz.yaml", line=1)},
)


def condition(subject: str = "oz", type_: str = "Ready", **changes: object) -> Condition:
    usual = {"status": "False", "reason": "Missing", "message": "not in the library", "since": NOW, "observed_at": NOW}
    return Condition(subject=subject, type=type_, **{**usual, **changes})  # type: ignore[arg-type]


def verdict(**changes: object) -> StoredVerdict:
    usual = {
        "want": "oz",
        "release": "r1",
        "indexer": "shelf",
        "title": "Tik-Tok of Oz",
        "gate": "identity",
        "rule": "WrongVolume",
        "answer": "no",
        "seen": "7",
        "limit": "8",
        "first_at": NOW,
        "last_at": NOW,
    }
    return StoredVerdict(**{**usual, **changes})  # type: ignore[arg-type]


class Writes:
    """Counts rows that statements write, as the database itself reports them."""

    def __init__(self, store: Store) -> None:
        self.rows: dict[str, int] = {}
        event.listen(store._engine.sync_engine, "after_cursor_execute", self._note)

    def _note(self, connection, cursor, statement, parameters, context, many) -> None:
        verb, *words = statement.split()
        if verb in ("INSERT", "UPDATE", "DELETE"):
            table = words[0] if verb == "UPDATE" else words[1]
            self.rows[table] = self.rows.get(table, 0) + (len(parameters) if many else max(cursor.rowcount, 0))


def as_port(store: Store) -> ports.Store:
    """The type checker's proof that the shapes match."""
    return store


@pytest.mark.parametrize("name", [name for name in vars(ports.Store) if not name.startswith("_")])
def test_every_method_of_the_port_is_there_with_the_same_signature(name):
    assert inspect.signature(getattr(Store, name)) == inspect.signature(getattr(ports.Store, name))


async def test_items_come_back_as_they_were(store):
    plain = Item(id="li_2", library_id="lib", path="/b", rel_path="b", title="A Princess of Mars")
    await store.save_items([ITEM, plain])

    assert await store.items() == {"li_1": ITEM, "li_2": plain}


async def test_saving_items_replaces_the_whole_set(store):
    await store.save_items([ITEM, msgspec.structs.replace(ITEM, id="gone")])
    await store.save_items([changed := msgspec.structs.replace(ITEM, is_missing=False)])
    assert await store.items() == {"li_1": changed}

    await store.save_items([])
    assert await store.items() == {}


async def test_items_that_did_not_change_are_not_written(store):
    many = [msgspec.structs.replace(ITEM, id=f"li_{n}") for n in range(12_000)]
    await store.save_items(many)
    writes = Writes(store)

    await store.save_items(many)
    assert writes.rows == {}

    await store.save_items([msgspec.structs.replace(many[0], title="Rinkitink in Oz"), *many[1:]])
    assert writes.rows == {"items": 1}
    assert len(await store.items()) == 12_000


async def test_an_item_that_this_version_cannot_read_is_left_out(store):
    await store.save_items([ITEM])
    async with store.writing() as connection:
        await connection.execute(update(tables.items).values(item={"id": 1}))

    assert await store.items() == {}


async def test_a_search_comes_back_with_its_offers(store):
    await store.save_search(SEARCHED)

    assert await store.searches() == {"baum/tik-tok": SEARCHED}


async def test_a_newer_search_replaces_the_older(store):
    await store.save_search(SEARCHED)
    await store.save_search(newer := Searched(want="baum/tik-tok", at=LATER))

    assert await store.searches() == {"baum/tik-tok": newer}


async def test_without_a_baseline_every_count_is_unknown(store):
    assert await store.baseline() == Baseline()


async def test_the_last_baseline_counts_and_zero_is_not_unknown(store):
    await store.save_baseline(Baseline(items=400, missing=2, torrents=9, wants=3))
    await store.save_baseline(last := Baseline(items=401, missing=0))

    assert await store.baseline() == last


async def test_the_last_good_documents_come_back_as_they_were(store):
    assert await store.last_good() is None
    await store.save_last_good(Declared(), now=NOW)
    await store.save_last_good(DECLARED, now=LATER)

    assert await store.last_good() == DECLARED


async def test_documents_that_this_version_cannot_read_are_none(store):
    await store.save_last_good(DECLARED, now=NOW)
    async with store.writing() as connection:
        await connection.execute(update(tables.declared).values(declared={"series": {"oz": {"unheard_of": 1}}}))

    assert await store.last_good() is None


async def test_a_key_once_minted_never_changes(store):
    await store.save_want_keys({"Series/oz#8": "baum/tik-tok"}, now=NOW)
    await store.save_want_keys({"Series/oz#8": "baum/other", "Book/tik-tok": "baum/tik-tok"}, now=LATER)
    await store.save_want_keys({}, now=LATER)

    assert await store.want_keys() == {"Series/oz#8": "baum/tik-tok", "Book/tik-tok": "baum/tik-tok"}


async def test_overrides_are_kept_newest_last_until_removed(store):
    given = {"value": "", "why": "on holiday", "who": "dorothy", "at": NOW}
    first = await store.add_override(target="oz", verb="snooze", until=LATER, **given)
    second = await store.add_override(target="*", verb="hold", until=None, **given)
    assert (first.target, first.verb, first.why, first.who, first.at, first.until) == (
        "oz",
        "snooze",
        "on holiday",
        "dorothy",
        NOW,
        LATER,
    )
    assert await store.overrides() == (first, second)

    assert await store.remove_override(first.id)
    assert not await store.remove_override(first.id)
    assert await store.overrides() == (second,)


async def test_a_release_is_blocked_until_unblocked(store):
    by_id = await store.block(release="r1", infohash=None, title="Tik-Tok", why="another book", at=NOW)
    by_hash = await store.block(release=None, infohash="a" * 40, title="", why="damaged", at=LATER)
    assert await store.blocklist() == (by_id, by_hash)

    assert await store.unblock(by_id.id)
    assert not await store.unblock(by_id.id)
    assert await store.blocklist() == (by_hash,)


async def test_an_approval_given_twice_is_one(store):
    await store.approve("d1", who="dorothy", at=NOW)
    await store.approve("d1", who="toto", at=LATER)
    await store.approve("d2", who="toto", at=LATER)

    assert await store.approved() == {"d1", "d2"}


async def test_findings_are_replaced_whole(store):
    await store.save_findings({"remove:a": 1, "remove:b": 2})
    await store.save_findings({"remove:b": 3})
    assert await store.findings() == {"remove:b": 3}

    await store.save_findings({})
    assert await store.findings() == {}


async def test_a_backoff_is_replaced_and_cleared(store):
    await store.save_backoff(Backoff(key="oz", failures=1, not_before=NOW, why="busy"))
    await store.save_backoff(longer := Backoff(key="oz", failures=2, not_before=LATER))
    assert await store.backoffs() == {"oz": longer}

    await store.clear_backoff("oz")
    await store.clear_backoff("never heard of")
    assert await store.backoffs() == {}


async def test_new_conditions_are_changes(store):
    conditions = (condition(), condition(type_="Stalled", status="Unknown"))

    assert await store.save_conditions(conditions) == conditions
    assert await store.conditions() == conditions


async def test_since_stays_while_the_status_stays(store):
    await store.save_conditions([condition()])

    changed = await store.save_conditions([condition(reason="Held", message="a new reason", since=LATER)])

    assert changed == (condition(reason="Held", message="a new reason", since=NOW),)
    assert await store.conditions("oz") == changed


async def test_since_moves_when_the_status_flips(store):
    await store.save_conditions([condition()])

    changed = await store.save_conditions([condition(status="True", since=LATER, observed_at=LATER)])

    assert changed == (condition(status="True", since=LATER, observed_at=LATER),)
    assert await store.conditions() == changed


async def test_a_new_message_alone_is_stored_but_is_no_change(store):
    await store.save_conditions([condition()])

    assert await store.save_conditions([condition(message="in other words", since=LATER)]) == ()
    assert await store.conditions() == (condition(message="in other words"),)


async def test_a_condition_seen_again_says_when_and_never_an_earlier_time(store):
    await store.save_conditions([condition(), condition("barsoom")])

    assert await store.save_conditions([condition(since=LATER, observed_at=LATER)]) == ()
    assert await store.save_conditions([condition(observed_at=NOW)]) == ()
    assert await store.conditions() == (condition("barsoom"), condition(observed_at=LATER))


async def test_many_conditions_that_did_not_change_are_not_written(store):
    kinds = ("Ready", "Stalled")
    many = [condition(f"want {n}", kind) for n in range(6_000) for kind in kinds]
    assert len(await store.save_conditions(many)) == 12_000
    writes = Writes(store)

    assert await store.save_conditions(many) == ()
    assert sum(writes.rows.values()) == 0

    await store.save_conditions([msgspec.structs.replace(one, observed_at=LATER) for one in many])
    assert writes.rows == {"conditions": 12_000}
    assert {one.observed_at for one in await store.conditions()} == {LATER}


async def test_conditions_of_what_is_gone_are_dropped(store):
    await store.save_conditions([condition("a"), condition("a", "Stalled"), condition("b")])

    await store.drop_conditions(["a", "c"])
    await store.drop_conditions([])

    assert await store.conditions() == (condition("b"),)


async def test_a_repeated_event_is_counted(store):
    said = {"subject": "oz", "reason": "Held", "message": "budget spent"}
    first = await store.record_event(**said, at=NOW)
    await store.record_event(subject="barsoom", reason="Held", message="budget spent", at=NOW)

    again = await store.record_event(**said, at=LATER)

    assert first == Event(id=first.id, **said, first_at=NOW, last_at=NOW)
    assert again == Event(id=first.id, **said, count=2, first_at=NOW, last_at=LATER)
    assert await store.events(subject="oz") == (again,)


async def test_what_comes_goes_and_comes_again_is_three_events(store):
    for reason in ("LibraryUnread", "LibraryRead", "LibraryUnread"):
        await store.record_event(subject="library", reason=reason, message="", at=NOW)

    assert [one.reason for one in await store.events()] == ["LibraryUnread", "LibraryRead", "LibraryUnread"]


async def test_events_are_read_oldest_first_after_an_id_or_the_newest_of_all(store):
    made = [await store.record_event(subject=f"w{n % 2}", reason=f"R{n}", message="", at=NOW) for n in range(6)]

    assert await store.events(after=made[1].id, limit=2) == tuple(made[2:4])
    assert await store.events(after=made[1].id, subject="w0") == (made[2], made[4])
    assert await store.events(limit=2) == tuple(made[4:])
    assert await store.events(subject="w1") == (made[1], made[3], made[5])
    assert await store.events(after=made[5].id) == ()


async def test_a_verdict_keeps_its_first_sight_and_counts(store):
    await store.save_verdicts([verdict(), verdict(rule="Abridged", answer="confirmed")])

    await store.save_verdicts([verdict(seen="6", first_at=LATER, last_at=LATER)])

    assert await store.verdicts("oz") == (
        verdict(rule="Abridged", answer="confirmed"),
        verdict(seen="6", last_at=LATER, count=2),
    )
    assert await store.verdicts("barsoom") == ()


async def test_the_same_look_at_a_release_is_not_counted_twice(store):
    await store.save_verdicts([verdict()])
    await store.save_verdicts([verdict()])
    await store.save_verdicts([])

    assert await store.verdicts("oz") == (verdict(),)


async def test_ten_thousand_verdicts_are_saved_at_once(store):
    await store.save_verdicts([verdict(release=f"r{n:05}") for n in range(10_000)])

    assert len(await store.verdicts("oz")) == 10_000


async def test_a_failure_is_one_row_per_subject_and_reason(store):
    first = await store.record_failure(subject="li_1", reason="Unreadable", message="no header", at=NOW)
    other = await store.record_failure(subject="li_1", reason="TooShort", message="3 of 6 h", at=LATER)
    again = await store.record_failure(subject="li_1", reason="Unreadable", message="no frames", at=LATER)

    assert first == FailedAttempt(subject="li_1", reason="Unreadable", message="no header", first_at=NOW, last_at=NOW)
    assert again == FailedAttempt(
        subject="li_1", reason="Unreadable", message="no frames", first_at=NOW, last_at=LATER, count=2
    )
    assert await store.failures("li_1") == (again, other)
    assert await store.failures() == (again, other)
    assert await store.failures("li_2") == ()


async def test_corrections_are_an_audit_trail(store):
    correction = Correction(
        item="li_1", want="oz", field="title", old="Oz 8", new="Tik-Tok of Oz", source="catalogue", reason="", at=NOW
    )
    await store.record_corrections([correction, correction])
    await store.record_corrections([])

    assert await store.corrections() == (correction, correction)
    assert await store.corrections("barsoom") == ()


async def test_a_run_is_started_and_finished(store):
    started = await store.start_run(Run(mode="apply", started_at=NOW))
    assert await store.runs() == (started,)
    ended = msgspec.structs.replace(
        started, ended_at=LATER, outcome="changed", counts={"grab": 2}, errors=("attic did not answer",), plan="d1"
    )

    await store.finish_run(ended)
    newer = await store.start_run(Run(kind="adopt", mode="observe", started_at=LATER))

    assert await store.runs() == (newer, ended)
    assert await store.runs(limit=1) == (newer,)


async def test_a_run_that_was_never_started_cannot_be_finished(store):
    with pytest.raises(Conflict):
        await store.finish_run(Run(id=9, mode="apply", started_at=NOW))


async def test_a_request_is_forgotten_unless_a_newer_one_came(store):
    await store.request("*", at=NOW)
    await store.request("oz", at=NOW)
    seen = await store.requests()
    assert seen == {"*": NOW, "oz": NOW}
    await store.request("oz", at=LATER)
    await store.request("oz", at=NOW)

    await store.handled(seen)

    assert await store.requests() == {"oz": LATER}


async def test_history_is_pruned_and_failures_and_claims_never(store):
    epoch = await store.acquire_lease("tick", "one", now=NOW, ttl_s=60)
    claim = await store.claim("grab", want="oz", release="r1", attempt=1, epoch=epoch, now=NOW)
    failure = await store.record_failure(subject="oz", reason="Stalled", message="", at=NOW)
    override = {"target": "oz", "verb": "hold", "value": "", "why": "", "who": "", "at": NOW}
    await store.add_override(**override, until=LATER)
    for_ever = await store.add_override(**override, until=None)
    for days in (0, 40, 80):
        at = NOW + timedelta(days=days)
        await store.record_event(subject="oz", reason=f"Day{days}", message="", at=at)
        await store.start_run(Run(mode="apply", started_at=at))
        await store.save_verdicts([verdict(release=f"r{days}", first_at=NOW, last_at=at)])

    pruned = await store.prune(NOW + timedelta(days=100), history_days=30, verdict_days=90)

    assert pruned == {"events": 2, "tasks": 2, "verdicts": 1, "overrides": 1}
    assert [one.reason for one in await store.events()] == ["Day80"]
    assert [one.started_at for one in await store.runs()] == [NOW + timedelta(days=80)]
    assert {one.release for one in await store.verdicts("oz")} == {"r40", "r80"}
    assert await store.overrides() == (for_ever,)
    assert await store.claims() == (claim,)
    assert await store.failures() == (failure,)


async def test_an_id_of_an_event_never_comes_back_after_pruning(store):
    last = await store.record_event(subject="oz", reason="Held", message="", at=NOW)
    await store.prune(NOW + timedelta(days=100), history_days=30, verdict_days=90)

    assert (await store.record_event(subject="oz", reason="Held", message="", at=LATER)).id > last.id


async def test_moments_are_utc_whatever_zone_they_were_given_in(store):
    berlin = timezone(timedelta(hours=1))
    await store.request("oz", at=NOW.astimezone(berlin))

    [at] = (await store.requests()).values()
    assert at == NOW
    assert at.utcoffset() == timedelta(0)


async def test_a_moment_without_a_zone_is_refused(store):
    with pytest.raises(Exception, match="without a time zone"):
        await store.request("oz", at=NOW.replace(tzinfo=None))

    assert await store.requests() == {}


async def test_a_message_that_no_database_takes_is_stored_legibly(store):
    await store.record_event(subject="oz", reason="Unreadable", message="a\0b \udce9 \U0001f4d6", at=NOW)
    await store.start_run(Run(mode="apply", started_at=NOW, errors=("a\0b \udce9",)))

    [stored] = await store.events()
    assert stored.message == "a\ufffdb \ufffd \U0001f4d6"
    [run] = await store.runs()
    assert run.errors == ("a\0b \ufffd",)


async def test_what_is_stored_is_there_after_a_restart(store, store_url):
    await store.save_search(SEARCHED)
    await store.close()

    async with open_store(store_url) as again:
        assert await again.searches() == {"baum/tik-tok": SEARCHED}


async def test_a_unit_of_work_that_fails_leaves_nothing(store):
    async def half() -> None:
        async with store.writing() as connection:
            await connection.execute(insert(tables.requests).values(target="oz", at=NOW))
            raise Conflict("half done")

    with pytest.raises(Conflict):
        await half()

    assert await store.requests() == {}


async def test_a_reader_does_not_hold_up_a_writer(store):
    await store.save_items([ITEM])

    async with store.reading() as connection:
        await connection.execute(select(tables.items))
        await store.save_items([])

    assert await store.items() == {}


@given(st.text())
def test_prose_of_any_text_is_text_that_every_database_takes(text):
    kept = Prose().process_bind_param(text, None)

    assert "\0" not in kept
    assert kept == text.replace("\0", "\ufffd")


@given(
    st.builds(
        Item,
        id=st.text(),
        library_id=st.text(),
        path=st.text(),
        rel_path=st.text(),
        title=st.text(),
        series=st.lists(st.builds(SeriesName, name=st.text(), position=st.none() | st.text())).map(tuple),
        duration_s=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        size_bytes=st.none() | st.integers(0, 2**63 - 1),
        keys=st.none()
        | st.builds(
            ItemKeys,
            titles=st.lists(st.text()).map(tuple),
            series=st.lists(
                st.tuples(
                    st.text(),
                    st.builds(
                        Position,
                        text=st.text(),
                        low=st.decimals(allow_nan=False, allow_infinity=False),
                        high=st.decimals(allow_nan=False, allow_infinity=False),
                    ),
                )
            ).map(tuple),
        ),
    )
)
def test_any_item_comes_back_from_json_as_it_was(item):
    column = Json(Item)

    assert column.process_result_value(column.process_bind_param(item, None), None) == item
