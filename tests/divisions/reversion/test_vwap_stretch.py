from __future__ import annotations

from collections.abc import Sequence

import pytest

from divisions.bot import NoMemory
from divisions.reversion.vwap_stretch import Params, VwapStretch
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, reverting
from tests.support.market import MINUTE_MS, START_MS, candle, make_coin, view_of

QUIET = [100.0 + 0.5 * (i % 2) for i in range(59)]


def hear(
    closes: Sequence[float], volumes: Sequence[float] | None = None, mid: float | None = None
) -> Signal | None:
    coin = make_coin(mid=closes[-1] if mid is None else mid)
    for i, close in enumerate(closes):
        volume = volumes[i] if volumes is not None else 1.0
        # Closes alone decide here: high and low are the close.
        coin.bars.series["1m"].append(candle(START_MS + i * MINUTE_MS, close, volume=volume))
    return VwapStretch(Params()).on_bar(NoMemory(), coin, view_of(coin), "1m")


def weighted(closes: Sequence[float], volumes: Sequence[float]) -> tuple[float, float]:
    total = sum(volumes)
    vwap = sum(c * v for c, v in zip(closes, volumes, strict=True)) / total
    square = sum(v * (c - vwap) ** 2 for c, v in zip(closes, volumes, strict=True)) / total
    return vwap, square**0.5


@pytest.mark.parametrize(("last", "side"), [(103.0, SELL), (97.0, BUY)])
def test_a_stretch_is_leant_against_with_a_target_half_way_back(last: float, side: int) -> None:
    closes = [*QUIET, last]
    signal = hear(closes)
    assert signal is not None
    vwap, deviation = weighted(closes, [1.0] * 60)
    assert signal.side == side
    assert signal.plan.target_px == pytest.approx((last + vwap) / 2)
    assert signal.plan.stop_px == pytest.approx(last - side * 1.5 * deviation)
    assert signal.saw == pytest.approx(
        {"z": (last - vwap) / deviation, "vwap": vwap, "deviation": deviation}
    )


def test_the_stretch_is_measured_by_the_volume_paid() -> None:
    closes = [*QUIET, 103.0]
    volumes = [1.0] * 59 + [400.0]
    assert hear(closes, volumes) is None, "nearly all was paid up there"
    light = [1.0] * 59 + [0.01]
    signal = hear(closes, light)
    assert signal is not None
    assert signal.saw["vwap"] == pytest.approx(weighted(closes, light)[0])


@pytest.mark.parametrize("last", [100.0, 100.6, 99.9])
def test_a_close_near_the_average_price_is_left_alone(last: float) -> None:
    assert hear([*QUIET, last]) is None


def test_bars_without_volume_say_nothing() -> None:
    assert hear([*QUIET, 103.0], [0.0] * 60) is None


@pytest.mark.parametrize("price", [0.1, 0.3, 100.0, 1e-6])
def test_a_price_that_stands_still_has_no_stretch(price: float) -> None:
    assert hear([price] * 60, [0.1 * (i + 1) for i in range(60)], mid=price * 1.01) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert VwapStretch.warm_up == len(QUIET) + 1
    assert hear([*QUIET, 103.0]) is not None
    assert hear([*QUIET[1:], 103.0]) is None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(VwapStretch, reverting(109, hours=48, half_life_m=12, sd=8e-3))
