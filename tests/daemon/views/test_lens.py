from __future__ import annotations

import json

import pytest

from daemon.views.lens import lens_view
from market.events import ArrivalTerms, LensReading, LensUpdate
from market.lenses import SLOT_MS
from risk.phase_space import PhaseSpace, Settings
from tests.support.market import MINUTE_MS, START_MS, append_closes
from tests.support.shadow import Stage

BAR_MS = START_MS - MINUTE_MS


def stage(mode: str = "observe", **settings: object) -> Stage:
    """Return an engine whose coin has some minutes."""
    filters = [] if mode == "off" else [PhaseSpace(Settings(**settings), mode)]  # type: ignore[arg-type]
    found = Stage(filters={}, real=filters)
    append_closes(found.engine.market.coins["SOL"], [100.0, 101.0, 102.0])
    found.wait(30)
    found.second()
    return found


def answered(found: Stage, *scores: float | None, reason: str = "") -> None:
    """Answer with values, and with ranks a slot apart of which the last is of the newest minute."""
    values = [LensReading("rqa", 0.7, n=512), LensReading("volatility", None, flags=["too short"])]
    found.step(LensUpdate("SOL", BAR_MS, "raw", "bar", values))
    for place, score in enumerate(scores, 1 - len(scores)):
        readings = [LensReading("rqa", 0.6, 0.9, 512, '{"dim":3}')]
        found.step(
            LensUpdate("SOL", BAR_MS + place * SLOT_MS, "rank", "bar", readings, score, reason)
        )


def test_a_coin_at_which_no_lens_has_looked() -> None:
    found = lens_view(stage().engine, "SOL")
    assert found["closes"] == [100.0, 101.0, 102.0] and found["bar_ms"] == BAR_MS
    assert (found["readings"], found["scores"]) == ([], [])
    assert (found["composite"], found["composite_bar_ms"]) == (None, 0)
    assert "no lens has looked" in found["composite_reason"]
    assert (found["flagged"], found["threshold"]) == (False, None)
    assert (found["surge"], found["burst"]) == (None, False)


def test_a_coin_without_a_minute() -> None:
    assert lens_view(Stage().engine, "SOL")["bar_ms"] == 0


def test_every_lens_is_told_with_value_rank_and_age() -> None:
    there = stage()
    answered(there, 0.5)
    found = lens_view(there.engine, "SOL")
    assert found["readings"] == [
        {
            "lens": "rqa",
            "value": 0.6,
            "null_rank": 0.9,
            "n": 512,
            "params": '{"dim":3}',
            "flags": [],
            "bar_ms": BAR_MS,
            "rank_bar_ms": BAR_MS,
        },
        {
            "lens": "volatility",
            "value": None,
            "null_rank": None,
            "n": 0,
            "params": "{}",
            "flags": ["too short"],
            "bar_ms": BAR_MS,
            "rank_bar_ms": None,
        },
    ]
    assert (found["composite"], found["composite_bar_ms"]) == (0.5, BAR_MS)
    assert found["scores"] == [0.5] and found["now_ns"] == there.now_ns
    assert json.loads(json.dumps(found)) == found


def test_the_alarm_is_that_of_the_filter_with_its_settings() -> None:
    for settings, flagged, threshold in (
        ({}, True, 0.8),
        ({"leave": 0.9}, False, 0.95),
        ({"enter": 0.99}, False, 0.99),
    ):
        there = stage(**settings)
        answered(there, 0.975, 0.85)
        found = lens_view(there.engine, "SOL")
        assert (found["flagged"], found["threshold"]) == (flagged, threshold), settings
        check = there.engine.branch.gate.filters[0]
        assert check.settings == Settings(**settings)  # type: ignore[arg-type]


def test_with_the_filter_off_the_alarm_is_that_of_its_defaults() -> None:
    there = stage("off", enter=0.5)
    answered(there, 0.9)
    assert (lens_view(there.engine, "SOL")["flagged"]) is False


def test_an_abstaining_score_raises_nothing() -> None:
    there = stage()
    answered(there, 0.99, None, reason="too few sound lenses")
    found = lens_view(there.engine, "SOL")
    assert (found["composite"], found["flagged"]) == (None, False)
    assert found["composite_reason"] == "too few sound lenses"


def test_the_surge_is_told_once_the_pace_is_known() -> None:
    there = stage()
    terms = ArrivalTerms(0.5, 0.6, 1.2)
    there.step(LensUpdate("SOL", BAR_MS, "arrivals", "bar", [], arrivals=terms))
    there.second()
    surge = lens_view(there.engine, "SOL")["surge"]
    assert surge == pytest.approx(there.engine.market.coins["SOL"].arrivals.surge) and surge > 0.0


def test_of_an_unknown_coin_the_known_ones_are_named() -> None:
    assert lens_view(stage().engine, "PEPE") == {
        "error": "'PEPE' is not traded here; there are SOL"
    }
