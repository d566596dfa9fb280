from __future__ import annotations

import pytest

from market.errors import OperatorError
from tests.venue.local.tiny import AGENT, MASTER, STRANGER, USER, Tiny, fill_row, floor
from venue.local.exchange.state.notes import Note, Print
from venue.local.gate.accounts import Account, Wallet
from venue.local.protocol.refused import Refused
from venue.local.protocol.stream import Stream

NOW_MS = 1_756_700_000_000


def test_opening_funds_the_accounts_and_approves_their_agents() -> None:
    tiny = Tiny()
    opened = floor(tiny)
    opened.open(NOW_MS)
    assert tiny.funds == {USER: 5_000_000}
    agent = opened.agents.of(AGENT.address.lower(), NOW_MS)
    assert agent is not None
    assert agent.master == USER


def test_agents_that_cannot_be_are_the_operators_to_mend() -> None:
    twice = Account(Wallet(USER), 1, (Wallet(USER),))
    with pytest.raises(OperatorError, match="already used"):
        floor(Tiny(), accounts=[twice]).open(NOW_MS)


def test_who_an_address_is() -> None:
    opened = floor(Tiny())
    opened.open(NOW_MS)

    def role(address: str) -> object:
        return opened.answer("userRole", {"user": address}, NOW_MS)

    assert role(MASTER.address) == {"role": "user"}
    assert role(AGENT.address) == {"role": "agent", "data": {"user": USER}}
    assert role(STRANGER.address) == {"role": "missing"}
    for bad in (None, "0x12"):
        with pytest.raises(Refused):
            opened.answer("userRole", {"user": bad}, NOW_MS)


def test_a_block_tells_accounts_their_news_once() -> None:
    tiny = Tiny()
    opened = floor(tiny)
    opened.open(NOW_MS)
    note = Note(USER, "fill", fill_row(1), NOW_MS)
    tiny.notes = [Print("BTC", {}), note]
    assert opened.advance(NOW_MS + 75) == [note]
    assert opened.advance(NOW_MS + 50) == []
    # A clock that is set back does not set the exchange back.
    assert tiny.advanced == [NOW_MS + 75, NOW_MS + 75]


def test_streams_come_from_their_makers() -> None:
    tiny = Tiny()
    opened = floor(tiny)
    opened.open(NOW_MS)
    fills, contexts = Stream("userFills", USER), Stream("assetCtxs")
    assert b'"userFills"' in opened.first(fills, NOW_MS)[0]
    assert b'"assetCtxs"' in opened.first(contexts, NOW_MS)[0]
    note = Note(USER, "fill", fill_row(1), NOW_MS)
    due = dict(opened.due([fills, contexts], [note], 4_999, 5_000))
    assert set(due) == {fills, contexts}
    assert opened.serves(fills)
    assert opened.serves(contexts)
