"""Fault: well-formed prices of another market."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from msgspec import Meta

from market.instrument import format_decimal
from venue.hyperliquid.streams import BBO, CONTEXT, L2_BOOK, TRADES
from venue.local.faults.fault import Fault, Moment, Seconds, described
from venue.local.faults.outgoing import Outgoing

PRICES = frozenset(("px", "markPx", "oraclePx", "midPx", "impactPxs", "bbo", "levels", "ctx"))
Of = Literal["all", "books", "prints", "contexts"]
CHANNELS: dict[Of, frozenset[str]] = {
    "all": frozenset((L2_BOOK, BBO, TRADES, CONTEXT)),
    "books": frozenset((L2_BOOK, BBO)),
    "prints": frozenset((TRADES,)),
    "contexts": frozenset((CONTEXT,)),
}


class Spike(Fault, frozen=True):
    """Spike: prices of the streams `of` are `factor` times what they are, sizes are not.

    Mark, oracle and mid of a context count as prices, the day's volume does not.
    """

    name = "spike"
    does = "multiplies the prices of books, prints or contexts"
    channels = CHANNELS["all"]

    for_s: Seconds = 1.8
    of: Of = "all"
    factor: Annotated[float, Meta(gt=0.0), described("1 leaves them as they are")] = 10.0

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Put other prices in the place of the true ones."""
        if frame.channel not in CHANNELS[self.of]:
            return [frame]
        return [frame.saying(_scaled(frame.data, Decimal(repr(self.factor))))]


def _scaled(data: Any, factor: Decimal) -> Any:
    """Return data in which every price is multiplied."""
    if isinstance(data, list):
        return [_scaled(item, factor) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        name: _priced(value, factor) if name in PRICES else value for name, value in data.items()
    }


def _priced(value: Any, factor: Decimal) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [_priced(item, factor) for item in value]
    if not isinstance(value, str):
        return _scaled(value, factor)
    try:
        return format_decimal(Decimal(value) * factor)
    except InvalidOperation:
        return value
