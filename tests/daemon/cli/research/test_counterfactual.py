from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.daemon import rig
from tests.daemon.cli.conftest import Cli
from tests.daemon.recordings import record

WORTH = {
    "mode", "value_usd", "value_r", "drawdown_with_usd", "drawdown_without_usd", "trades_with",
    "trades_without", "phantoms_usd", "missing_data_usd", "differences",
}  # fmt: skip
CAUSES = {"admitted", "other_cap", "cooldown", "drawdown", "busy_slot", "size", "other"}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("tape") / "tape", seconds=(60.0, 20.0)).folder


def test_every_limit_is_told_in_json(cli: Cli, tape: Path) -> None:
    ran = cli("research", "counterfactual", tape, "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found.keys() == {
        "from_ns", "to_ns", "changed", "equal", "traded", "base", "limits", "damage"
    }  # fmt: skip
    assert found["base"].keys() == {"net_usd", "net_r", "drawdown_usd", "trades"}
    limits = found["limits"]
    assert {"direction", "position", "control"} <= limits.keys() and "halt" not in limits
    for limit in limits.values():
        assert limit.keys() == WORTH and limit["differences"].keys() == CAUSES
        assert (limit["missing_data_usd"] is None) == (limit["mode"] == "observe")
    part = limits["direction"]["differences"]["admitted"]
    assert part.keys() == {"value_usd", "open_usd", "only_with", "only_without"}
    assert part["only_without"] > 0 and limits["direction"]["phantoms_usd"]


def test_tables_say_what_each_limit_was_worth_and_where_that_comes_from(
    cli: Cli, tape: Path
) -> None:
    found = json.loads(cli("research", "counterfactual", tape, "--json").out)
    ran = cli("research", "counterfactual", tape)
    assert ran.code == 0
    worth, _, rest = ran.out.partition("Where the two desks differ")
    for name, limit in found["limits"].items():
        (line,) = (row.split() for row in worth.splitlines() if row.split()[:1] == [name])
        assert line[1] == limit["mode"] and line[2] == f"{limit['value_usd']:+.2f}"
    (line,) = (row.split() for row in rest.splitlines() if row.split()[:1] == ["direction"])
    admitted = found["limits"]["direction"]["differences"]["admitted"]
    assert line[2:4] == [f"{admitted['value_usd']:+.2f}", f"(0|{admitted['only_without']})"]
    assert "; the desk: " in ran.out and "trades closed: " in ran.out


def test_a_tape_on_which_nothing_was_traded_is_told_in_words(cli: Cli, tmp_path: Path) -> None:
    folder = record(tmp_path / "tape", seconds=(3.0,), coins=rig.PAIR).folder
    ran = cli("research", "counterfactual", folder)
    assert ran.code == 0 and "nothing was traded, with or without any limit" in ran.out
    assert "Desk with each limit" not in ran.out


def test_a_tape_that_lacks_a_part_is_told_and_exits_65(
    cli: Cli, tape: Path, tmp_path: Path
) -> None:
    paths = sorted(tape.iterdir())
    for path in paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / paths[0].name).write_bytes(paths[0].read_bytes()[:-500])
    ran = cli("research", "counterfactual", tmp_path, "--json")
    assert ran.code == 65 and json.loads(ran.out)["damage"] and "cut off" in ran.err
    ran = cli("research", "counterfactual", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (65, "") and "no such tape" in ran.err
