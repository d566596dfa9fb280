"""Market streams of a coin: names on the wire, how often they speak, what stands in for them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from market.events import NS_PER_S, StreamName

BBO = "bbo"
L2_BOOK = "l2Book"
L2 = "l2"
TRADES = "trades"
CONTEXT = "activeAssetCtx"


class Subscription(Struct, frozen=True, gc=False):
    """One stream: its type, coin, and for l2Book whether the fast kind is meant."""

    type: str
    coin: str
    fast: bool = False

    def payload(self) -> dict[str, Any]:
        """Return the venue's subscription object."""
        if self.type == L2:
            return {"type": L2, "c": self.coin, "s": None, "m": None}
        out: dict[str, Any] = {"type": self.type, "coin": self.coin}
        if self.fast:
            out["fast"] = True
        return out


class CoinStream(Struct, frozen=True):
    """One kind of stream: its name in `market.coin.Streams`, and type and option on the wire.

    `period_ns` is how often a periodic one speaks before it has shown it; None: on change only.
    `fallback` is the kind that stands in while it is dead, None when nothing does; where that one
    is not listened to anyhow, it is asked for then. The deltas of `l2` make a book that is as quick
    as the fast one and as deep as the slow one, so it has the place of the fast one.
    """

    name: StreamName
    type: str
    fast: bool = False
    period_ns: float | None = None
    fallback: StreamName | None = None


# In the order in which they are subscribed to.
COIN_STREAMS = (
    CoinStream("bbo", BBO),
    CoinStream("l2", L2, period_ns=0.54 * NS_PER_S, fallback="fast"),
    CoinStream("fast", L2_BOOK, fast=True, period_ns=0.54 * NS_PER_S, fallback="slow"),
    CoinStream("slow", L2_BOOK, period_ns=5.4 * NS_PER_S, fallback="bbo"),
    CoinStream("trades", TRADES),
    CoinStream("context", CONTEXT, period_ns=1.0 * NS_PER_S),
)
KINDS = {(kind.type, kind.fast): kind for kind in COIN_STREAMS}
FALLBACKS = {kind.name: kind.fallback for kind in COIN_STREAMS}
