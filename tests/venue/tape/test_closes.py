from __future__ import annotations

from pathlib import Path

import pytest

from daemon.engine import snapshot
from tests.daemon import rig
from tests.support import virtual
from venue.tape.closes import closes, timed_closes


@pytest.fixture(scope="module")
def made() -> rig.Scene:
    """Return a run of three minutes. Only to be read."""
    scene = rig.Scene(coins=rig.PAIR)
    scene.advance(180)
    return scene


@pytest.mark.parametrize("whole", [False, True], ids=["nothing", "an engine without bars"])
def test_the_first_segment_has_the_bars_the_venue_answered_with(
    whole: bool, made: rig.Scene, tmp_path: Path
) -> None:
    run, begun = made.run, virtual.begin(coins=rig.PAIR)
    header = begun.header_line(snapshot.whole(begun.engine) if whole else b"null")
    rig.write_segment(tmp_path, header, run.lines)
    found = closes(tmp_path, "5m")
    assert set(found) == set(rig.PAIR)
    for name, timed in timed_closes(tmp_path, "5m").items():
        bars = run.engine.market.coins[name].bars.series["5m"]
        assert timed.newest_ms in bars.start_ms[-2:]
        assert timed.prices[-1] == bars.close[bars.start_ms.index(timed.newest_ms)]
    for name, series in found.items():
        mine = run.engine.market.coins[name].bars.series["5m"].close
        # The last one may have closed since.
        assert series[-50:] == mine[-51:-1] or series[-50:] == mine[-50:]


def test_a_later_segment_has_the_engine_s_own_bars(made: rig.Scene, tmp_path: Path) -> None:
    run = made.run
    header = run.header_line(snapshot.whole(run.engine))
    rig.write_segment(tmp_path, header, [])
    found = closes(tmp_path, "1m")
    minutes = run.engine.market.coins["BTC"].bars.series["1m"]
    assert found["BTC"] == minutes.close
    assert timed_closes(tmp_path, "1m")["BTC"] == (minutes.close, minutes.start_ms[-1])


def test_a_segment_that_has_only_just_begun_leaves_it_to_the_one_before(
    made: rig.Scene, tmp_path: Path
) -> None:
    run = made.run
    header = run.header_line(snapshot.whole(run.engine))
    path = rig.write_segment(tmp_path, header, [])
    (tmp_path / f"9{path.name[1:]}").write_bytes(path.read_bytes()[:40])
    assert closes(tmp_path, "5m")["ETH"] == run.engine.market.coins["ETH"].bars.series["5m"].close


def test_no_tape_is_no_error(tmp_path: Path) -> None:
    assert closes(tmp_path / "none", "5m") == {}
