from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.cli.positions import _age
from daemon.instance.control import Refusal, Request
from daemon.live.daemon import Daemon
from tests.daemon.cli.conftest import Cli, Ran
from tests.support.daemons import busy, serving

pytestmark = pytest.mark.xdist_group("busy market")

KEYS = {"running", "mode", "now_ns", "pending", "trades", "coins", "halts", "halted", "latched"}
TRADE = {
    "trade_id", "signal_id", "kind", "cause", "status", "bot", "division", "coin", "side", "lots",
    "size", "entry_px", "mark_px", "pnl_usd", "fees_usd", "funding_usd", "age_s", "stop_px",
    "target_px", "exit_reason",
}  # fmt: skip
COIN = {"coin", "trades", "size", "mark_px", "notional_usd", "pnl_usd"}


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = busy(tmp_path_factory.mktemp("busy"))
    yield made
    asyncio.run(made.close("over"))


def asked(daemon: Daemon, cli: Cli, *arguments: object) -> Ran:
    place = ("--state", daemon.state.root)
    found = serving(daemon.state.socket, lambda: cli(*arguments, *place), daemon.answers.answer)
    assert isinstance(found, Ran)
    return found


def test_a_running_daemon_tells_marks_and_the_documented_keys(cli: Cli, trading: Daemon) -> None:
    ran = asked(trading, cli, "positions", "--phantoms", "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found.keys() == KEYS and found["running"] is True
    assert all(t.keys() == TRADE for t in found["trades"])
    assert found["coins"] and all(c.keys() == COIN for c in found["coins"])
    assert all(t["mark_px"] is not None for t in found["trades"])
    assert {t["kind"] for t in found["trades"]} == {"paper", "phantom"}


def test_a_person_sees_a_line_a_trade_and_a_line_a_coin(cli: Cli, trading: Daemon) -> None:
    found = json.loads(asked(trading, cli, "positions", "--json").out)
    lines = asked(trading, cli, "positions").out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.split()[:1] == ["net"])
    assert "unknown" not in "".join(lines)
    trades = [line.split() for line in lines[:at] if line.split()[1:2] == ["paper"]]
    assert [t[0] for t in trades] == [str(t["trade_id"]) for t in found["trades"]]
    assert [t[2:5] for t in trades] == [[t["bot"], t["coin"], t["side"]] for t in found["trades"]]
    assert [line.split()[0] for line in lines[at + 1 :]] == [c["coin"] for c in found["coins"]]


def test_at_rest_marks_are_unknown_and_that_is_said(cli: Cli, traded: Path) -> None:
    ran = cli("positions", "--state", traded)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("from the database, as no daemon answers: marks and open P&L are ")
    found = json.loads(cli("positions", "--json", "--state", traded).out)
    assert found.keys() == KEYS and found["running"] is False and found["mode"] == "local"
    assert found["trades"] and all(t.keys() == TRADE for t in found["trades"])
    assert {t["mark_px"] for t in found["trades"]} == {None}
    assert {t["kind"] for t in found["trades"]} == {"paper"}


def test_what_never_ran_has_nothing_open(cli: Cli, tmp_path: Path) -> None:
    ran = cli("positions", "--state", tmp_path / "none")
    assert (ran.code, ran.out, ran.err) == (0, "never started; `gnomon run` begins\n", "")
    found = json.loads(cli("positions", "--json", "--state", tmp_path / "none").out)
    assert found["trades"] == found["coins"] == [] and found["mode"] is None


def test_a_daemon_from_before_this_command_is_told_and_its_database_read(
    cli: Cli, state: Path
) -> None:
    async def refuse(request: Request) -> Refusal:
        return Refusal(f"unknown verb {request.verb!r}")

    path = state / "local" / "gnomon.sock"
    ran = serving(path, lambda: cli("positions", "--json", "--state", state), refuse)
    assert ran.code == 0 and json.loads(ran.out)["trades"]
    assert "unknown verb 'positions'" in ran.err and "from its database" in ran.err


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0m 00s"), (249, "4m 09s"), (3900, "1h 05m"), (2 * 86_400 + 3 * 3600.0, "2d 03h")],
)
def test_ages_are_short(seconds: float, words: str) -> None:
    assert _age(seconds) == words
