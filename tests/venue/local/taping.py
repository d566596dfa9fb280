"""Helpers of the playback tests: frames as the venue sends them, and a tape that holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from market.events import Candle, Candles
from market.instrument import Instrument
from venue.tape.lines import FORMAT, Header, frame_line, record_line, segment_name
from venue.tape.writer import SegmentWriter

START_NS = 1_756_900_000_000_000_000
START_MS = START_NS // 1_000_000
LISTED = [
    Instrument("SOL", 5, 2, 20),
    Instrument("BTC", 0, 5, 40),
    Instrument("OLD", 9, 0, 3, True),
]


def level(px: str, sz: str = "1.0", n: int = 1) -> dict[str, Any]:
    return {"px": px, "sz": sz, "n": n}


def book(after_ms: int, bid: str, ask: str, *, coin: str = "BTC", fast: bool = False) -> bytes:
    data: dict[str, Any] = {
        "coin": coin,
        "time": START_MS + after_ms,
        "levels": [[level(bid), level("99.0")], [level(ask), level("200000.0")]],
    }
    if fast:
        data["fast"] = True
    return json.dumps({"channel": "l2Book", "data": data}).encode()


def bbo(after_ms: int, bid: str | None, ask: str | None) -> bytes:
    sides = [None if px is None else level(px) for px in (bid, ask)]
    data = {"coin": "BTC", "time": START_MS + after_ms, "bbo": sides}
    return json.dumps({"channel": "bbo", "data": data}).encode()


def trades(*rows: tuple[int, str, str, int], coin: str = "BTC") -> bytes:
    """Return a frame of trades given as (ms after the start, price, size, tid)."""
    data = [
        {
            "coin": coin,
            "side": "B",
            "px": px,
            "sz": sz,
            "time": START_MS + after_ms,
            "hash": f"0x{tid:064x}",
            "tid": tid,
            "users": ["0xb", "0xs"],
        }
        for after_ms, px, sz, tid in rows
    ]
    return json.dumps({"channel": "trades", "data": data}).encode()


def context() -> bytes:
    ctx = {
        "funding": "0.0000125",
        "openInterest": "5259.34",
        "prevDayPx": "132.32",
        "dayNtlVlm": "965843.7286000003",
        "premium": "0.0003761389",
        "oraclePx": "128.41",
        "markPx": "128.45",
        "midPx": "128.48",
        "impactPxs": ["128.4583", "128.5099"],
        "dayBaseVlm": "7543.61",
    }
    return json.dumps({"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": ctx}}).encode()


def frame_at(after_ms: float, raw: bytes) -> bytes:
    """Return the line of a frame received so long after the start."""
    return frame_line(raw, START_NS + round(after_ms * 1e6))


def candles_at(after_ms: float, timeframe: str, rows: list[Candle]) -> bytes:
    """Return the line of a reply with candles."""
    ns = START_NS + round(after_ms * 1e6)
    return record_line("R", ns, Candles("BTC", timeframe, rows, ns, ns))


def write_tape(
    folder: Path, *segments: list[bytes], subscriptions: Sequence[dict[str, Any]] = ()
) -> Path:
    """Write a tape of the given segments and return its folder."""
    folder.mkdir(exist_ok=True)
    for number, lines in enumerate(segments):
        header = Header(FORMAT, "test", "paper", "mainnet", 1, number, {}, LISTED, "meta")
        header.subscriptions = list(subscriptions)
        writer = SegmentWriter(folder / segment_name(number, START_NS))
        writer.write(record_line("H", START_NS, header))
        writer.write(b"".join(lines))
        writer.close(record_line("E", START_NS, {"why": "done"}))
    return folder
