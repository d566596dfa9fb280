from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from research.lenses import protocol as protocol_module
from research.lenses import readings, worlds
from research.lenses.protocol import digest, registered
from research.lenses.study import COINS, DEMOTE, DEVELOPMENT, LATER
from tests.daemon.cli.conftest import Cli
from tests.support import stand_in
from tests.support.candles import START_MS, as_json

MINUTE_MS = 60_000


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with the stand-in lenses, here, and draw little."""
    protocol = registered()
    monkeypatch.setattr(readings, "read", stand_in.read)
    monkeypatch.setattr(readings, "NAMES", stand_in.NAMES)
    changed = msgspec.structs.replace(
        protocol,
        window=300,
        stride=20,
        shifts=49,
        bootstraps=49,
        random_gates=20,
        power_windows=20,
    )
    monkeypatch.setattr(protocol_module, "registered", lambda: changed)


SMALL = ("research", "lenses", "--windows", 100, "--processes", 1)


def candles(path: Path, *, seed: int = 1, bars: int = 6000, hole: int = 0) -> Path:
    """Write minutes of a market with nothing in it, some of them missing."""
    moves = worlds.returns("garch", registered(), 1, bars, seed)[0] * 1e-3
    closes = 100.0 * np.exp(np.cumsum(moves))
    rows = [(START_MS + i * MINUTE_MS, float(c)) for i, c in enumerate(closes)]
    return as_json(path, [row for i, row in enumerate(rows) if not 3000 <= i < 3000 + hole])


def test_the_worlds_are_rehearsed_without_any_file(cli: Cli, quick: None) -> None:
    ran = cli(*SMALL)
    assert ran.code == 0, ran.err
    assert f"protocol {digest()}, 100 windows, seed 7, horizon 60 bars" in ran.out
    for word in (*worlds.NULLS, *worlds.POSITIVES, "chaos: verdict", "bend", "composite", DEMOTE):
        assert word in ran.out, word
    assert "garch: 100 windows" in ran.err and "logistic: 20 windows" in ran.err


def test_candles_are_read_and_a_hole_is_no_window(cli: Cli, quick: None, tmp_path: Path) -> None:
    whole = candles(tmp_path / "whole.json.gz")
    holed = candles(tmp_path / "holed.json.gz", seed=2, hole=30)
    arguments = (*SMALL, "--candles", whole, "--candles", holed, "--json")
    ran = cli(*arguments)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["protocol"] == digest() and found["rejections"][-1]["lens"] == "composite"
    assert found["rejections"][0]["windows"] < found["tables"][0]["skill"][0]["points"] / 4
    (tables,) = found["tables"]
    assert {row["data"] for row in tables["skill"]} == {"1m candles"}
    assert {row["part"] for row in tables["skill"]} == {DEVELOPMENT, LATER}
    assert [c["path"] for c in found["crashes"]] == ["whole", "holed"]
    assert cli(*arguments).out == ran.out
    assert cli(*arguments[:-1], "--bar", 5).code == 65


def test_the_crashes_are_found_by_name_and_coins_held_out(
    cli: Cli, quick: None, tmp_path: Path
) -> None:
    crashes = {c.coin: c for c in registered().crash if c.file.endswith("json.gz")}
    for coin in ("BTC", "SOL"):
        path = tmp_path / crashes[coin].file
        path.parent.mkdir(exist_ok=True)
        candles(path, seed=len(coin))
    ran = cli(*SMALL, "--data", tmp_path)
    assert ran.code == 0, ran.err
    assert COINS in ran.out and "share of readings below" in ran.out
    assert ran.err.count("is not there") == len(registered().crash) - 2


def test_a_folder_or_file_without_what_it_takes_is_refused(
    cli: Cli, quick: None, tmp_path: Path
) -> None:
    ran = cli(*SMALL, "--data", tmp_path)
    assert ran.code == 65 and "none of the files" in ran.err
    short = candles(tmp_path / "short.json.gz", bars=700)
    ran = cli(*SMALL, "--candles", short)
    assert ran.code == 65 and "it takes 20" in ran.err


def test_a_horizon_that_is_not_registered_is_a_usage_error(cli: Cli) -> None:
    ran = cli(*SMALL, "--horizon", 61)
    assert ran.code == 2 and "15, 60, 240" in ran.err
    assert cli("research", "lenses", "--windows", 3).code == 2
