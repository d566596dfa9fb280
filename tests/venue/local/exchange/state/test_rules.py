from __future__ import annotations

from venue.local.exchange.state.rules import Rules


def test_a_fresh_account_may_use_the_dead_mans_switch_by_default() -> None:
    rules = Rules()
    assert rules.schedule_cancel_volume_usd == 0 and rules.batch_weight_max == 200
    assert Rules(batch_weight_max=5) != rules
