"""The newest lens readings of one coin, as filters see them.

Raw values come with every closed minute; ranks, and the score made of them, come in rotation or
whenever something is at stake on the coin. Histories hold one figure per quarter of an hour,
however often the figure was renewed, so that percentiles are of time and not of attention.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.events import MS_PER_MINUTE, LensReading, LensUpdate

SLOT_MS = 15 * MS_PER_MINUTE
# Two days.
SLOTS = 192


class History(Struct):
    """One figure per slot, oldest first; the newest slot keeps its first figure."""

    values: list[float] = field(default_factory=list)
    slot: int = 0

    def add(self, bar_ms: int, value: float) -> None:
        """Add a figure unless its slot has one."""
        slot = bar_ms // SLOT_MS
        if slot > self.slot:
            self.slot = slot
            self.values.append(value)
            del self.values[:-SLOTS]


class Lenses(Struct):
    """Readings of all lenses. `bar_ms` is the minute of the raw values, `rank_bar_ms` of the ranks.

    `readings` holds the newest by lens; a `null_rank` stays until it is renewed. `score` is made
    of the ranks; without one `reason` says why. `written_slot` is the last slot put on record.
    """

    readings: dict[str, LensReading] = field(default_factory=dict)
    bar_ms: int = 0
    rank_bar_ms: int = 0
    score: float | None = None
    reason: str = "no lens has looked at it yet"
    scores: History = field(default_factory=History)
    volatilities: History = field(default_factory=History)
    written_slot: int = 0

    def take(self, update: LensUpdate) -> None:
        """Take what the lens process found; what is older than what is known is passed over."""
        if update.kind == "rank":
            self._take_ranks(update)
            return
        # Arrivals have no minute; a model's answer may come after values of a newer one.
        if update.kind != "arrivals" and update.bar_ms < self.bar_ms:
            return
        if update.kind == "raw":
            self.bar_ms = update.bar_ms
        for reading in update.readings:
            known = self.readings.get(reading.lens)
            if known is not None and reading.null_rank is None:
                reading.null_rank = known.null_rank
                reading.params = reading.params or known.params
            self.readings[reading.lens] = reading
            if reading.lens == "volatility" and reading.value is not None:
                self.volatilities.add(update.bar_ms, reading.value)

    def _take_ranks(self, update: LensUpdate) -> None:
        if update.bar_ms < self.rank_bar_ms:
            return
        self.rank_bar_ms = update.bar_ms
        self.score, self.reason = update.score, update.reason
        if update.score is not None:
            self.scores.add(update.bar_ms, update.score)
        for reading in update.readings:
            known = self.readings.get(reading.lens)
            if known is None or update.bar_ms >= self.bar_ms:
                self.readings[reading.lens] = reading
            else:
                known.null_rank, known.params = reading.null_rank, reading.params

    def due_for_record(self, update: LensUpdate) -> bool:
        """Say whether ranks are to be kept: the first of each slot, and all that a burst led to."""
        slot = update.bar_ms // SLOT_MS
        due = update.kind == "rank" and (slot > self.written_slot or update.cause == "burst")
        if due:
            self.written_slot = max(slot, self.written_slot)
        return due

    def value(self, lens: str) -> float | None:
        """Return a lens's newest value, None when it abstains or has not looked."""
        reading = self.readings.get(lens)
        return None if reading is None else reading.value

    def values_age_ms(self, now_ms: int) -> int:
        """Return how long ago the minute of the raw values closed."""
        return now_ms - self.bar_ms - MS_PER_MINUTE

    def ranks_age_ms(self, now_ms: int) -> int:
        """Return how long ago the minute of the ranks closed."""
        return now_ms - self.rank_bar_ms - MS_PER_MINUTE
