from __future__ import annotations

import numpy as np
import pytest

from research.weights.textbook import (
    FEE,
    HOUR_MS,
    RULES,
    VOL_HOURS,
    breakout,
    compare,
    daily,
    fade,
    follow,
)

MIDNIGHT_MS = 1_577_836_800_000  # 2020-01-01


def walk(seed: int, hours: int = 1200, coins: int = 2, drift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    moves = drift + 0.01 * rng.standard_normal((hours, coins))
    return 100.0 * np.exp(np.cumsum(moves, axis=0))


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_breakouts_hold_their_side() -> None:
    closes = column(1, 2, 3, 2.5, 4, 3.5, 2.4, 3)
    assert breakout(closes, 3)[:, 0].tolist() == [0, 0, 0, 0, 1, 1, -1, -1]


def test_a_fade_leans_against_what_is_far() -> None:
    closes = column(*[10.0, 10.1] * 10, 12.0, 10.0)
    found = fade(closes, 10)[:, 0]
    assert found[20] == -1.0 and (found[:20] == 0.0).all()


def test_what_outran_is_bought_and_what_fell_behind_is_sold() -> None:
    closes = np.array([[1.0, 1.0], [1.1, 1.0], [1.1, 1.3]])
    assert compare(closes, 1).tolist() == [[0, 0], [1, -1], [-1, 1]]


def test_a_follower_is_long_in_a_rise_and_short_in_a_fall() -> None:
    up = column(*np.linspace(1, 2, 100))
    assert (follow(up, 5)[1:] == 1).all() and (follow(up[::-1], 5)[1:] == -1).all()


def test_nothing_is_earned_from_what_was_not_known() -> None:
    closes = walk(1)
    garbage = closes.copy()
    garbage[900:] = walk(2)[900:]
    honest, other = daily(MIDNIGHT_MS, closes)[0], daily(MIDNIGHT_MS, garbage)[0]
    whole = (900 - 192) // 24
    assert np.array_equal(honest[:whole], other[:whole])
    assert not np.array_equal(honest[whole:], other[whole:])


def test_days_are_whole_utc_days_after_the_warm_up() -> None:
    closes = walk(3, 24 * 30)
    assert len(daily(MIDNIGHT_MS, closes)[0]) == 30 - 8
    # Five hours later every day begins five hours sooner in the file.
    assert len(daily(MIDNIGHT_MS + 5 * HOUR_MS, closes)[0]) == 30 - 8


def test_a_rule_that_only_turns_pays_its_fees() -> None:
    """A market that steps up and down by turns: compare 24 never moves, fade 24 has no reason."""
    steps = np.exp(0.001 * (np.arange(24 * 20) % 2))
    closes = np.stack([100 * steps, 100 * steps[::-1]], axis=1)
    results, _, changes = daily(MIDNIGHT_MS, closes)
    names = [name for name, _, _ in RULES]
    quiet = results[:, names.index("compare 24")]
    assert (quiet[changes[:, names.index("compare 24")] == 0] == 0.0).all()
    assert FEE > 0.0


def test_drift_pays_the_followers() -> None:
    results, active, _ = daily(MIDNIGHT_MS, walk(4, 4000, drift=0.002))
    names = [name for name, _, _ in RULES]
    assert results[:, names.index("follow 48")].mean() > 0.1 and active.all()


@pytest.mark.parametrize("closes", [np.ones((2 * VOL_HOURS - 1, 1)), np.zeros((1000, 1))])
def test_what_cannot_be_used_is_refused(closes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="positive closes"):
        daily(MIDNIGHT_MS, closes)
