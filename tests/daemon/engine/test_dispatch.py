from __future__ import annotations

from typing import Any

from daemon.engine.dispatch import Subscribers
from divisions.bot import Bot
from divisions.lane import Lane
from tests.daemon.rig import Count, NoParams, probe


class Bars(Bot[NoParams, Count]):
    """Hears bars of two timeframes, nothing else."""

    name = "bars"
    division = "trend"
    timeframes = ("1m", "5m")
    params_type = NoParams
    memory_type = Count

    def on_bar(self, memory: Count, coin: Any, view: Any, timeframe: str) -> None:
        memory.calls += 1


def lanes() -> list[Lane]:
    return [probe(lambda m, c, v: None), Lane(Bars(NoParams()))]


def names(hooks: Any) -> list[str]:
    return [lane.name for _, _, lane in hooks]


def test_only_who_asked_for_a_kind_hears_it() -> None:
    found = Subscribers(lanes(), ["BTC", "ETH"])
    assert names(found.book["BTC"]) == names(found.book["ETH"]) == ["probe"]
    assert names(found.trades["BTC"]) == names(found.context["BTC"]) == []
    assert names(found.bars["BTC", "1m"]) == names(found.bars["ETH", "5m"]) == ["bars"]
    assert ("BTC", "1h") not in found.bars


def test_each_lane_gets_its_own_memory_of_the_coin() -> None:
    every = lanes()
    found = Subscribers(every, ["BTC", "ETH"])
    hook, memory, lane = found.bars["ETH", "5m"][0]
    hook(memory, None, None, "5m")
    assert lane.memory("ETH").calls == 1 and lane.memory("BTC").calls == 0  # type: ignore[attr-defined]
    assert found.bars["ETH", "1m"][0][1] is memory, "one memory for all timeframes"


def test_a_faulted_lane_hears_nothing() -> None:
    every = lanes()
    every[0].fail(RuntimeError("x"))
    every[1].fail(RuntimeError("x"))
    found = Subscribers(every, ["BTC"])
    assert found.book["BTC"] == () and not found.bars
    every[1].rearm()
    assert names(Subscribers(every, ["BTC"]).bars["BTC", "1m"]) == ["bars"]
