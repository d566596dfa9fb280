from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.decision import Check
from market.events import NS_PER_MS, BboUpdate, BookUpdate, Level
from market.fills import impact_bps
from risk.liquidity import Liquidity, Settings
from tests.support.shadow import T0, T0_MS, levels, make_coin, make_proposal, make_view, put_book

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


@st.composite
def sides(draw: st.DrawFn, *, most: int) -> tuple[list[Level], list[Level]]:
    """Bids and asks around 100 with sizes from less than a lot of SOL to many of them."""
    size = st.sampled_from([0.004, 0.01, 0.3, 1.0, 2.5, 7.77, 40.0, 1_000.0])
    found = []
    for way in (-1, 1):
        cents = draw(st.lists(st.integers(1, 60), unique=True, max_size=most))
        found.append(levels(*((100.0 + way * c / 100, draw(size)) for c in sorted(cents))))
    return found[0], found[1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["slow", "fast", "bbo"]), st.integers(0, 4), sides(most=6)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 5_000),
    st.sampled_from([BUY, SELL]),
)
def test_the_impact_is_to_the_last_bit_that_of_walking_all_levels(
    frames: list[tuple[str, int, tuple[list[Level], list[Level]]]], lots: int, side: int
) -> None:
    """Frames of one time may contradict each other here: whichever leads, both ways agree."""
    coin = make_coin()
    for kind, moment, (bids, asks) in frames:
        time_ms = T0_MS + 1 + moment
        if kind == "bbo":
            best = (bids or [None])[0], (asks or [None])[0]
            coin.book.apply_bbo(BboUpdate("SOL", time_ms, *best, time_ms * NS_PER_MS))
        else:
            fast, recv_ns = kind == "fast", time_ms * NS_PER_MS
            coin.book.apply_book(BookUpdate("SOL", time_ms, bids, asks, fast, recv_ns))
    f = Liquidity(Settings(spread_bps_max=1_000.0, impact_bps_max=1_000.0), "enforce")
    found = f.check(make_proposal(lots=lots, side=side), make_view(coin))
    book = coin.book
    if book.ok:
        walked = book.asks() if side == BUY else book.bids()
        assert found.value == impact_bps(walked, lots, coin.instrument, book.mid)
    else:
        assert found.outcome == "no_data"


def test_levels_are_not_merged_for_a_size_that_the_touch_holds() -> None:
    coin = make_coin()
    put_book(coin, 100.0, T0, bids=[(99.99, 10.0)], asks=[(100.01, 10.0), (100.02, 10.0)])
    f, view = Liquidity(Settings(), "enforce"), make_view(coin)
    f.check(make_proposal(lots=1_000), view)
    f.check(make_proposal(lots=1_000, side=SELL), view)
    assert coin.book.merged_version != coin.book.version
    f.check(make_proposal(lots=1_001), view)
    assert coin.book.merged_version == coin.book.version
