"""Layout of the live screen: which panels stand where, and how many lines each may take.

Two columns from 140 on, three from 200; one below, where the least important panels give way.
Rows use the height there is: every panel gets its least, and what is left goes to those that have
more to show, one line at a time in the order of their importance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from rich.text import Text

from daemon.screen.columns import beside, fit
from daemon.screen.panels.bots import bots
from daemon.screen.panels.feeds import feeds
from daemon.screen.panels.happened import happened
from daemon.screen.panels.holdings import holdings
from daemon.screen.panels.limits import limits
from daemon.screen.panels.money import money
from daemon.screen.panels.strip import strip
from daemon.screen.seen import Seen

Panel = Callable[[Seen, int, int], list[Text]]

# A heading, a head and a row; with less than twice that a panel says too little.
LEAST, ENOUGH = 3, 6
PLENTY = 200
# From this height on there is room for space.
TALL = 30
GAP = 3


class Place(Struct, frozen=True):
    """Panels side by side, each with its share of the width.

    `hunger` is how many lines it is given at a time when there are some to spare.
    """

    panels: tuple[Panel, ...]
    shares: tuple[int, ...] = (1,)
    hunger: int = 1


NARROW = (Place((limits,), hunger=3), Place((holdings,)), Place((happened,)), Place((bots,)))
WIDE = (Place((limits, bots), (78, 59)), Place((holdings, happened), (78, 59)))
WIDEST = (
    Place((limits, bots, feeds), (86, 55, 53)),
    Place((holdings, happened), (86, 111)),
)


def screen(seen: Seen, width: int, height: int) -> list[Text]:
    """Return exactly the lines of a screen that large, none wider than it."""
    tall = height >= TALL
    space = [Text()] if tall else []
    top = [*strip(seen, width), *space, *money(seen, width, tall=tall)]
    foot = _foot(seen, width)
    places = WIDEST if width >= 200 else WIDE if width >= 140 else NARROW
    body = _body(seen, places, width, height - len(top) - 1, space)
    lines = [*top, *body][: height - 1]
    lines += [Text()] * (height - 1 - len(lines))
    return [fit(line, width) for line in (*lines, foot)]


def _body(
    seen: Seen, places: Sequence[Place], width: int, room: int, space: list[Text]
) -> list[Text]:
    """Return the lines of as many places as there is room for, `space` above each."""
    kept = list(places)
    while len(kept) > 1 and len(kept) * (ENOUGH + len(space)) > room:
        kept.pop()
    widths = [_widths(place, width) for place in kept]
    wanted = [
        max(len(panel(seen, w, PLENTY)) for panel, w in zip(place.panels, each, strict=True))
        for place, each in zip(kept, widths, strict=True)
    ]
    heights = allotted(wanted, [place.hunger for place in kept], room - len(kept) * len(space))
    lines: list[Text] = []
    for place, each, height in zip(kept, widths, heights, strict=True):
        blocks = [p(seen, w, height) for p, w in zip(place.panels, each, strict=True)]
        joined, used = blocks[0], each[0]
        for block, more in zip(blocks[1:], each[1:], strict=True):
            joined = beside(joined, block, used, GAP)
            used += GAP + more
        lines += [*space, *joined]
    return lines


def _widths(place: Place, width: int) -> list[int]:
    room, total = width - GAP * (len(place.panels) - 1), sum(place.shares)
    widths = [room * share // total for share in place.shares]
    widths[-1] += room - sum(widths)
    return widths


def allotted(wanted: Sequence[int], hunger: Sequence[int], room: int) -> list[int]:
    """Return how many lines each gets, at most what it wants and together at most `room`."""
    given = [0] * len(wanted)
    left = room
    while left > 0 and any(have < want for have, want in zip(given, wanted, strict=True)):
        for at, want in enumerate(wanted):
            step = LEAST if not given[at] else hunger[at]
            more = max(min(step, want - given[at], left), 0)
            given[at] += more
            left -= more
    return given


def _foot(seen: Seen, width: int) -> Text:
    g = seen.glyphs
    leave = "Ctrl-C stops the daemon" if seen.stops_daemon else "Ctrl-C leaves; the daemon goes on"
    leave = f"{seen.page}   {leave}" if seen.page else leave
    legend = (
        f"{g.observing} observing  {g.phantom} phantom  {g.long}{g.short} long, short filled  "
        f"{g.blocked_long}{g.blocked_short} blocked  {g.closed} closed"
    )
    room = width - len(leave) - 3
    said = fit(Text(f" {legend}", "dim"), room) if room > 20 else Text()
    gap = " " * (width - said.cell_len - len(leave) - 1)
    return Text.assemble(said, gap, leave)
