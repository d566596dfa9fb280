"""Market as a bot may see it: every coin, and the time. No desk: no bot trades on its account."""

from __future__ import annotations

from msgspec import Struct

from market.coin import Coin


class View(Struct):
    """Coins by name, and the receive time of the event being taken, in nanoseconds."""

    coins: dict[str, Coin]
    now_ns: int = 0
