"""Is the feed sound? Each coin's top of book and how old its streams are."""

from __future__ import annotations

from rich.text import Text

from daemon.screen.columns import Column, heading, number, table
from daemon.screen.panels.holdings import price
from daemon.screen.panels.strip import newest_ms
from daemon.screen.seen import Seen
from daemon.views.status import FeedStatus

QUESTION = "Is the feed sound?"
STALE_MS = 2_000
# Some streams are pushed only when something happens.
PATIENT = ("slow", "trades", "bbo")


def feeds(seen: Seen, width: int, height: int) -> list[Text]:
    """Return at most `height` lines: the heading, a head and a row a coin, unsound ones first."""
    status = seen.status
    rows = sorted(status.feeds, key=lambda f: (f.ok, -(newest_ms(f) or 0) // 1000))
    answer = f"{sum(f.ok for f in rows)} of {len(rows)} books, {number(status.frames, 0)} frames"
    lines = [heading(QUESTION, answer, width, seen.glyphs.rule)]
    room = height - 2
    shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
    lines += table(_columns(shown), width)
    if len(shown) < len(rows):
        lines.append(Text(f"{seen.glyphs.more} {len(rows) - len(shown)} more", "dim"))
    return lines[:height]


def _columns(rows: list[FeedStatus]) -> list[Column]:
    return [
        Column(head="coin", cells=[Text(f.coin, "" if f.ok else "red") for f in rows], left=True),
        Column(head="bid", cells=[Text(price(f.bid)) for f in rows], leaves=2),
        Column(head="ask", cells=[Text(price(f.ask)) for f in rows], leaves=6),
        Column(head="spread bp", cells=[Text(number(f.spread_bps, 1)) for f in rows], leaves=1),
        *(
            Column(head=f"{head} s", cells=[_age(f, stream) for f in rows], leaves=leaves)
            for head, stream, leaves in (
                ("book", "fast", 0),
                ("full book", "slow", 7),
                ("quote", "bbo", 5),
                ("trades", "trades", 4),
                ("context", "context", 3),
            )
        ),
    ]


def _age(feed: FeedStatus, stream: str) -> Text:
    if stream in feed.dead:
        return Text("dead", "red")
    ms = feed.ages_ms.get(stream)
    if ms is None:
        return Text("–", "dim")
    late = ms > STALE_MS * (3 if stream in PATIENT else 1)
    return Text(f"{ms / 1000:.1f}", "yellow" if late else "")
