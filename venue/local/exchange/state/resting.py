"""Resting orders of accounts in one coin's book, in price-time priority.

Best price first, at one price the oldest first. The crowd's orders are not here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from venue.local.exchange.state.order import BUY, SELL, Order
from venue.local.market.contract import Levels


class Side:
    """One side of a book; `sign` is +1 for bids."""

    __slots__ = ("_keys", "_levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        # Prices times the sign, rising, so the best is at the end and goes away at no cost.
        self._keys: list[int] = []
        self._levels: dict[int, dict[int, Order]] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def best(self) -> int | None:
        """Return the best price, None when empty."""
        return self.sign * self._keys[-1] if self._keys else None

    def at(self, px: int) -> dict[int, Order]:
        """Return the orders at a price by oid, oldest first."""
        return self._levels.get(self.sign * px, {})

    def first(self) -> Order:
        """Return the order that is next to be filled."""
        return next(iter(self._levels[self._keys[-1]].values()))

    def add(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        key = self.sign * order.px
        level = self._levels.get(key)
        if level is None:
            insort(self._keys, key)
            self._levels[key] = {order.oid: order}
        else:
            level[order.oid] = order

    def remove(self, order: Order) -> None:
        """Take an order out."""
        key = self.sign * order.px
        level = self._levels[key]
        del level[order.oid]
        if level:
            return
        del self._levels[key]
        if self._keys[-1] == key:
            self._keys.pop()
        else:
            del self._keys[bisect_left(self._keys, key)]

    def orders(self) -> Iterator[Order]:
        """Yield the orders in the order in which they would be filled."""
        for key in reversed(self._keys):
            yield from self._levels[key].values()

    def levels(self) -> Levels:
        """Return price, lots and number of orders, best first."""
        out = []
        for key in reversed(self._keys):
            level = self._levels[key]
            out.append((self.sign * key, sum(o.lots for o in level.values()), len(level)))
        return out


class RestingBook:
    """Both sides of one coin."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Side(BUY)
        self.asks = Side(SELL)

    def side(self, sign: int) -> Side:
        """Return the bids for +1, the asks for -1."""
        return self.bids if sign > 0 else self.asks

    def __bool__(self) -> bool:
        return bool(self.bids) or bool(self.asks)
