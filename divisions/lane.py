"""Lane: a bot's runtime, with its memories and a barrier that faults it alone when it raises."""

from __future__ import annotations

from collections import deque
from math import isfinite
from traceback import format_exception_only
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from divisions.bot import Bot
from market.decision import Signal

# Whether a bot's signals may be admitted, or are all blocked by the pseudo-filter `stage`.
Stage = Literal["admit", "shadow"]


class LaneState(Struct):
    """Written state of a lane: memories by coin as plain data, and its health.

    `fault` is the error that stopped it, "" while healthy.
    """

    memories: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    faults: int = 0


class Lane:
    """One bot at work."""

    def __init__(self, bot: Bot[Any, Any], stage: Stage = "admit") -> None:
        self.bot = bot
        self.stage = stage
        self.name = bot.name
        self.division = bot.division
        self.memories: dict[str, Struct] = {}
        self.fault = ""
        self.faults = 0

    def memory(self, coin: str) -> Struct:
        """Return the bot's memory of a coin, a fresh one the first time."""
        found = self.memories.get(coin)
        if found is None:
            found = self.memories[coin] = self.bot.memory_type()
        return found

    def fail(self, error: Exception) -> None:
        """Take the bot out of service with the reason."""
        # Even of an exception that fails to tell its own message.
        text = "".join(format_exception_only(error)).strip()
        # Half a surrogate pair could be written nowhere.
        self.fault = text.encode(errors="backslashreplace").decode()
        self.faults += 1

    def rearm(self) -> None:
        """Put a faulted bot back into service with fresh memories."""
        self.fault = ""
        self.memories.clear()

    def check(self) -> str:
        """Return the coin whose memory holds a number that is not finite, "" when none does.

        Nothing a bot computes from it would ever be finite again, and no state may hold it.
        """
        return next((coin for coin, m in self.memories.items() if not is_finite(m)), "")

    def state(self) -> LaneState:
        """Return everything needed to take up again from here."""
        memories = {coin: _written(msgspec.to_builtins(m)) for coin, m in self.memories.items()}
        return LaneState(memories, self.fault, self.faults)

    def restore(self, state: LaneState) -> None:
        """Take up from a written state."""
        self.memories = {
            # Not strict, because a number that is not finite is written as a word.
            coin: msgspec.convert(plain, self.bot.memory_type, strict=False)
            for coin, plain in state.memories.items()
        }
        self.fault = state.fault
        self.faults = state.faults


def is_finite(value: object) -> bool:
    """Say whether every number within a memory is finite."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, Struct):
        return all(is_finite(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, dict):
        return all(is_finite(v) for v in value.values())
    if isinstance(value, list | tuple | deque):
        return all(is_finite(v) for v in value)
    return True


def _written(plain: Any) -> Any:
    """Return plain data in which numbers that JSON does not have are words for them."""
    if isinstance(plain, float):
        return plain if isfinite(plain) else repr(plain)
    if isinstance(plain, dict):
        return {name: _written(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_written(value) for value in plain]
    return plain


def vet(signal: Signal, mid: float) -> None:
    """Raise ValueError for a signal that no gate could judge: a bot's error, not a market's."""
    plan = signal.plan
    if signal.side not in (1, -1):
        raise ValueError(f"side must be 1 or -1, got {signal.side}")
    if not 0.0 < signal.conviction <= 1.0:
        raise ValueError(f"conviction must be in (0, 1], got {signal.conviction}")
    if not (isfinite(plan.stop_px) and isfinite(plan.target_px) and isfinite(plan.trail)):
        raise ValueError("exit plan holds a number that is not finite")
    if signal.side * (mid - plan.stop_px) <= 0.0 or plan.stop_px <= 0.0:
        raise ValueError(f"stop {plan.stop_px:g} is not behind the mid {mid:g}")
    if plan.target_px and signal.side * (plan.target_px - mid) <= 0.0:
        raise ValueError(f"target {plan.target_px:g} is not ahead of the mid {mid:g}")
    if plan.horizon_ns <= 0 or plan.trail < 0.0:
        raise ValueError("horizon must be positive and trail not negative")
