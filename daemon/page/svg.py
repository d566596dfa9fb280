"""Drawings of a page that is one file: lines, intervals, sparks; pure text, colours by CSS."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from daemon.views.panels.limits import Bar


class Curve(Struct, frozen=True):
    """One line of a chart, with what stands at its end; `dashed` for what was blocked."""

    values: Sequence[float]
    label: str
    colour: str
    dashed: bool = False


def chart(curves: Sequence[Curve], ticks: Sequence[str], *, shade: Sequence[float] = ()) -> str:
    """Return a chart for a desk and one for a phone; the style sheet shows the one that fits.

    Lines over equal steps, numbers at the left, `ticks` below, labels at the right ends. `shade` is
    filled down to the first line: the peak that equity fell from.
    """
    wide = _chart(curves, ticks, shade, width=820, right=128)
    narrow = _chart(curves, [ticks[0], ticks[-1]], shade, width=400, right=112)
    return f'<div class="ch hide-s">{wide}</div><div class="ch only-s">{narrow}</div>'


def _chart(
    curves: Sequence[Curve], ticks: Sequence[str], shade: Sequence[float], *, width: int, right: int
) -> str:
    height, left, top, bottom = 260, 62, 10, 26
    known = [value for curve in curves for value in curve.values] + list(shade)
    low, high = min(known), max(known)
    if high - low < 1e-9:
        low, high = low - 1.0, high + 1.0
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * (height - top - bottom)

    def x(at: int, count: int) -> float:
        return left + at / max(count - 1, 1) * (width - left - right)

    parts = []
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(
            f'<path class="gr" d="M{left} {y(value):.1f}H{width - right}"/>'
            f'<text class="ax" x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{number(value, 0)}</text>"
        )
    for at, tick in enumerate(ticks):
        anchor = "start" if not at else "end" if at == len(ticks) - 1 else "middle"
        parts.append(
            f'<text class="ax" x="{x(at, len(ticks)):.1f}" y="{height - 6}" text-anchor="{anchor}">'
            f"{escape(tick)}</text>"
        )
    if shade:
        line = _path(shade, x, y)
        back = _path(list(curves[0].values), x, y, backwards=True)
        parts.append(f'<path class="sh" d="{line}{back.replace("M", "L", 1)}Z"/>')
    lowest = -100.0
    for curve in sorted(curves, key=lambda c: y(c.values[-1])):
        dash = ' stroke-dasharray="4 4"' if curve.dashed else ""
        drawn = _path(curve.values, x, y)
        parts.append(f'<path class="ln {curve.colour}" d="{drawn}"{dash}/>')
        at_y = max(y(curve.values[-1]) + 4, lowest + 14)
        lowest = at_y
        parts.append(
            f'<text class="lb {curve.colour}" x="{width - right + 8}" y="{at_y:.1f}">'
            f"{escape(curve.label)}</text>"
        )
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _path(values: Sequence[float], x: object, y: object, *, backwards: bool = False) -> str:
    places = range(len(values))
    points = [
        f"{x(at, len(values)):.1f} {y(values[at]):.1f}"  # type: ignore[operator]
        for at in (reversed(places) if backwards else places)
    ]
    return "M" + "L".join(points)


def interval(bar: Bar | None, axis_usd: float, colour: str) -> str:
    """Return an interval on the common axis: thin for any day, thick for one look, a dot."""
    width = 300

    def x(usd: float) -> float:
        return (min(max(usd / axis_usd, -1.0), 1.0) + 1.0) / 2 * (width - 8) + 4

    parts = [f'<path class="gr" d="M{x(0)} 0V20"/>']
    if bar is None:
        parts.append(f'<path class="gr" d="M4 10H{width - 4}" stroke-dasharray="1 5"/>')
    else:
        if bar.any_low is not None and bar.any_high is not None:
            a, b = x(bar.any_low), x(bar.any_high)
            parts.append(
                f'<path class="ln {colour}" d="M{a:.1f} 10H{b:.1f}M{a:.1f} 7v6M{b:.1f} 7v6"/>'
            )
        a, b = x(bar.low), x(bar.high)
        parts.append(
            f'<rect class="tk {colour}" x="{a:.1f}" y="7" width="{b - a:.1f}" height="6"/>'
            f'<circle class="dt {colour}" cx="{x(bar.at):.1f}" cy="10" r="3.2"/>'
        )
    size = f'viewBox="0 0 {width} 20" width="{width}" height="20"'
    return f'<svg {size} role="img">{"".join(parts)}</svg>'


def spark(values: Sequence[float], colour: str) -> str:
    """Return a small line with its zero, nothing for fewer than two values."""
    if len(values) < 2:
        return ""
    width, height = 90, 22
    low, high = min(0.0, *values), max(0.0, *values)
    span = high - low or 1.0

    def point(at: int) -> str:
        x = 1 + at / (len(values) - 1) * (width - 4)
        return f"{x:.1f} {height - 2 - (values[at] - low) / span * (height - 4):.1f}"

    line = "M" + "L".join(map(point, range(len(values))))
    zero = height - 2 + low / span * (height - 4)
    return (
        f'<svg width="{width}" height="{height}" aria-hidden="true">'
        f'<path class="gr" d="M1 {zero:.1f}H{width - 3}"/>'
        f'<path class="ln {colour}" d="{line}"/></svg>'
    )


def number(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """Return a number with a real minus, a dash for none; a sign only where it is a change."""
    if value is None:
        return "–"
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def tone(value: float | None) -> str:
    """Return the class of a change: gain, loss, or neither."""
    return "" if not value else "g" if value > 0 else "l"
