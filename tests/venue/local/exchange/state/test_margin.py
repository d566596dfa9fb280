from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import ScriptedMarket
from venue.local.exchange.state.margin import (
    MILLION_E6,
    initial,
    liquidation_px,
    size_cap_e6,
    table_of,
    tables_of,
)

BTC = table_of(ScriptedMarket.instruments["BTC"])
DOGE = table_of(ScriptedMarket.instruments["DOGE"])


def test_maintenance_is_half_the_margin_at_the_highest_leverage_and_continuous() -> None:
    assert BTC.maintenance(8_000 * 10**6) == 100 * 10**6
    edge = 150 * MILLION_E6
    assert BTC.maintenance(edge - 80) == BTC.maintenance(edge) - 1
    # 150M at 1/80, the next 50M at 1/40.
    assert BTC.maintenance(200 * MILLION_E6) == 3_125_000 * 10**6
    assert [t.deduction_e6 for t in BTC.tiers] == [0, 1_875_000 * 10**6]
    assert (BTC.tier(edge - 1).max_leverage, BTC.tier(edge).max_leverage) == (40, 20)


def test_a_table_is_shown_as_meta_does() -> None:
    tiers = [
        {"lowerBound": "0.0", "maxLeverage": 40},
        {"lowerBound": "150000000.0", "maxLeverage": 20},
    ]
    assert BTC.row() == [56, {"description": "tiered 40x", "marginTiers": tiers}]
    assert DOGE.id == 10


@given(
    st.integers(-(10**9), 10**9).filter(bool),
    st.integers(10**5, 10**7),
    st.integers(2, 60),
)
def test_at_the_liquidation_price_equity_is_the_maintenance_margin(
    lots: int, mark: int, leverage: int
) -> None:
    equity = abs(lots) * mark // leverage
    px = liquidation_px(BTC, lots=lots, mark=mark, equity_e6=equity)
    if px is None:
        return
    size = abs(lots)
    left = equity + lots * (px - mark)
    tier = BTC.tier(int(px * size))
    assert left == px * size * Fraction(1, 2 * tier.max_leverage) - tier.deduction_e6


def test_a_position_without_debt_has_no_liquidation_price() -> None:
    assert liquidation_px(BTC, lots=10, mark=1_000, equity_e6=10 * 1_000) is None
    assert liquidation_px(BTC, lots=0, mark=1_000, equity_e6=1) is None


def test_initial_margin_is_the_notional_over_the_leverage() -> None:
    assert initial(100_000_000, 3) == 33_333_333


@pytest.mark.parametrize(("leverage", "millions"), [(40, 30), (25, 30), (20, 5), (10, 2), (5, 0.5)])
def test_size_caps_follow_the_leverage_and_limit_orders_get_ten_times(
    leverage: int, millions: float
) -> None:
    assert size_cap_e6(leverage, is_market=True) == millions * MILLION_E6
    assert size_cap_e6(leverage, is_market=False) == 10 * millions * MILLION_E6


def test_each_table_in_use_is_shown_once() -> None:
    shown = tables_of(list(ScriptedMarket.instruments.values()) * 2)
    assert [row[0] for row in shown] == [3, 10, 54, 55, 56]
