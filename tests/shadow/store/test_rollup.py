from __future__ import annotations

from contextlib import closing
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.series.terms import NO_TERMS
from daemon.engine.settlement import Settlement
from daemon.engine.weighing import Weighing
from market.coin import Coin
from market.decision import BUY, SELL, Check, Clamp, TradeKind, Verdict
from market.desk import Desk, DeskView
from market.events import MS_PER_DAY, NS_PER_MS, NS_PER_S
from shadow.ledger.trade import SUSPECT_PRICE, Change, Owed, Tag, Trade, TradeState
from shadow.store import rollup
from shadow.store.bookkeeper import Bookkeeper, Identity
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from shadow.store.store import open_readonly, summed
from tests.support.rows import cells
from tests.support.shadow import (
    SOL,
    T0,
    T0_MS,
    Puppet,
    Stage,
    assert_rollup_is_true,
    flat,
    kept,
    make_trade,
    paper_ledger,
)

S = NS_PER_S
COUNT = count()


def verdict(*checks: Check, admitted: bool = False, clamps: list[Clamp] | None = None) -> Verdict:
    refusing = [c for c in checks if c.mode == "enforce" and c.outcome != "pass"]
    alone = len(refusing) == 1 and refusing[0].outcome == "fail"
    sole = refusing[0].filter if alone else ""
    failing = tuple(c.filter for c in refusing)
    return Verdict(admitted, list(checks), failing, sole, 10, clamps or [])


LIMITS = Tag("", "score", "limits")


# Which statistics a decision counts in.


def test_a_sole_blocker_counts_alone() -> None:
    found = verdict(Check("a", "fail", "enforce"), Check("b", "pass", "enforce"))
    assert rollup.block_tags(found) == [Tag("a", "enforce", "sole"), LIMITS]


def test_two_blockers_share() -> None:
    found = verdict(Check("a", "fail", "enforce"), Check("b", "fail", "enforce"))
    assert rollup.block_tags(found) == [
        Tag("a", "enforce", "shared"),
        Tag("b", "enforce", "shared"),
        LIMITS,
    ]


def test_want_of_data_is_counted_apart_and_makes_its_company_share() -> None:
    assert rollup.block_tags(verdict(Check("a", "no_data", "enforce"))) == [
        Tag("a", "enforce", "fail_closed"),
        Tag("", "score", "no_data"),
    ]
    both = verdict(Check("a", "no_data", "enforce"), Check("b", "fail", "enforce"))
    assert rollup.block_tags(both) == [
        Tag("a", "enforce", "fail_closed"),
        Tag("b", "enforce", "shared"),
        LIMITS,
    ]


@pytest.mark.parametrize(
    ("failing", "stage"),
    [
        (["cooldown", "direction", "phase_space"], "direction"),
        (["phase_space", "position"], "phase_space"),
        (["position"], "limits"),
    ],
)
def test_the_score_puts_a_refusal_down_to_the_first_stage_that_refused(
    failing: list[str], stage: str
) -> None:
    found = verdict(*(Check(name, "fail", "enforce") for name in failing))
    assert [t for t in rollup.block_tags(found) if t.mode == "score"] == [Tag("", "score", stage)]


def test_a_stage_without_data_is_not_what_refused() -> None:
    found = verdict(Check("direction", "no_data", "enforce"), Check("cap", "fail", "enforce"))
    assert rollup.block_tags(found)[-1] == LIMITS
    both = verdict(*(Check(name, "no_data", "enforce") for name in ("direction", "cap")))
    assert rollup.block_tags(both)[-1] == Tag("", "score", "no_data")


def test_a_trade_is_given_the_place_that_an_older_version_did_not_know_of() -> None:
    phantom = make_trade()
    lacking = Tag("direction", "enforce", "fail_closed")
    phantom.tags = [lacking, Tag("", "score", "direction")]
    rollup.complete(phantom)
    assert phantom.tags == [lacking, Tag("", "score", "no_data")]


def test_a_trade_older_than_the_score_is_given_its_place_once() -> None:
    phantom, twin = make_trade(), make_trade()
    phantom.tags = [Tag("direction", "enforce", "shared"), Tag("cooldown", "enforce", "shared")]
    twin.tags = [rollup.TWIN, Tag("cap", "observe", "sole")]
    twin.offset_tags = [Tag("cap", "enforce", "sole")]
    for _ in range(2):
        rollup.complete(phantom)
        rollup.complete(twin)
    assert phantom.tags[2:] == [Tag("", "score", "direction")] and len(twin.tags) == 2
    assert twin.offset_tags[1:] == [LIMITS]


def test_observing_filters_count_what_they_would_have_blocked_of_the_admitted() -> None:
    found = verdict(
        Check("a", "fail", "observe"),
        Check("b", "no_data", "observe"),
        Check("c", "pass", "observe"),
        Check("d", "pass", "enforce"),
        admitted=True,
    )
    assert rollup.observe_tags(found) == [Tag("a", "observe", "sole")]


def test_every_cap_that_cut_counts_the_remainder() -> None:
    found = verdict(admitted=True, clamps=[Clamp("x", 9, 5), Clamp("y", 5, 2)])
    assert rollup.clamp_tags(found) == [
        Tag("x", "enforce", "clamped"),
        Tag("y", "enforce", "clamped"),
    ]


# Counting, without a database.

SOLE = Tag("limit", "enforce", "sole")


def sums_of(rows: Rows) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Return sums by (day, filter, scope), without those that cancel to nothing."""
    found = {}
    for row in summed(rows.rollups):
        rounded = tuple(round(f, 9) for f in cells(row, "signals entries r bps net_e6"))
        if any(rounded):
            found[row.day, row.filter, row.scope] = rounded
    return found


def counted(trade_id: int = 8, *, risk: int = 20_000_000, tags: tuple[Tag, ...] = (SOLE,)) -> Trade:
    trade = make_trade(trade_id)
    trade.tags, trade.risk_e6 = list(tags), risk
    trade.entry_notional_e6 = 1_000_000_000
    return trade


def test_an_entry_counts_once_on_its_first_day() -> None:
    rows, trade = Rows(), counted()
    rollup.count_day(rows, trade, T0_MS, 5_000_000)
    rollup.count_day(rows, trade, T0_MS + MS_PER_DAY, -1_000_000)
    rollup.count_day(rows, trade, T0_MS + MS_PER_DAY, -1_000_000)
    assert sums_of(rows) == {
        ("2025-09-01", "limit", "sole"): (0, 1, 0.25, 50.0, 5_000_000),
        ("2025-09-02", "limit", "sole"): (0, 0, -0.1, -20.0, -2_000_000),
    }
    assert trade.days == [
        (T0_MS, 5_000_000),
        (T0_MS + MS_PER_DAY, -1_000_000),
        (T0_MS + MS_PER_DAY, -1_000_000),
    ]


def test_a_trade_counts_in_all_its_statistics() -> None:
    rows, trade = Rows(), counted(tags=(rollup.TWIN, Tag("control", "observe", "sole")))
    rollup.count_day(rows, trade, T0_MS, 2_000_000)
    assert sums_of(rows) == {
        ("2025-09-01", "", "twin"): (0, 1, 0.1, 20.0, 2_000_000),
        ("2025-09-01", "control", "sole"): (0, 1, 0.1, 20.0, 2_000_000),
    }


def test_an_excluded_trade_counts_nothing() -> None:
    rows, trade = Rows(), counted()
    trade.flag("no_funding")
    rollup.count_day(rows, trade, T0_MS, 5_000_000)
    assert rows.rollups == []


def test_a_later_trade_is_taken_off_in_units_of_the_phantoms_risk() -> None:
    rows, phantom, later = Rows(), counted(8), counted(12, risk=7_000_000, tags=())
    rollup.pair(phantom, later)
    assert (phantom.later_trade_id, later.earlier_trade_id) == (12, 8)
    rollup.count_day(rows, phantom, T0_MS, 5_000_000)
    rollup.count_day(rows, later, T0_MS, 8_000_000)
    assert sums_of(rows) == {("2025-09-01", "limit", "sole"): (0, 1, -0.15, -30.0, -3_000_000)}


def test_a_phantom_keeps_the_later_trade_it_outlived() -> None:
    """The effect is that phantom less that trade; a third trade is an episode of its own."""
    rows, phantom, first, second = Rows(), counted(8), counted(12, tags=()), counted(16, tags=())
    rollup.pair(phantom, first)
    rollup.count_day(rows, first, T0_MS, 1_000_000)
    phantom.partner_days = list(first.days)  # the first one has closed
    rollup.pair(phantom, second)
    rollup.count_day(rows, second, T0_MS, 2_000_000)
    assert (phantom.later_trade_id, second.earlier_trade_id) == (12, 0)
    assert sums_of(rows) == {("2025-09-01", "limit", "sole"): (0, 0, -0.05, -10.0, -1_000_000)}


def test_a_later_trade_that_never_filled_gives_way_to_the_next() -> None:
    phantom, first, second = counted(8), counted(12, tags=()), counted(16, tags=())
    rollup.pair(phantom, first)
    rollup.pair(phantom, second)
    assert (phantom.later_trade_id, second.offset_tags) == (16, [SOLE])


def test_an_episode_whose_phantom_never_filled_has_no_outcome() -> None:
    rows, phantom, later = Rows(), counted(8, risk=0), counted(12, tags=())
    phantom.entry_notional_e6 = 0
    rollup.pair(phantom, later)
    rollup.count_day(rows, later, T0_MS, 8_000_000)
    assert sums_of(rows) == {}
    rollup.exclude(rows, later, None)
    assert sums_of(rows) == {}


# Taking back, in every order of what may happen to a pair.

EVENTS = (
    "phantom day",
    "later day",
    "phantom ends",
    "later ends",
    "phantom blind",
    "later doubted",
)
PHANTOM, LATER, OTHER = 2, 4, 100


class Pair:
    """A phantom, the trade that followed it, and a bystander of the same statistic.

    Where they are `owing`, both still lack an hour's funding when they end.
    """

    def __init__(self, *, owing: bool = False) -> None:
        self.owing = owing
        self.ledger = paper_ledger({"SOL": Coin(SOL)})
        self.out = Outbox()
        desk = Desk.opened_with(0, 7)
        self.settlement = Settlement(
            DeskView(desk, {}),
            self.ledger,
            {},
            Weighing(self.out, shadow=True),
            Bookkeeper(self.out, Identity("config", "policy"), {}, shadow=True),
            self.out,
            SeriesBook(NO_TERMS, self.out, shadow=True),
        )
        self.trades = {i: counted(i) for i in (PHANTOM, LATER, OTHER)}
        self.trades[LATER].tags, self.trades[LATER].kind = [], TradeKind.PAPER
        self.trades[OTHER].bot = "alpha"
        self.ledger.trades.update(self.trades)
        rollup.pair(self.trades[PHANTOM], self.trades[LATER])
        self.net = {PHANTOM: 0, LATER: 0}
        self.day(OTHER, 123_000)

    def day(self, trade_id: int, amount: int) -> None:
        self.net[trade_id] = self.net.get(trade_id, 0) + amount
        change = Change(self.trades[trade_id], "day", T0, day_ms=T0_MS, amount_e6=amount)
        self.settlement.apply([change])

    def happen(self, event: str) -> bool:
        """Let something happen; False when it cannot, because the trade has ended."""
        who, how = event.split()
        trade_id = PHANTOM if who == "phantom" else LATER
        trade = self.trades[trade_id]
        if self.ledger.owing.find(trade_id) is None or (
            how == "ends" and trade_id not in self.ledger.trades
        ):
            return False
        if how == "day":
            self.day(trade_id, 3_000_000 + trade_id)
        elif how == "ends":
            self.day(trade_id, -1_000_000)
            del self.ledger.trades[trade_id]
            trade.closed_ns, trade.entry_px, trade.state = T0, 1.0, TradeState.CLOSED
            trade.owes = [Owed(T0_MS, 1, 1.0, T0_MS)] if self.owing else []
            self.ledger.owing.keep(trade)
            self.settlement.apply([Change(trade, "closed", T0)])
        else:
            trade.flag("no_funding" if how == "blind" else SUSPECT_PRICE)
            self.settlement.apply([Change(trade, "doubted", T0)])
        return True

    def settle(self) -> None:
        for trade in self.ledger.owing.closed.copy().values():
            trade.owes = []
            self.settlement.apply([Change(trade, "settled", T0)])
        assert not self.ledger.owing.closed

    def true(self) -> dict[tuple[str, ...], tuple[float, ...]]:
        entries, net = 1, 123_000
        blind = any(self.trades[i].excluded for i in (PHANTOM, LATER))
        if not blind:
            entries += bool(self.trades[PHANTOM].days)
            net += self.net[PHANTOM] - self.net[LATER]
        r, bps = net / 20_000_000, net / 1_000_000_000 * 1e4
        return {("2025-09-01", "limit", "sole"): (0, entries, round(r, 9), round(bps, 9), net)}


@pytest.mark.parametrize("owing", [False, True])
@pytest.mark.parametrize("first", EVENTS)
def test_what_lacks_a_fact_is_taken_back_whole_in_any_order(first: str, owing: bool) -> None:
    """While the other half waits for its funding, what is taken back is taken back once."""
    tried = 0
    for rest in permutations([e for e in EVENTS if e != first]):
        pair = Pair(owing=owing)
        for event in (first, *rest):
            if pair.happen(event):
                assert sums_of(pair.out.rows) == pair.true(), (first, *rest, event)
                tried += 1
        pair.settle()
        assert sums_of(pair.out.rows) == pair.true()
    assert tried > 120


def test_a_twin_that_lacks_a_fact_leaves_every_statistic() -> None:
    rows = Rows()
    trade = counted(tags=(rollup.TWIN, Tag("control", "observe", "sole")))
    rollup.count_day(rows, trade, T0_MS, 2_000_000)
    rollup.exclude(rows, trade, None)
    assert sums_of(rows) == {}
    rollup.count_day(rows, trade, T0_MS, 9_000_000)
    assert sums_of(rows) == {}


def test_a_trade_excluded_before_its_first_day_takes_nothing_back() -> None:
    rows, trade = Rows(), counted()
    rollup.exclude(rows, trade, None)
    assert rows.rollups == []


# The whole way into a database.


def finished(stage: Stage, path: Path) -> dict[str, tuple[int, int, int]]:
    """Write, prove the rollup and the promises; return (signals, entries, net) by scope."""
    stage.finish(path)
    with closing(open_readonly(path)) as db:
        assert_rollup_is_true(db)
        assert broken_promises(db) == []
        found: dict[str, tuple[int, int, int]] = {}
        for (_, name, mode, scope, _), (n, entries, _, _, net) in kept(db).items():
            if mode == "head":
                continue
            key = f"{name}/{mode}/{scope}"
            old = found.get(key, (0, 0, 0))
            found[key] = (old[0] + n, old[1] + entries, old[2] + net)
        return found


def net_of(stage: Stage, signal_id: int | None, kind: TradeKind) -> int:
    assert signal_id is not None
    (net,) = {
        r.net_e6
        for r in stage.rows.trade_updates
        if r.trade_id == signal_id * 4 + kind and r.net_e6
    }
    return int(net)


def test_a_phantom_followed_by_its_admission(tmp_path: Path) -> None:
    stage = Stage()
    stage.script(limit="fail")
    stage.book()
    blocked = stage.signal(horizon_s=60)
    stage.books(5)
    stage.script(limit="pass")
    admitted = stage.signal(horizon_s=30)
    stage.books(80, 100.3)
    phantom = net_of(stage, blocked, TradeKind.PHANTOM)
    later = net_of(stage, admitted, TradeKind.PAPER)
    assert finished(stage, tmp_path / "db") == {
        "limit/enforce/sole": (1, 1, phantom - later),
        "/score/limits": (1, 1, phantom - later),
        "/admit/twin": (0, 1, later),
    }


def test_a_phantom_that_outlives_two_admissions_is_paired_with_the_first(tmp_path: Path) -> None:
    stage = Stage()
    stage.script(limit="fail")
    stage.book()
    blocked = stage.signal(horizon_s=200)
    stage.books(2)
    stage.script(limit="pass")
    first = stage.signal(horizon_s=10)
    stage.books(30, 100.2)
    second = stage.signal(horizon_s=10)
    assert second is not None
    stage.books(200, 100.5)
    nets = [
        net_of(stage, i, k) for i, k in ((blocked, TradeKind.PHANTOM), (first, TradeKind.PAPER))
    ]
    twins = nets[1] + net_of(stage, second, TradeKind.PAPER)
    assert finished(stage, tmp_path / "db") == {
        "limit/enforce/sole": (1, 1, nets[0] - nets[1]),
        "/score/limits": (1, 1, nets[0] - nets[1]),
        "/admit/twin": (0, 2, twins),
    }


def test_an_admission_after_a_phantom_that_found_no_book_counts_for_itself(tmp_path: Path) -> None:
    stage = Stage()
    stage.script(limit="fail")
    stage.book()
    stage.signal(horizon_s=60)
    stage.wait(8)
    stage.script(limit="pass")
    admitted = stage.signal(horizon_s=30)
    stage.wait(5)
    stage.second()
    stage.books(50)
    net = net_of(stage, admitted, TradeKind.PAPER)
    assert finished(stage, tmp_path / "db") == {
        "limit/enforce/sole": (1, 0, 0),
        "/score/limits": (1, 0, 0),
        "/admit/twin": (0, 1, net),
    }


def test_an_hour_without_its_rate_takes_the_whole_episode_out(tmp_path: Path) -> None:
    stage = Stage(now_ns=T0 + (86_400 - 30) * S)
    stage.script(limit="fail")
    stage.book()
    stage.signal(horizon_s=120)
    stage.books(5)
    stage.script(limit="pass")
    stage.signal(horizon_s=10)
    # The later trade ends before midnight, the phantom is open across it.
    stage.books(150)
    assert not stage.engine.branch.ledger.trades
    # Its rate is never told.
    stage.wait(15 * 86_400)
    stage.book()
    found = finished(stage, tmp_path / "db")
    assert found["limit/enforce/sole"] == (1, 0, 0)
    assert found["/admit/twin"][1] == 1


def test_clamped_remainders_count_in_money_alone(tmp_path: Path) -> None:
    stage = Stage(filters={"cap": "enforce", "limit": "enforce"})
    stage.book()
    stage.filters["cap"].room_e6 = 400 * 10**6
    signal_id = stage.signal(lots=1_000, horizon_s=10)
    stage.books(20, 100.2)
    lots = {r.trade_id % 4: r.qty_lots for r in stage.rows.trade_updates}
    assert lots == {TradeKind.PAPER: 400, TradeKind.TWIN: 400, TradeKind.CLAMPED: 600}
    rest = net_of(stage, signal_id, TradeKind.CLAMPED)
    twin = net_of(stage, signal_id, TradeKind.TWIN)
    assert finished(stage, tmp_path / "db") == {
        "cap/enforce/clamped": (1, 1, rest),
        "/admit/twin": (0, 1, twin),
    }


def test_an_admitted_signal_an_observer_would_have_blocked_is_valued_by_its_twin(
    tmp_path: Path,
) -> None:
    stage = Stage(filters={"limit": "enforce", "watch": "observe"})
    stage.book()
    stage.script(watch="fail")
    signal_id = stage.signal(horizon_s=10)
    stage.books(30)
    twin = net_of(stage, signal_id, TradeKind.TWIN)
    # Blocked by another filter, what an observer thinks is of no account.
    stage.script(limit="fail")
    blocked = stage.signal(horizon_s=10)
    stage.books(30)
    phantom = net_of(stage, blocked, TradeKind.PHANTOM)
    assert finished(stage, tmp_path / "db") == {
        "watch/observe/sole": (1, 1, twin),
        "limit/enforce/sole": (1, 1, phantom),
        "/score/limits": (1, 1, phantom),
        "/admit/twin": (0, 1, twin),
    }


SAYS = st.sampled_from(["pass", "pass", "fail", "no_data"])
SIGNALS = st.tuples(
    st.sampled_from(["alpha", "beta"]),
    st.sampled_from([BUY, BUY, SELL]),
    st.tuples(SAYS, st.sampled_from(["pass", "pass", "pass", "fail"]), SAYS),
    st.sampled_from([None, 15, 400]),
    st.sampled_from([8.0, 30.0, 200.0]),
)
EVENTS_BETWEEN = st.one_of(
    st.tuples(st.just("books"), st.tuples(st.sampled_from([2, 6, 14, 14]), st.floats(98.5, 101.5))),
    st.tuples(st.just("books"), st.tuples(st.just(14), st.floats(99.5, 100.5))),
    st.tuples(st.just("context"), st.floats(-0.001, 0.001)),
    st.tuples(st.just("silence"), st.sampled_from([15.0, 45.0, 1800.0])),
    st.tuples(st.just("exit"), st.sampled_from([BUY, SELL])),
    st.tuples(st.just("crash"), st.just(5)),
)
ACTS = st.lists(st.tuples(SIGNALS, EVENTS_BETWEEN), min_size=5, max_size=16)


@settings(max_examples=80)
@given(acts=ACTS, closes=st.booleans())
def test_the_rollup_equals_what_is_made_anew(
    quick: Path, acts: list[tuple[tuple[Any, ...], tuple[str, Any]]], closes: bool
) -> None:
    """Whatever happens around midnight, closed or still open, killed and taken up in between."""
    path = quick / f"{next(COUNT)}.db"
    stage = Stage(
        bots=[Puppet("alpha"), Puppet("beta")],
        filters={"a": "enforce", "cap": "enforce", "watch": "observe"},
        now_ns=T0 + (86_400 - 40) * S,
    )
    stage.open_store(path)
    stage.book()
    for number, (signal, (event, how)) in enumerate(acts):
        bot, side, (a, cap, watch), room, horizon_s = signal
        stage.script(a=a, cap=cap, watch=watch)
        stage.filters["cap"].room_e6 = room and room * 10**6
        stage.signal(bot, side, lots=600, stop=0.8, target=1.1, horizon_s=horizon_s)
        if event == "books":
            stage.books(*how, every=2)
        elif event == "context":
            stage.context(how)
        elif event == "exit":
            stage.call_exit(side=how)
        elif event == "crash":
            stage.commit()
            stage = stage.restart(how)
            stage.book()
        else:
            began_ms = stage.now_ns // NS_PER_MS - T0_MS
            stage.wait(how)
            stage.book()
            stage.second()
            if number % 2:
                stage.rates([(T0_MS + h * 3_600_000, 1e-4) for h in range(23, 30)])
                stage.candles(flat(began_ms - 60_000, stage.now_ns // NS_PER_MS - T0_MS))
    if closes:
        stage.books(300, every=2)
        assert not stage.engine.branch.ledger.trades
    assert stage.store is not None
    stage.commit()
    stage.store.close()
    with closing(open_readonly(path)) as db:
        assert_rollup_is_true(db)
        assert broken_promises(db) == []
