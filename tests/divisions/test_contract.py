"""What every bot owes, whoever wrote it; run on all that the roster finds."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from msgspec import Struct

from divisions.bot import Bot
from divisions.lane import Lane
from divisions.roster import DIVISIONS, BotClass, discover
from market.coin import Coin
from market.decision import ExitCall
from market.view import View
from tests.divisions.contract.keeping import keeps
from tests.divisions.contract.restraint import Watch
from tests.divisions.contract.showings import PARTS, SEED
from tests.support.lively import history, instruments, lively
from tests.support.stage import Stage

BOTS = tuple(discover())


def test_names_are_unique_and_there_are_bots_in_every_division() -> None:
    names = [cls.name for cls in BOTS]
    assert len(set(names)) == len(names)
    assert {cls.division for cls in BOTS} == set(DIVISIONS)


# Whoever comes first plays the markets of the part for all.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cls", BOTS, ids=lambda cls: cls.name)
@pytest.mark.parametrize(
    "part",
    [pytest.param(name, marks=pytest.mark.xdist_group(f"contract: {name}")) for name in PARTS],
)
def test_a_bot_keeps_the_contract(part: str, cls: BotClass) -> None:
    assert keeps(part, BOTS, cls)


def test_a_broken_bot_is_caught_by_this_suite() -> None:
    """The canary: each fault the suite looks for, in a bot that has it."""

    class Params(Struct, frozen=True, forbid_unknown_fields=True):
        """Nothing to set."""

    class Canary(Bot[Params, Any]):
        """Peeks at the forming minute, changes the coin, and raises now and then."""

        name = "canary"
        division = "trend"
        timeframes = ("1m",)
        params_type = Params

        def on_bar(self, memory: Any, coin: Coin, view: View, timeframe: str) -> Any:
            if coin.name == "SOL" and len(coin.bars.series["1m"]) == 330:
                raise ZeroDivisionError("canary")
            coin.returns += 1
            forming = coin.bars.minute
            side = 1 if forming is not None and forming.close > 1e6 else -1
            return ExitCall(coin.name, side, "peeked")

    lane = Lane(Canary(Params()))
    watch = Watch(every={"canary": 251}, wanted={"canary": set(range(10))})
    stage = Stage([lane], instruments(), watch)
    stage.play(chain(history(SEED), lively(SEED, 900)))
    assert watch.changed == watch.peeked == {"canary"}
    assert stage.faults == {0: "on_bar of SOL: ZeroDivisionError: canary"}


def test_a_bot_that_breaks_the_contract_is_told_of_every_breach() -> None:
    class Mute(BOTS[0]):  # type: ignore[misc]
        """Says nothing of itself."""

        warm_up = 0

    with pytest.raises(BaseExceptionGroup) as caught:
        keeps("words", (Mute,), Mute)
    told = [note for failure in caught.value.exceptions for note in failure.__notes__]
    for words in ("lives in the file of its name", "gives the idea its source", "has a warm up"):
        assert any(words in note for note in told), told
