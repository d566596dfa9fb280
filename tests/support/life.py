"""A ledger of one coin that a test moves by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from market.coin import Coin
from market.decision import BUY
from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    Candle,
    ContextUpdate,
)
from shadow.ledger.trade import Change, Trade, TradeState
from tests.support.shadow import (
    SOL,
    T0,
    T0_MS,
    make_trade,
    paper_ledger,
    put_book,
)

S = NS_PER_S
MS = NS_PER_MS
MINUTE = MS_PER_MINUTE
HOUR = MS_PER_HOUR


Pairs = Sequence[tuple[float, float]]


class Life:
    """A ledger of one coin, moved by hand; times in seconds after the first midnight."""

    def __init__(self) -> None:
        self.coin = Coin(SOL)
        self.ledger = paper_ledger({"SOL": self.coin})
        self.changes: list[Change] = []

    def open(self, *trades: Trade) -> Trade:
        for trade in trades:
            self.ledger.open(trade)
        return trades[0]

    def opened(self, at_s: float = 0.0, **plan: float) -> Trade:
        """Return a trade decided at a time and filled half a second later, at 100.01."""
        trade = self.open(make_trade(decided_ns=T0 + round(at_s * S), **plan))  # type: ignore[arg-type]
        self.book(at_s + 0.5)
        assert trade.state == TradeState.OPEN
        return trade

    def book(
        self,
        at_s: float,
        mid: float = 100.0,
        *,
        bids: Pairs | None = None,
        asks: Pairs | None = None,
    ) -> list[Change]:
        now_ns = T0 + round(at_s * S)
        put_book(self.coin, mid, now_ns, bids=bids, asks=asks)
        if self.coin.book.ok:
            self.coin.usual.see(self.coin.book, now_ns)
        return self._keep(self.ledger.on_book(self.coin, now_ns)) if self.coin.book.ok else []

    def second(self, at_s: float) -> list[Change]:
        return self._keep(self.ledger.on_second(T0 + round(at_s * S)))

    def context(self, at_s: float, rate: float, oracle: float = 100.0) -> None:
        now_ns = T0 + round(at_s * S)
        self.coin.on_context(
            ContextUpdate("SOL", rate, 1.0, oracle, oracle, None, 1.0, 1.0, now_ns)
        )

    def hour(self, hours: int, at_s: float | None = None) -> list[Change]:
        at = hours * 3600.0 if at_s is None else at_s
        return self._keep(self.ledger.on_hour(T0_MS + hours * HOUR, T0 + round(at * S)))

    def day(self, days: int) -> list[Change]:
        return self._keep(self.ledger.on_day(T0_MS + days * MS_PER_DAY, T0 + days * 86_400 * S))

    def call(self, at_s: float, side: int = BUY, bot: str = "alpha") -> list[Change]:
        found = self.ledger.call_exit(bot, "SOL", side, T0 + round(at_s * S))
        return self._keep(found)

    def repair(self, at_s: float, rows: list[Candle]) -> list[Change]:
        return self._keep(self.ledger.repair(self.coin, rows, T0 + round(at_s * S)))

    def rates(self, rates: Mapping[int, float]) -> list[Change]:
        return self._keep(self.ledger.on_rates("SOL", rates.items()))

    def _keep(self, changes: Sequence[Change]) -> list[Change]:
        self.changes += changes
        for change in changes:
            if change.what == "settled":
                self.ledger.owing.release(change.trade)
        return list(changes)

    def days(self, trade: Trade) -> list[tuple[int, int]]:
        """Return a trade's parts by day, days counted from the first one."""
        return [
            ((c.day_ms - T0_MS) // MS_PER_DAY, c.amount_e6)
            for c in self.changes
            if c.what == "day" and c.trade is trade
        ]


def what(changes: list[Change]) -> list[str]:
    return [change.what for change in changes]


def copy_of(trade: Trade) -> Trade:
    """Return a trade as it comes back from where it was written down."""
    return msgspec.json.decode(msgspec.json.encode(trade), type=Trade)
