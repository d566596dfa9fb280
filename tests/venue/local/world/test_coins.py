from __future__ import annotations

from venue.hyperliquid.universe import load_instruments
from venue.local.world.coins import FACTOR_DAILY_VOL, LASTING_PREMIUM, profile_of

PROFILES = [profile_of(instrument) for instrument in load_instruments().values()]


def test_the_factor_is_the_first_coin() -> None:
    btc = PROFILES[0]
    assert (btc.daily_vol, btc.beta, btc.lag_cells, btc.own_daily_vol) == (
        FACTOR_DAILY_VOL,
        1,
        0,
        0,
    )


def test_the_others_are_wilder_and_follow_late() -> None:
    for profile in PROFILES[1:]:
        assert 0.04 <= profile.daily_vol <= 0.08
        assert 1 <= profile.lag_cells <= 8
        assert 0.0 < profile.own_daily_vol < profile.daily_vol


def test_thinner_coins_are_wider() -> None:
    assert PROFILES[0].spread_bps < PROFILES[5].spread_bps < PROFILES[49].spread_bps <= 4.0
    assert PROFILES[0].touch_usd > PROFILES[5].touch_usd > PROFILES[49].touch_usd


def test_some_of_the_first_eight_keep_one_side_paying() -> None:
    lasting = [p for p in PROFILES[:8] if abs(p.premium_mean) > 7e-4]
    assert len(lasting) >= 2
    assert {p.premium_mean > 0 for p in lasting} == {True, False}
    assert set(LASTING_PREMIUM) <= {p.instrument.coin for p in PROFILES[:8]}
