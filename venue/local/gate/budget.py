"""Request budgets of internet addresses and of accounts.

Two budgets. What one IP address asks over REST has weights that must not sum up to more than a
limit within any minute. What an account does is counted for all time: a start-up allowance and one
request for every USDC it traded; beyond that one request passes every ten seconds.

Source: Hyperliquid documentation, "Rate limits and user limits", and testnet probes of the drip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from venue.local.market.contract import Row

MINUTE_S = 60.0
DRIP_MS = 10_000
ACTIONS_PER_WEIGHT = 40
CANCEL_BONUS = 100_000
STALE_COST = 5

DEFAULT_WEIGHT = 20
WEIGHTS = {
    "l2Book": 2,
    "allMids": 2,
    "clearinghouseState": 2,
    "orderStatus": 2,
    "spotClearinghouseState": 2,
    "exchangeStatus": 2,
    "userRole": 60,
}
# How many rows of a reply cost one more.
ROWS_PER_WEIGHT = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "twapHistory": 20,
    "userTwapSliceFills": 20,
    "userTwapSliceFillsByTime": 20,
    "delegatorHistory": 20,
    "delegatorRewards": 20,
    "validatorStats": 20,
    "candleSnapshot": 60,
}
_BATCHES = {
    "order": "orders",
    "cancel": "cancels",
    "cancelByCloid": "cancels",
    "batchModify": "modifies",
}
_CANCELS = frozenset(("cancel", "cancelByCloid", "twapCancel", "scheduleCancel"))


def question_weight(question: object) -> int:
    """Return what a question costs before its answer is known."""
    kind = question.get("type") if isinstance(question, dict) else None
    return WEIGHTS.get(kind, DEFAULT_WEIGHT) if isinstance(kind, str) else DEFAULT_WEIGHT


def answer_weight(question: object, reply: object) -> int:
    """Return what the rows of an answer cost in addition."""
    kind = question.get("type") if isinstance(question, dict) else None
    rows = ROWS_PER_WEIGHT.get(kind) if isinstance(kind, str) else None
    return len(reply) // rows if rows and isinstance(reply, list) else 0


def batch_size(action: Row) -> int:
    """Return how many requests an action is to an account's budget."""
    batch: Any = action.get(_BATCHES.get(str(action.get("type")), ""))
    return max(1, len(batch)) if isinstance(batch, list) else 1


def action_weight(body: object) -> int:
    """Return what a posted action costs its IP address."""
    action = body.get("action") if isinstance(body, dict) else None
    return 1 + (batch_size(action) if isinstance(action, dict) else 1) // ACTIONS_PER_WEIGHT


class IpBudget:
    """Weight budget of the last minute by IP address; `now_s` is any steady clock."""

    def __init__(self, per_minute: int, now_s: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._now_s = now_s
        self._spent: dict[str, deque[tuple[float, int]]] = {}
        self._sums: dict[str, int] = {}

    def take(self, ip: str, weight: int) -> bool:
        """Spend a weight and say so, or say that it is too much and spend nothing."""
        self._forget(ip)
        if self._sums.get(ip, 0) + weight > self._per_minute:
            return False
        self.charge(ip, weight)
        return True

    def charge(self, ip: str, weight: int) -> None:
        """Spend a weight that has been used already."""
        if weight:
            self._spent.setdefault(ip, deque()).append((self._now_s(), weight))
            self._sums[ip] = self._sums.get(ip, 0) + weight

    def _forget(self, ip: str) -> None:
        spent = self._spent.get(ip)
        if spent is None:
            return
        since = self._now_s() - MINUTE_S
        while spent and spent[0][0] <= since:
            self._sums[ip] -= spent.popleft()[1]
        if not spent:
            del self._spent[ip], self._sums[ip]


class Counted(Protocol):
    """A counter of what accounts did."""

    def requests_used(self, user: str) -> int:
        """Return the requests of an account so far."""

    def requests_cap(self, user: str) -> int:
        """Return how many its start-up allowance and its trading allow."""

    def volume_e6(self, user: str) -> int:
        """Return what an account traded so far, in micro-USDC."""


class AddressBudget:
    """Request budget of accounts."""

    def __init__(self, counts: Counted) -> None:
        self._counts = counts
        self._passed_ms: dict[str, int] = {}
        self._fines: dict[str, int] = {}

    def fine(self, user: str, action: Row) -> None:
        """Charge an account for an action that came too late: five times what it would cost."""
        self._fines[user] = self.fined(user) + STALE_COST * batch_size(action)

    def fined(self, user: str) -> int:
        """Return the requests an account was charged without having any done."""
        return self._fines.get(user, 0)

    def refusal(self, user: str, action: Row, now_ms: int) -> str | None:
        """Return why an action may not pass now; passing over the limit starts the wait anew."""
        used = self._counts.requests_used(user) + self.fined(user) + batch_size(action)
        cap = self._counts.requests_cap(user)
        limit = min(cap + CANCEL_BONUS, 2 * cap) if action.get("type") in _CANCELS else cap
        if used <= limit or action.get("type") == "reserveRequestWeight":
            return None
        passed_ms = self._passed_ms.get(user)
        if passed_ms is None or now_ms - passed_ms >= DRIP_MS:
            self._passed_ms[user] = now_ms
            return None
        volume = self._counts.volume_e6(user) / 1e6
        return (
            f"Too many cumulative requests sent ({used} > {limit}) for cumulative volume traded "
            f"${volume:.2f}. Place taker orders to free up 1 request per USDC traded."
        )
