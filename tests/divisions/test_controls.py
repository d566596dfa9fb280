"""Does a bot earn where its idea is true, and nothing where nothing is?"""

from __future__ import annotations

from math import expm1
from typing import Any

import pytest
from msgspec import Struct

from divisions.bot import Bot, NoMemory, plan
from divisions.lane import Lane
from divisions.roster import build, discover
from market.coin import Coin
from market.decision import Signal
from market.view import View
from tests.support.arena import luck
from tests.support.controls import LEVEL, assert_earns, fair, play, trending
from tests.support.market import START_NS
from tests.support.synthetic import Market

BOTS = discover()


def test_a_bot_in_a_market_without_its_idea_fails_the_test_of_its_own() -> None:
    bollinger = next(cls for cls in BOTS if cls.name == "bollinger")
    with pytest.raises(AssertionError):
        assert_earns(bollinger, trending(1, hours=48, length_h=6, drift=3e-4))


def test_no_bot_earns_where_nothing_foretells_anything() -> None:
    arena = play(fair(), *(Lane(build(cls, {})) for cls in BOTS))
    assert not arena.faults
    lucky = {
        cls.name: chance
        for cls, closed in zip(BOTS, arena.closed, strict=True)
        if (chance := luck(closed)) < LEVEL
    }
    assert not lucky
    traded = [cls.name for cls, c in zip(BOTS, arena.closed, strict=True) if len(c) >= 10]
    assert len(traded) >= 24, "bots that hardly trade there prove nothing"
    everything = [c.net for closed in arena.closed for c in closed]
    assert sum(everything) / len(everything) < -5e-4, "the fees are lost"


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to set."""


class Prophet(Bot[Nothing, NoMemory]):
    """Buys every coin an hour before it is higher, and sells it before it is lower."""

    name = "prophet"
    division = "trend"
    timeframes = ("5m",)
    params_type = Nothing
    market: Market

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Any:
        path = self.market.paths[self.market.names.index(coin.name)]
        now = int((view.now_ns - START_NS) / 1e9 / self.market.step_s)
        ahead = path[min(now + 120, len(path) - 1)]
        side = 1 if ahead > path[now - 1] else -1
        if abs(expm1(ahead - path[now - 1])) < 2e-3:
            return None
        exits = plan(coin, side, stop=0.1 * coin.book.mid, horizon_s=3_600.0)
        return Signal(coin.name, side, 1.0, exits, "foreseen", {})


def test_a_bot_that_sees_ahead_would_be_found_out() -> None:
    """The canary of the test above: the same world, the same measure."""
    market = fair(hours=36.0)
    bot = Prophet(Nothing())
    bot.market = market
    assert luck(play(market, Lane(bot)).closed[0]) < LEVEL


def test_a_bot_in_the_wrong_market_is_not_called_good() -> None:
    bollinger = next(cls for cls in BOTS if cls.name == "bollinger")
    arena = play(trending(1, hours=48, length_h=6, drift=3e-4), Lane(build(bollinger, {})))
    assert len(arena.closed[0]) >= 10
    assert luck(arena.closed[0]) > 0.5
