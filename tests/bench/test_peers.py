"""The comparison with other engines, as far as it goes without them: feeding, counting, reading."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.peers import __main__ as command
from bench.peers import compare, feed, figures, log, ours, ours_live, peer
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


TEMPLATES = [template(round(100 + i % 7 / 10, 1), round(100.1 + i % 7 / 10, 1)) for i in range(40)]


def written(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "frames"
    feed.write(path, feed.restamped(TEMPLATES, count, START_MS))
    return path


def expected(count: int) -> int:
    """Count crossings as the strategies' description says, without either engine."""
    fast = slow = 100.05
    above, crossings = False, 0
    for i in range(1, count):
        step = i % len(TEMPLATES) % 7
        mid = 0.5 * (round(100 + step / 10, 1) + round(100.1 + step / 10, 1))
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
    assert (bid.px, bid.sz, ask.px) == (100.3, 1.5, 100.4)


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


def test_a_peers_log_counts_cpu_from_its_first_quote_and_knows_each_orders_quote() -> None:
    noted = log.Log(2, 0)
    noted.quote()
    noted.numbers["a"] = 1
    noted.order("a")
    assert not noted.over.is_set()
    noted.quote()
    assert noted.over.is_set()
    report = noted.report()
    (first, second), [(number, at)] = report["quotes_ns"], report["orders"]
    assert (report["events"], number) == (2, 1)
    assert first <= at <= second
    assert report["cpu_us"] > 0.0


ONE = peer.Peer("nautilus 1 on 3.11", Path("one"), "bench.peers.nautilus")
SAME_LATER = peer.Peer("nautilus 1 on 3.13", Path("later"), "bench.peers.nautilus", goals=False)
TWO = peer.Peer("nautilus 2 on 3.13", Path("two"), "bench.peers.nautilus_2")


def told(cpu_s: float, crossings: int = 7) -> Told:
    report = {"events": 100, "calls": 2_600, "crossings": crossings, "cpu_s": cpu_s}
    return Told(report, cpu_s + 1.0, 50.0)


def found(crossings: int = 7) -> compare.Found:
    """Return one round: version 2 takes half the CPU and half the time of version 1."""
    live: dict[str, Any] = {"events": 10, "skipped": 0, "admitted": 2, "cpu_us": 30.0}
    mine = {
        **live,
        "quote_us": [50.0],
        "order_us": [90.0, 100.0, 110.0],
        "admission_us": [40.0],
        "gate_us": [20.0],
    }
    theirs = {**live, "quote_us": [60.0], "order_us": [400.0], "cpu_us": 60.0}
    return compare.Found(
        [ONE, SAME_LATER, TWO],
        {
            "ours": [told(2.0)],
            "frames": [told(2.5)],
            "idle": [told(1.0)],
            "bare": [told(0.5)],
            ONE.name: [told(9.0)],
            compare.idle(ONE): [told(6.0)],
            SAME_LATER.name: [told(8.0)],
            compare.idle(SAME_LATER): [told(6.0)],
            TWO.name: [told(4.5, crossings)],
            compare.idle(TWO): [told(3.0)],
        },
        {
            "ours": [mine],
            ONE.name: [theirs],
            SAME_LATER.name: [theirs],
            TWO.name: [{**theirs, "order_us": [200.0], "cpu_us": 100.0}],
        },
    )


def test_ratios_are_held_against_the_goals_beside_each_version_once() -> None:
    results = figures.results(found())
    goals = {
        (result.goal, figure.what): (pytest.approx(figure.value), figure.must, figure.met)
        for result in results.values()
        for figure in result.figures
        if figure.must is not None
    }
    one, two = ONE.name, TWO.name
    assert goals == {
        ("G1", f"{one} / ours, CPU"): (4.5, 4.0, True),
        ("G1", f"{two} / ours, CPU"): (2.25, 4.0, False),
        ("G2", f"{one} / ours, CPU"): (3.6, 3.0, True),
        ("G2", f"{two} / ours, CPU"): (1.8, 3.0, False),
        ("G4", f"ours / {one}, CPU"): (0.3, 0.35, True),
        ("G4", f"ours / {two}, CPU"): (3.0 / 5.5, 0.35, False),
        ("G6", f"ours / {one}, p50"): (0.25, 0.30, True),
        ("G6", f"ours / {two}, p50"): (0.5, 0.30, False),
        ("G10", f"ours / {one}, CPU"): (0.5, 0.40, False),
        ("G10", f"ours / {two}, CPU"): (0.3, 0.40, True),
    }
    quotes = results["quotes"]
    assert quotes.value(f"{SAME_LATER.name} / ours, CPU") == pytest.approx(4.0)
    assert quotes.value("ours, without strategies") == pytest.approx(5_000.0)


def test_sides_that_saw_something_else_are_not_compared() -> None:
    compare.same_work(found())
    with pytest.raises(InvariantBroken, match=r"crossings differ.*nautilus 2 on 3\.13': 8"):
        compare.same_work(found(crossings=8))


def test_a_side_that_fails_says_why() -> None:
    with pytest.raises(SideFailed, match="no_such_side"):
        run(Path(sys.executable), "bench.peers.no_such_side", {})


def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, works: str = "") -> None:
    """Let pip fail for every lock but the one named; nothing is written in the tree."""

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "pip" in command and not (works and command[-1].endswith(works)):
            raise subprocess.CalledProcessError(1, command, stderr="WARNING\nERROR: no network")
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(environments.subprocess, "run", answer)
    wanted = tuple(replace(w, folder=tmp_path / w.folder.name) for w in peer.WANTED)
    monkeypatch.setattr(peer, "WANTED", wanted)


def test_without_any_peer_it_says_so_once_for_each_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_network(monkeypatch, tmp_path)
    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("measured without a peer"))
    command.main(["--later", sys.executable])
    said = capsys.readouterr().out
    assert said.count("SKIPPED, nautilus_trader cannot be installed here: ERROR: no network") == 3


def test_a_peer_that_cannot_be_had_is_named_as_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network(monkeypatch, tmp_path, works=peer.FIRST.name)
    said: list[str] = []
    there, absent = peer.peers("no-such-python", said.append)
    assert [(p.side, p.python.parent.parent.name) for p in there] == [
        ("bench.peers.nautilus", ".venv-peers")
    ]
    assert absent == ["nautilus 1.221.0 on Python 3.13", "nautilus 2.0.0rc7 on Python 3.13"]
    skipped = [text for text in said if "SKIPPED" in text]
    assert all(text.endswith("no-such-python is no Python 3.13") for text in skipped)
    assert len(skipped) == 2


def test_the_page_says_no_path_of_the_later_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PAGE", tmp_path / "PEERS.md")
    monkeypatch.setattr(command, "peers", lambda *_: ([ONE, SAME_LATER, TWO], ["nautilus 3"]))
    monkeypatch.setattr(command, "measure", lambda *_: found())
    command.main(["--rounds", "1", "--later=/somewhere/bin/python3.13", "--write"])
    page = command.PAGE.read_text()
    assert "`python -m bench.peers --rounds 1 --later=python3.13 --write`" in page
    assert "nautilus 2 on 3.13, nautilus 3 (NOT MEASURED), gnomon" in page


@pytest.mark.parametrize("wanted", peer.WANTED, ids=lambda wanted: wanted.folder.name)
def test_the_lock_pins_the_peer_with_hashes_and_names_no_host(wanted: peer.Wanted) -> None:
    text = wanted.lock.read_text()
    assert wanted.pinned() in ("1.221.0", "2.0.0rc7")
    assert "--hash=sha256:" in text
    assert "://" not in text
