"""Runner of one side: a process of its own, and the report it gives back."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.loopback import sending
from bench.peers import feed

ROOT = Path(__file__).resolve().parents[2]


class SideFailed(Exception):
    """Failure of a side; the text is the end of what it wrote to its stderr."""


@dataclass(frozen=True)
class Told:
    """Report of a side, and what its whole process cost."""

    report: dict[str, Any]
    cpu_s: float
    peak_mb: float


def run(python: Path, module: str, order: dict[str, Any]) -> Told:
    """Run `python -m module ORDER`; the last line of its stdout is its report."""
    with tempfile.TemporaryFile("w+") as errors:
        side = subprocess.Popen(
            [str(python), "-m", module, json.dumps(order)],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            text=True,
        )
        assert side.stdout is not None
        with side.stdout as pipe:
            said = pipe.read()
        _, status, usage = os.wait4(side.pid, 0)
        side.returncode = os.waitstatus_to_exitcode(status)
        if side.returncode:
            errors.seek(0)
            raise SideFailed(f"{module} ended with {side.returncode}: {errors.read()[-2_000:]}")
    report: dict[str, Any] = json.loads(said.splitlines()[-1])
    return Told(report, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def peer_live(python: Path, module: str, path: Path, rate: int, count: int) -> dict[str, Any]:
    """Let a peer listen to the sender; return its report with waits since the sender's stamps."""
    order = {"rate": rate, "count": count, "ahead_ns": 0, "stamps": True}
    with sending(order, feed.read(path)) as (port, said):
        told = run(python, module, {"count": count, "port": port})
        stamps: list[int] = json.loads(said.readline())
    return timed(told.report, stamps)


def timed(report: dict[str, Any], stamps: list[int]) -> dict[str, Any]:
    """Turn a report's times into waits: the nth quote and the order on it since the nth stamp."""
    quotes, orders = report.pop("quotes_ns"), report.pop("orders")
    report["quote_us"] = [(at - sent) / 1e3 for at, sent in zip(quotes, stamps, strict=True)]
    report["order_us"] = [(at - stamps[number - 1]) / 1e3 for number, at in orders]
    return report
