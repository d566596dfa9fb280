from __future__ import annotations

from daemon.engine.branches.alike import Alike
from market.decision import ExitPlan
from market.instrument import Instrument
from shadow.ledger.trade import Trade, TradeState

COIN = Instrument("BTC", 0, 5, 40)


def trade(trade_id: int) -> Trade:
    made = Trade(
        trade_id=trade_id, kind=0, cause="admit", signal_id=1, bot="a", division="flow",
        coin="BTC", side=1, lots=1000, decided_ns=0, due_ns=0, expires_ns=0, decision_mid=100.0,
        plan=ExitPlan(stop_px=90.0, horizon_ns=10**9), stop_px=90.0,
    )  # fmt: skip
    made.state, made.filled_lots = TradeState.OPEN, 1000
    made.entry_px, made.entry_notional_e6, made.fees_e6 = 100.0, 1_000_000, 450
    return made


def test_all_are_worth_what_one_of_them_is() -> None:
    held, alike = [trade(64), trade(65), trade(70)], Alike()
    for at, each in zip((0, 1, 6), held, strict=True):
        alike.add(at, each)
    assert alike.mask == 0b1000011
    for mid in (101.0, 101.0, 99.5):
        assert alike.worth_e6(mid, COIN) == held[0].mark_e6(mid, COIN)
        assert [each.mark_px for each in held] == [mid] * 3
    alike.remove(1)
    alike.remove(5)
    assert alike.mask == 0b1000001 and list(alike.trades) == [0, 6]


def test_what_was_paid_meanwhile_counts_though_the_mid_stands() -> None:
    held, alike = [trade(64), trade(65)], Alike()
    for at, each in enumerate(held):
        alike.add(at, each)
    before = alike.worth_e6(101.0, COIN)
    for each in held:
        each.funding_e6 = 30
    assert alike.worth_e6(101.0, COIN) == before - 30
    for each in held:
        each.exit_lots, each.exit_notional_e6 = 400, 404_000
    assert alike.worth_e6(101.0, COIN) == held[0].mark_e6(101.0, COIN)


def test_one_that_joins_is_valued_too() -> None:
    alike, late = Alike(), trade(65)
    alike.add(0, trade(64))
    alike.worth_e6(101.0, COIN)
    alike.add(1, late)
    alike.worth_e6(101.0, COIN)
    assert late.mark_px == 101.0
