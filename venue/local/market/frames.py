"""Wire rows and frames of books, trades and contexts.

Prices, sizes and rates are decimal text, times and counts are numbers; the fields and their order
are those of recorded frames.
"""

from __future__ import annotations

import msgspec

from market.instrument import Instrument
from venue.local.market.contract import Row
from venue.local.market.levels import Levels
from venue.local.market.ticks import rate_text, text_of

encode = msgspec.json.encode

# The context of a coin of which nothing is known.
NO_CONTEXT: Row = {
    "funding": "0.0",
    "openInterest": "0.0",
    "prevDayPx": "0.0",
    "dayNtlVlm": "0.0",
    "premium": None,
    "oraclePx": "0.0",
    "markPx": "0.0",
    "midPx": None,
    "impactPxs": None,
    "dayBaseVlm": "0.0",
}


def frame(channel: str, data: object) -> bytes:
    """Return the text of a websocket frame."""
    return encode({"channel": channel, "data": data})


def level_rows(levels: Levels, instrument: Instrument) -> list[Row]:
    """Return the levels of one side."""
    px_decimals, sz_decimals = instrument.px_decimals, instrument.sz_decimals
    return [
        {"px": text_of(px, px_decimals), "sz": text_of(lots, sz_decimals), "n": orders}
        for px, lots, orders in levels
    ]


def book_row(
    instrument: Instrument,
    time_ms: int,
    sides: tuple[Levels, Levels],
    *,
    fast: bool = False,
    grouped: bool = False,
) -> Row:
    """Return a book; grouped ones also tell the distance between the two best prices."""
    bids, asks = sides
    data: Row = {
        "coin": instrument.coin,
        "time": time_ms,
        "levels": [level_rows(bids, instrument), level_rows(asks, instrument)],
    }
    if grouped and bids and asks:
        data["spread"] = text_of(asks[0][0] - bids[0][0], instrument.px_decimals)
    if fast:
        data["fast"] = True
    return data


def bbo_row(instrument: Instrument, time_ms: int, sides: tuple[Levels, Levels]) -> Row:
    """Return a best bid and offer, null where a side is empty."""
    touch = [level_rows(side[:1], instrument) for side in sides]
    return {
        "coin": instrument.coin,
        "time": time_ms,
        "bbo": [rows[0] if rows else None for rows in touch],
    }


def funding_row(coin: str, time_ms: int, rate: float, premium: float) -> Row:
    """Return one settled hour: the hourly rate charged and the hour's mean premium."""
    return {
        "coin": coin,
        "fundingRate": rate_text(rate),
        "premium": rate_text(premium),
        "time": time_ms,
    }
