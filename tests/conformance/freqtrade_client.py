"""What freqtrade's exchange layer does in live futures mode, told as one line of JSON.

Runs in the environment of freqtrade, which has nothing of this project: urls and keys come as
JSON on standard input.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from freqtrade.enums import CandleType, MarginMode, RunMode, TradingMode
from freqtrade.resolvers import ExchangeResolver

PAIR = "BTC/USDC:USDC"


def configuration(venue: dict[str, str]) -> dict[str, Any]:
    pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    api = {"public": venue["http"], "private": venue["http"], "ws": {"public": venue["ws"]}}
    return {
        "runmode": RunMode.LIVE,
        "dry_run": False,
        "trading_mode": TradingMode.FUTURES,
        "margin_mode": MarginMode.ISOLATED,
        "stake_currency": "USDC",
        "timeframe": "5m",
        "datadir": None,
        "user_data_dir": None,
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "exchange": {
            "name": "hyperliquid",
            "walletAddress": venue["address"],
            "privateKey": venue["key"],
            "pair_whitelist": [PAIR],
            "ccxt_config": {"urls": {"api": api}, "options": {"sandboxMode": True}},
        },
    }


def main() -> None:
    venue = json.load(sys.stdin)
    exchange = ExchangeResolver.load_exchange(configuration(venue), validate=True)
    started = datetime.now(UTC)
    try:
        candles = exchange.refresh_latest_ohlcv([(PAIR, "5m", CandleType.FUTURES)])
        book = exchange.fetch_l2_order_book(PAIR, 20)
        bid, ask = book["bids"][0][0], book["asks"][0][0]
        before = exchange.get_balances()
        far = exchange.price_to_precision(PAIR, bid * 0.8)
        common: dict[str, Any] = {"pair": PAIR, "leverage": 3.0, "time_in_force": "GTC"}
        resting = exchange.create_order(
            ordertype="limit", side="buy", amount=0.01, rate=far, **common
        )
        cancelled = exchange.cancel_order_with_result(resting["id"], PAIR, 0.01)
        taken = exchange.create_order(
            ordertype="market", side="buy", amount=0.01, rate=ask, **common
        )
        stop = exchange.create_stoploss(
            PAIR, 0.01, stop_price=bid * 0.9, order_types={}, side="sell", leverage=3.0
        )
        positions = exchange.fetch_positions(PAIR)
        trades = exchange.get_trades_for_order(taken["id"], PAIR, started)
        stopped = exchange.cancel_stoploss_order_with_result(stop["id"], PAIR, 0.01)
        closed = exchange.create_order(
            ordertype="market", side="sell", amount=0.01, rate=bid, reduceOnly=True, **common
        )
        told = {
            "markets": len(exchange.get_markets(quote_currencies=["USDC"], futures_only=True)),
            "candles": {key[0]: len(frame) for key, frame in candles.items()},
            "levels": len(book["bids"]),
            "free": before["USDC"]["free"],
            "cancelled": cancelled["status"],
            "filled": exchange.fetch_order(taken["id"], PAIR)["status"],
            "positions": [[p["side"], p["contracts"], p["leverage"]] for p in positions],
            "trades": len(trades),
            "stopped": stopped["status"],
            "closed": exchange.fetch_order(closed["id"], PAIR)["status"],
            "left": len(exchange.fetch_positions(PAIR)),
            "ticker": exchange.fetch_ticker(PAIR)["symbol"],
            "funding": exchange.fetch_funding_rate(PAIR)["symbol"],
            "max_leverage": exchange.get_max_leverage(PAIR, 100.0),
        }
    finally:
        exchange.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
