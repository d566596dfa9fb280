from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from research.weights.weighting import RULES, SCENARIOS
from tests.daemon.cli.conftest import Cli
from tests.support.candles import written
from tests.support.learning import DAY_MS, learned
from tests.support.trials import begin, end, stage_of

SMALL = ("--days", 60, "--histories", 5)


def test_the_study_runs_without_any_state(cli: Cli, tmp_path: Path) -> None:
    ran = cli("research", "weights", *SMALL, "--state", tmp_path / "none")
    assert ran.code == 0 and "0 days of returns" in ran.out
    for word in (*RULES, *SCENARIOS, "over Darwin"):
        assert word in ran.out
    found = json.loads(cli("research", "weights", "--json", *SMALL).out)
    assert len(found) == len(RULES) * len(SCENARIOS) * 2
    assert {row["names"] for row in found} == {5, 26}


def test_what_a_desk_has_recorded_comes_first(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    learned(tmp_path / "local" / "gnomon.db", 23)
    found = json.loads(cli("research", "weights", "--json", *SMALL, "--state", tmp_path).out)
    assert [row["data"] for row in found[:5]] == ["recorded"] * 4 + [SCENARIOS[0]]
    assert found[0]["days"] == 23 and found[1]["low"] <= found[1]["added"] <= found[1]["high"]


def test_the_seed_is_the_operators(cli: Cli) -> None:
    first = cli("research", "weights", "--json", *SMALL, "--seed", 1).out
    assert cli("research", "weights", "--json", *SMALL, "--seed", 1).out == first
    assert cli("research", "weights", "--json", *SMALL, "--seed", 2).out != first


def test_a_study_of_nothing_is_a_usage_error(cli: Cli) -> None:
    assert cli("research", "weights", "--days", 3).code == 2
    assert cli("research", "weights", "--histories", 0).code == 2


def tried(root: Path) -> None:
    """Write a state whose register holds a kept, a reverted and a running trial."""
    stage = stage_of()
    (root / "local").mkdir()
    stage.open_store(root / "local" / "gnomon.db")
    for trial, decision in ((1, "keep"), (2, "revert"), (3, "")):
        assert stage.command("trial", begin(trial_id=trial, level=0.025)).startswith("trial")
        stage.commit()
        stage.wait_until(40 * trial * DAY_MS)
        stage.second()
        if decision:
            stage.command("trial", end(decision, trial, difference=0.25, p=0.001))
        stage.commit()
    assert stage.store is not None
    stage.store.close()


def test_a_fresh_state_has_no_step_to_take(cli: Cli, tmp_path: Path) -> None:
    ran = cli("research", "autoresearch", "--state", tmp_path / "none")
    assert ran.code == 0 and "nothing is recorded yet" in ran.out
    (tmp_path / "local").mkdir()
    learned(tmp_path / "local" / "gnomon.db", 3)
    ran = cli("research", "autoresearch", "--state", tmp_path)
    assert ran.code == 0 and "no bot with a search space has 20 days" in ran.out


def test_the_register_is_shown_with_the_line_that_adopts_a_change(cli: Cli, tmp_path: Path) -> None:
    tried(tmp_path)
    ran = cli("research", "autoresearch", "--dry-run", "--state", tmp_path)
    assert ran.code == 0
    assert "hold_s 60 → 600" in ran.out and "running" in ran.out
    assert "trial 1 is kept by [bots.dial] hold_s = 600" in ran.out
    assert "trial 2 is kept" not in ran.out
    found = json.loads(
        cli("research", "autoresearch", "--dry-run", "--json", "--state", tmp_path).out
    )
    assert [row["decision"] for row in found["trials"]] == ["keep", "revert", None]
    assert found["step"] == "end" and found["reply"] == ""
    assert found["verdict"]["reason"] == "either arm had a result on 0 days; it takes 20"


def test_a_step_without_a_daemon_is_not_taken(cli: Cli, tmp_path: Path) -> None:
    tried(tmp_path)
    assert cli("research", "autoresearch", "--state", tmp_path).code == 69


def test_recorded_candles_are_traded_by_textbook_rules(cli: Cli, tmp_path: Path) -> None:
    moves = 0.01 * np.random.default_rng(1).standard_normal((2, 24 * 60))
    closes = 100.0 * np.exp(np.cumsum(moves, axis=1))
    paths = [written(tmp_path / f"{i}", 0, c.tolist()) for i, c in enumerate(closes)]
    options = [part for path in paths for part in ("--candles", path)]
    found = json.loads(cli("research", "weights", "--json", *SMALL, *options).out)
    assert [row["data"] for row in found[:4]] == ["candles"] * 4
    assert (found[0]["names"], found[0]["days"]) == (8, 52)


def test_candles_that_are_none_exit_65(cli: Cli, tmp_path: Path) -> None:
    short = written(tmp_path / "short", 0, [1.0] * 50)
    for path in (tmp_path / "missing", short):
        ran = cli("research", "weights", *SMALL, "--candles", path)
        assert ran.code == 65 and ran.err.count("\n") == 1
