"""Implementation shortfall (Perold 1988): what came between a decision and the money.

A desk on paper that had entered and left every trade at the mids at which that was decided would
have made more. Each order waits until it is filled while the mid moves on, then pays the spread and
walks down the book; fees and funding take their part. All of it adds up to the micro-dollar.

A trade one of whose fills met no book (an outage walked by candles, a coin that went), or that
closed before the mids of fills were kept, cannot be split: it stands apart with its money.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from msgspec import Struct, field

from market.money import divide_half_even

_SUMS = """
SELECT SUM(trades), SUM(notional_e6), SUM(entry_delay_e6), SUM(exit_delay_e6),
       SUM(entry_impact_e6), SUM(exit_impact_e6), SUM(fees_e6), SUM(funding_e6), SUM(gross_e6)
FROM shortfall_day WHERE day >= ? AND split = ?
"""

CENT_E6 = 10_000
# A hundredth of a basis point, as a share.
HUNDREDTHS = 1_000_000


class NotSplit(Struct):
    """Trades of the desk whose costs are not known one by one, and their money in USD."""

    trades: int = 0
    gross_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0
    net_usd: float = 0.0


class Shortfall(Struct):
    """Money in USD over `trades` of the desk that have closed, and in bps of `notional_usd`.

    `decided_usd` is what they would have made at the mids of their decisions and free of charge;
    less `delay_usd` (what the mid did until the fills), `impact_usd` (spread and impact),
    `fees_usd` and `funding_usd` that is `net_usd`, exactly. A cost below zero is a gain.
    `notional_usd` is that of the entries; trades that are `not_split` are in none of it.
    """

    trades: int = 0
    notional_usd: float = 0.0
    decided_usd: float = 0.0
    delay_usd: float = 0.0
    impact_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0
    net_usd: float = 0.0
    decided_bps: float | None = None
    delay_bps: float | None = None
    impact_bps: float | None = None
    fees_bps: float | None = None
    funding_bps: float | None = None
    net_bps: float | None = None
    entry_delay_usd: float = 0.0
    exit_delay_usd: float = 0.0
    entry_impact_usd: float = 0.0
    exit_impact_usd: float = 0.0
    not_split: NotSplit = field(default_factory=NotSplit)


class Step(NamedTuple):
    """One line of the way from decision to money: its words, cents, and hundredths of a bp."""

    words: str
    cents: int
    bps_e2: int


def shortfall(db: sqlite3.Connection, *, since: str = "") -> Shortfall:
    """Return the shortfall of the trades that closed on UTC days from `since` on."""
    known, apart = (
        [amount or 0 for amount in db.execute(_SUMS, (since, split)).fetchone()] for split in (1, 0)
    )
    trades, notional, entry_delay, exit_delay, entry_impact, exit_impact, fees, funding, gross = (
        known
    )
    delay, impact = entry_delay + exit_delay, entry_impact + exit_impact
    decided, net = gross + delay + impact, gross - fees - funding

    def bps(amount_e6: int) -> float | None:
        return amount_e6 * 1e4 / notional if notional else None

    return Shortfall(
        trades=trades,
        notional_usd=notional / 1e6,
        decided_usd=decided / 1e6,
        delay_usd=delay / 1e6,
        impact_usd=impact / 1e6,
        fees_usd=fees / 1e6,
        funding_usd=funding / 1e6,
        net_usd=net / 1e6,
        decided_bps=bps(decided),
        delay_bps=bps(delay),
        impact_bps=bps(impact),
        fees_bps=bps(fees),
        funding_bps=bps(funding),
        net_bps=bps(net),
        entry_delay_usd=entry_delay / 1e6,
        exit_delay_usd=exit_delay / 1e6,
        entry_impact_usd=entry_impact / 1e6,
        exit_impact_usd=exit_impact / 1e6,
        not_split=_apart(apart),
    )


def _apart(sums: list[int]) -> NotSplit:
    fees, funding, gross = sums[-3:]
    money = (gross, fees, funding, gross - fees - funding)
    return NotSplit(sums[0], *(amount / 1e6 for amount in money))


def steps(s: Shortfall) -> list[Step]:
    """Return the way from decision to money, rounded so that the lines add up to the last.

    Each is the way between two running totals, and those are rounded: no line is off by a cent.
    """
    words = ("decided at mid", "waiting cost", "spread and impact", "fees", "funding")
    costs = (s.delay_usd, s.impact_usd, s.fees_usd, s.funding_usd)
    parts = [_e6(s.decided_usd), *(-_e6(cost) for cost in costs)]
    notional = _e6(s.notional_usd)
    cents, bps = _added_up(parts, 1, CENT_E6), _added_up(parts, HUNDREDTHS, notional or 1)
    found = [Step(*one) for one in zip(words, cents, bps, strict=True)]
    money = Step("money", sum(one.cents for one in found), sum(one.bps_e2 for one in found))
    return [*found, money]


def _e6(usd: float) -> int:
    return round(usd * 1e6)


def _added_up(parts: Iterable[int], numerator: int, denominator: int) -> Iterator[int]:
    totals = accumulate(parts, initial=0)
    rounded = (divide_half_even(total * numerator, denominator) for total in totals)
    return (after - before for before, after in pairwise(rounded))
