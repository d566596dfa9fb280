"""What books and contexts say of trades."""

from __future__ import annotations

import pytest

from market.cadence import Cadence
from market.events import NS_PER_S, BboUpdate, BookUpdate, ContextUpdate, Level, Print
from venue.hyperliquid.witness import LEARNED, Witness

S = NS_PER_S
T0 = 1_700_000_000 * S


def busy(gap_s: float = 1.0) -> tuple[Witness, Cadence]:
    """Return what was seen of a coin that trades at 100 once in a while until T0."""
    witness, cadence = Witness(), Cadence()
    for i in range(LEARNED, -1, -1):
        now = T0 - int(i * gap_s * S)
        cadence.observe(now)
        witness.on_prints([Print(now // 1_000_000, 100.0, 1.0, 1)], now)
    witness.on_context(context(1000.0), T0)
    return witness, cadence


def context(volume: float) -> ContextUpdate:
    return ContextUpdate("BTC", 0.0, 1.0, 100.0, 100.0, 0.0, volume, 100.0)


def quote(bid: float, ask: float) -> BboUpdate:
    return BboUpdate("BTC", 0, Level(bid, 1.0), Level(ask, 1.0))


def test_three_rises_of_the_volume_and_ten_seconds_are_needed() -> None:
    witness, cadence = busy()
    for rise, at in ((1, 6), (2, 7), (3, 8)):
        assert witness.objection(cadence, T0 + 11 * S) == ""
        witness.on_context(context(1000.0 + rise), T0 + at * S)
    assert witness.objection(cadence, T0 + 9 * S) == ""
    assert witness.objection(cadence, T0 + 10 * S) == (
        "no print for 10 s while the day's volume rose"
    )
    witness.on_prints([Print(0, 100.0, 1.0, 1)], T0 + 10 * S)
    assert witness.objection(cadence, T0 + 100 * S) == ""


def test_a_context_counts_what_was_traded_a_moment_ago() -> None:
    witness, cadence = busy()
    for i in range(1, 6):
        witness.on_context(context(1000.0 + i), T0 + i * S)
    for i in range(20):
        # The day's volume falls, too: what was traded a day ago leaves it.
        witness.on_context(context(900.0 - i), T0 + (10 + i) * S)
    assert witness.objection(cadence, T0 + 60 * S) == ""


@pytest.mark.parametrize(
    ("gap_s", "outside_s", "objects"),
    [(1.0, 29, False), (1.0, 30, True), (20.0, 59, False), (20.0, 60, True)],
)
def test_the_mid_must_be_outside_for_long_as_the_coin_trades(
    gap_s: float, outside_s: int, objects: bool
) -> None:
    witness, cadence = busy(gap_s)
    witness.on_quote(quote(104.0, 105.0), T0)
    assert bool(witness.objection(cadence, T0 + outside_s * S)) is objects


def test_a_mid_that_came_back_was_never_away_for_long() -> None:
    witness, cadence = busy()
    for second in range(100):
        away = 104.0 if second % 20 else 100.0
        witness.on_quote(quote(away, away + 1.0), T0 + second * S)
    assert witness.objection(cadence, T0 + 100 * S) == ""


def test_a_spread_beside_the_prints_is_not_outside() -> None:
    witness, cadence = busy()
    for update in (
        quote(101.0, 103.0),
        BookUpdate("BTC", 0, [Level(98.0, 1.0)], [Level(100.0, 1.0)]),
    ):
        witness.on_quote(update, T0)
        assert witness.outside_ns == 0
    witness.on_quote(BookUpdate("BTC", 0, [], [Level(900.0, 1.0)]), T0)
    witness.on_quote(BboUpdate("BTC", 0, None, Level(900.0, 1.0)), T0)
    assert witness.objection(cadence, T0 + 999 * S) == ""


def test_a_coin_whose_trades_were_never_heard_is_judged_by_volume_alone() -> None:
    witness, cadence = Witness(), Cadence()
    witness.restart(T0)
    witness.on_quote(quote(1.0, 2.0), T0)
    assert witness.objection(cadence, T0 + 99 * S) == ""
    for second in range(20):
        witness.on_context(context(1000.0 + second), T0 + second * S)
    assert witness.objection(cadence, T0 + 20 * S) != ""
    witness.restart(T0 + 20 * S)
    assert witness.objection(cadence, T0 + 99 * S) == ""
