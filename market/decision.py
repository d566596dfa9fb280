"""Signals, checks, verdicts, votes and exits: what is decided about a market.

A refusal is a value. A filter never raises to say no, and every filter is asked, because a
filter's own worth can be measured only where it alone stood in the way.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from msgspec import Struct, field

from market.events import LensCause, LensKind

BUY = 1
SELL = -1

# The pseudo-filter that blocks whatever a shadow-only bot says. It is no filter of the gate: it
# asks nothing of the market, has no mode, and is in no verdict.
STAGE = "stage"

Outcome = Literal["pass", "fail", "no_data"]
Mode = Literal["enforce", "observe", "off"]


class ExitPlan(Struct, frozen=True, gc=False):
    """The exits at which a trade ends by itself; alike for real trades and phantoms.

    `stop_px` is mandatory, `target_px` is optional (0.0 = none), `horizon_ns` counts from the
    decision, `trail` is a distance in USD behind the best mid since entry (0.0 = none), which
    ratchets once a second.
    """

    stop_px: float
    horizon_ns: int
    target_px: float = 0.0
    trail: float = 0.0


class Signal(Struct, gc=False):
    """A bot's dated opinion about one coin.

    `side` is BUY or SELL, `conviction` in (0, 1], `saw` the numbers behind it, `reason` the
    same in words.
    """

    coin: str
    side: int
    conviction: float
    plan: ExitPlan
    reason: str
    saw: dict[str, float] = field(default_factory=dict)


class Proposal(Struct, gc=False):
    """A signal in the size that one desk would trade: what the gate judges.

    `lots` is the size asked for, `notional_e6` its worth at the mid in micro-USDC, `sizing` the
    numbers behind it. Another desk may propose another size for the same signal.
    """

    signal: Signal
    bot: str
    division: str
    coin: str
    side: int
    lots: int
    notional_e6: int
    sizing: dict[str, float]


class Voice(Struct, gc=False, frozen=True):
    """One bot's standing opinion of a coin: side, conviction, since when, and why in words."""

    bot: str
    side: int
    conviction: float
    at_ns: int
    reason: str


class Stance(Struct, gc=False, frozen=True):
    """One division on a coin: `stance` in [−1, 1], `confidence` the share of it that speaks."""

    division: str
    weight: float
    stance: float
    confidence: float
    voices: list[Voice]


class Vote(Struct, gc=False, frozen=True):
    """The divisions on a coin: `value` in [−1, 1], `disagreement` in [0, 1], who said what."""

    value: float = 0.0
    disagreement: float = 0.0
    stances: list[Stance] = field(default_factory=list)


class ExitCall(Struct, gc=False):
    """A bot's own wish to end whatever it has on a coin and side, real and phantom alike."""

    coin: str
    side: int
    reason: str


class Check(Struct, gc=False):
    """One filter's finding on one signal.

    `value` was compared with `threshold`; both are None when there was nothing to compare.
    `room_e6` is the notional in micro-USDC a cap still has, None for a filter that is no cap.
    `cuts` says of a pass that a raised alarm left no more than that room.
    """

    filter: str
    outcome: Outcome
    mode: Mode
    value: float | None = None
    threshold: float | None = None
    reason: str = ""
    room_e6: int | None = None
    cuts: bool = False


class Clamp(Struct, gc=False, frozen=True):
    """A cap that cut a size: lots before and after."""

    filter: str
    before_lots: int
    after_lots: int


class Verdict(Struct, gc=False):
    """The gate's verdict on a signal.

    `failing` names the enforced filters that did not pass, in gate order. `sole` is the one
    filter that blocked alone by failing, else "". `lots` is the size after every clamp but
    those of blockers.
    """

    admitted: bool
    checks: list[Check]
    failing: tuple[str, ...]
    sole: str
    lots: int
    clamps: list[Clamp]

    @property
    def fail_closed(self) -> bool:
        """Say whether any enforced filter refused only for lack of data."""
        return any(c.mode == "enforce" and c.outcome == "no_data" for c in self.checks)


class TradeKind(IntEnum):
    """The kind of a trade: its profit is the desk's, or nobody's."""

    PAPER = 0
    TWIN = 1
    PHANTOM = 2
    CLAMPED = 3


class Request(Struct, gc=False, frozen=True):
    """Request for history: the rim asks the venue and the reply comes back as an event."""

    what: Literal["candles", "funding"]
    coin: str
    timeframe: str = ""
    from_ms: int = 0
    to_ms: int = 0


class LensAsk(Struct, gc=False):
    """Question to the lens process; the answer comes back as a `LensUpdate`.

    `closes` are those of the contiguous one-minute bars up to the one that opened at `bar_ms`,
    oldest first; `times_ms` the arrivals of trades, for their pace only.
    """

    coin: str
    bar_ms: int
    kind: LensKind
    cause: LensCause
    closes: list[float] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
