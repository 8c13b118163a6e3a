"""Apple's iTunes Search: that an audiobook exists, and since when. No narrator, no length, no series.

(contracts: metadata, section 3.7)
"""

from __future__ import annotations

import re
from typing import Any

from adapters.catalogues.addresses import below
from adapters.catalogues.replies import Reply, Web, day, decoded, entries, number, prose, sound, text
from domain.catalogue.claims import Answer, BookClaim, Credit, Question, Recording, Search

PUBLIC = "https://itunes.apple.com"
MOST_HITS = 200
"""The most that one search gives; there are no further pages."""

_ABRIDGED = re.compile(r"\s*[(\[](un)?(abridged|gekürzt)[)\]]\s*", re.IGNORECASE)


class ITunes:
    """Searches one country's store. The only module that knows iTunes' JSON.

    Apple's terms allow artwork for promoting the store only, so covers are claimed only when somebody asked for them.
    """

    name = "itunes"
    answers: frozenset[type] = frozenset({Search})

    def __init__(self, web: Web, *, base_url: str = PUBLIC, country: str = "US", covers: bool = False) -> None:
        self._web = web
        self._base = base_url.rstrip("/")
        self._country = country
        self._covers = covers

    def knows(self, url: str) -> bool:
        """Whether the address is this source's."""
        return below(self._base, url) or below(PUBLIC, url)

    async def ask(self, question: Question) -> Answer:
        """Raises `Transient` or `Permanent` where nothing was learnt, `ValueError` for a question it cannot answer."""
        if not isinstance(question, Search):
            raise ValueError(f"{self.name} answers no {type(question).__name__}")
        params: dict[str, str | int] = {
            "term": " ".join(filter(None, (question.title, question.author))),
            "media": "audiobook",
            "entity": "audiobook",
            "country": self._country,
            "limit": MOST_HITS,
        }
        return self.read(await self._web.get(f"{self._base}/search", params=params))

    def read(self, reply: Reply) -> Answer:
        """The claims of one reply. Hits are never complete: iTunes tells no end, and shows what sells first."""
        # More than about 20 calls a minute are answered with 403 and no word of explanation.
        if not sound(self.name, reply, busy={403}):
            return Answer(source=self.name)
        page = decoded(self.name, reply, dict[str, Any])
        rows = entries(self.name, page.get("results"), what="results")
        books, dropped = [], []
        for row in rows:
            found = self._book(row)
            if isinstance(found, BookClaim):
                books.append(found)
            elif found:
                dropped.append(found)
        return Answer(source=self.name, books=tuple(books), dropped=tuple(dropped), complete=not rows)

    def _book(self, row: object) -> BookClaim | str:
        """One record's claim, or why there is none; "" for an artist or a song that stands beside the audiobooks."""
        if not isinstance(row, dict):
            return "a record is no object"
        if row.get("wrapperType") != "audiobook":
            return ""
        number_of, sold_as = text(row.get("collectionId"), longest=40), text(row.get("collectionName"))
        title = sold_as and _ABRIDGED.sub(" ", sold_as).strip()
        if not number_of or not number_of.isdecimal() or not sold_as or not title:
            return f"{number_of or 'a record'} has no id or no title"
        own_id = f"itunes:{number_of}"
        recording = Recording(
            ids=(own_id,),
            abridged=_abridged(sold_as),
            released=day(row.get("releaseDate")),
            for_sale=True if (number(row.get("collectionPrice")) or 0) > 0 else None,
        )
        genre = text(row.get("primaryGenreName"))
        return BookClaim(
            source=self.name,
            id=own_id,
            ids=(own_id,),
            title=title,
            authors=_authors(row),
            recordings=(recording,),
            description=prose(row.get("description")),
            cover=text(row.get("artworkUrl100")) if self._covers else None,
            genres=(genre,) if genre else (),
            recorded=True,
        )


def _abridged(sold_as: str) -> bool | None:
    said = _ABRIDGED.search(sold_as)
    return said[1] is None if said else None


def _authors(row: dict[str, Any]) -> tuple[Credit, ...]:
    """`A & B` and `A, B & C` are several people; the artist's id is told only for all of them together."""
    together = text(row.get("artistName")) or ""
    most, ampersand, last = together.rpartition(" & ")
    names = [name.strip() for name in ([*re.split(r",\s|\s&\s", most), last] if ampersand else [together])]
    artist = text(row.get("artistId"), longest=40)
    own_id = f"itunes:{artist}" if artist and len(names) == 1 else None
    return tuple(Credit(name=name, id=own_id) for name in names if name)
