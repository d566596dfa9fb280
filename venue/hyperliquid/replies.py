"""Replies of the /info endpoint, decoded once and typed; raises ProtocolViolation for the rest.

Source: Hyperliquid documentation, "Info endpoint".
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from market.errors import ProtocolViolation
from market.events import Candle
from venue.hyperliquid.bounds import PX_MAX, PX_MIN, is_amount, rate
from venue.hyperliquid.wire import Count, TimeMs

_any_decoder = msgspec.json.Decoder()


class _WireCandle(Struct, gc=False):
    t: TimeMs
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    v: float
    n: Count


class _WireFunding(Struct, gc=False, rename="camel"):
    funding_rate: float
    time: TimeMs


_candles_decoder = msgspec.json.Decoder(list[_WireCandle | None], strict=False)
_candle_decoder = msgspec.json.Decoder(_WireCandle, strict=False)
_rows_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_funding_decoder = msgspec.json.Decoder(list[_WireFunding], strict=False)


class CandleRows(Struct):
    """The possible rows of a candleSnapshot reply, oldest first, and how many were `refused`."""

    rows: list[Candle]
    refused: int = 0


def decode_candles(
    raw: bytes, *, step_ms: int = 1, until_ms: int = 2**63 // 1_000_000
) -> CandleRows:
    """Return the candles of a candleSnapshot reply; raises ProtocolViolation.

    One impossible row leaves the others what they are: the venue has been seen to tell of a high
    below its open for a moment. A reply without a possible row is no reply.
    """
    try:
        rows = _candles_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        rows = _readable_rows(raw)
    out: list[Candle] = []
    previous = -1
    for r in rows:
        if (
            r is not None
            and previous < r.t <= until_ms
            and r.t % step_ms == 0
            and PX_MIN <= r.l <= r.o <= r.h < PX_MAX
            and r.l <= r.c <= r.h
            and is_amount(r.v)
        ):
            previous = r.t
            out.append(Candle(r.t, r.o, r.h, r.l, r.c, r.v, r.n))
    if rows and not out:
        raise ProtocolViolation("bad_candle", f"none of {len(rows)} rows is possible")
    return CandleRows(out, len(rows) - len(out))


def _readable_rows(raw: bytes) -> list[_WireCandle | None]:
    """Return the rows of a reply one by one, None for those of other types than candles have."""
    try:
        texts = _rows_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation("malformed", f"candleSnapshot: {error}") from None
    rows: list[_WireCandle | None] = []
    why = ""
    for text in texts:
        try:
            rows.append(_candle_decoder.decode(text))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            why = str(error)
            rows.append(None)
    if not any(rows):
        raise ProtocolViolation("malformed", f"candleSnapshot: {why}")
    return rows


def decode_funding(raw: bytes) -> list[tuple[int, float]]:
    """Return (hour_ms, rate) of a fundingHistory reply; raises ProtocolViolation."""
    try:
        rows = _funding_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation("malformed", f"fundingHistory: {error}") from None
    for r in rows:
        if not -1.0 < r.funding_rate < 1.0:
            raise ProtocolViolation("bad_funding", f"{r.time} {r.funding_rate}")
    # Rows land some milliseconds after the hour they settle.
    return [(r.time // 3_600_000 * 3_600_000, rate(r.funding_rate)) for r in rows]


class _WireStatus(Struct, gc=False):
    time: TimeMs


_status_decoder = msgspec.json.Decoder(_WireStatus)


def decode_venue_time(raw: bytes) -> int:
    """Return the venue's time in an exchangeStatus reply, in ms; raises ProtocolViolation."""
    try:
        return _status_decoder.decode(raw).time
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation("malformed", f"exchangeStatus: {error}") from None


def decode_meta(raw: bytes) -> list[dict[str, object]]:
    """Return the `universe` rows of a meta reply; raises ProtocolViolation."""
    try:
        value = _any_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation("not_json", f"meta: {error}") from None
    universe = value.get("universe") if isinstance(value, dict) else None
    if not isinstance(universe, list):
        raise ProtocolViolation("malformed", "meta: no universe")
    return [row for row in universe if isinstance(row, dict)]
