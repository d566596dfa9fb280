from __future__ import annotations

import re

from venue.local.market.crowd import Crowd


def test_ids_of_prints_are_unlike_each_other_and_fifty_bits_long() -> None:
    crowd = Crowd(7)
    ids = {
        crowd.tid(coin, day, n) for coin in (0, 1, 49) for day in (0, 1, 400) for n in range(3_000)
    }
    assert len(ids) == 27_000
    assert max(ids) < 1 << 50
    assert max(ids) > 1 << 49


def test_marks_depend_on_seed_and_print_alone() -> None:
    row = {"coin": "BTC", "time": 5, "side": "B"}
    first, again, other = (Crowd(seed).sign(dict(row), 77) for seed in (7, 7, 8))
    assert first == again
    assert first["hash"] != other["hash"]
    assert re.fullmatch("0x[0-9a-f]{64}", first["hash"])
    assert all(re.fullmatch("0x[0-9a-f]{40}", user) for user in first["users"])


def test_nobody_trades_with_himself() -> None:
    crowd = Crowd(7)
    for tid in (0, 513, *range(0, 1 << 20, 999)):
        buyer, seller = crowd.sign({"coin": "X", "time": 1, "side": "A"}, tid)["users"]
        assert buyer != seller


def test_fills_of_one_order_share_the_hash() -> None:
    crowd = Crowd(7)
    one, two = (crowd.sign({"coin": "BTC", "time": 5, "side": "B"}, tid) for tid in (1, 2))
    other = crowd.sign({"coin": "BTC", "time": 5, "side": "A"}, 1)
    assert one["hash"] == two["hash"] != other["hash"]
