from __future__ import annotations

from research.calibration.power import AT_MARGIN, PLANTED, TURNS
from shadow.report.terms import Terms


def test_every_desk_is_run_long_enough_to_find_what_was_planted() -> None:
    for one in PLANTED:
        assert len(one.limits) == len(one.sheet_days)
        assert one.world.days > 1.3 * max(days for days in one.sheet_days if days)
        assert one.blocked_a_day * 5.0 == one.world.signals_a_day


def test_what_reads_equal_by_mistake_is_planted_at_the_margin() -> None:
    of = [limit for one in PLANTED for limit in one.limits if limit.name == AT_MARGIN]
    assert {limit.effect_r for limit in of} == {-Terms().margin_s_r}
    assert TURNS[0].turns and TURNS[0].effect_r < 0.0
