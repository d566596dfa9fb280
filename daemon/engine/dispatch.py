"""Dispatch table: by kind and coin, the hooks of the healthy lanes that asked for it.

Calling only whoever listens is the largest single saving of the hot path, so the tuples are made
once and remade only when a lane fails or is re-armed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from divisions.lane import Lane
from market.coin import Coin

Hook = tuple[Callable[..., Any], Any, Lane]


class Subscribers:
    """Hooks by what they hear: `book`, `trades`, `context` by coin, `bars` by (coin, timeframe)."""

    def __init__(self, lanes: list[Lane], coins: Iterable[str] | dict[str, Coin]) -> None:
        healthy = [lane for lane in lanes if not lane.fault]
        names = list(coins)
        self.book = {name: _hooks(healthy, "on_book", name) for name in names}
        self.trades = {name: _hooks(healthy, "on_trades", name) for name in names}
        self.context = {name: _hooks(healthy, "on_context", name) for name in names}
        self.bars: dict[tuple[str, str], tuple[Hook, ...]] = {}
        for name in names:
            for timeframe in {tf: None for lane in healthy for tf in lane.bot.timeframes}:
                hearing = [lane for lane in healthy if timeframe in lane.bot.timeframes]
                self.bars[name, timeframe] = _hooks(hearing, "on_bar", name)


def _hooks(lanes: list[Lane], hook: str, coin: str) -> tuple[Hook, ...]:
    return tuple(
        (getattr(lane.bot, hook), lane.memory(coin), lane) for lane in lanes if lane.bot.hears(hook)
    )


def idle_bots(lanes: Iterable[Lane], coins: Iterable[Coin]) -> list[str]:
    """Return the bots that have heard none of the data they listen to."""
    watched = list(coins)
    return [lane.name for lane in lanes if not any(_heard(lane, coin) for coin in watched)]


def _heard(lane: Lane, coin: Coin) -> bool:
    streams, series = coin.streams, coin.bars.series
    heard = {
        "book": streams.fast.last_ns or streams.slow.last_ns or streams.bbo.last_ns,
        "trades": streams.trades.last_ns,
        "context": streams.context.last_ns,
        "bars": any(len(series[tf]) for tf in lane.bot.timeframes),
    }
    return any(heard[feed] for feed in lane.bot.feeds())
