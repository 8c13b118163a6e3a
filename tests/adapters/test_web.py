"""Asking other people's servers politely, against a server on loopback that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import random
import traceback
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

from adapters.catalogues.replies import DAY_S, DETAILS_S, LONGEST_BODY, Web, sound
from adapters.http import client
from adapters.store import Store, open_store
from adapters.web import Limits, PoliteWeb, without_secrets
from domain.catalogue.hosts import Host
from domain.errors import Failure, Permanent, Transient

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "s3cr3t-key-1900"
OZ = b'{"books": ["Tik-Tok of Oz"]}'
PLENTY = Limits(1000.0)


class FakeClock:
    """Time passes in sleep alone; with `frozen` not even there."""

    def __init__(self, *, frozen: bool = False) -> None:
        self.moment = NOW
        self.frozen = frozen
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self.frozen:
            self.advance(seconds=seconds)
        await asyncio.sleep(0)

    def advance(self, **span: float) -> None:
        self.moment += timedelta(**span)


class Asked(msgspec.Struct, frozen=True):
    line: str
    headers: dict[str, str]
    body: bytes


Respond = Callable[[Asked, asyncio.StreamWriter], Any]


def answer(body: bytes = OZ, status: int = 200, **headers: str) -> Respond:
    """A whole reply. Names of headers are written with `_`."""

    def respond(asked: Asked, writer: asyncio.StreamWriter) -> None:
        told = {"content-length": str(len(body)), **{name.replace("_", "-"): said for name, said in headers.items()}}
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {said}" for name, said in told.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return respond


class Server:
    """Gives its replies one after the other, the last one for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.says(answer())
        self.asked: list[Asked] = []
        self.host = ""
        self.at_once = self.most_at_once = 0

    def says(self, *replies: Respond) -> None:
        self._replies = list(replies)

    @property
    def url(self) -> str:
        return f"http://{self.host}/books"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): said for name, _, said in (one.partition(": ") for one in lines if one)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append(asked := Asked(line, headers, body))
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            if (more := reply(asked, writer)) is not None:
                await more
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.at_once -= 1
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.host = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield told


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client(headers={"Connection": "close"}) as opened:
        yield opened


@pytest.fixture
def ask(http: httpx.AsyncClient, store: Store, clock: FakeClock) -> Callable[..., PoliteWeb]:
    """A new process on the same store."""

    def start(limits: Limits = PLENTY) -> PoliteWeb:
        return PoliteWeb(http, store, limits, clock, jitter=random.Random(8))

    return start


@pytest.fixture
def web(ask: Callable[..., PoliteWeb]) -> PoliteWeb:
    return ask()


def as_port(web: PoliteWeb) -> Web:
    """The type checker's proof that the shapes match."""
    return web


async def refusal(asking: Any) -> Transient:
    with pytest.raises(Transient) as caught:
        await asking
    return caught.value


async def host_of(store: Store) -> Host:
    [host] = await store.hosts()
    return host


# Asking


async def test_a_reply_is_what_the_server_said(web, server):
    server.says(answer(OZ, 200, Content_Type="application/json", Set_Cookie="session=1"))

    reply = await web.get(server.url, params={"title": "Tik-Tok of Oz", "page": 0}, headers={"X-Region": "us"})

    assert (reply.status, reply.body) == (200, OZ)
    assert reply.url == f"{server.url}?title=Tik-Tok+of+Oz&page=0"
    assert reply.headers == {"content-length": str(len(OZ)), "content-type": "application/json"}
    [asked] = server.asked
    assert asked.line == "GET /books?title=Tik-Tok+of+Oz&page=0 HTTP/1.1"
    assert asked.headers["x-region"] == "us"
    assert asked.headers["user-agent"].startswith("Bibliostat/")


async def test_parameters_join_those_of_the_address(web, server):
    await web.get(f"{server.url}?region=us", params={"page": 1})

    assert server.asked[0].line == "GET /books?region=us&page=1 HTTP/1.1"


async def test_a_question_may_be_posted_as_json(web, server):
    reply = await web.post(server.url, json={"query": "{ series }", "variables": {"name": "Oz"}})

    assert json.loads(server.asked[0].body) == {"query": "{ series }", "variables": {"name": "Oz"}}
    assert server.asked[0].headers["content-type"] == "application/json"
    assert reply.asked == server.asked[0].body


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 422])
async def test_every_status_is_a_reply(web, server, status):
    server.says(answer(b"", status))

    assert (await web.get(server.url)).status == status


async def test_a_redirect_is_answered_and_not_followed(web, server):
    server.says(answer(b"", 303, Location="/author/1?edition=2"))

    reply = await web.get(server.url)

    assert (reply.status, reply.headers["location"]) == (303, "/author/1?edition=2")
    assert len(server.asked) == 1


async def test_what_is_packed_is_unpacked(web, server):
    server.says(answer(gzip.compress(OZ), Content_Encoding="gzip"))

    assert (await web.get(server.url)).body == OZ


# The cache


async def test_a_fresh_answer_costs_no_request(ask, server, clock, store):
    first = await ask().get(server.url, params={"q": "oz"})
    clock.advance(seconds=DAY_S - 1)

    again = await ask().get(server.url, params={"q": "oz"})

    assert (again.url, again.status, again.body) == (first.url, first.status, first.body)
    assert len(server.asked) == (await host_of(store)).spent_today == 1


async def test_each_question_says_how_old_its_answer_may_be(web, server, clock):
    await web.get(server.url, fresh_s=DETAILS_S)
    clock.advance(days=6)

    await web.get(server.url, fresh_s=DETAILS_S)
    assert len(server.asked) == 1
    await web.get(server.url, fresh_s=3600)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"params": {"q": "oz"}}, {"params": {"q": "mars"}}),
        ({"params": {"key": "OL1W"}}, {"params": {"key": "OL2W"}}),
        ({"headers": {"Accept-Language": "en"}}, {"headers": {"Accept-Language": "de"}}),
    ],
)
async def test_different_questions_have_different_answers(web, server, one, other):
    server.says(answer(b'{"n": 1}'), answer(b'{"n": 2}'))

    bodies = [(await web.get(server.url, **asked)).body for asked in (one, other, one, other)]

    assert bodies == [b'{"n": 1}', b'{"n": 2}'] * 2


async def test_posted_questions_are_told_apart_by_what_they_say(web, server):
    server.says(answer(b'{"n": 1}'), answer(b'{"n": 2}'))
    oz, mars = {"name": "Oz", "page": 1}, {"name": "Barsoom", "page": 1}

    bodies = [(await web.post(server.url, json=asked)).body for asked in (oz, mars, {"page": 1, "name": "Oz"})]

    assert bodies == [b'{"n": 1}', b'{"n": 2}', b'{"n": 1}']
    assert (await web.post(server.url, json=oz)).asked == server.asked[0].body


async def test_an_old_answer_that_the_server_confirms_is_good_for_another_day(web, server, clock):
    modified = "Wed, 31 Dec 2025 00:00:00 GMT"
    server.says(answer(OZ, 200, ETag='"1"', Last_Modified=modified), answer(b"", 304, ETag='"2"'))
    await web.get(server.url)

    clock.advance(days=2)
    confirmed = await web.get(server.url)
    clock.advance(hours=23)
    fresh = await web.get(server.url)

    assert (confirmed.status, confirmed.body, fresh.body) == (200, OZ, OZ)
    assert len(server.asked) == 2
    assert server.asked[1].headers["if-none-match"] == '"1"'
    assert server.asked[1].headers["if-modified-since"] == modified
    clock.advance(days=2)
    await web.get(server.url)
    assert server.asked[2].headers["if-none-match"] == '"2"'


async def test_a_new_answer_replaces_the_old_one(web, server, clock):
    server.says(answer(OZ, 200, ETag='"1"'), answer(b"[]", 200))
    await web.get(server.url)
    clock.advance(days=2)

    assert (await web.get(server.url)).body == b"[]"
    assert (await web.get(server.url)).body == b"[]"
    assert len(server.asked) == 2


async def test_that_there_is_nothing_is_believed_for_a_day(web, server, clock):
    server.says(answer(b"", 404), answer(OZ))
    await web.get(server.url, fresh_s=DETAILS_S)
    clock.advance(hours=23)
    assert (await web.get(server.url, fresh_s=DETAILS_S)).status == 404
    clock.advance(hours=2)

    assert (await web.get(server.url, fresh_s=DETAILS_S)).status == 200
    assert "if-none-match" not in server.asked[1].headers


@pytest.mark.parametrize(
    "flawed",
    [
        answer(b"<html>Log in</html>"),
        answer(b""),
        answer(OZ[:-3]),
        answer(b'{"errors": [{"message": "overloaded"}], "data": {"series": []}}'),
        answer(b'{"error": "out of order"}'),
        answer(OZ, 203),
        answer(b"", 303, Location="/elsewhere"),
        answer(b'{"error": "no"}', 401),
        answer(b"busy", 503),
    ],
)
async def test_what_looks_like_a_failure_is_not_kept(web, server, flawed):
    server.says(flawed, answer(OZ))

    await web.get(server.url)

    assert (await web.get(server.url)).body == OZ


async def test_a_failure_does_not_take_what_was_kept(web, server, clock):
    server.says(answer(OZ, 200, ETag='"1"'), answer(b"busy", 503), answer(b"", 304))
    await web.get(server.url)
    clock.advance(days=2)

    assert (await web.get(server.url)).status == 503
    assert (await web.get(server.url)).body == OZ


async def test_an_empty_list_and_null_errors_are_answers(web, server):
    for path, body in (("a", b"[]"), ("b", b'{"errors": null, "data": {}}'), ("c", b"{}")):
        server.says(answer(body), answer(OZ))
        await web.get(f"{server.url}/{path}")
        assert (await web.get(f"{server.url}/{path}")).body == body


async def test_an_answer_from_the_future_is_asked_for_again(web, server, clock):
    await web.get(server.url)
    clock.advance(days=-30)

    await web.get(server.url)

    assert len(server.asked) == 2


# The budget


async def test_requests_to_one_host_are_spaced(ask, server, clock):
    web = ask(Limits(2.0))
    for page in range(3):
        await web.get(server.url, params={"page": page})

    assert clock.slept == [0.5, 0.5]


async def test_a_process_that_starts_later_keeps_the_distance_too(ask, server, clock):
    await ask(Limits(0.5)).get(server.url, params={"page": 0})
    await ask(Limits(0.5)).get(server.url, params={"page": 1})

    assert clock.slept == [2.0]


async def test_a_turn_that_is_far_away_is_not_waited_for(ask, server, clock):
    web = ask(Limits(0.1))
    await web.get(server.url, params={"page": 0})

    busy = await refusal(web.get(server.url, params={"page": 1}))

    assert (busy.code, busy.retry_after_s, clock.slept) == ("HostBusy", 10.0, [])
    clock.advance(seconds=10)
    assert (await web.get(server.url, params={"page": 1})).status == 200


async def test_the_budget_of_a_day_lasts_until_midnight_utc(ask, server, clock):
    limits = Limits(1000.0, per_day=2)
    for page in range(2):
        await ask(limits).get(server.url, params={"page": page})

    spent = await refusal(ask(limits).get(server.url, params={"page": 2}))

    assert spent.code == "BudgetSpent"
    assert spent.retry_after_s == pytest.approx(12 * 3600, abs=1)
    assert len(server.asked) == 2
    clock.advance(seconds=spent.retry_after_s)
    assert (await ask(limits).get(server.url, params={"page": 2})).status == 200


async def test_what_is_in_the_cache_is_there_without_a_budget(ask, server):
    limits = Limits(1000.0, per_day=1)
    await ask(limits).get(server.url)

    assert (await ask(limits).get(server.url)).body == OZ


async def test_two_processes_together_never_spend_more_than_one_may(server, http, store_url):
    limits = Limits(1000.0, per_day=10, at_once=4)
    async with open_store(store_url) as one, open_store(store_url) as other:
        webs = [PoliteWeb(http, store, limits, FakeClock()) for store in (one, other)]
        asking = (web.get(server.url, params={"n": f"{n}/{m}"}) for n, web in enumerate(webs) for m in range(10))
        answers = await asyncio.gather(*asking, return_exceptions=True)

        assert (await host_of(one)).spent_today == 10
    assert len(server.asked) == 10
    refused = [one for one in answers if isinstance(one, Exception)]
    assert [one.code for one in refused if isinstance(one, Transient)] == ["BudgetSpent"] * 10


async def test_two_processes_together_take_one_turn_after_the_other(server, http, store_url):
    limits = Limits(2.0, at_once=10)
    clocks = [FakeClock(frozen=True), FakeClock(frozen=True)]
    async with open_store(store_url) as one, open_store(store_url) as other:
        webs = [PoliteWeb(http, store, limits, clock) for store, clock in zip((one, other), clocks, strict=True)]
        asking = (web.get(server.url, params={"n": f"{n}/{m}"}) for n, web in enumerate(webs) for m in range(10))
        answers = await asyncio.gather(*asking, return_exceptions=True)

    assert sorted(clocks[0].slept + clocks[1].slept) == [n / 2 for n in range(1, 11)]
    assert len(server.asked) == 11
    assert [one.code for one in answers if isinstance(one, Transient)] == ["HostBusy"] * 9


async def test_no_more_requests_are_in_flight_than_allowed(ask, server):
    here: list[Asked] = []
    full = asyncio.Event()

    async def together(asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Nobody is answered before three have come, so that a fourth would be seen beside them."""
        here.append(asked)
        if len(here) == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0.02)
        answer()(asked, writer)

    server.says(together)
    web = ask(Limits(1000.0, at_once=3))

    await asyncio.gather(*(web.get(server.url, params={"page": page}) for page in range(9)))

    assert server.most_at_once == 3


async def test_a_clock_that_was_wrong_for_a_while_blocks_nothing(ask, server, clock):
    clock.advance(days=400)
    server.says(answer(b"", 429, Retry_After="86400"), answer())
    await ask().get(server.url)
    clock.moment = NOW

    assert (await ask().get(server.url)).status == 200


# A host that asks for rest


async def test_a_host_that_says_enough_is_left_alone_for_as_long_as_it_says(ask, server, clock):
    server.says(answer(b"", 429, Retry_After="90"), answer())

    with pytest.raises(Transient, match="HTTP 429"):
        sound("shelf", await ask().get(server.url))
    clock.advance(seconds=30)
    resting = await refusal(ask().get(server.url))

    assert (resting.code, resting.retry_after_s) == ("HostResting", 60.0)
    assert resting.message.startswith(f"{server.host} is left alone until 2026-01-01 12:01:30 UTC")
    assert len(server.asked) == 1
    clock.advance(seconds=60)
    assert (await ask().get(server.url)).status == 200


async def test_the_rest_may_be_stated_as_a_date(web, server, clock):
    server.says(answer(b"", 429, Retry_After=format_datetime(NOW + timedelta(hours=5), usegmt=True)))
    await web.get(server.url)

    assert (await refusal(web.get(server.url))).retry_after_s == 5 * 3600


async def test_a_host_that_says_enough_again_and_again_rests_up_to_an_hour(web, server, clock, store):
    server.says(answer(b"", 429))
    rests = []
    for _ in range(8):
        await web.get(server.url)
        rests.append((await refusal(web.get(server.url))).retry_after_s)
        clock.advance(seconds=rests[-1])

    assert rests == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    server.says(answer(), answer(b"", 429))
    await web.get(server.url)
    assert (await host_of(store)).parked_until is None
    await web.get(server.url, params={"page": 2})
    assert (await refusal(web.get(server.url, params={"page": 2}))).retry_after_s == 60


@pytest.mark.parametrize("said", ["soon", "-5", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 40, ""])
async def test_a_rest_that_makes_no_sense_is_a_minute(web, server, said):
    server.says(answer(b"", 429, Retry_After=said))
    await web.get(server.url)

    assert (await refusal(web.get(server.url))).retry_after_s == 60


async def test_nobody_means_more_than_a_week(web, server):
    server.says(answer(b"", 429, Retry_After="999999999"))
    await web.get(server.url)

    assert (await refusal(web.get(server.url))).retry_after_s == 7 * 86_400


@pytest.mark.parametrize(("status", "body"), [(200, OZ), (429, b"")])
async def test_a_daily_limit_that_is_used_up_counts_until_it_starts_anew(web, server, status, body):
    limits = '"Free";r=0;t=42, "daily";r=0;t=51234'
    server.says(answer(body, status, RateLimit=limits, Retry_After="42"))

    assert (await web.get(server.url)).body == body
    resting = await refusal(web.get(server.url, params={"page": 2}))

    assert (resting.code, resting.retry_after_s) == ("HostResting", 51234)


@pytest.mark.parametrize("limits", ['"Free";r=8;t=42, "daily";r=4231;t=51234', "limit=100, remaining=0", '"daily";r=0'])
async def test_a_limit_that_is_not_used_up_stops_nobody(web, server, limits):
    server.says(answer(OZ, RateLimit=limits))

    for page in range(2):
        assert (await web.get(server.url, params={"page": page})).status == 200


async def test_answers_that_were_on_their_way_neither_wake_a_host_nor_send_it_to_sleep_twice(ask, server, store):
    all_here, the_rest = asyncio.Event(), asyncio.Event()

    def held(reply: Respond, gate: asyncio.Event) -> Respond:
        async def respond(asked: Asked, writer: asyncio.StreamWriter) -> None:
            if len(server.asked) == 3:
                all_here.set()
            await gate.wait()
            reply(asked, writer)

        return respond

    enough = answer(b"", 429)
    server.says(held(enough, all_here), held(enough, the_rest), held(answer(), the_rest))
    web = ask(Limits(1000.0, at_once=3))

    asking = [asyncio.create_task(web.get(server.url, params={"page": page})) for page in range(3)]
    await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    parked = await host_of(store)
    the_rest.set()
    statuses = sorted([(await one).status for one in asking])

    assert statuses == [200, 429, 429]
    host = await host_of(store)
    assert (host.limited, host.parked_until) == (1, parked.parked_until)
    assert parked.parked_until is not None


async def test_a_host_that_is_put_to_rest_while_we_wait_for_our_turn_is_not_asked(
    ask, server, clock, store, monkeypatch
):
    web = ask(Limits(1.0))
    await web.get(server.url)

    async def meanwhile(seconds: float) -> None:
        rest = {"parked_until": clock.now() + timedelta(hours=1), "why": "it said that we ask too much"}
        await store.change_host(server.host, lambda known: msgspec.structs.replace(known, **rest))
        clock.advance(seconds=seconds)

    monkeypatch.setattr(clock, "sleep", meanwhile)

    assert (await refusal(web.get(server.url, params={"page": 2}))).code == "HostResting"
    assert len(server.asked) == 1


# A host that is out of order


def hang_up(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def half(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + OZ)


def no_gzip(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnone")


def packed_twice(asked: Asked, writer: asyncio.StreamWriter) -> None:
    body = gzip.compress(gzip.compress(OZ))
    answer(body, Content_Encoding="gzip, gzip")(asked, writer)


async def drip(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"[")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    chunk = b" " * 0x100000
    while True:
        writer.write(b"100000\r\n" + chunk + b"\r\n")
        await writer.drain()


def bomb(asked: Asked, writer: asyncio.StreamWriter) -> None:
    packing = zlib.compressobj(wbits=31)
    body = b"".join(packing.compress(b" " * 0x100000) for _ in range((LONGEST_BODY >> 20) + 1)) + packing.flush()
    answer(body, Content_Encoding="gzip")(asked, writer)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (hang_up, "HostUnreachable"),
        (half, "HostUnreachable"),
        (no_gzip, "AnswerUnreadable"),
        (packed_twice, "AnswerUnreadable"),
        (flood, "AnswerTooLarge"),
        (bomb, "AnswerTooLarge"),
    ],
)
async def test_what_is_no_whole_answer_teaches_nothing(web, server, trouble, code):
    server.says(trouble, answer())

    failure = await refusal(web.get(server.url, params={"key": KEY}, timeout_s=60))

    assert failure.code == code
    assert failure.message.startswith(server.host)
    assert (await web.get(server.url, params={"key": KEY})).body == OZ


async def test_a_server_that_drips_is_given_up(web, server):
    server.says(drip)

    slow = await refusal(web.get(server.url, timeout_s=0.2))

    assert slow.code == "HostTooSlow"


async def test_one_failure_or_two_fail_their_calls_alone(web, server, store):
    server.says(hang_up, answer(b"", 502), answer(), hang_up, hang_up, answer())
    await refusal(web.get(server.url, params={"page": 0}))
    assert (await web.get(server.url, params={"page": 1})).status == 502
    assert (await host_of(store)).failures == 2

    assert (await web.get(server.url, params={"page": 2})).status == 200
    for page in (3, 4):
        await refusal(web.get(server.url, params={"page": page}))
    assert (await web.get(server.url, params={"page": 5})).status == 200
    assert (await host_of(store)).failures == 0


async def attempt(web: PoliteWeb, server: Server) -> None:
    """A request that reaches the server, and brings nothing."""
    before = len(server.asked)
    with contextlib.suppress(Transient):
        await web.get(server.url)
    assert len(server.asked) == before + 1


@pytest.mark.parametrize("trouble", [hang_up, answer(b"", 500), answer(b"", 408), answer(b"", 503)])
async def test_from_the_third_failure_on_a_host_rests_for_longer_and_longer(ask, server, clock, trouble):
    server.says(trouble)
    for _ in range(2):
        await attempt(ask(), server)
    rests = []
    for _ in range(9):
        await attempt(ask(), server)
        resting = await refusal(ask().get(server.url))
        assert resting.code == "HostResting"
        rests.append(resting.retry_after_s)
        clock.advance(seconds=resting.retry_after_s)

    assert len(server.asked) == 11
    for rest, whole in zip(rests, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600], strict=True):
        assert 0.9 * whole <= rest <= whole


async def test_a_host_that_says_when_it_is_back_is_left_alone_until_then(web, server):
    server.says(answer(b"", 503, Retry_After="120"))
    await web.get(server.url)

    assert (await refusal(web.get(server.url))).retry_after_s == 120


# Secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://shelf.example/v1?q=oz&key=K", "https://shelf.example/v1?q=oz"),
        ("https://shelf.example/v1?key=K&q=oz", "https://shelf.example/v1?q=oz"),
        ("https://shelf.example/v1?API_KEY=K", "https://shelf.example/v1"),
        ("https://shelf.example/v1?access_token=K&apikey=K&t%6Fken=K#top", "https://shelf.example/v1#top"),
        ("https://shelf.example/v1?q=key&keywords=oz&author=a", "https://shelf.example/v1?q=key&keywords=oz&author=a"),
        ("https://dorothy:K@shelf.example:8080/v1", "https://shelf.example:8080/v1"),
        ("/author/1?edition=2", "/author/1?edition=2"),
        ("//dorothy:K@shelf.example/@home", "//shelf.example/@home"),
        ("https://shelf.example/@home", "https://shelf.example/@home"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, shown):
    assert without_secrets(url) == shown


async def test_no_key_reaches_the_store_a_reply_an_error_or_a_log(server, store, clock, caplog):
    caplog.set_level(logging.DEBUG)
    asked = {"params": {"key": KEY, "q": "oz"}, "headers": {"Authorization": f"Bearer {KEY}", "X-Api-Key": KEY}}
    address = server.url.replace("http://", f"http://dorothy:{KEY}@")
    echo = answer(b"", 302, Location=f"/elsewhere?q=oz&key={KEY}")
    server.says(answer(OZ, 200, X_Echo=KEY), echo, hang_up, drip)
    said = []
    async with client(headers={"Connection": "close"}) as http:
        web = PoliteWeb(http, store, PLENTY, clock)
        kept = await web.get(address, **asked)
        said += [repr(web), kept.url, (await web.get(address, **asked)).__repr__()]
        redirect = await web.get(f"{address}/2", **asked)
        said.append(repr(redirect))
        for more, timeout_s in (("3", 10), ("4", 0.1), ("5\n", 10)):
            try:
                await web.get(f"{address}/{more}", **asked, timeout_s=timeout_s)
            except Failure as failure:
                said += ["".join(traceback.format_exception(failure)), repr(failure)]
        for table in ("replies", "hosts"):
            async with store.reading() as connection:
                said += [str(row) for row in await connection.execute(text(f"SELECT * FROM {table}"))]

    assert redirect.headers["location"] == "/elsewhere?q=oz"
    assert "did not answer" in "".join(said)
    assert server.asked[0].headers["x-api-key"] == KEY
    assert KEY not in "".join(said) + caplog.text


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:oz/books", {}),
        ("shelf.example/books", {}),
        ("ftp://shelf.example/books", {}),
        ("http:///books", {}),
        ("http://127.0.0.1:9/books", {"Authorization": f"Bearer {KEY}\u2026"}),
        ("http://127.0.0.1:9/books\x00", {}),
    ],
)
async def test_an_address_or_a_key_that_cannot_be_sent_is_for_a_person(web, url, headers):
    with pytest.raises(Permanent) as refused:
        await web.get(url, headers=headers)

    assert refused.value.code == "QuestionUnsendable"
    assert KEY not in "".join(traceback.format_exception(refused.value))


async def test_a_key_with_a_line_break_is_for_a_person(web, server):
    with pytest.raises(Permanent) as refused:
        await web.get(server.url, headers={"Authorization": f"Bearer {KEY}\r\nX: 1"})

    assert refused.value.code == "QuestionUnsendable"
    assert KEY not in "".join(traceback.format_exception(refused.value))


async def test_a_new_key_does_not_ask_everything_again(web, server):
    await web.get(server.url, headers={"Authorization": "Bearer old"})

    assert (await web.get(server.url, headers={"Authorization": "Bearer new"})).body == OZ
    assert len(server.asked) == 1
