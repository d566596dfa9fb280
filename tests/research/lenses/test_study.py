from __future__ import annotations

import msgspec
import numpy as np
import pytest

from research.lenses.panel import COMPOSITE, Panel, panel_of, serial
from research.lenses.protocol import Protocol, registered
from research.lenses.study import (
    BASELINES,
    COINS,
    DEMOTE,
    DEVELOPMENT,
    KEEP,
    LATER,
    tables,
    world_panel,
)
from research.lenses.worlds import returns
from tests.support.stand_in import NAMES, read

FULL = registered()
SMALL = msgspec.structs.replace(FULL, shifts=199, bootstraps=199, random_gates=100)


def made(world: str, protocol: Protocol = SMALL, windows: int = 300) -> Panel:
    return world_panel(
        world, protocol, windows=windows, seed=5, horizon=60, read=read, spread=serial
    )


def test_nothing_is_called_protective_where_nothing_is() -> None:
    for world in ("garch", "iid"):
        found = tables(world, [made(world)], NAMES, SMALL, horizon=60, seed=1)
        assert {v.verdict for v in found.verdicts} == {DEMOTE}
        assert [v.lens for v in found.verdicts] == [*NAMES, COMPOSITE]


@pytest.fixture(scope="module")
def chaos() -> Panel:
    return made("chaos", windows=1000)


def test_order_before_falls_is_found(chaos: Panel) -> None:
    found = tables("chaos", [chaos], NAMES, SMALL, horizon=60, seed=1)
    verdict = {v.lens: v for v in found.verdicts}
    assert verdict["bend"].verdict == verdict[COMPOSITE].verdict == KEEP
    assert verdict["size"].verdict == DEMOTE
    rows = {(s.part, s.lens): s for s in found.skill}
    seen = rows[DEVELOPMENT, "bend"]
    assert seen.auc > 0.6 and seen.low > 0.0 and seen.p_holm < 0.05
    assert seen.low < seen.partial < seen.high
    assert rows[LATER, "bend"].beyond > 0.0
    assert np.isnan(rows[DEVELOPMENT, "rv60"].p_holm)
    alarm = next(a for a in found.alarms if (a.part, a.lens) == (DEVELOPMENT, "bend"))
    assert alarm.alarm.recall > 2 * alarm.alarm.chance and alarm.alarm.p < 0.05
    assert alarm.twin.rate == pytest.approx(alarm.alarm.rate, abs=1e-3)


def test_every_lens_is_in_every_table_and_held_out_coins_apart(chaos: Panel) -> None:
    rng = np.random.default_rng(1)
    moves = rng.standard_t(5, 12_000) * 1e-3
    other = panel_of(
        "other", np.arange(12_000), moves, SMALL, read=read, most=150, seed=1, horizon=60,
        coin="SOL", spread=serial,
    )  # fmt: skip
    found = tables("both", [chaos, other], NAMES, SMALL, horizon=60, seed=1)
    everyone = {*NAMES, COMPOSITE, *BASELINES}
    for part in (DEVELOPMENT, LATER, COINS):
        assert {s.lens for s in found.skill if s.part == part} == everyone
        assert {a.lens for a in found.alarms if a.part == part} == everyone
        assert {g.lens for g in found.gates if g.part == part} == everyone - {"rv_z"}
    assert {s.points for s in found.skill if s.part == COINS} == {len(other.at)}
    with pytest.raises(ValueError, match="held out"):
        tables("none", [other], NAMES, SMALL, horizon=60, seed=1)


def test_the_same_seed_makes_the_same_tables(chaos: Panel) -> None:
    few = msgspec.structs.replace(SMALL, shifts=19, bootstraps=19, random_gates=5)
    one, two = (tables("c", [chaos], NAMES, few, horizon=60, seed=3) for _ in range(2))
    assert msgspec.json.encode(one) == msgspec.json.encode(two)


def test_paths_are_those_of_the_world(chaos: Panel) -> None:
    bars = SMALL.window + max(SMALL.horizons) + 1000 * SMALL.stride
    moves = returns("chaos", SMALL, 1, bars, 5)[0] * 1e-3
    first = chaos.at[0]
    assert chaos.seen.values[0, 1] == pytest.approx(moves[first - 511 : first + 1].std())
