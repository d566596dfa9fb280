from __future__ import annotations

from daemon.instance.database import reading
from daemon.views.panels.settings import settings_of
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db


def test_caps_are_those_of_the_newest_run(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = settings_of(db)
    assert set(found.coins) >= {"BTC"}
    assert found.gate.drawdown.daily_loss_share_max > 0
    assert found.gate.position.coin_cap_share is not None
    assert found.gate.exposure.gross_cap_share is not None


def test_before_any_run_there_are_no_caps() -> None:
    found = settings_of(empty_db())
    assert (found.coins, found.gate.position.coin_cap_share) == ([], None)
