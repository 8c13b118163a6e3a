"""The real client against the stand-in over loopback: a fuzzy search, sessions that rotate, downloads, and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.indexers.myanonamouse import MyAnonamouse
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.myanonamouse import Member, Offer, create_app
from adapters.sandbox.serve import Server
from adapters.sandbox.torrent_maker import make_torrent
from adapters.sessions import SealedSessions, Session, new_key
from domain.errors import Failure, Permanent, Transient
from domain.releases import Release, SeriesName

SESSION = "first%2Bvalue"
BURROUGHS = "Edgar Rice Burroughs"
FAULTS = ["status", "html", "empty", "cut", "garbage", "lost_reply", "reset"]
NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    title: str | None = None
    author: str | None = None
    series: str | None = None


class SealedInMemory:
    """The part of the store that the sessions are sealed into."""

    def __init__(self) -> None:
        self.sealed: dict[str, bytes] = {}

    async def sealed_session(self, indexer: str) -> bytes | None:
        return self.sealed.get(indexer)

    async def save_sealed_session(self, indexer: str, sealed: bytes, *, at: datetime) -> None:
        self.sealed[indexer] = sealed


@pytest.fixture
def offers(tmp_path: Path) -> list[Offer]:
    (tmp_path / "ozma.m4b").write_bytes(b"silence" * 1000)
    torrent = make_torrent(tmp_path / "ozma.m4b", private=True)
    baum = ("L Frank Baum",)
    return [
        Offer(
            id=1,
            title="Ozma of Oz & others",
            authors=baum,
            narrators=("Mary Anderson",),
            series=(("Oz", "3 - 4"),),
            torrent=torrent,
            bitrate_kbps=64,
            category=44,
            added_at=datetime(2025, 11, 20, 8, 30, tzinfo=UTC),
        ),
        Offer(id=2, title="The Road to Oz", authors=baum, series=(("Oz", "5"),), seeders=9, free=True),
        Offer(
            id=3, title="A Princess of Mars", authors=("Edgar Rice Burroughs",), series=(("Barsoom", "1"),), vip=True
        ),
        Offer(id=4, title="Ozma of Oz", authors=baum, filetype="epub", main_category=14, category=63),
        Offer(id=5, title="Ozma of Oz, dead", authors=baum, seeders=0),
        Offer(id=6, title="Ozma of Oz, old", added_at=datetime(2020, 1, 1, tzinfo=UTC), main_category=16, category=130),
    ]


@pytest.fixture
def member() -> Member:
    return Member()


@pytest.fixture
def sessions() -> SealedSessions:
    return SealedSessions(SealedInMemory(), new_key())


@pytest.fixture
def app(offers: list[Offer], member: Member) -> Faults:
    # An answer that is lost loses the new session with it: the old one is good for a few more.
    return create_app(offers, session=SESSION, member=member, grace=3)


@pytest.fixture
def server(app: Faults) -> Iterator[Server]:
    with Server(app) as running:
        yield running


@pytest.fixture
async def source(server: Server, sessions: SealedSessions) -> AsyncIterator[MyAnonamouse]:
    async with client() as http:
        yield mouse(server, http, sessions)


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=5)


def mouse(server: Server, http: httpx.AsyncClient, sessions: SealedSessions) -> MyAnonamouse:
    return MyAnonamouse("mouse", server.url, session=SESSION, sessions=sessions, http=http, now=lambda: NOW, gap_s=0)


async def kept(sessions: SealedSessions) -> Session:
    session = await sessions.read("mouse")
    assert session is not None
    return session


async def test_a_search_brings_the_right_one_first_and_its_neighbours_after_it(source: MyAnonamouse) -> None:
    found = await source.search(Query(title="Ozma of Oz", author="L. Frank Baum"))

    assert [release.title for release in found] == ["Ozma of Oz & others", "The Road to Oz"]
    assert found[0] == Release(
        id=found[0].id,
        indexer="mouse",
        title="Ozma of Oz & others",
        authors=("L Frank Baum",),
        narrators=("Mary Anderson",),
        series=(SeriesName(name="Oz", position="3 - 4"),),
        language="ENG",
        filetypes=("m4b",),
        category="Audiobooks - Juvenile",
        categories=(13, 44),
        tags="64 kbps",
        size_bytes=400 << 20,
        files=1,
        seeders=5,
        leechers=0,
        grabs=15,
        published_at=datetime(2025, 11, 20, 8, 30, tzinfo=UTC),
        download_factor=1.0,
        min_ratio=1.0,
        min_seed_s=259_200,
        tracker_id="mam/1",
        info_url=found[0].info_url,
    )
    assert found[1].download_factor == 0.0


async def test_the_search_is_fuzzy_and_finds_strays_unless_told_otherwise(source: MyAnonamouse, member: Member) -> None:
    assert len(await source.search(Query(title="The Hound of the Baskervilles", author="Arthur Conan Doyle"))) == 3

    member.finds_strays = False

    assert await source.search(Query(title="The Hound of the Baskervilles", author="Arthur Conan Doyle")) == ()


async def test_a_series_is_found_by_its_name(source: MyAnonamouse) -> None:
    found = await source.search(Query(text="barsoom 1", series="Barsoom"))

    assert [release.title for release in found] == ["A Princess of Mars"]


async def test_the_newest_are_offered_without_a_question(source: MyAnonamouse, offers: list[Offer]) -> None:
    offers.append(Offer(id=7, title="Glinda of Oz", added_at=NOW))

    found = await source.search(Query())

    assert found[0].tracker_id == "mam/7"
    assert len(found) == 4


async def test_a_long_list_comes_in_pages(source: MyAnonamouse, offers: list[Offer]) -> None:
    offers += [Offer(id=100 + number, title=f"Barsoom {number}") for number in range(230)]

    found = await source.search(Query(text="Barsoom"))

    assert len({release.id for release in found}) == 231


async def test_what_is_free_for_vips_depends_on_our_vip(
    source: MyAnonamouse, member: Member, server: Server, sessions: SealedSessions
) -> None:
    question = Query(title="A Princess of Mars", author=BURROUGHS)
    [before] = await source.search(question)

    member.vip_until = datetime(2026, 1, 1, tzinfo=UTC)
    async with client() as http:
        [after] = await mouse(server, http, sessions).search(question)

    assert (before.download_factor, after.download_factor) == (1.0, 0.0)


async def everything(source: MyAnonamouse, release: Release) -> None:
    await source.search(Query(text="Ozma"))
    await source.account()
    await source.fetch(release)


async def test_every_answer_renews_the_session(
    source: MyAnonamouse, app: Faults, server: Server, sessions: SealedSessions
) -> None:
    values = set()
    for _ in range(6):
        await source.search(Query(text="Oz"))
        values.add((await kept(sessions)).value)

    assert len(values) == 6
    assert SESSION not in values
    async with client() as http:
        assert await mouse(server, http, sessions).check() == "Power User, ratio 3.27, unsatisfied 12 of 100"


async def test_two_processes_share_one_session(source: MyAnonamouse, server: Server, sessions: SealedSessions) -> None:
    async with client() as http:
        other = mouse(server, http, sessions)
        for _ in range(4):
            assert await source.search(Query(text="Oz"))
            assert await other.search(Query(text="Oz"))


async def test_an_old_value_is_refused_once_it_died(server: Server, source: MyAnonamouse) -> None:
    for _ in range(5):
        await source.search(Query(text="Oz"))

    async with client() as http:
        forgetful = mouse(server, http, SealedSessions(SealedInMemory(), new_key()))
        with pytest.raises(Permanent) as caught:
            await forgetful.search(Query(text="Oz"))

    assert caught.value.code == "IndexerRefusedKey"


@pytest.mark.parametrize("status", [200, 403])
async def test_whoever_is_not_signed_in_is_told(source: MyAnonamouse, member: Member, status: int) -> None:
    member.signed_in = False
    member.signed_out_status = 403 if status == 403 else 200
    [release] = [Release(id="0" * 16, indexer="mouse", title="Ozma of Oz", tracker_id="mam/1")]

    for ask in (source.search(Query(text="Oz")), source.fetch(release), source.account(), source.check()):
        with pytest.raises(Permanent) as caught:
            await ask
        assert caught.value.code == "IndexerRefusedKey"


async def test_a_download_gives_the_torrent_and_never_spends_a_wedge(
    source: MyAnonamouse, offers: list[Offer], member: Member
) -> None:
    [release, *_] = await source.search(Query(text="Ozma"))

    payload = await source.fetch(release)

    assert payload.content == offers[0].torrent
    assert (member.wedges, member.unsatisfied) == (7, 13)


async def test_a_download_past_the_limit_says_how_long_to_wait(source: MyAnonamouse, member: Member) -> None:
    [release, *_] = await source.search(Query(text="Ozma"))
    member.unsatisfied = member.limit

    with pytest.raises(Transient) as caught:
        await source.fetch(release)

    assert (caught.value.code, caught.value.retry_after_s) == ("IndexerLimitReached", 93_842)
    assert member.unsatisfied == member.limit


async def test_a_download_that_was_taken_down_is_gone(source: MyAnonamouse) -> None:
    [release] = [found for found in await source.search(Query(text="Road")) if found.tracker_id == "mam/2"]

    with pytest.raises(Permanent) as caught:
        await source.fetch(release)

    assert caught.value.code == "ReleaseGone"


@pytest.mark.parametrize("path", ["/tor/js", "/tor/download", "/jsonLoad"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_is_temporary_and_never_an_empty_answer(
    path: str, kind: str, source: MyAnonamouse, app: Faults
) -> None:
    [release, *_] = await source.search(Query(text="Ozma"))
    app.now = [msgspec.convert({"kind": kind, "path": path, "times": 1}, Fault)]

    with pytest.raises(Failure) as caught:
        await everything(source, release)

    assert isinstance(caught.value, Transient)
    assert await source.search(Query(text="Ozma"))
    assert (await source.fetch(release)).infohash_v1


async def test_a_stopped_site_is_unreachable_until_it_is_back(source: MyAnonamouse, server: Server) -> None:
    server.stop()
    with pytest.raises(Transient) as caught:
        await source.search(Query(text="Ozma"))
    assert caught.value.code == "IndexerUnreachable"

    server.start()

    assert await source.search(Query(text="Ozma"))


async def test_the_stand_in_refuses_what_the_site_would_not_forgive(server: Server) -> None:
    async with client() as http:
        empty = await http.post(
            f"{server.url}/tor/js/loadSearchJSONbasic.php",
            json={"tor": {"text": ""}},
            headers={"Cookie": f"mam_id={SESSION}"},
        )
        nobody = await http.get(f"{server.url}/json/checkCookie.php", headers={"Cookie": "mam_id=guessed"})

    assert empty.json() == {"error": "Nothing was asked"}
    assert nobody.status_code == 403
