"""SQL that every Python reads alike."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from shadow.store.store import open_readonly
from tests.support.shadow import Stage

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")


def test_no_placeholder_is_numbered() -> None:
    """From Python 3.12 on `?1` is a name and wants a dictionary."""
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for match in re.findall(r"\?[0-9]+\b", path.read_text())
    ]
    assert not found, found


def test_the_documented_questions_count_a_phantom_once(tmp_path: Path) -> None:
    stage = Stage(filters={"limit": "enforce", "other": "enforce"})
    stage.book()
    for failing in ({"limit": "fail"}, {"limit": "fail", "other": "fail"}, {"other": "fail"}):
        stage.script(**{"limit": "pass", "other": "pass", **failing})
        stage.signal(horizon_s=30)
        stage.books(2)
    stage.books(40, 101.0)
    path = stage.finish(tmp_path / "gnomon.db")
    text = (ROOT / "docs" / "database.md").read_text()
    questions = [
        q for block in re.findall(r"```sql\n(.*?)```", text, re.S) for q in block.split(";")
    ]
    with closing(open_readonly(path)) as db:
        assert db.execute("SELECT COUNT(*), COUNT(DISTINCT trade_id) FROM blocked").fetchone()[
            :
        ] == (3, 1)
        gains = [db.execute(q).fetchall() for q in questions]
        (first,) = db.execute("SELECT MIN(signal_id) FROM signal").fetchone()
    assert [row["signal_id"] for rows in gains for row in rows] == [first]
