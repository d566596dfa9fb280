"""Allotment of subscriptions to connections, counted before anything is asked for.

Source: Hyperliquid documentation, "Rate limits and user limits": an address may have 10
connections and 1,000 subscriptions; a connection carries no more than that. Other providers of the
same wire have limits of their own.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from market.errors import OperatorError
from venue.hyperliquid.streams import Subscription


class Limits(Struct, frozen=True):
    """What an address may have: subscriptions, of these on one connection, and connections."""

    subscriptions: int = 1_000
    a_connection: int = 1_000
    connections: int = 8


def allot(subscriptions: Collection[Subscription], limits: Limits) -> list[list[str]]:
    """Return the coins of each connection, as many connections as are needed and alike in size.

    Raises OperatorError, with the number, when an address may not have so much.
    """
    by_coin: dict[str, int] = {}
    for subscription in subscriptions:
        by_coin[subscription.coin] = by_coin.get(subscription.coin, 0) + 1
    total, most = len(subscriptions), max(by_coin.values(), default=1)
    asked = f"{len(by_coin)} coins ask for {total:,} subscriptions"
    if total > limits.subscriptions:
        raise OperatorError(
            f"coins: {asked}, and an address may have {limits.subscriptions:,} "
            f"(feed.subscriptions_max): name at most {limits.subscriptions // most} coins"
        )
    room = max(1, limits.a_connection // most)
    needed = max(1, -(-len(by_coin) // room))
    if needed > limits.connections:
        raise OperatorError(
            f"coins: {asked}, which takes {needed} connections of {limits.a_connection:,} "
            f"subscriptions, and an address may have {limits.connections} "
            f"(feed.connections_max): name at most {limits.connections * room} coins"
        )
    coins = list(by_coin)
    share, left = divmod(len(coins), needed)
    out, at = [], 0
    for i in range(needed):
        size = share + (i < left)
        out.append(coins[at : at + size])
        at += size
    return out
