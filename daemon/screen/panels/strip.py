"""Am I all right? One word with a shape, what it rests on, and a line for each trouble."""

from __future__ import annotations

from msgspec import Struct
from rich.text import Text

from daemon.screen.columns import fit, number
from daemon.screen.glyphs import Glyphs
from daemon.screen.seen import Seen
from daemon.views.status import FeedStatus, RunningStatus
from shadow.store.rows import second_of

# The slowest book a strategy can live with; a public feed pushes one twice a second.
STALE_MS = 30_000


class Cell(Struct):
    """A piece of the strip, and how soon it gives way (0 never does)."""

    text: Text
    leaves: int = 0


def strip(seen: Seen, width: int) -> list[Text]:
    """Return the strip's line and a line for each trouble, the gravest first."""
    status, glyphs = seen.status, seen.glyphs
    cells = [Cell(_state(status, glyphs)), *_cells(status)]
    clock = Text(second_of(status.now_ns).replace("T", " "), "dim")
    short = Text(clock.plain[11:], "dim")
    while cells:
        gaps = 3 * (len(cells) - 1)
        used = 1 + sum(cell.text.cell_len for cell in cells) + gaps
        for stamp in (clock, short):
            room = width - used - stamp.cell_len
            if room >= 2:
                line = Text("   ").join([cell.text for cell in cells])
                return [Text.assemble(" ", line, " " * room, stamp), *_troubles(seen, width)]
        last = max(cells, key=lambda cell: cell.leaves)
        if not last.leaves:
            break
        cells.remove(last)
    return [fit(Text("   ").join([cell.text for cell in cells]), width), *_troubles(seen, width)]


def newest_ms(feed: FeedStatus) -> int | None:
    """Return the age of a coin's newest quote, None while none has come."""
    ages = [feed.ages_ms[name] for name in ("fast", "slow", "bbo") if name in feed.ages_ms]
    return min(ages, default=None)


def _state(s: RunningStatus, glyphs: Glyphs) -> Text:
    if s.halts or s.latched:
        return Text(f"{glyphs.bad} {'LATCHED' if s.latched else 'HALTED'}", "bold red")
    if not s.connected:
        return Text(f"{glyphs.bad} FEED DOWN", "bold red")
    if not s.ready:
        return Text(f"{glyphs.warn} WARMING UP", "bold yellow")
    if s.clock.trouble or _late(s) or any(bot.fault for bot in s.bots.values()):
        return Text(f"{glyphs.warn} LOOK", "bold yellow")
    return Text(f"{glyphs.good} ALL RIGHT", "bold green")


def _late(s: RunningStatus) -> list[str]:
    """Return the coins without a sound and recent book."""
    return [f.coin for f in s.feeds if not f.ok or (newest_ms(f) or 0) > STALE_MS]


def _cells(s: RunningStatus) -> list[Cell]:
    sound = len(s.feeds) - len(_late(s))
    ages = [age for age in map(newest_ms, s.feeds) if age is not None]
    age = f", {max(ages) / 1000:.1f} s" if ages else ""
    clock = s.clock.wall_ms
    faulted = sum(bool(bot.fault) for bot in s.bots.values())
    venue = "local venue" if s.mode == "local" else f"{s.network} data"
    return [
        Cell(Text("paper" if s.mode in ("local", "paper") else str(s.mode))),
        Cell(Text(venue, "dim"), 4),
        Cell(Text(f"up {span(s.uptime_s)}", "dim"), 5),
        Cell(Text(f"feed {sound} of {len(s.feeds)}{age}"), 1),
        Cell(Text("clock –" if clock is None else f"clock {number(clock, 0, sign=True)} ms"), 6),
        Cell(Text(f"bots {len(s.bots) - faulted} of {len(s.bots)}"), 7),
        Cell(Text(f"disk {s.disk_free_mb / 1000:,.0f} GB free"), 3),
        Cell(Text(f"{s.alarms} alarms" if s.alarms else "no alarms"), 2),
    ]


def _troubles(seen: Seen, width: int) -> list[Text]:
    s, lines = seen.status, []
    if s.latched:
        told = s.latched.removesuffix("; `gnomon resume` releases it")
        lines.append((f"latched: {told}", "gnomon resume"))
    lines += [(f"entries halted by {who}: {why}", "gnomon resume") for who, why in s.halts.items()]
    for h in s.halted:
        whose = " on ".join(filter(None, (h.bot, h.coin)))
        lines.append((f"entries of {whose} halted by {h.by}: {h.why}", h.resume))
    if s.clock.trouble:
        lines.append((f"clock: {s.clock.trouble}; no entry until it agrees", ""))
    late = _late(s)
    if late and s.ready:
        lines.append((f"no sound book of {', '.join(late)}; no entry there", ""))
    faulted = {name: bot.fault for name, bot in s.bots.items() if bot.fault}
    lines += [(f"{name} faulted: {why}", f"gnomon rearm {name}") for name, why in faulted.items()]
    lines += [(f"{coin} is not traded: {why}", "") for coin, why in s.closed.items()]
    return [_trouble(said, mend, width, seen.glyphs) for said, mend in lines]


def _trouble(said: str, mend: str, width: int, glyphs: Glyphs) -> Text:
    """Return one line; its words are cut before the command that mends it."""
    end = Text(f"   {mend}", "bold") if mend else Text()
    start = fit(Text(f" {glyphs.bad} {said}", "red"), width - end.cell_len)
    return Text.assemble(start, end, no_wrap=True)


def span(seconds: float) -> str:
    """Return a span of time in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def age(seconds: float) -> str:
    """Return how long something has lasted, in one unit."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} d"
