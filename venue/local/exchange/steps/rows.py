"""Wire rows of fills, order changes, trades and funding."""

from __future__ import annotations

from market.instrument import Instrument
from venue.local.exchange.state.account import Fill
from venue.local.exchange.state.decimals import text, usd
from venue.local.exchange.state.exchange_state import Event, Told, Trade, hash_text
from venue.local.exchange.state.notes import FILL, ORDER, Note, Print
from venue.local.exchange.state.order import order_row
from venue.local.market.contract import Row

NO_HASH = "0x" + "0" * 64
FEE_COIN = "USDC"


def told(event: Event, instruments: dict[str, Instrument]) -> Note | Print:
    """Return an event as it is handed out."""
    if isinstance(event, Told):
        return Note(event.order.user, ORDER, told_row(event), event.ms)
    if isinstance(event, Fill):
        return Note(event.order.user, FILL, fill_row(event), event.ms)
    if isinstance(event, Trade):
        return Print(event.coin, trade_row(event, instruments[event.coin]))
    return event


def told_row(event: Told) -> Row:
    """Return what became of an order."""
    return {
        "order": order_row(event.order, event.lots),
        "status": event.status,
        "statusTimestamp": event.ms,
    }


def direction(start: int, signed: int) -> str:
    """Return the venue's words for what a fill did to a position."""
    end = start + signed
    if start * end < 0:
        return "Long > Short" if start > 0 else "Short > Long"
    if start * signed >= 0:
        return "Open Long" if signed > 0 else "Open Short"
    return "Close Long" if start > 0 else "Close Short"


def fill_row(fill: Fill) -> Row:
    """Return a fill."""
    order = fill.order
    instrument = order.instrument
    px_decimals, sz_decimals = instrument.px_decimals, instrument.sz_decimals
    row: Row = {
        "coin": instrument.coin,
        "px": text(fill.px, px_decimals),
        "sz": text(fill.lots, sz_decimals),
        "side": "B" if fill.side > 0 else "A",
        "time": fill.ms,
        "startPosition": text(fill.start, sz_decimals),
        "dir": direction(fill.start, fill.side * fill.lots),
        "closedPnl": usd(fill.closed_e6),
        "hash": NO_HASH if order.twap_id is not None else hash_text(fill.tx),
        "oid": order.oid,
        "crossed": fill.crossed,
        "fee": usd(fill.fee_e6),
        "tid": fill.tid,
    }
    # In recorded rows what is there only sometimes stands before the last two names.
    if order.cloid is not None:
        row["cloid"] = order.cloid
    if fill.builder_e6:
        row["builderFee"] = usd(fill.builder_e6)
    if fill.liquidation is not None:
        row["liquidation"] = {
            "liquidatedUser": fill.liquidation.user,
            "markPx": text(fill.liquidation.mark, px_decimals),
            "method": fill.liquidation.method,
        }
    row["feeToken"] = FEE_COIN
    row["twapId"] = order.twap_id
    return row


def trade_row(trade: Trade, instrument: Instrument) -> Row:
    """Return a public trade."""
    return {
        "coin": trade.coin,
        "side": "B" if trade.side > 0 else "A",
        "px": text(trade.px, instrument.px_decimals),
        "sz": text(trade.lots, instrument.sz_decimals),
        "time": trade.ms,
        "hash": hash_text(trade.tx),
        "tid": trade.tid,
        "users": [trade.buyer, trade.seller],
    }
