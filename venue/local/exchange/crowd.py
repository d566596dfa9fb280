"""What of the crowd's book is there for an account to take?

The crowd's book is a function of time that no order changes. So what accounts took from a price is
remembered, taken off what that price shows, and halves every few seconds: the book heals.

Invariant: within one block nothing is taken twice.
"""

from __future__ import annotations

from venue.local.exchange.rules import Rules
from venue.local.grid import block_start
from venue.local.market import Levels, LocalMarket

GONE_SHIFT = 40


class Crowd:
    """The crowd's books as accounts see them."""

    def __init__(self, market: LocalMarket, rules: Rules) -> None:
        self._market = market
        self._half_life_ms = rules.heal_half_life_ms
        self._depth = rules.crowd_depth
        self._touches: dict[str, tuple[int, tuple[Levels, Levels]]] = {}
        self._books: dict[str, tuple[int, tuple[Levels, Levels]]] = {}
        # By coin, then by price times side: lots taken and when.
        self._taken: dict[str, dict[int, tuple[int, int]]] = {}

    def best(self, coin: str, side: int, now_ms: int) -> int | None:
        """Return the best price on a side, +1 being the bids; None when nothing is there."""
        block = block_start(now_ms)
        kept = self._touches.get(coin)
        if kept is None or kept[0] != block:
            kept = self._touches[coin] = (block, self._market.levels(coin, now_ms, 1))
        found = kept[1][0] if side > 0 else kept[1][1]
        if not found:
            return None
        px = found[0][0]
        taken = self._taken.get(coin)
        if not taken or px * side not in taken:
            return px
        levels = self.levels(coin, side, now_ms)
        return levels[0][0] if levels else None

    def levels(self, coin: str, side: int, now_ms: int) -> Levels:
        """Return what is left of a side, best first."""
        block = block_start(now_ms)
        kept = self._books.get(coin)
        if kept is None or kept[0] != block:
            kept = self._books[coin] = (block, self._market.levels(coin, now_ms, self._depth))
        found = kept[1][0] if side > 0 else kept[1][1]
        return self._left(coin, side, found, now_ms)

    def seen(self, coin: str, side: int, now_ms: int, depth: int) -> Levels:
        """Return what is left of a side, so deep; what is gone at the top is made up for."""
        more = len(self._taken.get(coin, ()))
        sides = self._market.levels(coin, now_ms, depth + more)
        found = sides[0] if side > 0 else sides[1]
        return self._left(coin, side, found, now_ms)[:depth]

    def _left(self, coin: str, side: int, found: Levels, now_ms: int) -> Levels:
        taken = self._taken.get(coin)
        if not taken:
            return found
        out = []
        for px, lots, orders in found:
            left = lots - self._missing(taken, px * side, now_ms)
            if left > 0:
                out.append((px, left, orders))
        return out

    def lots_at(self, coin: str, side: int, px: int, now_ms: int) -> int | None:
        """Return the lots at a price, None when it is deeper than can be seen."""
        last = 0
        levels = self.levels(coin, side, now_ms)
        for level_px, lots, _ in levels:
            if level_px == px:
                return lots
            last = level_px
            if (level_px - px) * side < 0:
                return 0
        return None if len(levels) >= self._depth and last else 0

    def take(self, coin: str, side: int, px: int, lots: int, now_ms: int) -> None:
        """Remember that lots were taken from a price."""
        taken = self._taken.setdefault(coin, {})
        key = px * side
        taken[key] = (self._missing(taken, key, now_ms) + lots, now_ms)

    def is_touched(self, coin: str) -> bool:
        """Say whether anything taken has not yet healed."""
        return bool(self._taken.get(coin))

    def touched(self) -> set[str]:
        """Return the coins of which that is so."""
        return {coin for coin, taken in self._taken.items() if taken}

    def heal(self, now_ms: int) -> None:
        """Forget what has healed."""
        for coin in list(self._taken):
            taken = self._taken[coin]
            for key in [k for k in taken if not self._missing(taken, k, now_ms)]:
                del taken[key]
            if not taken:
                del self._taken[coin]

    def _missing(self, taken: dict[int, tuple[int, int]], key: int, now_ms: int) -> int:
        entry = taken.get(key)
        if entry is None:
            return 0
        lots, since_ms = entry
        halvings, rest_ms = divmod(max(now_ms - since_ms, 0), self._half_life_ms)
        if halvings > GONE_SHIFT:
            return 0
        lots >>= halvings
        # On the straight line between two halvings: exact in integers.
        return lots - lots * rest_ms // (2 * self._half_life_ms)
