from __future__ import annotations

import json

import pytest

from research.calibration import study as of
from tests.daemon.cli.conftest import Cli

SMALL = ("--histories", 3, "--days", 120, "--engine-days", 2, "--processes", 1)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave two worlds and one planted desk."""
    monkeypatch.setattr(of, "CELLS", of.CELLS[2:4])
    monkeypatch.setattr(of, "PLANTED", of.PLANTED[1:2])
    monkeypatch.setattr(of, "WHOLE_DAY_HISTORIES", 1)


@pytest.mark.usefixtures("few")
def test_the_json_has_what_is_promised(cli: Cli) -> None:
    found = json.loads(cli("research", "calibrate", "--json", *SMALL).out)
    assert (found["histories"], found["days"], found["seed"]) == (3, 120, 7)
    assert [row["cell"] for row in found["false_verdicts"]] == ["normal", "t(3), days together"]
    for key in ("coverage", "anytime_miss", "power", "equivalent", "control_undetermined"):
        assert found[key], key
    assert {row["kept"] for row in found["promises"]} <= {True, False, None}
    assert found["engine"]["limit_days"] > 10 and found["engine"]["unequal"] == []
    again = cli("research", "calibrate", "--json", *SMALL, "--seed", 8, "--engine-days", 0).out
    assert json.loads(again)["engine"] is None
    assert json.loads(again)["coverage"] != found["coverage"]


@pytest.mark.usefixtures("few")
def test_the_tables_stand_beside_what_was_measured_before(cli: Cli) -> None:
    ran = cli("research", "calibrate", *SMALL)
    assert ran.code == 0
    assert "laid out for 2 days" in ran.out and ", 0 differ" in ran.out
    for words in ("planted effects", "before", "promises", "not shown", "normal", "by day 90"):
        assert words in ran.out


def test_a_study_of_nothing_is_a_usage_error(cli: Cli) -> None:
    assert cli("research", "calibrate", "--histories", 1).code == 2
    assert cli("research", "calibrate", "--days", 30).code == 2


@pytest.mark.long
def test_workers_find_what_one_process_finds(cli: Cli) -> None:
    asked = ("research", "calibrate", "--json", "--histories", 2, "--days", 120)
    alone = cli(*asked, "--engine-days", 0, "--processes", 1).out
    assert cli(*asked, "--engine-days", 0, "--processes", 2).out == alone
