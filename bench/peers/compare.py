"""Comparison with the peers: what is run in turns, over the same frames."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.market import stretch
from bench.peers import feed
from bench.peers.peer import Peer
from bench.peers.run import Told, peer_live, run
from market.errors import require

RATE = 2_000
LIVE_S = 4.0
REPLAY = "bench.peers.ours"


@dataclass
class Found:
    """All rounds: replays by side, live runs by side, ours under "ours"."""

    peers: list[Peer]
    replays: dict[str, list[Told]] = field(default_factory=dict)
    live: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def seconds(self, side: str) -> list[float]:
        """Return the CPU seconds of one side's engine by round."""
        return [told.report["cpu_s"] for told in self.replays[side]]


def idle(peer: Peer) -> str:
    """Return the name of a peer's replay with callbacks that do nothing."""
    return f"{peer.name}, idle"


def measure(peers: list[Peer], rounds: int, quotes: int) -> Found:
    """Run all sides in turns over the same frames."""
    found, own = Found(peers), Path(sys.executable)
    market = stretch(1)
    templates = [raw for raw in market.frames if raw.startswith(b'{"channel":"bbo"')]
    start_ms = feed.quote(templates[0])[0]
    with tempfile.TemporaryDirectory(prefix="gnomon-peers-") as name:
        many, few = Path(name) / "replay", Path(name) / "live"
        feed.write(many, feed.restamped(templates, quotes, start_ms))
        feed.write(few, templates)
        replays = _replays(peers, own, many)
        count = int(RATE * LIVE_S)
        order = {"path": str(few), "rate": RATE, "count": count}
        live: dict[str, Callable[[], dict[str, Any]]] = {
            "ours": lambda: run(own, "bench.peers.ours_live", order).report,
            **{
                p.name: partial(peer_live, p.python, f"{p.side}_live", few, RATE, count)
                for p in peers
            },
        }
        for number in range(rounds):
            for side in _turned(list(replays), number):
                found.replays.setdefault(side, []).append(replays[side]())
            same_work(found)
            for side in _turned(list(live), number):
                found.live.setdefault(side, []).append(live[side]())
    return found


def _replays(peers: list[Peer], own: Path, path: Path) -> dict[str, Callable[[], Told]]:
    order = {"path": str(path), "strategies": feed.STRATEGIES, "idle": False}
    sides: dict[str, Callable[[], Told]] = {
        "ours": partial(run, own, REPLAY, {**order, "decoded": True}),
        "frames": partial(run, own, REPLAY, {**order, "decoded": False}),
        "idle": partial(run, own, REPLAY, {**order, "decoded": True, "idle": True}),
        "bare": partial(run, own, REPLAY, {**order, "decoded": True, "strategies": 0}),
    }
    for peer in peers:
        sides[peer.name] = partial(run, peer.python, peer.side, order)
        sides[idle(peer)] = partial(run, peer.python, peer.side, {**order, "idle": True})
    return sides


def _turned(sides: list[str], number: int) -> list[str]:
    first = number % len(sides)
    return sides[first:] + sides[:first]


def same_work(found: Found) -> None:
    """Raise InvariantBroken unless the last replays made the same calls and saw the same."""
    sides = ("ours", "frames", *(peer.name for peer in found.peers))
    last = {side: found.replays[side][-1].report for side in sides}
    for what in ("events", "calls", "crossings"):
        counts = {side: report[what] for side, report in last.items()}
        require(len(set(counts.values())) == 1, f"{what} differ: {counts}")
