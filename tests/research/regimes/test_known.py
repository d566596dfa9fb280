from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from research.candle_files import candles_of
from research.regimes.known import Extreme, by_rule, digest, registered

REPO = Path(__file__).resolve().parents[3]
PLAN = registered()


@pytest.mark.parametrize("regime", PLAN.regime, ids=lambda r: r.name)
def test_a_regime_is_dates_a_rule_and_a_source(regime: object) -> None:
    begins, ends = regime.begins, regime.ends  # type: ignore[attr-defined]
    assert date.fromisoformat(begins.date) < date.fromisoformat(ends.date)
    for extreme in (begins, ends):
        assert extreme.since <= extreme.date <= extreme.to
        assert extreme.extreme in ("highest", "lowest")
    direction = regime.direction  # type: ignore[attr-defined]
    assert (begins.extreme, ends.extreme, direction) in (
        ("lowest", "highest", "up"),
        ("highest", "lowest", "down"),
    )
    assert regime.source.endswith(".")  # type: ignore[attr-defined]
    assert not regime.wild or direction == "down"  # type: ignore[attr-defined]


def test_the_years_that_were_asked_for_are_there() -> None:
    names = " ".join(r.name for r in PLAN.regime)
    for word in ("March 2020", "May 2021", "bear of 2022", "Luna", "FTX", "recovery of 2023"):
        assert word in names
    assert PLAN.settings.hmm_starts >= 5 and len(digest()) == 12


def test_a_rule_finds_the_extreme_of_its_span() -> None:
    days = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")
    closes = np.array([9.0, 1.0, 5.0, 7.0, 7.0, 2.0, 3.0, 0.0, 4.0, 8.0])
    span = {"since": "2020-01-02", "to": "2020-01-07", "date": ""}
    assert by_rule(Extreme("highest", **span), days, closes) == "2020-01-04"
    assert by_rule(Extreme("lowest", **span), days, closes) == "2020-01-02"
    with pytest.raises(ValueError, match="no daily closes"):
        by_rule(Extreme("lowest", "2021-01-01", "2021-02-01", ""), days, closes)


def test_the_dates_are_what_the_rules_give_on_the_recorded_closes() -> None:
    path = Path(os.environ.get("GNOMON_DATA", REPO.parent / "shared" / "data"))
    path = path / PLAN.candles[0].file
    if not path.exists():
        pytest.skip(f"no candles at {path} (set GNOMON_DATA)")
    pytest.importorskip("pyarrow")

    read = candles_of(path)
    day = read.times_ms // 86_400_000
    last = np.flatnonzero(np.append(np.diff(day) > 0, True))
    days = day[last].astype("datetime64[D]")
    for regime in PLAN.regime:
        for extreme in (regime.begins, regime.ends):
            assert by_rule(extreme, days, read.closes[last]) == extreme.date, regime.name
