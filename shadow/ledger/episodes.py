"""Episodes: one opinion of a bot that persists, not a thousand signals.

A bot repeats itself while its idea holds. Counting every repetition would inflate any result
tenfold, so signals are folded per key (bot, coin, side):

* while the key's real trade is open, every signal is a repeat;
* a signal with the same verdict and the same failing set as the key's last row is a repeat;
* a blocked signal while the key's phantom is open gets a row, but no second phantom;
* after a close the key re-arms only once the bot has been silent on it for one of its bars.

The real slot and the phantom slot are separate: nothing that happens to a phantom can stop an
entry from being admitted, so decisions on real trades are the same with the shadow switched off.
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from market.decision import Verdict


class Step(IntEnum):
    """The step that a judged signal leads to."""

    REPEAT = 0
    OPEN_REAL = 1
    OPEN_PHANTOM = 2
    JOIN_PHANTOM = 3


class KeyState(Struct):
    """The memory of one key. Ids are 0 when the slot is free; times in nanoseconds.

    `opened_ns` is when the running episode began; `verdict` is 0 before the first row of it,
    1 after an admitted row, 2 after a blocked one. `repeats` counts the signals since that
    added nothing to the key's newest trade, `last_id`.
    """

    opened_ns: int = 0
    spoke_ns: int = 0
    real_id: int = 0
    phantom_id: int = 0
    real_armed: bool = True
    phantom_armed: bool = True
    verdict: int = 0
    failing: tuple[str, ...] = ()
    last_id: int = 0
    repeats: int = 0

    def hear(self, now_ns: int, rearm_ns: int) -> bool:
        """Note that the bot spoke; return False when that can only be a repeat."""
        silent = now_ns - self.spoke_ns > rearm_ns
        self.spoke_ns = now_ns
        if self.real_id:
            return False
        if silent:
            self.real_armed = True
            if not self.phantom_id:
                self.phantom_armed = True
                self.verdict = 0
                self.opened_ns = now_ns
        return self.real_armed

    def step(self, verdict: Verdict) -> Step:
        """Return what a verdict on an armed key leads to, and remember it."""
        if verdict.admitted:
            self.verdict, self.failing = 1, ()
            return Step.OPEN_REAL
        same = self.verdict == 2 and self.failing == verdict.failing
        if same or (not self.phantom_id and not self.phantom_armed):
            return Step.REPEAT
        self.verdict, self.failing = 2, verdict.failing
        return Step.JOIN_PHANTOM if self.phantom_id else Step.OPEN_PHANTOM

    def close(self, trade_id: int) -> bool:
        """Free the slot a trade held; return False when it held none."""
        if trade_id == self.real_id:
            self.real_id = 0
            self.real_armed = False
            return True
        if trade_id == self.phantom_id:
            self.phantom_id = 0
            self.phantom_armed = False
            return True
        return False
