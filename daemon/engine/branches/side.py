"""One branch: its account, and what its day has brought so far."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from daemon.engine.account import Account
from daemon.engine.branches.variant import Variant
from market.coin import Coin
from market.desk import Desk, DeskView
from shadow.ledger.trade import Trade

# A trade's id ends with the number of its branch; one that several hold has the first's.
BRANCH_BITS = 6
BRANCHES_MAX = 1 << BRANCH_BITS
NEVER_SAFE = 1 << 63


class Tally(Struct):
    """What became of a branch since its day began, or since it was forked if that was later.

    Money in micro-USDC. `base_e6` is the equity it began with, `peak_e6` the highest since and
    `fall_e6` the largest fall from one; `closed` counts trades, `repaired` those of them that were
    walked over a gap.
    """

    branch_id: int
    base_e6: int
    peak_e6: int
    fall_e6: int = 0
    latches: int = 0
    closed: int = 0
    repaired: int = 0


class Course(Struct):
    """What came of a branch since it was forked: the equity it began with, its highest, the largest
    fall from one, all in micro-USDC, and how many trades have ended.
    """

    start_e6: int = 0
    top_e6: int = 0
    depth_e6: int = 0
    closed: int = 0


class Side:
    """A branch at work; `index` is its number among them, `bit` its place in masks.

    `worth_e6` tells by number what the open trades of a branch are worth.
    """

    __slots__ = (
        "account",
        "bit",
        "course",
        "index",
        "safe_e6",
        "tally",
        "unsure",
        "variant",
        "view",
    )

    def __init__(
        self,
        index: int,
        variant: Variant,
        coins: dict[str, Coin],
        touch: Callable[[], None],
        worth_e6: Callable[[int], int],
    ) -> None:
        self.index = index
        self.bit = 1 << index
        self.variant = variant
        self.view = DeskView(Desk.opened_with(0, 0), coins)
        self.account = Account(self.view, touch, partial(worth_e6, index))
        self.tally = Tally(0, 0, 0)
        self.course = Course()
        # An equity that broke no loss limit, with the peak and the day's beginning as they are.
        self.safe_e6 = NEVER_SAFE
        # Whether its loss limits have to be looked at.
        self.unsure = True

    @property
    def desk(self) -> Desk:
        """Return the account's desk."""
        return self.view.desk

    def begin(self, branch_id: int) -> None:
        """Begin a day, as the branch of an id."""
        equity_e6 = self.desk.equity_e6
        self.tally = Tally(branch_id, equity_e6, equity_e6)
        self.look_again()

    def forked(self, branch_id: int) -> None:
        """Begin anew, as the branch of an id."""
        equity_e6 = self.desk.equity_e6
        self.course = Course(equity_e6, equity_e6)
        self.begin(branch_id)

    def look_again(self) -> None:
        """Let the loss limits be looked at again, for they may measure from elsewhere."""
        self.safe_e6, self.unsure = NEVER_SAFE, True

    def looked(self) -> None:
        """Note that no loss limit is broken by the equity as it is."""
        self.safe_e6, self.unsure = self.desk.equity_e6, False

    def revalue(self, open_e6: int) -> None:
        """Let its open trades be worth an amount; the caller lets the state know."""
        desk = self.view.desk
        equity_e6 = desk.cash_e6 + open_e6
        desk.open_e6 = open_e6
        if equity_e6 > desk.peak_e6:
            desk.peak_e6 = self.safe_e6 = equity_e6
        elif equity_e6 < self.safe_e6:
            self.unsure = True
        self._trace(equity_e6)

    def _trace(self, equity_e6: int) -> None:
        """Let day and course know how the equity stands."""
        tally, course = self.tally, self.course
        if equity_e6 > tally.peak_e6:
            tally.peak_e6 = equity_e6
        elif tally.peak_e6 - equity_e6 > tally.fall_e6:
            tally.fall_e6 = tally.peak_e6 - equity_e6
        if equity_e6 > course.top_e6:
            course.top_e6 = equity_e6
        elif course.top_e6 - equity_e6 > course.depth_e6:
            course.depth_e6 = course.top_e6 - equity_e6

    def pay(self, amount_e6: int) -> None:
        """Pay for what a trade that was closed turned out to owe."""
        self.account.pay(amount_e6)
        self._trace(self.desk.equity_e6)
        self.look_again()

    def closed(self, trade: Trade) -> None:
        """Count a trade that has ended."""
        self.account.close(trade)
        self._trace(self.desk.equity_e6)
        self.look_again()
        if trade.filled_lots:
            self.tally.closed += 1
            self.course.closed += 1
            self.tally.repaired += "repaired" in trade.flags or "gap" in trade.flags


def side_of(trade_id: int) -> int:
    """Return the number of the branch that a trade belongs to."""
    return trade_id % BRANCHES_MAX


def signal_of(trade_id: int) -> int:
    """Return the number of the signal that a trade came from."""
    return trade_id // BRANCHES_MAX


def trade_id_of(number: int, index: int) -> int:
    """Return the id of a branch's trade from the number of the signal it came from."""
    return number * BRANCHES_MAX + index


def course_of(trade: Trade) -> tuple[str, int, int, int, int]:
    """Return what a trade has in common with one that is the same on another desk."""
    return trade.key, trade.decided_ns, trade.lots, trade.filled_lots, trade.exit_lots
