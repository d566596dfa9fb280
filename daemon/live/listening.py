"""What is listened to: streams that somebody reads, counted, spread over connections.

Books mark and fill whatever is open, and contexts charge its funding. Trades make bars, volatility
and the pace; depth beyond five levels fills orders. So without a bot that is on, and with nothing
left to exit, there is nobody to read the last two.
"""

from __future__ import annotations

from collections.abc import Collection

from daemon.config.sections import Config
from daemon.live.startup import standby, subscriptions
from market.events import StreamName
from venue.hyperliquid.allotment import Limits, allot
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import FALLBACKS, KINDS


def unread(config: Config, *, holds: bool) -> set[StreamName]:
    """Return the streams that nobody reads; `holds` says that trades are open."""
    if any(settings["enabled"] for settings in config.bots.values()):
        return set()
    out: set[StreamName] = set()
    if not config.lens.enabled:
        out.add("trades")
    if not holds and config.feed.books == "l2Book":
        # Books made of deltas are checked against it.
        out.add("slow")
    return out


def session_of(
    coins: Collection[str], config: Config, without: Collection[StreamName] = ()
) -> Session:
    """Return the session for some coins, on as many connections as their streams need.

    `without` names streams that are asked for only to stand in for others. Raises OperatorError
    when the venue would not bear so many.
    """
    feed = config.feed
    every = subscriptions(coins, feed.books)
    wanted = [s for s in every if KINDS[s.type, s.fast].name not in without]
    stand_ins = {FALLBACKS[KINDS[s.type, s.fast].name] for s in wanted}
    spare = [s for s in every if s not in wanted and KINDS[s.type, s.fast].name in stand_ins]
    limits = Limits(feed.subscriptions_max, feed.connection_subscriptions_max, feed.connections_max)
    return Session(
        wanted, standby=[*standby(coins, feed.books), *spare], lines=allot(wanted, limits)
    )
