"""Faults of orders on a venue with its exchange, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from eth_account import Account as Key
from hyperliquid.utils.signing import sign_l1_action

from tests.venue.local.serving import NOW_MS, Clock, Venue, hear, serving, subscribe
from venue.local.faults.fault import Fault
from venue.local.faults.kinds.orders.duplicate_fills import DuplicateFills
from venue.local.faults.kinds.orders.error_executes import ErrorExecutes
from venue.local.faults.kinds.orders.late_fills import LateFills
from venue.local.faults.kinds.orders.post_only_window import TEXT, PostOnlyWindow
from venue.local.faults.kinds.orders.timeout_executes import TimeoutExecutes
from venue.local.faults.plan import Plan
from venue.local.gate.accounts import account_of_seed
from venue.local.server.client import Limits
from venue.local.server.faulty.injector import Injector
from venue.local.server.floor import floor_over
from venue.local.world.world import World

ACCOUNT = account_of_seed(7)
USER = ACCOUNT.wallet.address
KEY = Key.from_key(ACCOUNT.wallet.key)


@dataclass
class Desk:
    """An account on a venue where things go wrong."""

    venue: Venue
    session: aiohttp.ClientSession
    mid: float

    async def order(self, factor: float, tif: str) -> Any:
        """Send a buy order that far from the mid."""
        px = str(round(self.mid * factor))
        row = {"a": 0, "b": True, "p": px, "s": "0.01", "r": False, "t": {"limit": {"tif": tif}}}
        action = {"type": "order", "orders": [row], "grouping": "na"}
        nonce = int(self.venue.clock())
        signature = sign_l1_action(KEY, action, None, nonce, None, False)
        body = {"action": action, "nonce": nonce, "signature": signature}
        async with self.session.post(self.venue.http + "/exchange", json=body) as reply:
            return await reply.json()

    async def ask(self, kind: str) -> Any:
        body = {"type": kind, "user": USER}
        async with self.session.post(self.venue.http + "/info", json=body) as reply:
            return await reply.json()


@asynccontextmanager
async def desk(world: World, fault: Fault) -> AsyncIterator[Desk]:
    injector = Injector(Plan((fault,)))
    shown, floor = floor_over(injector.market(world), accounts=[ACCOUNT], acting=injector.trading)
    mid = float(world.mids(NOW_MS)["BTC"])
    async with (
        serving(
            shown, clock=Clock(), limits=Limits.generous(), floor=floor, injector=injector
        ) as venue,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session,
    ):
        yield Desk(venue, session, mid)


def test_an_order_rests_although_no_reply_ever_came(world: World) -> None:
    async def run() -> None:
        async with desk(world, TimeoutExecutes(hold_ms=300, for_s=60.0)) as at:
            with pytest.raises(aiohttp.ClientError):
                await at.order(0.9, "Gtc")
            assert len(await at.ask("openOrders")) == 1

    asyncio.run(run())


def test_an_order_is_filled_although_the_reply_was_an_error(world: World) -> None:
    async def run() -> None:
        async with desk(world, ErrorExecutes(for_s=60.0)) as at:
            assert (await at.order(1.05, "Ioc"))["status"] == "err"
            assert len(await at.ask("userFills")) >= 1

    asyncio.run(run())


def test_fills_are_told_twice(world: World) -> None:
    async def run() -> None:
        async with desk(world, DuplicateFills(for_s=60.0)) as at, at.venue.connect() as ws:
            await subscribe(ws, type="userFills", user=USER)
            assert (await hear(ws, "userFills"))["data"]["isSnapshot"] is True
            await at.order(1.05, "Ioc")
            first, second = await hear(ws, "userFills"), await hear(ws, "userFills")
            assert first == second
            tids = [row["tid"] for row in await at.ask("userFills")]
            assert len(tids) == 2 * len(set(tids)) > 0

    asyncio.run(run())


def test_an_order_is_done_before_its_fills_are_heard_of(world: World) -> None:
    async def run() -> None:
        late = LateFills(for_s=60.0, delay_ms=600)
        async with desk(world, late) as at, at.venue.connect() as ws:
            # The snapshot passes while the second acknowledgement is waited for.
            await subscribe(ws, type="userFills", user=USER)
            await subscribe(ws, type="orderUpdates", user=USER)
            await at.order(1.05, "Ioc")
            heard = [(await hear(ws))["channel"]]
            while heard[-1] != "userFills":
                heard.append((await hear(ws))["channel"])
            assert "orderUpdates" in heard

    asyncio.run(run())


def test_after_an_upgrade_only_post_only_orders_are_taken(world: World) -> None:
    async def run() -> None:
        async with desk(world, PostOnlyWindow(for_s=60.0)) as at:
            (refused,) = (await at.order(0.9, "Gtc"))["response"]["data"]["statuses"]
            assert refused == {"error": f"{TEXT} asset=0"}
            (rests,) = (await at.order(0.9, "Alo"))["response"]["data"]["statuses"]
            assert "resting" in rests

    asyncio.run(run())
