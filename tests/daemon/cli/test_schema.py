from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.live.daemon import Daemon
from daemon.views.schemas import VIEWS, schema
from tests.daemon.cli.conftest import Cli, Ran, Story
from tests.support.daemons import busy, serving
from tests.support.schemas import faults

pytestmark = pytest.mark.xdist_group("busy market")


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_s_schema_is_printed(name: str, cli: Cli) -> None:
    ran = cli("schema", name)
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == schema(name)


def test_an_unknown_view_names_those_there_are(cli: Cli) -> None:
    ran = cli("schema", "mood")
    assert (ran.code, ran.out) == (2, "") and "no view 'mood'; there are status, " in ran.err
    for name in VIEWS:
        assert name in ran.err
    assert cli("schema").code == 2


def told(name: str, ran: Ran) -> Any:
    """Return the JSON of a command, which must be as its schema says."""
    assert ran.code == 0, ran.err
    found, promised = json.loads(ran.out), json.loads(json.dumps(schema(name)))
    assert faults(promised, found, promised["$defs"]) == []
    return found


AT_REST = {
    "status": ("status",), "positions": ("positions", "--phantoms"), "lens": ("lens", "BTC"),
    "report": ("shadow", "report"), "blocked": ("shadow", "list"), "weights": ("weights",),
    "regime": ("regime",),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_REST)
def test_what_is_printed_at_rest_is_as_its_schema_says(
    name: str, cli: Cli, traded: Path, tmp_path: Path
) -> None:
    for state in (traded, tmp_path / "none"):
        told(name, cli(*AT_REST[name], "--json", "--state", state))


def test_so_is_every_report_and_every_signal_s_story(cli: Cli, story: Story) -> None:
    place = ("--json", "--state", story.root)
    for by in ("filter", "division", "bot", "coin", "day"):
        assert all(row[by] for row in told("report", cli("shadow", "report", "--by", by, *place)))
    for number in story.ids.values():
        told("why", cli("why", number, *place))
    told("weights", cli("weights", "--verify", *place))


def test_so_is_a_series(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text("".join(f"{i % 7}.5\n" for i in range(100)))
    words = ("lens", "--series", path, "--json")
    assert len(told("series", cli(*words))) > 5
    assert "null_rank" in told("series", cli(*words, "--lens", "efficiency_ratio", "--null"))


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = busy(tmp_path_factory.mktemp("busy"))
    yield made
    asyncio.run(made.close("over"))


@pytest.mark.parametrize("name", ["status", "positions", "lens"])
def test_so_is_what_a_running_daemon_answers(name: str, cli: Cli, trading: Daemon) -> None:
    place = ("--json", "--state", trading.state.root)
    ran = serving(trading.state.socket, lambda: cli(*AT_REST[name], *place), trading.answers.answer)
    assert ran.err == ""
    assert told(name, ran).get("running", True) is True


def test_what_is_otherwise_than_its_schema_is_found() -> None:
    promised = json.loads(json.dumps(schema("positions")))
    nothing = {"running": True, "mode": None, "now_ns": 5, "pending": 0, "trades": [], "coins": []}
    coin = {"coin": "BTC", "trades": 1, "size": 1, "mark_px": None, "notional_usd": 2.0}
    for found, fault in (
        ({**nothing, "now_ns": 0.5}, "$.now_ns: 0.5 is no ['integer', 'string']"),
        ({**nothing, "more": 1}, "$.more is in no schema"),
        ({**nothing, "coins": [coin]}, "$.coins[0].pnl_usd is missing"),
    ):
        assert faults(promised, found, promised["$defs"]) == [fault]
