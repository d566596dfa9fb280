"""Results for a terminal, and the same as `bench/RESULTS.md`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.machine import load, machine, versions
from bench.result import Result

CAVEAT = (
    "Only ratios measured on one machine in one run mean anything: microseconds belong to the "
    "machine named above and to its load at the time."
)


@dataclass
class Report:
    """One run: what it was run on and with, and what came of it by measurement."""

    command: str
    rounds: int
    title: str = "Measured speed"
    machine: str = field(default_factory=machine)
    versions: str = field(default_factory=versions)
    began: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    load: str = field(default_factory=load)
    results: dict[str, Result] = field(default_factory=dict)

    def opening(self) -> list[str]:
        """Return what stands above the figures."""
        return [
            f"machine   {self.machine}",
            f"load      {self.load} at the start, {self.began}",
            f"versions  {self.versions}",
            f"command   {self.command}",
            f"medians of {self.rounds} rounds, their range in brackets; {CAVEAT[0].lower()}"
            f"{CAVEAT[1:]}",
        ]

    def markdown(self) -> str:
        """Return the whole run as a page."""
        lines = [
            f"# {self.title}",
            "",
            f"Made by `{self.command}` on {self.began}; do not edit, run it again with `--write`.",
            "",
            f"* Machine: {self.machine}; load average {self.load} at the start.",
            f"* Versions: {self.versions}.",
            f"* Medians of {self.rounds} rounds in which the sides took turns, their range in "
            "brackets. Ratios were taken round by round. Throughput counts CPU seconds, latency "
            "is wall time.",
            f"* {CAVEAT}",
            "",
            "## Goals",
            "",
            "| # | figure | measured | goal |",
            "|---|---|---|---|",
        ]
        for result in self.results.values():
            for figure in result.figures:
                if figure.must is not None:
                    cells = (result.goal, figure.what, figure.text(), figure.verdict())
                    lines.append(_row(*cells))
        for name, result in self.results.items():
            goal = f" ({result.goal})" if result.goal else ""
            lines += [
                "",
                f"## {name}: {result.title}{goal}",
                "",
                "| figure | measured |",
                "|---|---|",
            ]
            lines += [_row(figure.what, figure.text()) for figure in result.figures]
            lines.append("")
            lines += [f"* {text}" for text in (*result.counts, *result.notes)]
        return "\n".join(lines) + "\n"


def section(name: str, result: Result) -> list[str]:
    """Return one measurement as lines for a terminal."""
    width = max(len(figure.what) for figure in result.figures)
    texts = max(len(figure.text()) for figure in result.figures)
    goal = f"  [{result.goal}]" if result.goal else ""
    return [
        f"{name}  {result.title}{goal}",
        *(
            f"  {figure.what:<{width}}  {figure.text():<{texts}}  {figure.verdict()}".rstrip()
            for figure in result.figures
        ),
        *(f"  . {text}" for text in (*result.counts, *result.notes)),
    ]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
