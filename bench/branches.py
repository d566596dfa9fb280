"""Cost of the desks beside the one that trades: processor time and memory of a replay."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.loopback import listen
from bench.market import Stretch, fresh_engine, nowhere, stretch, warm_intake
from bench.result import Figure, Result
from bench.rounds import in_turns, over_rounds, percentile, ratios, settled_gc
from daemon.config.load import parse
from daemon.engine.intake import Intake
from daemon.live.startup import subscriptions
from daemon.replay.player import Player
from daemon.version import code_version
from market.errors import require
from shadow.store.store import Store
from venue.hyperliquid.session import Session
from venue.hyperliquid.universe import load_instruments, source
from venue.tape.importer import Origin, import_recording, open_recording

ROOT = Path(__file__).parents[1]
RECORDINGS = (
    "hyperliquid_rec_20250901_07",
    "hyperliquid_rec_20250903",
    "hyperliquid_rec_20250904",
)
RATIO, MEMORY_MB, LATENCY_RATIO = 1.15, 25.0, 1.1
# Frames a second of the local sender, and for how long.
RATE, SECONDS = 2_000, 4.0
# What a child of its own does, so that nothing else has grown its memory before. What the kernel
# calls the most a process ever held includes its parent's at the fork; `VmHWM` does not.
ALONE = """
import sys
from pathlib import Path
from daemon.replay.player import Player
Player(whole=sys.argv[2] == "without").play(Path(sys.argv[1]))
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


def measure(rounds: int, market: Stretch | None = None, *, seconds: float = SECONDS) -> Result:
    """Replay the shared stretch and the real recordings at hand, with branches and without.

    Then listen to a sender for some seconds a round, likewise.
    """
    market = market or stretch()
    result = Result("Branches: replay with the desk without each limit beside it / without any")
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as name:
        folder = Path(name)
        _cpu(rounds, "world", partial(_from_memory, market), result)
        _memory(rounds, "world", market.write_tape(folder), result)
        data = Path(os.environ.get("GNOMON_DATA", ROOT.parent / "shared" / "data"))
        for recording in RECORDINGS:
            if not (data / recording).is_dir():
                result.counts.append(f"{recording}: not at hand (set GNOMON_DATA)")
                continue
            tape = _imported(data / recording, folder / recording)
            what = recording.removeprefix("hyperliquid_")
            _cpu(rounds, what, partial(_from_tape, tape), result)
            _memory(rounds, what, tape, result)
    _latency(rounds, market, seconds, result)
    result.notes = [
        "both sides make the same decisions and end with the same digest",
        "recordings: as `gnomon replay` does it, with lenses inline and a database; world: the "
        "engine alone, fed from memory",
        "memory: the most that a process which does nothing else ever held",
        f"wire to decision: {RATE:,} best bids and offers a second over a loopback socket, from "
        "the sender's stamp to the end of engine.step, in which branches decide too",
    ]
    return result


# Plays one side and returns the digest and how many branches there were.
Play = Callable[[bool], tuple[str, int]]


def _cpu(rounds: int, what: str, play: Play, result: Result) -> None:
    digest, count = play(True)
    sides = {with_: partial(_timed, play, with_ == "with", digest) for with_ in ("with", "without")}
    spent = in_turns(rounds, sides)
    quotients = ratios(spent["with"], spent["without"])
    result.figures.append(over_rounds(f"{what}, CPU", quotients, "x", must=RATIO, lower=True))
    result.figures.append(over_rounds(f"{what}, CPU without", spent["without"], "s"))
    result.counts.append(f"{what}: {count} branches; digest {digest} with them and without")


def _timed(play: Play, with_branches: bool, digest: str) -> float:
    with settled_gc():
        began = time.process_time()
        found, count = play(with_branches)
        spent = time.process_time() - began
    require(found == digest, f"the digest is {found}, not {digest}")
    require((count > 0) == with_branches, f"there are {count} branches")
    return spent


def _latency(rounds: int, market: Stretch, seconds: float, result: Result) -> None:
    bbo = [raw for raw in market.frames if raw.startswith(b'{"channel":"bbo"')]
    spent: dict[str, dict[str, list[float]]] = {}
    sides = {}
    for side in ("with", "without"):
        warm = warm_intake(market, branches=side == "with")
        spent[side] = {"p50": [], "p99": [], "CPU a frame": []}
        sides[side] = partial(_listened, warm, market.coins, bbo, int(RATE * seconds), spent[side])
    in_turns(rounds, sides)
    for what, musts in (("p50", {}), ("p99", {"must": LATENCY_RATIO}), ("CPU a frame", {})):
        quotients = ratios(spent["with"][what], spent["without"][what])
        name = f"wire to decision, {what}"
        result.figures.append(over_rounds(name, quotients, "x", lower=True, **musts))
        result.figures.append(over_rounds(f"{name} without", spent["without"][what], "us"))


def _listened(
    warm: Intake,
    coins: tuple[str, ...],
    frames: list[bytes],
    count: int,
    spent: dict[str, list[float]],
) -> float:
    heard = listen(warm, coins, frames, asyncio.SelectorEventLoop, RATE, count)
    for what, share in (("p50", 0.5), ("p99", 0.99)):
        spent[what].append(percentile(heard.latencies_us, share))
    spent["CPU a frame"].append(heard.cpu_us)
    return spent["p99"][-1]


def _from_memory(market: Stretch, with_branches: bool) -> tuple[str, int]:
    engine = fresh_engine(market, branches=with_branches)
    intake = Intake(Session(subscriptions(market.coins)), engine, nowhere, nowhere)
    for record in market.records:
        intake.replay(record)
    return engine.digest, len(engine.desks.branches.sides)


def _from_tape(tape: Path, with_branches: bool) -> tuple[str, int]:
    """Replay as the command does: lenses inline, rows and state into a database."""
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as name:
        store = Store(Path(name) / "bench.db", mode="replay", network="local")
        player = Player(store, whole=not with_branches)
        digest = player.play(tape).digest
        store.close()
    assert player.engine is not None
    return digest, len(player.engine.desks.branches.sides)


def _imported(recording: Path, tape: Path) -> Path:
    found = open_recording(recording)
    coins = list(dict.fromkeys(stream.coin for stream in found.streams))
    settings: dict[str, Any] = {"coins": coins}
    config = parse(settings, "bench").resolved()
    import_recording(found, tape, Origin(load_instruments(), source(), config, code_version()))
    return tape


def _memory(rounds: int, what: str, tape: Path, result: Result) -> None:
    found = in_turns(
        min(rounds, 2), {side: partial(_alone, tape, side) for side in ("with", "without")}
    )
    # Of so little, the noise of two processes may be more.
    more = [max(a - b, 0.0) for a, b in zip(found["with"], found["without"], strict=True)]
    figure = over_rounds(f"{what}, more memory", more, "MB", must=MEMORY_MB, lower=True)
    result.figures += [figure, Figure(f"{what}, memory without", min(found["without"]), "MB")]


def _alone(tape: Path, side: str) -> float:
    """Return the most megabytes that a replay in a process of its own held."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tape), side],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return float(done.stdout)
