from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench
from venue.local.exchange.views import answers

MILLION = 10**12


def ledger(bench: Bench, user: str) -> list[dict]:
    rows = answers.answer(
        bench.exchange, "userNonFundingLedgerUpdates", {"user": user, "startTime": 0}, bench.now_ms
    )
    return [row["delta"] for row in rows]


def test_money_sent_arrives_and_is_entered_on_both_sides() -> None:
    bench = Bench()
    action = {"type": "usdSend", "destination": BOB, "amount": "12.5", "time": 1}
    assert bench.act(ALICE, action)["status"] == "ok"
    assert (bench.cash(ALICE) - MILLION, bench.cash(BOB) - MILLION) == (-12_500_000, 12_500_000)
    assert ledger(bench, ALICE)[-1] == ledger(bench, BOB)[-1]
    assert [n.user for n in bench.notes("ledger")] == [ALICE, BOB]


def test_money_may_be_sent_to_whom_nobody_knows_yet() -> None:
    bench = Bench(ALICE)
    bench.act(ALICE, {"type": "usdSend", "destination": BOB, "amount": "5", "time": 1})
    assert bench.exchange.has(BOB) and bench.cash(BOB) == 5_000_000


def test_a_withdrawal_holds_its_fee() -> None:
    bench = Bench()
    bench.act(ALICE, {"type": "withdraw3", "destination": ALICE, "amount": "100", "time": 7})
    assert MILLION - bench.cash(ALICE) == 100_000_000
    assert ledger(bench, ALICE)[-1] == {
        "type": "withdraw",
        "usdc": "99.0",
        "nonce": 7,
        "fee": "1.0",
    }


def test_what_stands_behind_positions_stays() -> None:
    bench = Bench(ALICE, BOB, usd=20_000)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    send = {"type": "usdSend", "destination": BOB, "time": 1}
    assert bench.act(ALICE, {**send, "amount": "9956"})["response"] == (
        "Insufficient balance for withdrawal."
    )
    assert bench.act(ALICE, {**send, "amount": "9955"})["status"] == "ok"


@pytest.mark.parametrize(
    "action",
    [
        {"type": "usdClassTransfer", "amount": "5", "toPerp": True},
        {"type": "usdClassTransfer", "amount": "5000000", "toPerp": False},
        {"type": "vaultTransfer", "vaultAddress": BOB, "isDeposit": True, "usd": 5},
        {"type": "reserveRequestWeight", "weight": 10**12},
        {"type": "withdraw3", "destination": BOB, "amount": "1"},
        {"type": "usdSend", "destination": BOB, "amount": "0"},
        {"type": "approveBuilderFee", "builder": BOB, "maxFeeRate": "0.01"},
    ],
)
def test_what_can_not_be_done_moves_nothing(action: dict) -> None:
    bench = Bench()
    assert bench.act(ALICE, action)["status"] == "err"
    assert bench.cash(ALICE) == MILLION


def test_spot_takes_what_is_moved_there_and_requests_are_paid_for() -> None:
    bench = Bench()
    bench.act(ALICE, {"type": "usdClassTransfer", "amount": "5", "toPerp": False})
    bench.act(ALICE, {"type": "reserveRequestWeight", "weight": 1_000})
    assert MILLION - bench.cash(ALICE) == 5_500_000
    assert bench.act(ALICE, {"type": "noop"})["status"] == "ok"
