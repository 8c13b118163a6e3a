"""Whose word counts first, per field (contracts: metadata, section 4.9). A person's word counts before all of them."""

from __future__ import annotations

_TEXTS = "librivox openlibrary rreading-glasses goodreads google itunes"
_ORDERS = {
    "number": f"person hardcover audible audiosilo audnexus {_TEXTS}",
    "title": f"person hardcover audiosilo audible audnexus {_TEXTS}",
    "authors": f"person hardcover audiosilo audible audnexus {_TEXTS}",
    "recording": "person audible audnexus audiosilo librivox hardcover itunes",
    "first_published": "person openlibrary hardcover audiosilo rreading-glasses goodreads google",
    "kind": "person hardcover audible audiosilo audnexus openlibrary rreading-glasses",
}
_RANKS = {field: {source: rank for rank, source in enumerate(order.split())} for field, order in _ORDERS.items()}


def rank(field: str, source: str) -> tuple[int, str]:
    """A sorting key: sources that the field's row does not name come last, by name."""
    ranks = _RANKS.get(field, _RANKS["title"])
    return ranks.get(source, len(ranks)), source
