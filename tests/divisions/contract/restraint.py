"""What a bot may look at and must leave alone."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import msgspec

from divisions.lane import Lane
from divisions.roster import BotClass
from market.coin import Coin
from market.decision import ExitCall, Signal
from market.events import TIMEFRAME_MS, Print
from market.view import View
from tests.divisions.contract.showings import Bots, assert_sound, lanes, part, reference, warm
from tests.support.lively import instruments
from tests.support.market import candle
from tests.support.stage import Hook, Stage


class Watch:
    """Repeats some calls on copies: does a hook change what it is shown, or read forming bars?"""

    def __init__(self, every: dict[str, int], wanted: dict[str, set[int]]) -> None:
        self.calls: dict[str, int] = {}
        self.checked: dict[str, int] = {}
        self.changed: set[str] = set()
        self.peeked: set[str] = set()
        self.every, self.wanted = every, wanted

    @classmethod
    def of(cls, bots: Bots) -> Watch:
        """Repeat the calls that led to the first actions, and some twenty of the others."""
        seen = reference(bots)
        every = {bot.name: max(1, seen.calls[i] // 20) for i, bot in enumerate(bots)}
        wanted = {bot.name: {h.call for h in seen.heard[i][:8]} for i, bot in enumerate(bots)}
        return cls(every, wanted)

    def __call__(
        self, lane: Lane, hook: Hook, arguments: tuple[Any, ...]
    ) -> Signal | ExitCall | None:
        name = lane.name
        count = self.calls[name] = self.calls.get(name, 0) + 1
        if count not in self.wanted[name] and count % self.every[name]:
            return hook(*arguments)
        if self.checked.get(name, 0) >= 25:
            return hook(*arguments)
        self.checked[name] = self.checked.get(name, 0) + 1
        memory, coin, view, *rest = arguments
        for other in view.coins.values():
            # Merging levels is the book's own bookkeeping.
            other.book.bids()
        before = msgspec.msgpack.encode(view)
        twin = msgspec.convert(msgspec.to_builtins(memory), type(memory))
        action = hook(*arguments)
        if msgspec.msgpack.encode(view) != before:
            self.changed.add(name)
        copies = msgspec.msgpack.decode(before, type=View)
        for other in copies.coins.values():
            spoil_forming(other)
        again = hook(twin, copies.coins[coin.name], copies, *rest)
        if repr(again) != repr(action) or twin != memory:
            self.peeked.add(name)
        return action


def spoil_forming(coin: Coin) -> None:
    bars = coin.bars
    start = bars.series["1m"].start_ms
    at = (start[-1] if start else 0) + 60_000
    bars.minute = candle(at, 1e9, low=1e-9, volume=1e12)
    bars.early = []
    bars.on_print(Print(at + 60_000, 1e-9, 1e12, -1))
    bars.forming = {tf: candle(at, 1e9, low=1e-9, volume=1e12) for tf in TIMEFRAME_MS}


@cache
def watched(bots: Bots) -> tuple[Stage, Watch]:
    watch = Watch.of(bots)
    return Stage(lanes(bots), instruments(), watch).play(warm()), watch


@part("restraint")
def a_hook_changes_nothing_it_is_shown(bots: Bots, cls: BotClass) -> None:
    stage, watch = watched(bots)
    assert_sound(bots, stage, cls)
    assert watch.checked[cls.name] >= 8
    assert cls.name not in watch.changed


@part("restraint")
def bars_that_are_still_forming_are_not_read(bots: Bots, cls: BotClass) -> None:
    stage, watch = watched(bots)
    assert_sound(bots, stage, cls)
    assert cls.name not in watch.peeked


@part("restraint")
def no_signal_is_given_without_a_trustworthy_book(bots: Bots, cls: BotClass) -> None:
    """A plan is made from the mid, and a mid that nobody quotes is no price."""
    if cls.feeds() == ("book",):
        return
    stage, told, spoke = blinded(bots)
    assert_sound(bots, stage, cls)
    assert told[cls.name] > 0
    assert spoke[cls.name] == 0


@cache
def blinded(bots: Bots) -> tuple[Stage, Counter[str], Counter[str]]:
    """Repeat every call that led to a signal with the book out of trust, on a copied memory."""
    speaking = {
        cls.name: {h.call for h in reference(bots).heard[i] if isinstance(h.action, Signal)}
        for i, cls in enumerate(bots)
    }
    calls: Counter[str] = Counter()
    told: Counter[str] = Counter()
    spoke: Counter[str] = Counter()

    def blind(lane: Lane, hook: Hook, arguments: tuple[Any, ...]) -> Signal | ExitCall | None:
        memory, coin, view, *rest = arguments
        calls[lane.name] += 1
        # Books are shown to bots only when they can be trusted.
        if calls[lane.name] in speaking[lane.name] and hook != lane.bot.on_book:
            twin = msgspec.convert(msgspec.to_builtins(memory), type(memory))
            coin.book.ok = False
            told[lane.name] += 1
            spoke[lane.name] += isinstance(hook(twin, coin, view, *rest), Signal)
            coin.book.ok = True
        return hook(*arguments)

    return Stage(lanes(bots), instruments(), blind).play(warm()), told, spoke
