"""Chart of one coin as a running daemon knows it: candles, and returns for its shape."""

from __future__ import annotations

from itertools import pairwise
from math import log

from msgspec import Struct

from daemon.views.rim import Rim

CANDLES = 192
RETURNS = 420


class CoinChart(Struct):
    """Closed candles `[start_ms, open, high, low, close]` in USD, the oldest first.

    `returns` are log returns of the newest minutes.
    """

    coin: str
    timeframe: str
    candles: list[tuple[int, float, float, float, float]]
    returns: list[float]


def coin_chart(rim: Rim, name: str) -> CoinChart | None:
    """Return a coin's chart, None where there is no such coin.

    Of five and fifteen minutes the longer is shown once it has enough bars.
    """
    coin = rim.engine.market.coins.get(name)
    if coin is None:
        return None
    series = coin.bars.series
    timeframe = (
        "15m" if len(series["15m"]) >= CANDLES else "5m" if len(series["5m"]) >= 24 else "1m"
    )
    bars, minutes = series[timeframe], series["1m"].close[-RETURNS - 1 :]
    columns = (bars.start_ms, bars.open, bars.high, bars.low, bars.close)
    candles = list(zip(*(column[-CANDLES:] for column in columns), strict=True))
    returns = [log(b / a) for a, b in pairwise(minutes)]
    return CoinChart(name, timeframe, candles, returns)
