from __future__ import annotations

from daemon.backtest.partings import BUSY, Partings


def test_of_several_reasons_a_branch_has_the_one_that_came_first() -> None:
    partings = Partings()
    partings.heard(0b01111)
    partings.refused("position", 0b00010)
    partings.refused("cooldown", 0b00100)
    partings.refused("position", 0b01000)
    partings.taken(70)
    found = {bit: partings.why(70, bit) for bit in (1, 2, 4, 8, 16)}
    assert found == {1: "", 2: "position", 4: "cooldown", 8: "position", 16: BUSY}


def test_a_signal_that_nobody_took_is_forgotten() -> None:
    partings = Partings()
    partings.heard(0b11)
    partings.refused("position", 0b11)
    partings.heard(0b11)
    partings.refused("cooldown", 0b10)
    partings.taken(71)
    assert partings.why(70, 1) == "" and partings.why(71, 2) == "cooldown"
    assert partings.why(71, 1) == ""
