"""Fault: connections ended without notice, as the venue's documentation says may happen."""

from __future__ import annotations

from typing import Annotated, Literal

from venue.local.faults.fault import Fault, Seconds, described
from venue.local.protocol.framing import ABNORMAL_CLOSURE, GOING_AWAY


class Disconnect(Fault, frozen=True):
    """Disconnect: `close` is "abrupt" (1006, no close frame) or "clean" (1001).

    With `for_s` above zero every connection made in that time ends as well, after `lives_s`.
    """

    name = "disconnect"
    does = "ends connections, without a word (1006) or with a close frame"

    for_s: Seconds = 0.0
    close: Literal["abrupt", "clean"] = "abrupt"
    lives_s: Annotated[Seconds, described("of connections made within `for_s`")] = 0.5

    def breaks(self) -> int | None:
        """Return the close code."""
        return ABNORMAL_CLOSURE if self.close == "abrupt" else GOING_AWAY

    def lifetime_ms(self) -> int | None:
        """Return how long a connection made during the fault lasts."""
        return round(self.lives_s * 1000.0)
