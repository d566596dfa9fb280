from __future__ import annotations

from daemon.instance.database import reading
from daemon.views.panels.why import why_panel
from tests.daemon.views.panels.conftest import Traded


def test_a_signal_s_story_is_told_in_lines(traded: Traded) -> None:
    with reading(traded.state) as db:
        sole = db.execute(
            "SELECT s.signal_id, s.bot, s.sole, t.net_e6 FROM signal s"
            " JOIN trade t USING (trade_id) WHERE s.sole <> '' AND t.net_e6 IS NOT NULL"
        ).fetchone()
        joint = db.execute("SELECT signal_id FROM signal WHERE failing LIKE '%,%'").fetchone()
        found = why_panel(db, sole[0])
        several = why_panel(db, joint[0])
        assert why_panel(db, 1) is None
    assert found is not None and several is not None
    first, *rest = found.lines
    assert first.startswith(f"{sole[1]} wanted to go ")
    assert any(line.startswith(f"{sole[2]}: ") for line in rest)
    assert f"Only {sole[2]} stopped it, so its phantom counts for that limit" in rest
    assert any(line.startswith(f"Its phantom made {sole[3] / 1e6:+,.2f} USD") for line in rest)
    assert "Several limits stopped it, so none gets the credit" in several.lines
