from __future__ import annotations

import numpy as np
import pytest

from quant.avellaneda_stoikov import optimal_spread, reservation_price
from venue.hyperliquid.universe import load_instruments
from venue.local.market.grid import STEPS
from venue.local.world.coins import MAKER_DAYS, RISK_SHARE, profile_of
from venue.local.world.flow import Prints
from venue.local.world.makers import (
    COVER_HALF_LIFE_MS,
    INVENTORY_MAX,
    QUOTE_CELLS,
    QUOTE_MS,
    QUOTES,
    VARIANCE_MAX,
    depth_of,
    discounted,
    inventories,
    quotes_of,
)

PROFILE = profile_of(load_instruments()["SOL"])
UNIT = 100.0
FLAT = np.ones(STEPS)


def prints(*taken: tuple[int, int, int]) -> Prints:
    """Return prints from (quote, side, lots)."""
    quote, side, lots = (np.array(column, dtype=np.int64) for column in zip(*taken, strict=True))
    cell = quote * QUOTE_CELLS
    return Prints(cell * 600, side.astype(np.int8), lots, cell, np.zeros(len(cell), dtype=np.int8))


def quoted(*taken: tuple[int, int, int], variance: float = 1.0, spread: float = 1.0):
    px = PROFILE.touch_usd / UNIT * 10**PROFILE.instrument.sz_decimals
    return quotes_of(
        1, PROFILE, 0, prints(*taken), variance=variance * FLAT, spread=spread * FLAT, px=px
    )


def test_makers_are_short_of_what_takers_bought_and_cover() -> None:
    held = inventories(prints((100, 1, 100)), UNIT)
    assert not np.any(held[:101])
    assert float(held[101]) == pytest.approx(-INVENTORY_MAX * np.tanh(1.0 / INVENTORY_MAX))
    later = 101 + round(COVER_HALF_LIFE_MS / QUOTE_MS)
    assert float(held[later]) == pytest.approx(-0.5, abs=0.02)
    assert float(inventories(prints((100, -1, 100)), UNIT)[101]) > 0.0


def test_inventories_are_bounded_and_gone_by_midnight() -> None:
    held = inventories(prints(*((n, -1, 10_000) for n in range(0, QUOTES, 7))), UNIT)
    assert float(np.max(held)) <= INVENTORY_MAX
    assert float(held[QUOTES // 2]) > 0.99 * INVENTORY_MAX
    assert float(held[-1]) == 0.0
    assert float(np.max(np.abs(np.diff(held[-170:])))) < 0.1


def test_discounting_in_blocks_is_the_plain_recursion() -> None:
    flow = np.random.default_rng(1).normal(size=5_000)
    for keep in (0.3, 0.97, 0.9999):
        expected, total = [], 0.0
        for value in flow.tolist():
            total = keep * total + value
            expected.append(total)
        assert discounted(flow, keep) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)


def test_quotes_are_avellanedas_and_stoikovs() -> None:
    quotes = quoted((100, 1, 100))
    maker = PROFILE.maker
    at = 120
    risen = reservation_price(maker, 0.0, float(quotes.inventory[at]), MAKER_DAYS)
    assert float(quotes.skew[at]) == pytest.approx(risen, rel=1e-5)
    assert risen > 0.0
    usual = optimal_spread(maker, MAKER_DAYS)
    assert usual == pytest.approx(PROFILE.spread_bps / 1e4)
    assert float(np.median(quotes.spread)) == pytest.approx(usual, rel=0.03)
    assert usual - optimal_spread(maker, 0.0) == pytest.approx(RISK_SHARE * usual)


def test_variance_and_regime_widen_the_spread() -> None:
    usual = float(np.median(quoted((0, 1, 1)).spread))
    risky = float(np.median(quoted((0, 1, 1), variance=3.0).spread))
    assert risky == pytest.approx(usual * (1.0 + 2.0 * RISK_SHARE), rel=0.01)
    wild = float(np.median(quoted((0, 1, 1), variance=100.0).spread))
    assert wild == pytest.approx(usual * (1.0 + (VARIANCE_MAX - 1.0) * RISK_SHARE), rel=0.01)
    assert float(np.median(quoted((0, 1, 1), spread=2.0).spread)) == pytest.approx(2.0 * usual)


def test_skews_stay_near_the_spread() -> None:
    quotes = quoted(*((n, 1, 10_000) for n in range(0, QUOTES, 7)))
    assert float(np.max(np.abs(quotes.skew))) < 1.0 * PROFILE.spread_bps / 1e4


def test_books_thin_out_with_variance() -> None:
    found = depth_of(np.array([1.0, 16.0, 1e9, 0.0]), np.array([1.0, 1.0, 0.5, 1.0]))
    assert found[0] == 1.0
    assert found[1] < 0.6
    assert 0.2 < found[2] < 0.3
    assert found[3] < 2.0
