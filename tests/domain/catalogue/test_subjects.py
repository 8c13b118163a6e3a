"""What the documents ask about: which series and authors, under which key what is known of them is kept."""

from __future__ import annotations

from domain.catalogue.subjects import series_in_library, subjects
from domain.manifest import Declared, FollowSeries, FollowSpec
from domain.releases import SeriesName
from domain.world import Item
from tests.domain.catalogue.said import BAUM, OZ

THOMPSON = "Ruth Plumly Thompson"
FOLLOW = Declared(follows={"begun": FollowSpec(series=FollowSeries(owned=1))})


def item(number: int, title: str, author: str) -> Item:
    place = SeriesName(name="Oz", position=str(number))
    path = f"{author}/{title}"
    return Item(
        id=f"i{number}", library_id="l", path=path, rel_path=path, title=title, authors=(author,), series=(place,)
    )


def followed(*items: Item) -> list[tuple[str, str | None]]:
    return [(asked.subject.key, asked.subject.author) for asked in subjects(FOLLOW, series_in_library(items), {})]


def test_a_followed_series_keeps_its_key_when_another_author_comes_to_have_written_most_of_it():
    baum = item(1, OZ[0], BAUM)
    thompson = [item(15, "The Royal Book of Oz", THOMPSON), item(16, "Kabumpo in Oz", THOMPSON)]

    assert followed(baum) == [("series/oz", BAUM)]
    assert followed(baum, *thompson) == [("series/oz", THOMPSON)]


def test_whose_series_it_is_does_not_depend_on_the_order_of_the_items():
    items = [item(1, OZ[0], BAUM), item(15, "The Royal Book of Oz", THOMPSON)]

    assert followed(*items) == followed(*reversed(items))
