"""Cost of decoding a frame, beside the standard library and pydantic."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, Field, TypeAdapter

from bench.market import Stretch, stretch
from bench.naive import parse
from bench.result import Result
from bench.rounds import cpu_s, in_turns, over_rounds, ratios, settled_gc
from market.errors import require
from venue.hyperliquid import wire

Decode = Callable[[bytes], object]


class _Level(BaseModel):
    px: float
    sz: float


class _Book(BaseModel):
    coin: str
    time: int
    levels: tuple[list[_Level], list[_Level]]
    fast: bool = False


class _Bbo(BaseModel):
    coin: str
    time: int
    bbo: tuple[_Level | None, _Level | None]


class _Trade(BaseModel):
    coin: str
    side: str
    px: float
    sz: float
    time: int
    tid: int


class _Ctx(BaseModel):
    funding: float
    open_interest: float = Field(alias="openInterest")
    oracle_px: float = Field(alias="oraclePx")
    mark_px: float = Field(alias="markPx")
    day_ntl_vlm: float = Field(alias="dayNtlVlm")
    prev_day_px: float = Field(alias="prevDayPx")
    premium: float | None = None


class _Context(BaseModel):
    coin: str
    ctx: _Ctx


class _BookFrame(BaseModel):
    channel: Literal["l2Book"]
    data: _Book


class _BboFrame(BaseModel):
    channel: Literal["bbo"]
    data: _Bbo


class _TradesFrame(BaseModel):
    channel: Literal["trades"]
    data: list[_Trade]


class _ContextFrame(BaseModel):
    channel: Literal["activeAssetCtx"]
    data: _Context


# The union is told apart by the channel, which spares pydantic trying one model after another.
_Frame = Annotated[
    _BookFrame | _BboFrame | _TradesFrame | _ContextFrame, Field(discriminator="channel")
]
_frame: TypeAdapter[_Frame] = TypeAdapter(_Frame)
_untyped = msgspec.json.Decoder()

# The first is what the rest is divided by.
SIDES: dict[str, Decode] = {
    "venue.hyperliquid.wire.decode": wire.decode,
    "json and float()": lambda raw: parse(json.loads(raw)),
    "json, numbers left as text": json.loads,
    "json from str and float()": lambda raw: parse(json.loads(raw.decode())),
    "msgspec untyped and float()": lambda raw: parse(_untyped.decode(raw)),
    "pydantic": _frame.validate_json,
}
MUSTS = {"json and float()": 3.5, "pydantic": 3.5}


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Decode the timed frames with each side in turns."""
    market = market or stretch()
    frames = market.frames
    same_numbers(frames)
    with settled_gc():
        seconds = in_turns(rounds, {name: _work(d, frames) for name, d in SIDES.items()})
    ours, *others = SIDES
    result = Result("Decode: the mixed stream, numbers ready to use", "G13")
    for name in others:
        found = ratios(seconds[name], seconds[ours])
        goal: dict[str, Any] = {}
        if name in MUSTS:
            goal = {"must": MUSTS[name], "stretch": 4.0}
        result.figures.append(over_rounds(f"{name} / ours", found, "x", **goal))
    size = sum(map(len, frames))
    for name, spent in seconds.items():
        rate = [len(frames) / s for s in spent]
        result.figures.append(over_rounds(f"{name}, frames per CPU s", rate))
    for kind in ("bbo", "l2Book", "trades", "activeAssetCtx"):
        part = [raw for raw in frames if raw.startswith(b'{"channel":"%s"' % kind.encode())]
        pair = in_turns(rounds, {name: _work(SIDES[name], part) for name in (ours, others[0])})
        found = ratios(pair[others[0]], pair[ours])
        result.figures.append(
            over_rounds(f"{others[0]} / ours, {kind} ({len(part):,})", found, "x")
        )
    result.counts = [
        f"{len(frames):,} frames, {size / len(frames):.0f} bytes on average; every side's numbers "
        "compared with ours once"
    ]
    return result


def _work(decode: Decode, frames: list[bytes]) -> Callable[[], float]:
    def work() -> None:
        for raw in frames:
            decode(raw)

    return lambda: cpu_s(work)


def same_numbers(frames: list[bytes]) -> None:
    """Raise InvariantBroken unless json and pydantic read the same numbers as we do."""
    for raw in frames:
        ours = wire.decode(raw)
        naive, checked = parse(json.loads(raw)), _frame.validate_json(raw).data
        if isinstance(ours, wire.L2BookFrame) and isinstance(checked, _Book):
            pairs = [[[x.px, x.sz] for x in side] for side in ours.data.levels]
            theirs = [[[x.px, x.sz] for x in side] for side in checked.levels]
            require(pairs == [naive["bids"], naive["asks"]] == theirs, f"{raw[:200]!r}")
        elif isinstance(ours, wire.BboFrame) and isinstance(checked, _Bbo):
            tops = [[[x.px, x.sz]] if x else [] for x in ours.data.bbo]
            theirs = [[[x.px, x.sz]] if x else [] for x in checked.bbo]
            require(tops == [naive["bids"], naive["asks"]] == theirs, f"{raw[:200]!r}")
        elif isinstance(ours, wire.TradesFrame) and isinstance(checked, list):
            prices = [t.px for t in ours.data]
            found = [t["px"] for t in naive["trades"]]
            require(prices == found == [t.px for t in checked], f"{raw[:200]!r}")
        elif isinstance(ours, wire.ContextFrame) and isinstance(checked, _Context):
            marks = ours.data.ctx.mark_px, naive["mark_px"], checked.ctx.mark_px
            require(len(set(marks)) == 1, f"{raw[:200]!r}")
        else:
            require(False, f"sides read different kinds in {raw[:200]!r}")
