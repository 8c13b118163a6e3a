"""Small worlds to plan over: builders with one good default each, and Hypothesis strategies for arbitrary ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from domain.case import FOUND_TAG, TAG_PREFIX
from domain.desired import Desired
from domain.manifest import Brakes, Budgets, Duties, PolicySpec
from domain.ownership import keys_of
from domain.positions import read_position
from domain.releases import Release, SeriesName
from domain.searching import question_of
from domain.wants import MemberKind, Want
from domain.world import (
    Backoff,
    Baseline,
    Blocked,
    Claim,
    Item,
    Known,
    LibraryView,
    Outcome,
    Override,
    Searched,
    Silence,
    Spent,
    Torrent,
    TorrentState,
    Unread,
    World,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GB = 1_000_000_000

OZ = (
    "The Wonderful Wizard of Oz", "The Marvelous Land of Oz", "Ozma of Oz", "Dorothy and the Wizard in Oz",
    "The Road to Oz", "The Emerald City of Oz", "The Patchwork Girl of Oz", "Tik-Tok of Oz", "The Scarecrow of Oz",
    "Rinkitink in Oz", "The Lost Princess of Oz", "The Tin Woodman of Oz", "The Magic of Oz", "Glinda of Oz",
)  # fmt: skip
"""In the order of the series, the first is number 1."""

BAUM = "L. Frank Baum"
INDEXER = "shelf"


def oz(number: int, **changes: Any) -> Want:
    """The book at this place of the series."""
    title = OZ[number - 1]
    given = {
        "key": f"baum-l-frank/{title.lower().replace(' ', '-')}",
        "title": title,
        "authors": (BAUM,),
        "series": "Oz",
        "position": read_position(str(number)),
        "because": ("Series/oz (oz.yaml:1)",),
    }
    return Want(**(given | changes))


def item_of(want: Want, **changes: Any) -> Item:
    """The library item that is this book."""
    place = want.position.text if want.position else None
    given = {
        "id": f"li-{want.key}",
        "library_id": "lib",
        "path": f"/books/{want.title}",
        "rel_path": want.title,
        "title": want.title,
        "authors": want.authors,
        "series": (SeriesName(name=want.series, position=place),) if want.series else (),
    }
    item = Item(**(given | changes))
    return msgspec.structs.replace(item, keys=keys_of(item))


def offer(want: Want, **changes: Any) -> Release:
    """A release that surely is this book."""
    given = {
        "id": f"{_digits(want.key)[:16]}",
        "indexer": INDEXER,
        "title": f"{want.authors[0]} - {want.title} (Unabridged) [M4B]",
        "authors": want.authors,
        "category": "3030",
        "seeders": 5,
        "size_bytes": 400_000_000,
        "infohash": infohash(want),
    }
    return Release(**(given | changes))


def infohash(want: Want) -> str:
    return _digits(f"torrent of {want.key}")[:40]


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def torrent_of(want: Want, **changes: Any) -> Torrent:
    """Our torrent of this book, downloading; `tags=()` makes it somebody else's."""
    given = {
        "id": infohash(want),
        "infohash_v1": infohash(want),
        "name": want.title,
        "category": "bibliostat",
        "tags": (TAG_PREFIX + want.key,),
        "state": TorrentState.ACTIVE,
        "progress": 0.5,
        "added_at": NOW - HOUR,
        "last_activity_at": NOW,
    }
    return Torrent(**(given | changes))


DONE: dict[str, Any] = {"state": TorrentState.DONE, "progress": 1.0, "complete": True, "completed_at": NOW - 10 * DAY}
"""What makes a torrent complete, long ago."""


def grab_of(want: Want, **changes: Any) -> Claim:
    """The ledger's row of a grab that was sent."""
    given = {
        "id": 1,
        "action": "grab",
        "want": want.key,
        "release": offer(want).id,
        "infohash": infohash(want),
        "outcome": Outcome.SENT,
        "claimed_at": NOW - HOUR,
        "settled_at": NOW - HOUR,
    }
    return Claim(**(given | changes))


def publish_of(want: Want, **changes: Any) -> Claim:
    """The ledger's row of a publication that stands in the library."""
    given = {
        "id": 2,
        "action": "publish",
        "want": want.key,
        "release": infohash(want),
        "infohash": infohash(want),
        "path": f"{BAUM}/{want.title}",
        "outcome": Outcome.PLACED,
        "claimed_at": NOW - HOUR,
        "settled_at": NOW - HOUR,
    }
    return Claim(**(given | changes))


def searched(want: Want, *offers: Release, **changes: Any) -> dict[str, Searched]:
    """One search of this morning, as `World.searches` holds it."""
    given = {
        "want": want.key,
        "at": NOW - HOUR,
        "answered": (INDEXER,),
        "offers": offers,
        "asked": question_of(want),
    }
    return {want.key: Searched(**(given | changes))}


def override(verb: str, target: str, **changes: Any) -> Override:
    given = {"id": 1, "target": target, "verb": verb, "who": "sam", "at": NOW - timedelta(minutes=5)}
    return Override(**(given | changes))


def policy(**parts: Any) -> PolicySpec:
    """`policy(budgets={"grabs_per_tick": 1}, suspend=True)`."""
    kinds = {"budgets": Budgets, "brakes": Brakes, "duties": Duties}
    return PolicySpec(**{name: kinds[name](**part) if name in kinds else part for name, part in parts.items()})


def desired(*wants: Want, **changes: Any) -> Desired:
    return Desired(wants=tuple(wants), **changes)


def library(*items: Item, at: datetime = NOW) -> Known[LibraryView]:
    return Known(value=LibraryView(items=items), read_at=at)


def downloads(*torrents: Torrent, at: datetime = NOW) -> Known[tuple[Torrent, ...]]:
    return Known(value=torrents, read_at=at)


def unread(code: str = "LibraryDown", why: str = "it does not answer") -> Unread:
    return Unread(code=code, why=why, at=NOW)


def world(items: Iterable[Item] = (), torrents: Iterable[Torrent] = (), **changes: Any) -> World:
    """A world in which everything was read just now, with a last good count that fits."""
    items, torrents = tuple(items), tuple(torrents)
    missing = sum(item.is_missing for item in items)
    given: dict[str, Any] = {
        "library": library(*items),
        "downloads": downloads(*torrents),
        "indexers": (INDEXER,),
        "free_bytes": 500 * GB,
        "baseline": Baseline(items=len(items) - missing, missing=missing, torrents=len(torrents), wants=1),
    }
    return World(**(given | changes))


# --- arbitrary worlds ------------------------------------------------------------------------------------------------

BOOKS = tuple(oz(number) for number in (1, 2, 3, 8, 14))
moments = st.integers(-400, 400).map(lambda hours: NOW + timedelta(hours=hours))
_books = st.sampled_from(BOOKS)
_texts = st.sampled_from(("", "oz", "Ozma of Oz", "L. Frank Baum", "The Marvelous Land of Oz, Oz #2")) | st.text(
    max_size=12
)


@st.composite
def wants(draw: st.DrawFn) -> Want:
    want = draw(_books)
    changes = {
        "kind": draw(st.sampled_from((MemberKind.PRIMARY, MemberKind.PRIMARY, MemberKind.PLACEHOLDER))),
        "released": draw(st.sampled_from((None, None, date(2030, 1, 1)))),
        "priority": draw(st.integers(-2, 2)),
        "suspend": draw(st.sampled_from((False, False, False, True))),
        "pinned": draw(st.sampled_from((None, None, offer(want).id, "f" * 40))),
    }
    return oz(OZ.index(want.title) + 1, **changes)


@st.composite
def items(draw: st.DrawFn) -> Item:
    book = draw(_books)
    changes: dict[str, Any] = {"is_missing": draw(st.sampled_from((False, False, True)))}
    if draw(st.booleans()):
        changes |= {"title": draw(_texts), "authors": draw(st.sampled_from(((), (BAUM,), ("Somebody Else",))))}
    if draw(st.booleans()):
        changes["rel_path"] = publish_of(book).path
    if draw(st.booleans()):
        place = draw(st.sampled_from(("1-3", "0.5", "8", None, "many")))
        changes["series"] = (SeriesName(name="Oz", position=place),)
    return item_of(book, **changes)


@st.composite
def torrents(draw: st.DrawFn) -> Torrent:
    book = draw(_books)
    done = draw(st.sampled_from(({}, DONE)))
    tags = draw(
        st.sampled_from(((), (TAG_PREFIX + book.key,), (TAG_PREFIX + book.key, FOUND_TAG), ("want:gone/book",)))
    )
    changes = {"tags": tags, "state": draw(st.sampled_from(tuple(TorrentState)))} | done
    if draw(st.booleans()):
        changes["id"] = changes["infohash_v1"] = draw(st.sampled_from(("a" * 40, "b" * 40, "c" * 40)))
    changes["last_activity_at"] = draw(st.none() | moments)
    changes["ratio"] = draw(st.none() | st.floats(0, 3))
    return torrent_of(book, **changes)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    book = draw(_books)
    build = draw(st.sampled_from((grab_of, publish_of)))
    outcome = draw(st.none() | st.sampled_from(tuple(Outcome)))
    return build(
        book,
        id=draw(st.integers(1, 10_000)),
        outcome=outcome,
        infohash=draw(st.sampled_from((None, infohash(book), "a" * 40))),
        attempt=draw(st.integers(1, 3)),
        claimed_at=draw(moments),
        settled_at=draw(moments) if outcome else None,
        detail=draw(st.sampled_from(("", "found in the client", "by hand"))),
        min_seed_s=draw(st.none() | st.integers(0, 10**6)),
        min_ratio=draw(st.none() | st.floats(0, 2)),
    )


@st.composite
def offers(draw: st.DrawFn) -> Release:
    changes: dict[str, Any] = {
        "id": draw(st.sampled_from(("1" * 16, "2" * 16, "3" * 16, "4" * 16))),
        "indexer": draw(st.sampled_from((INDEXER, INDEXER, "gone"))),
        "size_bytes": draw(st.none() | st.integers(0, 600 * GB)),
        "seeders": draw(st.sampled_from((None, 0, 9))),
        "infohash": draw(st.sampled_from((None, "a" * 40, "b" * 40, "d" * 40))),
    }
    if draw(st.booleans()):
        changes["title"] = draw(_texts)
    return offer(draw(_books), **changes)


@st.composite
def searches(draw: st.DrawFn) -> Mapping[str, Searched]:
    found: dict[str, Searched] = {}
    for book in draw(st.sets(_books)):
        own = draw(st.lists(st.just(offer(book)) | offers(), max_size=3))
        failed = draw(st.sampled_from(({}, {INDEXER: Silence("IndexerUnreachable", "it was down")})))
        answered = draw(st.sampled_from(((), (INDEXER,))))
        runs = draw(st.integers(0, 20))
        found |= searched(book, *own, at=draw(moments), failed=failed, answered=answered, empty_runs=runs)
    return found


_targets = st.sampled_from((*(book.key for book in BOOKS), "Series/oz", "*", "library", "client", f"indexer/{INDEXER}"))
overrides = st.builds(
    Override,
    id=st.integers(1, 10_000),
    target=_targets,
    verb=st.sampled_from(("skip", "snooze", "hold", "force", "pin", "retry", "priority")),
    value=st.sampled_from(("", "5", "not a number", "1" * 16)),
    at=moments,
    until=st.none() | moments,
)
_keys = st.builds(
    "{}/{}".format,
    st.sampled_from(
        ("grab", "publish", "enrich", "search", "settle", "download", "indexer", "scan", "remove", "letgo")
    ),
    st.sampled_from((*(book.key for book in BOOKS), *(infohash(book) for book in BOOKS), INDEXER)),
)
_counts = st.none() | st.integers(0, 30)


def _each_once(of: str) -> Any:
    return lambda one: getattr(one, of)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world at all, also one that should not be."""
    known_items = st.builds(
        lambda rows, at: library(*rows, at=at),
        st.lists(items(), max_size=6, unique_by=lambda item: item.id),
        _reading_times,
    )
    known_torrents = st.builds(
        lambda rows, at: downloads(*rows, at=at),
        st.lists(torrents(), max_size=6, unique_by=_each_once("id")),
        _reading_times,
    )
    return World(
        library=draw(st.one_of(known_items, known_items, known_items, st.just(unread()))),
        downloads=draw(st.one_of(known_torrents, known_torrents, known_torrents, st.just(unread("ClientDown")))),
        indexers=draw(st.sampled_from(((), (INDEXER,), (INDEXER, "other")))),
        free_bytes=draw(st.none() | st.integers(0, 600 * GB)),
        claims=tuple(draw(st.lists(claims(), max_size=6, unique_by=_each_once("id")))),
        searches=draw(searches()),
        baseline=draw(st.builds(Baseline, items=_counts, missing=_counts, torrents=_counts, wants=_counts)),
        backoffs=draw(
            st.dictionaries(_keys, moments, max_size=4).map(
                lambda ends: {
                    key: Backoff(key=key, failures=2, not_before=end, why="it failed") for key, end in ends.items()
                }
            )
        ),
        overrides=tuple(draw(st.lists(overrides, max_size=4, unique_by=_each_once("id")))),
        blocklist=tuple(
            Blocked(id=number, release=release, infohash="a" * 40, at=NOW)
            for number, release in enumerate(draw(st.lists(st.sampled_from((None, "1" * 16)), max_size=2)))
        ),
        approved=frozenset(draw(st.sampled_from(((), ("first-run",))))),
        findings=draw(
            st.dictionaries(st.sampled_from([f"remove/{infohash(book)}" for book in BOOKS]), st.integers(0, 3))
        ),
        spent=draw(st.builds(Spent, tick=st.integers(0, 4), searches=st.integers(0, 12), day=st.integers(0, 12))),
        requests=draw(st.dictionaries(st.sampled_from(("*", BOOKS[0].key)), moments)),
    )


_reading_times = st.sampled_from((NOW, NOW, NOW, NOW - timedelta(minutes=6)))
policies = st.builds(
    policy,
    bootstrap=st.sampled_from(("ask", "apply", "apply")),
    suspend=st.sampled_from((False, False, False, True)),
    budgets=st.fixed_dictionaries({"grabs_per_tick": st.integers(0, 4), "searches_per_tick": st.integers(0, 3)}),
    duties=st.fixed_dictionaries({"after": st.sampled_from(("keep", "remove"))}),
    brakes=st.fixed_dictionaries({"removals_per_plan": st.integers(0, 2)}),
)
many_desired = st.builds(
    lambda wanted, rules, mistakes: desired(*wanted, policy=rules, mistakes=mistakes),
    st.lists(wants(), max_size=5, unique_by=_each_once("key")),
    policies,
    st.sampled_from(((), (), ("oz.yaml:3: unknown key",))),
)
