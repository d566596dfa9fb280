from __future__ import annotations

import pytest

from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.decision import Check, Clamp, TradeKind, Verdict
from market.errors import InvariantBroken
from shadow.ledger.episodes import KeyState
from shadow.ledger.trade import CANCELLED, TradeState
from shadow.store.bookkeeper import EXPIRED, FLATTENED, Bookkeeper, Identity, verdict_tags
from shadow.store.rows import signal_row, trade_row
from tests.support.shadow import T0, make_coin, make_proposal, make_trade, put_book

SHADOW = [TradeKind.TWIN, TradeKind.PHANTOM, TradeKind.CLAMPED]


def books(*, shadow: bool = True) -> tuple[Bookkeeper, Outbox]:
    out = Outbox()
    return Bookkeeper(out, Identity("config", "policy"), {}, shadow=shadow), out


@pytest.mark.parametrize("kind", SHADOW)
def test_with_the_shadow_off_only_real_trades_are_written(kind: TradeKind) -> None:
    silent, out = books(shadow=False)
    for trade in (make_trade(kind=TradeKind.PAPER, trade_id=4), make_trade(kind=kind)):
        silent.opened(trade)
        silent.changed(trade)
    rows = out.take().rows
    assert [row.trade_id for row in rows.trades] == [4]
    assert [row.trade_id for row in rows.trade_updates] == [4]
    assert list(out.dirty) == ["trade/4"]


@pytest.mark.parametrize("kind", SHADOW)
def test_only_a_real_trade_has_orders(kind: TradeKind) -> None:
    book, out = books()
    for trade in (make_trade(kind=kind), make_trade(kind=TradeKind.PAPER, trade_id=4)):
        book.order(trade, 5, "entry_sent", "1 lots, taker")
    assert [row.trade_id for row in out.rows.order_events] == [4]


def test_an_entry_that_was_called_off_is_told_from_one_that_expired() -> None:
    book, out = books()
    late, halted = (make_trade(kind=TradeKind.PAPER, trade_id=i) for i in (4, 8))
    halted.flag(CANCELLED)
    for trade in (late, halted):
        book.never_filled(trade)
    assert [(row.event, row.detail) for row in out.rows.order_events] == [EXPIRED, FLATTENED]


def test_repeats_go_to_the_newest_trade_and_to_none_where_there_is_none() -> None:
    book, out = books(shadow=False)
    for last_id in (0, 4 * 7 + TradeKind.PHANTOM, 4 * 9 + TradeKind.PAPER):
        book.repeats(KeyState(last_id=last_id, repeats=3))
    assert [(row.repeats, row.trade_id) for row in out.rows.repeats] == [(3, 36)]


def verdict(*outcomes: tuple[str, str, str], clamps: tuple[Clamp, ...] = ()) -> Verdict:
    checks = [Check(name, outcome, mode) for name, outcome, mode in outcomes]  # type: ignore[arg-type]
    failing = tuple(c.filter for c in checks if c.mode == "enforce" and c.outcome != "pass")
    sole = failing[0] if len(failing) == 1 else ""
    return Verdict(not failing, checks, failing, sole, 10, list(clamps))


def test_a_trade_is_written_as_it_was_opened_whatever_the_step_did_to_it_since() -> None:
    book, out = books()
    trade = make_trade()
    book.opened(trade)
    trade.state = TradeState.OPEN
    assert out.rows.trades == []
    (row,) = out.take().rows.trades
    assert row == trade_row(trade, TradeState.PENDING) and row.status == "pending"


def judged(book: Bookkeeper, coin: Coin) -> None:
    found = verdict(("limit", "fail", "enforce"))
    book.signal(make_proposal(), found, coin, signal_id=3, trade_id=14, vote=lambda: {"value": 0.5})


def test_a_signal_is_counted_at_once_and_written_behind_what_the_step_decides() -> None:
    out, coin = Outbox(), make_coin()
    out.vitals.seq, out.vitals.now_ns = 5, T0
    book = Bookkeeper(out, Identity("config", "policy"), {"limit": 2}, shadow=True)
    judged(book, coin)
    assert [row.filter for row in out.rows.rollups] == ["limit", ""]
    assert out.rows.signals == [] and out.rows.checks == []
    rows = out.take().rows
    assert rows.signals == [
        signal_row(
            make_proposal(),
            verdict(("limit", "fail", "enforce")),
            coin,
            signal_id=3,
            seq=5,
            now_ns=T0,
            trade_id=14,
            config_hash="config",
            policy_hash="policy",
            vote={"value": 0.5},
        )
    ]
    assert [(row.signal_id, row.filter, row.version) for row in rows.checks] == [(3, "limit", 2)]


def test_a_book_that_moved_on_before_its_signal_was_written_is_our_bug() -> None:
    out, coin = Outbox(), make_coin()
    judged(Bookkeeper(out, Identity("config", "policy"), {"limit": 2}, shadow=True), coin)
    put_book(coin, 101.0, T0 + 1_000_000)
    with pytest.raises(InvariantBroken, match="moved on"):
        out.take()


def test_a_verdict_counts_where_it_belongs() -> None:
    admitted = verdict(
        ("limit", "pass", "enforce"),
        ("watch", "fail", "observe"),
        clamps=(Clamp("cap", 20, 10),),
    )
    assert [(t.filter, t.mode, t.scope) for t in verdict_tags(admitted)] == [
        ("watch", "observe", "sole"),
        ("cap", "enforce", "clamped"),
    ]
    blocked = verdict(("limit", "fail", "enforce"), ("other", "no_data", "enforce"))
    assert [(t.filter, t.scope) for t in verdict_tags(blocked)] == [
        ("limit", "shared"),
        ("other", "fail_closed"),
        ("", "limits"),
    ]
