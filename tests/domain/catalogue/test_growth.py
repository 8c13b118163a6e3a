"""A catalogue may not enlarge the library in silence: first derivations are proposed, floods wait for a yes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.catalogue.books import Catalogued, Edit, EditVerb, Subject
from domain.catalogue.choosing import choose
from domain.catalogue.claims import BookClaim
from domain.catalogue.derive import derive
from domain.catalogue.growth import FIRST, GREW, grown, waits
from domain.catalogue.memory import Heard, could_not_look
from domain.catalogue.wanting import struck_out
from domain.manifest import ProfileSpec
from tests.domain.catalogue.said import BAUM, NOW, answered, chosen, derived, oz, product, series

CONTRACT = Path(__file__).parents[2] / "fixtures" / "catalogues" / "contract"
AUTHOR = Subject(kind="author", name=BAUM, key="author/baum")


def works(first: int, count: int) -> list[BookClaim]:
    return [product(f"B0FX{n:06}", f"Tale of the {n} Emeralds") for n in range(first, first + count)]


def ids_of(found: Catalogued) -> list[str]:
    return [one.book.id for one in chosen(found) if one.wanted]


def state(found: Catalogued, approved: frozenset[str]) -> tuple[int, int, str]:
    """(books that may be wanted, books that wait, why they wait)"""
    told = [waits(found, book, approved) for book in found.books]
    waiting = [one for one in told if one is not None]
    return len(told) - len(waiting), len(waiting), waiting[0][0] if waiting else ""


def test_an_author_s_books_are_proposed_then_grow_by_a_few_and_a_flood_is_held():
    steps = [step["then"] for step in json.loads((CONTRACT / "scenario.flood.json").read_text())["steps"]]
    approved: frozenset[str] = frozenset()

    found = derived(AUTHOR, *works(1, 60))
    found = grown(found, None, trusted=False, wanted=ids_of(found), approved=approved)
    assert state(found, approved) == (steps[0]["wanted"], steps[0]["held"], steps[0]["reason"])

    approved |= {found.proposal}
    assert state(found, approved)[:2] == (steps[1]["wanted"], 0)

    later = derived(AUTHOR, *works(1, 62))
    found = grown(later, found, trusted=False, wanted=ids_of(later), approved=approved)
    assert state(found, approved)[:2] == (steps[2]["wanted"], 0)

    flooded = derived(AUTHOR, *works(1, 102))
    found = grown(flooded, found, trusted=False, wanted=ids_of(flooded), approved=approved)
    assert state(found, approved) == (steps[3]["wanted"], steps[3]["held"], steps[3]["reason"])


def test_a_held_flood_that_is_approved_may_be_wanted():
    first = derived(AUTHOR, *works(1, 10))
    first = grown(first, None, trusted=False, wanted=ids_of(first), approved=())
    approved = frozenset({first.proposal})
    flooded = derived(AUTHOR, *works(1, 40))
    held = grown(flooded, first, trusted=False, wanted=ids_of(flooded), approved=approved)

    approved |= {held.proposal}
    again = grown(derived(AUTHOR, *works(1, 40)), held, trusted=False, wanted=ids_of(flooded), approved=approved)

    assert held.proposal_code == GREW
    assert state(held, approved)[:2] == (40, 0)
    assert state(again, approved)[:2] == (40, 0)


def test_a_proposal_that_nobody_answered_stays_one_however_often_it_is_derived():
    found = None
    for _ in range(3):
        new = derived(AUTHOR, *works(1, 5))
        found = grown(new, found, trusted=False, wanted=ids_of(new), approved=())

    assert found is not None
    assert (found.accepted, found.proposal_code, len(found.proposed)) == (None, FIRST, 5)


def test_a_declared_series_takes_effect_at_once_and_later_growth_beyond_a_fifth_waits():
    declared = derived(series(), *oz(2))
    first = grown(declared, None, trusted=True, wanted=ids_of(declared), approved=())
    more = derived(series(), *oz(6))
    second = grown(more, first, trusted=True, wanted=ids_of(more), approved=())

    assert state(first, frozenset())[:2] == (2, 0)
    assert state(second, frozenset()) == (2, 4, GREW)


def test_the_word_of_a_source_that_was_down_at_first_is_no_growth():
    down = could_not_look(None, "audible", "everything", code="X", why="down", refused=False, now=NOW)
    first = derive(series(), [down], now=NOW)
    first = grown(first, None, trusted=True, wanted=(), approved=())

    heard = answered("audible", *oz(6), before=None, now=NOW + timedelta(days=1))
    later = derive(series(), [heard], now=NOW)
    second = grown(later, first, trusted=True, wanted=ids_of(later), approved=())

    assert state(second, frozenset())[:2] == (6, 0)


def test_a_book_that_was_merged_into_another_is_no_growth():
    before = derived(series(), *oz(6))
    first = grown(before, None, trusted=True, wanted=ids_of(before), approved=())
    renamed = [
        msgspec.structs.replace(book, id=f"book:new-{n}", ids=(*book.ids, book.id))
        for n, book in enumerate(before.books)
    ]
    after = msgspec.structs.replace(before, books=tuple(renamed))

    second = grown(after, first, trusted=True, wanted=[book.id for book in renamed], approved=())

    assert state(second, frozenset())[:2] == (6, 0)


def test_an_exclusion_survives_new_editions_merges_and_their_withdrawal_until_it_is_undone():
    """The scenario of the contract: exclude, a new edition, a merge by the provider, its withdrawal, undo."""
    road = product("B0OZ000005", "The Road to Oz", {"Oz": "5"})
    first = derived(series(), *oz(4), road)
    book = next(one for one in first.books if one.title == "The Road to Oz")
    out = Edit(id=1, verb=EditVerb.EXCLUDE, book=book.id, title=book.title, value=book.authors[0], at=NOW)

    def verdict(found: Catalogued, edits: tuple[Edit, ...]) -> list[str]:
        told = choose(found, excluded=struck_out(edits), profile=ProfileSpec(), today=NOW.date())
        return [one.code for one in told if one.book.title == "The Road to Oz"]

    assert verdict(first, (out,)) == ["Excluded"]

    known = {one: found.id for found in first.books for one in found.ids}
    again = product("B0OZ000505", "The Road to Oz (Unabridged)", {"Oz": "5"}, narrator="Tom Voice")
    with_new = derive(series(), [answered("audible", *oz(4), road, again)], known=known, now=NOW)
    alone = derive(series(), [answered("audible", *oz(4), again)], now=NOW)
    assert verdict(with_new, (out,)) == verdict(alone, (out,)) == ["Excluded"]

    strange = product("B0OZ000605", "Dorothy Walks", {"Oz": None})
    claims = (*oz(4), road, strange)
    apart = derive(series(), [answered("audible", *claims)], known=known, now=NOW)
    known |= {one: found.id for found in apart.books for one in found.ids}
    merged = derive(series(), [answered("audible", *claims, aliases=[(strange.id, road.id)])], known=known, now=NOW)
    [one_work] = [found for found in merged.books if road.id in found.ids]
    assert strange.id in one_work.ids
    assert verdict(merged, (out,)) == ["Excluded"]

    known = {one: found.id for found in merged.books for one in found.ids}
    withdrawn = derive(series(), [answered("audible", *claims)], known=known, now=NOW)
    [still_one] = [found for found in withdrawn.books if road.id in found.ids]
    assert strange.id in still_one.ids
    assert any(conflict.because.startswith("MergeDisputed") for conflict in still_one.conflicts)
    assert verdict(withdrawn, (out,)) == ["Excluded"]

    assert verdict(withdrawn, ()) == ["Wanted"]


def refusing(source: str, *, refused: bool, at: datetime = NOW) -> Heard:
    return could_not_look(None, source, "everything", code="X", why="down", refused=refused, now=at)


def test_a_book_that_was_not_wanted_when_it_was_first_seen_is_growth_once_it_is():
    first = derived(AUTHOR, *works(1, 20))
    some = [one.id for one in first.books][:5]
    first = grown(first, None, trusted=True, wanted=some, approved=())
    later = derived(AUTHOR, *works(1, 20))
    second = grown(later, first, trusted=True, wanted=[one.id for one in later.books], approved=())

    assert (second.proposal_code, len(second.proposed)) == (GREW, 15)


def test_a_source_that_refuses_us_does_not_keep_the_first_derivation_open():
    first = derive(series(), [answered("audnexus", *oz(2)), refusing("audible", refused=True)], now=NOW)
    first = grown(first, None, trusted=True, wanted=ids_of(first), approved=())
    later = derive(series(), [answered("audible", *oz(6), now=NOW + timedelta(days=1))], now=NOW + timedelta(days=1))
    second = grown(later, first, trusted=True, wanted=ids_of(later), approved=())

    assert second.proposal_code == GREW


@pytest.mark.parametrize(("days", "code"), [(7, ""), (8, GREW)])
def test_a_source_that_is_down_keeps_the_first_derivation_open_for_a_week(days, code):
    then = NOW + timedelta(days=days)
    first = derive(series(), [answered("audnexus", *oz(2)), refusing("audible", refused=False)], now=NOW)
    first = grown(first, None, trusted=True, wanted=ids_of(first), approved=())
    later = derive(series(), [answered("audible", *oz(6), now=then)], now=then)
    second = grown(later, first, trusted=True, wanted=ids_of(later), approved=())

    assert second.proposal_code == code
