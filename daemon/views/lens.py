"""Everything the lenses say of one coin, for whoever asks the running daemon."""

from __future__ import annotations

from typing import Any

from daemon.engine.engine import Engine
from market.events import LensReading
from market.lenses import Lenses
from risk.alarm import Rule, judge
from risk.phase_space import PhaseSpace, Settings


def lens_view(engine: Engine, name: str) -> dict[str, Any]:
    """Return the readings, score, alarm and surge of a coin with the closes behind them.

    An unknown coin gives an `error` that names the known ones. `bar_ms` is the opening time of
    the newest minute, of `closes` as of the readings.
    """
    coin = engine.market.coins.get(name)
    if coin is None:
        return {"error": f"{name!r} is not traded here; there are {', '.join(engine.market.coins)}"}
    lenses, arrivals = coin.lenses, coin.arrivals
    minutes = coin.bars.series["1m"]
    raised, threshold = _alarm(engine, lenses)
    return {
        "coin": name,
        "now_ns": engine.vitals.now_ns,
        "closes": list(minutes.close),
        "bar_ms": minutes.start_ms[-1] if len(minutes) else 0,
        "readings": [_plain(r, lenses) for r in lenses.readings.values()],
        "composite": lenses.score,
        "composite_bar_ms": lenses.rank_bar_ms,
        "composite_reason": lenses.reason,
        "scores": list(lenses.scores.values),
        "flagged": raised,
        "threshold": threshold,
        "surge": arrivals.surge if arrivals.terms is not None else None,
        "burst": arrivals.burst,
    }


def _plain(reading: LensReading, lenses: Lenses) -> dict[str, Any]:
    return {
        "lens": reading.lens,
        "value": reading.value,
        "null_rank": reading.null_rank,
        "n": reading.n,
        "params": reading.params or "{}",
        "flags": list(reading.flags),
        "bar_ms": lenses.bar_ms,
        "rank_bar_ms": lenses.rank_bar_ms if reading.null_rank is not None else None,
    }


def _alarm(engine: Engine, lenses: Lenses) -> tuple[bool, float | None]:
    found = next((f for f in engine.branch.gate.filters if isinstance(f, PhaseSpace)), None)
    s = found.settings if found is not None else Settings()
    if lenses.score is None:
        return False, None
    rule = Rule(s.enter, s.leave, s.percentile, s.history_min)
    return judge(lenses.scores, lenses.rank_bar_ms, lenses.score, rule)
