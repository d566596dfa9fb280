"""How long is a signal under way to its decision, in code and data that have gone cold?

Live, seconds pass between signals, and by then everything an admission needs has left the
processor's caches. Here they are swept before each signal. Nothing leaves this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np

from bench.market import Stretch, fresh_intake, nowhere, stretch
from bench.result import Result
from bench.rounds import over_rounds, percentile, settled_gc
from daemon.engine import market_half
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from market.decision import Signal

T = TypeVar("T")

# What is swept through before a signal: beyond the caches of a core, not all of a shared one.
SWEEP_BYTES = 24_000_000
# Signals of one run, so that a market of fifty coins takes no longer than one of eight.
SIGNALS = 300
STAGES = ("vetting", "vote", "sizing", "direction", "liquidity", "other filters", "rest")


class Watch:
    """Microseconds by stage, each without the stages within it, of one signal after another."""

    def __init__(self, *, cold: bool) -> None:
        self.found: dict[str, list[float]] = {}
        self.signals = 0
        self.judged = False
        self._sweep = np.zeros(SWEEP_BYTES // 8) if cold else np.zeros(1)
        self._within: list[int] = []
        self._stages: dict[str, int] = {}

    def note(self, what: str, ns: float) -> None:
        """Keep how long something took."""
        self.found.setdefault(what, []).append(ns / 1e3)

    def stage(self, name: str, call: Callable[..., T]) -> Callable[..., T]:
        """Return a call whose own time counts to a stage."""

        @wraps(call)
        def timed(*arguments: Any, **named: Any) -> T:
            self._within.append(0)
            began = time.perf_counter_ns()
            try:
                return call(*arguments, **named)
            finally:
                spent = time.perf_counter_ns() - began
                own = spent - self._within.pop()
                self._stages[name] = self._stages.get(name, 0) + own
                if self._within:
                    self._within[-1] += spent

        return timed

    def signal(self, act: Callable[..., None]) -> Callable[..., None]:
        """Return the market half's act with a clock around it, for signals that are judged."""

        def timed(lane: Any, coin: Any, action: Any) -> None:
            self._sweep += 1.0
            self._stages.clear()
            self.judged = False
            began = time.perf_counter_ns()
            act(lane, coin, action)
            spent = time.perf_counter_ns() - began
            if self.judged and isinstance(action, Signal):
                self.signals += 1
                self.note("decision", spent)
                for name, own in self._stages.items():
                    self.note(name, own)
                self.note("rest", spent - sum(self._stages.values()))

        return timed

    def judge(self, call: Callable[..., T]) -> Callable[..., T]:
        """Return the gate's judge, noting that it was asked."""

        def noted(*arguments: Any) -> T:
            self.judged = True
            return call(*arguments)

        return noted

    def take(self, call: Callable[[], Outcome]) -> Callable[[], Outcome]:
        """Return the end of a step with a clock around it, for steps that wrote a signal down."""

        def timed() -> Outcome:
            began = time.perf_counter_ns()
            outcome = call()
            if outcome.rows.signals:
                self.note("rows", (time.perf_counter_ns() - began) / len(outcome.rows.signals))
            return outcome

        return timed


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Hear the same signals cold and hot, whole and by stage."""
    market = market or stretch()
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, cold, staged in (
            ("cold", True, False),
            ("stage", True, True),
            ("hot", False, False),
        ):
            watch = hear(market, cold=cold, staged=staged)
            for name, spent in watch.found.items():
                found.setdefault(f"{what} {name}", []).append(percentile(spent, 0.5))
    result = Result("Admission: from a bot's signal to the desk's decision")
    result.figures = [
        over_rounds("cold, a signal to its decision, p50", found["cold decision"], "us"),
        *(
            over_rounds(f"of that {name}, p50", found[f"stage {name}"], "us")
            for name in STAGES
            if f"stage {name}" in found
        ),
        over_rounds("rows and digest behind it, a written signal, p50", found["cold rows"], "us"),
        over_rounds("hot, a signal to its decision, p50", found["hot decision"], "us"),
    ]
    result.counts = [f"{watch.signals} signals judged, {len(watch.found['rows'])} steps wrote any"]
    result.notes = [
        f"cold: {SWEEP_BYTES / 1e6:.0f} MB are swept through the caches before each signal",
        "stages are timed in runs of their own, each with its clock, so they add up to more",
        "rows are encoded once every intent of the step is out; the digest is made of them",
    ]
    return result


def hear(market: Stretch, *, cold: bool, staged: bool) -> Watch:
    """Return what a fresh engine took over the first signals of the timed stretch."""
    intake = fresh_intake(market, nowhere, nowhere)
    for record in market.records[: market.warm]:
        intake.replay(record)
    watch = Watch(cold=cold)
    with _watched(intake, watch, staged=staged), settled_gc():
        for record in market.timed:
            intake.replay(record)
            if watch.signals >= SIGNALS:
                break
    return watch


@contextmanager
def _watched(intake: Intake, watch: Watch, *, staged: bool) -> Iterator[None]:
    """Put clocks around an engine's stages."""
    engine = intake.engine
    half, branch, out = engine.market, engine.branch, engine.out
    vars(half)["_act"] = watch.signal(half._act)
    vars(out)["take"] = watch.take(out.take)
    vet = market_half.vet_action
    if staged:
        for f in branch.gate.filters:
            apart = f.name in ("direction", "liquidity")
            vars(f)["check"] = watch.stage(f.name if apart else "other filters", f.check)
        vars(half)["vote"] = watch.stage("vote", half.vote)
        admission = branch.admission
        vars(admission)["_propose"] = watch.stage("sizing", admission._propose)
        vet = watch.stage("vetting", vet)
    vars(branch.gate)["judge"] = watch.judge(branch.gate.judge)
    with patch.object(market_half, "vet_action", vet):
        yield
