from __future__ import annotations

from daemon.engine.heard import Heard
from divisions.lane import Lane
from market.coin import Coin
from market.decision import Vote
from tests.support.shadow import Puppet, make_coin, said


def test_the_vote_is_cast_once_however_many_desks_ask() -> None:
    cast: list[Coin] = []

    def vote(coin: Coin) -> Vote:
        cast.append(coin)
        return Vote(0.5)

    coin = make_coin()
    heard = Heard(Lane(Puppet("alpha")), coin, said(), (1.0, 2.0), vote)
    assert cast == [], "nobody asked yet"
    assert heard.vote is heard.vote
    assert cast == [coin]
    assert heard.key == "alpha|SOL|1"
