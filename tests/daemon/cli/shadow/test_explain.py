from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.cli.conftest import Cli
from tests.support.branched import branched


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state of six days with branches; only to be read."""
    root = tmp_path_factory.mktemp("explained")
    (root / "local").mkdir()
    branched(root / "local" / "gnomon.db")
    return root


def damage(told: Path, tmp_path: Path, script: str) -> Path:
    shutil.copytree(told, tmp_path / "state")
    with closing(sqlite3.connect(tmp_path / "state" / "local" / "gnomon.db")) as db:
        db.executescript(script)
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("figure", "asked"),
    [
        ("watch.value_usd", ()),
        ("watch.left_out", ()),
        ("limit.left_out.joint", ()),
        ("limit.days_to_go", ()),
        ("limit.blocked", ("--since", "9000d")),
        ("alpha.mean_r", ("--by", "bot")),
        ("2025-09-07.net_usd", ("--by", "day", "--since", "9000d")),
        ("limit.bias_bps", ()),
    ],
)
def test_what_the_report_says_adds_up(
    told: Path, cli: Cli, figure: str, asked: tuple[str, ...]
) -> None:
    ran = cli("explain", figure, *asked, "--state", told, "--json")
    found = json.loads(ran.out)
    assert ran.code == 0 and found["adds_up"], ran.out
    name, column, *reason = figure.split(".")
    rows = json.loads(cli("shadow", "report", *asked, "--state", told, "--json").out)
    (row,) = (row for row in rows if row["name"] == name)
    says = row[column][reason[0]] if reason else row[column]
    assert found["says"] == says and found["shown"] == (says is not None)


def test_a_trader_reads_from_the_figure_down_to_a_fill(told: Path, cli: Cli) -> None:
    ran = cli("explain", "watch", "value_usd", "--state", told, "--day", "2025-09-07")
    assert ran.code == 0 and ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0].startswith("watch.value_usd: -17.389200 in the report, -17.389200 from 5 day")
    assert lines[-1] == "adds up" and "the desk" in ran.out and "2025-09-11" in ran.out
    with closing(sqlite3.connect(told / "local" / "gnomon.db")) as db:
        (trade,) = db.execute("SELECT MIN(trade_id) FROM trade WHERE net_e6 <> 0").fetchone()
    ran = cli("explain", "watch.value_usd", "--state", told, "--trade", trade)
    assert ran.code == 0 and f"trade {trade}: " in ran.out
    assert "not checked: fills on the tape: there is no tape" in ran.out


@pytest.mark.parametrize(
    ("column", "script"),
    [
        ("value_usd", "UPDATE branch_day SET with_e6 = with_e6 + 1"),
        ("selection_r", "UPDATE limit_day SET blocked_r = blocked_r + 1, best_r = best_r"),
        ("net_usd", "UPDATE rollup SET net_e6 = net_e6 + 1 WHERE scope = 'sole'"),
        ("mean_r", "UPDATE trade SET r = r + 1 WHERE kind = 'twin'"),
        ("net_usd", "UPDATE fill SET lots = lots + 1"),
    ],
)
def test_what_does_not_add_up_says_where_and_exits_70(
    told: Path, cli: Cli, tmp_path: Path, column: str, script: str
) -> None:
    state = damage(told, tmp_path, script)
    ran = cli("explain", f"watch.{column}", "--state", state)
    assert ran.code == 70 and "does not add up" in ran.err
    assert "differs: " in ran.out and ran.out.rstrip().endswith("does not add up")
    ran = cli("explain", f"watch.{column}", "--state", state, "--json")
    assert ran.code == 70 and json.loads(ran.out)["differs"][0].keys() == {
        "link", "of", "says", "made",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("wach.value_usd",), "watch"),
        (("watch.value",), "value_usd"),
        (("watch",), ".value_usd"),
        (("watch.value_usd", "--day", "2024-01-01"), "no row of 2024-01-01; 2025-09-06"),
        (("watch.value_usd", "--trade", "5"), "no trade 5"),
        (("watch.left_out.bored",), "left out as 'bored'"),
        (("alfa.mean_r", "--by", "bot"), "alpha"),
        (("alpha.value_usd", "--by", "bot"), "net_usd"),
        (("watch.value_usd", "--by", "moon"), "one of filter, division, bot"),
    ],
)
def test_what_is_not_there_is_a_usage_error_with_the_nearest(
    told: Path, cli: Cli, arguments: tuple[str, ...], hint: str
) -> None:
    ran = cli("explain", *arguments, "--state", told)
    assert ran.code == 2 and hint in " ".join(ran.err.split()) and ran.out == ""
