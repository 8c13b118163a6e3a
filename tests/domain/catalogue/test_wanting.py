"""From a chosen book to a want: what it is recognised by, and what must not be taken for it."""

from __future__ import annotations

from domain.catalogue.books import Catalogued
from domain.catalogue.subjects import Asked
from domain.catalogue.wanting import Catalogue, beside, choices_for, want_of
from domain.manifest import Declared, SeriesSpec
from domain.wants import Want
from tests.domain.catalogue.said import BAUM, NOW, derived, oz, product, series

ASKED = Asked(document="Series/oz", subject=series(), spec=SeriesSpec(title="Oz", author=BAUM), trusted=True)


def wants_of(catalogued: Catalogued) -> dict[str, Want]:
    catalogue, declared = Catalogue(today=NOW.date()), Declared()
    around = beside(catalogued)
    return {
        choice.book.title: want_of(choice, ASKED, catalogued, around, declared, {}, catalogue, "Series/oz")
        for choice in choices_for(ASKED, catalogued, declared, catalogue)
        if choice.wanted
    }


def test_a_set_is_recognised_by_its_recordings_that_the_profile_takes_and_by_no_others():
    whole = product("B0OZSET001", "The Oz Collection: Books 1-3", {"Oz": "1-3"}, minutes=900)
    abridged = product("B0OZSET002", "The Oz Collection: Books 1-3", {"Oz": "1-3"}, minutes=300, abridged=True)
    german = product("B0OZSET003", "The Oz Collection: Books 1-3", {"Oz": "1-3"}, minutes=900, language="de")

    sets = wants_of(derived(series(), *oz(3), whole, abridged, german))["Ozma of Oz"].sets

    assert "B0OZSET001" in sets
    assert not {"B0OZSET002", "B0OZSET003"} & set(sets)


def test_an_abridged_recording_does_not_own_the_book():
    abridged = product("B0OZ000103", "Ozma of Oz", {"Oz": "3"}, minutes=90, abridged=True)

    want = wants_of(derived(series(), *oz(3), abridged))["Ozma of Oz"]

    assert want.asins == ("B0OZ000003",)
