"""Drift of the predicted funding rate."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Action, Bot, Positive, Seconds, less, plan
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from market.view import View

Samples = Annotated[float, Meta(ge=1.0, le=100_000.0)]


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`fast` and `slow` in samples, `entry_bps_h` a rate; `stop_days` in daily volatilities."""

    fast: Samples = 5.0
    slow: Samples = 60.0
    entry_bps_h: Positive = 0.1
    sample_s: Seconds = 30.0
    stop_days: Positive = 0.25
    horizon_s: Seconds = 7_200.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "fast", "slow")


class Memory(Struct):
    """Both averages in bps an hour, counts, the side last called for, and the sample's time."""

    fast: float = 0.0
    slow: float = 0.0
    samples: int = 0
    seen: int = 0
    side: int = 0
    sampled_ns: int = 0


class FundingDrift(Bot[Params, Memory]):
    """Momentum of leverage: go with it while the estimate of the next funding rate is on its way.

    The venue publishes a running estimate of the next hourly rate, a mean of the premium so far
    (Source: Hyperliquid docs, Funding). drift = its fast minus its slow exponential average in
    bps an hour; beyond `entry_bps_h` buy when it rises, sell when it falls; exit call when the
    drift changes its sign. Idea: demand for leverage moves funding and price together, and is
    persistent (He, Manela, Ross & von Wachter 2022). Fails once the last to arrive has arrived,
    and pays the rate that it follows.
    """

    name = "funding_drift"
    division = "carry"
    admitted_as = "funding_drift"
    warm_up = 60
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "fast": (3.0, 5.0, 10.0),
        "slow": (30.0, 60.0, 120.0),
        "entry_bps_h": (0.05, 0.1, 0.2),
        "stop_days": (0.15, 0.25, 0.5),
    }
    params_type = Params
    memory_type = Memory

    def rearm_ns(self) -> int:
        """Return one and a half samples: it speaks once a sample, so less is no silence."""
        return int(1.5 * self.params.sample_s * NS_PER_S)

    def on_context(self, memory: Memory, coin: Coin, view: View) -> Action | None:
        """Once a sample, advance both averages and compare them."""
        now_ns = coin.context.recv_ns
        p, m = self.params, memory
        m.seen += 1
        if not coin.book.ok or now_ns - m.sampled_ns < p.sample_s * NS_PER_S:
            return None
        m.sampled_ns = now_ns
        rate = coin.context.funding * 1e4
        m.samples += 1
        # Plain means while they are young, so that the first rate seen is no anchor.
        m.fast += (rate - m.fast) / min(p.fast, m.samples)
        m.slow += (rate - m.slow) / min(p.slow, m.samples)
        if m.seen < self.warm_up or m.samples <= p.fast:
            return None
        drift = m.fast - m.slow
        if m.side and m.side * drift <= 0.0:
            side, m.side = m.side, 0
            return ExitCall(coin.name, side, "funding no longer drifts this way")
        if abs(drift) < p.entry_bps_h:
            return None
        side = BUY if drift > 0.0 else SELL
        m.side = side
        unit = coin.daily_vol() * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(drift) / (3.0 * p.entry_bps_h)),
            plan(coin, side, stop=p.stop_days * unit, horizon_s=p.horizon_s),
            f"the next funding rate drifts {drift:+.2f} bps an hour from its usual",
            {"drift_bps_h": drift, "funding_bps_h": rate},
        )
