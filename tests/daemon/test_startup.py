from __future__ import annotations

import asyncio
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from daemon.config import DEFAULT_COINS, parse
from daemon.paths import StateDir
from daemon.startup import (
    STREAMS,
    Plan,
    alone,
    choose_coins,
    list_instruments,
    open_endpoint,
    subscriptions,
)
from market.errors import AnotherInstance, OperatorError, VenueUnreachable
from market.instrument import Instrument


def listed(*names: str, delisted: tuple[str, ...] = ()) -> dict[str, Instrument]:
    every = (*names, *delisted)
    return {n: Instrument(n, i, 2, 10, n in delisted) for i, n in enumerate(every)}


def chosen(coins: list[str], of: dict[str, Instrument], held: set[str] | None = None) -> list[str]:
    return list(choose_coins(parse({"coins": coins}, "test"), of, held or set()))


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
    assert chosen(["BTC"], of, {"OLD", "GONE"}) == ["BTC", "OLD"], "exits need its book"


def test_a_coin_the_venue_does_not_trade_is_refused_with_the_likely_one() -> None:
    of = listed("BTC", "kPEPE", delisted=("OLD",))
    with pytest.raises(OperatorError, match="does not trade btc, OLD; did you mean BTC"):
        chosen(["btc", "OLD"], of)
    with pytest.raises(OperatorError, match="did you mean kPEPE"):
        chosen(["KPEPE"], of)
    with pytest.raises(OperatorError, match=r"does not trade ZZZ$"):
        chosen(["ZZZ"], of)
    with pytest.raises(OperatorError, match="none of the default coins"):
        chosen([], listed("ABC"))


def test_every_stream_of_every_coin_is_subscribed_once() -> None:
    found = subscriptions(["BTC", "ETH"])
    assert len(found) == len(set(found)) == 2 * len(STREAMS)
    assert {(s.type, s.fast) for s in found} == {
        ("bbo", False), ("l2Book", True), ("l2Book", False), ("trades", False),
        ("activeAssetCtx", False),
    }  # fmt: skip


def state_in(path: Path) -> StateDir:
    state = StateDir(path, "local")
    state.create()
    return state


def hold(path: str, ready: Any, done: Any) -> None:
    with alone(StateDir(Path(path), "local")):
        ready.set()
        done.wait(10)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path), ready, done))
    holder.start()
    try:
        assert ready.wait(10)
        with pytest.raises(AnotherInstance, match=rf"\(pid {holder.pid}\)") as caught, alone(state):
            pytest.fail("two daemons hold one state")
        assert caught.value.exit_code == 75
        assert (state.path / "lock").read_text() == f"{holder.pid}\n", "the second changed nothing"
    finally:
        done.set()
        holder.join(10)
    with alone(state):
        assert (state.path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_left_by_a_dead_process_holds_nobody_back(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (state.path / "lock").write_text("999999999\n")
    for _ in range(2):
        with alone(state):
            assert (state.path / "lock").read_text() == f"{os.getpid()}\n"


def test_two_modes_of_one_root_do_not_exclude_each_other(tmp_path: Path) -> None:
    other = StateDir(tmp_path, "paper-testnet")
    other.create()
    with alone(state_in(tmp_path)), alone(other):
        pass


def test_a_lock_that_cannot_be_opened_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (state.path / "lock").mkdir()
    with pytest.raises(OperatorError, match="lock"), alone(state):
        pytest.fail("held nothing")


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

    monkeypatch.setattr("daemon.startup.asyncio.sleep", sleep)
    replies: list[Any] = [VenueUnreachable("502")] * 8 + [{}, listed("BTC")]

    class Info:
        async def instruments(self) -> Any:
            reply = replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply

    assert list(asyncio.run(list_instruments(Info()))) == ["BTC"]  # type: ignore[arg-type]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
