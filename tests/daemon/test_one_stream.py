"""Faults of one stream of a coin on the whole engine, in virtual time: the others go on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from market.coin import Coin
from shadow.store.tables.alarms import AlarmRow
from tests.daemon import rig
from tests.support import virtual
from venue.hyperliquid.life import State
from venue.local.faults.fault import Fault
from venue.local.faults.kinds.market.bad_context import BadContext
from venue.local.faults.kinds.wire.full_house import FullHouse
from venue.local.faults.kinds.wire.no_fast import NoFast
from venue.local.faults.kinds.wire.silent_stream import SilentStream
from venue.local.faults.outgoing import read
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running
from venue.local.market.frames import frame
from venue.local.protocol.request import Change
from venue.local.protocol.request import read as read_request

EVER = 1e9


class Market:
    """The session and engine of a daemon on a venue with faults, on one connection."""

    def __init__(self, *faults: Fault) -> None:
        self.run = virtual.begin(coins=rig.PAIR, up=False)
        self.faults = Running(Plan(faults))
        self.start_ns = self.run.now_ns
        self.drops: list[str] = []
        self.books = dict.fromkeys(rig.PAIR, 0.0)
        self.run.intake.fact(virtual.FeedUp(self.run.now_ns))
        self._obey(self.run.session.opened(self.run.now_ns).frames)

    def coin(self, name: str = "BTC") -> Coin:
        return self.run.engine.market.coins[name]

    def advance(self, seconds: int) -> None:
        """Let the market run on; every second the session is looked after."""
        run = self.run
        start_ms = run.now_ns // 1_000_000
        for ns, raw in rig.frames_between(7, rig.PAIR, start_ms, start_ms + seconds * 1000):
            while run.tick_ns <= ns:
                run._tick(None)
                self._look()
            run.now_ns = max(run.now_ns, ns)
            self._send(raw)

    def _look(self) -> None:
        run = self.run
        output = run.session.tick(run.now_ns)
        for event in output.events:
            event.recv_ns = run.now_ns
            run.intake.fact(event)
        if output.drop:
            self.drops.append(output.drop)
        self._obey(output.frames)
        for name, coin in run.engine.market.coins.items():
            self.books[name] += coin.book.ok and coin.streams.pulse() is not None

    def _obey(self, requests: list[bytes]) -> None:
        for request in requests:
            change = read_request(request)
            if isinstance(change, Change):
                data = {"method": change.method, "subscription": change.topic.echo()}
                self._send(frame("subscriptionResponse", data))

    def _send(self, raw: bytes) -> None:
        run = self.run
        at_ms = (run.now_ns - self.start_ns) // 1_000_000
        for out in self.faults.frames(1, read(raw), at_ms):
            run.intake.frames([out.payload], run.now_ns)

    def alarms(self) -> list[AlarmRow]:
        return self.run.rows.alarms

    def dead(self) -> list[tuple[str, str]]:
        found = self.run.session.streams.items()
        return [(s.coin, stream.kind.name) for s, stream in found if stream.state is State.DEAD]


FAULTS: list[tuple[Fault, str, str]] = [
    (SilentStream(for_s=EVER, coin="BTC", channel="l2Book", book="fast"), "fast", "silent"),
    (
        SilentStream(at_s=50, for_s=EVER, coin="BTC", channel="l2Book", book="slow"),
        "slow",
        "silent",
    ),
    (SilentStream(at_s=30, for_s=EVER, coin="BTC", channel="activeAssetCtx"), "context", "silent"),
    (NoFast(for_s=EVER, coin="BTC"), "fast", "not acknowledged"),
    (NoFast(for_s=EVER, coin="BTC", answer="error"), "fast", "refused: Error parsing JSON"),
    (BadContext(for_s=EVER, coin="BTC", kind="oracle_zero"), "context", "nothing but bad frames"),
    (BadContext(at_s=40, for_s=EVER, coin="BTC", kind="mark_null"), "context", "nothing but bad"),
    (FullHouse(for_s=EVER, coin="BTC", channel="bbo"), "bbo", "Cannot subscribe to more than"),
]


@pytest.mark.parametrize(
    ("fault", "stream", "cause"), FAULTS, ids=[f"{f.name} {s}" for f, s, _ in FAULTS]
)
def test_one_stream_s_trouble_is_that_stream_s_alone(fault: Fault, stream: str, cause: str) -> None:
    market = Market(fault)
    market.advance(100)
    assert market.drops == []
    assert market.dead() == [("BTC", stream)]
    (alarm,) = market.alarms()
    assert alarm.kind == "stream_down"
    assert alarm.message.startswith(f"BTC {stream}: ") and cause in alarm.message
    assert list(market.coin().dead) == [stream]
    assert market.coin("ETH").dead == {}
    # From the start on: nothing of another coin was ever missing, and the book of this one stood.
    assert market.books["ETH"] >= 96
    assert market.books["BTC"] >= (80 if stream == "fast" else 96)
    assert market.coin().book.ok


def test_trades_that_die_are_noticed_and_their_bars_asked_for_again() -> None:
    market = Market(SilentStream(at_s=130, for_s=400, coin="BTC", channel="trades"))
    market.advance(128)
    assert len(market.coin().bars.series["1m"]) > 600
    market.advance(260)
    assert market.drops == []
    assert list(market.coin().dead) == ["trades"]
    assert [a.message.split(":")[0] for a in market.alarms()] == ["BTC trades"]
    assert not any(len(s) for s in market.coin().bars.series.values())
    assert len(market.coin("ETH").bars.series["1m"]) > 600
    market.advance(600)
    assert market.coin().dead == {}
    assert len(market.alarms()) == 1
    minutes = market.coin().bars.series["1m"]
    assert len(minutes) > 600
    now_ms = market.run.now_ns // 1_000_000
    reply: Any = virtual.world().candles(
        "BTC", "1m", now_ms - 20 * 60_000, now_ms - 120_000, now_ms
    )
    known = {
        start: (close, volume)
        for start, close, volume in zip(
            minutes.start_ms, minutes.close, minutes.volume, strict=True
        )
    }
    for row in reply:
        assert known[row["t"]] == (float(row["c"]), pytest.approx(float(row["v"])))


def test_a_replay_of_the_tape_is_told_of_the_same_streams() -> None:
    market = Market(
        SilentStream(at_s=20, for_s=60, coin="BTC", channel="activeAssetCtx"),
        SilentStream(at_s=20, for_s=EVER, coin="ETH", channel="l2Book", book="fast"),
    )
    market.advance(260)
    assert {a.message.split(":")[0] for a in market.alarms()} == {"BTC context", "ETH fast"}
    again = rig.fresh(market.run.config, rig.PAIR)
    again.play(rig.records_of(market.run.lines))
    assert again.engine.digest == market.run.engine.digest
    assert again.engine.vitals.seq == market.run.engine.vitals.seq
    assert {c.name: c.dead for c in again.engine.market.coins.values()} == {
        "BTC": {}, "ETH": market.coin("ETH").dead,
    }  # fmt: skip
    assert msgspec.json.encode(again.rows.alarms) == msgspec.json.encode(market.alarms())


def test_two_seconds_of_silence_are_nobody_s_trouble() -> None:
    market = Market(SilentStream(at_s=30, for_s=2, coin="BTC"))
    market.advance(60)
    assert (market.drops, market.alarms(), market.dead()) == ([], [], [])
