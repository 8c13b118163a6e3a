"""How Goodreads writes a series into a title: `The Martian Tales (Barsoom, #1-3)`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.catalogues.parts import position
from domain.catalogue.claims import Place
from domain.names import fold

_BRACKETS = re.compile(r"\(([^()#]*#[^()]*)\)\s*$")


def places_in(title: str | None) -> tuple[Place, ...]:
    """The places that stand in a title's last brackets; their numbers keep words and ranges."""
    said = _BRACKETS.search(title or "")
    pieces = [piece.partition("#") for piece in said[1].split(";")] if said else []
    return tuple(
        Place(series="", name=name.strip(" ,"), position=position(number.strip(" ,")) or None)
        for name, mark, number in pieces
        if mark and name.strip(" ,")
    )


def with_places_of_title(places: Iterable[Place], title: str | None) -> tuple[Place, ...]:
    """`places`, and those of the title, which wins where both number one series: it was not cut to a number."""
    written = {fold(place.name): place for place in places_in(title)}
    kept = []
    for place in places:
        said = written.pop(fold(place.name), None)
        known = said.position if said and said.position else place.position
        kept.append(Place(series=place.series, name=place.name, position=known))
    return (*kept, *written.values())
