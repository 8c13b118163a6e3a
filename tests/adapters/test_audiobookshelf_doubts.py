"""When an item's metadata and its folder have nothing to do with each other, and when that cannot be said."""

from __future__ import annotations

import pytest

from adapters.audiobookshelf.doubts import doubts, looks_taken_over
from domain.releases import SeriesName
from domain.world import Item


def item(path: str, title: str, author: str = "", series: str = "", **more: object) -> Item:
    names = {"authors": (author,) if author else (), "series": (SeriesName(name=series),) if series else ()}
    return Item(id=path, library_id="l", path=f"/b/{path}", rel_path=path, title=title, **names, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one",
    [
        item("William Shakespeare/Venus and Adonis", "Dracula", "Bram Stoker"),
        item("Jane Austen/Emma", "Persuasion", "Jane Austen"),
        item(
            "L. Frank Baum/Oz/03 - Ozma of Oz {Phil Chenevert}", "A Princess of Mars", "Edgar Rice Burroughs", "Barsoom"
        ),
        item("Sky Island.mp3", "The Sign of Four", "Arthur Conan Doyle"),
    ],
)
def test_another_books_metadata_is_noticed(one: Item) -> None:
    assert looks_taken_over(one)


@pytest.mark.parametrize(
    "one",
    [
        item("Jane Austen/Emma", "Emma", "Jane Austen"),
        item("L. Frank Baum/Oz/Oz 14", "Glinda", "L. Frank Baum", "Oz"),
        item("L. Frank Baum/Oz 14", "Glinda of Oz", "L. Frank Baum"),
        item("Tolstoy/War.And.Peace.MP3-GROUP", "War and Peace", "Leo Tolstoy"),
        item("Tolstoy/WarAndPeace", "War and Peace", "Leo Tolstoy"),
        item("Bücher/Die Verwandlung", "Die Verwandlung", "Franz Kafka"),
        item("Kafka/Die Verwandlung", "Metamorphosis", "Franz Kafka", asin=None, subtitle="Die Verwandlung"),
        item("Buecher/Kruemel", "Krümel"),
        item("Brontë/Les Misérables", "Les Miserables"),
        item("Толстой/Война и мир", "War and Peace", "Leo Tolstoy"),
        item("Tolstoy/War and Peace", "Война и мир", "Лев Толстой"),
        item("Verne/B0TEST0001", "Off on a Comet", "Jules Verne"),
        item("Verne/Disc 1", "Off on a Comet", "Jules Verne"),
        item("Verne/2010-03 [B0TEST0003]", "Off on a Comet", asin="B0TEST0003"),
        item("Verne/Hector Servadac [B0TEST0003]", "Off on a Comet", asin="B0TEST0003"),
        item("Verne/Jules Verne - 12", "Off on a Comet", "Jules Verne"),
        item("Read by Ruth Golding", "Jane Eyre", narrators=("Ruth Golding",)),
        item("A Study in Scarlet", ""),
        item("Colour of Magic", "Color of Magick"),
    ],
)
def test_what_cannot_be_judged_raises_no_alarm(one: Item) -> None:
    assert not looks_taken_over(one)


def test_missing_items_are_left_out() -> None:
    gone = item("William Shakespeare/Venus and Adonis", "Dracula", "Bram Stoker", is_missing=True)

    assert doubts([gone, gone]) == ()
