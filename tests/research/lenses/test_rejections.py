from __future__ import annotations

import dataclasses

import numpy as np

from research.lenses.panel import COMPOSITE, Floats, Ints, Seen, serial
from research.lenses.protocol import registered
from research.lenses.rejections import on_paths, rejections
from tests.support.panels import RETURNS, SMALL, panel
from tests.support.stand_in import NAMES, read

PROTOCOL = registered()


def test_ranks_reject_at_random_as_often_as_they_say_and_order_always() -> None:
    rows = rejections(
        NAMES, PROTOCOL, windows=200, seed=1, read=read, spread=serial, made=("garch", "logistic")
    )
    by = {(row.world, row.lens): row for row in rows}
    assert len(rows) == 2 * (len(NAMES) + 1)
    null, order = by["garch", "bend"], by["logistic", "bend"]
    assert null.windows == 200 and null.low <= 0.05 <= null.high
    assert null.sign == null.garch == null.share
    assert order.share == 1.0 and by["logistic", COMPOSITE].share == 1.0
    assert by["garch", "size"].share == 0.0


def test_of_a_recorded_path_only_windows_that_do_not_overlap_count() -> None:
    path = panel(RETURNS)
    rows = on_paths("x", [path, path], NAMES, SMALL)
    every = -(-SMALL.window // path.step)
    assert [row.lens for row in rows] == [*NAMES, COMPOSITE]
    assert rows[0].windows == 2 * -(-len(path.at) // every)
    assert rows[0].sign == np.mean(path.seen.sign_p[::every, 0] <= 0.05)


def test_windows_that_abstain_are_counted_apart() -> None:
    def half(windows: Floats, seeds: Ints) -> Seen:
        seen = read(windows, seeds)
        odd = np.arange(len(windows)) % 2 == 1
        return dataclasses.replace(
            seen,
            sign_p=np.where(odd[:, None], seen.sign_p, np.nan),
            composite_garch_p=np.full(len(windows), np.nan),
        )

    rows = rejections(NAMES, PROTOCOL, windows=10, seed=1, read=half, spread=serial, made=("iid",))
    assert [(row.windows, row.abstained) for row in rows] == [(5, 5), (5, 5), (0, 10)]
    assert np.isnan(rows[-1].share) and (rows[-1].low, rows[-1].high) == (0.0, 1.0)
