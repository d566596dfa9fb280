"""Streams beside those of one coin's market: of accounts, and of all coins.

The streams of an account, and those that show all coins at once. Like a `Topic` a `Stream` is the
venue's normal form of a subscription: addresses in lower case, defaults filled in.

Source: Hyperliquid documentation, "Websocket / Subscriptions", and recorded acknowledgements.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from venue.local.market.contract import Row
from venue.local.protocol.address import normal_address

USER_EVENTS = "userEvents"
USER_FILLS = "userFills"
USER_FUNDINGS = "userFundings"
ORDER_UPDATES = "orderUpdates"
NOTIFICATION = "notification"
LEDGER_UPDATES = "userNonFundingLedgerUpdates"
HISTORICAL_ORDERS = "userHistoricalOrders"
TWAP_HISTORY = "userTwapHistory"
TWAP_SLICE_FILLS = "userTwapSliceFills"
TWAP_STATES = "twapStates"
CLEARINGHOUSE = "clearinghouseState"
ALL_CLEARINGHOUSES = "allDexsClearinghouseState"
OPEN_ORDERS = "openOrders"
SPOT_STATE = "spotState"
WEB_DATA_2 = "webData2"
WEB_DATA_3 = "webData3"
ASSET_DATA = "activeAssetData"

ASSET_CONTEXTS = "assetCtxs"
ALL_ASSET_CONTEXTS = "allDexsAssetCtxs"
FAST_CONTEXTS = "fastAssetCtxs"

# Streams of events, of what an account is, and of all coins.
EVENTS = frozenset(
    (
        USER_EVENTS,
        USER_FILLS,
        USER_FUNDINGS,
        ORDER_UPDATES,
        NOTIFICATION,
        LEDGER_UPDATES,
        HISTORICAL_ORDERS,
        TWAP_HISTORY,
        TWAP_SLICE_FILLS,
    )
)
STATES = frozenset(
    (
        CLEARINGHOUSE,
        ALL_CLEARINGHOUSES,
        OPEN_ORDERS,
        SPOT_STATE,
        TWAP_STATES,
        WEB_DATA_2,
        WEB_DATA_3,
        ASSET_DATA,
    )
)
OVERVIEWS = frozenset((ASSET_CONTEXTS, ALL_ASSET_CONTEXTS, FAST_CONTEXTS))
_BY_DEX = frozenset((CLEARINGHOUSE, OPEN_ORDERS, TWAP_STATES, ASSET_CONTEXTS))
# What the venue may add to a subscription when it repeats it, by type.
_FLAGS = {USER_FILLS: "aggregateByTime", SPOT_STATE: "isPortfolioMargin"}


class Stream(Struct, frozen=True, cache_hash=True):
    """One stream of an account, or of all coins; `flag` is the one option that some have."""

    type: str
    user: str = ""
    coin: str = ""
    dex: str = ""
    flag: bool = False

    def echo(self) -> Row:
        """Return the subscription object with the venue's defaults filled in."""
        out: Row = {"type": self.type}
        if self.user:
            out["user"] = self.user
        if self.coin:
            out["coin"] = self.coin
        if self.type in _BY_DEX:
            out["dex"] = self.dex
        if self.type in _FLAGS:
            out[_FLAGS[self.type]] = self.flag
        return out


def stream_of(subscription: Row) -> Stream | None:
    """Return the stream that a subscription asks for, None when it is none or ill-typed."""
    kind: Any = subscription.get("type")
    if not isinstance(kind, str) or kind not in EVENTS | STATES | OVERVIEWS:
        return None
    user, coin, dex = "", "", ""
    if kind not in OVERVIEWS:
        found = normal_address(subscription.get("user"))
        if found is None:
            return None
        user = found
    if kind == ASSET_DATA:
        coin = subscription.get("coin")  # type: ignore[assignment]
        if not isinstance(coin, str):
            return None
    if kind in _BY_DEX:
        dex = subscription.get("dex") or ""
        if not isinstance(dex, str):
            return None
    flag = subscription.get(_FLAGS.get(kind, "")) or False
    return Stream(kind, user, coin, dex, flag) if isinstance(flag, bool) else None
