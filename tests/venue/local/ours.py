"""What our venue says, gathered without sockets: every stream and answer of a busy hour."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

from tests.venue.local.serving import HOUR_MS, NOW_MS
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.views import answers
from venue.local.exchange.views.merged_market import MergedMarket
from venue.local.gate.accounts import Account, Wallet
from venue.local.market.contract import Row, Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.protocol.stream import Stream
from venue.local.server.floor import Floor
from venue.local.server.questions import Questions
from venue.local.world.world import World

USER = "0x" + "a1" * 20
OTHER = "0x" + "b2" * 20
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))
FUNDS_E6 = 100_000_000_000
STREAMS = (
    "userEvents",
    "userFills",
    "userFundings",
    "orderUpdates",
    "notification",
    "userNonFundingLedgerUpdates",
    "clearinghouseState",
    "openOrders",
    "spotState",
    "webData3",
)


def market_frames(world: World) -> dict[str, list[Any]]:
    """Return decoded frames of the market's channels: ten seconds of three coins."""
    topics = [
        Topic(kind, coin)
        for coin in ("BTC", "ETH", "SOL")
        for kind in ("l2Book", "bbo", "trades", "activeAssetCtx")
    ]
    topics += [Topic("candle", "BTC", "1m"), Topic("allMids")]
    topics += [Topic("l2Book", "BTC", fast=True), Topic("l2Book", "ETH", figures=4)]
    until_ms = NOW_MS + 10_000
    list(world.warm(["BTC", "ETH", "SOL"], NOW_MS - 24 * HOUR_MS, until_ms))
    heard: dict[str, list[Any]] = defaultdict(list)
    for topic in topics:
        for raw in world.first(topic, NOW_MS):
            heard[_name(topic)].append(json.loads(raw))
    for now_ms in range(NOW_MS, until_ms, BLOCK_MS):
        for topic, raw in world.due(now_ms, now_ms + BLOCK_MS, topics):
            heard[_name(topic)].append(json.loads(raw))
    return heard


def _name(topic: Topic) -> str:
    if topic.type == "l2Book" and topic.fast:
        return "l2Book fast"
    return "l2Book grouped" if topic.figures else topic.type


def market_answer(world: World, question: Row) -> Any:
    """Return the answer to a question about the market."""
    return asyncio.run(Questions(world, lambda: float(NOW_MS)).answer(question))


class Busy:
    """Two accounts that do all that is recorded, and what was said of it.

    `frames` are by stream, `replies` those of actions by a name of the action.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.exchange = Exchange(world, Rules())
        self.floor = Floor(
            self.exchange,
            lambda kind, question, now_ms: answers.answer(self.exchange, kind, question, now_ms),
            answers.KINDS,
            MergedMarket(world, self.exchange),
            accounts=[Account(Wallet(user), FUNDS_E6) for user in (USER, OTHER)],
        )
        self.now_ms = NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS - 20_000
        list(world.warm(["BTC", "ETH", "SOL"], self.now_ms - HOUR_MS, self.now_ms + 60_000))
        self.floor.open(self.now_ms)
        self.frames: dict[str, list[Any]] = defaultdict(list)
        self.replies: dict[str, list[Row]] = defaultdict(list)
        self._streams = [Stream(kind, USER) for kind in STREAMS]
        self._listen_anew()
        self._live()

    def _listen_anew(self) -> None:
        for stream in self._streams:
            for raw in self.floor.first(stream, self.now_ms):
                self.frames[stream.type].append(json.loads(raw))

    def _live(self) -> None:
        px = {coin: float(mid) for coin, mid in self.world.mids(self.now_ms).items()}
        asset = {coin: i.index for coin, i in self.world.instruments.items()}
        btc, eth, sol = asset["BTC"], asset["ETH"], asset["SOL"]
        low, high = str(round(px["BTC"] * 0.9)), str(round(px["BTC"] * 1.04))
        cloid = f"0x{7:032x}"
        self.order("resting", btc, low, "0.01", GTC, c=cloid)
        self.ask("one open", "openOrders")
        self.wait(1_000)
        self.act("cancel", {"type": "cancelByCloid", "cancels": [{"asset": btc, "cloid": cloid}]})
        self.act("cancel gone", {"type": "cancel", "cancels": [{"a": btc, "o": 5}]})
        self.order("filled", btc, high, "0.02", IOC, c=f"0x{8:032x}")
        self.order("too small", btc, low, "0.0001", GTC)
        self.order("no margin", btc, high, "80", GTC)
        self.order("no match", btc, low, "0.01", IOC)
        self.order("far price", btc, "1", "100", GTC)
        self.order("too large", sol, str(round(px["SOL"])), "9000000", GTC)
        self.wait(2_000)
        trigger = {"isMarket": True, "triggerPx": low, "tpsl": "sl"}
        parent = {"a": eth, "b": True, "p": str(round(px["ETH"] * 0.9)), "s": "0.5", "r": False}
        stop = {**parent, "b": False, "p": str(round(px["ETH"] * 0.7)), "r": True}
        stop["t"] = {"trigger": {**trigger, "triggerPx": str(round(px["ETH"] * 0.8))}}
        grouped = {"type": "order", "orders": [{**parent, "t": GTC}, stop]}
        self.act("grouped", {**grouped, "grouping": "normalTpsl"})
        self.order(
            "stop", btc, str(round(px["BTC"] * 0.7)), "0.01", {"trigger": trigger}, sell=True
        )
        self.ask("several open", "frontendOpenOrders")
        self.act(
            "leverage",
            {"type": "updateLeverage", "asset": sol, "isCross": False, "leverage": 5},
        )
        self.order("filled", sol, str(round(px["SOL"] * 1.04)), "3", IOC)
        self.order("filled", btc, low, "0.01", IOC, sell=True)
        self.act("modify gone", {"type": "modify", "oid": 5, "order": {**parent, "t": GTC}})
        # Over the hour, so that funding is paid.
        self.wait(30_000)
        self.act("send", {"type": "usdClassTransfer", "amount": "12", "toPerp": False, "nonce": 1})
        self._listen_anew()

    def order(
        self,
        name: str,
        asset: int,
        px: str,
        size: str,
        kind: Row,
        *,
        sell: bool = False,
        **more: Any,
    ) -> None:
        is_trigger = "trigger" in kind
        row = {"a": asset, "b": not sell, "p": px, "s": size, "r": is_trigger, "t": kind, **more}
        self.act(name, {"type": "order", "orders": [row], "grouping": "na"})

    def act(self, name: str, action: Row) -> None:
        self.replies[name].append(self.exchange.act(USER, action, self.now_ms))
        self.wait(BLOCK_MS)

    def wait(self, length_ms: int) -> None:
        """Let time pass and hear what is said."""
        until_ms = self.now_ms + length_ms
        while self.now_ms < until_ms:
            before, self.now_ms = self.now_ms, self.now_ms + BLOCK_MS
            notes = self.floor.advance(self.now_ms)
            for stream, raw in self.floor.due(self._streams, notes, before, self.now_ms):
                self.frames[stream.type].append(json.loads(raw))

    def ask(self, name: str, kind: str) -> None:
        self.replies[name].append(self.answer(kind))

    def answer(self, kind: str, **fields: Any) -> Any:
        """Return the answer to a question about the account."""
        return self.floor.answer(kind, {"type": kind, "user": USER, **fields}, self.now_ms)
