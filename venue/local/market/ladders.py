"""The `l2` stream of one market: a snapshot to whoever joins, then what changed, for all alike.

Whoever comes later begins with the book that the others were told last, so that the next delta
fits for all. The stream speaks at every beat, whether anything changed or not.

Source: the stream is undocumented; three independent recordings agree on it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator

from venue.hyperliquid.streams import L2, L2_BOOK
from venue.local.market.contract import LocalMarket, Row, Topic, beat
from venue.local.market.frames import encode, frame

# A tenth of the slow book's, so that every slow book has a state of its own time to meet.
LADDER_MS = 540


class Ladders:
    """Books that are told by deltas, each as it was told last."""

    def __init__(self, market: LocalMarket) -> None:
        self._market = market
        self._told: dict[Topic, Row] = {}

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        """Return the snapshot that a new subscriber begins with."""
        book = self._told.get(topic) or self._book(topic, now_ms)
        if book is None:
            return []
        self._told[topic] = book
        return [frame(L2, {"s": {name: book[name] for name in ("coin", "time", "levels")}})]

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        """Yield the deltas that fall into (since, now]; forget what nobody wants any more."""
        wanted = list(topics)
        self._told = {topic: self._told[topic] for topic in wanted if topic in self._told}
        at_ms = beat(LADDER_MS, since_ms, now_ms)
        if at_ms is None:
            return
        for topic in wanted:
            book = self._book(topic, at_ms)
            before = self._told.get(topic)
            if book is None or (before is not None and book["time"] < before["time"]):
                continue
            if before is None:
                for payload in self.first(topic, at_ms):
                    yield topic, payload
                continue
            self._told[topic] = book
            yield topic, frame(L2, {"c": packed(delta_of(before, book))})

    def _book(self, topic: Topic, now_ms: int) -> Row | None:
        shape = Topic(L2_BOOK, coin=topic.coin, figures=topic.figures, mantissa=topic.mantissa)
        return self._market.book(shape, now_ms)


def delta_of(before: Row, book: Row) -> Row:
    """Return what turns one book into another: positions taken away, prices put or replaced."""
    taken, put = [], []
    for old, new in zip(before["levels"], book["levels"], strict=True):
        sizes = {level["px"]: level["sz"] for level in old}
        prices = {level["px"] for level in new}
        taken.append([at for at, level in enumerate(old) if level["px"] not in prices])
        put.append(
            [
                {"p": level["px"], "s": level["sz"]}
                for level in new
                if sizes.get(level["px"]) != level["sz"]
            ]
        )
    delta: Row = {"c": book["coin"], "t": book["time"], "l": put, "r": taken}
    if "spread" in book:
        delta["spread"] = book["spread"]
    return delta


def packed(delta: Row) -> str:
    """Return a delta as the text the venue sends: base64 of raw DEFLATE of JSON."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(encode(delta)) + packer.flush()).decode()
