"""The venue's clock, as far as receive times tell it: how far our stamps are off, and whether.

Our stamps are smooth and serve for durations; what the venue stamps (bars, hours, days, the age of
a quote) is told by its own clock. A frame takes time and never arrives before it was sent, so
*receive time minus venue time* has a floor: the offset of our stamps plus the quickest way. The
floor is the lowest of the last few minutes, so it follows a clock that drifts; answers to
`exchangeStatus` are samples like any other, and tell a slow line from a clock that is off.

A stamp below the floor is from the future. One alone is refused and changes nothing; when nothing
else is heard for a while, or the venue says so when asked, it is the clock that has moved.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.events import NS_PER_MINUTE, NS_PER_MS, NS_PER_S, VenueTime

# The offset beyond which a clock fault cannot be told from a market fact.
OFFSET_NS_MAX = 1_500 * NS_PER_MS
# An alarm ends below this, so that a clock at the limit does not raise one a minute.
OFFSET_NS_GOOD = 1_000 * NS_PER_MS
# A stamp may be this far below the floor, or above it, and still tell the same clock.
REACH_NS = 1_500 * NS_PER_MS
BUCKETS = 3
# Stamps, and the time they span, from which the first floor is taken without a word of the venue:
# the first ones after subscribing may be of some time ago.
FIRST_STAMPS = 10
FIRST_NS = 2 * NS_PER_S
# Stamps in agreement, and the time they span, that move the floor without a word from the venue.
AHEAD_STAMPS = 10
AHEAD_NS = 10 * NS_PER_S
DOUBT_STAMPS = 3
FAR_NS = NS_PER_S
# Trouble must last, and be over, this long before anybody is told.
TELL_NS = 5 * NS_PER_S
# The time in `exchangeStatus` trails the venue's own clock by a quarter of a second.
TRAILS_NS = 500 * NS_PER_MS


class VenueClock(Struct):
    """Offset of our stamps: `offset_ns` is ours minus the venue's, at the quickest way.

    It is 0 until it is `known`, for which `first` stamps since `first_ns` were heard. `lows` are
    the lowest samples of past minutes, `low_ns` that of the minute `bucket`. `near_ns` is when a
    stamp or an answer agreed last, `far_ns` since when no stamp agrees; `ahead_*` describe stamps
    from the future of which nothing has said otherwise. `asked_ns` is when the venue was last
    asked, `claim_ns` what an answer said that nothing else has confirmed. `moved` holds until
    somebody has seen to what was dated by another offset. `refused` counts by kind what came from
    the future.
    """

    offset_ns: int = 0
    known: bool = False
    first: int = 0
    first_ns: int = 0
    bucket: int = 0
    low_ns: int = 0
    lows: list[int] = field(default_factory=list)
    near_ns: int = 0
    far_ns: int = 0
    far_low_ns: int = 0
    ahead_ns: int = 0
    ahead_low_ns: int = 0
    ahead: int = 0
    asked_ns: int = 0
    moved: bool = False
    claim_ns: int | None = None
    refused: dict[str, int] = field(default_factory=dict)
    troubled_ns: int = 0
    well_ns: int = 0
    told: bool = False

    @property
    def spread_ns(self) -> int:
        """Return how far the floors of the last minutes lie apart: how sure the offset is."""
        floors = [*self.lows, self.low_ns] if self.known else [0]
        return max(floors) - min(floors)

    @property
    def learned_ns(self) -> int | None:
        """Return the offset, None until it is known."""
        return self.offset_ns if self.known else None

    def venue_ns(self, now_ns: int) -> int:
        """Return the venue's time at one of our stamps."""
        return now_ns - self.offset_ns

    def lag_ms(self, time_ms: int, now_ns: int) -> float:
        """Return how long something stamped `time_ms` was under way, beyond the quickest way."""
        return (now_ns - self.offset_ns) / NS_PER_MS - time_ms

    def hear(self, kind: str, time_ms: int, now_ns: int, *, current: bool = True) -> bool:
        """Take the stamp of a frame received now; return False when it is from the future.

        What is not `current`, such as trades that the venue says again, tells nothing when late.
        """
        late_ns = now_ns - time_ms * NS_PER_MS
        excess_ns = late_ns - self.offset_ns
        if excess_ns < -REACH_NS and not self._moved_back(late_ns, now_ns):
            self.refused[kind] = self.refused.get(kind, 0) + 1
            return False
        if not current and (excess_ns > REACH_NS or not self.known):
            return True
        if not self.known:
            self._meet(late_ns, now_ns)
            return True
        self._note(late_ns, now_ns)
        if late_ns - self.offset_ns <= REACH_NS:
            self.near_ns = now_ns
            self.far_ns = self.ahead = 0
        elif not self.far_ns:
            self.far_ns, self.far_low_ns = now_ns, late_ns
        else:
            self.far_low_ns = min(self.far_low_ns, late_ns)
        return True

    def bears(self, kind: str, time_ms: int, now_ns: int) -> bool:
        """Say whether a time is none from the future, without learning from it."""
        if now_ns - time_ms * NS_PER_MS - self.offset_ns >= -REACH_NS:
            return True
        self.refused[kind] = self.refused.get(kind, 0) + 1
        return False

    def read(self, answer: VenueTime) -> None:
        """Take the venue's answer to what time it is."""
        late_ns = answer.read_ns - answer.venue_ms * NS_PER_MS
        early_ns = answer.asked_ns - answer.venue_ms * NS_PER_MS - TRAILS_NS
        now_ns = answer.read_ns
        self.asked_ns = now_ns
        if not self.known:
            self._begin(late_ns, now_ns)
            return
        ahead = late_ns < self.offset_ns - REACH_NS
        if not ahead and early_ns <= self.offset_ns + REACH_NS:
            self.claim_ns = None
            self.near_ns = now_ns
            self._note(late_ns, now_ns)
            return
        # The streams say so too, or the venue said so before: it is the clock that has moved.
        heard_ns = self.ahead_low_ns if self.ahead >= DOUBT_STAMPS else None
        if not ahead:
            heard_ns = self.far_low_ns if self.far_ns else None
        for other_ns in (heard_ns, self.claim_ns):
            if other_ns is not None and early_ns - REACH_NS <= other_ns <= late_ns + REACH_NS:
                self._begin(min(late_ns, other_ns), now_ns)
                return
        self.claim_ns = late_ns

    def interrupt(self) -> None:
        """Note an outage: what the last stamps contradicted is not said any more."""
        self.far_ns = self.ahead = self.first = 0

    def doubt(self, now_ns: int) -> str:
        """Return what contradicts the offset, "" when nothing does."""
        if self.ahead >= DOUBT_STAMPS and now_ns - self.ahead_ns >= FAR_NS:
            ahead_s = (self.offset_ns - self.ahead_low_ns) / NS_PER_S
            return f"the venue's stamps are {ahead_s:.1f} s in the future"
        if self.claim_ns is not None:
            off_s = (self.claim_ns - self.offset_ns) / NS_PER_S
            return f"the venue says that our stamps are off by {off_s:+.1f} s"
        return ""

    def trouble(self, now_ns: int) -> str:
        """Return why nothing can be decided by comparing times, "" when it can."""
        if abs(self.offset_ns) > OFFSET_NS_MAX:
            way = "ahead of" if self.offset_ns > 0 else "behind"
            return f"our stamps are {abs(self.offset_ns) / NS_PER_S:.1f} s {way} the venue's clock"
        doubt = self.doubt(now_ns)
        if doubt:
            return doubt
        if self.far_ns and now_ns - self.far_ns > FAR_NS and self.asked_ns <= self.far_ns:
            late_s = (self.far_low_ns - self.offset_ns) / NS_PER_S
            return f"every stamp is {late_s:.1f} s late: the line or the clock"
        return ""

    def tells_since(self, since_ns: int) -> bool:
        """Say whether something has agreed with the offset since then: what is late is no clock."""
        return self.near_ns > since_ns

    def unsure(self, now_ns: int) -> bool:
        """Say whether the venue should be asked for its time at once."""
        return not self.known or bool(self.trouble(now_ns))

    def news(self, now_ns: int) -> str:
        """Return what the operator must be told now, once when it begins and once when it ends."""
        trouble = self.trouble(now_ns)
        if not trouble and self.told and abs(self.offset_ns) > OFFSET_NS_GOOD:
            return ""
        if trouble:
            self.well_ns = 0
            self.troubled_ns = self.troubled_ns or now_ns
            if self.told or now_ns - self.troubled_ns < TELL_NS:
                return ""
            self.told = True
            return f"{trouble}; no entry until they agree"
        self.troubled_ns = 0
        self.well_ns = self.well_ns or now_ns
        if not self.told or now_ns - self.well_ns < TELL_NS:
            return ""
        self.told = False
        off_ms = self.offset_ns / NS_PER_MS
        return f"our stamps agree with the venue's clock again ({off_ms:+.0f} ms)"

    def _begin(self, late_ns: int, now_ns: int) -> None:
        """Learn the offset anew from one sample; one that is far from before has moved."""
        self.moved |= self.known and abs(late_ns - self.offset_ns) > REACH_NS
        self.known = True
        self.offset_ns = self.low_ns = late_ns
        self.lows.clear()
        self.bucket = now_ns // NS_PER_MINUTE
        self.claim_ns = None
        self.far_ns = self.ahead = 0

    def _meet(self, late_ns: int, now_ns: int) -> None:
        """Take one of the first stamps."""
        if not self.first:
            self.first_ns, self.low_ns = now_ns, late_ns
        self.first += 1
        self.low_ns = min(self.low_ns, late_ns)
        if self.first >= FIRST_STAMPS and now_ns - self.first_ns >= FIRST_NS:
            self._begin(self.low_ns, now_ns)

    def _note(self, late_ns: int, now_ns: int) -> None:
        """Let the floor of the last minutes include a sample."""
        bucket = now_ns // NS_PER_MINUTE
        if bucket != self.bucket:
            self.lows.append(self.low_ns)
            del self.lows[:-BUCKETS]
            self.bucket, self.low_ns = bucket, late_ns
            floor_ns = min(late_ns, *self.lows)
            self.moved |= floor_ns - self.offset_ns > REACH_NS
            self.offset_ns = floor_ns
        elif late_ns < self.low_ns:
            self.low_ns = late_ns
            self.offset_ns = min(self.offset_ns, late_ns)

    def _moved_back(self, late_ns: int, now_ns: int) -> bool:
        """Take a stamp from the future; say whether by now it is our stamps that are behind."""
        if not self.ahead or late_ns > self.ahead_low_ns + REACH_NS:
            self.ahead, self.ahead_ns, self.ahead_low_ns = 0, now_ns, late_ns
        self.ahead += 1
        self.ahead_low_ns = min(self.ahead_low_ns, late_ns)
        if self.ahead < AHEAD_STAMPS or now_ns - self.ahead_ns < AHEAD_NS:
            return False
        self._begin(self.ahead_low_ns, now_ns)
        return True
