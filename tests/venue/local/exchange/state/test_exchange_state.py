from __future__ import annotations

import pytest

from market.errors import InvariantBroken
from tests.venue.local.exchange.scripted import START_MS, ScriptedMarket
from venue.local.exchange.state.exchange_state import State, crowd_user, hash_text
from venue.local.exchange.state.rules import Rules


def test_names_count_up_and_never_come_back() -> None:
    state = State(ScriptedMarket(), Rules())
    oids = [state.next_oid() for _ in range(3)]
    assert oids == [oids[0], oids[0] + 1, oids[0] + 2]
    tids = {state.next_tid() for _ in range(5_000)}
    assert len(tids) == 5_000 and max(tids) < 1 << 50
    assert (state.next_twap(), state.next_twap(), state.next_lid()) == (1, 2, 1)
    assert hash_text(1) != hash_text(2) and hash_text(1) == hash_text(1)
    assert len(crowd_user(3)) == 42


def test_the_mark_is_read_once_a_second() -> None:
    market = ScriptedMarket()
    state = State(market, Rules())
    state.now_ms = START_MS
    assert (state.mark("BTC"), state.oracle("BTC")) == (1_000_000, 1_000_000)
    market.set_mark("BTC", "100000.1", oracle="99999.9")
    state.now_ms = START_MS + 999
    assert state.mark("BTC") == 1_000_000
    state.now_ms = START_MS + 1_000
    assert (state.mark("BTC"), state.oracle("BTC")) == (1_000_001, 999_999)


def test_users_are_in_lower_case() -> None:
    with pytest.raises(InvariantBroken):
        State(ScriptedMarket(), Rules()).account("0xA")
