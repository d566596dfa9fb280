"""Outcome of one step of the engine."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from msgspec import Struct, field

from market.decision import LensAsk, Request
from market.events import NS_PER_MS
from market.orders import Intent
from market.uptime import Uptime
from shadow.store.rows import OF_BRANCHES, OF_DESK, Rows
from shadow.store.tables.alarms import AlarmRow


class Outcome(Struct):
    """Rows for the store, what the desk intends, questions to venue and lenses, an answer.

    `notes` are worth a line in the log: nobody has to act on one, so it is no alarm.

    `intents` are those of the desk's own trades, in the order they were decided. A paper broker
    has taken them by then; a real one carries them out once their rows are committed. `closed`
    names the coins that are listened to no more.
    """

    seq: int = 0
    rows: Rows = field(default_factory=Rows)
    intents: list[Intent] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lenses: list[LensAsk] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    reply: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def presses(self) -> bool:
        """Say whether it holds what should be on disk at once: an alarm, a trial or a weight.

        Paper orders go nowhere. Who carries real ones out waits for their commit, which presses
        by itself.
        """
        rows = self.rows
        return bool(
            rows.alarms or rows.branch_alarms or rows.experiments or rows.decisions or rows.weights
        )


NOTHING = Outcome()


class Vitals(Struct):
    """Position of the engine in its stream of events, and its counters.

    `venue_ns` is the venue's time, by which bars, hours and days end; it decreases only where the
    venue's clock turned out to have moved, and no hour ends twice.
    `digest` runs over the desk's rows of all outcomes, `branch_digest` over those of the desks
    beside it; `signals` counts by bot what came to a row. `uptime` is that of the running day.
    `feed_up` holds while any connection is open, `lines` are the numbers of the open ones.
    """

    seq: int = 0
    now_ns: int = 0
    venue_ns: int = 0
    next_hour_ns: int = 0
    next_close_ms: int = 0
    feed_up: bool = False
    digest: bytes = bytes(16)
    admitted: int = 0
    blocked: int = 0
    blocked_by: dict[str, int] = field(default_factory=dict)
    phantoms: int = 0
    closed: int = 0
    alarms: int = 0
    signals: dict[str, int] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    branch_digest: bytes = bytes(16)
    uptime: Uptime = field(default_factory=Uptime)
    forks: int = 0


class Outbox:
    """The outcome being made, and which pieces of durable state it changed.

    Most events lead to nothing, so the outcome is made only when someone has something to say.
    """

    def __init__(self) -> None:
        self.vitals = Vitals()
        self.dirty: dict[str, None] = {}
        self._outcome: Outcome | None = None
        self._later: list[Callable[[], None]] = []

    @property
    def seq(self) -> int:
        """Return the number of the event being taken."""
        return self.vitals.seq

    @property
    def now_ns(self) -> int:
        """Return the receive time of the event being taken."""
        return self.vitals.now_ns

    @property
    def venue_ms(self) -> int:
        """Return the venue's time at the event being taken."""
        return self.vitals.venue_ns // NS_PER_MS

    @property
    def outcome(self) -> Outcome:
        """Return the outcome of this step, made on first use."""
        if self._outcome is None:
            self._outcome = Outcome(self.vitals.seq)
        return self._outcome

    @property
    def rows(self) -> Rows:
        """Return the rows of this step."""
        return self.outcome.rows

    def alarm(self, kind: str, message: str) -> None:
        """Put an alarm on record."""
        self.vitals.alarms += 1
        self.rows.alarms.append(AlarmRow(self.now_ns, self.seq, kind, message))

    def alarm_apart(self, kind: str, message: str) -> None:
        """Put an alarm about branches on record: it is in no digest but their own."""
        self.rows.branch_alarms.append(AlarmRow(self.now_ns, self.seq, kind, message))

    def note(self, text: str) -> None:
        """Say something that calls for nothing."""
        self.outcome.notes.append(text)

    def intend(self, intent: Intent) -> None:
        """Put an intent of the desk's own trades on its way."""
        self.outcome.intents.append(intent)

    def later(self, write: Callable[[], None]) -> None:
        """Let rows be written once everything this step decides is decided."""
        self._later.append(write)

    def touch(self, key: str) -> None:
        """Note that a piece of durable state must be written with the next commit."""
        self.dirty[key] = None

    def take(self) -> Outcome:
        """Return the step's outcome and begin a new one."""
        if self._later:
            for write in self._later:
                write()
            self._later.clear()
        outcome = self._outcome
        if outcome is None:
            return NOTHING
        self._outcome = None
        rows = outcome.rows
        vitals = self.vitals
        vitals.digest = _on(vitals.digest, rows.encoded(OF_DESK))
        vitals.branch_digest = _on(vitals.branch_digest, rows.encoded(OF_BRANCHES))
        return outcome


def _on(digest: bytes, content: bytes) -> bytes:
    """Return a running digest over further content, as it was where there is none."""
    return blake2b(digest + content, digest_size=16).digest() if content else digest
