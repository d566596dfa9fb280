from __future__ import annotations

import numpy as np
import pytest

from divisions.bot import Action
from divisions.carry.premium_reversion import Memory, Params, PremiumReversion
from divisions.roster import build
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from tests.support.controls import assert_earns, episodes, noise, pulled
from tests.support.market import START_NS, context_update, make_coin, view_of
from tests.support.synthetic import Market

QUIET = [0.5 if i % 2 else -0.5 for i in range(200)]


class Basis:
    """A coin that trades at a given premium to its oracle, and the bot that watches it."""

    def __init__(self, bot: PremiumReversion | None = None) -> None:
        self.coin = make_coin()
        self.bot = bot or PremiumReversion(Params())
        self.memory = Memory()
        self.now_ns = START_NS

    def show(self, premium_bps: float) -> Action | None:
        self.now_ns += NS_PER_S
        oracle = self.coin.book.mid / (1.0 + premium_bps * 1e-4)
        self.coin.on_context(context_update(recv_ns=self.now_ns, oracle_px=oracle))
        return self.bot.on_context(self.memory, self.coin, view_of(self.coin))

    def run(self, premiums: list[float]) -> list[Action | None]:
        return [self.show(premium) for premium in premiums]


@pytest.mark.parametrize(("premium", "side"), [(20.0, SELL), (-20.0, BUY)])
def test_an_unusual_premium_is_faded(premium: float, side: int) -> None:
    basis = Basis()
    assert basis.run(QUIET) == [None] * len(QUIET)
    signal = basis.show(premium)
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 8.0 * basis.coin.minute_move())
    assert signal.saw["premium_bps"] == pytest.approx(premium)
    away = (signal.saw["premium_bps"] - signal.saw["mean_bps"]) / signal.saw["deviation_bps"]
    assert f"{away:+.1f} deviations" in signal.reason
    assert abs(away) > 2.5


def test_what_is_unusual_but_small_is_not_worth_the_fee() -> None:
    basis = Basis()
    basis.run([premium / 10 for premium in QUIET])
    assert basis.show(2.9) is None
    assert isinstance(basis.show(3.2), Signal)


def test_what_is_large_but_usual_is_left_alone() -> None:
    basis = Basis()
    assert basis.run([premium * 40 for premium in QUIET]) == [None] * len(QUIET)


def test_a_steady_premium_is_the_usual_one() -> None:
    basis = Basis()
    assert basis.run([30.0 + premium for premium in QUIET]) == [None] * len(QUIET)
    assert basis.memory.mean == pytest.approx(30.0, abs=0.1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_exit_is_called_once_when_the_premium_is_back(sign: float) -> None:
    basis = Basis()
    basis.run(QUIET)
    assert isinstance(basis.show(20.0 * sign), Signal)
    assert basis.show(2.0 * sign) is None, "not back yet"
    call = basis.show(-1.0 * sign)
    assert isinstance(call, ExitCall)
    assert call.side == (SELL if sign > 0 else BUY)
    assert basis.show(-1.0 * sign) is None


def test_a_memory_of_one_context_is_the_shortest() -> None:
    with pytest.raises(ValueError, match="half_life"):
        build(PremiumReversion, {"half_life": 0.5})
    quick = build(PremiumReversion, {"half_life": 1.0})
    assert isinstance(quick, PremiumReversion)
    basis = Basis(quick)
    basis.run([premium * i for i, premium in enumerate(QUIET)])
    assert basis.memory.variance >= 0.0


def test_without_an_oracle_nothing_is_learned() -> None:
    basis = Basis()
    basis.coin.on_context(context_update(recv_ns=basis.now_ns + 1, oracle_px=0.0))
    assert basis.bot.on_context(basis.memory, basis.coin, view_of(basis.coin)) is None
    assert basis.memory == Memory()


def test_it_speaks_after_its_warm_up_and_not_before() -> None:
    early, late = Basis(), Basis()
    early.run(QUIET[: PremiumReversion.warm_up - 1])
    assert early.show(20.0) is None
    late.run(QUIET[: PremiumReversion.warm_up])
    assert isinstance(late.show(20.0), Signal)


def premiums() -> Market:
    """Return a perpetual that jumps away from its oracle and comes back within minutes."""
    rng = np.random.default_rng(119)
    ticks = 6 * 720
    premium = pulled(rng, 2, ticks, 10.0, 5e-5)
    for i, at, sign in episodes(rng, 2, ticks, 200):
        premium[i, at : at + 120] += sign * 0.005 * 0.5 ** (np.arange(120) / 30.0)
    oracle = np.cumsum(noise(rng, 2, ticks, 5e-5), axis=1)
    return Market(oracle + np.log1p(premium), 5.0, premium=premium)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(PremiumReversion, premiums())
