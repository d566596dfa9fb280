from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.views.soundness import unsound
from shadow.store.seal import WHOLE, put_state, sums_after
from tests.support.lies import Sound, sound_history


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return sound_history(tmp_path_factory.mktemp("soundness"))


def found_in(path: Path, tmp_path: Path, script: str) -> list[str]:
    copy = tmp_path / "gnomon.db"
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.executescript(script)
        # Sealed like the truth, so that it is for the rows to tell.
        query = "SELECT key, value FROM state WHERE key <> ?"
        pieces: dict[str, str | None] = dict(db.execute(query, (WHOLE,)).fetchall())
        put_state(db, pieces, sums_after({}, pieces))
        return unsound(db)


def test_weights_that_no_step_leads_to_are_found(sound: Sound, tmp_path: Path) -> None:
    path, _ = sound
    assert found_in(path, tmp_path, "") == []
    # Row and piece agree, but nothing was ever learnt.
    lie = (
        "UPDATE weight SET weight = 1.5 WHERE scope = 'bot' AND name = 'alpha';"
        "UPDATE state SET value = json_set(value, '$.bots.alpha', 1.5) WHERE key = 'weights';"
    )
    assert any("weights: " in line and "alpha" in line for line in found_in(path, tmp_path, lie))


def test_what_the_rules_find_comes_first_and_old_weights_are_let_be(
    sound: Sound, tmp_path: Path
) -> None:
    path, _ = sound
    cash = "UPDATE state SET value = json_set(value, '$.cash_e6', 1) WHERE key = 'desk';"
    assert found_in(path, tmp_path, cash)[0].startswith("cash moved by")
    old = "INSERT INTO weight VALUES ('2025-08-01', 'bot', 'gone', 1.1, 0.4, 'top', 0, 0);"
    gone = "UPDATE state SET value = json_set(value, '$.bots.gone', 1.1) WHERE key = 'weights';"
    assert found_in(path, tmp_path, old + gone) == []
