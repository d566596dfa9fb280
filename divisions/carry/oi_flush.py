"""Reversal after a flush of open interest."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bot, Positive, Seconds, Share, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life` in contexts (about seconds); `drop` a share; `move` in one-minute vols."""

    half_life: Annotated[float, Meta(ge=1.0, le=1_000_000.0)] = 180.0
    drop: Share = 0.03
    move: Positive = 3.0
    stop_moves: Positive = 0.8
    target_moves: Positive = 0.7
    horizon_s: Seconds = 3_600.0


class Memory(Struct):
    """Running means of open interest (base units) and mid (USD), and the count."""

    interest: float = 0.0
    mid: float = 0.0
    seen: int = 0


class OiFlush(Bot[Params, Memory]):
    """Reversal: buy what fell while open interest was flushed out, sell what rose that way.

    drop = 1 − open interest / its exponential mean; move = mid − its mean over the same half-life.
    A signal needs a drop beyond `drop` and a move beyond `move` one-minute volatilities; the
    target gives `target_moves` of the move back. Idea: liquidations overshoot because they must
    trade (Brunnermeier & Pedersen 2009, liquidity spirals). Fails when positions are closed by
    choice, on news, or when the spiral has another turn to go.
    """

    name = "oi_flush"
    division = "carry"
    admitted_as = "oi_flush"
    warm_up = 120
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life": (90.0, 180.0, 600.0),
        "drop": (0.02, 0.03, 0.05),
        "move": (2.0, 3.0, 5.0),
    }
    params_type = Params
    memory_type = Memory

    def on_context(self, memory: Memory, coin: Coin, view: View) -> Signal | None:
        """Compare interest and mid with their means, then let the means include them."""
        interest = coin.context.open_interest
        book = coin.book
        if not book.ok or interest <= 0.0:
            return None
        p, m = self.params, memory
        m.seen += 1
        if m.seen == 1:
            m.interest, m.mid = interest, book.mid
        dropped = 1.0 - interest / m.interest
        moved = book.mid - m.mid
        weight = max(0.6931471805599453 / p.half_life, 1.0 / m.seen)
        m.interest += (interest - m.interest) * weight
        m.mid += moved * weight
        if m.seen < self.warm_up or dropped < p.drop:
            return None
        unit = coin.minute_move()
        if abs(moved) < p.move * unit:
            return None
        side = BUY if moved < 0.0 else SELL
        return Signal(
            coin.name,
            side,
            min(1.0, dropped / (2.0 * p.drop)),
            plan(
                coin,
                side,
                stop=p.stop_moves * abs(moved),
                target=p.target_moves * abs(moved),
                horizon_s=p.horizon_s,
            ),
            f"open interest fell {dropped:.1%} while the mid moved {moved / unit:+.1f} vols",
            {"drop": dropped, "moved_vols": moved / unit, "open_interest": interest},
        )
