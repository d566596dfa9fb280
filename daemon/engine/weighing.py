"""Daily returns of bots, and the step of the weights at 00:00 UTC.

All of it is computed inside `step` from what the engine itself has seen, so a replay takes the
same steps. A mark of a day that ended before it was known (a gap repaired after midnight) waits
for the next step; each row of returns says from which step on it was known, so that every step
can be made again from the database.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from daemon.engine.outcome import Outbox
from divisions import weights as rule
from divisions.roster import DIVISIONS
from divisions.vote import together
from divisions.weights import Standing
from market.decision import TradeKind
from market.events import MS_PER_DAY
from market.money import divide_half_even
from shadow.ledger.trade import Trade
from shadow.store.rows import day_of
from shadow.store.tables.weights import ReturnRow, WeightRow

# By bot and the first millisecond of a UTC day: net R in millionths, and trades closed.
Returns = dict[str, dict[int, tuple[int, int]]]

START = "start"


class Weights(Struct):
    """State that the next step of the weights starts from.

    `homes` maps bots to divisions. `known` holds the window's returns as of the last step and
    `stepped_ms` the day it was made for. `saturated` names the scopes whose alarm was raised.
    """

    divisions: dict[str, float] = field(default_factory=dict)
    bots: dict[str, float] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    known: Returns = field(default_factory=dict)
    stepped_ms: int = 0
    saturated: list[str] = field(default_factory=list)

    def of(self, division: str, bot: str) -> tuple[float, float]:
        """Return the weights of a division and of one of its bots."""
        return self.divisions.get(division, rule.START), self.bots.get(bot, rule.START)


class Weighing:
    """Counting of returns and stepping of weights.

    Twins stand for what was admitted and phantoms for what was blocked, whatever blocked them;
    trials and clamped remainders count nowhere, nor does a trade that lacks a fact (its funding, a
    price to believe, an end of its own). With the shadow off there are no twins, and the paper
    trades that they would equal stand in, so that switching it off changes no size.
    """

    def __init__(self, outbox: Outbox, *, shadow: bool) -> None:
        self._weights = Weights()
        self._totals: dict[str, float] | None = None
        self.fresh: Returns = {}
        self._out = outbox
        self._admitted = TradeKind.TWIN if shadow else TradeKind.PAPER

    @property
    def weights(self) -> Weights:
        """Return the weights; they change at enrolment and at a day's step alone."""
        return self._weights

    @weights.setter
    def weights(self, weights: Weights) -> None:
        """Take up other weights."""
        self._weights = weights
        self._totals = None

    def totals(self) -> dict[str, float]:
        """Return what each division's bots weigh together, added up anew after a change."""
        if self._totals is None:
            self._totals = together(self._weights.bots, self._weights.homes)
        return self._totals

    def counts(self, trade: Trade) -> bool:
        """Say whether a trade is one of those that are ranked."""
        if trade.kind == TradeKind.PHANTOM:
            return trade.cause == "block"
        return trade.kind == self._admitted

    def mark(self, trade: Trade, day_ms: int, amount_e6: int) -> None:
        """Count a trade's net of one UTC day, in millionths of its risk.

        What comes later of a day that had its part is rounded with it, as if it had come at once.
        """
        if trade.risk_e6 and self.counts(trade) and not self._without(trade):
            before_e6 = sum(part for day, part in trade.days if day == day_ms)
            r_e6 = _r_e6(trade, before_e6 + amount_e6) - _r_e6(trade, before_e6)
            self._add(trade, day_ms, r_e6, 0)

    def closed(self, trade: Trade) -> None:
        """Count a trade that has an outcome."""
        if trade.risk_e6 and self.counts(trade) and not self._without(trade):
            at_ms = trade.closed_ns // 1_000_000
            self._add(trade, at_ms // MS_PER_DAY * MS_PER_DAY, 0, 1)

    def left_out(self, trade: Trade) -> bool:
        """Take back what a trade that lacks a fact has earned; return False when it was before."""
        if trade.unranked or not trade.excluded:
            return False
        trade.unranked = True
        if trade.risk_e6 and self.counts(trade):
            days: dict[int, int] = {}
            for day_ms, amount_e6 in trade.days:
                days[day_ms] = days.get(day_ms, 0) + amount_e6
            for day_ms, amount_e6 in days.items():
                self._add(trade, day_ms, -_r_e6(trade, amount_e6), 0)
        return True

    def _without(self, trade: Trade) -> bool:
        """Say whether a trade is left out, as it is from every verdict."""
        self.left_out(trade)
        return trade.unranked

    def _add(self, trade: Trade, day_ms: int, r_e6: int, closed: int) -> None:
        days = self.fresh.setdefault(trade.bot, {})
        r, n = days.get(day_ms, (0, 0))
        days[day_ms] = (r + r_e6, n + closed)
        self._out.touch("returns")

    def enrol(self, bots: Iterable[tuple[str, str]], now_ms: int) -> None:
        """Let divisions and (bot, division) pairs that are new begin with the start weight."""
        w = self.weights
        today_ms = now_ms // MS_PER_DAY * MS_PER_DAY
        w.stepped_ms = w.stepped_ms or today_ms
        for name in DIVISIONS:
            if name not in w.divisions:
                self._begin("division", name, w.divisions, today_ms)
        for bot, division in bots:
            if bot not in w.bots:
                w.homes[bot] = division
                self._begin("bot", bot, w.bots, today_ms)

    def _begin(self, scope: str, name: str, among: dict[str, float], today_ms: int) -> None:
        among[name] = rule.START
        self._totals = None
        standing = Standing(rule.START, None, 0, 0, START)
        self._out.rows.weights.append(_row(today_ms, scope, name, standing))
        self._out.touch("weights")

    def step(self, day_ms: int) -> None:
        """Move the weights for the day that begins at `day_ms`, by the returns up to it."""
        w = self.weights
        if not w.stepped_ms or day_ms <= w.stepped_ms:
            return
        w.stepped_ms = day_ms
        self._totals = None
        self._learn(day_ms)
        ended_ms = day_ms - MS_PER_DAY
        divisions = by_division(w.known, w.homes)
        w.divisions = self._move("division", w.divisions, divisions, ended_ms)
        w.bots = self._move("bot", w.bots, w.known, ended_ms)
        self._out.touch("weights")

    def _learn(self, day_ms: int) -> None:
        """Take what came since the last step into the window, and let go of what left it."""
        w = self.weights
        for bot in sorted(self.fresh):
            days = w.known.setdefault(bot, {})
            for at_ms, (r_e6, closed) in sorted(self.fresh[bot].items()):
                r, n = days.get(at_ms, (0, 0))
                days[at_ms] = (r + r_e6, n + closed)
                self._out.rows.returns.append(
                    ReturnRow(
                        day_of(at_ms), day_of(day_ms), bot, w.homes.get(bot, ""), r_e6, closed
                    )
                )
        first_ms = day_ms - rule.WINDOW_DAYS * MS_PER_DAY
        for days in w.known.values():
            for at_ms in [d for d in days if d < first_ms]:
                del days[at_ms]
        self.fresh.clear()
        self._out.touch("returns")

    def _move(
        self, scope: str, weights: dict[str, float], series: Returns, ended_ms: int
    ) -> dict[str, float]:
        standings = rule.step(weights, series, ended_ms)
        for name, standing in standings.items():
            self._out.rows.weights.append(_row(ended_ms + MS_PER_DAY, scope, name, standing))
        moved = {name: standing.weight for name, standing in standings.items()}
        full = rule.saturated(moved)
        if full and scope not in self.weights.saturated:
            names = ", ".join(rule.on_bounds(moved))
            self._out.alarm(
                "weights", f"more than a quarter of {scope} weights sit on a bound: {names}"
            )
            self.weights.saturated.append(scope)
        elif not full and scope in self.weights.saturated:
            self.weights.saturated.remove(scope)
        return moved


def _r_e6(trade: Trade, amount_e6: int) -> int:
    return divide_half_even(amount_e6 * 1_000_000, trade.risk_e6)


def by_division(returns: Returns, homes: dict[str, str]) -> Returns:
    """Return the returns of bots added up by division."""
    sums: Returns = {}
    for bot, days in returns.items():
        total = sums.setdefault(homes.get(bot, ""), {})
        for day_ms, (r_e6, closed) in days.items():
            r, n = total.get(day_ms, (0, 0))
            total[day_ms] = (r + r_e6, n + closed)
    return sums


def _row(day_ms: int, scope: str, name: str, s: Standing) -> WeightRow:
    return WeightRow(day_of(day_ms), scope, name, s.weight, s.sharpe, s.reason, s.days, s.closed)
