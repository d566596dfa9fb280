"""The feed on real sockets, against servers that keep to the protocol and servers that do not."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import InvariantBroken, OperatorError
from market.events import FeedDown, FeedUp
from tests.support.venue import (
    CLOSE,
    EVERY_KIND,
    FAST,
    PING,
    PONG,
    T0,
    TEXT,
    Peer,
    S,
    Script,
    acceptance,
    ack,
    bbo,
    book,
    feeding,
    run_on,
    scripted,
    until,
    wrapped,
)
from tests.venue.local.serving import EPOCH_MS, SEED, serving
from tests.venue.scripts import BBO, SLOWLY, Test, books, saying, stay
from venue.hyperliquid.feed import CONNECTS_PER_MINUTE_MAX, Feed, Listener, Reconnect
from venue.hyperliquid.life import State
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription
from venue.local.world.world import World


def hastily(test: Test) -> None:
    """Run a test's coroutine on a loop that makes minutes short."""
    run_on("hasty", test())


# Connected.


def test_a_connection_is_announced_then_subscribed_to_then_heard(on_loop: Any) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            for _ in EVERY_KIND:
                await peer.hear()
            await peer.send(ack(BBO))
            await peer.send(bbo())
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url, EVERY_KIND) as (rim, feed, _):
            assert not feed.connected
            await until(lambda: len(rim.raws()) == 2)
            assert feed.connected
            assert feed.connects == 1
            assert rim.words()[0] == "up"
            assert rim.raws() == [ack(BBO), bbo()]
            asked = [json.loads(data) for data in venue.peers[0].texts()]
            assert asked == [
                {"method": "subscribe", "subscription": s.payload()} for s in EVERY_KIND
            ]
            assert rim.session.streams[BBO].state is State.LIVE

    on_loop(test)


def test_bad_utf8_reaches_the_session_which_counts_it(on_loop: Any) -> None:
    async def test() -> None:
        async with (
            scripted(saying(b'{"channel":"error","data":"\xff"}', bbo())) as venue,
            feeding(venue.url, [BBO]) as (rim, _, _),
        ):
            await until(rim.raws)
            assert rim.session.violations == {"not_json": 1}
            assert rim.session.events == 1

    on_loop(test)


def test_stopping_says_goodbye(on_loop: Any) -> None:
    async def test() -> None:
        async with scripted(stay) as venue:
            async with feeding(venue.url, [BBO]) as (rim, feed, _):
                await until(lambda: feed.connected and venue.peers[0].heard)
            assert rim.downs() == ["stopped"]
            assert not feed.connected
            assert set(s.state for s in rim.session.streams.values()) == {State.IDLE}
            await until(lambda: venue.peers[0].heard[-1] == (CLOSE, b"\x03\xe8"))

    on_loop(test)


# Lost.


async def shuts(peer: Peer) -> None:
    await peer.open()


async def resets(peer: Peer) -> None:
    await peer.open()
    await peer.send(bbo())
    await asyncio.sleep(0.02)
    peer.reset()


async def says_goodbye(peer: Peer) -> None:
    await peer.open()
    await peer.raw(wrapped(b"\x03\xe9going away", CLOSE))


async def says_goodbye_and_stays(peer: Peer) -> None:
    await says_goodbye(peer)
    await asyncio.sleep(30.0)


async def says_goodbye_with_the_handshake(peer: Peer) -> None:
    await peer.request()
    await peer.raw(peer.accept() + wrapped(b"\x03\xf4", CLOSE))
    await asyncio.sleep(30.0)


async def bad_gateway(peer: Peer) -> None:
    await peer.request()
    await peer.raw(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad")
    await asyncio.sleep(30.0)


async def too_many(peer: Peer) -> None:
    await peer.request()
    await peer.raw(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
    await asyncio.sleep(30.0)


async def talks_smtp(peer: Peer) -> None:
    await peer.raw(b"220 mail.example ESMTP\r\n")
    await asyncio.sleep(30.0)


async def shuts_at_once(peer: Peer) -> None:
    await peer.request()


async def resets_at_once(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def wrong_proof(peer: Peer) -> None:
    await peer.request()
    accept = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    await peer.raw(accept + b"Sec-WebSocket-Accept: bm9uc2Vuc2U=\r\n\r\n")
    await asyncio.sleep(30.0)


async def compresses(peer: Peer) -> None:
    await peer.request()
    await peer.raw(peer.accept("Sec-WebSocket-Extensions: permessage-deflate"))
    await asyncio.sleep(30.0)


async def breaks_the_protocol(peer: Peer) -> None:
    await peer.open()
    await peer.raw(wrapped(b"compressed?", rsv=0x40))
    await peer.hear_all()
    await asyncio.sleep(30.0)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (shuts, "closed by the venue, code 1006"),
        (resets, "connection lost: "),
        (says_goodbye, "closed by the venue, code 1001: going away"),
        (says_goodbye_and_stays, "closed by the venue, code 1001: going away"),
        (says_goodbye_with_the_handshake, "closed by the venue, code 1012"),
        (bad_gateway, "cannot connect: handshake refused: .*502"),
        (too_many, "cannot connect: handshake refused: .*429"),
        (talks_smtp, "cannot connect: handshake refused: .*valid HTTP"),
        (shuts_at_once, "cannot connect: handshake refused: .*valid HTTP"),
        (resets_at_once, "cannot connect: connection lost: "),
        (wrong_proof, "cannot connect: handshake refused: .*Accept"),
        (compresses, "cannot connect: handshake refused: .*extension"),
        (breaks_the_protocol, "protocol broken, code 1002: .+"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_loss_is_told_with_its_reason_at_once_and_the_feed_comes_back(
    on_loop: Any, script: Script, reason: str
) -> None:
    async def test() -> None:
        async def only_first(peer: Peer) -> None:
            await (script if len(venue.peers) == 1 else stay)(peer)

        async with scripted(only_first) as venue, feeding(venue.url, [BBO]) as (rim, feed, task):
            await until(rim.downs, within_s=2.0)
            assert len(rim.downs()) == 1
            assert re.match(reason, rim.downs()[0])
            await until(lambda: feed.connected and len(venue.peers) == 2)
            assert not task.done()
            words = [w for w in rim.words() if w != "frames"]
            refused = reason.startswith("cannot connect")
            assert words == (["down", "up"] if refused else ["up", "down", "up"])

    on_loop(test)


def test_a_port_nobody_listens_on_is_told_and_tried_again(on_loop: Any) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        async with feeding(f"ws://127.0.0.1:{port}/ws") as (rim, feed, _):
            await until(lambda: len(rim.downs()) >= 3)
            assert all(why.startswith("cannot connect: ") for why in rim.downs())
            assert set(rim.words()) == {"down"}
            assert feed.connects == 0

    on_loop(test)


def test_a_venue_that_does_not_answer_the_handshake_is_given_up(on_loop: Any) -> None:
    async def test() -> None:
        async def mute(peer: Peer) -> None:
            await peer.request()
            await asyncio.sleep(30.0)

        policy = Reconnect(min_s=0.01, max_s=0.02, connect_s=0.1)
        async with scripted(mute) as venue, feeding(venue.url, policy=policy) as (rim, _, _):
            await until(lambda: len(rim.downs()) >= 2, within_s=2.0)
            assert set(rim.downs()) == {"cannot connect: no answer within 0.1 s"}

    on_loop(test)


def test_a_name_that_does_not_resolve_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def test() -> None:
        async with feeding("ws://venue.invalid/ws") as (rim, _, _):
            await until(lambda: len(rim.downs()) >= 2)
            assert "Name or service not known" in rim.downs()[0]

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    run_on("asyncio", test())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "http://127.0.0.1/ws",
        "ws://",
        "ws://:80/ws",
        "ws://host:port/ws",
        "ws://host:99999/ws",
        "ws://[::1/ws",
        "ws://host/ws#part",
        "ws://user@host/ws",
        "ws://a..b/ws",
        f"ws://{'a' * 64}.example/ws",
    ],
)
def test_an_unusable_url_is_the_operators_to_mend(url: str) -> None:
    with pytest.raises(OperatorError, match=r"venue\.ws_url"):
        Feed(
            url,
            Session([]),
            Listener(lambda _: None, lambda _: None),
            now_ns=lambda: T0,
            reconnect=Reconnect(),
            rng=random.Random(1),
        )


@pytest.mark.parametrize("with_handshake", [False, True])
def test_what_the_listener_raises_comes_out_of_run(on_loop: Any, with_handshake: bool) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            if with_handshake:
                await peer.raw(peer.accept() + wrapped(bbo()))
            else:
                await peer.raw(peer.accept())
                await peer.send(bbo())
            await peer.hear_all()
            ended.set()

        ended = asyncio.Event()
        async with scripted(script) as venue, feeding(venue.url, [BBO]) as (rim, feed, task):
            rim.fault = InvariantBroken("event 7: boom")
            with pytest.raises(InvariantBroken, match="event 7: boom"):
                await asyncio.wait_for(asyncio.shield(task), 3.0)
            assert not feed.connected
            assert rim.words() == ["up", "frames", "down"]
            await asyncio.wait_for(ended.wait(), 3.0)

    on_loop(test)


# Held back.


def test_pausing_stops_delivery_and_loses_nothing(on_loop: Any) -> None:
    async def test() -> None:
        sent = books(100_000)

        async def script(peer: Peer) -> None:
            await peer.open()
            for start in range(0, len(sent), 1000):
                await peer.send(*sent[start : start + 1000])
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url) as (rim, feed, _):
            taken = rim.frames

            def until_full(raws: list[bytes]) -> None:
                taken(raws)
                if len(rim.raws()) >= 500 and not feed_paused:
                    feed_paused.append(True)
                    feed.pause(True)
                    feed.pause(True)

            feed_paused: list[bool] = []
            rim.hook(until_full)
            await until(lambda: feed_paused)
            count = len(rim.raws())
            await asyncio.sleep(0.2)
            assert len(rim.raws()) == count < len(sent)
            feed.pause(False)
            feed.pause(False)
            await until(lambda: len(rim.raws()) == len(sent))
            assert rim.raws() == sent
            assert rim.downs() == []

    on_loop(test)


def test_a_pause_outlasts_the_connection_it_began_on(on_loop: Any) -> None:
    async def test() -> None:
        script = saying(bbo(), asked=1)
        async with scripted(script) as venue, feeding(venue.url, [BBO]) as (rim, feed, _):
            feed.pause(True)
            await until(lambda: feed.connected and venue.peers[0].heard)
            await asyncio.sleep(0.1)
            assert rim.words() == ["up"]
            feed.pause(False)
            await until(rim.raws)
            assert rim.raws() == [bbo()]

    on_loop(test)


def test_a_long_pause_is_not_taken_for_the_venues_silence() -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.hear()
            await peer.hear()
            await peer.send(ack(FAST), ack(BBO), book(fast=True))
            await asyncio.sleep(5.0)
            await peer.send(bbo())
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url, [FAST, BBO]) as (rim, feed, _):
            await until(rim.raws, 60.0)
            feed.pause(True)
            await asyncio.sleep(90.0)
            assert rim.words() == ["up", "frames"]
            feed.pause(False)
            await until(lambda: bbo() in rim.raws(), 60.0)
            await asyncio.sleep(3.0)
            assert feed.connected
            assert rim.downs() == []
            assert len(venue.peers[0].texts()) == 2

    hastily(test)


# Time. A second on these loops is a hundredth of one.


def test_a_half_open_connection_is_pinged_and_then_dropped() -> None:
    async def test() -> None:
        script = saying(ack(BBO), asked=1)
        async with scripted(script) as venue, feeding(venue.url, [BBO]) as (rim, _, _):
            await until(lambda: len(venue.peers) == 2, 120.0)
            first, second = venue.peers
            assert rim.downs()[0].startswith("nothing heard for 2")
            assert 25.0 <= second.at - first.at <= 45.0
            assert first.texts() == [venue.peers[0].texts()[0], b'{"method":"ping"}']
            assert PING not in [opcode for opcode, _ in first.heard]

    hastily(test)


def test_a_quiet_venue_that_answers_pings_is_kept() -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.hear()
            await peer.send(ack(BBO))
            while True:
                _, data = await peer.hear()
                if data == b'{"method":"ping"}':
                    await peer.send(PONG)

        async with scripted(script) as venue, feeding(venue.url, [BBO]) as (rim, feed, _):
            await asyncio.sleep(130.0)
            assert feed.connected
            assert rim.downs() == []
            assert venue.peers[0].texts().count(b'{"method":"ping"}') >= 4
            assert {opcode for opcode, _ in venue.peers[0].heard} == {TEXT}

    hastily(test)


def test_missing_acknowledgements_are_asked_for_again_then_the_connection_dropped() -> None:
    async def test() -> None:
        async with scripted(stay) as venue, feeding(venue.url, [BBO]) as (rim, _, _):
            await until(lambda: len(venue.peers) == 2, 60.0)
            first, second = venue.peers
            request = b'{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}'
            assert first.texts() == [request, request]
            assert rim.downs() == ["most streams are silent (1 of 1)"]
            assert 10.0 <= second.at - first.at <= 25.0

    hastily(test)


def test_a_planned_reconnect_does_not_wait() -> None:
    async def test() -> None:
        policy = Reconnect(min_s=5000.0, max_s=5000.0, planned_s=5.0)
        async with (
            scripted(saying(ack(BBO), bbo(), asked=1)) as venue,
            feeding(venue.url, [BBO], policy=policy) as (rim, _, _),
        ):
            await until(lambda: len(venue.peers) == 4, 120.0)
            assert set(rim.downs()) == {"planned"}
            assert venue.peers[0].heard[-1] == (CLOSE, b"\x03\xe8")
            assert all(b.at - a.at >= 5.0 for a, b in pairwise(venue.peers))

    hastily(test)


def test_there_are_never_more_than_twenty_connections_a_minute() -> None:
    async def test() -> None:
        async def slams(peer: Peer) -> None:
            peer.reset()

        policy = Reconnect(min_s=0.0, max_s=0.0)
        async with scripted(slams) as venue, feeding(venue.url, policy=policy) as (rim, _, _):
            await asyncio.sleep(150.0)
            at = [peer.at for peer in venue.peers]
            assert len(at) > 2 * CONNECTS_PER_MINUTE_MAX
            # A server sees a connection a little after the client has begun it.
            late = at[CONNECTS_PER_MINUTE_MAX:]
            assert all(b - a > 55.0 for a, b in zip(at, late, strict=False))
            assert set(rim.words()) == {"down"}

    hastily(test)


class Longest(random.Random):
    """Draws the longest wait there is."""

    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.mark.parametrize(
    ("said", "lasts_s", "grows"),
    [
        ((), 0.0, True),
        ((ack(BBO),), 0.0, True),
        ((b"rubbish", PONG), 0.0, True),
        # Data proves the stream that spoke, not that what ended the connection is mended.
        ((ack(BBO), bbo()), 0.0, True),
        ((ack(BBO), bbo()), 320.0, False),
    ],
    ids=["nothing", "only an ack", "only rubbish", "data", "data for minutes"],
)
def test_the_wait_grows_until_a_connection_has_lasted(
    said: tuple[bytes, ...], lasts_s: float, grows: bool
) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.hear()
            await peer.send(*said)
            loop = asyncio.get_running_loop()
            while loop.time() - peer.at < lasts_s:
                await asyncio.sleep(10.0)
                await peer.send(bbo())

        policy = Reconnect(min_s=10.0, max_s=80.0)
        async with (
            scripted(script) as venue,
            feeding(venue.url, [BBO], policy=policy, rng=Longest()),
        ):
            await until(lambda: len(venue.peers) == 4, 1500.0)
            waits = [b.at - a.at - lasts_s for a, b in pairwise(venue.peers)]
            if grows:
                assert waits[1] >= 40.0
                assert waits[2] >= 80.0
            else:
                assert min(waits) >= 20.0
                assert max(waits) < 50.0

    hastily(test)


def test_another_reason_is_another_trouble() -> None:
    """Data came, and no two connections ended alike: there is nothing to wait longer for."""

    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.hear()
            await peer.send(bbo())
            if len(venue.peers) % 2:
                await peer.raw(wrapped(b"\x03\xe9going away", CLOSE))

        policy = Reconnect(min_s=10.0, max_s=80.0)
        async with (
            scripted(script) as venue,
            feeding(venue.url, [BBO], policy=policy, rng=Longest()),
        ):
            await until(lambda: len(venue.peers) == 4, 600.0)
            assert max(b.at - a.at for a, b in pairwise(venue.peers)) < 40.0

    hastily(test)


def test_each_line_has_a_connection_that_comes_and_goes_alone() -> None:
    async def test() -> None:
        eth = Subscription("bbo", "ETH")

        async def script(peer: Peer) -> None:
            await peer.open()
            _, asked = await peer.hear()
            coin = json.loads(asked)["subscription"]["coin"]
            peers.setdefault(coin, []).append(peer)
            await peer.send(bbo(coin=coin))
            if coin == "ETH" and len(peers[coin]) == 1:
                return
            await peer.hear_all()

        peers: dict[str, list[Peer]] = {}
        told: list[Any] = []
        async with scripted(script) as venue:
            session = Session([BBO, eth], lines=[["BTC"], ["ETH"]])
            feed = Feed(
                venue.url,
                session,
                Listener(lambda raws: [session.receive(r, T0) for r in raws] and None, told.append),
                now_ns=lambda: T0,
                reconnect=Reconnect(min_s=0.01, max_s=0.02),
                rng=random.Random(1),
            )
            task = asyncio.create_task(feed.run())
            await until(lambda: len(peers.get("ETH", [])) == 2 and feed.connected)
            assert len(peers["BTC"]) == 1
            downs = [e for e in told if isinstance(e, FeedDown)]
            assert [(e.line, e.coins) for e in downs] == [(1, ["ETH"])]
            ups = [(e.line, e.coins) for e in told if isinstance(e, FeedUp)]
            assert sorted(ups) == [(0, ["BTC"]), (1, ["ETH"]), (1, ["ETH"])]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run_on("asyncio", test())


@given(
    failures=st.integers(1, 10_000),
    seed=st.integers(),
    min_s=st.floats(0.0, 10.0),
    max_s=st.floats(0.0, 600.0),
)
def test_waits_are_jittered_and_capped(
    failures: int, seed: int, min_s: float, max_s: float
) -> None:
    policy = Reconnect(min_s=min_s, max_s=max_s)
    delay = policy.delay_s(failures, random.Random(seed))
    cap = min(max_s, min_s * 2.0 ** min(failures, 1000))
    assert min_s <= delay <= max(cap, min_s)


def test_waits_spread_over_the_whole_range_which_doubles() -> None:
    policy, rng = Reconnect(), random.Random(3)
    for failures, cap in [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (50, 30.0)]:
        drawn = [policy.delay_s(failures, rng) for _ in range(400)]
        quarter = (cap - 0.25) / 4
        assert min(drawn) < 0.25 + quarter
        assert max(drawn) > cap - quarter
        assert max(drawn) <= cap


# TLS.


CA = """
[ca]
default_ca = ours
[ours]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = {alt}
basicConstraints = CA:true
[req]
distinguished_name = name
[name]
"""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return a maker of self-signed certificates for a name until a date, key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")

    def make(alt: str, until_: str) -> Path:
        folder = tmp_path_factory.mktemp("tls")
        (folder / "index").touch()
        (folder / "conf").write_text(CA.format(folder=folder, alt=alt))
        key, made = folder / "key.pem", folder / "made.pem"
        for command in (
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=venue "
            "-keyout key.pem -out request.pem",
            "ca -batch -selfsign -notext -keyfile key.pem -in request.pem -out made.pem "
            f"-startdate 20200101000000Z -enddate {until_}",
        ):
            verb, *rest = command.split()
            line = ["openssl", verb, "-config", "conf", *rest]
            subprocess.run(line, check=True, capture_output=True, cwd=folder)
        whole = folder / "whole.pem"
        whole.write_bytes(key.read_bytes() + made.read_bytes())
        return whole

    return make


async def serve_tls(made: Path, heard: list[bytes]) -> asyncio.Server:
    """Serve a websocket that says one thing over TLS; `heard` gets what clients said."""
    context_ = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context_.load_cert_chain(made)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head)
            writer.write(acceptance(head) + wrapped(bbo()))
            await reader.read()
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context_)


@pytest.mark.parametrize(
    ("alt", "until_", "trusted", "reason"),
    [
        ("IP:127.0.0.1", "20990101000000Z", True, ""),
        ("IP:127.0.0.1", "20990101000000Z", False, "self.signed certificate"),
        ("DNS:other.example", "20990101000000Z", True, "(?i)ip address mismatch"),
        ("IP:127.0.0.1", "20200102000000Z", True, "expired"),
    ],
    ids=["trusted", "self-signed", "wrong host", "expired"],
)
def test_tls_is_verified_against_the_systems_authorities_the_host_and_the_date(
    on_loop: Any,
    certificate: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    alt: str,
    until_: str,
    trusted: bool,
    reason: str,
) -> None:
    made = certificate(alt, until_)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(made))

    async def test() -> None:
        heard: list[bytes] = []
        server = await serve_tls(made, heard)
        port = server.sockets[0].getsockname()[1]
        async with server, feeding(f"wss://127.0.0.1:{port}/ws", [BBO]) as (rim, feed, task):
            if reason:
                await until(lambda: len(rim.downs()) >= 2)
                assert re.search(reason, rim.downs()[0])
                assert set(rim.words()) == {"down"}
                assert heard == []
                assert not task.done()
            else:
                await until(rim.raws)
                assert rim.raws() == [bbo()]
                assert feed.connected

    on_loop(test)


def test_a_venue_without_tls_is_not_spoken_to_in_the_clear(on_loop: Any) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            loop = asyncio.get_running_loop()
            said.append(await loop.sock_recv(peer.sock, 1 << 16))
            await peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        said: list[bytes] = []
        async with (
            scripted(script) as venue,
            feeding(venue.url.replace("ws:", "wss:")) as (rim, _, _),
        ):
            await until(rim.downs)
            assert rim.downs()[0].startswith("cannot connect: ")
            assert "SSL" in rim.downs()[0]
            assert b"GET" not in said[0]

    on_loop(test)


# Against the local venue.


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED, EPOCH_MS)


@contextmanager
def local_venue(world: World) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run the local venue in a thread, on a loop of its own; yield its URL and what stops it."""
    ready: Queue[tuple[str, Callable[[], None]]] = Queue()

    async def serve() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with serving(world) as venue:
            ready.put((venue.ws, lambda: loop.call_soon_threadsafe(stopped.set)))
            await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url, stop = ready.get(timeout=10.0)
    try:
        yield url, stop
    finally:
        with suppress(RuntimeError):
            stop()
        thread.join()


def test_every_stream_of_the_local_venue_is_heard_without_a_complaint(
    on_loop: Any, world: World
) -> None:
    async def test() -> None:
        wanted = [Subscription(s.type, coin, s.fast) for coin in ("BTC", "ETH") for s in EVERY_KIND]
        with local_venue(world) as (url, stop):
            async with feeding(url, wanted, policy=SLOWLY) as (rim, feed, _):
                streams = rim.session.streams
                await until(lambda: all(s.state is State.LIVE for s in streams.values()))
                await until(lambda: all(s.cadence.count for s in streams.values()))
                await until(lambda: streams[FAST].cadence.count >= 3)
                assert rim.session.violations == {}
                assert rim.words()[0] == "up"
                assert feed.connected
                stop()
                await until(rim.downs)
                assert rim.downs() == ["closed by the venue, code 1001"]

    on_loop(test)


def test_a_coin_that_does_not_exist_ends_connections_and_is_backed_off(world: World) -> None:
    async def test() -> None:
        wanted = [Subscription("bbo", "NOPE")]
        async with serving(world) as venue, feeding(venue.ws, wanted) as (rim, feed, task):
            await until(lambda: feed.connects >= 2)
            assert not task.done()
            assert rim.session.events == 0
            assert re.match("connection lost|closed by the venue, code 1006", rim.downs()[0])

    run_on("asyncio", test())


def test_the_feed_is_told_apart_from_its_clock() -> None:
    """Stamps come from the clock that was given, not from the machine's."""

    async def test() -> None:
        stamps: list[int] = []

        def clock() -> int:
            stamps.append(1)
            return 5 * S

        async with (
            scripted(saying(bbo())) as venue,
            feeding(venue.url, [BBO], now_ns=clock) as (rim, _, _),
        ):
            await until(rim.raws)
            assert rim.session.lines[0].heard_ns == 5 * S
            assert stamps

    run_on("asyncio", test())
