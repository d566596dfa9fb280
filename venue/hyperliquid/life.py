"""The life of one subscription: asked for, alive, silent, dead; drawn once as a table of states.

A troubled stream is asked for once more, then it is dead: something else stands in, and it is
asked for again every few minutes. Staleness is judged against each stream's own learned cadence,
because the venue changes its cadences.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field

from market.cadence import Cadence
from market.events import NS_PER_S
from venue.hyperliquid.streams import KINDS, TRADES, CoinStream, Subscription
from venue.hyperliquid.witness import Witness

ACK_WAIT_NS = 5 * NS_PER_S
QUIET_CADENCES = 4
QUIET_NS_MIN = 5 * NS_PER_S
VIOLATIONS_MAX = 10
VIOLATION_WINDOW_NS = 60 * NS_PER_S
# Trouble that comes back so soon after asking once more is not asked about again.
ONCE_WITHIN_NS = 120 * NS_PER_S
# A dead stream is asked for after so long, twice as long each time it dies again within an hour.
RETRY_NS = 180 * NS_PER_S
RETRY_DOUBLINGS = 2
LIVED_NS = 3600 * NS_PER_S
# What a dead periodic stream must say in a row: one frame is what every subscriber gets.
PROOF_FRAMES = 3


class State(Enum):
    """State of one subscription."""

    IDLE = "idle"
    SENT = "sent"
    RETRIED = "retried"
    LIVE = "live"
    SILENT = "silent"
    DEAD = "dead"


class Input(Enum):
    """Inputs of one subscription's state machine; OVERDUE is trouble after asking once more.

    MISFIT: what it says contradicts itself or another stream, which asking again would not mend.
    """

    OPENED = "opened"
    ACKED = "acked"
    DATA = "data"
    PROOF = "proof"
    OVERDUE = "overdue"
    QUIET = "quiet"
    ERROR = "error"
    MISFIT = "misfit"
    RETRY = "retry"
    LOST = "lost"
    STOPPED = "stopped"


class Action(Enum):
    """Actions of the session on an input."""

    NONE = "none"
    SUBSCRIBE = "subscribe"
    RESUBSCRIBE = "resubscribe"
    UNSUBSCRIBE = "unsubscribe"
    GIVE_UP = "give up"
    REVIVE = "revive"


_S, _I, _A = State, Input, Action

# (state, input) -> (next state, action). Pairs that are absent change nothing.
TRANSITIONS: dict[tuple[State, Input], tuple[State, Action]] = {
    (_S.IDLE, _I.OPENED): (_S.SENT, _A.SUBSCRIBE),
    (_S.SENT, _I.ACKED): (_S.LIVE, _A.NONE),
    (_S.SENT, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.SENT, _I.OVERDUE): (_S.RETRIED, _A.SUBSCRIBE),
    (_S.SENT, _I.ERROR): (_S.DEAD, _A.GIVE_UP),
    (_S.RETRIED, _I.ACKED): (_S.LIVE, _A.NONE),
    (_S.RETRIED, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.RETRIED, _I.OVERDUE): (_S.DEAD, _A.GIVE_UP),
    (_S.RETRIED, _I.ERROR): (_S.DEAD, _A.GIVE_UP),
    (_S.LIVE, _I.QUIET): (_S.SILENT, _A.RESUBSCRIBE),
    (_S.LIVE, _I.OVERDUE): (_S.DEAD, _A.GIVE_UP),
    (_S.SILENT, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.SILENT, _I.OVERDUE): (_S.DEAD, _A.GIVE_UP),
    (_S.SILENT, _I.ERROR): (_S.DEAD, _A.GIVE_UP),
    (_S.DEAD, _I.OPENED): (_S.DEAD, _A.SUBSCRIBE),
    (_S.DEAD, _I.RETRY): (_S.DEAD, _A.RESUBSCRIBE),
    (_S.DEAD, _I.PROOF): (_S.LIVE, _A.REVIVE),
    **{(s, _I.MISFIT): (_S.DEAD, _A.GIVE_UP) for s in (_S.SENT, _S.RETRIED, _S.LIVE, _S.SILENT)},
    # What is dead stays so across connections, or each of them would raise the alarm anew.
    **{(s, _I.LOST): (_S.IDLE, _A.NONE) for s in State if s is not State.DEAD},
    **{
        (s, _I.STOPPED): (_S.IDLE, _A.UNSUBSCRIBE)
        for s in (_S.SENT, _S.RETRIED, _S.LIVE, _S.SILENT, _S.DEAD)
    },
}


class Stream(Struct):
    """One subscription's state, when it last asked, and how it usually speaks.

    `is_standby`: asked for only while what it stands in for is dead. `is_queued`: its request waits
    to be sent. `is_told`: the engine was told that it is dead. `bad` are the times of its refused
    frames, `spoilt` what the newest was refused for; `refusal` is what the venue complained of.
    """

    subscription: Subscription
    state: State = State.IDLE
    asked_ns: int = 0
    cadence: Cadence = field(default_factory=Cadence)
    is_standby: bool = False
    is_queued: bool = False
    is_told: bool = False
    again_ns: int = 0
    retry_ns: int = 0
    revived_ns: int = 0
    deaths: int = 0
    bad: list[int] = field(default_factory=list)
    spoilt: str = ""
    refusal: str = ""
    witness: Witness | None = None

    @property
    def kind(self) -> CoinStream:
        """Return what kind of stream it is."""
        return KINDS[self.subscription.type, self.subscription.fast]

    def move(self, given: Input) -> Action:
        """Take an input; return what is to be done."""
        found = TRANSITIONS.get((self.state, given))
        if found is None:
            return Action.NONE
        self.state, action = found
        return action

    def is_quiet(self, now_ns: int) -> bool:
        """Say whether it has said nothing for several of its own cadences; learned or nominal."""
        period_ns = self.kind.period_ns
        if self.cadence.count > 1:
            learned = self.cadence.peak_ns
        elif period_ns is not None:
            learned = period_ns
        else:
            return False
        last_ns = max(self.cadence.last_ns, self.asked_ns)
        return now_ns - last_ns > max(QUIET_NS_MIN, QUIET_CADENCES * learned)

    def trouble(self, now_ns: int) -> str:
        """Return what is wrong with a stream that should be speaking, "" when nothing is."""
        self.bad = [t for t in self.bad if now_ns - t < VIOLATION_WINDOW_NS]
        if len(self.bad) >= VIOLATIONS_MAX:
            return f"{len(self.bad)} bad frames within a minute, the last: {self.spoilt}"
        if self.kind.period_ns is not None and self.is_quiet(now_ns):
            return f"nothing but bad frames: {self.spoilt}" if self.bad else "acknowledged, silent"
        if self.witness is not None:
            return self.witness.objection(self.cadence, now_ns)
        return ""

    def due(self, now_ns: int, answered_ns: int = 0) -> tuple[Input, str] | None:
        """Return what the time that has passed means for the stream, and why; None: nothing.

        `answered_ns` is when the venue last acknowledged anything: it takes requests in turn, and
        while it is at those before, this one is not overdue.
        """
        state = self.state
        if self.is_queued or state is State.IDLE:
            return None
        if state is State.DEAD:
            return (Input.RETRY, "") if now_ns >= self.retry_ns else None
        if state in (State.SENT, State.RETRIED):
            if now_ns - max(self.asked_ns, answered_ns) <= ACK_WAIT_NS:
                return None
            said = f", the venue said: {self.refusal}" if self.refusal else ""
            return Input.OVERDUE, f"not acknowledged{said}"
        if state is State.SILENT and self.subscription.type == TRADES:
            # Nothing new came with what a new subscriber is told: the silence is still untrue.
            waited = now_ns - self.asked_ns > ACK_WAIT_NS
            return (Input.OVERDUE, "no print after asking again") if waited else None
        why = self.trouble(now_ns)
        if not why:
            return None
        # A stream asked for again is given as long once more: a slow one may need it.
        soon = now_ns - self.again_ns < ONCE_WITHIN_NS if self.again_ns else False
        first = state is State.LIVE and not soon
        return (Input.QUIET if first else Input.OVERDUE), why

    def spoil(self, why: str, now_ns: int) -> None:
        """Count a refused frame."""
        self.spoilt = why
        if self.state is State.DEAD:
            self.bad.clear()
            self.cadence.interrupt()
        self.bad.append(now_ns)

    def heard(self, now_ns: int, *, is_new: bool = True) -> Action:
        """Note that it spoke; trades that are all known are `is_new` False and prove little."""
        self.cadence.observe(now_ns)
        if self.state is State.LIVE:
            return Action.NONE
        if self.state is State.DEAD:
            proof = 1 if self.kind.period_ns is None else PROOF_FRAMES
            # Good frames among bad ones prove nothing: it would die and come back for ever.
            clean = not self.bad or now_ns - self.bad[-1] >= VIOLATION_WINDOW_NS
            proved = is_new and clean and self.cadence.count >= proof
            return self.move(Input.PROOF) if proved else Action.NONE
        if not is_new and self.state is State.SILENT:
            return Action.NONE
        return self.move(Input.DATA)

    def die(self, now_ns: int) -> None:
        """Set when it is asked for again."""
        lived = self.revived_ns and now_ns - self.revived_ns > LIVED_NS
        self.deaths = 1 if lived else self.deaths + 1
        self.retry_ns = now_ns + RETRY_NS * 2 ** min(self.deaths - 1, RETRY_DOUBLINGS)
        del self.bad[:-1]
        self.cadence.interrupt()
