"""Gnomon's side live: ORDER as JSON, one line of JSON back.

The feed, session, intake and engine are the daemon's, on a market that has warmed all of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import loopback
from bench.market import stretch, warm_intake
from bench.peers import feed
from bench.peers.ours import Ema, Pair, counts, crewed
from daemon.config.load import parse
from divisions.bot import plan
from market.coin import Coin
from market.decision import Signal
from market.view import View

# Caps far off, so that the gate is asked and says yes; and trades so short that a bot is through
# with one when its next turn comes.
CONFIG: dict[str, Any] = {
    "coins": [feed.COIN],
    "fills": {"latency_ms": 50.0},
    "gate": {
        "direction": {"oppose_max": 1.0},
        "exposure": {"gross_cap_share": 50.0, "net_cap_share": 50.0},
        "position": {"coin_cap_share": 10.0},
        "division": {"division_cap_share": 10.0},
        "cooldown": {"rest_s": 0.0},
    },
}
HOLD_S = 0.1
CONVICTION = 0.01


class Trader(Ema):
    """The same bot with signals, when it is its turn."""

    def on_book(self, memory: Pair, coin: Coin, view: View) -> Signal | None:
        """Take the mid."""
        super().on_book(memory, coin, view)
        if memory.calls % feed.ORDER_EVERY or not feed.is_turn(memory.calls, self.number):
            return None
        side = 1 if self.number % 2 else -1
        exits = plan(coin, side, stop=0.01 * coin.book.mid, horizon_s=HOLD_S)
        return Signal(coin.name, side, CONVICTION, exits, "its turn")

    def rearm_ns(self) -> int:
        """Begin a new episode whenever the last one is over."""
        return 1


def clocked(call: Callable[..., Any], waits: list[float]) -> Callable[..., Any]:
    """Return a call that notes how many microseconds it took."""
    clock = time.perf_counter_ns

    def measured(*arguments: Any) -> Any:
        began = clock()
        found = call(*arguments)
        waits.append((clock() - began) / 1e3)
        return found

    return measured


def live(order: dict[str, Any]) -> dict[str, Any]:
    """Listen to a sender as the daemon does; return how long each decision took."""
    market = stretch(1)
    warm = warm_intake(replace(market, config=parse(CONFIG, "bench").resolved()))
    engine = crewed(warm.engine, Trader)
    admission: list[float] = []
    gate: list[float] = []
    vars(engine.branch.admission)["hear"] = clocked(engine.branch.admission.hear, admission)
    vars(engine.branch.gate)["judge"] = clocked(engine.branch.gate.judge, gate)
    raws = feed.read(Path(order["path"]))
    loop = loopback.loops()["uvloop"]
    before = engine.vitals.admitted
    heard = loopback.listen(warm, market.coins, raws, loop, order["rate"], order["count"])
    return {
        "events": order["count"] - heard.skipped,
        "skipped": heard.skipped,
        "cpu_us": heard.cpu_us,
        "quote_us": heard.latencies_us,
        "order_us": heard.decisions_us,
        "admission_us": admission,
        "gate_us": gate,
        "admitted": engine.vitals.admitted - before,
        **counts(engine),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(live(json.loads(sys.argv[1]))) + "\n")
