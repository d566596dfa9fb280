"""Builders of market values: short to write in a test, valid unless the test says otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from market.coin import Coin
from market.events import (
    NS_PER_MS,
    TIMEFRAME_MS,
    BboUpdate,
    BookUpdate,
    Candle,
    ContextUpdate,
    Level,
    Print,
    TradesUpdate,
)
from market.instrument import Instrument
from market.view import View

REPO = Path(__file__).parents[2]

# 2025-09-01 00:00 UTC: bars of every timeframe begin here.
START_MS = 1_756_684_800_000
START_NS = START_MS * NS_PER_MS
MINUTE_MS = 60_000


def make_instrument(coin: str = "BTC", sz_decimals: int = 5, **rules: Any) -> Instrument:
    """Return a listed perpetual."""
    return Instrument(coin, rules.pop("index", 0), sz_decimals, rules.pop("max_leverage", 40))


def kept_universe() -> list[dict[str, Any]]:
    """Return the rows kept beside the venue's code, read as plain JSON."""
    rows: list[dict[str, Any]] = json.loads(
        (REPO / "venue" / "hyperliquid" / "universe.json").read_text()
    )["universe"]
    return rows


def recorded_universe() -> list[dict[str, Any]]:
    """Return the rows of a recorded `meta` reply, or skip the test."""
    folder = Path(os.environ.get("GNOMON_DATA", REPO.parent / "shared" / "data"))
    frames = folder / "hyperliquid_frames_trading" / "frames.jsonl"
    if not frames.is_file():
        pytest.skip(f"no recorded meta at {frames} (set GNOMON_DATA)")
    for line in frames.read_text().splitlines():
        frame = json.loads(line)
        if frame["kind"] == "get_meta_ack":
            rows: list[dict[str, Any]] = json.loads(frame["raw"])["universe"]
            return rows
    raise AssertionError(f"{frames} holds no meta reply")


def levels(*pairs: tuple[float, float]) -> list[Level]:
    """Return levels from (price, size) pairs."""
    return [Level(px, sz, 1) for px, sz in pairs]


def ladder(best: float, step: float, sizes: Iterable[float]) -> list[Level]:
    """Return levels that start at `best` and go on by `step` (negative for bids)."""
    return [Level(best + i * step, sz, 1) for i, sz in enumerate(sizes)]


def book_update(
    bids: list[Level],
    asks: list[Level],
    *,
    time_ms: int = START_MS,
    coin: str = "BTC",
    fast: bool = True,
    recv_ns: int | None = None,
    skipped: int = 0,
) -> BookUpdate:
    """Return a whole-book snapshot, received when it was made unless told."""
    received = time_ms * NS_PER_MS if recv_ns is None else recv_ns
    return BookUpdate(coin, time_ms, bids, asks, fast, received, skipped)


def bbo_update(
    bid: tuple[float, float] | None,
    ask: tuple[float, float] | None,
    *,
    time_ms: int = START_MS,
    coin: str = "BTC",
    skipped: int = 0,
) -> BboUpdate:
    """Return a best bid and offer from (price, size) pairs."""
    return BboUpdate(
        coin,
        time_ms,
        None if bid is None else Level(*bid),
        None if ask is None else Level(*ask),
        time_ms * NS_PER_MS,
        skipped,
    )


def show_book(
    coin: Coin,
    mid: float,
    *,
    time_ms: int = START_MS,
    half: float = 0.0001,
    bid_sz: float = 1.0,
    ask_sz: float = 1.0,
) -> None:
    """Give a coin a valid one-level book around `mid`; `half` is the half spread as a share."""
    coin.book.apply_book(
        book_update(
            levels((mid * (1.0 - half), bid_sz)),
            levels((mid * (1.0 + half), ask_sz)),
            time_ms=time_ms,
            coin=coin.name,
        )
    )


def make_coin(
    name: str = "BTC",
    mid: float = 100.0,
    *,
    sz_decimals: int = 2,
    closes: Sequence[float] = (),
    timeframe: str = "1m",
) -> Coin:
    """Return a coin with a valid book and closed bars that end at START_MS."""
    coin = Coin(make_instrument(name, sz_decimals))
    show_book(coin, mid)
    append_closes(coin, closes, timeframe)
    coin.recompute_variance()
    return coin


def candle(
    start_ms: int,
    close: float,
    *,
    high: float | None = None,
    low: float | None = None,
    opened: float | None = None,
    volume: float = 1.0,
    count: int = 1,
) -> Candle:
    """Return a bar; what is left out is taken from the close."""
    first = close if opened is None else opened
    return Candle(
        start_ms,
        first,
        max(first, close) if high is None else high,
        min(first, close) if low is None else low,
        close,
        volume,
        count,
    )


def candles(
    closes: Sequence[float],
    timeframe: str = "1m",
    *,
    end_ms: int = START_MS,
    reach: float = 0.0,
    volume: float = 1.0,
) -> list[Candle]:
    """Return contiguous bars that end at `end_ms`; `reach` widens high and low by a share."""
    step = TIMEFRAME_MS[timeframe]
    first_ms = end_ms - len(closes) * step
    out = []
    for i, close in enumerate(closes):
        opened = closes[i - 1] if i else close
        out.append(
            candle(
                first_ms + i * step,
                close,
                opened=opened,
                high=max(opened, close) * (1.0 + reach),
                low=min(opened, close) * (1.0 - reach),
                volume=volume,
            )
        )
    return out


def append_closes(
    coin: Coin, closes: Sequence[float], timeframe: str = "1m", *, end_ms: int = START_MS
) -> None:
    """Append closed bars with these closes to a coin's series."""
    for bar in candles(closes, timeframe, end_ms=end_ms):
        coin.bars.series[timeframe].append(bar)


def context_update(
    coin: str = "BTC",
    *,
    recv_ns: int = START_NS,
    funding: float = 0.0000125,
    oracle_px: float = 100.0,
    mark_px: float = 100.0,
    open_interest: float = 1_000.0,
    premium: float | None = 0.0,
) -> ContextUpdate:
    """Return an asset context."""
    return ContextUpdate(
        coin, funding, open_interest, oracle_px, mark_px, premium, 1e6, 100.0, recv_ns
    )


def trades_update(
    prints: Iterable[tuple[float, float, int]], *, recv_ns: int = START_NS, coin: str = "BTC"
) -> TradesUpdate:
    """Return public trades from (price, size, aggressor), all at the time they are received."""
    time_ms = recv_ns // NS_PER_MS
    return TradesUpdate(coin, [Print(time_ms, px, sz, side) for px, sz, side in prints], recv_ns)


def view_of(*coins: Coin) -> View:
    """Return the view a bot gets of these coins."""
    return View({coin.name: coin for coin in coins})
