"""How often the caps bind: the default roster on the local world, in virtual time.

An episode is a signal that got a row of its own. A cap binds on it when it refuses it or cuts its
size. The loss limits only observe, for a latched desk fills no cap. Prints a row a cap; takes six
seconds an hour and coin:

    python -m tests.soak.caps --coins 8 --hours 24 --seeds 7,1,2,3,4
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import median
from typing import Any

from daemon.config.sections import DEFAULT_COINS
from shadow.store.rows import Rows
from tests.support import virtual

CAPS = ("position", "division", "exposure")
SEEDS = (7, 1, 2, 3, 4)


def bound(
    seed: int, coins: int, hours: float, gate: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Return the share of episodes that each cap binds on, and how many episodes there were."""
    others = [name for name in virtual.world(seed).instruments if name not in DEFAULT_COINS]
    config = {
        "shadow": {"enabled": False, "branches": False},
        "lens": {"enabled": False},
        "gate": {"drawdown": {"mode": "observe"}, **(gate or {})},
    }
    run = virtual.begin(seed=seed, coins=(*DEFAULT_COINS, *others)[:coins], config=config)
    binding: Counter[str] = Counter()
    episodes = 0
    for _ in range(round(hours * 60)):
        run.advance(60.0)
        for row in run.rows.signals:
            episodes += 1
            cut = {clamp["filter"] for clamp in json.loads(row.clamps or "[]")}
            binding.update((cut | set(row.failing.split(","))) & set(CAPS))
        run.rows = Rows()
        run.lines.clear()
    return {**{cap: binding[cap] / max(episodes, 1) for cap in CAPS}, "episodes": episodes}


def main() -> None:
    """Print the median over seeds, and the least and most, of each cap."""
    parser = argparse.ArgumentParser(description="how often the caps bind")
    parser.add_argument("--coins", type=int, default=8)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--gate", default="{}", help="settings of filters, as JSON")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    work = partial(bound, coins=asked.coins, hours=asked.hours, gate=json.loads(asked.gate))
    with ProcessPoolExecutor(asked.workers) as pool:
        found = list(pool.map(work, map(int, asked.seeds.split(","))))
    for name in CAPS:
        shares = [one[name] for one in found]
        print(f"| {name} | {median(shares):.1%} | {min(shares):.1%} | {max(shares):.1%} |")
    print(f"episodes: {', '.join(str(round(one['episodes'])) for one in found)}")


if __name__ == "__main__":
    main()
