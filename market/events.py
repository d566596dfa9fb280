"""Events: all that the engine can be told; time is always the event's receive time.

`recv_ns` is nanoseconds UTC and never decreases along a run. Venue times are milliseconds
(`time_ms`). Structs are untracked by the collector (`gc=False`): they never form cycles, and
a live daemon makes thousands a second.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from msgspec import Struct

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MS_PER_MINUTE = 60_000
MS_PER_HOUR = 3_600_000
MS_PER_DAY = 86_400_000
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 3600 * NS_PER_S
NS_PER_DAY = 86_400 * NS_PER_S

Timeframe = Literal["1m", "5m", "15m", "1h", "4h"]
TIMEFRAMES: tuple[Timeframe, ...] = ("1m", "5m", "15m", "1h", "4h")
TIMEFRAME_MS: dict[str, int] = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
}


class Level(Struct, gc=False):
    """One price level: price in USD, size in base units, number of orders."""

    px: float
    sz: float
    n: int = 0


class BookUpdate(Struct, gc=False):
    """A whole-book snapshot; `fast` marks the five-level, half-second kind.

    `bids` are sorted downwards, `asks` upwards; either may be empty. `skipped` counts older
    snapshots of the coin that waited in the same socket read and were passed over.
    """

    coin: str
    time_ms: int
    bids: list[Level]
    asks: list[Level]
    fast: bool = False
    recv_ns: int = 0
    skipped: int = 0


class BboUpdate(Struct, gc=False):
    """The best bid and offer after a change; a missing side is None."""

    coin: str
    time_ms: int
    bid: Level | None
    ask: Level | None
    recv_ns: int = 0
    skipped: int = 0


class Print(Struct, gc=False):
    """One public trade; `aggressor` is +1 when the buyer crossed, -1 when the seller did."""

    time_ms: int
    px: float
    sz: float
    aggressor: int


class TradesUpdate(Struct, gc=False):
    """New public trades of one coin, oldest first, none seen before."""

    coin: str
    prints: list[Print]
    recv_ns: int = 0


class ContextUpdate(Struct, gc=False):
    """Funding (hourly rate), open interest (base units), oracle, mark and mid of one coin."""

    coin: str
    funding: float
    open_interest: float
    oracle_px: float
    mark_px: float
    premium: float | None
    day_notional: float
    prev_day_px: float
    recv_ns: int = 0


class Candle(Struct, gc=False, array_like=True):
    """One bar as the venue reports it; `start_ms` is its opening time."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    count: int


class Candles(Struct, gc=False, tag="candles"):
    """History asked of the venue at `asked_ns`, oldest first; the last row may be forming.

    `refused` counts the rows of the reply that no bar can have.
    """

    letter: ClassVar[str] = "R"

    coin: str
    timeframe: Timeframe
    rows: list[Candle]
    asked_ns: int = 0
    recv_ns: int = 0
    refused: int = 0


class FundingHistory(Struct, gc=False, tag="funding"):
    """Settled hourly funding rates of one coin as (hour_ms, rate)."""

    letter: ClassVar[str] = "R"

    coin: str
    rates: list[tuple[int, float]]
    recv_ns: int = 0


class VenueTime(Struct, gc=False, tag="venue_time"):
    """The venue's time, asked at `asked_ns` and answered at `read_ns`, in stamps of our own."""

    letter: ClassVar[str] = "R"

    venue_ms: int
    asked_ns: int
    read_ns: int
    recv_ns: int = 0


class Timer(Struct, gc=False):
    """The passing of one second."""

    letter: ClassVar[str] = "T"

    recv_ns: int = 0


class Verb(StrEnum):
    """Verbs of commands, each with its help and its argument's longest length."""

    help: str
    argument_max: int

    def __new__(cls, name: str, help_: str, argument_max: int = 200) -> Verb:
        """Make a member that is its name on the tape."""
        verb = str.__new__(cls, name)
        verb._value_ = name
        verb.help = help_
        verb.argument_max = argument_max
        return verb

    HALT = (
        "halt",
        "Stop new entries, of all or of a bot or coin; open trades still exit by their plans.",
    )
    RESUME = "resume", "Open entries again and release the loss limit's latch, or open one coin."
    REARM = "rearm", "Put a faulted bot back into service."
    FLATTEN = "flatten", "Stop new entries and end open trades now, of all or of a bot or coin."
    WIND_DOWN = "wind-down", "End all that is open on a coin and trade it no more."
    TRIAL = "trial", "Begin or end a trial of autoresearch.", 4000


class Command(Struct, gc=False, tag="command"):
    """An order of the operator or of the daemon on their behalf.

    `bot` and `coin` narrow halt, resume and flatten; empty: all there are.
    """

    letter: ClassVar[str] = "C"

    verb: Verb
    argument: str = ""
    source: str = "operator"
    recv_ns: int = 0
    bot: str = ""
    coin: str = ""


class FeedDown(Struct, gc=False, tag="feed_down"):
    """A lost connection: no book of its coins may be trusted until its first frame after FeedUp.

    `coins` are those that connection number `line` carries; none named: all there are.
    """

    letter: ClassVar[str] = "X"

    reason: str = ""
    recv_ns: int = 0
    line: int = 0
    coins: list[str] = []


class FeedUp(Struct, gc=False, tag="feed_up"):
    """An open connection: subscriptions are on their way. `line` and `coins` as in FeedDown."""

    letter: ClassVar[str] = "X"

    recv_ns: int = 0
    line: int = 0
    coins: list[str] = []


StreamName = Literal["l2", "fast", "slow", "bbo", "trades", "context"]


class StreamDown(Struct, gc=False, tag="stream_down"):
    """A dead stream of one coin, by its name in `market.coin.Streams`; `cause` says why."""

    letter: ClassVar[str] = "X"

    coin: str
    stream: StreamName
    cause: str = ""
    recv_ns: int = 0


class StreamUp(Struct, gc=False, tag="stream_up"):
    """A stream that was dead and speaks again."""

    letter: ClassVar[str] = "X"

    coin: str
    stream: StreamName
    recv_ns: int = 0


class Notice(Struct, gc=False, tag="notice"):
    """Observation of the rim that the operator must learn: an alarm that goes on record."""

    letter: ClassVar[str] = "X"

    kind: str
    message: str
    recv_ns: int = 0


LensKind = Literal["raw", "rank", "hmm", "arrivals"]
LensCause = Literal["bar", "burst", "history"]


class LensReading(Struct, gc=False, array_like=True):
    """One lens on one coin: its value, None when it abstains and `flags` say why.

    `null_rank` in [0, 1] is the value's rank among nulls of the same window, None where it was
    not asked for. `params` is JSON text, written with ranks only, because it rarely changes.
    """

    lens: str
    value: float | None
    null_rank: float | None = None
    n: int = 0
    params: str = ""
    flags: list[str] = []


class ArrivalTerms(Struct, gc=False, array_like=True):
    """A fitted exponential Hawkes process of a coin's trades: rates per second."""

    mu: float
    alpha: float
    beta: float


class LensUpdate(Struct, gc=False, tag="lens"):
    """Lens results for one coin, asked at the close of the minute at `bar_ms`.

    `kind` says what was asked: raw values of the window, their ranks and the composite, a hidden
    Markov model of it, or the pace of arrivals. `score` is one minus the composite's p-value, None
    without one; then `reason` says why. `cause` is what led to the question: a bar's close, a
    burst, or history that came in.
    """

    letter: ClassVar[str] = "L"

    coin: str
    bar_ms: int
    kind: LensKind
    cause: LensCause
    readings: list[LensReading]
    score: float | None = None
    reason: str = ""
    arrivals: ArrivalTerms | None = None
    recv_ns: int = 0


# What is written to the tape as a value, on lines of its `letter`; frames and seconds have records
# of their own.
Recorded = (
    Candles
    | FundingHistory
    | VenueTime
    | Command
    | FeedDown
    | FeedUp
    | StreamDown
    | StreamUp
    | Notice
    | LensUpdate
)

Event = (
    BookUpdate
    | BboUpdate
    | TradesUpdate
    | ContextUpdate
    | Candles
    | FundingHistory
    | VenueTime
    | Timer
    | Command
    | FeedDown
    | FeedUp
    | StreamDown
    | StreamUp
    | Notice
    | LensUpdate
)
