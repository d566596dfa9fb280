from __future__ import annotations

from itertools import pairwise

import numpy as np

from divisions.roster import DIVISIONS
from market.events import MS_PER_DAY
from research.weights.darwin import paths
from research.weights.emergent import UNDETERMINED, Regime, emergent, regime_on, table
from shadow.store.rows import day_of
from shadow.store.tables.weights import ReturnRow, WeightRow

FIRST_MS = 1_756_684_800_000  # 2025-09-01


def desk(seed: int, days: int, edge: float = 0.0) -> Regime:
    """Return the regime after so many days in which `carry` had an edge of so many R a day."""
    rng = np.random.default_rng(seed)
    market = rng.standard_normal((days, 1))
    r = 0.5 * market + rng.standard_t(5, (days, 5)) * np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    r[:, DIVISIONS.index("carry")] += edge
    r_e6 = np.round(r * 1e6).astype(np.int64)
    weights = paths(r_e6[None], np.ones((1, days, 5), bool), np.full((1, days, 5), 3))[0, -1]
    at = [day_of(FIRST_MS + n * MS_PER_DAY) for n in range(days + 1)]
    latest = [
        WeightRow(at[days], "division", d, float(w), None, "", days, 3 * days)
        for d, w in zip(DIVISIONS, weights, strict=True)
    ]
    returns = [
        ReturnRow(at[n], at[n + 1], f"{d}_bot", d, int(r_e6[n, k]), 3)
        for n in range(days)
        for k, d in enumerate(DIVISIONS)
    ]
    return emergent(latest, returns, shuffles=200, seed=seed)


def test_without_an_edge_the_regime_speaks_about_once_in_twenty() -> None:
    """At 5 %, eight or more of 60 histories speak in 1.4 % of all sets of seeds."""
    spoken = sum(desk(seed, 100).regime != UNDETERMINED for seed in range(60))
    assert spoken <= 7


def test_an_edge_that_lasts_is_named() -> None:
    found = [desk(seed, 300, edge=1.2) for seed in range(10)]
    named = [f for f in found if f.regime == "carry"]
    assert len(named) >= 7 and {f.leader for f in found} == {"carry"}
    assert all(f.p is not None and f.p <= 0.06 and f.lead > (f.band or 9) for f in named)


def test_the_ratio_knows_sooner_than_a_weight_that_has_reached_its_bound() -> None:
    found = [desk(seed, 120, edge=1.2) for seed in range(10)]
    assert all(f.ratio_p is not None and f.ratio_p < 0.05 for f in found)
    assert sum(f.regime == "carry" for f in found) < 10
    by_chance = [desk(seed, 100).ratio_p or 1.0 for seed in range(60)]
    assert sum(p <= 0.05 for p in by_chance) <= 7


def test_young_desks_say_nothing() -> None:
    for found in (desk(1, 15, edge=5.0), emergent([], [])):
        assert found.regime == UNDETERMINED and found.band is None and found.p is None
        assert found.reason == "no weight has moved yet"
    assert emergent([], []).weights == dict.fromkeys(DIVISIONS, 1.0)


def test_the_same_state_always_says_the_same() -> None:
    assert desk(3, 60) == desk(3, 60)


def test_the_table_holds_days_without_returns() -> None:
    day = [day_of(FIRST_MS + n * MS_PER_DAY) for n in range(5)]
    rows = [
        ReturnRow(day[0], day[1], "a", "trend", 500_000, 2),
        ReturnRow(day[0], day[1], "b", "trend", 250_000, 1),
        ReturnRow(day[3], day[4], "c", "flow", -1_000_000, 1),
        ReturnRow(day[3], day[4], "x", "", 7, 1),
    ]
    r, active, closed = table(rows)
    assert r.shape == (4, 5)
    assert r[0, 0] == 0.75 and closed[0, 0] == 3 and r[3, 2] == -1.0
    assert active.sum() == 2


def test_a_day_s_regime_rests_on_what_was_known_when_it_began() -> None:
    """Later weights and returns, and what was learned later of earlier days, change nothing."""
    days = [day_of(FIRST_MS + n * MS_PER_DAY) for n in range(120)]
    weights = [
        WeightRow(day, "division", name, 2.5 if name == "carry" else 1.0, None, "", n, 3 * n)
        for n, day in enumerate(days)
        for name in DIVISIONS
        if n
    ]
    rng = np.random.default_rng(3)
    returns = [
        ReturnRow(before, after, f"{name}_bot", name, int(rng.normal(0, 1e6)), 3)
        for before, after in pairwise(days)
        for name in DIVISIONS
    ]
    at = days[40]
    found = regime_on(at, weights, returns)
    known = [row for row in weights if row.day == at]
    assert found == emergent(known, [row for row in returns if row.day < at])
    assert found.days == 40 and found.leader == "carry"
    late = [ReturnRow(days[3], days[41], "trend_bot", "trend", 9_000_000, 1)]
    assert regime_on(at, weights[: 45 * len(DIVISIONS)], returns + late) == found
    assert regime_on("2025-01-01", weights, returns).reason == "no weight has moved yet"
    assert regime_on(at, weights, []).reason == "no returns are known"
