from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shadow.store.store import Store
from tests.support.lies import Sound, lied, more, promises, sound_history
from tests.support.shadow import history_stage, tell_history

MILLION = 1_000_000_000_000

# The marker that a look for old rows leaves, whether anything was old or not.
MARKED = "INSERT OR REPLACE INTO about VALUES ('pruned_before_ns', '1');"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return sound_history(tmp_path_factory.mktemp("desk"))


STOPPED = (
    "UPDATE state SET value = json_set(value, '$.stopped', json('{\"alpha|SOL\": 5}'))"
    " WHERE key = 'desk';"
)
LIES = [
    ("cash moved by 1 ", more("desk", "$.cash_e6")),
    (f"cash moved by {MILLION} ", more("desk", "$.cash_e6", MILLION)),
    ("cash moved by -1 ", more("desk", "$.start_e6")),
    ("the desk's gross exposure", more("desk", "$.gross_e6")),
    ("the desk's net exposure", more("desk", "$.net_e6", -1)),
    ("the desk's exposure to coin SOL", more("desk", "$.by_coin.SOL")),
    ("the desk's exposure to division trend", more("desk", "$.by_division.trend")),
    ("the desk's peak is", more("desk", "$.peak_e6", -MILLION)),
    ("the desk's peak is", more("desk", "$.peak_e6", MILLION)),
    ("the desk's open marks", more("desk", "$.open_e6", -MILLION)),
    ("the desk was stopped out", STOPPED),
]  # fmt: skip


@pytest.mark.parametrize(("words", "script"), LIES)
@pytest.mark.parametrize("marked", ["", MARKED], ids=["whole", "marked"])
def test_a_lie_about_the_desk_is_found_marked_as_pruned_or_not(
    sound: Sound, tmp_path: Path, words: str, script: str, marked: str
) -> None:
    found = lied(sound, tmp_path, script + marked)
    assert any(line.startswith(words) for line in found), found


def test_an_exposure_that_is_not_its_trade_s_entry_is_found(sound: Sound, tmp_path: Path) -> None:
    _, ids = sound
    trade = f"trade/{4 * ids['open']}"
    script = "".join(
        more(key, path)
        for key, path in (
            (trade, "$.exposed_e6"),
            ("desk", "$.gross_e6"),
            ("desk", "$.net_e6"),
            ("desk", "$.by_coin.SOL"),
            ("desk", "$.by_division.trend"),
        )
    )
    found = lied(sound, tmp_path, script)
    assert any("of exposure, its entry was" in line for line in found), found


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Return a history of which the oldest trades are gone, as older versions left it."""
    path = tmp_path_factory.mktemp("pruned") / "gnomon.db"
    stage = history_stage()
    ids = tell_history(stage)
    stage.finish(path)
    Store(path, mode="local", network="testnet").close()
    with closing(sqlite3.connect(path)) as db:
        gone = "(SELECT trade_id FROM trade WHERE signal_id = ?)"
        for table in ("trade_day", "fill", "order_event", "trade"):
            db.execute(f"DELETE FROM {table} WHERE trade_id IN {gone}", (ids["admitted"],))
        for table in ("signal_detail", "check_result", "signal"):
            db.execute(f"DELETE FROM {table} WHERE signal_id = ?", (ids["admitted"],))
        db.execute(
            "INSERT OR REPLACE INTO about VALUES ('pruned_before_ns', ?)", (str(stage.now_ns),)
        )
        db.commit()
    return path, ids


def test_what_was_really_deleted_is_taken_from_the_rollup(pruned: Sound) -> None:
    assert promises(pruned[0]) == []


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("cash moved by", more("desk", "$.cash_e6", MILLION)),
        ("the desk's gross", more("desk", "$.gross_e6")),
        ("state vitals: 3 admitted", more("vitals", "$.admitted", -2)),
    ],
)
def test_a_lie_is_found_where_old_trades_are_gone(
    pruned: Sound, tmp_path: Path, words: str, script: str
) -> None:
    found = lied(pruned, tmp_path, script)
    assert any(line.startswith(words) for line in found), found
