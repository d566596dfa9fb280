"""Market streams of a coin: their names on the wire, and how often they speak."""

from __future__ import annotations

from msgspec import Struct

from market.events import NS_PER_S

BBO = "bbo"
L2_BOOK = "l2Book"
L2 = "l2"
TRADES = "trades"
CONTEXT = "activeAssetCtx"


class CoinStream(Struct, frozen=True):
    """One kind of stream: its name in `market.coin.Streams`, and type and option on the wire.

    `period_ns` is how often a periodic one speaks before it has shown it; None: on change only.
    """

    name: str
    type: str
    fast: bool = False
    period_ns: float | None = None


# In the order in which they are subscribed to.
COIN_STREAMS = (
    CoinStream("bbo", BBO),
    CoinStream("fast", L2_BOOK, fast=True, period_ns=0.54 * NS_PER_S),
    CoinStream("slow", L2_BOOK, period_ns=5.4 * NS_PER_S),
    CoinStream("trades", TRADES),
    CoinStream("context", CONTEXT, period_ns=1.0 * NS_PER_S),
)
