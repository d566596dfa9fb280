"""Ordinary engine for comparison: the same decisions, made the usual way.

What makes it ordinary: frames become dicts of dicts, every number is converted where it is read,
each event goes to every bot and the bot looks whether it is of its kind, figures are made anew
from whole lists on every book, and trades are dicts in one list. What it shares with the real
engine is what decides: the bots, the filters, the episode keys, the fill model, the bars. It
writes no tape, no rows and no digest, so the comparison leaves work out on its side only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.naive_market import Event, NaiveCoin, Side
from bench.naive_trades import NaiveTrades, Trade
from daemon.engine.admission import CADENCE_NS_UNKNOWN
from daemon.engine.engine import Engine
from daemon.engine.timetable import BAR_GRACE_MS
from divisions import vote as voting
from divisions.bot import Bot
from divisions.lane import vet
from divisions.sizing import lots_wanted, sizing
from market.coin import Coin
from market.decision import ExitCall, Proposal, Signal, TradeKind, Verdict
from market.desk import Desk, DeskView
from market.events import Candles, Print, TradesUpdate
from market.fills import FillModel
from market.instrument import Instrument
from market.money import notional_e6
from market.view import View
from risk.gate import Gate
from shadow.ledger.episodes import KeyState, Step
from shadow.store.rows import side_name

# Receive time, bot, coin, side, verdict, the filters in the way.
Decision = tuple[int, str, str, str, str, str]

# Which events a bot's hooks stand for.
HEARD = {
    "on_book": ("bbo", "fast", "slow"),
    "on_trades": ("trades",),
    "on_context": ("context",),
    "on_bar": ("bar",),
}


class NaiveBot:
    """A bot that is handed everything and picks out what it understands."""

    def __init__(self, bot: Bot[Any, Any]) -> None:
        self.bot = bot
        self.memories: dict[str, Any] = {}
        self.kinds = {kind for hook, kinds in HEARD.items() if bot.hears(hook) for kind in kinds}

    def on_event(self, event: Event, coin: NaiveCoin, view: View) -> Signal | ExitCall | None:
        """React to an event, whatever it is."""
        kind = event["kind"]
        if kind not in self.kinds:
            return None
        name = event["coin"]
        if name not in self.memories:
            self.memories[name] = self.bot.memory_type()
        memory = self.memories[name]
        if kind == "bar":
            timeframe = event["timeframe"]
            wanted = timeframe in self.bot.timeframes
            return self.bot.on_bar(memory, coin, view, timeframe) if wanted else None
        if kind == "trades":
            prints = [Print(t["time"], t["px"], t["sz"], t["aggressor"]) for t in event["trades"]]
            return self.bot.on_trades(
                memory, coin, view, TradesUpdate(name, prints, event["recv_ns"])
            )
        if kind == "context":
            return self.bot.on_context(memory, coin, view)
        return self.bot.on_book(memory, coin, view)


class NaiveEngine:
    """One method a kind of input; `decisions` is what came of it."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        bots: list[Bot[Any, Any]],
        gate: Gate,
        *,
        desk: Desk,
        model: FillModel,
        vol_target: float,
        lean: bool = False,
    ) -> None:
        self.coins = {name: NaiveCoin(i, lean=lean) for name, i in instruments.items()}
        self.desk = desk
        self.decisions: list[Decision] = []
        self.bots = [NaiveBot(bot) for bot in bots]
        self.trades = NaiveTrades(desk, self.coins, model)
        coins: dict[str, Coin] = {**self.coins}
        self.view = DeskView(desk, coins)
        self.market = View(coins)
        self._opinions: voting.Opinions = {}
        self._homes = {bot.bot.name: bot.bot.division for bot in self.bots}
        self._gate = gate
        self._model = model
        self._vol_target = vol_target
        self._next_close_ms = 0
        self._signals = 0

    @classmethod
    def like(
        cls, engine: Engine, *, model: FillModel, vol_target: float, lean: bool
    ) -> NaiveEngine:
        """Return one with the bots, filters and money of a fresh real engine."""
        return cls(
            {name: coin.instrument for name, coin in engine.market.coins.items()},
            [lane.bot for lane in engine.market.lanes.values()],
            engine.branch.gate,
            desk=Desk.opened_with(engine.branch.desk.start_e6, engine.branch.desk.seed),
            model=model,
            vol_target=vol_target,
            lean=lean,
        )

    def on_frame(self, raw: bytes, now_ns: int) -> None:
        """Take a frame from the socket."""
        event = parse(json.loads(raw))
        event["recv_ns"] = self.view.now_ns = self.market.now_ns = now_ns
        self.desk.day_ms = self.desk.day_ms or now_ns // 86_400_000_000_000 * 86_400_000
        coin = self.coins[event["coin"]]
        kind = event["kind"]
        if kind == "context":
            coin.take_context(event)
            self._tell(event, coin)
        elif kind == "trades":
            if coin.on_prints(event):
                self._tell(event, coin)
        elif coin.on_snapshot(event):
            self._tell(event, coin)
            self.trades.on_book(coin, now_ns)

    def on_history(self, event: Candles, now_ns: int) -> None:
        """Take candles that were asked for."""
        self.view.now_ns = self.market.now_ns = now_ns
        coin = self.coins[event.coin]
        coin.bars.on_candles(event.timeframe, event.rows, event.asked_ns // 1_000_000)
        coin.revalue()

    def on_second(self, now_ns: int) -> None:
        """Close bars that are due, then look after trades and the loss limits."""
        self.view.now_ns = self.market.now_ns = now_ns
        now_ms = now_ns // 1_000_000
        if now_ms >= self._next_close_ms:
            self._next_close_ms = (now_ms - BAR_GRACE_MS) // 60_000 * 60_000 + 60_000 + BAR_GRACE_MS
            closed = [(c, c.bars.close_until(now_ms - BAR_GRACE_MS)) for c in self.coins.values()]
            for coin, timeframes in closed:
                if timeframes:
                    coin.revalue()
            for coin, timeframes in closed:
                for timeframe in timeframes:
                    event = {"kind": "bar", "coin": coin.name, "timeframe": timeframe}
                    self._tell(event, coin)
            self.trades.value()
        self.trades.on_second(now_ns)
        if not self.desk.latched:
            self.desk.latched = self._gate.breach(self.view)

    def _tell(self, event: Event, coin: NaiveCoin) -> None:
        for bot in self.bots:
            action = bot.on_event(event, coin, self.market)
            if isinstance(action, ExitCall):
                voting.withdraw(self._opinions, bot.bot.name, action.coin, action.side)
                self.trades.call_exit(bot.bot.name, action.coin, action.side, self.view.now_ns)
            elif action is not None:
                self._judge(bot.bot, coin, action)

    def _judge(self, bot: Bot[Any, Any], coin: NaiveCoin, signal: Signal) -> None:
        vet(signal, coin.book.mid)
        now_ns = self.view.now_ns
        voting.hold(self._opinions, bot.name, signal, now_ns)
        name = f"{bot.name}|{signal.coin}|{signal.side}"
        key = self.trades.keys.setdefault(name, KeyState())
        if not key.hear(now_ns, bot.rearm_ns()):
            return
        numbers = sizing(
            coin,
            equity_e6=self.desk.equity_e6,
            vol_target=self._vol_target,
            division_weight=1.0,
            bot_weight=1.0,
            conviction=signal.conviction,
        )
        lots = lots_wanted(coin, numbers)
        mid, decimals = coin.book.mid, coin.instrument.sz_decimals
        worth_e6 = notional_e6(mid, lots, decimals)
        coin_name, side = signal.coin, signal.side
        proposal = Proposal(
            signal, bot.name, bot.division, coin_name, side, lots, worth_e6, numbers
        )
        self.view.opened_ns = key.opened_ns
        self.view.vote = voting.cast(
            self._opinions.get(coin.name, {}),
            mid=mid,
            now_ns=now_ns,
            divisions={},
            bots={},
            homes=self._homes,
            totals=voting.together({}, self._homes),
        )
        verdict = self._gate.judge(proposal, self.view)
        step = key.step(verdict)
        if step is Step.REPEAT:
            return
        word = "admitted" if verdict.admitted else "blocked"
        decision = (now_ns, bot.name, coin.name, side_name(signal.side), word)
        self.decisions.append((*decision, ",".join(verdict.failing)))
        self._open(coin, proposal, verdict, step, key)

    def _open(
        self, coin: NaiveCoin, proposal: Proposal, verdict: Verdict, step: Step, key: KeyState
    ) -> None:
        if step is Step.OPEN_PHANTOM:
            phantom = self._trade(coin, proposal, TradeKind.PHANTOM, verdict.lots)
            key.phantom_id = phantom["id"]
        elif step is Step.OPEN_REAL:
            trade = self._trade(coin, proposal, TradeKind.PAPER, verdict.lots)
            key.real_id = trade["id"]
            mid, decimals = coin.book.mid, coin.instrument.sz_decimals
            self.trades.expose(trade, notional_e6(mid, verdict.lots, decimals))
            self._trade(coin, proposal, TradeKind.TWIN, verdict.lots)
            if proposal.lots > verdict.lots:
                cut = proposal.lots - verdict.lots
                self._trade(coin, proposal, TradeKind.CLAMPED, cut)["skip"] = verdict.lots

    def _trade(self, coin: NaiveCoin, proposal: Proposal, kind: TradeKind, lots: int) -> Trade:
        self._signals += 1
        now_ns = self.view.now_ns
        due_ns = now_ns + self._model.latency_ns
        pulse = coin.streams.pulse()
        patience_ns = int(2 * (pulse[1].peak_ns if pulse else CADENCE_NS_UNKNOWN))
        trade: Trade = {
            "id": self._signals,
            "kind": kind,
            "bot": proposal.bot,
            "division": proposal.division,
            "coin": coin.name,
            "side": proposal.side,
            "lots": lots,
            "skip": 0,
            "plan": proposal.signal.plan,
            "decided_ns": now_ns,
            "due_ns": due_ns,
            "expires_ns": due_ns + patience_ns,
        }
        self.trades.send(trade)
        return trade


def parse(message: dict[str, Any]) -> Event:
    """Return a frame as a dict of numbers: each one converted, whether read or not."""
    channel, data = message["channel"], message["data"]
    if channel == "trades":
        trades = [
            {
                "px": float(t["px"]),
                "sz": float(t["sz"]),
                "aggressor": 1 if t["side"] == "B" else -1,
                "time": t["time"],
                "tid": t["tid"],
            }
            for t in data
        ]
        return {"kind": "trades", "coin": data[0]["coin"], "trades": trades}
    if channel == "activeAssetCtx":
        ctx = data["ctx"]
        return {
            "kind": "context",
            "coin": data["coin"],
            "funding": float(ctx["funding"]),
            "open_interest": float(ctx["openInterest"]),
            "oracle_px": float(ctx["oraclePx"]),
            "mark_px": float(ctx["markPx"]),
            "premium": None if ctx["premium"] is None else float(ctx["premium"]),
            "day_notional": float(ctx["dayNtlVlm"]),
            "prev_day_px": float(ctx["prevDayPx"]),
        }
    if channel == "bbo":
        bid, ask = data["bbo"]
        sides = [side([bid] if bid else []), side([ask] if ask else [])]
        kind = "bbo"
    else:
        sides = [side(data["levels"][0]), side(data["levels"][1])]
        kind = "fast" if data.get("fast") else "slow"
    return {
        "kind": kind,
        "coin": data["coin"],
        "time": data["time"],
        "bids": sides[0],
        "asks": sides[1],
    }


def side(levels: list[dict[str, Any]]) -> Side:
    """Return one side of a book as numbers."""
    return [[float(level["px"]), float(level["sz"])] for level in levels]
