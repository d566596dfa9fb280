"""A venue for real clients: a world that is up to date, its exchange, a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from coincurve import PrivateKey

from venue.hyperliquid.signing import address_of
from venue.local.gate.accounts import Account, Wallet, account_of_seed
from venue.local.server.client import Limits
from venue.local.server.floor import floor_over
from venue.local.server.server import serve
from venue.local.world.world import World

SEED = 7
DAY_MS = 86_400_000
FUNDS_E6 = 100_000_000_000


@dataclass(frozen=True)
class Hosted:
    """Where the venue is, and two accounts that can trade with each other."""

    http: str
    ws: str
    test: Account
    other: Account


def wall_ms() -> int:
    return int(time.time() * 1000)


def other_account() -> Account:
    key = "0x" + "5a" * 32
    address = address_of(PrivateKey(bytes.fromhex(key[2:])).public_key)
    return Account(Wallet(address, key), FUNDS_E6)


@lru_cache(maxsize=1)
def world_of(epoch_ms: int) -> World:
    """Return the world, made once: what it keeps in memory saves work and changes nothing."""
    return World(SEED, epoch_ms)


@contextmanager
def hosted() -> Iterator[Hosted]:
    """Serve for the length of the block, in real time, with limits that tests do not hit."""
    test, other = account_of_seed(SEED), other_account()
    shown, floor = floor_over(
        world_of(wall_ms() // DAY_MS * DAY_MS - 2 * DAY_MS), accounts=[test, other]
    )
    ready: list[int] = []
    failed: list[BaseException] = []
    opened, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def on_ready(port: int) -> None:
        ready.append(port)
        opened.set()

    def run() -> None:
        serving = serve(
            shown,
            host="127.0.0.1",
            port=0,
            now_ms=lambda: time.time() * 1000.0,
            on_ready=on_ready,
            stop=stop,
            limits=Limits.generous(),
            floor=floor,
        )
        try:
            loop.run_until_complete(serving)
        except BaseException as error:
            failed.append(error)
        finally:
            opened.set()
            loop.close()

    thread = threading.Thread(target=run, name="venue")
    thread.start()
    opened.wait(60.0)
    try:
        if failed:
            raise failed[0]
        url = f"127.0.0.1:{ready[0]}"
        yield Hosted(f"http://{url}", f"ws://{url}/ws", test, other)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(10.0)
    if failed:
        raise failed[0]


def eventually(found: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Return the first true value of a call, asking again and again; fail when none comes."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"nothing came within {timeout_s} s")
