from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lies import Sound, lied, sound_history

MOVED = "UPDATE rollup SET day = '2025-08-30' WHERE filter = '{}' AND mode = '{}' AND scope = '{}'"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return sound_history(tmp_path_factory.mktemp("rollup"))


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("rollup of limit/enforce/sole/alpha/2025-08-30", MOVED.format("limit", "enforce", "sole")),
        ("rollup of /admit/twin/alpha/2025-08-30", MOVED.format("", "admit", "twin")),
        ("rollup of /score/limits/alpha/2025-08-30", MOVED.format("", "score", "limits")),
        (
            "rollup of cap/enforce/clamped",
            "UPDATE rollup SET net_e6 = net_e6 + 1 WHERE scope = 'clamped'",
        ),
        (
            "rollup of limit/enforce/sole/alpha/2025-09-01 counts",
            "UPDATE rollup SET signals = signals + 1 WHERE filter = 'limit' AND scope = 'sole'",
        ),
        (
            "a trade has a day outside its life",
            "UPDATE trade_day SET day = '2025-08-30' WHERE trade_id = 4 * :sole + 2",
        ),
        (
            "a twin's days differ from its trade's",
            "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1 WHERE trade_id = 4 * :admitted",
        ),
    ],
)
def test_a_day_that_its_trades_do_not_make_is_found(
    sound: Sound, tmp_path: Path, words: str, script: str
) -> None:
    found = lied(sound, tmp_path, script)
    assert any(line.startswith(words) for line in found), found


FORGOTTEN = (
    "INSERT OR REPLACE INTO about VALUES ('pruned_before_ns', '1956684800000000000');"
    "DELETE FROM check_result; DELETE FROM signal;"
)


def test_without_its_signals_a_day_is_held_against_its_trades_alone(
    sound: Sound, tmp_path: Path
) -> None:
    tidy = FORGOTTEN + "UPDATE state SET value = value WHERE key = 'desk'"
    assert not [x for x in lied(sound, tmp_path, tidy) if x.startswith("rollup of")]
    for mode, scope in (("admit", "twin"), ("score", "limits")):
        lie = f"UPDATE rollup SET net_e6 = net_e6 + 1 WHERE mode = '{mode}' AND scope = '{scope}'"
        found = lied(sound, tmp_path, FORGOTTEN + lie)
        assert any(line.startswith(f"rollup of {mode}/") for line in found), found
