"""The comparison with other engines, as far as it goes without them: feeding, counting, reading."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.peers import __main__ as command
from bench.peers import compare, feed, ours, ours_live
from bench.peers.run import SideFailed, Told, run, timed
from daemon.config.load import parse
from daemon.engine.factory import build_engine
from market.errors import InvariantBroken
from tests.support import environment as environments
from venue.hyperliquid.universe import load_instruments

START_MS = 1_795_428_129_825


def template(bid: float, ask: float) -> bytes:
    data = {
        "coin": "BTC",
        "time": 5,
        "bbo": [{"px": f"{px}", "sz": "1.5", "n": 2} for px in (bid, ask)],
    }
    return json.dumps({"channel": "bbo", "data": data}, separators=(",", ":")).encode()


TEMPLATES = [template(100.0 + i % 7, 101.0 + i % 7) for i in range(40)]


def written(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "frames"
    feed.write(path, feed.restamped(TEMPLATES, count, START_MS))
    return path


def expected(count: int) -> int:
    """Count crossings as the strategies' description says, without either engine."""
    fast = slow = 100.5
    above, crossings = False, 0
    for i in range(1, count):
        mid = 100.5 + i % len(TEMPLATES) % 7
        fast += 2 / 13 * (mid - fast)
        slow += 2 / 27 * (mid - slow)
        crossings += (fast > slow) is not above
        above = fast > slow
    return crossings


def test_frames_are_fed_over_and_over_with_rising_times(tmp_path: Path) -> None:
    raws = feed.read(written(tmp_path, 90))
    times = [feed.quote(raw)[0] for raw in raws]
    assert times == [START_MS + i * feed.STEP_MS for i in range(90)]
    _, bid, ask = feed.quote(raws[43])
    assert (bid.px, bid.sz, ask.px) == (103.0, 1.5, 104.0)


@pytest.mark.parametrize("decoded", [True, False])
def test_our_side_makes_every_callback_and_counts_what_is_there(
    tmp_path: Path, decoded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "settle_gc", lambda: None)
    path = str(written(tmp_path, 450))
    told = ours.replay({"path": path, "decoded": decoded, "strategies": 3, "idle": False})
    assert (told["events"], told["calls"]) == (450, 3 * 450)
    assert told["crossings"] == 3 * expected(450) > 0


def test_each_bot_has_its_turn_and_no_other() -> None:
    turns = [
        (number, strategy)
        for number in range(1, 27 * feed.ORDER_EVERY + 1)
        for strategy in range(feed.STRATEGIES)
        if not number % feed.ORDER_EVERY and feed.is_turn(number, strategy)
    ]
    numbers = [number for number, _ in turns]
    assert numbers == list(range(feed.ORDER_EVERY, 27 * feed.ORDER_EVERY + 1, feed.ORDER_EVERY))
    assert sorted({strategy for _, strategy in turns}) == list(range(feed.STRATEGIES))


def test_the_copies_take_the_place_of_the_bots() -> None:
    instruments = {feed.COIN: load_instruments()[feed.COIN]}
    engine = ours.crewed(
        build_engine(parse(ours_live.CONFIG, "test"), instruments), ours_live.Trader
    )
    assert len(engine.market.lanes) == feed.STRATEGIES
    assert {lane.name for lane in engine.market.lanes.values()} == set(engine.market.lanes)


def test_a_clock_around_a_call_changes_nothing_but_the_waits() -> None:
    waits: list[float] = []
    assert ours_live.clocked(max, waits)(3, 5) == 5
    assert len(waits) == 1
    assert waits[0] > 0.0


def test_waits_are_counted_from_the_stamp_of_the_quote_itself() -> None:
    report = timed(
        {"quotes_ns": [1_500, 12_000, 23_000], "orders": [[2, 15_000]]}, [1_000, 10_000, 20_000]
    )
    assert report["quote_us"] == [0.5, 2.0, 3.0]
    assert report["order_us"] == [5.0]
    with pytest.raises(ValueError, match="longer"):
        timed({"quotes_ns": [1_500], "orders": []}, [1_000, 10_000])


def told(cpu_s: float, crossings: int = 7) -> Told:
    report = {"events": 100, "calls": 2_600, "crossings": crossings, "cpu_s": cpu_s}
    return Told(report, cpu_s + 1.0, 50.0)


def found(peer_crossings: int = 7) -> compare.Found:
    live: dict[str, Any] = {"events": 10, "skipped": 0, "admitted": 2, "cpu_us": 30.0}
    replays = {
        "ours": [told(2.0)],
        "frames": [told(2.5)],
        "idle": [told(1.0)],
        "bare": [told(0.5)],
        "idle peer": [told(6.0)],
        "peer": [told(9.0, peer_crossings)],
    }
    mine = {
        **live,
        "quote_us": [50.0],
        "order_us": [90.0, 100.0, 110.0],
        "admission_us": [40.0],
        "gate_us": [20.0],
    }
    theirs = {**live, "quote_us": [60.0], "order_us": [400.0], "cpu_us": 60.0}
    return compare.Found(replays, [mine], [theirs])


def test_ratios_are_held_against_the_goals() -> None:
    results = compare.results(found())
    heads = {result.goal: result.figures[0] for result in results.values()}
    assert {goal: (f.value, f.must, f.met) for goal, f in heads.items()} == {
        "G1": (4.5, 4.0, True),
        "G2": (3.6, 3.0, True),
        "G4": (0.3, 0.35, True),
        "G6": (0.25, 0.30, True),
        "G10": (0.5, 0.40, False),
    }
    assert results["quotes"].value("ours, without strategies") == pytest.approx(5_000.0)


def test_sides_that_saw_something_else_are_not_compared() -> None:
    compare.same_work(found())
    with pytest.raises(InvariantBroken, match="crossings differ"):
        compare.same_work(found(peer_crossings=8))


def test_a_side_that_fails_says_why() -> None:
    with pytest.raises(SideFailed, match="no_such_side"):
        run(Path(sys.executable), "bench.peers.no_such_side", {})


def test_without_the_peer_it_says_so_once_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(command: list[str], **_: object) -> None:
        if "pip" in command:
            raise subprocess.CalledProcessError(1, command, stderr="WARNING\nERROR: no network")

    monkeypatch.setattr(environments.subprocess, "run", fails)
    monkeypatch.setattr(command, "ENVIRONMENT", tmp_path / "none")
    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("measured without the peer"))
    command.main([])
    said = capsys.readouterr().out
    assert said.count("SKIPPED, nautilus_trader cannot be installed here: ERROR: no network") == 1


def test_the_lock_pins_the_peer_with_hashes_and_names_no_host() -> None:
    text = command.LOCK.read_text()
    assert command.pinned() == "nautilus_trader 1.221.0"
    assert "--hash=sha256:" in text
    assert "://" not in text
