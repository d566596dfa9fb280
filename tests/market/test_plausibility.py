"""Who vouches for a quote, a context and a print."""

from __future__ import annotations

from typing import Any

import pytest

from market import plausibility
from market.coin import Coin
from market.events import NS_PER_MS, NS_PER_S, BboUpdate, ContextUpdate, Level, Print
from market.instrument import Instrument
from market.plausibility import AGREEING_NS, CONTRADICTED_NS, FAR_NS, PriceRule

T0 = 1_756_684_800 * NS_PER_S
RULE = PriceRule()
FAST_NS = 540 * NS_PER_MS


class Market:
    """A coin to which quotes, contexts and prints come; it takes what it believes."""

    def __init__(self, *, mid: float = 100.0, context: float | None = 100.0) -> None:
        self.coin = Coin(Instrument("SOL", 0, 2, 20))
        self.now_ns = T0
        assert self.quote(mid)
        if context is not None:
            assert self.context(context)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)

    def quote(self, mid: float, *, time_ms: int | None = None, spread: float = 0.0002) -> bool:
        ms = self.now_ns // NS_PER_MS if time_ms is None else time_ms
        bid, ask = Level(mid * (1 - spread / 2), 1.0), Level(mid * (1 + spread / 2), 1.0)
        if not plausibility.believes_quote(self.coin, bid, ask, ms, self.now_ns, RULE):
            return False
        self.coin.book.apply_bbo(BboUpdate("SOL", ms, bid, ask, self.now_ns))
        return True

    def context(self, mark: float, oracle: float | None = None) -> bool:
        oracle = mark if oracle is None else oracle
        update = ContextUpdate("SOL", 1e-5, 1e6, oracle, mark, None, 1e8, 100.0, self.now_ns)
        if not plausibility.believes_context(self.coin, update, RULE):
            return False
        self.coin.on_context(update)
        return True

    def prints(self, *prices: float) -> list[float]:
        trades = [Print(self.now_ns // NS_PER_MS, px, 1.0, 1) for px in prices]
        return [p.px for p in plausibility.believed_prints(self.coin, trades, self.now_ns, RULE)]

    def until_believed(
        self, mid: float, *, every_s: float = 0.1, context: float | None = None
    ) -> float:
        """Show a price again and again, and a context every second; return after how long."""
        began = self.now_ns
        heard_ns = began
        while self.now_ns - began < 300 * NS_PER_S:
            if context is not None and self.now_ns - heard_ns >= NS_PER_S:
                heard_ns = self.now_ns
                self.context(context)
            if self.quote(mid):
                return (self.now_ns - began) / NS_PER_S
            self.wait(every_s)
        raise AssertionError("never believed")


@pytest.mark.parametrize("moved", [0.985, 1.0, 1.015])
def test_a_step_within_the_band_is_believed_at_once(moved: float) -> None:
    market = Market()
    market.wait(0.1)
    assert market.quote(100.0 * moved)
    assert market.coin.prices.quotes == 0


@pytest.mark.parametrize("moved", [0.975, 1.025, 0.1, 10.0, 1e-9, 9e13])
def test_a_quote_beyond_the_band_is_suspect_and_a_sound_one_ends_the_doubt(moved: float) -> None:
    market = Market()
    market.wait(0.5)
    assert not market.quote(100.0 * moved)
    assert market.coin.prices.since_ns == market.now_ns
    market.wait(0.5)
    assert market.quote(100.01)
    assert market.coin.prices.since_ns == 0


def test_a_fall_in_small_steps_is_a_market_however_fast() -> None:
    """Ten per cent in half a second: every quote vouches for the next."""
    market = Market()
    for step in range(50):
        market.wait(0.01)
        assert market.quote(100.0 - 0.2 * (step + 1))


def test_a_gap_is_believed_as_soon_as_a_context_agrees() -> None:
    market = Market()
    market.wait(0.5)
    assert not market.quote(90.0)
    market.wait(0.1)
    assert not market.context(90.3)
    market.wait(0.1)
    assert market.quote(90.1)
    assert market.context(90.3)


@pytest.mark.parametrize("every_s", [0.01, 0.1, 0.54])
def test_without_a_context_five_quotes_over_two_seconds_agree(every_s: float) -> None:
    market = Market(context=None)
    market.wait(0.5)
    took = market.until_believed(90.0, every_s=every_s)
    assert AGREEING_NS / 1e9 <= took < AGREEING_NS / 1e9 + every_s


def test_slow_quotes_must_be_five() -> None:
    market = Market(context=None)
    market.wait(5.0)
    assert market.until_believed(90.0, every_s=5.0) == 20.0


def test_a_basis_that_contexts_contradict_is_believed_by_quotes_alone() -> None:
    assert Market().until_believed(95.0, every_s=0.54, context=100.0) < 3.0


def test_quotes_that_disagree_with_each_other_vouch_for_nothing() -> None:
    market = Market(context=None)
    for i in range(50):
        market.wait(0.1)
        assert not market.quote((200.0, 300.0)[i % 2])


def test_a_price_ten_times_as_high_is_not_believed_for_less_than_two_seconds() -> None:
    """All witnesses lie together; nothing tells it from a market but that it does not last."""
    market = Market()
    took = market.until_believed(1000.0, every_s=0.05, context=1000.0)
    assert FAR_NS / 1e9 <= took <= 2.0


def test_a_far_price_that_contexts_contradict_must_stand_for_a_minute() -> None:
    took = Market().until_believed(1000.0, every_s=0.5, context=100.0)
    assert CONTRADICTED_NS / 1e9 <= took < CONTRADICTED_NS / 1e9 + 1.0


def test_an_old_snapshot_neither_begins_nor_ends_a_doubt() -> None:
    market = Market()
    before_ms = market.now_ns // NS_PER_MS
    market.wait(0.5)
    assert not market.quote(90.0)
    assert not market.quote(100.0, time_ms=before_ms)
    assert market.coin.prices.since_ns
    market.context(90.0)
    assert market.quote(90.0)
    market.coin.context.mark_px = market.coin.context.oracle_px = 90.0
    assert not market.quote(100.0, time_ms=before_ms)
    assert not market.coin.prices.since_ns


def test_a_venue_time_far_ahead_does_not_silence_the_sound_quotes_after_it() -> None:
    market = Market()
    market.wait(0.5)
    assert not market.quote(900.0, time_ms=market.now_ns // NS_PER_MS + 3_600_000)
    market.wait(0.5)
    assert market.quote(100.0)


@pytest.mark.parametrize(
    ("bid", "ask", "believed"),
    [
        (None, None, True),
        (99.99, None, True),
        (None, 100.01, True),
        (999.9, None, False),
        (None, 0.001, False),
        (99.99, 1000.1, False),
        (9.99, 100.01, False),
        (999.9, 100.01, False),
    ],
)
def test_each_side_of_a_quote_is_looked_at(
    bid: float | None, ask: float | None, believed: bool
) -> None:
    market = Market()
    levels = [None if px is None else Level(px, 1.0) for px in (bid, ask)]
    ms = market.now_ns // NS_PER_MS
    found = plausibility.believes_quote(market.coin, *levels, ms, market.now_ns, RULE)
    assert found is believed


@pytest.mark.parametrize(("mark", "oracle"), [(1000.0, 1000.0), (1000.0, 100.0), (100.0, 1e-320)])
def test_a_context_that_lies_alone_is_never_taken(mark: float, oracle: float) -> None:
    market = Market()
    for _ in range(200):
        market.wait(1.0)
        assert market.quote(100.0)
        assert not market.context(mark, oracle)
    assert market.coin.context.mark_px == 100.0
    assert market.context(100.0)
    assert market.coin.prices.contexts == 200


def test_a_basis_is_taken_after_five_contexts_that_agree() -> None:
    market = Market()
    taken = []
    for _ in range(6):
        market.wait(1.0)
        assert market.quote(100.0)
        taken.append(market.context(105.0, 105.1))
    assert taken == [False, False, False, False, True, True]


def test_contexts_alone_may_jump_where_nobody_quotes() -> None:
    market = Market()
    market.wait(30.0)
    taken = []
    for _ in range(5):
        market.wait(1.0)
        taken.append(market.context(1000.0))
    assert taken == [False] * 4 + [True]


def test_a_lying_context_vouches_for_no_quote_but_its_own() -> None:
    market = Market()
    assert not market.context(300.0)
    market.wait(0.1)
    assert not market.quote(90.0)
    assert market.quote(100.0)


def test_the_band_is_as_wide_as_the_coin_is_wild_and_the_past_is_old() -> None:
    market = Market()
    coin = market.coin

    def reach() -> float:
        return plausibility.band_of(coin, market.now_ns, RULE).high / coin.book.ask - 1.0

    assert reach() == pytest.approx(0.02)
    coin.variance, coin.returns = (0.2**2) / 1440, 1440
    wild = 8 * 0.2 / 1440**0.5
    assert reach() == pytest.approx(wild, rel=0.01)
    market.wait(240.0)
    assert reach() == pytest.approx(2 * wild, rel=0.01)
    assert plausibility.band_of(coin, market.now_ns, RULE).width == pytest.approx(wild, rel=0.01)
    market.wait(36_000.0)
    assert reach() == pytest.approx(plausibility.WIDENED_MAX)


@pytest.mark.parametrize("px", [1e-5, 9e13, 1.98e11])
def test_a_price_that_the_instrument_cannot_have_is_never_the_market(px: float) -> None:
    coin = Coin(Instrument("SOL", 0, 2, 20))
    market = Market()
    market.coin = coin
    for _ in range(200):
        market.wait(1.0)
        assert not market.quote(px)
        assert not market.context(px)
        assert market.prints(px) == []
    assert coin.book.mid == 0.0


def test_prints_beyond_the_band_wait_and_come_back_with_the_market() -> None:
    market = Market()
    market.wait(0.1)
    assert market.prints(100.1, 90.0, 99.9, 1000.0) == [100.1, 99.9]
    assert plausibility.released_prints(market.coin, market.now_ns, RULE) == []
    assert not market.quote(90.0)
    market.context(90.0)
    assert market.quote(90.0)
    market.context(90.0)
    freed = plausibility.released_prints(market.coin, market.now_ns, RULE)
    assert [p.px for p in freed] == [90.0]
    assert market.prints(90.1, 89.9) == [90.1, 89.9]


def test_the_fast_way_agrees_with_the_rule() -> None:
    """Whatever the inner band lets pass is within the width of what was believed before it."""
    market = Market(context=None)
    last: Any = 100.0
    for i in range(400):
        market.wait(0.05)
        px = 100.0 * (1.0 + 0.019 * ((i * 7919) % 101 - 50) / 50)
        if market.quote(px):
            assert abs(px / last - 1.0) < 0.0205
            last = px
