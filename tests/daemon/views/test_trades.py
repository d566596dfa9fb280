from __future__ import annotations

import pytest

from daemon.views.trades import side_held, traded, trades, why_closed
from tests.support.closed_trades import HOUR_NS, MONDAY_NS, empty_db, put_trade


def test_trades_come_newest_first_with_their_money_and_why_they_closed() -> None:
    db = empty_db()
    first = put_trade(db, gross_e6=5_000_000, fees_e6=400_000, funding_e6=100_000, side="sell")
    second = put_trade(db, status="open", bot="ema_cross", coin="ETH")
    put_trade(db, kind="twin")
    put_trade(db, kind="phantom", cause="block")
    newest, oldest = trades(db)
    assert (newest.trade_id, oldest.trade_id) == (second, first)
    assert (oldest.net_usd, oldest.price_usd, oldest.fees_usd, oldest.funding_usd) == (
        4.5, 5.0, -0.4, -0.1,
    )  # fmt: skip
    assert (oldest.side, oldest.why, oldest.r, oldest.hold_s) == (
        "short",
        "stopped out",
        0.45,
        3599,
    )
    assert (newest.net_usd, newest.why, newest.hold_s, newest.notional_usd) == (
        None,
        None,
        None,
        1000,
    )


def test_the_list_is_of_open_or_closed_ones_of_a_bot_or_a_coin() -> None:
    db = empty_db()
    for at in range(4):
        put_trade(db, closed_ns=MONDAY_NS + at * HOUR_NS, coin="BTC" if at % 2 else "ETH")
    held = put_trade(db, status="open", bot="rsi_fade")
    assert [t.trade_id for t in trades(db, open_=True)] == [held]
    assert [t.trade_id for t in trades(db, open_=False)] == [4, 3, 2, 1]
    assert [t.trade_id for t in trades(db, coin="ETH")] == [3, 1]
    assert [t.trade_id for t in trades(db, bot="rsi_fade", open_=False)] == []
    assert [t.trade_id for t in trades(db, limit=2)] == [held, 4]
    assert (traded(db, "bot"), traded(db, "coin")) == (["donchian", "rsi_fade"], ["BTC", "ETH"])


@pytest.mark.parametrize(
    ("reason", "words"),
    [("trail", "trailing stop"), ("UNAVAILABLE", "no book to leave by"), ("late_fee", "late fee")],
)
def test_a_reason_is_told_in_words(reason: str, words: str) -> None:
    assert why_closed(reason) == words
    assert (side_held("buy"), side_held("sell")) == ("long", "short")
