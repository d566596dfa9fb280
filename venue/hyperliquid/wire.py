"""Messages of the venue, decoded once and typed, and the frames we send.

Numbers travel as decimal strings; `strict=False` lets the C decoder turn them into floats, which
is four times as fast as json and float(). Only fields that are read are declared. `decode` and
the converters raise ProtocolViolation and nothing else, whatever the bytes.

Source: Hyperliquid documentation, "Websocket / Subscriptions" and "Info endpoint".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from market.errors import ProtocolViolation
from market.events import BboUpdate, BookUpdate, ContextUpdate, Level, Print, TradesUpdate
from venue.hyperliquid import bounds
from venue.hyperliquid.bounds import is_amount, is_bearable, rate
from venue.hyperliquid.streams import BBO, CONTEXT, L2, L2_BOOK, TRADES, Subscription

# A venue time in ms must fit 64 bits as nanoseconds: Python's integers have no end, but floats
# and database columns do.
TimeMs = Annotated[int, Meta(ge=0, le=(2**63 - 1) // 1_000_000)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]

# A plain-text greeting that some captures of the venue show; no frame, and no fault either.
GREETING = b"Websocket connection established."


class L2Data(Struct, gc=False):
    """Levels of a book as (bids downwards, asks upwards)."""

    coin: str
    time: TimeMs
    levels: tuple[list[Level], list[Level]]
    fast: bool = False


class L2BookFrame(Struct, gc=False, tag_field="channel", tag=L2_BOOK):
    """A whole book."""

    data: L2Data


class LadderData(Struct, gc=False):
    """A snapshot of a book, or the text of a change of it (see `venue.hyperliquid.l2`)."""

    s: L2Data | None = None
    c: str | None = None


class LadderFrame(Struct, gc=False, tag_field="channel", tag=L2):
    """A book that is kept up by deltas."""

    data: LadderData


class BboData(Struct, gc=False):
    """Best bid and offer as (bid, ask)."""

    coin: str
    time: TimeMs
    bbo: tuple[Level | None, Level | None]


class BboFrame(Struct, gc=False, tag_field="channel", tag=BBO):
    """The best bid and offer."""

    data: BboData


class WireTrade(Struct, gc=False):
    """A public trade; side B means that the buyer was the aggressor."""

    coin: str
    side: Literal["A", "B"]
    px: float
    sz: float
    time: TimeMs
    tid: Count


class TradesFrame(Struct, gc=False, tag_field="channel", tag=TRADES):
    """Public trades; the first frame after subscribing replays old ones."""

    data: list[WireTrade]


class _Context(Struct, gc=False, rename="camel"):
    funding: float
    open_interest: float
    oracle_px: float
    mark_px: float
    day_ntl_vlm: float
    prev_day_px: float
    premium: float | None = None


class ContextData(Struct, gc=False):
    """A coin and its context."""

    coin: str
    ctx: _Context


class ContextFrame(Struct, gc=False, tag_field="channel", tag=CONTEXT):
    """An asset context; it carries no venue time."""

    data: ContextData


class Ack(Struct, gc=False):
    """The request that an acknowledgement is for."""

    method: str
    subscription: dict[str, Any]


class AckFrame(Struct, gc=False, tag_field="channel", tag="subscriptionResponse"):
    """The venue's echo of a (un)subscribe, with its defaults filled in."""

    data: Ack


class ErrorFrame(Struct, gc=False, tag_field="channel", tag="error"):
    """A complaint of the venue, tied to no request."""

    data: str


class PongFrame(Struct, gc=False, tag_field="channel", tag="pong"):
    """The answer to our ping."""


Frame = (
    L2BookFrame
    | LadderFrame
    | BboFrame
    | TradesFrame
    | ContextFrame
    | AckFrame
    | ErrorFrame
    | PongFrame
)
CHANNELS = frozenset(frame.__struct_config__.tag for frame in get_args(Frame))

_decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame, strict=False)
_any_decoder = msgspec.json.Decoder()


def decode(raw: bytes) -> Frame:
    """Return the frame in `raw`; raises ProtocolViolation of kind not_json, unknown_channel
    or malformed.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise ProtocolViolation(_why_invalid(raw), str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation("not_json", str(error)) from None


def _why_invalid(raw: bytes) -> str:
    try:
        value = _any_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "not_json"
    channel = value.get("channel") if isinstance(value, dict) else None
    known = isinstance(channel, str) and channel in CHANNELS
    return "malformed" if known else "unknown_channel"


def named(raw: bytes) -> Subscription | None:
    """Return the stream that a refused frame says it is of, None when it says nothing."""
    try:
        value = _any_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    channel, data = (
        (value.get("channel"), value.get("data")) if isinstance(value, dict) else ("", 0)
    )
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(channel, str) or not isinstance(data, dict):
        return None
    if channel == L2 and isinstance(data.get("s"), dict):
        data = data["s"]
    coin = data.get("coin")
    if not isinstance(coin, str):
        return None
    return Subscription(channel, coin, data.get("fast") is True)


def object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object that ends a complaint of the venue, None when there is none."""
    start = text.find("{")
    try:
        value = _any_decoder.decode(text[start:].encode()) if start >= 0 else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def book_update(data: L2Data, now_ns: int) -> BookUpdate:
    """Return a book event; raises ProtocolViolation unless levels are positive and sorted."""
    bids, asks = data.levels
    px_min, px_max, sz_min, sz_max = bounds.LEVEL
    previous = px_max
    for level in bids:
        # A NaN fails every comparison, so it cannot pass for a price.
        if not (px_min <= level.px < previous and sz_min <= level.sz < sz_max):
            raise ProtocolViolation("bad_level", f"{data.coin} bid {level.px} x {level.sz}")
        previous = level.px
    previous = 0.0
    for level in asks:
        if not (previous < level.px < px_max and sz_min <= level.sz < sz_max):
            raise ProtocolViolation("bad_level", f"{data.coin} ask {level.px} x {level.sz}")
        previous = level.px
    for best in (*bids[:1], *asks[:1]):
        if not is_bearable(best.px, best.sz):
            raise ProtocolViolation("bad_level", f"{data.coin} {best.px} x {best.sz}")
    return BookUpdate(data.coin, data.time, bids, asks, data.fast, now_ns)


def bbo_update(data: BboData, now_ns: int) -> BboUpdate:
    """Return a best-bid-and-offer event; raises ProtocolViolation for impossible numbers."""
    for level in data.bbo:
        if level is not None and not is_bearable(level.px, level.sz):
            raise ProtocolViolation("bad_level", f"{data.coin} bbo {level.px} x {level.sz}")
    return BboUpdate(data.coin, data.time, data.bbo[0], data.bbo[1], now_ns)


def context_update(data: ContextData, now_ns: int) -> ContextUpdate:
    """Return a context event; raises ProtocolViolation for impossible numbers."""
    c = data.ctx
    usable = (
        -1.0 < c.funding < 1.0
        and bounds.PX_MIN <= c.oracle_px < bounds.PX_MAX
        and bounds.PX_MIN <= c.mark_px < bounds.PX_MAX
        and is_amount(c.open_interest)
        and is_amount(c.day_ntl_vlm)
        and is_amount(c.prev_day_px)
    )
    if not usable or (c.premium is not None and not -1.0 < c.premium < 1.0):
        raise ProtocolViolation("bad_context", data.coin)
    return ContextUpdate(
        data.coin,
        rate(c.funding),
        c.open_interest,
        c.oracle_px,
        c.mark_px,
        None if c.premium is None else rate(c.premium),
        c.day_ntl_vlm,
        c.prev_day_px,
        now_ns,
    )


def trades_update(coin: str, trades: Iterable[WireTrade], now_ns: int) -> TradesUpdate:
    """Return a trades event; raises ProtocolViolation for impossible numbers."""
    prints = []
    for t in trades:
        if not is_bearable(t.px, t.sz):
            raise ProtocolViolation("bad_trade", f"{coin} {t.px} x {t.sz}")
        prints.append(Print(t.time, t.px, t.sz, 1 if t.side == "B" else -1))
    return TradesUpdate(coin, prints, now_ns)


def subscribe(subscription: Subscription) -> bytes:
    """Return the frame that asks for a stream."""
    return msgspec.json.encode({"method": "subscribe", "subscription": subscription.payload()})


def unsubscribe(subscription: Subscription) -> bytes:
    """Return the frame that ends a stream."""
    return msgspec.json.encode({"method": "unsubscribe", "subscription": subscription.payload()})


PING = b'{"method":"ping"}'
