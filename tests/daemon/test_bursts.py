"""Bursts and lens results through the whole engine: sizes, limits, remainders, fills, state."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from daemon.engine import snapshot
from market import arrivals as pace
from market.arrivals import TOPS_MIN, BurstRule
from market.coin import Coin
from market.decision import TradeKind
from market.events import (
    NS_PER_MS,
    ArrivalTerms,
    LensReading,
    LensUpdate,
    Print,
    TradesUpdate,
)
from risk.intensity import Intensity
from risk.intensity import Settings as IntensitySettings
from risk.liquidity import Liquidity
from risk.liquidity import Settings as LiquiditySettings
from risk.phase_space import PhaseSpace
from risk.phase_space import Settings as PhaseSpaceSettings
from shadow.store.tables.decisions import CheckRow
from tests.daemon import rig
from tests.support.market import START_MS
from tests.support.rows import without
from tests.support.shadow import Stage

TERMS = ArrivalTerms(0.5, 0.6, 1.2)


def ranks(coin: Coin, score: float) -> LensUpdate:
    """Return ranks of a coin's newest minute."""
    bar_ms = coin.bars.series["1m"].start_ms[-1]
    readings = [LensReading("rqa", 0.6, 0.9, 512, '{"dim":3}')]
    return LensUpdate(coin.name, bar_ms, "rank", "bar", readings, score)


def gated(mode: str = "enforce", *, impact_bps_max: float = 50.0) -> Stage:
    """Return a stage whose gate holds the pace and the liquidity filter, the usual pace known."""
    return wake(
        Stage(
            filters={},
            real=[
                Intensity(IntensitySettings(), mode),  # type: ignore[arg-type]
                Liquidity(LiquiditySettings(impact_bps_max=impact_bps_max), "enforce"),
            ],
        )
    )


def wake(stage: Stage) -> Stage:
    """Let a stage see a book and learn the usual pace."""
    stage.book()
    stage.second()
    stage.step(LensUpdate("SOL", START_MS, "arrivals", "bar", [], arrivals=TERMS))
    stage.engine.market.coins["SOL"].arrivals.tops = [1.0] * TOPS_MIN
    stage.wait(61)
    stage.book()
    stage.second()
    assert stage.engine.market.coins["SOL"].arrivals.threshold == BurstRule().least
    return stage


def burst(stage: Stage) -> None:
    """Let trades come a hundred times as fast as usual for a second."""
    now_ms = stage.now_ns // NS_PER_MS
    stage.step(
        TradesUpdate("SOL", [Print(now_ms - 990 + 10 * i, 100.0, 1.0, 1) for i in range(100)])
    )
    assert stage.engine.market.coins["SOL"].arrivals.burst


def check_of(stage: Stage, signal_id: int, name: str) -> CheckRow:
    return next(
        row for row in stage.rows.checks if row.signal_id == signal_id and row.filter == name
    )


def test_in_a_burst_sizes_shrink_and_the_rest_is_followed_until_it_has_decayed() -> None:
    stage = gated()
    calm = stage.signal(lots=1_000)
    assert calm is not None and stage.trade(calm, TradeKind.PAPER).lots == 1_000
    assert not stage.rows.lenses
    burst(stage)
    scale = stage.engine.market.coins["SOL"].arrivals.impact_scale()
    assert scale > 1.5
    during = stage.signal(side=-1, lots=1_000)
    assert during is not None
    wanted = int(1_000.5 / scale)
    real, rest = stage.trade(during, TradeKind.PAPER), stage.trade(during, TradeKind.CLAMPED)
    assert real.lots + rest.lots == wanted and real.lots == wanted // 2
    assert rest.skip_lots == real.lots
    assert [(tag.filter, tag.scope) for tag in rest.tags] == [("intensity", "clamped")]
    stage.books(30)
    assert [row.flags for row in stage.rows.lenses] == ["burst begins", "burst ends"]
    stage.call_exit()
    stage.books(90)
    after = stage.signal(lots=1_000)
    assert after is not None and stage.trade(after, TradeKind.PAPER).lots == 1_000


def test_an_observing_pace_filter_cuts_nothing_and_says_what_it_would_have_cut() -> None:
    stage = gated("observe")
    burst(stage)
    signal_id = stage.signal(lots=1_000)
    assert signal_id is not None
    scale = stage.engine.market.coins["SOL"].arrivals.impact_scale()
    assert stage.trade(signal_id, TradeKind.PAPER).lots == int(1_000.5 / scale)
    twin = stage.trade(signal_id, TradeKind.TWIN)
    assert ("intensity", "observe", "sole") in [(t.filter, t.mode, t.scope) for t in twin.tags]


def test_in_a_burst_expected_impact_widens_and_fills_stay_what_they_are() -> None:
    asks = [(100.01, 3.0), (100.05, 1e6)]
    checks, entries = [], []
    for bursting in (False, True):
        stage = gated("observe", impact_bps_max=5.5)
        stage.book(bids=[(99.99, 1e6)], asks=asks)
        scale = 1.0
        if bursting:
            burst(stage)
            scale = stage.engine.market.coins["SOL"].arrivals.impact_scale()
        # As many lots as in the calm: what is judged and filled differs by nothing else.
        signal_id = stage.signal(lots=round(1_000 * scale))
        assert signal_id is not None
        checks.append((check_of(stage, signal_id, "liquidity"), scale))
        kind = TradeKind.PHANTOM if bursting else TradeKind.PAPER
        trade = stage.trade(signal_id, kind)
        assert trade.lots == pytest.approx(1_000, abs=1)
        for _ in range(3):
            stage.wait(0.5)
            stage.book(bids=[(99.99, 1e6)], asks=asks)
        entries.append(trade.entry_px)
    (calm, _), (wide, scale) = checks
    assert (calm.outcome, wide.outcome) == ("pass", "fail")
    assert wide.value == pytest.approx(scale * calm.value, rel=1e-3)
    assert entries[0] > 0.0 and entries[0] == pytest.approx(entries[1], rel=1e-6)


def test_an_enforced_lens_filter_fails_closed_and_counts_apart() -> None:
    stage = wake(Stage(filters={}, real=[PhaseSpace(PhaseSpaceSettings(), "enforce")]))
    refused = stage.signal(lots=1_000)
    assert refused is not None
    tags = stage.trade(refused, TradeKind.PHANTOM).tags
    assert ("phase_space", "fail_closed") in [(tag.filter, tag.scope) for tag in tags]


# A whole run.


def lensed(*, seed: int = 7, lenses: bool = True, **config: Any) -> rig.Scene:
    """Return three minutes of market in which answers of lenses come, bursts begin and end."""
    scene = rig.Scene(seed=seed, coins=rig.PAIR, config={"gate": rig.OPEN, **config})
    busy = ArrivalTerms(0.02, 0.5, 1.0)
    for step in range(18):
        scene.advance(10)
        if not lenses:
            continue
        for name, coin in scene.engine.market.coins.items():
            series = coin.bars.series["1m"]
            if not len(series):
                continue
            bar_ms = series.start_ms[-1]
            reading = LensReading("volatility", step / 7)
            scene.tell(LensUpdate(name, bar_ms, "raw", "bar", [reading]))
            scene.tell(ranks(coin, 1 - step / 40))
            scene.tell(LensUpdate(name, bar_ms, "hmm", "bar", [LensReading("hmm", step / 18)]))
            if config.get("lens"):
                scene.tell(LensUpdate(name, bar_ms, "arrivals", "bar", [], arrivals=busy))
    return scene


def test_what_lenses_say_changes_no_fill() -> None:
    lensed_, plain = lensed(), lensed(lenses=False)
    assert lensed_.rows.lenses and not plain.rows.lenses
    assert len(plain.rows.fills) > 10
    # Ids count events, and answers are events.
    assert [without(row, "trade_id") for row in lensed_.rows.fills] == [
        without(row, "trade_id") for row in plain.rows.fills
    ]


def test_arrivals_and_lenses_go_on_from_their_written_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "TOPS_MIN", 1)
    scene = lensed(lens={"burst_surge_min": 1.5, "burst_percentile_share": 0.2})
    flags = {row.flags for row in scene.rows.lenses if row.lens == "surge"}
    assert flags == {"burst begins", "burst ends"}
    records = [r for r in rig.records_of(scene.run.lines) if r.kind in "FfTRCXL"]
    assert sum(r.kind == "L" for r in records) > 50
    made = rig.again(scene)
    bursting = False
    for at, record in enumerate(records):
        made.play([record])
        coins = made.engine.market.coins.values()
        bursting = any(coin.arrivals.burst for coin in coins)
        if bursting and at > len(records) // 2 and not made.intake._skips:
            break
    assert bursting
    other = rig.again(scene)
    snapshot.restore(other.engine, snapshot.whole(made.engine))
    other.session.restore(rig.session_state(made.session))
    for name, coin in made.engine.market.coins.items():
        assert other.engine.market.coins[name].arrivals == coin.arrivals
        assert other.engine.market.coins[name].lenses == coin.lenses
    for half in (made, other):
        half.play(records[at + 1 :])
    assert made.engine.digest == other.engine.digest == scene.engine.digest
    assert msgspec.json.encode(made.engine.market.coins) == msgspec.json.encode(
        other.engine.market.coins
    )
