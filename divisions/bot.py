"""Contract of a bot.

A bot is one class with frozen, validated parameters. It is a pure function of what it is shown:
each hook gets the bot's own memory of the coin, the coin, and the view of all coins, and returns
a Signal, an ExitCall or None. It has no clock, no I/O, no randomness, and knows nothing of
positions, so it behaves the same whether its signals were admitted or blocked.

Memory is a msgspec Struct, one per coin, so that a run can be written down and taken up again
at any event. Hooks that a bot does not override are never called.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Generic, TypeVar

from msgspec import Meta, Struct

from market.coin import Coin
from market.decision import ExitCall, ExitPlan, Signal
from market.events import NS_PER_S, TIMEFRAME_MS, TradesUpdate
from market.view import View

TICK_BAR_NS = 10 * NS_PER_S
# A long's stop lies above zero however wild the coin: at worst this share of the mid.
STOP_SHARE_MIN = 0.05

Action = Signal | ExitCall
Positive = Annotated[float, Meta(gt=0.0, le=1_000_000.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Bars = Annotated[int, Meta(ge=2, le=200)]
Seconds = Annotated[float, Meta(gt=0.0, le=604_800.0)]


def less(params: Struct, low: str, high: str) -> None:
    """Raise ValueError unless one parameter is below another; for `__post_init__`."""
    if getattr(params, low) >= getattr(params, high):
        raise ValueError(
            f"{low} = {getattr(params, low):g} must be below {high} = {getattr(params, high):g}"
        )


class NoMemory(Struct):
    """Memory of bots that look only at bars: none."""


P = TypeVar("P", bound=Struct)
M = TypeVar("M", bound=Struct)


class Bot(Generic[P, M]):
    """One strategy. `timeframes` are those whose closes it hears; empty for tick bots.

    `warm_up` is how many closed bars of each it needs before it may speak (for tick bots: how
    many of the events it hears). `search` holds candidate values by parameter name, all valid;
    autoresearch draws one change from it, and a parameter left out is never changed. `scale_free`
    claims that prices and sizes in other units lead to the same decisions. `admitted_as` is the
    name under which it may trade without being told to: a copy under another name begins in the
    shadow, like every bot that says nothing, until the configuration admits it.
    """

    name: ClassVar[str]
    division: ClassVar[str]
    admitted_as: ClassVar[str] = ""
    timeframes: ClassVar[tuple[str, ...]] = ()
    warm_up: ClassVar[int] = 0
    search: ClassVar[dict[str, tuple[float, ...]]] = {}
    scale_free: ClassVar[bool] = True
    params_type: ClassVar[type[Struct]]
    memory_type: ClassVar[type[Struct]] = NoMemory

    def __init__(self, params: P) -> None:
        self.params = params

    def on_book(self, memory: M, coin: Coin, view: View) -> Action | None:
        """React to a new merged book; it is valid (two-sided, uncrossed) when this is called."""

    def on_trades(self, memory: M, coin: Coin, view: View, update: TradesUpdate) -> Action | None:
        """React to new public trades."""

    def on_context(self, memory: M, coin: Coin, view: View) -> Action | None:
        """React to a new asset context."""

    def on_bar(self, memory: M, coin: Coin, view: View, timeframe: str) -> Action | None:
        """React to the close of a bar on one of `timeframes`; all coins have closed it by now."""

    @classmethod
    def hears(cls, hook: str) -> bool:
        """Say whether this bot overrides a hook."""
        return getattr(cls, hook) is not getattr(Bot, hook)

    @classmethod
    def feeds(cls) -> tuple[str, ...]:
        """Return the kinds of data this bot listens to."""
        names = {
            "on_book": "book",
            "on_trades": "trades",
            "on_context": "context",
            "on_bar": "bars",
        }
        return tuple(feed for hook, feed in names.items() if cls.hears(hook))

    def rearm_ns(self) -> int:
        """Return the silence after which a closed episode may begin again: one of its bars.

        Bars close on a clock, so consecutive signals of a bar bot are one bar apart; more than
        one and a half means that it kept silent for a whole bar.
        """
        if not self.timeframes:
            return TICK_BAR_NS
        return min(TIMEFRAME_MS[tf] for tf in self.timeframes) * 1_500_000


def plan(
    coin: Coin, side: int, *, stop: float, horizon_s: float, target: float = 0.0, trail: float = 0.0
) -> ExitPlan:
    """Return an exit plan from distances in USD around the current mid; 0.0 leaves one out."""
    mid = coin.book.mid
    return ExitPlan(
        stop_px=max(mid - side * stop, STOP_SHARE_MIN * mid),
        horizon_ns=int(horizon_s * NS_PER_S),
        target_px=mid + side * target if target else 0.0,
        trail=trail,
    )
