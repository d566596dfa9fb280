from __future__ import annotations

from daemon.engine.branches.pieces import SLOTS, STOPPED, TRADE, trade_piece
from daemon.engine.branches.side import trade_id_of
from tests.support.shadow import make_trade


def test_trades_of_one_signal_share_a_piece_and_no_piece_is_another_kind_s() -> None:
    one, other = make_trade(), make_trade()
    one.trade_id, other.trade_id = trade_id_of(9, 0), trade_id_of(9, 5)
    assert trade_piece(one) == trade_piece(other) == f"{TRADE}9"
    other.trade_id = trade_id_of(10, 0)
    assert trade_piece(one) != trade_piece(other)
    assert not any(trade_piece(one).startswith(kind) for kind in (SLOTS, STOPPED))
