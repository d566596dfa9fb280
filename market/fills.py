"""Fill model: what an order would have got from a visible book.

One model serves paper trades, twins and phantoms, so a report compares decisions and never
simulators. An order reaches the venue `latency_ns` after it was decided, then walks the levels
it finds; what the levels cannot give stays unfilled. Hidden liquidity, queue position and our
own impact on later books are not modelled: sizes are meant to be small beside the book.

An exit in minutes that nobody marked is priced from their candles, worst case first, and then pays
what any exit pays: it walks the coin's usual book around that price, half the usual spread away and
level by level. What the ladder cannot hold goes at its deepest price, where a live exit would wait
for the next book. So to have been in a gap is never better than to have been watched.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from market.book import Book
from market.decision import BUY, ExitPlan
from market.events import NS_PER_MS, Candle, Level
from market.instrument import Instrument
from market.money import bearable_e6, bps_to_e8, fee_e6, notional_e6
from market.usual import Usual


class Order(Protocol):
    """An order as the fill model needs it, in lots.

    `side` is that of the position; `skip_lots` are those that another order took before it.
    """

    @property
    def side(self) -> int:
        """Return BUY or SELL."""

    @property
    def lots(self) -> int:
        """Return the size."""

    @property
    def skip_lots(self) -> int:
        """Return how much of the book is taken."""


class Unseen(Protocol):
    """A trade that nobody marked, as the fill model needs it: its exits, and since when.

    Prices in USD, times in nanoseconds. `exit_due_ns` is 0 unless an exit was on its way, for
    `exit_reason`.
    """

    side: int
    stop_px: float
    plan: ExitPlan
    decided_ns: int
    gap_ns: int
    exit_due_ns: int
    exit_reason: str

    @property
    def open_lots(self) -> int:
        """Return the lots still held."""


class Fill(Struct, frozen=True, gc=False):
    """Result of one walk of the book; `px` is the average, `lots` may be 0."""

    lots: int
    px: float
    notional_e6: int
    fee_e6: int
    levels: int


NO_FILL = Fill(0, 0.0, 0, 0, 0)


class FillModel(Struct, frozen=True, gc=False):
    """The assumptions: latency in nanoseconds, fees in 1e-8 of notional."""

    latency_ns: int
    taker_e8: int
    maker_e8: int

    @classmethod
    def of(cls, *, latency_ms: float, taker_bps: float, maker_bps: float) -> FillModel:
        """Return the model from the units a configuration uses."""
        return cls(round(latency_ms * 1e6), bps_to_e8(taker_bps), bps_to_e8(maker_bps))

    def enter(self, order: Order, book: Book, instrument: Instrument) -> Fill:
        """Return what a taker entry gets from a book."""
        return walk(
            _taken(book, order.side),
            order.lots,
            instrument,
            fee_rate_e8=self.taker_e8,
            skip_lots=order.skip_lots,
        )

    def exit(self, order: Order, book: Book, instrument: Instrument) -> Fill:
        """Return what a taker exit of a position on the order's side gets from a book."""
        return walk(
            _taken(book, -order.side),
            order.lots,
            instrument,
            fee_rate_e8=self.taker_e8,
            skip_lots=order.skip_lots,
        )

    def repair(
        self, trade: Unseen, candle: Candle, end_ns: int, usual: Usual, instrument: Instrument
    ) -> tuple[Fill, str] | None:
        """Return the worst exit and its reason that an unseen minute allows; None for no exit.

        The minute counts up to `end_ns`. All that is held goes.
        """
        px, reason = _worst_exit(trade, candle, end_ns)
        if not reason:
            return None
        return self.leave(trade.side, trade.open_lots, px, usual, instrument), reason

    def leave(self, side: int, lots: int, mid: float, usual: Usual, instrument: Instrument) -> Fill:
        """Return what a taker exit of a position gets from the usual book around a mid."""
        levels = usual.against(-side, mid)
        fill = walk(levels, lots, instrument, fee_rate_e8=0)
        rest = lots - fill.lots
        total = fill.notional_e6 + notional_e6(levels[-1].px, rest, instrument.sz_decimals)
        px = average_px(total, lots, instrument)
        return Fill(lots, px, total, fee_e6(total, self.taker_e8), fill.levels)


def _worst_exit(trade: Unseen, candle: Candle, end_ns: int) -> tuple[float, str]:
    """Return the price and reason of the worst exit a minute allows, or (0.0, "").

    The stop counts before the target. A minute that opened beyond the stop fills at its open,
    unless it began before the gap did: then its open was seen, and did not end the trade. An exit
    that was on its way met some price of the minute: the worst.
    """
    side, stop, target = trade.side, trade.stop_px, trade.plan.target_px
    adverse = candle.low if side == BUY else candle.high
    if trade.exit_due_ns:
        return adverse, trade.exit_reason
    favourable = candle.high if side == BUY else candle.low
    began_before = candle.start_ms * NS_PER_MS < trade.gap_ns
    if side * (adverse - stop) <= 0.0:
        beyond = side * (candle.open - stop) < 0.0 and not began_before
        return (candle.open if beyond else stop), "stop"
    if target and side * (favourable - target) >= 0.0:
        return target, "target"
    if trade.decided_ns + trade.plan.horizon_ns <= end_ns:
        return candle.close, "horizon"
    return 0.0, ""


def _taken(book: Book, side: int) -> list[Level]:
    return book.asks() if side == BUY else book.bids()


def walk(
    levels: list[Level],
    lots: int,
    instrument: Instrument,
    *,
    fee_rate_e8: int,
    skip_lots: int = 0,
) -> Fill:
    """Take `lots` from `levels` in order, after the first `skip_lots` that someone else took."""
    remaining = lots
    skip = skip_lots
    total_e6 = 0
    touched = 0
    decimals = instrument.sz_decimals
    for level in levels:
        available = instrument.lots(level.sz)
        if skip:
            taken = min(skip, available)
            skip -= taken
            available -= taken
        if available <= 0:
            continue
        take = min(remaining, available)
        total_e6 += notional_e6(level.px, take, decimals)
        touched += 1
        remaining -= take
        if not remaining:
            break
    filled = lots - remaining
    total_e6 = bearable_e6(total_e6)
    if not total_e6:
        # Nothing, or dust that rounds to no money at all.
        return NO_FILL
    px = average_px(total_e6, filled, instrument)
    return Fill(filled, px, total_e6, fee_e6(total_e6, fee_rate_e8), touched)


def average_px(total_e6: int, lots: int, instrument: Instrument) -> float:
    """Return the price in USD of `lots` that cost a total in micro-USDC."""
    return total_e6 / 1e6 / instrument.size(lots)


def impact_bps(levels: list[Level], lots: int, instrument: Instrument, mid: float) -> float | None:
    """Return how far, in bps of the mid, the average price of `lots` would be from the mid.

    0.0 for no lots at all, None when the visible levels do not hold that much.
    """
    if lots <= 0:
        return 0.0
    fill = walk(levels, lots, instrument, fee_rate_e8=0)
    if fill.lots < lots:
        return None
    return abs(fill.px - mid) / mid * 1e4


def touch_impact_bps(best: Level, lots: int, instrument: Instrument, mid: float) -> float | None:
    """Return the same of levels that begin with `best`; None when it does not hold that much."""
    if lots <= 0:
        return 0.0
    if instrument.lots(best.sz) < lots:
        return None
    px = average_px(notional_e6(best.px, lots, instrument.sz_decimals), lots, instrument)
    return abs(px - mid) / mid * 1e4
