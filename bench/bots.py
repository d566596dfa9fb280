"""Cost of each bot and division, on the market that the engine is measured on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.market import Stretch, stretch
from bench.result import Result
from bench.rounds import over_rounds, settled_gc
from bench.sides import Real
from daemon.engine.engine import Engine
from divisions.roster import DIVISIONS

HOOKS = ("on_book", "on_trades", "on_context", "on_bar")
DEAREST = 3
Hook = Callable[..., Any]


class Account:
    """Nanoseconds and calls of one bot."""

    def __init__(self) -> None:
        self.ns = 0
        self.calls = 0

    def charged(self, hook: Hook) -> Hook:
        """Return a hook that is charged to this account."""
        clock = time.perf_counter_ns

        def call(*arguments: Any) -> Any:
            began = clock()
            said = hook(*arguments)
            self.ns += clock() - began
            self.calls += 1
            return said

        return call


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Run the engine with a clock around every hook; the clock's own time is taken off."""
    market = market or stretch()
    found: dict[str, list[float]] = {}
    events = len(market.timed)
    divisions: dict[str, str] = {}
    calls: dict[str, int] = {}
    for _ in range(rounds):
        accounts, engine = one_round(market)
        own_ns = clock_cost_ns()
        for name, account in accounts.items():
            divisions[name] = engine.market.lanes[name].division
            calls[name] = account.calls
            spent = max(account.ns - account.calls * own_ns, 0.0)
            found.setdefault(name, []).append(spent / events)
    result = Result(
        f"Bots: nanoseconds of the average event, {len(market.coins)} coins, {len(found)} bots"
    )
    totals = [sum(each) for each in zip(*found.values(), strict=True)]
    result.figures.append(over_rounds("all bots, an event", totals, "ns"))
    for division in DIVISIONS:
        members = [found[name] for name in found if divisions[name] == division]
        sums = [sum(each) for each in zip(*members, strict=True)]
        result.figures.append(over_rounds(f"{division} ({len(members)} bots)", sums, "ns"))
    dearest = sorted(found, key=lambda name: -sum(found[name]))[:DEAREST]
    for rank, name in enumerate(dearest, 1):
        what = f"dearest {rank}: {name} ({divisions[name]})"
        result.figures.append(over_rounds(what, found[name], "ns"))
    for name in dearest:
        each = [ns * events / max(calls[name], 1) for ns in found[name]]
        result.figures.append(over_rounds(f"{name}, a call", each, "ns"))
    result.counts.append(f"{events:,} events, {sum(calls.values()):,} calls of bots")
    result.notes.append(
        "wall time inside the hooks less the clock's own; sizing, gate and ledger are not in it"
    )
    return result


def one_round(market: Stretch) -> tuple[dict[str, Account], Engine]:
    """Warm an engine, put a clock around its bots, run the timed part."""
    side = Real(market)
    for record in market.records[: market.warm]:
        side.take(record)
    engine = side.intake.engine
    accounts = {name: Account() for name in engine.market.lanes}
    for name, lane in engine.market.lanes.items():
        for hook in HOOKS:
            if lane.bot.hears(hook):
                setattr(lane.bot, hook, accounts[name].charged(getattr(lane.bot, hook)))
    engine.market.resubscribe()
    with settled_gc():
        for record in market.timed:
            side.take(record)
    return accounts, engine


def clock_cost_ns(times: int = 20_000) -> float:
    """Return what an empty hook is charged."""
    account = Account()
    call = account.charged(lambda: None)
    for _ in range(times):
        call()
    return account.ns / times
