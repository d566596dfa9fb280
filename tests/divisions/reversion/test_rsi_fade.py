from __future__ import annotations

import pytest

from divisions.bot import Action, NoMemory
from divisions.reversion.rsi_fade import Params, RsiFade
from divisions.roster import build
from market.decision import BUY, SELL, ExitCall, Signal
from tests.support.controls import assert_earns, reverting
from tests.support.market import make_coin, view_of


def hear(changes: list[float]) -> Action | None:
    closes = [100.0]
    for change in changes:
        closes.append(closes[-1] + change)
    coin = make_coin(mid=closes[-1], closes=closes, timeframe="5m")
    return RsiFade(Params()).on_bar(NoMemory(), coin, view_of(coin), "5m")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_run_one_way_is_faded(sign: float) -> None:
    signal = hear([sign * 0.2] * 13 + [-sign * 0.2] * 2)
    assert isinstance(signal, Signal)
    assert signal.side == (SELL if sign > 0 else BUY)
    gains = 12 / 14
    assert signal.saw["strength"] == pytest.approx(gains if sign > 0 else 1.0 - gains)
    mid = 100.0 + sign * 0.2 * 11
    assert signal.plan.stop_px == pytest.approx(mid - signal.side * 2.5 * signal.saw["range"])
    assert signal.plan.target_px == pytest.approx(mid + signal.side * 3.0 * signal.saw["range"])


def test_even_gains_and_losses_say_nothing() -> None:
    assert hear([0.2, -0.2, 0.19, -0.2, 0.2] * 3) is None


@pytest.mark.parametrize(("last", "side"), [(0.5, BUY), (-0.5, SELL)])
def test_passing_one_half_calls_the_exit_of_those_who_waited_for_it(last: float, side: int) -> None:
    lean = -0.01 if last > 0 else 0.01
    call = hear([lean, *[0.1, -0.1] * 6, lean, last])
    assert isinstance(call, ExitCall)
    assert call.side == side


def test_prices_that_stand_still_say_nothing() -> None:
    assert hear([0.0] * 20) is None


def test_the_edge_is_a_share_above_one_half() -> None:
    for edge in (0.5, 1.0):
        with pytest.raises(ValueError, match="edge"):
            build(RsiFade, {"edge": edge})


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert hear([0.2] * (RsiFade.warm_up - 2)) is None
    assert isinstance(hear([0.2] * (RsiFade.warm_up - 1)), Signal)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(RsiFade, reverting(110, hours=160, half_life_m=25, sd=1.2e-2))
