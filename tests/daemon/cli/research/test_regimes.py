from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.cli.research import regimes
from research.lenses import readings
from research.regimes import known
from research.regimes.labels import DIRECTION, WILD
from research.regimes.study import Detection, Summary
from tests.daemon.cli.conftest import Cli
from tests.support import planted, stand_in
from tests.support.candles import as_csv


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for planted regimes, with stand-in lenses and without the recordings at hand."""
    monkeypatch.setattr(readings, "read", stand_in.read)
    monkeypatch.setattr(known, "registered", planted.plan)
    monkeypatch.delenv("GNOMON_DATA", raising=False)


def recorded(path: Path, days: int = 10_000) -> Path:
    times, closes = planted.closes()
    rows = zip(times.tolist(), closes.tolist(), strict=True)
    return as_csv(path, list(rows)[: 24 * days])


HERE = ("research", "regimes", "--processes", 1)


def test_planted_regimes_are_found_by_what_must_find_them(
    cli: Cli, small: None, tmp_path: Path
) -> None:
    path = recorded(tmp_path / "planted.csv.gz")
    ran = cli(*HERE, "--candles", path, "--json")
    assert ran.code == 0, ran.err
    assert "425 days from 2020-01-01, 0 missing hours" in ran.err
    found = json.loads(ran.out)
    assert found["known"] == known.digest()
    lags = {(r["regime"], r["kind"], r["label"]): r["lag"] for r in found["detections"]}
    for crash in ("regime 1", "regime 4"):
        for label in ("threshold", "rv_z", "hmm"):
            assert lags[crash, "wild", label] in (1, 2, 3), (crash, label)
    assert np.isfinite([r["accuracy"] for r in found["summaries"]]).all()
    assert {r["label"] for r in found["summaries"]} == {*WILD, *DIRECTION}


def test_both_tables_are_words_and_whole_figures(capsys: pytest.CaptureFixture[str]) -> None:
    regimes.print_detections(
        [
            Detection("BTC", "Luna", "wild", "hmm", 23, None, 0, 0.0, 0.125),
            Detection("BTC", "Luna", "wild", "rv_z", 23, 4, 2, 0.5, 0.2),
        ]
    )
    regimes.print_summaries(
        [
            Summary("BTC", "wild", "threshold", 900, 0.75, 0.2, 0.4, 30.0, 0.0, 0.0, 0.0, ""),
            Summary(
                "BTC",
                "wild",
                "hmm",
                900,
                0.7,
                0.0,
                float("nan"),
                12.0,
                -0.05,
                -0.1,
                0.01,
                "no better than it",
            ),
        ]
    )
    out = capsys.readouterr().out
    assert "never" in out and "12%" in out and "the plainest" in out
    assert "-10.0 … +1.0" in out and "no better than it" in out


def test_without_candles_one_line_says_what_is_wanted(
    cli: Cli, small: None, tmp_path: Path
) -> None:
    ran = cli(*HERE, "--data", tmp_path)
    assert ran.code == 78 and ran.err.count("\n") == 1
    assert "BTCUSDT_spot-1h" in ran.err and "GNOMON_DATA" in ran.err


def test_too_short_a_history_is_refused(cli: Cli, small: None, tmp_path: Path) -> None:
    ran = cli(*HERE, "--candles", recorded(tmp_path / "x.csv.gz", 100))
    assert ran.code == 65 and "holds 100 days" in ran.err
