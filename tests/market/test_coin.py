from __future__ import annotations

from itertools import islice, pairwise
from math import log, sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.coin import CONTEXT_AGE_MS_MAX, PRIOR_DAILY_VOL, Coin, Settlement, Streams
from market.events import MS_PER_HOUR, NS_PER_MS, TIMEFRAME_MS, Print
from tests.support.market import (
    START_MS,
    START_NS,
    append_closes,
    candle,
    context_update,
    make_coin,
    make_instrument,
    show_book,
)

MINUTES_PER_DAY = 1440


def hear(coin: Coin, time_ms: int, funding: float = 0.0, oracle: float = 100.0) -> None:
    coin.on_context(context_update(recv_ns=time_ms * NS_PER_MS, funding=funding, oracle_px=oracle))


def test_a_coin_goes_by_the_symbol_of_its_instrument() -> None:
    assert Coin(make_instrument("ETH")).name == "ETH"


def test_the_newest_context_is_kept_whole() -> None:
    coin = make_coin()
    update = context_update(funding=3e-5, oracle_px=99.0, open_interest=7.0, premium=None)
    coin.on_context(update)
    context = coin.context
    assert (context.funding, context.oracle_px, context.mark_px) == (3e-5, 99.0, 100.0)
    assert (context.open_interest, context.premium, context.day_notional) == (7.0, None, 1e6)
    assert (context.prev_day_px, context.recv_ns) == (100.0, update.recv_ns)


def test_the_last_context_before_the_hour_settles_it() -> None:
    coin = make_coin()
    hear(coin, START_MS - 2_000, 1e-5, 50.0)
    hear(coin, START_MS - 1, 2e-5, 51.0)
    expected = Settlement(START_MS, 2e-5, 51.0)
    assert coin.terms_at(START_MS) == expected, "known before the next context comes"
    hear(coin, START_MS + 1_000, 9e-5, 60.0)
    hear(coin, START_MS + 2_000, 8e-5, 61.0)
    assert coin.terms_at(START_MS) == expected, "and not overwritten by it"


def test_a_context_at_the_hour_belongs_to_the_next_one() -> None:
    coin = make_coin()
    hear(coin, START_MS, 1e-5)
    assert coin.terms_at(START_MS) is None
    hear(coin, START_MS + 1_000, 1e-5)
    assert coin.terms_at(START_MS) is None


@pytest.mark.parametrize(("age_ms", "known"), [(CONTEXT_AGE_MS_MAX, True), (None, False)])
def test_terms_are_unknown_when_the_context_was_stale(age_ms: int | None, known: bool) -> None:
    coin = make_coin()
    hear(coin, START_MS - (CONTEXT_AGE_MS_MAX + 1 if age_ms is None else age_ms), 1e-5)
    assert (coin.terms_at(START_MS) is not None) is known
    hear(coin, START_MS + 1_000, 2e-5)
    assert (coin.terms_at(START_MS) is not None) is known


def test_terms_of_an_hour_nobody_watched_are_unknown() -> None:
    coin = make_coin()
    assert coin.terms_at(START_MS) is None
    hear(coin, START_MS - 1_000, 1e-5)
    for hours in (-1, 1, 2):
        assert coin.terms_at(START_MS + hours * MS_PER_HOUR) is None


def test_an_hour_without_contexts_is_not_settled_by_the_one_before() -> None:
    coin = make_coin()
    hear(coin, START_MS - 1_000, 1e-5)
    hear(coin, START_MS + MS_PER_HOUR + 1_000, 2e-5)
    assert coin.terms_at(START_MS + MS_PER_HOUR) is None


def test_without_bars_the_volatility_is_the_prior() -> None:
    coin = Coin(make_instrument())
    show_book(coin, 200.0)
    assert coin.daily_vol() == pytest.approx(0.04) == PRIOR_DAILY_VOL
    assert coin.minute_move() == pytest.approx(0.04 / sqrt(MINUTES_PER_DAY) * 200.0)


@given(st.lists(st.floats(90.0, 110.0), min_size=2, max_size=50))
def test_volatility_by_minutes_and_from_history_agree(closes: list[float]) -> None:
    built, told = make_coin(), make_coin(closes=closes)
    for i in range(1, len(closes) + 1):
        built.bars.series["1m"].append(candle(START_MS + i * 60_000, closes[i - 1]))
        built.on_minute()
    assert built.returns == told.returns == len(closes) - 1
    assert built.variance == pytest.approx(told.variance, rel=1e-12)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_minutes_that_close_together_count_like_those_that_close_one_by_one(
    batches: list[int],
) -> None:
    stalled, steady = make_coin(), make_coin()
    closes = iter([100.0 + (7 * i) % 11 for i in range(sum(batches))])
    for count in batches:
        for close in islice(closes, count):
            append_closes(stalled, [close])
            append_closes(steady, [close])
            steady.on_minute()
        stalled.on_minute(count)
    assert (stalled.returns, stalled.variance) == (steady.returns, steady.variance)


def zigzag(move: float, n: int) -> list[float]:
    return [100.0 * (1.0 + move * (i % 2)) for i in range(n + 1)]


def test_the_first_minutes_count_alike() -> None:
    closes = [100.0, 101.0, 99.0, 99.5, 103.0]
    squares = [log(b / a) ** 2 for a, b in pairwise(closes)]
    assert make_coin(closes=closes).variance == pytest.approx(fmean(squares))


def test_old_minutes_fade() -> None:
    calm = [100.0] * 400
    coin = make_coin(closes=[*zigzag(0.05, 50), *calm])
    assert coin.variance < 0.01 * make_coin(closes=zigzag(0.05, 50)).variance


@pytest.mark.parametrize("move", [0.0, 0.01])
def test_the_volatility_leaves_the_prior_as_bars_come_in(move: float) -> None:
    own = move * sqrt(MINUTES_PER_DAY)
    distances = []
    for n in (1, 10, 40, 200):
        vol = make_coin(closes=zigzag(move, n)).daily_vol()
        assert min(own, PRIOR_DAILY_VOL) < vol < max(own, PRIOR_DAILY_VOL)
        distances.append(abs(vol - own))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.3 * abs(own - PRIOR_DAILY_VOL)


def test_the_prior_is_worth_ten_bars() -> None:
    move = 0.01
    coin = make_coin(closes=zigzag(move, 10))
    own = log(1.0 + move) ** 2 * MINUTES_PER_DAY
    assert coin.daily_vol() ** 2 == pytest.approx((PRIOR_DAILY_VOL**2 + own) / 2)


def test_a_minute_alone_moves_nothing() -> None:
    coin = make_coin()
    append_closes(coin, [100.0])
    coin.on_minute()
    assert (coin.returns, coin.variance) == (0, 0.0)


def test_a_minutes_move_is_in_dollars_at_the_current_mid() -> None:
    coin = make_coin(mid=100.0)
    before = coin.minute_move()
    show_book(coin, 300.0, time_ms=START_MS + TIMEFRAME_MS["1m"])
    assert coin.minute_move() == pytest.approx(3.0 * before)


def pulse_after(**frames: int) -> str | None:
    streams = Streams()
    for name, count in frames.items():
        for i in range(count):
            getattr(streams, name).observe(i + 1)
    found = streams.pulse()
    return found[0] if found else None


@pytest.mark.parametrize(
    ("frames", "name"),
    [
        ({}, None),
        ({"fast": 2, "slow": 2, "bbo": 2}, None),
        ({"bbo": 3}, "bbo"),
        ({"bbo": 99, "slow": 3}, "slow"),
        ({"bbo": 99, "slow": 99, "fast": 3}, "fast"),
        ({"trades": 99, "context": 99}, None),
    ],
)
def test_the_pulse_is_the_quickest_periodic_stream_known(
    frames: dict[str, int], name: str | None
) -> None:
    assert pulse_after(**frames) == name


def test_the_pulse_must_be_learned_again_after_an_outage() -> None:
    streams = Streams()
    for i in range(5):
        streams.fast.observe(i + 1)
    streams.fast.interrupt()
    assert streams.pulse() is None


def test_a_trade_s_age_is_told_by_the_venue_s_clock() -> None:
    coin = make_coin()
    now_ns = START_NS + 90 * 1_000_000_000
    trade = Print(START_MS + 30_000, 100.0, 1.0, 1)
    assert coin.age_ns(trade, now_ns) == 60e9
    coin.venue_lag_ms = 45_000.0
    assert coin.age_ns(trade, now_ns) == 15e9, "our clock is ahead"
    coin.venue_lag_ms = 61_000.0
    assert coin.age_ns(trade, now_ns) == 0.0
