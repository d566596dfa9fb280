"""What the screen reads of the database: money, limits, bots and what just happened.

Reading takes longer the more there is, so a thread of its own does it every few seconds; the
screen shows the newest of what it has read.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from msgspec import Struct

from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from daemon.views.money import EquityLine, Money, equity_line, money
from daemon.views.trades import ListedTrade, trades
from market.errors import GnomonError
from market.text import visible_within
from shadow.report.report import report
from shadow.report.row import ReportRow
from shadow.store.query import BlockedSignal, blocked_signals

T = TypeVar("T")

EVERY_S = 5.0
DAY_NS = 86_400 * 10**9
NEWEST = 60


class Books(Struct, frozen=True, kw_only=True):
    """Money of today (from 00:00 UTC), of seven days and of all; None where nothing has closed.

    `limits` are rows of the report with the placebo last, `bots` what each bot's trades made.
    """

    equity: EquityLine
    today: Money | None
    week: Money | None
    whole: Money | None
    phantoms: Money | None
    limits: list[ReportRow]
    rules: list[ReportRow]
    bots: list[Money]
    trades: list[ListedTrade]
    blocked: list[BlockedSignal]


def read_books(state: StateDir, now_ns: int) -> Books:
    """Return the books as they are now; raises GnomonError when the database cannot be read."""
    with reading(state) as db:

        def whole_of(since_ns: int = 0) -> Money | None:
            return next(iter(money(db, since_ns=since_ns)), None)

        found = report(db, by="filter")
        return Books(
            equity=equity_line(db, since_ns=now_ns - DAY_NS),
            today=whole_of(now_ns - now_ns % DAY_NS),
            week=whole_of(now_ns - 7 * DAY_NS),
            whole=whole_of(),
            phantoms=next(iter(money(db, kind="phantom")), None),
            limits=found.rows,
            rules=found.rules,
            bots=money(db, by="bot"),
            trades=trades(db, limit=NEWEST),
            blocked=blocked_signals(db, limit=NEWEST),
        )


class BookReader:
    """A thread that reads the books again and again; `newest` is what it found last."""

    def __init__(self, state: StateDir) -> None:
        self.newest: Books | None = None
        self._state = state
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="books", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # A query is not waited for: the thread ends with the process.
        self._over.set()

    def _read(self) -> None:
        while not self._over.is_set():
            # Not there yet, or moved away: the daemon says so, and the next look may find it.
            with suppress(GnomonError):
                self.newest = as_shown(read_books(self._state, time.time_ns()))
            self._over.wait(EVERY_S)


def as_shown(answer: T) -> T:
    """Return an answer without what a terminal would obey: names come from outside."""
    return msgspec.convert(visible_within(msgspec.to_builtins(answer)), type(answer))
