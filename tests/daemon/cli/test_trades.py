from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli.trades import price
from tests.daemon.cli.conftest import Cli
from tests.support.closed_trades import put_trade, writable


@pytest.fixture
def traded(tmp_path: Path) -> Path:
    """Return a state with a closed trade, an open one, and a phantom."""
    state, db = writable(tmp_path / "s")
    put_trade(db, gross_e6=5_000_000, fees_e6=400_000, entry_px=98_328.0, exit_px=99_000.0)
    put_trade(db, status="open", bot="rsi_fade", coin="ETH")
    put_trade(db, kind="phantom", cause="block", gross_e6=7_000_000)
    db.close()
    return state.root


def test_a_person_sees_the_newest_first_and_why_it_closed(cli: Cli, traded: Path) -> None:
    lines = cli("trades", "--state", traded).out.splitlines()
    assert len(lines) == 3
    assert "rsi_fade" in lines[1] and lines[1].rstrip().endswith("open")
    assert "+4.60" in lines[2] and "98328" in lines[2] and lines[2].rstrip().endswith("stopped out")


def test_open_closed_bot_and_coin_choose(cli: Cli, traded: Path) -> None:
    def found(*options: str) -> list[int]:
        return [
            t["trade_id"]
            for t in json.loads(cli("trades", *options, "--state", traded, "--json").out)
        ]

    assert (found(), found("--open"), found("--closed")) == ([2, 1], [2], [1])
    assert (found("--bot", "rsi_fade"), found("--coin", "BTC"), found("--limit", "1")) == (
        [2],
        [1],
        [2],
    )


def test_names_that_never_traded_are_answered_with_the_nearest(cli: Cli, traded: Path) -> None:
    wrong = cli("trades", "--bot", "rsi", "--state", traded)
    assert wrong.code == 2 and "no trade of 'rsi'; did you mean rsi_fade?" in wrong.err
    both = cli("trades", "--open", "--closed", "--state", traded)
    assert both.code == 2 and "--open and --closed leave nothing" in both.err
    none = cli("trades", "--open", "--coin", "BTC", "--state", traded)
    assert (none.code, none.out) == (0, "no trade is open of BTC\n")


def test_a_fresh_state_says_what_makes_trades(cli: Cli, tmp_path: Path) -> None:
    ran = cli("trades", "--state", tmp_path / "none")
    assert ran.out == "no trades yet; `gnomon run` makes some\n"
    assert (price(None), price(0.15149), price(98328.0)) == ("–", "0.15149", "98328")
