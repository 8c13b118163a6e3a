"""What a person means by a few words: which want, which release, which library item. Never a guess: one, or a refusal
that names the nearest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rapidfuzz import fuzz, process

from domain.errors import Permanent
from domain.names import fold
from domain.releases import Release
from domain.wants import Want
from domain.world import Claim, Searched

MOST_NAMED = 8
NEAR, WITHIN = 65.0, 80.0
"""Likeness, of 100, from which a whole name, or a piece of one, is worth suggesting."""

_ID = re.compile(r"[0-9a-f]{16}")
_INFOHASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def is_id(text: str) -> bool:
    """Whether this is a release id or an infohash, of either kind."""
    return bool(_ID.fullmatch(text.lower()) or is_infohash(text))


def is_infohash(text: str) -> bool:
    return bool(_INFOHASH.fullmatch(text.lower()))


# Wants.


def matching_wants(wants: Sequence[Want], text: str) -> Sequence[Want]:
    """The want with this key or title, else all whose key or title hold the text."""
    exact = [want for want in wants if text == want.key or fold(text) == fold(want.title)]
    return exact or [want for want in wants if fold(text) in fold(want.name) or text in want.key]


def one_want(wants: Sequence[Want], text: str) -> Want:
    """The only want that is meant, or `Permanent` (`NoSuchWant`, `AmbiguousWant`)."""
    found = matching_wants(wants, text)
    if len(found) == 1:
        return found[0]
    if not found:
        hint = nearest(text, [want.title for want in wants])
        raise Permanent(f"no want is called {text!r}{hint}; `bibliostat status` lists them", code="NoSuchWant")
    raise Permanent(
        f"{text!r} may be any of {_listed([want.key for want in found])}; say the key", code="AmbiguousWant"
    )


def nearest(text: str, names: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing when nothing is near."""
    known = {name: fold(name) for name in dict.fromkeys(names) if name}
    found = process.extract(fold(text)[:100], known, scorer=fuzz.ratio, score_cutoff=NEAR, limit=3)
    # A few words of a long title are near it too, though not by their number.
    found = found or process.extract(fold(text)[:100], known, scorer=fuzz.partial_ratio, score_cutoff=WITHIN, limit=3)
    return f"; did you mean {' or '.join(repr(name) for _, _, name in found)}?" if found else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


# Releases.


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A release as far as it was ever seen: offered, grabbed, or both."""

    id: str | None
    infohash: str | None
    title: str = ""
    indexer: str = ""
    wants: tuple[str, ...] = ()
    """Keys of the wants that it was offered to, or grabbed for."""

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(one for one in (self.id, self.infohash) if one)


def releases_seen(searches: Mapping[str, Searched], claims: Iterable[Claim]) -> tuple[Known, ...]:
    """Every release that an indexer offered at the last search or that was ever grabbed, each once."""
    offered: dict[str, Release] = {}
    wants: dict[str, list[str]] = {}
    infohashes: dict[str, str] = {}
    for searched in searches.values():
        for release in searched.offers:
            offered[release.id] = release
            wants.setdefault(release.id, []).append(searched.want)
    for claim in claims:
        if claim.action == "grab":
            wants.setdefault(claim.release, []).append(claim.want)
            if claim.infohash or claim.infohash_v2:
                infohashes[claim.release] = claim.infohash or claim.infohash_v2 or ""
    return tuple(_known(key, offered.get(key), infohashes.get(key), keys) for key, keys in sorted(wants.items()))


def _known(key: str, release: Release | None, infohash: str | None, wants: Sequence[str]) -> Known:
    is_torrent = is_infohash(key)  # one that was adopted by its tag has no release
    return Known(
        id=None if is_torrent else key,
        infohash=infohash or (release.infohash if release else None) or (key if is_torrent else None),
        title=release.title if release else "",
        indexer=release.indexer if release else "",
        wants=tuple(dict.fromkeys(wants)),
    )


def matching_releases(seen: Sequence[Known], text: str) -> Sequence[Known]:
    """Those with this id or infohash, else those whose title holds the text."""
    if is_id(text):
        return [one for one in seen if text.lower() in one.ids]
    folded = fold(text)
    exact = [one for one in seen if folded and folded == fold(one.title)]
    return exact or [one for one in seen if folded and folded in fold(one.title)]


def ambiguous(text: str, found: Sequence[Known]) -> str:
    """What to say when a piece of a title fits several releases."""
    named = [f"{one.id or one.infohash} ({one.title[:60]})" for one in found]
    return f"{text!r} may be any of {_listed(named)}; say the id"
