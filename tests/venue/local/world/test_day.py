from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from market.instrument import Instrument
from venue.hyperliquid.universe import load_instruments
from venue.local.market.grid import CELLS, STEP_MS, STEPS
from venue.local.world.archive import Archive
from venue.local.world.day import SPREAD_TICKS_MAX, Day, touches
from venue.local.world.path import draft
from venue.local.world.regimes import CRASHING

ARCHIVE = Archive(7, load_instruments().values())


def spot_check(instrument: Instrument, bid: list[int], ask: list[int]) -> None:
    for low, high in zip(bid, ask, strict=True):
        assert low < high
        for px in (low, high):
            assert instrument.is_valid_px(Decimal(px).scaleb(-instrument.px_decimals))


@pytest.mark.parametrize("coin", ["BTC", "ETH", "DOGE", "kPEPE", "PAXG", "TAO"])
def test_every_touch_is_valid_and_never_crossed(coin: str) -> None:
    day = ARCHIVE.day(coin, 1)
    quotes = [day.touch(ms) for ms in range(0, 86_400_000, 300_000)]
    instrument = ARCHIVE.profiles[coin].instrument
    spot_check(instrument, [q[0] for q in quotes], [q[1] for q in quotes])


@pytest.mark.parametrize("edge", [100_000, 1_000_000])
def test_touches_stay_valid_where_the_tick_changes(edge: int) -> None:
    instrument = Instrument("X", 0, 2, 10)
    mid = np.linspace(0.995 * edge, 1.005 * edge, 4_001).astype(np.float32)
    spread = np.full(4_001, 3e-4 * edge, dtype=np.float32)
    bid, ticks, tick = touches(mid, spread, instrument.px_decimals)
    assert tick == 0
    assert int(ticks.min()) >= 1
    assert int(ticks.max()) <= SPREAD_TICKS_MAX
    step = np.where(bid >= edge, edge // 10**4, edge // 10**5)
    ask = bid + ticks * step
    spot_check(instrument, bid.tolist(), ask.tolist())
    assert np.all(np.abs((bid + ask) / 2 - mid) < 4e-4 * edge)


def test_a_spread_may_hold_for_several_cells() -> None:
    mid = np.linspace(150_000, 151_000, 60).astype(np.float32)
    spread = np.linspace(20, 60, 10).astype(np.float32)
    one, same = touches(mid, spread, 2), touches(mid, np.repeat(spread, 6), 2)
    assert one[2] == same[2] > 0
    assert np.array_equal(one[0], same[0])
    assert np.array_equal(one[1], same[1])


def test_prints_are_at_the_touch_of_their_side() -> None:
    day = ARCHIVE.day("SOL", 2)
    for i in range(0, len(day.print_ms), 97):
        bid, ask, _, _ = day.touch(day.print_ms[i])
        assert day.print_px[i] == (ask if day.print_side[i] > 0 else bid)


def test_the_book_leans_and_the_prints_side_with_the_coming_move() -> None:
    day = ARCHIVE.day("ETH", 2)
    bid = np.asarray(day.bid).astype(float)
    coming = np.log(bid[5:] / bid[:-5])
    lean = np.asarray(day.lean)[:-5].astype(float)
    assert 0.2 < float(np.corrcoef(lean, coming)[0, 1]) < 0.6
    # The imbalance lasts for seconds.
    assert float(np.corrcoef(lean[3:], lean[:-3])[0, 1]) > 0.4
    cell = np.minimum(np.asarray(day.print_ms) // 600, len(coming) - 1)
    side = np.asarray(day.print_side).astype(float)
    assert 0.05 < float(np.corrcoef(side, coming[cell])[0, 1]) < 0.5


def test_spreads_are_as_the_profile_says() -> None:
    for coin in ("BTC", "DOGE", "AERO"):
        day = ARCHIVE.day(coin, 1)
        quotes = [day.touch_of(cell)[:2] for cell in range(0, CELLS, 40)]
        spread = [(ask - bid) / bid for bid, ask in quotes]
        wanted = ARCHIVE.profiles[coin].spread_bps
        assert 0.8 * wanted < float(np.mean(spread)) * 1e4 < 2.0 * wanted


def test_the_mean_premium_is_that_of_the_hour_so_far() -> None:
    day = ARCHIVE.day("HYPE", 1)
    assert day.mean_premium(0) == pytest.approx(day.paid[1])
    for hour in range(24):
        last = day.mean_premium(hour * 3_600_000 + 3_599_999)
        assert last == pytest.approx(float(day.record.premium[hour]), abs=1e-12)


def test_knots_are_joined_by_straight_lines() -> None:
    day = ARCHIVE.day("HYPE", 1)
    middle = day.at_knots(day.premium, 15_000)
    assert middle == pytest.approx((day.premium[0] + day.premium[1]) / 2)


def moods(number: int, coin: str) -> tuple[np.ndarray, Day]:
    """Return the regime of each step of a coin's day, as the archive has it, and the day."""
    kinds = [
        draft(7, series, day=number, daily_vol=0.03, model=ARCHIVE.profiles[coin].variance).turns
        for series in ("factor", coin)
    ]
    return np.maximum(kinds[0].kind, kinds[1].kind), ARCHIVE.day(coin, number)


def test_a_crash_is_wide_thin_busy_and_flushes_open_interest() -> None:
    spreads, depths, busy, flushed = [], [], [], []
    for number in range(24):
        kind, day = moods(number, "SOL")
        crash = kind == CRASHING
        if crash.sum() < 30 or not day.tick:
            continue
        spread = np.asarray(day.spread).reshape(STEPS, -1).mean(axis=1)
        depth = np.asarray(day.depth).astype(float)
        prints = np.bincount(np.asarray(day.print_ms) // STEP_MS, minlength=STEPS)
        for found, series in ((spreads, spread), (depths, depth), (busy, prints)):
            found.append(float(series[crash].mean() / series[~crash].mean()))
        held = np.diff(np.log(np.asarray(day.open_interest)))
        flushed.append(float(held[crash].mean() - held[~crash].mean()))
    assert len(spreads) >= 3
    assert float(np.mean(spreads)) > 1.5
    assert float(np.mean(depths)) < 0.7
    assert float(np.mean(busy)) > 1.5
    assert float(np.mean(flushed)) < 0.0
