from __future__ import annotations

import math

import msgspec
import pytest
from msgspec import Struct

from divisions.bot import Bot
from divisions.lane import Lane, LaneState, vet
from market.decision import BUY, SELL, ExitPlan, Signal


class Params(Struct, frozen=True):
    """Nothing to set."""


class Memory(Struct):
    """One of each kind of number."""

    level: float = 0.0
    seen: int = 0
    path: list[float] = msgspec.field(default_factory=list)


class Plain(Bot[Params, Memory]):
    """Does nothing, remembers something."""

    name = "plain"
    division = "flow"
    params_type = Params
    memory_type = Memory


def make_lane() -> Lane:
    return Lane(Plain(Params()))


def make_signal(side: int = BUY, conviction: float = 0.5, **plan: float) -> Signal:
    """Return a signal that is sound around a mid of 100, but for what is given."""
    sound = {"stop_px": 100.0 - 2.0 * side, "target_px": 100.0 + 3.0 * side, "horizon_ns": 1}
    return Signal("BTC", side, conviction, ExitPlan(**{**sound, **plan}), "because")  # type: ignore[arg-type]


def test_a_lane_goes_by_its_bot() -> None:
    lane = make_lane()
    assert (lane.name, lane.division, lane.fault, lane.faults) == ("plain", "flow", "", 0)


def test_each_coin_has_a_memory_of_its_own_that_lasts() -> None:
    lane = make_lane()
    first = lane.memory("BTC")
    assert isinstance(first, Memory)
    first.seen = 7
    assert lane.memory("BTC") is first
    assert lane.memory("ETH") == Memory()


def test_a_fault_is_kept_in_words_and_counted() -> None:
    lane = make_lane()
    lane.fail(ValueError("stop 0 is not behind"))
    assert lane.fault == "ValueError: stop 0 is not behind"
    lane.fail(ZeroDivisionError("again"))
    assert (lane.fault, lane.faults) == ("ZeroDivisionError: again", 2)


def test_a_re_armed_lane_starts_with_fresh_memories_and_keeps_its_record() -> None:
    lane = make_lane()
    memory = lane.memory("BTC")
    assert isinstance(memory, Memory)
    memory.seen = 7
    lane.fail(ValueError("why"))
    lane.rearm()
    assert lane.fault == ""
    assert lane.memory("BTC") == Memory()
    assert lane.faults == 1


def test_a_lane_comes_back_from_its_written_state() -> None:
    lane = make_lane()
    memory = lane.memory("BTC")
    assert isinstance(memory, Memory)
    memory.level, memory.seen, memory.path = 0.1 + 0.2, 4, [1.0, 1e-300]
    lane.fail(ValueError("why"))
    raw = msgspec.json.encode(lane.state())
    memory.path.append(2.0)
    other = make_lane()
    other.restore(msgspec.json.decode(raw, type=LaneState))
    assert other.memory("BTC") == Memory(0.1 + 0.2, 4, [1.0, 1e-300])
    assert (other.fault, other.faults) == ("ValueError: why", 1)
    assert msgspec.json.encode(other.state()) == raw


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_memory_that_is_not_finite_is_found_and_can_be_written_down(bad: float) -> None:
    for spoil in ("level", "path"):
        lane = make_lane()
        lane.memory("BTC")
        memory = lane.memory("ETH")
        assert lane.check() == ""
        setattr(memory, spoil, bad if spoil == "level" else [1.0, bad])
        assert lane.check() == "ETH"
        state = msgspec.json.decode(msgspec.json.encode(lane.state()), type=LaneState)
        other = make_lane()
        other.restore(state)
        assert repr(other.memory("ETH")) == repr(memory)
        assert other.memory("BTC") == lane.memory("BTC")


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("conviction", [1e-9, 0.5, 1.0])
def test_a_sound_signal_passes(side: int, conviction: float) -> None:
    vet(make_signal(side, conviction), 100.0)
    vet(make_signal(side, conviction, target_px=0.0, trail=1.0), 100.0)


@pytest.mark.parametrize(
    ("signal", "complaint"),
    [
        (make_signal(0, stop_px=98.0), "side"),
        (make_signal(2, stop_px=98.0), "side"),
        (make_signal(conviction=0.0), "conviction"),
        (make_signal(conviction=-0.1), "conviction"),
        (make_signal(conviction=1.0000001), "conviction"),
        (make_signal(conviction=math.nan), "conviction"),
        (make_signal(stop_px=math.nan), "not finite"),
        (make_signal(stop_px=-math.inf), "not finite"),
        (make_signal(target_px=math.inf), "not finite"),
        (make_signal(trail=math.nan), "not finite"),
        (make_signal(stop_px=100.0), "stop 100 is not behind the mid 100"),
        (make_signal(stop_px=101.0), "not behind"),
        (make_signal(SELL, stop_px=99.0), "not behind"),
        (make_signal(stop_px=0.0), "not behind"),
        (make_signal(stop_px=-5.0), "not behind"),
        (make_signal(target_px=100.0), "target 100 is not ahead of the mid 100"),
        (make_signal(target_px=99.0), "not ahead"),
        (make_signal(SELL, target_px=101.0), "not ahead"),
        (make_signal(target_px=-1.0), "not ahead"),
        (make_signal(horizon_ns=0), "horizon"),
        (make_signal(horizon_ns=-1), "horizon"),
        (make_signal(trail=-0.1), "trail"),
    ],
)
def test_a_signal_that_no_gate_could_judge_is_the_bots_error(
    signal: Signal, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        vet(signal, 100.0)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("error", [ValueError("half \ud800 a pair"), Mute()])
def test_a_fault_can_always_be_written_down(error: Exception) -> None:
    lane = make_lane()
    lane.fail(error)
    assert lane.fault.encode() and type(error).__name__ in lane.fault
