from __future__ import annotations

import numpy as np
import pytest

from research.lenses.panel import serial
from research.regimes.labels import (
    DIRECTION,
    HOURS,
    WILD,
    Hourly,
    efficiency,
    hidden,
    hourly,
    labels,
    momentum,
    rv_z,
    threshold,
)
from tests.support.planted import HOUR_MS, SETTINGS, START_MS, closes
from tests.support.stand_in import read

TIMES, CLOSES = closes()
DATA = hourly(TIMES, CLOSES)
CRASH = slice(210, 230)


def test_whole_days_are_kept_and_missing_hours_carry_the_last_close() -> None:
    times = START_MS + HOUR_MS * np.array([20, 21, 23, 24, 25, 28, *range(48, 80)], np.int64)
    found = hourly(times, np.arange(len(times)) + 1.0)
    assert found.days.tolist() == np.array(["2020-01-02", "2020-01-03"], "datetime64[D]").tolist()
    assert found.closes[:6].tolist() == [4.0, 5.0, 5.0, 5.0, 6.0, 6.0]
    assert found.filled == 2 + 19 and len(found.returns) == 48 and found.returns[0] == 0.0
    with pytest.raises(ValueError, match="two whole days"):
        hourly(times[:6], np.ones(6))


def test_a_crash_is_wild_to_every_volatility_label() -> None:
    wild, _ = hidden(DATA, SETTINGS)
    for said, least in ((threshold(DATA, SETTINGS), 0.9), (rv_z(DATA, SETTINGS), 0.9), (wild, 0.7)):
        assert np.isnan(said[: SETTINGS.train_days]).all()
        assert said[CRASH].mean() >= least
        assert said[170:200].mean() < 0.3


def test_directions_follow_the_planted_trend() -> None:
    for said in (efficiency(DATA, SETTINGS), momentum(DATA, SETTINGS)):
        assert set(np.unique(said[SETTINGS.train_days :])) <= {-1.0, 0.0, 1.0}
        assert said[270:290].mean() > 0.5 and said[330:350].mean() < -0.5


def test_nothing_later_moves_a_label() -> None:
    cut = 250
    garbage = CLOSES.copy()
    garbage[cut * HOURS :] *= np.exp(
        np.random.default_rng(1).standard_normal(len(CLOSES) - cut * HOURS)
    )
    made = {"read": read, "seed": 1, "spread": serial}
    one = labels(DATA, SETTINGS, **made)  # type: ignore[arg-type]
    other = labels(Hourly(DATA.days, garbage, 0), SETTINGS, **made)  # type: ignore[arg-type]
    assert set(one) == {*WILD, *DIRECTION}
    for name, said in one.items():
        assert np.array_equal(said[:cut], other[name][:cut], equal_nan=True), name
        assert np.isfinite(said[SETTINGS.train_days + 1 :]).all(), name


def test_too_short_a_history_is_refused() -> None:
    short = hourly(TIMES[: 24 * 100], CLOSES[: 24 * 100])
    with pytest.raises(ValueError, match="holds 100 days"):
        labels(short, SETTINGS, read=read, seed=1, spread=serial)
