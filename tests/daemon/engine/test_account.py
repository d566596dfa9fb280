from __future__ import annotations

from daemon.engine.account import Account
from market.desk import Desk, DeskView
from shadow.ledger.trade import UNAVAILABLE, Trade, TradeState
from tests.support.shadow import T0, make_coin, make_trade, put_book


def account_with(trade: Trade) -> Account:
    coin = make_coin()
    view = DeskView(Desk.opened_with(10_000_000_000, 7), {"SOL": coin})
    account = Account(view, lambda: None)
    trade.state, trade.opened_ns, trade.filled_lots = TradeState.OPEN, T0, 1_000
    trade.entry_px, trade.entry_notional_e6 = 100.0, 1_000_000_000
    account.trades[trade.trade_id] = trade
    account.expose(trade, trade.entry_notional_e6)
    return account


def test_open_trades_are_worth_what_their_mid_says_and_the_peak_remembers() -> None:
    account = account_with(make_trade())
    desk, coin = account.desk, account._view.coins["SOL"]
    put_book(coin, 101.0, T0 + 1)
    account.value()
    assert (desk.open_e6, desk.peak_e6) == (10_000_000, 10_010_000_000)
    put_book(coin, 99.0, T0 + 2)
    account.value()
    assert (desk.open_e6, desk.peak_e6) == (-10_000_000, 10_010_000_000)


def test_without_a_book_the_last_mark_stands() -> None:
    account = account_with(make_trade())
    coin = account._view.coins["SOL"]
    put_book(coin, 101.0, T0 + 1)
    account.value()
    coin.book.ok = False
    coin.book.mid = 50.0
    account.value()
    assert account.desk.open_e6 == 10_000_000


def test_a_trade_that_ends_leaves_its_money_and_a_stop_out_is_remembered() -> None:
    trade = make_trade()
    account = account_with(trade)
    trade.exit_notional_e6, trade.exit_reason, trade.closed_ns = 990_000_000, "stop", T0 + 9
    trade.exit_lots = 1_000
    account.close(trade)
    desk = account.desk
    assert desk.cash_e6 == 9_990_000_000 and desk.gross_e6 == desk.net_e6 == 0
    assert desk.stopped == {"alpha|SOL": T0 + 9} and not account.trades


def test_an_entry_that_never_filled_frees_its_exposure_and_moves_no_money() -> None:
    trade = make_trade()
    account = account_with(trade)
    trade.exit_reason = UNAVAILABLE
    account.close(trade)
    assert account.desk.cash_e6 == 10_000_000_000 and account.desk.gross_e6 == 0


def test_a_new_day_and_a_release_measure_from_the_equity_as_it_stands() -> None:
    account = account_with(make_trade())
    desk, coin = account.desk, account._view.coins["SOL"]
    put_book(coin, 99.0, T0 + 1)
    account.begin_day(86_400_000)
    assert (desk.day_ms, desk.day_start_e6) == (86_400_000, 9_990_000_000)
    put_book(coin, 90.0, T0 + 2)
    account.begin_day(86_400_000)
    assert desk.day_start_e6 == 9_990_000_000, "the day had begun"
    account.value()
    desk.latched = "a loss"
    account.release()
    assert (desk.latched, desk.peak_e6, desk.day_start_e6) == ("", 9_900_000_000, 9_900_000_000)
