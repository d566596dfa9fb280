"""The book of series: which limit is measured under which terms, and what it judged.

A signal that opened an episode is judged by a limit when no other enforced one stood in its way
and this one had an answer; its outcome is the net R of the twin or phantom that followed it. An
outcome counts on the day it is final, but no sooner than some days after the signal, because
losers end first. Nothing here changes what the desk decides.
"""

from __future__ import annotations

from math import isfinite

from msgspec import Struct, field

from daemon.engine.outcome import Outbox
from daemon.engine.series.terms import Terms, series_id
from market.decision import TradeKind, Verdict
from market.desk import Desk
from market.events import MS_PER_DAY, NS_PER_DAY, NS_PER_MS, NS_PER_S
from market.money import divide_half_even
from market.uptime import Uptime
from quant.inference.matched import NO_ANSWERS, Answers, Matched
from shadow.ledger.trade import CANCELLED, SUSPECT_PRICE, UNAVAILABLE, WOUND_DOWN, Trade
from shadow.store.rows import Rows, day_of
from shadow.store.tables.limits import FinalDayRow, LimitDayRow, LimitShift, MatchedDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow, SeriesUpdate, SpellRow

# What one R is worth is the median risk of the newest twins, once there are enough.
TWINS_MIN, TWINS_MAX = 30, 200

LEFT_OUT, UPTIME = "left_out", "run"
# Why a trade that has ended counts in no series, by the flag that says so.
LACKS = {"no_funding": "unfunded", SUSPECT_PRICE: "suspect", WOUND_DOWN: "wound_down"}
REPAIRED_FLAGS = ("repaired", "gap")
# The limit whose figure, realised volatility, the plain limit beside each limit blocks by.
FIGURE = "volatility"


class Series(Struct):
    """A limit's `number`-th series; what is opened at or after `from_ns` is judged by it.

    `money_r_e6` is what one R is worth in it (micro-USDC), None until that is known.
    """

    filter: str
    series_id: str
    number: int
    from_ns: int
    delay_days: int
    money_r_e6: int | None = None


class SeriesState(Struct):
    """All series there ever were, in the order they began, and which of them run, by limit.

    Trades, and `running`, name series by their place in `known`. `risks_e6` are those of the
    newest twins. `matched` is the plain limit that every limit is held against.
    """

    known: list[Series] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    risks_e6: list[int] = field(default_factory=list)
    matched: Matched = field(default_factory=Matched)


class SeriesBook:
    """The running series by limit; `begin` finds them, at the first event."""

    def __init__(self, terms: Terms, out: Outbox, *, shadow: bool) -> None:
        self.state = SeriesState()
        self.begun = False
        self._terms = terms
        self._ids = {name: series_id(text) for name, text in terms.limits.items()}
        self._out = out
        self._shadow = shadow

    def of(self, name: str) -> Series | None:
        """Return the running series of a limit, None where there is none."""
        at = self.state.running.get(name)
        return None if at is None else self.state.known[at]

    @property
    def money_e6(self) -> int | None:
        """Return what one R is worth by the newest twins, None while there are too few."""
        risks = sorted(self.state.risks_e6)
        if len(risks) < TWINS_MIN:
            return None
        half = len(risks) // 2
        if len(risks) % 2:
            return risks[half]
        return divide_half_even(risks[half - 1] + risks[half], 2)

    @property
    def _uptime(self) -> Uptime:
        return self._out.vitals.uptime

    def go_on(self, state: SeriesState) -> None:
        """Take up a whole state; what it lacks of the terms begins with the next event."""
        self.state = state
        running = {name: state.known[at].series_id for name, at in state.running.items()}
        self.begun = running == self._ids and self._uptime.day_ms > 0

    def begin(self, *, fresh: bool) -> None:
        """Take up the series under the terms there are, or begin those that are new.

        A new one judges from the first event of a fresh state on, else from the next 00:00 UTC.
        """
        self.begun = True
        now_ns = self._out.vitals.venue_ns
        today_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
        self._uptime.day_ms = self._uptime.day_ms or today_ms
        from_ns = self._out.now_ns if fresh else (now_ns // NS_PER_DAY + 1) * NS_PER_DAY
        state, rows = self.state, self._out.rows
        places = {series.series_id: at for at, series in enumerate(state.known)}
        running = {}
        for name, found in self._ids.items():
            at = places.get(found)
            running[name] = self._begin(name, found, from_ns) if at is None else at
        for name in [*running, *(name for name in state.running if name not in running)]:
            if running.get(name) != state.running.get(name):
                rows.spells.append(SpellRow(name, self._out.seq, self._ids.get(name, "")))
        if running != state.running:
            state.running = running
            self._out.touch("series")
        self._freeze()

    def _begin(self, name: str, found: str, from_ns: int) -> int:
        known = self.state.known
        number = len([series for series in known if series.filter == name]) + 1
        known.append(Series(name, found, number, from_ns, self._terms.delay_days))
        self._out.rows.series.append(self._row(known[-1]))
        return len(known) - 1

    def _row(self, series: Series) -> SeriesRow:
        return SeriesRow(
            series.series_id,
            series.filter,
            series.number,
            series.from_ns,
            series.money_r_e6,
            self._terms.limits[series.filter],
        )

    def rows(self, first_seq: int) -> Rows:
        """Return the rows of what runs, for a file that begins with an event of this number."""
        running = {name: self.state.known[at] for name, at in self.state.running.items()}
        mine = {n: s for n, s in running.items() if self._ids.get(n) == s.series_id}
        return Rows(
            series=[self._row(series) for series in mine.values()],
            spells=[SpellRow(name, first_seq, s.series_id) for name, s in mine.items()],
        )

    def _freeze(self) -> None:
        """Let one R be worth what it is now where a running series does not say it yet."""
        money_e6 = self.money_e6
        if money_e6 is None:
            return
        for at in self.state.running.values():
            series = self.state.known[at]
            if series.money_r_e6 is None:
                series.money_r_e6 = money_e6
                self._out.rows.series_updates.append(SeriesUpdate(money_e6, series.series_id))
                self._out.touch("series")

    # What becomes of episodes.

    def entered(self, trade: Trade) -> None:
        """Learn what a twin that filled risked; without the shadow its trade stands in."""
        kind = TradeKind.TWIN if self._shadow else TradeKind.PAPER
        if trade.kind != kind or trade.risk_e6 <= 0:
            return
        risks = self.state.risks_e6
        risks.append(trade.risk_e6)
        del risks[:-TWINS_MAX]
        self._out.touch("risks")
        if len(risks) == TWINS_MIN:
            self._freeze()

    def judge(self, trade: Trade, verdict: Verdict) -> None:
        """Note which series a twin or phantom belongs to as its episode opens."""
        failing, known, running = verdict.failing, self.state.known, self.state.running
        judged, blocked = [], []
        for check in verdict.checks:
            at = running.get(check.filter)
            if at is None or trade.decided_ns < known[at].from_ns:
                continue
            hit = check.outcome == "fail" or check.cuts
            if check.outcome == "no_data":
                self._leave_out(trade, check.filter, "no_data")
            elif not failing or failing == (check.filter,):
                judged.append(at)
                if hit:
                    blocked.append(at)
            elif hit:
                self._leave_out(trade, check.filter, "joint")
                for name in failing:
                    if name != check.filter:
                        self._leave_out(trade, check.filter, f"joint:{name}")
        trade.judged, trade.blocked = tuple(judged), tuple(blocked)
        trade.matched, trade.wild = self._match(trade, verdict)

    def _match(self, trade: Trade, verdict: Verdict) -> Answers:
        """Return what the plain limit beside each limit would have said."""
        values = [check.value for check in verdict.checks if check.filter == FIGURE]
        if not trade.judged or not values or values[0] is None:
            return NO_ANSWERS
        self._out.touch("matched")
        hits = {at: at in trade.blocked for at in trade.judged}
        return self.state.matched.judge(trade.decided_ns // NS_PER_DAY, values[0], hits)

    def final(self, trade: Trade) -> None:
        """Count an outcome that will not change any more."""
        if not trade.judged:
            return
        reason = lack_of(trade)
        if reason:
            for at in trade.judged:
                self._leave_out(trade, self.state.known[at].filter, reason)
            return
        today_ms = max(self._out.now_ns // NS_PER_MS, self._uptime.day_ms)
        if today_ms // MS_PER_DAY > trade.closed_ns // NS_PER_DAY:
            self._out.rows.final_days.append(FinalDayRow(trade.trade_id, day_of(today_ms)))
        r = trade.r or 0.0
        sample = "repaired" if any(flag in trade.flags for flag in REPAIRED_FLAGS) else "clean"
        for at in trade.judged:
            series = self.state.known[at]
            due_ms = trade.decided_ns // NS_PER_MS + series.delay_days * MS_PER_DAY
            key = (
                day_of(max(due_ms, today_ms)),
                series.filter,
                series.series_id,
                trade.bot,
                sample,
            )
            hit = at in trade.blocked
            self._out.rows.limit_days.append(
                LimitDayRow(*key, 1, r, int(hit), r if hit else 0.0, r, r)
            )
            if at in trade.matched:
                hit = at in trade.wild
                self._out.rows.matched_days.append(
                    MatchedDayRow(*key, 1, r, int(hit), r if hit else 0.0, r, r)
                )

    def _leave_out(self, trade: Trade, name: str, reason: str) -> None:
        day = day_of(trade.decided_ns // NS_PER_MS)
        self._out.rows.left_out.append(
            RollupRow(day, name, LEFT_OUT, reason, trade.bot, 0, 1, 0.0, 0.0, 0)
        )

    # Days.

    def on_second(self, desk: Desk) -> None:
        """Count how long the desk was up."""
        vitals = self._out.vitals
        vitals.uptime.on_second(vitals.now_ns, desk, feed_up=vitals.feed_up)

    def end_day(self, day_ms: int) -> None:
        """End the UTC day before `day_ms`; what was due on days that were not run moves there."""
        uptime = self._uptime
        if day_ms <= uptime.day_ms:
            return
        ended_ms = uptime.day_ms
        run_s = uptime.run_ns // NS_PER_S
        latched_s = (uptime.run_ns + uptime.latched_ns) // NS_PER_S - run_s
        self._out.rows.left_out.append(
            RollupRow(day_of(ended_ms), "", UPTIME, "seconds", "", run_s, latched_s, 0.0, 0.0, 0)
        )
        for series in self.state.known:
            first_ms = ended_ms + MS_PER_DAY * uptime.was_run(series.filter)
            if first_ms < day_ms:
                self._out.rows.limit_shifts.append(
                    LimitShift(series.filter, series.series_id, day_of(first_ms), day_of(day_ms))
                )
        self._out.vitals.uptime = Uptime(day_ms, uptime.last_ns)


def lack_of(trade: Trade) -> str:
    """Return why a trade that has ended counts in no series, "" where it does."""
    if trade.exit_reason == UNAVAILABLE:
        return "called_off" if CANCELLED in trade.flags else "no_book"
    for flag, reason in LACKS.items():
        if flag in trade.flags:
            return reason
    return "" if trade.r is not None and isfinite(trade.r) else "no_risk"
