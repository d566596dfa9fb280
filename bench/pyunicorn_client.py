"""Recurrence plots by pyunicorn: a window a line comes as JSON on stdin, an answer goes out.

Runs in the environment of the reference libraries, which has nothing of this project. An answer
holds the CPU seconds of DET alone, those of seven measures, and DET.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np

# pyunicorn talks while it is imported and as it goes; stdout is for the answers.
with contextlib.redirect_stdout(sys.stderr):
    from pyunicorn.timeseries import RecurrencePlot


def drawn(asked: dict[str, Any]) -> Any:
    """Return the plot of a window."""
    return RecurrencePlot(
        np.array(asked["window"]),
        dim=asked["dim"],
        tau=asked["lag"],
        metric="supremum",
        recurrence_rate=asked["recurrence_rate"],
        silence_level=2,
    )


def answer(asked: dict[str, Any]) -> dict[str, float]:
    """Return CPU seconds and DET of a window; one plot before is not timed, as on our side."""
    drawn(asked)
    began = time.thread_time()
    det = drawn(asked).determinism(asked["line_min"])
    alone = time.thread_time() - began
    began = time.thread_time()
    plot = drawn(asked)
    for measure in (plot.determinism, plot.average_diaglength, plot.diag_entropy):
        measure(asked["line_min"])
    for measure in (plot.laminarity, plot.trapping_time):
        measure(asked["line_min"])
    plot.recurrence_rate()
    plot.max_diaglength()
    return {"alone": alone, "seven": time.thread_time() - began, "det": float(det)}


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            said = json.dumps(answer(json.loads(line)))
        sys.stdout.write(said + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
