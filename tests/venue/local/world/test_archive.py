from __future__ import annotations

import numpy as np

from venue.hyperliquid.universe import load_instruments
from venue.local.world import archive
from venue.local.world.archive import Archive

INSTRUMENTS = list(load_instruments().values())[:3]


def test_a_day_is_the_same_whenever_and_by_whomever_it_is_built() -> None:
    one, two = Archive(7, INSTRUMENTS), Archive(7, INSTRUMENTS)
    for day in range(4):
        two.record("SOL", day)
    first = one.day("SOL", 3)
    assert bytes(first.bid) == bytes(two.day("SOL", 3).bid)
    assert bytes(first.print_px) == bytes(two.day("SOL", 3).print_px)
    assert bytes(first.bid) != bytes(Archive(8, INSTRUMENTS).day("SOL", 3).bid)


def test_prices_go_on_over_midnight() -> None:
    days = Archive(7, INSTRUMENTS)
    for coin in ("BTC", "ETH", "SOL"):
        for number in range(3):
            before, after = days.day(coin, number), days.day(coin, number + 1)
            jump = np.log(after.mid(0) / before.mid(86_399_999))
            assert abs(jump) < 15e-4


def test_only_the_newest_used_days_of_a_coin_are_kept() -> None:
    days = Archive(7, INSTRUMENTS)
    kept = [days.day("BTC", number) for number in (0, 1)]
    assert days.day("BTC", 0) is kept[0]
    days.day("BTC", 2)
    assert days.day("BTC", 0) is kept[0]
    assert days.day("BTC", 1) is not kept[1]


def test_records_outlive_their_days_up_to_a_bound(monkeypatch) -> None:
    monkeypatch.setattr(archive, "RECORDS_MAX", 2)
    days = Archive(7, INSTRUMENTS)
    first = days.record("BTC", 0)
    assert days.record("BTC", 0) is first
    days.record("BTC", 1)
    days.record("BTC", 2)
    assert days.record("BTC", 0) is not first
    assert np.array_equal(days.record("BTC", 0).minutes.close, first.minutes.close)


def test_warming_builds_one_day_a_step_and_then_nothing() -> None:
    days = Archive(7, INSTRUMENTS)
    assert len(list(days.warm(["BTC", "ETH"], 1, 3))) == 6
    assert len(list(days.warm(["BTC", "ETH"], 1, 3))) == 0
    assert len(list(days.warm(["BTC"], 3, 4))) == 1
