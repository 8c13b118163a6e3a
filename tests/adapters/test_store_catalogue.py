"""What the store keeps of the catalogue: one suite, on both databases."""

import inspect
from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec
import pytest
from sqlalchemy import event, select, text, update

from adapters.catalogues.replies import Reply
from adapters.store import Store, open_store, tables
from adapters.web import Kept, WebStore
from domain.catalogue.books import Book, Catalogued, Edit, Edition, EditVerb, InSeries, Said, SourceState, Subject
from domain.catalogue.claims import Answer, BookClaim, Credit, LookUp, SeriesClaim, SeriesMember, question_key
from domain.catalogue.gaps import Gap, MissingBook
from domain.catalogue.hosts import Host, Limits, booked
from domain.catalogue.memory import Absence, Heard
from domain.errors import Transient
from domain.wants import MemberKind
from reconcile import catalogue_ports

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
replace = msgspec.structs.replace

OZ = Subject(kind="series", name="Oz", author="L. Frank Baum", key="series/oz/baum-l-frank")
BAUM = Subject(kind="author", name="L. Frank Baum", key="author/baum-l-frank")

TIK_TOK = Book(
    id="book:tik-tok",
    title="Tik-Tok of Oz",
    authors=("L. Frank Baum",),
    ids=("asin:B000000008", "book:tik-tok", "openlibrary:OL18417W"),
    position="8",
    kind=MemberKind.PRIMARY,
    series=(InSeries(series="Oz", position="8", ids=("audible:B0SERIES01",)),),
    language="en",
    first_published=1914,
    editions=(Edition(ids=("asin:B000000008",), narrators=("Phil Chenevert",), released=date(2012, 1, 1)),),
    said=(Said(field="title", value="Tik-Tok of Oz", source="audible", at=NOW),),
)
EMERALD = Book(id="book:emerald", title="The Emerald City of Oz", ids=("asin:B000000006",), position="6")


def derived(*books: Book, subject: Subject = OZ, at: datetime = NOW) -> Catalogued:
    states = (SourceState(source="audible", outcome="found", answered_at=NOW, complete=True),)
    return Catalogued(subject=subject, name=subject.name, books=books, sources=states, derived_at=at)


def told(source: str = "audible", question: str = "q1", **changes: object) -> Heard:
    book = BookClaim(
        source=source, id="asin:B000000008", title="Tik-Tok of Oz", authors=(Credit(name="L. Frank Baum"),)
    )
    members = (SeriesMember(id="asin:B000000008", position="8"),)
    series = SeriesClaim(source=source, id="audible:B0SERIES01", name="Oz", members=members, complete=True)
    heard = Heard(
        source=source,
        question=question,
        answer=Answer(source=source, books=(book,), series=(series,)),
        answered_at=NOW,
        asked_at=LATER,
        absences={"audible:B0SERIES01 asin:B000000001": Absence(count=2, since=NOW)},
    )
    return replace(heard, **changes)


def missing(want: str, **changes: object) -> MissingBook:
    row = MissingBook(
        want=want,
        title="Tik-Tok of Oz",
        authors=("L. Frank Baum",),
        series="Oz",
        position="8",
        reason=Gap.SERIES,
        evidence=("Oz 1 to 7 are in the library", "audible lists it as 8"),
        decision="searched for",
    )
    return replace(row, **changes)


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, store: Store) -> None:
        self.sent: list[str] = []
        event.listen(store._engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, connection, cursor, statement, parameters, context, many) -> None:
        self.sent.append(statement)


async def rows(store: Store, table, *columns: str) -> set[tuple[object, ...]]:
    async with store.reading() as connection:
        found = await connection.execute(select(*(table.c[name] for name in columns)))
        return {tuple(row) for row in found}


# Shapes


def as_port(store: Store) -> WebStore:
    """The type checker's proof that the shapes match."""
    return store


@pytest.mark.parametrize("name", [name for name in vars(catalogue_ports.CatalogueStore) if not name.startswith("_")])
def test_every_method_of_the_port_is_there_with_the_same_signature(name):
    port = getattr(catalogue_ports.CatalogueStore, name)
    assert inspect.signature(getattr(Store, name)) == inspect.signature(port)


def test_a_host_has_every_field_that_the_port_reads():
    assert set(catalogue_ports.Host.__struct_fields__) <= set(Host.__struct_fields__)


# What sources said


async def test_what_was_heard_comes_back_as_it_was(store):
    await store.save_heard(told())
    await store.save_heard(told(source="hardcover"))

    assert await store.heard([("audible", "q1"), ("audible", "never asked"), ("audible", "q1")]) == (told(),)


async def test_a_newer_answer_replaces_the_older_one(store):
    await store.save_heard(told())
    await store.save_heard(worse := told(trouble="it was busy", trouble_code="SourceBusy"))

    assert await store.heard([("audible", "q1")]) == (worse,)


async def test_one_question_to_several_sources_is_several_answers(store):
    sources = ("audible", "hardcover", "openlibrary")
    for source in sources:
        await store.save_heard(told(source=source))

    found = await store.heard([(source, "q1") for source in sources])
    assert {one.source for one in found} == set(sources)


async def test_a_question_may_be_longer_than_an_index_takes(store):
    digits = Random(8)
    question = question_key(LookUp(ids=tuple(f"isbn:{digits.randrange(10**13):013d}" for _ in range(2_000))))
    await store.save_heard(told(question=question))

    [found] = await store.heard([("audible", question)])
    assert found.question == question


async def test_thousands_of_questions_are_looked_up_at_once(store):
    await store.save_heard(told(question="q11000"))

    [found] = await store.heard([("audible", f"q{n}") for n in range(12_000)])
    assert found.question == "q11000"


async def test_an_answer_of_hundreds_of_kilobytes_is_kept_small(store):
    many = tuple(BookClaim(source="audible", id=f"asin:B{n:09}", description="Dorothy " * 100) for n in range(300))
    await store.save_heard(told(answer=Answer(source="audible", books=many)))

    async with store.reading() as connection:
        assert await connection.scalar(text("SELECT length(heard) FROM heard")) < 20_000
    [found] = await store.heard([("audible", "q1")])
    assert found.answer.books == many


@pytest.mark.parametrize("packed", [b"", b"no zlib"])
async def test_an_answer_that_cannot_be_read_any_more_counts_as_never_heard(store, packed):
    await store.save_heard(told())
    async with store.writing() as connection:
        await connection.execute(text("UPDATE heard SET heard = :packed"), {"packed": packed})

    assert await store.heard([("audible", "q1")]) == ()


# What was derived


def bare(catalogued):
    """What planning reads: without who said what."""
    return replace(catalogued, books=tuple(replace(one, said=(), conflicts=(), joined=()) for one in catalogued.books))


async def test_what_was_derived_comes_back_as_it_was(store):
    of_series, of_author = derived(TIK_TOK, EMERALD), derived(TIK_TOK, subject=BAUM)
    asked = (("audible", "q1"), ("openlibrary", "q1"))
    await store.save_catalogued(of_series, asked=list(asked))
    await store.save_catalogued(of_author, asked=())

    assert await store.told_of(OZ.key) == of_series
    assert await store.told_of(BAUM.key) == of_author
    assert await store.told_of("series/unknown") is None
    assert await store.catalogued() == {OZ.key: bare(of_series), BAUM.key: bare(of_author)}
    assert await store.catalogued("series") == {OZ.key: bare(of_series)}
    assert await store.catalogued("author") == {BAUM.key: bare(of_author)}
    assert await store.asked_for(OZ.key) == asked
    assert await store.asked_for(BAUM.key) == await store.asked_for("series/unknown") == ()


async def test_what_other_rules_derived_comes_as_it_is(store):
    old = replace(derived(TIK_TOK), rules=0)
    await store.save_catalogued(old, asked=())

    assert await store.catalogued() == {OZ.key: bare(old)}


async def test_what_cannot_be_read_any_more_is_left_out_to_be_derived_again(store):
    await store.save_catalogued(derived(TIK_TOK), asked=())
    await store.save_catalogued(derived(TIK_TOK, subject=BAUM), asked=())
    async with store.writing() as connection:
        await connection.execute(text("UPDATE series SET catalogued = '{}'"))

    assert (await store.catalogued()).keys() == {BAUM.key}


async def test_a_thousand_subjects_are_one_query(store):
    await store.save_catalogued(derived(TIK_TOK), asked=())
    async with store.writing() as connection:
        copies = [{"key": f"series/{n}", "of": OZ.key} for n in range(999)]
        columns = "name, author, catalogued, asked, refreshed_at, derived_at"
        copy = text(f"INSERT INTO series (key, {columns}) SELECT :key, {columns} FROM series WHERE key = :of")
        await connection.execute(copy, copies)
    statements = Statements(store)

    assert len(await store.catalogued()) == 1_000
    assert len([one for one in statements.sent if one.startswith("SELECT")]) == 1


async def test_deriving_again_keeps_when_all_sources_were_gone_through(store):
    await store.save_catalogued(derived(TIK_TOK), asked=())
    await store.save_refreshed(OZ.key, at=NOW)
    await store.save_catalogued(derived(TIK_TOK, EMERALD, at=LATER), asked=())

    assert await store.refreshed() == {OZ.key: NOW}


async def test_a_subject_that_no_source_knows_was_gone_through_all_the_same(store):
    await store.save_refreshed(BAUM.key, at=NOW)
    await store.save_refreshed(OZ.key, at=NOW)
    await store.save_refreshed(OZ.key, at=LATER)

    assert await store.refreshed() == {BAUM.key: NOW, OZ.key: LATER}
    assert await store.catalogued() == {}
    assert await store.asked_for(OZ.key) == ()


async def test_forgetting_a_subject_keeps_books_ids_and_answers(store):
    await store.save_heard(told())
    await store.save_catalogued(derived(TIK_TOK), asked=[("audible", "q1")])
    await store.save_catalogued(derived(EMERALD, subject=BAUM), asked=())
    await store.save_refreshed(OZ.key, at=NOW)

    await store.forget_subjects({OZ.key, "series/unknown"})

    assert (await store.catalogued()).keys() == {BAUM.key}
    assert await store.refreshed() == {}
    assert await store.books_of(["asin:B000000008"]) == {"asin:B000000008": TIK_TOK.id}
    assert await rows(store, tables.books, "id") == {(TIK_TOK.id,), (EMERALD.id,)}
    assert await store.heard([("audible", "q1")]) == (told(),)


# Books and their ids


async def test_a_book_is_found_by_every_id_it_ever_had(store):
    await store.save_catalogued(derived(TIK_TOK, EMERALD), asked=())
    await store.save_catalogued(derived(replace(TIK_TOK, ids=("asin:B000000099",)), EMERALD), asked=())

    asked = ["asin:B000000008", "openlibrary:OL18417W", "asin:B000000099", "book:tik-tok", "asin:unknown"]
    assert await store.books_of(asked) == dict.fromkeys(asked[:4], TIK_TOK.id)
    assert await store.books_of([]) == {}


async def test_there_is_one_row_for_a_book_however_many_subjects_have_it(store):
    await store.save_catalogued(derived(TIK_TOK), asked=())
    await store.save_catalogued(derived(TIK_TOK, subject=BAUM, at=LATER), asked=())

    told = ("id", "title", "authors", "language", "first_published", "updated_at")
    assert await rows(store, tables.books, *told) == {
        ("book:tik-tok", "Tik-Tok of Oz", ("L. Frank Baum",), "en", 1914, NOW)
    }


async def test_the_row_of_a_book_follows_what_is_shown(store):
    await store.save_catalogued(derived(EMERALD), asked=())
    await store.save_catalogued(derived(replace(EMERALD, language="en"), at=LATER), asked=())

    assert await rows(store, tables.books, "language", "updated_at") == {("en", LATER)}


async def test_when_books_are_merged_every_old_id_answers_to_the_current_book(store):
    twin = replace(TIK_TOK, id="book:twin", ids=("asin:B000000088", "isbn:9780000000019"))
    await store.save_catalogued(derived(TIK_TOK, twin), asked=())

    await store.save_catalogued(derived(replace(TIK_TOK, ids=(*TIK_TOK.ids, *twin.ids))), asked=())

    ids = [*TIK_TOK.ids, *twin.ids, "book:twin"]
    assert await store.books_of(ids) == dict.fromkeys(ids, TIK_TOK.id)
    assert await rows(store, tables.books, "id") == {(TIK_TOK.id,)}


async def test_a_book_that_names_another_as_itself_takes_all_its_ids(store):
    twin = replace(TIK_TOK, id="book:twin", ids=("asin:B000000088", "isbn:9780000000019"))
    await store.save_catalogued(derived(twin, subject=BAUM), asked=())

    await store.save_catalogued(derived(replace(TIK_TOK, ids=(*TIK_TOK.ids, "book:twin"))), asked=())

    ids = [*TIK_TOK.ids, *twin.ids, "book:twin"]
    assert await store.books_of(ids) == dict.fromkeys(ids, TIK_TOK.id)


async def test_merges_one_after_the_other_leave_no_id_behind(store):
    first = replace(EMERALD, id="book:a", ids=("asin:1",))
    second = replace(EMERALD, id="book:b", ids=("asin:1", "asin:2"))
    third = replace(EMERALD, id="book:c", ids=("asin:1", "asin:2", "asin:3"))
    for book in (first, second, third):
        await store.save_catalogued(derived(book), asked=())

    ids = ["book:a", "book:b", "book:c", "asin:1", "asin:2", "asin:3"]
    assert await store.books_of(ids) == dict.fromkeys(ids, "book:c")


async def test_an_id_that_moves_alone_does_not_take_its_old_book_along(store):
    await store.save_catalogued(derived(TIK_TOK, EMERALD), asked=())

    misprint = replace(EMERALD, ids=(*EMERALD.ids, "openlibrary:OL18417W"))
    await store.save_catalogued(derived(misprint, subject=BAUM), asked=())

    assert await store.books_of(["openlibrary:OL18417W", "asin:B000000008", "book:tik-tok"]) == {
        "openlibrary:OL18417W": EMERALD.id,
        "asin:B000000008": TIK_TOK.id,
        "book:tik-tok": TIK_TOK.id,
    }


async def test_a_merge_that_is_undone_gives_the_book_its_ids_back(store):
    twin = replace(TIK_TOK, id="book:twin", ids=("asin:B000000088",))
    await store.save_catalogued(derived(TIK_TOK, twin), asked=())
    await store.save_catalogued(derived(replace(TIK_TOK, ids=(*TIK_TOK.ids, *twin.ids, twin.id))), asked=())

    await store.save_catalogued(derived(TIK_TOK, twin), asked=())

    ids = ["asin:B000000008", "book:tik-tok", "asin:B000000088", "book:twin"]
    assert await store.books_of(ids) == {**dict.fromkeys(ids[:2], TIK_TOK.id), **dict.fromkeys(ids[2:], twin.id)}


async def test_an_id_that_two_books_claim_stays_with_the_first(store):
    clash = replace(EMERALD, ids=(*EMERALD.ids, *TIK_TOK.ids))
    await store.save_catalogued(derived(TIK_TOK, clash), asked=())

    found = await store.books_of([*TIK_TOK.ids, EMERALD.id])
    assert found == {**dict.fromkeys(TIK_TOK.ids, TIK_TOK.id), EMERALD.id: EMERALD.id}


async def test_nothing_is_kept_of_a_catalogue_that_could_not_be_kept_whole(store):
    broken = replace(EMERALD, title=None)
    with pytest.raises(Exception, match="title"):
        await store.save_catalogued(derived(TIK_TOK, broken), asked=())

    assert await store.catalogued() == {}
    assert await store.books_of(TIK_TOK.ids) == {}


# What people decided


async def test_edits_come_back_oldest_first_until_they_are_undone(store):
    merge = await store.add_edit(EditVerb.MERGE, book="book:a", other="asin:B000000008", who="dorothy", at=NOW)
    field = {"field": "title", "value": "Tik-Tok of Oz", "why": "a misprint"}
    correct = await store.add_edit(EditVerb.CORRECT, book="book:a", **field, at=LATER)

    assert await store.edits() == (merge, correct)
    assert correct == Edit(id=correct.id, verb=EditVerb.CORRECT, book="book:a", **field, at=LATER)
    assert await store.remove_edit(merge.id)
    assert await store.edits() == (correct,)


async def test_an_edit_is_undone_once_and_stays_written_down(store):
    edit = await store.add_edit(EditVerb.EXCLUDE, book="book:a", title="Tik-Tok of Oz", at=NOW)

    assert [await store.remove_edit(edit.id), await store.remove_edit(edit.id), await store.remove_edit(99)] == [
        True,
        False,
        False,
    ]
    [(title, undone_at)] = await rows(store, tables.catalogue_edits, "title", "undone_at")
    assert title == "Tik-Tok of Oz"
    assert undone_at.tzinfo is UTC


async def test_text_that_no_database_takes_does_not_stop_an_edit(store):
    edit = await store.add_edit(EditVerb.CORRECT, book="asin:\0", field="title", value="T\0ik-Tok", at=NOW)

    assert (edit.book, edit.value) == ("asin:\ufffd", "T\ufffdik-Tok")


# What is missing


async def test_missing_books_come_back_with_when_they_were_seen(store):
    await store.save_missing([missing("oz-8"), missing("oz-6", reason=Gap.DECLARED, series=None, position=None)], NOW)

    seen = {"first_seen_at": NOW, "last_seen_at": NOW}
    assert await store.missing_books() == (
        missing("oz-6", reason=Gap.DECLARED, series=None, position=None, **seen),
        missing("oz-8", **seen),
    )


async def test_a_book_that_is_missing_no_longer_is_closed_and_opens_again_when_it_is_gone_again(store):
    await store.save_missing([missing("oz-8")], NOW)
    await store.save_missing([], LATER)
    assert await store.missing_books() == ()
    [closed] = await store.missing_books(open_only=False)
    assert closed == missing("oz-8", first_seen_at=NOW, last_seen_at=NOW, closed_at=LATER)

    await store.save_missing([], LATER + timedelta(hours=1))
    assert await store.missing_books(open_only=False) == (closed,)

    again = LATER + timedelta(days=1)
    await store.save_missing([missing("oz-8")], again)
    assert await store.missing_books() == (missing("oz-8", first_seen_at=NOW, last_seen_at=again),)


async def test_a_missing_book_that_says_the_same_is_only_seen_again(store):
    many = [missing(f"oz-{n:05}") for n in range(3_000)]
    await store.save_missing(many, NOW)
    statements = Statements(store)

    await store.save_missing([*many[1:], missing("oz-00000", decision="held")], LATER)

    written = [one for one in statements.sent if one.startswith(("INSERT", "UPDATE"))]
    assert len(written) == 2
    found = await store.missing_books()
    assert {(one.first_seen_at, one.last_seen_at) for one in found} == {(NOW, LATER)}
    assert [one.want for one in found if one.decision == "held"] == ["oz-00000"]


# Hosts and their replies


async def test_a_host_is_known_from_its_first_turn_on(store):
    assert await store.hosts() == ()

    host = await store.change_host("shelf.example", lambda known: booked(known, Limits(1.0), NOW))

    assert host == Host(host="shelf.example", spent_today=1, day="2026-01-01", last_at=NOW)
    assert await store.hosts() == (host,)


async def test_a_change_that_fails_changes_nothing(store):
    before = await store.change_host("shelf.example", lambda known: booked(known, Limits(1.0, per_day=1), NOW))

    with pytest.raises(Transient) as spent:
        await store.change_host("shelf.example", lambda known: booked(known, Limits(1.0, per_day=1), LATER))

    assert spent.value.code == "BudgetSpent"
    assert await store.hosts() == (before,)


async def test_a_reply_comes_back_as_it_was_and_newer_ones_replace_it(store):
    reply = Reply(url="https://shelf.example/oz?q=1", headers={"etag": '"1"'}, body=b'{"books": []}' * 9)
    await store.keep_reply("k1", reply, at=NOW)
    assert await store.kept_reply("k1") == Kept(reply=reply, fetched_at=NOW, checked_at=NOW)
    assert await store.kept_reply("k2") is None

    gone = Reply(url=reply.url, status=404)
    await store.keep_reply("k1", gone, at=LATER)
    assert await store.kept_reply("k1") == Kept(reply=gone, fetched_at=LATER, checked_at=LATER)


async def test_a_confirmed_reply_keeps_its_body(store):
    reply = Reply(url="https://shelf.example/oz", headers={"etag": '"1"'}, body=b"{}")
    await store.keep_reply("k1", reply, at=NOW)

    await store.confirm_reply("k1", headers={"etag": '"2"'}, at=LATER)

    confirmed = replace(reply, headers={"etag": '"2"'})
    assert await store.kept_reply("k1") == Kept(reply=confirmed, fetched_at=NOW, checked_at=LATER)


async def test_a_damaged_reply_counts_as_none(store):
    await store.keep_reply("k1", Reply(url="https://shelf.example/oz", body=b"{}"), at=NOW)
    async with store.writing() as connection:
        await connection.execute(update(tables.replies).values(body=b"no zlib"))

    assert await store.kept_reply("k1") is None


async def test_replies_that_nobody_asked_for_in_a_month_are_pruned(store):
    reply = Reply(url="https://shelf.example/oz", body=b"{}")
    for key in ("old", "confirmed"):
        await store.keep_reply(key, reply, at=NOW)
    await store.confirm_reply("confirmed", headers={}, at=NOW + timedelta(days=10))

    assert await store.prune(NOW + timedelta(days=31), history_days=1, verdict_days=1) == {"replies": 1}
    assert await store.kept_reply("old") is None
    assert await store.kept_reply("confirmed") is not None


async def test_the_catalogue_survives_pruning(store):
    await store.save_heard(told())
    await store.save_catalogued(derived(TIK_TOK), asked=())
    edit = await store.add_edit(EditVerb.EXCLUDE, book="book:a", at=NOW)

    await store.prune(NOW + timedelta(days=4_000), history_days=1, verdict_days=1)

    assert await store.heard([("audible", "q1")]) == (told(),)
    assert (await store.catalogued()).keys() == {OZ.key}
    assert await store.edits() == (edit,)


async def test_another_process_sees_what_was_kept(store, store_url):
    await store.save_catalogued(derived(TIK_TOK), asked=())

    async with open_store(store_url) as other:
        assert await other.books_of(["asin:B000000008"]) == {"asin:B000000008": TIK_TOK.id}
