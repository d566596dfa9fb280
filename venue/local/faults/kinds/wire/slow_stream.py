"""Fault: a stream that lags more and more, as with a peer that cannot keep up."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.local.faults.fault import Fault, Milliseconds, Moment
from venue.local.faults.outgoing import Outgoing


class SlowStream(Fault, frozen=True):
    """Slow stream.

    The lag grows by `lag_ms_per_s` each second up to `lag_ms_max`; order is kept.
    """

    name = "slow_stream"
    does = "delivers later and later"
    spoils_answers = True

    lag_ms_per_s: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 300.0
    lag_ms_max: Milliseconds = 10_000

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Hold a frame for as long as the lag is by now."""
        since_s = (moment.now_ms - moment.begin_ms) / 1000.0
        return [frame.later(min(round(since_s * self.lag_ms_per_s), self.lag_ms_max))]
