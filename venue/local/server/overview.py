"""Streams of the contexts of all coins at once.

How often they speak was measured for `allDexsAssetCtxs` (13.6 s) and `fastAssetCtxs` (1 s); for
`assetCtxs` it is not known.

Source: probes of the venue, and a recorded frame of each.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator

from venue.local.market.contract import LocalMarket, Row, beat
from venue.local.market.frames import encode, frame
from venue.local.protocol.stream import ALL_ASSET_CONTEXTS, ASSET_CONTEXTS, FAST_CONTEXTS, Stream

PERIOD_MS = {ASSET_CONTEXTS: 5_000, ALL_ASSET_CONTEXTS: 13_600, FAST_CONTEXTS: 1_000}
_QUICK = ("markPx", "midPx")


class Overviews:
    """Frames of these streams for one market; all who listen hear the same."""

    def __init__(self, market: LocalMarket) -> None:
        self._market = market
        self._told: dict[str, Row] = {}

    def first(self, stream: Stream, now_ms: int) -> bytes:
        """Return what a new subscriber begins with: everything."""
        if stream.type == FAST_CONTEXTS:
            # What the others were told last, so that the next changes fit for all.
            rows = self._told or {c: _quick(ctx) for c, ctx in self._contexts(now_ms).items()}
            self._told = rows
            return frame(stream.type, _packed(rows))
        return self._full(stream, now_ms)

    def due(
        self, streams: Iterable[Stream], since_ms: int, now_ms: int
    ) -> Iterator[tuple[Stream, bytes]]:
        """Yield the frames that fall into (since, now]."""
        for stream in streams:
            if beat(PERIOD_MS[stream.type], since_ms, now_ms) is None:
                continue
            if stream.type == FAST_CONTEXTS:
                changed = self._changed(now_ms)
                if changed:
                    yield stream, frame(stream.type, _packed(changed))
            else:
                yield stream, self._full(stream, now_ms)

    def _contexts(self, now_ms: int) -> dict[str, Row]:
        return {coin: self._market.context(coin, now_ms) for coin in self._market.instruments}

    def _full(self, stream: Stream, now_ms: int) -> bytes:
        rows = list(self._contexts(now_ms).values())
        if stream.type == ASSET_CONTEXTS:
            return frame(stream.type, {"dex": stream.dex, "ctxs": rows})
        return frame(stream.type, {"ctxs": [["", rows]]})

    def _changed(self, now_ms: int) -> dict[str, Row]:
        changed = {}
        for coin, context in self._contexts(now_ms).items():
            row = _quick(context)
            before = self._told.get(coin, {})
            news = {name: value for name, value in row.items() if before.get(name) != value}
            if news:
                changed[coin] = news
            self._told[coin] = row
        return changed


def _quick(context: Row) -> Row:
    return {name: context[name] for name in _QUICK if context.get(name) is not None}


def _packed(rows: dict[str, Row]) -> str:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(encode(rows)) + packer.flush()).decode()
