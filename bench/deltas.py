"""Books by deltas beside whole books: bytes, CPU time, and what an order finds in them.

Both sides are made of the same books of twenty levels, one every 0.54 s: whole ones as the venue
sends them (five levels each time, twenty every tenth time), and deltas with a whole book every
tenth time to check them. Orders of four sizes walk both, and the book they were made of.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from bench.result import Figure, Result
from bench.rounds import cpu_s, in_turns, over_rounds, ratios, settled_gc
from market.book import Book
from market.errors import require
from market.events import BookUpdate, Level
from tests.support import virtual
from venue.hyperliquid.l2 import DEPTH
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import L2, L2_BOOK, Subscription
from venue.local.market.contract import Topic
from venue.local.market.frames import frame
from venue.local.market.ladders import LADDER_MS, delta_of, packed
from venue.tape.importer import open_recording

RECORDING = "hyperliquid_rec_20250904"
MINUTES = 5.0
SLOW_EVERY = 10
NOTIONALS = (2_000.0, 20_000.0, 200_000.0, 1_000_000.0)
ORDERS = 2_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One way of telling books: what is subscribed to, and the frames of each moment."""

    name: str
    wanted: tuple[Subscription, ...]
    moments: list[list[bytes]]

    @property
    def frames(self) -> list[bytes]:
        """Return all frames in order."""
        return [raw for moment in self.moments for raw in moment]


def measure(rounds: int, *, minutes: float = MINUTES, orders: int = ORDERS) -> Result:
    """Compare the two on the local market, and on a recorded one when it is there."""
    result = Result("Books: deltas of twenty levels beside whole books")
    sources: dict[str, Callable[[], list[Row]]] = {"local": lambda: local(minutes)}
    folder = Path(os.environ.get("GNOMON_DATA", "../shared/data")) / RECORDING
    if folder.is_dir():
        sources["recorded"] = lambda: recorded(folder, minutes)
    else:
        result.notes.append(f"no {RECORDING} there: set GNOMON_DATA")
    for name, source in sources.items():
        rows = source()
        whole, deltas = told_whole(rows), told_by_deltas(rows)
        _cost(result, name, rows, whole, deltas, rounds)
        _orders(result, name, rows, whole, deltas, orders)
    return result


def local(minutes: float) -> list[Row]:
    """Return books of BTC in the local world."""
    world, topic = virtual.world(), Topic(L2_BOOK, coin="BTC")
    start_ms = virtual.START_MS - virtual.START_MS % LADDER_MS
    end_ms = start_ms + int(minutes * 60_000)
    return [world.book(topic, now_ms) for now_ms in range(start_ms, end_ms, LADDER_MS)]


def recorded(folder: Path, minutes: float) -> list[Row]:
    """Return recorded books of the first coin of a recording."""
    rows: list[Row] = []
    for _, raw in open_recording(folder).frames:
        if not raw.startswith(b'{"channel":"l2Book"'):
            continue
        row: Row = msgspec.json.decode(raw)["data"]
        whole = all(len(side) == DEPTH for side in row["levels"])
        if whole and (not rows or row["coin"] == rows[0]["coin"]):
            rows.append(row)
            if len(rows) == int(minutes * 60_000) // LADDER_MS:
                break
    return rows


def told_whole(rows: list[Row]) -> Side:
    """Return books as five levels each time and twenty now and then."""
    moments = []
    for number, row in enumerate(rows):
        short = {**row, "levels": [side[:5] for side in row["levels"]], "fast": True}
        moments.append([frame(L2_BOOK, short)])
        if number % SLOW_EVERY == 0:
            moments[-1].append(frame(L2_BOOK, row))
    coin = rows[0]["coin"]
    wanted = Subscription(L2_BOOK, coin, fast=True), Subscription(L2_BOOK, coin)
    return Side("fast and slow", wanted, moments)


def told_by_deltas(rows: list[Row]) -> Side:
    """Return books as a snapshot and deltas, with a whole one now and then to check them."""
    moments = [[frame(L2, {"s": rows[0]}), frame(L2_BOOK, rows[0])]]
    for number, (before, row) in enumerate(pairwise(rows), 1):
        moments.append([frame(L2, {"c": packed(delta_of(before, row))})])
        if number % SLOW_EVERY == 0:
            moments[-1].append(frame(L2_BOOK, row))
    coin = rows[0]["coin"]
    return Side("deltas", (Subscription(L2, coin), Subscription(L2_BOOK, coin)), moments)


def _cost(
    result: Result, name: str, rows: list[Row], whole: Side, deltas: Side, rounds: int
) -> None:
    seconds = len(rows) * LADDER_MS / 1e3
    for side in (whole, deltas):
        size = sum(map(len, side.frames))
        result.figures.append(Figure(f"{name}: {side.name}, bytes a second", size / seconds))
        result.figures.append(
            Figure(f"{name}: {side.name}, bytes a frame", size / len(side.frames))
        )
    quick = [len(moment[0]) for moment in deltas.moments[1:]]
    result.figures.append(Figure(f"{name}: bytes a delta", sum(quick) / len(quick)))
    with settled_gc():
        spent = in_turns(rounds, {s.name: _reading(s) for s in (whole, deltas)})
    for side in (whole, deltas):
        each = [s / len(side.frames) * 1e6 for s in spent[side.name]]
        result.figures.append(over_rounds(f"{name}: {side.name}, CPU a frame", each, "us"))
    found = ratios(spent[deltas.name], spent[whole.name])
    result.figures.append(over_rounds(f"{name}: deltas / fast and slow, CPU", found, "x"))


def _reading(side: Side) -> Callable[[], float]:
    def work() -> None:
        session = Session(side.wanted)
        session.opened(0)
        for number, raw in enumerate(side.frames):
            session.receive(raw, number)

    return lambda: cpu_s(work)


def _orders(
    result: Result, name: str, rows: list[Row], whole: Side, deltas: Side, orders: int
) -> None:
    books = {side.name: _shown(side) for side in (whole, deltas)}
    rng = random.Random(1)
    moments = [rng.randrange(SLOW_EVERY, len(rows)) for _ in range(orders)]
    for notional in NOTIONALS:
        truth = [_walk(_levels(rows[at]["levels"][1]), notional) for at in moments]
        for side, shown in books.items():
            walked = [_walk(shown[at], notional) for at in moments]
            partly = sum(left > 0.0 for _, left in walked) / len(walked)
            off = [
                abs(px / true - 1.0) * 1e4
                for (px, left), (true, missing) in zip(walked, truth, strict=True)
                if left == missing == 0.0
            ]
            what = f"{name}: {side}, orders of {notional:,.0f} USD"
            result.figures.append(Figure(f"{what} filled in part", partly * 100.0, "%"))
            mean = sum(off) / len(off) if off else 0.0
            result.figures.append(Figure(f"{what}, price off the whole book's", mean, "bps"))
    for side, shown in books.items():
        depth = sum(len(shown[at]) for at in moments) / len(moments)
        result.figures.append(Figure(f"{name}: {side}, levels an order sees", depth))
    result.counts.append(
        f"{name}: {len(rows)} books of {rows[0]['coin']}, {orders} orders of each size"
    )


def _shown(side: Side) -> list[list[Level]]:
    """Return the asks that an order finds at each moment."""
    session, book = Session(side.wanted), Book()
    session.opened(0)
    out = []
    for number, moment in enumerate(side.moments):
        for raw in moment:
            event = session.receive(raw, number)
            require(isinstance(event, BookUpdate), f"{raw[:80]!r}: {session.samples}")
            if isinstance(event, BookUpdate):
                book.apply_book(event)
        out.append(list(book.asks()))
    return out


def _levels(rows: list[Row]) -> list[Level]:
    return [Level(float(row["px"]), float(row["sz"])) for row in rows]


def _walk(levels: list[Level], notional: float) -> tuple[float, float]:
    """Return the average price of taking so much from levels, and the USD they lack."""
    left, size = notional, 0.0
    for level in levels:
        worth = min(left, level.px * level.sz)
        size += worth / level.px
        left -= worth
        if left <= 0.0:
            return notional / size, 0.0
    return (notional - left) / size, left
