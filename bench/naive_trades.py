"""Open trades of the ordinary engine: dicts in one list, gone through on every book.

The rules are those of `shadow.ledger.ledger`: entry and exit walk the first book after the
latency, the stop counts before the target, trailing stops ratchet once a second. Left out are
outages and funding, because the measured stretch has none. No rows are made and nothing is stored,
which is in this side's favour.
"""

from __future__ import annotations

from typing import Any

from bench.naive_market import NaiveCoin
from market.decision import TradeKind
from market.desk import Desk
from market.events import Level
from market.fills import Fill, FillModel, walk
from market.money import notional_e6
from shadow.ledger.episodes import KeyState

Trade = dict[str, Any]


class NaiveTrades:
    """All trades that have not ended, real and shadow, and the account of the real ones."""

    def __init__(self, desk: Desk, coins: dict[str, NaiveCoin], model: FillModel) -> None:
        self.open: list[Trade] = []
        self.keys: dict[str, KeyState] = {}
        self.opened: dict[str, int] = {}
        self.closed: dict[str, int] = {}
        self._desk = desk
        self._coins = coins
        self._model = model

    def send(self, trade: Trade) -> None:
        """Send an entry."""
        trade |= {
            "state": "pending",
            "stop": trade["plan"].stop_px,
            "filled": 0,
            "entry_e6": 0,
            "sold": 0,
            "exit_e6": 0,
            "fees_e6": 0,
            "exposed_e6": 0,
            "exit_due_ns": 0,
            "exit_reason": "",
        }
        self.open.append(trade)
        name = TradeKind(trade["kind"]).name.lower()
        self.opened[name] = self.opened.get(name, 0) + 1

    def on_book(self, coin: NaiveCoin, now_ns: int) -> None:
        """Mark the coin's trades, decide their exits, fill what is due."""
        name, mid = coin.name, coin.book.mid
        # One list for everything, searched by coin each time: the usual shape.
        mine = [trade for trade in self.open if trade["coin"] == name]
        for trade in mine:
            if trade["state"] == "open":
                trade["hi"] = max(trade["hi"], mid)
                trade["lo"] = min(trade["lo"], mid)
                trade["pnl"] = trade["side"] * (mid - trade["entry_px"]) * trade["size"]
                reason = reached(trade, mid)
                if reason:
                    self._send_exit(trade, reason, now_ns)
        due = [trade for trade in mine if trade["state"] != "open"]
        for trade in sorted(due, key=lambda t: (t["exit_due_ns"] or t["due_ns"], t["id"])):
            if trade["state"] == "pending":
                self._enter(coin, trade, now_ns)
            elif now_ns >= trade["exit_due_ns"]:
                self._exit(coin, trade, now_ns)

    def on_second(self, now_ns: int) -> None:
        """Pull trailing stops, end horizons, give up late entries, revalue."""
        for trade in list(self.open):
            plan = trade["plan"]
            if trade["state"] == "open":
                if plan.trail > 0.0 and trade["side"] > 0:
                    trade["stop"] = max(trade["stop"], trade["hi"] - plan.trail)
                elif plan.trail > 0.0:
                    trade["stop"] = min(trade["stop"], trade["lo"] + plan.trail)
                if trade["decided_ns"] + plan.horizon_ns <= now_ns:
                    self._send_exit(trade, "horizon", now_ns)
            elif trade["state"] == "pending" and now_ns > trade["expires_ns"]:
                self._end(trade, now_ns, filled=False)
        self.value()

    def call_exit(self, bot: str, coin: str, side: int, now_ns: int) -> None:
        """End everything a bot has on a coin and side."""
        for trade in self.open:
            if (trade["bot"], trade["coin"], trade["side"]) == (bot, coin, side):
                if trade["state"] == "open":
                    self._send_exit(trade, "bot", now_ns)
                elif trade["state"] == "pending":
                    trade["exit_reason"] = "bot"

    def value(self) -> None:
        """Revalue the account's open trades at the current mids."""
        desk = self._desk
        desk.open_e6 = sum(
            self._net_at(trade, self._coins[trade["coin"]].book.mid)
            for trade in self.open
            if trade["kind"] == TradeKind.PAPER and trade["state"] != "pending"
        )
        desk.peak_e6 = max(desk.peak_e6, desk.equity_e6)

    def expose(self, trade: Trade, notional: int) -> None:
        """Set what a real trade counts for on the desk."""
        if trade["kind"] == TradeKind.PAPER:
            self._desk.expose(
                coin=trade["coin"],
                division=trade["division"],
                side=trade["side"],
                notional_e6=notional - trade["exposed_e6"],
            )
            trade["exposed_e6"] = notional

    def _net_at(self, trade: Trade, mid: float) -> int:
        decimals = self._coins[trade["coin"]].instrument.sz_decimals
        rest = notional_e6(mid, trade["filled"] - trade["sold"], decimals)
        gross: int = trade["side"] * (trade["exit_e6"] + rest - trade["entry_e6"])
        return gross - int(trade["fees_e6"])

    def _walk(self, coin: NaiveCoin, side: int, lots: int, trade: Trade) -> Fill:
        levels: list[Level] = coin.book.asks() if side > 0 else coin.book.bids()
        rate = self._model.taker_e8
        skip = trade["skip"]
        return walk(levels, lots, coin.instrument, fee_rate_e8=rate, skip_lots=skip)

    def _enter(self, coin: NaiveCoin, trade: Trade, now_ns: int) -> None:
        if now_ns > trade["expires_ns"]:
            self._end(trade, now_ns, filled=False)
            return
        if now_ns < trade["due_ns"]:
            return
        fill = self._walk(coin, trade["side"], trade["lots"], trade)
        if not fill.lots:
            self._end(trade, now_ns, filled=False)
            return
        mid = coin.book.mid
        trade |= {
            "state": "open",
            "filled": fill.lots,
            "size": coin.instrument.size(fill.lots),
            "entry_e6": fill.notional_e6,
            "entry_px": fill.px,
            "fees_e6": fill.fee_e6,
            "hi": mid,
            "lo": mid,
        }
        self.expose(trade, fill.notional_e6)
        if trade["side"] * (mid - trade["stop"]) <= 0.0:
            self._send_exit(trade, "stop", now_ns)
        elif trade["exit_reason"]:
            self._send_exit(trade, trade["exit_reason"], now_ns)

    def _send_exit(self, trade: Trade, reason: str, now_ns: int) -> None:
        trade["state"] = "exiting"
        trade["exit_reason"] = reason
        trade["exit_due_ns"] = now_ns + self._model.latency_ns

    def _exit(self, coin: NaiveCoin, trade: Trade, now_ns: int) -> None:
        fill = self._walk(coin, -trade["side"], trade["filled"] - trade["sold"], trade)
        trade["sold"] += fill.lots
        trade["exit_e6"] += fill.notional_e6
        trade["fees_e6"] += fill.fee_e6
        if trade["sold"] == trade["filled"]:
            self._end(trade, now_ns, filled=True)

    def _end(self, trade: Trade, now_ns: int, *, filled: bool) -> None:
        self.open = [other for other in self.open if other is not trade]
        name = TradeKind(trade["kind"]).name.lower()
        self.closed[name] = self.closed.get(name, 0) + 1
        key = self.keys.get(f"{trade['bot']}|{trade['coin']}|{trade['side']}")
        if key is not None:
            key.close(trade["id"])
        if trade["kind"] != TradeKind.PAPER:
            return
        self.expose(trade, 0)
        if filled:
            self._desk.cash_e6 += self._net_at(trade, 0.0)
            if trade["exit_reason"] in ("stop", "trail"):
                self._desk.stopped[f"{trade['bot']}|{trade['coin']}"] = now_ns
            self.value()


def reached(trade: Trade, mid: float) -> str:
    """Return which exit level a mid has reached, "" for none; the stop counts first."""
    plan, side, stop = trade["plan"], trade["side"], trade["stop"]
    if side * (mid - stop) <= 0.0:
        return "trail" if stop != plan.stop_px else "stop"
    if plan.target_px and side * (mid - plan.target_px) >= 0.0:
        return "target"
    return ""
