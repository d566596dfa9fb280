"""Names of the durable pieces of branches.

Stop-outs have a piece of their own: every desk remembers them all, and they seldom change.
"""

from __future__ import annotations

from daemon.engine.branches.side import signal_of
from shadow.ledger.trade import Trade

PIECE = "branches"
STOPPED = f"{PIECE}/stopped"
TRADE = f"{PIECE}/trade/"
SLOTS = f"{PIECE}/slots/"


def trade_piece(trade: Trade) -> str:
    """Return the piece that holds a trade: one for all that came from the same signal."""
    return f"{TRADE}{signal_of(trade.trade_id)}"
