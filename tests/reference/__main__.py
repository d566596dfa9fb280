"""`make reference`: every lens beside its reference library, as a table.

pyunicorn has no wheel, so it is compiled in an environment of its own, made from a lock with
hashes. Where it cannot be built this says so and compares the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from quant.lens import discover
from quant.recurrence import recurrences
from quant.rqa import LENS as RQA
from tests.reference import series as made
from tests.support.environment import environment

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-reference.lock"
ENVIRONMENT = ROOT / ".venv-reference"
CLIENT = Path(__file__).parent / "pyunicorn_client.py"
MEASURE_S = 300.0

SERIES = {
    "garch": made.garch(512),
    "garch 256": made.garch(256, seed=2),
    "walk": made.walk(512),
    "heavy tails": made.heavy(512),
    "logistic": made.on_grid(made.logistic(512)),
    "henon 1024": made.on_grid(made.henon(1024)),
}
# dim, lag, line_min, and the share of pairs that the threshold is near.
SHAPES = ((3, 1, 2, 0.05), (1, 1, 2, 0.05), (2, 3, 2, 0.10), (5, 1, 3, 0.02))
MEASURES = ("recurrence_rate", "det", "l_mean", "l_max", "entropy", "lam", "tt")
# pyunicorn adds 1e-8 to its denominators; line counts must be equal.
PYUNICORN_OFF = 1e-6
LIBRARY_OFF = 1e-10
# ripser computes in single precision.
RIPSER_OFF = 1e-6


def say(text: str) -> None:
    sys.stderr.write(f"reference: {text}\n")


def cases() -> list[dict[str, Any]]:
    """Return what is measured on both sides."""
    found = []
    for name, values in SERIES.items():
        for dim, lag, line_min, rate in SHAPES:
            shape = {"dim": dim, "lag": lag, "line_min": line_min}
            near = RQA.read(values, {**shape, "recurrence_rate": rate}).measures["threshold"]
            threshold = float(made.on_grid(near)) + made.HALF_STEP
            found.append({"name": name, "series": values, "threshold": threshold, **shape})
    return found


def beside_pyunicorn(python: Path) -> bool:
    """Print our measures beside pyunicorn's; return whether they agree."""
    asked = cases()
    told = subprocess.run(
        [str(python), str(CLIENT)],
        input=json.dumps([{**case, "series": case["series"].tolist()} for case in asked]),
        text=True,
        capture_output=True,
        timeout=MEASURE_S,
        check=True,
    )
    heads = (f"{'dim lag':>8}", f"{'DET ours':>12}", f"{'pyunicorn':>12}", f"{'off':>8}")
    print(f"{'rqa':22}", *heads, f"{'counts':>8} {'ms':>15}")
    agree = True
    for case, theirs in zip(asked, json.loads(told.stdout), strict=True):
        params = {name: case[name] for name in ("dim", "lag", "line_min", "threshold")}
        started = time.perf_counter()
        ours = RQA.read(case["series"], params).measures
        ms = (time.perf_counter() - started) * 1e3
        off = max(abs(ours[name] - theirs["measures"][name]) for name in MEASURES)
        _, *lines = recurrences(
            case["series"], case["dim"], case["lag"], 0.5, case["threshold"], theiler=1
        )
        # pyunicorn counts the diagonals on either side of the main one.
        both = [(2 * lines[0][1:]).tolist(), lines[1][1:].tolist()]
        same = both == [theirs["diagonal"], theirs["vertical"]]
        agree &= same and off <= PYUNICORN_OFF
        print(
            f"{case['name']:22} {case['dim']:4} {case['lag']:3} {ours['det']:12.9f} "
            f"{theirs['measures']['det']:12.9f} {off:8.1e} "
            f"{'equal' if same else 'UNEQUAL':>8} {ms:6.2f} {theirs['ms']:8.2f}"
        )
    return agree


def beside_libraries() -> bool:
    """Print every lens that names a reference library beside it; return whether they agree."""
    print(f"\n{'lens':22} {'series':>12} {'ours':>16} {'library':>16} {'off':>8}")
    agree = True
    for lens in discover().values():
        if lens.reference is None:
            continue
        for name in ("garch", "walk", "heavy tails", "logistic"):
            reading = lens.read(SERIES[name])
            if reading.value is None:
                print(f"{lens.name:22} {name:>12} {'abstains':>16} {reading.flags[0]}")
                continue
            theirs = lens.reference(SERIES[name], **reading.params)
            off = abs(reading.value - theirs)
            agree &= off <= (RIPSER_OFF if lens.name == "homology" else LIBRARY_OFF)
            print(f"{lens.name:22} {name:>12} {reading.value:16.12f} {theirs:16.12f} {off:8.1e}")
    return agree


def main() -> int:
    """Return 0 when everything that could be compared agrees."""
    python = environment(LOCK, ENVIRONMENT, "pyunicorn", say)
    agree = python is None or beside_pyunicorn(python)
    agree &= beside_libraries()
    say("all agree" if agree else "NOT all agree")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
