from __future__ import annotations

from collections.abc import Sequence

import pytest

from market.decision import Check
from risk.liquidity import Liquidity, Settings
from tests.support.shadow import T0, make_coin, make_proposal, make_view, put_book

BUY, SELL = 1, -1
Pairs = Sequence[tuple[float, float]]


def check(
    bids: Pairs,
    asks: Pairs,
    *,
    lots: int = 1_000,
    side: int = BUY,
    surge: float = 0.0,
    **settings: float,
) -> Check:
    coin = make_coin()
    coin.arrivals.surge, coin.arrivals.burst = surge, surge > 0.0
    put_book(coin, 100.0, T0, bids=bids, asks=asks)
    f = Liquidity(Settings(**settings), "enforce")
    return f.check(make_proposal(lots=lots, side=side), make_view(coin))


def test_a_tight_deep_book_passes_with_the_impact_as_value() -> None:
    # The touch is one cent from the mid: a basis point.
    found = check([(99.99, 100.0)], [(100.01, 100.0)])
    assert (found.outcome, found.threshold) == ("pass", 8.0)
    assert found.value == pytest.approx(1.0)


def test_a_spread_up_to_its_limit_passes() -> None:
    # 100.05 over 99.95 is 0.1 on a mid of 100: ten basis points.
    assert check([(99.95, 100.0)], [(100.05, 100.0)], spread_bps_max=10.0001).outcome == "pass"
    found = check([(99.95, 100.0)], [(100.05, 100.0)], spread_bps_max=9.9999)
    assert (found.outcome, found.threshold) == ("fail", 9.9999)
    assert found.value == pytest.approx(10.0)


def test_impact_is_the_average_price_of_walking_the_book() -> None:
    # 4 at 100.02, 6 at 100.12: 100.08 on average, eight basis points from the mid.
    asks = [(100.02, 4.0), (100.12, 6.0)]
    assert check([(99.98, 9.0)], asks, impact_bps_max=8.0001).outcome == "pass"
    found = check([(99.98, 9.0)], asks, impact_bps_max=7.9999)
    assert (found.outcome, found.threshold) == ("fail", 7.9999)
    assert found.value == pytest.approx(8.0)


def test_each_side_walks_its_own_levels() -> None:
    bids, asks = [(99.99, 100.0)], [(100.01, 1.0), (100.5, 100.0)]
    assert check(bids, asks, side=SELL).outcome == "pass"
    assert check(bids, asks, side=BUY).outcome == "fail"


def test_a_size_the_visible_book_does_not_hold_fails() -> None:
    found = check([(99.99, 100.0)], [(100.01, 9.99)])
    assert (found.outcome, found.value, found.threshold) == ("fail", None, 8.0)
    assert check([(99.99, 100.0)], [(100.01, 10.0)]).outcome == "pass"


@pytest.mark.parametrize(
    ("bids", "asks"), [([], [(100.0, 1.0)]), ([(100.0, 1.0)], []), ([(100.0, 9.0)], [(99.9, 9.0)])]
)
def test_without_a_whole_book_nothing_can_be_said(bids: Pairs, asks: Pairs) -> None:
    found = check(bids, asks)
    assert (found.outcome, found.value, found.threshold) == ("no_data", None, None)


def test_a_burst_of_trades_widens_the_expected_impact_not_the_spread() -> None:
    bids, asks = [(99.99, 100.0)], [(100.02, 100.0)]
    calm = check(bids, asks)
    found = check(bids, asks, surge=4.0)
    assert calm.value is not None and found.value is not None
    assert found.value == pytest.approx(2.0 * calm.value)
    found = check(bids, asks, surge=4.0, impact_bps_max=1.9 * calm.value)
    assert found.outcome == "fail" and "expected impact" in found.reason
    assert check(bids, asks, surge=4.0, spread_bps_max=3.1).outcome == "pass"


def test_however_fast_trades_come_the_impact_at_most_triples() -> None:
    bids, asks = [(99.99, 100.0)], [(100.02, 100.0)]
    calm, found = check(bids, asks), check(bids, asks, surge=1e6)
    assert calm.value is not None
    assert found.value == pytest.approx(3.0 * calm.value)
