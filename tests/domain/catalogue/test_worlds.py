"""Recorded worlds: what every source said about a series or an author, with all its mistakes, and what is true.

The truth of each world (`expected.json`) was written from the books themselves, not from what the rules make of them.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.catalogues.every import every_source
from adapters.catalogues.recorded import read_folder
from domain.catalogue.books import Catalogued, Subject
from domain.catalogue.choosing import Choice, choose
from domain.catalogue.derive import derive
from domain.catalogue.memory import Heard, could_not_look, remember
from domain.manifest import ProfileSpec
from domain.names import fold
from domain.wants import MemberKind
from tests.domain.catalogue.said import NOW

FIXTURES = Path(__file__).parents[2] / "fixtures" / "catalogues"
WORLDS = FIXTURES / "worlds"
CONTRACT = FIXTURES / "contract"
SERIES = ("oz", "barsoom", "holmes", "discworld")
AUTHORS = ("tarzan-author",)
MINOR = {MemberKind.NOVELLA, MemberKind.SHORT, MemberKind.COMPANION, MemberKind.EXTRACT}


class Nowhere:
    """Reading needs no web; asking would be a mistake here."""

    async def get(self, url: str, **_: Any) -> Any:
        raise AssertionError(f"a test asked {url}")

    async def post(self, url: str, **_: Any) -> Any:
        raise AssertionError(f"a test asked {url}")


@lru_cache(maxsize=16)
def heard_in(folder: Path) -> tuple[Heard, ...]:
    """What the files say, one question each; trouble is remembered as such, and says nothing."""
    found = []
    for one in read_folder(folder, every_source(Nowhere())):
        if one.answer is not None:
            found.append(remember(None, one.source, one.file, one.answer, NOW))
        elif one.trouble is not None:
            trouble = one.trouble
            code, why = trouble.code or "", trouble.message
            found.append(could_not_look(None, one.source, one.file, code=code, why=why, refused=False, now=NOW))
    return tuple(found)


def truth_of(world: str) -> dict[str, Any]:
    return json.loads((WORLDS / world / "expected.json").read_text())


def subject_of(truth: Mapping[str, Any]) -> Subject:
    subject = truth["subject"]
    return Subject(kind=subject["kind"], name=subject["name"], author=subject.get("author"))


@lru_cache(maxsize=16)
def found_in(world: str) -> Catalogued:
    return derive(subject_of(truth_of(world)), heard_in(WORLDS / world), now=NOW)


def choices(catalogued: Catalogued) -> tuple[Choice, ...]:
    return choose(catalogued, profile=ProfileSpec(), today=NOW.date())


def wanted(catalogued: Catalogued) -> dict[str, str | None]:
    """Folded title -> number, of what is wanted."""
    return {fold(one.book.title): one.book.position for one in choices(catalogued) if one.wanted}


def called(title: str, catalogued: Catalogued) -> Choice | None:
    """The book that is shown under the title, else the one that has it as another of its names."""
    told = choices(catalogued)
    shown = next((one for one in told if fold(one.book.title) == fold(title)), None)
    return shown or next((one for one in told if fold(title) in map(fold, one.book.other_titles)), None)


def true_wants(truth: Mapping[str, Any]) -> dict[str, str]:
    return {fold(one["title"]): one["position"] for one in truth["members"] if one["wanted"]}


def without(heard: Iterable[Heard], source: str) -> tuple[Heard, ...]:
    return tuple(one for one in heard if one.source != source)


def alike(title: str, member: Mapping[str, Any], truth: Mapping[str, Any]) -> bool:
    """Whether the title is one of those that the truth knows the member by."""
    also = [name for one in truth["merged"] if one["title"] == member["title"] for name in one["also"]]
    return fold(title) in {fold(name) for name in (member["title"], *also)}


# A series


@pytest.mark.parametrize("world", SERIES)
def test_exactly_the_books_of_the_series_are_wanted_each_at_its_number(world: str):
    truth = truth_of(world)

    found = found_in(world)

    assert wanted(found) == true_wants(truth)
    assert len(wanted(found)) == truth["wanted_count"]


@pytest.mark.parametrize("world", SERIES)
def test_the_same_books_are_wanted_when_nobody_names_the_author(world: str):
    """Who went on with a series that others began is offered, not wanted."""
    truth = truth_of(world)
    nameless = msgspec.structs.replace(subject_of(truth), author=None)

    found = derive(nameless, heard_in(WORLDS / world), now=NOW)

    assert wanted(found) == true_wants(truth)


@pytest.mark.parametrize("world", SERIES)
def test_the_same_books_are_wanted_when_any_one_source_is_missing(world: str):
    truth, heard = truth_of(world), heard_in(WORLDS / world)
    members = {one["position"]: one for one in truth["members"] if one["wanted"]}

    for source in sorted({one.source for one in heard}):
        found = derive(subject_of(truth), without(heard, source), now=NOW)

        got = {one.book.position: one.book.title for one in choices(found) if one.wanted}
        assert sorted(got) == sorted(members), source
        assert all(alike(title, members[number], truth) for number, title in got.items() if number), source


@pytest.mark.parametrize("world", SERIES)
def test_hostile_replies_take_nothing_away_and_add_nothing(world: str, tmp_path: Path):
    shutil.copytree(WORLDS / world, tmp_path / world, ignore=shutil.ignore_patterns("hostile"))

    without_them = derive(subject_of(truth_of(world)), heard_in(tmp_path / world), now=NOW)

    assert wanted(found_in(world)) == wanted(without_them)


HOSTILE = [(path.parts[-3], path.name) for path in sorted(WORLDS.glob("*/hostile/*.json"))]


@pytest.mark.parametrize(("world", "file"), HOSTILE)
def test_a_hostile_reply_in_place_of_a_good_one_adds_nothing_and_after_it_takes_nothing(
    world: str, file: str, tmp_path: Path
):
    """At first the source could not be heard; later, what it said before stays."""
    truth = truth_of(world)
    shutil.copytree(WORLDS / world, tmp_path / world, ignore=shutil.ignore_patterns("hostile"))
    before = {one.question: one for one in heard_in(tmp_path / world)}
    replaced = json.loads((WORLDS / world / "hostile" / file).read_text())["replaces"]
    shutil.copy(WORLDS / world / "hostile" / file, tmp_path / world / replaced)
    heard_in.cache_clear()

    first = derive(subject_of(truth), heard_in(tmp_path / world), now=NOW)
    [hostile] = [one for one in read_folder(tmp_path / world, every_source(Nowhere())) if one.file == replaced]
    later = before[replaced]
    if hostile.answer is not None:
        later = remember(later, hostile.source, replaced, hostile.answer, NOW)
    after = derive(subject_of(truth), (before | {replaced: later}).values(), now=NOW)

    allowed = {*wanted(found_in(world)), *(fold(name) for one in truth["merged"] for name in one["also"])}
    assert set(wanted(first)) <= allowed
    assert wanted(after) == wanted(found_in(world))


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_the_order_of_files_leaves_no_trace(world: str):
    heard = list(heard_in(WORLDS / world))
    first = derive(subject_of(truth_of(world)), heard, now=NOW)

    random.Random(7).shuffle(heard)

    assert derive(subject_of(truth_of(world)), heard, now=NOW) == first


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_deriving_again_with_the_ids_that_were_given_changes_nothing(world: str):
    subject, heard = subject_of(truth_of(world)), heard_in(WORLDS / world)
    first = derive(subject, heard, now=NOW)

    again = derive(subject, heard, known={one: book.id for book in first.books for one in book.ids}, now=NOW)

    assert [(one.id, one.title, one.position, one.kind) for one in again.books] == [
        (one.id, one.title, one.position, one.kind) for one in first.books
    ]


@pytest.mark.parametrize("world", SERIES)
def test_nothing_else_is_wanted_and_each_other_book_is_of_its_kind_and_at_its_number(world: str):
    truth, found = truth_of(world), found_in(world)

    for other in truth["others"]:
        choice = other_book(other, found)
        if choice is None:
            assert other.get("may_be_absent") or other["kind"] == "part", other["title"]
            continue
        if other["kind"] == "part" and choice.kind is not MemberKind.PART:
            # Half a recording belongs to the book that it is half of.
            assert fold(choice.book.title) == fold(other["of"])
            continue
        assert not choice.wanted, other["title"]
        assert choice.kind in kinds_of(other), (other["title"], choice.book.kind_because)
        joined = [fold(name) for name in (choice.book.title, *choice.book.other_titles)]
        if "may_join" not in other or fold(other["may_join"]) not in joined:
            assert choice.book.position in (other.get("position"), *other.get("position_or", ())), other["title"]


def other_book(other: Mapping[str, Any], found: Catalogued) -> Choice | None:
    if choice := next((one for one in choices(found) if set(other.get("ids", ())) & set(one.book.ids)), None):
        return choice
    names = (other["title"], *other.get("title_or", ()))
    return next((choice for name in names if (choice := called(name, found))), None)


def kinds_of(other: Mapping[str, Any]) -> set[str]:
    """What it may be. A guide by somebody else may be called either; a kind that does not matter is any."""
    kinds = {other["kind"], *other.get("kind_or", ())} | (set(MemberKind) if other.get("any_kind") else set())
    return kinds | ({"companion"} if "other-author" in kinds else set()) | (set(MINOR) if "minor" in kinds else set())


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_no_two_ids_of_different_books_are_on_one(world: str):
    found = found_in(world)

    for one, other in truth_of(world)["ids_apart"]:
        assert not [book.title for book in found.books if {one, other} <= set(book.ids)]


@pytest.mark.parametrize("world", SERIES)
def test_what_does_not_belong_to_the_series_is_not_listed(world: str):
    truth = truth_of(world)

    found = found_in(world)

    assert not {fold(title) for title in truth["not_books_of_it"]} & {fold(book.title) for book in found.books}
    assert not {one["id"] for one in truth["not_this_series"]} & set(found.ids)
    assert set(truth["series_ids"]) <= set(found.ids)


@pytest.mark.parametrize("world", SERIES)
def test_spellings_editions_and_translations_are_one_book(world: str):
    truth = truth_of(world)
    found = found_in(world)

    for merged in truth["merged"]:
        choice = called(merged["title"], found)
        assert choice is not None
        assert choice.book.position == merged["position"]
        for name in merged["also"]:
            other = called(name, found)
            assert other is None or other.book.id == choice.book.id, name


@pytest.mark.parametrize("world", SERIES)
def test_titles_that_are_merely_alike_stay_apart(world: str):
    truth = truth_of(world)
    found = found_in(world)

    for pair in truth.get("not_merged", ()):
        books = [choice.book.id for title in pair["titles"] if (choice := called(title, found))]
        assert len(books) == len(set(books)), pair["why"]


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_the_same_recording_in_two_shops_is_one_edition(world: str):
    truth = truth_of(world)
    found = found_in(world)
    editions = [set(edition.asins) for book in found.books for edition in book.editions]

    for twins in truth["one_edition"]:
        assert any(set(twins) <= asins for asins in editions), twins


@pytest.mark.parametrize("world", SERIES)
def test_all_recordings_of_a_book_are_listed_with_it(world: str):
    truth = truth_of(world)
    found = found_in(world)

    for title, asins in truth.get("recordings", {}).items():
        choice = called(title, found)
        assert choice is not None
        assert set(asins) <= {asin for edition in choice.book.editions for asin in edition.asins}, title


def test_a_book_of_a_series_within_a_series_is_one_want_with_two_places():
    truth = truth_of("discworld")
    found = found_in("discworld")

    for title, rows in truth["memberships_of"].items():
        choice = called(title, found)
        assert choice is not None
        places = {(fold(row.series), row.position) for row in choice.book.series}
        assert {(fold(name), number) for name, number in rows} <= places, title
    guards = called("Guards! Guards!", found)
    assert guards is not None
    assert [(row.series, row.position) for row in guards.book.series][:2] == [
        ("Discworld", "8"),
        ("Discworld: Ankh-Morpork City Watch", "1"),
    ]


def test_the_truth_about_discworld_is_the_same_without_its_author():
    truth = truth_of("discworld")

    found = derive(Subject(kind="series", name="Discworld"), heard_in(WORLDS / "discworld"), now=NOW)

    assert wanted(found) == true_wants(truth)


def test_another_ordering_is_kept_beside_the_shown_one_and_never_mixed_in():
    truth = truth_of("holmes")
    found = found_in("holmes")
    titles = {book.id: book.title for book in found.books}

    [other] = found.orderings.values()

    assert {fold(titles[book]): number for book, number in other.items()} == {
        fold(title): number for title, number in truth["other_orderings"][0]["positions"].items()
    }


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_every_book_of_several_records_says_what_joined_them(world: str):
    found = found_in(world)

    for book in found.books:
        assert book.joined or len(book.sources) == 1, book.title


@pytest.mark.parametrize("world", [*SERIES, *AUTHORS])
def test_every_choice_says_why(world: str):
    found = found_in(world)

    assert all(choice.because and choice.code for choice in choices(found))


# An author


@pytest.mark.parametrize("world", AUTHORS)
def test_all_books_of_an_author_are_wanted_and_no_others(world: str):
    truth = truth_of(world)
    either = {fold(one["title"]) for one in truth["not_yet"] if one.get("or", {}).get("wanted")}

    found = found_in(world)

    assert set(wanted(found)) - either == {fold(one["title"]) for one in truth["books"]}


@pytest.mark.parametrize("world", AUTHORS)
def test_all_books_of_an_author_are_wanted_when_any_one_source_is_missing(world: str):
    truth, heard = truth_of(world), heard_in(WORLDS / world)
    maybe = {fold(one["title"]) for one in truth["not_yet"]}
    names = {fold(name): fold(one["title"]) for one in truth["merged"] for name in one["also"]}

    for source in sorted({one.source for one in heard}):
        found = derive(subject_of(truth), without(heard, source), now=NOW)

        got = {names.get(title, title) for title in wanted(found)} - maybe
        assert got == {fold(one["title"]) for one in truth["books"]}, source


@pytest.mark.parametrize("world", AUTHORS)
def test_books_of_an_author_stand_in_their_series_under_the_usual_name(world: str):
    truth = truth_of(world)
    found = found_in(world)

    for book in truth["books"]:
        choice = called(book["title"], found)
        assert choice is not None
        assert {(row.series, row.position) for row in choice.book.series} == {
            (row[0], row[1]) for row in book["series"]
        }


@pytest.mark.parametrize("world", AUTHORS)
def test_sets_pieces_comics_and_what_others_wrote_are_never_wanted(world: str):
    truth = truth_of(world)
    found = found_in(world)
    shown = {fold(choice.book.title): choice for choice in choices(found)}

    assert not [one["title"] for one in truth["others"] if (got := shown.get(fold(one["title"]))) and got.wanted]
    assert not [title for title in truth["never_listed"] if fold(title) in shown]
    for one in truth["not_yet"]:
        expected = one["released"].partition("(")[0]
        assert shown[fold(one["title"])].code in (expected, "Wanted" if "or" in one else expected)


@pytest.mark.parametrize("world", AUTHORS)
def test_other_titles_of_an_authors_book_are_no_other_book(world: str):
    truth = truth_of(world)
    found = found_in(world)

    for merged in truth["merged"]:
        choice = called(merged["title"], found)
        for name in merged["also"]:
            other = called(name, found)
            assert choice is not None
            assert other is None or other.book.id == choice.book.id, name
    for pair in truth.get("not_merged", ()):
        books = [choice.book.id for title in pair["titles"] if (choice := called(title, found))]
        assert len(books) == len(set(books)), pair["why"]


# The contract's own examples


@pytest.mark.parametrize("name", ["oz", "barsoom", "discworld"])
def test_the_examples_of_the_contract_give_what_it_says(name: str, tmp_path: Path):
    truth = json.loads((CONTRACT / f"expected.{name}.json").read_text())
    for file in truth["inputs"]:
        shutil.copy(CONTRACT / file, tmp_path)
    authors = truth["series"].get("scope_authors")
    subject = Subject(kind="series", name=truth["series"]["name"], author=authors[0] if authors else None)

    found = derive(subject, heard_in(tmp_path), now=NOW)

    members = {fold(one["title"]): one["position"] for one in truth["members"]}
    main = {fold(book.title): book.position for book in found.books if book.kind in truth["policy"]["kinds_wanted"]}
    assert main == members
    assert len(main) == truth["wanted_count"]
    for other in truth.get("others", ()):
        choice = called(other["title"], found)
        if choice is not None:
            assert choice.kind in (MINOR if other["kind"] == "minor" else {other["kind"]}), other["title"]
    for merged in truth.get("merged", ()):
        choice = called(merged["title"], found)
        assert choice is not None
        others = [other for name in merged["also"] if (other := called(name, found))]
        assert {other.book.id for other in others} <= {choice.book.id}
    for title, rows in truth.get("memberships_of", {}).items():
        choice = called(title, found)
        assert choice is not None
        assert [[row.series, row.position] for row in choice.book.series] == rows
