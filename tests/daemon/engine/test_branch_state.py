"""Branches killed at any moment come back whole, or say that they could not."""

from __future__ import annotations

import msgspec
import pytest

from daemon.engine import branch_state, snapshot
from market.errors import InvariantBroken
from market.events import Timer
from shadow.ledger.trade import age
from tests.daemon import rig
from tests.daemon.rig import Fresh
from tests.support.engines import NOW_NS, recorded

pytestmark = pytest.mark.xdist_group("eventful market")


class Disk:
    """The durable pieces as last committed."""

    def __init__(self) -> None:
        self.pieces: dict[str, str] = {}

    def commit(self, made: Fresh) -> None:
        for name, text in snapshot.durable(made.engine).items():
            if text is None:
                self.pieces.pop(name, None)
            else:
                self.pieces[name] = text


def plain(made: Fresh) -> dict[str, object]:
    """Return the branches' whole state but for what a restart learns afresh."""
    found = msgspec.to_builtins(branch_state.whole(made.engine.desks))
    assert isinstance(found, dict)
    trades = made.engine.desks.branches.ledger.trades
    found["trades"] = [msgspec.to_builtins(trades[trade_id]) for trade_id in sorted(trades)]
    for trade in found["trades"]:
        trade["gap_ns"] = trade["hi"] = trade["lo"] = trade["stop_px"] = trade["mark_px"] = 0
    for name in ("marked_ns", "suspended_ns", "rates"):
        del found[name]
    return found


@pytest.mark.parametrize(("share", "step"), [(0.3, 211), (0.9, 1_500)])
def test_what_was_committed_is_all_there_is_after_a_kill(share: float, step: int) -> None:
    """Committed now and then, so that every piece that changes has to be noticed."""
    made, disk, records = rig.again(rig.eventful(7)), Disk(), recorded(7)
    end = int(share * len(records))
    for first in range(0, end, step):
        made.play(records[first : min(first + step, end)])
        disk.commit(made)
    other = rig.again(rig.eventful(7))
    snapshot.recover(other.engine, disk.pieces, 1)
    assert plain(other) == plain(made)


def test_a_lost_state_is_a_fresh_fork_and_an_alarm_of_its_own() -> None:
    made, disk = rig.again(rig.eventful(7)), Disk()
    made.play(recorded(7)[:2_000])
    disk.commit(made)
    left = {k: v for k, v in disk.pieces.items() if not k.startswith("branches")}
    other = rig.again(rig.eventful(7))
    snapshot.recover(other.engine, left, 1)
    rows = other.engine.step(Timer(NOW_NS)).rows
    assert {row.why for row in rows.branches} == {"the state of the branches was missing"}
    (alarm,) = rows.branch_alarms
    assert "missing" in alarm.message and rows.alarms == []
    desk = other.engine.branch.desk
    assert all(side.desk == desk for side in other.engine.desks.branches.sides)


def test_an_older_state_without_branches_begins_them_without_an_alarm() -> None:
    other = rig.again(rig.eventful(7))
    older = msgspec.json.encode({"seq": 9, "now_ns": NOW_NS, "venue_ns": NOW_NS}).decode()
    snapshot.recover(other.engine, {"vitals": older}, 1)
    rows = other.engine.step(Timer(NOW_NS)).rows
    assert {row.why for row in rows.branches} == {"first"} and not rows.branch_alarms


def test_a_restart_under_another_configuration_forks_when_the_day_ends() -> None:
    made, disk = rig.again(rig.eventful(7)), Disk()
    made.play(recorded(7)[:500])
    disk.commit(made)
    config = {**rig.eventful(7).run.config, "seed": 8}
    other = rig.fresh(config, rig.BUSY)
    snapshot.recover(other.engine, disk.pieces, 1)
    assert other.engine.desks.booking.forks.due == "the configuration changed"
    assert not other.engine.desks.booking.waits


def test_branches_of_other_limits_than_before_are_forked_at_once() -> None:
    made, disk = rig.again(rig.eventful(7)), Disk()
    made.play(recorded(7)[:500])
    disk.commit(made)
    gate = {**rig.TIGHT["gate"], "disagreement": {"mode": "off"}}
    other = rig.fresh({**rig.eventful(7).run.config, "gate": gate}, rig.BUSY)
    snapshot.recover(other.engine, disk.pieces, 1)
    assert other.engine.desks.booking.waits
    rows = other.engine.step(Timer(NOW_NS)).rows
    assert {row.why for row in rows.branches} == {"the configuration changed"}
    assert rows.branch_alarms == []


def test_branches_of_a_tape_go_on_in_another_engine() -> None:
    made = rig.again(rig.eventful(7))
    made.play(recorded(7)[:2_500])
    other = rig.again(rig.eventful(7))
    branch_state.carry(made.engine.desks, other.engine.desks)
    assert msgspec.to_builtins(branch_state.whole(other.engine.desks)) == msgspec.to_builtins(
        branch_state.whole(made.engine.desks)
    )


def test_trades_that_are_alike_are_written_once_and_come_back_as_everybody_s() -> None:
    made = rig.again(rig.eventful(7))
    made.play(recorded(7)[:2_500])
    branches = made.engine.desks.branches
    trades = sorted(branches.ledger.trades.values(), key=age)
    held = branch_state.packed(branches, trades)
    written = [(trade, branches.holdings.holders[trade.trade_id]) for trade in trades]
    assert sum(mask.bit_count() for _, mask in written) > 5 * len(held)
    read = msgspec.json.decode(msgspec.json.encode(held), type=list[branch_state.Held])
    assert branch_state.unpacked(read) == written
    two = [branch_state.Held(msgspec.structs.replace(trades[0], trade_id=9), m) for m in (6, 9)]
    sizes = [(trade.trade_id, mask) for trade, mask in branch_state.unpacked(two)]
    assert sizes == [(9 * 64, 9), (9 * 64 + 1, 6)], "one signal, in two sizes"


def test_a_coin_that_only_a_branch_holds_is_held() -> None:
    """Else the next start would not know the coin its trade is on."""
    made, disk = rig.again(rig.eventful(7)), Disk()
    made.play(recorded(7)[:2_500])
    disk.commit(made)
    theirs = {k: v for k, v in disk.pieces.items() if k.startswith("branches")}
    trades = branch_state.held_in(theirs)
    assert snapshot.held_coins(theirs).keys() == {trade.coin for trade, _ in trades} != set()
    (coin, *_) = sorted({trade.coin for trade, _ in trades})
    less = rig.fresh(rig.eventful(7).run.config, [c for c in rig.BUSY if c != coin]).engine
    with pytest.raises(InvariantBroken, match="branches hold trades on"):
        branch_state.recover(less.desks, theirs, {}, less.out)


@pytest.mark.parametrize(("share", "step"), [(0.3, 211), (0.7, 1_500)])
def test_after_a_kill_the_branch_that_toggles_nothing_is_still_the_desk(
    share: float, step: int
) -> None:
    """At every event, from the first on, when no book has come yet and only old marks stand."""
    made, disk, records = rig.again(rig.eventful(7)), Disk(), recorded(7)
    end = int(share * len(records))
    for first in range(0, end, step):
        made.play(records[first : min(first + step, end)])
        disk.commit(made)
    made.play(records[end : end + step // 2])
    other = rig.again(rig.eventful(7))
    snapshot.recover(other.engine, disk.pieces, 1)
    desks = other.engine.desks
    own = desks.main.settlement.real
    assert own and desks.main.desk == desks.branches.sides[0].desk
    for record in records[end + step : end + step + 3_000]:
        other.play([record])
        desks.main.settlement.account.value()
        desks.branches.value()
        assert desks.main.desk == desks.branches.sides[0].desk
