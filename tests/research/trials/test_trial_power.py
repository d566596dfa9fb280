from __future__ import annotations

import random
from pathlib import Path

import pytest
from pytest import approx

from research.trials.trial import KEEP, TRIAL_DAYS, decide, level
from research.trials.trial_power import TRIALS, naive_kept, power, table


@pytest.mark.parametrize(("window", "kept"), [(30, 0.96), (60, 0.91), (90, 0.87)])
def test_the_published_rule_keeps_nearly_every_change_that_does_nothing(
    window: int, kept: float
) -> None:
    assert naive_kept(window, histories=4000, seed=7) == approx(kept, abs=0.02)


@pytest.mark.parametrize("correlation", [0.5, 0.9, 0.99])
def test_ours_keeps_a_change_that_does_nothing_at_most_in_five_of_a_hundred(
    correlation: float,
) -> None:
    # 0.025 are expected of the first trial; 4000 histories put 0.032 at four standard errors.
    assert power(0.0, correlation, 1, histories=4000, seed=7).kept < 0.035
    assert power(0.0, correlation, 6, histories=4000, seed=7).kept < 0.005


def test_over_many_trials_the_chance_of_any_false_keep_stays_below_alpha() -> None:
    histories, wrong = 300, 0
    rng = random.Random(7)
    for _ in range(histories):
        kept = False
        for trial in range(1, 13):
            arms = [[round(rng.gauss(0, 1e6)) for _ in range(TRIAL_DAYS)] for _ in range(2)]
            verdict = decide(arms[0], arms[1], at=level(trial), past_sharpe=-0.2)
            kept = kept or verdict.decision == KEEP
        wrong += kept
    # 4.6 % are expected; 9 % are beyond three standard errors.
    assert wrong / histories < 0.09


@pytest.mark.parametrize(
    ("lift", "correlation", "share"),
    [
        (1, 0.5, 0.09),
        (2, 0.5, 0.14),
        (4, 0.5, 0.31),
        (1, 0.9, 0.16),
        (2, 0.9, 0.36),
        (4, 0.9, 0.82),
    ],
)
def test_without_the_correction_the_power_is_the_known_one(
    lift: float, correlation: float, share: float
) -> None:
    found = power(lift, correlation, 1, histories=4000, seed=7)
    assert found.uncorrected == approx(share, abs=0.025)
    assert found.kept < found.uncorrected


def test_power_grows_with_lift_and_correlation_and_shrinks_with_trials() -> None:
    rows = {(r.lift, r.correlation, r.trial): r.kept for r in table(histories=1000, seed=7)}
    assert rows[4.0, 0.9, 1] > rows[2.0, 0.9, 1] > rows[0.0, 0.9, 1]
    assert rows[2.0, 0.99, 1] > rows[2.0, 0.9, 1] > rows[2.0, 0.5, 1]
    assert rows[4.0, 0.9, 1] > rows[4.0, 0.9, 6] > rows[4.0, 0.9, 12]


def test_the_fast_figure_is_that_of_the_rule_itself() -> None:
    rng = random.Random(3)
    kept = 0
    for _ in range(400):
        shared = [rng.gauss(0, 1) for _ in range(TRIAL_DAYS)]
        arms = [
            [round(1e6 * (0.9**0.5 * s + 0.1**0.5 * rng.gauss(0, 1) + add)) for s in shared]
            for add in (4 / 365**0.5, 0.0)
        ]
        kept += decide(arms[0], arms[1], at=level(1), past_sharpe=None).decision == KEEP
    assert kept / 400 == approx(power(4.0, 0.9, 1, histories=4000, seed=7).kept, abs=0.07)


def test_the_documents_table_is_what_comes_out() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "autoresearch.md").read_text()
    told = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("0."):
            shares = [float(cell.removesuffix(" %")) / 100 for cell in cells[2:]]
            told[float(cells[0]), float(cells[1])] = shares
    found = table(histories=4000, seed=7)
    assert len(found) == 3 * len(told) == 45
    for row in found:
        shares = told[row.correlation, row.lift]
        assert row.kept == approx(shares[TRIALS.index(row.trial)], abs=0.03)
        assert row.uncorrected == approx(shares[3], abs=0.03)
