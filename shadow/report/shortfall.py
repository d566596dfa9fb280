"""Implementation shortfall (Perold 1988): what came between a decision and the money.

A desk on paper that had entered every trade at the mid at which it was decided would have made
more. Entering later, at the worse side of the spread and down the book, fees and funding took the
difference, to the micro-dollar.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

_SUMS = """
SELECT SUM(trades), SUM(gross_e6 + entry_e6), SUM(entry_e6), SUM(fees_e6), SUM(funding_e6),
       SUM(net_e6)
FROM shortfall_day WHERE day >= ?
"""


class Shortfall(Struct):
    """Money in USD over `trades` of the desk that have closed.

    `decided_usd` is what they would have made entered at the mid of the decision and free of
    charge; less `entry_usd` (delay, spread and impact of the entries), `fees_usd` and `funding_usd`
    that is `net_usd`, exactly.
    """

    trades: int = 0
    decided_usd: float = 0.0
    entry_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0
    net_usd: float = 0.0


def shortfall(db: sqlite3.Connection, *, since: str = "") -> Shortfall:
    """Return the shortfall of the trades that closed on UTC days from `since` on."""
    trades, *money = db.execute(_SUMS, (since,)).fetchone()
    return Shortfall(trades or 0, *((amount or 0) / 1e6 for amount in money))
