from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from daemon.sheet.panels import (
    Window,
    attractor,
    delayed,
    persistence,
    reach,
    recurrence,
    spectrum,
)
from quant.lens import Reading, discover

pytest.importorskip("matplotlib")

SINE = np.sin(2.0 * np.pi * np.arange(200) / 25.3)
WINDOW = Window(SINE, SINE, "sd", "minutes")
Axes = Callable[..., Any]


@pytest.fixture
def axes() -> Axes:
    """Return axes on a page of their own."""

    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - a slow import
    from matplotlib.figure import Figure  # noqa: PLC0415

    def made(**kind: Any) -> Any:
        page = Figure()
        FigureCanvasAgg(page)
        return page.add_subplot(**kind)

    return made


def words(axes: Any) -> str:
    """Return everything written on the page of some axes."""
    return "\n".join(t.get_text() for t in (*axes.texts, *axes.figure.texts))


def test_delay_vectors_by_hand() -> None:
    found = delayed(np.arange(5.0), 3, 1)
    assert found.tolist() == [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]
    assert delayed(np.arange(5.0), 2, 3).tolist() == [[0.0, 3.0], [1.0, 4.0]]
    assert delayed(np.arange(2.0)).shape == (0, 3)


def test_limits_hold_everything_but_what_lies_far_away() -> None:
    low, high = reach(SINE)
    assert low < -1.0 and high > 1.0 and high < 1.2
    far = np.append(np.random.default_rng(1).standard_normal(500), 80.0)
    assert reach(far)[1] < 6.0
    low, high = reach(np.full(9, 3.0))
    assert low < 3.0 < high


def test_an_attractor_is_its_points_in_the_order_of_time(axes: Axes) -> None:
    drawn = axes(projection="3d")
    marks = attractor(drawn, WINDOW)
    assert len(marks.get_offsets()) == 198
    assert marks.get_array().tolist() == list(range(-197, 1))
    assert "not shown" not in words(drawn)
    assert drawn.get_zlabel() == "x(t+2) (sd)"


def test_far_points_are_counted_and_a_short_series_is_said_to_be(axes: Axes) -> None:
    drawn = axes(projection="3d")
    spiked = np.append(SINE, 50.0)
    attractor(drawn, Window(spiked, spiked, "", "steps"))
    assert "1 far points not shown" in words(drawn) and drawn.get_zlabel() == "x(t+2)"
    drawn = axes(projection="3d")
    assert attractor(drawn, Window(SINE[:2], SINE[:2], "", "steps")) is None
    assert "not drawn" in words(drawn)


def test_recurrences_are_those_the_lens_counted(axes: Axes) -> None:
    drawn = axes()
    rqa = discover()["rqa"].read(SINE)
    recurrence(drawn, WINDOW, rqa)
    (image,) = drawn.get_images()
    matrix = np.asarray(image.get_array())
    assert matrix.shape == (198, 198) and (matrix == matrix.T).all()
    assert matrix.mean() == pytest.approx(rqa.measures["recurrence_rate"], abs=1e-12)
    assert f"5.0% of pairs within 0.115 sd; DET {rqa.value:.3f}" in words(drawn)
    assert drawn.get_xlabel() == drawn.get_ylabel() == "minutes before the end"


def test_the_longest_loop_is_marked(axes: Axes) -> None:
    drawn = axes()
    homology = discover()["homology"].read(SINE)
    persistence(drawn, WINDOW, homology)
    assert f"longest: {homology.measures['longest']:.3g}" in words(drawn)
    assert drawn.get_xlabel() == "birth radius (sd)" and "in the last" not in words(drawn)
    few = Reading("homology", 0.0, 3, {}, (), {"bars": [], "longest": 0.0})
    drawn = axes()
    persistence(drawn, Window(SINE, SINE[:64], "", "steps"), few)
    assert "0 loops (H1) in the last 64" in words(drawn) and "longest" not in words(drawn)


def test_modes_stand_against_the_unit_circle_the_largest_apart(axes: Axes) -> None:
    drawn = axes()
    koopman = discover()["koopman"].read(SINE, {"rank": 2})
    spectrum(drawn, koopman)
    circle = drawn.lines[0].get_xydata()
    assert np.hypot(*circle.T) == pytest.approx(1.0)
    others, largest = drawn.collections
    assert len(others.get_offsets()) == 0
    assert np.hypot(*np.array(largest.get_offsets()).T) == pytest.approx(koopman.value)
    assert "largest |µ| 1.0000" in words(drawn)


def test_a_lens_that_abstains_leaves_its_reason(axes: Axes) -> None:
    silent = Reading("any", None, 3, {}, ("needs 50 values, got 3",))
    for draw in (
        lambda a: recurrence(a, WINDOW, silent),
        lambda a: persistence(a, WINDOW, silent),
        lambda a: spectrum(a, silent),
    ):
        drawn = axes()
        draw(drawn)
        assert "any abstains: needs 50" in words(drawn).replace("\n", " ")
