"""Questions over HTTP: what they cost, what is believed, and what happens when no answer comes."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import VenueUnreachable
from market.events import TIMEFRAME_MS, TIMEFRAMES
from tests.support.loops import run_virtually
from tests.venue.local.serving import EPOCH_MS, HOUR_MS, NOW_MS, SEED, serving
from venue.hyperliquid import info as module
from venue.hyperliquid.info import InfoClient, WeightBudget
from venue.hyperliquid.replies import decode_candles
from venue.hyperliquid.universe import load_instruments
from venue.local.gate.budget import IpBudget
from venue.local.world.world import World

# The budget.


async def ask(budget: WeightBudget, weight: float, takes_s: float = 0.0) -> float:
    """Ask one question; return when it left."""
    async with budget.spend(weight):
        at = asyncio.get_running_loop().time()
        await asyncio.sleep(takes_s)
        return at


def test_a_full_budget_is_spent_at_once_and_is_full_again_a_minute_later() -> None:
    async def run() -> None:
        budget, begin = WeightBudget(), asyncio.get_running_loop().time()
        at = [await ask(budget, 20) - begin for _ in range(121)]
        assert at[:60] == [0.0] * 60
        assert at[60:120] == pytest.approx([60.0] * 60)
        assert at[120] == pytest.approx(120.0)

    run_virtually(run())


def test_a_weight_goes_a_minute_after_its_answer_not_after_its_question() -> None:
    async def run() -> None:
        budget, begin = WeightBudget(), asyncio.get_running_loop().time()
        await ask(budget, 1200, takes_s=7.0)
        assert await ask(budget, 1) - begin == pytest.approx(67.0)

    run_virtually(run())


def test_more_than_the_whole_budget_costs_all_of_it_and_does_not_wait_for_ever() -> None:
    async def run() -> None:
        budget, begin = WeightBudget(60.0), asyncio.get_running_loop().time()
        assert await ask(budget, 500) == begin
        assert await ask(budget, 500) - begin == pytest.approx(60.0)

    run_virtually(run())


@given(
    limit=st.integers(60, 1200),
    steps=st.lists(
        st.tuples(st.integers(0, 200), st.floats(0.0, 90.0), st.floats(0.0, 10.0)), max_size=30
    ),
    arrival=st.floats(0.0, 1.0),
)
@settings(max_examples=30)
def test_no_minute_sees_more_than_the_limit_wherever_on_the_way_the_venue_counts(
    limit: int, steps: list[tuple[int, float, float]], arrival: float
) -> None:
    judge: list[IpBudget] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        budget = WeightBudget(limit)
        judge.append(IpBudget(limit, loop.time))

        async def one(weight: int, takes_s: float) -> None:
            async with budget.spend(weight):
                await asyncio.sleep(takes_s * arrival)
                assert judge[0].take("us", min(weight, limit))
                await asyncio.sleep(takes_s * (1.0 - arrival))

        async with asyncio.TaskGroup() as group:
            for weight, idle_s, takes_s in steps:
                group.create_task(one(weight, takes_s))
                await asyncio.sleep(idle_s)

    run_virtually(run())


def test_whoever_asks_first_is_served_first() -> None:
    async def run() -> None:
        budget = WeightBudget(6000.0)
        served: list[int] = []

        async def queue(number: int, weight: float) -> None:
            await ask(budget, weight)
            served.append(number)

        await ask(budget, 6000)
        # The dear one comes first, so the cheap ones behind it must wait too.
        await asyncio.gather(queue(0, 10), queue(1, 1), queue(2, 1))
        assert served == [0, 1, 2]

    run_virtually(run())


def test_giving_up_the_wait_lets_the_next_one_through() -> None:
    async def run() -> None:
        budget = WeightBudget(6000.0)
        await ask(budget, 5990)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(budget, 5000), 0.02)
        await asyncio.wait_for(ask(budget, 1), 0.02)

    run_virtually(run())


# A server that answers as it is told to.


class Http:
    """Answers every request by `reply(body)`; `bodies` are the questions that came."""

    def __init__(self, reply: Callable[[Any], bytes | Awaitable[bytes]]) -> None:
        self._reply = reply
        self.bodies: list[Any] = []
        self.heads: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = int(re.findall(r"(?i)content-length: (\d+)", head)[0])
            body = json.loads(await reader.readexactly(size))
            self.heads.append(head)
            self.bodies.append(body)
            data = self._reply(body)
            writer.write(data if isinstance(data, bytes) else await data)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(reply: Callable[[Any], bytes | Awaitable[bytes]]) -> AsyncIterator[Http]:
    http = Http(reply)
    server = await asyncio.start_server(http.serve, "127.0.0.1", 0)
    http.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield http


def ok(value: Any) -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return status(200, body)


def status(code: int, body: bytes = b"null", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body


ASKING: dict[str, Callable[[InfoClient], Awaitable[Any]]] = {
    "meta": lambda client: client.instruments(),
    "candleSnapshot": lambda client: client.candles("BTC", "1m", start_ms=0, end_ms=lambda: 60_000),
    "fundingHistory": lambda client: client.funding_history("BTC", start_ms=0, end_ms=HOUR_MS),
}


async def unanswered(client: InfoClient, what: str = "meta") -> str:
    """Return how a question that gets no usable answer is complained about."""
    with pytest.raises(VenueUnreachable) as failed:
        await ASKING[what](client)
    text = str(failed.value)
    assert failed.value.exit_code == 69
    assert text
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.mark.parametrize("what", ASKING)
@pytest.mark.parametrize(
    ("reply", "names"),
    [
        (status(429), "HTTP 429"),
        (status(500), "HTTP 500"),
        (status(502, b"<html>\nBad Gateway\n</html>", "text/html"), "HTTP 502"),
        (status(422, b"Failed to deserialize", "text/plain"), "HTTP 422"),
        (status(204, b""), "HTTP 204"),
    ],
    ids=["429", "500", "502", "422", "204"],
)
def test_another_status_than_200_is_no_answer_and_is_not_asked_again(
    what: str, reply: bytes, names: str
) -> None:
    async def run() -> None:
        async with answering(lambda _: reply) as http, InfoClient(http.url) as client:
            text = await unanswered(client, what)
            assert text == f"{what}: {names} from {http.url}/info"
            assert len(http.bodies) == 1

    asyncio.run(run())


@pytest.mark.parametrize("what", ASKING)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"x"',
        b"<html>\n</html>",
        b"\xff\xfe",
        b"[{",
        b"[1]",
        b'[{"t":"x"}]',
        b"[" * 100_000,
        b'[{"t":0,"o":"nan","h":"1","l":"1","c":"1","v":"1","n":1,"fundingRate":"nan","time":1}]',
    ],
    ids=lambda b: repr(b[:12]),
)
def test_an_answer_that_is_not_what_was_asked_for_is_none(what: str, body: bytes) -> None:
    async def run() -> None:
        async with answering(lambda _: ok(body)) as http, InfoClient(http.url) as client:
            text = await unanswered(client, what)
            assert {"meta": "meta", "candleSnapshot": "BTC 1m", "fundingHistory": "BTC"}[
                what
            ] in text
            assert len(http.bodies) == 1

    asyncio.run(run())


async def never() -> bytes:
    await asyncio.sleep(30.0)
    return b""


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        (lambda _: b"", "disconnected"),
        (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", "Bad status line|HTTP"),
        (lambda _: status(200, b"x" * 10)[:-5], "payload"),
        (lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk"),
        (lambda _: never(), "[Tt]imeout"),
    ],
    ids=["closed", "no http", "half", "bad chunk", "silent"],
)
def test_a_broken_or_missing_reply_is_no_answer(reply: Any, names: str) -> None:
    async def run() -> None:
        async with answering(reply) as http, InfoClient(http.url, timeout_s=0.3) as client:
            text = await unanswered(client)
            assert text.startswith("meta: ")
            assert text.endswith(f" at {http.url}/info")
            assert re.search(names, text)
            assert len(http.bodies) == 1

    asyncio.run(run())


def test_a_port_nobody_listens_on_is_no_answer() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        async with InfoClient(f"http://127.0.0.1:{port}") as client:
            assert f"127.0.0.1:{port}" in await unanswered(client)

    asyncio.run(run())


def test_a_url_s_query_is_asked_with_and_never_told() -> None:
    async def run() -> None:
        asked: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readline()).decode())
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            async with InfoClient(f"http://127.0.0.1:{port}/v1?key=s3cret") as client:
                text = await unanswered(client)
            assert asked == ["POST /v1/info?key=s3cret HTTP/1.1\r\n"]
            assert text == f"meta: HTTP 403 from http://127.0.0.1:{port}/v1/info?***"
        async with InfoClient(f"http://127.0.0.1:{port}/v1?key=s3cret") as client:
            assert "s3cret" not in await unanswered(client)
        async with InfoClient("nonsense?key=s3cret") as client:
            assert "s3cret" not in await unanswered(client)

    asyncio.run(run())


def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        asked: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 407 Go Away\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("HTTP_PROXY", f"http://me:s3cret@127.0.0.1:{port}")
            async with InfoClient("http://venue.example") as client:
                assert "HTTP 407" in await unanswered(client)
            assert asked[0].startswith("POST http://venue.example/info HTTP/1.1\r\n")
            assert "Proxy-Authorization: Basic bWU6czNjcmV0" in asked[0]

    asyncio.run(run())


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1/"])
def test_an_unusable_url_is_no_answer(url: str) -> None:
    async def run() -> None:
        async with InfoClient(url) as client:
            assert url in await unanswered(client)

    asyncio.run(run())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_reply_beyond_the_limit_is_given_up_on_the_way(
    monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 1 << 16)

    def reply(_: Any) -> bytes:
        if not chunked:
            return ok(b" " * (1 << 20))
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 16 + b"0\r\n\r\n"

    async def run() -> None:
        async with answering(reply) as http, InfoClient(http.url) as client:
            assert await unanswered(client) == "meta: reply over 65536 bytes"

    asyncio.run(run())


def test_a_reply_of_just_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"universe":[]}'
    monkeypatch.setattr(module, "BODY_BYTES_MAX", len(body))

    async def run() -> None:
        async with answering(lambda _: ok(body)) as http, InfoClient(http.url) as client:
            assert await client.instruments() == {}

    asyncio.run(run())


# The questions.


def test_a_question_is_the_venues_json_posted_to_info() -> None:
    async def run() -> None:
        async with answering(lambda _: ok([])) as http, InfoClient(http.url + "/") as client:
            await client.candles("kPEPE", "15m", start_ms=5, end_ms=lambda: 900_000)
            await client.funding_history("BTC", start_ms=7, end_ms=8)
            assert http.bodies == [
                {
                    "type": "candleSnapshot",
                    "req": {"coin": "kPEPE", "interval": "15m", "startTime": 5, "endTime": 900_000},
                },
                {"type": "fundingHistory", "coin": "BTC", "startTime": 7, "endTime": 8},
            ]
            assert http.heads[0].startswith("POST /info HTTP/1.1\r\n")
            assert re.search("(?i)content-type: application/json", http.heads[0])

    asyncio.run(run())


@pytest.mark.parametrize(
    ("ask", "weight"),
    [
        (lambda c: c.instruments(), 20),
        (lambda c: c.candles("BTC", "1m", start_ms=0, end_ms=lambda: 0), 20),
        (lambda c: c.candles("BTC", "1m", start_ms=0, end_ms=lambda: 60 * 60_000), 21),
        (lambda c: c.candles("BTC", "1m", start_ms=0, end_ms=lambda: 4999 * 60_000), 20 + 83),
        (lambda c: c.candles("BTC", "4h", start_ms=0, end_ms=lambda: 60 * TIMEFRAME_MS["4h"]), 21),
        # Only the newest 5000 candles exist, however far back one asks.
        (lambda c: c.candles("BTC", "1m", start_ms=0, end_ms=lambda: 10**12), 20 + 83),
        (lambda c: c.candles("BTC", "1m", start_ms=10**12, end_ms=lambda: 0), 20),
        (lambda c: c.funding_history("BTC", start_ms=0, end_ms=HOUR_MS), 20),
        (lambda c: c.funding_history("BTC", start_ms=0, end_ms=40 * HOUR_MS), 22),
        (lambda c: c.funding_history("BTC", start_ms=0, end_ms=10**12), 20 + 25),
        (lambda c: c.funding_history("BTC", start_ms=10**12, end_ms=0), 20),
    ],
)
def test_a_question_costs_what_the_venue_charges(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[InfoClient], Awaitable[Any]], weight: int
) -> None:
    spent: list[float] = []

    @asynccontextmanager
    async def spend(_: WeightBudget, weight: float) -> AsyncIterator[None]:
        spent.append(weight)
        yield

    async def run() -> None:
        reply = {"meta": {"universe": []}}
        async with (
            answering(lambda body: ok(reply.get(body["type"], []))) as http,
            InfoClient(http.url) as client,
        ):
            await ask(client)

    monkeypatch.setattr(WeightBudget, "spend", spend)
    asyncio.run(run())
    assert spent == [weight]


def test_questions_wait_for_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_S", 0.2)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with (
            answering(lambda _: ok({"universe": []})) as http,
            InfoClient(http.url, weight_per_minute=6000) as client,
        ):
            await client.post({"type": "meta"}, weight=6000)
            before = loop.time()
            await client.post({"type": "meta"}, weight=20)
            assert 0.15 < loop.time() - before < 2.0

    asyncio.run(run())


def test_a_long_funding_history_is_asked_for_page_by_page() -> None:
    def reply(body: Any) -> bytes:
        first = -(-body["startTime"] // HOUR_MS)
        hours = range(first, body["endTime"] // HOUR_MS + 1)
        rows = [
            {"coin": "BTC", "fundingRate": f"{h * 1e-7:.8f}", "time": h * HOUR_MS + 50}
            for h in hours
        ]
        return ok(rows[:500])

    async def run() -> None:
        async with answering(reply) as http, InfoClient(http.url) as client:
            rates = await client.funding_history("BTC", start_ms=1, end_ms=1200 * HOUR_MS)
            assert [hour // HOUR_MS for hour, _ in rates] == list(range(1, 1201))
            assert rates[1199][1] == pytest.approx(1200e-7)
            assert len(http.bodies) == 3
            http.bodies.clear()
            rates = await client.funding_history("BTC", start_ms=1, end_ms=500 * HOUR_MS)
            assert (len(rates), len(http.bodies)) == (500, 1)

    asyncio.run(run())


def test_a_venue_that_repeats_a_page_is_not_asked_for_ever() -> None:
    rows = [{"fundingRate": "0", "time": h * HOUR_MS} for h in range(1, 501)]

    async def run() -> None:
        async with answering(lambda _: ok(rows)) as http, InfoClient(http.url) as client:
            rates = await client.funding_history("BTC", start_ms=0, end_ms=9000 * HOUR_MS)
            assert len(rates) == 500
            assert len(http.bodies) == 2

    asyncio.run(run())


# Against the local venue.


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED, EPOCH_MS)


def test_the_local_venue_lists_the_kept_instruments(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, InfoClient(venue.http) as client:
            assert await client.instruments() == load_instruments()

    asyncio.run(run())


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_candles_of_every_timeframe_are_whole_and_in_order(world: World, timeframe: str) -> None:
    async def run() -> None:
        step = TIMEFRAME_MS[timeframe]
        start_ms = max(EPOCH_MS, NOW_MS - 50 * step)
        async with serving(world) as venue, InfoClient(venue.http) as client:
            found = await client.candles("ETH", timeframe, start_ms=start_ms, end_ms=lambda: NOW_MS)
        rows = found.rows
        starts = [row.start_ms for row in rows]
        first = start_ms - start_ms % step
        assert starts == list(range(first, NOW_MS, step))
        # The last one is still running, so only the others are settled.
        again = world.candles("ETH", timeframe, start_ms, NOW_MS, NOW_MS)
        assert rows[:-1] == decode_candles(json.dumps(again).encode()).rows[:-1]

    asyncio.run(run())


def test_the_funding_of_the_local_venue_is_by_the_hour(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, InfoClient(venue.http) as client:
            rates = await client.funding_history("BTC", start_ms=EPOCH_MS, end_ms=NOW_MS)
        hours = [hour for hour, _ in rates]
        assert hours == list(range(EPOCH_MS + HOUR_MS, NOW_MS, HOUR_MS))
        assert all(abs(rate) < 0.04 for _, rate in rates)

    asyncio.run(run())


def test_an_unknown_coin_at_the_local_venue_is_no_answer(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, InfoClient(venue.http) as client:
            with pytest.raises(VenueUnreachable, match="fundingHistory: HTTP 500"):
                await client.funding_history("NOPE", start_ms=EPOCH_MS, end_ms=NOW_MS)

    asyncio.run(run())
