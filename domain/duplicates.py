"""One torrent that several indexers offer is one release: told by infohash or tracker's number, never by title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from domain.releases import Release

_OWN = frozenset({"id", "indexer", "title", "tracker", "also_at", "warnings", "whole"})
"""What a release says of itself: never taken from another one."""


def fold(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Each torrent once, in the order of ids, whatever the order of `releases`.

    Of several the most trusted stays: who names authors, readers and series in fields of their own, then who says most.
    What it leaves open is filled in from the others; `also_at` names their indexers.
    """
    different = {msgspec.json.encode(release, order="deterministic"): release for release in releases}
    alike = _alike([different[key] for key in sorted(different)])
    return tuple(sorted((_merged(group) for group in alike), key=lambda release: (release.id, release.indexer)))


def _alike(releases: Sequence[Release]) -> list[list[Release]]:
    """Groups that are tied together by a name that two of them share, be it by way of a third."""
    group_of: dict[str, list[Release]] = {}
    for release in releases:
        group = [release]
        for name in _names(release):
            if (other := group_of.get(name)) is not None and other is not group:
                group = other + group
        group_of.update({name: group for one in group for name in _names(one)})
    unique = {id(group): group for group in group_of.values()}
    return list(unique.values())


def _names(release: Release) -> tuple[str, ...]:
    """One that has neither infohash nor number is itself alone."""
    ids = [f"btih {release.infohash.lower()}"] if release.infohash else []
    ids += [f"tracker {release.tracker_id}"] if release.tracker_id else []
    return (f"id {release.indexer} {release.id}", *ids)


def _merged(group: Sequence[Release]) -> Release:
    if len(group) == 1:
        return group[0]
    best, *others = sorted(group, key=_trust)
    filled: dict[str, Any] = {
        field: value
        for field in Release.__struct_fields__
        if field not in _OWN and _unknown(getattr(best, field)) and not _unknown(value := _first(field, others))
    }
    known = [release.seeders for release in group if release.seeders is not None]
    at = {name for release in group for name in (release.indexer, *release.also_at)} - {best.indexer}
    return msgspec.structs.replace(
        best,
        **{
            **filled,
            "seeders": max(known, default=None),
            "snatched": any(release.snatched for release in group),
            "also_at": tuple(sorted(at)),
        },
    )


def _trust(release: Release) -> tuple[Any, ...]:
    """Lowest first: structured facts of the book, then of the torrent, then plain titles."""
    book = (release.authors, release.narrators, release.series, release.language)
    torrent = (release.filetypes, release.download_factor, release.min_seed_s, release.min_ratio, release.tags)
    return (
        _unknown(release.authors),
        sum(map(_unknown, book)),
        sum(map(_unknown, torrent)),
        len(release.warnings),
        release.indexer,
        release.id,
        msgspec.json.encode(release, order="deterministic"),
    )


def _first(field: str, releases: Iterable[Release]) -> Any:
    """What the most trusted of them says. Two that name different torrents say nothing about which one it is."""
    said = [value for release in releases if not _unknown(value := getattr(release, field))]
    if field in ("infohash", "tracker_id") and len(set(said)) > 1:
        return None
    return said[0] if said else None


def _unknown(value: object) -> bool:
    return value is None or value == ()
