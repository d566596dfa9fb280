from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from market.instrument import Instrument
from venue.hyperliquid.universe import load_instruments
from venue.local.market.levels import Levels
from venue.local.world.archive import Archive
from venue.local.world.coins import profile_of
from venue.local.world.day import Day
from venue.local.world.depth import Depth

ARCHIVE = Archive(7, load_instruments().values())
NOON = 43_200_000


def check(instrument: Instrument, bids: Levels, asks: Levels) -> None:
    assert bids[0][0] < asks[0][0]
    for side, falling in ((bids, True), (asks, False)):
        prices = [px for px, _, _ in side]
        assert prices == sorted(set(prices), reverse=falling)
        for px, lots, orders in side:
            assert instrument.is_valid_px(Decimal(px).scaleb(-instrument.px_decimals))
            assert lots >= 1
            assert orders >= 1


@pytest.mark.parametrize("coin", list(load_instruments()))
def test_books_of_all_coins_are_valid(coin: str) -> None:
    profile = ARCHIVE.profiles[coin]
    day, depth = ARCHIVE.day(coin, 0), Depth(profile)
    for ms in range(0, 86_400_000, 7_000_037):
        bids, asks = depth.book(day, ms, 20)
        assert len(bids) == len(asks) == 20
        check(profile.instrument, bids, asks)


def at(day: Day, bid: int, spread: int) -> Day:
    """Return a day whose every touch is the given one, with a tick to be found."""
    cells = len(day.bid)
    return msgspec.structs.replace(
        day,
        tick=0,
        bid=np.full(cells, bid, dtype=np.int32).data,
        spread=np.full(cells, spread, dtype=np.uint8).data,
    )


@pytest.mark.parametrize(("bid", "spread"), [(99_990, 4), (99_999, 1), (100_000, 1), (100_010, 2)])
def test_books_stay_valid_where_the_tick_changes(bid: int, spread: int) -> None:
    profile = ARCHIVE.profiles["SOL"]
    day = at(ARCHIVE.day("SOL", 0), bid, spread)
    bids, asks = Depth(profile).book(day, NOON, 20)
    assert bids[0][0] == bid
    check(profile.instrument, bids, asks)


def test_the_top_is_the_touch_whatever_the_depth() -> None:
    day, depth = ARCHIVE.day("ETH", 0), Depth(ARCHIVE.profiles["ETH"])
    whole = depth.book(day, NOON, 20)
    assert depth.book(day, NOON, 5) == (whole[0][:5], whole[1][:5])
    assert (whole[0][0][0], whole[1][0][0]) == day.touch(NOON)[:2]


def test_levels_stay_while_the_touch_moves() -> None:
    day, depth = ARCHIVE.day("BTC", 0), Depth(ARCHIVE.profiles["BTC"])
    kept = total = 0
    for ms in range(NOON, NOON + 60_000, 600):
        before, after = ({px for px, _, _ in depth.book(day, t, 20)[0]} for t in (ms, ms + 600))
        kept += len(before & after)
        total += 20
    assert kept > 0.6 * total


def test_the_book_shows_the_lean() -> None:
    day, depth = ARCHIVE.day("ETH", 0), Depth(ARCHIVE.profiles["ETH"])
    heavier = {True: 0, False: 0}
    seen = {True: 0, False: 0}
    for ms in range(0, 86_400_000, 20_000):
        lean = day.touch(ms)[3]
        if abs(lean) > 40:
            bids, asks = depth.book(day, ms, 3)
            seen[lean > 0] += 1
            heavier[lean > 0] += sum(b[1] for b in bids) > sum(a[1] for a in asks)
    assert heavier[True] > 0.6 * seen[True]
    assert heavier[False] < 0.4 * seen[False]


def test_five_figures_are_the_book_itself() -> None:
    day, depth = ARCHIVE.day("SOL", 0), Depth(ARCHIVE.profiles["SOL"])
    assert depth.grouped(day, NOON, 20, figures=5, mantissa=1) == depth.book(day, NOON, 20)
    coarse = depth.grouped(day, NOON, 20, figures=4, mantissa=1)
    check(load_instruments()["SOL"], *coarse)
    assert len(coarse[0]) == 20


def test_sizes_follow_the_profile() -> None:
    coin = "BTC"
    day, depth = ARCHIVE.day(coin, 0), Depth(profile_of(load_instruments()[coin]))
    touch = [depth.book(day, ms, 1)[0][0] for ms in range(0, 86_400_000, 60_000)]
    usd = sorted(px / 10 * lots / 1e5 for px, lots, _ in touch)
    assert 150_000.0 < usd[len(usd) // 2] < 1_000_000.0
