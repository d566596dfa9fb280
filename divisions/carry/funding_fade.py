"""Fade of extreme funding."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Action, Bot, Positive, Seconds, Share, plan
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life` in samples, `entry` in deviations, `floor_bps_h` a rate, `turn` a share."""

    half_life: Annotated[float, Meta(ge=1.0, le=1_000_000.0)] = 240.0
    entry: Positive = 2.0
    floor_bps_h: Positive = 0.3
    turn: Share = 0.1
    sample_s: Seconds = 60.0
    stop_days: Positive = 0.4
    horizon_s: Seconds = 14_400.0


class Memory(Struct):
    """Running mean, variance and peak of the rate in bps an hour; counts, side and time."""

    mean: float = 0.0
    variance: float = 0.0
    peak: float = 0.0
    samples: int = 0
    seen: int = 0
    side: int = 0
    sampled_ns: int = 0


class FundingFade(Bot[Params, Memory]):
    """Fade of a crowd: once an extreme funding rate turns, trade against whoever was paying it.

    z = (rate − mean) / deviation, exponentially weighted over the rate's own past, once a sample;
    the rate must be `entry` deviations out, beyond `floor_bps_h` and back from its peak by the
    share `turn`. Exit call when the rate is back at its mean. Idea: crowded leverage unwinds with
    its funding (Brunnermeier, Nagel & Pedersen 2009, carry trades and crashes). Fails while the
    crowd keeps winning: a peak is a peak only afterwards.
    """

    name = "funding_fade"
    division = "carry"
    admitted_as = "funding_fade"
    warm_up = 60
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life": (120.0, 240.0, 720.0),
        "entry": (1.5, 2.0, 3.0),
        "floor_bps_h": (0.2, 0.3, 0.6),
        "turn": (0.05, 0.1, 0.2),
    }
    params_type = Params
    memory_type = Memory

    def rearm_ns(self) -> int:
        """Return one and a half samples: it speaks once a sample, so less is no silence."""
        return int(1.5 * self.params.sample_s * NS_PER_S)

    def on_context(self, memory: Memory, coin: Coin, view: View) -> Action | None:
        """Once a sample, weigh the rate against its own past, then let the past include it."""
        now_ns = coin.context.recv_ns
        p, m = self.params, memory
        m.seen += 1
        if not coin.book.ok or now_ns - m.sampled_ns < p.sample_s * NS_PER_S:
            return None
        m.sampled_ns = now_ns
        rate = coin.context.funding * 1e4
        deviation = sqrt(m.variance)
        away = rate - m.mean
        m.samples += 1
        weight = max(0.6931471805599453 / p.half_life, 1.0 / m.samples)
        m.mean += away * weight
        m.variance = (1.0 - weight) * (m.variance + weight * away * away)
        # The peak belongs to one side; crossing the mean begins another one.
        if m.peak * away <= 0.0 or abs(away) > abs(m.peak):
            m.peak = away
        if m.side and m.side * away >= 0.0:
            side, m.side = m.side, 0
            return ExitCall(coin.name, side, "funding is back at its mean")
        if m.seen < self.warm_up or m.samples < 12 or deviation <= 1e-9:
            return None
        if abs(away) < p.entry * deviation or abs(rate) < p.floor_bps_h or rate * away < 0.0:
            return None
        if abs(away) > (1.0 - p.turn) * abs(m.peak):
            return None
        side = SELL if away > 0.0 else BUY
        m.side = side
        unit = coin.daily_vol() * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(away) / (2.0 * p.entry * deviation)),
            plan(coin, side, stop=p.stop_days * unit, horizon_s=p.horizon_s),
            f"funding of {rate:+.2f} bps an hour, {away / deviation:+.1f} deviations, has turned",
            {"funding_bps_h": rate, "away": away, "deviation": deviation, "peak": m.peak},
        )
