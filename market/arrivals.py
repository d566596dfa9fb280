"""Trade arrivals of one coin: their rate, and bursts.

The intensity is that of an exponential Hawkes process, λ = μ + α·S with S decaying at rate β and
rising by one an event: one step a trade (the batch form and the fit are in `quant/hawkes.py`). A
single trade makes λ jump, so what is compared is the number of arrivals it lets one expect over
the next seconds, against the usual number: the *surge*, 1.0 in the long run.

One order prints once per order it meets, and the venue gives all trades of a block one time: what
came at one time counts once. To a fit, simultaneous events would be excitement without a delay.
"""

from __future__ import annotations

from math import exp, sqrt

from msgspec import Struct, field

from market.events import MS_PER_HOUR, MS_PER_MINUTE, ArrivalTerms, Print

AHEAD_S = 10.0
KEEP_EVENTS = 3_000
KEEP_MS = MS_PER_HOUR
# Minutes whose highest surge is remembered, and how many it takes before a burst can be told.
TOPS = 240
TOPS_MIN = 30
# An order's expected impact grows by the root of the surge, at most by this.
IMPACT_SCALE_MAX = 3.0


class BurstRule(Struct, frozen=True):
    """The rule of bursts: above the `percentile` of the minutes' highest surges and above `least`.

    It ends below `leave` times where it would begin.
    """

    percentile: float = 0.95
    least: float = 2.0
    leave: float = 0.5


class Arrivals(Struct):
    """The arrivals of one coin. `times_ms` are venue times; `tops` one figure a minute.

    The `excitation` is that of `at_ms`; `fitted_ms` is the minute at whose close the terms were
    asked for.
    """

    terms: ArrivalTerms | None = None
    fitted_ms: int = 0
    times_ms: list[int] = field(default_factory=list)
    excitation: float = 0.0
    at_ms: int = 0
    surge: float = 0.0
    top: float = 0.0
    tops: list[float] = field(default_factory=list)
    threshold: float = 0.0
    burst: bool = False

    def on_prints(self, prints: list[Print], until_ms: int = 0) -> None:
        """Count new trades; what the older ones excited has faded until then, by venue time."""
        times = self.times_ms
        for trade in prints:
            time_ms = trade.time_ms
            if times and time_ms <= times[-1]:
                continue
            times.append(time_ms)
            if self.terms is not None:
                self._excite(time_ms, self.terms.beta)
        if len(times) > KEEP_EVENTS + KEEP_EVENTS // 8:
            del times[: len(times) - KEEP_EVENTS]
        if self.terms is not None:
            self._decay(until_ms)
            self._measure(self.terms)

    def on_second(self, now_ms: int) -> None:
        """Let the excitation fade while nothing arrives."""
        if self.terms is not None:
            self._decay(now_ms)
            self._measure(self.terms)

    def on_minute(self, now_ms: int, rule: BurstRule) -> None:
        """Remember the minute's highest surge; set where a burst begins."""
        times = self.times_ms
        if times and times[0] < now_ms - 2 * KEEP_MS:
            del times[: sum(t < now_ms - KEEP_MS for t in times)]
        if self.terms is None:
            return
        tops = self.tops
        tops.append(self.top)
        del tops[:-TOPS]
        self.top = self.surge
        if len(tops) >= TOPS_MIN:
            place = min(int(rule.percentile * len(tops)), len(tops) - 1)
            self.threshold = max(rule.least, sorted(tops)[place])

    def turned(self, rule: BurstRule) -> bool:
        """Begin or end a burst when it is time; say whether that was done."""
        if not self.threshold:
            return False
        if self.burst:
            self.burst = self.surge >= rule.leave * self.threshold
            return not self.burst
        self.burst = self.surge >= self.threshold
        return self.burst

    def adopt(self, terms: ArrivalTerms, bar_ms: int) -> None:
        """Go on with terms fitted at a minute's close, as if they had always been known."""
        self.terms, self.fitted_ms = terms, bar_ms
        self.excitation = 0.0
        if not self.times_ms:
            return
        until_ms = max(self.at_ms, self.times_ms[-1])
        self.at_ms = self.times_ms[0]
        for time_ms in self.times_ms:
            self._excite(time_ms, terms.beta)
        self._decay(until_ms)
        self._measure(terms)

    def interrupt(self) -> None:
        """Note an outage: what arrived meanwhile is unknown."""
        self.times_ms.clear()
        self.excitation, self.surge, self.top = 0.0, 0.0, 0.0
        self.burst = False

    def fit_age_ms(self, now_ms: int) -> int:
        """Return how long ago the minute closed at which the terms were asked for."""
        return now_ms - self.fitted_ms - MS_PER_MINUTE

    def intensity(self) -> float:
        """Return λ in arrivals a second; 0.0 before it was fitted."""
        terms = self.terms
        return 0.0 if terms is None else terms.mu + terms.alpha * self.excitation

    def impact_scale(self) -> float:
        """Return how much larger than usual an order's impact is to be expected; 1.0 as a rule."""
        return min(IMPACT_SCALE_MAX, sqrt(max(self.surge, 1.0))) if self.burst else 1.0

    def _decay(self, to_ms: int) -> None:
        if to_ms > self.at_ms:
            if self.excitation and self.terms is not None:
                self.excitation *= exp(-self.terms.beta * (to_ms - self.at_ms) / 1e3)
            self.at_ms = to_ms

    def _excite(self, time_ms: int, beta: float) -> None:
        self._decay(time_ms)
        # The clock is ahead of most prints, which come up to a second after their venue time.
        late_ms = self.at_ms - time_ms
        self.excitation += exp(-beta * late_ms / 1e3) if late_ms else 1.0

    def _measure(self, terms: ArrivalTerms) -> None:
        relaxing = terms.beta - terms.alpha
        usual = terms.mu * terms.beta / relaxing
        reach = (1.0 - exp(-relaxing * AHEAD_S)) / (relaxing * AHEAD_S)
        now = terms.mu + terms.alpha * self.excitation
        self.surge = 1.0 + (now / usual - 1.0) * reach
        self.top = max(self.top, self.surge)
