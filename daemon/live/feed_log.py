"""Log lines of connections and streams that come and go."""

from __future__ import annotations

from daemon.live.telemetry import log
from market.events import FeedDown, FeedUp, StreamDown, StreamUp
from venue.address import shown
from venue.hyperliquid.feed import Told


def log_told(event: Told, url: str) -> None:
    """Log what the feed of a venue at `url` says."""
    match event:
        case FeedUp():
            log.info("feed up", url=shown(url), coins=event.coins or "all")
        case FeedDown():
            log.warning("feed down", reason=event.reason, coins=event.coins or "all")
        case StreamDown():
            log.warning("stream down", coin=event.coin, stream=event.stream, cause=event.cause)
        case StreamUp():
            log.info("stream up", coin=event.coin, stream=event.stream)
