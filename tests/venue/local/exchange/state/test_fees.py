from __future__ import annotations

import pytest

from venue.local.exchange.state.fees import Ledger, Rates, builder_fee_e6, fee_e6, rates_of

DAY_MS = 86_400_000
MILLION = 10**12
VENUE_USD = 10**12


@pytest.mark.parametrize(
    ("millions", "taker", "maker"),
    [(5, 450, 150), (6, 400, 120), (26, 350, 80), (101, 300, 40), (501, 280, 0), (2_001, 260, 0),
     (7_001, 240, 0)],
)  # fmt: skip
def test_tiers_begin_above_their_volume(millions: int, taker: int, maker: int) -> None:
    assert rates_of(millions * MILLION, 0, VENUE_USD) == Rates(taker, maker)


@pytest.mark.parametrize(("share", "maker"), [(0.004, 0), (0.006, -10), (0.02, -20), (0.04, -30)])
def test_a_makers_share_of_the_venue_earns_a_rebate(share: float, maker: int) -> None:
    assert rates_of(0, int(share * VENUE_USD) * 10**6, VENUE_USD).maker == maker


def test_a_fee_is_cut_to_whole_micro_dollars() -> None:
    assert [fee_e6(n, 450) for n in (1_000, 1_111, 3_334, 10_000)] == [0, 0, 1, 4]
    assert fee_e6(10_000, 150) == 1 and fee_e6(30_000, 150) == 4
    assert fee_e6(1_000_000, -10) == -10
    assert builder_fee_e6(100_000_000_000, 10) == 10_000_000


def test_the_tier_changes_at_the_end_of_a_day_and_goes_after_fourteen() -> None:
    ledger = Ledger()
    ledger.assess(0, VENUE_USD)
    ledger.add(6 * MILLION, is_taker=True, now_ms=5)
    ledger.assess(DAY_MS - 1, VENUE_USD)
    assert ledger.rates == Rates()
    ledger.assess(DAY_MS, VENUE_USD)
    assert ledger.rates == Rates(400, 120)
    ledger.assess(14 * DAY_MS, VENUE_USD)
    assert ledger.rates == Rates(400, 120)
    ledger.assess(15 * DAY_MS, VENUE_USD)
    assert ledger.rates == Rates() and ledger.total_e6 == 6 * MILLION


def test_a_day_that_still_runs_earns_no_tier() -> None:
    ledger = Ledger()
    ledger.assess(0, VENUE_USD)
    ledger.add(6 * MILLION, is_taker=True, now_ms=DAY_MS + 5)
    ledger.assess(DAY_MS + 6, VENUE_USD)
    assert ledger.rates == Rates()
    ledger.assess(2 * DAY_MS, VENUE_USD)
    assert ledger.rates == Rates(400, 120)
