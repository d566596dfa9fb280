"""Measure recurrences with pyunicorn: cases come as JSON on stdin, measures go out as JSON.

Runs in the environment of the reference libraries, which has nothing of this project.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np

# pyunicorn talks while it is imported and as it goes; stdout is for the answer.
with contextlib.redirect_stdout(sys.stderr):
    from pyunicorn.timeseries import RecurrencePlot


def measured(case: dict[str, Any]) -> dict[str, Any]:
    """Return pyunicorn's line counts and measures of one case, and its milliseconds."""
    started = time.perf_counter()
    plot = RecurrencePlot(
        np.array(case["series"]),
        dim=case["dim"],
        tau=case["lag"],
        metric="supremum",
        threshold=case["threshold"],
        silence_level=2,
    )
    found = {
        "recurrence_rate": plot.recurrence_rate(),
        "det": plot.determinism(case["line_min"]),
        "l_mean": plot.average_diaglength(case["line_min"]),
        "l_max": plot.max_diaglength(),
        "entropy": plot.diag_entropy(case["line_min"]),
        "lam": plot.laminarity(case["line_min"]),
        "tt": plot.trapping_time(case["line_min"]),
    }
    ms = (time.perf_counter() - started) * 1e3
    return {
        "measures": {name: float(value) for name, value in found.items()},
        "diagonal": plot.diagline_dist().tolist(),
        "vertical": plot.vertline_dist().tolist(),
        "ms": ms,
    }


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        measured(cases[0])
        answer = [measured(case) for case in cases]
    json.dump(answer, sys.stdout)
