"""Booking of branches by UTC day, and their forks from the desk.

A branch is worth something only as one of a pair: on a day that ends, each is written down beside
the desk or the branch it is compared with. Desks that drift apart stop being a pair, so all are
forked anew on Mondays, and after any change of the configuration.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daemon.engine.branches.branches import Branches
from daemon.engine.branches.pieces import PIECE, SLOTS, STOPPED, trade_piece
from daemon.engine.branches.side import BRANCHES_MAX, Side, course_of, trade_id_of
from daemon.engine.branches.slots import Slots
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.trials import is_arm
from market.decision import TradeKind
from market.desk import Desk
from market.events import MS_PER_DAY, NS_PER_MS
from market.fills import FillModel
from market.orders import Exit
from market.uptime import Uptime
from shadow.ledger.steps import sell
from shadow.ledger.trade import Trade, age
from shadow.store.rows import day_of
from shadow.store.tables.branches import BranchDayRow, BranchEnd, BranchRow

# 1 January 1970 was a Thursday.
MONDAY = 4


class Forks(Struct):
    """Where the branches stand. `config_hash` is that of the desk they were forked from.

    `forked_ns` is 0 before the first fork. `due` says why they are to be forked when the day ends,
    "" for no reason; `unequal` that the alarm of an unequal pair was raised. `base_e6` is the
    desk's equity when the day began, or the fork if that was later; what of the day had been run
    by then is in `before`. `left` are branches of other variants that were left where they stood.
    """

    forked_ns: int = 0
    config_hash: str = ""
    due: str = ""
    unequal: bool = False
    base_e6: int = 0
    before: Uptime = msgspec.field(default_factory=Uptime)
    left: list[int] = msgspec.field(default_factory=list)


class Booking:
    """Writer of the branches' days; it forks them when that is due."""

    def __init__(
        self, branches: Branches, series: SeriesBook, out: Outbox, *, model: FillModel
    ) -> None:
        self.forks = Forks()
        # Whether they stay a pair for good once they were forked, as over one tape.
        self.lasting = False
        self._branches = branches
        self._main = branches.main
        self._series = series
        self._out = out
        self._model = model

    @property
    def waits(self) -> bool:
        """Say whether there are branches that were never forked."""
        return not self.forks.forked_ns and bool(self._branches.sides)

    def fork_first(self) -> None:
        """Fork a fresh state, or one whose branches are lost."""
        if self.forks.due or not self._out.vitals.forks:
            why = self.forks.due or "first"
        else:
            why = "the state of the branches was missing"
            self._out.alarm_apart("branch", f"{why}; they begin anew")
        self.fork(why)

    def on_second(self) -> None:
        """Compare the branch that toggles nothing with the desk."""
        forks, out, desk = self.forks, self._out, self._main.desk
        if not forks.unequal:
            for side in self._branches.sides[:1]:
                if side.variant.kind == "nothing" and side.desk != desk:
                    forks.unequal = True
                    out.alarm_apart(
                        "branch",
                        "the branch that toggles nothing is not the desk any more: equity "
                        f"{side.desk.equity_e6 / 1e6:.6f} USD beside {desk.equity_e6 / 1e6:.6f}, "
                        f"apart in {_apart(side.desk, desk)}; "
                        "no value of a limit can be trusted until the next fork",
                    )
        out.touch(PIECE)

    def end_day(self, day_ms: int) -> None:
        """Book the UTC day that ended at `day_ms`, then fork if that is due."""
        branches, forks = self._branches, self.forks
        if not forks.forked_ns:
            return
        monday = day_ms // MS_PER_DAY % 7 == MONDAY
        if day_ms - MS_PER_DAY != self._out.vitals.uptime.day_ms:
            # Of several days that end at once, after an outage, only the first can have been run.
            forks.due = forks.due or ("Monday" if monday else "")
            return
        self._main.settlement.account.value()
        branches.value()
        why = "" if self.lasting else forks.due or ("Monday" if monday else "")
        if why:
            self._discard()
        self._write_day(day_ms - MS_PER_DAY)
        if why:
            self.fork(why, begins_day=True)
        else:
            for side in branches.sides:
                side.begin(side.tally.branch_id)
            self._begin(Uptime())

    def fork(self, why: str, *, begins_day: bool = False) -> None:
        """Let every branch begin anew as a copy of the desk, within a day or as one begins."""
        branches, forks, out = self._branches, self.forks, self._out
        now_ns, main = out.now_ns, self._main
        rows = out.rows
        if forks.forked_ns:
            forks.left += [side.tally.branch_id for side in branches.sides]
        rows.branch_ends += [BranchEnd(now_ns, why, branch_id) for branch_id in forks.left]
        forks.left = []
        for name in branches.slots:
            out.touch(f"{SLOTS}{name}")
        branches.slots = {
            name: Slots.of(key, branches.everyone)
            for name, key in main.keys.items()
            if not is_arm(name.partition("|")[0])
        }
        for name in branches.slots:
            out.touch(f"{SLOTS}{name}")
        out.touch(STOPPED)
        for marks in main.ledger.marks.values():
            marks.write_back()
        branches.drop_owing()
        for trade in branches.ledger.owing.unsettled():
            out.touch(trade_piece(trade))
        # What has closed and still owes funding was credited to the desk without it.
        owing = main.ledger.owing.closed.values()
        paper = [trade for trade in owing if trade.kind == TradeKind.PAPER]
        real = sorted([*main.settlement.real.values(), *paper], key=age)
        trades = [_copy(trade, branches.next_number()) for trade in real]
        branches.take_up((trade, branches.everyone) for trade in trades)
        for side in branches.sides:
            side.view.desk = msgspec.convert(msgspec.to_builtins(main.desk), type(main.desk))
            series = self._series_id(side)
            branch_id = out.seq * BRANCHES_MAX + side.index
            rows.branches.append(
                BranchRow(branch_id, side.variant.filter, side.variant.kind, series, now_ns, why)
            )
            side.forked(branch_id)
        ledger = branches.ledger
        ledger.gaps.back_ns = dict(main.ledger.gaps.back_ns)
        ledger.gaps.rates = {name: dict(rates) for name, rates in main.ledger.gaps.rates.items()}
        ledger.resume(trades)
        for name, marks in main.ledger.marks.items():
            ledger.marks[name].last_ns = marks.last_ns
        for trade in trades:
            out.touch(trade_piece(trade))
        forks.forked_ns, forks.due, forks.unequal = now_ns, "", False
        forks.config_hash = main.books.identity.config_hash
        out.vitals.forks += 1
        self._begin(Uptime() if begins_day else msgspec.structs.replace(out.vitals.uptime))

    def _begin(self, before: Uptime) -> None:
        """Begin to count a day, or what is left of it."""
        self.forks.base_e6, self.forks.before = self._main.desk.equity_e6, before
        self._out.touch(PIECE)

    def _series_id(self, side: Side) -> str:
        found = self._series.of(side.variant.filter)
        return found.series_id if found is not None else ""

    def _write_day(self, day_ms: int) -> None:
        up, before = self._out.vitals.uptime, self.forks.before
        run = Uptime(0, 0, up.run_ns - before.run_ns, up.latched_ns - before.latched_ns)
        sides = {(s.variant.kind, s.variant.filter): s for s in self._branches.sides}
        main_e6 = self._main.desk.equity_e6 - self.forks.base_e6
        for side in self._branches.sides:
            kind, name = side.variant.kind, side.variant.filter
            if not run.was_run(name) or not self._booked(name, day_ms):
                continue
            mine_e6 = side.desk.equity_e6 - side.tally.base_e6
            with_e6, without_e6 = main_e6, mine_e6
            if kind == "observed":
                data = sides["data", name]
                with_e6 = data.desk.equity_e6 - data.tally.base_e6
            elif kind == "enforced":
                with_e6, without_e6 = mine_e6, main_e6
            money_e6 = self._money_e6(name)
            tally = side.tally
            self._out.rows.branch_days.append(
                BranchDayRow(
                    day_of(day_ms),
                    tally.branch_id,
                    name,
                    self._series_id(side),
                    with_e6 / money_e6 if money_e6 else None,
                    without_e6 / money_e6 if money_e6 else None,
                    with_e6,
                    without_e6,
                    tally.closed,
                    tally.fall_e6,
                    tally.latches,
                    run.share(name),
                    tally.repaired,
                )
            )

    def _booked(self, name: str, day_ms: int) -> bool:
        """Say whether a day belongs to the running series of a limit, or to no one limit."""
        found = self._series.of(name)
        return found is None or found.from_ns // NS_PER_MS < day_ms + MS_PER_DAY

    def _money_e6(self, name: str) -> int | None:
        found = self._series.of(name)
        return self._series.money_e6 if found is None else found.money_r_e6

    def _discard(self) -> None:
        """Sell what a branch holds and the desk does not, at the walk and fee of an exit."""
        real = self._main.settlement.real.values()
        kept = set(map(course_of, real))
        held = list(self._branches.ledger.trades.values())
        self._branches.drop([t for t in held if course_of(t) not in kept], self._sell)

    def _sell(self, trade: Trade) -> None:
        coin = self._branches.ledger.coin(trade.coin)
        now_ns, lots = self._out.now_ns, trade.open_lots
        if coin.book.ok:
            order = Exit(trade.trade_id, trade.coin, trade.side, lots, trade.skip_lots, now_ns, "")
            fill = self._model.exit(order, coin.book, coin.instrument)
            if fill.lots:
                sell(trade, fill, coin.instrument, now_ns)
        if trade.open_lots:
            # What the book does not hold goes as from an outage.
            px = coin.book.mid or trade.mark_px or trade.entry_px
            fill = self._model.leave(trade.side, trade.open_lots, px, coin.usual, coin.instrument)
            sell(trade, fill, coin.instrument, now_ns)
        trade.exit_reason = "fork"


def _apart(one: Desk, other: Desk) -> str:
    """Return the names of what two desks do not have in common."""
    names = one.__struct_fields__
    return ", ".join(n for n in names if getattr(one, n) != getattr(other, n))


def _copy(trade: Trade, number: int) -> Trade:
    """Return a trade of the desk as all branches hold it."""
    return msgspec.structs.replace(
        trade,
        trade_id=trade_id_of(number, 0),
        flags=list(trade.flags),
        days=[],
        tags=[],
        offset_tags=[],
        partner_days=[],
        later_trade_id=0,
        earlier_trade_id=0,
        counted=False,
        owes=[msgspec.structs.replace(owed) for owed in trade.owes],
    )
