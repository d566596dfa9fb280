"""`python -m bench`: run the measurements and print them; `--write` keeps them as RESULTS.md."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import soak
from bench.machine import load
from bench.report import Report, section
from bench.result import Result
from bench.table import MEASUREMENTS

RESULTS = Path(__file__).with_name("RESULTS.md")


def options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side (default 5)")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--soak-s", type=float, default=soak.SECONDS, help="seconds of the soak")
    parser.add_argument("--write", action="store_true", help="render bench/RESULTS.md")
    return parser


def main(arguments: list[str]) -> None:
    """Measure; a goal that is missed is said, and is no failure."""
    parser = options()
    given = parser.parse_args(arguments)
    if given.rounds < 1 or given.soak_s < 1.0:
        parser.error("--rounds and --soak-s must be at least 1")
    if given.write and given.only:
        parser.error("--write keeps whole runs: leave out --only")
    report = Report(shlex.join(["python", "-m", "bench", *arguments]), given.rounds)
    _say(*report.opening())
    measurements: dict[str, Callable[[int], Result]] = {
        **MEASUREMENTS,
        "soak": partial(soak.measure, seconds=given.soak_s),
    }
    for name in given.only or measurements:
        began = time.monotonic()
        result = measurements[name](given.rounds)
        result.counts.append(f"took {time.monotonic() - began:.0f} s; load {load()} at the end")
        report.results[name] = result
        _say("", *section(name, result))
    goals = [f for r in report.results.values() for f in r.figures if f.must is not None]
    missed = [f for f in goals if not f.met]
    _say("", f"{len(goals) - len(missed)} of {len(goals)} goals met")
    _say(*(f"missed: {f.what}, {f.text()}, {f.verdict()}" for f in missed))
    if given.write:
        RESULTS.write_text(report.markdown())
        _say(f"written to bench/{RESULTS.name}")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
