"""What a minute nobody watched may have done to a trade, at worst."""

from __future__ import annotations

from market.decision import BUY
from market.events import MS_PER_HOUR, NS_PER_MS, Candle
from market.fills import Fill, FillModel
from market.instrument import Instrument
from market.money import fee_e6, notional_e6
from shadow.ledger.trade import Trade


def hours_between(from_ns: int, to_ns: int) -> range:
    """Return the hours (ms) that ended in (from, to]."""
    first = from_ns // NS_PER_MS // MS_PER_HOUR * MS_PER_HOUR + MS_PER_HOUR
    return range(first, to_ns // NS_PER_MS + 1, MS_PER_HOUR)


def worst_exit(trade: Trade, candle: Candle, end_ns: int) -> tuple[float, str]:
    """Return the price and reason of the worst exit a minute allows, or (0.0, "").

    The stop counts before the target. A minute that opened beyond the stop fills at its open,
    unless it began before the gap did: then its open was seen, and did not end the trade.
    """
    side, stop, target = trade.side, trade.stop_px, trade.plan.target_px
    adverse = candle.low if side == BUY else candle.high
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


def fill_at(px: float, lots: int, instrument: Instrument, model: FillModel) -> Fill:
    """Return a fill of all lots at one price: what a candle can tell of an exit."""
    total = notional_e6(px, lots, instrument.sz_decimals)
    return Fill(lots, px, total, fee_e6(total, model.taker_e8), 0)


def trail_stop(trade: Trade) -> None:
    """Pull a trailing stop behind the extreme seen so far."""
    trail = trade.plan.trail
    if trail:
        if trade.side == BUY:
            trade.stop_px = max(trade.stop_px, trade.hi - trail)
        else:
            trade.stop_px = min(trade.stop_px, trade.lo + trail)
