"""An order: its fields, statuses and rows on the wire.

An order is one object from its arrival to its end; what is told of it on the way are snapshots.
Prices are units, sizes lots.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from market.instrument import Instrument
from venue.local.exchange.state.decimals import text
from venue.local.market.contract import Row

BUY, SELL = 1, -1
ALO, IOC, GTC, FRONTEND = "Alo", "Ioc", "Gtc", "FrontendMarket"
TIFS = (ALO, IOC, GTC, FRONTEND)
TP, SL = "tp", "sl"
# Larger than any number of lots: how much of the crowd rests before an order is not yet known.
UNSEEN = 1 << 62

OPEN = "open"
FILLED = "filled"
CANCELED = "canceled"
TRIGGERED = "triggered"
REJECTED = "rejected"
MARGIN_CANCELED = "marginCanceled"
SELF_TRADE_CANCELED = "selfTradeCanceled"
REDUCE_ONLY_CANCELED = "reduceOnlyCanceled"
SIBLING_FILLED_CANCELED = "siblingFilledCanceled"
DELISTED_CANCELED = "delistedCanceled"
LIQUIDATED_CANCELED = "liquidatedCanceled"
SCHEDULED_CANCEL = "scheduledCancel"
TICK_REJECTED = "tickRejected"
MIN_TRADE_NTL_REJECTED = "minTradeNtlRejected"
PERP_MARGIN_REJECTED = "perpMarginRejected"
REDUCE_ONLY_REJECTED = "reduceOnlyRejected"
BAD_ALO_PX_REJECTED = "badAloPxRejected"
IOC_CANCEL_REJECTED = "iocCancelRejected"
BAD_TRIGGER_PX_REJECTED = "badTriggerPxRejected"
NO_LIQUIDITY_REJECTED = "marketOrderNoLiquidityRejected"
INCREASE_AT_CAP_REJECTED = "positionIncreaseAtOpenInterestCapRejected"
FLIP_AT_CAP_REJECTED = "positionFlipAtOpenInterestCapRejected"
AGGRESSIVE_AT_CAP_REJECTED = "tooAggressiveAtOpenInterestCapRejected"
OI_INCREASE_REJECTED = "openInterestIncreaseRejected"
ORACLE_REJECTED = "oracleRejected"
MAX_POSITION_REJECTED = "perpMaxPositionRejected"
TOO_MANY_REJECTED = "tooManyOpenOrdersRejected"


class Trigger(Struct, frozen=True):
    """Condition of a trigger order: the mark at or beyond `px`; a market or a limit order then."""

    px: int
    is_market: bool
    tpsl: str


class Builder(Struct, frozen=True):
    """Builder fee of an order: to whom, and tenths of a basis point."""

    address: str
    tenths_bp: int


@dataclass(slots=True, eq=False)
class Order:
    """One order of an account.

    `lots` is what remains; `ahead` the crowd's lots that rest before it at its price. `is_waiting`
    says that its trigger has not been reached, `is_pending` that its parent has not been filled.
    """

    oid: int
    user: str
    instrument: Instrument
    side: int
    px: int
    lots: int
    tif: str
    made_ms: int
    orig: int = 0
    reduce_only: bool = False
    cloid: str | None = None
    trigger: Trigger | None = None
    builder: Builder | None = None
    is_position_tpsl: bool = False
    is_waiting: bool = False
    is_pending: bool = False
    is_open: bool = False
    twap_id: int | None = None
    liquidation: str = ""
    status: str = OPEN
    status_ms: int = 0
    ahead: int = 0
    filled_lots: int = 0
    filled_e6: int = 0
    parent: Order | None = None
    children: list[Order] = field(default_factory=list)
    siblings: list[Order] = field(default_factory=list)

    @property
    def coin(self) -> str:
        """Return the coin."""
        return self.instrument.coin


def order_row(order: Order, lots: int) -> Row:
    """Return the short form, with the size that remained."""
    instrument = order.instrument
    row: Row = {
        "coin": instrument.coin,
        "side": "B" if order.side > 0 else "A",
        "limitPx": text(order.px, instrument.px_decimals),
        "sz": text(lots, instrument.sz_decimals),
        "oid": order.oid,
        "timestamp": order.made_ms,
        "origSz": text(order.orig, instrument.sz_decimals),
    }
    if order.cloid is not None:
        row["cloid"] = order.cloid
    if order.reduce_only:
        row["reduceOnly"] = True
    return row


def frontend_row(order: Order) -> Row:
    """Return the long form, which names every property."""
    instrument = order.instrument
    trigger = order.trigger
    return {
        "coin": instrument.coin,
        "side": "B" if order.side > 0 else "A",
        "limitPx": text(order.px, instrument.px_decimals),
        "sz": text(order.lots, instrument.sz_decimals),
        "oid": order.oid,
        "timestamp": order.made_ms,
        "triggerCondition": _condition(order),
        "isTrigger": trigger is not None,
        "triggerPx": text(trigger.px, instrument.px_decimals) if trigger else "0.0",
        "children": [frontend_row(child) for child in order.children if child.is_open],
        "isPositionTpsl": order.is_position_tpsl,
        "reduceOnly": order.reduce_only,
        "orderType": _type(order),
        "origSz": text(order.orig, instrument.sz_decimals),
        "tif": None if trigger and trigger.is_market else order.tif,
        "cloid": order.cloid,
    }


def is_above(order: Order) -> bool:
    """Say whether a trigger waits for the mark to rise."""
    assert order.trigger is not None
    return (order.side > 0) == (order.trigger.tpsl == SL)


def is_reached(order: Order, mark: int) -> bool:
    """Say whether the mark has reached the trigger."""
    assert order.trigger is not None
    return mark >= order.trigger.px if is_above(order) else mark <= order.trigger.px


def _condition(order: Order) -> str:
    if order.trigger is None:
        return "N/A"
    px = text(order.trigger.px, order.instrument.px_decimals).removesuffix(".0")
    if order.status == TRIGGERED or not (order.is_waiting or order.is_pending):
        return "Triggered"
    return f"Price {'above' if is_above(order) else 'below'} {px}"


def _type(order: Order) -> str:
    if order.trigger is None:
        if order.twap_id is not None:
            return "Twap Slice"
        return "Market" if order.tif == FRONTEND else "Limit"
    kind = "Take Profit" if order.trigger.tpsl == TP else "Stop"
    return f"{kind} {'Market' if order.trigger.is_market else 'Limit'}"
