"""Faults drawn from a seed.

Beginnings are a Poisson process, kinds are drawn evenly, so the same seed draws the same faults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from venue.local.faults.fault import Fault, discover
from venue.local.market.dice import share_of

GAP_S = 20.0
UNTIL_S = 86_400.0
FOR_S_MIN = 1.0
FOR_S_MAX = 8.0


def drawn(
    seed: int, gap_s: float = GAP_S, until_s: float = UNTIL_S, names: Sequence[str] = ()
) -> list[Fault]:
    """Return faults up to `until_s` after the start, one every `gap_s` on average."""
    kinds = {n: k for n, k in discover().items() if (n in names if names else k.by_chance)}
    choice = list(kinds.values())
    faults: list[Fault] = []
    at_s = 0.0
    while choice:
        number = len(faults)
        at_s -= gap_s * math.log1p(-share_of("faults", seed, number, "gap"))
        if at_s > until_s:
            break
        kind = choice[int(share_of("faults", seed, number, "kind") * len(choice))]
        length = FOR_S_MIN + (FOR_S_MAX - FOR_S_MIN) * share_of("faults", seed, number, "length")
        faults.append(kind(at_s=round(at_s, 3), for_s=round(length, 3)))
    return faults
