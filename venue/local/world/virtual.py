"""The frames of a market in virtual time, without sockets or waiting.

What the server's clock does in real time, block by block, this does in virtual time, so the two
say the same. Used where minutes of market are wanted in a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from market.events import NS_PER_MS
from venue.hyperliquid.streams import L2, Subscription
from venue.local.market.contract import LocalMarket, Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.market.ladders import Ladders

# From a block's time to its arrival on the loopback, as measured on real sockets.
ARRIVAL_NS = 2 * NS_PER_MS


def topics_of(subscriptions: Iterable[Subscription]) -> list[Topic]:
    """Return the topics that subscriptions ask for."""
    return [Topic(type=s.type, coin=s.coin, fast=s.fast) for s in subscriptions]


def frames(
    market: LocalMarket, topics: Iterable[Topic], start_ms: int, end_ms: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (receive ns, raw frame) of a subscriber from `start_ms` to `end_ms`, in order."""
    wanted = list(topics)
    begin_ms = start_ms - start_ms % BLOCK_MS
    told, ladders = [t for t in wanted if t.type != L2], [t for t in wanted if t.type == L2]
    by_deltas = Ladders(market)
    for topic in wanted:
        shown = by_deltas if topic.type == L2 else market
        for raw in shown.first(topic, begin_ms):
            yield begin_ms * NS_PER_MS + ARRIVAL_NS, raw
    for now_ms in range(begin_ms + BLOCK_MS, end_ms + 1, BLOCK_MS):
        since_ms = now_ms - BLOCK_MS
        for _, raw in chain(
            market.due(since_ms, now_ms, told), by_deltas.due(since_ms, now_ms, ladders)
        ):
            yield now_ms * NS_PER_MS + ARRIVAL_NS, raw
