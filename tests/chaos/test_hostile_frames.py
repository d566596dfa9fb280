"""Hostile frames, the whole way: decoded, stepped, written to a database, restored.

Frames of the made-up market, some spoilt: numbers no arithmetic bears, prices of another market on
some or all streams for a while, values of the wrong kind, torn bytes, in any order. Whatever comes,
no exception escapes but a bot's own fault, every written state restores, the integrity check of the
database finds nothing and its numbers are finite. The short slice runs with every `make test`, the
long one with `make chaos`; `GNOMON_SEED=n` repeats a failure.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.engine import snapshot
from daemon.engine.intake import Intake
from market.errors import ProtocolViolation
from market.events import Candles, Command, Event, FeedDown, FeedUp, FundingHistory, Timer
from market.instrument import instruments_from_meta
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from tests.daemon import rig
from tests.support import virtual
from venue.hyperliquid import replies
from venue.local.faults.fault import Moment
from venue.local.faults.kinds.market.hostile_numbers import NUMBERS, HostileNumbers
from venue.local.faults.kinds.market.spike import Of, Spike
from venue.local.faults.outgoing import read

SEED = int(os.environ.get("GNOMON_SEED", "1"))
COINS = rig.BUSY
LAP_S = 90
FACTORS = (0.9, 1.1, 0.5, 3.0, 10.0, 0.1, 1e3, 1e-3, 1e6, 1e-6, 1e-9, 9e7)
KINDS: tuple[Of, ...] = ("all", "all", "books", "prints", "contexts")
# An amount in the database is at most so much, however mad the market was.
AMOUNT_MAX = 2**63 - 1


class Ordeal:
    """An engine with every bot, and a world that means it harm."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.run = virtual.begin(seed=7, coins=COINS, up=False, config={"gate": rig.OPEN})
        self.run.intake = Intake(self.run.session, self.run.engine, self._absorb, self._emit)
        self.store = Store(path, mode="local", network="local")
        self.rows = Rows()
        self.spike: Spike | None = None
        self.spiked_until_ns = 0
        self.turns: dict[Any, Any] = {}
        self.counts = {"frames": 0, "restored": 0, "faults": 0, "trades": 0}
        self.run.intake.fact(FeedUp(self.run.now_ns))

    def _emit(self, line: bytes) -> None:
        assert line.endswith(b"\n")

    def _absorb(self, outcome: Any) -> None:
        self.rows.extend(outcome.rows)
        self.counts["trades"] += len(outcome.rows.trades)
        for request in outcome.requests:
            reply = self._reply(request)
            if reply is not None:
                self.run.due.append((self.run.now_ns + 2 * rig.SECOND_NS, reply))

    def _reply(self, request: Any) -> Event | None:
        """Return what the venue answers, spoilt now and then; None for what is refused."""
        run, now_ns = self.run, self.run.now_ns
        try:
            if request.what == "funding":
                rows = run.world.funding_history(request.coin, request.from_ms, request.to_ms)
                raw = self._spoilt_reply(rows)
                return FundingHistory(request.coin, replies.decode_funding(raw))
            rows = run.world.candles(
                request.coin,
                request.timeframe,
                request.from_ms,
                request.to_ms,
                now_ns // 1_000_000,
            )
            found = replies.decode_candles(self._spoilt_reply(rows)).rows
        except ProtocolViolation:
            return None
        return Candles(request.coin, request.timeframe, found, now_ns)

    def _spoilt_reply(self, rows: Any) -> bytes:
        rows = json.loads(msgspec.json.encode(rows))
        if rows and self.rng.random() < 0.3:
            row = self.rng.choice(rows)
            for name in self.rng.sample(sorted(row), self.rng.randint(1, len(row))):
                if name not in ("t", "T", "time", "coin", "s", "i"):
                    row[name] = self.number()
        return json.dumps(rows).encode()

    def number(self) -> str:
        """Return a number, as text, from anywhere in what a float can hold, and beyond."""
        if self.rng.random() < 0.5:
            return self.rng.choice(NUMBERS)
        return f"{self.rng.choice((1, 1, -1)) * 10 ** self.rng.uniform(-12, 16):.8g}"

    def laps(self) -> Iterator[tuple[int, bytes]]:
        """Yield frames without end: the same minute and a half again, later."""
        start_ms = virtual.START_MS
        frames = rig.frames_between(7, COINS, start_ms, start_ms + LAP_S * 1000)
        lap = 0
        while True:
            shift_ms = lap * LAP_S * 1000
            for ns, raw in frames:
                yield ns + shift_ms * 1_000_000, shifted(raw, shift_ms)
            lap += 1

    def spoil(self, raw: bytes) -> list[bytes]:
        """Return what comes instead of a frame."""
        rng = self.rng
        if self.run.now_ns > self.spiked_until_ns:
            self.spiked_until_ns = self.run.now_ns + round(rng.uniform(0.5, 9.0) * rig.SECOND_NS)
            self.spike = None
            if rng.random() < 0.5:
                self.spike = Spike(factor=rng.choice(FACTORS), of=rng.choice(KINDS))
        moment = Moment(0, 0, 0, self.turns, rng.random())
        out = read(raw)
        if self.spike is not None:
            (out,) = self.spike.frames(out, moment)
        dice = rng.random()
        if dice < 0.12:
            (out,) = HostileNumbers(number=self.number()).frames(out, moment)
        elif dice < 0.16:
            return [torn(out.payload, rng)]
        elif dice < 0.20:
            return [json.dumps(bent(json.loads(out.payload), rng)).encode()]
        elif dice < 0.24:
            return [out.payload, out.payload]
        return [out.payload]

    def endure(self, frames: int, *, every: int) -> None:
        """Take so many frames; write and restore after `every` of them."""
        waiting: list[bytes] = []
        for ns, raw in self.laps():
            if self.counts["frames"] >= frames:
                break
            while self.run.tick_ns <= ns:
                self.tick()
            self.run.now_ns = max(self.run.now_ns, ns)
            waiting += self.spoil(raw)
            if self.rng.random() < 0.7:
                self.rng.shuffle(waiting)
                self.take(waiting)
                waiting = []
                if self.counts["frames"] % every < 3:
                    self.commit()
        self.commit()

    def take(self, raws: list[bytes]) -> None:
        """Let the engine have the frames of one read."""
        self.counts["frames"] += len(raws)
        self.run.intake.frames(raws, self.run.now_ns)

    def tick(self) -> None:
        """Let a second pass, and replies come; a bot out of service is put back now and then."""
        run = self.run
        run.now_ns = run.tick_ns
        run.tick_ns += rig.SECOND_NS
        waiting, run.due = run.due, []
        for due_ns, event in waiting:
            if due_ns > run.now_ns:
                run.due.append((due_ns, event))
                continue
            event.recv_ns = run.now_ns
            run.intake.fact(event)  # type: ignore[arg-type]
        run.intake.fact(Timer(run.now_ns))
        if self.rng.random() < 0.01:
            run.intake.fact(FeedDown("a test", run.now_ns))
            run.intake.fact(FeedUp(run.now_ns))
        if self.rng.random() < 0.05:
            run.intake.fact(Command("resume", recv_ns=run.now_ns))  # type: ignore[arg-type]
            for name, lane in run.engine.market.lanes.items():
                if lane.fault:
                    self.counts["faults"] += 1
                    run.intake.fact(Command("rearm", name, recv_ns=run.now_ns))  # type: ignore[arg-type]

    def commit(self) -> None:
        """Write rows and state; take both up again, as a replay and a restart would."""
        engine = self.run.engine
        self.store.write(self.rows, snapshot.durable(engine))
        self.rows = Rows()
        state = snapshot.whole(engine)
        other = rig.fresh({"gate": rig.OPEN}, COINS).engine
        snapshot.restore(other, state)
        assert snapshot.whole(other) == state
        again = rig.fresh({"gate": rig.OPEN}, COINS).engine
        assert snapshot.recover(again, self.store.state(), 1) == []
        snapshot.restore(rig.fresh({"gate": rig.OPEN}, COINS).engine, snapshot.whole(again))
        self.counts["restored"] += 1


def shifted(raw: bytes, by_ms: int) -> bytes:
    """Return a frame of a later time."""
    if not by_ms:
        return raw
    frame = json.loads(raw)
    data = frame.get("data")
    for row in data if isinstance(data, list) else [data]:
        if isinstance(row, dict) and "time" in row:
            row["time"] += by_ms
            if "tid" in row:
                row["tid"] += by_ms
    return json.dumps(frame, separators=(",", ":")).encode()


def torn(raw: bytes, rng: random.Random) -> bytes:
    """Return bytes of which some are missing or others."""
    spoilt = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(spoilt))
        if rng.random() < 0.5:
            spoilt[at] = rng.randrange(256)
        else:
            del spoilt[at : at + rng.randint(1, 20)]
        if not spoilt:
            return b""
    return bytes(spoilt)


def bent(value: Any, rng: random.Random) -> Any:
    """Return data of which some part is of another kind, gone or there twice."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        out = dict(value)
        if rng.random() < 0.15:
            del out[name]
        else:
            out[name] = bent(value[name], rng)
        return out
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        choice = rng.random()
        if choice < 0.2:
            return value[:at] + value[at + 1 :]
        if choice < 0.4:
            return [*value, value[at]]
        if choice < 0.5:
            return value[::-1]
        return [*value[:at], bent(value[at], rng), *value[at + 1 :]]
    return rng.choice((None, True, 0, -1, 2**70, 1e300, "", "x", [], {}, [[]], "1e-320"))


def is_bearable(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) < 1e30
    if isinstance(value, str):
        return "NaN" not in value and "Infinity" not in value
    return not isinstance(value, int) or abs(value) <= AMOUNT_MAX


def unbearable(path: Path) -> list[str]:
    """Return the columns that hold a number which is not finite, or too large for what it is."""
    found = []
    with closing(open_readonly(path)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            for row in db.execute(f"SELECT * FROM {table}"):
                if not all(map(is_bearable, row)):
                    found.append(f"{table}: {row}")
    return found


def check(tmp_path: Path, frames: int, seed: int, every: int) -> dict[str, int]:
    """Let an engine endure frames; raise for whatever it did not bear."""
    path = tmp_path / "gnomon.db"
    ordeal = Ordeal(path, seed)
    try:
        ordeal.endure(frames, every=every)
    except Exception as error:
        raise AssertionError(f"seed {seed}, after {ordeal.counts}") from error
    finally:
        ordeal.store.close()
    assert unbearable(path) == []
    with closing(open_readonly(path)) as db:
        broken = list(broken_promises(db))
    assert not broken, f"seed {seed}, after {ordeal.counts}: {broken}"
    return ordeal.counts


def test_a_few_hundred_hostile_frames_leave_a_sound_state(tmp_path: Path) -> None:
    counts = check(tmp_path, 600, SEED, 200)
    assert counts["restored"] >= 2


@pytest.mark.long
def test_fifty_thousand_hostile_frames_leave_a_sound_state(tmp_path: Path) -> None:
    counts = check(tmp_path, 50_000, SEED, 2_000)
    print(counts)
    assert counts["restored"] >= 20
    assert counts["trades"] > 50


@pytest.mark.parametrize("number", [*NUMBERS, "1e6000", str(2**70), "true", "null", '"x"'])
def test_a_meta_of_hostile_numbers_makes_instruments_or_none(number: str) -> None:
    for name in ("szDecimals", "maxLeverage", "name"):
        row = {"name": '"BTC"', "szDecimals": "5", "maxLeverage": "40", name: number}
        text = "{" + ",".join(f'"{key}":{value}' for key, value in row.items()) + "}"
        try:
            rows = replies.decode_meta(b'{"universe":[' + text.encode() + b"]}")
        except ProtocolViolation:
            continue
        for made in instruments_from_meta(rows).values():
            assert 0 <= made.sz_decimals <= 6 and 1 <= made.max_leverage <= 1000
            assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made
