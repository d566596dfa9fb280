from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.engine import snapshot
from daemon.engine.trials import CHALLENGER, CONTROL, arm_name
from market.events import TradesUpdate
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.support.learning import DAY_MS
from tests.support.rows import without
from tests.support.shadow import T0_MS, Stage, rows_of
from tests.support.trials import begin, end, round_trip, season, stage_of

NAMES = {arm_name("dial", 1, CONTROL), arm_name("dial", 1, CHALLENGER)}


def arms_of(stage: Stage) -> set[str]:
    return {arm.name for arm in stage.engine.market.bench.arms}


def opened(stage: Stage) -> list[tuple[Any, ...]]:
    return [row for row in stage.rows.trades if row.cause == "trial"]


def test_both_arms_run_beside_the_bot_as_phantoms_of_their_trial() -> None:
    stage = stage_of()
    assert stage.command("trial", begin()).startswith("trial 1 of dial began")
    round_trip(stage, (0.5, 1.0))
    rows = opened(stage)
    assert {row.bot for row in rows} == NAMES == arms_of(stage)
    assert {(row.kind, row.trial_id) for row in rows} == {("phantom", 1)}
    exits = {row.trade_id: row for row in stage.rows.trade_updates if row.status == "closed"}
    held = {row.bot: exits[row.trade_id].closed_ns - exits[row.trade_id].opened_ns for row in rows}
    assert held["dial#1-challenger"] > held["dial#1-control"]
    control = exits[next(row.trade_id for row in rows if row.bot == "dial#1-control")]
    challenger = exits[next(row.trade_id for row in rows if row.bot == "dial#1-challenger")]
    assert challenger.r > control.r > 0.0


def test_a_trial_changes_nothing_for_the_bot_itself() -> None:
    plain, tried = stage_of(), stage_of()
    tried.command("trial", begin())
    for stage in (plain, tried):
        season(stage, range(3), [(0.5, 1.0), (-0.5, 0.2), (0.1, -0.3)])
    own = [r for r in tried.rows.trades if r.cause != "trial"]
    assert own and len(own) == len(plain.rows.trades)
    ids = {row.trade_id for row in own}
    updates = [u for u in tried.rows.trade_updates if u.trade_id in ids]
    # Ids count events, and the command is one.
    ours, theirs = (
        [without(u, "later_trade_id", "trade_id") for u in rows]
        for rows in (updates, plain.rows.trade_updates)
    )
    assert ours == theirs
    assert tried.rows.signals != []
    assert len(tried.rows.signals) == len(plain.rows.signals)


def test_it_is_in_no_statistic_no_weight_no_vote_and_no_count() -> None:
    plain, tried = stage_of(), stage_of()
    tried.command("trial", begin())
    for stage in (plain, tried):
        season(stage, range(3), [(0.5, 1.0), (-0.5, 0.2), (0.1, -0.3)])
    assert tried.rows.rollups == plain.rows.rollups
    assert tried.rows.weights == plain.rows.weights
    assert tried.rows.returns == plain.rows.returns
    assert tried.rows.checks != [] and len(tried.rows.checks) == len(plain.rows.checks)
    assert tried.engine.weighing.fresh == plain.engine.weighing.fresh
    assert set(tried.engine.market.lanes) == set(plain.engine.market.lanes) == {"dial"}
    assert tried.engine.market.idle_bots() == plain.engine.market.idle_bots()
    assert not any("#" in bot for held in tried.engine.market.opinions.values() for bot in held)
    for name in ("admitted", "blocked", "phantoms"):
        assert getattr(tried.engine.vitals, name) == getattr(plain.engine.vitals, name)


def test_an_opinion_that_persists_is_one_episode_of_an_arm_too() -> None:
    stage = stage_of()
    stage.command("trial", begin())
    stage.book()
    for _ in range(5):
        stage.wait(1)
        stage.step(TradesUpdate("SOL", []))
    assert len(opened(stage)) == 2
    round_trip(stage, (0.1, 0.1))
    stage.wait(0.5)
    stage.step(TradesUpdate("SOL", []))
    # Silent for longer than a bar since the closes, both may speak again.
    assert len(opened(stage)) == 4


def test_arms_trade_at_unit_weight() -> None:
    stage = stage_of()
    stage.engine.weighing.weights.divisions["trend"] = 2.0
    stage.command("trial", begin())
    round_trip(stage, (0.1, 0.1))
    asked = {row.bot: row.asked_lots for row in stage.rows.trades if row.kind == "phantom"}
    real = next(row.asked_lots for row in stage.rows.trades if row.kind == "paper")
    assert len(NAMES) == 2
    for name in NAMES:
        assert asked[name] == pytest.approx(real / 2, abs=1)


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        (begin("taker_bps", 0.0), "is no change dial declares"),
        (begin("hold_s", 45), "is no change dial declares"),
        (begin("hold_s", 60), "is no change dial declares"),
        (begin(trial_id=0), "the next trial is number 1"),
        (begin().replace("dial", "gate"), "no bot 'gate'"),
        (end(), "trial 1 is not running"),
        ("{}", "either a start or an end"),
        ("nonsense", "malformed"),
        (json.dumps({"fees": {"taker_bps": 0}}), "unknown field"),
        (json.dumps({"end": {"trial_id": 1, "decision": "adopt", "naive_decision": "keep"}}), ""),
    ],
)
def test_what_is_no_step_of_a_trial_is_refused_and_changes_nothing(argument: str, why: str) -> None:
    stage = stage_of()
    stage.second()
    before = snapshot.whole(stage.engine)
    reply = stage.command("trial", argument)
    assert reply.startswith("refused: ") and why in reply
    after = msgspec.json.decode(snapshot.whole(stage.engine))
    told = msgspec.json.decode(before)
    for found in (told, after):
        found.pop("vitals")
    assert after == told
    assert not stage.rows.experiments and not stage.rows.decisions


def test_a_trial_leaves_bots_gate_fees_and_weights_alone() -> None:
    stage = stage_of()
    engine = stage.engine
    params = engine.market.lanes["dial"].bot.params
    stage.second()
    policy = engine.branch.books.identity.policy_hash
    weights = msgspec.json.encode(engine.weighing.weights)
    stage.command("trial", begin())
    assert engine.market.lanes["dial"].bot.params is params and params.hold_s == 60
    assert engine.branch.books.identity.policy_hash == policy
    assert msgspec.json.encode(engine.weighing.weights) == weights
    assert [f.mode for f in engine.branch.gate.filters] == ["enforce"]
    built = {arm.name: arm.bot.params for arm in engine.market.bench.arms}
    assert built["dial#1-control"] == params
    assert built["dial#1-challenger"].hold_s == 600


def test_one_at_a_time_thirty_whole_days_and_the_next_number() -> None:
    stage = stage_of()
    stage.wait(3600)
    stage.command("trial", begin())
    assert "trial 1 is running" in stage.command("trial", begin(trial_id=2))
    trial = stage.engine.market.bench.state.running
    assert trial is not None
    assert (trial.first_ms, trial.ends_ms) == (T0_MS + DAY_MS, T0_MS + 31 * DAY_MS)
    stage.wait_until(31 * DAY_MS - 1000)
    assert "has not seen its 30 days" in stage.command("trial", end())
    stage.wait_until(31 * DAY_MS)
    assert stage.command("trial", end()) == "trial 1 of dial ended: revert"
    assert not stage.engine.market.bench.arms and stage.engine.market.bench.state.running is None
    assert "the next trial is number 2" in stage.command("trial", begin(trial_id=1))
    assert stage.command("trial", begin(trial_id=2)).startswith("trial 2 of dial began")


def test_the_register_holds_what_was_planned_and_what_came(tmp_path: Path) -> None:
    stage = stage_of()
    stage.open_store(tmp_path / "gnomon.db")
    stage.command("trial", begin(level=0.025, sharpe=-0.2))
    season(stage, range(3), [(0.5, 1.0)] * 3)
    stage.commit()
    stage.wait_until(31 * DAY_MS)
    stage.command("trial", end(p=0.5))
    stage.commit()
    (row,) = rows_of(tmp_path / "gnomon.db", "SELECT * FROM experiment")
    assert json.loads(row["change"]) == {"name": "hold_s", "from": 60, "to": 600}
    assert json.loads(row["detail"])["level"] == 0.025
    assert json.loads(row["result"]) == {"p": 0.5}
    assert (row["decision"], row["naive_decision"]) == ("revert", "keep")
    assert row["control_hash"] != row["challenger_hash"]
    assert row["ended_ns"] - row["started_ns"] >= 30 * DAY_MS * 1_000_000
    with closing(open_readonly(tmp_path / "gnomon.db")) as db:
        assert broken_promises(db) == []
    assert not any("#" in name for name in stage.engine.branch.keys)


def test_an_arm_that_raises_silences_both_and_cannot_win() -> None:
    stage = stage_of()
    stage.command("trial", begin("breaks", 1))
    round_trip(stage, (0.1, 0.1))
    stage.wait(100)
    stage.step(TradesUpdate("SOL", []))
    assert stage.engine.market.bench.arms == []
    assert not stage.engine.market.lanes["dial"].fault
    trial = stage.engine.market.bench.state.running
    assert trial is not None and "tuned to break" in trial.fault
    assert "an arm of trial 1 failed" in stage.command("trial", end("keep"))
    assert stage.command("trial", end()).endswith("revert")


def test_without_the_shadow_there_is_no_trial() -> None:
    stage = stage_of(shadow=False)
    assert "switched off" in stage.command("trial", begin())


def test_an_engine_from_a_whole_state_goes_on_alike() -> None:
    stage = stage_of()
    stage.command("trial", begin())
    season(stage, range(2), [(0.5, 1.0), (-0.5, 0.2)])
    other = stage_of(now_ns=stage.now_ns)
    snapshot.restore(other.engine, snapshot.whole(stage.engine))
    assert arms_of(other) == NAMES
    for one in (stage, other):
        season(one, range(2, 5), [(0.5, 1.0), (-0.5, 0.2), (0.1, 0.1)])
    assert other.engine.digest == stage.engine.digest
    assert snapshot.whole(other.engine) == snapshot.whole(stage.engine)


def test_a_killed_run_takes_its_trial_up_again(tmp_path: Path) -> None:
    stage = stage_of()
    store = stage.open_store(tmp_path / "gnomon.db")
    stage.command("trial", begin())
    season(stage, range(2), [(0.5, 1.0), (-0.5, 0.2)])
    stage.commit()
    other = stage_of(now_ns=stage.now_ns)
    assert snapshot.recover(other.engine, store.state(), 0) == []
    assert arms_of(other) == NAMES
    assert other.engine.market.bench.state == stage.engine.market.bench.state
    season(other, range(3, 4), [(0.5, 1.0)])
    assert {row.bot for row in opened(other)} == NAMES


def test_a_bot_that_is_gone_leaves_a_trial_that_can_end(tmp_path: Path) -> None:
    stage = stage_of()
    store = stage.open_store(tmp_path / "gnomon.db")
    stage.command("trial", begin())
    stage.commit()
    other = Stage(now_ns=stage.now_ns)
    assert snapshot.recover(other.engine, store.state(), 0) == []
    assert other.engine.market.bench.arms == []
    other.wait_until(31 * DAY_MS)
    assert other.command("trial", end()).endswith("revert")


def test_parameters_a_bot_lost_since_are_a_fault() -> None:
    stage = stage_of()
    stage.command("trial", begin())
    raw = snapshot.whole(stage.engine).replace(b'"hold_s":600', b'"hold_s":60000')
    other = stage_of(now_ns=stage.now_ns)
    snapshot.restore(other.engine, raw)
    assert other.engine.market.bench.arms == []
    assert other.engine.market.bench.state.running is not None
    assert "other parameters" in other.engine.market.bench.state.running.fault
