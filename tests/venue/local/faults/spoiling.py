"""Helpers of the tests of faults: frames, moments, and a fault at work on them."""

from __future__ import annotations

from typing import Any

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing, read
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running, made_of, reply_to
from venue.local.market.frames import encode, frame
from venue.local.market.ladders import packed

LEVEL = {"px": "100.0", "sz": "1.0", "n": 1}
USER = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"


def moment(
    now_ms: int = 0, *, end_ms: int = 5_000, memory: dict[Any, Any] | None = None, draw: float = 0.5
) -> Moment:
    return Moment(now_ms, 0, end_ms, {} if memory is None else memory, draw)


def message(channel: str, data: Any) -> Outgoing:
    return read(frame(channel, data))


def book(coin: str = "BTC", time_ms: int = 1, bid: str = "100.0", **more: Any) -> Outgoing:
    levels = [[{**LEVEL, "px": bid}], [{**LEVEL, "px": "101.0"}]]
    return message("l2Book", {"coin": coin, "time": time_ms, "levels": levels, **more})


def delta(coin: str = "BTC", time_ms: int = 1) -> Outgoing:
    change = {"c": coin, "t": time_ms, "l": [[], []], "r": [[], []]}
    return message("l2", {"c": packed(change)})


def trades(coin: str = "BTC", tid: int = 1) -> Outgoing:
    row = {"coin": coin, "side": "B", "px": "100.0", "sz": "1.0", "time": 5, "tid": tid}
    return message("trades", [row])


def acknowledgement(type_: str = "trades", coin: str = "BTC") -> Outgoing:
    subscription = {"type": type_, "coin": coin}
    return message("subscriptionResponse", {"method": "subscribe", "subscription": subscription})


def pong() -> Outgoing:
    return read(b'{"channel":"pong"}')


def fills(*tids: int, snapshot: bool = False) -> Outgoing:
    rows = [{"coin": "BTC", "tid": tid, "time": tid} for tid in tids]
    data: dict[str, Any] = {"isSnapshot": True} if snapshot else {}
    return message("userFills", {**data, "user": USER, "fills": rows})


def posted(kind: str, payload: Any) -> Outgoing:
    response = {"type": kind, "payload": payload}
    return message("post", {"id": 3, "response": response})


def sent(fault: Fault, *frames: Outgoing, now_ms: int = 0) -> list[Outgoing]:
    """Return what a client gets of frames that a fault is on for."""
    running = Running(Plan((fault,)))
    return [out for one in frames for out in running.frames(1, one, now_ms)]


def payloads(frames: list[Outgoing]) -> list[bytes]:
    return [one.payload for one in frames]


def asked(kind: str, path: str = "/info", **fields: Any) -> Asked:
    body = {"type": kind, **fields}
    return Asked(path, kind, {"action": body} if path == "/exchange" else body)


def answer(fault: Fault, question: Asked, data: Any, now_ms: int = 0) -> Reply:
    """Return the reply a client gets when the venue would say `data`."""
    hit = Running(Plan((fault,))).request(question, now_ms)
    early = reply_to(hit, question)
    return early if early is not None else made_of(hit, question, Reply(200, encode(data)))
