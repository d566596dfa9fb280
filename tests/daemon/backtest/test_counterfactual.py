"""Counterfactuals of made tapes, against whole replays without each limit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from daemon.backtest.counterfactual import Counterfactual, Split, counterfactual
from daemon.engine.branches.side import side_of
from daemon.engine.engine import Engine
from daemon.engine.outcome import Outcome
from daemon.replay.player import Player
from market.decision import TradeKind
from market.errors import InputDamaged
from shadow.store.rows import Rows
from tests.daemon import rig
from tests.daemon.recordings import Recorder, first_head, record
from venue.tape.lines import SUFFIX

SECONDS = (80.0, 50.0)
LOSING = {"drawdown": {"daily_loss_share_max": 0.0004, "peak_loss_share_max": 0.001}}
SCENES: dict[str, dict[str, Any]] = {
    "tight": {"config": rig.TIGHT, "seed": 7},
    "losing": {"config": {"gate": {**rig.TIGHT["gate"], **LOSING}}, "seed": 9},
}
LONG = {
    f"{name} {seed}": {**SCENES[name], "seed": seed, "start_ms": rig.EVE_MS}
    for name in SCENES
    for seed in (7, 8, 9)
}


class Kept:
    """A follower that keeps all rows."""

    def __init__(self) -> None:
        self.rows = Rows()

    def begins(self, engine: Engine) -> None:
        """Every engine is as good as another."""

    def absorb(self, outcome: Outcome) -> None:
        """Keep the rows."""
        self.rows.extend(outcome.rows)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("tapes")

    @cache
    def tape(name: str) -> Path:
        if name in LONG:
            return record(root / name, seconds=(300.0, 300.0), **LONG[name]).folder
        return record(root / name, seconds=SECONDS, **SCENES[name]).folder

    return tape


@pytest.fixture(scope="module")
def found(tapes: Any) -> Any:
    return cache(lambda name: counterfactual(tapes(name)))


def splits(one: Any) -> list[Split]:
    d = one.differences
    own = [d.admitted, d.cooldown, d.drawdown, d.busy_slot, d.size, d.other]
    return own + list(d.other_cap.values())


@pytest.mark.parametrize(
    "scene", [*SCENES, *(pytest.param(s, marks=pytest.mark.long) for s in LONG)]
)
def test_what_the_differences_come_to_is_the_value_to_the_micro_dollar(
    found: Any, scene: str
) -> None:
    result: Counterfactual = found(scene)
    assert result.equal and result.traded and not result.changed and not result.damage
    assert sum(worth.value_usd != 0.0 for worth in result.limits.values()) >= 2
    for name, worth in result.limits.items():
        parts = splits(worth)
        total_e6 = sum(round(part.value_usd * 1e6) for part in parts)
        assert total_e6 == round(worth.value_usd * 1e6), name
        assert worth.differences.other == Split(0.0, 0.0, 0, 0), name
    # Desks differ by more than what the limit refused.
    assert any(worth.differences.size.value_usd for worth in result.limits.values())
    if scene.startswith("tight "):
        assert any(worth.differences.other_cap for worth in result.limits.values())
        assert any(worth.differences.busy_slot.value_usd for worth in result.limits.values())
    admitted = [w.differences.admitted for w in result.limits.values()]
    assert any(part.only_without for part in admitted) and not any(p.only_with for p in admitted)


def money(rows: list[Any]) -> list[tuple[Any, ...]]:
    return sorted(
        (t.opened_ns, t.closed_ns, t.qty_lots, t.entry_px, t.exit_px, t.net_e6, t.risk_e6)
        for t in rows
    )


@pytest.mark.parametrize(
    "scene", ["tight", *(pytest.param(s, marks=pytest.mark.long) for s in LONG)]
)
def test_a_limit_off_in_one_pass_is_the_whole_tape_replayed_without_it(
    found: Any, tapes: Any, scene: str
) -> None:
    """The oracle: trades and equity of an engine that never knew the limit."""
    kept = Kept()
    apart = Player(apart=True, follower=kept)
    apart.play(tapes(scene))
    assert apart.engine is not None
    result: Counterfactual = found(scene)
    for name, worth in result.limits.items():
        if worth.mode != "enforce" or not worth.value_usd:
            continue
        alone = Kept()
        player = Player(without=[name], whole=True, follower=alone)
        player.play(tapes(scene))
        assert player.engine is not None
        last = {u.trade_id: u for u in alone.rows.trade_updates}
        whole = [
            u
            for u in last.values()
            if u.trade_id % 4 == TradeKind.PAPER and u.status == "closed" and u.qty_lots
        ]
        (side,) = (
            s for s in apart.engine.desks.branches.sides if s.variant.name == f"observed {name}"
        )
        mine = [t for t in kept.rows.branch_trades if side_of(t.trade_id) == side.index]
        assert money(mine) == money(whole), name
        assert worth.trades_without == len(whole)
        player.engine.branch.settlement.account.value()
        desk = player.engine.branch.desk
        without_usd = result.base.net_usd - worth.missing_data_usd - worth.value_usd  # type: ignore[operator]
        assert round((without_usd - (desk.equity_e6 - desk.start_e6) / 1e6) * 1e6) == 0, name


def test_phantoms_are_those_that_the_limit_alone_refused(found: Any, tapes: Any) -> None:
    kept = Kept()
    player = Player(follower=kept)
    player.play(tapes("tight"))
    assert player.engine is not None
    closed = {u.trade_id: u.net_e6 for u in kept.rows.trade_updates if u.net_e6 is not None}
    still = player.engine.branch.ledger.trades
    for name, worth in found("tight").limits.items():
        if worth.mode != "enforce":
            continue
        ids = [s.signal_id * 4 + TradeKind.PHANTOM for s in kept.rows.signals if s.sole == name]
        total = sum(closed.get(i) or 0 for i in ids)
        for trade in (still[i] for i in ids if i in still and still[i].filled_lots):
            coin = player.engine.market.coins[trade.coin]
            total += trade.mark_e6(coin.book.mid, coin.instrument)
        assert round(worth.phantoms_usd * 1e6) == total, name
    assert any(worth.phantoms_usd for worth in found("tight").limits.values())


def test_a_tape_recorded_without_branches_is_counted_all_the_same(
    found: Any, tmp_path: Path
) -> None:
    config = {**rig.TIGHT, "shadow": {"branches": False}}
    tape = record(tmp_path / "tape", seconds=SECONDS, config=config, seed=7).folder
    assert counterfactual(tape).limits == found("tight").limits


@pytest.mark.parametrize("why", ["SIGTERM", ""])
def test_desks_go_on_across_a_restart_and_begin_anew_under_other_limits(
    why: str, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path / "tape")
    recorder._head = first_head(recorder)
    recorder.scene.advance(100, reads=4)
    recorder.close(why)
    recorder.restart(30)
    recorder.scene.advance(60)
    recorder.close("SIGTERM")
    first, whole = counterfactual(recorder.paths[0]), counterfactual(recorder.folder)
    assert whole.from_ns == first.from_ns and whole.to_ns > first.to_ns and not whole.changed
    assert whole.base.net_usd != first.base.net_usd != 0.0
    assert any(worth.value_usd for worth in whole.limits.values())
    for worth in whole.limits.values():
        total_e6 = sum(round(part.value_usd * 1e6) for part in splits(worth))
        assert total_e6 == round(worth.value_usd * 1e6)
    if not why:
        return
    recorder.settings["config"] = {
        "gate": {**rig.TIGHT["gate"], "disagreement": {"mode": "enforce"}}
    }
    recorder.restart(5)
    recorder.scene.advance(40)
    recorder.close("SIGTERM")
    last = counterfactual(recorder.folder)
    assert (
        last.changed
        and last.from_ns > whole.to_ns
        and last.limits["disagreement"].mode == "enforce"
    )


def test_progress_rises_to_the_end(tapes: Any) -> None:
    told: list[float] = []
    counterfactual(tapes("tight"), progress=told.append)
    assert told == sorted(told) and told[0] < 0.5 < told[-1] <= 1.0


def test_what_is_there_of_a_damaged_tape_is_told(tapes: Any, tmp_path: Path) -> None:
    paths = sorted(tapes("tight").iterdir())
    for path in paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    first = tmp_path / paths[0].name
    first.write_bytes(first.read_bytes()[:-1000])
    found = counterfactual(tmp_path)
    assert len(found.damage) == 1 and found.limits
    with pytest.raises(InputDamaged):
        counterfactual(tmp_path / "nowhere")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / f"00000000000001-x{SUFFIX}").write_bytes(b"hello")
    with pytest.raises(InputDamaged):
        counterfactual(tmp_path / "none")
