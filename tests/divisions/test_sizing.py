from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divisions.sizing import lots_wanted, sizing
from market.coin import PRIOR_DAILY_VOL
from tests.support.market import make_coin

EQUITY_E6 = 10_000_000_000


def wanted(
    *,
    mid: float = 100.0,
    equity_e6: int = EQUITY_E6,
    vol_target: float = 0.01,
    weight: float = 1.0,
    bot_weight: float = 1.0,
    conviction: float = 1.0,
    sz_decimals: int = 4,
    closes: tuple[float, ...] = (),
    surge: float = 0.0,
) -> int:
    coin = make_coin(mid=mid, sz_decimals=sz_decimals, closes=closes)
    coin.arrivals.surge, coin.arrivals.burst = surge, surge > 0.0
    numbers = sizing(
        coin,
        equity_e6=equity_e6,
        vol_target=vol_target,
        division_weight=weight,
        bot_weight=bot_weight,
        conviction=conviction,
    )
    return lots_wanted(coin, numbers)


def test_full_conviction_moves_the_equity_by_the_target_in_a_usual_day() -> None:
    # 10,000 USD × 1 % ÷ 4 % a day = 2,500 USD = 25 coins at 100.
    assert wanted() / 10**4 == pytest.approx(0.01 * 10_000 / PRIOR_DAILY_VOL / 100.0)
    assert wanted() == 250_000


@given(st.floats(0.01, 1.0), st.floats(0.3, 2.5), st.floats(0.001, 0.05))
def test_the_size_is_proportional_to_conviction_weight_and_target(
    conviction: float, weight: float, target: float
) -> None:
    size = wanted(conviction=conviction, weight=weight, vol_target=target)
    assert size == pytest.approx(wanted() * conviction * weight * target / 0.01, abs=1)


def test_the_division_weight_multiplies_the_bot_weight_within_the_bounds_of_one() -> None:
    unit = wanted()
    assert wanted(weight=1.5, bot_weight=1.2) == pytest.approx(1.8 * unit, abs=1)
    assert wanted(weight=2.0, bot_weight=2.0) == pytest.approx(2.5 * unit, abs=1)
    assert wanted(weight=0.5, bot_weight=0.5) == pytest.approx(0.3 * unit, abs=1)


def test_the_numbers_behind_a_size_are_all_there() -> None:
    coin = make_coin(mid=100.0)
    numbers = sizing(
        coin,
        equity_e6=EQUITY_E6,
        vol_target=0.01,
        division_weight=1.5,
        bot_weight=1.2,
        conviction=0.5,
    )
    product = 10_000.0 * 0.01 / PRIOR_DAILY_VOL * 1.5 * 1.2 * 0.5
    assert numbers["notional_usd"] == pytest.approx(product)
    assert numbers["weight"] == pytest.approx(1.8)
    assert set(numbers) == {
        "equity_usd", "vol_target", "daily_vol", "division_weight", "bot_weight", "weight",
        "conviction", "impact_scale", "notional_usd",
    }  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_size_in_dollars_does_not_depend_on_the_price(factor: float) -> None:
    assert wanted(mid=100.0 * factor) == pytest.approx(wanted() / factor, abs=1)


def test_a_wilder_coin_gets_less() -> None:
    calm = tuple(100.0 + 0.01 * (i % 2) for i in range(200))
    wild = tuple(100.0 + 1.00 * (i % 2) for i in range(200))
    assert wanted(closes=wild) < wanted() < wanted(closes=calm)


@given(st.floats(0.01, 1_000.0))
def test_a_burst_of_trades_shrinks_the_size_to_a_third_at_most(surge: float) -> None:
    unit = wanted()
    size = wanted(surge=surge)
    assert unit // 3 <= size <= unit
    if 1.0 < surge < 9.0:
        assert size == pytest.approx(unit / surge**0.5, abs=1)


@pytest.mark.parametrize("equity_e6", [0, -1, -EQUITY_E6])
def test_lost_equity_asks_for_nothing(equity_e6: int) -> None:
    assert wanted(equity_e6=equity_e6) == 0


def test_less_than_a_lot_is_nothing() -> None:
    assert wanted(mid=90_000.0, sz_decimals=0) == 0
    assert wanted(mid=2_600.0, sz_decimals=0) == 0
    assert wanted(mid=2_400.0, sz_decimals=0) == 1
