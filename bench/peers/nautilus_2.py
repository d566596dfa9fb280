"""The side of nautilus_trader 2, run in its own environment: ORDER as JSON, one line of JSON back.

Its backtest engine is Rust and takes strategies written in Python. It gets what 1.x gets: quotes
made beforehand, no logging, the collector settled as on our side.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    Price,
    Quantity,
    QuoteTick,
    StrategyId,
    Symbol,
    Venue,
)
from nautilus_trader.trading import Strategy, StrategyConfig

from bench.peers import feed

VENUE = Venue("HYPERLIQUID")
INSTRUMENT_ID = InstrumentId(Symbol("BTC-USD-PERP"), VENUE)
USDC = Currency.from_str("USDC")
PX_DECIMALS, SZ_DECIMALS = 1, 5
FAST, SLOW = feed.FAST, feed.SLOW


def instrument() -> CryptoPerpetual:
    """Return the coin as the peer describes it."""
    return CryptoPerpetual(
        instrument_id=INSTRUMENT_ID,
        raw_symbol=Symbol(feed.COIN),
        base_currency=Currency.from_str("BTC"),
        quote_currency=USDC,
        settlement_currency=USDC,
        is_inverse=False,
        price_precision=PX_DECIMALS,
        size_precision=SZ_DECIMALS,
        price_increment=Price.from_str("0.1"),
        size_increment=Quantity.from_str("0.00001"),
        ts_event=0,
        ts_init=0,
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
    )


class Ema(Strategy):
    """Follow the mid with two averages."""

    def __new__(cls, number: int) -> Ema:
        """Make the native part, which takes the configuration."""
        tag = f"{number:03}"
        config = StrategyConfig(strategy_id=StrategyId(f"EMA-{tag}"), order_id_tag=tag)
        return super().__new__(cls, config)

    def __init__(self, number: int) -> None:
        self.number = number
        self.fast = 0.0
        self.slow = 0.0
        self.above = False
        self.calls = 0
        self.crossings = 0

    def on_start(self) -> None:
        """Ask for quotes."""
        self.subscribe_quotes(INSTRUMENT_ID)

    def on_quote(self, quote: QuoteTick) -> None:
        """Take the mid."""
        mid = 0.5 * (quote.bid_price.as_double() + quote.ask_price.as_double())
        self.calls += 1
        if self.calls == 1:
            self.fast = self.slow = mid
            return
        self.fast = fast = self.fast + FAST * (mid - self.fast)
        self.slow = slow = self.slow + SLOW * (mid - self.slow)
        if (fast > slow) is not self.above:
            self.above = not self.above
            self.crossings += 1


class Idle(Ema):
    """Listens and does nothing: what is left is the engine's own cost of 26 callbacks."""

    def on_quote(self, quote: QuoteTick) -> None:
        """Take nothing."""


def counts(strategies: list[Ema]) -> dict[str, int]:
    """Return what all strategies together have done."""
    return {
        "calls": sum(s.calls for s in strategies),
        "crossings": sum(s.crossings for s in strategies),
    }


def replay(order: dict[str, Any]) -> dict[str, Any]:
    """Run a backtest over a file of frames."""
    ticks = [_tick(raw) for raw in feed.read(Path(order["path"]))]
    quiet = LoggerConfig(bypass_logging=True)
    engine = BacktestEngine(
        BacktestEngineConfig(logging=quiet, bypass_logging=True, run_analysis=False)
    )
    engine.add_venue(
        VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDC,
        starting_balances=[Money(1_000_000, USDC)],
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
    )
    engine.add_instrument(instrument())
    engine.add_data(ticks)
    cls = Idle if order["idle"] else Ema
    strategies = [cls(number) for number in range(feed.STRATEGIES)]
    engine.add_strategies(strategies)
    feed.settle_gc()
    began = time.process_time()
    engine.run()
    cpu_s = time.process_time() - began
    return {"events": len(ticks), "cpu_s": cpu_s, **counts(strategies)}


def _tick(raw: bytes) -> QuoteTick:
    time_ms, bid, ask = feed.quote(raw)
    ns = time_ms * 1_000_000
    return QuoteTick(
        INSTRUMENT_ID,
        Price(bid.px, PX_DECIMALS),
        Price(ask.px, PX_DECIMALS),
        Quantity(bid.sz, SZ_DECIMALS),
        Quantity(ask.sz, SZ_DECIMALS),
        ns,
        ns,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(replay(json.loads(sys.argv[1]))) + "\n")
