"""Lens sheet of a coin or series: the line, its readings, its phase space in four panels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from daemon.sheet import panels
from daemon.sheet.panels import ACCENT, BLUE, FAINT, GOLD, INK, MUTED, NORMAL, PAPER, SMALL, Window
from daemon.sheet.series import Seen
from daemon.sheet.table import figure, share
from daemon.sheet.verdict import TAIL
from market.errors import ExtraMissing, OperatorError
from market.events import MS_PER_MINUTE
from quant.lens import Abstain, discover
from quant.phase_space import CLOUD, prepare, rank
from risk.phase_space import Settings

Array = NDArray[np.float64]

# What the panels show: the lenses' own window on a desk.
WINDOW = 512
INCHES, DPI = (16.0, 10.0), 100
NAME_MAX = 60
# Windows of a series that are judged at most, and the score at which they are flagged.
JUDGED = 12
LEVEL = Settings().enter
SEED = 7
# Readings the table has room for before its lines move together.
ROWS = 10

Shown = tuple[str, float | None, float | None]


class Sheet(Struct, frozen=True):
    """Contents of one sheet.

    `line` (k,) is drawn over `at` (k,): ms since 1970 when `dated`, else steps. `window` is the
    newest part of it, as the panels take it. `spans` were flagged, from and to in units of `at`.
    """

    title: str
    about: str
    at: Array
    dated: bool
    line: Array
    label: str
    window: Window
    spans: list[tuple[float, float]]
    shown: list[Shown]


def of_series(values: Array, name: str, found: list[Seen]) -> Sheet:
    """Return the sheet of a series as it stands."""
    count = min(len(values), WINDOW)
    part = f"panels: the last {count}" if count < len(values) else "as it stands"
    return Sheet(
        title=name[-NAME_MAX:],
        about=f"n = {len(values):,} · {part}",
        at=np.arange(1.0, len(values) + 1.0),
        dated=False,
        line=values,
        label="value",
        window=Window(values[-count:], values[-count:], "", "steps"),
        spans=flagged(values),
        shown=[(s.reading.lens, s.reading.value, s.null_rank) for s in found],
    )


def flagged(values: Array) -> list[tuple[float, float]]:
    """Return the spans of a series (n,), in steps, whose windows the composite flags.

    Windows of 512, evenly from the first to the newest; of each that is flagged the part that the
    one before has not seen. One that the composite abstains on is not flagged.
    """
    count = len(values)
    ends = np.unique(np.linspace(min(count, WINDOW), count, JUDGED).round().astype(int)).tolist()
    found = []
    for before, end in pairwise((0, *ends)):
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                window = prepare(values[max(0, end - WINDOW) : end])
            ranked = rank(window, seed=[SEED, end])
        except Abstain:
            continue
        if ranked.score >= LEVEL:
            found.append((float(before), float(end)))
    return found


def since_ms(closes: Sequence[float], bar_ms: int) -> int:
    """Return when the first of a coin's minutes closed; `bar_ms` is when the newest opened."""
    return bar_ms - (len(closes) - 2) * MS_PER_MINUTE


def of_coin(
    name: str,
    closes: Sequence[float],
    bar_ms: int,
    shown: list[Shown],
    *,
    spans: list[tuple[int, int]],
    flagged_ms: int | None = None,
) -> Sheet:
    """Return the sheet of a coin's minutes, its window as the lenses of a desk took it.

    `spans` are flagged times in ms; `flagged_ms` is the minute of a composite that still flags
    the coin, None when it does not. Raises OperatorError with fewer than three minutes.
    """
    line = np.array(closes, dtype=np.float64)
    if len(line) < 3:
        raise OperatorError(f"--png: {name} has closed {len(line)} minutes; 3 are few")
    at = since_ms(closes, bar_ms) + MS_PER_MINUTE * np.arange(float(len(line)))
    window = _prepared(np.diff(np.log(line))[-WINDOW:])
    begin, end = (datetime.fromtimestamp(t / 1000.0, UTC) for t in (at[0], at[-1]))
    still = [] if flagged_ms is None else [(flagged_ms + MS_PER_MINUTE, at[-1])]
    return Sheet(
        title=name,
        about=f"{begin:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M} UTC · "
        f"panels: the last n = {len(window)} one-minute log-returns, standardised, cut at 5 MAD",
        at=at,
        dated=True,
        line=line,
        label="price (USD)",
        window=Window(window, standardised(window[-CLOUD:]), "sd", "minutes"),
        spans=[*spans, *still],
        shown=shown,
    )


def _prepared(returns: Array) -> Array:
    try:
        return prepare(returns)
    except Abstain:
        # The panels say so, each for itself.
        return returns


def standardised(values: Array) -> Array:
    """Return values of mean 0 and variance 1; as they are where they never move."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0.0 else values


def draw(sheet: Sheet, path: Path) -> None:
    """Draw a sheet of 1600 × 1000 points as PNG; raises OperatorError where that cannot be."""
    page = paint(sheet)
    try:
        page.savefig(path, format="png", metadata={"Software": "gnomon"})
    except OSError as error:
        raise OperatorError(f"{path}: cannot be written ({error.strerror})") from None


def paint(sheet: Sheet) -> Any:
    """Return a sheet as a figure; raises ExtraMissing without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ExtraMissing("--png", "matplotlib", "plot") from None
    page = Figure(figsize=INCHES, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(page)
    page.text(0.055, 0.945, sheet.title, fontsize=19, fontweight="bold", color=INK)
    page.text(0.965, 0.945, sheet.about, fontsize=NORMAL, color=MUTED, ha="right")
    _line(page.add_axes((0.055, 0.55, 0.555, 0.315)), sheet)
    _readings(page.add_axes((0.655, 0.525, 0.31, 0.39)), sheet.shown)
    _phase_space(page, sheet.window)
    return page


def _phase_space(page: Any, window: Window) -> None:
    lenses = discover()
    rqa, koopman = (lenses[name].read(window.values) for name in ("rqa", "koopman"))
    homology = lenses["homology"].read(window.loops)
    low, side, tall = 0.085, 0.19, 0.304
    solid = page.add_axes((0.015, low + 0.02, 0.235, tall), projection="3d")
    marks = panels.attractor(solid, window)
    if marks is not None:
        place = page.add_axes((0.055, low - 0.01, 0.17, 0.009))
        bar = page.colorbar(marks, cax=place, orientation="horizontal")
        bar.set_label(f"{window.step} before the end", color=MUTED, fontsize=SMALL)
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=2)
    panels.recurrence(page.add_axes((0.312, low, side, tall)), window, rqa)
    panels.persistence(page.add_axes((0.544, low, side, tall)), window, homology)
    panels.spectrum(page.add_axes((0.775, low, side, tall)), koopman)


def _line(axes: Any, sheet: Sheet) -> None:
    at = sheet.at.astype("datetime64[ms]") if sheet.dated else sheet.at
    axes.plot(at, sheet.line, color=BLUE, linewidth=1.1 if sheet.dated else 0.7)
    for begin, end in sheet.spans:
        edges = np.array([begin, end])
        axes.axvspan(*(edges.astype("datetime64[ms]") if sheet.dated else edges),
                     color=GOLD, alpha=0.28, linewidth=0)  # fmt: skip
    kept = len(sheet.window.values)
    if kept < len(sheet.line) - 1:
        axes.axvline(at[-kept], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.margins(x=0.0)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_ylabel(sheet.label)
    axes.set_xlabel("time (UTC)" if sheet.dated else "step")
    panels.quiet(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if sheet.dated:
        from matplotlib import dates  # noqa: PLC0415

        ticks: Any = dates
        locator = ticks.AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ticks.ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_formatter("{x:,.10g}")
    of = "" if sheet.dated else f" of windows of {kept}"
    notes = [f"shaded: flagged by the composite{of}" if sheet.spans else "nothing flagged"]
    if kept < len(sheet.line) - 1:
        notes.append("dashed: where the panels begin")
    panels.titled(axes, "Price" if sheet.dated else "Series", "; ".join(notes))


def _readings(axes: Any, shown: list[Shown]) -> None:
    axes.axis("off")
    axes.set(xlim=(0.0, 1.0), ylim=(max(len(shown), ROWS) + 0.7, -0.5))
    ranked = any(place is not None for _, _, place in shown)
    columns = ((0.0, "left"), (0.56, "right"), (0.76, "right"), (0.80, "left"))
    head = ("Readings", "value", "null rank" if ranked else "", "")
    for (x, side), word in zip(columns, head, strict=True):
        first = x == 0.0
        size, weight = (NORMAL, "bold") if first else (SMALL, "normal")
        tint = INK if first else MUTED
        axes.text(x, 0.0, word, ha=side, va="center", size=size, weight=weight, color=tint)
    axes.plot([0.0, 1.0], [0.5, 0.5], color=FAINT, linewidth=1.0)
    for at, (name, value, place) in enumerate(shown, start=1):
        word, colour = _said(value, place)
        placed = share(place) if ranked else ""
        cells = (name.replace("_", " "), figure(value, 4), placed, word)
        tints = (MUTED if value is None else INK,) * 2 + (colour,) * 2
        for (x, side), cell, tint in zip(columns, cells, tints, strict=True):
            axes.text(x, at, cell, ha=side, va="center", fontsize=NORMAL - 0.5, color=tint)


def _said(value: float | None, place: float | None) -> tuple[str, str]:
    if value is None:
        return "abstains", MUTED
    if place is None:
        return "", MUTED
    if place >= 1.0 - TAIL:
        return "high", ACCENT
    return ("low", ACCENT) if place <= TAIL else ("as in nulls", MUTED)
