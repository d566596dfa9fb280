from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.shadow.report_files import PACKED
from shadow.report.row import ReportRow
from tests.daemon.cli.conftest import Cli, Ran, Story
from tests.support.evidence import worked
from tests.support.measured_db import Planted
from tests.support.process import command, environment

LISTED = [
    "signal_id", "ts_ns", "bot", "division", "coin", "side", "failing", "sole", "fail_closed",
    "reason", "trade_id", "status", "exit_reason", "net_e6", "r", "bps", "mae_bps", "mfe_bps",
    "repeats", "later_trade_id", "flags",
]  # fmt: skip


# list


@pytest.fixture
def listed(cli: Cli, story: Story) -> Any:
    """Return the names of the signals that a list shows."""
    names = {number: name for name, number in story.ids.items()}

    def show(*arguments: object) -> list[str]:
        ran = cli("shadow", "list", "--json", "--state", story.root, *arguments)
        assert (ran.code, ran.err) == (0, "")
        return [names[row["signal_id"]] for row in json.loads(ran.out)]

    return show


BLOCKED = ["phantom", "missed", "joined", "paired", "blind", "shared", "sole"]


def test_blocked_signals_are_listed_newest_first_and_admitted_ones_never(listed: Any) -> None:
    assert listed() == BLOCKED


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--open",), ["phantom"]),
        (("--filter", "other"), ["missed", "joined", "shared"]),
        (("--filter", "watch"), []),
        (("--coin", "SOL"), BLOCKED),
        (("--coin", "ETH"), []),
        (("--limit", "2"), BLOCKED[:2]),
        (("--limit", 10**30), BLOCKED),
        (("--filter", "limit", "--coin", "SOL", "--open"), ["phantom"]),
        (("--filter", "other", "--limit", "1"), ["missed"]),
    ],
    ids=str,
)
def test_options_narrow_the_list(
    arguments: tuple[object, ...], names: list[str], listed: Any
) -> None:
    assert listed(*arguments) == names


def test_a_row_holds_the_documented_columns(cli: Cli, story: Story) -> None:
    rows = json.loads(cli("shadow", "list", "--json", "--state", story.root).out)
    assert all(list(row) == LISTED for row in rows)
    by_id = {row["signal_id"]: row for row in rows}
    sole = by_id[story.ids["sole"]]
    assert (sole["failing"], sole["sole"], sole["exit_reason"]) == ("limit", "limit", "stop")
    assert sole["net_e6"] == -13_105_400 and sole["status"] == "closed"
    assert by_id[story.ids["blind"]]["fail_closed"] and not sole["fail_closed"]
    assert by_id[story.ids["missed"]]["net_e6"] is None


def test_a_person_sees_when_who_what_and_what_it_earned(cli: Cli, story: Story) -> None:
    head, *lines = cli("shadow", "list", "--state", story.root).out.splitlines()
    assert " ".join(head.split()) == (
        "signal when bot coin side blocked by phantom exit net USD R repeats"
    )
    rows = {int(line.split()[0]): line.split()[1:] for line in lines if line.strip()}
    assert rows[story.ids["sole"]] == [
        "2025-09-01", "12:00:20Z", "alpha", "SOL", "sell", "limit", "closed", "stop", "-13.11",
        "-1.31", "0",
    ]  # fmt: skip
    assert rows[story.ids["missed"]][5:] == ["other", "closed", "UNAVAILABLE", "–", "–", "0"]
    assert rows[story.ids["phantom"]][5:] == ["limit", "open", "–", "–", "–", "0"]
    assert rows[story.ids["shared"]][5] == "limit,other"


def test_where_nothing_was_blocked_that_is_said(cli: Cli, story: Story, tmp_path: Path) -> None:
    for arguments, more in (
        (("--state", tmp_path / "none"), ""),
        (("--state", story.root, "--coin", "ETH"), " of ETH; there are signals of SOL"),
        (("--state", story.root, "--mode", "replay"), ""),
    ):
        ran = cli("shadow", "list", *arguments)
        assert (ran.code, ran.out, ran.err) == (0, f"no blocked signals{more}\n", "")
        assert json.loads(cli("shadow", "list", "--json", *arguments).out) == []


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_a_limit_is_a_number_of_rows(limit: str, cli: Cli, story: Story) -> None:
    ran = cli("shadow", "list", "--state", story.root, "--limit", limit)
    assert (ran.code, ran.out) == (2, "") and "--limit" in ran.err


# report


def rows(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def test_a_report_is_by_filter_unless_said_otherwise(cli: Cli, story: Story) -> None:
    found = rows(cli("shadow", "report", "--json", "--state", story.root))
    assert sorted(row["filter"] for row in found) == ["cap", "limit", "other", "watch"]
    assert found[0].keys() == {
        "filter", *ReportRow.__struct_fields__, "server", "instruments", "bias_bps", "bias_within",
    }  # fmt: skip
    (limit,) = (row for row in found if row["filter"] == "limit")
    assert (limit["blocked"], limit["sole_blocked"], limit["fail_closed"]) == (5, 3, 1)
    lines = cli("shadow", "report", "--state", story.root).out.splitlines()
    assert lines[1] == f"local: {story.root / 'local' / 'gnomon.db'}"
    assert ["limit", "5", "3"] in [line.split()[:3] for line in lines]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("division", ["flow", "trend"]),
        ("bot", ["alpha", "beta"]),
        ("coin", ["SOL"]),
        ("day", ["2025-09-01"]),
    ],
)
def test_a_report_can_be_grouped(by: str, names: list[str], cli: Cli, story: Story) -> None:
    found = rows(cli("shadow", "report", "--json", "--by", by, "--state", story.root))
    assert sorted(row[by] for row in found) == names
    assert {row["group"] for row in found} == {by}
    # Six of the seven: one was blocked for lack of data alone.
    assert sum(row["blocked"] for row in found) == 6


def test_since_leaves_out_what_is_older(cli: Cli, story: Story) -> None:
    place = ("--state", story.root)
    out = cli("shadow", "report", "--since", "1h", *place).out
    assert " since 20" in out.splitlines()[0] and "the window is one look more" in out
    recent = rows(cli("shadow", "report", "--json", "--since", "1h", *place))
    assert {row["blocked"] for row in recent} == {0} and len(recent) == 4
    assert rows(cli("shadow", "report", "--by", "bot", "--json", "--since", "1h", *place)) == []
    by_bot = cli("shadow", "report", "--by", "bot", "--since", "1h", *place).out
    assert "nothing was judged since" in by_bot
    everything = rows(cli("shadow", "report", "--json", *place))
    assert rows(cli("shadow", "report", "--json", "--since", "11000d", *place)) == everything


def test_json_goes_before_a_format_and_formats_hold_the_same(
    cli: Cli, story: Story, tmp_path: Path
) -> None:
    def report(*arguments: object) -> str:
        ran = cli("shadow", "report", "--state", story.root, *arguments)
        assert ran.code == 0, ran.err
        return ran.out

    found = report("--json")
    assert report("--format", "json") == report("--json", "--format", "csv") == found
    names = [row["name"] for row in json.loads(found)]
    assert [row["name"] for row in csv.DictReader(report("--format", "csv").splitlines())] == names
    page = report("--format", "html")
    assert page.startswith("<!doctype html>") and all(f"<td>{name}</td>" in page for name in names)
    assert report("--json", "--out", tmp_path / "x.json") == ""
    assert (tmp_path / "x.json").read_text() == found
    # As at a terminal, not a page that nobody asked for.
    assert report("--out", tmp_path / "x.txt") == ""
    assert (tmp_path / "x.txt").read_text() == report()


def test_parquet_goes_to_a_file_or_a_pipe_and_a_file_needs_a_place(
    cli: Cli, story: Story, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    place = ("--state", story.root)
    out = tmp_path / "report.parquet"
    piped = subprocess.run(
        command("shadow", "report", "--format", "parquet", *place),
        stdout=subprocess.PIPE,
        check=True,
        env=environment(),
    ).stdout
    expected = rows(cli("shadow", "report", "--json", *place))
    for row in expected:
        for name in PACKED:
            row[name] = json.dumps(row[name], separators=(",", ":")) if row[name] else ""
    assert pq.read_table(io.BytesIO(piped)).to_pylist() == expected
    assert cli("shadow", "report", "--format", "parquet", "--out", out, *place).code == 0
    assert pq.read_table(out).to_pylist() == expected
    ran = cli("shadow", "report", "--json", "--out", tmp_path / "no" / "x", *place)
    assert ran.code == 78 and ran.err.startswith(f"gnomon: {tmp_path / 'no' / 'x'}: cannot be")


def test_how_much_bias_a_verdict_bears_is_configured(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "local" / "gnomon.db"
    Planted().run(60).limit("guard", worked(60)).write(path, [(6.0, 3.0)] * 25)
    config = tmp_path / "gnomon.toml"
    for bias, verdict in ((2.0, "UNDETERMINED"), (5.0, "PROTECTIVE")):
        config.write_text(f"[shadow]\nbias_bps_max = {bias}\n")
        (row,) = rows(cli("shadow", "report", "--json", "--config", config, "--state", tmp_path))
        assert (row["verdict"], row["bias_bps"]) == (verdict, pytest.approx(3.0))
        assert row["bias_within"] is (verdict == "PROTECTIVE")


def test_several_databases_are_read_by_one_command_each_by_itself(cli: Cli, tmp_path: Path) -> None:
    paths = []
    for server, days in (("one", 60), ("two", 20)):
        paths.append(tmp_path / server / "local" / "gnomon.db")
        Planted().run(days).limit("guard", worked(days)).write(paths[-1])
    named = [word for path in paths for word in ("--db", path)]
    found = rows(cli("shadow", "report", "--json", *named))
    assert [(r["server"], r["verdict"], r["days"]) for r in found] == [
        ("one/local", "PROTECTIVE", 60), ("two/local", "UNDETERMINED", 20),
    ]  # fmt: skip
    out = cli("shadow", "report", *named).out
    assert f"one/local: {paths[0]}" in out.splitlines()
    assert f"two/local: {paths[1]}" in out.splitlines()
    assert [row["server"] for row in rows(cli("shadow", "report", "--json", *named[:2]))] == [
        "local"
    ]
    gone = cli("shadow", "report", "--db", tmp_path / "no.db")
    assert (gone.code, gone.out) == (78, "") and "no such database" in gone.err


def test_older_series_are_shown_on_demand(cli: Cli, tmp_path: Path) -> None:
    planted = Planted().run(60).limit("guard", worked(30)).limit("guard", worked(60), number=2)
    planted.write(tmp_path / "local" / "gnomon.db")
    place = ("--state", tmp_path)
    (row,) = rows(cli("shadow", "report", "--json", *place))
    both = rows(cli("shadow", "report", "--json", "--series", "all", *place))
    assert row["series_number"] == 2 and [r["series_number"] for r in both] == [2, 1]
    ran = cli("shadow", "report", "--series", "some", *place)
    assert (ran.code, ran.out) == (2, "") and "current" in ran.err


def test_a_report_on_nothing_is_empty_in_every_format(cli: Cli, tmp_path: Path) -> None:
    place = ("--state", tmp_path / "none")
    out = cli("shadow", "report", "--by", "coin", *place).out
    assert out.splitlines()[1:] == [
        "no database yet", "nothing has been judged yet; `gnomon run` makes signals",
    ]  # fmt: skip
    assert rows(cli("shadow", "report", "--json", *place)) == []
    assert cli("shadow", "report", "--by", "coin", "--format", "csv", *place).out.startswith(
        "coin,"
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--by", "mood", "division"), ("--format", "pdf", "parquet"), ("--since", "", "30s"),
     ("--by", "", "division")],
)  # fmt: skip
def test_a_wrong_choice_is_refused_with_the_right_ones(
    option: str, value: str, said: str, cli: Cli, story: Story
) -> None:
    ran = cli("shadow", "report", option, value, "--state", story.root)
    assert (ran.code, ran.out) == (2, "") and said in ran.err


# why


def test_a_signal_s_rows_are_there_for_scripts(cli: Cli, story: Story) -> None:
    ran = cli("why", story.ids["clamped"], "--json", "--state", story.root)
    found = json.loads(ran.out)
    assert ran.code == 0 and found.keys() == {"signal", "checks", "trades"}
    assert found["signal"]["signal_id"] == story.ids["clamped"]
    assert found["signal"]["clamps"][0]["filter"] == "cap"
    assert [check["filter"] for check in found["checks"]] == ["cap", "limit", "other", "watch"]
    assert [trade["kind"] for trade in found["trades"]] == ["paper", "twin", "phantom"]


def test_a_listed_number_leads_to_its_story(cli: Cli, story: Story) -> None:
    (row,) = json.loads(cli("shadow", "list", "--json", "--limit", "1", "--state", story.root).out)
    ran = cli("why", row["signal_id"], "--state", story.root)
    assert (ran.code, ran.err) == (0, "")
    assert (
        "wanted to sell SOL" in ran.out and "verdict: blocked by limit (only this limit)" in ran.out
    )


@pytest.mark.parametrize("number", [1, -1, 0, 2**63, 10**30, -(10**30)])
def test_an_unknown_number_is_refused_in_one_line(number: int, cli: Cli, story: Story) -> None:
    for json_ in ((), ("--json",)):
        ran = cli("why", "--state", story.root, *json_, "--", number)
        assert (ran.code, ran.out) == (2, "")
        assert f"no signal {number}; `gnomon shadow list` shows their numbers" in ran.err


def test_before_the_first_run_there_is_no_signal_to_explain(cli: Cli, tmp_path: Path) -> None:
    ran = cli("why", "1", "--state", tmp_path / "none")
    assert (ran.code, ran.out) == (0, "no signals yet; `gnomon run` makes some\n")
    assert json.loads(cli("why", "1", "--json", "--state", tmp_path / "none").out) is None
