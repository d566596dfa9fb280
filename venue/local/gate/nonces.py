"""Nonces of signers.

The venue keeps the hundred highest nonces of every signer. A new one must be above the lowest kept
and not among them, and close enough to the time of the block. So nonces need not arrive in order.

Source: Hyperliquid documentation, "Nonces and API wallets". The words for a nonce that is too old
or too new are not documented.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from market.events import MS_PER_DAY

KEPT = 100
BEHIND_MS = 2 * MS_PER_DAY
AHEAD_MS = MS_PER_DAY


class Nonces:
    """The used nonces by signer; nonces are ms UTC."""

    def __init__(self) -> None:
        self._used: dict[str, list[int]] = {}

    def refusal(self, signer: str, nonce: int, now_ms: int) -> str | None:
        """Return why a nonce may not be used, None when it may."""
        if not now_ms - BEHIND_MS < nonce < now_ms + AHEAD_MS:
            return f"Invalid nonce: {nonce} is too far from the block time {now_ms}"
        used = self._used.get(signer, [])
        at = bisect_left(used, nonce)
        if at < len(used) and used[at] == nonce:
            return f"Invalid nonce: duplicate nonce {nonce}"
        if len(used) == KEPT and at == 0:
            return f"Invalid nonce: nonce too low {nonce}"
        return None

    def use(self, signer: str, nonce: int) -> None:
        """Take note of a nonce that `refusal` let pass."""
        used = self._used.setdefault(signer, [])
        insort(used, nonce)
        del used[:-KEPT]
