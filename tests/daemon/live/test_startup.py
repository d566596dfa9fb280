from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.config.sections import DEFAULT_COINS
from daemon.instance.paths import StateDir
from daemon.live.clock import Reading
from daemon.live.listing import DELISTED, UNLISTED
from daemon.live.startup import (
    Choice,
    Plan,
    choose_coins,
    list_instruments,
    meet_venue,
    open_endpoint,
    standby,
    subscriptions,
    until_stopped,
)
from market.errors import OperatorError, VenueUnreachable
from market.instrument import Instrument
from venue.hyperliquid.streams import Subscription


def listed(*names: str, delisted: tuple[str, ...] = ()) -> dict[str, Instrument]:
    every = (*names, *delisted)
    return {n: Instrument(n, i, 2, 10, n in delisted) for i, n in enumerate(every)}


def chosen(coins: list[str], of: dict[str, Instrument], held: set[str] | None = None) -> list[str]:
    return list(choice(coins, of, held).instruments)


def choice(
    coins: list[str],
    of: dict[str, Instrument],
    held: set[str] | None = None,
    known: tuple[str, ...] = (),
    decimals: int = 2,
) -> Choice:
    bought = {coin: Instrument(coin, -1, decimals, 1, True) for coin in held or ()}
    return choose_coins(parse({"coins": coins}, "test"), of, bought, known)


def test_the_configured_coins_are_traded_in_their_order() -> None:
    assert chosen(["SOL", "BTC"], listed("BTC", "ETH", "SOL")) == ["SOL", "BTC"]


def test_without_a_choice_the_default_coins_that_are_listed_are_traded() -> None:
    assert chosen([], listed("XRP", "BTC", "PEPE")) == ["BTC", "XRP"]
    assert chosen([], listed(*DEFAULT_COINS)) == list(DEFAULT_COINS)
    assert chosen([], listed("BTC", delisted=("ETH",))) == ["BTC"]


def test_a_coin_that_is_still_held_is_traded_on_also_when_it_is_no_longer_wanted() -> None:
    of = listed("BTC", "ETH", "SOL", delisted=("OLD",))
    assert chosen(["BTC"], of, {"SOL", "ETH"}) == ["BTC", "ETH", "SOL"]
    assert chosen(["BTC"], of, {"BTC"}) == ["BTC"]
    assert not choice(["BTC"], of, {"SOL", "ETH"}).gone


def test_a_coin_that_went_while_it_was_held_is_there_to_be_wound_down() -> None:
    of = listed("BTC", delisted=("OLD",))
    found = choice(["BTC", "OLD"], of, {"OLD", "GONE"})
    assert list(found.instruments) == ["BTC", "GONE", "OLD"]
    assert found.gone == {"OLD": DELISTED, "GONE": UNLISTED}
    assert found.instruments["GONE"].sz_decimals == 2, "as it was bought"


@pytest.mark.parametrize("coin", ["OLD", "ETH", "ONCE"])
def test_a_configured_coin_that_went_is_left_out_and_the_others_go_on(coin: str) -> None:
    """It is in the listing as delisted, in the kept listing alone, or was traded here once."""
    of = listed("BTC", delisted=("OLD",))
    found = choice([coin, "BTC"], of, known=("ONCE",))
    assert list(found.instruments) == ["BTC"]
    assert found.gone == {coin: DELISTED if coin == "OLD" else UNLISTED}


def test_when_no_coin_is_left_the_configuration_has_to_change() -> None:
    of = listed("BTC", delisted=("OLD",))
    for held in (set(), {"OLD"}):
        with pytest.raises(OperatorError, match="none is left to trade"):
            choice(["OLD"], of, held)


def test_a_coin_whose_sizes_are_counted_otherwise_than_what_is_held_is_wound_down() -> None:
    found = choice(["BTC", "SOL"], listed("BTC", "SOL"), {"SOL"}, decimals=1)
    assert found.gone == {"SOL": "its sizes have 2 decimals now, they had 1"}
    assert found.instruments["SOL"].sz_decimals == 1
    assert not choice(["BTC", "SOL"], listed("BTC", "SOL"), {"SOL"}, decimals=0).gone


def test_a_coin_the_venue_does_not_trade_is_refused_with_the_likely_one() -> None:
    of = listed("BTC", "kXYZ", delisted=("OLD",))
    with pytest.raises(OperatorError, match="does not trade btc; did you mean BTC"):
        chosen(["btc", "OLD"], of)
    with pytest.raises(OperatorError, match="did you mean kXYZ"):
        chosen(["KXYZ"], of)
    with pytest.raises(OperatorError, match=r"does not trade ZZZ$"):
        chosen(["ZZZ"], of)


def test_a_name_that_exists_and_is_not_ours_is_refused_in_its_own_words() -> None:
    of = listed("BTC", "ETH")
    with pytest.raises(OperatorError) as error:
        chosen(["BTC", "xyz:TSLA", "@107", "PURR/USDC", "#250", "eth"], of)
    assert str(error.value) == (
        "coins: xyz:TSLA is a perpetual of the builder dex xyz; only those of the first dex are "
        "ours; @107 is a spot pair by its index; only perpetuals are traded; PURR/USDC is a spot "
        "pair; only perpetuals are traded; #250 is an outcome coin, which settles at 0 or 1; only "
        "perpetuals are traded; the venue does not trade eth; did you mean ETH?"
    )
    with pytest.raises(OperatorError, match=r"^coins: @1 is a spot pair .* traded$"):
        chosen(["@1"], of)
    with pytest.raises(OperatorError, match="none of the default coins"):
        chosen([], listed("ABC"))


KINDS = {
    "l2Book": {("l2Book", True), ("l2Book", False)},
    "l2": {("l2", False), ("l2Book", False)},
    "auto": {("l2", False), ("l2Book", False)},
}


@pytest.mark.parametrize("books", KINDS)
def test_every_stream_of_every_coin_is_subscribed_once(books: Any) -> None:
    found = subscriptions(["BTC", "ETH"], books)
    assert len(found) == len(set(found)) == 2 * 5
    others = {("bbo", False), ("trades", False), ("activeAssetCtx", False)}
    assert {(s.type, s.fast) for s in found} == KINDS[books] | others


def test_the_fast_book_stands_by_where_deltas_may_fail() -> None:
    fast = [Subscription("l2Book", coin, fast=True) for coin in ("BTC", "ETH")]
    assert standby(["BTC", "ETH"], "auto") == fast
    assert standby(["BTC", "ETH"], "l2") == standby(["BTC", "ETH"], "l2Book") == []


@pytest.mark.parametrize("network", ["testnet", "mainnet"])
def test_paper_mode_listens_to_the_network_it_names(network: Any, tmp_path: Path) -> None:
    config = parse({}, "test")

    async def main() -> None:
        plan = Plan(config, "paper", network, StateDir(tmp_path, "x"))
        async with open_endpoint(plan) as endpoint:
            assert endpoint.ws == config.venue.endpoint(network).ws_url
            assert endpoint.rest == config.venue.endpoint(network).rest_url
            assert endpoint.child is None
            assert ("testnet" in endpoint.ws) == (network == "testnet")

    asyncio.run(main())


def test_the_venue_is_asked_until_it_lists_something(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float) -> None:
        pauses.append(delay)
        await real(0)

    monkeypatch.setattr("daemon.live.startup.asyncio.sleep", sleep)
    replies: list[Any] = [VenueUnreachable("502")] * 8 + [{}, listed("BTC")]

    class Info:
        async def instruments(self) -> Any:
            reply = replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply

    assert list(asyncio.run(list_instruments(Info()))) == ["BTC"]  # type: ignore[arg-type]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_the_venue_is_asked_what_it_lists_and_what_time_it_is() -> None:
    class Info:
        async def instruments(self) -> Any:
            return listed("BTC")

        async def venue_time(self, now_ns: Any) -> tuple[int, int, int]:
            return 7, 1, 2

    found = asyncio.run(meet_venue(Info(), waiting=print))  # type: ignore[arg-type]
    assert list(found[0]) == ["BTC"] and found[1] == Reading(7, 1, 2)


async def after(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return 7


def test_work_that_ends_in_time_is_handed_on_with_its_fault() -> None:
    assert asyncio.run(until_stopped(after(0.0), within_s=5.0)) == 7

    async def fails() -> int:
        raise OperatorError("no")

    with pytest.raises(OperatorError, match="no"):
        asyncio.run(until_stopped(fails(), within_s=None))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_is_named(number: signal.Signals) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), number)
        return await until_stopped(after(30.0), within_s=None)

    assert asyncio.run(main()) == number.name


def test_a_wait_longer_than_asked_for_is_a_venue_out_of_reach() -> None:
    with pytest.raises(VenueUnreachable, match=r"did not answer within 0\.05 s"):
        asyncio.run(until_stopped(after(30.0), within_s=0.05))
