from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.instance.paths import StateDir
from daemon.live.recorder import Recording, record_feed
from daemon.live.startup import Plan
from daemon.replay.player import Player
from market.errors import OperatorError
from tests.daemon import rig
from tests.support import virtual
from tests.venue.local.serving import Clock, serving
from venue.tape.segment import Segment, segments_of
from venue.tape.survey import survey


def plan_for(url: str, ws: str, for_s: float | None, **config: Any) -> Plan:
    network = {"ws_url": ws, "rest_url": url}
    settings = parse({"coins": list(rig.PAIR), "venue": {"testnet": network}, **config}, "test")
    return Plan(settings, "paper", "testnet", StateDir(Path("/nowhere"), "paper-testnet"), for_s)


async def recording(out: Path, for_s: float | None = 2.0, **config: Any) -> Recording:
    async with serving(virtual.world(), clock=Clock(virtual.START_MS + 500)) as venue:
        return await asyncio.wait_for(
            record_feed(plan_for(venue.http, venue.ws, for_s, **config), out), 20
        )


def test_two_seconds_of_a_venue_become_a_tape_that_replays(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "tape"
    summary = asyncio.run(recording(out))
    assert summary.coins == 2 and summary.frames > 30
    found = survey(out)
    assert found.frames == summary.frames and found.segments == 1 and not found.torn
    assert found.mode == "record" and found.coins == list(rig.PAIR)
    assert found.records["seconds"] >= 1 and found.records["feed changes and notices"] == 2
    assert "digests" not in found.records
    (segment,) = segments_of(out)
    kinds = [r.kind for r in segment.records()]
    assert kinds[0] == "H" and kinds[1] == "X" and kinds[-2:] == ["X", "E"]
    assert bytes(segment.header().engine) == b"null"
    result = Player().play(out)
    assert result.recorded_digest is None and result.digest_match is None
    assert result.frames == summary.frames and not result.violations
    player = Player()
    player.play(out)
    assert player.engine is not None
    assert player.engine.market.coins["BTC"].book.version > 10


def test_a_recording_is_ended_in_order_by_a_signal(tmp_path: Path) -> None:
    async def main() -> Recording:
        asyncio.get_running_loop().call_later(0.7, os.kill, os.getpid(), signal.SIGTERM)
        return await recording(tmp_path / "tape", None)

    assert asyncio.run(main()).frames > 0
    assert list(Segment(next((tmp_path / "tape").iterdir())).records())[-1].kind == "E"


def test_an_existing_folder_is_never_recorded_into(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="name a new one"):
        asyncio.run(record_feed(plan_for("http://x", "ws://x", 1.0), tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot be made"):
        asyncio.run(record_feed(plan_for("http://x", "ws://x", 1.0), tmp_path / "file" / "tape"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_coin_that_is_not_listed_stops_the_recording(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not trade"):
        asyncio.run(recording(tmp_path / "tape", coins=["NOPE"]))
