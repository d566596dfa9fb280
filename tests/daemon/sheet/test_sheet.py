from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.sheet.series import Seen
from daemon.sheet.sheet import (
    Sheet,
    draw,
    flagged,
    of_coin,
    of_series,
    paint,
    since_ms,
    standardised,
)
from market.errors import OperatorError
from quant.lens import Reading

text = pytest.importorskip("matplotlib.text")

BAR_MS = 1_700_000_040_000
STEPS = 0.001 * np.random.default_rng(4).standard_t(4, 700)
NAMES = (
    "efficiency_ratio", "embedding", "fisher_rao", "hawkes", "hmm", "homology", "hurst", "koopman",
    "lyapunov", "rqa", "volatility",
)  # fmt: skip


# The ranks from low to high.
SHOWN: list[Any] = [(name, -1.234567, i / 10) for i, name in enumerate(NAMES)]


def coin(closes: Any, *spans: tuple[int, int], flagged_ms: int | None = None) -> Sheet:
    """Return the sheet of BTC."""
    return of_coin("BTC", list(closes), BAR_MS, SHOWN, spans=list(spans), flagged_ms=flagged_ms)


@pytest.fixture(autouse=True)
def _few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the first and the newest window only: what they are worth is tested elsewhere."""
    monkeypatch.setattr("daemon.sheet.sheet.JUDGED", 2)


CLOSES = 50_000.0 * np.exp(np.cumsum(STEPS))


def test_a_coin_s_window_is_its_returns_as_its_lenses_take_them() -> None:
    found = coin(CLOSES, (1, 2))
    assert found.at[-1] == BAR_MS + 60_000 and np.all(np.diff(found.at) == 60_000)
    assert found.at[0] == since_ms(CLOSES, BAR_MS)
    assert len(found.window.values) == 512 and len(found.window.loops) == 64
    assert abs(found.window.values.mean()) < 0.1 and 0.5 < found.window.values.std() < 1.1
    assert found.window.loops.std() == pytest.approx(1.0)
    assert "2023-11-14 10:36 – 2023-11-14 22:15 UTC" in found.about and "n = 512" in found.about
    assert found.spans == [(1, 2)]


def test_an_alarm_that_still_lasts_is_shaded_to_the_end() -> None:
    found = coin(CLOSES, flagged_ms=BAR_MS - 600_000)
    assert found.spans == [(BAR_MS - 540_000, BAR_MS + 60_000)]


def test_a_coin_that_never_moved_or_only_just_began() -> None:
    found = coin([7.0] * 300)
    assert not found.window.values.any()
    paint(found)
    with pytest.raises(OperatorError, match="has closed 2 minutes; 3 are few"):
        coin([7.0, 8.0])


def test_a_series_stands_as_it_is() -> None:
    seen = [Seen(Reading("rqa", 0.5, 700, {}), 0.25)]
    found = of_series(STEPS, "long/" * 40 + "x.csv", seen)
    assert found.line is STEPS and found.at.tolist() == list(range(1, 701))
    assert np.array_equal(found.window.values, STEPS[-512:])
    assert len(found.title) == 60 and found.title.endswith("/x.csv")
    assert found.shown == [("rqa", 0.5, 0.25)]
    assert of_series(STEPS[:100], "x", seen).about == "n = 100 · as it stands"


def test_windows_of_a_series_are_flagged_by_the_part_that_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.sheet.sheet.JUDGED", 3)
    walk = np.empty(1024)
    walk[:512] = np.random.default_rng(6).standard_normal(512)
    x = 0.3
    for i in range(512, 1024):
        x = 4.0 * x * (1.0 - x)
        walk[i] = (x - 0.5) * np.sqrt(8.0)
    assert flagged(walk) == [(512.0, 768.0), (768.0, 1024.0)]
    assert flagged(walk[512:]) == [(0.0, 512.0)]
    assert flagged(walk[:100]) == [] and flagged(np.zeros(600)) == [], "it abstains"


def test_what_never_moves_stays() -> None:
    assert standardised(np.full(3, 2.0)).tolist() == [2.0] * 3


def boxes(page: Any) -> list[tuple[str, Any]]:
    """Return every text that is to be seen with the place it takes."""
    page.canvas.draw()
    unseen = {t for a in page.axes if not a.axison for t in a.findobj(text.Text)}
    for axes in page.axes:
        unseen -= set(axes.texts)
        perspective = [axes.zaxis] if hasattr(axes, "zaxis") else []
        for axis in (axes.xaxis, axes.yaxis, *perspective):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                # Figures along the edges of a perspective may meet; words may not.
                if perspective or not low <= tick.get_loc() <= high:
                    unseen |= {tick.label1, tick.label2}
    seen = [
        t
        for t in page.findobj(text.Text)
        if t.get_text().strip() and t.get_visible() and t not in unseen
    ]
    return [(t.get_text(), t.get_window_extent()) for t in seen]


@pytest.mark.parametrize(
    "made",
    [
        lambda: coin(CLOSES, flagged_ms=BAR_MS - 600_000),
        lambda: of_series(
            np.sin(np.arange(400) / 4.0),
            "sine.csv",
            [Seen(Reading("rqa", None, 9, {}, ("short",)))],
        ),
    ],
    ids=["coin", "series"],
)
def test_everything_is_on_the_page_and_no_word_covers_another(made: Callable[[], Sheet]) -> None:
    sheet = made()
    page = paint(sheet)
    found = boxes(page)
    said = "\n".join(written for written, _ in found)
    for word in (sheet.title, sheet.about, "Attractor", "Recurrence plot", "Persistence diagram",
                 "DMD spectrum", "Readings", sheet.label):  # fmt: skip
        assert word in said, word
    for written, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1600 and box.y1 <= 1000, written
    crossing = [(a, b) for (a, box), (b, other) in combinations(found, 2) if box.overlaps(other)]
    assert not crossing


@pytest.mark.parametrize(
    "values",
    [[1.0], [5.0] * 30, [*STEPS[:300], np.inf, np.nan], STEPS[:300] * 1e303],
    ids=["one", "still", "not finite", "huge"],
)  # fmt: skip
def test_a_series_however_poor_has_its_sheet(values: Any, tmp_path: Path) -> None:
    draw(of_series(np.array(values), "poor.csv", []), tmp_path / "poor.png")


def test_the_table_says_which_ranks_stand_out() -> None:
    said = [written for written, _ in boxes(paint(coin(CLOSES)))]
    assert said.count("low") == 1 and said.count("high") == 1 and said.count("as in nulls") == 9
    assert "nothing flagged; dashed: where the panels begin" in said
    assert "-1.235" in said and "fisher rao" in said


def test_a_sheet_is_a_file_of_the_same_bytes_each_time(tmp_path: Path) -> None:
    sheet = of_series(np.sin(np.arange(120) / 4.0), "sine.csv", [])
    assert sheet.spans == []
    draw(sheet, tmp_path / "a.png")
    draw(sheet, tmp_path / "b.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    assert int.from_bytes(data[16:20]) == 1600 and int.from_bytes(data[20:24]) == 1000


def test_without_matplotlib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(OperatorError, match="matplotlib, of the extra plot: make setup"):
        paint(of_series(STEPS[:100], "x", []))
