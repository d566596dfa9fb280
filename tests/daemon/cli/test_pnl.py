from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli.pnl import held, share, usd
from tests.daemon.cli.conftest import Cli
from tests.support.closed_trades import put_trade, writable

KEYS = {
    "name", "kind", "trades", "net_usd", "price_usd", "fees_usd", "funding_usd", "win_rate",
    "mean_r", "hold_s", "fees_share", "drawdown_usd",
}  # fmt: skip


@pytest.fixture
def traded(tmp_path: Path) -> Path:
    """Return a state with three closed trades, one open one and a phantom."""
    state, db = writable(tmp_path / "s")
    put_trade(db, bot="a", gross_e6=5_000_000, fees_e6=400_000, funding_e6=100_000)
    put_trade(db, bot="a", gross_e6=-1_000_000, fees_e6=300_000, exit_reason="target")
    put_trade(db, bot="b", gross_e6=-2_000_000_000, fees_e6=200_000)
    put_trade(db, status="open")
    put_trade(db, kind="phantom", cause="block", gross_e6=7_000_000)
    db.close()
    return state.root


def test_json_has_a_row_a_slice_with_the_documented_keys(cli: Cli, traded: Path) -> None:
    ran = cli("pnl", "--by", "bot", "--shadow", "--state", traded, "--json")
    rows = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert all(row.keys() == KEYS for row in rows)
    assert [(r["name"], r["kind"], r["net_usd"]) for r in rows] == [
        ("a", "taken", 3.2), ("b", "taken", -2000.2), ("donchian", "phantom", 7.0),
    ]  # fmt: skip


def test_a_person_sees_the_best_first_and_what_all_come_to(cli: Cli, traded: Path) -> None:
    lines = cli("pnl", "--by", "bot", "--state", traded).out.splitlines()
    assert lines[0].split()[:4] == ["bot", "net", "USD", "price"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["a", "+3.20"], ["b", "-2,000.20"], ["all", "-1,997.00"],
    ]  # fmt: skip
    assert "no gross" in lines[2] and "12 %" not in lines[2]
    why = cli("pnl", "--by", "exit", "--state", traded).out
    assert "stopped out" in why and "target reached" in why
    assert "phantoms" in cli("pnl", "--shadow", "--state", traded).out


def test_where_nothing_has_closed_a_sentence_says_so(
    cli: Cli, traded: Path, tmp_path: Path
) -> None:
    assert (
        cli("pnl", "--state", tmp_path / "none").out == "no trades yet; `gnomon run` makes some\n"
    )
    assert cli("pnl", "--since", "1s", "--state", traded).out == "no trade has closed within 1s\n"
    wrong = cli("pnl", "--by", "moon")
    assert wrong.code == 2 and "one of day, bot, division, coin, exit" in wrong.err


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "+1,234.50"), (-0.004, "0.00"), (0.0, "0.00"), (-7.0, "-7.00"), (None, "–")],
)
def test_a_change_has_its_sign_and_nothing_has_none(value: float | None, text: str) -> None:
    assert usd(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (71.4, "71 s"), (119.9, "120 s"), (120, "2 min"), (7_199, "120 min"),
     (7_200, "2.0 h"), (172_800, "2.0 d")],
)  # fmt: skip
def test_a_holding_time_is_in_one_unit(seconds: float | None, text: str) -> None:
    assert held(seconds) == text
    assert (share(0.175), share(None)) == ("18 %", "–")
