from __future__ import annotations

from collections import Counter
from itertools import pairwise

from venue.local.faults.chance import FOR_S_MAX, FOR_S_MIN, drawn
from venue.local.faults.fault import discover


def test_the_same_seed_draws_the_same_faults() -> None:
    assert drawn(7, until_s=3_600.0) == drawn(7, until_s=3_600.0)
    assert drawn(7, until_s=3_600.0) != drawn(8, until_s=3_600.0)


def test_they_come_as_often_as_asked_and_of_every_kind() -> None:
    faults = drawn(11, gap_s=10.0, until_s=20_000.0)
    assert 1_800 < len(faults) < 2_200
    assert all(a.at_s <= b.at_s for a, b in pairwise(faults))
    assert all(FOR_S_MIN <= fault.for_s <= FOR_S_MAX for fault in faults)
    kinds = {name for name, kind in discover().items() if kind.by_chance}
    assert set(Counter(fault.name for fault in faults)) == kinds
    assert "delisting" not in kinds


def test_only_those_named_are_drawn() -> None:
    assert {f.name for f in drawn(1, until_s=500.0, names=["stall"])} == {"stall"}
    assert drawn(1, names=["nothing of the kind"]) == []
