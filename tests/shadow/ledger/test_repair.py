from __future__ import annotations

import pytest

from market.events import MS_PER_HOUR, MS_PER_MINUTE, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, Candle
from shadow.ledger.repair import fill_at, hours_between, trail_stop, worst_exit
from shadow.ledger.trade import Trade
from tests.support.shadow import MODEL, SOL, T0, T0_MS, make_trade, minute

BUY, SELL = 1, -1
MINUTE = MS_PER_MINUTE
HOUR_NS = 3600 * NS_PER_S


def suspended(side: int = BUY, *, gap_s: float = 0.0, horizon_s: float = 1e6) -> Trade:
    """Return a trade with its stop a dollar and its target two dollars from 100."""
    trade = make_trade(side=side, stop=100.0 - side, target=100.0 + 2 * side, horizon_s=horizon_s)
    trade.gap_ns = T0 + round(gap_s * NS_PER_S)
    trade.hi = trade.lo = 100.0
    return trade


def end_of(candle: Candle) -> int:
    return candle.start_ms * NS_PER_MS + NS_PER_MINUTE


def exit_of(trade: Trade, low: float, high: float, open_: float, close: float) -> tuple[float, str]:
    candle = minute(MINUTE, low, high, open_=open_, close=close)
    return worst_exit(trade, candle, end_of(candle))


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(
    ("adverse", "favourable", "expected"),
    [
        (-0.99, 1.99, (0.0, "")),
        (-1.0, 1.99, (-1.0, "stop")),
        (-5.0, 1.99, (-1.0, "stop")),
        (-0.99, 2.0, (2.0, "target")),
        (-0.99, 9.0, (2.0, "target")),
        # Both within one minute: the stop came first, as far as anyone can prove.
        (-1.0, 2.0, (-1.0, "stop")),
    ],
)
def test_the_worst_that_a_minute_allows(
    side: int, adverse: float, favourable: float, expected: tuple[float, str]
) -> None:
    bounds = sorted((100.0 + side * adverse, 100.0 + side * favourable))
    px, reason = exit_of(suspended(side), bounds[0], bounds[1], 100.0, 100.0)
    distance, why = expected
    assert (px, reason) == ((100.0 + side * distance if why else 0.0), why)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_minute_that_opened_beyond_the_stop_fills_at_its_open(side: int) -> None:
    opened = 100.0 - 3.0 * side
    low, high = sorted((opened, 100.0))
    assert exit_of(suspended(side), low, high, opened, 100.0) == (opened, "stop")


def test_the_open_of_the_minute_in_which_marking_stopped_was_seen_and_is_not_the_exit() -> None:
    # The gap began within this minute, so its opening price came before it.
    trade = suspended(gap_s=75.0)
    assert exit_of(trade, 97.0, 100.0, 97.0, 100.0) == (99.0, "stop")


@pytest.mark.parametrize(
    ("horizon_s", "expected"), [(120.0, (100.4, "horizon")), (120.1, (0.0, ""))]
)
def test_a_horizon_that_ends_within_a_minute_ends_at_its_close(
    horizon_s: float, expected: tuple[float, str]
) -> None:
    assert exit_of(suspended(horizon_s=horizon_s), 99.5, 100.5, 100.0, 100.4) == expected


def test_stop_and_target_come_before_the_horizon() -> None:
    trade = suspended(horizon_s=60.0)
    assert exit_of(trade, 98.0, 100.0, 100.0, 98.5) == (99.0, "stop")
    assert exit_of(trade, 100.0, 103.0, 100.0, 102.5) == (102.0, "target")


def test_without_a_target_the_favourable_side_ends_nothing() -> None:
    trade = make_trade(stop=99.0)
    trade.gap_ns = T0
    assert exit_of(trade, 99.5, 1e6, 100.0, 100.0) == (0.0, "")


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "hours"),
    [
        (0, MS_PER_HOUR - 1, []),
        (0, MS_PER_HOUR, [1]),
        (MS_PER_HOUR - 1, MS_PER_HOUR, [1]),
        (MS_PER_HOUR, 2 * MS_PER_HOUR - 1, []),
        (1, 3 * MS_PER_HOUR, [1, 2, 3]),
        (5, 5, []),
    ],
)
def test_hours_are_those_that_ended_after_the_first_and_by_the_second_time(
    from_ms: int, to_ms: int, hours: list[int]
) -> None:
    found = hours_between((T0_MS + from_ms) * NS_PER_MS, (T0_MS + to_ms) * NS_PER_MS)
    assert list(found) == [T0_MS + h * MS_PER_HOUR for h in hours]


def test_an_hour_that_ended_a_nanosecond_ago_counts() -> None:
    assert list(hours_between(T0 + HOUR_NS - 1, T0 + HOUR_NS)) == [T0_MS + MS_PER_HOUR]
    assert list(hours_between(T0 + HOUR_NS, T0 + HOUR_NS + 1)) == []


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_trailing_stop_follows_the_extreme_and_never_goes_back(side: int) -> None:
    trade = make_trade(side=side, stop=100.0 - side, trail=0.5)
    trade.hi = trade.lo = 100.0
    trail_stop(trade)
    assert trade.stop_px == 100.0 - 0.5 * side
    trade.see(100.0 + 3.0 * side)
    trail_stop(trade)
    assert trade.stop_px == 100.0 + 2.5 * side
    trail_stop(trade)
    assert trade.stop_px == 100.0 + 2.5 * side


def test_a_fixed_stop_stays() -> None:
    trade = make_trade(stop=99.0)
    trade.hi, trade.lo = 150.0, 50.0
    trail_stop(trade)
    assert trade.stop_px == 99.0


def test_a_fill_from_a_candle_takes_all_at_one_price_and_pays_the_taker_s_fee() -> None:
    # 250 lots of 0.01 at 99.5 cost 248.75 dollars; 4.5 bps of them are 0.1119375.
    fill = fill_at(99.5, 250, SOL, MODEL)
    assert (fill.lots, fill.px, fill.levels) == (250, 99.5, 0)
    assert (fill.notional_e6, fill.fee_e6) == (248_750_000, 111_938)
