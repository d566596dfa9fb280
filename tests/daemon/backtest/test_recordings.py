"""Real recordings: every limit's branch against a whole desk of its own."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from daemon.backtest.counterfactual import counterfactual
from daemon.config.load import parse
from daemon.engine.branches.side import side_of
from daemon.engine.engine import Engine
from daemon.engine.outcome import Outcome
from daemon.replay.player import Player
from daemon.version import code_version
from market.decision import Check, TradeKind
from shadow.store.rows import Rows
from tests.support.venue import recorded
from venue.hyperliquid.universe import load_instruments, source
from venue.tape.importer import Origin, import_recording, open_recording

RECORDINGS = (
    "hyperliquid_rec_20250901_07",
    "hyperliquid_rec_20250903",
    "hyperliquid_rec_20250904",
)
Change = Callable[[Engine], None]


class Kept:
    """A follower that keeps all rows; it may change an engine before its first event."""

    def __init__(self, change: Change | None = None) -> None:
        self.rows = Rows()
        self._change = change

    def begins(self, engine: Engine) -> None:
        """Change it."""
        if self._change is not None:
            self._change(engine)

    def absorb(self, outcome: Outcome) -> None:
        """Keep the rows."""
        self.rows.extend(outcome.rows)


def acting(name: str, *, refuses: bool) -> Change:
    """Return what makes a limit refuse what it fails and nothing else, or nothing at all."""

    def change(engine: Engine) -> None:
        filters = engine.branch.gate.filters
        at = next(i for i, f in enumerate(filters) if f.name == name)
        made: Any = copy(filters[at])
        made.mode = "enforce" if refuses else "observe"
        inner = made.check

        def check(*asked: Any) -> Check:
            said: Check = inner(*asked)
            return made.passed() if said.outcome == "no_data" else said

        if refuses:
            made.check = check
        filters[at] = made

    return change


def money(rows: list[Any]) -> list[tuple[Any, ...]]:
    return sorted(
        (t.opened_ns, t.closed_ns, t.qty_lots, t.entry_px, t.exit_px, t.net_e6, t.risk_e6)
        for t in rows
    )


def alone(tape: Path, change: Change) -> tuple[list[tuple[Any, ...]], int]:
    """Return trades and equity of a whole replay."""
    kept = Kept(change)
    player = Player(whole=True, follower=kept)
    player.play(tape)
    assert player.engine is not None
    branch = player.engine.branch
    branch.settlement.account.value()
    last = {u.trade_id: u for u in kept.rows.trade_updates if u.trade_id % 4 == TradeKind.PAPER}
    return (
        money([u for u in last.values() if u.status == "closed" and u.qty_lots]),
        branch.desk.equity_e6,
    )


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", RECORDINGS)
def test_every_branch_of_a_recording_is_a_whole_replay(name: str, tmp_path: Path) -> None:
    found = open_recording(recorded(name))
    coins = list(dict.fromkeys(stream.coin for stream in found.streams))
    config = parse({"coins": coins}, "test").resolved()
    tape = tmp_path / "tape"
    import_recording(found, tape, Origin(load_instruments(), source(), config, code_version()))
    kept = Kept()
    apart = Player(apart=True, follower=kept)
    apart.play(tape)
    assert apart.engine is not None
    apart.engine.desks.branches.value()
    differ = set()
    for side in apart.engine.desks.branches.sides:
        kind, limit = side.variant.kind, side.variant.filter
        if not limit:
            continue
        trades, equity_e6 = alone(tape, acting(limit, refuses=kind != "observed"))
        mine = [t for t in kept.rows.branch_trades if side_of(t.trade_id) == side.index]
        assert money(mine) == trades, side.variant.name
        assert side.desk.equity_e6 == equity_e6, side.variant.name
        if equity_e6 != apart.engine.branch.desk.equity_e6:
            differ.add(limit)
    result = counterfactual(tape)
    assert result.equal
    # A short recording may move no limit's value, only what missing data costs.
    worth = result.limits.items()
    assert differ == {name for name, of in worth if of.value_usd or of.missing_data_usd} != set()
