"""TWAP orders: a large order sent in slices.

Every thirty seconds a slice of at most three per cent slippage is sent; what earlier slices could
not fill is made up for, up to three times a slice. Source: documentation, "Order types".
"""

from __future__ import annotations

from dataclasses import dataclass

from market.instrument import Instrument
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.decimals import text, usd
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.notes import TWAP
from venue.local.exchange.state.order import IOC, Order
from venue.local.exchange.state.price_rule import valid_px
from venue.local.exchange.state.refusal import Rejection
from venue.local.exchange.steps.lifecycle import record, tell
from venue.local.exchange.steps.placing import run
from venue.local.exchange.steps.value import affords
from venue.local.market.contract import Row

SLICE_MS = 30_000
SLIPPAGE = 0.03
CATCH_UP = 3


@dataclass(slots=True)
class Twap:
    """One running TWAP; `lots` is the whole, `done` how many slices were due."""

    id: int
    user: str
    instrument: Instrument
    side: int
    lots: int
    minutes: int
    reduce_only: bool
    randomize: bool
    made_ms: int
    executed: int = 0
    executed_e6: int = 0
    done: int = 0

    @property
    def slices(self) -> int:
        """Return how many slices there are."""
        return self.minutes * 2 + 1

    def state_row(self) -> Row:
        """Return the TWAP as it stands."""
        decimals = self.instrument.sz_decimals
        return {
            "coin": self.instrument.coin,
            "user": self.user,
            "side": "B" if self.side > 0 else "A",
            "sz": text(self.lots, decimals),
            "executedSz": text(self.executed, decimals),
            "executedNtl": usd(self.executed_e6),
            "minutes": self.minutes,
            "reduceOnly": self.reduce_only,
            "randomize": self.randomize,
            "timestamp": self.made_ms,
        }


class Twaps:
    """The running TWAPs of all accounts by id."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.running: dict[int, Twap] = {}

    def start(self, twap: Twap) -> None:
        """Begin with the first slice."""
        self.running[twap.id] = twap
        self._tell(twap, "activated")
        self._slice(twap)

    def stop(self, twap: Twap, status: str) -> None:
        """End a TWAP."""
        self.running.pop(twap.id, None)
        self._tell(twap, status)

    def due(self) -> None:
        """Send the slices whose time has come."""
        for twap in list(self.running.values()):
            while twap.id in self.running and self._is_due(twap):
                self._slice(twap)

    def next_ms(self) -> int | None:
        """Return when the next slice is due, None without any."""
        times = [t.made_ms + t.done * SLICE_MS for t in self.running.values()]
        return min(times, default=None)

    def _is_due(self, twap: Twap) -> bool:
        return self._state.now_ms >= twap.made_ms + twap.done * SLICE_MS

    def _slice(self, twap: Twap) -> None:
        twap.done += 1
        size = -(-twap.lots // twap.slices)
        target = min(twap.lots * twap.done // twap.slices, twap.lots)
        if twap.done >= twap.slices:
            target = twap.lots
        lots = min(target - twap.executed, CATCH_UP * size)
        if lots > 0:
            self._send(twap, lots)
        if twap.executed >= twap.lots or twap.done >= twap.slices:
            self.stop(twap, "finished")

    def _send(self, twap: Twap, lots: int) -> None:
        state = self._state
        account: Account = state.accounts[twap.user]
        coin = twap.instrument.coin
        held = account.lots(coin)
        if twap.reduce_only:
            if twap.side * held >= 0:
                self.stop(twap, "terminated")
                return
            lots = min(lots, abs(held))
        mark = state.mark(coin)
        if not mark or not affords(state, account, coin, twap.side * lots, mark):
            return
        px = valid_px(mark * (1.0 + twap.side * SLIPPAGE), twap.instrument, -twap.side)
        state.tx += 1
        order = Order(
            state.next_oid(),
            twap.user,
            twap.instrument,
            twap.side,
            px,
            lots,
            IOC,
            state.now_ms,
            reduce_only=twap.reduce_only,
            twap_id=twap.id,
        )
        record(state, account, order)
        try:
            run(state, account, order)
        except Rejection as refused:
            tell(state, order, refused.status)
        twap.executed += order.filled_lots
        twap.executed_e6 += order.filled_e6

    def _tell(self, twap: Twap, status: str) -> None:
        state = self._state
        row: Row = {
            "time": state.now_ms // 1_000,
            "state": twap.state_row(),
            "status": {"status": status},
            "twapId": twap.id,
        }
        state.accounts[twap.user].twaps.append(row)
        state.note(twap.user, TWAP, row)
