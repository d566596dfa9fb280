from __future__ import annotations

import json
from pathlib import Path

from research.weighting import RULES, SCENARIOS
from tests.daemon.cli.conftest import Cli
from tests.support.learning import learned

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
