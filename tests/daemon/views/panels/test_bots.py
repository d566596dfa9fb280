from __future__ import annotations

import pytest

from daemon.instance.database import reading
from daemon.views.money import money
from daemon.views.panels.bots import bots_panel
from divisions.roster import discover
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db, put_trade


def test_every_bot_has_a_row_with_what_it_made(traded: Traded) -> None:
    with reading(traded.state) as db:
        rows = {row.bot: row for row in bots_panel(db).rows}
        made = {m.name: m for m in money(db, by="bot")}
        blocked = dict(
            db.execute(
                "SELECT bot, COUNT(*) FROM signal WHERE verdict = 'blocked' GROUP BY bot"
            ).fetchall()
        )
    assert rows.keys() >= {cls.name for cls in discover()}
    for name, row in rows.items():
        assert row.net_usd == (made[name].net_usd if name in made else 0.0)
        assert row.blocked == blocked.get(name, 0)
        if row.equity:
            assert row.equity[-1] == pytest.approx(row.net_usd)
        assert row.weight == (row.weights[-1] if row.weights else 1.0)


def test_the_best_come_first_and_who_left_the_roster_stays() -> None:
    db = empty_db()
    put_trade(db, bot="donchian", gross_e6=-1_000_000)
    put_trade(db, bot="long_gone", gross_e6=1_000_000)
    rows = bots_panel(db).rows
    assert (rows[0].bot, rows[-1].bot) == ("long_gone", "donchian")
    assert rows[0].division == "" and rows[0].phantom_r is None
