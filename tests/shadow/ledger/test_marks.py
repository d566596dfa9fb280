from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.decision import ExitPlan
from market.events import NS_PER_S
from shadow.ledger.marks import Marks
from shadow.ledger.trade import Trade
from tests.support.shadow import T0, make_trade

BUY, SELL = 1, -1
SIZE = 10.0


def opened(
    trade_id: int,
    *,
    side: int = BUY,
    entry: float = 100.0,
    stop: float = 1.0,
    target: float = 0.0,
    trail: float = 0.0,
    horizon_s: float = 1e6,
) -> Trade:
    """Return a trade that was filled at `entry`; distances from there."""
    trade = make_trade(
        trade_id,
        side=side,
        stop=entry - side * stop,
        target=entry + side * target if target else 0.0,
        trail=trail,
        horizon_s=horizon_s,
    )
    trade.entry_px = trade.hi = trade.lo = entry
    trade.filled_lots = trade.lots
    return trade


@dataclass
class Naive:
    """One trade marked on its own at every mid: what the columns must agree with."""

    trade: Trade
    hi: float
    lo: float
    stop: float

    def touch(self, mid: float) -> None:
        self.hi, self.lo = max(self.hi, mid), min(self.lo, mid)

    def ratchet(self) -> None:
        trail = self.trade.plan.trail
        if trail and self.trade.side == BUY:
            self.stop = max(self.stop, self.hi - trail)
        elif trail:
            self.stop = min(self.stop, self.lo + trail)

    def reached(self, mid: float) -> str:
        side, target = self.trade.side, self.trade.plan.target_px
        if side * (mid - self.stop) <= 0.0:
            return "stop" if self.stop == self.trade.plan.stop_px else "trail"
        return "target" if target and side * (mid - target) >= 0.0 else ""

    @property
    def ends_ns(self) -> int:
        return self.trade.decided_ns + self.trade.plan.horizon_ns

    def profit(self, mid: float) -> float:
        return self.trade.side * (mid - self.trade.entry_px) * SIZE


PRICES = st.floats(95.0, 105.0)
DISTANCES = st.floats(0.1, 6.0)
TRADES = st.tuples(
    st.sampled_from([BUY, SELL]),
    DISTANCES,
    st.just(0.0) | DISTANCES,
    st.just(0.0) | DISTANCES,
    st.floats(1.0, 60.0),
)
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("touch"), PRICES),
        st.tuples(st.just("add"), TRADES),
        st.tuples(st.just("remove"), st.integers(0, 100)),
        st.tuples(st.just("ratchet"), st.none()),
        st.tuples(st.just("sweep"), st.none()),
        st.tuples(st.just("write_back"), st.none()),
    ),
    max_size=60,
)


@given(OPS)
def test_columns_agree_with_a_loop_over_objects(ops: list[tuple[str, object]]) -> None:
    marks, loop = Marks(capacity=2), {}
    mid, now_ns, next_id = 100.0, T0, 1
    for op, what in ops:
        now_ns += NS_PER_S
        if op == "touch":
            mid = what  # type: ignore[assignment]
            may = marks.touch(mid)
            for one in loop.values():
                one.touch(mid)
            expected = [(i, one.reached(mid)) for i, one in sorted(loop.items())]
            expected = [(i, reason) for i, reason in expected if reason]
            assert may == bool(expected)
            if may:
                found = marks.reached(mid)
                assert [(t.trade_id, reason) for t, reason in found] == expected
            ends = [i for i, one in sorted(loop.items()) if one.ends_ns <= now_ns]
            assert [t.trade_id for t in marks.expired(now_ns)] == ends
        elif op == "add":
            side, stop, target, trail, horizon_s = what  # type: ignore[misc]
            trade = opened(
                next_id, side=side, entry=mid, stop=stop, target=target, trail=trail,
                horizon_s=horizon_s,
            )  # fmt: skip
            next_id += 1
            marks.add(trade, SIZE)
            loop[trade.trade_id] = Naive(trade, mid, mid, trade.stop_px)
        elif op == "remove" and loop:
            one = loop.pop(sorted(loop)[what % len(loop)])  # type: ignore[operator]
            marks.remove(one.trade, SIZE)
            assert (one.trade.hi, one.trade.lo, one.trade.stop_px) == (one.hi, one.lo, one.stop)
        elif op == "ratchet":
            marks.ratchet()
            for one in loop.values():
                one.ratchet()
        elif op == "sweep":
            marks.sweep()
        elif op == "write_back":
            marks.write_back()
            for one in loop.values():
                written = (one.trade.hi, one.trade.lo, one.trade.stop_px)
                assert written == (one.hi, one.lo, one.stop)
        assert len(marks) == len(loop)
        assert {t.trade_id for t in marks.trades} == set(loop)
        profit = sum(one.profit(mid) for one in loop.values())
        assert marks.total(mid) == pytest.approx(profit, abs=1e-6)


def test_extremes_before_a_trade_was_added_are_not_its_own() -> None:
    marks = Marks()
    first, second = opened(1, stop=50.0), opened(2, stop=50.0)
    marks.add(first, SIZE)
    marks.touch(110.0)
    marks.touch(90.0)
    marks.add(second, SIZE)
    marks.touch(101.0)
    marks.write_back()
    assert (first.hi, first.lo) == (110.0, 90.0)
    assert (second.hi, second.lo) == (101.0, 100.0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_level_is_reached_at_just_its_price(side: int) -> None:
    marks = Marks()
    marks.add(opened(1, side=side, stop=1.0, target=2.0), SIZE)
    for distance, reason in ((1.99, ""), (2.0, "target"), (-0.99, ""), (-1.0, "stop")):
        mid = 100.0 + side * distance
        assert marks.touch(mid) == bool(reason)
        assert [r for _, r in marks.reached(mid)] == ([reason] if reason else [])


def test_where_a_mid_reaches_both_the_stop_counts() -> None:
    # A trailing stop may be pulled beyond the target by a spike between two looks.
    marks = Marks()
    trade = opened(1, stop=1.0, target=2.0, trail=0.5)
    marks.add(trade, SIZE)
    marks.touch(103.0)
    marks.ratchet()
    assert marks.reached(102.2) == [(trade, "trail")]


def test_a_trailing_stop_moves_only_when_ratcheted_and_never_back() -> None:
    marks = Marks()
    trade = opened(1, stop=2.0, trail=1.0)
    marks.add(trade, SIZE)
    marks.touch(104.0)
    assert marks.floor == 98.0
    marks.ratchet()
    assert marks.floor == 103.0
    marks.touch(103.5)
    marks.ratchet()
    assert marks.floor == 103.0
    assert marks.touch(103.0)
    assert marks.reached(103.0) == [(trade, "trail")]


def test_a_trade_without_a_trail_keeps_its_stop_beside_one_that_has() -> None:
    marks = Marks()
    still, moving = opened(1, stop=2.0), opened(2, stop=2.0, trail=1.0)
    marks.add(still, SIZE)
    marks.add(moving, SIZE)
    marks.touch(105.0)
    marks.ratchet()
    marks.write_back()
    assert (still.stop_px, moving.stop_px) == (98.0, 104.0)


def test_a_horizon_counts_from_the_decision() -> None:
    marks = Marks()
    marks.add(opened(1, horizon_s=60.0), SIZE)
    assert marks.expired(T0 + 60 * NS_PER_S - 1) == []
    assert [t.trade_id for t in marks.expired(T0 + 60 * NS_PER_S)] == [1]


def test_who_takes_a_freed_row_keeps_everything_of_its_own() -> None:
    marks = Marks()
    first = opened(1, horizon_s=10.0)
    moved = opened(2, side=SELL, entry=90.0, stop=3.0, target=4.0, trail=2.0, horizon_s=60.0)
    marks.add(first, SIZE)
    marks.add(moved, SIZE)
    alone = Marks()
    alone.add(moved, SIZE)
    marks.remove(first, SIZE)
    for name in ("side", "stop", "target", "trail", "hi", "lo", "horizon"):
        assert getattr(marks, name)[0] == getattr(alone, name)[0], name
    assert marks.expired(T0 + 60 * NS_PER_S - 1) == []
    assert marks.expired(T0 + 60 * NS_PER_S) == [moved]


def test_hits_and_ends_come_oldest_first() -> None:
    marks = Marks()
    trades = [opened(i, horizon_s=1.0) for i in (5, 3, 9, 1)]
    for trade in trades:
        marks.add(trade, SIZE)
    marks.remove(trades[1], SIZE)
    marks.touch(50.0)
    assert [t.trade_id for t, _ in marks.reached(50.0)] == [1, 5, 9]
    assert [t.trade_id for t in marks.expired(T0 + NS_PER_S)] == [1, 5, 9]


def test_emptied_marks_want_nothing() -> None:
    marks = Marks()
    trade = opened(1)
    marks.add(trade, SIZE)
    marks.remove(trade, SIZE)
    assert not marks.touch(1e-9)
    assert not marks.touch(1e9)
    assert marks.total(123.0) == 0.0
    assert len(marks) == 0


class Unaimed(Marks):
    """Marks that look for the nearest levels when told to, so that many are added quickly."""

    def _aim(self) -> None:
        pass


def best_of(times: int, work: object) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()  # type: ignore[operator]
        best = min(best, time.perf_counter() - began)
    return best


def test_marking_a_hundred_thousand_trades_costs_a_few_comparisons() -> None:
    count = 100_000
    plan = ExitPlan(99.0, 10**18)
    marks, loop = Unaimed(), []
    for i in range(count):
        trade = make_trade(i + 1)
        trade.plan, trade.entry_px, trade.hi, trade.lo = plan, 100.0, 100.0, 100.0
        marks.add(trade, SIZE)
        loop.append(Naive(trade, 100.0, 100.0, 99.0))
    Marks._aim(marks)

    def columns() -> None:
        for i in range(1_000):
            marks.touch(100.0 + i * 1e-6)

    def objects() -> None:
        for one in loop:
            one.touch(100.5)
            one.reached(100.5)

    assert best_of(3, columns) / 1_000 * 30 < best_of(3, objects)
    assert marks.total(101.0) == pytest.approx(count * SIZE)


def test_a_stop_is_known_between_the_times_at_which_the_trade_learns_of_it() -> None:
    marks, trade = Marks(), opened(1, trail=0.5)
    assert marks.stop_of(trade) == trade.stop_px == 99.0
    marks.add(trade, SIZE)
    marks.touch(101.0)
    marks.ratchet()
    assert marks.stop_of(trade) == 100.5 and trade.stop_px == 99.0
    marks.remove(trade, SIZE)
    assert marks.stop_of(trade) == trade.stop_px == 100.5
