from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from divisions.bot import Bot, NoMemory, plan
from divisions.lane import vet
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S
from market.view import View
from tests.support.market import make_coin


class Params(Struct, frozen=True):
    """Nothing to set."""


class Listener(Bot[Params, NoMemory]):
    """Hears bars of two timeframes and contexts."""

    timeframes = ("5m", "1m")

    def on_context(self, memory: NoMemory, coin: Coin, view: View) -> None:
        """Hear it."""

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> None:
        """Hear it."""


class Heir(Listener):
    """Hears what its parent hears."""


@pytest.mark.parametrize("cls", [Listener, Heir])
def test_a_bot_hears_only_the_hooks_it_overrides(cls: type[Bot[Any, Any]]) -> None:
    hooks = ("on_book", "on_trades", "on_context", "on_bar")
    assert [hook for hook in hooks if cls.hears(hook)] == ["on_context", "on_bar"]
    assert cls.feeds() == ("context", "bars")


def test_a_bot_that_overrides_nothing_hears_nothing() -> None:
    assert Bot.feeds() == ()


def test_a_bot_of_several_timeframes_re_arms_by_its_shortest() -> None:
    assert Listener(Params()).rearm_ns() == 90 * NS_PER_S


def test_a_tick_bot_re_arms_after_ten_seconds() -> None:
    assert Bot(Params()).rearm_ns() == 10 * NS_PER_S


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_plan_turns_distances_into_prices_around_the_mid(side: int) -> None:
    coin = make_coin(mid=100.0)
    made = plan(coin, side, stop=3.0, target=5.0, trail=2.0, horizon_s=1.5)
    assert made.stop_px == pytest.approx(100.0 - 3.0 * side)
    assert made.target_px == pytest.approx(100.0 + 5.0 * side)
    assert made.trail == 2.0
    assert made.horizon_ns == 1_500_000_000


def test_a_target_left_out_stays_out() -> None:
    made = plan(make_coin(mid=100.0), BUY, stop=3.0, horizon_s=60.0)
    assert (made.target_px, made.trail) == (0.0, 0.0)


@given(st.floats(1e-4, 1e5), st.floats(1e-6, 50.0), st.sampled_from([BUY, SELL]))
def test_a_stop_wider_than_the_price_is_still_a_stop(mid: float, share: float, side: int) -> None:
    coin = make_coin(mid=mid)
    made = plan(coin, side, stop=share * mid, target=share * mid, horizon_s=60.0)
    vet(Signal("BTC", side, 1.0, made, "wild"), coin.book.mid)
    assert made.stop_px > 0.0
