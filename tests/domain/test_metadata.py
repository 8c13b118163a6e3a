"""What must be written to a published item so that it says which book it is."""

from __future__ import annotations

import msgspec
from hypothesis import given
from worlds import BAUM, item_of, items, oz

from domain.metadata import intended
from domain.releases import SeriesName
from domain.world import Item

OZMA = oz(3)


def test_an_item_that_says_which_book_it_is_needs_nothing():
    assert intended(OZMA, item_of(OZMA)) is None


def test_differences_of_spelling_alone_are_never_rewritten():
    spelled = item_of(
        OZMA, title="OZMA OF OZ", authors=("l frank baum",), series=(SeriesName(name="The Oz Series", position="03"),)
    )

    assert intended(OZMA, spelled) is None


def test_what_differs_is_set_and_the_rest_is_left_alone():
    found = intended(OZMA, item_of(OZMA, title="ozma-64kb", subtitle="A Novel"))

    assert found is not None
    assert found.title == "Ozma of Oz"
    assert (found.subtitle, found.authors, found.series) == (None, None, None)


def test_a_wrong_number_is_put_right_and_other_series_stay():
    classics = SeriesName(name="Classics", position="40")
    found = intended(OZMA, item_of(OZMA, series=(SeriesName(name="Oz", position="4"), classics)))

    assert found is not None
    assert found.series == (SeriesName(name="Oz", position="3"), classics)


def test_an_asin_is_added_and_never_replaced():
    known = oz(3, asin="B00OZMA000")

    added = intended(known, item_of(OZMA))
    assert added is not None
    assert added.asin == "B00OZMA000"
    assert intended(known, item_of(OZMA, asin="B00OTHER00")) is None


def test_a_want_without_series_or_author_writes_none():
    bare = oz(3, series=None, position=None, authors=())

    assert intended(bare, item_of(OZMA, authors=(BAUM, "Somebody"))) is None


@given(items())
def test_what_was_written_needs_no_writing_again(item: Item):
    written = intended(OZMA, item)
    if written is not None:
        fields = {name: value for name, value in msgspec.structs.asdict(written).items() if value is not None}
        item = msgspec.structs.replace(item, **fields)

    assert intended(OZMA, item) is None
