"""State from a future that the venue does not know of, brought back to now.

A clock that was ahead and came back leaves stamps behind that nothing would reach for a day, or
for years: no hour would end, no trade expire, no bot speak again. At a start the venue's clock is
the judge, so whatever is later than now happened now at the latest.
"""

from __future__ import annotations

from collections.abc import Iterable

from daemon.engine.engine import Engine
from market.events import MS_PER_DAY, NS_PER_DAY, NS_PER_MS, NS_PER_S
from shadow.ledger.trade import Trade


def bring_back(
    engine: Engine, trades: Iterable[Trade], marked_ns: dict[str, int], now_ns: int
) -> str:
    """Let nothing in the state of an earlier run be later than now; return what was done."""
    vitals, branch, out = engine.vitals, engine.branch, engine.out
    ahead_s = (max(vitals.now_ns, vitals.venue_ns) - now_ns) / NS_PER_S
    today_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
    vitals.now_ns = vitals.venue_ns = now_ns
    vitals.next_hour_ns = 0
    desk = branch.desk
    desk.day_ms = min(desk.day_ms, today_ms)
    desk.stopped = {name: min(at_ns, now_ns) for name, at_ns in desk.stopped.items()}
    out.touch("desk")
    for name, key in branch.keys.items():
        key.opened_ns, key.spoke_ns = min(key.opened_ns, now_ns), min(key.spoke_ns, now_ns)
        out.touch(f"key/{name}")
    for trade in trades:
        _bring_back_trade(trade, now_ns)
        out.touch(f"trade/{trade.trade_id}")
    for coin, at_ns in marked_ns.items():
        marked_ns[coin] = min(at_ns, now_ns)
    vitals.uptime.day_ms = min(vitals.uptime.day_ms, today_ms)
    for series in engine.series.state.known:
        series.from_ns = min(series.from_ns, now_ns // NS_PER_DAY * NS_PER_DAY + NS_PER_DAY)
    out.touch("series")
    weighing = engine.weighing
    weighing.weights.stepped_ms = min(weighing.weights.stepped_ms, today_ms)
    for days in (*weighing.fresh.values(), *weighing.weights.known.values()):
        for day_ms in [day for day in days if day > today_ms]:
            (r, n), (more, closed) = days.get(today_ms, (0, 0)), days.pop(day_ms)
            days[today_ms] = (r + more, n + closed)
    out.touch("weights")
    out.touch("returns")
    return (
        f"an earlier run's clock was {ahead_s:.0f} s ahead of the venue's; "
        "what it stamped later than now counts as of now"
    )


def _bring_back_trade(trade: Trade, now_ns: int) -> None:
    for name in (
        "decided_ns",
        "due_ns",
        "expires_ns",
        "opened_ns",
        "exit_due_ns",
        "gap_ns",
        "closed_ns",
    ):
        setattr(trade, name, min(getattr(trade, name), now_ns))
    now_ms = now_ns // NS_PER_MS
    # An hour that has not ended is not owed: it will be charged when it does.
    trade.owes = [owed for owed in trade.owes if owed.hour_ms <= now_ms]
    trade.funded_ms, trade.owed_ms = min(trade.funded_ms, now_ms), min(trade.owed_ms, now_ms)
