"""What is listened to, and on how many connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.config.sections import Config
from daemon.live.listening import session_of, unread
from divisions import roster
from market.errors import OperatorError
from tests.support.daemons import daemon_of
from venue.hyperliquid.wire import Subscription

NO_BOTS = {bot.name: {"enabled": False} for bot in roster.discover()}


def config(**given: Any) -> Config:
    return parse(given, "test")


def kinds(subscriptions: list[Subscription]) -> set[str]:
    return {f"{s.type} fast" if s.fast else s.type for s in subscriptions}


def test_while_one_bot_is_on_every_stream_is_read() -> None:
    one = next(iter(NO_BOTS))
    for bots in ({}, {**NO_BOTS, one: {"enabled": True, "stage": "shadow"}}):
        assert unread(config(bots=bots, lens={"enabled": False}), holds=False) == set()


@pytest.mark.parametrize(
    ("lenses", "holds", "nobody_reads"),
    [
        (False, False, {"trades", "slow"}),
        (False, True, {"trades"}),
        (True, False, {"slow"}),
        (True, True, set()),
    ],
)
def test_without_bots_only_what_is_open_and_the_lenses_read(
    lenses: bool, holds: bool, nobody_reads: set[str]
) -> None:
    given = {"bots": NO_BOTS, "lens": {"enabled": lenses}}
    assert unread(config(**given, feed={"books": "l2Book"}), holds=holds) == nobody_reads
    # Books made of deltas are checked against the slow one.
    assert unread(config(**given, feed={"books": "l2"}), holds=holds) == nobody_reads - {"slow"}


def test_what_nobody_reads_is_not_asked_for_but_may_stand_in() -> None:
    session = session_of(["BTC"], config(feed={"books": "l2Book"}), {"trades", "slow"})
    asked = [s for s, stream in session.streams.items() if not stream.is_standby]
    assert kinds(asked) == {"bbo", "l2Book fast", "activeAssetCtx"}
    waiting = [s for s, stream in session.streams.items() if stream.is_standby]
    assert kinds(waiting) == {"l2Book"}
    assert len(session.opened(0).frames) == 3


def test_deltas_come_with_their_stand_in_and_their_check() -> None:
    session = session_of(["BTC"], config(feed={"books": "auto"}))
    asked = [s for s, stream in session.streams.items() if not stream.is_standby]
    assert kinds(asked) == {"bbo", "l2", "l2Book", "trades", "activeAssetCtx"}
    waiting = [s for s, stream in session.streams.items() if stream.is_standby]
    assert kinds(waiting) == {"l2Book fast"}


def test_a_session_has_as_many_connections_as_its_streams_need() -> None:
    coins = [f"C{i}" for i in range(200)]
    assert [line.coins for line in session_of(coins, config()).lines] == [coins]
    feed = {"connection_subscriptions_max": 250}
    lines = session_of(coins, config(feed=feed)).lines
    assert [len(line.coins) for line in lines] == [50, 50, 50, 50]
    assert [c for line in lines for c in line.coins] == coins
    with pytest.raises(OperatorError, match="1,005 subscriptions"):
        session_of([*coins, "C200"], config())
    with pytest.raises(OperatorError, match=r"feed\.connections_max"):
        session_of(coins, config(feed={**feed, "connections_max": 3}))


def test_more_than_the_venue_bears_ends_the_start_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="2 coins ask for 10 subscriptions") as error:
        daemon_of(tmp_path, feed={"subscriptions_max": 9})
    assert error.value.exit_code == 78
