"""nautilus_trader live: its Hyperliquid client, its data, risk and execution engines.

ORDER as JSON, one line of JSON back: the monotonic time at which each quote reached the first
strategy, and at which each order reached the execution client. Only the two ends are ours: the
socket is opened by the first subscription (so that no quote comes before the strategies), and an
order has arrived when `_submit_order` has it; no bytes are sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import uvloop
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.config import (
    LiveDataClientConfig,
    LiveDataEngineConfig,
    LiveExecClientConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.core import nautilus_pyo3
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.execution_client import LiveExecutionClient
from nautilus_trader.live.factories import LiveDataClientFactory, LiveExecClientFactory
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.currencies import USDC
from nautilus_trader.model.data import QuoteTick, capsule_to_data
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import AccountId, ClientId
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity

from bench.peers import feed
from bench.peers.log import Log
from bench.peers.nautilus import INSTRUMENT_ID, VENUE, Ema, counts, instrument

WAIT_S = 30.0


LOG: Log


class Trader(Ema):
    """The strategy with orders: at a fixed price, since the peer's adapter scales ours wrongly."""

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Take the mid; the first strategy notes the time of each quote."""
        if not self.number:
            LOG.quote()
        super().on_quote_tick(tick)
        if not self.calls % feed.ORDER_EVERY and feed.is_turn(self.calls, self.number):
            self._order()

    def _order(self) -> None:
        order = self.order_factory.limit(
            INSTRUMENT_ID,
            OrderSide.BUY if self.number % 2 else OrderSide.SELL,
            Quantity.from_str("0.00100"),
            Price.from_str("90000.0"),
        )
        LOG.numbers[order.client_order_id.value] = self.calls
        self.submit_order(order)


class DataClient(LiveMarketDataClient):
    """The peer's own websocket client, handed on as its Hyperliquid adapter does."""

    async def _connect(self) -> None:
        self._handle_data(instrument())

    async def _disconnect(self) -> None:
        await self._ws.close()

    async def _subscribe_quote_ticks(self, command: Any) -> None:
        known = nautilus_pyo3.CryptoPerpetual.from_dict(instrument().to_dict(instrument()))
        self._ws = nautilus_pyo3.HyperliquidWebSocketClient(url=f"ws://127.0.0.1:{LOG.port}")
        await self._ws.connect([known], self._handle_msg)
        await self._ws.subscribe_quotes(
            nautilus_pyo3.InstrumentId.from_str(command.instrument_id.value)
        )

    async def _unsubscribe_quote_ticks(self, command: Any) -> None:
        pass

    def _handle_msg(self, message: Any) -> None:
        self._handle_data(capsule_to_data(message))


class ExecClient(LiveExecutionClient):
    """An account with money, and the end of each order's way."""

    async def _connect(self) -> None:
        self._set_account_id(AccountId(f"{VENUE}-001"))
        money = Money(1_000_000, USDC)
        balance = AccountBalance(money, Money(0, USDC), money)
        self.generate_account_state([balance], [], True, self._clock.timestamp_ns())

    async def _disconnect(self) -> None:
        pass

    async def _submit_order(self, command: Any) -> None:
        LOG.order(command.order.client_order_id.value)


class DataFactory(LiveDataClientFactory):
    """Factory of the data client."""

    @staticmethod
    def create(  # type: ignore[override]
        loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any
    ) -> DataClient:
        """Return the client."""
        return DataClient(
            loop=loop,
            client_id=ClientId(name),
            venue=VENUE,
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
        )


class ExecFactory(LiveExecClientFactory):
    """Factory of the execution client."""

    @staticmethod
    def create(  # type: ignore[override]
        loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any
    ) -> ExecClient:
        """Return the client."""
        return ExecClient(
            loop=loop,
            client_id=ClientId(name),
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN,
            base_currency=USDC,
            instrument_provider=InstrumentProvider(),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
        )


async def run() -> dict[str, Any]:
    """Run a node until it has all quotes."""
    name = VENUE.value
    node = TradingNode(
        TradingNodeConfig(
            logging=LoggingConfig(log_level="OFF"),
            data_engine=LiveDataEngineConfig(),
            exec_engine=LiveExecEngineConfig(reconciliation=False),
            data_clients={name: LiveDataClientConfig()},
            exec_clients={name: LiveExecClientConfig()},
            timeout_post_stop=0.1,
        ),
        loop=asyncio.get_running_loop(),
    )
    node.add_data_client_factory(name, DataFactory)
    node.add_exec_client_factory(name, ExecFactory)
    strategies = [Trader(number) for number in range(feed.STRATEGIES)]
    node.trader.add_strategies(strategies)
    node.build()
    node.cache.add_instrument(instrument())
    feed.settle_gc()
    task = asyncio.create_task(node.run_async())
    await asyncio.wait_for(LOG.over.wait(), LOG.count / 1_000 + WAIT_S)
    await asyncio.sleep(0.2)
    task.cancel()
    return {**LOG.report(), **counts(strategies)}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    LOG = Log(given["count"], given["port"])
    sys.stdout.write(json.dumps(uvloop.run(run())) + "\n")
    sys.stdout.flush()
    # The node's threads would keep the process; nothing of it is wanted any more.
    os._exit(0)
