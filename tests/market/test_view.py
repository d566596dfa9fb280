from __future__ import annotations

from market.view import View
from tests.support.market import make_coin


def test_a_bot_sees_coins_and_time_and_no_desk() -> None:
    coin = make_coin()
    view = View({coin.name: coin}, 5)
    assert view.coins[coin.name] is coin
    assert View.__struct_fields__ == ("coins", "now_ns")
