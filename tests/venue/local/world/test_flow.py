from __future__ import annotations

import numpy as np
import pytest

from quant.hawkes import Hawkes, fit
from venue.hyperliquid.universe import load_instruments
from venue.local.market.grid import BLOCK_MS, CELLS, STEPS
from venue.local.world.coins import profile_of
from venue.local.world.flow import (
    BRANCHING,
    TAKER_SIZE,
    Prints,
    Scene,
    minutes_of,
    prints_of,
    tilts_of,
)
from venue.local.world.regimes import CALM, CRASHING, REGIMES

PROFILE = profile_of(load_instruments()["DOGE"])
SIGMA = 1e-3
FLAT = np.zeros(CELLS, dtype=np.float32)
RISING = np.linspace(0.0, 2.0 * SIGMA * STEPS, CELLS, dtype=np.float32)


def prints(day: int = 3, tilt: float = 0.0, cells: np.ndarray = FLAT, regime: int = CALM) -> Prints:
    """Return a day's prints where nothing but what is given drives them."""
    scene = Scene(
        cells=cells,
        sigma=np.full(STEPS, SIGMA),
        moves=np.full(STEPS, 0.8),
        tilts=FLAT + np.float32(tilt),
        regime=np.full(STEPS, regime, dtype=np.int64),
    )
    return prints_of(1, PROFILE, day, scene, px=0.19)


def buyers(drawn: Prints) -> list[float]:
    """Return the share of buyers among the prints of each kind of taker."""
    return [float(np.mean(drawn.side[drawn.taker == kind] > 0)) for kind in range(4)]


def test_prints_are_sorted_and_lie_on_blocks() -> None:
    drawn = prints()
    assert np.all(np.diff(drawn.ms) >= 0)
    assert np.all(drawn.ms % BLOCK_MS == 0)
    assert np.all(drawn.lots >= 1)
    assert 0 <= drawn.ms[0] < 60_000
    assert drawn.ms[-1] < 86_400_000


def test_prints_are_as_many_as_the_profile_and_the_regime_say() -> None:
    for regime in (CALM, CRASHING):
        wanted = PROFILE.prints_per_s * 86_400 * REGIMES[regime].orders
        assert len(prints(regime=regime).ms) == pytest.approx(wanted, rel=0.1)


def test_orders_call_forth_orders() -> None:
    orders = np.unique(prints().ms) / 1000.0
    hours = orders[orders < 4 * 3_600.0]
    found = fit(hours, 4 * 3_600.0)
    # Orders of one block count once here, so a few children are lost.
    assert found.model.branching == pytest.approx(BRANCHING, abs=0.12)
    assert found.log_likelihood > found.poisson + 100.0
    assert isinstance(found.model, Hawkes)


def test_arrivals_are_burstier_than_chance() -> None:
    counts = np.bincount(np.unique(prints().ms) // 10_000, minlength=8_640)
    assert np.var(counts) > 2.0 * np.mean(counts)


def test_sides_come_in_runs() -> None:
    side = prints().side.astype(np.int64)
    assert float(np.mean(side[20:] * side[:-20])) > 0.02
    assert 0.45 < float(np.mean(side > 0)) < 0.55


def test_only_the_informed_see_the_coming_move() -> None:
    for tilt, sign in ((0.5, 1.0), (-0.5, -1.0)):
        noise, momentum, contrarian, informed = buyers(prints(tilt=tilt))
        assert sign * (informed - 0.5) > 0.15
        # Others are drawn along a little, where they take part in an informed family.
        assert max(abs(share - 0.5) for share in (noise, momentum, contrarian)) < 0.15


def test_followers_buy_what_has_risen_and_contrarians_sell_it() -> None:
    _, momentum, contrarian, informed = buyers(prints(cells=RISING))
    assert momentum > 0.6
    assert contrarian < 0.4
    assert 0.4 < informed < 0.6


def test_kinds_of_takers_are_as_the_regime_says() -> None:
    for regime in (CALM, CRASHING):
        shares = np.bincount(prints(regime=regime).taker, minlength=4)
        assert (shares / shares.sum()).tolist() == pytest.approx(REGIMES[regime].takers, abs=0.02)


def test_the_informed_trade_larger() -> None:
    drawn = [prints(day) for day in range(6)]
    lots = np.concatenate([d.lots for d in drawn])
    taker = np.concatenate([d.taker for d in drawn])
    medians = [float(np.median(lots[taker == kind])) for kind in range(4)]
    assert [m / medians[2] for m in medians] == pytest.approx(TAKER_SIZE, rel=0.15)


def test_tilts_see_the_coming_move() -> None:
    rising = np.linspace(0.0, 0.5, CELLS, dtype=np.float32)
    tilts = tilts_of(rising, np.full(STEPS, 1e-3, dtype=np.float32))
    assert np.all(tilts[:-60] > 0.0)
    assert float(tilts[-1]) == 0.0
    assert float(np.max(np.abs(tilts))) <= 0.6 + 1e-6


def test_minutes_add_up_prints_and_repeat_the_last_close() -> None:
    ms = np.array([10, 50, 59_999, 180_000])
    px = np.array([5, 9, 7, 4])
    lots = np.array([1, 2, 3, 10])
    bars = minutes_of(ms, px, lots, scale=0.5)
    rows = list(zip(bars.open, bars.high, bars.low, bars.close, bars.lots, bars.count, strict=True))
    assert rows[0] == (5, 9, 5, 7, 6, 3)
    assert rows[1] == rows[2] == (7, 7, 7, 7, 0, 0)
    assert rows[3] == (4, 4, 4, 4, 10, 1)
    assert rows[1439] == (4, 4, 4, 4, 0, 0)
    assert len(rows) == 1440
    assert bars.notional[0] == 0.5 * (5 + 18 + 21)
