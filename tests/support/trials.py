"""Bot that can be tuned, on the real engine, for trials of it."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bot, plan
from market.coin import Coin
from market.decision import BUY, Signal
from market.events import TradesUpdate
from market.view import View
from shadow.store.rows import day_of
from shadow.store.tables.weights import ReturnRow
from tests.support.learning import DAY_MS, HOUR_MS
from tests.support.shadow import T0_MS, Stage


class DialParams(Struct, frozen=True):
    """Length of a hold, and whether the bot raises."""

    hold_s: Annotated[int, Meta(ge=1, le=10_000)] = 60
    breaks: Annotated[int, Meta(ge=0, le=1)] = 0


class Count(Struct):
    """Number of events heard."""

    calls: int = 0


class Dial(Bot[DialParams, Count]):
    """Bot that buys at every print and holds for a while."""

    name = "dial"
    division = "trend"
    params_type = DialParams
    memory_type = Count
    search: ClassVar[dict[str, tuple[float, ...]]] = {"hold_s": (30, 60, 600), "breaks": (0, 1)}

    def on_trades(
        self, memory: Count, coin: Coin, view: View, update: TradesUpdate
    ) -> Signal | None:
        memory.calls += 1
        if self.params.breaks and memory.calls > 1:
            raise RuntimeError("tuned to break")
        exits = plan(coin, BUY, stop=2.0, horizon_s=self.params.hold_s)
        return Signal(coin.name, BUY, 0.5, exits, "always")


def stage_of(**options: Any) -> Stage:
    """Return a stage with the bot."""
    return Stage(bots=[Dial(DialParams())], **options)  # type: ignore[list-item]


def begin(name: str = "hold_s", value: float = 600, trial_id: int = 1, **detail: Any) -> str:
    """Return the argument that begins a trial."""
    start = {"trial_id": trial_id, "bot": "dial", "name": name, "value": value, "detail": detail}
    return json.dumps({"start": start})


def end(decision: str = "revert", trial_id: int = 1, **result: Any) -> str:
    """Return the argument that ends a trial."""
    told = {"trial_id": trial_id, "decision": decision, "naive_decision": "keep", "result": result}
    return json.dumps({"end": told})


def round_trip(stage: Stage, moves: tuple[float, float]) -> None:
    """Show a print, and where the mid is when the short and when the long hold ends."""
    stage.book()
    stage.step(TradesUpdate("SOL", []))
    stage.books(2)
    for seconds, move in ((80, moves[0]), (560, moves[1])):
        stage.books(seconds, 100.0 + move, every=20)


def season(stage: Stage, days: range, moves: list[tuple[float, float]]) -> None:
    """Trade at noon of every day."""
    for day, move in zip(days, moves, strict=True):
        stage.wait_until(day * DAY_MS + 12 * HOUR_MS)
        round_trip(stage, move)


def past(days: int, r_e6: int = -10_000) -> list[ReturnRow]:
    """Return a bot's bad past before the first day."""
    rows = []
    for i in range(days):
        day = day_of(T0_MS - (i + 1) * DAY_MS)
        rows.append(ReturnRow(day, day, "dial", "trend", r_e6 * (1 + i % 3), 2))
    return rows
