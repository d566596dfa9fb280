"""nautilus_trader 2 live: its Hyperliquid adapter, its data, risk and execution engines, in Rust.

ORDER as JSON, one line of JSON back, as of 1.x: the monotonic time at which each quote reached
the first strategy, and at which each order reached the execution client. The adapter is whole and
asks for instruments over HTTP, which is answered here. The execution client is ours and Python,
as the peer lets anyone write one: an order has arrived when `_submit_order` has it; no bytes are
sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import uvloop
from nautilus_trader.adapters.hyperliquid import (
    HyperliquidDataClientConfig,
    HyperliquidDataClientFactory,
)
from nautilus_trader.common import Environment, LoggerConfig
from nautilus_trader.live import ExecutionClientConfig, LiveNode
from nautilus_trader.live.clients import ExecutionClient, ExecutionClientFactory
from nautilus_trader.model import (
    AccountBalance,
    AccountId,
    AccountType,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    TraderId,
)

from bench.peers import feed
from bench.peers.log import Log
from bench.peers.nautilus_2 import INSTRUMENT_ID, SZ_DECIMALS, USDC, VENUE, Ema, counts

WAIT_S = 30.0
PERPS = {"universe": [{"name": feed.COIN, "szDecimals": SZ_DECIMALS, "maxLeverage": 40}]}
DOLLAR = {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "isCanonical": True}
# What the adapter asks for before it connects, by type of question.
ANSWERS = {
    "allPerpMetas": [{**PERPS, "marginTables": [], "collateralToken": 0}],
    "spotMeta": {"universe": [], "tokens": [{**DOLLAR, "tokenId": "0x0"}]},
    "outcomeMeta": {"outcomes": [], "questions": []},
    "perpDexs": [None],
}

LOG: Log


class Info(BaseHTTPRequestHandler):
    """The venue's information endpoint for one coin."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a question."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps(ANSWERS[asked["type"]]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Trader(Ema):
    """The strategy with orders, at the fixed price that 1.x gets too."""

    def on_quote(self, quote: QuoteTick) -> None:
        """Take the mid; the first strategy notes the time of each quote."""
        if not self.number:
            LOG.quote()
        super().on_quote(quote)
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


class ExecClient(ExecutionClient):
    """An account with money, and the end of each order's way."""

    async def _connect(self) -> None:
        money = Money(1_000_000, USDC)
        balance = AccountBalance(money, Money(0, USDC), money)
        self.generate_account_state([balance], [], True, self.clock.timestamp_ns())

    async def _disconnect(self) -> None:
        pass

    async def _submit_order(self, command: Any) -> None:
        LOG.order(command.client_order_id.value)


class ExecFactory(ExecutionClientFactory):
    """Makes the execution client."""

    @staticmethod
    def create(*, name: str, config: Any, cache: Any, clock: Any, trader_id: Any) -> ExecClient:
        """Return the client."""
        return ExecClient(
            name=name,
            config=config,
            cache=cache,
            clock=clock,
            trader_id=trader_id,
            venue=VENUE,
            account_id=AccountId(f"{VENUE}-001"),
            account_type=AccountType.MARGIN,
            oms_type=OmsType.NETTING,
            base_currency=USDC,
        )


async def run(info: str) -> dict[str, Any]:
    """Run a node until it has all quotes; `info` is where instruments are asked for."""
    data = HyperliquidDataClientConfig(base_url_http=info, base_url_ws=f"ws://127.0.0.1:{LOG.port}")
    node = (
        LiveNode.builder("bench", TraderId("BENCH-001"), Environment.LIVE)
        .with_logging(LoggerConfig(bypass_logging=True))
        .with_reconciliation(False)
        .add_data_client(None, HyperliquidDataClientFactory(), data)
        .add_exec_client(f"{VENUE}-ORDERS", ExecFactory, ExecutionClientConfig())
        .build()
    )
    strategies = [Trader(number) for number in range(feed.STRATEGIES)]
    for strategy in strategies:
        node.add_strategy(strategy)
    feed.settle_gc()
    task = asyncio.create_task(node.run_async())
    await asyncio.wait_for(LOG.over.wait(), LOG.count / 1_000 + WAIT_S)
    await asyncio.sleep(0.2)
    task.cancel()
    return {**LOG.report(), **counts(strategies)}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    LOG = Log(given["count"], given["port"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Info)
    Thread(target=server.serve_forever, daemon=True).start()
    found = uvloop.run(run(f"http://127.0.0.1:{server.server_address[1]}"))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    # The node's threads would keep the process; nothing of it is wanted any more.
    os._exit(0)
