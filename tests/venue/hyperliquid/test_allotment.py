"""Subscriptions counted and spread before anything is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import OperatorError
from venue.hyperliquid.allotment import Limits, allot
from venue.hyperliquid.streams import Subscription

KINDS = ("bbo", "l2", "l2Book", "trades", "activeAssetCtx")


def wanted(coins: int) -> list[Subscription]:
    return [Subscription(kind, f"C{i}") for i in range(coins) for kind in KINDS]


def test_two_hundred_coins_are_what_one_address_carries() -> None:
    assert [len(coins) for coins in allot(wanted(200), Limits())] == [200]
    with pytest.raises(OperatorError) as error:
        allot(wanted(201), Limits())
    assert error.value.exit_code == 78
    assert str(error.value) == (
        "coins: 201 coins ask for 1,005 subscriptions, and an address may have 1,000 "
        "(feed.subscriptions_max): name at most 200 coins"
    )


def test_more_is_spread_over_connections_while_there_are_any() -> None:
    limits = Limits(subscriptions=10_000, a_connection=1_000, connections=8)
    assert [len(coins) for coins in allot(wanted(500), limits)] == [167, 167, 166]
    with pytest.raises(OperatorError, match=r"9 connections .* at most 1600 coins"):
        allot(wanted(1601), limits)


@given(coins=st.integers(0, 60), room=st.integers(1, 40))
def test_every_coin_has_one_connection_and_none_carries_too_much(coins: int, room: int) -> None:
    limits = Limits(10_000, room, 1_000)
    out = allot(wanted(coins), limits)
    assert [c for group in out for c in group] == [f"C{i}" for i in range(coins)]
    a_coin = len(KINDS)
    assert all(len(group) * a_coin <= max(room, a_coin) for group in out)
    assert max(map(len, out)) - min(map(len, out)) <= 1
