from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from market.errors import GnomonError
from shadow.store.rows import Rows
from shadow.store.seal import broken_seals
from shadow.store.store import Store
from tests.support.lies import promises
from tests.support.shadow import told


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def sealed(path: Path) -> Path:
    """Write four pieces, then change one, drop one and add one."""
    store = local(path)
    store.write(Rows(), {"a": "1", "b": "2", "c": "3", "vitals": '{"seq":1}'})
    store.write(Rows(), {"a": "5", "b": None, "d": "4"})
    store.close()
    return path


def rows(path: Path) -> list[tuple[str, str, int | None]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT key, value, sum FROM state").fetchall()


def changed(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
        db.commit()
    return path


def test_what_was_written_fits_its_seals(tmp_path: Path) -> None:
    path = sealed(tmp_path / "gnomon.db")
    assert broken_seals(rows(path)) == []
    store = local(path)
    assert store.state() == {"a": "5", "c": "3", "d": "4", "vitals": '{"seq":1}'}
    store.close()


LIES = [
    ("UPDATE state SET value = '6' WHERE key = 'a'", "state a is not what was written"),
    ("UPDATE state SET sum = sum + 1 WHERE key = 'c'", "state c is not what was written"),
    ("UPDATE state SET sum = NULL WHERE key = 'c'", "state c is not what was written"),
    ("DELETE FROM state WHERE key = 'd'", "not of one instant"),
    ("DELETE FROM state WHERE key = 'whole'", "not of one instant"),
    ("UPDATE state SET value = '\"0\"' WHERE key = 'whole'", "not of one instant"),
]


@pytest.mark.parametrize(("script", "words"), LIES)
def test_a_piece_that_was_touched_is_refused_at_the_start(
    tmp_path: Path, script: str, words: str
) -> None:
    path = changed(sealed(tmp_path / "gnomon.db"), script)
    with pytest.raises(GnomonError, match=words):
        local(path)
    assert any(words in line for line in promises(path))


def test_an_older_piece_with_its_own_checksum_is_not_of_the_same_instant(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    store.write(Rows(), {"a": "1", "b": "1"})
    (old,) = (row for row in rows(path) if row[0] == "a")
    store.write(Rows(), {"a": "2"})
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE state SET value = ?, sum = ? WHERE key = ?", (old[1], old[2], "a"))
        db.commit()
    with pytest.raises(GnomonError, match="one is older"):
        local(path)


def test_a_commit_that_failed_changes_no_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sealed(tmp_path / "gnomon.db")
    store = local(path)

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("shadow.store.store.put_state", fails)
        with pytest.raises(sqlite3.OperationalError):
            store.write(Rows(), {"a": "9"})
    store.write(Rows(), {"c": "9"})
    store.close()
    assert broken_seals(rows(path)) == []


def test_a_state_that_was_never_sealed_is_sealed_at_the_first_opening(tmp_path: Path) -> None:
    path = sealed(tmp_path / "gnomon.db")
    changed(path, "UPDATE state SET sum = NULL; DELETE FROM state WHERE key = 'whole'")
    assert "the checksum over all pieces of state is missing" in promises(path)
    local(path).close()
    assert broken_seals(rows(path)) == [] and len(rows(path)) == 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flips", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_no_flipped_bit_of_the_state_is_taken_up(tmp_path: Path, flips: int) -> None:
    path = tmp_path / "sound.db"
    told(path)
    with closing(sqlite3.connect(path)) as db:
        texts = [value for (value,) in db.execute("SELECT value FROM state")]
    raw = path.read_bytes()
    # Short enough to lie on one page, long enough to be found nowhere else.
    texts = [text.encode() for text in texts if len(text) > 40 and raw.count(text.encode()) == 1]
    assert len(texts) > 5
    chance = random.Random(7)
    for _ in range(flips):
        text = chance.choice(texts)
        flipped = bytearray(raw)
        flipped[raw.find(text) + chance.randrange(len(text))] ^= 1 << chance.randrange(8)
        copy = tmp_path / "copy.db"
        copy.write_bytes(flipped)
        with pytest.raises(GnomonError):
            local(copy)
