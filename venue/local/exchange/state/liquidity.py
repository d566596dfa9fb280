"""The crowd's liquidity that is left for accounts to take.

The crowd's book is a function of time that no order changes. So what accounts took from a price is
remembered, taken off what that price shows, and halves every few seconds: the book heals.

Invariant: within one block nothing is taken twice.
"""

from __future__ import annotations

from venue.local.exchange.state.rules import Rules
from venue.local.market.contract import Levels, LocalMarket
from venue.local.market.grid import block_start

# After so many half-lives what was taken counts as back: it is within two per cent.
GONE_HALVINGS = 6
# So many levels are looked at before the whole depth is.
NEAR = 4


class Liquidity:
    """The crowd's books less what accounts took."""

    def __init__(self, market: LocalMarket, rules: Rules) -> None:
        self._market = market
        self._half_life_ms = rules.heal_half_life_ms
        self._depth = rules.crowd_depth
        self._touches: dict[str, tuple[int, tuple[Levels, Levels]]] = {}
        self._books: dict[str, tuple[int, int, tuple[Levels, Levels]]] = {}
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
        for depth in (NEAR, self._depth):
            for px, lots, _ in self._visible(coin, side, now_ms, depth):
                if lots > self._missing(taken, px * side, now_ms):
                    return px
        return None

    def near(self, coin: str, side: int, now_ms: int) -> Levels:
        """Return what is left of the first few levels of a side."""
        return self._left(coin, side, self._visible(coin, side, now_ms, NEAR), now_ms)

    def levels(self, coin: str, side: int, now_ms: int) -> Levels:
        """Return what is left of a side, best first."""
        return self._left(coin, side, self._visible(coin, side, now_ms, self._depth), now_ms)

    def seen(self, coin: str, side: int, now_ms: int, depth: int) -> Levels:
        """Return what is left of a side, so deep; what is gone at the top is made up for."""
        more = depth
        found = self._visible(coin, side, now_ms, min(depth, self._depth))
        while True:
            left = self._left(coin, side, found, now_ms)
            gone = len(found) - len(left)
            # Enough, or there is no more to be had.
            if len(left) >= depth or len(found) < more:
                return left[:depth]
            more = max(depth, len(found)) + gone
            sides = self._market.levels(coin, now_ms, more)
            found = sides[0] if side > 0 else sides[1]

    def _visible(self, coin: str, side: int, now_ms: int, depth: int) -> Levels:
        """Return a side as the market shows it, at least so deep; deep books are dear."""
        block = block_start(now_ms)
        kept = self._books.get(coin)
        if kept is None or kept[0] != block or kept[1] < depth:
            sides = self._market.levels(coin, now_ms, depth)
            kept = self._books[coin] = (block, depth, sides)
        return kept[2][0] if side > 0 else kept[2][1]

    def _left(self, coin: str, side: int, found: Levels, now_ms: int) -> Levels:
        taken = self._taken.get(coin)
        if not taken:
            return found
        out = []
        for level in found:
            px, lots, orders = level
            key = px * side
            if key not in taken:
                out.append(level)
            elif (left := lots - self._missing(taken, key, now_ms)) > 0:
                out.append((px, left, orders))
        return out

    def lots_at(self, coin: str, side: int, px: int, now_ms: int) -> int | None:
        """Return the lots at a price, None when it is deeper than can be seen."""
        touch = self._touches.get(coin)
        if touch is not None and touch[0] == block_start(now_ms):
            first = touch[1][0] if side > 0 else touch[1][1]
            if first and (first[0][0] - px) * side < 0:
                return 0
        for depth in (NEAR, self._depth):
            found = self._visible(coin, side, now_ms, depth)
            for level_px, lots, _ in found:
                if level_px == px:
                    taken = self._taken.get(coin)
                    return max(lots - self._missing(taken, px * side, now_ms), 0) if taken else lots
                if (level_px - px) * side < 0:
                    return 0
            if len(found) < depth:
                return 0
        return None

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
        if halvings >= GONE_HALVINGS:
            return 0
        lots >>= halvings
        # On the straight line between two halvings: exact in integers.
        return lots - lots * rest_ms // (2 * self._half_life_ms)
