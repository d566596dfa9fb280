from __future__ import annotations

import pytest

from daemon.engine.branch import Branch
from daemon.engine.heard import Heard
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.series.terms import NO_TERMS
from daemon.engine.weighing import Weighing
from market.decision import ExitCall, TradeKind
from market.desk import Desk
from market.orders import Cancel, Enter, Exit, Protect
from risk.filter import Filter
from risk.gate import Gate
from shadow.store.bookkeeper import Identity
from shadow.store.rows import Rows
from tests.support.shadow import MODEL, SOL, Scripted, Stage


class Both:
    """Passes on to two desks what bots say."""

    def __init__(self, *branches: Branch) -> None:
        self.branches = branches

    def hear(self, heard: Heard) -> None:
        for branch in self.branches:
            branch.hear(heard)

    def try_out(self, heard: Heard, trial_id: int) -> None:
        for branch in self.branches:
            branch.try_out(heard, trial_id)

    def exit_called(self, bot: str, call: ExitCall) -> None:
        for branch in self.branches:
            branch.exit_called(bot, call)


class TwoDesks(Stage):
    """A stage whose market moves a second desk beside the engine's own."""

    def __init__(self, *filters: Filter, equity_usd: float = 1_000_000.0) -> None:  # type: ignore[type-arg]
        super().__init__(equity_usd=equity_usd)
        engine = self.engine
        out = Outbox()
        self.other = Branch(
            engine.market.coins,
            Desk.opened_with(engine.branch.desk.start_e6, engine.branch.desk.seed),
            Gate(list(filters)),
            Weighing(out, shadow=True),
            out,
            model=MODEL,
            identity=Identity("config", "policy"),
            vol_target=engine.branch.admission.vol_target,
            shadow=True,
            series=SeriesBook(NO_TERMS, out, shadow=True),
        )
        self.other_rows = Rows()
        engine.market.listener = Both(engine.branch, self.other)

    def step(self, event):  # type: ignore[no-untyped-def]
        vitals = self.other.out.vitals
        vitals.seq, vitals.now_ns = self.engine.vitals.seq + 1, self.now_ns
        self.other.view.now_ns = self.now_ns
        outcome = super().step(event)
        coin = self.engine.market.coins["SOL"]
        if type(event).__name__ == "BookUpdate" and coin.book.ok:
            self.other.on_book(coin)
        if type(event).__name__ == "Timer":
            self.other.on_second()
        self.other_rows.extend(self.other.out.take().rows)
        return outcome


def play(stage: TwoDesks) -> None:
    """Admit one trade that is stopped out, block one, end one by an exit call."""
    stage.book()
    stage.second()
    stage.signal(stop=1.0, lots=1_000)
    stage.books(3)
    stage.books(3, 98.0)
    stage.books(90)
    stage.script(limit="fail")
    stage.signal(lots=500)
    stage.books(3)
    stage.call_exit("alpha")
    stage.books(3)


def test_two_desks_of_one_market_and_one_gate_decide_alike() -> None:
    stage = TwoDesks(limit := Scripted("limit"))
    stage.filters["limit"] = twin_of(stage.filters["limit"], limit)
    play(stage)
    ours, theirs = stage.rows, stage.other_rows
    assert len(ours.trades) == 3 and len(ours.signals) == 2
    for table in ("signals", "checks", "trades", "trade_updates", "fills", "order_events"):
        assert getattr(theirs, table) == getattr(ours, table), table
    for name in ("cash_e6", "open_e6", "gross_e6", "net_e6", "by_coin", "by_division", "stopped"):
        assert getattr(stage.other.desk, name) == getattr(stage.engine.branch.desk, name), name


def twin_of(first: Scripted, second: Scripted) -> Scripted:
    """Let the script of one filter be that of another."""

    class Twin(Scripted):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "say":
                first.say = second.say = value  # type: ignore[assignment]

    return Twin(first.name)


def test_a_desk_without_the_limit_takes_what_the_other_refuses() -> None:
    stage = TwoDesks()
    play(stage)
    ours, theirs = stage.engine.vitals, stage.other.out.vitals
    assert (ours.admitted, ours.blocked) == (1, 1)
    assert (theirs.admitted, theirs.blocked) == (2, 0)
    assert stage.other.desk.cash_e6 != stage.engine.branch.desk.cash_e6


def test_a_desks_losses_size_its_own_orders_and_nobody_elses() -> None:
    stage = TwoDesks(Scripted("limit"))
    stage.book()
    stage.other.desk.cash_e6 //= 2
    stage.signal(lots=1_000)
    (ours,), (theirs,) = stage.rows.signals, stage.other_rows.signals
    assert ours.requested_lots == 1_000
    assert theirs.requested_lots == 500


def test_intents_are_those_of_the_desks_own_trades_in_order() -> None:
    stage = Stage()
    stage.book()
    signal_id = stage.signal(stop=1.0, lots=1_000)
    stage.books(3)
    stage.books(3, 98.0)
    sent = [intent for outcome in stage.outcomes for intent in outcome.intents]
    paper = signal_id * 4 + TradeKind.PAPER
    assert {intent.trade_id for intent in sent} == {paper}, "a twin is nobody's order"
    assert [type(intent) for intent in sent] == [Enter, Protect, Exit, Cancel]
    enter, protect, leave, _ = sent
    assert (enter.lots, protect.lots, leave.lots) == (1_000, 1_000, 1_000)
    assert protect.stop_px == 99.0 and leave.reason == "stop"


@pytest.mark.parametrize("shadow", [True, False])
def test_what_is_watched_is_open_whether_or_not_it_is_written_down(shadow: bool) -> None:
    stage = Stage(shadow=shadow)
    stage.book()
    assert stage.engine.branch.watched() == set()
    stage.script(limit="fail")
    stage.signal()
    assert stage.engine.branch.watched() == {SOL.coin}
