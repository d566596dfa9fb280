from __future__ import annotations

import random
from math import inf

import pytest
from msgspec import structs

from quant.inference.anytime import Sums, c2_single, interval
from shadow.report.measured import measure
from shadow.report.slices import by_bot, shrunken, slices, variance
from tests.support.evidence import Signal, evidence_of


def signals_of(means: dict[str, float], days: int = 80) -> list[Signal]:
    """Return signals of bots of which the blocked third is worse by a mean of their own."""
    dice = random.Random(12)
    return [
        Signal(day, bot, dice.gauss(mean if i == 0 else 0.0, 1.0), i == 0)
        for day in range(days)
        for bot, mean in means.items()
        for i in range(3)
    ]


def test_slices_by_bot_are_drawn_together_and_stay_in_order() -> None:
    evidence = evidence_of(signals_of({"a": -1.5, "b": 0.0, "c": -0.7}))
    found = slices(evidence, evidence.judged, by_bot)
    assert [one.name for one in found] == ["a", "b", "c"]
    assert [one.blocked for one in found] == [80, 80, 80]
    mean = sum(one.shrunken or 0.0 for one in found) / 3
    for one in found:
        assert one.r is not None
        assert one.shrunken is not None
        assert abs(one.shrunken - mean) < abs(one.r - mean)
        assert 0.5 < one.kept < 1.0
    assert found[0].shrunken < found[2].shrunken < found[1].shrunken  # type: ignore[operator]


def test_bots_that_differ_by_chance_are_the_same() -> None:
    evidence = evidence_of(signals_of(dict.fromkeys("abcdefgh", -0.4), days=30))
    found = slices(evidence, evidence.judged, by_bot)
    raw = [one.r or 0.0 for one in found]
    drawn = [one.shrunken or 0.0 for one in found]
    assert max(raw) - min(raw) > 0.3
    assert max(drawn) - min(drawn) < 0.5 * (max(raw) - min(raw))


def test_a_slice_that_was_blocked_once_takes_what_the_others_say() -> None:
    signals = [*signals_of({"a": -1.0, "b": -1.0}), Signal(40, "rare", 9.0, True)]
    evidence = evidence_of(signals)
    rare = slices(evidence, evidence.judged, by_bot)[-1]
    assert (rare.name, rare.blocked, rare.kept, rare.r) == ("rare", 1, 0.0, None)
    assert rare.shrunken == pytest.approx(-1.0, abs=0.3)


def test_rows_may_be_finer_than_the_evidence() -> None:
    signals = signals_of({"a": -1.5, "b": 0.0})
    evidence = evidence_of(signals)
    fine = [
        structs.replace(row, division="wild" if number % 2 else "calm")
        for number, row in enumerate(evidence.judged)
    ]
    found = slices(evidence, fine, lambda row: row.division)
    assert [one.name for one in found] == ["calm", "wild"]
    assert sum(one.blocked for one in found) == measure(evidence).choice.booked.blocked


def test_the_variance_is_that_of_the_interval() -> None:
    sums = measure(evidence_of(signals_of({"a": -1.0}, days=300))).choice.selection
    low, high = interval(sums, sums.inflation() * c2_single(sums.days))
    assert (high - low) / 2.0 == pytest.approx(1.968 * variance(sums) ** 0.5, rel=0.02)
    assert variance(Sums()) == inf


def test_without_any_slice_there_is_none() -> None:
    assert shrunken({}, {}) == []
    (only,) = shrunken({"a": Sums()}, {"a": 0})
    assert (only.r, only.shrunken, only.low, only.high, only.kept) == (None, None, None, None, 0.0)
