"""Which of the releases that passed is taken: a lexicographic order that can be printed, independent of input order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from domain.gates import Answer
from domain.matching import formats_of, known_bitrate_kbps
from domain.names import Likeness, same_people
from domain.releases import Release
from domain.titles import Scan
from domain.wants import Want

Rank = tuple[tuple[str, int | float | str], ...]
_ANSWERS = (Answer.CONFIRMED, Answer.POSSIBLE, Answer.NOT_ASKED, Answer.NO)


def order(want: Want, releases: Sequence[tuple[Release, Answer]]) -> tuple[tuple[Release, Answer], ...]:
    """Best first: by answer, then by `explain`. The order of the input never matters."""
    return tuple(sorted(releases, key=lambda judged: (_ANSWERS.index(judged[1]), _values(want, judged[0]))))


def explain(want: Want, release: Release) -> Rank:
    """The named keys that are compared, in their order; the smaller value is the better one."""
    bitrate = known_bitrate_kbps(want, release)
    return (
        ("narrator", _narrator(want, release)),
        ("edition", _edition(want, release)),
        ("format", _format(want, release)),
        ("bitrate", _bitrate(want, bitrate)),
        ("cost", 1.0 if release.download_factor is None else release.download_factor),
        ("seeders", -_crowd(release.seeders)),
        ("age", _age(release.published_at)),
        ("id", release.id),
    )


def _values(want: Want, release: Release) -> tuple[int | float | str, ...]:
    # The title last: two rows of one id still have one order.
    return (*(value for _, value in explain(want, release)), release.indexer, release.title)


def _narrator(want: Want, release: Release) -> int:
    """0 asked for by name or preferred, 1 unsure or not said, 2 somebody else."""
    liked = (*want.narrators, *want.profile.narrators_required, *want.profile.narrators_preferred)
    if not liked:
        return 0
    said = release.narrators or tuple(_scanned(release).narrators)
    likeness = same_people(liked, said) if said else Likeness.UNSURE
    return {Likeness.SAME: 0, Likeness.UNSURE: 1, Likeness.DIFFERENT: 2}[likeness]


def _edition(want: Want, release: Release) -> int:
    """0 the very recording asked for by ASIN or said to be unabridged, 1 when nothing is said."""
    scan = _scanned(release)
    told = f"{release.title} {release.tags or ''}"
    if want.asin and want.asin.casefold() in told.casefold():
        return 0
    return 1 if scan.abridged is None and "unabridged" not in told.casefold() else 0 if scan.abridged is not True else 2


def _format(want: Want, release: Release) -> int:
    """The place of its best format in the profile's list; behind all of them when unknown."""
    wished = [wish.casefold() for wish in want.profile.formats]
    places = [wished.index(each) for each in formats_of(release) if each in wished]
    return min(places, default=len(wished))


def _bitrate(want: Want, kbps: int | None) -> int:
    """0 at or above what is preferred, 1 unknown, 2 below."""
    if kbps is None:
        return 1
    return 0 if kbps >= want.profile.preferred_bitrate_kbps else 2


def _crowd(seeders: int | None) -> int:
    """Seeders in steps that matter: 0, 1, 2-3, 4-7, ... ; unknown counts as one."""
    return (1 if seeders is None else max(0, seeders)).bit_length()


def _age(published_at: datetime | None) -> float:
    """Newest first; unknown last. Seconds before the epoch, so that the smaller is the newer."""
    if published_at is None:
        return 0.0
    moment = published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC)
    return -moment.timestamp()


def _scanned(release: Release) -> Scan:
    scan = Scan(release.title)
    scan.read_facts()
    return scan
