from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.instance.database import reading
from daemon.views.panels.holdings import holdings_panel
from daemon.views.positions import Positions
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db


def test_holdings_are_the_positions_by_coin(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = holdings_panel(db, traded.positions, traded.status.equity_usd)
    rows = [row for coin in found.coins for row in coin.rows]
    assert sorted(r.trade_id for r in rows) == sorted(t.trade_id for t in traded.positions.trades)
    assert (found.trades, found.phantoms) == (
        sum(not r.phantom for r in rows), sum(r.phantom for r in rows),
    )  # fmt: skip
    # Exposure is counted at the entry by the desk, at the mark here.
    assert found.gross_usd == pytest.approx(traded.status.gross_usd, rel=0.02)
    assert found.net_usd == pytest.approx(traded.status.net_usd, abs=0.02 * found.gross_usd)
    assert found.cap_usd is not None and found.gross_cap_usd is not None
    # What a cap cut off was blocked by nobody.
    blocked = {t.trade_id for t in traded.positions.trades if t.cause == "block"}
    assert all(bool(r.blocked_by) >= (r.trade_id in blocked) for r in rows)
    assert [c.gross_usd for c in found.coins] == sorted(c.gross_usd for c in found.coins)[::-1]


def test_bots_on_both_sides_of_a_coin_are_opposed(traded: Traded) -> None:
    long = next(t for t in traded.positions.trades if t.kind != "phantom")
    other = "sell" if long.side == "buy" else "buy"
    phantom = replace(long, trade_id=3, kind="phantom", signal_id=-1)
    held = Positions(
        True, "local", 1, 0, [long, replace(long, trade_id=2, side=other), phantom], []
    )
    (coin,) = holdings_panel(empty_db(), held, None).coins
    assert coin.opposed and coin.net_usd == pytest.approx(0.0)
    assert [r.phantom for r in coin.rows] == [False, False, True]
    alone = holdings_panel(empty_db(), replace(held, trades=[long, phantom]), None)
    assert not alone.coins[0].opposed and alone.cap_usd is None


def test_without_marks_nobody_knows_what_is_open(traded: Traded) -> None:
    trades = [replace(t, mark_px=None, pnl_usd=None) for t in traded.positions.trades]
    found = holdings_panel(empty_db(), Positions(False, "local", 1, 0, trades, []), None)
    assert found.open_usd is None and not found.live
    assert all(r.stop_bp is None for c in found.coins for r in c.rows)
    assert holdings_panel(empty_db(), Positions(False, "local", 1, 0, [], []), None).open_usd == 0
