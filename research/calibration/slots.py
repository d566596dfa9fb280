"""A desk whose capacity binds: what it admits when only so many trades can be open.

Every limit has a desk of its own, on which it alone blocks, beside the desk without any: a slot
that a blocked signal leaves free goes to a later one.
"""

from __future__ import annotations

import numpy as np

from research.calibration.signals import Bools, Floats, Signals


def admit(signals: Signals, blocks: Bools, slots: int, histories: int) -> tuple[Bools, Bools]:
    """Return (room, admitted) by desk and signal: was a slot free, and did the signal take it?

    The desks are those of `blocks` (limits, signals) and, last, the one without limits.
    """
    desks = len(blocks) + 1
    passed = np.concatenate([~blocks, np.ones((1, blocks.shape[1]), dtype=np.bool_)])
    opens: Floats = signals.day + signals.time
    closes = np.where(signals.close > signals.day, signals.close + 0.5, opens + 0.25)
    # The k-th signals of all histories are taken together.
    starts = np.searchsorted(signals.history, np.arange(histories + 1))
    sizes = np.diff(starts)
    until = np.full((histories, desks, slots), -1.0)
    room = np.zeros((desks, len(opens)), dtype=np.bool_)
    rows, columns = np.arange(histories)[:, None], np.arange(desks)[None, :]
    for k in range(int(sizes.max(initial=0))):
        there = np.flatnonzero(sizes > k)
        at = starts[there] + k
        first = until[there].argmin(axis=2)
        here, desk = rows[there], columns
        free = until[here, desk, first] <= opens[at][:, None]
        room[:, at] = free.T
        taken = free & passed[:, at].T
        until[here, desk, first] = np.where(taken, closes[at][:, None], until[here, desk, first])
    return room, room & passed
