"""Which bots pay? Each with what its trades made, what fees took, and how it is weighted."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from sqlite3 import Connection

from msgspec import Struct

from daemon.views.money import Money, money
from divisions.roster import discover
from shadow.store.tables.shortfalls import is_paid

DAYS_MAX = 90

_SIGNALS = """
SELECT name, SUM(CASE WHEN scope IN ('sole', 'shared', 'fail_closed') THEN signals ELSE 0 END),
       SUM(CASE WHEN scope = 'blocked' THEN entries ELSE 0 END),
       SUM(CASE WHEN scope = 'blocked' THEN r ELSE 0 END),
       SUM(CASE WHEN scope = 'twin' THEN entries ELSE 0 END)
FROM slice_day WHERE by = 'bot' GROUP BY name
"""
_NETS = f"""
SELECT t.bot, date(t.closed_ns / 1000000000, 'unixepoch') AS day, SUM(t.net_e6)
FROM trade t WHERE {is_paid("t")} GROUP BY t.bot, day ORDER BY day
"""
_WEIGHTS = "SELECT name, weight FROM weight WHERE scope = 'bot' ORDER BY day"


class BotRow(Struct, kw_only=True):
    """One bot; money in USD as in `Money`, null where nothing has closed.

    `blocked_share` is that of its episodes that have ended, `phantom_r` the mean R of what was
    blocked; `weights` and `equity` (its summed net) are by day, the newest last.
    """

    bot: str
    division: str
    trades: int
    net_usd: float
    price_usd: float
    fees_usd: float
    funding_usd: float
    fees_share: float | None
    win_rate: float | None
    mean_r: float | None
    hold_s: float | None
    blocked: int
    blocked_share: float | None
    phantom_r: float | None
    weight: float
    weights: list[float]
    equity: list[float]


class BotsPanel(Struct):
    """A row a bot of the roster, and of those that have gone but traded."""

    rows: list[BotRow]


def bots_panel(db: Connection) -> BotsPanel:
    """Return the bots by what they made."""
    homes = {cls.name: cls.division for cls in discover()}
    made = {row.name: row for row in money(db, by="bot")}
    signals = {name: found for name, *found in db.execute(_SIGNALS)}
    weights: dict[str, list[float]] = defaultdict(list)
    for name, weight in db.execute(_WEIGHTS):
        weights[name].append(weight)
    nets: dict[str, list[int]] = defaultdict(list)
    for name, _, e6 in db.execute(_NETS):
        nets[name].append(e6)
    rows = []
    for name in [*homes, *sorted(made.keys() - homes.keys())]:
        m = made.get(name) or Money(name=name, kind="taken")
        refused, episodes, r, twins = signals.get(name, (0, 0, 0.0, 0))
        rows.append(
            BotRow(
                bot=name,
                division=homes.get(name, ""),
                trades=m.trades,
                net_usd=m.net_usd,
                price_usd=m.price_usd,
                fees_usd=m.fees_usd,
                funding_usd=m.funding_usd,
                fees_share=m.fees_share,
                win_rate=m.win_rate,
                mean_r=m.mean_r,
                hold_s=m.hold_s,
                blocked=refused,
                blocked_share=episodes / (episodes + twins) if episodes + twins else None,
                phantom_r=r / episodes if episodes else None,
                weight=weights[name][-1] if weights[name] else 1.0,
                weights=weights[name][-DAYS_MAX:],
                equity=[e6 / 1e6 for e6 in accumulate(nets[name])][-DAYS_MAX:],
            )
        )
    return BotsPanel(sorted(rows, key=lambda row: (-row.net_usd, row.bot)))
