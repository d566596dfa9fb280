"""Steps of a trade's life: ordered, bought, sold, funded, marked at a day's end, given up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.events import MS_PER_DAY, NS_PER_MS
from market.fills import Fill
from market.instrument import Instrument
from market.money import bearable_e6, funding_e6, notional_e6
from market.orders import Enter, Exit, Protect
from shadow.ledger.trade import UNAVAILABLE, Change, Cost, Owed, Trade, TradeState


def intent_of(trade: Trade) -> Enter | Exit:
    """Return the order that a pending or exiting trade has at work."""
    if trade.state == TradeState.PENDING:
        return Enter(
            trade.trade_id,
            trade.coin,
            trade.side,
            trade.lots,
            trade.skip_lots,
            trade.due_ns,
            trade.expires_ns,
        )
    return Exit(
        trade.trade_id,
        trade.coin,
        trade.side,
        trade.open_lots,
        trade.skip_lots,
        trade.exit_due_ns,
        trade.exit_reason,
    )


def protection_of(trade: Trade) -> Protect:
    """Return the protective stop of an open trade, at the stop of its plan."""
    return Protect(trade.trade_id, trade.coin, trade.side, trade.open_lots, trade.plan.stop_px)


def buy(trade: Trade, fill: Fill, mid: float, instrument: Instrument, now_ns: int) -> Change:
    """Take a pending trade's entry; its risk is frozen at the decision's mid and first stop.

    `mid` is that of the book that filled it.
    """
    trade.state = TradeState.OPEN
    trade.filled_lots = fill.lots
    trade.entry_notional_e6 = fill.notional_e6
    trade.entry_px = fill.px
    trade.fees_e6 = fill.fee_e6
    trade.opened_ns = now_ns
    trade.hi = trade.lo = mid
    distance = abs(trade.decision_mid - trade.plan.stop_px)
    trade.risk_e6 = bearable_e6(notional_e6(distance, fill.lots, instrument.sz_decimals))
    trade.entry_cost = _cost(trade.side, fill, trade.decision_mid, mid, instrument)
    if fill.lots < trade.lots:
        trade.flag("partial")
    return Change(trade, "filled", now_ns, fill)


def sell(
    trade: Trade, fill: Fill, instrument: Instrument, now_ns: int, *, mid: float = 0.0
) -> list[Change]:
    """Take part or all of a trade's exit; the last part gives the day its share and closes it.

    `mid` is that of the book that filled it, 0 where none did.
    """
    sold = trade.exit_cost if trade.exit_lots else Cost()
    part = _cost(-trade.side, fill, trade.exit_decision_mid, mid, instrument)
    trade.exit_cost = sold and part and _sum(sold, part)
    trade.exit_lots += fill.lots
    trade.exit_notional_e6 += fill.notional_e6
    trade.fees_e6 += fill.fee_e6
    changes = [Change(trade, "sold", now_ns, fill)]
    if not trade.open_lots:
        trade.exit_px = trade.exit_notional_e6 / 1e6 / instrument.size(trade.filled_lots)
        day_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
        changes.append(attribute(trade, day_ms, trade.net_e6, now_ns))
        changes.append(_close(trade, now_ns))
    return changes


def give_up(trade: Trade, now_ns: int) -> Change:
    """End a trade that found no book or nothing in it; its money stays unknown."""
    trade.exit_reason = UNAVAILABLE
    return _close(trade, now_ns)


def attribute(trade: Trade, day_ms: int, so_far_e6: int, now_ns: int) -> Change:
    """Give a UTC day its part of a net of `so_far_e6` micro-USDC."""
    part = so_far_e6 - trade.attributed_e6
    trade.attributed_e6 = so_far_e6
    for owed in trade.owes:
        owed.day_ms = owed.day_ms or day_ms
    return Change(trade, "day", now_ns, day_ms=day_ms, amount_e6=part)


def fund(
    trade: Trade,
    hour_ms: int,
    rate: float | None,
    oracle_px: float,
    instrument: Instrument,
    now_ns: int,
) -> Change:
    """Charge the hour that ended at `hour_ms`; without its rate the trade owes it.

    The price is then the nearest known of the oracle's.
    """
    trade.funded_ms = hour_ms
    if rate is None:
        trade.owes.append(Owed(hour_ms, trade.open_lots, oracle_px))
        return Change(trade, "owed", now_ns)
    paid = bearable_e6(
        funding_e6(trade.side, oracle_px, trade.open_lots, instrument.sz_decimals, rate)
    )
    trade.funding_e6 += paid
    return Change(trade, "funded", now_ns, amount_e6=paid)


def charge(trade: Trade, rates: Mapping[int, float], instrument: Instrument) -> list[Change]:
    """Charge the owed hours whose rates are known now, each to the day it belonged to."""
    changes: list[Change] = []
    told = [owed for owed in trade.owes if owed.hour_ms in rates]
    trade.owes = [owed for owed in trade.owes if owed.hour_ms not in rates]
    days: dict[int, int] = {}
    for owed in told:
        rate, decimals = rates[owed.hour_ms], instrument.sz_decimals
        paid = bearable_e6(funding_e6(trade.side, owed.px, owed.lots, decimals, rate))
        trade.funding_e6 += paid
        changes.append(Change(trade, "paid", owed.hour_ms * NS_PER_MS, amount_e6=paid))
        if owed.day_ms:
            days[owed.day_ms] = days.get(owed.day_ms, 0) - paid
    for day_ms, amount_e6 in days.items():
        trade.attributed_e6 += amount_e6
        at_ns = told[-1].hour_ms * NS_PER_MS
        changes.append(Change(trade, "day", at_ns, day_ms=day_ms, amount_e6=amount_e6))
    return changes


def doubt(trades: Iterable[Trade], flag: str, now_ns: int) -> list[Change]:
    """Flag trades for a lack, all before any is booked: two of them may be halves of a pair."""
    found = [trade for trade in trades if flag not in trade.flags]
    for trade in found:
        trade.flag(flag)
    return [Change(trade, "doubted", now_ns) for trade in found]


def _cost(side: int, fill: Fill, decided: float, mid: float, instrument: Instrument) -> Cost | None:
    """Return what an order on `side` lost between two mids and a fill; None without both mids."""
    if not decided or not mid:
        return None
    decided_e6, mid_e6 = (
        bearable_e6(notional_e6(px, fill.lots, instrument.sz_decimals)) for px in (decided, mid)
    )
    return Cost(side * (mid_e6 - decided_e6), side * (fill.notional_e6 - mid_e6))


def _sum(one: Cost, other: Cost) -> Cost:
    return Cost(one.delay_e6 + other.delay_e6, one.impact_e6 + other.impact_e6)


def _close(trade: Trade, now_ns: int) -> Change:
    trade.state = TradeState.CLOSED
    trade.closed_ns = now_ns
    return Change(trade, "closed", now_ns)
