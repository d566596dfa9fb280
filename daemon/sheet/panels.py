"""Phase-space panels of a lens sheet: attractor, recurrences, loops, modes.

Each draws into axes of its own what a lens measured of one window, or says why there is nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.lens import Reading

Array = NDArray[np.float64]

INK, MUTED, FAINT, PAPER = "#22303c", "#7b8794", "#d9dee3", "#fbfaf8"
BLUE, ACCENT, GOLD = "#3d6a8a", "#b5533c", "#d9a441"
# From long ago to now.
AGES = ("#e7d3ab", "#8fb0a5", "#3f7d8c", "#1c3450")
SMALL, NORMAL = 8.5, 10.5

DIM = 3
# Around the box of a perspective, as a share of the page.
AIR = (0.0175, 0.02)
# Beyond this many times the usual reach, single points would shrink all others to a dot.
FAR = 1.6
USUAL = 0.975
# Perspective multiplies coordinates.
LARGEST = 1e100


class Window(Struct, frozen=True):
    """Numbers (n,) that the panels are of, what one of them is, and what one step is.

    `loops` (m,) are those of which loops are sought, the newest of them.
    """

    values: Array
    loops: Array
    unit: str
    step: str

    @property
    def in_unit(self) -> str:
        """Return the unit for an axis label, empty for a bare number."""
        return f" ({self.unit})" if self.unit else ""


def titled(axes: Any, title: str, note: str = "") -> None:
    """Write a panel's name above it, and under that in grey what belongs to it."""
    place = axes.get_position()
    # Names of all panels stand level, whatever air a perspective has around its box.
    aside, above = AIR if hasattr(axes, "zaxis") else (0.0, 0.0)
    left, top = place.x0 + aside, place.y1 - above
    write = axes.figure.text
    write(left, top + 0.033, title, color=INK, fontsize=NORMAL, fontweight="bold", va="bottom")
    write(left, top + 0.012, note, color=MUTED, fontsize=SMALL, va="bottom")


def quiet(axes: Any) -> None:
    """Take away what frames usually have too much of."""
    axes.set_facecolor("white")
    for side in axes.spines.values():
        side.set_color(FAINT)
    axes.tick_params(colors=MUTED, labelsize=SMALL, length=3, color=FAINT)
    axes.xaxis.label.set(color=MUTED, fontsize=SMALL)
    axes.yaxis.label.set(color=MUTED, fontsize=SMALL)


def absent(axes: Any, title: str, reading: Reading) -> None:
    """Say in the panel why a lens has nothing to show."""
    import textwrap  # noqa: PLC0415 - only where there is nothing to draw

    titled(axes, title)
    quiet(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    why = textwrap.fill(f"{reading.lens} abstains: {'; '.join(reading.flags)}", 34)
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def delayed(values: Array, dim: int = DIM, lag: int = 1) -> Array:
    """Return the delay vectors of a window, (n − (dim − 1)·lag, dim); empty if it is too short."""
    count = max(0, len(values) - (dim - 1) * lag)
    return np.stack([values[k * lag : k * lag + count] for k in range(dim)], axis=1)


def reach(values: Array) -> tuple[float, float]:
    """Return limits that hold all values, or all but a few that lie far beyond the others."""
    low, high = np.quantile(values, (1.0 - USUAL, USUAL))
    middle, half = (low + high) / 2.0, max((high - low) / 2.0, 1e-12)
    low = max(float(values.min()), middle - FAR * half)
    high = min(float(values.max()), middle + FAR * half)
    pad = 0.04 * max(high - low, 1e-12)
    return low - pad, high + pad


def attractor(axes: Any, window: Window) -> Any:
    """Draw the delay embedding, older points paler; return what a colour bar needs, or None."""
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra

    cloud = delayed(window.values)
    if not len(cloud) or not np.abs(cloud).max() < LARGEST:
        titled(axes, "Attractor", "too short, too large or not finite: not drawn")
        return None
    low, high = reach(window.values)
    inside = np.all((cloud >= low) & (cloud <= high), axis=1)
    away = int(len(cloud) - inside.sum())
    colours = LinearSegmentedColormap.from_list("ages", AGES)
    steps = np.arange(len(cloud)) - len(cloud) + 1
    path = np.where(inside[:, None], cloud, np.nan)
    axes.plot(*path.T, color=MUTED, linewidth=0.4, alpha=0.28)
    marks = axes.scatter(
        *cloud[inside].T, c=steps[inside], cmap=colours, s=11, linewidths=0, depthshade=False,
        vmin=steps[0], vmax=0,
    )  # fmt: skip
    note = f"delay embedding, dim {DIM}, lag 1"
    titled(axes, "Attractor", note + (f"; {away} far points not shown" if away else ""))
    _three_axes(axes, window, (low, high))
    return marks


def _three_axes(axes: Any, window: Window, limits: tuple[float, float]) -> None:
    axes.set(xlim=limits, ylim=limits, zlim=limits)
    axes.set_xlabel("x(t)", color=MUTED, fontsize=SMALL, labelpad=-4)
    axes.set_ylabel("x(t+1)", color=MUTED, fontsize=SMALL, labelpad=-4)
    axes.set_zlabel(f"x(t+2){window.in_unit}", color=MUTED, fontsize=SMALL, labelpad=-4)
    axes.view_init(elev=22.0, azim=-58.0)
    axes.set_box_aspect((1.0, 1.0, 0.95), zoom=1.04)
    axes.patch.set_visible(False)
    axes.locator_params(nbins=4)
    axes.tick_params(colors=MUTED, labelsize=SMALL - 1.0, pad=-2)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("white")
        axis.pane.set_edgecolor(FAINT)
        axis.line.set_color(FAINT)
        axis._axinfo["grid"].update(color=FAINT, linewidth=0.5)


def recurrence(axes: Any, window: Window, rqa: Reading) -> None:
    """Draw which moments resemble each other, at the very threshold that the lens used."""
    if rqa.value is None:
        absent(axes, "Recurrence plot", rqa)
        return
    from matplotlib.colors import ListedColormap  # noqa: PLC0415 - an extra

    cloud = delayed(window.values, int(rqa.params["dim"]), int(rqa.params["lag"]))
    threshold = float(rqa.measures["threshold"])
    apart: Array = np.abs(cloud[:, None, :] - cloud[None, :, :]).max(axis=2)
    count = len(cloud)
    axes.imshow(
        apart <= threshold, cmap=ListedColormap(("white", AGES[-1])), origin="lower",
        extent=(-count, 0, -count, 0), interpolation="antialiased", interpolation_stage="rgba",
    )  # fmt: skip
    rate = (np.count_nonzero(apart <= threshold) - count) / max(1, count * (count - 1))
    note = f"{rate:.1%} of pairs within {threshold:.3g}{' ' + window.unit if window.unit else ''}"
    titled(axes, "Recurrence plot", f"{note}; DET {rqa.value:.3f}")
    axes.set_xlabel(f"{window.step} before the end")
    axes.set_ylabel(f"{window.step} before the end")
    axes.locator_params(nbins=6)
    quiet(axes)


def persistence(axes: Any, window: Window, homology: Reading) -> None:
    """Draw birth and death of each loop; the longest-lived is marked."""
    if homology.value is None:
        absent(axes, "Persistence diagram", homology)
        return
    bars = np.array(homology.measures["bars"], dtype=np.float64).reshape(-1, 2)
    top = 1.08 * float(bars.max(initial=0.0)) or 1.0
    axes.plot([0.0, top], [0.0, top], color=FAINT, linewidth=1.0, zorder=1)
    axes.scatter(*bars.T, s=16, color=BLUE, alpha=0.6, linewidths=0, zorder=2)
    if len(bars):
        longest = int(np.argmax(bars[:, 1] - bars[:, 0]))
        birth, death = bars[longest]
        axes.plot([birth, birth], [birth, death], color=ACCENT, linewidth=1.2, zorder=3)
        axes.scatter([birth], [death], s=46, color=ACCENT, linewidths=0, zorder=4)
        side = 1 if birth < 0.55 * top else -1
        axes.annotate(
            f"longest: {death - birth:.3g}", (birth, death), xytext=(8 * side, 4),
            textcoords="offset points", color=ACCENT, fontsize=SMALL,
            ha="left" if side > 0 else "right",
        )  # fmt: skip
    axes.set(xlim=(0.0, top), ylim=(0.0, top), aspect="equal")
    part = f" in the last {len(window.loops)}" if len(window.loops) < len(window.values) else ""
    note = f"{len(bars)} loop{'s' * (len(bars) != 1)} (H1){part}; norm {homology.value:.4g}"
    titled(axes, "Persistence diagram", note)
    axes.locator_params(nbins=6)
    axes.set_xlabel(f"birth radius{window.in_unit}")
    axes.set_ylabel(f"death radius{window.in_unit}")
    quiet(axes)


def spectrum(axes: Any, koopman: Reading) -> None:
    """Draw the eigenvalues of the fitted linear map against the unit circle."""
    if koopman.value is None:
        absent(axes, "DMD spectrum", koopman)
        return
    turn = np.linspace(0.0, 2.0 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color=MUTED, linewidth=1.0)
    axes.axhline(0.0, color=FAINT, linewidth=0.7)
    axes.axvline(0.0, color=FAINT, linewidth=0.7)
    real, imaginary = np.array(koopman.measures["eigenvalues"], dtype=np.float64).T
    largest = np.isclose(np.hypot(real, imaginary), koopman.value, rtol=1e-9)
    for re, im in zip(real, imaginary, strict=True):
        axes.plot([0.0, re], [0.0, im], color=FAINT, linewidth=0.8, zorder=1)
    for chosen, colour in ((~largest, BLUE), (largest, ACCENT)):
        axes.scatter(real[chosen], imaginary[chosen], s=34, color=colour, linewidths=0, zorder=3)
    span = 1.12 * max(1.0, float(np.abs(real).max()), float(np.abs(imaginary).max()))
    axes.set(xlim=(-span, span), ylim=(-span, span), aspect="equal")
    rest = f"residual {float(koopman.measures['residual']):.3f}"
    titled(axes, "DMD spectrum", f"largest |µ| {koopman.value:.4f}; {rest}")
    axes.locator_params(nbins=6)
    axes.set_xlabel("Re µ (per step)")
    axes.set_ylabel("Im µ (per step)")
    quiet(axes)
