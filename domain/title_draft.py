"""A title while it is read: the pieces that are left, and what the others said."""

from __future__ import annotations

import re

import msgspec

from domain.positions import Position
from domain.title_pieces import Piece


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beforehand: names that the caller knows, and what the folders above say."""

    authors: tuple[str, ...] = ()
    series: frozenset[str] = frozenset()
    """Keys of series names."""
    in_folders: bool = False
    musical: bool = False
    """Music names the artist first, whatever the name looks like."""
    dotted: bool = False
    """Whether dots stood for blanks."""
    several: bool = False
    """Whether other quotations stand beside: then a person alone may be the author of what they name."""


class Draft(msgspec.Struct):
    pieces: list[Piece]
    authors: tuple[str, ...] = ()
    series: str | None = None
    position: Position | None = None
    title: str | None = None
    by: bool = False
    """Whether `by` named the author: then a dash stands within the title."""
    doubtful: bool = False
    """Whether the title may as well be the series: `Oz Book 3`."""
    asides: list[Piece] = []
    """Brackets that say nothing known."""
    quoted: bool = False
    """Whether it is one of several quotations."""

    @property
    def plain(self) -> list[Piece]:
        """The pieces that are left and stand in no bracket."""
        return [piece for piece in self.pieces if not piece.mark]

    def drop(self, *gone: Piece) -> None:
        self.pieces = [piece for piece in self.pieces if all(piece is not one for one in gone)]

    def replace(self, piece: Piece, text: str, places: tuple[int, ...]) -> None:
        """Go on with a part of a piece."""
        at = next(place for place, one in enumerate(self.pieces) if one is piece)
        self.pieces[at : at + 1] = [msgspec.structs.replace(piece, text=text, places=places)] if text.strip() else []

    def count(self, position: Position | None, series: str | None = None) -> None:
        """Note a number and a series, of which the first that was said holds."""
        self.position = self.position or position
        self.series = self.series or (tidy(series) if series else None) or None

    def name(self, title: str, *said: Piece) -> None:
        """Settle the title; `said` are the pieces that it is made of, or that served to find it."""
        self.title = tidy(title) or None
        self.drop(*said)


def tidy(text: str) -> str:
    """A name without the marks around it, and with its article in front: `The Emerald City of Oz`."""
    moved = re.match(r"^(.*),\s*(The|A|An)$", text.strip())
    return (f"{moved[2]} {moved[1]}" if moved else text).strip(" ,;.-_'\"#")
