"""`make bench-peers`: Gnomon beside nautilus_trader; `--write` keeps the figures as PEERS.md."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from bench.machine import load, versions
from bench.peers.compare import measure
from bench.peers.figures import results
from bench.peers.peer import peers
from bench.peers.run import ROOT
from bench.report import Report, section

PAGE = ROOT / "bench" / "PEERS.md"
# Fewer quotes than this are over before the processor's clock has settled.
QUOTES_MIN = 1_000


def options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side (default 5)")
    parser.add_argument("--quotes", type=int, default=500_000, help="of a replay (default 500000)")
    parser.add_argument(
        "--later", default="python3.13", help="a Python 3.13, which version 2 needs (python3.13)"
    )
    parser.add_argument("--write", action="store_true", help="render bench/PEERS.md")
    return parser


def main(arguments: list[str]) -> None:
    """Measure; a goal that is missed is said, and is no failure. No peer, no measurement."""
    parser = options()
    given = parser.parse_args(arguments)
    if given.rounds < 1 or given.quotes < QUOTES_MIN:
        parser.error(f"--rounds must be at least 1 and --quotes {QUOTES_MIN}")
    found, absent = peers(given.later, lambda text: _say(f"peers: {text}"))
    if not found:
        return
    beside = [*(peer.name for peer in found), *(f"{name} (NOT MEASURED)" for name in absent)]
    # Where this machine keeps its Pythons is of no use on a page.
    shown = [text.replace(given.later, Path(given.later).name) for text in arguments]
    report = Report(
        shlex.join(["python", "-m", "bench.peers", *shown]),
        given.rounds,
        title="Beside nautilus_trader",
        versions=f"{', '.join(beside)}, {versions()}",
    )
    _say(*report.opening())
    report.results = results(measure(found, given.rounds, given.quotes))
    for name, result in report.results.items():
        _say("", *section(name, result))
    goals = [f for r in report.results.values() for f in r.figures if f.must is not None]
    _say("", f"{sum(f.met for f in goals)} of {len(goals)} goals met; load {load()} at the end")
    if given.write:
        PAGE.write_text(report.markdown())
        _say(f"written to bench/{PAGE.name}")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
