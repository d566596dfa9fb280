"""What the rows of limits and branches must hold, from the layout alone.

Nothing of the engine, the ledger or the fill model is used here: entries at the ask, exits at the
bid, a fee on both, funding at midnight. The weights alone are taken as they were, because sizes
follow from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import floor

from msgspec import Struct

from daemon.backtest.known.episodes import (
    CONVICTION,
    ENFORCED,
    HALF_SPREAD,
    INSTRUMENTS,
    MIDS,
    OBSERVING,
    RATES,
    STOP_SHARE,
    Episode,
    Layout,
)

FEE = Fraction(45, 100_000)
TWINS, TWINS_OF_LATE = 30, 200
# By (kind of branch, limit).
Key = tuple[str, str]


class LimitDay(Struct):
    """Row of a limit, a day and a bot."""

    judged: int = 0
    judged_r: float = 0.0
    blocked: int = 0
    blocked_r: float = 0.0
    best_r: float = float("-inf")
    worst_r: float = float("inf")


class BranchDay(Struct):
    """Row of a branch and a day; money in micro-USDC."""

    with_e6: int
    without_e6: int
    trades: int
    with_r: float | None
    without_r: float | None

    @property
    def value_r(self) -> float | None:
        """What the limit is worth on the day, None while R has no money yet."""
        if self.with_r is None or self.without_r is None:
            return None
        return self.with_r - self.without_r


class Trade(Struct, frozen=True):
    """Money of an episode in a size: its net, what it was worth at midnight, its risk."""

    net_e6: int
    night_e6: int
    risk_e6: int


def money(episode: Episode, lots: int) -> Trade:
    """Return what an episode earns in a size."""
    one = Fraction(1, 10 ** INSTRUMENTS[episode.coin].sz_decimals) * lots * 1_000_000
    mid, side = MIDS[episode.coin], episode.side

    def px(share: float, beside: float) -> Fraction:
        return Fraction(str(round(round(mid * (1.0 + side * share), 2) + beside, 2)))

    bought = px(0.0, side * HALF_SPREAD) * one
    sold = px(episode.move_share, -side * HALF_SPREAD) * one
    entry_fee, fees = round(bought * FEE), round(bought * FEE) + round(sold * FEE)
    stop = Fraction(str(round(mid * (1.0 - side * STOP_SHARE), 2)))
    funding = marked = 0
    if episode.night_share is not None:
        size = one / 1_000_000
        rate = Fraction(str(RATES[episode.coin]))
        funding = round(side * Fraction(str(mid)) * size * rate * 1_000_000)
        marked = round(side * (px(episode.night_share, 0.0) * one - bought)) - entry_fee - funding
    net = round(side * (sold - bought)) - fees - funding
    return Trade(net, marked, round(abs(Fraction(str(mid)) - stop) * one))


def lots_of(episode: Episode, equity_e6: int, weight: float) -> int:
    """Return the size that a desk of some equity asks for; wild and calm days are alike here."""
    worth_usd = equity_e6 / 1e6 * weight * CONVICTION
    lots: float = worth_usd / MIDS[episode.coin] * 10 ** INSTRUMENTS[episode.coin].sz_decimals
    return floor(lots)


def refused(kind: str, limit: str, episode: Episode) -> bool:
    """Say whether a kind of branch refuses an episode."""
    hit = {name for name in ENFORCED if name in episode.fails}
    if kind in ("observed", "open", "direction", "phase_space"):
        hit -= {limit} if kind == "observed" else set(ENFORCED)
    if kind == "enforced" and limit in episode.fails:
        hit.add(limit)
    return bool(hit)


Weigh = Callable[[Episode], float]


def limit_days(
    layout: Layout, r_of: Mapping[Episode, float], delay_days: int
) -> dict[tuple[str, int, str], LimitDay]:
    """Return the rows of all limits by limit, day and bot."""
    found: dict[tuple[str, int, str], LimitDay] = defaultdict(LimitDay)
    for episode in layout.episodes:
        day = max(episode.closes_on, episode.day + delay_days)
        while day < layout.days and not layout.runs(day):
            day += 1
        hit = [name for name in ENFORCED if name in episode.fails]
        for name in (*ENFORCED, *OBSERVING):
            if name in episode.lacks or hit not in ([], [name]):
                continue
            row, r = found[name, day, episode.bot], r_of[episode]
            row.judged += 1
            row.judged_r += r
            if name in episode.fails:
                row.blocked += 1
                row.blocked_r += r
            row.best_r, row.worst_r = max(row.best_r, r), min(row.worst_r, r)
    return dict(found)


def branch_days(
    layout: Layout, weigh: Weigh, start_e6: int, *, first_weekday: int
) -> dict[tuple[Key, int], BranchDay]:
    """Return the rows of all branches by branch and day."""
    kinds: list[Key] = [("main", ""), ("nothing", "")]
    kinds += [(kind, name) for name in ENFORCED for kind in ("observed", "data")]
    kinds += [("enforced", name) for name in OBSERVING]
    kinds += [(kind, "") for kind in ("open", "direction", "phase_space", "limits")]
    gains = {key: [0] * (layout.days + 1) for key in kinds}
    closed = {key: [0] * (layout.days + 1) for key in kinds}
    equity = dict.fromkeys(kinds, start_e6)
    unit = _Unit()
    carried: dict[Key, tuple[int, int]] = {}
    rows: dict[tuple[Key, int], BranchDay] = {}
    by_day: dict[int, list[Episode]] = defaultdict(list)
    for episode in layout.episodes:
        by_day[episode.day].append(episode)
    for day in range(layout.days):
        if (first_weekday + day) % 7 == 0:
            equity = dict.fromkeys(kinds, equity["main", ""])
        for key, (rest_e6, trades) in carried.items():
            gains[key][day] += rest_e6
            closed[key][day] += trades
            equity[key] += rest_e6
        carried = {}
        for episode in by_day[day]:
            _trade(episode, weigh, equity, gains, closed, carried, unit)
        if layout.runs(day):
            for key in kinds[1:]:
                rows[key, day] = _row(key, day, gains, closed, unit.e6(key[1]))
    return rows


class _Unit:
    """Money risked per R: frozen for each limit at the first twins, of late for the rest."""

    def __init__(self) -> None:
        self._risks: list[int] = []

    def add(self, risk_e6: int) -> None:
        """Learn what a twin risked."""
        self._risks.append(risk_e6)

    def e6(self, limit: str) -> float | None:
        """Return the median that counts for a limit, or for branches of no limit."""
        if len(self._risks) < TWINS:
            return None
        return _median(self._risks[:TWINS] if limit else self._risks[-TWINS_OF_LATE:])


def _median(numbers: list[int]) -> int:
    ordered = sorted(numbers)
    return round(Fraction(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2], 2))


def _trade(
    episode: Episode,
    weigh: Weigh,
    equity: dict[Key, int],
    gains: dict[Key, list[int]],
    closed: dict[Key, list[int]],
    carried: dict[Key, tuple[int, int]],
    unit: _Unit,
) -> None:
    """Let every desk that admits an episode earn what it earns, today and tomorrow."""
    weight = weigh(episode)
    for key, equity_e6 in list(equity.items()):
        kind, limit = key
        if refused(kind, limit, episode):
            continue
        plain = kind in ("open", "direction", "phase_space", "limits")
        found = money(episode, lots_of(episode, equity_e6, 1.0 if plain else weight))
        if key == ("main", ""):
            unit.add(found.risk_e6)
        today_e6 = found.net_e6 if episode.night_share is None else found.night_e6
        gains[key][episode.day] += today_e6
        equity[key] += today_e6
        if episode.night_share is None:
            closed[key][episode.day] += 1
        else:
            carried[key] = (found.net_e6 - today_e6, 1)


def _row(
    key: Key,
    day: int,
    gains: dict[Key, list[int]],
    closed: dict[Key, list[int]],
    unit_e6: float | None,
) -> BranchDay:
    kind, limit = key
    mine, main = gains[key][day], gains["main", ""][day]
    with_e6, without_e6 = main, mine
    if kind == "observed":
        with_e6 = gains["data", limit][day]
    elif kind == "enforced":
        with_e6, without_e6 = mine, main
    return BranchDay(
        with_e6,
        without_e6,
        closed[key][day],
        with_e6 / unit_e6 if unit_e6 else None,
        without_e6 / unit_e6 if unit_e6 else None,
    )
