"""Which books are wanted now, which wait, and which rule leaves the others out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from domain.catalogue.books import Catalogued
from domain.catalogue.choosing import Choice, Released, choose, taken
from domain.catalogue.claims import BookClaim, Recording
from domain.manifest import ProfileSpec
from domain.wants import MemberKind
from tests.domain.catalogue.said import NOW, OZ, chosen, derived, oz, product, series, told, work

TODAY = NOW.date()
LATER = TODAY + timedelta(days=90)


def patchwork(**form: Any) -> BookClaim:
    return product("B0OZ000007", "The Patchwork Girl of Oz", {"Oz": "7"}, **form)


def choice_of(*claims: BookClaim, profile: ProfileSpec | None = None, **options: Any) -> Choice:
    found = derived(series(), *oz(), *claims)
    told = choose(found, profile=profile or ProfileSpec(), today=TODAY, **options)
    return next(one for one in told if claims[0].id in one.book.ids)


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ({}, Released.RELEASED),
        ({"released": None}, Released.RELEASED),
        ({"released": TODAY + timedelta(days=1)}, Released.RELEASED),
        ({"released": LATER}, Released.ANNOUNCED),
        ({"abridged": True}, Released.ONLY_ABRIDGED),
        ({"dramatized": True}, Released.ONLY_DRAMATIZED),
        ({"machine_voice": True}, Released.ONLY_MACHINE_VOICE),
        ({"narrator": "Virtual Voice"}, Released.ONLY_MACHINE_VOICE),
        ({"language": "de"}, Released.ONLY_OTHER_LANGUAGE),
        ({"minutes": 5}, Released.NO_RECORDING_KNOWN),
    ],
)
def test_only_a_recording_that_the_profile_takes_makes_a_want(form: dict[str, Any], state: Released):
    choice = choice_of(patchwork(**form))

    assert choice.release.state is state
    assert choice.wanted is (state is Released.RELEASED)
    assert choice.held is (state not in (Released.RELEASED, Released.ONLY_OTHER_LANGUAGE))
    assert choice.because


def test_another_recording_that_the_profile_takes_is_enough():
    worse = [
        product("B0OZ000017", "The Patchwork Girl of Oz (Abridged)", {"Oz": "7"}, abridged=True),
        product("B0OZ000027", "The Patchwork Girl of Oz", {"Oz": "7"}, dramatized=True, narrator="A Full Cast"),
        product("B0OZ000037", "Das Patchwork-Mädchen", {"Oz": "7"}, language="de", narrator="Dora Stimme"),
        product("B0OZ000047", "The Patchwork Girl of Oz", {"Oz": "7"}, narrator="Virtual Voice"),
    ]

    assert choice_of(patchwork(), *worse).wanted
    assert not choice_of(*worse).wanted


def test_a_profile_may_take_what_others_leave():
    abridged, dramatized = patchwork(abridged=True), patchwork(dramatized=True)

    assert choice_of(abridged, profile=ProfileSpec(abridged=True)).wanted
    assert choice_of(dramatized, profile=ProfileSpec(dramatized=True)).wanted
    assert choice_of(patchwork(language="de"), profile=ProfileSpec(languages=("de",))).wanted


def test_an_announced_book_waits_for_its_day():
    choice = choice_of(patchwork(released=LATER))

    assert (choice.code, choice.release.on) == ("Announced", LATER)
    assert str(LATER) in choice.because


def test_a_book_in_another_language_only_is_no_want_and_no_waiting_one():
    choice = choice_of(product("B0OZ000007", "Das Buch sieben", {"Oz": "7"}, language="de"))

    assert (choice.kind, choice.wanted, choice.held) == (MemberKind.FOREIGN_ONLY, False, False)


def test_a_book_that_a_list_of_recordings_names_without_details_is_out():
    listed = told("audiosilo", "audiosilo:7", "The Patchwork Girl of Oz", {"Oz": "7"}, recorded=True)

    assert choice_of(listed).wanted


def test_a_book_of_which_no_recording_is_known_waits():
    choice = choice_of(work("hardcover", 7, "The Patchwork Girl of Oz", {"Oz": "7"}))

    assert (choice.code, choice.held) == ("NoRecordingKnown", True)


def test_half_a_recording_is_none():
    half = product("B0OZ000007", "The Patchwork Girl of Oz (1 of 2)", {"Oz": "7"})
    whole = work("hardcover", 7, "The Patchwork Girl of Oz", {"Oz": "7"})

    assert choice_of(whole, half).code == "NoRecordingKnown"


@pytest.mark.parametrize(
    ("members", "numbers"),
    [
        ("main", ["0", "1", "2", "3", "4", "5", "6"]),
        ("main+novellas", ["0", "1", "2", "2.5", "3", "4", "5", "6"]),
        (["1-3"], ["1", "2", "2.5", "3"]),
        (["2.5", "6"], ["2.5", "6"]),
        (["0"], ["0"]),
    ],
)
def test_a_filter_says_which_members_are_meant(members: str | list[str], numbers: list[str]):
    found = derived(
        series(),
        *oz(),
        product("B0OZ000901", "Before the Wizard", {"Oz": "0"}),
        product("B0OZ000902", "A Walk in Between", {"Oz": "2.5"}, minutes=150),
        product("B0OZ000903", "The Oz Collection", {"Oz": "1-3"}, minutes=900),
        product("B0OZ000904", "The Wizard Abroad", {"Oz": None}),
    )

    assert [one.book.position for one in chosen(found, members=members) if one.wanted] == numbers


def excluded(found: Catalogued, **options: Any) -> list[str]:
    return [one.book.title for one in chosen(found, **options) if one.code == "Excluded"]


def test_what_the_document_excepts_and_what_a_person_struck_out_is_not_wanted():
    spelled = work("hardcover", 3, "Ozma of Oz", {"Oz": "3"}, ids=["isbn:9780000000019"])
    found = derived(series(), *oz(), spelled)

    assert excluded(found, exclude=["ozma of oz (unabridged)"]) == ["Ozma of Oz"]
    assert excluded(found, excluded={"asin:B0OZ000003"}) == ["Ozma of Oz"]
    assert excluded(found, excluded={"isbn:9780000000019"}) == ["Ozma of Oz"]
    assert excluded(found, excluded={"ozma of oz by l frank baum"}) == ["Ozma of Oz"]
    assert excluded(found, excluded={"ozma of oz by fay fixture"}) == []


def test_a_book_at_a_number_that_is_taken_is_the_other_one():
    other = work("openlibrary", "OL3W", "Princess of the Nomes", {"Oz": "3"})

    choice = choice_of(other)

    assert (choice.code, choice.wanted, choice.held) == ("Alternate", False, False)


def test_every_choice_has_a_reason_and_every_want_names_its_rule():
    found = chosen(
        derived(series(), *oz(), patchwork(released=LATER), work("openlibrary", "OL9W", "A Pamphlet", {"Oz": "9"}))
    )

    assert all(one.because for one in found)
    assert {one.book.title for one in found if "number" in one.because and one.wanted} == set(OZ)


def test_the_recordings_to_look_for_are_those_that_the_profile_takes():
    audio = (
        Recording(ids=("asin:B0OZ000107",), language="en", abridged=True, released=date(2001, 1, 1)),
        Recording(ids=("asin:B0OZ000207",), language="en", released=LATER),
        Recording(ids=("asin:B0OZ000307",), language="en", released=date(2011, 1, 1)),
    )
    book = choice_of(told("audible", "asin:B0OZ000007", "The Patchwork Girl of Oz", {"Oz": "7"}, recordings=audio)).book

    assert [one.asins for one in taken(book, ProfileSpec(), TODAY)] == [("B0OZ000207",), ("B0OZ000307",)]
