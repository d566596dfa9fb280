from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from tests.venue.local.serving import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, NOW_MS
from venue.local.world.premium import funding_rate, premium_of
from venue.local.world.world import World

EIGHT = ("BTC", "ETH", "SOL", "HYPE", "DOGE", "XRP", "AVAX", "LINK")


@pytest.mark.parametrize("coin", EIGHT)
def test_prices_of_a_context_hang_together(world: World, coin: str) -> None:
    for at in range(NOW_MS, NOW_MS + 6 * HOUR_MS, 30 * MINUTE_MS):
        context = world.context(coin, at)
        oracle, mark, mid = (float(context[k]) for k in ("oraclePx", "markPx", "midPx"))
        bid, ask = (float(px) for px in context["impactPxs"])
        assert abs(mid / oracle - 1.0) < 0.005
        # Both were seen at the last oracle update, so the mid may have moved on since.
        assert abs(mark / mid - 1.0) < 0.003
        assert bid < mid < ask
        assert float(context["premium"]) == pytest.approx(premium_of(bid, ask, oracle), abs=1e-8)
        decimals = world.instruments[coin].px_decimals
        assert -Decimal(context["oraclePx"]).normalize().as_tuple().exponent <= decimals


def test_the_mark_lies_between_oracle_and_mid_of_its_moment(world: World) -> None:
    for at in range(NOW_MS // 3_000 * 3_000, NOW_MS + HOUR_MS, 6 * MINUTE_MS):
        context = world.context("HYPE", at)
        low, high = sorted((float(context["oraclePx"]), float(context["midPx"])))
        assert low * 0.9998 <= float(context["markPx"]) <= high * 1.0002


def test_oracle_and_mark_are_renewed_every_three_seconds(world: World) -> None:
    start = NOW_MS // 3_000 * 3_000
    within = {world.context("BTC", start + ms)["oraclePx"] for ms in range(0, 3_000, 500)}
    assert len(within) == 1
    minute = {world.context("BTC", start + ms)["oraclePx"] for ms in range(0, 60_000, 3_000)}
    assert len(minute) > 5


@pytest.mark.parametrize("coin", EIGHT)
def test_settled_funding_is_the_formula_of_its_premium(world: World, coin: str) -> None:
    rows = world.funding_history(coin, EPOCH_MS, NOW_MS)
    assert len(rows) == (NOW_MS - EPOCH_MS) // HOUR_MS
    for number, row in enumerate(rows, 1):
        assert 1 <= row["time"] - EPOCH_MS - number * HOUR_MS <= 118
        assert row["coin"] == coin
        assert float(row["fundingRate"]) == pytest.approx(
            funding_rate(float(row["premium"])), abs=1e-12
        )


@pytest.mark.parametrize("coin", ["BTC", "HYPE", "AVAX"])
def test_the_estimate_becomes_what_is_settled(world: World, coin: str) -> None:
    for hour in (1, 24, 30):
        at = EPOCH_MS + hour * HOUR_MS
        settled = world.funding_history(coin, at, at + 1_000)[0]
        assert world.context(coin, at - 1_000)["funding"] == settled["fundingRate"]


def test_some_of_the_first_eight_pay_a_lot(world: World) -> None:
    now = EPOCH_MS + 5 * DAY_MS
    means = {}
    for coin in EIGHT:
        rates = [float(r["fundingRate"]) * 1e4 for r in world.funding_history(coin, 0, now)]
        means[coin] = sum(rates) / len(rates)
        assert max(map(abs, rates)) < 3.0
    assert sum(0.3 < abs(mean) < 1.0 for mean in means.values()) >= 2
    assert means["BTC"] == pytest.approx(0.125, abs=0.05)


def test_history_comes_in_pages_of_five_hundred() -> None:
    world = World(3, EPOCH_MS)
    now = EPOCH_MS + 23 * DAY_MS
    page = world.funding_history("BTC", EPOCH_MS, now)
    assert len(page) == 500
    rest = world.funding_history("BTC", page[-1]["time"] + 1, now)
    assert len(rest) == 23 * 24 - 1 - 500


def test_the_day_is_a_rolling_one(world: World) -> None:
    now = NOW_MS - NOW_MS % MINUTE_MS
    context = world.context("SOL", now)
    rows = world.candles("SOL", "1m", now - DAY_MS, now - 1, now)
    assert len(rows) == 1440
    assert context["prevDayPx"] == rows[0]["o"]
    assert Decimal(context["dayBaseVlm"]) == sum(Decimal(r["v"]) for r in rows)
    low, high = (min(float(r["l"]) for r in rows), max(float(r["h"]) for r in rows))
    average = float(context["dayNtlVlm"]) / float(context["dayBaseVlm"])
    assert low < average < high


def test_the_first_day_counts_from_the_epoch(world: World) -> None:
    context = world.context("SOL", EPOCH_MS + HOUR_MS)
    first = world.candles("SOL", "1h", EPOCH_MS, EPOCH_MS, EPOCH_MS + HOUR_MS)[0]
    assert context["prevDayPx"] == first["o"]
    assert context["dayBaseVlm"] == first["v"]


def test_open_interest_drifts_slowly(world: World) -> None:
    held = [float(world.context("ETH", NOW_MS + n * HOUR_MS)["openInterest"]) for n in range(24)]
    assert 0.7 < min(held) / max(held) < 0.999
    steps = [abs(b / a - 1.0) for a, b in pairwise(held)]
    assert max(steps) < 0.1
