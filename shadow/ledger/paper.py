"""Paper broker: orders filled from the visible book by the fill model.

An order meets the first book at or after the time it is due. An entry that finds none in time,
or nothing in it, is cancelled; an exit waits. Protective stops rest here for whoever asks, and
trigger nothing: the ledger's own stop rule sees every mark that they would see.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from market.coin import Coin
from market.fills import FillModel
from market.orders import (
    CALLED_OFF,
    NO_BOOK,
    NOTHING_TO_FILL,
    Accepted,
    BrokerEvent,
    Cancel,
    Cancelled,
    Enter,
    Exit,
    Filled,
    Intent,
    Part,
    PartlyFilled,
    Protect,
    Refused,
)


class PaperBroker:
    """Entries and exits at work by coin, protective stops by trade."""

    def __init__(self, coins: Iterable[str], model: FillModel) -> None:
        self._model = model
        self._orders: dict[str, list[Enter | Exit]] = {name: [] for name in coins}
        self.protections: dict[int, Protect] = {}

    def send(self, intent: Intent, now_ns: int) -> list[BrokerEvent]:
        """Take an intent; a cancel of nothing is refused.

        An entry for no lots, which a small account may well be asked for, meets its book like
        any other and finds nothing there.
        """
        part: Part
        match intent:
            case Cancel():
                return [self._cancel(intent, now_ns)]
            case Protect():
                self.protections[intent.trade_id] = intent
                part = "protection"
            case Enter() | Exit():
                self._orders[intent.coin].append(intent)
                part = "entry" if isinstance(intent, Enter) else "exit"
            case _:
                assert_never(intent)
        return [Accepted(intent.trade_id, part, now_ns)]

    def on_book(self, coin: Coin, now_ns: int) -> list[BrokerEvent]:
        """Fill what is due from a valid book, oldest order first."""
        name = coin.instrument.coin
        events: list[BrokerEvent] = []
        # Whatever the order in which a written state listed them.
        orders, self._orders[name] = sorted(self._orders[name], key=_age), []
        still = self._orders[name]
        for order in orders:
            if isinstance(order, Enter) and now_ns > order.expires_ns:
                events.append(Cancelled(order.trade_id, "entry", now_ns, NO_BOOK))
            elif now_ns < order.due_ns:
                still.append(order)
            elif isinstance(order, Enter):
                events.append(self._enter(order, coin, now_ns))
            else:
                self._exit(order, coin, now_ns, events, still)
        return events

    def on_second(self, coin: str, now_ns: int) -> list[BrokerEvent]:
        """Call off entries that found no book in time."""
        orders = self._orders[coin]
        late = [o for o in orders if isinstance(o, Enter) and now_ns > o.expires_ns]
        for order in late:
            orders.remove(order)
        return [Cancelled(o.trade_id, "entry", now_ns, NO_BOOK) for o in sorted(late, key=_age)]

    def _enter(self, order: Enter, coin: Coin, now_ns: int) -> BrokerEvent:
        fill = self._model.enter(order, coin.book, coin.instrument)
        if not fill.lots:
            return Cancelled(order.trade_id, "entry", now_ns, NOTHING_TO_FILL)
        return Filled(order.trade_id, "entry", now_ns, fill)

    def _exit(
        self,
        order: Exit,
        coin: Coin,
        now_ns: int,
        events: list[BrokerEvent],
        still: list[Enter | Exit],
    ) -> None:
        fill = self._model.exit(order, coin.book, coin.instrument)
        left = order.lots - fill.lots
        if not left:
            events.append(Filled(order.trade_id, "exit", now_ns, fill))
            return
        if fill.lots:
            events.append(PartlyFilled(order.trade_id, "exit", now_ns, fill))
            order = msgspec.structs.replace(order, lots=left)
        still.append(order)

    def _cancel(self, cancel: Cancel, now_ns: int) -> BrokerEvent:
        trade_id = cancel.trade_id
        if cancel.part == "protection":
            found = self.protections.pop(trade_id, None) is not None
        else:
            orders = self._orders[cancel.coin]
            kind = Enter if cancel.part == "entry" else Exit
            kept = [o for o in orders if o.trade_id != trade_id or not isinstance(o, kind)]
            found = len(kept) < len(orders)
            self._orders[cancel.coin] = kept
        if not found:
            return Refused(trade_id, cancel.part, now_ns, f"no {cancel.part} at work")
        return Cancelled(trade_id, cancel.part, now_ns, CALLED_OFF)


def _age(order: Enter | Exit) -> tuple[int, int]:
    return order.due_ns, order.trade_id
