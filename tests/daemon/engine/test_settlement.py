from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from market.decision import BUY, SELL, TradeKind
from market.desk import Desk
from market.events import MS_PER_HOUR, NS_PER_S
from market.money import fee_e6, funding_e6
from shadow.ledger.trade import TradeState
from shadow.store.check import broken_promises
from shadow.store.rows import day_of
from shadow.store.tables.trades import RepeatsUpdate, TradeUpdate
from tests.daemon import rig
from tests.support.rows import cells, without
from tests.support.shadow import MODEL, T0, T0_MS, Puppet, Stage, make_trade, quoted

pytestmark = pytest.mark.xdist_group("eventful market")

PAPER, BOTH, PHANTOM, REST = TradeKind.PAPER, TradeKind.TWIN, TradeKind.PHANTOM, TradeKind.CLAMPED
USD = 10**6
DAY_S = 86_400


def written(stage: Stage) -> dict[int, TradeUpdate]:
    """Return the newest update of every trade."""
    return {row.trade_id: row for row in stage.rows.trade_updates}


# All of an update that is unknown while a trade has not been filled.
MONEY = """entry_px exit_px entry_notional_e6 gross_e6 fees_e6 funding_e6 net_e6 risk_e6 r bps
    mae_bps mfe_bps"""


def desk_of(stage: Stage) -> bytes:
    return msgspec.json.encode(stage.engine.branch.desk)


# Money.


def test_cash_moves_by_the_net_of_a_real_trade_and_by_nothing_else() -> None:
    stage = quoted()
    desk = stage.engine.branch.desk
    admitted = stage.signal(lots=1_000, horizon_s=5)
    assert admitted is not None
    stage.books(3)
    assert desk.cash_e6 == desk.start_e6, "nothing is earned before it is closed"
    stage.books(5)
    # 10 SOL bought at 100.01 and sold at 99.99, 4.5 bps each way.
    gross = -200_000
    fees = fee_e6(1_000_100_000, 45_000) + fee_e6(999_900_000, 45_000)
    assert fees == 900_000
    update = written(stage)[admitted * 4 + PAPER]
    assert cells(update, "gross_e6 fees_e6 funding_e6 net_e6") == (gross, fees, 0, gross - fees)
    assert desk.cash_e6 == desk.start_e6 - 1_100_000
    assert (desk.open_e6, desk.equity_e6) == (0, desk.cash_e6)
    assert without(written(stage)[admitted * 4 + BOTH], "trade_id") == without(update, "trade_id")


def test_what_nobody_owns_never_touches_the_desk() -> None:
    stage = quoted(filters={"limit": "enforce", "other": "enforce"})
    stage.script(limit="fail")
    before = desk_of(stage)
    blocked = stage.signal(stop=1.0)
    stage.books(3)
    stage.books(3, 98.0)
    assert blocked is not None
    update = written(stage)[blocked * 4 + PHANTOM]
    assert (update.status, update.exit_reason) == ("closed", "stop")
    assert update.net_e6 < 0
    assert desk_of(stage) == before
    assert stage.rows.order_events == []
    assert stage.engine.vitals.closed == 1


def test_an_exit_over_several_books_adds_up() -> None:
    stage = quoted()
    admitted = stage.signal(lots=1_000, stop=1.0)
    assert admitted is not None
    stage.books(2)
    stage.wait(1)
    stage.book(98.0)
    for size in (3.0, 2.5, 9.0):
        stage.wait(1)
        stage.book(bids=[(98.0, size)], asks=[(98.02, 9.0)])
        assert (stage.engine.branch.desk.gross_e6 > 0) == (size < 9.0), "exposed until all is sold"
    fills = [row for row in stage.rows.fills if row.trade_id == admitted * 4 + PAPER]
    assert [(row.action, row.side, row.lots) for row in fills] == [
        ("entry", "buy", 1_000), ("exit", "sell", 300), ("exit", "sell", 250), ("exit", "sell", 450)
    ]  # fmt: skip
    update = written(stage)[admitted * 4 + PAPER]
    assert update.gross_e6 == sum(
        row.notional_e6 if row.action == "exit" else -row.notional_e6 for row in fills
    )
    assert update.fees_e6 == sum(row.fee_e6 for row in fills)
    desk = stage.engine.branch.desk
    assert desk.cash_e6 - desk.start_e6 == update.net_e6


@pytest.mark.parametrize("side", [BUY, SELL])
def test_days_and_funding_add_up_to_the_net_of_every_kind(side: int) -> None:
    stage = quoted(
        bots=[Puppet("alpha"), Puppet("beta")],
        filters={"limit": "enforce", "cap": "enforce"},
        now_ns=T0 + (DAY_S - 20) * NS_PER_S,
    )
    stage.context(0.0001, 101.0)
    stage.filters["cap"].room_e6 = 600 * USD
    stage.signal("alpha", side, lots=1_000, stop=5.0, horizon_s=40)
    stage.script(limit="fail")
    stage.signal("beta", side, lots=500, stop=5.0, horizon_s=40)
    stage.books(15, 101.0)
    stage.books(35, 99.0)
    assert not stage.engine.branch.ledger.trades
    kinds = {trade_id % 4: trade_id for trade_id in written(stage)}
    assert set(kinds) == {PAPER, BOTH, PHANTOM, REST}
    for kind, trade_id in kinds.items():
        update = written(stage)[trade_id]
        lots = update.qty_lots
        assert lots == {PAPER: 600, BOTH: 600, PHANTOM: 500, REST: 400}[TradeKind(kind)]
        paid = funding_e6(side, 101.0, lots, 2, 0.0001)
        assert (update.funding_e6, paid * side > 0) == (paid, True)
        assert update.net_e6 == update.gross_e6 - update.fees_e6 - update.funding_e6
        days = [(row.day, row.mtm_e6) for row in stage.rows.trade_days if row.trade_id == trade_id]
        assert [day for day, _ in days] == ["2025-09-01", "2025-09-02"]
        assert sum(amount for _, amount in days) == update.net_e6
        # The first day ends at a mid of 99, after the hour was paid, before the exit's costs.
        cost, fee = update.entry_notional_e6, fee_e6(update.entry_notional_e6, MODEL.taker_e8)
        assert days[0][1] == side * (99 * lots * 10**4 - cost) - fee - paid
    assert (
        stage.engine.branch.desk.cash_e6 - stage.engine.branch.desk.start_e6
        == written(stage)[kinds[PAPER]].net_e6
    )


# Funding that is told late, or never.


def stayed(told: str, path: Path) -> Stage:
    """Return a desk whose trades were open over 23:00 and 24:00: rates known at once, or later."""
    stage = quoted(
        bots=[Puppet("alpha"), Puppet("beta")],
        filters={"limit": "enforce", "cap": "enforce"},
        now_ns=T0 + (23 * 3600 - 30) * NS_PER_S,
    )
    stage.open_store(path)
    stage.filters["cap"].room_e6 = 600 * USD
    stage.signal("alpha", lots=1_000, stop=5.0, horizon_s=3_700)
    stage.script(limit="fail")
    stage.signal("beta", SELL, lots=500, stop=5.0, horizon_s=4_500)
    stage.books(5)
    for step in range(260):
        stage.books(20, 100.0 + step / 500, every=20)
        if told == "at once" and step in (0, 180):
            mid = stage.engine.market.coins["SOL"].book.mid
            stage.context(RATES[0][1] if step == 0 else RATES[1][1], mid)
        if told == "while open" and step == 184:
            stage.rates(RATES)
        if step == 250 and told != "at once":
            # All have closed; at whatever time the process dies, it goes on waiting.
            assert not stage.engine.branch.ledger.trades
            stage.commit()
            assert broken_promises(stage.store._connection) == []  # type: ignore[union-attr]
            stage = stage.restart(0)
            if told == "in parts":
                stage.rates(RATES[:1])
            if told != "never":
                stage.rates(RATES)
    return stage


RATES = [(T0_MS + 23 * MS_PER_HOUR, 0.00011), (T0_MS + 24 * MS_PER_HOUR, -0.00023)]
BOOKED = (
    "SELECT * FROM trade ORDER BY trade_id",
    "SELECT * FROM trade_day ORDER BY trade_id, day",
    "SELECT day, filter, mode, scope, bot, signals, entries, ROUND(r, 9), ROUND(bps, 6), net_e6"
    " FROM rollup ORDER BY 1, 2, 3, 4, 5",
    "SELECT day, bot, SUM(r_e6), SUM(closed) FROM return_day GROUP BY 1, 2 ORDER BY 1, 2",
)


def booked(stage: Stage) -> list[object]:
    """Return all that was written of trades, with what the next step of the weights will learn."""
    stage.commit()
    assert stage.store is not None
    db = stage.store._connection
    assert broken_promises(db) == []
    rows = [[tuple(row) for row in db.execute(query)] for query in BOOKED]
    learnt: dict[tuple[str, str], tuple[int, int]] = {}
    for day, bot, r_e6, closed in rows[-1]:
        learnt[bot, day] = (r_e6, closed)
    for bot, days in stage.engine.weighing.fresh.items():
        for day_ms, (r_e6, closed) in days.items():
            r, n = learnt.get((bot, day_of(day_ms)), (0, 0))
            learnt[bot, day_of(day_ms)] = (r + r_e6, n + closed)
    return [*rows[:-1], learnt, stage.engine.branch.desk.cash_e6]


def test_what_is_settled_late_is_booked_as_if_it_had_been_known_at_once(tmp_path: Path) -> None:
    """Money, days, rollups, returns and cash; through a death of the process in between."""
    prompt = booked(stayed("at once", tmp_path / "at once.db"))
    trades = prompt[0]
    assert isinstance(trades, list) and len(trades) == 4
    for told in ("while open", "after the end", "in parts"):
        late = booked(stayed(told, tmp_path / f"{told}.db"))
        for have, want in zip(late, prompt, strict=True):
            assert have == want, told


def test_while_its_funding_is_owed_the_money_of_a_trade_is_unknown(tmp_path: Path) -> None:
    stage = stayed("never", tmp_path / "gnomon.db")
    stage.commit()
    assert stage.store is not None
    rows = stage.store._connection.execute(
        "SELECT status, flags, closed_ns > 0, net_e6, r, exit_reason FROM trade"
    ).fetchall()
    assert {tuple(row) for row in rows} == {("exiting", "owed", 1, None, None, "horizon")}
    assert stage.engine.vitals.closed == 0 and not stage.engine.branch.settlement.real
    desk = stage.engine.branch.desk
    assert (desk.gross_e6, desk.open_e6) == (0, 0) and desk.cash_e6 != desk.start_e6
    assert all(days[d][1] == 0 for days in stage.engine.weighing.fresh.values() for d in days)


def test_a_trade_without_its_funding_moves_the_cash_and_leaves_every_statistic() -> None:
    stage = quoted(now_ns=T0 + (DAY_S - 10) * NS_PER_S)
    stage.context(0.0001)
    admitted = stage.signal(horizon_s=3_620)
    assert admitted is not None
    stage.books(20)

    def counted() -> tuple[int, int]:
        rows = [row for row in stage.rows.rollups if row.scope == "twin"]
        return sum(row.entries for row in rows), sum(row.net_e6 for row in rows)

    assert counted()[0] == 1, "the first day has ended with its hour paid"
    # Nothing is heard of the next hour's rate, not in a fortnight.
    stage.books(3_640, every=20)
    assert counted()[0] == 1 and written(stage)[admitted * 4 + PAPER].net_e6 is None
    stage.wait(15 * DAY_S)
    stage.book()
    update = written(stage)[admitted * 4 + PAPER]
    assert (update.status, update.flags) == ("closed", "no_funding")
    assert stage.engine.branch.desk.cash_e6 - stage.engine.branch.desk.start_e6 == update.net_e6 < 0
    assert counted() == (0, 0)


# Valuation.


def test_open_trades_are_worth_their_mids_and_the_peak_remembers() -> None:
    stage = quoted()
    desk = stage.engine.branch.desk
    stage.signal(lots=1_000, stop=20.0)
    stage.books(2)
    fee = fee_e6(1_000_100_000, 45_000)
    for mid, worth in ((104.0, 39_900_000), (97.0, -30_100_000)):
        stage.books(1, mid)
        assert desk.open_e6 == worth - fee
        assert desk.equity_e6 == desk.cash_e6 + worth - fee
    assert desk.peak_e6 == desk.start_e6 + 39_900_000 - fee
    stage.engine.out.dirty.clear()
    stage.second()
    assert "desk" not in stage.engine.out.dirty, "written only when it changed"


def test_without_a_book_to_trust_the_last_mark_stands() -> None:
    stage = quoted()
    stage.signal(lots=1_000, stop=20.0)
    stage.books(2)
    stage.books(1, 104.0)
    worth = stage.engine.branch.desk.open_e6
    assert worth > 0
    stage.wait(1)
    stage.book(bids=[(90.0, 9.0)], asks=[(85.0, 9.0)])
    assert not stage.engine.market.coins["SOL"].book.ok, "crossed"
    stage.second()
    assert stage.engine.branch.desk.open_e6 == worth
    stage.down()
    stage.wait(5)
    stage.second()
    assert stage.engine.branch.desk.open_e6 == worth


def test_a_close_is_in_the_equity_at_once() -> None:
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    desk = stage.engine.branch.desk
    stage.signal("alpha", lots=1_000, stop=20.0)
    stage.signal("beta", SELL, lots=400, stop=20.0)
    stage.books(3)
    stage.call_exit("alpha")
    stage.wait(1)
    stage.book(103.0)
    (short,) = stage.engine.branch.settlement.real.values()
    mark = short.mark_e6(103.0, stage.engine.market.coins["SOL"].instrument)
    assert (desk.open_e6, desk.equity_e6) == (mark, desk.cash_e6 + mark)


# Exposure.


@pytest.mark.parametrize("side", [BUY, SELL])
def test_exposure_is_the_decisions_then_the_fills_then_none(side: int) -> None:
    stage = quoted(bots=[Puppet("alpha", "flow")])
    desk = stage.engine.branch.desk

    def exposed(amount_e6: int) -> bool:
        found = (desk.gross_e6, desk.net_e6, desk.by_coin["SOL"], desk.by_division["flow"])
        return found == (amount_e6, side * amount_e6, amount_e6, amount_e6)

    stage.signal(side=side, lots=1_000, stop=1.0)
    assert exposed(1_000 * USD)
    stage.wait(1)
    # The book gives half of what was asked for.
    stage.book(bids=[(99.9, 5.0)], asks=[(100.1, 5.0)])
    assert exposed(500_500_000 if side == BUY else 499_500_000)
    stage.books(1, 100.0 - 2.0 * side)
    assert exposed(500_500_000 if side == BUY else 499_500_000), "held until it is sold"
    stage.books(1, 100.0 - 2.0 * side)
    assert exposed(0)
    assert stage.engine.branch.settlement.real == {}


def test_exposures_of_several_trades_are_told_apart() -> None:
    stage = quoted(bots=[Puppet("alpha", "trend"), Puppet("beta", "flow")])
    stage.signal("alpha", BUY, lots=300)
    stage.signal("beta", SELL, lots=200, horizon_s=3)
    desk = stage.engine.branch.desk
    assert (desk.gross_e6, desk.net_e6) == (500 * USD, 100 * USD)
    assert desk.by_division == {"trend": 300 * USD, "flow": 200 * USD}
    stage.books(6)
    assert desk.by_division == {"trend": 300_030_000, "flow": 0}
    assert desk.by_coin == {"SOL": 300_030_000}


def test_an_entry_without_a_book_gives_its_room_back_and_costs_nothing() -> None:
    stage = quoted()
    admitted = stage.signal(lots=1_000)
    assert admitted is not None
    stage.wait(60)
    stage.second()
    desk = stage.engine.branch.desk
    assert (desk.gross_e6, desk.by_coin, desk.cash_e6) == (0, {"SOL": 0}, desk.start_e6)
    assert desk.stopped == {}
    update = written(stage)[admitted * 4 + PAPER]
    assert (update.status, update.exit_reason) == ("closed", "UNAVAILABLE")
    assert set(cells(update, MONEY)) == {None}, "its money is unknown, not zero"
    assert [row.event for row in stage.rows.order_events] == ["entry_sent", "entry_expired"]
    assert stage.rows.trade_days == []
    assert stage.engine.branch.keys["alpha|SOL|1"].real_id == 0


# Stop-outs.


@pytest.mark.parametrize(
    ("reason", "mids", "options"),
    [
        ("stop", (98.0,), {"stop": 1.0}),
        ("trail", (105.0, 103.5), {"stop": 1.0, "trail": 1.0}),
        ("target", (103.0,), {"stop": 1.0, "target": 2.0}),
        ("horizon", (100.0,) * 8, {"stop": 1.0, "horizon_s": 8}),
        ("bot", (100.0,), {"stop": 1.0}),
    ],
)
def test_only_a_stop_starts_the_rest_of_that_bot_on_that_coin(
    reason: str, mids: tuple[float, ...], options: dict[str, float]
) -> None:
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    admitted = stage.signal("alpha", **options)  # type: ignore[arg-type]
    assert admitted is not None
    stage.books(2)
    for mid in mids:
        stage.books(1, mid)
    if reason == "bot":
        stage.call_exit("alpha")
    stage.books(2, mids[-1])
    update = written(stage)[admitted * 4 + PAPER]
    assert update.exit_reason == reason
    stopped = {"alpha|SOL": update.closed_ns} if reason in ("stop", "trail") else {}
    assert stage.engine.branch.desk.stopped == stopped


# Orders and fills.


def test_every_step_of_a_real_order_is_on_record_in_order() -> None:
    stage = quoted()
    admitted = stage.signal(lots=1_000, stop=1.0)
    assert admitted is not None
    stage.books(2)
    stage.books(2, 98.0)
    paper = admitted * 4 + PAPER
    assert [
        (row.trade_id, (row.ts_ns - T0) / NS_PER_S, row.event, row.detail)
        for row in stage.rows.order_events
    ] == [
        (paper, 0.0, "entry_sent", "1000 lots, taker"),
        (paper, 1.0, "entry_filled", "1000 lots at 100.01"),
        (paper, 3.0, "exit_sent", "stop"),
        (paper, 4.0, "exit_filled", "1000 lots at 97.99"),
    ]
    assert {row.trade_id % 4 for row in stage.rows.fills} == {PAPER, BOTH}


# Episodes.


def test_repeats_are_written_once_a_minute_and_at_the_close() -> None:
    stage = quoted(now_ns=T0 + NS_PER_S)
    stage.second()
    admitted = stage.signal(horizon_s=210)
    assert admitted is not None
    paper = admitted * 4 + PAPER
    for _ in range(3):
        stage.books(10)
        stage.signal()
    assert stage.rows.repeats == []
    stage.books(30)
    assert stage.rows.repeats == [RepeatsUpdate(3, paper)]
    stage.books(60)
    assert stage.rows.repeats == [RepeatsUpdate(3, paper)], "nothing new in that minute"
    stage.signal()
    stage.books(60)
    assert stage.rows.repeats == [RepeatsUpdate(3, paper), RepeatsUpdate(4, paper)]
    stage.signal()
    stage.books(35)
    assert not stage.engine.branch.ledger.trades
    assert stage.rows.repeats[2:] == [RepeatsUpdate(5, paper)]


@pytest.mark.parametrize("shadow", [True, False])
def test_a_phantom_ends_its_episode_whether_or_not_it_is_written_down(shadow: bool) -> None:
    stage = quoted(shadow=shadow)
    stage.script(limit="fail")
    stage.signal(horizon_s=3)
    key = stage.engine.branch.keys["alpha|SOL|1"]
    assert key.phantom_id
    stage.engine.out.dirty.clear()
    stage.books(8)
    assert key.phantom_id == 0
    assert not key.phantom_armed
    assert "key/alpha|SOL|1" in stage.engine.out.dirty
    tables = (stage.rows.trades, stage.rows.fills, stage.rows.trade_updates, stage.rows.trade_days)
    assert [bool(table) for table in tables] == [shadow] * 4
    assert bool(stage.rows.repeats) == shadow


def test_a_sequel_bound_before_its_phantom_was_filled_learns_what_that_cost() -> None:
    stage = quoted()
    stage.script(limit="fail")
    phantom = stage.trade(stage.signal(lots=800, stop=2.0), PHANTOM)
    stage.wait(0.1)
    stage.script(limit="pass")
    later = stage.trade(stage.signal(lots=300, horizon_s=4), PAPER)
    assert (phantom.state, later.offset_notional_e6) == (TradeState.PENDING, 0)
    stage.books(1)
    assert later.offset_notional_e6 == phantom.entry_notional_e6 == 800_080_000
    assert later.offset_risk_e6 == phantom.risk_e6 == 16_000_000
    assert later.offset_tags == phantom.tags
    stage.books(6)
    assert later.state == TradeState.CLOSED
    assert phantom.partner_days == later.days == [(T0 // 10**6, later.net_e6)]
    assert phantom.state == TradeState.OPEN


def test_after_a_restart_only_paper_trades_are_the_desks() -> None:
    stage = quoted()
    trades = [make_trade(4 + kind, kind=kind) for kind in (PAPER, BOTH, PHANTOM, REST)]
    stage.engine.branch.settlement.adopt(trades)
    assert stage.engine.branch.settlement.real == {4: trades[0]}


# Ten minutes of everything.


@pytest.mark.parametrize("seed", [7, 9])
def test_over_a_whole_run_every_sum_agrees(seed: int) -> None:
    scene = rig.eventful(seed)
    rows, desk = scene.rows, scene.engine.branch.desk
    last = {row.trade_id: row for row in rows.trade_updates}
    priced = {
        i: row for i, row in last.items() if row.status == "closed" and row.net_e6 is not None
    }
    assert {i % 4 for i in priced} == {PAPER, BOTH, PHANTOM, REST}
    days: dict[int, int] = {}
    for part in rows.trade_days:
        days[part.trade_id] = days.get(part.trade_id, 0) + part.mtm_e6
    for trade_id, row in priced.items():
        assert row.net_e6 == row.gross_e6 - row.fees_e6 - row.funding_e6 == days[trade_id]
    nets = sum(row.net_e6 for i, row in priced.items() if i % 4 == PAPER)
    assert desk.cash_e6 == desk.start_e6 + nets
    held = Desk.opened_with(desk.start_e6, desk.seed)
    for trade in scene.engine.branch.settlement.real.values():
        held.expose(
            coin=trade.coin,
            division=trade.division,
            side=trade.side,
            notional_e6=trade.exposed_e6,
        )
    assert (desk.gross_e6, desk.net_e6) == (held.gross_e6, held.net_e6)
    for ours, theirs in (
        (desk.by_coin, held.by_coin),
        (desk.by_division, held.by_division),
    ):
        assert {name: e6 for name, e6 in ours.items() if e6} == theirs
