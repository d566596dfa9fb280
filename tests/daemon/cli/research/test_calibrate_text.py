from __future__ import annotations

import pytest

from daemon.backtest.known.verify import Known
from daemon.cli.research.calibrate_text import print_figures, print_known
from research.calibration.figures import (
    Control,
    Coverage,
    Equivalent,
    FalseVerdicts,
    Figures,
    Lapse,
    Miss,
    Power,
    Promise,
    WholeDay,
)

LOOKS = {"60": 0.951, "90": 0.95, "180": 0.94, "365": 0.93}
FOUND = Figures(
    histories=600,
    days=365,
    seed=7,
    coverage=[Coverage("quiet", "S", 365, 0.953, 0.002, 0.941, "control", 14, promised=True)],
    whole_day=[WholeDay("normal", 0.6, LOOKS, {**LOOKS, "365": 0.944})],
    anytime_miss=[Miss("quiet", "S", 0.0012, 0.005, "brake")],
    false_verdicts=[
        FalseVerdicts("quiet", 9.6, "skew", 365, 14, 600, 3, 0.005, 0.0128, 0.0067, 0.0155, None)
    ],
    power=[Power(4.0, -0.3, "skew", 300, 450, 0.7, None, 431, None, 251)],
    equivalent=[Equivalent("quiet", "control", 0.0, {"180": 0.5, "365": 0.75})],
    control_undetermined=[Control("quiet", 0.9983, 0.992)],
    lapse=Lapse(0.98, 0.01),
    promises=[
        Promise("one", kept=True, worst="a"),
        Promise("two", kept=False, worst="b"),
        Promise("three", kept=None, worst="c"),
    ],
)


def test_every_figure_stands_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(FOUND)
    out = capsys.readouterr().out
    for words in (
        "0.50 %", "≤ 1.28 %", "0.67 %", "0.12 %", "99.83 %", "95.3% (94%)", "93.0% (94.4%)",
        "not shown",
        "-0.3", "> 450", "431 … > 450", "251", "75.00 %", "98%", "1%", "kept", "BROKEN",
    ):  # fmt: skip
        assert words in out, words


def test_rows_that_differ_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_known(Known(40, 540, 500, 400, ["limit_day: must be 1, is 2"], {"knows": "PROTECTIVE"}))
    out = capsys.readouterr().out
    assert "500 rows of limits and 400 of branches" in out and "1 differ" in out
    assert "knows PROTECTIVE" in out
    assert "must be 1, is 2" in out
